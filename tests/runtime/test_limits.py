#!/usr/bin/env python3
"""Rows of the containment table that need a run, or a host, of their own: limits under attack, neighbours, canaries.

What the host must look like after a run is compared each time something hostile was run here.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pty
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from sandbox import host_state, is_sanitized, main, sandbox_processes, wait_until

PYTHON = os.path.realpath("/usr/bin/python3")
FORK_BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"


@contextlib.contextmanager
def place():
    """A directory that every caller can use."""
    with tempfile.TemporaryDirectory(prefix="pysbx-test-") as made:
        os.chmod(made, 0o777)
        yield Path(made)


def text_of(path):
    try:
        return Path(path).read_text()
    except OSError as error:
        return error.errno


def invariants():
    """What no run may change, beside host_state()."""
    files = {str(path): hashlib.sha256(Path(path).read_bytes()).hexdigest()
             for path in (tap.PYSBX, PYTHON, "/etc/passwd", *Path("/usr/lib").glob("*/libc.so.6"))}
    return {**host_state(), **files, "hostname": socket.gethostname(),
            **{name: text_of("/proc/" + name) for name in (
                "sys/kernel/core_pattern", "sys/user/max_user_namespaces", "sysvipc/shm", "sysvipc/sem", "sysvipc/msg",
                "modules", "self/oom_score_adj", "self/cgroup")},
            "fds": sorted(os.listdir("/proc/self/fd")), "mask": signal.pthread_sigmask(signal.SIG_BLOCK, [])}


@contextlib.contextmanager
def unchanged():
    before = invariants()
    yield
    assert wait_until(lambda: invariants() == before), {
        name: (before[name], now) for name, now in invariants().items() if before[name] != now}


def outside(caller, code):
    """What code prints when the caller runs it on the host."""
    options = {"user": caller.uid, "group": caller.uid, "extra_groups": []} if caller.uid is not None else {}
    done = subprocess.run(["/usr/bin/python3", "-I", "-c", code], text=True, capture_output=True, timeout=60, check=False,
                          cwd="/", env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, **options)
    return done.stdout.strip() or done.stderr.strip()


def has(caller, layer):
    return layer in caller.run("pass")[1]["isolation"]["layers"]


# Files

def canaries(caller):
    """P23: files of the host are found by walking the tree outside, and not inside"""
    folders = ["/tmp", "/var/tmp", "/dev/shm"] + (["/root", "/run", "/home"] if caller.is_root else [])
    with contextlib.ExitStack() as stack:
        for folder in folders:
            file = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix="canary-of-pysbx-"))
            os.chmod(file.name, 0o644)
        walk = ("import os\nprint(sum(n.startswith('canary-of-pysbx-') for top in {} for _, _, names in os.walk(top) "
                "for n in names))")
        assert caller.output(walk.format(["/"])) == "0\n"
        assert int(outside(caller, walk.format(folders))) == len(folders)


def device_in_a_library(caller):
    """P31: a device node in a directory that is bound cannot be opened"""
    with place() as made:
        site = made / "venv/lib" / os.path.basename(PYTHON) / "site-packages"
        site.mkdir(parents=True)
        (made / "venv/bin").mkdir()
        (made / "venv/bin/python3").symlink_to(PYTHON)
        (made / "venv/pyvenv.cfg").write_text("home = /usr/bin\n")
        try:
            os.mknod(site / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            os.chmod(site / "null", 0o666)
            open(site / "null", "rb").close()
        except OSError as error:
            raise tap.Skip(f"no device node can be made or opened here: {error}") from None
        value = caller.value("""
import site
try:
    open(site.getsitepackages()[0] + "/null", "rb").close()
    value = "opened"
except OSError as error:
    value = error.errno
""", "--python", made / "venv/bin/python3")
        assert value == 13, value


def full_shm(caller):
    """P42: /dev/shm is full at its own size"""
    value = caller.value("""
written = 0
try:
    for n in range(100):
        with open(f"/dev/shm/{n}", "wb", buffering=0) as file: written += file.write(bytes(1 << 20))
except OSError as error:
    value = [error.errno, written >> 20]
