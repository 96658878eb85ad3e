/*
 * Starting the inside: everything it will need is made here, before clone3, because between clone3
 * and exec nothing may be allocated. The supervisor's part of the id maps is here too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/ids.h"
#include "runtime/landlock.h"
#include "runtime/launch.h"
#include "runtime/minimal.h"
#include "runtime/mounts.h"
#include "runtime/run.h"

/*
 * Host ids of runs started by root: above the ranges of systemd's containers (up to 0x6fffffff),
 * below what a signed 32-bit id can hold. The supervisor's pid makes them differ between concurrent
 * runs.
 */
#define HOST_ID_BASE 0x70000000u

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, "out of memory");
}

static int make_pipe(int *ret_read, int *ret_write, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "pipe");
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int make_channel(int *ret_outside, int *ret_inside, struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(err, "socketpair");
	*ret_outside = ends[0];
	*ret_inside = ends[1];
	return 0;
}

static int set_nonblocking(int fd, struct err *err)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? err_errno(err, "fcntl") : 0;
}

static int make_descriptors(struct run *run, struct err *err)
{
	struct box *box = &run->box;
	int on = 1;
	int code = make_channel(&run->channel, &box->channel, err);

	if (code == 0)
		code = make_channel(&run->exec_channel, &box->exec_channel, err);
	if (code == 0)
		code = make_pipe(&run->stdout_read, &box->stdout_write, err);
	if (code == 0)
		code = make_pipe(&run->stderr_read, &box->stderr_write, err);
	if (code == 0 && run->plan->stdin_fd >= 0)
		code = make_pipe(&box->stdin_read, &run->stdin_write, err);
	/* Only our own ends: the program's are other open file descriptions. */
	if (code == 0)
		code = set_nonblocking(run->stdout_read, err);
	if (code == 0)
		code = set_nonblocking(run->stderr_read, err);
	if (code == 0 && run->stdin_write >= 0)
		code = set_nonblocking(run->stdin_write, err);
	/* The kernel names the sender's pid as we see it: that is the process to look at. */
	if (code == 0 &&
		setsockopt(run->exec_channel, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		code = err_errno(err, "SO_PASSCRED");
	return code;
}

static int read_own_namespaces(struct box *box, struct err *err)
{
	cleanup_fd int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int i;

	for (i = 0; i < BOX_NAMESPACES; i++) {
		if (self < 0 || fstatat(self, box_namespace_files[i], &st, 0) < 0) {
			err_errno(err, "/proc/self/%s", box_namespace_files[i]);
			err_remedy(err,
				"mount procfs on /proc; the kernel needs all seven namespaces");
			return -err->code;
		}
		box->namespaces[i] = st.st_ino;
	}
	return 0;
}

/* Without a user namespace other containers' runs, whose pids may be the same, share the ids. */
static unsigned choose_salt(const struct box *box)
{
	unsigned salt = 0;

	if (!box->minimal || getrandom(&salt, sizeof(salt), GRND_NONBLOCK) != sizeof(salt))
		return (unsigned)getpid();
	return salt & 0x0fffffffu;
}

static int choose_ids(struct box *box, struct err *err)
{
	struct ids ids;
	int code = ids_choose(choose_salt(box), &ids, err);

	box->privileged = ids.own;
	box->host_uid = ids.uid;
	box->host_gid = ids.gid;
	return code;
}

/* How many different first parts the names of the input files have. */
static size_t count_links(const struct rt_plan *plan)
{
	size_t links = 0, i, j;

	for (i = 0; i < plan->file_count; i++) {
		const char *name = plan->files[i].name;
		size_t len = strcspn(name, "/");

		for (j = 0; j < i; j++)
			if (strncmp(plan->files[j].name, name, len) == 0 &&
				strcspn(plan->files[j].name, "/") == len)
				break;
		links += j == i;
	}
	return links;
}

int run_prepare(struct run *run, struct err *err)
{
	struct box *box = &run->box;
	char options[96];
	int code;

	mounts_tmp_options(
		run->plan->limits.tmpfs_bytes, count_links(run->plan), options, sizeof(options));
	box->tmp_options = arena_strdup(run->arena, str_of(options));
	mounts_root_options(run->plan, options, sizeof(options));
	box->root_options = arena_strdup(run->arena, str_of(options));
	box->no_caps = caps_make_empty();
	box->landlock_abi = landlock_abi();
	if (!box->tmp_options || !box->root_options || !box->no_caps)
		return no_memory(err);
	if (run->plan->trace_steps) {
		box->clock = mmap(NULL, sizeof(*box->clock), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (box->clock == MAP_FAILED) {
			box->clock = NULL;
			return err_errno(err, "mmap");
		}
	}
	code = choose_ids(box, err);
	/* A program file that its user may not read makes /proc's entries of the process root's,
	 * the id maps among them; there is nothing in ours to hide from its user. */
	if (code == 0 && !box->privileged && prctl(PR_SET_DUMPABLE, 1) < 0)
		code = err_errno(err, "PR_SET_DUMPABLE");
	if (code == 0)
		code = box->minimal ? minimal_prepare(run, err) : read_own_namespaces(box, err);
	if (code == 0)
		code = launch_open_files(run->plan, box->file_fds, &box->file_count, err);
	if (code == 0)
		code = launch_argv(run->arena, run->plan,
			box->minimal ? box->layout.host_start : box->layout.python, box->place_path,
			&box->argv, err);
	if (code == 0)
		code = launch_environment(run->arena, run->plan,
			box->minimal ? box->layout.host_bin : box->layout.bin,
			box->minimal ? NULL : box->layout.library_path, box->place_path, &box->envp,
			err);
	if (code == 0)
		code = make_descriptors(run, err);
	return code;
}

/* What only the supervisor may hold: while the init held them too, no end of file would ever come.
 */
void run_close_outside(struct run *run)
{
	fd_close(&run->channel);
	fd_close(&run->exec_channel);
	fd_close(&run->stdin_write);
	fd_close(&run->stdout_read);
	fd_close(&run->stderr_read);
	fd_close(&run->signals);
}

void run_close_inside(struct box *box)
{
	unsigned i;

	fd_close(&box->channel);
	fd_close(&box->exec_channel);
	fd_close(&box->stdin_read);
	fd_close(&box->stdout_write);
	fd_close(&box->stderr_write);
	for (i = 0; i < box->file_count; i++)
		fd_close(&box->file_fds[i]);
}

static void explain_clone(int code, struct err *err)
{
	switch (code) {
	case EPERM:
	case EACCES:
	case ENOSPC:
	case EUSERS:
		err_remedy(err, "user namespaces are forbidden here: sysctl "
				"user.max_user_namespaces=15000, on "
				"Debian kernel.unprivileged_userns_clone=1, on Ubuntu "
				"kernel.apparmor_restrict_unprivileged_userns=0; `pysbx doctor` "
				"tells which");
		break;
	case ENOSYS:
	case EINVAL:
		err_remedy(err, "pysbx needs Linux 5.12 with all namespaces and, in a container, a "
				"seccomp profile that allows clone3 and unshare");
		break;
	default:
		break;
	}
}

static int clone_init(struct run *run, struct err *err)
{
	int group = run->box.cgroup ? cgroup_clone_fd(run->box.cgroup) : -1;
	struct clone_args args = {
		/* Network and cgroup namespaces are unshared by the program: see steps.def. */
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			 CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&run->init_fd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (group >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)group;
		run->cloned_into_group = true;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0) {
		int code = errno;

		err_errno(err, "clone3 with new namespaces");
		explain_clone(code, err);
		run->no_namespaces = true;
		return -code;
	}
	if (pid == 0) {
		run_close_outside(run);
		init_main(&run->box);
	}
	run->init = (pid_t)pid;
	return 0;
}

static int write_map(struct run *run, const char *file, const char *text, struct err *err)
{
	char path[64];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)run->init, file);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		err_errno(err, "write %s of the sandbox", file);
		err_remedy(err, "user namespaces cannot be used here; `pysbx doctor` tells why");
		run->no_namespaces = true;
		return -err->code;
	}
	return 0;
}

