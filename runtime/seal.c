/* runtime/seal.h: limits, no_new_privs, and a filter that is as short as a filter can be. */
#include "runtime/seal.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "pysbx knows the system calls of x86_64 and aarch64 only"
#endif

#define LOAD(field)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of an argument: x86_64 and aarch64 are little-endian, and the kernel takes an int.
 */
#define LOAD_INT(n)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define RETURN(action)   BPF_STMT(BPF_RET | BPF_K, action)
#define KILL             RETURN(SECCOMP_RET_KILL_PROCESS)
#define ALLOW            RETURN(SECCOMP_RET_ALLOW)
/* Allows a call by its number alone; the next instruction goes on with the others. */
#define ALLOW_CALL(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), ALLOW
/* Allows mmap and mremap's kind: no page may ever be executable. A is the number before and after.
 */
#define ALLOW_PLAIN(call, prot)                                                                    \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD_INT(prot),                     \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), KILL, ALLOW

static const struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
	KILL,
	LOAD(nr), /* x32's numbers are others: they match none below */
	ALLOW_CALL(read),
	ALLOW_CALL(write),
	ALLOW_CALL(brk),
	ALLOW_CALL(munmap),
	ALLOW_CALL(mremap),
	ALLOW_CALL(madvise),
	ALLOW_CALL(exit),
	ALLOW_CALL(exit_group),
#ifdef PYSBX_SANITIZED
	ALLOW_CALL(sigaltstack), /* asked before every exit, to know the stacks */
#endif
	ALLOW_PLAIN(mmap, 2),
	ALLOW_PLAIN(mprotect, 2),
	KILL,
};

static int close_others(int keep)
{
	if (keep > 0 && syscall(SYS_close_range, 0, (unsigned)keep - 1, 0) < 0)
		return -errno;
	return syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0) < 0 ? -errno : 0;
}

static int set_limits(size_t memory_bytes, unsigned cpu_seconds)
{
	const struct {
		int resource;
		rlim_t value;
	} limits[] = {
#ifndef PYSBX_SANITIZED
		{RLIMIT_AS, memory_bytes},
#endif
		{RLIMIT_CPU, cpu_seconds}, {RLIMIT_CORE, 0}, {RLIMIT_FSIZE, 0}, {RLIMIT_NOFILE, 0},
		{RLIMIT_NPROC, 0}};
	struct rlimit now;
	size_t i;

	(void)memory_bytes;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		rlim_t value = limits[i].value;

		if (getrlimit((__rlimit_resource_t)limits[i].resource, &now) == 0 &&
			now.rlim_max < value)
			value = now.rlim_max;
		now = (struct rlimit){value, value};
		if (setrlimit((__rlimit_resource_t)limits[i].resource, &now) < 0)
			return -errno;
	}
	return 0;
}

int seal_process(int keep, size_t memory_bytes, unsigned cpu_seconds)
{
	/* The kernel only reads it; its type does not say so. */
	const struct sock_fprog program = {
		sizeof(filter) / sizeof(filter[0]), (struct sock_filter *)filter};
	int code;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	code = close_others(keep);
	if (code == 0)
		code = set_limits(memory_bytes, cpu_seconds);
	if (code < 0)
		return code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return -errno;
	return 0;
}
