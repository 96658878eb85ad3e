#!/usr/bin/env python3
"""Writes guard/words.inc: every word of builtins.def, attributes.def and words.def in one hash table.

Usage: gen_words.py >words.inc     (in guard/, or with the three files named)
To be run whenever one of the three has changed; a unit test asks the table for every word of them.
The hash is that of hash_word() in known.c, so that no table is built when pysbx starts.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
KINDS = ["DUNDER", "BAD", "INNER", "PRIVATE", "ROAD", "LENT", "CORE", "ROOT", "METHOD", "COSTS", "TEXT"]
FACTOR = 0x9E3779B97F4A7C15


def read(names):
    words = {}
    for name in names:
        text = pathlib.Path(name).read_text(encoding="ascii")
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for kind, word, level in re.findall(r'^(\w+)\("([^"]+)"(?:, (\w+))?\)$', text, re.M):
            flags, old = words.get(word, (set(), "NONE"))
            if kind == "BUILTIN":
                old = level
            elif kind in KINDS:
                flags.add(kind)
            else:
                continue
            words[word] = (flags, old)
    return words


def hash_word(word):
    data = word.encode("ascii")
    value = int.from_bytes(data[:8], "little") ^ len(data) << 56
    if len(data) > 8:
        value ^= int.from_bytes(data[-8:], "little") >> 3
    return (value * FACTOR & (1 << 64) - 1) >> 40


def main():
    words = read(sys.argv[1:] or [HERE / "builtins.def", HERE / "attributes.def", HERE / "words.def"])
    size = 1
    while size < 3 * len(words):
        size *= 2
    slots = [None] * size
    for word in sorted(words):
        at = hash_word(word) % size
        while slots[at]:
            at = (at + 1) % size
        slots[at] = word
    print("/* Made by gen_words.py from builtins.def, attributes.def and words.def. */")
    print("#define WORD_SLOTS %d" % size)
    print("#define WORD_COUNT %d" % len(words))
    print("static const char word_text[] =")
    places, at = {}, 0
    for word in sorted(words):
        places[word] = at
        at += len(word)
        print('\t"%s"' % word)
    print("\t;")
    assert at < 65536
    print("static const struct known_word word_slots[WORD_SLOTS] = {")
    for at, word in enumerate(slots):
        if word:
            flags, level = words[word]
            bits = " | ".join("KNOWN_" + kind for kind in KINDS if kind in flags) or "0"
            print("\t[%d] = {%d, %d, BUILTIN_%s, %s}," % (at, places[word], len(word), level, bits))
    print("};")


main()