static int write_maps(struct run *run, struct err *err)
{
	const struct box *box = &run->box;
	char text[64];
	int code = 0;

	/* user_namespaces(7): without privilege a gid map may be written only once setgroups is
	 * denied. */
	if (!box->privileged)
		code = write_map(run, "setgroups", "deny", err);
	snprintf(text, sizeof(text), "%d %u 1\n", BOX_ID, (unsigned)box->host_uid);
	if (code == 0)
		code = write_map(run, "uid_map", text, err);
	snprintf(text, sizeof(text), "%d %u 1\n", BOX_ID, (unsigned)box->host_gid);
	if (code == 0)
		code = write_map(run, "gid_map", text, err);
	return code;
}

void run_start_group(struct run *run)
{
	struct record record = {.kind = RECORD_GROUP};
	struct record_fds fds = {0};
	struct cgroup *group = run->box.cgroup;

	record.limit_processes = !group || !(cgroup_controllers(group) & CGROUP_PIDS);
	if (group && !run->cloned_into_group)
		fds.count = cgroup_enter_fds(group, fds.fds);
	/* A program that is gone has said why; that is read later. */
	record_send(run->exec_channel, &record, &fds);
}

int run_start(struct run *run, struct err *err)
{
	struct record go = {.kind = RECORD_GO};
	int code = run->box.minimal ? minimal_fork(run, err) : clone_init(run, err);

	run_close_inside(&run->box);
	if (code < 0)
		return code;
	run->cloned_ns = run_now();
	code = run->box.minimal ? 0 : write_maps(run, err);
	if (code == 0) {
		code = record_send(run->channel, &go, NULL);
		if (code < 0)
			err_set(err, -code, "the sandbox's init died before it began");
	}
	return code;
}
