"""pysbx run, as a whole program: every option, every exit status, every message. Prints TAP."""

import base64
import json
import os
import pty
import select
import signal
import subprocess
import time

from cli import (clean_environment, holds, main, needs_isolation, pysbx, run, same, schema, scratch,
                 tap, test)


def usage_error(words, *parts, command="run", status=125):
    result = pysbx(command, *words)
    same(result.status, status, f"{words}: {result}")
    same(result.out, b"", f"{words}")
    assert result.err.startswith("pysbx: "), result
    holds(result.err, *parts)


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


# --- limits

@test("the wall clock limit: 124, named with its value and option")
def _():
    needs_isolation()
    for code in ("while True: pass", "import time; time.sleep(30)"):
        result = run("-t", "400ms", "--cpu-time", "20s", "-c", code)
        same(result.status, 124, result)
        holds(result.err, "wall-clock limit of 400ms", "--timeout")
    same(run("-t", "0.4", "--cpu-time=20s", "--json", "-c", code).json["status"], "timeout")


@test("the CPU time limit: 124")
def _():
    needs_isolation()
    words = ["--cpu-time", "300ms", "--cpus", "1", "-t", "20s", "-c", "while True: pass"]
    result = run(*words)
    same(result.status, 124, result)
    holds(result.err, "300ms", "--cpu-time")
    same(run("--json", *words).json["status"], "cpu_timeout")


@test("the memory limit: 137")
def _():
    needs_isolation()
    words = ["-m", "48M", "-c", "x = bytearray(400 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1"]
    result = run(*words)
    same(result.status, 137, result)
    holds(result.err, "memory limit of 48M", "--memory")
    found = run("--json", *words).json
    same((found["status"], found["signal"]), ("oom", "SIGKILL"))


@test("a flood of output: 137, head and tail kept")
def _():
    needs_isolation()
    words = ["--max-output", "4k", "-t", "20s", "-c", "while True: print('x' * 1000)"]
    result = run(*words, stdout=subprocess.DEVNULL)
    same(result.status, 137, result)
    holds(result.err, "output limit", "--max-output")
    same(run("--json", *words).json["status"], "output_limit")


@test("the process limit, the file size and /tmp are named")
def _():
    needs_isolation()
    code = ("import posix\n"
            "try:\n    for i in range(40):\n        if posix.fork() == 0:\n            while True: pass\n"
            "except OSError as e: print(e.errno)")
    found = run("--pids-limit", "8", "-t", "3s", "--json", "-c", code).json
    holds(found["stdout"], "11")
    # Without a control group the kernel counts no refused fork.
    if {"cgroup1", "cgroup2"} & set(found["isolation"]["layers"]):
        holds(found["limits_hit"], "pids")
    code = ("import pathlib\ntry: pathlib.Path('/tmp/f').write_bytes(b'x' * (1 << 20))\n"
            "except OSError as e: print(e.errno)")
    found = run("--tmpfs-size", "256k", "--json", "-c", code).json
    same((found["stdout"], found["limits_hit"]), ("28\n", ["tmpfs"]))
    found = run("--fsize", "64k", "--json", "-c", code).json
    same((found["stdout"], found["limits_hit"]), ("27\n", ["fsize"]))
    deep = code.replace("'/tmp/f'", "'/dev/shm/a/b/f'").replace("try: ", "try: pathlib.Path('/dev/shm/a/b').mkdir(0o700, parents=True); ")
    same(run("--fsize", "64k", "--json", "-c", deep).json["limits_hit"], ["fsize"])
    found = run("--fsize", "1025k", "--json", "-c", code).json
    same((found["stdout"], found["limits_hit"]), ("", []))


