/*
 * Format strings: the attributes that their fields read.
 */
#include <ctype.h>

#include "guard/screen.h"

/* Goes over "{name.attribute[index].attribute!r:{nested}}", as CPython's formatter reads it. */
struct fields {
	struct str text;
	size_t at;
	bool in_field; /* within a field's name, before "!", ":" and "}" */
};

/* The next attribute that a field reads; false at the end. */
static bool next_attribute(struct fields *fields, struct str *ret)
{
	struct str text = fields->text;

	for (; fields->at < text.len; fields->at++) {
		char c = text.ptr[fields->at];
		size_t start = fields->at + 1;

		if (!fields->in_field) {
			bool doubled = c == '{' && start < text.len && text.ptr[start] == '{';

			fields->in_field = c == '{' && !doubled;
			fields->at += doubled ? 1 : 0;
		} else if (c == '[') {
			/* Up to "]" everything is an index, braces and colons as well. */
			while (fields->at < text.len && text.ptr[fields->at] != ']')
				fields->at++;
		} else if (c == '}' || c == ':' || c == '!') {
			fields->in_field = false;
		} else if (c == '.') {
			size_t end = start;

			while (end < text.len && !strchr(".[]{}!:", text.ptr[end]))
				end++;
			*ret = str_from(text.ptr + start, end - start);
			fields->at = end;
			return true;
		}
	}
	return false;
}

bool screen_bad_format(const struct screen *screen, struct str text)
{
	struct fields fields = {.text = text};
	struct str name;

	if (!text.len || !memchr(text.ptr, '{', text.len))
		return false;
	while (next_attribute(&fields, &name))
		if (screen_bad_name(screen, name) || known_road(name))
			return true;
	return false;
}

bool screen_open_format(struct str text)
{
	size_t at = text.len;

	while (at && (isalnum((unsigned char)text.ptr[at - 1]) || text.ptr[at - 1] == '_' ||
			     text.ptr[at - 1] == '.' || text.ptr[at - 1] == '[' ||
			     text.ptr[at - 1] == ']'))
		at--;
	return at && at < text.len && text.ptr[at - 1] == '{' &&
	       !(at > 1 && text.ptr[at - 2] == '{');
}

/* All that a format string reads from its arguments, which are of any kind. */
static void judge_format(
	struct screen *screen, const struct ast_node *node, struct str text, bool library)
{
	struct fields fields = {.text = text};
	struct str name;

	while (next_attribute(&fields, &name)) {
		bool private = name.len && name.ptr[0] == '_' && !is_dunder(name) && library;

		if (screen_bad_name(screen, name) || known_road(name) || private)
			guard_find(screen->sink, GUARD_RULE_FORMAT, node,
				"format field reads attribute '%.*s'", STR_ARG(name));
	}
}

/* Whether any argument is of a library: its private attributes are then not the program's. */
static bool has_library_argument(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_list *lists[] = {ast_Call_args(call), ast_Call_keywords(call)};
	struct values values = {0};

	for (size_t k = 0; k < 2; k++)
		for (uint32_t i = 0; i < lists[k]->count && i < 16; i++)
			screen_evaluate(screen, scope,
				k ? ast_keyword_value(lists[k]->items[i]) : lists[k]->items[i],
				SCREEN_DEPTH, &values);
	return screen_may_be(&values, VALUE_MODULE, NULL) ||
	       screen_may_be(&values, VALUE_MEMBER, NULL) ||
	       screen_may_be(&values, VALUE_RESULT, NULL);
}

/* The expression itself, or the only one that its name is bound to. */
static const struct ast_node *bound_once(
	struct screen *screen, const struct ast_node *node, uint32_t *scope)
{
	struct resolution found;

	if (node->kind != AST_Name)
		return node;
	found = names_resolve(&screen->names, *scope, ast_Name_id(node), node->start);
	if (found.count != 1 || found.symbols[0]->count != 1 ||
		found.symbols[0]->bindings->kind != BIND_VALUE)
		return node;
	*scope = found.symbols[0]->bindings->scope;
	return found.symbols[0]->bindings->node;
}

/* Whether a text ends within a field, after the dot of an attribute: "{0." */
static bool ends_in_attribute(struct str text)
{
	bool field = false, attribute = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '{') {
			field = true;
			attribute = false;
		} else if (c == '}' || c == ':' || c == '!') {
			field = attribute = false;
		} else if (c == '.') {
			attribute = field;
		}
	}
	return attribute;
}

static bool reads_attribute(struct str text)
{
	struct fields fields = {.text = text};
	struct str name;

	return text.len && next_attribute(&fields, &name);
}

/* A constant, or the end of what a sum begins with. */
static struct str last_text(const struct ast_node *node)
{
	if (node->kind == AST_BinOp && ast_BinOp_op(node) == AST_OP_Add)
		node = ast_BinOp_right(node);
	return ast_is_str(node) ? ast_Constant_value(node) : STR("");
}

