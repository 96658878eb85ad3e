/*
 * One run in somebody else's container. Private to runtime/contained.c (the loop) and
 * runtime/contained_result.c (what is held, and how it ended).
 */
#ifndef PYSBX_RUNTIME_CONTAINED_INTERNAL_H
#define PYSBX_RUNTIME_CONTAINED_INTERNAL_H

#include <signal.h>
#include <time.h>

#include "base/arena.h"
#include "runtime/contained.h"
#include "runtime/output.h"

#define SECOND          UINT64_C(1000000000)
#define CONTAINED_INPUT 65536

enum contained_phase {
	CONTAINED_HELLO, /* the container is being made, or its init has not spoken yet */
	CONTAINED_ORDER, /* it was good enough: the program is on its way */
	CONTAINED_RUNNING,
};

struct contained {
	const struct rt_plan *plan;
	const struct contained_driver *driver;
	struct rt_result *result;
	struct arena *arena;
	sigset_t caller_mask;
	int signals;
	unsigned signal_count;

	int in;
	int out;
	int err;
	int file_fds[RT_FILES_MAX];
	unsigned file_count;
	const char **argv;
	const char **envp;
	char key[INNER_KEY + 1];

	enum contained_phase phase;
	bool stopping; /* the init was asked to end it */
	bool killed;
	bool abandoned;
	bool failed;    /* pysbx's own failure; the message is there */
	bool has_cause; /* the first thing that ended the run */
	enum rt_status cause;
	bool pids_by_rlimit;
	bool oom_seen; /* by the driver */
	uint64_t deadline_ns;
	uint64_t started_ns;
	uint64_t ended_ns;

	struct buf to_send;
	size_t sent;
	char *input;
	bool input_ended;

	struct buf carry; /* of standard output, not yet judged */
	struct buf piece;
	struct buf early; /* standard error before the program */
	bool key_seen;
	struct buf last; /* behind the key */
	struct inner_end end;
	bool has_end;
	size_t files_at; /* in last */
	struct output output[2];
};

/*
 * What the container is made of, against what was asked for: fills layers, missing and tier. -errno
 * with err where no run goes without what is missing, or the plan asks for a better tier.
 */
int contained_judge(struct contained *run, const struct inner_facts *facts, struct err *err);

/* Fills the result. started: why it could not be begun, or NULL; finished: the driver's complaint.
 */
void contained_conclude(struct contained *run, const struct contained_end *end,
	const struct err *started, const struct err *finished, bool prepared);

#endif
