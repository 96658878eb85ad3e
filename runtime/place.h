/*
 * A directory of a run's own in the host's file system, for tier minimal: HOLDER/sandbox holds the
 * program and its input, HOLDER/tmp is what it may write. The program owns what is below tmp and
 * may have left anything there; only descriptors lead the way, no link is followed, nothing
 * recurses.
 */
#ifndef PYSBX_RUNTIME_PLACE_H
#define PYSBX_RUNTIME_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PLACE_PATH_MAX 64
#define PLACE_PREFIX   "pysbx."
#define PLACE_RANDOM   6    /* letters and digits behind it */
#define PLACE_MODE     0711 /* once it is locked */

/*
 * Makes an empty directory with a random name that others may pass through but not list. Fills path
 * and *ret_fd, its descriptor, whose lock says that somebody looks after it: it goes with the last
 * process that has the descriptor. What nobody looks after any more is removed first. 0 or -errno.
 */
int place_make(char path[PLACE_PATH_MAX], int *ret_fd, struct err *err);

/*
 * Removes everything below the directory, and the directory itself by its path. For when no process
 * can change it any more. Async-signal-safe but for readdir. 0, or -errno with something left.
 */
int place_remove(int fd, const char *path);

/*
 * Notes whose processes must be gone before the directory may be removed by anybody else: a process
 * group, by its number here. Async-signal-safe. 0 or -errno.
 */
int place_note_group(int fd, pid_t group);

/* Removes from holder what dead runs of this user have left, and ends what is left of them. */
void place_sweep(const char *holder);

/*
 * Bytes on disk below the directory, while it is being changed. UINT64_MAX where it is deeper than
 * can be told (64) or a directory cannot be opened that may hold something: nothing may hide from
 * the count. Looks at no more than 200000 entries, and then too it is UINT64_MAX. modes_stay:
 * nobody inside can change the mode of a directory, so that one which was made without the right to
 * write and pass is empty.
 */
uint64_t place_size(int fd, bool modes_stay);

#endif
