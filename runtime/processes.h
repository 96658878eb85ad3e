/*
 * What the processes of a run use, read from /proc: for hosts where no control group can be had.
 */
#ifndef PYSBX_RUNTIME_PROCESSES_H
#define PYSBX_RUNTIME_PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct processes_usage {
	uint64_t memory_bytes; /* anonymous, and of files and shared memory the larger, since
				  they overlap; shared pages counted once where the kernel tells */
	uint64_t cpu_ns;       /* user and system time of all, waited-for children included; to
				  the kernel's clock tick, of each process */
	uint64_t count;        /* processes and threads */
};

/*
 * Walks the tree below init (a pid in the caller's namespace; every orphan inside is its child).
 * files: what the run's tmpfs hold. limit: while the cheap figure for memory is at most this, the
 * exact one is not asked for. Processes that end meanwhile are passed over. -errno when init itself
 * cannot be read.
 *
 * A program that means to hide memory from this can: shared memory that nobody has mapped at the
 * moment, a memfd or a mapping after MADV_DONTNEED, is in no process's figures.
 */
int processes_read(pid_t init, uint64_t limit, uint64_t files, struct processes_usage *ret);

/* Calls visit for every thread of the tree below init, init's own too; those of a process together.
 */
typedef void processes_visitor(void *context, pid_t process, pid_t thread);
void processes_visit(pid_t init, processes_visitor *visit, void *context);

/*
 * Whether /proc is the procfs of our own pid namespace: paths are resolved through /proc/self, and
 * everything about processes goes by their pids there. 0, or -ENOTSUP with a remedy.
 */
int processes_check_proc(struct err *err);

#endif
