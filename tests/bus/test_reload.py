# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings that are read again while a daemon runs: what changes, what stays, and that a wrong value changes nothing."""
import json
import os
import signal
import socket

import pytest
from p2pchat import CHANNEL, HOST, free_port, wait_for
from test_fd_store import ServiceManager, addresses, answered, dial, is_refused, name_of
from test_service import LOG, LOG_PATH, set_log


@pytest.fixture
def manager(world):
    m = ServiceManager(os.path.join(world.directory, "notify"))
    yield m
    m.close()


def write(peer, text, name="p2pchat.conf"):
    """→ the path of what says so now."""
    path = os.path.join(peer.config, "p2pchat", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)
    return path


def begin(world, manager, text):
    """→ a daemon that listens where its settings say."""
    alice = world.peer("alice", start=False)
    alice.listen = []
    alice.start_bus()
    write(alice, text)
    manager.start(alice)
    return alice


def reload(manager, peer):
    """It has said that it begins, when, and that it has ended."""
    manager.look()
    manager.lines.clear()
    os.kill(peer.process.pid, signal.SIGHUP)
    manager.wait("READY=1")
    lines = manager.look()
    assert lines.index("RELOADING=1") < lines.index("READY=1")
    assert any(line.startswith("MONOTONIC_USEC=") and int(line[len("MONOTONIC_USEC="):]) > 0 for line in lines)


def tracker(peer, key="tracker"):
    """As settings or a person said it, accepted or not; "" where there is none."""
    return (json.loads(peer.manager("Describe", "a{sv}", {}))["account"] or {}).get(key, "")


def listen(*where):
    return "[Network]\nListen=" + " ".join(where) + "\n"


def test_listen(world, manager):
    """Who is there stays, on the connection that it has; who comes finds the new place, and the store has it."""
    world.start_tracker()
    first, second = (f"127.0.0.1:{free_port()}" for _ in range(2))
    alice = begin(world, manager, listen(first))
    alice.trust()
    alice.sign_up()
    lobby = alice.host("lobby")
    bob = world.people("bob")
    his = bob.join("lobby")
    wait_for(lambda: len(alice.call(lobby, HOST, "GetPeers", "a{sv}", {})) == 1, "bob to be there")
    peers = alice.call(lobby, HOST, "GetPeers", "a{sv}", {})
    write(alice, listen(second))
    reload(manager, alice)
    assert addresses(alice) == [second] and list(manager.stored) == [name_of(second)]
    assert is_refused(first)
    bob.send(his, "still here", wait="stored")
    assert alice.call(lobby, HOST, "GetPeers", "a{sv}", {}) == peers
    carol = world.people("carol")
    hers = carol.join("lobby")
    wait_for(lambda: carol.get(hers, CHANNEL, "State") == "live", "carol to find the new place")
    assert alice.get(lobby, HOST, "Addresses") == [second]
    # The next process goes on there, and who came by the old one comes by the new one.
    alice.stop_daemon(signal.SIGKILL)
    with dial(second) as between:
        manager.start(alice)
        assert addresses(alice) == [second] and answered(between)
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "bob to come back")
    bob.send(his, "back", wait="stored")
    assert alice.texts(lobby) == ["still here", "back"]


def test_what_is_the_same_stays(world, manager):
    """A socket that the settings still mean is the one that it was: who waits in its queue is answered."""
    fixed = f"127.0.0.1:{free_port()}"
    alice = begin(world, manager, listen("127.0.0.1:0", fixed))
    world.start_tracker()
    alice.trust()
    alice.sign_up()
    before = addresses(alice)
    any_port = next(a for a in before if a != fixed)
    reload(manager, alice)
    assert addresses(alice) == before
    for where, expected in (([fixed, "127.0.0.1:0"], {fixed, any_port}), ([any_port], {any_port}),
                            (["127.0.0.1:0"], {any_port}), (["127.0.0.1:0", fixed], {fixed, any_port})):
        write(alice, listen(*where))
        with dial(any_port) as meanwhile:
            reload(manager, alice)
            assert set(addresses(alice)) == expected == {"%s:%s" % tuple(n[len("listen-"):].rsplit("-", 1))
                                                         for n in manager.stored}
            assert answered(meanwhile)
    assert f"Not listening on {any_port} any more" not in alice.log()


def test_in_its_own_way(world, manager):
    """All addresses and one of them cannot be listened on at once: the old socket goes first."""
    port = free_port()
    alice = begin(world, manager, listen(f"0.0.0.0:{port}"))
    for where in (f"127.0.0.1:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{port}"):
        write(alice, listen(where))
        reload(manager, alice)
        assert addresses(alice) == [where] and list(manager.stored) == [name_of(where)]
        dial(where).close()


