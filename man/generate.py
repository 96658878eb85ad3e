#!/usr/bin/env python3
"""Prints a manual page that comes from the code's tables, for maintainers; tests/docs compares.

    python3 man/generate.py rules >man/pysbx-rules.7
    python3 man/generate.py isolation >man/pysbx-isolation.7
    python3 man/generate.py conf >man/pysbx.conf.5
    python3 man/generate.py result >man/pysbx-result.5
    python3 man/generate.py defaults >packaging/pysbx.conf
"""

import json
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
STRINGS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
WORDS = {"ERROR": "error", "WARNING": "warning", "OFF": "off"}


def rows(table, pattern):
    return re.findall(pattern, (TOP / table).read_text(encoding="utf-8"), re.M)


def text_of(literals):
    """Adjacent C string literals as one text."""
    joined = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
    return joined.replace('\\"', '"').replace("\\\\", "\\")


def escaped(text):
    """Text that troff takes as it is: a line for each sentence, broken where it grows long."""
    if ". " in text:
        return "\n".join(escaped(part) for part in re.split(r"(?<=\.) ", text))
    # A name of a function as text: mdoc would have it marked up.
    words, lines = re.sub(r"\b\(\)", r"\\&()", text.replace("\\", "\\e")).split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 76:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in lines)


def sentence(text):
    return escaped(text[0].upper() + text[1:] + ("" if text.endswith(".") else "."))


def head(name, section, line):
    return (f'.\\" Made by man/generate.py: change that, or the tables that it reads.\n.Dd November 27, 2026\n'
            f".Dt {name.upper()} {section}\n.Os\n.Sh NAME\n.Nm {name}\n.Nd {line}\n.Sh DESCRIPTION\n")


# --- pysbx-rules(7)

FAMILIES = {"0": "The source itself", "1": "What a program reaches for", "2": "Cost"}

