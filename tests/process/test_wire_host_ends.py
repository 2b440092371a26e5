# SPDX-License-Identifier: LGPL-2.1-or-later
"""§5 of the protocol page at a real host: CLOSED and the rights of the moment, which end or narrow what a
member has."""
import json

import pytest

from conformance import sentence
from outsider import Listener, Member, alert, frame, tls_context
from p2pchat import HOST, wait_for
from wirestage import BAD_REQUEST, NO_SUCH_CHANNEL, Room, Stage, error_of, host_payload, message
from worlds import scratch_world


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@pytest.fixture(scope="module")
def quick():
    """Another stage, whose host hears from its tracker every second."""
    with scratch_world() as world:
        yield Stage(world, "LeaseSeconds=3\n").start_host()


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        yield Room(stage, dial)
    assert stage.alice.is_up()


# -- CLOSED

@sentence("5.CONNECT.13", "5.CLOSED.1", "5.CLOSED.2")
def test_newest_session(stage, room):
    """The newest session of a key has the channel, wherever the older ones are; another device is another
    key. What was replaced may ask, and come back."""
    old = room.member("bob")
    device = room.member(stage.device("bob"))
    for _ in range(3):
        new = room.member("bob", backlog=0)
        closed = old.push("CLOSED")
        assert set(closed) == {"channel_name", "channel_id", "reason", "message"} and closed["reason"] == "replaced"
        assert closed["message"]
        (seq,) = new.store("x")
        assert new.read_to(seq) and device.read_to(seq)
        old.ok("HISTORY", limit=1)
        seen = [e["seq"] for p in old.connection.pushes if p.header == "MESSAGE" for e in p.payload["entries"]]
        assert seq not in seen
        old = new
    assert not [p for p in device.connection.pushes if p.header == "CLOSED"]


@sentence("5.CLOSED.2")
def test_unhosted(stage, room):
    """Everybody hears CLOSED, nothing follows it, and the connection goes on."""
    members = [room.member(who) for who in ("bob", "carol", "guest-gail")]
    stage.alice.call(room.path, HOST, "Unhost", "a{sv}", {"forget": False})
    for m in members:
        assert m.push("CLOSED")["reason"] == "unhosted"
        m.connection.pushes.clear()
        assert error_of(m.request("HISTORY", limit=1)) == NO_SUCH_CHANNEL
        assert not m.connection.pushes


@sentence("4.HEARTBEAT.9b", "4.LEASES.7", "5.CLOSED.1", "5.ENTRY.5")
def test_moved(quick):
    """A host whose heartbeat says stale-epoch stops serving at once: CLOSED moved. The owner's other device
    has it then, under the next epoch."""
    alone = quick
    name, _, address = alone.host()
    with alone.dial(address, "bob") as c, alone.signed_in(alone.device("alice")) as other:
        m = Member(c, name)
        last = m.connect()["last_seq"]
        answer = other.ok("HOST", {
            "channel_name": name, "channel_id": m.channel_id, "addresses": ["127.0.0.1:4711"], "topic": "",
            "view_permission": "public", "epoch": 1, "last_seq": last, "members": 0, "take_over": True})
        assert answer["epoch"] == 2
        closed = m.push("CLOSED")
        assert (closed["reason"], closed["last_seq"]) == ("moved", last)
        assert error_of(m.send("x"))[1] in ("no-such-channel", "bad-request")
        assert error_of(m.request("CONNECT", since=0, invisible=False)) == NO_SUCH_CHANNEL
        other.ok("UNHOST", {"channel_name": name, "forget": False})
    assert alone.channel(name)["epoch"] == 2
    # Taken back it is the third epoch's, and the log says so before anybody is served.
    alone.alice.host(name)
    wait_for(lambda: alone.channel(name)["online"], "the channel to be back")
    with alone.dial(alone.channel(name)["addresses"][0], "bob") as c:
        m = Member(c, name)
        state = m.connect()
        entry = m.read_to(state["last_seq"])[-1]
        assert state["epoch"] == 3
        assert (entry["kind"], entry["epoch"], entry["host"], entry["username"]) == ("host", 3, "alice", "alice")


