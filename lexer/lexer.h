/*
 * Source text to tokens: indentation, brackets, line joining, numbers, strings, f-strings.
 *
 * The whole source is read at once into an array, so that the parser may look ahead and back at no
 * cost. Ownership: the tokens are a block of the source's arena, which lexer_done() gives back.
 * Time and memory are linear in the source; nothing recurses. Limits: LEXER_MAX_* as CPython's
 * (Parser/tokenizer.h), past them an error.
 *
 * Errors: the array then ends in TOK_ERROR where the lexer gave up, and result.error is filled. The
 * parser decides whether an error of its own, further up in the file, comes first.
 */
#ifndef PYSBX_LEXER_LEXER_H
#define PYSBX_LEXER_LEXER_H

#include <stdint.h>

#include "lexer/diag.h"
#include "lexer/source.h"
#include "lexer/token.h"

#define LEXER_MAX_BRACKETS 200 /* MAXLEVEL */
#define LEXER_MAX_INDENTS  100 /* MAXINDENT */
#define LEXER_MAX_FSTRINGS 150 /* MAXFSTRINGLEVEL */

#define LEXER_NO_BRACKET   UINT32_MAX

struct lexer_result {
	const struct token *tokens; /* ends in ENDMARKER or ERROR */
	uint32_t count;             /* that last one included */
	struct diag error;          /* error.message is NULL unless the last token is ERROR */
	uint32_t open_bracket;      /* offset of the innermost bracket still open where the lexer
				       stopped; LEXER_NO_BRACKET: none */
};

/*
 * Reads all of source. Before 3.12 an f-string is one STRING token with TOKEN_FORMAT (the parser
 * reads its replacement fields with lexer_fragment()); from 3.12 on it is FSTRING_START, then
 * FSTRING_MIDDLE and ordinary tokens between LBRACE and RBRACE, then FSTRING_END.
 * Returns 0, also when result.error is filled; -1 without memory.
 */
int lexer_tokenize(const struct source *source, struct lexer_result *ret);

/*
 * The tokens of the expression text at [start, end) of the source as if it stood in parentheses
 * (no NEWLINE, INDENT or DEDENT), ending in ENDMARKER at end. For f-strings before 3.12.
 */
int lexer_fragment(
	const struct source *source, uint32_t start, uint32_t end, struct lexer_result *ret);

/* Forgets the tokens; what was made from them stays. Without it they go with the arena. */
void lexer_done(const struct source *source, struct lexer_result *result);

/*
 * The name of a NAME token in the form CPython compares: NFKC. ASCII names are borrowed from the
 * source; others live in the arena. *ret_changed tells whether normalising altered it.
 * An empty str means no memory.
 */
struct str lexer_name(const struct source *source, const struct token *token, bool *ret_changed);

/*
 * The value of a string literal's body (without prefix and quotes), escapes decoded and line ends
 * made LF, in UTF-8 with lone surrogates as three bytes (the "surrogatepass" form); for bytes
 * literals each byte as itself. `flags` are the token's TOKEN_* bits. In f-string text
 * (is_format) doubled braces become single. Returns 0, or -1 with *ret_diag, whose span is the
 * body: a bad \x, \u, \N escape, non-ASCII in a bytes literal, or no memory (DIAG_LIMIT). A value
 * without escapes is borrowed from the source.
 */
int lexer_string_value(const struct source *source, uint32_t start, uint32_t end, uint8_t flags,
	bool is_format, struct str *ret_value, struct diag *ret_diag);

#endif
