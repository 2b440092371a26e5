# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window in German, and mirrored for who reads from right to left. C.UTF-8 is a locale that every machine has, and
LANGUAGE says which texts are wanted of it; GTK takes its direction from a text of its own catalogue."""
import os
import pathlib
import re
import subprocess

import pytest

from p2pchat import CHANNEL, wait_for

PO = pathlib.Path(__file__).parents[2] / "po"
MIRRORED = '''msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "default:LTR"
msgstr "default:RTL"
'''
TIME = re.compile(r"^\d\d:\d\d$")
NARROW = 360


def catalogue(po, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["msgfmt", "-o", file, po], check=True)


@pytest.fixture
def languages(tmp_path, desktop, monkeypatch):
    """→ what a window gets to speak German, and to be mirrored (Hebrew is, and has no texts of ours)."""
    monkeypatch.setenv("P2PCHAT_GUI", os.environ["P2PCHAT_GUI_TRANSLATED"])
    catalogue(PO / "de.po", tmp_path / "de/LC_MESSAGES/p2pchat.mo")
    (tmp_path / "he.po").write_text(MIRRORED, encoding="utf-8")
    catalogue(tmp_path / "he.po", tmp_path / "he/LC_MESSAGES/gtk40.mo")
    german = {"LC_ALL": "C.UTF-8", "LANGUAGE": "de", "TEXTDOMAINDIR": str(tmp_path)}
    return german, {**german, "LANGUAGE": "he:de"}


def narrow(window):
    window.resize(NARROW, 640)
    window.wait(lambda: 0 < window.find("frame").extents()[2] <= NARROW, "the window to be narrow", 20)


def shot(window, name):
    where = os.environ.get("P2PCHAT_SHOTS")
    if where:
        os.makedirs(where, exist_ok=True)
        window.shot(os.path.join(where, name + ".png"))


def say(window, text):
    window.write("Nachricht", text)
    window.press("Senden")
    return window.find("label", text)


def test_german(world, desktop, languages):
    german, _ = languages
    world.start_tracker()
    bob = world.people("bob")
    bob.host("lobby", topic="Tee und Kuchen")
    alice = world.peer("alice")
    w = desktop.window(alice, env=german)
    w.find("label", "Willkommen bei p2pchat")
    w.write("Adresse des Trackers", world.tracker.address)
    w.press("Weiter")
    w.find("label", "Ist das Ihr Tracker?")
    w.press("Sie ist gleich")
    w.find("label", "Wer sind Sie?")
    w.press("Konto anlegen")
    w.gone("label", "Wer sind Sie?")
    w.write("Name", "alice")
    w.write("Passwort", "alice1234")
    w.find("label", re.compile("^Schwach: "))
    shot(w, "german-sign-up")
    narrow(w)
    shot(w, "german-sign-up-narrow")
    w.write("Passwort", "richtig Pferd Batterie Heftklammer")
    w.write("Passwort noch einmal", "richtig Pferd Batterie Heftklammer")
    w.find("push button", "Konto anlegen").press()
    w.find("label", "Ihr Ersatzcode")
    w.press("Ich habe ihn aufgeschrieben")
    w.press("Weiter")
    w.resize(1000, 700)
    w.find("label", "Kein Kanal ausgewählt")

    alice.join("lobby")
    w.find(name="lobby").click()
    w.find("list", "Nachrichten")
    say(w, "Guten Morgen")
    w.find("label", "Heute")
    w.find("label", re.compile("bob.? hat den Kanal gegründet$"))
    w.find("label", TIME)
    w.press("Details des Kanals")
    w.find("label", re.compile(r"^Besitzer: .?bob.?\. Host: .?bob.?\.$"))
    # One who is there, and two: each has its form.
    w.find("label", re.compile("^Personen — 2 da$"))
    shot(w, "german")
    w.press("Details des Kanals")
    w.gone("label", re.compile("^Personen"))
    narrow(w)
    shot(w, "german-narrow")


def right_of(one, other):
    """Whether all of one is."""
    x, _, width, _ = other.place()
    return one.place()[0] >= x + width


def test_mirrored(world, desktop, languages):
    _, mirrored = languages
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    path = alice.host("lobby", topic="שלום לכולם")
    bob.join("lobby")
    wait_for(lambda: bob.get(path, CHANNEL, "State") == "live", "bob to be live")
    w = desktop.window(bob, env=mirrored)
    w.find(name="lobby").click()
    messages = w.find("list", "Nachrichten")
    alice.send(path, "שלום bob, das war (gestern) um 12:30!")
    theirs = messages.find("label", "שלום bob, das war (gestern) um 12:30!")
    mine = say(w, "Guten Morgen")
    # What stands beside each other is the other way round …
    assert right_of(w.find("list", "Kanäle"), messages)
    assert right_of(w.find("text", "Nachricht"), w.find("push button", "Senden"))
    assert right_of(w.find("push button", "Hauptmenü"), w.find(name="Details des Kanals"))
    sender = messages.find("label", "alice")
    time = messages.find("label", TIME)
    assert right_of(sender, time)
    # … and begins at the right.
    for label in (theirs, mine, sender):
        x, _, width, _ = label.place()
        left, _, whole, _ = messages.place()
        assert left + whole - (x + width) < 80, (label.name, label.place(), messages.place())
    shot(w, "mirrored")
    w.press("Details des Kanals")
    details = w.find("label", re.compile("^Personen — 2 da$"))
    w.wait(lambda: right_of(messages, details), "the details to be at the left")
    shot(w, "mirrored-details")
    w.press("Details des Kanals")
    w.gone("label", re.compile("^Personen"))
    narrow(w)
    shot(w, "mirrored-narrow")
