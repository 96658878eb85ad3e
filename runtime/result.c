/* The words of statuses, layers and tiers, and the freeing of a result. */
#include <stdlib.h>

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
