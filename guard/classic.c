/*
 * The policy `classic`: three lists of names, compared with the tree as ast.walk() would meet it.
 * It goes by spelling and must stay that way; what a name means is the business of other policies.
 */
#include <stdlib.h>

#include "guard/policy.h"
#include "parser/walk.h"

static const struct str denied_modules[] = {
#define MODULE(name) STR_INIT(name),
#include "guard/classic.def"
};
static const struct str denied_calls[] = {
#define CALL(name) STR_INIT(name),
#include "guard/classic.def"
};
static const struct str denied_attributes[] = {
#define ATTRIBUTE(name) STR_INIT(name),
#include "guard/classic.def"
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool listed(struct str word, const struct str *list, size_t length)
{
	return bsearch(&word, list, length, sizeof(list[0]), compare) != NULL;
}

static struct str first_part(struct str dotted)
{
	const char *dot = memchr(dotted.ptr, '.', dotted.len);

	return dot ? str_from(dotted.ptr, (size_t)(dot - dotted.ptr)) : dotted;
}

static void judge_module(
	struct guard_sink *sink, const struct ast_node *node, const struct str *name)
{
	struct str first = first_part(*name);

	if (listed(first, denied_modules, LENGTH(denied_modules)))
		guard_find(sink, GUARD_RULE_IMPORT, node, "import of '%.*s' is not allowed",
			STR_ARG(*name));
}

/* `from .os import x` too: the reference looks at the module's name, not at the dots before it. */
static void judge_import_from(struct guard_sink *sink, const struct ast_node *node)
{
	const struct str *module = ast_ImportFrom_module(node);

	if (module && module->len)
		judge_module(sink, node, module);
}

static void judge_call(struct guard_sink *sink, const struct ast_node *node)
{
	const struct ast_node *callee = ast_Call_func(node);
	const struct str *name;

	if (callee->kind == AST_Name)
		name = ast_Name_id(callee);
	else if (callee->kind == AST_Attribute)
		name = ast_Attribute_attr(callee);
	else
		return;
	if (listed(*name, denied_calls, LENGTH(denied_calls)))
		guard_find(sink, GUARD_RULE_CALL, node, "call of '%.*s' is not allowed",
			STR_ARG(*name));
}

static void judge_attribute(struct guard_sink *sink, const struct ast_node *node)
{
	const struct str *name = ast_Attribute_attr(node);

	if (listed(*name, denied_attributes, LENGTH(denied_attributes)))
		guard_find(sink, GUARD_RULE_ATTRIBUTE, node, "attribute '%.*s' is not allowed",
			STR_ARG(*name));
}

static void judge_node(struct guard_sink *sink, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_alias:
		/* Import and ImportFrom both have aliases; only the former's are modules. */
		break;
	case AST_Import:
		for (uint32_t i = 0; i < ast_Import_names(node)->count; i++) {
			const struct ast_node *alias = ast_Import_names(node)->items[i];

			judge_module(sink, node, ast_alias_name(alias));
		}
		break;
	case AST_ImportFrom:
		judge_import_from(sink, node);
		break;
	case AST_Call:
		judge_call(sink, node);
		break;
	case AST_Attribute:
		judge_attribute(sink, node);
		break;
	default:
		break;
	}
}

static int judge(struct guard_sink *sink, const struct ast_node *module)
{
	cleanup_ast_walk struct ast_walk walk;
	enum ast_walk_event event;

	if (ast_walk_init(&walk, module) < 0)
		return -1;
	while ((event = ast_walk_next(&walk)) != AST_WALK_END)
		if (event == AST_WALK_ENTER)
			judge_node(sink, walk.node);
	return 0;
}

const struct guard_policy guard_policy_classic = {.name = "classic", .judge = judge};
