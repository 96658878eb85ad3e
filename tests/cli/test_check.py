"""pysbx check, as a whole program: formats, exit statuses, places, many files. Prints TAP."""

import re
import resource
import subprocess

from cli import check, clean_environment, holds, main, pysbx, same, schema, scratch, test
import tap

DENIED = "import os\n"
CLEAN = "print(1)\n"


def usage_error(words, *parts):
    result = check(*words)
    same((result.status, result.out), (2, b""), f"{words}: {result}")
    holds(result.err, *parts)


@test("0 clean, 1 findings, 2 unreadable, 2 beats 1, the others go on")
def _():
    with scratch() as top:
        (top / "clean.py").write_text(CLEAN)
        (top / "denied.py").write_text(DENIED)
        clean, denied, none = top / "clean.py", top / "denied.py", top / "none.py"
        for files, status, verdicts in (
                ([clean], 0, ["allow"]), ([clean, clean], 0, ["allow", "allow"]),
                ([denied, clean], 1, ["reject", "allow"]), ([none], 2, ["error"]),
                ([denied, none, clean, top], 2, ["reject", "error", "allow", "error"])):
            result = check("--json", *files)
            same(result.status, status, files)
            same([line["verdict"] for line in result.lines], verdicts)
            same([line["file"] for line in result.lines], [str(f) for f in files])
            same(check(*files).status, status, files)
            same(check("--format", "sarif", *files).status, status, files)


@test("-c, standard input, files after --")
def _():
    same(check("--json", "-c", DENIED).json["file"], "<string>")
    same(check("--json", "-", stdin=DENIED.encode()).json["file"], "<stdin>")
    same(check("--json", "-c", "").json["verdict"], "allow")
    with scratch() as top:
        (top / "-c").write_text(CLEAN)
        same(check("--json", "--", "-c", cwd=top).json["file"], "-c")


@test("bad usage: 2")
def _():
    usage_error([], "nothing to check", "-c CODE")
    usage_error(["-c", "1", "x.py"], "-c and files")
    usage_error(["-", "-"], "standard input can be checked once only")
    usage_error(["--memory", "1M", "x.py"], "unknown option --memory")
    usage_error(["--fromat", "json", "x.py"], "did you mean --format?")
    usage_error(["--format", "xml", "x.py"], "--format: 'xml'", "text, json or sarif")
    usage_error(["--format", "sarif", "--json", "-c", "1"], "exclude each other")
    usage_error(["--policy", "standrad", "-c", "1"], "have: classic, standard, strict")
    usage_error(["--target-version", "2.7", "-c", "1"], "3.8 to 3.14")


@test("every finding, in order of place, none twice, with exact spans")
def _():
    code = ("import sys, math, os.path as p\nfrom .os import x\nfrom . import os\nfrom os import *\n"
            "a.b.eval(1)(2)\nopen\nx.open(eval('é')).__dict__ = y.__code__\n"
            "ｅｘｅｃ('NFKC')\nwith open(f'{eval(1)}') as __globals__: del q.__mro__\n")
    found = check("--json", "--target-version", "3.12", "-c", code).json["findings"]
    spans = [(f["rule"], f["line"], f["column"], f["end_line"], f["end_column"]) for f in found]
    same(spans, [
        ("PSX101", 1, 0, 1, 30), ("PSX101", 1, 0, 1, 30), ("PSX101", 2, 0, 2, 17),
        ("PSX101", 4, 0, 4, 16), ("PSX102", 5, 0, 5, 11), ("PSX102", 7, 0, 7, 18),
        ("PSX103", 7, 0, 7, 27), ("PSX102", 7, 7, 7, 17), ("PSX103", 7, 30, 7, 40),
        ("PSX102", 8, 0, 8, 20), ("PSX102", 9, 5, 9, 23), ("PSX102", 9, 13, 9, 20),
        ("PSX103", 9, 44, 9, 53)])
    same([f["message"] for f in found if f["line"] == 8], ["call of 'exec' is not allowed"])


