# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is removed is gone: on the wire, on the bus, in p2pchatctl, and from every file of everybody's state
directory, while real daemons run."""
import json
import os
import pathlib
import sqlite3

import pytest

from conformance import sentence
from modelstage import MemberStage
from outsider import Member
from p2pchat import CHANNEL, MODERATION, refused, wait_for
from wirestage import BAD_REQUEST, Room, Stage, error_of, fill

NO_SUCH_ENTRY = ("REQUEST_ERROR", "no-such-entry")
NOT_MODERATOR = ("UNAUTHORIZED", "not-moderator")
NOT_OWNER = ("UNAUTHORIZED", "not-owner")
MINUTE = 60


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        yield Room(stage, dial)


# -- the wire

@sentence("5.REDACT.1", "5.REDACT.2", "5.REDACT.4", "5.REDACT.5", "5.REDACT.8", "5.REMOVAL.2", "5.REMOVAL.3",
          "5.REMOVAL.10", "5.ENTRY.12")
def test_redact(stage, room):
    bob, carol, guest = room.member("bob"), room.member("carol"), room.visitor("guest-gail")
    owner = Member(room.dial(room.address, stage.device("alice")), room.name)
    owner.connect()
    guest.connect()
    owner.ok("VIEW", send_permission="everyone")
    one, two = fill(bob, 2)
    (of_guest,) = guest.store("a guest's")
    before = {e["seq"]: e for e in carol.read_to(of_guest)}
    for wrong in ({}, {"seq": 0}, {"seq": -1}, {"seq": "1"}, {"seq": one, "reason": "x" * 257},
                  {"seq": one, "reason": "a\nb"}, {"seq": one, "reason": 1}):
        assert error_of(bob.request("REDACT", **wrong)) == BAD_REQUEST, wrong
    for who, seq, expected in ((carol, one, NOT_MODERATOR), (guest, one, NOT_MODERATOR), (bob, of_guest, NOT_MODERATOR),
                               (bob, 1, NO_SUCH_ENTRY), (owner, 2**53 - 1, NO_SUCH_ENTRY)):
        assert error_of(who.request("REDACT", seq=seq)) == expected, seq
    assert bob.ok("REDACT", seq=one, reason="a slip") == {}
    assert guest.ok("REDACT", seq=of_guest) == {}
    assert owner.ok("REDACT", seq=two) == {}
    for who in (bob, owner):
        assert who.ok("REDACT", seq=one) == {}  # once more: nothing more in the log
    told = carol.read_to(of_guest + 3)[-3:]
    assert [(e["kind"], e["username"], e["target_seq"]) for e in told] == [
        ("redact", "bob", one), ("redact", "guest-gail", of_guest), ("redact", "alice", two)]
    assert told[0]["reason"] == "a slip" and "reason" not in told[1]
    assert owner.ok("RET_INFO")["last_seq"] == told[-1]["seq"]
    kept = ("seq", "id", "kind", "username", "user_type", "time")
    late = room.member("dora", since=0)
    for entries in (late.read_to(told[-1]["seq"]), late.ok("HISTORY", limit=500)["entries"]):
        served = {e["seq"]: e for e in entries}
        for e in told:
            stub = served[e["target_seq"]]
            why = {"reason": e["reason"]} if "reason" in e else {}
            assert stub == {**{k: before[stub["seq"]][k] for k in kept},
                            "redacted": {"by": e["username"], "seq": e["seq"], "time": e["time"], **why}}
    # Its id is known, whatever it says now.
    again = {"id": before[one]["id"], "message_content": "another text"}
    (stored,) = bob.ok("MESSAGE", messages=[again])["stored"]
    assert (stored["seq"], stored["duplicate"]) == (one, True)


@sentence("5.CONNECT.2", "5.CONNECT.3a", "5.REMOVAL.6")
def test_retention(stage, room):
    bob = room.member("bob")
    owner = Member(room.dial(room.address, stage.device("alice")), room.name)
    assert "retention" not in owner.connect()
    assert error_of(bob.request("VIEW", retention_days=3)) == NOT_OWNER
    for wrong in (-1, 36501, "3", 1.5):
        assert error_of(owner.request("VIEW", retention_days=wrong)) == BAD_REQUEST, wrong
    owner.ok("VIEW", retention_days=36500)
    owner.ok("VIEW", retention_days=7)
    owner.ok("VIEW", retention_days=7)
    told = bob.read_to(3)[-2:]
    assert [(e["kind"], e["retention_days"]) for e in told] == [("view", 36500), ("view", 7)]
    rule = {"days": 7, "by": "alice", "seq": 3, "time": told[-1]["time"]}
    assert room.member("carol").state["retention"] == bob.ok("RET_INFO")["retention"] == rule
    owner.ok("VIEW", retention_days=0)
    assert "retention" not in room.member("dora").state


# -- a host that lies

def test_lying_redacts(world):
    """What cannot be removed stays; what can is: the host's word, whoever it says did it."""
    stage = MemberStage(world)
    with stage.host() as h:
        texts = stage.bob.texts(h.path)
        messages = [e["seq"] for e in h.entries if e["kind"] == "message"]
        targets = [1, len(h.entries) + 1, 2**53 - 1, 0, -1, "2", None, {"seq": messages[0]}]
        wrong = [h.add("redact", target_seq=t) for t in targets]
        h.do(lambda c: h.push(c, "MESSAGE", entries=wrong))
        wait_for(lambda: stage.get(h, "SyncedSeq") == len(h.entries), "bob to have them")
        assert stage.get(h, "State") == "live" and stage.bob.texts(h.path) == texts
        right = [h.add("redact", username="nobody-here", target_seq=messages[0]),
                 h.add(message_content="both", redacted={"by": "bob", "seq": 2, "time": "never"})]
        h.do(lambda c: h.push(c, "MESSAGE", entries=right))
        wait_for(lambda: stage.get(h, "SyncedSeq") == len(h.entries), "bob to have these")
        shown = stage.bob.messages(h.path)
        stub = shown[messages[0] - 1][6]
        assert stub["redacted"]["by"] == "nobody-here" and "text" not in stub
        assert "text" not in shown[-1][6] and stage.get(h, "State") == "live"
        assert "both" not in stage.bob.ctl("log", h.name, "-n", "500").stdout