/*
 * A format of which nobody can say what it reads: "{0." + name + "}", "{0.%s}" % name,
 * f"{{0.{name}}}", "{0.@@x@@}".translate(table).
 */
static bool is_disguised(struct screen *screen, const struct ast_node *node, uint32_t scope)
{
	const struct ast_list *parts;
	struct fold text;

	node = bound_once(screen, node, &scope);
	if (node->kind == AST_BinOp && ast_BinOp_op(node) == AST_OP_Mod)
		return ast_is_str(ast_BinOp_left(node)) &&
		       reads_attribute(ast_Constant_value(ast_BinOp_left(node)));
	for (; node->kind == AST_BinOp && ast_BinOp_op(node) == AST_OP_Add;
		node = ast_BinOp_left(node)) {
		text = screen_fold(screen, scope, ast_BinOp_left(node));
		if (ends_in_attribute(
			    text.kind == FOLD_STR ? text.text : last_text(ast_BinOp_left(node))))
			return true;
	}
	if (node->kind == AST_JoinedStr) {
		parts = ast_JoinedStr_values(node);
		for (uint32_t i = 0; i + 1 < parts->count; i++)
			if (ast_is_str(parts->items[i]) &&
				ends_in_attribute(ast_Constant_value(parts->items[i])))
				return true;
	}
	if (node->kind != AST_Call || ast_Call_func(node)->kind != AST_Attribute)
		return false;
	text = screen_fold(screen, scope, ast_Attribute_value(ast_Call_func(node)));
	return text.kind == FOLD_STR &&
	       str_listed(*ast_Attribute_attr(ast_Call_func(node)),
		       " translate replace expandtabs ") &&
	       reads_attribute(text.text);
}

void screen_format_method(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_node *func = ast_Call_func(call);
	struct str name = *ast_Attribute_attr(func);
	bool format = str_is(name, "format") || str_is(name, "format_map");
	bool formatter = str_is(name, "vformat") || str_is(name, "get_field");
	struct fold text;

	if (!format && !formatter)
		return;
	text = (struct fold){.kind = FOLD_NONE};
	if (format)
		text = screen_fold(screen, scope, ast_Attribute_value(func));
	if (format && text.kind != FOLD_STR &&
		is_disguised(screen, ast_Attribute_value(func), scope))
		guard_find(screen->sink, GUARD_RULE_FORMAT, call,
			"a format whose attributes are put together");
	if (format && text.kind != FOLD_STR)
		screen_unknown_format(screen, call);
	/* str.format("...", x), and the methods of string.Formatter. */
	if (text.kind == FOLD_NONE && ast_Call_args(call)->count)
		text = screen_fold(screen, scope, ast_Call_args(call)->items[0]);
	if (text.kind != FOLD_STR)
		return;
	judge_format(
		screen, call, text.text, formatter || has_library_argument(screen, call, scope));
	if (str_is(name, "get_field")) {
		const char *dot = memchr(text.text.ptr ? text.text.ptr : "", '.', text.text.len);
		const struct values nothing = {0};

		if (dot)
			screen_dotted(screen, call, &nothing,
				str_from(
					dot + 1, text.text.len - (size_t)(dot + 1 - text.text.ptr)),
				ACCESS_TEXT);
	}
}

/* Text that is a format whatever it is given to: logging.Formatter(), basicConfig(). */
void screen_format_texts(struct screen *screen, const struct ast_node *call, uint32_t scope)
{
	const struct ast_list *lists[] = {ast_Call_args(call), ast_Call_keywords(call)};

	for (size_t k = 0; k < 2; k++)
		for (uint32_t i = 0; i < lists[k]->count && i < 16; i++) {
			const struct ast_node *arg =
				k ? ast_keyword_value(lists[k]->items[i]) : lists[k]->items[i];
			struct fold text = screen_fold(screen, scope, arg);

			if (text.kind == FOLD_STR)
				judge_format(screen, call, text.text, true);
			else if (text.kind == FOLD_NONE && arg->kind == AST_Name)
				screen_unknown_format(screen, call);
		}
}

void screen_unknown_format(struct screen *screen, const struct ast_node *node)
{
	screen_unknown(screen, (struct unknown_use){.node = node,
				       .rule = GUARD_RULE_FORMAT,
				       .otherwise = GUARD_RULE_COUNT,
				       .needs = NEEDS_FORMAT});
}

/*
 * "...".format that is not called where it stands: handed on, or by getattr(). node is the text,
 * where it is text; of str itself what it will be given is not known.
 */
void screen_format_value(struct screen *screen, const struct ast_node *node,
	const struct ast_node *object, uint32_t scope)
{
	struct fold text = screen_fold(screen, scope, object);

	if (text.kind == FOLD_STR)
		judge_format(screen, node, text.text, true);
	else
		screen_unknown_format(screen, node);
}
