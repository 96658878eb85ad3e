"""What of the file system is there, and what can be done to it."""

from frame import *  # noqa: F403 (left out where the files are joined)


# Files and mounts

@row("P21", "no mount is the host's root, and none is left of the old one", value([]), other_than(value([])),
     needs=["mount", "proc"])
def host_root_mounted():
    lines = open("/proc/self/mountinfo").read().splitlines()
    return [line for line in lines if line.split()[3] == "/" and line.split()[4] != "/"
            and line.split(" - ")[1].split()[0] not in ("tmpfs", "proc")] + [
        line for line in lines if line.split()[4] == "/" and line.split(" - ")[1].split()[0] != "tmpfs"]


@row("P24", "no mount can be made, moved or taken away, by old calls or new", all_refused(EPERM), any_but(EPERM))
def mount_calls():
    return each({"mount": (165, 1, 1, 1, 0, 0), "umount2": (166, 1, 0), "pivot_root": (155, 1, 1), "chroot": (161, 1)})


@row("P22", "the places where hosts keep things are absent or empty", value([]), other_than(value([])))
def places_of_the_host():
    found = []
    for path in ("/home", "/root", "/boot", "/srv", "/mnt", "/media", "/var/lib", "/var/log", "/run", "/etc/ssh", "/etc/ssl/private",
                 "/usr/local/etc", "/usr/share/doc", "/var/tmp"):
        try:
            if os.listdir(path):
                found.append(path)
        except OSError:
            pass
    return found


@row("P23", "files that were planted on the host are not found", value([]), other_than(value([])))
def canaries():
    if not TOKEN:
        raise LookupError("nothing was planted")
    if not INSIDE:  # where they were planted: a whole host may be large
        return [name for top in ("/tmp", "/var/tmp", "/dev/shm") for name in os.listdir(top) if TOKEN in name]
    found = []
    for top in ("/",):
        for folder, folders, names in os.walk(top):
            if folder == "/":
                folders[:] = [name for name in folders if name not in ("proc", "sys")]
            found += [name for name in folders + names if TOKEN in name]
    return found


@row("P25", "nothing of the system can be opened for writing, and nothing of it moved or removed",
     all_refused(EROFS, EACCES, EPERM, ENOENT, ETXTBSY), any_but(EROFS, EACCES, EPERM, ENOENT))
def system_written():
    paths = [os.path.realpath(sys.executable), os.__file__, "/etc/passwd", "/etc/ld.so.cache", "/etc/nsswitch.conf"]
    found = opened(paths, os.O_WRONLY)
    if not INSIDE:
        return found

    def remade(folder):
        """Who may make a name in a folder may move and remove those that are there; this leaves none."""
        name = os.path.join(folder, f"selftest-{os.urandom(8).hex()}")
        os.mkdir(name)
        os.rmdir(name)

    # What succeeds where a sandbox is weak must change nothing: everything is set to what it is.
    for path in (*paths, "/usr/lib", "/usr", "/etc", "/"):
        try:
            now = os.stat(path)
        except OSError as error:
            found["stat" + path] = error.errno
            continue
        acts = [("chmod", lambda: os.chmod(path, now.st_mode & 0o7777)), ("utime", lambda: os.utime(path, ns=(now.st_atime_ns, now.st_mtime_ns)))]
        if os.path.isdir(path):
            acts.append(("make", lambda: remade(path)))
        else:
            acts += [("truncate", lambda: os.truncate(path, now.st_size)), ("make beside", lambda: remade(os.path.dirname(path)))]
        for name, act in acts:
            try:
                act()
                found[name + path] = 0
            except OSError as error:
                found[name + path] = error.errno
    return found


@row("P26", "every mount has its flags: nosuid, nodev but for devices, read-only but /tmp and /dev/shm, noexec there",
     value([]), other_than(value([])), needs=["mount", "proc"])
def every_mount():
    wrong = []
    for line in open("/proc/self/mountinfo"):
        place, flags = line.split()[4], set(line.split()[5].split(","))
        wanted = {"nosuid"}
        if place in ("/tmp", "/dev/shm", "/proc"):
            wanted |= {"noexec", "nodev"}
        else:
            wanted |= {"ro", "noexec"} if place.startswith("/dev/") else {"ro", "nodev"}
        if not wanted <= flags:
            wrong.append(f"{place}: {','.join(sorted(wanted - flags))}")
    return wrong


