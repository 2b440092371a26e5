# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was said is found again, and what can be done with one message."""
import re

import pytest

from longlog import lengthen
from p2pchat import CHANNEL, wait_for


@pytest.fixture
def lobby(world):
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    path = alice.host("lobby")
    bob.join("lobby")
    return alice, bob, path


def opened(desktop, person):
    w = desktop.window(person)
    w.find("label", "lobby").click()
    w.find("list", "Messages")
    return w


def act(window, text, item):
    """From the menu of the message that says text."""
    window.find("label", text).click(button=3)
    window.find("menu item", item).press()


def test_search(world, desktop):
    """A word of long ago: found, shown where it stands, and the way back."""
    world.start_tracker()
    alice = world.people("alice")
    path = alice.host("lobby")
    alice.send(path, "the needle lies here", wait="stored")
    alice.stop_daemon()
    lengthen(alice, "lobby", 2000)
    alice.start_daemon()
    w = opened(desktop, alice)
    w.find("label", re.compile("^line 2000"))
    w.key("ctrl+f")
    w.find("label", "Search This Channel")
    w.write("Search this channel", "nothing like that")
    w.find("label", "Nothing Found")
    # More than one page of them comes as one goes on.
    w.write("Search this channel", "more")
    found = w.find("list", "Found messages")
    w.wait(lambda: len(found.all("label", re.compile("more of it"))) >= 40, "a page to be found")
    w.write("Search this channel", "NEEDLE")
    w.wait(lambda: len(found.all("label", "the needle lies here")) == 1, "it to be found")
    w.key("Return")  # the newest of them
    messages = w.find("list", "Messages")
    messages.find("label", "the needle lies here")
    messages.find("label", re.compile("alice⁩ created the channel"))
    w.gone("list", "Found messages")
    w.press("Jump to the newest")
    messages.find("label", re.compile("^line 2000"))


def test_removed(lobby, desktop):
    """By who rules, with a reason; by oneself; nobody else is offered it."""
    alice, bob, path = lobby
    bob.send(path, "rude words", wait="stored")
    alice.send(path, "hello bob", wait="stored")
    hers, his = opened(desktop, alice), opened(desktop, bob)
    act(hers, "rude words", "Remove…")
    hers.find("label", "Remove This Message?")
    hers.find(("text", "entry"), "Reason").write("not here")
    hers.press("Remove")
    for w in (hers, his):
        w.find("label", "Removed by ⁨alice⁩: ⁨not here⁩")
        w.gone("label", "rude words")
    his.find("label", "hello bob").click(button=3)
    his.find("menu item", "Copy the Text")
    assert not his.all("menu item", "Remove…")
    his.find("menu item", "Speak to the Sender").press()
    his.wait(lambda: his.find("text", "Message").text() == "@alice ", "her name to be there")


def test_ignored(lobby, desktop):
    alice, bob, path = lobby
    bob.send(path, "blah", wait="stored")
    hers = opened(desktop, alice)
    act(hers, "blah", "Ignore the Sender")
    hers.find("label", "A message of somebody you ignore")
    hers.gone("label", "blah")
    assert alice.get(path, CHANNEL, "Ignored") == ["bob"]
    # By the keys: the menu of the row that has the focus.
    hers.find("label", "A message of somebody you ignore").click()
    hers.key("shift+F10")
    hers.find("menu item", "Stop Ignoring the Sender").press()
    hers.find("label", "blah")
    wait_for(lambda: alice.get(path, CHANNEL, "Ignored") == [], "him to be heard")
