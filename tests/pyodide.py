"""CPython 3.14 as WebAssembly, for the tests that want one and find none on the machine.

The npm package "pyodide" is fetched once into BUILD/pyodide; tools/wasm_python.mjs then stands in
for the program python3. PYSBX_PYODIDE names the package's folder where it is kept elsewhere; "no"
means: fetch nothing.
"""
import contextlib
import fcntl
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = "314.0.7"
SECONDS = 180


class Missing(Exception):
    """Why there is no such CPython here."""


def build_folder():
    return Path(os.environ.get("PYSBX_BUILDDIR") or HERE.parent / "build").resolve() / "pyodide"


@contextlib.contextmanager
def alone(folder):
    """Tests run side by side: one of them fetches, and the others find all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(folder):
    npm = shutil.which("npm")
    if not npm:
        raise Missing("npm is not installed")
    try:
        done = subprocess.run(
            [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts",
             "pyodide@" + VERSION], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing("npm: %s" % error)
    if done.returncode:
        lines = done.stdout.decode("utf-8", "replace").split("\n")
        raise Missing("npm could not fetch pyodide: " + " ".join(lines[:2]))


def package():
    """The folder of the package, fetched if need be."""
    named = os.environ.get("PYSBX_PYODIDE")
    if named == "no":
        raise Missing("PYSBX_PYODIDE=no")
    if not shutil.which("node"):
        raise Missing("node is not installed")
    folder = Path(named) if named else build_folder() / "node_modules" / "pyodide"
    if not named:
        with alone(build_folder()):
            if not (folder / "pyodide.mjs").exists():
                fetch(build_folder())
    if not (folder / "pyodide.mjs").exists():
        raise Missing("no pyodide.mjs in %s" % folder)
    return folder


def program():
    """A program to be used like python3; raises Missing."""
    os.environ["PYSBX_PYODIDE"] = str(package())
    return str(HERE / "tools" / "wasm_python.mjs")


def standard_library():
    """Its standard library, unpacked, without CPython's own tests: they are not in the package."""
    folder = build_folder() / "stdlib"
    if not folder.exists():
        partial = folder.with_name("stdlib.%d" % os.getpid())
        with zipfile.ZipFile(package() / "python_stdlib.zip") as archive:
            archive.extractall(partial)
        try:
            partial.rename(folder)
        except OSError:  # another test was faster
            shutil.rmtree(partial)
    return folder
