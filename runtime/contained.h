/*
 * A run in a container that another program makes: what the Docker API and the OCI runtimes have in
 * common. Everything that decides (limits, clocks, output, the verdict) is here and in
 * runtime/inner; a driver only makes the container around three pipes, ends it and removes it.
 *
 * The container is looked at from inside, by our own init, before the program is handed over: what
 * is not as it was asked for is a layer that is missing, and what no run goes without refuses it.
 */
#ifndef PYSBX_RUNTIME_CONTAINED_H
#define PYSBX_RUNTIME_CONTAINED_H

#include "runtime/inner.h"
#include "runtime/runtime.h"

/* What the driver knows of the container's end; the init's own record counts for more. */
struct contained_end {
	bool oom; /* something in it was killed for want of memory */
	/* Figures that the init could not read from where it was; 0: not known. */
	uint64_t cpu_ns;
	uint64_t peak_bytes;
	uint64_t pids_peak;
	uint64_t pids_denied;
};

struct contained_driver {
	const char *backend; /* "docker", "oci:runc"; for the result */
	void *self;

	/*
	 * Makes a container that runs the init with these as its standard input, output and error,
	 * and starts it. May return before it runs. The descriptors stay the caller's.
	 */
	int (*start)(void *self, const int inside[3], struct err *err);

	/* What the host knows better than the init: limits in force. May be NULL. */
	void (*look)(void *self, struct inner_facts *facts);

	/* Ends every process in it, now. */
	void (*kill)(void *self);

	/*
	 * Called once, after the streams have ended or the run was given up: waits, for some
	 * seconds at the most, until nothing of the container is left. -errno with err if it never
	 * ran, or if something stays behind.
	 */
	int (*finish)(void *self, struct contained_end *ret, struct err *err);

	const char *python; /* the interpreter inside */
	const char *bin;    /* its directory, for PATH */
	const char *library_path;
	bool own_kernel;    /* gVisor, a virtual machine: facts about the kernel are that one's */
	bool remote;        /* another machine: namespaces cannot be compared with ours */
	const char *remedy; /* where the tier is too low */
};

/* As rt_run(), for a plan that was checked. Fills *ret in every case but its python. */
int contained_run(
	const struct rt_plan *plan, const struct contained_driver *driver, struct rt_result *ret);

#endif
