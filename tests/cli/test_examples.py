"""Every example of the manual pages is executed, and every program under examples/. Prints TAP.

In a page an example is a line that starts with "$ " in a literal display; what follows is its
output, stderr included, where "..." at the end of a line stands for the rest of it.
"""

import os
import re
import subprocess

from cli import (SECONDS, Skip, check, clean_environment, holds, main, needs_isolation, run, same, scratch,
                 tap, test)

DISPLAY = re.compile(r"^\.Bd -literal.*?\n(.*?)^\.Ed", re.M | re.S)


def unescaped(text):
    """Text lines of mdoc as the reader sees them."""
    return text.replace("\\&", "").replace("\\e", "\\")


def examples(page):
    """(command, lines of output) of each display, the displays apart from each other."""
    for block in DISPLAY.findall(page.read_text()):
        if not block.startswith("$ "):
            continue
        yield [(part.split("\n", 1)[0], part.split("\n", 1)[1].splitlines())
               for part in re.split(r"^\$ ", unescaped(block), flags=re.M)[1:]]


def line_matches(wanted, found):
    return found.startswith(wanted[:-3]) if wanted.endswith("...") else found == wanted


def is_shown(wanted, found):
    """A line that is only "..." stands for any number of lines."""
    if not wanted:
        return not found
    if wanted[0] == "...":
        return any(is_shown(wanted[1:], found[skip:]) for skip in range(len(found) + 1))
    return bool(found) and line_matches(wanted[0], found[0]) and is_shown(wanted[1:], found[1:])


# What examples of other backends need, by what pysbx says where it is not there; tests/contained brings it.
MISSING = {"no Docker daemon answers": "no Docker daemon runs here",
           "name an image with --image": "this user has no place to record an image",
           "could not make the container": "the OCI runtime makes no container here: hybrid control groups, a plain user"}


def execute(page):
    needs_isolation()
    total = 0
    with scratch() as top:
        (top / "bin").mkdir()
        (top / "bin" / "pysbx").symlink_to(tap.PYSBX)
        env = clean_environment({"PATH": f"{top}/bin:" + os.environ["PATH"],
                                 "PYSBX_POLICY": "standard"})
        for display in examples(page):
            for command, wanted in display:
                done = subprocess.run(["sh", "-c", f"exec 2>&1; {command}"], cwd=top, env=env,
                                      stdout=subprocess.PIPE, timeout=SECONDS, check=False)
                found = done.stdout.decode().splitlines()
                for sign, reason in MISSING.items():
                    if any(sign in line for line in found) and not any(sign in line for line in wanted):
                        raise Skip(f"{command}: {reason}")
                assert is_shown(wanted, found), f"{command}: printed {found}, page says {wanted}"
                total += 1
    assert total, f"{page.name} has no example"


def add(page):
    @test(f"the examples of {page.name}")
    def _():
        execute(page)


for each in sorted((tap.TOP / "man").glob("pysbx*.1")):
    if "\n$ " in each.read_text():
        add(each)


@test("examples/analysis.py passes the guard and runs, its figures right")
def _():
    program = tap.TOP / "examples" / "analysis.py"
    same(check("--policy", "classic", program).status, 0)
    for minor in range(8, 15):
        same(check("--target-version", f"3.{minor}", program).status, 0, minor)
    needs_isolation()
    result = run(program)
    same((result.status, result.err), (0, ""), result)
    # The mean of the published series is 919.35.
    holds(result.text, "n=100  mean   919.4", "The level changed in 1899")


@test("examples/refused.py is refused for each of its reasons")
def _():
    program = tap.TOP / "examples" / "refused.py"
    for policy, rules in (("classic", {"PSX101", "PSX102", "PSX103"}),
                          ("standard", {"PSX101", "PSX103", "PSX105", "PSX112"})):
        found = check("--json", "--policy", policy, program).json
        same({f["rule"] for f in found["findings"]}, rules)
    same(run(program).status, 126)


@test("what an example shows is compared, not just run")
def _():
    same(is_shown(["a", "b..."], ["a", "bcd"]), True)
    same(is_shown(["...", "1"], ["x", "y", "1"]), True)
    for found in (["a"], ["a", "x"], ["a", "bc", "d"], []):
        same(is_shown(["a", "b..."], found), False, found)


main()
