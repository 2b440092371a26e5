# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatd as the hosts and trackers of others see it: the rules that every model holds each of its frames to
(rules.py) find what is planted, and what is left of p2pchat-protocol(7) for who dials."""
import collections
import contextlib
import datetime
import re
import uuid

import pytest

from conformance import sentence
from models import ModelHost, ModelTracker
from outsider import Authority, Connection, Identity, pin_of, sign_up
from p2pchat import CHANNEL, MANAGER, PATH, wait_for
from rules import Rules
from shapes import keys_of

CHANNEL_ID = str(uuid.uuid4())
Asked = collections.namedtuple("Asked", "header id payload")


class Wire:
    """What Rules needs of a connection: nobody is there."""

    def __init__(self, username):
        self.username = username
        self.send = lambda header, frame_id, payload: None


def faults(frames, section="5", username="bob", in_flight=32):
    """frames: (header, id, payload) or (…, size) of the daemon; ("OK", id) of the model."""
    found, wire = [], Wire(username)
    rules = Rules(wire, section, in_flight, found)
    for header, frame_id, *rest in frames:
        if header == "OK":
            wire.send("OK", frame_id, {})
        else:
            rules.ask(Asked(header, frame_id, rest[0]), rest[1] if len(rest) > 1 else 100)
    return found


HELLO = ("HELLO", "1", {"agent": "x", "features": []})
MINE = {"channel_name": "lobby", "channel_id": CHANNEL_ID}
CONNECT = ("CONNECT", "2", {**MINE, "since": 0, "invisible": False})
IN = [HELLO, ("OK", "1"), CONNECT, ("OK", "2")]
ONE = {"id": CHANNEL_ID, "message_content": "hello"}


def message(*messages, frame_id="3", **more):
    return ("MESSAGE", frame_id, {**MINE, "messages": list(messages), **more})


@pytest.mark.parametrize("good", (
    IN, [*IN, message(ONE)], [*IN, message({**ONE, "meta": {"a": 1}}), ("OK", "3"), message(ONE, frame_id="4")],
    [*IN, ("HISTORY", "3", {**MINE, "before": 5, "limit": 500}), ("MEMBERS", "4", {**MINE, "limit": 1})],
    [*IN, ("CONNECT", "3", {**MINE, "since": 5, "since_id": CHANNEL_ID, "invisible": False}, 60000)]))
def test_rules_let_through(good):
    assert faults(good) == []


@pytest.mark.parametrize("bad", (
    [CONNECT], [HELLO, ("HELLO", "2", HELLO[2])], [*IN, ("PING", "3", {})], [*IN, ("LIST", "3", {})],
    [*IN, ("MESSAGE", None, MINE)],
    [HELLO, ("OK", "1"), ("CONNECT", "2", {**MINE, "since": 0, "invisible": False}, 8193)],
    [*IN, ("HISTORY", "3", {**MINE, "limit": 1}), ("MEMBERS", "3", {**MINE, "limit": 1})],
    [*IN, ("MEMBERS", "a b", {**MINE, "limit": 1})], [*IN, ("MEMBERS", "3", {**MINE, "limit": 0})],
    [*IN, ("MEMBERS", "3", MINE)], [*IN, ("MEMBERS", "3", {"limit": 1})],
    [*IN, ("MEMBERS", "3", {**MINE, "limit": 1, "extra": 1})],
    [*IN, ("MEMBERS", "3", {**MINE, "channel_name": "Lobby", "limit": 1})],
    [*IN, ("MEMBERS", "3", {**MINE, "channel_id": CHANNEL_ID.upper(), "limit": 1})],
    [*IN, ("HISTORY", "3", {**MINE, "before": 1, "after": 1, "limit": 1})],
    [HELLO, ("OK", "1"), CONNECT, message(ONE)], [*IN, message(ONE), message(ONE, frame_id="4")],
    [*IN, ("CONNECT", "3", CONNECT[2]), message(ONE, frame_id="4")],
    [*IN, ("CONNECT", "3", CONNECT[2]), ("CONNECT", "4", CONNECT[2])],
    [*IN, ("CONNECT", "3", {**CONNECT[2], "since": 1, "backlog": 1})],
    [*IN, message()], [*IN, message(*[ONE] * 65)], [*IN, message({**ONE, "message_content": ""})],
    [*IN, message({**ONE, "message_content": "x" * 16385})], [*IN, message({**ONE, "message_content": "\ufffe"})],
    [*IN, message({**ONE, "id": "x"})], [*IN, message({**ONE, "meta": {"a": "x" * 1024}})],
    [("HELLO", "1", {"agent": "x" * 65, "features": []})], [("HELLO", "1", {"agent": "x", "features": ["f"] * 33})]))
def test_rules_find(bad):
    assert len(faults(bad)) == 1, faults(bad)


def test_rules_of_a_tracker():
    hello = [HELLO, ("OK", "1")]
    assert faults([*hello, *(("LIST", str(i), {}) for i in range(2, 35))], "4", in_flight=1000) == []
    assert len(faults([*hello, *(("LIST", str(i), {}) for i in range(2, 35))], "4")) == 1
    csr = Identity().csr()
    for payload, n in (({"username": "bob", "csr": csr}, 0), ({"username": "Bob", "csr": csr}, 1),
                       ({"username": "bob", "csr": csr[:-60] + "AAAA" + csr[-56:]}, 1), ({"username": "bob"}, 1)):
        with contextlib.suppress(ValueError):
            assert len(faults([*hello, ("GUEST", "2", payload)], "4", None)) == n
    assert len(faults([*hello, ("LIST", "2", {"query": "x"}, 8193)], "4", None)) == 1
    assert faults([*hello, ("LIST", "2", {"query": "x"}, 8193)], "4") == []


def test_shapes_of_the_page():
    assert keys_of("{a, b?, c: [{d, e?}], f?: [at most 3], g? or h?, limit of at most 5}") == {
        "a": True, "b": False, "c": True, "f": False, "g": False, "h": False, "limit": True}


# -- a member

@pytest.fixture(scope="module")
def stage(module_world):
    class Stage:
        world = module_world
    module_world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n")
    Stage.tracker = module_world.start_tracker()
    Stage.bob = module_world.people("bob")
    with Connection(Stage.tracker.address, hello=False) as c:
        Stage.carol = sign_up(Stage.tracker.address, "carol", pin_of(c.chain[1]))
    return Stage


def member(name, status="online"):
    return {"username": name, "user_type": "REGISTERED", "role": "none", "status": status,
            "since": "2026-01-01T00:00:00.000Z"}


@sentence("2.70", "5.PRESENCE.4", "5.PRESENCE.6", "5.PRESENCE.7")
def test_presence(stage):
    """How many are here is what the host says; generations that are old say nothing."""
    people = [member("bob"), member("carol", "away"), member("dora", "offline")]
    with ModelHost(stage.tracker, stage.carol, "statuses") as h:
        h.hooks["MEMBERS"] = lambda c, f: h.ok(c, f, {"members": people, "generation": 5})
        path = stage.bob.join("statuses")

        def online():
            return stage.bob.get(path, CHANNEL, "MembersOnline")

        def presence(c, generation, members_online, *changes, **more):
            h.push(c, "PRESENCE", generation=generation, members_online=members_online, changes=[
                {k: x[k] for k in ("username", "user_type", "role", "status")} for x in changes], **more)
        h.do(lambda c: presence(c, 5, 2, people[1]))
        wait_for(lambda: online() == 2, "as many as the host says")
        people.append(member("emil"))
        h.do(lambda c: (presence(c, 5, 7, people[3]), presence(c, 4, 8, people[3])))
        barrier = h.add(message_content="after those")
        h.do(lambda c: h.push(c, "MESSAGE", entries=[barrier]))
        wait_for(lambda: stage.bob.texts(path) == ["after those"], "what came after them")
        assert online() == 2
        h.do(lambda c: presence(c, 6, 3, people[3]))
        wait_for(lambda: online() == 3, "the next generation")
        # Of many only the number is told, and who is here is asked for when somebody wants to know.
        h.do(lambda c: presence(c, 7, 501, reset=True))
        wait_for(lambda: online() == 501, "the number")
        shown, _ = stage.bob.call(path, CHANNEL, "GetMembers", "a{sv}", {})
        assert [(m[0], m[3]) for m in shown] == [("bob", "online"), ("carol", "away"), ("dora", "offline"),
                                                 ("emil", "online")]


@sentence("5.ENTRY.9", "5.ENTRY.10", "5.ENTRY.11", "5.ENTRY.12", "5.ENTRY.13")
def test_every_kind(stage):
    """Kinds and keys that this version makes none of are kept and shown like others, and change no state."""
    until = "2030-01-01T00:00:00.000Z"
    with ModelHost(stage.tracker, stage.carol, "kinds") as h:
        more = [("host", {"epoch": 2, "host": "carol"}), ("topic", {"topic": "first"}),
                ("kick", {"target": "dora", "reason": "why"}),
                ("ban", {"target": "dora", "reason": "why", "until": until}),
                ("unban", {"target": "dora"}), ("redact", {"target_seq": 1, "reason": "why"}),
                ("sticker", {"image": [1, {"deep": None}], "topic": "no topic"}),
                ("sticker", {"image": "x" * 4000})]
        for kind, keys in more:
            h.add(kind, **keys)
        path = stage.bob.join("kinds")
        late = h.add("topic", topic="third")
        h.do(lambda c: h.push(c, "MESSAGE", entries=[late]))
        more.append(("topic", {"topic": "third"}))
        wait_for(lambda: stage.bob.get(path, CHANNEL, "SyncedSeq") == len(h.entries), "bob to have them all")
        shown = stage.bob.messages(path)
        assert [(e[0], e[2]) for e in shown] == [(i + 1, k) for i, k in
                                                 enumerate(["create"] + [kind for kind, _ in more])]
        assert stage.bob.get(path, CHANNEL, "Topic") == "third"
        for (kind, keys), entry in zip(more, shown[1:]):
            details = str(entry)
            assert kind == "sticker" or all(str(v) in details for k, v in keys.items() if k != "until"), (kind, details)


# -- who hosts, as its tracker sees it

@sentence("4.HEARTBEAT.6", "4.HEARTBEAT.10")
def test_heartbeats(stage):
    """The next beat but one after a message counts it; beats without an answer go on, and so does the channel."""
    authority = Authority()
    erin = stage.world.peer("erin")
    with ModelTracker(authority) as tracker:
        def quick(c, f, **more):
            tracker.ok(c, f, {"lease_seconds": 3, **more})
        tracker.hooks["HOST"] = lambda c, f: quick(c, f, channel_id=f.payload["channel_id"], epoch=1,
                                                   observed_address=f.payload["addresses"][0])
        tracker.hooks["HEARTBEAT"] = lambda c, f: quick(c, f, lost=[], revocations=[], more=False)
        erin.manager("SetTracker", "sa{sv}", tracker.address, {"pin": pin_of(authority.ca)})
        erin.sign_up()
        path = erin.host("beating")

        def beats():
            return [b["channels"][0] for b in tracker.asked("HEARTBEAT") if b["channels"]]
        wait_for(lambda: len(beats()) >= 1, "the first beat")
        for text in ("one", "two"):
            seq = erin.send(path, text, wait="stored")[1]
            n = len(beats())
            wait_for(lambda n=n: len(beats()) >= n + 2, "two more beats")
            assert beats()[n + 1]["last_seq"] >= seq
        n = len(beats())
        tracker.hooks["HEARTBEAT"] = lambda c, f: None
        wait_for(lambda: len(beats()) > n, "a beat that is not answered")
        assert erin.get(path, CHANNEL, "State") == "live"
        assert erin.send(path, "three", wait="stored")[1] == seq + 1
        erin.stop()


@sentence("3.HELLO.5")
@pytest.mark.parametrize("days,told", ((3, "behind"), (-3, "ahead")))
def test_clock(stage, days, told):
    """A tracker whose clock is days away is one by which a person may find that her own is wrong."""
    authority = Authority()
    peer = stage.world.peer("clock" + told)
    theirs = datetime.datetime.utcnow() + datetime.timedelta(days=days)
    with ModelTracker(authority) as tracker:
        tracker.hooks["HELLO"] = lambda c, f: tracker.ok(c, f, {
            "agent": "model/1", "features": [], "time": theirs.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "limits": {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": 1000}})
        peer.manager("SetTracker", "sa{sv}", tracker.address, {"pin": pin_of(authority.ca)})
        wait_for(lambda: abs(peer.get(PATH, MANAGER, "ClockOffset") / 86400e6 - days) < 0.1, "the clock to be seen")
        shown = peer.ctl("status")
        assert re.search(rf"your clock is 3 days {told}, by the tracker's; set it: ", shown.stdout), shown
        peer.stop()
