# SPDX-License-Identifier: LGPL-2.1-or-later
"""§5 of the protocol page at a real host, beside test_outsider_host.py: CONNECT as a cursor, MESSAGE stored
before it is seen and once, HISTORY, MEMBERS, PRESENCE. How it ends: test_wire_host_ends.py."""
import itertools
import signal
import time
import uuid

import pytest

from conformance import sentence
from outsider import TIME, Member, check_entry, frame
from p2pchat import wait_for
from wirestage import BAD_REQUEST, NO_SUCH_CHANNEL, Room, Stage, error_of, fill, message

CONFLICT = ("REQUEST_ERROR", "conflict")
STATE = {"channel_id", "epoch", "owner", "role", "view_permission", "send_permission", "topic", "last_seq",
         "members_online", "generation", "message_rate", "message_burst"}


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
    return Room(stage, dial)


# -- what every payload has

@sentence("5.2", "5.3", "5.CONNECT.12")
def test_which_channel(stage, room):
    """channel_name and, once it is known, channel_id: another id under that name is no-such-channel, in each
    command, and does nothing."""
    m = room.member("bob")
    last = fill(m, 3)[-1]
    payloads = {"CONNECT": {"since": 0, "invisible": False}, "MESSAGE": {"messages": [message()]},
                "HISTORY": {"limit": 1}, "DISCONNECT": {}, "RET_INFO": {}, "MEMBERS": {"limit": 1},
                "TOPIC": {"topic": "x"}, "VIEW": {}, "ACCESS": {}, "AUTHORIZE": {"target": "carol", "role": "none"}}
    for command, payload in payloads.items():
        for identity, expected in (({"channel_name": m.name, "channel_id": str(uuid.uuid4())}, NO_SUCH_CHANNEL),
                                   ({"channel_name": "no-such"}, NO_SUCH_CHANNEL),
                                   ({"channel_name": m.name.upper()}, NO_SUCH_CHANNEL), ({}, BAD_REQUEST),
                                   ({"channel_id": m.channel_id}, BAD_REQUEST),
                                   ({"channel_name": m.name, "channel_id": 1}, BAD_REQUEST)):
            assert error_of(m.connection.request(command, {**identity, **payload})) == expected, (command, identity)
    (seq,) = m.store("goes on")
    assert seq == last + 1 and m.read_to(seq)


@sentence("5.1", "5.MESSAGE.6")
def test_channels_beside_each_other(stage, dial):
    """Any number of channels on a connection; what ends one leaves the others."""
    rooms = [Room(stage, dial) for _ in range(3)]
    c = dial(rooms[0].address, "bob")
    one, two, three = (Member(c, r.name) for r in rooms)
    for m in (one, two, three):
        m.connect()
    assert one.ok("DISCONNECT") == {}
    newer = rooms[1].member("bob")  # the same key: the newest session has the channel
    assert two.push("CLOSED")["reason"] == "replaced"
    (seq,) = three.store("still here")
    three.read_to(seq)
    for m in (one, two):
        assert error_of(m.send("x")) == BAD_REQUEST
    (seq,) = newer.store("on the newer one")
    newer.read_to(seq)
    # One MESSAGE in flight is meant a channel.
    one.connect()
    data = b"".join(frame("MESSAGE", f"f-{m.name}", m.payload({"messages": [message() for _ in range(20)]}))
                    for m in (one, three))
    c.send_bytes(data)
    for m in (one, three):
        assert c.answer(f"f-{m.name}").header == "OK"


# -- CONNECT