# -- bus and p2pchatctl

def test_bus_and_ctl(world):
    alice, bob = world.people("alice", "bob")
    lobby = alice.host("lobby")
    there = bob.join("lobby")
    seq = alice.send(lobby, "of alice", wait="stored")[1]
    own = bob.send(there, "of bob", wait="stored")[1]
    assert refused(bob.call, there, MODERATION, "Redact", "ta{sv}", seq, {})[0].endswith(".NotModerator")
    assert refused(bob.call, there, MODERATION, "Redact", "ta{sv}", 1, {})[0].endswith(".NoSuchEntry")
    assert refused(bob.call, there, MODERATION, "Redact", "ta{sv}", 0, {})[0].endswith(".NoSuchEntry")
    assert refused(bob.call, there, MODERATION, "Redact", "ta{sv}", own, {"reason": "a\nb"})[0].endswith(".BadRequest")
    bob.call(there, MODERATION, "Redact", "ta{sv}", own, {"reason": "mine"})
    wait_for(lambda: bob.messages(there)[-1][2] == "redact", "bob to have it")
    entries = {e[0]: e for e in bob.messages(there)}
    assert "text" not in entries[own][6] and entries[own][6]["redacted"]["by"] == "bob"
    assert (entries[own + 1][6]["target_seq"], entries[own + 1][6]["reason"]) == (own, "mine")
    # By another program: the entry tells which message.
    assert alice.ctl("redact", "lobby", str(seq), "--reason=old").returncode == 0
    for peer in (bob, alice):  # who did it, and why, where the message was
        wait_for(lambda peer=peer: peer.ctl("log", "lobby").stdout.splitlines()[1].endswith(
            " alice: (removed by alice: old)"), "both to see it")
        assert peer.ctl("log", "lobby").stdout.splitlines()[2].endswith(" bob: (removed by bob: mine)")
    assert f"removed message {seq} (old)" in alice.ctl("log", "lobby").stdout
    lines = [json.loads(x) for x in alice.ctl("log", "lobby", "-o", "json").stdout.splitlines()]
    (stub,) = [x for x in lines if x["seq"] == seq]
    (redact,) = [x for x in lines if x["kind"] == "redact" and x["target_seq"] == seq]
    assert "message_content" not in stub
    assert stub["redacted"] == {"by": "alice", "seq": redact["seq"], "time": redact["time"], "reason": "old"}
    # What is taken away in a file has as little of it, and no hole either.
    for peer in (alice, bob):
        lines = [json.loads(x) for x in peer.ctl("export", "lobby").stdout.splitlines()]
        exported = [x for x in lines if "seq" in x]
        assert [x["seq"] for x in exported] == list(range(1, exported[-1]["seq"] + 1))
        for x in exported:
            if x["seq"] in (seq, own):
                assert (x["redacted"]["by"], x["redacted"]["reason"]) == \
                    (("alice", "old") if x["seq"] == seq else ("bob", "mine"))
                assert "message_content" not in x
        text = peer.ctl("export", "lobby", "--format=text").stdout
        assert text.count("(removed by alice: old)") == text.count("(removed by bob: mine)") == 1
        assert "of alice" not in text and "of bob" not in text
    for arguments, status in ((("redact", "lobby", "x"), 2), (("redact", "lobby"), 2), (("redact", "lobby", "1"), 4),
                              (("redact", "nowhere", "1"), 4), (("retention", "lobby", "-1"), 2),
                              (("retention", "lobby", "36501"), 7)):
        assert alice.ctl(*arguments, check=False).returncode == status, arguments
    failed = bob.ctl("--json=short", "retention", "lobby", "7", check=False)
    assert failed.returncode == 5 and json.loads(failed.stdout)["error"]["name"].endswith(".NotOwner")
    assert alice.get(lobby, CHANNEL, "RetentionDays") == 0
    assert alice.ctl("retention", "lobby").stdout == "for ever\n"
    alice.ctl("retention", "lobby", "7")
    for peer, path in ((alice, lobby), (bob, there)):
        wait_for(lambda peer=peer, path=path: peer.get(path, CHANNEL, "RetentionDays") == 7, "the property")
    assert bob.ctl("retention", "lobby").stdout == "7 days\n"
    shown = json.loads(bob.ctl("--json=short", "retention", "lobby").stdout)
    assert shown == {"channel_name": "lobby", "retention_days": 7}
    assert json.loads(bob.ctl("--json=short", "info", "lobby").stdout)["retention_days"] == 7
    assert "keep 7 days" in alice.ctl("log", "lobby").stdout
    alice.ctl("retention", "lobby", "0")
    wait_for(lambda: bob.get(there, CHANNEL, "RetentionDays") == 0, "bob to know")
    alice.stop_daemon()
    wait_for(lambda: bob.get(there, CHANNEL, "State") == "offline", "bob to be alone")
    assert refused(bob.call, there, MODERATION, "Redact", "ta{sv}", own, {})[0].endswith(".HostOffline")


