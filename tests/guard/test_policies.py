"""The policies that go by meaning: what they refuse and what they let through. Prints TAP.

refused.txt and allowed.txt hold programs with "###" lines between them. Every rule has, below, a
program that fires it and a near miss that must not. Where PYSBX_TEST_CORPUS names folders (':'
between them) with escapes.jsonl and benign.jsonl, those are counted too.
"""

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import tap  # noqa: E402

REFUSING = ("code", "io", "leak", "policy")

# rule: (fires, near miss)
RULES = {
    "PSX001": ("x = (", "x = ()"),
    "PSX002": ("return 1", "def f(): return 1"),
    "PSX010": ("x = '\u202eabc'", "x = '\\u202eabc \u05d0'"),
    "PSX011": ("x = 'a\u200bb'", "x = '\U0001f469\u200d\U0001f4bb'"),
    "PSX012": ("\u00b5 = 1", "\u03bc = 1"),
    "PSX013": ("\u0440rint = 1", "\u0440\u0438\u0441 = \u0394x = 1"),
    "PSX014": (f"x = '{'Qk9Y' * 1100}'", f"x = '{'ACGT' * 1100}'\ny = '{'words here ' * 500}'"),
    "PSX101": ("import socket", "import sockets"),
    "PSX103": ("f.__globals__", "f.__name__"),
    "PSX104": ("[eval]", "eval = 1; [eval]"),
    "PSX105": ("import os; os.system", "import os; os.sep"),
    "PSX106": ("import random; random._inst", "class A: _inst = 1\nA._inst"),
    "PSX107": ("import uuid; uuid.os", "class A: os = 1\nA.os.x"),
    "PSX108": ("import json; f(json); g().codecs", "import json; f(json); g().loads"),
    "PSX109": ("import math; math.x = 1", "class A: pass\nA.x = 1"),
    "PSX110": ("getattr(print, n)", "getattr(self, n)"),
    "PSX111": ("'{0.__globals__}'.format(f)", "'{0.x}'.format(f)"),
    "PSX112": ("open('/etc/passwd')", "open('/tmp/passwd')"),
    "PSX113": ("open(f())", "open('x')"),
    "PSX114": ("import timeit; timeit.timeit('1')", "import timeit; timeit.timeit(lambda: 1)"),
    "PSX115": ("__builtins__ = {}", "__version__ = ''"),
    "PSX116": ("o.__dict__", "o.dict"),
    "PSX201": ("1 << (1 << 40)", "1 << 70"),
}
STRICT_RULES = {"PSX117": ("getattr(self, n)", "getattr(self, 'n')")}

# Every position that binds a name makes a local of it: the builtin is not meant.
BINDINGS = [
    "def f():\n    exec = 1\n    exec += 1\n    return exec",
    "def f():\n    exec: int = 1\n    return exec",
    "def f():\n    for exec in []: exec",
    "def f():\n    with o as exec: exec",
    "def f():\n    try: pass\n    except E as exec: exec",
    "def f():\n    import exec\n    return exec.x",
    "def f():\n    from m import exec\n    return exec",
    "def f():\n    def exec(): pass\n    return exec",
    "def f():\n    class exec: pass\n    return exec",
    "def f(exec, /): return exec", "def f(exec): return exec", "def f(*exec): return exec",
    "def f(*, exec): return exec", "def f(**exec): return exec", "f = lambda exec: exec",
    "def f():\n    (exec := 1)\n    return exec", "[exec for exec in x]", "{exec: 1 for exec in x}",
    "def f():\n    match x:\n        case [exec, *_]: exec",
    "def f():\n    match x:\n        case {'a': 1, **exec}: exec",
    "def f():\n    match x:\n        case [*exec]: exec",
    "def f():\n    exec = 1\n    def g():\n        nonlocal exec\n        return exec",
    "exec = 1\ndef f():\n    global exec\n    return exec",
    "def f[exec](): return exec",
    "def f():\n    (a, [exec]) = x\n    return exec",
]
# The same positions where they are not certain: what is read may be the builtin.
UNCERTAIN = [
    "if x: exec = 1\nexec", "for exec in x: pass\nexec", "exec: int\nexec", "exec = 1\ndel exec\nexec",
    "try: pass\nexcept E as exec: pass\nexec", "exec\nexec = 1",
    "def f(): exec\nf()\nexec = 1", "class A:\n    exec\n    exec = 1",
    "class A:\n    exec = 1\n    def f(self): return exec", "def f(a=exec): pass", "def f(a: exec): pass",
    "def f():\n    global exec\n    exec = 1\nexec", "[exec for x in exec]", "x = lambda: exec",
    "class A(exec): pass", "@exec\ndef f(): pass", "f'{exec}'", "x[exec:1]", "assert 1, exec",
    "match exec:\n    case 1: pass", "case = match = exec", "raise exec", "yield_ = [*exec]",
]
# Every construct that reads an attribute.
READS = [
    "x.{0}", "x.{0} = 1", "del x.{0}", "x.{0} += 1", "for x.{0} in y: pass", "with y as x.{0}: pass",
    "getattr(x, '{0}')", "setattr(x, '{0}', 1)", "delattr(x, '{0}')", "hasattr(x, '{0}')",
    "import operator\noperator.attrgetter('a.{0}')", "import operator\noperator.methodcaller('{0}')",
    "'{{0.{0}}}'.format(x)", "'{{a[0].{0}}}'.format_map(x)", "'{{0:{{1.{0}}}}}'.format(x, y)",
    "match x:\n    case A({0}=y): pass", "match x:\n    case y.{0}: pass",
    "class A:\n    __match_args__ = ('{0}',)", "f'{{x.{0}}}'", "[y.{0} for y in x]",
]