@sentence("5.CONNECT.1", "5.CONNECT.2", "5.CONNECT.3", "5.ENTRY.6", "5.ENTRY.7", "5.ENTRY.8")
def test_state(stage, room):
    """What the OK says is the state after its last_seq, for who asks."""
    owner = Member(room.dial(room.address, stage.device("alice")), room.name)
    state = owner.connect()
    assert set(state) == STATE
    for k in ("epoch", "last_seq", "members_online", "generation", "message_rate", "message_burst"):
        assert isinstance(state[k], int) and not isinstance(state[k], bool), k
    assert (state["owner"], state["role"], state["epoch"], state["topic"]) == ("alice", "owner", 1, "")
    assert (state["view_permission"], state["send_permission"]) == ("public", "registered")
    owner.ok("TOPIC", topic="of today")
    bob, guest = room.visitor("bob"), room.visitor("guest-gail")
    owner.ok("AUTHORIZE", target="bob", role="moderator")
    owner.ok("VIEW", send_permission="members")
    state = bob.connect(since=0)
    assert (state["topic"], state["role"], state["send_permission"]) == ("of today", "moderator", "members")
    told = bob.read_to(state["last_seq"])
    assert [e["kind"] for e in told] == ["create", "topic", "role", "view"]
    assert (told[1]["topic"], told[1]["username"]) == ("of today", "alice")
    assert (told[2]["target"], told[2]["role"]) == ("bob", "moderator")
    assert told[3]["send_permission"] == "members" and "view_permission" not in told[3]
    assert guest.connect()["role"] == "none"
    assert bob.ok("RET_INFO")["members_online"] == len(bob.ok("MEMBERS", limit=500)["members"]) == 3


@sentence("5.CONNECT.4", "5.CONNECT.6", "5.CONNECT.8", "5.CONNECT.9", "5.CONNECT.12", "2.59")
def test_cursor(room):
    """Every since, with and without since_id; every conflict, none of which is an end of anything."""
    m = room.member("bob")
    last = fill(m, 12)[-1]
    entries = m.read_to(last)
    reader = room.visitor("carol")
    for since in range(last + 1):
        for how in ({}, {"since_id": None, "backlog": None},
                    {"since_id": entries[since - 1]["id"] if since else str(uuid.uuid4())}):
            state = reader.connect(since=since, **how)
            assert state["last_seq"] == last and reader.read_to(last) == entries[since:], (since, how)
    for wrong in ({"since": last + 1}, {"since": 2**53 - 1}, {"since": last + 1, "since_id": entries[-1]["id"]},
                  *({"since": s, "since_id": entries[s % last]["id"]} for s in range(1, last + 1))):
        f = reader.request("CONNECT", invisible=False, **wrong)
        assert error_of(f) == CONFLICT and (f.payload["last_seq"], f.payload["epoch"]) == (last, 1), wrong
        # … it ends the stream that there was.
        assert error_of(reader.send("x")) == BAD_REQUEST
    reader.connect(since=last)
    (seq,) = m.store("live")
    assert reader.read_to(seq)[-1]["message_content"] == "live"
    # A payload that is at fault changes nothing: the stream goes on.
    for wrong in ({"since": 1, "backlog": 0}, {"since": 1, "backlog": 5}, {"since": -1}, {"since_id": "x"},
                  {"since": 0, "invisible": None}, {"since": 0, "invisible": 0}, {"since": 0, "backlog": -1}):
        assert error_of(reader.request("CONNECT", **{"invisible": False, **wrong})) == BAD_REQUEST, wrong
    (seq,) = m.store("live again")
    assert reader.read_to(seq)[-1]["message_content"] == "live again"


@sentence("5.CONNECT.5")
def test_backlog(room):
    m = room.member("bob")
    last = fill(m, 9)[-1]
    for n in (0, 1, 2, last - 1, last, last + 1, 2**53 - 1):
        reader = room.member("carol", backlog=n)
        (last,) = m.store(f"after backlog {n}")
        assert [e["seq"] for e in reader.read_to(last)] == list(range(max(1, last - n), last + 1)), n


@sentence("5.CONNECT.10")
def test_second_connect(stage, room):
    """It restarts the stream: nothing is pushed between it and its OK, though the stream of the first one has
    begun and its host has to look the second one's since_id up; what follows begins at its since. Both come in
    one write, so that the host has the second one before it can push."""
    stage.alice.ctl("rate", room.name, "0")
    m = room.member("bob")
    last = fill(m, 40)[-1]
    ids = [e["id"] for e in m.read_to(last)]
    c = m.connection
    for since in range(1, last - 5):
        first = m.payload({"since": last - 5, "invisible": False})
        second = m.payload({"since": since, "since_id": ids[since - 1], "invisible": False})
        c.send_bytes(frame("CONNECT", "first", first) + frame("CONNECT", "second", second))
        assert c.answer("first").header == "OK"
        assert c.answer("second").header == "OK"
        assert not [p for p in c.pushes if p.header == "MESSAGE"], since
        m.cursor, m.entries = since, []
        assert [e["id"] for e in m.read_to(last)] == ids[since:]
        c.pushes.clear()


