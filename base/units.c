/* base/units.h: reading and writing sizes and durations, without floating point. */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"", 1}, {"k", 1u << 10}, {"m", 1u << 20}, {"g", 1u << 30}, {NULL, 0}};
static const struct unit duration_units[] = {{"", 1000000000u}, {"ms", 1000000u},
	{"s", 1000000000u}, {"m", UINT64_C(60000000000)}, {"h", UINT64_C(3600000000000)},
	{NULL, 0}};
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};
static const struct unit thousandth_units[] = {{"", 1000}, {NULL, 0}};

static int whole_part(const char **text, uint64_t *ret_value)
{
	const char *next = *text;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*next))
		return -EINVAL;
	for (; isdigit((unsigned char)*next); next++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*next - '0'), &value))
			return -ERANGE;
	*text = next;
	*ret_value = value;
	return 0;
}

/* ".25" as nano-units (250000000); digits past the ninth must be 0. */
static int fraction(const char **text, uint64_t *ret_nano)
{
	uint64_t nano = 0, weight = 100000000;
	const char *next = *text + 1;

	if (!isdigit((unsigned char)*next))
		return -EINVAL;
	for (; isdigit((unsigned char)*next); next++) {
		if (!weight && *next != '0')
			return -EINVAL;
		nano += weight * (uint64_t)(*next - '0');
		weight /= 10;
	}
	*text = next;
	*ret_nano = nano;
	return 0;
}

static int scaled(const char *text, const struct unit *units, bool decimals, uint64_t *ret_value)
{
	uint64_t whole, nano = 0, value, part;
	int code = whole_part(&text, &whole);

	if (code == 0 && *text == '.')
		code = decimals ? fraction(&text, &nano) : -EINVAL;
	if (code < 0)
		return code;
	for (; units->name; units++)
		if (strcasecmp(units->name, text) == 0)
			break;
	if (!units->name)
		return -EINVAL;
	/* What is finer than the unit's own resolution is refused, not rounded. */
	if (__builtin_mul_overflow(nano, units->factor, &part))
		part = nano * (units->factor / 1000000000u);
	else if (part % 1000000000u)
		return -EINVAL;
	else
		part /= 1000000000u;
	if (__builtin_mul_overflow(whole, units->factor, &value) ||
		__builtin_add_overflow(value, part, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int units_size(const char *text, uint64_t *ret_bytes)
{
	return scaled(text, size_units, false, ret_bytes);
}

int units_duration(const char *text, uint64_t *ret_nanoseconds)
{
	return scaled(text, duration_units, true, ret_nanoseconds);
}

int units_count(const char *text, uint64_t *ret_count)
{
	return scaled(text, count_units, false, ret_count);
}

int units_thousandths(const char *text, uint64_t *ret_thousandths)
{
	return scaled(text, thousandth_units, true, ret_thousandths);
}

const char *units_size_text(uint64_t bytes, char *text)
{
	size_t i = sizeof(size_units) / sizeof(size_units[0]) - 2;

	while (i > 0 && (bytes == 0 || bytes % size_units[i].factor))
		i--;
	snprintf(text, UNITS_TEXT, "%" PRIu64 "%c", bytes / size_units[i].factor,
		i ? toupper((unsigned char)size_units[i].name[0]) : 'B');
	return text;
}

const char *units_duration_text(uint64_t nanoseconds, char *text)
{
	uint64_t millis = nanoseconds / 1000000u;

	if (nanoseconds % 1000000u)
		snprintf(text, UNITS_TEXT, "%" PRIu64 "ns", nanoseconds);
	else if (millis % 1000u)
		snprintf(text, UNITS_TEXT, "%" PRIu64 "ms", millis);
	else
		snprintf(text, UNITS_TEXT, "%" PRIu64 "s", millis / 1000u);
	return text;
}
