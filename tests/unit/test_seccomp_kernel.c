/*
 * The system call filter in the kernel: real calls in children, each with and without the filter,
 * so that a refusal is known to be the filter's. Nothing here needs root; where a control would
 * change something it acts on files of its own.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/seccomp_internal.h"

#ifdef __x86_64__
uint32_t seccomp_model_x86_64(const struct seccomp_data *data);
#define MODEL seccomp_model_x86_64
#define AUDIT AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
uint32_t seccomp_model_aarch64(const struct seccomp_data *data);
#define MODEL seccomp_model_aarch64
#define AUDIT AUDIT_ARCH_AARCH64
#endif

/* How a call in a child ended. */
struct outcome {
	int signal; /* that ended the child, or 0 */
	int error;  /* errno, or 0 for success */
};

enum mode { WITHOUT, KILLING, NOTIFYING };

/* What the child and the test share. */
struct shared {
	volatile int listener;
	volatile int error;
	volatile int go;
	volatile long rounds;
};

static struct shared *shared;
static char directory[] = "/tmp/pysbx-seccomp-XXXXXX";

static void child_load(enum mode mode)
{
	const struct seccomp_options options = {.notify = mode == NOTIFYING};
	struct seccomp_filter filter;
	struct err err;

	if (mode == WITHOUT)
		return;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seccomp_compile(&options, &filter, &err))
		_exit(99);
	shared->listener = seccomp_filter_load(&filter);
	if (shared->listener < 0)
		_exit(99);
}

typedef long action(const long *args);

/* Shares the descriptor table with the child, so that its listener is ours under the same number.
 */
static pid_t start(enum mode mode, action *act, const long *args)
{
	pid_t child;

	shared->listener = -1;
	shared->error = -1;
	shared->go = 0;
	child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		/* cmocka catches these to go on, which is not for a child to do. */
		for (int signal = 1; signal < SIGSYS; signal++)
			(void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		child_load(mode);
		errno = 0;
		shared->error = act(args) < 0 ? errno : 0;
		_exit(0);
	}
	assert_true(child > 0);
	return child;
}

