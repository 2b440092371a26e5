# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatd as a member of a host that was written from the protocol page alone, honest or not: what is
asked of it, what is kept of what it says, and that no text is lost or said twice."""
import json
import threading
import uuid

import dbus
import pytest

import badinput
from conformance import sentence
from modelstage import MemberStage
from outsider import TIME, UUID
from p2pchat import CHANNEL, ERROR, refused, wait_for


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


@pytest.fixture(autouse=True)
def survives(stage):
    yield
    assert stage.bob.is_up()


# -- an honest host

def test_honest(stage):
    with stage.host() as h:
        (connect,) = h.asked("CONNECT")
        assert set(connect) >= {"channel_name", "since", "invisible"} and connect["since"] == 0
        assert connect["channel_name"] == h.name and connect.get("channel_id", h.channel_id) == h.channel_id
        (hello,) = h.asked("HELLO")
        assert len(hello["agent"]) <= 64 and len(hello["features"]) <= 32
        assert stage.bob.texts(h.path) == ["old 0", "old 1", "old 2"]
        message_id, seq = stage.bob.send(h.path, "hällo\n\U0001f600", wait="stored",
                                         meta=dbus.Dictionary({"x": "y"}, signature="sv"))
        assert UUID.fullmatch(message_id) and seq == 5
        (request,) = h.asked("MESSAGE")
        assert (request["channel_name"], request["channel_id"]) == (h.name, h.channel_id)
        assert request["messages"] == [{"id": message_id, "message_content": "hällo\n\U0001f600", "meta": {"x": "y"}}]
        stage.has(h, "hällo\n\U0001f600")
        for command, call in (("MEMBERS", ("GetMembers", "a{sv}", {})), ("RET_INFO", ("GetInfo", "a{sv}", {}))):
            h.hooks["RET_INFO"] = lambda c, f: h.ok(c, f, {**h.state(), "members": [], "authorized": [], "messages": []})
            stage.bob.call(h.path, CHANNEL, *call)
            assert h.asked(command)[-1]["channel_id"] == h.channel_id
            assert command != "MEMBERS" or 1 <= h.asked(command)[-1]["limit"] <= 500


def test_presence(stage):
    """How many are here is what the host says last; who, what MEMBERS does."""
    people = [{"username": name, "user_type": "REGISTERED", "role": "none", "status": "online", "since": "2026-01-01T00:00:00.000Z"}
              for name in ("bob", "carol", "dora", "emil")]

    def on_members(c, f):
        assert 1 <= f.payload["limit"] <= 500, "a limit is no option"
        h.ok(c, f, {"members": people, "generation": 9})
    with stage.host(MEMBERS=on_members) as h:
        assert stage.get(h, "MembersOnline") == 1
        h.do(lambda c: h.push(c, "PRESENCE", generation=9, members_online=4, changes=[
            {k: people[2][k] for k in ("username", "user_type", "role", "status")}]))
        wait_for(lambda: stage.get(h, "MembersOnline") == 4, "all to be counted")
        h.do(lambda c: h.push(c, "PRESENCE", generation=9, members_online=5, changes=[]))
        members, _ = stage.bob.call(h.path, CHANNEL, "GetMembers", "a{sv}", {})
        assert [m[0] for m in members] == ["bob", "carol", "dora", "emil"]


def test_resume(stage):
    """After a cut: CONNECT with the end of the contiguous prefix and its id; nothing twice."""
    with stage.host() as h:
        h.do(lambda c: c.tls.close())
        h.add(message_content="while away")
        stage.has(h, "while away")
        again = h.asked("CONNECT")[-1]
        assert (again["since"], again["since_id"]) == (4, h.entries[3]["id"])
        assert "backlog" not in again
        assert stage.bob.texts(h.path) == ["old 0", "old 1", "old 2", "while away"]


def test_going_away(stage):
    with stage.host() as h:
        h.do(lambda c: (c.send("GOING_AWAY", None, {"reason": "restart", "resume_in_ms": 100}), c.tls.close()))
        h.add(message_content="after the restart")
        stage.has(h, "after the restart")


@sentence("3.PING.5")
def test_heads(stage):
    """A head above what a member has, twice running: it CONNECTs again."""
    with stage.host() as h:
        h.add(message_content="a push that was lost")

        def ping(c):
            c.send("PING", f"p{len(h.entries)}-{len(h.asked('CONNECT'))}-{uuid.uuid4()}"[:40],
                   {"heads": {h.name: 5, "other": 9}})
        for _ in range(2):
            assert len(h.asked("CONNECT")) == 1
            h.do(ping)
        stage.has(h, "a push that was lost")
        assert h.asked("CONNECT")[-1]["since"] == 4


@sentence("2.17", "2.19")
def test_unknown_things(stage):
    """Pushes, kinds and keys of a later version: ignored, stored, served, counted."""
    with stage.host() as h:
        new = h.add("sticker", image=[1, {"2": None}], username="carol")
        odd = h.add(message_content="with more", colour="red", meta={"a": {"b": [True]}})
        h.do(lambda c: (h.push(c, "NEW_PUSH", x=1), c.send("MESSAGE", None, {"channel_name": "not-joined", "entries": []}),
                        c.send("OK", "never-asked", {}), c.send("MESSAGE", None, []), h.push(c, "MESSAGE", entries=[]),
                        h.push(c, "MESSAGE", entries=[new, odd])))
        stage.has(h, "with more")
        entries = stage.bob.messages(h.path)
        assert [e[0] for e in entries] == [1, 2, 3, 4, 5, 6] and entries[4][2] == "sticker"
        shown = [json.loads(x) for x in stage.bob.ctl("log", h.name, "-o", "json").stdout.splitlines()]
        assert [e["seq"] for e in shown] == [1, 2, 3, 4, 5, 6] and TIME.fullmatch(shown[4]["time"])


@sentence("2.20", "2.21", "3.PING.2")
def test_requests_the_wrong_way(stage):
    """Requests go from the dialling to the accepting side only."""
    with stage.host() as h:
        def ask(c):
            c.send("RET_INFO", "w1", {"channel_name": h.name})
            got = c.answer("w1")
            assert (got.header, got.payload["error"]) == ("REQUEST_ERROR", "unsupported")
            c.send("PING", "w2", {})
            f = c.answer("w2")
            assert (f.header, f.payload) == ("OK", {})
        h.do(ask)
        assert not [o for o in h.outcomes if isinstance(o, Exception)]


# -- what a log may not do

@sentence("2.84")
def test_bad_text(stage):
    """A member that gets such from a host stores U+FFFD and goes on."""
    with stage.host() as h:
        entry = h.add(message_content="a\ufffeb\u0085c\x1bd")
        topic = h.add("topic", topic="two\nlines")
        last = h.add(message_content="good")
        h.do(lambda c: h.push(c, "MESSAGE", entries=[entry, topic, last]))
        stage.has(h, "a\ufffdb\ufffdc\ufffdd", "good")
        assert "\n" not in stage.get(h, "Topic")


@sentence("5.RESUME.4")
@pytest.mark.parametrize("what", ("hole", "other-id"))
def test_fault_once(stage, what):
    """A hole, or a known seq with another id, in a push: CONNECT again once."""
    with stage.host() as h:
        good = h.add(message_content="mended")
        bad = {**good, "seq": 7} if what == "hole" else {**h.entries[2], "id": str(uuid.uuid4())}
        h.do(lambda c: h.push(c, "MESSAGE", entries=[bad]))
        stage.has(h, "mended")
        assert len(h.asked("CONNECT")) == 2
        stage.wait_state(h, "live")
        assert [e[0] for e in stage.bob.messages(h.path)] == [1, 2, 3, 4, 5]


@sentence("5.RESUME.4")
@pytest.mark.parametrize("what", ("hole", "other-id"))
def test_fault_twice(stage, what):
    """… then diverged: the member keeps its copy."""
    with stage.host() as h:
        bad = {**h.entries[-1], "seq": 9} if what == "hole" else {**h.entries[2], "id": str(uuid.uuid4())}

        def on_connect(c, f):
            h.ok(c, f, h.state(last_seq=9))
            h.push(c, "MESSAGE", entries=[bad])
        h.hooks["CONNECT"] = on_connect
        h.do(lambda c: h.push(c, "MESSAGE", entries=[bad]))
        stage.wait_state(h, "diverged")
        assert stage.bob.texts(h.path) == ["old 0", "old 1", "old 2"]
        assert len(h.asked("CONNECT")) <= 3
        explained(stage, h, *(("broken-log", 5, "from entry 5 on") if what == "hole" else
                              ("other-entry", 3, "entry 3 is another one there")))


def lying_connect(stage, h, answer):
    """The next CONNECT gets that answer."""
    h.hooks["CONNECT"] = answer
    h.do(lambda c: c.tls.close())


def explained(stage, h, reason, seq, words):
    """What happened, since which entry, that the copy is kept and what can be done, by every door."""
    info = stage.bob.call(h.path, CHANNEL, "GetInfo", "a{sv}", {})
    assert (info["state"], info["state_reason"], info["diverged_seq"]) == ("diverged", reason, seq)
    shown = stage.bob.ctl("status", h.name).stdout
    for part in (reason, words, "The copy here is kept", f"p2pchatctl join --new-copy {h.name}"):
        assert part in shown, shown
    assert stage.get(h, "StateText") in shown.replace("\n", " ") and info["state_text"] == stage.get(h, "StateText")


@sentence("5.RESUME.1")
@pytest.mark.parametrize("what", ("conflict", "short conflict", "shorter"))
def test_diverged(stage, what):
    """Another log under the same id: the copy is kept, nothing is sent, until a person takes the host's."""
    with stage.host() as h:
        conflict = {"last_seq": 9 if what == "conflict" else 2, "epoch": 1}

        def answer(c, f):
            h.ok(c, f, h.state(last_seq=2)) if what == "shorter" else \
                h.fail(c, f, "REQUEST_ERROR", "conflict", **conflict)
        queued = threading.Event()
        h.hooks["MESSAGE"] = lambda c, f: queued.set()  # … and no answer
        row, _ = stage.bob.send(h.path, "waits")
        assert queued.wait(20)
        lying_connect(stage, h, answer)
        stage.wait_state(h, "diverged")
        assert stage.bob.texts(h.path) == ["old 0", "old 1", "old 2"]
        explained(stage, h, *(("other-entry", 4, "entry 4 is another one there") if what == "conflict" else
                              ("shorter-log", 3, "ends at entry 2, the copy here at 4")))
        assert refused(stage.bob.send, h.path, "and this")[0] == ERROR + "Conflict"
        assert refused(stage.bob.call, h.path, CHANNEL, "Retry", "sa{sv}", row, {})[0] == ERROR + "Conflict"
        assert stage.rows(h) == {"waits": ("queued", "")}
        # Asked again it is the same, and the copy is still there.
        assert refused(stage.bob.join, h.name)[0] == ERROR + "Conflict"
        stage.wait_state(h, "diverged")
        assert stage.bob.texts(h.path) == ["old 0", "old 1", "old 2"]
        assert len(h.asked("MESSAGE")) == 1
        del h.hooks["CONNECT"], h.hooks["MESSAGE"]
        del h.entries[2:]
        h.add(message_content="new 1")
        stage.bob.ctl("join", h.name, "--new-copy")
        stage.has(h, "old 0", "new 1", "waits")
        assert [e["id"] for e in h.entries if e.get("message_content") == "waits"] == [row]
        assert stage.get(h, "StateText") == "" and stage.get(h, "StateReason") == ""


