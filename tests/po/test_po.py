#!/usr/bin/env python3
"""Messages in other languages: catalogues complete and sound, used where they are asked for and only there. Prints TAP."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap

PO = tap.TOP / "po"
CJK = re.compile(r"[\u4e00-\u9fff]")
# As the guard that people come from words them.
CLASSIC = [("import os.path", "禁止导入模块:os.path"), ("from os import path", "禁止导入模块:os"), ("eval('1')", "禁止调用:eval"),
           ("x.__globals__", "禁止访问属性:__globals__"), ("x = (", "语法错误:'(' was never closed")]


def built():
    """Where this build has its catalogues; Skip where it has none."""
    catalogue = tap.BUILD / "po/locale/zh_CN/LC_MESSAGES/pysbx.mo"
    if not catalogue.exists() or tap.PYSBX.parent != tap.BUILD:
        raise tap.Skip("this build has no catalogues (no msgfmt, or --disable-nls)")
    return catalogue


def check(code, *words, program=None, **environment):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    done = subprocess.run([str(program or tap.PYSBX), "check", *words, "-"], input=code.encode(), env=env, capture_output=True,
                          timeout=60, check=False)
    return done.stdout.decode(), done.stderr.decode()


def findings(code, *words, **environment):
    out, err = check(code, "--json", *words, **environment)
    assert out, err
    return json.loads(out)["findings"]


def catalogues_are_complete():
    """every text of the guard is in each catalogue, translated, with the same places for arguments"""
    if not shutil.which("msgfmt"):
        raise tap.Skip("msgfmt is not installed")
    listed = tap.command(sys.executable, PO / "update.py", "--list", check=0).stdout.splitlines()
    assert len(listed) > 80, listed
    for catalogue in PO.glob("*.po"):
        done = tap.command("msgfmt", "--check", "--statistics", "-o", "/dev/null", catalogue, check=0)
        assert "fuzzy" not in done.stderr and "untranslated" not in done.stderr, done.stderr
        known = set(re.findall(r'^msgid "(.+)"$', catalogue.read_text(encoding="utf-8"), re.M))
        assert known == set(listed), f"run po/update.py: {known ^ set(listed)}"


def classic_texts():
    """classic, under a Chinese locale, says what its like have always said"""
    built()
    for code, text in CLASSIC:
        for variables in ({"LANG": "zh_CN.UTF-8"}, {"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, {"LC_MESSAGES": "zh_CN"}):
            found = findings(code, "--policy", "classic", **variables)
            assert found[0]["message"] == text, (code, variables, found)
            assert CJK.search(found[0]["remedy"]), found


def every_finding_is_translated():
    """under a Chinese locale no finding of the guard's own test programs is in English"""
    built()
    programs = re.split(r"^###.*\n", (tap.TOP / "tests/guard/refused.txt").read_text(encoding="utf-8"), flags=re.M)
    assert len(programs) > 20
    count = 0
    for program in programs:
        for found in findings(program, "--policy", "strict", LANG="zh_CN.UTF-8"):
            # What compile() says is CPython's own.
            assert CJK.search(found["message"]) or found["rule"] == "PSX002", found
            assert found["rule"] != "PSX003", found
            count += 1
    print(f"# {count} findings of {len(programs)} programs")


def text_output():
    """the words around a finding are in that language too"""
    built()
    out, _ = check("import os\n", "--policy", "classic", LANG="zh_CN.UTF-8")
    assert out.startswith("<stdin>:1:1: 错误[PSX101]: 禁止导入模块:os\n") and "\n  建议:" in out, out


def english_stays():
    """C, POSIX, English locales and languages without a catalogue: English, byte for byte the same"""
    code = "import os\neval('1')\n"
    plain = check(code, "--policy", "classic", LC_ALL="C")
    assert "error[PSX101]: import of 'os' is not allowed" in plain[0] and not CJK.search(plain[0]), plain
    for variables in ({}, {"LANG": "C.UTF-8"}, {"LANG": "POSIX"}, {"LANG": "en_GB.UTF-8"}, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"},
                      {"LANG": "xx_YY.UTF-8"}, {"LANG": "../../../../tmp"}, {"LANG": "C", "LANGUAGE": "zh_CN"}):
        assert check(code, "--policy", "classic", **variables) == plain, variables


def catalogues_of_others():
    """a catalogue that others may write is not read"""
    catalogue = built()
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        shutil.copy(tap.PYSBX, place / "pysbx")
        folder = place / "po/locale/zh_CN/LC_MESSAGES"
        folder.mkdir(parents=True)
        shutil.copy(catalogue, folder)
        arguments = ["import os\n", "--policy", "classic"]
        assert CJK.search(check(*arguments, program=place / "pysbx", LANG="zh_CN.UTF-8")[0])
        (place / "po/locale").chmod(0o777)
        out = check(*arguments, program=place / "pysbx", LANG="zh_CN.UTF-8")[0]
        assert "import of 'os' is not allowed" in out or (Path("/usr/local/share/locale/zh_CN/LC_MESSAGES/pysbx.mo").exists()), out


if __name__ == "__main__":
    sys.exit(tap.run([catalogues_are_complete, classic_texts, every_finding_is_translated, text_output, english_stays,
                      catalogues_of_others]))
