"""What ends a run, or bounds it: a run of its own for each."""

from frame import *  # noqa: F403 (left out where the files are joined)

RUNS = []


class Run:
    """A program, the options that it runs with, and what the run's result must be."""

    def __init__(self, numbers, title, options, wanted, code, needs=(), without=None):
        self.numbers, self.title, self.options, self.inside, self.code = numbers.split(), title, options, wanted, code
        self.needs, self.without = tuple(needs), without or {}


def ends(status, text=None):
    said = f", and says {text!r}" if text is not None else ""
    return Wanted(status + said, lambda result: result["status"] == status and (text is None or result["stdout"].strip() == text))


def limited(most):
    """It told how many it got and why not more, or was ended for it."""
    def holds(result):
        if result["status"] == "pids_limit":
            return True
        count, reason = result["stdout"].split()
        return 0 < int(count) <= most and reason == "refused"
    return Wanted(f"no more than {most}", holds)


RUNS += [
    Run("P41", "/tmp is full at its size", ["--tmpfs-size", "4M"], ends("ok", "ENOSPC"), """
import errno, time
try:
    with open("x", "wb", buffering=0) as file:
        while file.tell() < 9 << 20:
            file.write(bytes(1 << 16))
except OSError as error:
    print(errno.errorcode[error.errno])
time.sleep(0.5)
""", without={"tmp-limit": ends("output_limit")}),
    Run("P42", "/dev/shm is full at its size", ["--tmpfs-size", "4M"], ends("ok", "ENOSPC"), """
import errno
try:
    with open("/dev/shm/x", "wb", buffering=0) as file:
        while file.tell() < 9 << 20:
            file.write(bytes(1 << 16))
except OSError as error:
    print(errno.errorcode[error.errno])
""", needs=["tmp-limit"]),
    Run("P46", "no file is longer than the limit, sparse or not", ["--fsize", "1M"], ends("ok", "EFBIG EFBIG"), """
import errno, os
def told(act):
    try:
        return act()
    except OSError as error:
        return errno.errorcode[error.errno]
open("s", "w").close()
fd = os.open("t", os.O_CREAT | os.O_WRONLY)
print(told(lambda: os.truncate("s", 1 << 40) if hasattr(os, "truncate") else None) or "none",
      told(lambda: os.pwrite(fd, b"x", 1 << 30)))
""", without={"tmp-limit": Wanted("EFBIG, or no truncation at all", lambda result: result["stdout"].split() in (
        ["EFBIG", "EFBIG"], ["EPERM", "EFBIG"]))}),
    Run("P47", "files can be made up to a number", ["--tmpfs-size", "1M"], ends("ok", "ENOSPC"), """
import errno
try:
    for number in range(9000):
        open(str(number), "w").close()
except OSError as error:
    print(errno.errorcode[error.errno])
""", needs=["tmp-limit"]),
    Run("P97", "a daemon that is left behind does not hold the run up", ["-t", "20s"], Wanted("ok, at once", lambda result: (
        result["status"] == "ok" and result["usage"]["wall_ms"] < 15000)), """
import os, signal, time
if os.fork() == 0:
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    try:
        os.setsid()
    except OSError:
        pass
    if os.fork() == 0:
        time.sleep(600)
"""),
    Run("P98 P102", "a program that stops itself, and one that hears no signal, end with the wall clock", ["-t", "400ms"], ends("timeout"), """
import os, signal, time
if os.fork() == 0:
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    time.sleep(600)
os.kill(os.getpid(), signal.SIGSTOP)
"""),
    Run("P104", "processes are limited", ["--pids-limit", "10"], limited(10), """
import os, time
count = 1
try:
    while count < 100:
        if os.fork() == 0:
            time.sleep(60)
        count += 1
    print(count, "all", flush=True)
    time.sleep(5)  # where nobody but the supervisor counts, it has to look
except OSError:
    print(count, "refused", flush=True)
"""),
    Run("P105", "threads are limited", ["--pids-limit", "10"], limited(10), """
import threading, time
count = 1
try:
    while count < 100:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        count += 1
    print(count, "all", flush=True)
    time.sleep(5)
except RuntimeError:
    print(count, "refused", flush=True)
"""),
    Run("P107", "memory over the limit is out of memory", ["-m", "64M"], ends("oom"), """
import time
held = bytearray(300 << 20)
time.sleep(5)
"""),
    Run("P108", "memory of a child counts, and the whole run ends", ["-m", "64M"], ends("oom"), """
import os, time
if os.fork() == 0:
    held = bytearray(300 << 20)
    time.sleep(20)
time.sleep(20)
"""),
    Run("P116", "the run after that has its own memory", ["-m", "64M"], ends("ok", "well"), "print('well' if bytearray(8 << 20) else '')"),
    Run("P112", "a crash is told as its signal", [], Wanted("SIGABRT", lambda result: (
        result["status"] == "signal" and result["signal"] == "SIGABRT")), "import os; os.abort()"),
    Run("P118", "CPU time of all processes together is limited", ["--cpu-time", "300ms", "-t", "20s"], ends("cpu_timeout"), """
import os
for number in range(3):
    if os.fork() == 0:
        break
while True:
    pass
"""),
    Run("P171", "output is kept up to its cap, and what was dropped is told", ["--max-output", "1K"], Wanted("a thousand of it", lambda result: (
        result["status"] == "ok" and result["stdout_truncated"] and len(result["stdout"]) <= 1024 and result["stdout_bytes"] == 50000)),
        "import sys; sys.stdout.write('x' * 50000)"),
    Run("P175 P178", "what it prints is no verdict, and its exit status is told", [], Wanted("exit status 7", lambda result: (
        result["status"] == "nonzero" and result["exit_code"] == 7 and "\"status\":\"ok\"" in result["stdout"])),
        "import sys; print('{\"schema\":1,\"status\":\"ok\",\"exit_code\":0}'); sys.exit(7)"),
]
