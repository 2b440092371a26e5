# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything is restarted, killed and stopped while people talk, under the service manager that brings it
back; whatever was said to be stored is there, once."""
import json

import pytest

from p2pchat import wait_for
from town import DAEMON, TRACKER, comes_back, town  # noqa: F401

WATCHDOG = "[Service]\nWatchdogSec=2\n"


def at(town, where):  # noqa: F811
    """→ (machine, unit, user, "--user") of "tracker", "alice" or "bob"."""
    if where == "tracker":
        return town.hub, TRACKER, None, []
    return dict(town.people)[where], DAEMON, where, ["--user"]


def directory(town):  # noqa: F811
    """What bob's machine hears of the tracker."""
    found = json.loads(town.lap.user("bob", "p2pchatctl", "list", "--json=short"))
    return json.dumps(found)


@pytest.mark.parametrize("where", ["tracker", "alice", "bob"])
def test_a_restart_loses_nothing(town, where):  # noqa: F811
    host, unit, user, manager = at(town, where)
    with town.under_load():
        comes_back(host, unit, lambda _: host.run("systemctl", *manager, "restart", unit, user=user), user)
    assert host.show(unit, "Result", *manager, user=user) == "success"


@pytest.mark.parametrize("where", ["tracker", "alice", "bob"])
def test_a_kill_loses_nothing(town, where):  # noqa: F811
    host, unit, user, manager = at(town, where)
    count = int(host.show(unit, "NRestarts", *manager, user=user))
    with town.under_load():
        comes_back(host, unit, lambda pid: host.kill("KILL", pid), user)
    assert int(host.show(unit, "NRestarts", *manager, user=user)) == count + 1


@pytest.mark.parametrize("where", ["tracker", "alice", "bob"])
def test_a_reload_is_not_felt(town, where):  # noqa: F811
    host, unit, user, manager = at(town, where)
    pid = host.show(unit, "MainPID", *manager, user=user)
    with town.under_load():
        host.run("systemctl", *manager, "reload", unit, user=user)
    assert host.show(unit, "MainPID", *manager, user=user) == pid


@pytest.mark.parametrize("where", ["tracker", "alice"])
def test_who_hangs_is_killed_and_comes_back(town, where):  # noqa: F811
    host, unit, user, manager = at(town, where)
    folder = f"/etc/systemd/{'user' if user else 'system'}/{unit}.d"
    host.write(f"{folder}/watchdog.conf", WATCHDOG)
    host.run("systemctl", *manager, "daemon-reload", user=user)
    host.run("systemctl", *manager, "restart", unit, user=user)
    with town.under_load():
        comes_back(host, unit, lambda pid: host.kill("STOP", pid), user)
    name = "USER_UNIT" if user else "UNIT"
    told = [e.get("MESSAGE", "") for e in host.journal(f"{name}={unit}", *(["_UID=2001"] if user else []))]
    assert any("Failed with result 'watchdog'" in m for m in told), told
    host.run("rm", f"{folder}/watchdog.conf")
    host.run("systemctl", *manager, "daemon-reload", user=user)
    host.run("systemctl", *manager, "restart", unit, user=user)


def test_the_directory_is_what_it_was(town):  # noqa: F811
    wait_for(lambda: '"lobby"' in directory(town), "the lobby to be in the directory")
