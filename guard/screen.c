/*
 * The policies that go by meaning: one walk to learn the names of a program, one to judge it.
 *
 * Whatever depends on the whole program is kept and settled at the end (settle.c).
 */
#include "guard/screen.h"

#include <strings.h>

#include "parser/compile_errors.h"

#define BUDGET       4000            /* steps of evaluation for one node */
#define BUDGET_TOTAL ((uint64_t)5e6) /* and for a program */

void *screen_more(
	struct screen *screen, void *items, uint32_t count, uint32_t *capacity, size_t size)
{
	uint32_t more = *capacity ? *capacity * 2 : 16;
	void *grown;

	if (count < *capacity)
		return items;
	grown = arena_array(screen->arena, more, size);
	if (!grown) {
		screen->failed = true;
		return NULL;
	}
	if (count)
		memcpy(grown, items, count * size);
	*capacity = more;
	return grown;
}

void screen_unknown(struct screen *screen, struct unknown_use use)
{
	struct unknown_use *uses = screen_more(
		screen, screen->uses, screen->use_count, &screen->use_capacity, sizeof(*uses));

	if (!uses)
		return;
	screen->uses = uses;
	uses[screen->use_count++] = use;
}

bool screen_finds(struct str text, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= text.len; i++)
		if (strncasecmp(text.ptr + i, word, len) == 0)
			return true;
	return false;
}

/* A name that `from m import *` may have bound. */
static void judge_starred(struct screen *screen, const struct ast_node *node, uint32_t from)
{
	for (uint32_t i = 0; i < screen->names.star_count && screen->budget; i++) {
		const struct ast_node *star = screen->names.stars[i];
		const struct str *module = ast_ImportFrom_module(star);

		screen->budget--;
		if (star->start >= from && module && known_module(*module))
			screen_module_member(screen, node, *module, *ast_Name_id(node));
	}
}

static void judge_name(struct screen *screen, const struct ast_node *node)
{
	const struct str *name = ast_Name_id(node);
	uint32_t scope;
	struct resolution found;
	struct values values;

	values_clear(&values);
	if (ast_Name_ctx(node) != AST_LOAD) {
		screen_definition(screen, node, name);
		return;
	}
	if (!(screen_word(screen, name) & (WORD_SPEAKS | WORD_RISKY)) && !screen->names.star_count)
		return;
	if (str_is(*name, "__annotations__") && !screen_only_reads(screen))
		screen->changed_annotations = node;
	scope = screen_scope_of(screen, node);
	found = names_resolve(&screen->names, scope, name, node->start);
	if (found.builtin) {
		enum builtin_level level = known_builtin(*name);

		if (level != BUILTIN_NONE)
			screen_judge_builtin(screen, node, scope, *name);
		else if (is_dunder(*name) && !found.count && !known_dunder(*name))
			guard_find(screen->sink, GUARD_RULE_BUILTIN, node, "'%.*s' is not allowed",
				STR_ARG(*name));
	}
	if (!found.count && !screen->names.star_count)
		return;
	if (!(screen_word(screen, name) & WORD_SPEAKS) && !screen->names.star_count)
		return;
	screen_evaluate(screen, scope, node, SCREEN_DEPTH, &values);
	screen_judge_value(screen, node, scope, &values);
	if (screen->names.star_count && known_builtin(*name) == BUILTIN_NONE)
		judge_starred(screen, node, screen_star_from(&found));
}

static void judge_attribute(struct screen *screen, const struct ast_node *node)
{
	uint32_t scope;
	struct values base, values;
	bool store = ast_Attribute_ctx(node) != AST_LOAD;
	struct str name = *ast_Attribute_attr(node);

	values_clear(&base);
	values_clear(&values);
	if (!(screen_word(screen, ast_Attribute_attr(node)) & WORD_READ) &&
		!screen_speaks(screen, ast_Attribute_value(node)))
		return;
	scope = screen_scope_of(screen, node);
	screen_evaluate(screen, scope, ast_Attribute_value(node), SCREEN_DEPTH, &base);
	screen_attribute(screen, node, &base, name, store ? ACCESS_STORE : ACCESS_LOAD);
	if (screen_may_be(&base, VALUE_MODULE, NULL)) {
		screen_evaluate(screen, scope, node, SCREEN_DEPTH, &values);
		if (!store)
			screen_judge_value(screen, node, scope, &values);
	}
	/* "...".format handed on: what it will be given is not known. */
	if ((str_is(name, "format") || str_is(name, "format_map")) &&
		!screen_is_called(screen, node)) {
		screen_format_value(screen, node, ast_Attribute_value(node), scope);
	}
}

/* getattr(x, "name") and hasattr(x, "name"): judged as the attribute. */
static bool is_asked_for(const struct screen *screen)
{
	const struct ast_node *call = screen_parent(screen, 1);

	return call->kind == AST_Call && ast_Call_func(call)->kind == AST_Name &&
	       str_listed(*ast_Name_id(ast_Call_func(call)), " getattr hasattr ") &&
	       ast_Call_args(call)->count > 1 &&
	       ast_Call_args(call)->items[1] == screen_here(screen);
}

