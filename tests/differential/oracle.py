"""Compares pysbx's parser with the one of the Python that runs this file.

Run by test_differential.py once per interpreter; also by hand:

    python3.11 oracle.py PYSBX files FILE...         node by node, field by field
    python3.11 oracle.py PYSBX mutants COUNT SEED    damaged programs: accept or refuse alike
    python3.11 oracle.py PYSBX cases FILE            programs in FILE, one a line (see cases.txt)
    python3.11 oracle.py PYSBX grid FILE STEP        contexts filled with fillers (see grid.txt), one in STEP

PYSBX_DIFF_LIBRARY is a standard library whose tests are damaged, where it is not the interpreter's.
The last line printed is one JSON object with the counts. It must run on Python 3.8.
"""
import ast
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import warnings

BATCH = 100
SHOWN = int(os.environ.get("PYSBX_DIFF_SHOW", "10"))
POSITIONS = ("lineno", "col_offset", "end_lineno", "end_col_offset")
OLD_FSTRINGS = sys.version_info < (3, 12)
MICRO = sys.version_info[:3]


class Different(Exception):
    pass


ANYTHING = object()  # equal to every value found


def has_hash(node):
    return any("#" in str(getattr(inner, "value", "")) for inner in ast.walk(node))


def is_empty_text(node):
    return isinstance(node, ast.Constant) and node.value == "" and isinstance(node.value, str)


# What earlier micro releases do otherwise than the last one of their version, which pysbx follows:
# (first and last release concerned, what to do with the oracle's node).
def drop_empty_in_spec(node):
    """Also joins the two constants of `f"{x:\\N{BULLET}<}"`."""
    spec = getattr(node, "format_spec", None)
    if not isinstance(spec, ast.JoinedStr):
        return
    values = []
    for value in spec.values:
        if is_empty_text(value):
            continue
        if values and isinstance(value, ast.Constant) and isinstance(values[-1], ast.Constant):
            values[-1].value += value.value
            values[-1].end_lineno, values[-1].end_col_offset = value.end_lineno, value.end_col_offset
        else:
            values.append(value)
    spec.values = values


def forget_text(node, is_doubtful):
    """The text of `f"{x=}"` and the str of an Interpolation, where the expression says so."""
    values = getattr(node, "values", ())
    for before, value in zip([None] + list(values), values):
        if type(value).__name__ not in ("FormattedValue", "Interpolation"):
            continue
        text = getattr(before, "value", None) if isinstance(before, ast.Constant) else None
        if is_doubtful(value.value, "%s%s" % (text, getattr(value, "str", ""))):
            if isinstance(text, str):
                before.value = ANYTHING
            if hasattr(value, "str"):
                value.str = ANYTHING


def forget_hash(node):
    """
    3.13.0 to 3.13.4 cut `f"{'#'=}"` at the mark. Their successors take the quotes within `'''...'''`
    and an escaped one for ends of the string, so marks behind them are kept or cut (CPython 141271).
    """
    forget_text(node, lambda value, text: "#" in text or has_hash(value))


def forget_unequal(node):
    """`f"{x!=y=}"` lost what follows the first "!" (CPython 129093), with a format spec still."""
    forget_text(node, lambda value, text: any(isinstance(inner, ast.NotEq) for inner in ast.walk(value)))


def forget_debug_in_spec(node):
    """`f"{x:{y=}{z=}}"`: 3.13.0 has what follows y twice, 3.14.2 `y=}{z=`."""
    spec = getattr(node, "format_spec", None)
    if isinstance(spec, ast.JoinedStr):
        for before, value in zip(spec.values, spec.values[1:]):
            if isinstance(value, ast.FormattedValue) and isinstance(getattr(before, "value", None), str):
                before.value = ANYTHING


NOT_YET = 99  # a micro release in which the fault will have been mended

