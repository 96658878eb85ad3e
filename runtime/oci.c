/*
 * runtime/oci.h: the driver. A run has a directory of its own, named by pysbx's process and its
 * start time, with the bundle and the runtime's state in it; what a pysbx that was killed left
 * there is deleted by the next run. The container's init becomes a child of pysbx (a subreaper)
 * when `create` has ended, so its end is waited for, not guessed.
 */
#include "runtime/oci.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/oci_internal.h"

#define ARENA_MAX       ((size_t)8 << 20)
#define ARGS_MAX        24
#define COMMAND_SECONDS 60
#define DELETE_TRIES    20
#define END_TRIES       500 /* of 10 ms: how long a container that was killed may take to end */

static const char *const program_dirs[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

static int find_runtime(struct oci *oci, const char *runtime, struct err *err)
{
	const char *slash = strrchr(runtime, '/');

	oci->name = slash ? slash + 1 : runtime;
	if (slash)
		oci->runtime = runtime;
	for (size_t i = 0; !oci->runtime && i < sizeof(program_dirs) / sizeof(program_dirs[0]);
		i++) {
		const char *path = arena_printf(oci->arena, "%s/%s", program_dirs[i], runtime);

		if (path && access(path, X_OK) == 0)
			oci->runtime = path;
	}
	if (!oci->runtime || access(oci->runtime, X_OK) < 0) {
		err_set(err, ENOENT, "--backend oci:%s: there is no such program", runtime);
		err_remedy(err, "install it (Debian: apt-get install runc, crun or runsc), or name "
				"its path");
		return -ENOTSUP;
	}
	oci->is_gvisor = strncmp(oci->name, "runsc", 5) == 0;
	snprintf(oci->backend, sizeof(oci->backend), "oci:%s", oci->name);
	return 0;
}

/* Calling the runtime */

struct command {
	const char *args[ARGS_MAX];
	unsigned count;
};

static void add(struct command *command, const char *first, ...)
{
	va_list list;

	va_start(list, first);
	for (const char *arg = first; arg && command->count < ARGS_MAX - 1;
		arg = va_arg(list, const char *))
		command->args[command->count++] = arg;
	va_end(list);
}

/* The program and what it is told before any command. */
static struct command begin(struct oci *oci)
{
	struct command command = {.count = 0};

	add(&command, oci->runtime, "--root", arena_printf(oci->arena, "%s/state", oci->dir), NULL);
	if (oci->is_gvisor) {
		/* Its own network stack, without an interface; our filter in its kernel too. */
		add(&command, "--network=none", "--oci-seccomp", NULL);
		if (!oci->bounded)
			add(&command, "--ignore-cgroups", NULL);
		if (geteuid() != 0)
			add(&command, "--rootless", NULL);
	}
	return command;
}

static _Noreturn void become(const struct command *command, const int stdio[3])
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char runtime_dir[PATH_MAX + 32];
	char *environment[] = {path, NULL, NULL};
	const char *own = getenv("XDG_RUNTIME_DIR");
	sigset_t none;
	int fds[3];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++)
		if (fds[i] < 0 || dup2(fds[i], i) < 0)
			_exit(126);
	if (own && snprintf(runtime_dir, sizeof(runtime_dir), "XDG_RUNTIME_DIR=%s", own) <
			   (int)sizeof(runtime_dir))
		environment[1] = runtime_dir;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execve(command->args[0], (char *const *)command->args, environment);
	_exit(127);
}

/* Waits on a child through a descriptor, so that no time is lost; kills it after its time. */
static int wait_for(pid_t pid, int seconds)
{
	cleanup_fd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	int status;

	if (fd >= 0 && poll(&ended, 1, seconds * 1000) == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -ECHILD;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}

/* Runs it to its end. stdio: NULL is nothing to read, and nobody who listens. */
static int call(const struct command *command, const int stdio[3])
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int nobody[3] = {null, null, null};
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(command, stdio ? stdio : nobody);
	return wait_for(pid, COMMAND_SECONDS);
}

