"""The documents say what is so: examples have their real output, files and commands they name are
there, manual pages are correct mdoc and know every option. Prints TAP.
By hand: python3 tests/docs/test_docs.py
"""

import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

PAGES = sorted((tap.TOP / "man").glob("*.[1-9]"))
DOCUMENTS = [tap.TOP / f"{name}.md"
             for name in ("README", "ARCHITECTURE", "HACKING", "SECURITY", "NEWS")]
FENCE = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
# A name in backquotes that means a file of this tree.
FILE_NAME = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:c|h|def|py|sh|md|am|ac|m4|[1-9])|"
                       r"(?:tests|examples|man|\.ci|m4|base|lexer|parser|guard|runtime|cli|gateway)/[\w./-]*)`")


def text(path):
    return path.read_text(encoding="utf-8")


def examples():
    """(command line, expected lines) of each example of the program in the documents."""
    for path in DOCUMENTS:
        for block in FENCE.findall(text(path)):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                line, _, expected = part.partition("\n")
                if line.startswith("build/pysbx "):
                    yield path.name, line, expected


def matches(expected, actual):
    """Equal, where "..." in what is expected stands for anything on its line."""
    pattern = ".*".join(re.escape(piece) for piece in expected.rstrip("\n").split("..."))
    return re.fullmatch(pattern, actual.rstrip("\n")) is not None


def examples_have_their_real_output():
    """every example in the documents prints what it is said to print"""
    found = list(examples())
    assert found, "no example found"
    for where, line, expected in found:
        # `; echo $?` and pipes are the shell's; the program's own path is this build's.
        script = line.replace("build/pysbx", shlex.quote(str(tap.PYSBX)))
        done = tap.command("sh", "-c", f"exec 2>&1; {script}", cwd=tap.TOP)
        if done.returncode == 125 and "isolation" in done.stdout:
            raise tap.Skip("no isolation on this host: " + done.stdout.splitlines()[0])
        assert matches(expected, done.stdout), f"{where}: $ {line}\n{done.stdout}\nnot\n{expected}"


def named_files_exist():
    """every file of the tree that the documents name is there"""
    absent = [f"{path.name}: {name}" for path in DOCUMENTS for name in FILE_NAME.findall(text(path))
              if not (tap.TOP / name).exists()
              and not any(any((tap.TOP / room).rglob(name)) for room in ("tests", "runtime"))
              and "NAME" not in name and not name.startswith("sys/")]
    assert not absent, absent


def links_lead_somewhere():
    """every relative link leads to a file"""
    absent = [f"{path.name}: {target}" for path in DOCUMENTS
              for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(path))
              if not (tap.TOP / target).exists()]
    assert not absent, absent


def commands():
    return set(re.findall(r'^COMMAND\("(\w+)"', text(tap.TOP / "cli" / "commands.def"), re.M))


def named_commands_exist():
    """every `pysbx COMMAND` that the documents and pages name is one"""
    known = commands() | {"COMMAND", "help"}
    wrong = []
    for path in DOCUMENTS:
        body = text(path).split("Not in this version")[0]
        wrong += [f"{path.name}: pysbx {word}"
                  for word in re.findall(r"`(?:build/)?pysbx ([a-z]+)", body) if word not in known]
    for path in PAGES:
        wrong += [f"{path.name}: refers to {name}({section})"
                  for name, section in re.findall(r"^\.Xr (pysbx[\w-]*) (\d)", text(path), re.M)
                  if not (tap.TOP / "man" / f"{name}.{section}").exists()]
    assert not wrong, wrong


def every_command_is_told_of():
    """pysbx(1) and the README tell of every subcommand"""
    page = set(re.findall(r"^\.It Cm (\w+)", text(tap.TOP / "man" / "pysbx.1"), re.M))
    assert commands() - page == set() and page - commands() - {"help"} == set(), page ^ commands()
    absent = [c for c in commands() if not re.search(rf"pysbx {c}\b", text(tap.TOP / "README.md"))]
    assert not absent, absent


