# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests' own support: a daemon that died is named where a test meets that, with what it said last."""
import os
import signal

import pytest

from p2pchat import World


def test_death_is_told():
    world = World()
    peer = world.peer("alice")
    assert not peer.process.death() and peer.ctl("status").returncode == 0
    os.kill(peer.process.pid, signal.SIGSEGV)
    peer.process.child.wait(30)
    with pytest.raises(AssertionError, match="(?s)alice.log: pid .* ended by itself, status .*(Sanitizer|Listening)"):
        peer.ctl("status", check=False)
    with pytest.raises(AssertionError, match="ended by itself"):
        world.stop()
    assert not os.path.exists(world.directory)


def test_asked_for_is_no_death(world):
    peer = world.peer("alice")
    for sig, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        assert peer.stop_daemon(sig) == status and not peer.process.death()
        peer.start_daemon()
