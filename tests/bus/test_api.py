# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API as data: what the daemon shows of itself equals the XML of dbus/, every property can be read,
unknown options and objects are refused, errors have their names."""
import json
import os
import re
import xml.etree.ElementTree as ET

import dbus
import pytest

import p2pchat
from p2pchat import (ACCOUNT, CHANNEL, ERROR, HOST, MANAGER, MODERATION, PATH, PROPERTIES, refused, wait_for)

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
NO_SUCH = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def two(module_world):
    """alice who hosts lobby, bob who is in it, and the paths of the lobby at each."""
    alice, bob = module_world.people("alice", "bob")
    return alice, bob, alice.host("lobby", topic="all welcome"), bob.join("lobby")


def members(interface):
    """An <interface> as a comparable value, documentation left out."""
    found = {}
    for element in interface:
        if element.tag == "property":
            annotation = element.find(f"annotation[@name='{EMITS}']")
            found["property " + element.get("name")] = (
                element.get("type"), element.get("access"), "true" if annotation is None else annotation.get("value"))
        elif element.tag in ("method", "signal"):
            found[element.tag + " " + element.get("name")] = [
                (a.get("name"), a.get("type"), a.get("direction", "out" if element.tag == "signal" else "in"))
                for a in element.findall("arg")]
    return found


def written(interface):
    path = os.path.join(os.environ["P2PCHAT_DBUS_DIR"], interface + ".xml")
    return members(ET.parse(path).getroot().find("interface"))


def live(peer, path):
    root = ET.fromstring(peer.call(path, INTROSPECTABLE, "Introspect", ""))
    return {i.get("name"): members(i) for i in root.findall("interface")}, [n.get("name") for n in root.findall("node")]


def all_objects(alice, lobby):
    """(path, interface) of each interface of ours."""
    account = alice.get(PATH, MANAGER, "DefaultAccount")
    return [(PATH, MANAGER), (account, ACCOUNT), (lobby, CHANNEL), (lobby, MODERATION), (lobby, HOST)]


def test_introspection_equals_the_xml(two):
    alice, bob, lobby, bobs = two
    for path, interface in all_objects(alice, lobby):
        assert live(alice, path)[0][interface] == written(interface), interface
    ours = {i for i in live(alice, lobby)[0] if i.startswith(p2pchat.BUS_NAME)}
    assert ours == {CHANNEL, MODERATION, HOST}
    # hosted elsewhere: no Host, not even as a table
    assert {i for i in live(bob, bobs)[0] if i.startswith(p2pchat.BUS_NAME)} == {CHANNEL, MODERATION}


def test_objects_are_found_from_the_top(two):
    alice, _, lobby, _ = two
    assert {"account", "channel"} <= set(live(alice, PATH)[1])
    assert live(alice, PATH + "/channel")[1] == [lobby.rsplit("/", 1)[1]]
    objects = alice.objects()
    assert set(objects) == {alice.get(PATH, MANAGER, "DefaultAccount"), lobby}
    assert {CHANNEL, MODERATION, HOST} <= set(objects[lobby])
    identity = alice.get(lobby, CHANNEL, "Id")
    assert lobby == PATH + "/channel/" + identity.replace("-", "")


def test_every_property_can_be_read(two):
    alice, _, lobby, _ = two
    for path, interface in all_objects(alice, lobby):
        listed = {name.split(" ", 1)[1] for name in written(interface) if name.startswith("property ")}
        assert set(alice.get_all(path, interface)) == listed
        for name in listed:
            alice.get(path, interface, name)
            refused(alice.call, path, PROPERTIES, "Set", "ssv", interface, name, 1)


def test_what_properties_say(two):
    alice, bob, lobby, bobs = two
    account = alice.get(PATH, MANAGER, "DefaultAccount")
    a = alice.get_all(account, ACCOUNT)
    assert (a["Tracker"], a["TrackerState"], a["TrackerReason"]) == (alice.world.tracker.address, "online", "")
    assert re.fullmatch("sha256:[0-9a-f]{64}", a["TrackerPin"])
    assert (a["Username"], a["UserType"]) == ("alice", "registered")
    assert a["CertificateExpires"] > 10**15
    c = alice.get_all(lobby, CHANNEL)
    assert (c["Name"], c["Topic"], c["Owner"], c["Host"], c["Role"]) == ("lobby", "all welcome", "alice", "alice", "owner")
    assert (c["ViewPermission"], c["SendPermission"], c["State"]) == ("public", "registered", "live")
    assert (c["Account"], c["Tracker"]) == (account, account.rsplit("/", 1)[1])
    wait_for(lambda: bob.get(bobs, CHANNEL, "State") == "live", "bob's lobby to be live")
    assert bob.get(bobs, CHANNEL, "Role") == "none"
    h = alice.get_all(lobby, HOST)
    assert h["Addresses"] and all(re.fullmatch(r".+:\d+", address) for address in h["Addresses"])
    assert h["LeaseUntil"] > 10**15
    wait_for(lambda: alice.get(lobby, HOST, "Connections") == 1, "bob to be counted")
    peers = alice.call(lobby, HOST, "GetPeers", "a{sv}", {})
    assert [(p["username"], p["user_type"]) for p in peers] == [("bob", "registered")]
    number = peers[0]["number"]
    assert alice.call(lobby, HOST, "GetPeers", "a{sv}", {"after": dbus.UInt64(number - 1),
                                                            "limit": dbus.UInt32(1)}) == peers
    assert alice.call(lobby, HOST, "GetPeers", "a{sv}", {"after": dbus.UInt64(number)}) == []
    for limit in (0, 501):
        name, message = refused(alice.call, lobby, HOST, "GetPeers", "a{sv}", {"limit": dbus.UInt32(limit)})
        assert name == ERROR + "BadRequest" and "500" in message
    assert alice.get(PATH, MANAGER, "ListenAddresses")


def test_describe(two):
    alice, _, lobby, _ = two
    described = json.loads(alice.manager("Describe", "a{sv}", {}))
    assert set(described) == {"version", "account", "invisible", "lingering", "store", "hosting", "outbox", "clock_offset", "listen", "advertised",
                              "observed", "reachable", "reachable_reason", "channels"}
    assert described["version"] == alice.get(PATH, MANAGER, "Version")
    assert set(described["account"]) == {"tracker", "tracker_pin", "tracker_state", "tracker_reason", "username",
                                         "user_type", "expires"}
    assert described["account"]["user_type"] == "REGISTERED"
    assert described["store"] == {"state": "ok", "reason": "", "since": None, "aside": None}
    assert described["hosting"] == 1
    assert described["channels"][0]["channel_id"] == alice.get(lobby, CHANNEL, "Id")
    assert set(described["channels"][0]) == {
        "channel_name", "channel_id", "state", "state_reason", "state_text", "previous", "successor", "role", "owner", "host", "view_permission",
        "send_permission", "topic", "synced_seq", "last_seq", "read_seq", "unread",
        "mentions", "notify", "outbox", "members_online"}


def test_unknown_options_are_refused_everywhere(two):
    """… by every method that the XML lists, and x-… is let through by the parser."""
    alice, _, lobby, _ = two
    values = {"s": NO_SUCH, "t": 0, "u": 1, "o": "/", "h": dbus.types.UnixFd(0)}
    for path, interface in all_objects(alice, lobby):
        for name, arguments in written(interface).items():
            if not name.startswith("method "):
                continue
            types = [t for _, t, direction in arguments if direction == "in"]
            assert types[-1] == "a{sv}", name
            args = [values[t] for t in types[:-1]]
            if name == "method Host" or name == "method Join":
                args = ["lobby"]
            error, message = refused(alice.call, path, interface, name.split()[1], "".join(types), *args,
                                     {"no_such_option": 1})
            assert (error, message) == (INVALID_ARGS, 'Unknown option "no_such_option".'), name
    assert alice.manager("Describe", "a{sv}", {"x-mine": 1})
    assert refused(alice.manager, "Describe", "a{sv}", {"x": 1})[0] == INVALID_ARGS
    assert refused(alice.manager, "ListDirectory", "a{sv}", {"online": "yes"})[0] == INVALID_ARGS


@pytest.mark.parametrize("interface, method, signature, args, error", [
    (CHANNEL, "Send", "sa{sv}", ("", {}), "BadRequest"),
    (CHANNEL, "Send", "sa{sv}", ("x" * 16385, {}), "TooLarge"),
    (CHANNEL, "Send", "sa{sv}", ("a\ufffe", {}), "BadRequest"),
    (CHANNEL, "Send", "sa{sv}", ("a\x1b", {}), "BadRequest"),
    (CHANNEL, "Send", "sa{sv}", ("a", {"id": "no"}), "BadRequest"),
    (CHANNEL, "Send", "sa{sv}", ("a", {"wait": "forever"}), "BadRequest"),
    (CHANNEL, "Send", "sa{sv}", ("a", {"meta": dbus.Dictionary({"k": "x" * 1024}, signature="sv")}), "TooLarge"),
    (CHANNEL, "GetMessages", "tua{sv}", (0, 0, {}), "BadRequest"),
    (CHANNEL, "GetMessages", "tua{sv}", (0, 501, {}), "BadRequest"),
    (CHANNEL, "GetMessages", "tua{sv}", (0, 1, {"direction": "up"}), "BadRequest"),
    (CHANNEL, "GetOutbox", "a{sv}", ({"after": "-1"},), "BadRequest"),
    (CHANNEL, "GetMembers", "a{sv}", ({"limit": dbus.UInt32(501)},), "BadRequest"),
    (CHANNEL, "Cancel", "sa{sv}", (NO_SUCH, {}), "NoSuchEntry"),
    (CHANNEL, "Retry", "sa{sv}", (NO_SUCH, {}), "NoSuchEntry"),
    (CHANNEL, "ExplainAccess", "sa{sv}", ("a b", {}), "InvalidName"),
    (CHANNEL, "ExplainAccess", "sa{sv}", ("x", {}), "InvalidName"),
    (MODERATION, "SetPermissions", "a{sv}", ({"view_permission": "secret"},), "BadRequest"),
    (MODERATION, "SetPermissions", "a{sv}", ({"retention_days": dbus.UInt32(36501)},), "BadRequest"),
    (MODERATION, "Redact", "ta{sv}", (1, {}), "NoSuchEntry"),
    (MODERATION, "Redact", "ta{sv}", (2**63, {}), "NoSuchEntry"),
    (MODERATION, "Redact", "ta{sv}", (1, {"reason": "x" * 257}), "BadRequest"),
    (MODERATION, "Authorize", "ssa{sv}", ("bob", "owner", {}), "BadRequest"),
    (MODERATION, "Authorize", "ssa{sv}", ("alice", "member", {}), "BadRequest"),
    (MODERATION, "Authorize", "ssa{sv}", ("b\u00fcb", "member", {}), "InvalidName"),
    (MODERATION, "Authorize", "ssa{sv}", ("nobody-there", "member", {}), "NoSuchUser"),
    (MODERATION, "Authorize", "ssa{sv}", ("guest-carol", "member", {}), "GuestsNotAllowed"),
    (MANAGER, "SetTracker", "sa{sv}", ("not an address", {}), "BadRequest"),
    (MANAGER, "SetTracker", "sa{sv}", ("127.0.0.1:22236", {"pin": "sha256:00"}), "BadRequest"),
    (MANAGER, "SignIn", "ssa{sv}", ("bob", "correct horse bob", {}), "AlreadySignedIn"),
    (MANAGER, "SignUp", "ssa{sv}", ("alice", "correct horse alice", {}), "AlreadySignedIn"),
    (MANAGER, "SignInGuest", "sa{sv}", ("carol", {}), "AlreadySignedIn"),
    (MANAGER, "Host", "sa{sv}", ("L\u00f6bby", {}), "InvalidName"),
    (MANAGER, "Host", "sa{sv}", ("x" * 40, {}), "InvalidName"),
    (MANAGER, "Join", "sa{sv}", ("no-such-channel", {}), "NoSuchChannel"),
])
def test_errors_have_names(two, interface, method, signature, args, error):
    alice, _, lobby, _ = two
    path = PATH if interface == MANAGER else lobby
    name, message = refused(alice.call, path, interface, method, signature, *args)
    assert name == ERROR + error
    assert message


def test_objects_that_are_not_there(two):
    alice, bob, lobby, _ = two
    gone = PATH + "/channel/" + "0" * 32
    for path, interface, method, signature, args in (
            (gone, CHANNEL, "Send", "sa{sv}", ("x", {})), (gone, MODERATION, "SetPermissions", "a{sv}", ({},)),
            (PATH + "/account/" + "0" * 32, ACCOUNT, "SignOut", "a{sv}", ({},))):
        assert refused(alice.call, path, interface, method, signature, *args)[0] == \
            "org.freedesktop.DBus.Error.UnknownObject"
    # the object is there, this interface of it is not
    assert refused(bob.call, lobby, HOST, "GetPeers", "a{sv}", {})[0] in (
        "org.freedesktop.DBus.Error.UnknownInterface", "org.freedesktop.DBus.Error.UnknownMethod")


def test_not_the_owner(two):
    _, bob, _, bobs = two
    assert refused(bob.call, bobs, MODERATION, "SetPermissions", "a{sv}", {"view_permission": "restricted"})[0] == \
        ERROR + "NotOwner"
    assert refused(bob.call, bobs, MODERATION, "Authorize", "ssa{sv}", "alice", "none", {})[0] == \
        ERROR + "NotModerator"
    assert refused(bob.manager, "Host", "sa{sv}", "lobby", {})[0] == ERROR + "ChannelExists"
