/*
 * f-strings and t-strings of 3.12 and later (PEP 701, PEP 750), whose replacement fields come from
 * the lexer as tokens.
 */
#include "parser/internal.h"

#include <stdio.h>
#include <string.h>

/* FSTRING_MIDDLE, pushed as a Constant */
static bool parse_middle(struct parser *parser)
{
	const struct token *token = parser->token++;
	const bool in_spec = token->flags & TOKEN_IN_SPEC;
	/* 3.12 decodes escapes in a format spec even of a raw f-string. */
	const uint8_t ignored = in_spec && parser->minor == 12 ? TOKEN_RAW : 0;
	struct str value;

	if (!string_value(parser, token->start, token->end, token->flags & (uint8_t)~ignored,
		    !in_spec || parser->minor > 12, &value))
		return false;
	scratch_push(parser, constant_str(parser, AST_CONST_STR, value, token->start, token->end));
	return !parser->failed;
}

static bool fail_field(struct parser *parser, char letter, const char *text)
{
	const struct token *token = parser->token;

	if (token->kind == TOK_ERROR)
		parser_fail_here(parser);
	parser_fail(parser, DIAG_SYNTAX, token->start, token->end, "%c-string: %s", letter, text);
	return false;
}

/* ['!' NAME]: s, r or a once normalised; -1 where there is none; false: failed */
static bool parse_conversion(struct parser *parser, char letter, int32_t *ret_conversion)
{
	const struct token *mark = parser->token, *name = mark + 1;
	struct str text;

	*ret_conversion = -1;
	if (!accept(parser, TOK_EXCLAMATION))
		return true;
	if (name->kind == TOK_COLON || name->kind == TOK_RBRACE)
		return fail_field(parser, letter, "missing conversion character");
	if (name->kind != TOK_NAME)
		return fail_field(parser, letter, "invalid conversion character");
	if (name->start != mark->end) {
		parser->token = mark;
		return fail_field(parser, letter,
			"conversion type must come right after the exclamation mark");
	}
	text = *name_of(parser, name);
	if (text.len != 1 || !strchr("sra", text.ptr[0])) {
		parser_fail(parser, DIAG_SYNTAX, name->start, name->end,
			"%c-string: invalid conversion character '%.*s': expected 's', 'r', or 'a'",
			letter, STR_ARG(text));
		return false;
	}
	parser->token++;
	*ret_conversion = text.ptr[0];
	return !parser->failed;
}

static bool parse_field(struct parser *parser, bool template, char letter);

/* How many pieces on the scratch are not empty texts. */
static size_t count_pieces(const struct parser *parser, size_t mark)
{
	size_t count = 0, i;

	for (i = mark; i < parser->scratch_count; i++) {
		const struct ast_node *piece = parser->scratch[i];

		count += piece->kind != AST_Constant || piece->number > 0;
	}
	return count;
}

/* format_spec: ':' (FSTRING_MIDDLE | replacement_field)* */
static struct ast_node *parse_format_spec(struct parser *parser, char letter)
{
	uint32_t start = parser->token++->start;
	size_t mark = parser->scratch_count, pieces;
	const struct ast_list *values;
	struct ast_node *node;

	for (;;) {
		if (peek(parser) == TOK_FSTRING_MIDDLE) {
			if (!parse_middle(parser))
				return NULL;
		} else if (peek(parser) == TOK_LBRACE) {
			if (!parse_field(parser, false, letter))
				return NULL;
		} else {
			break;
		}
	}
	pieces = count_pieces(parser, mark);
	values = fold_pieces(parser, mark);
	/* From 3.13 on two texts and nothing else make a plain string. */
	if (parser->minor >= 13 && pieces > 1 && values->count == 1 && !parser->failed) {
		node = (struct ast_node *)(uintptr_t)values->items[0];
		if (parser->minor >= 14)
			node->start = start;
		return node;
	}
	node = node_new(parser, AST_JoinedStr, start, last_end(parser));
	node_set_list(parser, node, AST_SLOT_JoinedStr_values, values);
	return parser->failed ? NULL : node;
}

static bool push_text(struct parser *parser, uint32_t start, uint32_t end)
{
	struct str value;

	if (!string_value(parser, start, end, TOKEN_RAW, false, &value))
		return false;
	scratch_push(parser, constant_str(parser, AST_CONST_STR, value, start, end));
	return !parser->failed;
}

/*
 * The text of a field from behind its brace up to the next token, as it is written but without its
 * comments, pushed as Constants. 3.12 takes every '#' for the start of a comment, also in a string;
 * later versions look closer, and so do the tokens: a comment stands between two of them.
 */
static bool push_expression_text(struct parser *parser, const struct token *first)
{
	uint32_t start = first->end, end = parser->token->start, at = start;
	const struct token *token = first;

	if (!memchr(parser->text + start, '#', end - start))
		return push_text(parser, start, end);
	for (; at < end; at++) {
		while (token < parser->token && token->end <= at)
			token++;
		if (parser->text[at] != '#' || (parser->minor > 12 && at >= token->start))
			continue;
		if (!push_text(parser, start, at))
			return false;
		while (at < end && parser->text[at] != '\n' && parser->text[at] != '\r')
			at++;
		start = at;
	}
	return push_text(parser, start, end);
}

