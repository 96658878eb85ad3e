"""packaging/python/pysbx.py with each Python on the machine: results, refusals, the earlier gateway's
interface, a pysbx that is not there. Prints TAP. By hand: python3 tests/gateway/test_python.py
"""

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gateway import Skip, clean_environment, main, needs_isolation, same, scratch, tap, test

sys.path.insert(0, str(tap.TOP / "tests"))
import pythons

MODULE = tap.TOP / "packaging" / "python" / "pysbx.py"


def with_python(python, body, env=None):
    """Runs body, which has the module as `pysbx` and the program as `P`, and asserts that it succeeds."""
    script = f"import sys\nsys.path.insert(0, {str(MODULE.parent)!r})\nimport pysbx\nP = {str(tap.PYSBX)!r}\n"
    done = subprocess.run([python, "-I", "-B", "-W", "error", "-c", script + textwrap.dedent(body)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
                          env={**clean_environment(env), "PYSBX_POLICY": "standard"})
    assert done.returncode == 0, f"{python}: {done.stdout[-2000:]}"
    return done.stdout


def everywhere(body, env=None):
    for python in pythons.interpreters():
        with_python(python, body, env)


@test("run(): output, status, limits, files in and out, standard input, arguments, environment")
def _():
    needs_isolation()
    everywhere("""
        r = pysbx.run("print(sum(range(10)))", pysbx=P)
        assert (r.status, r.ok, r.ran, r.exit_code, r.stdout, r.stderr) == ("ok", True, True, 0, "45\\n", ""), r
        assert r.wall_ms > 0 and r.raw["isolation"]["layers"] and r.findings == [], r
        r = pysbx.run("import sys; print(input(), sys.argv[1:], open('d').read(), open('e').read())",
                      stdin="hello", args=["a", "b"], files={"d": b"1", "e": "\\u00e9"}, pysbx=P)
        assert r.stdout == "hello ['a', 'b'] 1 \\u00e9\\n", r
        r = pysbx.run("raise SystemExit(3)", pysbx=P)
        assert (r.status, r.ok, r.exit_code) == ("nonzero", False, 3), r
        r = pysbx.run("while True: pass", timeout=0.3, pysbx=P)
        assert (r.status, r.timed_out, r.exit_code, r.signal) == ("timeout", True, None, "SIGKILL"), r
        r = pysbx.run("x = bytearray(10 ** 9)", memory="64M", profile="tight", require="reduced", pysbx=P)
        assert r.status == "oom", r
        r = pysbx.run("import os\\nos.makedirs('/tmp/out')\\nopen('/tmp/out/x', 'wb').write(bytes(range(256)))",
                      fetch=["*"], pysbx=P)
        assert r.files == {"x": bytes(range(256))}, r
        r = pysbx.run("import sys; sys.stdout.buffer.write(bytes([255, 65]))", policy="permissive", pysbx=P)
        assert r.stdout_raw == b"\\xffA" and r.stdout == "\\ufffdA", r
    """)


@test("a refusal, a syntax error, bytes that are no text: results with findings, no exception")
def _():
    everywhere("""
        r = pysbx.run("x = 1\\nimport os; os.system('id')", pysbx=P)
        assert (r.status, r.refused, r.ran, r.exit_code) == ("rejected", True, False, None), r
        assert r.findings[0].line == 2 and r.findings[0].rule == "PSX105" and r.findings[0].remedy, r
        assert "line 2" in str(r.findings[0]), r
        for code in ("x = (", b"x = '\\xff'", "x = '\\ud800'", "\\0", b"\\xfe\\xff"):
            assert pysbx.run(code, pysbx=P).status == "syntax_error", code
            assert pysbx.check(code, pysbx=P).verdict == "reject", code
        c = pysbx.check("print(1)", pysbx=P)
        assert c.allowed and c.findings == [] and c.policy == "standard", c
        assert pysbx.check("print(1)", policy="nonsense", pysbx=P).verdict == "error"
        for bad, kind in (((1,), TypeError), ((None,), TypeError)):
            try:
                pysbx.run(*bad, pysbx=P)
            except kind:
                continue
            raise AssertionError(bad)
        for timeout in (0, -1, float("nan"), float("inf")):
            try:
                pysbx.run("1", timeout=timeout, pysbx=P)
            except ValueError:
                continue
            raise AssertionError(timeout)
    """)


@test("SecureSandbox and CodeInterpreter, as the earlier gateway had them")
def _():
    needs_isolation()
    everywhere("""
        guard = pysbx.SecureSandbox(pysbx=P).static_guard
        assert guard("print(1)") == (True, ""), guard("print(1)")
        fine, reason = guard("import os; os.system('id')")
        assert fine is False and "os.system" in reason and "line 1" in reason, reason
        fine, reason = guard("x = (")
        assert fine is False and reason, reason
        python = pysbx.CodeInterpreter(pysbx=P)
        assert python.available() is True
        r = python.execute("print('out'); import sys; print('err', file=sys.stderr)", timeout=5)
        assert r["stdout"] == "out\\n" and r["stderr"] == "err\\n", r
        assert (r["exit_code"], r["timed_out"], r["status"]) == (0, False, "ok"), r
        r = python.execute("while True: pass", timeout=0.3)
        assert (r["exit_code"], r["timed_out"], r["status"]) == (124, True, "timeout"), r
        r = python.execute("import os; os.system('id')")
        assert (r["exit_code"], r["timed_out"], r["status"]) == (126, False, "rejected"), r
        assert "os.system" in r["stderr"], r
        r = python.execute("1/0")
        assert r["exit_code"] == 1 and "ZeroDivisionError" in r["stderr"], r
        r = pysbx.CodeInterpreter(profile="tight", pysbx=P).execute("x = bytearray(10 ** 9)", require="reduced")
        assert (r["exit_code"], r["status"]) == (137, "oom"), r
    """)


@test("no pysbx, no isolation, a program that is no pysbx: available() is False, nothing raises")
def _():
    with scratch() as folder:
        fake = folder / "pysbx"
        fake.write_text("#!/bin/sh\necho nonsense\n")
        fake.chmod(0o755)
        body = """
        for program in ("/nonexistent/pysbx", %r, "/", None):
            python = pysbx.CodeInterpreter(pysbx=program)
            assert python.available() is False, program
            r = python.execute("print(1)")
            assert r["exit_code"] == 125 and r["status"] in ("unavailable", "error") and r["message"], (program, r)
            fine, reason = pysbx.SecureSandbox(pysbx=program).static_guard("print(1)")
            assert fine is False and reason, program
        """ % str(fake)
        everywhere(body, env={"PATH": str(folder / "empty")})
    everywhere("""
        r = pysbx.CodeInterpreter(pysbx=P)
        assert r.available() is False
        assert r.execute("print(1)")["status"] in ("unavailable", "error")
    """, env={"PYSBX_BACKEND": "oci:none"})


@test("no descriptor is left open")
def _():
    needs_isolation()
    with_python(sys.executable, """
        import os
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            pysbx.run("print(1)", stdin="x", files={"a": "b"}, pysbx=P)
            try:
                pysbx.run("print(1)", stdin="x", files={"a": 5}, pysbx=P)
            except TypeError:
                pass
        assert len(os.listdir("/proc/self/fd")) == before
    """)


@test("standard library only, every function typed, its example true")
def _():
    tree = ast.parse(MODULE.read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            assert all(n.split(".")[0] in sys.stdlib_module_names for n in names), names
        if isinstance(node, ast.FunctionDef):
            assert node.returns is not None, node.name
            for argument in node.args.args + node.args.kwonlyargs:
                assert argument.annotation is not None or argument.arg == "self", (node.name, argument.arg)
    needs_isolation()
    with scratch() as folder:
        (folder / "pysbx").symlink_to(tap.PYSBX)
        with_python(sys.executable, """
            import doctest
            assert doctest.testmod(pysbx) == (0, 3), doctest.testmod(pysbx)
        """, env={"PATH": f"{folder}:{os.environ['PATH']}"})


main()
