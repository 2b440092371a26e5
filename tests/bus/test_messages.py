# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sending, paging, the outbox, signals and their order, callers that leave."""
import time
import uuid

import dbus
import dbus.lowlevel
import dbus.mainloop.glib
import pytest

from p2pchat import (BUS_NAME, CHANNEL, ERROR, MANAGER, MODERATION, OBJECT_MANAGER, PATH, PROPERTIES, close_heard, refused,
                     wait_for, wait_signal)


@pytest.fixture(scope="module")
def people(module_world):
    return module_world.people("alice", "bob")


@pytest.fixture
def lobby(people, request):
    """A channel of this test's own: (alice, its path at hers, bob, its path at his)."""
    alice, bob = people
    name = request.node.name.replace("test_", "").replace("_", "-")[:32].rstrip("-")
    hers = alice.host(name)
    his = bob.join(name)
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "the channel to be live")
    return alice, hers, bob, his


def page(peer, channel, anchor, limit, **options):
    return peer.call(channel, CHANNEL, "GetMessages", "tua{sv}", anchor, limit, options)


def test_send(lobby):
    alice, hers, bob, his = lobby
    identity, seq = bob.send(his, "queued only")
    assert seq == 0 and str(uuid.UUID(identity)) == identity
    mine = str(uuid.uuid4())
    meta = {"client": "test", "n": dbus.UInt64(7), "deep": dbus.Dictionary({"yes": True}, signature="sv")}
    assert bob.send(his, "stored \u2713", wait="stored", id=mine, meta=dbus.Dictionary(meta, signature="sv"))[0] == mine
    wait_for(lambda: len(alice.texts(hers)) == 2, "both to arrive")
    # the same again is the same, other text is not
    again = bob.send(his, "stored \u2713", wait="stored", id=mine, meta=dbus.Dictionary(meta, signature="sv"))
    assert again[0] == mine and again[1] > 0
    assert refused(bob.send, his, "other", id=mine)[0] == ERROR + "Conflict"
    entries = alice.messages(hers, kinds=["message"])
    assert [e[6]["text"] for e in entries] == ["queued only", "stored \u2713"]
    seq, entry_id, kind, username, user_type, when, extra = entries[1]
    assert (entry_id, seq, kind, username, user_type) == (mine, again[1], "message", "bob", "registered")
    assert abs(when / 1e6 - time.time()) < 600
    assert extra["meta"] == {"client": "test", "n": 7, "deep": {"yes": True}}


def test_page_bytes(lobby):
    """A page is at most 256 KiB on the bus, however much more than its JSON that takes."""
    alice, hers, _, _ = lobby
    meta = dbus.Dictionary({"a": dbus.Array([0] * 500, signature="u")}, signature="sv")
    alice.call(hers, MODERATION, "SetPermissions", "a{sv}", {"message_rate": dbus.UInt32(0)})
    for i in range(60):
        alice.send(hers, str(i), meta=meta)
    wait_for(lambda: alice.get(hers, CHANNEL, "SyncedSeq") == 62, "them to be stored")
    for direction in ("after", "before"):
        anchor, more, seqs = 0, True, []
        while more:
            entries, info = page(alice, hers, anchor, 500, direction=direction)
            assert entries and sum(16 * len(e[6]["meta"]["a"]) for e in entries if "meta" in e[6]) <= 256 * 1024
            seqs = seqs + [e[0] for e in entries] if direction == "after" else [e[0] for e in entries] + seqs
            anchor, more = info["next_anchor"], info["more"]
        assert seqs == [*range(1, 63)]


