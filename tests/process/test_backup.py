# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moving to another computer: a backup holds everything but keys, is made and restored while everything
goes on, and no log is ever served by two."""
import base64
import contextlib
import json
import os
import re
import sqlite3
import stat
import threading

from p2pchat import CHANNEL, ERROR, refused, wait_for


def keys_of(peer):
    """PEM bodies and DER bytes of every key and certificate in a peer's store."""
    secrets = []
    with contextlib.closing(sqlite3.connect(f"file:{peer.state}/p2pchat.db?mode=ro", uri=True)) as db:
        pems = [r[0] for r in db.execute("SELECT key_pem FROM secret")]
        pems += [r[0] for r in db.execute("SELECT certificate_pem FROM identity WHERE certificate_pem IS NOT NULL")]
    for pem in pems:
        body = re.sub(r"-----[A-Z ]+-----|\s", "", pem)
        der = base64.b64decode(body)
        secrets += [body[:40].encode(), pem.split("\n")[1].encode(), der, der[-32:]]
    assert len(secrets) >= 8
    return secrets


def state_of(peer, channel):
    return peer.get(channel, CHANNEL, "State"), peer.get(channel, CHANNEL, "StateReason")


def live(peer, channel):
    wait_for(lambda: peer.get(channel, CHANNEL, "State") == "live", f"{peer.name} to be live")


def test_the_move(world, tmp_path):
    """alice hosts `den` and is in bob's `lobby`; she moves to another computer in three commands."""
    alice, bob = world.people("alice", "bob")
    lobby, den = bob.host("lobby"), alice.host("den")
    alice.join("lobby")
    bob.join("den")
    live(alice, lobby)
    live(bob, den)
    for i in range(5):
        bob.send(lobby, f"bob {i}", wait="stored")
        alice.send(den, f"den {i}", wait="stored")
    wait_for(lambda: len(alice.texts(lobby)) == 5, "alice's copy")
    alice.call(lobby, CHANNEL, "MarkRead", "ta{sv}", 3, {})
    secrets = keys_of(alice)

    backup = tmp_path / "alice.backup"
    told = json.loads(alice.ctl("backup", str(backup), "--json=short").stdout)
    assert (told["channels"], told["hosted"], told["users"]) == (2, 1, ["alice"])
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o600
    data = backup.read_bytes()
    assert told["bytes"] == len(data)
    assert not [s for s in secrets if s in data]
    assert b"PRIVATE KEY" not in data and b"bob 4" in data
    assert os.listdir(tmp_path) == ["alice.backup"]

    bob.send(lobby, "after the backup", wait="stored")  # comes to the new computer, once
    alice.send(den, "only the old computer has this", wait="stored")
    wait_for(lambda: len(bob.texts(den)) == 6, "bob's copy of den")

    new = world.peer("new")
    told = json.loads(new.ctl("restore", str(backup), "--json=short").stdout)
    assert (told["channels"], told["users"]) == (2, ["alice"]) and "set_aside" not in told
    account = json.loads(new.ctl("status", "--json=short").stdout)["account"]
    assert (account["username"], account["tracker"]) == (None, world.tracker.address)
    theirs = json.loads(alice.ctl("status", "--json=short").stdout)["account"]
    assert (told["tracker"], told["tracker_pin"]) == (account["tracker"], account["tracker_pin"]) == \
        (theirs["tracker"], theirs["tracker_pin"])
    assert den not in new.objects()
    new.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: lobby in new.objects(), "the channels to appear")
    live(new, lobby)
    wait_for(lambda: new.texts(lobby) == [f"bob {i}" for i in range(5)] + ["after the backup"], "what came since")
    assert new.messages(lobby) == bob.messages(lobby)
    assert new.get(lobby, CHANNEL, "ReadSeq") == 3

    assert state_of(new, den) == ("closed", "restored")
    assert new.texts(den) == [f"den {i}" for i in range(5)]
    with contextlib.closing(sqlite3.connect(f"file:{new.state}/p2pchat.db?mode=ro", uri=True)) as db:
        assert db.execute("SELECT went_back, hosted FROM channel WHERE name = 'den'").fetchone() == (1, 1)
        assert db.execute("SELECT count(*) FROM secret").fetchone() == (1,)  # of its own
    assert not [s for s in secrets if s in (open(f"{new.state}/p2pchat.db", "rb").read())]
    assert refused(new.host, "den")[0] == ERROR + "Conflict"  # the old computer still serves it
    new.stop_daemon()
    new.start_daemon()
    live(new, lobby)
    assert state_of(new, den)[0] == "closed"
    assert bob.texts(den)[-1] == "only the old computer has this"
    new.send(lobby, "from the new computer", wait="stored")
    wait_for(lambda: alice.texts(lobby)[-1:] == ["from the new computer"], "the old one to hear it")

    alice.ctl("signout")
    began = new.host("den")  # a new log, which says whose place it takes
    assert began != den
    assert new.messages(began)[0][6]["previous"] == new.get(den, CHANNEL, "Id")
    assert state_of(new, den)[0] == "closed" and len(new.texts(den)) == 5


