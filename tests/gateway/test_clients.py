"""Clients that others wrote, before the MCP server: the TypeScript SDK of both generations, the
Inspector's command line, the conformance suite. Prints TAP. By hand: python3 tests/gateway/test_clients.py
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import clients
from gateway import MODERN, Http, Skip, built, environment, main, needs_isolation, same, scratch, tap, test, tools_that_run

SECONDS = 180
PERMISSIVE = {"PYSBX_POLICY": "permissive"}


def package(*path):
    try:
        home = clients.folder()
        return clients.node(home), home.joinpath("node_modules", "@modelcontextprotocol", *path), home
    except clients.Missing as missing:
        raise Skip(str(missing))


def node(*words, status=0, **more):
    program, _, home = package()
    done = subprocess.run([str(program), *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False,
                          env={**environment(PERMISSIVE), "HOME": str(home), "PYSBX_MCP_CLIENTS": str(home),
                               "NO_COLOR": "1", "TOOLS": " ".join(tools_that_run())}, **more)
    assert done.returncode == status, (done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def everything(script, *words):
    """The same script over stdio and over HTTP."""
    built()
    needs_isolation()
    path = clients.HERE / script
    same(node(path, *words, tap.PYSBX, "mcp", "--jobs", "1"), "done\n")
    with Http(env=PERMISSIVE) as server:
        same(node(path, *words, server.url), "done\n")


@test("@modelcontextprotocol/sdk, on stdio and over HTTP")
def _():
    everything("sdk.mjs")


for mode in ("legacy", "auto", MODERN):
    @test(f"@modelcontextprotocol/client, {mode}, on stdio and over HTTP")
    def _(mode=mode):
        everything("client.mjs", mode)


@test("the Inspector in both eras: strict about the tools' schemas, calls, its own exit statuses")
def _():
    built()
    needs_isolation()
    _, inspector, _ = package("inspector", "clients", "launcher", "build", "index.js")

    def ask(where, era, *words, status=0):
        return node(inspector, "--cli", *where, "--protocol-era", era, "--format", "json", "-q", *words, status=status)

    with Http(env=PERMISSIVE) as server:
        for where in ([tap.PYSBX, "mcp"], [server.url]):
            for era in ("legacy", "auto", "modern"):
                listed = json.loads(ask(where, era, "--method", "tools/list", "--strict"))
                same(len(listed["result"]["tools"]), 3)
                call = ["--method", "tools/call", "--tool-name", "run_code", "--tool-args-json"]
                ran = json.loads(ask(where, era, *call, '{"code":"print(sum(range(10)))"}'))
                same(ran["result"]["structuredContent"]["stdout"], "45\n")
                ask(where, era, *call, '{"code":"x = ("}', status=5)


def conformance(url, version, baseline):
    _, program, _ = package("conformance", "dist", "index.js")
    with scratch() as folder:
        return node(program, "server", "--url", url, "--requirements", version, "--expected-failures", baseline,
                    "-o", folder, cwd=folder)


for version in ("2025-11-25", MODERN):
    @test(f"the conformance suite, requirements of {version}, less what is not offered")
    def _(version=version):
        with Http() as server:
            text = conformance(server.url, version, clients.HERE / f"baseline-{version}.yml")
            assert "all failures are expected" in text, text[-2000:]


# What the tools of tests/tools/mcp_fixtures.c score beyond the baselines.
SCORED = {
    "2025-11-25": {"simple-text", "image", "audio", "embedded-resource", "mixed-content", "with-logging",
                   "error", "with-progress"},
    MODERN: {"simple-text", "image", "audio", "embedded-resource", "mixed-content", "error", "with-progress"},
}


for version in SCORED:
    @test(f"the conformance suite, {version}, with the tools that it asks for by name")
    def _(version=version):
        fixtures = tap.BUILD / "tests" / "tools" / "pysbx_mcp_fixtures"
        if not fixtures.exists():
            raise Skip("make tests/tools/pysbx_mcp_fixtures first")
        scored = {f"  - tools-call-{name}" for name in SCORED[version]} | {"  - json-schema-2020-12"}
        if version == MODERN:
            scored.add("  - server-stateless")
        lines = (clients.HERE / f"baseline-{version}.yml").read_text().splitlines()
        assert scored <= set(lines), scored - set(lines)
        with Http(gateway=fixtures) as server, scratch() as folder:
            baseline = folder / "baseline.yml"
            baseline.write_text("\n".join(line for line in lines if line not in scored) + "\n")
            text = conformance(server.url, version, baseline)
            assert "all failures are expected" in text, text[-2000:]


@test("the conformance suite fails where a scenario is not expected to: the baseline is no blanket")
def _():
    _, program, _ = package("conformance", "dist", "index.js")
    with Http() as server, scratch() as folder:
        short = folder / "short.yml"
        lines = (clients.HERE / "baseline-2025-11-25.yml").read_text().splitlines()
        short.write_text("\n".join(line for line in lines if "prompts-list" not in line) + "\n")
        text = node(program, "server", "--url", server.url, "--requirements", "2025-11-25",
                    "--expected-failures", short, "-o", folder, cwd=folder, status=1)
        assert "prompts-list" in text, text[-2000:]


main()
