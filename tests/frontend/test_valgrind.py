"""The front end under valgrind: no invalid access, no use of what was never written, no leak.

Skips without valgrind, and in a build with sanitizers, which look for the same. Prints TAP.
By hand: python3 tests/frontend/test_valgrind.py
"""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

ERROR = 97
SOURCES = {
    "plain": b"def f(a, /, b=1, *c, d, **e) -> int:\n\treturn a if b else (lambda: [x for x in c])\n",
    "strings": 'a = f"{1!r:>{2}}" rb"\\x00" "\\N{BULLET}é" \'\'\'x\ny\'\'\'\n'.encode(),
    "match": b"match x:\n  case {'a': [1, *_], **r} | C(y=2) if y: pass\n  case _: pass\n",
    "types": b"type X[T: int, *Ts] = list[T]\nclass C[T](B, metaclass=M): x: T = 1\n",
    "async": b"async def f():\n  async with a as b, c: return [i async for i in x if await i]\n",
    "unclosed": b"f(a, [b, {c: (d",
    "dedent": b"if x:\n        y\n    z\n",
    "string": b"x = '''never closed\n\\",
    "fstring": b"f'{a[{b'",
    "bytes": b"\xff\xfe\x00x = 1\n",
    "nul": b"x = 1\0\n",
    "cookie": b"# -*- coding: utf-7 -*-\nx = 1\n",
    "empty": b"",
    "deep": b"(" * 300 + b")" * 300,
    "long": b"x = " + b" + ".join(b"a%d" % i for i in range(2000)) + b"\n",
    "return": b"return\x0c\r\rbreak\r\nx = 1_0.0e+1j if 0x_f else 0b2\n",
    "denied": b"import os, sys as s\nfrom subprocess import *\neval('x').__class__.__bases__\n",
}


def valgrind(*argv):
    done = tap.command("valgrind", "-q", f"--error-exitcode={ERROR}", "--leak-check=full",
                       "--errors-for-leak-kinds=definite", tap.PYSBX, *argv, timeout=120)
    assert done.returncode in (0, 1), f"status {done.returncode}\n{done.stderr[-3000:]}"


def over_all_sources(*argv):
    def test():
        with tempfile.TemporaryDirectory(prefix="pysbx-valgrind-") as folder:
            for name, source in SOURCES.items():
                (Path(folder) / f"{name}.py").write_bytes(source)
            files = sorted(Path(folder).iterdir()) + sorted((tap.TOP / "examples").glob("*.py"))
            valgrind(*argv, *files)
    test.__doc__ = f"pysbx {' '.join(argv)} over {len(SOURCES)} sources and the examples"
    return test


def a_control_that_must_be_found():
    """valgrind does report an error of a program that has one"""
    compiler = shutil.which("cc")
    if not compiler:
        raise tap.Skip("no C compiler for the control")
    with tempfile.TemporaryDirectory(prefix="pysbx-valgrind-") as folder:
        source = Path(folder) / "bad.c"
        source.write_text("#include <stdlib.h>\nint main(void){volatile char *p=malloc(1);return p[3];}")
        tap.command(compiler, "-g", "-O0", "-o", source.with_suffix(""), source, check=0)
        tap.command("valgrind", "-q", f"--error-exitcode={ERROR}", source.with_suffix(""), check=ERROR)


def main():
    config = tap.BUILD / "config.h"
    if not shutil.which("valgrind"):
        print("1..0 # SKIP valgrind is not installed")
    elif config.exists() and "#define PYSBX_SANITIZED 1" in config.read_text(encoding="utf-8"):
        print("1..0 # SKIP a build with sanitizers looks for the same")
    else:
        return tap.run([
            a_control_that_must_be_found, over_all_sources("ast", "--json"),
            over_all_sources("ast", "--check", "--target-version", "3.8"), over_all_sources("check"),
            over_all_sources("check", "--json", "--target-version", "3.14")])
    return 0


if __name__ == "__main__":
    sys.exit(main())