@test("a span over several lines")
def _():
    finding = check("--json", "-c", "x = eval(\n  1,\n)\n").json["findings"][0]
    same((finding["line"], finding["column"], finding["end_line"], finding["end_column"]),
         (1, 4, 3, 1))
    same(check("-c", "x = eval(\n  1,\n)\n").text.splitlines()[:3],
         ["<string>:1:5: error[PSX102]: call of 'eval' is not allowed", "    x = eval(",
          "        ^^^^^"])


@test("lines end in LF, CRLF and CR; a BOM takes no column")
def _():
    code = b"\xef\xbb\xbfimport os\rx = 1\r\nimport sys\n"
    result = check("--json", "-", stdin=code)
    same([(f["line"], f["column"]) for f in result.json["findings"]], [(1, 0), (3, 0)])
    text = check("-", stdin=code).text
    holds(text, "<stdin>:1:1: ", "<stdin>:3:1: ", "    import os\n    ^^^^^^^^^\n",
          "    import sys\n")


@test("text goes to stdout, the summary to stderr, -q keeps it")
def _():
    result = check("-c", DENIED)
    assert result.text.startswith("<string>:1:1: error[PSX101]: "), result
    holds(result.err, "1 program checked for Python 3.", "0 allowed, 1 rejected, 0 not judged")
    same(check("-q", "-c", DENIED).err, "")
    same(check("-q", "-c", CLEAN).out, b"")


@test("--json is --format json, one line for each file, warnings aside silent")
def _():
    same(check("--json", "-c", DENIED).out, check("--format", "json", "-c", DENIED).out)
    same(check("--json", "-c", DENIED).err, "")
    same(check("--json", "-c", CLEAN).json,
         {"file": "<string>", "verdict": "allow", "policy": "classic", "findings": []})


@test("the schema of a line refuses what is none")
def _():
    validate = schema("check.schema.json")
    import jsonschema
    good = check("--json", "-c", DENIED).json
    for change in ({"verdict": "maybe"}, {"verdict": "allow"}, {"message": "x"}, {"surplus": 1},
                   {"findings": []}, {"verdict": "error"}):
        try:
            validate({**good, **change})
        except jsonschema.ValidationError:
            continue
        raise AssertionError(f"the schema allows {change}")


@test("doctor --json fits its schema")
def _():
    validate = schema("doctor.schema.json")
    result = pysbx("doctor", "--json")
    same(result.status in (0, 1), True, result)
    validate(result.json)
    same(result.json["available"], result.status == 0)


@test("SARIF 2.1.0: rules, results, places in characters, notifications")
def _():
    with scratch() as top:
        (top / "a b é.py").write_text("x = 'é'; eval('€')\nimport os\n")
        result = check("--format", "sarif", "a b é.py", "none.py", cwd=top)
        same(result.status, 2)
        log = result.json
        same(log["version"], "2.1.0")
        run, = log["runs"]
        same(run["columnKind"], "unicodeCodePoints")
        rules = run["tool"]["driver"]["rules"]
        for found in run["results"]:
            same(rules[found["ruleIndex"]]["id"], found["ruleId"])
        places = [r["locations"][0]["physicalLocation"] for r in run["results"]]
        same({p["artifactLocation"]["uri"] for p in places}, {"a%20b%20%C3%A9.py"})
        same([p["region"] for p in places],
             [{"startLine": 1, "startColumn": 10, "endLine": 1, "endColumn": 19},
              {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 10}])
        invocation, = run["invocations"]
        same(invocation["executionSuccessful"], False)
        same(len(invocation["toolExecutionNotifications"]), 1)
        clean = check("--format", "sarif", "-c", "1").json["runs"][0]
        same((clean["results"], clean["invocations"]), ([], [{"executionSuccessful": True}]))


@test("--target-version decides what parses")
def _():
    code = "match x:\n    case 1: pass\n"
    same(check("--target-version", "3.9", "-c", code).status, 1)
    same(check("--target-version", "3.10", "-c", code).status, 0)
    same(check("--target-version", "3.14", "-c", "t'{x}'").status, 0)
    same(check("--target-version", "3.13", "-c", "t'{x}'").status, 1)


