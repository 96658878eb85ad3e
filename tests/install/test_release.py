"""The release archive (`make dist` or `make distcheck` first) holds every file that git knows, and
nothing that a build made. Prints TAP. By hand: python3 tests/install/test_release.py
"""

import subprocess
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

# What git has and a release does not, and what autotools add to a release.
NOT_SHIPPED = {".gitignore", ".gitattributes"}
MADE_BY_AUTOTOOLS = {"Makefile.in", "aclocal.m4", "config.h.in", "configure", "configure~"}

names = set()


def archive_can_be_read():
    """there is one archive, under one folder of its own name"""
    archives = list(tap.BUILD.glob("pysbx-*.tar.xz"))
    assert len(archives) == 1, archives
    top = archives[0].name[: -len(".tar.xz")]
    with tarfile.open(archives[0]) as archive:
        for member in archive.getmembers():
            assert member.name == top or member.name.startswith(top + "/"), member.name
            assert not member.issym() and not member.islnk(), member.name
            if member.isfile():
                names.add(member.name[len(top) + 1:])
    assert names


def tracked():
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(tap.TOP), "ls-files", "-z"],
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise tap.Skip("not a git checkout")
    return {n for n in done.stdout.decode().split("\0") if n and (tap.TOP / n).exists()}


def holds_what_git_knows():
    """every file that git knows is in it"""
    absent = tracked() - names - NOT_SHIPPED
    assert not absent, sorted(absent)


def holds_nothing_else():
    """nothing else is in it but what autotools make"""
    files = tracked()
    other = {n for n in names - files - MADE_BY_AUTOTOOLS if not n.startswith("build-aux/")}
    assert not other, sorted(other)


if __name__ == "__main__":
    sys.exit(tap.run([archive_can_be_read, holds_what_git_knows, holds_nothing_else]))
