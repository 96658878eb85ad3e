"""The guard and the Pythons that are installed: the table of modules within modules, and how many of
the standard library's own modules are refused that need no denied import. Prints TAP.

Nobody wrote those modules for this guard: what it refuses of them is what the policy closes, and more
of it would be false alarms.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "guard"))
import gen_reexports  # noqa: E402
import tap  # noqa: E402
from pythons import interpreters  # noqa: E402
from test_policies import check  # noqa: E402

# Of those modules at most so many in a hundred are refused. Raise it for no new rule.
REFUSED_MAX = 35
# Modules by which a program reaches for the machine, and those that are the interpreter's own.
REACHING = {"os", "sys", "io", "builtins", "importlib", "inspect", "codecs", "platform", "shutil",
            "multiprocessing", "http", "dis", "", "."}


def table_agrees():
    """guard/reexports.inc has every module that the installed Pythons have within modules"""
    found = interpreters()
    if not found:
        raise tap.Skip("no python3.N that can be started")
    have = set(gen_reexports.kept(tap.TOP / "guard" / "reexports.inc"))
    for python in found:
        rows = {(m, a) for m, a in gen_reexports.ask(python)
                if not m.startswith("_") and not a.startswith("__")}
        assert len(rows) > 300, f"{python}: only {len(rows)} rows"
        assert rows <= have, f"{python} has more: {sorted(rows - have)[:20]}"
        print(f"# {python}: {len(rows)} modules within modules, all known")


def pure_modules():
    """Modules of the library that import nothing by which a program reaches for the machine."""
    import ast
    import sysconfig
    top = Path(sysconfig.get_path("stdlib"))
    for path in sorted(top.glob("*.py")) + sorted(top.glob("[a-z]*/*.py")):
        parts = path.relative_to(top).parts
        if parts[0] in ("test", "idlelib", "lib2to3", "site-packages", "dist-packages", "encodings"):
            continue
        source = path.read_bytes()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        names = {a.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
                 for a in node.names}
        names |= {(node.module or ".").split(".")[0] for node in ast.walk(tree)
                  if isinstance(node, ast.ImportFrom)}
        if not names & REACHING:
            yield path, source.decode("utf-8", "replace")


def library_passes():
    """the library's pure modules that need no denied import"""
    modules = list(pure_modules())
    if len(modules) < 20:
        raise tap.Skip("the library of this Python is not there as files")
    reports = check("standard", [source for _, source in modules],
                    f"3.{min(max(sys.version_info[1], 8), 14)}")
    judged = [(path, report) for (path, _), report in zip(modules, reports)
              if "PSX101" not in {f["rule"] for f in report["findings"]}]
    refused = [path.name for path, report in judged if report["verdict"] != "allow"]
    print(f"# {len(refused)} of {len(judged)} refused: {' '.join(refused)[:400]}")
    assert len(refused) * 100 <= REFUSED_MAX * len(judged), refused


sys.exit(tap.run([table_agrees, library_passes]))