def test_pages(lobby):
    alice, hers, bob, his = lobby
    for i in range(12):
        alice.send(hers, str(i), wait="stored")
    wait_for(lambda: bob.get(his, CHANNEL, "SyncedSeq") == 13, "bob to have it all")
    for peer, channel in ((alice, hers), (bob, his)):
        entries, info = page(peer, channel, 0, 5)
        assert [e[0] for e in entries] == [1, 2, 3, 4, 5]
        assert entries[0][2] == "create" and entries[0][6]["owner"] == "alice"
        assert info == {"more": True, "next_anchor": 5, "synced_seq": 13, "source": "local"}
        entries, info = page(peer, channel, 10, 500)
        assert [e[0] for e in entries] == [11, 12, 13] and not info["more"]
        entries, info = page(peer, channel, 0, 4, direction="before")
        assert [e[0] for e in entries] == [10, 11, 12, 13] and info["more"] and info["next_anchor"] == 10
        entries, info = page(peer, channel, 3, 500, direction="before")
        assert [e[0] for e in entries] == [1, 2] and not info["more"]
        entries, info = page(peer, channel, 13, 500)
        assert entries == [] and info["next_anchor"] == 13 and not info["more"]


def test_page_is_bounded_by_bytes(lobby):
    alice, hers, _, _ = lobby
    for _ in range(20):
        alice.send(hers, "x" * 16384)
    wait_for(lambda: alice.get(hers, CHANNEL, "LastSeq") == 21, "twenty long ones", deadline=60)
    entries, info = page(alice, hers, 0, 500)
    assert 1 < len(entries) < 20 and info["more"]
    assert sum(len(e[6].get("text", "")) for e in entries) <= 256 * 1024
    assert len(alice.texts(hers)) == 20


def test_members_and_info(lobby):
    alice, hers, bob, his = lobby
    members, following = bob.call(his, CHANNEL, "GetMembers", "a{sv}", {})
    assert {(m[0], m[1], m[2], m[3]) for m in members} == {("alice", "registered", "owner", "online"),
                                                          ("bob", "registered", "none", "online")}
    assert following == "" and all(m[4]["since"] > 10**15 for m in members)
    first, following = alice.call(hers, CHANNEL, "GetMembers", "a{sv}", {"limit": dbus.UInt32(1)})
    assert [m[0] for m in first] == ["alice"] and following
    assert [m[0] for m in alice.call(hers, CHANNEL, "GetMembers", "a{sv}", {"after": following})[0]] == ["bob"]
    alice.call(hers, MODERATION, "Authorize", "ssa{sv}", "bob", "moderator", {})
    wait_for(lambda: bob.get(his, CHANNEL, "Role") == "moderator", "bob to be moderator")
    for peer, channel in ((alice, hers), (bob, his)):
        info = peer.call(channel, CHANNEL, "GetInfo", "a{sv}", {})
        (bob_there,) = (a for a in info["authorized"] if a["username"] == "bob")
        assert bob_there == {"username": "bob", "user_type": "registered", "role": "moderator", "by": "alice",
                             "since": bob_there["since"], "key": bob_there["key"], "keys": 1,
                             "key_since": bob_there["key_since"]}
        assert (info["epoch"], info["owner"], info["channel_name"]) == (1, "alice", alice.get(hers, CHANNEL, "Name"))
        assert {"message_rate", "message_burst", "generation"} <= set(info)


def test_permissions(lobby):
    alice, hers, bob, his = lobby
    alice.call(hers, MODERATION, "SetPermissions", "a{sv}", {"send_permission": "members"})
    wait_for(lambda: bob.get(his, CHANNEL, "SendPermission") == "members", "bob to know")
    assert refused(bob.send, his, "may I?", wait="stored")[0] == ERROR + "ReadOnly"
    row = bob.call(his, CHANNEL, "GetOutbox", "a{sv}", {})[0][0]
    assert row[1] == "may I?" and row[4] == "failed" and row[5]["error"] == ERROR + "ReadOnly"
    alice.call(hers, MODERATION, "Authorize", "ssa{sv}", "bob", "member", {})
    bob.call(his, CHANNEL, "Retry", "sa{sv}", row[0], {})
    wait_for(lambda: "may I?" in alice.texts(hers), "the message that may")
    assert refused(bob.call, his, CHANNEL, "Cancel", "sa{sv}", row[0], {})[0] == ERROR + "Conflict"


