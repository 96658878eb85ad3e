/*
 * Fuzz target of the guard: any bytes for any version, judged by every policy.
 * The first byte chooses the version. A broken promise of guard/guard.h aborts.
 */

#include "base/buf.h"
#include "base/json.h"
#include "guard/guard.h"
#include "lexer/source.h"
#include "tests/fuzz/target.h"

#define ARENA_MAX ((size_t)256 << 20)

static bool is_before(const struct guard_finding *a, const struct guard_finding *b)
{
	return a->line < b->line || (a->line == b->line && a->column <= b->column);
}

static void check_finding(const struct guard_finding *finding, const struct guard_policy *policy)
{
	promise((unsigned)finding->rule < GUARD_RULE_COUNT, "a rule is known");
	promise(finding->rule == GUARD_RULE_SYNTAX ||
			finding->severity == guard_policy_severity(policy, finding->rule),
		"a severity is the policy's");
	promise(finding->severity != GUARD_SEVERITY_OFF, "what is off is not found");
	promise(finding->line >= 1 && finding->end_line >= finding->line, "a span goes forward");
	promise(finding->message && finding->message[0], "a finding has a message");
	promise(utf8_valid(str_of(finding->message)), "a message is text");
}

static void check_report(const struct guard_report *report, const struct guard_policy *policy)
{
	bool has_error = false;
	uint32_t i;

	promise(!report->message == (report->verdict != GUARD_ERROR),
		"only an error has a message");
	promise(report->verdict != GUARD_ERROR || !report->count, "an error has no findings");
	promise(report->count <= GUARD_FINDINGS_MAX, "findings are bounded");
	for (i = 0; i < report->count; i++) {
		check_finding(&report->findings[i], policy);
		promise(!i || is_before(&report->findings[i - 1], &report->findings[i]),
			"findings come by place");
		has_error = has_error || report->findings[i].severity == GUARD_SEVERITY_ERROR;
	}
	promise(report->verdict == GUARD_ERROR || has_error == (report->verdict == GUARD_REJECT),
		"the verdict is what the findings make it");
}

/* A refusal to read is one whatever the policy: what does not parse is allowed by none. */
static void judge(struct str bytes, unsigned minor)
{
	bool parses[8] = {false};
	size_t i;

	for (i = 0; guard_policy_names[i]; i++) {
		const struct guard_policy *policy = guard_policy_find(guard_policy_names[i]);
		cleanup_arena struct arena *arena = arena_new(ARENA_MAX);
		struct guard_report report;

		if (!arena)
			return;
		guard_check(bytes, STR("fuzz"), minor, policy, arena, &report);
		check_report(&report, policy);
		if (report.verdict == GUARD_ERROR)
			return;
		parses[i] = !report.count || report.findings[0].rule != GUARD_RULE_SYNTAX;
		promise(parses[i] == parses[0], "policies agree on what parses");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		judge(str_from((const char *)data + 1, size - 1), 8 + data[0] % 7);
	return 0;
}