# -- files

def holding(peers, word):
    """→ files of these state directories that hold the word, as it is or as JSON may spell it."""
    spellings = {word.encode(), json.dumps(word)[1:-1].encode(), json.dumps(word, ensure_ascii=False)[1:-1].encode()}
    found = []
    for peer in peers:
        for path in pathlib.Path(peer.state).rglob("*"):
            try:
                data = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                continue
            found += [str(path) for s in spellings if s in data]
    return found


def said(word, n):
    """Texts that fill pages, and some that fill many."""
    return [f"{word} {i} " + "x" * (30 + i * 37 % 700 + (8000 if i % 13 == 0 else 0)) for i in range(n)]


def wait_until_gone(peers, word):
    wait_for(lambda: not holding(peers, word), f"no file to hold {word}: {holding(peers, word)}", deadline=MINUTE)


def age(peer, days):
    """As if the log were older; the daemon is not running."""
    (path,) = pathlib.Path(peer.state).glob("*.db")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE entry SET time = time - ?", (days * 86400 * 1000000,))
        db.execute("UPDATE retention SET begins = begins - ?", (days * 86400 * 1000000,))
    db.close()


def test_no_file_holds_it(world):
    alice, bob = world.people("alice", "bob")
    lobby = alice.host("lobby")
    there = bob.join("lobby")
    secret, stays = "quiet-h\u00e9ron \"q\"\ttab", "loud-parr\u00f6t"
    for texts in zip(said(secret, 120), said(stays, 120)):
        for text in texts:
            bob.send(there, text)
    wait_for(lambda: bob.get(there, CHANNEL, "SyncedSeq") == 241, "all of it at bob", deadline=MINUTE)
    assert len({os.path.dirname(f) for f in holding((alice, bob), secret)}) == 2
    targets = [e[0] for e in bob.messages(there) if secret in e[6].get("text", "")]
    assert len(targets) == 120
    for seq in targets:
        (bob if seq % 2 else alice).call(there if seq % 2 else lobby, MODERATION, "Redact", "ta{sv}", seq, {})
    wait_until_gone((alice, bob), secret)
    assert len(holding((alice, bob), stays)) >= 2
    assert alice.is_up() and bob.is_up()

    # What was never sent, and is cancelled.
    alice.stop_daemon()
    wait_for(lambda: bob.get(there, CHANNEL, "State") == "offline", "bob to be alone")
    ids = [bob.send(there, text)[0] for text in said("typed-badger", 40)]
    assert holding((bob,), "typed-badger")
    for message_id in ids:
        bob.call(there, CHANNEL, "Cancel", "sa{sv}", message_id, {})
    wait_until_gone((bob,), "typed-badger")

    # What grew old, while nobody ran.
    alice.start_daemon()
    wait_for(lambda: alice.get(lobby, CHANNEL, "State") == "live", "alice to serve again", deadline=MINUTE)
    alice.ctl("retention", "lobby", "2")
    wait_for(lambda: bob.get(there, CHANNEL, "RetentionDays") == 2, "bob to know", deadline=MINUTE)
    for peer in (alice, bob):
        peer.stop_daemon()
        age(peer, 3)
        peer.start_daemon()
    wait_for(lambda: bob.get(there, CHANNEL, "State") == "live", "bob to be back", deadline=MINUTE)
    (last,) = bob.send(there, "heard-lately", wait="stored")[1:]
    wait_until_gone((alice, bob), stays)
    wait_for(lambda: bob.get(there, CHANNEL, "SyncedSeq") == last, "bob to have it")
    assert len(holding((alice, bob), "heard-lately")) >= 2

    # A copy that is dropped.
    bob.ctl("leave", "lobby", "--forget")
    wait_until_gone((bob,), "heard-lately")
    assert holding((alice,), "heard-lately")
