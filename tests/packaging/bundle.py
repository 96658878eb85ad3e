"""What the tests of the static bundle share: building one, unpacking it, reading what it says of itself."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

LEAST = 3 << 20  # a bundle is to be smaller


def environment(**more):
    """The caller's, without what a make or a test above would hand down."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("MAKE", "MFLAGS", "PYSBX", "SOURCE_DATE_EPOCH"))}
    return {**kept, **more}


def build(top, place, *options, **more):
    """Runs packaging/build-static of the source in top; the archive."""
    if not (Path(top) / "configure").exists():
        raise tap.Skip("no configure here: run autoreconf -fi")
    done = tap.command(Path(top) / "packaging/build-static", *options, place, env=environment(**more), timeout=600)
    if done.returncode != 0:
        if "--enable-static needs" in done.stderr:
            raise tap.Skip("the static libraries are not installed")
        raise AssertionError(f"build-static: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return Path(done.stdout.strip().splitlines()[-1])


def copy_of_source(place):
    """The source alone, elsewhere: no git, nothing built."""
    def left_out(folder, names):
        return [n for n in names if n in (".git", "autom4te.cache", "__pycache__") or
                Path(folder) == tap.TOP and (n.startswith("build") and n != "build-aux" or n.startswith("pysbx-"))]
    return Path(shutil.copytree(tap.TOP, place, symlinks=True, ignore=left_out))


def unpack(archive, place):
    """Its one folder."""
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(place)
    (top,) = Path(place).iterdir()
    return top


def files(top):
    """{path: (mode, size, content or where a link leads)} of everything below a folder."""
    found = {}
    for path in sorted(Path(top).rglob("*")):
        state = path.lstat()
        what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[path.relative_to(top).as_posix()] = (oct(state.st_mode), state.st_size if path.is_file() else 0, what)
    return found


# $1: the root. The program after it is started there, with the root's own commands; /old is where the host was.
ENTER = """
set -e
cd "$1"
shift
mount --bind . .
cd "$PWD"
mkdir -p dev proc sys tmp old
mount --rbind /dev dev
mount --rbind /proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=1777 tmpfs tmp
pivot_root . old
exec /bin/busybox sh -c 'cd / && umount -l /old && exec "$@"' sh "$@"
"""
# As this user, by the only means that such a root has.
AS_USER = ["python3", "-c", "import os, sys\nos.setgroups([])\nos.setgid(12345)\nos.setuid(12345)\nos.execvp(sys.argv[1], sys.argv[1:])"]


def inside(root, *argv, user=False, env=None, timeout=120):
    """Runs a command in a root of its own (pivot_root, for in a chroot no user namespace can be made)."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", **(env or {})}
    words = [f"{k}={v}" for k, v in environ.items()]
    return subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", str(root),
                           "/bin/busybox", "env", "-i", *words, *(AS_USER if user else []), *map(str, argv)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, check=False)


def minimal_root(root):
    """A root with busybox and python3, and nothing else."""
    if os.geteuid() != 0:
        raise tap.Skip("a root of its own needs root")
    busybox = shutil.which("busybox", path="/usr/bin:/bin")
    if not busybox:
        raise tap.Skip("busybox is not installed")
    if b"/ld-linux" in Path(busybox).read_bytes():
        raise tap.Skip("busybox is not a static one")
    tap.command(tap.PYSBX, "rootfs", "make", "--python", "/usr/bin/python3", root, check=0, timeout=120)
    shutil.copy2(busybox, root / "bin/busybox")
    for applet in tap.command(busybox, "--list", check=0).stdout.split():
        if not os.path.lexists(root / "bin" / applet):
            (root / "bin" / applet).symlink_to("busybox")
    for folder in ("dev", "proc", "sys", "tmp", "old", "usr/local", "root"):
        (root / folder).mkdir(exist_ok=True)
    root.chmod(0o755)
