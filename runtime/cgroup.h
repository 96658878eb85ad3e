/*
 * The control group of one run: found, made, limited, entered, read, killed and removed.
 *
 * Version 2 where a subtree can be had that this process may write (the root, a delegated subtree,
 * a leaf of our own), else version 1 (memory, pids, cpu, cpuacct, freezer; children of our own
 * group or, for a plain user, of a group "pysbx" at the top that was handed over to it), else none.
 * Only children made here are ever written to; nothing of the machine's own groups is changed
 * except, in a delegated v2 subtree, cgroup.subtree_control and the move of our own process into a
 * leaf. Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of Linux 6.x.
 */
#ifndef PYSBX_RUNTIME_CGROUP_H
#define PYSBX_RUNTIME_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum cgroup_version { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };

/* What the kernel enforces through a group; bits. */
enum cgroup_controller {
	CGROUP_MEMORY = 1 << 0,
	CGROUP_PIDS = 1 << 1,
	CGROUP_CPU = 1 << 2,
	CGROUP_FREEZER = 1 << 3,
	CGROUP_CPUACCT = 1 << 4,
};

struct cgroup_limits {
	uint64_t memory_bytes;    /* memory.max / limit_in_bytes; swap 0 */
	uint64_t pids;            /* pids.max, init included */
	uint64_t cpu_thousandths; /* of one CPU: quota = period * this / 1000 */
};

struct cgroup_usage {
	uint64_t memory_peak_bytes; /* 0: not known */
	uint64_t cpu_ns;
	uint64_t pids_peak;   /* 0: not known */
	uint64_t oom_kills;   /* processes that the OOM killer ended in the group */
	uint64_t pids_denied; /* forks refused by pids.max; where the kernel cannot count: 0 */
};

struct cgroup; /* owned by the supervisor; freed by cgroup_destroy() */

/*
 * Makes a group with the limits in force. -ENOTSUP with text and remedy when none can be had:
 * err->text says what was tried. A partial group (some controller missing) is a success whose
 * cgroup_controllers() tells.
 */
int cgroup_create(const struct cgroup_limits *limits, struct cgroup **ret, struct err *err);

enum cgroup_version cgroup_version(const struct cgroup *cgroup);
unsigned cgroup_controllers(const struct cgroup *cgroup);

/* Why a controller is missing, for a person; "" where none is. Borrowed. */
const char *cgroup_shortfall(const struct cgroup *cgroup);

/* v2: a descriptor of the group's directory for CLONE_INTO_CGROUP; v1: -1. Borrowed. */
int cgroup_clone_fd(const struct cgroup *cgroup);

/*
 * v1: called in the new, single-threaded process itself, before it unshares its cgroup namespace.
 * It writes "0" to each `tasks` file: for the writer's own single thread the kernel skips the
 * system-wide lock whose RCU wait costs 5 to 20 ms when a pid is written to cgroup.procs (Linux 5.5
 * on). Async-signal-safe: no allocation, no stdio. v2: 0 at once. Returns 0 or -errno.
 */
int cgroup_enter(const struct cgroup *cgroup);

/*
 * Moves another process in from outside, in either version: for v2 where clone3() cannot be had
 * (before Linux 5.7, or refused by a filter around us). May stall for 20 ms; see above.
 */
int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct err *err);

/*
 * For a process that was cloned before the group was made: the descriptors it must write "0" to, to
 * be sent to it; how many (at most CGROUP_ENTER_MAX). Borrowed. In v2 that is the slow way in.
 */
#define CGROUP_ENTER_MAX 8
unsigned cgroup_enter_fds(const struct cgroup *cgroup, int fds[CGROUP_ENTER_MAX]);

/* cgroup_enter() through descriptors that were sent. Async-signal-safe. 0 or -errno. */
int cgroup_enter_through(const int *fds, unsigned count);

/*
 * A descriptor that polls readable (or POLLPRI, see *ret_events) when the OOM killer may have
 * struck; cgroup_read() then tells. -1 where there is none. Borrowed.
 */
int cgroup_event_fd(const struct cgroup *cgroup, short *ret_events);

/* Reads what the group used so far. Unknown figures stay 0. */
int cgroup_read(struct cgroup *cgroup, struct cgroup_usage *ret, struct err *err);

/* Ends every process of the group: cgroup.kill, else freeze, SIGKILL each, thaw. */
int cgroup_kill(struct cgroup *cgroup, struct err *err);

/*
 * Removes of an empty group what is the kernel's; the figures that were read, and what can be asked
 * of it without reading, stay. What is left is cgroup_destroy()'s.
 */
void cgroup_retire(struct cgroup *cgroup);

/*
 * Removes the group (killing what is left, waiting at most one second) and frees it; NULL is fine.
 * On -EBUSY the path is in err->text and the group is left for the next sweep.
 */
int cgroup_destroy(struct cgroup *cgroup, struct err *err);

/*
 * Removes groups of ours whose supervisor is dead (its pid and start time are in the group's name).
 * Cheap when there are none: one directory listing per hierarchy. Called by cgroup_create().
 */
void cgroup_sweep(void);

/*
 * v2: for a long-lived parent of many runs (the MCP server), called before it starts its first:
 * if it is alone in a delegated group, moves it into the leaf "pysbx-self" and enables the
 * controllers, so that its children find a place. 0 also where there is nothing to do; what could
 * not be had is in err and is no reason to stop.
 */
int cgroup_settle(struct err *err);

#endif
