/*
 * The value of string literals: escapes, line ends, doubled braces.
 *
 * The escapes and the texts of the errors are CPython's (_PyUnicode_DecodeUnicodeEscape and
 * _PyBytes_DecodeEscape). CPython hands its decoder a rewritten text, in which every character over
 * 0x7f has become a ten byte escape; the positions in its messages count that text, and so do ours.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lexer/lexer.h"
#include "lexer/unicode.h"
#include "lexer/utf8.h"

#define REWRITTEN_CHAR      10 /* \U0001f600 */
#define REWRITTEN_BACKSLASH 6  /* \u005c, what stands for one before a character over 0x7f */
#define OCTAL_DIGITS        3

struct decoder {
	const struct source *source;
	const unsigned char *body; /* where positions in messages count from */
	const unsigned char *p;
	const unsigned char *end;
	char *out;
	uint32_t start; /* the literal's body, for the diagnostic */
	uint32_t stop;
	uint8_t flags;
	bool is_format;
	struct diag *diag;
};

static int fail(struct decoder *d, enum diag_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct decoder *d, enum diag_kind kind, const char *format, ...)
{
	struct position from = source_position(d->source, d->start);
	struct position to = source_position(d->source, d->stop);
	char text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*d->diag = (struct diag){
		.message = arena_strdup(d->source->arena, str_of(text)),
		.line = from.line,
		.column = from.column,
		.end_line = to.line,
		.end_column = to.column,
		.kind = kind,
	};
	if (!d->diag->message)
		d->diag->message = "out of memory";
	return -1;
}

/* How many bytes CPython's rewritten text has between from and to. */
static size_t rewritten_length(const unsigned char *from, const unsigned char *to)
{
	size_t len = 0;

	while (from < to) {
		if (*from == '\r' && from + 1 < to && from[1] == '\n') {
			from++;
		} else if (*from == '\\' && from + 1 < to && from[1] >= 0x80) {
			len += REWRITTEN_BACKSLASH;
			from++;
		} else if (*from == '\\' && from + 1 < to) {
			len++;
			from++;
			if (*from == '\r' && from + 1 < to && from[1] == '\n')
				from++;
			len++;
			from++;
		} else if (*from >= 0x80) {
			len += REWRITTEN_CHAR;
			from += utf8_expected(*from);
		} else {
			len++;
			from++;
		}
	}
	return len;
}

/* A bad escape of a str literal, from its backslash up to `to`. */
static int bad_escape(struct decoder *d, const unsigned char *to, const char *why)
{
	size_t from = rewritten_length(d->body, d->p);
	size_t last = from + rewritten_length(d->p, to) - 1;

	return fail(d, DIAG_SYNTAX,
		"(unicode error) 'unicodeescape' codec can't decode bytes in position %zu-%zu: %s",
		from, last, why);
}

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put(struct decoder *d, uint32_t c)
{
	if (d->flags & TOKEN_BYTES)
		*d->out++ = (char)c;
	else
		d->out += utf8_encode(c, d->out);
}

/* \x, \u and \U: exactly `digits` of them behind the letter. */
static int hex_escape(struct decoder *d, int digits, const char *truncated)
{
	const unsigned char *p = d->p + 2;
	uint32_t value = 0;
	int i, digit;

	for (i = 0; i < digits; i++, p++) {
		digit = p < d->end ? hex_value(*p) : -1;
		if (digit < 0 && (d->flags & TOKEN_BYTES))
			return fail(d, DIAG_SYNTAX,
				"(value error) invalid \\x escape at position %zu",
				rewritten_length(d->body, d->p));
		if (digit < 0)
			return bad_escape(d, p, truncated);
		value = value << 4 | (uint32_t)digit;
	}
	if (value > 0x10ffff)
		return bad_escape(d, p, "illegal Unicode character");
	put(d, value);
	d->p = p;
	return 0;
}

/* \N{NAME} */
static int name_escape(struct decoder *d)
{
	const unsigned char *name = d->p + 3, *p;
	uint32_t value;

	if (d->end - d->p < 3 || d->p[2] != '{')
		return bad_escape(d, d->p + 2, "malformed \\N character escape");
	for (p = name; p < d->end && *p != '}'; p++)
		;
	if (p == name || p == d->end)
		return bad_escape(d, p, "malformed \\N character escape");
	if (!unicode_by_name(
		    str_from((const char *)name, (size_t)(p - name)), d->source->minor, &value))
		return bad_escape(d, p + 1, "unknown Unicode character name");
	put(d, value);
	d->p = p + 1;
	return 0;
}