RULES_HEAD = """The guard reads a program before it runs and reports findings.
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

RULES_TAIL = """.Sh SEE ALSO
.Xr pysbx-check 1 ,
.Xr pysbx-policy 1 ,
.Xr pysbx-policy 5
"""


def rules_page():
    out = [head("pysbx-rules", 7, "what the guard of pysbx finds"), RULES_HEAD]
    family = None
    pattern = r'^RULE\(\w+, "(PSX\d{3})", "([\w-]+)", (\w+), (\w+), (\w+),\s*' + STRINGS + r",\s*" + STRINGS + r"\)"
    for rule, name, standard, strict, permissive, text, remedy in rows("guard/rules.def", pattern):
        if rule[3] != family:
            out.append(".El\n" if family else "")
            family = rule[3]
            out.append(f".Ss {FAMILIES[family]}\n.Bl -tag -width Ds\n")
        out.append(f".It Sy {rule} Pq {name}\n{sentence(text_of(text))}\n.br\n"
                   f"{sentence('instead: ' + text_of(remedy))}\n.br\n"
                   f".Cm standard :\n{WORDS[standard]};\n.Cm strict :\n{WORDS[strict]};\n"
                   f".Cm permissive :\n{WORDS[permissive]}.\n")
    return "".join([*out, ".El\n", RULES_TAIL])


# --- pysbx-isolation(7)

ISOLATION_HEAD = """A program that
.Xr pysbx-run 1
runs is kept apart from the host by layers.
Each is taken to fail, and the next one must hold.
The result of a run lists those that were held
.Pq Ql layers ,
and those that were asked for and not had
.Pq Ql missing .
.Ss Tiers
.Bl -tag -width Ds
.It Cm full
All namespaces, a fresh
.Pa /proc ,
limits on memory, processes and CPU by a control group, the system call filter,
no capability.
.It Cm reduced
The same, but without the control group or the fresh
.Pa /proc .
Memory is then polled and processes are limited by
.Dv RLIMIT_NPROC .
.It Cm minimal
Where no namespaces can be had: in a container with its engine's defaults, or
with user namespaces forbidden.
Landlock hides the host's files, the system call filter and a second one of this
tier's own refuse sockets, signals to others and new sessions, resource limits
and the supervisor's polling bound the rest.
Nothing runs where Landlock cannot be had either.
.El
.Pp
.Fl -require
says below which tier nothing runs; the program is then not started at all.
"""

ISOLATION_TAIL = """.Sh SEE ALSO
.Xr pysbx-doctor 1 ,
.Xr pysbx-run 1 ,
.Xr seccomp 2 ,
.Xr cgroups 7 ,
.Xr landlock 7 ,
.Xr namespaces 7
"""


def layers():
    out = [".Ss Layers\n.Bl -tag -width Ds\n"]
    for word, text in rows("runtime/layer.def", r'^LAYER\(\w+, "([\w-]+)", "([^"]*)"\)'):
        out.append(f".It Ql {word}\n{escaped(text)}\n")
    return out + [".El\n"]


def minimal_steps():
    out = [".Ss The set-up of tier minimal\n",
           "Started by root, the program has an id of its own, taken at random; else the\n"
           "caller's.\n"
           "It runs in a directory that is made for the run below\n.Pa /tmp\n"
           "and removed with it, which is\n.Ev TMPDIR ,\n.Ev HOME\nand the working directory.\n"
           "What it does not have is named in\n.Ql missing :\n"
           "it can tell whether a path of the host exists, how large it is and what a link\nsays;\n"
           "it sees the host's name and clock, and can ask whether a process number is in\nuse;\n"
           "the size of\n.Pa /tmp\nand, without a control group, memory are looked at every few milliseconds\n"
           "and the run is ended when they are exceeded, and of a plain user's run the\nnumber of processes too.\n"
           "Files that were deleted and are still open or mapped count, the mapped ones as\nlong as\n.Fl -fsize\n"
           "lets them be, which is more than they may be.\n"
           "What a run leaves whose\n.Nm pysbx\nand init were both killed, the next run of the same user at this tier ends and\n"
           "removes.\n"
           "There are no sockets but connected pairs, no\n.Pa /proc ,\nno\n.Pa /dev/shm\n"
           "and so no locks of multiprocessing; as a plain user no change of modes and times\nof files.\n"
           ".Bl -enum\n"]
    for name, reason in rows("runtime/steps_minimal.def", r'^(?:STEP|SAME)\(\w+, "([^"]*)", \w+,\s*"([^"]*)"\)'):
        out.append(f".It\n.Sy {escaped(name)} :\n{escaped(reason)}.\n")
    return out + [".El\n"]


def steps():
    out = [".Ss The order of the set-up\n",
           "The init, which is process 1 inside, takes its steps, the program's own process\n"
           "takes those from the network namespace on, up to the exec.\n"
           "What fails is named by these words.\n.Bl -enum\n"]
    for name, reason in rows("runtime/steps.def", r'^STEP\(\w+, "([^"]*)", \w+,\s*"([^"]*)"\)'):
        out.append(f".It\n.Sy {escaped(name)} :\n{escaped(reason)}.\n")
    return out + [".El\n"]


ANSWERS = {"ALLOW": "allowed", "HOSTILE": "hostile"}


def answer_word(answer):
    errno = re.fullmatch(r"ERR\((\w+)\)", answer)
    return errno[1] if errno else ANSWERS[answer]


def calls():
    """Each group: its title, reason and calls with their answers in the order of the rules."""
    pattern = (r'^(?:GROUP\("([^"]*)",\s*' + STRINGS + r"\)"
               r"|(?:CALL|RULE)\((\w+), (\w+(?:\(\w+\))?)|NEW(?:CALL|RULE)\((\w+), \d+, (\w+(?:\(\w+\))?))")
    found = []
    for title, reason, name, answer, new_name, new_answer in rows("runtime/syscalls.def", pattern):
        if title:
            found.append((title, text_of(reason), {}))
            continue
        words = found[-1][2].setdefault(name or new_name, [])
        word = answer_word(answer or new_answer)
        if word not in words:
            words.append(word)
    return found


def call_list(words):
    """"read write; mount: hostile": those that are simply allowed first."""
    plain = [name for name, answers in words.items() if answers == ["allowed"]]
    parts = [" ".join(plain)] if plain else []
    others = {}
    for name, answers in words.items():
        if answers != ["allowed"]:
            others.setdefault(", else ".join(answers), []).append(name)
    return "; ".join([*parts, *(f"{' '.join(names)}: {answers}" for answers, names in others.items())])


def syscalls():
    out = [".Ss System calls\n",
           "The filter knows these.\nAnything else, now or in a later kernel, is\n.Er ENOSYS .\n"
           "Where arguments decide, the answers are in the order in which they are tried.\n"
           "A call that is\n.Ql hostile\nis recorded, named in the result and answered\n.Er EPERM ;\n"
           "where there is no listener it ends the program.\nWith\n.Fl -seccomp Cm strict\nthe hostile ones and those that are refused with\n.Er EPERM\nend it.\nOther architectures' calls end it always.\n"
           ".Bl -tag -width Ds\n"]
    for title, reason, words in calls():
        out.append(f".It Sy {escaped(title)}\n{sentence(reason)}\n")
        if words:
            out.append(f".br\n{escaped(call_list(words))}.\n")
    return out + [".El\n"]


def isolation_page():
    return "".join([head("pysbx-isolation", 7, "what keeps a program of pysbx apart from the host"), ISOLATION_HEAD,
                    *layers(), *steps(), *minimal_steps(), *syscalls(), ISOLATION_TAIL])


# --- pysbx.conf(5) and the file that shows every setting

CONF_HEAD = """Settings of
.Xr pysbx 1
are looked for on the command line, in the variables
.Ev PYSBX_* ,
in the file of
.Fl -config ,
in the user's file and in the system's; the first that has one counts.
A file holds lines of these forms; it is UTF-8 of at most 256 KiB:
.Bl -tag -width Ds
.It Li # Ar comment
Also after white space at the end of a line.
.It Ar key Li = Ar value
A setting.
The key is the long name of an option without its dashes; flags are
.Ql yes
or
.Ql no .
.It Li [profile Ar NAME Ns Li \&]
The settings below belong to this profile, which
.Ql profile = NAME
or
.Fl -profile
chooses.
The built-in profiles
.Ql default
and
.Ql tight
may be changed in this way.
.It Li "ceiling.KEY =" Ar value
In the system's files only: what nobody may ask for more than.
A built-in value that nobody asked for is lowered to the ceiling.
.El
.Pp
An unknown key, a value that is not legal, a key set twice in one file: each is
an error that names file, line and column, also where another place overrides
the setting.
Nothing runs then.
.Ss The system's pieces
The files
.Pa *.conf
of the folder
.Pa conf.d
beside the system's file are read in the order of their names in bytes, hidden
ones left out.
What a later one sets stands in for what an earlier one or the first file set.
.Sh SETTINGS
Sizes are bytes, or with
.Ql k ,
.Ql M
or
.Ql G
powers of 1024; durations are seconds, or end in
.Ql ms ,
.Ql s
or
.Ql m .
"""

CONF_TAIL = """.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/pysbx/pysbx.conf , Pa /etc/pysbx/conf.d/*.conf
The system's, below the sysconfdir of the build.
.It Pa $XDG_CONFIG_HOME/pysbx/pysbx.conf , Pa ~/.config/pysbx/pysbx.conf
The user's.
.El
.Sh EXAMPLES
Runs are tight, and reports may take more, but nothing may take over a minute:
.Bd -literal -offset indent
ceiling.memory = 1G
ceiling.timeout = 1m
profile = tight

[profile reports]
memory = 512M
timeout = 30s
.Ed
.Sh SEE ALSO
.Xr pysbx 1 ,
.Xr pysbx-check 1 ,
.Xr pysbx-run 1 ,
.Xr pysbx-policy 5
"""


def settings():
    """(section, key, argument, kind, standard, tight, help) of what a file may set, in the table's order."""
    table = (TOP / "cli" / "options.def").read_text(encoding="utf-8")
    section, found = "", []
    text = r'(NULL|(?:"(?:[^"\\\\]|\\\\.)*"\s*)+|GUARD_POLICY_DEFAULT)'
    row = re.compile(r"^(?:SECTION\(" + STRINGS + r"\)|OPTION\(\w+, (?:'.'|0), " + text + ", " + text + r", (\w+), ([A-Z_| ]+), "
                     + text + ", " + text + r", [^,]+, [^,]+,\s*" + text + r",\s*" + text + r"\))", re.M)
    for title, key, argument, kind, where, standard, tight, _, line in row.findall(table):
        if title:
            section = text_of(title)
        elif "SETTING" in where or "IN_FILE" in where:
            standard = "standard" if standard == "GUARD_POLICY_DEFAULT" else text_of(standard)
            found.append((section, text_of(key), text_of(argument), kind, standard, text_of(tight), text_of(line)))
    return found


def settings_list():
    out, last = [], None
    for section, key, argument, kind, standard, tight, line in settings():
        if section != last:
            out.append((".El\n" if last else "") + f".Ss {section}\n.Bl -tag -width Ds\n")
        last = section
        value = argument or ("always|never|auto" if kind == "COLOR" else "yes|no")
        out.append(f".It Ic {key} Li = Ar {value}\n{sentence(line)}\n")
        default = standard or ("no" if kind == "FLAG" else "")
        if default:
            out.append(f"The default is\n.Ql {default}" + (f" ,\nin the profile\n.Ql tight\n.Ql {tight}" if tight else "") + " .\n")
    return out + [".El\n"]


def conf_page():
    return "".join([head("pysbx.conf", 5, "settings of pysbx"), CONF_HEAD, *settings_list(), CONF_TAIL])


DEFAULTS_HEAD = """# Settings of pysbx: pysbx.conf(5). Every setting is here, as it is where no file sets it; to change one,
# take the '#' from before it. Pieces may also stand in files NAME.conf in the folder conf.d beside this one.
#
# What nobody may ask for more than, for instance:
#ceiling.memory = 1G
#ceiling.timeout = 1m
"""


def defaults():
    out, last = [DEFAULTS_HEAD], None
    for section, key, argument, kind, standard, _, line in settings():
        out.append(f"\n# --- {section}\n" if section != last else "")
        last = section
        value = standard or ("no" if kind == "FLAG" else "")
        out.append(f"\n# {line[0].upper()}{line[1:]}\n")
        out.append(f"#{key} = {value}\n" if value else f"# {key} = {argument}\n")
    return "".join(out)


# --- pysbx-result(5)

RESULT_HEAD = """What
.Fl -json
makes pysbx print: one object on one line, in UTF-8, controls, U+0085, U+2028
and U+2029 escaped.
Fields that do not apply are left out, unless null is named below.
Readers should pass over fields that they do not know: they may come with any
version, while
.Ql schema
changes only when the meaning of one does.
JSON Schema of each is installed as
.Pa /usr/share/pysbx/*.schema.json .
"""

# What a run's status means, for the page and pysbx-run(1).
STATUSES = {
    "ok": "The program ended with exit status 0.",
    "nonzero": "It ended with another one.",
    "signal": "It was killed by a signal.",
    "timeout": "It reached the limit of wall clock time.",
    "cpu_timeout": "It reached the limit of CPU time.",
    "oom": "It reached the limit of memory.",
    "output_limit": "It wrote far more than is kept.",
    "pids_limit": "It failed for want of a process or thread.",
    "seccomp": "It was killed for a system call.",
    "rejected": "The guard refused it; nothing ran.",
    "syntax_error": "It does not parse, or compile() would refuse it; nothing ran.",
    "unavailable": "Nothing here can isolate it as was asked for; nothing ran.",
    "error": "pysbx failed, or was called wrongly.",
}


def type_of(schema, whole):
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return {"count": "integer", "words": "array of strings", "finding": "finding"}.get(name) or type_of(whole["$defs"][name], whole)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return ", ".join(schema["enum"]) if len(schema["enum"]) < 6 else "one of the words below"
    kind = schema["type"]
    if kind == "array" and "items" in schema:
        inner = type_of(schema["items"], whole)
        return f"array of {inner}s" if not inner.endswith("s") else f"array of {inner}"
    return " or ".join(kind) if isinstance(kind, list) else kind


def field_list(schema, whole, before=""):
    out = []
    for name, field in schema.get("properties", {}).items():
        path = f"{before}{name}"
        out.append(f".It Li {path} Pq {type_of(field, whole).replace(',', ' ,')}\n{sentence(field['description'])}\n")
        out += field_list(field, whole, path + ".")
        out += field_list(field.get("items", {}), whole, path + "[].")
    return out


def result_page():
    out = [head("pysbx-result", 5, "the results of pysbx as JSON"), RESULT_HEAD]
    for name in ("result", "check", "doctor", "selftest"):
        schema = json.loads((TOP / "cli" / f"{name}.schema.json").read_text(encoding="utf-8"))
        out.append(f".Ss {schema['title']}\n{sentence(schema['description'])}\n.Bl -tag -width Ds\n")
        out += [*field_list(schema, schema), ".El\n"]
        if name == "result":
            assert list(STATUSES) == schema["properties"]["status"]["enum"]
            out.append(".Pp\nThe status:\n.Bl -tag -width output_limit -compact\n")
            out += [f".It Li {word}\n{sentence(meaning)}\n" for word, meaning in STATUSES.items()]
            finding = schema["$defs"]["finding"]
            out += [".El\n.Pp\nA finding:\n.Bl -tag -width Ds\n", *field_list(finding, schema), ".El\n"]
    return "".join(out) + """.Sh SEE ALSO
.Xr pysbx-check 1 ,
.Xr pysbx-doctor 1 ,
.Xr pysbx-run 1 ,
.Xr pysbx-selftest 1 ,
.Xr pysbx-isolation 7 ,
.Xr pysbx-rules 7
"""


PAGES = {"rules": rules_page, "isolation": isolation_page, "result": result_page, "conf": conf_page, "defaults": defaults}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PAGES:
        sys.exit(__doc__)
    print(PAGES[sys.argv[1]](), end="")
