#!/usr/bin/env python3
"""P193: whatever is taken away from the settings of a run, the program never gets more for it.

Chains of random settings, each with less than the one before: what a program can get is measured under each. An empty or
unknown value is never taken for "no limit". Prints TAP. PYSBX_TEST_SEED says where the random numbers begin, and
PYSBX_TEST_CHAINS how many chains there are to be (default 2 for each caller).
"""

import json
import os
import random
import re
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from sandbox import main

SEED = int(os.environ.get("PYSBX_TEST_SEED") or 1)
CHAINS = int(os.environ.get("PYSBX_TEST_CHAINS") or 2)
LENGTH = 4

# What may be had, most first. None: the option is left out.
SIZES = {
    "--memory": ("256M", "128M", "96M", "64M"),
    "--pids-limit": ("24", "12", "5", "2"),
    "--nofile": ("300", "128", "64", "20"),
    "--fsize": ("2M", "1M", "64K", "0"),
    "--tmpfs-size": ("4M", "2M", "256K", "64K"),
    "--max-output": ("50K", "10K", "100", "0"),
    "--seccomp": (None, "strict"),
}
SETS = {"--file": ("a.txt", "d/b.txt", "c.py"), "--env": ("A=1", "B=2"), "--fetch": ("*.txt", "*.bin")}

# Each act goes on until it is refused, and cleans up; a limit that another one meets first is no matter.
MEASURE = """
import ctypes, json, os, resource, sys, threading
got = {"environment": sorted(os.environ), "inputs": sorted(os.path.join(top, name) for top, _, names in os.walk("/sandbox") for name in names),
       "limits": [resource.getrlimit(number)[1] for number in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)]}
def until(act, most):
    for number in range(most):
        try: act(number)
        except (OSError, RuntimeError): return number
    return most
held = []
got["descriptors"] = until(lambda n: held.append(os.open("/dev/null", os.O_RDONLY)), 400)
for fd in held: os.close(fd)
fd = os.open("f", os.O_CREAT | os.O_WRONLY)
got["length"] = until(lambda n: os.pwrite(fd, bytes(4096), 4096 * n), 700)
os.close(fd); os.unlink("f")
def fill(n):
    with open(f"f{n}", "wb", buffering=0) as file: assert file.write(bytes(4096)) == 4096
def kept(n):
    try: fill(n)
    except AssertionError: raise OSError from None
got["files"] = until(kept, 1200)
for name in os.listdir():
    if name.startswith("f"): os.unlink(name)
got["names"] = until(lambda n: os.close(os.open(f"f{n}", os.O_CREAT)), 1200)
for name in os.listdir():
    if name.startswith("f"): os.unlink(name)
libc, survived = ctypes.CDLL(None), 0
for number in (39, 149, 165, 101):
    try: child = os.fork()
    except OSError: break
    if child == 0:
        libc.syscall(number, 0, 0, 0, 0)
        os._exit(0)
    survived += os.waitpid(child, 0)[1] == 0
got["calls"] = survived
try:
    os.mkdir("out")
    for name in ("a.txt", "b.bin"): open("out/" + name, "w").close()
except OSError: pass
stop = threading.Event()
def start(n):
    thread = threading.Thread(target=stop.wait)
    thread.start()
got["threads"] = until(start, 40)
stop.set()
os.write(2, json.dumps(got).encode())
os.write(1, b"x" * 60000)
"""
# As much as is given, told step by step: the end may come without a word.
MEMORY = """
import os
held = []
for n in range(24):
    held.append(b"x" * (8 << 20))
    os.write(2, b"%d " % n)
"""


def words(settings, inputs):
    found = ["-t", "60s", "--cpu-time", "60s", "--cpus", "2"]
    for name, value in settings.items():
        if name in SIZES and value is not None:
            found += [name, value]
        for one in value if name in SETS else ():
            found += [name, f"{one}={inputs}" if name == "--file" else one]
    return found


def with_less(settings, chance):
    """One to three things fewer."""
    less = {name: list(value) if name in SETS else value for name, value in settings.items()}
    for name in chance.sample(sorted(less), chance.randint(1, 3)):
        if name in SETS and less[name]:
            less[name].remove(chance.choice(less[name]))
        elif name in SIZES:
            rest = SIZES[name][SIZES[name].index(less[name]) + 1:]
            less[name] = chance.choice(rest) if rest else less[name]
    return less


def measured(caller, settings, inputs):
    """What a program got under these; sets and numbers."""
    # The figures come on standard error, unless that is too short by now.
    options = words(settings, inputs)
    status, result = caller.run(MEASURE, *options)
    assert result["status"] == "ok", (settings, status, result)
    got = json.loads(result["stderr"]) if not result["stderr_truncated"] else {}
    got["output"] = len(result["stdout"])
    got["fetched"] = [file["name"] for file in result.get("files", [])]
    _, result = caller.run(MEMORY, *options)
    assert result["status"] in ("ok", "oom", "signal", "nonzero"), (settings, result)
    # Where it is polled, how far one gets is a matter of moments.
    if not result["stderr_truncated"] and "memory-limit" in result["isolation"]["layers"]:
        got["memory"] = len(result["stderr"].split())
    got["layers"] = result["isolation"]["layers"]
    return got


def exceeds(name, less, more):
    if name == "layers":
        # Under --seccomp strict nobody is left to be named.
        return set(more) - set(less) - {"seccomp-listener"}
    if isinstance(less, list) and name != "limits":
        return set(less) - set(more)
    if isinstance(less, list):
        return any(a > b for a, b in zip(less, more))
    # Of memory 8 MiB is the step; what a run needs itself is never quite the same.
    return less > more + (name == "memory")


