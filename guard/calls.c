/*
 * Calls: getattr() and its family, format fields, files, and what runs text as code.
 */
#include "guard/screen.h"

static const struct ast_node *keyword_of(const struct ast_node *call, const char *name)
{
	const struct ast_list *keywords = ast_Call_keywords(call);

	for (uint32_t i = 0; i < keywords->count; i++) {
		const struct str *arg = ast_keyword_arg(keywords->items[i]);

		if (arg && str_is(*arg, name))
			return ast_keyword_value(keywords->items[i]);
	}
	return NULL;
}

const struct ast_node *screen_argument(
	const struct ast_node *call, uint32_t index, const char *keyword)
{
	const struct ast_list *args = ast_Call_args(call);

	for (uint32_t i = 0; i <= index && i < args->count; i++)
		if (args->items[i]->kind == AST_Starred)
			return NULL;
	return index < args->count ? args->items[index] : keyword_of(call, keyword);
}

const struct ast_node *screen_dict(
	struct screen *screen, uint32_t scope, const struct ast_node *node, uint32_t *ret_scope)
{
	struct resolution found;
	const struct binding *binding;

	*ret_scope = scope;
	if (node->kind == AST_Dict)
		return node;
	if (node->kind != AST_Name)
		return NULL;
	found = names_resolve(&screen->names, scope, ast_Name_id(node), node->start);
	if (found.count != 1 || found.symbols[0]->count != 1)
		return NULL;
	binding = found.symbols[0]->bindings;
	*ret_scope = binding->scope;
	return binding->kind == BIND_VALUE && binding->node->kind == AST_Dict ? binding->node
									      : NULL;
}

static void sink_found(struct screen *screen, const struct ast_node *call, struct str what)
{
	guard_find(
		screen->sink, GUARD_RULE_SINK, call, "'%.*s' runs what it is given", STR_ARG(what));
}

/* Text that is plain words and operators: a formula, a type, not a road. */
static bool is_plain_text(struct str text)
{
	static const char *const odd[] = {"__", "@", "import", "exec", "eval", "open", "lambda",
		"getattr", "attr(", "compile", "globals", "system", "['", "[\"", "|attr"};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (memmem(text.ptr ? text.ptr : "", text.len, odd[i], strlen(odd[i])))
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
	SINK_ALWAYS,   /* however it is called */
	SINK_FUNCTION, /* fine with a function of the program */
	SINK_TEXT,     /* fine with plain constant text */
	SINK_LOADER,   /* yaml.load: fine with a safe loader */
	SINK_WEIGHTS,  /* torch.load */
	SINK_TESTMOD,
	SINK_HINTS,
	SINK_PATCH,        /* mock.patch("module.name") imports */
	SINK_PATCH_OBJECT, /* so do its other forms, where they are given text */
	SINK_MAKE,         /* make_dataclass() */

};

struct sink {
	const char *path;
	enum sink_kind kind;
};

static const struct sink sinks[] = {
	{"types.FunctionType", SINK_ALWAYS},
	{"types.LambdaType", SINK_ALWAYS},
	{"types.CodeType", SINK_ALWAYS},
	{"timeit.timeit", SINK_FUNCTION},
	{"timeit.repeat", SINK_FUNCTION},
	{"pandas.eval", SINK_TEXT},
	{"numexpr.evaluate", SINK_TEXT},
	{"sympy.sympify", SINK_TEXT},
	{"sympy.S", SINK_TEXT},
	{"sympy.parse_expr", SINK_TEXT},
	{"sympy.parsing.sympy_parser.parse_expr", SINK_TEXT},
	{"jinja2.Template", SINK_TEXT},
	{"jinja2.Environment", SINK_ALWAYS},
	{"tornado.template.Template", SINK_ALWAYS},
	{"yaml.load", SINK_LOADER},
	{"torch.load", SINK_WEIGHTS},
	{"torch.ops.load_library", SINK_ALWAYS},
	{"torch.classes.load_library", SINK_ALWAYS},
	{"doctest.testmod", SINK_TESTMOD},
	{"typing.get_type_hints", SINK_HINTS},
	{"unittest.mock.patch", SINK_PATCH},
	{"unittest.mock.patch.dict", SINK_PATCH_OBJECT},
	{"unittest.mock.patch.multiple", SINK_PATCH_OBJECT},
	{"unittest.mock.patch.object", SINK_PATCH_OBJECT},
	{"dataclasses.make_dataclass", SINK_MAKE},
	{"keras.models.load_model", SINK_ALWAYS},
	{"tensorflow.keras.models.load_model", SINK_ALWAYS},
	{"numpy.lib.format.read_array", SINK_ALWAYS},
};

