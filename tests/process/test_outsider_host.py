# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host as a member sees it that was written from the protocol page alone: §3 and §5, sentence by
sentence, towards a real p2pchatd behind a real tracker."""
import contextlib
import itertools
import json
import time
import uuid

import pytest

from conformance import sentence
from outsider import (TIME, Connection, Identity, Listener, Member, frame, pin_of, sign_in_guest, sign_up,
                      tls_context)
from p2pchat import CHANNEL, ERROR, HOST, MODERATION, refused, wait_for

STATE = {"channel_id", "epoch", "owner", "role", "view_permission", "send_permission", "topic", "last_seq",
         "members_online", "generation", "message_rate", "message_burst"}
GUESTS_NOT_ALLOWED = ("UNAUTHORIZED", "guests-not-allowed")
NO_SUCH_CHANNEL = ("REQUEST_ERROR", "no-such-channel")
BAD_REQUEST = ("REQUEST_ERROR", "bad-request")
names = (f"channel{n}" for n in itertools.count())


class Stage:
    """alice's daemon, the identities of everybody else, and who is signed in as what."""

    def __init__(self, world):
        self.world = world
        world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n"
                                "SignInFailuresPerMinute=0\nSignInsPerDay=0\n")
        self.tracker = world.start_tracker()
        self.alice = world.people("alice")
        with Connection(self.tracker.address, hello=False) as c:
            pin = pin_of(c.chain[1])
        self.people = {name: sign_up(self.tracker.address, name, pin) for name in ("bob", "carol", "dave")}
        self.people["guest"] = sign_in_guest(self.tracker.address, "gail", pin)
        self.people["guest2"] = sign_in_guest(self.tracker.address, "hans", pin)
        owner = Identity()  # alice's second device
        with Connection(self.tracker.address, pin=pin) as c:
            owner.take(c.ok("SIGNIN", {"username": "alice", "password": "correct horse alice", "csr": owner.csr()}))
        self.people["owner"] = owner

    def host(self, name=None, **options):
        """→ (name, object path, address)."""
        name = name or next(names)
        path = self.alice.host(name, **options)
        with Connection(self.tracker.address, self.people["bob"]) as c:
            (channel,) = [x for x in c.ok("LIST", {"query": name})["channels"] if x["channel_name"] == name]
        assert channel["online"] and (channel["owner"], channel["host"]) == ("alice", "alice")
        assert channel["channel_id"].replace("-", "") == path.rpartition("/")[2]
        return name, path, channel["addresses"][0]


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world)


@pytest.fixture
def dial(stage):
    """dial(address, who) → Connection; all are closed after the test, and the daemon goes on."""
    with contextlib.ExitStack() as stack:
        yield lambda address, who: stack.enter_context(
            Connection(address, stage.people[who], host_name="user/alice"))
    assert stage.alice.is_up()


@pytest.fixture
def room(stage, dial):
    """A new channel: room.member(who) → connected Member, room.path for D-Bus."""
    class Room:
        def __init__(self):
            self.name, self.path, self.address = stage.host()

        def visitor(self, who):
            return Member(dial(self.address, who), self.name)

        def member(self, who, **how):
            m = self.visitor(who)
            m.state = m.connect(**how)
            return m
    return Room()


# -- §3

