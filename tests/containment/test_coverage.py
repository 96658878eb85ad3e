#!/usr/bin/env python3
"""Every row of the containment table is carried by a probe, by a test that names it, or is told of in elsewhere.txt.

The table has the rows P1 to P218 with gaps where rows were given up. Prints TAP.
By hand: python3 tests/containment/test_coverage.py
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import probes
import tap

GIVEN_UP = {18, 32, 36, 37, 44, 51, 56, 68, 86, 90, 93, 99, 101, 115, 119, 127, 135, 137, 144, 149, 152, 156, 163,
            168, 174, 179, 180, 188, 191, 200}
ROWS = {number for number in range(1, 219)} - GIVEN_UP
LINE = re.compile(r"^P(\d+) (\S+): (.+)$")

kit = probes.load()


def carried_by_probes():
    return {int(number[1:]) for entry in [*kit.ROWS, *kit.RUNS] for number in entry.numbers}


def named_in_titles():
    found = set()
    for path in (tap.TOP / "tests").rglob("test_*.py"):
        for title in re.findall(r'^    """((?:P\d+(?:, )?)+):', path.read_text(encoding="utf-8"), re.M):
            found |= {int(number) for number in re.findall(r"P(\d+)", title)}
    return found


def elsewhere():
    lines = (tap.TOP / "tests/containment/elsewhere.txt").read_text(encoding="utf-8").splitlines()
    found = [LINE.match(line) for line in lines if line and not line.startswith("#")]
    assert all(found), "a line that is not understood"
    return [(int(match[1]), match[2], match[3]) for match in found]


def every_row():
    """every row of the table is somewhere, and none is told of twice"""
    told = [number for number, _, _ in elsewhere()]
    known = carried_by_probes() | named_in_titles()
    assert len(told) == len(set(told)) and not set(told) & known, sorted(set(told) & known)
    assert not ROWS - known - set(told), sorted(ROWS - known - set(told))
    assert not (known | set(told)) - ROWS, sorted((known | set(told)) - ROWS)


def places_are_there():
    """what elsewhere.txt names is there, and has the words"""
    wrong = []
    for number, place, words in elsewhere():
        if place == "-":
            continue
        path = tap.TOP / place
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        if not any(file.is_file() and words in file.read_text(encoding="utf-8") for file in files):
            wrong.append(f"P{number} {place}: {words}")
    assert not wrong, wrong


if __name__ == "__main__":
    sys.exit(tap.run([every_row, places_are_there]))
