/*
 * The supervisor's loop: one ppoll over everything that can happen to a run, until its init is dead
 * and its pipes are empty. It never waits without a bound, and the first cause that ends a run
 * stays.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/deleted.h"
#include "runtime/minimal.h"
#include "runtime/place.h"
#include "runtime/processes.h"
#include "runtime/run.h"
#include "runtime/signals.h"

#define MILLISECOND   UINT64_C(1000000)
#define SECOND        UINT64_C(1000000000)
#define TIE           (20 * MILLISECOND) /* of wall clock and CPU time */
#define POLL_INTERVAL (10 * MILLISECOND) /* of memory, where the kernel does not limit it */
#define KILL_TRIES    4
#define KILL_PATIENCE SECOND /* before the cgroup's own kill is tried too */
/* The kernel's own number, which no header of libc has: it may not run a filter uncompiled. */
#define ENOTSUPP      524

uint64_t run_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void set_cause(struct run *run, enum rt_status cause)
{
	if (run->has_cause)
		return;
	run->has_cause = true;
	run->cause = cause;
}

void run_end(struct run *run, enum rt_status cause)
{
	set_cause(run, cause);
	if (run->killed)
		return;
	run->killed = true;
	run->ended_ns = run->killed_ns = run_now();
	if (run->box.minimal) {
		minimal_kill(run);
		return;
	}
	/* The end of PID 1 is the end of its whole namespace; the kernel sees to it. */
	syscall(SYS_pidfd_send_signal, run->init_fd, SIGKILL, NULL, 0);
}

void run_fail(struct run *run, enum rt_status status, const char *format, ...)
{
	va_list args;

	if (!run->has_cause) {
		va_start(args, format);
		vsnprintf(run->result->message, sizeof(run->result->message), format, args);
		va_end(args);
	}
	run->setup_failed = true;
	run_end(run, status);
}

/* Output */

static void flood_check(struct run *run, const struct output *output)
{
	if (output->bytes > output_flood(output->cap))
		run_end(run, RT_OUTPUT_LIMIT);
}

/* Reads once; closes the descriptor at its end. */
static void take_output(struct run *run, int *fd, struct output *output, enum rt_stream_id stream)
{
	char bytes[65536];
	struct str head;
	ssize_t n = read(*fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		fd_close(fd);
		return;
	}
	output_add(output, bytes, (size_t)n, &head);
	if (head.len && run->plan->on_output)
		run->plan->on_output(run->plan->context, stream, head);
	flood_check(run, output);
}

/* Input: from the caller's descriptor through a pipe, so that the program never holds the caller's.
 */

static void read_input(struct run *run)
{
	ssize_t n = fd_read_now(run->plan->stdin_fd, run->input, RUN_INPUT_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		run->input_ended = true;
		return;
	}
	run->input_at = 0;
	run->input_len = (size_t)n;
}

static void write_input(struct run *run)
{
	ssize_t n =
		write(run->stdin_write, run->input + run->input_at, run->input_len - run->input_at);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		/* The program closed its end: the rest is nobody's. */
		run->input_ended = true;
		run->input_len = run->input_at = 0;
		return;
	}
	run->input_at += (size_t)n;
	if (run->input_at == run->input_len)
		run->input_at = run->input_len = 0;
}

static void close_finished_input(struct run *run)
{
	if (run->input_ended && run->input_len == 0)
		fd_close(&run->stdin_write);
}

/* Records */

static void describe_failed_step(struct run *run, const struct record *record)
{
	enum step step = (enum step)record->step;
	/* A failed step is isolation that cannot be had; a failed exec is an interpreter that
	 * cannot. */
	enum rt_status status =
		step == STEP_EXEC || step == (enum step)MINIMAL_EXEC ? RT_ERROR : RT_UNAVAILABLE;

	run->failed_step = step;
	run_fail(run, status, "%s%s%s: %s", step_name(step), record->detail[0] ? ": " : "",
		record->detail,
		record->error == ENOTSUPP ? "no memory for a compiled filter"
					  : strerror(record->error));
	if (step == (enum step)MINIMAL_EXEC && record->error == EACCES && run->box.privileged)
		snprintf(run->result->remedy, sizeof(run->result->remedy),
			"the program has an id of its own, which may not read that file: name "
			"another interpreter with --python");
	if (record->error == ENOTSUPP)
		snprintf(run->result->remedy, sizeof(run->result->remedy),
			"somebody's filters use up what the host has for them: find who, or raise "
			"net.core.bpf_jit_limit");
}

