#!/usr/bin/env python3
"""Many runs, short of everything, at the edge of each limit: nothing is left, nothing goes unnamed. Prints TAP.

PYSBX_TEST_RUNS says how many runs in a row there are to be (default 150 for each caller, 30 with
PYSBX_TEST_SHORT=1; 10000 before a release).
What each tenth of them took is printed, and judged by nobody: time is no matter for a test.
"""

import base64
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from hostile import unchanged
from sandbox import host_state, is_sanitized, main, wait_until

RUNS = int(os.environ.get("PYSBX_TEST_RUNS") or (30 if tap.SHORT else 150))
PYTHON = "/usr/bin/python3"
MIB = 1 << 20


def in_a_row(caller):
    """many runs in a row: each the same, and the host as it was"""
    before, took = host_state(), []
    for _ in range(RUNS):
        begin = time.monotonic()
        status, out, err = caller.call("run", "--guard", "off", "-c", "print(1)")
        took.append(time.monotonic() - begin)
        assert (status, out, err) == (0, b"1\n", b""), (status, out, err)
    tenth = max(1, RUNS // 10)
    medians = [statistics.median(took[at:at + tenth]) * 1e3 for at in range(0, tenth * 10, tenth)]
    print("# ms, by tenths: " + " ".join(f"{median:.1f}" for median in medians), flush=True)
    assert wait_until(lambda: host_state() == before, 20), {
        k: (before[k], v) for k, v in host_state().items() if before[k] != v}


def short_of_descriptors(caller):
    """whatever descriptor is the one too many: the run, or an error that says so; nothing left"""
    ran = refused = 0
    with unchanged():
        for number in range(3, 64):
            status, out, err = caller.call("run", "--guard", "off", "-q", "-c", "print(1)", preexec_fn=lambda: (
                resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))))
            if status == 0:
                assert out == b"1\n", (number, out, err)
                ran += 1
            else:
                assert status in (125, 127) and out == b"" and err, (number, status, out, err)
                refused += 1
    assert ran and refused, (ran, refused)


def short_of_memory(caller):
    """whatever is the address space that is not to be had: the same"""
    if is_sanitized():
        raise tap.Skip("the shadow memory of a sanitizer alone is terabytes")
    ran = refused = 0
    with unchanged():
        for number in [n << 19 for n in range(4, 40)] + [n << 22 for n in range(5, 24)]:
            status, out, err = caller.call("run", "-q", "-c", "print(1)", preexec_fn=lambda: (
                resource.setrlimit(resource.RLIMIT_AS, (number, number))))
            # The limit is the program's too, and Python's own end for want of memory is its own.
            ran += status == 0
            refused += status != 0
            assert status != 0 or out == b"1\n", (number, out, err)
            # In next to nothing the kernel ends it before its first instruction.
            assert status == 0 or out == b"" and (err or status > 127 or status < 0 and number < 4 << 20), (number, status, out, err)
    assert ran and refused, (ran, refused)


def stopped_and_continued(caller):
    """calls that a signal interrupts in pysbx are made again: stopped and continued, the run is the same"""
    for _ in range(10):
        process = caller.popen("run", "--guard", "off", "-c", "import time; time.sleep(0.1); print(input())", "--stdin", "-",
                               stdin=subprocess.PIPE)
        for _ in range(20):
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.003)
        out, err = process.communicate(b"line\n", timeout=60)
        assert (process.returncode, out, err) == (0, b"line\n", b""), (process.returncode, out, err)


def full_disk(caller):
    """where files are to be fetched to a disk that is full: 125, named; what was there stays"""
    if not caller.is_root:
        raise tap.Skip("needs a small disk, which only root can mount")
    code = "import os; os.makedirs('/tmp/out'); open('/tmp/out/big', 'wb').write(bytes(1 << 20))"
    with tempfile.TemporaryDirectory(prefix="pysbx-test-") as made:
        script = ('mount -t tmpfs -o size=64k none "$1" && echo old >"$1/big" && '
                  '"$0" run --guard off --fetch "*" --fetch-dir "$1" -c "$2"; echo "status $?"; cat "$1/big"; ls -A "$1"')
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, caller.program, made, code], capture_output=True,
                              text=True, timeout=60, check=False)
    assert done.stdout == "status 125\nold\nbig\n", done
    assert "No space left" in done.stderr and "big" in done.stderr, done


