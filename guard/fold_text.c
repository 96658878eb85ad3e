/*
 * Text worked out from text: codecs, cases, parts (guard/fold.c calls these).
 */
#include "guard/fold.h"

char *fold_room(struct screen *screen, size_t len)
{
	char *text = len <= FOLD_TEXT_MAX * 4 ? arena_alloc(screen->arena, len + 1) : NULL;

	if (!text && len <= FOLD_TEXT_MAX * 4)
		screen->failed = true;
	return text;
}

/* UTF-8 of a code point; 0: none. */
size_t fold_encode(int64_t code, char *out)
{
	if (code < 0 || code > 0x10ffff)
		return 0;
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

struct fold fold_concat(struct screen *screen, struct fold a, struct fold b)
{
	char *text;

	if (a.kind == FOLD_LIST && b.kind == FOLD_LIST && a.count + b.count <= FOLD_LIST_MAX) {
		struct fold *items =
			arena_array(screen->arena, a.count + b.count + 1u, sizeof(*items));

		if (!items) {
			screen->failed = true;
			return NOTHING;
		}
		if (a.count)
			memcpy(items, a.items, a.count * sizeof(*items));
		if (b.count)
			memcpy(items + a.count, b.items, b.count * sizeof(*items));
		return (struct fold){.kind = FOLD_LIST, .items = items, .count = a.count + b.count};
	}
	if (a.kind != b.kind || (a.kind != FOLD_STR && a.kind != FOLD_BYTES) ||
		a.text.len + b.text.len > FOLD_TEXT_MAX)
		return NOTHING;
	text = fold_room(screen, a.text.len + b.text.len);
	if (!text)
		return NOTHING;
	if (a.text.len)
		memcpy(text, a.text.ptr, a.text.len);
	if (b.text.len)
		memcpy(text + a.text.len, b.text.ptr, b.text.len);
	return fold_text_of(a.kind, str_from(text, a.text.len + b.text.len));
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct fold fold_unhex(struct screen *screen, struct str hex)
{
	char *text = fold_room(screen, hex.len / 2 + 1);
	size_t len = 0;

	if (!text)
		return NOTHING;
	for (size_t i = 0; i < hex.len; i++) {
		if (hex.ptr[i] == ' ')
			continue;
		if (i + 1 >= hex.len || digit_of(hex.ptr[i]) < 0 || digit_of(hex.ptr[i + 1]) < 0)
			return NOTHING;
		text[len++] = (char)(digit_of(hex.ptr[i]) * 16 + digit_of(hex.ptr[i + 1]));
		i++;
	}
	return fold_text_of(FOLD_BYTES, str_from(text, len));
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int base32_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const char *at = c ? strchr(digits, c >= 'a' && c <= 'z' ? c - 32 : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

struct fold fold_unbase(struct screen *screen, struct str coded, int bits_each)
{
	char *text = fold_room(screen, coded.len);
	uint32_t bits = 0;
	int have = 0;
	size_t len = 0;

	if (!text)
		return NOTHING;
	for (size_t i = 0; i < coded.len && coded.ptr[i] != '='; i++) {
		int digit =
			bits_each == 6 ? base64_digit(coded.ptr[i]) : base32_digit(coded.ptr[i]);

		if (digit < 0)
			continue;
		bits = (bits << bits_each | (uint32_t)digit) & 0xffffff;
		have += bits_each;
		if (have >= 8) {
			have -= 8;
			text[len++] = (char)(bits >> have);
		}
	}
	return fold_text_of(FOLD_BYTES, str_from(text, len));
}

struct fold fold_rot13(struct screen *screen, struct str plain)
{
	char *text = fold_room(screen, plain.len);

	for (size_t i = 0; text && i < plain.len; i++) {
		char c = plain.ptr[i], low = (char)(c | 0x20);

		text[i] = low >= 'a' && low <= 'z' ? (char)(c + (low < 'n' ? 13 : -13)) : c;
	}
	return text ? fold_text_of(FOLD_STR, str_from(text, plain.len)) : NOTHING;
}

struct fold fold_changed_case(struct screen *screen, struct fold value, char how)
{
	char *text = fold_room(screen, value.text.len);
	bool start = true;

	for (size_t i = 0; text && i < value.text.len; i++) {
		char c = value.text.ptr[i], low = (char)(c | 0x20);
		bool letter = low >= 'a' && low <= 'z';
		bool upper = how == 'u' || ((how == 't' || how == 'c') && start) ||
			     (how == 's' && (c & 0x20));

		text[i] = letter ? (upper ? (char)(c & ~0x20) : low) : c;
		start = how == 't' ? !letter : false;
	}
	return text ? fold_text_of(value.kind, str_from(text, value.text.len)) : NOTHING;
}

struct fold fold_stripped(struct fold value, struct fold set, char side)
{
	const char *which = " \t\n\r\f\v";
	size_t count = 6;
	struct str text = value.text;

	if (set.kind == value.kind) {
		which = set.text.ptr;
		count = set.text.len;
	}
	while (side != 'r' && text.len && count && memchr(which, text.ptr[0], count)) {
		text.ptr++;
		text.len--;
	}
	while (side != 'l' && text.len && count && memchr(which, text.ptr[text.len - 1], count))
		text.len--;
	return fold_text_of(value.kind, text);
}

struct fold fold_replaced(struct screen *screen, struct fold value, struct fold old, struct fold by)
{
	struct fold all = fold_text_of(value.kind, STR(""));
	struct str rest = value.text;

	if (old.kind != value.kind || by.kind != value.kind || !old.text.len)
		return NOTHING;
	while (rest.len) {
		const char *at = memmem(rest.ptr, rest.len, old.text.ptr, old.text.len);
		size_t before = at ? (size_t)(at - rest.ptr) : rest.len;

		all = fold_concat(
			screen, all, fold_text_of(value.kind, str_from(rest.ptr, before)));
		if (!at)
			break;
		all = fold_concat(screen, all, by);
		rest.ptr = at + old.text.len;
		rest.len -= before + old.text.len;
	}
	return all;
}

struct fold fold_split(struct screen *screen, struct fold value, struct fold by)
{
	struct str rest = value.text;
	struct str between = by.kind == value.kind ? by.text : STR(" ");
	struct fold *items = arena_array(screen->arena, FOLD_LIST_MAX, sizeof(*items));
	uint32_t count = 0;

	if (!items || !between.len)
		return NOTHING;
	for (;;) {
		const char *at =
			rest.len ? memmem(rest.ptr, rest.len, between.ptr, between.len) : NULL;
		size_t before = at ? (size_t)(at - rest.ptr) : rest.len;

		if (count == FOLD_LIST_MAX)
			return NOTHING;
		if (before || by.kind == value.kind)
			items[count++] = fold_text_of(value.kind, str_from(rest.ptr, before));
		if (!at)
			break;
		rest.ptr = at + between.len;
		rest.len -= before + between.len;
	}
	return (struct fold){.kind = FOLD_LIST, .items = items, .count = count};
}

/* text in a field of this width: align is '<', '>' or '^'. */
struct fold fold_aligned(
	struct screen *screen, struct fold value, int64_t width, char fill, char align)
{
	size_t pad, before;
	char *text;

	if (width <= (int64_t)value.text.len)
		return value;
	if (width > FOLD_TEXT_MAX)
		return NOTHING;
	pad = (size_t)width - value.text.len;
	/* str.center() puts the odd one before where the width is odd, format() always after. */
	before = align == '>'   ? pad
		 : align == '^' ? pad / 2
		 : align == 'c' ? pad / 2 + (pad & (size_t)width & 1)
				: 0;
	text = fold_room(screen, (size_t)width);
	if (!text)
		return NOTHING;
	memset(text, fill, (size_t)width);
	if (value.text.len)
		memcpy(text + before, value.text.ptr, value.text.len);
	return fold_text_of(value.kind, str_from(text, (size_t)width));
}

/* "[[fill]align][width][.precision][s]"; NOTHING for any other specification. */
struct fold fold_specified(struct screen *screen, struct fold value, struct str spec)
{
	char fill = ' ', align = '<';
	int64_t numbers[2] = {0, FOLD_TEXT_MAX};
	size_t at = 0;

	if (spec.len > 1 && strchr("<>^", spec.ptr[1])) {
		fill = spec.ptr[0];
		align = spec.ptr[1];
		at = 2;
	} else if (spec.len && strchr("<>^", spec.ptr[0])) {
		align = spec.ptr[0];
		at = 1;
	} else if (spec.len && spec.ptr[0] == '0') {
		fill = '0';
	}
	for (int i = 0; i < 2; i++) {
		if (i == 1 && (at >= spec.len || spec.ptr[at] != '.'))
			break;
		numbers[i] = 0;
		for (at += i ? 1 : 0; at < spec.len && spec.ptr[at] >= '0' && spec.ptr[at] <= '9' &&
				      numbers[i] <= FOLD_TEXT_MAX;
			at++)
			numbers[i] = numbers[i] * 10 + (spec.ptr[at] - '0');
	}
	if (at < spec.len && spec.ptr[at] == 's')
		at++;
	if (at < spec.len || value.kind != FOLD_STR)
		return NOTHING;
	if ((int64_t)value.text.len > numbers[1])
		value.text.len = (size_t)numbers[1];
	return fold_aligned(screen, value, numbers[0], fill, align);
}
