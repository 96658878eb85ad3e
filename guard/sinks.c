/*
 * Calls that run text or data as code (guard/sinks.def), and what makes such a call harmless.
 */
#include "guard/screen.h"

#include "parser/walk.h"

#define WORD_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

void screen_sink_found(struct screen *screen, const struct ast_node *call, struct str what)
{
	guard_find(
		screen->sink, GUARD_RULE_SINK, call, "'%.*s' runs what it is given", STR_ARG(what));
}

/* Text that is plain words and operators: a formula, a type, not a road. */
bool screen_plain_code(struct str text)
{
	static const char *const odd[] = {"@", "import", "exec", "eval", "open", "lambda",
		"getattr", "attr(", "compile", "globals", "system", "['", "[\"", "|attr"};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (memmem(text.ptr ? text.ptr : "", text.len, odd[i], strlen(odd[i])))
			return false;
	/* x__1 is a name like others, __x__ is not. */
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '_' && text.ptr[i + 1] == '_' &&
			(i == 0 || !strchr(WORD_LETTERS, text.ptr[i - 1])))
			return false;
	return true;
}

static bool calls_function(struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	struct values values = {0};

	if (!node)
		return false;
	screen_evaluate(screen, scope, node, SCREEN_DEPTH, &values);
	return values.count == 1 && values.items[0].kind == VALUE_FUNCTION;
}

static bool is_true(const struct ast_node *node)
{
	return node && node->kind == AST_Constant && ast_Constant_type(node) == AST_CONST_TRUE;
}

static bool is_false(const struct ast_node *node)
{
	return node && node->kind == AST_Constant && ast_Constant_type(node) == AST_CONST_FALSE;
}

enum sink_kind {
	SINK_NEVER,        /* though a row below would take it */
	SINK_ALWAYS,       /* however it is called */
	SINK_FUNCTION,     /* fine with a function of the program */
	SINK_TEXT,         /* fine with plain constant text */
	SINK_FORMULA,      /* the same, or with what is no text */
	SINK_TEXTS,        /* fine but for constant text that is not plain, in any argument */
	SINK_EMPTY,        /* fine without arguments */
	SINK_LOADER,       /* yaml.load(): fine with a safe loader */
	SINK_TYPED_YAML,   /* ruamel's: fine but for typ="unsafe" */
	SINK_WEIGHTS,      /* torch.load() */
	SINK_PICKLE,       /* fine without allow_pickle */
	SINK_PICKLE_THIRD, /* the same, which may be the third argument */
	SINK_EVAL_STR,     /* fine without eval_str */
	SINK_TESTMOD,
	SINK_HINTS,        /* evaluates annotations: they are judged as code */
	SINK_TESTS,        /* unittest.main() imports what it is told to */
	SINK_PATCH,        /* mock.patch("module.name") imports */
	SINK_PATCH_OBJECT, /* so do its other forms, where they are given text */
	SINK_MAKE,         /* make_dataclass() */
	SINK_ARGUMENTS,    /* fine but for fromfile_prefix_chars */
};

static const struct sink {
	struct str path;
	enum sink_kind kind;
} sinks[] = {
#define SINK(path, kind) {STR_INIT(path), SINK_##kind},
#include "guard/sinks.def"
#undef SINK
};

static const struct sink *sink_of(struct str path)
{
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
		struct str row = sinks[i].path;

		if ((row.len != path.len && row.ptr[row.len - 1] != '*') || !path.len ||
			row.ptr[0] != path.ptr[0])
			continue;
		if (row.ptr[row.len - 1] == '*' ? str_starts(path, str_from(row.ptr, row.len - 1))
						: str_eq(path, row))
			return &sinks[i];
	}
	return NULL;
}

bool screen_has_sink(struct str module, struct str prefix)
{
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
		struct str path = sinks[i].path;

		if (path.ptr[path.len - 1] != '*' && str_starts(path, module) &&
			path.len > module.len + prefix.len && path.ptr[module.len] == '.' &&
			memcmp(path.ptr + module.len + 1, prefix.ptr ? prefix.ptr : "",
				prefix.len) == 0)
			return true;
	}
	return false;
}

static bool only_names(struct screen *screen, const struct ast_node *call)
{
	/* What make_dataclass() is given ends up in text that is compiled. */
	cleanup_ast_walk struct ast_walk walk;
	enum ast_walk_event event;

	if (ast_walk_init(&walk, call) < 0) {
		screen->failed = true;
		return false;
	}
	while ((event = ast_walk_next(&walk)) != AST_WALK_END)
		if (event == AST_WALK_ENTER && ast_is_str(walk.node) &&
			memchr(ast_Constant_value(walk.node).ptr ? ast_Constant_value(walk.node).ptr
								 : "",
				'(', ast_Constant_value(walk.node).len))
			return false;
	return true;
}

