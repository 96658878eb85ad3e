/* repr() of the constants of a tree, as Python 3.13 has it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lexer/unicode.h"
#include "lexer/utf8.h"
#include "parser/dump_internal.h"

#define DIGITS_MAX  4300 /* sys.int_info.default_max_str_digits */
#define LIMB        1000000000u
#define LIMB_DIGITS 9
#define LIMBS       (DIGITS_MAX / LIMB_DIGITS + 2)

/* The quote that needs no escape, ' where both or neither do. */
static char quote_for(struct str value)
{
	return memchr(value.ptr, '\'', value.len) && !memchr(value.ptr, '"', value.len) ? '"'
											: '\'';
}

/* A byte below 0x7f as it stands in a literal; false: it has no such form. */
static bool add_ascii(struct buf *out, unsigned char c, char quote)
{
	if (c == (unsigned char)quote || c == '\\') {
		buf_add_char(out, '\\');
		buf_add_char(out, (char)c);
	} else if (c == '\n' || c == '\r' || c == '\t') {
		buf_add_text(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
	} else if (c >= 0x20 && c < 0x7f) {
		buf_add_char(out, (char)c);
	} else {
		return false;
	}
	return true;
}

/* One character over 0x7f, or a surrogate, at p; returns how many bytes it has. */
static size_t add_wide(struct buf *out, const unsigned char *p, size_t left)
{
	size_t len = utf8_length(p, left);
	uint32_t c;

	if (len == 0) { /* a surrogate: three bytes that UTF-8 has no use for */
		c = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
		buf_printf(out, "\\u%04x", c);
		return 3;
	}
	c = utf8_decode(p, &len);
	if (unicode_is_printable(c))
		buf_add(out, p, len);
	else
		buf_printf(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
	return len;
}

void dump_repr_str(struct buf *out, struct str value)
{
	const unsigned char *p = (const unsigned char *)value.ptr, *end = p + value.len;
	char quote = quote_for(value);

	buf_add_char(out, quote);
	while (p < end) {
		if (*p >= 0x80) {
			p += add_wide(out, p, (size_t)(end - p));
			continue;
		}
		if (!add_ascii(out, *p, quote))
			buf_printf(out, "\\x%02x", *p);
		p++;
	}
	buf_add_char(out, quote);
}

static void add_bytes(struct buf *out, struct str value)
{
	char quote = quote_for(value);
	size_t i;

	buf_add_char(out, 'b');
	buf_add_char(out, quote);
	for (i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (!add_ascii(out, c, quote))
			buf_printf(out, "\\x%02x", c);
	}
	buf_add_char(out, quote);
}

/* The text without its underscores, NUL-terminated. */
static bool strip_underscores(struct buf *out, struct str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.ptr[i] != '_')
			buf_add_char(out, text.ptr[i]);
	return !out->failed && out->len > 0;
}

/* limbs = limbs * factor + digit; false: more than DIGITS_MAX digits. */
static bool scale(uint32_t *limbs, unsigned *count, unsigned factor, unsigned digit)
{
	uint64_t carry = digit;

	for (unsigned i = 0; i < *count; i++) {
		carry += (uint64_t)limbs[i] * factor;
		limbs[i] = (uint32_t)(carry % LIMB);
		carry /= LIMB;
	}
	if (carry && *count == LIMBS)
		return false;
	if (carry)
		limbs[(*count)++] = (uint32_t)carry;
	return true;
}

static unsigned digit_of(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c | 0x20) - 'a' + 10;
}

/* Digits of a base other than ten. */
static bool add_converted(struct buf *out, const char *digits, unsigned base)
{
	uint32_t limbs[LIMBS] = {0};
	unsigned count = 1;
	char first[16];
	int len;

	for (; *digits; digits++)
		if (!scale(limbs, &count, base, digit_of(*digits)))
			return false;
	len = snprintf(first, sizeof(first), "%u", limbs[count - 1]);
	if ((unsigned)len + (count - 1) * LIMB_DIGITS > DIGITS_MAX)
		return false;
	buf_add_text(out, first);
	while (--count)
		buf_printf(out, "%09u", limbs[count - 1]);
	return true;
}

