/*
 * What the init does in a real run, tried in a sandbox that is thrown away: each check records what
 * it found and the next goes on where it can.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"
#include "runtime/probe_internal.h"

/* Any directory that every host has; it is covered in a mount namespace of our own only. */
#define PLACE "/tmp"

#define ALL_NAMESPACES                                                                             \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
		CLONE_NEWCGROUP)

/* 0, or -errno of the call that has just failed. */
static int done(long status)
{
	return status < 0 ? -errno : 0;
}

static int try_ids(void)
{
	int code = done(setresgid(BOX_ID, BOX_ID, BOX_ID));

	return code ? code : done(setresuid(BOX_ID, BOX_ID, BOX_ID));
}

/* The user namespace is a new one, so the sysctl is its own and not the host's. */
static int try_nested(void)
{
	cleanup_fd int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
	pid_t child;

	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) != 1)
		return -errno;
	child = (pid_t)syscall(SYS_unshare, CLONE_NEWUSER);
	return child == 0 ? -EPROTO : 0;
}

static int try_tmpfs(void)
{
	int code = done(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));

	if (!code)
		code = done(mount("tmpfs", PLACE, "tmpfs", MS_NOSUID | MS_NODEV,
			"size=1m,nr_inodes=64,mode=755"));
	if (!code)
		code = done(chdir(PLACE));
	if (!code)
		code = done(mkdir("usr", 0755));
	return code ? code : done(mkdir("proc", 0755));
}

static int try_bind(void)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	cleanup_fd int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/usr",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	int code;

	if (tree < 0)
		return -errno;
	code = done(syscall(
		SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)));
	if (!code)
		code = done(syscall(
			SYS_move_mount, tree, "", AT_FDCWD, "usr", MOVE_MOUNT_F_EMPTY_PATH));
	if (!code && (mkdir("usr/.pysbx-probe", 0700) == 0 || errno != EROFS))
		return -EPROTO;
	return code;
}

static int try_proc(void)
{
	return done(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		"subset=pid,hidepid=invisible"));
}

static int try_pivot(void)
{
	int code = done(syscall(SYS_pivot_root, ".", "."));

	if (!code)
		code = done(umount2(".", MNT_DETACH));
	return code ? code : done(chdir("/"));
}

static int try_hostname(void)
{
	return done(sethostname("sandbox", 7));
}

static int try_caps(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};
	int code = 0;

	for (int cap = 0; !code && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		code = done(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	if (!code)
		code = done(prctl(PR_SET_SECUREBITS,
			SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
			0, 0, 0));
	return code ? code : done(syscall(SYS_capset, &header, none));
}

/* In the order of a run. A check whose `after` failed is not tried. */
static const struct inside {
	enum probe_id id;
	enum probe_id after;
	int (*attempt)(void);
	bool is_mount;
} steps[] = {
	{PROBE_IDS, PROBE_IDS, try_ids, false},
	{PROBE_NESTED, PROBE_IDS, try_nested, false},
	{PROBE_TMPFS, PROBE_IDS, try_tmpfs, true},
	{PROBE_BIND, PROBE_TMPFS, try_bind, true},
	{PROBE_PROC, PROBE_TMPFS, try_proc, true},
	{PROBE_PIVOT, PROBE_TMPFS, try_pivot, true},
	{PROBE_HOSTNAME, PROBE_IDS, try_hostname, false},
	{PROBE_CAPS, PROBE_IDS, try_caps, false},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void explain(const struct inside *step, struct probe_check *check, int error)
{
	if (step->is_mount)
		probe_explain_mount(check, error);
	else
		probe_explain_userns(check, error);
}

static int look_around(struct probe *probe)
{
	for (size_t i = 0; i < STEPS; i++) {
		struct probe_check *check = &probe->checks[steps[i].id];
		const struct probe_check *after = &probe->checks[steps[i].after];
		int code;

		if (after != check && !after->ok) {
			probe_untried(check, after->title);
			continue;
		}
		code = steps[i].attempt();
		if (code == 0)
			probe_ok(check, "works");
		else
			/* The old /proc may be gone by now: the reason is looked for outside. */
			probe_failed(check, "%s", strerror(-code));
		check->error = -code;
	}
	return 0;
}

void probe_inside(struct probe *probe, struct probe_check *check)
{
	int code = -ECANCELED;

	if (probe->checks[PROBE_USER].ok)
		code = probe_in_child(ALL_NAMESPACES, look_around, probe);
	for (size_t i = 0; i < STEPS; i++) {
		struct probe_check *step = &probe->checks[steps[i].id];

		if (!step->tried && !step->detail[0])
			probe_untried(step, probe->checks[PROBE_USER].title);
		if (step->tried && !step->ok)
			explain(&steps[i], step, step->error);
	}
	if (code && code != -ECANCELED && !check->tried) {
		probe_failed(check, "all namespaces together: %s", strerror(-code));
		probe_explain_userns(check, -code);
	}
}