/* Text that may become a format somewhere in the program. */
static void note_text(struct screen *screen, struct str text)
{
	if (!screen->paths_found && text.len && text.len < 512)
		screen->paths_found = screen_bad_path(text);
	if (text.len < 128 && screen_system_file(text))
		screen->file_found = true;
	screen->format_begun |= text.len && text.len <= 512 && screen_open_format(text);
	if (text.len < 3)
		return;
	screen->names_found |= text.len < 64 && screen_bad_name(screen, text);
	if (str_is(text, "__match_args__"))
		screen->match_text = screen_here(screen);
	if (str_is(text, "__annotations__") && !is_asked_for(screen))
		screen->changed_annotations = screen_here(screen);
	if (str_is(text, "allow_pickle") || str_is(text, "eval_str"))
		screen->keyword_found = true;
	/* Examples that are put together, and so are no docstring that can be read. */
	if (screen_here(screen)->kind != AST_Constant && screen_finds(text, ">>>"))
		screen->odd_doc = screen_here(screen);
	if (screen_parent(screen, 1)->kind != AST_Expr && text.len > 2 && text.len <= 512 &&
		screen_bad_format(screen, text))
		screen->formats_found = true;
}

static void judge_declared(struct screen *screen, const struct ast_node *node)
{
	const struct ast_names *names =
		node->kind == AST_Global ? ast_Global_names(node) : ast_Nonlocal_names(node);

	for (uint32_t i = 0; i < names->count; i++)
		screen_definition(screen, node, names->items[i]);
}

static void note_folded(struct screen *screen, const struct ast_node *node, bool worth)
{
	struct fold text;

	if (!worth)
		return;
	text = screen_fold(screen, screen_scope_of(screen, node), node);
	if (text.kind == FOLD_STR)
		note_text(screen, text.text);
}

/* List["..."] outside of annotations: what an alias of a type holds. */
static void judge_generic(struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *slice = ast_Subscript_slice(node);
	struct values base;

	values_clear(&base);
	if ((!ast_is_str(slice) && slice->kind != AST_Tuple) ||
		!screen_speaks(screen, ast_Subscript_value(node)))
		return;
	screen_evaluate(screen, screen_scope_of(screen, node), ast_Subscript_value(node),
		SCREEN_DEPTH, &base);
	for (uint32_t i = 0; i < base.count; i++)
		if (base.items[i].kind == VALUE_MEMBER &&
			str_starts(base.items[i].path, STR("typing.")))
			screen_note_annotation(screen, slice);
}

static void define(struct screen *screen, const struct ast_node *node, const struct str *name)
{
	if (name)
		screen_definition(screen, node, name);
}

static bool may_cost(struct screen *screen, const struct ast_node *func)
{
	const struct str *name = func->kind == AST_Name        ? ast_Name_id(func)
				 : func->kind == AST_Attribute ? ast_Attribute_attr(func)
							       : NULL;

	return name && screen_word(screen, name) & WORD_COSTS;
}

/* A path of pathlib may be whatever it is worked out of. */
static void judge_path_of(struct screen *screen, const struct ast_node *node)
{
	if (screen->names.has_pathlib)
		screen_path_value(screen, node, screen_scope_of(screen, node));
}

static void judge_call(struct screen *screen, const struct ast_node *node)
{
	const struct ast_node *func = ast_Call_func(node);
	uint32_t scope = screen_scope_of(screen, node);

	judge_path_of(screen, node);
	screen_call(screen, node, scope);
	if (may_cost(screen, func))
		screen_cost_call(screen, node, scope);
	note_folded(screen, node,
		func->kind == AST_Attribute &&
			screen_word(screen, ast_Attribute_attr(func)) & WORD_TEXT);
}

static void judge_subscript(struct screen *screen, const struct ast_node *node)
{
	judge_generic(screen, node);
	judge_path_of(screen, node);
	note_folded(screen, node,
		ast_Subscript_value(node)->kind == AST_Constant ||
			ast_Subscript_slice(node)->kind == AST_Slice);
}

/* a + b, a % b, f"{a}{b}": the outermost is what the text becomes. */
static void judge_composed(struct screen *screen, const struct ast_node *node)
{
	note_folded(screen, node, screen_parent(screen, 1)->kind != AST_BinOp);
	if (node->kind != AST_BinOp)
		return;
	judge_path_of(screen, node);
	screen_cost(screen, node, screen_scope_of(screen, node));
}

