/*
 * Tier minimal: a run where no namespaces can be had, inside a plain container or with user
 * namespaces forbidden. What holds there is Landlock (files), the system call filter with a second
 * one of this tier's own (sockets, signals, sessions), resource limits and the supervisor's
 * polling.
 *
 * Two processes as in the other tiers. The init is a fork of the supervisor with its rights; it
 * reaps orphans, tells how the program ended, and kills the program's process group when the
 * supervisor says so or is gone. The program is a session and a process group of its own that
 * nothing in it can leave. Started by root it has an id of its own, else the caller's.
 */
#ifndef PYSBX_RUNTIME_MINIMAL_H
#define PYSBX_RUNTIME_MINIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct box;
struct run;

/* Landlock's least ABI for this tier: the first one there was. What it lacks the filter refuses. */
#define MINIMAL_LANDLOCK_ABI 1

/* Supervisor, before the fork: directory, paths that may be read, limits. 0 or -errno. */
int minimal_prepare(struct run *run, struct err *err);

/* Forks the init, which never returns. Fills run->init and init_fd. 0 or -errno. */
int minimal_fork(struct run *run, struct err *err);

/* Says the init to end everything; the end comes as a record and as the init's death. */
void minimal_kill(struct run *run);

/* What is left when the init did not do it, or was killed itself. */
void minimal_kill_rest(struct run *run);

/* /proc/PID/status of the waiting program, read by the supervisor. 0 or -EPROTO. */
int minimal_check_status(const struct run *run, const char *status, struct err *err);

/* The init's whole life. Never returns. */
_Noreturn void minimal_main(struct box *box);

const char *minimal_step_name(unsigned step);

#endif
