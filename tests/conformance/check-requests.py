#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the requests of p2pchat-protocol(7) to the tables by which tracker and host read them: the same
commands, the same keys, the same ones of them required, and on the tracker who may ask.

    check-requests.py SOURCE_ROOT
    check-requests.py --self-test"""
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from shapes import of_page  # noqa: E402

SENTENCES = "tests/conformance/sentences.tsv"
TRACKER = "tracker/session-commands"
HOST = "daemon/host/channel-host"
FROM = {"FOR_ANYONE": r"anybody|a registered device", "FOR_STRANGERS": "who has no certificate",
        "FOR_SIGNED_IN": "who is signed in", "FOR_USERS": "users|the channel's owner"}


def rows(text):
    found = re.findall(r'\{\s*"(\w+)",\s*FIELD_\w+,\s*(?:offsetof|AT)\([^)]*\)(?:,\s*(true|false))?', text)
    return {name: required == "true" for name, required in found}


def of_code(root, prefix):
    """→ {command: (keys, FOR_… or "")}"""
    texts = [p.read_text(encoding="utf-8") for p in sorted(root.glob(prefix + "*.c"))]
    bodies, named = {}, {}
    for text in texts:
        bodies.update(re.findall(r"^(?:static )?\w[\w ]*?\**(\w+)\([^;{]*\) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))
        named.update(re.findall(r"^static const Field (\w+)\[\] = \{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL))

    def keys(function, depth=0):
        body = bodies.get(function, "")
        if "static const Field" in body:
            return rows(body)
        for name in named:
            if re.search(rf"\b{name}\b", body):
                return rows(named[name])
        for called in re.findall(r"\b(\w+)\(", body) if depth < 1 else []:
            found = keys(called, 1)
            if found:
                return found
        return {}
    table = "".join(re.findall(r"^static const (?:SessionCommand|struct Command \{.*?\}) ?commands\[\] = \{\n(.*?)^\};",
                               "\n".join(texts), re.MULTILINE | re.DOTALL))
    return {c: (keys(function), who) for c, who, function in
            re.findall(r'\{ "([A-Z_]+)", (?:(FOR_\w+), )?(\w+) \}', table)}


def check(root):
    text = (root / SENTENCES).read_text(encoding="utf-8")
    faults = []
    for section, prefix in (("4", TRACKER), ("5", HOST)):
        page, code = of_page(text, section), of_code(root, prefix)
        missing = set(page) - set(code)
        if section == "4":  # section 6 of the page has more of a host's
            missing ^= set(code) - set(page)
        faults += [f"{c}: stands on one side only" for c in sorted(missing)]
        for c in sorted(set(page) & set(code)):
            if page[c][0] != code[c][0]:
                faults.append(f"{c}: the page has {page[c][0]}, {prefix}*.c {code[c][0]}")
            if code[c][1] and not re.match(FROM[code[c][1]], page[c][1]):
                faults.append(f"{c}: from {page[c][1]!r} by the page, {code[c][1]} by the code")
    return faults


def self_test(root):
    plants = {
        "": ("", "", ""),
        "the tracker reads another key": (TRACKER + ".c", '{ "password", FIELD_STRING', '{ "secret", FIELD_STRING'),
        "the tracker reads one more": (TRACKER + "-channel.c", '{ "take_over", FIELD_BOOL, AT(take_over), false },',
                                       '{ "take_over", FIELD_BOOL, AT(take_over), false },\n{ "more", FIELD_BOOL, AT(x) },'),
        "a key is required": (TRACKER + "-channel.c", "AT(take_over), false", "AT(take_over), true"),
        "another may ask": (TRACKER + ".c", '"WHOIS", FOR_SIGNED_IN', '"WHOIS", FOR_ANYONE'),
        "a command that the page does not have": (TRACKER + ".c", '{ "WHOIS", ', '{ "WHOWAS", '),
        "the host reads another key": (HOST + "-session.c", '{ "since_id"', '{ "since_uuid"'),
        "the host requires a key": (HOST + "-read.c", '{ "limit", FIELD_UINT, offsetof(HistoryFields, limit), true',
                                    '{ "limit", FIELD_UINT, offsetof(HistoryFields, limit), false'),
        "the host lacks a command": (HOST + "-request.c", '{ "MEMBERS", ', '{ "MEMBER_LIST", '),
        "the page has another key": (SENTENCES, "Request: {query?, online?", "Request: {pattern?, online?"),
        "the page requires a key": (SENTENCES, "keep_others?}", "keep_others}"),
    }
    failed = []
    for name, (path, old, new) in plants.items():
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory)
            for p in [root / SENTENCES, *root.glob(TRACKER + "*.c"), *root.glob(HOST + "*.c")]:
                (copy / p.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(p, copy / p.relative_to(root))
            if path:
                files = [path] if (copy / path).exists() and old in (copy / path).read_text(encoding="utf-8") else [
                    str(p.relative_to(copy)) for p in copy.glob(path.removesuffix(".c") + "*.c")
                    if old in p.read_text(encoding="utf-8")]
                assert files, f"{name}: nothing to change"
                text = (copy / files[0]).read_text(encoding="utf-8")
                (copy / files[0]).write_text(text.replace(old, new), encoding="utf-8")
            found = check(copy)
        if bool(found) != bool(name):
            failed.append(f"{name or 'nothing is wrong'}: {found}")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        faults = self_test(pathlib.Path(__file__).parent.parent.parent)
    elif len(sys.argv) == 2:
        faults = check(pathlib.Path(sys.argv[1]))
    else:
        raise SystemExit(__doc__)
    for f in faults:
        print(f)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
