/*
 * The last steps before the exec: limits, stdio, descriptors, signals, Landlock, verification,
 * filter.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"
#include "runtime/caps.h"
#include "runtime/landlock.h"
#include "runtime/mounts.h"

int program_set_limit(struct box *box, int resource, rlim_t value, const char *name)
{
	struct rlimit limit = {value, value}, now;

	/* An inherited hard limit below ours stays: raising it is not ours to do. */
	if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < value)
		limit.rlim_cur = limit.rlim_max = now.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return box_fail_at(box, name);
	return 0;
}

bool program_can_fork(rlim_t limit)
{
	struct rlimit now;
	pid_t child;

	if (getrlimit(RLIMIT_NPROC, &now) < 0)
		return false;
	now.rlim_cur = limit < now.rlim_max ? limit : now.rlim_max;
	if (setrlimit(RLIMIT_NPROC, &now) < 0)
		return false;
	child = vfork();
	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child > 0;
}

int step_rlimits(struct box *box)
{
	const struct rt_limits *limits = &box->plan->limits;
	const struct {
		int resource;
		rlim_t value;
		const char *name;
	} table[] = {
		/* 1, not 0: with 0 a core_pattern that is a pipe is run all the same (core(5)). */
		{RLIMIT_CORE, 1, "RLIMIT_CORE"},
		{RLIMIT_NOFILE, limits->nofile, "RLIMIT_NOFILE"},
		{RLIMIT_FSIZE, limits->fsize_bytes, "RLIMIT_FSIZE"},
		{RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"},
		{RLIMIT_STACK, 8 << 20, "RLIMIT_STACK"},
		{RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE"},
		{RLIMIT_NICE, 0, "RLIMIT_NICE"},
		{RLIMIT_RTPRIO, 0, "RLIMIT_RTPRIO"},
		{RLIMIT_SIGPENDING, 1024, "RLIMIT_SIGPENDING"},
		/* A net under the supervisor's own clock, for one process; it counts whole seconds.
		 */
		{RLIMIT_CPU, limits->cpu_ns / 1000000000u + 2, "RLIMIT_CPU"},
	};
	size_t i;
	int code;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		code = program_set_limit(box, table[i].resource, table[i].value, table[i].name);
		if (code < 0)
			return code;
	}
	if (!box->limit_processes)
		return 0;
	/* Without a user namespace the kernel counts otherwise: a step of its own. */
	if (box->minimal)
		return 0;
	/* Root's processes are not counted, by whatever name it goes inside: then it is no limit.
	 */
	if (!program_can_fork(1))
		box->layers |= RT_LAYER_BIT(RT_LAYER_PIDS_LIMIT);
	/* Counted per user namespace since Linux 5.14; the init is one of them. */
	return program_set_limit(box, RLIMIT_NPROC, limits->pids + 1, "RLIMIT_NPROC");
}

int step_landlock(struct box *box)
{
	/* The root holds nothing but what was put there to be read. */
	static const char *const read_execute[] = {"/", NULL};
	static const char *const read_write[] = {"/tmp", "/dev/shm", "/dev/null", "/dev/zero",
		"/dev/full", "/dev/random", "/dev/urandom", NULL};
	struct landlock_rules rules = {
		.read_execute = read_execute, .read_write = read_write, .abi = box->landlock_abi};
	int code;

	if (box->landlock_abi < 1)
		return 0;
	code = landlock_restrict(&rules);
	if (code == 0)
		box->layers |= RT_LAYER_BIT(RT_LAYER_LANDLOCK);
	return code;
}

static int place(int fd, int number)
{
	/* dup2 onto itself would keep close-on-exec. */
	if (fd == number)
		return fcntl(fd, F_SETFD, 0);
	return dup2(fd, number);
}

/* Out of the way of 0, 1 and 2, which the caller may have had closed. */
static int lift(int *fd)
{
	int high = *fd;

	if (*fd >= 0 && *fd <= 2)
		high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	*fd = high;
	return high;
}

int step_stdio(struct box *box)
{
	int in = box->stdin_read;

	if (in < 0)
		in = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in < 0)
		return box_fail_at(box, "/dev/null");
	if (lift(&in) < 0 || lift(&box->stdout_write) < 0 || lift(&box->stderr_write) < 0 ||
		lift(&box->exec_channel) < 0)
		return box_fail_at(box, "descriptors");
	if (place(in, 0) < 0 || place(box->stdout_write, 1) < 0 || place(box->stderr_write, 2) < 0)
		return box_fail_at(box, "dup2");
	return 0;
}

