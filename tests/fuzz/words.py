#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a dictionary for libFuzzer of the string literals in C that comes on standard input."""
import re
import sys

WORD_MAX = 40

literal = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
escapes = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0"}


def value(text):
    return re.sub(rb"\\(.)", lambda m: escapes.get(m[1].decode(), m[1]), text.encode())


def entry(word):
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word) + '"'


text = re.sub(r"/\*.*?\*/|^\s*#.*?$", "", sys.stdin.read(), flags=re.S | re.M)
words = {value(m[1]) for m in literal.finditer(text) if "%" not in m[1].replace("%d", "") and not re.search(r"\w \w+ \w", m[1])}
print("# words of our sources")
for word in sorted(w for w in words if 0 < len(w) <= WORD_MAX):
    print(entry(word))
