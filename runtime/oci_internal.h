/*
 * One run by an OCI runtime. Private to runtime/oci.c (the driver), runtime/oci_bundle.c
 * (config.json and the root's mount points), runtime/oci_dir.c (its directory) and
 * runtime/oci_groups.c (the container's control group).
 */
#ifndef PYSBX_RUNTIME_OCI_INTERNAL_H
#define PYSBX_RUNTIME_OCI_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "runtime/cgroup.h"
#include "runtime/contained.h"
#include "runtime/ids.h"
#include "runtime/layout.h"

/* What the container's two ids, 0 and 65534, are outside: its root only sets it up. */
struct oci_map {
	uint64_t root;
	uint64_t nobody;
};

struct oci {
	const struct rt_plan *plan;
	struct arena *arena;
	struct layout layout;
	const char *runtime; /* the program */
	const char *name;    /* its last part */
	char id[64];         /* the container's */
	char dir[PATH_MAX];  /* of the run: bundle, state, pid file */
	bool made_dir;
	bool created; /* the runtime knows the container */
	bool is_gvisor;
	bool maps_ids;        /* it gets a user namespace, with these ids: */
	struct oci_map uids;
	struct oci_map gids;
	bool bounded;         /* config.json has limits for a control group */
	struct cgroup *group; /* of ours, where the runtime cannot have one; else NULL */
	pid_t init;
	char backend[64];
};

/* Writes DIR/config.json and below DIR/rootfs every mount point. 0 or -errno with err. */
int oci_bundle_write(const struct oci *oci, struct err *err);

/*
 * The ids of a plain user's container: its root is the caller, its nobody one of the ids that
 * /etc/subuid and /etc/subgid give him (subuid(5)), which newuidmap(1) lets the runtime map. salt
 * makes concurrent runs differ. -ENOTSUP with err and remedy where he has none.
 */
int oci_subordinate_ids(struct oci *oci, unsigned salt, struct err *err);

/* `delete --force` of the runtime. */
int oci_delete(struct oci *oci);

/* Makes the run's directory, after removing those of dead runs; removes it. */
int oci_dir_make(struct oci *oci, struct err *err);
void oci_dir_remove(struct oci *oci);

/* The container's control group below each hierarchy's root. */
const char *oci_group_path(const struct oci *oci, char *path, size_t size);

/* True if the runtime can be asked for limits here, and if swap is counted. */
bool oci_groups_can_limit(void);
bool oci_groups_count_swap(void);

/* Limits in force, and what was used, as the host's control groups have it. */
void oci_groups_look(const struct oci *oci, struct inner_facts *facts);
void oci_groups_read(const struct oci *oci, struct contained_end *end);

/* Removes what a runtime left of it, which is empty. */
void oci_groups_remove(const struct oci *oci);

#endif
