/*
 * A borrowed run of bytes. Not NUL-terminated: text becomes a C string only at a libc boundary.
 * The bytes belong to whoever made them (an arena, a source, a literal); a struct str owns nothing.
 */
#ifndef PYSBX_BASE_STR_H
#define PYSBX_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *ptr; /* may be NULL only when len is 0 */
	size_t len;      /* bytes */
};

/* A struct str of a string literal; usable in static initialisers. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

/* For printf: "%.*s", STR_ARG(s). */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *ptr, size_t len)
{
	return (struct str){ptr, len};
}

static inline struct str str_of(const char *text)
{
	return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
	return str_eq(a, str_of(text));
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0;
}

/* Order by bytes, then by length: for qsort and bsearch. */
static inline int str_cmp(struct str a, struct str b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

#endif
