/*
 * lexer/lexer.h: the main loop, brackets and operators.
 *
 * One pass, one pointer, no token is ever taken back. The behaviour is that of CPython's tokenizer
 * on the text as it stands, without the translation of line ends that CPython does first.
 */
#include "lexer/lexer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lexer/keywords.h"
#include "lexer/lexer_internal.h"

/* Bytes of source for each token expected at first; then the density so far tells. */
#define BYTES_PER_TOKEN 6
#define FIRST_TOKENS    65536
#define NO_MEMORY       "source is too large for the memory allowed"

const unsigned char *lexer_error(struct lexer *lx, enum diag_kind kind, const unsigned char *start,
	const unsigned char *end, const char *format, ...)
{
	char text[256];
	va_list args;
	struct position from, to;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	lx->error_start = lexer_offset(lx, start);
	lx->error_end = lexer_offset(lx, end);
	from = source_position(lx->source, lx->error_start);
	to = source_position(lx->source, lx->error_end);
	lx->error = (struct diag){
		.message = arena_strdup(lx->source->arena, str_of(text)),
		.line = from.line,
		.column = from.column,
		.end_line = to.line,
		.end_column = to.column,
		.kind = kind,
	};
	if (!lx->error.message)
		lx->error.message = NO_MEMORY;
	return NULL;
}

uint32_t lexer_line(const struct lexer *lx, const unsigned char *p)
{
	return source_position(lx->source, lexer_offset(lx, p)).line;
}

const unsigned char *lexer_continuation(struct lexer *lx, const unsigned char *p)
{
	const unsigned char *next = p + 1;

	if (*next && *next != '\n' && *next != '\r')
		return lexer_error(lx, DIAG_SYNTAX, next, next + 1,
			"unexpected character after line continuation character");
	if (*next)
		next = lexer_skip_newline(next);
	if (!*next)
		return lexer_error(lx, DIAG_SYNTAX, p + 1, next, "unexpected EOF while parsing");
	return next;
}

/* A larger array; p is how far reading has come: the rest is taken to be as dense. */
static bool grow(struct lexer *lx, const unsigned char *p)
{
	uint64_t read = (uint64_t)(p - lx->text) + 1;
	uint64_t guess = (uint64_t)lx->count * lx->len / read;
	uint64_t least = (uint64_t)lx->count + lx->count / 4;
	uint64_t capacity =
		(guess + guess / 16 > least ? guess + guess / 16 : least) + TOKENS_PER_ROUND;
	struct token *tokens;

	if (capacity > UINT32_MAX)
		return false;
	tokens = arena_block(lx->source->arena, lx->tokens, capacity * sizeof(*tokens));
	if (!tokens)
		return false;
	lx->tokens = tokens;
	lx->capacity = (uint32_t)capacity;
	return true;
}

static inline bool reserve(struct lexer *lx, const unsigned char *p)
{
	return lx->capacity - lx->count >= TOKENS_PER_ROUND || grow(lx, p);
}

static const unsigned char *lex_name(struct lexer *lx, const unsigned char *start)
{
	const unsigned char *p = start;

	while (lexer_bytes[*p] & BYTE_NAME)
		p++;
	if (*p < 0x80) {
		lexer_emit(lx, keyword_kind(start, (size_t)(p - start)), 0, 0, start, p);
		return p;
	}
	p = lexer_wide_name(lx, start, p);
	if (p)
		lexer_emit(lx, TOK_NAME, TOKEN_NON_ASCII, 0, start, p);
	return p;
}

static const unsigned char *lex_prefixed(struct lexer *lx, const unsigned char *p)
{
	uint8_t flags = 0;
	int prefix = lexer_prefix(lx, p, &flags);

	if (prefix < 0)
		return NULL;
	return prefix ? lexer_string(lx, p, prefix, flags) : lex_name(lx, p);
}

static const unsigned char *lex_number(struct lexer *lx, const unsigned char *start)
{
	const unsigned char *p = lexer_number(lx, start);

	if (p)
		lexer_emit(lx, TOK_NUMBER, 0, 0, start, p);
	return p;
}

/* What can be printed is left to the parser: the errors further on may matter more. */
static const unsigned char *lex_bad(struct lexer *lx, const unsigned char *p)
{
	if (*p >= 0x20 && *p < 0x7f) {
		lexer_emit(lx, TOK_BAD, 0, 0, p, p + 1);
		return p + 1;
	}
	return lexer_error(lx, DIAG_SYNTAX, p, p + 1, "invalid non-printable character U+%04X", *p);
}