def options(where):
    """{long name: argument} of the rows whose places name `where`, from the table's first line each."""
    row = re.compile(r'^OPTION\(\w+, (?:\'.\'|0), "([\w-]+)", (?:"(.*?)"|NULL), [A-Z]+, ([A-Z_| ]+), ', re.M)
    table = text(tap.TOP / "cli" / "options.def")
    found = row.findall(table)
    assert len(found) == len(re.findall(r"^OPTION\(", table, re.M)), "a row that is not understood"
    return {name: argument for name, argument, places in found if where in places}


def pages_know_every_option():
    """pysbx-run(1) and pysbx-check(1) describe exactly the options of the table"""
    for command, where in (("run", "ON_RUN"), ("check", "ON_CHECK")):
        page = text(tap.TOP / "man" / f"pysbx-{command}.1")
        described = dict(re.findall(r"^\.It .*?\bFl -([\w-]+)(?: (?:Ns Op = Ns )?Ar (.*))?$", page, re.M))
        table = options(where)
        absent = set(table) - set(described) - {"help"}
        assert not absent, f"pysbx-{command}.1 lacks {sorted(absent)}"
        surplus = set(described) - set(table)
        assert not surplus, f"pysbx-{command}.1 describes {sorted(surplus)}, which are none"
        other = {name: (argument, table[name]) for name, argument in described.items() if argument != table[name]}
        assert not other, f"pysbx-{command}.1 gives other arguments than the table: {other}"


def words():
    """{command: {option as the pages write it: argument}} of cli/words.def."""
    found = {command: {} for command in commands() - {"run", "check"}}
    for command, letter, name, argument in re.findall(
            r'^FLAG\("(\w+)", (\'.\'|0), ("[\w-]+"|NULL), ("[^"]*"|NULL),', text(tap.TOP / "cli" / "words.def"), re.M):
        found[command][f"-{name[1:-1]}" if name != "NULL" else letter[1]] = None if argument == "NULL" else argument[1:-1]
    assert sum(map(len, found.values())) == len(re.findall(r"^FLAG", text(tap.TOP / "cli/words.def"), re.M))
    return found


def each_command_has_its_page():
    """each subcommand has a page, which knows exactly its options and words"""
    for command, table in words().items():
        page = text(tap.TOP / "man" / f"pysbx-{command}.1")
        described = dict(re.findall(r"^\.It (?:Fl \w , )?Fl (?:\\)?(-[\w-]+|c)(?: Ar (.*))?$", page, re.M))
        wanted = {name: argument or "" for name, argument in table.items() if name != "-help"}
        described = {name: argument or "" for name, argument in described.items() if name != "-help"}
        assert wanted.keys() == described.keys(), f"pysbx {command}: {wanted.keys() ^ described.keys()}"
        assert "Fl -help" in page or "Fl \\-help" in page, f"pysbx {command}: no --help"
    for command, word in re.findall(r'^WORD\("(\w+)", "([^"]+)"', text(tap.TOP / "cli/words.def"), re.M):
        page = text(tap.TOP / "man" / f"pysbx-{command}.1")
        assert re.search(rf"^\.(?:Cm|Nm pysbx {command}) .*\b{word}\b|^\.Cm {word}$", page, re.M), (command, word)


def every_end_is_told_of():
    """pysbx-result(5) has every status, pysbx-run(1) every exit status, and each page of a command its own"""
    rows = re.findall(r'^STATUS\(\w+, "(\w+)", (-?\d+)\)', text(tap.TOP / "runtime/status.def"), re.M)
    assert len(rows) > 10
    page = text(tap.TOP / "man/pysbx-result.5")
    absent = [word for word, _ in rows if not re.search(rf"^\.It Li {word}$", page, re.M)]
    assert not absent, absent
    section = text(tap.TOP / "man/pysbx-run.1").split(".Sh EXIT STATUS")[1].split("\n.Sh ")[0]
    told = set(re.findall(r"\b1\d\d\b", section))
    assert {code for _, code in rows if code != "-1"} <= told, (rows, told)
    for page in (tap.TOP / "man").glob("*.1"):
        assert ".Sh EXIT STATUS" in text(page) or page.name in ("pysbx-docker.1", "pysbx-oci.1"), page.name


