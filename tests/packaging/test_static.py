"""The static bundle (packaging/build-static): what is in it, that it is the same whenever and wherever it is built,
and that it installs, runs and goes away again in a root with nothing but busybox and python3. Builds for itself, so it
is no part of `make check`; ./quickstart test runs it. By hand: python3 tests/packaging/test_static.py
"""

import hashlib
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bundle
from bundle import tap

folder = None  # everything that is made here
archive = None
top = None  # the archive, unpacked


def needs_bundle():
    if top is None:
        raise tap.Skip("no bundle was built")


def builds():
    """packaging/build-static makes one archive of less than 3 MB, with one folder of its name"""
    global archive, top
    archive = bundle.build(tap.TOP, folder / "one")
    assert re.fullmatch(r"pysbx-[\d.]+-linux-" + os.uname().machine + r"\.tar\.xz", archive.name), archive
    assert [p.name for p in (folder / "one").iterdir()] == [archive.name]
    assert archive.stat().st_size < bundle.LEAST, archive.stat().st_size
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    name = archive.name[:-len(".tar.xz")]
    assert [m.name for m in members] == sorted(m.name for m in members), "not sorted"
    for m in members:
        assert m.name == name or m.name.startswith(name + "/"), m.name
        assert m.isdir() or m.isreg(), f"{m.name}: neither a file nor a folder"
        assert (m.uid, m.gid, m.uname, m.gname, m.mtime) == (0, 0, "", "", members[0].mtime), m.name
        runs = m.isdir() or m.name.endswith(("/bin/pysbx", "/install.sh"))
        assert m.mode == (0o755 if runs else 0o644), (m.name, oct(m.mode))
    top = bundle.unpack(archive, folder / "unpacked")


def same_from_another_folder():
    """built from a copy in another folder, at another time, it is the same to the byte"""
    needs_bundle()
    with tarfile.open(archive) as tar:
        epoch = tar.getmembers()[0].mtime
    source = bundle.copy_of_source(folder / "another place of the source")
    other = bundle.build(source, folder / "two", SOURCE_DATE_EPOCH=str(epoch), TZ="Asia/Shanghai", LC_ALL="C.UTF-8",
                         CFLAGS="-O0 -g", USER="somebody")
    if other.read_bytes() == archive.read_bytes():
        return
    mine, theirs = (bundle.files(t) for t in (top, bundle.unpack(other, folder / "unpacked two")))
    raise AssertionError(f"these differ: {sorted(n for n in mine.keys() | theirs.keys() if mine.get(n) != theirs.get(n))}")


def holds_it_all():
    """program, manual, completions, messages, settings, schemas, licences; nothing empty, nothing more"""
    needs_bundle()
    names = {n for n in bundle.files(top) if (top / n).is_file()}
    wanted = {"bin/pysbx", "install.sh", "SHA256SUMS", "pysbx.spdx.json", "share/bash-completion/completions/pysbx",
              "share/zsh/site-functions/_pysbx", "share/fish/vendor_completions.d/pysbx.fish",
              "share/locale/zh_CN/LC_MESSAGES/pysbx.mo", "share/pysbx/python/pysbx.py", "share/pysbx/apparmor/pysbx",
              "share/doc/pysbx/selinux.md"}
    wanted |= {f"share/doc/pysbx/systemd/{p.name}" for p in (tap.TOP / "packaging/systemd").iterdir()}
    wanted |= {f"share/doc/pysbx/{n}" for n in ("pysbx.conf", "LICENSE", "README.md", "NEWS.md", "SECURITY.md")}
    wanted |= {f"share/doc/pysbx/licenses/{n}" for n in ("glibc", "libgcc", "libcap", "libseccomp")}
    wanted |= {f"share/man/man{p.suffix[1:]}/{p.name}" for p in (tap.TOP / "man").glob("*.[1-9]")}
    wanted |= {f"share/pysbx/{p.name}" for p in (tap.TOP / "cli").glob("*.schema.json")}
    assert names == wanted, names ^ wanted
    assert all((top / n).stat().st_size for n in names)
    for shell, place in (("bash", "share/bash-completion/completions/pysbx"), ("zsh", "share/zsh/site-functions/_pysbx"),
                         ("fish", "share/fish/vendor_completions.d/pysbx.fish")):
        assert (top / place).read_text() == tap.command(tap.PYSBX, "completion", shell, check=0).stdout, place


def sums_are_right():
    """SHA256SUMS has every file but itself, and each is as it says"""
    needs_bundle()
    lines = dict(reversed(line.split("  ", 1)) for line in (top / "SHA256SUMS").read_text().splitlines())
    real = {n: hashlib.sha256((top / n).read_bytes()).hexdigest() for n in bundle.files(top) if (top / n).is_file()}
    real.pop("SHA256SUMS")
    assert lines == real, set(lines.items()) ^ set(real.items())


