/*
 * Values of options: one reader for each kind.
 */
#include "cli/values.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/cli.h"
#include "cli/screen.h"
#include "guard/guard.h"

/* Words of one legal list are few; the longest list has six. */
#define WORDS_MAX 8

static int read_flag(const char *text, uint64_t *ret, struct err *err)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i % 2;
			return 0;
		}
	}
	err_set(err, EINVAL, "'%s' is neither yes nor no", text);
	err_remedy(err, "write yes or no");
	return -EINVAL;
}

static int cpus_text(uint64_t thousandths, char *text)
{
	uint64_t rest = thousandths % 1000;
	int len = snprintf(text, UNITS_TEXT, "%" PRIu64, thousandths / 1000);

	if (rest) {
		len += snprintf(text + len, UNITS_TEXT - (size_t)len, ".%03" PRIu64, rest);
		while (text[len - 1] == '0')
			text[--len] = '\0';
	}
	return len;
}

const char *value_version_text(unsigned minor, char *text)
{
	snprintf(text, 8, "3.%u", minor % 1000);
	return text;
}

const char *value_text(enum option_id id, uint64_t number, char *text)
{
	switch ((enum option_kind)option_rows[id].kind) {
	case OPTION_SIZE:
		/* As it may be written on the command line: plain bytes have no unit there. */
		if (number && number % 1024 == 0)
			return units_size_text(number, text);
		snprintf(text, UNITS_TEXT, "%" PRIu64, number);
		return text;
	case OPTION_DURATION:
		return units_duration_text(number, text);
	case OPTION_CPUS:
		cpus_text(number, text);
		return text;
	case OPTION_VERSION:
		return value_version_text((unsigned)number, text);
	default:
		snprintf(text, UNITS_TEXT, "%" PRIu64, number);
		return text;
	}
}

static int read_number(const struct option_row *row, const char *text, uint64_t *ret)
{
	switch ((enum option_kind)row->kind) {
	case OPTION_SIZE:
		return units_size(text, ret);
	case OPTION_DURATION:
		return units_duration(text, ret);
	case OPTION_CPUS:
		return units_thousandths(text, ret);
	default:
		return units_count(text, ret);
	}
}

static const char *number_noun(const struct option_row *row)
{
	switch ((enum option_kind)row->kind) {
	case OPTION_SIZE:
		return "a size";
	case OPTION_DURATION:
		return "a duration";
	case OPTION_CPUS:
		return "a number of CPUs";
	default:
		return "a whole number";
	}
}

static const char *number_form(const struct option_row *row)
{
	switch ((enum option_kind)row->kind) {
	case OPTION_SIZE:
		return "a whole number, with k, M or G if you like";
	case OPTION_DURATION:
		return "a number with ms, s, m or h, seconds without one";
	case OPTION_CPUS:
		return "a decimal number such as 0.5";
	default:
		return "a whole number";
	}
}

static int read_ranged(enum option_id id, const char *text, uint64_t *ret, struct err *err)
{
	const struct option_row *row = &option_rows[id];
	char least[UNITS_TEXT], most[UNITS_TEXT];
	uint64_t number = 0;
	int code = read_number(row, text, &number);

	if (code == 0 && number >= row->least && number <= row->most) {
		*ret = number;
		return 0;
	}
	value_text(id, row->least, least);
	value_text(id, row->most, most);
	if (code == -EINVAL)
		err_set(err, EINVAL, "'%s' is not %s", text, number_noun(row));
	else
		err_set(err, EINVAL, "%s is out of range", text);
	err_remedy(err, "%s, from %s to %s", number_form(row), least, most);
	return -EINVAL;
}

/* Splits "a|b|c" into words that live in copy. */
static size_t split_words(char *copy, size_t size, const char *list, const char **words)
{
	size_t count = 0;
	char *rest = NULL, *word;

	snprintf(copy, size, "%s", list);
	for (word = strtok_r(copy, "|", &rest); word && count < WORDS_MAX;
		word = strtok_r(NULL, "|", &rest))
		words[count++] = word;
	return count;
}

