# SPDX-License-Identifier: LGPL-2.1-or-later
"""The operator's door of a tracker (org.p2pchat.Tracker1): who may come in, as polkit and the bus say, and that a
tracker does without either."""
import os
import xml.etree.ElementTree as ET

import dbus
import pytest

from operatorstage import IS_ROOT, STRANGER, begin, get, needs_root, stage, stranger
from outsider import Connection
from p2pchat import PROPERTIES, wait_for
from polkit import CHALLENGE, DENIED, TRACKER, TRACKER_PATH, Operator, Polkit
from test_api import members

MANAGER, LEASES = TRACKER + ".Manager", TRACKER + ".Leases"
ERROR = "org.p2pchat.Error."
SERVED = ("Authority", "Channels", "Leases", "Manager", "Users")
XML = [os.path.join(os.environ["P2PCHAT_DBUS_DIR"], f"{TRACKER}.{name}.xml") for name in SERVED]


def all_methods():
    """(interface, method, signature, arguments) of all that stands in the XML, and what polkit must be asked."""
    for path in XML:
        interface = ET.parse(path).getroot().find("interface")
        with open(path, encoding="utf-8") as f:
            text = " ".join(f.read().split())
        for method in interface.findall("method"):
            signature = "".join(a.get("type") for a in method.findall("arg") if a.get("direction") == "in")
            action = text.split(f"<!-- {method.get('name')}: ")[1].split("Action: ")[1].split()[0].rstrip(".")
            yield pytest.param(interface.get("name"), method.get("name"), f"({signature})",
                               {"(a{sv})": "(@a{sv} {},)", "(sa{sv})": "('lobby', @a{sv} {})"}[f"({signature})"],
                               action, id=f"{interface.get('name')[len(TRACKER) + 1:]}.{method.get('name')}")


METHODS = list(all_methods())


def test_introspection_equals_the_xml(stage):
    text = stage.bus.connection.call_blocking(TRACKER, TRACKER_PATH, "org.freedesktop.DBus.Introspectable",
                                              "Introspect", "", ())
    live = {i.get("name"): i for i in ET.fromstring(text).findall("interface")}
    written = {os.path.basename(path)[:-len(".xml")]: ET.parse(path).getroot().find("interface") for path in XML}
    assert {name for name in live if name.startswith(TRACKER)} == set(written)
    for name, interface in written.items():
        assert members(live[name]) == members(interface), name
        for p in interface.findall("property"):
            assert get(stage, name, p.get("name")) is not None
            with pytest.raises(dbus.DBusException, match="not writable"):
                stage.bus.connection.call_blocking(TRACKER, TRACKER_PATH, PROPERTIES, "Set", "ssv",
                                                   (name, p.get("name"), dbus.String("x", variant_level=1)))


@pytest.mark.parametrize("interface, method, signature, arguments, action", METHODS)
def test_unprivileged_callers_are_refused(stage, stranger, interface, method, signature, arguments, action):
    """Every method, by all that polkit can say but yes; and polkit is asked about who really asks, for the action
    that stands in the XML."""
    expected = {"no": DENIED, "challenge": CHALLENGE, "fail": DENIED}
    for verdict, error in expected.items():
        stage.polkit.verdict(verdict)
        name, message = stranger.refused(interface, method, arguments, signature)
        assert name == error and message, (verdict, name, message)
    # A person who was asked, and is not allowed, is refused all the same.
    stage.polkit.verdict("challenge")
    assert stranger.refused(interface, method, arguments, signature, interactive=True)[0] == DENIED
    asked = stage.polkit.seen()["asked"]
    assert [a[:4] for a in asked] == [["system-bus-name", stranger.name, action, flag] for flag in (0, 0, 0, 1)]
    assert len({a[4] for a in asked}) == 4  # each can be called off by itself


@pytest.mark.parametrize("interface, method, signature, arguments, action", METHODS)
def test_polkit_absent(stage, stranger, interface, method, signature, arguments, action):
    stage.polkit.stop()
    name, message = stranger.refused(interface, method, arguments, signature)
    assert name == DENIED and "only root" in message
    assert stage.tracker.process.text().count("polkit cannot be asked") == 1


@needs_root
def test_root_needs_no_polkit(stage):
    with Operator(stage.bus) as root:
        assert root.call(MANAGER, "GetStatistics")[0]["store_state"] == "ok"
        assert not stage.polkit.seen()["asked"]
        stage.polkit.stop()
        assert root.call(MANAGER, "GetStatistics")[0]["channels"] == 0


def test_allowed(stage, stranger):
    stage.polkit.verdict("yes")
    (statistics,) = stranger.call(MANAGER, "GetStatistics")
    assert set(statistics) == {"version", "uptime_s", "connections", "sessions", "channels", "leases", "store_state"}
    assert statistics["version"] == get(stage, MANAGER, "Version")
    assert stranger.call(LEASES, "List") == [[], ""]


def test_bad_arguments_are_named(stage, stranger):
    """Before anybody is asked to authenticate for them."""
    invalid = "org.freedesktop.DBus.Error.InvalidArgs"
    for arguments, error in (("({'no-such': <1>},)", invalid), ("({'limit': <'x'>},)", invalid),
                             ("({'limit': <uint32 501>},)", ERROR + "BadRequest"),
                             ("({'limit': <uint32 0>},)", ERROR + "BadRequest"),
                             ("({'after': <'" + 40 * "a" + "'>},)", ERROR + "BadRequest")):
        assert stranger.refused(LEASES, "List", arguments)[0] == error, arguments
    assert stranger.refused(LEASES, "List", "('x',)", "(s)")[0] == invalid
    assert stranger.refused(LEASES, "Lost")[0] == "org.freedesktop.DBus.Error.UnknownMethod"
    assert not stage.polkit.seen()["asked"]
    assert stranger.refused(LEASES, "List", "({'x-other': <1>},)")[0] == DENIED


