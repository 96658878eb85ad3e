#!/usr/bin/env python3
"""What a program inside can reach: the rows of the containment table, each with its control outside.

A row holds if the probe inside came to nothing; it is SKIP where the same probe came to nothing outside too, because then
it has proved nothing. Rows that need a run of their own, or other limits, follow in test_limits.py; those about callers
and the supervisor are in test_callers.py. Rows that test_run.py, test_filter.py and the units of the filter and of
Landlock have (P1, P7, P9, P11-15, P22, P25, P26, P28, P39, P61-66, P146 ...) are not repeated.
"""

import ctypes
import errno
import json
import mmap
import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from probes import ROWS, all_refused, any_but, done, each, opened, other_than, program, refused, row, sc, value
from sandbox import main

EPERM, ENOENT, EIO, ENXIO, EBADF, EACCES, EEXIST, ENODEV, EINVAL, EMFILE, ENOTTY, EROFS, ESPIPE = (
    1, 2, 5, 6, 9, 13, 17, 19, 22, 24, 25, 30, 29)
ENOSYS, EAFNOSUPPORT, EOPNOTSUPP, ENOTSOCK, ESOCKTNOSUPPORT, ETXTBSY = 38, 97, 95, 88, 94, 26


# Identity

@row("P4", "ids cannot be changed", all_refused(EPERM), any_but(EPERM))
def ids_stay():
    return each({"setuid": (105, 0), "setgid": (106, 0), "setresuid": (117, 0, 0, 0), "setresgid": (119, 0, 0, 0),
                 "setgroups": (116, 0, 0), "setfsuid": (122, 0), "setreuid": (113, 0, 0)})


@row("P5", "files shown as owned by 65534 are not its own", all_refused(EPERM, EACCES, EROFS, ENOENT),
     other_than(done))
def shown_owner_is_no_right():
    found = {}
    for path in ("/", "/usr/lib/" + os.listdir("/usr/lib")[0], "/etc/passwd", "/dev/null", "/sandbox/<string>"):
        if os.stat(path).st_uid != 65534:
            raise LookupError(path)
        for name, act in (("chmod", lambda: os.chmod(path, 0o777)), ("utime", lambda: os.utime(path)),
                          ("rename", lambda: os.rename(path, path + "x")), ("unlink", lambda: os.unlink(path))):
            try:
                act()
                found[path + name] = 0
            except IsADirectoryError:
                pass
            except OSError as error:
                found[path + name] = errno.EROFS if error.errno == errno.EBUSY else error.errno
    return found


@row("P6", "the user database is synthetic", value([["root", "nobody"], "nobody"]), done)
def users():
    import pwd
    return [[user.pw_name for user in pwd.getpwall()], pwd.getpwuid(os.getuid()).pw_name]


@row("P8", "the host's name is not shown", value(["sandbox", "sandbox"]), other_than(value(["sandbox", "sandbox"])))
def host_name():
    return [socket.gethostname(), os.uname().nodename]


@row("P10", "no set-id program is there but on a mount where the bit means nothing", value([]), other_than(value([])))
def set_id_programs():
    found = []
    for top in ("/usr/bin", "/usr/sbin", "/usr/lib", "/opt", "/bin", "/sbin"):
        for folder, _, names in os.walk(top):
            for name in names:
                try:
                    mode = os.lstat(os.path.join(folder, name)).st_mode
                except OSError:
                    continue
                flags = os.statvfs(folder).f_flag
                if stat.S_ISREG(mode) and mode & 0o6000 and not flags & os.ST_NOSUID:
                    found.append(os.path.join(folder, name))
    return found


# Capabilities and namespaces

@row("P16", "no namespace can be made or entered", all_refused(EPERM), any_but(EPERM))
def namespaces_made():
    return each({"user": (272, 0x10000000), "setns": (308, -1, 0), "none": (272, 0)})


