# SPDX-License-Identifier: LGPL-2.1-or-later
"""`p2pchatctl signup` at a terminal: from nothing to an account, with whatever may be typed wrong on the way, and
with an end to it everywhere."""
import json
import os
import re
import subprocess

import pytest

from p2pchat import DEADLINE

CODE = re.compile(r"[0-9a-z]{5}(?:-[0-9a-z]{5}){3}")
PASSWORD = "correct horse battery"


@pytest.fixture
def stage(world):
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    world.start_tracker()
    return world


def pin_of(world):
    return subprocess.run([os.environ["P2PCHAT_TRACKERD"], "--print-pin", "--state-directory=" + world.tracker.state],
                          check=True, text=True, stdout=subprocess.PIPE, timeout=DEADLINE).stdout.strip()


def begin(terminals, peer, *arguments):
    return terminals([os.environ["P2PCHATCTL"], *(arguments or ("signup",))], peer.environment(), columns=100)


def account(peer):
    return json.loads(peer.ctl("status", "--json").stdout)["account"]


def answer(t, question, text, n=1):
    """Types it once the question has been asked n times."""
    t.wait_for(lambda: t.history().count(question.rstrip()) >= n, f"{question!r}, {n} times")
    t.line(text)


def test_from_nothing(stage, terminals):
    alice = stage.peer("alice")
    t = begin(terminals, alice)
    answer(t, "Tracker (HOST or HOST:PORT): ", stage.tracker.address)
    t.wait_for("Type its first 8 digits")
    digits = pin_of(stage).removeprefix("sha256:")
    assert digits in re.sub(r"\s", "", t.screen())
    answer(t, "or yes: ", f"{digits[:4].upper()} {digits[4:8]}")
    answer(t, "Name: ", "alice")
    answer(t, "Password, 8 bytes or more: ", PASSWORD)
    answer(t, "The same again: ", PASSWORD)
    t.wait_for("Written down? Press Enter.")
    code = CODE.search(t.screen())
    assert code and not t.ended()
    t.key("Enter")
    assert t.wait_end() == 0
    assert account(alice)["username"] == "alice" and account(alice)["tracker_pin"] == "sha256:" + digits
    shown = t.raw().decode()
    assert PASSWORD not in shown and shown.count(code.group()) == 1
    # It is the code, and the password is what was typed.
    alice.ctl("signout")
    alice.ctl("signin", "alice", "--password-fd=0", stdin=PASSWORD + "\n")
    alice.ctl("signout")
    alice.ctl("recover", "alice", "--password-fd=0", stdin=f"{code.group()}\nanother horse battery\n")


def test_wrong_answers(stage, terminals):
    """Each is told, and asked for again."""
    bob = stage.people("bob")
    alice = stage.peer("alice")
    t = begin(terminals, alice)
    answer(t, "Tracker (HOST or HOST:PORT): ", "not an address:x")
    answer(t, "Tracker (HOST or HOST:PORT): ", "127.0.0.1:1", 2)  # nobody is there
    answer(t, "Tracker (HOST or HOST:PORT): ", stage.tracker.address, 3)
    digits = pin_of(stage).removeprefix("sha256:")
    wrong = ("0" if digits[0] != "0" else "1") + digits[1:8]
    answer(t, "or yes: ", wrong)
    t.wait_for("That is not this pin")
    answer(t, "or yes: ", digits[:7], 2)  # too few
    answer(t, "or yes: ", digits[:7] + ("0" if digits[7] != "0" else "1"), 3)
    t.wait_for(lambda: t.history().count("That is not this pin") == 3, "the last digit to be seen")
    assert not (account(alice) or {}).get("tracker_pin")
    answer(t, "or yes: ", "no", 4)
    answer(t, "Tracker (HOST or HOST:PORT): ", stage.tracker.address, 4)
    answer(t, "or yes: ", "yes", 5)
    answer(t, "Name: ", "Alice Liddell")
    t.wait_for("A name has 2 to 32")
    answer(t, "Name: ", "bob", 2)
    answer(t, "Password, 8 bytes or more: ", "short")
    answer(t, "The same again: ", "short")
    t.wait_for("That is too short")
    answer(t, "Password, 8 bytes or more: ", PASSWORD, 2)
    answer(t, "The same again: ", PASSWORD + "x", 2)
    t.wait_for("The two passwords differ")
    answer(t, "Password, 8 bytes or more: ", PASSWORD, 3)
    answer(t, "The same again: ", PASSWORD, 3)
    t.wait_for(re.compile("bob.*taken|taken.*bob", re.IGNORECASE | re.DOTALL))
    answer(t, "Name: ", "ALICE", 3)  # the password is still good
    t.wait_for("Written down?")
    t.key("Enter")
    assert t.wait_end() == 0 and account(alice)["username"] == "alice"
    assert "p2pchatctl signup" not in bob.ctl("status").stdout


