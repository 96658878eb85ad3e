#!/usr/bin/env python3
"""pysbx selftest: its table, its JSON, its exit status, and that it carries the probes of this tree.

Prints TAP. By hand: python3 tests/containment/test_selftest.py
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import probes
import tap
from sandbox import PLAIN_ID, is_sanitized, main

import examples

kit = probes.load()


def selftest(caller, *args, **options):
    status, out, err = caller.call("selftest", *args, timeout=120, **options)
    return status, out.decode(), err.decode()


def table(caller):
    """it holds here; each row is told with what was expected, and the counts are those of the rows"""
    status, out, err = selftest(caller)
    assert status == 0, out[-2000:] + err
    rows = re.findall(r"^(held|failed|not applicable|vacuous) +(P\d+(?: P\d+)*): (.+)$", out, re.M)
    assert [numbers.split() for _, numbers, _ in rows] == [entry.numbers for entry in [*kit.ROWS, *kit.RUNS]]
    assert [title for _, _, title in rows] == [entry.title for entry in [*kit.ROWS, *kit.RUNS]]
    assert out.count("               expected: ") == len(rows)
    said = dict((outcome, int(number)) for number, outcome in re.findall(r"(\d+) (held|failed|not applicable|vacuous)", out.splitlines()[-1]))
    assert said == {outcome: sum(row[0] == outcome for row in rows) for outcome in said} and len(said) == 4, said
    assert said["held"] > 70 and said["failed"] == 0, said


def json_report(caller):
    """the JSON is one line, of its schema, and agrees with itself; limits and Python's own from the environment do not matter"""
    status, out, err = selftest(caller, "--json", env={
        "PATH": "/usr/bin:/bin", "PYSBX_MEMORY": "16M", "PYSBX_TIMEOUT": "1ms", "PYTHONSTARTUP": "/nonexistent",
        "PYTHONHOME": "/nonexistent", "PYTHONPATH": "/nonexistent"})
    assert status == 0 and out.count("\n") == 1 and out.isascii(), out[-500:] + err
    report = json.loads(out)
    assert report["schema"] == 1 and report["ok"] and report["counts"]["failed"] == 0, report["counts"]
    assert report["isolation"]["tier"] in ("full", "reduced", "minimal")
    for outcome, number in report["counts"].items():
        assert number == sum(probe["outcome"] == outcome for probe in report["probes"]), outcome
    for probe in report["probes"]:
        assert probe["outcome"] in ("held", "vacuous") or probe["reason"], probe
    try:
        import jsonschema
    except ImportError:
        raise tap.Skip("its shape holds; python3-jsonschema is not installed for the schema") from None
    jsonschema.validate(report, json.loads((tap.TOP / "cli/selftest.schema.json").read_text(encoding="utf-8")))


def below_the_tier(caller):
    """--require is a floor: below it nothing is run, and that is exit status 1"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        outer = shutil.copy(tap.BUILD / "tests/tools/nonamespaces", place)
        options = {} if caller.uid is None else {"user": caller.uid, "group": caller.uid, "extra_groups": []}
        done = subprocess.run([outer, str(caller.program), "selftest", "--require", "reduced"], capture_output=True, text=True,
                              timeout=120, check=False, cwd="/", **options)
        assert done.returncode == 1 and done.stdout == "" and "selftest:" in done.stderr, done


def usage(caller):
    """--help is 0, anything unknown is 2 and runs nothing"""
    for word in ("-h", "--help"):
        status, out, _ = selftest(caller, word)
        assert status == 0 and out.startswith("usage: pysbx selftest"), out
    for args in (("--jso",), ("x",), ("",), ("--require",), ("--require", "most"), ("--require=",), ("--python",), ("--json=1",), ("--json", "x")):
        status, out, err = selftest(caller, *args)
        assert status == 2 and out == "" and err, (args, status, out, err)


def no_interpreter(caller):
    """an interpreter that is none is said"""
    status, out, err = selftest(caller, "--python", "/nonexistent/python3")
    assert status == 1 and out == "" and "/nonexistent/python3" in err, (status, out, err)


def output_fails(caller):
    """a report that cannot be written is a failure"""
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = caller.popen("selftest", "--json", stdout=full)
        process.communicate(timeout=120)
        assert process.returncode not in (0, None)


def planted():
    return {os.path.join(folder, name) for folder in ("/tmp", "/var/tmp", "/dev/shm") for name in os.listdir(folder)
            if name.startswith("selftest-")}


_before = planted()


def nothing_left(caller):
    """the files that it plants are removed"""
    # Another test may be at it at the same time; what is new since this one began and stays for good is a leftover.
    end = time.monotonic() + 120
    left = planted() - _before
    while left and time.monotonic() < end:
        time.sleep(0.2)
        left &= planted()
    assert not left, left


def carries_the_tree(caller):
    """the program carries the probes of this tree, no others"""
    text = probes.joined()
    assert len(text) > 40000
    data = Path(caller.program).read_bytes()
    if not is_sanitized():
        assert data.count(text.encode()) == 1
    else:
        assert text.encode() in data


def manual(caller):
    """the example of pysbx-selftest(1)"""
    examples.execute(tap.TOP / "man" / "pysbx-selftest.1", {"HOME": "/nonexistent"}, program=caller.program, uid=caller.uid)


TESTS = [table, manual, json_report, below_the_tier, usage, no_interpreter, output_fails, nothing_left, carries_the_tree]

if __name__ == "__main__":
    assert PLAIN_ID
    sys.exit(main(TESTS))
