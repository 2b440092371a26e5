# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatd as a member of a host that lies in one member of one payload after the other (lies.py): it
lives, says a named error or a state, keeps what it has, and is well as soon as the host is."""
import json
import uuid

import dbus
import dbus.lowlevel
import pytest

from conformance import sentence
from lies import BAD_WORDS, lies
from modelstage import MemberStage, lie_of, once, tell
from p2pchat import BUS_NAME, CHANNEL, PROPERTIES, wait_for

STATES = ("offline", "connecting", "syncing", "live", "denied", "diverged", "closed")
TRYING = ("connecting", "syncing", "live")
OLD = ["old 0", "old 1", "old 2"]


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


def again(stage, h):
    """A new connection, and so a new CONNECT → the error of Connect, if any."""
    tell(stage.bob.call, h.path, CHANNEL, "Disconnect", "a{sv}", {})
    return tell(stage.bob.call, h.path, CHANNEL, "Connect", "a{sv}", {})[1]


def mend(stage, h):
    """The host is honest: everything is."""
    if stage.get(h, "State") == "closed":
        assert stage.bob.join(h.name) == h.path
    else:
        again(stage, h)
    stage.wait_state(h, "live")
    wait_for(lambda: stage.get(h, "SyncedSeq") == len(h.entries), "bob to have it all")


def settled(h):
    """Whatever was pushed before has been read."""
    def ping(c):
        frame_id = str(uuid.uuid4())
        c.send("PING", frame_id, {})
        c.answer(frame_id)
    h.do(ping)


def shown(stage, *verb):
    text = stage.bob.ctl(*verb, check=False).stdout
    assert not set(text) & set(BAD_WORDS.replace("\u202e", "")) - set("[0;2Jx]"), verb
    return text


def test_connect(stage):
    """What CONNECT is answered with."""
    with stage.host() as h:
        for name, lie in lies(h.state()):
            with lie_of(name):
                once(h, "CONNECT", lambda c, f, lie=lie: h.ok(c, f, lie))
                again(stage, h)
                assert "CONNECT" not in h.hooks
                state = stage.get(h, "State")
                # It may ask again by itself at any moment.
                assert state in STATES and (state in TRYING or stage.get(h, "StateReason") or stage.get(h, "State") in TRYING)
                assert stage.bob.texts(h.path) == OLD
                assert stage.bob.objects()
                key = name.partition(":")[0]
                if key in ("channel_id", "owner") and isinstance(lie.get(key), str) and lie[key]:
                    assert (state, stage.get(h, "StateReason")) == ("closed", "another-channel")
                if state != "live":
                    mend(stage, h)
        mend(stage, h)
        shown(stage, "status")
        shown(stage, "status", h.name)
        assert stage.bob.texts(h.path) == OLD and stage.get(h, "Topic") == ""


def test_refusals(stage):
    """What CONNECT is refused with: by the code, and by the status where that is none that belongs there."""
    refusal = {"error": "busy", "message": "later", "retry_after_ms": 3600000, "last_seq": 2, "epoch": 1, "field": "x"}
    by_status = {"UNAUTHORIZED": ("denied", "restricted"), "SERVER_ERROR": ("connecting", "internal"),
                 "REQUEST_ERROR": ("offline", "bad-request")}
    with stage.host() as h:
        for status, expected in by_status.items():
            codes = ("of-tomorrow", "busy", "bad-request", "restricted", "not-owner")
            for name, lie in [*lies(refusal), *((c, {**refusal, "error": c}) for c in codes)]:
                with lie_of(f"{status} {name}"):
                    once(h, "CONNECT", lambda c, f, s=status, lie=lie: c.send(s, f.id, lie))
                    again(stage, h)
                    got = stage.get(h, "State"), stage.get(h, "StateReason")
                    asked_again = status == "REQUEST_ERROR" and got[0] in TRYING  # by itself, soon
                    assert got[0] in ("denied", "connecting", "offline") or asked_again, got
                    if name == "of-tomorrow" or (name == "busy" and status != "SERVER_ERROR"):
                        assert got == expected or asked_again
                    assert stage.bob.texts(h.path) == OLD
        mend(stage, h)


def test_hello(stage):
    """HELLO's answer: without a time that is one nobody is talked to; limits are kept to, or taken for 1."""
    honest = {"agent": "model/1", "features": ["of-tomorrow"], "time": "2026-01-01T00:00:00.000Z",
              "limits": {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": 32}}
    with stage.host() as h:
        for name, lie in lies(honest):
            with lie_of(name):
                n = len(h.requests)
                once(h, "HELLO", lambda c, f, lie=lie: h.ok(c, f, lie))
                again(stage, h)
                asked = [command for command, _ in list(h.requests)[n:] if command != "DISCONNECT"]
                if name.startswith("time"):
                    assert asked[:2] in (["HELLO"], ["HELLO", "HELLO"]), asked
                else:
                    assert asked == ["HELLO", "CONNECT"] and stage.get(h, "State") in ("syncing", "live")
        mend(stage, h)


def test_entries(stage):
    """Entries of a push: they are entries, or CONNECT is sent again."""
    with stage.host() as h:
        good = h.add(message_content="first", meta={"k": "v"}, redacted=None)
        h.do(lambda c: h.push(c, "MESSAGE", entries=[good]))
        for name, lie in lies(good):
            with lie_of(name):
                e = h.add(message_content="right")
                bad = {**lie, **{k: e[k] for k in ("seq", "id") if not name.startswith(k)}}
                h.do(lambda c, e=bad: h.push(c, "MESSAGE", entries=[e]))
                wait_for(lambda: stage.get(h, "SyncedSeq") == len(h.entries), "bob to have it")
                stage.wait_state(h, "live")
        entries = stage.bob.messages(h.path)
        assert [e[:2] for e in entries] == [(e["seq"], e["id"]) for e in h.entries]
        assert "\x1b" not in shown(stage, "log", h.name, "-n", "500")
        assert [json.loads(x)["seq"] for x in shown(stage, "log", h.name, "-n", "500", "-o", "json").splitlines()] == \
            [e["seq"] for e in h.entries]


def test_other_kinds(stage):
    """Members of entries that are no messages: kept, and without a meaning where they can have none."""
    kinds = {"topic": {"topic": "t"}, "role": {"target": "bob", "role": "moderator"},
             "view": {"view_permission": "restricted", "send_permission": "members"}, "host": {"epoch": 2, "host": "carol"},
             "ban": {"target": "bob", "reason": "r", "until": "2030-01-01T00:00:00.000Z"},
             "redact": {"target_seq": 1, "reason": "r"}, "kick": {"target": "bob", "reason": "r"},
             "create": {"owner": "carol", "channel_id": str(uuid.uuid4()), "epoch": 1, "previous": str(uuid.uuid4())}}
    with stage.host() as h:
        for kind, keys in kinds.items():
            wrong = [h.add(kind, **lie) for name, lie in lies(keys) if not name.endswith(": long")]
            with lie_of(kind):
                h.do(lambda c, some=wrong: h.push(c, "MESSAGE", entries=some))
                wait_for(lambda: stage.get(h, "SyncedSeq") == len(h.entries), "bob to have them")
                assert stage.get(h, "State") == "live" and stage.bob.objects()
                assert stage.get(h, "Owner") == "carol"
        shown(stage, "status", h.name)
        shown(stage, "log", h.name, "-n", "500")
        assert stage.bob.texts(h.path) == OLD


def test_pushes(stage):
    """PRESENCE, ACCESS, GOING_AWAY, pushes that nobody knows, and heads of PING."""
    person = {"username": "dora", "user_type": "REGISTERED", "role": "none", "status": "online"}
    heads = {"heads": {"trap": 5, "no name\n": 6}}
    pushes = (("PRESENCE", {"generation": 7, "members_online": 2, "changes": [person]}), ("ACCESS", {"can_view": True, "can_send": True}),
              ("GOING_AWAY", {"reason": "stopping", "resume_in_ms": 1000}), ("OF_TOMORROW", {"x": 1}),
              ("CHANNELS", {"generation": 1, "changed": [], "removed": []}))
    with stage.host() as h:
        for command, payload in pushes:
            wrong = [lie for _, lie in lies({"channel_name": h.name, "channel_id": h.channel_id, **payload})]
            with lie_of(command):
                h.do(lambda c, x=command, wrong=wrong: [c.send(x, None, lie) for lie in wrong])
                settled(h)
                assert stage.get(h, "State") == "live" and stage.get(h, "MembersOnline") >= 0
        h.do(lambda c: [c.send("PING", str(uuid.uuid4()), lie) for _, lie in lies(heads)])
        settled(h)
        mend(stage, h)
        assert stage.bob.texts(h.path) == OLD


def test_closed(stage):
    """CLOSED: a reason that is none is one that nobody knows."""
    with stage.host() as h:
        whole = {"channel_name": h.name, "channel_id": h.channel_id, "reason": "restricted", "message": "by the test"}
        for name, lie in lies(whole):
            with lie_of(name):
                h.do(lambda c, lie=lie: c.send("CLOSED", None, lie))
                h.do(lambda c: h.push(c, "CLOSED", reason="restricted", message="and again"))
                wait_for(lambda: stage.get(h, "State") != "live", "it to be over")
                assert stage.get(h, "State") in ("denied", "offline", "connecting", "live") and stage.bob.objects()
                mend(stage, h)
        shown(stage, "status", h.name)


def test_questions(stage):
    """MEMBERS and RET_INFO: an answer, or a named error."""
    person = {"username": "dora", "user_type": "REGISTERED", "role": "none", "status": "online",
              "since": "2026-01-01T00:00:00.000Z"}
    with stage.host() as h:
        questions = (("MEMBERS", "GetMembers", {"members": [person], "generation": 2, "next": "dora"}),
                     ("RET_INFO", "GetInfo", {**h.state(), "members": [person], "messages": [h.entries[-1]],
                                              "authorized": [{"username": "dora", "role": "member"}]}))
        for command, method, honest in questions:
            for name, lie in lies(honest):
                with lie_of(f"{command} {name}"):
                    once(h, command, lambda c, f, lie=lie: h.ok(c, f, lie))
                    result, error = tell(stage.bob.call, h.path, CHANNEL, method, "a{sv}", {})
                    assert command not in h.hooks
                    assert error in (None, "Protocol") and BAD_WORDS not in str(result)
                    assert stage.get(h, "State") == "live"
                    if error is None:  # then it is what the host said
                        told = ([m[0] for m in result[0]] if command == "MEMBERS" else
                                [m["username"] for m in result["authorized"]])
                        assert told == [m["username"] for m in lie["members" if command == "MEMBERS" else "authorized"]]


def test_access(stage):
    """ACCESS: as the host says it, in bounds, or not at all."""
    honest = {"username": "bob", "role": "none", "can_view": True, "can_send": True, "can_moderate": False,
              "why": ["public channel", "bob is not a member"]}
    wrong = [{**honest, **lie} for lie in ({"username": "carol"}, {"role": "king"}, {"why": ["x"] * 9},
                                           {"why": ["x" * 257]}, {"why": [1]}, {"can_view": 1})]
    with stage.host() as h:
        for name, lie in [*lies(honest), *(("in bounds", x) for x in wrong)]:
            with lie_of(f"ACCESS {name}"):
                once(h, "ACCESS", lambda c, f, lie=lie: h.ok(c, f, lie))
                result, error = tell(stage.bob.call, h.path, CHANNEL, "ExplainAccess", "sa{sv}", "", {})
                assert "ACCESS" not in h.hooks
                assert error in (None, "Protocol") and BAD_WORDS not in str(result)
                assert lie not in wrong or error == "Protocol"
                assert stage.get(h, "State") == "live"


def test_history(stage):
    """HISTORY: what is no page of the log is not shown, and not kept."""
    with stage.host(n=20, join=False) as h:
        h.path = stage.bob.join(h.name, backlog=dbus.UInt32(2))
        stage.wait_state(h, "live")
        wait_for(lambda: stage.get(h, "SyncedSeq") == 21, "the backlog")
        honest = {"entries": h.entries[5:10], "more": True}  # nothing that joins what is held: it is not kept
        for name, lie in lies(honest):
            if name.startswith("entries.0.message_content: ") and lie["entries"][0].get("message_content"):
                continue  # text is the host's to choose
            with lie_of(name):
                once(h, "HISTORY", lambda c, f, lie=lie: h.ok(c, f, lie))
                page, error = tell(stage.bob.call, h.path, CHANNEL, "GetMessages", "tua{sv}", 0, 500, {"direction": "before"})
                assert error in (None, "Protocol")
                seqs = [e[0] for e in page[0]] if page else []
                assert seqs == sorted(set(seqs)) and stage.get(h, "State") == "live"
        assert [e[0] for e in stage.bob.messages(h.path)][-2:] == [20, 21]


@sentence("2.14")
def test_one_at_a_time(stage):
    """A host that takes one request at a time is asked one at a time (rules.py looks too), and of all."""
    with stage.host() as h:
        h.in_flight = 1
        again(stage, h)
        stage.wait_state(h, "live")
        held = []
        h.hooks["MESSAGE"] = lambda c, f: held.append(f)
        stage.bob.send(h.path, "held")
        wait_for(lambda: held, "it to be asked")
        bus = stage.bob.connect()
        for method in ("GetMembers", "GetInfo"):
            call = dbus.lowlevel.MethodCallMessage(BUS_NAME, h.path, CHANNEL, method)
            call.append({}, signature="a{sv}")
            bus.send_message(call)
        assert stage.bob.call(h.path, PROPERTIES, "Get", "ss", CHANNEL, "State", bus=bus) == "live"  # they were heard
        settled(h)
        settled(h)
        assert not h.asked("MEMBERS") + h.asked("RET_INFO")
        h.do(lambda c: h.on_message(c, held[0]))
        wait_for(lambda: h.asked("MEMBERS") and h.asked("RET_INFO"), "the others to be asked")
        stage.has(h, "held")
        bus.close()


@sentence("2.19")
def test_twice(stage):
    """Each answer twice, another one to the same id, and answers to what was never asked: the first counts."""
    with stage.host() as h:
        def twice(command):
            def hook(c, f):
                getattr(h, "on_" + command.lower())(c, f)
                h.fail(c, f, "UNAUTHORIZED", "banned")
                h.ok(c, f, {})
                for frame_id in (None, "0", "01", "-1", "x", str(2**64 + 1), "9" * 64, "4711"):
                    c.send("OK", frame_id, {})
            return hook
        for command in ("HELLO", "CONNECT", "MESSAGE", "MEMBERS", "RET_INFO"):
            h.hooks[command] = twice(command)
        again(stage, h)
        stage.wait_state(h, "live")
        for i in range(5):
            assert stage.bob.send(h.path, f"said {i}", wait="stored")[1] == len(h.entries)
            assert stage.bob.call(h.path, CHANNEL, "GetMembers", "a{sv}", {})[0] == []
        stage.has(h, *(f"said {i}" for i in range(5)))
        assert stage.get(h, "State") == "live" and len(h.asked("CONNECT")) == 2


def test_stored(stage):
    """MESSAGE's answer: a text that it says nothing of is asked about again; none is lost or there twice."""
    with stage.host() as h:
        for name, lie in [*lies({"stored": [{"id": "ID", "seq": 1, "time": "2026-01-01T00:00:00.000Z", "duplicate": True}],
                                 "refused": []}),
                          *lies({"stored": [], "refused": [{"id": "ID", "error": "read-only", "message": "no",
                                                            "retry_after_ms": 1}]})]:
            with lie_of(name):
                says_stored = bool(lie.get("stored"))

                def answer(c, f, lie=lie, says_stored=says_stored):
                    (m,) = f.payload["messages"]
                    if says_stored:
                        h.add(username="bob", id=m["id"], message_content=m["message_content"])
                    h.ok(c, f, json.loads(json.dumps(lie).replace('"ID"', json.dumps(m["id"]))))
                # The text before may still be on its way once more.
                once(h, "MESSAGE", answer, lambda f, n=name: f.payload["messages"][-1]["message_content"] == n)
                stage.bob.send(h.path, name)
                wait_for(lambda: "MESSAGE" not in h.hooks, "it to be sent")
                settled(h)
                state = wait_for(lambda n=name: stage.rows(h).get(n, ("gone",))[0] != "sending" and
                                 stage.rows(h).get(n, ("gone", "")), "its outcome")
                assert state[0] in ("gone", "queued", "failed", "stored"), state
                if state[0] == "failed":
                    assert state[1] in ("ReadOnly", "BadRequest"), state
                if state[0] == "queued":  # without the wait
                    mend(stage, h)
                wait_for(lambda: stage.get(h, "OutboxCount") == 0, "the outbox to be empty")
        sent = [m["id"] for p in h.asked("MESSAGE") for m in p["messages"]]
        stored = [e["id"] for e in h.entries if e["username"] == "bob"]
        assert len(stored) == len(set(stored)) and set(stored) <= set(sent)
