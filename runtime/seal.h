/*
 * Sealing: a process that has to read hostile bytes with our own code gives up everything but that.
 */
#ifndef PYSBX_RUNTIME_SEAL_H
#define PYSBX_RUNTIME_SEAL_H

#include <stddef.h>

/*
 * From here on this process can use memory it has or gets, read and write what it holds, and exit;
 * any other system call is its end (SIGSYS). Every descriptor but `keep` is closed. It dies with
 * its parent, leaves no core, and has no more than memory_bytes of address space (not limited in a
 * build with sanitizers, whose own is terabytes) and cpu_seconds of CPU time. There is no way back.
 *
 * 0, or -errno with part of it done: the caller must then exit. Not for processes with threads.
 */
int seal_process(int keep, size_t memory_bytes, unsigned cpu_seconds);

#endif
