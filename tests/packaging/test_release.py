"""packaging/release, as far as it looks before it leaps: what it refuses, with place and remedy, and what a dry run says.
Prints TAP. By hand: python3 tests/packaging/test_release.py
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bundle
from bundle import tap

folder = None
tree = None


def git(*words):
    env = {**bundle.environment(), "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    return tap.command("git", "-c", "safe.directory=*", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-C", tree,
                       *words, env=env, check=0).stdout


def release(*words):
    # Without what a machine may lack: that is not what these tests are about.
    return tap.command(tree / "packaging/release", "--dry-run", "--without", "deb", "--without", "rpm", "--without", "aarch64", *words,
                       env=bundle.environment())


def refused(part, remedy, *words):
    done = release(*(words or [folder / "out"]))
    assert done.returncode == 1 and done.stdout == "", done
    assert part in done.stderr and "\n  help: " in done.stderr and remedy in done.stderr, done.stderr
    assert not (folder / "out").exists()


def version():
    return re.search(r"AC_INIT\(\[pysbx\],\[(.*)\]\)", (tree / "configure.ac").read_text()).group(1)


def dry_run():
    """of a clean commit it says what it would make, and makes nothing"""
    global tree
    for tool in ("git", "autoreconf", "automake", "msgfmt", "xz"):
        if not shutil.which(tool):
            raise tap.Skip(f"{tool} is not installed")
    source = ["git", "-c", "safe.directory=*", "-C", str(tap.TOP)]
    if subprocess.run([*source, "rev-parse", "HEAD"], capture_output=True, check=False).returncode:
        raise tap.Skip("not a git checkout")
    (folder / "tree").mkdir()
    # What is here now, committed or not.
    names = subprocess.run([*source, "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        if (tap.TOP / name).is_file():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tap.TOP / name, folder / "tree" / name)
    tree = folder / "tree"
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "all")
    done = release(folder / "out")
    assert done.returncode == 0 and done.stderr == "", done
    for part in (f"pysbx {version()} of commit {git('rev-parse', '--short', 'HEAD').strip()}", "make distcheck", "SHA256SUMS", os.uname().machine):
        assert part in done.stdout, done.stdout
    assert not (folder / "out").exists() and git("status", "--porcelain") == ""


def needs_tree():
    if tree is None:
        raise tap.Skip("no tree to release")


def changed(name, old, new, commit=True):
    """A file of the tree with something else in it."""
    path = tree / name
    text = path.read_text()
    assert old in text, (name, old)
    path.write_text(text.replace(old, new, 1))
    if commit:
        git("commit", "-q", "-a", "-m", "changed")


def back():
    git("reset", "-q", "--hard", "first")


def refuses():
    """what is not committed, no news, the version twice, a tag, a full folder, bad usage"""
    needs_tree()
    git("tag", "first")
    here = version()
    changed("README.md", "# pysbx", "# pysbx!", commit=False)
    refused("README.md", "commit it")
    back()
    (tree / "new.c").write_text("")
    refused("new.c", "commit it")
    (tree / "new.c").unlink()
    changed("configure.ac", f"[pysbx],[{here}]", "[pysbx],[98.76.54]")
    refused(f"its first section is '{here}', not '98.76.54'", "## 98.76.54")
    changed("NEWS.md", f"## {here}", f"## 98.76.54\n\nNothing.\n\n## {here}")
    refused("nothing is told of 98.76.54", "one line for each change")
    changed("NEWS.md", "Nothing.", "- Something.")
    assert release(folder / "out").returncode == 0
    changed("cli/cmd_version.c", "/* ", "/* 98.76.54: ")
    refused("cli/cmd_version.c:1:", "take it from there")
    back()
    changed("configure.ac", f"[pysbx],[{here}]", "[pysbx],[soon]")
    refused("'soon' is no version", "X.Y.Z")
    git("tag", f"v{here}")
    back()
    refused(f"v{here} is tagged already", "raise the version")
    git("tag", "-d", f"v{here}")
    git("tag", f"v{here}")
    assert release(folder / "out").returncode == 0, "a tag of this very commit is no reason"
    refused("is not empty", "not there yet", tree)
    refused("'most' is no part", "aarch64", "--without", "most", folder / "out")
    refused("no such option", "--without PART", "--dry", folder / "out")
    done = tap.command(tree / "packaging/release", "--dry-run", env=bundle.environment())
    assert done.returncode == 1 and "no folder to put it in" in done.stderr, done
    shutil.rmtree(tree / ".git")
    refused("not a git checkout", "clone the repository")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        folder = Path(name)
        status = tap.run([dry_run, refuses])
    sys.exit(status)
