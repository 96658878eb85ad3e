/* The words of statuses, layers, tiers and limits, and the freeing of a result. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "runtime/runtime.h"

static const char *const status_words[] = {
#define STATUS(name, word, exit) word,
#include "runtime/status.def"
#undef STATUS
};

static const char *const layer_words[] = {
#define LAYER(name, word, text) word,
#include "runtime/layer.def"
#undef LAYER
};

static const char *const layer_texts[] = {
#define LAYER(name, word, text) text,
#include "runtime/layer.def"
#undef LAYER
};

static const char *const tier_words[] = {"none", "minimal", "reduced", "full"};

const char *rt_status_word(enum rt_status status)
{
	return (unsigned)status < RT_STATUS_COUNT ? status_words[status] : "error";
}

const char *rt_layer_word(enum rt_layer layer)
{
	return (unsigned)layer < RT_LAYER_COUNT ? layer_words[layer] : "unknown";
}

const char *rt_layer_text(enum rt_layer layer)
{
	return (unsigned)layer < RT_LAYER_COUNT ? layer_texts[layer] : "unknown";
}

const char *rt_tier_word(enum rt_tier tier)
{
	return (unsigned)tier <= RT_TIER_FULL ? tier_words[tier] : "none";
}

enum limit_kind { COUNT, SIZE };

static const struct {
	const char *word;
	const char *text;
	size_t value; /* offset in struct rt_limits */
	enum limit_kind kind;
	const char *option;
} limit_rows[] = {
#define LIMIT(name, word, text, value, kind, option)                                               \
	{word, text, offsetof(struct rt_limits, value), kind, option},
#include "runtime/limit.def"
#undef LIMIT
};

const char *rt_limit_text(const struct rt_limits *limits, enum rt_limit limit, char *text)
{
	char number[UNITS_TEXT];
	uint64_t value;

	memcpy(&value, (const char *)limits + limit_rows[limit].value, sizeof(value));
	if (limit_rows[limit].kind == COUNT)
		snprintf(number, sizeof(number), "%" PRIu64, value);
	else
		units_size_text(value, number);
	snprintf(text, RT_LIMIT_TEXT, "%s of %s", limit_rows[limit].text, number);
	return text;
}

const char *rt_limit_word(enum rt_limit limit)
{
	return limit_rows[limit].word;
}

const char *rt_limit_option(enum rt_limit limit)
{
	return limit_rows[limit].option;
}

void rt_result_free(struct rt_result *result)
{
	size_t i;

	buf_free(&result->out.kept);
	buf_free(&result->err.kept);
	for (i = 0; i < result->file_count; i++) {
		free(result->files[i].name);
		buf_free(&result->files[i].content);
	}
	free(result->files);
	result->files = NULL;
	result->file_count = 0;
}
