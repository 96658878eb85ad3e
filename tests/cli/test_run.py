"""pysbx run, as a whole program: the program, the guard, the interpreter, how a run ends. Prints TAP."""

import json
import os
import re
import signal
import time

from cli import holds, main, needs_isolation, pysbx, run, same, scratch, tap, test, usage_error


# --- the program

@test("a program from -c, a file and standard input")
def _():
    needs_isolation()
    code = "print('six', 6)"
    with scratch() as top:
        (top / "p.py").write_text(code)
        for words, stdin in ((["-c", code], b""), ([top / "p.py"], b""), (["-"], code.encode())):
            result = run(*words, stdin=stdin)
            same((result.status, result.out, result.err), (0, b"six 6\n", ""), words)


@test("an empty program is a legal one")
def _():
    needs_isolation()
    with scratch() as top:
        (top / "empty.py").write_bytes(b"")
        for words in (["-c", ""], ["-"], [top / "empty.py"]):
            same(run(*words).status, 0, words)


@test("arguments follow --, whatever they look like")
def _():
    needs_isolation()
    code = "from argparse import _sys; print(_sys.argv[1:])"
    result = run("-c", code, "--", "a", "-c", "--json", "", "--", "é")
    same(result.text, "['a', '-c', '--json', '', '--', 'é']\n", result)
    same(run("-c", code, "--").text, "[]\n")
    same(run("-c", code).text, "[]\n")


@test("an option after the FILE is pysbx's")
def _():
    needs_isolation()
    with scratch() as top:
        (top / "p.py").write_text("print(1)")
        same(run(top / "p.py", "--json").json["stdout"], "1\n")


@test("no program, two programs, a stray word")
def _():
    usage_error([], "no program to run", "-c CODE")
    usage_error(["a.py", "b.py"], "unexpected 'b.py'", "one program", "after '--'")
    usage_error(["--", "a.py"], "no program to run", "before '--'")
    usage_error(["-c", "1", "x"], "unexpected 'x'", "with -c", "after '--'")
    usage_error(["-c", "1", "-"], "unexpected '-'")
    usage_error(["-c", "1", "-c", "2"], "--code is given twice")


@test("unknown options are named, with the nearest one")
def _():
    usage_error(["--memroy", "1"], "unknown option --memroy", "did you mean --memory?")
    usage_error(["--time-out=3"], "unknown option --time-out", "did you mean --timeout?")
    usage_error(["--zzzzzzzz"], "unknown option --zzzzzzzz")
    usage_error(["-Z"], "unknown option -Z")
    usage_error(["-qZ", "-c", "1"], "unknown option -Z")
    usage_error(["-c"], "--code needs an argument")
    usage_error(["--timeout"], "--timeout needs an argument", "--timeout DURATION")


@test("an option's place in the line does not change what is refused")
def _():
    for words in (["--memroy", "1", "-c", "1"], ["-c", "1", "--memroy", "1"],
                  ["a.py", "--memroy", "1", "-t", "1"], ["-t", "1", "--memroy"]):
        usage_error(words, "unknown option --memroy")


@test("what can not be read: its own message and status")
def _():
    with scratch() as top:
        (top / "dir").mkdir()
        (top / "big.py").write_bytes(b"")
        os.truncate(top / "big.py", (64 << 20) + 1)
        for name, status, part in (("none.py", 127, "none.py: file not found"),
                                   ("dir", 125, "dir: is a directory"),
                                   ("big.py", 125, "larger than 64 MiB"),
                                   ("none/x.py", 127, "file not found"),
                                   ("big.py/x", 125, "Not a directory")):
            result = run(top / name)
            same(result.status, status, result)
            holds(result.err, part)
        if os.getuid():
            (top / "secret.py").write_text("1")
            (top / "secret.py").chmod(0)
            holds(run(top / "secret.py").err, "Permission denied")


@test("NUL, invalid UTF-8, syntax: refused with the place, 126")
def _():
    with scratch() as top:
        for name, code in (("nul", b"x = 1\ny = '\0'\n"), ("utf8", b"x = 1\ny = '\xff'\n"),
                           ("syntax", b"x = 1\ny = (\n")):
            path = top / f"{name}.py"
            path.write_bytes(code)
            result = run(path)
            same((result.status, result.out), (126, b""), result)
            holds(result.err, f"{path}:2:", "error[PSX001]: ", "  help: ")
            same(run("--json", path).json["status"], "syntax_error")
            same(run("--json", path).json["guard"]["findings"][0]["line"], 2)


# --- the guard

@test("a refusal shows place, line, carets and what to do instead")
def _():
    result = run("-", stdin=b"import math\nimport math, os.path as p\n")
    same(result.status, 126, result)
    same(result.err.splitlines()[:3],
         ["<stdin>:2:1: error[PSX101]: import of 'os.path' is not allowed",
          "    import math, os.path as p",
          "    ^^^^^^^^^^^^^^^^^^^^^^^^^"], result)
    assert result.err.splitlines()[3].startswith("  help: "), result


