/*
 * Which backend runs the plan: the one that was asked for, and no other; `auto` is the native one,
 * and the Docker API where that cannot isolate well enough and a daemon answers.
 */
#ifndef PYSBX_CLI_BACKEND_H
#define PYSBX_CLI_BACKEND_H

#include <stdbool.h>

#include "cli/settings.h"
#include "runtime/runtime.h"

/* True if the guard may still be at work when it starts: it asks plan->may_run. */
bool backend_waits_for_guard(const struct settings *settings);

/*
 * Runs the plan. Where `auto` finds nothing, the message has what was tried, and the remedy what
 * can be done about each, with "; " between them; unless quiet, one line for each goes to stderr.
 */
void backend_run(
	const struct settings *settings, struct rt_plan *plan, bool quiet, struct rt_result *ret);

#endif
