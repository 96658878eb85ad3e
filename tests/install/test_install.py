"""`make install DESTDIR=...`: what it puts where, that it runs from there, what it links, and that
uninstall leaves nothing. Prints TAP. By hand: python3 tests/install/test_install.py
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

ALLOWED_LIBRARIES = re.compile(r"^(libc|libseccomp|libcap|libm|ld-linux[\w-]*)\.so\.\d+$")
CONFIG = (tap.BUILD / "config.h").read_text() if (tap.BUILD / "config.h").exists() else ""
SANITIZED = "#define PYSBX_SANITIZED 1" in CONFIG
STATIC = "#define PYSBX_STATIC 1" in CONFIG

stage = None


def make(*args):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return tap.command("make", "-C", tap.BUILD, *args, env=environment, check=0, timeout=300)


def installed():
    return sorted(p.relative_to(stage).as_posix() for p in stage.rglob("*") if not p.is_dir())


def install_puts_files_under_destdir():
    """make install DESTDIR puts the program and its manual under DESTDIR"""
    make("install", f"DESTDIR={stage}")
    files = installed()
    assert any(f.endswith("/bin/pysbx") for f in files), files
    pages = {Path(f).name for f in files if "/man/man" in f}
    wanted = {p.name for p in (tap.TOP / "man").glob("*.[1-9]")}
    assert pages == wanted, f"installed {sorted(pages)}, in the tree {sorted(wanted)}"


def program():
    return next(stage.rglob("bin/pysbx"))


def installed_program_runs():
    """the installed program runs a program in the sandbox"""
    done = tap.command(program(), "run", "-c", "print(6 * 7)")
    if done.returncode == 125 and "isolation" in done.stderr:
        raise tap.Skip("no isolation on this host: " + done.stderr.strip().splitlines()[0])
    assert (done.returncode, done.stdout) == (0, "42\n"), (done.returncode, done.stdout, done.stderr)


def installed_program_has_no_privilege():
    """no set-user-id bit, no file capability, not writable by others"""
    mode = program().stat().st_mode
    assert mode & 0o6022 == 0, oct(mode)
    assert "security.capability" not in os.listxattr(program())


def readelf(*flags, of=None):
    if not shutil.which("readelf"):
        raise tap.Skip("readelf is not installed")
    return tap.command("readelf", "-W", *flags, of or program(), check=0).stdout


def links_three_libraries():
    """links libc, libseccomp and libcap only"""
    if SANITIZED:
        raise tap.Skip("the sanitizers link libraries of their own")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d"))
    if STATIC:
        assert needed == [], needed
    else:
        assert needed and all(ALLOWED_LIBRARIES.match(n) for n in needed), needed
        assert {n.split(".")[0] for n in needed} >= {"libc", "libseccomp", "libcap"}, needed


def gateway():
    """The MCP server's own program."""
    found = list(stage.rglob("libexec/pysbx/pysbx-mcp"))
    if not found:
        assert "WITH_GATEWAY_TRUE = #" in (tap.BUILD / "Makefile").read_text(), installed()
        raise tap.Skip("configured without the gateway")
    return found[0]


def gateway_links_its_own():
    """the MCP server's program links jansson and libmicrohttpd, and nothing that runs programs"""
    if SANITIZED:
        raise tap.Skip("the sanitizers link libraries of their own")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d", of=gateway()))
    assert {n.split(".")[0] for n in needed} <= {"libc", "libm", "libjansson", "libmicrohttpd", "ld-linux-x86-64"}, needed
    assert gateway().stat().st_mode & 0o6022 == 0
    is_hardened(gateway())


def is_hardened(program=None):
    """position independent, relocations read-only and bound at start, no executable stack"""
    if SANITIZED or "-fPIE" not in (tap.BUILD / "Makefile").read_text():
        raise tap.Skip("a build without hardening")
    assert re.search(r"Type:\s+DYN", readelf("-h", of=program)), "not position independent"
    segments = readelf("-l", of=program)
    assert "GNU_RELRO" in segments
    stack = re.search(r"GNU_STACK.*?(R\w*)\s+0x", segments)
    assert stack and "E" not in stack.group(1), "executable stack"
    assert not re.search(r"LOAD.*RWE", segments), "a segment both writable and executable"
    if not STATIC:
        assert re.search(r"BIND_NOW|FLAGS_1.*NOW", readelf("-d", of=program)), "lazy binding"
        assert "(TEXTREL)" not in readelf("-d", of=program)


def uninstall_leaves_nothing():
    """make uninstall removes every file again"""
    make("uninstall", f"DESTDIR={stage}")
    assert installed() == [], installed()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pysbx-install-") as folder:
        os.chmod(folder, 0o755)
        stage = Path(folder)
        status = tap.run([
            install_puts_files_under_destdir, installed_program_runs,
            installed_program_has_no_privilege, links_three_libraries, is_hardened, gateway_links_its_own,
            uninstall_leaves_nothing])
    sys.exit(status)
