/* The model with the numbers of x86_64; empty where the headers are not its. */
#ifdef __x86_64__
#include <asm/unistd_64.h>
#include <linux/audit.h>

#define MODEL_FUNCTION      seccomp_model_x86_64
#define MODEL_ARCH          AUDIT_ARCH_X86_64
#define MODEL_X32           1
#define MODEL_O_DIRECT      040000
#define MODEL_KNOWN(number) ((number) >= 0 && (number) <= 334)

#include "tests/unit/seccomp_model.h"
#endif
