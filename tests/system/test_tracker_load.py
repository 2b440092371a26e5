# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installed tracker is restarted and killed by systemd while 50 clients are at it: what they hold against it
is that of tests/process/test_tracker_restart.py, accounts that are made meanwhile and leases included."""
import pytest

from booted import SOURCE

SERVICE, SOCKET = "p2pchat-tracker.service", "p2pchat-tracker.socket"

LOAD = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
import test_tracker_restart
from p2pchat import wait_for

class Unit:
    address = "127.0.0.1:22236"

def show(name):
    return subprocess.run(["systemctl", "show", "--value", "--property", name, "p2pchat-tracker.service"],
                          check=True, capture_output=True, text=True).stdout.strip()

def start_again():
    before = show("MainPID")
    subprocess.run(["systemctl", *sys.argv[2:], "p2pchat-tracker.service"], check=True)
    wait_for(lambda: show("MainPID") not in ("0", before) and show("ActiveState") == "active", "the next process")

test_tracker_restart.hold_under_load(Unit, start_again)
print("held")
"""


@pytest.fixture(scope="module")
def hub(site):
    host = site.boot("hub")
    host.run("systemctl", "enable", "--now", SOCKET)
    return host


@pytest.mark.parametrize("how", ("restart", "kill"))
def test_nothing_is_lost(hub, how):
    hub.run("systemctl", "stop", SERVICE)
    hub.run("rm", "-rf", "/var/lib/private/p2pchat-tracker")
    hub.python("""
import sys
sys.path.insert(0, sys.argv[1])
import os, test_tracker_restart
os.makedirs("/etc/p2pchat", exist_ok=True)
open("/etc/p2pchat/tracker.conf", "w").write(test_tracker_restart.SETTINGS)""", SOURCE / "tests/process")
    arguments = {"restart": ["restart"], "kill": ["kill", "--kill-who=main", "--signal=SIGKILL"]}[how]
    done = hub.python(LOAD, SOURCE / "tests/process", *arguments, seconds=240)
    assert done.stdout == "held\n", done.stderr
    assert int(hub.show(SERVICE, "NRestarts")) == (5 if how == "kill" else 0)
