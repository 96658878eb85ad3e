"""The MCP server on standard input and output: both eras, the tools, progress, cancellation, the end.
Prints TAP. By hand: python3 tests/gateway/test_stdio.py [--pysbx FILE] [words of titles ...]
"""

import base64
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gateway import (LEGACY, META, MODERN, Server, Skip, cli, eventually, full, gone, main,
                     needs_isolation, refused, same, scratch, tap, test, text_of, tools_that_run)

LOOP = "while True: pass"
TOOLS = ["run_code", "secure_sandbox", "check_code"]


def validators(server):
    """What a result must be like: each tool's own schema, and that of `pysbx run --json`."""
    import jsonschema
    return {tool["name"]: jsonschema.Draft202012Validator(tool["outputSchema"])
            for tool in server.ask("tools/list")["result"]["tools"]}


@test("the handshake agrees on each version, and on the newest for one that is unknown")
def _():
    for version in LEGACY:
        with Server() as server:
            result = server.initialize(version)
            same(result["protocolVersion"], version)
            same(sorted(result), ["capabilities", "instructions", "protocolVersion", "serverInfo"])
            same(result["serverInfo"]["name"], "pysbx")
            same(server.ask("ping")["result"], {})
    for version in ("1999-01-01", MODERN, ""):
        with Server() as server:
            same(server.initialize(version)["protocolVersion"], LEGACY[0])
    with Server() as server:
        refused(server.ask("initialize", {"capabilities": {}}), -32602, 1)


@test("before the handshake nothing is served but ping, and the error says what to do")
def _():
    with Server() as server:
        answer = server.ask("tools/list")
        refused(answer, -32602, 1)
        assert "initialize" in answer["error"]["message"], answer
        same(server.ask("ping")["result"], {})


@test("a request of 2026-07-28 stands alone; its faults have the codes of that version")
def _():
    with Server() as server:
        found = server.ask("server/discover", {"_meta": META})["result"]
        same(found["resultType"], "complete")
        same(found["supportedVersions"], [MODERN, *LEGACY])
        assert found["ttlMs"] >= 0 and found["cacheScope"] == "public", found
        same(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "pysbx")
        listed = server.ask("tools/list", {"_meta": META})["result"]
        assert {"tools", "ttlMs", "cacheScope", "resultType", "_meta"} == set(listed), set(listed)
        refused(server.ask("server/discover"), -32602, 3)
        refused(server.ask("server/discover", {"_meta": {}}), -32602, 4)
        lacking = {k: v for k, v in META.items() if "Capabilities" not in k}
        refused(server.ask("tools/list", {"_meta": lacking}), -32602, 5)
        without_name = {k: v for k, v in META.items() if "clientInfo" not in k}
        assert "result" in server.ask("tools/list", {"_meta": without_name})
        other = {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
        answer = server.ask("tools/list", {"_meta": other})
        refused(answer, -32022, 7)
        same(answer["error"]["data"]["requested"], "2099-01-01")
        same(answer["error"]["data"]["supported"][0], MODERN)
        for method in ("ping", "logging/setLevel", "initialize", "resources/list"):
            answer = server.ask(method, {"_meta": META, "level": "info"})
            refused(answer, -32601, answer["id"])


@test("both eras on one connection")
def _():
    with Server() as server:
        server.initialize()
        assert "resultType" not in server.ask("tools/list")["result"]
        assert "resultType" in server.ask("tools/list", {"_meta": META})["result"]
        assert "resultType" not in server.ask("tools/list")["result"]


@test("the tools, their order, their schemas and what they say of themselves")
def _():
    with Server() as server:
        server.initialize()
        tools = server.ask("tools/list")["result"]["tools"]
        same([tool["name"] for tool in tools], TOOLS)
        for tool in tools:
            same(tool["annotations"] | {"title": None}, {
                "title": None, "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True,
                "openWorldHint": False})
            same(tool["inputSchema"]["required"], ["code"])
            assert tool["outputSchema"]["type"] == "object" and tool["title"] and tool["description"]
        for name, limits in (("run_code", "256 MB of memory, 0.5 CPU, 10 s"),
                             ("secure_sandbox", "128 MB of memory, 0.5 CPU, 5 s")):
            tool = next(t for t in tools if t["name"] == name)
            assert limits in tool["description"], tool["description"]
        refused(server.ask("tools/list", {"cursor": "x"}), -32602, 3)
        refused(server.ask("prompts/list"), -32601, 4)
        same(server.ask("logging/setLevel", {"level": "warning"})["result"], {})
        refused(server.ask("logging/setLevel", {"level": "loud"}), -32602, 6)


@test("the four reference checks, through each tool that runs")
def _():
    needs_isolation()
    import socket
    with socket.create_server(("127.0.0.1", 0)) as listening, \
            Server(env={"PYSBX_POLICY": "permissive"}) as server:
        server.initialize()
        port = listening.getsockname()[1]
        connect = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)\nprint('connected')"
        # Control: from here it can be reached.
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        for tool in tools_that_run():
            ran = server.call(tool, "print(sum(range(10)))")
            same((ran["isError"], ran["structuredContent"]["stdout"]), (False, "45\n"))
            assert text_of(ran).startswith("45\n[exit 0, "), text_of(ran)
            assert ran["structuredContent"]["isolation"]["missing"] == [] or not full(), ran
            ran = server.call(tool, "import os\nprint(os.getuid(), os.getgid())")
            same(ran["structuredContent"].get("stdout"), "65534 65534\n", ran)
            ran = server.call(tool, connect)["structuredContent"]
            same((ran["status"], ran["stdout"]), ("nonzero", ""), ran)
            assert "OSError" in ran["stderr"] or "unreachable" in ran["stderr"], ran
            ran = server.call(tool, LOOP, timeout_ms=300)
            same((ran["isError"], ran["structuredContent"]["status"]), (True, "timeout"))
            assert ran["structuredContent"]["usage"]["wall_ms"] < 5000, ran


