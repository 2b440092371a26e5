# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks that change under what is connected: a machine gets another address, a host another port, the
tracker another address under its name, DNS comes late. Each is found out long before 45 s of silence."""
import os
import signal
import socket
import subprocess
import time

from nets import NameServer
from conformance import sentence
from p2pchat import ACCOUNT, CHANNEL, HOST, MANAGER, PATH, wait_for

# Well below the 45 s after which silence ends a connection, on a slow machine.
SOON = 15.0


def tracker_state(peer):
    return peer.get(peer.get(PATH, MANAGER, "DefaultAccount"), ACCOUNT, "TrackerState")


def tracker_reason(peer):
    return peer.get(peer.get(PATH, MANAGER, "DefaultAccount"), ACCOUNT, "TrackerReason")


def is_live(peer, lobby):
    return peer.get(lobby, CHANNEL, "State") == "live"


def lobby_of(alice, bob):
    """alice hosts lobby, bob is in it → its path."""
    lobby = alice.host("lobby")
    assert bob.join("lobby") == lobby
    wait_for(lambda: is_live(bob, lobby), "bob to be live")
    return lobby


def source(alice, lobby):
    """From where bob is connected to her, as she sees it."""
    return [p["address"].rpartition(":")[0] for p in alice.call(lobby, HOST, "GetPeers", "a{sv}", {})]


def directory(peer, channel="lobby"):
    """What the tracker says of it."""
    rows, _ = peer.manager("ListDirectory", "a{sv}", {"query": channel})
    return rows[0][6] if rows else {"addresses": []}


def said(alice, bob, lobby, text):
    """bob's text gets there, soon."""
    bob.send(lobby, text)
    wait_for(lambda: alice.texts(lobby)[-1:] == [text], f"{text!r} to be stored", SOON)


def test_member_moves(nets):
    nets.tracker("10.0.0.1/24")
    alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
    lobby = lobby_of(alice, bob)
    assert source(alice, lobby) == ["10.0.0.3"]
    bob.net.drop("10.0.0.3/24")
    wait_for(lambda: not is_live(bob, lobby), "bob to notice that he is nowhere", SOON)
    bob.net.add("10.0.0.33/24")
    said(alice, bob, lobby, "from elsewhere")
    assert "10.0.0.33" in source(alice, lobby)
    wait_for(lambda: tracker_state(bob) == "online", "bob to be back at the tracker", SOON)
    # A second address changes nothing for what is connected by the first.
    wait_for(lambda: bob.log().count("addresses have changed") == 2, "the daemon to have seen all of it")
    before = bob.log().count("Channel lobby")
    bob.net.add("10.0.0.34/24")
    wait_for(lambda: bob.log().count("addresses have changed") == 3, "the daemon to have seen the second")
    said(alice, bob, lobby, "still there")
    assert bob.log().count("Channel lobby") == before


def test_host_moves(nets):
    """The directory says so at once, and the member doubts what it has."""
    nets.tracker("10.0.0.1/24")
    alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
    lobby = lobby_of(alice, bob)
    alice.net.drop("10.0.0.2/24")
    alice.net.add("10.0.0.22/24")
    wait_for(lambda: alice.get(lobby, HOST, "Addresses")[0] == "10.0.0.22:22237", "the host to see it", SOON)
    said(alice, bob, lobby, "over there")
    # It gets another address beside the one it has: told, and nobody is cut off.
    before = bob.log().count("Channel lobby")
    alice.net.add("10.0.0.23/24")
    wait_for(lambda: "10.0.0.23:22237" in alice.get(lobby, HOST, "Addresses"), "the second address", SOON)
    wait_for(lambda: "10.0.0.23:22237" in directory(bob)["addresses"], "the directory to have it", SOON)
    said(alice, bob, lobby, "as before")
    assert bob.log().count("Channel lobby") == before


@sentence("1.2")
def test_moved_while_it_is_registered(nets):
    """HOST is on its way with what is not all any more: it is said again."""
    tracker = nets.tracker("10.0.0.1/24")
    alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
    alice.host("lobby")
    alice.stop_daemon()
    os.kill(tracker.process.pid, signal.SIGSTOP)
    try:
        alice.start_daemon()
        # The handshake waits in the tracker's queue.
        alice.net.add("10.0.0.22/24")
        wait_for(lambda: "addresses have changed" in alice.log(), "the daemon to see it")
    finally:
        os.kill(tracker.process.pid, signal.SIGCONT)
    wait_for(lambda: {"10.0.0.2:22237", "10.0.0.22:22237"} <= set(directory(bob)["addresses"]), "both to be listed",
             SOON)
    # … and while HOST itself waits.
    os.kill(tracker.process.pid, signal.SIGSTOP)
    try:
        asked = subprocess.Popen([os.environ["P2PCHATCTL"], "host", "club"], env=alice.environment())
        wait_for(lambda: any(int(row.split()[0]) for row in tracker.net.run(
            "ss", "-Htn", "state", "established", "dst", "10.0.0.2").splitlines()), "HOST to lie at the tracker")
        alice.net.add("10.0.0.23/24")
        wait_for(lambda: alice.log().count("addresses have changed") == 2, "the daemon to see it")
    finally:
        os.kill(tracker.process.pid, signal.SIGCONT)
    assert asked.wait(SOON) == 0
    for name in "lobby", "club":
        wait_for(lambda n=name: "10.0.0.23:22237" in directory(bob, n)["addresses"], f"{name} to be listed there",
                 SOON)