static const struct sink *sink_of(struct str path)
{
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++)
		if (str_is(path, sinks[i].path))
			return &sinks[i];
	return NULL;
}

bool screen_has_sink(struct str module, struct str prefix)
{
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
		struct str path = str_of(sinks[i].path);

		if (str_starts(path, module) && path.len > module.len + prefix.len &&
			path.ptr[module.len] == '.' &&
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
	screen_dotted(screen, call, &(struct values){.count = 1, .items = {{VALUE_MODULE, module}}},
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

static bool is_harmless(
	struct screen *screen, const struct ast_node *call, uint32_t scope, const struct sink *sink)
{
	const struct ast_node *first = screen_argument(call, 0, "stmt");
	struct fold text = {.kind = FOLD_NONE};

	if (first)
		text = screen_fold(screen, scope, first);
	switch (sink->kind) {
	case SINK_FUNCTION: {
		const struct ast_node *setup = screen_argument(call, 1, "setup");

		return calls_function(screen, scope, first) &&
		       (!setup || calls_function(screen, scope, setup) ||
			       (setup->kind == AST_Constant && !ast_is_str(setup)));
	}
	case SINK_TEXT:
		return text.kind == FOLD_INT || (text.kind == FOLD_STR && is_plain_text(text.text));
	case SINK_LOADER: {
		const struct ast_node *loader = screen_argument(call, 1, "Loader");
		struct str name = STR("");

		if (loader && loader->kind == AST_Attribute)
			name = *ast_Attribute_attr(loader);
		else if (loader && loader->kind == AST_Name)
			name = *ast_Name_id(loader);
		return str_is(name, "SafeLoader") || str_is(name, "CSafeLoader") ||
		       str_is(name, "BaseLoader");
	}
	case SINK_WEIGHTS:
		return is_true(keyword_of(call, "weights_only"));
	case SINK_TESTMOD:
		screen->testmod = call;
		return ast_Call_args(call)->count == 0 && !keyword_of(call, "m") &&
		       !keyword_of(call, "globs") && !keyword_of(call, "extraglobs");
	case SINK_HINTS:
		screen->hints = call;
		return true;
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

bool screen_only_called(const struct value *value)
{
	if (value->kind == VALUE_BUILTIN)
		return known_builtin(value->path) == BUILTIN_CALLED;
	if (value->kind != VALUE_MEMBER)
		return false;
	if (str_is(value->path, "io.open") || str_is(value->path, "codecs.open") ||
		str_is(value->path, "operator.attrgetter") ||
		str_is(value->path, "operator.methodcaller"))
		return true;
	if (str_starts(value->path, STR("unittest.mock.patch")))
		return false;
	return sink_of(value->path) && !str_starts(value->path, STR("types."));
}

static void judge_builtin(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str name)
{
	struct values base = {0};

	if (str_is(name, "getattr") || str_is(name, "setattr") || str_is(name, "delattr") ||
		str_is(name, "hasattr")) {
		screen_getattr(screen, call, scope, name);
		return;
	}
	if (str_is(name, "vars") || str_is(name, "locals")) {
		const struct ast_node *object = screen_argument(call, 0, "object");

		if (!object)
			screen_note_locals(screen, call);
		if (!object && screen->names.scopes[scope].kind != SCOPE_FUNCTION) {
			guard_find(screen->sink, GUARD_RULE_BUILTIN, call,
				"%.*s() of the module is not allowed", STR_ARG(name));
			return;
		}
		if (object)
			screen_evaluate(screen, scope, object, SCREEN_DEPTH, &base);
		if (object && (screen_leads_out(&base, object, false) ||
				      screen_may_be(&base, VALUE_TYPE, NULL)))
			guard_find(screen->sink, GUARD_RULE_BUILTIN, call,
				"%.*s() of this object is not allowed", STR_ARG(name));
		else
			screen_own_dict(screen, call, object, "vars() hands out attributes");
	}
	if (str_is(name, "open") && screen->policy->level <= GUARD_LEVEL_STRICT)
		guard_find(screen->sink, GUARD_RULE_BUILTIN, call, "'open' is not allowed");
}

static void judge_member(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str path)
{
	const struct sink *sink = sink_of(path);

	if (sink && !is_harmless(screen, call, scope, sink))
		sink_found(screen, call, path);
	if (str_is(path, "logging.Formatter") || str_is(path, "logging.basicConfig") ||
		str_is(path, "logging.StrFormatStyle"))
		screen_format_texts(screen, call, scope);
	if (str_is(path, "operator.attrgetter"))
		screen_getter(screen, call, scope, true);
	else if (str_is(path, "operator.methodcaller"))
		screen_getter(screen, call, scope, false);
	else if (str_starts(path, STR("numpy.")) && keyword_of(call, "allow_pickle") &&
		 !is_false(keyword_of(call, "allow_pickle")))
		sink_found(screen, call, path);
	else if (str_is(path, "io.open") && screen->policy->level <= GUARD_LEVEL_STRICT)
		guard_find(screen->sink, GUARD_RULE_BUILTIN, call, "'io.open' is not allowed");
	else if (str_starts(path, STR("inspect.")) && keyword_of(call, "eval_str"))
		sink_found(screen, call, path);
}

void screen_call_member(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str path)
{
	const struct values callee = {.count = 1, .items = {{VALUE_MEMBER, path}}};

	judge_member(screen, call, scope, path);
	screen_paths(screen, call, scope, &callee);
}

/* df.query("...") and df.eval("...") of pandas: text with roads out of it. */
static void judge_query(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	struct str name = *ast_Attribute_attr(ast_Call_func(call));
	struct fold text;

	if ((!str_is(name, "query") && !str_is(name, "eval")) || !ast_Call_args(call)->count ||
		screen_owns(screen, name))
		return;
	text = screen_fold(screen, scope, ast_Call_args(call)->items[0]);
	if (text.kind == FOLD_STR &&
		(memmem(text.text.ptr ? text.text.ptr : "", text.text.len, "__", 2) ||
			(memchr(text.text.ptr ? text.text.ptr : "", '@', text.text.len) &&
				memchr(text.text.ptr ? text.text.ptr : "", '(', text.text.len))))
		sink_found(screen, call, name);
}

bool screen_is_method(struct str name)
{
	static const char *const others[] = {
		"format", "format_map", "vformat", "get_field", "query", "eval"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_is(name, others[i]))
			return true;
	return str_starts(name, STR("to_")) || str_is(name, "savefig");
}

void screen_call(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_node *func = ast_Call_func(node);
	struct values callee = {0};
	bool method = false;

	if (ast_Call_keywords(node)->count && (is_true(keyword_of(node, "allow_pickle")) ||
						      is_true(keyword_of(node, "eval_str"))))
		sink_found(screen, node, STR("a loader"));
	if (func->kind == AST_Attribute &&
		screen_word(screen, ast_Attribute_attr(func)) & WORD_METHOD) {
		method = true;
		screen_format_method(screen, node, scope);
		judge_query(screen, node, scope);
	}
	if (screen_speaks(screen, func))
		screen_evaluate(screen, scope, func, SCREEN_DEPTH, &callee);
	else if (!method)
		return;
	for (uint32_t i = 0; i < callee.count; i++) {
		struct value value = callee.items[i];

		if (value.kind == VALUE_BUILTIN)
			judge_builtin(screen, node, scope, value.path);
		else if (value.kind == VALUE_MEMBER)
			judge_member(screen, node, scope, value.path);
	}
	screen_paths(screen, node, scope, &callee);
}
