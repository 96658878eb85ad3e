"""Ten megabytes of what hurts parsers: a tree or a clean refusal, in bounded memory and linear time.

Each recipe is given at two sizes to `pysbx ast --check` under RLIMIT_AS; the large one may take no
more than its share of time longer. A tree must also be walked and printed, so some go through
`ast --json` as well. Prints TAP. By hand: PYSBX_HOSTILE_MB=10 python3 tests/frontend/test_hostile.py
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

MB = 1 << 20
SIZE = int(os.environ.get("PYSBX_HOSTILE_MB") or (2 if tap.SHORT else 10)) * MB
MEMORY = 100 * SIZE + 256 * MB  # far more than a tree may take, far less than a leak does
SECONDS_PER_MB = 1.5  # on a busy machine; a quadratic step would take minutes
SANITIZED = "#define PYSBX_SANITIZED 1" in (
    (tap.BUILD / "config.h").read_text(encoding="utf-8") if (tap.BUILD / "config.h").exists() else "")


def repeated(piece, end="", start=""):
    return lambda size: start + piece * (size // len(piece)) + end + "\n"


def ladder(head):
    """Blocks in each other, as deep as indentation goes and on; then again from the margin."""
    def make(size):
        block = "".join(" " * depth + head + "\n" for depth in range(99)) + " " * 99 + "pass\n"
        return block * (size // len(block) + 1)
    return make


def too_deep(head):
    return lambda size: "".join(" " * depth + head + "\n" for depth in range(int((2 * size) ** 0.5)))


def nested_fstrings(size):
    """Strings in strings, all of them unfinished; with both quotes."""
    return "f\"{f'{" * (size // 6) + "\n"


def closed(opening, middle, closing, depth):
    def make(size):
        line = opening * depth + middle + closing * depth + "\n"
        return line * (size // len(line) + 1)
    return make


def distinct(form):
    def make(size):
        out, number, have = [], 0, 0
        while have < size:
            out.append(form % number)
            have += len(out[-1])
            number += 1
        return "".join(out) + "\n"
    return make


RECIPES = {
    "(": repeated("("), "[": repeated("["), "{": repeated("{"), "{0:": repeated("{0:"),
    "f(": repeated("f("), "a[": repeated("a["),
    "-": repeated("-", "1"), "~": repeated("~", "1"), "not ": repeated("not ", "1"),
    "- not ": repeated("- not ", "1"), "(a = ": repeated("(a = ", "1"), "(a, b = ": repeated("(a, b = "),
    "{1: *": repeated("{1: *"), "[a, b for": repeated("[a, b for a in "), "f(*a = ": repeated("f(*a = "),
    "await ": repeated("await ", "x"), "lambda:": repeated("lambda:", "0"),
    "a if b else": repeated("a if b else ", "c"), "*a,": repeated("*a,"), "**": repeated("a**", "a"),
    "a.b.b": repeated(".b", "", "a"), "a[0][0]": repeated("[0]", "", "a"), "a()()": repeated("()", "", "a"),
    "f-string {f'{": nested_fstrings,
    "f-string fields": repeated("{a}", '"', 'f"'), "f-string {{": repeated("{{", '"', 'f"'),
    "f-string specs": repeated("{a:{b}}", '"', 'f"'), "f-string lines": distinct("f'{a%d}' "),
    "if ladders": ladder("if x:"), "if too deep": too_deep("if x:"), "while ladders": ladder("while x:"),
    "def ladders": ladder("def f():"), "else: if": lambda size: "".join(
        " " * depth + "if x:\n" + " " * depth + " pass\n" + " " * depth + "else:\n"
        for depth in range(int((size // 2) ** 0.5))),
    "elif": repeated("elif x: pass\n", "", "if x: pass\n"),
    "decorators": repeated("@d\n", "def f(): pass"), "dots": repeated(".", " import a", "from "),
    "comparisons": repeated("a<", "a"), "in": repeated("a in ", "a"), "is not": repeated("a is not ", "a"),
    "and or": repeated("a and b or ", "c"), "+": repeated("a+", "a"), "strings": repeated("'a' "),
    "strings glued": repeated("'a'"), "bytes": repeated("b'\\x41' "), "commas": repeated("a,"),
    "targets": repeated("a=", "1"), "walrus": repeated("(a:=", "1"), "semicolons": repeated("a;"),
    "with": repeated("a as b,", "c: pass", "with "), "for": repeated(" for a in b", "]", "[a"),
    "if in for": repeated(" if a", "]", "[a for a in b"), "global": repeated("a,", "a", "global "),
    "parameters": lambda size: "def f(" + distinct("a%d,")(size).rstrip("\n") + "): pass\n",
    "keywords": lambda size: "f(" + distinct("a%d=1,")(size).rstrip("\n") + ")\n",
    "imports": distinct("import a%d\n"), "names": distinct("n%d\n"),
    "yields": repeated("yield (", ""), "case": lambda size: "match x:\n" + distinct(" case %d: pass\n")(size),
    "patterns": repeated("[", "", "match x:\n case "), "or patterns": repeated("1|", "2: pass", "match x:\n case "),
    "class patterns": repeated("C(", "", "match x:\n case "), "types": repeated("T,", "]=1", "type X["),
    "backslashes": repeated("\\\n", "x"), "blank": repeated("\n"), "blanks": repeated(" "), "CR": repeated("\r"),
    "comments": repeated("#\n"), "comment": repeated("#"), "semicolon": repeated(";"), "digits": repeated("1"),
    "digits_": repeated("1_", "1"), "hex": repeated("f", "", "0x"), "zeros": repeated("0"),
    "quotes": repeated("'"), "quotes \"": repeated('"'), "triple": repeated("x\n", "", "'''"),
    "\\N": repeated("\\N{BULLET}", "'", "'"), "\\x": repeated("\\x41", "'", "'"), "\\": repeated("\\\\", "'", "'"),
    "wide names": repeated("\ufb01", ""), "combining": repeated("\u0301", "", "a"), "wide": repeated("\u20ac"),
    "nested to the limit": closed("(", "a", ")", 90), "lists to the limit": closed("[", "a", "]", 90),
    "calls to the limit": closed("f(", "a", ")", 60), "unary to the limit": closed("-", "a", "", 900),
    "closing": repeated(")"), "tabs": repeated("\t", "x"), "form feeds": repeated("\f", "x"),
    "dedents": lambda size: "".join(" " * d + "if x:\n" for d in range(90)) + " " * 45 + "x\n" + "y\n" * (size // 2),
}

# Those that parse, walked and printed as well.
PRINTED = ("comparisons", "strings", "commas", "f-string fields", "if ladders", "nested to the limit", "names")


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judged(path, *options):
    """(status, seconds of CPU time) of the parser alone: other programs may be at work too."""
    start = children_cpu()
    done = subprocess.run([tap.PYSBX, "ast", *options, path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE if "--check" in options else subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=120 + SIZE / MB * 10,
                          preexec_fn=None if SANITIZED else limited)
    assert done.returncode in (0, 1), (
        f"{path.name}: status {done.returncode}: {done.stderr[-300:]} {(done.stdout or b'')[-300:]}")
    if done.returncode == 1 and "--json" in options and "--check" in options:
        assert b'"ok":false' in done.stdout and b'"line":' in done.stdout, done.stdout[-300:]
    return done.returncode, children_cpu() - start


def hostile(name, version):
    def test():
        with tempfile.TemporaryDirectory(prefix="pysbx-hostile-") as folder:
            path = Path(folder) / "hostile.py"
            path.write_bytes(RECIPES[name](SIZE).encode())
            size = path.stat().st_size
            status, seconds = judged(path, "--check", "--json", "--target-version", version)
            allowed = 2 + SECONDS_PER_MB * size / MB * (10 if SANITIZED else 1)
            assert seconds < allowed, f"{seconds:.1f} s for {size} bytes"
            if name in PRINTED:
                path.write_bytes(RECIPES[name](SIZE // 10).encode())
                judged(path, "--json", "--target-version", version)
                judged(path, "--target-version", version)
            print(f"# {name!r} {version}: {'tree' if status == 0 else 'refused'}, "
                  f"{size / MB:.1f} MB in {seconds:.2f} s")
    test.__doc__ = f"{name!r} for {version}"
    return test


if __name__ == "__main__":
    sys.exit(tap.run([hostile(name, version) for name in RECIPES
                      for version in (("3.11", "3.14") if name.startswith("f-string") else ("3.14",))]))