/* The end is asked of the child: kernels of old hang the listener up only when it is waited for. */
static void answer_until_end(int listener, pid_t child, struct seccomp_denials *denials)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd watched[2] = {
		{.fd = listener, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

	while (poll(watched, 2, 10000) > 0 && !watched[1].revents)
		if (watched[0].revents & POLLIN)
			seccomp_answer(listener, denials);
		else if (watched[0].revents)
			watched[0].fd = -1;
	close(pidfd);
}

static struct outcome finish(pid_t child, struct seccomp_denials *denials)
{
	struct outcome outcome = {0};
	siginfo_t info = {0};
	int status = 0, listener;

	/* The child may end before it has loaded anything: look at both. */
	while ((listener = shared->listener) < 0 &&
		waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == 0)
		sched_yield();
	if (listener > 0) {
		answer_until_end(listener, child, denials);
		close(listener);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		outcome.signal = WTERMSIG(status);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
	outcome.error = shared->error;
	return outcome;
}

static struct outcome run(enum mode mode, action *act, const long *args)
{
	struct seccomp_denials denials = {0};

	return finish(start(mode, act, args), &denials);
}

static long raw(const long *args)
{
	return syscall(args[0], args[1], args[2], args[3], args[4], args[5], args[6]);
}

/* ---- single calls ---- */

#define HIGH 0x100000000L

struct trial {
	const char *what;
	long args[7];
	int wanted; /* errno; 0: must succeed; -SIGSYS: hostile */
};

/* Descriptors that trials use: 100 is a file of our own, 101 a pipe's end, 102 its directory. */
enum { A_FILE = 100, A_PIPE = 101, A_DIRECTORY = 102 };

static long null_limit[2] = {1, 1};

static const struct trial trials[] = {
	{"socket AF_UNIX", {SYS_socket, AF_UNIX, SOCK_STREAM, 0}, 0},
	{"socket AF_INET", {SYS_socket, AF_INET, SOCK_STREAM, 0}, EAFNOSUPPORT},
	{"socket AF_NETLINK", {SYS_socket, AF_NETLINK, SOCK_RAW, 0}, EAFNOSUPPORT},
	{"socket AF_UNIX, high bits", {SYS_socket, HIGH | AF_UNIX, SOCK_STREAM, 0}, 0},
	{"socket AF_INET, high bits", {SYS_socket, HIGH | AF_INET, SOCK_STREAM, 0}, EAFNOSUPPORT},
	{"socket AF_UNIX SEQPACKET", {SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0}, ESOCKTNOSUPPORT},
	{"fchmod 04755", {SYS_fchmod, A_FILE, 04755}, EPERM},
	{"fchmod 02755, high bits", {SYS_fchmod, A_FILE, HIGH | 02755}, EPERM},
	{"fchmod 0755", {SYS_fchmod, A_FILE, 0755}, 0},
	{"fchmodat 04755", {SYS_fchmodat, A_DIRECTORY, (long)"file", 04755}, EPERM},
	{"mknodat setuid", {SYS_mknodat, A_DIRECTORY, (long)"suid", S_IFREG | 04755, 0}, EPERM},
	{"mknodat fifo", {SYS_mknodat, A_DIRECTORY, (long)"fifo", S_IFIFO | 0600, 0}, 0},
	{"openat O_CREAT 04755",
		{SYS_openat, A_DIRECTORY, (long)"created", O_CREAT | O_WRONLY, 04755}, EPERM},
	{"openat O_CREAT 0644", {SYS_openat, A_DIRECTORY, (long)"plain", O_CREAT | O_WRONLY, 0644},
		0},
	{"openat without O_CREAT, any mode",
		{SYS_openat, A_DIRECTORY, (long)"file", O_RDONLY, 04755}, 0},
	{"F_SETPIPE_SZ", {SYS_fcntl, A_PIPE, F_SETPIPE_SZ, 8192}, EPERM},
	{"F_GETPIPE_SZ", {SYS_fcntl, A_PIPE, F_GETPIPE_SZ}, 0},
	{"F_SETFL O_NONBLOCK", {SYS_fcntl, A_PIPE, F_SETFL, O_NONBLOCK}, 0},
	{"F_SETFL O_DIRECT", {SYS_fcntl, A_PIPE, F_SETFL, O_DIRECT}, EPERM},
	{"F_SETOWN", {SYS_fcntl, A_PIPE, F_SETOWN, 0}, EPERM},
	{"FIONREAD", {SYS_ioctl, A_PIPE, FIONREAD, (long)&null_limit}, 0},
	{"TIOCSTI", {SYS_ioctl, A_PIPE, TIOCSTI, (long)"x"}, -SIGSYS},
	{"TIOCSTI, high bits", {SYS_ioctl, A_PIPE, HIGH | TIOCSTI, (long)"x"}, -SIGSYS},
	{"TIOCLINUX", {SYS_ioctl, A_PIPE, TIOCLINUX, (long)"x"}, -SIGSYS},
	{"personality", {SYS_personality, 0xffffffff}, EPERM},
	{"prlimit of RLIMIT_CORE", {SYS_prlimit64, 0, RLIMIT_CORE, (long)null_limit, 0}, EPERM},
	{"prlimit read", {SYS_prlimit64, 0, RLIMIT_CORE, 0, (long)null_limit}, 0},
	{"prctl PR_SET_NAME", {SYS_prctl, PR_SET_NAME, (long)"x"}, 0},
	{"prctl PR_SET_DUMPABLE", {SYS_prctl, PR_SET_DUMPABLE, 0}, EPERM},
	{"prctl PR_SET_DUMPABLE, high bits", {SYS_prctl, HIGH | PR_SET_DUMPABLE, 0}, EPERM},
	{"memfd_create", {SYS_memfd_create, (long)"x", 0}, 0},
	{"splice", {SYS_splice, A_FILE, 0, A_FILE, 0, 0, 0}, EPERM},
	{"setpriority", {SYS_setpriority, PRIO_PROCESS, 0, 0}, EPERM},
	{"timer_create", {SYS_timer_create, 99, 0, 0}, EPERM},
	{"shmget", {SYS_shmget, 0, 0, 0}, EPERM},
	{"fgetxattr", {SYS_fgetxattr, A_FILE, (long)"user.x", 0, 0}, EOPNOTSUPP},
	{"clone3", {SYS_clone3, 0, 0}, ENOSYS},
	{"openat2", {437, A_DIRECTORY, (long)"file", 0, 0}, ENOSYS},
	{"execveat", {SYS_execveat, -1, 0, 0, 0, 0}, ENOSYS},
	{"a number of the future", {500}, ENOSYS},
	{"mount", {SYS_mount, 0, 0, 0, 0, 0}, -SIGSYS},
	{"umount2", {SYS_umount2, 0, 0}, -SIGSYS},
	{"ptrace", {SYS_ptrace, 0x4206, -1, 0, 0}, -SIGSYS},
	{"unshare", {SYS_unshare, 0}, -SIGSYS},
	{"setns", {SYS_setns, -1, 0}, -SIGSYS},
	{"bpf", {SYS_bpf, -1, 0, 0}, -SIGSYS},
	{"io_uring_setup", {425, 0, 0}, -SIGSYS},
	{"reboot", {SYS_reboot, 0, 0, 0, 0}, -SIGSYS},
	{"process_vm_readv", {SYS_process_vm_readv, -1, 0, 0, 0, 0, 0}, -SIGSYS},
	{"open_tree", {428, -1, 0, 0}, -SIGSYS},
	{"seccomp", {SYS_seccomp, 99, 0, 0}, -SIGSYS},
};

static void clean_up_names(void)
{
	static const char *const names[] = {"suid", "fifo", "created", "plain"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(A_DIRECTORY, names[i], 0);
	fcntl(A_PIPE, F_SETFL, 0);
}

static void check(const struct trial *trial, enum mode mode)
{
	struct outcome got = run(mode, raw, trial->args);
	bool hostile = trial->wanted == -SIGSYS;
	int signal = hostile && mode == KILLING ? SIGSYS : 0;
	int error = hostile ? EPERM : trial->wanted;

	clean_up_names();
	if (got.signal != signal || (!signal && got.error != error))
		fail_msg("%s: signal %d, errno %d", trial->what, got.signal, got.error);
}

/* Without the filter the kernel says something else, or the refusal would prove nothing. */
static void check_control(const struct trial *trial)
{
	struct outcome got = run(WITHOUT, raw, trial->args);

	clean_up_names();
	/* File systems without extended attributes say the same. */
	if (got.signal || (trial->wanted > 0 && trial->wanted != ENOSYS &&
				  trial->wanted != EOPNOTSUPP && got.error == trial->wanted))
		fail_msg("control of %s: signal %d, errno %d", trial->what, got.signal, got.error);
	if (trial->wanted == -SIGSYS && got.error == EPERM)
		print_message("# %s is EPERM for this user anyway\n", trial->what);
}

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		check(&trials[i], KILLING);
		check(&trials[i], NOTIFYING);
		check_control(&trials[i]);
	}
}

static void test_limits_of_another(void **state)
{
	const long parent[7] = {SYS_prlimit64, getpid(), RLIMIT_NOFILE, 0, (long)null_limit};

	(void)state;
	assert_int_equal(run(KILLING, raw, parent).error, EPERM);
	assert_int_equal(run(WITHOUT, raw, parent).error, 0);
}

/* Every number that must not pass, in the kernel, as the model has it. */
static void test_every_refused_number(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (int number = 0; number <= 511; number++) {
		struct seccomp_data data = {.nr = number, .arch = AUDIT};
		const long args[7] = {number, -1, -1, -1, -1, -1, -1};
		struct outcome got;
		uint32_t wanted;

		memset(data.args, 0xff, sizeof(data.args));
		wanted = MODEL(&data);
#ifdef __x86_64__
		/* uretprobe and uprobe: the kernel itself lets them by every filter (Linux 6.14),
		 * and ends who calls them from elsewhere with SIGILL. */
		if (number == 335 || number == 336)
			continue;
#endif
		/* What passes is not called with rubbish: kill(-1, ...) is among it. */
		if (wanted == SECCOMP_RET_ALLOW)
			continue;
		refused++;
		got = run(KILLING, raw, args);
		if (wanted == SECCOMP_RET_USER_NOTIF
				? got.signal != SIGSYS
				: got.signal || got.error != (int)(wanted & SECCOMP_RET_DATA))
			fail_msg("number %d: signal %d, errno %d", number, got.signal, got.error);
	}
	assert_true(refused > 250);
}

/* ---- other ABIs ---- */

#ifdef __x86_64__
static long by_interrupt(const long *args)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(args[0])
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void test_other_abis_are_killed(void **state)
{
	const long getpid32[1] = {20}, execve32[1] = {11};
	const long x32[7] = {0x40000000 | SYS_getpid};

	(void)state;
	assert_int_equal(run(NOTIFYING, by_interrupt, getpid32).signal, SIGSYS);
	assert_int_equal(run(NOTIFYING, by_interrupt, execve32).signal, SIGSYS);
	assert_int_equal(run(NOTIFYING, raw, x32).signal, SIGSYS);
	assert_int_equal(run(KILLING, raw, x32).signal, SIGSYS);
	/* Control: kernels with 32-bit emulation answer, those without send SIGSEGV. */
	assert_int_not_equal(run(WITHOUT, by_interrupt, getpid32).signal, SIGSYS);
	assert_int_equal(run(WITHOUT, raw, x32).signal, 0);
}
#endif

/* ---- threads ---- */

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static long call_among_threads(const long *args)
{
	pthread_t thread;

	for (int i = 0; i < 7; i++)
		if (pthread_create(&thread, NULL, wait_for_ever, NULL))
			_exit(98);
	return raw(args);
}

static void test_threads(void **state)
{
	const long mount[7] = {SYS_mount};
	struct seccomp_denials denials = {0};
	char text[32];
	struct outcome got;

	(void)state;
	assert_int_equal(run(KILLING, call_among_threads, mount).signal, SIGSYS);
	got = finish(start(NOTIFYING, call_among_threads, mount), &denials);
	assert_int_equal(got.signal, 0);
	assert_int_equal(got.error, EPERM);
	assert_int_equal(denials.kinds, 1);
	assert_int_equal(denials.total, 1);
	assert_string_equal(
		seccomp_call_name(denials.calls[0].number, text, sizeof(text)), "mount");
}

/* ---- the listener ---- */

static long flood(const long *args)
{
	long status = -1;

	for (long i = 0; i < args[0]; i++) {
		status = syscall(SYS_ptrace, i, 2, 3, 4);
		if (status != -1 || errno != EPERM)
			_exit(97);
		if (i % 1000 == 0 && (syscall(SYS_mount, 0, 0, 0, 0, 0) != -1 || errno != EPERM))
			_exit(97);
	}
	return status;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double answer_flood(long calls, struct seccomp_denials *denials)
{
	const long args[1] = {calls};
	double began = seconds();

	memset(denials, 0, sizeof(*denials));
	assert_int_equal(finish(start(NOTIFYING, flood, args), denials).error, EPERM);
	return seconds() - began;
}

static void test_flood_is_counted(void **state)
{
	struct seccomp_denials denials;
	double slow = answer_flood(100, &denials) / 100;
	/* An emulated machine takes milliseconds for each, others less than ten microseconds. */
	long calls = slow > 0.0005 ? 1000 : 100000;
	double taken = answer_flood(calls, &denials);

	(void)state;
	assert_int_equal(denials.kinds, 2);
	assert_int_equal(denials.total, calls + calls / 1000);
	assert_int_equal(denials.calls[0].number, SYS_ptrace);
	assert_int_equal(denials.calls[0].count, calls);
	assert_int_equal(denials.calls[0].args[1], 2);
	assert_int_equal(denials.calls[1].count, calls / 1000);
	print_message("# %ld hostile calls answered in %.2f s\n", calls, taken);
	assert_true(taken < 30);
}

static bool is_hostile_call(const struct seccomp_row *row)
{
	return row->name && row->answer == SECCOMP_RET_USER_NOTIF && !row->by_arguments &&
	       seccomp_call_number(filter_arch_native(), row) >= 0;
}

static long many_kinds(const long *args)
{
	(void)args;
	for (size_t i = 0; i < seccomp_row_count; i++)
		if (is_hostile_call(&seccomp_rows[i]))
			syscall(seccomp_call_number(filter_arch_native(), &seccomp_rows[i]), -1, -1,
				-1, -1, -1, -1);
	return 0;
}

/* Each is counted under its own number, and there is room for all there are. */
static void test_every_kind_is_counted(void **state)
{
	struct seccomp_denials denials = {0};
	unsigned kinds = 0;

	(void)state;
	for (size_t i = 0; i < seccomp_row_count; i++)
		kinds += is_hostile_call(&seccomp_rows[i]);
	assert_int_equal(finish(start(NOTIFYING, many_kinds, NULL), &denials).signal, 0);
	assert_int_equal(denials.kinds, kinds);
	assert_int_equal(denials.total, kinds);
	for (unsigned i = 0; i < denials.kinds; i++)
		assert_int_equal(denials.calls[i].count, 1);
	/* And the ioctls, which are one more kind. */
	assert_true(kinds > 50 && kinds + 1 <= SECCOMP_DENIED_MAX);
}

/* Two calls: one is waiting when the listener goes, one comes after. Neither is ever performed. */
static long call_twice(const long *args)
{
	long status = raw(args);

	if (status != -1 || errno != ENOSYS)
		return status;
	status = raw(args);
	shared->rounds = 2;
	return status;
}

static void test_dead_listener_means_no(void **state)
{
	const long unshare_nothing[7] = {SYS_unshare, 0}; /* would succeed */
	struct pollfd watched = {.events = POLLIN};
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(run(WITHOUT, raw, unshare_nothing).error, 0);
	shared->rounds = 0;
	child = start(NOTIFYING, call_twice, unshare_nothing);
	while (shared->listener < 0)
		sched_yield();
	watched.fd = shared->listener;
	assert_int_equal(poll(&watched, 1, 10000), 1);
	close(watched.fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(shared->rounds, 2);
	assert_int_equal(shared->error, ENOSYS);
}

/* The caller may be gone before it is answered. */
static void test_answer_to_nobody(void **state)
{
	const long mount[7] = {SYS_mount};
	struct seccomp_denials denials = {0};
	struct pollfd watched = {.events = POLLIN};
	pid_t child = start(NOTIFYING, raw, mount);

	(void)state;
	while (shared->listener < 0)
		sched_yield();
	watched.fd = shared->listener;
	assert_int_equal(poll(&watched, 1, 10000), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(seccomp_answer(watched.fd, &denials), -EAGAIN);
	assert_int_equal(seccomp_answer(-1, &denials), -EBADF);
	close(watched.fd);
}

static void test_one_listener_only(void **state)
{
	(void)state;
	assert_true(seccomp_can_notify());
	/* This process has got none of it. */
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
}

static long ask_inside(const long *args)
{
	(void)args;
	return seccomp_can_notify() ? 0 : -1;
}

/* Inside the filter there is no second one: seccomp(2) is hostile there. */
static void test_no_listener_inside(void **state)
{
	(void)state;
	assert_int_equal(run(WITHOUT, ask_inside, NULL).error, 0);
	assert_int_not_equal(run(NOTIFYING, ask_inside, NULL).error, 0);
}

static int set_up(void **state)
{
	char path[64];
	int ends[2];

	(void)state;
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !mkdtemp(directory) || pipe(ends))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	if (dup2(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600), A_FILE) < 0 ||
		dup2(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), A_DIRECTORY) < 0 ||
		dup2(ends[1], A_PIPE) < 0)
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlinkat(A_DIRECTORY, "file", 0);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_limits_of_another),
		cmocka_unit_test(test_every_refused_number),
#ifdef __x86_64__
		cmocka_unit_test(test_other_abis_are_killed),
#endif
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_flood_is_counted),
		cmocka_unit_test(test_every_kind_is_counted),
		cmocka_unit_test(test_dead_listener_means_no),
		cmocka_unit_test(test_answer_to_nobody),
		cmocka_unit_test(test_one_listener_only),
		cmocka_unit_test(test_no_listener_inside),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