def needs_no_library():
    """the program is one static file, stripped, without the place where it was built"""
    needs_bundle()
    data = (top / "bin/pysbx").read_bytes()
    assert b"/ld-linux" not in data and b".symtab" not in data
    for place in {str(tap.TOP), str(folder), os.path.realpath(tempfile.gettempdir()) + "/tmp."}:
        assert place.encode() not in data, place
    version = tap.command(top / "bin/pysbx", "version", check=0).stdout
    assert "+static" in version and archive.name.split("-")[1] in version, version


# What SPDX 2.3 requires (clauses 6 to 8 and 11), and what its JSON form does.
DOCUMENT = {"spdxVersion": r"SPDX-2\.3", "dataLicense": r"CC0-1\.0", "SPDXID": "SPDXRef-DOCUMENT", "name": ".+",
            "documentNamespace": r"[a-z][a-z0-9+.-]*:[^#\s]+"}
CREATED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
CREATOR = r"(Tool|Person|Organization): \S.*"
PACKAGE = {"SPDXID": r"SPDXRef-[a-zA-Z0-9.-]+", "name": ".+", "versionInfo": r"\d+(\.\d+)+", "downloadLocation": "NOASSERTION|NONE|[a-z]+:.+",
           "licenseConcluded": ".+", "licenseDeclared": ".+", "copyrightText": ".+", "supplier": r"NOASSERTION|Organization: .+"}
FILE = {"SPDXID": r"SPDXRef-[a-zA-Z0-9.-]+", "fileName": r"\./.+", "licenseConcluded": ".+", "copyrightText": ".+"}


def fits(what, wanted):
    for field, pattern in wanted.items():
        assert re.fullmatch(pattern, what.get(field, "")), (field, what.get(field), what.get("SPDXID"))


def sbom_is_right():
    """the SBOM has what SPDX 2.3 requires, every file, and the linked libraries with their versions"""
    needs_bundle()
    check_sbom(top)


