/* The model with the numbers of aarch64, which are the generic ones. */
#define __ARCH_WANT_RENAMEAT
#define __ARCH_WANT_NEW_STAT
#define __ARCH_WANT_SET_GET_RLIMIT
#define __ARCH_WANT_TIME32_SYSCALLS
#define __ARCH_WANT_SYS_CLONE3
#define __ARCH_WANT_MEMFD_SECRET
#define __BITS_PER_LONG 64
#include <asm-generic/unistd.h>
#include <linux/audit.h>

#define MODEL_FUNCTION seccomp_model_aarch64
#define MODEL_ARCH     AUDIT_ARCH_AARCH64
#define MODEL_X32      0
#define MODEL_O_DIRECT 0200000
/* 244 to 259 are for architectures' own calls, of which this one has none but wait4's neighbours.
 */
#define MODEL_KNOWN(number)                                                                        \
	((number) >= 0 && (number) <= 293 && !((number) >= 244 && (number) <= 259))

#include "tests/unit/seccomp_model.h"
