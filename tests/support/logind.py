# SPDX-License-Identifier: LGPL-2.1-or-later
"""A system bus of the tests' own, and a logind on it: of logind(8)'s API what a daemon may ask about one
user's sessions. The process of its own is this file; what it shows is said by Logind, in the test.

    with SystemBus(world.directory, "alice") as bus, bus.logind() as logind:
        alice.start_daemon(env=bus.environment)
        logind.session("1", IdleHint=True)"""
import os
import sys

import dbus
import dbus.bus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

import buses
from p2pchat import PROPERTIES, Process, wait_for

NAME = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER, USER, SESSION = NAME + ".Manager", NAME + ".User", NAME + ".Session"
TEST = "org.p2pchat.Test"
PLAIN = {"Class": "user", "Type": "wayland", "State": "active", "Active": True, "IdleHint": False, "LockedHint": False}


# -- in the process of its own

class NoSuchUser(dbus.DBusException):
    _dbus_error_name = NAME + ".NoSuchUser"


class Thing(dbus.service.Object):
    """A user or a session: an object with properties."""

    interface = SESSION
    properties = {}

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        assert interface == self.interface
        return self.properties

    @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.GetAll(interface)[name]

    @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, invalidated):
        pass


class User(Thing):
    interface = USER


class Login(dbus.service.Object):
    def __init__(self, bus):
        self.bus = bus
        self.sessions = {}
        self.n_asked = 0
        self.lingers = False
        self.user = User(bus, f"{PATH}/user/_{os.getuid()}")
        self.show_sessions()
        super().__init__(bus, PATH)

    def show_sessions(self):
        self.user.properties = {"Linger": self.lingers, "Sessions": dbus.Array(
            [(i, dbus.ObjectPath(self.path_of(i))) for i in self.sessions], signature="(so)")}

    @staticmethod
    def path_of(session):
        return f"{PATH}/session/_3{session}"

    @dbus.service.method(MANAGER, in_signature="u", out_signature="o")
    def GetUser(self, uid):
        self.n_asked += 1
        if uid != os.getuid() or not self.user:
            raise NoSuchUser(f"User ID {uid} is not logged in or lingering")
        return self.user.__dbus_object_path__

    @dbus.service.signal(MANAGER, signature="so")
    def SessionNew(self, session, path):
        pass

    @dbus.service.signal(MANAGER, signature="so")
    def SessionRemoved(self, session, path):
        pass

    @dbus.service.method(TEST, in_signature="sa{sv}", out_signature="")
    def Session(self, name, properties):
        is_new = name not in self.sessions
        if is_new:
            self.sessions[name] = Thing(self.bus, self.path_of(name))
            self.sessions[name].properties = dict(PLAIN)
            self.show_sessions()
            self.SessionNew(name, self.path_of(name))
        self.sessions[name].properties.update(properties)
        if not is_new:
            self.sessions[name].PropertiesChanged(SESSION, properties, [])

    @dbus.service.method(TEST, in_signature="s", out_signature="")
    def Remove(self, name):
        self.sessions.pop(name).remove_from_connection()
        self.show_sessions()
        self.SessionRemoved(name, self.path_of(name))

    @dbus.service.method(TEST, in_signature="b", out_signature="")
    def Linger(self, lingers):
        self.lingers = lingers
        self.show_sessions()
        self.user.PropertiesChanged(USER, {"State": "active"}, [])

    @dbus.service.method(TEST, in_signature="", out_signature="")
    def Unknown(self):
        self.user = None
        self.PropertiesChanged()

    @dbus.service.signal(MANAGER, signature="")
    def PropertiesChanged(self):
        pass

    @dbus.service.method(TEST, in_signature="", out_signature="u")
    def Asked(self):
        return self.n_asked


def main(address):
    bus = dbus.bus.BusConnection(address, mainloop=dbus.mainloop.glib.DBusGMainLoop())
    login = Login(bus)
    name = dbus.service.BusName(NAME, bus)
    GLib.MainLoop().run()
    del login, name


# -- in the test

class Logind:
    def __init__(self, bus, **session):
        """With one session, "1", of these properties beside PLAIN; None: without any."""
        self.bus = bus
        self.process = Process([sys.executable, __file__, bus.address], bus.socket + ".logind.log")
        wait_for(lambda: bus.connection.name_has_owner(NAME), "logind to be there")
        if session is not None:
            self.session("1", **session)

    def ask(self, method, signature="", *args):
        return self.bus.connection.call_blocking(NAME, PATH, TEST, method, signature, args)

    def session(self, name, **properties):
        """Makes it, or changes it; in one step for who is told."""
        self.ask("Session", "sa{sv}", name, dbus.Dictionary(properties, signature="sv"))

    def remove(self, name):
        self.ask("Remove", "s", name)

    def linger(self, lingers):
        """Some signal comes with it; the real one tells by its files alone (tests/system)."""
        self.ask("Linger", "b", lingers)

    def unknown(self):
        """The user is nobody to logind."""
        self.ask("Unknown")

    def n_asked(self):
        return int(self.ask("Asked"))

    def stop(self):
        self.process.end()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class SystemBus:
    def __init__(self, directory, name):
        self.socket = os.path.join(directory, name + ".system")
        self.address = "unix:path=" + self.socket
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.address}
        self.process = self.connection = None

    def start(self):
        self.process = Process(buses.command(self.socket), self.socket + ".log")
        self.connection = wait_for(self.connect, "the system bus")
        return self

    def connect(self):
        try:
            connection = dbus.bus.BusConnection(self.address)
        except dbus.DBusException:
            return None
        connection.set_exit_on_disconnect(False)
        return connection

    def logind(self, **session):
        return Logind(self, **session)

    def stop(self):
        if self.process:
            self.connection.close()
            self.process.end()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()


if __name__ == "__main__":
    main(sys.argv[1])
