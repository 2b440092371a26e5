# SPDX-License-Identifier: LGPL-2.1-or-later
"""KICK, BAN and UNBAN between real programs: on the wire, on the bus, in p2pchatctl."""
import datetime

import pytest

from conformance import sentence
from outsider import TIME, Member
from wirestage import BAD_REQUEST, Room, Stage, error_of

BANNED = ("UNAUTHORIZED", "banned")
NO_SUCH_USER = ("REQUEST_ERROR", "no-such-user")
NOT_MODERATOR = ("UNAUTHORIZED", "not-moderator")
RATE_LIMITED = ("REQUEST_ERROR", "rate-limited")


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        yield Room(stage, dial)


def owner_of(stage, room):
    m = Member(room.dial(room.address, stage.device("alice")), room.name)
    m.connect()
    return m


def in_days(n):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=n)
    return then.strftime("%Y-%m-%dT%H:%M:%S.000Z")


# -- the wire

@sentence("5.KICK.2", "5.KICK.4", "5.KICK.5", "5.CLOSED.1", "5.CLOSED.2", "5.ENTRY.9")
def test_kick(stage, room):
    owner, carol = owner_of(stage, room), room.member("carol")
    bob, phone = room.member("bob"), Member(room.dial(room.address, stage.device("bob")), room.name)
    phone.connect()
    head = owner.ok("RET_INFO")["last_seq"]
    assert owner.ok("KICK", target="bob", reason="too loud") == {}
    for m in (bob, phone):
        closed = m.push("CLOSED")
        assert closed["reason"] == "kicked" and "alice" in closed["message"] and "too loud" in closed["message"]
    entry = carol.read_to(head + 1)[-1]
    assert {k: v for k, v in entry.items() if k not in ("id", "time")} == {
        "seq": head + 1, "kind": "kick", "username": "alice", "user_type": "REGISTERED", "target": "bob",
        "reason": "too loud"}
    assert "bob" not in [m["username"] for m in carol.ok("MEMBERS", limit=10)["members"]]
    f = bob.request("CONNECT", since=0, invisible=False)
    assert error_of(f) == RATE_LIMITED and 0 < f.payload["retry_after_ms"] <= 60_000
    assert error_of(bob.send("still here?")) == BAD_REQUEST  # before CONNECT
    assert owner.ok("KICK", target="bob") == {}
    assert owner.ok("RET_INFO")["last_seq"] == head + 1


@sentence("5.10", "5.BAN.2", "5.BAN.3", "5.BAN.6", "5.UNBAN.2", "5.UNBAN.3", "5.ENTRY.10", "5.ENTRY.11")
def test_ban(stage, room):
    owner, bob, carol = owner_of(stage, room), room.member("bob"), room.member("carol")
    owner.ok("AUTHORIZE", target="bob", role="moderator")
    head = owner.ok("RET_INFO")["last_seq"]
    until = in_days(30)
    assert owner.ok("BAN", target="bob", reason="spam", until=until) == {}
    closed = bob.push("CLOSED")
    assert closed["reason"] == "banned" and "alice" in closed["message"] and "spam" in closed["message"]
    assert until[:10] in closed["message"]
    entry = carol.read_to(head + 1)[-1]
    assert (entry["kind"], entry["target"], entry["reason"], entry["until"]) == ("ban", "bob", "spam", until)
    assert TIME.fullmatch(entry["time"]) and "key" not in entry
    for command, payload in (("CONNECT", {"since": 0, "invisible": False}), ("HISTORY", {"limit": 1}), ("MEMBERS", {"limit": 1}),
                             ("RET_INFO", {})):
        f = bob.request(command, **payload)
        assert error_of(f) == BANNED and "spam" in f.payload["message"], command
    assert error_of(owner.request("BAN", target="nobody-there")) == NO_SUCH_USER
    assert owner.ok("UNBAN", target="bob") == {}
    assert owner.ok("UNBAN", target="bob") == {}
    entry = carol.read_to(head + 2)[-1]
    assert (entry["kind"], entry["target"], "reason" in entry) == ("unban", "bob", False)
    assert bob.connect(since=0)["role"] == "none"
    assert owner.ok("RET_INFO")["last_seq"] == head + 2
    owner.ok("BAN", target="bob")
    owner.ok("UNBAN", target="bob", reason="has served")
    entry = carol.read_to(head + 4)[-1]
    assert (entry["kind"], entry["username"], entry["reason"]) == ("unban", "alice", "has served")


@sentence("5.ENTRY.8")
def test_reason_of_a_role(stage, room):
    owner, bob = owner_of(stage, room), room.member("bob")
    head = owner.ok("RET_INFO")["last_seq"]
    for wrong in ("x" * 257, "a\nb", 1, [], "a\x07b"):
        for command, payload in (("AUTHORIZE", {"role": "member"}), ("UNBAN", {})):
            f = owner.request(command, target="bob", reason=wrong, **payload)
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == "reason", (command, wrong)
    owner.ok("AUTHORIZE", target="bob", role="member", reason="x" * 256)
    owner.ok("AUTHORIZE", target="bob", role="member", reason="another changes nothing")
    owner.ok("AUTHORIZE", target="bob", role="none", reason="has left")
    owner.ok("AUTHORIZE", target="bob", role="member", reason="")
    entries = bob.read_to(head + 3)[-3:]
    assert [(e["kind"], e["username"], e["target"], e["role"], e.get("reason")) for e in entries] == [
        ("role", "alice", "bob", "member", "x" * 256), ("role", "alice", "bob", "none", "has left"),
        ("role", "alice", "bob", "member", None)]
    assert bob.ok("ACCESS")["why"][-1].endswith(" UTC"), "the reason of the change before is gone with it"
    owner.ok("AUTHORIZE", target="bob", role="none", reason="has left")
    assert bob.ok("ACCESS")["why"][-1].endswith(" UTC: has left")


