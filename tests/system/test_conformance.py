# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite of the tracker, by a client of the tests' own, at the installed unit in its
sandbox: the very text whose exposure is scored."""
import re

import pytest

from booted import SOURCE
from town import TRACKER

SECONDS = 180


@pytest.fixture(scope="module")
def hub(site):
    host = site.boot("hub")
    yield host
    # What ran was the sandbox that is shipped.
    assert host.show(TRACKER, "DropInPaths") == ""
    assert host.show(TRACKER, "DynamicUser") == "yes"
    assert host.show(TRACKER, "PrivateNetwork") == "yes"


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
