/*
 * Attributes read by text: getattr() and its family, attrgetter() and methodcaller().
 *
 * A name that cannot be known is refused of what may lead out. Often a part of it is known: it
 * begins with "get_", or is in capitals, and no attribute that leads anywhere does.
 */
#include "guard/screen.h"

#define EACH_MAX 64

/* What is known of a name that is not known in full. */
struct shape {
	enum { SHAPE_NONE, SHAPE_CAPITALS, SHAPE_PREFIX, SHAPE_SUFFIX, SHAPE_PUBLIC } kind;
	struct str part;
};

static struct shape shape_of(
	struct screen *screen, uint32_t scope, const struct ast_node *node, unsigned depth);

static struct shape prefixed(struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	struct fold text = screen_fold(screen, scope, node);

	/* "x" and "_" are no promise. */
	if (text.kind != FOLD_STR || text.text.len < 2 || text.text.ptr[0] == '_' ||
		memchr(text.text.ptr, '.', text.text.len))
		return (struct shape){SHAPE_NONE, STR("")};
	return (struct shape){SHAPE_PREFIX, text.text};
}

/* What a name ends with, if it begins with what is not known. */
static struct shape suffixed(struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	struct fold text = screen_fold(screen, scope, node);

	if (text.kind != FOLD_STR || !text.text.len || text.text.ptr[text.text.len - 1] == '_' ||
		memchr(text.text.ptr, '.', text.text.len))
		return (struct shape){SHAPE_NONE, STR("")};
	return (struct shape){SHAPE_SUFFIX, text.text};
}

/* `k` where its comprehension has `if not k.startswith("_")`. */
static bool is_filtered(const struct ast_node *comprehension, const struct str *name)
{
	const struct ast_list *ifs = ast_comprehension_ifs(comprehension);

	for (uint32_t i = 0; i < ifs->count; i++) {
		const struct ast_node *test = ifs->items[i], *func;

		if (test->kind != AST_UnaryOp || ast_UnaryOp_op(test) != AST_OP_Not ||
			ast_UnaryOp_operand(test)->kind != AST_Call)
			continue;
		test = ast_UnaryOp_operand(test);
		func = ast_Call_func(test);
		if (func->kind == AST_Attribute &&
			str_is(*ast_Attribute_attr(func), "startswith") &&
			ast_Attribute_value(func)->kind == AST_Name &&
			str_eq(*ast_Name_id(ast_Attribute_value(func)), *name) &&
			ast_Call_args(test)->count == 1 &&
			ast_is_str(ast_Call_args(test)->items[0]) &&
			str_is(ast_Constant_value(ast_Call_args(test)->items[0]), "_"))
			return true;
	}
	return false;
}

static struct shape shape_of_name(
	struct screen *screen, uint32_t scope, const struct ast_node *node, unsigned depth)
{
	struct resolution found =
		names_resolve(&screen->names, scope, ast_Name_id(node), node->start);
	const struct binding *binding;

	if (found.count != 1 || found.symbols[0]->count != 1)
		return (struct shape){SHAPE_NONE, STR("")};
	binding = found.symbols[0]->bindings;
	if (binding->kind == BIND_VALUE)
		return shape_of(screen, binding->scope, binding->node, depth - 1);
	if (binding->kind == BIND_EACH && binding->statement &&
		is_filtered(binding->statement, ast_Name_id(node)))
		return (struct shape){SHAPE_PUBLIC, STR("")};
	return (struct shape){SHAPE_NONE, STR("")};
}

static struct shape shape_of(
	struct screen *screen, uint32_t scope, const struct ast_node *node, unsigned depth)
{
	const struct ast_node *func;
	struct shape shape;

	if (!depth)
		return (struct shape){SHAPE_NONE, STR("")};
	switch (node->kind) {
	case AST_Name:
		return shape_of_name(screen, scope, node, depth);
	case AST_BinOp:
		shape = prefixed(screen, scope, ast_BinOp_left(node));
		return shape.kind == SHAPE_NONE && ast_BinOp_op(node) == AST_OP_Add
			       ? suffixed(screen, scope, ast_BinOp_right(node))
			       : shape;
	case AST_JoinedStr:
		if (!ast_JoinedStr_values(node)->count)
			break;
		shape = prefixed(screen, scope, ast_JoinedStr_values(node)->items[0]);
		return shape.kind == SHAPE_NONE
			       ? suffixed(screen, scope,
					 ast_JoinedStr_values(node)
						 ->items[ast_JoinedStr_values(node)->count - 1])
			       : shape;
	case AST_Call:
		func = ast_Call_func(node);
		if (func->kind == AST_Attribute && str_is(*ast_Attribute_attr(func), "upper") &&
			!screen_owns(screen, STR("upper")))
			return (struct shape){SHAPE_CAPITALS, STR("")};
		break;
	default:
		break;
	}
	return (struct shape){SHAPE_NONE, STR("")};
}

