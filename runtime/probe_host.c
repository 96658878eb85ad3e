/* The checks that need no sandbox of their own, and the last one, which is a whole run. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/cgroup.h"
#include "runtime/landlock.h"
#include "runtime/probe_internal.h"
#include "runtime/processes.h"
#include "runtime/seccomp.h"

void probe_kernel(struct probe *probe, struct probe_check *check)
{
	struct utsname name;

	(void)probe;
	if (uname(&name) < 0)
		probe_failed(check, "uname: %s", strerror(errno));
	else
		probe_ok(check, "%s %s %s", name.sysname, name.release, name.machine);
}

void probe_procfs(struct probe *probe, struct probe_check *check)
{
	struct err err = {0};

	(void)probe;
	if (processes_check_proc(&err) == 0) {
		probe_ok(check, "mounted");
		return;
	}
	probe_failed(check, "%s", err.text);
	probe_remedy(check, "%s", err.remedy);
}

/* Groups whose members can become root or read every disk. */
static bool is_powerful(const char *name)
{
	static const char *const names[] = {"docker", "podman", "disk", "lxd", "incus", "libvirt",
		"kvm", "shadow", "kmem", "sudo", "wheel"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* The name of a group by /etc/group (group(5)); false where it has none. */
static bool group_name(const struct buf *file, gid_t gid, char *name, size_t size)
{
	const char *line = file->data;
	unsigned id;

	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%*[^:\n]:%*[^:\n]:%u", &id) == 1 && id == gid) {
			snprintf(name, size, "%.*s", (int)strcspn(line, ":"), line);
			return true;
		}
	}
	return false;
}

/* As root a run has no groups; a plain user's stay in force, there is no right to drop them. */
void probe_groups(struct probe *probe, struct probe_check *check)
{
	struct buf file = BUF_INIT(1 << 20);
	char name[64], found[128] = "";
	gid_t groups[256];
	int count = caps_has_setuid() ? 0 : getgroups(256, groups);

	(void)probe;
	if (file_read("/etc/group", &file, NULL) < 0)
		count = 0;
	for (int i = 0; i < count; i++)
		if (group_name(&file, groups[i], name, sizeof(name)) && is_powerful(name) &&
			strlen(found) + strlen(name) + 3 < sizeof(found))
			strcat(strcat(found, found[0] ? ", " : ""), name);
	buf_free(&file);
	if (!found[0]) {
		probe_ok(check, "none");
		return;
	}
	probe_failed(check,
		"%s: in force inside too, where nothing of the host's is that they open", found);
	probe_remedy(check, "run pysbx as a user who is in none of them");
}

void probe_clone3(struct probe *probe, struct probe_check *check)
{
	/* Without arguments it is EINVAL wherever there is one. */
	int code = syscall(SYS_clone3, NULL, 0) < 0 && errno != EINVAL ? -errno : 0;

	if (code == 0)
		code = probe_in_child(0, NULL, probe);
	if (code == 0) {
		probe_ok(check, "works");
		return;
	}
	probe_failed(check, "%s", strerror(-code));
	probe_remedy(check, "a kernel of 5.3 or later; in a container, an engine whose filter lets "
			    "clone3 through (--security-opt seccomp=unconfined)");
}

static int look_at_id(struct probe *probe)
{
	(void)probe;
	return getuid() == 65534 ? 0 : -EPROTO;
}

void probe_user(struct probe *probe, struct probe_check *check)
{
	int code;

	if (!probe->checks[PROBE_PROCFS].ok) {
		probe_untried(check, probe->checks[PROBE_PROCFS].title);
		return;
	}
	code = probe_in_child(CLONE_NEWUSER, look_at_id, probe);
	if (code == 0) {
		probe_ok(check, "works%s", geteuid() ? ", as a plain user" : ", as root");
		return;
	}
	probe_failed(check, "%s", strerror(-code));
	probe_explain_userns(check, -code);
}

/* Every other kind together with a user namespace, which makes it possible without privilege. */
static void probe_namespace(struct probe *probe, struct probe_check *check, uint64_t flag)
{
	int code;

	if (!probe->checks[PROBE_USER].ok) {
		probe_untried(check, probe->checks[PROBE_USER].title);
		return;
	}
	code = probe_in_child(CLONE_NEWUSER | flag, NULL, probe);
	if (code == 0) {
		probe_ok(check, "works");
		return;
	}
	probe_failed(check, "%s", strerror(-code));
	probe_explain_userns(check, -code);
}

