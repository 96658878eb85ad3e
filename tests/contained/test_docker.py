#!/usr/bin/env python3
"""The Docker backend with real daemons, dockerd and podman's service: reference checks, limits, containment, which requests
are made, what is left behind; and `auto` where nothing else is to be had."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]
import daemons
from common import (CONTAINMENT, LIMITS, REFERENCE, Backend, bound, endings, files, masked, memory, processes, streams, tap)

import examples

PROGRAM = tap.BUILD / "docker" / "pysbx-docker"
_state = Path(tempfile.mkdtemp(prefix="pysbx-test-"))
_state.chmod(0o755)
_daemons = {}
_reasons = {}
PLAIN = 12345


def daemon(name):
    """The daemon of that name, started at the first call; skips where there can be none."""
    if os.geteuid() != 0:
        raise tap.Skip("daemons are started as root only")
    if not PROGRAM.exists():
        raise tap.Skip("built without the Docker backend")
    if not daemons.find("dockerd" if name == "docker" else name):
        raise tap.Skip(f"{name} is not installed")
    if name in _reasons:
        raise tap.Skip(_reasons[name])
    if name not in _daemons:
        try:
            _daemons[name] = daemons.Daemon(name)
        except RuntimeError as error:
            _reasons[name] = f"{name} does not start here: {str(error).splitlines()[-1][:200]}"
            raise tap.Skip(_reasons[name]) from None
    return _daemons[name]


class DockerBackend(Backend):
    """pysbx with one of the daemons; the image is made at first use, and recorded in the test's own place."""

    def __init__(self, name, *extra, title=None, gvisor=False):
        super().__init__(title or name, gvisor=gvisor, env={"XDG_STATE_HOME": str(_state)})
        self.kind, self.extra = name, extra

    @property
    def options(self):
        return ("--backend", "docker", "--docker-host", daemon(self.kind).url, *self.extra)

    @options.setter
    def options(self, value):
        pass


BACKENDS = [DockerBackend("docker"), DockerBackend("podman")]
GVISOR = DockerBackend("docker", "--docker-runtime", "runsc", title="docker with runsc", gvisor=True)


def containers(name):
    """Ids of every container the daemon knows, running or not."""
    done = subprocess.run(["curl", "-sS", "--unix-socket", daemon(name).socket, "http://d/v1.40/containers/json?all=1"],
                          capture_output=True, text=True, check=True, timeout=60)
    return [entry["Id"] for entry in json.loads(done.stdout)]


def isolation(backend):
    """the result says what is held, and what is not"""
    told = backend.ok("print(1)")["isolation"]
    assert told["backend"] == "docker", told
    needed = {"mount", "pid", "net", "ipc", "uts", "proc", "caps", "nnp", "seccomp", "memory-limit", "pids-limit", "cpu-share"}
    assert needed <= set(told["layers"]), told
    # A daemon of root's gives no user namespace; podman's compatible API no cgroup namespace.
    assert set(told["missing"]) <= {"user", "cgroup"} and told["tier"] == "reduced", told
    status, result = backend.run("print(1)", "--require", "full")
    assert (status, result["status"]) == (125, "unavailable") and "user namespace" in result["message"], result


def nothing_left(backend):
    """no way that a run ends leaves a container"""
    for code, options in (("print(1)", ()), ("1/0", ()), ("while True: pass", ("-t", "1s")),
                          ("x = bytearray(1 << 30)", ("-m", "64M"))):
        backend.run(code, *options)
    assert containers(backend.kind) == [], containers(backend.kind)


def interrupted(backend):
    """SIGTERM to pysbx ends and removes the container"""
    process = backend.popen("run", "--guard", "off", *backend.options, "-t", "60s", "-c",
                            "import time; print('on', flush=True); time.sleep(60)")
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM, process.returncode
    assert containers(backend.kind) == []


def killed_outright(backend):
    """after kill -9 of pysbx its container is ended and removed all the same"""
    process = backend.popen("run", "--guard", "off", *backend.options, "-t", "60s", "-c",
                            "import time; print('on', flush=True); time.sleep(60)")
    assert process.stdout.readline() == b"on\n"
    process.kill()
    process.wait()
    end = time.monotonic() + 30
    while containers(backend.kind) and time.monotonic() < end:
        time.sleep(0.1)
    assert containers(backend.kind) == []