""", "--tmpfs-size", "8M")
    assert value[0] == 28 and 7 <= value[1] <= 8, value


def sparse_file(caller):
    """P46: a file cannot be made longer than --fsize, sparse or not"""
    value = caller.value("""
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
value = []
fd = os.open("/tmp/s", os.O_CREAT | os.O_RDWR)
for act in (lambda: os.truncate("/tmp/s", 1 << 40), lambda: os.ftruncate(fd, (1 << 20) + 1),
            lambda: os.posix_fallocate(fd, 0, 1 << 30), lambda: os.pwrite(fd, b"x", 1 << 40), lambda: os.ftruncate(fd, 1 << 20),
            lambda: os.ftruncate(os.memfd_create("x"), (1 << 20) + 1)):
    try:
        act()
        value.append(0)
    except OSError as error:
        value.append(error.errno)
""", "--fsize", "1M")
    assert value == [27, 27, 27, 27, 0, 27], value


def names_that_are_not_there(caller):
    """P48: looking up many names that do not exist ends, or ends the run"""
    with unchanged():
        _, result = caller.run("""
import os
for n in range(200000):
    os.path.exists(f"/tmp/{n:x}")
""", "-t", "20s")
        assert result["status"] in ("ok", "oom"), result


def many_directories(caller):
    """P49: a run that made directories without end is cleared away at once"""
    begin = time.monotonic()
    _, result = caller.run("import os\nn = 0\nwhile True:\n    try: os.mkdir(f'/tmp/{n}')\n    except OSError: pass\n    n += 1",
                           "-t", "1500ms", "--tmpfs-size", "256M")
    took = time.monotonic() - begin
    assert result["status"] == "timeout" and took < 3.5, (took, result)


def odd_files_out(caller):
    """P52, P187: links, pipes and sockets are not fetched, not opened, not followed, and hold nothing up"""
    with place() as made:
        canary = made / "canary"
        canary.write_text("host")
        canary.chmod(0o604)
        before = os.stat(canary)
        begin = time.monotonic()
        _, result = caller.run(f"""
import os, socket
os.makedirs("/tmp/out/d")
for n in range(300):
    os.mkfifo(f"/tmp/out/fifo{{n}}")
    socket.socket(socket.AF_UNIX).bind(f"/tmp/out/socket{{n}}")
    os.symlink({str(canary)!r}, f"/tmp/out/link{{n}}")
os.symlink("/tmp/out", "/tmp/out/d/up")
os.symlink("loop", "/tmp/out/loop")
os.symlink({str(made)!r}, "/tmp/out/dir")
open("/tmp/out/kept", "w").write("kept")
open("/tmp/out/twice", "w").write("twice")
os.link("/tmp/out/twice", "/tmp/outside")
os.truncate("/tmp/out/kept", 1 << 20)
open(b"/tmp/out/\\xff\\x1b[2J\\n", "w").write("odd")
""", "--fetch", "*", "--fetch", "*/*", "--fetch", "*/*/*", "--tmpfs-size", "256M")
        assert time.monotonic() - begin < 8
        names = [file["name"] for file in result["files"]]
        assert "kept" in names and len(names) == 2, names
        after = os.stat(canary)
        assert [before.st_mtime_ns, before.st_mode, before.st_uid, before.st_nlink] == [
            after.st_mtime_ns, after.st_mode, after.st_uid, after.st_nlink]
        assert canary.read_text() == "host"


def fetch_dir_of_ones_own(caller):
    """P187: what is fetched is written below --fetch-dir only, links there replaced and not followed"""
    with place() as made:
        (made / "host").write_text("host")
        (made / "host").chmod(0o666)
        (made / "to").mkdir()
        (made / "to").chmod(0o777)
        (made / "to/a").symlink_to(made / "host")
        (made / "to/d").symlink_to(made)
        caller.call("run", "--guard", "off", "--fetch", "*", "--fetch", "*/*", "--fetch-dir", made / "to", "-c", """
import os
os.makedirs("/tmp/out/d")
open("/tmp/out/a", "w").write("new")
open("/tmp/out/d/host", "w").write("new")
""")
        assert (made / "host").read_text() == "host"
        assert (made / "to/a").read_text() == "new" and not (made / "to/a").is_symlink()


# Network and neighbours

def listener_of_the_host(caller):
    """P81: a port the host listens on is never reached"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        code = f"""
import socket
try:
    socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), timeout=1).close()
    print("reached")
except OSError as error:
    print(error.errno)
