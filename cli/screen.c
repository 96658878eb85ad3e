/*
 * Screening (cli/screen.h).
 */
#include "cli/screen.h"

#include <errno.h>
#include <unistd.h>

#include "base/pyversion.h"
#include "cli/input.h"
#include "cli/sealed.h"
#include "runtime/python.h"

int screen_interpreter(const struct settings *settings, unsigned *ret_minor, struct err *err)
{
	const char *rootfs = setting_text(settings, OPT_ROOTFS);
	struct python python = {0};
	int code = python_find(settings->arena, setting_text(settings, OPT_PYTHON),
		rootfs ? rootfs : "", &python, err);

	if (code < 0)
		return code;
	*ret_minor = python.minor;
	if (python.minor >= PYTHON_MINOR_OLDEST && python.minor <= PYTHON_MINOR_NEWEST)
		return 0;
	err_set(err, ENOTSUP, "%s is Python 3.%u, which the guard does not know", python.program,
		python.minor);
	err_remedy(err, "choose a Python from 3.%d to 3.%d with --python", PYTHON_MINOR_OLDEST,
		PYTHON_MINOR_NEWEST);
	return -ENOTSUP;
}

int screen_target(const struct settings *settings, unsigned *ret_minor, struct err *err)
{
	if (!setting_text(settings, OPT_TARGET_VERSION))
		return screen_interpreter(settings, ret_minor, err);
	*ret_minor = (unsigned)setting_number(settings, OPT_TARGET_VERSION);
	return 0;
}

const struct guard_policy *screen_policy(const char *text, struct arena *arena, struct err *err)
{
	const struct guard_policy *policy = guard_policy_find(text);
	struct guard_policy_error wrong;
	cleanup_input struct input input = {0};

	if (policy || input_read(text, NULL, &input, err) < 0)
		return policy;
	policy = guard_policy_read(input_bytes(&input), str_of(text), arena, &wrong);
	if (policy)
		return policy;
	if (wrong.previous_line)
		err_set(err, EINVAL, "%s:%u:%u: %s; previous definition here: %s:%u:%u", text,
			wrong.line, wrong.column, wrong.text, text, wrong.previous_line,
			wrong.previous_column);
	else
		err_set(err, EINVAL, "%s:%u:%u: %s", text, wrong.line, wrong.column, wrong.text);
	return NULL;
}

/* A right that others lack is no place to read hostile bytes in. */
static bool wants_sealed(const struct settings *settings)
{
	return geteuid() == 0 || setting_number(settings, OPT_GUARD_SEALED);
}

void screen_input(const struct settings *settings, const struct input *input, unsigned minor,
	struct screening *ret)
{
	const struct guard_policy *policy = NULL;
	struct str bytes = input_bytes(input), name = str_of(input->name);
	bool sealed = wants_sealed(settings);
	struct err err = {0};

	*ret = (struct screening){.arena = arena_new(guard_arena_bytes(bytes.len))};
	ret->report = (struct guard_report){.verdict = GUARD_ERROR,
		.policy = setting_text(settings, OPT_POLICY),
		.message = ret->arena ? "there is no such policy" : "no memory for the guard"};
	if (ret->arena)
		policy = screen_policy(setting_text(settings, OPT_POLICY), settings->arena, &err);
	if (!policy)
		return;
	if (!sealed)
		guard_check(bytes, name, minor, policy, ret->arena, &ret->report);
	if (sealed || ret->report.count)
		text_lines_find(bytes, ret->arena, &ret->lines);
	if (sealed)
		sealed_check(bytes, name, minor, policy, &ret->lines, ret->arena, &ret->report);
}

void screening_free(struct screening *screening)
{
	arena_free(screening->arena);
}