static enum token_kind bracket_kind(unsigned char c)
{
	switch (c) {
	case '(':
		return TOK_LPAR;
	case ')':
		return TOK_RPAR;
	case '[':
		return TOK_LSQB;
	case ']':
		return TOK_RSQB;
	case '{':
		return TOK_LBRACE;
	default:
		return TOK_RBRACE;
	}
}

static const unsigned char *lex_open(struct lexer *lx, const unsigned char *p)
{
	struct fstring *fstring = lexer_fstring(lx);

	if (lx->level + lx->fragment >= LEXER_MAX_BRACKETS)
		return lexer_error(lx, DIAG_SYNTAX, p, p + 1, "too many nested parentheses");
	lx->brackets[lx->level++] = (struct bracket){lexer_offset(lx, p), (char)*p};
	if (fstring)
		fstring->depth++;
	lexer_emit(lx, bracket_kind(*p), 0, 0, p, p + 1);
	return p + 1;
}

static const char *string_letter(const struct fstring *fstring)
{
	return fstring->flags & TOKEN_TEMPLATE ? "t" : "f";
}

static bool brackets_match(char open, unsigned char close)
{
	return close == (open == '(' ? ')' : open == '[' ? ']' : '}');
}

static const unsigned char *bracket_mismatch(struct lexer *lx, const unsigned char *p,
	struct bracket open, const struct fstring *fstring)
{
	uint32_t line = source_position(lx->source, open.start).line;

	if (fstring && open.open == '{' && fstring->depth == fstring->fields)
		return lexer_error(lx, DIAG_SYNTAX, p, p + 1, "%s-string: unmatched '%c'",
			string_letter(fstring), *p);
	if (line != lexer_line(lx, p))
		return lexer_error(lx, DIAG_SYNTAX, p, p + 1,
			"closing parenthesis '%c' does not match opening parenthesis '%c' on line "
			"%u",
			*p, open.open, line);
	return lexer_error(lx, DIAG_SYNTAX, p, p + 1,
		"closing parenthesis '%c' does not match opening parenthesis '%c'", *p, open.open);
}

static const unsigned char *lex_close(struct lexer *lx, const unsigned char *p)
{
	struct fstring *fstring = lexer_fstring(lx);

	if (fstring && fstring->depth == 0 && *p == '}')
		return lexer_error(lx, DIAG_SYNTAX, p, p + 1,
			"%s-string: single '}' is not allowed", string_letter(fstring));
	if (lx->level == 0)
		return lexer_error(lx, DIAG_SYNTAX, p, p + 1, "unmatched '%c'", *p);
	lx->level--;
	if (!brackets_match(lx->brackets[lx->level].open, *p))
		return bracket_mismatch(lx, p, lx->brackets[lx->level], fstring);
	if (fstring) {
		if (fstring->depth == 0)
			return lexer_error(lx, DIAG_SYNTAX, p, p + 1, "%s-string: unmatched '%c'",
				string_letter(fstring), *p);
		fstring->depth--;
		if (*p == '}' && fstring->depth == fstring->fields - 1) {
			fstring->fields--;
			/* Behind a field of a spec 3.12 goes on with a spec, where no brace is
			 * doubled and a line may end. */
			fstring->in_spec = lx->minor == 12 && fstring->fields > 0;
			lx->in_text = true;
		}
	}
	lexer_emit(lx, bracket_kind(*p), 0, 0, p, p + 1);
	return p + 1;
}

/* kind, or with_equal where '=' follows; p stands past the operator. */
static const unsigned char *emit_operator(struct lexer *lx, const unsigned char *start,
	const unsigned char *p, enum token_kind kind, enum token_kind with_equal)
{
	if (*p == '=') {
		kind = with_equal;
		p++;
	}
	lexer_emit(lx, kind, 0, 0, start, p);
	return p;
}

/* Operators of up to three bytes that begin with a doubled one: ** // << >>. */
static const unsigned char *emit_doubled(struct lexer *lx, const unsigned char *p,
	enum token_kind single, enum token_kind single_equal, enum token_kind doubled,
	enum token_kind doubled_equal)
{
	if (p[1] == p[0])
		return emit_operator(lx, p, p + 2, doubled, doubled_equal);
	return emit_operator(lx, p, p + 1, single, single_equal);
}

static const unsigned char *emit_one(
	struct lexer *lx, const unsigned char *p, unsigned len, enum token_kind kind)
{
	lexer_emit(lx, kind, 0, 0, p, p + len);
	return p + len;
}

/* ':' on the outermost level of a replacement field starts its format spec, even before '='. */
static const unsigned char *lex_colon(struct lexer *lx, const unsigned char *p)
{
	struct fstring *fstring = lexer_fstring(lx);

	if (fstring && fstring->fields > 0 && fstring->depth == fstring->fields) {
		fstring->in_spec = true;
		lx->in_text = true;
		return emit_one(lx, p, 1, TOK_COLON);
	}
	return emit_operator(lx, p, p + 1, TOK_COLON, TOK_COLONEQUAL);
}

