#!/usr/bin/env python3
"""The native backend as a whole: what a program inside sees, and how its end is told."""

import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from pythons import interpreters
from sandbox import busy_groups, groups, host_state, main, sandbox_processes, wait_until

FULL = {"user", "mount", "pid", "net", "ipc", "uts", "cgroup", "proc", "caps", "nnp", "seccomp"}

# An emulated machine is some twenty times slower.
IN_GUEST = "PYSBX_VM" in os.environ


def ends(caller, code, *args, status, exit_status, **fields):
    got, result = caller.run(code, *args)
    assert result["status"] == status, result
    assert got == exit_status, (got, result)
    for name, value in fields.items():
        assert result.get(name) == value, (name, result)
    return result


def the_main_job(caller):
    """sum(range(10)) is 45"""
    assert caller.output("print(sum(range(10)))") == "45\n"


def identity(caller):
    """ids 65534, no groups, no capabilities, no_new_privs, filter"""
    value = caller.value("""
import os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
value = [os.getresuid(), os.getresgid(), os.getgroups(), [status[n].strip() for n in
    ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")]]
""")
    assert value[0] == value[1] == [65534] * 3, value
    assert set(value[2]) <= {65534}, value
    assert value[3] == ["0" * 16] * 5 + ["1", "2"], value


def outside_id(caller):
    """the id outside is not root's, and a caller of root's rights gets one of its own"""
    maps = [caller.value("value = open('/proc/self/uid_map').read().split()") for _ in range(2)]
    for inside, outside, count in maps:
        assert (inside, count) == ("65534", "1"), maps
        assert int(outside) != 0, maps
    if caller.is_root:
        assert int(maps[0][1]) >= 0x70000000, maps
    else:
        assert maps[0][1] == maps[1][1] == str(caller.uid or os.geteuid()), maps


