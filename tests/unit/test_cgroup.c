/*
 * runtime/cgroup.h with real groups: what this host lets us make is made, filled, driven to its
 * limits and removed. Where no group can be had the reason is the SKIP's text. The same program
 * runs in the guest of tests/vm for version 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tests/unit/cgroup_help.h"

/* How many children can be had beside oneself. */
static int body_count_forks(void)
{
	pid_t pids[32];
	int count = 0, i;

	while (count < 32 && (pids[count] = fork()) >= 0) {
		if (pids[count] == 0)
			body_sleep();
		count++;
	}
	for (i = 0; i < count; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return count;
}

static int body_touch_64(void)
{
	return touch(64 * MIB);
}

/* Percent of one CPU that a busy loop gets within this many milliseconds. */
static int spin(unsigned milliseconds)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + milliseconds * UINT64_C(1000000);
	uint64_t begin = now_ns(CLOCK_PROCESS_CPUTIME_ID);

	while (now_ns(CLOCK_MONOTONIC) < end)
		;
	return (int)((now_ns(CLOCK_PROCESS_CPUTIME_ID) - begin) / (milliseconds * 10000));
}

static int body_spin(void)
{
	return spin(700);
}

/* Twenty that fork without end. */
static int body_bomb(void)
{
	int i;

	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < 20; i++)
		if (fork() == 0)
			for (;;)
				if (fork() == 0)
					_exit(0);
	return body_sleep();
}

static void test_usage(void **state)
{
	struct cgroup *cgroup = make(&roomy, 0);
	struct cgroup_usage used;

	(void)state;
	assert_int_equal(run(cgroup, body_touch_8), 0);
	used = usage(cgroup);
	if (cgroup_controllers(cgroup) & CGROUP_MEMORY) {
		assert_true(used.memory_peak_bytes >= 8 * MIB);
		assert_true(used.memory_peak_bytes < 16 * MIB);
	}
	if (cgroup_controllers(cgroup) & CGROUP_CPUACCT)
		assert_in_range(used.cpu_ns, 1, UINT64_C(5000000000));
	assert_int_equal(used.oom_kills, 0);
	assert_int_equal(used.pids_denied, 0);
	assert_true(used.pids_peak <= 1);
	destroy(cgroup);
}

static void test_pids_n_and_one_more(void **state)
{
	struct cgroup_limits limits = roomy;
	struct cgroup_usage used;
	struct cgroup *cgroup;

	(void)state;
	limits.pids = 6;
	cgroup = make(&limits, CGROUP_PIDS);
	assert_int_equal(WEXITSTATUS(run(cgroup, body_count_forks)), 5);
	used = usage(cgroup);
	assert_int_equal(used.pids_denied, 1);
	if (used.pids_peak)
		assert_int_equal(used.pids_peak, 6);
	destroy(cgroup);
}

static void test_memory_within(void **state)
{
	struct cgroup_limits limits = roomy;
	struct cgroup *cgroup;

	(void)state;
	limits.memory_bytes = 32 * MIB;
	cgroup = make(&limits, CGROUP_MEMORY);
	assert_int_equal(run(cgroup, body_touch_8), 0);
	assert_int_equal(usage(cgroup).oom_kills, 0);
	destroy(cgroup);
}

static void test_memory_beyond(void **state)
{
	struct cgroup_limits limits = roomy;
	struct pollfd event;
	struct cgroup *cgroup;
	unsigned i;

	(void)state;
	limits.memory_bytes = 32 * MIB;
	cgroup = make(&limits, CGROUP_MEMORY);
	event.fd = cgroup_event_fd(cgroup, &event.events);
	assert_true(event.fd >= 0);
	assert_int_equal(poll(&event, 1, 0), 0);
	assert_int_equal(run(cgroup, body_touch_64), SIGKILL);
	assert_int_equal(poll(&event, 1, 2000), 1);
	assert_true(event.revents & event.events);
	assert_true(usage(cgroup).oom_kills >= 1);
	assert_true(usage(cgroup).memory_peak_bytes <= 32 * MIB);
	/*
	 * Reading takes the event. Of two within 10 ms the kernel tells the second by a timer
	 * (cgroup_file_notify()), so one more may follow the reading, but not without end.
	 */
	for (i = 0; poll(&event, 1, 50) > 0 && i < 10; i++)
		usage(cgroup);
	assert_true(i < 10);
	destroy(cgroup);
}

