/*
 * Files out: regular files that the program left under /tmp/out, read after its last process is
 * gone.
 */
#ifndef PYSBX_RUNTIME_FETCH_H
#define PYSBX_RUNTIME_FETCH_H

#include "runtime/runtime.h"

#define FETCH_FILES_MAX 64
#define FETCH_BYTES_MAX ((size_t)64 << 20) /* all files together */

/*
 * tmp: a descriptor of the run's /tmp. Names are relative to /tmp/out and match a glob of
 * plan->fetch
 * ('/' only by '/'). Links, devices, pipes, files with another link, and what is past a cap are
 * skipped and counted. Never follows a link, never blocks, never leaves the file system.
 */
void fetch_files(int tmp, const struct rt_plan *plan, struct rt_result *result);

#endif
