/*
 * Inside tier minimal (runtime/minimal.h): the init, the program's steps, and how both end. Runs in
 * a fork of the supervisor; nothing here allocates but the removal of the directory at the end.
 *
 * No pid namespace stands between this and everybody else's processes, so signals go to one place
 * only: the program's process group, whose number cannot be used anew while the init has not reaped
 * the program. It reaps it last.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"
#include "runtime/caps.h"
#include "runtime/landlock.h"
#include "runtime/minimal.h"
#include "runtime/mounts.h"
#include "runtime/place.h"

static const struct {
	const char *name;
	int (*take)(struct box *box);
} steps[] = {
#define STEP(name, text, function, reason) {text, function},
#define SAME                               STEP
#include "runtime/steps_minimal.def"
#undef SAME
#undef STEP
};

#define FIRST             MINIMAL_GO
#define LEAST_LIMIT_TRIES 64
_Static_assert(sizeof(steps) / sizeof(steps[0]) == MINIMAL_COUNT - FIRST, "one row per step");

const char *minimal_step_name(unsigned step)
{
	return step >= FIRST && step < MINIMAL_COUNT ? steps[step - FIRST].name : "unknown step";
}

static void take_steps(struct box *box, int channel, unsigned first, unsigned end)
{
	unsigned step;

	for (step = first; step < end; step++)
		box_take_step(box, channel, step, steps[step - FIRST].take);
}

/* The init */

int step_subreaper(struct box *box)
{
	(void)box;
	return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -errno : 0;
}

/* The program and its input, and the directory that it may write, with its links to the input. */
int step_minimal_place(struct box *box)
{
	int code;

	umask(022);
	if (fchdir(box->place) < 0)
		return box_fail_at(box, box->place_path);
	if (mkdir("sandbox", 0755) < 0 || mkdir("tmp", 0700) < 0)
		return box_fail_at(box, box->place_path);
	code = step_write_sandbox(box);
	if (code == 0)
		code = mounts_link_inputs(box, "../sandbox");
	if (code == 0 && box->privileged && chown("tmp", box->host_uid, box->host_gid) < 0)
		code = box_fail_at(box, "chown");
	if (code == 0 && chdir("/") < 0)
		code = -errno;
	return code;
}

static _Noreturn void program_main(struct box *box)
{
	fd_close(&box->channel);
	take_steps(box, box->exec_channel, MINIMAL_SESSION, MINIMAL_COUNT);
	_exit(125);
}

int step_minimal_fork(struct box *box)
{
	box->outer_init = getpid();
	box->program = fork();
	if (box->program < 0)
		return -errno;
	if (box->program == 0)
		program_main(box);
	/* It goes on only once the supervisor has heard from us: this comes before that. */
	return place_note_group(box->place, box->program);
}

