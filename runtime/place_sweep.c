/*
 * What is left of runs whose pysbx and init were both killed (runtime/place.h). Whoever is alive of
 * the two holds a lock on the directory: it is taken before the directory gets its final mode, and
 * goes with the last of them. So there is no moment at which a live run's could be taken for a dead
 * one's, from whatever namespace it is looked at.
 *
 * The program's processes outlive both but for the first one, in a group that no other can join and
 * whose number is nobody else's while one of them lives. They are ended first: nothing is removed
 * that somebody could be changing.
 */
#include "runtime/place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define GROUP_FILE    "group"
#define MADE_MODE     0700 /* by mkdtemp(3), the lock not yet taken */
#define OLD           60   /* seconds: longer than anybody takes for that */
#define PATIENCE      100  /* milliseconds for killed processes to be gone */
#define ENTRIES_MAX   200000
#define PROCESSES_MAX 100000

/* The pid namespace that numbers are counted in; 0: not to be told, and then nothing is swept. */
static uint64_t own_space(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

int place_note_group(int fd, pid_t group)
{
	cleanup_fd int file =
		openat(fd, GROUP_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char text[64];
	int len = snprintf(text, sizeof(text), "%d %" PRIu64 "\n", (int)group, own_space());

	return file < 0 ? -errno : fd_write_all(file, text, (size_t)len);
}

static ssize_t read_text(int dir, const char *path, char *text, size_t size)
{
	cleanup_fd int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* Whether a process is in that group and lives: nobody may be there who waits for one that ended.
 */
static bool is_member(pid_t pid, pid_t group, int *ret_session)
{
	char path[64], text[1024], state;
	const char *rest;
	int number;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return false;
	/* The command's name may hold anything, brackets too: the last one ends it. */
	rest = strrchr(text, ')');
	return rest && sscanf(rest + 1, " %c %*d %d %d", &state, &number, ret_session) == 3 &&
	       number == group && state != 'Z' && state != 'X';
}

/* Such as only a program of ours is: its own session's, its id, without a way to rights, filtered.
 */
static bool is_ours(pid_t pid, pid_t group, int session, uid_t id)
{
	char path[64], text[8192], wanted[32];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	snprintf(wanted, sizeof(wanted), "\nUid:\t%u\t", (unsigned)id);
	return session == group && read_text(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	       strstr(text, wanted) && strstr(text, "\nNoNewPrivs:\t1\n") &&
	       strstr(text, "\nSeccomp:\t2\n");
}

struct members {
	unsigned ours, others;
	bool lost; /* not all could be looked at */
};

static struct members members_of(pid_t group, uid_t id)
{
	struct members ret = {0};
	unsigned entries = 0;
	DIR *processes;
	struct dirent *entry;
	int session;

	/* The common case: nothing is left. */
	if (kill(-group, 0) < 0 && errno == ESRCH)
		return ret;
	processes = opendir("/proc");
	ret.lost = !processes;
	while (processes && (entry = readdir(processes)) && !ret.lost) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		ret.lost = entries++ > PROCESSES_MAX;
		if (pid <= 0 || !is_member(pid, group, &session))
			continue;
		if (is_ours(pid, group, session, id))
			ret.ours++;
		else
			ret.others++;
	}
	if (processes)
		closedir(processes);
	return ret;
}

static bool is_empty(const struct members *members)
{
	return !members->ours && !members->others && !members->lost;
}

/* Ends the group that the run noted, if it did. True once no process of the run can be alive. */
static bool end_group(int fd)
{
	const struct timespec millisecond = {0, 1000000};
	uint64_t space = own_space(), noted;
	struct members members;
	struct stat tmp;
	char text[64];
	int group, i;

	/* Before it was noted nothing but our own had begun. */
	if (read_text(fd, GROUP_FILE, text, sizeof(text)) <= 0)
		return true;
	if (sscanf(text, "%d %" SCNu64, &group, &noted) != 2 || group <= 1 || !space ||
		noted != space || fstatat(fd, "tmp", &tmp, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	members = members_of(group, tmp.st_uid);
	for (i = 0; i < PATIENCE && members.ours && !members.others && !members.lost; i++) {
		kill(-group, SIGKILL);
		nanosleep(&millisecond, NULL);
		members = members_of(group, tmp.st_uid);
	}
	return is_empty(&members);
}

static bool is_place(const char *name)
{
	size_t i, len = sizeof(PLACE_PREFIX) - 1;

	if (strncmp(name, PLACE_PREFIX, len) != 0 || strlen(name) != len + PLACE_RANDOM)
		return false;
	for (i = 0; i < PLACE_RANDOM; i++)
		if (!isalnum((unsigned char)name[len + i]))
			return false;
	return true;
}

/* Nothing is in it but what a run puts there itself. */
static bool has_foreign(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool found = !stream;

	while (stream && !found && (entry = readdir(stream)))
		found = *entry->d_name != '.' && strcmp(entry->d_name, GROUP_FILE) != 0 &&
			strcmp(entry->d_name, "sandbox") != 0 && strcmp(entry->d_name, "tmp") != 0;
	if (stream)
		closedir(stream);
	else if (copy >= 0)
		close(copy);
	return found;
}

static void sweep_one(int holder, const char *holder_path, const char *name)
{
	cleanup_fd int fd =
		openat(holder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char path[PLACE_PATH_MAX];
	struct stat st;

	/* Others can make such names too, where all may write. */
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid())
		return;
	if ((st.st_mode & 07777) == MADE_MODE && st.st_mtime + OLD < time(NULL))
		unlinkat(holder, name, AT_REMOVEDIR);
	if ((st.st_mode & 07777) != PLACE_MODE || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", holder_path, name);
	if (!has_foreign(fd) && end_group(fd))
		place_remove(fd, path);
}

void place_sweep(const char *holder)
{
	DIR *stream = opendir(holder);
	unsigned entries = 0;
	struct dirent *entry;

	while (stream && entries++ < ENTRIES_MAX && (entry = readdir(stream)))
		if (is_place(entry->d_name))
			sweep_one(dirfd(stream), holder, entry->d_name);
	if (stream)
		closedir(stream);
}
