# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixture of the window's tests; a pytest plugin beside worlds.py: `-p windows`."""
import shutil
import tempfile

import pytest

import desktop as desktops
from p2pchat import CHANNEL, wait_for


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    desktop = item.funcargs.get("desktop") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and isinstance(desktop, desktops.Desktop):
        desktop.keep(item.name)


@pytest.fixture(scope="session")
def display():
    """One for all tests of a process: libatspi knows one bus."""
    try:
        desktops.check()
    except desktops.NotHere as e:
        pytest.skip(str(e))
    directory = tempfile.mkdtemp(prefix="desk-")
    d = desktops.Desktop(directory)
    try:
        yield d
    finally:
        d.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def desktop(display, world):
    """Its windows end before the world does."""
    yield display
    display.close()


@pytest.fixture
def lobby(world):
    """→ alice, who hosts a channel, bob, who is in it, and its object."""
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    path = alice.host("lobby")
    bob.join("lobby")
    wait_for(lambda: bob.get(path, CHANNEL, "State") == "live", "bob to be live")
    return alice, bob, path
