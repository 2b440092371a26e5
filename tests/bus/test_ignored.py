# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channel.Ignored: messages hidden from one person alone. Nothing is lost, nobody else can tell."""
import signal

import dbus
import pytest

from models import ModelHost
from modelstage import MemberStage
from p2pchat import CHANNEL, ERROR, PROPERTIES, refused, wait_for, wait_signal

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


def ignore(peer, channel, *names):
    peer.call(channel, PROPERTIES, "Set", "ssv", CHANNEL, "Ignored", dbus.Array(names, signature="s"))


def hidden(entries):
    return [e[0] for e in entries if e[6].get("hidden")]


def test_hides(stage):
    """One is marked in pages and searches and is not unread; another client is told; none is lost."""
    bob = stage.bob
    with stage.host() as h:
        h.add(username="dora", message_content="from dora")
        h.add(kind="topic", username="dora", topic="hers")
        h.add(username="dora", message_content="gone", hidden=True)
        h.do(lambda c: h.push(c, "MESSAGE", entries=h.entries[-3:]))
        wait_for(lambda: stage.get(h, "SyncedSeq") == 7, "all to be here")
        assert stage.get(h, "Unread") == 5 and stage.get(h, "Ignored") == []
        assert not hidden(bob.messages(h.path)), "no host says what is hidden"
        with bob.signals(signal_name="PropertiesChanged") as got:
            ignore(bob, h.path, "DORA", "guest-eve", "dora")
            wait_signal(got, lambda s: s[3][1].get("Ignored") == ["dora", "guest-eve"], "it to be told")
        assert stage.get(h, "Unread") == 3
        entries = bob.messages(h.path)
        assert [e[0] for e in entries] == [*range(1, 8)]
        assert hidden(entries) == [5, 7], "a topic is everybody's"
        assert entries[4][6]["text"] == "from dora"
        found, _ = bob.call(h.path, CHANNEL, "Search", "sua{sv}", "dora", 10, {})
        assert hidden(found) == [5]
        # what comes is told of as ever, and is not unread
        h.add(username="dora", message_content="more")
        with bob.signals(signal_name="EntriesAppended") as got:
            h.do(lambda c: h.push(c, "MESSAGE", entries=h.entries[-1:]))
            wait_signal(got, lambda s: s[3][1] == 8, "it to come")
        assert stage.get(h, "Unread") == 3 and hidden(bob.messages(h.path)) == [5, 7, 8]
        # over a kill
        bob.stop_daemon(signal.SIGKILL)
        bob.start_daemon()
        wait_for(lambda: bob.objects().get(h.path), "the channel to be back")
        assert stage.get(h, "Ignored") == ["dora", "guest-eve"] and stage.get(h, "Unread") == 3
        stage.wait_state(h, "live")
        ignore(bob, h.path)
        assert stage.get(h, "Unread") == 6 and not hidden(bob.messages(h.path))


def test_nobody_can_tell(stage):
    """The host is asked for nothing, and told nothing, by it."""
    bob = stage.bob
    with stage.host() as h:
        def said():
            return [(command, payload) for command, payload in list(h.requests) if command != "PING"]
        before = said()
        ignore(bob, h.path, h.owner)
        bob.messages(h.path)
        assert stage.get(h, "Unread") == 0
        bob.call(h.path, CHANNEL, "MarkRead", "ta{sv}", 4, {})
        ignore(bob, h.path)
        # a message of bob's is the next that it hears
        bob.send(h.path, "hello", wait="stored")
        after = said()
        assert after[:len(before)] == before
        assert [command for command, _ in after[len(before):]] == ["MESSAGE"]
        assert set(after[-1][1]) == {"channel_name", "channel_id", "messages"}


def test_members(stage):
    people = [{"username": name, "user_type": "REGISTERED", "role": "none", "status": "online",
               "since": "2026-01-01T00:00:00.000Z"} for name in ("bob", "dora")]
    with stage.host(MEMBERS=lambda c, f: ModelHost.ok(c, f, {"members": people, "generation": 9})) as h:
        ignore(stage.bob, h.path, "dora")
        members, _ = stage.bob.call(h.path, CHANNEL, "GetMembers", "a{sv}", {})
        assert [(m[0], m[4]["ignored"]) for m in members] == [("bob", False), ("dora", True)]


def test_bad_input(stage):
    bob = stage.bob
    with stage.host() as h:
        ignore(bob, h.path, "dora")
        for names, error, word in ((["bob"], "BadRequest", "you"), (["dora", "Bob"], "BadRequest", "you"),
                                   ([""], "InvalidName", "2 to 32"), (["a b"], "InvalidName", "2 to 32"),
                                   (["x" * 33], "InvalidName", "2 to 32"),
                                   ([f"user{i}" for i in range(1001)], "BadRequest", "1000")):
            name, message = refused(ignore, bob, h.path, *names)
            assert name == ERROR + error and word in message, names
        assert refused(bob.call, h.path, PROPERTIES, "Set", "ssv", CHANNEL, "Ignored", "dora")[0] == INVALID_ARGS
        assert refused(bob.call, h.path, PROPERTIES, "Set", "sss", CHANNEL, "Ignored", "dora")
        assert refused(bob.call, h.path, PROPERTIES, "Set", "ssv", CHANNEL, "Name", "dora")
        assert stage.get(h, "Ignored") == ["dora"]
        many = [f"user{i:04}" for i in range(1000)]
        ignore(bob, h.path, *reversed(many))
        assert stage.get(h, "Ignored") == many
