/*
 * What the tests of control groups share: real groups, processes in them, what these do.
 */
#ifndef PYSBX_TESTS_CGROUP_HELP_H
#define PYSBX_TESTS_CGROUP_HELP_H

#include <sys/types.h>
#include <time.h>

#include "runtime/cgroup_impl.h"

#define MIB ((uint64_t)1 << 20)

extern const struct cgroup_limits roomy;

uint64_t now_ns(clockid_t clock);
void pause_ms(long milliseconds);
/* The reason is the last line printed: tests/unit/run-cmocka.sh. */
void skip_because(const char *why);
/* A group with at least these controllers, or the test is skipped. */
struct cgroup *make(const struct cgroup_limits *limits, unsigned needed);
void destroy(struct cgroup *cgroup);
/* Starts body in the group, as the runtime does: born there (v2), or entering by itself (v1). */
pid_t start(const struct cgroup *cgroup, int (*body)(void));
/* Its status as wait(2) gives it. */
int wait_for(pid_t pid);
/* start(), then wait_for(). */
int run(const struct cgroup *cgroup, int (*body)(void));
/* How many processes are in the group, over all of its directories. */
unsigned members(const struct cgroup *cgroup);
struct cgroup_usage usage(struct cgroup *cgroup);
int body_nothing(void);
int body_sleep(void);
int touch(size_t bytes);
int body_touch_8(void);
/* How many groups that this process made are in a directory. */
unsigned groups_of(int dir_fd, pid_t maker);
/* The path behind a descriptor of a group's directory. */
void path_of(int fd, char path[CGROUP_PATH_MAX]);

#endif
