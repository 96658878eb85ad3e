#!/usr/bin/env python3
"""Tier minimal: what is held, and what is said, where no namespaces can be had.

The product runs under tests/tools/nonamespaces, an outer filter that answers as the one container engines set by default
does. test_docker.py has the same in a container of Docker's. Prints TAP. By hand: python3 tests/runtime/test_minimal.py
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from sandbox import PLAIN_ID, Caller, host_state, main, needs_plain_build, sandbox_processes, wait_until

OUTER = tap.BUILD / "tests/tools/nonamespaces"
FAULTY = tap.BUILD / "tests/tools/pysbx_faults"
NAMESPACES = {"user", "mount", "pid", "net", "ipc", "uts", "cgroup", "proc", "tmp-limit"}
ALWAYS = {"nnp", "seccomp", "landlock"}

_places = []


def wrapped(program, place, name="pysbx", outer="", require=True):
    """A program that runs this one without namespaces, and asks no more than minimal of it."""
    script = place / name
    script.write_text("#!/bin/sh\n"
                      + ('[ "$1" != run ] || { shift; set -- run --require minimal "$@"; }\n' if require else "") +
                      f'exec {place}/nonamespaces {outer} {program} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def callers():
    place = Path(tempfile.mkdtemp(prefix="test-minimal-"))
    _places.append(place)
    place.chmod(0o755)
    shutil.copy(OUTER, place / "nonamespaces")
    shutil.copy(tap.PYSBX, place / "product")
    wrapped(place / "product", place, "bare", require=False)
    found = [Caller("root" if os.geteuid() == 0 else "plain user", wrapped(place / "product", place))]
    if os.geteuid() == 0:
        found.append(Caller("plain user", found[0].program, PLAIN_ID))
    for caller in found:
        caller.place = place
    return found


def as_caller(caller):
    return {"user": caller.uid, "group": caller.uid, "extra_groups": []} if caller.uid is not None else {}


def directories():
    return sorted(str(path) for holder in ("/tmp", "/dev/shm") for path in Path(holder).glob("pysbx.*")
                  if re.fullmatch(r"pysbx\.\w{6}", path.name))


def left_directories():
    """Those that no run looks after any more; of others' that go on beside this one there may be any number."""
    left = []
    for path in directories():
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            # Before it has this mode it is not locked yet.
            if stat.S_IMODE(os.fstat(fd).st_mode) == 0o711:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.append(path)
        except BlockingIOError:
            pass
        finally:
            os.close(fd)
    return left


def has_landlock(least=1):
    found = json.loads(tap.command(tap.PYSBX, "doctor", "--json").stdout)
    check = next(check for check in found["checks"] if check["name"] == "landlock")
    return check["ok"] and int(check["detail"].split()[-1]) >= least


def tier_and_layers(caller):
    """the tier is minimal; what is held and what is missing is exactly that"""
    status, result = caller.run("print(1)")
    assert status == 0 and result["stdout"] == "1\n", result
    isolation = result["isolation"]
    layers, missing = set(isolation["layers"]), set(isolation["missing"])
    assert isolation["tier"] == "minimal", isolation
    assert ALWAYS <= layers and NAMESPACES <= missing, isolation
    assert layers & missing == set() and NAMESPACES & layers == set(), isolation
    assert (layers | missing) >= {"memory-limit", "pids-limit", "cpu-share", "caps"}, isolation
    # Nobody but root can empty the bounding set, or has an id to count processes of.
    assert ("caps" in layers) == caller.is_root, isolation
    if not {"cgroup1", "cgroup2"} & layers:
        assert ("pids-limit" in layers) == caller.is_root and "memory-limit" in missing, isolation


def refused_by_default(caller):
    """less than was asked for is refused, and what would be had is said"""
    for args in ((), ("--require", "reduced"), ("--require", "full"), ("--profile", "tight")):
        status, out, err = Caller("x", caller.place / "bare", caller.uid).call(
            "run", "--backend", "native", "--json", *args, "-c", "print('r' + 'an')")
        result = json.loads(out)
        assert status == 125 and result["status"] == "unavailable", result
        assert b"ran" not in out + err and result["remedy"], result
        if not args:
            assert "--require minimal" in result["remedy"], result


