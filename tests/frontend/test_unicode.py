"""The lexer's Unicode is that of the running Python, code point by code point and name by name.
Prints TAP. By hand: PYSBX_BUILDDIR=build python3 tests/frontend/test_unicode.py
"""

import functools
import random
import sys
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

DUMP = tap.BUILD / "tests/tools/unicodedump"
MINOR = sys.version_info[1]
KNOWN = range(8, 15)  # minors whose Unicode the tables were made from
CJK = "CJK UNIFIED IDEOGRAPH-"


def need_known_version():
    if MINOR not in KNOWN:
        raise tap.Skip(f"the tables do not know the Unicode of Python 3.{MINOR}")


@functools.lru_cache(maxsize=None)
def characters():
    """{code point: (start, continue, printable, NFKC)} as the lexer has it."""
    need_known_version()
    out = tap.command(DUMP, "chars", str(MINOR), check=0).stdout
    found = {}
    for line in out.splitlines():
        c, start, cont, printable, form = line.split(" ")
        found[int(c, 16)] = (start == "1", cont == "1", printable == "1",
                             bytes.fromhex(form).decode())
    assert len(found) == 0x110000 - 0x80 - 0x800
    return found


def complain(differences):
    assert not differences, f"{len(differences)} differ: " + ", ".join(
        f"U+{c:04X}" for c in differences[:20])


def test_identifiers():
    """Identifiers: XID_Start and XID_Continue of every code point."""
    complain([c for c, (start, cont, _, _) in characters().items()
              if start != chr(c).isidentifier() or cont != ("a" + chr(c)).isidentifier()])


def test_normalisation():
    """NFKC of every character that Python knows."""
    complain([c for c, (_, _, _, form) in characters().items()
              if unicodedata.category(chr(c)) != "Cn"
              and form != unicodedata.normalize("NFKC", chr(c))])


def test_printable():
    """Printable characters."""
    complain([c for c, (_, _, printable, _) in characters().items()
              if unicodedata.category(chr(c)) != "Cn" and printable != chr(c).isprintable()])


def lookup(name):
    try:
        found = unicodedata.lookup(name)
    except KeyError:
        return "-"
    return f"{ord(found):x}" if len(found) == 1 else "-"


def test_names():
    """Names for \\N{}: all of them, and 50,000 wrong ones."""
    need_known_version()
    names = [n for n in (unicodedata.name(chr(c), "") for c in range(0x110000)) if n]
    draw = random.Random(1)
    for name in draw.sample(names, 50000):
        at = draw.randrange(len(name))
        names.append(name[:at] + draw.choice("A -1") + name[at + 1:])
        names.append(name.lower())
    # 3.8 and 3.9 also name unassigned code points behind an ideograph block.
    names = [n for n in names if not n.startswith(CJK + "2EBE") or lookup(n) == "2ebe0"]
    out = tap.command(DUMP, "names", str(MINOR), check=0, input="\n".join(names) + "\n").stdout
    wrong = [n for n, c in zip(names, out.splitlines()) if c != lookup(n)]
    assert not wrong, f"{len(wrong)} differ: {wrong[:10]}"


if __name__ == "__main__":
    sys.exit(tap.run([test_identifiers, test_normalisation, test_printable, test_names]))
