/* runtime/touched.h: looking at what a hostile program left, by descriptors only, and bounded. */
#include "runtime/touched.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

void touched_note(struct run *run, const struct cgroup_usage *usage)
{
	const struct rt_limits *limits = &run->plan->limits;
	struct rt_result *result = run->result;

	/* Where only RLIMIT_NPROC counts, nobody tells of what was refused, only of how many. */
	if (usage->pids_denied || (limits->pids > 1 && run->polled_pids_peak >= limits->pids))
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_PIDS);
	if (result->out.truncated || result->err.truncated)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_OUTPUT);
	if (result->signal == SIGXFSZ)
		result->limits_hit |= RT_LIMIT_BIT(RT_LIMIT_FSIZE);
	result->limits_hit |= touched_in(run->tmp, limits) | touched_in(run->shm, limits);
}

/* Errors that only a limit is behind, as Python's tracebacks end with them. */
static const struct {
	const char *words;
	const char *option;
} hints[] = {
	{"OSError: [Errno 24]", "--nofile"},
	{"OSError: [Errno 27]", "--fsize"},
	{"OSError: [Errno 28]", "--tmpfs-size"},
};

/* The option that the last line of standard error points to; NULL: none. */
static const char *hint_of_last_line(const struct rt_stream *stream)
{
	const char *text = stream->kept.data;
	size_t end = stream->kept.len, start, i, len;

	while (end && text[end - 1] == '\n')
		end--;
	for (start = end; start && text[start - 1] != '\n'; start--)
		;
	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		len = strlen(hints[i].words);
		if (end - start >= len && memcmp(text + start, hints[i].words, len) == 0)
			return hints[i].option;
	}
	return NULL;
}

static void hint(struct rt_result *result)
{
	const char *option = hint_of_last_line(&result->err);

	if (option)
		snprintf(result->remedy, sizeof(result->remedy),
			"if the last line of its stderr is true, raise the limit with %s", option);
}

/* The one that it most likely failed for; output that was dropped fails nobody. */
static bool likely_limit(uint32_t hit, enum rt_limit *ret)
{
	static const enum rt_limit order[] = {RT_LIMIT_PIDS, RT_LIMIT_TMPFS, RT_LIMIT_FSIZE};
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		*ret = order[i];
		if (hit & RT_LIMIT_BIT(order[i]))
			return true;
	}
	return false;
}

void touched_say(struct run *run)
{
	struct rt_result *result = run->result;
	size_t len = strlen(result->message);
	char text[RT_LIMIT_TEXT];
	enum rt_limit limit;

	if (!likely_limit(result->limits_hit, &limit)) {
		hint(result);
		return;
	}
	snprintf(result->message + len, sizeof(result->message) - len, "; %s reached",
		rt_limit_text(&run->plan->limits, limit, text));
	snprintf(
		result->remedy, sizeof(result->remedy), "raise it with %s", rt_limit_option(limit));
}
