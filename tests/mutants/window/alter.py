#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a copy of a source file of gui/model that has all its faults to choose from (faults.py): alter.py FILE OUT."""
import os
import sys

import faults


def main(path, out):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    try:
        rows = [row for row in faults.all_tables() if os.path.abspath(path).endswith("/" + row[0])]
        altered = faults.alter(text, rows)
    except ValueError as e:
        sys.exit(f"{path}: {e}")
    with open(out, "w", encoding="utf-8") as f:
        f.write(altered)


if __name__ == "__main__":
    main(*sys.argv[1:])
