# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one does not look at: what somebody else said there, what waits to be sent, and what was long ago."""
import re
import signal

from longlog import lengthen
from notifications import Desktop as Shell
from p2pchat import CHANNEL, wait_for


def test_what_is_not_in_view(world, desktop):
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    lobby, garden = alice.host("lobby"), alice.host("garden")
    for path, name in ((lobby, "lobby"), (garden, "garden")):
        bob.join(name)
        wait_for(lambda p=path: bob.get(p, CHANNEL, "State") == "live", f"bob to be in {name}")
    w = desktop.window(bob)
    w.find("label", "lobby").click()
    with Shell(bob, "body", "actions") as shell:
        popups(w, shell, alice, lobby, garden)
    waiting(w, alice, lobby, garden)
    desktop.close()
    alice.start_daemon()
    search_goes_on(alice, desktop)


def popups(w, shell, alice, lobby, garden):
    """A click on a pop-up shows the channel that it is of; of what is in view there is none."""
    bob = w.person
    w.activate()
    alice.send(lobby, "bob, before your eyes", wait="stored")
    w.find("list", "Messages").find("label", "bob, before your eyes")
    wait_for(lambda: bob.get(lobby, CHANNEL, "Unread") == 0, "it to be read")
    alice.send(garden, "bob, over here", wait="stored")
    popup, = shell.wait(1)
    assert (popup.summary, popup.body) == ("alice in garden", "bob, over here")
    shell.click(popup.id)
    w.find("list", "Messages").find("label", "bob, over here")
    w.gone("label", "bob, before your eyes")
    wait_for(lambda: bob.get(garden, CHANNEL, "Unread") == 0, "it to be read")
    assert len(shell.shown()) == 1


def waiting(w, alice, lobby, garden):
    """What waits is counted beside the channels, listed by them, and can be held back or sent once more."""
    bob = w.person
    w.key("ctrl+o")
    w.find("label", "Nothing Waits")
    w.desktop.xdo("key", "Escape")
    w.gone("label", "Nothing Waits")
    # Only whom she let in may write by the time that bob is heard.
    bob.stop_daemon()
    alice.ctl("sending", "garden", "members")
    alice.stop_daemon()
    bob.start_daemon()
    for name, text in (("lobby", "to be held back"), ("lobby", "to the lobby"), ("garden", "to the garden")):
        bob.ctl("send", name, text)
    w.find("push button", "3 messages wait to be sent").press()
    listed = w.find("list", "Messages that wait")
    texts = [n.name for n in listed.all(("push button", "label")) if n.name.startswith(("to ", "Show the channel "))]
    assert texts == ["Show the channel ⁨garden⁩", "to the garden", "Show the channel ⁨lobby⁩", "to be held back",
                     "to the lobby"]
    # Its first one goes; the channel stands above the next.
    listed.all("push button", "Do Not Send")[1].press()
    w.wait(lambda: not listed.all("label", "to be held back"), "it to go")
    assert len(listed.all("push button", "Show the channel ⁨lobby⁩")) == 1
    w.find("push button", "2 messages wait to be sent")
    alice.start_daemon()
    wait_for(lambda: alice.texts(lobby)[-1] == "to the lobby", "what is allowed to be sent")
    listed.find("label", "Not sent: you may not write there")
    w.wait(lambda: not listed.all("label", "to the lobby"), "what was sent to go")
    w.gone("push button", re.compile(" to be sent$"))
    alice.ctl("sending", "garden", "registered")
    wait_for(lambda: bob.get(garden, CHANNEL, "SendPermission") == "registered", "bob to hear it")
    listed.find("push button", "Send Again").press()
    wait_for(lambda: alice.texts(garden)[-1] == "to the garden", "it to be sent")
    w.find("label", "Nothing Waits")
    # From there to its channel.
    alice.stop_daemon()
    wait_for(lambda: bob.get(lobby, CHANNEL, "State") != "live", "bob to be offline")
    bob.ctl("send", "lobby", "led there")
    listed.find("push button", "Show the channel ⁨lobby⁩").press()
    w.gone("label", "Nothing Waits")
    w.find("list", "Messages").find("label", "led there")


def search_goes_on(alice, desktop):
    """What was typed last is looked for by Enter; what is found far away is led to; and a search goes on after trouble."""
    path = alice.host("library")
    alice.send(path, "the beginning " + "and so on " * 100 + "until the needle, which ends it", wait="stored")
    alice.stop_daemon()
    lengthen(alice, "library", 300)
    alice.start_daemon()
    w = desktop.window(alice)
    w.find("list", "Channels").find("label", "library").click()
    messages = w.find("list", "Messages")
    messages.find("label", "line 300")
    w.key("ctrl+f")
    entry = w.find("entry", "Search this channel")
    entry.write("needle")
    found = w.find("list", "Found messages")
    assert re.match("….{1,40}needle, which ends it$", found.find("label", re.compile("needle")).name)
    # Neither the result of the query before, nor a quarter of a second.
    entry.write('"line 77"')
    w.key("Return")
    messages.find("label", "line 77")
    assert not w.all("entry", "Search this channel")
    w.key("ctrl+f")
    entry.write("line")
    found.find("label", "line 300")
    alice.stop_daemon(signal.SIGKILL)
    # The first page is here; there is no next one.
    found.find("label", "line 300").click()
    w.gone("entry", "Search this channel")
    w.key("ctrl+f")
    w.key("Tab")
    w.key("End")
    w.find("label", re.compile("^The chat service is not running. Start it again"))
    alice.start_daemon()
    w.find("push button", "Try Again").press()
    w.gone("push button", "Try Again")
    w.key("End")
    found.find("label", re.compile(r"^line (1\d\d|2[0-4]\d)$"))
    # From the list as from the entry one goes back.
    w.key("Escape")
    w.gone("list", "Found messages")
    assert w.all("list", "Messages")
