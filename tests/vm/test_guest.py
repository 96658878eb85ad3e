#!/usr/bin/env python3
"""What needs control groups of version 2, run in the guests that tests/vm/run makes.

Prints TAP. By hand: tests/vm/test_guest.py [SETTING...] (against build/, or $PYSBX_BUILDDIR); without
one, and without any in $PYSBX_GUEST: all of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, os.fspath(HERE.parent))
import tap  # noqa: E402

CGROUP = [tap.BUILD / "tests/unit" / name for name in ("test_cgroup", "test_cgroup_places", "test_cgroup_sweep")]
RESULT = re.compile(r"^(not )?ok \d+(?: -)? ?(.*)$", re.M)
NO_GUEST = 77
ALONE = {"container", "user-service"}
V1_ONLY = {"test_partial_v1", "test_handed_over_v1", "test_sweep_from_elsewhere"}


# What an emulated kernel says when one of its own processors spins: then the guest told nothing of us.
LOCKED_UP = "watchdog: BUG: soft lockup"


def guest(setting, *command, timeout=240):
    """Its output and exit status; Skip where there can be no guest. A locked-up kernel gets one more try."""
    done = boot(setting, *command, timeout=timeout)
    if LOCKED_UP in done.stdout + done.stderr:
        print(f"# the guest's kernel locked up ({setting}); once more", flush=True)
        done = boot(setting, *command, timeout=timeout)
    return done


def boot(setting, *command, timeout, programs=()):
    done = subprocess.run([sys.executable, HERE / "run", "--build", tap.BUILD, "--setting", setting,
                           "--timeout", str(timeout), *(f"--with={program}" for program in programs), "--", *command],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout + 60, check=False)
    if done.returncode == NO_GUEST:
        raise tap.Skip(done.stderr.strip().split("SKIP ")[-1])
    return done


def tally(done):
    """Names passed and skipped; raises with the whole output if one failed or the plan is short."""
    passed, skipped, failed = [], [], []
    for bad, rest in RESULT.findall(done.stdout):
        name = rest.replace("# SKIP", "").strip()
        (skipped if "# SKIP" in rest else failed if bad else passed).append(name)
    plans = re.findall(r"^1\.\.(\d+)$", done.stdout, re.M)
    complete = plans and sum(map(int, plans)) == len(passed) + len(skipped) + len(failed)
    if failed or not complete or done.returncode:
        told = re.findall(r"^not ok(?!.*# SKIP).*\n(?:#.*\n)*", done.stdout, re.M)
        raise AssertionError(f"status {done.returncode}, failed: {failed}, complete: {complete}\n"
                             + ("".join(told) if complete else done.stdout[-4000:])
                             + done.stderr[-2000:])
    return passed, skipped


def unit(setting):
    """The unit tests of control groups; each in a boot of its own where it has to be alone in its group."""
    if not all(program.exists() for program in CGROUP):
        raise tap.Skip("the unit tests are not built")
    boots = [[program] for program in CGROUP]
    if setting not in ALONE:
        boots = [["bash", "-c", 'status=0; for program; do "$program" || status=$?; done; exit $status', "-", *CGROUP]]
    passed, skipped = [], []
    for command in boots:
        done = guest(setting, *command)
        for names, more in zip((passed, skipped), tally(done)):
            names += more
    return passed, skipped, done.stdout


def everything_runs(setting, may_skip):
    skipped = set(unit(setting)[1])
    assert skipped <= may_skip, f"skipped in a guest that could: {skipped - may_skip}"


def test_root():
    """version 2 as root, at the root of the hierarchy"""
    everything_runs("root", V1_ONLY)


def test_container():
    """version 2 as root of a container, alone in the root of a cgroup namespace"""
    everything_runs("container", V1_ONLY)


def test_user_delegated():
    """version 2 as a plain user, in a subgroup of a service that was handed over"""
    everything_runs("user-delegated", V1_ONLY | {"test_no_rights"})


def test_user_service():
    """version 2 as a plain user, alone in a service: moves into a leaf first"""
    everything_runs("user-service", V1_ONLY | {"test_no_rights"})


def test_user_scope():
    """version 2 as a plain user, in a scope below its user manager"""
    everything_runs("user-scope", V1_ONLY | {"test_no_rights"})


def test_v1():
    """version 1 with shared hierarchies, cpuset among them"""
    everything_runs("v1", {"test_partial_v2", "test_settle"})


def test_user():
    """version 2 as a plain user with nothing delegated: no group, and no failure"""
    _, skipped, text = unit("user")
    assert "test_usage" in skipped and "Permission denied" in text, text


# What a run says of itself: printed by the guest, one JSON object a line.
RUNS = r"""
PYSBX="$0"
tree() { find /sys/fs/cgroup -type d -name 'pysbx.*'; }
run() { "$PYSBX" run --guard off --json "$@"; }
run -c 'print(6 * 7)'
run -m 32M -c 'b = bytearray(200 << 20)'
run --pids-limit 4 -c 'import os
for i in range(9): os.fork() or os._exit(0)'
run -t 20s --cpu-time 500ms --cpus 2 -c 'while True: pass'
echo "left: $(tree | wc -l)"
"$PYSBX" run --guard off -c 'import time; time.sleep(60)' &
sleep 2
echo "during: $(tree | wc -l)"
kill -9 $!
wait $! 2>/dev/null
run -c 'print("swept")'
echo "after: $(tree | wc -l)"
"""


def results(done):
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    counts = dict(re.findall(r"^(\w+): (\d+)$", done.stdout, re.M))
    assert len(found) == 5, f"{done.stdout[-3000:]}{done.stderr[-2000:]}"
    return found, counts


def whole_runs(setting, version="cgroup2", directories=1):
    done = guest(setting, "bash", "-c", RUNS, tap.PYSBX)
    (plain, memory, pids, cpu, swept), counts = results(done)
    for result in (plain, memory, pids, cpu, swept):
        assert result["isolation"]["tier"] == "full", result
        assert result["usage"]["source"] == version, result
        assert version in result["isolation"]["layers"], result
    assert plain["status"] == "ok" and plain["stdout"] == "42\n", plain
    assert plain["usage"]["memory_peak_bytes"] > 1 << 20 and plain["usage"]["cpu_ms"] > 0, plain
    assert memory["status"] == "oom" and memory["usage"]["memory_peak_bytes"] <= 32 << 20, memory
    assert "pids" in pids["limits_hit"], pids
    assert cpu["status"] == "cpu_timeout", cpu
    assert swept["stdout"] == "swept\n", swept
    assert counts == {"left": "0", "during": str(directories), "after": "0"}, counts


def test_runs_root():
    """pysbx run as root: tier full, limits of version 2, nothing left behind"""
    whole_runs("root")


def test_runs_user_delegated():
    """pysbx run as a plain user in a delegated scope: the same"""
    whole_runs("user-delegated")


def test_runs_user_scope():
    """pysbx run as a child of a shell in the user's scope: the shell is left where it is"""
    whole_runs("user-scope")


