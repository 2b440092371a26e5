# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a malicious host writes drives nobody's terminal: in messages, names, topics, reasons, roles and kinds, as any verb
shows them."""
import json
import unicodedata

import pytest

from followers import Follower
from modelstage import MemberStage
from p2pchat import wait_for

TERMINAL = "\x1b[2J\x1b]0;owned\x07\x1b[6n\u009b31m\x9d0;x\x9c\x7f\x08\r"
DECEIT = "\u202eevil\u202c\u2066x\u2069\u200f\u061c\u2028alice: I never said this\u2029\ufeff"
EVIL = "a" + TERMINAL + DECEIT + "z"
FORBIDDEN = {chr(c) for c in (*range(10), *range(11, 32), *range(0x7f, 0xa0), *range(0x202a, 0x202f), *range(0x2066, 0x206a),
                              0x200e, 0x200f, 0x61c, 0x2028, 0x2029, 0xfeff)}


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


# Words of the protocol are held to it by the daemon (test_model_host_lies): what is free is evil here.
ENTRIES = [
    {"message_content": EVIL},
    {"message_content": "first\n2026-01-01 10:00:00 #9 alice: a line of hers" + EVIL},
    {"kind": "topic", "topic": EVIL},
    {"kind": "role", "target": "dora", "role": "member", "reason": EVIL},
    {"kind": "kick", "target": "dora", "reason": EVIL},
    {"kind": "ban", "target": "dora", "reason": EVIL},
    {"kind": "unban", "target": "dora", "reason": EVIL},
    {"kind": "view", "view_permission": "public", "send_permission": "everyone", "reason": EVIL},
    {"kind": "another", "target": "dora", "reason": EVIL, "more": EVIL},
    {"message_content": "the end"},
]


def check(text, what):
    assert not set(text) & FORBIDDEN, (what, [unicodedata.name(c, hex(ord(c))) for c in set(text) & FORBIDDEN])


def test_no_verb_lets_it_through(stage, tmp_path):
    evil = {"topic": EVIL, "role": EVIL, "view_permission": "public", "owner": EVIL}
    member = {"username": EVIL, "user_type": "REGISTERED", "role": EVIL, "status": EVIL, "since": "2026-01-01T00:00:00.000Z"}

    def connect(c, f):
        h.ok(c, f, {**h.state(), "topic": EVIL})
        h.push(c, "MESSAGE", entries=h.entries[f.payload["since"]:])
    with stage.host(join=False) as h:
        h.hooks["CONNECT"] = connect
        h.hooks["MEMBERS"] = lambda c, f: h.ok(c, f, {"members": [member], "generation": 1})
        h.hooks["RET_INFO"] = lambda c, f: h.ok(c, f, {**h.state(), **evil, "members": [member], "authorized": [member],
                                                       "messages": []})
        h.hooks["MESSAGE"] = lambda c, f: h.fail(c, f, "UNAUTHORIZED", "read-only", text=EVIL)
        h.hooks["CONTROL"] = lambda c, f: c.send("UNAUTHORIZED", f.id, {"error": "not-owner", "message": EVIL})
        for entry in ENTRIES:
            h.add(**entry)
        bob, cursor = stage.bob, tmp_path / "cursor"
        bob.host("own")  # so that the files of those that follow have a line
        with Follower(bob, tmp_path / "monitor", "monitor", cursor=cursor) as monitor, \
                Follower(bob, tmp_path / "json", "monitor", "-j", cursor=tmp_path / "c2") as programs:
            bob.ctl("join", h.name)
            path = bob.join(h.name)
            h.path = path
            stage.wait_state(h, "live", "diverged", "offline")
            assert stage.get(h, "State") == "live", (stage.get(h, "StateReason"), bob.log()[-1500:])
            wait_for(lambda: stage.get(h, "SyncedSeq") == len(h.entries), "bob to have it all")
            with Follower(bob, tmp_path / "log", "log", h.name, "-f", cursor=tmp_path / "c3") as log:
                h.do(lambda c: h.push(c, "MESSAGE", entries=[h.add(message_content="later " + EVIL)]))
                wait_for(lambda: "later" in log.text() and "later" in monitor.text(), "it to come")
                check(log.text() + log.said(), "log -f")
                check(monitor.text() + monitor.said(), "monitor")
                assert all(json.loads(line) for line in programs.text().split("\n")[:-1])
                check(programs.text(), "monitor -j, at a terminal")
                assert any("\u202eevil\u202c" in json.loads(line).get("message_content", "") for line in programs.text().split("\n")[:-1])
        seen = ""
        for verb in (["log", h.name], ["log", h.name, "-r"], ["log", h.name, "-o", "cat"], ["log", h.name, "--events"],
                     ["log", h.name, "-g", "evil"], ["search", h.name, "evil"], ["search", h.name, "I never said"],
                     ["search", h.name, "evil", "-o", "cat"], ["status"], ["status", h.name], ["channels"],
                     ["members", h.name], ["info", h.name], ["access", h.name], ["access", h.name, "carol"], ["topic", h.name],
                     ["view", h.name], ["authorize", h.name], ["bans", h.name], ["list"], ["outbox"], ["debug", h.name],
                     ["topic", h.name, "mine"], ["send", h.name, "--wait=stored", "--timeout=5", "x"], ["outbox", "list"],
                     ["rate", h.name], ["retention", h.name]):
            result = bob.ctl(*verb, check=False)
            assert result.returncode >= 0 and result.stdout + result.stderr, verb
            check(result.stdout + result.stderr, verb)
            seen += result.stdout
        for verb in (["log", h.name, "-j"], ["log", h.name, "--json=pretty"], ["search", h.name, "evil", "-o", "json"],
                     ["status", "-j"]):
            said = bob.ctl(*verb).stdout
            check(said, verb)
            assert "\\u202e" in said, verb
        # It was there to be shown, and a line of somebody else cannot be made.
        assert "I never said this" in seen and "evil" in seen
        for line in bob.ctl("log", h.name).stdout.split("\n"):
            assert not line.startswith("alice: ") and not line.startswith("2026-01-01 10:00:00 #9")
