/*
 * What a control group costs, in microseconds: made, entered (version 2: the clone into it), read,
 * emptied by cgroup_kill(), removed. Prints the median and the least of the rounds for each step.
 *
 *   cgroup_cost [ROUNDS]
 */
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/cgroup.h"

#define ROUNDS_MAX 1000

enum step { CREATE, CLONE, ENTER, READ, KILL, DESTROY, STEP_COUNT };

static const char *const words[STEP_COUNT] = {
	"create", "clone", "enter", "read", "kill", "destroy"};

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Microseconds since *mark, which becomes now. */
static double lap(double *mark)
{
	double before = *mark;

	*mark = now_us();
	return *mark - before;
}

static pid_t clone_into(const struct cgroup *cgroup)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	int fd = cgroup_clone_fd(cgroup);

	if (fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (__u64)fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* The child's time is told through shared memory; it stays until it is killed. */
static void enter_and_wait(const struct cgroup *cgroup, volatile double *ret_enter)
{
	double mark = now_us();

	if (cgroup_enter(cgroup) < 0)
		_exit(1);
	*ret_enter = lap(&mark);
	for (;;)
		pause();
}

static int measure(const struct cgroup_limits *limits, double *us, struct err *err)
{
	volatile double *enter = mmap(
		NULL, sizeof(*enter), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct cgroup_usage usage;
	struct cgroup *cgroup;
	double mark = now_us();
	pid_t pid;

	if (cgroup_create(limits, &cgroup, err) < 0)
		return -1;
	us[CREATE] = lap(&mark);
	pid = clone_into(cgroup);
	if (pid == 0)
		enter_and_wait(cgroup, enter);
	us[CLONE] = lap(&mark);
	while (*enter == 0 && waitpid(pid, NULL, WNOHANG) == 0)
		usleep(200);
	us[ENTER] = *enter;
	mark = now_us();
	cgroup_read(cgroup, &usage, err);
	us[READ] = lap(&mark);
	cgroup_kill(cgroup, err);
	us[KILL] = lap(&mark);
	waitpid(pid, NULL, 0);
	munmap((void *)enter, sizeof(*enter));
	mark = now_us();
	if (cgroup_destroy(cgroup, err) < 0)
		return -1;
	us[DESTROY] = lap(&mark);
	return 0;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
	static const struct cgroup_limits limits = {UINT64_C(256) << 20, 64, 500};
	static double us[STEP_COUNT][ROUNDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 100, round, step;
	struct err err = {0};
	double one[STEP_COUNT];

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	for (round = 0; round < rounds; round++) {
		if (measure(&limits, one, &err) < 0) {
			printf("%s\n%s\n", err.text, err.remedy);
			return 1;
		}
		for (step = 0; step < STEP_COUNT; step++)
			us[step][round] = one[step];
	}
	for (step = 0; step < STEP_COUNT; step++) {
		qsort(us[step], (size_t)rounds, sizeof(double), compare);
		printf("%-8s median %8.1f us, least %8.1f us\n", words[step], us[step][rounds / 2],
			us[step][0]);
	}
	return 0;
}
