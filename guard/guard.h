/*
 * The guard: bytes of Python in, a verdict with its reasons out.
 *
 * It is a first gate and never counted as isolation: what it allows still runs in the sandbox.
 * Pure: no I/O, no globals, no fork. Whatever it cannot read, it refuses; whatever it cannot decide
 * (no memory) is GUARD_ERROR, which no caller may take for "allow".
 *
 * Ownership: findings and their messages live in the arena that was given.
 */
#ifndef PYSBX_GUARD_GUARD_H
#define PYSBX_GUARD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Findings kept of one source; a hostile one could have millions. The verdict knows of all. */
#define GUARD_FINDINGS_MAX   10000

/* The policy of whoever asks for none. The one place that says so. */
#define GUARD_POLICY_DEFAULT "standard"

enum guard_rule {
#define RULE(enumerator, id, name, standard, strict, permissive, text, remedy) GUARD_##enumerator,
#include "guard/rules.def"
#undef RULE
	GUARD_RULE_COUNT
};

/* OFF: the policy does not look; no finding ever has it. */
enum guard_severity { GUARD_SEVERITY_OFF, GUARD_SEVERITY_WARNING, GUARD_SEVERITY_ERROR };

enum guard_verdict {
	GUARD_ALLOW,  /* no finding of severity error */
	GUARD_REJECT, /* at least one */
	GUARD_ERROR,  /* could not decide; report.message says why */
};

struct guard_rule_info {
	const char *id;               /* "PSX101"; never reused */
	const char *name;             /* "import-denied" */
	enum guard_severity severity; /* under `standard`; a finding has its own */
	enum guard_severity strict;
	enum guard_severity permissive;
	const char *text;   /* what the rule is about, one line */
	const char *remedy; /* what the author of the program can do instead */
};

extern const struct guard_rule_info guard_rules[GUARD_RULE_COUNT];

/* Lines count from 1, columns UTF-8 bytes from 0; the span is half open. */
struct guard_finding {
	enum guard_rule rule;
	enum guard_severity severity; /* under the policy that judged */
	const char *message;
	uint32_t line;
	uint32_t column;
	uint32_t end_line;
	uint32_t end_column;
};

struct guard_report {
	enum guard_verdict verdict;
	const char *policy;                   /* its name */
	const struct guard_finding *findings; /* by place, then rule; none twice */
	uint32_t count;
	bool more;           /* there are findings past GUARD_FINDINGS_MAX */
	const char *message; /* GUARD_ERROR: why; else NULL */
};

struct guard_policy;

/* A policy by name; NULL where there is none, and then nothing may be checked with another. */
const struct guard_policy *guard_policy_find(const char *name);
const char *guard_policy_name(const struct guard_policy *policy);

/* The names of all policies, NULL-terminated. */
extern const char *const guard_policy_names[];

/* What is wrong with a policy file; lines and columns from 1. */
struct guard_policy_error {
	uint32_t line;
	uint32_t column;
	uint32_t previous_line; /* where the same was said before; 0: nowhere */
	uint32_t previous_column;
	const char *text;
};

/*
 * A policy from the bytes of a file, in the format of pysbx-policy(5); name is what reports call
 * it. It lives in the arena. NULL with *ret_error where the file is not one.
 */
const struct guard_policy *guard_policy_read(struct str bytes, struct str name, struct arena *arena,
	struct guard_policy_error *ret_error);

/* How severe a finding of a rule is under a policy. */
enum guard_severity guard_policy_severity(const struct guard_policy *policy, enum guard_rule rule);

/* How large an arena guard_check() may need for a source of so many bytes. */
size_t guard_arena_bytes(size_t source_bytes);

/* A message in the language of whoever reads it; its argument itself where there is no other. */
typedef const char *guard_translate(const char *message) __attribute__((format_arg(1)));

/* As guard_check(), with messages translated; the wording of CPython's own errors is kept. */
void guard_check_in(struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy, guard_translate *translate, struct arena *arena,
	struct guard_report *ret);

/*
 * Judges bytes as Python 3.minor (PYTHON_MINOR_OLDEST..NEWEST). name is what messages call the
 * source. Fills *ret in every case; does not fail.
 */
void guard_check(struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy, struct arena *arena, struct guard_report *ret);

const char *guard_verdict_word(enum guard_verdict verdict);    /* "allow", "reject", "error" */
const char *guard_severity_word(enum guard_severity severity); /* "warning", "error" */

#endif
