# SPDX-License-Identifier: LGPL-2.1-or-later
"""The operator's door where it is meant to be: in the unit's sandbox, behind the machine's own system bus and polkit."""
import json
import shutil

import pytest

from booted import BROKERS
from p2pchat import wait_for
from polkit import CHALLENGE, DENIED

NAME = "org.p2pchat.Tracker1"
UNIT, SOCKET = "p2pchat-tracker.service", "p2pchat-tracker.socket"
RULE = """polkit.addRule(function(action, subject) {
        if (action.id == "org.p2pchat.tracker.view" && subject.user == "alice")
                return polkit.Result.YES;
});
"""


@pytest.fixture(scope="module", params=BROKERS)
def hub(site, request):
    """A machine on each of the two buses, which read the same policy."""
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param} here")
    host = site.boot(request.param.replace("dbus-", "hub-"), users=["alice"], broker=request.param)
    if host.run("systemctl", "cat", "polkit.service", check=False).returncode != 0:
        pytest.skip("there is no polkit here")
    return host


CALL = """
import json, sys
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
try:
    print(json.dumps(bus.call_sync(sys.argv[1], "/org/p2pchat/Tracker1", sys.argv[2], sys.argv[3],
                                   GLib.Variant.parse(None, sys.argv[4], None, None), None, 0, 60000, None).unpack()))
except GLib.Error as e:
    print(json.dumps([Gio.DBusError.get_remote_error(e), e.message]))
"""


def call(host, interface, method, arguments="(@a{sv} {},)", user=None):
    """→ the result, or the name of the error and its message."""
    return json.loads(host.python(CALL, NAME, f"{NAME}.{interface}", method, arguments, user=user).stdout)


def statistics(host, user=None):
    return call(host, "Manager", "GetStatistics", user=user)


def stop(host):
    host.run("systemctl", "stop", UNIT, SOCKET)
    wait_for(lambda: host.show(UNIT, "ActiveState") == "inactive", "the tracker to have stopped")


def test_a_call_starts_it(hub):
    assert hub.show(UNIT, "ActiveState") == "inactive"
    assert statistics(hub)[0]["store_state"] == "ok"
    assert hub.show(UNIT, "ActiveState") == "active"
    assert hub.show(SOCKET, "ActiveState") == "active"
    uid = hub.run("id", "-u", "p2pchat-tracker").stdout.strip()
    assert f"UID={uid}\n" in hub.run("busctl", "status", NAME).stdout
    # In its sandbox: no network, and nobody else's users.
    assert hub.show(UNIT, "PrivateNetwork") == hub.show(UNIT, "PrivateUsers") == "yes"


def test_polkit_decides(hub):
    name, message = statistics(hub, "alice")
    assert name == CHALLENGE and "authenticate" in message
    hub.write("/etc/polkit-1/rules.d/10-p2pchat.rules", RULE)
    hub.run("systemctl", "restart", "polkit.service")
    assert statistics(hub, "alice")[0]["leases"] == 0
    assert statistics(hub)[0]["leases"] == 0
    # What the rule does not name is as it was.
    assert call(hub, "Users", "Delete", "('bob', @a{sv} {})", user="alice")[0] == CHALLENGE


def test_the_bus_lets_nobody_else(hub):
    denied = hub.run("busctl", "call", NAME, "/org/freedesktop/LogControl1", "org.freedesktop.DBus.Properties", "Set",
                     "ssv", "org.freedesktop.LogControl1", "LogLevel", "s", "debug", user="alice", check=False)
    assert denied.returncode != 0 and "denied" in denied.stderr.lower(), denied.stderr
    program = ("import dbus, sys\n"
               "try:\n"
               "    dbus.SystemBus().request_name(sys.argv[1])\n"
               "except dbus.DBusException as e:\n"
               "    print(e.get_dbus_name())\n")
    for user in (None, "alice"):
        assert hub.python(program, NAME, user=user).stdout == "org.freedesktop.DBus.Error.AccessDenied\n"
    assert statistics(hub, "alice")[0]["leases"] == 0


def test_bus_and_socket_at_the_same_moment_are_one_process(hub):
    dial = ("import socket, ssl\n"
            "c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE\n"
            "c.set_alpn_protocols(['p2pchat/1'])\n"
            "s = c.wrap_socket(socket.create_connection(('127.0.0.1', 22236), 30))\n"
            "print(s.version())\n")
    for _ in range(3):
        stop(hub)
        hub.run("systemctl", "start", SOCKET)
        since = hub.run("journalctl", "--show-cursor", "-n0").stdout.split("cursor: ")[1].strip()
        dialled = hub.start("/usr/bin/python3", "-c", dial, stdout=-1, text=True)
        assert statistics(hub)[0]["store_state"] == "ok"
        assert dialled.communicate(timeout=60)[0] == "TLSv1.3\n"
        started = [e for e in hub.journal("--after-cursor", since, "-u", UNIT) if "Serving as" in str(e.get("MESSAGE"))]
        assert len(started) == 1 and hub.show(UNIT, "NRestarts") == "0", started


def test_without_polkit_it_is_root(hub):
    hub.run("systemctl", "mask", "--now", "polkit.service")
    try:
        name, message = statistics(hub, "alice")
        assert name == DENIED and "only root" in message
        assert statistics(hub)[0]["leases"] == 0
    finally:
        hub.run("systemctl", "unmask", "polkit.service")
