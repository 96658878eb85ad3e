"""Where the parser has no doubt, compile() has no objection: random programs of all that it may refuse.

Programs are put together from constructs that compile() refuses in some places and takes in others,
for all versions. tests/tools/doubts looks for errors in each twice, as the parser advises and in any
case. Prints TAP. By hand: PYSBX_DOUBTS=300000 PYSBX_SEED=7 python3 tests/differential/test_doubts.py
"""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

COUNT = int(os.environ.get("PYSBX_DOUBTS", "40000"))
SEED = int(os.environ.get("PYSBX_SEED", "1"))

EXPRESSIONS = [
    "x", "y", "z", "f(x)", "x.y", "a[b]", "1", "'s'", "-x", "x < y < z", "x if y else z", "super()",
    "__debug__", "x.__debug__", "f(__debug__=1)", "not __debug__", "x and __debug__",
    "(y := x)", "(x := y, z)", "[(y := i) for i in x]", "[i for i in (y := x)]", "x[(y := 1)]",
    "[[(z := j) for j in i] for i in x]", "lambda: (x := 1)",
    "[i for i in x]", "{i: j for i, j in y}", "(i for i in y)", "[i async for i in x]",
    "await x", "(await f(x))", "[await i for i in x]", "(yield)", "(yield x)", "(yield from x)",
    "lambda: x", "lambda x: (yield)", "lambda x, x: 1", "lambda __a, __a: 1",
    "f(*x)", "f(**x)", "f(a=1, a=2)", "f(a=1, b=2)", "[*x]", "[*x, *y]", "{*x}", "(*x, y)", "(*x,)", "{**x}",
    "a[*x]", "a[x:y]", "a[(*x,)]", "a[(*x, y)]",
    "f'{x}'", "f'{(yield)}'", "f'{(x:=1)}'", "f'{__debug__}'", "f'{x!r:{y}}'", "f'{(f(__debug__=1))}'",
    "f'{*x}'", "f'{*x, y}'", "f'{[*x]}'", "f'{x:{*y}}'"]
TARGETS = ["x", "y", "x.y", "a[b]", "x, y", "x, *y", "*x, *y", "[x, *y]", "(x)", "__debug__", "x.__debug__",
           "__a", "*x,", "(*x, y), *z", "a[(*x,)]"]
PARAMETERS = ["", "x", "x, y", "x, x", "x=1", "x, /, y", "*x", "*, x", "x, *x", "**x", "x: int", "__a",
              "__a, _C__a", "x, **x", "__debug__", "x=(yield)", "x=(y := 1)", "x: (y := 1)", "x: (yield)",
              "x=[i for i in y]", "*x: a", "x: [*y]", "self, x"]
SIMPLE = [
    "return", "break", "continue", "global x", "global x, y", "global z", "global __a", "global f",
    "nonlocal x", "nonlocal y", "nonlocal __a", "del x", "del x.y", "del __debug__", "del (x, y)", "del a[b]",
    "del x.__debug__", "import x", "import x.y", "import x as y", "import x.y as z", "import __debug__",
    "import a as __debug__", "from m import *", "from m import x", "from m import x as y",
    "from m import __debug__", "from m import a as __debug__", "from __future__ import annotations",
    "from __future__ import division", "from .__future__ import division", "from __future__ import braces", "from __future__ import nope",
    "x = yield", "yield x", "yield (y := x)", "yield *x, y", "yield from x", "'doc'", "await f(x)",
    "return *x, y", "return [*x]", "pass", "x += E", "x.y += E", "__debug__ += E", "return E", "assert E",
    "raise E", "x = y = E", "type T = E", "E", "E", "E", "E", "E"]
