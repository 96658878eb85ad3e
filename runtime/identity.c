/*
 * Steps about who the processes inside are: control group, namespaces, ids, session, hostname.
 * Each returns 0 or -errno and names in box->detail what it was at.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"

const char *const box_namespace_files[BOX_NAMESPACES] = {
	"ns/user", "ns/mnt", "ns/pid", "ns/ipc", "ns/uts", "ns/net"};

/* One of our own namespaces, through the old /proc; it must not be the supervisor's. */
static int check_namespace(struct box *box, int which, const struct stat *st)
{
	if (st->st_ino != box->namespaces[which])
		return 0;
	errno = EPROTO;
	return box_fail_at(box, box_namespace_files[which]);
}

/* `self` of the old /proc: this process as the host sees it. */
static const char *namespace_path(int which, char path[32])
{
	snprintf(path, 32, "self/%s", box_namespace_files[which]);
	return path;
}

int step_unshare_net(struct box *box)
{
	const struct record record = {.kind = RECORD_NET};
	cleanup_fd int net = -1;
	struct record_fds fds;
	char path[32];
	struct stat st;
	int code;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	net = openat(box->proc, namespace_path(BOX_NAMESPACE_NET, path), O_RDONLY | O_CLOEXEC);
	if (net < 0 || fstat(net, &st) < 0)
		return box_fail_at(box, box_namespace_files[BOX_NAMESPACE_NET]);
	fd_close(&box->proc);
	code = check_namespace(box, BOX_NAMESPACE_NET, &st);
	if (code < 0)
		return code;
	box->layers |= RT_LAYER_BIT(RT_LAYER_NET);
	fds = (struct record_fds){.fds = {net}, .count = 1};
	code = record_send(box->pair[1], &record, &fds);
	/* The init failed and has said why on its own channel. */
	if (code == -EPIPE)
		_exit(125);
	return code;
}

int step_join_net(struct box *box)
{
	struct record_fds fds;
	struct record record;
	/* If the program is gone it has said why; this is then only the echo. */
	int code = record_receive(box->pair[0], &record, &fds, NULL);

	if (code == 0 && (record.kind != RECORD_NET || fds.count != 1))
		code = -EPROTO;
	if (code == 0 && setns(fds.fds[0], CLONE_NEWNET) < 0)
		code = -errno;
	record_fds_close(&fds);
	return code;
}

int step_release(struct box *box)
{
	const struct record record = {.kind = RECORD_ROOT, .layers = box->layers};

	return record_send(box->pair[0], &record, NULL);
}

int step_wait_for_root(struct box *box)
{
	struct record record;
	int code;

	/* Where pivot_root finds it, and moves it: with a directory of the host it would keep that.
	 */
	if (chdir("/") < 0)
		return -errno;
	code = record_receive(box->pair[1], &record, NULL, NULL);
	/* The init failed and has said why on its own channel. */
	if (code == -ENOTCONN)
		_exit(125);
	fd_close(&box->pair[1]);
	if (code == 0 && record.kind != RECORD_ROOT)
		code = -EPROTO;
	if (code == 0)
		box->layers |= record.layers;
	return code;
}

int step_wait_for_maps(struct box *box)
{
	struct record record;
	int code = record_receive(box->channel, &record, NULL, NULL);

	return code == 0 && record.kind != RECORD_GO ? -EPROTO : code;
}

int step_scheduler(struct box *box)
{
	const struct sched_param ordinary = {0};

	(void)box;
	/* Who is idle needs a right to be ordinary again (sched(7)), and is no real-time process.
	 */
	if ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_IDLE)
		return 0;
	return sched_setscheduler(0, SCHED_OTHER, &ordinary) < 0 ? -errno : 0;
}

int step_enter_cgroup(struct box *box)
{
	struct record_fds fds;
	struct record record;
	int code = record_receive(box->exec_channel, &record, &fds, NULL);

	if (code == 0 && record.kind != RECORD_GROUP)
		code = -EPROTO;
	if (code == 0)
		code = cgroup_enter_through(fds.fds, fds.count);
	record_fds_close(&fds);
	box->limit_processes = record.limit_processes;
	return code;
}

