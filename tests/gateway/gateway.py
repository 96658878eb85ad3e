"""Speaking to `pysbx mcp`, for the tests of the gateway: one line out, one line in, and the clock.

Each test starts a server of its own and sees to it that it is gone. By hand:
python3 tests/gateway/test_stdio.py --pysbx build/pysbx [words of titles ...]
"""

import http.client
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "cli")]
import cli
import tap
from cli import Skip, clean_environment, main, same, scratch, test

MODERN = "2026-07-28"
LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
META = {"io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}}
SECONDS = 60


def built():
    """Skips where this build has no gateway."""
    makefile = tap.BUILD / "Makefile"
    if makefile.exists() and "WITH_GATEWAY_TRUE = #" in makefile.read_text():
        raise Skip("configured without the gateway: " + next(
            (line for line in (tap.BUILD / "config.log").read_text().splitlines()
             if line.startswith("with_gateway=")), "?"))


def environment(extra=None):
    kept = clean_environment(extra)
    kept.setdefault("PYSBX_POLICY", "standard")
    if "PYSBX_POLICY" not in (extra or {}):
        kept["PYSBX_POLICY"] = "standard"
    return kept


class Server:
    """`pysbx mcp` on pipes. Lines are read by a thread, so that nothing here waits for ever."""

    def __init__(self, *words, env=None, gateway=None, preexec_fn=None):
        """gateway: another program than the one that pysbx mcp becomes, started as pysbx starts that."""
        built()
        own = os.open(tap.PYSBX, os.O_PATH)
        command = [str(gateway), "--pysbx-fd", str(own)] if gateway else [str(tap.PYSBX), "mcp"]
        self.process = subprocess.Popen(
            [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(env), preexec_fn=preexec_fn, pass_fds=[own] if gateway else [])
        os.close(own)
        self.lines = queue.Queue()
        self.log = []
        self.threads = [threading.Thread(target=self.read, daemon=True),
                        threading.Thread(target=self.read_log, daemon=True)]
        for thread in self.threads:
            thread.start()
        self.ids = 0

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line.decode("utf-8", "replace").rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.end()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.write(json.dumps(message).encode() + b"\n")

    def receive(self, seconds=SECONDS):
        """The next message; None at the end of output."""
        line = self.lines.get(timeout=seconds)
        if line is None:
            return None
        assert line.endswith(b"\n"), line
        message = json.loads(line.decode("utf-8"))
        for each in message if isinstance(message, list) else [message]:
            assert each["jsonrpc"] == "2.0", each
        return message

    def nothing(self, seconds=0.3):
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"not expected: {line!r}")

    def request(self, method, params=None, id=None):
        """Sends a request; its id."""
        if id is None:
            self.ids += 1
            id = self.ids
        self.send({"jsonrpc": "2.0", "id": id, "method": method,
                   **({} if params is None else {"params": params})})
        return id

    def ask(self, method, params=None, id=None, seconds=SECONDS):
        """One request, and its answer, which must come next."""
        id = self.request(method, params, id)
        message = self.receive(seconds)
        assert message is not None, "the server has gone: " + "\n".join(self.log)
        assert "id" in message and message["id"] == id and type(message["id"]) is type(id), message
        return message

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params})})

    def initialize(self, version=LEGACY[0]):
        result = self.ask("initialize", {"protocolVersion": version, "capabilities": {},
                                         "clientInfo": {"name": "test", "version": "1"}})["result"]
        self.notify("notifications/initialized")
        return result

    def call(self, name, code=None, meta=None, **arguments):
        """A call's result."""
        if code is not None:
            arguments["code"] = code
        message = self.ask("tools/call", {"name": name, "arguments": arguments,
                                          **({"_meta": meta} if meta else {})})
        return message["result"]

    def end(self):
        """Closes the input; the exit status."""
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            status = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for thread in self.threads:
            thread.join(SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid()}/fd"))

    def pid(self):
        """Of the gateway: pysbx has become it."""
        return self.process.pid

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.pid()}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def children(self):
        with open(f"/proc/{self.pid()}/task/{self.pid()}/children") as file:
            return file.read().split()


class Http(Server):
    """`pysbx mcp --http 0`; requests by http.client."""

    def __init__(self, *words, **more):
        super().__init__("--http", "0", *words, **more)
        deadline = time.monotonic() + SECONDS
        while not any("listening at" in line for line in self.log):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.005)
        self.url = next(line for line in self.log if "listening at" in line).split()[-1]
        self.port = int(self.url.split(":")[2].split("/")[0])

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        return super().end()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def post(self, body, connection=None, path="/mcp", method="POST", **headers):
        """(status, headers, body). Header names are given with '_' for '-'; None leaves one out."""
        own = connection or self.connect()
        sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                **{name.replace("_", "-"): value for name, value in headers.items()}}
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        own.request(method, path, body, {k: v for k, v in sent.items() if v is not None})
        response = own.getresponse()
        text = response.read()
        if not connection:
            own.close()
        return response.status, dict(response.getheaders()), text

    def modern(self, method, params=None, id=1, connection=None, **headers):
        """A request of 2026-07-28 with the headers that it needs: (status, message)."""
        params = {**(params or {}), "_meta": {**META, **(params or {}).get("_meta", {})}}
        needed = {"MCP_Protocol_Version": MODERN, "Mcp_Method": method}
        if "name" in params:
            needed["Mcp_Name"] = params["name"]
        status, _, text = self.post({"jsonrpc": "2.0", "id": id, "method": method, "params": params},
                                    connection, **{**needed, **headers})
        return status, json.loads(text)

    def legacy(self, method, params=None, id=1, connection=None, **headers):
        status, _, text = self.post({"jsonrpc": "2.0", "id": id, "method": method,
                                     **({} if params is None else {"params": params})},
                                    connection, **headers)
        return status, json.loads(text)


def text_of(result):
    assert result["content"][0]["type"] == "text", result
    return result["content"][0]["text"]


def refused(message, code, id=None):
    """An error with that code, and the id that was asked with (None: no id at all)."""
    assert message.get("id") == id and ("id" in message) == (id is not None), message
    assert message["error"]["code"] == code and message["error"]["message"], message
    assert set(message) <= {"jsonrpc", "id", "error"}, message


def processes(marker):
    """Processes with that word in their command line or their program's name."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if marker.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def gone(pid, seconds=10):
    """Waits until a process is no more, or is a zombie whose parent has not asked yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] in "ZX":
                    return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.01)


def needs_isolation():
    cli.needs_isolation()


def full():
    """Whether every layer of the isolation can be had here, which secure_sandbox asks for."""
    if not hasattr(full, "found"):
        full.found = cli.run("--json", "--require", "full", "-c", "pass").json["status"] == "ok"
    return full.found


def tools_that_run():
    """The tools that run a program here; that secure_sandbox refuses elsewhere is a test of its own."""
    return ["run_code", "secure_sandbox"] if full() else ["run_code"]
