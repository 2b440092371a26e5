# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tracker, host and member on three machines: over IPv4, over IPv6, with addresses that lead nowhere."""
import pytest

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
