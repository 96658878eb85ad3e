#!/usr/bin/env python3
"""What a program inside can reach: every row of the containment table that pysbx ships as a probe.

A row holds if the probe came to what was expected inside; it is SKIP where the same probe came to nothing outside too,
because then it has proved nothing, and where a layer that it is about is not held. Every caller has a line for each row;
tier minimal and a masked /proc, where many do not apply, have one for all. Other rows are in tests/runtime.

Prints TAP. By hand: python3 tests/containment/test_containment.py
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import probes
import tap
from sandbox import PLAIN_ID, callers, host_state, is_sanitized, main, wait_until

kit = probes.load()
probes.settle()
_found = {}


def verdicts(caller):
    if caller.name not in _found:
        before = state()
        _found[caller.name] = kit.examine([str(caller.program)], ["--backend", "native", "--require", "minimal"], kit.PROGRAM, probes.who(caller))
        found = []
        wait_until(lambda: found.append(changes(before)) or not found[-1])
        _found[caller.name + " changes"] = found[-1]
    return _found[caller.name]


def test_of(entry):
    def test(caller):
        verdict = next(verdict for verdict in verdicts(caller)[0] if verdict.entry is entry)
        if verdict.outcome == kit.FAILED:
            raise AssertionError(f"expected {verdict.wanted.text}, found {kit.short(verdict.found)}; {verdict.reason}")
        if verdict.outcome != kit.HELD:
            raise tap.Skip(f"{verdict.outcome}: {verdict.reason}")
    test.__doc__ = f"{' '.join(entry.numbers)}: {entry.title}"
    return test


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def words(path):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def state():
    """What no run may change on the host."""
    libc = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libc" in line)
    ours = [name for name in os.listdir("/tmp") + os.listdir("/dev/shm") if "selftest-" in name or name.startswith("pysbx.") and len(name) == 12]
    return {
        "files": [digest(path) for path in (tap.PYSBX, os.path.realpath("/usr/bin/python3"), libc, "/etc/passwd")],
        "kernel": [words("/proc/sys/" + name) for name in (
            "kernel/core_pattern", "kernel/hostname", "kernel/domainname", "user/max_user_namespaces", "vm/overcommit_memory")],
        "modules": sorted(line.split()[0] for line in (words("/proc/modules") or "").splitlines()),
        "objects": [len((words("/proc/sysvipc/" + name) or "").splitlines()) for name in ("shm", "sem", "msg")],
        "own": [os.getpgrp(), os.umask(os.umask(0o22) or 0o22), sorted(os.listdir("/proc/self/fd"))],
        "left": sorted(ours),
        **{name: value for name, value in host_state().items() if name != "files"},
    }


def changes(before):
    """What is otherwise now; of what lies about, what is new: others may have runs, which end."""
    now = state()
    before, now = {**before, "left": []}, {**now, "left": sorted(set(now["left"]) - set(before["left"]))}
    return {name: (before[name], now[name]) for name in before if before[name] != now[name]}


def nothing_changed(caller):
    """before and after all of them: files, mounts, processes, groups, modules, objects and settings of the host are as they were"""
    verdicts(caller)
    assert not _found[caller.name + " changes"], _found[caller.name + " changes"]


def whole(command, who, tier, least):
    """Every row that applies holds by `selftest` itself, which has the same there outside, and enough of them do."""
    done = tap.command(*command, "selftest", "--json", timeout=120, **who)
    if not done.stdout:
        raise kit.CannotRun(done.stderr)
    report = json.loads(done.stdout)
    failed = [probe for probe in report["probes"] if probe["outcome"] == kit.FAILED]
    assert not failed and done.returncode == 0, failed
    assert report["isolation"]["tier"] == tier, report["isolation"]
    assert report["counts"][kit.HELD] >= least, report["counts"]
    return report["isolation"]


def minimal(caller):
    """tier minimal: every row that applies there holds"""
    if is_sanitized():
        raise tap.Skip("the sanitizers of this build need /proc")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        outer = shutil.copy(tap.BUILD / "tests/tools/nonamespaces", place)
        try:
            whole([outer, str(caller.program)], probes.who(caller), "minimal", 60)
        except kit.CannotRun as error:
            if "Landlock" in str(error):
                raise tap.Skip("this kernel has no Landlock") from None
            raise


def masked_proc(caller):
    """where part of /proc is covered, as in a container: every row that applies holds, and the layer is not claimed"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        script = Path(place, "masked")
        script.write_text("#!/bin/sh\nmount -t tmpfs none /proc/irq && exec unshare -U --map-user=1000 --map-group=1000 "
                          f'{caller.program} "$@"\n')
        script.chmod(0o755)
        command = ["unshare", "-U", "-r", "-m", str(script)]
        options = probes.who(caller)
        if not shutil.which("unshare") or subprocess.run([*command, "version"], check=False, stdout=subprocess.DEVNULL,
                                                         stderr=subprocess.DEVNULL, **options).returncode:
            raise tap.Skip("unshare -Urm does not work here")
        isolation = whole(command, options, "reduced", 70)
        assert "proc" in isolation["missing"] and "proc" not in isolation["layers"], isolation


TESTS = [test_of(entry) for entry in [*kit.ROWS, *kit.RUNS]] + [nothing_changed, minimal, masked_proc]

if __name__ == "__main__":
    assert PLAIN_ID and len(kit.ROWS) > 80 and len(kit.RUNS) > 10
    sys.exit(main(TESTS, callers()))