@sentence("5.RESUME.10")
@pytest.mark.parametrize("killed", (False, True))
def test_begins_empty(stage, killed):
    """Joined without a backlog, and away before a word was said: what is said meanwhile is part of it."""
    with stage.host(join=False) as h:
        h.path = stage.bob.join(h.name, backlog=dbus.UInt32(0))
        stage.wait_state(h, "live")
        wait_for(lambda: h.asked("HISTORY"), "the entry before it to be asked for")
        if killed:
            stage.bob.stop_daemon(9)
        h.add(message_content="while away")
        if killed:
            stage.bob.start_daemon()
        else:
            h.do(lambda c: c.tls.close())
        wait_for(lambda: stage.get(h, "SyncedSeq") == 5, "bob to have it")
        assert [stage.get(h, k) for k in ("FirstSeq", "ReadSeq", "Unread")] == [5, 4, 1]
        first, again = h.asked("CONNECT")
        assert (first["since"], first["backlog"], again["since"]) == (0, 0, 4) and "backlog" not in again
        if not killed:
            assert again["since_id"] == h.entries[3]["id"]


@sentence("5.RESUME.2")
@pytest.mark.parametrize("what", ("channel_id", "owner"))
def test_another_channel(stage, what):
    """An OK with another channel_id or owner: State closed, nothing stored."""
    with stage.host() as h:
        def answer(c, f):
            other = {"channel_id": h.channel_id, "owner": h.owner, what: str(uuid.uuid4())}
            h.ok(c, f, {**h.state(), **other})
            c.send("MESSAGE", None, {"channel_name": h.name, "channel_id": other["channel_id"], "entries": [
                {**h.entries[-1], "seq": 5, "id": str(uuid.uuid4()), "message_content": "not ours"}]})
        lying_connect(stage, h, answer)
        stage.wait_state(h, "closed")
        assert stage.bob.texts(h.path) == ["old 0", "old 1", "old 2"]