def refused_without_landlock(caller):
    """without Landlock nothing runs"""
    program = wrapped(caller.place / "product", caller.place, "no-landlock", "-l")
    status, out, _ = Caller("x", program, caller.uid).call("run", "--json", "-c", "print('r' + 'an')")
    result = json.loads(out)
    assert status == 125 and result["status"] == "unavailable" and "Landlock" in result["message"], result


def doctor_says_it(caller):
    """doctor names what is absent, and that a run with --require minimal works"""
    status, out, _ = caller.call("doctor", "--json")
    report = json.loads(out)
    assert status == 1 and report["tier"] == "minimal" and not report["available"], report
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["minimal"]["ok"] and not checks["run"]["ok"] and not checks["user-namespace"]["ok"], checks
    assert "--require minimal" in checks["run"]["remedy"], checks["run"]
    status, out, _ = caller.call("doctor")
    assert out.decode().splitlines()[-1] == (
        "pysbx run would refuse here; with --require minimal it works, isolation tier minimal."), out


TRY = """
import os, socket, sys, signal
value = {}
def attempt(name, act):
    try:
        got = act()
        value[name] = 0 if got is None or not isinstance(got, (str, list)) else got
    except OSError as error:
        value[name] = error.errno
"""


def own_files(caller, place):
    """A file and a directory that belong to the caller, with a canary each."""
    folder = Path(place, "canary")
    folder.mkdir()
    (folder / "file").write_text("CANARY", encoding="utf-8")
    (folder / "target").write_text("TARGET", encoding="utf-8")
    if caller.uid is not None:
        for path in (folder, folder / "file", folder / "target"):
            os.chown(path, caller.uid, caller.uid)
    return folder


def state_of(folder):
    return [(path.name, path.read_text(encoding="utf-8"), *path.stat()[0:6], path.stat().st_mtime_ns)
            for path in sorted(folder.iterdir())] + [tuple(folder.stat()[0:6])]


def files_of_the_host(caller):
    """nothing of the host's can be read, listed, written, cut off, moved, linked or given another mode or time"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = own_files(caller, place)
        before = state_of(folder)
        found = caller.value(TRY + f"folder = {str(folder)!r}\n" + """
file = folder + "/file"
for path in ("/", "/etc", "/proc", "/home", "/root", "/tmp", "/dev", "/dev/shm", "/sys", "/run", folder):
    attempt("list " + path, lambda: os.listdir(path))
for path in (file, "/etc/passwd", "/etc/shadow", "/etc/hostname", "/proc/self/status", "/proc/self/environ", "/proc/self/mem",
             "/proc/1/environ", "/proc/version", "/dev/tty", "/dev/kmsg", "/usr/bin/env"):
    attempt("read " + path, lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK)))
for name, flags in (("write", os.O_WRONLY), ("append", os.O_WRONLY | os.O_APPEND), ("cut", os.O_TRUNC), ("cut3", os.O_TRUNC | 3)):
    attempt("open " + name, lambda: os.close(os.open(file, flags)))
