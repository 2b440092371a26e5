# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl without what it speaks to: no bus, a bus without a daemon, one that dies while it is asked. Each says what to
do next, to people and to programs, by exit status 3."""
import json
import os
import subprocess

import pytest

from p2pchat import BUS_NAME, DEADLINE, Peer, World, wait_for

ERROR = "org.p2pchat.Error."


def run(environment, *words):
    return subprocess.run([os.environ["P2PCHATCTL"], *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=DEADLINE, check=False)


def both(environment, *words):
    """→ what people read and the JSON error, pretty and short the same"""
    text = run(environment, *words)
    assert (text.returncode, text.stdout) == (3, ""), text
    errors = []
    for form in ("short", "pretty"):
        result = run(environment, f"--json={form}", *words)
        assert (result.returncode, result.stderr) == (3, ""), result
        assert (result.stdout.count("\n") > 1) == (form == "pretty")
        errors.append(json.loads(result.stdout)["error"])
    assert errors[0] == errors[1] and errors[0]["message"] in text.stderr
    return text.stderr, errors[0]["name"]


@pytest.fixture
def peer(tmp_path):
    with World(tmp_path) as world:
        peer = Peer(world, "x")
        world.peers.append(peer)
        yield peer


def test_no_bus(peer):
    text, name = both(peer.environment(), "status")
    assert name == ERROR + "NoBus" and "XDG_RUNTIME_DIR" in text
    environment = {k: v for k, v in peer.environment().items() if k not in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")}
    text, name = both(environment, "channels")
    assert name == ERROR + "NoBus" and "XDG_RUNTIME_DIR" in text


def test_no_daemon(peer):
    peer.start_bus()
    text, name = both(peer.environment(), "channels")
    assert name.startswith("org.freedesktop.DBus.Error.")
    assert "systemctl --user start p2pchatd" in text and "systemctl --user status p2pchatd" in text


# Has the daemon's name until it is asked something; then it is dead.
DYING = """
import os, sys
from gi.repository import Gio, GLib
flags = Gio.DBusConnectionFlags
bus = Gio.DBusConnection.new_for_address_sync(sys.argv[1], flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
def on_message(bus, message, incoming):
    if incoming and message.get_message_type() == Gio.DBusMessageType.METHOD_CALL:
        os._exit(0)
    return message
bus.add_filter(on_message)
Gio.bus_own_name_on_connection(bus, "org.p2pchat.Peer1", Gio.BusNameOwnerFlags.NONE, None, None)
GLib.MainLoop().run()
"""


@pytest.mark.parametrize("form", [(), ("-j",), ("--json=pretty",)])
def test_dies_while_it_is_asked(peer, form):
    peer.start_bus()
    dying = subprocess.Popen(["/usr/bin/python3", "-c", DYING, peer.bus_address], stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: peer.bus.name_has_owner(BUS_NAME), "the name to be taken")
        result = run(peer.environment(), *form, "status")
    finally:
        dying.kill()
        dying.wait()
    assert result.returncode == 3, result
    assert (result.stderr == "", result.stdout == "") == (bool(form), not form)
    message = result.stderr
    if form:
        error = json.loads(result.stdout)["error"]
        assert error["name"] == "org.freedesktop.DBus.Error.NoReply"
        message = error["message"]
    assert "ended while it was asked" in message and "journalctl --user -u p2pchatd" in message
