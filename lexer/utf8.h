/*
 * Reading and writing single UTF-8 sequences (RFC 3629, as CPython's decoder: no surrogates, no
 * overlong forms). Private to the lexer; the functions are small and inline because they stand in
 * loops over every byte that is not ASCII.
 */
#ifndef PYSBX_LEXER_UTF8_H
#define PYSBX_LEXER_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that a sequence with this first byte has; 0: no sequence starts so. */
static inline size_t utf8_expected(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* Whether second may follow first: the ranges of Unicode's table 3-7. */
static inline int utf8_second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return second >= 0x80 && second <= 0xbf;
	}
}

/* The length of the well-formed sequence at p, which has `left` bytes; 0 if there is none. */
static inline size_t utf8_length(const unsigned char *p, size_t left)
{
	size_t need = utf8_expected(*p), i;

	if (need == 0 || need > left)
		return 0;
	if (need > 1 && !utf8_second_fits(p[0], p[1]))
		return 0;
	for (i = 2; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return need;
}

/* What CPython's decoder says of the ill-formed sequence at p. */
static inline const char *utf8_problem(const unsigned char *p, size_t left)
{
	size_t need = utf8_expected(*p), i;

	if (need == 0)
		return "invalid start byte";
	for (i = 1; i < need; i++) {
		if (i == left)
			return "unexpected end of data";
		if (i == 1 ? !utf8_second_fits(p[0], p[1]) : (p[i] & 0xc0) != 0x80)
			break;
	}
	return "invalid continuation byte";
}

/* The code point at p, known to be well formed; *ret_len is its length. */
static inline uint32_t utf8_decode(const unsigned char *p, size_t *ret_len)
{
	if (p[0] < 0x80) {
		*ret_len = 1;
		return p[0];
	}
	if (p[0] < 0xe0) {
		*ret_len = 2;
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	}
	if (p[0] < 0xf0) {
		*ret_len = 3;
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	}
	*ret_len = 4;
	return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
	       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

/* Writes c (a surrogate as three bytes) to out, room for four; the length. */
static inline size_t utf8_encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

#endif
