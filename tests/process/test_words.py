# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person is told where something does not go on by itself: each says what can be done next, and
what it says works."""
import re

from p2pchat import CHANNEL, wait_for


def words(peer, *arguments, stdin=""):
    result = peer.ctl(*arguments, stdin=stdin, check=False)
    assert result.returncode != 0, result.stdout
    return result.stderr


def test_pin(world):
    tracker, alice = world.start_tracker(), world.peer("alice")
    told = words(alice, "tracker", tracker.address)
    pin = re.search("sha256:[0-9a-f]{64}", told)[0]
    assert "p2pchatctl tracker ADDRESS --pin=PIN" in told
    told = words(alice, "signup", "alice", "--password-fd=0", stdin="correct horse alice\n")
    assert pin in told and "p2pchatctl tracker ADDRESS --pin=PIN" in told
    alice.ctl("tracker", tracker.address, "--pin=" + pin)
    alice.ctl("signup", "alice", "--password-fd=0", stdin="correct horse alice\n")
    told = words(alice, "signup", "bob", "--password-fd=0", stdin="correct horse alice\n")
    assert "(p2pchatctl signout)" in told
    alice.ctl("signout")
    for verb in ["devices"], ["signout"], ["join", "lobby"], ["host", "lobby"]:
        assert "p2pchatctl signin NAME" in words(alice, *verb), verb


def test_states(world):
    alice, bob = world.people("alice", "bob")
    lobby = alice.host("lobby")
    bob.join("lobby")
    wait_for(lambda: bob.get(lobby, CHANNEL, "State") == "live", "bob to be live")
    alice.ctl("view", "lobby", "restricted")
    wait_for(lambda: "ask alice to authorize you" in bob.ctl("status").stdout, "bob to be told why")
    alice.ctl("view", "lobby", "public")
    bob.ctl("join", "lobby")
    alice.ctl("unhost", "lobby")
    assert "p2pchatctl host NAME" in alice.ctl("status").stdout
    alice.stop_daemon()
    wait_for(lambda: bob.get(lobby, CHANNEL, "State") == "offline", "bob to be alone")
    bob.send(lobby, "waits")
    shown = bob.ctl("status").stdout
    assert "; 1 message waits in the outbox" in shown and "goes out by itself" in shown
    bob.ctl("leave", "lobby")
    assert "p2pchatctl join NAME" in bob.ctl("status").stdout


def test_long_names_have_room(world):
    """What is to be done next stands at the end of a sentence, behind up to three names."""
    alice = world.people("alice")
    name = "a" * 32
    alice.host(name)
    other = world.peer("other")
    other.trust()
    other.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    assert words(other, "host", name).endswith(f"p2pchatctl host --new-log {name} begins a new one.\n")


def test_another_device(world):
    alice = world.people("alice")
    lobby = alice.host("lobby")
    other = world.peer("other")
    other.trust()
    other.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    other.join("lobby")
    wait_for(lambda: other.get(lobby, CHANNEL, "State") == "live", "the other to be live")
    assert "p2pchatctl host --take-over lobby" in words(other, "host", "lobby")
    other.ctl("host", "--take-over", "lobby")
    other.send(lobby, "from here", wait="stored")
    wait_for(lambda: alice.texts(lobby) == ["from here"], "the first to be a member")
