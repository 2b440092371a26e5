#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a copy of a source file with one text in it replaced by another: alter.py FILE OUT OLD NEW.
The old text must be there once, or the mutant would no longer be what its row in meson.build says."""
import sys


def alter(source, old, new):
    n = source.count(old)
    if n != 1:
        raise ValueError(f"the text to be altered is there {n} times, not once:\n{old}")
    return source.replace(old, new)


def main(path, out, old, new):
    with open(path, encoding="utf-8") as f:
        source = f.read()
    try:
        altered = alter(source, old, new)
    except ValueError as e:
        sys.exit(f"{path}: {e}")
    with open(out, "w", encoding="utf-8") as f:
        f.write(altered)


if __name__ == "__main__":
    main(*sys.argv[1:])