def test_runs_v1():
    """pysbx run with version 1: the same, in four hierarchies"""
    whole_runs("v1", "cgroup1", 4)


def one_run(setting):
    done = guest(setting, tap.PYSBX, "run", "--guard", "off", "--json", "-c", "print(6 * 7)")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == 1, f"{done.stdout}{done.stderr}"
    return json.loads(lines[0]), done


def test_run_user():
    """pysbx run as a plain user with nothing delegated: tier reduced, and what is missing is named"""
    result, _ = one_run("user")
    assert result["status"] == "ok" and result["isolation"]["tier"] == "reduced", result
    assert {"memory-limit", "cpu-share"} <= set(result["isolation"]["missing"]), result


def test_run_container():
    """pysbx run as the first process of a container: tier full"""
    result, _ = one_run("container")
    assert result["status"] == "ok" and result["isolation"]["tier"] == "full", result


def test_run_no_userns():
    """pysbx run where user namespaces are forbidden: never with less than was required"""
    result, done = one_run("no-userns")
    assert result["status"] == "unavailable" and done.returncode == 125, result
    assert "--require minimal" in result["remedy"], result
    tally(guest("no-userns", "python3", tap.TOP / "tests/runtime/test_minimal.py", timeout=1200))


def test_run_no_userns_root():
    """the same for root"""
    result, done = one_run("root,no-userns")
    assert result["status"] == "unavailable" and done.returncode == 125 and result["remedy"], result
    done = guest("root,no-userns", tap.PYSBX, "run", "--require", "minimal", "--guard", "off", "--json", "-c", "print(6 * 7)")
    result = json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][0])
    if result["status"] == "ok":
        assert result["isolation"]["tier"] == "minimal" and result["stdout"] == "42\n", result
    else:
        assert result["status"] == "unavailable" and done.returncode == 125 and result["remedy"], result