"""
        assert caller.output(code) == "97\n"
        with contextlib.suppress(TimeoutError):
            server.accept()
            raise AssertionError("a connection arrived")
        assert outside(caller, code) == "reached"


def neighbours(caller):
    """P40, P94: two runs at once share no file, no memory, no name, no process"""
    with place() as made:
        first = caller.popen("run", "--guard", "off", "-t", "30s", "-c", """
import os, socket, sys, time
from multiprocessing.shared_memory import SharedMemory
open("/tmp/neighbour", "w")
memory = SharedMemory("neighbour", create=True, size=4096)
server = socket.socket(socket.AF_UNIX)
server.bind("\\0neighbour")
server.listen()
server.settimeout(3)
if os.fork() == 0:
    tried = socket.socket(socket.AF_UNIX)
    tried.connect("\\0neighbour")
    os._exit(0)
server.accept()
os.wait()
print("up", flush=True)
try:
    server.accept()
    print("called")
except TimeoutError:
    print("alone")
memory.unlink()
""")
        assert first.stdout.readline() == b"up\n", first.communicate(timeout=20)
        value = caller.value("""
import os, signal, socket
value = [os.listdir("/tmp"), os.listdir("/dev/shm"), sorted(p for p in os.listdir("/proc") if p.isdigit())]
try:
    socket.socket(socket.AF_UNIX).connect("\\0neighbour")
    value.append(0)
except OSError as error:
    value.append(error.errno)
reached = []
for pid in range(3, 40000):
    try:
        os.kill(pid, signal.SIGKILL)
        reached.append(pid)
    except OSError:
        pass
value.append(reached)
""")
        out, err = first.communicate(timeout=20)
        assert (first.returncode, out) == (0, b"alone\n"), (out, err)
        assert value[:2] == [[], []] and set(value[2]) <= {"1", "2"} and value[3:] == [111, []], value


def one_of_many(caller):
    """P189: what runs beside a run that is out of memory ends well"""
    with unchanged():
        good = [caller.popen("run", "--guard", "off", "-t", "60s", "-c", f"import time; time.sleep(0.5); print({n})")
                for n in range(12)]
        bad = caller.popen("run", "--guard", "off", "-q", "-m", "32M", "-c", "b = []\nwhile True: b.append(bytearray(1 << 20))")
        for n, process in enumerate(good):
            out, err = process.communicate(timeout=90)
            assert (process.returncode, out) == (0, f"{n}\n".encode()), (out, err)
        bad.communicate(timeout=60)
        assert bad.returncode == 137, bad.returncode


def ids_on_the_host(caller):
    """P212: seen from the host the program is an id of its own, or the caller's"""
    running = [caller.popen("run", "--guard", "off", "-c", "print('up', flush=True)\nimport time; time.sleep(20)")
               for _ in range(2)]
    try:
        for process in running:
            assert process.stdout.readline() == b"up\n"
        ids = [text_of(f"/proc/{pid}/status").split("\nUid:")[1].split()[:4] for pid in sandbox_processes()]
    finally:
        for process in running:
            process.terminate()
            process.communicate(timeout=10)
    seen = {uid for four in ids for uid in four}
    assert len(ids) == 2, ids
    if caller.is_root:
        users = {line.split(":")[2] for line in open("/etc/passwd")}
        assert len(seen) == 2 and not seen & (users | {"0", "65534"}), seen
    else:
        assert seen == {str(caller.uid if caller.uid is not None else os.geteuid())}, seen


# Processes

IMMORTAL = """
import os, signal, time
def immortal():
    try: os.setsid()
    except OSError: pass
    for n in range(1, 65):
        try: signal.signal(n, signal.SIG_IGN)
        except (OSError, ValueError): pass
    for fd in range(3): os.close(fd)
    time.sleep(600)
for _ in range(5):
    if os.fork() == 0:
        if os.fork() == 0: immortal()
        os._exit(0)
"""


def daemons_at_the_limit(caller):
    """P98: daemons that ignore every signal are gone with the wall limit"""
    with unchanged():
        begin = time.monotonic()
        _, result = caller.run(IMMORTAL + "immortal()", "-t", "700ms")
        assert result["status"] == "timeout" and time.monotonic() - begin < 2.5, result


