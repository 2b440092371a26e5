# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pages of a log by cursor, by time and by kind, of what is held and of what only the host holds; the read mark
that all clients share."""
import dbus
import pytest

from p2pchat import CHANNEL, ERROR, MODERATION, PROPERTIES, refused, wait_for, wait_signal

N = 60
TIMES = {"since_usec", "until_usec"}


@pytest.fixture(scope="module")
def log(module_world):
    """alice's log of N messages with a topic after each tenth, all of it as she has it; and bob."""
    alice, bob = module_world.people("alice", "bob")
    hers = alice.host("lobby")
    for i in range(N):
        alice.send(hers, f"text {i}", wait="stored")
        if i % 10 == 9:
            alice.call(hers, MODERATION, "SetPermissions", "a{sv}",
                       {"view_permission": "public", "send_permission": ("everyone", "registered")[i // 10 % 2]})
    return alice, hers, bob, alice.messages(hers)


def page(peer, channel, anchor, limit, **options):
    options = {k: dbus.UInt64(v) if k in TIMES else v for k, v in options.items()}
    return peer.call(channel, CHANNEL, "GetMessages", "tua{sv}", dbus.UInt64(anchor), dbus.UInt32(limit), options)


def pages(peer, channel, limit, **options):
    """→ all, ascending, and how many calls that took"""
    entries, anchor, n = [], 0, 0
    while True:
        some, info = page(peer, channel, anchor, limit, **options)
        entries = some + entries if options.get("direction") == "before" else entries + some
        n += 1
        assert len(some) <= limit and n < 100
        if not info["more"]:
            return entries, n
        anchor = info["next_anchor"]


def join_with(bob, backlog):
    """bob, who holds the newest `backlog` entries only."""
    his = bob.join("lobby", backlog=dbus.UInt32(backlog))
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "bob to be live")
    return his


def leave(bob, his):
    bob.call(his, CHANNEL, "Leave", "a{sv}", {"forget": True})


def spans(everything):
    """Times that lie on, before and behind entries, and outside of all."""
    times = sorted({e[5] for e in everything})
    some = [times[0], times[1], times[len(times) // 2], times[-1]]
    return [0, *some, *(t + 1 for t in some), *(t - 1 for t in some), 2**63, 2**64 - 1]


@pytest.mark.parametrize("direction", ["after", "before"])
def test_times(log, direction):
    alice, hers, _, everything = log
    for since in spans(everything):
        for until in spans(everything):
            expected = [e for e in everything if since <= e[5] <= until]
            for limit in (7, 500):
                got, n = pages(alice, hers, limit, direction=direction, since_usec=since, until_usec=until)
                assert got == expected, (since, until)
                assert n <= max(1, -(-len(expected) // limit)), "no page is spent on what is left out"


@pytest.mark.parametrize("direction", ["after", "before"])
def test_kinds(log, direction):
    alice, hers, _, everything = log
    for kinds in (["create"], ["view"], ["create", "view"], ["message"], ["message", "create"], ["no-such-kind"], []):
        expected = [e for e in everything if not kinds or e[2] in kinds]
        for limit in (2, 500):
            got, n = pages(alice, hers, limit, direction=direction, kinds=dbus.Array(kinds, signature="s"))
            assert got == expected, kinds
            if kinds and "message" not in kinds:
                assert n <= 1 + len([e for e in everything if e[2] != "message"]) // limit, "messages cost nothing"


@pytest.mark.parametrize("direction", ["after", "before"])
def test_below_what_is_held(log, direction):
    """bob holds five entries; what is older comes from alice, by cursor, time and kind, and as she has it."""
    alice, _, bob, everything = log
    for what in ({}, {"since": 20}, {"until": 20}, {"since": 10, "until": 30}, {"since": len(everything) - 2},
                 {"kinds": ["create", "view"]}, {"kinds": ["create"], "until": 30}):
        his = join_with(bob, 5)
        assert bob.get(his, CHANNEL, "FirstSeq") == len(everything) - 4
        since, until = everything[what.get("since", 1) - 1][5], everything[what.get("until", len(everything)) - 1][5]
        options = {"direction": direction}
        if "since" in what:
            options["since_usec"] = since
        if "until" in what:
            options["until_usec"] = until
        if "kinds" in what:
            options["kinds"] = what["kinds"]
        expected = [e for e in everything if since <= e[5] <= until and e[2] in what.get("kinds", [e[2]])]
        assert pages(bob, his, 500, **options)[0] == expected, what
        if what == {"since": len(everything) - 2}:
            assert bob.get(his, CHANNEL, "FirstSeq") == len(everything) - 4, "nobody was asked"
        if direction == "before" and "until" not in what and "since" not in what:
            assert bob.get(his, CHANNEL, "FirstSeq") == 1, "what came is kept"
        leave(bob, his)


def test_far_below(log):
    """A time far below what is held is one page of the host's, not all pages between."""
    _, _, bob, everything = log
    his = join_with(bob, 1)
    for options in ({"since_usec": everything[29][5]}, {"until_usec": everything[29][5], "direction": "before"}):
        got, info = page(bob, his, 0, 3, **options)
        expected = [e for e in everything if options.get("since_usec", 0) <= e[5] <= options.get("until_usec", 2**63)]
        assert got == (expected[-3:] if "direction" in options else expected[:3])
        assert info["source"] == "host" and info["more"]
    assert bob.get(his, CHANNEL, "FirstSeq") == len(everything), "a hole is never made"
    leave(bob, his)


def test_host_away(log):
    """What is held is shown; the rest is not called the end."""
    alice, hers, bob, everything = log
    his = join_with(bob, 5)
    bob.call(his, CHANNEL, "Disconnect", "a{sv}", {})
    got, info = page(bob, his, 0, 500, direction="before")
    assert got == everything[-5:] and info["source"] == "local"
    assert refused(page, bob, his, 0, 501)[0] == ERROR + "BadRequest"
    assert refused(page, bob, his, 0, 5, direction="sideways")[0] == ERROR + "BadRequest"
    leave(bob, his)


def test_read_mark_is_shared(log):
    """Two clients of one daemon: each hears what the other has read."""
    _, hers, bob, everything = log
    his = bob.join("lobby")
    wait_for(lambda: bob.get(his, CHANNEL, "SyncedSeq") == len(everything), "bob to have it all")
    first, second = bob.connect(), bob.connect()

    def seen(got, values):
        """The newest value of each property that changed, as this client heard it."""
        for s in got:
            if s[2] == "PropertiesChanged" and s[3][0] == CHANNEL:
                values.update({k: v for k, v in s[3][1].items() if k in ("ReadSeq", "Unread")})
        return values
    with bob.signals(path=his) as of_first, bob.signals(path=his) as of_second:
        for client, seq, unread in ((first, 10, False), (second, 30, False), (first, 5, True), (second, len(everything), False)):
            bob.call(his, CHANNEL, "MarkRead", "ta{sv}", dbus.UInt64(seq), {"unread": unread}, bus=client)
            expected = {"ReadSeq": seq, "Unread": len([e for e in everything if e[0] > seq and e[2] == "message"])}
            for got in (of_first, of_second):
                wait_signal(got, lambda s, got=got: seen(got, {}) == expected, f"both to know of {seq}")
            for bus in (first, second):
                now = plain_properties(bob, his, bus)
                assert {k: now[k] for k in expected} == expected
        # Backwards only when that is said; and no further than what is held.
        bob.call(his, CHANNEL, "MarkRead", "ta{sv}", dbus.UInt64(3), {}, bus=first)
        bob.call(his, CHANNEL, "MarkRead", "ta{sv}", dbus.UInt64(2**63), {}, bus=second)
        assert bob.get(his, CHANNEL, "ReadSeq") == len(everything)
    first.close()
    second.close()
    leave(bob, his)


def plain_properties(peer, path, bus):
    return peer.call(path, PROPERTIES, "GetAll", "s", CHANNEL, bus=bus)
