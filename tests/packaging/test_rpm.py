"""The RPM packages: built from this tree, without rpmlint's objections, their files as they should be;
installed by rpm into an empty folder, and gone without a trace. Prints TAP.

It builds for itself, so it is no part of `make check`; ./quickstart test runs it. By hand:
python3 tests/packaging/test_rpm.py
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import system
import tap

PACKAGES = ("pysbx", "pysbx-gateway", "pysbx-docker")
PACKAGING = tap.TOP / "packaging"
folder = None


def package(name):
    found = [p for p in (folder / "out").glob(f"{name}-[0-9]*.rpm") if not p.name.endswith(".src.rpm")]
    if len(found) != 1:
        raise tap.Skip("the packages were not built")
    return found[0]


def builds():
    """packaging/build-rpm makes three packages and one of the source, and leaves the source tree as it was"""
    system.needs("rpmbuild")
    known = system.tree()
    tap.command(PACKAGING / "build-rpm", folder / "out", "--without", "check", check=0, timeout=600,
                env=system.environment(TMPDIR=os.fspath(folder)))
    assert system.tree() == known, system.tree() ^ known
    made = sorted(re.sub(r"-\d.*", "", p.name) for p in (folder / "out").glob("*.rpm"))
    assert made == sorted([*PACKAGES, "pysbx"]), made


def rpmlint_is_content():
    """rpmlint finds no error and nothing to warn of but what packaging/rpmlint.toml has a reason for"""
    system.needs("rpmlint")
    package("pysbx")
    done = tap.command("rpmlint", "--strict", "-c", PACKAGING / "rpmlint.toml", *(folder / "out").iterdir())
    assert done.returncode == 0 and "0 errors, 0 warnings" in done.stdout, done.stdout + done.stderr
    filters = (PACKAGING / "rpmlint.toml").read_text(encoding="utf-8").split("Filters = [")[1].splitlines()
    for above, line in zip(filters, filters[1:]):
        assert not line.startswith('    "') or above.strip().startswith("#"), f"{line}: no reason"


def query(name, *what):
    return tap.command("rpm", "-qp", *what, package(name), check=0).stdout.splitlines()


def each_file_has_its_package():
    """every manual page and program is in one package, settings are configuration"""
    held = {name: set(query(name, "-l")) for name in PACKAGES}
    for a in PACKAGES:
        for b in PACKAGES:
            shared = held[a] & held[b] - {"/usr/libexec/pysbx"}
            assert a == b or not shared, shared
    pages = [Path(f).name.removesuffix(".gz") for files in held.values() for f in files if "/man/man" in f]
    assert sorted(pages) == sorted(p.name for p in (tap.TOP / "man").glob("*.[1-9]")), pages
    assert "/usr/libexec/pysbx/pysbx-mcp" in held["pysbx-gateway"]
    assert "/usr/libexec/pysbx/pysbx-docker" in held["pysbx-docker"]
    assert not [f for f in held["pysbx"] if "/libexec/" in f]
    for file in ("/usr/bin/pysbx", "/etc/pysbx/conf.d", "/usr/share/bash-completion/completions/pysbx",
                 "/usr/share/zsh/site-functions/_pysbx", "/usr/share/fish/vendor_completions.d/pysbx.fish",
                 "/usr/share/locale/zh_CN/LC_MESSAGES/pysbx.mo", "/usr/share/pysbx/apparmor/pysbx",
                 "/usr/share/pysbx/python/pysbx.py", "/usr/share/pysbx/result.schema.json"):
        assert file in held["pysbx"], file
    assert query("pysbx", "-c") == ["/etc/pysbx/pysbx.conf"]
    others = [f for files in held.values() for f in files if not re.match(r"/(usr/(bin|libexec|share)|etc/pysbx)(/|$)", f)]
    assert not others, others


def each_package_asks_for_its_libraries():
    """pysbx asks for Python and its three libraries, the parts for theirs and for the pysbx of their build"""
    version = query("pysbx", "--qf", "%{VERSION}-%{RELEASE}")[0]
    for name, libraries in (("pysbx", {"libc", "libcap", "libseccomp"}),
                            ("pysbx-gateway", {"libc", "libjansson", "libmicrohttpd"}),
                            ("pysbx-docker", {"libc", "libcurl", "libjansson"})):
        wanted = query(name, "--requires")
        assert {m[1] for w in wanted if (m := re.match(r"(lib\w+)\.so", w))} - {"libm"} == libraries, wanted
        asked = "python3 >= 3.8" if name == "pysbx" else f"= {version}"
        assert any(w.endswith(asked) for w in wanted), wanted
        assert not query(name, "--scripts"), query(name, "--scripts")


def installs_and_erases():
    """rpm installs them, what they brought runs, and erased nothing is left"""
    system.needs("rpm", root=True)
    root = folder / "root"
    root.mkdir()
    rpm = ("rpm", "--root", root, "--dbpath", "/db")
    tap.command(*rpm, "--initdb", check=0)
    before = system.files(root, but=("db",))
    tap.command(*rpm, "-i", "--nodeps", "--nosignature", *map(package, PACKAGES), check=0)
    version = re.search(r"AC_INIT\(\[pysbx\],\[([^]]+)\]", (tap.TOP / "configure.ac").read_text()).group(1)
    assert tap.command(root / "usr/bin/pysbx", "version", check=0).stdout.startswith(f"pysbx {version}\n")
    done = tap.command(root / "usr/bin/pysbx", "run", "-c", "print(6 * 7)")
    assert (done.returncode, done.stdout) == (0, "42\n"), done
    for text in tap.command(*rpm, "-V", "--nodeps", *PACKAGES).stdout.splitlines():
        raise AssertionError(text)
    tap.command(*rpm, "-e", *PACKAGES, check=0)
    # Folders that no package of ours owns (/usr, /etc) are the system's, here empty.
    after = {p: what for p, what in system.files(root, but=("db",)).items() if not what[0].startswith("d")
             or "pysbx" in p}
    assert not set(after) - set(before), sorted(set(after) - set(before))


if __name__ == "__main__":
    tap.BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="packaging-rpm-", dir=tap.BUILD))
    os.chmod(folder, 0o755)
    try:
        status = tap.run([builds, rpmlint_is_content, each_file_has_its_package, each_package_asks_for_its_libraries,
                          installs_and_erases])
    finally:
        shutil.rmtree(folder)
    sys.exit(status)
