"""What the tests of the Docker and OCI backends share: one way to call pysbx through a backend, the reference checks,
the limits, and the probes of selftest/, which every backend must hold.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in (".", "containment")]
import probes  # noqa: E402
import tap  # noqa: E402

kit = probes.load()

KILLED = {"signal": 31}  # SIGSYS: there is no listener, so what is hostile is ended
EPERM = 1


class Backend:
    """How pysbx is told to use it; before: a command that starts pysbx in surroundings of its own."""

    def __init__(self, name, *options, before=(), gvisor=False, env=None, uid=None, program=None):
        self.name, self.options, self.before, self.gvisor = name, options, list(before), gvisor
        self.env, self.uid, self.program = env or {}, uid, program or tap.PYSBX
        self.probes = None

    def popen(self, *args, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        if self.uid is not None:
            options.update(user=self.uid, group=self.uid, extra_groups=options.pop("groups", []))
        env = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", **self.env}
        return subprocess.Popen([*self.before, str(self.program), *map(str, args)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, cwd="/", env=env, **options)

    def call(self, *args, input=None, timeout=90):
        process = self.popen(*args, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL)
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"pysbx {args[:6]} did not end: {out[-300:]} {err[-300:]}") from None
        return process.returncode, out, err

    def run(self, code, *args, program_args=(), **options):
        tail = ["--", *program_args] if program_args else []
        status, out, err = self.call("run", "--guard", "off", "--json", "--cpus", "2", *self.options, *args, "-c", code, *tail, **options)
        try:
            return status, json.loads(out)
        except ValueError:
            raise AssertionError(f"no JSON: exit {status}, {out[-500:]} {err[-1500:]}") from None

    def ok(self, code, *args, **options):
        status, result = self.run(code, *args, **options)
        assert status == 0 and result["status"] == "ok", (status, result)
        return result


# The four reference checks.

def sums(backend):
    """a program runs: 45 and exit 0"""
    status, out, err = backend.call("run", *backend.options, "-c", "print(sum(range(10)))")
    assert (status, out) == (0, b"45\n"), (status, out, err)


def nobody(backend):
    """the program is uid 65534"""
    result = backend.ok("import os; print(os.getresuid(), os.getresgid(), os.getgroups())")
    ids = "(65534, 65534, 65534)"
    assert result["stdout"] in (f"{ids} {ids} []\n", f"{ids} {ids} [65534]\n"), result


def no_names(backend):
    """a name cannot be resolved"""
    status, result = backend.run("import socket; socket.gethostbyname('example.com')")
    assert status == 1 and result["status"] == "nonzero" and "gaierror" in result["stderr"], result


def endless(backend):
    """`while True` with 3 s is killed"""
    status, result = backend.run("while True: pass", "-t", "3s")
    assert status == 124 and result["status"] == "timeout" and result["signal"] == "SIGKILL", result
    assert 2900 < result["usage"]["wall_ms"], result["usage"]


REFERENCE = [sums, nobody, no_names, endless]


# The verdict, the limits, files and streams: the same as the native backend's.

def endings(backend):
    """an exit status is told from a signal, whatever its number"""
    for code, wanted in (("import sys; sys.exit(139)", (139, "nonzero", 139, None)),
                         ("import os; os.kill(os.getpid(), 11)", (139, "signal", None, "SIGSEGV")),
                         ("import os; os.kill(os.getpid(), 9)", (137, "signal", None, "SIGKILL"))):
        status, result = backend.run(code)
        assert (status, result["status"], result.get("exit_code"), result.get("signal")) == wanted, result


def memory(backend):
    """memory past the limit is `oom`"""
    status, result = backend.run("b = bytearray(1 << 30)\nprint('alive')", "-m", "128M", "-t", "20s")
    assert (status, result["status"]) == (137, "oom"), result


def processes(backend):
    """processes past the limit are refused"""
    if backend.gvisor:
        result = backend.ok("print(1)")
        assert "pids-limit" in result["isolation"]["missing"], result
        return
    status, result = backend.run("""
import os, time
for n in range(100):
    if os.fork() == 0:
        time.sleep(20)
