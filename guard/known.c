/*
 * The tables of guard/known.h. All lists are sorted, so that bsearch(3) finds its way; a test asks
 * for every entry.
 */
#include "guard/known.h"

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

struct builtin {
	struct str name;
	enum builtin_level level;
};

static const struct builtin builtins[] = {
#define BUILTIN(name, level) {STR_INIT(name), BUILTIN_##level},
#include "guard/builtins.def"
};

static const struct str dunders[] = {
#define DUNDER(name) STR_INIT(name),
#include "guard/attributes.def"
};
static const struct str bad_definitions[] = {
#define BAD(name) STR_INIT(name),
#include "guard/attributes.def"
};
static const struct str inners[] = {
#define INNER(name) STR_INIT(name),
#include "guard/attributes.def"
};
static const struct str privates[] = {
#define PRIVATE(name) STR_INIT(name),
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
static const struct str cores[] = {
#define CORE(name) STR_INIT(name),
#include "guard/attributes.def"
};
static const struct str roots[] = {
#define ROOT(name) STR_INIT(name),
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

enum builtin_level known_builtin(struct str name)
{
	const struct builtin *found = FIND(name, builtins);

	return found ? found->level : BUILTIN_NONE;
}

bool known_dunder(struct str name)
{
	return FIND(name, dunders) != NULL;
}

bool known_bad_definition(struct str name)
{
	return FIND(name, bad_definitions) != NULL;
}

bool known_inner(struct str name)
{
	return FIND(name, inners) != NULL;
}

bool known_private(struct str name)
{
	return FIND(name, privates) != NULL;
}

bool known_road(struct str name)
{
	return FIND(name, roads) != NULL;
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
	return FIND(name, lent) != NULL;
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
	return FIND(name, roots) != NULL;
}

bool known_core(struct str name)
{
	return FIND(name, cores) != NULL;
}
