/*
 * PID 1 of the sandbox: takes the set-up steps one by one, forks the program, reaps, and holds the
 * verdict channel. It runs in a copy of the supervisor's memory and must not allocate, use stdio,
 * or return. Between exec of the program and its end it does nothing but wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"
#include "runtime/minimal.h"

static const struct {
	const char *name;
	int (*take)(struct box *box);
} steps[] = {
#define STEP(name, text, function, reason) {text, function},
#include "runtime/steps.def"
#undef STEP
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == STEP_COUNT, "one row per step");

const char *step_name(enum step step)
{
	return (unsigned)step < STEP_COUNT ? steps[step].name : minimal_step_name(step);
}

int box_fail_at(struct box *box, const char *object)
{
	int saved = errno > 0 ? errno : EIO;
	size_t len = strlen(object);

	if (len >= sizeof(box->detail))
		len = sizeof(box->detail) - 1;
	memcpy(box->detail, object, len);
	box->detail[len] = '\0';
	return -saved;
}

/* Tests make any one step fail, to see that it names itself and that nothing runs or stays. */
static int injected_fault(const struct box *box, unsigned step)
{
#ifdef PYSBX_FAULTS
	const char *wanted = getenv("FAULT_STEP");

	/* The second try goes without /proc, and so must its fault. */
	if (wanted && (step != STEP_PROC || box->want_proc) &&
		strcmp(wanted, step_name((enum step)step)) == 0)
		return -EPERM;
#endif
	(void)box;
	(void)step;
	return 0;
}

/*
 * Tests leave any step out, while the result goes on to claim what it was there for, to see that
 * the probes notice (tests/containment). The product has no such switch.
 */
static bool is_left_out(struct box *box, unsigned step)
{
#ifdef PYSBX_ABLATION
	const char *list = getenv("LEAVE_OUT"), *name = step_name((enum step)step), *at;
	size_t len = strlen(name);

	for (at = list; at && *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
		if (strcspn(at, ",") == len && strncmp(at, name, len) == 0) {
			box->layers |= RT_LAYER_BIT(RT_LAYER_LANDLOCK) |
				       RT_LAYER_BIT(RT_LAYER_NNP) |
				       RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT);
			if (!box->minimal)
				box->layers |= RT_LAYER_BIT(RT_LAYER_NET) |
					       RT_LAYER_BIT(RT_LAYER_CGROUP) |
					       RT_LAYER_BIT(RT_LAYER_PROC);
			return true;
		}
#endif
	(void)box;
	(void)step;
	return false;
}

static _Noreturn void give_up(struct box *box, int channel, unsigned step, int code)
{
	struct record record = {.kind = RECORD_FAILED, .step = step, .error = -code};

	memcpy(record.detail, box->detail, sizeof(record.detail));
	record_send(channel, &record, NULL);
	_exit(125);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void box_take_step(struct box *box, int channel, unsigned step, int (*take)(struct box *box))
{
	uint64_t before = box->clock ? now_ns() : 0;
	int code;

	box->detail[0] = '\0';
	code = injected_fault(box, step);
	if (code == 0 && !is_left_out(box, step))
		code = take(box);
	if (code < 0)
		give_up(box, channel, step, code);
	if (box->clock)
		box->clock->ns[step] = now_ns() - before;
}

static void take_steps(struct box *box, int channel, unsigned first, unsigned end)
{
	unsigned step;

	for (step = first; step < end; step++)
		box_take_step(box, channel, step, steps[step].take);
}

/* The program's half of the steps; the last one execs. */
static _Noreturn void program_main(struct box *box)
{
	unsigned i;

	/* The init writes them into the root; here they would stand against the program's limit. */
	for (i = 0; i < box->file_count; i++)
		fd_close(&box->file_fds[i]);
	fd_close(&box->channel);
	fd_close(&box->pair[0]);
	take_steps(box, box->exec_channel, STEP_FIRST_OF_PROGRAM, STEP_COUNT);
	_exit(125);
}

int step_fork(struct box *box)
{
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, box->pair) < 0)
		return box_fail_at(box, "socketpair");
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		program_main(box);
	fd_close(&box->pair[1]);
	/* PID 2 by construction: the first child in a new pid namespace. */
	return pid == 2 ? 0 : -EPROTO;
}

/*
 * The init keeps nothing that the program could want. It takes no Landlock domain of its own: from
 * one it could not signal the program's (ABI 6), and it opens no file any more.
 */

int step_init_caps(struct box *box)
{
	return step_drop_caps(box);
}

int step_init_no_new_privs(struct box *box)
{
	return step_no_new_privs(box);
}

/* Reaps everything until the program (PID 2) ends; orphans are the init's children too. */
static int wait_for_program(void)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = wait(&status);
		if (pid == 2)
			return status;
		if (pid < 0 && errno != EINTR)
			return -1;
	}
}

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

/* Ends every other process inside and reaps it, so that its CPU time is in the figures. */
static void end_the_rest(void)
{
	kill(-1, SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

static void report_end(struct box *box, int status)
{
	struct record record = {.kind = RECORD_ENDED, .status = status};
	struct rusage usage;

	end_the_rest();
	getrusage(RUSAGE_CHILDREN, &usage);
	record.cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	record.peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	record_send(box->channel, &record, NULL);
}

static void announce_ready(struct box *box)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	cleanup_fd int tmp = open("/tmp", flags), shm = open("/dev/shm", flags);
	struct record record = {.kind = RECORD_READY, .layers = box->layers};
	struct record_fds fds = {.fds = {tmp, shm}, .count = 2};

	if (tmp < 0 || shm < 0 || record_send(box->channel, &record, &fds) < 0)
		_exit(125);
}

/*
 * Closes every other descriptor: the program's ends (while the init held them the supervisor would
 * never see their end) and whatever the caller had open.
 */
static void keep_only(int fd)
{
	if (fd > 0)
		close_range(0, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0u, 0);
}

/*
 * PID 1 gets no signal from inside that it has no handler for, so it must have none: a sanitizer's,
 * a library's. And a caller that ignores SIGCHLD must not make our own children vanish unseen.
 */
static void reset_signals(void)
{
	int number;

	for (number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

_Noreturn void init_main(struct box *box)
{
	int status;

	reset_signals();
	take_steps(box, box->channel, 0, STEP_FIRST_OF_PROGRAM);
	announce_ready(box);
	keep_only(box->channel);
	status = wait_for_program();
	if (status >= 0)
		report_end(box, status);
	_exit(0);
}
