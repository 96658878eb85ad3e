/*
 * Runs a program where no namespace, mount or key can be had: under a filter that answers as the
 * one that container engines set by default does (clone3 is ENOSYS, the rest EPERM).
 *
 *   nonamespaces [-l] PROGRAM ARGS...
 *
 * -l: no Landlock either (ENOSYS, as a kernel without it).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAILED     125
#define NAMESPACES 0x7e020000u /* the CLONE_NEW* flags of clone(2) */

static struct sock_filter code[128];
static unsigned short count;

static void emit(unsigned op, unsigned yes, unsigned no, unsigned k)
{
	code[count++] =
		(struct sock_filter){(unsigned short)op, (unsigned char)yes, (unsigned char)no, k};
}

static void refuse(long number, int error)
{
	emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)number);
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | (unsigned)error);
}

int main(int argc, char **argv)
{
	static const long forbidden[] = {SYS_unshare, SYS_setns, SYS_mount, SYS_umount2,
		SYS_pivot_root, 428 /* open_tree */, 429, 430, 431, 432, 433,
		442 /* mount_setattr */, SYS_keyctl, SYS_add_key, SYS_request_key};
	struct sock_fprog program = {.filter = code};
	int first = 1;

	if (argc > first && strcmp(argv[first], "-l") == 0)
		first++;
	if (argc <= first)
		return FAILED;
	emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		refuse(forbidden[i], EPERM);
	refuse(SYS_clone3, ENOSYS);
	for (long number = 444; first > 1 && number <= 446; number++)
		refuse(number, ENOSYS);
	emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_clone);
	emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args));
	emit(BPF_JMP | BPF_JSET | BPF_K, 0, 1, NAMESPACES);
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM);
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	program.len = count;
	/* Without no_new_privs where it can be had, so that nothing but the calls is missing. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 &&
		(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)) {
		perror("nonamespaces");
		return FAILED;
	}
	execvp(argv[first], argv + first);
	perror(argv[first]);
	return 127;
}
