/*
 * What is known of Python's modules, builtins and attributes: guard/modules.def, builtins.def,
 * attributes.def and reexports.inc, and how they are asked.
 */
#ifndef PYSBX_GUARD_KNOWN_H
#define PYSBX_GUARD_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Whether a list " a b c ", with a blank at both ends, has a word. */
bool str_listed(struct str word, const char *list);

enum module_level {
	MODULE_UNKNOWN,
	MODULE_SAFE,
	MODULE_PLAIN,
	MODULE_SAFEFEW,
	MODULE_FEW,
	MODULE_BUILTINS,
	MODULE_DENIED,
};

struct known_module {
	struct str name;
	enum module_level level;
	const char *members;
};

/* The entry for a dotted name, or for the nearest package around it; NULL: nothing is known. */
const struct known_module *known_module(struct str dotted);
/* Just this name. */
const struct known_module *known_module_exact(struct str dotted);
/* Whether the entry lists a member. */
bool known_module_lists(const struct known_module *module, struct str member);
/* Whether module.attribute is another module, for public attributes of the standard library. */
bool known_reexport(struct str module, struct str attribute);

/*
 * Whether a public name that begins so, or in capitals only, may be more of the module than plain
 * data or a function: a module, or a member that is not open.
 */
bool known_leads(struct str module, struct str prefix, bool capitals);
/* The same of names that end so, private ones included. */
bool known_leads_suffix(struct str module, struct str suffix);
/* Whether it is one of the standard library's, and all modules within it are known. */
bool known_is_standard(struct str module);
/* Modules whose attributes, private ones included, lead nowhere. */
bool known_whole(struct str module);
/* Whether an attribute that leads into the interpreter begins so. */
bool known_inner_prefix(struct str prefix);

bool known_inner_suffix(struct str suffix);
/* Roots of the system's own files. */
bool known_root(struct str name);
/* Names with two underscores that Python itself gives a meaning. */
bool known_core(struct str name);

/* What a word is known for; the lists are told apart in attributes.def and words.def. */
enum {
	KNOWN_DUNDER = 1 << 0,
	KNOWN_BAD = 1 << 1,
	KNOWN_INNER = 1 << 2,
	KNOWN_PRIVATE = 1 << 3,
	KNOWN_ROAD = 1 << 4,
	KNOWN_LENT = 1 << 5,
	KNOWN_CORE = 1 << 6,
	KNOWN_ROOT = 1 << 7,
	KNOWN_METHOD = 1 << 8,
	KNOWN_COSTS = 1 << 9,
	KNOWN_TEXT = 1 << 10,
};

enum builtin_level {
	BUILTIN_NONE,   /* no builtin's name */
	BUILTIN_SAFE,   /* open in strict and standard */
	BUILTIN_PLAIN,  /* open in standard */
	BUILTIN_CALLED, /* open where it is called, and its arguments are judged */
	BUILTIN_DENIED, /* open in permissive at most */
};

enum builtin_level known_builtin(struct str name);

/* One of the words in guard/words.inc. */
struct known_word {
	uint16_t at;    /* where its text begins */
	uint8_t len;    /* bytes */
	uint8_t level;  /* enum builtin_level */
	uint16_t flags; /* KNOWN_ */
};

/* All that is known of a word; of an unknown one: nothing, BUILTIN_NONE. */
struct known_word known_word(struct str name);
/* How many there are. */
extern const uint32_t known_word_count;

/* Dunder names that may be read in standard and strict. */
bool known_dunder(struct str name);
/* Dunder names that a class may not define, or that nothing may be called. */
bool known_bad_definition(struct str name);
/* Attributes without two underscores that lead into the interpreter: frames, code, tracebacks. */
bool known_inner(struct str name);
/* The same, but a program may have attributes of such a name: methods of event loops and types. */
bool known_lent(struct str name);
/* Private names that libraries document: _replace and the like. */
bool known_private(struct str name);
/* Names of modules that an attribute chain must not pass through. */
bool known_road(struct str name);

static inline bool is_dunder(struct str name)
{
	return name.len > 4 && name.ptr[0] == '_' && name.ptr[1] == '_' &&
	       name.ptr[name.len - 1] == '_' && name.ptr[name.len - 2] == '_';
}

#endif
