#!/usr/bin/env python3
"""The OCI backend with the real runc, crun and runsc: reference checks, limits, containment, the bundle, what is left behind."""

import atexit
import errno
import functools
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]
from common import (CONTAINMENT, LIMITS, REFERENCE, Backend, background, bound, cpu_time, endings, files, hostile_call,
                    init_is_out_of_reach, masked, memory, processes, streams, tap, threads, written_back)

import examples

STATES = Path("/run/pysbx-oci")
SCHEMA = Path("/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema")
UNIFIED = Path("/sys/fs/cgroup/unified")
PLAIN = 54322
SUBORDINATE = 200000


def needs_root():
    if os.geteuid() != 0:
        raise tap.Skip("the OCI runtimes are tested as root")


def find(name):
    for place in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"):
        if os.access(f"{place}/{name}", os.X_OK):
            return f"{place}/{name}"
    return None


def before(name):
    """crun refuses hosts where both versions of control groups have controllers: it gets a view of version 1 alone."""
    if name == "crun" and UNIFIED.is_dir():
        return ["unshare", "-m", "sh", "-c", f'umount {UNIFIED} && exec "$@"', "sh"]
    return []


BACKENDS = [Backend(f"oci:{name}", "--backend", f"oci:{name}", before=before(name), gvisor=name == "runsc")
            for name in ("runc", "crun", "runsc")[:1 if tap.SHORT else None]]


def with_runtime(test):
    """Skips where the runtime is not installed."""
    def run_test(backend):
        needs_root()
        if not find(backend.name.partition(":")[2]):
            raise tap.Skip(f"no {backend.name.partition(':')[2]} here")
        test(backend)
    run_test.__doc__ = tap.title(test)
    return run_test


def leftovers():
    """What runs have left that are over: the pid of theirs is in the name."""
    places = [*Path("/sys/fs/cgroup").glob("**/pysbx-oci-*"), *(STATES.iterdir() if STATES.exists() else ())]
    return [str(place) for place in places
            if not Path("/proc", place.name.removeprefix("pysbx-oci-").partition(".")[0]).exists()]


def clean_after_everything(backend):
    """every way a run ends leaves no directory and no group"""
    for code, options in (("print(1)", ()), ("1/0", ()), ("while True: pass", ("-t", "1s"))):
        backend.run(code, *options)
    assert leftovers() == [], leftovers()


def isolation(backend):
    """the result says what is held"""
    told = backend.ok("print(1)")["isolation"]
    assert told["backend"] == backend.name, told
    needed = {"mount", "pid", "net", "ipc", "uts", "proc", "caps", "nnp", "seccomp", "memory-limit", "cpu-share"}
    assert needed <= set(told["layers"]), told
    if backend.gvisor:
        assert "kernel" in told["layers"] and told["tier"] == "reduced" and told["missing"] == ["pids-limit"], told
    else:
        assert told["tier"] == "full" and told["missing"] == [] and "user" in told["layers"], told


def interrupted(backend):
    """SIGTERM to pysbx ends the container too"""
    process = backend.popen("run", "--guard", "off", *backend.options, "-t", "60s", "-c",
                            "import time; print('on', flush=True); time.sleep(60)")
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM, process.returncode
    assert leftovers() == [], leftovers()


def killed_outright(backend, left=leftovers):
    """after kill -9 of pysbx the container ends by itself, and the next run removes the rest"""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    process = backend.popen("run", "--guard", "off", *backend.options, "-t", "60s", "-c",
                            f"import time; print('on', flush=True); time.sleep(60)  # {mark}", "--", mark)
    assert process.stdout.readline() == b"on\n"
    process.kill()
    process.communicate(timeout=30)
    end = time.monotonic() + 15
    while processes_with(mark) and time.monotonic() < end:
        time.sleep(0.05)
    assert not processes_with(mark), processes_with(mark)
    backend.ok("print(1)")
    assert left() == [], left()


def processes_with(mark):
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and int(entry) != os.getpid() and mark.encode() in Path(f"/proc/{entry}/cmdline").read_bytes():
                found.append(entry)
        except OSError:
            pass
    return found