def chain(number):
    def test(caller):
        chance = random.Random(f"{SEED} {number}")
        with tempfile.TemporaryDirectory(prefix="pysbx-test-") as place:
            os.chmod(place, 0o755)
            inputs = Path(place, "input")
            inputs.write_text("")
            inputs.chmod(0o644)
            settings = {name: values[0] for name, values in SIZES.items()} | {name: list(values) for name, values in SETS.items()}
            more = measured(caller, settings, inputs)
            assert more["threads"] > 10 and more["calls"] == 4 and more.get("memory", 24) > 10 and len(more["fetched"]) == 2, more
            for _ in range(LENGTH - 1):
                before, settings = settings, with_less(settings, chance)
                less = measured(caller, settings, inputs)
                over = {name: (less[name], more[name]) for name in less if name in more and exceeds(name, less[name], more[name])}
                assert not over, f"{words(settings, 'x')} gets more than {words(before, 'x')}: {over}"
                more |= less
    test.__doc__ = f"P193: whoever is given less never gets more (chain {number})"
    return test


def no_value_is_no_limit(caller):
    """P193: an empty, null or endless value is an error, by the command line, the environment and a file; never no limit"""
    rows = re.findall(r'"([a-z-]+)"', Path(tap.TOP, "cli/options.def").read_text(encoding="utf-8"))
    limits = [name for name in ("memory", "cpus", "timeout", "cpu-time", "pids-limit", "nofile", "fsize", "tmpfs-size", "max-output") if name in rows]
    assert len(limits) == 9, limits
    with tempfile.TemporaryDirectory(prefix="pysbx-test-") as place:
        os.chmod(place, 0o755)
        file = Path(place, "pysbx.conf")
        for name in limits:
            for value in ("", "null", "none", "unlimited", "infinity", "-1", "1e400", "99999999999999999999"):
                file.write_text(f"{name} = {value}\n")
                file.chmod(0o644)
                ways = [("line", (f"--{name}={value}",), {}), ("file", ("--config", str(file)), {})]
                if value:  # An empty variable is one that is not set.
                    ways.append(("variable", (), {f"PYSBX_{name.replace('-', '_').upper()}": value}))
                for way, options, variables in ways if value in ("", "null", "-1") else ways[:1]:
                    status, out, err = caller.call("run", "--guard", "off", *options, "-c", "print('ran')", env={
                        "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables})
                    assert status == 125 and not out and name in err.decode().lower().replace("_", "-"), (way, name, value, status, out, err)
        told = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
        file.write_text("# nothing\n")
        by_default = caller.output(told)
        for options, variables in ((("--config", str(file)), {}), ((), {"PYSBX_NOFILE": ""})):
            assert caller.output(told, *options, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables}) == by_default


def policies(_):
    """P193: of the guard's policies the stricter accepts no program that the other refuses; what is allowed less is not accepted more"""
    programs = ["print(1)", "import os", "import os\nos.system('id')", "import subprocess", "import socket", "import ctypes", "import json",
                "import sys\nsys.exit(1)", "import threading", "import math", "import numpy", "import importlib", "open('x')", "open('x', 'w')",
                "eval('1')", "exec('1')", "compile('1', 'x', 'eval')", "__import__('os')", "getattr(1, 'x')", "().__class__.__bases__",
                "import pickle", "import asyncio", "import http.client", "import shutil", "import multiprocessing", "globals()", "vars()",
                "import builtins", "from os import path", "import signal", "input()", "type(1)", "import resource", "breakpoint()"]
    lines = ["allow import os", "allow import subprocess", "allow import socket", "allow call open", "allow call eval", "allow import ctypes",
             "allow import numpy", "allow import importlib", "allow attribute os.system", "allow name __import__"]
    chance = random.Random(f"{SEED} policies")
    with tempfile.TemporaryDirectory(prefix="pysbx-test-") as place:
        files = []
        for number, text in enumerate(programs):
            files.append(Path(place, f"{number}.py"))
            files[-1].write_text(text + "\n")

        def accepted(policy):
            done = tap.command(tap.PYSBX, "check", "--json", "--target-version", "3.11", "--policy", policy, *files)
            told = [json.loads(line) for line in done.stdout.splitlines()]
            assert len(told) == len(files) and done.returncode in (0, 1), done
            return {entry["file"] for entry in told if entry["verdict"] == "allow"}

        def by_file(text):
            Path(place, "policy").write_text(text)
            return accepted(Path(place, "policy"))

        named = [accepted(name) for name in ("strict", "standard", "permissive")]
        assert named[0] <= named[1] <= named[2] and named[0] < named[2], named
        assert by_file("") <= named[1] and by_file("# nothing\n") <= named[1]
        for base in ("strict", "standard"):
            some = chance.sample(lines, len(lines))
            more = by_file(f"extends {base}\n" + "\n".join(some) + "\n")
            assert more > accepted(base)
            while some:
                some.pop()
                less = by_file(f"extends {base}\n" + "".join(line + "\n" for line in some))
                assert less <= more, (base, some, less - more)
                more = less
            assert more == accepted(base)


TESTS = [chain(number) for number in range(1, CHAINS + 1)] + [no_value_is_no_limit, policies]

if __name__ == "__main__":
    sys.exit(main(TESTS))
