"""configure --enable-static: one file that works alone. Builds for itself, so it is no part of
`make check`; ./quickstart test runs it. By hand: python3 tests/install/test_static.py
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

folder = None
build_log = ""


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PYSBX"))}


def builds():
    """configure --enable-static --enable-werror and make"""
    global build_log
    # A relative source path: configure refuses an absolute one with a space in it.
    build = tap.BUILD / "static"
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir(parents=True)
    tap.command(Path(os.path.relpath(tap.TOP, build)) / "configure", "-q", "--enable-static", "--enable-werror", cwd=build,
                env=environment(), check=0, timeout=300)
    done = tap.command("make", f"-j{os.cpu_count() or 1}", "pysbx", cwd=build, env=environment(),
                       check=0, timeout=900)
    build_log = done.stdout + done.stderr
    (folder / "alone").mkdir()
    shutil.copy2(build / "pysbx", folder / "alone" / "pysbx")
    shutil.rmtree(build)


def needs_no_library():
    """no library, no program interpreter, nothing that loads one later"""
    alone = folder / "alone" / "pysbx"
    assert b"/ld-linux" not in alone.read_bytes()
    done = tap.command("ldd", alone, env={**environment(), "LC_ALL": "C"})
    assert "statically linked" in done.stdout or "not a dynamic" in done.stderr, done
    assert "statically linked applications requires" not in build_log, build_log


def runs_alone():
    """copied alone into an empty folder it screens and runs a program"""
    alone = folder / "alone"
    bare = {"PATH": "/usr/bin:/bin"}
    version = tap.command("./pysbx", "version", cwd=alone, env=bare, check=0).stdout
    assert re.search(r"\d+\.\d+\.\d+", version) and "+static" in version, version
    done = tap.command("./pysbx", "run", "-c", "print(6 * 7)", cwd=alone, env=bare)
    assert (done.returncode, done.stdout) == (0, "42\n"), (done.returncode, done.stdout, done.stderr)
    done = tap.command("./pysbx", "run", "-c", "import os; os.system('id')", cwd=alone, env=bare)
    assert done.returncode == 126, (done.returncode, done.stdout, done.stderr)
    assert [p.name for p in alone.iterdir()] == ["pysbx"], "it left something behind"


def runs_in_an_empty_root():
    """in a root that holds nothing else it still answers"""
    if os.geteuid() != 0:
        raise tap.Skip("chroot needs root")
    chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
    done = tap.command(chroot, folder / "alone", "/pysbx", "check", "-c", "x = 1", env={})
    assert done.returncode == 0, (done.returncode, done.stderr)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pysbx-static-") as name:
        os.chmod(name, 0o755)
        folder = Path(name)
        status = tap.run([builds, needs_no_library, runs_alone, runs_in_an_empty_root])
    sys.exit(status)