/* The figures are final when the init tells the end: it has ended and reaped everything else. */
static void take_end(struct run *run, const struct record *record)
{
	struct err ignored;

	run->end = *record;
	run->has_end = true;
	if (!run->killed)
		run->ended_ns = run_now();
	/* Read while the init dies, not after. */
	if (run->box.cgroup)
		cgroup_read(run->box.cgroup, &run->usage, &ignored);
}

static void check_and_release(struct run *run)
{
	struct record checked = {.kind = RECORD_CHECKED};
	struct err err;
	int code = run_check_program(run, run->program, &err);

	/* Gone already: then it has sent, or its end of file will say, why. It cannot exec. */
	if ((code == -ENOENT || code == -ESRCH) && kill(run->program, 0) < 0 && errno == ESRCH)
		return;
	if (code == -ENOENT) {
		run_fail(run, RT_UNAVAILABLE, "verify: /proc does not show the program's process");
		snprintf(run->result->remedy, sizeof(run->result->remedy),
			"mount /proc of pysbx's own pid namespace, without hidepid or with "
			"gid= of a group that pysbx runs with");
		return;
	}
	if (code < 0) {
		run_fail(run, RT_UNAVAILABLE, "verify: %s", err.text);
		return;
	}
	run->phase = PHASE_RUNNING;
	run->started_ns = run_now();
	run->next_cpu_check_ns = run->started_ns;
	run->next_poll_ns = run->started_ns;
	/* Gone meanwhile: as above, what it sent or its end of file says why. */
	if (record_send(run->exec_channel, &checked, NULL) < 0)
		run->phase = PHASE_CHECK;
}

static void take_ready(struct run *run, const struct record *record, struct record_fds *fds)
{
	run->tmp = fds->fds[0];
	if (fds->count > 1)
		run->shm = fds->fds[1];
	fds->count = 0;
	run->box.layers |= record->layers;
	run->phase = PHASE_CHECK;
	/* The program may have been first. */
	if (run->program > 0)
		check_and_release(run);
}

static void on_exec_channel(struct run *run)
{
	struct record_fds fds;
	struct record record;
	pid_t sender = 0;
	int code = record_receive(run->exec_channel, &record, &fds, &sender);

	if (code < 0) {
		/*
		 * Running: close-on-exec did it, python is there. Before: the program is gone, and
		 * what the init says on the other channel comes first or tells the end.
		 */
		run->exec_succeeded = run->phase == PHASE_RUNNING && code == -ENOTCONN;
		fd_close(&run->exec_channel);
	} else if (record.kind == RECORD_FAILED) {
		describe_failed_step(run, &record);
	} else if (record.kind == RECORD_CHECK && run->phase < PHASE_RUNNING && run->program == 0 &&
		   sender > 0 && fds.count == (run->box.filter.notify ? 1u : 0u)) {
		if (fds.count)
			run->listener = fds.fds[--fds.count];
		run->box.layers |= record.layers;
		run->program = sender;
		if (run->phase == PHASE_CHECK)
			check_and_release(run);
	} else {
		run_fail(run, RT_ERROR, "the program broke the set-up protocol");
	}
	record_fds_close(&fds);
}

/* The program is gone before its exec. What it last said may still be unread. */
static void ended_in_setup(struct run *run)
{
	struct pollfd fd = {.fd = run->exec_channel, .events = POLLIN};

	while (!run->has_cause && run->exec_channel >= 0 && poll(&fd, 1, 0) > 0)
		on_exec_channel(run);
	if (!run->has_cause)
		run_fail(run, RT_ERROR, "the program ended during set-up");
}

