#!/usr/bin/env python3
"""The supervisor's side of containment: hostile interpreters and roots, odd callers, limits kept by polling.

Rows P… are those of the containment table (docs). What a program inside can reach is in tests/containment.
"""

import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from sandbox import PLAIN_ID, Caller, groups, host_state, main, needs_plain_build, sandbox_processes, wait_until

PYTHON = os.path.realpath("/usr/bin/python3")
NAME = os.path.basename(PYTHON)


@contextmanager
def place():
    """A directory that every caller can use."""
    with tempfile.TemporaryDirectory(prefix="pysbx-test-") as made:
        os.chmod(made, 0o755)
        yield Path(made)


def has_memory_limit(caller):
    return "memory-limit" in caller.run("pass")[1]["isolation"]["layers"]


# Limits that the supervisor keeps by looking (no control group): as much as the kernel keeps elsewhere.

HOG = "b = bytearray(150 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1\ntime.sleep(5)"


def out_of_memory(caller, code, *args):
    _, result = caller.run(code, "-m", "64M", "-t", "20s", *args)
    assert result["status"] == "oom", (result["status"], result["stdout"], result["stderr"])
    assert result["usage"]["wall_ms"] < 15000, result


def memory_of_a_threads_child(caller):
    """P108: memory of a child that another thread than the first has made counts"""
    hog = "\n".join("        " + line for line in HOG.splitlines())
    out_of_memory(caller, f"""
import os, threading, time
def work():
    if os.fork() == 0:
{hog}
    os.wait()
threading.Thread(target=work).start()
""")


def memory_of_a_headless_process(caller):
    """memory counts after the first thread of its process has ended"""
    hog = "\n".join("    " + line for line in HOG.splitlines())
    out_of_memory(caller, f"""
import ctypes, threading, time
def work():
    time.sleep(0.1)
{hog}
threading.Thread(target=work).start()
ctypes.CDLL(None).syscall(60, 0)
""")


def memory_in_shm(caller):
    """P43: what lies in /dev/shm counts, mapped or not"""
    out_of_memory(caller, """
import time
for n in range(8):
    with open(f"/dev/shm/{n}", "wb") as file:
        for _ in range(15): file.write(bytes(1 << 20))
time.sleep(5)
""", "--tmpfs-size", "200M")
    # Counted once, not as a file and as memory too.
    value = caller.value("""
from multiprocessing.shared_memory import SharedMemory
import time
memory = SharedMemory(create=True, size=15 << 20)
for i in range(0, 15 << 20, 4096): memory.buf[i] = 1
time.sleep(0.1)
memory.unlink()
value = 1
""", "-m", "40M")
    assert value == 1


def memory_unmapped(caller):
    """P110: memory that no process has mapped counts"""
    if not has_memory_limit(caller):
        raise tap.Skip("no control group for this caller, and a memfd is in no figure of /proc")
    out_of_memory(caller, """
import os, time
for _ in range(10):
    fd = os.memfd_create("x")
    for _ in range(15): os.write(fd, bytes(1 << 20))
time.sleep(5)
""")
    out_of_memory(caller, """
import mmap, time
shared = mmap.mmap(-1, 150 << 20)
for i in range(0, len(shared), 1 << 20):
    shared[i:i + (1 << 20)] = bytes(1 << 20)
    shared.madvise(mmap.MADV_DONTNEED)
time.sleep(5)
""")


def cpu_time_of_the_unwaited(caller):
    """P118: CPU time of children that nobody waits for counts"""
    _, result = caller.run("""
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        while time.process_time() < 0.1: pass
        os._exit(0)
    time.sleep(0.1)
""", "--cpu-time", "700ms", "--cpus", "1", "-t", "60s")
    assert result["status"] == "cpu_timeout", result
    assert result["usage"]["wall_ms"] < 40000, result