/* Whether what patch() imports is open; its last part is judged as a member of that. */
static bool patch_target(struct screen *screen, const struct ast_node *call, struct str target)
{
	const struct values nothing = {0};
	struct str module = target;

	if (str_starts(target, STR("__main__."))) {
		screen_dotted(screen, call, &nothing, str_from(target.ptr + 9, target.len - 9),
			ACCESS_TEXT);
		return true;
	}
	while (module.len && !known_module_exact(module)) {
		while (module.len && module.ptr[module.len - 1] != '.')
			module.len--;
		module.len -= module.len ? 1 : 0;
	}
	if (!module.len)
		return false;
	if (module.len == target.len)
		return false;
	target = str_from(target.ptr + module.len + 1, target.len - module.len - 1);
	screen_dotted(screen, call,
		&(struct values){.count = 1, .items = {{.kind = VALUE_MODULE, .path = module}}},
		target, ACCESS_TEXT);
	return true;
}

/* patch.object(target, "name") */
static bool judge_patched(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_node *target = screen_argument(call, 0, "target"),
			      *name = screen_argument(call, 1, "attribute");
	struct fold text = {.kind = FOLD_NONE};
	struct values base = {0};

	if (name)
		text = screen_fold(screen, scope, name);
	if (target)
		screen_evaluate(screen, scope, target, SCREEN_DEPTH, &base);
	if (text.kind == FOLD_STR)
		screen_dotted(screen, call, &base, text.text, ACCESS_TEXT);
	return text.kind == FOLD_STR || !screen_may_be(&base, VALUE_MODULE, NULL);
}

/* patch("module.name"): f"{__name__}.name" is the program's own. */
static bool is_harmless_patch(struct screen *screen, const struct ast_node *call, uint32_t scope,
	const struct ast_node *first)
{
	const struct ast_node *part;
	struct fold text = {.kind = FOLD_NONE};

	if (first)
		text = screen_fold(screen, scope, first);
	if (text.kind == FOLD_STR)
		return patch_target(screen, call, text.text);
	if (!first || first->kind != AST_JoinedStr || ast_JoinedStr_values(first)->count != 2)
		return false;
	part = ast_JoinedStr_values(first)->items[0];
	text = screen_fold(screen, scope, ast_JoinedStr_values(first)->items[1]);
	return part->kind == AST_FormattedValue &&
	       ast_FormattedValue_value(part)->kind == AST_Name &&
	       str_is(*ast_Name_id(ast_FormattedValue_value(part)), "__name__") &&
	       text.kind == FOLD_STR && text.text.len > 1 && text.text.ptr[0] == '.' &&
	       !memchr(text.text.ptr + 1, '.', text.text.len - 1) &&
	       !screen_bad_name(screen, str_from(text.text.ptr + 1, text.text.len - 1));
}

/* A loader by what it is, whatever its name here; a class of the program derives from one. */
static bool is_safe_loader(struct screen *screen, uint32_t scope, const struct ast_node *loader)
{
	static const char *const safe[] = {
		"SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader"};
	struct values values = {0};

	if (loader)
		screen_evaluate(screen, scope, loader, SCREEN_DEPTH, &values);
	for (uint32_t i = 0; i < values.count; i++) {
		struct str path = values.items[i].path;
		bool found = values.items[i].kind == VALUE_CLASS;

		for (size_t k = 0; k < sizeof(safe) / sizeof(safe[0]); k++) {
			struct str name = str_of(safe[k]);

			found |= path.len >= name.len + 5 && str_starts(path, STR("yaml.")) &&
				 path.ptr[path.len - name.len - 1] == '.' &&
				 memcmp(path.ptr + path.len - name.len, name.ptr, name.len) == 0;
		}
		if (!found)
			return false;
	}
	return values.count != 0;
}

/* Whether a keyword may be given as true, by its name or in a spread dict. */
static bool may_give(
	struct screen *screen, const struct ast_node *call, uint32_t scope, const char *keyword)
{
	const struct ast_list *keywords = ast_Call_keywords(call);
	const struct ast_node *value = screen_keyword(call, keyword);

