/*
 * Fuzz target of the policy reader: any bytes up to the first NUL as a policy file, the rest as a
 * program that it judges. A broken promise of guard/guard.h aborts.
 */

#include "base/buf.h"
#include "guard/guard.h"
#include "lexer/source.h"
#include "tests/fuzz/target.h"

#define ARENA_MAX ((size_t)256 << 20)
#define PROGRAM                                                                                    \
	STR("import os, json\nx = eval('1')\nprint(os.getpid(), x.__class__, open('/etc/x'))\n")

static void check_error(const struct guard_policy_error *error, struct str bytes)
{
	promise(error->text && error->text[0], "a mistake is told");
	promise(error->line <= bytes.len + 1 && error->column <= bytes.len + 1,
		"a mistake has a place in the file");
	promise(error->previous_line <= error->line || !error->previous_line,
		"what was said before stands before");
}

static enum guard_verdict judge(
	struct str program, const struct guard_policy *policy, struct arena *arena)
{
	struct guard_report report;

	guard_check(program, STR("fuzz"), 13, policy, arena, &report);
	return report.verdict;
}

/* Where no line says so, nothing is open: the rest of the file must not matter. */
static bool opens_nothing(struct str bytes)
{
	static const char *const words[] = {"extends", "allow", "warn", "off"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (bytes.len && memmem(bytes.ptr, bytes.len, words[i], strlen(words[i])))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct arena *arena = arena_new(ARENA_MAX);
	const char *text = (const char *)data, *nul = size ? memchr(text, '\0', size) : NULL;
	struct str bytes = str_from(text, nul ? (size_t)(nul - text) : size);
	struct guard_policy_error error;
	const struct guard_policy *policy;

	if (!arena)
		return 0;
	policy = guard_policy_read(bytes, STR("fuzz.policy"), arena, &error);
	if (!policy) {
		check_error(&error, bytes);
		return 0;
	}
	if (opens_nothing(bytes))
		promise(judge(PROGRAM, policy, arena) == GUARD_REJECT,
			"an empty file is the strictest");
	promise(judge(STR("x = ("), policy, arena) == GUARD_REJECT,
		"no policy lets pass what does not parse");
	if (nul)
		judge(str_from(nul + 1, size - bytes.len - 1), policy, arena);
	return 0;
}
