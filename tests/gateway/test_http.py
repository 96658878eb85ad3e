"""The MCP server over HTTP: who may ask, what the headers must say, streams, hanging up. Prints TAP.
By hand: python3 tests/gateway/test_http.py [--pysbx FILE] [words of titles ...]
"""

import base64
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gateway import (LEGACY, META, MODERN, SECONDS, Http, Skip, eventually, gone, main, needs_isolation,
                     refused, same, scratch, tap, test, text_of, tools_that_run)

LOOP = "while True: pass"
MIB = 1 << 20
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def call(code, **more):
    return {"name": "run_code", "arguments": {"code": code}, **more}


@test("the four reference checks, in both eras")
def _():
    needs_isolation()
    with Http(env={"PYSBX_POLICY": "permissive"}) as server, socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        for ask in (server.legacy, server.modern):
            for tool in tools_that_run():
                def ran(code, **arguments):
                    status, answer = ask("tools/call", {"name": tool, "arguments": {"code": code, **arguments}})
                    same(status, 200)
                    return answer["result"]["structuredContent"]
                same(ran("print(sum(range(10)))")["stdout"], "45\n")
                same(ran("import os\nprint(os.getuid())")["stdout"], "65534\n")
                refused_there = ran("import socket\nsocket.create_connection(('127.0.0.1', %d), 1)" % port)
                same((refused_there["status"], "Error" in refused_there["stderr"]), ("nonzero", True))
                same(ran(LOOP, timeout_ms=300)["status"], "timeout")
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


@test("the handshake is stateless: no session id, any version by its header")
def _():
    with Http() as server:
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
        status, headers, text = server.post(body)
        same((status, json.loads(text)["result"]["protocolVersion"]), (200, "2025-06-18"))
        assert not any("session" in name.lower() for name in headers), headers
        same(server.post({"jsonrpc": "2.0", "method": "notifications/initialized"})[::2], (202, b""))
        for version in [*LEGACY, None]:
            same(server.legacy("ping", MCP_Protocol_Version=version), (200, {"jsonrpc": "2.0", "id": 1, "result": {}}))
        status, answer = server.legacy("ping", MCP_Protocol_Version="1999-01-01")
        same(status, 400)
        refused(answer, -32600, 1)
        same(server.legacy("ping", Mcp_Session_Id="made-up")[0], 200)


