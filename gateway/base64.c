/* gateway/base64.h */
#include "gateway/base64.h"

#include <stdint.h>
#include <string.h>

static int digit_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

bool base64_decode(char *data, size_t *len)
{
	size_t from, to = 0, digits = 0;
	uint32_t held = 0;

	/* What is written over was read by then. */
	for (from = 0; from < *len && data[from] != '='; from++) {
		int digit = digit_value(data[from]);

		if (digit < 0 && data[from] && strchr(" \t\r\n", data[from]))
			continue;
		if (digit < 0)
			return false;
		held = held << 6 | (uint32_t)digit;
		if (digits++ % 4)
			data[to++] = (char)(held >> (6 - 2 * ((digits - 1) % 4)));
	}
	for (; from < *len; from++)
		if (!data[from] || !strchr("= \t\r\n", data[from]))
			return false;
	*len = to;
	return digits % 4 != 1;
}