def cpu_time_of_short_lives(caller):
    """P118: CPU time of many short children is counted, and once"""
    code = """
import os, time
for _ in range(60):
    if os.fork() == 0:
        while time.process_time() < 0.012: pass
        os._exit(0)
    os.wait()
"""
    _, result = caller.run(code, "--cpus", "1", "--cpu-time", "10s", "-t", "60s")
    assert result["status"] == "ok" and 500 <= result["usage"]["cpu_ms"] <= 2000, result
    _, result = caller.run(code.replace("60", "10000"), "--cpus", "1", "--cpu-time", "500ms", "-t", "60s")
    assert result["status"] == "cpu_timeout" and result["usage"]["wall_ms"] < 40000, result


def verdicts_not_to_be_had(caller):
    """a program that sends itself the signal of a limit is not told as having reached it"""
    _, result = caller.run("import os, signal\nsignal.signal(24, 0)\nos.kill(os.getpid(), 24)")
    assert (result["status"], result["signal"]) == ("signal", "SIGXCPU"), result
    _, result = caller.run("import os\nos.kill(os.getpid(), 9)")
    assert (result["status"], result["signal"]) == ("signal", "SIGKILL"), result
    for code in (124, 125, 126, 127, 137, 159):
        status, result = caller.run(f"import os\nos._exit({code})")
        assert (status, result["status"], result["exit_code"]) == (code, "nonzero", code), result


# Interpreters and roots that mean harm.

def make_venv(folder, home):
    (folder / "bin").mkdir(parents=True)
    (folder / "lib" / NAME / "site-packages").mkdir(parents=True)
    shutil.copy(PYTHON, folder / "bin/python3")
    (folder / "pyvenv.cfg").write_text(f"home = {home}\n")
    return folder / "bin/python3"


def venv_that_leads_out(caller):
    """P196: a venv whose pyvenv.cfg names a place beside the root makes nothing on the host"""
    with place() as made:
        base = made / "base"
        (base / "lib" / NAME).mkdir(parents=True)
        (base / "lib" / NAME / "os.py").touch()
        (base / "bin").mkdir()
        for folder in (base, base / "bin", base / "lib"):
            folder.chmod(0o777)
        python = make_venv(made / "venv", f"/opt/../..{base}/bin")
        _, result = caller.run("print(1)", "--python", python)
        assert result["status"] == "error" and '"/opt/../..' in result["message"], result
        assert list((base / "bin").iterdir()) == [], list((base / "bin").iterdir())


def root_beside_the_root(caller):
    """P196: a link in a private root to a neighbour whose name begins alike is not followed"""
    with place() as made:
        root, other = made / "root", made / "root2"
        for folder in (root, other):
            (folder / "usr/bin").mkdir(parents=True)
        (root / "usr/lib").mkdir()
        (other / "secret").mkdir()
        (other / "secret/os.py").touch()
        shutil.copy(PYTHON, root / "usr/bin" / NAME)
        (root / "usr/lib" / NAME).symlink_to(other / "secret")
        (root / "usr/share").mkdir()
        (root / "usr/share/zoneinfo").symlink_to(other / "secret")
        _, result = caller.run("import os; print(os.listdir('/usr/share/zoneinfo'))", "--rootfs", root)
        assert result["status"] != "ok" and "os.py" not in result.get("stdout", ""), result


def swapped_source(caller):
    """P195: a library directory swapped for a link while runs start is the old one or an error"""
    with place() as made:
        venv = made / "venv"
        python = make_venv(venv, "/usr/bin")
        site = venv / "lib"
        (site / NAME / "site-packages/mark.py").write_text("X = 'mine'\n")
        (made / "else" / NAME / "site-packages").mkdir(parents=True)
        (made / "else" / NAME / "site-packages/mark.py").write_text("X = 'other'\n")
        swapper = subprocess.Popen([sys.executable, "-c", f"""
import os
lib, away, link = {str(site)!r}, {str(made / "away")!r}, {str(made / "link")!r}
os.symlink({str(made / "else")!r}, link)
while True:
    os.rename(lib, away); os.rename(link, lib)
    os.rename(lib, link); os.rename(away, lib)
"""])
        try:
            seen = set()
            for _ in range(40):
                _, result = caller.run("import mark; print(mark.X)", "--python", python)
                seen.add(result["stdout"].strip() if result["status"] == "ok" else result["status"])
        finally:
            swapper.kill()
            swapper.wait()
        # 'other' can only be had where the link was there from the first look on: then it is what was asked for.
        assert seen <= {"mine", "other", "error", "unavailable", "nonzero"}, seen
        assert caller.run("pass")[1]["status"] == "ok"