@test("carets stand under tabs, wide, combining and invisible characters")
def _():
    result = run("-c", "if 1:\n\tx = '中é\u202e\u0301'; eval(x)\n")
    line, carets = result.err.splitlines()[1:3]
    same(line, "            x = '中é\\u202e\u0301'; eval(x)", result)
    # The wide character takes two columns, the combining one none.
    same(carets, " " * (len("            x = '中é\\u202e'; ") + 1) + "^" * len("eval(x)"), result)
    same(result.err.split(":")[2], "14", result)


@test("a very long line is clipped around the place")
def _():
    result = run("-c", "x = [" + "1, " * 5000 + "eval('1'), " + "2, " * 5000 + "]")
    shown, carets = result.err.splitlines()[1:3]
    assert len(shown) < 120 and "eval('1')" in shown, shown
    same(shown[carets.index("^"):carets.rindex("^") + 1], "eval('1')")


@test("--guard warn reports and runs, off says nothing, isolation stays on")
def _():
    needs_isolation()
    code = "import os; print(os.getuid())"
    result = run("--guard", "warn", "-c", code)
    same((result.status, result.out), (0, b"65534\n"), result)
    holds(result.err, "PSX101")
    found = run("--guard", "warn", "--json", "-c", code)
    same(found.json["guard"]["verdict"], "reject")
    same(found.json["status"], "ok")
    holds(found.err, "PSX101")
    result = run("--guard", "off", "-c", code)
    same((result.status, result.out, result.err), (0, b"65534\n", ""), result)
    assert "guard" not in run("--guard=off", "--json", "-c", code).json


@test("with the guard off, Python itself meets what does not parse")
def _():
    needs_isolation()
    result = run("--guard", "off", "-c", "x = (")
    same(result.status, 1, result)
    holds(result.err, "SyntaxError")


@test("a policy that can not be had is never replaced")
def _():
    for policy, part in (("Standard", "unknown policy 'Standard'; have: classic, standard"),
                         ("nope", "unknown policy 'nope'; have: classic"), ("", "have: classic")):
        usage_error(["--policy", policy, "-c", "1"], part)


@test("--target-version decides what parses")
def _():
    needs_isolation()
    code = "def f(a, /): return a\nmatch 3:\n    case 3: print('m')\n"
    result = run("--target-version", "3.9", "-c", code)
    same(result.status, 126, result)
    holds(result.err, "PSX001", "<string>:2:")
    minor = pysbx("check", "-c", "1").err.split("Python 3.")[1].split()[0]
    same(run("--target-version", f"3.{minor}", "-c", "1").err, "")
    result = run("--target-version", "3.8", "-c", "print(1)")
    same(result.out, b"1\n")
    if minor != "8":
        holds(result.err, f"screened as Python 3.8 but run by Python 3.{minor}")
    for bad in ("3.7", "3.15", "3", "4.0", "3.011", "3.9.1", "x", ""):
        usage_error(["--target-version", bad, "-c", "1"], "--target-version", "3.8 to 3.14")


# --- interpreter and backend

@test("--python: another one, none, a script")
def _():
    needs_isolation()
    result = run("--python", "/nonexistent/python3", "-c", "1")
    same(result.status, 127, result)
    holds(result.err, "--python /nonexistent/python3")
    with scratch() as top:
        (top / "python3").write_text("#!/bin/sh\n")
        (top / "python3").chmod(0o755)
        result = run("--python", top / "python3", "-c", "1")
        same(result.status, 125, result)
        holds(result.err, "script")


@test("backends that are not there: unavailable, 125, never another one")
def _():
    for options in (("docker", "--docker-host", "unix:///no/such.sock"), ("oci:no-such",)):
        result = run("--backend", *options, "-c", "print(1)")
        same((result.status, result.out), (125, b""), result)
        holds(result.err, "help: ")
        found = run("--json", "--backend", *options, "-c", "print(1)").json
        same(found["status"], "unavailable")
        assert "stdout" not in found and found["remedy"], found


@test("Docker's options only where Docker may be used")
def _():
    needs_isolation()
    for option in ("--docker-host", "--docker-runtime", "--image"):
        usage_error(["--backend", "native", option, "x", "-c", "1"],
                    f"{option} has no meaning with --backend native")
        same(run("--backend", "auto", option, "x", "-c", "1").status, 0, option)


@test("--seccomp strict is the native backend's only, from a file too")
def _():
    usage_error(["run", "--seccomp", "strict", "--backend", "oci:runc", "-c", "1"][1:], "--seccomp strict", "--backend native")
    usage_error(["--seccomp", "kill", "-c", "1"], "--seccomp", "notify", "strict")
    with scratch() as top:
        (top / "conf").write_text("seccomp = strict\n")
        usage_error(["--config", str(top / "conf"), "--backend", "oci:runc", "-c", "1"], "--seccomp strict")
        needs_isolation()
        code = "import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)"
        same(run("--guard", "off", "--config", str(top / "conf"), "-c", code).status, 159)


@test("--backend native and --require are kept")
def _():
    needs_isolation()
    found = run("--backend", "native", "--require", "minimal", "--json", "-c", "1").json
    same(found["isolation"]["backend"], "native")
    tier = found["isolation"]["tier"]
    status = run("--require", "full", "-c", "1").status
    same(status, 0 if tier == "full" else 125)


