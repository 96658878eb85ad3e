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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/cgroup_impl.h"

#define MIB ((uint64_t)1 << 20)

static const struct cgroup_limits roomy = {256 * MIB, 64, 4000};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void pause_ms(long milliseconds)
{
	struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

/* A group with at least these controllers, or the test is skipped. */
/* The reason is the last line printed: tests/unit/run-cmocka.sh. */
static void skip_because(const char *why)
{
	print_message("# %s\n", why);
	skip();
}

static struct cgroup *make(const struct cgroup_limits *limits, unsigned needed)
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

static void destroy(struct cgroup *cgroup)
{
	struct err err = {0};

	if (cgroup_destroy(cgroup, &err) < 0)
		fail_msg("%s", err.text);
}

/* Starts body in the group, as the runtime does: born there (v2), or entering by itself (v1). */
static pid_t start(const struct cgroup *cgroup, int (*body)(void))
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

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int run(const struct cgroup *cgroup, int (*body)(void))
{
	return wait_for(start(cgroup, body));
}

/* How many processes are in the group, over all of its directories. */
static unsigned members(const struct cgroup *cgroup)
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

static struct cgroup_usage usage(struct cgroup *cgroup)
{
	struct cgroup_usage used;
	struct err err = {0};

	assert_int_equal(cgroup_read(cgroup, &used, &err), 0);
	return used;
}

static int body_nothing(void)
{
	return 7;
}

static int body_sleep(void)
{
	for (;;)
		pause();
	return 0;
}

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

static int touch(size_t bytes)
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

static int body_touch_8(void)
{
	return touch(8 * MIB);
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
	/* Reading took the event: what polls now must be a new one. */
	assert_int_equal(poll(&event, 1, 0), 0);
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

/* A supervisor that is killed and leaves its group and a process in it; the process's pid. */
static pid_t abandon(char name[CGROUP_NAME_MAX])
{
	struct {
		char name[CGROUP_NAME_MAX];
		pid_t inner;
	} note = {0};
	int channel[2];
	pid_t pid;

	assert_int_equal(pipe(channel), 0);
	pid = fork();
	if (pid == 0) {
		struct cgroup *cgroup = NULL;

		if (cgroup_create(&roomy, &cgroup, NULL) < 0)
			_exit(1);
		strcpy(note.name, cgroup->name);
		note.inner = start(cgroup, body_sleep);
		pause_ms(20);
		_exit(write(channel[1], &note, sizeof(note)) < 0 || body_sleep());
	}
	assert_int_equal(read(channel[0], &note, sizeof(note)), sizeof(note));
	kill(pid, SIGKILL);
	wait_for(pid);
	close(channel[0]);
	close(channel[1]);
	strcpy(name, note.name);
	return note.inner;
}

/* Waits for a process that is not our child to be gone. */
static bool vanishes(pid_t pid)
{
	int i;

	for (i = 0; i < 200; i++) {
		char path[64], text[512], *end;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		if (cgroup_read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
			return true;
		end = strrchr(text, ')');
		if (end && end[1] && end[2] == 'Z')
			return true;
		pause_ms(5);
	}
	return false;
}

static void test_sweep(void **state)
{
	struct cgroup *living = make(&roomy, 0);
	char name[CGROUP_NAME_MAX];
	pid_t live, orphan;

	(void)state;
	live = start(living, body_sleep);
	while (members(living) < living->dir_count)
		pause_ms(1);
	orphan = abandon(name);
	assert_int_equal(faccessat(living->dirs[0].parent_fd, name, F_OK, 0), 0);
	assert_int_equal(kill(orphan, 0), 0);
	cgroup_sweep();
	assert_int_equal(faccessat(living->dirs[0].parent_fd, name, F_OK, 0), -1);
	assert_true(vanishes(orphan));
	assert_int_equal(faccessat(living->dirs[0].parent_fd, living->name, F_OK, 0), 0);
	assert_int_equal(waitpid(live, NULL, WNOHANG), 0);
	destroy(living);
	assert_int_equal(wait_for(live), SIGKILL);
}

static void test_two_sweeps_at_once(void **state)
{
	struct cgroup *living = make(&roomy, 0);
	char names[4][CGROUP_NAME_MAX];
	pid_t sweepers[2];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		abandon(names[i]);
	for (i = 0; i < 2; i++) {
		sweepers[i] = fork();
		if (sweepers[i] == 0) {
			cgroup_sweep();
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(wait_for(sweepers[i]), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(faccessat(living->dirs[0].parent_fd, names[i], F_OK, 0), -1);
	assert_int_equal(faccessat(living->dirs[0].parent_fd, living->name, F_OK, 0), 0);
	assert_int_equal(run(living, body_nothing) >> 8, 7);
	destroy(living);
}

/* How many groups that this process made are in a directory. */
static unsigned groups_of(int dir_fd, pid_t maker)
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

/* A host whose processes stand in the group NAME below this one's memory directory. */
static void stand_in(struct cgroup_host *host, const struct cgroup *cgroup, const char *name)
{
	struct err err = {0};
	unsigned i;

	assert_int_equal(cgroup_find(host, &err), 0);
	for (i = 0; i < host->v1_count; i++)
		if (host->v1[i].controllers & CGROUP_MEMORY)
			strcat(strcat(strcat(strcat(host->v1[i].path, "/"), cgroup->name), "/"),
				name);
	for (i = 0; i < cgroup->dir_count; i++)
		if (cgroup->dirs[i].controllers & CGROUP_MEMORY)
			assert_int_equal(mkdirat(cgroup->dirs[i].fd, name, 0755), 0);
}

/* A sweep from another memory group leaves the part there, and the next start in it ends that. */
static void test_sweep_from_elsewhere(void **state)
{
	static struct cgroup_host here, elsewhere;
	struct cgroup *cgroup = make(&roomy, CGROUP_MEMORY), left;
	struct cgroup_owner self;
	struct err err = {0};
	int memory, places[2];
	unsigned i;
	pid_t pid;

	(void)state;
	if (cgroup_version(cgroup) != CGROUP_V1) {
		destroy(cgroup);
		skip_because("needs cgroup v1");
	}
	for (memory = 0; !(cgroup->dirs[memory].controllers & CGROUP_MEMORY); memory++)
		;
	stand_in(&here, cgroup, "here");
	stand_in(&elsewhere, cgroup, "elsewhere");
	pid = fork();
	if (pid == 0) {
		cgroup_init(&left, CGROUP_V1);
		_exit(cgroup_v1_create(&here, &roomy, &left, &err) < 0);
	}
	assert_int_equal(WEXITSTATUS(wait_for(pid)), 0);
	places[0] = openat(cgroup->dirs[memory].fd, "here", O_PATH | O_DIRECTORY);
	places[1] = openat(cgroup->dirs[memory].fd, "elsewhere", O_PATH | O_DIRECTORY);
	assert_int_equal(groups_of(places[0], pid), 1);
	assert_int_equal(cgroup_owner_self(&self), 0);
	cgroup_v1_sweep(&elsewhere, &self);
	for (i = 0; i < cgroup->dir_count; i++)
		assert_int_equal(groups_of(cgroup->dirs[i].parent_fd, pid), 0);
	assert_int_equal(groups_of(places[0], pid), 1);
	cgroup_init(&left, CGROUP_V1);
	assert_int_equal(cgroup_v1_create(&here, &roomy, &left, &err), 0);
	assert_int_equal(groups_of(places[0], pid), 0);
	assert_int_equal(cgroup_remove_dirs(&left), 0);
	cgroup_close(&left);
	for (i = 0; i < 2; i++)
		close(places[i]);
	assert_int_equal(unlinkat(cgroup->dirs[memory].fd, "here", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(cgroup->dirs[memory].fd, "elsewhere", AT_REMOVEDIR), 0);
	destroy(cgroup);
}

/* The next start does what a sweep does. */
static void test_create_sweeps(void **state)
{
	struct cgroup *cgroup;
	char name[CGROUP_NAME_MAX];

	(void)state;
	destroy(make(&roomy, 0));
	abandon(name);
	cgroup = make(&roomy, 0);
	assert_int_equal(faccessat(cgroup->dirs[0].parent_fd, name, F_OK, 0), -1);
	destroy(cgroup);
}

static void test_names(void **state)
{
	static const char *const foreign[] = {"", "pysbx", "pysbx.", "pysbx.1", "pysbx.1.2.3",
		"pysbx.1.2.3.", "pysbx.0.2.3.4", "pysbx.-5.2.3.4", "pysbx.+5.2.3.4",
		"pysbx.01.2.3.4", "pysbx. 1.2.3.4", "pysbx.1.2.3.4.5", "pysbx.1.2.3.4x",
		"pysbx.1.2.0x3.4", "pysbx.1.2.A.4", "pysbx.99999999999.2.3.4",
		"pysbx.1.99999999999999999999999.3.4", "pysbx.1.2.3.4/..", "PYSBX.1.2.3.4",
		"xpysbx.1.2.3.4", "pysbx-self",
		"pysbx.1.2.3."
		"44444444444444444444444444444444444444444444444444444444444444444444444444"
		"44444444444444444444444444444444"};
	struct cgroup_owner self, owner;
	char name[CGROUP_NAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (cgroup_name_parse(foreign[i], &owner))
			fail_msg("taken for ours: %s", foreign[i]);
	assert_int_equal(cgroup_owner_self(&self), 0);
	cgroup_owner_name(&self, 3, name);
	assert_true(cgroup_name_parse(name, &owner));
	assert_int_equal(owner.pid, getpid());
	assert_int_equal(owner.start, self.start);
	assert_int_equal(owner.space, self.space);
}

static void test_who_is_dead(void **state)
{
	struct cgroup_owner self, owner;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(cgroup_owner_self(&self), 0);
	assert_false(cgroup_owner_dead(&self, &self));
	owner = self;
	owner.start++; /* the pid is another process's now */
	assert_true(cgroup_owner_dead(&owner, &self));
	owner.space++; /* counted in another namespace: not ours to judge */
	assert_false(cgroup_owner_dead(&owner, &self));
	owner = self;
	owner.pid = pid;
	wait_for(pid);
	assert_true(cgroup_owner_dead(&owner, &self));
	self.sees = false;
	assert_false(cgroup_owner_dead(&owner, &self));
}

/* Groups that only look like ours, and ours of a live maker's, outlast a sweep. */
static void test_sweep_leaves_others(void **state)
{
	static const char *const names[] = {
		"pysbx.1.2.3", "pysbx.999999999.1.1.0", "pysbx.x", "pysbx.2.1.1.0 (deleted)"};
	struct cgroup *cgroup = make(&roomy, 0);
	int parent = cgroup->dirs[0].parent_fd;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(mkdirat(parent, names[i], 0755), 0);
	cgroup_sweep();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(unlinkat(parent, names[i], AT_REMOVEDIR), 0);
	destroy(cgroup);
}

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

/* The path behind a descriptor of a group's directory. */
static void path_of(int fd, char path[CGROUP_PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, CGROUP_PATH_MAX - 1);
	assert_true(len > 0);
	path[len] = '\0';
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
	struct rlimit before, limit;
	unsigned i, n;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
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
			assert_int_equal(groups_of(first->dirs[i].parent_fd, getpid()), 1);
	}
	assert_true(seen_failure && seen_success);
	destroy(first);
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
		cmocka_unit_test(test_find_hybrid),
		cmocka_unit_test(test_find_in_container),
		cmocka_unit_test(test_find_nothing),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_who_is_dead),
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
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_two_sweeps_at_once),
		cmocka_unit_test(test_sweep_from_elsewhere),
		cmocka_unit_test(test_create_sweeps),
		cmocka_unit_test(test_sweep_leaves_others),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_partial_v1),
		cmocka_unit_test(test_partial_v2),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_handed_over_v1),
		cmocka_unit_test(test_no_rights),
		cmocka_unit_test(test_every_step_failing),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