def both_killed(backend):
    """after kill -9 of pysbx and of its helper the container ends by itself, and the next run removes it"""
    process = backend.popen("run", "--guard", "off", *backend.options, "-t", "60s", "-c",
                            "import time; print('on', flush=True); time.sleep(60)")
    assert process.stdout.readline() == b"on\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1, children
    process.kill()
    os.kill(int(children[0]), signal.SIGKILL)
    process.wait()
    assert len(containers(backend.kind)) == 1
    end = time.monotonic() + 20
    while time.monotonic() < end:
        backend.ok("print(1)")
        if not containers(backend.kind):
            return
        time.sleep(0.2)
    raise AssertionError(containers(backend.kind))


EACH = [*REFERENCE, isolation, *LIMITS, nothing_left, interrupted, killed_outright, both_killed, *CONTAINMENT]
# The same code decides for both daemons: of podman's what differs between them.
OF_PODMAN = [*REFERENCE, isolation, endings, memory, processes, streams, files, masked, nothing_left, interrupted,
             killed_outright, *CONTAINMENT]


# Which requests are made

WANTED = [r"GET /_ping", r"POST /v1\.\d+/containers/create", r"POST /v1\.\d+/containers/ID/attach\?stream=1&stdin=1&stdout=1&stderr=1",
          r"POST /v1\.\d+/containers/ID/start", r"GET /v1\.\d+/containers/json\?all=1&filters=.*",
          r"POST /v1\.\d+/containers/ID/wait", r"GET /v1\.\d+/containers/ID/json",
          r"DELETE /v1\.\d+/containers/ID\?force=1&v=1"]


def requests_of(backend, code, *options):
    with tempfile.TemporaryDirectory() as place:
        proxy = daemons.Proxy(daemon("docker").socket, place)
        record = next(iter((_state / "pysbx/images").iterdir()))
        image = record.read_text().split()[1]
        status, result = Backend("proxied", "--backend", "docker", "--docker-host", proxy.url, "--image", image,
                                 env={"XDG_STATE_HOME": str(_state)}).run(code, *options)
        requests = [re.sub(r"[0-9a-f]{64}", "ID", line) for line in proxy.requests]
        return status, result, requests, proxy.bodies


def exactly_these_requests():
    """a run is ping, create, attach, start, list, wait, inspect, remove, and nothing else"""
    BACKENDS[0].ok("print(1)")
    status, result, requests, _ = requests_of(BACKENDS[0], "print(45)")
    assert status == 0, result
    assert len(requests) == len(WANTED) and all(map(re.fullmatch, WANTED, requests)), requests


def kill_is_one_more():
    """a flood that the init does not end is killed; nothing else is asked for"""
    BACKENDS[0].ok("print(1)")
    _, result, requests, _ = requests_of(BACKENDS[0], "while True: print('x' * 65536)", "--max-output", "1k", "-t", "20s")
    assert result["status"] == "output_limit", result
    others = [line for line in requests if not any(re.fullmatch(pattern, line) for pattern in WANTED)]
    assert all(re.fullmatch(r"POST /v1\.\d+/containers/ID/kill\?signal=KILL", line) for line in others), others


def create_asks_for_it_all():
    """the create request asks for every restriction"""
    BACKENDS[0].ok("print(1)")
    _, _, _, bodies = requests_of(BACKENDS[0], "print(45)", "-m", "64M", "--pids-limit", "7", "--nofile", "99")
    text = bodies.split(b"/containers/create", 1)[1].split(b"\r\n\r\n", 1)[1]
    body = json.JSONDecoder().raw_decode(text.decode("utf-8", "replace"))[0]
    host = body["HostConfig"]
    assert body["User"] == "65534:65534" and body["Hostname"] == "sandbox"
    assert body["NetworkDisabled"] is True
    assert host["NetworkMode"] == "none" and host["CapDrop"] == ["ALL"] and host["ReadonlyRootfs"] is True
    assert host["Memory"] == host["MemorySwap"] == 64 << 20 and host["PidsLimit"] == 8
    assert host["IpcMode"] == "private" and host["CgroupnsMode"] == "private" and host["LogConfig"]["Type"] == "none"
    assert host["RestartPolicy"]["Name"] == "no" and "Privileged" not in host and "Binds" not in host and "Devices" not in host
    assert {"Name": "nofile", "Soft": 99, "Hard": 99} in host["Ulimits"]
    assert "noexec,nosuid,nodev,size=" in host["Tmpfs"]["/tmp"]
    assert host["SecurityOpt"][0] == "no-new-privileges" and '"defaultAction"' in host["SecurityOpt"][1]
    assert "pysbx.run" in body["Labels"]
    assert "print(45)" not in json.dumps(body), "the program travels over the attached stream only"