@test("a program that fails of a limit: which limit, its value, the option that raises it")
def _():
    needs_isolation()
    write = "open('/tmp/f', 'wb', buffering=0).write(b'x' * 65536)\nopen('/tmp/f', 'ab', buffering=0).write(b'x')"
    died = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n" + write
    for words, code, status, said, option in (
            (["--fsize", "64k"], write, 1, "file size limit of 64K reached", "--fsize"),
            (["--fsize", "64k"], died, 128 + signal.SIGXFSZ, "file size limit of 64K reached", "--fsize"),
            (["--tmpfs-size", "64k"], write, 1, "/tmp size limit of 64K reached", "--tmpfs-size")):
        words = ["--guard", "off", *words]
        result = run(*words, "-c", code)
        same(result.status, status, result)
        holds(result.err, said, "raise it with " + option)
        same(result.err.count(said), 1, result)
        same("reached" in run("-q", *words, "-c", code).err, False)
        found = run("--json", *words, "-c", code).json
        holds(found["message"], said)
        same(found["remedy"], "raise it with " + option)
    # A byte less than a limit, and nobody speaks of it.
    less = "open('/tmp/f', 'wb', buffering=0).write(b'x' * {})\nraise SystemExit(1)"
    for option, size in (("--fsize", 65535), ("--tmpfs-size", 65536 - 4096)):
        found = run("--guard", "off", option, "64k", "--json", "-c", less.format(size)).json
        same((found["message"], "remedy" in found, found["limits_hit"]),
             ("the program ended with exit status 1", False, []), option)


@test("what only the program knows, too many open files, is said to be its own word")
def _():
    needs_isolation()
    code = "fds = []\nwhile True: fds.append(open('/dev/null'))"
    found = run("--guard", "off", "--nofile", "16", "--json", "-c", code).json
    same((found["status"], found["limits_hit"], found["remedy"]), ("nonzero", [], "raise it with --nofile"))
    holds(found["message"], "by its own words the open files limit of 16 reached")
    holds(run("--guard", "off", "--nofile", "16", "-c", code).err,
          "by the program's own words the open files limit of 16 reached; raise it with --nofile")
    for said in ("OSError: [Errno 2] No such file", "x OSError: [Errno 24]", ""):
        found = run("--guard", "off", "--json", "-c", f"import sys\nsys.exit({said!r} + '\\n')").json
        same("remedy" in found, False, found)


@test("pids_limit is the status of what died of it, not of what went on")
def _():
    needs_isolation()
    threads = "import sys, threading, time\ntry:\n    while True: threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n"
    words = ["--guard", "off", "--pids-limit", "6", "--json", "-c"]
    for caught, status, code in (("raise", "pids_limit", 1), ("pass\nsys.exit(3)", "nonzero", 3), ("pass", "ok", 0)):
        found = run(*words, threads + "except RuntimeError: " + caught).json
        same((found["status"], found["exit_code"]), (status, code), caught)
        # Who neither dies of it nor is counted by a control group may be missed.
        counted = "memory-limit" not in found["isolation"]["missing"]
        same(found["limits_hit"] or (not counted and status != "pids_limit" and ["pids"]), ["pids"], caught)
        same("process limit of 6 reached" in found["message"], status != "ok" and bool(found["limits_hit"]), found)
    # The same words for another reason, with the kernel's count against them.
    code = "import os\nr, w = os.pipe()\nos.set_blocking(r, False)\nos.read(r, 1)"
    found = run(*words, code).json
    same((found["status"], found["limits_hit"]), ("nonzero", []), found)


@test("a flood ends the run at 64 times what is kept, and says so")
def _():
    needs_isolation()
    write = "import os\nfor i in range(%d): os.write(1, b'x' * 1024)"
    for size, blocks, said in (("2k", 128, "128K"), ("0", 64, "64K"), ("1k", 64, "64K")):
        words = ["--guard", "off", "--max-output", size, "--json", "-c"]
        same(run(*words, write % blocks).json["status"], "ok", size)
        found = run(*words, write % blocks + "\nos.write(1, b'x')\nwhile True: pass").json
        same(found["status"], "output_limit", size)
        holds(found["message"], f"output flood limit of {said} reached")
        same(found["remedy"], "raise it with --max-output")


