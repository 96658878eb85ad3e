/*
 * What the supervisor and the two processes inside share: made by the supervisor before clone3,
 * read by the init and the program afterwards. It is the runtime's own; no other room includes it.
 */
#ifndef PYSBX_RUNTIME_BOX_H
#define PYSBX_RUNTIME_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/cgroup.h"
#include "runtime/layout.h"
#include "runtime/place.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"

#define BOX_ID 65534 /* uid and gid inside: "nobody", the kernel's overflow id */

enum step {
#define STEP(name, text, function, reason) STEP_##name,
#include "runtime/steps.def"
#undef STEP
	STEP_COUNT,
/* Those of tier minimal have numbers of their own behind the others'. */
#define STEP(name, text, function, reason) MINIMAL_##name,
#define SAME                               STEP
#include "runtime/steps_minimal.def"
#undef SAME
#undef STEP
	MINIMAL_COUNT
};

/* The first step that the program takes, not the init. */
#define STEP_FIRST_OF_PROGRAM STEP_NET

enum record_kind {
	RECORD_GO = 1,  /* supervisor to init: the id maps are written */
	RECORD_NET,     /* program to init: carries its network namespace */
	RECORD_ROOT,    /* init to program: the root is complete; its layers */
	RECORD_GROUP,   /* supervisor to program: carries the control group's descriptors, if any */
	RECORD_READY,   /* init to supervisor: carries the descriptors of /tmp and /dev/shm */
	RECORD_FAILED,  /* either process: a step failed */
	RECORD_CHECK,   /* program to supervisor: look at me; carries the seccomp listener */
	RECORD_CHECKED, /* supervisor to program: exec now */
	RECORD_ENDED,   /* init: how the program ended */
};

#define RECORD_DETAIL 112

/* One message on either channel; fixed size, anything else is refused. */
struct record {
	uint32_t kind;            /* enum record_kind */
	uint32_t step;            /* FAILED: enum step */
	int32_t error;            /* FAILED: errno */
	int32_t status;           /* ENDED: as wait(2) gives it */
	uint32_t layers;          /* READY, ROOT, CHECK: RT_LAYER_BIT()s the sender made or found */
	uint32_t limit_processes; /* GROUP: 1 where no control group counts processes */
	uint64_t cpu_ns;          /* ENDED: of all processes that were waited for */
	uint64_t peak_rss_bytes;
	char detail[RECORD_DETAIL]; /* FAILED: which file; NUL-terminated */
};

/*
 * Those whose difference from the supervisor's is checked through the old /proc: the init's, and
 * last the network namespace, which the program makes. (The cgroup namespace comes after /proc is
 * gone.)
 */
#define BOX_NAMESPACES    6
#define BOX_NAMESPACE_NET (BOX_NAMESPACES - 1)
extern const char *const box_namespace_files[BOX_NAMESPACES];

/* Times of the steps, in memory that init and supervisor share; only with plan->trace_steps. */
struct step_clock {
	uint64_t ns[MINIMAL_COUNT];
};

struct box {
	const struct rt_plan *plan;
	struct layout layout;
	struct cgroup *cgroup; /* NULL: none to be had, or not yet made */
	struct seccomp_filter filter;
	void *no_caps; /* an empty set, made before clone so that the child allocates nothing */
	struct step_clock *clock;
	const char **argv; /* of the program inside; NULL-terminated, made before clone */
	const char **envp;
	char *root_options; /* of the root's tmpfs */
	char *tmp_options;  /* of the tmpfs on /tmp and /dev/shm */
	uid_t host_uid;     /* what 65534 is outside */
	gid_t host_gid;
	bool privileged; /* the supervisor may map an id of its own choice and set groups */
	bool want_proc;  /* false in the second try, where /proc cannot be mounted */
	bool minimal;    /* no namespaces: runtime/minimal.h, not the steps of steps.def */
	int landlock_abi;
	ino_t namespaces[BOX_NAMESPACES]; /* the supervisor's own */

	/* Tier minimal only. */
	char place_path[PLACE_PATH_MAX]; /* the run's own directory on the host */
	int place;                       /* its descriptor, or -1 */
	const char *const *may_read;     /* for Landlock; NULL-terminated */
	const char *const *may_write;    /* the first one is the working directory */
	pid_t outer_init;                /* as getppid() of the program tells it */
	pid_t program;

	/* Descriptors of the inside; -1 where there is none. */
	int channel;      /* set-up and verdict: init and supervisor */
	int exec_channel; /* program and supervisor; its end of file means exec succeeded */
	int pair[2];      /* between init [0] and program [1]; made by the init */
	int stdin_read;   /* or -1: /dev/null */
	int stdout_write;
	int stderr_write;
	int file_fds[RT_FILES_MAX]; /* opened by the supervisor with the caller's rights */
	unsigned file_count;

	/* Used inside only. */
	int trees[LAYOUT_BINDS_MAX]; /* detached copies of the bind sources */
	int devices[8];
	int proc;             /* the old /proc */
	bool limit_processes; /* by RLIMIT_NPROC, where no control group counts them */
	uint32_t layers;
	char detail[RECORD_DETAIL]; /* which object the running step was at */
};

const char *step_name(enum step step);

/* Names the object a step is at, for its error; always returns -errno (kept). */
int box_fail_at(struct box *box, const char *object);

/* Takes one step: a fault that tests ask for, the step's clock, and its failure told and the end.
 */
void box_take_step(struct box *box, int channel, unsigned step, int (*take)(struct box *box));

/* Soft and hard, but never above an inherited hard limit. 0 or -errno, detail set. */
int program_set_limit(struct box *box, int resource, rlim_t value, const char *name);

/* Whether one more process can be made under that soft limit, which then stays set: it is tried. */
bool program_can_fork(rlim_t limit);

/* Before exec: 0 to 2 are open, everything above is close-on-exec. 0 or -errno, detail set. */
int program_verify_descriptors(struct box *box);

/* The init's whole life; entered right after clone3 in the new process. Never returns. */
_Noreturn void init_main(struct box *box);

#define STEP(name, text, function, reason) int function(struct box *box);
#define SAME(name, text, function, reason)
#include "runtime/steps.def"
#include "runtime/steps_minimal.def"
#undef SAME
#undef STEP

#define RECORD_FDS_MAX CGROUP_ENTER_MAX

/* Descriptors that travel with a record. Those that were received are the holder's to close. */
struct record_fds {
	int fds[RECORD_FDS_MAX];
	unsigned count;
};

/* Sends one record; fds may be NULL. 0 or -errno. Async-signal-safe. */
int record_send(int channel, const struct record *record, const struct record_fds *fds);

/*
 * Receives one record: 0, -ENOTCONN at end of file, -EBADMSG for anything but one whole record,
 * else -errno. Descriptors go to ret_fds, or are closed when it is NULL. ret_sender (may be NULL)
 * is the sender's pid as seen here, where the socket has SO_PASSCRED.
 */
int record_receive(int channel, struct record *ret, struct record_fds *ret_fds, pid_t *ret_sender);

void record_fds_close(struct record_fds *fds);

#endif
