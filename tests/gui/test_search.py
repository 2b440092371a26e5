# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was said is found again, and what can be done with one message."""
import re

from longlog import lengthen
from p2pchat import CHANNEL, wait_for


def opened(desktop, person, channel="lobby"):
    w = desktop.window(person)
    w.find("label", channel).click()
    w.find("list", "Messages")
    return w


def act(window, text, item):
    """From the menu of the message that says text."""
    window.find("label", text).click(button=3)
    window.find("menu item", item).press()


def test_what_was_missed_is_found(lobby, desktop):
    """A word of long ago, what is new since one looked last, and what comes while nobody looks."""
    alice, bob, path = lobby
    search_chapter(desktop, alice)
    desktop.close()
    new_while_away_chapter(desktop, alice, bob, path)
    desktop.close()
    to_unread_chapter(desktop, alice, bob)


def test_one_message(lobby, desktop):
    """It is removed by who rules, and copied, answered or hidden by who reads it."""
    alice, bob, path = lobby
    removed_chapter(desktop, alice, bob, path)
    desktop.close()
    ignored_chapter(desktop, alice, bob, path)


def search_chapter(desktop, alice):
    """A word of long ago: found, shown where it stands, and the way back."""
    path = alice.host("library")
    alice.send(path, "the needle lies here", wait="stored")
    alice.stop_daemon()
    lengthen(alice, "library", 2000)
    alice.start_daemon()
    w = opened(desktop, alice, "library")
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


def removed_chapter(desktop, alice, bob, path):
    """By who rules, with a reason; by oneself; nobody else is offered it."""
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
    his.key("Escape")
    # Once it is removed nothing can be done with one's own.
    his.find("label", "Removed by ⁨alice⁩: ⁨not here⁩").click(button=3)
    his.find("label", "hello bob").click(button=3)
    his.find("menu item", "Copy the Text").press()
    his.find("label", "The text is on the clipboard.")
    his.write("Message", "well")
    act(his, "hello bob", "Speak to the Sender")
    entry = his.find("text", "Message")
    his.wait(lambda: entry.text() == "well @alice ", "her name to be there")
    his.key("ctrl+v")
    his.wait(lambda: entry.text() == "well @alice hello bob", "what was copied to be there")


def to_unread_chapter(desktop, alice, bob):
    """While what is new begins above what is shown a button leads there."""
    path = alice.host("diary")
    bob.join("diary")
    alice.send(path, "read long ago", wait="stored")
    his = opened(desktop, bob, "diary")
    his.find("label", "read long ago")
    wait_for(lambda: bob.get(path, CHANNEL, "Unread") == 0, "it to be read")
    his.key("ctrl+d")
    his.find(name="Search the directory")
    alice.stop_daemon()
    lengthen(alice, "diary", 300)
    alice.start_daemon()
    his.find("label", "298 unread").click()
    messages = his.find("list", "Messages")
    messages.find("label", re.compile("^line 3\n"))
    assert not his.all("push button", "Jump to the first new message")
    his.press("298 new messages")
    messages.find("label", "line 300")
    his.gone("label", re.compile("^line 3\n"))
    his.press("Jump to the first new message")
    messages.find("label", re.compile("^line 3\n"))
    messages.find("label", "New messages")
    his.gone("push button", "Jump to the first new message")


def new_while_away_chapter(desktop, alice, bob, path):
    """The line "new" stands above what came while nobody looked, and goes when it was read."""
    alice.send(path, "seen", wait="stored")
    his, hers = opened(desktop, bob), opened(desktop, alice)
    his.activate()
    wait_for(lambda: bob.get(path, CHANNEL, "Unread") == 0, "it to be read")
    hers.activate()
    alice.send(path, "while he was away", wait="stored")
    his.find("label", "while he was away")
    his.find("label", "New messages")
    his.activate()
    wait_for(lambda: bob.get(path, CHANNEL, "Unread") == 0, "that to be read")
    his.find("label", "New messages")
    # While something is looked for nothing is read.
    his.key("ctrl+f")
    his.find("label", "Search This Channel")
    alice.send(path, "while he searched", wait="stored")
    wait_for(lambda: bob.get(path, CHANNEL, "Unread") == 1, "it to be new")
    his.key("Escape")
    his.find("label", "while he searched")
    wait_for(lambda: bob.get(path, CHANNEL, "Unread") == 0, "it to be read as well")
    # What comes while one looks is not new.
    hers.activate()
    his.gone("label", "New messages")
    his.activate()
    alice.send(path, "before his eyes", wait="stored")
    his.find("label", "before his eyes")
    assert not his.all("label", "New messages")


def ignored_chapter(desktop, alice, bob, path):
    bob.send(path, "blah", wait="stored")
    hers = opened(desktop, alice)
    act(hers, "blah", "Ignore the Sender")
    hers.find("label", "What they say in this channel is hidden from you. Nobody else hears of it.")
    hers.find("label", "A message of somebody you ignore")
    hers.gone("label", "blah")
    assert alice.get(path, CHANNEL, "Ignored") == ["bob"]
    # By the keys: the menu of the row that has the focus.
    hers.find("label", "A message of somebody you ignore").click()
    hers.key("shift+F10")
    hers.find("menu item", "Stop Ignoring the Sender").press()
    hers.find("label", "blah")
    wait_for(lambda: alice.get(path, CHANNEL, "Ignored") == [], "him to be heard")
