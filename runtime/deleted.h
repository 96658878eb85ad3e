/*
 * Files without a name that a run's processes still hold: they take room on the host's disk, and no
 * walk through its directory finds them. For tier minimal, whose /tmp has no file system of its
 * own.
 */
#ifndef PYSBX_RUNTIME_DELETED_H
#define PYSBX_RUNTIME_DELETED_H

#include <stdint.h>
#include <sys/types.h>

#include "runtime/ids.h"

/*
 * Bytes on disk of files from below `place` (a path) that the processes below init have open or
 * mapped and that have lost their name, each counted once. What is only mapped is taken to be as
 * long as a file may be (fsize): the kernel tells nobody more. UINT64_MAX where there is too much
 * to look at. ids: as whom to look, where the program has an id of its own.
 *
 * A file that is on its way from one process to another in a socket is in nobody's figures.
 */
uint64_t deleted_size(pid_t init, const char *place, uint64_t fsize, const struct ids *ids);

#endif