def test_restricted(lobby):
    alice, hers, bob, his = lobby
    alice.call(hers, MODERATION, "SetPermissions", "a{sv}", {"view_permission": "restricted"})
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "denied", "bob to be denied")
    assert bob.get(his, CHANNEL, "StateReason")
    assert refused(bob.call, his, CHANNEL, "Connect", "a{sv}", {})[0] == ERROR + "Restricted"
    alice.call(hers, MODERATION, "Authorize", "ssa{sv}", "bob", "member", {})
    bob.call(his, CHANNEL, "Connect", "a{sv}", {})
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "bob to be back")


def test_outbox_while_the_host_is_off(lobby):
    """Disconnected by oneself: the outbox holds what is typed; cancel and paging."""
    alice, hers, bob, his = lobby
    bob.call(his, CHANNEL, "Disconnect", "a{sv}", {})
    assert bob.get(his, CHANNEL, "State") == "offline"
    ids = [bob.send(his, f"{i}")[0] for i in range(5)]
    rows, following = bob.call(his, CHANNEL, "GetOutbox", "a{sv}", {"limit": dbus.UInt32(3)})
    assert [r[0] for r in rows] == ids[:3] and following
    assert all(r[4] == "queued" and r[2] > 10**15 and r[5] == {} for r in rows)
    rows, following = bob.call(his, CHANNEL, "GetOutbox", "a{sv}", {"after": following})
    assert [r[0] for r in rows] == ids[3:] and following == ""
    wait_for(lambda: bob.get(his, CHANNEL, "OutboxCount") == 5, "the count")
    assert bob.get(PATH, MANAGER, "OutboxCount") >= 5
    assert bob.send(his, "later", wait="stored", timeout_usec=dbus.UInt64(50000))[1] == 0
    bob.call(his, CHANNEL, "Cancel", "sa{sv}", ids[1], {})
    bob.call(his, CHANNEL, "Connect", "a{sv}", {})
    wait_for(lambda: alice.texts(hers) == ["0", "2", "3", "4", "later"], "what was not cancelled, in order")
    wait_for(lambda: bob.get(his, CHANNEL, "OutboxCount") == 0, "an empty outbox")


def test_read_mark(lobby):
    alice, hers, bob, his = lobby
    for i in range(3):
        alice.send(hers, f"{i}", wait="stored")
    wait_for(lambda: bob.get(his, CHANNEL, "Unread") == 3, "three unread")
    assert alice.get(hers, CHANNEL, "Unread") == 0
    bob.call(his, CHANNEL, "MarkRead", "ta{sv}", 3, {})
    assert (bob.get(his, CHANNEL, "ReadSeq"), bob.get(his, CHANNEL, "Unread")) == (3, 1)
    bob.call(his, CHANNEL, "MarkRead", "ta{sv}", 1, {})
    assert bob.get(his, CHANNEL, "ReadSeq") == 3
    bob.call(his, CHANNEL, "MarkRead", "ta{sv}", 1, {"unread": True})
    assert (bob.get(his, CHANNEL, "ReadSeq"), bob.get(his, CHANNEL, "Unread")) == (1, 3)


def test_signals(lobby):
    """Ranges cover every entry once and in order, 20 a second at most; the outbox is told after the log;
    counters are told twice a second at most; what is told is true when it is heard."""
    alice, hers, bob, his = lobby
    n = 18
    with bob.signals(path=his) as got:
        begin = time.monotonic()
        for i in range(n):
            bob.send(his, str(i))
        last = wait_signal(got, lambda s: s[2] == "EntriesAppended" and s[3][1] == n + 1, "the last entry")
        wait_signal(got, lambda s: s[2] == "OutboxChanged" and got.index(s) > got.index(last), "the outbox after it")
        assert len(bob.texts(his)) == n
        rows = bob.call(his, CHANNEL, "GetOutbox", "a{sv}", {})[0]
        assert all(r[4] == "stored" for r in rows)
        wait_signal(got, lambda s: s[1] == PROPERTIES and s[3][1].get("SyncedSeq") == n + 1, "the counters")
        took = time.monotonic() - begin
        ranges = [s[3][:2] for s in got if s[2] == "EntriesAppended"]
        assert ranges[0][0] == 2 and ranges[-1][1] == n + 1
        assert all(a[1] + 1 == b[0] for a, b in zip(ranges, ranges[1:])), ranges
        assert len(ranges) <= took * 20 + 2
        counters = [s for s in got if s[1] == PROPERTIES]
        assert len(counters) <= took * 2 + 2, counters
        assert all(s[3][2] == [] for s in counters)


