# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of one's channels: what a row says, and that what is looked at does not move away."""
import re
import signal

from p2pchat import CHANNEL, wait_for


def rows(window):
    """→ what each row says as a whole, from the first to the last, without what isolates directions."""
    return [re.sub("[\u2068\u2069]", "", row.name) for row in window.find("list", "Channels").all("list item")]


def in_channels(world, *names):
    """→ alice, who hosts channels of these names, and bob, who is in them; and their objects by name."""
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    paths = {name: alice.host(name) for name in names}
    for name, path in paths.items():
        bob.join(name)
        wait_for(lambda p=path: bob.get(p, CHANNEL, "State") == "live", f"bob to be in {name}")
    return alice, bob, paths


def test_what_a_row_says(world, desktop):
    alice, bob, paths = in_channels(world, "garden", "lobby")
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


def test_what_is_shown_stays(world, desktop):
    alice, bob, paths = in_channels(world, "attic", "barn", "cellar", "den")
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


def test_nothing_moves_below_a_pointer(world, desktop):
    alice, bob, paths = in_channels(world, "attic", "barn")
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
