# SPDX-License-Identifier: LGPL-2.1-or-later
"""A channel is ruled at one window, and those whom it is about see it at theirs."""
import re

from p2pchat import CHANNEL, wait_for

RULES = ("ViewPermission", "SendPermission", "MessageRate", "MessageBurst", "RetentionDays")


def details(desktop, person, channel):
    w = desktop.window(person)
    w.find("label", channel).click()
    w.find("list", "Messages")
    w.key("F9")
    w.find("list", "People")
    return w


def person(window, name):
    """→ the row of that person in the list of people."""
    return window.find("list", "People").find("panel", re.compile(rf"^⁨{name}⁩: "))


def choose(window, name, item):
    """From the menu of that person."""
    window.find("list", "People").find(("push button", "toggle button"), f"Actions for {name}").press()
    window.find("menu item", item).press()


def pick(window, name, nth):
    """By the keys: the nth below what a row has chosen."""
    row = window.find("combo box", name)
    window.wait(lambda: row.has("focused") or window.key("Tab", n=1), f"“{name}” to have the focus")
    window.key("Return", n=1)
    window.wait(lambda: row.all("list item"), "its list")
    window.desktop.xdo("key", *["Down"] * nth, "Return")


def state_of(someone, path):
    return someone.objects().get(path, {}).get(CHANNEL, {}).get("State")


def test_a_channel_is_ruled(world, desktop):
    """Its owner lets in, rules, bans and hands on; in the end somebody leaves, and it ends."""
    world.start_tracker()
    people = world.people("alice", "bob", "carol")
    for chapter in (restricted_chapter, topic_and_rules_chapter, ban_seen_live_chapter, moderator_chapter,
                    leave_chapter):
        chapter(people, desktop)
        desktop.close()


def restricted_chapter(people, desktop):
    """Who is not let in is told why, and is in once somebody lets them."""
    alice, bob, _ = people
    path = alice.host("vault", view_permission="restricted")
    alice.send(path, "within these walls", wait="stored")
    his = desktop.window(bob)
    his.key("F10")
    his.find("menu item", re.compile("^Join by Name or Link")).press()
    his.find("dialog").find(("text", "entry"), "Name or link").write("vault")
    his.find("dialog").find("push button", "Join").press()
    his.find("label", "vault").click()
    his.find("label", "You may not write here")
    hers = details(desktop, alice, "vault")
    hers.press("Let Somebody In…")
    hers.find(("text", "entry"), "Their name").write("bob")
    hers.press("Let In")
    his.find("label", "within these walls")
    his.find("text", "Message")
    assert "Member" in person(hers, "bob").name
    # Why: in words, of whom it was.
    his.key("F9")
    his.press("What I May Do, and Why")
    his.find("label", "What You May Do, and Why")
    his.find("label", re.compile(r"May read and write\.\n(.|\n)*alice"))
    his.press("Close")


def topic_and_rules_chapter(people, desktop):
    alice, bob, _ = people
    path = alice.host("garden")
    bob.join("garden")
    hers, his = details(desktop, alice, "garden"), details(desktop, bob, "garden")
    assert not his.all("push button", "Change the Topic…") and not his.all("push button", "Change the Rules…")
    hers.press("Change the Topic…")
    hers.find(("text", "entry"), "Topic of the channel").write("what <b>grows</b>")
    hers.press("Set")
    his.find("label", "what <b>grows</b>")
    his.find("label", re.compile("⁨alice⁩ set the topic"))
    hers.press("Change the Rules…")
    hers.find("spin button", "Days that messages are kept").write("7")
    hers.press("Apply")
    # What is removed by it is said first.
    hers.find("label", re.compile("^Messages that are older lose their content at once"))
    assert alice.get(path, CHANNEL, "RetentionDays") == 0
    hers.press("Remove and Apply")
    his.find("label", re.compile("messages are kept for 7 days$"))
    assert alice.get(path, CHANNEL, "RetentionDays") == 7
    # All the others.
    hers.press("Change the Rules…")
    for name, value in (("Messages a second", "5"), ("Messages at once", "20")):
        hers.find("spin button", name).write(value)
    for name, nth in (("Who may read", 1), ("Who may write", 2)):
        pick(hers, name, nth)
    hers.press("Apply")
    hers.gone("label", "Rules of the Channel")
    wait_for(lambda: [alice.get(path, CHANNEL, p) for p in RULES] == ["restricted", "members", 5, 20, 7],
             "the rules to be others")


def ban_seen_live_chapter(people, desktop):
    alice, bob, carol = people
    path = alice.host("market")
    for one in (bob, carol):
        one.join("market")
    hers, his, third = details(desktop, alice, "market"), details(desktop, bob, "market"), details(desktop, carol, "market")
    assert "online" in person(hers, "bob").name
    choose(hers, "bob", "Ban…")
    hers.find("label", "Ban ⁨bob⁩?")
    hers.find(("text", "entry"), "Reason").write("too loud")
    hers.press("Ban")
    his.find("label", "You may not write here")
    wait_for(lambda: state_of(bob, path) == "denied", "bob to be out")
    third.find("label", "⁨alice⁩ banned ⁨bob⁩ (⁨too loud⁩)")
    # Of the three carol is no moderator: she is told neither who is banned nor what could be done.
    third.wait(lambda: not third.find("list", "People").all("panel", re.compile("^⁨bob⁩")), "bob to go from her list")
    hers.wait(lambda: "Banned by ⁨alice⁩: ⁨too loud⁩" in person(hers, "bob").name, "bob among the banned")
    choose(hers, "bob", "Lift the Ban")
    his.find("text", "Message")
    wait_for(lambda: state_of(bob, path) == "live", "bob to be back")
    third.find("list", "People").find("panel", re.compile("^⁨bob⁩"))


def moderator_chapter(people, desktop):
    """Made by the owner; sends out who has no role, and may not do so with the owner."""
    alice, bob, carol = people
    path = alice.host("forum")
    for one in (bob, carol):
        one.join("forum")
    hers, his = details(desktop, alice, "forum"), details(desktop, bob, "forum")
    choose(hers, "bob", "Make a Moderator")
    his.find("push button", "Let Somebody In…")
    choose(his, "carol", "Send Out…")
    his.press("Send Out")
    hers.find("label", "⁨bob⁩ sent ⁨carol⁩ out")
    wait_for(lambda: state_of(carol, path) != "live", "carol to be out")
    his.find("list", "People").find(("push button", "toggle button"), "Actions for alice").press()
    his.find("menu item", "What They May Do, and Why")
    assert not his.all("menu item", "Ban…")


def leave_chapter(people, desktop):
    alice, bob, _ = people
    path = alice.host("attic")
    bob.join("attic")
    his = details(desktop, bob, "attic")
    his.press("Leave…")
    his.press("Leave and Delete")
    his.find("label", "No Channel Selected")
    assert state_of(bob, path) is None
    hers = details(desktop, alice, "attic")
    hers.press("Stop Hosting…")
    hers.press("Cancel")
    assert state_of(alice, path) == "live"
    hers.press("Copy the Invite Link")
    hers.find("label", "The link is on the clipboard. It gives no rights by itself.")
    hers.press("Stop Hosting…")
    hers.press("End the Channel")
    hers.find("label", "No Channel Selected")
    assert state_of(alice, path) is None
