#!/usr/bin/env python3
"""Writes guard/reexports.inc: which attributes of stdlib modules are other modules.

Usage: gen_reexports.py [--inc FILE] [--tsv FILE]... PYTHON... >reexports.inc
Each PYTHON is asked for what its modules hold; each FILE is a table "module<TAB>attribute<TAB>target"
measured elsewhere, of which the private attributes are taken; --inc keeps what an earlier table has
of Pythons that are not here. Maintainers run it when a Python comes out; the result is checked in.
Modules that start with an underscore are left out: the guard opens none of them. Private names are
kept: a module may be a value, and then what is read of values is looked up here.
"""

import collections
import re
import subprocess
import sys

ASK = r'''
import importlib, pkgutil, sys, sysconfig, types, warnings
warnings.simplefilter("ignore")
SKIP = {"antigravity", "this", "idlelib", "test", "turtledemo", "lib2to3", "__main__", "tkinter",
        "turtle", "ensurepip", "site-packages", "dist-packages"}
names = set(sys.builtin_module_names)
lib = sysconfig.get_path("stdlib")
for found in pkgutil.iter_modules([lib, lib + "/lib-dynload"]):
    names.add(found.name)
    if found.ispkg and found.name not in SKIP:
        names.update(found.name + "." + sub.name for sub in pkgutil.iter_modules([lib + "/" + found.name]))
for name in sorted(names):
    parts = name.split(".")
    if parts[0] in SKIP or parts[0].startswith("_") or parts[-1] in ("__main__", "tests", "test"):
        continue
    try:
        module = importlib.import_module(name)
    except BaseException:
        continue
    for attr, value in sorted(vars(module).items()):
        if isinstance(value, types.ModuleType) and value.__name__ != name + "." + attr:
            print("ROW", name, attr)
'''


def ask(python):
    done = subprocess.run([python, "-I", "-c", ASK], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True, check=True)
    for line in done.stdout.splitlines():
        if line.startswith("ROW "):
            yield line.split()[1:]


def read(path):
    with open(path, encoding="utf-8") as rows:
        for row in list(rows)[1:]:
            module, attr = row.rstrip("\n").split("\t")[:2]
            if attr.startswith("_"):
                yield module, attr.split(".")[0]


def kept(path):
    """The rows of a table that this program wrote."""
    with open(path, encoding="utf-8") as table:
        for module, attrs in re.findall(r'STR_INIT\("([^"]+)"\),\n\t" ([^"]*) "', table.read()):
            for attr in attrs.split():
                yield module, attr


def main(argv):
    table = collections.defaultdict(set)
    sources = []
    if argv[:1] == ["--inc"]:
        sources.append(list(kept(argv[1])))
        argv = argv[2:]
    while argv[:1] == ["--tsv"]:
        sources.append(read(argv[1]))
        argv = argv[2:]
    for rows in sources + [ask(python) for python in argv]:
        for module, attr in rows:
            if not attr.startswith("__") and not module.startswith("_"):
                table[module].add(attr)
    print("/* Made by guard/gen_reexports.py; do not edit. Modules sorted, names between blanks. */")
    for module in sorted(table):
        print('{STR_INIT("%s"),\n\t" %s "},' % (module, " ".join(sorted(table[module]))))


if __name__ == "__main__":
    main(sys.argv[1:])