@test("a refusal, a syntax error and what check_code says of both: lines, rules, remedies")
def _():
    with Server() as server:
        server.initialize()
        result = server.call("run_code", "x = 1\nimport os; os.system('id')")
        same((result["isError"], result["structuredContent"]["status"]), (True, "rejected"))
        for part in ("was not run", "line 2, column 12", "PSX105", "help: "):
            assert part in text_of(result), text_of(result)
        result = server.call("secure_sandbox", "x = (")
        same((result["isError"], result["structuredContent"]["status"]), (True, "syntax_error"))
        assert "does not parse" in text_of(result) and "line 1" in text_of(result), text_of(result)
        result = server.call("check_code", "x = 1\nimport os; os.system('id')")
        same((result["isError"], result["structuredContent"]["verdict"]), (False, "reject"))
        same(result["structuredContent"]["findings"][0]["line"], 2)
        same(text_of(server.call("check_code", "print(1)")), "Allowed.\n")


@test("out of memory, a flood, a crash, a status of its own: text that can be acted on")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        ran = server.call(tools_that_run()[-1], "x = [0]\nwhile True: x = x + x")
        same((ran["isError"], ran["structuredContent"]["status"]), (True, "oom"))
        assert f"memory limit of {128 if full() else 256}M" in text_of(ran) and "smaller pieces" in text_of(ran), text_of(ran)
        ran = server.call("run_code", "for i in range(300000): print('flood', i)")
        same((ran["isError"], ran["structuredContent"]["status"]), (False, "ok"))
        assert len(text_of(ran)) < 40000 and "left out here" in text_of(ran), len(text_of(ran))
        assert "only its beginning and its end were kept" in text_of(ran), text_of(ran)[-300:]
        assert "flood 0\n" in text_of(ran) and "flood 299999\n" in text_of(ran)
        ran = server.call("run_code", "while True: print('x' * 10000)")
        same((ran["isError"], ran["structuredContent"]["status"]), (True, "output_limit"))
        assert "summary" in text_of(ran), text_of(ran)[-300:]
        ran = server.call("run_code", "print('before')\nraise SystemExit(7)")
        same((ran["isError"], ran["structuredContent"]["exit_code"]), (False, 7))
        assert text_of(ran).startswith("before\n[exit 7, "), text_of(ran)
        ran = server.call("run_code", "1 / 0")
        same(ran["isError"], False)
        assert "[stderr]\nTraceback" in text_of(ran) and "ZeroDivisionError" in text_of(ran)


