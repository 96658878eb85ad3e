/* The growing byte buffer of base/buf.h. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void buf_free(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = buf->capacity = 0;
}

bool buf_reserve(struct buf *buf, size_t len)
{
	size_t need, capacity;
	char *data;

	if (buf->failed)
		return false;
	if (len > buf->max || buf->len > buf->max - len || buf->max == SIZE_MAX) {
		buf->failed = true;
		return false;
	}
	need = buf->len + len + 1;
	if (need <= buf->capacity)
		return true;
	capacity = buf->capacity ? buf->capacity : 256;
	while (capacity < need)
		capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
	data = realloc(buf->data, capacity);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

bool buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (!buf_reserve(buf, len))
		return false;
	if (len)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

bool buf_add_str(struct buf *buf, struct str s)
{
	return buf_add(buf, s.ptr, s.len);
}

bool buf_add_text(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

bool buf_add_char(struct buf *buf, char c)
{
	return buf_add(buf, &c, 1);
}

bool buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		buf->failed = true;
	if (len < 0 || !buf_reserve(buf, (size_t)len))
		return false;
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	buf->len += (size_t)len;
	return true;
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	bool ok;

	va_start(args, format);
	ok = buf_vprintf(buf, format, args);
	va_end(args);
	return ok;
}
