# SPDX-License-Identifier: LGPL-2.1-or-later
"""Over all channels: what waits to be sent, and what somebody else said where one does not look."""
import re

from notifications import Desktop as Shell
from p2pchat import CHANNEL, wait_for


def test_outbox(world, desktop):
    """What waits is counted beside the channels, listed by them, and can be held back or sent once more."""
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    lobby, garden = alice.host("lobby"), alice.host("garden")
    for path, name in ((lobby, "lobby"), (garden, "garden")):
        bob.join(name)
        wait_for(lambda p=path: bob.get(p, CHANNEL, "State") == "live", f"bob to be in {name}")
    w = desktop.window(bob)
    w.find("label", "lobby").click()
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
    w.wait(lambda: w.all("push button", "2 messages wait to be sent"), "two to be left")
    alice.start_daemon()
    wait_for(lambda: alice.texts(lobby) == ["to the lobby"], "what is allowed to be sent")
    listed.find("label", "Not sent: you may not write there")
    w.wait(lambda: not listed.all("label", "to the lobby"), "what was sent to go")
    w.gone("push button", re.compile(" to be sent$"))
    alice.ctl("sending", "garden", "registered")
    wait_for(lambda: bob.get(garden, CHANNEL, "SendPermission") == "registered", "bob to hear it")
    listed.find("push button", "Send Again").press()
    wait_for(lambda: alice.texts(garden) == ["to the garden"], "it to be sent")
    w.find("label", "Nothing Waits")
    # From there to its channel.
    alice.stop_daemon()
    wait_for(lambda: bob.get(garden, CHANNEL, "State") != "live", "bob to be offline")
    bob.ctl("send", "garden", "led there")
    listed.find("push button", "Show the channel ⁨garden⁩").press()
    w.gone("label", "Nothing Waits")
    w.find("list", "Messages").find("label", "led there")


def test_popup(world, desktop):
    """A click on a pop-up shows the channel that it is of; of what is in view there is none."""
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    lobby, garden = alice.host("lobby"), alice.host("garden")
    for path, name in ((lobby, "lobby"), (garden, "garden")):
        bob.join(name)
        wait_for(lambda p=path: bob.get(p, CHANNEL, "State") == "live", f"bob to be in {name}")
    with Shell(bob, "body", "actions") as shell:
        w = desktop.window(bob)
        w.find("label", "lobby").click()
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
