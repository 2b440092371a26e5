# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tracker at a system bus with a polkit that says no, and operators: import the fixtures by name. Each test of
`stage` has its own; `office` is one for a whole file, with a polkit that says yes."""
import contextlib
import os

import pytest

from logind import SystemBus
from outsider import Connection
from p2pchat import PROPERTIES, wait_for
from polkit import NOBODY, TRACKER, TRACKER_PATH, Operator, Polkit
from trackerstage import FAST
from worlds import scratch_world

IS_ROOT = os.geteuid() == 0
# Who is nobody in particular: polkit decides.
STRANGER = NOBODY if IS_ROOT else None
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root is root, and can make itself another user")


def begin(world):
    """The tracker's process starts with the first connection."""
    with Connection(world.tracker.address, hello=False):
        wait_for(lambda: world.bus.connection.name_has_owner(TRACKER), "the tracker on the system bus")


@contextlib.contextmanager
def staged(settings=FAST):
    with scratch_world() as world:
        if IS_ROOT:
            os.chmod(world.directory, 0o711)  # others may come to the bus
        with SystemBus(world.directory, "tracker") as bus, Polkit(bus) as polkit:
            world.bus, world.polkit = bus, polkit
            world.configure_tracker(settings)
            world.start_tracker(system_bus=bus.address)
            begin(world)
            yield world


@pytest.fixture
def stage():
    with staged() as world:
        yield world


@pytest.fixture
def stranger(stage):
    with Operator(stage.bus, STRANGER) as one:
        yield one


@pytest.fixture(scope="module")
def office():
    with staged() as world, Operator(world.bus, STRANGER) as one:
        world.polkit.verdict("yes")
        world.operator = one
        yield world


def get(world, interface, name):
    return world.bus.connection.call_blocking(TRACKER, TRACKER_PATH, PROPERTIES, "Get", "ss", (interface, name))
