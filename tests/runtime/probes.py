"""Probes of the containment table (rows P...): small functions that run inside the sandbox and, as their control, outside.

A probe returns a JSON value or raises; what came of it is {"value": ...}, {"errno": ...}, {"error": ...} or
{"signal": ...}. It may use the modules imported here and the functions up to apart(). Outside it runs on the host as
the caller, so it must be harmless there: calls that would change the machine get arguments that no kernel accepts, and
only fresh names are made.
"""

import ctypes
import inspect
import json
import os
import textwrap

ROWS = []

IMPORTS = "import ctypes, errno, json, mmap, os, signal, socket, stat, struct, sys, tempfile, threading, time"


def sc(*numbers):
    """A raw system call; bad results are OSError."""
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


def told(probe):
    try:
        return {"value": probe()}
    except OSError as error:
        return {"errno": error.errno}
    except BaseException as error:  # whatever it is, it is what came of the probe
        return {"error": f"{type(error).__name__}: {error}"}


def apart(probe):
    """What comes of a probe in a process of its own, which it may break."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.write(write, json.dumps(told(probe)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        text = file.read()
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return json.loads(text)


def row(number, title, inside, outside):
    """Enters a probe: what must come of it inside, what shows outside that it reaches the thing.

    outside is a predicate, or the reason (text) why no control can be harmless.
    """
    def enter(probe):
        ROWS.append((number, title, probe, inside, outside))
        return probe
    return enter


def program():
    """The source that runs every probe and prints one JSON object of what came of each."""
    parts = [IMPORTS, *map(inspect.getsource, (sc, each, opened, told, apart))]
    for _, _, probe, _, _ in ROWS:
        source = inspect.getsource(probe)
        parts.append(textwrap.dedent(source[source.index("def "):]))
    names = ", ".join(probe.__name__ for _, _, probe, _, _ in ROWS)
    parts.append(f"print(json.dumps({{probe.__name__: apart(probe) for probe in ({names},)}}))")
    return "\n".join(parts)


# What may come of a probe.

def refused(*numbers):
    def holds(found):
        return found.get("errno") in numbers
    return holds


def all_refused(*numbers):
    """Every entry of a dict of errnos is one of these."""
    def holds(found):
        return bool(found.get("value")) and set(found["value"].values()) <= set(numbers)
    return holds


def any_but(*numbers):
    """The control of all_refused: at least one entry shows that the kernel looked further."""
    def holds(found):
        return bool(found.get("value")) and not set(found["value"].values()) <= set(numbers)
    return holds


def done(found):
    return "value" in found


def value(wanted):
    def holds(found):
        return found.get("value", ...) == json.loads(json.dumps(wanted))
    return holds


def other_than(holds):
    return lambda found: not holds(found)
