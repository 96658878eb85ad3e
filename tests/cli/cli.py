"""Starting pysbx as a person would, for the tests of the command line.

A test file names its tests with @test("title") and ends in main(). By hand:
python3 tests/cli/test_run.py --pysbx build/pysbx [words of titles ...]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap
from tap import Skip

TESTS = []
SECONDS = 60


def test(title):
    def add(function):
        function.__doc__ = title
        TESTS.append(function)
        return function
    return add


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode("utf-8", "replace") if done.stderr is not None else ""

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def lines(self):
        """Each line of stdout as JSON; only a newline ends a line."""
        return [json.loads(line) for line in self.out.decode("utf-8").split("\n")[:-1]]

    @property
    def json(self):
        lines = self.lines
        assert len(lines) == 1, f"not one line: {self}"
        return lines[0]

    def __repr__(self):
        return f"status {self.status}, stdout {self.out[:600]!r}, stderr {self.err[:600]!r}"


def clean_environment(extra=None):
    """No PYSBX_* setting of the caller's, no configuration of the user's."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("PYSBX", "XDG_")) and k != "NO_COLOR"}
    kept["HOME"] = "/nonexistent"
    # What these tests say of findings is said of the policy that goes by spelling; what `standard`
    # finds has tests of its own (tests/guard).
    kept["PYSBX_POLICY"] = "classic"
    kept.update(extra or {})
    return kept


def pysbx(*words, stdin=b"", env=None, program=None, stdout=subprocess.PIPE, **more):
    done = subprocess.run([str(program or tap.PYSBX), *map(os.fsencode, map(os.fspath, words))],
                          input=stdin, stdout=stdout, stderr=subprocess.PIPE,
                          env=clean_environment(env), timeout=SECONDS, check=False, **more)
    return Result(done)


def before_arguments(words):
    return words[:words.index("--")] if "--" in words else words


def run(*words, **more):
    """pysbx run; whatever object it prints is held against the schema."""
    result = pysbx("run", *words, **more)
    if "--json" in before_arguments(words) and result.out:
        validated(result, "result.schema.json")
    return result


def check(*words, **more):
    """pysbx check; its lines of JSON are held against the schema."""
    result = pysbx("check", *words, **more)
    if "--json" in words and result.out:
        validated(result, "check.schema.json")
    return result


class scratch:
    """A directory that goes away, as a Path."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="pysbx-test-"))
        return self.path

    def __exit__(self, *unused):
        shutil.rmtree(self.path)


def same(found, wanted, what=""):
    assert found == wanted, f"{what}: found {found!r}, wanted {wanted!r}"


def holds(text, *parts):
    for part in parts:
        assert part in text, f"{part!r} is not in {text!r}"


def schema(name):
    """A function that raises on what the shipped schema does not allow."""
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed for " + sys.executable)
    if not hasattr(jsonschema, "Draft202012Validator"):
        raise Skip("this jsonschema does not know draft 2020-12")
    document = json.loads((tap.TOP / "cli" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document).validate


VALIDATORS = {}


def validated(result, name):
    """Without jsonschema nothing is validated; the tests of the schemas themselves say so."""
    if name not in VALIDATORS:
        try:
            VALIDATORS[name] = schema(name)
        except Skip:
            VALIDATORS[name] = lambda found: None
    for line in result.lines:
        VALIDATORS[name](line)


def needs_isolation():
    """Skips where this host cannot run anything; says why."""
    if not hasattr(needs_isolation, "result"):
        needs_isolation.result = run("--json", "-c", "print(6 * 7)").json
    result = needs_isolation.result
    if result["status"] == "unavailable":
        raise Skip("no isolation here: " + result.get("message", "?"))


def usage_error(words, *parts, command="run", status=125):
    result = pysbx(command, *words)
    same(result.status, status, f"{words}: {result}")
    same(result.out, b"", f"{words}")
    assert result.err.startswith("pysbx: "), result
    holds(result.err, *parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pysbx", default=tap.PYSBX)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    tap.PYSBX = Path(options.pysbx).resolve()
    sys.exit(tap.run([t for t in TESTS if not options.words
                      or any(word in t.__doc__ for word in options.words)]))