MICRO_DIFFERENCES = [
    ((3, 12, 0), (3, 12, 3), drop_empty_in_spec),
    ((3, 13, 0), (3, 14, NOT_YET), forget_hash),
    ((3, 12, 0), (3, 14, NOT_YET), forget_unequal),
    ((3, 13, 0), (3, 13, 0), forget_debug_in_spec),
    ((3, 14, 0), (3, 14, 2), forget_debug_in_spec),
]

# Refused by earlier micro releases for a fault of theirs: `f"{x:{y=}}"` in 3.12.
MICRO_FAULTS = [
    ((3, 12, 0), (3, 12, 3), "field 'value' is required for Constant"),
]


def settle_micro(node):
    for first, last, settle in MICRO_DIFFERENCES:
        if first <= MICRO <= last:
            settle(node)


# Accepted by earlier micro releases, and refused by pysbx with this message.
MICRO_LAXITIES = [
    ((3, 13, 0), (3, 13, 2), "newlines are not allowed in format specifiers"),
]


# Programs that earlier micro releases may refuse, or whose texts they make otherwise: escapes in the
# format spec of a raw f-string, escapes in the text of `f"{'\\x41'=}"` (CPython 124363).
RAW_FORMAT = re.compile(rb"(?i)\b(?:rf|fr)['\"]")
DEBUG_TEXT = re.compile(rb"(?is)\br?fr?['\"].*=[\s\\]*(?:#.*)?[!:}]")
MICRO_ESCAPES = [
    ((3, 13, 0), (3, 13, 5), RAW_FORMAT),
    ((3, 12, 0), (3, 12, 8), DEBUG_TEXT),
    ((3, 13, 0), (3, 13, 1), DEBUG_TEXT),
]


def has_doubtful_escapes(data):
    return b"\\" in data and any(
        first <= MICRO <= last and pattern.search(data) for first, last, pattern in MICRO_ESCAPES)


def is_micro_laxity(message):
    return any(first <= MICRO <= last and text in message for first, last, text in MICRO_LAXITIES)


def is_micro_fault(error):
    return any(first <= MICRO <= last and text in str(error) for first, last, text in MICRO_FAULTS)


