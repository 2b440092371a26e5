# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who hosts as a service that ends with the last session is told so, and what to type."""
import json

from logind import SystemBus
from p2pchat import MANAGER, PATH, wait_for
from test_lifecycle import NotifySocket

TYPE = "loginctl enable-linger"


def lingering(peer):
    return peer.get(PATH, MANAGER, "Lingering")


def test_warning(world):
    """While a channel is hosted, and logind says that this ends; nowhere else."""
    notify = NotifySocket(world.directory + "/notify")
    world.start_tracker()
    alice = world.peer("alice", start=False)
    alice.start_bus()
    with SystemBus(world.directory, "alice") as bus, bus.logind() as logind:
        alice.start_daemon(env={"NOTIFY_SOCKET": notify.socket.getsockname(), **bus.environment})
        wait_for(lambda: lingering(alice) == "no", "logind to be asked")
        alice.trust()
        alice.sign_up()
        assert TYPE not in alice.ctl("status").stdout and not any(TYPE in line for line in notify.look())
        lobby = alice.host("lobby")
        wait_for(lambda: any(TYPE in line for line in notify.look()), "the status line to warn")
        assert TYPE in alice.ctl("status").stdout
        assert json.loads(alice.ctl("status", "-j").stdout)["lingering"] == "no"
        logind.linger(True)
        wait_for(lambda: lingering(alice) == "yes", "it to be seen")
        notify.wait("STATUS=Hosting 1 channel, 1 member")
        assert TYPE not in notify.lines[-1] and TYPE not in alice.ctl("status").stdout
        assert json.loads(alice.ctl("status", "-j").stdout)["lingering"] == "yes"
        logind.linger(False)
        wait_for(lambda: TYPE in alice.ctl("status").stdout, "the warning to be back")
        alice.call(lobby, "org.p2pchat.Peer1.Host", "Unhost", "a{sv}", {})
        wait_for(lambda: TYPE not in alice.ctl("status").stdout, "it to be gone with what is hosted")
        logind.unknown()
        wait_for(lambda: lingering(alice) == "unknown", "logind to know no such user")


def test_no_logind(world):
    """Nobody knows: nobody is warned."""
    alice = world.people("alice")
    alice.host("lobby")
    assert lingering(alice) == "unknown" and TYPE not in alice.ctl("status").stdout
