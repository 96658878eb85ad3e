"""The Debian packages: built from this tree, without lintian's objections, installed into a fresh
minimal system, used there by root and by a plain user, and gone without a trace. Prints TAP.

It builds for itself, so it is no part of `make check`; ./quickstart test runs it. By hand:
python3 tests/packaging/test_deb.py
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
DEBIAN = tap.TOP / "packaging" / "debian"
folder = None
before = None


def package(name):
    found = list((folder / "out").glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise tap.Skip("the packages were not built")
    return found[0]


def root():
    if before is None:
        raise tap.Skip("there is no fresh system")
    return folder / "root"


def installed():
    """The root, with all packages in it."""
    if not (root() / "usr/bin/pysbx").exists():
        raise tap.Skip("the packages are not installed")
    return folder / "root"


def builds():
    """packaging/build-deb makes three packages and leaves the source tree as it was"""
    system.needs("dpkg-buildpackage", "dh")
    known = system.tree()
    tap.command(tap.TOP / "packaging" / "build-deb", folder / "out", check=0, timeout=600,
                env=system.environment(DEB_BUILD_OPTIONS="nocheck", TMPDIR=os.fspath(folder)))
    assert system.tree() == known, system.tree() ^ known
    made = sorted(p.name.split("_")[0] for p in (folder / "out").glob("*.deb"))
    assert made == sorted(PACKAGES), made


def lintian_is_content():
    """lintian finds no error and nothing to warn of, and each override says why"""
    system.needs("lintian")
    package("pysbx")
    changes = list((folder / "out").glob("*.changes"))
    done = tap.command("lintian", "--allow-root", "--fail-on", "error,warning", *changes, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in DEBIAN.glob("*.lintian-overrides"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for above, line in zip(["", *lines], lines):
            assert line.startswith("#") or above.startswith("#"), f"{path.name}: {line}: no reason"


def contents(name):
    listed = tap.command("dpkg-deb", "-c", package(name), check=0).stdout
    return {line.split()[5].lstrip(".") for line in listed.splitlines() if not line.endswith("/")}


def each_file_has_its_package():
    """every manual page and program is in one package, settings are conffiles"""
    held = {name: contents(name) for name in PACKAGES}
    pages = [Path(f).name.removesuffix(".gz") for files in held.values() for f in files if "/man/man" in f]
    assert sorted(pages) == sorted(p.name for p in (tap.TOP / "man").glob("*.[1-9]")), pages
    assert "/usr/libexec/pysbx/pysbx-mcp" in held["pysbx-gateway"]
    assert "/usr/libexec/pysbx/pysbx-docker" in held["pysbx-docker"]
    assert not [f for f in held["pysbx"] if "/libexec/" in f]
    for file in ("/usr/bin/pysbx", "/etc/pysbx/pysbx.conf", "/usr/share/bash-completion/completions/pysbx",
                 "/usr/share/zsh/vendor-completions/_pysbx", "/usr/share/fish/vendor_completions.d/pysbx.fish",
                 "/usr/share/locale/zh_CN/LC_MESSAGES/pysbx.mo", "/usr/share/pysbx/result.schema.json"):
        assert file in held["pysbx"], file
    control = folder / "control"
    tap.command("dpkg-deb", "-e", package("pysbx"), control, check=0)
    assert (control / "conffiles").read_text().split() == ["/etc/pysbx/pysbx.conf"]


def dependencies():
    names = set()
    for name in PACKAGES:
        for one in tap.command("dpkg-deb", "-f", package(name), "Depends", check=0).stdout.split(","):
            names.add(re.match(r"\s*([\w.+-]+)", one)[1])
    return sorted(names - set(PACKAGES))


def a_fresh_system_is_made():
    """a minimal system with what the packages depend on and nothing else"""
    global before
    system.needs("mmdebstrap", "apt-get", "unshare", "setpriv", "pivot_root", root=True)
    system.make(folder / "root", dependencies())
    before = system.files(folder / "root")
    assert "usr/bin/python3" in before and "usr/bin/pysbx" not in before


def install(*names):
    for name in names:
        shutil.copy(package(name), root() / "tmp")
    system.run(root(), "dpkg", "-i", *(f"/tmp/{package(name).name}" for name in names))


def installs():
    """dpkg installs them, all they need is there"""
    install(*PACKAGES)


def main_job(user):
    done = system.run(installed(), "pysbx", "run", "-c", "print(6 * 7)", user=user)
    assert (done.stdout, done.stderr) == ("42\n", ""), done
    done = system.run(installed(), "pysbx", "run", "-c", "import os; os.system('id')", user=user, check=126)
    assert "error[PSX105]" in done.stderr and done.stdout == "", done


def main_job_as_root():
    """there root has a program run, and one refused"""
    main_job(False)


def main_job_as_plain_user():
    """there a plain user has a program run, and one refused"""
    main_job(True)


def described_tests():
    """(name, for root, for anybody) of packaging/debian/tests/control."""
    for block in (DEBIAN / "tests" / "control").read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", block, re.M))
        names = fields.get("Tests") or Path(fields["Test-Command"]).name
        for name in names.split(", "):
            yield name, "needs-root" in fields.get("Restrictions", "")


def autopkgtest_passes():
    """the tests of packaging/debian/tests pass there, by root or by a plain user as they ask"""
    described = list(described_tests())
    scripts = {p.name for p in (DEBIAN / "tests").iterdir()} - {"control"}
    assert {name for name, _ in described} == scripts, (described, scripts)
    place = installed() / "tmp"
    shutil.copytree(DEBIAN / "tests", place / "tests")
    for number, (name, as_root) in enumerate(described):
        scratch = place / f"scratch-{number}"
        scratch.mkdir()
        os.chown(scratch, *((0, 0) if as_root else (12345, 12345)))
        system.run(root(), f"/tmp/tests/{name}", user=not as_root, AUTOPKGTEST_TMP=f"/tmp/scratch-{number}")


def profile():
    """The AppArmor profile as packages have it."""
    system.needs("dpkg-deb")
    tap.command("dpkg-deb", "-x", package("pysbx"), folder / "files", check=0)
    return (folder / "files/usr/share/pysbx/apparmor/pysbx").read_text(encoding="utf-8")


def apparmor_profile_is_one():
    """the AppArmor profile is for the installed program, and AppArmor's parser can read it"""
    text = profile()
    assert "\nprofile pysbx /usr/bin/pysbx flags=(unconfined) {\n  userns,\n" in text, text
    assert "cp /usr/share/pysbx/apparmor/pysbx /etc/apparmor.d/pysbx\n" in text, text
    system.needs("apparmor_parser")
    if not Path("/etc/apparmor.d/abi/4.0").exists():
        # A parser that does not know the rule it is there for: all the rest.
        text = text.replace("abi <abi/4.0>", "abi <abi/3.0>").replace("\n  userns,\n", "\n")
    (folder / "profile").write_text(text, encoding="utf-8")
    tap.command("apparmor_parser", "--skip-kernel-load", "--skip-cache", folder / "profile", check=0)


