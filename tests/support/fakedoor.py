# SPDX-License-Identifier: LGPL-2.1-or-later
"""An operator's door of the tests' own: everything that the XML of org.p2pchat.Tracker1.* describes, with answers
that a test gives, in a process of its own (this file). Types are the XML's, so that nothing is answered that the
tracker could not answer.

    with SystemBus(world.directory, "op") as bus, FakeDoor(bus) as door:
        door.answer("Users.List", "([('bob', 'active', uint64 1, uint64 0, @a{sv} {})], '')")
        door.fail("Users.Get", "org.p2pchat.Error.NoSuchUser", "there is nobody")
        door.calls()        # [["Users.List", "({},)", interactive], …]"""
import json
import os
import sys

from gi.repository import Gio, GLib

from p2pchat import Process, wait_for

NAME, PATH = "org.p2pchat.Tracker1", "/org/p2pchat/Tracker1"
TEST, TEST_PATH = "org.p2pchat.Test", "/org/p2pchat/Test"
LOG_PATH = "/org/freedesktop/LogControl1"
INTERACTIVE = Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
MORE = """<node><interface name="org.p2pchat.Test">
  <method name="Answer"><arg type="s" direction="in"/><arg type="as" direction="in"/></method>
  <method name="Fail"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/></method>
  <method name="Set"><arg type="s" direction="in"/><arg type="s" direction="in"/></method>
  <method name="Calls"><arg type="s" direction="out"/></method>
</interface><interface name="org.freedesktop.LogControl1">
  <property name="LogLevel" type="s" access="readwrite"/>
</interface></node>"""
PROPERTIES = {
    "Manager.Version": "'0.1.0'", "Manager.Sessions": "uint32 12", "Manager.Leases": "uint32 3",
    "Manager.StoreState": "'ok'", "Authority.Pin": "'sha256:" + "ab" * 32 + "'", "Authority.TrackerId": "'" + "0f" * 16 + "'",
    "Authority.Created": "uint64 1700000000000000", "Authority.Source": "'file'", "Authority.PreviousPins": "@as []",
    "LogControl1.LogLevel": "'info'",
}


class Service:
    """What the process does."""

    def __init__(self, address):
        flags = Gio.DBusConnectionFlags
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
        self.answers, self.calls, self.properties = {}, [], dict(PROPERTIES)
        directory = os.environ["P2PCHAT_DBUS_DIR"]
        for name in sorted(os.listdir(directory)):
            if name.startswith(NAME + ".") and name.endswith(".xml"):
                with open(os.path.join(directory, name), encoding="utf-8") as f:
                    self.export(PATH, f.read())
        self.export(TEST_PATH, MORE)
        self.export(LOG_PATH, MORE)
        Gio.bus_own_name_on_connection(self.bus, NAME, Gio.BusNameOwnerFlags.NONE, None, None)
        GLib.MainLoop().run()

    def export(self, path, xml):
        for interface in Gio.DBusNodeInfo.new_for_xml(xml).interfaces:
            if interface.name.endswith("LogControl1") == (path == LOG_PATH):
                self.bus.register_object(path, interface, self.called, self.get, self.set)

    def get(self, _bus, _sender, _path, interface, name):
        return GLib.Variant.parse(None, self.properties[f"{interface.rpartition('.')[2]}.{name}"], None, None)

    def set(self, _bus, _sender, _path, interface, name, value):
        self.properties[f"{interface.rpartition('.')[2]}.{name}"] = value.print_(True)
        return True

    def called(self, _bus, _sender, _path, interface, method, arguments, invocation):
        if interface == TEST:
            return self.told(method, arguments.unpack(), invocation)
        name = f"{interface.rpartition('.')[2]}.{method}"
        self.calls.append([name, arguments.print_(False), bool(invocation.get_message().get_flags() & INTERACTIVE)])
        answers = self.answers.get(name, ["()"])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, tuple):
            return invocation.return_dbus_error(*answer)
        types = "(" + "".join(a.signature for a in invocation.get_method_info().out_args) + ")"
        return invocation.return_value(GLib.Variant.parse(GLib.VariantType(types), answer, None, None))

    def told(self, method, arguments, invocation):
        if method == "Answer":
            self.answers[arguments[0]] = arguments[1]
        elif method == "Fail":
            self.answers[arguments[0]] = [arguments[1:]]
        elif method == "Set":
            self.properties[arguments[0]] = arguments[1]
        calls = json.dumps(self.calls)
        self.calls = []
        invocation.return_value(GLib.Variant("(s)", (calls,)) if method == "Calls" else None)


class FakeDoor:
    """What a test has of it. Answers are written as GLib.Variant prints them."""

    def __init__(self, bus):
        self.bus = bus
        self.process = Process([sys.executable, __file__, bus.address], bus.socket + ".door.log")
        wait_for(lambda: bus.connection.name_has_owner(NAME), "the door to be there")

    def ask(self, method, signature="", *arguments):
        return self.bus.connection.call_blocking(NAME, TEST_PATH, TEST, method, signature, arguments)

    def answer(self, method, *results):
        """One after the other; the last one for all that follow."""
        self.ask("Answer", "sas", method, results)

    def fail(self, method, error, message):
        self.ask("Fail", "sss", method, error, message)

    def set(self, name, value):
        self.ask("Set", "ss", name, value)

    def calls(self):
        """What was asked since the last time: method, arguments, whether somebody could have been asked."""
        return json.loads(self.ask("Calls"))

    def stop(self):
        self.process.end()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


if __name__ == "__main__":
    Service(sys.argv[1])
