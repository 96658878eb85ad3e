/*
 * Reading what a hostile program left behind. Every name is opened from its directory's descriptor
 * with openat2: beneath it, no links, no other mount; a pipe opens non-blocking and is refused by
 * fstat before a byte is read.
 */
#include "runtime/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX      8
#define ENTRIES_MAX    10000
#define NAME_BYTES_MAX 1024

struct fetch {
	const struct rt_plan *plan;
	struct rt_result *result;
	DIR *open[DEPTH_MAX]; /* from /tmp/out down to where the walk is */
	size_t name_len[DEPTH_MAX];
	unsigned depth;
	unsigned entries;
	size_t bytes;
	char name[NAME_BYTES_MAX]; /* of the entry at hand, relative to /tmp/out */
};

static int open_beneath(int dir, const char *name, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV |
			   RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

static bool is_wanted(const struct fetch *fetch)
{
	const char *const *glob;

	for (glob = fetch->plan->fetch; *glob; glob++)
		if (fnmatch(*glob, fetch->name, FNM_PATHNAME) == 0)
			return true;
	return false;
}

static bool keep(struct fetch *fetch, struct buf *content)
{
	struct rt_result *result = fetch->result;
	struct rt_fetched *files =
		realloc(result->files, (result->file_count + 1) * sizeof(*result->files));

	if (!files)
		return false;
	result->files = files;
	files[result->file_count].name = strdup(fetch->name);
	if (!files[result->file_count].name)
		return false;
	files[result->file_count++].content = *content;
	*content = (struct buf){0};
	return true;
}

static void fetch_one(struct fetch *fetch, int fd)
{
	struct buf content = BUF_INIT(FETCH_BYTES_MAX - fetch->bytes);
	size_t len;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size < 0 ||
		fetch->result->file_count >= FETCH_FILES_MAX ||
		(uint64_t)st.st_size > content.max || fd_read_all(fd, &content) < 0) {
		fetch->result->files_skipped++;
	} else {
		len = content.len;
		if (keep(fetch, &content))
			fetch->bytes += len;
		else
			fetch->result->files_skipped++;
	}
	buf_free(&content);
}

static bool push(struct fetch *fetch, int fd, size_t name_len)
{
	DIR *dir = fetch->depth < DEPTH_MAX ? fdopendir(fd) : NULL;

	if (!dir) {
		close(fd);
		return false;
	}
	fetch->open[fetch->depth] = dir;
	fetch->name_len[fetch->depth++] = name_len;
	return true;
}

static void visit(struct fetch *fetch, const struct dirent *entry)
{
	DIR *dir = fetch->open[fetch->depth - 1];
	size_t base = fetch->name_len[fetch->depth - 1];
	size_t len = strlen(entry->d_name);
	struct stat st;
	int fd;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return;
	if (base + len + 2 > sizeof(fetch->name)) {
		fetch->result->files_skipped++;
		return;
	}
	memcpy(fetch->name + base, entry->d_name, len + 1);
	if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		fd = open_beneath(dirfd(dir), entry->d_name, O_DIRECTORY);
		memcpy(fetch->name + base + len, "/", 2);
		if (fd < 0 || !push(fetch, fd, base + len + 1))
			fetch->result->files_skipped++;
		return;
	}
	if (!is_wanted(fetch))
		return;
	/* Not even opened unless it is a regular file: opening some things has effects. */
	fd = S_ISREG(st.st_mode) ? open_beneath(dirfd(dir), entry->d_name, 0) : -1;
	if (fd < 0) {
		fetch->result->files_skipped++;
		return;
	}
	fetch_one(fetch, fd);
	close(fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct rt_fetched *)a)->name, ((const struct rt_fetched *)b)->name);
}

void fetch_files(int tmp, const struct rt_plan *plan, struct rt_result *result)
{
	struct fetch fetch = {.plan = plan, .result = result};
	struct dirent *entry;
	int out;

	if (!plan->fetch || !*plan->fetch || tmp < 0)
		return;
	out = open_beneath(tmp, "out", O_DIRECTORY);
	if (out < 0 || !push(&fetch, out, 0)) {
		/* A link, or anything else that is no directory to look into. */
		result->files_skipped += out >= 0 || errno != ENOENT;
		return;
	}
	while (fetch.depth) {
		entry = fetch.entries++ < ENTRIES_MAX ? readdir(fetch.open[fetch.depth - 1]) : NULL;
		if (entry)
			visit(&fetch, entry);
		else
			closedir(fetch.open[--fetch.depth]);
	}
	/* What lies beyond was not looked at. */
	if (fetch.entries > ENTRIES_MAX)
		result->files_skipped++;
	if (result->file_count)
		qsort(result->files, result->file_count, sizeof(*result->files), by_name);
}