@test("dropped output is announced between head and tail, with counts")
def _():
    needs_isolation()
    code = "print('A' * 50 + 'B' * 1000 + 'C' * 49)"
    result = run("--max-output", "100", "-c", code)
    same(result.text, "A" * 50 + "C" * 49 + "\n", result)
    holds(result.err, "stdout: 1000 of 1100 bytes dropped here: output limit of 100B reached; raise it with --max-output")
    same(run("-q", "--max-output", "100", "-c", code).err, "")
    found = run("--json", "--max-output", "100", "-c", code).json
    same((found["stdout_bytes"], found["stdout_truncated"], found["stdout_head_bytes"]),
         (1100, True, 50))
    same(found["limits_hit"], ["output"])


@test("a cut through a character leaves text, not base64")
def _():
    needs_isolation()
    for size in range(100, 108):
        found = run("--json", "--max-output", str(size), "-c", "print('€' * 1000)").json
        same(found["stdout_encoding"], "utf-8", size)
        assert set(found["stdout"].strip()) == {"€"}, found
        same(len(found["stdout"].encode()[:found["stdout_head_bytes"]].decode()) > 10, True)


@test("bad values: the option, what is wrong, what is legal; 125")
def _():
    for option, value, *parts in (
            ("--memory", "12Q", "'12Q' is not a size", "k, M or G", "from 16M to"),
            ("-m", "1M", "--memory: 1M is out of range", "16M"),
            ("--memory", "-1", "'-1' is not a size"),
            ("--memory", "99999999999999999999", "out of range"),
            ("--timeout", "soon", "'soon' is not a duration", "ms, s, m or h"),
            ("--timeout", "0", "out of range", "1ms to"),
            ("--cpu-time", "8d", "'8d' is not a duration"),
            ("--cpus", "none", "'none' is not a number of CPUs", "0.5"),
            ("--cpus", "0.001", "out of range", "from 0.01 to 1024"),
            ("--pids-limit", "0", "out of range", "from 1 to 32768"),
            ("--pids-limit", "1.5", "is not a whole number"),
            ("--nofile", "3", "out of range", "from 16"),
            ("--fsize", "x", "is not a size"),
            ("--tmpfs-size", "1", "out of range", "64K"),
            ("--max-output", "2G", "out of range", "1G"),
            ("--guard", "on", "'on' is not a legal value", "enforce, warn or off"),
            ("--require", "ful", "did you mean full?", "reduced"),
            ("--backend", "nativ", "did you mean native?", "oci:NAME"),
            ("--backend", "oci:", "not a legal value"),
            ("--color", None, None),
            ("--status-fd", "x", "is not a whole number"),
            ("--status-fd", "1", "out of range", "from 3"),
            ("--profile", "tihgt", "there is no profile 'tihgt'", "did you mean 'tight'?"),
            ("--profile", "zzzzzz", "no profile 'zzzzzz'", "built in: default, tight"),
            ("--env", "X", "--env X: is not NAME=VALUE"),
            ("--env", "1X=2", "is not NAME=VALUE"),
            ("--env", "=2", "is not NAME=VALUE"),
            ("--file", "x", "--file x: is not NAME=PATH"),
            ("--file", "=x", "is not NAME=PATH"),
            ("--file", "../x=/etc/hostname", "--file ../x"),
            ("--file", "/x=/etc/hostname", "--file /x"),
            ("--stdin", "/nonexistent", None)):
        if parts[0]:
            usage_like = run(option, value, "-c", "1")
            same(usage_like.status, 125, (option, value, usage_like))
            holds(usage_like.err, option if option.startswith("--") else "", *parts)


@test("--color and flags take a value after =, and only a legal one")
def _():
    usage_error(["--color=blue", "-c", "1"], "--color: 'blue' is not a legal value")
    usage_error(["--json=maybe", "-c", "1"], "--json: 'maybe' is neither yes nor no")
    for words, coloured in ((["--color"], True), (["--color=always"], True),
                            (["--color=never"], False), ([], False)):
        result = run(*words, "-c", "import os")
        same("\x1b[" in result.err, coloured, words)


