/* The JSON writer of base/json.h. It writes; it never reads JSON. */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>

void json_init(struct json *json, struct buf *out)
{
	*json = (struct json){.out = out};
}

static void member(struct json *json, const char *key)
{
	if (json->need_comma[json->depth])
		buf_add_char(json->out, ',');
	json->need_comma[json->depth] = true;
	if (key) {
		json_quote(json->out, str_of(key));
		buf_add_char(json->out, ':');
	}
}

static void open_level(struct json *json, const char *key, char bracket)
{
	member(json, key);
	buf_add_char(json->out, bracket);
	json->depth++;
	assert(json->depth < JSON_DEPTH);
	json->need_comma[json->depth] = false;
}

static void close_level(struct json *json, char bracket)
{
	assert(json->depth > 0);
	json->depth--;
	buf_add_char(json->out, bracket);
}

void json_object(struct json *json, const char *key)
{
	open_level(json, key, '{');
}

void json_object_end(struct json *json)
{
	close_level(json, '}');
}

void json_array(struct json *json, const char *key)
{
	open_level(json, key, '[');
}

void json_array_end(struct json *json)
{
	close_level(json, ']');
}

void json_str(struct json *json, const char *key, struct str value)
{
	member(json, key);
	json_quote(json->out, value);
}

void json_text(struct json *json, const char *key, const char *value)
{
	member(json, key);
	if (value)
		json_quote(json->out, str_of(value));
	else
		buf_add_text(json->out, "null");
}

void json_int(struct json *json, const char *key, int64_t value)
{
	member(json, key);
	buf_printf(json->out, "%" PRId64, value);
}

void json_uint(struct json *json, const char *key, uint64_t value)
{
	member(json, key);
	buf_printf(json->out, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	member(json, key);
	buf_add_text(json->out, value ? "true" : "false");
}

void json_millis(struct json *json, const char *key, uint64_t nanoseconds)
{
	uint64_t micros = nanoseconds / 1000 + (nanoseconds % 1000 >= 500);

	member(json, key);
	buf_printf(json->out, "%" PRIu64 ".%03u", micros / 1000, (unsigned)(micros % 1000));
}

void json_base64(struct json *json, const char *key, struct str bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)bytes.ptr;
	size_t i;

	member(json, key);
	buf_add_char(json->out, '"');
	for (i = 0; i < bytes.len; i += 3) {
		size_t rest = bytes.len - i;
		uint32_t group = (uint32_t)in[i] << 16;
		char four[4];

		if (rest > 1)
			group |= (uint32_t)in[i + 1] << 8;
		if (rest > 2)
			group |= in[i + 2];
		four[0] = digits[group >> 18];
		four[1] = digits[group >> 12 & 63];
		four[2] = rest > 1 ? digits[group >> 6 & 63] : '=';
		four[3] = rest > 2 ? digits[group & 63] : '=';
		buf_add(json->out, four, sizeof(four));
	}
	buf_add_char(json->out, '"');
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_sequence(const char *s, size_t len)
{
	unsigned char a, b;

	if (len == 0)
		return 0;
	a = (unsigned char)s[0];
	if (a < 0x80)
		return 1;
	if (a < 0xc2 || a > 0xf4 || len < 2 || !is_continuation(s[1]))
		return 0;
	if (a < 0xe0)
		return 2;
	b = (unsigned char)s[1];
	if (len < 3 || !is_continuation(s[2]))
		return 0;
	if (a < 0xf0) {
		/* Overlong forms and surrogates: Unicode standard, table 3-7. */
		if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f))
			return 0;
		return 3;
	}
	if (len < 4 || !is_continuation(s[3]))
		return 0;
	if ((a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f))
		return 0;
	return 4;
}

bool utf8_valid(struct str s)
{
	size_t i = 0, step;

	for (; i < s.len; i += step) {
		step = utf8_sequence(s.ptr + i, s.len - i);
		if (!step)
			return false;
	}
	return true;
}

/* A surrogate as "surrogatepass" writes it: ED A0..BF 80..BF. */
static bool is_surrogate(const char *s, size_t len)
{
	return len >= 3 && (unsigned char)s[0] == 0xed && (unsigned char)s[1] >= 0xa0 &&
	       (unsigned char)s[1] <= 0xbf && is_continuation(s[2]);
}

/* C0, DEL, C1 and the two line separators: what a terminal or a line reader could act on. */
static bool must_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

static void add_escape(struct buf *out, uint32_t c)
{
	switch (c) {
	case '\n':
		buf_add_text(out, "\\n");
		break;
	case '\r':
		buf_add_text(out, "\\r");
		break;
	case '\t':
		buf_add_text(out, "\\t");
		break;
	default:
		buf_printf(out, "\\u%04x", (unsigned)c);
	}
}

static uint32_t decode(const char *s, size_t len)
{
	uint32_t c = (unsigned char)s[0];
	size_t i;

	if (len == 1)
		return c;
	c &= 0x7fu >> len;
	for (i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

/* One character that is not plain; returns how many bytes it took. */
static size_t quote_char(struct buf *out, const char *s, size_t len)
{
	size_t step = utf8_sequence(s, len);
	uint32_t c;

	if (step == 0 && is_surrogate(s, len)) {
		buf_printf(out, "\\u%04x", (unsigned)decode(s, 3));
		return 3;
	}
	if (step == 0) {
		buf_add_text(out, "\xef\xbf\xbd");
		return 1;
	}
	c = decode(s, step);
	if (c == '"' || c == '\\') {
		buf_add_char(out, '\\');
		buf_add_char(out, (char)c);
	} else if (must_escape(c)) {
		add_escape(out, c);
	} else {
		buf_add(out, s, step);
	}
	return step;
}

void json_quote(struct buf *out, struct str value)
{
	size_t i = 0, run;

	buf_add_char(out, '"');
	while (i < value.len) {
		for (run = i; run < value.len && is_plain(value.ptr[run]); run++)
			;
		buf_add(out, value.ptr + i, run - i);
		i = run;
		if (i < value.len)
			i += quote_char(out, value.ptr + i, value.len - i);
	}
	buf_add_char(out, '"');
}
