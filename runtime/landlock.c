/*
 * runtime/landlock.h by the raw system calls: glibc has no wrappers, and kernel headers may be
 * older than the kernel, so the bits stand here. Nothing is allocated and no lock is taken.
 */
#define _GNU_SOURCE /* O_PATH, syscall */
#include "runtime/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every architecture (Linux 5.13). */
#define CREATE_RULESET    444
#define ADD_RULE          445
#define RESTRICT_SELF     446
#define CREATE_VERSION    1U
#define RULE_PATH_BENEATH 1

/* Rights on files, include/uapi/linux/landlock.h. */
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,     /* ABI 2 */
	FS_TRUNCATE = 1 << 14,  /* ABI 3 */
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
};

#define FS_ABI1             ((1U << 13) - 1)
#define FS_READ             (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)
/* All that may be granted where files are written: no device nodes, and no ioctl on one. */
#define FS_READ_WRITE       (~(uint64_t)(FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_IOCTL_DEV))
/* What means something on a file that is no directory; more is EINVAL. */
#define FS_ON_A_FILE        (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_BIND_TCP        (1U << 0)
#define NET_CONNECT_TCP     (1U << 1)
#define SCOPE_ABSTRACT_UNIX (1U << 0)
#define SCOPE_SIGNAL        (1U << 1)

/* The kernel takes a longer struct than it knows only if the rest is 0, so the length goes by ABI.
 */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;             /* ABI 6 */
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

int landlock_abi(void)
{
	long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t handled_fs(int abi)
{
	uint64_t handled = FS_ABI1;

	if (abi >= 2)
		handled |= FS_REFER;
	if (abi >= 3)
		handled |= FS_TRUNCATE;
	if (abi >= 5)
		handled |= FS_IOCTL_DEV;
	return handled;
}

static size_t attr_size(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset_attr);
	if (abi >= 4)
		return offsetof(struct ruleset_attr, scoped);
	return offsetof(struct ruleset_attr, handled_access_net);
}

static int make_ruleset(int abi)
{
	struct ruleset_attr attr = {
		.handled_access_fs = handled_fs(abi),
		.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP,
		.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL,
	};
	long fd = syscall(CREATE_RULESET, &attr, attr_size(abi), 0U);

	return fd < 0 ? -errno : (int)fd;
}

/* A path that is not there, or that this id cannot reach, needs no rule; anything else that fails
 * must fail the whole. */
static int allow_path(int ruleset, const char *path, uint64_t access)
{
	struct path_beneath_attr attr;
	struct stat status;
	int fd = open(path, O_PATH | O_CLOEXEC);
	int code = 0;

	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	if (fstat(fd, &status) < 0) {
		code = -errno;
	} else {
		if (!S_ISDIR(status.st_mode))
			access &= FS_ON_A_FILE;
		attr = (struct path_beneath_attr){.allowed_access = access, .parent_fd = fd};
		if (syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0U) < 0)
			code = -errno;
	}
	close(fd);
	return code;
}

static int allow_paths(int ruleset, const char *const *paths, uint64_t access)
{
	int code = 0;

	for (; paths && *paths && !code; paths++)
		code = allow_path(ruleset, *paths, access);
	return code;
}

int landlock_restrict(const struct landlock_rules *rules)
{
	uint64_t handled = handled_fs(rules->abi);
	int ruleset, code;

	if (rules->abi < 1)
		return -ENOSYS;
	ruleset = make_ruleset(rules->abi);
	if (ruleset < 0)
		return ruleset;
	code = allow_paths(ruleset, rules->read_execute, FS_READ & handled);
	if (!code)
		code = allow_paths(ruleset, rules->read_write, FS_READ_WRITE & handled);
	if (!code && syscall(RESTRICT_SELF, ruleset, 0U) < 0)
		code = -errno;
	close(ruleset);
	return code;
}
