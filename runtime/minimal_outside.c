/* Tier minimal as the supervisor sees it (runtime/minimal.h). */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/landlock.h"
#include "runtime/minimal.h"
#include "runtime/place.h"
#include "runtime/run.h"

#define MAY_READ_MAX  (LAYOUT_BINDS_MAX + 8)
#define MAY_WRITE_MAX 8

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, "out of memory");
}

/* What is bound in other tiers, where it lies; the loader's list of libraries, which tells where.
 */
static int make_may_read(struct run *run, struct err *err)
{
	struct box *box = &run->box;
	const struct layout *layout = &box->layout;
	const char **paths = arena_array(run->arena, MAY_READ_MAX, sizeof(*paths));
	unsigned count = 0, i;

	if (!paths)
		return no_memory(err);
	for (i = 0; i < layout->bind_count; i++)
		paths[count++] = layout->binds[i].source;
	paths[count++] = "/etc/ld.so.cache";
	if (layout->host_venv_config)
		paths[count++] = layout->host_venv_config;
	paths[count] = arena_printf(run->arena, "%s/sandbox", box->place_path);
	if (!paths[count])
		return no_memory(err);
	box->may_read = paths;
	return 0;
}

static int make_may_write(struct run *run, struct err *err)
{
	static const char *const devices[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
	const char **paths = arena_array(run->arena, MAY_WRITE_MAX, sizeof(*paths));
	size_t i;

	if (!paths)
		return no_memory(err);
	paths[0] = arena_printf(run->arena, "%s/tmp", run->box.place_path);
	if (!paths[0])
		return no_memory(err);
	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		paths[i + 1] = devices[i];
	run->box.may_write = paths;
	return 0;
}

int minimal_prepare(struct run *run, struct err *err)
{
	struct box *box = &run->box;
	int code;

	if (box->landlock_abi < MINIMAL_LANDLOCK_ABI) {
		err_set(err, ENOTSUP,
			"neither namespaces nor Landlock can be had here: nothing would keep the "
			"host's files from the program");
		err_remedy(err,
			"a kernel of 5.13 or later with landlock in its lsm= list and, in a "
			"container, a seccomp profile that lets its calls through");
		return -ENOTSUP;
	}
	if (run->plan->rootfs) {
		err_set(err, ENOTSUP, "--rootfs needs a mount namespace, which cannot be had here");
		err_remedy(err, "`pysbx doctor` tells why");
		return -ENOTSUP;
	}
	code = place_make(box->place_path, &box->place, err);
	if (code == 0)
		code = make_may_read(run, err);
	if (code == 0)
		code = make_may_write(run, err);
	return code;
}

int minimal_fork(struct run *run, struct err *err)
{
	long pid;

	/* Not clone3(), which containers' filters answer with ENOSYS. Its arguments' order differs
	 * between architectures only behind the third. */
	pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &run->init_fd, NULL, NULL);
	if (pid < 0) {
		err_errno(err, "fork");
		return -err->code;
	}
	if (pid == 0) {
		run_close_outside(run);
		minimal_main(&run->box);
	}
	run->init = (pid_t)pid;
	return 0;
}

void minimal_kill(struct run *run)
{
	if (run->channel < 0 || shutdown(run->channel, SHUT_WR) < 0)
		minimal_kill_rest(run);
}

void minimal_kill_rest(struct run *run)
{
	syscall(SYS_pidfd_send_signal, run->init_fd, SIGKILL, NULL, 0);
	/* While it has told no end, the init has not reaped the program: its number stands. */
	if (run->program > 1 && !run->has_end)
		kill(-run->program, SIGKILL);
}

static int expect(const char *status, const char *line, struct err *err)
{
	if (strstr(status, line))
		return 0;
	return err_set(err, EPROTO, "/proc/PID/status is without \"%s\"", line + 1);
}

int minimal_check_status(const struct run *run, const char *status, struct err *err)
{
	const bool no_caps = run->box.layers & RT_LAYER_BIT(RT_LAYER_CAPS);
	char parent[32];
	int code;

	/* It is the init's child and nobody else's. */
	snprintf(parent, sizeof(parent), "\nPPid:\t%d\n", (int)run->init);
	code = expect(status, parent, err);
	if (code == 0 && no_caps)
		code = expect(status, "\nCapBnd:\t0000000000000000\n", err);
	/* Two filters of ours, over whatever was there before (Linux 5.10 tells how many). */
	if (code == 0 && strstr(status, "\nSeccomp_filters:\t1\n"))
		code = err_set(err, EPROTO, "one filter, not two");
	/* Started by root it has another id: can it be ended? */
	if (code == 0 && kill(run->program, 0) < 0) {
		err_errno(err, "a signal to the program");
		err_remedy(err, "let pysbx have CAP_KILL (--cap-add KILL)");
		/* Gone by now: then what it last sent says why. */
		code = err->code == ESRCH ? -ESRCH : -EPROTO;
	}
	return code;
}
