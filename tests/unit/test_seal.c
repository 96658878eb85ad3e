/* runtime/seal.h: what is left to a sealed process, and that every other call is its end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "config.h"
#include "runtime/seal.h"

#define MEMORY ((size_t)64 << 20)

#ifdef PYSBX_SANITIZED
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

static int answer = -1; /* the descriptor that stays open */

static void do_nothing(void)
{
}

static void do_write(void)
{
	if (write(answer, "x", 1) != 1)
		_exit(9);
}

static void do_memory(void)
{
	char *bytes = malloc(1 << 20), *more;

	if (!bytes)
		_exit(9);
	memset(bytes, 1, 1 << 20);
	more = realloc(bytes, 8 << 20);
	if (!more)
		_exit(9);
	memset(more, 1, 8 << 20);
	free(more);
}

/* Memory past the limit is refused, not killed: the guard says that it has none. */
static void do_too_much_memory(void)
{
	void *bytes =
		mmap(NULL, MEMORY * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes != MAP_FAILED)
		_exit(9);
}

/* A descriptor that was open is not: then even an allowed call has nothing to work on. */
static void do_others_are_closed(void)
{
	char byte;
	int fd;

	for (fd = 0; fd < 64; fd++)
		if (fd != answer && read(fd, &byte, 1) >= 0)
			_exit(9);
}

static void do_open(void)
{
	open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void do_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void do_fork(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void do_clone3(void)
{
	char args[64] = "";

	syscall(SYS_clone3, args, sizeof(args));
}

static void do_exec(void)
{
	char *argv[] = {(char *)"/bin/true", NULL};

	execve("/bin/true", argv, NULL);
}

static void do_kill(void)
{
	kill(getppid(), 0);
}

static void do_ptrace(void)
{
	syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void do_prctl(void)
{
	prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static void do_setrlimit(void)
{
	struct rlimit limit = {0, 0};

	setrlimit(RLIMIT_NOFILE, &limit);
}

static void do_executable(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_make_executable(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void do_dup(void)
{
	syscall(SYS_dup, answer);
}

static void do_io_uring(void)
{
	syscall(425, 1, NULL); /* io_uring_setup, the same number everywhere */
}

static void do_seccomp(void)
{
	syscall(SYS_seccomp, 1, 0, NULL);
}

#if defined(__x86_64__)
/* A call of x32, by its own number; and by the 32-bit gate, another architecture's. */
static void do_x32(void)
{
	syscall(0x40000000 + SYS_getpid);
}

static void do_int80(void)
{
	long number = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(number) : : "memory");
}
#endif

/* How it ended: the exit status, or minus the signal. */
static int end_of(void (*act)(void), int sealed)
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		answer = ends[1];
		signal(SIGSYS, SIG_DFL);
		if (sealed && seal_process(answer, MEMORY, 5) < 0)
			_exit(8);
		act();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ends[0]);
	close(ends[1]);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_what_is_left(void **state)
{
	(void)state;
	assert_int_equal(end_of(do_nothing, 1), 0);
	assert_int_equal(end_of(do_write, 1), 0);
	assert_int_equal(end_of(do_memory, 1), 0);
	assert_int_equal(end_of(do_others_are_closed, 1), 0);
	/* Without the limit, as with the sanitizers, there is more than enough. */
	assert_int_equal(end_of(do_too_much_memory, 1), IS_SANITIZED ? 9 : 0);
	assert_int_equal(end_of(do_too_much_memory, 0), 9);
}

static void test_everything_else_ends_it(void **state)
{
	static const struct {
		const char *name;
		void (*act)(void);
	} rows[] = {
		{"open", do_open},
		{"socket", do_socket},
		{"fork", do_fork},
		{"clone3", do_clone3},
		{"exec", do_exec},
		{"kill", do_kill},
		{"ptrace", do_ptrace},
		{"prctl", do_prctl},
		{"setrlimit", do_setrlimit},
		{"mmap exec", do_executable},
		{"mprotect exec", do_make_executable},
		{"dup", do_dup},
		{"io_uring", do_io_uring},
		{"seccomp", do_seccomp},
#if defined(__x86_64__)
		{"x32", do_x32},
		{"int80", do_int80},
#endif
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int end = end_of(rows[i].act, 1), control = end_of(rows[i].act, 0);

		if (end != -SIGSYS)
			print_message("# %s: ended with %d\n", rows[i].name, end);
		assert_int_equal(end, -SIGSYS);
		/* Without the seal the same is no end by SIGSYS (a kernel without x32 or int80:
		 * SEGV). */
		assert_int_not_equal(control, -SIGSYS);
	}
}

/* Time is limited by the seal too, should the parent forget it. */
static void spin(void)
{
	for (volatile unsigned n = 0;; n++)
		;
}

static void seal_for_a_second(void)
{
	if (seal_process(answer, MEMORY, 1) < 0)
		_exit(8);
	spin();
}

static void test_cpu_time(void **state)
{
	(void)state;
	assert_int_equal(end_of(seal_for_a_second, 0), -SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_everything_else_ends_it),
		cmocka_unit_test(test_cpu_time),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
