/*
 * Fuzz target of the lexer: any bytes for any version, every function of lexer.h on every token.
 * The first byte chooses the version. A broken promise of the headers aborts.
 */
#include "lexer/lexer.h"
#include "tests/fuzz/target.h"

#define ARENA_MAX ((size_t)256 << 20)

static void check_diag(const struct diag *diag)
{
	promise(diag->message && *diag->message, "an error has a message");
	promise(diag->line >= 1, "lines count from 1");
	promise(diag->end_line > diag->line || diag->end_column >= diag->column,
		"a span is ordered");
}

static void check_literal(const struct source *source, const struct token *token)
{
	uint32_t quotes = token->kind == TOK_FSTRING_MIDDLE ? 0
			  : token->flags & TOKEN_TRIPLE     ? 3
							    : 1;
	uint32_t start = token->start + token->extra, end = token->end - quotes;
	bool is_format = token->kind == TOK_FSTRING_MIDDLE;
	struct lexer_result fragment;
	struct diag diag = {0};
	struct str value;

	promise(start <= end, "a literal holds its quotes");
	if (lexer_string_value(source, start, end, token->flags, is_format, &value, &diag))
		check_diag(&diag);
	else
		promise(value.len <= end - start, "a value is no longer than its literal");
	if ((token->flags & TOKEN_FORMAT) && token->kind == TOK_STRING &&
		!lexer_fragment(source, start, end, &fragment))
		promise(fragment.tokens[fragment.count - 1].end <= end, "a fragment stays within");
}

static void check_tokens(const struct source *source, const struct lexer_result *result)
{
	const struct token *token;
	uint32_t i, last = 0;
	bool changed;

	for (i = 0; i < result->count; i++) {
		token = &result->tokens[i];
		if (token->kind == TOK_ERROR)
			break;
		promise(token->start >= last && token->start <= token->end, "tokens are ordered");
		promise(token->end <= source->text.len, "tokens lie within the text");
		last = token->end;
		if (token->kind == TOK_NAME)
			promise(lexer_name(source, token, &changed).len > 0, "a name is not empty");
		if (token->kind == TOK_STRING || token->kind == TOK_FSTRING_MIDDLE)
			check_literal(source, token);
	}
	promise(i + 1 >= result->count, "ERROR comes last");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned versions = PYTHON_MINOR_NEWEST - PYTHON_MINOR_OLDEST + 1;
	cleanup_arena struct arena *arena = arena_new(ARENA_MAX);
	struct lexer_result result;
	struct source source;
	struct diag diag = {0};

	if (size == 0 || !arena)
		return 0;
	if (source_init(&source, arena, STR("fuzz"), str_from((const char *)data + 1, size - 1),
		    (uint8_t)(PYTHON_MINOR_OLDEST + data[0] % versions), &diag)) {
		check_diag(&diag);
		return 0;
	}
	if (lexer_tokenize(&source, &result))
		return 0;
	promise(result.count > 0, "there is a token");
	promise((result.tokens[result.count - 1].kind == TOK_ERROR) ==
			(result.error.message != NULL),
		"ERROR and a message come together");
	if (result.error.message)
		check_diag(&result.error);
	check_tokens(&source, &result);
	return 0;
}
