/*
 * The second filter of tier minimal: what namespaces would have kept apart is refused outright. It
 * is loaded before the first one and only ever refuses more; of two answers the kernel takes the
 * stricter (seccomp(2)). Written by hand, for it knows this process's own number.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/box.h"

#define PROGRAM_MAX 160

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short count;
};

static void emit(struct program *program, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	if (program->count < PROGRAM_MAX)
		program->code[program->count] =
			(struct sock_filter){(uint16_t)code, (uint8_t)yes, (uint8_t)no, k};
	program->count++;
}

static void answer(struct program *program, int error)
{
	emit(program, BPF_RET | BPF_K,
		error ? SECCOMP_RET_ERRNO | (uint32_t)error : SECCOMP_RET_ALLOW, 0, 0);
}

/* The accumulator holds the call's number before and after. */
static void refuse(struct program *program, long number, int error)
{
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
	answer(program, error);
}

/*
 * The call's low half of an argument, through a mask, must be one of two values (allow) or must not
 * (refuse). That is all there is to say of the call here. Both architectures are little endian.
 */
static void decide(struct program *program, long number, unsigned arg, uint32_t mask,
	const uint32_t values[2], bool allow, int error)
{
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 6);
	emit(program, BPF_LD | BPF_W | BPF_ABS,
		(uint32_t)(offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t)), 0, 0);
	emit(program, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, values[0], 1, 0);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, values[1], 0, 1);
	answer(program, allow ? 0 : error);
	answer(program, allow ? error : 0);
}

/* No network, no socket of the host's: only pairs, of the kind that takes no address with a
 * message. */
static void refuse_sockets(struct program *program)
{
	static const uint32_t kinds[2] = {SOCK_STREAM, SOCK_STREAM};

	refuse(program, SYS_socket, EAFNOSUPPORT);
	refuse(program, SYS_connect, EPERM);
	refuse(program, SYS_bind, EPERM);
	refuse(program, SYS_listen, EPERM);
	refuse(program, SYS_accept, EPERM);
	refuse(program, SYS_accept4, EPERM);
	decide(program, SYS_socketpair, 1, 0xf, kinds, true, EPERM);
}

/* What has the caller's id may not touch what Landlock does not guard: modes and times. */
static void refuse_modes(struct program *program)
{
	static const long calls[] = {
#ifdef SYS_chmod
		SYS_chmod, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
		SYS_fchmod, SYS_fchmodat, 452 /* fchmodat2 */, SYS_utimensat};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		refuse(program, calls[i], EPERM);
}

/* Landlock before ABI 3 lets a file be cut off that it would not let be written. */
static void refuse_truncation(struct program *program)
{
	static const uint32_t not_to_write[2] = {O_TRUNC | O_RDONLY, O_TRUNC | O_ACCMODE};

	refuse(program, SYS_truncate, EPERM);
#ifdef SYS_open
	decide(program, SYS_open, 1, O_TRUNC | O_ACCMODE, not_to_write, false, EPERM);
#endif
	decide(program, SYS_openat, 2, O_TRUNC | O_ACCMODE, not_to_write, false, EPERM);
}

/* Nor does it before ABI 6 keep signals in: then a process may signal the program, or nobody. */
static void refuse_signals(struct program *program)
{
	const uint32_t own[2] = {(uint32_t)getpid(), (uint32_t)getpid()};

	decide(program, SYS_kill, 0, UINT32_MAX, own, true, EPERM);
	decide(program, SYS_tgkill, 0, UINT32_MAX, own, true, EPERM);
	refuse(program, SYS_tkill, EPERM);
}

static void make_program(const struct box *box, struct program *program)
{
	static const uint32_t death[2] = {PR_SET_PDEATHSIG, PR_SET_PDEATHSIG};

	emit(program, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	/* Killed as one group, so none may leave it. */
	refuse(program, SYS_setsid, EPERM);
	refuse(program, SYS_setpgid, EPERM);
	decide(program, SYS_prctl, 0, UINT32_MAX, death, false, EPERM);
	refuse_sockets(program);
	if (!box->privileged)
		refuse_modes(program);
	if (box->landlock_abi < 3)
		refuse_truncation(program);
	if (!box->privileged && box->landlock_abi < 6)
		refuse_signals(program);
	answer(program, 0);
}

int step_minimal_filter(struct box *box)
{
	struct program program = {.count = 0};
	struct sock_fprog loaded = {.filter = program.code};

	make_program(box, &program);
	if (program.count > PROGRAM_MAX)
		return -E2BIG;
	loaded.len = program.count;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) < 0 ? -errno : 0;
}