	if (value)
		return !is_false(value);
	for (uint32_t i = 0; i < keywords->count; i++) {
		uint32_t inner = scope;
		const struct ast_node *dict;

		if (ast_keyword_arg(keywords->items[i]))
			continue;
		dict = screen_dict(screen, scope, ast_keyword_value(keywords->items[i]), &inner);
		/* A dict that cannot be seen has the key where the program has such a text. */
		if (!dict) {
			screen_unknown(screen, (struct unknown_use){.node = call,
						       .rule = GUARD_RULE_SINK,
						       .otherwise = GUARD_RULE_COUNT,
						       .needs = NEEDS_KEYWORD});
			continue;
		}
		for (uint32_t k = 0; k < ast_Dict_keys(dict)->count && k < 32; k++) {
			struct fold key = {.kind = FOLD_NONE};

			if (ast_Dict_keys(dict)->items[k])
				key = screen_fold(screen, inner, ast_Dict_keys(dict)->items[k]);
			if (key.kind != FOLD_STR ||
				(str_is(key.text, keyword) &&
					!is_false(ast_Dict_values(dict)->items[k])))
				return true;
		}
	}
	return false;
}

/* Lists hold lists no deeper than FOLD_DEPTH. */
static bool is_odd_text(struct fold text)
{
	if (text.kind == FOLD_STR)
		return !screen_plain_code(text.text);
	for (uint32_t i = 0; text.kind == FOLD_LIST && i < text.count; i++)
		if (is_odd_text(text.items[i]))
			return true;
	return false;
}

/* Constant text of a call that is not plain, in any argument or in lists of them. */
static bool has_odd_text(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_list *lists[] = {ast_Call_args(call), ast_Call_keywords(call)};

	for (size_t k = 0; k < 2; k++)
		for (uint32_t i = 0; i < lists[k]->count && i < 16; i++)
			if (is_odd_text(screen_fold(screen, scope,
				    k ? ast_keyword_value(lists[k]->items[i])
				      : lists[k]->items[i])))
				return true;
	return false;
}

static bool names_own_test(const struct screen *screen, struct str text)
{
	const char *dot = memchr(text.ptr, '.', text.len);
	struct str first = dot ? str_from(text.ptr, (size_t)(dot - text.ptr)) : text;
	const struct str *name = ast_name_find(screen->names.tree, first);
	const struct symbol *symbol = name ? names_symbol(&screen->names, 0, name) : NULL;

	return symbol && symbol->bindings && symbol->bindings->kind == BIND_CLASS;
}

/* unittest.main(): modules and tests by name are imported; tests of the program are its own. */
static bool names_own_tests(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_node *module = screen_argument(call, 0, "module"),
			      *test = screen_argument(call, 1, "defaultTest"),
			      *argv = screen_argument(call, 2, "argv");
	struct fold list = {.kind = FOLD_NONE};

	if (module && !(module->kind == AST_Name && str_is(*ast_Name_id(module), "__name__")) &&
		!(ast_is_str(module) && str_is(ast_Constant_value(module), "__main__")) &&
		!(module->kind == AST_Constant && ast_Constant_type(module) == AST_CONST_NONE))
		return false;
	if (test && !(ast_is_str(test) && !memchr(ast_Constant_value(test).ptr, '.',
						  ast_Constant_value(test).len)))
		return false;
	if (argv)
		list = screen_fold(screen, scope, argv);
	for (uint32_t i = 1; list.kind == FOLD_LIST && i < list.count; i++) {
		struct str text = list.items[i].text;

		if (text.len && text.ptr[0] != '-' && !names_own_test(screen, text))
			return false;
	}
	return true;
}

/* None and text without a name in it are no road; typ="unsafe" is, and what cannot be known. */
static bool is_typed_safe(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_node *type = screen_argument(call, 0, "typ");
	struct fold text;

	if (!type)
		return true;
	text = screen_fold(screen, scope, type);
	return text.kind == FOLD_STR && !str_is(text.text, "unsafe");
}

static bool times_functions(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_node *setup = screen_argument(call, 1, "setup");

	return calls_function(screen, scope, screen_argument(call, 0, "stmt")) &&
	       (!setup || calls_function(screen, scope, setup) ||
		       (setup->kind == AST_Constant && !ast_is_str(setup)));
}

static bool is_harmless(
	struct screen *screen, const struct ast_node *call, uint32_t scope, const struct sink *sink)
{
	const struct ast_node *first = screen_argument(call, 0, "stmt");
	struct fold text = {.kind = FOLD_NONE};

