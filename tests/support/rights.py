# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads process/rights.txt: who may do what, cell by cell. It knows what the cells are, and nothing of how
they are tried."""
import collections
import itertools
import pathlib

PATH = pathlib.Path(__file__).parent.parent / "process" / "rights.txt"

VIEWS = ("public", "restricted")
SENDS = ("everyone", "registered", "members")
ACTORS = ("owner", "moderator", "member", "none", "banned", "banned-moderator", "guest", "banned-guest", "namesake")
USERS = ("owner", "moderator", "member", "none", "banned", "banned-moderator")
PEOPLE = (*USERS, "guest", "banned-guest", "oneself")

# All there is to try: (command, targets, values).
VARIANTS = (
    ("CONNECT", "-", ("visible", "invisible", "kicked")),
    ("MESSAGE", "-", "-"),
    ("HISTORY", "-", "-"),
    ("DISCONNECT", "-", "-"),
    ("RET_INFO", "-", ("-", "bans", "keys")),
    ("MEMBERS", "-", "-"),
    ("INVISIBLE", "-", ("true", "false")),
    ("STATUS", "-", ("online", "away")),
    ("ACCESS", ("-", *PEOPLE), "-"),
    ("VIEW", "-", ("change", "same")),
    ("TOPIC", "-", ("change", "same")),
    ("AUTHORIZE", (*PEOPLE, "unknown", "unknown-guest"), ("moderator", "member", "none")),
    ("AUTHORIZE", ("none",), ("king",)),
    ("KICK", (*PEOPLE, "unknown"), "-"),
    ("BAN", (*PEOPLE, "unknown", "unknown-guest"), ("forever", "until")),
    ("BAN", ("none",), ("past",)),
    ("UNBAN", (*PEOPLE, "unknown"), "-"),
    ("REDACT", (*PEOPLE, "namesake", "missing", "entry", "redacted"), "-"),
    ("DEBUG", "-", "-"),
)

Variant = collections.namedtuple("Variant", "command target value")
Word = collections.namedtuple("Word", "status code bus")  # code and bus None where it is no error


class Fault(Exception):
    pass


def variants():
    return [Variant(command, target, value) for command, targets, values in VARIANTS
            for target, value in itertools.product(targets, values)]


def settings():
    return list(itertools.product(VIEWS, SENDS))


def alternatives(text, all_of):
    chosen = all_of if text == "*" else text.split(",")
    unknown = set(chosen) - set(all_of)
    if unknown:
        raise Fault(f"no such alternative: {', '.join(sorted(unknown))}")
    return chosen


class Rights:
    """expected(variant, view, send, actor) → the Word of that cell."""

    def __init__(self, text):
        self.words, self.cells, self.n_rows = {}, {}, 0
        by_command = collections.defaultdict(list)
        for v in variants():
            by_command[v.command].append(v)
        for at, line in enumerate(text.splitlines(), 1):
            columns = line.split()
            try:
                if line.startswith("="):
                    status, code, bus = (*columns[2:], None, None)[:3]
                    self.words[columns[1]] = Word(status, code, bus)
                elif columns and not line.startswith("#"):
                    self.add(columns, by_command)
            except Fault as e:
                raise Fault(f"line {at}: {e}") from e
        missing = [(*v, *s, a) for v in variants() for s in settings() for a in ACTORS
                   if (v, *s, a) not in self.cells]
        if missing:
            raise Fault(f"{len(missing)} cells are not given, the first one is {' '.join(missing[0])}")

    def add(self, columns, by_command):
        if len(columns) != 5 + len(ACTORS):
            raise Fault(f"{len(columns)} columns")
        command, target, value, view, send, *outcomes = columns
        if command not in by_command:
            raise Fault(f"no such command: {command}")
        of_command = by_command[command]
        targets = alternatives(target, list(dict.fromkeys(v.target for v in of_command)))
        values = alternatives(value, list(dict.fromkeys(v.value for v in of_command if v.target in targets)))
        views, sends = alternatives(view, VIEWS), alternatives(send, SENDS)
        self.n_rows += 1
        for t, v in itertools.product(targets, values):
            variant = Variant(command, t, v)
            if variant not in of_command:
                raise Fault(f"there is no {' '.join(variant)}")
            for setting in itertools.product(views, sends):
                for actor, word in zip(ACTORS, outcomes):
                    if word not in self.words:
                        raise Fault(f"no such word: {word}")
                    if (variant, *setting, actor) in self.cells:
                        raise Fault(f"given already: {' '.join((*variant, *setting, actor))}")
                    self.cells[variant, *setting, actor] = word

    def word(self, variant, view, send, actor):
        return self.cells[variant, view, send, actor]

    def expected(self, variant, view, send, actor):
        return self.words[self.word(variant, view, send, actor)]


def read():
    return Rights(PATH.read_text(encoding="utf-8"))
