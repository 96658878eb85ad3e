"""The probes that `pysbx selftest` ships, for the tests: the same files, joined in the same way."""

import atexit
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("runtime", ".")]
import tap  # noqa: E402


def parts():
    """Their names, in the order of Makefile.am."""
    found = re.search(r"^parts = ((?:.*\\\n)*.*)", (tap.TOP / "Makefile.am").read_text(encoding="utf-8"), re.M)
    return found[1].replace("\\\n", " ").split()


def joined():
    text = "".join((tap.TOP / part).read_text(encoding="utf-8") for part in parts())
    return re.sub(r"^from [a-z]* import .*\n", "", text, flags=re.M)


def load():
    """The joined program as a module; PROGRAM is its text."""
    place = Path(tempfile.mkdtemp(prefix="test-probes-"))
    atexit.register(shutil.rmtree, place, True)
    (place / "joined.py").write_text(joined(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("joined", place / "joined.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.PROGRAM = joined()
    return module


def who(caller):
    """The caller as Popen's options."""
    return {"user": caller.uid, "group": caller.uid, "extra_groups": []} if caller.uid is not None else {}


def settle():
    """A place and an interpreter that every caller can read, inside and out."""
    os.chdir("/")
    os.environ["PATH"] = "/usr/bin:/bin:/usr/sbin:/sbin"
    sys.executable = shutil.which("python3") or sys.executable
