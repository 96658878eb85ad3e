#!/usr/bin/env python3
"""The parser against every CPython found: the same trees, the same refusals. Prints TAP.

    PYSBX_TEST_FULL=1   every file of each standard library and its tests, and more of the rest
    PYSBX_TEST_SHORT=1  every case, and a tenth of the rest
    PYSBX_DIFF_FILES    files of each standard library (default 80, or "all")
    PYSBX_DIFF_MUTANTS  damaged programs for each CPython (default 1000, or 4000)
    PYSBX_DIFF_GRID     one in so many of the programs of grid.txt (default 40, or 10)
    PYSBX_DIFF_SEED     of the sample and the damage (default 1)
    PYSBX_TEST_PYTHONS  more interpreters, separated by colons

CPythons are looked for as python3.X on PATH and in ~/.pyenv/versions; 3.14, where there is none, is
fetched as WebAssembly (tests/pyodide.py). oracle.py does the comparing, run by each of them.
"""
import glob
import json
import os
import random
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import pyodide
ORACLE = os.path.join(HERE, "oracle.py")
PYSBX = os.environ.get("PYSBX", os.path.join(HERE, "..", "..", "build", "pysbx"))
FULL = os.environ.get("PYSBX_TEST_FULL") == "1"
SHORT = os.environ.get("PYSBX_TEST_SHORT") == "1"
FILES = os.environ.get("PYSBX_DIFF_FILES", "all" if FULL else "8" if SHORT else "80")
MUTANTS = os.environ.get("PYSBX_DIFF_MUTANTS", "4000" if FULL else "100" if SHORT else "1000")
GRID = os.environ.get("PYSBX_DIFF_GRID", "10" if FULL else "400" if SHORT else "40")
SEED = os.environ.get("PYSBX_DIFF_SEED", "1")
OLDEST, NEWEST, WASM = 8, 14, 14
SECONDS = 3600
DISAGREEMENTS = ("different", "accepted_only_by_pysbx", "refused_only_by_pysbx")


def minor_of(program):
    try:
        answer = subprocess.run(
            [program, "-I", "-c", "import sys; print(sys.implementation.name, *sys.version_info[:2])"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = answer.stdout.decode().split()
    return int(words[2]) if words[:2] == ["cpython", "3"] else None


def absent(minor):
    """Why there is no CPython of that version here."""
    named = [name for name in os.environ.get("PYSBX_TEST_PYTHONS", "").split(":") if name]
    closed = [name for name in named if not os.access(name, os.X_OK)]
    why = "no CPython 3.%d found" % minor
    if closed:
        why += "; uid %d cannot run %s%s" % (
            os.getuid(), closed[0], " and %d more" % (len(closed) - 1) if len(closed) > 1 else "")
    return why


def interpreters():
    """{minor: program}: the first CPython of each version, named ones before found ones."""
    programs = os.environ.get("PYSBX_TEST_PYTHONS", "").split(":")
    programs += [shutil.which("python3.%d" % minor) for minor in range(OLDEST, NEWEST + 1)]
    programs += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3")))
    found = {}
    for program in filter(None, programs):
        found.setdefault(minor_of(program), program)
    if WASM not in found:
        try:
            program = pyodide.program()
            minor = minor_of(program)
            if minor != WASM:
                raise pyodide.Missing("%s does not run: %s" % (program, minor))
            found[WASM] = program
        except pyodide.Missing as why:
            print("# no CPython 3.%d: %s" % (WASM, why))
    return found


def library_folder(program):
    return subprocess.check_output(
        [program, "-I", "-c", "import os; print(os.path.dirname(os.__file__))"]).decode().strip()


def library_files(program, newest):
    """The standard library and its tests: a sample of them, or all."""
    folder = library_folder(program)
    if not os.path.isdir(folder):  # its own library comes without tests: take those of another
        half = int(FILES) // 2 if FILES != "all" else None
        return sample(files_below(pyodide.standard_library()), half) + sample(
            files_below(library_folder(newest)), half)
    return sample(files_below(folder), int(FILES) if FILES != "all" else None)


def files_below(folder):
    names = []
    for base, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("site-packages", "dist-packages")]
        names += [os.path.join(base, name) for name in files if name.endswith(".py")]
    return sorted(names)


def sample(names, count):
    if count is not None and count < len(names):
        names = random.Random(int(SEED)).sample(names, count)
    return names


class Tap:
    def __init__(self):
        self.number = 0
        self.failed = 0
        self.skipped = 0

    def line(self, ok, text):
        self.number += 1
        self.failed += not ok
        print("%sok %d - %s" % ("" if ok else "not ", self.number, text), flush=True)

    def skip(self, text, why):
        self.number += 1
        self.skipped += 1
        print("ok %d - %s # SKIP %s" % (self.number, text, why), flush=True)


def run_oracle(tap, program, title, arguments, given=None):
    answer = subprocess.run([program, ORACLE, PYSBX] + arguments, input=given,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
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
    # A comparison that saw nothing, or nothing alike, has shown nothing.
    ok = not any(counts[kind] for kind in DISAGREEMENTS) and counts["identical"] > 0
    tap.line(ok, "%s: %s" % (title, told))


def main():
    tap = Tap()
    found = interpreters()
    newest = found.get(max((minor for minor in found if minor and minor != WASM), default=None))
    print("1..%d" % (4 * (NEWEST - OLDEST + 1)))
    for minor in range(OLDEST, NEWEST + 1):
        version, program = "3.%d" % minor, found.get(minor)
        titles = ["%s %s" % (version, what) for what in ("cases", "grid", "standard library", "mutants")]
        if not program:
            for title in titles:
                tap.skip(title, absent(minor))
            continue
        run_oracle(tap, program, titles[0], ["cases", os.path.join(HERE, "cases.txt")])
        run_oracle(tap, program, titles[1], ["grid", os.path.join(HERE, "grid.txt"), GRID])
        run_oracle(tap, program, titles[2], ["list"], "\0".join(library_files(program, newest)).encode())
        if not os.path.isdir(library_folder(program)) and newest:
            os.environ["PYSBX_DIFF_LIBRARY"] = library_folder(newest)
        run_oracle(tap, program, titles[3], ["mutants", MUTANTS, SEED])
        os.environ.pop("PYSBX_DIFF_LIBRARY", None)
    print("# %d tests, %d failed, %d skipped" % (tap.number, tap.failed, tap.skipped))
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