def forking_threads_at_the_limit(caller):
    """P100: threads that fork without end when the limit comes leave nothing, each time"""
    with unchanged():
        for n in range(6):
            _, result = caller.run("""
import os, threading
def work():
    while True:
        try:
            if os.fork() == 0: os._exit(0) if os.getpid() % 2 else None
        except OSError: pass
for _ in range(30):
    try: threading.Thread(target=work).start()
    except RuntimeError: pass
""", "-t", f"{200 + 17 * n}ms")
            assert result["status"] == "timeout", result
        assert wait_until(lambda: not sandbox_processes())


def stopped(caller):
    """P102: a run that stops its group, or is stopped by its child, is a timeout"""
    for code in ("os.kill(0, signal.SIGSTOP)", "os.kill(os.getppid(), signal.SIGSTOP) if os.fork() == 0 else time.sleep(9)",
                 "os.kill(os.getpid(), signal.SIGTSTP); time.sleep(9)"):
        status, result = caller.run("import os, signal, time\n" + code, "-t", "300ms")
        assert (status, result["status"]) == (124, "timeout"), (code, result)


def fork_bomb(caller):
    """P106: a fork bomb ends at the limit, and the host can still make processes"""
    with unchanged():
        bomb = caller.popen("run", "--guard", "off", "-q", "-t", "1s", "--pids-limit", "64", "-c", FORK_BOMB)
        times = []
        while bomb.poll() is None:
            begin = time.monotonic()
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            times.append(time.monotonic() - begin)
            time.sleep(0.01)
        bomb.communicate()
        assert bomb.returncode == 124, bomb.returncode
        times.sort()
        assert len(times) > 3 and times[len(times) // 2] < 0.05, times


# Memory, CPU, crashes

def no_swap(caller):
    """P109: nothing is swapped out"""
    if not any(line.startswith("/") for line in text_of("/proc/swaps").splitlines()):
        raise tap.Skip("this host has no swap")
    before = text_of("/proc/vmstat").split("pswpout ")[1].split()[0]
    _, result = caller.run("b = []\nwhile True: b.append(bytearray(1 << 20))", "-m", "64M")
    assert result["status"] == "oom", result
    assert text_of("/proc/vmstat").split("pswpout ")[1].split()[0] == before


def kernel_memory(caller):
    """P111: memory that only the kernel holds, in pipes and sockets, is bounded"""
    code = """
import os, socket
held, total = [], 0
try:
    for _ in range(10000):
        pair = socket.socketpair() if {sockets} else os.pipe()
        held.append(pair)
        end = pair[1].fileno() if {sockets} else pair[1]
        os.set_blocking(end, False)
        try:
            while True: total += os.write(end, bytes(65536))
        except BlockingIOError: pass
except OSError as error:
    value = [error.errno, total >> 20]
"""
    for sockets in (False, True):
        _, result = caller.run(code.format(sockets=sockets) + "print(value)", "--nofile", "256", "-m", "256M")
        # 24: the descriptors were the bound; at most 64 KiB or a send buffer lie behind each pair.
        assert result["status"] == "ok" and result["stdout"].startswith("[24, "), result
        assert int(result["stdout"].split()[1].rstrip("]\n")) <= 64, result


def crashes(caller):
    """P112: a crash is its signal, and leaves no core"""
    with unchanged():
        for code, name in (("ctypes.string_at(0)", "SIGSEGV"), ("os.abort()", "SIGABRT")):
            _, result = caller.run(f"import ctypes, os\n{code}")
            assert (result["status"], result["signal"]) == ("signal", name), result
        value = caller.value("""
import ctypes, os
if os.fork() == 0:
    ctypes.string_at(0)
status = os.wait()[1]
value = [os.WCOREDUMP(status), os.WTERMSIG(status), os.listdir("/tmp")]
""")
        assert value == [False, 11, []], value


def deep_stacks(caller):
    """P113: recursion, and stacks of a gigabyte, end as Python's errors or signals"""
    assert caller.value("def f(): f()\ntry:\n    f()\nexcept RecursionError:\n    value = 1") == 1
    _, result = caller.run("import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return [f([x])]\nf(0)", "-m", "256M")
    assert result["status"] in ("signal", "oom", "nonzero"), result
    _, result = caller.run("import threading\nthreading.stack_size(1 << 30)\n"
                           "for _ in range(20): threading.Thread(target=int).start()")
    assert result["status"] in ("ok", "nonzero"), result


def nothing_sticks(caller):
    """P116: the run after one that was out of memory has all of its own"""
    for _ in range(3):
        assert caller.run("b = []\nwhile True: b.append(bytearray(1 << 20))", "-m", "48M")[1]["status"] == "oom"
        _, result = caller.run("print(1)", "-m", "48M")
        assert result["status"] == "ok" and result["usage"]["memory_peak_bytes"] < 40 << 20, result


def share_of_the_processor(caller):
    """P117: eight processes at work have --cpus and no more"""
    if not has(caller, "cpu-share"):
        raise tap.Skip("no control group for this caller: cpu-share is among the missing")
    _, result = caller.run("import os\nfor _ in range(3): os.fork()\nwhile True: pass", "--cpus", "0.5", "-t", "2s")
    assert result["status"] == "timeout", result
    assert 300 <= result["usage"]["cpu_ms"] <= 2000 * 0.5 * 1.15 + 60, result


def locks(caller):
    """P129: a hundred thousand file locks are a matter of the run's own memory"""
    with unchanged():
        _, result = caller.run("""
import fcntl, os
fd = os.open("/tmp/l", os.O_CREAT | os.O_RDWR)
try:
    for n in range(100000): fcntl.lockf(fd, fcntl.LOCK_EX, 1, 2 * n)
except OSError as error:
    print(error.errno)
""", "-t", "3s", "-m", "48M")
        assert result["status"] in ("ok", "oom", "timeout"), result


# Descriptors, terminal, output

def flags_of_descriptors(caller):
    """P134: flags that the program sets on stdio do not reach the caller's own"""
    read, write = os.pipe()
    out_read, out_write = os.pipe()
    ends = (read, write, out_read, out_write)
    before = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in ends]
    process = caller.popen("run", "--guard", "off", "--stdin", "-", "-c", """
import fcntl, os
for fd in range(3):
    for flags in (os.O_NONBLOCK, os.O_APPEND | os.O_NONBLOCK, os.O_ASYNC, os.O_DIRECT):
        try: fcntl.fcntl(fd, fcntl.F_SETFL, flags)
        except OSError: pass
    for command, value in ((8, os.getpid()), (10, 10), (1031, 1 << 20), (1024, 0)):
        try: fcntl.fcntl(fd, command, value)
        except OSError: pass
os.close(0)
""", stdin=read, stdout=out_write)
    try:
        process.communicate(timeout=20)
        after = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in ends]
    finally:
        for fd in ends:
            os.close(fd)
    assert process.returncode == 0 and after == before, (process.returncode, before, after)


