#!/usr/bin/env python3
"""Rows of the containment table about what lies around a run: files, neighbours, descriptors, terminals, hosts.

What the host must look like after a run is compared each time something hostile was run here.
"""

import contextlib
import fcntl
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
from sandbox import main, sandbox_processes, wait_until
from hostile import has, outside, place, PYTHON, text_of, unchanged


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
    assert result["status"] == "timeout" and took < 20, (took, result)


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
        assert time.monotonic() - begin < 30
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
            process.communicate(timeout=60)
    seen = {uid for four in ids for uid in four}
    assert len(ids) == 2, ids
    if caller.is_root:
        users = {line.split(":")[2] for line in open("/etc/passwd")}
        assert len(seen) == 2 and not seen & (users | {"0", "65534"}), seen
    else:
        assert seen == {str(caller.uid if caller.uid is not None else os.geteuid())}, seen


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


def disk_of_the_host(caller):
    """a disk of the host's is not made to write back: what would is answered with nothing done, and programs go on"""
    code = """
import ctypes, mmap, os, sqlite3
libc, value = ctypes.CDLL(None, use_errno=True), []
# On no descriptor at all only a call that is made can fail.
for call in (libc.fsync, libc.fdatasync): value.append(call(-1))
value += [libc.msync(ctypes.c_long(0), ctypes.c_long(4096), flag) for flag in (4, 1)]
"""
    assert caller.value(code + """
with open("f", "w+b") as file:
    file.write(b"x" * 4096); file.flush(); os.fsync(file.fileno())
    mapped = mmap.mmap(file.fileno(), 4096); mapped[0:1] = b"y"; mapped.flush()
base = sqlite3.connect("base"); base.execute("create table t (n)"); base.execute("insert into t values (5)"); base.commit()
value.append([open("f").read(2), sqlite3.connect("base").execute("select n from t").fetchone()[0]])
""") == [0, 0, 0, -1, ["yx", 5]]
    assert outside(caller, code + "print(value)") == "[-1, -1, -1, -1]"


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
            assert wait_until(lambda: gone(process)), "the program runs on"
        finally:
            os.set_blocking(master, False)
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    os.read(master, 65536)
                time.sleep(0.001)
            os.close(master)
        assert process.returncode == (124 if number is None else -number), process.returncode


TESTS = [canaries, device_in_a_library, full_shm, sparse_file, names_that_are_not_there, many_directories,
         odd_files_out, fetch_dir_of_ones_own, listener_of_the_host, neighbours, one_of_many, ids_on_the_host, locks,
         flags_of_descriptors, odd_descriptors, terminal, without_privileges, namespaces_forbidden,
         filters_on_sockets, page_cache, disk_of_the_host, stalled_terminal]

if __name__ == "__main__":
    sys.exit(main(TESTS))
