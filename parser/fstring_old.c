/*
 * f-strings of 3.8 to 3.11 (PEP 498): one STRING token, whose replacement fields are found by
 * scanning its text, each expression then being read as if it stood in parentheses.
 * The scan follows Parser/string_parser.c of those versions (3.8: Python/ast.c).
 */
#include "parser/internal.h"

#include <stdio.h>
#include <string.h>

#define MAX_FIELD_DEPTH 2 /* a field may hold one in its format spec, and that is all */

struct scan {
	uint32_t at;
	uint32_t end;
	uint8_t flags; /* the token's */
	const struct token *token;
};

static bool fail(struct parser *parser, const struct scan *scan, const char *text)
{
	const struct token *place = string_place(parser, scan->token);

	parser_fail(parser, DIAG_SYNTAX, place->start, place->end, "f-string%s", text);
	return false;
}

static bool push_text(
	struct parser *parser, const struct scan *scan, uint32_t start, uint32_t end, uint8_t flags)
{
	struct str value;

	if (start == end)
		return true;
	if (!string_value(parser, start, end, flags, false, &value))
		return false;
	scratch_push(parser,
		constant_str(parser, AST_CONST_STR, value, scan->token->start, scan->token->end));
	return !parser->failed;
}

/* Past a backslash and what it escapes; \N{NAME} is no field, and a brace is never escaped. */
static void skip_escape(const char *text, struct scan *scan)
{
	if (++scan->at >= scan->end)
		return;
	if (text[scan->at] == '{' || text[scan->at] == '}')
		return;
	if (text[scan->at++] != 'N' || scan->at >= scan->end || text[scan->at] != '{')
		return;
	while (scan->at < scan->end && text[scan->at++] != '}')
		;
}

/* Literal text up to a field, the end, or (in a format spec) the '}' of the field around it. */
static bool parse_literal(struct parser *parser, struct scan *scan, unsigned level)
{
	const char *text = parser->text;
	uint32_t start = scan->at;

	while (scan->at < scan->end) {
		char c = text[scan->at];

		if (c == '\\' && !(scan->flags & TOKEN_RAW)) {
			skip_escape(text, scan);
		} else if (c != '{' && c != '}') {
			scan->at++;
		} else if (level == 0 && scan->at + 1 < scan->end && text[scan->at + 1] == c) {
			if (!push_text(parser, scan, start, scan->at + 1, scan->flags))
				return false;
			scan->at += 2;
			start = scan->at;
		} else if (level == 0 && c == '}') {
			return fail(parser, scan, ": single '}' is not allowed");
		} else {
			break;
		}
	}
	return push_text(parser, scan, start, scan->at, scan->flags);
}

/* Brackets and quotes that are open within an expression. */
struct nesting {
	char brackets[LEXER_MAX_BRACKETS];
	unsigned depth;
	char quote;
	bool triple;
};

static bool is_tripled(const char *text, const struct scan *scan)
{
	return scan->at + 2 < scan->end && text[scan->at + 1] == text[scan->at] &&
	       text[scan->at + 2] == text[scan->at];
}

/* One character of a string within an expression, or the quote that begins one. */
static void scan_quoted(const char *text, struct scan *scan, struct nesting *nesting)
{
	char c = text[scan->at];

	if (!nesting->quote) {
		nesting->quote = c;
		nesting->triple = is_tripled(text, scan);
		scan->at += nesting->triple ? 3 : 1;
		return;
	}
	if (c != nesting->quote || (nesting->triple && !is_tripled(text, scan))) {
		scan->at++;
		return;
	}
	scan->at += nesting->triple ? 3 : 1;
	nesting->quote = '\0';
}

static bool close_bracket(
	struct parser *parser, const struct scan *scan, struct nesting *nesting, char c)
{
	char open = c == ')' ? '(' : c == ']' ? '[' : '{';
	char text[80];

