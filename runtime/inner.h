/*
 * The init of a run in somebody else's container (runtime/inner.py), as the host sees it: what it
 * is told, what it says, and how it is believed.
 *
 * A container of a Docker daemon or an OCI runtime is started with nothing but this init. It has
 * its standard input, output and error and no other way out; the program shares the latter two.
 *
 * First it says hello: "pysbx-inner 1 LENGTH\n" and LENGTH bytes of lines "key value", what it
 * finds around itself. No byte of the program is in the container by then, so this can be believed
 * as far as the image can. Only if it is good enough the host sends its order: messages of a kind
 * (one byte), a length (four, the highest first) and a payload:
 *
 *   K  key, of INNER_KEY hexadecimal digits          A  argument (the first is the interpreter)
 *   E  NAME=VALUE                                    F  file: name, NUL, content; the program first
 *   L  limits: "name=number ..."                     G  glob of files to bring back
 *   I  the program has a standard input              R  run it
 *
 * and while it runs D (data for its standard input), Z (the end of that) and X (stop). What comes
 * on standard output then is the program's, up to the key: it begins the last record, LENGTH and
 * lines as above without a name in front, then the files. The init is the only process that knows
 * the key, is not dumpable and PID 1, so the program can neither read it nor kill its holder; and
 * it says it only when no other process is left. If it is never said, the container's end is all
 * that is known.
 *
 * Numbers in lengths are eight hexadecimal digits. Whatever is not of this form is no record.
 */
#ifndef PYSBX_RUNTIME_INNER_H
#define PYSBX_RUNTIME_INNER_H

#include "runtime/runtime.h"

#define INNER_KEY       32
#define INNER_TEXT_MAX  65536 /* of one record */
#define INNER_FILES_MAX 64
#define INNER_BYTES_MAX ((size_t)64 << 20)

/* The init itself, to be given to `python3 -I -S -B -c`. */
extern const char inner_source[];

enum inner_namespace {
	INNER_USER,
	INNER_MOUNT,
	INNER_PID,
	INNER_NET,
	INNER_IPC,
	INNER_UTS,
	INNER_CGROUP,
	INNER_NAMESPACES
};

/* What the init finds; numbers that it cannot tell are -1. */
struct inner_facts {
	long pid;
	unsigned python; /* minor version */
	unsigned long ids[6];
	unsigned foreign_groups; /* supplementary groups other than 65534 */
	bool no_caps;            /* every set that is told of is empty, four at least */
	bool no_new_privs;
	bool seccomp;
	bool only_loopback;
	bool alone;         /* /proc shows no other process */
	bool user_is_whole; /* the uid map is that of a host's own namespace */
	unsigned long long namespaces[INNER_NAMESPACES]; /* inode numbers; 0: not told */
	bool root_read_only;
	unsigned long tmp; /* ST_ flags of /tmp, if it has a size */
	unsigned long shm; /* of /dev/shm; all where there is none */
	long long memory;
	long long swap;
	long long pids;
	long long quota; /* thousandths of a CPU */
	int cgroup;      /* version */
};

/* How it ended, by the key's record. */
struct inner_end {
	char cause[256]; /* "", or why the init ended it: wall, cpu, memory, stopped, gone, setup
			    ... */
	int exit_code;   /* -1: none */
	int signal;      /* 0: none */
	uint64_t cpu_ns;
	bool cpu_by_cgroup;
	uint64_t peak_bytes;
	uint64_t pids_peak;
	uint64_t pids_denied;
	uint64_t oom_kills;
	uint32_t touched; /* RT_LIMIT_BIT()s */
	uint64_t skipped;
	size_t file_count;
	struct {
		uint32_t name_len;
		uint32_t len;
	} files[INNER_FILES_MAX];
};

/* What the order holds beside the plan. */
struct inner_order {
	const struct rt_plan *plan;
	const char *key;
	const char *const *argv;
	const char *const *envp;
	const int *file_fds; /* by plan->files */
	bool poll_memory;    /* nobody else bounds it */
	bool limit_pids;     /* likewise */
};

/* A new key; NUL-terminated. 0 or -errno. */
int inner_make_key(char key[INNER_KEY + 1], struct err *err);

/* Appends the whole order, R included. 0 or -errno with err. */
int inner_write_order(const struct inner_order *order, struct buf *out, struct err *err);

/* Appends one message. */
void inner_message(struct buf *out, char kind, const void *payload, size_t len);

/*
 * Takes a hello from the head of what has come. Returns its length in bytes; 0: more must come;
 * -EPROTO with err: it is none.
 */
long inner_read_hello(struct str text, struct inner_facts *ret, struct err *err);

/*
 * The same for the last record, text beginning behind the key. The files' names and contents follow
 * it, in the order of ret->files.
 */
long inner_read_end(struct str text, struct inner_end *ret, struct err *err);

#endif