def edges_of_tmp(caller):
    """bytes and inodes of /tmp: all of them, and not one more; which it was is told"""
    fill = "f = open('/tmp/f', 'wb', buffering=0)\nfor i in range({}): f.write(bytes(1 << 16))\nvalue = f.write(bytes({}))\n"
    assert caller.value(fill.format(32, 0), "--tmpfs-size", "2M") == 0
    status, result = caller.run(fill.format(32, 1), "--tmpfs-size", "2M")
    assert status == 1 and "No space left" in result["stderr"] and result["limits_hit"] == ["tmpfs"], result
    assert "2M" in result["message"] and "--tmpfs-size" in result["remedy"], result
    # Of 512 the directory itself has one.
    make = "for i in range({}): open(f'/tmp/{{i}}', 'w').close()\n"
    caller.output(make.format(511), "--tmpfs-size", "2M")
    status, result = caller.run(make.format(512), "--tmpfs-size", "2M")
    assert status == 1 and "No space left" in result["stderr"] and result["limits_hit"] == ["tmpfs"], result
    assert "--tmpfs-size" in result["remedy"], result


def edges_of_memory(caller):
    """memory: up to a mebibyte below what --memory says, and no mebibyte above it"""
    hog = ("import mmap\nm = mmap.mmap(-1, {} << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
           "for i in range(0, len(m), 4096): m[i] = 1\nprint(len(m) >> 20)")
    _, result = caller.run(hog.format(1), "-m", "64M")
    if "memory-limit" not in result["isolation"]["layers"]:
        raise tap.Skip("without a control group memory is polled")
    own = result["usage"]["memory_peak_bytes"] / MIB - 1
    room = int(64 - own)
    _, result = caller.run(hog.format(room - 1), "-m", "64M")
    assert result["status"] == "ok" and result["usage"]["memory_peak_bytes"] <= 64 * MIB, (own, result)
    status, result = caller.run(hog.format(room + 2), "-m", "64M")
    assert status == 137 and result["status"] == "oom" and result["signal"] == "SIGKILL", (own, result)
    assert "64M" in result["message"] and "--memory" in result["remedy"], result


def edges_of_time(caller):
    """clock and CPU time apart, in milliseconds: what ends a run has reached its limit, what is below has not"""
    status, result = caller.run("import time; time.sleep(0.2)", "-t", "10s", "--cpu-time", "150ms")
    assert status == 0 and result["usage"]["wall_ms"] >= 200 and result["usage"]["cpu_ms"] < 150, result
    status, result = caller.run("import time; time.sleep(5)", "-t", "201ms", "--cpu-time", "4s")
    assert status == 124 and result["status"] == "timeout" and result["usage"]["wall_ms"] >= 201, result
    assert "201ms" in result["message"] and "wall-clock" in result["message"], result
    status, result = caller.run("while True: pass", "-t", "60s", "--cpu-time", "201ms", "--cpus", "2")
    assert status == 124 and result["status"] == "cpu_timeout" and result["usage"]["cpu_ms"] >= 200, result
    assert "201ms" in result["message"] and "CPU" in result["message"], result


def data_analysis(caller):
    """numpy, pandas and matplotlib work within the default profile's 64 processes and 256M"""
    if subprocess.run([PYTHON, "-I", "-c", "import numpy, pandas, matplotlib"], capture_output=True, check=False).returncode:
        raise tap.Skip(f"{PYTHON} has not all of them (Debian: python3-numpy python3-pandas python3-matplotlib)")
    code = """
import os, threading
import numpy, pandas, matplotlib
matplotlib.use("agg")
from matplotlib import pyplot
matrix = numpy.random.default_rng(1).random((400, 400))
assert numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(400), atol=1e-6)
numpy.linalg.svd(matrix)
frame = pandas.DataFrame({"kind": ["a", "b"] * 5000, "n": range(10000)})
os.makedirs("/tmp/out")
frame.groupby("kind").sum().to_csv("/tmp/out/sums.csv")
pyplot.plot(frame["n"])
pyplot.savefig("/tmp/out/plot.png")
print(len(os.listdir("/proc/self/task")))
"""
    # Half a CPU, and a font cache to be made: the limits of time are not what is asked about.
    status, result = caller.run(code, "--python", PYTHON, "-t", "120s", "--cpu-time", "60s", "--fetch", "*")
    assert status == 0 and result["limits_hit"] == [] and not result["denied_syscalls"], result
    assert int(result["stdout"]) <= 4, result["stdout"]
    files = {file["name"]: base64.b64decode(file["content_base64"]) for file in result["files"]}
    assert files["sums.csv"].startswith(b"kind,n\na,2499") and files["plot.png"].startswith(b"\x89PNG"), list(files)
    assert result["usage"]["memory_peak_bytes"] < 256 * MIB, result["usage"]


TESTS = [in_a_row, short_of_descriptors, short_of_memory, stopped_and_continued, full_disk, edges_of_tmp, edges_of_memory,
         edges_of_time, data_analysis]

if __name__ == "__main__":
    sys.exit(main(TESTS))
