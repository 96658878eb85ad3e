/*
 * Which names may be bound to a module, a member of one or a builtin: those that an import binds,
 * and those that are bound to an expression which begins with such a name. All others are of no
 * interest to the rules that go by meaning, and most names of a program are among them.
 *
 * It goes by the names alone, whatever their scopes: that can only make more of them speak.
 */
#include "guard/screen.h"

#define CHOICES_DEPTH 8

static int note(struct names *names, const struct str *from, const struct str *to)
{
	struct name_facts *facts = names_facts(names, from);
	struct lead *lead;

	/* x = x.strip() tells nothing, and loops do such things over and over. */
	if (from == to || (facts->leads && facts->leads->to == to))
		return 0;
	lead = arena_new_object(names->arena, struct lead);
	if (!lead)
		return -1;
	*lead = (struct lead){facts->leads, to};
	facts->leads = lead;
	return 0;
}

static int note_value(
	struct names *names, const struct str *name, const struct ast_node *node, unsigned depth)
{
	const struct ast_list *values;

	for (;;) {
		switch (node->kind) {
		case AST_Name:
			return note(names, ast_Name_id(node), name);
		case AST_Attribute:
			node = ast_Attribute_value(node);
			continue;
		case AST_Call:
			node = ast_Call_func(node);
			continue;
		case AST_NamedExpr:
			node = ast_NamedExpr_value(node);
			continue;
		case AST_IfExp:
			if (!depth)
				break;
			if (note_value(names, name, ast_IfExp_body(node), depth - 1) < 0)
				return -1;
			node = ast_IfExp_orelse(node);
			continue;
		case AST_BoolOp:
			values = ast_BoolOp_values(node);
			if (!depth)
				break;
			for (uint32_t i = 0; i < values->count; i++)
				if (note_value(names, name, values->items[i], depth - 1) < 0)
					return -1;
			return 0;
		case AST_BinOp: /* paths are divided */
			if (ast_BinOp_op(node) != AST_OP_Div)
				return 0;
			break;
		case AST_Subscript:
			if (ast_Subscript_value(node)->kind != AST_Attribute ||
				!str_is(*ast_Attribute_attr(ast_Subscript_value(node)), "parents"))
				return 0;
			break;
		default:
			return 0;
		}
		names_facts(names, name)->speaks = true;
		return 0;
	}
}

int names_note_value(struct names *names, const struct str *name, const struct ast_node *value)
{
	return value ? note_value(names, name, value, CHOICES_DEPTH) : 0;
}

int screen_find_speakers(struct screen *screen)
{
	struct names *names = &screen->names;
	uint32_t count = names->tree->count, waiting = 0;
	const struct str **stack = arena_block(screen->arena, NULL, (count + 1u) * sizeof(*stack));

	if (!stack)
		return -1;
	for (uint32_t i = 0; i < names->tree->capacity; i++) {
		const struct ast_name *name = names->tree->slots[i];

		if (!name || !names->facts[name->number].leads ||
			names->facts[name->number].visited)
			continue;
		if (names->facts[name->number].speaks ||
			screen_word(screen, &name->text) & WORD_RISKY) {
			names->facts[name->number].visited = true;
			stack[waiting++] = &name->text;
		}
		while (waiting) {
			const struct lead *lead = names_facts(names, stack[--waiting])->leads;

			for (; lead; lead = lead->next) {
				struct name_facts *to = names_facts(names, lead->to);

				to->speaks = true;
				if (!to->visited && to->leads)
					stack[waiting++] = lead->to;
				to->visited |= to->leads != NULL;
			}
		}
	}
	arena_block_free(screen->arena, stack);
	return 0;
}
