"""Who the program is: ids, names, groups, capabilities, namespaces."""

from frame import *  # noqa: F403 (left out where the files are joined)


# Identity

@row("P1", "user and group are nobody, in every sense", value([65534] * 6), other_than(value([65534] * 6)), needs=["user"])
def own_ids():
    return [*os.getresuid(), *os.getresgid()]


@row("P2", "one id is mapped, and it is not root outside", value([1, "65534", True]), other_than(value([1, "65534", True])),
     needs=["user", "proc"])
def id_map():
    lines = open("/proc/self/uid_map").read().splitlines()
    return [len(lines), lines[0].split()[0], lines[0].split()[1] != "0"]


@row("P3", "no group but the one that nobody owns", within(65534), "a caller may have no other group", needs=["user"])
def own_groups():
    return os.getgroups()


@row("P4", "ids cannot be changed", all_refused(EPERM), any_but(EPERM))
def ids_stay():
    return each({"setuid": (105, 0), "setgid": (106, 0), "setresuid": (117, 0, 0, 0), "setresgid": (119, 0, 0, 0),
                 "setgroups": (116, 0, 0), "setfsuid": (122, 0), "setreuid": (113, 0, 0)})


@row("P5", "files shown as owned by 65534 are not its own", all_refused(EPERM, EACCES, EROFS, ENOENT),
     other_than(done), needs=["user", "mount"])
def shown_owner_is_no_right():
    found = {}
    for path in ("/", "/usr/lib/" + os.listdir("/usr/lib")[0], "/etc/passwd", "/dev/null", sys.argv[0]):
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


@row("P6", "the user database is synthetic", value([["root", "nobody"], "nobody"]), done, needs=["mount"])
def users():
    import pwd
    return [[user.pw_name for user in pwd.getpwall()], pwd.getpwuid(os.getuid()).pw_name]


@row("P7", "nothing of the caller's environment is there", value(False), value(True))
def environment():
    return "SELFTEST_SECRET" in os.environ


@row("P8", "the host's name is not shown", value(["sandbox", "sandbox"]), other_than(value(["sandbox", "sandbox"])), needs=["uts"])
def host_name():
    return [socket.gethostname(), os.uname().nodename]


@row("P10", "no set-id program is there but on a mount where the bit means nothing", value([]), other_than(value([])),
     needs=["mount"])
def set_id_programs():
    found = []
    for top in ("/usr/bin", "/usr/sbin", "/usr/lib", "/opt", "/bin", "/sbin"):
        for folder, _, names in os.walk(top):
            if found and not INSIDE:
                return found  # one will do there
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
    return each({"unshare": (272, 0x10000000), "setns": (308, -1, 0), "none": (272, 0)})


@row("P17", "clone takes no namespace flag", all_refused(EPERM), any_but(EPERM))
def namespaces_cloned():
    # CLONE_SIGHAND without CLONE_VM is EINVAL whatever else is asked for, once a kernel looks.
    flags = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000,
             "uts": 0x4000000, "cgroup": 0x2000000, "ptrace": 0x2000, "parent": 0x8000, "io": 0x80000000}
    return each({name: (56, flag | 0x800 | 17, 0, 0, 0, 0) for name, flag in flags.items()})


@row("P9", "no_new_privs is set and a filter is loaded", value(["1", "2"]), other_than(value(["1", "2"])), needs=["proc"])
def no_new_privileges():
    status = status_of_self()
    return [status["NoNewPrivs"][0], status["Seccomp"][0]]


@row("P9", "no_new_privs is set, by the kernel's own word", value(1), other_than(value(1)))
def no_new_privileges_asked():
    return sc(157, 39, 0, 0, 0, 0)


@row("P11 P12 P13 P14 P15", "no capability is inheritable, permitted, effective, in the bounding set or ambient",
     value(["0" * 16] * 5), other_than(value(["0" * 16] * 5)), needs=["caps", "proc"])
def capability_sets():
    status = status_of_self()
    return [status[name][0] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]


@row("P14", "the bounding set is empty, by the kernel's own word", value([]), other_than(value([])), needs=["caps"])
def bounding_set():
    found = []
    for number in range(64):
        try:
            if sc(157, 23, number, 0, 0, 0):
                found.append(number)
        except OSError:
            break
    return found


@row("P19", "every namespace is another than the host's", done, done, needs=["user", "pid", "net", "proc"],
     compare=lambda inside, outside: "the same: " + " ".join(same) if (same := [
         name for name in outside if inside.get(name) == outside[name]]) else None)
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

