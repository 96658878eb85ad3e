"""The static bundle for arm64, built across (packaging/sysroot, packaging/build-static --arch aarch64), as far as it can be
tried without such a machine: the front end under qemu-user says what the native program says; the filter of system calls in
it is the one that tests/unit/test_seccomp.c runs through its simulator; where nothing can be isolated nothing runs.
Builds for itself: ./quickstart test runs it. By hand: python3 tests/packaging/test_arm64.py
"""

import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bundle
from bundle import tap
from test_static import check_sbom

PLAIN_ID = 12345
CHUNK = 40  # programs for one start under qemu
folder = None
top = None
qemu = None


def builds():
    """libraries of arm64 fetched beside the system's, and a bundle built with them; less than 3 MB, its SBOM right"""
    global top, qemu
    if os.uname().machine == "aarch64":
        raise tap.Skip("this is an arm64 machine: the native bundle is the one to test")
    if not shutil.which("aarch64-linux-gnu-gcc"):
        raise tap.Skip("no compiler for arm64 (gcc-aarch64-linux-gnu)")
    before = foreign()
    sysroot = folder / "sysroot"
    done = tap.command(tap.TOP / "packaging/sysroot", "aarch64", sysroot, env=bundle.environment(), timeout=600)
    if done.returncode != 0:
        raise tap.Skip("no libraries of arm64 to be had: " + done.stderr.strip().splitlines()[-1])
    assert foreign() == before, "the package manager's architectures are others than before"
    archive = bundle.build(tap.TOP, folder / "out", "--arch", "aarch64", PYSBX_SYSROOT=str(sysroot))
    assert archive.name.endswith("-linux-aarch64.tar.xz") and archive.stat().st_size < bundle.LEAST, archive
    place = bundle.unpack(archive, folder / "unpacked")
    data = (place / "bin/pysbx").read_bytes()
    assert struct.unpack_from("<4s14xH", data) == (b"\x7fELF", 183) and b"/ld-linux" not in data, "no static program for arm64"
    for path in (str(folder), str(tap.TOP)):
        assert path.encode() not in data, path
    packages = check_sbom(place)
    assert all("arm64" in r["referenceLocator"] or n == "libgcc" for n, p in packages.items() for r in p.get("externalRefs", []))
    fetched = dict(line.split()[:2] for line in (sysroot / "packages").read_text().splitlines())
    for name, package in (("libseccomp", "libseccomp-dev"), ("libcap", "libcap-dev"), ("glibc", "libc6-dev")):
        assert fetched[package] in packages[name]["comment"], (name, fetched[package], packages[name]["comment"])
    top = place
    qemu = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    os.chmod(folder, 0o755)


def foreign():
    return tap.command("dpkg", "--print-foreign-architectures").stdout if shutil.which("dpkg") else ""


def emulated(*words, timeout=300):
    """(status, stdout, stderr) of the arm64 program. As a plain user: qemu can load no filter for a sealed guard."""
    if top is None:
        raise tap.Skip("no bundle was built")
    if not qemu:
        raise tap.Skip("no qemu-aarch64 (qemu-user-static)")
    return outcome(qemu, top / "bin/pysbx", *words, timeout=timeout)


def native(*words):
    # A copy: the tree may lie where a plain user cannot go.
    copy = folder / "pysbx"
    if not copy.exists():
        shutil.copy(tap.PYSBX, copy)
    return outcome(copy, *words)


