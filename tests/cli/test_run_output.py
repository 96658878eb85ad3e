"""The results of pysbx run: JSON, the status descriptor, output to pipes and terminals. Prints TAP."""

import base64
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from cli import (clean_environment, holds, main, needs_isolation, pysbx, run, same, schema, scratch,
                 tap, test, usage_error)


# --- JSON and the status descriptor

@test("--json: one object on one line, stderr silent, status the same")
def _():
    needs_isolation()
    result = run("--json", "-c", "print('a\\nb\\x1b\\x85\\u2028'); raise SystemExit(7)")
    same((result.status, result.err), (7, ""), result)
    same(result.out.count(b"\n"), 1)
    assert not any(c < 0x20 for c in result.out[:-1]), result.out
    assert "\u2028" not in result.text and "\x85" not in result.text
    same((result.json["stdout"], result.json["exit_code"]), ("a\nb\x1b\x85\u2028\n", 7))


@test("output that is no UTF-8 comes as base64, each stream by itself")
def _():
    needs_isolation()
    code = "from argparse import _sys; _sys.stdout.buffer.write(b'\\xff\\x00'); print('e', file=_sys.stderr)"
    found = run("--json", "-c", code).json
    same((found["stdout_encoding"], found["stderr_encoding"]), ("base64", "utf-8"))
    same((base64.b64decode(found["stdout"]), found["stderr"]), (b"\xff\x00", "e\n"))


@test("--json answers also where pysbx fails")
def _():
    for words, status, code in ((["nofile"], "error", 127), (["--memory", "1", "-c", "1"], "error", 125),
                                (["--memroy", "1", "-c", "1"], "error", 125), ([], "error", 125),
                                (["-c", "import os"], "rejected", 126),
                                (["--policy", "stricter", "-c", "1"], "error", 125)):
        for line in (["--json", *words], [*words, "--json"]):
            result = run(*line)
            same((result.status, result.json["status"]), (code, status), line)
            assert result.json["message"], line
            assert "exit_code" not in result.json and "stdout" not in result.json, line


@test("the schema is one, and refuses what is no result")
def _():
    validate = schema("result.schema.json")
    import jsonschema
    good = run("--json", "-c", "import os").json
    validate(good)
    for change in ({"status": "fine"}, {"exit_code": 0}, {"schema": 2}, {"surplus": 1},
                   {"guard": None}, {"stdout": ""}, {"message": 3}):
        try:
            validate({**good, **change})
        except jsonschema.ValidationError:
            continue
        raise AssertionError(f"the schema allows {change}")


@test("a refusal in JSON: message with the place, remedy, findings, no usage")
def _():
    found = run("--json", "-c", "x = 1\nimport os\nopen('x')\n").json
    holds(found["message"], "<string>:2", "'os'", "more")
    same([f["rule"] for f in found["guard"]["findings"]], ["PSX101", "PSX102"])
    same(found["guard"]["policy"], "classic")


@test("--status-fd gets the line, stdout stays the program's")
def _():
    needs_isolation()
    for words, out in (([], b"hello\n"), (["--json"], None)):
        read, write = os.pipe()
        result = run("--status-fd", str(write), *words, "-c", "print('hello')", pass_fds=[write])
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            line = pipe.read()
        found = json.loads(line)
        same((line.count(b"\n"), found["status"], found["stdout"]), (1, "ok", "hello\n"))
        same(result.out, out if out is not None else line, words)


@test("--status-fd gets an object also where the settings are wrong")
def _():
    for words, code in ((["--memory", "x", "-c", "1"], 125), (["nofile"], 127), ([], 125),
                        (["--memroy", "-c", "1"], 125), (["-c", "import os"], 126)):
        read, write = os.pipe()
        result = run("--status-fd", str(write), *words, pass_fds=[write])
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            found = json.loads(pipe.read())
        same((result.status, bool(found["message"])), (code, True), words)


