/*
 * The tables of guard/known.h: those of modules are sorted, so that bsearch(3) finds its way, those
 * of words are hashed before (gen_words.py). A test asks for every entry.
 */
#include "guard/known.h"

#include <endian.h>
#include <stdlib.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct known_module modules[] = {
#define MODULE(name, level, members) {STR_INIT(name), MODULE_##level, members},
#include "guard/modules.def"
};

struct reexport {
	struct str module;
	const char *attributes;
};

static const struct reexport reexports[] = {
#include "guard/reexports.inc"
};

#include "guard/words.inc"

const uint32_t known_word_count = WORD_COUNT;

static const struct str inners[] = {
#define INNER(name) STR_INIT(name),
#include "guard/attributes.def"
};
static const struct str roads[] = {
#define ROAD(name) STR_INIT(name),
#include "guard/attributes.def"
};

static const struct str lent[] = {
#define LENT(name) STR_INIT(name),
#include "guard/attributes.def"
};
static const struct str wholes[] = {
#define WHOLE(name) STR_INIT(name),
#include "guard/attributes.def"
};

/* Every table starts its rows with the name. */
static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

#define FIND(key, table) bsearch(&(key), table, LENGTH(table), sizeof((table)[0]), compare)

const struct known_module *known_module_exact(struct str dotted)
{
	return FIND(dotted, modules);
}

const struct known_module *known_module(struct str dotted)
{
	for (;;) {
		const struct known_module *found = known_module_exact(dotted);

		if (found)
			return found;
		while (dotted.len && dotted.ptr[dotted.len - 1] != '.')
			dotted.len--;
		if (!dotted.len)
			return NULL;
		dotted.len--;
	}
}

bool str_listed(struct str word, const char *list)
{
	const char *at = list;

	if (!word.len || memchr(word.ptr, ' ', word.len))
		return false;
	while ((at = strchr(at, word.ptr[0]))) {
		if (at > list && at[-1] == ' ' && strncmp(at, word.ptr, word.len) == 0 &&
			at[word.len] == ' ')
			return true;
		at++;
	}
	return false;
}

bool known_module_lists(const struct known_module *module, struct str member)
{
	return str_listed(member, module->members);
}

bool known_reexport(struct str module, struct str attribute)
{
	const struct reexport *found = FIND(module, reexports);

	return found && str_listed(attribute, found->attributes);
}

/* As gen_words.py does. */
static uint32_t hash_word(struct str word)
{
	uint64_t value = 0, last;

	memcpy(&value, word.ptr, word.len < 8 ? word.len : 8);
	value = le64toh(value) ^ (uint64_t)word.len << 56;
	if (word.len > 8) {
		memcpy(&last, word.ptr + word.len - 8, 8);
		value ^= le64toh(last) >> 3;
	}
	return (uint32_t)(value * 0x9e3779b97f4a7c15u >> 40);
}

struct known_word known_word(struct str name)
{
	uint32_t at;

	if (!name.len || name.len > UINT8_MAX)
		return (struct known_word){.level = BUILTIN_NONE};
	at = hash_word(name) & (WORD_SLOTS - 1);
	while (word_slots[at].len &&
		(word_slots[at].len != name.len ||
			memcmp(word_text + word_slots[at].at, name.ptr, name.len) != 0))
		at = (at + 1) & (WORD_SLOTS - 1);
	return word_slots[at];
}

enum builtin_level known_builtin(struct str name)
{
	return (enum builtin_level)known_word(name).level;
}

bool known_dunder(struct str name)
{
	return known_word(name).flags & KNOWN_DUNDER;
}

bool known_bad_definition(struct str name)
{
	return known_word(name).flags & KNOWN_BAD;
}

bool known_inner(struct str name)
{
	return known_word(name).flags & KNOWN_INNER;
}

bool known_private(struct str name)
{
	return known_word(name).flags & KNOWN_PRIVATE;
}

bool known_road(struct str name)
{
	return known_word(name).flags & KNOWN_ROAD;
}

static bool any_begins(const char *list, struct str prefix, bool capitals)
{
	const char *at = list;

	while (*at) {
		size_t len;
		bool lower = false;

		at += strspn(at, " ");
		len = strcspn(at, " ");
		for (size_t i = 0; i < len; i++)
			lower |= at[i] >= 'a' && at[i] <= 'z';
		if (len && *at != '_' && len >= prefix.len && !(capitals && lower) &&
			memcmp(at, prefix.ptr ? prefix.ptr : "", prefix.len) == 0)
			return true;
		at += len;
	}
	return false;
}

bool known_leads(struct str module, struct str prefix, bool capitals)
{
	const struct known_module *known = known_module(module);
	const struct reexport *reexport = FIND(module, reexports);

	if (known && known->level != MODULE_SAFE && known->level != MODULE_PLAIN)
		return true;
	for (size_t i = 0; i < LENGTH(roads) && !capitals; i++)
		if (str_starts(roads[i], prefix) && roads[i].ptr[0] != '_')
			return true;
	return (known && any_begins(known->members, prefix, capitals)) ||
	       (reexport && any_begins(reexport->attributes, prefix, capitals));
}

bool known_inner_prefix(struct str prefix)
{
	for (size_t i = 0; i < LENGTH(inners); i++)
		if (str_starts(inners[i], prefix))
			return true;
	for (size_t i = 0; i < LENGTH(lent); i++)
		if (str_starts(lent[i], prefix))
			return true;
	return false;
}

bool known_lent(struct str name)
{
	return known_word(name).flags & KNOWN_LENT;
}

bool known_whole(struct str module)
{
	return FIND(module, wholes) != NULL;
}

bool known_is_standard(struct str module)
{
	return FIND(module, reexports) || known_whole(module);
}

static bool ends(struct str name, struct str suffix)
{
	return name.len >= suffix.len &&
	       memcmp(name.ptr + name.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

static bool any_ends(const char *list, struct str suffix)
{
	for (const char *at = list; *at;) {
		size_t len;

		at += strspn(at, " ");
		len = strcspn(at, " ");
		if (len && ends(str_from(at, len), suffix))
			return true;
		at += len;
	}
	return false;
}

bool known_leads_suffix(struct str module, struct str suffix)
{
	const struct known_module *known = known_module(module);
	const struct reexport *reexport = FIND(module, reexports);

	if (known && known->level != MODULE_SAFE && known->level != MODULE_PLAIN)
		return true;
	for (size_t i = 0; i < LENGTH(roads); i++)
		if (ends(roads[i], suffix))
			return true;
	return (known && any_ends(known->members, suffix)) ||
	       (reexport && any_ends(reexport->attributes, suffix));
}

bool known_inner_suffix(struct str suffix)
{
	for (size_t i = 0; i < LENGTH(inners); i++)
		if (ends(inners[i], suffix))
			return true;
	for (size_t i = 0; i < LENGTH(lent); i++)
		if (ends(lent[i], suffix))
			return true;
	return false;
}

bool known_root(struct str name)
{
	return known_word(name).flags & KNOWN_ROOT;
}

bool known_core(struct str name)
{
	return known_word(name).flags & KNOWN_CORE;
}
