# SPDX-License-Identifier: LGPL-2.1-or-later
"""chat at a terminal: what becomes of what was typed, several channels, and daemons that come and go."""
import os
import re
import signal
import subprocess

import pytest

from notifications import Desktop
from p2pchat import CHANNEL, MODERATION, wait_for
from talkstage import Talk


@pytest.fixture
def talk(world, terminals):
    return Talk(world, terminals)


def test_states(talk):
    """… while it waits, ✓ once it is stored, ! where it is refused, and what to do then."""
    t = talk.open()
    t.line("stored at once")
    t.wait_for(re.compile("^✓ .*bob: stored at once$", re.MULTILINE))
    assert "…" not in t.screen()
    talk.alice.stop_daemon()
    t.wait_for(re.compile("^-- lobby is offline", re.MULTILINE))
    for text in ("first", "second", "third", "fourth"):
        t.line("waits " + text)
    t.wait_for(re.compile("^… waits first\n… waits second\n… waits third\n… \\+1\nlobby>$", re.MULTILINE))
    assert t.history().count("queued: the channel is offline") == 1
    talk.alice.start_daemon()
    for text in ("first", "second", "third", "fourth"):
        t.wait_for(re.compile(f"^✓ .*bob: waits {text}$", re.MULTILINE))
    t.wait_for(lambda: "… waits" not in t.history(), "nothing to be shown as waiting")
    t.wait_for("-- lobby is live")
    order = re.findall("bob: waits (\\w+)", t.history())
    assert order == ["first", "second", "third", "fourth"]
    talk.alice.ctl("sending", "lobby", "members")
    wait_for(lambda: talk.bob.get(talk.lobby, CHANNEL, "SendPermission") == "members", "bob to know")
    t.line("may I?")
    t.wait_for("! not said in lobby (ReadOnly): may I?")
    found = t.wait_for(re.compile("^! /outbox retry ([0-9a-f-]{36}), or /outbox cancel", re.MULTILINE))
    assert "… may I?" not in t.screen()
    talk.alice.ctl("sending", "lobby", "registered")
    t.line("/outbox retry " + found[1])
    t.wait_for(re.compile("^✓ .*bob: may I\\?$", re.MULTILINE))
    talk.leave(t)


def test_daemon_killed_while_typing(talk):
    """What was typed stays, and what could not be said is shown for that."""
    t = talk.open()
    t.type("half a")
    talk.bob.stop_daemon(signal.SIGKILL)
    t.wait_for("-- Your daemon ended")
    t.type(" line")
    t.wait_for("lobby> half a line")
    t.key("Enter")
    t.wait_for("! not known to be said in lobby: half a line")
    talk.bob.start_daemon()
    t.wait_for("-- Your daemon is back")
    t.key("Up")
    t.wait_for("lobby> half a line")
    t.key("Enter")
    talk.wait_said("half a line")
    t.wait_for(re.compile("^✓ .*bob: half a line$", re.MULTILINE))
    talk.leave(t)