static void octal_escape(struct decoder *d)
{
	uint32_t value = 0;
	int i;

	d->p++;
	for (i = 0; i < OCTAL_DIGITS && d->p < d->end && *d->p >= '0' && *d->p <= '7'; i++)
		value = value << 3 | (uint32_t)(*d->p++ - '0');
	put(d, value);
}

/* The byte that \a, \n ... stand for; 0 for every other letter. */
static unsigned char simple_escape(unsigned char c)
{
	static const unsigned char meaning[256] = {
		['\\'] = '\\',
		['\''] = '\'',
		['"'] = '"',
		['a'] = '\a',
		['b'] = '\b',
		['f'] = '\f',
		['n'] = '\n',
		['r'] = '\r',
		['t'] = '\t',
		['v'] = '\v',
	};

	return meaning[c];
}

/* d->p stands at a backslash: decodes the escape. An unknown one stays as it is. */
static int escape(struct decoder *d)
{
	unsigned char c, simple;

	if (d->end - d->p < 2) {
		*d->out++ = (char)*d->p++;
		return 0;
	}
	c = d->p[1];
	simple = simple_escape(c);
	if (simple) {
		*d->out++ = (char)simple;
		d->p += 2;
		return 0;
	}
	if (c == '\n' || c == '\r') {
		d->p += c == '\r' && d->end - d->p > 2 && d->p[2] == '\n' ? 3 : 2;
		return 0;
	}
	if (c >= '0' && c <= '7') {
		octal_escape(d);
		return 0;
	}
	if (c == 'x')
		return hex_escape(d, 2, "truncated \\xXX escape");
	if (!(d->flags & TOKEN_BYTES)) {
		if (c == 'u')
			return hex_escape(d, 4, "truncated \\uXXXX escape");
		if (c == 'U')
			return hex_escape(d, 8, "truncated \\UXXXXXXXX escape");
		if (c == 'N')
			return name_escape(d);
	}
	*d->out++ = (char)*d->p++;
	return 0;
}

static int decode(struct decoder *d)
{
	const bool raw = d->flags & TOKEN_RAW;
	unsigned char c;

	while (d->p < d->end) {
		c = *d->p;
		if (c == '\\' && !raw) {
			if (escape(d))
				return -1;
		} else if (c == '\r') {
			*d->out++ = '\n';
			d->p += d->end - d->p > 1 && d->p[1] == '\n' ? 2 : 1;
		} else if (d->is_format && (c == '{' || c == '}')) {
			*d->out++ = (char)c;
			d->p += d->end - d->p > 1 && d->p[1] == c ? 2 : 1;
			d->body = d->p; /* CPython decodes the rest on its own */
		} else {
			*d->out++ = (char)c;
			d->p++;
		}
	}
	return 0;
}

static bool has(struct str text, char c)
{
	return text.len && memchr(text.ptr, c, text.len);
}

static bool needs_decoding(struct str text, uint8_t flags, bool is_format)
{
	return (!(flags & TOKEN_RAW) && has(text, '\\')) || has(text, '\r') ||
	       (is_format && (has(text, '{') || has(text, '}')));
}

static bool is_ascii(struct str text)
{
	unsigned char all = 0;
	size_t i;

	for (i = 0; i < text.len; i++)
		all |= (unsigned char)text.ptr[i];
	return all < 0x80;
}

int lexer_string_value(const struct source *source, uint32_t start, uint32_t end, uint8_t flags,
	bool is_format, struct str *ret_value, struct diag *ret_diag)
{
	struct str text = str_from(source->text.ptr + start, end - start);
	struct decoder d = {
		.source = source,
		.body = (const unsigned char *)text.ptr,
		.p = (const unsigned char *)text.ptr,
		.end = (const unsigned char *)text.ptr + text.len,
		.start = start,
		.stop = end,
		.flags = flags,
		.is_format = is_format,
		.diag = ret_diag,
	};
	char *value;

	if ((flags & TOKEN_BYTES) && !is_ascii(text))
		return fail(&d, DIAG_SYNTAX,
			source->minor < 10 ? "bytes can only contain ASCII literal characters."
					   : "bytes can only contain ASCII literal characters");
	*ret_value = text;
	if (!needs_decoding(text, flags, is_format))
		return 0;
	/* No escape is shorter than what it stands for, so the value fits in the literal's length.
	 */
	value = d.out = arena_alloc(source->arena, text.len);
	if (!value)
		return fail(&d, DIAG_LIMIT, "source is too large for the memory allowed");
	if (decode(&d))
		return -1;
	*ret_value = str_from(value, (size_t)(d.out - value));
	return 0;
}