@row("P17", "clone takes no namespace flag", all_refused(EPERM), any_but(EPERM))
def namespaces_cloned():
    # CLONE_SIGHAND without CLONE_VM is EINVAL whatever else is asked for, once a kernel looks.
    flags = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000,
             "uts": 0x4000000, "cgroup": 0x2000000, "ptrace": 0x2000, "parent": 0x8000, "io": 0x80000000}
    return each({name: (56, flag | 0x800 | 17, 0, 0, 0, 0) for name, flag in flags.items()})


@row("P19", "every namespace is another than the host's", done, done)
def namespace_links():
    return {name: os.readlink("/proc/self/ns/" + name) for name in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")}


@row("P20", "capabilities and securebits cannot be touched", all_refused(EPERM), any_but(EPERM))
def capability_calls():
    header = struct.pack("=Ii", 0x20080522, 0)
    data = bytes(24)
    buffers = [ctypes.create_string_buffer(text, len(text)) for text in (header, data)]
    at = [ctypes.addressof(buffer) for buffer in buffers]
    return each({"capget": (125, at[0], at[1]), "capset": (126, at[0], at[1]), "ambient": (157, 47, 2, 99, 0, 0),
                 "securebits": (157, 28, -1), "keepcaps": (157, 8, 2), "dumpable": (157, 4, 9), "tsc": (157, 26, 9),
                 "seccomp": (157, 22, 9), "mm": (157, 35, 99, 0, 0, 0), "ptracer": (157, 0x59616d61, -2)})


# Files and mounts

@row("P21", "no mount is the host's root, and none is left of the old one", value([]), other_than(value([])))
def host_root_mounted():
    lines = open("/proc/self/mountinfo").read().splitlines()
    return [line for line in lines if line.split()[3] == "/" and line.split()[4] != "/"
            and line.split(" - ")[1].split()[0] not in ("tmpfs", "proc")] + [
        line for line in lines if line.split()[4] == "/" and line.split(" - ")[1].split()[0] != "tmpfs"]


@row("P24", "no mount can be made, moved or taken away, by old calls or new", all_refused(EPERM), any_but(EPERM))
def mount_calls():
    return each({"mount": (165, 1, 1, 1, 0, 0), "umount2": (166, 1, 0), "pivot_root": (155, 1, 1), "chroot": (161, 1)})


@row("P27", "the flags of the mounts are those promised", value([True] * 6), other_than(value([True] * 6)))
def mount_flags():
    def has(path, flags):
        return os.statvfs(path).f_flag & flags == flags
    return [has("/usr/lib", os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV), has("/", os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV),
            has("/tmp", os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC), has("/dev/shm", os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC),
            has("/proc", os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC), has("/dev/null", os.ST_RDONLY | os.ST_NOSUID | os.ST_NOEXEC)]


@row("P29", "a memfd that is executed stays as contained", value([["65534"] * 4, "2", "0" * 16]),
     other_than(value([["65534"] * 4, "2", "0" * 16])))
def memfd_executed():
    # Allowed: what runs is under the same filter, ids and mounts. execveat is absent.
    fd = os.memfd_create("program", 0)
    with open(sys.executable, "rb") as file:
        os.write(fd, file.read())
    read, write = os.pipe()
    os.set_inheritable(write, True)
    os.set_inheritable(fd, True)
    if os.fork() == 0:
        code = f"import os; os.write({write}, open('/proc/self/status').read().encode())"
        try:
            os.execve(f"/proc/self/fd/{fd}", ["python", "-S", "-c", code], dict(os.environ, PYTHONHOME=sys.prefix))
        except OSError:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as file:
        lines = dict(line.split(":", 1) for line in file.read().splitlines())
    return [lines["Uid"].split(), lines["Seccomp"].strip(), lines["CapEff"].strip()]


@row("P29", "execveat is absent", refused(ENOSYS), other_than(refused(ENOSYS)))
def execveat():
    return sc(322, -1, 0, 0, 0, 0)


@row("P30", "no device node can be made, a pipe can", value([EPERM, EPERM, 0, 0]), done)
def nodes_made():
    found = []
    with tempfile.TemporaryDirectory() as place:
        for mode, device in ((stat.S_IFCHR, os.makedev(1, 3)), (stat.S_IFBLK, os.makedev(7, 0)), (stat.S_IFIFO, 0),
                             (stat.S_IFREG, 0)):
            try:
                os.mknod(f"{place}/{len(found)}", mode | 0o600, device)
                found.append(0)
            except OSError as error:
                found.append(error.errno)
    return found


@row("P33", "no socket of the host is in the tree", value([]), other_than(value([])))
def sockets_in_tree():
    found = []
    for top in ("/run", "/tmp", "/dev", "/var", "/usr/lib", "/etc", "/opt"):
        for folder, _, names in os.walk(top):
            found += [name for name in names if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)]
    return found


