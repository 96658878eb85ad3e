#!/usr/bin/env python3
"""pysbx rootfs make: a root with just one interpreter, and programs that run from it. Prints TAP."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from pythons import interpreters
from sandbox import callers, main

# What needs shared objects of others, where this interpreter has it at all.
MODULES = ("ssl", "sqlite3", "ctypes", "lzma", "bz2", "zlib", "decimal", "hashlib", "readline", "curses", "dbm", "uuid", "zoneinfo",
           "multiprocessing", "asyncio", "json", "re", "unittest", "email", "xml.dom.minidom")
IMPORTS = f"""
import importlib
value = {{}}
for name in {MODULES!r}:
    try:
        importlib.import_module(name)
        value[name] = "ok"
    except ImportError as error:
        value[name] = str(error)
"""


def made(program, folder, *words, check=0):
    return tap.command(program, "rootfs", "make", *words, folder, check=check, timeout=120)


def each_interpreter(caller):
    """from each interpreter: the same modules as outside, none of the host's files"""
    tried = []
    for python in ["/usr/bin/python3", *interpreters()]:
        with tempfile.TemporaryDirectory(prefix="pysbx-root-") as place:
            os.chmod(place, 0o755)
            root = Path(place) / "r"
            out = made(tap.PYSBX, root, "--python", python).stdout
            assert "Python 3." in out, out
            inside = caller.value(IMPORTS, "--rootfs", root)
            outside = json.loads(tap.command(python, "-I", "-c", IMPORTS + "import json; print(json.dumps(value))", check=0).stdout)
            assert {n for n in inside if inside[n] == "ok"} == {n for n in outside if outside[n] == "ok"}, (python, inside, outside)
            mounts = caller.output("print(open('/proc/self/mountinfo').read())", "--rootfs", root)
            from_host = [line.split()[3] for line in mounts.strip().splitlines()
                         if line.split()[4].startswith(("/usr", "/lib", "/opt", "/etc"))]
            # As the file system has it that the root lies in, which need not be the one at /.
            assert from_host and all(f"/{root.parent.name}/r/" in path for path in from_host), from_host
            tried.append(python)
    print(f"# {len(tried)} interpreters")


def no_page_is_shared(caller):
    """libc, the interpreter and the library inside are other files than the host's"""
    look = ("import os, sys\nmaps = {line.split()[-1] for line in open('/proc/self/maps') if '/' in line}\n"
            "value = {path: os.stat(path).st_ino for path in maps if os.path.exists(path)}")
    with tempfile.TemporaryDirectory(prefix="pysbx-root-") as place:
        os.chmod(place, 0o755)
        root = Path(place) / "r"
        made(tap.PYSBX, root, "--python", "/usr/bin/python3")
        files = {entry.stat().st_ino for entry in root.rglob("*") if entry.is_file()}
        inodes = caller.value(look, "--rootfs", root)
        assert any("libc.so" in path for path in inodes) and any("python3" in path for path in inodes), inodes
        assert set(inodes.values()) <= files, inodes
        plain = caller.value(look, "--python", "/usr/bin/python3")
        assert not set(plain.values()) & files, plain


def compiled_modules_are_used(caller):
    """files keep their times, so that what was compiled is not compiled again"""
    with tempfile.TemporaryDirectory(prefix="pysbx-root-") as place:
        os.chmod(place, 0o755)
        root = Path(place) / "r"
        made(tap.PYSBX, root, "--python", "/usr/bin/python3")
        value = caller.value("import json.decoder, os\nvalue = [json.decoder.__cached__, os.path.exists(json.decoder.__cached__), "
                             "int(os.stat(json.decoder.__file__).st_mtime)]", "--rootfs", root)
        host = Path("/usr/lib") / os.path.basename(os.path.realpath("/usr/bin/python3")) / "json/decoder.py"
        assert value[2] == int(host.stat().st_mtime), value
        assert value[1] == Path(str(host.parent / "__pycache__" / Path(value[0]).name)).exists(), value


def bad_places(caller):
    """a directory that is not empty, a file, no place, no interpreter, bad usage: said, and nothing is lost"""
    with tempfile.TemporaryDirectory(prefix="pysbx-root-") as place:
        top = Path(place)
        (top / "full").mkdir()
        (top / "full/kept").write_text("kept")
        (top / "file").write_text("")
        for words, status, part in ((["make", top / "full"], 1, "is not empty"), (["make", top / "file"], 1, "file"),
                                    (["make", top / "no/where"], 1, "No such file"), (["make", ""], 1, "name is empty"),
                                    (["make", "--python", "/nonexistent", top / "new"], 1, "/nonexistent"), (["make"], 2, "no directory"),
                                    ([], 2, "'make' and a directory"), (["make", "--jso", top / "new"], 2, "--jso"),
                                    (["make", top / "new", "more"], 2, "more"), (["mak", top / "new"], 2, "mak")):
            done = tap.command(tap.PYSBX, "rootfs", *words)
            assert done.returncode == status and part in done.stderr, (words, done)
        assert (top / "full/kept").read_text() == "kept" and not (top / "new").exists()
        (top / "empty").mkdir()
        made(tap.PYSBX, top / "empty")


def full_disk(caller):
    """a disk that is full is an error, not half a root taken for a whole one"""
    script = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" rootfs make "$1/r"'
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, "sh", place, str(tap.PYSBX)], capture_output=True, text=True,
                              check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        raise tap.Skip("no small file system to be had: " + done.stderr.strip())
    assert done.returncode == 1 and "No space left" in done.stderr, done


def plain_user_makes_one(caller):
    """a plain user makes one of their own"""
    if caller.uid is None:
        raise tap.Skip("that is the other caller's test")
    with tempfile.TemporaryDirectory() as place:
        os.chown(place, caller.uid, caller.uid)
        status, out, err = caller.call("rootfs", "make", "--python", "/usr/bin/python3", f"{place}/r")
        assert status == 0, (out, err)
        assert caller.output("print(6 * 7)", "--rootfs", f"{place}/r") == "42\n"


TESTS = [each_interpreter, no_page_is_shared, compiled_modules_are_used, bad_places, full_disk, plain_user_makes_one]

if __name__ == "__main__":
    sys.exit(main(TESTS))
