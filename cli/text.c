/*
 * Making text safe to show, and measuring it (cli/text.h).
 */
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define LONG_LINE 65536 /* bytes */

struct range {
	uint32_t first;
	uint32_t last;
};

/* General categories Mn and Me where programs are likely to have them, and zero-width joiners. */
static const struct range zero_width[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
	{0x0610, 0x061a}, {0x064b, 0x065f}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0x302a, 0x302d}, {0xfe00, 0xfe0f},
	{0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};

/* UAX #11: Wide and Fullwidth, emoji with their default presentation included. */
static const struct range two_wide[] = {{0x1100, 0x115f}, {0x231a, 0x231b}, {0x2e80, 0x303e},
	{0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},
	{0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x16fe0, 0x18cff},
	{0x1aff0, 0x1b2ff}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
	{0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};

/* What a terminal or a reader's eye could be led astray by, beyond C0, DEL and C1. */
static const struct range misleading[] = {{0x061c, 0x061c}, {0x200e, 0x200f}, {0x2028, 0x202e},
	{0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

static bool within(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count && ranges[i].first <= c; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

#define WITHIN(c, ranges) within((c), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

unsigned text_width(uint32_t character)
{
	if (WITHIN(character, zero_width))
		return 0;
	return WITHIN(character, two_wide) ? 2 : 1;
}

size_t text_decode(const char *bytes, size_t len, uint32_t *ret)
{
	size_t step = utf8_sequence(bytes, len);
	uint32_t c = (unsigned char)bytes[0];

	if (step == 0) {
		*ret = UINT32_MAX;
		return 1;
	}
	if (step > 1)
		c &= 0x7fu >> step;
	for (size_t i = 1; i < step; i++)
		c = c << 6 | ((unsigned char)bytes[i] & 0x3f);
	*ret = c;
	return step;
}

bool text_must_show(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || WITHIN(c, misleading);
}

static void add_character(struct buf *out, const char *bytes, size_t len, uint32_t c, bool lines)
{
	if (c == UINT32_MAX)
		buf_printf(out, "\\x%02x", (unsigned char)bytes[0]);
	else if (!text_must_show(c) || (lines && (c == '\n' || c == '\t')))
		buf_add(out, bytes, len);
	else if (c < 0x100)
		buf_printf(out, "\\x%02x", (unsigned)c);
	else if (c < 0x10000)
		buf_printf(out, "\\u%04x", (unsigned)c);
	else
		buf_printf(out, "\\U%08x", (unsigned)c);
}

void text_visible(struct buf *out, struct str bytes, enum text_keep keep)
{
	for (size_t i = 0, step; i < bytes.len; i += step) {
		uint32_t c;

		step = text_decode(bytes.ptr + i, bytes.len - i, &c);
		add_character(out, bytes.ptr + i, step, c, keep == TEXT_KEEP_LINES);
	}
}

/* How many bytes a character has that begins with this one; 1 for what begins none. */
static size_t announced_length(char first)
{
	unsigned char c = (unsigned char)first;

	if (c >= 0xf0 && c <= 0xf4)
		return 4;
	if (c >= 0xe0)
		return c < 0xf0 ? 3 : 1;
	return c >= 0xc2 ? 2 : 1;
}

/* Length of the character cut off by the end of s; 0: none is. */
static size_t cut_tail(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.len; back++) {
		char c = s.ptr[s.len - back];

		if (((unsigned char)c & 0xc0) == 0x80)
			continue;
		return announced_length(c) > back ? back : 0;
	}
	return 0;
}

void text_stream_add(struct text_stream *stream, struct buf *out, struct str piece, bool last)
{
	size_t tail;

	/* What is held is completed byte by byte; it shows as stray bytes if it cannot be. */
	while (stream->held_len && piece.len &&
		stream->held_len < announced_length(stream->held[0]) &&
		((unsigned char)piece.ptr[0] & 0xc0) == 0x80) {
		stream->held[stream->held_len++] = piece.ptr[0];
		piece = str_from(piece.ptr + 1, piece.len - 1);
	}
	if (stream->held_len &&
		(piece.len || last || stream->held_len == announced_length(stream->held[0]))) {
		text_visible(out, str_from(stream->held, stream->held_len), TEXT_KEEP_LINES);
		stream->held_len = 0;
	}
	tail = last ? 0 : cut_tail(piece);
	text_visible(out, str_from(piece.ptr, piece.len - tail), TEXT_KEEP_LINES);
	if (tail) {
		memcpy(stream->held, piece.ptr + piece.len - tail, tail);
		stream->held_len = tail;
	}
}

size_t text_characters(struct str line, size_t column)
{
	size_t count = 0;

	/* A very long line: its characters are counted by their first bytes. */
	if (column > LONG_LINE) {
		for (size_t i = 0; i < column && i < line.len; i++)
			count += ((unsigned char)line.ptr[i] & 0xc0) != 0x80;
		return count;
	}
	for (size_t i = 0; i < column && i < line.len; count++) {
		uint32_t c;

		i += text_decode(line.ptr + i, line.len - i, &c);
	}
	return count;
}

/* Where the line that starts at `at` ends, without its end. */
static size_t line_end(struct str source, size_t at)
{
	while (at < source.len && source.ptr[at] != '\n' && source.ptr[at] != '\r')
		at++;
	return at;
}

/* Where the line after the one that ends at `end` begins. */
static size_t next_line(struct str source, size_t end)
{
	bool two = source.ptr[end] == '\r' && end + 1 < source.len && source.ptr[end + 1] == '\n';

	return end + (two ? 2 : 1);
}

static size_t first_line(struct str source)
{
	return source.len >= 3 && memcmp(source.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

int text_lines_find(struct str source, struct arena *arena, struct text_lines *ret)
{
	uint32_t count = 1, *starts;
	size_t at;

	*ret = (struct text_lines){.source = source};
	for (at = line_end(source, 0); at < source.len;
		at = line_end(source, next_line(source, at)))
		count++;
	starts = arena_array(arena, count, sizeof(*starts));
	if (!starts)
		return -1;
	at = first_line(source);
	for (uint32_t i = 0; i < count; i++) {
		starts[i] = (uint32_t)at;
		at = line_end(source, at);
		if (at < source.len)
			at = next_line(source, at);
	}
	ret->starts = starts;
	ret->count = count;
	return 0;
}

struct str text_lines_at(const struct text_lines *lines, uint32_t line)
{
	struct str source = lines->source;
	size_t at, end;

	if (line < 1 || line > lines->count)
		return (struct str){0};
	at = lines->starts[line - 1];
	end = line < lines->count ? lines->starts[line] : source.len;
	if (line < lines->count && end > at && source.ptr[end - 1] == '\n')
		end--;
	if (line < lines->count && end > at && source.ptr[end - 1] == '\r')
		end--;
	return str_from(source.ptr + at, end - at);
}
