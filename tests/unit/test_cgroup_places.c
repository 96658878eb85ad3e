/*
 * Where a group can be made: places that offer a part, that are somebody else's, that refuse, and
 * every descriptor lacking in turn. Runs in the guest of tests/vm too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/cgroup_help.h"

/* A hierarchy that is not to be had costs its controllers, nothing else. */
static void test_partial(void **state)
{
	struct cgroup *first = make(&roomy, CGROUP_MEMORY | CGROUP_PIDS);
	struct cgroup_limits limits = roomy;
	struct cgroup *cgroup;

	(void)state;
	destroy(first);
	limits.pids = UINT64_C(1) << 40; /* the kernel says EINVAL */
	cgroup = make(&limits, CGROUP_MEMORY);
	assert_int_equal(cgroup_controllers(cgroup) & CGROUP_PIDS, 0);
	assert_non_null(strstr(cgroup_shortfall(cgroup), "pids: Invalid argument"));
	assert_int_equal(run(cgroup, body_nothing) >> 8, 7);
	destroy(cgroup);
}

static void test_partial_v1(void **state)
{
	static struct cgroup_host host;
	struct cgroup *first, cgroup;
	struct err err = {0};
	unsigned i;

	(void)state;
	first = make(&roomy, CGROUP_MEMORY | CGROUP_PIDS);
	i = cgroup_version(first);
	destroy(first);
	if (i != CGROUP_V1)
		skip_because("needs cgroup v1");
	assert_int_equal(cgroup_find(&host, &err), 0);
	for (i = 0; i < host.v1_count; i++)
		if (host.v1[i].controllers & CGROUP_MEMORY)
			strcat(host.v1[i].path, "/absent");
	cgroup_init(&cgroup, CGROUP_V1);
	assert_int_equal(cgroup_v1_create(&host, &roomy, &cgroup, &err), 0);
	assert_int_equal(cgroup.controllers & (CGROUP_MEMORY | CGROUP_PIDS), CGROUP_PIDS);
	assert_non_null(strstr(cgroup.shortfall, "memory: "));
	assert_int_equal(cgroup_remove_dirs(&cgroup), 0);
	cgroup_close(&cgroup);
}

/* A place that hands down one controller of three. */
static void test_partial_v2(void **state)
{
	static struct cgroup_host host;
	struct cgroup *outer, inner;
	struct err err = {0};
	int fd;

	(void)state;
	outer = make(&roomy, CGROUP_LIMITED);
	if (cgroup_version(outer) != CGROUP_V2) {
		destroy(outer);
		skip_because("needs cgroup v2");
	}
	fd = outer->dirs[0].fd;
	assert_int_equal(cgroup_find(&host, &err), 0);
	assert_int_equal(cgroup_write(fd, "cgroup.subtree_control", "+pids"), 0);
	assert_int_equal(mkdirat(fd, "place", 0755), 0);
	path_of(fd, host.v2.path);
	strcat(host.v2.path, "/place");
	host.v2.mount_len = strlen(host.v2.path); /* as if nothing above it could be seen */
	cgroup_init(&inner, CGROUP_V2);
	assert_int_equal(cgroup_v2_create(&host, &roomy, &inner, &err), 0);
	assert_int_equal(inner.controllers, CGROUP_PIDS | CGROUP_FREEZER | CGROUP_CPUACCT);
	assert_non_null(strstr(inner.shortfall, "memory: "));
	assert_int_equal(cgroup_event_fd(&inner, &(short){0}), -1);
	assert_int_equal(run(&inner, body_nothing) >> 8, 7);
	assert_true(usage(&inner).cpu_ns > 0);
	assert_int_equal(cgroup_remove_dirs(&inner), 0);
	cgroup_close(&inner);
	assert_int_equal(unlinkat(fd, "place", AT_REMOVEDIR), 0);
	destroy(outer);
}

/* In a group of its own: settles in the leaf, and so finds a place just outside it. */
static int body_settle(void)
{
	static struct cgroup_host host;
	struct cgroup *cgroup = NULL;
	char parent[CGROUP_PATH_MAX], *leaf;
	struct err err = {0};
	int status;

	if (cgroup_settle(&err) < 0 || cgroup_find(&host, &err) < 0)
		return 1;
	leaf = strrchr(host.v2.path, '/');
	if (!leaf || strcmp(leaf, "/pysbx-self") != 0)
		return 2;
	*leaf = '\0';
	if (fork() == 0) { /* a run of its: not alone in the leaf */
		if (cgroup_create(&roomy, &cgroup, &err) < 0)
			_exit(3);
		path_of(cgroup->dirs[0].parent_fd, parent);
		if (strcmp(parent, host.v2.path) != 0 ||
			cgroup_controllers(cgroup) !=
				(CGROUP_LIMITED | CGROUP_FREEZER | CGROUP_CPUACCT))
			_exit(4);
		_exit(cgroup_destroy(cgroup, &err) < 0 ? 5 : 0);
	}
	return wait(&status) < 0 ? 6 : WEXITSTATUS(status);
}

