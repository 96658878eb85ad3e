/* Private to runtime/probe*.c. */
#ifndef PYSBX_RUNTIME_PROBE_INTERNAL_H
#define PYSBX_RUNTIME_PROBE_INTERNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "runtime/probe.h"

typedef void probe_function(struct probe *probe, struct probe_check *check);

probe_function probe_kernel, probe_clone3, probe_user, probe_mount, probe_pid, probe_net, probe_ipc,
	probe_uts, probe_cgroup_ns, probe_inside, probe_no_new_privs, probe_seccomp, probe_listener,
	probe_landlock, probe_cgroup, probe_close_range, probe_pidfd, probe_python, probe_docker,
	probe_run, probe_minimal, probe_procfs, probe_groups;

/* Each sets tried and, but for ok, leaves the remedy to the caller. */
void probe_ok(struct probe_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void probe_failed(struct probe_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void probe_untried(struct probe_check *check, const char *why);
void probe_remedy(struct probe_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Why namespaces or mounts are refused here, with the command that ends it. */
void probe_explain_userns(struct probe_check *check, int error);
void probe_explain_mount(struct probe_check *check, int error);

/*
 * True if AppArmor forbids user namespaces to programs without a profile; the remedy is then set:
 * the profile, where self (a path) is the program it was made for and AppArmor can read it, else
 * the sysctl. root is put before every path: "" but in tests.
 */
bool probe_explain_apparmor(const char *root, const char *self, struct probe_check *check);

/* The number in a file of /proc/sys, or missing. */
long probe_sysctl(const char *path, long missing);

/* True inside a container whose engine's own filter may be what refuses. */
bool probe_in_container(void);

/*
 * Runs function in a child that is in the given new namespaces (CLONE_NEW*; NEWUSER among them gets
 * its id map written from outside, or none are needed). The child's memory is a copy: only what is
 * in `probe` comes back. What it returns (0 or -errno) is returned; -ETIMEDOUT after five seconds.
 */
typedef int probe_child(struct probe *probe);
int probe_in_child(uint64_t namespaces, probe_child *function, struct probe *probe);

#endif