def programs(name):
    return (HERE / name).read_text(encoding="utf-8").rstrip("\n").split("\n###\n")


def check(policy, sources, minor="3.12"):
    """The reports of many programs."""
    import tempfile
    with tempfile.TemporaryDirectory() as top:
        files = []
        for number, source in enumerate(sources):
            files.append(Path(top, f"{number:05}.py"))
            files[-1].write_bytes(source.encode("utf-8", "surrogatepass"))
        done = subprocess.run([tap.PYSBX, "check", "-q", "--json", "--policy", policy,
                               "--target-version", minor, *files], stdout=subprocess.PIPE,
                              check=False, stdin=subprocess.DEVNULL)
    reports = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(reports) == len(sources), done
    return reports


def expect(policy, sources, verdict):
    wrong = [(source, [f["message"] for f in report["findings"]])
             for source, report in zip(sources, check(policy, sources))
             if report["verdict"] != verdict]
    assert not wrong, f"{policy}: not {verdict}: {wrong}"


def own_programs_are_refused():
    """refused.txt is refused by standard and by strict"""
    expect("standard", programs("refused.txt"), "reject")
    expect("strict", programs("refused.txt"), "reject")


def own_programs_are_allowed():
    """allowed.txt is allowed by standard and by permissive"""
    expect("standard", programs("allowed.txt"), "allow")
    expect("permissive", programs("allowed.txt"), "allow")


def rules_fire_and_miss():
    """every rule fires, and not on a near miss"""
    for policy, rules in (("standard", RULES), ("strict", STRICT_RULES)):
        for rule, pair in rules.items():
            for number, report in enumerate(check(policy, pair)):
                found = rule in {f["rule"] for f in report["findings"]}
                assert found == (number == 0), f"{policy}, {rule}: {pair[number]!r}: {report}"


def rules_are_covered():
    """every rule of guard/rules.def has a program that fires it and a near miss"""
    table = Path(tap.TOP, "guard", "rules.def").read_text(encoding="utf-8")
    known = set(re.findall(r'^RULE\(\w+, "(PSX\d+)"', table, re.M))
    # PSX003 is the command's own, for a guard that died (tests/cli/test_sealed.py); PSX102 is
    # only of classic (tests/cli/test_classic.py).
    covered = RULES.keys() | STRICT_RULES.keys() | {"PSX003", "PSX102"}
    assert known == covered, known ^ covered


def tables_are_sorted():
    """guard/paths.def is in the order in which it is searched"""
    table = Path(tap.TOP, "guard", "paths.def").read_text(encoding="utf-8")
    rows = re.findall(r'^PATH\("([^"]+)"', table, re.M)
    assert rows == sorted(set(rows), key=str.encode) and len(rows) > 100, rows


def bindings_are_seen():
    """every position that binds a name, certain and not"""
    expect("standard", BINDINGS, "allow")
    expect("standard", UNCERTAIN, "reject")


def reads_are_seen():
    """every construct that reads an attribute, dunder and not"""
    for name in ("__globals__", "__subclasses__", "gi_frame", "tb_frame"):
        expect("standard", [form.format(name) for form in READS], "reject")
    expect("standard", [form.format("total") for form in READS], "allow")


def costs_are_told():
    """what plainly costs too much is a warning, and its near misses are not"""
    for name, wanted in (("costly.txt", True), ("cheap.txt", False)):
        for source, report in zip(programs(name), check("standard", programs(name))):
            assert report["verdict"] == "allow", (source, report)
            assert ("PSX201" in {f["rule"] for f in report["findings"]}) == wanted, source