@sentence("5.BAN.8", "5.BAN.9", "5.BAN.10")
def test_ban_of_a_guest(stage, room):
    """The key is banned, under whatever name it comes; the name is free for the next."""
    owner, eve = owner_of(stage, room), room.member("guest-eve")
    assert error_of(owner.request("BAN", target="guest-nobody")) == NO_SUCH_USER
    owner.ok("BAN", target="guest-eve", reason="spam")
    assert eve.push("CLOSED")["reason"] == "banned"
    entry = owner.read_to(owner.ok("RET_INFO")["last_seq"])[-1]
    assert entry["key"] == stage.people["guest-eve"].key_id
    assert error_of(eve.request("CONNECT", since=0, invisible=False)) == BANNED
    namesake = stage.authority().identity("guest/guest-eve")
    other = Member(room.dial(room.address, namesake), room.name)
    other.connect()
    owner.ok("UNBAN", target="guest-eve")
    eve.connect(since=0)


STATE = {"channel_id", "epoch", "owner", "role", "view_permission", "send_permission", "topic", "last_seq",
         "members_online", "generation", "message_rate", "message_burst"}


@sentence("5.RET_INFO.2", "5.RET_INFO.4", "5.RET_INFO.6", "5.RET_INFO.8")
def test_lists(stage, room):
    owner, bob, guest = owner_of(stage, room), room.member("bob"), room.member("guest-lou")
    owner.ok("AUTHORIZE", target="bob", role="moderator")
    until = in_days(1)
    stage.person("carol")
    owner.ok("BAN", target="carol", reason="spam", until=until)
    bob.ok("BAN", target="guest-lou")
    entries = {e["seq"]: e for e in owner.read_to(owner.ok("RET_INFO")["last_seq"])}
    (given,), (of_carol, of_lou) = ([e for e in entries.values() if e["kind"] == k] for k in ("role", "ban"))
    authorized = [{"username": "bob", "role": "moderator", "by": "alice", "since": given["time"]}]
    banned = [{"username": "carol", "by": "alice", "reason": "spam", "since": of_carol["time"], "until": until},
              {"username": "guest-lou", "key": stage.people["guest-lou"].key_id, "by": "bob", "since": of_lou["time"]}]
    for m in (owner, bob):
        info = m.ok("RET_INFO")
        assert set(info) == STATE | {"members", "authorized", "banned", "messages"}
        # the keys are another test's
        assert ([{k: r[k] for k in authorized[0]} for r in info["authorized"]], info["banned"]) == (authorized, banned)
        assert m.ok("RET_INFO", list="authorized") == {"authorized": info["authorized"]}
        page = m.ok("RET_INFO", list="banned", limit=1)
        assert page == {"banned": banned[:1], "next": page["next"]}
        assert m.ok("RET_INFO", list="banned", after=page["next"]) == {"banned": banned[1:]}
    visitor = room.visitor("dora")
    assert "banned" not in visitor.ok("RET_INFO")
    assert visitor.ok("RET_INFO", list="authorized") == {"authorized": authorized}
    assert error_of(visitor.request("RET_INFO", list="banned")) == NOT_MODERATOR
    assert error_of(guest.request("RET_INFO", list="authorized")) == BANNED


# -- wrong input

def test_bad_input_of_sanctions(stage, room):
    owner, bob, mo = owner_of(stage, room), room.member("bob"), room.member("mo")
    owner.ok("AUTHORIZE", target="mo", role="moderator")
    head = owner.ok("RET_INFO")["last_seq"]
    for command in ("KICK", "BAN", "UNBAN"):
        for field, wrong in (("target", {}), ("target", {"target": 7}), ("target", {"target": "Bob"}),
                             ("target", {"target": "x" * 33}), ("target", {"target": "mo"})):
            f = mo.request(command, **wrong)
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == field, (command, wrong)
        assert error_of(mo.request(command, target="alice")) == NOT_MODERATOR
        assert error_of(bob.request(command, target="mo")) == NOT_MODERATOR
    for reason in ("x" * 257, "a\nb", 1, "a\x07b"):
        for command in ("KICK", "BAN"):
            f = mo.request(command, target="bob", reason=reason)
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == "reason", reason
    for until in ("tomorrow", 1, "2026-01-01", "1970-01-01T00:00:00.000Z", in_days(-1)):
        f = mo.request("BAN", target="bob", until=until)
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == "until", until
    assert owner.ok("RET_INFO")["last_seq"] == head
    bob.store("still here")
