# SPDX-License-Identifier: LGPL-2.1-or-later
"""Daemons that stand still for longer than the silence that ends a connection, as a machine does that
sleeps; a member and a host, side by side since each takes its 45 s."""
import os
import signal

from p2pchat import ACCOUNT, CHANNEL, HOST, MANAGER, PATH, wait_for

SILENCE = 90.0  # 45 s, on a machine that is busy
SOON = 15.0     # after it is awake


def is_live(peer, channel):
    return peer.get(channel, CHANNEL, "State") == "live"


def peers(peer, channel):
    return [p["username"] for p in peer.call(channel, HOST, "GetPeers", "a{sv}", {})]


def tracker_state(peer):
    return peer.get(peer.get(PATH, MANAGER, "DefaultAccount"), ACCOUNT, "TrackerState")


def test_stopped(world):
    alice, bob, carol, dave = world.people("alice", "bob", "carol", "dave")
    lobby, club = alice.host("lobby"), carol.host("club")
    bob.join("lobby")
    dave.join("club")
    wait_for(lambda: is_live(bob, lobby) and is_live(dave, club), "both members to be live")
    bob.send(lobby, "before", wait="stored")
    stopped = [bob.process.pid, carol.process.pid]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        alice.send(lobby, "while bob sleeps", wait="stored")
        dave.send(club, "while carol sleeps")
        wait_for(lambda: peers(alice, lobby) == [], "alice to miss bob", SILENCE)
        wait_for(lambda: dave.get(club, CHANNEL, "State") == "offline" or
                 dave.get(club, CHANNEL, "State") == "connecting", "dave to miss carol", SILENCE)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: bob.texts(lobby) == ["before", "while bob sleeps"], "bob to hear what he missed", SOON)
    wait_for(lambda: carol.texts(club) == ["while carol sleeps"], "dave's text to arrive", SOON)
    for peer, channel in (bob, lobby), (carol, club), (dave, club), (alice, lobby):
        wait_for(lambda p=peer, c=channel: is_live(p, c) and tracker_state(p) == "online", "all to be back", SOON)
    assert peers(alice, lobby) == ["bob"] and peers(carol, club) == ["dave"]
