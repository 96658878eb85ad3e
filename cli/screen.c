/*
 * Screening (cli/screen.h).
 */
#include "cli/screen.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pyversion.h"
#include "cli/input.h"
#include "cli/nls.h"
#include "cli/sealed.h"

#define POLICY_BYTES_MAX ((size_t)4 << 20)

int screen_interpreter(const struct settings *settings, struct python *ret, struct err *err)
{
	struct python python;
	int code = python_find(settings->arena, setting_text(settings, OPT_PYTHON),
		setting_text(settings, OPT_ROOTFS), &python, err);

	*ret = (struct python){0};
	if (code < 0)
		return code;
	if (python.minor >= PYTHON_MINOR_OLDEST && python.minor <= PYTHON_MINOR_NEWEST) {
		*ret = python;
		return 0;
	}
	err_set(err, ENOTSUP, "%s is Python 3.%u, which the guard does not know", python.program,
		python.minor);
	err_remedy(err, "choose a Python from 3.%d to 3.%d with --python", PYTHON_MINOR_OLDEST,
		PYTHON_MINOR_NEWEST);
	return -ENOTSUP;
}

int screen_target(const struct settings *settings, struct python *ret_python, unsigned *ret_minor,
	struct err *err)
{
	int code = 0;

	*ret_python = (struct python){0};
	*ret_minor = (unsigned)setting_number(settings, OPT_TARGET_VERSION);
	if (!setting_text(settings, OPT_TARGET_VERSION)) {
		code = screen_interpreter(settings, ret_python, err);
		*ret_minor = ret_python->minor;
	}
	return code;
}

static int read_policy(const char *path, struct buf *bytes, struct err *err)
{
	int code = *path ? file_read(path, bytes, err) : err_set(err, ENOENT, "the name is empty");

	if (code == 0)
		return 0;
	err_wrap(err, "policy");
	err_remedy(err, "'pysbx policy list' has the names of built-in ones; pysbx-policy(5) tells "
			"how to write one in a file");
	return code;
}

const struct guard_policy *screen_policy(const char *text, struct arena *arena, struct err *err)
{
	const struct guard_policy *policy = guard_policy_find(text);
	cleanup_buf struct buf bytes = BUF_INIT(POLICY_BYTES_MAX);
	struct guard_policy_error wrong;

	if (policy || read_policy(text, &bytes, err) < 0)
		return policy;
	policy = guard_policy_read(buf_str(&bytes), str_of(text), arena, &wrong);
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

void screen_begin(const struct settings *settings, const struct guard_policy *policy,
	const struct input *input, unsigned minor, struct screening *ret)
{
	struct str bytes = input_bytes(input), name = str_of(input->name);

	*ret = (struct screening){.arena = arena_new(guard_arena_bytes(bytes.len)),
		.is_sealed = wants_sealed(settings),
		.bytes = bytes,
		.name = name,
		.minor = minor,
		.policy = policy};
	ret->report = (struct guard_report){.verdict = GUARD_ERROR,
		.policy = guard_policy_name(policy),
		.message = "no memory for the guard"};
	ret->is_pending = ret->arena != NULL;
	if (ret->is_pending && ret->is_sealed)
		ret->sealed = sealed_start(bytes, name, minor, policy);
}

void screen_end(struct screening *screening)
{
	struct guard_report *report = &screening->report;
	struct arena *arena = screening->arena;

	if (!screening->is_pending)
		return;
	screening->is_pending = false;
	if (!screening->is_sealed)
		guard_check_in(screening->bytes, screening->name, screening->minor,
			screening->policy, nls_translate, arena, report);
	if (screening->is_sealed || report->count)
		text_lines_find(screening->bytes, arena, &screening->lines);
	if (screening->is_sealed)
		sealed_finish(&screening->sealed, &screening->lines, arena, report);
}

void screening_free(struct screening *screening)
{
	screen_end(screening);
	sealed_reap(&screening->sealed);
	arena_free(screening->arena);
}