@sentence("5.RESUME.3")
def test_before_the_ok(stage):
    """Entries before the OK are ignored."""
    with stage.host() as h:
        def answer(c, f):
            h.push(c, "MESSAGE", entries=[{**h.entries[-1], "seq": 5, "id": str(uuid.uuid4()), "message_content": "early"}])
            h.on_connect(c, f)
        h.hooks["CONNECT"] = answer
        h.do(lambda c: c.tls.close())
        h.add(message_content="right")
        stage.has(h, "right")
        assert "early" not in stage.bob.texts(h.path)


@pytest.mark.parametrize("junk", (
    b"\n", b"hello\n", b'MESSAGE-{"id":null,"payload":{"a":1,"a":2}}\n', b"MESSAGE-{" + b" " * 70000,
    b'OK-{"id":"1","payload":NaN}\n', b"\0\n", b'MESSAGE-{"id":7,"payload":{}}\n'), ids=range(7))
def test_junk(stage, junk):
    """A line that is no frame ends the connection, and the next one is as good as the first."""
    with stage.host() as h:
        h.do(lambda c: c.send_bytes(junk))
        h.add(message_content="afterwards")
        stage.has(h, "afterwards")
        assert len(h.asked("CONNECT")) == 2


@pytest.mark.parametrize("entries", (
    None, {}, [1], [{}], [{"seq": 5}], [{"seq": -1, "id": "x"}], "no seq", "text a number", "no id"))
