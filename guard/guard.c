/*
 * From bytes to a report: source, tree, policy, and the findings put in order.
 */
#include "guard/guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard/policy.h"
#include "guard/screen.h"
#include "parser/parser.h"

/* Marks text that a catalogue may have in another language (po/update.py). */
#define N_(text)     text
#define SYNTAX_ERROR N_("syntax error: %s")

const struct guard_rule_info guard_rules[GUARD_RULE_COUNT] = {
#define RULE(enumerator, id, name, standard, strict, permissive, text, remedy)                     \
	{id, name, GUARD_SEVERITY_##standard, GUARD_SEVERITY_##strict,                             \
		GUARD_SEVERITY_##permissive, text, remedy},
#include "guard/rules.def"
#undef RULE
};

#define POLICIES(POLICY)    POLICY(classic) POLICY(standard) POLICY(strict) POLICY(permissive)
#define POLICY_OBJECT(name) &guard_policy_##name,
#define POLICY_NAME(name)   #name,

static const uint8_t standard_severities[] = {
#define RULE(enumerator, id, name, standard, strict, permissive, text, remedy)                     \
	GUARD_SEVERITY_##standard,
#include "guard/rules.def"
#undef RULE
};
static const uint8_t strict_severities[] = {
#define RULE(enumerator, id, name, standard, strict, permissive, text, remedy)                     \
	GUARD_SEVERITY_##strict,
#include "guard/rules.def"
#undef RULE
};
static const uint8_t permissive_severities[] = {
#define RULE(enumerator, id, name, standard, strict, permissive, text, remedy)                     \
	GUARD_SEVERITY_##permissive,
#include "guard/rules.def"
#undef RULE
};

const struct guard_policy guard_policy_standard = {.name = "standard",
	.level = GUARD_LEVEL_STANDARD,
	.severities = standard_severities,
	.judge = screen_judge};
const struct guard_policy guard_policy_strict = {.name = "strict",
	.level = GUARD_LEVEL_STRICT,
	.severities = strict_severities,
	.judge = screen_judge};
const struct guard_policy guard_policy_permissive = {.name = "permissive",
	.level = GUARD_LEVEL_PERMISSIVE,
	.severities = permissive_severities,
	.judge = screen_judge};

static const struct guard_policy *const policies[] = {POLICIES(POLICY_OBJECT)};

#define POLICY_COUNT (sizeof(policies) / sizeof(policies[0]))

const char *const guard_policy_names[] = {POLICIES(POLICY_NAME) NULL};

const struct guard_policy *guard_policy_find(const char *name)
{
	for (size_t i = 0; i < POLICY_COUNT; i++)
		if (strcmp(policies[i]->name, name) == 0)
			return policies[i];
	return NULL;
}

const char *guard_policy_name(const struct guard_policy *policy)
{
	return policy->name;
}

const char *guard_verdict_word(enum guard_verdict verdict)
{
	switch (verdict) {
	case GUARD_ALLOW:
		return "allow";
	case GUARD_REJECT:
		return "reject";
	case GUARD_ERROR:
		break;
	}
	return "error";
}

const char *guard_severity_word(enum guard_severity severity)
{
	return severity == GUARD_SEVERITY_WARNING ? "warning" : "error";
}

size_t guard_arena_bytes(size_t source_bytes)
{
	/* About 30 bytes of tokens and nodes for each byte of the densest source, and arrays that
	 * double as they grow; the constant carries small sources and tables. */
	const size_t least = (size_t)16 << 20, most = (size_t)1 << 30;

	return source_bytes > (most - least) / 128 ? most : least + source_bytes * 128;
}

/*
 * The place for one more finding; NULL past the maximum, or, the sink failed, without memory. The
 * verdict is made of what is kept, so past a maximum of warnings the first error takes the last
 * one's place.
 */
static struct guard_finding *add(struct guard_sink *sink, enum guard_severity severity)
{
	uint32_t capacity = sink->capacity ? sink->capacity * 2 : 16;
	bool first_error = severity == GUARD_SEVERITY_ERROR && !sink->has_error;
	struct guard_finding *grown;

	sink->has_error = sink->has_error || first_error;
	if (sink->count == GUARD_FINDINGS_MAX) {
		sink->more = true;
		return first_error ? &sink->findings[sink->count - 1] : NULL;
	}
	if (sink->count == sink->capacity) {
		grown = arena_array(sink->arena, capacity, sizeof(*grown));
		if (!grown) {
			sink->failed = true;
			return NULL;
		}
		if (sink->count)
			memcpy(grown, sink->findings, sink->count * sizeof(*grown));
		sink->findings = grown;
		sink->capacity = capacity;
	}
	return &sink->findings[sink->count++];
}

/* A name may be as long as the source: its message is cut, but never within a character. */
static void trim_cut_character(char *text)
{
	size_t len = strlen(text), start = len;

	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)text[start - 1] >= 0xc0)
		text[start - 1] = '\0';
}

enum guard_severity guard_policy_severity(const struct guard_policy *policy, enum guard_rule rule)
{
	return policy->severities ? (enum guard_severity)policy->severities[rule]
				  : GUARD_SEVERITY_ERROR;
}

/* A catalogue's text has been checked to take the same arguments (msgfmt --check-format). */
__attribute__((format_arg(2))) static const char *translated(
	const struct guard_sink *sink, const char *format)
{
	return sink->translate ? sink->translate(format) : format;
}

__attribute__((format(printf, 5, 0))) static void find(struct guard_sink *sink,
	enum guard_rule rule, uint32_t from, uint32_t to, const char *format, va_list args)
{
	enum guard_severity severity = guard_policy_severity(sink->policy, rule);
	struct position start, end;
	struct guard_finding *finding;
	char text[256];
	int len;