@sentence("5.CONNECT.11")
def test_connect_twice_at_once(stage, room):
    """A CONNECT while one is not answered is bad-request; the first one holds."""
    stage.alice.ctl("rate", room.name, "0")
    m = room.visitor("bob")
    m.connect()
    ids = [e["id"] for e in m.read_to(fill(m, 20)[-1])]
    connect = m.payload({"since": 10, "since_id": ids[9], "invisible": False})
    m.connection.send_bytes(frame("CONNECT", "t1", connect) + frame("CONNECT", "t2", connect))
    assert m.connection.answer("t1").header == "OK"
    assert error_of(m.connection.answer("t2")) == BAD_REQUEST
    m.cursor, m.entries = 10, []
    assert m.read_to(m.store("on")[0])[0]["seq"] == 11


@sentence("5.MESSAGE.6")
def test_message_before_connect(stage, room):
    """A MESSAGE that no CONNECT came before, or whose CONNECT is not answered, is bad-request, and not stored."""
    stage.alice.ctl("rate", room.name, "0")
    m = room.member("bob")
    ids = [e["id"] for e in m.read_to(fill(m, 20)[-1])]
    c, last = m.connection, m.cursor
    sent = m.payload({"messages": [message("too early")]})
    assert error_of(room.visitor("carol").request("MESSAGE", messages=sent["messages"])) == BAD_REQUEST
    connect = m.payload({"since": 10, "since_id": ids[9], "invisible": False})
    c.send_bytes(frame("CONNECT", "c", connect) + frame("MESSAGE", "m", sent))
    assert error_of(c.answer("m")) == BAD_REQUEST
    assert c.answer("c").header == "OK"
    assert m.store("in time") == [last + 1]


@sentence("2.12", "5.DISCONNECT.3")
def test_each_is_answered(stage, room):
    """Whatever is asked in one write gets one answer each, also where one ends what another began; and after
    DISCONNECT's nothing of the channel comes."""
    stage.alice.ctl("rate", room.name, "0")
    m = room.member("bob")
    ids = [e["id"] for e in m.read_to(fill(m, 30)[-1])]
    c = m.connection
    connect = m.payload({"since": 3, "since_id": ids[2], "invisible": False})
    sent = m.payload({"messages": [message() for _ in range(20)]})
    orders = itertools.permutations((("CONNECT", connect), ("MESSAGE", sent), ("DISCONNECT", m.payload({})),
                                     ("HISTORY", m.payload({"limit": 5}))))
    for n, order in enumerate(orders):
        m.connect(since=30)
        c.send_bytes(b"".join(frame(command, f"{n}-{command}", payload) for command, payload in order))
        for command in ("HISTORY", "DISCONNECT"):
            assert c.answer(f"{n}-{command}").header == "OK"
        assert error_of(c.answer(f"{n}-CONNECT"))[1] in (None, "bad-request"), "DISCONNECT came before its answer"
        assert error_of(c.answer(f"{n}-MESSAGE"))[1] in (None, "bad-request")
        assert m.ok("DISCONNECT") == {}
        c.pushes.clear()
        m.ok("HISTORY", limit=1)
        assert not c.pushes and not c.responses
    texts = room.member("carol")
    entries = texts.read_to(texts.state["last_seq"])
    assert len({e["id"] for e in entries}) == len(entries) == len(ids) + 20, "of 20 ids, sent 24 times"


@sentence("5.CONNECT.4", "5.MESSAGE.14")
def test_no_seam(stage, room):
    """From the store into live entries, while others write: each exactly once, in order."""
    stage.alice.ctl("rate", room.name, "0")
    writer = room.member("bob")
    fill(writer, 300)
    readers = []
    for i in range(6):
        fill(writer, 20)
        readers.append(room.member(f"reader{i}", **({"since": 0} if i % 2 else {"backlog": 250})))
        fill(writer, 20)
    last = fill(writer, 1)[-1]
    everything = room.member("carol")
    everything.read_to(last)
    for r in readers:
        r.read_to(last)
        assert r.entries == everything.entries[-len(r.entries):]