def test_bad_entries(stage, entries):
    """What is no entry is no reason to lose anything."""
    with stage.host() as h:
        good = h.add(message_content="a good one")
        bad = {"no seq": {**good, "seq": "5"}, "text a number": {**good, "message_content": 7},
               "no id": {**good, "id": "x"}}
        pushed = [bad[entries]] if isinstance(entries, str) else entries
        h.do(lambda c: h.push(c, "MESSAGE", entries=pushed))
        h.do(lambda c: h.push(c, "MESSAGE", entries=[good]))
        stage.has(h, "a good one")
        assert [e[0] for e in stage.bob.messages(h.path)] == [1, 2, 3, 4, 5]


def test_closed(stage):
    """CLOSED, by reason."""
    for reason, states in (("restricted", ("denied",)), ("banned", ("denied",)), ("kicked", ("closed", "denied", "offline")),
                           ("replaced", ("closed",))):
        with stage.host(n=0) as h:
            h.do(lambda c, reason=reason: h.push(c, "CLOSED", reason=reason, message="by the test"))
            stage.wait_state(h, *states)
            assert reason in stage.get(h, "StateReason")
            # A person may always ask again.
            h.add(message_content="back")
            if reason != "replaced":
                stage.bob.call(h.path, CHANNEL, "Connect", "a{sv}", {})
                stage.has(h, "back")
    with stage.host(n=0) as h:  # unhosted, moved: ask the directory
        h.do(lambda c: h.push(c, "CLOSED", reason="moved", message="by the test"))
        h.add(message_content="found again")
        stage.has(h, "found again")


