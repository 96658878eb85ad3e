/* runtime/probe_why: which remedy is told where AppArmor forbids user namespaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/probe_internal.h"

#define RESTRICT "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
#define PROFILE  PYSBX_PKGDATADIR "/apparmor/pysbx"
#define PARSER   "/etc/apparmor.d/abi/4.0"
#define SELF     PYSBX_BINDIR "/pysbx"

static char top[64];

/* A file of the host that the folder stands for. */
static void put(const char *path, const char *text)
{
	char full[4096];
	cleanup_fd int fd = -1;

	assert_true(snprintf(full, sizeof(full), "%s%s", top, path) < (int)sizeof(full));
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st, (void)kind, (void)place;
	return remove(path);
}

static int each_set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/probe-why-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int each_tear_down(void **state)
{
	(void)state;
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect(const char *self, const char *remedy)
{
	struct probe_check check = {0};

	assert_int_equal(probe_explain_apparmor(top, self, &check), remedy != NULL);
	if (remedy)
		assert_non_null(strstr(check.remedy, remedy));
	else
		assert_string_equal(check.remedy, "");
}

static void test_not_restricted(void **state)
{
	(void)state;
	put(PROFILE, "");
	put(PARSER, "");
	expect(SELF, NULL); /* a kernel without the sysctl */
	put(RESTRICT, "0\n");
	expect(SELF, NULL);
}

static void test_profile(void **state)
{
	(void)state;
	put(RESTRICT, "1\n");
	put(PROFILE, "");
	put(PARSER, "");
	expect(SELF, "sudo cp " PROFILE " /etc/apparmor.d/pysbx && "
		     "sudo apparmor_parser -r /etc/apparmor.d/pysbx");
}

static void test_no_profile(void **state)
{
	static const char sysctl[] =
		"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";

	(void)state;
	put(RESTRICT, "1\n");
	expect(SELF, sysctl);
	put(PROFILE, ""); /* which this AppArmor could not read */
	expect(SELF, sysctl);
	put(PARSER, "");
	expect("/elsewhere/pysbx", sysctl); /* a program that the profile is not for */
	expect("", sysctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_not_restricted, each_set_up, each_tear_down),
		cmocka_unit_test_setup_teardown(test_profile, each_set_up, each_tear_down),
		cmocka_unit_test_setup_teardown(test_no_profile, each_set_up, each_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