def as_root_of(ids, *argv):
    """Runs argv as root of a new user namespace with the map `ids` ("inside outside count")."""
    ready, mapped = os.pipe(), os.pipe()

    def enter():
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x10000000):  # CLONE_NEWUSER
            os._exit(99)
        os.write(ready[1], b"u")
        os.read(mapped[0], 1)
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)

    # The parent can write the maps only while the child waits, so Popen must not wait for its exec.
    pid = os.fork()
    if pid == 0:
        os.close(ready[0])
        done = subprocess.run(argv, preexec_fn=enter, stdin=subprocess.DEVNULL, capture_output=True,
                              env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}, check=False,
                              start_new_session=True, cwd="/")
        os.write(ready[1], b"e" + str(done.returncode).encode() + b" " + done.stdout)
        os._exit(0)
    os.close(ready[1])
    assert os.read(ready[0], 1) == b"u"
    child = next(int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{name}").write_text(ids + "\n")
    os.write(mapped[1], b"m")
    text = b""
    while piece := os.read(ready[0], 65536):
        text += piece
    os.waitpid(pid, 0)
    status, _, out = text.removeprefix(b"e").partition(b" ")
    return int(status), json.loads(out)


def root_of_few_ids(caller):
    """root of a user namespace with few ids takes one of them; the host's root is never lent"""
    if not caller.is_root:
        raise tap.Skip("the plain user's own namespaces are tried as root, too")
    show = "print(open('/proc/self/uid_map').read().split()[1], open('/proc/self/status').read().count('Seccomp:\t2'))"
    run = (caller.program, "run", "--guard", "off", "--json", "-c", show)
    status, result = as_root_of("0 100000 5000", *run)
    assert status == 0 and result["status"] == "ok", result
    outside, filtered = map(int, result["stdout"].split())
    assert 2500 <= outside < 5000 and filtered == 1, result
    status, result = as_root_of("0 100000 1", *run)
    assert status == 0 and result["stdout"] == "0 1\n", "root of a namespace is id 100000 outside"
    status, result = as_root_of("0 0 1", *run)
    assert (status, result["status"]) == (125, "unavailable"), result
    assert "would be root" in result["message"] and result["remedy"], result


def layers_told(caller):
    """the result names the layers, and what is missing"""
    _, result = caller.run("pass")
    isolation = result["isolation"]
    assert FULL <= set(isolation["layers"]), isolation
    assert isolation["backend"] == "native", isolation
    if "cgroup1" in isolation["layers"] or "cgroup2" in isolation["layers"]:
        assert isolation["tier"] == "full" and isolation["missing"] == [], isolation
    else:
        assert isolation["tier"] == "reduced", isolation
        assert {"cpu-share", "memory-limit"} <= set(isolation["missing"]), isolation


def no_network(caller):
    """name resolution fails, no internet socket can be made"""
    code = """
import socket, urllib.request
try:
    urllib.request.urlopen("http://example.com")
    value = "reached"
except OSError as error:
    value = type(getattr(error, "reason", error)).__name__
try:
    socket.socket(socket.AF_INET)
    value = [value, "socket"]
except OSError as error:
    value = [value, error.errno]
"""
    assert caller.value(code) == ["gaierror", 97], caller.value(code)


def host_files_absent(caller):
    """nothing of the host but interpreter and libraries is there"""
    with tempfile.NamedTemporaryFile(dir="/tmp", prefix="canary-") as canary:
        os.chmod(canary.name, 0o644)
        value = caller.value(f"""
import os, sys
there = [p for p in ("/home", "/root", "/boot", "/srv", "/mnt", "/media", "/var", "/run", "/sys", "/bin",
    "/sbin", "/etc/shadow", "/etc/machine-id", "/usr/bin/sh", "/usr/bin/env", "/usr/sbin", {canary.name!r})
    if os.path.lexists(p)]
value = [there, sorted(os.listdir("/")), sorted(os.listdir(os.path.dirname(os.path.realpath(sys.executable)))), os.stat("/").st_ino == os.stat("/..").st_ino]
""")
    assert value[0] == [], value
    assert set(value[1]) <= {"dev", "etc", "lib", "lib64", "opt", "proc", "sandbox", "tmp", "usr"}, value
    assert all(name.startswith("python") for name in value[2]), value
    assert value[3] is True


def read_only(caller):
    """everything but /tmp and /dev/shm refuses to be written"""
    value = caller.value("""
import os
value = {}
def attempt(name, function, *args):
    try:
        function(*args)
        value[name] = "done"
    except OSError as error:
        value[name] = error.errno
for path in ("/x", "/usr/x", "/usr/lib/x", "/etc/x", "/sandbox/x", "/proc/x", "/dev/x"):
    attempt(path, open, path, "w")
attempt("unlink", os.unlink, "/etc/passwd")
attempt("rename", os.rename, "/sandbox", "/sandbox2")
attempt("chmod", os.chmod, "/etc/passwd", 0o777)
attempt("utime", os.utime, os.__file__)
attempt("write", open, os.__file__, "r+")
for path in ("/tmp/x", "/dev/shm/x"):
    attempt(path, open, path, "w")
""")
    writable = {name: code for name, code in value.items() if code == "done"}
    assert set(writable) == {"/tmp/x", "/dev/shm/x"}, value
    assert set(value.values()) <= {"done", 1, 2, 13, 30}, value


def mount_flags(caller):
    """every mount is nosuid, nodev or a device; read-only but for two; noexec on what is writable"""
    lines = caller.output("print(open('/proc/self/mountinfo').read())").splitlines()
    seen = 0
    for line in filter(None, lines):
        left = line.partition(" - ")[0]
        point, flags = left.split()[4], set(left.split()[5].split(","))
        seen += 1
        assert "nosuid" in flags, line
        if point.startswith("/dev/") and point != "/dev/shm":
            assert "ro" in flags and "noexec" in flags, line
            continue
        assert "nodev" in flags, line
        if point in ("/tmp", "/dev/shm", "/proc"):
            assert "noexec" in flags, line
        else:
            assert "ro" in flags, line
        assert not point.startswith("/tmp/"), line
    assert seen >= 10, lines


def no_program_from_tmp(caller):
    """a program written to /tmp cannot be executed"""
    value = caller.value("""
import os, shutil, sys
shutil.copy(sys.executable, "/tmp/p")
os.chmod("/tmp/p", 0o755)
try:
    os.execv("/tmp/p", ["p"])
except OSError as error:
    value = error.errno
""")
    assert value == 13, value


def own_processes_only(caller):
    """/proc shows the run's own processes and nothing else; host name and groups are ours"""
    value = caller.value("""
import os, socket
value = [sorted(os.listdir("/proc")), socket.gethostname(), os.getpid(),
    {line.split(":", 2)[2] for line in open("/proc/self/cgroup").read().split()} - {"/"} == set()]
""")
    assert set(value[0]) <= {"self", "thread-self", "1", "2"}, value
    assert value[1:] == ["sandbox", 2, True], value


def init_is_closed(caller):
    """the init's descriptors, memory and root are nobody's; signals do not reach it"""
    value = caller.value("""
import os, signal
value = []
for name in ("fd", "mem", "root", "environ", "exe"):
    try:
        path = "/proc/1/" + name
        value.append(os.listdir(path) if name in ("fd", "root") else open(path, "rb").read(1).hex())
    except OSError as error:
        value.append(error.errno)
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT):
    try:
        os.kill(1, number)
    except PermissionError:
        pass
""")
    assert all(code in (1, 2, 13, 5) for code in value), value


def descriptors(caller):
    """0, 1, 2 and nothing else, whatever the caller had open; stdio are pipes or /dev/null"""
    extra = [os.open("/", os.O_RDONLY) for _ in range(50)]
    try:
        for fd in extra:
            os.set_inheritable(fd, True)
        value = caller.value("""
import os, stat
fds = sorted(map(int, os.listdir("/proc/self/fd")))
value = [fds, [stat.S_ISFIFO(os.fstat(n).st_mode) for n in (0, 1, 2)], os.readlink("/proc/self/fd/0")]
""", close_fds=False)
    finally:
        for fd in extra:
            os.close(fd)
    assert value == [[0, 1, 2, 3], [False, True, True], "/dev/null"], value


def environment(caller):
    """the environment is rebuilt; --env adds to it"""
    value = caller.value("import os; value = dict(os.environ)", "--env", "MINE=1",
                         env={"SECRET": "x", "LD_LIBRARY_PATH": "/nowhere", "PATH": "/usr/bin:/bin"})
    assert value.pop("MINE") == "1" and value.pop("TEST_MARK")
    # Only for an interpreter that was moved and has a libpython of its own.
    assert value.pop("LD_LIBRARY_PATH", "/opt/python/lib") == "/opt/python/lib", value
    assert set(value) <= {"PATH", "HOME", "LANG", "TMPDIR", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE",
                          "MPLCONFIGDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                          "NUMEXPR_NUM_THREADS"}, value
    assert value["HOME"] == value["TMPDIR"] == "/tmp", value


def odd_callers(caller):
    """closed stdio, an odd umask, blocked and ignored signals, a working directory that is gone"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o777)
        gone = Path(place) / "gone"
        gone.mkdir()

        def odd():
            os.chdir(gone)
            gone.rmdir()
            os.umask(0o777)
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGXFSZ, signal.SIGUSR1):
                signal.signal(number, signal.SIG_IGN)
        value = caller.value("""
import os, signal
mask = os.umask(0)
value = [mask, sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))), os.getcwd(),
    signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL]
