# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite of the tracker, by a client of the tests' own, at the installed unit in its
sandbox: the very text whose exposure is scored."""
import re

import pytest

from booted import SOURCE
from town import TRACKER

SECONDS = 180
EXPOSURE = 2  # tenths, as in the gate: test_install.py
UNIT = f"/usr/lib/systemd/system/{TRACKER}"


def check_unit(host):
    """The text in the source with one name filled in, and no other over it."""
    assert host.show(TRACKER, "FragmentPath").removeprefix("/usr") == UNIT.removeprefix("/usr")
    assert host.show(TRACKER, "DropInPaths") == "" and host.show(TRACKER, "NeedDaemonReload") == "no"
    text = (SOURCE / f"units/{TRACKER}.in").read_text()
    assert host.run("cat", UNIT).stdout == text.replace("@libexecdir@", "/usr/libexec")


@pytest.fixture(scope="module")
def hub(site):
    host = site.boot("hub")
    check_unit(host)
    yield host
    check_unit(host)


def test_it_is_as_closed_as_the_gate_wants_it(hub):
    """Of the text alone, and of what systemd made of it here (tests/process/test_install.py is the gate)."""
    gate = f"--threshold={EXPOSURE}"
    hub.run("systemd-analyze", "security", "--offline=true", "--no-pager", gate, UNIT)
    hub.run("systemd-analyze", "security", "--no-pager", gate, TRACKER)


@pytest.mark.parametrize("name", [
    "bad_input_tracker",
    "outsider_directory",
    "outsider_tracker",
    "wire_frames",
    "wire_requests",
    "wire_throttles",
    "wire_tracker",
    "wire_transport",
    "wire_types",
])
def test_at_the_installed_tracker(hub, name):
    done = hub.run("/usr/bin/python3", "-m", "pytest", "-q", "-rs", "-x", "-p", "no:cacheprovider", "-p", "worlds",
                   "-p", "installed", SOURCE / f"tests/process/test_{name}.py", check=False, seconds=SECONDS,
                   environment={"PYTHONPATH": SOURCE / "tests/support", "PYTHONDONTWRITEBYTECODE": "1",
                                "P2PCHATD": "/usr/libexec/p2pchatd", "P2PCHATCTL": "/usr/bin/p2pchatctl",
                                "P2PCHAT_TRACKERD": "/usr/libexec/p2pchat-trackerd",
                                "P2PCHAT_DBUS_DIR": SOURCE / "dbus"})
    said = done.stdout[-12000:] + done.stderr[-2000:]
    assert done.returncode == 0, said
    assert re.search(r"^\d+ passed in ", done.stdout, re.M), said
