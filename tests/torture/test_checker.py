# SPDX-License-Identifier: LGPL-2.1-or-later
"""The checker is checked: each fault, planted in copies of good databases, is found by its name."""
import contextlib
import os
import random
import shutil
import sqlite3
import time

import pytest

from checker import Text, check, read_store
from p2pchat import CHANNEL, wait_for
from typist import Typist
from worlds import scratch_world

PEOPLE = ("alice", "bob", "carol")
# In each copy; :s is a text's seq with one before and one after it, of the same person.
DOUBLE = ("INSERT INTO entry SELECT channel, (SELECT max(seq) + 1 FROM entry), kind, id, username, user_type, NULL, time,"
          " extra, mention FROM entry WHERE seq = :s", "UPDATE channel SET synced_seq = synced_seq + 1, last_seq = last_seq + 1")
AGAIN = DOUBLE[0].replace("kind, id,", "kind, '00000000-0000-4000-8000-000000000000',")
SHIFT = ("UPDATE entry SET seq = -seq WHERE seq > :s", "UPDATE entry SET seq = -seq - 1 WHERE seq < 0")
SWAP = ("UPDATE entry SET seq = -1 WHERE seq = :s", "UPDATE entry SET seq = :s WHERE seq = :next",
        "UPDATE entry SET seq = :next WHERE seq = -1")
SHORTER = ("DELETE FROM entry WHERE seq = :s", *SHIFT,
           "UPDATE channel SET synced_seq = synced_seq - 1, last_seq = last_seq - 1")

FAULTS = {
    "lost everywhere": ("lost", PEOPLE, SHORTER),
    "lost on the host": ("lost", ("alice",), SHORTER),
    "lost with its hole": ("hole", PEOPLE, ("DELETE FROM entry WHERE seq = :s",)),
    "a hole in a copy": ("hole", ("carol",), ("DELETE FROM entry WHERE seq = :s",)),
    "an outbox emptied": ("lost", ("bob",), ("DELETE FROM outbox WHERE id = :waiting",)),
    "doubled everywhere": ("doubled", PEOPLE, DOUBLE),
    "doubled in a copy": ("doubled", ("carol",), DOUBLE),
    "swapped everywhere": ("swapped", PEOPLE, SWAP),
    "swapped in a copy": ("swapped", ("carol",), SWAP),
    "other text everywhere": ("altered", PEOPLE, ("UPDATE entry SET extra = replace(extra, 'bob', 'eve') WHERE seq = :s",)),
    "other time in a copy": ("altered", ("carol",), ("UPDATE entry SET time = time + 1 WHERE seq = :s",)),
    "another name in a copy": ("altered", ("carol",), ("UPDATE entry SET username = 'eve' WHERE seq = :s",)),
    "stored elsewhere": ("misplaced", PEOPLE, SWAP),
    "a cursor beyond": ("cursor", ("carol",), ("UPDATE channel SET synced_seq = synced_seq + 1, last_seq = last_seq + 1",)),
    "a cursor before": ("cursor", ("carol",), ("UPDATE channel SET synced_seq = synced_seq - 1",)),
    "a beginning before": ("cursor", ("carol",), ("UPDATE channel SET first_seq = first_seq - 1",)),
    "a head before": ("cursor", ("carol",), ("UPDATE channel SET last_seq = synced_seq - 1",)),
    "a copy cut short": ("behind", ("carol",), (
        "DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)",
        "UPDATE channel SET synced_seq = synced_seq - 1, read_seq = min(read_seq, synced_seq - 1)")),
    "stored in the outbox only": ("outbox", ("bob",), ("UPDATE outbox SET seq = seq + 1 WHERE id = :id",)),
    "still queued": ("outbox", ("bob",), ("UPDATE outbox SET state = 'queued' WHERE id = :id",)),
    "a wrong count": ("outbox", ("bob",), ("UPDATE channel SET n_queued = n_queued + 1",)),
    "typed once, there twice": ("invented", PEOPLE, (AGAIN, DOUBLE[1])),
    "a beginning cut off": ("lost", ("carol",), (
        "DELETE FROM entry WHERE seq < :s", "UPDATE channel SET first_seq = (SELECT min(seq) FROM entry)")),
    "a copy that hosts": ("cursor", ("carol",), ("UPDATE channel SET hosted = 1",)),
    "a time that goes back": ("swapped", PEOPLE, ("UPDATE entry SET time = time - 3600000000 WHERE seq = :s",)),
    "given up": ("lost", ("bob",), ("UPDATE outbox SET state = 'failed', error = 'busy' WHERE id = :waiting",)),
    "failed and stored": ("outbox", ("bob",), ("UPDATE outbox SET state = 'failed', error = 'busy' WHERE id = :id",)),
}


@pytest.fixture(scope="module")
def evidence():
    """Good databases of three, where bob typed and has one text that waits → (directory, journal)."""
    with scratch_world() as world:
        world.configure_tracker("[Limits]\nPasswordCost=1\n")
        alice, bob, carol = world.people(*PEOPLE)
        lobby = alice.host("lobby")
        for p in (bob, carol):
            p.join("lobby")
        typist = Typist(bob, lobby, random.Random(1))
        typist.start()
        wait_for(lambda: typist.n_told >= 10, "some texts")
        typist.stop()
        typist.join(30)
        assert not typist.errors
        wait_for(lambda: bob.get(lobby, CHANNEL, "OutboxCount") == 0, "bob's outbox to be empty")
        typist.look()
        last = alice.get(lobby, CHANNEL, "SyncedSeq")
        for p in (bob, carol):
            wait_for(lambda p=p: p.get(lobby, CHANNEL, "SyncedSeq") == last, f"{p.name} to be at {last}")
        alice.stop_daemon()
        typist.type_one()
        for p in (bob, carol):
            p.stop_daemon()
        yield world, typist.journal


def findings(directory, journal):
    stores = {name: read_store(os.path.join(directory, name, "p2pchat.db"), "lobby") for name in PEOPLE}
    return check(stores["alice"], stores, journal)


def test_nothing_wrong(evidence):
    world, journal = evidence
    assert findings(world.directory, journal) == []
    assert {t.told for t in journal} == {"stored", "queued"}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted(evidence, tmp_path, fault):
    name, where, statements = FAULTS[fault]
    world, journal = evidence
    text = journal[4]
    values = {"id": text.id, "waiting": journal[-1].id, "s": min(text.seqs), "next": min(journal[5].seqs)}
    for who in PEOPLE:
        os.mkdir(tmp_path / who)
        shutil.copy(os.path.join(world.directory, who, "p2pchat.db"), tmp_path / who)
        if who not in where:
            continue
        with contextlib.closing(sqlite3.connect(tmp_path / who / "p2pchat.db")) as db, db:
            for statement in statements:
                n = db.execute(statement, values).rowcount
                assert n > 0, statement
    found = findings(tmp_path, journal)
    assert any(f.startswith(name + ": ") for f in found), found


def test_reports(evidence):
    """What was told of a text that is nowhere, or elsewhere."""
    world, journal = evidence
    for told, name in ((None, None), (0, "lost"), (7, "lost")):
        text = Text("bob", "00000000-0000-4000-8000-%012x" % time.monotonic_ns(), "never typed")
        if told is not None:
            text.tell(told)
        found = findings(world.directory, [*journal, text])
        assert [f.split(":")[0] for f in found] == ([name] if name else []), found