int step_unshare_cgroup(struct box *box)
{
	if (unshare(CLONE_NEWCGROUP) < 0)
		return -errno;
	box->layers |= RT_LAYER_BIT(RT_LAYER_CGROUP);
	return 0;
}

int step_open_proc(struct box *box)
{
	struct statfs fs;

	box->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (box->proc < 0 || fstatfs(box->proc, &fs) < 0)
		return box_fail_at(box, "/proc");
	/* Writes that are meant for procfs must not land in somebody's directory (CVE-2025-52881).
	 */
	if (fs.f_type != PROC_SUPER_MAGIC) {
		errno = ENOSYS;
		return box_fail_at(box, "/proc is not procfs");
	}
	return 0;
}

/* Each namespace of the init must be another than the supervisor's. */
int step_check_namespaces(struct box *box)
{
	static const uint32_t layers = RT_LAYER_BIT(RT_LAYER_USER) | RT_LAYER_BIT(RT_LAYER_MOUNT) |
				       RT_LAYER_BIT(RT_LAYER_PID) | RT_LAYER_BIT(RT_LAYER_IPC) |
				       RT_LAYER_BIT(RT_LAYER_UTS);
	char path[32];
	struct stat st;
	int i, code;

	for (i = 0; i < BOX_NAMESPACE_NET; i++) {
		if (fstatat(box->proc, namespace_path(i, path), &st, 0) < 0)
			return box_fail_at(box, box_namespace_files[i]);
		code = check_namespace(box, i, &st);
		if (code < 0)
			return code;
	}
	box->layers |= layers;
	return 0;
}

int step_ids(struct box *box)
{
	/* Unprivileged, setgroups is denied in the namespace: the caller's groups stay, unmapped.
	 */
	if (box->privileged && setgroups(0, NULL) < 0)
		return box_fail_at(box, "setgroups");
	if (setresgid(BOX_ID, BOX_ID, BOX_ID) < 0)
		return box_fail_at(box, "setresgid");
	if (setresuid(BOX_ID, BOX_ID, BOX_ID) < 0)
		return box_fail_at(box, "setresuid");
	return 0;
}

int step_parent_death(struct box *box)
{
	char byte;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* Had it died before this, no signal would come: the channel's end of file tells. */
	if (recv(box->channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		return -EPIPE;
	return 0;
}

int step_program_ids(struct box *box)
{
	return step_ids(box);
}

static int join_new_keyring(struct box *box)
{
	/* Kernels without keys have none to leak. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return box_fail_at(box, "session keyring");
	return 0;
}

int step_session(struct box *box)
{
	if (setsid() < 0)
		return box_fail_at(box, "setsid");
	return join_new_keyring(box);
}

static int write_at(struct box *box, int dir, const char *path, const char *text)
{
	cleanup_fd int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return box_fail_at(box, path);
	return 0;
}

int step_oom_score(struct box *box)
{
	return write_at(box, box->proc, "self/oom_score_adj", "1000");
}

int step_not_dumpable(struct box *box)
{
	(void)box;
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}

int step_no_nested_userns(struct box *box)
{
	/* The sysctl is the user namespace's own; step_check_namespaces() has shown it is not the
	 * host's. */
	return write_at(box, box->proc, "sys/user/max_user_namespaces", "0");
}

int step_hostname(struct box *box)
{
	if (sethostname("sandbox", 7) < 0)
		return box_fail_at(box, "sethostname");
	if (setdomainname("", 0) < 0)
		return box_fail_at(box, "setdomainname");
	return 0;
}

int step_program_session(struct box *box)
{
	(void)box;
	return setsid() < 0 ? -errno : 0;
}

int step_program_keys(struct box *box)
{
	return join_new_keyring(box);
}
