#!/usr/bin/env python3
"""Messages of refused programs against CPython's, 3.10 and later. Prints TAP.

The examples are those of test_syntax.py of each CPython found (tests/differential/messages.py). Of
the ones that ast.parse() refuses, all must be refused, on the same line, and at least 90 of 100 in
the same words; the shares are printed, and with PYSBX_DIFF_SHOW=N some examples. Before 3.10 CPython
says little more than "invalid syntax": nothing is asked there.
"""
import json
import subprocess
import sys

import test_differential as differential

OLDEST = 10
SHARE = 0.9
MESSAGES = differential.os.path.join(differential.HERE, "messages.py")


def compared(program, test_syntax):
    out = subprocess.run([program, MESSAGES, differential.PYSBX] + test_syntax, stdout=subprocess.PIPE,
                         timeout=300, check=True).stdout
    return json.loads(out.decode().splitlines()[-1])


def main():
    tap = differential.Tap()
    found = differential.interpreters()
    print("1..%d" % (differential.NEWEST - OLDEST + 1))
    newest = found.get(max((m for m in found if m and m != differential.WASM), default=None))
    for minor in range(OLDEST, differential.NEWEST + 1):
        title, program = "3.%d messages" % minor, found.get(minor)
        if not program:
            tap.skip(title, "no CPython 3.%d found" % minor)
            continue
        borrowed = []
        if not differential.os.path.isdir(differential.library_folder(program)) and newest:
            borrowed = [differential.library_folder(newest) + "/test/test_syntax.py"]
        answer = compared(program, borrowed)
        if "missing" in answer:
            tap.skip(title, "no %s" % answer["missing"])
            continue
        counts = answer["counts"]
        for line in answer["shown"] if "PYSBX_DIFF_SHOW" in differential.os.environ else []:
            print("# %s" % line)
        told = ", ".join("%s %d" % item for item in counts.items())
        refused = counts["refused"]
        tap.line(refused > 100 and counts["verdict"] == counts["programs"] and counts["line"] == refused
                 and counts["message"] >= SHARE * refused, "%s: %s" % (title, told))
    print("# %d tests, %d failed, %d skipped" % (tap.number, tap.failed, tap.skipped))
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
