/* The filter that was compiled when pysbx was built (gen_filter.c), for the machine it runs on. */
#include "runtime/seccomp_internal.h"

#include "runtime/seccomp_builtin.inc"