@test("the tight profile has its own limits and demands the full tier")
def _():
    needs_isolation()
    code = "x = bytearray(200 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\nprint(1)"
    same(run("-c", code).status, 0)
    result = run("-p", "tight", "-c", code)
    same(result.status if "tier" not in result.err else 137, 137, result)


# --- files, input, environment

@test("standard input: empty, a file, a pipe")
def _():
    needs_isolation()
    code = "from argparse import _sys; print(repr(_sys.stdin.read()))"
    same(run("-c", code, stdin=b"not for you").text, "''\n")
    same(run("-i", "-", "-c", code, stdin=b"for you").text, "'for you'\n")
    with scratch() as top:
        (top / "in").write_text("from a file")
        same(run("--stdin", top / "in", "-c", code).text, "'from a file'\n")
        for name, status, part in (("none", 127, "No such file"), (".", 125, "is a directory")):
            result = run("--stdin", top / name, "-c", code)
            same(result.status, status, result)
            holds(result.err, "--stdin", part)
    usage_error(["-", "--stdin", "-"], "both come from standard input")


@test("--file shows a file by its name, read-only")
def _():
    needs_isolation()
    with scratch() as top:
        (top / "data.csv").write_text("a,b\n1,2\n")
        (top / "helper.py").write_text("def twice(x): return 2 * x\n")
        code = ("import pathlib, helper\n"
                "print(pathlib.Path('in/data.csv').read_text(), helper.twice(21))\n"
                "try: pathlib.Path('in/data.csv').write_text('x')\n"
                "except OSError as e: print('refused', e.errno)")
        result = run("--file", f"in/data.csv={top}/data.csv", "--file",
                     f"helper.py={top}/helper.py", "-c", code)
        same(result.status, 0, result)
        holds(result.text, "a,b\n1,2\n 42\nrefused 30")
        result = run("--file", f"x={top}/none", "-c", "1")
        same(result.status in (125, 127), True, result)
        holds(result.err, "none")


@test("--fetch brings files back, as base64 and on disk")
def _():
    needs_isolation()
    code = ("import pathlib\nout = pathlib.Path('/tmp/out')\nout.mkdir(exist_ok=True)\n"
            "(out / 'a.txt').write_text('alpha')\n(out / 'b.bin').write_bytes(bytes(range(256)))\n"
            "(out / 'link').symlink_to('/etc/passwd')")
    with scratch() as top:
        (top / "old").write_text("untouched")
        (top / "into").mkdir()
        (top / "into" / "a.txt").symlink_to(top / "old")
        found = run("--json", "--fetch", "*.txt", "--fetch", "*.bin", "--fetch", "link",
                    "--fetch-dir", top / "into", "-c", code).json
        files = {f["name"]: base64.b64decode(f["content_base64"]) for f in found["files"]}
        same(files, {"a.txt": b"alpha", "b.bin": bytes(range(256))}, found)
        same((top / "into" / "a.txt").is_symlink(), False, "a link was followed or left")
        same((top / "into" / "a.txt").read_text(), "alpha")
        same((top / "old").read_text(), "untouched")
        same((top / "into" / "b.bin").read_bytes(), bytes(range(256)))
        same(sorted(p.name for p in (top / "into").iterdir()), ["a.txt", "b.bin"])
        same(run("--fetch", "*", "--fetch-dir", top / "new", "-c", code).status, 0)
        same((top / "new" / "a.txt").read_text(), "alpha")
        (top / "new" / "a.txt").unlink()
        (top / "new" / "a.txt").mkdir()
        result = run("--fetch", "*", "--fetch-dir", top / "new", "-c", code)
        same(result.status, 125, result)
        holds(result.err, "writing the file a.txt")
    found = run("--json", "--fetch", "*", "-c", "1").json
    same((found["files"], "files_skipped" in found), ([], False))
    code = ("import os\nos.makedirs('/tmp/out')\nopen('/tmp/out/b.csv', 'w').close()\nos.link('/tmp/out/b.csv', '/tmp/out/c.csv')\n"
            "os.mkfifo('/tmp/out/f')\nos.symlink('x', '/tmp/out/l')\nopen('/tmp/out/kept', 'w').close()")
    found = run("--guard", "off", "--json", "--fetch", "*", "-c", code).json
    same(([file["name"] for file in found["files"]], found["files_skipped"]), (["kept"], 4))
    with scratch() as top:
        holds(run("--guard", "off", "--fetch", "*", "--fetch-dir", top, "-c", code).err, "4 of what --fetch asks for was left out")


