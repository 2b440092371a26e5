# SPDX-License-Identifier: LGPL-2.1-or-later
"""§5 INVISIBLE and STATUS of the protocol page at a real host, by an outsider's clients. What takes half a minute is
looked at in virtual time: tests/unit/daemon/test-host-presence.c."""
import pytest

from conformance import sentence
from wirestage import BAD_REQUEST, Room, Stage, error_of

GUESTS_NOT_ALLOWED = ("UNAUTHORIZED", "guests-not-allowed")


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        yield Room(stage, dial)
    assert stage.alice.is_up()


def members(m):
    return [(x["username"], x["status"]) for x in m.ok("MEMBERS", limit=500)["members"]]


@sentence("5.CONNECT.7a", "5.STATUS.2", "5.STATUS.4", "5.STATUS.6", "5.PRESENCE.6")
def test_status(stage, room):
    bob = room.member("bob")
    laptop = room.member("carol", status="away")
    push = bob.push("PRESENCE")
    assert [(c["username"], c["status"]) for c in push["changes"]] == [("carol", "away")]
    assert push["members_online"] == laptop.state["members_online"] == 3
    phone = room.member(stage.device("carol"))
    assert bob.push("PRESENCE")["changes"][0]["status"] == "online"
    assert phone.ok("STATUS", status="away") == {}
    assert bob.push("PRESENCE")["changes"][0]["status"] == "away"
    assert members(laptop) == [("alice", "online"), ("bob", "online"), ("carol", "away")]
    assert room.member("guest-gail").ok("STATUS", status="away") == {}
    for wrong in ("offline", "ONLINE", "invisible", "", "away ", 1, None, True, ["away"]):
        assert error_of(phone.request("STATUS", status=wrong)) == BAD_REQUEST, wrong
        f = phone.request("CONNECT", since=0, invisible=False, status=wrong if wrong is not None else 0)
        assert error_of(f) == BAD_REQUEST, wrong
    assert members(bob)[2] == ("carol", "away")


@sentence("5.INVISIBLE.2", "5.INVISIBLE.6", "5.INVISIBLE.7", "5.INVISIBLE.8", "5.INVISIBLE.9", "5.MEMBERS.4",
          "5.STATUS.7")
def test_invisible(stage, room):
    """She reads and writes like everybody, and is nowhere; then she comes, which is an arrival."""
    bob = room.member("bob")
    here = [("alice", "online"), ("bob", "online")]
    carol = room.member("carol", invisible=True)
    assert carol.state["members_online"] == bob.ok("RET_INFO")["members_online"] == 2
    assert carol.ok("INVISIBLE", invisible=True) == carol.ok("STATUS", status="away") == {}
    (seq,) = carol.store("from nowhere")
    for m in (bob, carol):
        e = m.read_to(seq)[-1]
        assert (e["username"], e["message_content"]) == ("carol", "from nowhere")
        info = m.ok("RET_INFO")
        assert members(m) == [(x["username"], x["status"]) for x in info["members"]] == here
        assert info["generation"] == bob.state["generation"]
    carol.connect(since=seq, invisible=True)
    carol.ok("DISCONNECT")
    carol.connect(since=seq, invisible=True, status="away")
    other = room.member(stage.device("carol"))
    arrival = bob.push("PRESENCE")  # the first that there is
    assert [(c["username"], c["status"]) for c in arrival["changes"]] == [("carol", "online")]
    assert other.ok("INVISIBLE", invisible=True) == {}
    assert carol.ok("INVISIBLE", invisible=False) == {}  # what it said before holds
    assert members(bob)[:2] == here and members(bob)[2][0] == "carol"
    assert not [p for p in bob.connection.pushes if p.header == "PRESENCE" and p.payload["members_online"] != 3]


@sentence("5.INVISIBLE.3", "5.INVISIBLE.5", "5.STATUS.3", "5.STATUS.5")
def test_who_may(room):
    for who in ("bob", "guest-gail"):
        visitor = room.visitor(who)
        refused = BAD_REQUEST if who == "bob" else GUESTS_NOT_ALLOWED
        for on in (True, False):
            assert error_of(visitor.request("INVISIBLE", invisible=on)) == refused
        assert error_of(visitor.request("STATUS", status="away")) == BAD_REQUEST
        visitor.connect()
        assert visitor.ok("STATUS", status="away") == {}
    guest = visitor
    for on in (True, False):
        assert error_of(guest.request("INVISIBLE", invisible=on)) == GUESTS_NOT_ALLOWED
    bob = room.member("bob")
    for wrong in (0, 1, "true", None, [], {}):
        f = bob.request("INVISIBLE", invisible=wrong)
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == "invisible", wrong
    assert error_of(bob.request("INVISIBLE")) == BAD_REQUEST
    assert members(bob)[1:] == [("bob", "online"), ("guest-gail", "away")]
    bob.ok("DISCONNECT")
    assert error_of(bob.request("INVISIBLE", invisible=True)) == BAD_REQUEST
    assert error_of(guest.request("CONNECT", since=0, invisible=True)) == GUESTS_NOT_ALLOWED
