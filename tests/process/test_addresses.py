# SPDX-License-Identifier: LGPL-2.1-or-later
"""IPv6 and IPv4: a tracker and a host on either, a host on [::] that is reached by both, and a host of
which only one address of several answers."""
import socket

import pytest

from outsider import Connection, Member, pin_of, sign_up
from models import ModelHost
from p2pchat import CHANNEL, HOST, MANAGER, PATH, free_port, wait_for


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


def two(world, listen):
    """alice listens there and hosts lobby; bob is in it."""
    alice, bob = (world.peer(name, start=False) for name in ("alice", "bob"))
    alice.listen = listen
    for peer in (alice, bob):
        peer.start()
        peer.trust()
        peer.sign_up()
    lobby = alice.host("lobby")
    assert bob.join("lobby") == lobby
    assert bob.send(lobby, "over it", wait="stored")[1] > 0
    wait_for(lambda: bob.get(lobby, CHANNEL, "State") == "live", "bob to be in")
    return alice, bob, lobby


@ipv6
def test_ipv6(world):
    world.start_tracker(host="[::1]")
    alice, _, lobby = two(world, ["[::1]:0"])
    (address,) = alice.get(lobby, HOST, "Addresses")
    assert address.startswith("[::1]:") and alice.get(PATH, MANAGER, "ListenAddresses") == [address]


@ipv6
def test_dual_stack(world):
    """One socket on [::] serves both, each member knows by which it came, and who comes over IPv4 is
    the source that it is (::ffff: is IPv4)."""
    world.start_tracker()
    alice, _, lobby = two(world, ["[::]:0"])
    port = alice.get(lobby, HOST, "Addresses")[0].rpartition(":")[2]
    with Connection(world.tracker.address, hello=False) as c:
        carol = sign_up(world.tracker.address, "carol", pin_of(c.chain[1]))
    for host in ("[::1]", "127.0.0.1"):
        with Connection(f"{host}:{port}", carol, host_name="user/alice") as c:
            m = Member(c, "lobby")
            m.read_to(m.connect()["last_seq"])
            peers = alice.call(lobby, HOST, "GetPeers", "a{sv}", {})
            (address,) = [p["address"] for p in peers if p["username"] == "carol"]
            assert address.rpartition(":")[0] == host
    # Several listeners.
    alice.stop_daemon()
    alice.listen = ["127.0.0.1:0", "[::1]:0"]
    alice.start_daemon()
    addresses = alice.get(PATH, MANAGER, "ListenAddresses")
    assert [a.rpartition(":")[0] for a in addresses] == ["127.0.0.1", "[::1]"]
    for address in addresses:
        with Connection(address, carol, host_name="user/alice") as c:
            wait_for(lambda c=c: Member(c, "lobby").request("RET_INFO").header == "OK", "the channel to be served")


def test_taken_port(world):
    """Another port when the preferred one is taken: the advertised one counts."""
    world.start_tracker()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        alice, _, lobby = two(world, [f"127.0.0.1:{port}"])
    (address,) = alice.get(lobby, HOST, "Addresses")
    assert address != f"127.0.0.1:{port}"


def test_several_addresses(world):
    """A joiner tries them all, a new one every 250 ms, and the one that answers wins."""
    world.start_tracker()
    bob = world.people("bob")
    with Connection(world.tracker.address, hello=False) as c:
        carol = sign_up(world.tracker.address, "carol", pin_of(c.chain[1]))
    with ModelHost(world.tracker, carol, "far") as host, socket.create_server(("127.0.0.1", 0)) as mute, \
            Connection(world.tracker.address, carol) as c:
        silent = f"127.0.0.1:{mute.getsockname()[1]}"  # takes connections and says nothing
        c.ok("HOST", {"channel_name": "far", "channel_id": host.channel_id, "view_permission": "public", "topic": "",
                      "epoch": 1, "last_seq": 1, "members": 0,
                      "addresses": [f"127.0.0.1:{free_port()}", silent, host.address]})
        path = bob.join("far")
        wait_for(lambda: bob.get(path, CHANNEL, "State") == "live", "bob to be in")
