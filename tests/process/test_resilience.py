# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad luck and bad company: daemons that die between two steps, hosts that never come to the point, and
what is left of it for people to see."""
import json
import os
import signal
import subprocess
import uuid

import dbus
import pytest

from models import ModelHost
from outsider import Connection, pin_of, sign_up
from p2pchat import ACCOUNT, CHANNEL, ERROR, HOST, MANAGER, PATH, refused, wait_for


def account_state(peer):
    return peer.get(peer.get(PATH, MANAGER, "DefaultAccount"), ACCOUNT, "TrackerState")


def names(peer):
    return {i[CHANNEL]["Name"] for i in peer.objects().values() if CHANNEL in i}


@pytest.fixture
def trap(world):
    """A peer, bob, and a model host of carol's that he has not joined yet."""
    world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n")
    tracker = world.start_tracker()
    bob = world.people("bob")
    with Connection(tracker.address, hello=False) as c:
        carol = sign_up(tracker.address, "carol", pin_of(c.chain[1]))
    with ModelHost(tracker, carol, "trap") as host:
        yield bob, host


def test_tracker_is_settled(world):
    """SetTracker is answered when people can see what came of it, each time."""
    world.start_tracker()
    alice = world.peer("alice")
    for _ in range(3):
        alice.trust()
        assert account_state(alice) == "online"
    assert alice.ctl("tracker", world.tracker.address).stdout.startswith(f"{world.tracker.address} (online)\n")


def test_killed_while_asking_for_a_name(world):
    """What was asked for and never granted is no channel, and leaves the name to whom it belongs."""
    alice, bob = world.people("alice", "bob")
    alice.host("taken")
    os.kill(world.tracker.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(dbus.DBusException):
            bob.manager("Host", "sa{sv}", "taken", {}, timeout=0.3)
        bob.stop_daemon(signal.SIGKILL)
    finally:
        os.kill(world.tracker.process.pid, signal.SIGCONT)
    bob.start_daemon()
    wait_for(lambda: account_state(bob) == "online", "bob to be online")
    taken = wait_for(lambda: names(bob) == set() and bob.join("taken"), "bob to be in alice's channel")
    assert bob.get(taken, CHANNEL, "Owner") == "alice" and names(bob) == {"taken"}


def test_what_is_ours_is_no_copy(world):
    """Joining what one owns and nobody hosts does not make it something that leaving may destroy."""
    alice = world.people("alice")
    own = alice.host("own")
    alice.send(own, "all there is", wait="stored")
    alice.call(own, HOST, "Unhost", "a{sv}", {})
    assert refused(alice.join, "own")[0] == ERROR + "Conflict"
    assert refused(alice.call, own, CHANNEL, "Leave", "a{sv}", {"forget": True})[0] == ERROR + "Conflict"
    assert alice.host("own") == own
    assert alice.texts(own) == ["all there is"]
    # Nor is it ended while it is hosted, or by who is in it; but by who owns it and hosts it no more.
    assert refused(alice.call, own, CHANNEL, "Leave", "a{sv}", {"end": True})[0] == ERROR + "Conflict"
    bob = world.people("bob")
    bob.join("own")
    assert refused(bob.call, own, CHANNEL, "Leave", "a{sv}", {"end": True})[0] == ERROR + "Conflict"
    alice.call(own, HOST, "Unhost", "a{sv}", {})
    alice.call(own, CHANNEL, "Leave", "a{sv}", {"end": True})
    assert own not in alice.objects()
    wait_for(lambda: alice.manager("ListDirectory", "a{sv}", {})[0] == [], "its name to be free")


def test_faults_without_an_end(trap):
    """A host that is fine at each CONNECT and faulty after it gets no second chance for ever."""
    bob, host = trap
    path = bob.join("trap")
    wait_for(lambda: bob.get(path, CHANNEL, "State") == "live", "bob to be live")
    hole = {**host.entries[-1], "seq": 9, "id": str(uuid.uuid4())}

    def on_connect(c, f):
        host.ok(c, f, host.state())
        host.push(c, "MESSAGE", entries=[hole])
    host.hooks["CONNECT"] = on_connect
    host.do(lambda c: host.push(c, "MESSAGE", entries=[hole]))
    wait_for(lambda: bob.get(path, CHANNEL, "State") == "diverged", "bob to have seen enough")
    assert len(host.asked("CONNECT")) <= 3


@pytest.mark.parametrize("answer", ("busy", "internal", "nothing useful", "no role"))
def test_join_is_answered(trap, answer):
    """A host that is there and does not take one in is one that is away: joined, and offline."""
    bob, host = trap

    def on_connect(c, f):
        if answer in ("busy", "internal"):
            host.fail(c, f, "SERVER_ERROR", answer)
        else:
            host.ok(c, f, {} if answer == "nothing useful" else host.state(role="emperor"))
    host.hooks["CONNECT"] = on_connect
    path = bob.join("trap")
    assert bob.get(path, CHANNEL, "State") in ("offline", "connecting")
    bob.send(path, "for later")
    del host.hooks["CONNECT"]
    bob.call(path, CHANNEL, "Connect", "a{sv}", {})
    wait_for(lambda: bob.texts(path) == ["for later"], "the text to have got there")


def test_join_then_log(world):
    """Who joins and looks at once is shown what was said, or told that it is on its way."""
    alice, bob = world.people("alice", "bob")
    lobby = alice.host("lobby")
    for i in range(5):
        alice.send(lobby, f"said {i}", wait="stored")
    bob.ctl("join", "lobby")
    said = bob.ctl("log", "lobby", "-o", "json")
    texts = [json.loads(line).get("message_content") for line in said.stdout.splitlines()]
    assert texts[-5:] == [f"said {i}" for i in range(5)] or "not here yet" in said.stderr, said


def test_a_copy_that_is_behind_says_so(trap):
    bob, host = trap
    host.hooks["CONNECT"] = lambda c, f: host.ok(c, f, host.state(last_seq=3))
    bob.ctl("join", "trap")
    behind = bob.ctl("log", "trap")
    assert behind.stdout == "" and "3 entries are not here yet" in behind.stderr


def test_two_on_one_directory(world):
    alice = world.peer("alice")
    second = subprocess.run([os.environ["P2PCHATD"], "--state-directory=" + alice.state, "--listen=127.0.0.1:0"],
                            env=alice.environment(), stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert second.returncode not in (0, 99) and alice.state in second.stderr, second.stderr
    assert alice.is_up()
