# SPDX-License-Identifier: LGPL-2.1-or-later
"""A damaged database under a real daemon and a real tracker: it is set aside under a name that says when, or
not begun with; never deleted, and never served from."""
import contextlib
import glob
import json
import os
import re
import signal
import sqlite3

import pytest

from p2pchat import ACCOUNT, CHANNEL, ERROR, MANAGER, PATH, Process, refused, wait_for

PAGE = 4096
JUNK = bytes([0xA5]) * PAGE


def database(peer):
    return os.path.join(peer.state, "p2pchat.db")


def asides(peer):
    return sorted(glob.glob(database(peer) + ".damaged-*Z"))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def overwrite(path, page, data=JUNK):
    with open(path, "r+b") as f:
        f.seek(page * PAGE)
        f.write(data)


def root_of(path, table):
    """The page where that table begins."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0] - 1


def username(peer):
    account = peer.get(PATH, MANAGER, "DefaultAccount")
    return peer.get(account, ACCOUNT, "Username") if account != "/" else None


def stage(world):
    alice, bob = world.people("alice", "bob")
    alice.lobby = alice.host("lobby")
    bob.lobby = bob.join("lobby")
    assert bob.send(bob.lobby, "one", wait="stored")[1] > 0
    wait_for(lambda: bob.texts(bob.lobby) == ["one"], "bob's copy")
    return alice, bob


def journal(peer, words):
    return [line for line in peer.log().splitlines() if words in line]


def check_told(peer):
    """→ where it lies."""
    wait_for(lambda: asides(peer) and journal(peer, "lies at"), "the damaged one to be set aside")
    assert peer.get(PATH, MANAGER, "StoreState") == "ok"
    path = asides(peer)[0]
    name = os.path.basename(path)
    assert re.fullmatch(r"p2pchat\.db\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z", name)
    (line,) = journal(peer, "lies at")
    assert line.startswith("<3>") and path in line
    told = json.loads(peer.ctl("status", "--json=short").stdout)["store"]
    assert told["state"] == "ok" and told["aside"] == path and path in told["reason"]
    said = peer.ctl("status").stdout
    assert f"lies at {path} now" in said and "Restore a backup" in said
    return path


def goes_on(world, alice, bob):
    """alice is nobody, signs in again, and has her channel by a new log; bob keeps the one before."""
    wait_for(lambda: username(alice) is None, "nobody to be signed in")
    alice.trust()
    alice.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    name, words = refused(alice.host, "lobby")
    assert "new-log" in words, (name, words)
    lobby = alice.host("lobby", new_log=True, take_over=True)
    assert alice.send(lobby, "two", wait="stored")[1] > 0
    assert alice.get(lobby, CHANNEL, "Id") != bob.get(bob.lobby, CHANNEL, "Id")
    assert alice.get(lobby, CHANNEL, "Previous") == bob.get(bob.lobby, CHANNEL, "Id")
    wait_for(lambda: bob.get(bob.lobby, CHANNEL, "State") == "closed", "bob's channel to be closed")
    assert bob.texts(bob.lobby) == ["one"]
    after = bob.join("lobby")
    wait_for(lambda: bob.texts(after) == ["two"], "bob to be in the new one")


def test_found_at_start(world):
    alice, bob = stage(world)
    alice.stop_daemon()
    overwrite(database(alice), root_of(database(alice), "tracker"))
    before = read(database(alice))
    alice.start_daemon()
    path = check_told(alice)
    assert read(path) == before
    goes_on(world, alice, bob)
    # The next start finds nothing.
    alice.stop_daemon()
    alice.start_daemon()
    wait_for(lambda: username(alice) == "alice", "alice to be signed in")
    assert len(asides(alice)) == 1


def test_no_database_at_all(world):
    """Its first bytes are others'."""
    alice, bob = stage(world)
    alice.stop_daemon(signal.SIGKILL)
    overwrite(database(alice), 0, b"This was a database once." * 20)
    before, wal = read(database(alice)), read(database(alice) + "-wal")
    assert wal
    alice.start_daemon()
    path = check_told(alice)
    assert read(path) == before and read(path + "-wal") == wal
    goes_on(world, alice, bob)


def test_found_at_work(world):
    alice, bob = stage(world)
    for _ in range(40):
        alice.send(alice.lobby, "x" * 8000)
    wait_for(lambda: alice.get(alice.lobby, CHANNEL, "OutboxCount") == 0, "all to be stored")
    # What a daemon reads next must be from the file: one that has begun just now, with no WAL.
    alice.stop_daemon()
    pages = root_of(database(alice), "entry")
    alice.start_daemon()
    wait_for(lambda: alice.lobby in alice.objects() and alice.get(alice.lobby, CHANNEL, "State") == "live", "lobby")
    text = read(database(alice))
    for page in range(1, len(text) // PAGE):
        if page == pages or b"x" * 2000 in text[page * PAGE:(page + 1) * PAGE]:
            overwrite(database(alice), page)
    name, words = refused(alice.messages, alice.lobby)
    assert name in ("org.p2pchat.Error.Busy", "org.freedesktop.DBus.Error.UnknownObject"), (name, words)
    path = check_told(alice)
    assert JUNK in read(path)
    assert alice.process.alive()
    assert len(journal(alice, "is damaged. It is being read")) == 1

@pytest.mark.parametrize("name", ("alice", "bob"))
def test_a_text_that_waits(world, name):
    """What is left of it is shown and not sent; what waits behind it is."""
    alice, bob = stage(world)
    sender = alice if name == "alice" else bob
    sender.stop_daemon()
    with contextlib.closing(sqlite3.connect(database(sender))) as db, db:
        for n, (text, meta) in enumerate((("x'61ff62'", None), ("'c'", "{"))):
            db.execute("INSERT INTO outbox (channel, position, id, state, queued, n_bytes, text, meta) SELECT id, ? + 100,"
                       f" '00000000-0000-4000-8000-00000000000' || ?, 'queued', 1, 1, CAST({text} AS TEXT), ? FROM channel",
                       (n, n, meta))
        db.execute("UPDATE channel SET outbox_position = 200")
    sender.start_daemon()
    wait_for(lambda: sender.lobby in sender.objects(), "the channel")
    sender.send(sender.lobby, "behind")
    wait_for(lambda: alice.lobby in alice.objects() and alice.texts(alice.lobby) == ["one", "behind"], "what waits behind")
    rows, _ = sender.call(sender.lobby, CHANNEL, "GetOutbox", "a{sv}", {})
    assert [(r[1], r[5]["error"]) for r in rows if r[4] == "failed"] == [
        (text, ERROR + "BadRequest") for text in ("a\ufffdb", "c")]


def test_tracker(world):
    """Whose accounts are nobody else's to begin anew: it does not start, says what to do, and leaves it alone."""
    tracker = world.start_tracker()
    world.people("alice").stop_daemon()
    tracker.stop()
    path = os.path.join(tracker.state, "tracker.db")
    overwrite(path, 0, b"This was a database once." * 20)
    before = read(path)
    names = sorted(os.listdir(tracker.state))
    p = Process([os.environ["P2PCHAT_TRACKERD"], "--listen=127.0.0.1:0"], os.path.join(world.directory, "second.log"),
                {**os.environ, "STATE_DIRECTORY": tracker.state})
    wait_for(lambda: not p.alive(), "the tracker to end")
    assert p.child.returncode == 1
    assert "damaged" in p.text() and "backup" in p.text() and path in p.text(), p.text()
    assert read(path) == before and sorted(os.listdir(tracker.state)) == names
