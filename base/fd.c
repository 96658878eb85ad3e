/* base/fd.h: closing, reading and writing descriptors. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

int fd_write_all(int fd, const void *bytes, size_t len)
{
	const char *next = bytes;
	ssize_t n;

	while (len) {
		n = write(fd, next, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		next += n;
		len -= (size_t)n;
	}
	return 0;
}

/* How much may be asked of read(2) next: one byte past the maximum shows that there is more. */
static size_t next_read(const struct buf *buf)
{
	size_t room = buf->max - buf->len;

	return room < 65536 ? room : 65536;
}

ssize_t fd_read_now(int fd, void *bytes, size_t size)
{
	ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);

	return n < 0 && errno == ENOTSOCK ? read(fd, bytes, size) : n;
}

int fd_read_all(int fd, struct buf *buf)
{
	char beyond;
	ssize_t n;

	for (;;) {
		size_t want = next_read(buf);

		if (want && !buf_reserve(buf, want))
			return -ENOMEM;
		n = read(fd, want ? buf->data + buf->len : &beyond, want ? want : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (!want)
			return -EFBIG;
		buf->len += (size_t)n;
	}
	if (buf->data)
		buf->data[buf->len] = '\0';
	return 0;
}

int file_read(const char *path, struct buf *buf, struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int code;

	if (fd < 0)
		return err_errno(err, "%s", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(err, EISDIR, "%s: is a directory", path);
	code = fd_read_all(fd, buf);
	if (code == -EFBIG)
		return err_set(err, EFBIG, "%s: larger than %zu bytes", path, buf->max);
	if (code < 0) {
		errno = -code;
		return err_errno(err, "%s", path);
	}
	return 0;
}
