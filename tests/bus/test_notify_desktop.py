# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the desktop is told of (org.freedesktop.Notifications): which messages, merged to one pop-up a channel,
gone when they were read elsewhere or are in view; and a desktop that is slow, gone or was never there."""
import os
import signal

import dbus
import pytest

from modelstage import MemberStage
from notifications import Desktop
from p2pchat import CHANNEL, PROPERTIES, wait_for


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


@pytest.fixture
def desktop(stage):
    with Desktop(stage.bob, "body", "body-markup") as d:
        yield d


def say(h, *texts, **more):
    for text in texts:
        h.add(message_content=text, **more)
    h.do(lambda c: h.push(c, "MESSAGE", entries=h.entries[-len(texts):]))


def set_notify(peer, path, value):
    peer.call(path, PROPERTIES, "Set", "ssv", CHANNEL, "Notify", value)


def mark_read(stage, h):
    stage.bob.call(h.path, CHANNEL, "MarkRead", "ta{sv}", len(h.entries), {})


def has(stage, h):
    wait_for(lambda: stage.get(h, "SyncedSeq") == len(h.entries), "all to be here")


def focus(peer, path, bus=None):
    (bus or peer.bus).call_blocking("org.p2pchat.Peer1", "/org/p2pchat/Peer1", "org.p2pchat.Peer1.Manager", "SetFocus",
                                    "oa{sv}", (dbus.ObjectPath(path), dbus.Dictionary({}, signature="sv")))


def test_mention(stage, desktop):
    """One that speaks to bob is shown, with who and where; others are not, nor is history, nor bob's own."""
    bob = stage.bob
    with stage.host() as h:
        bob.send(h.path, "I am bob", wait="stored")
        say(h, "hello all")
        say(h, "hi bob")
        popup = desktop.wait(1)[0]
        assert popup.summary == f"carol in {h.name}" and popup.body == "hi bob"
        assert (popup.replaces, popup.actions) == (0, ["default", "Open"])
        assert popup.hints == {"category": "im.received", "desktop-entry": "org.p2pchat.Chat"}
        # one more takes its place
        say(h, "bob?")
        popup = desktop.wait(2)[1]
        assert (popup.id, popup.replaces) == (1, 1)
        assert (popup.summary, popup.body) == (f"{h.name}: 2 mentions", "carol: bob?")
        mark_read(stage, h)
        wait_for(lambda: desktop.closed() == [1], "it to go: it was read")
        say(h, "bob, again")
        popup = desktop.wait(3)[2]
        assert (popup.replaces, popup.summary) == (0, f"carol in {h.name}")


def test_words_of_strangers(stage, desktop):
    """No markup, no controls, nothing that turns the line, and not too much of it."""
    with stage.host() as h:
        say(h, "bob <b>&amp;\"x\"</b>\n\tand \u202eevil\u2066 \u200b\ufeff end")
        assert desktop.wait(1)[0].body == "bob &lt;b&gt;&amp;amp;&quot;x&quot;&lt;/b&gt; and evil end"
        mark_read(stage, h)
        say(h, "bob " + "<" * 16000)
        body = desktop.wait(2)[1].body
        assert body == "bob " + "&lt;" * 252 + "…"


def test_plain_desktop(stage):
    """One that knows no markup is given none."""
    with Desktop(stage.bob, "body") as desktop, stage.host() as h:
        say(h, "bob <b>")
        assert desktop.wait(1)[0].body == "bob <b>"


def test_levels(stage, desktop):
    bob = stage.bob
    with stage.host() as h:
        set_notify(bob, h.path, "all")
        bob.send(h.path, "bob's own is no news to him", wait="stored")
        has(stage, h)
        say(h, "hello")
        assert desktop.wait(1)[0].body == "hello"
        say(h, "more")
        assert desktop.wait(2)[1].summary == f"{h.name}: 2 new messages"
        set_notify(bob, h.path, "none")
        wait_for(lambda: desktop.closed() == [1], "it to go: nothing is to be told")
        say(h, "bob!")
        has(stage, h)
        set_notify(bob, h.path, "mentions")
        say(h, "no")
        say(h, "bob: yes")
        popups = desktop.wait(3)
        assert [p.body for p in popups[2:]] == ["bob: yes"]


def test_ignored(stage, desktop):
    bob = stage.bob
    with stage.host() as h:
        bob.call(h.path, PROPERTIES, "Set", "ssv", CHANNEL, "Ignored", dbus.Array(["dora"], signature="s"))
        say(h, "bob!", username="dora")
        say(h, "bob?")
        assert [p.body for p in desktop.wait(1)] == ["bob?"]


