"""pysbx doctor: its report, its JSON, and what it says where isolation is refused.

Prints TAP. By hand: python3 tests/cli/test_doctor.py, from the top of the tree, after a build.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap  # noqa: E402

PROBES = re.findall(r'^PROBE\(\w+, "([\w-]+)", ".*", (\w+), \w+\)$',
                    (tap.TOP / "runtime" / "probe.def").read_text(encoding="utf-8"), re.M)
NAMES = [name for name, _ in PROBES]
NEED = dict(PROBES)


def examine(*within, program=tap.PYSBX):
    """The parsed JSON and the exit status of `doctor --json`, started by another command."""
    done = tap.command(*within, program, "doctor", "--json")
    assert done.stdout.count("\n") == 1 and done.stdout.endswith("\n"), done.stdout + done.stderr
    report = json.loads(done.stdout)
    check_shape(report, done.returncode)
    return report


def check_shape(report, status):
    assert list(report) == ["schema", "available", "tier", "backend", "checks"], list(report)
    assert report["schema"] == 1
    assert status == (0 if report["available"] else 1), (status, report)
    assert report["tier"] in ("none", "minimal", "reduced", "full"), report["tier"]
    assert [check["name"] for check in report["checks"]] == NAMES
    for check in report["checks"]:
        assert list(check) == ["name", "ok", "detail", "remedy"], check
        assert check["detail"], check
        assert not (check["ok"] and check["remedy"]), check
    if report["available"]:
        assert report["backend"] in ("native", "docker"), report
        if report["backend"] == "docker":
            assert found(report, "docker")["ok"] and not found(report, "run")["ok"] and report["tier"] == "reduced", report
            return
        needed = [c for c in report["checks"] if NEED[c["name"]] == "FOR_ALL" and not c["ok"]]
        assert not needed, needed
    else:
        assert report["backend"] is None, report


def found(report, name):
    return next(check for check in report["checks"] if check["name"] == name)


def in_namespace(script):
    """Arguments that run what follows after a script, as root of a new user namespace."""
    argv = ["unshare", "-U", "-r", "-m", "sh", "-c", script + ' && exec "$0" "$@"']
    if not shutil.which("unshare") or subprocess.run([*argv, "true"], check=False,
                                                     stderr=subprocess.DEVNULL).returncode:
        raise tap.Skip("unshare -Urm does not work here")
    return argv


def test_here():
    """the report here has the promised shape, and leaves no mount behind"""
    before = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    report = examine()
    assert Path("/proc/self/mountinfo").read_text(encoding="utf-8") == before
    if not report["available"]:
        raise tap.Skip("no isolation here: " + found(report, "run")["detail"])
    assert found(report, "run")["detail"].startswith("tier " + report["tier"]), report


def test_text_agrees():
    """text and JSON say the same"""
    report = examine()
    done = tap.command(tap.PYSBX, "doctor")
    assert done.returncode == (0 if report["available"] else 1)
    lines = [line for line in done.stdout.splitlines() if re.match(r"(ok|no|weak|-) ", line)]
    assert [line.startswith("ok ") for line in lines] == [c["ok"] for c in report["checks"]]
    last = done.stdout.splitlines()[-1]
    assert last == (f"pysbx run works here: backend native, isolation tier {report['tier']}."
                    if report["available"] else "pysbx run would refuse here."), last


def test_run_agrees():
    """`pysbx run` does what doctor says"""
    report = examine()
    done = tap.command(tap.PYSBX, "run", "--json", "-c", "print(1)")
    result = json.loads(done.stdout)
    assert (result["status"] == "ok") == report["available"], result
    if report["available"]:
        assert result["isolation"]["tier"] == report["tier"], result["isolation"]


def test_plain_user():
    """a plain user gets a report of its own"""
    if os.geteuid():
        raise tap.Skip("this is a plain user already")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(tap.PYSBX, folder)
        report = examine("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
                         program=program)
    assert report["available"], [c for c in report["checks"] if not c["ok"]]
    assert "plain user" in found(report, "user-namespace")["detail"]


def test_user_namespaces_forbidden():
    """where user namespaces are forbidden it says which sysctl, and run refuses"""
    within = in_namespace("echo 0 >/proc/sys/user/max_user_namespaces")
    report = examine(*within)
    # Tier minimal may be had, but only where it is asked for.
    assert not report["available"] and report["tier"] in ("none", "minimal"), report
    check = found(report, "user-namespace")
    assert not check["ok"] and "user.max_user_namespaces" in check["remedy"], check
    assert found(report, "mount-namespace")["detail"].startswith("not tried"), report
    assert found(report, "seccomp")["ok"], report
    done = tap.command(*within, tap.PYSBX, "run", "-c", "print('ran')")
    assert done.returncode == 125 and done.stdout == "", done


def test_not_procfs():
    """where /proc is another file system, that is what is said, and what to do"""
    report = examine(*in_namespace("mount -t tmpfs none /proc"))
    check = found(report, "procfs")
    assert not check["ok"] and "mount -t proc" in check["remedy"], check
    assert found(report, "user-namespace")["detail"].startswith("not tried"), report
    assert not report["available"], report


def test_groups():
    """a plain user's group that amounts to root is named; an ordinary one is not"""
    if os.geteuid():
        raise tap.Skip("only root can give a process its groups")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(tap.PYSBX, folder)
        for group, ok in (("disk", False), ("12345", True)):
            report = examine("setpriv", "--reuid=12345", "--regid=12345", "--groups=" + group, program=program)
            check = found(report, "groups")
            assert check["ok"] == ok and (ok or group in check["detail"]), check
            assert report["available"], report


