"""System calls that no program needs, and other ways to make one."""

from frame import *  # noqa: F403 (left out where the files are joined)


# The system call interface

@row("P143", "clone3 is absent, and threads work all the same", value([ENOSYS, 1]), done)
def clone3():
    try:
        sc(435, 0, 0)
        first = 0
    except OSError as error:
        first = error.errno
    seen = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    return [first, len(seen)]


@row("P147", "calls of the 32-bit interface kill", killed, other_than(killed))
def int80():
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


@row("P148", "calls of the x32 interface kill", killed, other_than(killed))
def x32():
    return sc(0x40000000 | 39)



# Calls into the kernel that no program needs. Arguments are such that the kernel refuses them in its own way.

@row("P150", "the new mount calls are refused", all_refused(EPERM), any_but(EPERM, ENOSYS))
def new_mount_calls():
    return each({"open_tree": (428, -1, 0, 0), "move_mount": (429, -1, 0, -1, 0, 0), "fsopen": (430, 0, 99),
                 "fsconfig": (431, -1, 0, 0, 0, 0), "fsmount": (432, -1, 0, 0), "fspick": (433, -1, 0, 0),
                 "mount_setattr": (442, -1, 0, 0, 0, 0), "statmount": (457, 0, 0, 0, 0), "listmount": (458, 0, 0, 0, 0)})


@row("P65 P151", "no other process can be traced, compared or read", all_refused(EPERM), any_but(EPERM, ENOSYS))
def foreign_insides():
    return each({"ptrace": (101, 0x4206, 0, 0, 0), "attach": (101, 16, -1, 0, 0), "process_vm_readv": (310, 0, 0, 0, 0, 0, 0),
                 "process_vm_writev": (311, 0, 0, 0, 0, 0, 0), "kcmp": (312, 0, 0, 99, 0, 0), "process_madvise": (440, -1, 0, 0, 0, 0),
                 "process_mrelease": (448, -1, 0), "pidfd_getfd": (438, -1, 0, 0)})


@row("P153 P154", "no io_uring, no bpf, no perf events, no userfaultfd", all_refused(EPERM), any_but(EPERM, ENOSYS))
def kernel_engines():
    return each({"io_uring_setup": (425, 0, 1), "io_uring_enter": (426, -1, 0, 0, 0, 0, 0), "io_uring_register": (427, -1, 0, 0, 0),
                 "bpf": (321, 9999, 1, 8), "perf_event_open": (298, 1, 0, -1, -1, 0), "userfaultfd": (323, -1)})


@row("P155", "no file handles", all_refused(EPERM), any_but(EPERM, ENOSYS))
def file_handles():
    return each({"name_to_handle_at": (303, -1, 1, 1, 1, 0), "open_by_handle_at": (304, -1, 1, 0)})


@row("P157", "the personality is fixed", all_refused(EPERM), any_but(EPERM))
def personality():
    return each({hex(flag): (135, flag) for flag in (0xffffffff, 0x40000, 0x400000, 8)})


@row("P158", "the machine's modules, power, swap and log are out of reach", all_refused(EPERM), any_but(EPERM, ENOSYS))
def machine_calls():
    return each({"init_module": (175, 1, 1, 1), "finit_module": (313, -1, 1, 0), "delete_module": (176, 1, 0),
                 "kexec_load": (246, 0, 0, 0, -1), "reboot": (169, 0, 0, 0, 0), "swapon": (167, 1, -1), "swapoff": (168, 1),
                 "acct": (163, 1), "quotactl": (179, -1, 0, 0, 0), "syslog": (103, 99, 0, 0), "sethostname": (170, 1, -1),
                 "setdomainname": (171, 1, -1), "iopl": (172, 99), "ioperm": (173, -1, 1, 1), "modify_ldt": (154, 1, 0, 0),
                 "lookup_dcookie": (212, 0, 0, 0), "uselib": (134, 1)})


@row("P158", "the terminal cannot be hung up", refused(EPERM), "it would hang up the tester's own terminal")
def hang_up():
    return sc(153)


@row("P159", "no keys", all_refused(EPERM), any_but(EPERM, ENOSYS))
def keys():
    return each({"keyctl": (250, 9999), "add_key": (248, 1, 1, 0, 0, 0), "request_key": (249, 1, 1, 0, 0)})


@row("P160", "no kernel timers, no old asynchronous input and output", all_refused(EPERM), any_but(EPERM, ENOSYS))
def timers():
    return each({"timer_create": (222, 99, 0, 0), "timer_delete": (226, -1), "io_setup": (206, 0, 0), "io_destroy": (207, 0)})


@row("P161", "no splicing", all_refused(EPERM), any_but(EPERM))
def splicing():
    return each({"splice": (275, -1, 0, -1, 0, 1, 0), "tee": (276, -1, -1, 1, 0), "vmsplice": (278, -1, 0, 0, 0)})


@row("P162", "no memory policy", all_refused(EPERM, ENOSYS), any_but(EPERM, ENOSYS))
def memory_policy():
    return each({"mbind": (237, 0, 0, 99, 0, 0, 0), "set_mempolicy": (238, 99, 0, 0), "get_mempolicy": (239, 0, 0, 0, 0, 99),
                 "migrate_pages": (256, 0, 0, 0, 0), "move_pages": (279, 0, 0, 0, 0, 0, 99)})


@row("P164", "no fanotify", all_refused(EPERM), any_but(EPERM, ENOSYS))
def fanotify():
    return each({"fanotify_init": (300, -1, 0), "fanotify_mark": (301, -1, 0, 0, -1, 0)})


@row("P165", "Landlock and seccomp cannot be called", all_refused(EPERM, ENOSYS), any_but(EPERM, ENOSYS))
def own_filters():
    return each({"landlock_create_ruleset": (444, 0, 0, 1), "landlock_restrict_self": (446, -1, 0), "seccomp": (317, 99, 0, 0)})


@row("P167", "old and rare calls are refused", all_refused(EPERM, ENOSYS), any_but(EPERM, ENOSYS))
def rare_calls():
    return each({"ustat": (136, 0, 0), "sysfs": (139, 3), "_sysctl": (156, 1), "nfsservctl": (180, 0, 0, 0), "getdents": (78, -1, 0, 0),
                 "lsm_list_modules": (461, 0, 0, 0), "signalfd": (282, -1, 1, 8), "memfd_secret": (447, 0x99)})



# What the result names of them (denied_syscalls), where there is a listener.
HOSTILE_NAMES = {
    "mount_calls": {"mount", "umount2", "pivot_root", "chroot"},
    "namespaces_made": {"unshare", "setns"},
    "new_mount_calls": {"open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"},
    "foreign_insides": {"ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "process_madvise", "pidfd_getfd"},
    "kernel_engines": {"io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "userfaultfd"},
    "machine_calls": {"init_module", "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "swapoff", "acct",
                      "quotactl", "syslog", "sethostname", "setdomainname", "iopl", "ioperm", "modify_ldt"},
    "keys": {"keyctl", "add_key", "request_key"},
    "clocks_set": {"clock_settime", "settimeofday", "adjtimex", "clock_adjtime"},
    "hang_up": {"vhangup"},
}
