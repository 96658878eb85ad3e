/*
 * Calls: what is called, and with what; files, text and sinks have rooms of their own.
 */
#include "guard/screen.h"

const struct ast_node *screen_keyword(const struct ast_node *call, const char *name)
{
	const struct ast_list *keywords = ast_Call_keywords(call);

	for (uint32_t i = 0; i < keywords->count; i++) {
		const struct str *arg = ast_keyword_arg(keywords->items[i]);

		if (name ? arg && str_is(*arg, name) : !arg)
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
	return index < args->count ? args->items[index] : screen_keyword(call, keyword);
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

bool screen_only_called(const struct value *value)
{
	if (value->kind == VALUE_BUILTIN)
		return known_builtin(value->path) == BUILTIN_CALLED;
	if (value->kind != VALUE_MEMBER)
		return false;
	return str_is(value->path, "io.open") || str_is(value->path, "codecs.open") ||
	       str_is(value->path, "operator.attrgetter") ||
	       str_is(value->path, "operator.methodcaller") || screen_is_sink(value);
}

static void judge_builtin(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str name)
{
	struct values base;

	values_clear(&base);
	if (str_is(name, "getattr") || str_is(name, "setattr") || str_is(name, "delattr") ||
		str_is(name, "hasattr")) {
		screen_getattr(screen, call, scope, name);
		return;
	}
	screen->names_listed |= str_is(name, "dir") && ast_Call_args(call)->count;
	if (str_is(name, "vars") || str_is(name, "locals")) {
		const struct ast_node *object = screen_argument(call, 0, "object");

		if (screen_asks_bound(call, screen_parent(screen, 1)))
			return;
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
			screen_own_dict(screen, call, object, true);
	}
	if (str_is(name, "open") && screen->policy->level <= GUARD_LEVEL_STRICT)
		guard_find(screen->sink, GUARD_RULE_BUILTIN, call, "'open' is not allowed");
}

static void judge_member(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str path)
{
	screen_sink(screen, call, scope, path);
	screen_lender(screen, call, path, false);
	screen_note_forward(screen, call, path);
	if (str_is(path, "logging.Formatter") || str_is(path, "logging.basicConfig") ||
		str_is(path, "logging.StrFormatStyle"))
		screen_format_texts(screen, call, scope);
	if (str_is(path, "operator.attrgetter"))
		screen_getter(screen, call, scope, true);
	else if (str_is(path, "operator.methodcaller"))
		screen_getter(screen, call, scope, false);
	else if (str_is(path, "io.open") && screen->policy->level <= GUARD_LEVEL_STRICT)
		guard_find(screen->sink, GUARD_RULE_BUILTIN, call, "'io.open' is not allowed");
}

void screen_call_member(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str path)
{
	const struct values callee = {.count = 1, .items = {{.kind = VALUE_MEMBER, .path = path}}};

	judge_member(screen, call, scope, path);
	screen_paths(screen, call, scope, &callee);
}

static bool is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
	       (unsigned char)c >= 0x80;
}

/* Whether what stands before text.ptr[at] is one of the program's names, or a result. */
static bool follows_own(struct str text, size_t at)
{
	while (at && text.ptr[at - 1] == ' ')
		at--;
	if (at && (text.ptr[at - 1] == ')' || text.ptr[at - 1] == ']'))
		return true;
	while (at && (is_word(text.ptr[at - 1]) || strchr(". ", text.ptr[at - 1])))
		at--;
	return at && text.ptr[at - 1] == '@';
}

/*
 * Text given to df.query() and df.eval(), by whatever road: "@" leads to the program's names. A
 * plain @limit is a value to compare with; one that is called or read from may be a module.
 */
bool screen_odd_query(struct str text)
{
	char quote = '\0';

	if (!text.len || memmem(text.ptr, text.len, "__", 2))
		return text.len != 0;
	if (!memchr(text.ptr, '@', text.len) || !memchr(text.ptr, '(', text.len))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (strchr("\\`#\n\t", c))
			return true;
		if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '\'' || c == '"') {
			if (i + 2 < text.len && text.ptr[i + 1] == c && text.ptr[i + 2] == c)
				return true;
			quote = c;
		} else if (strchr(".([", c) && follows_own(text, i)) {
			return true;
		}
	}
	return false;
}