static void on_channel(struct run *run)
{
	struct record_fds fds;
	struct record record;
	int code = record_receive(run->channel, &record, &fds, NULL);

	if (code < 0) {
		fd_close(&run->channel);
		if (run->phase == PHASE_SETUP)
			run_fail(run, RT_ERROR, "the sandbox's init ended during set-up");
		return;
	}
	if (record.kind == RECORD_READY && run->phase == PHASE_SETUP &&
		fds.count == (run->box.minimal ? 1u : 2u))
		take_ready(run, &record, &fds);
	else if (record.kind == RECORD_FAILED && run->phase < PHASE_RUNNING)
		describe_failed_step(run, &record);
	else if (record.kind == RECORD_ENDED && run->phase < PHASE_RUNNING)
		ended_in_setup(run);
	else if (record.kind == RECORD_ENDED && !run->has_end)
		take_end(run, &record);
	else
		run_fail(run, RT_ERROR, "the sandbox's init broke its protocol");
	record_fds_close(&fds);
}

/* Limits that the supervisor itself holds */

static uint64_t cpu_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (uint64_t)n : 1;
}

static uint64_t tmpfs_used(int fd)
{
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return 0;
	return (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
}

static bool cgroup_has(const struct run *run, unsigned controller)
{
	return run->box.cgroup && (cgroup_controllers(run->box.cgroup) & controller);
}

static bool cgroup_counts_cpu(const struct run *run)
{
	return cgroup_has(run, CGROUP_CPUACCT) ||
	       (run->box.cgroup && cgroup_version(run->box.cgroup) == CGROUP_V2);
}

/* By the group or by a resource limit that holds. */
static bool limits_processes(const struct run *run)
{
	return cgroup_has(run, CGROUP_PIDS) ||
	       (run->box.layers & RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT));
}

/*
 * What was read is lost where a child's end is told to nobody (SIGCHLD ignored): nobody waits, and
 * its time is in no parent's figures. So a reading that falls and stays below is added up. Once is
 * not enough: a child that is waited for while the tree is read is missed by that reading only.
 */
static uint64_t cpu_time_with_lost(struct run *run, uint64_t reading)
{
	if (reading >= run->polled_cpu_high_ns) {
		run->polled_cpu_high_ns = reading;
		run->polled_cpu_falls = 0;
	} else if (++run->polled_cpu_falls == 2) {
		run->polled_cpu_lost_ns += run->polled_cpu_high_ns - reading;
		run->polled_cpu_high_ns = reading;
		run->polled_cpu_falls = 0;
	}
	return reading + run->polled_cpu_lost_ns;
}

/*
 * Ends the run if its CPU time is used up. What was used before the program's own clock began is
 * not its own: the first reading is taken then. The wall clock wins a tie, so close to its end it
 * is waited for.
 */
static void judge_cpu_time(struct run *run, uint64_t now, uint64_t reading)
{
	const struct rt_limits *limits = &run->plan->limits;
	uint64_t wall = now - run->started_ns;

	if (!run->has_cpu_base) {
		run->has_cpu_base = true;
		run->cpu_base_ns = reading;
	}
	/* A reading of processes that are just ending may fall below the first one. */
	if (reading < run->cpu_base_ns || reading - run->cpu_base_ns < limits->cpu_ns)
		return;
	if (limits->cpu_ns >= limits->wall_ns && wall + TIE >= limits->wall_ns)
		return;
	run_end(run, RT_CPU_TIMEOUT);
}

/* Bytes on disk that are the run's doing, with a name or without. */
static uint64_t place_used(const struct run *run)
{
	const struct box *box = &run->box;
	struct ids ids = {box->host_uid, box->host_gid, box->privileged};
	uint64_t named = place_size(run->tmp, !box->privileged), nameless;

	if (named > run->plan->limits.tmpfs_bytes)
		return named;
	nameless = deleted_size(run->init, box->place_path, run->plan->limits.fsize_bytes, &ids);
	return nameless > UINT64_MAX - named ? UINT64_MAX : named + nameless;
}

/* Tier minimal: the size of /tmp, which no file system of its own limits. */
static void poll_place(struct run *run)
{
	if (run->tmp < 0 || place_used(run) <= run->plan->limits.tmpfs_bytes)
		return;
	run->place_full = true;
	run_end(run, RT_OUTPUT_LIMIT);
}

