# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the operator's door holds against: words that are none, more calls than it takes, and a bus or a tracker that
ends in the middle of what was begun."""
import os
import random
import signal
import threading

import pytest

from operatorstage import STRANGER, begin, get, office, staged
from outsider import Connection, pin_of, sign_up
from p2pchat import wait_for
from polkit import TRACKER, Operator, Refused
from test_operator_deeds import AUTHORITY, CHANNELS, ERROR, LEASES, USERS
from trackerstage import FAST, host_payload

INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
MIB = 1024 * 1024
TEXTS = ["", "\x01", "a\nPRIORITY=0", "\x7f", "\u202e", "\ufeffann", "%s%n", "../..", "a\tb", "é" * 20, "x" * MIB]


def quoted(text):
    return "'" + (text if text.isalnum() and text.isascii() else "".join(f"\\u{ord(c):04x}" for c in text)) + "'"


def deed(operator, interface, method, name):
    return operator.begin(interface, method, f"('{name}', @a{{sv}} {{}})", "(sa{sv})")


def named_error(operator, *call):
    name, message = operator.refused(*call)
    assert name == INVALID or name.startswith(ERROR) and name != ERROR + "Internal", (call[1], name)
    assert len(message) <= 500 and "\n" not in message and "\x01" not in message, (call[1], message)


@pytest.mark.parametrize("interface, method", [
    *((USERS, m) for m in ("Get", "Suspend", "Resume", "Reset", "Delete")), (CHANNELS, "Delist"), (CHANNELS, "Relist")])
def test_names_and_reasons_that_are_none(office, interface, method):
    for text in TEXTS:
        named_error(office.operator, interface, method, f"({quoted(text)}, @a{{sv}} {{}})", "(sa{sv})")
        if text not in ("", "%s%n", "../..", "é" * 20, "\u202e", "\ufeffann"):
            named_error(office.operator, interface, method, f"('ann', {{'reason': <{quoted(text)}>}})", "(sa{sv})")
    for option in ("'reason': <uint32 5>", "'reason': <[<'a'>]>", "'reson': <'x'>", f"'{'k' * MIB}': <1>"):
        named_error(office.operator, interface, method, f"('ann', {{{option}}})", "(sa{sv})")
    for arguments, signature in (("(uint32 5, @a{sv} {})", "(ua{sv})"), ("('ann',)", "(s)")):
        named_error(office.operator, interface, method, arguments, signature)


@pytest.mark.parametrize("interface", [USERS, CHANNELS, LEASES])
@pytest.mark.parametrize("option", [
    "'limit': <uint32 0>", "'limit': <uint32 4294967295>", "'limit': <int32 -1>", "'limit': <'5'>",
    "'limit': <uint64 9>",
    "'limit': <<uint32 1>>", "'after': <uint32 1>", "'after': <'a\\nb'>", f"'after': <'{'x' * MIB}'>", "'colour': <1>"])
def test_pages_that_are_none(office, interface, option):
    named_error(office.operator, interface, "List", f"({{{option}}},)", "(a{sv})")


def test_a_reason_writes_no_line_of_the_journal(office):
    sign_up(office.tracker.address, "mallory")
    for reason in ("PRIORITY=0", "%s%n%x", "x\u2028MESSAGE_ID=1", "\u202egnp"):
        number = office.operator.begin(USERS, "Suspend", f"('mallory', {{'reason': <{quoted(reason)}>}})", "(sa{sv})")
        try:
            office.operator.end(number)
        except Refused as e:
            assert e.name == ERROR + "BadRequest"
    lines = office.tracker.process.text().split("\n")
    assert not [line for line in lines if line.startswith(("PRIORITY", "MESSAGE_ID", "\u2028"))]


@pytest.mark.parametrize("verdict", ["yes", "no"])
def test_thousands_of_calls_at_once(verdict):
    """Each is answered, most with what to do instead; clients and other callers are served meanwhile."""
    with staged() as world, Connection(world.tracker.address) as client, \
            Operator(world.bus, STRANGER) as many, Operator(world.bus) as other:
        world.polkit.verdict(verdict)
        numbers, n = [], 3000
        caller = threading.Thread(target=lambda: [numbers.append(many.begin(USERS, "List")) for _ in range(n)])
        caller.start()
        outcomes = set()
        for i in range(n):
            wait_for(lambda: len(numbers) > i, "the call to be begun")
            try:
                many.end(numbers[i])
                outcomes.add("ok")
            except Refused as e:
                outcomes.add(e.name)
            if i % 100 == 0:
                client.ok("LIST")
            if i % 500 == 0 and os.geteuid() == 0:
                assert other.call(USERS, "List")
        caller.join()
        assert ERROR + "Busy" in outcomes
        assert not outcomes & {ERROR + "Internal", "org.freedesktop.DBus.Error.NoReply", "lost"}
        client.ok("LIST")


def is_whole(world, first, pins):
    """The authority is one that was, or one above all that were told."""
    known = [get(world, AUTHORITY, "Pin"), *get(world, AUTHORITY, "PreviousPins")]
    assert known[-1] == first and set(pins) <= set(known)
    with Connection(world.tracker.address, pin=first) as c:
        c.ok("LIST")
        assert [pin_of(ca) for ca in c.chain[1:]] == known


def outcome(operator, number):
    """→ its result; None: nobody knows."""
    try:
        return operator.end(number)
    except Refused as e:
        assert e.name.startswith("org.freedesktop.DBus.Error.") or e.name in ("lost", ERROR + "Cancelled"), str(e)
        return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs no polkit")
@pytest.mark.parametrize("who", ["bus", "tracker"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_end_in_the_middle(who, seed):
    """What was answered holds, what was not is done or not."""
    names, chance, pins = ("ann", "ben", "cem"), random.Random(seed), []
    with staged(FAST) as world:
        for name in names:
            me = sign_up(world.tracker.address, name)
            with Connection(world.tracker.address, me) as c:
                c.ok("HOST", host_payload("of-" + name))
        first, suspended, delisted = get(world, AUTHORITY, "Pin"), {}, {}
        for turn in range(5):
            with Operator(world.bus) as one:
                begun = []
                for name in names:
                    for interface, method, about in ((USERS, chance.choice(("Suspend", "Resume")), name),
                                                     (CHANNELS, chance.choice(("Delist", "Relist")), "of-" + name)):
                        begun.append((interface, method, name, deed(one, interface, method, about)))
                if turn % 2 == 0:
                    begun.append((AUTHORITY, "Rotate", None, one.begin(AUTHORITY, "Rotate")))
                one.flush()
                for _ in range(chance.randrange(4)):  # some are answered before it, in the order of the bus
                    outcome(one, begun[0][3])
                if who == "bus":
                    world.bus.stop()
                else:
                    world.tracker.stop(signal.SIGKILL)
                for interface, method, name, number in begun:
                    result = outcome(one, number)
                    if interface == AUTHORITY:
                        pins += result or []
                    else:
                        known = suspended if interface == USERS else delisted
                        wanted = method in ("Suspend", "Delist")
                        before = known.get(name, {False})
                        known[name] = {wanted} if result is not None else before | {wanted}
            if who == "bus":
                world.polkit.stop()
                world.bus.start()
                wait_for(lambda: world.bus.connection.name_has_owner(TRACKER), "the tracker to be back")
            else:
                world.tracker.start()
                begin(world)
            with Operator(world.bus) as one:
                users = {u[0]: u[1] == "suspended" for u in one.call(USERS, "List")[0]}
                channels = {c[0]: c[2] == "delisted" for c in one.call(CHANNELS, "List")[0]}
            for name in names:
                assert users[name] in suspended[name] and channels["of-" + name] in delisted[name], (name, turn)
                suspended[name], delisted[name] = {users[name]}, {channels["of-" + name]}
            is_whole(world, first, pins)
