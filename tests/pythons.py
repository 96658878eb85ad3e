"""The CPythons that are to be found on this machine."""

import os
import re
import sys
from pathlib import Path


def interpreters():
    """Every CPython 3.8 to 3.14 to be found: $PYSBX_TEST_PYTHONS, PATH, pyenv, the one that runs this.

    With PYSBX_TEST_SHORT=1 one of them.
    """
    candidates = os.environ.get("PYSBX_TEST_PYTHONS", "").split(os.pathsep)
    for minor in range(8, 15):
        for folder in os.get_exec_path():  # where there is no PATH too
            candidates.append(f"{folder}/python3.{minor}")
        candidates += map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"))
    candidates.append(sys.executable)
    found = {}
    for candidate in candidates:
        path = os.path.realpath(candidate) if candidate else ""
        name = re.fullmatch(r"python3\.(\d+)", os.path.basename(path))
        if not name or int(name[1]) < 8 or path in found or not os.path.isfile(path):
            continue
        with open(path, "rb") as program:
            if program.read(4) != b"\x7fELF":
                continue
        found[path] = candidate
    paths = sorted(found.values())
    return paths[-1:] if os.environ.get("PYSBX_TEST_SHORT") == "1" else paths