attempt("truncate", lambda: os.truncate(file, 0))
attempt("create", lambda: os.close(os.open(folder + "/new", os.O_CREAT | os.O_WRONLY, 0o600)))
attempt("mkdir", lambda: os.mkdir(folder + "/new"))
attempt("symlink", lambda: os.symlink("x", folder + "/new"))
attempt("fifo", lambda: os.mkfifo(folder + "/new"))
attempt("unlink", lambda: os.unlink(file))
attempt("rename", lambda: os.rename(file, folder + "/target"))
attempt("rename out", lambda: os.rename(file, "x"))
open("mine", "w").close()
attempt("rename in", lambda: os.rename("mine", folder + "/new"))
attempt("link in", lambda: os.link("mine", folder + "/new"))
attempt("link out", lambda: os.link(file, "hard"))
attempt("chmod", lambda: os.chmod(file, 0o666))
attempt("chmod folder", lambda: os.chmod(folder, 0o777))
attempt("utime", lambda: os.utime(file, (0, 0)))
attempt("chown", lambda: os.chown(file, os.getuid(), os.getgid()))
attempt("setxattr", lambda: os.setxattr(file, "user.x", b""))
os.symlink(file, "link")
attempt("through a link", lambda: os.close(os.open("link", os.O_WRONLY)))
attempt("execute", lambda: os.execv("/usr/bin/env", ["env"]))
""")
        done = {name: got for name, got in found.items() if got in (0, []) or isinstance(got, (list, str))}
        assert not done, done
        assert state_of(folder) == before, (before, state_of(folder))


def no_sockets(caller):
    """no network and no socket of the host's: only pairs that take no address"""
    with tempfile.TemporaryDirectory() as place, socket.socket() as tcp, socket.socket(socket.AF_UNIX) as local, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as named:
        os.chmod(place, 0o755)
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        local.bind(place + "/socket")
        os.chmod(place + "/socket", 0o777)
        local.listen()
        abstract = f"\0pysbx-test-{os.getpid()}"
        named.bind(abstract)
        found = caller.value(TRY + f"path, abstract, port = {place + '/socket'!r}, {abstract!r}, {tcp.getsockname()[1]}\n" + """
import ctypes
value["made"] = []
for family in range(64):
    for kind in (1, 2, 3, 5):
        try:
            socket.socket(family, kind, 0).close()
            value["made"].append([family, kind])
        except OSError as error:
            pass
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
    try:
        one, other = socket.socketpair(socket.AF_UNIX, kind)
    except OSError as error:
        value[f"pair {int(kind)}"] = error.errno
        continue
    for name, address in (("path", path), ("abstract", abstract)):
        attempt(f"connect {int(kind)} {name}", lambda: one.connect(address))
        attempt(f"bind {int(kind)} {name}", lambda: one.bind(address + "x"))
        try:
            one.sendto(b"x", address)
            # Where the kernel takes no address with it, the other end has it.
            value[f"sendto {int(kind)} {name}"] = -1 if other.recv(1) == b"x" else 0
        except OSError as error:
            value[f"sendto {int(kind)} {name}"] = error.errno
    attempt(f"listen {int(kind)}", lambda: one.listen())
""")
        made = found.pop("made")
        assert made == [], made
        assert found.pop("pair 2") == 1 and found.pop("pair 5") == 94 and not [name for name in found if name.startswith("pair")], found
        assert found and 0 not in found.values(), found
        named.settimeout(0)
        try:
            raise AssertionError(named.recv(1))
        except BlockingIOError:
            pass


def foreign_signals(caller):
    """no process but the program's own gets a signal, by any way of naming it"""
    with subprocess.Popen(["sleep", "60"], start_new_session=True, **as_caller(caller)) as victim:
        try:
            found = caller.value(TRY + f"victim = {victim.pid}\n" + """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def raw(*numbers):
    if libc.syscall(*[ctypes.c_long(n) for n in numbers]) < 0:
        raise OSError(ctypes.get_errno(), "")
for number in (0, signal.SIGKILL):
    attempt(f"kill {number}", lambda: os.kill(victim, number))
    attempt(f"group {number}", lambda: os.kill(-victim, number))
    attempt(f"init {number}", lambda: os.kill(os.getppid(), number))
    attempt(f"tgkill {number}", lambda: raw(234, victim, victim, int(number)))
    attempt(f"tkill {number}", lambda: raw(200, victim, int(number)))
    attempt(f"queue {number}", lambda: raw(129, victim, int(number), 0))
fd = os.pidfd_open(victim)
attempt("pidfd", lambda: signal.pidfd_send_signal(fd, signal.SIGKILL))
attempt("own", lambda: os.kill(os.getpid(), 0))
""")
            assert found.pop("own") == 0 and found and 0 not in found.values(), found
            _, result = caller.run("import os, signal; os.kill(-1, signal.SIGTERM); os.kill(-1, signal.SIGKILL)")
            assert result["status"] in ("ok", "nonzero", "signal"), result
            time.sleep(0.1)
            assert victim.poll() is None
        finally:
            victim.kill()


