/*
 * What the filter must answer, written from the published table (pysbx-isolation(7)) and not from
 * runtime/syscalls.def: one C function over the whole of struct seccomp_data. Included by one file
 * per architecture, with that architecture's __NR_ numbers and its MODEL_ macros before it.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const int model_allowed[] = {
	__NR_read,
	__NR_write,
	__NR_readv,
	__NR_writev,
	__NR_pread64,
	__NR_pwrite64,
	__NR_preadv,
	__NR_pwritev,
	__NR_pwritev2,
	__NR_close,
	__NR_close_range,
	__NR_dup,
	__NR_dup3,
	__NR_lseek,
	__NR_fstat,
	__NR_newfstatat,
	__NR_statx,
	__NR_statfs,
	__NR_fstatfs,
	__NR_faccessat,
	__NR_faccessat2,
	__NR_readlinkat,
	__NR_getdents64,
	__NR_getcwd,
	__NR_chdir,
	__NR_fchdir,
	__NR_mkdirat,
	__NR_unlinkat,
	__NR_renameat,
	__NR_renameat2,
	__NR_linkat,
	__NR_symlinkat,
	__NR_utimensat,
	__NR_truncate,
	__NR_ftruncate,
	__NR_fallocate,
	__NR_flock,
	__NR_umask,
	__NR_sendfile,
	__NR_copy_file_range,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_brk,
	__NR_membarrier,
	__NR_mprotect,
	__NR_getpid,
	__NR_getppid,
	__NR_gettid,
	__NR_getuid,
	__NR_geteuid,
	__NR_getgid,
	__NR_getegid,
	__NR_getresuid,
	__NR_getresgid,
	__NR_getgroups,
	__NR_getpgid,
	__NR_getsid,
	__NR_getrusage,
	__NR_getrlimit,
	__NR_getpriority,
	__NR_sysinfo,
	__NR_uname,
	__NR_times,
	__NR_getcpu,
	__NR_sched_getaffinity,
	__NR_sched_yield,
	__NR_sched_getparam,
	__NR_sched_getscheduler,
	__NR_sched_get_priority_max,
	__NR_sched_get_priority_min,
	__NR_getrandom,
	__NR_clock_gettime,
	__NR_clock_getres,
	__NR_clock_nanosleep,
	__NR_nanosleep,
	__NR_gettimeofday,
	__NR_setitimer,
	__NR_getitimer,
	__NR_timerfd_create,
	__NR_timerfd_settime,
	__NR_timerfd_gettime,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_rt_sigpending,
	__NR_rt_sigtimedwait,
	__NR_rt_sigsuspend,
	__NR_sigaltstack,
	__NR_kill,
	__NR_tgkill,
	__NR_tkill,
	__NR_restart_syscall,
	__NR_futex,
	__NR_set_robust_list,
	__NR_rseq,
	__NR_set_tid_address,
	__NR_exit,
	__NR_exit_group,
	__NR_execve,
	__NR_wait4,
	__NR_waitid,
	__NR_setsid,
	__NR_setpgid,
	__NR_pidfd_open,
	__NR_ppoll,
	__NR_pselect6,
	__NR_epoll_create1,
	__NR_epoll_ctl,
	__NR_epoll_pwait,
	441 /* epoll_pwait2 */,
	__NR_eventfd2,
	__NR_pipe2,
	__NR_connect,
	__NR_bind,
	__NR_listen,
	__NR_accept,
	__NR_accept4,
	__NR_getsockname,
	__NR_getpeername,
	__NR_getsockopt,
	__NR_shutdown,
#ifdef __NR_open
	__NR_dup2,
	__NR_stat,
	__NR_lstat,
	__NR_access,
	__NR_readlink,
	__NR_mkdir,
	__NR_rmdir,
	__NR_unlink,
	__NR_rename,
	__NR_link,
	__NR_symlink,
	__NR_utime,
	__NR_utimes,
	__NR_futimesat,
	__NR_getpgrp,
	__NR_time,
	__NR_alarm,
	__NR_pause,
	__NR_vfork,
	__NR_fork,
	__NR_poll,
	__NR_select,
	__NR_epoll_create,
	__NR_epoll_wait,
	__NR_pipe,
