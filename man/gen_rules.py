#!/usr/bin/env python3
"""Prints man/pysbx-rules.7 from guard/rules.def, for maintainers; tests/docs compares the two.

    python3 man/gen_rules.py >man/pysbx-rules.7
"""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
ROW = re.compile(r'^RULE\(\w+, "(PSX\d{3})", "([\w-]+)", (\w+), (\w+), (\w+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*'
                 r'((?:"(?:[^"\\]|\\.)*"\s*)+)\)', re.M)
FAMILIES = {"0": "The source itself", "1": "What a program reaches for", "2": "Cost"}
WORDS = {"ERROR": "error", "WARNING": "warning", "OFF": "off"}

HEAD = """.\\" Made by man/gen_rules.py from guard/rules.def: change those.
.Dd November 27, 2026
.Dt PYSBX-RULES 7
.Os
.Sh NAME
.Nm pysbx-rules
.Nd what the guard of pysbx finds
.Sh DESCRIPTION
The guard reads a program before it runs and reports findings.
Each is of one of these rules, which keep their ids for good.
A finding of severity
.Ql error
refuses the program; a
.Ql warning
is only told; a rule that is
.Ql off
is not looked for.
A policy file
.Pq Xr pysbx-policy 5
can set the severity of each, but for those of sources that cannot be read.
The policy
.Cm classic
knows PSX001, PSX101, PSX102 and PSX103 only, each an error.
.Pp
No comment in a program suppresses a finding.
"""

TAIL = """.Sh SEE ALSO
.Xr pysbx-check 1 ,
.Xr pysbx-policy 1 ,
.Xr pysbx-policy 5
"""


def text_of(literals):
    """Adjacent C string literals as one text."""
    joined = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
    return joined.replace('\\"', '"').replace("\\\\", "\\")


def rules():
    found = ROW.findall((TOP / "guard" / "rules.def").read_text(encoding="utf-8"))
    return [(*row[:5], text_of(row[5]), text_of(row[6])) for row in found]


def escaped(text):
    """Text that troff takes as it is, broken where lines grow long."""
    # A name of a function as text: mdoc would have it marked up.
    words, lines = re.sub(r"\b\(\)", r"\\&()", text.replace("\\", "\\e")).split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 76:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in lines)


def sentence(text):
    return escaped(text[0].upper() + text[1:] + ("" if text.endswith(".") else "."))


def page():
    out = [HEAD]
    family = None
    for rule, name, standard, strict, permissive, text, remedy in rules():
        if rule[3] != family:
            out.append(".El\n" if family else "")
            family = rule[3]
            out.append(f".Ss {FAMILIES[family]}\n.Bl -tag -width Ds\n")
        out.append(f".It Sy {rule} Pq {name}\n{sentence(text)}\n.br\n{sentence('instead: ' + remedy)}\n.br\n"
                   f".Cm standard :\n{WORDS[standard]};\n.Cm strict :\n{WORDS[strict]};\n"
                   f".Cm permissive :\n{WORDS[permissive]}.\n")
    out.append(".El\n" + TAIL)
    return "".join(out)


if __name__ == "__main__":
    print(page(), end="")
