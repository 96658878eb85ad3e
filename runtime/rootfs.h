/*
 * Making a private root: a directory with just one interpreter, its library and the shared objects
 * these need, for --rootfs. A run from it shares no page of a file with the host.
 */
#ifndef PYSBX_RUNTIME_ROOTFS_H
#define PYSBX_RUNTIME_ROOTFS_H

#include <stdint.h>

#include "base/err.h"

struct rootfs_made {
	uint64_t bytes;
	uint64_t files;
	unsigned minor;    /* of Python 3 */
	char program[64];  /* the interpreter inside */
	char missing[160]; /* a shared object that was not found, with who needs it; "" where none
			      is */
	unsigned more_missing; /* and how many others */
};

/*
 * Copies the interpreter `wanted` (as --python; NULL: the default) into dir, which is made, or must
 * be empty. Left out of the library: its tests, what draws windows, pip's bundle, installed
 * packages. 0 or -errno with err; what was copied by then stays.
 */
int rootfs_make(const char *wanted, const char *dir, struct rootfs_made *ret, struct err *err);

#endif
