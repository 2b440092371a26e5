# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moving to another computer: a backup holds everything but keys, is made and restored while everything
goes on, and no log is ever served by two."""
import base64
import json
import os
import re
import sqlite3
import stat

import pytest

from p2pchat import CHANNEL, MANAGER, PATH, wait_for


def keys_of(peer):
    """PEM bodies and DER bytes of every key and certificate in a peer's store."""
    secrets = []
    with sqlite3.connect(f"file:{peer.state}/p2pchat.db?mode=ro", uri=True) as db:
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
    assert den not in new.objects()
    new.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: lobby in new.objects(), "the channels to appear")
    live(new, lobby)
    wait_for(lambda: new.texts(lobby) == [f"bob {i}" for i in range(5)] + ["after the backup"], "what came since")
    assert new.messages(lobby) == bob.messages(lobby)
    assert new.get(lobby, CHANNEL, "ReadSeq") == 3

    assert state_of(new, den) == ("closed", "restored")
    assert new.texts(den) == [f"den {i}" for i in range(5)]
    with sqlite3.connect(f"file:{new.state}/p2pchat.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT went_back, hosted FROM channel WHERE name = 'den'").fetchone() == (1, 1)
        assert db.execute("SELECT count(*) FROM secret").fetchone() == (1,)  # of its own
    assert not [s for s in secrets if s in (open(f"{new.state}/p2pchat.db", "rb").read())]
    assert bob.texts(den)[-1] == "only the old computer has this"
    new.send(lobby, "from the new computer", wait="stored")
    wait_for(lambda: alice.texts(lobby)[-1:] == ["from the new computer"], "the old one to hear it")
