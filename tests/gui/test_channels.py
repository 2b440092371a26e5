# SPDX-License-Identifier: LGPL-2.1-or-later
"""A channel is made at one window, found and joined at another; and joined by its link."""
import re

from p2pchat import CHANNEL, MANAGER, PATH, wait_for


def test_a_channel_is_found(world, desktop):
    """It is made, found in the directory and joined; its link leads there; and its owner hides, and goes."""
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    make_find_join_chapter(desktop, alice, bob)
    desktop.close()
    link_chapter(world, desktop, alice, bob)
    desktop.close()
    invisible_and_signed_out_chapter(desktop, alice)


def make_find_join_chapter(desktop, alice, bob):
    hers, his = desktop.window(alice), desktop.window(bob)
    hers.press("Make a Channel")
    assert not hers.find("push button", "Create").has("sensitive")
    hers.write("Name of the channel", "Not A Name!")
    hers.find("label", re.compile("^2 to 32 characters"))
    assert not hers.find("push button", "Create").has("sensitive")
    hers.write("Name of the channel", "garden")
    hers.write("Topic", "what grows & <b>what not</b>")
    hers.press("Create")
    hers.find("list", "Messages")
    his.press("Find a Channel")
    his.find("label", "garden")
    his.find("label", "what grows & <b>what not</b>")
    # The list is alive: what comes to the directory comes to it, and the search narrows it.
    alice.host("kitchen", topic="pots")
    his.find("label", "kitchen")
    his.write("Search the directory", "pot")
    his.gone("label", "garden")
    his.write("Search the directory", "nothing like it")
    his.find("label", "Nothing Found")
    his.write("Search the directory", "gar")
    his.find("label", "garden").click()
    his.find("list", "Messages")
    garden = alice.ctl("invite", "garden").stdout
    assert "p2pchat:" in garden
    wait_for(lambda: any(o.get(CHANNEL, {}).get("State") == "live" for o in bob.objects().values()), "bob to be there")


def link_chapter(world, desktop, alice, bob):
    path = alice.host("cellar")
    link = alice.call(path, CHANNEL, "MakeInvite", "a{sv}", {})
    # Its tracker is bob's own: only joining is asked for. Given up, nothing was done.
    his = desktop.window(bob, link)
    his.find("label", "Join by a Link?")
    his.press("Cancel")
    his.gone("label", "Join by a Link?")
    assert path not in bob.objects()
    desktop.close()
    his = desktop.window(bob, link)
    his.press("Join")
    his.find("list", "Messages")
    wait_for(lambda: path in bob.objects(), "bob to be there by the link")
    # Carol has no tracker: its pin is compared first.
    carol = world.peer("carol")
    hers = desktop.window(carol, link)
    hers.press("Go to This Tracker")
    hers.find("label", "Is This Your Tracker?")
    hers.press("It Is the Same")
    hers.find("label", "Who Are You?")


def invisible_and_signed_out_chapter(desktop, alice):
    w = desktop.window(alice)
    w.find("label", "No Channel Selected")
    w.key("F10")
    w.find("check menu item", "Invisible").press()
    wait_for(lambda: alice.get(PATH, MANAGER, "Invisible"), "her to be invisible")
    w.key("F10")
    w.find("menu item", "Sign Out…").press()
    w.find("label", "Sign Out?")
    w.find("push button", "Sign Out").press()
    w.find("label", "Who Are You?")
