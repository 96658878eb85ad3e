/*
 * A child in new namespaces to try something in: cloned, its id map written, waited for with a
 * bound, killed when it does not come back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/box.h"
#include "runtime/ids.h"
#include "runtime/probe_internal.h"

#define WAIT_MS 5000

static int write_file(pid_t child, const char *name, const char *text)
{
	char path[64];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

static int write_maps(pid_t child)
{
	struct ids ids;
	char text[64];
	int code = ids_choose((unsigned)child, &ids, NULL);

	if (!code && !ids.own)
		code = write_file(child, "setgroups", "deny");
	snprintf(text, sizeof(text), "%d %u 1", BOX_ID, (unsigned)ids.gid);
	if (!code)
		code = write_file(child, "gid_map", text);
	snprintf(text, sizeof(text), "%d %u 1", BOX_ID, (unsigned)ids.uid);
	if (!code)
		code = write_file(child, "uid_map", text);
	return code;
}

/* Its exit status is an errno, or 255 for what does not fit. */
static _Noreturn void be_child(probe_child *function, struct probe *probe, const int go[2])
{
	char byte;
	int code;

	close(go[1]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go[0], &byte, 1) != 1)
		_exit(ECANCELED);
	code = function ? function(probe) : 0;
	_exit(code < -254 ? 255 : -code);
}

static int wait_for(pid_t child, int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	bool late = poll(&ended, 1, WAIT_MS) == 0;
	int status = 0;

	if (late)
		kill(child, SIGKILL);
	while (waitpid(child, &status, __WALL) < 0 && errno == EINTR)
		;
	if (late)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

int probe_in_child(uint64_t namespaces, probe_child *function, struct probe *probe)
{
	int pidfd = -1, code = 0, outcome;
	struct clone_args args = {.flags = namespaces | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD};
	int go[2];
	long child;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	child = syscall(SYS_clone3, &args, sizeof(args));
	/* As a container's filter answers it; what of this is there to be had by the old call? */
	if (child < 0 && errno == ENOSYS)
		child = syscall(
			SYS_clone, namespaces | CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, NULL);
	if (child == 0)
		be_child(function, probe, go);
	if (child < 0)
		code = -errno;
	else if (namespaces & CLONE_NEWUSER)
		code = write_maps((pid_t)child);
	if (code == 0 && write(go[1], "g", 1) != 1)
		code = -errno;
	close(go[0]);
	close(go[1]);
	if (child < 0)
		return code;
	outcome = wait_for((pid_t)child, pidfd);
	fd_close(&pidfd);
	return code ? code : outcome;
}