def check_sbom(where):
    told = json.loads((where / "pysbx.spdx.json").read_text())
    fits(told, DOCUMENT)
    assert re.fullmatch(CREATED, told["creationInfo"]["created"]) and all(
        re.fullmatch(CREATOR, c) for c in told["creationInfo"]["creators"]) and told["creationInfo"]["creators"]
    everything = [told, *told["packages"], *told["files"]]
    ids = [e["SPDXID"] for e in everything]
    assert len(ids) == len(set(ids)), "an SPDXID twice"
    for package in told["packages"]:
        fits(package, PACKAGE)
        assert package["filesAnalyzed"] is (package["name"] == "pysbx")
    for file in told["files"]:
        fits(file, FILE)
        data = (where / file["fileName"]).read_bytes()
        sums = {c["algorithm"]: c["checksumValue"] for c in file["checksums"]}
        assert sums == {"SHA1": hashlib.sha1(data).hexdigest(), "SHA256": hashlib.sha256(data).hexdigest()}, file["fileName"]
    # All but the two that are made of the others.
    names = {f"./{n}" for n in bundle.files(where) if (where / n).is_file()} - {"./SHA256SUMS", "./pysbx.spdx.json"}
    assert {f["fileName"] for f in told["files"]} == names
    relations = {(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in told["relationships"]}
    assert all(a in ids and b in ids for a, _, b in relations)
    packages = {p["name"]: p for p in told["packages"]}
    assert ("SPDXRef-DOCUMENT", "DESCRIBES", packages["pysbx"]["SPDXID"]) in relations
    assert {p["SPDXID"] for n, p in packages.items() if n != "pysbx"} == {b for _, kind, b in relations if kind == "STATIC_LINK"}
    assert packages.keys() == {"pysbx", "libseccomp", "libcap", "glibc", "libgcc"}, packages.keys()
    code = hashlib.sha1("".join(sorted(c["checksumValue"] for f in told["files"] for c in f["checksums"]
                                       if c["algorithm"] == "SHA1")).encode()).hexdigest()
    assert packages["pysbx"]["packageVerificationCode"]["packageVerificationCodeValue"] == code
    return packages


def sbom_versions():
    """the versions in the SBOM are those of the libraries installed here"""
    needs_bundle()
    packages = check_sbom(top)
    for name in ("libseccomp", "libcap"):
        assert packages[name]["versionInfo"] == tap.command("pkg-config", "--modversion", name, check=0).stdout.strip()
    assert packages["glibc"]["versionInfo"] == os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    for name in ("libseccomp", "libcap", "glibc", "libgcc"):
        (locator,) = [r["referenceLocator"] for r in packages[name]["externalRefs"]]
        assert re.fullmatch(r"pkg:(deb|rpm)/\w+/[\w.+-]+@[\w.%+~-]+\?arch=\w+", locator), locator


CHINESE = ("check", "-c", "import os; os.system('id')")


def speaks_chinese():
    """unpacked and not installed it speaks Chinese where asked, with no locale installed"""
    needs_bundle()
    for locale in ("zh_CN.UTF-8", "zh_CN.GB18030", "zh_CN"):
        done = tap.command(top / "bin/pysbx", *CHINESE, env={"PATH": "/usr/bin:/bin", "LANG": locale}, check=1)
        assert "禁止使用“os.system”" in done.stdout, (locale, done)
    for locale in ("C", "C.UTF-8", "en_GB.UTF-8", "de_DE.UTF-8"):
        done = tap.command(top / "bin/pysbx", *CHINESE, env={"PATH": "/usr/bin:/bin", "LC_ALL": locale}, check=1)
        assert "'os.system' is not allowed" in done.stdout, (locale, done)


def shells():
    found = [["dash"]] if shutil.which("dash") else [["sh"]]
    return found + ([["busybox", "sh"]] if shutil.which("busybox") else [])


def installs_as_anyone():
    """install.sh: into any prefix, over an older one, and back; uninstall leaves no file and no folder"""
    needs_bundle()
    for shell in shells():
        place = folder / f"host {shell[0]}"
        (place / "kept/share").mkdir(parents=True)
        (place / "kept/share/own").write_text("own")
        before = bundle.files(place)
        for prefix in (place / "a/b/c", place / "kept"):
            install = tap.command(*shell, top / "install.sh", "--prefix", prefix, cwd="/", check=0)
            assert f"installed: {prefix}/bin/pysbx" in install.stdout, install
            installed = bundle.files(prefix)
            for name in (n for n in bundle.files(top) if n.startswith(("bin/", "share/")) and (top / n).is_file()):
                assert installed[name][1:] == bundle.files(top)[name][1:], name
            assert tap.command(prefix / "bin/pysbx", *CHINESE, env={"PATH": "/usr/bin:/bin", "LANG": "zh_CN.UTF-8"},
                               check=1).stdout.count("禁止使用"), "no Chinese in another prefix"
            # An older bundle had one more file.
            (prefix / "share/pysbx/older").write_text("")
            with open(prefix / "share/pysbx/installed", "a", encoding="utf-8") as record:
                record.write("file share/pysbx/older\n")
            tap.command(*shell, top / "install.sh", f"--prefix={prefix}", check=0)
            assert bundle.files(prefix) == installed, "not the same after a second time"
            tap.command(*shell, prefix / "share/pysbx/install.sh", "--uninstall", "--prefix", prefix, check=0)
        assert bundle.files(place) == before, bundle.files(place).keys() ^ before.keys()
        staged = folder / f"staged {shell[0]}"
        tap.command(*shell, top / "install.sh", "--prefix", "/usr", check=0, env=bundle.environment(DESTDIR=str(staged)))
        assert (staged / "usr/bin/pysbx").exists()
        tap.command(*shell, top / "install.sh", "--uninstall", "--prefix", "/usr", check=0, env=bundle.environment(DESTDIR=str(staged)))
        assert not staged.exists(), list(staged.rglob("*"))


def refuses():
    """install.sh says what is wrong and touches nothing: others' files, a broken copy, bad usage, nothing to remove"""
    needs_bundle()
    for shell in shells():
        broken = folder / f"broken {shell[0]}"
        shutil.copytree(top, broken)
        with open(broken / "share/pysbx/result.schema.json", "a", encoding="utf-8") as file:
            file.write("\n")
        prefix = folder / f"others {shell[0]}"
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin/pysbx").write_text("not ours")
        before = bundle.files(prefix)
        for words, part in (((top / "install.sh", "--prefix", prefix), "no bundle has put it there"),
                            ((broken / "install.sh", "--prefix", folder / "new"), "is not as SHA256SUMS has it"),
                            ((top / "install.sh", "--prefix", "here"), "not an absolute path"),
                            ((top / "install.sh", "--prefix"), "no folder"), ((top / "install.sh", "--prefer"), "no such option"),
                            ((top / "install.sh", "--uninstall", "--prefix", prefix), "nothing that this script installed")):
            done = tap.command(*shell, *words, cwd=folder)
            assert done.returncode == 1 and part in done.stderr and not done.stdout, (words, done)
        assert bundle.files(prefix) == before and not (folder / "new").exists() and not (folder / "here").exists()
        # A record that somebody wrote something else into leads nowhere else.
        tap.command(*shell, top / "install.sh", "--prefix", folder / "safe", check=0)
        with open(folder / "safe/share/pysbx/installed", "a", encoding="utf-8") as record:
            record.write(f"file ../{prefix.name}/bin/pysbx\nfile {prefix}/bin/pysbx\nfolder ../{prefix.name}\n")
        tap.command(*shell, top / "install.sh", "--uninstall", "--prefix", folder / "safe", check=0)
        assert bundle.files(prefix) == before


def main_job(root, user):
    """What the program is for, in such a root."""
    done = bundle.inside(root, "pysbx", "run", "-c", "print(sum(range(10)))", user=user)
    if done.returncode == 125 and "isolation" in done.stderr:
        raise tap.Skip("no isolation on this host: " + done.stderr.strip().splitlines()[0])
    assert (done.returncode, done.stdout, done.stderr) == (0, "45\n", ""), done
    done = bundle.inside(root, "pysbx", "run", "--json", "--guard", "off", "-c",
                         "import os; print(os.getresuid()[0], sorted(os.listdir('/')), os.path.exists('/bin/busybox'))", user=user)
    result = json.loads(done.stdout)
    assert result["status"] == "ok" and result["stdout"].startswith("65534 [") and "False" in result["stdout"], result
    assert result["isolation"]["backend"] == "native" and {"user", "mount", "pid", "net", "seccomp"} <= set(result["isolation"]["layers"])
    done = bundle.inside(root, "pysbx", "run", "-c", "import os; os.system('id')", user=user, env={"LANG": "zh_CN.UTF-8"})
    assert done.returncode == 126 and "禁止使用“os.system”" in done.stderr, done
    done = bundle.inside(root, "pysbx", "run", "-t", "300ms", "-c", "while True: pass", user=user)
    assert done.returncode == 124, done
    done = bundle.inside(root, "pysbx", "mcp", user=user)
    assert done.returncode != 0 and "pysbx-mcp: No such file" in done.stderr, done


def in_a_minimal_root():
    """in a root with nothing but busybox and python3: unpacked, installed, the main job as root and as a plain user, removed"""
    needs_bundle()
    root = folder / "root"
    root.mkdir()
    bundle.minimal_root(root)
    for user in (False, True):
        here = bundle.inside(root, "sh", "-c", "command -v python3; id -u; ls /old", user=user)
        assert here.stdout.split() == ["/usr/bin/python3", "12345" if user else "0"], here
    shutil.copy(archive, root / "root/")
    before = bundle.files(root)
    name = archive.name[:-len(".tar.xz")]
    done = bundle.inside(root, "sh", "-ec", f"cd /root; tar xJf {name}.tar.xz; sh {name}/install.sh; rm -r {name}")
    assert done.returncode == 0 and "installed: /usr/local/bin/pysbx" in done.stdout, done
    assert bundle.files(root).keys() - before.keys() > {"usr/local/bin/pysbx", "usr/local/share/man/man1/pysbx.1"}
    main_job(root, user=False)
    main_job(root, user=True)
    done = bundle.inside(root, "sh", "/usr/local/share/pysbx/install.sh", "--uninstall")
    assert done.returncode == 0, done
    after = bundle.files(root)
    assert after == before, sorted(n for n in after.keys() | before.keys() if after.get(n) != before.get(n))


def bad_usage():
    """build-static says what is wrong: options, architectures, times, a source built in place"""
    for words, more, part in ((("--arc", "x"), {}, "no such option"), (("--arch",), {}, "no architecture"),
                              (("--arch", "vax"), {}, "vax: only aarch64 and x86_64"),
                              ((folder / "x",), {"SOURCE_DATE_EPOCH": "now"}, "not a number of seconds"),
                              ((folder / "x",), {"TMPDIR": str(folder / "with space")}, "configure takes no such path")):
        (folder / "with space").mkdir(exist_ok=True)
        done = tap.command(tap.TOP / "packaging/build-static", *words, env=bundle.environment(**more))
        assert done.returncode == 1 and part in done.stderr and not done.stdout, (words, done)
    assert not (folder / "x").exists() and not list((folder / "with space").iterdir())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="static-bundle-") as name:
        os.chmod(name, 0o755)
        folder = Path(name)
        status = tap.run([builds, holds_it_all, sums_are_right, needs_no_library, sbom_is_right, sbom_versions, speaks_chinese,
                          installs_as_anyone, refuses, in_a_minimal_root, same_from_another_folder, bad_usage])
    sys.exit(status)
