#!/usr/bin/env python3
"""pysbx inside a container of Docker's with its default settings: tier minimal, and what doctor says of it.

The daemon is the test's own (docker.py). Prints TAP. By hand, as root: python3 tests/runtime/test_docker.py
"""

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from docker import Daemon
from sandbox import needs_plain_build

daemon = None


def result_of(done):
    return json.loads(done.stdout.splitlines()[-1])


def run_inside(code, *args, options=()):
    return daemon.run("/usr/bin/pysbx", "run", "--guard", "off", "--json", *args, "-c", code, options=options)


def no_landlock_inside():
    report = result_of(daemon.run("/usr/bin/pysbx", "doctor", "--json"))
    return not next(check for check in report["checks"] if check["name"] == "landlock")["ok"]


def test_default_refuses():
    """a run with the defaults is refused, and the message says what would be accepted"""
    done = run_inside("print('r' + 'an')")
    result = result_of(done)
    assert done.returncode == 125 and result["status"] == "unavailable", result
    assert "ran" not in done.stdout and ("--require minimal" in result["remedy"]) != no_landlock_inside(), result


def test_minimal(*options):
    """--require minimal runs, says so, and names what is missing"""
    if no_landlock_inside():
        done = run_inside("print('r' + 'an')", "--require", "minimal", options=options)
        assert done.returncode == 125 and "ran" not in done.stdout, done
        raise tap.Skip("refused, as it must be: no Landlock in a container here")
    result = result_of(run_inside("import os; print(sum(range(10)))", "--require", "minimal", options=options))
    assert result["status"] == "ok" and result["stdout"] == "45\n", result
    isolation = result["isolation"]
    assert isolation["tier"] == "minimal", isolation
    assert {"nnp", "seccomp", "landlock"} <= set(isolation["layers"]), isolation
    assert {"user", "mount", "pid", "net", "ipc", "uts", "cgroup", "proc", "memory-limit"} <= set(isolation["missing"])
    assert ("caps" in isolation["layers"]) == (not options), isolation


def test_minimal_plain_user():
    """the same as a plain user inside"""
    test_minimal("--user=1000:1000")


def test_minimal_read_only():
    """the same in a container whose root is read-only and that has a small /tmp"""
    test_minimal("--read-only", "--tmpfs=/tmp", "--user=1000:1000")


def test_no_capabilities():
    """root without capabilities: refused, for the program would be root outside"""
    done = run_inside("print('r' + 'an')", "--require", "minimal", options=("--cap-drop=ALL",))
    assert done.returncode == 125 and "ran" not in done.stdout and result_of(done)["remedy"], done


def test_doctor():
    """doctor says what is absent, and that a run with --require minimal works"""
    done = daemon.run("/usr/bin/pysbx", "doctor", "--json")
    report = result_of(done)
    assert done.returncode == 1 and not report["available"], report
    checks = {check["name"]: check for check in report["checks"]}
    assert not checks["user-namespace"]["ok"] and not checks["cgroup"]["ok"], checks
    assert report["tier"] == ("minimal" if checks["landlock"]["ok"] else "none"), report
    assert checks["minimal"]["ok"] == checks["landlock"]["ok"], checks["minimal"]


def test_holds_inside():
    """the container's own files, processes and network are kept from the program"""
    if no_landlock_inside():
        raise tap.Skip("no Landlock in a container here")
    result = result_of(run_inside("""
import json, os, socket
found = {}
for name, act in (("root", lambda: os.listdir("/")), ("passwd", lambda: open("/etc/passwd")), ("proc", lambda: os.listdir("/proc")),
                  ("environ", lambda: open("/proc/1/environ")), ("write", lambda: open("/tmp/new", "w")),
                  ("kill", lambda: os.kill(1, 9)), ("socket", socket.socket), ("program", lambda: open("/usr/bin/pysbx", "rb"))):
    try:
        act()
        found[name] = 0
    except OSError as error:
        found[name] = error.errno
print(json.dumps(found))
""", "--require", "minimal"))
    found = json.loads(result["stdout"])
    assert len(found) == 8 and 0 not in found.values(), found


def test_limits():
    """memory, clock and processes hold inside"""
    if no_landlock_inside():
        raise tap.Skip("no Landlock in a container here")
    for wanted, args, code in (
            ("oom", ("-m", "64M"), "import time; x = bytearray(300 << 20); time.sleep(20)"),
            ("timeout", ("-t", "300ms"), "import time; time.sleep(20)"),
            ("timeout", ("-t", "1s", "--cpu-time", "9s"), "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass")):
        result = result_of(run_inside(code, "--require", "minimal", *args))
        assert result["status"] == wanted, (wanted, result)


if __name__ == "__main__":
    tests = [test_default_refuses, test_minimal, test_minimal_plain_user, test_minimal_read_only, test_no_capabilities,
             test_doctor, test_holds_inside, test_limits]
    try:
        needs_plain_build("more memory than a run has")
        daemon = Daemon()
        daemon.image()
    except tap.Skip as reason:
        print(f"1..1\nok 1 - pysbx in a Docker container # SKIP {reason}")
        sys.exit(0)
    try:
        code = tap.run(tests)
    finally:
        daemon.close()
    sys.exit(code)