@test("--fetch and --fetch-dir need each other")
def _():
    usage_error(["--fetch", "*", "-c", "1"], "no place for the files", "--fetch-dir")
    usage_error(["--fetch-dir", "/tmp", "-c", "1"], "--fetch-dir without --fetch", "--fetch '*'")
    result = run("--fetch", "*", "--fetch-dir", "/nonexistent/deep", "-c", "1")
    same(result.status, 125, result)
    holds(result.err, "--fetch-dir /nonexistent/deep")


@test("a private root by any of its names; one that is none is told by its name")
def _():
    needs_isolation()
    with scratch() as top:
        if os.geteuid() == 0:
            top.chmod(0o755)
        (top / "file").write_text("")
        (top / "empty").mkdir()
        (top / "link").symlink_to("root")
        (top / "root/usr/bin").mkdir(parents=True)
        (top / "root/usr/bin/python3").symlink_to(os.path.basename(os.path.realpath("/usr/bin/python3")))
        done = subprocess.run(["cp", "-rL", "--parents", os.path.realpath("/usr/bin/python3"), *library_files(), "."],
                              cwd=top / "root", capture_output=True, check=False)
        if done.returncode:
            raise Skip("no copy of the interpreter: " + done.stderr.decode()[-200:])
        for words in (["root"], ["root/"], ["./link"], [top / "root"], [f"{top}/root/."]):
            for guard in ("enforce", "off"):
                result = run("--guard", guard, "--rootfs", *words, "-c", "print(6 * 7)", cwd=top)
                same((result.status, result.text), (0, "42\n"), (words, guard, result))
        for guard in ("enforce", "off"):
            for name, status, *parts in (("nothere", 127, "--rootfs nothere", "No such file"), ("file", 125, "--rootfs file: is not a directory"),
                                         ("/", 125, "--rootfs /: is the host's own root"), ("", 125, "--rootfs: the name is empty"),
                                         ("empty", 127, "no Python interpreter")):
                result = run("--guard", guard, "--rootfs", name, "-c", "1", cwd=top)
                same(result.status, status, (name, guard, result))
                holds(result.err, *parts)


def library_files():
    """Every file that /usr/bin/python3 needs to print a number."""
    real = os.path.realpath("/usr/bin/python3")
    library = f"/usr/lib/{os.path.basename(real)}"
    listed = subprocess.run(["ldd", real], capture_output=True, text=True, check=False).stdout
    loaded = [word for line in listed.splitlines() for word in line.split() if word.startswith("/")]
    own = subprocess.run(["find", library, "-maxdepth", "1", "-name", "*.py"], capture_output=True, text=True, check=False).stdout.split()
    return [*loaded, *own, library + "/encodings", library + "/collections", library + "/importlib"]


@test("a missing interpreter or file is 127, with the guard and without")
def _():
    needs_isolation()
    for guard in ("enforce", "warn", "off"):
        for words in (["--python", "/nonexistent/python3"], ["--python", "nosuchpython"], ["--file", "a=/nonexistent"],
                      ["--stdin", "/nonexistent"]):
            result = run("--guard", guard, *words, "-c", "1")
            same(result.status, 127, (guard, words, result))
        for words, part in ((["--python", "/bin/ls"], "not a Python interpreter"), (["--python", ""], "--python: the name is empty"),
                            (["--stdin", ""], "--stdin: the file name is empty")):
            result = run("--guard", guard, *words, "-c", "1")
            same(result.status, 125, (guard, words, result))
            holds(result.err, part)
    holds(run("").err, "the program's file name is empty")


