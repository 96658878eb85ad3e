"""A Docker daemon of a test's own: by hand, on a socket and data of its own, without a network, ended by its pid.

The image is made of this machine's Python and the program under test; no registry is asked.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap  # noqa: E402


class Daemon:
    """Started with the object, ended with close(). Raises tap.Skip where there can be none."""

    def __init__(self):
        if os.geteuid():
            raise tap.Skip("a Docker daemon needs root")
        for name in ("dockerd", "docker", "containerd"):
            if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
                raise tap.Skip(f"{name} is not installed")
        # The shorter the better: sockets' names have a limit.
        self.place = Path(tempfile.mkdtemp(prefix="test-dk-"))
        self.socket = f"unix://{self.place}/sock"
        self.process = None
        self.log = open(self.place / "log", "w+", encoding="utf-8")
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        self.process = subprocess.Popen(
            ["dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
             f"--data-root={self.place}/data", f"--exec-root={self.place}/exec", f"--pidfile={self.place}/pid",
             "-H", self.socket], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
        end = time.monotonic() + 40
        while time.monotonic() < end and self.process.poll() is None:
            if self.docker("version").returncode == 0:
                return
            time.sleep(0.2)
        self.log.seek(0)
        said = [line for line in self.log.read().splitlines() if "level=info" not in line]
        raise tap.Skip("dockerd does not start here: " + (said[-1][-200:] if said else "it does not answer"))

    def docker(self, *args, **options):
        return tap.command("docker", "-H", self.socket, *args, timeout=options.pop("timeout", 120), **options)

    def image(self, name="pysbx-test", extra=()):
        """An image of a minimal root with the program, and of what else is to go in; its name."""
        root = self.place / "root"
        tap.command(tap.PYSBX, "rootfs", "make", "--python", "/usr/bin/python3", root, check=0)
        for folder in ("tmp", "proc", "dev", "sys", "etc", "usr/bin"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "tmp").chmod(0o1777)
        shutil.copy(tap.PYSBX, root / "usr/bin/pysbx")
        for source, target in extra:
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / target)
        for line in tap.command("ldd", tap.PYSBX).stdout.splitlines():
            for word in line.split():
                if word.startswith("/") and not (root / word[1:]).exists():
                    (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(word, root / word[1:])
        with subprocess.Popen(["tar", "-C", root, "--numeric-owner", "-c", "."], stdout=subprocess.PIPE) as tar:
            done = subprocess.run(["docker", "-H", self.socket, "import", "-", name], stdin=tar.stdout,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        if done.returncode:
            raise tap.Skip("docker import fails here: " + done.stderr.strip()[-200:])
        shutil.rmtree(root)
        return name

    def run(self, *args, options=(), **more):
        """A container with the engine's default settings, but for the network, which is not needed."""
        return self.docker("run", "--rm", "--network=none", *options, "pysbx-test", *args, **more)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.place, ignore_errors=True)