@row("P27", "the flags of the mounts are those promised", value([True] * 6), other_than(value([True] * 6)),
     needs=["mount", "proc"])
def mount_flags():
    def has(path, flags):
        return os.statvfs(path).f_flag & flags == flags
    return [has("/usr/lib", os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV), has("/", os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV),
            has("/tmp", os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC), has("/dev/shm", os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC),
            has("/proc", os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC), has("/dev/null", os.ST_RDONLY | os.ST_NOSUID | os.ST_NOEXEC)]


@row("P28", "a program that was written to /tmp cannot be executed", refused(EACCES), refused(8), needs=["mount"])
def written_program():
    with tempfile.TemporaryDirectory(dir="/tmp" if INSIDE else None) as place:
        with open(place + "/program", "wb") as file:
            file.write(b"\x7fELF and no more")
        os.chmod(place + "/program", 0o755)
        os.execv(place + "/program", ["program"])


@row("P29", "a memfd that is executed stays as contained", value([["65534"] * 4, "2", "0" * 16]),
     other_than(value([["65534"] * 4, "2", "0" * 16])), needs=["user", "proc"])
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


@row("P33", "no socket of the host is in the tree", value([]), other_than(value([])), needs=["mount"])
def sockets_in_tree():
    found = []
    for top in ("/run", "/tmp", "/dev", "/var", "/usr/lib", "/etc", "/opt"):
        for folder, _, names in os.walk(top):
            if found and not INSIDE:
                return found  # one will do there
            for name in names:
                try:
                    if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode):
                        found.append(name)
                except OSError:
                    pass
    return found


@row("P34", "a link through /proc/1/root leads nowhere", all_refused(ENOENT, EACCES, EPERM), any_but(ENOENT, EACCES, EPERM))
def link_through_init():
    with tempfile.TemporaryDirectory() as place:
        os.symlink("/proc/1/root/etc/passwd", f"{place}/l")
        os.symlink(f"/proc/{os.getppid()}/root/../../etc/shadow", f"{place}/m")
        return opened([f"{place}/l", f"{place}/m"])


@row("P35 P166", "extended attributes are not to be had", all_refused(EOPNOTSUPP), any_but(EOPNOTSUPP))
def extended_attributes():
    path = ctypes.create_string_buffer(os.fsencode(sys.executable))
    name = ctypes.create_string_buffer(b"user.x")
    at = [ctypes.addressof(path), ctypes.addressof(name)]
    return each({"listxattr": (194, at[0], 0, 0), "llistxattr": (195, at[0], 0, 0), "getxattr": (191, at[0], at[1], 0, 0),
                 "setxattr": (188, 1, at[1], 0, 0, 9), "removexattr": (197, 1, at[1])})


@row("P38", "mountinfo tells no path of an upper layer", value(False), done, needs=["mount", "proc"])
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

@row("P55", "/proc is mounted with subset=pid and hidepid", value(True), value(False), needs=["proc"])
def proc_options():
    line = next(line for line in open("/proc/self/mountinfo") if line.split()[4] == "/proc")
    left, right = line.split(" - ")
    return {"nosuid", "nodev", "noexec"} <= set(left.split()[5].split(",")) and {
        "subset=pid", "hidepid=invisible"} <= set(right.split()[2].split(","))


@row("P53", "no process is shown but the run's own", Wanted("at most three", lambda found: len(found.get("value") or range(9)) <= 3),
     Wanted("more", lambda found: len(found["value"]) > 3), needs=["pid", "proc"])
def processes_shown():
    return [name for name in os.listdir("/proc") if name.isdigit()]


@row("P54", "/proc has nothing but processes", value(["self", "thread-self"]), other_than(value(["self", "thread-self"])), needs=["proc"])
def other_proc_entries():
    return sorted(name for name in os.listdir("/proc") if not name.isdigit())


@row("P57", "the interpreter cannot be opened for writing", all_refused(EROFS, EACCES, ENOENT, ETXTBSY), any_but(EROFS, EACCES))
def own_program():
    return opened(["/proc/self/exe", os.path.realpath(sys.executable), sys.executable], os.O_RDWR)


