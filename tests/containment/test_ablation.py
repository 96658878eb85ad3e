#!/usr/bin/env python3
"""The probes notice when a layer is really off: a build that leaves set-up steps out, and claims them all the same.

Of each layer it is shown which rows fail without it, and that others, which another layer holds, do not. Prints TAP.
By hand: python3 tests/containment/test_ablation.py
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import probes
import tap
from sandbox import is_sanitized

ABLATED = tap.BUILD / "tests/tools/pysbx_ablated"
OUTER = tap.BUILD / "tests/tools/nonamespaces"

kit = probes.load()
probes.settle()


_controls = {}


class Ablation:
    """Steps that are left out; the rows that must fail for it, and those that must not."""

    def __init__(self, name, steps, fail, hold=(), filter_too=False, minimal=False):
        self.name, self.steps, self.fail, self.hold, self.filter_too, self.minimal = name, steps, fail, hold, filter_too, minimal


# "verify" asks the kernel for some of it, and then goes too; so does the look from outside.
ABLATIONS = [
    Ablation("seccomp", [], ["upper_half_families", "families", "int80", "extended_attributes", "pipe_size", "core_limit",
                              "execveat", "clone3", "rare_calls", "netlink"],
             ["own_ids", "capability_sets", "bounding_set", "places_of_the_host", "canaries", "system_written", "every_mount", "host_devices",
              "kernel_tables", "descriptors", "own_network", "id_map", "written_program"], filter_too=True),
    Ablation("capabilities", ["drop capabilities", "verify"], ["capability_sets", "bounding_set"],
             ["mount_calls", "namespaces_made", "ids_stay", "nodes_made", "system_written", "machine_calls"]),
    Ablation("resource limits", ["set resource limits"], ["limits_soft_and_hard"],
             ["ids_stay", "mount_calls", "pipe_size", "address_space"]),
    Ablation("closing of descriptors", ["close descriptors", "verify"], ["descriptors"], ["stdio", "ids_stay"]),
    Ablation("network namespace", ["unshare network namespace", "join network namespace"], ["own_network", "namespace_links"],
             ["addresses", "families", "netlink", "raw_sockets"]),
    Ablation("network namespace and seccomp", ["unshare network namespace", "join network namespace"],
             ["own_network", "addresses", "netlink"], ["own_ids", "system_written"], filter_too=True),
    Ablation("cgroup namespace", ["unshare cgroup namespace"], ["namespace_links"], ["group_tree", "ids_stay"]),
    Ablation("read-only root", ["make root read-only", "verify"], ["every_mount", "mount_flags", "system_written"],
             ["set_id_made", "host_devices", "kernel_switches"]),
    Ablation("host name", ["set hostname"], ["host_name"], ["own_ids"]),
    Ablation("fresh /proc", ["mount /proc"], ["proc_options", "own_root"], ["kernel_tables", "init_read"]),
    Ablation("Landlock (tier minimal)", ["restrict with Landlock", "verify"],
             ["kernel_tables", "kernel_switches", "machine_names", "places_of_the_host", "canaries"],
             ["families", "ids_stay", "mount_calls", "netlink"], minimal=True),
    Ablation("the tier's own filter (tier minimal)", ["load the tier's own filter"], ["families"],
             ["kernel_tables", "machine_names", "netlink", "ids_stay"], minimal=True),
]


def under_the_outer_filter():
    """By `selftest` itself, so that the controls are under it too."""
    names = {entry.title: entry.name for entry in kit.ROWS}
    done = tap.command(OUTER, ABLATED, "selftest", "--json", timeout=120)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1), done.returncode
    return {names[probe["what"]]: probe["outcome"] for probe in report["probes"] if probe["what"] in names}, report["isolation"]


def examined(ablation):
    """({row: outcome}, the isolation that was claimed)."""
    os.environ.pop("LEAVE_OUT", None)
    os.environ.pop("LEAVE_OUT_FILTER", None)
    os.environ["LEAVE_OUT"] = ",".join(ablation.steps) or "nothing"
    if ablation.filter_too:
        os.environ["LEAVE_OUT_FILTER"] = "1"
    try:
        if ablation.minimal:
            return under_the_outer_filter()
        with kit.Planted() as planted:
            outside = _controls.setdefault("found", None) or kit.run_outside(kit.PROGRAM, planted)
        _controls["found"] = outside
        found, isolation = kit.examine([str(ABLATED)], ["--backend", "native"], kit.PROGRAM, runs=False, outside=outside)
        return {verdict.entry.name: verdict.outcome for verdict in found}, isolation
    finally:
        os.environ.pop("LEAVE_OUT", None)
        os.environ.pop("LEAVE_OUT_FILTER", None)


def test_of(ablation):
    def test():
        outcome, isolation = examined(ablation)
        assert isolation["tier"] == "minimal" or not ablation.minimal, isolation
        unknown = [name for name in (*ablation.fail, *ablation.hold) if name not in outcome]
        assert not unknown, unknown
        unnoticed = [name for name in ablation.fail if outcome[name] != kit.FAILED]
        # As a plain user some thing may be refused by the host itself, which is no fault of the probe.
        assert not unnoticed, {name: outcome[name] for name in unnoticed}
        surplus = [name for name in ablation.hold if outcome[name] == kit.FAILED]
        assert not surplus, surplus
    test.__doc__ = f"without {ablation.name}: {', '.join(ablation.fail)} fail, {', '.join(ablation.hold)} do not"
    return test


def nothing_left_out():
    """with nothing left out the same program holds everything"""
    outcome, _ = examined(Ablation("", [], []))
    failed = [name for name in outcome if outcome[name] == kit.FAILED]
    assert not failed, failed


def selftest_exits_1():
    """`pysbx selftest` itself says so, as text and as JSON, and its exit status is 1"""
    environment = dict(os.environ, LEAVE_OUT="set hostname")
    done = tap.command(ABLATED, "selftest", env=environment)
    assert done.returncode == 1 and "failed         P8:" in done.stdout, done
    done = tap.command(ABLATED, "selftest", "--json", env=environment)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and not report["ok"] and report["counts"]["failed"] == 1, report["counts"]
    assert [probe["id"] for probe in report["probes"] if probe["outcome"] == "failed"] == ["P8"]


def the_product_has_no_such_switch():
    """the product does not know the switch"""
    environment = dict(os.environ, LEAVE_OUT="set hostname", LEAVE_OUT_FILTER="1")
    done = tap.command(tap.PYSBX, "run", "--guard", "off", "-c", "import os; print(os.uname().nodename)", env=environment)
    assert done.stdout == "sandbox\n", done


if __name__ == "__main__":
    if not ABLATED.exists():
        sys.exit(f"{ABLATED}: not built")
    if is_sanitized():
        print("1..1\nok 1 - probes notice # SKIP the sanitizers' own build would be tested, the plain one is")
        sys.exit(0)
    sys.exit(tap.run([nothing_left_out, the_product_has_no_such_switch, selftest_exits_1, *map(test_of, ABLATIONS)]))