@test("standard input, files in both encodings, a shorter timeout")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        ran = server.call("run_code", "print(input(), open('d.txt').read(), open('b.bin', 'rb').read())",
                          stdin="hello\n", files=[
                              {"name": "d.txt", "content": "text é", "encoding": "utf-8"},
                              {"name": "b.bin", "content": base64.b64encode(bytes(range(5))).decode(),
                               "encoding": "base64"}])
        same(ran["structuredContent"]["stdout"], "hello text é b'\\x00\\x01\\x02\\x03\\x04'\n")
        for name in ("../x", "/etc/x", "", "a=b", "a\0b"):
            ran = server.call("run_code", "print(1)", files=[{"name": name, "content": "x"}])
            same(ran["isError"], True, name)
            assert "name" in text_of(ran) or "file" in text_of(ran), text_of(ran)


@test("what a program prints is text whatever its bytes are")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        ran = server.call("run_code", r"print('a\0b\x1b\u2028\u00e9')")
        assert text_of(ran).startswith("a\0b\x1b\u2028é\n"), text_of(ran)
        ran = server.call("run_code", r"import sys; sys.stdout.buffer.write(bytes([255, 254, 65]))")
        if ran["structuredContent"]["status"] == "ok":
            assert "base64" in text_of(ran), text_of(ran)
            same(ran["structuredContent"]["stdout"], base64.b64encode(bytes([255, 254, 65])).decode())


def png(width=2, height=2):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@test("images from /tmp/out are content; what only has the name of one is not")
def _():
    needs_isolation()
    picture = png()
    code = ("import os\nos.makedirs('/tmp/out', exist_ok=True)\n"
            f"open('/tmp/out/a.png', 'wb').write({picture!r})\n"
            "open('/tmp/out/b.svg', 'w').write('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')\n"
            "open('/tmp/out/c.png', 'wb').write(b'no image')\n"
            "open('/tmp/out/d.txt', 'w').write('not asked for')\n")
    with Server() as server:
        server.initialize()
        ran = server.call("run_code", code)
        same(ran["structuredContent"].get("status"), "ok", ran)
        images = {c["mimeType"]: base64.b64decode(c["data"]) for c in ran["content"] if c["type"] == "image"}
        same(images["image/png"], picture)
        assert images["image/svg+xml"].startswith(b"<svg"), images
        same(len(images), 2)
        same(sorted(f["name"] for f in ran["structuredContent"]["files"]), ["a.png", "b.svg", "c.png"])
        assert not any("content_base64" in f for f in ran["structuredContent"]["files"])
        assert "c.png, 8 bytes: not an image" in text_of(ran), text_of(ran)


@test("a plot of matplotlib's is seen")
def _():
    needs_isolation()
    python = next((p for p in ("/usr/bin/python3", sys.executable) if subprocess.run(
        [p, "-c", "import matplotlib"], capture_output=True, check=False).returncode == 0), None)
    if not python:
        raise Skip("no Python with matplotlib here")
    code = ("import os, matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\n"
            "plt.plot([1, 2, 3])\nos.makedirs('/tmp/out', exist_ok=True)\nplt.savefig('/tmp/out/plot.png')\n")
    with Server(env={"PYSBX_PYTHON": python}) as server:
        server.initialize()
        ran = server.call("run_code", code)
        same(ran["structuredContent"].get("status"), "ok", text_of(ran))
        same([c["mimeType"] for c in ran["content"] if c["type"] == "image"], ["image/png"])


@test("every structured result is what the tool's schema says, and pysbx's own")
def _():
    needs_isolation()
    run_schema = cli.schema("result.schema.json")
    check_schema = cli.schema("check.schema.json")
    codes = ["print(1)", "import os; os.system('id')", "x = (", "raise SystemExit(3)", "1/0",
             "import os\nos.makedirs('/tmp/out')\nopen('/tmp/out/x.svg', 'w').write('<svg/>')",
             "for i in range(200000): print('flood', i)"]
    with Server() as server:
        server.initialize()
        schemas = validators(server)
        for code in codes:
            for tool in TOOLS:
                result = server.call(tool, code)
                content = result["structuredContent"]
                schemas[tool].validate(content)
                if tool == "check_code":
                    check_schema({"file": "<stdin>", **content})
                    continue
                for file in content.get("files", []):
                    file.pop("mime_type", None)
                    file["content_base64"] = ""
                run_schema(content)


