# SPDX-License-Identifier: LGPL-2.1-or-later
"""What databases say about a promise, read with Python's own sqlite3 and nothing of the product: a channel's
log on its host, the copies of its members, and what people were told of their texts (journal rows).

    findings = check(read_store("…/alice/p2pchat.db", "lobby"), {"bob": read_store(…)}, journal)

→ texts that begin with a name: lost, doubled, hole, swapped, altered, misplaced, cursor, outbox, behind,
invented."""
import collections
import contextlib
import json
import sqlite3

# What must be the same in every copy.
SAID = "seq, kind, id, username, user_type, time, extra"
SAID_NAMES = SAID.split(", ")

Store = collections.namedtuple("Store", "hosted begin_seq first_seq synced_seq last_seq read_seq n_queued n_unsent"
                                        " entries outbox")
Row = collections.namedtuple("Row", "id state error seq")


class Text:
    """One text of the test's journal: what was typed, and what was said of it so far."""

    def __init__(self, user, message_id, text):
        self.user, self.id, self.text = user, message_id, text
        self.told = "unknown"  # "queued": Send replied; "stored": at seqs, of which there should be one
        self.seqs = set()

    def tell(self, seq):
        if seq:
            self.told = "stored"
            self.seqs.add(seq)
        elif self.told == "unknown":
            self.told = "queued"


def read_store(path, channel):
    """Of a daemon that does not run."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], f"{path} is damaged"
        (row, *channel_fields), = db.execute(
            "SELECT id, hosted, begin_seq, first_seq, synced_seq, last_seq, read_seq, n_queued, n_unsent FROM channel"
            " WHERE name = ?", (channel,)).fetchall()
        entries = db.execute(f"SELECT {SAID} FROM entry WHERE channel = ? ORDER BY seq", (row,)).fetchall()
        outbox = db.execute("SELECT id, state, error, seq FROM outbox WHERE channel = ?", (row,)).fetchall()
    return Store(*channel_fields, entries, {r[0]: Row(*r) for r in outbox})


def check_shape(who, store):
    """What every log must be, by itself."""
    seqs = [e[0] for e in store.entries]
    first, last = (seqs[0], seqs[-1]) if seqs else (0, 0)
    missing = sorted(set(range(first, last + 1)) - set(seqs))
    if missing:
        yield f"hole: {who} lacks {missing[:10]} between {first} and {last}"
    counted = collections.Counter(e[2] for e in store.entries)
    for message_id, n in counted.items():
        if n > 1:
            yield f"doubled: {who} has {message_id} {n} times, at {[e[0] for e in store.entries if e[2] == message_id]}"
    if (store.first_seq, store.synced_seq) != (first, last):
        yield f"cursor: {who} says {store.first_seq} to {store.synced_seq} and holds {first} to {last}"
    if store.last_seq < store.synced_seq or store.read_seq > store.last_seq:
        yield f"cursor: {who} says that {store.last_seq} is the last, with {store.synced_seq}, read {store.read_seq}"
    states = collections.Counter(r.state for r in store.outbox.values())
    if (store.n_queued, store.n_unsent) != (states["queued"], states["queued"] + states["failed"]):
        yield f"outbox: {who} counts {store.n_queued} and {store.n_unsent} of {dict(states)}"


def check_copy(who, copy, host):
    """A member's log against the host's, over its range."""
    here = {e[0]: e for e in copy.entries}
    there = {e[0]: e for e in host.entries}
    where = {e[2]: e[0] for e in host.entries}
    for seq, e in here.items():
        if there.get(seq) == e:
            continue
        if e[2] in where and where[e[2]] != seq:
            yield f"swapped: {who} has at {seq} what the host has at {where[e[2]]}"
        elif seq not in there:
            yield f"lost: the host lacks {seq}, which {who} has"
        else:
            differ = [n for n, a, b in zip(SAID_NAMES, e, there[seq]) if a != b]
            yield f"altered: {who} has other {', '.join(differ)} at {seq} than the host"
    begin = (copy.begin_seq or 0) + 1  # what it was given first
    if copy.first_seq > begin:
        yield f"lost: {who} lacks {begin} to {copy.first_seq - 1}, where its copy began"
    if copy.synced_seq != host.synced_seq:
        yield f"behind: {who} ends at {copy.synced_seq}, the host at {host.synced_seq}"


def check_outbox(who, store, host):
    """An outbox against the host's log."""
    where = {e[2]: e[0] for e in host.entries}
    for row in store.outbox.values():
        if row.state == "stored" and where.get(row.id) != row.seq:
            yield f"outbox: {who} says {row.id} is stored at {row.seq}, the host has it at {where.get(row.id)}"
        if row.state == "failed":
            yield f"outbox: {who} has {row.id} failed ({row.error}), which nobody refuses"
        if row.state != "stored" and row.id in {e[2] for e in store.entries}:
            yield f"outbox: {who} has {row.id} in the log and says it is {row.state}"


def check_text(text, found, outbox):
    """One text of the journal against the host's log and its sender's outbox."""
    if not found:
        row = outbox.get(text.id)
        is_waiting = row and row.state == "queued"
        if text.told == "stored" or (text.told == "queued" and not is_waiting):
            yield f"lost: {text.id} of {text.user}, which was {text.told} {sorted(text.seqs)}, is not in the host's log"
        return
    seq, kind, _, username, _, _, extra = found
    if text.seqs - {seq}:
        yield f"misplaced: {text.id} of {text.user} was said to be at {sorted(text.seqs)} and is at {seq}"
    if (kind, username) != ("message", text.user) or json.loads(extra) != {"message_content": text.text}:
        yield f"altered: {text.id} of {text.user} at {seq} is not what was typed"


def check_log(host, typed):
    """The host's log against the ids of all that was typed."""
    latest = 0
    for seq, kind, message_id, username, _, time, _ in host.entries:
        if kind == "message" and message_id not in typed:
            yield f"invented: nobody typed {message_id}, which the host has at {seq} by {username}"
        if time < latest:
            yield f"swapped: the host's time goes back at {seq}"
        latest = time


def check(host, members, journal):
    """journal: Texts, those of one user in the order in which they were typed, none of which may be refused.
    stores: name → Store, with the host's own among them if its person typed."""
    findings = list(check_shape("the host", host))
    if host.entries and host.first_seq != 1:
        findings.append(f"lost: the host's log begins at {host.first_seq}")
    findings += check_log(host, {t.id for t in journal})
    findings += [f"cursor: {who} says that it hosts" for who, s in members.items() if s.hosted and s != host]
    found = {e[2]: e for e in reversed(host.entries)}
    for who, store in members.items():
        if not store.hosted:
            findings += check_shape(who, store)
            findings += check_copy(who, store, host)
        findings += check_outbox(who, store, host)
    latest = {}
    for text in journal:
        entry = found.get(text.id)
        findings += check_text(text, entry, members[text.user].outbox)
        if entry:
            if entry[0] < latest.get(text.user, 0):
                findings.append(f"swapped: {text.user} typed what is at {entry[0]} after what is at {latest[text.user]}")
            latest[text.user] = entry[0]
    return findings