	if (nesting->depth == 0)
		snprintf(text, sizeof(text), ": unmatched '%c'", c);
	else if (nesting->brackets[--nesting->depth] != open)
		snprintf(text, sizeof(text),
			": closing parenthesis '%c' does not match opening parenthesis '%c'", c,
			nesting->brackets[nesting->depth]);
	else
		return true;
	return fail(parser, scan, text);
}

/* Whether the character at the scan, outside brackets and strings, ends the expression. */
static bool ends_expression(const char *text, struct scan *scan)
{
	char c = text[scan->at];
	char next = scan->at + 1 < scan->end ? text[scan->at + 1] : '\0';

	if (strchr("!=<>", c) && next == '=') {
		scan->at += 2;
		return false;
	}
	if (c == '<' || c == '>') {
		scan->at++;
		return false;
	}
	return true;
}

/* Moves the scan to the end of the expression: '!', ':', '=' or '}' outside all brackets. */
static bool find_expression_end(struct parser *parser, struct scan *scan)
{
	struct nesting nesting = {.depth = 0};
	const char *text = parser->text;

	while (scan->at < scan->end) {
		char c = text[scan->at];

		if (c == '\\')
			return fail(parser, scan, " expression part cannot include a backslash");
		if (nesting.quote || c == '\'' || c == '"') {
			scan_quoted(text, scan, &nesting);
		} else if (c == '(' || c == '[' || c == '{') {
			if (nesting.depth >= LEXER_MAX_BRACKETS)
				return fail(parser, scan, ": too many nested parenthesis");
			nesting.brackets[nesting.depth++] = c;
			scan->at++;
		} else if (c == '#') {
			return fail(parser, scan, " expression part cannot include '#'");
		} else if (nesting.depth == 0 && c && strchr("!:}=<>", c)) {
			if (ends_expression(text, scan))
				return true;
		} else if (c == ')' || c == ']' || c == '}') {
			if (!close_bracket(parser, scan, &nesting, c))
				return false;
			scan->at++;
		} else {
			scan->at++;
		}
	}
	return fail(parser, scan, nesting.quote ? ": unterminated string" : ": expecting '}'");
}

static void fail_empty(struct parser *parser, const struct scan *scan)
{
	char text[] = ": expression required before '!'", *mark = text + sizeof(text) - 3;

	*mark = parser->text[scan->at];
	fail(parser, scan,
		parser->minor < 11 || *mark == '}' ? ": empty expression not allowed" : text);
}

/* The expression at [start, end) as if in parentheses. */
static struct ast_node *parse_fragment(
	struct parser *parser, const struct scan *scan, uint32_t start, uint32_t end)
{
	const struct token *after = parser->token;
	const bool fragment = parser->in_fragment;
	struct lexer_result lexed;
	struct ast_node *node;
	uint32_t at = start;

	while (at < end && strchr(" \t\n\r\f", parser->text[at]))
		at++;
	if (at == end) {
		fail_empty(parser, scan);
		return NULL;
	}
	if (lexer_fragment(parser->source, start, end, &lexed) < 0)
		return parser_fail_memory(parser);
	if (lexed.error.message) {
		parser->failed = true;
		parser->generic = false;
		parser->error = lexed.error;
		lexer_done(parser->source, &lexed);
		return NULL;
	}
	parser->token = lexed.tokens;
	parser->fragments = parser->in_fragment = true;
	node = parse_paren_content(parser, start, TOK_ENDMARKER);
	parser->in_fragment = parser->failed || fragment;
	parser->token = after;
	parser->operand = parser->behind_operand = NULL;
	lexer_done(parser->source, &lexed);
	return node;
}

static bool parse_pieces(struct parser *parser, struct scan *scan, unsigned level);

