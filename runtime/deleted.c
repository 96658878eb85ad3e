/* runtime/deleted.h: by the links in /proc/TID/fd and the lines of /proc/TID/maps. */
#include "runtime/deleted.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/processes.h"

#define LOOKS_MAX   100000 /* descriptors and mappings at one look: some tens of milliseconds */
#define DELETED_MAX 2048
#define SUFFIX      " (deleted)"

/* By its inode number alone: the device that stat(2) tells is not always the one in maps. */
struct found {
	ino_t inode;
	uint64_t bytes;
	bool is_exact; /* told by a descriptor */
};

struct look {
	const char *place;
	uint64_t fsize;
	pid_t mapped; /* whose mappings were read last */
	unsigned looks, count;
	bool lost;
	struct found found[DELETED_MAX];
};

static void add(struct look *look, ino_t inode, uint64_t bytes, bool is_exact)
{
	unsigned i;

	for (i = 0; i < look->count && look->found[i].inode != inode; i++)
		;
	if (i == DELETED_MAX) {
		look->lost = true;
		return;
	}
	if (i < look->count && look->found[i].is_exact && !is_exact)
		return;
	look->count += i == look->count;
	look->found[i] = (struct found){inode, bytes, is_exact};
}

static bool may_go_on(struct look *look)
{
	look->lost |= ++look->looks > LOOKS_MAX;
	return !look->lost;
}

static bool is_below(const char *path, const char *place)
{
	size_t len = strlen(place);

	return strncmp(path, place, len) == 0 && path[len] == '/';
}

/* A file in memory has no name either; a path that is too long to be told is none of those. */
static bool is_elsewhere(const struct look *look, int dir, const char *name)
{
	char path[256];
	ssize_t len = readlinkat(dir, name, path, sizeof(path) - 1);

	if (len < 0)
		return false;
	path[len] = '\0';
	return !is_below(path, look->place);
}

static void look_at_descriptors(struct look *look, pid_t thread)
{
	struct dirent *entry;
	struct stat st;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)thread);
	dir = opendir(path);
	while (dir && may_go_on(look) && (entry = readdir(dir)))
		/* Follows the link to what is open, not to what has that name. */
		if (*entry->d_name != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			S_ISREG(st.st_mode) && st.st_nlink == 0 &&
			!is_elsewhere(look, dirfd(dir), entry->d_name))
			add(look, st.st_ino, (uint64_t)st.st_blocks * 512, true);
	if (dir)
		closedir(dir);
}

/* "7f…-7f… rw-s 00000000 08:01 1234   /tmp/x (deleted)" (proc_pid_maps(5)). */
static void look_at_mapping(struct look *look, const char *line, size_t len)
{
	const size_t suffix = sizeof(SUFFIX) - 1;
	unsigned long long inode;
	int path = 0;

	if (len > suffix && strcmp(line + len - suffix, SUFFIX) == 0 &&
		sscanf(line, "%*s %*s %*s %*s %llu %n", &inode, &path) == 1 && path > 0 &&
		is_below(line + path, look->place))
		add(look, (ino_t)inode, look->fsize, false);
}

/* False where there are none: a thread that has ended has given them up. */
static bool look_at_mappings(struct look *look, pid_t thread)
{
	cleanup_free char *line = NULL;
	char path[64];
	bool any = false;
	size_t room = 0;
	ssize_t len;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)thread);
	maps = fopen(path, "re");
	while (maps && may_go_on(look) && (len = getline(&line, &room, maps)) > 0) {
		any = true;
		if (line[len - 1] == '\n')
			line[--len] = '\0';
		look_at_mapping(look, line, (size_t)len);
	}
	if (maps)
		fclose(maps);
	return any;
}

/* Each thread can have descriptors of its own; the mappings are the whole process's. */
static void visit(void *context, pid_t process, pid_t thread)
{
	struct look *look = context;

	if (look->lost)
		return;
	look_at_descriptors(look, thread);
	if (look->mapped != process && look_at_mappings(look, thread))
		look->mapped = process;
}

uint64_t deleted_size(pid_t init, const char *place, uint64_t fsize, const struct ids *ids)
{
	cleanup_free struct look *look = calloc(1, sizeof(*look));
	uint64_t bytes = 0;
	unsigned i;

	if (!look)
		return UINT64_MAX;
	look->place = place;
	look->fsize = fsize;
	/* /proc asks who looks: for root it would be CAP_SYS_PTRACE, which containers lack. */
	if (ids->own) {
		setfsgid(ids->gid);
		setfsuid(ids->uid);
	}
	processes_visit(init, visit, look);
	if (ids->own) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	for (i = 0; i < look->count; i++)
		bytes += look->found[i].bytes;
	return look->lost ? UINT64_MAX : bytes;
}