def same_text(text):
    """Two escaped surrogates in a row cannot be told from the character they make in JSON."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def constant_of(found):
    kind = found["type"]
    if kind == "str":
        return found["value"]
    if kind == "bytes":
        return found["value"].encode("latin-1")
    if kind == "int":
        return int(found["text"].replace("_", ""), 0) if found["text"].strip("0_") else 0
    if kind == "float":
        return float(found["text"])
    if kind == "complex":
        return complex(found["text"])
    return {"bool": found.get("value"), "none": None, "ellipsis": ...}[kind]


def compare_constant(expected, found, path):
    value = constant_of(found)
    if expected is ANYTHING:
        return
    if isinstance(expected, str) and isinstance(value, str):
        expected, value = same_text(expected), same_text(value)
    if type(expected) is not type(value) or repr(expected) != repr(value):
        raise Different("%s: %.200r, not %.200r" % (path, expected, value))


def compare_list(expected, found, path, positions):
    if not isinstance(found, list) or len(expected) != len(found):
        raise Different("%s: %d items, not %s" % (path, len(expected),
                        len(found) if isinstance(found, list) else repr(found)))
    for number, (one, other) in enumerate(zip(expected, found)):
        compare(one, other, "%s[%d]" % (path, number), positions)


def compare_node(expected, found, path, positions):
    name = type(expected).__name__
    if not isinstance(found, dict) or found.get("_type") != name:
        raise Different("%s: %s, not %.200r" % (path, name, found))
    where = "%s(%s@%s)" % (path, name, getattr(expected, "lineno", ""))
    settle_micro(expected)
    fields = set(expected._fields) | set(expected._attributes) | {"_type"}
    if set(found) - fields:
        raise Different("%s: has %s too" % (where, sorted(set(found) - fields)))
    if positions:
        for attribute in expected._attributes:
            one, other = getattr(expected, attribute), found.get(attribute)
            if one != other:
                raise Different("%s.%s: %r, not %r" % (where, attribute, one, other))
    elif set(expected._attributes) - set(found):
        raise Different("%s: has no positions" % where)
    inside = positions and not (OLD_FSTRINGS and isinstance(expected, ast.JoinedStr))
    for field in expected._fields:
        value = getattr(expected, field, None)
        if field == "type_comment" and field not in found:
            continue
        if field not in found:
            raise Different("%s: lacks %s" % (where, field))
        if isinstance(expected, ast.Constant) and field == "value":
            compare_constant(value, found[field], where)
        else:
            compare(value, found[field], where + "." + field, inside)


def compare(expected, found, path, positions):
    if expected is ANYTHING:
        return
    if isinstance(expected, ast.AST):
        compare_node(expected, found, path, positions)
    elif isinstance(expected, list):
        compare_list(expected, found, path, positions)
    elif type(expected) is not type(found) or expected != found:
        raise Different("%s: %.200r, not %.200r" % (path, expected, found))


COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
UTF8 = re.compile(r"utf-?8|utf-8-.*|(us[-.])?ascii|u8|utf|utf8[-.]ucs[24]|cp65001")


def foreign_cookie(data):
    """Whether a cookie names an encoding other than UTF-8 or ASCII, or ASCII by a stranger name."""
    for line in data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:2]:
        match = COOKIE.match(line)
        if match:
            name = re.sub("[-_]+", "-", match.group(1).decode("ascii", "replace").lower()).strip("-")
            return not UTF8.fullmatch(name)
        if not re.match(rb"^[ \t\f]*(?:#.*)?$", line):
            break
    return False


def oracle_parse(data):
    """(tree, None) or (None, why not); (None, None) where CPython itself gave up."""
    try:
        return ast.parse(data), None
    except (MemoryError, RecursionError):
        return None, None
    except (SyntaxError, ValueError, OverflowError, UnicodeError) as error:
        if is_micro_fault(error):
            return None, None
        return None, "%s: %s" % (type(error).__name__, error)


class Comparison:
    def __init__(self, pysbx):
        self.pysbx = pysbx
        self.target = "3.%d" % sys.version_info[1]
        self.counts = dict.fromkeys(
            ("files", "identical", "refused_alike", "different", "accepted_only_by_pysbx",
             "refused_only_by_pysbx", "foreign_encoding", "skipped"), 0)
        self.shown = 0

    def tell(self, kind, name, text):
        self.counts[kind] += 1
        if self.shown < SHOWN:
            self.shown += 1
            print("# %s: %s: %s" % (kind, name, text))

    def one(self, name, data, line):
        self.counts["files"] += 1
        found = json.loads(line)
        if foreign_cookie(data):
            self.counts["foreign_encoding"] += 1
            if found["ok"]:
                self.tell("accepted_only_by_pysbx", name, "foreign encoding")
            return
        tree, why = oracle_parse(data)
        if tree is None and (why is None or (found["ok"] and has_doubtful_escapes(data))):
            self.counts["skipped"] += 1
        elif tree is None and found["ok"]:
            self.tell("accepted_only_by_pysbx", name, why)
        elif tree is None:
            self.counts["refused_alike"] += 1
        elif not found["ok"] and is_micro_laxity(found["error"]["message"]):
            self.counts["skipped"] += 1
        elif not found["ok"]:
            self.tell("refused_only_by_pysbx", name, found["error"])
        else:
            try:
                compare(tree, found["ast"], "", True)
                self.counts["identical"] += 1
            except Different as difference:
                if has_doubtful_escapes(data):
                    self.counts["skipped"] += 1
                else:
                    self.tell("different", name, difference)
            except RecursionError:
                self.counts["skipped"] += 1

    def run(self, names):
        for start in range(0, len(names), BATCH):
            batch = names[start:start + BATCH]
            command = [self.pysbx, "ast", "--json", "--target-version", self.target, "--"]
            process = subprocess.Popen(command + batch, stdout=subprocess.PIPE)
            for name in batch:
                with open(name, "rb") as file:
                    data = file.read()
                line = process.stdout.readline()
                if not line:
                    self.tell("different", name, "pysbx ended: status %s" % process.wait())
                    break
                self.one(name, data, line)
            process.stdout.close()
            process.wait()


TOKEN = re.compile(r"""\s+|[A-Za-z_]\w*|\d[\w.]*|'''|\"\"\"|'|"|\*\*=?|//=?|>>=?|<<=?|->|:=|[-+*/%&|^=<>!@]=|\.\.\.|.""")

POOL = """False None True and as assert async await break class continue def del elif else except
finally for from global if import in is lambda nonlocal not or pass raise return try while with yield
match case type _ x y print exec f a.b f() a[0] a[1:2] (a,b) [a] {a} {a:b} {**a} *a **a x:=1 (x:=1)
0 1 1.5 2j 0x1f 1_0 'a' b'a' f'{x}' f'{x!r:>{y}}' u'a' rb'a' \"\"\" ''' ' " ( ) [ ] { } , : ; . ... = == !=
< > <= >= <> -> := + - * / // % @ & | ^ ~ << >> ** += -= *= /= //= %= @= &= |= ^= <<= >>= **= ! $ ?
\\ # __debug__ lambda:0 lambda*a,b=1:0 yield(x) (yield) await(x) not(x) -1 f'{x=}' f'{{' 1if(x)else(2)""".split() + [
    "\n", "\n    ", "\n        ", " ", "\t", "\\\n", "\n\n", " for x in y", " if x", " if x else y", " as x",
    " async for x in y", "*, ", "/, ", "**k", ", ", "=1", ": int", " -> int", "[T]", "[*T, **P]", "except* x:",
]