ANNOTATED = ["x", "(x)", "x.y", "a[b]", "a[(*x,)]", "__debug__", "x.__debug__"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def often(self, share):
        return self.random.random() < share

    def expression(self, depth=0):
        text = self.pick(EXPRESSIONS)
        if depth < 2 and self.often(.2):
            text = text.replace("x", f"({self.expression(depth + 1)})", 1)
        return text

    def simple(self):
        kind = self.random.randrange(8)
        if kind == 0:
            return f"{self.pick(TARGETS)} = {self.expression()}"
        if kind == 1:
            value = f" = {self.expression()}" if self.often(.5) else ""
            return f"{self.pick(ANNOTATED)}: {self.expression()}{value}"
        return re.sub(r"\bE\b", lambda _: self.expression(), self.pick(SIMPLE))

    def block(self, depth, indent, count=None):
        lines = []
        for _ in range(count or self.pick([1, 1, 2, 3])):
            lines += self.statement(depth, indent)
        return lines

    def otherwise(self, word, share, depth, indent):
        return ["    " * indent + word] + self.block(depth - 1, indent + 1) if self.often(share) else []

    def definition(self, depth, indent):
        before = "    " * indent
        lines = [f"{before}@{self.pick(['x', 'f(x)', 'x.y', '(x := y)'])}"] if self.often(.1) else []
        if self.often(.3):
            bases = self.pick(["", "(x)", "(*x)", "(a=1, a=2)", "(metaclass=x)", "[T]", "(__debug__=1)", "((x := y))"])
            return [*lines, f"{before}class C{bases}:", *self.block(depth - 1, indent + 1)]
        words = "async def" if self.often(.25) else "def"
        name = self.pick(["f", "g", "x", "__debug__", "__a"]) + self.pick(["", "", "", "[T]", "[T: (x := 1)]", "[T, T]"])
        returns = self.pick(["", "", " -> x", " -> (yield)", " -> (y := x)"])
        return [*lines, f"{before}{words} {name}({self.pick(PARAMETERS)}){returns}:", *self.block(depth - 1, indent + 1)]

    def attempt(self, depth, indent):
        before, star = "    " * indent, "*" if self.often(.2) else ""
        lines = [before + "try:"] + self.block(depth - 1, indent + 1)
        if self.often(.2):
            return [*lines, before + "finally:", *self.block(depth - 1, indent + 1)]
        for _ in range(self.pick([1, 1, 2])):
            caught = self.pick([":", " x:", " x as y:", " x as __debug__:", " (x := y):"])
            lines += [f"{before}except{star}{caught}", *self.block(depth - 1, indent + 1)]
        return lines + self.otherwise("else:", .2, depth, indent) + self.otherwise("finally:", .3, depth, indent)

    def cases(self, depth, indent):
        before = "    " * indent
        lines = [f"{before}match {self.expression()}:"]
        for _ in range(self.pick([1, 2])):
            pattern = self.pick(["x", "x | y", "[x, *x]", "{'a': x, **y}", "C(a=x, a=y)", "_", "1 | 2", "x as y"])
            lines += [f"{before}    case {pattern}:", *self.block(depth - 1, indent + 2)]
        return lines

    def nest(self, depth, indent):
        """Blocks within blocks, about as many as CPython takes."""
        heads = [self.pick(["for x in y:", "while x:", "with x:", "with x as y, z:", "try:"])
                 for _ in range(self.pick([3, 8, 12, 19, 20, 21]))]
        lines = ["    " * (indent + i) + head for i, head in enumerate(heads)]
        lines.append("    " * (indent + len(heads)) + self.simple())
        for i in reversed(range(len(heads))):
            if heads[i] == "try:":
                lines += ["    " * (indent + i) + "finally:", "    " * (indent + i + 1) + self.simple()]
        return lines

    def statement(self, depth, indent):
        before = "    " * indent
        if depth <= 0 or self.often(.45):
            return [before + self.simple() + ("; " + self.simple() if self.often(.1) else "")]
        kind = self.random.randrange(12)
        if kind < 4:
            return self.definition(depth, indent)
        if kind < 6:
            return self.attempt(depth, indent)
        if kind == 6:
            return self.cases(depth, indent)
        if kind == 7:
            return self.nest(depth, indent)
        words = "async " if self.often(.3) else ""
        head = [f"if {self.expression()}:", f"while {self.expression()}:",
                f"{words}for {self.pick(TARGETS)} in {self.expression()}:",
                f"{words}with {self.expression()}{self.pick(['', ' as x', ' as __debug__', ' as x, y', ' as (x, *y)'])}:",
                ][kind - 8]
        tail = self.otherwise("else:", .3, depth, indent) if "with" not in head else []
        return [before + head, *self.block(depth - 1, indent + 1), *tail]

    def program(self):
        return "\n".join(self.block(self.pick([0, 1, 1, 2, 3]), 0, self.pick([1, 1, 1, 2, 3, 5]))) + "\n"


def programs_without_doubt():
    """programs that the parser has no doubt about compile, in every version"""
    maker = Maker(SEED)
    source = b"".join(b"%d\n%s\0" % (8 + number % 7, maker.program().encode()) for number in range(COUNT))
    done = subprocess.run([tap.BUILD / "tests/tools/doubts"], input=source, stdout=subprocess.PIPE, check=True, timeout=900)
    last = done.stdout.decode().splitlines()[-1]
    parsed, plain, refused, missed = map(int, re.findall(r"\d+", last))
    assert missed == 0, done.stdout.decode()[:2000]
    # Of programs made to be refused many are, and many are not; else nothing was tested.
    assert refused > parsed / 4 and plain > parsed / 20, last
    print(f"# {last}")


if __name__ == "__main__":
    sys.exit(tap.run([programs_without_doubt]))