def test_bad_words(stage):
    """Text that no text may be, values of types that nobody expects: what can be shown is shown, of this
    channel and of all others."""
    bad = "".join(badinput.NO_TEXT)
    with stage.host(n=0, join=False) as h:
        state = h.state
        h.state = lambda: state(topic="t" + bad)
        h.path = stage.bob.join(h.name)
        stage.wait_state(h, "live")
        assert stage.get(h, "Topic").startswith("t\ufffd")
        for more in ({"meta": {bad: 1, "k": [bad, {bad: 2}]}}, {"text": 3, "reason": [1], "topic": True, bad: 4}):
            h.add(message_content=bad, **more)
        h.add("later", target={"a": 1}, role=1.5, view_permission="x" + bad, text=True)
        h.add("role", target="bob" + bad, role=7)
        h.add("topic", topic=[])
        h.add(message_content="good")
        h.do(lambda c: h.push(c, "CLOSED", reason=bad, message=bad))
        wait_for(lambda: stage.get(h, "SyncedSeq") == 7, "bob to have it all")
        assert [e[0] for e in stage.bob.messages(h.path)] == [*range(1, 8)]
        for verb in (("status",), ("log", h.name), ("log", h.name, "-j")):
            shown = stage.bob.ctl(*verb).stdout
            assert "\ufffd" in shown and not any(c in shown for c in badinput.NO_TEXT)
        assert [json.loads(x)["seq"] for x in shown.splitlines()] == [*range(1, 8)]

        def refuse(c, f):
            h.ok(c, f, {"stored": [], "refused": [{"id": f.payload["messages"][0]["id"], "error": "read-only",
                                                   "message": bad}]})
        h.hooks["MESSAGE"] = refuse
        stage.wait_state(h, "live")
        assert refused(stage.bob.send, h.path, "x", wait="stored")[0] == ERROR + "ReadOnly"


def test_join_refused(stage):
    """Its refusal is the answer of Join. There is no object then, unless one may be let in later."""
    for status, code, error in (("UNAUTHORIZED", "restricted", "Restricted"), ("UNAUTHORIZED", "banned", "Banned"),
                                ("REQUEST_ERROR", "no-such-channel", "NoSuchChannel"),
                                ("REQUEST_ERROR", "rate-limited", "RateLimited")):
        with stage.host(join=False) as h:
            h.hooks["CONNECT"] = lambda c, f, s=status, e=code: h.fail(c, f, s, e)
            assert refused(stage.bob.join, h.name)[0] == ERROR + error
            paths = [p for p in stage.bob.objects() if p.endswith(h.channel_id.replace("-", ""))]
            assert len(paths) == (code in ("restricted", "banned"))
            for path in paths:
                assert stage.bob.get(path, CHANNEL, "State") == "denied"
                assert stage.bob.get(path, CHANNEL, "StateReason") == code
                stage.bob.call(path, CHANNEL, "Leave", "a{sv}", {"forget": True})