""", "--pids-limit", "10", "-t", "20s")
    assert result["status"] == "pids_limit" and "pids" in result["limits_hit"] and status == 1, result


def cpu_time(backend):
    """CPU time past the limit ends it"""
    status, result = backend.run("while True: pass", "--cpu-time", "500ms", "-t", "20s")
    assert (status, result["status"]) == (124, "cpu_timeout"), result


def output(backend):
    """output is kept at both ends, and a flood ends the run"""
    result = backend.ok("print('a' * 5000 + 'b' * 5000)", "--max-output", "1k")
    assert result["stdout_truncated"] and result["stdout_bytes"] == 10001 and result["stdout_head_bytes"] == 512
    assert result["stdout"] == "a" * 512 + "b" * 511 + "\n" and "output" in result["limits_hit"]
    status, result = backend.run("while True: print('x' * 65536)", "--max-output", "1k", "-t", "30s")
    assert (status, result["status"]) == (137, "output_limit"), result


def streams(backend):
    """bytes go in and out as they are, and are never taken for the verdict"""
    data = bytes(range(256)) * 2000
    code = "import sys; d = sys.stdin.buffer.read(); sys.stdout.buffer.write(d); sys.stderr.buffer.write(d[::-1])"
    result = backend.ok(code, "-i", "-", "--max-output", "1M", input=data)
    assert base64.b64decode(result["stdout"]) == data, len(result["stdout"])
    assert base64.b64decode(result["stderr"]) == data[::-1]
    # What is short enough comes along with the program.
    result = backend.ok("import sys; print(sys.stdin.read() + '.')", "-i", "-", input=b"short")
    assert result["stdout"] == "short.\n", result
    result = backend.ok("print(len(input()))\ntry: input()\nexcept EOFError: print('end')", "-i", "-", input=b"x" * 1000)
    assert result["stdout"] == "1000\nend\n", result
    forged = "0" * 32 + "00000007exit 0\\n"
    status, result = backend.run(f"import sys; print('{forged}', flush=True); sys.exit(3)")
    assert status == 3 and result["exit_code"] == 3 and "exit 0" in result["stdout"], result


def unread_input(backend):
    """input that nobody reads does not hold up the clock"""
    status, result = backend.run("import time; time.sleep(60)", "-i", "-", "-t", "1s", input=b"x" * (8 << 20))
    assert (status, result["status"]) == (124, "timeout"), result
    assert result["usage"]["wall_ms"] < 30000, result["usage"]


def files(backend):
    """files go in, and regular files under /tmp/out come back"""
    code = """
import os, helper, sys
print(helper.x, open('data/in.txt').read(), sys.argv[1:])
os.makedirs('/tmp/out/sub')
open('/tmp/out/a.txt', 'w').write('hello')
open('/tmp/out/sub/b.bin', 'wb').write(bytes(range(256)) * 1000)
os.symlink('/etc/passwd', '/tmp/out/link')
os.mkfifo('/tmp/out/pipe')
open('/tmp/out/other', 'w')
"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        helper = Path(place, "helper.py")
        helper.write_text("x = 42")
        text = Path(place, "in.txt")
        text.write_text("in")
        result = backend.ok(code, "--file", f"helper.py={helper}", "--file", f"data/in.txt={text}", "--fetch", "*",
                            "--fetch", "sub/*", program_args=["one", "two"])
    assert result["stdout"] == "42 in ['one', 'two']\n", result
    got = {entry["name"]: entry["bytes"] for entry in result["files"]}
    assert got == {"a.txt": 5, "other": 0, "sub/b.bin": 256000}, got
    assert result["files_skipped"] == 2, result


def touched(backend):
    """limits that were touched are named"""
    status, result = backend.run("open('/tmp/x', 'wb').write(b'x' * (1 << 20))", "--fsize", "64k")
    assert status == 1 and "fsize" in result["limits_hit"], result
    if not backend.gvisor:
        status, result = backend.run("for n in range(40): open(f'/tmp/{n}', 'wb').write(b'x' * 65536)", "--tmpfs-size",
                                     "1M")
        assert status == 1 and "tmpfs" in result["limits_hit"], result


def background(backend):
    """what the program leaves running ends with it"""
    result = backend.ok("""
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
print('done')
""", "-t", "60s")
    assert result["stdout"] == "done\n" and result["usage"]["wall_ms"] < 40000, result


def surroundings(backend):
    """environment, arguments and the traceback are the native backend's"""
    code = "import os, sys, json; print(json.dumps([dict(os.environ), sys.flags.isolated, sys.argv, os.getcwd()]))"
    theirs = json.loads(backend.ok(code)["stdout"])
    ours = Backend("native")
    status, native = ours.run(code)
    assert status == 0, native
    mine = json.loads(native["stdout"])
    theirs[0].pop("LD_LIBRARY_PATH", None)
    mine[0].pop("LD_LIBRARY_PATH", None)
    assert theirs == mine, (theirs, mine)


