/* runtime/seccomp.h: the filter in use. What runs after clone here allocates nothing. */
#define _GNU_SOURCE /* syscall, vfork */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/seccomp_internal.h"

/* Linux 5.19; older headers lack it. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* An answer of the table as the options want it. */
static uint32_t answer_for(uint32_t answer, const struct seccomp_options *options)
{
	if (answer == SECCOMP_RET_USER_NOTIF)
		return options->notify ? answer : SECCOMP_RET_KILL_PROCESS;
	if (answer == (SECCOMP_RET_ERRNO | EPERM) && options->strict)
		return SECCOMP_RET_KILL_PROCESS;
	return answer;
}

static int take_program(const struct sock_filter *code, unsigned count,
	const struct seccomp_options *options, struct seccomp_filter *ret, struct err *err)
{
	ret->instructions = malloc(count * sizeof(*code));
	if (!ret->instructions)
		return err_set(err, ENOMEM, "filter: no memory");
	memcpy(ret->instructions, code, count * sizeof(*code));
	ret->count = (unsigned short)count;
	ret->notify = options->notify;
	for (unsigned i = 0; i < count; i++)
		if (code[i].code == (BPF_RET | BPF_K))
			ret->instructions[i].k = answer_for(code[i].k, options);
	return 0;
}

int seccomp_compile(
	const struct seccomp_options *options, struct seccomp_filter *ret, struct err *err)
{
	const struct filter_arch *arch = filter_arch_native();
	struct seccomp_program *program;
	int status;

	*ret = (struct seccomp_filter){0};
	if (!arch)
		return err_set(err, ENOTSUP, "filter: no table for this architecture");
	if (seccomp_builtin_count)
		return take_program(seccomp_builtin, seccomp_builtin_count, options, ret, err);
	program = malloc(sizeof(*program));
	if (!program)
		return err_set(err, ENOMEM, "filter: no memory");
	status = seccomp_build(arch, program, err);
	if (!status)
		status = take_program(program->code, program->count, options, ret, err);
	free(program);
	return status;
}

void seccomp_filter_free(struct seccomp_filter *filter)
{
	free(filter->instructions);
	*filter = (struct seccomp_filter){0};
}

static int load(const struct sock_fprog *program, unsigned long flags)
{
	long status = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);

	return status < 0 ? -errno : (int)status;
}

/*
 * With WAIT_KILLABLE_RECV a signal does not restart a call that the listener has already read, so
 * that each is counted once; kernels before 5.19 do without.
 */
static int load_with_listener(const struct sock_fprog *program)
{
	int status = load(
		program, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	if (status == -EINVAL)
		status = load(program, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	return status;
}

int seccomp_filter_load(const struct seccomp_filter *filter)
{
	struct sock_fprog program = {.len = filter->count, .filter = filter->instructions};

	return filter->notify ? load_with_listener(&program) : load(&program, 0);
}

static void count_call(struct seccomp_denials *denials, const struct seccomp_data *data)
{
	denials->total++;
	for (unsigned i = 0; i < denials->kinds; i++)
		if (denials->calls[i].number == data->nr) {
			denials->calls[i].count++;
			return;
		}
	if (denials->kinds == SECCOMP_DENIED_MAX)
		return;
	denials->calls[denials->kinds].number = data->nr;
	denials->calls[denials->kinds].count = 1;
	for (unsigned i = 0; i < 6; i++)
		denials->calls[denials->kinds].args[i] = data->args[i];
	denials->kinds++;
}

/* The kernel copies its own sizes, which may grow past the headers' (seccomp_unotify(2)). */
union notification {
	struct seccomp_notif notif;
	unsigned char room[512];
};

union answer {
	struct seccomp_notif_resp resp;
	unsigned char room[512];
};

int seccomp_answer(int listener, struct seccomp_denials *denials)
{
	union notification received;
	union answer answer;
	int status;

	memset(&received, 0, sizeof(received));
	memset(&answer, 0, sizeof(answer));
	do
		status = ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &received);
	while (status < 0 && errno == EINTR);
	if (status < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	count_call(denials, &received.notif.data);
	answer.resp.id = received.notif.id;
	answer.resp.error = -EPERM;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	return 0;
}

static bool sizes_fit(void)
{
	struct seccomp_notif_sizes sizes;

	return !syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) &&
	       sizes.seccomp_notif <= sizeof(union notification) &&
	       sizes.seccomp_notif_resp <= sizeof(union answer);
}

bool seccomp_may_notify(void)
{
	const uint32_t action = SECCOMP_RET_USER_NOTIF;

	return sizes_fit() && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/*
 * A thread has at most one listener over its filters, so inside another sandbox with one the answer
 * is no even where the kernel could. vfork, because a fork copies page tables for nothing: on Linux
 * the child has filters, no_new_privs and descriptors of its own.
 */
bool seccomp_can_notify(void)
{
	static struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
	const struct sock_fprog program = {.len = 1, .filter = &allow};
	int status = -1;
	pid_t child;

	if (!sizes_fit())
		return false;
	child = vfork();
	if (child == 0) {
		if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) < 0)
			_exit(1);
		_exit(0);
	}
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}