def set_user_id_copy(caller):
    """P190: a copy with rights of its own refuses everything, before it opens anything"""
    if not caller.is_root:
        raise tap.Skip("needs root, to make one")
    needs_plain_build("to be traced, which a set-user-ID program cannot be")
    with place() as made:
        copy = made / "pysbx"
        shutil.copy(tap.PYSBX, copy)
        secret = made / "secret.py"
        secret.write_text("secret = (\n")
        secret.chmod(0o600)
        plain = Caller("plain", copy, PLAIN_ID)
        for mode in (0o4755, 0o2755):
            os.chown(copy, 0, 1)
            copy.chmod(mode)
            for words in (("run", "--guard", "off", "-c", "print(1)"), ("check", secret), ("ast", secret),
                          ("run", "--fetch", "*", "--fetch-dir", made / "made", "-c", "pass"), ("doctor",)):
                status, out, err = plain.call(*words)
                assert status == 125 and out == b"" and b"set-user-ID" in err, (mode, words, status, out, err)
                assert b"secret = " not in err, err
            assert not (made / "made").exists()


# Callers in odd places.

def in_namespaces(caller, script, *options, code="print(1)"):
    """pysbx run as caller after a shell script in namespaces of its own; needs root."""
    if not caller.is_root:
        raise tap.Skip("needs root, to make the place")
    for user in (None, PLAIN_ID):
        with place() as made:
            program = made / "pysbx"
            shutil.copy(tap.PYSBX, program)
            who = f"setpriv --reuid {user} --regid {user} --clear-groups " if user else ""
            done = subprocess.run(
                ["unshare", *options, "sh", "-c", f"{script}\ncd /; exec {who}{program} run --guard off -c '{code}'"],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True, check=False,
                env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent"})
            yield user, done


def hidden_processes(caller):
    """a /proc that hides processes from a plain user is refused at once, with the remedy"""
    for user, done in in_namespaces(caller, "mount -t proc -o hidepid=2 proc /proc", "-m"):
        if user is None:
            assert (done.returncode, done.stdout) == (0, "1\n"), done
        elif done.returncode:
            assert done.returncode == 125 and "hidepid" in done.stderr, done


def no_proc(caller):
    """P197: a tmpfs in place of /proc is an error, and nothing is written to it"""
    needs_plain_build("/proc")
    for _, done in in_namespaces(caller, "mount -t tmpfs none /proc", "-m"):
        assert done.returncode == 125 and "/proc is not" in done.stderr and done.stdout == "", done


def foreign_proc(caller):
    """P197: /proc of another pid namespace is an error"""
    needs_plain_build("/proc")
    for _, done in in_namespaces(caller, ":", "-p", "-f"):
        assert done.returncode == 125 and "/proc is not" in done.stderr and done.stdout == "", done


def idle_caller(caller):
    """a caller whose scheduling policy is idle (chrt -i 0) has its runs, at that policy; a real-time one's are ordinary"""
    code = "import os; value = os.sched_getscheduler(0)"
    _, result = caller.run(code + "; print(value)", timeout=300,
                           preexec_fn=lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)))
    # On a machine that is never idle it may get no time at all.
    assert result["status"] == "timeout" or "within 10 s" in result["message"] or result.get("stdout") == f"{os.SCHED_IDLE}\n", result
    assert caller.value(code, preexec_fn=lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))) == os.SCHED_OTHER
    if caller.is_root:
        try:
            assert caller.value(code, preexec_fn=lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))) == os.SCHED_OTHER
        except subprocess.SubprocessError:
            pass  # Here even root has no right to real time.


