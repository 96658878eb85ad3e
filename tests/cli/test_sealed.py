#!/usr/bin/env python3
"""The guard in its sealed process: the same answers, and a refusal whatever becomes of it. Prints TAP."""

import os
import resource
import shutil
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

from cli import check, clean_environment, holds, main, needs_isolation, run, same, scratch, test
import tap

PLAIN_ID = 12345
MANY = b"x = [1, 2, 3]\n" * 80000  # a megabyte: long enough to be met while it is read
# The leak check of a sanitized build needs a process of its own, and aborts where none can be had.
NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}
FLAG = [] if os.geteuid() == 0 else ["--guard-sealed"]


class plain_user:
    """A program that a plain user can start, and the options to be one."""

    def __enter__(self):
        self.scratch = scratch()
        place = self.scratch.__enter__()
        place.chmod(0o755)
        shutil.copy(tap.PYSBX, place / "pysbx")
        options = {"program": place / "pysbx", "cwd": "/"}
        if os.geteuid() == 0:
            options.update(user=PLAIN_ID, group=PLAIN_ID, extra_groups=[])
        return options

    def __exit__(self, *error):
        self.scratch.__exit__(*error)


def child_of(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def meet(act, *words):
    """Starts pysbx on MANY, does act to the guard's process while it reads, and hands back how pysbx ended."""
    for _ in range(20):
        process = subprocess.Popen([str(tap.PYSBX), *words, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=clean_environment())
        # The last byte is held back, so that the moment at which it begins to read is known.
        process.stdin.write(MANY)
        process.stdin.flush()
        process.stdin.close()
        met = False
        while process.poll() is None and not met:
            for child in child_of(process.pid):
                act(child)
                met = True
        out, err = process.stdout.read(), process.stderr.read()
        status = process.wait(60)
        process.stdout.close()
        process.stderr.close()
        if met:
            return status, out.decode(), err.decode()
    raise AssertionError("the guard's process was never met")


def kill(child):
    os.kill(child, signal.SIGKILL)


@test("killed while it reads: a refusal that says so, and nothing runs")
def _():
    needs_isolation()
    status, out, err = meet(kill, "check", *FLAG)
    same(status, 1, err)
    holds(out, "PSX003", "SIGKILL")
    status, out, err = meet(kill, "run", "--json", *FLAG)
    same(status, 126, err)
    holds(out, '"status":"rejected"', "PSX003")
    assert '"usage"' not in out and '"stdout"' not in out, out


@test("stopped for good: a refusal when its time is over")
def _():
    begin = time.monotonic()
    status, out, err = meet(lambda child: os.kill(child, signal.SIGSTOP), "check", *FLAG)
    same(status, 1, err)
    holds(out, "PSX003", "no answer in time")
    assert 8 < time.monotonic() - begin < 60


@test("starved of memory: no verdict, which is never an allowance")
def _():
    def starve(child):
        os.kill(child, signal.SIGSTOP)
        resource.prlimit(child, resource.RLIMIT_AS, (0, 0))
        os.kill(child, signal.SIGCONT)

    # Met at its very end it had all it needs.
    for _ in range(20):
        status, out, err = meet(starve, "check", *FLAG)
        if status:
            break
    assert status == 2 and "memory" in err or status == 1 and ("PSX003" in out or "memory" in out), (status, out, err)


@test("the same findings sealed and not, for the standard library's files")
def _():
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:120]
    with plain_user() as options:
        apart = check("--json", "--policy", "standard", "--guard-sealed", *files, **options)
        within = check("--json", "--policy", "standard", *files, **options)
    assert len(within.lines) == len(files), within
    same(apart.lines, within.lines)
    same(apart.status, within.status)


@test("broken sources, odd places and empty ones: the same, sealed and not")
def _():
    sources = [b"", b"(", b"x = (\n\n\n", b"\xff", b"\xef\xbb\xbfimport os", b"a\rb = eval", b"if x:\n", b"'", b"'''\n\n", b"\t",
               b"f'{", b"x = 1\\", b"# coding: latin-1\n", b"\0", b"return", "名 = eval".encode(), b"x = 9**9**9\n" * 11000]
    with plain_user() as options:
        for source in sources:
            found = [check("--json", "--policy", "standard", *flag, "-", stdin=source, **options)
                     for flag in (["--guard-sealed"], [])]
            same(found[0].lines, found[1].lines, source[:30])
            assert "PSX003" not in found[0].text, found[0]


@test("a caller that ignores SIGCHLD gets its verdict")
def _():
    needs_isolation()
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)}
    same(check(*FLAG, "-c", "import os", **ignore).status, 1)
    same(run(*FLAG, "-c", "print(1)", **ignore).status, 0)


@test("a signal to pysbx while the guard is at work ends both at once and leaves nothing")
def _():
    needs_isolation()
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([str(tap.PYSBX), "run", *FLAG, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=clean_environment())
        process.stdin.write(MANY)
        process.stdin.close()
        guard = []
        while not guard and process.poll() is None:
            guard = child_of(process.pid)
        os.kill(guard[0], signal.SIGSTOP)  # it would take its time
        time.sleep(0.2)
        assert process.poll() is None, process.returncode
        process.send_signal(number)
        same(process.wait(5), -number)
        same(process.stdout.read(), b"")
        process.stdout.close()
        process.stderr.close()
        assert not Path(f"/proc/{guard[0]}").exists(), "the guard's process is left"
        left = subprocess.run(["find", "/sys/fs/cgroup", "-maxdepth", "6", "-name", f"pysbx.{process.pid}.*"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
        same(left, b"")


@test("few processes or descriptors allowed: an error and no verdict, or a verdict")
def _():
    with plain_user() as options:
        for limit, value in ((resource.RLIMIT_NPROC, 0), (resource.RLIMIT_NOFILE, 4), (resource.RLIMIT_NOFILE, 5)):
            result = check("--guard-sealed", "-c", "import os", env=NO_LEAK_CHECK,
                           preexec_fn=lambda: resource.setrlimit(limit, (value, value)), **options)
            assert result.status in (1, 2), result
            assert result.status == 1 or "no process for the guard" in result.err or result.err, result


if __name__ == "__main__":
    main()