def test_a_port_that_is_taken(world, manager):
    alice = begin(world, manager, listen("127.0.0.1:0"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = "127.0.0.1:%d" % other.getsockname()[1]
        write(alice, listen(taken, "127.0.0.1:0"))
        reload(manager, alice)
        assert len(addresses(alice)) == 2 and taken not in addresses(alice)
    assert set(manager.stored) == {name_of(a) for a in addresses(alice)}


@pytest.mark.parametrize("wrong, says", [
    ("[Log]\nLevel=debug\n[Network]\nListen=nowhere\n", ":4: "),
    ("[Log]\nLevel=debug\n[Tracker]\nAddress=other.example\nPin=sha256:12\n", ":5: "),
    ("[Log]\nLevel=loud\n[Network]\nListen=127.0.0.1:0\n", ":2: "),
    ("[Log]\nLevel=debug\n[Network]\nListen=127.0.0.1:0 192.0.2.1:0\n", "192.0.2.1"),
    ("what is this\n", ":1: "),
])
def test_wrong(world, manager, wrong, says):
    """All or nothing: the old settings stay, all of them, and it is said where the mistake is."""
    alice = begin(world, manager, listen(f"127.0.0.1:{free_port()}") + "[Tracker]\nAddress=first.example:1\n")
    before = addresses(alice), dict(manager.stored)
    assert tracker(alice) == "first.example:1"
    pid = alice.process.pid
    path = write(alice, wrong)
    reload(manager, alice)
    assert (path + says if says[0] == ":" else says) in alice.log() and "all stays as it was" in alice.log()
    manager.look()
    assert any(line.startswith("STATUS=") and "the new settings are not used" in line for line in manager.lines)
    assert (addresses(alice), dict(manager.stored)) == before and alice.process.pid == pid
    assert alice.get(LOG_PATH, LOG, "LogLevel") == "info"
    assert tracker(alice) == "first.example:1"
    dial(before[0][0]).close()
    # A right one is used, and the status line forgets.
    write(alice, "[Log]\nLevel=notice\n" + listen(before[0][0]))
    reload(manager, alice)
    manager.wait("STATUS=Hosting 0 channels, 0 members")
    assert alice.get(LOG_PATH, LOG, "LogLevel") == "notice" and addresses(alice) == before[0]


def test_what_cannot_be_read(world, manager):
    alice = begin(world, manager, listen("127.0.0.1:0"))
    before = addresses(alice)
    path = os.path.join(alice.config, "p2pchat", "p2pchat.conf")
    os.unlink(path)
    os.symlink("p2pchat.conf", path)  # to nobody, not even to root
    reload(manager, alice)
    assert path + ": cannot be read" in alice.log() and addresses(alice) == before
    os.unlink(path)
    os.mkfifo(path)  # into which nobody ever writes
    reload(manager, alice)
    assert path + ": cannot be read: Not a regular file" in alice.log() and addresses(alice) == before
    os.unlink(path)
    write(alice, "[Network]\nColour=blue\nListen=127.0.0.1:0\n", "p2pchat.conf.d/10.conf")
    reload(manager, alice)
    assert "10.conf:2: unknown key Colour" in alice.log() and addresses(alice) == before


def test_log_level(world, manager):
    """What the settings say counts again."""
    alice = begin(world, manager, listen("127.0.0.1:0"))
    set_log(alice, "LogLevel", "debug")
    reload(manager, alice)
    assert alice.get(LOG_PATH, LOG, "LogLevel") == "info"


def test_tracker(world, manager):
    """For who has none; with a pin, it is accepted by that. Who has accepted one keeps it."""
    world.start_tracker()
    pin = tracker(world.people("bob"), "tracker_pin")
    alice = begin(world, manager, listen("127.0.0.1:0"))
    assert not tracker(alice)
    nobody = f"127.0.0.1:{free_port()}"
    write(alice, listen("127.0.0.1:0") + f"[Tracker]\nAddress={nobody}\n")
    reload(manager, alice)
    assert tracker(alice) == nobody
    text = listen("127.0.0.1:0") + f"[Tracker]\nAddress={world.tracker.address}\n"
    write(alice, text)
    reload(manager, alice)
    wait_for(lambda: tracker(alice, "tracker_state") == "untrusted", "its pin to be asked about")
    write(alice, text + f"Pin={pin}\n")
    reload(manager, alice)
    wait_for(lambda: tracker(alice, "tracker_pin") == pin, "its pin to be accepted")
    assert tracker(alice) == world.tracker.address
    alice.sign_up()
    wait_for(lambda: tracker(alice, "tracker_state") == "online", "it to be online")
    write(alice, listen("127.0.0.1:0") + f"[Tracker]\nAddress={nobody}\n")
    reload(manager, alice)
    assert (tracker(alice), tracker(alice, "tracker_state")) == (world.tracker.address, "online")


def test_the_command_line_comes_first(world, manager):
    alice = world.peer("alice", start=False)
    alice.start_bus()
    alice.listen = [f"127.0.0.1:{free_port()}"]
    manager.start(alice)
    write(alice, listen("127.0.0.1:0"))
    reload(manager, alice)
    assert addresses(alice) == alice.listen
