/*
 * Is this name a keyword? One multiplication and one comparison: a name of up to eight bytes is a
 * number, and the 35 keywords have different top bits once multiplied. The table is built by the
 * compiler from the same formula; a collision would be a duplicate initialiser, which warns.
 */
#ifndef PYSBX_LEXER_KEYWORDS_H
#define PYSBX_LEXER_KEYWORDS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lexer/token.h"

/* TOK_NAME, or the kind of the keyword. At least eight bytes must be readable at name. */
static inline enum token_kind keyword_kind(const unsigned char *name, size_t len);

#define KEYWORD_LONGEST    8
#define KEYWORD_MULTIPLIER UINT64_C(0xb57c8e05e3c9b0e1)
#define KEYWORD_SLOTS      (1u << 6)
#define KEYWORD_HASH(word) ((unsigned)((uint64_t)(word)*KEYWORD_MULTIPLIER >> (64 - 6)))

#define KEYWORD_WORD(a, b, c, d, e, f, g, h)                                                       \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |          \
		(uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 |                  \
		(uint64_t)(h) << 56)
#define KEYWORD(kind, ...)        KEYWORD_ENTRY(kind, KEYWORD_WORD(__VA_ARGS__))
#define KEYWORD_ENTRY(kind, word) [KEYWORD_HASH(word)] = {(word), TOK_KW_##kind}

static const struct {
	uint64_t word;
	enum token_kind kind;
} keyword_table[KEYWORD_SLOTS] = {
	KEYWORD(AND, 'a', 'n', 'd', 0, 0, 0, 0, 0),
	KEYWORD(AS, 'a', 's', 0, 0, 0, 0, 0, 0),
	KEYWORD(ASSERT, 'a', 's', 's', 'e', 'r', 't', 0, 0),
	KEYWORD(ASYNC, 'a', 's', 'y', 'n', 'c', 0, 0, 0),
	KEYWORD(AWAIT, 'a', 'w', 'a', 'i', 't', 0, 0, 0),
	KEYWORD(BREAK, 'b', 'r', 'e', 'a', 'k', 0, 0, 0),
	KEYWORD(CLASS, 'c', 'l', 'a', 's', 's', 0, 0, 0),
	KEYWORD(CONTINUE, 'c', 'o', 'n', 't', 'i', 'n', 'u', 'e'),
	KEYWORD(DEF, 'd', 'e', 'f', 0, 0, 0, 0, 0),
	KEYWORD(DEL, 'd', 'e', 'l', 0, 0, 0, 0, 0),
	KEYWORD(ELIF, 'e', 'l', 'i', 'f', 0, 0, 0, 0),
	KEYWORD(ELSE, 'e', 'l', 's', 'e', 0, 0, 0, 0),
	KEYWORD(EXCEPT, 'e', 'x', 'c', 'e', 'p', 't', 0, 0),
	KEYWORD(FALSE, 'F', 'a', 'l', 's', 'e', 0, 0, 0),
	KEYWORD(FINALLY, 'f', 'i', 'n', 'a', 'l', 'l', 'y', 0),
	KEYWORD(FOR, 'f', 'o', 'r', 0, 0, 0, 0, 0),
	KEYWORD(FROM, 'f', 'r', 'o', 'm', 0, 0, 0, 0),
	KEYWORD(GLOBAL, 'g', 'l', 'o', 'b', 'a', 'l', 0, 0),
	KEYWORD(IF, 'i', 'f', 0, 0, 0, 0, 0, 0),
	KEYWORD(IMPORT, 'i', 'm', 'p', 'o', 'r', 't', 0, 0),
	KEYWORD(IN, 'i', 'n', 0, 0, 0, 0, 0, 0),
	KEYWORD(IS, 'i', 's', 0, 0, 0, 0, 0, 0),
	KEYWORD(LAMBDA, 'l', 'a', 'm', 'b', 'd', 'a', 0, 0),
	KEYWORD(NONE, 'N', 'o', 'n', 'e', 0, 0, 0, 0),
	KEYWORD(NONLOCAL, 'n', 'o', 'n', 'l', 'o', 'c', 'a', 'l'),
	KEYWORD(NOT, 'n', 'o', 't', 0, 0, 0, 0, 0),
	KEYWORD(OR, 'o', 'r', 0, 0, 0, 0, 0, 0),
	KEYWORD(PASS, 'p', 'a', 's', 's', 0, 0, 0, 0),
	KEYWORD(RAISE, 'r', 'a', 'i', 's', 'e', 0, 0, 0),
	KEYWORD(RETURN, 'r', 'e', 't', 'u', 'r', 'n', 0, 0),
	KEYWORD(TRUE, 'T', 'r', 'u', 'e', 0, 0, 0, 0),
	KEYWORD(TRY, 't', 'r', 'y', 0, 0, 0, 0, 0),
	KEYWORD(WHILE, 'w', 'h', 'i', 'l', 'e', 0, 0, 0),
	KEYWORD(WITH, 'w', 'i', 't', 'h', 0, 0, 0, 0),
	KEYWORD(YIELD, 'y', 'i', 'e', 'l', 'd', 0, 0, 0),
};

static inline enum token_kind keyword_kind(const unsigned char *name, size_t len)
{
	uint64_t word;
	unsigned slot;

	if (len - 2 > KEYWORD_LONGEST - 2)
		return TOK_NAME;
	memcpy(&word, name, sizeof(word));
	word = le64toh(word) & UINT64_MAX >> (64 - 8 * len);
	slot = KEYWORD_HASH(word);
	return keyword_table[slot].word == word ? keyword_table[slot].kind : TOK_NAME;
}

#endif