static void test_settle(void **state)
{
	struct cgroup *cgroup = make(&roomy, CGROUP_LIMITED);

	(void)state;
	if (cgroup_version(cgroup) != CGROUP_V2) {
		destroy(cgroup);
		assert_int_equal(cgroup_settle(NULL), 0);
		skip_because("needs cgroup v2");
	}
	assert_int_equal(WEXITSTATUS(run(cgroup, body_settle)), 0);
	assert_int_equal(unlinkat(cgroup->dirs[0].fd, "pysbx-self", AT_REMOVEDIR), 0);
	destroy(cgroup);
}

static void copy_file(int dir_fd, const char *from, const char *to)
{
	char text[4096];

	assert_true(cgroup_read_file(dir_fd, from, text, sizeof(text)) > 0);
	assert_int_equal(cgroup_write(dir_fd, to, text), 0);
}

/* A plain user in version 1 with groups at the top that were handed over to it. */
static int enter_handed_over(struct cgroup_host *host)
{
	struct err err = {0};
	struct cgroup cgroup;

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	cgroup_init(&cgroup, CGROUP_V1);
	if (cgroup_v1_create(host, &roomy, &cgroup, &err) < 0)
		return 2;
	if ((cgroup.controllers & CGROUP_LIMITED) != CGROUP_LIMITED)
		return 3;
	if (run(&cgroup, body_touch_8) != 0)
		return 4;
	return cgroup_remove_dirs(&cgroup) < 0 ? 5 : 0;
}

static void test_handed_over_v1(void **state)
{
	static struct cgroup_host host;
	struct cgroup *cgroup;
	struct err err = {0};
	unsigned i;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip_because("needs root");
	cgroup = make(&roomy, CGROUP_LIMITED);
	if (cgroup_version(cgroup) != CGROUP_V1) {
		destroy(cgroup);
		skip_because("needs cgroup v1");
	}
	/* The group plays the whole hierarchy: "own" in it is root's, "pysbx" the user's. */
	assert_int_equal(cgroup_find(&host, &err), 0);
	assert_int_equal(host.v1_count, cgroup->dir_count);
	for (i = 0; i < host.v1_count; i++) {
		path_of(cgroup->dirs[i].fd, host.v1[i].path);
		host.v1[i].mount_len = strlen(host.v1[i].path);
		strcat(host.v1[i].path, "/own");
		assert_int_equal(mkdirat(cgroup->dirs[i].fd, "own", 0755), 0);
		assert_int_equal(mkdirat(cgroup->dirs[i].fd, "pysbx", 0755), 0);
		assert_int_equal(fchownat(cgroup->dirs[i].fd, "pysbx", 65534, 65534, 0), 0);
		if (host.v1[i].cpuset) {
			copy_file(cgroup->dirs[i].fd, "cpuset.cpus", "pysbx/cpuset.cpus");
			copy_file(cgroup->dirs[i].fd, "cpuset.mems", "pysbx/cpuset.mems");
		}
	}
	pid = fork();
	if (pid == 0)
		_exit(enter_handed_over(&host));
	assert_int_equal(WEXITSTATUS(wait_for(pid)), 0);
	for (i = 0; i < host.v1_count; i++) {
		assert_int_equal(unlinkat(cgroup->dirs[i].fd, "own", AT_REMOVEDIR), 0);
		assert_int_equal(unlinkat(cgroup->dirs[i].fd, "pysbx", AT_REMOVEDIR), 0);
	}
	destroy(cgroup);
}

static void test_no_rights(void **state)
{
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip_because("needs root");
	pid = fork();
	if (pid == 0) {
		struct cgroup *cgroup = NULL;
		struct err err = {0};

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		if (cgroup_create(&roomy, &cgroup, &err) != -ENOTSUP)
			_exit(3);
		_exit(err.text[0] && err.remedy[0] ? 0 : 4);
	}
	assert_int_equal(wait_for(pid), 0);
}

/* Whatever step lacks a descriptor: a group or an error, and no half-made group stays. */
static void test_every_step_failing(void **state)
{
	struct cgroup *first = make(&roomy, 0), *cgroup;
	bool seen_failure = false, seen_success = false;
	unsigned there[CGROUP_HIERARCHIES], i, n;
	struct rlimit before, limit;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	/* A test that failed before this one has left its group, and has said so itself. */
	for (i = 0; i < first->dir_count; i++)
		there[i] = groups_of(first->dirs[i].parent_fd, getpid());
	for (n = 0; n < 60; n++) {
		struct err err = {0};

		limit = before;
		limit.rlim_cur = n;
		cgroup = NULL;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (cgroup_create(&roomy, &cgroup, &err) == 0) {
			seen_success = true;
			assert_int_equal(cgroup_destroy(cgroup, NULL), 0);
		} else {
			seen_failure = true;
			assert_true(err.text[0]);
		}
		setrlimit(RLIMIT_NOFILE, &before);
		for (i = 0; i < first->dir_count; i++)
			assert_int_equal(groups_of(first->dirs[i].parent_fd, getpid()), there[i]);
	}
	assert_true(seen_failure && seen_success);
	destroy(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_partial_v1),
		cmocka_unit_test(test_partial_v2),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_handed_over_v1),
		cmocka_unit_test(test_no_rights),
		cmocka_unit_test(test_every_step_failing),
	};

	return cmocka_run_group_tests_name("cgroup places", tests, NULL, NULL);
}
