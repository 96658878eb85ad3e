/*
 * The bytes of one Python source, checked and ready to be read as tokens.
 *
 * The text stays as it came, line ends included, minus a byte order mark: every later stage speaks
 * of it in byte offsets, and a position (line, column) is computed only when somebody asks.
 * Sources of the rules: the Python language reference, "Lexical analysis"; PEP 263 (cookies);
 * PEP 3120 (UTF-8); Parser/tokenizer of CPython 3.8 to 3.14, measured.
 *
 * Ownership: everything lives in the arena given to source_init(), a copy of the text too: `bytes`
 * may go once it returned; `name` is borrowed and must outlive the source. Limits: SOURCE_MAX
 * bytes.
 */
#ifndef PYSBX_LEXER_SOURCE_H
#define PYSBX_LEXER_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pyversion.h"
#include "base/str.h"
#include "lexer/diag.h"

#define SOURCE_MAX     ((size_t)64 << 20) /* bytes; a larger source is refused */

#define SOURCE_PADDING 16 /* NUL bytes readable past the end of source.text */

struct source {
	struct arena *arena;
	struct str name; /* as the user gave it: "prog.py", "<string>", "<stdin>" */
	struct str text; /* a copy without the byte order mark, valid UTF-8, no NUL within,
			    SOURCE_PADDING NUL bytes after */
	const uint32_t *line_starts; /* byte offset of each line; LF, CRLF and lone CR end a line */
	uint32_t line_count;
	uint8_t minor; /* the target version 3.minor */
	bool has_bom;
};

struct position {
	uint32_t line;   /* from 1 */
	uint32_t column; /* UTF-8 bytes from 0 */
};

/*
 * Checks the encoding (BOM, cookie, UTF-8 validity, NUL) and finds the lines. Returns 0, or -1 with
 * *ret_diag filled when the source must be refused.
 */
int source_init(struct source *source, struct arena *arena, struct str name, struct str bytes,
	uint8_t minor, struct diag *ret_diag);

/* The position of a byte offset (0..text.len). O(log lines). */
struct position source_position(const struct source *source, uint32_t offset);

/* The text of a line (from 1) without its end; empty past the last line. */
struct str source_line(const struct source *source, uint32_t line);

#endif