int oci_delete(struct oci *oci)
{
	struct command command = begin(oci);

	add(&command, "delete", "--force", oci->id, NULL);
	return call(&command, NULL);
}

/* True if the runtime still has a state of the container. */
static bool oci_is_known(struct oci *oci)
{
	struct command command = begin(oci);

	add(&command, "state", oci->id, NULL);
	return call(&command, NULL) == 0;
}

/* The driver */

static int read_pid(struct oci *oci)
{
	cleanup_buf struct buf text = BUF_INIT(64);
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/pid", oci->dir);
	if (file_read(path, &text, NULL) == 0 && text.data)
		oci->init = (pid_t)strtol(text.data, NULL, 10);
	return oci->init > 1 ? 0 : -ESRCH;
}

static int oci_start(void *self, const int inside[3], struct err *err)
{
	struct oci *oci = self;
	struct command create = begin(oci), start = begin(oci);
	const char *pid_file = arena_printf(oci->arena, "%s/pid", oci->dir);

	if (!pid_file || arena_failed(oci->arena))
		return err_set(err, ENOMEM, "out of memory");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	oci->created = true;
	add(&create, "create", "--bundle", oci->dir, "--pid-file", pid_file, oci->id, NULL);
	if (call(&create, inside) < 0 || read_pid(oci) < 0) {
		err_set(err, ENOTSUP, "%s could not make the container", oci->runtime);
		if (oci->is_gvisor && geteuid() != 0)
			err_remedy(err, "gVisor's `create` is for root alone: start pysbx as root, "
					"or use --backend oci:crun or native");
		else
			err_remedy(err,
				"`%s --version` must work for this user; `pysbx doctor` tells what "
				"the native backend can do here",
				oci->runtime);
		return -ENOTSUP;
	}
	if (oci->group && cgroup_attach(oci->group, oci->init, err) < 0)
		return err_wrap(err, "moving the container into its control group");
	add(&start, "start", oci->id, NULL);
	if (call(&start, inside) < 0)
		return err_set(err, ENOTSUP, "%s could not start the container", oci->runtime);
	return 0;
}

static void oci_look(void *self, struct inner_facts *facts)
{
	const struct oci *oci = self;

	oci_groups_look(oci, facts);
}

static void oci_kill(void *self)
{
	struct oci *oci = self;
	struct command command = begin(oci);

	add(&command, "kill", "--all", oci->id, "KILL", NULL);
	if (oci->created && call(&command, NULL) < 0 && oci->init > 1)
		kill(oci->init, SIGKILL);
}

/* Reaps the container's init, and whatever else became ours. True once it is gone. */
static bool is_gone(struct oci *oci)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (pid == oci->init)
			oci->init = 0;
	if (oci->init > 0 && kill(oci->init, 0) < 0 && errno == ESRCH)
		oci->init = 0;
	return oci->init <= 0;
}

static int oci_finish(void *self, struct contained_end *ret, struct err *err)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	struct oci *oci = self;
	int code = 0;

	for (int i = 0; i < END_TRIES && !is_gone(oci); i++) {
		if (i == END_TRIES / 2)
			oci_kill(oci);
		nanosleep(&pause, NULL);
	}
	oci_groups_read(oci, ret);
	if (oci->init > 0)
		code = err_set(err, EBUSY, "the container's init outlived SIGKILL (pid %d)",
			(int)oci->init);
	/* gVisor's processes may take a moment more than its container. */
	for (int i = 0; oci->created && oci_delete(oci) < 0 && i < DELETE_TRIES; i++)
		nanosleep(&pause, NULL);
	if (oci->created && oci_is_known(oci) && code == 0)
		code = err_set(
			err, EBUSY, "%s could not delete the container %s", oci->runtime, oci->id);
	is_gone(oci);
	oci_groups_remove(oci);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	return code;
}

