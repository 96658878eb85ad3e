/* cli/libexec: which file is taken for a program of ours, which is refused, that it then runs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "cli/libexec.h"

static const char *const folders[] = {"bin", "libexec", "build", "build/gateway", NULL};
static const char *const files[] = {
	"bin/pysbx", "bin/gateway", "build/pysbx", "build/gateway/tool", "libexec/tool", NULL};

static char top[] = "/tmp/pysbx-libexec-XXXXXX";
static struct libexec_places places;

static void set_places(const char *self)
{
	static char paths[3][64];

	snprintf(paths[0], sizeof(paths[0]), "%s/%s", top, self);
	snprintf(paths[1], sizeof(paths[1]), "%s/bin", top);
	snprintf(paths[2], sizeof(paths[2]), "%s/libexec", top);
	places = (struct libexec_places){paths[0], paths[1], paths[2], getuid()};
}

static void remove_all(void)
{
	for (size_t i = 0; files[i]; i++)
		unlink(files[i]);
	unlink("build/gateway/link");
	for (size_t i = sizeof(folders) / sizeof(folders[0]) - 1; i-- > 0;)
		rmdir(folders[i]);
}

static int each_set_up(void **state)
{
	(void)state;
	for (size_t i = 0; folders[i]; i++)
		if (mkdir(folders[i], 0700) < 0)
			return -1;
	for (size_t i = 0; files[i]; i++) {
		cleanup_fd int fd = open(files[i], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700);

		if (fd < 0)
			return -1;
	}
	return 0;
}

static int each_tear_down(void **state)
{
	(void)state;
	remove_all();
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	umask(022);
	return mkdtemp(top) && chdir(top) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return chdir("/") == 0 && rmdir(top) == 0 ? 0 : -1;
}

/* The file of `path` is what is found from `self`. */
static void finds(const char *self, const char *path)
{
	struct err err = {0};
	struct stat found, wanted;
	cleanup_fd int fd = -1;

	set_places(self);
	fd = libexec_find(&places, "gateway", "tool", &err);
	if (fd < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(stat(path, &wanted), 0);
	assert_int_equal(found.st_ino, wanted.st_ino);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void refuses(uid_t uid, int code, const char *text)
{
	struct err err = {0};

	places.uid = uid;
	assert_int_equal(libexec_find(&places, "gateway", "tool", &err), -code);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, text));
}

static void test_build_tree_first(void **state)
{
	(void)state;
	finds("build/pysbx", "build/gateway/tool");
	assert_int_equal(unlink("build/gateway/tool"), 0);
	finds("build/pysbx", "libexec/tool");
	assert_int_equal(rmdir("build/gateway"), 0);
	finds("build/pysbx", "libexec/tool");
}

/* Beside an installed pysbx nothing is looked for. */
static void test_installed(void **state)
{
	(void)state;
	assert_int_equal(unlink("bin/gateway"), 0);
	assert_int_equal(mkdir("bin/gateway", 0700), 0);
	assert_int_equal(link("build/gateway/tool", "bin/gateway/tool"), 0);
	finds("bin/pysbx", "libexec/tool");
	assert_int_equal(unlink("libexec/tool"), 0);
	set_places("bin/pysbx");
	refuses(getuid(), ENOENT, "libexec/tool");
	assert_int_equal(unlink("bin/gateway/tool"), 0);
	assert_int_equal(rmdir("bin/gateway"), 0);
}

/* The directory is known by itself, not by its name. */
static void test_installed_by_another_name(void **state)
{
	(void)state;
	assert_int_equal(rename("build/gateway", "bin/x"), 0);
	assert_int_equal(unlink("bin/gateway"), 0);
	assert_int_equal(rename("bin/x", "bin/gateway"), 0);
	assert_int_equal(symlink("bin", "other"), 0);
	finds("other/pysbx", "libexec/tool");
	assert_int_equal(unlink("other"), 0);
	assert_int_equal(unlink("bin/gateway/tool"), 0);
	assert_int_equal(rmdir("bin/gateway"), 0);
}

