/*
 * Screening one program with the settings of the call: what `run` and `check` have in common.
 */
#ifndef PYSBX_CLI_SCREEN_H
#define PYSBX_CLI_SCREEN_H

#include <stdbool.h>

#include "cli/input.h"
#include "cli/sealed.h"
#include "cli/settings.h"
#include "cli/text.h"
#include "guard/guard.h"
#include "runtime/python.h"

/*
 * The interpreter that would run the code (--python, --rootfs), in the settings' arena. 0, or
 * -errno with err and *ret empty: -ENOENT where there is none, -ENOTSUP where the guard does not
 * know its version.
 */
int screen_interpreter(const struct settings *settings, struct python *ret, struct err *err);

/*
 * The Python 3.minor to parse for: --target-version, else the interpreter's. As above; *ret_python
 * is empty where it did not have to be looked for.
 */
int screen_target(const struct settings *settings, struct python *ret_python, unsigned *ret_minor,
	struct err *err);

/*
 * The policy of a name, or of a file where there is no such name; in arena. NULL with err: -EINVAL
 * with the place of the mistake, or what reading the file failed with.
 */
const struct guard_policy *screen_policy(const char *text, struct arena *arena, struct err *err);

/* The report, the lines of the program that it is about, and the arena both live in. */
struct screening {
	struct guard_report report;
	struct text_lines lines; /* none where nothing was found */
	struct arena *arena;
	bool is_sealed; /* in a process of its own, at work from screen_begin() on */

	/* What is being judged; private to screen.c. */
	struct sealed sealed;
	bool is_pending;
	struct str bytes, name;
	unsigned minor;
	const struct guard_policy *policy;
};

/*
 * Begins to judge the input: as root or with --guard-sealed in a process of its own (cli/sealed.h),
 * which is at work until screen_end(). The input and the policy must stay until then.
 */
void screen_begin(const struct settings *settings, const struct guard_policy *policy,
	const struct input *input, unsigned minor, struct screening *ret);

/* The report, in every case; without memory the verdict is GUARD_ERROR. Once called, it stands. */
void screen_end(struct screening *screening);

void screening_free(struct screening *screening);
#define cleanup_screening __attribute__((cleanup(screening_free)))

#endif