def test_masked_proc():
    """where part of /proc is covered the tier is reduced, and the mask is named"""
    # As a plain user of a namespace below the one that covers it.
    within = [*in_namespace("mount -t tmpfs none /proc/irq"),
              "unshare", "-U", "--map-user=1000", "--map-group=1000"]
    report = examine(*within)
    check = found(report, "proc")
    assert not check["ok"] and "covered" in check["remedy"], check
    assert report["tier"] in ("reduced", "none"), report
    others = [c["name"] for c in report["checks"]
              if not c["ok"] and NEED[c["name"]] == "FOR_ALL" and c["name"] != "run"]
    assert not others, others


def test_root_of_a_small_namespace():
    """root of a namespace that maps one id is told to be a plain user"""
    report = examine(*in_namespace("true"))
    check = found(report, "user-namespace")
    assert check["ok"] or "plain user" in check["remedy"], check


def test_no_interpreter():
    """without an interpreter it says how to get one"""
    within = in_namespace('for python in /usr/bin/python3*; do '
                          'mount --bind /dev/null "$(readlink -f "$python")"; done')
    report = examine(*within, "env", "PATH=/nonexistent")
    check = found(report, "python")
    assert not check["ok"] and "install" in check["remedy"], check
    assert not report["available"], report


def test_usage():
    """usage: --help is 0, anything unknown is 2"""
    assert tap.command(tap.PYSBX, "doctor", "--help", check=0).stdout.startswith("usage: ")
    assert tap.command(tap.PYSBX, "doctor", "-h", check=0).stdout.startswith("usage: ")
    for argument in "--jso", "x", "", "--json=1":
        done = tap.command(tap.PYSBX, "doctor", argument, check=2)
        assert done.stdout == "" and done.stderr, done


def test_full_device():
    """a report that cannot be written is a failure"""
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([str(tap.PYSBX), "doctor"], stdout=full, stderr=subprocess.PIPE,
                              check=False, timeout=60)
    assert done.returncode == 1 and done.stderr, done


def test_manual_names_every_check():
    """pysbx-doctor(1) names every check"""
    page = (tap.TOP / "man" / "pysbx-doctor.1").read_text(encoding="utf-8")
    absent = [name for name in NAMES if not re.search(rf"^\.(?:It )?Sy .*\b{name}\b", page, re.M)]
    assert not absent, absent


def main():
    return tap.run([
        test_here, test_text_agrees, test_run_agrees, test_plain_user,
        test_user_namespaces_forbidden, test_not_procfs, test_groups, test_masked_proc, test_root_of_a_small_namespace, test_no_interpreter, test_usage,
        test_full_device, test_manual_names_every_check,
    ])


if __name__ == "__main__":
    sys.exit(main())