def foreign_processes(caller):
    """other processes cannot be traced, read, limited or scheduled"""
    with subprocess.Popen(["sleep", "60"], **as_caller(caller)) as victim:
        try:
            found = caller.value(TRY + f"victim = {victim.pid}\n" + """
import ctypes, resource
libc = ctypes.CDLL(None, use_errno=True)
def raw(*numbers):
    if libc.syscall(*[ctypes.c_long(n) for n in numbers]) < 0:
        raise OSError(ctypes.get_errno(), "")
attempt("attach", lambda: raw(101, 16, victim, 0, 0))
attempt("seize", lambda: raw(101, 0x4206, victim, 0, 0))
attempt("readv", lambda: raw(310, victim, 0, 0, 0, 0, 0))
attempt("getfd", lambda: raw(438, os.pidfd_open(victim), 0, 0))
attempt("prlimit", lambda: raw(302, victim, 7, 0, 0))
attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, victim, 19))
attempt("affinity", lambda: os.sched_setaffinity(victim, [0]))
attempt("mem", lambda: open(f"/proc/{victim}/mem", "rb"))
attempt("environ", lambda: open(f"/proc/{victim}/environ", "rb"))
""")
            assert found and 0 not in found.values(), found
        finally:
            victim.kill()


def nothing_leaves_the_group(caller):
    """no session, no process group of its own for any process inside"""
    found = caller.value(TRY + """
import subprocess
attempt("setsid", os.setsid)
attempt("setpgid", lambda: os.setpgid(0, 0))
attempt("setpgid parent", lambda: os.setpgid(0, os.getpgid(os.getppid())))
pid = os.fork()
if pid == 0:
    try:
        os.setsid()
        os._exit(0)
    except OSError as error:
        os._exit(error.errno)
value["child"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
""")
    assert found and set(found.values()) == {1}, found


def daemons_end(caller):
    """what a program leaves running ends with it"""
    before = host_state()
    status, result = caller.run("""
import os, signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
for n in range(5):
    if os.fork() == 0:
        if os.fork() == 0:
            for fd in range(3): os.close(fd)
            time.sleep(600)
        os._exit(0)
time.sleep(0.1)
""")
    assert status == 0 and result["status"] == "ok" and result["usage"]["wall_ms"] < 30000, result
    assert wait_until(lambda: host_state() == before and not sandbox_processes())


def fork_bomb(caller):
    """a fork bomb ends at a limit, and nothing of it is left"""
    before = host_state()
    _, result = caller.run("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", "-t", "1s", "--cpu-time", "9s")
    # Where memory is polled, pages that are shared count for each process while time to look is short.
    assert result["status"] in ("timeout", "pids_limit", "oom"), result
    assert wait_until(lambda: host_state() == before and not sandbox_processes())


def limits(caller):
    """memory, processes, the size of /tmp, of files and of output, clock and CPU time each hold"""
    cases = (
        ("oom", ("-m", "64M"), "import time; x = bytearray(300 << 20); time.sleep(20)"),
        ("timeout", ("-t", "300ms"), "import time; time.sleep(20)"),
        ("cpu_timeout", ("--cpu-time", "300ms"), "while True: pass"),
        ("output_limit", ("--tmpfs-size", "4M", "--fsize", "3M"), "import time\nfor n in range(4):\n  open(str(n), 'wb')"
         ".write(bytes(3 << 20))\ntime.sleep(20)"),
        ("output_limit", ("--max-output", "1K"), "while True: print('x' * 1000)"),
    )
    for wanted, args, code in cases:
        _, result = caller.run(code, *args)
        assert result["status"] == wanted, (wanted, result)
        if "--tmpfs-size" in args:
            assert "tmpfs" in result["limits_hit"] and "/tmp" in result["message"], result
    _, result = caller.run("open('x', 'wb').write(bytes(3 << 20))", "--fsize", "2M")
    assert "fsize" in result["limits_hit"] or "--fsize" in result["message"] or result["status"] == "nonzero", result
    _, result = caller.run("import threading, time\nfor n in range(40): threading.Thread(target=time.sleep, args=(5,), "
                           "daemon=True).start()\ntime.sleep(5)", "--pids-limit", "10")
    assert result["status"] == "pids_limit", result


def come_and_go(uid):
    """A process of this user with up to ninety children, which end and begin again; it ends itself after a minute."""
    pid = os.fork()
    if pid != 0:
        return pid
    try:
        if uid is not None:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for _ in range(90):
                if os.fork() == 0:
                    time.sleep(0.3)
                    os._exit(0)
                time.sleep(0.001)
            for _ in range(90):
                os.wait()
    finally:
        os._exit(0)


