/* Finding and starting programs of ours (cli/libexec.h). */
#include "cli/libexec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define SELF "/proc/self/exe"

/* 0: nobody but the caller and root can have made it what it is. */
static int check_owner(int fd, const char *path, uid_t uid, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, "%s", path);
	if (st.st_uid != 0 && st.st_uid != uid) {
		err_set(err, EPERM, "%s: belongs to user %u: not trusted", path, st.st_uid);
		err_remedy(err, "build pysbx as the user who runs it, or install it");
		return -EPERM;
	}
	if (st.st_mode & S_IWOTH) {
		err_set(err, EPERM, "%s: everybody may write to it: not trusted", path);
		err_remedy(err, "chmod o-w %s", path);
		return -EPERM;
	}
	return 0;
}

static int check_program(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return err_set(err, EACCES, "%s: is not a program", path);
	return 0;
}

static int open_in(int dir, const char *name, int flags, const char *path, struct err *err)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | flags);

	if (fd >= 0)
		return fd;
	err_errno(err, "%s", path);
	return -err->code;
}

/* -ENOENT where there is no such file; any other failure is one to stop at. */
static int open_sibling(
	const struct libexec_places *places, const char *room, const char *name, struct err *err)
{
	const char *slash = strrchr(places->self, '/');
	char folder[PATH_MAX], path[PATH_MAX];
	cleanup_fd int dir = -1, fd = -1;
	int code;

	if (!slash ||
		snprintf(folder, sizeof(folder), "%.*s/%s", (int)(slash - places->self),
			places->self, room) >= (int)sizeof(folder) ||
		snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return err_set(err, ENOENT, "%s: no place of its own", places->self);
	dir = open_in(AT_FDCWD, folder, O_DIRECTORY, folder, err);
	if (dir < 0)
		return dir;
	fd = open_in(dir, name, 0, path, err);
	if (fd < 0)
		return fd;
	code = check_program(fd, path, err);
	if (code == 0)
		code = check_owner(dir, folder, places->uid, err);
	if (code == 0)
		code = check_owner(fd, path, places->uid, err);
	return code < 0 ? code : take_fd(&fd);
}

static int open_installed(
	const struct libexec_places *places, const char *room, const char *name, struct err *err)
{
	char path[PATH_MAX];
	cleanup_fd int fd = -1;
	int code;

	if (snprintf(path, sizeof(path), "%s/%s", places->libexecdir, name) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "%s: too long a name", places->libexecdir);
	fd = open_in(AT_FDCWD, path, 0, path, err);
	if (fd < 0) {
		if (fd == -ENOENT)
			err_remedy(err,
				"it is a part of pysbx that is not installed here; of packages it "
				"is pysbx-%s",
				room);
		return fd;
	}
	code = check_program(fd, path, err);
	return code < 0 ? code : take_fd(&fd);
}

/* By what the paths lead to: /bin may be a link to /usr/bin. */
static bool is_installed(const struct libexec_places *places)
{
	const char *slash = strrchr(places->self, '/');
	char folder[PATH_MAX];
	struct stat own, installed;

	if (!slash || snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - places->self),
			      places->self) >= (int)sizeof(folder))
		return false;
	return stat(folder, &own) == 0 && stat(places->bindir, &installed) == 0 &&
	       own.st_dev == installed.st_dev && own.st_ino == installed.st_ino;
}

int libexec_find(
	const struct libexec_places *places, const char *room, const char *name, struct err *err)
{
	int fd = -ENOENT;

	if (!is_installed(places))
		fd = open_sibling(places, room, name, err);
	return fd == -ENOENT ? open_installed(places, room, name, err) : fd;
}

int libexec_open(const char *room, const char *name, struct err *err)
{
	char self[PATH_MAX];
	ssize_t len = readlink(SELF, self, sizeof(self) - 1);
	struct libexec_places places = {.self = self,
		.bindir = PYSBX_BINDIR,
		.libexecdir = PYSBX_LIBEXECDIR,
		.uid = geteuid()};

	if (len < 0)
		return err_errno(err, SELF);
	self[len] = '\0';
	return libexec_find(&places, room, name, err);
}

int libexec_open_self(struct err *err)
{
	/* A link of the kernel's: it leads to the file that runs, whatever its name is now. */
	int fd = open(SELF, O_PATH | O_CLOEXEC);

	return fd < 0 ? err_errno(err, SELF) : fd;
}

int libexec_exec(int fd, char *const argv[])
{
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return -errno;
}
