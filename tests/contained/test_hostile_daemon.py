#!/usr/bin/env python3
"""A daemon that is broken, or lies: every answer of it ends in a clear status, in bounded time, and the container that it says
it has made is asked to be removed. The daemon is made by hand here: no real one does these things."""

import json
import os
import re
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]
from common import Backend, tap

PROGRAM = tap.BUILD / "docker" / "pysbx-docker"
ID = "c0ffee" + "0" * 58
IMAGE = "sha256:" + "0" * 64


def frame(kind, data):
    return bytes([kind, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def facts(**changes):
    """A hello as a good container's init says it; namespaces are none of ours."""
    lines = {"pid": 1, "python": sys.version_info[1], "ids": "65534 65534 65534 65534 65534 65534", "groups": "",
             "CapInh": "0" * 16, "CapPrm": "0" * 16, "CapEff": "0" * 16, "CapBnd": "0" * 16, "CapAmb": "0" * 16,
             "NoNewPrivs": 1, "Seccomp": 2, "uid_map": "0 100000 65536", "interfaces": "lo", "processes": 1, "fs_root": "1 100",
             "fs_tmp": "14 67108864", "fs_shm": "14 67108864", "fs_sandbox": "14 4096", "cgroup": 2, "memory": 256 << 20,
             "swap": 0, "pids": 65, "quota": 500}
    lines.update({f"ns_{name}": 77 for name in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")})
    lines.update(changes)
    text = "".join(f"{key} {value}\n" for key, value in lines.items()).encode()
    return b"pysbx-inner 1 %08x\n" % len(text) + text


class Liar:
    """One socket; what it does is in `script`, a dict of step to bytes to answer, or a function of the connection."""

    def __init__(self, place, **script):
        self.path = Path(place, "liar.sock")
        self.script, self.requests, self.order = script, [], b""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(20)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def request(self, client):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        while length and len(rest) < int(length.group(1)):
            rest += client.recv(65536)
        line = head.split(b"\r\n")[0].decode().rsplit(" ", 1)[0]
        self.requests.append(line)
        return line

    def talk(self, client):
        try:
            while True:
                line = self.request(client)
                if line is None:
                    return
                step = ("ping" if "/_ping" in line else "create" if "/create" in line else "attach" if "/attach" in line else
                        "start" if "/start" in line else "list" if "/json?all" in line else "wait" if "/wait" in line else
                        "kill" if "/kill" in line else "remove" if line.startswith("DELETE") else "inspect")
                answer = self.script.get(step, GOOD.get(step))
                if callable(answer):
                    answer(self, client)
                    return
                client.sendall(answer)
        except OSError:
            pass
        finally:
            client.close()


def http(status, body=b"", **headers):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


def stream(*frames, wait=0.2, swallow=False):
    """The attached stream: these bytes, then the end."""
    def attach(liar, client):
        client.sendall(UPGRADED)
        for piece in frames:
            time.sleep(wait)
            client.sendall(piece)
        client.settimeout(0.5)
        try:
            while swallow:
                liar.order += client.recv(65536)
        except OSError:
            pass
        client.shutdown(socket.SHUT_RDWR)
    return attach


GOOD = {"ping": http("200 OK", b"OK", Api_Version="1.41"), "create": http("201 Created", {"Id": ID, "Warnings": []}),
        "attach": stream(), "start": http("204 No Content"), "list": http("200 OK", []), "kill": http("204 No Content"),
        "wait": http("200 OK", {"StatusCode": 0}), "remove": http("204 No Content"),
        "inspect": http("200 OK", {"State": {"ExitCode": 0, "OOMKilled": False}})}


def call(*options, timeout=100, **script):
    if not PROGRAM.exists():
        raise tap.Skip("built without the Docker backend")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        liar = Liar(place, **script)
        backend = Backend("liar", "--backend", "docker", "--docker-host", f"unix://{liar.path}", "--image", IMAGE,
                          env={"XDG_STATE_HOME": place})
        began = time.monotonic()
        status, result = backend.run("print('ran')", *options, timeout=timeout)
        return status, result, liar, time.monotonic() - began


def removed(liar):
    return any(line.startswith("DELETE ") and ID in line for line in liar.requests)


def fails(what, words, expect_removed=None, within=30, status="unavailable", **script):
    """A test: with that script the run ends in that status, saying these words."""
    def test():
        code, result, liar, took = call(**script)
        assert code == 125 and result["status"] == status, result
        assert re.search(words, result["message"]), result["message"]
        assert result.get("stdout", "") in ("", "x") and took < within, (result, took)
        if expect_removed is not None:
            assert removed(liar) == expect_removed, liar.requests
    test.__doc__ = what
    return test


def stall(liar, client):
    time.sleep(60)


def close(liar, client):
    client.close()


def ran_to(record):
    """A container whose hello is good, and that then says this once it has the order."""
    def attach(liar, client):
        client.sendall(UPGRADED + frame(1, facts()))
        order = b""
        while b"R\0\0\0\0" not in order:
            order += client.recv(65536)
        liar.order = order
        key = order[5:5 + 32]
        for piece in record(key):
            client.sendall(piece)
            time.sleep(0.02)
        client.shutdown(socket.SHUT_RDWR)
    return attach


def ending(text):
    return b"%08x" % len(text) + text


def honest_daemon_is_believed():
    """the control: a daemon made by hand that does all of it right runs the program"""
    status, result, liar, _ = call(attach=ran_to(lambda key: [
        frame(1, b"hel"), frame(1, b"lo\n"), frame(2, b"err"), frame(1, key + ending(b"exit 7\ncpu_us 5000\n"))]))
    assert status == 7 and result["status"] == "nonzero" and result["stdout"] == "hello\n" and result["stderr"] == "err", result
    assert removed(liar), liar.requests


def key_in_pieces():
    """the last record is found wherever frames cut it, and only with its key"""
    def attach(key):
        data = key[:9] + b"no key\n" + key + ending(b"exit 0\n")
        return [frame(1, bytes([byte])) for byte in data]
    status, result, _, _ = call(attach=ran_to(attach))
    assert status == 0 and result["stdout"].endswith("no key\n") and len(result["stdout"]) == 16, result


def forged_end():
    """a last record with another key is output, and a run without one is no success"""
    status, result, _, _ = call(attach=ran_to(lambda key: [frame(1, b"f" * 32 + ending(b"exit 0\n"))]))
    assert status == 125 and result["status"] == "error" and "exit 0" in result["stdout"], result


def oom_by_inspect():
    """a container that dies without a word is `oom` where the daemon says so"""
    status, result, _, _ = call(attach=ran_to(lambda key: [frame(1, b"x")]), inspect=http(
        "200 OK", {"State": {"ExitCode": 137, "OOMKilled": True}}))
    assert (status, result["status"]) == (137, "oom"), result


def mended(what, **changes):
    return fails(f"a container {what} is refused before the program", "verify: ", True, attach=stream(
        frame(1, facts(**changes)), wait=0.1))


def program_is_not_sent():
    """nothing of the program goes to a container that is not good enough"""
    status, result, liar, _ = call(attach=stream(frame(1, facts(Seccomp=0)), swallow=True))
    assert result["status"] == "unavailable" and b"ran" not in liar.order, liar.order


def nothing_in_plain():
    """P215: to a daemon by TCP nothing is said but in TLS"""
    heard = []

    def listen(server):
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                heard.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK")

    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as place:
        threading.Thread(target=listen, args=(server,), daemon=True).start()
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        for options, env in ((("--docker-host", url), {}), ((), {"DOCKER_HOST": url})):
            backend = Backend("tcp", "--backend", "docker", "--image", IMAGE, *options, env={"XDG_STATE_HOME": place, **env})
            status, result = backend.run("print(1)")
            assert (status, result["status"]) == (125, "unavailable"), result
    # A record of the handshake (RFC 8446), and no word of HTTP.
    assert len(heard) >= 2 and all(data[:2] == b"\x16\x03" and b"HTTP" not in data for data in heard), heard


TESTS = [
    honest_daemon_is_believed, nothing_in_plain, key_in_pieces, forged_end, oom_by_inspect, program_is_not_sent,
    fails("an API too old is refused", "at least 1.40", False, ping=http("200 OK", b"OK", Api_Version="1.30")),
    fails("an API without a version is refused", "API version", False, ping=http("200 OK", b"OK")),
    fails("a ping that answers 500", "500", False, ping=http("500 Internal Server Error", {"message": "no"})),
    fails("a ping that stalls", "[Tt]ime", False, within=20, ping=stall),
    fails("a ping that is hung up on", "ping", False, ping=close),
    fails("a create that answers 500", "500.*boom", False, create=http("500 Internal Server Error", {"message": "boom"})),
    fails("an image that is not there", "no image", False, create=http("404 Not Found", {"message": "No such image"})),
    fails("a create whose answer is no JSON", "making the container", False, create=http("201 Created", b"<html>")),
    fails("a create whose id is none", "making the container", False, create=http("201 Created", {"Id": "../../x"})),
    fails("an attach that is refused", "attaching.*409", True, attach=http("409 Conflict", {"message": "not now"})),
    fails("an attach that is hung up on", "attaching", True, attach=close),
    fails("an attach with an endless head", "attaching", True, attach=b"HTTP/1.1 101 UPGRADED\r\n" + b"x: y\r\n" * 20000),
    fails("a start that answers 500", "500.*boom", True, start=http("500 Internal Server Error", {"message": "boom"})),
    fails("a stream that ends at once", "ended before the program", True, attach=stream()),
    fails("a frame of an unknown kind", "malformed: a frame of an unknown kind", True, attach=stream(b"\7\0\0\0\0\0\0\1x")),
    fails("standard input sent back", "malformed: a frame of an unknown kind", True, attach=stream(frame(0, b"x"))),
    fails("a frame with reserved bytes", "malformed: a frame's reserved", True, attach=stream(b"\1\0\1\0\0\0\0\1x")),
    fails("a frame of 4 GiB", "malformed: a frame of more", True, attach=stream(b"\1\0\0\0\xff\xff\xff\xffx")),
    fails("a stream that ends within a frame", "malformed: it ends within", True, attach=stream(b"\1\0\0\0\0\0\0\x09p")),
    fails("a stream that ends within a frame's head", "malformed: it ends within", True, attach=stream(b"\1\0\0")),
    fails("a raw stream without frames", "malformed", True, attach=stream(b"Hello, I am a raw stream\n")),
    fails("another program's hello", "something else than hello", True, attach=stream(frame(1, b"Python 3.11 (main)\n>>> "))),
    fails("a hello of a malformed length", "malformed", True, attach=stream(frame(1, b"pysbx-inner 1 zzzzzzzz\npid 1\n"))),
    fails("a hello that is too long", "malformed", True, attach=stream(frame(1, b"pysbx-inner 1 7fffffff\npid 1\n"))),
    fails("a last record that is malformed", "malformed", True, status="error", attach=ran_to(
        lambda key: [frame(1, key + b"0000zzzz")])),
    fails("a last record that names impossible files", "malformed", True, status="error", attach=ran_to(
        lambda key: [frame(1, key + ending(b"exit 0\nfile 1 99999999999\n"))])),
    fails("a daemon that hangs up mid-run", "daemon|docker", True, status="error", attach=ran_to(lambda key: [frame(1, b"x")])),
    fails("a wait that answers 500", "500", True, status="error", attach=ran_to(
        lambda key: [frame(1, key + ending(b"exit 0\n"))]), wait=http("500 Internal Server Error", {"message": "no"})),
    fails("a remove that answers 500", "is left", True, status="error", attach=ran_to(
        lambda key: [frame(1, key + ending(b"exit 0\n"))]), remove=http("500 Internal Server Error", {"message": "no"})),
    mended("that runs as root", ids="0 0 0 0 0 0"),
    mended("with a group of the host's", groups="0"),
    mended("with capabilities", CapEff="0000000000000001"),
    mended("that may gain privileges", NoNewPrivs=0),
    mended("without a filter", Seccomp=0),
    mended("with a network", interfaces="lo eth0"),
    mended("in this pid namespace", pid=4711),
    mended("that sees other processes", processes="1 2 3"),
    mended("with a writable root", fs_root="0 100"),
    mended("with programs in /tmp", fs_tmp="6 67108864"),
    mended("with an endless /tmp", fs_tmp="14 0"),
]

if __name__ == "__main__":
    sys.exit(tap.run(TESTS))
