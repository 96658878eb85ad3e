/*
 * A growing run of bytes with a maximum.
 *
 * Ownership: the holder frees it with buf_free() (or cleanup_buf at its declaration).
 * Failure: past the maximum or without memory the bytes are dropped, `failed` is set and stays so,
 * and every later append is refused too: check once, at the end. The bytes are always followed by a
 * NUL that does not count, so buf.data is a C string where it holds no NUL itself (NULL when
 * empty).
 */
#ifndef PYSBX_BASE_BUF_H
#define PYSBX_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
	char *data;
	size_t len;      /* bytes in use */
	size_t capacity; /* bytes allocated */
	size_t max;      /* bytes it may ever hold */
	bool failed;
};

#define BUF_INIT(max_bytes)                                                                        \
	{                                                                                          \
		.max = (max_bytes)                                                                 \
	}

void buf_free(struct buf *buf);

/* Appends; false once failed. */
bool buf_add(struct buf *buf, const void *bytes, size_t len);
bool buf_add_str(struct buf *buf, struct str s);
bool buf_add_text(struct buf *buf, const char *text);
bool buf_add_char(struct buf *buf, char c);
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Room for at least len more bytes at buf->data + buf->len, for read(2) and friends. */
bool buf_reserve(struct buf *buf, size_t len);

static inline struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->data, buf->len};
}

#define cleanup_buf __attribute__((cleanup(buf_free)))

#endif