void probe_mount(struct probe *probe, struct probe_check *check)
{
	probe_namespace(probe, check, CLONE_NEWNS);
}

void probe_pid(struct probe *probe, struct probe_check *check)
{
	probe_namespace(probe, check, CLONE_NEWPID);
}

void probe_net(struct probe *probe, struct probe_check *check)
{
	probe_namespace(probe, check, CLONE_NEWNET);
}

void probe_ipc(struct probe *probe, struct probe_check *check)
{
	probe_namespace(probe, check, CLONE_NEWIPC);
}

void probe_uts(struct probe *probe, struct probe_check *check)
{
	probe_namespace(probe, check, CLONE_NEWUTS);
}

void probe_cgroup_ns(struct probe *probe, struct probe_check *check)
{
	probe_namespace(probe, check, CLONE_NEWCGROUP);
}

static int set_no_new_privs(struct probe *probe)
{
	(void)probe;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPROTO;
}

void probe_no_new_privs(struct probe *probe, struct probe_check *check)
{
	int code = probe_in_child(0, set_no_new_privs, probe);

	if (code == 0)
		probe_ok(check, "works");
	else
		probe_failed(check, "%s", strerror(-code));
}

/* Loads the filter of a run and makes a call that it answers and the kernel alone would not. */
static int load_filter(struct probe *probe)
{
	const struct seccomp_options options = {.notify = false};
	struct seccomp_filter filter;
	struct err err;
	int code = set_no_new_privs(probe);

	if (!code)
		code = seccomp_compile(&options, &filter, &err);
	if (!code)
		code = seccomp_filter_load(&filter);
	if (code)
		return code;
	return syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS ? 0 : -EPROTO;
}

void probe_seccomp(struct probe *probe, struct probe_check *check)
{
	int code = probe_in_child(0, load_filter, probe);

	if (code == 0) {
		probe_ok(check, "loaded in a child");
		return;
	}
	probe_failed(check, "%s", strerror(-code));
	probe_remedy(check, "a kernel with CONFIG_SECCOMP_FILTER, and an outer sandbox that lets "
			    "seccomp(2) through");
}

void probe_listener(struct probe *probe, struct probe_check *check)
{
	(void)probe;
	if (seccomp_can_notify()) {
		probe_ok(check, "works");
		return;
	}
	probe_failed(check, "no listener to be had: a hostile call ends the run without its name");
	probe_remedy(check, "a kernel of 5.0 or later, outside another sandbox that has a listener "
			    "itself");
}

static int restrict_files(struct probe *probe)
{
	static const char *const all[] = {"/", NULL};
	static const char *const none[] = {NULL};
	const struct landlock_rules rules = {
		.read_execute = all, .read_write = none, .abi = landlock_abi()};
	int code = set_no_new_privs(probe);

	return code ? code : landlock_restrict(&rules);
}

void probe_landlock(struct probe *probe, struct probe_check *check)
{
	int abi = landlock_abi();
	int code = abi ? probe_in_child(0, restrict_files, probe) : -EOPNOTSUPP;

	if (code == 0) {
		probe_ok(check, "ABI %d", abi);
		return;
	}
	probe_failed(check, "%s", abi ? strerror(-code) : "not in this kernel, or not enabled");
	probe_remedy(check, "a kernel of 5.13 or later, with landlock in the lsm= list of its "
			    "command line; runs do without it");
}

static void probe_controller(struct probe_check *check, unsigned held, unsigned wanted,
	const struct err *err, const char *what)
{
	if (held & wanted) {
		probe_ok(check, "works");
		return;
	}
	probe_failed(check, "%s", what);
	if (err->remedy[0])
		probe_remedy(check, "%s", err->remedy);
	else
		probe_remedy(check, "systemd-run --user --scope -p Delegate=yes pysbx run ...; for "
				    "services loginctl enable-linger USER, and "
				    "Delegate=cpu cpuset io memory pids in "
				    "/etc/systemd/system/user@.service.d/delegate.conf");
}

