# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines that are rebooted, or lose what they run by an upgrade, with units enabled: people find everything
as it was."""
import json

import pytest

from booted import BUILD
from p2pchat import wait_for
from town import DAEMON, TRACKER, comes_back, town  # noqa: F401


def pin(host, user):
    return json.loads(host.user(user, "p2pchatctl", "tracker", "--json=short"))["tracker_pin"]


@pytest.mark.parametrize("where", ["hub", "desk", "lap"])
def test_a_reboot_loses_nothing(town, where):  # noqa: F811
    host = getattr(town, where)
    before = pin(town.desk, "alice")
    with town.under_load():
        pass
    leader = host.leader
    host.reboot()
    assert host.leader != leader
    wait_for(town.online, "everybody to be there again", 60)
    with town.under_load():
        pass
    assert pin(town.desk, "alice") == before


def test_an_upgrade_loses_nothing(town):  # noqa: F811
    """What is installed over what runs is what runs after a restart of the units, while people talk."""
    def inode(host, path):
        return host.run("stat", "--format=%i", path).stdout

    def is_current(host, unit, program, user=None):
        pid = host.show(unit, "MainPID", *(["--user"] if user else []), user=user)
        return host.run("stat", "--dereference", "--format=%i", f"/proc/{pid}/exe").stdout == inode(host, program)
    build = BUILD / "installed-build"
    with town.under_load():
        for host, unit, program, user in ((town.hub, TRACKER, "/usr/libexec/p2pchat-trackerd", None),
                                          (town.desk, DAEMON, "/usr/libexec/p2pchatd", "alice"),
                                          (town.lap, DAEMON, "/usr/libexec/p2pchatd", "bob")):
            manager = ["--user"] if user else []
            before = inode(host, program)
            host.run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--strip")
            assert inode(host, program) != before
            assert not is_current(host, unit, program, user)
            host.run("systemctl", *manager, "daemon-reload", user=user)
            comes_back(host, unit, lambda _, h=host, m=manager, n=unit, u=user:
                       h.run("systemctl", *m, "try-restart", n, user=u), user)
            assert is_current(host, unit, program, user)