/* Of root's containers root too is nobody on the host. */
static int choose_ids(struct oci *oci, struct err *err)
{
	struct ids ids;
	int code;

	if (geteuid() != 0 && !caps_has_setuid() && !oci->is_gvisor)
		return oci_subordinate_ids(oci, (unsigned)getpid(), err);
	code = ids_choose((unsigned)getpid(), &ids, err);
	if (code < 0)
		return code;
	oci->maps_ids = ids.own && ids.uid >= IDS_BASE && !oci->is_gvisor;
	oci->uids = (struct oci_map){.root = ids.uid ^ 0x08000000u, .nobody = ids.uid};
	oci->gids = (struct oci_map){.root = ids.gid ^ 0x08000000u, .nobody = ids.gid};
	return 0;
}

/* What can be had here: ids of its own, a control group. */
static int choose(struct oci *oci, struct err *err)
{
	const struct cgroup_limits limits = {.memory_bytes = oci->plan->limits.memory_bytes,
		.pids = oci->plan->limits.pids + 1,
		.cpu_thousandths = oci->plan->limits.cpu_thousandths};
	struct err ignored;
	int code = choose_ids(oci, err);

	if (code < 0)
		return code;
	oci->bounded = oci_groups_can_limit();
	/* What cannot be had of this either is missing in the result. */
	if (!oci->bounded && !oci->is_gvisor && cgroup_create(&limits, &oci->group, &ignored) < 0)
		oci->group = NULL;
	return 0;
}

static int prepare(struct oci *oci, const char *runtime, struct err *err, bool *ret_unavailable)
{
	int code;

	*ret_unavailable = false;
	oci->arena = arena_new(ARENA_MAX);
	if (!oci->arena)
		return err_set(err, ENOMEM, "out of memory");
	code = rt_plan_check(oci->plan, err);
	if (code == 0)
		code = layout_make(oci->arena, oci->plan, &oci->layout, err);
	if (code < 0)
		return code;
	*ret_unavailable = true;
	code = find_runtime(oci, runtime, err);
	if (code == 0)
		code = choose(oci, err);
	if (code == 0)
		code = oci_dir_make(oci, err);
	if (code == 0)
		code = oci_bundle_write(oci, err);
	return code;
}

static int run_it(struct oci *oci, struct rt_result *ret)
{
	const struct contained_driver driver = {.backend = oci->backend,
		.self = oci,
		.start = oci_start,
		.look = oci_look,
		.kill = oci_kill,
		.finish = oci_finish,
		.python = oci->layout.python,
		.bin = oci->layout.bin,
		.library_path = oci->layout.library_path,
		.own_kernel = oci->is_gvisor,
		.remedy = "start pysbx as root, or use --backend native; --require reduced accepts "
			  "less"};
	int code = contained_run(oci->plan, &driver, ret);

	snprintf(ret->python, sizeof(ret->python), "%s", oci->layout.host_python);
	/* The name lives as long as the result. */
	snprintf(ret->backend_text, sizeof(ret->backend_text), "%s", oci->backend);
	ret->backend = ret->backend_text;
	return code;
}

int oci_run(const struct rt_plan *plan, const char *runtime, struct rt_result *ret)
{
	struct oci *oci = calloc(1, sizeof(*oci));
	struct err err = {0};
	bool unavailable = false;
	int code = oci ? 0 : err_set(&err, ENOMEM, "out of memory");

	*ret = (struct rt_result){.exit_code = -1, .status = RT_ERROR};
	if (code == 0) {
		oci->plan = plan;
		snprintf(oci->id, sizeof(oci->id), "pysbx-oci-%ld", (long)getpid());
		code = prepare(oci, runtime, &err, &unavailable);
	}
	if (code == 0) {
		code = run_it(oci, ret);
	} else {
		ret->status = unavailable ? RT_UNAVAILABLE : RT_ERROR;
		ret->error = err.code;
		snprintf(ret->message, sizeof(ret->message), "%s", err.text);
		snprintf(ret->remedy, sizeof(ret->remedy), "%s", err.remedy);
	}
	if (oci) {
		cgroup_destroy(oci->group, &err);
		oci_dir_remove(oci);
		arena_free(oci->arena);
	}
	free(oci);
	return code < 0 ? -1 : 0;
}