def test_objects_come_and_go(people):
    alice, bob = people
    hers = alice.host("come-and-go")
    with bob.signals(dbus_interface=OBJECT_MANAGER) as got:
        his = bob.join("come-and-go")
        added = wait_signal(got, lambda s: s[2] == "InterfacesAdded" and s[3][0] == his, "the object to come")
        assert {CHANNEL, MODERATION} <= set(added[3][1])
        assert added[3][1][CHANNEL]["Name"] == "come-and-go"
        assert bob.join("come-and-go") == his
        bob.call(his, CHANNEL, "Leave", "a{sv}", {"forget": True})
        gone = wait_signal(got, lambda s: s[2] == "InterfacesRemoved" and s[3][0] == his, "the object to go")
        assert {CHANNEL, MODERATION} <= set(gone[3][1])
    assert refused(bob.send, his, "x")[0] == "org.freedesktop.DBus.Error.UnknownObject"
    with alice.signals(path=PATH) as got:
        alice.call(hers, BUS_NAME + ".Host", "Unhost", "a{sv}", {"forget": True})
        wait_signal(got, lambda s: s[2] == "InterfacesRemoved" and s[3][0] == hers, "Host to go")
    assert refused(bob.join, "come-and-go")[0] == ERROR + "NoSuchChannel"


def test_directory(people):
    alice, bob = people
    with bob.signals(path=PATH) as got:
        for name in ("dir-a", "dir-b", "dir-c"):
            alice.host(name, topic=f"about {name}")
        wait_signal(got, lambda s: s[2] == "DirectoryChanged", "the directory to change")
    rows, following = bob.manager("ListDirectory", "a{sv}", {"query": "dir-", "limit": dbus.UInt32(2)})
    assert [r[0] for r in rows] == ["dir-a", "dir-b"] and following
    rows, following = bob.manager("ListDirectory", "a{sv}", {"query": "dir-", "after": following})
    assert [r[0] for r in rows] == ["dir-c"] and following == ""
    name, owner, host, topic, view, members, extra = rows[0]
    assert (owner, host, topic, view) == ("alice", "alice", "about dir-c", "public")
    assert extra["online"] and extra["addresses"] and extra["id"] and members >= 0


def test_caller_that_leaves_mid_send(lobby):
    """Its waiting ends; its text goes out all the same, and nobody else notices."""
    alice, hers, bob, his = lobby
    bob.call(his, CHANNEL, "Disconnect", "a{sv}", {})
    stays, leaves = bob.connect(mainloop=dbus.mainloop.glib.DBusGMainLoop()), bob.connect()
    names = [bus.get_unique_name() for bus in (stays, leaves)]
    answers = []
    for bus, name in zip((stays, leaves), names):
        message = dbus.lowlevel.MethodCallMessage(BUS_NAME, his, CHANNEL, "Send")
        message.append("from " + name, {"wait": "stored"}, signature="sa{sv}")
        if bus is stays:
            bus.send_message_with_reply(message, answers.append, 60)
        else:
            bus.send_message(message)
        bus.flush()
    wait_for(lambda: bob.get(his, CHANNEL, "OutboxCount") == 2, "both texts in the outbox")
    leaves.close()
    wait_for(lambda: not bob.bus.name_has_owner(names[1]), "the bus to see it go")
    bob.call(his, CHANNEL, "Connect", "a{sv}", {})
    wait_for(lambda: sorted(alice.texts(hers)) == sorted("from " + n for n in names), "both texts at the host")
    reply = wait_signal(answers, lambda m: True, "the answer to who stayed")
    assert isinstance(reply, dbus.lowlevel.MethodReturnMessage) and reply.get_args_list()[1] > 0
    close_heard(stays)
    assert bob.process.alive()