# -- exactly once, from the sender's side

def ids(h):
    return [m["id"] for p in h.asked("MESSAGE") for m in p["messages"]]


@sentence("2.24", "5.MESSAGE.11")
def test_answer_lost(stage):
    """Stored, and the answer never came: the same id again, and it is there once."""
    with stage.host() as h:
        def swallow(c, f):
            m, = f.payload["messages"]
            h.add(username="bob", id=m["id"], message_content=m["message_content"])
            h.hooks.clear()
            c.tls.close()
        h.hooks["MESSAGE"] = swallow
        message_id, seq = stage.bob.send(h.path, "once", wait="stored")
        assert seq == 5
        stage.has(h, "old 0", "old 1", "old 2", "once")
        assert set(ids(h)) == {message_id}
        wait_for(lambda: stage.get(h, "OutboxCount") == 0, "the outbox to be empty")


@sentence("2.24", "5.MESSAGE.11")
def test_not_stored(stage):
    """Not stored, and no answer: sent again under the same id."""
    with stage.host() as h:
        def cut(c, f):
            h.hooks.clear()
            c.tls.close()
        h.hooks["MESSAGE"] = cut
        message_id, seq = stage.bob.send(h.path, "twice sent", wait="stored")
        assert seq == 5 and ids(h) == [message_id] * 2


@sentence("5.MESSAGE.18")
@pytest.mark.parametrize("status,code", (("REQUEST_ERROR", "rate-limited"), ("SERVER_ERROR", "busy")))
@pytest.mark.parametrize("plainly", (True, False))
def test_later(stage, status, code, plainly):
    """rate-limited and busy: it stays in the outbox and goes again, under its id, in order."""
    with stage.host() as h:
        def refuse(c, f):
            h.hooks.clear()
            if plainly:
                h.fail(c, f, status, code, retry_after_ms=50)
                return
            first, *rest = f.payload["messages"]
            e = h.add(username="bob", id=first["id"], message_content=first["message_content"])
            h.ok(c, f, {"stored": [{"id": e["id"], "seq": e["seq"], "time": e["time"]}],
                        "refused": [{"id": m["id"], "error": code, "message": "later", "retry_after_ms": 50} for m in rest]})
            h.push(c, "MESSAGE", entries=[e])
        stage.bob.call(h.path, CHANNEL, "Disconnect", "a{sv}", {})
        for text in ("a", "b", "c"):
            stage.bob.send(h.path, text)
        h.hooks["MESSAGE"] = refuse
        stage.bob.call(h.path, CHANNEL, "Connect", "a{sv}", {})
        stage.has(h, "old 2", "a", "b", "c")
        wait_for(lambda: stage.get(h, "OutboxCount") == 0, "the outbox to be empty")


@sentence("5.MESSAGE.18")
def test_refused(stage):
    """A refused message that is not rate-limited or busy leaves the outbox as failed with its reason;
    what comes after it goes on."""
    with stage.host() as h:
        def refuse(c, f):
            (m,) = f.payload["messages"]
            h.hooks.clear()
            h.fail(c, f, "UNAUTHORIZED", "read-only")
            h.refused_id = m["id"]
        h.hooks["MESSAGE"] = refuse
        assert refused(stage.bob.send, h.path, "not allowed", wait="stored")[0] == ERROR + "ReadOnly"
        assert stage.rows(h)["not allowed"] == ("failed", "ReadOnly")
        stage.bob.send(h.path, "allowed", wait="stored")
        stage.has(h, "old 2", "allowed")
        stage.bob.call(h.path, CHANNEL, "Retry", "sa{sv}", h.refused_id, {})
        stage.has(h, "allowed", "not allowed")
        assert ids(h).count(h.refused_id) == 2