@row("P34", "a link through /proc/1/root leads nowhere", all_refused(ENOENT, EACCES, EPERM), any_but(ENOENT, EACCES, EPERM))
def link_through_init():
    with tempfile.TemporaryDirectory() as place:
        os.symlink("/proc/1/root/etc/passwd", f"{place}/l")
        os.symlink(f"/proc/{os.getppid()}/root/../../etc/shadow", f"{place}/m")
        return opened([f"{place}/l", f"{place}/m"])


@row("P35", "extended attributes are not to be had", all_refused(EOPNOTSUPP), any_but(EOPNOTSUPP))
def extended_attributes():
    path = ctypes.create_string_buffer(os.fsencode(sys.executable))
    name = ctypes.create_string_buffer(b"user.x")
    at = [ctypes.addressof(path), ctypes.addressof(name)]
    return each({"listxattr": (194, at[0], 0, 0), "llistxattr": (195, at[0], 0, 0), "getxattr": (191, at[0], at[1], 0, 0),
                 "setxattr": (188, 1, at[1], 0, 0, 9), "removexattr": (197, 1, at[1])})


@row("P38", "mountinfo tells no path of an upper layer", value(False), done)
def upper_layers():
    return "upperdir=" in open("/proc/self/mountinfo").read()


# Modes and sizes of files

@row("P45", "no file can be made set-id", all_refused(EPERM), any_but(EPERM))
def set_id_made():
    with tempfile.TemporaryDirectory() as place:
        paths = [ctypes.create_string_buffer(f"{place}/{n}".encode()) for n in range(8)]
        at = [ctypes.addressof(path) for path in paths]
        fd = os.open(f"{place}/0", os.O_CREAT | os.O_RDWR)
        return each({"chmod u": (90, at[0], 0o4755), "chmod g": (90, at[0], 0o2755), "fchmod": (91, fd, 0o4755),
                     "fchmodat": (268, -100, at[0], 0o4755), "high bits": (90, at[0], 0x1_0000_0000 | 0o4755),
                     "open": (2, at[1], os.O_CREAT, 0o4755), "openat": (257, -100, at[2], os.O_CREAT, 0o4755),
                     "creat": (85, at[3], 0o4755), "mknod": (133, at[4], 0o104755, 0),
                     "O_TMPFILE": (257, -100, ctypes.addressof(ctypes.create_string_buffer(place.encode())),
                                   0o20200002, 0o4700)})


# /proc, /sys, /dev

@row("P55", "/proc is mounted with subset=pid and hidepid", value(True), value(False))
def proc_options():
    line = next(line for line in open("/proc/self/mountinfo") if line.split()[4] == "/proc")
    left, right = line.split(" - ")
    return {"nosuid", "nodev", "noexec"} <= set(left.split()[5].split(",")) and {
        "subset=pid", "hidepid=invisible"} <= set(right.split()[2].split(","))


@row("P57", "the interpreter cannot be opened for writing", all_refused(EROFS, EACCES), any_but(EROFS, EACCES))
def own_program():
    return opened(["/proc/self/exe", os.readlink("/proc/self/exe"), sys.executable], os.O_RDWR)


@row("P58", "root and working directory are inside", value(["/", "/", "/tmp", True]), other_than(
    value(["/", "/", "/tmp", True])))
