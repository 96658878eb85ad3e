/* runtime/place.h: made, measured and removed by descriptors. */
#include "runtime/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX   64
#define ENTRIES_MAX 200000

int place_make(char path[PLACE_PATH_MAX], int *ret_fd, struct err *err)
{
	static const char *const holders[] = {"/tmp", "/dev/shm"};
	size_t i;

	for (i = 0; i < sizeof(holders) / sizeof(holders[0]); i++) {
		place_sweep(holders[i]);
		snprintf(path, PLACE_PATH_MAX, "%s/" PLACE_PREFIX "XXXXXX", holders[i]);
		if (!mkdtemp(path))
			continue;
		*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* To be passed through by a program with another id, whatever the umask says. */
		if (*ret_fd >= 0 && flock(*ret_fd, LOCK_EX | LOCK_NB) == 0 &&
			fchmod(*ret_fd, PLACE_MODE) == 0)
			return 0;
		err_errno(err, "%s", path);
		fd_close(ret_fd);
		rmdir(path);
		return -err->code;
	}
	err_errno(err, "a directory for the run");
	err_remedy(err, "give it a /tmp that it can write in");
	return -err->code;
}

static DIR *open_directory(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream && fd >= 0)
		close(fd);
	return stream;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

struct walk {
	DIR *open[DEPTH_MAX];
	unsigned depth;
	unsigned entries;
	uint64_t bytes;
	bool modes_stay;
	bool lost; /* something could not be looked at */
};

static void go_down(struct walk *walk, int dir, const char *name, mode_t mode)
{
	DIR *stream = walk->depth < DEPTH_MAX ? open_directory(dir, name) : NULL;

	if (stream)
		walk->open[walk->depth++] = stream;
	else if (walk->depth == DEPTH_MAX)
		walk->lost = true;
	else if (errno == EACCES && walk->modes_stay && (mode & 0300) != 0300)
		return;
	else if (errno != ENOENT) /* gone meanwhile */
		walk->lost = true;
}

static void measure(struct walk *walk, const char *name)
{
	int dir = dirfd(walk->open[walk->depth - 1]);
	struct stat st;

	if (is_dots(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	walk->bytes += (uint64_t)st.st_blocks * 512;
	if (S_ISDIR(st.st_mode))
		go_down(walk, dir, name, st.st_mode);
}

uint64_t place_size(int fd, bool modes_stay)
{
	struct walk walk = {.depth = 0, .modes_stay = modes_stay};
	struct dirent *entry;

	go_down(&walk, fd, ".", 0700);
	while (walk.depth) {
		entry = walk.lost ? NULL : readdir(walk.open[walk.depth - 1]);
		if (!entry) {
			closedir(walk.open[--walk.depth]);
			continue;
		}
		if (++walk.entries > ENTRIES_MAX)
			walk.lost = true;
		measure(&walk, entry->d_name);
	}
	return walk.lost ? UINT64_MAX : walk.bytes;
}

/* A directory whose mode keeps its owner out is opened up first. */
static DIR *open_for_removal(int dir, const char *name)
{
	DIR *stream = open_directory(dir, name);

	if (!stream && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
		stream = open_directory(dir, name);
	return stream;
}

/* Moves a directory into `top` under a name that is free there. 0 or -errno. */
static int move_up(int top, int dir, const char *entry, unsigned *number)
{
	char name[32];
	int tries;

	/* Its own mode may forbid to write a new ".." into it. */
	if (fchmodat(dir, entry, 0700, 0) < 0)
		return -errno;
	for (tries = 0; tries < ENTRIES_MAX; tries++) {
		snprintf(name, sizeof(name), ".%u", (*number)++);
		if (renameat(dir, entry, top, name) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return -errno;
	}
	return -EEXIST;
}

/*
 * One directory that is to become empty: what is no directory is unlinked, an empty directory
 * removed, and a full one moves up into `top`, to be emptied there later. So depth costs nothing,
 * however deep the program went. Returns how many were full, or -errno.
 */
static int empty_one(int top, DIR *stream, bool is_top, unsigned *number)
{
	struct dirent *entry;
	int full = 0, code = 0;

	rewinddir(stream);
	while (code == 0 && (entry = readdir(stream))) {
		int dir = dirfd(stream);

		if (is_dots(entry->d_name) || unlinkat(dir, entry->d_name, 0) == 0 ||
			unlinkat(dir, entry->d_name, AT_REMOVEDIR) == 0)
			continue;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -errno;
		full++;
		if (!is_top)
			code = move_up(top, dir, entry->d_name, number);
	}
	return code < 0 ? code : full;
}

/* Empties every directory that lies in top; true if there was one. */
static int empty_below(int top, DIR *stream, unsigned *number)
{
	struct dirent *entry;
	int found = 0;

	rewinddir(stream);
	while ((entry = readdir(stream))) {
		DIR *below;
		int code;

		if (is_dots(entry->d_name))
			continue;
		below = open_for_removal(top, entry->d_name);
		if (!below)
			return -errno;
		/* As its owner one needs the right to write and pass too. */
		code = fchmod(dirfd(below), 0700) < 0 ? -errno : 0;
		if (code == 0)
			code = empty_one(top, below, false, number);
		closedir(below);
		if (code < 0)
			return code;
		found = 1;
	}
	return found;
}

int place_remove(int fd, const char *path)
{
	unsigned number = 0;
	DIR *stream = open_directory(fd, ".");
	int code = stream ? 1 : -errno;

	while (code > 0) {
		code = empty_one(fd, stream, true, &number);
		if (code > 0)
			code = empty_below(fd, stream, &number);
	}
	if (stream)
		closedir(stream);
	if (code == 0 && rmdir(path) < 0)
		code = -errno;
	return code;
}
