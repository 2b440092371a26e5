#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds process/rights.txt to what there is to be decided: each cell is given once, with a word that is
explained and an error that the page has, and no request of section 5 is left out.

    check-rights.py SOURCE_ROOT
    check-rights.py --self-test"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
import errortable  # noqa: E402
import rights  # noqa: E402
from shapes import of_page  # noqa: E402

SENTENCES = "tests/conformance/sentences.tsv"
TABLE = "tests/process/rights.txt"


def check(table, sentences, errors):
    """→ (faults, what was read)"""
    try:
        r = rights.Rights(table)
    except rights.Fault as e:
        return [f"{TABLE}: {e}"], None
    commands = {v.command for v in rights.variants()}
    faults = [f"{c}: section 5 has it, {TABLE} has not" for c in sorted(set(of_page(sentences, "5")) - commands)]
    for name, w in r.words.items():
        if w.code and tuple(w) not in errors:
            faults.append(f"{name}: there is no error {' '.join(w)}")
        if name not in r.cells.values():
            faults.append(f"{name}: no cell says so")
    return faults, r


def errors_of(root):
    return {(row.status, row.wire, row.dbus) for row in errortable.read(root)}


def self_test(root):
    table = (root / TABLE).read_text(encoding="utf-8")
    sentences = (root / SENTENCES).read_text(encoding="utf-8")
    errors = errors_of(root)
    assert check(table, sentences, errors)[0] == []
    rows = [line for line in table.splitlines() if line and line[0] not in "#="]

    def changed(old, new):
        assert old in table
        return table.replace(old, new, 1)
    plants = {
        "not given": changed(rows[0] + "\n", ""),
        "given already": table + rows[-1] + "\n",
        "given already: CONNECT": changed(rows[0], rows[0].replace("public    ", "*         ")),
        "no such word": changed(rows[0], rows[0].replace(" ok ", " oh ", 1)),
        "columns": changed(rows[0], rows[0] + " ok"),
        "no such alternative: public-ish": changed(rows[0], rows[0].replace(" public ", " public-ish ")),
        "no such command": table + rows[0].replace("CONNECT", "CONECT ") + "\n",
        "there is no AUTHORIZE": table.replace("AUTHORIZE  none  ", "AUTHORIZE  none,member  "),
        "there is no error UNAUTHORIZED ": changed("UNAUTHORIZED   not-owner", "UNAUTHORIZED   not-owned"),
        "no cell says so": changed("= ok ", "= nothing OK\n= ok "),
    }
    for fault, planted in plants.items():
        found = check(planted, sentences, errors)[0]
        assert any(fault in f for f in found), f"{fault}: {found}"


def main():
    if sys.argv[1] == "--self-test":
        self_test(pathlib.Path(__file__).parent.parent.parent)
        return
    root = pathlib.Path(sys.argv[1])
    faults, r = check((root / TABLE).read_text(encoding="utf-8"), (root / SENTENCES).read_text(encoding="utf-8"),
                      errors_of(root))
    if faults:
        sys.exit("\n".join(faults))
    print(f"{r.n_rows} rows give {len(r.cells)} cells: {len(rights.variants())} variants, {len(rights.settings())} "
          f"settings, {len(rights.ACTORS)} actors")


if __name__ == "__main__":
    main()
