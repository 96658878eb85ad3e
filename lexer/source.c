/*
 * lexer/source.h: decides whether bytes are a Python source we may read, and finds its lines.
 *
 * The rules of the cookie are CPython's (PEP 263), found in the same two lines by the same pattern;
 * the set of encodings is ours: only those whose bytes can be read as UTF-8 without a codec.
 */
#include "lexer/source.h"

#include <stdarg.h>
#include <string.h>

#include "lexer/utf8.h"

#define PEP263       "see https://peps.python.org/pep-0263/ for details"
#define COOKIE_SHOWN 60 /* bytes of a cookie that a message repeats */

/* How the bytes are to be read, once the cookie is known. */
enum charset { CHARSET_UTF8, CHARSET_ASCII, CHARSET_REFUSED };

/* The byte past the end of the line that starts at `start`, without its line end. */
static size_t line_end(struct str text, size_t start)
{
	size_t at = start;

	while (at < text.len && text.ptr[at] != '\n' && text.ptr[at] != '\r')
		at++;
	return at;
}

static size_t after_line_end(struct str text, size_t end)
{
	if (end >= text.len)
		return text.len;
	return end +
	       (text.ptr[end] == '\r' && end + 1 < text.len && text.ptr[end + 1] == '\n' ? 2 : 1);
}

/* Fills a diagnostic at a byte offset; works before the line table exists. */
static int refuse(const struct source *source, struct diag *diag, enum diag_kind kind, size_t at,
	const char *message)
{
	size_t start = 0, next;
	uint32_t line = 1;

	while ((next = after_line_end(source->text, line_end(source->text, start))) <= at &&
		next < source->text.len) {
		start = next;
		line++;
	}
	*diag = (struct diag){
		.message = message ? message : "out of memory",
		.line = line,
		.column = (uint32_t)(at - start),
		.end_line = line,
		.end_column = (uint32_t)(at - start + 1),
		.kind = kind,
	};
	return -1;
}

static bool is_cookie_byte(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_' || c == '.';
}

/* coding[:=][ \t]*([-_.a-zA-Z0-9]+) anywhere in a comment; an empty str where there is none. */
static struct str find_cookie(struct str line)
{
	const char *end = line.ptr + line.len, *p = line.ptr, *name;

	for (; (size_t)(end - p) > 6; p++) {
		if (memcmp(p, "coding", 6) != 0 || (p[6] != ':' && p[6] != '='))
			continue;
		for (name = p + 7; name < end && (*name == ' ' || *name == '\t'); name++)
			;
		for (p = name; p < end && is_cookie_byte((unsigned char)*p); p++)
			;
		if (p > name)
			return str_from(name, (size_t)(p - name));
		p = name - 1;
	}
	return (struct str){0};
}

/* The cookie of a source: in its first line, or in the second if the first holds no code. */
static struct str source_cookie(struct str text)
{
	size_t start = 0, end, at;
	struct str cookie;
	int line;

	for (line = 0; line < 2 && start < text.len; line++) {
		end = line_end(text, start);
		for (at = start; at < end && strchr(" \t\f", text.ptr[at]); at++)
			;
		if (at < end && text.ptr[at] != '#')
			break;
		cookie = find_cookie(str_from(text.ptr + at, end - at));
		if (cookie.len)
			return cookie;
		start = after_line_end(text, end);
	}
	return (struct str){0};
}

/*
 * CPython's own shortcut: the first twelve characters in lower case, '_' as '-'; "utf-8" and all
 * that starts with "utf-8-" mean UTF-8 without asking for a codec. Only these agree with a BOM.
 */
