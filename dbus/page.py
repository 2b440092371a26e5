#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the page of a bus name, in scdoc's form, of its introduction and of the comments in its XML: the reference takes
the place of the line @REFERENCE@.

    page.py INTRODUCTION XML...
    page.py --check XML...       prints what has no documentation; exit status 1 if anything"""
import re
import sys
import textwrap
import xml.etree.ElementTree as ET

# Arguments that are in every method or signal; nothing said: none is known yet.
COMMON = {"options", "details"}
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
EMITTED = {"false": "Changes are not told.", "const": "Never changes.", "invalidates": "Changes are told without the value."}


def read(path):
    """→ [(interface element, its comment, [(member element, its comment)])]"""
    root = ET.parse(path, ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))).getroot()

    def with_comments(parent):
        comment = ""
        for child in parent:
            if child.tag is ET.Comment:
                comment = child.text
            else:
                yield child, comment
                comment = ""
    return [(i, comment, [m for m in with_comments(i) if m[0].tag != "annotation"])
            for i, comment in with_comments(root) if i.tag == "interface"]


def parse(comment, name):
    """→ ({argument: text}, [paragraph]) of a comment that begins with the name"""
    first, _, rest = comment.strip().partition("\n")
    if not first.startswith(f"{name}:"):
        return {}, []
    text = first[len(name) + 1:].strip() + "\n" + textwrap.dedent(rest)
    arguments, paragraphs = {}, []
    for part in re.split(r"\n\s*\n|\n(?=@\w+: )", text):
        words = " ".join(part.split())
        if m := re.match(r"@(\w+): (.*)", words):
            arguments[m[1]] = m[2]
        elif words:
            paragraphs.append(words)
    return arguments, paragraphs


def escape(text):
    """What scdoc shows as it is."""
    text = re.sub(r"([\\*_~#|\[\]<>!`+.-])", r"\\\1", text)
    return re.sub(r"@(\w(?:\w|\\_)*)", r"_\1_", text)


def sentence(text):
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ":")) else ".")


def signature(member):
    def several(direction):
        return ", ".join(f"{escape(a.get('type'))} _{a.get('name')}_" for a in member.findall("arg")
                         if (a.get("direction") or "out") == direction)
    if member.tag == "signal":
        return f"({several('out')})"
    if member.tag == "property":
        return f" {escape(member.get('type'))}, {'read and written' if 'write' in member.get('access') else 'read'}"
    return f"({several('in')})" + (f" → ({several('out')})" if several("out") else "")


def describe(member, comment):
    """→ lines of a member"""
    arguments, paragraphs = parse(comment, member.get("name"))
    parts = [escape(sentence(p)) for p in paragraphs]
    rows = [f"_{a.get('name')}_: {escape(arguments[a.get('name')])}" for a in member.findall("arg")
            if a.get("name") in arguments]
    emits = {a.get("name"): a.get("value") for a in member.findall("annotation")}.get(EMITS)
    if emits in EMITTED:
        parts.append(EMITTED[emits])
    lines = ["++\n\t".join(rows)] if rows else []
    return f"*{member.get('name')}*{signature(member)}\n" + "\n\n".join("\t" + p for p in [*lines, *parts]) + "\n"


def reference(paths):
    parts = []
    for path in paths:
        for interface, comment, members in read(path):
            name = interface.get("name")
            arguments, paragraphs = parse(comment, name)
            title = re.search(r"@short_description: (.*)", comment)
            parts.append(f"# INTERFACE {escape(name)}\n")
            parts.append((escape(sentence(title[1])) + "\n") if title else "")
            parts += [escape(p) + "\n" for p in paragraphs]
            for tag, heading in (("method", "Methods"), ("signal", "Signals"), ("property", "Properties")):
                some = [describe(m, c) for m, c in members if m.tag == tag]
                parts += [f"## {heading}\n", *some] if some else []
    return "\n".join(p for p in parts if p)


def undocumented(paths):
    """→ what has no words of its own"""
    faults = []
    for path in paths:
        for interface, comment, members in read(path):
            name = interface.get("name")
            if "@short_description: " not in comment or not parse(comment, name)[1]:
                faults.append(f"{name}: says nothing of itself")
            for member, said in members:
                where = f"{name}.{member.get('name')}"
                arguments, paragraphs = parse(said, member.get("name"))
                known = {a.get("name") for a in member.findall("arg")}
                if not paragraphs and not arguments:
                    faults.append(f"{where}: has no documentation")
                    continue
                faults += [f"{where}: nothing is said of @{a}" for a in sorted(known - COMMON - set(arguments))]
                faults += [f"{where}: has no argument @{a}" for a in sorted(set(arguments) - known)]
    return faults


def main():
    if sys.argv[1:2] == ["--check"]:
        faults = undocumented(sys.argv[2:])
        print("".join(f + "\n" for f in faults), end="")
        return 1 if faults else 0
    with open(sys.argv[1], encoding="utf-8") as f:
        introduction = f.read()
    before, after = introduction.split("@REFERENCE@\n")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(before + reference(sys.argv[2:]) + "\n" + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
