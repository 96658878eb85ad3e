"""The switches of systemd.exec(5) that packaging/systemd/service.conf tells of: each one said to be in the
way is, each one said to do no harm does none. Prints TAP. By hand: python3 tests/packaging/test_systemd.py

There is no systemd where tests run. What a switch does is done here by hand, as systemd.exec(5) says.
"""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import system
import tap

HERE = Path(__file__).resolve().parent
PLACE = tap.TOP / "packaging" / "systemd"
TIERS = ("none", "minimal", "reduced", "full")
MOUNT_CALLS = "mount,umount2,pivot_root,move_mount,open_tree,mount_setattr"
DEVICES = "null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0"


def filtered(calls):
    """A filter that refuses these calls (tests/packaging/filtered.py)."""
    return "", [sys.executable, HERE / "filtered.py", calls]


# Name of the switch -> (commands in a mount namespace of its own, words before the program).
IN_THE_WAY = {
    "RestrictNamespaces": ("", [tap.BUILD / "tests/tools/nonamespaces"]),
    "PrivateUsers": ("", ["unshare", "--user", "--map-root-user", "--mount"]),
    "ProtectKernelTunables": ("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys", []),
    "ProtectKernelLogs": ("mount --bind /dev/null /proc/kmsg", []),
    "ProcSubset": ("mount -t proc -o subset=pid proc /proc", []),
    "ProtectControlGroups": ("""awk '$5 ~ "^/sys/fs/cgroup" { print $5 }' /proc/self/mountinfo |
        while read -r at; do mount -o remount,bind,ro "$at" || exit; done""", []),
    "ProtectHostname": filtered("sethostname,setdomainname"),
    "SystemCallFilter": filtered(MOUNT_CALLS),
}
HARMLESS = {
    "NoNewPrivileges": ("", ["setpriv", "--no-new-privs"]),
    "PrivateDevices": (f"""mount -t tmpfs -o nosuid,noexec,mode=755 none /mnt && cd /mnt &&
        echo "{DEVICES}" | tr ' :' '\\n ' | while read -r name major minor; do
            mknod -m 666 $name c $major $minor || exit; done && mkdir shm pts &&
        mount --bind /dev/shm shm && mount --bind /dev/pts pts && mount -o remount,ro /mnt &&
        mount --move /mnt /dev && cd /""", []),
    "PrivateNetwork": ("", ["unshare", "--net"]),
    "PrivateTmp": ("mount -t tmpfs none /tmp && mount -t tmpfs none /var/tmp", []),
    "ProtectSystem": ("mount -o remount,bind,ro /", []),
    "ProtectProc": ("mount -t proc -o hidepid=invisible proc /proc", []),
    "ProtectClock": filtered("adjtimex,clock_adjtime,clock_settime,settimeofday"),
    "ProtectKernelModules": filtered("init_module,finit_module,delete_module"),
    "LockPersonality": filtered("personality"),
    "MemoryDenyWriteExecute": filtered("mmap:2=6,mprotect:2=4,pkey_mprotect:2=4,shmat:2=32768"),
    "RestrictRealtime": filtered("sched_setscheduler:1=1,sched_setscheduler:1=2"),
    "RestrictSUIDSGID": filtered("chmod:1=2048,fchmod:1=2048,fchmodat:2=2048,chmod:1=1024,fchmod:1=1024"),
    "RestrictAddressFamilies": filtered("socket:0=2,socket:0=16"),
}
# ProtectHome is ProtectSystem for another folder; DynamicUser is a sum of others.
SUMS = {"ProtectHome", "DynamicUser"}

usual = None


def doctor(setup="true", before=()):
    """The tier by doctor, in a mount namespace that was set up as a switch does it."""
    # What covers /tmp covers the program, if it was built there: then it is put back.
    program = f'"{tap.PYSBX}"'
    back = f'{{ [ -e {program} ] || {{ mkdir -p "{tap.PYSBX.parent}" && cat <&9 >{program} && chmod 755 {program}; }}; }}'
    script = f'exec 9<{program}; {{ {setup or "true"}; }} && {back} && exec 9<&- "$@"'
    done = tap.command("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *before,
                       tap.PYSBX, "doctor", "--json", cwd="/")
    assert done.stdout.startswith("{"), (setup, before, done)
    return json.loads(done.stdout)


def settings(file):
    return dict(re.findall(r"^(\w+)=(.*)$", (PLACE / file).read_text(encoding="utf-8"), re.M))


def the_lists_are_the_same():
    """each switch of the drop-in is tried here, and each one that is told to do no harm"""
    text = (PLACE / "service.conf").read_text(encoding="utf-8")
    delegated = {"Delegate", "DelegateSubgroup"}
    assert set(settings("service.conf")) - delegated == set(IN_THE_WAY), settings("service.conf")
    told = text.split("These may be on:")[1].replace("#", "")
    names = set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", told))
    assert names == set(HARMLESS) | SUMS, names ^ (set(HARMLESS) | SUMS)
    unit = set(settings("pysbx-mcp.service"))
    assert not unit & set(IN_THE_WAY), unit & set(IN_THE_WAY)
    assert delegated <= unit and settings("user.conf").keys() == {"Delegate"}


def here():
    """this machine isolates wholly where no switch is on"""
    global usual
    system.needs("unshare", "setpriv", "mount", root=True)
    found = doctor()
    if found["tier"] != "full":
        raise tap.Skip(f"the tier is {found['tier']} here without any switch")
    usual = found["tier"]


def tier_with(switches, name):
    if usual is None:
        raise tap.Skip("nothing to compare with")
    setup, before = switches[name]
    if before and isinstance(before[0], Path) and not before[0].exists():
        raise tap.Skip(f"{before[0].name} is not built (make check does it)")
    return doctor(setup, before)


def in_the_way(name):
    def test():
        found = tier_with(IN_THE_WAY, name)
        assert TIERS.index(found["tier"]) < TIERS.index(usual) or not found["available"], found

    test.__doc__ = f"{name} takes isolation away"
    return test


def harmless(name):
    def test():
        found = tier_with(HARMLESS, name)
        assert found["available"] and found["tier"] == usual, [c for c in found["checks"] if not c["ok"]]

    test.__doc__ = f"{name} takes nothing away"
    return test


if __name__ == "__main__":
    sys.exit(tap.run([the_lists_are_the_same, here, *map(in_the_way, IN_THE_WAY), *map(harmless, HARMLESS)]))