static const unsigned char *lex_exclamation(struct lexer *lx, const unsigned char *p)
{
	if (p[1] == '=')
		return emit_one(lx, p, 2, TOK_NOTEQUAL);
	if (lx->fstring_count)
		return emit_one(lx, p, 1, TOK_EXCLAMATION);
	return lex_bad(lx, p);
}

static const unsigned char *lex_less(struct lexer *lx, const unsigned char *p)
{
	if (p[1] == '>') /* the parser knows whether it may stand here */
		return emit_one(lx, p, 2, TOK_NOTEQUAL);
	return emit_doubled(lx, p, TOK_LESS, TOK_LESSEQUAL, TOK_LEFTSHIFT, TOK_LEFTSHIFTEQUAL);
}

static const unsigned char *lex_dot(struct lexer *lx, const unsigned char *p)
{
	if (lexer_bytes[p[1]] & BYTE_DIGIT)
		return lex_number(lx, p);
	if (p[1] == '.' && p[2] == '.')
		return emit_one(lx, p, 3, TOK_ELLIPSIS);
	return emit_one(lx, p, 1, TOK_DOT);
}

static const unsigned char *lex_operator(struct lexer *lx, const unsigned char *p)
{
	switch (*p) {
	case ':':
		return lex_colon(lx, p);
	case ',':
		return emit_one(lx, p, 1, TOK_COMMA);
	case ';':
		return emit_one(lx, p, 1, TOK_SEMI);
	case '.':
		return lex_dot(lx, p);
	case '@':
		return emit_operator(lx, p, p + 1, TOK_AT, TOK_ATEQUAL);
	case '+':
		return emit_operator(lx, p, p + 1, TOK_PLUS, TOK_PLUSEQUAL);
	case '-':
		if (p[1] == '>')
			return emit_one(lx, p, 2, TOK_RARROW);
		return emit_operator(lx, p, p + 1, TOK_MINUS, TOK_MINEQUAL);
	case '*':
		return emit_doubled(
			lx, p, TOK_STAR, TOK_STAREQUAL, TOK_DOUBLESTAR, TOK_DOUBLESTAREQUAL);
	case '/':
		return emit_doubled(
			lx, p, TOK_SLASH, TOK_SLASHEQUAL, TOK_DOUBLESLASH, TOK_DOUBLESLASHEQUAL);
	case '%':
		return emit_operator(lx, p, p + 1, TOK_PERCENT, TOK_PERCENTEQUAL);
	case '|':
		return emit_operator(lx, p, p + 1, TOK_VBAR, TOK_VBAREQUAL);
	case '&':
		return emit_operator(lx, p, p + 1, TOK_AMPER, TOK_AMPEREQUAL);
	case '^':
		return emit_operator(lx, p, p + 1, TOK_CIRCUMFLEX, TOK_CIRCUMFLEXEQUAL);
	case '~':
		return emit_one(lx, p, 1, TOK_TILDE);
	case '<':
		return lex_less(lx, p);
	case '>':
		return emit_doubled(
			lx, p, TOK_GREATER, TOK_GREATEREQUAL, TOK_RIGHTSHIFT, TOK_RIGHTSHIFTEQUAL);
	case '=':
		return emit_operator(lx, p, p + 1, TOK_EQUAL, TOK_EQEQUAL);
	default:
		return lex_exclamation(lx, p);
	}
}

/* A line end: nothing within brackets, else NEWLINE and the next line's indentation. */
static const unsigned char *lex_newline(struct lexer *lx, const unsigned char *p)
{
	const unsigned char *next = lexer_skip_newline(p);
	const unsigned char *start = lx->comment ? lx->comment : p;

	lx->comment = NULL;
	if (lx->level || lx->fragment)
		return next;
	lexer_emit(lx, TOK_NEWLINE, 0, 0, start, next);
	return lexer_line_start(lx, next);
}

static const unsigned char *lex_one(struct lexer *lx, const unsigned char *p)
{
	switch ((enum char_class)lexer_class[*p]) {
	case CHAR_NAME:
	case CHAR_HIGH:
		return lex_name(lx, p);
	case CHAR_SPACE:
		return p + 1;
	case CHAR_NEWLINE:
		return lex_newline(lx, p);
	case CHAR_OPERATOR:
		return lex_operator(lx, p);
	case CHAR_PREFIX:
		return lex_prefixed(lx, p);
	case CHAR_OPEN:
		return lex_open(lx, p);
	case CHAR_CLOSE:
		return lex_close(lx, p);
	case CHAR_DIGIT:
		return lex_number(lx, p);
	case CHAR_QUOTE:
		return lexer_string(lx, p, 0, 0);
	case CHAR_HASH:
		lx->comment = p;
		return lexer_skip_comment(p);
	case CHAR_BACKSLASH:
		return lexer_continuation(lx, p);
	default:
		return lex_bad(lx, p);
	}
}

