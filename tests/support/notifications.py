# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop of the tests' own: org.freedesktop.Notifications on a peer's bus, of which a test sees what it
was asked, and says when it answers. The process of its own is this file.

    with Desktop(bob) as desktop:
        popup = desktop.wait(1)[0]      # id, replaces, summary, body, hints, actions"""
import collections
import sys

import dbus
import dbus.bus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

from p2pchat import Process, plain, wait_for

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
WINDOW = "org.p2pchat.Chat"
WINDOW_PATH = "/org/p2pchat/Chat"
TEST = "org.p2pchat.Test"
Popup = collections.namedtuple("Popup", "id replaces summary body hints actions")


# -- in the process of its own

class Server(dbus.service.Object):
    def __init__(self, bus, *capabilities):
        self.capabilities = capabilities
        self.popups = []
        self.closed = []
        self.holds = False
        self.n_asked = 0  # what it can do
        self.waiting = []
        self.last_id = 0
        super().__init__(bus, PATH)

    @dbus.service.method(NAME, in_signature="", out_signature="as")
    def GetCapabilities(self):
        self.n_asked += 1
        if "broken" in self.capabilities:
            raise dbus.DBusException("as said", name="org.freedesktop.DBus.Error.Spawn.ChildExited")
        return dbus.Array(self.capabilities, signature="s")

    @dbus.service.method(NAME, in_signature="susssasa{sv}i", out_signature="u", async_callbacks=("answer", "fail"))
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout, answer, fail):
        number = replaces
        if not number:
            number = self.last_id = self.last_id + 1
        self.popups.append((number, replaces, summary, body, hints, actions))
        if self.holds:
            self.waiting.append((answer, number))
        else:
            answer(number)

    @dbus.service.method(NAME, in_signature="u", out_signature="")
    def CloseNotification(self, number):
        self.closed.append(number)
        self.NotificationClosed(number, 3)

    @dbus.service.signal(NAME, signature="uu")
    def NotificationClosed(self, number, reason):
        pass

    @dbus.service.signal(NAME, signature="us")
    def ActionInvoked(self, number, action):
        pass

    @dbus.service.signal(NAME, signature="us")
    def ActivationToken(self, number, token):
        pass

    @dbus.service.method(TEST, in_signature="uss", out_signature="")
    def Click(self, number, action, token):
        if token:
            self.ActivationToken(number, token)
        self.ActionInvoked(number, action)
        self.NotificationClosed(number, 2)

    @dbus.service.method(TEST, in_signature="", out_signature="a(uussa{sv}as)")
    def Shown(self):
        return dbus.Array(self.popups, signature="(uussa{sv}as)")

    @dbus.service.method(TEST, in_signature="", out_signature="au")
    def Closed(self):
        return dbus.Array(self.closed, signature="u")

    @dbus.service.method(TEST, in_signature="", out_signature="u")
    def Asked(self):
        return self.n_asked

    @dbus.service.method(TEST, in_signature="b", out_signature="")
    def Hold(self, holds):
        self.holds = holds
        while not holds and self.waiting:
            answer, number = self.waiting.pop(0)
            answer(number)

    @dbus.service.method(TEST, in_signature="uu", out_signature="")
    def Dismiss(self, number, reason):
        self.NotificationClosed(number, reason)


class Window(dbus.service.Object):
    """What stands in for the window where a test has none: it notes what it is asked."""
    def __init__(self, bus):
        self.asked = []
        super().__init__(bus, WINDOW_PATH)

    @dbus.service.method("org.freedesktop.Application", in_signature="sava{sv}", out_signature="")
    def ActivateAction(self, action, parameters, platform):
        self.asked.append((action, parameters, platform))

    @dbus.service.method(TEST, in_signature="", out_signature="a(sava{sv})")
    def Activated(self):
        return dbus.Array(self.asked, signature="(sava{sv})")


def main(address, *capabilities):
    bus = dbus.bus.BusConnection(address, mainloop=dbus.mainloop.glib.DBusGMainLoop())
    objects = [Server(bus, *capabilities), dbus.service.BusName(NAME, bus)]
    if "window" in capabilities:
        objects += [Window(bus), dbus.service.BusName(WINDOW, bus)]
    GLib.MainLoop().run()


# -- in the test

class Desktop:
    def __init__(self, peer, *capabilities):
        self.peer = peer
        self.capabilities = capabilities
        self.process = None

    def start(self):
        self.process = Process([sys.executable, __file__, self.peer.bus_address, *self.capabilities],
                               self.peer.socket + ".desktop.log")
        wait_for(lambda: self.peer.bus.name_has_owner(NAME), "the desktop to be there")
        return self

    def stop(self):
        self.process.end()
        wait_for(lambda: not self.peer.bus.name_has_owner(NAME), "the desktop to be gone")

    def ask(self, method, signature="", *args):
        return self.peer.bus.call_blocking(NAME, PATH, TEST, method, signature, args)

    def shown(self):
        """→ all that it was asked to show since its start."""
        return [Popup(*plain(p)) for p in self.ask("Shown")]

    def wait(self, n):
        """→ the same, once there are so many."""
        def shown():
            popups = self.shown()
            return popups if len(popups) >= n else None
        return wait_for(shown, f"{n} to be shown")

    def n_asked(self):
        return int(self.ask("Asked"))

    def closed(self):
        return plain(self.ask("Closed"))

    def hold(self, holds=True):
        """From now on nothing is answered; else all is, what was asked meanwhile too."""
        self.ask("Hold", "b", holds)

    def dismiss(self, number, reason=2):
        self.ask("Dismiss", "uu", number, reason)

    def activated(self):
        """→ what the window of this desktop ("window") was asked: action, parameters, platform data."""
        return plain(self.peer.bus.call_blocking(WINDOW, WINDOW_PATH, TEST, "Activated", "", ()))

    def click(self, number, action="default", token=""):
        self.ask("Click", "uss", number, action, token)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