@test("--json-text adds the object as a text of its own")
def _():
    with Server("--json-text") as server:
        server.initialize()
        result = server.call("check_code", "print(1)")
        same(json.loads(result["content"][-1]["text"]), result["structuredContent"])


@test("bad arguments are a tool's error, an unknown tool is the protocol's")
def _():
    bad = [({}, "'code' is missing"), ({"code": 1}, "'code' must be a string"),
           ({"code": None}, "'code' must be a string"),
           ({"code": "1", "cod": "1"}, "unknown argument 'cod'"),
           ({"code": "1", "stdin": 1}, "'stdin' must be a string"),
           ({"code": "1", "timeout_ms": 10001}, "from 1 to 10000"),
           ({"code": "1", "timeout_ms": 0}, "from 1 to 10000"),
           ({"code": "1", "timeout_ms": -5}, "from 1 to 10000"),
           ({"code": "1", "timeout_ms": 1.5}, "from 1 to 10000"),
           ({"code": "1", "timeout_ms": "5"}, "from 1 to 10000"),
           ({"code": "1", "timeout_ms": True}, "from 1 to 10000"),
           ({"code": "1", "files": {}}, "'files' must be an array"),
           ({"code": "1", "files": ["x"]}, "must be an object"),
           ({"code": "1", "files": [{"name": "x", "content": "*", "encoding": "base64"}]}, "is not base64"),
           ({"code": "1", "files": [{"name": "x", "content": "", "encoding": "hex"}]}, "utf-8 or base64"),
           ({"code": "1", "files": [{"name": str(i), "content": ""} for i in range(33)]}, "32 entries")]
    with Server() as server:
        server.initialize()
        for arguments, part in bad:
            answer = server.ask("tools/call", {"name": "run_code", "arguments": arguments})["result"]
            same(answer["isError"], True, arguments)
            assert part in text_of(answer), (arguments, text_of(answer))
        for params in ({"name": "run_codes", "arguments": {}}, {"name": "x" * 5000}, {"name": "run_code\0"}, {"name": "é" * 200},
                       {"arguments": {}}, {"name": 5}, {"name": "run_code", "arguments": []}, None):
            answer = server.ask("tools/call", params)
            refused(answer, -32602, answer["id"])
        same(server.call("check_code", "print(1)", )["isError"], False)
        answer = server.call("check_code", "print(1)", stdin="x")
        assert "check_code takes code" in text_of(answer), answer


@test("timeout_ms at its least, at its most and as 1e3")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        same(server.call("run_code", "print(1)", timeout_ms=1)["structuredContent"]["status"], "timeout")
        if full():
            same(server.call("secure_sandbox", "print(1)", timeout_ms=5000)["isError"], False)
        same(server.call("run_code", "print(1)", timeout_ms=1e4)["isError"], False)
        same(server.call("secure_sandbox", "print(1)", timeout_ms=5001)["isError"], True)


@test("progress: only where asked for, each number larger, before the answer")
def _():
    needs_isolation()
    with Server("--jobs", "1") as server:
        server.initialize()
        server.request("tools/call", {"name": "run_code", "arguments": {
            "code": "import time; time.sleep(1.3)"}, "_meta": {"progressToken": "first"}}, "a")
        server.request("tools/call", {"name": "run_code", "arguments": {"code": "print(1)"},
                                      "_meta": {"progressToken": 7}}, "b")
        server.request("tools/call", {"name": "run_code", "arguments": {"code": "print(2)"}}, "c")
        seen = {"first": [], 7: []}
        words = {"first": [], 7: []}
        answers = []
        while len(answers) < 3:
            message = server.receive()
            if "method" in message:
                same(message["method"], "notifications/progress")
                params = message["params"]
                seen[params["progressToken"]].append(params["progress"])
                words[params["progressToken"]].append(params["message"])
            else:
                answers.append(message["id"])
        same(answers, ["a", "b", "c"])
        for numbers in seen.values():
            same(numbers, sorted(set(numbers)))
        same(words["first"], ["started", "running for 1 s"])
        assert words[7][0].startswith("waiting") and words[7][-1] == "started", words