/* The end of the text: what is still open is an error, what is still indented is closed. */
static bool lex_end(struct lexer *lx, const unsigned char *p)
{
	const struct bracket *open;
	const unsigned char *at;

	if (lx->level) {
		open = &lx->brackets[lx->level - 1];
		at = lx->text + (open->start - lx->base);
		lexer_error(lx, DIAG_SYNTAX, at, at + 1, "'%c' was never closed", open->open);
		return false;
	}
	if (!lx->fragment) {
		if (lx->count && lx->tokens[lx->count - 1].kind != TOK_NEWLINE &&
			lx->tokens[lx->count - 1].kind != TOK_DEDENT)
			lexer_emit(lx, TOK_NEWLINE, 0, 0, lx->comment ? lx->comment : p, p);
		for (; lx->indent; lx->indent--)
			lexer_emit(lx, TOK_DEDENT, 0, 0, p, p);
	}
	lexer_emit(lx, TOK_ENDMARKER, 0, 0, p, p);
	return true;
}

/* True at the ENDMARKER; false with lx->error filled. */
static bool lex_all(struct lexer *lx)
{
	const unsigned char *p = lx->text;

	if (!lx->fragment)
		p = lexer_line_start(lx, p);
	while (p) {
		if (!reserve(lx, p)) {
			lexer_error(lx, DIAG_LIMIT, p, p, NO_MEMORY);
			return false;
		}
		if (lx->in_text) {
			p = lexer_fstring_text(lx, p);
			continue;
		}
		while (*p == ' ')
			p++;
		if (*p == '\0')
			return lex_end(lx, p);
		p = lex_one(lx, p);
	}
	return false;
}

static int run(struct lexer *lx, struct lexer_result *ret)
{
	const uint32_t expected = lx->len / BYTES_PER_TOKEN;

	lx->capacity = (expected < FIRST_TOKENS ? expected : FIRST_TOKENS) + 2 * TOKENS_PER_ROUND;
	lx->tokens = arena_block(lx->source->arena, NULL, lx->capacity * sizeof(*lx->tokens));
	if (!lx->tokens)
		return -1;
	if (!lex_all(lx)) {
		if (!reserve(lx, lx->text + lx->len))
			return -1;
		lx->tokens[lx->count++] = (struct token){
			.start = lx->error_start, .end = lx->error_end, .kind = TOK_ERROR};
	}
	*ret = (struct lexer_result){
		.tokens = lx->tokens,
		.count = lx->count,
		.error = lx->error,
		.open_bracket = lx->level ? lx->brackets[lx->level - 1].start : LEXER_NO_BRACKET,
	};
	return 0;
}

static void start(struct lexer *lx, const struct source *source)
{
	lx->source = source;
	lx->base = 0;
	lx->count = 0;
	lx->minor = source->minor;
	lx->fragment = false;
	lx->in_text = false;
	lx->comment = NULL;
	lx->level = 0;
	lx->indent = 0;
	lx->columns[0] = lx->alt_columns[0] = 0;
	lx->fstring_count = 0;
	lx->error = (struct diag){0};
}

int lexer_tokenize(const struct source *source, struct lexer_result *ret)
{
	struct lexer lx;

	start(&lx, source);
	lx.text = (const unsigned char *)source->text.ptr;
	lx.len = (uint32_t)source->text.len;
	return run(&lx, ret);
}

int lexer_fragment(
	const struct source *source, uint32_t from, uint32_t to, struct lexer_result *ret)
{
	char *copy = arena_block(source->arena, NULL, to - from + SOURCE_PADDING);
	struct lexer lx;
	int status;

	if (!copy)
		return -1;
	memcpy(copy, source->text.ptr + from, to - from);
	memset(copy + (to - from), 0, SOURCE_PADDING);
	start(&lx, source);
	lx.text = (const unsigned char *)copy;
	lx.len = to - from;
	lx.base = from;
	lx.fragment = true;
	status = run(&lx, ret);
	arena_block_free(source->arena, copy);
	return status;
}

void lexer_done(const struct source *source, struct lexer_result *result)
{
	arena_block_free(source->arena, (void *)(uintptr_t)result->tokens);
	*result = (struct lexer_result){.tokens = NULL};
}
