/*
 * One run as the supervisor sees it. Private to runtime/native.c (make, finish), runtime/start.c
 * (descriptors, clone, id maps) and runtime/watch.c (the loop until the last process is gone).
 */
#ifndef PYSBX_RUNTIME_RUN_H
#define PYSBX_RUNTIME_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/box.h"
#include "runtime/output.h"
#include "runtime/seccomp.h"

enum run_phase {
	PHASE_SETUP,   /* the init takes its steps */
	PHASE_CHECK,   /* it is ready; the program takes its own */
	PHASE_RUNNING, /* RECORD_CHECKED was sent: the clock runs */
	PHASE_ENDED,   /* the init told how the program ended, or was killed */
};

struct run {
	const struct rt_plan *plan;
	struct rt_result *result;
	struct box box;
	struct arena *arena;
	sigset_t caller_mask;

	pid_t init;
	int init_fd; /* pidfd */
	int channel;
	int exec_channel;
	int stdin_write;
	int stdout_read;
	int stderr_read;
	int signals; /* signalfd */
	int listener;
	int tmp; /* the run's /tmp */
	int shm; /* and its /dev/shm */

	enum run_phase phase;
	bool cloned_into_group; /* then the init is in the group and counts as one of its processes
				 */
	bool exec_succeeded;
	unsigned kill_tries;
	bool abandoned;       /* it cannot be ended; we go without */
	bool killed;          /* we ended it; `cause` says why */
	enum rt_status cause; /* the first thing that ended the run */
	bool has_cause;
	pid_t program;             /* waits for the check; 0 before */
	struct cgroup_usage usage; /* read when the init told the end; all 0 before */
	struct record end;         /* RECORD_ENDED */
	bool has_end;
	bool retired;       /* what the end left to be done beside the init's death is done */
	bool no_namespaces; /* the host refuses them: what failed was to make one */
	bool place_full;    /* tier minimal: more on disk than the size of /tmp allows */
	bool died_of_pids;  /* it failed with a fork or thread that it could not have */
	bool setup_failed;
	enum step failed_step;
	uint64_t called_ns;  /* rt_run() began */
	uint64_t ready_ns;   /* nothing is left but to ask */
	uint64_t asked_ns;   /* it may run */
	uint64_t cloned_ns;  /* the init was let go */
	uint64_t gone_ns;    /* the last process was reaped */
	uint64_t started_ns; /* the program's clock */
	uint64_t ended_ns;
	uint64_t killed_ns; /* the last SIGKILL */
	uint64_t setup_deadline_ns;
	uint64_t next_cpu_check_ns;
	uint64_t
		oom_until_ns; /* the OOM killer may be at work: look every millisecond until then */
	uint64_t next_poll_ns; /* of memory, where no cgroup limits it */
	uint64_t cpu_base_ns;  /* used by the set-up, before the program's clock began */
	bool has_cpu_base;
	uint64_t polled_peak_bytes;
	uint64_t polled_pids_peak;
	uint64_t polled_cpu_ns;
	uint64_t polled_cpu_high_ns; /* highest reading since something was last found lost */
	uint64_t polled_cpu_lost_ns; /* of processes that nobody waited for */
	unsigned polled_cpu_falls;   /* readings in a row below the highest */
	struct output out;
	struct output err;
	struct seccomp_denials denials;

	char *input; /* bytes read from plan->stdin_fd, not yet written */
	size_t input_len;
	size_t input_at;
	bool input_ended;
};

#define RUN_INPUT_SIZE 65536

uint64_t run_now(void);

/* Makes ready all that the inside will need: ids, files, arguments, pipes, channels. 0 or -errno.
 */
int run_prepare(struct run *run, struct err *err);

/* Closes what of it is the inside's; nothing where that is done. */
void run_close_inside(struct box *box);

/* Clones the init, writes its id maps and lets it go. 0 or -errno. */
int run_start(struct run *run, struct err *err);

/* In the init: closes what only the supervisor may hold. */
void run_close_outside(struct run *run);

/* Hands the program its control group, or tells it that there is none. */
void run_start_group(struct run *run);

/* Serves the run until init is dead and its output is read. Fills cause, end, clocks. */
void run_watch(struct run *run);

/*
 * After something failed on this side: true if the init has said why, which then stands as the
 * cause.
 */
bool run_last_words(struct run *run);

/* Ends every process of the run. The first cause given stays. */
void run_end(struct run *run, enum rt_status cause);

/* A signal to pysbx itself: which, in the result and its message. */
void run_interrupted(struct run *run, int number);

/* Records a failure with its message; the run ends with it. */
void run_fail(struct run *run, enum rt_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The look from outside, just before exec: ids, capabilities, filter. 0 or -EPROTO with err. */
int run_check_program(const struct run *run, pid_t program, struct err *err);

#endif
