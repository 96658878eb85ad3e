/*
 * The OCI backend: a run in a container of runc, crun, runsc (gVisor) or any program with their
 * command line. pysbx writes the bundle and drives create, start, kill and delete itself; there is
 * no daemon. Sources: the OCI runtime specification 1.0.2 (config.md, runtime.md, config-linux.md).
 */
#ifndef PYSBX_RUNTIME_OCI_H
#define PYSBX_RUNTIME_OCI_H

#include "runtime/runtime.h"

/*
 * As rt_run(). runtime: what follows "oci:", a name that is looked for in the system's directories
 * for programs, or a path.
 */
int oci_run(const struct rt_plan *plan, const char *runtime, struct rt_result *ret);

#endif
