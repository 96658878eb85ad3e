"""Starts a program under a system call filter as systemd's switches load them:

    filtered.py CALL[:ARGUMENT=MASK],... PROGRAM ARGS...

Each call fails with EPERM; with an argument, where all bits of the mask are set in it.
"""

import ctypes
import errno
import os
import sys

ALLOW, ERRNO, MASKED_EQ = 0x7FFF0000, 0x00050000, 7


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("kind", ctypes.c_int),
                ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64)]


def main(calls, *argv):
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
    for word in calls.split(","):
        name, _, where = word.partition(":")
        number = library.seccomp_syscall_resolve_name(name.encode())
        tests = [Comparison(int(a), MASKED_EQ, int(m), int(m)) for a, m in [where.split("=")]] if where else []
        code = library.seccomp_rule_add_array(context, ctypes.c_uint32(ERRNO | errno.EPERM), number, len(tests),
                                              (Comparison * len(tests))(*tests))
        assert code == 0, (word, code)
    assert library.seccomp_load(context) == 0
    os.execv(argv[0], argv)


main(*sys.argv[1:])
