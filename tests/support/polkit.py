# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands around the operator's door of a tracker: a polkit on the tests' own system bus (of its API what a
service may ask), which does as it is told; and operators, each a program of its own with a user of its own.

    with SystemBus(world.directory, "tracker") as bus, Polkit(bus) as polkit, Operator(bus, uid=NOBODY) as one:
        polkit.verdict("no")
        one.refused(MANAGER, "GetStatistics", "({},)")"""
import inspect
import itertools
import json
import os
import select
import subprocess
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import Gio, GLib

from p2pchat import DEADLINE, Process, wait_for

NAME = "org.freedesktop.PolicyKit1"
PATH = "/org/freedesktop/PolicyKit1/Authority"
AUTHORITY = NAME + ".Authority"
TEST = "org.p2pchat.Test"
TRACKER, TRACKER_PATH = "org.p2pchat.Tracker1", "/org/p2pchat/Tracker1"
NOBODY = 65534
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
CHALLENGE = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
VERDICTS = {"yes": (True, False), "no": (False, False), "challenge": (False, True)}


# -- polkit, in the process of its own

class Failed(dbus.DBusException):
    _dbus_error_name = NAME + ".Error.Failed"


class Authority(dbus.service.Object):
    def __init__(self, bus):
        super().__init__(bus, PATH)
        self.verdict = "no"
        self.asked, self.cancelled, self.waiting = [], [], {}

    @dbus.service.method(AUTHORITY, in_signature="(sa{sv})sa{ss}us", out_signature="(bba{ss})",
                         async_callbacks=("reply", "fail"))
    def CheckAuthorization(self, subject, action, details, flags, cancellation, reply, fail):
        self.asked.append([str(subject[0]), str(subject[1].get("name", "")), str(action), int(flags),
                           str(cancellation)])
        if self.verdict == "fail":
            fail(Failed("Action is not registered"))
        elif self.verdict == "hang":
            self.waiting[str(cancellation)] = reply
        else:
            self.say(reply)

    def say(self, reply):
        reply((*VERDICTS[self.verdict], dbus.Dictionary({}, signature="ss")))

    @dbus.service.method(AUTHORITY, in_signature="s", out_signature="")
    def CancelCheckAuthorization(self, cancellation):
        self.cancelled.append(str(cancellation))
        self.waiting.pop(str(cancellation), None)

    @dbus.service.method(TEST, in_signature="s", out_signature="")
    def Verdict(self, verdict):
        self.verdict = str(verdict)
        if verdict in VERDICTS:
            for reply in self.waiting.values():
                self.say(reply)
            self.waiting = {}

    @dbus.service.method(TEST, in_signature="", out_signature="s")
    def Seen(self):
        return json.dumps({"asked": self.asked, "cancelled": self.cancelled, "waiting": list(self.waiting)})


def be_polkit(address):
    bus = dbus.bus.BusConnection(address, mainloop=dbus.mainloop.glib.DBusGMainLoop())
    authority = Authority(bus)
    name = dbus.service.BusName(NAME, bus)
    GLib.MainLoop().run()
    del authority, name


# -- an operator's program

def be_operator(address):
    """Does each line of stdin, any number at once, and says how it ended."""
    flags = Gio.DBusConnectionFlags
    bus = Gio.DBusConnection.new_for_address_sync(
        address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)

    def tell(**what):
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()

    def on_reply(connection, result, number):
        try:
            reply = connection.send_message_with_reply_finish(result)
        except GLib.Error as e:
            tell(id=number, error=Gio.DBusError.get_remote_error(e) or "lost", message=e.message)
            return
        body = reply.get_body()
        if reply.get_message_type() == Gio.DBusMessageType.ERROR:
            tell(id=number, error=reply.get_error_name(), message=body.unpack()[0] if body else "")
        else:
            tell(id=number, result=body.unpack() if body else [])

    def on_input(source, condition):
        more = os.read(0, 65536)
        if not more:
            loop.quit()
            return False
        *lines, rest[0] = (rest[0] + more).split(b"\n")
        for line in lines:
            do(json.loads(line))
        return True

    def do(call):
        if not call["interface"]:
            bus.flush_sync(None)
            tell(id=call["id"], result=[])
            return
        m = Gio.DBusMessage.new_method_call(TRACKER, TRACKER_PATH, call["interface"], call["method"])
        m.set_body(GLib.Variant.parse(GLib.VariantType(call["signature"]), call["arguments"], None, None))
        if call["interactive"]:
            m.set_flags(Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION)
        bus.send_message_with_reply(m, Gio.DBusSendMessageFlags.NONE, DEADLINE * 1000, None, on_reply, call["id"])
    rest = [b""]
    loop = GLib.MainLoop()
    tell(name=bus.get_unique_name())
    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, on_input)
    loop.run()


# -- in the test

class Polkit:
    def __init__(self, bus):
        self.bus = bus
        self.process = Process([sys.executable, __file__, bus.address], bus.socket + ".polkit.log")
        wait_for(lambda: bus.connection.name_has_owner(NAME), "polkit to be there")

    def ask(self, method, signature="", *arguments):
        return self.bus.connection.call_blocking(NAME, PATH, TEST, method, signature, arguments)

    def verdict(self, verdict):
        """yes, no, challenge, hang (until another is said), fail."""
        self.ask("Verdict", "s", verdict)

    def seen(self):
        """→ asked [[kind, name of who asks, action, flags, cancellation id]], cancelled [id], waiting [id]."""
        return json.loads(self.ask("Seen"))

    def stop(self):
        if self.process:
            self.process.end()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class Refused(Exception):
    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


# As a text: another user may not be let into the folder that this file is in.
OPERATOR = f"""
import json, os, sys
from gi.repository import Gio, GLib
TRACKER, TRACKER_PATH, DEADLINE = {TRACKER!r}, {TRACKER_PATH!r}, {DEADLINE!r}
{inspect.getsource(be_operator)}
be_operator(sys.argv[1])
"""


class Operator:
    """A program that calls the tracker, as the user `uid` (None: as who runs the tests)."""

    def __init__(self, bus, uid=None):
        self.numbers = itertools.count()
        self.answers = {}
        self.rest = b""
        self.child = subprocess.Popen(
            [sys.executable, "-c", OPERATOR, bus.address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            user=uid, group=uid, extra_groups=[] if uid is not None else None, bufsize=0)
        self.name = self.read()["name"]

    def read(self):
        while b"\n" not in self.rest:
            assert select.select([self.child.stdout], [], [], DEADLINE)[0], "an operator's program says nothing"
            more = os.read(self.child.stdout.fileno(), 65536)
            assert more, "an operator's program has ended"
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def begin(self, interface, method, arguments="(@a{sv} {},)", signature="(a{sv})", interactive=False):
        """→ its number: several can wait. arguments: as GVariant text."""
        number = next(self.numbers)
        call = {"id": number, "interface": interface, "method": method, "arguments": arguments,
                "signature": signature, "interactive": interactive}
        self.child.stdin.write(json.dumps(call).encode() + b"\n")
        return number

    def end(self, number):
        """→ what that call returned; or Refused."""
        while number not in self.answers:
            answer = self.read()
            assert answer["id"] not in self.answers, "answered twice"
            self.answers[answer["id"]] = answer
        answer = self.answers[number]
        if "error" in answer:
            raise Refused(answer["error"], answer["message"])
        return answer["result"]

    def flush(self):
        """All that was begun is on its way to the bus, which may stand still."""
        self.end(self.begin(None, None))

    def call(self, interface, method, *arguments, **how):
        return self.end(self.begin(interface, method, *arguments, **how))

    def refused(self, interface, method, *arguments, **how):
        """→ the error's name and message."""
        return self.ended_badly(self.begin(interface, method, *arguments, **how))

    def ended_badly(self, number):
        try:
            result = self.end(number)
        except Refused as e:
            return e.name, e.message
        raise AssertionError(f"the call was not refused: {result}")

    def leave(self):
        if self.child:
            self.child.stdin.close()
            self.child.wait(DEADLINE)
            self.child.stdout.close()
            self.child = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.leave()


if __name__ == "__main__":
    be_polkit(sys.argv[1])