def apparmor_profile_comes_where_it_can_be_read():
    """the profile goes into /etc/apparmor.d where AppArmor is 4 or later, there only"""
    place = installed() / "etc/apparmor.d"
    assert not place.exists()
    (place / "abi").mkdir(parents=True)
    install("pysbx")
    assert not (place / "pysbx").exists(), "an AppArmor that cannot read it has it"
    (place / "abi/4.0").touch()
    install("pysbx")
    assert (place / "pysbx").read_text(encoding="utf-8") == profile()


def doctor_names_the_profile():
    """where AppArmor forbids user namespaces, doctor names the two commands"""
    helper = tap.BUILD / "tests/tools/nonamespaces"
    if not (installed() / "etc/apparmor.d/abi/4.0").exists() or not helper.exists():
        raise tap.Skip("nothing that stands for such a host")
    shutil.copy(helper, root() / "tmp")
    sysctl = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
    script = (f"mount -t tmpfs none /proc/sys/kernel && echo 1 >{sysctl} && "
              f"exec {' '.join(system.PLAIN_USER)} /tmp/nonamespaces pysbx doctor")
    report = system.run(root(), "sh", "-c", script, check=1).stdout
    assert ("help: sudo cp /usr/share/pysbx/apparmor/pysbx /etc/apparmor.d/pysbx && "
            "sudo apparmor_parser -r /etc/apparmor.d/pysbx (") in report, report


def parts_that_are_absent_are_named():
    """without the gateway and the Docker backend pysbx works, and says which package is not there"""
    system.run(installed(), "dpkg", "-r", "pysbx-gateway", "pysbx-docker")
    assert system.run(root(), "pysbx", "run", "-c", "print(1)").stdout == "1\n"
    for argv, part in ((("mcp",), "pysbx-gateway"),
                       (("run", "--backend", "docker", "-c", "print(1)"), "pysbx-docker")):
        done = system.run(root(), "pysbx", *argv, check=None)
        assert done.returncode != 0 and f"of packages it is {part}" in done.stderr, done


def purge_leaves_nothing():
    """purged, every file is as it was before"""
    (installed() / "var/lib/pysbx/images").mkdir(parents=True)  # as `pysbx image make` does
    system.run(root(), "dpkg", "-P", *PACKAGES)
    apparmor = root() / "etc/apparmor.d"
    if apparmor.exists():  # as another test made it
        assert not (apparmor / "pysbx").exists()
        shutil.rmtree(apparmor)
    after = system.files(root())
    other = {p for p in set(before) | set(after) if before.get(p) != after.get(p)}
    assert not other, sorted(other)


if __name__ == "__main__":
    tap.BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="packaging-deb-", dir=tap.BUILD))
    os.chmod(folder, 0o755)
    try:
        status = tap.run([
            builds, lintian_is_content, each_file_has_its_package, a_fresh_system_is_made, installs,
            main_job_as_root, main_job_as_plain_user, autopkgtest_passes, apparmor_profile_is_one,
            apparmor_profile_comes_where_it_can_be_read, doctor_names_the_profile,
            parts_that_are_absent_are_named, purge_leaves_nothing])
    finally:
        shutil.rmtree(folder)
    sys.exit(status)