/* Whether a name of such a shape leads nowhere, whatever it is read from. */
static bool is_harmless_shape(struct shape shape, const struct values *base)
{
	struct str prefix = shape.kind == SHAPE_PREFIX ? shape.part : STR("");

	if (shape.kind == SHAPE_NONE ||
		(shape.kind == SHAPE_PREFIX && known_inner_prefix(prefix)) ||
		(shape.kind == SHAPE_SUFFIX && known_inner_suffix(shape.part)))
		return false;
	for (uint32_t i = 0; i < base->count; i++) {
		struct str path = base->items[i].path;

		if (base->items[i].kind != VALUE_MODULE)
			continue;
		if (shape.kind == SHAPE_SUFFIX
				? known_leads_suffix(path, shape.part)
				: known_leads(path, prefix, shape.kind == SHAPE_CAPITALS))
			return false;
		if (shape.kind != SHAPE_SUFFIX && screen_has_sink(path, prefix))
			return false;
	}
	return shape.kind != SHAPE_PUBLIC || screen_may_be(base, VALUE_MODULE, NULL);
}

/* Modules of which even a name that is not known at all leads nowhere. */
static bool is_whole(const struct values *base)
{
	for (uint32_t i = 0; i < base->count; i++)
		if (base->items[i].kind != VALUE_MODULE || !known_whole(base->items[i].path))
			return false;
	return base->count != 0;
}

/* Whether an object is one from which attributes lead anywhere. */
bool screen_leads_out(const struct values *target, const struct ast_node *object, bool store)
{
	for (uint32_t i = 0; i < target->count; i++) {
		switch (target->items[i].kind) {
		case VALUE_MODULE:
			return true;
		case VALUE_MEMBER:
		case VALUE_BUILTIN:
		case VALUE_FUNCTION:
		case VALUE_LITERAL:
			if (!store)
				return true;
			break;
		case VALUE_DYNAMIC:
			/* Through a name it is the honest walk along a path of attributes. */
			if (object->kind != AST_Name && !store)
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

/* Attribute names with dots: each part is read from what the one before gave. */
void screen_dotted(struct screen *screen, const struct ast_node *node, const struct values *base,
	struct str dotted, enum access access)
{
	const struct values nothing = {0};

	while (dotted.len) {
		const char *dot = memchr(dotted.ptr, '.', dotted.len);
		size_t len = dot ? (size_t)(dot - dotted.ptr) : dotted.len;

		screen_attribute(screen, node, base, str_from(dotted.ptr, len), access);
		base = &nothing;
		if (!dot)
			break;
		dotted = str_from(dot + 1, dotted.len - len - 1);
	}
}

void screen_getattr(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str which)
{
	const struct ast_node *name = screen_argument(call, 1, "name"),
			      *object = screen_argument(call, 0, "object");
	struct fold names[EACH_MAX];
	struct values base = {0};
	bool store = str_is(which, "setattr") || str_is(which, "delattr");
	struct unknown_use unknown;
	uint32_t count;

	if (!name || !object) {
		guard_find(screen->sink, GUARD_RULE_DYNAMIC, call,
			"%.*s() whose arguments cannot be known", STR_ARG(which));
		return;
	}
	unknown = (struct unknown_use){.node = call,
		.subject = name,
		.object = store ? NULL : object,
		.scope = scope,
		.rule = GUARD_RULE_DYNAMIC,
		.otherwise = GUARD_RULE_DYNAMIC_OWN,
		.needs = NEEDS_NAME};
	screen_evaluate(screen, scope, object, SCREEN_DEPTH, &base);
	count = screen_fold_each(screen, scope, name, names, EACH_MAX);
	for (uint32_t i = 0; i < count; i++) {
		if (names[i].kind != FOLD_STR)
			continue;
		screen_dotted(
			screen, call, &base, names[i].text, store ? ACCESS_STORE : ACCESS_LOAD);
		if (str_is(names[i].text, "format") || str_is(names[i].text, "format_map"))
			screen_format_value(screen, call, object, scope);
	}
	if (count || str_is(which, "hasattr"))
		return;
	if (!store && is_harmless_shape(shape_of(screen, scope, name, 4), &base))
		unknown = (struct unknown_use){.node = call,
			.rule = GUARD_RULE_DYNAMIC_OWN,
			.otherwise = GUARD_RULE_DYNAMIC_OWN,
			.needs = NEEDS_NOTHING};
	if (unknown.needs == NEEDS_NOTHING || (!store && is_whole(&base)))
		screen_unknown(screen, unknown);
	else if (screen_leads_out(&base, object, store))
		guard_find(screen->sink, GUARD_RULE_DYNAMIC, call,
			"%.*s() of a name that cannot be known", STR_ARG(which));
	else
		screen_unknown(screen, unknown);
}

void screen_getter(struct screen *screen, const struct ast_node *call, uint32_t scope, bool all)
{
	const struct ast_list *args = ast_Call_args(call);
	const struct values nothing = {0};

	for (uint32_t i = 0; i < args->count && (all || i == 0); i++) {
		struct fold name = screen_fold(screen, scope, args->items[i]);

		if (name.kind == FOLD_STR)
			screen_dotted(screen, call, &nothing, name.text, ACCESS_LOAD);
		if (name.kind == FOLD_STR &&
			(str_is(name.text, "format") || str_is(name.text, "format_map")))
			screen_unknown_format(screen, call);
		else if (name.kind != FOLD_STR)
			screen_unknown(screen, (struct unknown_use){.node = call,
						       .subject = args->items[i],
						       .scope = scope,
						       .rule = GUARD_RULE_DYNAMIC,
						       .otherwise = GUARD_RULE_DYNAMIC_OWN,
						       .getter = true,
						       .needs = NEEDS_NAME});
	}
}
