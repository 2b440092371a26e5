# SPDX-License-Identifier: LGPL-2.1-or-later
"""From nothing to being somebody: a tracker whose pin is compared, then a name."""
import re

from p2pchat import ACCOUNT, MANAGER, PATH


def pin_of(person):
    account = person.get(PATH, MANAGER, "DefaultAccount")
    return person.get(account, ACCOUNT, "TrackerPin")


def choose(window, what):
    window.find("label", "Who Are You?")
    window.press(what)
    window.gone("label", "Who Are You?")


def to_choice(window, world):
    window.write("Address of the tracker", world.tracker.address)
    window.press("Continue")
    window.find("label", "Is This Your Tracker?")
    shown = window.find("label", re.compile("^([0-9a-f]{4}[ \n]){15}[0-9a-f]{4}$")).name
    window.press("It Is the Same")
    window.find("label", "Who Are You?")
    return "sha256:" + re.sub(r"\s", "", shown)


def test_from_nothing_to_somebody(world, desktop):
    """One signs up, loses the password and sets another; somebody else only looks around."""
    world.start_tracker()
    sign_up_out_and_recover_chapter(world, desktop)
    desktop.close()
    guest_chapter(world, desktop)


def sign_up_out_and_recover_chapter(world, desktop):
    alice = world.peer("alice")
    w = desktop.window(alice)
    assert to_choice(w, world) == pin_of(alice)
    choose(w, "Sign Up")
    w.write("Name", "alice")
    w.write("Password", "alice1234")
    w.find("label", re.compile("^Weak"))
    w.write("Password", "correct horse battery")
    w.find("label", "Strong.")
    w.write("Password again", "correct horse")
    w.find("label", "The two passwords differ.")
    w.write("Password again", "correct horse battery")
    w.find("push button", "Sign Up").press()
    w.find("label", "Your Recovery Code")
    code = w.find("label", re.compile("^[0-9A-Za-z]{4,}(-[0-9A-Za-z]+)+$")).name
    # Nothing goes on before it is noted.
    assert not w.find("push button", "Continue").has("sensitive")
    w.press("I wrote it down")
    w.press("Continue")
    w.find("label", "No Channel Selected")
    assert alice.ctl("--json=short", "tracker").stdout.count("alice") >= 1

    alice.ctl("signout")
    choose(w, "I Lost My Password")
    w.write("Name", "alice")
    w.write("Recovery code", "0000-" + code)
    w.write("Password", "another horse battery")
    w.write("Password again", "another horse battery")
    w.press("Set the Password")
    w.find("label", re.compile("the recovery code helps.$"))
    w.write("Recovery code", code)
    w.press("Set the Password")
    w.find("label", "Your Recovery Code")
    assert not w.all("label", code)
    w.press("I wrote it down")
    w.press("Continue")
    w.find("label", "No Channel Selected")
    alice.ctl("signout")
    choose(w, "Sign In")
    w.write("Name", "alice")
    w.write("Password", "correct horse battery")
    w.find("push button", "Sign In").press()
    w.find("label", re.compile("Try again"))
    w.write("Password", "another horse battery")
    w.find("push button", "Sign In").press()
    w.find("label", "No Channel Selected")


def guest_chapter(world, desktop):
    w = desktop.window(world.peer("bob"))
    to_choice(w, world)
    choose(w, "Look Around as a Guest")
    w.write("Name", "bob")
    w.press("Continue as a Guest")
    w.find("label", "guest-bob")
    # Who has no account has nothing of it to change.
    w.key("ctrl+comma")
    w.press("Account", ("radio button", "toggle button", "push button", "page tab"))
    w.find("label", "Guest")
    assert not w.all("push button", "Change the Password") and not w.all("push button", "Delete the Account")
