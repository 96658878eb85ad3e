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

/* Errors that a limit is behind, as Python's tracebacks end with them. */
static const struct {
	const char *words;
	enum rt_limit limit;
	bool sure; /* nothing else is told in these words */
} last_words[] = {
	{"OSError: [Errno 24]", RT_LIMIT_NOFILE, true},
	{"OSError: [Errno 27]", RT_LIMIT_FSIZE, true},
	{"OSError: [Errno 28]", RT_LIMIT_TMPFS, true},
	{"RuntimeError: can't start new thread", RT_LIMIT_PIDS, true},
	{"BlockingIOError: [Errno 11]", RT_LIMIT_PIDS, false}, /* of a pipe without data too */
};

/* The limit that the last line of standard error speaks of; RT_LIMIT_COUNT: none. */
static enum rt_limit limit_in_last_line(const struct rt_stream *stream, bool *ret_sure)
{
	const char *text = stream->kept.data;
	size_t end = stream->kept.len, start, i, len;

	while (end && text[end - 1] == '\n')
		end--;
	for (start = end; start && text[start - 1] != '\n'; start--)
		;
	for (i = 0; i < sizeof(last_words) / sizeof(last_words[0]); i++) {
		len = strlen(last_words[i].words);
		*ret_sure = last_words[i].sure;
		if (end - start >= len && memcmp(text + start, last_words[i].words, len) == 0)
			return last_words[i].limit;
	}
	return RT_LIMIT_COUNT;
}

static bool failed(const struct run *run)
{
	return run->has_end && WIFEXITED(run->end.status) && WEXITSTATUS(run->end.status) != 0;
}

/*
 * Of a program that failed: the limit that it speaks of in the end, unless the kernel that would
 * have counted it says otherwise. Where nobody counts processes its word has to do.
 */
static void note_last_words(struct run *run)
{
	bool counted = run->box.cgroup && (cgroup_controllers(run->box.cgroup) & CGROUP_PIDS);
	struct rt_result *result = run->result;
	bool sure = false;
	enum rt_limit limit =
		failed(run) ? limit_in_last_line(&result->err, &sure) : RT_LIMIT_COUNT;

	if (limit == RT_LIMIT_COUNT)
		return;
	if (limit == RT_LIMIT_PIDS && !counted && sure)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_PIDS);
	if (limit == RT_LIMIT_PIDS)
		run->died_of_pids = result->limits_hit & RT_LIMIT_BIT(RT_LIMIT_PIDS);
	else if (!(result->limits_hit & RT_LIMIT_BIT(limit)))
		result->limits_likely |= RT_LIMIT_BIT(limit);
}

void touched_note(struct run *run, const struct cgroup_usage *usage)
{
	const struct rt_limits *limits = &run->plan->limits;
	struct rt_result *result = run->result;

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
	note_last_words(run);
}

/* The one that it most likely failed for; output that was dropped fails nobody. */
static enum rt_limit likely_limit(uint32_t limits)
{
	static const enum rt_limit order[] = {
		RT_LIMIT_PIDS, RT_LIMIT_TMPFS, RT_LIMIT_FSIZE, RT_LIMIT_NOFILE};
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (limits & RT_LIMIT_BIT(order[i]))
			return order[i];
	return RT_LIMIT_COUNT;
}

void touched_say(struct run *run)
{
	struct rt_result *result = run->result;
	enum rt_limit hit = likely_limit(result->limits_hit);
	enum rt_limit limit = hit == RT_LIMIT_COUNT ? likely_limit(result->limits_likely) : hit;
	size_t len = strlen(result->message);
	char text[RT_LIMIT_TEXT];

	if (limit == RT_LIMIT_COUNT)
		return;
	snprintf(result->message + len, sizeof(result->message) - len, "; %s%s reached",
		hit == RT_LIMIT_COUNT ? "by its own words the " : "",
		rt_limit_text(&run->plan->limits, limit, text));
	snprintf(
		result->remedy, sizeof(result->remedy), "raise it with %s", rt_limit_option(limit));
}
