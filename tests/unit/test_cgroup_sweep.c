/*
 * Whose group a name is, and what becomes of a dead supervisor's. Runs in the guest of tests/vm
 * too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/cgroup_help.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_two_sweeps_at_once),
		cmocka_unit_test(test_sweep_from_elsewhere),
		cmocka_unit_test(test_create_sweeps),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_who_is_dead),
		cmocka_unit_test(test_sweep_leaves_others),
	};

	return cmocka_run_group_tests_name("cgroup sweep", tests, NULL, NULL);
}
