/*
 * From settings to a plan for the runtime: the only file that knows both.
 */
#ifndef PYSBX_CLI_PLAN_H
#define PYSBX_CLI_PLAN_H

#include "cli/input.h"
#include "cli/settings.h"
#include "runtime/runtime.h"

/* What the command line alone can show to be wrong, before anything is read. 0 or -EINVAL. */
int plan_check_usage(const struct settings *settings, struct err *err);

/* Whether a result can be written to this descriptor. 0 or -EINVAL. */
int plan_check_descriptor(int fd, struct err *err);

/*
 * Fills everything but on_output and stdin_fd. Arrays live in the settings' arena, texts where the
 * settings have them, the code in the input. 0 or a negative errno with err.
 */
int plan_make(const struct settings *settings, const struct input *input, struct rt_plan *ret,
	struct err *err);

/* Opens what --stdin names; *ret_fd is -1 when the program gets none. 0 or -errno with err. */
int plan_open_stdin(const struct settings *settings, int *ret_fd, struct err *err);

#endif