/* What binds a name but is no Name itself. */
static void judge_definition(struct screen *screen, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_FunctionDef:
		define(screen, node, ast_FunctionDef_name(node));
		screen_note_annotation(screen, ast_FunctionDef_returns(node));
		break;
	case AST_AsyncFunctionDef:
		define(screen, node, ast_AsyncFunctionDef_name(node));
		screen_note_annotation(screen, ast_AsyncFunctionDef_returns(node));
		break;
	case AST_ClassDef:
		define(screen, node, ast_ClassDef_name(node));
		screen_class(screen, node);
		break;
	case AST_arg:
		define(screen, node, ast_arg_arg(node));
		screen_note_annotation(screen, ast_arg_annotation(node));
		break;
	case AST_keyword: /* dict(__annotations__=...) */
		if (ast_keyword_arg(node) && str_is(*ast_keyword_arg(node), "__annotations__"))
			screen->changed_annotations = node;
		break;
	case AST_alias:
		define(screen, screen_parent(screen, 1), ast_alias_asname(node));
		break;
	case AST_Global:
	case AST_Nonlocal:
		judge_declared(screen, node);
		break;
	case AST_MatchAs:
		define(screen, node, ast_MatchAs_name(node));
		break;
	case AST_MatchStar:
		define(screen, node, ast_MatchStar_name(node));
		break;
	case AST_MatchMapping:
		define(screen, node, ast_MatchMapping_rest(node));
		break;
	case AST_TypeVar:
		define(screen, node, ast_TypeVar_name(node));
		break;
	case AST_ParamSpec:
		define(screen, node, ast_ParamSpec_name(node));
		break;
	case AST_TypeVarTuple:
		define(screen, node, ast_TypeVarTuple_name(node));
		break;
	case AST_ExceptHandler:
		define(screen, node, ast_ExceptHandler_name(node));
		break;
	default:
		break;
	}
}

static void judge_node(struct screen *screen, const struct ast_node *node)
{
	switch (node->kind) {
	case AST_Name:
		judge_name(screen, node);
		if (ast_Name_ctx(node) == AST_LOAD)
			judge_path_of(screen, node);
		break;
	case AST_Attribute:
		judge_attribute(screen, node);
		judge_path_of(screen, node);
		break;
	case AST_Call:
		judge_call(screen, node);
		break;
	case AST_Constant:
		screen_literal(screen, node);
		if (ast_is_str(node))
			note_text(screen, ast_Constant_value(node));
		break;
	case AST_Subscript:
		judge_subscript(screen, node);
		break;
	case AST_BinOp:
	case AST_JoinedStr:
		judge_composed(screen, node);
		break;
	case AST_Import:
		screen_import(screen, node);
		screen_class_import(screen, node, ast_Import_names(node), NULL);
		break;
	case AST_ImportFrom:
		screen_import_from(screen, node);
		screen_class_import(
			screen, node, ast_ImportFrom_names(node), ast_ImportFrom_module(node));
		break;
	case AST_AnnAssign:
		screen_note_annotation(screen, ast_AnnAssign_annotation(node));
		break;
	case AST_MatchClass:
		screen_pattern(screen, node);
		break;
	case AST_ListComp:
	case AST_SetComp:
	case AST_DictComp:
		screen_cost_comprehension(screen, node, screen_scope_of(screen, node));
		break;
	case AST_FormattedValue:
		screen_cost_field(screen, node);
		break;
	default:
		judge_definition(screen, node);
		break;
	}
}

static void judge_tree(struct screen *screen)
{
	uint64_t steps = 0;
	bool tired = false;

	for (screen->at = 0; screen->at < screen->names.visit_count; screen->at++) {
		screen->budget = steps < BUDGET_TOTAL ? BUDGET : 1;
		judge_node(screen, screen_here(screen));
		if ((!screen->budget || screen->lost) && !tired) {
			tired = true;
			guard_find(screen->sink, GUARD_RULE_DYNAMIC, screen_here(screen),
				"names are bound too often to be followed");
		}
		steps += BUDGET - screen->budget;
	}
	screen->at = 0;
}

static int judge_compile(struct guard_sink *sink)
{
	struct compile_error_list list;

	if (compile_errors_find(sink->source, sink->tree, &list) < 0)
		return -1;
	for (uint32_t i = 0; i < list.count; i++) {
		uint32_t line = list.items[i].line ? list.items[i].line - 1 : 0;
		uint32_t start = 0;

		if (line < sink->source->line_count)
			start = sink->source->line_starts[line] + list.items[i].column;
		if (start > sink->source->text.len)
			start = (uint32_t)sink->source->text.len;
		guard_find_at(sink, GUARD_RULE_COMPILE, start, start, "%s", list.items[i].message);
	}
	return 0;
}

int screen_judge(struct guard_sink *sink, const struct ast_node *module)
{
	struct screen *screen = arena_new_object(sink->arena, struct screen);

	if (!screen)
		return -1;
	screen->sink = sink;
	screen->policy = sink->policy;
	screen->arena = sink->arena;
	if (judge_compile(sink) < 0 || names_collect(&screen->names, sink->arena, sink->tree) < 0 ||
		screen_find_speakers(screen) < 0 || screen_members_init(screen) < 0 ||
		screen_text(sink, module) < 0)
		return -1;
	judge_tree(screen);
	if (screen_settle(screen) < 0)
		return -1;
	names_done(&screen->names);
	if (screen_settle_nested(screen, module) < 0)
		return -1;
	return screen->failed ? -1 : 0;
}