def others_come_and_go(caller):
    """a run begins while other processes of its user begin and end"""
    others = [come_and_go(caller.uid) for _ in range(3)]
    try:
        for _ in range(20):
            assert caller.output("print(1)") == "1\n"
    finally:
        for other in others:
            os.kill(other, signal.SIGKILL)
            os.waitpid(other, 0)


def ordinary_programs(caller):
    """subprocesses, threads, asyncio, temporary files, sqlite and scientific packages work as far as they are there"""
    needs_plain_build("more memory than a run has")
    out = caller.output("""
import asyncio, concurrent.futures, json, os, sqlite3, subprocess, sys, tempfile, threading, zoneinfo, decimal
assert subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True).stdout == "42\\n"
assert asyncio.run(asyncio.sleep(0, 5)) == 5
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    assert sum(pool.map(lambda n: n * n, range(10))) == 285
with tempfile.NamedTemporaryFile("w+") as file:
    file.write("x")
    file.seek(0)
    assert file.read() == "x"
base = sqlite3.connect("base")
base.execute("create table t (n)")
base.commit()
async def shell():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=subprocess.PIPE)
    return (await process.communicate())[0]
assert asyncio.run(shell()) == b"1\\n"
for name in ("numpy", "pandas", "matplotlib.pyplot"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        pass
print("well")
""", "-m", "512M", "-t", "60s")
    assert out == "well\n", out


def files_in_and_out(caller):
    """--file shows a file, --fetch brings one back, a program's links lead nobody out"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = own_files(caller, place)
        status, result = caller.run("""
import os
assert open("in/data.txt").read() == "CANARY"
import helper
try:
    open("in/data.txt", "w")
    print("written")
except OSError:
    pass
os.mkdir("out")
open("out/a", "w").write("result")
os.symlink("%s/target", "out/b")
print(helper.word)
""" % folder, "--file", f"in/data.txt={folder}/file", "--file", f"helper.py={write(caller, place)}", "--fetch", "*")
        assert status == 0 and result["stdout"] == "word\n", result
        assert [file["name"] for file in result["files"]] == ["a"], result["files"]
        assert (folder / "file").read_text() == "CANARY" and (folder / "target").read_text() == "TARGET"


def write(caller, place):
    path = Path(place, "helper.py")
    path.write_text("word = 'word'\n", encoding="utf-8")
    path.chmod(0o644)
    return path


def hostile_leftovers(caller):
    """whatever a program leaves in its directory is removed, by nothing that follows a link"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = own_files(caller, place)
        before, left = state_of(folder), left_directories()
        status, result = caller.run("""
import os
os.symlink(%r, "link")
os.symlink("link", "l2"); os.symlink("loop", "loop")
os.mkfifo("fifo")
os.mkdir("closed", 0)
os.makedirs("a/b/c"); open("a/b/c/f", "w").close(); os.symlink(%r, "a/b/c/l")
os.umask(0o777)
open("no-mode", "w").close()
for n in range(60):
    os.mkdir("d", 0o700) if n == 0 else None
os.umask(0)
for n in range(50):
    os.mkdir("x" * 200, 0o700); os.chdir("x" * 200); os.symlink(%r, "l"); open("y", "w").close()
    os.mkdir(".0"); os.mkdir(".1"); open(".1/z", "w").close()
""" % (str(folder), str(folder), str(folder)))
        assert status == 0, result
        assert state_of(folder) == before
        assert set(left_directories()) <= set(left)


def deep_tree(caller):
    """a tree deeper than can be told counts as one that is too large, and is removed"""
    left = left_directories()
    _, result = caller.run("import os, time\nfor n in range(3000): os.mkdir('d'); os.chdir('d')\ntime.sleep(20)")
    assert result["status"] == "output_limit", result
    assert set(left_directories()) <= set(left)


def killed(caller, which):
    before, left = host_state(), left_directories()
    process = caller.popen("run", "--guard", "off", "--json", "-c", """
import os, sys, time
for n in range(3):
    if os.fork() == 0:
        break
print("up", flush=True)
time.sleep(600)
""", "-t", "60s")
    assert wait_until(lambda: len(sandbox_processes()) >= 4, 20), sandbox_processes()
    os.kill(which(process), signal.SIGKILL)
    out, _ = process.communicate(timeout=30)
    assert wait_until(lambda: not sandbox_processes()), sandbox_processes()
    assert wait_until(lambda: set(left_directories()) <= set(left)), left_directories()
    assert wait_until(lambda: host_state()["mounts"] == before["mounts"])
    return process.returncode, out


