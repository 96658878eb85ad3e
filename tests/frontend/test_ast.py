"""`pysbx ast` as a command: its dump, its JSON, many files, the progress line. Prints TAP.
By hand: python3 tests/frontend/test_ast.py
"""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "differential"))
import tap
import test_differential as differential

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


LITERALS = r"""
[0, 00, 0_0, 1_000, 0xFF, 0XdeadBEEF_1234567890123456789, 0o17, 0b1_01, 123456789012345678901234567890]
[0.0, 1., .5, 1e15, 1e16, 1.5e16, 123456789012345.6, 0.1, 0.0001, 0.00001, 1.5e-7, 1e22, 1e23, 1e400, 5e-324]
[1.7976931348623157e308, 3.14159_26535, 100.0, 9007199254740993.0, 0j, 2.5j, 1e16J, 1_0j, 0.0001j, 1e400j]
['', "'", '"', '\'"', '\n\r\t\x00\x1b\x7f\\', '\x80\xa0\xad\xff', 'é€', '\ud800', '\u200b\u2028', '\U0010ffff', u'u']
[b'', b"'", b'"', b'\'"', b'\n\r\t\x00\x7f\xff', None, True, False, ...]
"""


def pythons():
    """The CPythons found, of the versions that pysbx knows."""
    found = differential.interpreters()
    return [found[minor] for minor in range(differential.OLDEST, differential.NEWEST + 1) if minor in found]


def dump_of(python, names):
    """What dump_oracle.py says of these files, run by one CPython."""
    oracle = tap.TOP / "tests" / "differential" / "dump_oracle.py"
    done = tap.command(python, oracle, tap.PYSBX, input="\0".join(map(str, names)), check=0, timeout=600)
    *told, counts = done.stdout.splitlines()
    counts = json.loads(counts)
    assert counts["same"] and not counts["different"], told + [counts]


def the_dump():
    """without options: the text of ast.dump() in 3.13"""
    with tempfile.TemporaryDirectory(prefix="pysbx-ast-") as folder:
        names = []
        for program in PROGRAMS + [LITERALS]:
            names.append(Path(folder, f"p{len(names)}.py"))
            names[-1].write_text(program, encoding="utf-8")
        dump_of(sys.executable, names)
        for python in pythons():
            dump_of(python, names[-1:])


def the_dump_of_files():
    """the same for files of each standard library"""
    for python in pythons():
        folder = differential.library_folder(python)
        names = differential.files_below(folder if os.path.isdir(folder) else differential.pyodide.standard_library())
        dump_of(python, differential.sample(names, 3 if tap.SHORT else 12))


def the_dump_of_the_deep():
    """deep nodes are shown no further right, a number too long for repr() as it is written"""
    shown = tap.command(tap.PYSBX, "ast", "-c", "-" * 5000 + "1", check=0).stdout
    assert shown.count("UnaryOp(") == 5000 and "\n" + " " * 201 not in shown
    number = "0x" + "f" * 4000
    assert f"value={number})" in tap.command(tap.PYSBX, "ast", "-c", number, check=0).stdout
    number = "0x" + "f" * 3571
    assert f"value={number})" not in tap.command(tap.PYSBX, "ast", "-c", number, check=0).stdout


def compile_errors():
    """what only compile() refuses is told and marked, and is no failure"""
    for options, lines in (([], 4), (["--check"], 0)):
        done = tap.command(tap.PYSBX, "ast", *options, "-c", "x\nreturn", check=0)
        assert done.stderr == "pysbx: <string>:2:1: compile() error: 'return' outside function\n", done
        assert done.stdout.count("\n") == lines or not options, done
    found = json.loads(tap.command(tap.PYSBX, "ast", "--json", "--check", "-c", "x\nreturn", check=0).stdout)
    assert found["ok"] and found["compile_errors"][0]["line"] == 2, found


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
        "Module(\n body=[\n  Expr(\n   value=Name(id='x', ctx=Load()))])\n")


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
    sys.exit(tap.run([the_manual, the_dump, the_dump_of_files, the_dump_of_the_deep, compile_errors, check_and_json, usage, a_full_disk, progress]))