#endif
};

static const int model_hostile[] = {
	__NR_mount,
	__NR_umount2,
	__NR_pivot_root,
	__NR_chroot,
	__NR_unshare,
	__NR_setns,
	__NR_ptrace,
	__NR_process_vm_readv,
	__NR_process_vm_writev,
	__NR_kcmp,
	__NR_bpf,
	__NR_perf_event_open,
	__NR_userfaultfd,
	__NR_keyctl,
	__NR_add_key,
	__NR_request_key,
	__NR_init_module,
	__NR_finit_module,
	__NR_delete_module,
	__NR_kexec_load,
	__NR_reboot,
	__NR_swapon,
	__NR_swapoff,
	__NR_acct,
	__NR_quotactl,
	__NR_open_by_handle_at,
	__NR_name_to_handle_at,
	__NR_fanotify_init,
	__NR_syslog,
	__NR_settimeofday,
	__NR_clock_settime,
	__NR_adjtimex,
	__NR_clock_adjtime,
	__NR_sethostname,
	__NR_setdomainname,
	__NR_vhangup,
	__NR_lookup_dcookie,
	__NR_nfsservctl,
	__NR_seccomp,
	__NR_kexec_file_load,
	/* io_uring 425-427; the mount calls; pidfd_getfd; process_madvise; process_mrelease */
	425,
	426,
	427,
	428,
	429,
	430,
	431,
	432,
	433,
	442,
	443,
	438,
	440,
	448,
	457,
	458,
	467,
#ifdef __NR_open
	__NR_iopl,
	__NR_ioperm,
	__NR_modify_ldt,
	__NR_uselib,
#endif
};

static const int model_enosys[] = {
	__NR_execveat,
	__NR_mbind,
	__NR_get_mempolicy,
	__NR_set_mempolicy,
	__NR_migrate_pages,
	__NR_move_pages,
	__NR_pkey_mprotect,
	__NR_pkey_alloc,
	__NR_pkey_free,
	435 /* clone3 */,
	437 /* openat2 */,
	444,
	445,
	446 /* landlock */,
};

static const int model_no_xattr[] = {
	__NR_setxattr,
	__NR_lsetxattr,
	__NR_fsetxattr,
	__NR_getxattr,
	__NR_lgetxattr,
	__NR_fgetxattr,
	__NR_listxattr,
	__NR_llistxattr,
	__NR_flistxattr,
	__NR_removexattr,
	__NR_lremovexattr,
	__NR_fremovexattr,
};

static bool model_has(const int *list, size_t length, int number)
{
	for (size_t i = 0; i < length; i++)
		if (list[i] == number)
			return true;
	return false;
}

#define MODEL_ERR(code)       (SECCOMP_RET_ERRNO | (uint32_t)(code))
#define MODEL_ALLOW_IF(right) ((right) ? SECCOMP_RET_ALLOW : MODEL_ERR(EPERM))

static uint32_t model_socket(uint32_t family, uint32_t type)
{
	if (family != 1)
		return MODEL_ERR(EAFNOSUPPORT);
	return (type & 15) == 1 || (type & 15) == 2 ? SECCOMP_RET_ALLOW
						    : MODEL_ERR(ESOCKTNOSUPPORT);
}

static uint32_t model_setsockopt(uint32_t option)
{
	switch (option) {
	case 2:  /* SO_REUSEADDR */
	case 6:  /* SO_BROADCAST */
	case 7:  /* SO_SNDBUF */
	case 8:  /* SO_RCVBUF */
	case 9:  /* SO_KEEPALIVE */
	case 13: /* SO_LINGER */
	case 15: /* SO_REUSEPORT */
	case 16: /* SO_PASSCRED */
	case 20: /* SO_RCVTIMEO */
	case 21: /* SO_SNDTIMEO */
		return SECCOMP_RET_ALLOW;
	case 26: /* SO_ATTACH_FILTER */
	case 50: /* SO_ATTACH_BPF */
	case 51: /* SO_ATTACH_REUSEPORT_CBPF */
	case 52: /* SO_ATTACH_REUSEPORT_EBPF */
		return SECCOMP_RET_USER_NOTIF;
	default:
		return MODEL_ERR(ENOPROTOOPT);
	}
}

