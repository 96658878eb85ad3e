"""Real CPythons under the system call filter alone: an ordinary program must not see a difference.

Prints TAP. By hand: python3 tests/runtime/test_filter.py, from the top of the tree, after a build.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap  # noqa: E402
from pythons import interpreters  # noqa: E402

EXERCISE = tap.TOP / "tests" / "runtime" / "stdlib_exercise.py"
UNDERFILTER = tap.BUILD / "tests" / "tools" / "underfilter"


def exercise(*argv, python, within=()):
    done = subprocess.run([*map(str, within), python, "-B", str(EXERCISE), *argv], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, check=False, cwd=tempfile.gettempdir(),
                          env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
    return done.returncode, done.stdout.splitlines(), done.stderr


def same_under_filter(python, *argv):
    plain = exercise(*argv, python=python)
    assert plain[0] == 0, plain
    broken = [line for line in plain[1] if "Error: " in line]
    assert not broken, f"does not work without the filter either: {broken}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "hostile")
        notified = exercise(*argv, python=python, within=(UNDERFILTER, "-r", report))
        hostile = report.read_text()
    assert notified[0] == 0, notified
    different = [(a, b) for a, b in zip(plain[1], notified[1]) if a != b]
    assert not different and len(plain[1]) == len(notified[1]), different or notified
    # So the form of the filter that kills would not have either.
    assert hostile == "", f"called hostile: {hostile}"


def test_filter_is_there():
    """control: under the filter a hostile call is refused and named, without it it is not"""
    program = "import ctypes; print(ctypes.CDLL(None, use_errno=True).unshare(0), ctypes.get_errno())"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "hostile")
        inside = tap.command(UNDERFILTER, "-r", report, sys.executable, "-c", program, check=0)
        assert report.read_text() == "unshare 1\n", report.read_text()
    assert inside.stdout.split() == ["-1", "1"], inside.stdout
    outside = tap.command(sys.executable, "-c", program, check=0)
    assert outside.stdout.split()[0] == "0", outside.stdout
    killed = tap.command(UNDERFILTER, "-k", sys.executable, "-c", program)
    assert killed.returncode == 128 + 31, killed


def test_science():
    """numpy, pandas and matplotlib see no difference under the filter"""
    python = "/usr/bin/python3"
    if not os.path.exists(python) or subprocess.run(
            [python, "-c", "import numpy, pandas, matplotlib"], check=False,
            stderr=subprocess.DEVNULL).returncode:
        raise tap.Skip("not installed (Debian: python3-numpy python3-pandas python3-matplotlib)")
    same_under_filter(python, "science")


def for_python(path):
    def test():
        same_under_filter(path)
    test.__doc__ = f"the standard library of {os.path.basename(path)} sees no difference"
    return test


def main():
    tests = [test_filter_is_there]
    tests += [for_python(path) for path in interpreters()]
    tests.append(test_science)
    return tap.run(tests)


if __name__ == "__main__":
    sys.exit(main())
