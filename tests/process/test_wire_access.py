# SPDX-License-Identifier: LGPL-2.1-or-later
"""ACCESS of the protocol page at a real host: who may ask what of whom, what the answer holds, and the push
to who was refused and to who has joined."""
import re

import pytest

from conformance import sentence
from outsider import Member
from wirestage import BAD_REQUEST, Room, Stage, error_of

NOT_MODERATOR = ("UNAUTHORIZED", "not-moderator")
RESTRICTED = ("UNAUTHORIZED", "restricted")
KEYS = {"username", "role", "can_view", "can_send", "can_moderate", "why"}
MINUTE = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@pytest.fixture
def dial(stage):
    with stage.dialling() as dial_:
        yield dial_
    assert stage.alice.is_up()


@pytest.fixture
def room(stage, dial):
    r = Room(stage, dial)
    r.owner = Member(dial(r.address, stage.device("alice")), r.name)
    r.owner.connect()
    stage.person("bob")
    stage.person("carol")
    return r


def may(m, **payload):
    """→ (role, "view send moderate", the texts of `why`)"""
    a = m.ok("ACCESS", **payload)
    assert set(a) == KEYS and a["role"] in ("owner", "moderator", "member", "none")
    assert 1 <= len(a["why"]) <= 8
    for text in a["why"]:
        assert 1 <= len(text.encode()) <= 256 and text.isprintable()
    return a["role"], " ".join(k for k in ("view", "send", "moderate") if a["can_" + k]), a["why"]


def nothing_follows(m):
    """Whatever was said before the answer to a request is here now."""
    m.ok("ACCESS")
    assert not [f for f in m.connection.pushes if f.header == "ACCESS"]


@sentence("5.ACCESS.1", "5.ACCESS.2", "5.ACCESS.4", "5.ACCESS.5", "5.ACCESS.7", "5.ACCESS.8")
def test_who_asks_what(stage, room):
    room.owner.ok("VIEW", view_permission="restricted", send_permission="members")
    bob, carol, guest = (room.visitor(name) for name in ("bob", "carol", "guest-gail"))
    assert may(bob) == may(bob, username="bob") == \
        ("none", "", ["restricted channel", "only members may send", "bob is not a member"])
    assert may(guest) == may(guest, username="guest-gail") == \
        ("none", "", ["restricted channel", "only members may send", "guest-gail is a guest, not a member"])
    assert may(room.owner)[:2] == ("owner", "view send moderate")
    assert bob.refused("CONNECT", since=0, invisible=False) == RESTRICTED
    assert may(bob)[1] == ""

    room.owner.ok("AUTHORIZE", target="bob", role="member")
    role, what, why = may(bob)
    assert (role, what) == ("member", "view send")
    assert re.fullmatch(rf"alice made bob a member on {MINUTE}", why[-1])
    for who in (bob, carol, guest):
        for name in ("alice", "nobody-has-this", "guest-nobody"):
            assert who.refused("ACCESS", username=name) == NOT_MODERATOR
    room.owner.ok("AUTHORIZE", target="bob", role="moderator")
    assert may(bob, username="alice")[:2] == ("owner", "view send moderate")
    stranger = [c for c in (may(bob, username=name) for name in ("carol", "nobody-has-this"))]
    assert [s[:2] for s in stranger] == [("none", "")] * 2
    assert stranger[0][2][-1] == "carol is not a member" and stranger[1][2][-1] == "nobody-has-this is not a member"
    assert may(bob, username="guest-nobody")[:2] == ("none", "")

    room.owner.ok("AUTHORIZE", target="bob", role="none")
    role, what, why = may(room.owner, username="bob")
    assert (role, what, why[0], why[2]) == ("none", "", "restricted channel", "bob is not a member")
    assert re.fullmatch(rf"alice removed bob on {MINUTE}", why[-1])
    assert bob.refused("ACCESS", username="alice") == NOT_MODERATOR


@sentence("5.ACCESS.5", "2.38")
def test_bad_names(room):
    bob = room.visitor("bob")
    for wrong in ("", "x", "Bob", "a b", "a" * 33, "ü", "bob\u0007", 7, True, [], {}, "-bob"):
        f = bob.request("ACCESS", username=wrong)
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == "username", wrong
    assert may(bob)[0] == "none"


@sentence("5.ACCESS.3", "5.ACCESS.10", "5.ACCESS.11", "5.ACCESS.13", "5.ACCESS.14", "5.CLOSED.2")
def test_what_is_told(room):
    bob, guest, early = room.visitor("bob"), room.visitor("guest-gail"), room.member("carol")
    bob.channel_id = guest.channel_id = early.channel_id
    room.owner.ok("VIEW", view_permission="restricted")
    assert early.push("CLOSED")["reason"] == "restricted"
    for m in (bob, guest):
        assert m.refused("CONNECT", since=0, invisible=False) == RESTRICTED
        nothing_follows(m)
    room.owner.ok("AUTHORIZE", target="bob", role="member")
    told = bob.push("ACCESS")
    assert set(told) == {"channel_name", "channel_id", "can_view", "can_send"}
    assert (told["can_view"], told["can_send"]) == (True, True)
    nothing_follows(guest)
    nothing_follows(early)
    state = bob.connect()
    bob.read_to(state["last_seq"])

    # Who was put out hears of it in the same way; a guest may view what is public, and not send.
    room.owner.ok("VIEW", view_permission="public", send_permission="members")
    for m in (guest, early):
        told = m.push("ACCESS")
        assert (told["can_view"], told["can_send"]) == (True, False)
    nothing_follows(bob)
    early.connect()
    room.owner.ok("AUTHORIZE", target="carol", role="member")
    assert early.push("ACCESS")["can_send"] is True
    assert not [f for f in early.connection.pushes if f.header == "MESSAGE" and f.payload["entries"][-1]["kind"] == "role"
                and f.payload["entries"][-1]["target"] == "carol"], "the entry came before it"
    early.connection.pushes.clear()

    # Out: CLOSED and nothing else, however it goes on.
    guest.ok("DISCONNECT")
    room.owner.ok("VIEW", view_permission="restricted")
    room.owner.ok("AUTHORIZE", target="carol", role="none")
    assert early.push("CLOSED")["reason"] == "restricted"
    (seq,) = room.owner.store("not for her")
    room.owner.ok("HISTORY", limit=1)
    nothing_follows(early)
    assert not [f for f in early.connection.pushes if f.header != "ACCESS" and "not for her" in str(f.payload)]
    room.owner.ok("VIEW", view_permission="public")
    assert early.push("ACCESS")["can_view"] is True
    nothing_follows(guest)
