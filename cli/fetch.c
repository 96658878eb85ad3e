/*
 * Writing fetched files (cli/fetch.h).
 */
#include "cli/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "cli/text.h"

#define NAME_BYTES_MAX 1024
#define PART_BYTES_MAX 255
#define ATTEMPTS       100

static bool part_is_safe(struct str part)
{
	if (part.len == 0 || part.len > PART_BYTES_MAX || str_is(part, ".") || str_is(part, ".."))
		return false;
	if (!utf8_valid(part))
		return false;
	/* A name is shown by others than us: no controls, no marks that turn text round. */
	for (size_t i = 0, step; i < part.len; i += step) {
		uint32_t c;

		step = text_decode(part.ptr + i, part.len - i, &c);
		if (text_must_show(c))
			return false;
	}
	return true;
}

bool fetch_name_is_safe(const char *name)
{
	size_t len = strlen(name);

	if (len > NAME_BYTES_MAX)
		return false;
	for (;;) {
		size_t part = strcspn(name, "/");

		if (!part_is_safe(str_from(name, part)))
			return false;
		if (name[part] == '\0')
			return true;
		name += part + 1;
	}
}

int fetch_open_dir(const char *path, struct err *err)
{
	int fd;

	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return err_errno(err, "--fetch-dir %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(err, "--fetch-dir %s", path) : fd;
}

/* Steps from *dir into the directory `part`, made if need be; *dir is closed. */
static int step_into(int *dir, const char *part)
{
	int next;

	if (mkdirat(*dir, part, 0777) < 0 && errno != EEXIST)
		return -errno;
	next = openat(*dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		return -errno;
	fd_close(dir);
	*dir = next;
	return 0;
}

/* A new file of a name nobody has: the process id and a number. */
static int open_temporary(int dir, char *name, size_t size)
{
	int fd = -1;

	for (int i = 0; i < ATTEMPTS && fd < 0; i++) {
		snprintf(name, size, ".pysbx-%ld-%d", (long)getpid(), i);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}

static int write_file(int dir, const char *name, struct str content)
{
	char temporary[64];
	cleanup_fd int fd = open_temporary(dir, temporary, sizeof(temporary));
	int code;

	if (fd < 0)
		return fd;
	code = fd_write_all(fd, content.ptr, content.len);
	/* rename(2) replaces a link of that name, it does not follow it. */
	if (code == 0 && renameat(dir, temporary, dir, name) < 0)
		code = -errno;
	if (code < 0)
		unlinkat(dir, temporary, 0);
	return code;
}

int fetch_write(int dir, const char *name, struct str content, struct err *err)
{
	cleanup_fd int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	char part[PART_BYTES_MAX + 1];
	const char *rest = name;
	size_t len;
	int code = at < 0 ? -errno : 0;

	if (!fetch_name_is_safe(name))
		return err_set(
			err, EINVAL, "the program left a file whose name is not safe: %s", name);
	while (code == 0 && rest[len = strcspn(rest, "/")] == '/') {
		memcpy(part, rest, len);
		part[len] = '\0';
		code = step_into(&at, part);
		rest += len + 1;
	}
	if (code == 0)
		code = write_file(at, rest, content);
	if (code == 0)
		return 0;
	errno = -code;
	return err_errno(err, "writing the file %s", name);
}
