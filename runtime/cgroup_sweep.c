/*
 * Whose group is it? The name says so: pysbx.PID.START.SPACE.N, where START is the maker's start
 * time and SPACE the namespaces in which pid and time are counted. A group is taken for dead only
 * where that is certain: same namespaces, and the pid is gone, a zombie, or another process's now.
 * The name is complete from mkdir(2) on, so there is no moment at which a live maker's group could
 * be taken for a dead one's, and two sweeps at once can only do the same thing twice.
 */
#include "runtime/cgroup_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define PREFIX "pysbx."

/* State and start time out of the text of /proc/PID/stat; the name in it may hold anything. */
static bool parse_stat(const char *text, char *ret_state, uint64_t *ret_start)
{
	const char *after = strrchr(text, ')');
	int field;

	if (!after || after[1] != ' ')
		return false;
	*ret_state = after[2];
	for (field = 2; field < 22; field++) {
		after = strchr(after + 1, ' ');
		if (!after)
			return false;
	}
	return sscanf(after, " %" SCNu64, ret_start) == 1;
}

static bool read_stat(const char *path, char *text, size_t size)
{
	return cgroup_read_file(AT_FDCWD, path, text, size) > 0;
}

int cgroup_owner_self(struct cgroup_owner *ret)
{
	struct stat pid_space, time_space;
	char text[1024], state;

	if (!read_stat("/proc/self/stat", text, sizeof(text)) ||
		!parse_stat(text, &state, &ret->start) || stat("/proc/self/ns/pid", &pid_space) < 0)
		return -ENOTSUP;
	if (stat("/proc/self/ns/time", &time_space) < 0)
		time_space.st_ino = 0; /* before Linux 5.6 */
	ret->pid = getpid();
	ret->sees = strtol(text, NULL, 10) == ret->pid;
	ret->space = (uint64_t)pid_space.st_ino ^ (uint64_t)time_space.st_ino << 32;
	return 0;
}

void cgroup_owner_name(const struct cgroup_owner *owner, unsigned n, char name[CGROUP_NAME_MAX])
{
	snprintf(name, CGROUP_NAME_MAX, PREFIX "%d.%" PRIu64 ".%" PRIx64 ".%u", (int)owner->pid,
		owner->start, owner->space, n);
}

bool cgroup_name_parse(const char *name, struct cgroup_owner *ret)
{
	char again[CGROUP_NAME_MAX];
	unsigned n;
	int pid;

	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) != 0 || strlen(name) >= sizeof(again))
		return false;
	if (sscanf(name, PREFIX "%d.%" SCNu64 ".%" SCNx64 ".%u", &pid, &ret->start, &ret->space,
		    &n) != 4)
		return false;
	/* Only what we would have written ourselves: no signs, zeros in front, overflow or tail. */
	ret->pid = pid;
	cgroup_owner_name(ret, n, again);
	return pid > 0 && strcmp(name, again) == 0;
}

bool cgroup_owner_dead(const struct cgroup_owner *owner, const struct cgroup_owner *self)
{
	char path[64], text[1024], state;
	uint64_t start;

	if (!self->sees || owner->space != self->space)
		return false;
	if (kill(owner->pid, 0) < 0 && errno == ESRCH)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)owner->pid);
	/* Hidden from us (hidepid) is not dead. */
	if (!read_stat(path, text, sizeof(text)) || !parse_stat(text, &state, &start))
		return false;
	return start != owner->start || state == 'Z' || state == 'X';
}

unsigned cgroup_dead_names(
	int parent_fd, const struct cgroup_owner *self, char names[][CGROUP_NAME_MAX], unsigned max)
{
	cleanup_fd int fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64) char block[8192];
	struct cgroup_owner owner;
	unsigned count = 0;
	ssize_t len, at;

	if (fd < 0)
		return 0;
	while ((len = getdents64(fd, block, sizeof(block))) > 0) {
		for (at = 0; at < len;) {
			const struct dirent64 *entry = (const void *)(block + at);

			at += entry->d_reclen;
			if (!cgroup_name_parse(entry->d_name, &owner) ||
				!cgroup_owner_dead(&owner, self))
				continue;
			if (count == max)
				return count;
			strcpy(names[count++], entry->d_name);
		}
	}
	return count;
}
