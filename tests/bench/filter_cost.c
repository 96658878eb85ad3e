/*
 * What the system call filter costs: nanoseconds per call with and without it, and microseconds to
 * make and to load it. Two children of one process take turns in short rounds, so that whatever
 * else the machine does falls on both; the medians of the rounds are printed.
 *
 *   filter_cost [ROUNDS]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/seccomp.h"
#include "runtime/seccomp_internal.h"

#define CALLS      20000
#define ROUNDS_MAX 1000

static void call_getpid(void)
{
	syscall(SYS_getpid);
}

static void call_read(void)
{
	char byte;

	(void)!read(-1, &byte, 1);
}

static void call_openat(void)
{
	close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
}

static void call_stat(void)
{
	(void)!access("/usr/lib/python3/missing", F_OK);
}

static void call_mmap(void)
{
	munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
}

static void call_ioctl(void)
{
	ioctl(-1, FIONREAD, NULL);
}

static void call_fcntl(void)
{
	fcntl(-1, F_GETFD);
}

static void call_recvfrom(void)
{
	recv(-1, NULL, 0, 0);
}

static const struct {
	const char *name;
	void (*call)(void);
} subjects[] = {
	{"getpid (by number)", call_getpid},
	{"read (by number)", call_read},
	{"access (by number)", call_stat},
	{"openat+close (by arguments)", call_openat},
	{"mmap+munmap (by arguments)", call_mmap},
	{"ioctl (by arguments)", call_ioctl},
	{"fcntl (by arguments)", call_fcntl},
	{"recv (by arguments)", call_recvfrom},
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double round_of(void (*call)(void))
{
	double began = now_ns();

	for (int i = 0; i < CALLS; i++)
		call();
	return (now_ns() - began) / CALLS;
}

/* A child that does one round of the subject whose index it reads, and writes its cost. */
struct worker {
	int ask[2];
	int answer[2];
	pid_t pid;
};

static void work(struct worker *worker, const struct seccomp_filter *filter)
{
	int subject;
	double cost;

	if (filter && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seccomp_filter_load(filter) < 0))
		_exit(1);
	while (read(worker->ask[0], &subject, sizeof(subject)) == (ssize_t)sizeof(subject)) {
		cost = round_of(subjects[subject].call);
		if (write(worker->answer[1], &cost, sizeof(cost)) < 0)
			_exit(1);
	}
	_exit(0);
}

static void hire(struct worker *worker, const struct seccomp_filter *filter)
{
	if (pipe2(worker->ask, O_CLOEXEC) || pipe2(worker->answer, O_CLOEXEC))
		exit(1);
	worker->pid = fork();
	if (worker->pid == 0) {
		close(worker->ask[1]);
		work(worker, filter);
	}
	close(worker->ask[0]);
	close(worker->answer[1]);
}

static double ask(struct worker *worker, int subject)
{
	double cost = 0;

	if (write(worker->ask[1], &subject, sizeof(subject)) < 0 ||
		read(worker->answer[0], &cost, sizeof(cost)) != (ssize_t)sizeof(cost)) {
		fprintf(stderr, "filter_cost: a child is gone\n");
		exit(1);
	}
	return cost;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), by_value);
	return values[count / 2];
}

static void compare_calls(int rounds, const struct seccomp_filter *filter)
{
	static double plain[ROUNDS_MAX], filtered[ROUNDS_MAX];
	struct worker without, with;

	hire(&without, NULL);
	hire(&with, filter);
	printf("%-30s %10s %10s %10s\n", "ns per call", "without", "with", "more");
	for (int subject = 0; subject < (int)(sizeof(subjects) / sizeof(subjects[0])); subject++) {
		double a, b;

		for (int i = 0; i < rounds; i++) {
			plain[i] = ask(&without, subject);
			filtered[i] = ask(&with, subject);
		}
		a = median(plain, rounds);
		b = median(filtered, rounds);
		printf("%-30s %10.1f %10.1f %+10.1f\n", subjects[subject].name, a, b, b - a);
	}
	close(without.ask[1]);
	close(with.ask[1]);
	waitpid(without.pid, NULL, 0);
	waitpid(with.pid, NULL, 0);
}

static double cost_of_load(const struct seccomp_filter *filter)
{
	double *cost = mmap(
		NULL, sizeof(*cost), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	double taken;

	if (child == 0) {
		double began;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		began = now_ns();
		if (seccomp_filter_load(filter) < 0)
			_exit(1);
		*cost = now_ns() - began;
		_exit(0);
	}
	waitpid(child, NULL, 0);
	taken = *cost;
	munmap(cost, sizeof(*cost));
	return taken;
}

/* Each in rounds of its own: what one leaves in the caches is not the other's. */
static double cost_of_making(int rounds, const struct seccomp_options *options)
{
	static double cost[ROUNDS_MAX];
	struct seccomp_filter filter;
	struct err err;

	for (int i = 0; i < rounds; i++) {
		double began = now_ns();

		if (seccomp_compile(options, &filter, &err))
			exit(1);
		cost[i] = now_ns() - began;
		seccomp_filter_free(&filter);
	}
	return median(cost, rounds) / 1e3;
}

static double cost_of_building(int rounds)
{
	static struct seccomp_program program;
	static double cost[ROUNDS_MAX];
	struct err err;

	for (int i = 0; i < rounds; i++) {
		double began = now_ns();

		if (seccomp_build(filter_arch_native(), &program, &err))
			exit(1);
		cost[i] = now_ns() - began;
	}
	return median(cost, rounds) / 1e3;
}

static double cost_of_loading(int rounds, const struct seccomp_filter *filter)
{
	static double cost[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++)
		cost[i] = cost_of_load(filter);
	return median(cost, rounds) / 1e3;
}

static double cost_of_asking(int rounds)
{
	static double cost[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++) {
		double began = now_ns();

		seccomp_can_notify();
		cost[i] = now_ns() - began;
	}
	return median(cost, rounds) / 1e3;
}

int main(int argc, char **argv)
{
	const struct seccomp_options options = {.notify = true};
	int rounds = argc > 1 ? atoi(argv[1]) : 51;
	struct seccomp_filter filter;
	struct err err;

	if (rounds < 1 || rounds > ROUNDS_MAX || seccomp_compile(&options, &filter, &err))
		return 2;
	printf("%u instructions\n", (unsigned)filter.count);
	printf("us to make it: %.1f compiled in, %.1f with libseccomp at run time\n",
		cost_of_making(rounds, &options), cost_of_building(rounds));
	printf("us to load it: %.1f; us to try for a listener: %.1f\n",
		cost_of_loading(rounds, &filter), cost_of_asking(rounds));
	compare_calls(rounds, &filter);
	seccomp_filter_free(&filter);
	return 0;
}