/* A file of somebody else's is not run, and not passed over either. */
static void test_owner(void **state)
{
	(void)state;
	set_places("build/pysbx");
	if (getuid() != 0) {
		refuses(getuid() + 1, EPERM, "belongs to user");
		return;
	}
	assert_int_equal(chown("build/gateway/tool", 12345, 0), 0);
	refuses(0, EPERM, "gateway/tool: belongs to user 12345");
	refuses(54321, EPERM, "belongs to user 12345");
	assert_int_equal(chown("build/gateway/tool", 0, 0), 0);
	assert_int_equal(chown("build/gateway", 12345, 0), 0);
	refuses(0, EPERM, "gateway: belongs to user 12345");
	places.uid = 12345;
	assert_true(close(libexec_find(&places, "gateway", "tool", NULL)) == 0);
}

static void test_writable(void **state)
{
	(void)state;
	set_places("build/pysbx");
	assert_int_equal(chmod("build/gateway/tool", 0707), 0);
	refuses(getuid(), EPERM, "everybody may write");
	assert_int_equal(chmod("build/gateway/tool", 0700), 0);
	assert_int_equal(chmod("build/gateway", 01707), 0);
	refuses(getuid(), EPERM, "everybody may write");
}

static void test_no_program(void **state)
{
	(void)state;
	set_places("build/pysbx");
	assert_int_equal(chmod("build/gateway/tool", 0600), 0);
	refuses(getuid(), EACCES, "is not a program");
	assert_int_equal(unlink("build/gateway/tool"), 0);
	assert_int_equal(symlink("../../libexec/tool", "build/gateway/tool"), 0);
	refuses(getuid(), EACCES, "is not a program");
	assert_int_equal(unlink("build/gateway/tool"), 0);
	assert_int_equal(mkdir("build/gateway/tool", 0700), 0);
	refuses(getuid(), EACCES, "is not a program");
	assert_int_equal(rmdir("build/gateway/tool"), 0);
	/* A linked directory is no directory of the build's. */
	assert_int_equal(rename("build/gateway", "build/link"), 0);
	assert_int_equal(symlink("link", "build/gateway"), 0);
	refuses(getuid(), ENOTDIR, "build/gateway");
	assert_int_equal(unlink("build/gateway"), 0);
	assert_int_equal(rmdir("build/link"), 0);
}

static void test_names_too_long(void **state)
{
	static char name[5000];
	struct err err = {0};

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	set_places("build/pysbx");
	assert_int_equal(libexec_find(&places, "gateway", name, &err), -ENAMETOOLONG);
	places.self = "pysbx";
	assert_true(close(libexec_find(&places, "gateway", "tool", NULL)) == 0);
}

/* What was opened runs, though its name leads to another file by now; PATH is never asked. */
static void test_exec(void **state)
{
	char shell[] = "sh", option[] = "-c", script[] = "test \"$0\" = word && exit 42",
	     word[] = "word";
	char *const argv[] = {shell, option, script, word, NULL};
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(unlink("libexec/tool"), 0);
	assert_int_equal(unlink("build/gateway/tool"), 0);
	assert_int_equal(symlink("/bin/sh", "libexec/tool"), 0);
	set_places("build/pysbx");
	refuses(getuid(), EACCES, "is not a program");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open("/bin/sh", O_PATH | O_CLOEXEC);

		setenv("PATH", "/nonexistent", 1);
		_exit(fd < 0 ? 1 : -libexec_exec(fd, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	assert_int_equal(libexec_exec(-1, argv), -EBADF);
}

static void test_self(void **state)
{
	struct stat self, program;
	struct err err = {0};
	cleanup_fd int fd = libexec_open_self(&err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &self), 0);
	assert_int_equal(stat("/proc/self/exe", &program), 0);
	assert_int_equal(self.st_ino, program.st_ino);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, each_set_up, each_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_build_tree_first),
		EACH(test_installed),
		EACH(test_installed_by_another_name),
		EACH(test_owner),
		EACH(test_writable),
		EACH(test_no_program),
		EACH(test_names_too_long),
		EACH(test_exec),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
