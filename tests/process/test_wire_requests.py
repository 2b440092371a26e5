# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each request of p2pchat-protocol(7), by the shape that its sentence gives: without a member that it must
have, and with one of another type, it is bad-request and the member is named; keys that nobody knows, and
null for what may be absent, change nothing."""
import pathlib
import uuid

import pytest

from conformance import sentence
from outsider import Identity
from p2pchat import MODERATION
from shapes import of_page
from wirestage import BAD_REQUEST, Stage, error_of, host_payload

SENTENCES = (pathlib.Path(__file__).parent.parent / "conformance/sentences.tsv").read_text(encoding="utf-8")
STRANGERS = ("SIGNUP", "SIGNIN", "RECOVER", "GUEST")
# Whose good form is not tried here: it ends who asks, or is the owner's.
FREE = {"SIGNOUT", "DELETE", "PASSWD", "RECOVER", "SIGNIN", "DEBUG"}


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


def good(stage, me):
    """→ {command: a payload that is OK}, each time another one."""
    csr = Identity().csr()
    mine = stage.new_name("mine")
    return {"SIGNUP": {"username": stage.new_name(), "password": "correct horse", "csr": csr},
            "SIGNIN": {"username": "nobody", "password": "correct horse", "csr": csr},
            "RECOVER": {"username": "nobody", "recovery_code": "x", "new_password": "correct horse", "csr": csr},
            "GUEST": {"username": stage.new_name("g"), "csr": csr}, "RENEW": {"csr": me.csr()}, "SIGNOUT": {},
            "PASSWD": {"old_password": "wrong wrong", "new_password": "correct horse"}, "DEVICES": {},
            "DELETE": {"password": "wrong wrong"}, "WHOIS": {"username": "alice"}, "LIST": {}, "WATCH": {},
            "HOST": host_payload(mine), "HEARTBEAT": {"channels": [], "revocations_after": 0},
            "VIEW": {"channel_name": stage.held}, "UNHOST": {"channel_name": stage.held, "forget": False},
            "CONNECT": {"since": 0, "invisible": False},
            "MESSAGE": {"messages": [{"id": str(uuid.uuid4()), "message_content": "hello"}]},
            "HISTORY": {"limit": 1}, "MEMBERS": {"limit": 1}, "DEBUG": {}, "STATUS": {"status": "away"},
            "INVISIBLE": {"invisible": False}, "REDACT": {"seq": stage.own}, "DISCONNECT": {},
            "RET_INFO": {}, "ACCESS": {}, "KICK": {"target": "nobody"}, "BAN": {"target": "lister"}, "UNBAN": {"target": "lister"}}


def check(c, command, keys, payload, again):
    """again() → another good payload."""
    for key, required in keys.items():
        if required:
            f = c.request(command, {k: v for k, v in payload.items() if k != key})
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == key, (command, key, f)
            f = c.request(command, {**payload, key: None})
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == key, (command, key, f)
        f = c.request(command, {**payload, key: {"another": "type"}})
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == key, (command, key, f)
    if command not in FREE:
        absent = {k: None for k, required in keys.items() if not required and k not in payload}
        f = c.request(command, {**again(), **absent, "of_tomorrow": [1, {"x": None}], "x": "", "later": 1})
        assert f.header == "OK", (command, f)


@sentence("4.SIGNUP.1", "4.SIGNIN.1", "4.RECOVER.1", "4.GUEST.1", "4.RENEW.1", "4.SIGNOUT.1", "4.PASSWD.1", "4.DEVICES.1",
          "4.DELETE.1", "4.WHOIS.1", "4.LIST.1", "4.WATCH.1", "4.HOST.1", "4.HEARTBEAT.1", "4.VIEW.1", "4.UNHOST.1",
          "2.8", "2.9", "2.28")
def test_of_the_tracker(stage):
    me = stage.person(stage.new_name())
    stage.own = 0
    with stage.signed_in(me) as c, stage.stranger() as stranger:
        stage.held = stage.new_name("held")
        c.ok("HOST", host_payload(stage.held))
        for command, (keys, _) in of_page(SENTENCES, "4").items():
            check(stranger if command in STRANGERS else c, command, keys, good(stage, me)[command],
                  lambda x=command: good(stage, me)[x])


@sentence("5.CONNECT.1", "5.MESSAGE.1", "5.HISTORY.1", "5.MEMBERS.1", "5.DISCONNECT.1", "5.INVISIBLE.1", "5.STATUS.1",
          "5.RET_INFO.1", "5.ACCESS.1", "5.KICK.1", "5.BAN.1", "5.UNBAN.1", "2.8", "2.9", "2.28")
def test_of_a_host(stage):
    name, path, address = stage.host()
    stage.held, stage.own = name, 0
    visitor = stage.person("visitor")
    channel = stage.channel(name)["channel_id"]
    stage.alice.call(path, MODERATION, "Authorize", "ssa{sv}", "visitor", "moderator", {})

    def payload(command):
        return {"channel_name": name, "channel_id": channel, **good(stage, visitor)[command]}
    with stage.dial(address, visitor) as c:
        c.ok("CONNECT", {"channel_name": name, "since": 0, "invisible": False})
        stage.own = c.ok("MESSAGE", {"channel_name": name, "messages": [
            {"id": str(uuid.uuid4()), "message_content": "one's own"}]})["stored"][0]["seq"]
        for command, (keys, _) in of_page(SENTENCES, "5").items():
            check(c, command, {"channel_name": True, **keys}, payload(command), lambda x=command: payload(x))
            c.ok("CONNECT", payload("CONNECT"))
        for command in ("HISTORY", "MEMBERS", "RET_INFO", "DEBUG"):
            for limit in (0, 501, 2**53):
                f = c.request(command, {**payload(command), "limit": limit})
                assert error_of(f) == BAD_REQUEST and f.payload["field"] == "limit", (command, limit, f)
            if command != "DEBUG":  # which is the owner's
                c.ok(command, {**payload(command), "limit": 500})
        for command in ("KICK", "BAN"):
            f = c.request(command, {**payload(command), "reason": "x" * 257})
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == "reason", (command, f)
            c.ok(command, {**payload(command), "reason": "x" * 256})


@sentence("3.HELLO.1", "2.8", "2.28")
def test_hello(stage):
    """At most 32 features, and 32 are not too many."""
    _, _, address = stage.host()
    (keys, _), hello = of_page(SENTENCES, "3")["HELLO"], {"agent": "x", "features": ["f"] * 32}
    for dial in (lambda: stage.stranger(hello=False), lambda: stage.dial(address, "visitor", hello=False)):
        with dial() as c:
            f = c.request("HELLO", {**hello, "features": ["f"] * 33})
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == "features"
            check(c, "HELLO", keys, hello, lambda: hello)