@row("P58", "root and working directory are inside", value(["/", "/", "/tmp", True]), other_than(
    value(["/", "/", "/tmp", True])), needs=["mount", "proc"])
def own_root():
    return [os.readlink("/proc/self/root"), os.readlink(f"/proc/self/task/{os.getpid()}/root"),
            os.readlink("/proc/self/cwd"), os.stat("/proc/self/root").st_ino == os.stat("/").st_ino
            and os.stat("/..").st_ino == os.stat("/").st_ino]


@row("P59", "the control group is shown as the root of all", value(True), value(False), needs=["cgroup", "proc"])
def own_group_shown():
    return all(line.rstrip("\n").split(":", 2)[2] == "/" for line in open("/proc/self/cgroup"))


@row("P61 P62 P63 P64 P66", "nothing of the init can be read", all_refused(ENOENT, EACCES, EPERM), any_but(ENOENT, EACCES, EPERM))
def init_read():
    return opened(["/proc/1/" + name for name in ("fd", "mem", "root", "cwd", "exe", "environ", "maps", "stack", "task", "ns/mnt", "map_files")])


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


@row("P67 P69 P71 P73 P76", "switches of the kernel are not there", all_refused(ENOENT), any_but(ENOENT),
     without={"mount": all_refused(ENOENT, EACCES)})
def kernel_switches():
    return opened(["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory",
                   "/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/random/boot_id", "/sys/kernel/uevent_helper",
                   "/sys/power/state", "/sys/kernel/mm/ksm/run", "/sys/fs/cgroup", "/sys", "/proc/sys",
                   "/sys/kernel/security", "/sys/class/net", "/sys/block", "/sys/class/dmi/id"])


@row("P70 P78", "nothing of /proc is there but processes", all_refused(ENOENT), any_but(ENOENT, EACCES, EPERM),
     without={"mount": all_refused(ENOENT, EACCES)})
def kernel_tables():
    return opened(["/proc/" + name for name in (
        "sysrq-trigger", "kcore", "kallsyms", "kmsg", "kpagecount", "keys", "timer_list", "sched_debug", "interrupts", "modules",
        "slabinfo", "vmallocinfo", "iomem", "stat", "meminfo", "loadavg", "uptime", "cmdline", "version", "cpuinfo",
        "pressure/cpu", "net/dev", "mounts", "filesystems", "key-users", "locks", "diskstats", "self/net/../../../etc/shadow")
        if name != "mounts"])


@row("P72", "the control groups' tree is not there", value(False), value(True), needs=["mount"])
def group_tree():
    return os.path.exists("/sys/fs/cgroup/cgroup.procs") or os.path.exists("/sys/fs/cgroup")


@row("P74", "/dev holds what Python needs and no more", value(
    ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"]), done, needs=["mount"])
def devices():
    return sorted(os.listdir("/dev"))


@row("P75 P92 P139", "no device of the host can be opened", all_refused(ENOENT, ENXIO), any_but(ENOENT, ENXIO, EACCES, EPERM),
     without={"mount": all_refused(ENOENT, ENXIO, EACCES)})
def host_devices():
    return opened(["/dev/" + name for name in (
        "kmsg", "mem", "port", "kvm", "fuse", "net/tun", "vhost-vsock", "vsock", "userfaultfd", "loop-control", "loop0", "vda",
        "sda", "dri/card0", "nvidia0", "input/event0", "ptmx", "pts/ptmx", "tty", "console", "hwrng", "cpu_dma_latency", "tty0",
        "mqueue", "hugepages", "log")])


@row("P77", "what names the machine is not there", all_refused(ENOENT), any_but(ENOENT),
     without={"mount": all_refused(ENOENT, EACCES)})
def machine_names():
    return opened(["/etc/machine-id", "/etc/hostname", "/etc/resolv.conf", "/etc/os-release", "/var/lib/dbus/machine-id",
                   "/proc/version", "/proc/cmdline", "/etc/ssh", "/etc/shadow", "/etc/fstab", "/etc/mtab"])


@row("P79", "no interface but lo, no socket of the host", value([["lo"], 1]), other_than(value([["lo"], 1])),
     needs=["net", "proc"])
def own_network():
    names = sorted(line.split(":")[0].strip() for line in open("/proc/self/net/dev").read().splitlines()[2:])
    return [names, len(open("/proc/self/net/unix").read().splitlines())]