""", preexec_fn=odd)
        assert value == [0o22, [], "/tmp", True], value
    closed = caller.popen("run", "--guard", "off", "-q", "-c", "print(1)",
                          preexec_fn=lambda: (os.close(0), os.close(2)))
    out = closed.communicate(timeout=30)[0]
    assert (closed.returncode, out) == (0, b"1\n"), (closed.returncode, out)


def exit_codes(caller):
    """the program's own exit status, as Python makes it"""
    for code, wanted in (("0", 0), ("3", 3), ("256", 0), ("-1", 255), ("255", 255), ("'text'", 1), ("None", 0)):
        ends(caller, f"import sys; sys.exit({code})", status="nonzero" if wanted else "ok", exit_status=wanted,
             exit_code=wanted, signal=None)
    result = ends(caller, "1/0", status="nonzero", exit_status=1)
    assert 'File "/sandbox/<string>", line 1' in result["stderr"], result


def signals(caller):
    """death by a signal is told as that signal and no exit code"""
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGTERM, signal.SIGXFSZ, 40):
        name = signal.Signals(number).name if number < 32 else "SIGRT"
        result = ends(caller, f"import os, signal\nsignal.signal({int(number)}, signal.SIG_DFL) if "
                      f"{int(number)} != 9 else 0\nos.kill(os.getpid(), {int(number)})",
                      status="signal", exit_status=128 + number, exit_code=None)
        assert result["signal"].startswith(name), result