@test("2026-07-28: headers must say what the message says")
def _():
    with Http() as server:
        same(server.modern("server/discover")[0], 200)
        same(server.modern("tools/list")[1]["result"]["resultType"], "complete")
        wrong = [("tools/list", {}, {"Mcp_Method": None}), ("tools/list", {}, {"Mcp_Method": "tools/call"}),
                 ("tools/list", {}, {"Mcp_Method": "TOOLS/LIST"}),
                 ("tools/list", {}, {"MCP_Protocol_Version": None}),
                 ("tools/list", {}, {"MCP_Protocol_Version": "2025-11-25"}),
                 ("tools/call", call("1"), {"Mcp_Name": None}), ("tools/call", call("1"), {"Mcp_Name": "check_code"}),
                 ("tools/call", call("1"), {"Mcp_Name": "=?base64?!?="}),
                 ("tools/call", call("1"), {"Mcp_Name": "=?base64?" + "A" * 3000 + "?="})]
        for method, params, headers in wrong:
            status, answer = server.modern(method, params, **headers)
            same(status, 400, headers)
            refused(answer, -32020, 1)
        for name in ("  check_code  ", "=?base64?" + base64.b64encode(b"check_code").decode() + "?="):
            status, answer = server.modern("tools/call", {"name": "check_code", "arguments": {"code": "1"}}, Mcp_Name=name)
            same((status, answer["result"]["isError"]), (200, False))
        status, answer = server.modern("no/such")
        same(status, 404)
        refused(answer, -32601, 1)
        status, answer = server.legacy("tools/list", {}, MCP_Protocol_Version=MODERN)
        same(status, 400)
        refused(answer, -32602, 1)
        other = {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
        status, answer = server.modern("tools/list", {"_meta": other}, MCP_Protocol_Version="2099-01-01")
        same(status, 400)
        refused(answer, -32022, 1)


@test("only POST, only that path, only JSON")
def _():
    with Http() as server:
        for method in ("GET", "DELETE", "PUT", "HEAD", "OPTIONS"):
            status, headers, _ = server.post(b"", method=method)
            same((status, headers.get("Allow")), (405, "POST"), method)
        for path in ("/", "/mcp/", "/mcp2", "/../mcp"):
            same(server.post(PING, path=path)[0], 404, path)
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"):
            same(server.post(PING, Content_Type=kind)[0], 415, kind)
        same(server.post(PING, Content_Encoding="gzip")[0], 415)
        same(server.post(PING, Content_Type="application/json; charset=utf-8")[0], 200)
        same(server.post(PING, Content_Type="Application/JSON")[0], 200)
        same(server.post(PING, Accept=None)[0], 200)
        for body, code in ((b"", -32700), (b"{", -32700), (b"\xff", -32700), (b"[]", -32600), (b"5", -32600)):
            status, _, text = server.post(body)
            same(status, 400, body)
            refused(json.loads(text), code)


@test("no page of another site, no name of another's: Host and Origin")
def _():
    with Http("--allow-host", "box.example", "--allow-origin", "https://app.example") as server:
        for host, status in (("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:9", 200), ("LOCALHOST:1", 200),
                             ("box.example:8080", 200), ("evil.example", 403), ("localhost.evil.example", 403),
                             ("localhost:80@evil", 403), ("", 403), ("127.0.0.1.nip.io", 403), ("box.example.", 403)):
            same(server.post(PING, Host=host)[0], status, host)
        for origin, status in ((None, 200), ("http://localhost:3000", 200), ("http://127.0.0.1", 200),
                               ("https://app.example", 200), ("http://app.example", 403), ("null", 403),
                               ("http://evil.example", 403), ("http://localhost.evil.example", 403), ("", 403),
                               ("https://app.example.evil", 403), ("http://localhost@evil.example", 403)):
            same(server.post(PING, Origin=origin)[0], status, origin)


@test("a token: asked for, compared whole, and its file is a secret")
def _():
    secret = "0123456789abcdef-secret"
    with scratch() as folder:
        file = folder / "token"
        file.write_text(secret + "\n")
        file.chmod(0o600)
        with Http("--token-file", str(file)) as server:
            for value, status in ((None, 401), ("", 401), ("Bearer", 401), (f"Bearer {secret}x", 401),
                                  (f"Bearer {secret[:-1]}", 401), (f"Basic {secret}", 401), (f"Bearer {secret}", 200),
                                  (f"bearer {secret}", 200)):
                found, headers, _ = server.post(PING, Authorization=value)
                same(found, status, value)
                same(headers.get("WWW-Authenticate"), "Bearer" if status == 401 else None)
            assert not any(secret in line for line in server.log)
            with open(f"/proc/{server.pid()}/cmdline", "rb") as line:
                assert secret.encode() not in line.read()
        file.chmod(0o640)
        done = tap.command(tap.PYSBX, "mcp", "--http", "0", "--token-file", file, check=2)
        assert "others may read it" in done.stderr and "chmod 600" in done.stderr, done.stderr
        file.chmod(0o600)
        for text, part in (("short", "16 to"), ("x" * 2000, "File too large"), ("a b" * 10, "visible ASCII"), ("", "16 to")):
            file.write_text(text)
            done = tap.command(tap.PYSBX, "mcp", "--http", "0", "--token-file", file, check=2)
            assert part in done.stderr, (text[:20], done.stderr)


@test("addresses: what is none, what others reach, what is taken")
def _():
    from gateway import built
    built()
    for address in ("", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "1:2:3", "[::1]", "[::1:80"):
        done = tap.command(tap.PYSBX, "mcp", "--http", address, check=1)
        assert "--http" in done.stderr and not done.stdout, (address, done.stderr)
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
        done = tap.command(tap.PYSBX, "mcp", "--http", address, check=1)
        assert "--token-file" in done.stderr, done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = tap.command(tap.PYSBX, "mcp", "--http", str(taken.getsockname()[1]), check=1)
        assert "Address already in use" in done.stderr, done.stderr


@test("progress comes as a stream of events, the answer last; without a token it is one object")
def _():
    needs_isolation()
    with Http() as server:
        params = call("import time; time.sleep(1.2); print('slow')", _meta={"progressToken": "p"})
        status, headers, text = server.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        same((status, headers["Content-Type"], headers["X-Accel-Buffering"]), (200, "text/event-stream", "no"))
        events = [event.split("\n") for event in text.decode().strip().split("\n\n")]
        assert all(kind == "event: message" and data.startswith("data: ") for kind, data in events), events
        messages = [json.loads(data[6:]) for _, data in events]
        same([m.get("method") for m in messages], ["notifications/progress"] * 2 + [None])
        same(messages[-1]["result"]["structuredContent"]["stdout"], "slow\n")
        status, headers, text = server.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
                                            Accept="application/json")
        same((headers["Content-Type"], json.loads(text)["id"]), ("application/json", 1))