static void add_int(struct buf *out, struct str text)
{
	cleanup_buf struct buf plain = BUF_INIT(SOURCE_MAX + 1);
	const char *digits;
	unsigned base;

	if (!strip_underscores(&plain, text)) {
		out->failed = out->failed || plain.failed;
		return;
	}
	digits = plain.data;
	base = digits[0] != '0'            ? 10
	       : (digits[1] | 0x20) == 'x' ? 16
	       : (digits[1] | 0x20) == 'o' ? 8
	       : (digits[1] | 0x20) == 'b' ? 2
					   : 10;
	if (base == 10) {
		digits += strspn(digits, "0");
		buf_add_text(out, *digits ? digits : "0");
	} else if (!add_converted(out, digits + 2, base)) {
		buf_add_str(out, text);
	}
}

/* The exponent of what "%e" made, and its digits without the dot and zeros at the end. */
static int split_digits(const char *text, char *ret_digits)
{
	const char *exponent = strchr(text, 'e');
	size_t count = 0;

	for (; text < exponent; text++)
		if (*text != '.')
			ret_digits[count++] = *text;
	while (count > 1 && ret_digits[count - 1] == '0')
		count--;
	ret_digits[count] = '\0';
	return atoi(exponent + 1);
}

/* The shortest digits that mean this double, as repr() lays them out. `dot`: ".0" for a whole one.
 */
static void add_double(struct buf *out, double value, bool dot)
{
	char text[40], digits[40];
	int precision = 0, exponent, count;

	if (isinf(value)) {
		buf_add_text(out, "inf");
		return;
	}
	do
		snprintf(text, sizeof(text), "%.*e", precision, value);
	while (strtod(text, NULL) != value && ++precision < 17);
	exponent = split_digits(text, digits);
	count = (int)strlen(digits);
	if (exponent < -4 || exponent >= 16) {
		buf_printf(out, "%c%s%se%c%02d", digits[0], count > 1 ? "." : "", digits + 1,
			exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) {
		buf_printf(out, "0.%.*s%s", -exponent - 1, "000", digits);
	} else if (count <= exponent + 1) {
		buf_printf(out, "%s%.*s%s", digits, exponent + 1 - count, "0000000000000000",
			dot ? ".0" : "");
	} else {
		buf_printf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
	}
}

static void add_float(struct buf *out, struct str text, bool complex)
{
	cleanup_buf struct buf plain = BUF_INIT(SOURCE_MAX + 1);

	if (!strip_underscores(&plain, text)) {
		out->failed = out->failed || plain.failed;
		return;
	}
	add_double(out, strtod(plain.data, NULL), !complex);
	if (complex)
		buf_add_char(out, 'j');
}

void dump_repr_constant(struct buf *out, const struct ast_node *node)
{
	struct str value = ast_Constant_value(node);

	switch (ast_Constant_type(node)) {
	case AST_CONST_NONE:
		buf_add_text(out, "None");
		break;
	case AST_CONST_FALSE:
		buf_add_text(out, "False");
		break;
	case AST_CONST_TRUE:
		buf_add_text(out, "True");
		break;
	case AST_CONST_ELLIPSIS:
		buf_add_text(out, "Ellipsis");
		break;
	case AST_CONST_STR:
	case AST_CONST_STR_U:
		dump_repr_str(out, value);
		break;
	case AST_CONST_BYTES:
		add_bytes(out, value);
		break;
	case AST_CONST_INT:
		add_int(out, value);
		break;
	case AST_CONST_FLOAT:
	case AST_CONST_COMPLEX:
		add_float(out, value, ast_Constant_type(node) == AST_CONST_COMPLEX);
		break;
	}
}
