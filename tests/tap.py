"""What Python tests here share: where the tree is, and one way to report in TAP.

A test is a function; its docstring or name is the title. It passes by returning, fails by raising
(AssertionError or anything else), and skips by raising Skip with the reason.
"""

import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

# Whoever started the tests may have these ignored (nohup, a job in a shell's background); what tests start must not.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

TOP = Path(os.environ.get("PYSBX_SRCDIR") or Path(__file__).resolve().parents[1]).resolve()
BUILD = Path(os.environ.get("PYSBX_BUILDDIR") or TOP / "build").resolve()
PYSBX = Path(os.environ.get("PYSBX") or BUILD / "pysbx").resolve()

# In builds that show the same with other eyes: fewer interpreters, samples and repetitions.
SHORT = os.environ.get("PYSBX_TEST_SHORT") == "1"


class Skip(Exception):
    """The reason why a test cannot run here."""


def command(*argv, timeout=60, check=None, **options):
    """Runs a program to its end; text out. With check, asserts that exit status."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    done = subprocess.run([os.fspath(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, text=True, check=False, **options)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{' '.join(map(str, argv))}: status {done.returncode}, not {check}\n"
                             f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def title(test):
    return (test.__doc__ or test.__name__.replace("_", " ")).splitlines()[0].rstrip(".")


def run(tests):
    """Runs every test, prints TAP, returns the exit status."""
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
        except Skip as reason:
            print(f"ok {number} - {title(test)} # SKIP {reason}", flush=True)
        except Exception:  # whatever it is, it is this test's failure
            failed += 1
            print(f"not ok {number} - {title(test)}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            sys.stdout.flush()
        else:
            print(f"ok {number} - {title(test)}", flush=True)
    return 1 if failed else 0