EACH = [isolation, *REFERENCE, *LIMITS, interrupted, killed_outright, clean_after_everything, *CONTAINMENT]
# The same code decides for all of them: of the others what differs between runtimes.
OF_OTHERS = [isolation, *REFERENCE, endings, memory, processes, streams, files, init_is_out_of_reach, threads, masked,
             hostile_call, written_back, killed_outright, clean_after_everything, *CONTAINMENT]


# A plain user, who has subordinate ids.

class Rootless(Backend):
    """A copy of pysbx run by a plain user; /etc gives him subordinate ids, in a mount namespace of his own. Nothing limits
    his processes but what pysbx does itself: here he has no control group."""

    def __init__(self, name, ids=True):
        super().__init__(f"rootless {name}", "--backend", f"oci:{name}")
        self.runtime, self.ids = name, ids

    def popen(self, *args, **options):
        place = plain_place()
        hide = f"{{ umount {UNIFIED} || :; }} &&" if UNIFIED.is_dir() else ""
        self.program, self.env = place / "pysbx", {"XDG_RUNTIME_DIR": str(place / "run")}
        self.before = ["unshare", "-m", "sh", "-c",
                       f'{hide} mount --bind {place}/{"etc" if self.ids else "bare"} /etc && exec setpriv --reuid {PLAIN} --regid '
                       f'{PLAIN} --clear-groups "$@"', "sh"]
        return super().popen(*args, **options)


