/*
 * Which ids of the host the one id inside (65534) stands for.
 *
 * With CAP_SETUID and CAP_SETGID: ids of the run's own, from IDS_BASE up, above what systemd gives
 * to containers (0x6fffffff) and within a signed 32-bit number; where the caller's own user
 * namespace does not map those (rootless containers), from the upper half of the largest range it
 * maps. Else the caller's own. Never the host's root.
 */
#ifndef PYSBX_RUNTIME_IDS_H
#define PYSBX_RUNTIME_IDS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define IDS_BASE 0x70000000u

struct ids {
	uid_t uid; /* as this process sees them */
	gid_t gid;
	bool own; /* the run's own, mapped with privilege; false: the caller's */
};

/*
 * salt makes concurrent runs differ: a pid. (In a narrow range two of them can meet.) -EPERM with a
 * remedy where only the host's root is left.
 */
int ids_choose(unsigned salt, struct ids *ret, struct err *err);

#endif
