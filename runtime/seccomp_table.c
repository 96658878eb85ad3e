/* runtime/syscalls.def as data. Numbers are the kernel's own, because the build machine's headers
 * may be another architecture's or an older kernel's. Sources: include/uapi of Linux 6.x. */
#include "runtime/seccomp_internal.h"

#include <asm-generic/ioctls.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define O_CREAT_OR_TMPFILE              (000000100U | 020000000U)
#define O_ASYNC                         000020000U
#define O_NOATIME                       001000000U
#define SET_ID_BITS                     06000U
#define MAP_HUGETLB                     0x40000U
#define MFD_HUGETLB_FLAG                0x4U
#define MS_SYNC                         0x4U
#define FICLONE                         0x40049409U
#define F_DUPFD                         0U
#define F_GETFD                         1U
#define F_SETFD                         2U
#define F_GETFL                         3U
#define F_SETFL                         4U
#define F_GETLK_64                      5U
#define F_SETLK_64                      6U
#define F_SETLKW_64                     7U
#define F_OFD_GETLK                     36U
#define F_OFD_SETLK                     37U
#define F_OFD_SETLKW                    38U
#define F_DUPFD_CLOEXEC                 1030U
#define F_GETPIPE_SZ                    1032U
#define F_ADD_SEALS                     1033U
#define F_GET_SEALS                     1034U
#define SOCK_KIND_MASK                  0xfU
#define RLIMIT_CORE                     4U
#define RWF_NOWAIT_BIT                  0x8U
/* asm-generic/socket.h, where names stand for two numbers or are newer than the headers. */
#define SO_RCVTIMEO_OPTION              20U
#define SO_SNDTIMEO_OPTION              21U
#define SO_ATTACH_FILTER_OPTION         26U
#define SO_ATTACH_BPF_OPTION            50U
#define SO_ATTACH_REUSEPORT_CBPF_OPTION 51U
#define SO_ATTACH_REUSEPORT_EBPF_OPTION 52U
#define PR_SET_VMA_OPTION               0x53564d41U
#define ARCH_SET_FS_OPTION              0x1002U

/* PTRACE, PARENT, NEWNS, UNTRACED, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, IO. */
#define CLONE_REFUSED                                                                              \
	(0x2000U | 0x8000U | 0x20000U | 0x800000U | 0x2000000U | 0x4000000U | 0x8000000U |         \
		0x10000000U | 0x20000000U | 0x40000000U | 0x80000000U)

#define ALLOW    SECCOMP_RET_ALLOW
#define HOSTILE  SECCOMP_RET_USER_NOTIF
#define ERR(num) (SECCOMP_RET_ERRNO | (num))

#define ANY                                                                                        \
	{                                                                                          \
		.used = false                                                                      \
	}
#define BITS(argument, bits, wanted)                                                               \
	{                                                                                          \
		.used = true, .arg = (argument), .mask = (bits), .value = (wanted)                 \
	}
#define IS(argument, wanted)  BITS(argument, UINT32_MAX, wanted)
#define CLEAR(argument, bits) BITS(argument, bits, 0)
#define CLEAR_AND_O_DIRECT(argument, bits)                                                         \
	{                                                                                          \
		.used = true, .o_direct = true, .arg = (argument), .mask = (bits)                  \
	}
#define NIL(argument)                                                                              \
	{                                                                                          \
		.used = true, .nil = true, .arg = (argument)                                       \
	}

#define GROUP(title, text)       {.group = (title), .reason = (text)},
#define CALL(call, what)         NEWCALL(call, -1, what)
#define NEWCALL(call, num, what) {.name = #call, .number = (num), .answer = (what)},
#define RULE(call, what, ...)    NEWRULE(call, -1, what, __VA_ARGS__)
#define NEWRULE(call, num, what, ...)                                                              \
	{.name = #call,                                                                            \
		.number = (num),                                                                   \
		.by_arguments = true,                                                              \
		.answer = (what),                                                                  \
		.tests = {__VA_ARGS__}},

const struct seccomp_row seccomp_rows[] = {
#include "runtime/syscalls.def"
};

const size_t seccomp_row_count = sizeof(seccomp_rows) / sizeof(seccomp_rows[0]);

static const struct filter_arch arches[] = {
	{"x86_64", AUDIT_ARCH_X86_64, 0x40000000, 00040000},
	{"aarch64", AUDIT_ARCH_AARCH64, 0, 00200000},
};

const struct filter_arch *filter_arch_find(const char *name)
{
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		if (!strcmp(arches[i].name, name))
			return &arches[i];
	return NULL;
}

const struct filter_arch *filter_arch_native(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	return filter_arch_find("x86_64");
#elif defined(__aarch64__) && !defined(__ILP32__)
	return filter_arch_find("aarch64");
#else
	return NULL;
#endif
}
