# SPDX-License-Identifier: LGPL-2.1-or-later
"""Becomes a dbus-broker that listens where it is told, without a service manager: of its launcher's part it
has what a bus without activation needs. What listens there, and what is tried on it, is the tests'.

    python3 dbusbroker.py SOCKET [OPTION OF dbus-broker…]

A child is the broker's controller. It speaks D-Bus with it over a pair of sockets, hands over the listening
socket with a policy that allows everything, and ends when the broker does."""
import os
import socket
import sys

from gi.repository import Gio, GLib

BROKER, LISTENER = "/org/bus1/DBus/Broker", "/org/bus1/DBus/Listener/0"
MACHINE = "0123456789abcdef0123456789abcdef"

# May connect; rules for names to own, for sending, for receiving. Each rule: verdict, priority, what it is about.
BATCH = "(bta(btbs)a(btssssuutt)a(btssssuutt))"
# For users, for ranges of them, SELinux, AppArmor, the type of the bus.
POLICY = f"(a(u{BATCH})a(buu{BATCH})a(ss)bs)"
EVERYBODY, ANY_FDS = 2**32 - 1, 2**64 - 1


def allow_all():
    message = (True, 1, "", "", "", "", 0, 0, 0, ANY_FDS)
    return GLib.Variant(POLICY, ([(EVERYBODY, (True, 1, [(True, 1, True, "")], [message], [message]))], [], [], False,
                                 "session"))


def control(broker, listener):
    """The whole life of the controller."""
    bus = Gio.DBusConnection.new_sync(
        Gio.Socket.new_from_fd(broker.detach()).connection_factory_create_connection(), None,
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
    loop = GLib.MainLoop()
    bus.connect("closed", lambda *_: loop.quit())
    bus.call_with_unix_fd_list_sync(
        None, BROKER, "org.bus1.DBus.Broker", "AddListener",
        GLib.Variant.new_tuple(GLib.Variant("o", LISTENER), GLib.Variant("h", 0), GLib.Variant.new_variant(allow_all())),
        None, Gio.DBusCallFlags.NONE, -1, Gio.UnixFDList.new_from_array([listener.detach()]), None)
    loop.run()


def main(path, *options):
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    listener.bind(path)
    os.chmod(path, 0o777)  # who may say what is the policy's
    listener.listen(4096)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    if os.fork() == 0:
        theirs.close()
        control(ours, listener)
        return
    os.set_inheritable(theirs.fileno(), True)
    os.execvp("dbus-broker", ["dbus-broker", "--controller", str(theirs.fileno()), "--machine-id", MACHINE, *options])


if __name__ == "__main__":
    main(*sys.argv[1:])