/* ['!' letter]; false: failed */
static bool parse_conversion(struct parser *parser, struct scan *scan, int32_t *ret_conversion)
{
	char letter;

	*ret_conversion = -1;
	if (parser->text[scan->at] != '!')
		return true;
	letter = ++scan->at < scan->end ? parser->text[scan->at] : '\0';
	if (letter != 's' && letter != 'r' && letter != 'a')
		return fail(
			parser, scan, ": invalid conversion character: expected 's', 'r', or 'a'");
	scan->at++;
	*ret_conversion = letter;
	return true;
}

/* [':' format_spec]; *ret_spec is NULL where there is none; false: failed */
static bool parse_spec(
	struct parser *parser, struct scan *scan, unsigned level, struct ast_node **ret_spec)
{
	size_t mark = parser->scratch_count;

	*ret_spec = NULL;
	if (scan->at >= scan->end || parser->text[scan->at] != ':')
		return true;
	scan->at++;
	if (!parse_pieces(parser, scan, level + 1))
		return false;
	*ret_spec = node_new(parser, AST_JoinedStr, scan->token->start, scan->token->end);
	node_set_list(parser, *ret_spec, AST_SLOT_JoinedStr_values, fold_pieces(parser, mark));
	return !parser->failed;
}

/* What follows the expression: ['='] ['!' letter] [':' format_spec] '}'; start is that of the text
 */
static bool finish_field(struct parser *parser, struct scan *scan, unsigned level, uint32_t start,
	struct ast_node *value)
{
	bool debug = parser->text[scan->at] == '=';
	struct ast_node *spec, *node;
	int32_t conversion;

	if (debug) {
		scan->at++;
		while (scan->at < scan->end && strchr(" \t\n\r\f\v", parser->text[scan->at]))
			scan->at++;
		if (!push_text(parser, scan, start, scan->at, TOKEN_RAW))
			return false;
	}
	if (scan->at >= scan->end)
		return fail(parser, scan, ": expecting '}'");
	if (!parse_conversion(parser, scan, &conversion) || !parse_spec(parser, scan, level, &spec))
		return false;
	if (scan->at >= scan->end || parser->text[scan->at] != '}')
		return fail(parser, scan, ": expecting '}'");
	scan->at++;
	if (debug && conversion == -1 && !spec)
		conversion = 'r';
	node = node_new(parser, AST_FormattedValue, scan->token->start, scan->token->end);
	node->number = conversion;
	node_set(parser, node, AST_SLOT_FormattedValue_value, value);
	node_set(parser, node, AST_SLOT_FormattedValue_format_spec, spec);
	scratch_push(parser, node);
	return !parser->failed;
}

/* replacement_field: '{' expression ['='] ['!' letter] [':' format_spec] '}' */
static bool parse_field(struct parser *parser, struct scan *scan, unsigned level)
{
	uint32_t start = ++scan->at;
	struct ast_node *value;

	if (level >= MAX_FIELD_DEPTH)
		return fail(parser, scan, ": expressions nested too deeply");
	if (!find_expression_end(parser, scan))
		return false;
	value = parse_fragment(parser, scan, start, scan->at);
	return value && finish_field(parser, scan, level, start, value);
}

/* Text and fields up to the end of the literal or, in a format spec, up to its '}'. */
static bool parse_pieces(struct parser *parser, struct scan *scan, unsigned level)
{
	for (;;) {
		if (!parse_literal(parser, scan, level))
			return false;
		if (scan->at >= scan->end || parser->text[scan->at] == '}')
			return true;
		if (!parse_field(parser, scan, level))
			return false;
	}
}

bool parse_fstring_old(struct parser *parser, const struct token *token)
{
	struct scan scan = {
		.at = token->start + token->extra,
		.end = token->end - (token->flags & TOKEN_TRIPLE ? 3 : 1),
		.flags = token->flags,
		.token = token,
	};
	bool ok;

	if (!parser_enter(parser))
		return false;
	ok = parse_pieces(parser, &scan, 0);
	parser_leave(parser);
	return ok;
}
