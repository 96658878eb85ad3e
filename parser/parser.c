/* Entry, errors, limits: what the grammar's files stand on. The grammar itself is not here. */
#include "parser/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUESSES_LEAST 1000

void *parser_fail(struct parser *parser, enum diag_kind kind, uint32_t start, uint32_t end,
	const char *format, ...)
{
	static const char prefix[] = "f-string: ";
	struct position from, to;
	char text[400];
	size_t used = 0;
	va_list args;

	if (parser->failed)
		return NULL;
	parser->failed = true;
	parser->generic = false;
	va_start(args, format);
	if (parser->in_fragment && parser->minor > 8 && kind != DIAG_LIMIT)
		memcpy(text, prefix, used = sizeof(prefix) - 1);
	vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	from = source_position(parser->source, start);
	to = source_position(parser->source, end);
	parser->error = (struct diag){
		.message = arena_strdup(parser->arena, str_of(text)),
		.kind = kind,
		.line = from.line,
		.column = from.column,
		.end_line = to.line,
		.end_column = to.column,
	};
	if (!parser->error.message)
		parser->error.message = "invalid syntax";
	return NULL;
}

void *parser_fail_here(struct parser *parser)
{
	const struct token *token = parser->token;

	if (parser->failed)
		return NULL;
	if (!parser->in_fragment && parser->furthest > token)
		token = parser->token = parser->furthest;
	if (token->kind == TOK_INDENT) {
		parser_fail(parser, DIAG_INDENTATION, token->end - (token->end > token->start),
			token->end, "unexpected indent");
	} else if (token->kind == TOK_DEDENT) {
		parser_fail(
			parser, DIAG_INDENTATION, token->start, token->end, "unexpected unindent");
	} else if (!guess_comma(parser)) {
		/* Behind an operand CPython has looked for the `in` of `not in`. */
		if (token->kind == TOK_KW_NOT && parser->behind_operand == token &&
			token[1].kind != TOK_ERROR)
			token++;
		parser_fail(parser, DIAG_SYNTAX, token->start, token->end, "invalid syntax");
		parser->generic = true;
	}
	return NULL;
}

void *parser_fail_node(struct parser *parser, const struct ast_node *node, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return parser_fail(parser, DIAG_SYNTAX, node->start, node->end, "%s", text);
}

void *parser_fail_limit(struct parser *parser)
{
	const struct token *token = parser->token;

	return parser_fail(
		parser, DIAG_LIMIT, token->start, token->end, "source too deeply nested to parse");
}

void *parser_fail_memory(struct parser *parser)
{
	parser->no_memory = true;
	parser->failed = true;
	return NULL;
}

void *parser_fail_next(struct parser *parser, enum diag_kind kind, const char *format, ...)
{
	uint32_t start = parser->token->start, end = parser->token->end;
	struct str text = parser->source->text;
	char message[200];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (start >= text.len && text.len) {
		start = (uint32_t)text.len;
		start -= text.ptr[start - 1] == '\n';
		start -= start && text.ptr[start - 1] == '\r';
		end = start;
	}
	return parser_fail(parser, kind, start, end, "%s", message);
}

bool parser_expect(struct parser *parser, enum token_kind kind)
{
	if (accept(parser, kind))
		return true;
	parser_fail_here(parser);
	return false;
}

bool parser_expect_colon(struct parser *parser, bool always)
{
	if (accept(parser, TOK_COLON))
		return true;
	if (parser->minor >= 10 &&
		(always ? peek(parser) != TOK_ERROR : peek(parser) == TOK_NEWLINE))
		parser_fail(parser, DIAG_SYNTAX, parser->token->start, parser->token->end,
			"expected ':'");
	else
		parser_fail_here(parser);
	return false;
}

bool parser_enter(struct parser *parser)
{
	const char *here = __builtin_frame_address(0);
	size_t used = (size_t)(parser->stack > here ? parser->stack - here : here - parser->stack);

	if (parser->failed)
		return false;
	if (parser->depth >= PARSER_MAX_DEPTH || used > PARSER_STACK_BYTES) {
		parser_fail_limit(parser);
		return false;
	}
	parser->depth++;
	return true;
}

bool parser_starts_expression(enum token_kind kind)
{
	switch (kind) {
	case TOK_NAME:
	case TOK_NUMBER:
	case TOK_STRING:
	case TOK_FSTRING_START:
	case TOK_LPAR:
	case TOK_LSQB:
	case TOK_LBRACE:
	case TOK_ELLIPSIS:
	case TOK_PLUS:
	case TOK_MINUS:
	case TOK_TILDE:
	case TOK_STAR:
	case TOK_KW_FALSE:
	case TOK_KW_NONE:
	case TOK_KW_TRUE:
	case TOK_KW_AWAIT:
	case TOK_KW_LAMBDA:
	case TOK_KW_NOT:
		return true;
	default:
		return false;
	}
}