/* CPU time so far, and where no cgroup does it, memory and processes held to their limits. */
static void poll_processes(struct run *run, uint64_t now)
{
	uint64_t limit = run->plan->limits.memory_bytes;
	/* Without a tmpfs of its own its files are on the host's disk. */
	uint64_t files = run->box.minimal ? 0 : tmpfs_used(run->tmp) + tmpfs_used(run->shm);
	uint64_t took;
	struct processes_usage usage;
	int code;

	code = processes_read(run->init, limit, files, &usage);
	if (run->box.minimal)
		poll_place(run);
	/* A tree that is slow to read is read less often: the clock is looked at in between. */
	took = run_now() - now;
	run->next_poll_ns = now + took + (4 * took > POLL_INTERVAL ? 4 * took : POLL_INTERVAL);
	if (code < 0)
		return;
	if (usage.memory_bytes > run->polled_peak_bytes)
		run->polled_peak_bytes = usage.memory_bytes;
	usage.cpu_ns = cpu_time_with_lost(run, usage.cpu_ns);
	if (usage.cpu_ns > run->polled_cpu_ns)
		run->polled_cpu_ns = usage.cpu_ns;
	/* The init is not counted. */
	if (usage.count > 1 && usage.count - 1 > run->polled_pids_peak)
		run->polled_pids_peak = usage.count - 1;
	if (!limits_processes(run) && run->polled_pids_peak > run->plan->limits.pids)
		run_end(run, RT_PIDS_LIMIT);
	if (!cgroup_has(run, CGROUP_MEMORY) && usage.memory_bytes > limit)
		run_end(run, RT_OOM);
	if (!cgroup_counts_cpu(run))
		judge_cpu_time(run, now, usage.cpu_ns);
}

/* The next look is when the limit could be reached at the earliest, with every CPU at work. */
static void check_cpu_time(struct run *run, uint64_t now)
{
	uint64_t limit = run->plan->limits.cpu_ns, used, wait;
	struct cgroup_usage usage;
	struct err err;

	if (cgroup_read(run->box.cgroup, &usage, &err) < 0) {
		run->next_cpu_check_ns = now + POLL_INTERVAL;
		return;
	}
	judge_cpu_time(run, now, usage.cpu_ns);
	used = usage.cpu_ns > run->cpu_base_ns ? usage.cpu_ns - run->cpu_base_ns : 0;
	wait = used < limit ? (limit - used) / cpu_count() : 0;
	run->next_cpu_check_ns = now + (wait > MILLISECOND ? wait : MILLISECOND);
}

/* v1 tells before it kills, so the count may follow the event. */
static void check_oom(struct run *run, uint64_t now)
{
	struct cgroup_usage usage;
	struct err err;

	if (cgroup_read(run->box.cgroup, &usage, &err) == 0 && usage.oom_kills)
		run_end(run, RT_OOM);
	else if (!run->oom_until_ns || now >= run->oom_until_ns)
		run->oom_until_ns = 0;
}

/* True if something has to be looked at every few milliseconds. */
static bool polls(const struct run *run)
{
	return run->box.minimal || !limits_processes(run) || !cgroup_counts_cpu(run) ||
	       !cgroup_has(run, CGROUP_MEMORY);
}

static void check_clocks(struct run *run)
{
	uint64_t now = run_now();

	if (run->phase < PHASE_RUNNING) {
		if (now >= run->setup_deadline_ns)
			run_fail(run, RT_ERROR, "set-up did not finish within 10 s");
		return;
	}
	if (run->killed || run->has_end)
		return;
	/* First, since it wins a tie. */
	if (now - run->started_ns >= run->plan->limits.wall_ns)
		run_end(run, RT_TIMEOUT);
	else if (cgroup_counts_cpu(run) && now >= run->next_cpu_check_ns)
		check_cpu_time(run, now);
	if (run->oom_until_ns)
		check_oom(run, now);
	if (now >= run->next_poll_ns && polls(run))
		poll_processes(run, now);
}

static void earlier(uint64_t *when, uint64_t other)
{
	if (other < *when)
		*when = other;
}

