"""The examples of the manual pages, as a reader sees them, and carrying them out.

In a page an example is a line that starts with "$ " in a literal display of its section EXAMPLES; what follows is
its output, stderr included, where "..." at the end of a line stands for the rest of it, alone for any lines.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import tap

SECTION = re.compile(r"^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", re.M | re.S)
DISPLAY = re.compile(r"^\.Bd -literal.*?\n(.*?)^\.Ed", re.M | re.S)
PAGES = sorted((tap.TOP / "man").glob("*.[1-9]"))
# Pages whose examples need more than pysbx, or change what others look at: the test that carries them out.
ELSEWHERE = {"pysbx-docker.1": "tests/contained/test_docker.py", "pysbx-image.1": "tests/contained/test_docker.py",
             "pysbx-oci.1": "tests/contained/test_oci.py", "pysbx-selftest.1": "tests/containment/test_selftest.py"}
SECONDS = 120


def unescaped(text):
    """Text lines of mdoc as the reader sees them."""
    return text.replace("\\&", "").replace("\\e", "\\")


def displays(page):
    """Each display of the page's examples."""
    section = SECTION.search(page.read_text(encoding="utf-8"))
    return [unescaped(block) for block in DISPLAY.findall(section.group(1))] if section else []


def commands(page):
    """(command, lines of output) of each example, in their order."""
    for block in displays(page):
        if block.startswith("$ "):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                command, _, output = part.partition("\n")
                yield command, output.splitlines()


def line_matches(wanted, found):
    """An ellipsis in the middle of a line stands for something without blanks, at its end for anything."""
    head, dots, end = wanted.rpartition("...")
    if not dots or end:
        return re.fullmatch(r"\S*".join(map(re.escape, wanted.split("..."))), found) is not None
    return re.match(r"\S*".join(map(re.escape, head.split("..."))), found) is not None


def is_shown(wanted, found):
    """A line that is only "..." stands for any number of lines."""
    if not wanted:
        return not found
    if wanted[0] == "...":
        return any(is_shown(wanted[1:], found[skip:]) for skip in range(len(found) + 1))
    return bool(found) and line_matches(wanted[0], found[0]) and is_shown(wanted[1:], found[1:])


def execute(page, env, replaced=(), before=(), program=None, uid=None):
    """Carries out a page's examples in a folder of their own; replaced: pairs of texts in the commands."""
    total = 0
    user = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="manual-") as top:
        (Path(top) / "bin").mkdir()
        if uid is not None:
            os.chown(top, uid, uid)
        (Path(top) / "bin" / "pysbx").symlink_to(program or tap.PYSBX)
        env = {**env, "PATH": f"{top}/bin:" + os.environ["PATH"]}
        for command, wanted in commands(page):
            for old, new in replaced:
                command = command.replace(old, new)
            done = subprocess.run([*before, "sh", "-c", f"exec 2>&1; {command}"], cwd=top, env=env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, timeout=SECONDS, check=False, **user)
            found = done.stdout.decode().splitlines()
            assert is_shown(wanted, found), f"{command}: printed {found}, page says {wanted}"
            total += 1
    assert total, f"{page.name} has no example"