@test("an input file must not stand where --fetch looks")
def _():
    with scratch() as top:
        (top / "x").write_text("x")
        for name in ("out", "out/x"):
            result = run("--file", f"{name}={top}/x", "--fetch", "*", "--json", "-c", "1")
            same(result.status, 125, result)
            holds(result.json["message"], f"--file {name}", "--fetch")


@test("the environment is what -e says, nothing of the caller's")
def _():
    needs_isolation()
    code = "from argparse import _os; print(_os.environ.get('A'), _os.environ.get('SECRET'))"
    result = run("-e", "A=1=2", "--env", "B=", "-c", code, env={"SECRET": "s"})
    same(result.text, "1=2 None\n", result)
    code = "print(open('/proc/self/environ').read().replace(chr(0), chr(10)))"
    lines = run("--guard", "off", "-e", "A=1", "-e", "PATH=/q", "-e", "A=2", "-c", code).text.split("\n")
    same([line for line in lines if line.startswith(("A=", "PATH="))], ["PATH=/q", "A=2"])


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
    for backend in ("docker", "oci:runc"):
        result = run("--backend", backend, "-c", "print(1)")
        same((result.status, result.out), (125, b""), result)
        holds(result.err, f"backend '{backend}' is not in this version", "--backend native")
        found = run("--json", "--backend", backend, "-c", "print(1)").json
        same(found["status"], "unavailable")
        assert "stdout" not in found and found["remedy"], found


@test("Docker's options only where Docker may be used")
def _():
    needs_isolation()
    for option in ("--docker-host", "--docker-runtime", "--image"):
        usage_error(["--backend", "native", option, "x", "-c", "1"],
                    f"{option} has no meaning with --backend native")
        same(run("--backend", "auto", option, "x", "-c", "1").status, 0, option)


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


# --- JSON and the status descriptor

@test("--json: one object on one line, stderr silent, status the same")
def _():
    needs_isolation()
    result = run("--json", "-c", "print('a\\nb\\x1b\\x85\\u2028'); raise SystemExit(7)")
    same((result.status, result.err), (7, ""), result)
    same(result.out.count(b"\n"), 1)
    assert not any(c < 0x20 for c in result.out[:-1]), result.out
    assert "\u2028" not in result.text and "\x85" not in result.text
    same((result.json["stdout"], result.json["exit_code"]), ("a\nb\x1b\x85\u2028\n", 7))


@test("output that is no UTF-8 comes as base64, each stream by itself")
def _():
    needs_isolation()
    code = "from argparse import _sys; _sys.stdout.buffer.write(b'\\xff\\x00'); print('e', file=_sys.stderr)"
    found = run("--json", "-c", code).json
    same((found["stdout_encoding"], found["stderr_encoding"]), ("base64", "utf-8"))
    same((base64.b64decode(found["stdout"]), found["stderr"]), (b"\xff\x00", "e\n"))


@test("--json answers also where pysbx fails")
def _():
    for words, status, code in ((["nofile"], "error", 127), (["--memory", "1", "-c", "1"], "error", 125),
                                (["--memroy", "1", "-c", "1"], "error", 125), ([], "error", 125),
                                (["-c", "import os"], "rejected", 126),
                                (["--policy", "stricter", "-c", "1"], "error", 125)):
        for line in (["--json", *words], [*words, "--json"]):
            result = run(*line)
            same((result.status, result.json["status"]), (code, status), line)
            assert result.json["message"], line
            assert "exit_code" not in result.json and "stdout" not in result.json, line