def test_what_waits_is_stored_once(world, tmp_path):
    """Both computers send what waited at the time of the backup; a guest's texts have no sender any more."""
    alice, bob = world.people("alice", "bob")
    guest = world.peer("guest")
    guest.trust()
    guest.manager("SignInGuest", "sa{sv}", "gus", {})
    lobby = bob.host("lobby", send_permission="everyone")
    for peer in (alice, guest):
        peer.join("lobby")
        live(peer, lobby)
    bob.stop_daemon()
    for peer in (alice, guest):
        wait_for(lambda p=peer: p.get(lobby, CHANNEL, "State") != "live", "bob to be away")
        peer.send(lobby, "waits")
        peer.ctl("backup", str(tmp_path / peer.name))
    new = world.peer("new")
    told = new.ctl("restore", str(tmp_path / "alice")).stderr
    pin = json.loads(alice.ctl("status", "--json=short").stdout)["account"]["tracker_pin"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", pin)
    assert told.endswith(f"Tracker {world.tracker.address}, pin {pin}: compare the pin before you sign in.\n"
                         "Next: p2pchatctl signin alice\n")
    new.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: lobby in new.objects(), "the channel to appear")
    assert new.get(lobby, CHANNEL, "OutboxCount") == 1
    bob.start_daemon()
    for peer in (alice, new, guest):
        live(peer, lobby)
        wait_for(lambda p=peer: p.get(lobby, CHANNEL, "OutboxCount") == 0, "the outbox to be empty")
    assert bob.texts(lobby) == ["waits", "waits"]  # alice's, and the guest's own from where it was typed

    other = world.peer("other")
    told = json.loads(other.ctl("restore", str(tmp_path / "guest"), "--json=short").stdout)
    assert (told["outbox"], told["users"]) == (0, [])
    with contextlib.closing(sqlite3.connect(f"file:{other.state}/p2pchat.db?mode=ro", uri=True)) as db:
        assert db.execute("SELECT state, error, text FROM outbox").fetchall() == [("failed", "expired", "waits")]
        assert db.execute("SELECT n_queued, n_unsent, n_unsent_bytes FROM channel").fetchall() == [(0, 1, 5)]


def test_what_is_here_is_in_the_way(world, tmp_path):
    alice, bob = world.people("alice", "bob")
    alice.host("lobby")
    den = bob.host("den")
    bob.send(den, "keep me", wait="stored")
    backup = tmp_path / "b"
    alice.ctl("backup", str(backup))

    # nothing is overwritten unasked, and what replaces is whole
    was = backup.read_bytes()
    told = alice.ctl("backup", str(backup), "--json", check=False)
    assert told.returncode == 7 and json.loads(told.stdout)["error"]["name"].endswith(".Conflict")
    assert backup.read_bytes() == was
    backup.write_bytes(b"older")
    alice.ctl("backup", str(backup), "--force")
    assert backup.read_bytes().startswith(b"SQLite format 3")
    assert alice.ctl("backup", str(tmp_path), "--force", check=False).returncode == 7
    assert alice.ctl("backup", str(tmp_path / "no" / "where"), check=False).returncode == 1
    assert os.listdir(tmp_path) == ["b"]

    def refused(code, name, *args):
        told = bob.ctl("restore", *args, "--json", check=False)
        assert told.returncode == code, told
        assert json.loads(told.stdout)["error"]["name"] == "org.p2pchat.Error." + name
    refused(1, "AlreadySignedIn", str(backup))
    refused(1, "AlreadySignedIn", str(backup), "--set-aside")
    assert bob.texts(den) == ["keep me"]
    bob.ctl("signout")
    refused(7, "Conflict", str(backup))
    refused(4, "NoSuchFile", str(backup) + ".not")
    told = json.loads(bob.ctl("restore", str(backup), "--set-aside", "--json").stdout)
    assert told["set_aside"].startswith(bob.state + "/p2pchat.db.set-aside-")
    assert told["users"] == ["alice"]
    with contextlib.closing(sqlite3.connect(f"file:{told['set_aside']}?mode=ro", uri=True)) as db:
        assert db.execute("SELECT name FROM channel").fetchall() == [("den",)]
        assert db.execute("SELECT count(*) FROM entry WHERE extra LIKE '%keep me%'").fetchone() == (1,)
    assert os.stat(told["set_aside"]).st_nlink == 1
    for name in os.listdir(bob.state):
        assert stat.S_IMODE(os.stat(os.path.join(bob.state, name)).st_mode) == 0o600, name
    bob.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: [p for p in bob.objects() if "/channel/" in p], "alice's channel")
    bob.stop_daemon()
    bob.start_daemon()
    wait_for(lambda: [p for p in bob.objects() if "/channel/" in p], "the channel, after a restart")


def test_each_backup_is_of_one_moment(world, tmp_path):
    """… while texts come in all the time."""
    alice = world.people("alice")
    lobby = alice.host("lobby")
    stop = threading.Event()
    sent = []

    def talk():
        bus = alice.connect()
        while not stop.is_set():
            sent.append(alice.call(lobby, CHANNEL, "Send", "sa{sv}", str(len(sent)), {"wait": "stored"}, bus=bus))
        bus.close()
    talker = threading.Thread(target=talk, daemon=True)
    talker.start()
    try:
        for i in range(5):
            n = len(sent)
            wait_for(lambda n=n: len(sent) > n, "a text")
            path = tmp_path / str(i)
            alice.ctl("backup", str(path))
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                texts = [json.loads(r[0])["message_content"] for r in
                         db.execute("SELECT extra FROM entry WHERE kind = 'message' ORDER BY seq")]
                assert texts == [str(k) for k in range(len(texts))] and len(texts) > n
                assert db.execute("SELECT synced_seq = (SELECT max(seq) FROM entry) FROM channel").fetchone() == (1,)
                assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    finally:
        stop.set()
        talker.join(30)
