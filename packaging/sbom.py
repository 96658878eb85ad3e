"""What is in a static bundle, as SPDX 2.3 in JSON, and the licences of what is linked into it.

Writes BUNDLE/pysbx.spdx.json and BUNDLE/share/doc/pysbx/licenses/. packaging/build-static calls it.
https://spdx.github.io/spdx-spec/v2.3/
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
import uuid
from pathlib import Path

# Library: the archive that is linked, its licence.
LINKED = {"libseccomp": ("libseccomp.a", "LGPL-2.1-only"),
          "libcap": ("libcap.a", "BSD-3-Clause OR GPL-2.0-only"),
          "glibc": ("libc.a", "LGPL-2.1-or-later"),
          "libgcc": ("libgcc.a", "GPL-3.0-or-later WITH GCC-exception-3.1")}


def output(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


class Library:
    """One linked archive and the package that it comes from."""

    def __init__(self, name, given):
        self.name = name
        archive, self.licence = LINKED[name]
        found = output(*shlex.split(given.cc), f"-print-file-name={archive}")
        if not os.path.isabs(found):
            sys.exit(f"sbom: {archive} is not where the compiler looks")
        self.path = os.path.realpath(found)
        self.root = os.path.realpath(given.sysroot) if given.sysroot else ""
        if self.root and not self.path.startswith(self.root + "/"):
            self.root = ""
        self.package, self.package_version, self.architecture = self.owner()
        self.version = self.upstream(given)

    def owner(self):
        if self.root:
            inside = self.path[len(self.root):]
            rows = [line.split() for line in Path(self.root, "packages").read_text().splitlines()]
            for package, version, architecture in rows:
                if package == {"glibc": "libc6-dev"}.get(self.name, f"{self.name}-dev"):
                    return package, version, architecture
            sys.exit(f"sbom: {inside}: of no package in {self.root}/packages")
        for query in ("dpkg-query", "rpm"):
            if query == "rpm":
                row = output("rpm", "-qf", "--qf", "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}", self.path).split()
            else:
                package = output("dpkg-query", "-S", self.path).split("\n")[0].rpartition(": ")[0]
                row = package and output("dpkg-query", "-W", "-f=${Package} ${Version} ${Architecture}", package).split()
            if row:
                return row
        return sys.exit(f"sbom: {self.path}: of no package that dpkg or rpm knows")

    def upstream(self, given):
        if self.name == "libgcc":
            return output(*shlex.split(given.cc), "-dumpfullversion")
        if self.name != "glibc":
            lib = f"{self.root}/usr/lib/{given.arch}-linux-gnu/pkgconfig"
            return output("env", *([f"PKG_CONFIG_LIBDIR={lib}"] if self.root else []), "pkg-config", "--modversion", self.name)
        return re.match(r"(?:\d+:)?([\d.]+)", self.package_version).group(1)

    def licences(self):
        for place in (f"{self.root}/usr/share/doc/{self.package}/copyright",
                      f"/usr/share/licenses/{self.name}/COPYING", f"/usr/share/licenses/{self.name}/COPYING.LIB",
                      f"/usr/share/licenses/{self.name}/LICENSE", f"/usr/share/licenses/{self.name}/License"):
            if os.path.isfile(place):
                return Path(place).read_bytes()
        return sys.exit(f"sbom: the licence of {self.name} is not to be found in /usr/share/doc/{self.package}; "
                        "it must go with the program (was the documentation left out when packages were installed?)")

    def as_spdx(self):
        rpm = "-" in self.package_version and not os.path.exists("/etc/debian_version")
        kind, vendor = ("rpm/fedora", "Fedora") if rpm else ("deb/debian", "Debian")
        locator = f"pkg:{kind}/{self.package}@{self.package_version.replace('+', '%2B').replace(':', '%3A')}?arch={self.architecture}"
        return {"SPDXID": f"SPDXRef-Package-{self.name}", "name": self.name, "versionInfo": self.version,
                "supplier": f"Organization: {vendor}", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
                "licenseConcluded": self.licence, "licenseDeclared": self.licence, "copyrightText": "NOASSERTION",
                "primaryPackagePurpose": "LIBRARY",
                "comment": f"linked statically, from {self.package} {self.package_version}",
                "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}]}


def file_of(bundle, path):
    data = path.read_bytes()
    name = path.relative_to(bundle).as_posix()
    kind = "BINARY" if name.startswith("bin/") else "SOURCE" if name.endswith((".sh", ".py")) else "DOCUMENTATION" if (
        name.startswith(("share/man/", "share/doc/"))) else "OTHER"
    return {"SPDXID": "SPDXRef-File-" + re.sub(r"[^A-Za-z0-9.]", "-", name), "fileName": f"./{name}", "fileTypes": [kind],
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}],
            "licenseConcluded": "NOASSERTION" if "/licenses/" in name else "MIT",
            "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION"}


def document(given, libraries):
    bundle = Path(given.bundle)
    files = [file_of(bundle, path) for path in sorted(bundle.rglob("*")) if path.is_file()]
    sums = sorted(f["checksums"][0]["checksumValue"] for f in files)
    code = hashlib.sha1("".join(sums).encode()).hexdigest()
    name = f"pysbx-{given.version}-linux-{given.arch}"
    own = {"SPDXID": "SPDXRef-Package-pysbx", "name": "pysbx", "versionInfo": given.version, "supplier": "NOASSERTION",
           "downloadLocation": "NOASSERTION", "filesAnalyzed": True,
           "packageVerificationCode": {"packageVerificationCodeValue": code}, "licenseConcluded": "MIT",
           "licenseDeclared": "MIT", "licenseInfoFromFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION",
           "primaryPackagePurpose": "APPLICATION"}
    binary = "SPDXRef-File-bin-pysbx"
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"])]
    relations += [(own["SPDXID"], "CONTAINS", f["SPDXID"]) for f in files]
    relations += [(binary, "STATIC_LINK", f"SPDXRef-Package-{library.name}") for library in libraries]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
            "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'pysbx:{name}:{code}')}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(given.epoch)),
                             "creators": [f"Tool: pysbx-build-static-{given.version}"]},
            "packages": [own, *(library.as_spdx() for library in libraries)],
            "files": files, "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                                              for a, kind, b in relations]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("arch", "version", "cc", "sysroot"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--epoch", required=True, type=int)
    parser.add_argument("bundle")
    given = parser.parse_args()
    libraries = [Library(name, given) for name in LINKED]
    folder = Path(given.bundle, "share/doc/pysbx/licenses")
    folder.mkdir(parents=True)
    for library in libraries:
        (folder / library.name).write_bytes(library.licences())
    text = json.dumps(document(given, libraries), indent=1, ensure_ascii=True) + "\n"
    Path(given.bundle, "pysbx.spdx.json").write_text(text)


main()
