/* tests/unit/cgroup_help.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/cgroup_help.h"

const struct cgroup_limits roomy = {256 * MIB, 64, 4000};

uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void pause_ms(long milliseconds)
{
	struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

void skip_because(const char *why)
{
	print_message("# %s\n", why);
	skip();
}

struct cgroup *make(const struct cgroup_limits *limits, unsigned needed)
{
	struct cgroup *cgroup = NULL;
	struct err err = {0};

	if (cgroup_create(limits, &cgroup, &err) < 0) {
		assert_int_equal(err.code, ENOTSUP);
		print_message("# no group: %s\n", err.text);
		skip();
	}
	if (needed & ~cgroup_controllers(cgroup)) {
		print_message("# missing: %s\n", cgroup_shortfall(cgroup));
		cgroup_destroy(cgroup, NULL);
		skip();
	}
	return cgroup;
}

void destroy(struct cgroup *cgroup)
{
	struct err err = {0};

	if (cgroup_destroy(cgroup, &err) < 0)
		fail_msg("%s", err.text);
}

pid_t start(const struct cgroup *cgroup, int (*body)(void))
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	int fd = cgroup_clone_fd(cgroup);
	pid_t pid;

	if (fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)fd;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(cgroup_enter(cgroup) < 0 ? 99 : body());
	assert_true(pid > 0);
	return pid;
}

int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

int run(const struct cgroup *cgroup, int (*body)(void))
{
	return wait_for(start(cgroup, body));
}

unsigned members(const struct cgroup *cgroup)
{
	char text[4096];
	unsigned count = 0, i;
	ssize_t len, at;

	for (i = 0; i < cgroup->dir_count; i++) {
		len = cgroup_read_file(cgroup->dirs[i].fd, "cgroup.procs", text, sizeof(text));
		for (at = 0; at < len; at++)
			count += text[at] == '\n';
	}
	return count;
}

struct cgroup_usage usage(struct cgroup *cgroup)
{
	struct cgroup_usage used;
	struct err err = {0};

	assert_int_equal(cgroup_read(cgroup, &used, &err), 0);
	return used;
}

int body_nothing(void)
{
	return 7;
}

int body_sleep(void)
{
	for (;;)
		pause();
	return 0;
}

int touch(size_t bytes)
{
	volatile char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (memory == MAP_FAILED)
		return 1;
	for (i = 0; i < bytes; i += 4096)
		memory[i] = 1;
	return 0;
}

int body_touch_8(void)
{
	return touch(8 * MIB);
}

unsigned groups_of(int dir_fd, pid_t maker)
{
	char path[64], prefix[64];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	snprintf(prefix, sizeof(prefix), "pysbx.%d.", (int)maker);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return count;
}

void path_of(int fd, char path[CGROUP_PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, CGROUP_PATH_MAX - 1);
	assert_true(len > 0);
	path[len] = '\0';
}