static void judge_query(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	struct str name = *ast_Attribute_attr(ast_Call_func(call));
	const struct ast_list *args = ast_Call_args(call);
	const struct ast_node *expr = screen_keyword(call, "expr");
	struct fold text;

	if ((!str_is(name, "query") && !str_is(name, "eval")) || screen_owns(screen, name))
		return;
	for (uint32_t i = 0; i < 2 && (i < args->count || (expr && !i)); i++) {
		const struct ast_node *arg = i < args->count ? args->items[i] : expr;

		text = screen_fold(screen, scope, arg);
		if (text.kind == FOLD_STR && screen_odd_query(text.text))
			screen_sink_found(screen, call, name);
		else if (text.kind == FOLD_NONE && arg->kind != AST_Constant)
			screen_unknown(screen, (struct unknown_use){.node = call,
						       .subject = arg,
						       .scope = scope,
						       .rule = GUARD_RULE_SINK,
						       .otherwise = GUARD_RULE_COUNT,
						       .needs = NEEDS_QUERY});
	}
}

/* The environment of a templating engine, by whatever road: df.style.env.from_string("{{ ... }}")
 */
static void judge_template(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_node *first = screen_argument(call, 0, "source");
	struct fold text = {.kind = FOLD_NONE};
	struct values base;

	values_clear(&base);
	screen_evaluate(
		screen, scope, ast_Attribute_value(ast_Call_func(call)), SCREEN_DEPTH, &base);
	for (uint32_t i = 0; i < base.count; i++)
		if (str_starts(base.items[i].path, STR("jinja2.sandbox.")))
			return;
	if (first && !screen_owns(screen, STR("from_string")))
		text = screen_fold(screen, scope, first);
	if (text.kind == FOLD_STR && text.text.len &&
		(memmem(text.text.ptr, text.text.len, "{{", 2) ||
			memmem(text.text.ptr, text.text.len, "{%", 2)))
		screen_sink_found(screen, call, STR("from_string"));
}

/* Whether SQL opens a file: 'ATTACH' and 'VACUUM INTO' name one, load_extension() runs one. */
static void judge_sql(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_list *args = ast_Call_args(call);
	struct fold text;
	const char *at;

	if (!args->count)
		return;
	text = screen_fold(screen, scope, args->items[0]);
	if (text.kind != FOLD_STR || !text.text.len)
		return;
	if (screen_finds(text.text, "load_extension"))
		screen_sink_found(screen, call, STR("load_extension"));
	if (!screen_finds(text.text, "attach") && !screen_finds(text.text, " into '"))
		return;
	at = memchr(text.text.ptr, '\'', text.text.len);
	if (!at && args->count > 1) {
		text = screen_fold(screen, scope, args->items[1]);
		for (uint32_t i = 0; text.kind == FOLD_LIST && i < text.count; i++)
			if (text.items[i].kind == FOLD_STR &&
				screen_foreign_path(text.items[i].text, true))
				guard_find(screen->sink, GUARD_RULE_PATH, call,
					"path '%.*s' is not allowed", STR_ARG(text.items[i].text));
	} else if (at) {
		struct str rest =
			str_from(at + 1, text.text.len - (size_t)(at + 1 - text.text.ptr));
		const char *end = memchr(rest.ptr, '\'', rest.len);

		rest.len = end ? (size_t)(end - rest.ptr) : rest.len;
		if (screen_foreign_path(rest, true))
			guard_find(screen->sink, GUARD_RULE_PATH, call,
				"path '%.*s' is not allowed", STR_ARG(rest));
	}
}

