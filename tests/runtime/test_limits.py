#!/usr/bin/env python3
"""Rows of the containment table about limits under attack: processes, memory, the processor, output, the supervisor.

What the host must look like after a run is compared each time something hostile was run here.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from sandbox import is_sanitized, main, sandbox_processes, wait_until
from hostile import has, outside, place, PYTHON, text_of, unchanged


FORK_BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"


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
        assert result["status"] == "timeout" and time.monotonic() - begin < 20, result


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
    # On a busy machine it gets less, and the clock may be late.
    assert 100 <= result["usage"]["cpu_ms"] <= result["usage"]["wall_ms"] * 0.5 * 1.15 + 60, result


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
    assert result["status"] == "timeout" and result["usage"]["wall_ms"] < 15000, result
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
            process.communicate(timeout=60)
            assert process.returncode == -number, process.returncode
        caller.output("print(1)")


def ignored_signals(caller):
    """signals that the caller has ignored, as nohup has SIGHUP, do not end a run"""
    ends = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
    with unchanged():
        process = caller.popen("run", "--guard", "off", "-c", "print('up', flush=True); print(input())", "--stdin", "-", "-t", "60s",
                               stdin=subprocess.PIPE, preexec_fn=lambda: [signal.signal(number, signal.SIG_IGN) for number in ends])
        assert process.stdout.readline() == b"up\n"
        for number in ends:
            process.send_signal(number)
        out, err = process.communicate(b"line\n", timeout=60)
        assert (process.returncode, out, err) == (0, b"line\n", b""), (process.returncode, out, err)


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
    assert result["status"] in ("oom", "timeout") and took < 25, (took, result)
    assert result["status"] == "oom" or has(caller, "memory-limit"), result


TESTS = [daemons_at_the_limit, forking_threads_at_the_limit, stopped, fork_bomb, no_swap, kernel_memory, crashes,
         deep_stacks, nothing_sticks, share_of_the_processor, one_hostile_thread, output_costs, hostile_flood,
         half_characters, odd_sources, low_limits, stopped_supervisor, ignored_signals, everything_hostile, page_tables]

if __name__ == "__main__":
    sys.exit(main(TESTS))
