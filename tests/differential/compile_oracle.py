"""Compares what pysbx says compile() would refuse with the compile() of the Python that runs this.

Run by test_compile.py once per interpreter; also by hand:

    python3.11 compile_oracle.py PYSBX list < NAMES     whole files, names ended by NUL
    python3.11 compile_oracle.py PYSBX grid FILE STEP   programs of compile_grid.txt, one in STEP
    python3.11 compile_oracle.py PYSBX moved COUNT SEED statements moved between scopes
    python3.11 compile_oracle.py PYSBX snippets STEP    programs within strings of CPython's tests

Verdict and line must agree; equal messages are counted. The last line printed is one JSON object.
It must run on Python 3.8.
"""
import ast
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import warnings

import oracle

SHOWN = int(os.environ.get("PYSBX_DIFF_SHOW", "10"))
BATCH = 200
LIBRARY = os.environ.get("PYSBX_DIFF_LIBRARY") or os.path.dirname(os.__file__)
TARGET = "3.%d" % sys.version_info[1]
MICRO = sys.version_info[:3]

# Let through by earlier micro releases, and refused by pysbx with this message.
MICRO_LAXITIES = [
    ((3, 13, 0), (3, 13, 1), "reserved name"),
]


def is_micro_laxity(message):
    return any(first <= MICRO <= last and text in message for first, last, text in MICRO_LAXITIES)


def crashes(data):
    """3.8 and 3.9 let __debug__ be deleted, and where it is a local variable die of it."""
    return sys.version_info < (3, 10) and re.search(rb"\bdel\b.*__debug__", data)


def of_compile(data):
    """("parse", None), ("ok", None), ("refused", error) or ("lost", None): CPython gave up."""
    try:
        ast.parse(data)
    except (SyntaxError, ValueError, OverflowError, UnicodeError):
        return "parse", None
    except (MemoryError, RecursionError):
        return "lost", None
    if crashes(data):
        return "lost", None
    try:
        compile(data, "<program>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return "refused", error
    except (MemoryError, RecursionError, ValueError, OverflowError, SystemError):
        return "lost", None
    return "ok", None


class Comparison:
    def __init__(self, pysbx):
        self.pysbx = pysbx
        self.counts = dict.fromkeys(
            ("programs", "compiles", "refused_alike", "same_message", "same_column", "line_unknown",
             "do_not_parse", "skipped", "refused_only_by_cpython", "refused_only_by_pysbx",
             "other_line"), 0)
        self.shown = 0

    def tell(self, kind, name, data, text):
        self.counts[kind] += 1
        if self.shown < SHOWN:
            self.shown += 1
            print("# %s: %s: %s" % (kind, repr(data) if len(data) < 400 else name, text))

    def refused(self, name, data, error, found):
        if not found:
            self.tell("refused_only_by_cpython", name, data, "%s: %s" % (error.lineno, error.msg))
            return
        first = found[0]
        if not error.lineno or error.lineno < 0:
            self.counts["line_unknown"] += 1  # some errors of 3.8 and 3.9 have no place
        elif error.lineno != first["line"]:
            self.tell("other_line", name, data, "%s: %s; pysbx: %s: %s" % (
                error.lineno, error.msg, first["line"], first["message"]))
            return
        self.counts["refused_alike"] += 1
        self.counts["same_message"] += error.msg == first["message"]
        if error.msg != first["message"] and os.environ.get("PYSBX_DIFF_MESSAGES"):
            print("# message: %r, not %r: %.300r" % (first["message"], error.msg, data))
        self.counts["same_column"] += (error.offset or 0) == first["column"] + 1

    def one(self, name, data, line):
        self.counts["programs"] += 1
        found = json.loads(line)
        errors = found.get("compile_errors", [])
        verdict, error = of_compile(data)
        if verdict == "parse" or not found["ok"]:
            self.counts["do_not_parse"] += 1
        elif verdict == "lost":
            self.counts["skipped"] += 1
        elif verdict == "refused":
            self.refused(name, data, error, errors)
        elif errors and is_micro_laxity(errors[0]["message"]):
            self.counts["skipped"] += 1
        elif errors:
            self.tell("refused_only_by_pysbx", name, data, errors[0])
        else:
            self.counts["compiles"] += 1

    def files(self, names):
        for start in range(0, len(names), BATCH):
            batch = names[start:start + BATCH]
            command = [self.pysbx, "ast", "--json", "--check", "--target-version", TARGET, "--"]
            lines = subprocess.run(command + batch, stdout=subprocess.PIPE).stdout.splitlines()
            if len(lines) != len(batch):
                self.tell("refused_only_by_pysbx", batch[0], b"", "pysbx ended early")
            for name, line in zip(batch, lines):
                with open(name, "rb") as file:
                    data = file.read()
                if not oracle.foreign_cookie(data):
                    self.one(name, data, line)

    def programs(self, programs):
        """Each as a file of its own, some hundred at a time."""
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, "p%d.py" % number) for number in range(BATCH)]
            batch = []
            for program in programs:
                with open(names[len(batch)], "wb") as file:
                    file.write(program.encode("utf-8", "surrogatepass"))
                batch.append(names[len(batch)])
                if len(batch) == BATCH:
                    self.files(batch)
                    batch = []
            self.files(batch)