static bool is_utf8_by_name(struct str cookie)
{
	char name[12];
	size_t i, len = cookie.len < sizeof(name) ? cookie.len : sizeof(name);

	for (i = 0; i < len; i++) {
		char c = cookie.ptr[i];

		name[i] = c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return (len == 5 && memcmp(name, "utf-8", 5) == 0) ||
	       (len > 5 && memcmp(name, "utf-8-", 6) == 0);
}

/*
 * The other spellings whose codec is the one of UTF-8 or ASCII (encodings.aliases), hyphens
 * between their parts made one '_'.
 */
static enum charset charset_of(struct str cookie)
{
	static const struct {
		const char *name;
		enum charset charset;
	} known[] = {
		{"utf_8", CHARSET_UTF8},
		{"utf8", CHARSET_UTF8},
		{"u8", CHARSET_UTF8},
		{"utf", CHARSET_UTF8},
		{"utf8_ucs2", CHARSET_UTF8},
		{"utf8_ucs4", CHARSET_UTF8},
		{"utf8.ucs2", CHARSET_UTF8},
		{"utf8.ucs4", CHARSET_UTF8},
		{"cp65001", CHARSET_UTF8},
		{"utf_8_sig", CHARSET_UTF8},
		{"ascii", CHARSET_ASCII},
		{"us_ascii", CHARSET_ASCII},
		{"us.ascii", CHARSET_ASCII},
	};
	char name[16];
	size_t i, len = 0;
	bool gap = false; /* between two parts */

	for (i = 0; i < cookie.len; i++) {
		char c = cookie.ptr[i];

		if (len + 2 > sizeof(name))
			return CHARSET_REFUSED;
		if (c == '-' || c == '_') {
			gap = len > 0;
			continue;
		}
		if (gap)
			name[len++] = '_';
		gap = false;
		name[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (str_is(str_from(name, len), known[i].name))
			return known[i].charset;
	}
	return CHARSET_REFUSED;
}

static int check_cookie(
	struct source *source, struct str cookie, enum charset *ret_charset, struct diag *ret_diag)
{
	size_t at = (size_t)(cookie.ptr - source->text.ptr);
	int shown = (int)(cookie.len < COOKIE_SHOWN ? cookie.len : COOKIE_SHOWN);

	*ret_charset = CHARSET_UTF8;
	if (is_utf8_by_name(cookie))
		return 0;
	if (source->has_bom)
		return refuse(source, ret_diag, DIAG_ENCODING, at,
			arena_printf(source->arena, "encoding problem: %.*s with BOM", shown,
				cookie.ptr));
	*ret_charset = charset_of(cookie);
	if (*ret_charset != CHARSET_REFUSED)
		return 0;
	return refuse(source, ret_diag, DIAG_ENCODING, at,
		arena_printf(source->arena,
			"encoding problem: %.*s is not accepted; save the file as UTF-8 and drop "
			"the coding cookie",
			shown, cookie.ptr));
}

/* The first byte with the top bit set, or text.len. Eight bytes at a time. */
static size_t first_non_ascii(struct str text)
{
	const uint64_t high = 0x8080808080808080u;
	size_t at = 0;
	uint64_t word;

	for (; text.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text.ptr + at, sizeof(word));
		if (word & high)
			break;
	}
	while (at < text.len && (unsigned char)text.ptr[at] < 0x80)
		at++;
	return at;
}

/* The first byte that is not part of a well-formed sequence, or text.len. */
static size_t first_invalid_utf8(struct str text)
{
	size_t at = 0, len;

	while ((at += first_non_ascii(str_from(text.ptr + at, text.len - at))) < text.len) {
		len = utf8_length((const unsigned char *)text.ptr + at, text.len - at);
		if (len == 0)
			break;
		at += len;
	}
	return at;
}

static int check_bytes(
	struct source *source, bool has_cookie, enum charset charset, struct diag *ret_diag)
{
	struct str text = source->text;
	const char *nul = text.len ? memchr(text.ptr, 0, text.len) : NULL;
	size_t at;

	if (nul)
		return refuse(source, ret_diag, DIAG_ENCODING, (size_t)(nul - text.ptr),
			"source code cannot contain null bytes");
	at = charset == CHARSET_ASCII ? first_non_ascii(text) : first_invalid_utf8(text);
	if (at == text.len)
		return 0;
	refuse(source, ret_diag, DIAG_ENCODING, at, "");
	if (charset == CHARSET_ASCII)
		ret_diag->message = arena_printf(source->arena,
			"(unicode error) 'ascii' codec can't decode byte 0x%02x in position %zu: "
			"ordinal not in range(128)",
			(unsigned char)text.ptr[at], at);
	else if (has_cookie || source->has_bom)
		ret_diag->message = arena_printf(source->arena,
			"(unicode error) 'utf-8' codec can't decode byte 0x%02x in position %zu: "
			"%s",
			(unsigned char)text.ptr[at], at,
			utf8_problem((const unsigned char *)text.ptr + at, text.len - at));
	else
		ret_diag->message = arena_printf(source->arena,
			"Non-UTF-8 code starting with '\\x%02x' on line %u, but no encoding "
			"declared; " PEP263,
			(unsigned char)text.ptr[at], ret_diag->line);
	if (!ret_diag->message)
		ret_diag->message = "out of memory";
	return -1;
}

#define BLOCK 64

/* A loop of fixed length, which compilers turn into a few vector instructions. */
static unsigned count_newlines(const char block[BLOCK])
{
	unsigned char count = 0;

	for (unsigned i = 0; i < BLOCK; i++)
		count = (unsigned char)(count + (block[i] == '\n'));
	return count;
}

/* Lines end in LF, CRLF or a lone CR; the count first, so that the table has the exact size. */
static size_t count_lines(struct str text)
{
	const char *end = text.ptr + text.len, *p = text.ptr;
	size_t count = 1;

	for (; end - p >= BLOCK; p += BLOCK)
		count += count_newlines(p);
	for (; p < end; p++)
		count += *p == '\n';
	if (!memchr(text.ptr, '\r', text.len))
		return count;
	for (p = text.ptr; p < end; p++)
		count += *p == '\r' && p[1] != '\n';
	return count;
}

static bool find_lines(struct source *source)
{
	struct str text = source->text;
	size_t count = text.len ? count_lines(text) : 1, filled = 0, at = 0;
	uint32_t *starts = arena_array(source->arena, count, sizeof(*starts));
	bool has_cr = text.len && memchr(text.ptr, '\r', text.len);
	const char *lf;

	if (!starts)
		return false;
	starts[filled++] = 0;
	while (filled < count) {
		if (has_cr) {
			at = after_line_end(text, line_end(text, at));
		} else {
			lf = memchr(text.ptr + at, '\n', text.len - at);
			if (!lf)
				break;
			at = (size_t)(lf - text.ptr) + 1;
		}
		starts[filled++] = (uint32_t)at;
	}
	source->line_starts = starts;
	source->line_count = (uint32_t)filled;
	return true;
}

/* The lexer reads a copy with SOURCE_PADDING NUL bytes after it: no bound to check per byte. */
static bool copy_text(struct source *source, struct str bytes)
{
	char *copy = arena_alloc(source->arena, bytes.len + SOURCE_PADDING);

	if (!copy)
		return false;
	if (bytes.len)
		memcpy(copy, bytes.ptr, bytes.len);
	source->text = str_from(copy, bytes.len);
	return true;
}

int source_init(struct source *source, struct arena *arena, struct str name, struct str bytes,
	uint8_t minor, struct diag *ret_diag)
{
	enum charset charset = CHARSET_UTF8;
	struct str cookie;

	*source = (struct source){.arena = arena, .name = name, .minor = minor};
	if (bytes.len > SOURCE_MAX)
		return refuse(source, ret_diag, DIAG_LIMIT, 0, "source is too large");
	if (str_starts(bytes, STR("\xef\xbb\xbf"))) {
		source->has_bom = true;
		bytes = str_from(bytes.ptr + 3, bytes.len - 3);
	}
	if (!copy_text(source, bytes))
		return refuse(source, ret_diag, DIAG_LIMIT, 0,
			"source is too large for the memory allowed");
	cookie = source_cookie(source->text);
	if (cookie.len && check_cookie(source, cookie, &charset, ret_diag))
		return -1;
	if (check_bytes(source, cookie.len > 0, charset, ret_diag))
		return -1;
	if (!find_lines(source))
		return refuse(source, ret_diag, DIAG_LIMIT, 0,
			"source is too large for the memory allowed");
	return 0;
}

struct position source_position(const struct source *source, uint32_t offset)
{
	uint32_t low = 0, high = source->line_count, middle;

	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (source->line_starts[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return (struct position){low + 1, offset - source->line_starts[low]};
}

struct str source_line(const struct source *source, uint32_t line)
{
	size_t start;

	if (line == 0 || line > source->line_count)
		return (struct str){0};
	start = source->line_starts[line - 1];
	return str_from(source->text.ptr + start, line_end(source->text, start) - start);
}
