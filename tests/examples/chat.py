#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""chat.py CHANNEL: says what is typed, and shows what is said; python3-gi is all that it needs."""
import sys

from gi.repository import Gio, GLib

NAME, PATH, cursor = "org.p2pchat.Peer1", "/org/p2pchat/Peer1", 0
bus, loop, stdin = Gio.bus_get_sync(Gio.BusType.SESSION), GLib.MainLoop(), open(0, "rb", buffering=0)


def call(path, interface, method, form, *arguments):
    return bus.call_sync(NAME, path, f"{NAME}.{interface}", method, GLib.Variant(form, arguments), None, 0, -1).unpack()


def pull(*_):
    global cursor
    more = True
    while more:
        entries, page = call(channel, "Channel", "GetMessages", "(tua{sv})", cursor, 500, {})
        for _seq, _id, kind, user, _type, _time, extra in entries:
            if kind == "message" and "text" in extra:
                print(f"<{user}> {' '.join(extra['text'].split())}", flush=True)
        cursor, more = page["next_anchor"], page["more"]


def typed(*_):
    line = stdin.readline().decode()
    if line.strip():
        call(channel, "Channel", "Send", "(sa{sv})", line.rstrip("\n"), {})
    return bool(line) or loop.quit()


(channel,) = call(PATH, "Manager", "Join", "(sa{sv})", sys.argv[1], {})
bus.signal_subscribe(NAME, f"{NAME}.Channel", "EntriesAppended", channel, None, 0, pull)
Gio.bus_watch_name_on_connection(bus, NAME, 0, pull, None)  # now, and when the daemon has come back
GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, typed)
loop.run()
