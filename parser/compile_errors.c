/*
 * The three goes over a tree in CPython's order, and the first of them: statements that import from
 * __future__ (Python/future.c).
 */
#include "parser/compile_errors.h"

#include "parser/compile_internal.h"

static const char *const features[] = {"nested_scopes", "generators", "division", "absolute_import",
	"with_statement", "print_function", "unicode_literals", "barry_as_FLUFL", "generator_stop",
	"annotations"};

static bool is_feature(struct str name)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (str_is(name, features[i]))
			return true;
	return false;
}

/* Before 3.13 `from .__future__ import x` counts as one. */
static bool is_future(const struct compile_check *check, const struct ast_node *node)
{
	return node->kind == AST_ImportFrom && ast_ImportFrom_module(node) &&
	       str_is(*ast_ImportFrom_module(node), "__future__") &&
	       (check->minor < 13 || ast_ImportFrom_level(node) == 0);
}

static void read_features(struct compile_check *check, const struct ast_node *node)
{
	const struct ast_list *names = ast_ImportFrom_names(node);
	uint32_t i;

	for (i = 0; i < names->count; i++) {
		struct str name = *ast_alias_name(names->items[i]);
		uint32_t start = check->minor < 13 ? node->start : names->items[i]->start;

		if (str_is(name, "braces"))
			compile_fail(check, start, "not a chance");
		else if (!is_feature(name))
			compile_fail(check, start, "future feature %.*s is not defined",
				name.len > 100 ? 100 : (int)name.len, name.ptr);
		if (str_is(name, "annotations"))
			check->future_annotations = true;
	}
	check->future_line = source_position(check->source, node->start).line;
	check->future_byte = node->end;
}

static uint32_t line_of(const struct compile_check *check, const struct ast_node *node)
{
	return source_position(check->source, node->start).line;
}

void compile_future(struct compile_check *check, const struct ast_node *module)
{
	const struct ast_list *body = ast_Module_body(module);
	uint32_t i = 0, last = 0;
	bool done = false;

	if (body->count && body->items[0]->kind == AST_Expr &&
		ast_is_str(ast_Expr_value(body->items[0])))
		i = 1;
	for (; i < body->count && !check->stopped; i++) {
		const struct ast_node *node = body->items[i];

		if (done && line_of(check, node) > last)
			return;
		last = line_of(check, node);
		if (!is_future(check, node))
			done = true;
		else if (done)
			compile_fail(check, node->start, "%s", COMPILE_FUTURE_LATE);
		else
			read_features(check, node);
	}
}

bool compile_future_late(const struct compile_check *check, const struct ast_node *import)
{
	if (!is_future(check, import))
		return false;
	return line_of(check, import) > check->future_line ||
	       (check->minor >= 14 && import->start > check->future_byte);
}

int compile_errors_find(const struct source *source, const struct parse_result *tree,
	struct compile_error_list *ret)
{
	struct compile_check check = {
		.source = source, .arena = source->arena, .minor = source->minor, .next_id = 1};
	struct compile_error *error;
	struct scope *scope;

	*ret = (struct compile_error_list){.count = 0};
	check.seed = (uint64_t)(uintptr_t)&check ^ ((uint64_t)(uintptr_t)source->arena << 20);
	compile_future(&check, tree->module);
	scope = tree->doubtful ? compile_scopes(&check, tree->module) : NULL;
	if (scope)
		compile_resolve(&check, scope);
	if (scope)
		compile_flow(&check, tree->module, scope);
	if (check.no_memory)
		return -1;
	if (!check.stopped)
		return 0;
	error = arena_new_object(source->arena, struct compile_error);
	if (!error)
		return -1;
	*error = check.error;
	*ret = (struct compile_error_list){error, 1};
	return 0;
}
