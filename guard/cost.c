/*
 * Cost that is plain in the source. Warnings only: the limits of the run hold it anyway, so the
 * thresholds stand far above honest use.
 */
#include "guard/screen.h"

#define BITS_MAX                      1e8  /* of a number */
#define ITEMS_MAX                     1e9  /* of a sequence */
#define STEPS_MAX                     1e10 /* of a loop that keeps nothing */
#define DEPTH_MAX                     8

#define find_cost(screen, node, what) guard_find((screen)->sink, GUARD_RULE_COST, node, what)

/* About the bits of a number. */
static double bits_of(double number)
{
	double count = 0;

	for (; number >= 2 && count < 1100; number /= 2)
		count++;
	return count;
}

static double power_of(double base, double power)
{
	double all = 1;

	if (base <= 1)
		return base;
	for (double i = 0; i < power && all < 1e300; i++)
		all *= base;
	return all;
}

static bool number_of(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, double *ret);

static bool binary_of(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, double *ret)
{
	double left = 0, right = 0;

	if (!number_of(screen, scope, ast_BinOp_left(node), depth, &left) ||
		!number_of(screen, scope, ast_BinOp_right(node), depth, &right))
		return false;
	switch (ast_BinOp_op(node)) {
	case AST_OP_Add:
		*ret = left + right;
		return true;
	case AST_OP_Sub:
		*ret = left - right;
		return true;
	case AST_OP_Mult:
		*ret = left * right;
		return true;
	case AST_OP_FloorDiv:
		*ret = right > 0 ? left / right : 0;
		return right > 0;
	case AST_OP_Pow:
		*ret = power_of(left, right);
		return true;
	case AST_OP_LShift:
		*ret = left * power_of(2, right);
		return true;
	default:
		return false;
	}
}

/* A number that the source gives, if only about. */
static bool number_of(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, double *ret)
{
	struct resolution found;
	const struct binding *binding;
	int64_t number;

	if (!depth)
		return false;
	switch (node->kind) {
	case AST_Constant:
		if (!screen_plain_int(node, &number))
			return false;
		*ret = (double)number;
		return true;
	case AST_BinOp:
		return binary_of(screen, scope, node, depth - 1, ret);
	case AST_Name:
		found = names_resolve(&screen->names, scope, ast_Name_id(node), node->start);
		if (found.count != 1 || found.symbols[0]->count != 1)
			return false;
		binding = found.symbols[0]->bindings;
		return binding->kind == BIND_VALUE &&
		       number_of(screen, binding->scope, binding->node, depth - 1, ret);
	default:
		return false;
	}
}

static bool is_sequence(struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	struct fold value;

	if (node->kind == AST_List || node->kind == AST_Tuple)
		return true;
	if (node->kind != AST_Constant && node->kind != AST_Name)
		return false;
	value = screen_fold(screen, scope, node);
	return value.kind == FOLD_STR || value.kind == FOLD_BYTES || value.kind == FOLD_LIST;
}

/* The widest field that a format asks for; digits after `before`, or after any of its letters. */
static double widest(struct str text, const char *before)
{
	double most = 0;

	for (size_t i = 0; i < text.len; i++) {
		double number = 0;

		if (!strchr(before, text.ptr[i]))
			continue;
		for (size_t k = i + 1; k < text.len && text.ptr[k] >= '0' && text.ptr[k] <= '9';
			k++)
			number = number * 10 + (text.ptr[k] - '0');
		most = number > most ? number : most;
	}
	return most;
}

static void judge_operator(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_node *left = ast_BinOp_left(node), *right = ast_BinOp_right(node);
	double a = 0, b = 0;
	bool has_a = number_of(screen, scope, left, DEPTH_MAX, &a);
	bool has_b = number_of(screen, scope, right, DEPTH_MAX, &b);

	if ((ast_BinOp_op(node) == AST_OP_Pow && has_a && has_b && a > 1 &&
		    b * bits_of(a) > BITS_MAX) ||
		(ast_BinOp_op(node) == AST_OP_LShift && has_b && b > BITS_MAX) ||
		(ast_BinOp_op(node) == AST_OP_Mult &&
			((has_b && b > ITEMS_MAX && is_sequence(screen, scope, left)) ||
				(has_a && a > ITEMS_MAX && is_sequence(screen, scope, right)))))
		find_cost(screen, node, "the result is larger than a run may hold");
}

