/*
 * Sizes, durations and counts as people write them on the command line and in settings.
 * Sizes: a whole number with an optional k, M or G (powers of 1024, either case). Durations: a
 * number with up to nine decimals and an optional ms, s, m or h (seconds without one). Anything
 * else, a sign, NaN, an overflow or trailing text is -EINVAL or -ERANGE, and the out-parameter is
 * left alone.
 */
#ifndef PYSBX_BASE_UNITS_H
#define PYSBX_BASE_UNITS_H

#include <stdint.h>

int units_size(const char *text, uint64_t *ret_bytes);
int units_duration(const char *text, uint64_t *ret_nanoseconds);
int units_count(const char *text, uint64_t *ret_count);
/* A decimal number such as "0.5" in thousandths (500). */
int units_thousandths(const char *text, uint64_t *ret_thousandths);

/* "256M", "1.5s", ... as short as is exact, for messages; into text (at least UNITS_TEXT bytes). */
#define UNITS_TEXT 32
const char *units_size_text(uint64_t bytes, char *text);
const char *units_duration_text(uint64_t nanoseconds, char *text);

#endif
