/* Names of token kinds, from lexer/token.def. */
#include "lexer/token.h"

#include <assert.h>

static const char *const names[] = {
#define TOKEN(kind, text)   [TOK_##kind] = "'" text "'",
#define TOKEN_VARYING(kind) [TOK_##kind] = #kind,
#include "lexer/token.def"
#undef TOKEN
};

static_assert(sizeof(names) / sizeof(*names) == TOK_COUNT, "a name for every kind");

const char *token_name(enum token_kind kind)
{
	return (unsigned)kind < TOK_COUNT ? names[kind] : "?";
}