static void announce_ready(struct box *box)
{
	cleanup_fd int tmp =
		openat(box->place, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct record record = {.kind = RECORD_READY, .layers = box->layers};
	struct record_fds fds = {.fds = {tmp}, .count = 1};

	if (tmp < 0 || record_send(box->channel, &record, &fds) < 0)
		_exit(125);
}

/* Three different ones; every other descriptor is closed. */
static void keep_only(const int fds[3])
{
	unsigned from = 0, next;
	int i, round;

	for (round = 0; round < 3; round++) {
		next = ~0u;
		for (i = 0; i < 3; i++)
			if ((unsigned)fds[i] >= from && (unsigned)fds[i] < next)
				next = (unsigned)fds[i];
		if (next > from)
			close_range(from, next - 1, 0);
		from = next + 1;
	}
	close_range(from, ~0u, 0);
}

/* Reaps what has ended, the program left out. True once it has ended too. */
static bool reap_orphans(pid_t program)
{
	siginfo_t ended;

	for (;;) {
		ended.si_pid = 0;
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
			return true;
		if (ended.si_pid == program)
			return true;
		if (ended.si_pid == 0)
			return false;
		waitpid(ended.si_pid, NULL, WNOHANG);
	}
}

/* Until the program has ended, or the supervisor wants an end (or is gone): false then. */
static bool wait_for_program(const struct box *box, int children)
{
	struct pollfd fds[2] = {
		{.fd = box->channel, .events = POLLIN}, {.fd = children, .events = POLLIN}};
	struct signalfd_siginfo info;

	for (;;) {
		if (reap_orphans(box->program))
			return true;
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			return false;
		while (read(children, &info, sizeof(info)) == (ssize_t)sizeof(info))
			;
	}
}

/*
 * One blow for the whole group: the kernel takes care that no fork slips through. Then everything
 * is reaped; the program's own status is what is wanted of it.
 */
static int end_group(const struct box *box)
{
	int status, wanted = 0;
	pid_t pid;

	kill(-box->program, SIGKILL);
	/* Before its setsid() it has no group yet. */
	kill(box->program, SIGKILL);
	while ((pid = wait(&status)) > 0 || errno == EINTR)
		if (pid == box->program)
			wanted = status;
	return wanted;
}

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static void report_end(const struct box *box, int status)
{
	struct record record = {.kind = RECORD_ENDED, .status = status};
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	record.cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	record.peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	/* A supervisor that is gone leaves what is on disk to the init. */
	if (record_send(box->channel, &record, NULL) < 0)
		place_remove(box->place, box->place_path);
}

_Noreturn void minimal_main(struct box *box)
{
	sigset_t child;
	int number, children, status;

	for (number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	/* A terminal's, or the caller's to its group: the supervisor decides when it is over. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (children < 0)
		_exit(125);
	take_steps(box, box->channel, FIRST, MINIMAL_SESSION);
	announce_ready(box);
	keep_only((const int[]){box->channel, box->place, children});
	wait_for_program(box, children);
	status = end_group(box);
	report_end(box, status);
	_exit(0);
}

/* The program */

int step_minimal_oom_score(struct box *box)
{
	static const char score[] = "1000";
	cleanup_fd int fd = -1;

	/* The init's being not dumpable was inherited, and made these files root's. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return -errno;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, score, sizeof(score) - 1) != (ssize_t)sizeof(score) - 1)
		return box_fail_at(box, "/proc/self/oom_score_adj");
	return 0;
}

int step_minimal_ids(struct box *box)
{
	if (!box->privileged)
		return 0;
	/* So that capabilities live until they are dropped with the rest; refused without SETPCAP.
	 */
	prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
	if (setgroups(0, NULL) < 0)
		return box_fail_at(box, "setgroups");
	if (setresgid(box->host_gid, box->host_gid, box->host_gid) < 0)
		return box_fail_at(box, "setresgid");
	if (setresuid(box->host_uid, box->host_uid, box->host_uid) < 0)
		return box_fail_at(box, "setresuid");
	return 0;
}

int step_minimal_death(struct box *box)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* Died before this, it would send no signal. */
	return getppid() == box->outer_init ? 0 : -EPIPE;
}

int step_minimal_caps(struct box *box)
{
	int code = caps_drop_held(box);

	if (code == 0 && caps_are_empty())
		box->layers |= RT_LAYER_BIT(RT_LAYER_CAPS);
	return code;
}

/* The least limit above this one under which one more process can be made; 0: there is none. */
static rlim_t least_limit_above(rlim_t low)
{
	rlim_t high = low < 32 ? 64 : 2 * low, middle;

	while (!program_can_fork(high)) {
		if (high >= (rlim_t)1 << 22)
			return 0;
		low = high;
		high *= 2;
	}
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (program_can_fork(middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

/*
 * The least limit under which one more process can be made: by one more than the id has, wherever
 * they are. Other containers' cannot be seen, but the kernel counts them. 0 where there is none.
 */
static rlim_t least_limit(void)
{
	rlim_t least = 0;
	int tries;

	/* What is found is out of date where others of the id begin meanwhile. */
	for (tries = 0; tries < LEAST_LIMIT_TRIES; tries++) {
		least = least_limit_above(least);
		if (least == 0 || program_can_fork(least))
			return least;
	}
	return 0;
}

/*
 * An id of the run's own has no other process. The caller's may have many, and some end or begin
 * meanwhile: then it is a bound but not the limit, which the supervisor has to look after.
 */
int step_minimal_processes(struct box *box)
{
	rlim_t others = 0, least;

	/* A control group does it. */
	if (!box->limit_processes)
		return 0;
	if (box->privileged)
		box->layers |= RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT);
	if (!box->privileged) {
		least = least_limit();
		errno = least ? EPERM : EAGAIN;
		if (least == 0)
			return box_fail_at(box, "no process more for this user");
		/* Root's are not counted, by whatever name it goes here. */
		if (least == 1)
			return box_fail_at(box, "this user's processes have no limit");
		others = least - 2;
	}
	return program_set_limit(
		box, RLIMIT_NPROC, others + box->plan->limits.pids, "RLIMIT_NPROC");
}

int step_minimal_landlock(struct box *box)
{
	struct landlock_rules rules = {.read_execute = box->may_read,
		.read_write = box->may_write,
		.abi = box->landlock_abi};
	int code = landlock_restrict(&rules);

	if (code == 0)
		box->layers |= RT_LAYER_BIT(RT_LAYER_LANDLOCK);
	return code;
}

static int verify_ids(struct box *box)
{
	uid_t uid[3];
	gid_t gid[3];

	errno = EPROTO;
	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || uid[0] != box->host_uid ||
		uid[1] != box->host_uid || uid[2] != box->host_uid)
		return box_fail_at(box, "uid");
	if (getresgid(&gid[0], &gid[1], &gid[2]) < 0 || gid[0] != box->host_gid ||
		gid[1] != box->host_gid || gid[2] != box->host_gid)
		return box_fail_at(box, "gid");
	if (box->privileged && getgroups(0, NULL) != 0)
		return box_fail_at(box, "groups");
	return 0;
}

/* Landlock is all that hides the host's files here: that it does is tried. */
static int verify_files(struct box *box)
{
	static const char *const closed[] = {"/", "/etc/passwd", "/proc/self/status", "/proc"};
	size_t i;

	for (i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		cleanup_fd int fd = open(closed[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 || (errno != EACCES && errno != ENOENT)) {
			errno = EPROTO;
			return box_fail_at(box, closed[i]);
		}
	}
	return 0;
}

int step_minimal_verify(struct box *box)
{
	int code = verify_ids(box);

	if (code == 0)
		code = program_verify_descriptors(box);
	if (code == 0)
		code = verify_files(box);
	if (code < 0)
		return code;
	errno = EPROTO;
	if (!caps_hold_none())
		return box_fail_at(box, "capabilities");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return box_fail_at(box, "no_new_privs");
	if (!(box->layers & RT_LAYER_BIT(RT_LAYER_LANDLOCK)))
		return box_fail_at(box, "landlock");
	if (getsid(0) != getpid() || getpgid(0) != getpid())
		return box_fail_at(box, "session");
	if (chdir(box->may_write[0]) < 0)
		return box_fail_at(box, box->may_write[0]);
	return 0;
}
