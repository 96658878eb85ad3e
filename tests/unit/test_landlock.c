/*
 * Landlock in the kernel: each act in a child, without the rules (it must work there) and with them
 * at every ABI that this kernel has (refused from the ABI on that knows it, else as without).
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/landlock.h"

static char top[] = "/tmp/pysbx-landlock-XXXXXX";
static pid_t parent;
static int abstract_socket = -1;
static struct sockaddr_un abstract_name = {.sun_family = AF_UNIX};
static socklen_t abstract_length;

/* Each leaves nothing behind that a second run of it would stumble over. */
typedef int act(void);

static int opened(int fd)
{
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* Removes what an act may have made; errno stays the act's. */
static int cleaned(int status, int (*removal)(const char *), const char *path)
{
	int error = errno;

	removal(path);
	errno = error;
	return status;
}

static int read_readable(void)
{
	return opened(open("readable/file", O_RDONLY));
}

static int write_readable(void)
{
	return opened(open("readable/file", O_WRONLY));
}

static int create_in_readable(void)
{
	return cleaned(
		opened(open("readable/new", O_CREAT | O_WRONLY, 0600)), unlink, "readable/new");
}

static int mkdir_in_readable(void)
{
	return cleaned(mkdir("readable/dir", 0700), rmdir, "readable/dir");
}

static int read_elsewhere(void)
{
	return opened(open("other/file", O_RDONLY));
}

static int list_elsewhere(void)
{
	return opened(open("other", O_RDONLY | O_DIRECTORY));
}

static int execute_elsewhere(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		execl("other/program", "program", (char *)NULL);
		_exit(errno);
	}
	if (waitpid(child, &status, 0) != child)
		return -1;
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static int write_writable(void)
{
	int status = opened(open("writable/new", O_CREAT | O_WRONLY | O_TRUNC, 0600));

	return status ? status : unlink("writable/new");
}

static int fifo_in_writable(void)
{
	int status = mkfifo("writable/fifo", 0600);

	return status ? status : unlink("writable/fifo");
}

static int write_given_file(void)
{
	return opened(open("given", O_WRONLY));
}

static int rename_within_writable(void)
{
	int status = rename("writable/file", "writable/renamed");

	return status ? status : rename("writable/renamed", "writable/file");
}

static int move_within_writable(void)
{
	int status = rename("writable/file", "writable/below/file");

	return status ? status : rename("writable/below/file", "writable/file");
}

static int link_out_of_writable(void)
{
	return cleaned(link("writable/file", "other/link"), unlink, "other/link");
}

static int truncate_readable(void)
{
	return truncate("readable/file", 4);
}

static int truncate_writable(void)
{
	return truncate("writable/file", 4);
}

static int control_device(void)
{
	int fd = open("/dev/null", O_RDWR);
	int size, status;

	if (fd < 0)
		return -1;
	/* A request that devices without one answer with ENOTTY: then it got as far as the driver.
	 */
	status = ioctl(fd, TIOCGWINSZ, &size);
	if (status < 0 && errno == ENOTTY)
		status = 0;
	close(fd);
	return status;
}

static int bind_tcp(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int status = bind(fd, (struct sockaddr *)&name, sizeof(name));

	close(fd);
	return status;
}

static int connect_abstract(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	int status = connect(fd, (struct sockaddr *)&abstract_name, abstract_length);

	close(fd);
	return status;
}

static int signal_parent(void)
{
	return kill(parent, 0);
}

static const struct {
	const char *what;
	act *act;
	int since; /* the first ABI that refuses it; 0: none does */
	int error;
} acts[] = {
	{"read a readable file", read_readable, 0, 0},
	{"write a readable file", write_readable, 1, EACCES},
	{"create in a readable directory", create_in_readable, 1, EACCES},
	{"make a directory there", mkdir_in_readable, 1, EACCES},
	{"read elsewhere", read_elsewhere, 1, EACCES},
	{"list elsewhere", list_elsewhere, 1, EACCES},
	{"execute elsewhere", execute_elsewhere, 1, EACCES},
	{"write in a writable directory", write_writable, 0, 0},
	{"make a fifo there", fifo_in_writable, 0, 0},
	{"write a file given by itself", write_given_file, 0, 0},
	{"rename there", rename_within_writable, 0, 0},
	{"move between directories there", move_within_writable, 0, 0},
	{"link from there elsewhere", link_out_of_writable, 1, EACCES},
	{"truncate a readable file", truncate_readable, 3, EACCES},
	{"truncate a writable file", truncate_writable, 0, 0},
	{"bind a TCP port", bind_tcp, 4, EACCES},
	{"talk to a device's driver", control_device, 5, EACCES},
	{"reach an abstract socket outside", connect_abstract, 6, EPERM},
	{"signal a process outside", signal_parent, 6, EPERM},
};

/* errno of the act in a child restricted for that ABI, 0 unrestricted; 255: the rules failed. */
static int try_act(int abi, act *function)
{
	static const char *const readable[] = {"readable", "missing", "/dev/null", NULL};
	static const char *const writable[] = {"writable", "given", "/dev/null", NULL};
	const struct landlock_rules rules = {
		.read_execute = readable, .read_write = writable, .abi = abi};
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (abi && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || landlock_restrict(&rules)))
			_exit(255);
		_exit(function() ? errno : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_acts(void **state)
{
	int highest = landlock_abi();

	(void)state;
	if (!highest) {
		print_message("# this kernel has no Landlock, or it is not enabled\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		for (int abi = 0; abi <= highest; abi++) {
			bool refused = abi && acts[i].since && abi >= acts[i].since;
			int got = try_act(abi, acts[i].act);
			int wanted = refused ? acts[i].error : 0;

			/* ABI 1 cannot move files between directories at all. */
			if (abi == 1 && acts[i].act == move_within_writable)
				wanted = EXDEV;
			if (got != wanted)
				fail_msg("%s, ABI %d: errno %d, not %d", acts[i].what, abi, got,
					wanted);
		}
	print_message("# ABI 1 to %d\n", highest);
}

static void test_future_abi_is_fine(void **state)
{
	(void)state;
	if (!landlock_abi()) {
		print_message("# this kernel has no Landlock, or it is not enabled\n");
		skip();
	}
	/* A kernel newer than this program: its highest ABI is used as far as it is known. */
	assert_int_equal(
		try_act(landlock_abi() + 10, read_readable), landlock_abi() >= 6 ? 0 : 255);
}

static void test_failures(void **state)
{
	static const char *const none[] = {NULL};
	struct landlock_rules rules = {.read_execute = none, .read_write = none, .abi = 0};

	(void)state;
	assert_int_equal(landlock_restrict(&rules), -ENOSYS);
	if (!landlock_abi() || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) || geteuid() == 0)
		return;
	/* Without no_new_privs a plain user may not; this process stays as it was. */
	rules.abi = landlock_abi();
	assert_int_equal(landlock_restrict(&rules), -EPERM);
}

static int make_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -1;
	return close(fd);
}

static int set_up(void **state)
{
	(void)state;
	parent = getpid();
	abstract_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	abstract_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				      (size_t)snprintf(abstract_name.sun_path + 1, 32,
					      "pysbx-test-%d", (int)parent));
	if (bind(abstract_socket, (struct sockaddr *)&abstract_name, abstract_length))
		return -1;
	if (!mkdtemp(top) || chdir(top) || mkdir("readable", 0700) || mkdir("writable", 0700) ||
		mkdir("other", 0700) || mkdir("writable/below", 0700) ||
		make_file("readable/file", "text", 0600) ||
		make_file("writable/file", "text", 0600) || make_file("other/file", "text", 0600) ||
		make_file("given", "text", 0600))
		return -1;
	return make_file("other/program", "#!/bin/sh\nexit 0\n", 0700);
}

static int tear_down(void **state)
{
	(void)state;
	unlink("readable/file");
	unlink("writable/file");
	unlink("other/file");
	unlink("other/program");
	unlink("given");
	rmdir("readable");
	rmdir("writable/below");
	rmdir("writable");
	rmdir("other");
	close(abstract_socket);
	return chdir("/") || rmdir(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acts),
		cmocka_unit_test(test_future_abi_is_fine),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