@pytest.mark.parametrize("where, key", [
    ("Tracker (HOST", "C-c"), ("or yes: ", "C-c"), ("Name: ", "C-c"), ("Password, 8", "C-c"), ("The same again: ", "C-c"),
    ("Tracker (HOST", "C-d"), ("Password, 8", "C-d"), ("Name: ", "Enter")])
def test_stopped(stage, terminals, where, key):
    """Anywhere: in words, and nothing is made."""
    alice = stage.peer("alice")
    t = begin(terminals, alice)
    for question, text in (("Tracker (HOST", stage.tracker.address), ("or yes: ", "yes"), ("Name: ", "alice"),
                           ("Password, 8", PASSWORD)):
        if question == where:
            break
        answer(t, question, text)
    t.wait_for(where.rstrip())
    t.key(key)
    t.wait_for(lambda: "no account was made. To go on: p2pchatctl signup" in t.history(), "to be told")
    assert t.wait_end() == 1
    assert not (account(alice) or {}).get("username")
    assert PASSWORD not in t.raw().decode()
    t = begin(terminals, alice, "status")
    assert t.wait_end() == 0


def test_who_is_there_already(stage, terminals):
    alice = stage.people("alice")
    t = begin(terminals, alice)
    t.wait_for(lambda: "p2pchatctl signout" in t.history(), "to be told what to do")
    assert t.wait_end() == 1


def test_again(stage, terminals):
    """signin asks nobody for a name who is signed in, and says how to be somebody else; an end to guest's question
    is told, and what goes on from there."""
    alice = stage.people("alice")
    t = begin(terminals, alice, "signin")
    t.wait_for("signed in as alice; for another account: p2pchatctl signout")
    t.wait_for(re.compile("[Pp]assword"))
    assert "Name:" not in t.history()
    t.key("C-c")
    t.wait_end()
    t = begin(terminals, alice, "guest")
    answer(t, "Name: ", "/join lobby")
    t.wait_for(lambda: "An empty line ends this" in t.history().replace("\n", " "), "to be told how to leave")
    answer(t, "Name: ", "", 2)
    t.wait_for("To go on: p2pchatctl guest")
    assert t.wait_end() == 1


def test_name_for_others(stage, terminals):
    """signin and guest ask for what is missing, too; where nobody can be asked they say what is."""
    alice = stage.peer("alice")
    for verb in ("signup", "signin", "guest"):
        result = alice.ctl(verb, check=False)
        assert result.returncode == 2 and "NAME" in result.stderr
    t = begin(terminals, alice, "guest")
    answer(t, "Tracker (HOST", stage.tracker.address)
    answer(t, "or yes: ", "yes")
    answer(t, "Name: ", "gus")
    assert t.wait_end() == 0 and account(alice)["username"] == "guest-gus"
    t = begin(terminals, alice, "signup", "gustav")  # a guest becomes a user
    answer(t, "Password, 8", PASSWORD)
    answer(t, "The same again: ", PASSWORD)
    answer(t, "Written down?", "")
    assert t.wait_end() == 0 and account(alice)["username"] == "gustav"
