"""What pysbx run takes in and hands out: input, files, roots, environment. Prints TAP."""

import base64
import json
import os
import resource
import subprocess

from cli import holds, main, needs_isolation, run, same, scratch, test, usage_error


# --- files, input, environment

@test("standard input: empty, a file, a pipe")
def _():
    needs_isolation()
    code = "from argparse import _sys; print(repr(_sys.stdin.read()))"
    same(run("-c", code, stdin=b"not for you").text, "''\n")
    same(run("-i", "-", "-c", code, stdin=b"for you").text, "'for you'\n")
    with scratch() as top:
        (top / "in").write_text("from a file")
        same(run("--stdin", top / "in", "-c", code).text, "'from a file'\n")
        for name, status, part in (("none", 127, "No such file"), (".", 125, "is a directory")):
            result = run("--stdin", top / name, "-c", code)
            same(result.status, status, result)
            holds(result.err, "--stdin", part)
    usage_error(["-", "--stdin", "-"], "both come from standard input")


@test("--file shows a file by its name, read-only")
def _():
    needs_isolation()
    with scratch() as top:
        (top / "data.csv").write_text("a,b\n1,2\n")
        (top / "helper.py").write_text("def twice(x): return 2 * x\n")
        code = ("import pathlib, helper\n"
                "print(pathlib.Path('in/data.csv').read_text(), helper.twice(21))\n"
                "try: pathlib.Path('in/data.csv').write_text('x')\n"
                "except OSError as e: print('refused', e.errno)")
        result = run("--file", f"in/data.csv={top}/data.csv", "--file",
                     f"helper.py={top}/helper.py", "-c", code)
        same(result.status, 0, result)
        holds(result.text, "a,b\n1,2\n 42\nrefused 30")
        result = run("--file", f"x={top}/none", "-c", "1")
        same(result.status in (125, 127), True, result)
        holds(result.err, "none")


@test("--file: a thousand files of any name, 64M together, and not one more")
def _():
    needs_isolation()
    with scratch() as top:
        (top / "x").write_text("x")
        names = [f"{'d/' * (n % 40)}\u540d {n}\n'$" for n in range(1024)]
        words = [word for name in names for word in ("--file", f"{name}={top}/x")]
        code = ("import os, pathlib\n"
                "print(sum(len(files) for _, _, files in os.walk('/sandbox')), pathlib.Path('\u540d 0\\n\\'$').read_text())\n"
                # The links to them take nothing of what the program may have.
                "made = 0\n"
                "try:\n"
                "    while True: open(f'/tmp/{made}', 'w').close(); made += 1\n"
                "except OSError as error: print(made, error.errno)")

        def few_open_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        few = run("--guard", "off", "--tmpfs-size", "64K", "-c", code.replace("'\u540d 0\\n\\'$'", "'/etc/hosts'"))
        many = run("--guard", "off", "--tmpfs-size", "64K", *words, "-c", code, preexec_fn=few_open_files)
        same(many.status, 0, many)
        same(many.text.splitlines()[0], "1025 x")
        same(many.text.splitlines()[1], few.text.splitlines()[-1])
        holds(run(*words, "--file", f"more={top}/x", "-c", "1").err, "--file: at most 1024 files")
        with open(top / "big", "wb") as big:
            big.truncate((64 << 20) - 1)
        code = "import os; print(os.stat('big').st_size)"
        same(run("--guard", "off", "--file", f"big={top}/big", "--file", f"x={top}/x", "-c", code).text, f"{(64 << 20) - 1}\n")
        result = run("--file", f"big={top}/big", "--file", f"x={top}/x", "--file", f"y={top}/x", "-c", "1")
        same(result.status, 125, result)
        holds(result.err, f"--file y={top}/x: input files together are larger than 64M")


@test("--fetch brings files back, as base64 and on disk")
def _():
    needs_isolation()
    code = ("import pathlib\nout = pathlib.Path('/tmp/out')\nout.mkdir(exist_ok=True)\n"
            "(out / 'a.txt').write_text('alpha')\n(out / 'b.bin').write_bytes(bytes(range(256)))\n"
            "(out / 'link').symlink_to('/etc/passwd')")
    with scratch() as top:
        (top / "old").write_text("untouched")
        (top / "into").mkdir()
        (top / "into" / "a.txt").symlink_to(top / "old")
        found = run("--json", "--fetch", "*.txt", "--fetch", "*.bin", "--fetch", "link",
                    "--fetch-dir", top / "into", "-c", code).json
        files = {f["name"]: base64.b64decode(f["content_base64"]) for f in found["files"]}
        same(files, {"a.txt": b"alpha", "b.bin": bytes(range(256))}, found)
        same((top / "into" / "a.txt").is_symlink(), False, "a link was followed or left")
        same((top / "into" / "a.txt").read_text(), "alpha")
        same((top / "old").read_text(), "untouched")
        same((top / "into" / "b.bin").read_bytes(), bytes(range(256)))
        same(sorted(p.name for p in (top / "into").iterdir()), ["a.txt", "b.bin"])
        same(run("--fetch", "*", "--fetch-dir", top / "new", "-c", code).status, 0)
        same((top / "new" / "a.txt").read_text(), "alpha")
        (top / "new" / "a.txt").unlink()
        (top / "new" / "a.txt").mkdir()
        result = run("--fetch", "*", "--fetch-dir", top / "new", "-c", code)
        same(result.status, 125, result)
        holds(result.err, "writing the file a.txt")
    found = run("--json", "--fetch", "*", "-c", "1").json
    same((found["files"], "files_skipped" in found), ([], False))
    code = ("import os\nos.makedirs('/tmp/out')\nopen('/tmp/out/b.csv', 'w').close()\nos.link('/tmp/out/b.csv', '/tmp/out/c.csv')\n"
            "os.mkfifo('/tmp/out/f')\nos.symlink('x', '/tmp/out/l')\nopen('/tmp/out/kept', 'w').close()")
    found = run("--guard", "off", "--json", "--fetch", "*", "-c", code).json
    same(([file["name"] for file in found["files"]], found["files_skipped"]), (["kept"], 4))
    with scratch() as top:
        holds(run("--guard", "off", "--fetch", "*", "--fetch-dir", top, "-c", code).err, "4 of what --fetch asks for was left out")