def odd_descriptors(caller):
    """P132: descriptors of every kind that the caller left open are not inside"""
    with place() as made, contextlib.ExitStack() as stack:
        fds = [os.open(made, os.O_PATH), os.open("/", os.O_RDONLY), os.open("/dev/null", os.O_RDWR), os.memfd_create("x"),
               os.eventfd(0), *os.pipe(), *[one.detach() for one in socket.socketpair()],
               socket.socket(socket.AF_INET).detach()]
        for fd in fds:
            stack.callback(os.close, fd)
            os.set_inheritable(fd, True)
        high = fcntl.fcntl(fds[0], fcntl.F_DUPFD, min(900, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1))
        stack.callback(os.close, high)
        value = caller.value("import os; value = sorted(map(int, os.listdir('/proc/self/fd')))", close_fds=False)
        assert value == [0, 1, 2, 3], value


def terminal(caller):
    """P139, P142: from a terminal: none inside, nothing typed into it, its settings as they were"""
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        process = caller.popen("run", "--guard", "off", "--stdin", "-", "-c", """
import ctypes, os
value = [[os.isatty(fd) for fd in range(3)], os.getsid(0) == os.getpid(), os.path.exists("/dev/tty")]
libc = ctypes.CDLL(None)
for fd in range(3):
    for request in (0x5412, 0x541c, 0x540e):
        value.append(libc.syscall(16, fd, ctypes.c_long(request), b"x"))
        value.append(libc.syscall(16, fd, ctypes.c_long(request | 1 << 32), b"x"))
print(value)
""", stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        process.wait(timeout=20)
        seen = os.read(master, 4096).decode()
        assert "[[False, False, False], True, False, " + ", ".join(["-1"] * 18) + "]" in seen, seen
        assert termios.tcgetattr(slave) == before
        os.set_blocking(slave, False)
        with contextlib.suppress(BlockingIOError):
            raise AssertionError(os.read(slave, 100))
    finally:
        os.close(master)
        os.close(slave)


def one_hostile_thread(caller):
    """P145: of eight threads the one that makes a hostile call is refused, and all go on"""
    _, result = caller.run("""
import ctypes, threading
libc = ctypes.CDLL(None, use_errno=True)
seen = []
def work(n):
    seen.append(libc.syscall(165, 0, 0, 0, 0, 0) if n == 3 else libc.syscall(39) > 0)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(map(int, seen)))
""")
    assert result["stdout"] == "[-1, 1, 1, 1, 1, 1, 1, 1]\n", result
    assert result["denied_syscalls"] == [{"name": "mount", "count": 1, "args": result["denied_syscalls"][0]["args"]}], result


# MiB of the supervisor at most, whatever the program does; a sanitizer has memory of its own.
MEMORY_MAX = 128 if is_sanitized() else 48


def costs(caller, code, *args):
    """CPU seconds and peak memory in MiB of the supervisor of one run, and its result."""
    process = caller.popen("run", "--guard", "off", "--json", *args, "-c", code)
    out = process.stdout.read()
    process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10, json.loads(out)


def output_costs(caller):
    """P171, P172: neither much output nor much of little costs the supervisor memory or all of a processor"""
    _, memory, result = costs(caller, "import os\nfor _ in range(900): os.write(1, bytes(65535) + b'\\xff')", "--max-output", "1M")
    assert result["status"] == "ok" and result["stdout_truncated"] and memory < MEMORY_MAX, (memory, result["status"])
    assert result["stdout_bytes"] == 900 * 65536
    cpu, memory, result = costs(caller, "import os\nos.fork()\nwhile True:\n    os.write(1, b'x')\n    os.write(2, b'y')",
                                "--max-output", "1M", "-t", "1500ms", "--cpu-time", "60s")
    assert result["status"] == "timeout" and memory < MEMORY_MAX and cpu < 2 * result["usage"]["wall_ms"] / 1000, (cpu, memory, result)


def hostile_flood(caller):
    """a flood of hostile calls is counted, costs no memory, and does not hold up the clock"""
    code = "import ctypes, os\nf = ctypes.CDLL(None).syscall\nfor _ in range(3): os.fork()\nwhile True: f(165, 0, 0, 0, 0, 0)"
    cpu, memory, result = costs(caller, code, "-t", "1500ms")
    assert result["status"] == "timeout" and result["usage"]["wall_ms"] < 2500, result
    assert result["denied_syscalls"][0]["count"] > 1000 and memory < MEMORY_MAX, (memory, result)


def half_characters(caller):
    """P173: NUL, bytes that are no text, half a character at the cap: always valid JSON"""
    for data in ("b'\\x00' * 4096 + b'\\xff\\xfe'", "'\\u00e9'.encode() * 5000", "b'x' + '\\U0001f600'.encode() * 5000"):
        _, result = caller.run(f"import os\nos.write(1, {data})", "--max-output", "1001")
        assert result["stdout_truncated"] and result["stdout_bytes"] > 4000, result


def odd_sources(caller):
    """P181: sources of every kind arrive as they are: the same comes of them as outside"""
    with place() as made:
        source = made / "p.py"
        for data in (b"", b"\\", b"print(1)\0", b"#" * (5 << 20) + b"\nprint(1)", b"# -*- coding: utf-16 -*-\nprint(1)",
                     b"\xef\xbb\xbfprint(1)", b"# coding: latin-1\nassert len('\xe9') == 1", b"(" * 100000, b"print(1)\r1/0\r"):
            source.write_bytes(data)
            source.chmod(0o644)
            plain = subprocess.run([PYTHON, "-I", source], capture_output=True, timeout=30, check=False, cwd="/")
            status, out, err = caller.call("run", "--guard", "off", "-q", source)
            assert (status, out) == (plain.returncode, plain.stdout), (data[:40], status, out, err, plain)


# What a caller may not have

def without_privileges(caller):
    """P211: under no_new_privs it works all the same"""
    if not os.path.exists("/usr/bin/setpriv"):
        raise tap.Skip("setpriv is not installed")
    options = {"user": caller.uid, "group": caller.uid, "extra_groups": []} if caller.uid is not None else {}
    done = subprocess.run(["setpriv", "--no-new-privs", caller.program, "run", "--guard", "off", "-c", "print(1)"], cwd="/",
                          capture_output=True, timeout=30, check=False, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
                          **options)
    assert (done.returncode, done.stdout) == (0, b"1\n"), done


def namespaces_forbidden(caller):
    """P201: where user namespaces are forbidden nothing runs, and the remedy names the switch"""
    if caller.is_root:
        raise tap.Skip("root in a namespace that can forbid them has no other id to map, and is refused for that")
    options = {"user": caller.uid, "group": caller.uid, "extra_groups": []} if caller.uid is not None else {}
    done = subprocess.run(
        ["unshare", "-Ucpf", "--keep-caps", "--mount-proc", "sh", "-c",
         "echo 0 > /proc/sys/user/max_user_namespaces || exit 77\n"
         f"exec setpriv --ambient-caps -all --inh-caps -all {caller.program} run --guard off -c 'print(1)'"],
        cwd="/", capture_output=True, timeout=30, check=False, text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}, **options)
    if done.returncode == 77 or "unshare" in done.stderr.split(":")[0]:
        raise tap.Skip("no namespace in which to forbid them: " + done.stderr.strip())
    assert done.returncode == 125 and done.stdout == "" and "max_user_namespaces" in done.stderr, done


