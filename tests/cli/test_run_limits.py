"""pysbx run's limits, as its user meets them: status, message, legal values. Prints TAP."""

import base64
import json
import os
import signal
import subprocess
import time

from cli import holds, main, needs_isolation, run, same, test, usage_error


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


main()