def schema(backend):
    """the result is of the form that ships"""
    import jsonschema
    form = json.loads((tap.TOP / "cli/result.schema.json").read_text())
    for code in ("print(1)", "1/0", "while True: pass"):
        jsonschema.validate(backend.run(code, "-t", "1s")[1], form)


def hostile_call(backend):
    """a hostile system call ends the program"""
    status, result = backend.run("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0); print('alive')")
    assert (status, result["status"], result["signal"]) == (159, "seccomp", "SIGSYS"), result


def init_is_out_of_reach(backend):
    """the init's memory, descriptors and key cannot be had, and it cannot be killed"""
    kills = "()" if backend.gvisor else "(signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT, signal.SIGSEGV)"
    result = backend.ok("""
import os, signal
found = []
for name in ("mem", "fd", "environ", "maps", "exe", "cwd", "root", "fd/0"):
    path = "/proc/1/" + name
    try:
        found.append((name, os.listdir(path) if name == "fd" else os.open(path, os.O_RDWR if name == "mem" else os.O_RDONLY)))
    except OSError:
        pass
for number in KILLS:
    try:
        os.kill(1, number)
    except OSError:
        pass
print(found)
""".replace("KILLS", kills))
    # gVisor shows some of another process's files; its memory, where the key is, it does not have at all.
    assert result["stdout"] == "[]\n" or backend.gvisor and "mem" not in result["stdout"], result
    if backend.gvisor:
        # There PID 1 is not spared: the run is then an error, never a success.
        status, result = backend.run("import os, time; os.kill(1, 9); time.sleep(20)", "-t", "20s")
        assert (status, result["status"]) == (125, "error"), result


def threads(backend):
    """threads and processes can be made"""
    result = backend.ok("""
import subprocess, sys, threading
seen = []
thread = threading.Thread(target=seen.append, args=(1,))
thread.start()
thread.join()
print(seen, subprocess.run([sys.executable, "-c", "print(2)"], capture_output=True, text=True).stdout)
""")
    assert result["stdout"] == "[1] 2\n\n", result


def masked(backend):
    """what /proc and /sys tell of the whole machine is empty, and no switch can be written"""
    if backend.gvisor:
        raise tap.Skip("its /proc and /sys are of a kernel of its own")
    result = backend.ok("""
import os
full, written = [], []
for name in ("kcore", "kallsyms", "keys", "timer_list", "interrupts", "slabinfo", "vmallocinfo", "kpagecount", "modules",
             "latency_stats", "sched_debug", "scsi/scsi", "acpi"):
    try:
        with open("/proc/" + name, "rb") as file:
            text = file.read(4096)
        if text.strip(bytes(1) + b" ") and b"0000000000000000" not in text:
            full.append(name)
    except OSError:
        pass
for name in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
             "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/ksm/run", "/sys/fs/cgroup/cgroup.procs",
             "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max", "/proc/irq/0/smp_affinity"):
    try:
        os.close(os.open(name, os.O_WRONLY))
        written.append(name)
    except OSError:
        pass
print(full, written)
""")
    allowed = ("interrupts", "slabinfo", "vmallocinfo", "modules") if backend.name.startswith(("docker", "podman")) else ()
    full, _, written = result["stdout"].strip().partition("] [")
    assert not written.strip("]"), result["stdout"]
    assert not [name for name in full.strip("[]").replace("'", "").split(", ") if name and name not in allowed], full


def written_back(backend):
    """calls that would have a disk write back are answered, whatever is done for them"""
    result = backend.ok("""
import mmap, os, sqlite3
with open("f", "w+b") as file:
    file.write(b"x" * 4096); file.flush(); os.fsync(file.fileno()); os.fdatasync(file.fileno())
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    mapped = mmap.mmap(file.fileno(), 4096); mapped[0:1] = b"y"; mapped.flush()
base = sqlite3.connect("base"); base.execute("create table t (n)"); base.execute("insert into t values (5)"); base.commit()
print(open("f").read(2), sqlite3.connect("base").execute("select n from t").fetchone()[0])
""", "-t", "30s")
    assert result["stdout"] == "yx 5\n", result


LIMITS = [endings, memory, processes, cpu_time, output, streams, unread_input, files, touched, background, surroundings,
          schema, hostile_call, init_is_out_of_reach, threads, masked, written_back]


# The containment table. What a container of others holds otherwise than the native backend, and why.

def numbers(*wanted):
    """Every errno of a dict is one of these, or the first of the calls was the program's last."""
    def holds(found):
        return found == KILLED or bool(found.get("value")) and set(found["value"].values()) <= set(wanted)
    return holds


