/*
 * What the files of the lexer share: its state, the classes of bytes, and the scanners of single
 * lexemes. Private to lexer/.
 *
 * A scanner takes a pointer into lx->text and returns the one after the lexeme, or NULL with
 * lx->error filled. The text ends in NUL bytes and holds none, so a scanner never runs past its
 * end as long as it stops at NUL.
 */
#ifndef PYSBX_LEXER_LEXER_INTERNAL_H
#define PYSBX_LEXER_LEXER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lexer/lexer.h"

/* Room that one round of the main loop may need: a token, a NEWLINE and every DEDENT. */
#define TOKENS_PER_ROUND  (LEXER_MAX_INDENTS + 4)

/* How deep replacement fields may stand in each other's format specs (CPython: MAX_EXPR_NESTING).
 */
#define MAX_FIELD_NESTING 3

struct bracket {
	uint32_t start; /* offset in the source */
	char open;
};

/* An f-string (or t-string) that is being read, 3.12 and later. */
struct fstring {
	uint32_t start; /* of its prefix */
	uint8_t flags;  /* of its tokens */
	uint8_t quote;
	uint8_t quote_len; /* 1 or 3 */
	bool in_spec;      /* the text being read is a format spec */
	int16_t depth;     /* brackets open since the string began */
	int16_t fields;    /* replacement fields open in each other */
};

struct lexer {
	const struct source *source;
	const unsigned char *text; /* NUL-terminated */
	uint32_t len;
	uint32_t base; /* of text in the source */
	struct token *tokens;
	uint32_t count;
	uint32_t capacity;
	uint8_t minor;
	bool fragment; /* the text stands in parentheses that are not there */
	bool in_text;  /* in literal text or a format spec of the innermost f-string */
	const unsigned char *comment; /* where the one before the next line end begins, or NULL */
	uint32_t level;               /* brackets open */
	uint32_t indent;              /* index of the innermost indentation */
	uint32_t fstring_count;
	struct diag error;
	uint32_t error_start, error_end;
	struct bracket brackets[LEXER_MAX_BRACKETS];
	uint32_t columns[LEXER_MAX_INDENTS];     /* tabs to 8 */
	uint32_t alt_columns[LEXER_MAX_INDENTS]; /* tabs as 1 */
	struct fstring fstrings[LEXER_MAX_FSTRINGS];
};

/* What a byte can start, for the main loop's switch. */
enum char_class {
	CHAR_BAD, /* starts nothing */
	CHAR_END, /* NUL */
	CHAR_SPACE,
	CHAR_NEWLINE,
	CHAR_NAME,
	CHAR_PREFIX, /* a letter that may begin a string's prefix, else a name */
	CHAR_HIGH,   /* part of a character over 0x7f */
	CHAR_DIGIT,
	CHAR_QUOTE,
	CHAR_HASH,
	CHAR_BACKSLASH,
	CHAR_OPEN,
	CHAR_CLOSE,
	CHAR_OPERATOR,
};

/* Where a byte may stand, for the inner loops. */
enum {
	BYTE_NAME = 1 << 0, /* within an ASCII name */
	BYTE_DIGIT = 1 << 1,
	BYTE_HEX = 1 << 2,
	BYTE_STRING_STOP = 1 << 3, /* quote, backslash, line end, NUL */
	BYTE_TRIPLE_STOP = 1 << 4, /* quote, backslash, NUL */
	BYTE_LINE_STOP = 1 << 5,   /* line end, NUL */
	BYTE_FIELD_STOP = 1 << 6,  /* brace: stops f-string text, with the string stops */
	BYTE_ALNUM_HIGH = 1 << 7,  /* within a name of any script */
};

extern const uint8_t lexer_class[256];
extern const uint8_t lexer_bytes[256];

static inline uint32_t lexer_offset(const struct lexer *lx, const unsigned char *p)
{
	return (uint32_t)(p - lx->text) + lx->base;
}

static inline void lexer_emit(struct lexer *lx, enum token_kind kind, uint8_t flags, unsigned extra,
	const unsigned char *start, const unsigned char *end)
{
	struct token *token = &lx->tokens[lx->count++];

	token->start = lexer_offset(lx, start);
	token->end = lexer_offset(lx, end);
	token->kind = (uint8_t)kind;
	token->flags = flags;
	token->extra = (uint16_t)extra;
}

/* The f-string being read, NULL outside of any. */
static inline struct fstring *lexer_fstring(struct lexer *lx)
{
	return lx->fstring_count ? &lx->fstrings[lx->fstring_count - 1] : NULL;
}

/* Fills lx->error for the span [start, end); returns NULL, for `return lexer_error(...)`. */
const unsigned char *lexer_error(struct lexer *lx, enum diag_kind kind, const unsigned char *start,
	const unsigned char *end, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The line of p, from 1. */
uint32_t lexer_line(const struct lexer *lx, const unsigned char *p);

/* Past the line end at p: LF, CRLF or CR. */
static inline const unsigned char *lexer_skip_newline(const unsigned char *p)
{
	return p + (p[0] == '\r' && p[1] == '\n' ? 2 : 1);
}

/* To the line end, or the end of the text. */
static inline const unsigned char *lexer_skip_comment(const unsigned char *p)
{
	while (!(lexer_bytes[*p] & BYTE_LINE_STOP))
		p++;
	return p;
}

/* p stands at a backslash: the start of the next line. */
const unsigned char *lexer_continuation(struct lexer *lx, const unsigned char *p);

/*
 * indent.c: p stands at the start of a line outside brackets: skips blank and comment lines, emits
 * INDENT and DEDENT, and returns the first byte of the first lexeme.
 */
const unsigned char *lexer_line_start(struct lexer *lx, const unsigned char *p);

/* numbers.c: p stands at a digit, or at a dot before one. Emits nothing. */
const unsigned char *lexer_number(struct lexer *lx, const unsigned char *p);

/* names.c: p stands past the ASCII start of a name, at a byte over 0x7f; start is the name's. */
const unsigned char *lexer_wide_name(
	struct lexer *lx, const unsigned char *start, const unsigned char *p);

/*
 * strings.c: the length of the string prefix at p, with its flags; 0 where p starts a name (or a
 * quote). -1 with lx->error: prefixes that do not go together.
 */
int lexer_prefix(struct lexer *lx, const unsigned char *p, uint8_t *ret_flags);

/* strings.c: the literal at p, emitted: a STRING, or the FSTRING_START of one that is read on. */
const unsigned char *lexer_string(
	struct lexer *lx, const unsigned char *p, int prefix, uint8_t flags);

/* fstrings.c: the text of the f-string being read: emits FSTRING_MIDDLE, FSTRING_END. */
const unsigned char *lexer_fstring_text(struct lexer *lx, const unsigned char *p);

#endif