# -- MESSAGE

@sentence("5.MESSAGE.1", "5.MESSAGE.2", "5.MESSAGE.4", "5.MESSAGE.5", "5.MESSAGE.13")
def test_messages_are_one_by_one(room):
    """Taken in order; conflicts among them are refused by id, the others are stored."""
    m = room.member("bob")
    a, b, c, d = (str(uuid.uuid4()) for _ in range(4))
    first, second = m.store("one", "two", ids=[a, b])
    f = m.request("MESSAGE", messages=[message("three", id=c), message("other", id=a), message("two", id=b),
                                       message("four", id=d), message("changed", id=d), message("three", id=c),
                                       message("one", id=a, meta={"x": 1})])
    assert f.header == "OK" and set(f.payload) == {"stored", "refused"}
    stored = [(s["id"], s["seq"], s.get("duplicate", False)) for s in f.payload["stored"]]
    assert stored == [(c, second + 1, False), (b, second, True), (d, second + 2, False), (c, second + 1, True)]
    assert [(r["id"], r["error"]) for r in f.payload["refused"]] == [(a, "conflict"), (d, "conflict"), (a, "conflict")]
    assert all(set(r) == {"id", "error", "message"} and r["message"] for r in f.payload["refused"])
    assert all(TIME.fullmatch(s["time"]) for s in f.payload["stored"])
    # All refused with one code: that error itself.
    f = m.request("MESSAGE", messages=[message("x", id=i) for i in (a, b, c)])
    assert error_of(f) == CONFLICT and "stored" not in f.payload
    assert [e["message_content"] for e in m.read_to(second + 2)[-4:]] == ["one", "two", "three", "four"]
    assert first + 1 == second


@sentence("5.MESSAGE.13")
def test_meta_is_part_of_it(room):
    """Exactly once is of text and meta: an absent meta is another one than an empty one."""
    m = room.member("bob")
    for meta in ({"a": [1, {"b": "ü"}]}, {}):
        sent = message("m", meta=meta)
        (first,) = m.request("MESSAGE", messages=[sent]).payload["stored"]
        (again,) = m.request("MESSAGE", messages=[sent]).payload["stored"]
        assert again == {**first, "duplicate": True}
        assert error_of(m.request("MESSAGE", messages=[{**sent, "meta": {"a": 2}}])) == CONFLICT
        if meta:
            assert error_of(m.request("MESSAGE", messages=[message("m", id=sent["id"])])) == CONFLICT


@sentence("5.MESSAGE.12")
def test_who_is_the_sender(stage, room):
    """(sender, id): for a user the name, whichever device; for a guest the key."""
    m = room.member("bob")
    i = str(uuid.uuid4())
    (seq,) = m.store("mine", ids=[i])
    second_device = room.member(stage.device("bob"))
    (s,) = second_device.send("mine", ids=[i]).payload["stored"]
    assert (s["seq"], s["duplicate"]) == (seq, True)
    (other,) = room.member("carol").store("mine", ids=[i])
    assert other == seq + 1
    owner = room.member(stage.device("alice"))
    owner.ok("VIEW", send_permission="everyone")
    guest = room.member("guest-gail")
    (seq,) = guest.store("mine", ids=[i])
    (s,) = guest.send("mine", ids=[i]).payload["stored"]
    assert (s["seq"], s["duplicate"]) == (seq, True)
    same_name = room.member(stage.authority().identity("guest/guest-gail"))  # a day later: the name is somebody else's
    (s,) = same_name.send("not hers", ids=[i]).payload["stored"]
    assert s["seq"] == seq + 1 and "duplicate" not in s


