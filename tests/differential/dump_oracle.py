"""Compares `pysbx ast FILE` with the dump() of the Python that runs this file.

    python3.13 dump_oracle.py PYSBX < NAMES     files, their names ended by NUL

The text is that of ast.dump(tree, indent=1) in 3.13; for older trees dump() here says what it would
be, and is itself compared with ast.dump() where that is new enough. A file that a known fault of
this micro release concerns (oracle.py) is passed over. Prints one JSON object. It must run on
Python 3.8.
"""
import ast
import json
import subprocess
import sys
import warnings

import oracle

TARGET = "3.%d" % sys.version_info[1]
VALUES = ("Constant", "MatchSingleton")  # whose value may be None


def fields_of(node):
    for name in node._fields:
        value = getattr(node, name, None)
        if value != [] and (value is not None or (name == "value" and type(node).__name__ in VALUES)):
            yield name, value


def dump(node, level=0):
    """(text, whether it is simple)"""
    level += 1
    start = "\n" + " " * level
    if isinstance(node, list):
        return "[%s%s]" % (start, ("," + start).join(dump(item, level)[0] for item in node)), False
    if not isinstance(node, ast.AST):
        return repr(node), True
    parts = [(name, dump(value, level)) for name, value in fields_of(node)]
    texts = ["%s=%s" % (name, text) for name, (text, _) in parts]
    name = type(node).__name__
    if len(parts) <= 3 and all(simple for _, (_, simple) in parts):
        return "%s(%s)" % (name, ", ".join(texts)), not texts
    return "%s(%s%s)" % (name, start, ("," + start).join(texts)), False


def expected(tree):
    text = dump(tree)[0]
    if sys.version_info >= (3, 13) and text != ast.dump(tree, indent=1):
        raise AssertionError("dump() is not ast.dump()")
    return text + "\n"


def has_fault(pysbx, name, tree, text):
    """Whether a fault of this micro release has changed the tree, which is otherwise identical."""
    line = subprocess.run([pysbx, "ast", "--json", "--target-version", TARGET, name],
                          stdout=subprocess.PIPE).stdout
    try:
        oracle.compare(tree, json.loads(line)["ast"], "", True)
    except oracle.Different:
        with open(name, "rb") as file:
            return oracle.has_doubtful_escapes(file.read())
    return dump(tree)[0] + "\n" != text


def main():
    warnings.simplefilter("ignore")
    pysbx, counts = sys.argv[1], dict.fromkeys(("same", "refused", "skipped", "different"), 0)
    for name in sys.stdin.read().split("\0"):
        with open(name, "rb") as file:
            data = file.read()
        tree, _ = oracle.oracle_parse(data)
        found = subprocess.run([pysbx, "ast", "--target-version", TARGET, "--", name],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = expected(tree) if tree else ""
        if tree is None or oracle.foreign_cookie(data):
            counts["refused"] += 1
        elif found.stdout == text.encode("utf-8", "surrogatepass"):
            counts["same"] += 1
        elif has_fault(pysbx, name, tree, text):
            counts["skipped"] += 1
        else:
            counts["different"] += 1
            lines = zip(text.split("\n"), found.stdout.decode("utf-8", "replace").split("\n"))
            print("# %s: %s" % (name, next((pair for pair in lines if pair[0] != pair[1]), "length")))
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