/* When check_clocks() must be called again. */
static uint64_t next_deadline(const struct run *run)
{
	uint64_t when;

	if (run->killed)
		return run->killed_ns + KILL_PATIENCE;
	if (run->phase < PHASE_RUNNING)
		return run->setup_deadline_ns;
	if (run->has_end)
		return run->ended_ns + KILL_PATIENCE;
	when = run->started_ns + run->plan->limits.wall_ns;
	if (run->oom_until_ns)
		earlier(&when, run_now() + MILLISECOND);
	if (cgroup_counts_cpu(run))
		earlier(&when, run->next_cpu_check_ns);
	if (polls(run))
		earlier(&when, run->next_poll_ns);
	return when;
}

/*
 * Ended and still not gone: a process the kernel cannot end at once, or a frozen group. After
 * KILL_TRIES it is given up: the caller gets its answer, with the processes that are left named.
 */
static void insist(struct run *run)
{
	uint64_t since = run->killed ? run->killed_ns : run->ended_ns;
	struct err err;

	if (run_now() < since + KILL_PATIENCE)
		return;
	if (++run->kill_tries > KILL_TRIES) {
		run->abandoned = true;
		/* Whatever limit it was, that something is left behind is what the caller must
		 * know. */
		run->has_cause = false;
		run_fail(run, RT_ERROR, "processes of the run outlived SIGKILL (init is pid %d)",
			(int)run->init);
		return;
	}
	if (run->box.cgroup)
		cgroup_kill(run->box.cgroup, &err);
	if (run->box.minimal)
		minimal_kill_rest(run);
	else
		syscall(SYS_pidfd_send_signal, run->init_fd, SIGKILL, NULL, 0);
	run->killed = true;
	run->killed_ns = run_now();
}

void run_interrupted(struct run *run, int number)
{
	run->result->interrupted = number;
	snprintf(run->result->message, sizeof(run->result->message), "interrupted by SIG%s",
		sigabbrev_np(number));
}

static void on_signal(struct run *run)
{
	int number = signals_next(run->signals);

	if (number == 0 || number == SIGPIPE)
		return;
	if (!run->has_cause)
		run_interrupted(run, number);
	run_end(run, RT_ERROR);
}

enum watched {
	W_INIT,
	W_CHANNEL,
	W_EXEC,
	W_OUT,
	W_ERR,
	W_IN,
	W_SOURCE,
	W_SIGNALS,
	W_LISTENER,
	W_OOM,
	W_COUNT
};

static void add(struct pollfd *fds, enum watched at, int fd, short events)
{
	fds[at] = (struct pollfd){.fd = fd, .events = events};
}

static void choose(const struct run *run, struct pollfd *fds)
{
	short oom_events = 0;
	int oom = run->box.cgroup ? cgroup_event_fd(run->box.cgroup, &oom_events) : -1;
	bool has_input = run->input_len > run->input_at;

	add(fds, W_INIT, run->init_fd, POLLIN);
	add(fds, W_CHANNEL, run->channel, POLLIN);
	add(fds, W_EXEC, run->exec_channel, POLLIN);
	add(fds, W_OUT, run->stdout_read, POLLIN);
	add(fds, W_ERR, run->stderr_read, POLLIN);
	add(fds, W_IN, has_input ? run->stdin_write : -1, POLLOUT);
	add(fds, W_SOURCE,
		run->stdin_write >= 0 && !has_input && !run->input_ended &&
				run->phase == PHASE_RUNNING
			? run->plan->stdin_fd
			: -1,
		POLLIN);
	add(fds, W_SIGNALS, run->signals, POLLIN);
	add(fds, W_LISTENER, run->listener, POLLIN);
	add(fds, W_OOM, run->killed ? -1 : oom, oom_events);
}