static uint32_t model_ioctl(uint32_t request)
{
	switch (request) {
	case 0x5401: /* TCGETS */
	case 0x5413: /* TIOCGWINSZ */
	case 0x541b: /* FIONREAD */
	case 0x5421: /* FIONBIO */
	case 0x5450: /* FIONCLEX */
	case 0x5451: /* FIOCLEX */
		return SECCOMP_RET_ALLOW;
	case 0x5412: /* TIOCSTI */
	case 0x541c: /* TIOCLINUX */
	case 0x540e: /* TIOCSCTTY */
	case 0x5423: /* TIOCSETD */
		return SECCOMP_RET_USER_NOTIF;
	case 0x5422: /* TIOCNOTTY */
		return MODEL_ERR(EPERM);
	case 0x40049409: /* FICLONE */
		return MODEL_ERR(EOPNOTSUPP);
	default:
		return MODEL_ERR(ENOTTY);
	}
}

static uint32_t model_fcntl(uint32_t command, uint32_t flags)
{
	switch (command) {
	case 0:    /* F_DUPFD */
	case 1:    /* F_GETFD */
	case 2:    /* F_SETFD */
	case 3:    /* F_GETFL */
	case 5:    /* F_GETLK */
	case 6:    /* F_SETLK */
	case 7:    /* F_SETLKW */
	case 36:   /* F_OFD_GETLK */
	case 37:   /* F_OFD_SETLK */
	case 38:   /* F_OFD_SETLKW */
	case 1030: /* F_DUPFD_CLOEXEC */
	case 1032: /* F_GETPIPE_SZ */
	case 1033: /* F_ADD_SEALS */
	case 1034: /* F_GET_SEALS */
		return SECCOMP_RET_ALLOW;
	case 4: /* F_SETFL */
		return MODEL_ALLOW_IF(!(flags & (020000 | 01000000 | MODEL_O_DIRECT)));
	default:
		return MODEL_ERR(EPERM);
	}
}

static uint32_t model_prctl(uint32_t option)
{
	switch (option) {
	case 15: /* PR_SET_NAME */
	case 16: /* PR_GET_NAME */
	case 1:  /* PR_SET_PDEATHSIG */
	case 2:  /* PR_GET_PDEATHSIG */
	case 3:  /* PR_GET_DUMPABLE */
	case 39: /* PR_GET_NO_NEW_PRIVS */
	case 23: /* PR_CAPBSET_READ */
		return SECCOMP_RET_ALLOW;
	case 0x53564d41: /* PR_SET_VMA */
		return MODEL_ERR(EINVAL);
	default:
		return MODEL_ERR(EPERM);
	}
}

static uint32_t model_open(uint32_t flags, uint32_t mode)
{
	/* O_CREAT, or the bit of O_TMPFILE that is its own */
	bool creates = (flags & 0100) || (flags & 020000000);

	return MODEL_ALLOW_IF(!creates || !(mode & 06000));
}

static uint32_t model_mknod(uint32_t mode)
{
	uint32_t kind = mode & 0170000;

	return MODEL_ALLOW_IF((kind == 0010000 || kind == 0100000 || kind == 0) && !(mode & 06000));
}

static uint32_t model_prlimit(uint32_t pid, uint32_t resource, uint64_t limit)
{
	return MODEL_ALLOW_IF(pid == 0 && (limit == 0 || resource != 4));
}

/* Namespaces (fork's exit signal is in the low byte), tracing, I/O context, parent. */
static uint32_t model_clone(uint32_t flags)
{
	static const uint32_t refused[] = {0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000,
		0x20000000, 0x40000000, 0x2000, 0x800000, 0x80000000, 0x8000};

	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
		if (flags & refused[i])
			return MODEL_ERR(EPERM);
	return SECCOMP_RET_ALLOW;
}