@test("--status-fd must be open for writing, and its failure is told")
def _():
    usage_error(["--status-fd", "9", "-c", "1"], "--status-fd 9: is not an open descriptor")
    fd = os.open("/dev/null", os.O_RDONLY)
    result = run("--status-fd", str(fd), "-c", "1", pass_fds=[fd])
    holds(result.err, "is not open for writing")
    os.close(fd)
    needs_isolation()
    fd = os.open("/dev/full", os.O_WRONLY)
    result = run("--status-fd", str(fd), "-c", "1", pass_fds=[fd])
    os.close(fd)
    same(result.status, 125, result)
    holds(result.err, "--status-fd: No space left")


@test("the program does not inherit the status descriptor")
def _():
    needs_isolation()
    read, write = os.pipe()
    code = ("from argparse import _os\ntry: _os.fstat(%d); print('open')\n"
            "except OSError: print('closed')" % write)
    result = run("--status-fd", str(write), "-c", code, pass_fds=[write])
    os.close(read)
    os.close(write)
    same(result.out, b"closed\n", result)


# --- where output goes

@test("stdout full or closed: 125 with a message")
def _():
    needs_isolation()
    with open("/dev/full", "wb") as full:
        for words in ([], ["--json"]):
            result = run(*words, "-c", "print(1)", stdout=full)
            same(result.status, 125, result)
            holds(result.err, "standard output: No space left on device")
    done = subprocess.run(["sh", "-c", 'exec "$0" run -c "print(1)" >&-', str(tap.PYSBX)],
                          stderr=subprocess.PIPE, env=clean_environment(), check=False)
    same(done.returncode, 125, done)
    holds(done.stderr.decode(), "standard output: Bad file descriptor")


@test("a reader that stalls does not stop the clock, and gets everything in the end")
def _():
    needs_isolation()
    read, write = os.pipe()
    with scratch() as top:
        code = "print('x' * 300000, flush=True)\nwhile True: pass"
        with open(top / "status", "wb") as status:
            child = subprocess.Popen([str(tap.PYSBX), "run", "-t", "1s", "--cpu-time", "20s",
                                      "--status-fd", str(status.fileno()), "-c", code],
                                     stdout=write, stderr=subprocess.PIPE, env=clean_environment(),
                                     pass_fds=[status.fileno()])
        os.close(write)
        time.sleep(6)
        with os.fdopen(read, "rb") as pipe:
            same(len(pipe.read()), 300001)
        _, err = child.communicate(timeout=30)
        same(child.returncode, 124, err)
        found = json.loads((top / "status").read_text())
    assert found["usage"]["wall_ms"] < 5500, found["usage"]


@test("a reader that goes away ends the run at once")
def _():
    needs_isolation()
    read, write = os.pipe()
    started = time.monotonic()
    child = subprocess.Popen([str(tap.PYSBX), "run", "-t", "60s", "-c",
                              "import time\nwhile True: print('x' * 100, flush=True); time.sleep(.01)"],
                             stdout=write, stderr=subprocess.PIPE, env=clean_environment())
    os.close(write)
    os.read(read, 10)
    os.close(read)
    _, err = child.communicate(timeout=30)
    same(child.returncode, 125, err)
    holds(err.decode(), "standard output: Broken pipe")
    assert time.monotonic() - started < 40