@test("the schema is one, and refuses what is no result")
def _():
    validate = schema("result.schema.json")
    import jsonschema
    good = run("--json", "-c", "import os").json
    validate(good)
    for change in ({"status": "fine"}, {"exit_code": 0}, {"schema": 2}, {"surplus": 1},
                   {"guard": None}, {"stdout": ""}, {"message": 3}):
        try:
            validate({**good, **change})
        except jsonschema.ValidationError:
            continue
        raise AssertionError(f"the schema allows {change}")


@test("a refusal in JSON: message with the place, remedy, findings, no usage")
def _():
    found = run("--json", "-c", "x = 1\nimport os\nopen('x')\n").json
    holds(found["message"], "<string>:2", "'os'", "more")
    same([f["rule"] for f in found["guard"]["findings"]], ["PSX101", "PSX102"])
    same(found["guard"]["policy"], "classic")


@test("--status-fd gets the line, stdout stays the program's")
def _():
    needs_isolation()
    for words, out in (([], b"hello\n"), (["--json"], None)):
        read, write = os.pipe()
        result = run("--status-fd", str(write), *words, "-c", "print('hello')", pass_fds=[write])
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            line = pipe.read()
        found = json.loads(line)
        same((line.count(b"\n"), found["status"], found["stdout"]), (1, "ok", "hello\n"))
        same(result.out, out if out is not None else line, words)


@test("--status-fd gets an object also where the settings are wrong")
def _():
    for words, code in ((["--memory", "x", "-c", "1"], 125), (["nofile"], 127), ([], 125),
                        (["--memroy", "-c", "1"], 125), (["-c", "import os"], 126)):
        read, write = os.pipe()
        result = run("--status-fd", str(write), *words, pass_fds=[write])
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            found = json.loads(pipe.read())
        same((result.status, bool(found["message"])), (code, True), words)


@test("--status-fd must be open for writing, and its failure is told")
def _():
    usage_error(["--status-fd", "9", "-c", "1"], "--status-fd 9: is not an open descriptor")
    fd = os.open("/dev/null", os.O_RDONLY)
    result = run("--status-fd", str(fd), "-c", "1", pass_fds=[fd])
    holds(result.err, "is not open for writing")
    os.close(fd)
    needs_isolation()
    fd = os.open("/dev/full", os.O_WRONLY)
    result = run("--status-fd", str(fd), "-c", "1", pass_fds=[fd])
    os.close(fd)
    same(result.status, 125, result)
    holds(result.err, "--status-fd: No space left")


@test("the program does not inherit the status descriptor")
def _():
    needs_isolation()
    read, write = os.pipe()
    code = ("from argparse import _os\ntry: _os.fstat(%d); print('open')\n"
            "except OSError: print('closed')" % write)
    result = run("--status-fd", str(write), "-c", code, pass_fds=[write])
    os.close(read)
    os.close(write)
    same(result.out, b"closed\n", result)


# --- where output goes

@test("stdout full or closed: 125 with a message")
def _():
    needs_isolation()
    with open("/dev/full", "wb") as full:
        for words in ([], ["--json"]):
            result = run(*words, "-c", "print(1)", stdout=full)
            same(result.status, 125, result)
            holds(result.err, "standard output: No space left on device")
    done = subprocess.run(["sh", "-c", 'exec "$0" run -c "print(1)" >&-', str(tap.PYSBX)],
                          stderr=subprocess.PIPE, env=clean_environment(), check=False)
    same(done.returncode, 125, done)
    holds(done.stderr.decode(), "standard output: Bad file descriptor")


@test("a reader that stalls does not stop the clock, and gets everything in the end")
def _():
    needs_isolation()
    read, write = os.pipe()
    with scratch() as top:
        code = "print('x' * 300000, flush=True)\nwhile True: pass"
        with open(top / "status", "wb") as status:
            child = subprocess.Popen([str(tap.PYSBX), "run", "-t", "1s", "--cpu-time", "20s",
                                      "--status-fd", str(status.fileno()), "-c", code],
                                     stdout=write, stderr=subprocess.PIPE, env=clean_environment(),
                                     pass_fds=[status.fileno()])
        os.close(write)
        time.sleep(2.5)
        with os.fdopen(read, "rb") as pipe:
            same(len(pipe.read()), 300001)
        _, err = child.communicate(timeout=30)
        same(child.returncode, 124, err)
        found = json.loads((top / "status").read_text())
    assert found["usage"]["wall_ms"] < 1500, found["usage"]