@test("--fetch and --fetch-dir need each other")
def _():
    usage_error(["--fetch", "*", "-c", "1"], "no place for the files", "--fetch-dir")
    usage_error(["--fetch-dir", "/tmp", "-c", "1"], "--fetch-dir without --fetch", "--fetch '*'")
    result = run("--fetch", "*", "--fetch-dir", "/nonexistent/deep", "-c", "1")
    same(result.status, 125, result)
    holds(result.err, "--fetch-dir /nonexistent/deep")


@test("a private root by any of its names; one that is none is told by its name")
def _():
    needs_isolation()
    with scratch() as top:
        if os.geteuid() == 0:
            top.chmod(0o755)
        (top / "file").write_text("")
        (top / "empty").mkdir()
        (top / "link").symlink_to("root")
        (top / "root/usr/bin").mkdir(parents=True)
        (top / "root/usr/bin/python3").symlink_to(os.path.basename(os.path.realpath("/usr/bin/python3")))
        done = subprocess.run(["cp", "-rL", "--parents", os.path.realpath("/usr/bin/python3"), *library_files(), "."],
                              cwd=top / "root", capture_output=True, check=False)
        if done.returncode:
            raise Skip("no copy of the interpreter: " + done.stderr.decode()[-200:])
        for words in (["root"], ["root/"], ["./link"], [top / "root"], [f"{top}/root/."]):
            for guard in ("enforce", "off"):
                result = run("--guard", guard, "--rootfs", *words, "-c", "print(6 * 7)", cwd=top)
                same((result.status, result.text), (0, "42\n"), (words, guard, result))
        for guard in ("enforce", "off"):
            for name, status, *parts in (("nothere", 127, "--rootfs nothere", "No such file"), ("file", 125, "--rootfs file: is not a directory"),
                                         ("/", 125, "--rootfs /: is the host's own root"), ("", 125, "--rootfs: the name is empty"),
                                         ("empty", 127, "no Python interpreter")):
                result = run("--guard", guard, "--rootfs", name, "-c", "1", cwd=top)
                same(result.status, status, (name, guard, result))
                holds(result.err, *parts)


def library_files():
    """Every file that /usr/bin/python3 needs to print a number."""
    real = os.path.realpath("/usr/bin/python3")
    library = f"/usr/lib/{os.path.basename(real)}"
    listed = subprocess.run(["ldd", real], capture_output=True, text=True, check=False).stdout
    loaded = [word for line in listed.splitlines() for word in line.split() if word.startswith("/")]
    own = subprocess.run(["find", library, "-maxdepth", "1", "-name", "*.py"], capture_output=True, text=True, check=False).stdout.split()
    return [*loaded, *own, library + "/encodings", library + "/collections", library + "/importlib"]


@test("a missing interpreter or file is 127, with the guard and without")
def _():
    needs_isolation()
    for guard in ("enforce", "warn", "off"):
        for words in (["--python", "/nonexistent/python3"], ["--python", "nosuchpython"], ["--file", "a=/nonexistent"],
                      ["--stdin", "/nonexistent"]):
            result = run("--guard", guard, *words, "-c", "1")
            same(result.status, 127, (guard, words, result))
        for words, part in ((["--python", "/bin/ls"], "not a Python interpreter"), (["--python", ""], "--python: the name is empty"),
                            (["--stdin", ""], "--stdin: the file name is empty")):
            result = run("--guard", guard, *words, "-c", "1")
            same(result.status, 125, (guard, words, result))
            holds(result.err, part)
    holds(run("").err, "the program's file name is empty")


@test("an input file must not stand where --fetch looks")
def _():
    with scratch() as top:
        (top / "x").write_text("x")
        for name in ("out", "out/x"):
            result = run("--file", f"{name}={top}/x", "--fetch", "*", "--json", "-c", "1")
            same(result.status, 125, result)
            holds(result.json["message"], f"--file {name}", "--fetch")


@test("the environment is what -e says, nothing of the caller's")
def _():
    needs_isolation()
    code = "from argparse import _os; print(_os.environ.get('A'), _os.environ.get('SECRET'))"
    result = run("-e", "A=1=2", "--env", "B=", "-c", code, env={"SECRET": "s"})
    same(result.text, "1=2 None\n", result)
    code = "print(open('/proc/self/environ').read().replace(chr(0), chr(10)))"
    lines = run("--guard", "off", "-e", "A=1", "-e", "PATH=/q", "-e", "A=2", "-c", code).text.split("\n")
    same([line for line in lines if line.startswith(("A=", "PATH="))], ["PATH=/q", "A=2"])


main()