@test("a signal to pysbx ends the run and then pysbx, with its JSON written")
def _():
    needs_isolation()
    validate = schema("result.schema.json")
    for number in (signal.SIGINT, signal.SIGTERM):
        with scratch() as top:
            with open(top / "status", "wb") as status:
                child = subprocess.Popen(
                    [str(tap.PYSBX), "run", "-t", "20s", "--status-fd", str(status.fileno()), "-c",
                     "print('up', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, env=clean_environment(), pass_fds=[status.fileno()])
            same(child.stdout.readline(), b"up\n")
            child.send_signal(number)
            _, err = child.communicate(timeout=20)
            found = json.loads((top / "status").read_text())
        name = signal.Signals(number).name
        same(child.returncode, -number, err)
        holds(err.decode(), f"interrupted by {name}")
        validate(found)
        same((found["status"], found["message"]), ("error", f"interrupted by {name}"))


def on_a_terminal(*words):
    """What a person would see."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(clean_environment({"TERM": "xterm", "PATH": "/usr/bin:/bin"}))
        os.execv(str(tap.PYSBX), [str(tap.PYSBX), *words])
    seen = b""
    while select.select([terminal], [], [], 30)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.waitpid(child, 0)
    os.close(terminal)
    return seen.replace(b"\r\n", b"\n").decode("utf-8", "replace")


@test("on a terminal controls are made visible, elsewhere the bytes pass as they are")
def _():
    needs_isolation()
    code = ("from argparse import _sys\n_sys.stdout.buffer.write("
            "b'a\\x1b[2J\\tb\\n\\xc2\\x9b\\xe2\\x80\\xae\\xff\\x07\\r\\xc3\\xa9\\n')")
    seen = on_a_terminal("run", "-c", code)
    same(seen, "a\\x1b[2J\tb\n\\x9b\\u202e\\xff\\x07\\x0dé\n")
    same(run("-c", code).out, b"a\x1b[2J\tb\n\xc2\x9b\xe2\x80\xae\xff\x07\r\xc3\xa9\n")


@test("on a terminal what stands in a traceback, a file's name or an exception controls nothing either")
def _():
    needs_isolation()
    bad = "\x1b]52;c;eA==\x07\x9b1m\u202e"

    def controls(text):
        # pysbx's own colours are of one form only.
        return [char for char in re.sub(r"\x1b\[\d*m", "", text)
                if ord(char) < 32 and char not in "\n\t" or 0x7f <= ord(char) < 0xa0 or char == "\u202e"]
    with scratch() as top:
        path = top / f"n{bad}.py"
        path.write_text(f"from argparse import _sys\n_sys.stderr.write({bad!r})\nclass {'E'}(Exception): pass\nraise E({bad!r})\n")
        for code in (["--guard", "off", path], ["--guard", "off", top / f"none{bad}"], ["--python", f"/none{bad}", "-c", "1"],
                     ["--file", f"{bad}=/none{bad}", "-c", "1"], ["--fetch", "*", "--fetch-dir", f"/none{bad}/x", "-c", "1"], [f"--{bad}"], [bad, bad],
                     ["--policy", bad, "-c", "1"], ["-c", f"import os; os.system({bad!r})"], ["-c", f"x = '{bad}' +"], ["-c", f"{bad}"]):
            seen = on_a_terminal("run", *map(str, code))
            same((controls(seen), len(seen) > 10), ([], True), (code, seen))
        path.write_text(f"import os\nos.system('{bad}')\n")
        for command in ("check", "ast"):
            seen = on_a_terminal(command, str(path), str(top / f"none{bad}"))
            same(controls(seen), [], (command, seen))


@test("on a terminal a character in two pieces stays one")
def _():
    needs_isolation()
    code = ("from argparse import _sys\nimport time\nfor b in 'é€😀'.encode() + b'\\xe2\\x82':\n"
            "    _sys.stdout.buffer.write(bytes([b])); _sys.stdout.flush(); time.sleep(.03)")
    same(on_a_terminal("run", "-c", code), "é€😀\\xe2\\x82")


@test("output passes while the program runs, in order")
def _():
    needs_isolation()
    code = "import time\nfor i in range(3): print(i, flush=True); time.sleep(.4)"
    child = subprocess.Popen([str(tap.PYSBX), "run", "-c", code], stdout=subprocess.PIPE,
                             env=clean_environment())
    times = []
    for line in child.stdout:
        times.append(time.monotonic())
    child.wait()
    same(len(times), 3)
    assert times[2] - times[0] > .5, times


main()
