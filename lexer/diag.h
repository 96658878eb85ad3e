/*
 * One diagnostic about the user's source: where, and one line for a person.
 *
 * Lines count from 1, columns count UTF-8 bytes from 0 (CPython's col_offset). The span is half
 * open. The message belongs to the arena of the source, or is a literal.
 */
#ifndef PYSBX_LEXER_DIAG_H
#define PYSBX_LEXER_DIAG_H

#include <stdint.h>

/* The exception CPython would raise; all of them mean: does not parse. */
enum diag_kind {
	DIAG_SYNTAX,      /* SyntaxError */
	DIAG_INDENTATION, /* IndentationError */
	DIAG_TAB,         /* TabError */
	DIAG_ENCODING,    /* SyntaxError about the decoding of the file */
	DIAG_LIMIT, /* too deep or too large for us: refused, whatever CPython's stack allows */
};

struct diag {
	const char *message; /* NULL: no diagnostic */
	uint32_t line;
	uint32_t column;
	uint32_t end_line;
	uint32_t end_column;
	enum diag_kind kind;
};

#endif