# --- how a run ends

@test("the exit status is the program's own")
def _():
    needs_isolation()
    for wanted in (0, 1, 3, 124, 125, 126, 127, 255):
        same(run("-c", f"raise SystemExit({wanted})").status, wanted)
    result = run("-c", "1 / 0")
    same(result.status, 1, result)
    holds(result.err, "ZeroDivisionError", '<string>", line 1')


@test("death by a signal: 128+N, named")
def _():
    needs_isolation()
    code = "import faulthandler; faulthandler._sigsegv()"
    result = run("-c", code)
    same(result.status, 139, result)
    holds(result.err, "SIGSEGV")
    found = run("--json", "-c", code).json
    same((found["status"], found["signal"]), ("signal", "SIGSEGV"))


@test("a refused system call is named; the program goes on")
def _():
    needs_isolation()
    code = "import ctypes; print(ctypes.CDLL(None).syscall(101, 16, ctypes.c_ulong(2**64 - 1), 0, 0x1f, 5, 6))"
    result = run("--guard", "off", "--json", "-c", code)
    same(result.json["stdout"], "-1\n", result)
    if "seccomp-listener" in result.json["isolation"]["layers"]:
        (denied,) = result.json["denied_syscalls"]
        same((denied["name"], denied["count"]), ("ptrace", 1))
        # Each as the register had it, which is all that the kernel was given.
        same(denied["args"], ["0x10", "0xffffffffffffffff", "0x0", "0x1f", "0x5", "0x6"])
        holds(run("--guard", "off", "-c", code).err, "system calls refused: ptrace (1)")


@test("a traceback names the caller's file")
def _():
    needs_isolation()
    with scratch() as top:
        (top / "report.py").write_text("\n\n1 / 0\n")
        holds(run(top / "report.py").err, "report.py", "line 3")


@test("-q silences notes, not the program and not a failure")
def _():
    needs_isolation()
    same(run("-q", "-t", "200ms", "-c", "while True: pass").err, "")
    result = run("-q", "-c", "1 / 0")
    holds(result.err, "ZeroDivisionError")
    holds(run("-q", "nofile").err, "nofile: file not found")


@test("--verbose prints isolation, usage and steps")
def _():
    needs_isolation()
    result = run("--verbose", "-c", "print(1)")
    same(result.out, b"1\n")
    holds(result.err, "pysbx: isolation: native, ", "pysbx: usage: wall ", "pysbx: step: ",
          "pivot_root", " us\n", "pysbx: python: ")
    steps = dict(re.findall(r"^pysbx: step: (.*?) +([0-9.]+) us$", result.err, re.M))
    table = (tap.TOP / "runtime/steps.def").read_text()
    missing = [name for name in re.findall(r'^STEP\(\w+, "([^"]+)"', table, re.M) if name not in steps]
    same(missing, [])
    # One after the other they are the whole time; the steps themselves are within "all steps".
    parts = ["settings, program, begin of the guard", "prepare (supervisor)", "wait for the guard", "clone the init",
             "all steps, up to the exec", "the program", "end of the last process", "output and result"]
    whole, total = float(steps["all of it"]), sum(float(steps[part]) for part in parts)
    assert 0.8 * whole <= total <= whole * 1.001, (total, whole, steps)


# --- the rest of the command line

@test("help, version, unknown commands")
def _():
    for words in (["--help"], ["-h"], ["help"]):
        result = pysbx(*words)
        same((result.status, result.err), (0, ""), words)
        holds(result.text, "usage: pysbx COMMAND", "run", "check", "doctor", "version")
    for command in ("run", "check", "ast", "doctor", "version"):
        result = pysbx("help", command)
        same((result.status, result.err), (0, ""), result)
        holds(result.text, f"usage: pysbx {command}")
        same(pysbx(command, "--help").out, result.out)
    for words, parts in ((["rnu"], ["unknown command 'rnu'", "did you mean 'pysbx run'?"]),
                         (["--frob"], ["unknown option '--frob'"]), ([], ["a command is missing"]),
                         (["help", "chekc"], ["did you mean 'pysbx check'?"])):
        result = pysbx(*words)
        same((result.status, result.out), (2, b""), words)
        holds(result.err, *parts)


@test("version, as text and JSON")
def _():
    text = pysbx("version").text
    same(pysbx("--version").text, text)
    found = pysbx("version", "--json").json
    same(found["python"], [f"3.{minor}" for minor in range(8, 15)])
    holds(text, f"pysbx {found['version']}\n", "3.8 to 3.14", found["default_policy"])
    usage_error(["--jsn"], "unexpected '--jsn'", command="version", status=2)


@test("nothing of a message reaches a terminal as a control")
def _():
    result = run("\x1b[31mno\n\u202efile")
    same(result.status, 127)
    holds(result.err, "\\x1b[31mno\\x0a\\u202efile")
    holds(run("--policy", "\x1bx", "-c", "1").err, "\\x1bx")


main()
