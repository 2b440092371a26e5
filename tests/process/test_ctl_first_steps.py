# SPDX-License-Identifier: LGPL-2.1-or-later
"""A person who knows nothing: what `p2pchatctl` says to do next is there, and leads to a message that somebody else
reads; what is done before its time says the next command."""
import os
import re
import subprocess

import pytest

from p2pchat import DEADLINE, wait_for

PASSWORD = "correct horse battery\n"


@pytest.fixture(scope="module")
def verbs():
    shown = subprocess.run([os.environ["P2PCHATCTL"], "--help"], check=True, capture_output=True, text=True, timeout=DEADLINE)
    return set(re.findall(r"^  ([a-z][a-z-]*) ", shown.stdout, re.MULTILINE))


def named(text, verbs):
    """The commands that a text tells to give; each is there."""
    found = re.findall(r"p2pchatctl ([a-z][a-z-]*)", " ".join(text.split()))
    assert found and set(found) <= verbs, text
    return found


def next_of(peer, verbs):
    """What p2pchatctl without anything says to do."""
    (line,) = re.findall(r"^Next: .*$", peer.ctl().stdout, re.MULTILINE)
    return named(line, verbs)


def test_next(world, verbs):
    tracker = world.start_tracker()
    alice, bob = world.peer("alice"), world.peer("bob")
    commands = 0

    def give(peer, *words, stdin=""):
        nonlocal commands
        commands += 1
        return peer.ctl(*words, stdin=stdin)
    assert next_of(alice, verbs) == ["tracker"]
    give(alice, "tracker", tracker.address, "--trust-new")
    assert next_of(alice, verbs) == ["signup", "signin", "guest"]
    give(alice, "signup", "alice", "--password-fd=0", stdin=PASSWORD)
    assert next_of(alice, verbs) == ["list", "join", "host"]
    give(alice, "host", "lobby")
    give(alice, "send", "lobby", "hello", "bob")
    assert commands <= 5 and "Next: " not in alice.ctl().stdout
    commands = 0
    give(bob, "tracker", tracker.address, "--trust-new")
    give(bob, "signup", "bob", "--password-fd=0", stdin=PASSWORD)
    give(bob, "join", "lobby")
    wait_for(lambda: "hello bob" in bob.ctl("log", "lobby").stdout, "bob to read it")
    assert commands + 1 <= 5


def test_before_its_time(world, verbs):
    tracker = world.start_tracker()
    eve = world.peer("eve")

    def wrong(*words, stdin=""):
        result = eve.ctl(*words, stdin=stdin, check=False)
        assert result.returncode != 0 and not result.stdout, words
        return named(result.stderr, verbs)
    for words in (["host", "den"], ["join", "den"]):
        assert wrong(*words)[0] == "tracker", words
    for words in (["host", "den"], ["join", "den"], ["list"], ["guest", "eve"], ["whoami"], ["signout"],
                  ["signup", "eve", "--password-fd=0"], ["signin", "eve", "--password-fd=0"]):
        wrong(*words, stdin=PASSWORD)
    wrong("send", "den", "hello")
    wrong("tracker")
    wrong("tracker", tracker.address)
    wrong("tracker", tracker.address, "--pin=sha256:" + "0" * 64)
    eve.ctl("tracker", tracker.address, "--trust-new")
    for words in (["host", "den"], ["join", "den"]):
        assert {"signup", "signin"} & set(wrong(*words)), words
    eve.ctl("signup", "eve", "--password-fd=0", stdin=PASSWORD)
    wrong("send", "no-such", "hello")
    wrong("log", "no-such")
    wrong("join", "no-such")
    wrong("recover", "eve", "--password-fd=0", stdin="00000-00000-00000-00000\nanother horse battery\n")
    # Others are there already.
    bob = world.people("bob")
    bob.host("bobs")
    assert "join" in wrong("host", "bobs")
    assert "signout" in wrong("signup", "bob", "--password-fd=0", stdin=PASSWORD)
    eve.ctl("join", "bobs")
    for words in (["kick", "bobs", "bob"], ["view", "bobs", "restricted"], ["topic", "bobs", "mine"]):
        assert "access" in wrong(*words), words
    wrong("redact", "bobs", "4711")
    eve.ctl("signout")
    assert set(wrong("signup", "bob", "--password-fd=0", stdin=PASSWORD)) == {"signup", "signin"}
    assert "signup" in wrong("signup", "walter", "--password-fd=0", stdin="short\n")
    assert set(wrong("signin", "bob", "--password-fd=0", stdin="not the password\n")) == {"signin", "recover"}
    wrong("send", "bobs", "hello")
    world.tracker.stop()
    wrong("signup", "walter", "--password-fd=0", stdin=PASSWORD)