def test_merged(stage, desktop):
    """While the desktop is slow nothing more is asked of it; then all is one."""
    with stage.host() as h, stage.host() as other:
        desktop.hold()
        say(h, "bob 1")
        desktop.wait(1)
        for i in range(2, 7):
            say(h, f"bob {i}")
        say(other, "bob")
        has(stage, h)
        has(stage, other)
        assert len(desktop.shown()) == 1
        desktop.hold(False)
        popups = desktop.wait(3)
        assert (popups[1].replaces, popups[1].summary, popups[1].body) == (1, f"{h.name}: 6 mentions", "carol: bob 6")
        assert (popups[2].replaces, popups[2].summary) == (0, f"carol in {other.name}")


def test_dismissed(stage, desktop):
    """Who has closed one is told of what comes then alone; of one that has timed out, of all."""
    with stage.host() as h:
        for reason, summary in ((2, f"carol in {h.name}"), (1, f"{h.name}: 2 mentions")):
            n = len(desktop.shown())
            say(h, "bob!")
            popup = desktop.wait(n + 1)[n]
            desktop.dismiss(popup.id, reason)
            stage.get(h, "Name")  # what the desktop said came before
            say(h, "bob?")
            popup = desktop.wait(n + 2)[n + 1]
            assert (popup.replaces, popup.summary) == (0, summary)
            mark_read(stage, h)


def test_clicked(stage):
    """A click leads to the window, with what lets it take the focus; once, and for the right channel."""
    with Desktop(stage.bob, "body", "window") as desktop, stage.host() as h, stage.host() as other:
        say(h, "bob!")
        desktop.wait(1)
        say(other, "bob?")
        popup = desktop.wait(2)[1]
        desktop.click(popup.id, token="a token")
        wait_for(desktop.activated, "the window to be asked")
        asked = ["show-channel", [other.path], {"activation-token": "a token", "desktop-startup-id": "a token"}]
        assert [list(a) for a in desktop.activated()] == [asked]
        # What is no click on a pop-up of ours, and tokens that are of no use, lead nowhere.
        desktop.click(popup.id)
        desktop.click(4711)
        desktop.click(1, "reply")
        stage.get(h, "Name")  # what the desktop said came before
        assert len(desktop.activated()) == 1
        # The click has closed the second; of the first more is told, and that is clicked without a token, or with
        # one that nobody could keep.
        for n, token in ((2, ""), (3, "x" * 1000)):
            say(h, "bob!!")
            popup = desktop.wait(n + 1)[n]
            desktop.click(popup.id, token=token)
            wait_for(lambda k=n: len(desktop.activated()) == k, "the window to be asked once more")
            assert list(desktop.activated()[-1]) == ["show-channel", [h.path], {}]


def test_no_window(stage, desktop):
    """Where there is no window a click ends the pop-up; nothing else happens."""
    with stage.host() as h:
        say(h, "bob!")
        desktop.click(desktop.wait(1)[0].id)
        say(h, "bob?")
        assert desktop.wait(2)[1].summary == f"carol in {h.name}"


def test_focus(stage, desktop):
    """Nothing of what a client shows; until it shows something else, or is gone."""
    bob = stage.bob
    client = bob.connect()
    with stage.host() as h, stage.host() as other:
        say(h, "bob 1")
        desktop.wait(1)
        focus(bob, h.path, client)
        wait_for(lambda: desktop.closed() == [1], "it to go: it is in view")
        say(h, "bob 2")
        has(stage, h)
        say(other, "bob 3")
        assert desktop.wait(2)[1].body == "bob 3"
        # two look at it
        second = bob.connect()
        focus(bob, h.path, second)
        focus(bob, "/", client)
        say(h, "bob 4")
        has(stage, h)
        focus(bob, other.path, second)
        say(h, "bob 5")
        assert desktop.wait(3)[2].body == "bob 5"
        focus(bob, h.path, second)
        name = second.get_unique_name()
        second.close()
        wait_for(lambda: not bob.bus.name_has_owner(name), "the client to be gone")
        stage.get(h, "Name")  # … and the daemon to have heard of it
        say(h, "bob 6")
        assert desktop.wait(4)[3].body == "bob 6"
        client.close()


def test_redacted(stage, desktop):
    """What was taken back is not to be seen either."""
    with stage.host() as h:
        say(h, "bob: my password is …")
        desktop.wait(1)
        h.add(kind="redact", target_seq=len(h.entries))
        h.do(lambda c: h.push(c, "MESSAGE", entries=h.entries[-1:]))
        wait_for(lambda: desktop.closed() == [1], "it to go")