static void serve(struct run *run, const struct pollfd *fds)
{
	if (fds[W_SIGNALS].revents)
		on_signal(run);
	/* The program first: of two that failed, the init's may be but the echo. */
	if (fds[W_EXEC].revents && run->exec_channel >= 0)
		on_exec_channel(run);
	if (fds[W_CHANNEL].revents && run->channel >= 0)
		on_channel(run);
	if (fds[W_OOM].revents) {
		run->oom_until_ns = run_now() + 200 * MILLISECOND;
		check_oom(run, run_now());
	}
	if (fds[W_LISTENER].revents & POLLIN)
		seccomp_answer(run->listener, &run->denials);
	else if (fds[W_LISTENER].revents)
		fd_close(&run->listener);
	if (fds[W_OUT].revents && run->stdout_read >= 0)
		take_output(run, &run->stdout_read, &run->out, RT_STDOUT);
	if (fds[W_ERR].revents && run->stderr_read >= 0)
		take_output(run, &run->stderr_read, &run->err, RT_STDERR);
	if (fds[W_SOURCE].revents)
		read_input(run);
	if (fds[W_IN].revents)
		write_input(run);
	if (run->stdin_write >= 0)
		close_finished_input(run);
}

bool run_last_words(struct run *run)
{
	struct pollfd fd = {.fd = run->channel, .events = POLLIN};

	if (run->channel >= 0 && poll(&fd, 1, 0) > 0)
		on_channel(run);
	return run->has_cause;
}

/* After the last process is gone: what is left in the pipes, then nothing more can come. */
static void drain(struct run *run)
{
	while (run->stdout_read >= 0 || run->stderr_read >= 0) {
		struct pollfd fds[2] = {{.fd = run->stdout_read, .events = POLLIN},
			{.fd = run->stderr_read, .events = POLLIN}};

		/* Every writer is dead, so both are readable or at their end at once. */
		if (poll(fds, 2, 0) <= 0)
			break;
		if (fds[0].revents)
			take_output(run, &run->stdout_read, &run->out, RT_STDOUT);
		if (fds[1].revents)
			take_output(run, &run->stderr_read, &run->err, RT_STDERR);
	}
	/* A failed step's record may wait behind the end that the init reported. */
	while (run->exec_channel >= 0 && !run->has_cause) {
		struct pollfd fd = {.fd = run->exec_channel, .events = POLLIN};

		if (poll(&fd, 1, 0) <= 0)
			break;
		on_exec_channel(run);
	}
	while (run->channel >= 0 && run->phase >= PHASE_CHECK && !run->has_end) {
		struct pollfd fd = {.fd = run->channel, .events = POLLIN};

		if (poll(&fd, 1, 0) <= 0)
			break;
		on_channel(run);
	}
}

/*
 * The program and all of its processes are gone and only the init is not, whose end takes the
 * kernel a while: time for what needs no more than that.
 */
static void retire(struct run *run)
{
	run->retired = true;
	drain(run);
	/* Version 2: the init is in it. */
	if (run->box.cgroup && !run->cloned_into_group)
		cgroup_retire(run->box.cgroup);
}

static void reap(struct run *run)
{
	siginfo_t info;

	int options = WEXITED | (run->abandoned ? WNOHANG : 0);

	while (waitid(P_PIDFD, (id_t)run->init_fd, &info, options) < 0 && errno == EINTR)
		;
	run->init = -1;
	run->gone_ns = run_now();
	if (!run->ended_ns)
		run->ended_ns = run_now();
}

void run_watch(struct run *run)
{
	struct pollfd fds[W_COUNT];
	struct timespec left;
	uint64_t now, when;

	run->setup_deadline_ns = run_now() + 10 * SECOND;
	for (;;) {
		choose(run, fds);
		now = run_now();
		when = next_deadline(run);
		when = when > now ? when - now : 0;
		left = (struct timespec){(time_t)(when / SECOND), (long)(when % SECOND)};
		if (ppoll(fds, W_COUNT, &left, NULL) < 0 && errno != EINTR) {
			run_fail(run, RT_ERROR, "poll: %s", strerror(errno));
			break;
		}
		serve(run, fds);
		if (fds[W_INIT].revents)
			break;
		check_clocks(run);
		if (run->has_end && !run->retired && !run->box.minimal)
			retire(run);
		if (run->killed || run->has_end)
			insist(run);
		if (run->abandoned)
			break;
	}
	drain(run);
	/* No namespace ended with an init that was killed. */
	if (run->box.minimal && !run->has_end)
		minimal_kill_rest(run);
	reap(run);
	run->phase = PHASE_ENDED;
}
