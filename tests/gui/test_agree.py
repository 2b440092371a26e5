# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several windows and p2pchatctl at once are of one mind; and what is shown can be read, named and reached."""
import os
import re
import shutil
import signal

from p2pchat import ACCOUNT, CHANNEL, wait_for

CONTROLS = ("push button", "toggle button", "text", "password text", "entry", "check box", "combo box", "spin button",
            "list", "radio button")
# Texts that go the other way, are wide, or have no place to be broken.
SCRIPTS = ["שלום, מה שלומך היום? 123", "مرحبا بالجميع في هذه القناة", "你好，这是一条很长的消息，" * 8, "👩‍👩‍👧‍👦 👍🏽 🇩🇪", "x" * 400,
           "mixed שלום and https://example.org/" + "path/" * 40]


def test_all_are_of_one_mind(lobby, desktop):
    """Two windows and p2pchatctl, while the host, then the tracker, goes and comes, also as another one; and
    whatever is written, and whatever can be pressed, can be seen and named."""
    alice, bob, path = lobby
    world = alice.world
    outbox_and_reading_chapter(desktop, alice, bob, path)
    desktop.close()
    tracker_away_and_back_chapter(desktop, alice, bob, path)
    desktop.close()
    scripts_in_a_narrow_window_chapter(desktop, alice, bob, path)
    desktop.close()
    every_control_has_a_name_chapter(world, desktop, alice)
    desktop.close()
    another_pin_chapter(world, desktop, alice)


def outbox_and_reading_chapter(desktop, alice, bob, path):
    one = desktop.window(bob)
    one.find("label", "lobby").click()
    one.key("ctrl+n")
    one.wait(lambda: len(one.application.children()) == 2, "two windows")
    second = one.application.children()[1]
    second.find("label", "lobby").click(n=1)
    second.find("list", "Messages")
    alice.stop_daemon(signal.SIGKILL)
    wait_for(lambda: bob.get(path, CHANNEL, "State") != "live", "bob to be offline")
    bob.ctl("send", "lobby", "by the command line")
    frames = one.application.children()
    for frame in frames:
        frame.find("label", "by the command line")
    frames[1].find("push button", "Do Not Send").press()
    for frame in frames:
        one.wait(lambda f=frame: not f.all("label", "by the command line"), "it to go")
    assert bob.get(path, CHANNEL, "OutboxCount") == 0
    bob.ctl("send", "lobby", "this goes out")
    alice.start_daemon()
    wait_for(lambda: alice.texts(path) == ["this goes out"], "it to be sent")
    for frame in frames:
        one.wait(lambda f=frame: not f.all("label", "Waiting to be sent"), "nothing to wait")
        assert len(frame.all("label", "this goes out")) == 1
    # With a menu open, and with something on its way, a window may be closed; the other goes on.
    frames[1].find("label", "this goes out").click(button=3, n=1)
    frames[1].find("menu item", "Copy the Text")
    one.desktop.xdo("key", "Escape")
    one.key("ctrl+w", n=1)
    one.wait(lambda: len(one.application.children()) == 1, "one window to be left")
    alice.send(path, "and so does this")
    one.find("label", "and so does this")


def tracker_away_and_back_chapter(desktop, alice, bob, path):
    """It is said, and mended by itself; what is there goes on meanwhile."""
    account = next(p for p, o in bob.objects().items() if ACCOUNT in o)
    w = desktop.window(bob)
    w.find("label", "lobby").click()
    bob.world.tracker.stop(signal.SIGKILL)
    wait_for(lambda: bob.get(account, ACCOUNT, "TrackerState") != "online", "the tracker to be missed")
    w.find("label", re.compile(re.escape(bob.get(account, ACCOUNT, "TrackerReason")[:30])))
    alice.send(path, "still here")
    w.find("label", "still here")
    bob.world.tracker.start()
    wait_for(lambda: bob.get(account, ACCOUNT, "TrackerState") == "online", "the tracker to be back")
    w.wait(lambda: not any("racker" in n.name for n in w.all("label")), "the banner to go")


def scripts_in_a_narrow_window_chapter(desktop, alice, bob, path):
    for text in SCRIPTS:
        alice.send(path, text, wait="stored")
    w = desktop.window(bob)
    w.find("label", "lobby").click()
    w.find("list", "Messages")
    w.resize(360, 900)
    w.find("push button", "Back to the channels")
    for text in SCRIPTS:
        label = w.find("list", "Messages").find("label", text)

        def fits(node=label):
            x, _, width, _ = node.extents()
            return 0 <= x and x + width <= 362
        w.wait(fits, f"“{text[:20]}” to be within the window")


def nameless(window):
    return [f"{n.role} “{n.name}” in {n.window.person.name}" for n in window.all(CONTROLS)
            if n.has("focusable") and (not n.name or n.name.startswith("Gtk") or n.name.startswith("Adw"))]


def every_control_has_a_name_chapter(world, desktop, alice):
    """Whoever cannot see goes by them."""
    dave = world.peer("dave")
    w = desktop.window(dave)
    w.find(("text", "entry"))
    assert not nameless(w)
    w = desktop.window(alice)
    w.find("label", "lobby").click()
    w.key("F9")
    w.find("list", "People")
    assert not nameless(w)
    w.key("ctrl+f")
    w.find(("text", "entry"), "Search this channel")
    assert not nameless(w)
    w.key("ctrl+d")
    w.find(("text", "entry"), "Search the directory")
    assert not nameless(w)
    w.key("ctrl+shift+n")
    w.find(("text", "entry"), "Name of the channel")
    # The lists of a row that opens are its own.
    assert not [n for n in nameless(w) if not n.startswith("list ")]


def another_pin_chapter(world, desktop, alice):
    """It is said, nothing is believed by itself, and comparing goes from there and back."""
    account = next(p for p, o in alice.objects().items() if ACCOUNT in o)
    pin = alice.get(account, ACCOUNT, "TrackerPin")
    w = desktop.window(alice)
    w.find("label", "No Channel Selected")
    world.tracker.stop()
    os.rename(world.tracker.state, world.tracker.state + ".old")
    os.mkdir(world.tracker.state, 0o700)
    world.tracker.start()
    wait_for(lambda: alice.get(account, ACCOUNT, "TrackerState") == "mismatch", "the pin to be seen", 60)
    w.press("Compare the Pin…")
    w.find("label", re.compile(alice.get(account, ACCOUNT, "TrackerOfferedPin")[-4:] + "$"))
    assert alice.get(account, ACCOUNT, "TrackerPin") == pin
    digits = "The last 8 digits, as the operator told you"
    w.write(digits, "00000000")
    w.press("Trust the New Pin")
    w.find("label", re.compile("^These are not the last 8 digits of the new pin"))
    # What becomes of the account meanwhile does not end it, nor does a tracker that is gone change the pin.
    offered = alice.get(account, ACCOUNT, "TrackerOfferedPin")
    world.tracker.stop()
    wait_for(lambda: alice.get(account, ACCOUNT, "TrackerState") != "mismatch", "another state", 60)
    w.write(digits, offered[-8:])
    w.press("Trust the New Pin")
    w.find("label", "Welcome to p2pchat")
    assert alice.get(account, ACCOUNT, "TrackerPin") == pin
    w.press("Back")
    w.find("label", "No Channel Selected")
    # The old one is back.
    shutil.rmtree(world.tracker.state)
    os.rename(world.tracker.state + ".old", world.tracker.state)
    world.tracker.start()
    w.gone("push button", "Compare the Pin…")
    assert alice.get(account, ACCOUNT, "TrackerPin") == pin