@pytest.mark.parametrize("payload", (
    {}, {"stored": {}, "refused": []}, {"stored": [1], "refused": []}, {"stored": [{"id": "x", "seq": 1}], "refused": []},
    {"stored": [], "refused": []}, {"stored": [], "refused": [{"id": "other", "error": 7}]}))
def test_odd_answers(stage, payload):
    """An answer that says nothing of the message leaves it unknown: it is never lost, never there twice."""
    with stage.host() as h:
        def odd(c, f):
            h.hooks.clear()
            h.ok(c, f, payload)
        h.hooks["MESSAGE"] = odd
        message_id, _ = stage.bob.send(h.path, "kept")
        stage.has(h, "old 2", "kept")
        assert set(ids(h)) == {message_id}
        wait_for(lambda: stage.get(h, "OutboxCount") == 0, "the outbox to be empty")


def test_killed_while_sending(stage):
    """kill -9 of the member between the host's disk and its own: once, all the same."""
    with stage.host() as h:
        stored = threading.Event()

        def stall(c, f):
            for m in f.payload["messages"]:
                h.add(username="bob", id=m["id"], message_content=m["message_content"])
            stored.set()
        h.hooks["MESSAGE"] = stall
        texts = [f"text {i}" for i in range(5)]
        for text in texts:
            stage.bob.send(h.path, text)
        assert stored.wait(20)
        stage.bob.stop_daemon(9)
        h.hooks.clear()
        stage.bob.start_daemon()
        stage.has(h, "old 2", *texts)
        wait_for(lambda: stage.get(h, "OutboxCount") == 0, "the outbox to be empty")
        assert stage.bob.texts(h.path) == ["old 0", "old 1", "old 2", *texts]
        assert [e["message_content"] for e in h.entries if e["username"] == "bob"] == texts


# -- pages that never end

def test_endless_members(stage):
    people = [{"username": name, "user_type": "REGISTERED", "role": "none", "status": "online", "since": "2026-01-01T00:00:00.000Z"}
              for name in ("bob", "carol")]
    with stage.host() as h:
        h.hooks["MEMBERS"] = lambda c, f: h.ok(c, f, {"members": people, "next": "bob", "generation": 1})
        result = stage.bob.ctl("members", h.name, check=False)
        assert result.stdout.count("carol") <= 2
        h.hooks["MEMBERS"] = lambda c, f: h.ok(c, f, {"members": [], "next": "a", "generation": 1})
        stage.bob.ctl("members", h.name, check=False)


def test_endless_history(stage):
    """Pages of the host's that are not what was asked for: never shown as such, never asked for for ever."""
    with stage.host(n=20, join=False) as h:
        h.path = stage.bob.join(h.name, backlog=dbus.UInt32(2))
        stage.wait_state(h, "live")
        wait_for(lambda: stage.bob.get(h.path, CHANNEL, "SyncedSeq") == 21, "the backlog")
        asked = []

        def same(c, f):
            asked.append(f.payload)
            h.ok(c, f, {"entries": h.entries[-3:], "more": True})
        h.hooks["HISTORY"] = same
        for arguments in (("-n", "100"), ()):
            result = stage.bob.ctl("log", h.name, "-o", "json", *arguments, check=False)
            seqs = [json.loads(line)["seq"] for line in result.stdout.splitlines()]
            assert seqs == sorted(set(seqs)), "nothing twice, in order"
        assert len(asked) < 50
        h.hooks.clear()

        def history(c, f):
            rest = [e for e in h.entries if e["seq"] < f.payload.get("before", 2**53) and e["seq"] > f.payload.get("after", 0)]
            page = rest[:f.payload["limit"]] if "after" in f.payload else rest[-f.payload["limit"]:]
            h.ok(c, f, {"entries": page, "more": len(rest) > len(page)})
        h.hooks["HISTORY"] = history
        shown = stage.bob.ctl("log", h.name, "-o", "json", "-n", "100").stdout.splitlines()
        assert [json.loads(line)["seq"] for line in shown] == list(range(1, 22)), "an honest host: all of it"
