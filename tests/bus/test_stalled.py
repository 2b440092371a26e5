# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that asks for much and reads nothing. Each bus has its own way with it: dbus-daemon holds what is
for it, dbus-broker has a quota for all of a user's programs together and cuts one of them off, which may be
the one that only answered. The daemon serves everybody else all the same, and has its name again."""
import contextlib
import os
import socket

import dbus
from gi.repository import Gio, GLib

import buses
from p2pchat import BUS_NAME, CHANNEL, MODERATION, wait_for

# Bytes, where the bus has a quota; what is asked for is several times that.
QUOTA = 16 * 1024 * 1024
PAGES = 400  # of nearly 256 KiB


class Stalled:
    """A connection to a bus that can write and does not read."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        assert self.socket.recv(4096).startswith(b"OK ")
        self.socket.sendall(b"BEGIN\r\n")
        self.serial = 0
        self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")

    def ask(self, name, path, interface, method, arguments=None):
        message = Gio.DBusMessage.new_method_call(name, path, interface, method)
        self.serial += 1
        message.set_serial(self.serial)
        if arguments:
            message.set_body(arguments)
        self.socket.sendall(message.to_blob(Gio.DBusCapabilityFlags.NONE))

    def close(self):
        self.socket.close()


def test_asks_and_does_not_read(world):
    world.start_tracker()
    alice = world.peer("alice", start=False)
    alice.start_bus([f"--max-bytes={QUOTA}"] if buses.chosen == "dbus-broker" else [])
    with open(f"/proc/{alice.bus_process.pid}/comm", encoding="utf-8") as f:
        assert f.read() == buses.chosen + "\n"
    alice.start_daemon()
    alice.trust()
    alice.sign_up()
    bob = world.people("bob")
    hers = alice.host("lobby")
    alice.call(hers, MODERATION, "SetPermissions", "a{sv}", {"message_rate": dbus.UInt32(0)})
    his = bob.join("lobby")
    for _ in range(20):
        alice.send(hers, "x" * 16000)
    wait_for(lambda: alice.get(hers, CHANNEL, "SyncedSeq") == 22, "them to be stored")
    with contextlib.closing(Stalled(alice.socket)) as stalled:
        with contextlib.suppress(OSError):
            for _ in range(PAGES):
                stalled.ask(BUS_NAME, hers, CHANNEL, "GetMessages", GLib.Variant("(tua{sv})", (0, 500, {})))
        if buses.chosen == "dbus-broker":
            wait_for(lambda: "The session bus is gone" in alice.log(), "the daemon to be cut off")
        for i in range(50):
            bob.send(his, f"{i}", wait="stored")
        assert buses.chosen == "dbus-broker" or alice.is_up()
    if not alice.bus.get_is_connected():  # of the same user: perhaps it was its turn
        alice.bus = wait_for(alice.connect, "the bus")
    wait_for(alice.is_up, "the name to be taken again")
    assert [t for t in alice.texts(hers) if len(t) < 9] == [str(i) for i in range(50)]