def wall_clock(caller):
    """--timeout ends the run, told as timeout, 124, in time"""
    begin = time.monotonic()
    result = ends(caller, "while True: pass", "-t", "3s", status="timeout", exit_status=124)
    took = time.monotonic() - begin
    # On an idle machine 3000 and 3.02; here others may hold up every process.
    assert 3000 <= result["usage"]["wall_ms"] < 8000, result
    print(f"# {caller.name}: the whole took {took:.3f} s", flush=True)
    assert 3.0 <= took < 20, took
    assert "3s" in result["message"] and "--timeout" in result["remedy"], result


def time_limits_at_once(caller):
    """with as much CPU time as wall clock, and CPUs enough, the wall clock is what ends the run"""
    for _ in range(3):
        ends(caller, "while True: pass", "-t", "400ms", "--cpus", "2", status="timeout", exit_status=124)
    ends(caller, "while True: pass", "-t", "30s", "--cpu-time", "400ms", "--cpus", "2", status="cpu_timeout",
         exit_status=124)


def stopped_program(caller):
    """a program that stops itself is ended by the clock, not told as exited"""
    ends(caller, "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "-t", "300ms",
         status="timeout", exit_status=124)


def cpu_time(caller):
    """--cpu-time counts all processes of the run together"""
    code = "import os\nfor i in range(3): os.fork()\nwhile True: pass"
    result = ends(caller, code, "--cpu-time", "400ms", "--cpus", "2", "-t", "60s", status="cpu_timeout",
                  exit_status=124)
    assert result["usage"]["wall_ms"] < 30000, result


def out_of_memory(caller):
    """--memory: more ends the run as oom, 137; a little less does not"""
    hog = "b = bytearray({} << 20)\nfor i in range(0, len(b), 4096): b[i] = 1\nimport time; time.sleep(0.1)"
    result = ends(caller, hog.format(200), "-m", "64M", status="oom", exit_status=137, exit_code=None)
    assert "64M" in result["message"], result
    ends(caller, hog.format(30), "-m", "64M", status="ok", exit_status=0)
    child = "import os, time\nif os.fork() == 0:\n" + "\n".join(
        "    " + line for line in hog.format(200).splitlines()) + "\ntime.sleep(30)"
    ends(caller, child, "-m", "64M", status="oom", exit_status=137)
    ends(caller, "print('fine')", "-m", "64M", status="ok", exit_status=0)


def tmpfs_counts_as_memory(caller):
    """files in /tmp count against --memory, and /tmp has its own size"""
    write = "f = open('/tmp/f', 'wb')\nfor i in range({}): f.write(bytes(1 << 20)); f.flush()\n"
    ends(caller, write.format(200) + "import time; time.sleep(0.2)", "-m", "48M", "--tmpfs-size", "300M",
         "--fsize", "1G", status="oom", exit_status=137)
    result = ends(caller, write.format(20), "--tmpfs-size", "8M", status="nonzero", exit_status=1)
    assert "No space left" in result["stderr"] and "tmpfs" in result["limits_hit"], result
    ends(caller, write.format(8), "--tmpfs-size", "8M", status="ok", exit_status=0)


def inodes(caller):
    """/tmp has a number of inodes"""
    value = caller.value("""
n = 0
try:
    while True:
        open(f"/tmp/{n}", "w").close()
        n += 1
except OSError as error:
    value = [error.errno, n]
""", "--tmpfs-size", "4M")
    assert value == [28, 1023], value  # the directory itself is one