def test_polkit_hangs_and_vanishes(stage, stranger):
    """Others are served meanwhile; who waits gets a named error when it is gone, and who comes then as well."""
    stage.polkit.verdict("hang")
    waiting = [stranger.begin(MANAGER, "GetStatistics") for _ in range(3)]
    wait_for(lambda: len(stage.polkit.seen()["waiting"]) == 3, "polkit to be asked")
    assert get(stage, MANAGER, "StoreState") == "ok"
    with Connection(stage.tracker.address):
        pass
    stage.polkit.stop()
    for number in waiting:
        name, message = stranger.ended_badly(number)
        assert name == ERROR + "Timeout" and "nothing was done" in message
    assert stranger.refused(MANAGER, "GetStatistics")[0] == DENIED
    with Polkit(stage.bus) as polkit:
        polkit.verdict("yes")
        assert stranger.call(MANAGER, "GetStatistics")


def test_late_verdicts(stage, stranger):
    stage.polkit.verdict("hang")
    first, second = (stranger.begin(MANAGER, "GetStatistics") for _ in range(2))
    wait_for(lambda: len(stage.polkit.seen()["waiting"]) == 2, "polkit to be asked")
    stage.polkit.verdict("yes")
    assert stranger.end(first) and stranger.end(second)


def test_caller_who_leaves_calls_it_off(stage, stranger):
    stage.polkit.verdict("hang")
    with Operator(stage.bus, STRANGER) as other:
        other.begin(MANAGER, "GetStatistics", interactive=True)
        stays = stranger.begin(MANAGER, "GetStatistics")
        wait_for(lambda: len(stage.polkit.seen()["waiting"]) == 2, "polkit to be asked")
        theirs = {who: cancellation for _, who, _, _, cancellation in stage.polkit.seen()["asked"]}
    wait_for(lambda: stage.polkit.seen()["cancelled"] == [theirs[other.name]], "polkit to hear of it")
    assert stage.polkit.seen()["waiting"] == [theirs[stranger.name]]
    stage.polkit.verdict("yes")
    assert stranger.end(stays)


def test_waiting_is_bounded(stage, stranger):
    """Of one program, and of one user with many of them; who is allowed by itself is served all the same."""
    stage.polkit.verdict("hang")
    numbers = [stranger.begin(MANAGER, "GetStatistics") for _ in range(9)]
    name, message = stranger.ended_badly(numbers[8])
    assert name == ERROR + "Busy" and "try again" in message
    others = [Operator(stage.bus, STRANGER) for _ in range(4)]
    try:
        for other in others[:3]:
            for _ in range(8):
                other.begin(MANAGER, "GetStatistics")
        wait_for(lambda: len(stage.polkit.seen()["waiting"]) == 32, "polkit to be asked")
        assert others[3].refused(MANAGER, "GetStatistics")[0] == ERROR + "Busy"
        if IS_ROOT:
            with Operator(stage.bus) as root:
                assert root.call(MANAGER, "GetStatistics")
    finally:
        for other in others:
            other.leave()
    wait_for(lambda: len(stage.polkit.seen()["cancelled"]) == 24, "polkit to hear that they left")
    stage.polkit.verdict("yes")
    for number in numbers[:8]:
        assert stranger.end(number)


def test_stopping_answers_once(stage, stranger):
    """Who waits for polkit is told; the name is free at once, and the next tracker takes it."""
    stage.polkit.verdict("hang")
    numbers = [stranger.begin(MANAGER, "GetStatistics") for _ in range(3)]
    wait_for(lambda: len(stage.polkit.seen()["waiting"]) == 3, "polkit to be asked")
    assert stage.tracker.stop() == 0
    for number in numbers:
        name, message = stranger.ended_badly(number)
        assert name == ERROR + "Busy" and "stopping" in message
    assert len(stage.polkit.seen()["cancelled"]) == 3
    assert not stage.bus.connection.name_has_owner(TRACKER)
    stage.tracker.start()
    begin(stage)
    stage.polkit.verdict("yes")
    assert stranger.call(MANAGER, "GetStatistics")


def test_bus_lost_and_back(stage):
    """Clients are served without a bus, as they are with none at the start."""
    with Connection(stage.tracker.address) as c:
        stage.polkit.stop()
        stage.bus.stop()
        wait_for(lambda: "The system bus is gone" in stage.tracker.process.text(), "the tracker to notice")
        c.ok("LIST", {})
        with Connection(stage.tracker.address):
            pass
        stage.bus.start()
        wait_for(lambda: stage.bus.connection.name_has_owner(TRACKER), "the tracker to be back")
        with Polkit(stage.bus) as polkit, Operator(stage.bus) as one:
            polkit.verdict("yes")
            assert one.call(MANAGER, "GetStatistics")[0]["connections"] >= 1
        c.ok("LIST", {})
    assert stage.tracker.process.text().count("The system bus is gone") == 1


def test_no_bus_at_all(world):
    world.start_tracker()
    with Connection(world.tracker.address) as c:
        c.ok("LIST", {})
        wait_for(lambda: "There is no system bus" in world.tracker.process.text(), "the tracker to say so")
    assert world.tracker.stop() == 0