# Images, runtimes

def image_make():
    """`pysbx image make` makes an image without a registry, and records its digest"""
    with tempfile.TemporaryDirectory() as state:
        backend = Backend("image", env={"XDG_STATE_HOME": state})
        status, out, err = backend.call("image", "make", "--docker-host", daemon("docker").url)
        assert status == 0, err
        digest = out.split(b":")[0].decode() + ":" + out.split(b":")[1].decode()
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest), out
        records = list(Path(state, "pysbx/images").iterdir())
        assert len(records) == 1 and digest in records[0].read_text()
        for name in (digest, digest[7:], digest[7:7 + 12]):
            status, result = Backend("by id", "--backend", "docker", "--docker-host", daemon("docker").url, "--image", name,
                                     env={"XDG_STATE_HOME": state}).run("print(45)")
            assert status == 0 and result["stdout"] == "45\n", result


def image_by_tag():
    """a tag is no image: it may come to mean another one"""
    status, result = Backend("tag", "--backend", "docker", "--docker-host", daemon("docker").url, "--image", "python:3.11",
                             env={"XDG_STATE_HOME": str(_state)}).run("print(1)")
    assert status == 125 and "neither an id nor a digest" in result["message"], result


def image_absent():
    """an image that the daemon lacks is `unavailable`, and nothing is pulled"""
    status, result = Backend("absent", "--backend", "docker", "--docker-host", daemon("docker").url, "--image",
                             "sha256:" + "0" * 64, env={"XDG_STATE_HOME": str(_state)}).run("print(1)")
    assert (status, result["status"]) == (125, "unavailable") and "has no image" in result["message"], result
    assert containers("docker") == []


def runtime_absent():
    """a runtime that the daemon lacks is `unavailable`"""
    status, result = Backend("runtime", *BACKENDS[0].options, "--docker-runtime", "no-such",
                             env={"XDG_STATE_HOME": str(_state)}).run("print(1)")
    assert (status, result["status"]) == (125, "unavailable") and "does not have it" in result["message"], result


def with_gvisor():
    """--docker-runtime runsc puts a second kernel in between"""
    if not daemons.find("runsc"):
        raise tap.Skip("runsc is not installed")
    result = GVISOR.ok("print(45)")
    assert result["stdout"] == "45\n" and "kernel" in result["isolation"]["layers"], result


