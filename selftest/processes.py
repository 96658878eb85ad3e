"""Network, message objects, processes, limits, descriptors, terminal."""

from frame import *  # noqa: F403 (left out where the files are joined)


# Network and message objects

@row("P80 P82", "metadata service, Docker's port and loopback cannot be tried", all_refused(EAFNOSUPPORT), any_but(EAFNOSUPPORT))
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


@row("P87 P88", "no vsock or kernel crypto socket, whatever stands in the upper half", all_refused(EAFNOSUPPORT),
     any_but(EAFNOSUPPORT))
def upper_half_families():
    calls = {}
    for family in (40, 38, 2, 16):
        for kind in (1, 2, 3, 5):
            calls[f"{family} {kind}"] = (41, family, kind, 0)
            calls[f"{family} {kind} high"] = (41, 0x1_0000_0000 | family, kind, 0)
    return each(calls)


@row("P89", "of all families and kinds only local streams and datagrams exist", value(["1 1", "1 2"]),
     Wanted("more", lambda found: len(found["value"]) > 2), without={"net": value([])})
def families():
    # Outside, only families that every kernel has built in: trying the rest would load modules.
    made = []
    for family in range(64) if INSIDE else (1, 2, 10, 16):
        for kind in (1, 2, 3, 4, 5, 10):
            try:
                socket.socket(family, kind, 0).close()
                made.append(f"{family} {kind}")
            except OSError:
                pass
    return made


@row("P91 P92", "no System V object, no message queue", all_refused(EPERM), any_but(EPERM))
def message_objects():
    return each({"shmget": (29, 0x70737978, 4096, 0), "semget": (64, 0x70737978, 1, 0), "msgget": (68, 0x70737978, 0),
                 "shmat": (30, -1, 0, 0), "shmctl": (31, -1, 0, 0), "mq_open": (240, 1, 0, 0, 0),
                 "mq_unlink": (241, 1)})



# Processes, clocks, limits

@row("P83", "no name can be looked up in the network", Wanted("an error of getaddrinfo", lambda found: found["errno"] < 0),
     "it would ask the network")
def name_looked_up():
    return len(socket.getaddrinfo("example.com", 80))


@row("P95", "the init cannot be ended", Wanted("it lives", lambda found: found.get("value") is True),
     "it would end the machine", needs=["pid"])
def init_ended():
    if not INSIDE or "pid" not in LAYERS:
        raise LookupError("not without a pid namespace")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(1, number)
        except OSError:
            pass
    time.sleep(0.05)
    return os.getpid() != 1


@row("P95", "no other process gets a signal", all_refused(EPERM, 3), any_but(EPERM, 3), unless=["pid"])
def signals_sent():
    found = {}
    for name, pid in (("init", 1), ("caller", int(os.environ["SELFTEST_CALLER"]))):
        try:
            os.kill(pid, 0)
            found[name] = 0
        except OSError as error:
            found[name] = error.errno
    return found


@row("P96", "orphans are reaped", value(0), "the host reaps its own", needs=["pid", "proc"])
def orphans():
    if not INSIDE:
        raise LookupError("of no use outside")
    for _ in range(20):
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(0)
            os._exit(0)
        os.wait()
    time.sleep(0.2)
    return sum(open(f"/proc/{name}/stat").read().rpartition(")")[2].split()[0] == "Z"
               for name in os.listdir("/proc") if name.isdigit())


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


@row("P122", "another process's clock cannot be read", refused(EINVAL), done, needs=["pid"])
def foreign_clock():
    # Outside there is a process 1 to be seen.
    pid = 4000 if INSIDE else 1
    return time.clock_gettime_ns((~pid << 3) | 2)


@row("P123", "every limit is as hard as it is soft", value([]), other_than(value([])))
def limits_soft_and_hard():
    import resource
    names = ("CORE", "NOFILE", "FSIZE", "MEMLOCK", "STACK", "CPU")
    return [name for name in names if len(set(resource.getrlimit(getattr(resource, "RLIMIT_" + name)))) != 1
            or resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1] == resource.RLIM_INFINITY]


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


@row("P125", "files can be opened up to the limit", value([True, EMFILE]), "every process has such a limit")
def files_opened():
    import resource
    limit, count = resource.getrlimit(resource.RLIMIT_NOFILE)[0], 0
    try:
        while count <= min(limit, 100000):
            os.open("/dev/null", os.O_RDONLY)
            count += 1
    except OSError as error:
        return [count <= limit, error.errno]


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

@row("P131 P132", "no descriptor is there but standard input, output and error", value([0, 1, 2]), other_than(value([0, 1, 2])))
def descriptors():
    found = []
    for fd in range(1024):
        try:
            os.fstat(fd)
            found.append(fd)
        except OSError:
            pass
    return [fd for fd in found if fd != CHANNEL]


@row("P133", "stdio is pipes or /dev/null: no file, socket or terminal of the caller's", value([True] * 3), other_than(value([True] * 3)))
def stdio():
    states = [os.fstat(fd) for fd in (0, 1, 2)]
    return [stat.S_ISFIFO(state.st_mode) or state.st_rdev == os.makedev(1, 3) for state in states]


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
            found.update(each({f"{name} {high}": (16, fd if INSIDE else -1, high | number, 1)}))
    return found