def one(*wanted):
    return lambda found: found == KILLED or found.get("errno") in wanted


OTHERWISE = {
    # A filter of this form has one answer for what an argument forbids.
    "addresses": (numbers(1, 97), "EPERM, not EAFNOSUPPORT"),
    "netlink": (numbers(1, 97), "EPERM, not EAFNOSUPPORT"),
    "raw_sockets": (numbers(1, 97), "EPERM, not EAFNOSUPPORT"),
    "upper_half_families": (numbers(1, 97), "EPERM, not EAFNOSUPPORT"),
    "terminal_controls": (numbers(1, 25), "hostile ones kill"),
    "capability_calls": (lambda found: set(v for k, v in found["value"].items() if k != "dumpable") == {1}
                         and found["value"]["dumpable"] in (1, 22), "the init, and so the program, may set dumpable"),
    # Devices, /etc and /proc as the container's maker has them.
    "devices": (lambda found: set(found["value"]) <= {
        "console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
        "urandom", "zero"}, "the runtime's own devices"),
    "host_devices": (lambda found: {name for name, code in found["value"].items() if code == 0} <= {
        "/dev/ptmx", "/dev/pts/ptmx", "/dev/tty", "/dev/mqueue"}, "a pty namespace of its own"),
    "machine_names": (lambda found: {name for name, code in found["value"].items() if code == 0} <= {
        "/etc/hostname", "/etc/resolv.conf", "/proc/version", "/proc/cmdline", "/etc/mtab"}, "a whole /proc"),
    "own_network": (lambda found: found.get("value", [["lo"]])[0] in (["lo"], []), "its own sockets may be listed"),
    "id_map": (lambda found: found["value"][0] == 2 and found["value"][2] is True, "the runtime's root is a nobody outside too"),
    "init_read": (lambda found: {path for path, code in found["value"].items() if code == 0} <= {"/proc/1/task"},
                  "that it has a thread is shown, and no more"),
    "own_proc_files": (lambda found: {name for name, code in found["value"].items() if code == 0} <= {
        "loginuid0", "oom_score_adj0"}, "back to the init's own score; a tag for audit(8)"),
}

# Rows that a container of others does not hold as they stand. What is held in their place is tested above.
ELSEWHERE = {
    "proc_options": "the whole /proc of the namespace; what is told of the kernel is masked",
    "kernel_tables": "masked files are there and empty",
    "kernel_switches": "readable; that none can be written is tested",
    "group_tree": "the container's own group is shown, read-only",
    "host_root_mounted": "the root is the image's",
    "every_mount": "the init looks at the root, /tmp and /dev/shm before the program is there; others are the runtime's",
    "other_proc_entries": "the whole /proc of the namespace; what is told of the kernel is masked",
    "mount_flags": "the init looks at them before the program is there",
    "upper_layers": "the image's layers are those of the daemon's store",
    "shown_owner_is_no_right": "the run's own files are shown as 65534's",
}

def found_inside(backend):
    """What came of every probe inside, and the layers that were held."""
    if backend.probes is None:
        command = [*backend.before, "env", *(f"{name}={text}" for name, text in backend.env.items()), str(backend.program)]
        if backend.gvisor:
            # One of the probes makes gVisor end the container; its kernel is none of the host's anyway.
            raise tap.Skip("the probes are about the host's kernel, which is not the one they would ask")
        with kit.Planted() as planted:
            found, result = kit.run_inside(command, [*backend.options, "--cpus", "2", "-m", "512M"], kit.PROGRAM, planted)
        backend.probes = found, set(result["isolation"]["layers"])
    return backend.probes


def row_test(entry):
    def test(backend):
        all_found, layers = found_inside(backend)
        found, reason = all_found[entry.name], kit.not_applicable(entry, layers)
        if reason:
            raise tap.Skip(reason)
        wanted = kit.wanted_of(entry, layers)
        if found == KILLED or wanted(found):
            return
        if entry.name in OTHERWISE and OTHERWISE[entry.name][0](found):
            return
        if entry.name in ELSEWHERE:
            raise tap.Skip(f"{ELSEWHERE[entry.name]}: {json.dumps(found)[:100]}")
        raise AssertionError(f"expected {wanted.text}, found {json.dumps(found)[:600]}")
    test.__doc__ = f"{' '.join(entry.numbers)}: {entry.title}"
    return test


CONTAINMENT = [row_test(entry) for entry in kit.ROWS]


def bound(test, backend):
    def bound_test():
        test(backend)
    bound_test.__doc__ = f"{backend.name}: {tap.title(test)}"
    return bound_test
