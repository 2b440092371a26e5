#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds what says the errors' names again to the one table of them: p2pchat-protocol(7) the codes of the wire
with their statuses, p2pchatctl(1) the names of the bus with their exit statuses, the XML of the bus the
names, and the outsider's client, which is written from the page, its own list.

    check-errors.py SOURCE_ROOT
    check-errors.py --self-test"""
import ast
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
import errortable  # noqa: E402

PAGE = "common/wire/p2pchat-protocol.7.scd"
CTL = "ctl/p2pchatctl.1.scd"
MANAGER = "dbus/org.p2pchat.Peer1.Manager.xml"
OUTSIDER = "tests/support/outsider.py"


def of_page(text):
    """→ [(code, status)]"""
    return re.findall(r"^\|  ([a-z-]+)\n:  (UNAUTHORIZED|SERVER_ERROR|REQUEST_ERROR)\n", text, re.MULTILINE)


def of_ctl(text):
    """→ {(name, exit status)}"""
    rows = re.findall(r"^\|  (\d)\n:  [^:\n]*: (.*)$", text, re.MULTILINE)
    return {(name, int(status)) for status, names in rows for name in names.split(", ")}


def of_xml(text):
    """→ all names in the order of the list"""
    m = re.search(r"All of them:([\w\s,]+)\.\n", text)
    return re.split(r",\s*", m[1].strip()) if m else []


def of_methods(text):
    """→ names after each "Errors:", as far as they are names"""
    found = set()
    for names in re.findall(r"Errors:\s+(.*?)(?:\.\s|-->)", text, re.DOTALL):
        found |= set(re.findall(r"(?:^|,\s+)([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?=[,\s.]|$)", re.sub(r"\([^)]*\)", "", names)))
    return found


def of_outsider(text):
    """→ [(code, status)]"""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ERRORS":
            return [(c, status) for status, codes in ast.literal_eval(node.value).items() for c in codes.split()]
    return []


def check(root):
    def text(path):
        return (root / path).read_text(encoding="utf-8")
    rows = errortable.read(root)
    wire = [(r.wire, r.status) for r in rows if r.status != "LOCAL"]
    bus = {(r.dbus, r.exit) for r in rows}
    names = sorted({r.dbus for r in rows})
    faults = []

    def same(path, found, wanted):
        if found != wanted:
            differ = [x for x in wanted if x not in found] + [x for x in found if x not in wanted]
            faults.append(f"{path}: {differ or 'another order'}")
    same(PAGE, of_page(text(PAGE)), wire)
    same(OUTSIDER, of_outsider(text(OUTSIDER)), wire)
    same(CTL, of_ctl(text(CTL)), bus)
    same(MANAGER, of_xml(text(MANAGER)), names)
    for path in sorted((root / "dbus").glob("*.xml")):
        unknown = of_methods(path.read_text(encoding="utf-8")) - set(names)
        if unknown:
            faults.append(f"{path.relative_to(root)}: {sorted(unknown)}")
    return faults


def self_test(root):
    """Copies what is there, and plants a fault in each."""
    plants = {
        "": ("", "", ""),
        "another status": (errortable.TABLE, '"busy", SERVER_ERROR', '"busy", REQUEST_ERROR'),
        "another exit status": (errortable.TABLE, "EACCES, 5", "EACCES, 7"),
        "another name on the bus": (errortable.TABLE, '"TooLarge"', '"TooBig"'),
        "the page lacks a code": (PAGE, "|  stale-epoch\n:  REQUEST_ERROR\n", "|  stale\n:  REQUEST_ERROR\n"),
        "the page has another status": (PAGE, "|  banned\n:  UNAUTHORIZED", "|  banned\n:  REQUEST_ERROR"),
        "the manual has another exit status": (CTL, "denied: BadCredentials, ", "denied: "),
        "the manual has another name": (CTL, ": Timeout", ": TimedOut"),
        "the list of the bus lacks a name": (MANAGER, " Banned,", ""),
        "a method has an unknown name": (MANAGER, "Errors: NameTaken,", "Errors: NameGone,"),
        "the outsider has another list": (OUTSIDER, "busy internal", "busy"),
    }
    failed = []
    for name, (path, old, new) in plants.items():
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory)
            for p in [errortable.TABLE, PAGE, CTL, OUTSIDER] + [f"dbus/{x.name}" for x in (root / "dbus").glob("*.xml")]:
                (copy / p).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / p, copy / p)
            if path:
                text = (copy / path).read_text(encoding="utf-8")
                assert old in text, f"{name}: nothing to change"
                (copy / path).write_text(text.replace(old, new, 1), encoding="utf-8")
            try:
                found = check(copy)
            except AssertionError as e:
                found = [str(e)]
        if bool(found) != bool(name):
            failed.append(f"{name or 'nothing is wrong'}: {found}")
    return failed


def main():
    here = pathlib.Path(__file__).parent.parent.parent
    if sys.argv[1:] == ["--self-test"]:
        faults = self_test(here)
    elif len(sys.argv) == 2:
        faults = check(pathlib.Path(sys.argv[1]))
    else:
        raise SystemExit(__doc__)
    for f in faults:
        print(f)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
