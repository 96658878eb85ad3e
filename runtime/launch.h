/*
 * What a program is started with, whoever isolates it: its command line, its environment, and the
 * caller's files that it is to see.
 */
#ifndef PYSBX_RUNTIME_LAUNCH_H
#define PYSBX_RUNTIME_LAUNCH_H

#include "base/arena.h"
#include "runtime/runtime.h"

/*
 * Opens plan->files with the caller's rights: regular files, 64 MiB together. *ret_count is how
 * many of fds (at least plan->file_count) are to be closed, also after a failure. Where the soft
 * limit of open files is too low for them, it is raised as far as the hard one allows. 0 or -errno.
 */
int launch_open_files(const struct rt_plan *plan, int *fds, unsigned *ret_count, struct err *err);

/*
 * python and its options, the program in PLACE/sandbox, its arguments; NULL-terminated, in the
 * arena. place: "", but where the program has no root of its own.
 */
int launch_argv(struct arena *arena, const struct rt_plan *plan, const char *python,
	const char *place, const char ***ret, struct err *err);

/*
 * Everything the program's environment holds. bin: the interpreter's directory inside;
 * library_path: LD_LIBRARY_PATH inside or NULL.
 */
int launch_environment(struct arena *arena, const struct rt_plan *plan, const char *bin,
	const char *library_path, const char *place, const char ***ret, struct err *err);

#endif
