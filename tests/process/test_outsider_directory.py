# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tracker's directory as a client sees it that was written from the protocol page alone: names, lists,
leases, watching."""
import time
import uuid

from conformance import sentence
from outsider import TIME, Connection, Identity, frame, parse_address, pin_of, sign_up
from p2pchat import wait_for
from trackerstage import CHANNEL, FAST, find, host_payload, names, stranger, tracker, user

# -- §4: the directory

@sentence("4.HOST.1", "4.HOST.2", "4.HOST.4", "4.CHANNEL.1", "4.UNHOST.1", "4.UNHOST.2", "4.UNHOST.4", "4.LIST.6")
def test_host_and_list(tracker, user, stranger):
    name = "hosted." + user.me.username
    given = ["127.0.0.1:4711", "0.0.0.0:4711", "224.0.0.1:4711", "169.254.1.1:4711", "[::]:4711", "[fe80::1]:4711",
             "[2001:db8::1]:4711", "192.0.2.1:4711"]
    request = host_payload(name, addresses=given, topic="Ünder the Döme", last_seq=7, members=3)
    answer = user.ok("HOST", request)
    assert set(answer) == {"channel_id", "epoch", "lease_seconds", "observed_address"}
    assert (answer["channel_id"], answer["epoch"], answer["lease_seconds"]) == (request["channel_id"], 1, 60)
    ip, port = parse_address(answer["observed_address"])
    assert (ip.replace("::ffff:", ""), port) == ("127.0.0.1", 4711)

    channel = find(stranger, name)
    assert set(channel) == CHANNEL
    since = channel.pop("since")
    assert TIME.fullmatch(since)
    assert channel == {"channel_name": name, "channel_id": request["channel_id"], "owner": user.me.username,
                       "host": user.me.username, "addresses": ["127.0.0.1:4711", "[2001:db8::1]:4711", "192.0.2.1:4711"],
                       "peer_server_ip": "127.0.0.1", "peer_server_port": 4711, "view_permission": "public",
                       "topic": "Ünder the Döme", "members": 3, "last_seq": 7, "epoch": 1, "online": True}

    # HOST by the same key: same epoch, idempotent.
    assert user.ok("HOST", request) == answer
    assert find(stranger, name)["since"] == since

    # The query: a substring of name or topic, ASCII case-blind.
    for query in ("HOSTED." + user.me.username.upper(), "nder the D"):
        assert find(stranger, name) in stranger.ok("LIST", {"query": query})["channels"]
    assert stranger.ok("LIST", {"query": "no such thing at all"})["channels"] == []

    # Restricted channels are listed with topic "" and members 0, and cannot be found by it.
    assert user.ok("VIEW", {"channel_name": name, "view_permission": "restricted"}) == {}
    hidden = find(stranger, name)
    assert (hidden["view_permission"], hidden["topic"], hidden["members"]) == ("restricted", "", 0)
    assert stranger.ok("LIST", {"query": "nder the D"})["channels"] == []
    user.ok("VIEW", {"channel_name": name, "view_permission": "public", "topic": "new"})
    assert find(stranger, name)["topic"] == "new"

    # Offline it stays listed, unless only those online are wanted; forgotten it is gone.
    assert user.ok("UNHOST", {"channel_name": name, "forget": False}) == {}
    assert find(stranger, name)["online"] is False
    assert find(stranger, name, online=True) is None
    user.ok("UNHOST", {"channel_name": name, "forget": True})
    assert find(stranger, name) is None


@sentence("4.LIST.1", "4.LIST.4")
def test_list_pages(user, stranger):
    wanted = sorted(["page-" + c for c in ("a", "a.", "a-", "a_", "a0", "b", "ab", "0", "z" * 27)])
    for name in wanted:
        user.ok("HOST", host_payload(name))
    for limit in (1, 2, 4, 200):
        got, after = [], {}
        while True:
            page = stranger.ok("LIST", {"query": "page-", "limit": limit, **after})
            assert isinstance(page["generation"], int) and len(page["channels"]) <= limit
            got += [c["channel_name"] for c in page["channels"]]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        assert got == wanted, "in byte order of name"
    for bad in (0, 201, -1, 1.5, "9", 2**53):
        assert stranger.refused("LIST", {"limit": bad}) == ("REQUEST_ERROR", "bad-request")
    assert stranger.refused("LIST", {"query": "q" * 65}) == ("REQUEST_ERROR", "bad-request")
    for name in wanted:
        user.ok("UNHOST", {"channel_name": name, "forget": True})


def test_list_fits_frames(user, stranger):
    """A short page is not the end: an answer to a stranger has 8,192 bytes at most, and all is found."""
    wanted = sorted(f"fits-{i}" for i in range(30))
    for i, name in enumerate(wanted):
        user.ok("HOST", host_payload(name, topic="t" * 512))
    got, after, pages = [], {}, 0
    while True:
        frame_id = stranger.start("LIST", {"query": "fits-", **after})
        page = stranger.answer(frame_id).payload
        assert len(frame("OK", frame_id, page)) <= 8192
        got += [c["channel_name"] for c in page["channels"]]
        pages += 1
        if "next" not in page:
            break
        after = {"after": page["next"]}
    assert got == wanted and pages > 1
    for name in wanted:
        user.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("4.NAMES.1", "4.NAMES.2")
def test_names_and_ids(tracker, user):
    """The first HOST binds name, channel_id and owner, until forget."""
    name = "bound." + user.me.username
    request = host_payload(name)
    user.ok("HOST", request)
    other = sign_up(tracker.address, next(names), tracker.pin)
    with Connection(tracker.address, other) as c:
        assert c.refused("HOST", host_payload(name)) == ("REQUEST_ERROR", "channel-exists")
        assert c.refused("HOST", {**request, "channel_name": "other." + other.username}) == \
            ("REQUEST_ERROR", "conflict")
        for command, more in (("VIEW", {"topic": "mine"}), ("UNHOST", {"forget": False})):
            assert c.refused(command, {"channel_name": name, **more}) == ("UNAUTHORIZED", "not-owner")
    assert user.refused("HOST", host_payload(name)) == ("REQUEST_ERROR", "channel-exists")
    assert user.refused("HOST", {**request, "channel_name": name + ".2"}) == ("REQUEST_ERROR", "conflict")
    for command in ("VIEW", "UNHOST"):
        assert user.refused(command, {"channel_name": "no-such", "forget": False}) == \
            ("REQUEST_ERROR", "no-such-channel")
    user.ok("UNHOST", {"channel_name": name, "forget": True})
    with Connection(tracker.address, other) as c:
        c.ok("HOST", host_payload(name))
        c.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("3.GOING_AWAY.4", "4.LEASES.2", "4.LEASES.6", "4.HOST.9", "4.HOST.10")
def test_leases(tracker, user, stranger):
    """By key, not by connection; another key of the owner waits or takes over."""
    name = "lease." + user.me.username
    request = host_payload(name, last_seq=5)
    user.ok("HOST", request)
    me, again = user.me, Connection(tracker.address, user.me)
    assert again.ok("HOST", request)["epoch"] == 1
    # One connection hosts by a key: the newer one.
    assert user.push("GOING_AWAY")["reason"] == "replaced" and user.ended()
    user = again

    device = Identity()
    device.take(stranger.ok("SIGNIN", {"username": me.username, "csr": device.csr(),
                                       "password": "correct horse " + me.username}))
    beat = {"channels": [{"channel_name": name, "epoch": 1, "last_seq": 9, "members": 2}], "revocations_after": 0}
    answer = user.ok("HEARTBEAT", beat)
    assert set(answer) == {"lease_seconds", "lost", "revocations", "more"}
    assert (answer["lease_seconds"], answer["lost"]) == (60, [])
    assert find(stranger, name)["last_seq"] == 9

    with Connection(tracker.address, device) as c:
        held = c.request("HOST", {**request, "last_seq": 9})
        assert (held.header, held.payload["error"]) == ("REQUEST_ERROR", "conflict")
        assert TIME.fullmatch(held.payload["holder_until"])
        stale = c.request("HOST", {**request, "last_seq": 8, "take_over": True})
        assert (stale.header, stale.payload["error"]) == ("REQUEST_ERROR", "stale-epoch")
        assert (stale.payload["epoch"], stale.payload["last_seq"]) == (1, 9)
        assert c.ok("HOST", {**request, "last_seq": 9, "take_over": True})["epoch"] == 2

    # The one that was taken over from hears it with its heartbeat.
    assert user.ok("HEARTBEAT", beat)["lost"] == [{"channel_name": name, "error": "stale-epoch"}]
    lost = user.ok("HEARTBEAT", {"channels": [{**beat["channels"][0], "channel_name": "no-such"}],
                                 "revocations_after": 0})["lost"]
    assert lost == [{"channel_name": "no-such", "error": "no-such-channel"}]
    user.ok("UNHOST", {"channel_name": name, "forget": True})
    user.close()


@sentence("4.HOST.9", "4.HOST.10", "4.HOST.11", "4.HEARTBEAT.4b")
def test_instances(tracker, user):
    """One process hosts by a key; one whose place was taken has lost it, however new its connection is."""
    name = "instance." + user.me.username
    a, b, c = (str(uuid.uuid4()) for _ in range(3))
    request = host_payload(name)

    def host(connection, instance):
        return connection.request("HOST", {**request, "instance": instance})

    def beat(connection, instance):
        return connection.ok("HEARTBEAT", {"channels": [{"channel_name": name, "epoch": 1, "last_seq": 1, "members": 1}],
                                           "revocations_after": 0, "instance": instance})

    def is_sent_away(connection):
        return connection.push("GOING_AWAY")["reason"] == "replaced" and connection.ended()

    for bad in ("", "x", "A" + a[1:], a[1:], a + "0", 7):
        refused = host(user, bad)
        assert (refused.payload["error"], refused.payload["field"]) == ("bad-request", "instance"), bad
    with Connection(tracker.address, user.me) as first, Connection(tracker.address, user.me) as second:
        assert host(second, b).header == "OK"
        assert host(first, a).header == "OK"  # the process that came last, over the connection that is older
        assert is_sent_away(second)
        assert beat(first, a)["lost"] == []
        for command in (host, lambda x, i: x.request("HEARTBEAT", {
                "channels": [{"channel_name": name, "epoch": 1, "last_seq": 1, "members": 1}],
                "revocations_after": 0, "instance": i})):
            with Connection(tracker.address, user.me) as third:
                assert third.ok("HEARTBEAT", {"channels": [], "revocations_after": 0, "instance": b})
                refused = command(third, b)
                assert (refused.header, refused.payload["error"]) == ("REQUEST_ERROR", "conflict")
                assert "holder_until" not in refused.payload
                assert is_sent_away(third)
        # Its own connection again, which the network has cut: the older one is not waited for.
        with Connection(tracker.address, user.me) as fourth:
            assert beat(fourth, a)["lost"] == []
            assert is_sent_away(first)
            # Who is refused for another reason takes no place.
            with Connection(tracker.address, user.me) as fifth:
                stale = fifth.request("HOST", {**request, "last_seq": 0, "instance": c})
                assert stale.payload["error"] == "stale-epoch"
                assert beat(fourth, a)["lost"] == []
            fourth.ok("UNHOST", {"channel_name": name, "forget": True})
    user.ok("LIST", {})


@sentence("4.WATCH.1", "4.WATCH.2", "4.WATCH.3", "4.WATCH.6a")
def test_watch(tracker, user, stranger):
    name = "watched." + user.me.username
    assert set(stranger.ok("WATCH")) == {"generation", "reset"}

    def told(which=lambda p: True):
        return stranger.push("CHANNELS", which)

    def of(payload):
        return next((c for c in payload["changed"] if c["channel_name"] == name), None)

    begin = time.monotonic()
    user.ok("HOST", host_payload(name))
    push = told(of)
    assert time.monotonic() - begin < 2.5, "within 1 s"
    assert set(push) >= {"generation", "changed", "removed"} and set(of(push)) == CHANNEL and of(push)["online"]
    first = push["generation"]
    user.ok("VIEW", {"channel_name": name, "topic": "changed"})
    assert of(told(of))["topic"] == "changed"
    user.ok("UNHOST", {"channel_name": name, "forget": False})
    assert of(told(of))["online"] is False

    # What changed since a generation follows; one that the tracker does not know: reset.
    with Connection(tracker.address, pin=tracker.pin) as c:
        assert c.ok("WATCH", {"generation": first}) == {"generation": first, "reset": False}
        since = c.push("CHANNELS", of)["generation"]
        assert since > first
        assert c.ok("WATCH", {"generation": since})["generation"] == since
        present = c.ok("WATCH", {"generation": since + 1000})
        assert present == {"generation": c.ok("WATCH")["generation"], "reset": True}

    user.ok("UNHOST", {"channel_name": name, "forget": True})
    assert name in told(lambda p: p["removed"])["removed"]

    stranger.ok("WATCH", {"on": False})
    user.ok("HOST", host_payload(name))
    with Connection(tracker.address, pin=tracker.pin) as c:  # who still watches has been told by now
        c.ok("WATCH", {"generation": push["generation"]})
        c.push("CHANNELS", of)
    stranger.ok("LIST", {"limit": 1})
    assert not stranger.pushes
    user.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("3.GOING_AWAY.1", "3.GOING_AWAY.2", "3.GOING_AWAY.4", "4.LEASES.1")
def test_lapse_and_going_away(world):
    """A lease that nobody renews lapses; a planned end is announced; the same CA comes back."""
    world.configure_tracker(FAST + "LeaseSeconds=3\n")
    tracker = world.start_tracker()
    with Connection(tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    me = sign_up(tracker.address, "ann", pin)
    with Connection(tracker.address, me) as c:
        request = host_payload("short", last_seq=4)
        assert c.ok("HOST", request)["lease_seconds"] == 3
        c.ok("WATCH")
        begin = time.monotonic()
        gone = c.push("CHANNELS", lambda p: p["changed"] and not p["changed"][0]["online"])
        assert gone["changed"][0]["channel_name"] == "short"
        assert time.monotonic() - begin > 2
        # Renewed too late it is simply taken again, by the same key.
        assert c.ok("HOST", request)["epoch"] == 1

        tracker.process.ask()
        away = c.push("GOING_AWAY")
        assert set(away) == {"reason", "resume_in_ms"} and away["resume_in_ms"] >= 0
        assert away["reason"] == "stopping"
        assert c.ended()
    assert tracker.stop() == 0
    tracker.start()
    with Connection(tracker.address, me) as c:  # certificate, account and channel are as they were
        kept = find(c, "short")
        assert (kept["channel_id"], kept["last_seq"], kept["owner"]) == (request["channel_id"], 4, "ann")
        stale = c.request("HOST", {**request, "last_seq": 3})
        assert (stale.payload["error"], stale.payload["last_seq"]) == ("stale-epoch", 4)
    wait_for(tracker.process.alive, "the tracker to be there")