@test("cancellation ends the run at once, answers nothing, and spares the others")
def _():
    needs_isolation()
    with Server("--jobs", "2") as server:
        server.initialize()
        server.request("tools/call", {"name": "run_code", "arguments": {"code": LOOP}}, "doomed")
        eventually(lambda: server.children())
        child = int(server.children()[0])
        server.notify("notifications/cancelled", {"requestId": "other", "reason": "not ours"})
        server.notify("notifications/cancelled", {"requestId": 5})
        server.notify("notifications/cancelled", {})
        server.notify("notifications/cancelled")
        server.notify("notifications/cancelled", {"requestId": "doomed", "reason": "enough"})
        begin = time.monotonic()
        assert gone(child), "still there"
        assert time.monotonic() - begin < 8, "not at once"
        server.notify("notifications/cancelled", {"requestId": "doomed"})
        same(server.call("run_code", "print(6 * 7)")["structuredContent"]["stdout"], "42\n")
        server.nothing()
        # The id is free again.
        same(server.ask("tools/call", {"name": "check_code", "arguments": {"code": "1"}}, "doomed")["id"],
             "doomed")


@test("one that waits can be cancelled too, and the next takes its place")
def _():
    needs_isolation()
    with Server("--jobs", "1") as server:
        server.initialize()
        server.request("tools/call", {"name": "run_code", "arguments": {"code": LOOP}}, "first")
        server.request("tools/call", {"name": "run_code", "arguments": {"code": "print('b')"}}, "second")
        server.request("tools/call", {"name": "run_code", "arguments": {"code": "print('c')"}}, "third")
        server.notify("notifications/cancelled", {"requestId": "second"})
        server.notify("notifications/cancelled", {"requestId": "first"})
        answer = server.receive()
        same((answer["id"], answer["result"]["structuredContent"]["stdout"]), ("third", "c\n"))
        server.nothing()


@test("an id that is in flight is refused without one, and the first is still answered")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        call = {"name": "run_code", "arguments": {"code": "import time; time.sleep(0.5); print('first')"}}
        server.request("tools/call", call, "same")
        server.request("tools/call", call, "same")
        refused(server.receive(), -32600)
        same(server.receive()["result"]["structuredContent"]["stdout"], "first\n")
        server.nothing()


@test("the queue has an end, and says so")
def _():
    needs_isolation()
    with Server("--jobs", "1", "--queue", "2") as server:
        server.initialize()
        for number in range(4):
            server.request("tools/call", {"name": "run_code", "arguments": {"code": LOOP}}, number)
        answer = server.receive()
        same((answer["id"], answer["result"]["isError"]), (3, True))
        assert "busy" in text_of(answer["result"]) and "try again" in text_of(answer["result"]), answer
    with Server("--jobs", "1", "--queue", "0") as server:
        server.initialize()
        same(server.call("run_code", "print(1)")["isError"], False)


@test("requests run side by side, and each has its own answer")
def _():
    needs_isolation()
    with Server("--jobs", "4") as server:
        server.initialize()
        for number in range(60):
            server.request("tools/call", {"name": "run_code", "arguments": {"code": f"print({number} * 2)"}},
                           number)
        found = {}
        while len(found) < 60:
            answer = server.receive()
            found[answer["id"]] = answer["result"]["structuredContent"]["stdout"]
        same(found, {number: f"{number * 2}\n" for number in range(60)})
        same(server.children(), [])


@test("end of input: runs are ended, nothing more is written, the status is 0")
def _():
    needs_isolation()
    with Server("--jobs", "2") as server:
        server.initialize()
        for number in range(5):
            server.request("tools/call", {"name": "run_code", "arguments": {"code": LOOP}}, number)
        eventually(lambda: len(server.children()) == 2)
        children = list(map(int, server.children()))
        same(server.end(), 0)
        same(server.lines.get(timeout=5), None)
        for child in children:
            assert gone(child), child


