# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two people at two windows: said and answered, also while the host or one's own daemon is away."""
import os
import signal
import subprocess

from p2pchat import CHANNEL, DEADLINE, wait_for


def opened(desktop, *people):
    windows = [desktop.window(person) for person in people]
    for w in windows:
        w.find(name="lobby").click()
        w.find("list", "Messages")
    return windows


def say(window, text):
    window.write("Message", text)
    window.press("Send")
    # What is in the outbox leaves the entry.
    window.wait(lambda: window.find("text", "Message").text() == "", "the entry to be empty")


def test_two_people_talk(lobby, desktop):
    """They say and answer; then the host is away, and one's own daemon; and one speaks in two channels by turns."""
    alice, bob, path = lobby
    hers, his = opened(desktop, alice, bob)
    said_and_answered_chapter(hers, his)
    host_away_and_back_chapter(his, alice, path)
    own_daemon_killed_chapter(his, alice, path)
    sent_from_another_channel_chapter(hers, path)
    desktop.close()
    daemon_away_chapter(desktop, alice)
    without_a_bus_chapter(desktop, alice.world)


def said_and_answered_chapter(hers, his):
    say(hers, "hello bob")
    his.find("label", "hello bob")
    # By the keys alone: Enter sends, Shift+Enter does not.
    his.find("text", "Message").click()
    his.type("one")
    his.key("shift+Return")
    his.type("two")
    his.key("Return")
    hers.find("label", "one\ntwo")
    his.wait(lambda: len(his.all("label", "one\ntwo")) == 1, "it to be shown once at his window, too")


def host_away_and_back_chapter(his, alice, path):
    bob = his.person
    before = alice.texts(path)
    alice.stop_daemon(signal.SIGKILL)
    wait_for(lambda: bob.get(path, CHANNEL, "State") != "live", "bob to be offline")
    for i in range(3):
        say(his, f"written offline {i}")
    his.wait(lambda: len(his.all("label", "Waiting to be sent")) == 3, "three to wait")
    alice.start_daemon()
    his.gone("label", "Waiting to be sent")
    assert [len(his.all("label", f"written offline {i}")) for i in range(3)] == [1, 1, 1]
    assert alice.texts(path) == before + [f"written offline {i}" for i in range(3)]


def own_daemon_killed_chapter(his, alice, path):
    bob = his.person
    earlier = alice.texts(path)
    say(his, "before")
    his.find("label", "before")  # it is shown once the daemon says that it has it
    bob.stop_daemon(signal.SIGKILL)
    his.find("label", "The chat service is not running. What is shown is what it said last.")
    assert his.all("label", "before")
    # What cannot be sent stays where it was typed.
    his.write("Message", "not lost")
    his.press("Send")
    his.find("label", "The chat service is not running. Start it again, and look whether it was done.")
    assert his.find("text", "Message").text() == "not lost"
    bob.start_daemon()
    his.gone("label", "The chat service is not running. What is shown is what it said last.")
    his.press("Send")
    wait_for(lambda: alice.texts(path) == earlier + ["before", "not lost"], "alice to have it")
    his.wait(lambda: len(his.all("label", "not lost")) == 1, "it to be shown once")


def sent_from_another_channel_chapter(w, path):
    """What was sent is no draft of a channel that one has left meanwhile; what was not is."""
    alice = w.person
    earlier = alice.texts(path)
    alice.host("attic")
    alice.process.child.send_signal(signal.SIGSTOP)
    try:
        w.write("Message", "on its way")
        # By a key: a button that is activated clicks a quarter of a second later.
        w.find("text", "Message").click()
        w.key("Return")
        w.find("label", "attic").click()
        w.wait(lambda: w.find("text", "Message").text() == "", "the other channel's entry")
    finally:
        alice.process.child.send_signal(signal.SIGCONT)
    wait_for(lambda: alice.texts(path) == earlier + ["on its way"], "it to be sent")
    w.find("label", "lobby").click()
    w.find("label", "on its way")
    w.wait(lambda: w.find("text", "Message").text() == "", "nothing to be left to send")
    w.write("Message", "a draft")
    w.find("label", "attic").click()
    w.wait(lambda: w.find("text", "Message").text() == "", "the other channel's entry")
    w.find("label", "lobby").click()
    w.wait(lambda: w.find("text", "Message").text() == "a draft", "the draft to be back")


def daemon_away_chapter(desktop, alice):
    """A daemon that is not there, and one that comes and goes while the window is open."""
    alice.stop_daemon()
    w = desktop.window(alice)
    w.find("label", "The Chat Service Is Not Running")
    alice.start_daemon()
    w.find(name="lobby")
    alice.stop_daemon(signal.SIGKILL)
    w.find("label", "The chat service is not running. What is shown is what it said last.")
    assert w.all(name="lobby")


def without_a_bus_chapter(desktop, world):
    """Of a desktop that has none: what is missing is said, and how it is had."""
    environment = {**world.peer("dave", start=False).environment(), **desktop.environment()}
    # The display is opened before the bus is missed, and what drivers and fontconfig keep for the life of a process
    # counts as leaked.
    environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    said = subprocess.run([os.environ["P2PCHAT_GUI"]], env=environment, text=True, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
    assert said.returncode == 3 and "dbus-run-session" in said.stderr, said