@sentence("5.ENTRY.1", "5.ENTRY.2", "5.ENTRY.3", "5.ENTRY.4", "5.MESSAGE.3", "5.MESSAGE.15")
def test_entries(stage, room):
    """seq from 1 without holes, times that do not fall, the actor's name, the form of each kind."""
    stage.alice.ctl("rate", room.name, "0")
    m = room.member("bob")
    last = fill(m, 30)[-1]
    entries = m.read_to(last)
    assert [e["seq"] for e in entries] == list(range(1, last + 1))
    for e in entries:
        check_entry(e)
    assert entries[0]["kind"] == "create" and entries[0]["username"] == "alice"
    assert (entries[0]["owner"], entries[0]["epoch"], entries[0]["channel_id"]) == ("alice", 1, m.channel_id)
    assert {(e["username"], e["user_type"]) for e in entries if e["kind"] == "message"} == {("bob", "REGISTERED")}
    said = message("with all that it has", meta={"reply_to": "x", "k": [1, {"deep": None}]})
    m.ok("MESSAGE", messages=[said])
    e = m.read_to(last + 1)[-1]
    assert {k: e[k] for k in said} == said
    assert set(e) == {"seq", "id", "kind", "username", "user_type", "time", "message_content", "meta"}


@sentence("5.MESSAGE.4", "5.MESSAGE.16")
def test_stored_then_seen(stage, world):
    """What anybody was sent is on the host's disk: killed at that instant, it has it afterwards, under the
    same seqs; and what was answered is not stored twice when it is sent again."""
    alone = Stage(world).start_host()
    name, _, address = alone.host()
    seen = {}
    for n in range(3):
        ids = [str(uuid.uuid4()) for _ in range(20)]
        with alone.dial(address, "bob") as a, alone.dial(address, "carol") as b:
            writer, reader = Member(a, name), Member(b, name)
            writer.connect()
            reader.connect()
            messages = [message(f"{n} {t}", id=i) for t, i in enumerate(ids)]
            a.send("MESSAGE", "dies", writer.payload({"messages": messages}))
            entries = reader.push("MESSAGE", lambda p: p["entries"][-1]["id"] in ids)["entries"]
            alone.alice.stop_daemon(signal.SIGKILL)
        seen.update((e["seq"], e["id"]) for e in entries)
        alone.alice.start_daemon()

        def serves():
            try:
                return alone.channel(name)["online"] and alone.dial(alone.channel(name)["addresses"][0], "bob")
            except OSError:  # the tracker still has the address of before
                return None
        with wait_for(serves, "the daemon to listen again") as c:
            address = c.address
            back = Member(c, name)
            wait_for(lambda: back.request("HISTORY", limit=1).header == "OK", "the channel to be served")
            got = {e["seq"]: e["id"] for e in back.read_to(back.connect()["last_seq"])}
            assert {s: got.get(s) for s in seen} == seen
            again = back.request("MESSAGE", messages=messages)
            assert again.header == "OK" and again.payload["refused"] == []
            seqs = {s["id"]: s["seq"] for s in again.payload["stored"]}
            assert all(seqs[i] == s for s, i in seen.items() if i in seqs) and len(set(seqs.values())) == 20
            seen.update((s, i) for i, s in seqs.items())


# -- HISTORY, MEMBERS, PRESENCE

@sentence("5.HISTORY.1", "5.HISTORY.2", "5.HISTORY.3", "5.HISTORY.4", "5.HISTORY.5", "5.HISTORY.6")
def test_history_bounds(room):
    m = room.member("bob")
    last = fill(m, 10)[-1]
    everything = m.read_to(last)

    def page(**how):
        while error_of(answer := m.request("HISTORY", **how))[1] == "rate-limited":
            time.sleep(answer.payload["retry_after_ms"] / 1000)
        answer = answer.payload
        return [e["seq"] for e in answer["entries"]], answer["more"]
    for anchor in (1, 2, 5, last, last + 1, last + 100, 2**53 - 1):
        below, above = [s for s in range(1, last + 1) if s < anchor], [s for s in range(1, last + 1) if s > anchor]
        for limit in (1, 3, 500):
            assert page(before=anchor, limit=limit) == (below[-limit:], len(below) > limit), anchor
            assert page(after=anchor, limit=limit) == (above[:limit], len(above) > limit), anchor
    assert page(after=0, limit=500) == (list(range(1, last + 1)), False)
    assert page(limit=1) == ([last], True)
    assert m.ok("HISTORY", limit=500)["entries"] == everything
    assert error_of(m.request("HISTORY", before=5, after=1, limit=1)) == BAD_REQUEST
    times = {e["time"] for e in everything} | {"1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"}
    for since in times:
        for until in times:
            between = [e["seq"] for e in everything if since <= e["time"] <= until]
            assert page(after=0, limit=500, since=since, until=until) == (between, False)
            assert page(before=last + 1, limit=4, since=since, until=until) == (between[-4:], len(between) > 4)
            assert page(after=3, limit=2, since=since, until=until) \
                == ([s for s in between if s > 3][:2], len([s for s in between if s > 3]) > 2)
            assert page(limit=500, since=since) == ([e["seq"] for e in everything if e["time"] >= since], False)
    for bad in ({"since": "yesterday"}, {"until": "2026-02-30T00:00:00.000Z"}, {"since": 5}, {"until": ""}):
        assert error_of(m.request("HISTORY", limit=1, **bad)) == BAD_REQUEST
    # A reader is no member: nothing of it is pushed to her, and nobody sees her.
    visitor = room.visitor("carol")
    assert visitor.ok("HISTORY", limit=3)["entries"] == everything[-3:]
    assert [x["username"] for x in visitor.ok("MEMBERS", limit=500)["members"]] == ["alice", "bob"]
    (seq,) = m.store("nobody pushes this to carol")
    m.read_to(seq)
    visitor.ok("HISTORY", limit=1)
    assert not visitor.connection.pushes


