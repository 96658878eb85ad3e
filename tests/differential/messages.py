"""Compares messages with those of the Python that runs this file. Started by test_messages.py:

    python3.13 messages.py PYSBX [FILE]

The programs are the examples in CPython's own test_syntax.py, its doctests and what it gives to
_check_error(), read from FILE or from the interpreter's test package. What ast.parse() refuses and
what only compile() refuses is counted apart, as "parse" and "compile". Prints one JSON object;
"shown" holds examples.
"""
import ast
import doctest
import json
import os
import subprocess
import sys
import tempfile
import warnings

SHOWN = int(os.environ.get("PYSBX_DIFF_SHOW", "20"))


def examples(path):
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    parser = doctest.DocTestParser()
    for node in [tree] + [n for n in ast.walk(tree) if isinstance(n, (ast.ClassDef, ast.FunctionDef))]:
        text = ast.get_docstring(node, clean=False)
        for example in parser.get_examples(text) if text else ():
            yield example.source
    for node in ast.walk(tree):  # self._check_error("program", ...)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "_check_error" and node.args:
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                yield node.args[0].value


def refusal(call, *arguments):
    """None: accepted; else (line, column from 0, message)."""
    try:
        call(*arguments)
        return None
    except SyntaxError as error:
        return error.lineno or 0, (error.offset or 0) - 1, error.msg
    except ValueError as error:
        return 0, 0, str(error)
    except SystemError:  # 3.8 and 3.9 may die of "__debug__"
        return None


def compile_program(source):
    compile(source, "<program>", "exec", dont_inherit=True)


def pysbx_answers(pysbx, programs):
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, program in enumerate(programs):
            names.append(os.path.join(folder, "m%04d.py" % number))
            with open(names[-1], "wb") as file:
                file.write(program)
        target = "3.%d" % sys.version_info[1]
        command = [pysbx, "ast", "--json", "--check", "--target-version", target, "--"] + names
        out = subprocess.run(command, stdout=subprocess.PIPE).stdout
        return [json.loads(line) for line in out.splitlines()]


def column_of(program, line, column):
    """pysbx counts bytes, SyntaxError.offset characters."""
    text = program.split(b"\n")[line - 1] if 0 < line <= program.count(b"\n") + 1 else b""
    return len(text[:column].decode("utf-8", "replace"))


class Comparison:
    def __init__(self):
        self.shown = []
        self.counts = {kind: dict.fromkeys(("programs", "verdict", "refused", "line", "column", "message"), 0)
                       for kind in ("parse", "compile")}

    def one(self, kind, program, wanted, error):
        """wanted: refusal(); error: what pysbx says, None if it accepts."""
        counts = self.counts[kind]
        counts["programs"] += 1
        counts["verdict"] += (error is None) == (wanted is None)
        if wanted is None or error is None:
            if (error is None) != (wanted is None):
                self.shown.insert(0, "%s: verdict: %r: %s" % (kind, program, wanted or error))
            return
        column = column_of(program, error["line"], error["column"])
        # Some errors of the compilers of 3.8 and 3.9 have no place.
        same_line = error["line"] == wanted[0] or (kind == "compile" and not wanted[0])
        same_text = error["message"] == wanted[2]
        same_column = same_line and column == wanted[1]
        counts["refused"] += 1
        counts["line"] += same_line
        counts["column"] += same_column
        counts["message"] += same_text
        if not (same_text and same_column):
            self.shown.insert(0 if not same_line else len(self.shown), "%s: %r: %s, not %d:%d %s" % (
                kind, program, wanted, error["line"], column, error["message"]))


def main():
    warnings.simplefilter("ignore")
    path = sys.argv[2] if len(sys.argv) > 2 else os.path.join(
        os.path.dirname(os.__file__), "test", "test_syntax.py")
    if not os.path.exists(path):
        print(json.dumps({"missing": path}))
        return
    programs = [source.encode("utf-8") for source in dict.fromkeys(examples(path))]
    comparison = Comparison()
    for program, found in zip(programs, pysbx_answers(sys.argv[1], programs)):
        wanted = refusal(ast.parse, program)
        comparison.one("parse", program, wanted, found.get("error"))
        if wanted is None and found["ok"]:
            comparison.one("compile", program, refusal(compile_program, program),
                           found.get("compile_errors", [None])[0])
    print(json.dumps({"counts": comparison.counts, "shown": comparison.shown[:SHOWN]}))


if __name__ == "__main__":
    main()
