# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatd as a member of a host that lies about who may what and who is here (lies.py): lists, news of
keys, insides, rates, and pushes without end. It lives, shows nothing that drives a terminal, and is well as
soon as the host is."""
import time
import uuid

import pytest

from lies import BAD_WORDS, lies
from modelstage import MemberStage, lie_of, once, tell
from p2pchat import CHANNEL, MODERATION, wait_for

KEY = "a" * 64
TIME = "2026-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


def settled(h):
    """Whatever was pushed before has been read."""
    def ping(c):
        frame_id = str(uuid.uuid4())
        c.send("PING", frame_id, {})
        c.answer(frame_id)
    h.do(ping)


def again(stage, h):
    tell(stage.bob.call, h.path, CHANNEL, "Disconnect", "a{sv}", {})
    tell(stage.bob.call, h.path, CHANNEL, "Connect", "a{sv}", {})


def no_bad_words(told):
    return not set(str(told)) & (set(BAD_WORDS) - set("[0;2Jx]\u202e"))


def test_lists(stage):
    """RET_INFO with list: a page, or a named error."""
    authorized = {"username": "dora", "role": "member", "by": "carol", "since": TIME, "key": KEY, "key_since": TIME,
                  "keys": 2}
    banned = {"username": "guest-dora", "key": KEY, "by": "carol", "reason": "said \u00e4 word", "since": TIME, "until": TIME}
    with stage.host() as h:
        for method, honest in (("ListAuthorized", {"authorized": [authorized], "next": "dora"}),
                               ("ListBanned", {"banned": [banned], "next": f"guest-dora {KEY}"})):
            once(h, "RET_INFO", lambda c, f, x=honest: h.ok(c, f, x))
            rows, after = stage.bob.call(h.path, MODERATION, method, "a{sv}", {})
            assert len(rows) == 1 and after == honest["next"]
            for name, lie in lies(honest):
                with lie_of(f"{method} {name}"):
                    once(h, "RET_INFO", lambda c, f, x=lie: h.ok(c, f, x))
                    told, error = tell(stage.bob.call, h.path, MODERATION, method, "a{sv}", {})
                    assert "RET_INFO" not in h.hooks
                    assert error in (None, "Protocol") and no_bad_words(told)
                    assert stage.get(h, "State") == "live"
        # At most as long as a reason may be, and each byte of it grows: whole characters all the same.
        for reason in ("\x01" * 200, "\u0085" * 100, "\u202e" * 60, "\x1b[2J" * 50):
            with lie_of(repr(reason)):
                once(h, "RET_INFO", lambda c, f, r=reason: h.ok(c, f, {"banned": [{**banned, "reason": r}]}))
                told, error = tell(stage.bob.call, h.path, MODERATION, "ListBanned", "a{sv}", {})
                assert error in (None, "Protocol") and no_bad_words(told)
                h.hooks["RET_INFO"] = lambda c, f, r=reason: h.ok(c, f, {
                    **h.state(), "members": [], "authorized": [authorized], "banned": [{**banned, "reason": r}],
                    "banned_more": True, "messages": []})
                for verb in (("bans", h.name), ("info", h.name)):
                    assert no_bad_words(stage.bob.ctl(*verb, check=False).stdout), verb
        # A page that never ends: who asks for all of it is not kept asking.
        n = len(h.requests)
        h.hooks["RET_INFO"] = lambda c, f: h.ok(c, f, {"banned": [banned], "next": f"guest-dora {KEY}"})
        stage.bob.ctl("bans", h.name, check=False)
        assert len(h.requests) - n <= 3
        h.hooks.clear()


def test_insides(stage):
    """DEBUG: an answer, or a named error."""
    honest = {"connections": 1, "members": [{"username": "dora", "user_type": "REGISTERED", "key": KEY, "cursor": 3,
                                             "lag": 0, "queued_bytes": 0, "invisible": True}],
              "next": f"dora/{KEY}", "store": {"commits": 5, "commit_ms_p99": 1}, "uptime_s": 9, "version": "1"}
    with stage.host() as h:
        for name, lie in lies(honest):
            with lie_of(f"DEBUG {name}"):
                once(h, "DEBUG", lambda c, f, x=lie: h.ok(c, f, x))
                told, error = tell(stage.bob.call, h.path, MODERATION, "GetDebug", "a{sv}", {})
                assert error in (None, "Protocol") and no_bad_words(told)
                del lie["next" if "next" in lie else "uptime_s"]
                h.hooks["DEBUG"] = lambda c, f, x=lie: h.ok(c, f, x)
                if "2^53-1" in name:  # and who prints it
                    assert no_bad_words(stage.bob.ctl("debug", h.name, check=False).stdout)
                assert stage.get(h, "State") == "live"
        h.hooks.clear()


def test_news_of_keys(stage):
    """PRESENCE with a key: whose it is said to be, or nothing."""
    change = {"username": "dora", "user_type": "REGISTERED", "role": "moderator", "status": "online", "key": KEY,
              "key_since": TIME, "keys": 2}
    with stage.host() as h:
        for i, (name, lie) in enumerate(lies({"generation": 7, "members_online": 2, "changes": [change], "reset": True})):
            with lie_of(name):
                if lie.get("generation") == 7 and not name.startswith("generation"):
                    lie["generation"] = 10 + i
                h.do(lambda c, x=lie: h.push(c, "PRESENCE", **x))
                settled(h)
                assert stage.get(h, "State") == "live" and stage.bob.is_up()
                assert no_bad_words(stage.bob.ctl("status", h.name).stdout)
        again(stage, h)
        stage.wait_state(h, "live")


def test_counts_without_end(stage):
    """A host that says nothing but counts, again and again: the last is shown."""
    with stage.host() as h:
        h.do(lambda c: [h.push(c, "PRESENCE", generation=2 + i, members_online=501 + i, changes=[], reset=True)
                        for i in range(500)])
        settled(h)
        assert stage.get(h, "MembersOnline") == 1000 and stage.get(h, "State") == "live"


RATES = ((10**15, 0), (2**53 - 1, 2**53 - 1), (1, 2**53 - 1), (2**53 - 1, 1), (0, 0))


@pytest.mark.parametrize("rate, burst", RATES)
def test_rates(stage, rate, burst):
    """Whatever CONNECT says of rates: what is said arrives, in order."""
    with stage.host(CONNECT=lambda c, f: None, join=False) as h:
        h.hooks["CONNECT"] = lambda c, f: (
            h.ok(c, f, h.state(message_rate=rate, message_burst=burst)),
            h.push(c, "MESSAGE", entries=h.entries[f.payload["since"]:]))
        h.path = stage.bob.join(h.name)
        stage.wait_state(h, "live")
        texts = [f"text {i}" for i in range(20)]
        for text in texts:
            stage.bob.send(h.path, text)
        stage.has(h, *texts)


def test_refused_for_ever(stage):
    """A text that may go again in 285,000 years goes when the host is asked anew."""
    with stage.host() as h:
        h.hooks["MESSAGE"] = lambda c, f: h.ok(c, f, {"stored": [], "refused": [
            {"id": m["id"], "error": "rate-limited", "message": "later", "retry_after_ms": 2**53 - 1}
            for m in f.payload["messages"]]})
        stage.bob.send(h.path, "in time")
        wait_for(lambda: h.asked("MESSAGE"), "it to be asked")
        settled(h)
        assert stage.rows(h)["in time"][0] in ("queued", "sending")
        del h.hooks["MESSAGE"]
        again(stage, h)
        stage.has(h, "in time")


def test_let_in_and_refused(stage):
    """A host that lets in and refuses in one breath is asked once in a second, not as fast as it can say so."""
    def let_in(c):
        h.push(c, "ACCESS", can_view=True, can_send=True)

    def refuse(c, f):
        h.fail(c, f, "UNAUTHORIZED", "restricted")
        let_in(c)
    with stage.host() as h:
        h.hooks["CONNECT"] = refuse
        h.do(lambda c: h.push(c, "CLOSED", reason="restricted", message="by the test"))
        stage.wait_state(h, "denied")
        n, began = len(h.asked("CONNECT")), time.monotonic()
        h.do(let_in)
        for _ in range(50):
            settled(h)
        assert 1 <= len(h.asked("CONNECT")) - n <= 3 + 2 * (time.monotonic() - began)
        del h.hooks["CONNECT"]
        h.do(let_in)
        stage.wait_state(h, "live")
