"""The frame of the containment probes: small functions that run inside the sandbox and, as their control, outside.

The files of this folder are joined in the order of `parts` in Makefile.am into one Python program, which pysbx carries
in itself for `pysbx selftest`; tests/containment joins the same files. What is joined runs in both places: INSIDE tells.

A probe returns a JSON value or raises; what came of it is {"value": ...}, {"errno": ...}, {"error": ...} or
{"signal": ...}. It may use the modules imported here and the functions of this file. Outside it runs on the host as
the caller, so it must be harmless there: calls that would change the machine get arguments that no kernel accepts, and
only fresh names are made. Ids P1, P2, ... never change their meaning.
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time

INSIDE = bool(os.environ.get("SELFTEST_INSIDE"))
# What the run has of isolation; told to the probes because some must not be made without it.
LAYERS = set(os.environ.get("SELFTEST_LAYERS", "").split())
TOKEN = os.environ.get("SELFTEST_TOKEN", "")
CHANNEL = None  # where apart() reports; a descriptor that the run itself did not have

EPERM, ENOENT, EIO, ENXIO, EBADF, EACCES, EEXIST, ENODEV, EINVAL, EMFILE, ENOTTY, EROFS, ESPIPE = (
    1, 2, 5, 6, 9, 13, 17, 19, 22, 24, 25, 30, 29)
ENOSYS, EAFNOSUPPORT, EOPNOTSUPP, ENOTSOCK, ESOCKTNOSUPPORT, ETXTBSY = 38, 97, 95, 88, 94, 26

ROWS = []


def sc(*numbers):
    """A raw system call by its number on x86-64; bad results are OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    ctypes.set_errno(0)
    got = libc.syscall(*[ctypes.c_long(n) for n in numbers])
    if got == -1:
        raise OSError(ctypes.get_errno(), "")
    return got


def each(calls):
    """{name: errno, 0 where it was performed} of raw system calls given as {name: numbers}."""
    found = {}
    for name, numbers in calls.items():
        try:
            sc(*numbers)
            found[name] = 0
        except OSError as error:
            found[name] = error.errno
    return found


def opened(paths, flags=os.O_RDONLY):
    """{path: errno, 0 where it opened}; nothing is created or cut off."""
    found = {}
    for path in paths:
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))
            found[path] = 0
        except OSError as error:
            found[path] = error.errno
    return found


def status_of_self():
    with open("/proc/self/status", encoding="utf-8") as file:
        return {line.split(":", 1)[0]: line.split(":", 1)[1].split() for line in file if ":" in line}


def told(probe):
    try:
        return {"value": probe()}
    except OSError as error:
        return {"errno": error.errno}
    except BaseException as error:  # whatever it is, it is what came of the probe
        return {"error": f"{type(error).__name__}: {error}"}


def apart(probe):
    """What comes of a probe in a process of its own, which it may break."""
    global CHANNEL
    read, CHANNEL = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.write(CHANNEL, json.dumps(told(probe)).encode())
        os._exit(0)
    os.close(CHANNEL)
    with os.fdopen(read) as file:
        text = file.read()
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return json.loads(text)


class Row:
    """A probe, and what must come of it inside and outside.

    numbers: the rows of the containment table that it carries. outside: a predicate, or the reason (text) why no control
    can be harmless. needs: layers without which it does not apply; unless: those with which. without: {layer: predicate}
    of what must come of it instead where that layer is missing. compare: of both values, what is wrong with them, or None.
    """

    def __init__(self, numbers, title, probe, inside, outside, needs=(), unless=(), without=None, compare=None):
        self.numbers, self.title, self.probe, self.inside, self.outside = numbers.split(), title, probe, inside, outside
        self.needs, self.unless, self.without, self.compare = tuple(needs), tuple(unless), without or {}, compare
        self.name = probe.__name__
        self.by_number = bool({"sc", "each"} & set(probe.__code__.co_names))


def row(numbers, title, inside, outside, **more):
    """Enters a probe."""
    def enter(probe):
        ROWS.append(Row(numbers, title, probe, inside, outside, **more))
        return probe
    return enter


def results():
    """What comes of every probe, by its name."""
    return {entry.name: apart(entry.probe) for entry in ROWS}


# What may come of a probe: predicates that can say what they want.

class Wanted:
    def __init__(self, text, holds):
        self.text, self.holds = text, holds

    def __call__(self, found):
        try:
            return bool(self.holds(found))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return False  # it came to something of another form


def names_of(numbers):
    return " or ".join(errno.errorcode.get(number, str(number)) for number in numbers)


def refused(*numbers):
    return Wanted(names_of(numbers), lambda found: found.get("errno") in numbers)


def all_refused(*numbers):
    """Every entry of a dict of errnos is one of these."""
    return Wanted("each " + names_of(numbers),
                  lambda found: found.get("value") and set(found["value"].values()) <= set(numbers))


def any_but(*numbers):
    """The control of all_refused: at least one entry shows that the kernel looked further."""
    return Wanted("one at least another than " + names_of(numbers),
                  lambda found: found.get("value") and not set(found["value"].values()) <= set(numbers))


done = Wanted("a result", lambda found: "value" in found)
killed = Wanted("SIGSYS", lambda found: found == {"signal": 31})


def value(wanted):
    wanted = json.loads(json.dumps(wanted))
    return Wanted("none" if wanted in ([], {}) else json.dumps(wanted), lambda found: found.get("value", ...) == wanted)


def within(*wanted):
    """A list with nothing in it but these."""
    return Wanted("nothing but " + json.dumps(list(wanted)),
                  lambda found: isinstance(found.get("value"), list) and set(found["value"]) <= set(wanted))


def other_than(holds):
    return Wanted("not " + holds.text, lambda found: not holds(found))