/* "a, b or c" */
static void list_words(char *text, size_t size, const char *const *words, size_t count)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && len < size; i++) {
		const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";

		len += (size_t)snprintf(text + len, size - len, "%s%s", between, words[i]);
	}
}

static int refuse_word(const char *text, const char *const *words, size_t count, struct err *err)
{
	const char *nearest = cli_nearest(text, words, count);
	char legal[160];

	list_words(legal, sizeof(legal), words, count);
	err_set(err, EINVAL, "'%s' is not a legal value", text);
	if (nearest)
		err_remedy(err, "did you mean %s? Legal: %s", nearest, legal);
	else
		err_remedy(err, "legal: %s", legal);
	return -EINVAL;
}

static int read_word(const struct option_row *row, const char *text, uint64_t *ret, struct err *err)
{
	const char *words[WORDS_MAX];
	char copy[96];
	size_t count = split_words(copy, sizeof(copy), row->words, words);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return refuse_word(text, words, count, err);
}

static int read_backend(const char *text, uint64_t *ret, struct err *err)
{
	static const char *const words[] = {"auto", "native", "docker", "oci:NAME"};

	*ret = 0;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(text, words[i]) == 0)
			return 0;
	if (strncmp(text, "oci:", 4) == 0 && text[4])
		return 0;
	return refuse_word(text, words, sizeof(words) / sizeof(words[0]), err);
}

/* A policy that cannot be had is an error here and now; it is never replaced by another one. */
static int read_policy(const char *text, uint64_t *ret, struct err *err)
{
	char have[160];
	size_t count = 0;

	*ret = 0;
	if (guard_policy_find(text))
		return 0;
	/* What has a dot or a slash in it is a file. */
	if (strpbrk(text, "./")) {
		cleanup_arena struct arena *arena = arena_new((size_t)4 << 20);

		if (!arena)
			return err_set(err, ENOMEM, "no memory");
		return screen_policy(text, arena, err) ? 0 : -EINVAL;
	}
	while (guard_policy_names[count])
		count++;
	list_words(have, sizeof(have), guard_policy_names, count);
	return err_set(err, EINVAL, "unknown policy '%s'; have: %s", text, have);
}

static int read_version(
	const struct option_row *row, const char *text, uint64_t *ret, struct err *err)
{
	uint64_t minor = 0;

	if (strncmp(text, "3.", 2) == 0 && strlen(text) <= 4 && text[2] != '0' &&
		units_count(text + 2, &minor) == 0 && minor >= row->least && minor <= row->most) {
		*ret = minor;
		return 0;
	}
	err_set(err, EINVAL, "'%s' is not a Python version this program knows", text);
	err_remedy(err, "3.%" PRIu64 " to 3.%" PRIu64, row->least, row->most);
	return -EINVAL;
}

int value_read(enum option_id id, const char *text, uint64_t *ret_number, struct err *err)
{
	const struct option_row *row = &option_rows[id];

	*ret_number = 0;
	switch ((enum option_kind)row->kind) {
	case OPTION_FLAG:
		return read_flag(text, ret_number, err);
	case OPTION_SIZE:
	case OPTION_DURATION:
	case OPTION_COUNT:
	case OPTION_CPUS:
		return read_ranged(id, text, ret_number, err);
	case OPTION_WORD:
	case OPTION_COLOR:
		return read_word(row, text, ret_number, err);
	case OPTION_BACKEND:
		return read_backend(text, ret_number, err);
	case OPTION_POLICY:
		return read_policy(text, ret_number, err);
	case OPTION_VERSION:
		return read_version(row, text, ret_number, err);
	case OPTION_TEXT:
	case OPTION_LIST:
		break;
	}
	return 0;
}
