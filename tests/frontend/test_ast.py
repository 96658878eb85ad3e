"""`pysbx ast` as a command: its dump, its JSON, many files, the progress line. Prints TAP.
By hand: python3 tests/frontend/test_ast.py
"""

import ast
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

VERSION = f"3.{sys.version_info[1]}"
PROGRAMS = [
    "", "pass\n", "x = 1 + 2.5e3j * -0x1F\n", "a, *b = [c for c in d if e]\n", "'\\ud800\\n\\'\"\u20ac\\x7f'\n",
    "b'\\x00\\xff\\'\\n'\n", "def f(a, /, b=1, *c, d, e=2, **g) -> int: return lambda: (yield)\n",
    "class C(B, metaclass=M):\n    'doc'\n    x: int = 1\n    y: str\n",
    "try:\n    pass\nexcept E as e:\n    raise X from e\nelse:\n    ...\nfinally:\n    del x, y[0]\n",
    "async def f():\n    async with a as b:\n        async for c in d: await e\n",
    "from .. import x as y\nfrom a.b import *\nimport c.d, e\nglobal g\n",
    "x[1:2, ::3] @= not a < b <= c is not None\n", "f(*a, k=1, **b)\nu'x' 'y'\n",
    "while True:\n    if a: break\n    elif b: continue\nelse: assert c, d\n", "{**a, 'b': {1, 2}}\n{k: v for k, v in x}\n",
    "print(1_000, 1e400, True, ...)\n", "x = (y := 3)\nwith (a): pass\nnonlocal_ = 0\n",
]
if sys.version_info >= (3, 10):
    PROGRAMS.append("match x:\n    case {'a': [1, *_], **r} | C(2, y=-3) if z: pass\n    case None | _: pass\n")


def ast_of(source, *options):
    return tap.command(tap.PYSBX, "ast", "--target-version", VERSION, *options, "-", input=source)


def fields_of(node):
    """What a line of the dump says of a node's own fields, its children left out."""
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "ctx":
            yield "" if isinstance(value, ast.Load) else " " + type(value).__name__
        elif isinstance(value, (ast.operator, ast.boolop, ast.unaryop)):
            yield " " + type(value).__name__
        elif name == "ops":
            yield "".join(" " + type(op).__name__ for op in value)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            yield "".join(f" {name}={item}" for item in value)
        elif type(node).__name__ == "MatchSingleton":
            yield f" {value}"
        elif isinstance(value, (str, int)) and name not in ("kind", "type_comment"):
            yield f" {name}={value}"


def lines_of(node, depth=0, field=""):
    """(the line that the dump must have, the value that a Constant must have)"""
    constant = isinstance(node, ast.Constant)
    at = "  @%d:%d-%d:%d" % (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset) if (
        hasattr(node, "lineno")) else ""
    text = "" if constant else "".join(fields_of(node))
    yield "  " * depth + field + type(node).__name__ + text, at, node.value if constant else lines_of
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(
                    child, (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)):
                yield from lines_of(child, depth + 1, name + ": ")


def value_of(text):
    if text.startswith(("b", '"')):
        value = json.loads(text.lstrip("b"))
        return value.encode("latin-1", "replace") if text[0] == "b" else value
    return ast.literal_eval(text)


def compare_dump(source, found, name):
    want = list(lines_of(ast.parse(source)))
    have = found.splitlines()
    assert len(want) == len(have), f"{name}: {len(have)} lines, not {len(want)}"
    for (line, at, value), other in zip(want, have):
        if "f-string" in line or "JoinedStr" in line:
            continue
        if value is lines_of:
            assert other == line + at, f"{name}: {other!r}, not {line + at!r}"
        else:
            assert other.startswith(line + " ") and other.endswith(at), f"{name}: {other!r}"
            text = other[len(line) + 1:len(other) - len(at)]
            if not isinstance(value, bytes):
                assert repr(value_of(text)) == repr(value), f"{name}: {other!r}, not {value!r}"


def the_dump():
    """without options: a line for each node of ast.parse(), with its fields and its place"""
    warnings.simplefilter("ignore")
    for program in PROGRAMS:
        found = ast_of(program)
        assert found.returncode == 0, found.stderr
        compare_dump(program, found.stdout, program)


def the_dump_of_files():
    """the same for files of the standard library without f-strings"""
    warnings.simplefilter("ignore")
    seen = 0
    for name in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[::7]:
        source = name.read_bytes()
        if sys.version_info >= (3, 12) or b" f'" not in source.lower() and b'f"' not in source:
            seen += 1
            done = tap.command(tap.PYSBX, "ast", "--target-version", VERSION, name, check=0)
            compare_dump(source, done.stdout, name)
    assert seen > 3