def test_without_standard_input_or_output(talk):
    """Nothing of ours gets the number of one that is closed."""
    program = os.environ["P2PCHATCTL"]
    for command, status in (("chat lobby <&-", 0), ("status >&-", 1), ("status 2>&- <&-", 0), ("send lobby <&-", None)):
        done = subprocess.run(["sh", "-c", f"exec '{program}' {command}"], env=talk.environment(), check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
        assert done.returncode == status if status is not None else done.returncode > 0, (command, done)


def test_several_channels(talk):
    den = talk.alice.host("den")
    talk.bob.join("den")
    t = talk.open()
    talk.alice.send(den, "one")
    talk.alice.send(den, "two")
    t.wait_for(re.compile(r"^lobby \[1:den \+\d+\]>$", re.MULTILINE))
    t.type("half a line")
    talk.alice.send(den, "three")
    t.wait_for(re.compile(r"^lobby \[1:den \+\d+\]> half a line$", re.MULTILINE))
    assert "alice: one" not in t.screen()
    t.key("C-u", "M-1")
    t.wait_for(re.compile("^den>$", re.MULTILINE))
    assert all(t.screen().count("alice: " + text) == 1 for text in ("one", "two", "three"))
    wait_for(lambda: talk.bob.get(den, CHANNEL, "Unread") == 0, "what is shown to be read")
    t.line("in the den")
    t.wait_for("✓")
    assert "in the den" in talk.alice.texts(den) and "in the den" not in talk.said()
    talk.alice.send(talk.lobby, "meanwhile")
    t.wait_for(re.compile(r"^den \[2:lobby \+1\]>$", re.MULTILINE))
    t.line("/next")
    t.wait_for(re.compile("^lobby>$", re.MULTILINE))
    assert t.history().count("alice: meanwhile") == 1
    for command, room in (("/1", "den"), ("/to lobby", "lobby"), ("/prev", "den"), ("/to 2", "lobby")):
        t.line(command)
        t.wait_for(lambda room=room: t.rows()[-1].rstrip() == room + ">", f"{room} by {command}")
    t.key("M-n")
    t.wait_for(lambda: t.rows()[-1] == "den>", "den by Alt-N")
    t.key("M-p")
    t.wait_for(lambda: t.rows()[-1] == "lobby>", "lobby by Alt-P")
    t.line("/7")
    t.wait_for("There is no channel /7")
    t.line("/send den from elsewhere")
    wait_for(lambda: "from elsewhere" in talk.alice.texts(den), "alice to have it")
    # Nothing is shown twice by going there and back.
    assert all(t.history().count("alice: " + text) == 1 for text in ("one", "two", "three", "meanwhile"))
    talk.leave(t)


def test_mentions(talk):
    t = talk.open()
    # What the daemon counts (base/mention.h) is marked, and nothing else.
    for text in ("bob, look", "hi @Bob!", "ask bob.", "\u4f60\u597dbob"):
        talk.alice.send(talk.lobby, text)
        t.wait_for(re.compile("^@ .*alice: " + re.escape(text), re.MULTILINE))
    for text in ("bobby is another", "kebob", "bob-cat", "old.bob", "bob@example.org"):
        talk.alice.send(talk.lobby, text)
        t.wait_for(re.compile("^  .*alice: " + re.escape(text), re.MULTILINE))
    # Elsewhere they are counted.
    den = talk.alice.host("den")
    talk.bob.join("den")
    talk.alice.send(den, "nobody is meant", wait="stored")
    t.wait_for(lambda: re.fullmatch(r"lobby \[2:den \+\d+\]>", t.rows()[-1]), "what is new there")
    for n in (1, 2):
        talk.alice.send(den, "bob?", wait="stored")
        t.wait_for(lambda n=n: re.fullmatch(rf"lobby \[2:den \+\d+ @{n}\]>", t.rows()[-1]), f"{n} mentions there")
    t.line("/to den")
    t.wait_for(re.compile("^den>$", re.MULTILINE))
    talk.leave(t)


def test_what_is_in_view_pops_up_nowhere(talk):
    """The desktop tells of the channels that are not shown here, also when the daemon has been away."""
    den = talk.alice.host("den")
    talk.bob.join("den")
    with Desktop(talk.bob, "body") as desktop:
        t = talk.open()
        told = 0

        def mention(channel, text, wanted=None):
            nonlocal told
            talk.alice.send(channel, "bob, " + text, wait="stored")
            if wanted:
                t.wait_for("alice: bob, " + text)
            else:
                told += 1
                assert desktop.wait(told)[-1].body == "bob, " + text
        def both(seen, other, name):
            mention(seen, "seen " + name, wanted=True)
            mention(other, "told " + name)
        both(talk.lobby, den, "one")
        t.line("/to den")
        t.wait_for(re.compile("^den>$", re.MULTILINE))
        both(den, talk.lobby, "two")
        talk.bob.stop_daemon()
        t.wait_for("-- Your daemon ended")
        talk.bob.start_daemon()
        t.wait_for("-- Your daemon is back")
        wait_for(lambda: all(talk.bob.get(c, CHANNEL, "State") == "live" for c in (den, talk.lobby)), "both to be live")
        mention(den, "seen three", wanted=True)
        talk.alice.send(talk.lobby, "bob, told three", wait="stored")
        wait_for(lambda: "bob, told three" in desktop.shown()[-1].body, "it to be told")
        assert not [p for p in desktop.shown() if "seen" in p.body]
        talk.leave(t)


def test_people_and_governance(talk):
    t = talk.open()
    carol = talk.world.people("carol")
    carol.join("lobby")
    t.wait_for("-- carol is here")
    talk.alice.call(talk.lobby, MODERATION, "SetTopic", "sa{sv}", "all of us", {})
    t.wait_for(re.compile(r"\* alice set the topic: all of us"))
    carol.ctl("disconnect", "lobby")
    t.wait_for("-- carol left", deadline=60)  # a host waits for who may come back at once
    # Who is invisible comes and goes without a word.
    carol.ctl("invisible", "on")
    carol.ctl("connect", "lobby")
    wait_for(lambda: carol.get(talk.lobby, CHANNEL, "State") == "live", "carol to be there, unseen")
    talk.alice.send(talk.lobby, "after that")
    t.wait_for("after that")
    assert t.history().count("carol") == 2
    talk.leave(t)


def test_daemon_restarts(talk):
    """It goes on without losing or repeating a line, typed or shown."""
    t = talk.open()
    for i in range(3):
        talk.alice.send(talk.lobby, f"before {i}")
    t.wait_for("before 2")
    t.type("half of ")
    talk.bob.stop_daemon()
    t.wait_for("-- Your daemon ended")
    for i in range(3):
        talk.alice.send(talk.lobby, f"meanwhile {i}")
    t.type("a line")
    t.wait_for("lobby> half of a line")
    talk.bob.start_daemon()
    t.wait_for("-- Your daemon is back")
    t.wait_for("meanwhile 2")
    t.wait_for("lobby> half of a line")
    t.key("Enter")
    talk.wait_said("half of a line")
    t.wait_for("✓")
    shown = re.findall("alice: (.*)", t.history())
    assert shown == [f"before {i}" for i in range(3)] + [f"meanwhile {i}" for i in range(3)]
    assert t.history().count("half of a line") == 1
    talk.leave(t)


def test_tracker_away(talk):
    t = talk.open()
    talk.world.tracker.stop()
    t.wait_for(re.compile("-- The tracker is offline"))
    talk.world.tracker.start()
    t.wait_for("-- The tracker is online")
    t.line("all is well")
    t.wait_for(re.compile("^✓ .*bob: all is well", re.MULTILINE))
    talk.leave(t)


def test_leaving(talk):
    """However it ends, the terminal is as it was, and what the daemon does is said."""
    shell = ["sh", "-c", '"$0" chat lobby; echo "ended with $?"; stty -a; printf "\\n>\\n"; exec cat', talk_ctl()]
    for leave in (lambda t: t.key("C-d"), lambda t: t.line("/exit"), lambda t: t.line("/quit"),
                  lambda t: t.key("C-c", "C-c"), lambda t: end(t)):
        t = talk.open(command=shell)
        t.wait_for(lambda: t.rows()[-1].startswith("lobby>"), "the prompt")
        t.type("typed and ")
        t.key("C-c")
        t.wait_for(lambda: t.rows()[-1].rstrip() == "lobby>", "Ctrl-C to clear the line")
        leave(t)
        t.wait_for("ended with 0")
        t.wait_for(re.compile(r"[^-]icanon"))
        assert re.search(r"[^-]echo\b", t.screen()) and re.search(r"[^-]isig\b", t.screen())
        assert "Your daemon goes on: what comes is kept, what waits is sent" in t.history()
        raw = t.raw()
        assert raw.count(b"\x1b[?2004h") > 0 and raw.rindex(b"\x1b[?2004l") > raw.rindex(b"\x1b[?2004h")
    assert talk.said() == []
    talk.bob.send(talk.lobby, "the daemon does go on", wait="stored")


def talk_ctl():
    import os
    return os.environ["P2PCHATCTL"]


def end(t):
    """SIGTERM to the chat in that terminal, by its pid."""
    pids = subprocess.run(["ps", "--ppid", str(t.process()), "-o", "pid="], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.split()
    assert len(pids) == 1
    subprocess.run(["kill", "-TERM", pids[0]], check=True)


def test_stop_and_go_on(talk):
    """Ctrl-Z and fg: the shell has the terminal, then the line is there again."""
    t = talk.terminals(["bash", "--norc", "-i"], {**talk.environment(), "PS1": "$ "})
    t.wait_for("$")
    t.line(f"{talk_ctl()} chat lobby")
    t.wait_for(re.compile("^lobby>$", re.MULTILINE))
    t.type("half a ")
    t.wait_for("lobby> half a")
    t.key("C-z")
    t.wait_for("Stopped")
    t.line("echo the shell has $((6 * 7))")
    t.wait_for("the shell has 42")
    talk.alice.send(talk.lobby, "said while it was stopped")
    t.line("fg")
    t.wait_for("alice: said while it was stopped")
    t.wait_for("lobby> half a")
    t.line("line")
    talk.wait_said("half a line")
    t.key("C-d")
    t.wait_for("Your daemon goes on")
    t.line("exit")
    t.wait_end()
