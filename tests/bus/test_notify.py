# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is spoken to, what is to be told of it, and what a client shows now: Channel.Mentions, Mentioned,
Notify, Manager.SetFocus."""
import signal

import dbus
import pytest

from modelstage import MemberStage
from p2pchat import CHANNEL, ERROR, PROPERTIES, refused, wait_for, wait_signal

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


def say(h, *texts, **more):
    """Carol says that."""
    for text in texts:
        h.add(message_content=text, **more)
    h.do(lambda c: h.push(c, "MESSAGE", entries=h.entries[-len(texts):]))


def set_notify(peer, path, value):
    peer.call(path, PROPERTIES, "Set", "ssv", CHANNEL, "Notify", value)


def test_counted(stage):
    """Unread messages that speak to bob are counted, over a kill and however the mark moves."""
    bob = stage.bob
    with stage.host() as h:
        assert stage.get(h, "Mentions") == 0
        with bob.signals(signal_name="Mentioned") as got:
            say(h, "hi bob", "bobby", "ask @BOB.")
            wait_signal(got, lambda s: s[3][0] == 7, "it to be told")
        assert sum(s[3][1]["count"] for s in got) == 2
        assert stage.get(h, "Mentions") == 2 and stage.get(h, "Unread") == 6
        bob.stop_daemon(signal.SIGKILL)
        bob.start_daemon()
        wait_for(lambda: bob.objects().get(h.path), "the channel to be back")
        assert stage.get(h, "Mentions") == 2
        bob.call(h.path, CHANNEL, "MarkRead", "ta{sv}", 5, {})
        assert stage.get(h, "Mentions") == 1
        bob.call(h.path, CHANNEL, "MarkRead", "ta{sv}", 7, {})
        assert stage.get(h, "Mentions") == 0
        bob.call(h.path, CHANNEL, "MarkRead", "ta{sv}", 0, {"unread": True})
        assert stage.get(h, "Mentions") == 2
        bob.call(h.path, PROPERTIES, "Set", "ssv", CHANNEL, "Ignored", dbus.Array(["carol"], signature="s"))
        assert stage.get(h, "Mentions") == 0
        bob.call(h.path, PROPERTIES, "Set", "ssv", CHANNEL, "Ignored", dbus.Array([], signature="s"))
        assert stage.get(h, "Mentions") == 2
        # what is removed speaks to nobody
        stage.wait_state(h, "live")
        h.add(kind="redact", target_seq=5)
        h.do(lambda c: h.push(c, "MESSAGE", entries=h.entries[-1:]))
        wait_for(lambda: stage.get(h, "Mentions") == 1, "one to be gone")


def test_said_before(stage):
    """What was said before bob came is unread and counts, but is not told as if it were said now."""
    bob = stage.bob
    with stage.host(join=False) as h:
        h.add(message_content="is bob here?")
        with bob.signals(signal_name="Mentioned") as got:
            h.path = bob.join(h.name)
            stage.wait_state(h, "live")
            wait_for(lambda: stage.get(h, "Mentions") == 1, "it to count")
            say(h, "bob!")
            wait_signal(got, lambda s: s[3][0] == 6, "the one that is new")
        assert [(s[3][0], s[3][1]["count"]) for s in got] == [(6, 1)]
        assert stage.get(h, "Mentions") == 2


def test_notify_is_kept(stage):
    """As the settings say, until it is set; refused where it is no word of it."""
    bob = stage.bob
    with stage.host() as h:
        assert stage.get(h, "Notify") == "mentions"
        with bob.signals(signal_name="PropertiesChanged") as got:
            set_notify(bob, h.path, "all")
            wait_signal(got, lambda s: s[3][1].get("Notify") == "all", "it to be told")
        name, text = refused(set_notify, bob, h.path, "some")
        assert name == ERROR + "BadRequest" and "mentions" in text
        assert refused(set_notify, bob, h.path, dbus.UInt32(1))[0] == INVALID_ARGS
        bob.stop_daemon(signal.SIGKILL)
        bob.start_daemon()
        wait_for(lambda: bob.objects().get(h.path), "the channel to be back")
        assert stage.get(h, "Notify") == "all"


def test_focus_of_what(stage):
    """A channel that is here, or none."""
    bob = stage.bob
    with stage.host() as h:
        def focus(path, options=None):
            bob.manager("SetFocus", "oa{sv}", dbus.ObjectPath(path), options or {})
        focus(h.path)
        focus(h.path)
        focus("/")
        focus("/")
        for path in (h.path[:-1] + ("0" if h.path[-1] != "0" else "1"), "/org", h.path + "/x", h.path[:-1]):
            assert refused(focus, path)[0] == ERROR + "NoSuchChannel", path
        assert refused(focus, h.path, {"for": "ever"})[0] == INVALID_ARGS
