/*
 * How a run ended, in words, and what its own last words say: the same for every backend.
 */
#ifndef PYSBX_RUNTIME_VERDICT_H
#define PYSBX_RUNTIME_VERDICT_H

#include "runtime/runtime.h"

/*
 * Of a program that failed by itself: the limit that its standard error speaks of in the end,
 * unless the kernel that would have counted it says otherwise. Where nobody counts processes
 * (counted is false) its word has to do. Adds to limits_hit and limits_likely; true if it died of
 * the process limit. The output must be finished, and limits_hit hold what was seen.
 */
bool verdict_last_words(struct rt_result *result, bool counted);

/*
 * Fills message and remedy by the status, the exit code and the limits. place_full: what was
 * written too much went to files, not to the output.
 */
void verdict_say(const struct rt_limits *limits, bool place_full, struct rt_result *result);

#endif
