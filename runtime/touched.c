/* runtime/touched.h: looking at what a hostile program left, by descriptors only, and bounded. */
#include "runtime/touched.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/verdict.h"

#define DEPTH_MAX   16
#define ENTRIES_MAX 10000

/* A walk down a file system that the program wrote; it never leaves it, and follows no link. */
struct walk {
	DIR *open[DEPTH_MAX];
	unsigned depth;
	unsigned entries;
};

static void go_down(struct walk *walk, int dir, const char *name)
{
	int fd = openat(
		dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	walk->open[walk->depth] = walk->depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	if (walk->open[walk->depth])
		walk->depth++;
	else
		close(fd);
}

/* True if the entry is a regular file of that length or more; directories are gone into. */
static bool is_long(struct walk *walk, const char *name, uint64_t length)
{
	int dir = dirfd(walk->open[walk->depth - 1]);
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISDIR(st.st_mode) && walk->depth < DEPTH_MAX)
		go_down(walk, dir, name);
	return S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size >= length;
}

static bool has_long_file(int fs, uint64_t length)
{
	struct walk walk = {.depth = 0};
	struct dirent *entry;
	bool found = false;

	go_down(&walk, fs, ".");
	while (walk.depth) {
		entry = !found && walk.entries++ < ENTRIES_MAX ? readdir(walk.open[walk.depth - 1])
							       : NULL;
		if (entry)
			found = is_long(&walk, entry->d_name, length);
		else
			closedir(walk.open[--walk.depth]);
	}
	return found;
}

/* What is seen of /tmp or /dev/shm. A file system with its first inode only is not walked. */
static uint32_t touched_in(int fs, const struct rt_limits *limits)
{
	struct statvfs state;
	uint32_t hit = 0;

	if (fs < 0 || fstatvfs(fs, &state) < 0)
		return 0;
	if (state.f_bfree == 0 || state.f_ffree == 0)
		hit |= RT_LIMIT_BIT(RT_LIMIT_TMPFS);
	if (limits->fsize_bytes && state.f_files - state.f_ffree > 1 &&
		has_long_file(fs, limits->fsize_bytes))
		hit |= RT_LIMIT_BIT(RT_LIMIT_FSIZE);
	return hit;
}

void touched_note(struct run *run, const struct cgroup_usage *usage)
{
	const struct rt_limits *limits = &run->plan->limits;
	struct rt_result *result = run->result;
	bool counted = run->box.cgroup && (cgroup_controllers(run->box.cgroup) & CGROUP_PIDS);

	/* Where only RLIMIT_NPROC counts, nobody tells of what was refused, only of how many. */
	if (usage->pids_denied || (limits->pids > 1 && run->polled_pids_peak >= limits->pids))
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_PIDS);
	if (result->out.truncated || result->err.truncated)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_OUTPUT);
	if (run->has_end && WIFSIGNALED(run->end.status) && WTERMSIG(run->end.status) == SIGXFSZ)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_FSIZE);
	if (run->place_full)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_TMPFS);
	if (!run->box.minimal)
		result->limits_hit |= touched_in(run->tmp, limits) | touched_in(run->shm, limits);
	else if (limits->fsize_bytes && run->tmp >= 0 &&
		 has_long_file(run->tmp, limits->fsize_bytes))
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_FSIZE);
	/* Of a program that failed; nothing is asked of one that did well. */
	if (run->has_end && WIFEXITED(run->end.status) && WEXITSTATUS(run->end.status) != 0)
		run->died_of_pids = verdict_last_words(result, counted);
}
