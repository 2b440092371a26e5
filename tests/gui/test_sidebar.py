# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of one's channels: what a row says, and that what is looked at does not move away."""
import re
import signal

from p2pchat import CHANNEL, HOST, wait_for


def rows(window):
    """→ what each row says as a whole, from the first to the last, without what isolates directions."""
    return [re.sub("[\u2068\u2069]", "", row.name) for row in window.find("list", "Channels").all("list item")]


def shown(window):
    """→ the name of the channel that is shown; "": none."""
    chosen = [row for row in window.find("list", "Channels").all("list item") if row.has("selected")]
    return chosen[0].name.split(",")[0] if chosen else ""


def wait_shown(window, name):
    window.wait(lambda: shown(window) == name, f"{name} to be shown")


def live_through(world, desktop, *chapters):
    """Chapters of alice and bob, who have no channel as each begins."""
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    for chapter in chapters:
        chapter(desktop, alice, bob)
        desktop.close()
        if not alice.process.alive():
            alice.start_daemon()
        for person in (bob, alice):
            for of in [o[CHANNEL] for o in person.objects().values() if CHANNEL in o]:
                person.ctl("unhost" if person is alice else "leave", str(of["Name"]), "--forget")


def alone(alice, *names):
    """→ the objects by name of channels that alice hosts."""
    return {name: alice.host(name) for name in names}


def in_channels(alice, bob, *names):
    """→ the objects by name of channels that alice hosts and bob is in."""
    paths = {name: alice.host(name) for name in names}
    for name, path in paths.items():
        bob.join(name)
        wait_for(lambda p=path: bob.get(p, CHANNEL, "State") == "live", f"bob to be in {name}")
    return paths


def test_the_list_stays_in_order(world, desktop):
    """What its rows say, and that what is looked at or pointed at stays where it is."""
    live_through(world, desktop, what_a_row_says_chapter, what_is_shown_stays_chapter,
                 nothing_moves_below_a_pointer_chapter)


def test_going_to_a_channel(world, desktop):
    """By a part of its name, by keys, and among many."""
    live_through(world, desktop, go_to_a_channel_chapter, by_the_keys_alone_chapter, many_and_none_chapter)


def test_done_from_a_row(world, desktop):
    """What is done with a channel: read, silenced, left, and hosted no more."""
    live_through(world, desktop, menu_of_a_row_chapter, left_and_removed_chapter, hosting_stopped_and_ended_chapter)


def what_a_row_says_chapter(desktop, alice, bob):
    paths = in_channels(alice, bob, "garden", "lobby")
    alice.host("vault", view_permission="restricted", topic="gold & <b>silver</b>")
    hers, his = desktop.window(alice), desktop.window(bob)
    hers.wait(lambda: rows(hers) == ["garden, hosted here", "lobby, hosted here",
                                     "vault, members only, hosted here, gold & <b>silver</b>"], "her three rows")
    hers.find("label", "gold & <b>silver</b>")
    assert rows(his) == ["garden", "lobby"]
    for text in ("one", "two", "bob: three", "@bob four"):
        alice.send(paths["lobby"], text)
    his.wait(lambda: rows(his)[0] == "lobby, 2 mentions, 4 unread", "what was said to be counted")
    his.find("label", "2 mentions")
    his.find("label", "4 unread")
    alice.send(paths["garden"], "five")
    his.wait(lambda: rows(his)[1] == "garden, 1 unread", "mentions to stand above others")
    # What waits, and why.
    alice.stop_daemon(signal.SIGKILL)
    his.wait(lambda: all("Offline" in row for row in rows(his)), "the state to be said in words")
    bob.send(paths["garden"], "later")
    bob.send(paths["garden"], "later still")
    his.wait(lambda: rows(his)[1] == "garden, 1 unread, Offline, 2 waiting", "what waits to be counted")
    his.find("label", re.compile("Offline.* · 2 waiting"))


def look_elsewhere(window):
    """The pointer leaves the list, so that what it held may move."""
    window.desktop.xdo("mousemove", "--window", window.xid(), "700", "300")


def what_is_shown_stays_chapter(desktop, alice, bob):
    paths = in_channels(alice, bob, "attic", "barn", "cellar", "den")
    his = desktop.window(bob)
    alice.send(paths["barn"], "to be read")
    alice.send(paths["cellar"], "not yet")
    his.wait(lambda: rows(his) == ["barn, 1 unread", "cellar, 1 unread", "attic", "den"], "the unread ones above")
    his.find("label", "barn").click()
    his.wait(lambda: rows(his)[0] == "barn", "it to be read")
    look_elsewhere(his)
    alice.send(paths["attic"], "a newer one")
    his.wait(lambda: rows(his) == ["attic, 1 unread", "barn", "cellar, 1 unread", "den"],
             "what is read to stay above, and others to move")
    # The one that is shown is the same through all of that; it moves once another one is shown.
    assert his.all("label", "to be read")
    his.find("label", "cellar").click()
    his.find("label", "not yet")
    look_elsewhere(his)
    his.wait(lambda: rows(his) == ["attic, 1 unread", "cellar", "barn", "den"], "what is left to go to its place")


