"""The policy `classic` decides as the ast.walk() guard people come from. Prints TAP.

Here that guard stands as it is written in Python, in reference(); both judge the running Python's
standard library, programs made of every construct that can hold a name, and the corpora named in
PYSBX_TEST_CORPUS (files or folders with ':' between them; .py files, and .jsonl with a "code").
"""

import ast
import itertools
import json
import os
import sys
import sysconfig
import unicodedata
import warnings
from pathlib import Path

from cli import Skip, check, main, same, scratch, test
import tap

MODULES = set("""os sys subprocess socket ctypes importlib pickle marshal shutil multiprocessing
    threading pty signal mmap fcntl resource requests urllib http ftplib telnetlib smtplib asyncio
    platform pdb gc""".split())
CALLS = set("""eval exec compile __import__ open input breakpoint exit quit globals vars
    memoryview""".split())
ATTRIBUTES = set("""__subclasses__ __globals__ __builtins__ __bases__ __mro__ __reduce__
    __reduce_ex__ __code__ __dict__ __getattribute__ __base__""".split())
VERSION = f"3.{sys.version_info.minor}"
BATCH = 200
NO_ANSWER = "CPython's stack was too small"


def reference(code):
    """The findings of the reference: a set of (rule, line, column); None: does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return None
    except (RecursionError, MemoryError):
        return NO_ANSWER
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in MODULES:
                    found.add(("PSX101", node.lineno, node.col_offset))
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in MODULES:
                found.add(("PSX101", node.lineno, node.col_offset))
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if name in CALLS:
                found.add(("PSX102", node.lineno, node.col_offset))
        elif isinstance(node, ast.Attribute):
            if node.attr in ATTRIBUTES:
                found.add(("PSX103", node.lineno, node.col_offset))
    return found


def ours(line):
    if [f["rule"] for f in line["findings"]] == ["PSX001"]:
        return None
    return {(f["rule"], f["line"], f["column"]) for f in line["findings"]}


def places_are_true(code):
    """Whether CPython's own places are the text's: before 3.10 an alias has none, before 3.12 those
    inside f-strings are its parser's."""
    if sys.version_info >= (3, 12):
        return True
    return sys.version_info >= (3, 10) and not any(
        isinstance(node, ast.JoinedStr) for node in ast.walk(ast.parse(code)))


def comparable(found, code):
    if found is None:
        return None
    return sorted(found) if places_are_true(code) else sorted({rule for rule, _, _ in found})


def odd_in_38(name):
    """3.8 alone leaves a dotted module's name as it is spelled; here it is NFKC as everywhere."""
    return sys.version_info < (3, 9) and not name.isascii()


def compare(sources):
    """sources: (name, bytes) pairs. Asserts equal answers; returns how many were refused."""
    wrong, refused, total = [], 0, 0
    sources = iter(sources)
    while batch := list(itertools.islice(sources, BATCH)):
        with scratch() as top:
            for number, (_, code) in enumerate(batch):
                (top / f"{number}.py").write_bytes(code)
            result = check("--json", "--policy", "classic", "--target-version", VERSION,
                           *(top / f"{n}.py" for n in range(len(batch))))
            assert result.status in (0, 1), result.err[-500:]
            same(len(result.lines), len(batch))
        for (name, code), line in zip(batch, result.lines):
            wanted = reference(code)
            if wanted is NO_ANSWER:
                continue
            total += 1
            refused += wanted is None or bool(wanted)
            same(line["verdict"], "allow" if wanted == set() else "reject", name)
            if wanted is None or ours(line) is None:
                answers = ours(line), wanted
            else:
                answers = comparable(ours(line), code), comparable(wanted, code)
            if answers[0] != answers[1]:
                wrong.append((name, *answers))
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"
    assert total, "nothing to compare"
    print(f"# {total} programs, {refused} refused by both")
    return refused


def files(folder):
    return ((str(path), path.read_bytes()) for path in sorted(folder.rglob("*.py"))
            if path.is_file())


# CPython decodes these; pysbx takes UTF-8 and ASCII only, on purpose.
def other_cookie(code):
    import io
    import tokenize
    try:
        name = tokenize.detect_encoding(io.BytesIO(code).readline)[0]
    except SyntaxError:
        return True
    return name not in ("utf-8", "utf-8-sig", "ascii")


@test(f"the standard library of Python {VERSION}: the same verdicts, rules and places")
def _():
    library = Path(sysconfig.get_paths()["stdlib"])
    sources = ((name, code) for name, code in files(library)
               if "site-packages" not in name and "dist-packages" not in name
               and not other_cookie(code))
    refused = compare(itertools.islice(sources, 0, None, 8 if tap.SHORT else 1))
    assert refused > (10 if tap.SHORT else 100), refused