@test("without an interpreter the newest language is checked for")
def _():
    hide = ('for python in /usr/bin/python3*; do mount --bind /dev/null "$(readlink -f "$python")" || exit 77; done; '
            'PATH=/nonexistent; exec "$@"')
    done = subprocess.run(["unshare", "-Urm", "/bin/sh", "-c", hide, "sh", str(tap.PYSBX), "check", "-c", "t'{x}'"],
                          capture_output=True, text=True, env=clean_environment(), check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        raise tap.Skip("no namespace in which to hide the interpreter: " + done.stderr.strip())
    same(done.returncode, 0, done)
    holds(done.stderr, "for Python 3.14")


@test("what a source can hold: NUL, bad UTF-8, other cookies, deep nesting, nothing")
def _():
    for code, status in ((b"x = '\0'", 1), (b"'\xff'", 1), (b"# coding: latin-1\n", 1),
                         (b"# coding: utf-8\n", 0), (b"(" * 1000 + b")" * 1000, 1),
                         (b"-" * 200000 + b"1", 1), (b"", 0), (b"\n", 0), (b"\xef\xbb\xbf", 0),
                         (b"x = 1 \\", 1)):
        result = check("--json", "-", stdin=code)
        same(result.status, status, (code[:20], result))
        if status:
            same(result.json["findings"][0]["rule"], "PSX001")
        check("-", stdin=code)


def children_cpu():
    """Seconds, whoever else is at work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@test("a source with millions of findings costs what its size costs")
def _():
    for code, lines in ((b"eval(1)\n" * 1000000, True), (b"eval(1);" * 1000000, False)):
        started = children_cpu()
        result = check("-", stdin=code)
        same(result.status, 1)
        holds(result.text, "<stdin>: more than 9950 more findings; --json lists them")
        same(result.text.count("error[PSX102]"), 50)
        line = check("--json", "-", stdin=code).json
        same((len(line["findings"]), line["findings_truncated"]), (10000, True))
        log = check("--format", "sarif", "-", stdin=code).json
        same(len(log["runs"][0]["results"]), 10000)
        same("startColumn" in log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
             ["region"], lines)
        assert children_cpu() - started < 20, children_cpu() - started


@test("messages and lines show no control characters")
def _():
    result = check("-", stdin=b"x = '\x1b[2J\xc2\x9b'; eval('\\\x07')\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.text), result
    holds(result.text, "\\x1b[2J\\x9b", "^")


@test("stdout full: 2 with a message")
def _():
    with open("/dev/full", "wb") as full:
        for words in ([], ["--json"], ["--format", "sarif"]):
            result = check(*words, "-c", DENIED, stdout=full)
            same(result.status, 2, result)
            holds(result.err, "standard output: No space left on device")


@test("settings of check come from the environment and files too")
def _():
    with scratch() as top:
        (top / "pysbx").mkdir()
        (top / "pysbx" / "pysbx.conf").write_text("target-version = 3.9\nmemory = 64M\n")
        env = {"XDG_CONFIG_HOME": str(top)}
        holds(check("-c", "1", env=env).err, "Python 3.9 ")
        holds(check("-c", "1", env={**env, "PYSBX_TARGET_VERSION": "3.12"}).err, "Python 3.12 ")
        same(check("-c", "1", env={"PYSBX_FORMAT": "json"}).json["verdict"], "allow")


@test("--python that was named and is not there: 2, for no other may be asked")
def _():
    result = check("--python", "/nonexistent/python3", "-c", "1")
    same(result.status, 2, result)
    holds(result.err, "--python /nonexistent/python3")


@test("a policy file is read once, however many programs there are")
def _():
    with scratch() as top:
        (top / "own.policy").write_text("extends standard\n" + "".join(f"deny import x{n}\n" for n in range(200)))
        names = []
        for number in range(300):
            names.append(top / f"{number}.py")
            names[-1].write_text(f"import x{number}\n")
        result = check("--json", "--policy", top / "own.policy", *names)
        same([line["verdict"] for line in result.lines], ["reject"] * 200 + ["allow"] * 100)
        same(check("--policy", top, "-c", "1").status, 2)
        result = check("--policy", top / "none.policy", "-c", "1")
        same(result.status, 2, result)
        holds(result.err, "none.policy", "pysbx policy list")
        assert "-c:" not in result.err, result


main()