def probes(setting, tier):
    """`pysbx selftest` in the guest: nothing failed, at the tier that is to be had there."""
    done = guest(setting, tap.PYSBX, "selftest", "--json", timeout=400)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == 1, f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
    report = json.loads(lines[0])
    print(f"# {setting}: {', '.join(f'{number} {outcome}' for outcome, number in report['counts'].items())}", flush=True)
    failed = [probe for probe in report["probes"] if probe["outcome"] == "failed"]
    assert not failed and done.returncode == 0, failed
    assert report["isolation"]["tier"] == tier and report["counts"]["held"] > 60, report["counts"]


def test_probes_root():
    """pysbx selftest as root: every probe holds, with this kernel and version 2"""
    probes("root", "full")


def test_probes_user_delegated():
    """pysbx selftest as a plain user in a delegated scope: the same"""
    probes("user-delegated", "full")


def test_probes_no_userns():
    """pysbx selftest where user namespaces are forbidden: what applies to tier minimal holds"""
    probes("no-userns", "minimal")


def suite(setting):
    # A minute or two on an idle machine; a busy one is no failure of ours.
    tally(guest(setting, "python3", tap.TOP / "tests/runtime/test_run.py", timeout=1200))


def test_suite_root():
    """the runtime's own tests, as root and as a plain user without a group"""
    suite("root")


def test_suite_user_delegated():
    """the runtime's own tests, as a plain user in a delegated scope"""
    suite("user-delegated")


def oci(name):
    """One OCI runtime with control groups of version 2: everything is held, and nothing is left."""
    path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
    if not path:
        raise tap.Skip(f"no {name} here")
    calls = "; ".join(f"{tap.PYSBX} run --guard off --json --backend oci:{path} -t {limit} -c '{code}'" for limit, code in (
        ("60s", "import os; print(os.getuid())"), ("60s", "x = bytearray(400 << 20)"), ("3s", "while True: pass")))
    done = boot("root", "bash", "-c", f"{calls}; ls /sys/fs/cgroup /run/pysbx-oci | grep pysbx-oci-", timeout=180,
                programs=[path])
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["status"] for one in found] == ["ok", "oom", "timeout"], (found, done.stderr)
    assert found[0]["stdout"] == "65534\n", found
    for one in found:
        assert one["isolation"]["tier"] == "full" and "cgroup2" in one["isolation"]["layers"], one
    assert "pysbx-oci-" not in done.stdout.replace("oci:", ""), done.stdout


def test_runc():
    """runc as a backend, with control groups of version 2"""
    oci("runc")


def test_crun():
    """crun as a backend, with control groups of version 2"""
    oci("crun")


def test_status():
    """a guest hands back output and status, and its time limit holds"""
    done = guest("root", "sh", "-c", "echo out; echo err >&2; exit 42")
    assert done.returncode == 42 and done.stdout == "out\nerr\n", done
    begin = time.monotonic()
    done = guest("root", "sleep", "600", timeout=15)
    assert done.returncode == 124 and time.monotonic() - begin < 60, done


GROUPS = {
    "root": [test_status, test_root, test_container, test_runs_root, test_run_container, test_probes_root, test_suite_root,
             test_runc, test_crun],
    "user": [test_user, test_run_user],
    "delegated": [test_user_delegated, test_user_service, test_user_scope, test_runs_user_delegated, test_runs_user_scope,
                  test_probes_user_delegated, test_suite_user_delegated],
    "forbidden": [test_run_no_userns, test_run_no_userns_root, test_probes_no_userns],
    "v1": [test_v1, test_runs_v1],
}


def main():
    wanted = sys.argv[1:] or os.environ.get("PYSBX_GUEST", "").split() or list(GROUPS)
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        sys.exit(f"{' '.join(unknown)}: the settings are {' '.join(GROUPS)}")
    return tap.run([test for name in wanted for test in GROUPS[name]])


if __name__ == "__main__":
    sys.exit(main())