def test_hello(stage, room):
    with Connection(room.address, stage.people["bob"], host_name="user/alice", hello=False) as c:
        assert len(c.chain) >= 1
        answer = c.hello()
        assert answer["limits"] == {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": 32}
        assert TIME.fullmatch(answer["time"])
        assert not c.tls.session.has_ticket
        for command in ("SIGNUP", "LIST", "HOST", "WATCH", "NONSENSE"):
            assert c.refused(command, {"channel_name": room.name}) == ("REQUEST_ERROR", "unknown-command")
        assert c.refused("PING") == ("REQUEST_ERROR", "unsupported")


# -- CONNECT

@sentence("5.ENTRY.15")
def test_connect(stage, room):
    state = room.member("bob").state
    assert set(state) >= STATE
    assert (state["owner"], state["role"], state["epoch"]) == ("alice", "none", 1)
    assert (state["view_permission"], state["send_permission"], state["topic"]) == ("public", "registered", "")
    assert state["members_online"] >= 1 and state["last_seq"] >= 1

    m = room.member("carol")
    (first, *_) = m.read_to(m.state["last_seq"])
    assert (first["seq"], first["kind"], first["username"], first["owner"]) == (1, "create", "alice", "alice")
    assert first["channel_id"] == m.channel_id and first["epoch"] == 1

    # Every payload has channel_name and, once known, channel_id.
    for command in ("CONNECT", "HISTORY", "RET_INFO", "DISCONNECT"):
        payload = {"since": 0, "invisible": False, "limit": 1}
        assert m.connection.refused(command, payload) == BAD_REQUEST
        assert m.connection.refused(command, {**payload, "channel_name": "no-such"}) == NO_SUCH_CHANNEL
        assert m.connection.refused(command, {**payload, "channel_name": m.name, "channel_id": str(uuid.uuid4())}) \
            == NO_SUCH_CHANNEL
    # The next ones say it of the connection as it was: it goes on.
    assert m.ok("RET_INFO")["channel_id"] == m.channel_id


def test_since(room):
    """A cursor: from since + 1 on into live ones, no seam."""
    m = room.member("bob")
    seqs = m.store(*map(str, range(10)))
    entries = m.read_to(seqs[-1])
    last = seqs[-1]

    for since in (0, 1, 4, last - 1, last):
        for since_id in ({}, {"since_id": entries[since - 1]["id"]} if since else {}):
            other = room.member("carol", since=since, **since_id)
            assert other.state["last_seq"] == last
            assert other.read_to(last) == entries[since:]
    late = room.member("dave", since=last)
    more = m.store("live")
    assert [e["message_content"] for e in late.read_to(more[-1])] == ["live"]
    last = more[-1]

    for n in (0, 1, 3, last, 1000):
        other = room.member("carol", backlog=n)
        if n:
            assert [e["seq"] for e in other.read_to(last)] == list(range(max(1, last - n + 1), last + 1))
        (seq,) = m.store(f"after {n}")
        assert other.read_to(seq)[-1]["seq"] == seq
        last = seq
        m.read_to(seq)

    # since > last_seq, or another id there: conflict {last_seq, epoch}.
    visitor = room.visitor("dave")
    for wrong in ({"since": last + 1}, {"since": 3, "since_id": entries[3]["id"]},
                  {"since": last, "since_id": str(uuid.uuid4())}):
        f = visitor.request("CONNECT", invisible=False, **wrong)
        assert (f.header, f.payload["error"]) == ("REQUEST_ERROR", "conflict")
        assert (f.payload["last_seq"], f.payload["epoch"]) == (last, 1)
    assert visitor.refused("CONNECT", since=1, backlog=1, invisible=False) == BAD_REQUEST
    assert visitor.refused("MESSAGE", messages=[{"id": str(uuid.uuid4()), "message_content": "x"}]) == BAD_REQUEST

    # A second CONNECT restarts the stream.
    m.connect(since=2)
    assert m.read_to(last)[0]["seq"] == 3


@sentence("5.CONNECT.7")
def test_invisible(room):
    assert room.visitor("guest").refused("CONNECT", since=0, invisible=True) == GUESTS_NOT_ALLOWED


def test_many_entries(stage, room):
    """Frames hold what fits, ascending and contiguous, for who reads late as for who reads now."""
    stage.alice.ctl("rate", room.name, "0")
    m = room.member("bob")
    texts = [f"{i} " + "x" * (i * 37 % 4000) for i in range(256)]
    seqs = []
    for at in range(0, len(texts), 8):  # a request is one frame
        seqs += m.store(*texts[at:at + 8])
    assert seqs == list(range(seqs[0], seqs[0] + len(texts))), "taken in order"
    late = room.member("carol")
    for reader in (m, late):
        got = reader.read_to(seqs[-1])
        assert [e["message_content"] for e in got if e["kind"] == "message"] == texts
    assert late.entries[-256:] == m.entries[-256:]


# -- MESSAGE

def test_message(room):
    m, other = room.member("bob"), room.member("guest")
    ids = [str(uuid.uuid4()) for _ in range(3)]
    texts = ["hällo \U0001f600\u2028", "tab\tand\nline", "x" * 16384]
    f = m.send(*texts, ids=ids)
    assert f.header == "OK" and set(f.payload) == {"stored", "refused"} and f.payload["refused"] == []
    stored = f.payload["stored"]
    assert [s["id"] for s in stored] == ids and all(set(s) == {"id", "seq", "time"} for s in stored)
    assert [s["seq"] for s in stored] == list(range(stored[0]["seq"], stored[0]["seq"] + 3))
    for reader in (m, other):  # senders get their own like everybody
        got = reader.read_to(stored[-1]["seq"])[-3:]
        assert [(e["id"], e["message_content"], e["username"], e["user_type"], e["kind"], e["time"]) for e in got] == \
            [(s["id"], t, "bob", "REGISTERED", "message", s["time"]) for s, t in zip(stored, texts)]

    # Exactly once: a repeat gets its first seq; another text or meta under it: conflict.
    (again,) = m.send(texts[0], ids=ids[:1]).payload["stored"]
    assert again == {**stored[0], "duplicate": True}
    f = m.send("other", ids=ids[:1])
    assert (f.header, f.payload["error"]) == ("REQUEST_ERROR", "conflict"), "all refused with one code: that plainly"
    f = m.request("MESSAGE", messages=[{"id": ids[0], "message_content": texts[0], "meta": {"a": 1}}])
    assert f.payload["error"] == "conflict"
    mixed = m.send("new", "other", ids=[str(uuid.uuid4()), ids[0]])
    assert mixed.header == "OK" and len(mixed.payload["stored"]) == 1
    (bad,) = mixed.payload["refused"]
    assert (bad["id"], bad["error"]) == (ids[0], "conflict") and bad["message"]
    twice = str(uuid.uuid4())  # in one request too
    one, two = m.send("same", "same", ids=[twice, twice]).payload["stored"]
    assert one["seq"] == two["seq"] and two["duplicate"]

    # The id is the sender's: another's message may have the same.
    carol = room.member("carol", since=m.state["last_seq"])
    (seq,) = carol.store(texts[0], ids=ids[:1])
    assert seq > stored[-1]["seq"]
    # What is stored has no hole and nothing twice.
    everything = room.member("dave").read_to(seq)
    assert len({(e["username"], e["id"]) for e in everything}) == len(everything) == seq


def test_meta(room):
    m = room.member("bob")
    meta = {"reply_to": str(uuid.uuid4()), "x": [1, {"y": "ü"}]}
    f = m.request("MESSAGE", messages=[{"id": str(uuid.uuid4()), "message_content": "m", "meta": meta}])
    (entry,) = m.read_to(f.payload["stored"][0]["seq"])[-1:]
    assert entry["meta"] == meta
    big = {"x": "m" * 1020}
    assert m.refused("MESSAGE", messages=[{"id": str(uuid.uuid4()), "message_content": "m", "meta": big}]) == BAD_REQUEST


@sentence("5.MESSAGE.6")
def test_one_in_flight(stage, room):
    """One MESSAGE in flight a channel; a second one: bad-request."""
    stage.alice.ctl("rate", room.name, "0")
    m = room.member("bob")

    def messages():
        return m.payload({"messages": [{"id": str(uuid.uuid4()), "message_content": "x"} for _ in range(20)]})
    m.connection.send_bytes(frame("MESSAGE", "first", messages()) + frame("MESSAGE", "second", messages()))
    assert m.connection.answer("first").header == "OK"
    f = m.connection.answer("second")
    assert (f.header, f.payload["error"]) == BAD_REQUEST
    m.store("next")


# -- HISTORY, RET_INFO, MEMBERS

@sentence("5.HISTORY.7")
def test_history(stage, room):
    stage.alice.ctl("rate", room.name, "0")
    m = room.member("bob")
    last = m.store(*map(str, range(20)))[-1]
    everything = m.read_to(last)

    def history(**how):
        page = m.ok("HISTORY", **how)
        assert set(page) == {"entries", "more"}
        return page["entries"], page["more"]
    assert history(limit=500) == (everything, False)
    assert history(limit=5) == (everything[-5:], True), "neither: the newest"
    assert history(limit=5, before=10) == (everything[4:9], True)
    assert history(limit=500, before=4) == (everything[:3], False)
    assert history(limit=5, after=3) == (everything[3:8], True)
    assert history(limit=500, after=last - 2) == (everything[-2:], False)
    assert history(limit=1, after=last) == ([], False)
    for bad in ({"limit": 0}, {"limit": 501}, {}, {"limit": 1, "before": 3, "after": 1}, {"limit": 1, "after": -1}):
        assert m.refused("HISTORY", **bad) == BAD_REQUEST

    # Whoever may view, joined or not; who has not joined gets smaller frames.
    visitor = room.visitor("carol")
    m.store(*("y" * 3000 for _ in range(4)))
    got, cursor = [], 0
    while True:
        frame_id = visitor.connection.start("HISTORY", visitor.payload({"after": cursor, "limit": 500}))
        page = visitor.connection.answer(frame_id).payload
        assert len(frame("OK", frame_id, page)) <= 8192
        got += page["entries"]
        if not page["more"]:
            break
        cursor = page["entries"][-1]["seq"]
    assert [e["seq"] for e in got] == list(range(1, last + 5))


def test_info_and_members(stage, room):
    stage.alice.ctl("rate", room.name, "0")
    m, guest = room.member("carol"), room.member("guest")
    last = m.store(*map(str, range(60)))[-1]
    stage.alice.call(room.path, MODERATION, "Authorize", "ssa{sv}", "bob", "moderator", {})

    page = m.ok("MEMBERS", limit=500)
    assert set(page) == {"members", "generation"}
    assert [x["username"] for x in page["members"]] == ["alice", "carol", "guest-gail"]
    for x in page["members"]:
        assert set(x) == {"username", "user_type", "role", "status", "since"} and TIME.fullmatch(x["since"])
    assert [(x["user_type"], x["role"], x["status"]) for x in page["members"]] == [
        ("REGISTERED", "owner", "online"), ("REGISTERED", "none", "online"), ("GUEST", "none", "online")]
    first = m.ok("MEMBERS", limit=2)
    assert first["next"] == "carol" and len(first["members"]) == 2
    assert m.ok("MEMBERS", limit=2, after=first["next"])["members"] == page["members"][2:]
    assert m.refused("MEMBERS", limit=501) == BAD_REQUEST

    info = room.visitor("bob").ok("RET_INFO")
    assert set(info) >= STATE | {"members", "authorized", "messages"}
    (given,) = info["authorized"]
    assert TIME.fullmatch(given.pop("since")) and given == {"username": "bob", "role": "moderator", "by": "alice"}
    assert info["role"] == "moderator" and info["banned"] == []
    info = m.ok("RET_INFO")
    assert info["members"] == page["members"] and info["last_seq"] == last + 1
    seqs = [e["seq"] for e in info["messages"]]
    assert 1 <= len(seqs) <= 50 and seqs == sorted(seqs) and seqs[-1] == last
    assert guest.ok("RET_INFO")["role"] == "none"


def test_presence(room):
    m = room.member("carol")
    known = m.ok("MEMBERS", limit=500)["generation"]
    room.member("guest")
    push = m.push("PRESENCE", lambda p: p["generation"] > known)
    assert push["changes"] == [{"username": "guest-gail", "user_type": "GUEST", "role": "none", "status": "online"}]
    room.member("dave")
    more = m.push("PRESENCE")
    assert more["generation"] > push["generation"] and [c["username"] for c in more["changes"]] == ["dave"]
    # Devices of one user coexist, one roster row; not one's own is told.
    room.member("owner")
    members = m.ok("MEMBERS", limit=500)["members"]
    assert [x["username"] for x in members] == ["alice", "carol", "dave", "guest-gail"]


@sentence("5.DISCONNECT.1", "5.DISCONNECT.2", "5.DISCONNECT.3")
def test_disconnect(room):
    m, other = room.member("bob"), room.member("carol")
    assert m.ok("DISCONNECT") == {}
    seq = other.store("nobody tells bob")[-1]
    other.read_to(seq)
    m.ok("HISTORY", limit=1)
    assert not [f for f in m.connection.pushes if f.payload.get("entries", [{}])[-1].get("seq") == seq]
    assert m.refused("MESSAGE", messages=[{"id": str(uuid.uuid4()), "message_content": "x"}]) == BAD_REQUEST
    m.connect(since=seq - 1)
    m.read_to(seq)


def test_many_channels(stage, dial):
    """A connection carries any number of channels."""
    rooms = [stage.host() for _ in range(3)]
    c = dial(rooms[0][2], "bob")
    members = [Member(c, name) for name, _, _ in rooms]
    for m in members:
        m.connect()
    assert len({m.channel_id for m in members}) == 3
    seqs = [m.store(f"in {m.name}")[0] for m in members]
    for m, seq in zip(members, seqs):
        assert m.read_to(seq)[-1]["message_content"] == f"in {m.name}"


# -- who may

@sentence("5.5", "5.8", "2.43", "2.57", "2.72", "5.ENTRY.7", "5.ENTRY.8")
def test_who_may(stage, room):
    """View and send by rank, VIEW and AUTHORIZE by rank, of this moment."""
    who = ("owner", "bob", "carol", "dave", "guest")  # owner, moderator, member, none, guest
    members = {w: room.member(w) for w in who}
    owner = members["owner"]
    for target, role in (("bob", "moderator"), ("carol", "member")):
        assert owner.ok("AUTHORIZE", target=target, role=role) == {}
    assert [room.visitor(w).ok("RET_INFO")["role"] for w in who] == ["owner", "moderator", "member", "none", "none"]

    # VIEW: rank 3.
    for w in who[1:]:
        assert members[w].refused("VIEW", view_permission="restricted") == ("UNAUTHORIZED", "not-owner"), w

    # AUTHORIZE: the owner anyone but guests and herself; rank 2 moves ranks 0–1 to member or none.
    assert owner.refused("AUTHORIZE", target="guest-gail", role="member") == GUESTS_NOT_ALLOWED
    assert owner.refused("AUTHORIZE", target="alice", role="member") == BAD_REQUEST
    assert owner.refused("AUTHORIZE", target="nobody-at-all", role="member") == ("REQUEST_ERROR", "no-such-user")
    assert owner.refused("AUTHORIZE", target="dave", role="owner") == BAD_REQUEST
    not_moderator = ("UNAUTHORIZED", "not-moderator")
    for w in ("carol", "dave", "guest"):
        assert members[w].refused("AUTHORIZE", target="dave", role="member") == not_moderator
    moderator = members["bob"]
    for target, role in (("dave", "moderator"), ("bob", "none"), ("alice", "none")):
        f = moderator.request("AUTHORIZE", target=target, role=role)
        assert f.header != "OK", (target, role)
    before = moderator.ok("RET_INFO")["last_seq"]
    assert moderator.ok("AUTHORIZE", target="dave", role="member") == {}
    assert moderator.ok("AUTHORIZE", target="dave", role="member") == {}, "what changes nothing is OK"
    assert moderator.ok("AUTHORIZE", target="dave", role="none") == {}
    last = moderator.ok("RET_INFO")["last_seq"]
    assert last == before + 2, "… and logs nothing"
    roles = [(e["username"], e["target"], e["role"]) for e in moderator.read_to(last) if e["kind"] == "role"]
    assert roles == [("alice", "bob", "moderator"), ("alice", "carol", "member"), ("bob", "dave", "member"),
                     ("bob", "dave", "none")]

    # Send: everyone → all; registered → REGISTERED; members → rank ≥ 1.
    may = {
        "everyone": {},
        "registered": {"guest": GUESTS_NOT_ALLOWED},
        "members": {"dave": ("UNAUTHORIZED", "read-only"), "guest": ("UNAUTHORIZED", "read-only")},
    }
    for permission, refusals in may.items():
        assert owner.ok("VIEW", send_permission=permission) == {}
        for w in who:
            f = members[w].send(f"{permission} {w}")
            got = (f.header, f.payload.get("error"))
            assert got == refusals.get(w, ("OK", None)), (permission, w)
    views = [e for e in members["dave"].read_to(owner.ok("RET_INFO")["last_seq"]) if e["kind"] == "view"]
    assert [v["send_permission"] for v in views] == ["everyone", "registered", "members"][-len(views):]
    assert owner.refused("VIEW", view_permission="secret") == BAD_REQUEST
    assert owner.refused("VIEW", send_permission="nobody") == BAD_REQUEST


@sentence("5.6", "5.9")
def test_restricted(stage, room):
    """A change of rights cannot recall the frame in progress, and nothing after it is sent."""
    carol, dave, guest = (room.member(w) for w in ("carol", "dave", "guest"))
    owner = room.member("owner")
    owner.ok("AUTHORIZE", target="carol", role="member")
    owner.ok("VIEW", view_permission="restricted")
    for out in (dave, guest):
        closed = out.push("CLOSED")
        assert closed["reason"] == "restricted" and closed["message"]
        for command, payload in (("CONNECT", {"since": 0, "invisible": False}), ("HISTORY", {"limit": 1}),
                                 ("RET_INFO", {}), ("MEMBERS", {"limit": 1})):
            assert out.refused(command, **payload) == ("UNAUTHORIZED", "restricted"), command
    seq = carol.store("for members only")[-1]
    carol.read_to(seq)
    for out in (dave, guest):
        assert "for members only" not in json.dumps([f.payload for f in out.connection.pushes])
    # The tracker lists it as restricted within its second.
    with Connection(stage.tracker.address, stage.people["bob"]) as c:
        wait_for(lambda: c.ok("LIST", {"query": room.name})["channels"][0]["view_permission"] == "restricted",
                 "the tracker to know")
    owner.ok("AUTHORIZE", target="dave", role="member")
    dave.connect(since=seq)
    owner.ok("AUTHORIZE", target="dave", role="none")
    assert dave.push("CLOSED")["reason"] == "restricted"
    owner.ok("VIEW", view_permission="public")
    guest.connect()


# -- the end of things

def test_replaced(room):
    """The newest session of a key wins; devices of one user coexist."""
    old = room.member("bob")
    new = room.member("bob", since=old.state["last_seq"])
    assert old.push("CLOSED")["reason"] == "replaced"
    seq = new.store("on the newer one")[-1]
    new.read_to(seq)
    assert old.refused("MESSAGE", messages=[{"id": str(uuid.uuid4()), "message_content": "x"}]) == BAD_REQUEST


def test_unhosted(stage, room):
    m = room.member("bob")
    stage.alice.call(room.path, HOST, "Unhost", "a{sv}", {"forget": False})
    assert m.push("CLOSED")["reason"] == "unhosted"
    assert m.refused("CONNECT", since=0, invisible=False) == NO_SUCH_CHANNEL
    # Hosted again it is the same channel.
    name, _, _ = stage.host(room.name)
    again = Member(m.connection, name)
    again.connect()
    assert again.channel_id == m.channel_id


@sentence("3.PING.1", "3.PING.2", "3.PING.3", "3.PING.4")
def test_ping(stage, room):
    """The accepting side asks every 20 s ± 10 %; a host says where its logs end."""
    m = room.member("bob")
    seq = m.store("head")[-1]
    joined, left, visited = (Member(m.connection, stage.host()[0]) for _ in range(3))
    heads = {room.name: seq, joined.name: joined.connect()["last_seq"]}
    left.connect()
    left.ok("DISCONNECT")
    visited.ok("RET_INFO")
    begin = time.monotonic()
    with Connection(stage.tracker.address, stage.people["carol"]) as c:
        for connection in (m.connection, c):
            while not connection.pings:
                assert connection.take(30 - (time.monotonic() - begin))
        assert 17 < time.monotonic() - begin < 25
        assert m.connection.pings[0]["heads"] == heads, "of what it has joined, and no more"
        assert "heads" not in c.pings[0]
        c.ok("LIST")
    m.store("after PING")


@sentence("1.26", "1.29")
def test_member_refuses_impostors(stage, world):
    """The other direction: before CONNECT a joiner checks that the certificate names the host. Nothing
    is said to a host that shows somebody else's."""
    bob = world.peer("bob")
    bob.trust(stage.tracker)
    bob.manager("SignIn", "ssa{sv}", "bob", "correct horse bob", {})
    carol = stage.people["carol"]
    with Listener(tls_context(stage.people["dave"], server=True)) as impostor, \
            Connection(stage.tracker.address, carol) as c:
        c.ok("HOST", {"channel_name": "trap", "channel_id": str(uuid.uuid4()), "addresses": [impostor.address],
                      "view_permission": "public", "topic": "", "epoch": 1, "last_seq": 0, "members": 0})
        path = bob.join("trap")  # joined all the same: its host is not there
        wait_for(lambda: impostor.outcomes, "bob to dial")
        assert all(isinstance(o, str) for o in impostor.outcomes), f"not a byte: {impostor.outcomes}"
        assert bob.get(path, CHANNEL, "State") in ("offline", "connecting")
        assert bob.send(path, "secret")[1] == 0
        assert refused(bob.call, path, CHANNEL, "GetMembers", "a{sv}", {})[0] == ERROR + "HostOffline"


@sentence("3.GOING_AWAY.1", "3.GOING_AWAY.2", "3.GOING_AWAY.4")
def test_going_away(stage, room):
    """A planned end is announced, and what was stored is there afterwards, under the same id."""
    m = room.member("bob")
    seq = m.store("before the end")[-1]
    everything = m.read_to(seq)
    stage.alice.process.ask()
    away = m.connection.push("GOING_AWAY")
    assert set(away) == {"reason", "resume_in_ms"} and away["resume_in_ms"] >= 0
    assert away["reason"] == "stopping"
    assert m.connection.ended()
    assert stage.alice.stop_daemon() == 0
    stage.alice.start_daemon()

    def again():
        with Connection(stage.tracker.address, stage.people["bob"]) as c:
            channels = c.ok("LIST", {"query": room.name, "online": True})["channels"]
        try:
            return channels and Connection(channels[0]["addresses"][0], stage.people["bob"], host_name="user/alice")
        except OSError:  # the tracker still has the address of before
            return None
    with wait_for(again, "the daemon to listen again") as c:
        back = Member(c, room.name)
        wait_for(lambda: back.request("HISTORY", limit=1).header == "OK", "the channel to be served")
        state = back.connect(since=0)
        assert state["channel_id"] == m.channel_id and state["last_seq"] >= seq
        assert back.read_to(state["last_seq"])[:len(everything)] == everything
