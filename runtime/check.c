/*
 * The look from outside: what the kernel says of the waiting program in /proc/PID/status, in the
 * supervisor's own namespaces, where an id of 65534 inside cannot be confused with the overflow id.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/minimal.h"
#include "runtime/run.h"

/* The text behind "\nNAME:\t", up to the end of the line; false when there is no such line. */
static bool status_field(const char *status, const char *name, char *value, size_t size)
{
	char wanted[32];
	const char *at, *end;

	snprintf(wanted, sizeof(wanted), "\n%s:", name);
	at = strstr(status, wanted);
	if (!at)
		return false;
	at += strlen(wanted);
	at += strspn(at, " \t");
	end = strchrnul(at, '\n');
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if ((size_t)(end - at) >= size)
		return false;
	memcpy(value, at, (size_t)(end - at));
	value[end - at] = '\0';
	return true;
}

static int expect(const char *status, const char *name, const char *wanted, struct err *err)
{
	char value[256];

	if (!status_field(status, name, value, sizeof(value)))
		return err_set(err, EPROTO, "/proc/PID/status has no %s", name);
	if (strcmp(value, wanted) != 0)
		return err_set(err, EPROTO, "%s is \"%s\", not \"%s\"", name, value, wanted);
	return 0;
}

static int expect_ids(const char *status, const char *name, unsigned id, struct err *err)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "%u\t%u\t%u\t%u", id, id, id, id);
	return expect(status, name, wanted, err);
}

/* The last number of NSpid is the pid inside: 2, and nothing else may wait for the exec. */
static int expect_inner_pid(const char *status, struct err *err)
{
	char value[256];
	const char *last;

	if (!status_field(status, "NSpid", value, sizeof(value)))
		return err_set(err, EPROTO, "/proc/PID/status has no NSpid");
	last = strrchr(value, '\t');
	if (!last || strcmp(last + 1, "2") != 0)
		return err_set(err, EPROTO, "NSpid is \"%s\"", value);
	return 0;
}

int run_check_program(const struct run *run, pid_t program, struct err *err)
{
	static const char *const caps[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
	char path[64], status[8192];
	cleanup_fd int fd = -1;
	ssize_t n;
	size_t i;
	int code;

#ifdef PYSBX_ABLATION
	if (getenv("LEAVE_OUT") || getenv("LEAVE_OUT_FILTER"))
		return 0;
#endif
	snprintf(path, sizeof(path), "/proc/%d/status", (int)program);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
	if (n <= 0)
		return err_errno(err, "%s", path);
	status[n] = '\0';
	code = expect_ids(status, "Uid", run->box.host_uid, err);
	if (code == 0)
		code = expect_ids(status, "Gid", run->box.host_gid, err);
	if (code == 0 && run->box.privileged)
		code = expect(status, "Groups", "", err);
	for (i = 0; code == 0 && i < sizeof(caps) / sizeof(caps[0]); i++)
		if (!run->box.minimal || strcmp(caps[i], "CapBnd") != 0)
			code = expect(status, caps[i], "0000000000000000", err);
	if (code == 0)
		code = expect(status, "NoNewPrivs", "1", err);
	if (code == 0)
		code = expect(status, "Seccomp", "2", err);
	if (code == 0)
		code = run->box.minimal ? minimal_check_status(run, status, err)
					: expect_inner_pid(status, err);
	return code;
}
