/*
 * What the files runtime/cgroup*.c share; nothing outside them includes it.
 *
 * cgroup_find.c   where the hierarchies are mounted and where this process stands in them
 * cgroup_sweep.c  whose group a name is, and what becomes of a dead supervisor's
 * cgroup_v1.c     version 1: one directory per hierarchy
 * cgroup_v2.c     version 2: the place in the tree, its controllers, one directory
 * cgroup.c        the calls of runtime/cgroup.h, killing, removing, small files
 */
#ifndef PYSBX_RUNTIME_CGROUP_IMPL_H
#define PYSBX_RUNTIME_CGROUP_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "runtime/cgroup.h"

#define CGROUP_PATH_MAX    4096
#define CGROUP_NAME_MAX    96
#define CGROUP_HIERARCHIES 5
#define CGROUP_LIMITED     (CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU)

/* One mounted hierarchy and this process's group in it. */
struct cgroup_hierarchy {
	unsigned controllers; /* v1: enum cgroup_controller bits; v2: 0 */
	bool cpuset;          /* v1: cpuset shares the hierarchy, so a new group needs its sets */
	dev_t device;         /* of the mount: what a path must turn out to be on */
	size_t mount_len;     /* path[0..mount_len) is the mount point */
	char path[CGROUP_PATH_MAX]; /* directory of the own group; "" where there is none */
};

struct cgroup_host {
	struct cgroup_hierarchy v2;
	struct cgroup_hierarchy v1[CGROUP_HIERARCHIES];
	unsigned v1_count;
};

/* Who made a group: its pid, the time it started, and the namespaces those two are counted in. */
struct cgroup_owner {
	pid_t pid;
	uint64_t start; /* clock ticks, field 22 of /proc/PID/stat */
	uint64_t space; /* inode numbers of the pid and time namespaces */
	bool sees;      /* /proc is that of our own pid namespace */
};

/* One directory of a group. */
struct cgroup_dir {
	unsigned controllers;
	int parent_fd; /* O_PATH */
	int fd;        /* O_PATH */
	int attach_fd; /* v1: tasks; v2: cgroup.procs; write only */
};

struct cgroup {
	enum cgroup_version version;
	unsigned controllers;
	char name[CGROUP_NAME_MAX]; /* the same in every hierarchy */
	struct cgroup_dir dirs[CGROUP_HIERARCHIES];
	unsigned dir_count;
	int event_fd;        /* v1: eventfd; v2: memory.events */
	int oom_fd;          /* v1: memory.oom_control */
	uint64_t oom_events; /* v1: taken from the eventfd so far */
	char shortfall[256]; /* why a controller is missing */
};

/* cgroup_find.c */

/* Both texts are as the kernel shows them in /proc/self/mountinfo and /proc/self/cgroup. Pure. */
void cgroup_parse(struct str mountinfo, struct str membership, struct cgroup_host *ret);
int cgroup_find(struct cgroup_host *ret, struct err *err);
/* Opens a path of the hierarchy, O_PATH, and checks that it is on it. -errno. */
int cgroup_open(const struct cgroup_hierarchy *hierarchy, const char *path, unsigned *ret_children);

/* cgroup_sweep.c */

int cgroup_owner_self(struct cgroup_owner *ret);
void cgroup_owner_name(const struct cgroup_owner *owner, unsigned n, char name[CGROUP_NAME_MAX]);
bool cgroup_name_parse(const char *name, struct cgroup_owner *ret);
/* True only where the maker is certainly dead. */
bool cgroup_owner_dead(const struct cgroup_owner *owner, const struct cgroup_owner *self);
/* Names of dead makers' groups in a directory, up to max; opened by path from parent_fd. */
unsigned cgroup_dead_names(int parent_fd, const struct cgroup_owner *self,
	char names[][CGROUP_NAME_MAX], unsigned max);

/* cgroup_v1.c and cgroup_v2.c. create fills ret, which is empty, or leaves it so. */

int cgroup_v1_create(const struct cgroup_host *host, const struct cgroup_limits *limits,
	struct cgroup *ret, struct err *err);
void cgroup_v1_read(struct cgroup *cgroup, struct cgroup_usage *ret);
int cgroup_v1_kill(struct cgroup *cgroup, unsigned wait_ms);
void cgroup_v1_sweep(const struct cgroup_host *host, const struct cgroup_owner *self);

int cgroup_v2_create(const struct cgroup_host *host, const struct cgroup_limits *limits,
	struct cgroup *ret, struct err *err);
void cgroup_v2_read(struct cgroup *cgroup, struct cgroup_usage *ret);
int cgroup_v2_kill(struct cgroup *cgroup, unsigned wait_ms);
void cgroup_v2_sweep(const struct cgroup_host *host, const struct cgroup_owner *self);
int cgroup_v2_settle(const struct cgroup_host *host, struct err *err);

/* cgroup.c */

void cgroup_init(struct cgroup *cgroup, enum cgroup_version version);
/* A further directory of the group under parent_fd, which it takes; the first one picks the
 * name. -errno with the descriptor closed. */
int cgroup_add_dir(struct cgroup *cgroup, const struct cgroup_owner *self, int parent_fd,
	unsigned controllers, const char *attach_file);
/* Removes the last directory and forgets its controllers. */
void cgroup_drop_dir(struct cgroup *cgroup);
/* Removes what can be removed at once, last directory first; -EBUSY while processes are left. */
int cgroup_remove_dirs(struct cgroup *cgroup);
void cgroup_close(struct cgroup *cgroup);
/* Kills and removes a dead maker's group, in bounded time, and closes it. */
void cgroup_bury(struct cgroup *dead);
/* Notes in the shortfall that these controllers are not to be had, and why. */
void cgroup_note(struct cgroup *cgroup, unsigned controllers, int code);

/* Writes text to a file of a group: 0 or -errno. */
int cgroup_write(int dir_fd, const char *file, const char *text);
int cgroup_write_number(int dir_fd, const char *file, uint64_t number);
/* Reads at most size - 1 bytes of it, NUL-terminated: length or -errno. */
ssize_t cgroup_read_file(int dir_fd, const char *file, char *text, size_t size);
uint64_t cgroup_read_number(int dir_fd, const char *file);
/* The number after "key " at the start of a line; false where there is none. */
bool cgroup_keyed(const char *text, const char *key, uint64_t *ret);
/* Sends SIGKILL to every process listed and returns how many there were; 0 if it cannot be read. */
unsigned cgroup_signal_all(int dir_fd);
/* Sleeps a little, longer each time; false once the time is over. */
struct cgroup_wait {
	uint64_t end_ns;
	uint64_t next_ns;
};
struct cgroup_wait cgroup_wait_ms(unsigned milliseconds);
bool cgroup_wait_more(struct cgroup_wait *wait);

#endif