def nothing_moves_below_a_pointer_chapter(desktop, alice, bob):
    paths = in_channels(alice, bob, "attic", "barn")
    his = desktop.window(bob)
    his.wait(lambda: rows(his) == ["attic", "barn"], "the rows")
    label = his.find("label", "attic")
    label.click()
    his.find("list", "Messages")  # so the pointer was seen to be there
    x, y, width, height = label.extents()

    def point(step):
        his.desktop.xdo("mousemove", "--window", his.xid(), str(x + step % width), str(y + height // 2))
    alice.send(paths["barn"], "up")
    for step in range(1000):
        point(step)
        if rows(his) == ["attic", "barn, 1 unread"]:
            break
    assert rows(his) == ["attic", "barn, 1 unread"]
    look_elsewhere(his)
    his.wait(lambda: rows(his) == ["barn, 1 unread", "attic"], "it to go up once the pointer is away")


SEARCH = ("entry", "Go to a channel")


def go_to_a_channel_chapter(desktop, alice, _):
    alone(alice, "attic", "barn", "Barn-2", "cellar")
    w = desktop.window(alice)
    w.wait(lambda: len(rows(w)) == 4, "four rows")
    # Of so few none is looked for, unless somebody wants to.
    assert not w.all(*SEARCH)
    w.key("ctrl+k")
    w.find(*SEARCH)
    w.type("ARN")
    w.wait(lambda: [i.name for i in w.find("list", "Channels found").all("list item")] ==
           ["barn, hosted here", "barn-2, hosted here"], "two that have it")
    w.key("Return")
    wait_shown(w, "barn")
    w.gone(*SEARCH)
    # What is typed now is a message.
    w.type("in the barn")
    w.wait(lambda: w.find("text", "Message").text() == "in the barn", "the text")
    w.key("ctrl+k")
    w.find(*SEARCH)
    w.type("arn")
    w.find("list", "Channels found")
    w.key("Down", "Return")
    wait_shown(w, "barn-2")
    # Nothing like it, and what then.
    w.key("ctrl+k")
    w.find(*SEARCH)
    w.type("zzz")
    w.find("label", "No Such Channel of Yours")
    w.key("Return")
    w.find("push button", "Look in the Directory")
    w.key("Escape")
    w.gone(*SEARCH)
    assert shown(w) == "barn-2"
    w.type("back")
    w.wait(lambda: w.find("text", "Message").text() == "back", "the focus to be where it was")


def by_the_keys_alone_chapter(desktop, alice, bob):
    paths = in_channels(alice, bob, "attic", "barn", "cellar", "den")
    w = desktop.window(bob)
    w.wait(lambda: rows(w) == ["attic", "barn", "cellar", "den"], "the rows")
    w.key("alt+Down")
    wait_shown(w, "attic")
    w.key("alt+Down")
    wait_shown(w, "barn")
    w.key("alt+Up", "alt+Up")
    wait_shown(w, "den")
    w.key("ctrl+3")
    wait_shown(w, "cellar")
    w.key("ctrl+9")  # there is none
    alice.send(paths["attic"], "news")
    w.wait(lambda: rows(w)[0] == "attic, 1 unread", "news")
    assert shown(w) == "cellar"
    w.key("alt+shift+Down")
    wait_shown(w, "attic")
    w.wait(lambda: rows(w) == ["attic", "barn", "cellar", "den"], "it to be read")
    w.key("alt+shift+Down")  # nothing is
    w.type("here")
    w.wait(lambda: w.find("text", "Message").text() == "here", "the text")
    assert shown(w) == "attic"
    # Within the list arrows choose, one after the other, and letters look for a name.
    w.key("ctrl+k")
    w.find(*SEARCH)
    w.key("Tab")
    w.gone(*SEARCH)
    w.key("Down")
    wait_shown(w, "barn")
    w.key("Down")
    wait_shown(w, "cellar")
    w.type("de")
    w.wait(lambda: w.find(*SEARCH).text() == "de", "what was typed to be looked for")
    w.key("Return")
    wait_shown(w, "den")


def many_and_none_chapter(desktop, alice, _):
    w = desktop.window(alice)
    w.find("label", "No Channels Yet")
    # One way on each page: beside the list, or in it where nothing is beside it.
    assert len(w.all("push button", "Make a Channel")) == 1
    w.resize(360, 600)
    w.wait(lambda: not w.all("label", "No Channel Selected"), "the list to be alone")
    w.find("push button", "Find a Channel")
    assert len(w.all("push button", "Make a Channel")) == 1
    for i in range(9):
        alice.host(f"room-{i}")
    w.find(*SEARCH)
    w.gone("label", "No Channels Yet")
    w.write("Go to a channel", "m-7")
    w.find("label", "room-7").click()
    w.find("list", "Messages")
    w.press("Back to the channels")
    w.wait(lambda: w.all(*SEARCH) and w.find(*SEARCH).text() == "", "all of them again")
    wait_shown(w, "room-7")


def menu(window, name):
    """Opens that of the channel's row."""
    window.find("list", "Channels").find("label", name).click(button=3)
    window.find("menu item", "Copy the Invite Link")


def state_of(someone, path):
    return someone.objects().get(path, {}).get(CHANNEL, {}).get("State")


def menu_of_a_row_chapter(desktop, alice, bob):
    paths = in_channels(alice, bob, "attic", "barn")
    his = desktop.window(bob)
    his.find("label", "attic").click()
    alice.send(paths["barn"], "one")
    his.wait(lambda: "barn, 1 unread" in rows(his), "something unread")
    # Of the row, not of what is shown.
    menu(his, "barn")
    his.find("menu item", "Mark as Read").press()
    his.wait(lambda: "barn" in rows(his), "it to be read")
    assert shown(his) == "attic"
    assert bob.get(paths["barn"], CHANNEL, "ReadSeq") == bob.get(paths["barn"], CHANNEL, "LastSeq")
    menu(his, "barn")
    assert not his.find("menu item", "Mark as Read").has("sensitive")
    assert his.find("menu item", "Mentions Only").has("checked")
    his.find("menu item", "Nothing").press()
    wait_for(lambda: bob.get(paths["barn"], CHANNEL, "Notify") == "none", "it to be quiet")
    assert bob.get(paths["attic"], CHANNEL, "Notify") == "mentions"
    # By the keys alone: the row that has the focus.
    his.key("ctrl+k")
    his.find(*SEARCH)
    his.key("Tab")
    his.gone(*SEARCH)
    his.key("Down")
    wait_shown(his, "barn")
    his.key("shift+F10")
    his.find("menu item", "Copy the Invite Link")
    his.wait(lambda: his.find("menu item", "Nothing").has("checked"), "what was chosen")
    his.find("menu item", "Copy the Invite Link").press()
    his.find("label", "The link is on the clipboard. It gives no rights by itself.")
    link = bob.call(paths["barn"], CHANNEL, "MakeInvite", "a{sv}", {})
    his.key("ctrl+2")  # where it is pasted
    his.key("ctrl+v")
    his.wait(lambda: his.find("text", "Message").text() == link, "the link to be on the clipboard")


def left_and_removed_chapter(desktop, alice, bob):
    paths = in_channels(alice, bob, "attic", "barn")
    his = desktop.window(bob)
    alice.send(paths["barn"], "to be kept")
    his.wait(lambda: rows(his) == ["barn, 1 unread", "attic"], "both")
    menu(his, "attic")
    his.find("menu item", "Leave…").press()
    his.find("label", re.compile("Leave .*attic.*\\?"))
    his.press("Cancel")
    his.gone("label", re.compile("Leave .*attic.*\\?"))
    menu(his, "attic")
    his.find("menu item", "Leave…").press()
    his.press("Leave and Delete")
    his.wait(lambda: rows(his) == ["barn, 1 unread"], "it to be gone")
    assert state_of(bob, paths["attic"]) is None
    # What is kept can be read, and removed later.
    menu(his, "barn")
    his.find("menu item", "Leave…").press()
    his.press("Leave")
    his.wait(lambda: rows(his) == ["barn, 1 unread, Closed"], "it to be left")
    his.find("label", "barn").click()
    his.find("label", "to be kept")
    menu(his, "barn")
    assert not his.find("menu item", "Copy the Invite Link").has("sensitive")
    his.find("menu item", "Remove…").press()
    his.press("Remove")
    his.find("label", "No Channels Yet")
    assert state_of(bob, paths["barn"]) is None


def hosting_stopped_and_ended_chapter(desktop, alice, _):
    paths = alone(alice, "attic")
    hers = desktop.window(alice)
    menu(hers, "attic")
    hers.find("menu item", "Stop Hosting…").press()
    hers.press("Stop Hosting")
    hers.wait(lambda: rows(hers) == ["attic, Offline"], "it to be away")
    assert HOST not in alice.objects()[paths["attic"]]
    menu(hers, "attic")
    hers.find("menu item", "Host Again").press()
    hers.wait(lambda: rows(hers) == ["attic, hosted here"], "it to be back")
    # What nobody hosts any more can be ended, too.
    path = alice.host("barn")
    alice.ctl("unhost", "barn")
    hers.wait(lambda: "barn, Offline" in rows(hers), "that one to be away")
    menu(hers, "barn")
    hers.find("menu item", "End the Channel…").press()
    hers.press("End the Channel")
    hers.wait(lambda: rows(hers) == ["attic, hosted here"], "it to be gone")
    assert path not in alice.objects()
    menu(hers, "attic")
    hers.find("menu item", "Stop Hosting…").press()
    hers.press("End the Channel")
    hers.find("label", "No Channels Yet")
    assert alice.manager("ListDirectory", "a{sv}", {})[0] == []
