#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds what the programs tell the journal, its catalog and the tests to each other.

    check-messages.py SOURCE_ROOT
    check-messages.py --self-test

daemon/message-ids.h, tracker/message-ids.h    every id, made with chance
units/p2pchat.catalog                          an entry for each, in that order, which shows no field that one of the
                                               id's lines lacks, no command and no page of a manual that is not there
LOG_FIELDS("MESSAGE_ID", MESSAGE_X, …)         in the programs: a line of that id; where the id is a parameter, the
                                               lines are those who call that function with one
tests                                          each id is named by a test in C (MESSAGE_X in a function that cmocka
                                               runs) or in Python (@message("X") of support/conformance.py)"""
import ast
import importlib.util
import pathlib
import re
import sys
import uuid

HEADERS = ("daemon/message-ids.h", "tracker/message-ids.h")
CATALOG = "units/p2pchat.catalog"
PROGRAMS = ("common", "daemon", "tracker")
COMMANDS = {"df", "journalctl", "loginctl", "ss", "stat", "systemctl", "timedatectl"}
UNITS = {"p2pchat-tracker", "p2pchat-tracker.service", "p2pchat-tracker.socket", "p2pchatd", "p2pchatd.service"}
CTLS = {"p2pchatctl": False, "p2pchat-trackerctl": True}  # in ctl/tracker?


class Sources:
    """The files of a tree, some of them with other words than they have."""

    def __init__(self, root, changed=None):
        self.root, self.changed = root, changed or {}

    def text(self, path):
        return self.changed.get(path) or (self.root / path).read_text(encoding="utf-8")

    def all(self, folder, suffix):
        """→ [(path, text)]"""
        paths = sorted(str(p.relative_to(self.root)) for p in (self.root / folder).rglob("*" + suffix))
        return [(p, self.text(p)) for p in paths]


def code(text):
    """C without its comments, each as long as before."""
    return re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.DOTALL)


def arguments(text, at):
    """→ the arguments between the parenthesis at `at` and its end, split at commas, each without white space around"""
    depth, begin, found, i = 0, at + 1, [], at
    while True:
        c = text[i]
        if c == '"':
            i = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, i).end()
            continue
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if (c == "," and depth == 1) or depth == 0:
            found.append(" ".join(text[begin:i].split()))
            begin = i + 1
        if depth == 0:
            return found
        i += 1


def functions(text):
    """→ [(name, begin, end)] of the functions of a source that is laid out as ours are"""
    text = re.sub(r"\b_printf_\(\d+, \d+\)", lambda m: "_" * len(m[0]), text)
    heads = re.finditer(r"^(?![#\s}/])[^;={}]*?\b(\w+)\([^;{}]*\)\s*\{$", text,
                        re.MULTILINE)
    return [(m[1], m.start(), text.find("\n}", m.end())) for m in heads]


def around(text, at):
    for name, begin, end in functions(text):
        if begin <= at < end:
            return name
    return None


# -- the parts

def ids_of(sources):
    """→ {name: id} in order, faults"""
    found, faults = {}, []
    for path in HEADERS:
        text = sources.text(path)
        for name, value in re.findall(r'^#define MESSAGE_(\w+) "([^"]*)"$', text, re.MULTILINE):
            if name in found or value in found.values():
                faults.append(f"{path}: {name} or its id is there twice")
            if not re.fullmatch("[0-9a-f]{32}", value) or uuid.UUID(value).version != 4:
                faults.append(f"{path}: {name} is not made with chance: use `systemd-id128 new`")
            found[name] = value
        if text.count("#define") != len(re.findall(r'^#define MESSAGE_\w+ "[^"]*"$', text, re.MULTILINE)):
            faults.append(f"{path}: a definition cannot be read")
    return found, faults


def catalog_of(text):
    """→ {id: entry} in order"""
    parts = re.split(r"^-- (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def lines_of(sources):
    """→ {name: [(where, fields)]}, faults"""
    found, faults, helpers = {}, [], {}
    texts = [(p, code(t)) for folder in PROGRAMS for p, t in sources.all(folder, ".c")]
    for path, text in texts:
        for m in re.finditer(r'"MESSAGE_ID"', text):
            where = f"{path}:{text.count(chr(10), 0, m.start()) + 1}"
            before = re.search(r"\bLOG_FIELDS(\()\s*$", text[:m.start()])
            if not before:
                if path not in ("common/base/log-pace.c", "common/base/log.c"):
                    faults.append(f"{where}: MESSAGE_ID is not the first of LOG_FIELDS")
                continue
            words = arguments(text, before.start(1))
            fields = {n.strip('"') for n, v in zip(words[::2], words[1::2]) if not re.search(r"\bNULL\b", v)}
            call = re.findall(r"\b(log_\w+)\(", text[:before.start()])[-1]
            if call == "log_paced":
                fields.add("CHAT_COUNT")
            faults += [f"{where}: {n} is no field for a catalog" for n in fields
                       if not re.fullmatch("CHAT_[A-Z]+|MESSAGE_ID", n)]
            name = re.fullmatch(r"MESSAGE_(\w+)", words[1])
            if name:
                found.setdefault(name[1], []).append((where, fields))
            elif re.fullmatch(r"\w+", words[1]) and around(text, m.start()):
                helpers[around(text, m.start())] = fields
            else:
                faults.append(f"{where}: {words[1]} is neither an id nor a parameter")
    for path, text in texts:
        for helper, fields in helpers.items():
            for m in re.finditer(rf"\b{helper}(\()", text):
                where = f"{path}:{text.count(chr(10), 0, m.start()) + 1}"
                for name in re.findall(r"\bMESSAGE_(\w+)", " ".join(arguments(text, m.start(1)))):
                    found.setdefault(name, []).append((where, fields))
    return found, faults


def verbs_of(sources, is_tracker):
    found = set()
    for path, text in sources.all("ctl", ".c"):
        if path.startswith("ctl/tracker/") != is_tracker and not path.endswith("/verb-log-level.c"):
            continue
        for m in re.finditer(r"^const Verb verbs_\w+\[\] = (\{)", code(text), re.MULTILINE):
            found |= {v[1] for a in arguments(code(text), m.start(1)) if (v := re.match(r'\{ "([\w-]+)"', a))}
    return found


def check_entry(sources, name, entry, verbs):
    faults = []
    for head in ("Subject: ", "Defined-By: p2pchat\n", "Documentation: man:"):
        if "\n" + head not in entry:
            faults.append(f"{name}: no {head.strip()}")
    for page, section in re.findall(r"\bman:([\w-]+)\((\d)\)", entry):
        if not list(sources.root.glob(f"[cdt]*/**/{page}.{section}.scd")):
            faults.append(f"{name}: there is no {page}({section})")
    body = entry.partition("\n\n")[2]
    if len(body.split()) < 12:
        faults.append(f"{name}: does not say what happened")
    for line in re.findall(r"^  (\S.*)$", body, re.MULTILINE):
        command, *rest = line.split()
        if command in CTLS:
            if not rest or rest[0] not in verbs[command]:
                faults.append(f"{name}: {command} has no verb {rest[:1]}")
        elif command == "systemctl" and not {w for w in rest[1:] if w[0] != "-"} <= UNITS:
            faults.append(f"{name}: {line}: no unit of ours")
        elif command not in COMMANDS and not re.fullmatch("@[A-Z_]+@", command):
            faults.append(f"{name}: {command} is no command that is known to be there")
    for line in entry.splitlines():
        if len(line) > 115:
            faults.append(f"{name}: a line of {len(line)} characters")
    return faults


def tests_of(sources):
    """→ {name of an id: [test]}"""
    spec = importlib.util.spec_from_file_location("check", pathlib.Path(__file__).parent / "check.py")
    conformance = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conformance)
    found = {}
    for path, text in sources.all("tests", ".c"):
        text = code(text)
        if "/message-ids.h" not in text:
            continue
        for function, begin, end in functions(text):
            for name in set(re.findall(r"\bMESSAGE_(\w+)", text[begin:end])):
                if conformance.runs(text, function):
                    found.setdefault(name, []).append(f"{path}: {function}")
    for path, text in sources.all("tests", ".py"):
        if "@message(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for d in node.decorator_list:
                    if isinstance(d, ast.Call) and getattr(d.func, "id", "") == "message":
                        for a in d.args:
                            found.setdefault(a.value, []).append(f"{path}: {node.name}")
    return found


def check(sources):
    ids, faults = ids_of(sources)
    catalog = catalog_of(sources.text(CATALOG))
    lines, more = lines_of(sources)
    faults += more
    tests = tests_of(sources)
    verbs = {ctl: verbs_of(sources, is_tracker) for ctl, is_tracker in CTLS.items()}
    if list(catalog) != list(ids.values()):
        for name, value in ids.items():
            if value not in catalog:
                faults.append(f"{name}: the catalog has no entry {value}")
        faults += [f"{CATALOG}: nothing is called {i}" for i in catalog if i not in ids.values()]
        if set(catalog) == set(ids.values()):
            faults.append(f"{CATALOG}: in another order than the ids")
    for name, value in ids.items():
        entry = catalog.get(value, "")
        if entry:
            faults += check_entry(sources, name, entry, verbs)
        shown = set(re.findall("@([A-Z_]+)@", entry))
        if name not in lines:
            faults.append(f"{name}: no line of it is logged")
        for where, fields in lines.get(name, []):
            if shown - fields:
                faults.append(f"{where}: {name} shows {', '.join(sorted(shown - fields))}, which this line lacks")
        if name not in tests:
            faults.append(f"{name}: no test names it")
    faults += [f"{where[0][0]}: {name} is not among the ids" for name, where in lines.items() if name not in ids]
    faults += [f"{where[0]}: {name} is not among the ids" for name, where in tests.items() if name not in ids]
    return faults


# -- faults that are planted

def self_test(root):
    tracker, journal = "tracker/message-ids.h", "tracker/accounts-journal.c"
    an_id = ids_of(Sources(root))[0]["TRACKER_SIGNED_UP"]
    planted = [
        ("an id of no chance", tracker, an_id, "0" * 32),
        ("an id that is there twice", tracker, "#define MESSAGE_TRACKER_STOPPED",
         f'#define MESSAGE_TRACKER_TWICE "{an_id}"\n#define MESSAGE_TRACKER_STOPPED'),
        ("an id without an entry", CATALOG, f"-- {an_id}\n", "-- " + uuid.uuid4().hex + "\n"),
        ("an entry of no id", CATALOG, "\n-- ", f"\n-- {uuid.uuid4().hex}\nSubject: x\n\n-- "),
        ("an entry that shows what is not set", CATALOG, "@CHAT_USER@ has an account now", "@CHAT_CHANNEL@"),
        ("a line that lacks a field", journal, '"CHAT_PEER", peer, "CHAT_KEY", c->key_id),\n                   "%s %s from',
         '"CHAT_KEY", c->key_id),\n                   "%s %s from'),
        ("a field that may be missing", journal, '"CHAT_PEER", peer, "CHAT_KEY", c->key_id),\n                   "%s %s from',
         '"CHAT_PEER", peer[0] ? peer : NULL, "CHAT_KEY", c->key_id),\n                   "%s %s from'),
        ("a field with a digit", journal, '"CHAT_LIMIT"', '"CHAT_LIMIT2"'),
        ("an id that no line has", journal, "MESSAGE_TRACKER_SIGNED_UP", "MESSAGE_TRACKER_RECOVERED"),
        ("a line of no id", journal, "MESSAGE_TRACKER_SIGNED_UP", "MESSAGE_TRACKER_SINGED_UP"),
        ("an id that is not the first", journal, 'LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_SIGNED_UP,',
         'LOG_FIELDS("CHAT_X", "x", "MESSAGE_ID", MESSAGE_TRACKER_SIGNED_UP,'),
        ("an id that is reckoned", journal, "MESSAGE_TRACKER_SIGNED_UP", "ids[0]"),
        ("a verb that is not there", CATALOG, "  p2pchatctl bans", "  p2pchatctl banns"),
        ("a command that is not there", CATALOG, "  df -h", "  dff -h"),
        ("a unit that is not there", CATALOG, "  systemctl edit p2pchat-tracker.socket", "  systemctl edit p2p.socket"),
        ("a manual that is not there", CATALOG, "man:p2pchatd(8)", "man:p2pchatd(9)"),
        ("an entry without a subject", CATALOG, "Subject: ", "Object: "),
        ("a test that is not run", "tests/scenario/tracker-journal.c", "heard(people_come_and_go),", ""),
        ("a test of no id", "tests/scenario/tracker-journal.c", "MESSAGE_TRACKER_SIGNED_UP", "MESSAGE_TRACKER_SINGED"),
    ]
    failed = [f"nothing is wrong, and yet: {f}" for f in check(Sources(root))]
    for what, path, old, new in planted:
        text = (root / path).read_text(encoding="utf-8")
        if old not in text:
            failed.append(f"{what}: nothing to change in {path}")
        elif not check(Sources(root, {path: text.replace(old, new)})):
            failed.append(f"{what}: not found")
    return failed


def main():
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    if sys.argv[1:] == ["--self-test"]:
        faults = self_test(here)
    elif len(sys.argv) == 2:
        faults = check(Sources(pathlib.Path(sys.argv[1])))
    else:
        raise SystemExit(__doc__)
    for f in faults:
        print(f)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