	if (severity == GUARD_SEVERITY_OFF)
		return;
	start = source_position(sink->source, from);
	end = source_position(sink->source, to);
	finding = add(sink, severity);
	if (!finding)
		return;
	len = vsnprintf(text, sizeof(text), translated(sink, format), args);
	if (len >= (int)sizeof(text))
		trim_cut_character(text);
	*finding = (struct guard_finding){
		.rule = rule,
		.severity = severity,
		.message = arena_strdup(sink->arena, str_of(text)),
		.line = start.line,
		.column = start.column,
		.end_line = end.line,
		.end_column = end.column,
	};
	if (!finding->message)
		sink->failed = true;
}

void guard_find(struct guard_sink *sink, enum guard_rule rule, const struct ast_node *node,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find(sink, rule, node->start, node->end, format, args);
	va_end(args);
}

void guard_find_at(struct guard_sink *sink, enum guard_rule rule, uint32_t start, uint32_t end,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find(sink, rule, start, end, format, args);
	va_end(args);
}

/* CPython's own words, which are what people look for; other languages put what they are in front.
 */
static const char *diag_message(const struct guard_sink *sink, const struct diag *diag)
{
	if (strcmp(translated(sink, SYNTAX_ERROR), SYNTAX_ERROR) == 0)
		return diag->message;
	return arena_printf(sink->arena, translated(sink, SYNTAX_ERROR), diag->message);
}

static void find_diag(struct guard_sink *sink, const struct diag *diag)
{
	struct guard_finding *finding = add(sink, GUARD_SEVERITY_ERROR);

	if (!finding)
		return;
	*finding = (struct guard_finding){
		.rule = GUARD_RULE_SYNTAX,
		.severity = GUARD_SEVERITY_ERROR,
		.message = diag_message(sink, diag),
		.line = diag->line,
		.column = diag->column,
		.end_line = diag->end_line,
		.end_column = diag->end_column,
	};
	if (!finding->message)
		sink->failed = true;
}

static int by_number(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
	const struct guard_finding *a = left, *b = right;
	int order = by_number(a->line, b->line);

	if (!order)
		order = by_number(a->column, b->column);
	if (!order)
		order = by_number((uint32_t)a->rule, (uint32_t)b->rule);
	if (!order)
		order = by_number(a->end_line, b->end_line);
	if (!order)
		order = by_number(a->end_column, b->end_column);
	return order ? order : strcmp(a->message, b->message);
}

static void sort_findings(struct guard_sink *sink)
{
	uint32_t kept = 0;

	if (sink->count)
		qsort(sink->findings, sink->count, sizeof(sink->findings[0]), by_place);
	for (uint32_t i = 0; i < sink->count; i++)
		if (kept == 0 || by_place(&sink->findings[kept - 1], &sink->findings[i]) != 0)
			sink->findings[kept++] = sink->findings[i];
	sink->count = kept;
}

static enum guard_verdict verdict_of(const struct guard_sink *sink)
{
	for (uint32_t i = 0; i < sink->count; i++)
		if (sink->findings[i].severity == GUARD_SEVERITY_ERROR)
			return GUARD_REJECT;
	return GUARD_ALLOW;
}

/* Reads and judges. 0, or -1 where it could not decide. */
static int examine(struct guard_sink *sink, struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy)
{
	struct source *source = arena_new_object(sink->arena, struct source);
	struct parse_result *tree = arena_new_object(sink->arena, struct parse_result);
	struct diag diag = {0};

	if (!source || !tree)
		return -1;
	sink->source = source;
	if (source_init(source, sink->arena, name, bytes, (uint8_t)minor, &diag) < 0) {
		if (!diag.message)
			return -1;
		find_diag(sink, &diag);
		return 0;
	}
	if (parser_parse(source, tree) < 0)
		return -1;
	if (tree->error.message) {
		find_diag(sink, &tree->error);
		return 0;
	}
	sink->tree = tree;
	return tree->module ? policy->judge(sink, tree->module) : -1;
}

void guard_check(struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy, struct arena *arena, struct guard_report *ret)
{
	guard_check_in(bytes, name, minor, policy, NULL, arena, ret);
}

void guard_check_in(struct str bytes, struct str name, unsigned minor,
	const struct guard_policy *policy, guard_translate *translate, struct arena *arena,
	struct guard_report *ret)
{
	struct guard_sink sink = {.arena = arena, .policy = policy, .translate = translate};
	int code = examine(&sink, bytes, name, minor, policy);

	*ret = (struct guard_report){.verdict = GUARD_ERROR, .policy = policy->name};
	/* Sources that could not be had in full are not judged by what was read of them. */
	if (code < 0 || sink.failed || (arena_failed(arena) && sink.count == 0)) {
		ret->message =
			arena_failed(arena)
				? "judging this source takes more memory than the guard may use"
				: "no memory for the guard";
		return;
	}
	sort_findings(&sink);
	ret->verdict = verdict_of(&sink);
	ret->findings = sink.findings;
	ret->count = sink.count;
	ret->more = sink.more;
}

void guard_check_nested(struct str bytes, const struct guard_sink *around, struct arena *arena,
	struct guard_report *ret)
{
	struct guard_sink sink = {.arena = arena,
		.policy = around->policy,
		.translate = around->translate,
		.nested = around->nested + 1};
	int code = examine(&sink, bytes, STR("docstring"), around->source->minor, around->policy);

	*ret = (struct guard_report){.verdict = GUARD_ERROR, .policy = around->policy->name};
	if (code < 0 || sink.failed)
		return;
	sort_findings(&sink);
	ret->verdict = verdict_of(&sink);
	ret->findings = sink.findings;
	ret->count = sink.count;
}
