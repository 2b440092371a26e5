# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tracker that ends because nobody needs it, and operators who come at that very moment: whatever the bus took for it
is done and answered."""
import os
import signal
import threading
from socket import create_connection

import buses
from logind import SystemBus
from operatorstage import IS_ROOT, STRANGER
from outsider import Connection
from p2pchat import wait_for
from polkit import TRACKER, Operator, Polkit, Refused
from trackerservice import DEADLINE, listening, run
from worlds import scratch_world

ROUNDS, ROUNDS_MAX, CALLS = 5, 25, 5
STAYS = 20


def test_what_was_asked_before_it_left_is_answered():
    with scratch_world() as world:
        if IS_ROOT:
            os.chmod(world.directory, 0o711)
        world.configure_tracker("[Tracker]\nIdleExitSec=1ms\n")
        with SystemBus(world.directory, "tracker") as bus, Polkit(bus) as polkit, Operator(bus, STRANGER) as one, \
                listening() as socket:
            polkit.verdict("yes")
            address = socket.getsockname()
            n_met = n_rounds = 0
            # Of its clients dbus-daemon hears first who spoke first, which is the tracker where it had more to say.
            while n_rounds < ROUNDS or n_met < ROUNDS and buses.chosen == "dbus-daemon":
                n_rounds += 1
                assert n_rounds <= ROUNDS_MAX, f"only {n_met} rounds met it before the bus took its name back"
                # In the queue before there is a tracker: one that nobody has dialled is idle at once.
                with create_connection(address):
                    process = run(*world.tracker_arguments, f"--state-directory={world.directory}/state",
                                  passed=[socket.fileno()], env=bus.environment)
                    wait_for(lambda: bus.connection.name_has_owner(TRACKER), "the tracker on the system bus")
                    # It has heard that the name is its own, which others may hear first.
                    one.call(TRACKER + ".Manager", "GetStatistics")
                    # The calls are in front of the name that is given back, and the tracker does not know of them.
                    os.kill(bus.process.pid, signal.SIGSTOP)
                    numbers = [one.begin(TRACKER + ".Manager", "GetStatistics") for _ in range(CALLS)]
                    one.flush()
                while "Nobody was here for a while" not in (line := process.stderr.readline()):
                    assert line, "the tracker ended"
                os.kill(bus.process.pid, signal.SIGCONT)
                n_answered = 0
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
                n_met += n_answered == CALLS


def test_it_does_not_leave_before_it_has_its_name():
    """Where a call has started it, that call is with the bus until the name is there."""
    with scratch_world() as world:
        world.configure_tracker("[Tracker]\nIdleExitSec=1ms\n")
        with SystemBus(world.directory, "tracker") as bus, listening() as socket:
            address = "%s:%d" % socket.getsockname()
            os.kill(bus.process.pid, signal.SIGSTOP)
            try:
                process = run(*world.tracker_arguments, f"--state-directory={world.directory}/state",
                              passed=[socket.fileno()], env=bus.environment)
                for _ in range(STAYS):
                    # Between two of them it is idle, and for longer than it was told.
                    with Connection(address) as c:
                        c.ok("LIST")
                    threading.Event().wait(0.02)
                assert process.poll() is None
            finally:
                os.kill(bus.process.pid, signal.SIGCONT)
            _, log = process.communicate(timeout=DEADLINE)
            assert process.returncode == 0 and "Nobody was here for a while" in log