static void test_cpu_share(void **state)
{
	struct cgroup_limits limits = roomy;
	struct cgroup *cgroup;
	int inside, outside;

	(void)state;
	limits.cpu_thousandths = 100;
	cgroup = make(&limits, CGROUP_CPU);
	inside = WEXITSTATUS(run(cgroup, body_spin));
	destroy(cgroup);
	outside = spin(200);
	if (outside < 40) {
		print_message("# the machine is too busy to tell: %d%% outside\n", outside);
		skip();
	}
	/* 10 asked for; the first period may be used in full at each end. */
	assert_in_range(inside, 3, 30);
}

static void test_kill_many(void **state)
{
	struct cgroup *cgroup = make(&roomy, CGROUP_PIDS);
	struct err err = {0};
	pid_t pid;
	int i;

	(void)state;
	pid = start(cgroup, body_bomb);
	for (i = 0; i < 1000 && members(cgroup) <= 20; i++)
		pause_ms(5);
	if (i == 1000)
		cgroup_kill(cgroup, NULL);
	assert_true(i < 1000);
	if (cgroup_kill(cgroup, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(members(cgroup), 0);
	assert_int_equal(wait_for(pid), SIGKILL);
	assert_true(usage(cgroup).cpu_ns > 0);
	destroy(cgroup);
}

static void test_kill_without_freezer(void **state)
{
	struct cgroup *cgroup = make(&roomy, CGROUP_PIDS);
	unsigned i;
	pid_t pid;

	(void)state;
	for (i = 0; cgroup->version == CGROUP_V1 && i < cgroup->dir_count; i++)
		cgroup->dirs[i].controllers &= ~(unsigned)CGROUP_FREEZER;
	pid = start(cgroup, body_bomb);
	pause_ms(60);
	assert_int_equal(cgroup_kill(cgroup, NULL), 0);
	assert_int_equal(members(cgroup), 0);
	assert_int_equal(wait_for(pid), SIGKILL);
	destroy(cgroup);
}

/* A frozen group (a dead supervisor's, half killed) must die all the same. */
static void test_kill_frozen(void **state)
{
	struct cgroup *cgroup = make(&roomy, CGROUP_FREEZER);
	unsigned i;
	pid_t pid;

	(void)state;
	pid = start(cgroup, body_sleep);
	for (i = 0; i < cgroup->dir_count; i++) {
		cgroup_write(cgroup->dirs[i].fd, "freezer.state", "FROZEN");
		cgroup_write(cgroup->dirs[i].fd, "cgroup.freeze", "1");
	}
	pause_ms(20);
	assert_int_equal(cgroup_kill(cgroup, NULL), 0);
	assert_int_equal(wait_for(pid), SIGKILL);
	destroy(cgroup);
}

static void test_attach(void **state)
{
	struct cgroup *cgroup = make(&roomy, 0);
	struct err err = {0};
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(body_sleep());
	if (cgroup_attach(cgroup, pid, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(members(cgroup), cgroup->dir_count);
	assert_int_equal(cgroup_kill(cgroup, NULL), 0);
	assert_int_equal(wait_for(pid), SIGKILL);
	destroy(cgroup);
}

static void test_destroy_removes(void **state)
{
	struct cgroup *cgroup = make(&roomy, 0);
	int parents[CGROUP_HIERARCHIES];
	char name[CGROUP_NAME_MAX];
	unsigned i, count = cgroup->dir_count;
	pid_t pid;

	(void)state;
	strcpy(name, cgroup->name);
	for (i = 0; i < count; i++) {
		parents[i] = dup(cgroup->dirs[i].parent_fd);
		assert_int_equal(faccessat(parents[i], name, F_OK, 0), 0);
	}
	pid = start(cgroup, body_sleep);
	while (members(cgroup) < count)
		pause_ms(1);
	destroy(cgroup);
	assert_int_equal(wait_for(pid), SIGKILL);
	for (i = 0; i < count; i++) {
		assert_int_equal(faccessat(parents[i], name, F_OK, 0), -1);
		close(parents[i]);
	}
	assert_int_equal(cgroup_destroy(NULL, NULL), 0);
}

/* Every descriptor is close-on-exec, and all are closed in the end. */
static void test_descriptors(void **state)
{
	enum { LOOKED_AT = 100 };
	struct cgroup *cgroup;
	bool before[LOOKED_AT];
	int fd, flags, seen = 0;

	(void)state;
	for (fd = 0; fd < LOOKED_AT; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	cgroup = make(&roomy, 0);
	for (fd = 0; fd < LOOKED_AT; fd++) {
		flags = fcntl(fd, F_GETFD);
		if (flags >= 0 && !before[fd]) {
			assert_true(flags & FD_CLOEXEC);
			seen++;
		}
	}
	assert_true(seen >= 3);
	destroy(cgroup);
	for (fd = 0; fd < LOOKED_AT; fd++)
		assert_int_equal(fcntl(fd, F_GETFD) >= 0, before[fd]);
}

static const char hybrid_mounts[] =
	"25 30 0:23 / /proc rw - proc proc rw\n"
	"31 23 0:28 / /sys/fs/cgroup rw shared:1 - tmpfs tmpfs rw,mode=755\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:2 master:1 - cgroup cgroup "
	"rw,cpu,cpuacct\n"
	"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	"36 31 0:33 / /sys/fs/cgroup/my\\040pids rw - cgroup none rw,cpuset,pids\n"
	"37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
	"38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
	"39 31 0:32 / /elsewhere rw - cgroup cgroup rw,memory\n";

static const char hybrid_membership[] = "12:cpuset,pids:/a b\n11:memory:/a:b/c\n"
					"3:cpu,cpuacct:/\n2:name=systemd:/s\n0::/s/u.scope\n";

static void test_find_hybrid(void **state)
{
	static struct cgroup_host host;

	(void)state;
	cgroup_parse(str_of(hybrid_mounts), str_of(hybrid_membership), &host);
	assert_int_equal(host.v1_count, 3);
	assert_string_equal(host.v1[0].path, "/sys/fs/cgroup/cpu,cpuacct");
	assert_int_equal(host.v1[0].controllers, CGROUP_CPU | CGROUP_CPUACCT);
	assert_string_equal(host.v1[1].path, "/sys/fs/cgroup/memory/a:b/c");
	assert_int_equal(host.v1[1].mount_len, strlen("/sys/fs/cgroup/memory"));
	assert_string_equal(host.v1[2].path, "/sys/fs/cgroup/my pids/a b");
	assert_true(host.v1[2].cpuset);
	assert_string_equal(host.v2.path, "/sys/fs/cgroup/unified/s/u.scope");
}

/* In a container the mount shows a part of the tree, and the paths are of the namespace. */
static void test_find_in_container(void **state)
{
	static const struct {
		const char *root, *own, *path;
	} cases[] = {
		{"/docker/abc", "/docker/abc", "/m"},
		{"/docker/abc", "/docker/abc/x", "/m/x"},
		{"/docker/abc", "/docker/abcd", ""},
		{"/docker/abc", "/", ""},
		{"/", "/", "/m"},
		{"/", "/../x", ""},
		{"/..", "/../x", "/m/x"},
		{"/../..", "/", ""},
		{"/", "/a/../../b", ""},
		{"/", "/a\\040b", "/m/a\\040b"},
	};
	static struct cgroup_host host;
	char mounts[256], membership[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(mounts, sizeof(mounts), "1 2 0:3 %s /m rw - cgroup2 none rw\n",
			cases[i].root);
		snprintf(membership, sizeof(membership), "0::%s\n", cases[i].own);
		cgroup_parse(str_of(mounts), str_of(membership), &host);
		assert_string_equal(host.v2.path, cases[i].path);
	}
}

static void test_find_nothing(void **state)
{
	static const char *const texts[] = {"", "\n\n", "-", "1 2 0:3 / /m rw - cgroup2",
		"1 2 x:y / /m rw - cgroup2 none rw\n", "1 2 0:3 / /m rw cgroup2 none rw\n",
		"cgroup cgroup rw,memory", "          - cgroup2 a b"};
	static struct cgroup_host host;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cgroup_parse(str_of(texts[i]), STR("0::\n"), &host);
		assert_string_equal(host.v2.path, "");
		for (j = 0; j <= strlen(hybrid_mounts); j++)
			cgroup_parse(str_from(hybrid_mounts, j), str_of(texts[i]), &host);
		assert_int_equal(host.v1_count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_pids_n_and_one_more),
		cmocka_unit_test(test_memory_within),
		cmocka_unit_test(test_memory_beyond),
		cmocka_unit_test(test_cpu_share),
		cmocka_unit_test(test_kill_many),
		cmocka_unit_test(test_kill_without_freezer),
		cmocka_unit_test(test_kill_frozen),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_destroy_removes),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_find_hybrid),
		cmocka_unit_test(test_find_in_container),
		cmocka_unit_test(test_find_nothing),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