int step_close_fds(struct box *box)
{
	int fd;

	(void)box;
	if (syscall(SYS_close_range, 3, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) == 0)
		return 0;
	if (errno != ENOSYS && errno != EINVAL)
		return -errno;
	/* Before Linux 5.11. RLIMIT_NOFILE is ours by now, but inherited descriptors may lie above
	 * it. */
	for (fd = 3; fd < 65536; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

int step_signals(struct box *box)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;
	int number;

	(void)box;
	/* SIGKILL, SIGSTOP and the two of the threads library cannot be set; nor can they be
	 * ignored. */
	for (number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	/* The caller's umask is not the program's either. */
	umask(022);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

int program_verify_descriptors(struct box *box)
{
	int fd, flags;

	for (fd = 0; fd < 64; fd++) {
		flags = fcntl(fd, F_GETFD);
		if (fd <= 2 ? flags != 0 : flags >= 0 && !(flags & FD_CLOEXEC)) {
			errno = EPROTO;
			return box_fail_at(box, "descriptors");
		}
	}
	return 0;
}

static int verify_ids(struct box *box)
{
	uid_t uid[3];
	gid_t gid[3];

	errno = EPROTO;
	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || uid[0] != BOX_ID || uid[1] != BOX_ID ||
		uid[2] != BOX_ID)
		return box_fail_at(box, "uid");
	if (getresgid(&gid[0], &gid[1], &gid[2]) < 0 || gid[0] != BOX_ID || gid[1] != BOX_ID ||
		gid[2] != BOX_ID)
		return box_fail_at(box, "gid");
	if (box->privileged && getgroups(0, NULL) != 0)
		return box_fail_at(box, "groups");
	return 0;
}

int step_verify(struct box *box)
{
	const uint32_t namespaces = RT_LAYER_BIT(RT_LAYER_USER) | RT_LAYER_BIT(RT_LAYER_MOUNT) |
				    RT_LAYER_BIT(RT_LAYER_PID) | RT_LAYER_BIT(RT_LAYER_NET) |
				    RT_LAYER_BIT(RT_LAYER_IPC) | RT_LAYER_BIT(RT_LAYER_UTS) |
				    RT_LAYER_BIT(RT_LAYER_CGROUP);
	int code = verify_ids(box);

	if (code == 0)
		code = program_verify_descriptors(box);
	if (code == 0)
		code = mounts_verify(box);
	if (code < 0)
		return code;
	errno = EPROTO;
	if (!caps_are_empty())
		return box_fail_at(box, "capabilities");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return box_fail_at(box, "no_new_privs");
	if (getpid() != 2)
		return box_fail_at(box, "pid");
	if ((box->layers & namespaces) != namespaces)
		return box_fail_at(box, "namespaces");
	/* Of the working directory nothing of the host may be left (CVE-2024-21626). */
	if (chdir("/tmp") < 0)
		return box_fail_at(box, "/tmp");
	return 0;
}

#ifdef PYSBX_ABLATION
/* The filter and no rule in it, for tests that leave it out: the supervisor waits for its listener.
 */
static void leave_out_rules(struct seccomp_filter *filter)
{
	static struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = 0x7fff0000u};

	if (!getenv("LEAVE_OUT_FILTER"))
		return;
	filter->instructions = &allow;
	filter->count = 1;
}
#endif

int step_seccomp(struct box *box)
{
	struct record record = {.kind = RECORD_CHECK, .layers = box->layers};
	struct record_fds fds;
	int listener, code;

#ifdef PYSBX_ABLATION
	leave_out_rules(&box->filter);
#endif
	listener = seccomp_filter_load(&box->filter);
	if (listener < 0)
		return listener;
	/* Without notify there is no listener, and 0 is no descriptor of ours to send. */
	fds = (struct record_fds){.fds = {listener}, .count = box->filter.notify ? 1 : 0};
	code = record_send(box->exec_channel, &record, &fds);
	if (box->filter.notify)
		close(listener);
	return code;
}

int step_handover(struct box *box)
{
	struct record record;
	ssize_t n;

	/* read(2): what the filter lets through. */
	do
		n = read(box->exec_channel, &record, sizeof(record));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(record) || record.kind != RECORD_CHECKED)
		return -EPROTO;
	return 0;
}

int step_exec(struct box *box)
{
	execve(box->argv[0], (char *const *)box->argv, (char *const *)box->envp);
	return box_fail_at(box, box->layout.host_python);
}
