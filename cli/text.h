/*
 * Text that is safe to show: what a terminal would act on is spelled out instead (\x1b, \u202e).
 *
 * Spelled out: C0 controls and DEL (but for tab and newline where they are asked to stay), C1
 * controls, bidirectional controls, the line and paragraph separators, bytes that are not UTF-8.
 * Source of the list: Unicode 15, UAX #9 section 2; CVE-2021-42574 is what it is against.
 */
#ifndef PYSBX_CLI_TEXT_H
#define PYSBX_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum text_keep {
	TEXT_ONE_LINE = 0,       /* tabs and newlines are spelled out too */
	TEXT_KEEP_LINES = 1 << 0 /* tab and newline stay */
};

/* Appends the bytes, made visible. */
void text_visible(struct buf *out, struct str bytes, enum text_keep keep);

/* One stream that arrives in pieces: a character cut in two by a piece's end waits here. */
struct text_stream {
	char held[4];
	size_t held_len;
};

/* The same as text_visible(), TEXT_KEEP_LINES; last: nothing more will come. */
void text_stream_add(struct text_stream *stream, struct buf *out, struct str piece, bool last);

/* Terminal columns of one character: 0 combining, 2 wide, 1 else. */
unsigned text_width(uint32_t character);

/*
 * The character at bytes[0..len): its length, the code point in *ret; for a byte that is no UTF-8
 * 1 and UINT32_MAX.
 */
size_t text_decode(const char *bytes, size_t len, uint32_t *ret);

/*
 * The number of characters in the first `column` bytes of line. A byte that is no UTF-8 counts as
 * one (past 64 KiB of a line only if it could begin a character).
 */
size_t text_characters(struct str line, size_t column);

/* True for what is spelled out: controls, and what leads a terminal or a reader's eye astray. */
bool text_must_show(uint32_t character);

/* The lines of Python source bytes: where each begins. In an arena; the bytes are borrowed. */
struct text_lines {
	struct str source;
	const uint32_t *starts;
	uint32_t count;
};

/* Finds them; a byte order mark belongs to none. -1 without memory (there are then none). */
int text_lines_find(struct str source, struct arena *arena, struct text_lines *ret);

/* Line number `line` (from 1) without its end; empty where there is none. */
struct str text_lines_at(const struct text_lines *lines, uint32_t line);

#endif