def test_restart(stage, desktop):
    """Nothing is told twice; what was said meanwhile is one pop-up."""
    bob = stage.bob
    with stage.host() as h:
        say(h, "bob 1")
        desktop.wait(1)
        bob.stop_daemon(signal.SIGKILL)
        for i in range(3):
            h.add(message_content=f"bob, while you were away {i}")
        bob.start_daemon()
        wait_for(lambda: bob.objects().get(h.path), "the channel to be back")
        popups = desktop.wait(2)
        assert popups[1].summary == f"{h.name}: 3 mentions"
        stage.wait_state(h, "live")
        say(h, "bob 2")
        assert desktop.wait(3)[2].summary == f"{h.name}: 4 mentions"


def test_history(stage, desktop):
    """What was said before bob came is not told of."""
    bob = stage.bob
    with stage.host(join=False) as h:
        h.add(message_content="where is bob?")
        h.path = bob.join(h.name)
        stage.wait_state(h, "live")
        has(stage, h)
        say(h, "bob is here")
        popup = desktop.wait(1)[0]
        assert (popup.summary, popup.body) == (f"carol in {h.name}", "bob is here")


def test_goes_and_comes(stage):
    """A desktop that ends, and begins again, shows what comes then, in one with what it was not told."""
    bob = stage.bob
    with stage.host() as h:
        desktop = Desktop(bob, "body").start()
        say(h, "bob 1")
        desktop.wait(1)
        desktop.stop()
        say(h, "bob 2", "bob 3")
        has(stage, h)
        with desktop:
            popup = desktop.wait(1)[0]
            assert (popup.replaces, popup.summary, popup.body) == (0, f"{h.name}: 3 mentions", "carol: bob 3")


def test_cannot_be_started(stage):
    """One that fails is not asked again with every message; the next that appears is."""
    bob = stage.bob
    with stage.host() as h:
        with Desktop(bob, "broken") as desktop:
            for i in range(5):
                say(h, f"bob {i}")
                wait_for(lambda: desktop.n_asked() == 1, "it to be asked, once")
                has(stage, h)
            assert not desktop.shown()
        with Desktop(bob, "body") as desktop:
            assert desktop.wait(1)[0].summary == f"{h.name}: 5 mentions"


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def test_hangs(stage, desktop):
    """One that never answers is asked once; nothing queues for it, and all else goes on."""
    bob = stage.bob
    with stage.host() as h:
        def flood(n):
            for _ in range(n // 100):
                say(h, *(f"bob, this is one of very many {'x' * 100}" for _ in range(100)))
            has(stage, h)
        # what a sanitizer keeps of what is freed is no memory of the daemon's
        options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
        bob.stop_daemon()
        bob.start_daemon(env={"ASAN_OPTIONS": options.lstrip(":")})
        wait_for(lambda: bob.objects().get(h.path), "the channel to be back")
        stage.wait_state(h, "live")
        desktop.hold()
        say(h, "bob!")
        desktop.wait(1)
        flood(2000)  # caches are full then
        before = resident(bob.process.pid)
        flood(8000)
        grown = resident(bob.process.pid) - before
        assert grown < 8 * 1024, f"{grown} KiB for 8000 messages"
        assert len(desktop.shown()) == 1
        assert stage.get(h, "Mentions") == 10001
        desktop.hold(False)
        assert desktop.wait(2)[1].summary == f"{h.name}: 10001 mentions"


def test_settings(stage, desktop):
    """[Notify], read again: no text, nothing at all, another level where none was set."""
    bob = stage.bob
    path = os.path.join(bob.config, "p2pchat", "p2pchat.conf")
    os.makedirs(os.path.dirname(path), exist_ok=True)

    def reload(text, notify):
        with open(path, "w", encoding="utf-8") as f:
            f.write("[Notify]\n" + text)
        os.kill(bob.process.pid, signal.SIGHUP)
        wait_for(lambda: stage.get(h, "Notify") == notify, "the settings to be read")
    with stage.host() as h, stage.host() as other:
        set_notify(bob, other.path, "mentions")
        try:
            reload("Text=no\nDefault=all\n", "all")
            say(h, "hi")
            popup = desktop.wait(1)[0]
            assert (popup.summary, popup.body) == (f"carol in {h.name}", "")
            assert stage.get(other, "Notify") == "mentions", "as it was set"
            reload("Desktop=no\n", "mentions")
            wait_for(lambda: desktop.closed() == [1], "it to go")
            say(h, "bob!")
            has(stage, h)
            reload("Default=all\n", "all")
            say(h, "bob?")
            assert [p.body for p in desktop.wait(2)[1:]] == ["bob?"]
        finally:
            reload("", "mentions")
