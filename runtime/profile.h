/*
 * The system call filter of runtime/syscalls.def in the form that others load it in: the object
 * "linux.seccomp" of the OCI runtime specification, which is also what a Docker daemon takes.
 *
 * It is weaker than the native filter in three ways, none of which lets more through: no listener
 * names hostile calls, they kill the process; a call that an argument forbids answers EPERM
 * whatever the table says, since such a filter has one answer for all that no rule matches; and
 * calls that a newer kernel has answer EPERM or ENOSYS as the runtime likes. Our own init may make
 * itself non-dumpable (prctl), so the program may too.
 */
#ifndef PYSBX_RUNTIME_PROFILE_H
#define PYSBX_RUNTIME_PROFILE_H

#include "base/json.h"

/*
 * key: the member's name, NULL at the top. by_trap: for gVisor, which raises SIGSYS
 * instead of killing at once and has one errno for all: there clone3 is allowed, since libc would
 * else have no threads; what it could make is of gVisor's own kernel.
 */
void profile_write(struct json *json, const char *key, bool by_trap);

#endif
