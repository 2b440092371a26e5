# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tracker that ends because nobody needs it, and operators who come at that very moment: whatever the bus took for it
is done and answered."""
import os
import signal
from socket import create_connection

import buses
from logind import SystemBus
from operatorstage import IS_ROOT, STRANGER
from p2pchat import wait_for
from polkit import TRACKER, Operator, Polkit, Refused
from trackerservice import DEADLINE, listening, run
from worlds import scratch_world

ROUNDS, CALLS = 5, 5


def test_what_was_asked_before_it_left_is_answered():
    with scratch_world() as world:
        if IS_ROOT:
            os.chmod(world.directory, 0o711)
        world.configure_tracker("[Tracker]\nIdleExitSec=1ms\n")
        with SystemBus(world.directory, "tracker") as bus, Polkit(bus) as polkit, Operator(bus, STRANGER) as one, \
                listening() as socket:
            polkit.verdict("yes")
            address = socket.getsockname()
            n_answered = 0
            for _ in range(ROUNDS):
                # In the queue before there is a tracker: one that nobody has dialled is idle at once.
                with create_connection(address):
                    process = run(*world.tracker_arguments, f"--state-directory={world.directory}/state",
                                  passed=[socket.fileno()], env=bus.environment)
                    wait_for(lambda: bus.connection.name_has_owner(TRACKER), "the tracker on the system bus")
                    # The calls are in front of the name that is given back, and the tracker does not know of them.
                    os.kill(bus.process.pid, signal.SIGSTOP)
                    numbers = [one.begin(TRACKER + ".Manager", "GetStatistics") for _ in range(CALLS)]
                    one.flush()
                while "Nobody was here for a while" not in (line := process.stderr.readline()):
                    assert line, "the tracker ended"
                os.kill(bus.process.pid, signal.SIGCONT)
                for number in numbers:
                    try:
                        assert one.end(number)[0]["store_state"] == "ok"
                        n_answered += 1
                    except Refused as e:
                        # The bus took the name back first: where there is a service manager it starts the next one.
                        assert e.name == "org.freedesktop.DBus.Error.ServiceUnknown"
                _, log = process.communicate(timeout=DEADLINE)
                assert process.returncode == 0, log
                assert not bus.connection.name_has_owner(TRACKER)
            # Of its clients dbus-daemon hears first who spoke first.
            assert n_answered == ROUNDS * CALLS or buses.chosen == "dbus-broker"