/* What an Interpolation remembers of its expression: the text without blanks and '=' at its end. */
static const struct str *interpolation_text(struct parser *parser, const struct token *first)
{
	size_t mark = parser->scratch_count;
	struct str value;

	if (!push_expression_text(parser, first))
		return NULL;
	value = ast_Constant_value(
		join_constants(parser, parser->scratch + mark, parser->scratch_count - mark));
	parser->scratch_count = mark;
	while (value.len && strchr(" \t\n\r\f\v=", value.ptr[value.len - 1]))
		value.len--;
	return name_intern(parser, value);
}

/* The value of a field and what stands behind it. */
struct field {
	uint32_t start;        /* of the brace */
	const struct str *str; /* the text of the expression, for an Interpolation */
	struct ast_node *value;
	struct ast_node *format_spec;
	int32_t conversion;
	bool debug;
};

static bool push_field(struct parser *parser, const struct field *field, bool template)
{
	struct ast_node *node = node_new(parser, template ? AST_Interpolation : AST_FormattedValue,
		field->start, last_end(parser));

	node->number = field->conversion;
	if (template) {
		node_set(parser, node, AST_SLOT_Interpolation_value, field->value);
		node->slots[AST_SLOT_Interpolation_str].name = field->str;
		node_set(parser, node, AST_SLOT_Interpolation_format_spec, field->format_spec);
	} else {
		node_set(parser, node, AST_SLOT_FormattedValue_value, field->value);
		node_set(parser, node, AST_SLOT_FormattedValue_format_spec, field->format_spec);
	}
	scratch_push(parser, node);
	return !parser->failed;
}

/* The value of a field; where there is none the message says what could stand there. */
static struct ast_node *parse_field_value(struct parser *parser, char letter)
{
	const struct token *first = parser->token, *end;
	struct ast_node *value;
	char text[48];

	if (peek(parser) == TOK_EQUAL || peek(parser) == TOK_EXCLAMATION ||
		peek(parser) == TOK_COLON || peek(parser) == TOK_RBRACE) {
		snprintf(text, sizeof(text), "valid expression required before '%c'",
			parser->text[first->start]);
		fail_field(parser, letter, text);
		return NULL;
	}
	value = parse_yield_or_star_expressions(parser);
	if (value)
		return value;
	end = guess_complete(first, parser->token);
	if (end == first)
		return guess_instead(
			parser, first, "%c-string: expecting a valid expression after '{'", letter);
	return guess_instead(
		parser, end, "%c-string: expecting '=', or '!', or ':', or '}'", letter);
}

/* What ends a field's value: '=', '!', ':' or '}'. */
static bool check_behind_value(struct parser *parser, char letter, bool debug)
{
	if (peek(parser) == TOK_RBRACE || peek(parser) == TOK_EXCLAMATION ||
		peek(parser) == TOK_COLON)
		return true;
	if (!debug && guess_comma(parser))
		return false;
	return fail_field(parser, letter,
		debug ? "expecting '!', or ':', or '}'" : "expecting '=', or '!', or ':', or '}'");
}

/* [format_spec] '}' */
static bool parse_field_end(struct parser *parser, char letter, struct ast_node **ret_spec)
{
	*ret_spec = NULL;
	if (accept(parser, TOK_RBRACE))
		return true;
	if (peek(parser) != TOK_COLON)
		return fail_field(parser, letter, "expecting ':' or '}'");
	*ret_spec = parse_format_spec(parser, letter);
	if (!*ret_spec)
		return false;
	return accept(parser, TOK_RBRACE) ||
	       fail_field(parser, letter, "expecting '}', or format specs");
}

/*
 * replacement_field: '{' annotated_rhs ['='] ['!' NAME] [format_spec] '}'
 * letter: of the string around it, of which a format spec's fields are too.
 */
static bool parse_field(struct parser *parser, bool template, char letter)
{
	const struct token *first = parser->token++;
	struct field field = {.start = first->start};

	if (!parser_enter(parser))
		return false;
	field.value = parse_field_value(parser, letter);
	if (!field.value)
		return false;
	field.debug = accept(parser, TOK_EQUAL);
	if (!check_behind_value(parser, letter, field.debug))
		return false;
	if (template)
		field.str = interpolation_text(parser, first);
	if (field.debug && !push_expression_text(parser, first))
		return false;
	if (!parse_conversion(parser, letter, &field.conversion) ||
		!parse_field_end(parser, letter, &field.format_spec))
		return false;
	if (field.debug && field.conversion == -1 && !field.format_spec)
		field.conversion = 'r';
	parser_leave(parser);
	return push_field(parser, &field, template);
}

/* fstring: FSTRING_START (FSTRING_MIDDLE | replacement_field)* FSTRING_END */
bool parse_fstring(struct parser *parser)
{
	bool template = (parser->token++->flags & TOKEN_TEMPLATE) != 0;

	for (;;) {
		switch (peek(parser)) {
		case TOK_FSTRING_MIDDLE:
			if (!parse_middle(parser))
				return false;
			break;
		case TOK_LBRACE:
			if (!parse_field(parser, template, template ? 't' : 'f'))
				return false;
			break;
		case TOK_FSTRING_END:
			parser->token++;
			return true;
		default:
			parser_fail_here(parser);
			return false;
		}
	}
}