def outcome(*words, timeout=300):
    user = {"user": PLAIN_ID, "group": PLAIN_ID, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([os.fspath(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, check=False, cwd="/", env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **user)
    return done.returncode, done.stdout, done.stderr


def speaks():
    """help, version, policies, rules, completions: what the native program prints"""
    assert emulated("version")[0] == 0 and b"+static" in emulated("version")[1]
    for words in (("--help",), ("help", "run"), ("run", "--help"), ("policy", "list"), ("policy", "show", "standard"),
                  ("policy", "explain", "PSX104"), ("completion", "bash"), ("completion", "zsh"), ("nonsense",)):
        assert emulated(*words) == native(*words), words


def corpus():
    """Programs that every reader here may read: the standard library's of some size, and this tree's."""
    library = Path(sysconfig.get_paths()["stdlib"])
    found = [p for p in sorted(library.rglob("*.py")) if "site-packages" not in p.parts and "dist-packages" not in p.parts
             and p.stat().st_size < 60000]
    found = found[::max(1, len(found) // 160)]
    kept = folder / "corpus"
    kept.mkdir(exist_ok=True)
    for number, path in enumerate([*found, *sorted((tap.TOP / "examples").rglob("*.py")), *sorted((tap.TOP / "selftest").glob("*.py"))]):
        shutil.copy(path, kept / f"{number:03}-{path.name}")
    (kept / "wrong.py").write_text("f(1\n")
    (kept / "denied.py").write_text("import os, ctypes\neval('1'); os.system('id'); getattr(os, 'sys' + 'tem')('id')\n")
    (kept / "names.py").write_text("ﬁ = 1\nclass Ä: pass\nx = '\\N{GREEK SMALL LETTER ALPHA}'\ny = 1e400 + 0x_f + 1_000j\n")
    kept.chmod(0o755)
    paths = sorted(kept.iterdir())
    for path in paths:
        path.chmod(0o644)
    return [paths[at:at + CHUNK] for at in range(0, len(paths), CHUNK)]


def same_trees():
    """the trees of a corpus, as JSON and as text, are the native program's to the byte"""
    emulated("version")
    for version, paths in zip(("3.14", "3.8", "3.12", "3.10", "3.13", "3.11"), corpus()):
        for form in ((), ("--json",)):
            words = ("ast", *form, "--target-version", version, *paths)
            theirs = emulated(*words)
            assert len(theirs[1]) > 10000 and theirs == native(*words), (version, form)


def same_findings():
    """the findings in a corpus are the native program's, by each policy"""
    emulated("version")
    policies = ("standard", "strict", "permissive", "classic")
    for number, paths in enumerate(corpus()):
        words = ("check", "--json", "--target-version", "3.12", "--policy", policies[number % len(policies)], *paths)
        theirs = emulated(*words)
        assert theirs == native(*words), words[:6]
    for policy in policies:
        words = ("check", "--target-version", "3.13", "--policy", policy, folder / "corpus/denied.py", folder / "corpus/wrong.py")
        theirs = emulated(*words)
        assert theirs[0] == 1 and theirs == native(*words), policy


def carries_the_filter_for_arm64():
    """the filter of system calls in it is the one for arm64, which the simulator has been through"""
    if top is None:
        raise tap.Skip("no bundle was built")
    generator = tap.BUILD / "runtime/gen_filter.build"
    if not generator.exists():
        raise tap.Skip("runtime/gen_filter.build is not built")
    data = (top / "bin/pysbx").read_bytes()
    for arch, here in (("aarch64", 1), ("x86_64", 0)):
        text = tap.command(generator, arch, check=0).stdout
        rows = re.findall(r"\{(0x[0-9a-f]+), (\d+), (\d+), (0x[0-9a-f]+)\}", text)
        assert len(rows) > 100, text[:200]
        code = b"".join(struct.pack("<HBBI", int(c, 16), int(t), int(f), int(k, 16)) for c, t, f, k in rows)
        assert data.count(code) == here, f"the filter for {arch} is in it {data.count(code)} times"


def runs_nothing_unisolated():
    """where nothing can be isolated (qemu-user has no namespaces to give) it says so and runs nothing"""
    mark = folder / "corpus/ran"
    status, out, err = emulated("run", "--guard", "off", "-c", f"print('ran'); open({str(mark)!r}, 'w')")
    assert status == 125 and b"ran" not in out and err.startswith(b"pysbx: "), (status, out, err)
    assert not mark.exists()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="static-arm64-") as name:
        folder = Path(name)
        status = tap.run([builds, speaks, same_trees, same_findings, carries_the_filter_for_arm64, runs_nothing_unisolated])
    sys.exit(status)
