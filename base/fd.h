/*
 * Descriptors and the few loops around read(2) and write(2). Every descriptor is born
 * close-on-exec. libc only; nothing here prints.
 */
#ifndef PYSBX_BASE_FD_H
#define PYSBX_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Closes *fd if it is one (>= 0) and makes it -1; errno is kept. */
void fd_close(int *fd);
#define cleanup_fd __attribute__((cleanup(fd_close)))

/* Hands a descriptor on: returns *fd and leaves -1, so that cleanup does nothing. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* free() through a pointer to the pointer, for cleanup_free. */
void free_pointer(void *pointer);
#define cleanup_free __attribute__((cleanup(free_pointer)))

/* Writes all of it, through EINTR and short writes. 0 or -errno. */
int fd_write_all(int fd, const void *bytes, size_t len);

/*
 * Reads to the end of file into buf. 0; -EFBIG past buf->max; -ENOMEM; else -errno of read(2).
 */
int fd_read_all(int fd, struct buf *buf);

/* read(2) that does not wait if it is a socket, whatever the flags that it shares with others say.
 */
ssize_t fd_read_now(int fd, void *bytes, size_t size);

/* Opens and reads a whole regular file or pipe; directories are -EISDIR. Fills err. */
int file_read(const char *path, struct buf *buf, struct err *err);

#endif
