/*
 * Inside the guard: what a policy is made of, and how it tells of what it found.
 */
#ifndef PYSBX_GUARD_POLICY_H
#define PYSBX_GUARD_POLICY_H

#include "guard/guard.h"
#include "lexer/source.h"
#include "parser/ast.h"
#include "parser/parser.h"

/* Findings as they come, before they are sorted. */
struct guard_sink {
	const struct source *source;
	struct arena *arena;
	struct guard_finding *findings;
	uint32_t count;
	uint32_t capacity;
	bool has_error; /* one of them has severity error */
	bool more;      /* some were dropped: there are GUARD_FINDINGS_MAX already */
	bool failed;    /* no memory: the verdict must be GUARD_ERROR */
	const struct guard_policy *policy;
	guard_translate *translate; /* NULL: English */
	const struct parse_result *tree;
	unsigned nested; /* within the text of a doctest: 1 */
};

/* A finding about a node; message is printf's, its text lives in the arena. */
void guard_find(struct guard_sink *sink, enum guard_rule rule, const struct ast_node *node,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A finding about bytes [start, end) of the source. */
void guard_find_at(struct guard_sink *sink, enum guard_rule rule, uint32_t start, uint32_t end,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* How much a policy opens. */
enum guard_level {
	GUARD_LEVEL_NONE,
	GUARD_LEVEL_STRICT,
	GUARD_LEVEL_STANDARD,
	GUARD_LEVEL_PERMISSIVE
};

/* A line of a policy file: allow or deny, what kind of thing, and its name. */
enum guard_word_kind { GUARD_WORD_IMPORT, GUARD_WORD_NAME, GUARD_WORD_CALL, GUARD_WORD_ATTRIBUTE };

struct guard_word {
	enum guard_word_kind kind;
	bool allow;
	struct str name;
};

struct guard_policy {
	const char *name;
	enum guard_level level;
	const uint8_t *severities; /* by rule; NULL: as errors */
	const struct guard_word *words;
	uint32_t word_count;
	/* Goes over the whole tree and reports all it finds. -1 without memory. */
	int (*judge)(struct guard_sink *sink, const struct ast_node *module);
};

extern const struct guard_policy guard_policy_classic;
extern const struct guard_policy guard_policy_standard;
extern const struct guard_policy guard_policy_strict;
extern const struct guard_policy guard_policy_permissive;

#endif
