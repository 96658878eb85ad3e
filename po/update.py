#!/usr/bin/env python3
"""The texts of the guard that have translations: po/*.po brought up to date with the sources.

    python3 po/update.py            adds new texts to each catalogue, drops those that are gone
    python3 po/update.py --list     prints the texts

What is translated: findings (guard_find() and its like), the texts and remedies of guard/rules.def,
and the words around them (_() and N_()). Needs msgmerge of GNU gettext.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
STRING = r'"((?:[^"\\]|\\.)*)"'
CALL = re.compile(r"\b(?:guard_find|guard_find_at|find_cost|_|N_)\(")
RULE = re.compile(r'^RULE\(\w+, "PSX\d{3}", "[\w-]+", \w+, \w+, \w+,\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*'
                  r'((?:"(?:[^"\\]|\\.)*"\s*)+)\)', re.M)


def call_text(source, at):
    """From after the bracket at `at` up to the one that closes it; strings may hold brackets."""
    depth, start = 1, at
    while depth:
        string = re.compile(STRING).match(source, at)
        if string:
            at = string.end()
            continue
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        at += 1
    return source[start:at - 1]


def literals(text):
    """Each run of adjacent literals as one text."""
    for run in re.finditer(r'(?:"(?:[^"\\]|\\.)*"\s*)+', text):
        yield "".join(re.findall(STRING, run.group()))


def messages():
    """{text as C spells it: files}, in order of first sight."""
    found = {}
    for room in ("guard", "cli"):
        for path in sorted((TOP / room).glob("*.c")):
            source = path.read_text(encoding="utf-8")
            source = re.sub(r"^\s*#\s*(?:include|if|endif|else|undef|define (?:_|N_)\().*$", "", source, flags=re.M)
            for call in CALL.finditer(source):
                for text in literals(call_text(source, call.end())):
                    if re.search(r"[A-Za-z]{2}", re.sub(r"%[-+ #0-9.*hl]*[a-zA-Z]", "", text)):
                        found.setdefault(text, set()).add(path.relative_to(TOP).as_posix())
    for row in RULE.findall((TOP / "guard/rules.def").read_text(encoding="utf-8")):
        for part in row:
            found.setdefault("".join(re.findall(STRING, part)), set()).add("guard/rules.def")
    return found


def template():
    out = ['msgid ""\nmsgstr ""\n"Project-Id-Version: pysbx\\n"\n"MIME-Version: 1.0\\n"\n'
           '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n']
    for text, files in messages().items():
        flag = "#, c-format\n" if "%" in text else ""
        out.append(f'#: {" ".join(sorted(files))}\n{flag}msgid "{text}"\nmsgstr ""\n')
    return "\n".join(out)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(messages()))
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pot", encoding="utf-8") as pot:
        pot.write(template())
        pot.flush()
        for catalogue in sorted((TOP / "po").glob("*.po")):
            subprocess.run(["msgmerge", "--quiet", "--no-fuzzy-matching", "--no-wrap", "--sort-by-file", "--backup=none",
                            "--update", catalogue, pot.name], check=True)
            kept = subprocess.run(["msgattrib", "--no-obsolete", "--no-wrap", catalogue], check=True, capture_output=True)
            catalogue.write_bytes(kept.stdout)


if __name__ == "__main__":
    main()
