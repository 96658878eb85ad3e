"""What tests of hostile programs share: places for them, and what no run may change."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap  # noqa: E402
from sandbox import host_state, wait_until  # noqa: E402

PYTHON = os.path.realpath("/usr/bin/python3")


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
