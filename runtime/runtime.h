/*
 * The runtime: a validated plan in, one run in a fresh sandbox, one result out.
 *
 * It knows nothing of Python's grammar, of policies or of the command line. rt_run() fills *ret in
 * every case: what goes wrong in pysbx or on the host is a status (error, unavailable) with a
 * message and a remedy, never a run with less isolation than the plan requires.
 */
#ifndef PYSBX_RUNTIME_RUNTIME_H
#define PYSBX_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum rt_status {
#define STATUS(name, word, exit) RT_##name,
#include "runtime/status.def"
#undef STATUS
	RT_STATUS_COUNT
};

enum rt_layer {
#define LAYER(name, word, text) RT_LAYER_##name,
#include "runtime/layer.def"
#undef LAYER
	RT_LAYER_COUNT
};

#define RT_LAYER_BIT(layer) (UINT32_C(1) << (layer))

/* Isolation tiers, weakest first (pysbx-isolation(7)); NONE never runs anything. */
enum rt_tier { RT_TIER_NONE, RT_TIER_MINIMAL, RT_TIER_REDUCED, RT_TIER_FULL };

/* Limits that do not end a run; which were touched is in rt_result.limits_hit. */
enum rt_limit {
#define LIMIT(name, word, text, value, kind, option) RT_LIMIT_##name,
#include "runtime/limit.def"
#undef LIMIT
	RT_LIMIT_COUNT
};

#define RT_LIMIT_BIT(limit) (UINT32_C(1) << (limit))

const char *rt_status_word(enum rt_status status);
const char *rt_layer_word(enum rt_layer layer);
const char *rt_layer_text(enum rt_layer layer);
const char *rt_tier_word(enum rt_tier tier); /* "none", "minimal", "reduced", "full" */

struct rt_limits {
	uint64_t memory_bytes; /* 16 MiB .. 2^46; anonymous, tmpfs and page tables together, swap 0
				*/
	uint64_t cpu_thousandths; /* 10 .. 1024000; share of CPUs, 500 is half of one */
	uint64_t wall_ns;         /* 1 ms .. 7 days */
	uint64_t cpu_ns;          /* 1 ms .. 7 days; all processes of the run together */
	uint64_t pids;         /* 1 .. 32768 processes and threads, pysbx's own init not counted */
	uint64_t nofile;       /* 16 .. 1048576 */
	uint64_t fsize_bytes;  /* 0 .. 2^46 */
	uint64_t tmpfs_bytes;  /* 64 KiB .. 2^46, /tmp; /dev/shm has the same on its own */
	uint64_t output_bytes; /* 0 .. 1 GiB kept of each stream */
};

/* "file size limit of 16M", for messages; into text (at least RT_LIMIT_TEXT bytes). */
#define RT_LIMIT_TEXT 64
const char *rt_limit_text(const struct rt_limits *limits, enum rt_limit limit, char *text);
const char *rt_limit_word(enum rt_limit limit);   /* as in limits_hit: "fsize" */
const char *rt_limit_option(enum rt_limit limit); /* what raises it: "--fsize" */

/* A file of the caller's that appears read-only as /sandbox/NAME (and NAME in the working
 * directory). */
struct rt_file {
	const char *name; /* relative, no "..", no empty part; may have directories */
	const char *path; /* opened by pysbx with the caller's rights; a regular file */
};

#define RT_FILES_MAX 1024

enum rt_stream_id { RT_STDOUT, RT_STDERR };

struct python;

