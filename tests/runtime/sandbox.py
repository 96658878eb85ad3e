"""What the runtime's tests share: calling pysbx as this user or as a plain one, and the host's state.

As root every test runs twice: as root, and as a plain user (an id that owns nothing) with a copy of the
program that this user can read. As a plain user it runs once.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap  # noqa: E402

# One of its own for each test file: the kernel counts an id's processes together, whoever's they are.
PLAIN_ID = 20000 + os.getpid() % 20000


# Other tests may run beside this one: only what its own runs left behind counts.
_supervisors = set()


class Caller:
    """Somebody who calls pysbx: how, and with which program."""

    def __init__(self, name, program, uid=None):
        self.name, self.program, self.uid = name, program, uid

    @property
    def is_root(self):
        return self.uid is None and os.geteuid() == 0

    def popen(self, *args, **options):
        if args and args[0] == "run":
            args = ("run", "--env", f"TEST_MARK={os.getpid()}", *args[1:])
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("cwd", "/")
        options.setdefault("env", {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"})
        if self.uid is not None:
            options.update(user=self.uid, group=self.uid, extra_groups=[])
        process = subprocess.Popen([str(self.program), *map(str, args)], **options)
        _supervisors.add(process.pid)
        return process

    def call(self, *args, input=None, timeout=60, **options):
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.popen(*args, **options)
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"pysbx {args} did not end: {out[-500:]} {err[-500:]}") from None
        return process.returncode, out, err

    def run(self, code, *args, program_args=(), **options):
        """Runs code with the guard off and --json; (exit status, result)."""
        tail = ["--", *program_args] if program_args else []
        status, out, err = self.call("run", "--guard", "off", "--json", *args, "-c", code, *tail,
                                     **options)
        try:
            return status, json.loads(out)
        except ValueError:
            raise AssertionError(f"no JSON: exit {status}, {out[-500:]} {err[-1500:]}") from None

    def output(self, code, *args, **options):
        """What code prints; it must end well."""
        status, result = self.run(code, *args, **options)
        assert status == 0 and result["status"] == "ok", result
        return result["stdout"]

    def value(self, code, *args, **options):
        """The value that code leaves in `value`, carried out as JSON."""
        return json.loads(self.output(f"{code}\nimport json\nprint(json.dumps(value))", *args, **options))


def is_sanitized():
    return "+asan" in tap.command(tap.PYSBX, "version").stdout


def needs_plain_build(what):
    """Skips where the sanitizers themselves, not pysbx, cannot do without something."""
    if is_sanitized():
        raise tap.Skip(f"the sanitizers of this build need {what}")


_copies = []


def callers():
    """Every caller that can be had here."""
    found = [Caller("root" if os.geteuid() == 0 else "plain user", tap.PYSBX)]
    if os.geteuid() == 0:
        place = Path(tempfile.mkdtemp(prefix="pysbx-test-"))
        _copies.append(place)
        place.chmod(0o755)
        shutil.copy(tap.PYSBX, place / "pysbx")
        found.append(Caller("plain user", place / "pysbx", PLAIN_ID))
    return found


def main(tests, everybody=None):
    """Runs each test for each caller; a test takes the caller."""
    everybody = everybody or callers()

    def bound(test, caller):
        def bound_test():
            test(caller)
        bound_test.__doc__ = f"{caller.name}: {tap.title(test)}"
        return bound_test

    try:
        return tap.run([bound(test, caller) for caller in everybody for test in tests])
    finally:
        for place in _copies:
            shutil.rmtree(place, ignore_errors=True)


def host_state():
    """What a run must leave as it was: processes of the sandbox, mounts, groups, temporary files."""
    return {"processes": sandbox_processes(), "mounts": mounts(),
            "groups": groups(), "files": own_files("/tmp") + own_files("/dev/shm") + own_files("/run")}


def mounts():
    """Where something is mounted, of what a run mounts; elsewhere others may have roots and container engines."""
    places = sorted(line.split()[4] for line in open("/proc/self/mountinfo"))
    system = ("/bin/", "/dev/", "/etc/", "/lib/", "/lib64/", "/proc/", "/sys/", "/usr/")
    return [place for place in places if place.count("/") == 1 or place.startswith(system)]


def own_files(folder):
    """What a run could have left there, by an owner that only sandboxes have."""
    found = []
    for entry in os.scandir(folder):
        try:
            owner = entry.stat(follow_symlinks=False).st_uid
        except OSError:
            continue
        if owner - 0x70000000 in _supervisors:
            found.append(entry.path)
    return sorted(found)


def sandbox_processes():
    """Pids of programs inside, told by the mark in their environment."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            text = Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if f"TEST_MARK={os.getpid()}".encode() in text.split(b"\0"):
            found.append(int(entry))
    return found


def groups():
    """Every control group that pysbx made, on any hierarchy."""
    found = []
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        for name in list(names):
            if name.startswith("pysbx.") and int(name.split(".")[1]) in _supervisors:
                found.append(os.path.join(folder, name))
    return sorted(found)


def busy_groups():
    """Groups of ours that still hold a process: killed, but not yet gone."""
    def tasks(group):
        try:
            return Path(group, "cgroup.procs").read_text()
        except OSError:
            return ""
    return [group for group in groups() if tasks(group)]


def wait_until(condition, seconds=30):
    """Whether it comes true at last; however long a busy machine takes, as long as it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
