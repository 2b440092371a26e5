# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of errors, common/wire/error-table.h, as tests read it."""
import collections
import pathlib
import re

TABLE = "common/wire/error-table.h"
ERROR = "org.p2pchat.Error."

# wire: code of the wire; status: LOCAL is never on the wire; dbus: behind ERROR; exit: of p2pchatctl
Row = collections.namedtuple("Row", "name wire status dbus errno exit")


def read(root):
    """→ [Row] in the table's order."""
    text = (pathlib.Path(root) / TABLE).read_text(encoding="utf-8")
    found = re.findall(r'ROW\((\w+), "([a-z-]+)", (\w+), "(\w+)", (\w+), (\d)\)', text)
    assert len(found) == len(re.findall(r"\bROW\([A-Z]", text)), "a row that is not as the others"
    return [Row(*row[:5], int(row[5])) for row in found]
