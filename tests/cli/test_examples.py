"""Every example of the manual pages is carried out, and every program under examples/. Prints TAP.

What the examples of some pages need (a daemon, runtimes) or must be alone for, other tests have: examples.ELSEWHERE.
"""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request

from cli import (Skip, check, clean_environment, holds, main, needs_isolation, pysbx, run, same, scratch, tap,
                 test)

import examples
from examples import ELSEWHERE, is_shown


def environment():
    return clean_environment({"PYSBX_POLICY": "standard"})


def add(page):
    @test(f"the examples of {page.name}")
    def _():
        needs_isolation()
        if page.name == "pysbx-mcp.1":
            needs_gateway()
        if page.name == "pysbx-completion.1" and subprocess.run(["sh", "-c", "command -v bash"], stdout=subprocess.DEVNULL,
                                                                check=False).returncode:
            raise Skip("bash is not installed")
        examples.execute(page, environment())


def needs_gateway():
    if not (tap.BUILD / "gateway/pysbx-mcp").exists():
        raise Skip("built without the gateway")


for each in examples.PAGES:
    if each.name not in ELSEWHERE and any(examples.commands(each)):
        add(each)


# Displays that are no command lines: files and a server, each of which is put to its use.

def configuration(text):
    """It is a good file of the system's, and its profile is there."""
    needs_isolation()
    other = tap.BUILD / "tests/tools/pysbx_other_paths"
    if not other.exists():
        raise Skip(f"{other.name} is not built")
    with scratch() as top:
        (top / "pysbx.conf").write_text(text)
        env = {"PYSBX_TEST_SYSTEM_FILE": str(top / "pysbx.conf")}
        holds(pysbx("run", "-p", "reports", "-c", "print(1)", program=other, env=env).text, "1\n")
        result = pysbx("run", "-m", "2G", "-c", "print(1)", program=other, env=env)
        same(result.status, 125, result)
        holds(result.err, "1G")


def policy(text):
    """It is a policy, and says what it seems to say."""
    with scratch() as top:
        (top / "mine.policy").write_text(text)
        same(pysbx("policy", "validate", top / "mine.policy").status, 0)
        for code, status in (("import os; os.getpid()", 0), ("import threading", 1)):
            same(check("--policy", top / "mine.policy", "-c", code).status, status, code)


def servers(text):
    """It is JSON, and what it names starts a server."""
    needs_gateway()
    row = json.loads(text)["mcpServers"]["pysbx"]
    same(row["command"], "pysbx")
    result = pysbx(*row["args"], stdin=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    same(result.json["result"], {})


def over_http(text):
    """The server that it starts asks for the token."""
    needs_gateway()
    with scratch() as top:
        (top / "bin").mkdir()
        (top / "bin/pysbx").symlink_to(tap.PYSBX)
        script = text.replace(":8080", ":0")
        assert script != text and script.splitlines()[-1].startswith("pysbx "), text
        script = script.replace("\npysbx ", "\nexec pysbx ")
        env = {**environment(), "PATH": f"{top}/bin:" + os.environ["PATH"]}
        server = subprocess.Popen(["sh", "-ec", script], cwd=top, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            line = server.stderr.readline()
            url = re.search(r"http://\S+", line)
            assert url, line
            body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},' \
                b'"clientInfo":{"name":"t","version":"1"}}}'
            headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
            for token, wanted in ((None, 401), ((top / "token").read_text().strip(), 200)):
                ask = urllib.request.Request(url.group(), body, {**headers, **({"Authorization": f"Bearer {token}"} if token else {})})
                try:
                    with urllib.request.urlopen(ask, timeout=60) as answer:
                        found = answer.status
                except urllib.error.HTTPError as error:
                    found = error.code
                same(found, wanted, "with the token" if token else "without a token")
        finally:
            server.terminate()
            server.communicate(timeout=60)


OTHERS = {("pysbx.conf.5", "ceiling.memory"): configuration, ("pysbx-policy.5", "extends"): policy,
          ("pysbx-mcp.1", '{"mcpServers":'): servers, ("pysbx-mcp.1", "umask"): over_http}


def add_other(page, word, use):
    @test(f"what {page.name} shows: {use.__doc__.rstrip('.')}")
    def _():
        (text,) = [d for d in examples.displays(page) if d.split()[0] == word]
        use(text)


for (name, first), function in OTHERS.items():
    add_other(tap.TOP / "man" / name, first, function)


@test("no example of any page is left out")
def _():
    for page in examples.PAGES:
        for display in examples.displays(page):
            assert display.startswith("$ ") or (page.name, display.split()[0]) in OTHERS, f"{page.name}: {display}"
        if page.name in ELSEWHERE:
            assert page.name in (tap.TOP / ELSEWHERE[page.name]).read_text(), f"{ELSEWHERE[page.name]}: nothing of {page.name}"
    # The one in the text of pysbx(1) is that of pysbx.conf(5).
    (shown,) = examples.displays(tap.TOP / "man/pysbx.conf.5")
    assert shown in (tap.TOP / "man/pysbx.1").read_text(), shown


@test("examples/analysis.py passes the guard and runs, its figures right")
def _():
    program = tap.TOP / "examples" / "analysis.py"
    same(check("--policy", "classic", program).status, 0)
    for minor in range(8, 15):
        same(check("--target-version", f"3.{minor}", program).status, 0, minor)
    needs_isolation()
    result = run(program)
    same((result.status, result.err), (0, ""), result)
    # The mean of the published series is 919.35.
    holds(result.text, "n=100  mean   919.4", "The level changed in 1899")


@test("examples/refused.py is refused for each of its reasons")
def _():
    program = tap.TOP / "examples" / "refused.py"
    for policy, rules in (("classic", {"PSX101", "PSX102", "PSX103"}),
                          ("standard", {"PSX101", "PSX103", "PSX105", "PSX112"})):
        found = check("--json", "--policy", policy, program).json
        same({f["rule"] for f in found["findings"]}, rules)
    same(run(program).status, 126)


@test("what an example shows is compared, not just run")
def _():
    same(is_shown(["a", "b..."], ["a", "bcd"]), True)
    same(is_shown(["...", "1"], ["x", "y", "1"]), True)
    same(is_shown(["sha256:...: Python 3..."], ["sha256:0a1b: Python 3.11, 49 MiB"]), True)
    same(is_shown(["sha256:...: Python 3..."], ["sha256:0a1b, Python 3.11"]), False)
    for found in (["a"], ["a", "x"], ["a", "bc", "d"], []):
        same(is_shown(["a", "b..."], found), False, found)


main()