def test_same_address_elsewhere(nets):
    """Another network in which this machine has the same address: only the way out is new. What is
    connected is put to the test, and does not wait for silence."""
    nets.tracker("198.51.100.9/24")
    net = nets.behind("bob", "198.51.100.1/24")
    alice, bob = nets.person("alice", "198.51.100.2/24"), nets.person("bob", net=net)
    lobby = lobby_of(alice, bob)
    assert source(alice, lobby) == ["198.51.100.1"]
    router = next(n for n in nets.nets if n.name == "bob-nat")
    router.drop("198.51.100.1/24")  # … with all that it had translated
    router.add("198.51.100.7/24")
    net.ip("route", "del", "default")
    net.ip("route", "add", "default", "via", "192.168.7.1")
    wait_for(lambda: "198.51.100.7" in source(alice, lobby), "bob to come by the new way", SOON)
    said(alice, bob, lobby, "the same, elsewhere")


def test_host_on_another_port(nets):
    nets.tracker("10.0.0.1/24")
    alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
    lobby = lobby_of(alice, bob)
    alice.stop_daemon(signal.SIGKILL)
    with alice.net.socket("::", 22237):
        alice.start_daemon()
        wait_for(lambda: is_live(alice, lobby), "the channel to be served")
        assert alice.get(lobby, HOST, "Addresses")[0].startswith("10.0.0.2:")
        assert not alice.get(lobby, HOST, "Addresses")[0].endswith(":22237")
        said(alice, bob, lobby, "another door")


def test_tracker_moves(nets):
    """… to another address under the same name."""
    tracker = nets.tracker("10.0.0.1/24", host="tracker.example")
    net = nets.machine("alice", "10.0.0.2/24")
    net.hosts({"tracker.example": ["10.0.0.1"]})
    alice = nets.person("alice", net=net)
    lobby = alice.host("lobby")
    tracker.stop()
    tracker.net.drop("10.0.0.1/24")
    tracker.net.add("10.0.0.11/24")
    net.hosts({"tracker.example": ["10.0.0.11"]})
    tracker.start()
    wait_for(lambda: tracker_state(alice) == "online", "alice to find it", SOON)
    assert is_live(alice, lobby)


def test_names_that_come_late(nets):
    """At first nobody answers for names; then somebody does, and it is noticed within seconds."""
    nets.tracker("10.0.0.1/24", host="tracker.example")
    net = nets.machine("alice", "10.0.0.2/24")
    net.hosts({"tracker.example": ["10.0.0.1"]})
    alice = nets.person("alice", net=net)
    alice.stop_daemon()
    net.resolver("127.0.0.1")
    alice.start_daemon()
    reason = wait_for(lambda: tracker_state(alice) == "offline" and tracker_reason(alice), "the name to be missed")
    assert "tracker.example" in reason
    server = NameServer(net, "tracker.example")
    try:
        wait_for(lambda: server.asked, "the resolver to be asked again", SOON)
        server.address = "10.0.0.1"
        wait_for(lambda: tracker_state(alice) == "online", "alice to find the tracker", SOON)
    finally:
        server.stop()


def test_tracker_has_two_addresses(nets):
    """The first leads nowhere and says nothing: the second is tried beside it, not after it."""
    nets.tracker("10.0.0.1/24", host="tracker.example")
    net = nets.machine("alice", "10.0.0.2/24", "fd00::2/64")
    hole = nets.machine("hole", "fd00::9/64")
    hole.swallow("tcp dport 22236")
    net.hosts({"tracker.example": ["fd00::9", "10.0.0.1"]})
    assert socket.AF_INET6.name in net.run("/usr/bin/python3", "-c", "import socket; print(socket.getaddrinfo("
                                           "'tracker.example', 1, type=socket.SOCK_STREAM)[0][0].name)")
    begin = time.monotonic()
    alice = nets.person("alice", net=net)
    wait_for(lambda: tracker_state(alice) == "online", "alice to be online")
    # Each of the three connections that this took would have waited 10 s for the first address alone.
    assert time.monotonic() - begin < 20


def test_no_network_at_first(nets):
    """A daemon that begins before its network is there."""
    nets.tracker("10.0.0.1/24")
    alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
    lobby = lobby_of(alice, bob)
    for peer, address in (alice, "10.0.0.2/24"), (bob, "10.0.0.3/24"):
        peer.stop_daemon()
        peer.net.drop(address)
    for peer in alice, bob:
        peer.start_daemon()
        wait_for(lambda peer=peer: tracker_state(peer) == "offline", "the tracker to be out of reach")
    wait_for(lambda: is_live(alice, lobby), "alice to serve what is hers all the same")
    alice.net.add("10.0.0.2/24")
    bob.net.add("10.0.0.3/24")
    for peer in alice, bob:
        wait_for(lambda peer=peer: tracker_state(peer) == "online", "the tracker to be back", SOON)
    assert alice.get(lobby, HOST, "Addresses")[0] == "10.0.0.2:22237"
    said(alice, bob, lobby, "at last")
