/*
 * What was meant: second readings of a source that is already refused, for the sake of the message.
 * They follow the invalid_ rules of CPython's grammar. Nothing here makes a source accepted.
 */
#include "parser/internal.h"

#include <stdarg.h>
#include <stdio.h>

/* A refused source is read no longer for that: all guesses together read each token but twice. */
static void spend(struct parser *parser, const struct token *from)
{
	size_t read = parser->token > from ? (size_t)(parser->token - from) : 0;

	parser->guess_budget -= read < parser->guess_budget ? read + 1 : parser->guess_budget;
}

enum guess parser_guess(
	struct parser *parser, struct ast_node *(*rule)(struct parser *), bool without_invalid)
{
	struct parser_mark mark = parser_mark(parser);
	const struct token *furthest = parser->furthest;
	const struct token *operand = parser->operand, *behind = parser->behind_operand;
	const bool outer = parser->guessing, fragment = parser->in_fragment;
	struct ast_node *node;

	if (parser->guess_budget == 0)
		return GUESS_WRONG;
	parser->guessing = outer || without_invalid;
	node = rule(parser);
	parser->guessing = outer;
	spend(parser, mark.token);
	parser->operand = operand;
	parser->behind_operand = behind;
	parser->guess_end = parser->token;
	if (node && !parser->failed)
		return GUESS_RIGHT;
	if (peek(parser) == TOK_ERROR || (!parser->generic && !without_invalid) ||
		!parser_back(parser, mark))
		return GUESS_TOLD;
	parser->furthest = furthest;
	parser->in_fragment = fragment;
	return GUESS_WRONG;
}

/* Whether the token stands between brackets. */
static bool is_bracketed(const struct parser *parser, const struct token *token)
{
	const struct token *at;
	unsigned depth = 0;

	for (at = parser->first; at < token; at++) {
		switch (at->kind) {
		case TOK_LPAR:
		case TOK_LSQB:
		case TOK_LBRACE:
			depth++;
			break;
		case TOK_RPAR:
		case TOK_RSQB:
		case TOK_RBRACE:
			depth -= depth > 0;
			break;
		default:
			break;
		}
	}
	return depth > 0;
}

/* invalid_legacy_expression: NAME !'(' star_expressions, as Python 2 had it */
static bool guess_legacy(struct parser *parser, const struct token *name)
{
	const char *word = parser_token_is(parser, name, "print") ? "print" : "exec";
	enum guess guess = parser_guess(parser, parse_star_expressions, false);

	if (guess == GUESS_RIGHT)
		parser_fail(parser, DIAG_SYNTAX, name->start, last_end(parser),
			"Missing parentheses in call to '%s'. Did you mean %s(...)?", word, word);
	return guess != GUESS_WRONG;
}

static bool is_soft_keyword(const struct parser *parser, const struct token *token)
{
	return parser_token_is(parser, token, "match") || parser_token_is(parser, token, "case") ||
	       parser_token_is(parser, token, "_") ||
	       (parser->minor >= 12 && parser_token_is(parser, token, "type"));
}

/*
 * invalid_expression: !(NAME STRING | SOFT_KEYWORD) disjunction expression, between brackets. The
 * disjunction is the last one read, and ends where the parser stands.
 */
bool guess_comma(struct parser *parser)
{
	const struct token *operand = parser->operand, *token = parser->token;

	if (parser->guessing || parser->minor < 10 || parser->behind_operand != token ||
		!parser_starts_expression((enum token_kind)token->kind))
		return false;
	if (operand + 1 == token && (parser_token_is(parser, operand, "print") ||
					    parser_token_is(parser, operand, "exec")))
		return guess_legacy(parser, operand);
	if (operand->kind == TOK_NAME &&
		(operand[1].kind == TOK_STRING || is_soft_keyword(parser, operand)))
		return false;
	switch (parser_guess(parser, parse_expression, true)) {
	case GUESS_WRONG:
		return false;
	case GUESS_TOLD:
		return true;
	case GUESS_RIGHT:
		break;
	}
	if (parser->in_fragment || is_bracketed(parser, parser->token)) {
		parser_fail(parser, DIAG_SYNTAX, operand->start, last_end(parser),
			"invalid syntax. Perhaps you forgot a comma?");
		return true;
	}
	parser->token = token;
	return false;
}

/* Replaces a plain failure, which had no message of its own, by one that has. */
void *guess_instead(struct parser *parser, const struct token *token, const char *format, ...)
{
	char text[200];
	va_list args;

	if (!parser->generic || peek(parser) == TOK_ERROR)
		return NULL;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	parser->failed = false;
	return parser_fail(parser, DIAG_SYNTAX, token->start, token->end, "%s", text);
}

/*
 * How far the expression that begins at `first` is complete: where CPython's grammar, which tries
 * the longer alternatives and falls back on the shorter ones, would have it end. The tokens up to
 * `end` are known to begin an expression. Returns `first` where nothing is complete.
 */
const struct token *guess_complete(const struct token *first, const struct token *end)
{
	const struct token *token, *complete = first;
	unsigned depth = 0, pending = 0;

	for (token = first; token < end; token++) {
		switch (token->kind) {
		case TOK_LPAR:
		case TOK_LSQB:
		case TOK_LBRACE:
		case TOK_FSTRING_START:
			depth++;
			break;
		case TOK_KW_IF:
		case TOK_KW_LAMBDA:
			pending += depth == 0;
			break;
		case TOK_KW_ELSE:
		case TOK_COLON:
			pending -= depth == 0 && pending > 0;
			break;
		case TOK_RPAR:
		case TOK_RSQB:
		case TOK_RBRACE:
		case TOK_FSTRING_END:
			depth--;
			__attribute__((fallthrough));
		case TOK_NAME:
		case TOK_NUMBER:
		case TOK_STRING:
		case TOK_ELLIPSIS:
		case TOK_KW_NONE:
		case TOK_KW_TRUE:
		case TOK_KW_FALSE:
		case TOK_COMMA:
			if (depth == 0 && pending == 0)
				complete = token + 1;
			break;
		default:
			break;
		}
	}
	return complete;
}
