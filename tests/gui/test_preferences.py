# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person sets: of what the desktop tells, which devices are signed in, the password; and the keys."""
import re

from p2pchat import ACCOUNT, CHANNEL, MANAGER, PATH, wait_for

PASSWORD = "purple lantern 92 river"


def test_what_a_person_sets(world, desktop):
    """Of what the desktop tells, who is signed in, and by which password; and all of it by the keys."""
    world.start_tracker()
    alice = world.people("alice")
    path = alice.host("lobby")
    notifications_chapter(desktop, alice, path)
    desktop.close()
    password_and_devices_chapter(world, desktop, alice)
    desktop.close()
    pin_chapter(desktop, alice)
    desktop.close()
    keys_chapter(desktop, alice)
    desktop.close()
    deletion_chapter(desktop, alice)


def account_page(desktop, person):
    """→ their window, with that page of the preferences."""
    w = desktop.window(person)
    w.find("label", "No Channel Selected")
    w.key("ctrl+comma")
    w.press("Account", ("radio button", "toggle button", "push button", "page tab"))
    w.find("label", "This device")
    return w


def notifications_chapter(desktop, alice, path):
    w = desktop.window(alice)
    w.find("label", "lobby")
    w.key("ctrl+comma")
    row = w.find("list", "What the Desktop Tells You").find("combo box", "lobby")
    assert row.find("label", "What speaks to me")
    # By the keys alone: to the row, its list, the one after, and that one.
    w.wait(lambda: row.has("focused") or w.key("Tab", n=1), "the row to have the focus")
    w.key("Return", n=1)
    row.find("label", "Nothing")
    for word in ("What speaks to me", "Nothing"):
        desktop.xdo("key", "Down")
        w.wait(lambda word=word: any(i.has("focused") and i.all("label", word) for i in row.all("list item")), word)
    desktop.xdo("key", "Return")
    wait_for(lambda: alice.get(path, CHANNEL, "Notify") == "none", "nothing to be told")
    # What is set elsewhere is seen here.
    alice.ctl("notify", "lobby", "all")
    row.find("label", "All messages")
    # A channel that comes is there, one that is left goes.
    alice.host("attic")
    listed = w.find("list", "What the Desktop Tells You")
    assert listed.find("combo box", "attic").find("label", "What speaks to me")
    alice.ctl("unhost", "attic", "--forget")
    w.wait(lambda: not listed.all("combo box", "attic"), "it to go")


def password_and_devices_chapter(world, desktop, alice):
    account = alice.trust()
    other = world.peer("other")
    other.trust()
    other.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    w = account_page(desktop, alice)
    key = next(d[0] for d in alice.call(account, ACCOUNT, "ListDevices", "a{sv}", {}) if not d[3].get("this"))[:8]
    w.press("Sign out device " + key)
    w.press("Really sign out device " + key)
    w.wait(lambda: len(alice.call(account, ACCOUNT, "ListDevices", "a{sv}", {})) == 1, "the other to be signed out")
    w.find("text", "Present password").write("correct horse alice")
    w.find("text", "New password").write("short")
    w.find("text", "New password again").write("short")
    assert not w.find("push button", "Change the Password").has("sensitive")
    for name in ("New password", "New password again"):
        w.find("text", name).write("battery staple 47 alice")
    w.find("push button", "Change the Password").press()
    w.find("label", "The password is another one now.")
    other.manager("SignIn", "ssa{sv}", "alice", "battery staple 47 alice", {})
    # Once more, and the other one stays.
    w.find("text", "Present password").write("battery staple 47 alice")
    for name in ("New password", "New password again"):
        w.find("text", name).write(PASSWORD)
    keep = w.find("check box", "Keep other devices signed in")
    keep.press()
    w.wait(lambda: keep.has("checked"), "it to be chosen")
    w.find("push button", "Change the Password").press()
    w.wait(lambda: w.find("text", "Present password").text() == "", "the password to be another one")
    assert len(alice.call(account, ACCOUNT, "ListDevices", "a{sv}", {})) == 2
    assert other.ctl("whoami").stdout == "alice\n"


def pin_chapter(desktop, alice):
    """It can be copied by who compares it elsewhere, and that is said."""
    w = account_page(desktop, alice)
    w.press(re.compile("^Copy"))
    w.find("label", "The pin is on the clipboard.")


def deletion_chapter(desktop, alice):
    """The account goes for ever, once that was asked for twice, with the password."""
    w = account_page(desktop, alice)
    assert not w.find("push button", "Delete the Account").has("sensitive")
    w.find("text", "Password, once more").write(PASSWORD)
    w.press("Delete the Account")
    w.press("Delete It for Ever")
    w.find("label", "Who Are You?")
    assert not any(CHANNEL in o for o in alice.objects().values())


def keys_chapter(desktop, alice):
    """Keys of the window do what it says of them. Those of the list of channels are pressed in test_sidebar.py, those of
    a message and of what is written in test_search.py, test_long.py and test_talk.py."""
    w = desktop.window(alice)
    w.find("label", "lobby").click()
    w.key("ctrl+question")
    w.find("label", "Show these shortcuts")
    w.key("Escape", n=-1)
    w.gone("label", "Show these shortcuts")
    for key, what in (("ctrl+f", ("label", "Search This Channel")), ("F9", ("list", "People")),
                      ("ctrl+j", ("label", "Join a Channel"))):
        w.key(key)
        w.find(*what)
    w.find("push button", "Cancel").press()
    w.gone("label", "Join a Channel")
    w.key("ctrl+d")
    w.find(("text", "entry"), "Search the directory")
    w.key("ctrl+shift+n")
    w.find(("text", "entry"), "Name of the channel")
    w.find("push button", "Cancel").press()
    w.gone(("text", "entry"), "Name of the channel")
    w.key("ctrl+o")
    w.find("label", "Nothing Waits")
    w.key("Escape")
    w.key("F10")
    w.find("menu item", "Sign Out…")
    w.key("Escape")
    w.gone("menu item", "Sign Out…")
    w.key("ctrl+n")
    w.wait(lambda: len(w.application.children()) == 2, "two windows")
    w.key("ctrl+w", n=1)
    w.wait(lambda: len(w.application.children()) == 1, "one window to be left")
    w.key("ctrl+q")
    wait_for(lambda: not w.process.alive(), "it to end")
