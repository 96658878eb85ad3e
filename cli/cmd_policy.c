/*
 * pysbx policy: what the policies are, whether a policy file is one, what a rule is about.
 */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/nls.h"
#include "cli/screen.h"

#define ARENA_BYTES ((size_t)4 << 20)
#define OUTPUT_MAX  ((size_t)1 << 20)

static const char usage[] = "usage: pysbx policy list\n"
			    "       pysbx policy show NAME|FILE\n"
			    "       pysbx policy validate FILE...\n"
			    "       pysbx policy explain RULE\n";

static int list(struct buf *out)
{
	for (size_t i = 0; guard_policy_names[i]; i++)
		buf_printf(out, "%s%s\n", guard_policy_names[i],
			strcmp(guard_policy_names[i], GUARD_POLICY_DEFAULT) == 0 ? " (default)"
										 : "");
	return CLI_OK;
}

static int show(struct buf *out, struct arena *arena, const char *name)
{
	static const char *const words[] = {"off", "warn", "error"};
	struct err err = {0};
	const struct guard_policy *policy = screen_policy(name, arena, &err);

	if (!policy) {
		cli_report(&err);
		return CLI_USAGE;
	}
	for (int i = 0; i < GUARD_RULE_COUNT; i++)
		buf_printf(out, "rule %s %-5s # %s: %s\n", guard_rules[i].id,
			words[guard_policy_severity(policy, (enum guard_rule)i)],
			guard_rules[i].name, _(guard_rules[i].text));
	return CLI_OK;
}

static int validate(struct arena *arena, int count, char **files)
{
	int code = CLI_OK;

	for (int i = 0; i < count; i++) {
		struct err err = {0};

		if (screen_policy(files[i], arena, &err))
			continue;
		cli_report(&err);
		code = CLI_FAILED;
	}
	return code;
}

static int explain(struct buf *out, const char *word)
{
	for (int i = 0; i < GUARD_RULE_COUNT; i++) {
		const struct guard_rule_info *rule = &guard_rules[i];

		if (strcmp(rule->id, word) != 0 && strcmp(rule->name, word) != 0)
			continue;
		buf_printf(out, "%s %s\n  %s.\n%s%s\n", rule->id, rule->name, _(rule->text),
			_("  help: "), _(rule->remedy));
		return CLI_OK;
	}
	cli_error("there is no rule '%s'", word);
	return CLI_USAGE;
}

int cmd_policy(int argc, char **argv)
{
	cleanup_arena struct arena *arena = arena_new(ARENA_BYTES);
	cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);
	const char *verb = argc > 1 ? argv[1] : "";
	int code = CLI_USAGE;

	if (!arena) {
		cli_error("no memory");
		return CLI_FAILED;
	}
	if (strcmp(verb, "--help") == 0) {
		buf_add_text(&out, usage);
		code = CLI_OK;
	} else if (strcmp(verb, "list") == 0 && argc == 2) {
		code = list(&out);
	} else if (strcmp(verb, "show") == 0 && argc == 3) {
		code = show(&out, arena, argv[2]);
	} else if (strcmp(verb, "validate") == 0 && argc > 2) {
		code = validate(arena, argc - 2, argv + 2);
	} else if (strcmp(verb, "explain") == 0 && argc == 3) {
		code = explain(&out, argv[2]);
	} else {
		cli_error("policy: list, show NAME, validate FILE or explain RULE");
	}
	return cli_finish(&out, code, CLI_FAILED);
}
