#!/usr/bin/env python3
"""Messages of refused programs against CPython's. Prints TAP.

The examples are those of test_syntax.py of each CPython found (tests/differential/messages.py). All
that it refuses must be refused, on the same line, and at least 90 of 100 in the same words: what
ast.parse() refuses and what only compile() does are judged apart. The shares are printed, and with
PYSBX_DIFF_SHOW=N some examples.

What later versions say better than 3.8 and 3.9 ("'(' was never closed" for "unexpected EOF while
parsing", "unterminated string literal" for "EOL while scanning string literal") is said so for them
too.
"""
import json
import subprocess
import sys

import test_differential as differential

SHARE = 0.9
LEAST = {"parse": 50, "compile": 30}  # refusals without which nothing has been shown
MESSAGES = differential.os.path.join(differential.HERE, "messages.py")


def compared(program, test_syntax):
    out = subprocess.run([program, MESSAGES, differential.PYSBX] + test_syntax, stdout=subprocess.PIPE,
                         timeout=300, check=True).stdout
    return json.loads(out.decode().splitlines()[-1])


def judge(tap, title, kind, counts):
    told = ", ".join("%s %d" % item for item in counts.items())
    refused = counts["refused"]
    tap.line(refused > LEAST[kind] and counts["verdict"] == counts["programs"] and counts["line"] == refused
             and counts["message"] >= SHARE * refused, "%s: %s" % (title, told))


def main():
    tap = differential.Tap()
    found = differential.interpreters()
    kinds = ("parse", "compile")
    print("1..%d" % (len(kinds) * (differential.NEWEST - differential.OLDEST + 1)))
    newest = found.get(max((m for m in found if m and m != differential.WASM), default=None))
    for minor in range(differential.OLDEST, differential.NEWEST + 1):
        titles, program = ["3.%d messages of %s()" % (minor, kind) for kind in kinds], found.get(minor)
        borrowed = []
        if program and not differential.os.path.isdir(differential.library_folder(program)) and newest:
            borrowed = [differential.library_folder(newest) + "/test/test_syntax.py"]
        answer = compared(program, borrowed) if program else {}
        if "counts" not in answer:
            why = "no %s" % answer["missing"] if program else differential.absent(minor)
            for title in titles:
                tap.skip(title, why)
            continue
        for line in answer["shown"] if "PYSBX_DIFF_SHOW" in differential.os.environ else []:
            print("# %s" % line)
        for title, kind in zip(titles, kinds):
            judge(tap, title, kind, answer["counts"][kind])
    print("# %d tests, %d failed, %d skipped" % (tap.number, tap.failed, tap.skipped))
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