def both_killed(caller):
    """kill -9 of pysbx and of its init at once: what the program left running is ended by the next run, its directory removed"""
    process = caller.popen("run", "--guard", "off", "--json", "-c", """
import os, time
for n in range(3):
    if os.fork() == 0:
        break
open("killed", "w").close()
time.sleep(600)
""", "-t", "60s")
    assert wait_until(lambda: len(sandbox_processes()) >= 4, 20), sandbox_processes()
    beside = caller.popen("run", "--guard", "off", "-t", "60s", "-c", "import time; open('beside', 'w'); print('up', flush=True); time.sleep(600)")
    assert beside.stdout.readline() == b"up\n"
    assert wait_until(lambda: any(Path(place, "tmp/killed").exists() for place in directories()), 20)
    places = {name: next(place for place in directories() if Path(place, "tmp", name).exists()) for name in ("killed", "beside")}
    both = [process.pid, *children_of(process.pid)]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in both:
            os.kill(pid, number)
    process.communicate(timeout=30)
    try:
        # The first process dies with the init. (Another run beside this test may have been the next one.)
        assert wait_until(lambda: len(sandbox_processes()) <= 4), sandbox_processes()
        caller.output("print(1)")
        assert wait_until(lambda: len(sandbox_processes()) == 1), sandbox_processes()
        assert not Path(places["killed"]).exists() and Path(places["beside"], "tmp/beside").exists(), directories()
    finally:
        beside.terminate()
        beside.communicate(timeout=30)
    assert not Path(places["beside"]).exists() and not sandbox_processes()


def directories_of_others(caller):
    """a directory that only looks like one of a dead run's is left alone"""
    made = []
    try:
        for holder in ("/tmp", "/dev/shm"):
            for mode in (0o711, 0o700, 0o755):
                path = Path(tempfile.mkdtemp(prefix="pysbx.", dir=holder))
                # As long as such a name is.
                path = path.rename(path.with_name(path.name.replace("_", "x")[:12]))
                made.append(path)
                (path / "file").write_text("mine")
                path.chmod(mode)
                os.chown(path, 4242 if mode == 0o711 and caller.is_root else os.geteuid(), -1)
        caller.output("print(1)")
        assert all(path.is_dir() and (path / "file").read_text() == "mine" for path in made), made
    finally:
        for path in made:
            shutil.rmtree(path, ignore_errors=True)


def files_without_a_name(caller):
    """files that were deleted and are held, open or mapped, count against the size of /tmp"""
    hold = """
import mmap, os, time
held = []
for n in range(40):
    fd = os.open("x", os.O_CREAT | os.O_RDWR)
    os.write(fd, bytes(1 << 20))
    os.unlink("x")
    {}
time.sleep({})
"""
    ways = {
        "open": "held.append(fd)",
        "mapped": "held.append(mmap.mmap(fd, 4096)); os.close(fd)",
        "open and mapped": "held.append((fd, mmap.mmap(fd, 1 << 20)))",
    }
    for way, code in ways.items():
        _, result = caller.run(hold.format(code, 30), "--tmpfs-size", "20M", "--fsize", "2M")
        assert result["status"] == "output_limit" and result["limits_hit"] == ["tmpfs"], (way, result)
        assert "/tmp size limit of 20M" in result["message"] and result["usage"]["wall_ms"] < 20000, (way, result)
    # Each is counted once, in memory it is no file of the disk's, and what is closed is gone.
    for way, code in (("all of it fits", ways["open and mapped"]), ("in memory", "os.close(fd); fd = os.memfd_create('x'); os.write(fd, bytes(1 << 20)); held.append(fd)"),
                      ("closed", "os.close(fd)")):
        _, result = caller.run(hold.format(code, 0.3), "--tmpfs-size", "44M" if "fits" in way else "20M", "--fsize", "2M")
        assert result["status"] == "ok" and result["limits_hit"] == [], (way, result)


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def supervisor_killed(caller):
    """kill -9 of pysbx ends the program and removes its directory"""
    killed(caller, lambda process: process.pid)