def processes(caller):
    """--pids-limit: n processes and no more"""
    code = """
import os, time
n = 1
try:
    while True:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        n += 1
except BlockingIOError:
    value = n
"""
    assert caller.value(code, "--pids-limit", "9") == 9
    threads = ("import threading, time\n"
               "for i in range({}): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()")
    ends(caller, threads.format(8), "--pids-limit", "9", status="ok", exit_status=0)
    _, result = caller.run(threads.format(9), "--pids-limit", "9")
    assert result["exit_code"] == 1 and "can't start new thread" in result["stderr"], result
    if "cgroup1" in result["isolation"]["layers"] or "cgroup2" in result["isolation"]["layers"]:
        assert result["status"] == "pids_limit" and "pids" in result["limits_hit"], result


def resource_limits(caller):
    """rlimits are soft and hard the same, and as asked"""
    value = caller.value("""
import resource
value = {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")}
""", "--nofile", "64", "--fsize", "1M")
    assert value["RLIMIT_NOFILE"] == [64, 64] and value["RLIMIT_FSIZE"] == [1 << 20] * 2, value
    assert value["RLIMIT_CORE"][0] == value["RLIMIT_CORE"][1] <= 1, value
    assert value["RLIMIT_MEMLOCK"] == value["RLIMIT_MSGQUEUE"] == [0, 0], value
    for name in ("RLIMIT_STACK", "RLIMIT_CPU", "RLIMIT_NOFILE", "RLIMIT_NICE", "RLIMIT_RTPRIO"):
        assert value[name][0] == value[name][1], (name, value)
    code = "import os\nfds = []\ntry:\n    while True: fds.append(os.open('/dev/null', 0))\nexcept OSError as e: value = [e.errno, max(fds)]\nfor fd in fds: os.close(fd)"
    assert caller.value(code, "--nofile", "64") == [24, 63]
    big = "f = open('/tmp/f', 'wb', buffering=0)\nvalue = f.write(bytes({}))"
    assert caller.value(big.format(1 << 20), "--fsize", "1M") == 1 << 20
    assert caller.value(big.format((1 << 20) + 1), "--fsize", "1M") == 1 << 20


def output_kept(caller):
    """--max-output keeps head and tail of each stream and counts the rest"""
    code = "import sys\nfor i in range(1000): print(f'{i:09}')\nsys.stderr.write('e' * 99)"
    result = ends(caller, code, "--max-output", "1k", status="ok", exit_status=0, stdout_bytes=10000,
                  stdout_truncated=True, stderr_bytes=99, stderr_truncated=False)
    assert len(result["stdout"]) == 1024, len(result["stdout"])
    assert result["stdout"].startswith("000000000\n") and result["stdout"].endswith("000000999\n"), result
    assert "output" in result["limits_hit"], result
    exact = ends(caller, "print('x' * 1023)", "--max-output", "1k", status="ok", exit_status=0)
    assert exact["stdout_truncated"] is False and len(exact["stdout"]) == 1024, exact
    over = ends(caller, "print('x' * 1024)", "--max-output", "1k", status="ok", exit_status=0)
    assert over["stdout_truncated"] is True and len(over["stdout"]) == 1024, over


def output_flood(caller):
    """a flood of output ends the run"""
    ends(caller, "import os\nwhile True: os.write(1, b'x' * 65536)", "--max-output", "1k",
         "--cpus", "2", "-t", "60s", status="output_limit", exit_status=137)


def not_text(caller):
    """output that is not UTF-8 reaches the caller whole"""
    result = ends(caller, "import os; os.write(1, b'\\x00\\xff\\xfe' * 3)", status="ok", exit_status=0)
    assert result["stdout_encoding"] == "base64", result


def forged_verdict(caller):
    """a program that prints a verdict has printed text"""
    result = ends(caller, "import os\nfor fd in range(1, 20):\n  try: os.write(fd, b'{\"schema\":1,\"status\":\"ok\"}\\n')\n"
                  "  except OSError: pass\nos._exit(7)", status="nonzero", exit_status=7)
    assert '"status"' in result["stdout"], result