def low_limits(caller):
    """few descriptors, processes or file sizes: an error that says what is short, or a run; nothing left behind"""
    rows = [(resource.RLIMIT_NOFILE, (8, 14, 20, 26, 32, 48)), (resource.RLIMIT_FSIZE, (0, 100)),
            (resource.RLIMIT_STACK, (1 << 18,))]
    if not is_sanitized():  # whose shadow memory alone is terabytes
        rows.append((resource.RLIMIT_AS, (8 << 20, 64 << 20)))
    with unchanged():
        for limit, values in rows:
            for number in values:
                status, out, err = caller.call("run", "--guard", "off", "-q", "-c", "print(1)", preexec_fn=lambda: (
                    resource.setrlimit(limit, (number, number))))
                assert (status, out) == (0, b"1\n") or (status in (125, 127) and out == b""), (limit, number, status, out, err)


def stopped_supervisor(caller):
    """signals at every moment of the set-up end it by that signal and leave nothing"""
    with unchanged():
        for step in range(24):
            number = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[step % 3]
            process = caller.popen("run", "--guard", "off", "-q", "-c", "import time; time.sleep(60)")
            time.sleep(step * 0.0011)
            process.send_signal(number)
            process.communicate(timeout=10)
            assert process.returncode == -number, process.returncode
        caller.output("print(1)")


