"""Every position that binds a name against every rule about names, every construct that reads an
attribute against every rule about attributes. Prints TAP.

One forgotten cell is a way round a rule: no construct may have a rule of its own.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))
import tap  # noqa: E402
from test_policies import check  # noqa: E402

# Positions that bind {0}. In a function, what is bound is no builtin; what is bound there may not
# be one of Python's own hooks either.
BINDING = [
    "def f():\n    {0} = 1\n    return {0}",
    "def f():\n    {0} = 1\n    {0} += 1\n    return {0}",
    "def f():\n    {0}: int = 1\n    return {0}",
    "def f():\n    for {0} in []: {0}",
    "async def f():\n    async for {0} in y: {0}",
    "def f():\n    with y as {0}: {0}",
    "async def f():\n    async with y as {0}: {0}",
    "def f():\n    try: pass\n    except E as {0}: {0}",
    "def f():\n    import json as {0}\n    return {0}.x",
    "def f():\n    from json import dumps as {0}\n    return {0}(1)",
    "def f():\n    def {0}(): pass\n    return {0}",
    "def f():\n    async def {0}(): pass\n    return {0}",
    "def f():\n    class {0}: pass\n    return {0}",
    "def f({0}, /): return {0}", "def f({0}): return {0}", "def f(*{0}): return {0}",
    "def f(*, {0}): return {0}", "def f(**{0}): return {0}", "f = lambda {0}: {0}",
    "f = lambda *, {0}=1: {0}",
    "def f():\n    ({0} := 1)\n    return {0}",
    "[{0} for {0} in x]", "{{{0} for {0} in x}}", "{{{0}: 1 for {0} in x}}", "list({0} for {0} in x)",
    "def f():\n    match x:\n        case {0}: return {0}",
    "def f():\n    match x:\n        case [{0}, *_]: return {0}",
    "def f():\n    match x:\n        case [*{0}]: return {0}",
    "def f():\n    match x:\n        case {{'a': 1, **{0}}}: return {0}",
    "def f():\n    match x:\n        case A(a={0}): return {0}",
    "def f():\n    match x:\n        case [1] as {0}: return {0}",
    "def f():\n    {0} = 1\n    def g():\n        nonlocal {0}\n        return {0}",
    "{0} = 1\ndef f():\n    global {0}\n    return {0}",
    "def f[{0}](): return {0}", "def f[*{0}](): return {0}", "def f[**{0}](): return {0}",
    "def f():\n    ({0}, [y]) = x\n    return {0}",
    "def f():\n    *{0}, y = x\n    return {0}",
]
# Rule -> a name that it is about, where it is read and not bound; None: it is not read.
NAMES = {"PSX104": "exec", "PSX115": "__builtins__", "PSX013": "\u0440rint", "PSX012": "\uff45xec"}

# Constructs that read attribute {0} of {1}.
READING = [
    "{1}.{0}", "x = {1}.{0}", "({1}).{0}.y", "{1}.{0}()", "@{1}.{0}\ndef f(): pass",
    "def f(a={1}.{0}): pass", "def f(a: {1}.{0}): pass", "class A({1}.{0}): pass", "[{1}.{0}]",
    "f(*{1}.{0})", "f(**{1}.{0})", "f(k={1}.{0})", "f'{{{1}.{0}}}'", "f'{{1:{{{1}.{0}}}}}'",
    "{1}.{0}[0]", "y[{1}.{0}]", "{1}.{0} + 1", "{1}.{0} < 1", "not {1}.{0}",
    "{1}.{0} if y else 1", "(lambda: {1}.{0})", "[y for y in {1}.{0}]", "[1 for y in x if {1}.{0}]",
    "async def f(): await {1}.{0}", "def f(): yield {1}.{0}", "def f(): return {1}.{0}",
    "assert {1}.{0}", "raise {1}.{0}", "with {1}.{0}: pass", "for y in {1}.{0}: pass",
    "while {1}.{0}: pass", "try: pass\nexcept {1}.{0}: pass", "match {1}.{0}:\n    case 1: pass",
    "match 1:\n    case {1}.{0}: pass", "match 1:\n    case A.B if {1}.{0}: pass",
    "(y := {1}.{0})", "del {1}.{0}", "{1}.{0} += 1", "y: {1}.{0} = 1",
    "getattr({1}, '{0}')", "getattr({1}, '{0}', None)", "f = getattr({1}, '{0}')",
    "hasattr({1}, '{0}')", "delattr({1}, '{0}')",
    "for n in ('{0}', 'a'): getattr({1}, n)", "n = '{0}'\ngetattr({1}, n)",
    "getattr({1}, '{0}'[:2] + '{0}'[2:])",
]
# Those that take an attribute of a value that is not named.
VALUES = [
    "import operator\noperator.attrgetter('{0}')({1})", "import operator\noperator.attrgetter('a.{0}')",
    "import operator as o\no.methodcaller('{0}')({1})",
    "'{{0.{0}}}'.format({1})", "'{{0[a].{0}}}'.format({1})", "'{{x.{0}!r:>3}}'.format(x={1})",
    "'{{0:{{1.{0}}}}}'.format(1, {1})", "'{{x.{0}}}'.format_map(dict(x={1}))",
    "match {1}:\n    case A({0}=y): pass", "class A:\n    __match_args__ = ('{0}',)",
    "import string\nstring.Formatter().vformat('{{0.{0}}}', ({1},), {{}})",
]
# Rule -> what is read of what. In constructs of VALUES the same, or PSX111 for formats.
ATTRIBUTES = {
    "PSX103": ("__globals__", "y"), "PSX105": ("system", "os"), "PSX106": ("_inst", "random"),
    "PSX107": ("codecs", "json"),
}
IMPORTS = "import os, random, json\n"


def rules_of(report):
    return {f["rule"] for f in report["findings"]}


def bound_names():
    """what a function binds is no builtin, in every position; hooks are refused in every one"""
    for rule, name in NAMES.items():
        sources = [form.format(name) for form in BINDING]
        for source, report in zip(sources, check("standard", sources)):
            found = rule in rules_of(report)
            assert found == (rule != "PSX104"), (rule, source, report["findings"])


def read_attributes():
    """what may not be read of something may be read of it by no construct"""
    for rule, (name, of) in ATTRIBUTES.items():
        sources = [IMPORTS + form.format(name, of) for form in READING]
        for source, report in zip(sources, check("standard", sources)):
            assert report["verdict"] == "reject", (rule, source, report["findings"])
            stores = ".%s = " % name in source or "+=" in source or "del" in source
            assert stores or rule in rules_of(report), (rule, source, report["findings"])


def read_values():
    """nor by a construct that names the attribute in text"""
    name, of = ATTRIBUTES["PSX103"]
    sources = [form.format(name, of) for form in VALUES]
    for source, report in zip(sources, check("standard", sources)):
        assert {"PSX103", "PSX111"} & rules_of(report), (source, report["findings"])
    for name, of in (("_os", "random"), ("gi_frame", "y"), ("mro", "y")):
        sources = ["import random\n" + form.format(name, of) for form in VALUES[3:9]]
        for source, report in zip(sources, check("standard", sources)):
            assert report["verdict"] == "reject" or name == "mro", (source, report["findings"])


def near_misses():
    """harmless attributes are read by every construct"""
    sources = [IMPORTS + form.format("total", "y") for form in READING]
    sources += [form.format("total", "y") for form in VALUES]
    for source, report in zip(sources, check("standard", sources)):
        assert report["verdict"] == "allow", (source, report["findings"])


sys.exit(tap.run([bound_names, read_attributes, read_values, near_misses]))
