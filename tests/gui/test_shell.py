# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon that is not there, and one that comes and goes while the window is open."""
import signal


def test_daemon_away(world, desktop):
    world.start_tracker()
    alice = world.people("alice")
    alice.host("lobby")
    alice.stop_daemon()
    w = desktop.window(alice)
    w.find("label", "The Chat Service Is Not Running")
    alice.start_daemon()
    w.find(name="lobby")
    alice.stop_daemon(signal.SIGKILL)
    w.find("label", "The chat service is not running. What is shown is what it said last.")
    assert w.all(name="lobby")
