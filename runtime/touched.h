/*
 * Which limits a run touched, told from outside when its last process is gone.
 *
 * The kernel counts refused processes (control groups) and pysbx counts output. It tells nobody but
 * the program that a write was too long (EFBIG) or a file system full (ENOSPC), so for those what
 * lies in /tmp and /dev/shm is looked at: a file as long as --fsize allows, a file system without a
 * free block or inode. That is "touched": the last byte that is allowed touches too, and what was
 * deleted before the end is not seen. Of EMFILE nothing can be seen. So the last line of what a
 * failed program wrote to standard error counts for something too: it makes a limit "likely", tells
 * dying of the process limit from going on after it, and is told apart from what was seen, since a
 * program can print what it likes.
 */
#ifndef PYSBX_RUNTIME_TOUCHED_H
#define PYSBX_RUNTIME_TOUCHED_H

#include "runtime/run.h"

/* Fills limits_hit, limits_likely and run->died_of_pids. The output must be finished. */
void touched_note(struct run *run, const struct cgroup_usage *usage);

#endif