/* True with the answer in *ret if the arguments decide. */
static bool model_by_arguments(int number, const uint32_t *low, uint64_t third, uint32_t *ret)
{
	switch (number) {
	case __NR_openat:
		*ret = model_open(low[2], low[3]);
		return true;
	case __NR_mmap:
		*ret = MODEL_ALLOW_IF(!(low[3] & 0x40000));
		return true;
	case __NR_ioctl:
		*ret = model_ioctl(low[1]);
		return true;
	case __NR_fcntl:
		*ret = model_fcntl(low[1], low[2]);
		return true;
	case __NR_clone:
		*ret = model_clone(low[0]);
		return true;
	case __NR_sendto:
	case __NR_recvfrom:
		*ret = MODEL_ALLOW_IF(!(low[3] & 1));
		return true;
	case __NR_sendmsg:
	case __NR_recvmsg:
		*ret = MODEL_ALLOW_IF(!(low[2] & 1));
		return true;
	case __NR_socket:
	case __NR_socketpair:
		*ret = model_socket(low[0], low[1]);
		return true;
	case __NR_setsockopt:
		*ret = model_setsockopt(low[2]);
		return true;
	case __NR_preadv2:
		*ret = low[5] & 8 ? MODEL_ERR(EOPNOTSUPP) : SECCOMP_RET_ALLOW;
		return true;
	case __NR_fadvise64:
	case __NR_fsync:
	case __NR_fdatasync:
		*ret = MODEL_ERR(0);
		return true;
	case __NR_msync:
		*ret = low[2] & 4 ? MODEL_ERR(0) : SECCOMP_RET_ALLOW;
		return true;
	case __NR_prlimit64:
		*ret = model_prlimit(low[0], low[1], third);
		return true;
	case __NR_prctl:
		*ret = model_prctl(low[0]);
		return true;
	case __NR_fchmod:
		*ret = MODEL_ALLOW_IF(!(low[1] & 06000));
		return true;
	case __NR_fchmodat:
	case 452: /* fchmodat2 */
		*ret = MODEL_ALLOW_IF(!(low[2] & 06000));
		return true;
	case __NR_mknodat:
		*ret = model_mknod(low[2]);
		return true;
	case __NR_memfd_create:
		*ret = MODEL_ALLOW_IF(!(low[1] & 4));
		return true;
#ifdef __NR_open
	case __NR_open:
		*ret = model_open(low[1], low[2]);
		return true;
	case __NR_creat:
	case __NR_chmod:
		*ret = MODEL_ALLOW_IF(!(low[1] & 06000));
		return true;
	case __NR_mknod:
		*ret = model_mknod(low[1]);
		return true;
	case __NR_arch_prctl:
		*ret = low[0] == 0x1002 ? SECCOMP_RET_ALLOW : MODEL_ERR(EINVAL);
		return true;
#endif
	default:
		return false;
	}
}

uint32_t MODEL_FUNCTION(const struct seccomp_data *data);
uint32_t MODEL_FUNCTION(const struct seccomp_data *data)
{
	uint32_t low[6], answer;

	if (data->arch != MODEL_ARCH)
		return SECCOMP_RET_KILL_PROCESS;
	if (MODEL_X32 && data->nr != -1 && (uint32_t)data->nr >= 0x40000000)
		return SECCOMP_RET_KILL_PROCESS;
	for (int i = 0; i < 6; i++)
		low[i] = (uint32_t)data->args[i];
	if (model_by_arguments(data->nr, low, data->args[2], &answer))
		return answer;
	if (model_has(model_allowed, ARRAY_LENGTH(model_allowed), data->nr))
		return SECCOMP_RET_ALLOW;
	if (model_has(model_hostile, ARRAY_LENGTH(model_hostile), data->nr))
		return SECCOMP_RET_USER_NOTIF;
	if (model_has(model_enosys, ARRAY_LENGTH(model_enosys), data->nr))
		return MODEL_ERR(ENOSYS);
	if (model_has(model_no_xattr, ARRAY_LENGTH(model_no_xattr), data->nr))
		return MODEL_ERR(EOPNOTSUPP);
	/* Known calls, up to Linux 5.14's memfd_secret; what is newer looks absent. */
	if (MODEL_KNOWN(data->nr) || data->nr == 424 || data->nr == 447)
		return MODEL_ERR(EPERM);
	return MODEL_ERR(ENOSYS);
}