void probe_cgroup(struct probe *probe, struct probe_check *check)
{
	const struct cgroup_limits limits = {
		.memory_bytes = 64 << 20, .pids = 16, .cpu_thousandths = 500};
	struct cgroup *cgroup = NULL;
	struct err err = {0}, ignored;
	unsigned held = 0;

	if (cgroup_create(&limits, &cgroup, &err) == 0) {
		held = cgroup_controllers(cgroup);
		probe_ok(check, "version %d", cgroup_version(cgroup) == CGROUP_V2 ? 2 : 1);
		if (cgroup_destroy(cgroup, &ignored) < 0)
			probe_failed(check, "made, but not removed: %s", ignored.text);
	} else {
		probe_failed(check, "%s", err.text);
		probe_remedy(check, "%s", err.remedy);
	}
	probe_controller(&probe->checks[PROBE_MEMORY], held, CGROUP_MEMORY, &err,
		"memory is polled instead, every few milliseconds");
	probe_controller(&probe->checks[PROBE_PIDS], held, CGROUP_PIDS, &err,
		"processes are limited by RLIMIT_NPROC instead");
	probe_controller(&probe->checks[PROBE_CPU], held, CGROUP_CPU, &err,
		"the share of CPU is not limited; CPU time and wall clock are");
}

void probe_close_range(struct probe *probe, struct probe_check *check)
{
	(void)probe;
	if (syscall(SYS_close_range, UINT_MAX, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0) {
		probe_ok(check, "works");
		return;
	}
	probe_failed(check, "%s", strerror(errno));
	probe_remedy(check, "a kernel of 5.11 or later");
}

void probe_pidfd(struct probe *probe, struct probe_check *check)
{
	cleanup_fd int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	(void)probe;
	if (fd >= 0) {
		probe_ok(check, "works");
		return;
	}
	probe_failed(check, "%s", strerror(errno));
	probe_remedy(check, "a kernel of 5.3 or later");
}

void probe_python(struct probe *probe, struct probe_check *check)
{
	char path[PATH_MAX];
	struct err err = {0};
	unsigned minor = 0;

	(void)probe;
	if (rt_find_python(NULL, path, sizeof(path), &minor, &err) == 0) {
		probe_ok(check, "3.%u, %s", minor, path);
		return;
	}
	probe_failed(check, "%s", err.text);
	probe_remedy(check, "%s", err.remedy);
}

/* The defaults of `pysbx run`, for a program that does nothing. */
static const struct rt_plan default_plan = {.code = {"pass\n", 5},
	.code_name = "main.py",
	.stdin_fd = -1,
	.require = RT_TIER_REDUCED,
	.limits = {.memory_bytes = UINT64_C(256) << 20,
		.cpu_thousandths = 500,
		.wall_ns = UINT64_C(10000000000),
		.cpu_ns = UINT64_C(10000000000),
		.pids = 64,
		.nofile = 256,
		.fsize_bytes = UINT64_C(16) << 20,
		.tmpfs_bytes = UINT64_C(64) << 20,
		.output_bytes = UINT64_C(1) << 20}};

/* Does it; true if it ended well, and then probe's tier is its tier. */
static bool try_run(struct probe *probe, struct probe_check *check, enum rt_tier require)
{
	struct rt_plan plan = default_plan;
	struct rt_result result;
	bool ok;

	plan.require = require;
	rt_run(&plan, &result);
	ok = result.status == RT_OK;
	if (ok) {
		probe->tier = result.tier;
		probe_ok(check, "tier %s in %.0f ms", rt_tier_word(result.tier),
			(double)result.wall_ns / 1e6);
	} else {
		probe_failed(check, "%s: %s", rt_status_word(result.status), result.message);
		probe_remedy(check, "%s", result.remedy);
	}
	rt_result_free(&result);
	return ok;
}

void probe_run(struct probe *probe, struct probe_check *check)
{
	if (try_run(probe, check, RT_TIER_REDUCED))
		probe->backend = "native";
}

void probe_minimal(struct probe *probe, struct probe_check *check)
{
	if (!probe->checks[PROBE_RUN].ok) {
		try_run(probe, check, RT_TIER_MINIMAL);
		return;
	}
	probe_untried(check, NULL);
	snprintf(check->detail, sizeof(check->detail), "not tried: not needed here");
}