	if (first)
		text = screen_fold(screen, scope, first);
	switch (sink->kind) {
	case SINK_NEVER:
		return true;
	case SINK_FUNCTION:
		return times_functions(screen, call, scope);
	case SINK_TEXT:
		return text.kind == FOLD_INT ||
		       (text.kind == FOLD_STR && screen_plain_code(text.text));
	case SINK_FORMULA:
		/* What is no text of the program's may be a formula already. */
		if (text.kind == FOLD_NONE && first)
			screen_unknown(screen, (struct unknown_use){.node = call,
						       .subject = first,
						       .scope = scope,
						       .rule = GUARD_RULE_SINK,
						       .otherwise = GUARD_RULE_COUNT,
						       .needs = NEEDS_CODE});
		return text.kind != FOLD_STR || screen_plain_code(text.text);
	case SINK_TEXTS:
		return !has_odd_text(screen, call, scope);
	case SINK_EMPTY:
		return !ast_Call_args(call)->count && !ast_Call_keywords(call)->count;
	case SINK_LOADER:
		return is_safe_loader(screen, scope, screen_argument(call, 1, "Loader"));
	case SINK_TYPED_YAML:
		return is_typed_safe(screen, call, scope);
	case SINK_WEIGHTS:
		return is_true(screen_keyword(call, "weights_only"));
	case SINK_PICKLE_THIRD: {
		const struct ast_node *third = screen_argument(call, 2, "allow_pickle");

		return (!third || is_false(third)) &&
		       !may_give(screen, call, scope, "allow_pickle");
	}
	case SINK_PICKLE:
		return !may_give(screen, call, scope, "allow_pickle");
	case SINK_EVAL_STR:
		if (may_give(screen, call, scope, "eval_str"))
			screen->hints = call;
		return true;
	case SINK_TESTMOD:
		screen->testmod = call;
		return ast_Call_args(call)->count == 0 && !screen_keyword(call, "m") &&
		       !screen_keyword(call, "globs") && !screen_keyword(call, "extraglobs") &&
		       !screen_keyword(call, NULL);
	case SINK_HINTS:
		screen->hints = call;
		return true;
	case SINK_TESTS:
		return names_own_tests(screen, call, scope);
	case SINK_PATCH:
		return is_harmless_patch(screen, call, scope, first);
	case SINK_PATCH_OBJECT:
		if (text.kind == FOLD_STR)
			return patch_target(screen, call, text.text);
		return judge_patched(screen, call, scope);
	case SINK_MAKE:
		return only_names(screen, call);
	default:
		return false;
	}
}

bool screen_is_judged(struct str path)
{
	return sink_of(path) || str_starts(path, STR("operator.")) ||
	       str_starts(path, STR("logging."));
}

bool screen_is_sink(const struct value *value)
{
	const struct sink *sink = sink_of(value->path);

	return sink && sink->kind != SINK_NEVER && sink->kind != SINK_TEXTS &&
	       sink->kind != SINK_FORMULA && sink->kind != SINK_PICKLE &&
	       sink->kind != SINK_HINTS && sink->kind != SINK_PATCH &&
	       sink->kind != SINK_PATCH_OBJECT && sink->kind != SINK_EVAL_STR &&
	       sink->kind != SINK_TESTS && sink->kind != SINK_ARGUMENTS &&
	       !str_starts(value->path, STR("types."));
}

/* As a value, or a decorator: it will be called on what is not seen here. */
void screen_sink_value(struct screen *screen, const struct ast_node *node, struct str path)
{
	const struct sink *sink;

	if (!str_starts(path, STR("typing")) && !str_starts(path, STR("functools.")) &&
		!str_starts(path, STR("attr")))
		return;
	sink = sink_of(path);
	if (sink && sink->kind == SINK_HINTS)
		screen->hints = node;
}

void screen_sink(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str path)
{
	const struct sink *sink = sink_of(path);

	if (!sink)
		return;
	if (sink->kind == SINK_ARGUMENTS) {
		if (ast_Call_args(call)->count > 7 ||
			(!screen_keyword(call, "fromfile_prefix_chars") &&
				may_give(screen, call, scope, "fromfile_prefix_chars")))
			guard_find(screen->sink, GUARD_RULE_PATH, call,
				"arguments that name files to be read are not allowed");
	} else if (!is_harmless(screen, call, scope, sink)) {
		screen_sink_found(screen, call, path);
	}
}

/* Keywords that make a loader of anything, whatever is called. */
void screen_loader(struct screen *screen, const struct ast_node *call)
{
	static const char *const keywords[] = {"allow_pickle", "eval_str", "trust_remote_code"};

	if (!ast_Call_keywords(call)->count)
		return;
	/* Of add_parser(), a method of what is not followed, and of dict(), spread later. */
	if (screen_keyword(call, "fromfile_prefix_chars"))
		guard_find(screen->sink, GUARD_RULE_PATH, call,
			"arguments that name files to be read are not allowed");
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (is_true(screen_keyword(call, keywords[i])))
			screen_sink_found(screen, call, STR("a loader"));
}
