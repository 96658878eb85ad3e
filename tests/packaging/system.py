"""A fresh system in a folder: Debian's smallest, with what packages of ours depend on, entered as if
it were the machine (tests/packaging/enter).
"""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

ENTER = Path(__file__).resolve().parent / "enter"
PLAIN_USER = ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")
# What installing and removing packages writes about itself.
JOURNALS = ("var/lib/dpkg", "var/log", "var/cache", "tmp")


def needs(*programs, root=False):
    """Skips where a program is not to be had, or the right to use it."""
    for program in programs:
        if not shutil.which(program):
            raise tap.Skip(f"{program} is not installed")
    if root and os.geteuid() != 0:
        raise tap.Skip("only root can make and enter a system of its own")


def environment(**more):
    """Nothing of the make that started us, nothing of the caller's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PYSBX"))}
    return {**kept, **more}


def sources():
    """The lines of sources.list that this machine itself takes its packages of its release from."""
    release = subprocess.run(["sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME"],
                             capture_output=True, text=True, check=False).stdout.strip()
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)"
    listed = tap.command("apt-get", "indextargets", "--format", fields, "Created-By: Packages").stdout
    lines = []
    for row in dict.fromkeys(listed.splitlines()):
        uri, suite, component, *key = row.split(maxsplit=3)
        if release and suite.split("-")[0] == release and component == "main":
            trust = f" [signed-by={key[0]}]" if key and key[0].startswith("/") else ""
            lines.append(f"deb{trust} {uri} {suite} {component}")
    if not lines:
        raise tap.Skip("apt knows no source of this system's packages")
    return release, "\n".join(lines) + "\n"


def make(root, packages):
    """Debian's minbase in a folder, with these packages."""
    release, lines = sources()
    dump = tap.command("apt-config", "dump", "Acquire").stdout.splitlines()
    proxies = [f"--aptopt={line}" for line in dump if "proxy" in line.lower() and '""' not in line]
    done = tap.command("mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(packages)}",
                       *proxies, release, root, "-", input=lines, timeout=420, env=environment())
    if done.returncode != 0 and ("Could not resolve" in done.stderr or "Failed to fetch" in done.stderr):
        raise tap.Skip("no packages to be had for a fresh system: " + done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-3000:]


def run(root, *argv, user=False, check=0, timeout=120, **settings):
    """A command in there, by root or by a plain user."""
    clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
             *(f"{k}={v}" for k, v in settings.items())]
    return tap.command("unshare", "--mount", "--pid", "--fork", "--kill-child", ENTER, root,
                       *(PLAIN_USER if user else ()), *clean, *argv, check=check, timeout=timeout)


def tree():
    """Every file of the source, but what builds leave in folders of their own."""
    return {path for path in tap.TOP.rglob("*")
            if not path.relative_to(tap.TOP).parts[0].startswith(("build", ".git", "autom4te"))
            and "__pycache__" not in path.parts}


def files(root, but=JOURNALS):
    """{path: what it is} of everything but some folders, the journals of installing."""
    found = {}
    for top, folders, names in os.walk(root):
        inside = Path(top).relative_to(root)
        folders[:] = [f for f in folders if (inside / f).as_posix() not in but]
        for name in [*folders, *names]:
            path = Path(top) / name
            info = path.lstat()
            what = [stat.filemode(info.st_mode), info.st_uid, info.st_gid]
            if path.is_symlink():
                what.append(os.readlink(path))
            elif path.is_file():
                what.append(hashlib.sha256(path.read_bytes()).hexdigest())
            found[(inside / name).as_posix()] = what
    return found