def manual():
    """the examples of pysbx-image(1) and pysbx-docker(1), with dockerd and podman"""
    env = {"DOCKER_HOST": daemon("docker").url, "XDG_STATE_HOME": str(_state), "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    podman = ("unix:///run/podman/podman.sock", daemon("podman").url)
    for name in ("pysbx-image.1", "pysbx-docker.1"):
        examples.execute(tap.TOP / "man" / name, env, replaced=[podman])


# auto

def forbidding(*groups):
    """A plain user without user namespaces, with these groups."""
    return ["setpriv", "--reuid", str(PLAIN), "--regid", str(PLAIN), *(
        ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]), "unshare", "-r", "sh", "-c",
        'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh"]


def plain_copy():
    """pysbx and its program where a plain user can read and trust them."""
    place = Path(tempfile.mkdtemp(prefix="pysbx-test-"))
    place.chmod(0o755)
    (place / "docker").mkdir(mode=0o755)
    shutil.copy(tap.PYSBX, place / "pysbx")
    shutil.copy(PROGRAM, place / "docker" / "pysbx-docker")
    for path in (place, place / "docker", place / "pysbx", place / "docker" / "pysbx-docker"):
        os.chown(path, PLAIN, PLAIN)
    state = place / "state"
    state.mkdir()
    os.chown(state, PLAIN, PLAIN)
    return place


def doctor_of(backend):
    status, out, err = backend.call("doctor", "--json")
    report = json.loads(out)
    assert status == (0 if report["available"] else 1), (status, report["available"])
    return report


def auto_takes_docker():
    """where user namespaces are forbidden `auto` takes Docker by itself, and says so, and so does doctor"""
    server = daemon("docker")
    os.chown(server.socket, 0, 54321)
    os.chmod(server.socket, 0o660)
    place = plain_copy()
    try:
        backend = Backend("auto", before=forbidding(54321), program=place / "pysbx", env={
            "DOCKER_HOST": server.url, "XDG_STATE_HOME": str(place / "state")})
        status, out, err = backend.call("run", "-c", "print(45)", timeout=120)
        assert (status, out) == (0, b"45\n") and b"Docker backend ran it" in err, (status, out, err)
        status, result = backend.run("import os; print(os.getuid())", "--backend", "auto")
        assert status == 0 and result["isolation"]["backend"] == "docker" and result["stdout"] == "65534\n", result
        status, result = backend.run("print(1)", "--backend", "native")
        assert (status, result["status"]) == (125, "unavailable"), result
        report = doctor_of(backend)
        assert (report["available"], report["backend"], report["tier"]) == (True, "docker", "reduced"), report
    finally:
        shutil.rmtree(place)


def auto_without_socket():
    """without a socket it is `unavailable`, with what was tried and the remedies"""
    daemon("docker")
    place = plain_copy()
    try:
        backend = Backend("auto", before=forbidding(), program=place / "pysbx", env={
            "DOCKER_HOST": daemon("docker").url, "XDG_STATE_HOME": str(place / "state")})
        status, out, err = backend.call("run", "-c", "print(45)")
        assert (status, out) == (125, b""), (status, out, err)
        lines = err.decode().splitlines()
        assert any(line.startswith("pysbx: native: ") for line in lines), lines
        assert any(line.startswith("pysbx: docker: ") for line in lines), lines
        assert sum(line.startswith("  help: ") for line in lines) >= 2, lines
        status, result = backend.run("print(45)")
        assert (status, result["status"]) == (125, "unavailable") and result["remedy"], result
        report = doctor_of(backend)
        assert not report["available"] and report["backend"] is None, report
        told = next(check for check in report["checks"] if check["name"] == "docker")
        assert not told["ok"] and daemon("docker").url in told["detail"] and told["remedy"], told
    finally:
        shutil.rmtree(place)


def usual_sockets():
    """without a name the daemon of the user's own is found, dockerd's or podman's"""
    if Path("/var/run/docker.sock").exists():
        raise tap.Skip("this machine has a daemon of its own, which goes before")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        for name, link in (("docker", "docker.sock"), ("podman", "podman/podman.sock")):
            path = Path(place, name, link)
            path.parent.mkdir(parents=True)
            path.symlink_to(daemon(name).socket)
            backend = Backend(name, "--backend", "docker", env={"XDG_RUNTIME_DIR": f"{place}/{name}",
                                                                "XDG_STATE_HOME": str(_state)})
            told = next(check for check in doctor_of(backend)["checks"] if check["name"] == "docker")
            assert told["ok"] and f"{name} unix://{path} " in told["detail"], told
            assert backend.ok("print(45)")["stdout"] == "45\n"


def refused_makes_no_container():
    """what the guard refuses makes no request at all"""
    with tempfile.TemporaryDirectory() as place:
        proxy = daemons.Proxy(daemon("docker").socket, place)
        for extra in ((), ("--guard-sealed",)):
            status, _, _ = Backend("guarded", env={"XDG_STATE_HOME": str(_state)}).call(
                "run", *extra, "--backend", "docker", "--docker-host", proxy.url, "-c", "import os; os.system('id')")
            assert status == 126 and proxy.requests == [], (status, proxy.requests)


def daemon_dies():
    """a daemon that dies mid-run ends in a clear status; the container ends, and is removed once it is back"""
    server = daemon("docker")
    backend = BACKENDS[0]
    process = backend.popen("run", "--guard", "off", "--json", *backend.options, "-t", "60s", "-c",
                            "import time; print('on', flush=True); time.sleep(60)")
    end = time.monotonic() + 30
    while not containers("docker") and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(1)
    server.kill()
    out, err = process.communicate(timeout=120)
    result = json.loads(out)
    assert process.returncode == 125 and result["status"] == "error" and "docker" in result["message"], (result, err)
    server.end_helpers()
    server.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        backend.ok("print(1)")
        if not containers("docker"):
            return
        time.sleep(0.5)
    raise AssertionError(containers("docker"))


ALONE = [exactly_these_requests, kill_is_one_more, create_asks_for_it_all, image_make, image_by_tag, image_absent,
         runtime_absent, with_gvisor, manual, auto_takes_docker, auto_without_socket, usual_sockets,
         refused_makes_no_container, daemon_dies]


def main():
    if os.geteuid() != 0 or not PROGRAM.exists():
        print(f"1..0 # SKIP {'daemons are started as root only' if os.geteuid() else 'built without the Docker backend'}")
        return 0
    tests = [bound(test, backend) for backend, tests in zip(BACKENDS, (EACH, OF_PODMAN)) for test in tests]
    try:
        return tap.run(tests + ALONE)
    finally:
        for server in _daemons.values():
            server.stop()
        shutil.rmtree(_state, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