@test("hanging up ends the run, whether an object or a stream was to come")
def _():
    needs_isolation()
    with Http() as server:
        for meta in ({}, {"_meta": {"progressToken": 1}}):
            connection = server.connect()
            connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                                                           "params": call(LOOP, **meta)}),
                               {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"})
            eventually(lambda: server.children())
            child = int(server.children()[0])
            connection.close()
            begin = time.monotonic()
            assert gone(child), "still there"
            assert time.monotonic() - begin < 8, "not at once"
        same(server.legacy("ping")[0], 200)


@test("an id means nothing over HTTP: nobody cancels another's run with it")
def _():
    needs_isolation()
    with Http() as server:
        found = []
        thread = threading.Thread(target=lambda: found.append(server.legacy("tools/call", call(
            "import time; time.sleep(0.7); print('mine')"), id=5)))
        thread.start()
        eventually(lambda: server.children())
        same(server.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}})[0], 202)
        # The same id at the same time is no matter either.
        same(server.legacy("tools/call", call("print('other')"), id=5)[1]["result"]["structuredContent"]["stdout"], "other\n")
        thread.join(SECONDS)
        same(found[0][1]["result"]["structuredContent"]["stdout"], "mine\n")


@test("a body at 16 MiB, one past it, and one that says it is larger than it is")
def _():
    with Http() as server:
        head, tail = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"', b'"}}'
        same(server.post(head + b"x" * (16 * MIB - len(head) - len(tail)) + tail)[0], 200)
        try:
            same(server.post(head + b"x" * (16 * MIB - len(head) - len(tail) + 1) + tail)[0], 413)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused by its length, before the body was read
        with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as raw:
            raw.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(17):
                    raw.sendall(b"100000\r\n" + b"x" * MIB + b"\r\n")
                raw.sendall(b"0\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert b" 413 " in raw.recv(100)
        same(server.legacy("ping")[0], 200)


@test("half a request, no request, one byte at a time, many on one connection")
def _():
    with Http() as server:
        for piece in (b"", b"POST /mcp HTT", b"\0\0\0\0", b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                      b"application/json\r\nContent-Length: 100\r\n\r\n{\"jsonrpc\""):
            with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as raw:
                raw.sendall(piece)
        body = json.dumps(PING).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as raw:
            for byte in (b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body)) + body:
                raw.sendall(bytes([byte]))
            assert b" 200 " in raw.recv(1000)
        connection = server.connect()
        for number in range(200):
            same(server.legacy("ping", id=number, connection=connection)[1]["id"], number)
        connection.close()
        same(server.process.poll(), None)


@test("100 clients at once, no descriptor left behind")
def _():
    needs_isolation()
    with Http() as server:
        before = server.descriptors()
        found = {}

        def one(number):
            found[number] = server.legacy("tools/call", call(f"print({number})"), id=number)[1]
        threads = [threading.Thread(target=one, args=(n,)) for n in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        same({n: a["result"]["structuredContent"]["stdout"] for n, a in found.items()},
             {n: f"{n}\n" for n in range(100)})
        eventually(lambda: server.descriptors() == before)


@test("the end of the server ends the runs of those who wait")
def _():
    needs_isolation()
    with Http() as server:
        connection = server.connect()
        connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                                                       "params": call(LOOP)}), {"Content-Type": "application/json"})
        eventually(lambda: server.children())
        child = int(server.children()[0])
        server.process.terminate()
        same(server.process.wait(10), -15)
        assert gone(child)
        connection.close()


main()