def everything_hostile(caller):
    """a program that tries all of this at once leaves the host as it was"""
    with unchanged():
        _, result = caller.run("""
import ctypes, os, signal, socket, threading, time
libc = ctypes.CDLL(None)
def calls():
    for n in range(500):
        if n not in (15, 34, 56, 57, 58, 60, 61, 62, 130, 200, 219, 231, 234, 247): libc.syscall(n, -1, -1, -1, -1, -1, -1)
def files():
    for n in range(2000):
        try: os.symlink("/proc/1/root", f"/tmp/{n}"); os.mkfifo(f"/dev/shm/{n}")
        except OSError: pass
for work in (calls, files, calls):
    if os.fork() == 0:
        try: work()
        finally: os._exit(0)
# Descriptors in flight in a ring of sockets that nobody holds.
a, b = socket.socketpair()
for _ in range(50):
    try: socket.send_fds(a, [b"x"], [a.fileno(), b.fileno(), 1, os.memfd_create("x")])
    except OSError: pass
a.close(); b.close()
for n in range(1, 65):
    try: os.kill(1, n)
    except OSError: pass
time.sleep(0.5)
os.kill(-1, signal.SIGKILL)
os._exit(42)
""", "-t", "10s")
        assert (result["status"], result["exit_code"]) == ("nonzero", 42), result