def fill(context, filler):
    """Puts the filler for each mark; its further lines are indented as the mark is."""
    lines = []
    for line in context.split("\n"):
        mark = line.find("@")
        indent = line[:mark] if mark >= 0 and not line[:mark].strip() else " "
        lines.append(line.replace("@", filler.replace("\n", "\n" + indent)))
    return "\n".join(lines)


def read_grid(path):
    """{section: [rows]} of a file such as compile_grid.txt."""
    sections = {}
    for row in oracle.read_cases(path):
        if row.startswith("[") and row.endswith("]\n") and row[1:-2] in (
                "statement contexts", "statements", "expression contexts", "expressions", "programs"):
            rows = sections.setdefault(row[1:-2], [])
        elif row.strip():
            rows.append(row[:-1])
    return sections


def grid(path, step):
    """Statements in scopes, expressions in places in scopes, and one place within another."""
    found = read_grid(path)
    statements = list(found["statements"])
    placed = [fill(place, expression) for place in found["expression contexts"]
              for expression in found["expressions"]]
    rng = random.Random(1)
    number = 0
    for program in found["programs"]:
        yield program + "\n"
    if sys.platform != "emscripten":  # whose stack is too small
        yield from nested(step)
    for context in found["statement contexts"]:
        for statement in statements + placed:
            number += 1
            if number % step == 0:
                yield fill(context, statement) + "\n"
    for _ in range(40 * len(placed) // step):
        inner = fill(rng.choice(found["expression contexts"]), rng.choice(found["expressions"]))
        if "\n" not in inner:
            inner = fill(rng.choice(found["expression contexts"]), "(%s)" % inner)
        yield fill(rng.choice(found["statement contexts"]), inner) + "\n"
    for _ in range(40 * len(placed) // step):
        inner = fill(rng.choice(found["statement contexts"]), rng.choice(statements + placed))
        inner += "\n" + rng.choice(statements + placed) if rng.randrange(2) else ""
        yield fill(rng.choice(found["statement contexts"]), inner) + "\n"


BLOCKS = r"""while x:\n@|for x in y:\n@|with x:\n@|with x, y:\n@|try:\n@\nexcept E: pass|try:\n@\nfinally: pass
try: pass\nexcept E:\n@|try: pass\nexcept E as x:\n@|try: pass\nexcept E: pass\nelse:\n@
try:\n@\nexcept E: pass\nfinally: pass|try: pass\nexcept E:\n@\nfinally: pass
async for x in y:\n@|async with x:\n@|try:\n@\nexcept* E: pass|try: pass\nexcept* E as x:\n@
try: pass\nexcept* E:\n@\nfinally: pass|if x:\n@|match x:\n case 1:\n@|x = [z async for z in y]\n@
for x in y: pass\nelse:\n@|while x:\n for x in y:\n@""".replace("\n", "|").replace("\\n", "\n").split("|")


# No finally that holds the next block: CPython compiles its body at least twice.
def nested(step):
    """Blocks within blocks, about as many as CPython allows: 20, or 21 from 3.13 on."""
    rng = random.Random(2)
    for turn in range(len(BLOCKS) * 8 + 4000 // step):
        depth = 17 + turn % 8 if turn < len(BLOCKS) * 8 else rng.randrange(8, 24)
        kinds = BLOCKS[turn // 8:turn // 8 + 1] or [rng.choice(BLOCKS) for _ in range(rng.randrange(1, 5))]
        program = rng.choice(("pass", "pass", "return", "break", "yield", "[z async for z in y]", "def g():\n pass"))
        for _ in range(depth):
            opener = rng.choice(kinds)
            program = opener.replace("@", textwrap.indent(program, "  "))
        if rng.randrange(4):
            head = rng.choice(("def f():\n", "async def f():\n", "async def f():\n yield\n"))
            program = head + textwrap.indent(program, " ")
        # 3.12 and 3.13.0 die of handlers and generators nested as deeply as they allow.
        if (3, 12) <= MICRO <= (3, 13, 0) and re.search("async|yield|except", program):
            continue
        yield program + "\n"


def indented(piece):
    return textwrap.indent(piece, "    ")


HEADS = """def f():|async def f():|class C:|if x:|for x in y:|while x:|with x as y:|def f(x, y):|def __f(a):
lambda_|async for_|try_|finally_|except_|match_|class __C:|def f(x=1, *, self):""".replace("\n", "|").split("|")
SPECIAL = {
    "lambda_": "x = lambda: (\n%s)", "async for_": "async def f():\n    async for x in y:\n%s",
    "try_": "try:\n%s\nexcept E as e:\n    pass", "finally_": "for x in y:\n    try:\n        break\n    finally:\n%s",
    "except_": "try:\n    pass\nexcept E as x:\n%s\nelse:\n    return x", "match_": "match x:\n    case [x, *y]:\n%s",
}


def wrap(rng, piece):
    head = rng.choice(HEADS)
    if head not in SPECIAL:
        return head + "\n" + indented(piece)
    body = indented(piece)
    if head in ("async for_", "match_"):
        body = indented(body)
    if head == "finally_":
        body = indented(indented(body))
    return SPECIAL[head] % body.rstrip("\n")


DECLARE = """global x|nonlocal x|global self|nonlocal self|return|return 1|yield|yield 1|await x|break|continue
x: int|x = 1|del x|import x|from x import *|from __future__ import annotations|async with x: pass
[y := 1 for x in z]|(x := 1)|def x(): nonlocal y|class x: nonlocal x|yield from x|print(x, x=1, x=2)
*x, *y = z|[await x for x in y]|[x async for x in y]|lambda: (yield)|global __x|nonlocal __x|__x = 1""".replace(
    "\n", "|").split("|")


def moved(count, seed):
    """Two or three statements of CPython's own tests, put into scopes they were not made for."""
    rng = random.Random(seed)
    pieces = [piece for piece in oracle.statements(LIBRARY)
              if len(piece) < 800 and "\t" not in piece]
    # Debian leaves CPython's own tests out; then our own statements are moved.
    pieces = pieces or DECLARE
    for _ in range(count):
        program = ""
        for _ in range(rng.choice((1, 2, 2, 3))):
            piece = rng.choice(pieces if rng.randrange(5) < 3 else DECLARE).rstrip("\n") + "\n"
            for _ in range(rng.randrange(3)):
                piece = wrap(rng, piece).rstrip("\n") + "\n"
            program += piece
        if rng.randrange(2):
            program = wrap(rng, program)
        yield program


TESTS = re.compile(r"test_(syntax|scope|symtable|patma|coroutines|generators|genexps|listcomps|setcomps"
                   r"|dictcomps|named_expressions|compile|future.*|global|unpack_ex|type_.*|grammar"
                   r"|except_star|asyncgen|exceptions|flufl|super|positional_only_arg|keywordonlyarg"
                   r"|annotations|fstring|with|__future__|future_stmt|peepholer|sys_settrace|string_literals"
                   r"|finally|decorators|ast|unparse|builtin|code|codeop|dis|eof|tstring|class|funcattrs)$")


def doctest_programs(text):
    """The examples of a doctest: each `>>>` with its `...`."""
    lines = text.expandtabs().split("\n")
    program = []
    for line in lines + [""]:
        bare = line.strip()
        if bare.startswith("... ") or bare == "...":
            program.append(bare[4:])
            continue
        if program:
            yield "\n".join(program) + "\n"
        program = [bare[4:]] if bare.startswith(">>> ") else []


def snippets():
    """Every string in CPython's own tests of syntax that could be a program."""
    folder = os.path.join(LIBRARY, "test")
    seen = set()
    for base, _, files in sorted(os.walk(folder)):
        for name in sorted(files):
            if not name.endswith(".py") or not TESTS.match(name[:-3]):
                continue
            with open(os.path.join(base, name), "rb") as file:
                data = file.read()
            try:
                tree = ast.parse(data)
            except (SyntaxError, ValueError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 3:
                    texts = [textwrap.dedent(node.value), node.value] + list(doctest_programs(node.value))
                    for text in texts:
                        if text not in seen and "\0" not in text:
                            seen.add(text)
                            yield text


def main():
    warnings.simplefilter("ignore")
    pysbx, mode = sys.argv[1:3]
    comparison = Comparison(pysbx)
    if mode == "list":
        comparison.files(sys.stdin.read().split("\0"))
    elif mode == "grid":
        comparison.programs(grid(sys.argv[3], int(sys.argv[4])))
    elif mode == "moved":
        comparison.programs(moved(int(sys.argv[3]), int(sys.argv[4])))
    else:
        step = int(sys.argv[3])
        comparison.programs(text for number, text in enumerate(snippets()) if number % step == 0)
    print(json.dumps(comparison.counts))


if __name__ == "__main__":
    if sys.platform == "emscripten":  # has no threads
        main()
    else:
        sys.setrecursionlimit(200000)
        threading.stack_size(512 << 20)
        thread = threading.Thread(target=main)
        thread.start()
        thread.join()