def check_and_json():
    """--check says nothing of what parses; --json one line per file, in order; exit status"""
    with tempfile.TemporaryDirectory(prefix="pysbx-ast-") as folder:
        good, bad, none = Path(folder, "good.py"), Path(folder, "bad.py"), Path(folder, "none.py")
        good.write_text("x = 1\n", encoding="utf-8")
        bad.write_text("x = (\n", encoding="utf-8")
        done = tap.command(tap.PYSBX, "ast", "--check", good, good, check=0)
        assert done.stdout == done.stderr == ""
        done = tap.command(tap.PYSBX, "ast", "--check", good, bad, check=1)
        assert done.stdout == "" and done.stderr.count("\n") == 1
        assert "bad.py:1:5: '(' was never closed" in done.stderr, done.stderr
        done = tap.command(tap.PYSBX, "ast", "--json", "--check", bad, none, good, check=2)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["file"] for line in lines] == [str(bad), str(none), str(good)]
        assert [line["ok"] for line in lines] == [False, False, True]
        assert lines[0]["error"]["line"] == 1 and lines[0]["error"]["column"] == 4
        assert lines[1]["error"]["line"] == 0 and "ast" not in lines[2]


def usage():
    """bad usage is status 2 and a sentence; --help is status 0"""
    for argv in ([], ["--nosuch"], ["-c"], ["-c", "x", "file.py"], ["--target-version", "2.7", "-"],
                 ["--target-version", "3.7", "-"], ["--target-version", "3.99", "-"]):
        done = tap.command(tap.PYSBX, "ast", *argv, check=2)
        assert done.stdout == "" and done.stderr.startswith("pysbx"), done
    assert "--target-version" in tap.command(tap.PYSBX, "ast", "--help", check=0).stdout
    assert tap.command(tap.PYSBX, "ast", "-c", "x", "--target-version", "3.12", check=0).stdout == (
        "Module\n  body: Expr  @1:0-1:1\n    value: Name id=x  @1:0-1:1\n")


def a_full_disk():
    """what cannot be written is an error"""
    if not os.path.exists("/dev/full"):
        raise tap.Skip("no /dev/full")
    for options in ([], ["--json"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([tap.PYSBX, "ast", *options, "-c", "x = 1"], stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        assert done.returncode == 2 and b"writing" in done.stderr, done


def on_terminal(argv, count):
    """What a terminal on stderr gets, stdout being a file."""
    master, slave = pty.openpty()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([*argv], stdin=subprocess.DEVNULL, stdout=out, stderr=slave)
        os.close(slave)
        seen = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        assert process.wait() == 0
        os.close(master)
        out.seek(0)
        assert out.read().count(b"\n") == count
    return seen


def progress():
    """many files show a line on a terminal that is gone at the end; elsewhere nothing"""
    names = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:60]
    argv = [tap.PYSBX, "ast", "--json", "--check", "--target-version", VERSION]
    seen = on_terminal([*argv, *names], len(names))
    assert b"/%d" % len(names) in seen, seen
    assert seen.endswith(b"\r\x1b[K"), seen[-40:]
    assert on_terminal([*argv, *names[:3]], 3) == b""
    assert tap.command(*argv, *names, check=0).stderr == ""


def the_manual():
    """the manual page knows every option and its examples print what it says"""
    page = (tap.TOP / "man" / "pysbx-ast.1").read_text(encoding="utf-8")
    help_text = tap.command(tap.PYSBX, "ast", "--help", check=0).stdout
    known = set(re.findall(r"--[a-z-]+", help_text))
    described = {"--" + name for name in re.findall(r"^\.It .*?\bFl -([\w-]+)", page, re.M)}
    assert known == described, known ^ described
    block = re.search(r"\.Sh EXAMPLES\n\.Bd.*?\n(.*?)\.Ed", page, re.S).group(1)
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        line, _, expected = part.replace("\\e", "\\").partition("\n")
        script = line.replace("pysbx", shlex.quote(str(tap.PYSBX)), 1)
        done = tap.command("sh", "-c", f"exec 2>&1; {script}")
        pattern = ".*".join(re.escape(piece) for piece in expected.rstrip("\n").split("..."))
        assert re.fullmatch(pattern, done.stdout.rstrip("\n")), f"$ {line}\n{done.stdout}"


if __name__ == "__main__":
    sys.exit(tap.run([the_manual, the_dump, the_dump_of_files, check_and_json, usage, a_full_disk, progress]))
