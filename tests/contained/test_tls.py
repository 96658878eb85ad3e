#!/usr/bin/env python3
"""The Docker backend with a dockerd that listens on TCP with TLS and gives its containers a user namespace: certificates of
either side are looked at, nothing is said without TLS, and the tier is full."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]
import daemons
from common import REFERENCE, Backend, bound, files, memory, streams, tap

PROGRAM = tap.BUILD / "docker" / "pysbx-docker"
_place = Path(tempfile.mkdtemp(prefix="pysbx-test-"))
_place.chmod(0o755)


def certificates(name):
    """An authority, and what it signed for a server at 127.0.0.1 and for a client; named as the docker command has them."""
    place = _place / name
    place.mkdir()

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=place, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj",
            "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE")
    for number, (out, key, use) in enumerate((("server.pem", "server-key.pem", "serverAuth"), ("cert.pem", "key.pem", "clientAuth"))):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", "request.pem", "-subj", f"/CN={out}")
        (place / "extensions").write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={use}\n")
        openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-set_serial", str(number + 2),
                "-out", out, "-days", "2", "-extfile", "extensions")
    return place


def remapped():
    """A view of /etc with a user who has subordinate ids, for the daemon alone."""
    etc = _place / "etc"
    shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
    for name, line in (("passwd", "remapped:x:54322:54322::/:/bin/false"), ("group", "remapped:x:54322:"),
                       ("subuid", "remapped:200000:65536"), ("subgid", "remapped:200000:65536")):
        with open(etc / name, "a", encoding="utf-8") as file:
            file.write(line + "\n")
    return ["unshare", "-m", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh"]


def free_port():
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


def start():
    own = certificates("own")
    # Another one may take the port in between.
    for last in (False, False, True):
        port = free_port()
        try:
            server = daemons.Daemon("docker", "-H", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", f"{own}/ca.pem",
                                    "--tlscert", f"{own}/server.pem", "--tlskey", f"{own}/server-key.pem", "--userns-remap",
                                    "remapped", before=remapped())
            return server, f"tcp://127.0.0.1:{port}"
        except RuntimeError as error:
            if last or "in use" not in str(error):
                raise
            shutil.rmtree(_place / "etc")


def over(url, certs):
    return Backend("docker over TLS", "--backend", "docker", "--docker-host", url, env={
        "XDG_STATE_HOME": str(_place / "state"), "DOCKER_CERT_PATH": str(certs)})


def refuses(url, certs, *words):
    status, result = over(url, certs).run("print(45)")
    assert (status, result["status"]) == (125, "unavailable"), result
    assert any(word in result["message"] for word in words) and "DOCKER_CERT_PATH" in result["remedy"], result


class Plain:
    """Accepts TCP, and keeps what comes without an answer in TLS."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.came = b""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
                self.came += client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK")
                client.close()
            except OSError:
                return


def tests_of(url):
    own, other, nobody = _place / "own", certificates("other"), _place / "none"
    nobody.mkdir()
    shutil.copy(own / "ca.pem", nobody)
    backend = over(url, own)

    def full():
        """a daemon with userns-remap gives a user namespace, and the tier is full"""
        result = backend.ok("print(open('/proc/self/uid_map').read().split())", "--require", "full")
        assert result["stdout"] == "['0', '200000', '65536']\n", result
        assert result["isolation"]["tier"] == "full" and result["isolation"]["missing"] == [], result

    def wrong_authority():
        """a daemon whose certificate another authority signed is refused"""
        refuses(url, other, "certificate")

    def no_client_certificate():
        """without a certificate of one's own the daemon refuses, and that is said"""
        refuses(url, nobody, "data from the peer", "alert", "SSL")

    def other_name():
        """a certificate for another name is refused"""
        refuses(url.replace("127.0.0.1", "localhost"), own, "certificate")

    def without_tls():
        """nothing is asked of a daemon without TLS"""
        plain = Plain()
        refuses(f"tcp://127.0.0.1:{plain.port}", own, "SSL", "TLS")
        assert plain.came and b"HTTP" not in plain.came and plain.came[0] == 22, plain.came[:40]
        status, result = over(f"http://127.0.0.1:{plain.port}", own).run("print(45)")
        assert (status, result["status"]) == (125, "unavailable") and "TLS" in result["remedy"], result

    def nothing_left():
        """no container is left"""
        done = subprocess.run(["curl", "-sS", "--cacert", own / "ca.pem", "--cert", own / "cert.pem", "--key", own / "key.pem",
                               url.replace("tcp:", "https:") + "/v1.40/containers/json?all=1"], capture_output=True, check=True)
        assert json.loads(done.stdout) == [], done.stdout

    return [*(bound(test, backend) for test in (*REFERENCE, streams, files, memory)), full, wrong_authority,
            no_client_certificate, other_name, without_tls, nothing_left]


def why_not():
    if os.geteuid() != 0:
        return "daemons are started as root only"
    if not PROGRAM.exists():
        return "built without the Docker backend"
    return next((f"{name} is not installed" for name in ("dockerd", "openssl", "curl", "unshare") if not daemons.find(name)), None)


def main():
    if why_not():
        print(f"1..0 # SKIP {why_not()}")
        return 0
    server = None
    try:
        server, url = start()
        return tap.run(tests_of(url))
    except RuntimeError as error:
        print(f"1..0 # SKIP dockerd does not start here: {str(error).splitlines()[-1][:200]}")
        return 0
    finally:
        if server:
            server.stop()
        shutil.rmtree(_place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