bool parser_token_is(const struct parser *parser, const struct token *token, const char *word)
{
	return token->kind == TOK_NAME &&
	       str_is(str_from(parser->text + token->start, token->end - token->start), word);
}

struct parser_mark parser_mark(const struct parser *parser)
{
	return (struct parser_mark){parser->token, parser->scratch_count, parser->depth};
}

bool parser_back(struct parser *parser, struct parser_mark mark)
{
	if (parser->no_memory || (parser->failed && parser->error.kind == DIAG_LIMIT))
		return false;
	if (parser->failed && !parser->in_fragment)
		parser->furthest = parser->token;
	parser->failed = parser->generic = parser->in_fragment = false;
	parser->token = mark.token;
	parser->scratch_count = mark.scratch_count;
	parser->depth = mark.depth;
	return true;
}

/* file: [statements] ENDMARKER ; in 3.8 a lone NEWLINE, as after "\\\n\n", is a statement of sorts
 */
static struct ast_node *parse_module(struct parser *parser)
{
	size_t mark = parser->scratch_count;
	const struct ast_list *body;
	struct ast_node *module;

	while (peek(parser) != TOK_ENDMARKER) {
		if (parser->minor == 8 && accept(parser, TOK_NEWLINE))
			continue;
		if (!parse_statement(parser))
			return NULL;
	}
	module = node_new(parser, AST_Module, 0, (uint32_t)parser->source->text.len);
	body = scratch_list(parser, mark);
	if (parser->minor >= 14 && !check_future_imports(parser, body))
		return NULL;
	node_set_list(parser, module, AST_SLOT_Module_body, body);
	return parser->failed ? NULL : module;
}

/* The spans of changed names go from the parser's own memory to the arena. */
static void keep_changed_names(struct parser *parser, struct parse_result *ret)
{
	struct parse_span *spans;

	if (!parser->changed_count)
		return;
	spans = arena_array(parser->arena, parser->changed_count, sizeof(*spans));
	if (!spans) {
		parser_fail_memory(parser);
		return;
	}
	memcpy(spans, parser->changed, parser->changed_count * sizeof(*spans));
	ret->changed_names = spans;
	ret->changed_count = parser->changed_count;
}

/*
 * Whether an error that the lexer met further on is reported rather than the parser's. CPython
 * reads the rest of the source after a SyntaxError for that; only errors about the text itself
 * count, and a bracket left open counts when it stands on an earlier line than the error.
 */
static bool lexer_error_wins(const struct parser *parser, const struct lexer_result *lexed)
{
	const struct diag *error = &lexed->error;
	uint32_t line = source_position(parser->source, parser->token->start).line;

	if (!error->message || parser->error.kind == DIAG_LIMIT || parser->in_fragment)
		return false;
	if (parser->token->kind == TOK_ERROR)
		return true;
	if (parser->error.kind != DIAG_SYNTAX || error->kind == DIAG_INDENTATION ||
		error->kind == DIAG_TAB)
		return false;
	if (str_starts(str_of(error->message), STR("unexpected character after line")))
		return false;
	if (strstr(error->message, "was never closed"))
		return (parser->error.line > line ? parser->error.line : line) > error->line;
	return true;
}

int parser_parse(const struct source *source, struct parse_result *ret)
{
	struct lexer_result lexed;
	struct parser parser = {
		.source = source,
		.arena = source->arena,
		.text = source->text.ptr,
		.minor = source->minor,
		.stack = __builtin_frame_address(0),
	};
	const struct ast_node *module;

	*ret = (struct parse_result){.module = NULL};
	if (lexer_tokenize(source, &lexed) < 0)
		return -1;
	parser.token = parser.first = lexed.tokens;
	parser.guess_budget = 2 * (size_t)lexed.count + GUESSES_LEAST;
	parser.place.leading = LEADING_FIRST;
	parser.doubt_budget = parser.guess_budget;
	parser.names.seed =
		(uint64_t)(uintptr_t)&parser ^ ((uint64_t)(uintptr_t)source->arena << 20);
	module = parse_module(&parser);
	keep_changed_names(&parser, ret);
	if (!parser.doubtful && ast_name_find(&parser.names, STR("__debug__")))
		doubt_debug(&parser);
	free(parser.scratch);
	free(parser.changed);
	if (!parser.failed)
		lexer_done(source, &lexed);
	if (parser.no_memory || arena_failed(source->arena))
		return -1;
	if (!parser.failed) {
		ret->module = module;
		ret->names = parser.names;
		ret->node_count = parser.node_count;
		ret->doubtful = parser.doubtful;
		return 0;
	}
	ret->error = lexer_error_wins(&parser, &lexed) ? lexed.error : parser.error;
	return 0;
}