@test("what came before the end of input in one piece is answered")
def _():
    with Server() as server:
        server.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jsonrpc":"2.0","id":2,"method":"ping"}\n'
                     b'{"jsonrpc":"2.0","id":3,"method":"pi')
        server.process.stdin.close()
        same([server.receive()["id"], server.receive()["id"], server.receive()], [1, 2, None])
        same(server.process.wait(10), 0)
        eventually(lambda: any("within a message" in line for line in server.log))


@test("a reader who goes away ends the server and its runs")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        server.request("tools/call", {"name": "run_code", "arguments": {"code": LOOP}})
        eventually(lambda: server.children())
        child = int(server.children()[0])
        os.kill(server.pid(), signal.SIGKILL)
        assert gone(child), "it outlives the gateway"
        server.process.wait(10)


@test("SIGTERM, SIGINT and SIGHUP end it and its runs; it dies of the signal")
def _():
    needs_isolation()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with Server() as server:
            server.initialize()
            server.request("tools/call", {"name": "run_code", "arguments": {"code": LOOP}})
            eventually(lambda: server.children())
            child = int(server.children()[0])
            server.process.send_signal(number)
            same(server.process.wait(10), -number)
            assert gone(child), "it outlives the gateway"


@test("without isolation the server lives, lists its tools, and each call says why")
def _():
    # A backend that is not there stands in for a host that cannot isolate.
    with Server(env={"PYSBX_BACKEND": "oci:none"}) as server:
        server.initialize()
        same(len(server.ask("tools/list")["result"]["tools"]), 3)
        for tool in ("run_code", "secure_sandbox"):
            result = server.call(tool, "print(1)")
            same(result["isError"], True)
            assert result["structuredContent"]["status"] in ("unavailable", "error"), result
            assert "was not run" in text_of(result), text_of(result)
            assert "For whoever runs this server" in text_of(result), text_of(result)
        same(server.call("check_code", "print(1)")["isError"], False)


@test("a host that forbids user namespaces: the same, with the remedy")
def _():
    import ctypes
    if os.getuid() == 0:
        raise Skip("root can set the limit back; a plain user's run of this test does it")
    libc = ctypes.CDLL(None, use_errno=True)

    def forbid():
        # In a user namespace of its own the caller may lower what its children can have.
        if libc.unshare(0x10000000) == 0:
            with open("/proc/sys/user/max_user_namespaces", "w") as file:
                file.write("0")
    probe = subprocess.run([sys.executable, "-c", "pass"], preexec_fn=forbid, check=False)
    if probe.returncode:
        raise Skip("no user namespace here to forbid them in")
    with Server(preexec_fn=forbid) as server:
        server.initialize()
        result = server.call("run_code", "print(1)")
        same(result["isError"], True)
        assert result["structuredContent"]["status"] in ("unavailable", "error"), result
        assert "was not run: " in text_of(result) and "usage" not in result["structuredContent"], result


@test("where a layer is missing, secure_sandbox says so and runs nothing")
def _():
    needs_isolation()
    if full():
        raise Skip("every layer can be had here; a plain user without a control group has not")
    with Server() as server:
        server.initialize()
        result = server.call("secure_sandbox", "print(1)")
        same(result["isError"], True)
        assert result["structuredContent"]["status"] in ("unavailable", "error"), result
        assert "For whoever runs this server" in text_of(result), text_of(result)


@test("settings of the environment hold, but no limit and not the guard")
def _():
    needs_isolation()
    env = {"PYSBX_TIMEOUT": "1ms", "PYSBX_MEMORY": "17M", "PYSBX_GUARD": "off", "PYSBX_POLICY": "strict",
           "PYSBX_REQUIRE": "minimal", "PYSBX_FORMAT": "sarif"}
    with Server(env=env) as server:
        server.initialize()
        ran = server.call("run_code", "print(len(bytearray(50 << 20)))")
        same(ran["structuredContent"].get("stdout"), "52428800\n", ran)
        same(ran["structuredContent"]["guard"]["policy"], "strict")
        same(server.call("run_code", "import os; os.system('id')")["structuredContent"]["status"], "rejected")
        same(server.call("check_code", "print(1)")["structuredContent"]["policy"], "strict")


