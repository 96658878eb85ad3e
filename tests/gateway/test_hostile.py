"""Messages that are none, or too much of one: the right error, no crash, nothing lost of the others;
thousands of requests, hundreds at once. Prints TAP. By hand: python3 tests/gateway/test_hostile.py
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gateway import (META, Http, Server, Skip, eventually, main, needs_isolation, refused, same, tap,
                     test, text_of)

PING = b'{"jsonrpc":"2.0","id":"after","method":"ping"}\n'
MIB = 1 << 20
SANITIZED = "#define PYSBX_SANITIZED 1" in (tap.BUILD / "config.h").read_text() \
    if (tap.BUILD / "config.h").exists() else False


def answered(server, line, *codes):
    """One line, the errors it must bring (without an id unless (code, id)), and then still an answer."""
    server.write(line + b"\n" + PING)
    for code in codes:
        code, id = code if isinstance(code, tuple) else (code, None)
        refused(server.receive(), code, id)
    same(server.receive(), {"jsonrpc": "2.0", "id": "after", "result": {}})


@test("what is no JSON, no UTF-8, no message")
def _():
    with Server() as server:
        for line in (b"{", b"}", b"nonsense", b"\0", b'{"jsonrpc":"2.0"', b'"\xff"', b'{"a":"\xc3("}', b"\xef\xbb\xbf{}",
                     b'{"jsonrpc":"2.0","id":1,"method":"ping"}}', b"{'a':1}", b"[1,]", b"NaN", b"01", b'"\\x"',
                     b'{"jsonrpc":"2.0","id":1,"method":"pi\ng"}'.replace(b"\n", b"\x01"), b"\xed\xa0\x80",
                     b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', b'{"a":{"b":1,"b":1}}',
                     b'{"id":123456789012345678901234567890,"jsonrpc":"2.0","method":"ping"}', b"1e999"):
            answered(server, line, -32700)
        for line in (b"[]", b"1", b'"ping"', b"null", b"true", b"{}", b'{"jsonrpc":"1.0"}', b'{"jsonrpc":2.0}',
                     b'{"jsonrpc":"2.0","method":1}', b'{"jsonrpc":"2.0","method":null}'):
            answered(server, line, -32600)
        for line in (b"", b"   ", b"\r", b'{"jsonrpc":"2.0","method":"notifications/nothing"}',
                     b'{"jsonrpc":"2.0","method":"notifications/nothing","params":[]}',
                     b'{"jsonrpc":"2.0","id":1,"result":{}}', b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
                     b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"run_code"}}'):
            answered(server, line)
        answered(server, b'{"jsonrpc":"2.0","id":5,"method":1}', (-32600, 5))
        answered(server, b'{"jsonrpc":"2.0","id":"x","method":"ping","params":[]}', (-32602, "x"))
        answered(server, b'{"jsonrpc":"2.0","id":"x","method":"ping\\u0000"}', (-32600, "x"))


@test("ids of every kind: strings and integers come back as they were, others are refused")
def _():
    with Server() as server:
        for id in ("", "a", "é\U0001f600", "\0", "x" * 100000, 0, -1, 1, 2**53, 2**63 - 1, -2**63):
            same(server.ask("ping", id=id)["id"], id)
        for text, value in ((b"1.0", 1), (b"1e3", 1000), (b"-0.0", 0)):
            server.write(b'{"jsonrpc":"2.0","id":' + text + b',"method":"ping"}\n')
            same(server.receive()["id"], value)
        for text in (b"null", b"true", b"1.5", b"[]", b"{}", b"1e300", b'["a"]'):
            answered(server, b'{"jsonrpc":"2.0","id":' + text + b',"method":"ping"}', -32600)


@test("nesting at its most and past it, many small values, long names")
def _():
    with Server() as server:
        server.initialize()
        for depth, code in ((60, None), (64, -32700), (3000, -32700), (1000000, -32700)):
            line = b'{"jsonrpc":"2.0","id":"d","method":"ping","params":{"x":' + b"[" * depth + b"]" * depth + b"}}"
            if code:
                answered(server, line, code)
            else:
                server.write(line + b"\n")
                same(server.receive()["id"], "d")
        answered(server, b"[" * 5000000, -32700)
        answered(server, b'{"a":[' + b"1," * 200000 + b"1]}", -32700)
        answered(server, b'{"' + b"n" * MIB + b'":1}', -32600)


@test("a message at 16 MiB is read, one past it is refused and passed over, without holding it")
def _():
    with Server() as server:
        server.initialize()
        head = b'{"jsonrpc":"2.0","id":"big","method":"ping","params":{"x":"'
        most = 16 * MIB
        server.write(head + b"x" * (most - len(head) - 3) + b'"}}\n')
        same(server.receive()["id"], "big")
        server.write(head + b"x" * (most - len(head) - 2) + b'"}}\n' + PING)
        refused(server.receive(), -32600)
        same(server.receive()["id"], "after")
        before = server.memory()
        for _ in range(200):
            server.write(b"x" * MIB)
        server.write(b"\n" + PING)
        refused(server.receive(), -32600)
        same(server.receive()["id"], "after")
        if not SANITIZED:
            assert server.memory() < before + 40 * MIB, (before, server.memory())


@test("one byte at a time, many messages in one piece, CR at the end of lines")
def _():
    with Server() as server:
        for byte in b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n':
            server.write(bytes([byte]))
        same(server.receive()["id"], 1)
        server.write(b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\r\n' % n for n in range(5000)))
        same([server.receive()["id"] for _ in range(5000)], list(range(5000)))


@test("half of a surrogate pair in a program is told, not run; whole pairs are characters")
def _():
    needs_isolation()
    with Server() as server:
        server.initialize()
        for code in (r"print('\ud800')", r"print('\udc00\ud800')", r"'\ud83d\u0041'"):
            server.write(b'{"jsonrpc":"2.0","id":"s","method":"tools/call","params":{"name":"run_code",'
                         b'"arguments":{"code":"' + code.encode() + b'"}}}\n')
            answer = server.receive()
            same((answer["id"], answer["result"]["isError"]), ("s", True))
            assert "surrogate" in text_of(answer["result"]), answer
        server.write(b'{"jsonrpc":"2.0","id":"s","method":"tools/call","params":{"name":"run_code",'
                     b'"arguments":{"code":"print(\'\\ud83d\\ude00\\\\ud800\' == 1)"}}}\n')
        same(server.receive()["result"]["structuredContent"].get("stdout"), "False\n")


@test("a program with NUL in it is refused by the guard, not cut short")
def _():
    with Server() as server:
        server.initialize()
        result = server.call("run_code", "print(1)\0import os")
        same((result["isError"], result["structuredContent"]["status"]), (True, "syntax_error"))


@test("batches: one array of answers in 2025-03-26, refused elsewhere")
def _():
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "notifications/x"},
             {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
              "params": {"name": "check_code", "arguments": {"code": "print(1)"}}}, 5,
             {"jsonrpc": "2.0", "id": 3, "method": "nothing"}]
    with Server() as server:
        server.initialize("2025-03-26")
        server.send(batch)
        answers = server.receive()
        same(sorted(str(a.get("id")) for a in answers), ["1", "2", "3", "None"])
        same(next(a for a in answers if a.get("id") == 2)["result"]["structuredContent"]["verdict"], "allow")
        server.send([{"jsonrpc": "2.0", "method": "notifications/x"}])
        server.send([{"jsonrpc": "2.0", "id": "b", "method": "tools/call",
                      "params": {"name": "run_code", "arguments": {"code": "while True: pass"}}},
                     {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "b"}}])
        same(server.ask("ping")["result"], {})
        server.nothing()
        server.send([])
        refused(server.receive(), -32600)
    with Server() as server:
        server.initialize("2025-06-18")
        server.send(batch)
        refused(server.receive(), -32600)
        same(server.ask("ping")["result"], {})


@test("mutilated requests by the thousand: every line is answered or is none of ours")
def _():
    rng = random.Random(7)
    whole = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "check_code", "arguments": {"code": "print('é')"}, "_meta": META}}).encode()
    with Server(*[], env={"PYSBX_POLICY": "strict"}) as server:
        server.initialize()
        for round in range(30):
            lines = []
            for _ in range(50):
                line = bytearray(whole)
                for _ in range(rng.randint(1, 6)):
                    place = rng.randrange(len(line))
                    kind = rng.random()
                    if kind < 0.4:
                        line[place] = rng.randrange(256)
                    elif kind < 0.7:
                        del line[place:place + rng.randint(1, 9)]
                    else:
                        line[place:place] = bytes(rng.choices(b'{}[]",:\\u0d8', k=rng.randint(1, 5)))
                lines.append(bytes(line).replace(b"\n", b""))
            server.write(b"\n".join(lines) + b"\n")
            server.write(b'{"jsonrpc":"2.0","id":"end-%d","method":"ping"}\n' % round)
            while server.receive().get("id") != f"end-{round}":
                pass
        eventually(lambda: not server.children())
        same(server.end(), 0)


@test("10,000 requests over one connection: none lost, no growth")
def _():
    needs_isolation()

    def some(count, start):
        expected = {}
        for number in range(start, start + count):
            if number % 100 == 0:
                server.request("tools/call", {"name": "run_code", "arguments": {"code": f"print({number})"}}, number)
                expected[number] = f"{number}\n"
            elif number % 10 == 0:
                server.request("tools/list", {"_meta": META}, number)
                expected[number] = 3
            elif number % 10 == 1:
                server.write(b'{"jsonrpc":"2.0","id":%d,"method":"no/such"}\n' % number)
                expected[number] = -32601
            else:
                server.request("ping", None, number)
                expected[number] = None
        for _ in range(count):
            answer = server.receive()
            wanted = expected.pop(answer["id"])
            found = answer.get("result", {})
            same(answer["error"]["code"] if "error" in answer
                 else found["structuredContent"]["stdout"] if "structuredContent" in found
                 else len(found["tools"]) if "tools" in found else None, wanted)
        same(expected, {})

    with Server("--quiet") as server:
        server.initialize()
        some(2000, 0)
        before, descriptors = server.memory(), server.descriptors()
        for start in range(2000, 10000, 1000):
            some(1000, start)
        same(server.descriptors(), descriptors)
        if not SANITIZED:
            assert server.memory() < before + 4 * MIB, (before, server.memory())
        same(server.children(), [])


@test("200 at once, and each gets its own")
def _():
    needs_isolation()
    with Server("--quiet") as server:
        server.initialize()
        for number in range(200):
            server.request("tools/call", {"name": "run_code", "arguments": {"code": f"print({number})"}}, number)
        found = {}
        for _ in range(200):
            answer = server.receive()
            found[answer["id"]] = answer["result"]["structuredContent"]["stdout"]
        same(found, {number: f"{number}\n" for number in range(200)})


@test("a client that does not read is waited for; what it asked is there when it does")
def _():
    needs_isolation()
    with subprocess.Popen([str(tap.PYSBX), "mcp", "--quiet"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        ping = b'{"jsonrpc":"2.0","id":%d,"method":"tools/list","params":{"_meta":' + json.dumps(META).encode() + b"}}\n"
        pid = os.fork()
        if pid == 0:
            process.stdin.write(b"".join(ping.replace(b"%d", b"%d" % n) for n in range(5000)))
            process.stdin.flush()
            os._exit(0)
        time.sleep(1)
        with open(f"/proc/{process.pid}/statm") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        if not SANITIZED:
            assert resident < 40 * MIB, resident
        same([json.loads(process.stdout.readline())["id"] for _ in range(5000)], list(range(5000)))
        os.waitpid(pid, 0)
        process.stdin.close()
        same(process.wait(10), 0)


@test("without room for descriptors or processes a call says so, and the server goes on")
def _():
    needs_isolation()

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (14, 14))
    with Server("--jobs", "8", preexec_fn=few) as server:
        server.initialize()
        for number in range(8):
            server.request("tools/call", {"name": "run_code", "arguments": {"code": "import time; time.sleep(0.3)"}}, number)
        results = [server.receive()["result"] for _ in range(8)]
        assert any(r["isError"] and "was not run" in text_of(r) for r in results), results
        same(len(server.ask("tools/list")["result"]["tools"]), 3)


main()