@sentence("5.MEMBERS.1", "5.MEMBERS.2", "5.MEMBERS.3", "5.CONNECT.14", "2.68", "2.69")
def test_members(stage, room):
    m = room.member("bob")
    room.member("carol")
    room.member(stage.device("carol"))
    room.member("guest-gail")
    answer = m.ok("MEMBERS", limit=500)
    assert set(answer) == {"members", "generation"}
    rows = [(x["username"], x["user_type"], x["role"], x["status"]) for x in answer["members"]]
    assert rows == [("alice", "REGISTERED", "owner", "online"), ("bob", "REGISTERED", "none", "online"),
                    ("carol", "REGISTERED", "none", "online"), ("guest-gail", "GUEST", "none", "online")]
    assert all(set(x) == {"username", "user_type", "role", "status", "since"} and TIME.fullmatch(x["since"])
               for x in answer["members"])
    for after, rest in (("a", rows), ("alice", rows[1:]), ("bobby", rows[2:]), ("zz", []), ("carol", rows[3:])):
        got = m.ok("MEMBERS", limit=500, after=after)
        assert [x["username"] for x in got["members"]] == [r[0] for r in rest] and "next" not in got
    assert error_of(m.request("MEMBERS", limit=1, after="")) == BAD_REQUEST


@sentence("5.PRESENCE.1", "5.PRESENCE.2")
def test_presence(stage, room):
    """Ascending generations that go on from CONNECT's and MEMBERS'; the last state of each; not one's own, by
    none of one's devices; a replaced session is no leave; roles are told too."""
    m = room.member("bob")
    generation = m.state["generation"]
    second = room.member(stage.device("bob"))
    changes = {}
    for who in ("carol", "dave", "guest-gail"):
        room.member(who)
    while set(changes) < {"carol", "dave", "guest-gail"}:
        push = m.push("PRESENCE")
        assert set(push) == {"channel_name", "channel_id", "generation", "members_online", "changes"}
        assert push["generation"] > generation
        generation = push["generation"]
        for change in push["changes"]:
            assert set(change) == {"username", "user_type", "role", "status"}
            assert change["username"] != "bob"
            changes[change["username"]] = change
    assert all(c["status"] == "online" for c in changes.values())
    room.member("carol")  # the newer session of the key: nobody left
    owner = room.member(stage.device("alice"))
    for target in ("bob", "carol"):
        owner.ok("AUTHORIZE", target=target, role="member")
    while True:  # what bob is, he is not told by it
        push = m.push("PRESENCE")
        assert "bob" not in [c["username"] for c in push["changes"]]
        if any(c["role"] == "member" for c in push["changes"]):
            break
    assert push["changes"] == [{"username": "carol", "user_type": "REGISTERED", "role": "member", "status": "online"}]
    assert push["generation"] > generation
    assert m.ok("MEMBERS", limit=500)["generation"] >= push["generation"]
    second.ok("HISTORY", limit=1)
    assert not [c for p in second.connection.pushes if p.header == "PRESENCE" for c in p.payload["changes"]
                if c["username"] == "bob"]