# Programs with § where a name, a call or an attribute can stand.
TEMPLATES = r"""
§
x = §
x += §
x: § = §
del [§][0]
x = lambda a=§, *b, c=§, **d: §
def f(a: §, /, b=§, *c: §, d=§, **e: §) -> §: return §
async def f():\n    async with § as x, §: await §
async def f():\n    async for x in §: yield §\n    return [y async for y in §]
@§\ndef f(): pass
@§\nclass C(§, metaclass=§): x = §
for x in §: §\nelse: §
while §: §
if §: §\nelif §: §\nelse: §
with § as x: §
try: §\nexcept § as e: §\nelse: §\nfinally: §
raise § from §
assert §, §
[§ for x in § if § if §]
{§ for x in §}
{§: § for x in §}
(§ for x in §)
{**§, §: §}
[*§, §]
f(*§, **§, k=§)
§ if § else §
§ and § or not §
-§ ** § @ §
§ < § is not § in §
x[§:§:§, §]
x[§, ...] = §
(y := §)
f'{§}{§!r:{§}}'
f'a' 'b' f'{§=}'
'§'
b'§'
# §
(§)(§)(§)
§.x.y
def f(): yield §
def f(): yield from §
global z; z = §
""".strip("\n").split("\n")

NAMES = ["eval", "x", "eval(1)", "a.b.open(1)", "a().exec(2)", "(eval)(1)", "a[0].eval", "eval.a(1)",
         "q.__dict__", "q.__dict__.x", "q.__class__", "__dict__", "q.__mro__()", "q.mro()",
         "vars()", "vars", "print(vars)", "'eval'", "__import__('os')", "re.compile('x')"]


def constructs():
    for template in TEMPLATES:
        for name in NAMES:
            code = template.replace("\\n", "\n").replace("§", name)
            yield code, code.encode()


@test("every construct that can hold a name, with every kind of name")
def _():
    assert compare(constructs()) > 200


@test("imports of every form")
def _():
    def programs():
        for name in [*sorted(MODULES), "math", "osx", "os2", "_os", "o", "", "ｏｓ", "ﬁle", "OS"]:
            if odd_in_38(name):
                continue
            for form in ("import {0}", "import {0}.path", "import a.{0}", "import a, {0} as b, c",
                         "from {0} import a", "from {0}.x import (a, b as c)", "from {0} import *",
                         "from .{0} import a", "from ...{0}.b import a", "from . import {0}",
                         "from a import {0}", "from a.{0} import b", "def f():\n\timport {0}",
                         "import{0}", "from {0} import", "try: import {0}\nexcept: pass"):
                yield form, form.format(name).encode()
    compare(programs())


@test("names are compared in their NFKC form")
def _():
    def spellings(name):
        """The name with one letter replaced by a character that NFKC makes the same."""
        for index, letter in enumerate(name):
            for point in range(0x80, 0x1ffff):
                other = chr(point)
                if unicodedata.normalize("NFKC", other) == letter:
                    yield name[:index] + other + name[index + 1:]
                    break

    def programs():
        for name in sorted(CALLS):
            yield from ((s, f"{s}(1)\nx.{s}(2)\n".encode()) for s in spellings(name))
        for name in sorted(ATTRIBUTES):
            yield from ((s, f"x.{s}\n".encode()) for s in spellings(name))
        for name in sorted(MODULES):
            tail = "" if odd_in_38("é") else ".x"
            yield from ((s, f"import {s}\nfrom {s}{tail} import y\n".encode())
                        for s in spellings(name))
    assert compare(programs()) > 200


@test("match statements and what newer versions brought")
def _():
    if sys.version_info < (3, 10):
        raise Skip(f"Python {VERSION} has no match statement")
    programs = []
    for name in ("q.__dict__", "eval", "os.path", "x"):
        for case in (f"{name if '.' in name else 'a.b'}", f"{name}(a=1)", f"{name}(__dict__=z)",
                     f"{{'k': {name}()}}", f"[{name}(), *_]", f"{name}() | None", "x if eval(1)"):
            programs.append((case, f"match eval_:\n    case {case}: {name}\n".encode()))
    if sys.version_info >= (3, 12):
        programs += [(code, code.encode()) for code in (
            "type X[T: eval(1)] = q.__dict__", "def f[T: (eval(1), int)](): pass",
            "class C[*T, **P](eval(1)): pass", "f'{f\"{eval(1)}\"}'", "f'{x:{eval(1)}}'")]
    compare(programs)


@test("the corpora of PYSBX_TEST_CORPUS")
def _():
    named = [Path(p) for p in os.environ.get("PYSBX_TEST_CORPUS", "").split(":") if p]
    if not named:
        raise Skip("PYSBX_TEST_CORPUS names none")

    def programs():
        for path in named:
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.suffix == ".py":
                    yield str(file), file.read_bytes()
                elif file.suffix == ".jsonl":
                    for number, line in enumerate(file.read_text().splitlines(), 1):
                        code = json.loads(line).get("code")
                        if isinstance(code, str):
                            yield f"{file.name}:{number}", code.encode("utf-8", "surrogatepass")
    compare((name, code) for name, code in programs() if not other_cookie(code))


main()
