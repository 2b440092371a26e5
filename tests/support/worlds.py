# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures that process tests share; a pytest plugin: `-p worlds` with this folder in PYTHONPATH.
(Not "fixtures": pytest has a plugin of that name itself.)"""
import contextlib
import os
import re
import shutil
import tempfile

import pytest

import buses
import p2pchat
import terminal
from disks import Disks
from nets import Nets, NotHere

# Of one failure at the end of what is printed.
FINDING_LINES = 25
FINDING_COLUMNS = 500
CHAIN = 3


def pytest_addoption(parser):
    parser.addoption("--bus", choices=buses.KINDS, default=buses.KINDS[0], help="the message bus that tests start")


def pytest_configure(config):
    buses.chosen = config.getoption("--bus")


def pytest_terminal_summary(terminalreporter):
    """What went wrong in short and at the very end, where the end of a long log is all that is kept."""
    for kind in ("error", "failed"):
        for report in terminalreporter.stats.get(kind, ()):
            # One that was raised while another was handled does not hide that one.
            crashes = [crash for _, crash, _ in getattr(report.longrepr, "chain", ()) if crash]
            terminalreporter.write_line(f"--- {report.nodeid} ({report.when})")
            for message in [crash.message for crash in crashes[-CHAIN:]] or [str(report.longrepr)]:
                for line in message.splitlines()[:FINDING_LINES]:
                    terminalreporter.write_line(line[:FINDING_COLUMNS])


def pytest_collection_modifyitems(items):
    if not shutil.which(buses.chosen):
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"there is no {buses.chosen} here"))


@contextlib.contextmanager
def scratch_world():
    """An empty world in a short scratch directory. Its logs are shown when the test fails, and may hold
    no finding of a sanitizer."""
    directory = tempfile.mkdtemp(prefix="p2pchat-")
    w = p2pchat.World(directory)
    logs = {}
    try:
        yield w
    finally:
        try:
            w.stop()
        finally:
            for name in sorted(os.listdir(directory)):
                if name.endswith(".log"):
                    with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as f:
                        logs[name] = f.read()
                    print(f"--- {name}\n{logs[name][-4000:]}")
            shutil.rmtree(directory, ignore_errors=True)
    for name, text in logs.items():
        # What a window says is judged by desktop.py, which knows its toolkit's own leaks.
        assert name.endswith(".window.log") or not re.search("Sanitizer|runtime error:", text), f"{name}: {text[-8000:]}"


@pytest.fixture
def world():
    with scratch_world() as w:
        yield w


@pytest.fixture(scope="module")
def module_world():
    """One world for all tests of a file."""
    with scratch_world() as w:
        yield w


@pytest.fixture
def nets():
    """Machines on a wire (nets.py), with an empty world on them."""
    with scratch_world() as w:
        try:
            n = Nets(w)
        except NotHere as e:
            pytest.skip(f"no network namespaces: {e}")
        try:
            yield n
        finally:
            w.stop()
            n.stop()


@pytest.fixture
def disks(world):
    """Disks of their own for what runs in the world (disks.py)."""
    d = Disks(world)
    try:
        try:
            d.new(os.path.join(world.directory, "try"))
        except NotHere as e:
            pytest.skip(f"no namespaces of mounts: {e}")
        yield d
    finally:
        world.stop()
        d.stop()


@pytest.fixture
def terminals(world):
    """→ starts a program in a terminal (terminal.py); all of them end with the test."""
    try:
        terminal.check()
    except terminal.NotHere as e:
        pytest.skip(str(e))
    started = []

    def start(command, env, **how):
        started.append(terminal.Terminal(command, env, directory=world.directory, **how))
        return started[-1]
    try:
        yield start
    finally:
        for t in reversed(started):
            print(f"--- the terminal's screen\n{t.screen()}")
            t.quit()