# What hides in text, and text that hides nothing, as strict sees it.
HIDDEN = [
    "x = 'user\u200fadmin'", "# \u200e x", "s = '\u061c'", "a = '\U000e0041\U000e0042'",
    "a = 'x\u034fy'", "p\u03bfen = 1", "\u0391BC = 1", "f\u043eo = 1", "x = 'a\u200db'",
    "x = 'a\ufe00\ufe01\ufe02\ufe03'", "print(ev\u0430l)",
    "x = b'" + "\\x97\\x00\\xff\\x81" * 600 + "'", "x = '" + "aGVsbG8gd29ybGQ9" * 300 + "'",
    "x = '''" + ("aGVsbG8gd29ybGQ9" * 4 + "\n") * 80 + "'''",
    "x = '" + "word " * 20000 + "'", "x = '" + "deadbeef01" * 500 + "'",
]
PLAIN = [
    "x = '\U0001f3f4\U000e0067\U000e0062\U000e007f'", "x = '\u2764\ufe0f'",
    "\u0394x = \u03c1_air = \u03b1\u03b2 = d\u03b1 = \u03bd_max = \u03c3x = 1",
    "x = '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645'",
    "x = '\U0001f469\u200d\U0001f4bb'", "\u043f\u0440\u0438\u0432\u0435\u0442 = 1",
    "x = '" + "the quick brown fox " * 2000 + "'", "x = '" + "3141592653" * 1000 + "'",
    "x = '" + "MKVLAAGIVGLLLAQWERTY" * 300 + "'",
    "x = '''" + "....#..A..b..Z..0..\n" * 500 + "'''",
]


def text_is_read():
    """what hides in text is found, honest text is left alone"""
    expect("strict", HIDDEN, "reject")
    expect("strict", PLAIN, "allow")
    expect("standard", ["x = '\u05e9\u05dc\u05d5\u05dd\u200f (a)'"], "allow")


def many_texts_are_judged():
    """thousands of docstrings and of annotations are judged one by one, and the last is not lost"""
    docs = "".join(f'def f{i}():\n    """\n    >>> f{i}()\n    """\n' for i in range(3000))
    bad = 'def g():\n    """\n    >>> eval("1")\n    """\n'
    tail = "import doctest\ndoctest.testmod()\n"
    hints = "import typing\n" + "".join(f"x{i}: 'list[int]' = 1\n" for i in range(3000))
    ask = "class C:\n    y: 'eval'\ntyping.get_type_hints(C)\n"
    expect("standard", [docs + tail, hints + ask.replace("eval", "int")], "allow")
    expect("standard", [docs + bad + tail, hints + ask], "reject")


def the_default_is_standard():
    """check without --policy goes by standard"""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYSBX", "XDG_"))}
    env["HOME"] = "/nonexistent"
    done = tap.command(tap.PYSBX, "check", "--json", "-c", "1", env=env)
    assert json.loads(done.stdout)["policy"] == "standard", done.stdout


def warnings_do_not_refuse():
    """warnings alone are allowed, and a refusal is told by its first error"""
    report = check("standard", ["o.__dict__"])[0]
    assert [f["severity"] for f in report["findings"]] == ["warning"], report
    assert report["verdict"] == "allow", report


def corpora():
    """the corpora of PYSBX_TEST_CORPUS, where they are"""
    folders = [Path(p) for p in os.environ.get("PYSBX_TEST_CORPUS", "").split(":") if p]
    sets = [(f / "escapes.jsonl", f / "benign.jsonl") for f in folders
            if (f / "escapes.jsonl").exists() and (f / "benign.jsonl").exists()]
    if not sets:
        raise tap.Skip("PYSBX_TEST_CORPUS names no folder with escapes.jsonl and benign.jsonl")
    for escapes, benign in sets:
        rows = [json.loads(line) for line in escapes.read_text(encoding="utf-8").splitlines()]
        rows = [row for row in rows if row["tier"] in REFUSING]
        clean = [row for row in map(json.loads, benign.read_text(encoding="utf-8").splitlines())
                 if row["label"] == "clean"]
        for policy, least, most in (("standard", 0.99, 0), ("strict", 1, 0.07)):
            caught = sum(report["verdict"] == "reject" for row, report in judged(policy, rows))
            refused = sum(report["verdict"] != "allow" for row, report in judged(policy, clean))
            print(f"# {policy}: {caught} of {len(rows)} caught, {refused} of {len(clean)} refused")
            assert caught >= least * len(rows) and refused <= most * len(clean)


def judged(policy, rows):
    by_version = collections.defaultdict(list)
    for row in rows:
        least, most = (str(row.get(k) or "") for k in ("min_python", "max_python"))
        by_version[most or max(least or "3.11", "3.11", key=lambda v: int(v[2:]))].append(row)
    for minor, some in by_version.items():
        yield from zip(some, check(policy, [row["code"] for row in some], minor))