void screen_cost(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	switch (ast_BinOp_op(node)) {
	case AST_OP_Pow:
	case AST_OP_LShift:
	case AST_OP_Mult:
		judge_operator(screen, node, scope);
		break;
	case AST_OP_Mod:
		if (ast_is_str(ast_BinOp_left(node)) &&
			widest(ast_Constant_value(ast_BinOp_left(node)), "%.-0 ") > ITEMS_MAX)
			find_cost(screen, node, "a field is wider than a run may hold");
		break;
	default:
		break;
	}
}

static bool is_call_of(const struct screen *screen, uint32_t scope, const struct ast_node *node,
	const char *const *names, size_t count)
{
	const struct ast_node *func;

	if (node->kind != AST_Call)
		return false;
	func = ast_Call_func(node);
	if (func->kind != AST_Name || !screen_is_builtin(screen, scope, func))
		return false;
	for (size_t i = 0; i < count; i++)
		if (str_is(*ast_Name_id(func), names[i]))
			return true;
	return false;
}

#define IS_CALL_OF(screen, scope, node, names)                                                     \
	is_call_of(screen, scope, node, names, sizeof(names) / sizeof((names)[0]))

/* The items that a range(), a literal or a repetition of them has; 1 where it cannot be known. */
static double items_of(struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	static const char *const ranges[] = {"range"};
	double from = 0, to = 0, step = 1;
	const struct ast_list *args;

	if (!IS_CALL_OF(screen, scope, node, ranges))
		return 1;
	args = ast_Call_args(node);
	if (!args->count || !number_of(screen, scope, args->items[0], DEPTH_MAX, &to))
		return 1;
	if (args->count > 1) {
		from = to;
		if (!number_of(screen, scope, args->items[1], DEPTH_MAX, &to))
			return 1;
	}
	if (args->count > 2 &&
		(!number_of(screen, scope, args->items[2], DEPTH_MAX, &step) || step < 1))
		return 1;
	return to > from ? (to - from) / step : 1;
}

static double steps_of(struct screen *screen, uint32_t scope, const struct ast_list *generators)
{
	double all = 1;

	for (uint32_t i = 0; i < generators->count; i++)
		all *= items_of(screen, scope, ast_comprehension_iter(generators->items[i]));
	return all;
}

void screen_cost_comprehension(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_list *generators =
		node->kind == AST_ListComp  ? ast_ListComp_generators(node)
		: node->kind == AST_SetComp ? ast_SetComp_generators(node)
					    : ast_DictComp_generators(node);

	if (steps_of(screen, scope, generators) > ITEMS_MAX)
		find_cost(screen, node, "this has more items than a run may hold");
}

/* itertools.product(..., repeat=n) and permutations(), handed to what keeps all of them. */
static double tuples_of(struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	const struct ast_node *repeat;
	struct values callee;
	double items, times = 1;

	values_clear(&callee);
	if (node->kind != AST_Call || !ast_Call_args(node)->count ||
		!screen_speaks(screen, ast_Call_func(node)))
		return 1;
	screen_evaluate(screen, scope, ast_Call_func(node), SCREEN_DEPTH, &callee);
	items = items_of(screen, scope, ast_Call_args(node)->items[0]);
	repeat = screen_keyword(node, "repeat");
	if (screen_may_be(&callee, VALUE_MEMBER, "itertools.product") && repeat &&
		number_of(screen, scope, repeat, DEPTH_MAX, &times))
		return power_of(items, times);
	if (screen_may_be(&callee, VALUE_MEMBER, "itertools.permutations") &&
		ast_Call_args(node)->count == 1 && items < 200)
		for (double i = 2; i <= items; i++)
			times *= i;
	return times;
}

