#!/usr/bin/env python3
"""What only compile() refuses, against every CPython found: verdict, line, words. Prints TAP.

    PYSBX_TEST_FULL=1    every file of each standard library and its tests, and more of the rest
    PYSBX_TEST_SHORT=1   a tenth of all
    PYSBX_COMPILE_FILES  files of each standard library (default 60, or "all")
    PYSBX_COMPILE_GRID   one in so many of the programs of compile_grid.txt (default 400, or 100)
    PYSBX_COMPILE_SNIPPETS  one in so many strings of CPython's tests (default 5, or 1)
    PYSBX_COMPILE_MOVED  programs with statements moved between scopes (default 400, or 2000)
    PYSBX_COMPILE_SEED   of the sample and the moves (default 1)

The interpreters are those of test_differential.py; compile_oracle.py does the comparing.
"""
import json
import os
import subprocess
import sys

import test_differential as differential

HERE = os.path.dirname(os.path.abspath(__file__))
ORACLE = os.path.join(HERE, "compile_oracle.py")
FULL, SHORT = differential.FULL, differential.SHORT
FILES = os.environ.get("PYSBX_COMPILE_FILES", "all" if FULL else "6" if SHORT else "60")
GRID = os.environ.get("PYSBX_COMPILE_GRID", "100" if FULL else "4000" if SHORT else "400")
SNIPPETS = os.environ.get("PYSBX_COMPILE_SNIPPETS", "1" if FULL else "50" if SHORT else "5")
MOVED = os.environ.get("PYSBX_COMPILE_MOVED", "2000" if FULL else "40" if SHORT else "400")
SEED = os.environ.get("PYSBX_COMPILE_SEED", "1")
DISAGREEMENTS = ("refused_only_by_cpython", "refused_only_by_pysbx", "other_line")


def run(tap, program, title, arguments, refusals, given=None):
    answer = subprocess.run([program, ORACLE, differential.PYSBX] + arguments, input=given,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3600)
    lines = answer.stdout.decode("utf-8", "replace").splitlines()
    for line in lines[:-1]:
        print(line if line.startswith("#") else "# " + line)
    try:
        counts = json.loads(lines[-1])
    except (IndexError, ValueError):
        print("# %s" % (lines[-1] if lines else "no output"))
        tap.line(False, title)
        return
    told = ", ".join("%d %s" % (count, name.replace("_", " ")) for name, count in counts.items() if count)
    # A comparison in which nothing compiled, or nothing was refused, has shown nothing.
    ok = not any(counts[kind] for kind in DISAGREEMENTS) and counts["compiles"] > 0
    ok = ok and (counts["refused_alike"] > 0 or not refusals)
    tap.line(ok, "%s: %s" % (title, told))


def main():
    differential.FILES, differential.SEED = FILES, SEED
    tap = differential.Tap()
    found = differential.interpreters()
    newest = found.get(max((minor for minor in found if minor and minor < 14), default=None))
    print("1..%d" % (4 * (differential.NEWEST - differential.OLDEST + 1)))
    for minor in range(differential.OLDEST, differential.NEWEST + 1):
        version, program = "3.%d" % minor, found.get(minor)
        titles = ["%s %s" % (version, what) for what in ("grid", "moved", "snippets", "standard library")]
        if not program:
            for title in titles:
                tap.skip(title, differential.absent(minor))
            continue
        if not os.path.isdir(differential.library_folder(program)) and newest:
            os.environ["PYSBX_DIFF_LIBRARY"] = differential.library_folder(newest)
        run(tap, program, titles[0], ["grid", os.path.join(HERE, "compile_grid.txt"), GRID], True)
        run(tap, program, titles[1], ["moved", MOVED, SEED], True)
        library = os.environ.get("PYSBX_DIFF_LIBRARY") or differential.library_folder(program)
        if os.path.exists(os.path.join(library, "test", "test_syntax.py")):
            run(tap, program, titles[2], ["snippets", SNIPPETS], True)
        else:
            tap.skip(titles[2], "no CPython tests in %s" % library)
        names = "\0".join(differential.library_files(program, newest)).encode()
        run(tap, program, titles[3], ["list"], False, names)
    print("# %d tests, %d failed, %d skipped" % (tap.number, tap.failed, tap.skipped))
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
