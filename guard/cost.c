/*
 * Cost that is plain in the source. Warnings only: the limits of the run hold it anyway, so the
 * thresholds stand far above honest use.
 */
#include "guard/screen.h"

#define BITS_MAX  1e8 /* of a number */
#define ITEMS_MAX 1e9 /* of a sequence */

static bool number_of(
	struct screen *screen, uint32_t scope, const struct ast_node *node, double *ret)
{
	struct fold value;

	if (node->kind == AST_BinOp &&
		(ast_BinOp_op(node) == AST_OP_Pow || ast_BinOp_op(node) == AST_OP_LShift)) {
		double base, power;

		if (ast_BinOp_left(node)->kind != AST_Constant ||
			ast_BinOp_right(node)->kind != AST_Constant ||
			!number_of(screen, scope, ast_BinOp_left(node), &base) ||
			!number_of(screen, scope, ast_BinOp_right(node), &power))
			return false;
		*ret = 1;
		if (ast_BinOp_op(node) == AST_OP_LShift) {
			*ret = base;
			base = 2;
		}
		for (double i = 0; i < power && *ret < 1e300; i++)
			*ret *= base > 1 ? base : 1e300;
		return true;
	}
	value = screen_fold(screen, scope, node);
	*ret = (double)value.number;
	return value.kind == FOLD_INT;
}

/* About the bits of a number. */
static double bits(double number)
{
	double count = 0;

	for (; number >= 2 && count < 1100; number /= 2)
		count++;
	return count;
}

static bool is_sequence(const struct ast_node *node)
{
	return node->kind == AST_List || node->kind == AST_Tuple ||
	       (node->kind == AST_Constant &&
		       (ast_is_str(node) || ast_Constant_type(node) == AST_CONST_BYTES));
}

void screen_cost(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	double left = 0, right = 0, size = 0;
	bool has_left, has_right;

	switch (ast_BinOp_op(node)) {
	case AST_OP_Pow:
	case AST_OP_LShift:
	case AST_OP_Mult:
		break;
	default:
		return;
	}
	has_left = number_of(screen, scope, ast_BinOp_left(node), &left);
	has_right = number_of(screen, scope, ast_BinOp_right(node), &right);
	if (ast_BinOp_op(node) == AST_OP_Pow && has_left && has_right && left > 1)
		size = right * bits(left) / BITS_MAX;
	else if (ast_BinOp_op(node) == AST_OP_LShift && has_right)
		size = right / BITS_MAX;
	else if (ast_BinOp_op(node) == AST_OP_Mult &&
		 ((is_sequence(ast_BinOp_left(node)) && has_right) ||
			 (is_sequence(ast_BinOp_right(node)) && has_left)))
		size = (has_right ? right : left) / ITEMS_MAX;
	if (size > 1)
		guard_find(screen->sink, GUARD_RULE_COST, node,
			"the result is larger than a run may hold");
}
