#!/usr/bin/env python3
"""What a hostile program can leave in /tmp/out, and what comes of it in the JSON and below --fetch-dir. Prints TAP.

Links, pipes and sockets are in test_surroundings.py; by the time that files are fetched no process of the run is left to change them.
"""

import base64
import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from sandbox import main

MIB = 1 << 20
OUT = "import os\nos.makedirs('/tmp/out', exist_ok=True)\nos.chdir('/tmp/out')\n"
NAMES = ["plain", "with\nnewline", "\x1b[31mred\x07", "\u202egpj.exe", "...", "..x", "-rf", "n" * 255, "\u540d", " ", "'\"$`\\*?[", ".pysbx-1-0"]
UNSAFE = {"with\nnewline", "\x1b[31mred\x07", "\u202egpj.exe"}


@contextmanager
def folder():
    """A directory that every caller can write in."""
    with tempfile.TemporaryDirectory(prefix="pysbx-test-") as made:
        os.chmod(made, 0o777)
        yield Path(made)


def fetched(caller, code, *options):
    _, result = caller.run(OUT + code, "--tmpfs-size", "256M", "-m", "512M", "-t", "60s", *options)
    assert result["status"] in ("ok", "nonzero"), result
    return {file["name"]: base64.b64decode(file["content_base64"]) for file in result["files"]}, result.get("files_skipped", 0)


def names_of_every_kind(caller):
    """names that are odd are told as they are in the JSON; below --fetch-dir what could fool a reader is an error, the rest is written"""
    code = f"for name in {NAMES!r} + [b'\\xff\\xfe']: open(name, 'w').write('content')\n"
    found, skipped = fetched(caller, code, "--fetch", "*")
    assert skipped == 0 and len(found) == len(NAMES) + 1 and set(NAMES) < set(found), found
    assert set(found.values()) == {b"content"}
    with folder() as to:
        status, out, err = caller.call("run", "--guard", "off", "--fetch", "*", "--fetch-dir", to, "-c", OUT + code)
        assert status == 125 and out == b"" and err.count(b"is not safe") == len(UNSAFE) + 1, (status, err)
        assert not any(byte in err for byte in b"\x1b\x07\xff") and "\u202e".encode() not in err, err
        assert {path.name for path in to.iterdir()} == set(NAMES) - UNSAFE, list(to.iterdir())


def no_directory(caller):
    """/tmp/out that is no directory is not looked into, whatever it is, and that is told"""
    for code in ("os.symlink('/', 'out')", "os.symlink('/sandbox', 'out')", "os.symlink('/proc/self/root/etc', 'out')", "os.symlink('out', 'out')",
                 "open('out', 'w').write('x')", "os.mkfifo('out')", "import socket; socket.socket(socket.AF_UNIX).bind('out')"):
        assert fetched(caller, "os.chdir('..'); os.rmdir('out')\n" + code, "--fetch", "*", "--fetch", "*/*") == ({}, 1), code
    assert fetched(caller, "os.chdir('..'); os.rmdir('out')", "--fetch", "*") == ({}, 0)


def too_much(caller):
    """of many files and of large ones, sparse or not, no more comes than the caps allow; what was left out is counted"""
    found, skipped = fetched(caller, "for n in range(60000): os.mknod(str(n))\n", "--fetch", "*")
    assert 0 < len(found) <= 64 and skipped > 0, (len(found), skipped)
    found, skipped = fetched(caller, """
for name, size in (("a", 40 << 20), ("b", 40 << 20), ("c", 1 << 10)):
    os.truncate(os.open(name, os.O_CREAT | os.O_WRONLY), size)
""", "--fetch", "*", "--fsize", "64M")
    # Which of the two large ones is first is the file system's matter.
    assert "c" in found and len(found) + skipped == 3 and sum(map(len, found.values())) <= 64 * MIB, (found.keys(), skipped)
    assert not any(any(content) for content in found.values())


def deep(caller):
    """below a depth nothing is looked for, and that is told"""
    globs = [word for depth in range(1, 13) for word in ("--fetch", "/".join("*" * depth))]
    found, skipped = fetched(caller, """
for n in range(12):
    open("f", "w").close(); os.mkdir("d"); os.chdir("d")
""", *globs)
    assert sorted(found) == sorted("d/" * n + "f" for n in range(8)) and skipped == 1, (found, skipped)


def modes_stay_inside(caller):
    """modes and owners that the program sets are not carried out; a directory that it has closed keeps nothing from root"""
    with folder() as to:
        status, out, err = caller.call("run", "--guard", "off", "--json", "--fetch", "*", "--fetch", "*/*", "--fetch-dir", to, "-c", OUT + """
open("x", "w").write("1"); os.chmod("x", 0o1777)
open("none", "w").close(); os.chmod("none", 0)
os.mkdir("d"); open("d/y", "w").close(); os.chmod("d", 0)
""", umask=0o27)
        assert status == 0, (status, out, err)
        names = {file["name"] for file in json.loads(out)["files"]}
        assert "x" in names and (not caller.is_root or names == {"x", "none", "d/y"}), names
        for path in to.rglob("*"):
            mode = path.stat().st_mode & 0o7777
            assert mode == (0o750 if path.is_dir() else 0o640) and path.stat().st_uid == (caller.uid or os.geteuid()), (path, oct(mode))


TESTS = [names_of_every_kind, no_directory, too_much, deep, modes_stay_inside]

if __name__ == "__main__":
    sys.exit(main(TESTS))