def unreadable_program(caller):
    """a pysbx that its user may execute but not read runs all the same"""
    needs_plain_build("/proc")
    if os.geteuid() != 0:
        raise tap.Skip("needs root, to make a program that is somebody else's")
    with place() as made:
        program = Path(shutil.copy(caller.program, made / "pysbx"))
        program.chmod(0o711)
        assert Caller(caller.name, program, caller.uid).output("print(1)") == "1\n"


def state_directory(caller):
    """P194: a directory for an OCI container's state that is a link, another's or writable for others is refused"""
    if caller.is_root:
        raise tap.Skip("root's lies in /run, where nobody else can make it")
    with place() as made:
        # gVisor wants no subordinate ids of a plain user, who may have none.
        runtime = made / "runsc"
        runtime.write_text("#!/bin/sh\necho 'no container today' >&2\nexit 1\n")
        runtime.chmod(0o755)
        owner = caller.uid or os.geteuid()

        def run(change):
            own = made / "own"
            own.mkdir()
            os.chown(own, owner, owner)
            change(own / "pysbx-oci")
            status, out, err = caller.call("run", "--guard", "off", "--backend", f"oci:{runtime}", "-c", "print('ran')", env={
                "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(own)})
            shutil.rmtree(own)
            assert status == 125 and out == b"", (status, out, err)
            return err

        def directory(path, mode, uid):
            path.mkdir()
            path.chmod(mode)
            os.chown(path, uid, uid)

        (made / "target").mkdir()
        os.chown(made / "target", owner, owner)
        refused = [lambda path: path.symlink_to(made / "target"), lambda path: directory(path, 0o777, owner),
                   lambda path: directory(path, 0o770, owner), lambda path: path.write_text("")]
        if os.geteuid() == 0:
            refused.append(lambda path: directory(path, 0o711, 0))
        for change in refused:
            assert b"is not a directory of this user's alone" in run(change)
        assert list((made / "target").iterdir()) == []
        for change in (lambda path: None, lambda path: directory(path, 0o711, owner)):
            assert b"no container today" in run(change)


def shared_input(caller):
    """standard input that others read too, a pipe or a socket: who comes too late for a byte is not held up past the clock"""
    read, write = os.pipe()
    ours, theirs = socket.socketpair()
    # Opened once more through /proc, which asks who owns it: as a shell of the caller's own would have made it.
    if caller.uid is not None:
        os.fchown(read, caller.uid, -1)
    with ours, theirs:
        running = [caller.popen("run", "--guard", "off", "-q", "-t", "1s", "--stdin", "-", "-c", "import sys; sys.stdin.read()", stdin=end)
                   for end in (read, theirs) for _ in range(4)]
        try:
            end = time.monotonic() + 20
            while time.monotonic() < end and any(process.poll() is None for process in running):
                # Byte by byte to begin with, and then no more: what is lost by then is waited for without end.
                if time.monotonic() < end - 19:
                    os.write(write, b"x")
                    ours.send(b"x")
                time.sleep(0.0005)
            assert [process.poll() for process in running] == [124] * 8, [process.poll() for process in running]
        finally:
            os.close(read)
            os.close(write)
            for process in running:
                process.kill()
                process.communicate()


TESTS = [memory_of_a_threads_child, memory_of_a_headless_process, memory_in_shm, memory_unmapped,
         cpu_time_of_the_unwaited, cpu_time_of_short_lives, verdicts_not_to_be_had, venv_that_leads_out,
         root_beside_the_root, swapped_source, set_user_id_copy, hidden_processes, no_proc, foreign_proc, idle_caller, unreadable_program, state_directory, shared_input]

if __name__ == "__main__":
    sys.exit(main(TESTS))
