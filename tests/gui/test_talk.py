# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two people at two windows: said and answered, also while the host is away."""
import signal

import pytest

from p2pchat import CHANNEL, wait_for


@pytest.fixture
def lobby(world):
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    path = alice.host("lobby")
    bob.join("lobby")
    wait_for(lambda: bob.get(path, CHANNEL, "State") == "live", "bob to be live")
    return alice, bob, path


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


def test_said_and_answered(lobby, desktop):
    alice, bob, _ = lobby
    hers, his = opened(desktop, alice, bob)
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


def test_host_away_and_back(lobby, desktop):
    alice, bob, path = lobby
    his, = opened(desktop, bob)
    alice.stop_daemon(signal.SIGKILL)
    wait_for(lambda: bob.get(path, CHANNEL, "State") != "live", "bob to be offline")
    for i in range(3):
        say(his, f"written offline {i}")
    his.wait(lambda: len(his.all("label", "Waiting to be sent")) == 3, "three to wait")
    alice.start_daemon()
    his.gone("label", "Waiting to be sent")
    assert [len(his.all("label", f"written offline {i}")) for i in range(3)] == [1, 1, 1]
    assert alice.texts(path) == [f"written offline {i}" for i in range(3)]


def test_own_daemon_killed(lobby, desktop):
    alice, bob, path = lobby
    his, = opened(desktop, bob)
    say(his, "before")
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
    wait_for(lambda: alice.texts(path) == ["before", "not lost"], "alice to have it")
    his.wait(lambda: len(his.all("label", "not lost")) == 1, "it to be shown once")


def test_sent_from_another_channel(lobby, desktop):
    """What was sent is no draft of a channel that one has left meanwhile; what was not is."""
    alice, _, path = lobby
    alice.host("attic")
    w, = opened(desktop, alice)
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
    wait_for(lambda: alice.texts(path) == ["on its way"], "it to be sent")
    w.find("label", "lobby").click()
    w.find("label", "on its way")
    w.wait(lambda: w.find("text", "Message").text() == "", "nothing to be left to send")
    w.write("Message", "a draft")
    w.find("label", "attic").click()
    w.wait(lambda: w.find("text", "Message").text() == "", "the other channel's entry")
    w.find("label", "lobby").click()
    w.wait(lambda: w.find("text", "Message").text() == "a draft", "the draft to be back")