static bool opens(const struct value *value)
{
	return (value->kind == VALUE_MEMBER && str_starts(value->path, STR("sys.std"))) ||
	       (value->kind == VALUE_RESULT && str_starts(value->path, STR("open")));
}

/*
 * sys.stdin.buffer.raw.__init__(path), f.__class__(path), type(f)(path): a file of one's own,
 * opened again as another. Of an object that nothing is known of, by the path.
 */
static void judge_reopening(struct screen *screen, const struct ast_node *call,
	const struct ast_node *object, uint32_t scope)
{
	const struct ast_list *args = ast_Call_args(call);
	struct values base;
	bool known = false;

	values_clear(&base);
	screen_evaluate(screen, scope, object, SCREEN_DEPTH, &base);
	for (uint32_t i = 0; i < base.count; i++)
		known |= opens(&base.items[i]);
	if (known)
		guard_find(screen->sink, GUARD_RULE_PATH, call,
			"a file that is opened again is not allowed");
	else if (!base.count && args->count)
		screen_unknown(screen, (struct unknown_use){.node = call,
					       .subject = args->items[0],
					       .scope = scope,
					       .rule = GUARD_RULE_PATH,
					       .otherwise = GUARD_RULE_COUNT,
					       .needs = NEEDS_PATH});
}

/* type(x), with one argument. */
static const struct ast_node *typed(const struct ast_node *node)
{
	if (node->kind != AST_Call || ast_Call_func(node)->kind != AST_Name ||
		!str_is(*ast_Name_id(ast_Call_func(node)), "type") ||
		ast_Call_args(node)->count != 1)
		return NULL;
	return ast_Call_args(node)->items[0];
}

/* Members that are judged by what they are given, or where. */
static bool is_plain_call(struct screen *screen, const struct value *value)
{
	(void)screen;
	return !screen_is_judged(value->path) && !screen_is_taker(value->path) &&
	       !screen_is_lender(value->path) && !str_starts(value->path, STR("typing.")) &&
	       !str_is(value->path, "io.open");
}

void screen_call(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_node *func = ast_Call_func(node);
	struct values callee;
	bool method = false, plain = true;

	values_clear(&callee);
	screen_loader(screen, node);
	if (func->kind == AST_Attribute &&
		screen_word(screen, ast_Attribute_attr(func)) & WORD_METHOD) {
		method = true;
		screen_format_method(screen, node, scope);
		judge_query(screen, node, scope);
		if (str_is(*ast_Attribute_attr(func), "from_string"))
			judge_template(screen, node, scope);
		if (str_starts(*ast_Attribute_attr(func), STR("execute")))
			judge_sql(screen, node, scope);
		if (str_is(*ast_Attribute_attr(func), "__init__") ||
			str_is(*ast_Attribute_attr(func), "__class__"))
			judge_reopening(screen, node, ast_Attribute_value(func), scope);
	}
	if (typed(func))
		judge_reopening(screen, node, typed(func), scope);
	if (screen_speaks(screen, func))
		screen_evaluate(screen, scope, func, SCREEN_DEPTH, &callee);
	else if (!method)
		return;
	for (uint32_t i = 0; i < callee.count; i++) {
		struct value value = callee.items[i];

		plain &= (value.kind == VALUE_MEMBER || value.kind == VALUE_RESULT) &&
			 screen_member_plain(screen, &value, MEMBER_CALLED, is_plain_call);
		if (plain)
			continue;
		if (value.kind == VALUE_BUILTIN)
			judge_builtin(screen, node, scope, value.path);
		else if (value.kind == VALUE_MEMBER)
			judge_member(screen, node, scope, value.path);
		else if (value.kind == VALUE_RESULT)
			screen_sink(screen, node, scope, value.path);
	}
	if (!plain || !callee.count)
		screen_paths(screen, node, scope, &callee);
}