struct rt_plan {
	struct str code;         /* bytes of the program, delivered as they are */
	const char *code_name;   /* file name inside /sandbox, shown in tracebacks; no '/' */
	const char *const *args; /* NULL-terminated, sys.argv[1:]; may be NULL */
	const char *const *env;  /* NULL-terminated "K=V" beside what pysbx sets; may be NULL */
	const struct rt_file *files;
	size_t file_count;
	const char *const
		*fetch;     /* NULL-terminated globs of regular files under /tmp/out; may be NULL */
	const char *python; /* as --python: NULL finds one */
	const char *rootfs; /* a private root instead of the host's interpreter, or NULL */
	/* What python_find() told a caller who has asked it already of the two, or NULL. */
	const struct python *interpreter;
	/* -1: empty; else copied into a pipe, borrowed. A read that waits holds up every limit: so
	 * it does not block, or is a socket or a file that never does. */
	int stdin_fd;
	struct rt_limits limits;
	enum rt_tier require;
	/* A refused system call ends its process (SIGSYS), and no listener tells of it. */
	bool strict_seccomp;
	/* The Python 3.minor that the program was read as, where that is not the one that runs it
	 * anyway: a container that has another is refused. 0: any. */
	unsigned minor;
	/*
	 * Called with the head of each stream while it arrives (kept[0..head_len)); what follows
	 * the head is only in the result. May be NULL.
	 */
	void (*on_output)(void *context, enum rt_stream_id stream, struct str piece);
	void *context;
	/*
	 * Asked when everything is prepared and before anything is started, with SIGINT and its
	 * like blocked: false, and nothing is. A second attempt asks again and must hear the same.
	 * May be NULL.
	 */
	bool (*may_run)(void *context);
	void *may_run_context;
	bool trace_steps; /* fill rt_result.steps */
};

/* One stream's output: the head, then the tail; what lay between was dropped. */
struct rt_stream {
	struct buf kept; /* head followed by tail */
	size_t head_len; /* how much of kept is head */
	uint64_t bytes;  /* written by the program */
	bool truncated;
};

struct rt_fetched {
	char *name; /* relative to /tmp/out */
	struct buf content;
};

struct rt_denied {
	char name[32]; /* "ptrace"; a number where the name is unknown */
	uint64_t count;
	uint64_t args[6]; /* of the first one, as the registers had them */
};

#define RT_DENIED_MAX 64
#define RT_STEPS_MAX  64
#define RT_NOTE_MAX   8

struct rt_step_time {
	const char *name;
	uint64_t ns;
};

struct rt_result {
	enum rt_status status;
	int exit_code; /* 0..255, or -1 */
	int signal;    /* 1..64, or 0 */
	int error;     /* behind status error or unavailable: an errno value; 0: none */
	char message[ERR_TEXT_MAX];
	char remedy[ERR_REMEDY_MAX];
	struct rt_stream out;
	struct rt_stream err;
	int interrupted; /* a signal to pysbx itself (SIGINT, SIGTERM, ...) ended the run; else 0 */
	bool ran;        /* usage and isolation are meaningful */
	uint64_t wall_ns;
	uint64_t cpu_ns;
	uint64_t memory_peak_bytes; /* 0: not known */
	uint64_t pids_peak;         /* 0: not known */
	const char *usage_source;   /* "cgroup2", "cgroup1", "rusage" */
	const char *backend;        /* "native", "docker", "oci:NAME" */
	char backend_text[64];      /* where its name is made at run time */
	enum rt_tier tier;
	uint32_t layers;        /* RT_LAYER_BIT()s held */
	uint32_t missing;       /* RT_LAYER_BIT()s asked for and not held */
	uint32_t limits_hit;    /* RT_LIMIT_BIT()s */
	uint32_t limits_likely; /* by the program's own last words only */
	struct rt_denied denied[RT_DENIED_MAX];
	size_t denied_count;
	struct rt_fetched *files;
	size_t file_count;
	size_t files_skipped; /* matched, but not regular, linked twice, unreadable or over a cap */
	struct rt_step_time steps[RT_STEPS_MAX];
	size_t step_count;
	char python[256]; /* the interpreter that ran, as on the host */
};

/* Checks ranges and names of a plan; -EINVAL with a message that names the option. */
int rt_plan_check(const struct rt_plan *plan, struct err *err);

/* Runs it. Returns 0 when the program ran to an end of any kind, -1 when status is
 * error/unavailable; that also where plan->may_run said no. */
int rt_run(const struct rt_plan *plan, struct rt_result *ret);

void rt_result_free(struct rt_result *result);

/*
 * Finds the interpreter a plan would use (plan->python, or the first python3 on PATH that is an ELF
 * program) and the minor version of Python 3 it is, without running it. Fills path (at least 4096
 * bytes).
 */
int rt_find_python(
	const char *wanted, char *path, size_t size, unsigned *ret_minor, struct err *err);

#endif