@sentence("1.39", "1.40", "5.CLOSED.1", "5.CLOSED.2")
def test_revoked(quick):
    """Of a key that signs out every channel hears CLOSED revoked, its connection ends, and its handshakes are
    refused, whichever certificate it shows; the user's other device and others stay."""
    rooms = [quick.host() for _ in range(2)]
    address = rooms[0][2]
    me, device = quick.person("rita"), quick.device("rita")
    older = quick.authority().identity("user/rita")
    older.key = me.key
    older.certificate = quick.authority().sign(me.key, [quick.authority().uri("user/rita")])
    with quick.dial(address, me) as a, quick.dial(address, device) as b, quick.dial(address, me) as idle:
        members = [Member(a, name) for name, _, _ in rooms]
        other = Member(b, rooms[0][0])
        for m in (*members, other):
            m.connect()
        with quick.signed_in(me) as c:
            assert c.ok("SIGNOUT") == {}
        for m in members:
            assert m.push("CLOSED")["reason"] == "revoked"
        assert a.ended() and idle.ended()
        for identity in (me, older):
            assert alert(address, identity) == "certificate revoked"
        (seq,) = other.store("still here")
        other.read_to(seq)
    with quick.dial(address, device) as b:
        Member(b, rooms[1][0]).connect()


@sentence("1.7", "1.41")
def test_revoked_host(quick):
    """Who dials refuses such a key likewise: not a byte is said to who shows it."""
    _, _, address = quick.host()
    me, device = quick.person("hanna"), quick.device("hanna")
    with quick.dial(address, me) as c, quick.signed_in(me) as signing_out:
        assert signing_out.ok("SIGNOUT") == {}
        assert c.ended(), "alice's daemon has heard of it"
    name = quick.new_name("trap")
    with Listener(tls_context(me, server=True)) as revoked, quick.signed_in(device) as c:
        c.ok("HOST", host_payload(name, addresses=[revoked.address]))
        quick.alice.join(name)
        wait_for(lambda: revoked.outcomes, "alice to dial")
        assert set(revoked.outcomes) == {"certificate revoked"}
        c.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("5.6", "5.7", "5.MESSAGE.17", "2.38", "5.CLOSED.2")
def test_view_is_asked_each_time(stage, room):
    """Now means now: from the entry on by which the channel is restricted, nothing is sent, in pages and
    pushes neither; let in again, everything is."""
    owner, m, outsider = (room.member(who) for who in (stage.device("alice"), "bob", "carol"))
    owner.ok("AUTHORIZE", target="bob", role="member")
    # In one write: what is asked before the change is answered by its rights, what comes after by those.
    owner.connection.send_bytes(
        frame("VIEW", "v", owner.payload({"view_permission": "restricted"})) +
        frame("MESSAGE", "m", owner.payload({"messages": [message("for members")]})))
    assert owner.connection.answer("v").header == owner.connection.answer("m").header == "OK"
    assert outsider.push("CLOSED")["reason"] == "restricted"
    for command, payload in (("HISTORY", {"limit": 5}), ("MEMBERS", {"limit": 5}), ("RET_INFO", {}),
                             ("CONNECT", {"since": 0, "invisible": False})):
        assert error_of(outsider.request(command, **payload)) == ("UNAUTHORIZED", "restricted")
    assert "for members" not in json.dumps([p.payload for p in outsider.connection.pushes])
    seq = m.ok("RET_INFO")["last_seq"]
    assert m.read_to(seq)[-1]["message_content"] == "for members"
    owner.ok("AUTHORIZE", target="carol", role="member")
    state = outsider.connect(since=0)
    assert state["role"] == "member"
    assert outsider.read_to(state["last_seq"])[seq - 1]["message_content"] == "for members"
    # What ends with a role ends in the same turn; who may not view may not send.
    owner.ok("AUTHORIZE", target="carol", role="none")
    assert outsider.push("CLOSED")["reason"] == "restricted"
    before = owner.ok("RET_INFO")["last_seq"]
    for permission in "registered", "everyone":  # … though everyone may send
        owner.ok("VIEW", send_permission=permission)
        assert error_of(outsider.request("CONNECT", since=0, invisible=False)) == ("UNAUTHORIZED", "restricted")
        assert error_of(outsider.send("x")) in (BAD_REQUEST, ("UNAUTHORIZED", "restricted"))
    assert "message" not in [e["kind"] for e in m.read_to(owner.ok("RET_INFO")["last_seq"]) if e["seq"] > before]


@sentence("5.8", "5.9", "5.MESSAGE.17", "2.39")
def test_send_is_asked_each_time(stage, room):
    """A right that ends between two messages ends there."""
    owner, m = room.member(stage.device("alice")), room.member("bob")
    m.store("while everybody may")
    owner.ok("VIEW", send_permission="members")
    assert error_of(m.send("too late")) == ("UNAUTHORIZED", "read-only")
    owner.ok("AUTHORIZE", target="bob", role="member")
    m.store("as a member")
    owner.ok("AUTHORIZE", target="bob", role="none")
    assert error_of(m.send("too late")) == ("UNAUTHORIZED", "read-only")
    last = owner.ok("RET_INFO")["last_seq"]
    texts = [e["message_content"] for e in owner.read_to(last) if e["kind"] == "message"]
    assert texts == ["while everybody may", "as a member"]