@test("a reader that goes away ends the run at once")
def _():
    needs_isolation()
    read, write = os.pipe()
    started = time.monotonic()
    child = subprocess.Popen([str(tap.PYSBX), "run", "-t", "20s", "-c",
                              "import time\nwhile True: print('x' * 100, flush=True); time.sleep(.01)"],
                             stdout=write, stderr=subprocess.PIPE, env=clean_environment())
    os.close(write)
    os.read(read, 10)
    os.close(read)
    _, err = child.communicate(timeout=30)
    same(child.returncode, 125, err)
    holds(err.decode(), "standard output: Broken pipe")
    assert time.monotonic() - started < 10


@test("a signal to pysbx ends the run and then pysbx, with its JSON written")
def _():
    needs_isolation()
    validate = schema("result.schema.json")
    for number in (signal.SIGINT, signal.SIGTERM):
        with scratch() as top:
            with open(top / "status", "wb") as status:
                child = subprocess.Popen(
                    [str(tap.PYSBX), "run", "-t", "20s", "--status-fd", str(status.fileno()), "-c",
                     "print('up', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, env=clean_environment(), pass_fds=[status.fileno()])
            same(child.stdout.readline(), b"up\n")
            child.send_signal(number)
            _, err = child.communicate(timeout=20)
            found = json.loads((top / "status").read_text())
        name = signal.Signals(number).name
        same(child.returncode, -number, err)
        holds(err.decode(), f"interrupted by {name}")
        validate(found)
        same((found["status"], found["message"]), ("error", f"interrupted by {name}"))


def on_a_terminal(*words):
    """What a person would see."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(clean_environment({"TERM": "xterm", "PATH": "/usr/bin:/bin"}))
        os.execv(str(tap.PYSBX), [str(tap.PYSBX), *words])
    seen = b""
    while select.select([terminal], [], [], 30)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.waitpid(child, 0)
    os.close(terminal)
    return seen.replace(b"\r\n", b"\n").decode("utf-8", "replace")


@test("on a terminal controls are made visible, elsewhere the bytes pass as they are")
def _():
    needs_isolation()
    code = ("from argparse import _sys\n_sys.stdout.buffer.write("
            "b'a\\x1b[2J\\tb\\n\\xc2\\x9b\\xe2\\x80\\xae\\xff\\x07\\r\\xc3\\xa9\\n')")
    seen = on_a_terminal("run", "-c", code)
    same(seen, "a\\x1b[2J\tb\n\\x9b\\u202e\\xff\\x07\\x0dé\n")
    same(run("-c", code).out, b"a\x1b[2J\tb\n\xc2\x9b\xe2\x80\xae\xff\x07\r\xc3\xa9\n")


@test("on a terminal a character in two pieces stays one")
def _():
    needs_isolation()
    code = ("from argparse import _sys\nimport time\nfor b in 'é€😀'.encode() + b'\\xe2\\x82':\n"
            "    _sys.stdout.buffer.write(bytes([b])); _sys.stdout.flush(); time.sleep(.03)")
    same(on_a_terminal("run", "-c", code), "é€😀\\xe2\\x82")


@test("output passes while the program runs, in order")
def _():
    needs_isolation()
    code = "import time\nfor i in range(3): print(i, flush=True); time.sleep(.4)"
    child = subprocess.Popen([str(tap.PYSBX), "run", "-c", code], stdout=subprocess.PIPE,
                             env=clean_environment())
    times = []
    for line in child.stdout:
        times.append(time.monotonic())
    child.wait()
    same(len(times), 3)
    assert times[2] - times[0] > .5, times


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
