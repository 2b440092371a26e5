# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is large and still allowed, on the real wire (where the outsider looks at each frame's size), over
D-Bus and by p2pchatctl: 5,000 channels, 2,000 members, texts of 16,384 quotes."""
import json
import uuid

import dbus
import pytest

from models import ModelHost
from outsider import Connection, Member, pin_of, sign_up
from p2pchat import CHANNEL, wait_for

FAST = "[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n"
PAGE, PAGE_BYTES = 500, 256 * 1024
TEXTS = ['"' * 16384, "\\" * 16384, "\n\t" * 8192, "é" * 8192, "🎉" * 4096, "short", '"é\n' * 4096]


@pytest.fixture
def tracker(world):
    world.configure_tracker(FAST)
    tracker = world.start_tracker()
    with Connection(tracker.address, hello=False) as c:
        tracker.pin = pin_of(c.chain[1])
    return tracker


def size(value):
    """What a value takes on the bus, at least."""
    if isinstance(value, (list, tuple)):
        return sum(map(size, value))
    if isinstance(value, dict):
        return sum(size(k) + size(v) for k, v in value.items())
    return len(value.encode()) + 5 if isinstance(value, str) else 8


def pages(ask):
    """Rows of a paged method, each page within the rules. ask(options) → (rows, next)."""
    rows, after = [], ""
    while True:
        some, following = ask({"after": after} if after else {})
        assert len(some) <= PAGE and size(some) <= PAGE_BYTES
        rows += some
        if not following:
            return rows
        assert following > after
        after = following


def test_five_thousand_channels(world, tracker):
    alice = world.people("alice")
    topic = '"' * 512
    addresses = [f"[2001:db8:1111:2222:3333:4444:5555:{n}666]:22237" for n in range(1, 9)]
    wanted = []
    with Connection(tracker.address, pin=tracker.pin) as c:
        begin = c.ok("WATCH")["generation"]
    for owner in range(5):
        me = sign_up(tracker.address, f"owner{owner}", tracker.pin)
        with Connection(tracker.address, me) as c:
            waiting = []
            for n in range(1000):
                wanted.append(f"channel-{owner}{n:03}-with-a-long-name.x")
                waiting.append(c.start("HOST", {
                    "channel_name": wanted[-1], "channel_id": str(uuid.uuid4()), "addresses": addresses,
                    "view_permission": "public" if n % 2 else "restricted", "topic": topic, "epoch": 1,
                    "last_seq": 1, "members": 0}))
                if len(waiting) == 100:  # of 2 KB each
                    assert all(c.answer(i).header == "OK" for i in waiting)
                    waiting = []
    for identity in (None, me):  # frames of 8 KiB, and of 64
        with Connection(tracker.address, identity, pin=tracker.pin) as c:
            assert c.ok("WATCH", {"generation": begin})["reset"] is False
            seen = set()
            while len(seen) < len(wanted):  # in however many pushes
                push = c.push("CHANNELS")
                assert not push.get("reset") and not push["removed"]
                seen |= {channel["channel_name"] for channel in push["changed"]}
            assert seen == set(wanted)
            c.ok("WATCH", {"on": False})

            listed, after = [], ""
            while after is not None:
                page = c.ok("LIST", {"after": after, "limit": 200})
                listed += page["channels"]
                after = page.get("next")
            assert [channel["channel_name"] for channel in listed] == wanted

    rows = pages(lambda options: alice.manager("ListDirectory", "a{sv}", options))
    assert [row[0] for row in rows] == wanted
    assert [row[3] for row in rows[:2]] == ["", topic]  # restricted, public
    shown = json.loads(alice.ctl("list", "--json").stdout)
    assert [channel["channel_name"] for channel in shown] == wanted
    assert len(alice.ctl("list", "channel-3").stdout.splitlines()) >= 1000


def test_wide_texts(world, tracker):
    alice, bob = world.people("alice", "bob")
    lobby, bobs = alice.host("lobby", send_permission="everyone"), bob.join("lobby")
    carol = sign_up(tracker.address, "carol", tracker.pin)
    address = alice.get(lobby, "org.p2pchat.Peer1.Host", "Addresses")[0]
    sent = []
    with Connection(address, carol, host_name="user/alice") as c:
        m = Member(c, "lobby")
        m.connect()
        for text in TEXTS:
            m.store(text)
            sent.append(text)
        for text in TEXTS:  # from an outbox, as fast as it likes
            bob.send(bobs, text)
            sent.append(text)
        wait_for(lambda: bob.get(bobs, CHANNEL, "OutboxCount") == 0, "all to be stored", 60)
        last = alice.get(lobby, CHANNEL, "LastSeq")
        assert [e["message_content"] for e in m.read_to(last) if e["kind"] == "message"] == sent
        wait_for(lambda: bob.get(bobs, CHANNEL, "SyncedSeq") == last, "all to come back")

        forwards, after, n_pages = [], 0, 0
        while True:
            page = m.request("HISTORY", after=after, limit=500).payload
            forwards += page["entries"]
            n_pages += 1
            if not page["more"]:
                break
            after = page["entries"][-1]["seq"]
        backwards, before = [], {}
        while True:
            page = m.request("HISTORY", limit=500, **before).payload
            backwards = page["entries"] + backwards
            if not page["more"]:
                break
            before = {"before": page["entries"][0]["seq"]}
        assert forwards == backwards and [e["seq"] for e in forwards] == list(range(1, last + 1))
        assert n_pages > 4  # at most two of the widest fit a frame
        m.request("RET_INFO")

    for person, path in ((alice, lobby), (bob, bobs)):
        texts, anchor = [], 0
        while True:
            entries, page = person.call(path, CHANNEL, "GetMessages", "tua{sv}", anchor, PAGE, {})
            assert entries and size(entries) <= PAGE_BYTES
            texts += [e[6]["text"] for e in entries if e[2] == "message"]
            anchor = page["next_anchor"]
            if not page["more"]:
                break
        assert texts == sent
    assert bob.ctl("log", "lobby", "-n", "100").stdout.count("🎉" * 4096) == 2

    # What waits: pages of the outbox.
    alice.stop_daemon()
    waiting = [bob.send(bobs, TEXTS[n % len(TEXTS)])[0] for n in range(40)]
    rows = pages(lambda options: bob.call(bobs, CHANNEL, "GetOutbox", "a{sv}", {**options, "limit": dbus.UInt32(PAGE)}))
    assert [row[0] for row in rows if row[4] == "queued"] == waiting


def test_two_thousand_members(world, tracker):
    """A host that tells of 2,000 members, in pages as long as a frame allows."""
    alice = world.people("alice")
    carol = sign_up(tracker.address, "carol", tracker.pin)
    names = [f"m{n:04}-with-a-name-of-thirty-two." for n in range(2000)]

    def members(c, f):
        rest = [n for n in names if n > f.payload.get("after", "")]
        some = rest[:min(f.payload["limit"], 400)]  # about as many as fit
        more = {"next": some[-1]} if len(some) < len(rest) else {}
        host.ok(c, f, {"members": [{"username": n, "user_type": "REGISTERED", "role": "none", "status": "online",
                                    "since": "2026-01-01T00:00:00.000Z"} for n in some], "generation": 1, **more})

    with ModelHost(tracker, carol, "hall") as host:
        host.hooks["MEMBERS"] = members
        hall = alice.join("hall")
        wait_for(lambda: alice.get(hall, CHANNEL, "State") == "live", "the hall to be live")
        rows = pages(lambda options: alice.call(hall, CHANNEL, "GetMembers", "a{sv}", options))
        assert [row[0] for row in rows] == names
        shown = json.loads(alice.ctl("members", "hall", "--json").stdout)
        assert [m["username"] for m in shown] == names
