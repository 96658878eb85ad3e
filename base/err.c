/* base/err.h: filling and wrapping struct err. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	if (code <= 0)
		code = EIO;
	if (!err)
		return -code;
	err->code = code;
	err->remedy[0] = '\0';
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -code;
}

int err_errno(struct err *err, const char *format, ...)
{
	int code = errno > 0 ? errno : EIO;
	va_list args;
	size_t len;

	if (!err)
		return -code;
	err->code = code;
	err->remedy[0] = '\0';
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(code));
	return -code;
}

int err_wrap(struct err *err, const char *format, ...)
{
	char rest[ERR_TEXT_MAX];
	va_list args;
	size_t len;

	if (!err)
		return -EIO;
	memcpy(rest, err->text, sizeof(rest));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %.*s", (int)(sizeof(err->text) - len),
		rest);
	return -err->code;
}

void err_remedy(struct err *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(err->remedy, sizeof(err->remedy), format, args);
	va_end(args);
}