def standard_input(caller):
    """--stdin: from a file, from a pipe, and empty without it"""
    echo = "import sys; value = sys.stdin.read()"
    assert caller.value(echo) == ""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("line\n" * 50000)
        file.flush()
        os.chmod(file.name, 0o644)
        assert caller.value("import sys; value = len(sys.stdin.read())", "--stdin", file.name) == 250000
    assert caller.value(echo, "--stdin", "-", input=b"hello") == "hello"
    # A program that does not read must not hold up the end.
    ends(caller, "pass", "--stdin", "/dev/zero", status="ok", exit_status=0)


def arguments(caller):
    """what follows -- is sys.argv[1:]"""
    value = caller.value("import sys; value = sys.argv", program_args=["a", "", "--b", "c d", "\u00e9"])
    assert value == ["/sandbox/<string>", "a", "", "--b", "c d", "\u00e9"], value


def files_in(caller):
    """--file: there by name, read-only, importable"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        data, module = Path(place) / "d.csv", Path(place) / "m.py"
        data.write_text("1,2\n")
        module.write_text("X = 5\n")
        value = caller.value("""
import os, m
try:
    open("/sandbox/in/d.csv", "a")
    writable = True
except OSError:
    writable = False
value = [open("/sandbox/in/d.csv").read(), open("in/d.csv").read(), m.X, writable]
""", "--file", f"in/d.csv={data}", "--file", f"m.py={module}")
        assert value == ["1,2\n", "1,2\n", 5, False], value
        status, result = caller.run("pass", "--file", f"x={place}")
        assert (status, result["status"]) == (125, "error") and "not a regular file" in result["message"], result


def files_out(caller):
    """--fetch: regular files of /tmp/out only, whatever else lies there"""
    code = """
import os
os.makedirs("/tmp/out/sub")
open("/tmp/out/a.txt", "w").write("A")
open("/tmp/out/sub/b.txt", "w").write("B")
open("/tmp/out/other.bin", "w").write("C")
os.symlink("/etc/passwd", "/tmp/out/link.txt")
os.symlink("/proc/self/environ", "/tmp/out/sub/env.txt")
os.mkfifo("/tmp/out/fifo.txt")
open("/tmp/out/hard.txt", "w").write("H")
os.link("/tmp/out/hard.txt", "/tmp/out/hard2.txt")
open("/tmp/outside.txt", "w").write("O")
"""
    _, result = caller.run(code, "--fetch", "*.txt", "--fetch", "sub/*.txt")
    assert [f["name"] for f in result["files"]] == ["a.txt", "sub/b.txt"], result["files"]
    assert [f["content_base64"] for f in result["files"]] == ["QQ==", "Qg=="], result["files"]


def left_behind_processes(caller):
    """daemons end with the leader, at once, and orphans are reaped"""
    code = """