def filters_on_sockets(caller):
    """no filter on a socket: it would be compiled into memory of the whole host's"""
    code = """
import errno, socket, struct
value = []
one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
program = (struct.pack("HBBI", 6, 0, 0, 0xffff) * 1)
import ctypes
kept = ctypes.create_string_buffer(program)
for option in (26, 50, 51, 52):
    try:
        one.setsockopt(1, option, struct.pack("HxxxxxxQ", 1, ctypes.addressof(kept)))
        value.append("set")
    except OSError as error:
        value.append(error.errno)
for option in (socket.SO_REUSEADDR, socket.SO_SNDBUF, socket.SO_RCVBUF, socket.SO_KEEPALIVE, socket.SO_BROADCAST, socket.SO_PASSCRED):
    one.setsockopt(socket.SOL_SOCKET, option, 1)
one.settimeout(1)
"""
    assert caller.value(code) == [1, 1, 1, 1]
    _, result = caller.run(code)
    if has(caller, "seccomp-listener"):
        assert [(d["name"], d["count"]) for d in result["denied_syscalls"]] == [("setsockopt", 4)], result
    assert outside(caller, code + "print(value[0])") == "set"


def page_cache(caller):
    """what of the host's files is in memory cannot be asked, nor driven out"""
    value = caller.value("""
import os
fd = os.open(os.__file__, os.O_RDONLY)
try:
    value = os.preadv(fd, [bytearray(100)], 0, 8)
except OSError as error:
    value = error.errno
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
""")
    assert value == 95, value


def stalled_terminal(caller):
    """a terminal that nobody reads does not hold up the clock, nor a signal to pysbx"""
    def start(limit):
        master, slave = pty.openpty()
        process = caller.popen("run", "--guard", "off", "-t", limit, "-c", "import os, time\nwhile True: os.write(1, b'\\n' * 4096); time.sleep(0.01)",
                               stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        return master, process

    def gone(process):
        return not any(process.pid == int(text_of(f"/proc/{pid}/stat").split()[3]) for pid in os.listdir("/proc")
                       if pid.isdigit() and isinstance(text_of(f"/proc/{pid}/stat"), str))

    for limit, number in (("700ms", None), ("60s", signal.SIGTERM)):
        master, process = start(limit)
        try:
            time.sleep(1.5)
            if number:
                process.send_signal(number)
            # The output that is kept still waits for its reader; the program must be gone.
            assert wait_until(lambda: gone(process), 5), "the program runs on"
        finally:
            os.set_blocking(master, False)
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    os.read(master, 65536)
                time.sleep(0.001)
            os.close(master)
        assert process.returncode == (124 if number is None else -number), process.returncode


def page_tables(caller):
    """page tables count as memory, and looking for it does not hold up the clock"""
    begin = time.monotonic()
    _, result = caller.run("""
import mmap, os, time
fd = os.memfd_create("x")
os.ftruncate(fd, 16 << 20)
for _ in range(15):
    if os.fork() == 0: break
kept = []
end = time.monotonic() + 6
while time.monotonic() < end and len(kept) < 2000:
    one = mmap.mmap(fd, 16 << 20, mmap.MAP_SHARED, mmap.PROT_READ)
    for at in range(0, 16 << 20, 4096): one[at]
    kept.append(one)
time.sleep(60)
""", "-m", "64M", "-t", "8s", "--cpu-time", "60s", "--cpus", "2", "--fsize", "64M")
    took = time.monotonic() - begin
    assert result["status"] in ("oom", "timeout") and took < 10, (took, result)
    assert result["status"] == "oom" or has(caller, "memory-limit"), result


TESTS = [canaries, device_in_a_library, full_shm, sparse_file, names_that_are_not_there, many_directories, odd_files_out,
         fetch_dir_of_ones_own, listener_of_the_host, neighbours, one_of_many, ids_on_the_host, daemons_at_the_limit,
         forking_threads_at_the_limit, stopped, fork_bomb, no_swap, kernel_memory, crashes, deep_stacks, nothing_sticks,
         share_of_the_processor, locks, flags_of_descriptors, odd_descriptors, terminal, one_hostile_thread, output_costs,
         hostile_flood, half_characters, odd_sources, without_privileges, namespaces_forbidden, low_limits,
         stopped_supervisor, everything_hostile, filters_on_sockets, page_cache, stalled_terminal, page_tables]

if __name__ == "__main__":
    sys.exit(main(TESTS))
