/*
 * Reading a process tree from /proc. The figures bound a run where the kernel cannot, so they lean
 * to the high side; RssAnon counts a page once per process that maps it, Pss divides it.
 */
#include "runtime/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define TREE_MAX  33000 /* more than --pids-limit allows */
#define EXACT_MAX 50    /* milliseconds for exact figures at one reading */

static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	cleanup_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

/* "RssAnon:  1234 kB" as bytes; 0 when the line is not there. */
static uint64_t field_kb(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

struct memory {
	uint64_t anonymous;
	uint64_t shared;
	uint64_t tables; /* of pages: the kernel's own memory, but the process's doing */
};

/* False where the kernel does not tell. */
static bool add_exact_memory(pid_t thread, struct memory *memory)
{
	char text[4096];

	if (read_proc(thread, "smaps_rollup", text, sizeof(text)) <= 0)
		return false;
	memory->anonymous += field_kb(text, "\nPss_Anon:");
	memory->shared += field_kb(text, "\nPss_Shmem:");
	return true;
}

static uint64_t sum(const struct memory *memory, uint64_t files)
{
	return memory->anonymous + memory->tables +
	       (memory->shared > files ? memory->shared : files);
}

/* User and system time, its own and its waited-for children's: fields 14 to 17 of stat. */
static uint64_t cpu_time(pid_t pid)
{
	unsigned long long user, system, child_user, child_system;
	char text[1024];
	const char *rest;

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0)
		return 0;
	/* The command's name may hold anything, brackets too: the last one ends it. */
	rest = strrchr(text, ')');
	if (!rest ||
		sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
			&user, &system, &child_user, &child_system) != 4)
		return 0;
	return (user + system + child_user + child_system) *
	       (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

struct process {
	pid_t pid;
	pid_t alive; /* a thread that still has its memory; or 0 */
	struct memory cheap;
};

struct tree {
	struct process all[TREE_MAX];
	unsigned count;
};

/* The numbers of a children file, which may be longer than a block and end within a number. */
static void add_children(struct tree *tree, pid_t thread)
{
	cleanup_fd int fd = -1;
	char path[64], block[4096];
	long child = 0;
	ssize_t n, i;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)thread, (int)thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0) {
		for (i = 0; i < n; i++) {
			if (block[i] >= '0' && block[i] <= '9') {
				child = child * 10 + (block[i] - '0');
				continue;
			}
			if (child > 0 && tree->count < TREE_MAX)
				tree->all[tree->count++].pid = (pid_t)child;
			child = 0;
		}
	}
}

/* Of one thread; false when it has none: a thread that ended has given its memory up. */
static bool add_memory(pid_t thread, struct memory *memory)
{
	char text[4096];

	if (read_proc(thread, "status", text, sizeof(text)) <= 0 || !strstr(text, "\nRssAnon:"))
		return false;
	memory->anonymous += field_kb(text, "\nRssAnon:");
	memory->shared += field_kb(text, "\nRssShmem:");
	memory->tables += field_kb(text, "\nVmPTE:");
	return true;
}

static void each_thread(pid_t process, processes_visitor *visit, void *context)
{
	struct dirent *entry;
	pid_t thread;
	char path[64];
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	threads = opendir(path);
	while (threads && (entry = readdir(threads))) {
		thread = (pid_t)strtol(entry->d_name, NULL, 10);
		if (thread > 0)
			visit(context, process, thread);
	}
	if (threads)
		closedir(threads);
}

struct reading {
	struct tree *tree;
	unsigned at;
	struct processes_usage *usage;
};

/*
 * Each thread is looked at: a child is listed with the thread that made it, and once the first
 * thread has ended only the others still tell of the memory that they share.
 */
static void add_thread(void *context, pid_t pid, pid_t thread)
{
	struct reading *reading = context;
	struct process *process = &reading->tree->all[reading->at];

	(void)pid;
	reading->usage->count++;
	add_children(reading->tree, thread);
	if (!process->alive && add_memory(thread, &process->cheap))
		process->alive = thread;
}

static void add(struct memory *sum, const struct memory *one)
{
	sum->anonymous += one->anonymous;
	sum->shared += one->shared;
	sum->tables += one->tables;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * With pages counted once. It costs time for each mapping, which a program can have thousands of:
 * what is not read within EXACT_MAX counts by its cheap figure, so that nobody hides behind the
 * work of looking.
 */
static struct memory exact_memory(const struct tree *tree)
{
	uint64_t end = now_ms() + EXACT_MAX;
	struct memory ret = {0};
	unsigned i;

	for (i = 0; i < tree->count; i++) {
		const struct process *process = &tree->all[i];

		if (!process->alive)
			continue;
		if (now_ms() >= end || !add_exact_memory(process->alive, &ret))
			add(&ret, &process->cheap);
		else
			ret.tables += process->cheap.tables;
	}
	return ret;
}

int processes_read(pid_t init, uint64_t limit, uint64_t files, struct processes_usage *ret)
{
	cleanup_free struct tree *tree = calloc(1, sizeof(*tree));
	struct reading reading = {.tree = tree, .usage = ret};
	struct memory cheap = {0}, exact;
	unsigned i;

	*ret = (struct processes_usage){0};
	if (!tree)
		return -ENOMEM;
	tree->all[tree->count++].pid = init;
	for (i = 0; i < tree->count; i++) {
		reading.at = i;
		ret->cpu_ns += cpu_time(tree->all[i].pid);
		each_thread(tree->all[i].pid, add_thread, &reading);
		add(&cheap, &tree->all[i].cheap);
	}
	ret->memory_bytes = sum(&cheap, files);
	if (ret->memory_bytes <= limit)
		return ret->count ? 0 : -ESRCH;
	exact = exact_memory(tree);
	ret->memory_bytes = sum(&exact, files);
	return 0;
}

struct visit {
	struct tree *tree;
	processes_visitor *visit;
	void *context;
};

static void pass_on(void *context, pid_t process, pid_t thread)
{
	const struct visit *visit = context;

	add_children(visit->tree, thread);
	visit->visit(visit->context, process, thread);
}

void processes_visit(pid_t init, processes_visitor *visit, void *context)
{
	cleanup_free struct tree *tree = calloc(1, sizeof(*tree));
	struct visit passed = {.tree = tree, .visit = visit, .context = context};
	unsigned i;

	if (!tree)
		return;
	tree->all[tree->count++].pid = init;
	for (i = 0; i < tree->count; i++)
		each_thread(tree->all[i].pid, pass_on, &passed);
}

int processes_check_proc(struct err *err)
{
	char text[32] = "";
	struct statfs fs;

	if (readlink("/proc/self", text, sizeof(text) - 1) > 0 && atoi(text) == getpid() &&
		statfs("/proc", &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return 0;
	err_set(err, ENOTSUP, "/proc is not the procfs of pysbx's own pid namespace");
	err_remedy(err, "mount it (mount -t proc proc /proc)");
	return -ENOTSUP;
}