import os, signal, time
for i in range(5):
    if os.fork() == 0:
        os.setsid()
        for n in range(1, 32):
            try: signal.signal(n, signal.SIG_IGN)
            except (OSError, ValueError): pass
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
time.sleep(0.2)
zombies = [p for p in os.listdir("/proc") if p.isdigit() and ") Z " in open(f"/proc/{p}/stat").read()]
value = [len(zombies)]
"""
    begin = time.monotonic()
    value = caller.value(code, "-t", "60s")
    assert time.monotonic() - begin < 30
    # The five that exited are the program's own to wait for; their children are the init's.
    assert value[0] <= 5, value
    assert sandbox_processes() == []


def hostile_calls_named(caller):
    """a hostile system call is refused, survived and named"""
    _, result = caller.run("import ctypes\nlibc = ctypes.CDLL(None)\n"
                           "print([libc.syscall(n, 0, 0, 0, 0, 0) for n in (165, 101, 165)])")
    assert result["status"] == "ok" and result["stdout"] == "[-1, -1, -1]\n", result
    named = {d["name"]: d["count"] for d in result["denied_syscalls"]}
    assert named == {"mount": 2, "ptrace": 1}, result


def no_nested_namespaces(caller):
    """no namespace can be made inside"""
    value = caller.value("import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
                         "value = [libc.syscall(272, f) for f in (0x10000000, 0x20000, 0x40000000)]")
    assert value == [-1, -1, -1], value


def each_interpreter(caller):
    """every CPython found runs, wherever its prefix lies"""
    found = interpreters()
    assert found
    ran = 0
    for python in found:
        if caller.uid and any(not os.stat(p).st_mode & 1 for p in Path(os.path.realpath(python)).parents):
            continue
        value = caller.value("import sys, ssl, sqlite3, ctypes, json\nvalue = [list(sys.version_info[:2]), sys.executable, sys.prefix]",
                             "--python", python)
        assert f"3.{value[0][1]}" in os.path.basename(os.path.realpath(python)), (python, value)
        assert str(Path.home()) not in value[1] or Path.home() == Path("/"), value
        ran += 1
    if not ran:
        raise tap.Skip("this user can read none of " + " ".join(found))


def virtual_environment(caller):
    """a venv's own packages are found, by its own interpreter"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        venv = Path(place) / "v"
        done = tap.command("/usr/bin/python3", "-m", "venv", "--without-pip", venv)
        if done.returncode:
            raise tap.Skip("venv: " + done.stderr.strip()[-100:])
        site = next(venv.glob("lib/python3.*/site-packages"))
        (site / "only_here.py").write_text("X = 'venv'\n")
        value = caller.value("import sys, only_here; value = [only_here.X, sys.prefix != sys.base_prefix, sys.prefix]",
                             "--python", venv / "bin/python3")
        assert value[:2] == ["venv", True], value
        assert place not in value[2], value
        config = venv / "pyvenv.cfg"
        text = config.read_text()
        assert "include-system-site-packages = false" in text, text
        system = "import sys; value = any(p.endswith('-packages') and not p.startswith(sys.prefix + '/') for p in sys.path)"
        for spelled, sees in (("= false", False), ("= true", True), (" =  True ", True), ("= yes", False)):
            config.write_text(text.replace("include-system-site-packages = false", "include-system-site-packages" + spelled))
            plain = tap.command(venv / "bin/python3", "-I", "-c", system + "; print(value)", check=0).stdout
            # A small system has no packages of its own to be seen.
            assert plain == f"{sees}\n" or not Path("/usr/lib/python3/dist-packages").is_dir(), (spelled, plain)
            assert caller.value(system, "--python", venv / "bin/python3") == (plain == "True\n"), spelled


