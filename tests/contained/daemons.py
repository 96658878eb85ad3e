"""Real daemons that speak the Docker Engine API, started by the test on places of their own, and a proxy that writes down
what is asked of one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

UNIFIED = Path("/sys/fs/cgroup/unified")


def find(name):
    for place in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"):
        if os.access(f"{place}/{name}", os.X_OK):
            return f"{place}/{name}"
    return None


def answers(path):
    try:
        with socket.socket(socket.AF_UNIX) as tried:
            tried.settimeout(5)
            tried.connect(str(path))
            tried.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in tried.recv(64)
    except OSError:
        return False


class Daemon:
    """One daemon with everything of its own below a directory; ended by its pid. extra: more options of dockerd's;
    before: a command that starts it in surroundings of its own."""

    def __init__(self, name, *extra, before=()):
        self.name, self.extra, self.before = name, extra, before
        self.place = Path(tempfile.mkdtemp(prefix="pysbx-test-"))
        self.place.chmod(0o755)
        self.socket = self.place / f"{name}.sock"
        self.process = None
        try:
            self.start()
        except RuntimeError:
            self.stop()
            raise

    @property
    def url(self):
        return f"unix://{self.socket}"

    def command(self):
        at = self.place
        if self.name == "docker":
            return [find("dockerd"), "-H", self.url, "--data-root", f"{at}/root", "--exec-root", f"{at}/exec", "--pidfile",
                    f"{at}/pid", "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false",
                    "--config-file", str(self.config()), *self.extra]
        # crun refuses hosts where both versions of control groups have controllers.
        runtime = ["--runtime", find("runc")] if UNIFIED.is_dir() and find("runc") else []
        return [find("podman"), *runtime, "--root", f"{at}/root", "--runroot", f"{at}/run", "--cgroup-manager", "cgroupfs",
                "--events-backend", "file", "system", "service", "--time", "0", self.url]

    def config(self):
        path = self.place / "daemon.json"
        runtimes = {"runsc": {"path": find("runsc"), "runtimeArgs": ["--network=none", "--oci-seccomp"]}}
        path.write_text(json.dumps({"runtimes": runtimes} if find("runsc") else {}))
        return path

    def start(self):
        self.log = open(self.place / "log", "ab")
        self.process = subprocess.Popen([*self.before, *self.command()], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd="/",
                                        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                             "HOME": str(self.place)}, start_new_session=True)
        end = time.monotonic() + 40
        while time.monotonic() < end and self.process.poll() is None:
            if answers(self.socket):
                return
            time.sleep(0.1)
        raise RuntimeError((self.place / "log").read_text()[-1500:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.end_helpers()
        self.log.close()
        for line in sorted((line.split()[4] for line in open("/proc/self/mountinfo")), reverse=True):
            if line.startswith(str(self.place) + "/"):
                subprocess.run(["umount", line], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.place, ignore_errors=True)

    def end_helpers(self):
        """A daemon that was killed leaves its containerd; it is told by the files in this test's own directory."""
        for file in self.place.glob("exec/containerd/containerd.pid"):
            try:
                pid = int(file.read_text())
                os.kill(pid, signal.SIGTERM)
                end = time.monotonic() + 10
                while time.monotonic() < end and os.path.exists(f"/proc/{pid}/exe"):
                    time.sleep(0.05)
                file.unlink()
            except (OSError, ValueError):
                pass


class Proxy:
    """Passes everything on to a socket and keeps the first line of each request."""

    def __init__(self, target, place):
        self.target, self.requests, self.bodies = str(target), [], b""
        self.path = Path(place, "proxy.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(20)
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def url(self):
        return f"unix://{self.path}"

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            threading.Thread(target=self.copy, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, False), daemon=True).start()

    def copy(self, source, sink, keep):
        # A connection that has become a stream carries no more requests.
        upgraded = False
        while True:
            try:
                data = source.recv(1 << 16)
                if keep and data and not upgraded:
                    line = data.split(b"\r\n", 1)[0]
                    if line.endswith(b" HTTP/1.1"):
                        self.requests.append(line.decode().rsplit(" ", 1)[0])
                        upgraded = b"\r\nUpgrade: tcp\r\n" in data
                    if b"/containers/create" in line or not line.endswith(b" HTTP/1.1"):
                        self.bodies += data
                if data:
                    sink.sendall(data)
                    continue
            except OSError:
                pass
            try:
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return
