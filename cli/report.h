/*
 * What comes out of a run or a check, as JSON. The form is cli/result.schema.json and
 * cli/check.schema.json; fields that do not apply are left out.
 */
#ifndef PYSBX_CLI_REPORT_H
#define PYSBX_CLI_REPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "guard/guard.h"
#include "runtime/runtime.h"

#define REPORT_SCHEMA 1
/* More than the largest result: two streams of 1 GiB, six bytes for each byte. */
#define REPORT_MAX    ((size_t)16 << 30)

/* Pysbx's own exit status for a result. */
int report_exit_status(const struct rt_result *result);

/* "SIGKILL"; text of at least 16 bytes. */
const char *report_signal_name(int signal, char *text);

/*
 * One line with its end. guard: NULL when the guard was off or not reached. files: whether files
 * were asked for.
 */
void report_run(struct buf *out, const struct rt_result *result, const struct guard_report *guard,
	bool files);

/* One line of `check --json`; message: why the file could not be read (then guard is NULL). */
void report_check(struct buf *out, const char *file, const struct guard_report *guard,
	const char *policy, const char *message);

#endif