def the_entry_names_every_page():
    """pysbx(1) names every other page"""
    names = set(re.findall(r"^\.Xr (pysbx[\w.-]*) (\d)", text(tap.TOP / "man/pysbx.1"), re.M))
    absent = {(p.stem, p.suffix[1:]) for p in PAGES} - names - {("pysbx", "1")}
    assert not absent, absent


def page_of_mcp_knows_every_option():
    """pysbx-mcp(1) describes exactly the options of gateway/options.def"""
    page = text(tap.TOP / "man" / "pysbx-mcp.1")
    described = dict(re.findall(r"^\.It .*?\bFl -([\w-]+)(?: Ar (.*))?$", page, re.M))
    rows = re.findall(r'^OPTION\(\w+, (?:\'.\'|0), "([\w-]+)", (?:"(.*?)"|NULL), ',
                      text(tap.TOP / "gateway" / "options.def"), re.M)
    assert described == dict(rows) and len(rows) > 8, set(described.items()) ^ set(rows)


def pages_are_correct():
    """mandoc finds nothing to warn of in the manual"""
    if not shutil.which("mandoc"):
        raise tap.Skip("mandoc is not installed")
    assert PAGES, "no manual page"
    done = tap.command("mandoc", "-T", "lint", "-W", "style", *PAGES)
    # Whether other packages' pages are installed here is no matter of ours.
    found = [line for line in (done.stdout + done.stderr).splitlines()
             if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
    assert not found, found


def pages_are_read_back():
    """man shows every page without a warning, in 80 columns"""
    if not shutil.which("man") or not shutil.which("groff"):
        raise tap.Skip("man-db is not installed")
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": "", "HOME": "/nonexistent"}
    for page in PAGES:
        done = tap.command("man", "--warnings", "-P", "cat", "-l", page, env=env, check=0)
        assert not done.stderr, f"{page.name}: {done.stderr}"
        assert page.stem in done.stdout and "NAME" in done.stdout and len(done.stdout.splitlines()) > 15, page.name


def pages_are_found():
    """man -k pysbx finds every page by what it is about, after mandb and after makewhatis"""
    tried = 0
    with tempfile.TemporaryDirectory(prefix="manual-") as place:
        os.chmod(place, 0o755)
        for page in PAGES:
            (Path(place) / f"man{page.suffix[1:]}").mkdir(exist_ok=True)
            shutil.copy(page, Path(place) / f"man{page.suffix[1:]}")
        wanted = {f"{p.stem} ({p.suffix[1:]})": re.search(r"^\.Nd (.*)", text(p), re.M).group(1) for p in PAGES}
        # mandoc's are called mapropos where man-db's have the name.
        for index, ask in ((["mandb", "-q", "-c", "-u", place], ["apropos", "-l", "-M", place, "pysbx"]),
                           (["makewhatis", place], ["mapropos", "-M", place, "pysbx"])):
            programs = [shutil.which(words[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin") for words in (index, ask)]
            if not all(programs):
                continue
            tap.command(programs[0], *index[1:], check=0)
            lines = tap.command(programs[1], *ask[1:], check=0).stdout.splitlines()
            found = {re.sub(r"\((\d)\)", r" (\1)", re.sub(r" +\(", "(", name)).strip(): what.strip()
                     for name, what in (re.split(r" +- ", line, maxsplit=1) for line in lines)}
            assert found == wanted, f"{index[0]}: {set(found.items()) ^ set(wanted.items())}"
            tried += 1
    if not tried:
        raise tap.Skip("neither man-db nor mandoc is installed")


def package_tables_are_tables():
    """the lists of packages in quickstart are rows of three columns, and end where they should"""
    script = text(tap.TOP / "quickstart")
    tables = re.findall(r"^(\w+_NEEDS)='\n(.*?)'", script, re.M | re.S)
    assert [name for name, _ in tables] == ["BUILD_NEEDS", "TEST_NEEDS", "EXTRA_NEEDS"], tables
    for name, table in tables:
        assert table.endswith("\n"), f"{name}: a quote in a row ends the list"
        for row in table.splitlines():
            assert re.fullmatch(r"[\w.+-]+ +[\w.+-]+ +\S.*", row), f"{name}: {row}"


def pages_from_tables_are_the_tables():
    """what man/generate.py makes of the tables is what stands in the tree, and lacks no row"""
    made = {}
    for page, file in (("rules", "man/pysbx-rules.7"), ("isolation", "man/pysbx-isolation.7"),
                       ("result", "man/pysbx-result.5"), ("conf", "man/pysbx.conf.5"), ("defaults", "packaging/pysbx.conf")):
        made[page] = tap.command(sys.executable, tap.TOP / "man" / "generate.py", page, check=0).stdout
        assert made[page] == text(tap.TOP / file), f"run man/generate.py {page} >{file}"
    table = text(tap.TOP / "cli" / "options.def")
    keys = {m[1] for m in re.finditer(r'^OPTION\(\w+, (?:\'.\'|0), "([\w-]+)"[^\n]*\bSETTING\b', table, re.M)}
    assert len(keys) > 20
    for page, shown in (("conf", r"^\.It Ic ([\w-]+) Li ="), ("defaults", r"^# ?([\w-]+) = ")):
        assert keys == set(re.findall(shown, made[page], re.M)) - {"ceiling.memory"}, (page, keys)
    for page, table, row, shown in (
            ("rules", "guard/rules.def", r'^RULE\(\w+, "(PSX\d+)"', r"^\.It Sy (PSX\d+) Pq"),
            ("isolation", "runtime/layer.def", r'^LAYER\(\w+, "([\w-]+)"', r"^\.It Ql ([\w-]+)$"),
            ("isolation", "runtime/steps.def", r'^STEP\(\w+, "([^"]+)"', r"^\.It\n\.Sy (.+) :$"),
            ("isolation", "runtime/steps_minimal.def", r'^(?:STEP|SAME)\(\w+, "([^"]+)"', r"^\.It\n\.Sy (.+) :$")):
        words = re.findall(row, text(tap.TOP / table), re.M)
        assert len(words) == len(re.findall(r"^[A-Z]+\(", text(tap.TOP / table), re.M)), table
        before, _, after = made[page].partition(".Ss The set-up of tier minimal")
        found = re.findall(shown, after if "minimal" in table else before, re.M)
        assert found == words, (table, set(words) ^ set(found))
    calls = re.findall(r"^(?:NEW)?(?:CALL|RULE)\((\w+)", text(tap.TOP / "runtime" / "syscalls.def"), re.M)
    told = set(re.findall(r"\w+", made["isolation"].split(".Ss System calls")[1]))
    assert len(calls) > 300 and not set(calls) - told, set(calls) - told


def help_is_there():
    """--help prints every subcommand and succeeds"""
    done = tap.command(tap.PYSBX, "--help", check=0)
    absent = [c for c in commands() if not re.search(rf"\b{c}\b", done.stdout)]
    assert not absent, f"{absent} not in:\n{done.stdout}"


def version_is_the_trees():
    """`pysbx version`, configure.ac and NEWS.md agree"""
    version = re.search(r"AC_INIT\(\[pysbx\],\[([^]]+)\]", text(tap.TOP / "configure.ac")).group(1)
    assert version in tap.command(tap.PYSBX, "version", check=0).stdout
    assert f"\n## {version}\n" in text(tap.TOP / "NEWS.md")


if __name__ == "__main__":
    sys.exit(tap.run([
        examples_have_their_real_output, named_files_exist, links_lead_somewhere,
        named_commands_exist, every_command_is_told_of, pages_know_every_option,
        page_of_mcp_knows_every_option, each_command_has_its_page, every_end_is_told_of,
        the_entry_names_every_page, pages_are_read_back, pages_are_found,
        package_tables_are_tables, pages_from_tables_are_the_tables, pages_are_correct, help_is_there,
        version_is_the_trees]))