static void judge_consumer(
	struct screen *screen, const struct ast_node *call, uint32_t scope, double most)
{
	const struct ast_node *first = ast_Call_args(call)->items[0];
	double steps = first->kind == AST_GeneratorExp
			       ? steps_of(screen, scope, ast_GeneratorExp_generators(first))
			       : items_of(screen, scope, first);

	if (steps > most || tuples_of(screen, scope, first) > most)
		find_cost(screen, call, "this goes over more items than a run has time for");
}

static void judge_pattern_text(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	struct fold text = screen_fold(screen, scope, ast_Call_args(call)->items[0]);

	if (text.kind == FOLD_STR && screen_repeats_nested(text.text))
		find_cost(screen, call,
			"a pattern repeats what repeats: matching may take time without end");
}

static void judge_method(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	struct str name = *ast_Attribute_attr(ast_Call_func(call));
	struct values callee;
	double number = 0;

	values_clear(&callee);
	if (str_is(name, "format") && ast_is_str(ast_Attribute_value(ast_Call_func(call)))) {
		if (widest(ast_Constant_value(ast_Attribute_value(ast_Call_func(call))), ":<>^") >
			ITEMS_MAX)
			find_cost(screen, call, "a field is wider than a run may hold");
		return;
	}
	if (!number_of(screen, scope, ast_Call_args(call)->items[0], DEPTH_MAX, &number))
		number = 0;
	if (number > ITEMS_MAX && (str_is(name, "ljust") || str_is(name, "rjust") ||
					  str_is(name, "center") || str_is(name, "zfill")))
		find_cost(screen, call, "a field is wider than a run may hold");
	if (!screen_speaks(screen, ast_Call_func(call)))
		return;
	screen_evaluate(screen, scope, ast_Call_func(call), SCREEN_DEPTH, &callee);
	if (number > 1e7 && screen_may_be(&callee, VALUE_MEMBER, "math.factorial"))
		find_cost(screen, call, "the result is larger than a run may hold");
	for (uint32_t i = 0; i < callee.count; i++)
		if (callee.items[i].kind == VALUE_MEMBER &&
			str_starts(callee.items[i].path, STR("re.")))
			judge_pattern_text(screen, call, scope);
}

void screen_cost_call(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	static const char *const keepers[] = {"list", "tuple", "set", "frozenset", "sorted"};
	static const char *const counters[] = {"sum", "max", "min"};
	static const char *const makers[] = {"bytes", "bytearray"};
	static const char *const powers[] = {"pow"};
	const struct ast_list *args = ast_Call_args(call);
	double a = 0, b = 0;

	if (!args->count)
		return;
	if (ast_Call_func(call)->kind == AST_Attribute) {
		judge_method(screen, call, scope);
	} else if (IS_CALL_OF(screen, scope, call, keepers)) {
		judge_consumer(screen, call, scope, ITEMS_MAX);
	} else if (IS_CALL_OF(screen, scope, call, counters)) {
		judge_consumer(screen, call, scope, STEPS_MAX);
	} else if (IS_CALL_OF(screen, scope, call, makers)) {
		if (args->count == 1 && number_of(screen, scope, args->items[0], DEPTH_MAX, &a) &&
			a > ITEMS_MAX)
			find_cost(screen, call, "the result is larger than a run may hold");
	} else if (IS_CALL_OF(screen, scope, call, powers)) {
		if (args->count == 2 && number_of(screen, scope, args->items[0], DEPTH_MAX, &a) &&
			number_of(screen, scope, args->items[1], DEPTH_MAX, &b) && a > 1 &&
			b * bits_of(a) > BITS_MAX)
			find_cost(screen, call, "the result is larger than a run may hold");
	}
}

/* f"{x:>1000000000000}" */
void screen_cost_field(struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *spec = ast_FormattedValue_format_spec(node);
	const struct ast_node *text;

	if (!spec || spec->kind != AST_JoinedStr || !ast_JoinedStr_values(spec)->count)
		return;
	text = ast_JoinedStr_values(spec)->items[0];
	if (!ast_is_str(text))
		return;
	if (widest(ast_Constant_value(text), "<>^=+- 0.") > ITEMS_MAX)
		find_cost(screen, node, "a field is wider than a run may hold");
}