LETTERS = "'\"\\{}[]()!:=#\n\r\t\f \u00e9\u20ac\u00a0\ufb01\U0001d41ffbrutFBRUNxe0_jJ.,@*-<>;"


def mutate_letters(rng, text):
    letters = list(text)
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        at = rng.randrange(len(letters) + 1)
        kind = rng.randrange(3)
        if kind == 0:
            letters.insert(at, rng.choice(LETTERS))
        elif kind == 1:
            del letters[at:at + 1]
        else:
            letters[at:at + 1] = rng.choice(LETTERS)
    return "".join(letters)


def mutate(rng, text):
    """One to three tokens damaged; of every four programs one in single letters."""
    if rng.randrange(4) == 0:
        return mutate_letters(rng, text)
    pieces = TOKEN.findall(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not pieces:
            break
        at = rng.randrange(len(pieces))
        kind = rng.randrange(7)
        if kind == 0:
            del pieces[at]
        elif kind == 1:
            pieces.insert(at, rng.choice(POOL))
        elif kind == 2:
            pieces[at] = rng.choice(POOL)
        elif kind == 3:
            other = rng.randrange(len(pieces))
            pieces[at], pieces[other] = pieces[other], pieces[at]
        elif kind == 4:
            pieces.insert(at, pieces[rng.randrange(len(pieces))])
        elif kind == 5:
            end = min(len(pieces), at + rng.randrange(1, 6))
            del pieces[at:end]
        else:
            end = min(len(pieces), at + rng.randrange(1, 8))
            pieces[at:at] = pieces[at:end]
    return "".join(pieces)


# Files of the standard library that are rich in syntax; absent ones are passed over.
RICH = """test_grammar test_syntax test_fstring test_patma test_generators test_genexps test_with
test_unpack_ex test_named_expressions test_positional_only_arg test_keywordonlyarg test_decorators
test_exceptions test_except_star test_type_params test_type_aliases test_coroutines test_augassign
test_dictcomps test_setcomps test_listcomps test_ast test_unparse test_string_literals test_lambda
test_extcall test_unpack test_slice test_type_comments test_annotations test_tstring test_compile
test_global test_scope test_tokenize test_eof test_dataclasses test_typing test_contextlib""".split()


def statements(folder):
    """Pieces of programs to damage: top-level statements of the rich files."""
    found = []
    names = []
    for base, _, files in os.walk(os.path.join(folder, "test")):
        names += [os.path.join(base, name) for name in files if name[:-3] in RICH and name.endswith(".py")]
    for name in sorted(names):
        with open(name, "rb") as file:
            data = file.read()
        try:
            text = data.decode("utf-8").replace("\r\n", "\n")
            tree = ast.parse(text)
        except (SyntaxError, ValueError, MemoryError):
            continue
        lines = text.split("\n")
        for node in ast.walk(tree):
            if not isinstance(node, ast.stmt) or node.end_lineno - node.lineno > 12:
                continue
            piece = lines[node.lineno - 1:node.end_lineno]
            indent = len(piece[0]) - len(piece[0].lstrip())
            found.append("\n".join(line[indent:] for line in piece) + "\n")
            # Programs within strings are the richest of all.
            for inner in ast.walk(node) if isinstance(node, (ast.Expr, ast.Assign)) else ():
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and 2 < len(inner.value) < 600:
                    found.append(inner.value)
                    found += re.findall(r"^\s*>>> (.*)$", inner.value, re.M)
    return found


def run_mutants(comparison, count, seed):
    rng = random.Random(seed)
    cases = list(read_cases(CASES))
    # Distributions leave the "test" package out; then the cases alone are mutated.
    pieces = statements(os.environ.get("PYSBX_DIFF_LIBRARY", os.path.dirname(os.__file__))) or cases
    with tempfile.TemporaryDirectory() as folder:
        while count > 0:
            names = []
            for number in range(min(count, 1000)):
                name = os.path.join(folder, "m%d.py" % number)
                text = rng.choice(pieces if number % 3 else cases)
                text = mutate(rng, text)
                with open(name, "wb") as file:
                    file.write(text.encode("utf-8", "surrogatepass"))
                names.append(name)
            keep = Keeping(comparison)
            keep.run(names)
            count -= len(names)


class Keeping(Comparison):
    """Tells the program itself where it differs, for its file is soon gone."""

    def __init__(self, other):
        self.__dict__ = other.__dict__

    def tell(self, kind, name, text):
        with open(name, "rb") as file:
            data = file.read()
        super().tell(kind, repr(data), text)


CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.txt")
ESCAPES = {"n": "\n", "a": "\a", "t": "\t", "r": "\r", "f": "\f", "\\": "\\"}


def read_cases(path):
    """Programs of a file such as cases.txt."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("# "):
                yield re.sub(r"\\(.)", lambda match: ESCAPES[match.group(1)], line[:-1]) + "\n"


def run_programs(comparison, programs):
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, program in enumerate(programs):
            names.append(os.path.join(folder, "c%d.py" % number))
            with open(names[-1], "wb") as file:
                file.write(program.encode("utf-8"))
        Keeping(comparison).run(names)


def read_grid(path, step):
    """Every context with every filler for its marks; only one in `step` of them all."""
    rows = [row[:-1] for row in read_cases(path)]
    middle = rows.index("[fillers]")
    number = 0
    for context in rows[rows.index("[contexts]") + 1:middle]:
        for filler in rows[middle + 1:]:
            number += 1
            if number % step == 0:
                yield context.replace("@", filler).replace("\a", "@") + "\n"


def main():
    warnings.simplefilter("ignore")
    pysbx, mode = sys.argv[1:3]
    comparison = Comparison(pysbx)
    if mode == "files":
        comparison.run(sys.argv[3:])
    elif mode == "list":
        comparison.run(sys.stdin.read().split("\0"))
    elif mode == "cases":
        run_programs(comparison, read_cases(sys.argv[3]))
    elif mode == "grid":
        run_programs(comparison, read_grid(sys.argv[3], int(sys.argv[4])))
    else:
        run_mutants(comparison, int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(comparison.counts))


if __name__ == "__main__" and sys.platform == "emscripten":
    main()  # neither threads nor a stack of one's choice
elif __name__ == "__main__":
    sys.setrecursionlimit(200000)
    threading.stack_size(512 << 20)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