def scripts_are_no_interpreters(caller):
    """a shim named as interpreter is an error with a remedy; a missing one is 127"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        shim = Path(place) / "python3"
        shim.write_text("#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n")
        shim.chmod(0o755)
        status, result = caller.run("pass", "--python", shim)
        assert status != 0 and "shim" in result["message"], result
        path = f"{place}:/usr/bin"
        assert caller.output("print(1)", env={"PATH": path}) == "1\n"
    status, _, err = caller.call("run", "--python", "/nonexistent/python3", "-c", "pass")
    assert status == 127 and b"/nonexistent/python3" in err, (status, err)


def tier_refused(caller):
    """a tier that cannot be reached runs nothing: unavailable, 125, a remedy"""
    status, result = caller.run("pass")
    if result["isolation"]["tier"] == "full":
        assert caller.run("pass", "--require", "full")[0] == 0
        return
    status, result = caller.run("open('/tmp/ran', 'w')", "--require", "full")
    assert (status, result["status"]) == (125, "unavailable"), result
    assert "exit_code" not in result and "stdout" not in result or result.get("stdout") == "", result
    assert result["message"], result


def interrupted(caller):
    """SIGINT and SIGTERM to pysbx end the run at once"""
    for number in (signal.SIGINT, signal.SIGTERM):
        process = caller.popen("run", "--guard", "off", "-t", "90s", "-c", "import time; print('up', flush=True); time.sleep(90)")
        assert process.stdout.readline() == b"up\n"
        assert len(sandbox_processes()) >= 1, "the search for what is left behind finds nothing at all"
        begin = time.monotonic()
        os.kill(process.pid, number)
        process.communicate(timeout=60)
        assert process.returncode not in (0, None), process.returncode
        assert time.monotonic() - begin < 30
        assert wait_until(lambda: not sandbox_processes()), sandbox_processes()


def unkillable(caller):
    """P103: an init that SIGKILL does not end is given up in time, and that is the verdict"""
    freezer = Path("/sys/fs/cgroup/freezer")
    if not caller.is_root or not freezer.is_dir():
        raise tap.Skip("needs root and a v1 freezer, to make one")
    group = freezer / f"test-{os.getpid()}"
    group.mkdir()
    process = caller.popen("run", "--guard", "off", "-t", "1s", "-c", "print('up', flush=True)\nimport time; time.sleep(60)")
    try:
        assert process.stdout.readline() == b"up\n"
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            (group / "tasks").write_text(child)
        (group / "freezer.state").write_text("FROZEN")
        _, err = process.communicate(timeout=30)
        assert process.returncode == 125 and b"outlived SIGKILL" in err, (process.returncode, err)
    finally:
        (group / "freezer.state").write_text("THAWED")
        assert wait_until(lambda: not (group / "tasks").read_text())
        group.rmdir()
    caller.output("print(1)")
    assert wait_until(lambda: groups() == []), groups()


def killed_at_random(caller):
    """kill -9 of pysbx at any moment leaves nothing, and no group once the next has run"""
    before = host_state()
    for _ in range(40 if IN_GUEST else 200):
        process = caller.popen("run", "--guard", "off", "-c", "import time; time.sleep(60)")
        time.sleep(random.random() * (0.5 if IN_GUEST else 0.05))
        process.kill()
        process.communicate(timeout=60)
    assert wait_until(lambda: not sandbox_processes() and not busy_groups(), 20), (sandbox_processes(), busy_groups())
    caller.output("print(1)")
    assert groups() == before["groups"], groups()
    after = host_state()
    assert after == before, {k: (before[k], after[k]) for k in before if before[k] != after[k]}


def side_by_side(caller):
    """many at once: none sees another, none disturbs another"""
    running = [caller.popen("run", "--guard", "off", "-t", "120s", "-c",
                            f"import os, time\nopen('/tmp/{n}', 'w')\ntime.sleep(0.3)\nprint(os.listdir('/tmp'), "
                            "[p for p in os.listdir('/proc') if p.isdigit()])") for n in range(16 if IN_GUEST else 64)]
    for n, process in enumerate(running):
        out, err = process.communicate(timeout=150)
        assert process.returncode == 0, (out, err)
        assert out.startswith(f"['{n}'] ".encode()) and out.count(b"'") <= 6, out


def nothing_left(caller):
    """runs of every kind leave the host as it was"""
    before = host_state()
    caller.run("pass")
    caller.run("import os\nfor i in range(1000): os.makedirs(f'/tmp/{i}/x')")
    caller.run("while True: pass", "-t", "100ms")
    caller.run("import os; os.kill(os.getpid(), 9)")
    assert wait_until(lambda: host_state() == before), {
        k: (before[k], v) for k, v in host_state().items() if before[k] != v}


def hostile_directories(caller):
    """directories nested beyond any path, and many of them: the end is not slowed"""
    code = """
import os
os.chdir("/tmp")
try:
    for i in range(3000):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
except OSError:
    pass
"""
    begin = time.monotonic()
    caller.run(code, "--fetch", "*")
    assert time.monotonic() - begin < 40


TESTS = [the_main_job, identity, outside_id, root_of_few_ids, layers_told, no_network, host_files_absent, read_only, mount_flags,
         no_program_from_tmp, own_processes_only, init_is_closed, descriptors, environment, odd_callers,
         exit_codes, signals, wall_clock, time_limits_at_once, stopped_program, cpu_time, out_of_memory, tmpfs_counts_as_memory,
         inodes, processes, resource_limits, output_kept, output_flood, not_text, forged_verdict,
         standard_input, arguments, files_in, files_out, left_behind_processes, hostile_calls_named,
         no_nested_namespaces, each_interpreter, virtual_environment, scripts_are_no_interpreters,
         tier_refused, interrupted, unkillable, killed_at_random, side_by_side, nothing_left, hostile_directories]

if __name__ == "__main__":
    sys.exit(main(TESTS))