@test("the program is on no command line, and the host's Python is not told")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        server.request("tools/call", {"name": "run_code", "arguments": {
            "code": "secret_marker_of_this_test = 1\nwhile True: pass"}})
        def line():
            return Path(f"/proc/{server.children()[0]}/cmdline").read_bytes() if server.children() else b""

        # Before its exec the child has the line of the server.
        eventually(lambda: b"run" in line().split(b"\0"))
        assert b"secret_marker" not in line(), line()
    with Server() as server:
        server.initialize()
        assert "python" not in server.call("run_code", "print(1)")["structuredContent"]


@test("stderr has one line for each call, as text or JSON, without the program")
def _():
    needs_isolation()
    with Server("--log", "json") as server:
        server.initialize()
        server.call("run_code", "print('marker_in_output')")
        server.call("run_code", "import os; os.system('id')")
        server.end()
        lines = [json.loads(line) for line in server.log]
        same([sorted(line) for line in lines], [["level", "message", "time"]] * 2)
        assert lines[0]["message"].startswith("run_code: ok"), lines
        assert "marker" not in str(lines), lines
    with Server("--quiet") as server:
        server.initialize()
        server.call("check_code", "print(1)")
        server.end()
        same(server.log, [])


@test("a reader of stderr who sleeps stops nothing")
def _():
    read, write = os.pipe()
    try:
        with subprocess.Popen([str(tap.PYSBX), "mcp", "-v"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=write) as process:
            for number in range(4000):
                process.stdin.write(b'{"jsonrpc":"2.0","id":%d,"method":"nothing/such"}\n' % number)
                process.stdin.flush()
                assert json.loads(process.stdout.readline())["id"] == number
            process.stdin.close()
            same(process.wait(10), 0)
    finally:
        os.close(read)
        os.close(write)


@test("wrong usage: status 2, what is wrong, nothing on stdout")
def _():
    from gateway import built
    built()
    for words, part in ((["--nonsense"], "unknown option"), (["extra"], "unexpected 'extra'"),
                        (["--jobs", "0"], "from 1 to 1024"), (["--jobs", "1025"], "from 1 to"),
                        (["--jobs", "2x"], "is not a number"), (["--queue", "-1"], "is not a number"),
                        (["--log", "xml"], "neither"), (["--path", "x"], "begin with '/'"),
                        (["--jobs"], "needs a value"), (["--token-file", "/nonexistent/x"], "No such file"),
                        (["--allow-host", "x"], "for --http")):
        done = tap.command(tap.PYSBX, "mcp", *words, check=2)
        assert part in done.stderr and not done.stdout, (words, done.stderr)
    done = tap.command(tap.PYSBX, "mcp", "--help", check=0)
    assert "--http ADDR" in done.stdout and not done.stderr
    same(tap.command(tap.PYSBX, "help", "mcp", check=0).stdout, done.stdout)
    gateway = tap.BUILD / "gateway" / "pysbx-mcp"
    done = tap.command(gateway, check=1)
    assert "start it with 'pysbx mcp'" in done.stderr, done.stderr
    done = tap.command(gateway, "--pysbx-fd", "3", check=1)
    assert "start it with 'pysbx mcp'" in done.stderr, done.stderr


@test("the pysbx that is started is the one that started it, whatever PATH says")
def _():
    needs_isolation()
    with scratch() as folder:
        for name in ("pysbx", "pysbx-mcp", "python3"):
            fake = folder / name
            fake.write_text("#!/bin/sh\necho '{\"schema\":1,\"status\":\"ok\",\"stdout\":\"fake\"}'\n")
            fake.chmod(0o755)
        with Server(env={"PATH": f"{folder}:{os.environ['PATH']}"}) as server:
            server.initialize()
            same(server.call("run_code", "print(1)")["structuredContent"]["stdout"], "1\n")


@test("the client in examples/mcp")
def _():
    from gateway import built
    built()
    needs_isolation()
    example = tap.TOP / "examples" / "mcp" / "client.py"
    done = tap.command(sys.executable, example, tap.PYSBX, "print(6 * 7)", check=0)
    same(done.stdout.split("[")[0], "tools: run_code, secure_sandbox, check_code\n42\n")
    done = tap.command(sys.executable, example, tap.PYSBX, "x = (", check=1)
    assert "does not parse" in done.stdout, done.stdout


main()