@functools.lru_cache(maxsize=None)
def plain_place():
    place = Path(tempfile.mkdtemp(prefix="pysbx-test-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    shutil.copy(tap.PYSBX, place / "pysbx")
    (place / "run").mkdir()
    os.chown(place / "run", PLAIN, PLAIN)
    for name, lines in (("bare", ()), ("etc", ("subuid", "subgid"))):
        shutil.copytree("/etc", place / name, symlinks=True, ignore_dangling_symlinks=True)
        for file, line in (("passwd", f"plain:x:{PLAIN}:{PLAIN}::/:/bin/false"), ("group", f"plain:x:{PLAIN}:"),
                           *((file, f"plain:{SUBORDINATE}:65536") for file in lines)):
            with open(place / name / file, "a", encoding="utf-8") as to:
                to.write(line + "\n")
    return place


# One of each: what its probes found is kept in it.
ROOTLESS_BACKENDS = {name: Rootless(name) for name in ("runc", "crun")}


def rootless(test, name):
    backend = ROOTLESS_BACKENDS[name]

    def run_test():
        needs_root()
        for program in (name, "newuidmap", "setpriv"):
            if not find(program):
                raise tap.Skip(f"no {program} here")
        test(backend)
    run_test.__doc__ = f"{backend.name}: {tap.title(test)}"
    return run_test


def ids_of_its_own(backend):
    """the program is neither the caller nor anybody of the host, and the result says what is missing"""
    result = backend.ok("print(open('/proc/self/uid_map').read().split(), open('/proc/self/gid_map').read().split())")
    for ids in json.loads("[" + result["stdout"].replace("'", '"').replace("] [", "], [") + "]"):
        assert ids[:3] == ["0", str(PLAIN), "1"] and ids[3] == "65534" and ids[5] == "1", ids
        assert SUBORDINATE <= int(ids[4]) < SUBORDINATE + 65536, ids
    told = result["isolation"]
    assert {"user", "mount", "pid", "net", "ipc", "uts", "proc", "caps", "nnp", "seccomp"} <= set(told["layers"]), told
    assert told["tier"] == "reduced" and {"memory-limit", "pids-limit", "cpu-share"} <= set(told["missing"]), told


def rootless_leaves_nothing(backend):
    """no run of a plain user's leaves a directory"""
    backend.run("1/0")
    assert list((plain_place() / "run/pysbx-oci").iterdir()) == []


def killed_outright_here(backend):
    """after kill -9 of pysbx the container ends by itself, and the next run removes the rest"""
    killed_outright(backend, lambda: list((plain_place() / "run/pysbx-oci").iterdir()))


def without_subordinate_ids():
    """a plain user without subordinate ids is told how to get some"""
    needs_root()
    if not find("runc") or not find("setpriv"):
        raise tap.Skip("no runc or setpriv here")
    status, result = Rootless("runc", ids=False).run("print(1)")
    assert (status, result["status"]) == (125, "unavailable") and "subordinate" in result["message"], result
    assert "usermod --add-subuids" in result["remedy"], result


ROOTLESS = [*REFERENCE, ids_of_its_own, endings, memory, cpu_time, streams, files, background, hostile_call,
            init_is_out_of_reach, masked, killed_outright_here, rootless_leaves_nothing, *CONTAINMENT]


# The bundle, and runtimes that are none or lie.

def wrapper(place, text):
    path = Path(place, "runc-wrapper")
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def bundle_is_of_the_form():
    """config.json is of the OCI specification's form"""
    needs_root()
    if not find("runc"):
        raise tap.Skip("no runc here")
    if not SCHEMA.exists():
        raise tap.Skip("the specification's schema is not installed (golang-github-opencontainers-specs-dev)")
    import jsonschema
    with tempfile.TemporaryDirectory() as place:
        path = wrapper(place, f'for a; do [ -f "$a/config.json" ] && cp "$a/config.json" {place}/; done; '
                       f'exec {find("runc")} "$@"\n')
        Backend("wrapped", "--backend", f"oci:{path}").ok("print(1)")
        config = json.loads(Path(place, "config.json").read_text())
    store = {}
    for file in SCHEMA.glob("*.json"):
        store[file.as_uri()] = json.loads(file.read_text())
    form = store[(SCHEMA / "config-schema.json").as_uri()]
    resolver = jsonschema.RefResolver((SCHEMA / "config-schema.json").as_uri(), form, store)
    jsonschema.Draft4Validator(form, resolver=resolver).validate(config)
    assert config["process"]["user"] == {"uid": 65534, "gid": 65534} and config["process"]["noNewPrivileges"] is True
    assert all(not config["process"]["capabilities"][name] for name in config["process"]["capabilities"])
    assert config["linux"]["resources"]["memory"]["limit"] == 256 << 20
    assert config["linux"]["resources"]["pids"]["limit"] == 65
    assert {"type": "user"} in config["linux"]["namespaces"]
    assert all(entry["hostID"] != 0 for entry in config["linux"]["uidMappings"])
    profile_is_the_table(config["linux"]["seccomp"])
    writable = [m["destination"] for m in config["mounts"] if m["type"] == "bind" and "ro" not in m["options"]]
    assert writable == [], writable


def profile_is_the_table(profile):
    """Every call of syscalls.def that goes by its number has its own answer in the profile, the default's or none."""
    table = re.findall(r"^(?:CALL\((\w+), |NEWCALL\((\w+), \d+, )(\w+)(?:\((\w+)\))?\)", (
        tap.TOP / "runtime/syscalls.def").read_text(), re.M)
    assert len(table) > 250 and profile["defaultAction"] == "SCMP_ACT_ERRNO" and "defaultErrnoRet" not in profile
    said = {}
    for rule in profile["syscalls"]:
        for name in rule["names"]:
            said.setdefault(name, []).append((rule["action"], rule.get("errnoRet"), bool(rule.get("args"))))
    for old, new, answer, code in table:
        wanted = {"ALLOW": [("SCMP_ACT_ALLOW", None, False)], "HOSTILE": [("SCMP_ACT_KILL_PROCESS", None, False)]}.get(answer) or (
            [] if code == "EPERM" else [("SCMP_ACT_ERRNO", int(code) if code.isdigit() else getattr(errno, code), False)])
        assert said.get(old or new, []) == wanted, (old or new, said.get(old or new), wanted)
    # What goes by arguments is never allowed without one.
    by_arguments = set(re.findall(r"^(?:NEW)?RULE\((\w+),", (tap.TOP / "runtime/syscalls.def").read_text(), re.M))
    loose = [name for name in by_arguments for action, _, has_args in said.get(name, []) if not has_args]
    assert loose == [] and "socket" in by_arguments and said["socket"], loose


def no_isolation_is_seen():
    """a runtime that isolates nothing is refused before the program is handed over"""
    needs_root()
    with tempfile.TemporaryDirectory() as place:
        # As a plain user, in a directory of its own: the init must not even begin to serve.
        path = wrapper(place, f"""
case "$*" in
*" create "*)
    while [ "$1" != --bundle ]; do shift; done
    cp "$2/config.json" {place}/config.json
    {sys.executable} - "$4" {place}/config.json <<'END' &
import json, os, sys
config = json.load(open(sys.argv[2]))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.execve(config["process"]["args"][0], config["process"]["args"], dict(PATH="/usr/bin"))
END
    echo $! >"$4"
    ;;
esac
exit 0
""")
        backend = Backend("liar", "--backend", f"oci:{path}")
        status, result = backend.run("open('/tmp/pysbx-was-here', 'w')")
        assert (status, result["status"]) == (125, "unavailable"), result
        assert not os.path.exists("/tmp/pysbx-was-here")
        assert "ran" not in result and "usage" not in result, result


def absent():
    """a runtime that is not there is `unavailable`, with the remedy"""
    status, result = Backend("absent", "--backend", "oci:no-such-runtime").run("print(1)")
    assert (status, result["status"]) == (125, "unavailable") and "install" in result["remedy"], result


def failing():
    """a runtime that fails is `unavailable`, in its own words"""
    needs_root()
    with tempfile.TemporaryDirectory() as place:
        path = wrapper(place, "echo 'no container today' >&2; exit 1\n")
        status, result = Backend("failing", "--backend", f"oci:{path}").run("print(1)")
        assert (status, result["status"]) == (125, "unavailable") and "no container today" in result["message"], result


def other_version():
    """a program that was screened as another Python's is not run"""
    needs_root()
    if not find("runc"):
        raise tap.Skip("no runc here")
    backend = Backend("runc", "--backend", "oci:runc")
    other = "3.8" if sys.version_info[1] != 8 else "3.9"
    status, out, err = backend.call("run", "--json", *backend.options, "--target-version", other, "-c", "print(1)")
    assert status == 0 or b"screened as" in err + out, (status, out, err)


def guard_comes_first():
    """what the guard refuses is refused, and no container is made for it"""
    with tempfile.TemporaryDirectory() as place:
        path = wrapper(place, f"echo called >>{place}/log; exit 1\n")
        for extra in ((), ("--guard-sealed",)):
            status, out, err = Backend("guarded", "--backend", f"oci:{path}").call(
                "run", "--json", *extra, "--backend", f"oci:{path}", "-c", "import os; os.system('id')")
            assert status == 126 and json.loads(out)["status"] == "rejected", (status, out, err)
        assert not os.path.exists(f"{place}/log")


def manual():
    """the examples of pysbx-oci(1), with crun and runsc"""
    needs_root()
    for name in ("crun", "runsc"):
        if not find(name):
            raise tap.Skip(f"no {name} here")
    examples.execute(tap.TOP / "man" / "pysbx-oci.1", {"HOME": "/nonexistent", "LANG": "C.UTF-8"}, before=before("crun"))


ALONE = [manual, without_subordinate_ids, guard_comes_first, bundle_is_of_the_form, no_isolation_is_seen, absent, failing, other_version]


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP the OCI runtimes are tested as root")
        return 0
    tests = [bound(with_runtime(test), backend) for backend in BACKENDS
             for test in (EACH if backend is BACKENDS[0] else OF_OTHERS)
             if not (backend.gvisor and test in CONTAINMENT[1:])]
    tests += [rootless(test, name) for name, some in (("runc", ROOTLESS), ("crun", ROOTLESS[:5])) for test in some]
    return tap.run(tests + ALONE)


if __name__ == "__main__":
    sys.exit(main())
