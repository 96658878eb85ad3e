/*
 * Tokens: what the lexer makes and the parser reads. The kinds are those of CPython's
 * Grammar/Tokens (without the ones only its tokenize module makes); keywords are kinds of their
 * own, soft keywords (match, case, type, _) are names.
 *
 * Spans of what has no text of its own: NEWLINE covers the line end (nothing where the source ends
 * without one) and the comment before it, INDENT the blanks of its line, DEDENT and ENDMARKER
 * nothing, at the next lexeme and at the end. Other comments belong to no token.
 */
#ifndef PYSBX_LEXER_TOKEN_H
#define PYSBX_LEXER_TOKEN_H

#include <stdint.h>

enum token_kind {
#define TOKEN(kind, text) TOK_##kind,
#include "lexer/token.def"
#undef TOKEN
	TOK_COUNT
};

struct token {
	uint32_t start; /* byte offset into source.text */
	uint32_t end;   /* one past the last byte */
	uint8_t kind;   /* enum token_kind */
	uint8_t flags;  /* TOKEN_* bits below */
	uint16_t extra; /* STRING and FSTRING_*: length of prefix and quotes; else 0 */
};

enum {
	TOKEN_RAW = 1 << 0,      /* strings: r prefix */
	TOKEN_BYTES = 1 << 1,    /* strings: b prefix */
	TOKEN_FORMAT = 1 << 2,   /* strings: f prefix */
	TOKEN_TEMPLATE = 1 << 3, /* strings: t prefix (PEP 750) */
	TOKEN_UNICODE = 1 << 4,  /* strings: u prefix (kind 'u' in the tree) */
	TOKEN_TRIPLE = 1 << 5,   /* strings: three quotes */
	TOKEN_NON_ASCII =
		1 << 6,         /* names: holds bytes over 0x7f; its NFKC form must be asked for */
	TOKEN_IN_SPEC = 1 << 7, /* FSTRING_MIDDLE within a format spec */
};

/* "NAME", "'+'", ... for messages and dumps; a static string. */
const char *token_name(enum token_kind kind);

#endif