def own_root():
    return [os.readlink("/proc/self/root"), os.readlink(f"/proc/self/task/{os.getpid()}/root"),
            os.readlink("/proc/self/cwd"), os.stat("/proc/self/root").st_ino == os.stat("/").st_ino
            and os.stat("/..").st_ino == os.stat("/").st_ino]


@row("P60", "the score, the maps and the attributes of a process cannot be raised", all_refused(EPERM, EACCES, EINVAL, ENOENT),
     any_but(EPERM, EACCES, EINVAL, ENOENT))
def own_proc_files():
    found = {}
    for name, text in (("oom_score_adj", "-1000"), ("oom_score_adj", "0"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1"),
                       ("setgroups", "allow"), ("attr/current", "unconfined"), ("loginuid", "0")):
        try:
            fd = os.open("/proc/self/" + name, os.O_WRONLY)
            os.write(fd, text.encode())
            found[name + text] = 0
        except OSError as error:
            found[name + text] = error.errno
    return found


@row("P67", "switches of the kernel are not there", all_refused(ENOENT), any_but(ENOENT))
def kernel_switches():
    return opened(["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory",
                   "/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/random/boot_id", "/sys/kernel/uevent_helper",
                   "/sys/power/state", "/sys/kernel/mm/ksm/run", "/sys/fs/cgroup", "/sys", "/proc/sys",
                   "/sys/kernel/security", "/sys/class/net", "/sys/block", "/sys/class/dmi/id"])


@row("P70", "nothing of /proc is there but processes", all_refused(ENOENT), any_but(ENOENT, EACCES, EPERM))
def kernel_tables():
    return opened(["/proc/" + name for name in (
        "sysrq-trigger", "kcore", "kallsyms", "kmsg", "kpagecount", "keys", "timer_list", "sched_debug", "interrupts", "modules",
        "slabinfo", "vmallocinfo", "iomem", "stat", "meminfo", "loadavg", "uptime", "cmdline", "version", "cpuinfo",
        "pressure/cpu", "net/dev", "mounts", "filesystems", "key-users", "locks", "diskstats", "self/net/../../../etc/shadow")
        if name != "mounts"])


@row("P72", "the control groups' tree is not there", value(False), value(True))
def group_tree():
    return os.path.exists("/sys/fs/cgroup/cgroup.procs") or os.path.exists("/sys/fs/cgroup")


@row("P74", "/dev holds what Python needs and no more", value(
    ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"]), done)
def devices():
    return sorted(os.listdir("/dev"))


@row("P75", "no device of the host can be opened", all_refused(ENOENT, ENXIO), any_but(ENOENT, ENXIO, EACCES, EPERM))
def host_devices():
    return opened(["/dev/" + name for name in (
        "kmsg", "mem", "port", "kvm", "fuse", "net/tun", "vhost-vsock", "vsock", "userfaultfd", "loop-control", "loop0", "vda",
        "sda", "dri/card0", "nvidia0", "input/event0", "ptmx", "pts/ptmx", "tty", "console", "hwrng", "cpu_dma_latency", "tty0",
        "mqueue", "hugepages", "log")])


@row("P77", "what names the machine is not there", all_refused(ENOENT), any_but(ENOENT))
def machine_names():
    return opened(["/etc/machine-id", "/etc/hostname", "/etc/resolv.conf", "/etc/os-release", "/var/lib/dbus/machine-id",
                   "/proc/version", "/proc/cmdline", "/etc/ssh", "/etc/shadow", "/etc/fstab", "/etc/mtab"])


@row("P79", "no interface but lo, no socket of the host", value([["lo"], 1]), other_than(value([["lo"], 1])))
def own_network():
    names = sorted(line.split(":")[0].strip() for line in open("/proc/self/net/dev").read().splitlines()[2:])
    return [names, len(open("/proc/self/net/unix").read().splitlines())]


# Network and message objects

@row("P82", "metadata service, Docker's port and loopback cannot be tried", all_refused(EAFNOSUPPORT), any_but(EAFNOSUPPORT))
def addresses():
    found = {}
    for family, address in ((socket.AF_INET, ("127.0.0.1", 9)), (socket.AF_INET, ("169.254.169.254", 80)),
                            (socket.AF_INET6, ("::1", 9))):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as tried:
                tried.settimeout(0.05)
                # Outside, loopback's discard port only: no packet leaves the machine.
                if address[0] in ("127.0.0.1", "::1"):
                    tried.connect(address)
            found[address[0]] = 0
        except OSError as error:
            found[address[0]] = error.errno or 110
    return found


@row("P84", "no netlink socket", all_refused(EAFNOSUPPORT), any_but(EAFNOSUPPORT))
def netlink():
    return each({str(protocol): (41, 16, 3, protocol) for protocol in (0, 9, 12, 15, 16)})


@row("P85", "no packet or raw socket", all_refused(EAFNOSUPPORT), any_but(EAFNOSUPPORT, EPERM))
def raw_sockets():
    return each({"packet": (41, 17, 3, 0), "raw": (41, 2, 3, 1), "xdp": (41, 44, 3, 0)})


@row("P87", "no vsock or kernel crypto socket, whatever stands in the upper half", all_refused(EAFNOSUPPORT),
     any_but(EAFNOSUPPORT))
def upper_half_families():
    calls = {}
    for family in (40, 38, 2, 16):
        for kind in (1, 2, 3, 5):
            calls[f"{family} {kind}"] = (41, family, kind, 0)
            calls[f"{family} {kind} high"] = (41, 0x1_0000_0000 | family, kind, 0)
    return each(calls)


@row("P89", "of all families and kinds only local streams and datagrams exist", value(["1 1", "1 2"]), lambda found: len(
    found["value"]) > 2)
def families():
    # Outside, only families that every kernel has built in: trying the rest would load modules.
    inside = socket.gethostname() == "sandbox"
    made = []
    for family in range(64) if inside else (1, 2, 10, 16):
        for kind in (1, 2, 3, 4, 5, 10):
            try:
                socket.socket(family, kind, 0).close()
                made.append(f"{family} {kind}")
            except OSError:
                pass
    return made


@row("P91", "no System V object, no message queue", all_refused(EPERM), any_but(EPERM))
def message_objects():
    return each({"shmget": (29, 0x70737978, 4096, 0), "semget": (64, 0x70737978, 1, 0), "msgget": (68, 0x70737978, 0),
                 "shmat": (30, -1, 0, 0), "shmctl": (31, -1, 0, 0), "mq_open": (240, 1, 0, 0, 0),
                 "mq_unlink": (241, 1)})


# Processes, clocks, limits

@row("P110", "no huge pages, as a memfd or a mapping", all_refused(EPERM), any_but(EPERM))
def huge_pages():
    name = ctypes.create_string_buffer(b"x")
    return each({"memfd": (319, ctypes.addressof(name), 4), "mmap": (9, 0, 2 << 20, 3, 0x40022, -1, 0)})


@row("P111", "a pipe cannot be made larger", refused(EPERM), done)
def pipe_size():
    import fcntl
    return fcntl.fcntl(os.pipe()[1], 1031, 8192)


@row("P112", "the core limit, which keeps helpers from being started, cannot be changed", refused(EPERM), done)
def core_limit():
    import resource
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, limits[1]))
    except ValueError:
        raise OSError(1, "")
    except PermissionError:
        raise OSError(1, "")
    return limits


@row("P114", "a thousand terabytes of address space are none of memory", done, done)
def address_space():
    count = 0
    try:
        for _ in range(1000):
            sc(9, 0, 1 << 40, 0, 0x4022, -1, 0)
            count += 1
    except OSError:
        pass
    return count


@row("P120", "the clock cannot be set", all_refused(EPERM), any_but(EPERM))
def clocks_set():
    return each({"clock_settime": (227, -99, 1), "settimeofday": (164, 1, 1), "adjtimex": (159, 1), "clock_adjtime": (305, -99, 1)})


@row("P121", "scheduling cannot be bettered", all_refused(EPERM), any_but(EPERM))
def scheduling():
    return each({"setscheduler": (144, 0, 99, 0), "setattr": (314, 0, 0, 0), "setparam": (142, 0, 0), "nice": (141, 9, 0, -5),
                 "ioprio": (251, 9, 0, 0), "affinity": (203, 0, 0, 0)})


@row("P122", "another process's clock cannot be read", refused(EINVAL), done)
def foreign_clock():
    # Outside there is a process 1 to be seen.
    pid = 4000 if socket.gethostname() == "sandbox" else 1
    return time.clock_gettime_ns((~pid << 3) | 2)


@row("P124", "no hard limit can be raised", value([]), other_than(value([])))
def limits_raised():
    import resource
    raised = []
    for name in ("FSIZE", "NOFILE", "STACK", "MEMLOCK", "NICE", "RTPRIO", "SIGPENDING", "MSGQUEUE"):
        number = getattr(resource, "RLIMIT_" + name, {"SIGPENDING": 11}.get(name))
        hard = resource.getrlimit(number)[1]
        lower = 1 << 22 if hard == resource.RLIM_INFINITY else hard // 2
        resource.setrlimit(number, (lower, lower))
        try:
            resource.setrlimit(number, (lower, lower + 1))
            raised.append(name)
        except (OSError, ValueError):
            pass
    return raised


@row("P126", "limits of other processes cannot be read or set", all_refused(EPERM), any_but(EPERM))
def limits_of_others():
    return each({"init": (302, 1, 7, 0, 0), "parent": (302, os.getppid(), 7, 0, 0), "self by pid": (302, os.getpid(), 7, 0, 0)})


@row("P128", "no inotify", refused(EPERM), done)
def inotify():
    return sc(294, 0)


@row("P130", "arguments have the kernel's limit", refused(7), refused(7))
def long_arguments():
    os.execve(sys.executable, ["python", "x" * (4 << 20)], {})


# Descriptors and terminal

@row("P136", "stdout is its pipe and nothing else", value([ESPIPE, EINVAL]), done)
def stdout_again():
    found = []
    for act in (lambda: os.lseek(1, 0, 0), lambda: os.ftruncate(1, 0)):
        try:
            act()
            found.append(0)
        except OSError as error:
            found.append(error.errno)
    return found


@row("P138", "no descriptor comes through stdio, none from another process", value([ENOTSOCK] * 3 + [EPERM]), done)
def descriptors_fetched():
    found = []
    for fd in (0, 1, 2):
        try:
            with socket.socket(fileno=os.dup(fd)) as tried:
                tried.recvmsg(1, 64, socket.MSG_DONTWAIT)
            found.append(0)
        except OSError as error:
            found.append(error.errno)
    try:
        found.append(sc(438, -1, 0, 0))
    except OSError as error:
        found.append(error.errno)
    return found


@row("P140", "no terminal control, whatever stands in the upper half", all_refused(EPERM, ENOTTY), any_but(EPERM, ENOTTY))
def terminal_controls():
    numbers = {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541c, "TIOCSCTTY": 0x540e, "TIOCNOTTY": 0x5422, "TIOCSETD": 0x5423,
               "TCSETS": 0x5402, "TIOCSPGRP": 0x5410, "TIOCCONS": 0x541d, "FIOASYNC": 0x5452, "KDSETMODE": 0x4b3a,
               "FS_IOC_GETFLAGS": 0x80086601}
    fd = os.open("/dev/null", os.O_RDONLY)
    found = {}
    for name, number in numbers.items():
        for high in (0, 1 << 32):
            found.update(each({f"{name} {high}": (16, fd if socket.gethostname() == "sandbox" else -1, high | number, 1)}))
    return found


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


@row("P147", "calls of the 32-bit interface kill", lambda found: found == {"signal": 31}, other_than(
    lambda found: found == {"signal": 31}))
def int80():
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


@row("P148", "calls of the x32 interface kill", lambda found: found == {"signal": 31}, other_than(
    lambda found: found == {"signal": 31}))
def x32():
    return sc(0x40000000 | 39)


# Calls into the kernel that no program needs. Arguments are such that the kernel refuses them in its own way.

@row("P150", "the new mount calls are refused", all_refused(EPERM), any_but(EPERM, ENOSYS))
def new_mount_calls():
    return each({"open_tree": (428, -1, 0, 0), "move_mount": (429, -1, 0, -1, 0, 0), "fsopen": (430, 0, 99),
                 "fsconfig": (431, -1, 0, 0, 0, 0), "fsmount": (432, -1, 0, 0), "fspick": (433, -1, 0, 0),
                 "mount_setattr": (442, -1, 0, 0, 0, 0), "statmount": (457, 0, 0, 0, 0), "listmount": (458, 0, 0, 0, 0)})


@row("P151", "no other process can be traced, compared or read", all_refused(EPERM), any_but(EPERM, ENOSYS))
def foreign_insides():
    return each({"ptrace": (101, 0x4206, 0, 0, 0), "attach": (101, 16, -1, 0, 0), "process_vm_readv": (310, 0, 0, 0, 0, 0, 0),
                 "process_vm_writev": (311, 0, 0, 0, 0, 0, 0), "kcmp": (312, 0, 0, 99, 0, 0), "process_madvise": (440, -1, 0, 0, 0, 0),
                 "process_mrelease": (448, -1, 0), "pidfd_getfd": (438, -1, 0, 0)})


@row("P153", "no io_uring, no bpf, no perf events, no userfaultfd", all_refused(EPERM), any_but(EPERM, ENOSYS))
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

_runs = {}


def both(caller):
    """What came of every probe inside and outside, and the run's result; made once for each caller."""
    if caller.name not in _runs:
        with tempfile.TemporaryDirectory(prefix="pysbx-test-") as place, socket.socket(socket.AF_UNIX) as planted:
            os.chmod(place, 0o755)
            planted.bind(place + "/socket")
            _runs[caller.name] = run_both(caller)
    return _runs[caller.name]


def run_both(caller):
    status, result = caller.run(program(), "-t", "60s", "--cpu-time", "60s", "-m", "512M", timeout=90)
    assert status == 0 and result["status"] == "ok", result
    options = {"user": caller.uid, "group": caller.uid, "extra_groups": []} if caller.uid is not None else {}
    outside = subprocess.run(["/usr/bin/python3", "-I", "-"], input=program(), text=True, capture_output=True, timeout=120,
                             check=False, cwd="/", env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, **options)
    assert outside.returncode == 0, outside
    return json.loads(result["stdout"]), json.loads(outside.stdout), result


def test_of(number, title, probe, inside, outside):
    name = probe.__name__

    def test(caller):
        within, without, result = both(caller)
        assert inside(within[name]), f"inside: {within[name]}; outside: {without[name]}"
        named = {call["name"] for call in result["denied_syscalls"]}
        assert HOSTILE_NAMES.get(name, set()) <= named, HOSTILE_NAMES[name] - named
        if isinstance(outside, str):
            raise tap.Skip(f"held, but no control: {outside}")
        if not outside(without[name]):
            raise tap.Skip(f"held, but the control came to nothing too: {json.dumps(without[name])[:150]}")
    test.__doc__ = f"{number}: {title}"
    return test


def namespaces_differ(caller):
    """P19: none of the namespaces is the host's"""
    within, without, _ = both(caller)
    inside, outside = within["namespace_links"]["value"], without["namespace_links"]["value"]
    assert set(inside) == set(outside)
    same = [name for name in inside if inside[name] == outside[name]]
    assert same == [], same


TESTS = [test_of(*entry) for entry in ROWS] + [namespaces_differ]

if __name__ == "__main__":
    sys.exit(main(TESTS))