def policy_file(top, text, name="p.policy"):
    path = Path(top, name)
    path.write_text(text, encoding="utf-8")
    return path


def policy_files_open_and_close():
    """a policy file opens and closes what it says, and nothing else"""
    import tempfile
    with tempfile.TemporaryDirectory() as top:
        path = policy_file(top, """# ours
extends standard
allow import socket
allow call eval          # called only
allow attribute os.getpid
deny import json
deny name input
rule PSX116 error
rule PSX112 off
""")
        expect(path, ["import socket", "eval('1')", "import os; os.getpid()", "import math",
                      "open('/etc/passwd')"], "allow")
        expect(path, ["import subprocess", "f = eval", "import os; os.system", "import json",
                      "input()", "o.__dict__"], "reject")


def empty_policy_is_strictest():
    """an empty policy file opens nothing; taking out an allow or a warning never opens more"""
    import tempfile
    lines = ["allow import math", "allow name print", "allow call len", "allow attribute __mro__",
             "rule PSX012 warn", "rule PSX114 off", "extends strict"]
    probes = ["import math", "print", "len(x)", "x.__mro__", "\u00b5 = 1", "import json", "x = 1",
              "import timeit; timeit.timeit('1')", "import socket", "getattr(a, b)", "abs(1)"]
    with tempfile.TemporaryDirectory() as top:
        path = policy_file(top, "")
        expect(path, ["x = 1"], "allow")
        expect(path, ["import math", "print(1)", "abs(1)", "\u00b5 = 1", "a.__mro__"], "reject")
        full = check(policy_file(top, "\n".join(lines)), probes)
        for out in range(len(lines)):
            less = check(policy_file(top, "\n".join(lines[:out] + lines[out + 1:])), probes)
            for probe, one, other in zip(probes, full, less):
                assert not (one["verdict"] == "reject" and other["verdict"] == "allow"), \
                    f"without {lines[out]!r} {probe!r} is open"


def mistakes_in_policy_files():
    """a mistake is told with file, line and column, and with what was said before"""
    import tempfile
    cases = [("alow import x", "1:1: unknown word 'alow'"),
             ("allow modul x", "1:7: unknown kind 'modul'"),
             ("\nallow import", "2:1: a kind and a name must follow 'allow'"),
             ("rule PSX999 off", "1:6: unknown rule 'PSX999'"),
             ("rule PSX101 loud", "1:13: unknown severity 'loud'"),
             ("rule PSX001 off", "1:13: this rule is always an error, not 'off'"),
             ("extends classic", "1:9: unknown policy 'classic'"),
             ("extends strict\nextends strict", "2:1: a second 'extends'; previous definition here: "),
             ("allow name x\n  deny name x", "2:13: said before: 'x'; previous definition here: ")]
    with tempfile.TemporaryDirectory() as top:
        for text, wanted in cases:
            path = policy_file(top, text)
            done = tap.command(tap.PYSBX, "policy", "validate", path, check=1)
            assert f"{path}:{wanted}" in done.stderr, (text, done.stderr)
            tap.command(tap.PYSBX, "check", "--policy", path, "-c", "1", check=2)
        good = policy_file(top, "extends strict\nallow import yaml # safe_load only\n")
        tap.command(tap.PYSBX, "policy", "validate", good, check=0)


def policy_command():
    """policy list, show and explain"""
    names = tap.command(tap.PYSBX, "policy", "list", check=0).stdout
    assert names.split() == ["classic", "standard", "(default)", "strict", "permissive"], names
    shown = tap.command(tap.PYSBX, "policy", "show", "permissive", check=0).stdout
    assert "rule PSX104 off " in shown and "rule PSX106 error" in shown, shown
    for word in ("PSX104", "builtin-denied"):
        assert "PSX104 builtin-denied" in tap.command(tap.PYSBX, "policy", "explain", word,
                                                      check=0).stdout
    tap.command(tap.PYSBX, "policy", "explain", "PSX999", check=2)
    tap.command(tap.PYSBX, "policy", check=2)


if __name__ == "__main__":
    sys.exit(tap.run([own_programs_are_refused, own_programs_are_allowed, rules_fire_and_miss,
                      rules_are_covered, tables_are_sorted, bindings_are_seen, reads_are_seen, costs_are_told,
                      text_is_read, many_texts_are_judged,
                      the_default_is_standard,
                      warnings_do_not_refuse, policy_files_open_and_close,
                      empty_policy_is_strictest, mistakes_in_policy_files, policy_command, corpora]))