def init_killed(caller):
    """kill -9 of the init is an error, ends the program and removes its directory"""
    status, out = killed(caller, lambda process: children_of(process.pid)[0])
    assert status == 125 and json.loads(out)["status"] == "error", (status, out)


def interrupted(caller):
    """SIGTERM to pysbx ends the run at once"""
    left = left_directories()
    process = caller.popen("run", "--guard", "off", "--json", "-c", "import time; time.sleep(600)")
    assert wait_until(lambda: len(sandbox_processes()) >= 1, 20)
    process.terminate()
    process.communicate(timeout=30)
    assert not wait_until(lambda: sandbox_processes(), 0.2) and set(left_directories()) <= set(left)


def two_runs(caller):
    """of two runs at the same time none sees, reads or signals the other"""
    first = caller.popen("run", "--guard", "off", "--json", "-c", """
import os, time
open("secret", "w").write("SECRET" * 2)
print(os.getpid(), os.getcwd(), flush=True)
time.sleep(600)
""", "-t", "60s")
    try:
        assert wait_until(lambda: any(Path(place, "tmp/secret").exists() for place in directories()), 20)
        places = [place for place in directories() if Path(place, "tmp/secret").exists()]
        pids = sandbox_processes()
        found = caller.value(TRY + f"places, pids = {places!r}, {pids!r}\n" + """
for place in places:
    for name in ("/tmp/secret", "/tmp", "/sandbox/<string>", "/sandbox", ""):
        attempt("read " + name, lambda: os.close(os.open(place + name, os.O_RDONLY)))
    attempt("write", lambda: open(place + "/tmp/new", "w").close())
for pid in pids:
    attempt(f"kill {pid}", lambda: os.kill(pid, 9))
""")
        assert found and 0 not in found.values(), found
    finally:
        first.kill()
        first.communicate()
    assert wait_until(lambda: not set(places) & set(directories()))


def rootfs_is_refused(caller):
    """--rootfs is refused: without mounts it would be no root"""
    status, out, _ = caller.call("run", "--json", "--rootfs", "/usr", "-c", "1")
    assert status in (125, 127) and json.loads(out)["status"] in ("unavailable", "error"), out


def steps():
    return re.findall(r'^(?:STEP|SAME)\(\w+, "([^"]+)"', (tap.TOP / "runtime/steps_minimal.def").read_text(), re.M)


def each_step_fails(caller):
    """every step made to fail names itself; nothing runs, nothing is left"""
    shutil.copy(FAULTY, caller.place / "faulty")
    faulty = Caller(caller.name, wrapped(caller.place / "faulty", caller.place, "faulty-pysbx"), caller.uid)
    names = steps()
    assert len(names) > 20
    faulty.output("print(1)")  # and sweeps the groups of supervisors that were killed
    before, left = host_state(), left_directories()
    for name in names:
        status, out, err = faulty.call("run", "--backend", "native", "--guard", "off", "--json", "-c", "print('r' + 'an')", env={
            "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "FAULT_STEP": name})
        result = json.loads(out)
        assert status == 125 and b"ran" not in out, (name, out, err)
        assert result["message"] == f"{name}: Operation not permitted", result
        assert result["status"] == ("error" if name == "exec python" else "unavailable"), result
    assert wait_until(lambda: host_state() == before)
    assert set(left_directories()) <= set(left), (left_directories(), left)


TESTS = [tier_and_layers, refused_by_default, refused_without_landlock, doctor_says_it, files_of_the_host, no_sockets,
         foreign_signals, foreign_processes, nothing_leaves_the_group, daemons_end, fork_bomb, limits, others_come_and_go,
         ordinary_programs, files_in_and_out, hostile_leftovers, deep_tree, supervisor_killed, init_killed, both_killed,
         directories_of_others, files_without_a_name, interrupted, two_runs, rootfs_is_refused, each_step_fails]

if __name__ == "__main__":
    if not has_landlock():
        print("1..1\nok 1 - tier minimal # SKIP this kernel has no Landlock, and without it there is no such tier")
        sys.exit(0)
    try:
        code = main(TESTS, callers())
    finally:
        for one in _places:
            shutil.rmtree(one, ignore_errors=True)
    sys.exit(code)
