# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tracker, host and member on three machines: over IPv4, over IPv6, with addresses that lead nowhere."""
import json
import sys

import pytest

from conformance import sentence
from p2pchat import CHANNEL, HOST, wait_for


def talk(alice, bob):
    """alice hosts lobby, bob is in it → its path."""
    lobby = alice.host("lobby")
    assert bob.join("lobby") == lobby
    wait_for(lambda: bob.get(lobby, CHANNEL, "State") == "live", "bob to be live")
    assert bob.send(lobby, "over it", wait="stored")[1] > 0
    return lobby


@pytest.mark.parametrize("tracker,alice,bob", (
    (["10.0.0.1/24"], ["10.0.0.2/24"], ["10.0.0.3/24"]),
    (["fd00::1/64"], ["fd00::2/64"], ["fd00::3/64"]),
    (["10.0.0.1/24", "fd00::1/64"], ["10.0.0.2/24", "fd00::2/64"], ["10.0.0.3/24", "fd00::3/64"]),
), ids=("v4", "v6", "both"))
def test_three_machines(nets, tracker, alice, bob):
    nets.tracker(*tracker)
    alice, bob = nets.person("alice", *alice), nets.person("bob", *bob)
    lobby = talk(alice, bob)
    assert alice.get(lobby, HOST, "Reachable") == "yes"


@sentence("1.2")
def test_ports(nets):
    """Where nobody says another one: the tracker's is 22236, a peer's 22237."""
    nets.tracker("10.0.0.1/24")
    alice = nets.person("alice", "10.0.0.2/24", listen=())
    bob = nets.peer(nets.machine("bob", "10.0.0.3/24")).start()
    bob.manager("SetTracker", "sa{sv}", "10.0.0.1", {"trust_new": True})
    bob.sign_up()
    lobby = talk(alice, bob)
    assert alice.get(lobby, HOST, "Addresses")[0] == "10.0.0.2:22237"


# Dials once from each ip, says what is no good TLS when all are there, and prints who was answered.
VISITORS = """import json, socket, sys
def dial(ip):
    try:
        return socket.create_connection(("fd00::1", 22236), 10, (ip, 0))
    except ConnectionError:
        return None  # it was closed before this was back
def is_answered(s):
    try:
        s.sendall(b"\\x16\\x03\\x01\\x00\\x05hello")
        return s.recv(100)[:1] == b"\\x15"
    except ConnectionError:
        return False
dialled = [dial(ip) for ip in json.load(sys.stdin)]
print(json.dumps([s is not None and is_answered(s) for s in dialled]))"""


@sentence("1.9")
def test_sources(nets):
    """An IPv6 /64 is one source, whichever of its addresses somebody dials from."""
    nets.tracker("fd00::1/64", "fd01::1/64")
    net = nets.machine("visitor", *(f"fd00::{i}/64" for i in (5, 6)), "fd01::7/64")
    ips = ["fd00::5", "fd00::6"] * 40 + ["fd01::7"]
    answers = json.loads(net.run(sys.executable, "-S", "-c", VISITORS, text=json.dumps(ips)))
    assert answers == [True] * 64 + [False] * 16 + [True]
