# SPDX-License-Identifier: LGPL-2.1-or-later
"""The types of §2, at a real tracker and at a real host: each value at the edge of what is allowed and the
first one beyond it."""
import itertools
import uuid

import pytest

from conformance import sentence
from outsider import TIME, Identity, Member, frame, key_id
from wirestage import BAD_REQUEST, Stage, error_of, host_payload

INVALID_NAME = ("REQUEST_ERROR", "invalid-name")


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@pytest.fixture
def user(stage):
    with stage.signed_in("typist") as c:
        yield c


@pytest.fixture
def stranger(stage):
    with stage.stranger() as c:
        yield c


@pytest.fixture(scope="module")
def lobby(stage):
    name, path, address = stage.host()
    with stage.dial(address, "owner-device" if "owner-device" in stage.people else stage.device("alice")) as c:
        m = Member(c, name)
        m.connect()
        m.ok("VIEW", send_permission="everyone")
        m.path, m.address = path, address
        yield m


# -- names

def sign_up(c, name, **changes):
    return c.request("SIGNUP", {"username": name, "password": "correct horse", "csr": Identity().csr(), **changes})


@sentence("2.52", "2.61", "2.62", "2.63")
def test_names(stage, stranger, user):
    """[a-z0-9][a-z0-9._-]{1,31}."""
    good = ("a0", "00", "0.", "z-", "9_", "a" * 32, "abcdefghijklmnopqrstuvwxyz", "0123456789._-")
    bad = ("", "a", "0", "a" * 33, "_a", ".a", "-a", "aB", "Aa", "a b", "a\u00e4", "a/", "a@", "a:", "a\\", "a\t",
           "a\n", "\u0430a", "a\u200d", "a\u0301", "a%61", "a,b", "a+")
    for name in good:
        assert sign_up(stranger, name).header == "OK", name
        assert user.request("HOST", host_payload(name)).header == "OK", name
        assert user.ok("WHOIS", {"username": name})["exists"] is True
    for name in bad:
        assert error_of(sign_up(stranger, name)) == INVALID_NAME, name
        assert error_of(user.request("HOST", host_payload(name))) == INVALID_NAME, name
        assert error_of(user.request("WHOIS", {"username": name})) == INVALID_NAME, name
    for name in good:
        user.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("2.62", "4.SIGNUP.6")
def test_reserved_names(stranger, user):
    """No user's name is one of these; a guest's wish and a channel's name may be."""
    for name in ("system", "owner", "admin", "all", "everyone", "here", "tracker"):
        assert error_of(sign_up(stranger, name)) == INVALID_NAME, name
        assert sign_up(stranger, name + "s").header == "OK"
        grant = stranger.ok("GUEST", {"username": name, "csr": Identity().csr()})
        assert grant["username"] == "guest-" + name
        user.ok("HOST", host_payload(name))
        user.ok("UNHOST", {"channel_name": name, "forget": True})
    for name in ("guest-", "guest-x", "guest-guest"):
        assert error_of(sign_up(stranger, name)) == INVALID_NAME, name
    assert sign_up(stranger, "guest").header == "OK"
    user.ok("HOST", host_payload("guest-room"))
    user.ok("UNHOST", {"channel_name": "guest-room", "forget": True})


@sentence("4.GUEST.4")
def test_guest_names(stranger):
    """2–26 characters of a name, not beginning "guest-"; "guest-" comes before them."""
    for good in ("g0", "x" * 26, "guest", "guest."):
        assert stranger.ok("GUEST", {"username": good, "csr": Identity().csr()})["username"] == "guest-" + good
    for bad in ("", "g", "x" * 27, "guest-", "guest-x", "guest-guest", "Gast", "-x", "g st"):
        assert error_of(stranger.request("GUEST", {"username": bad, "csr": Identity().csr()})) == INVALID_NAME, bad


# -- numbers of bytes

@sentence("2.54", "2.77", "2.79")
def test_passwords(stage, stranger):
    """8–256 bytes: shorter is weak-password, longer bad-request. Bytes, not characters."""
    weak, bad = ("REQUEST_ERROR", "weak-password"), BAD_REQUEST
    for password, expected in (("x" * 7, weak), ("", weak), ("\u00e4" * 3 + "x", weak), ("x" * 257, bad),
                               ("\u00e4" * 128 + "x", bad), ("\U0001f600" * 65, bad)):
        f = sign_up(stranger, stage.new_name(), password=password)
        assert error_of(f) == expected, password
        assert "password" in f.payload["message"].lower()
    for password in ("x" * 8, "\u00e4" * 4, "x" * 256, "\U0001f600" * 64, " " * 8, "tab\tand\nline"):
        me, name = Identity(), stage.new_name()
        me.take(stranger.ok("SIGNUP", {"username": name, "password": password, "csr": me.csr()}))
        stranger.ok("SIGNIN", {"username": name, "password": password, "csr": Identity().csr()})
        for wrong in (password + "x", password[:-1], password.swapcase() + " "):
            f = stranger.request("SIGNIN", {"username": name, "password": wrong, "csr": Identity().csr()})
            assert error_of(f) in (("UNAUTHORIZED", "bad-credentials"), BAD_REQUEST), wrong


@sentence("2.73", "2.79", "2.83")
def test_topics(user, lobby):
    """≤ 512 bytes."""
    request = host_payload("topics")
    for topic in ("", "t" * 512, "\u00e4" * 256, "\U0001f600" * 128, '"\\' * 256, "a\u0308\u1e9b\u0323"):
        user.ok("HOST", {**request, "topic": topic})
        user.ok("VIEW", {"channel_name": "topics", "topic": topic})
        assert user.ok("LIST", {"query": "topics"})["channels"][0]["topic"] == topic
        lobby.ok("TOPIC", topic=topic)
        assert lobby.ok("RET_INFO")["topic"] == topic
    for topic in ("t" * 513, "\u00e4" * 256 + "x", "\U0001f600" * 128 + "x"):
        assert error_of(user.request("HOST", {**request, "topic": topic})) == BAD_REQUEST
        assert error_of(user.request("VIEW", {"channel_name": "topics", "topic": topic})) == BAD_REQUEST
        assert error_of(lobby.request("TOPIC", topic=topic)) == BAD_REQUEST
    user.ok("UNHOST", {"channel_name": "topics", "forget": True})


@sentence("2.75")
def test_queries(stranger):
    for good in ("", "q" * 64, "\u00e4" * 32, "\t\n%_*\\\""):
        stranger.ok("LIST", {"query": good})
    for bad in ("q" * 65, "\u00e4" * 32 + "x", 1, []):
        assert error_of(stranger.request("LIST", {"query": bad})) == BAD_REQUEST


@sentence("5.MESSAGE.8", "5.MESSAGE.9")
def test_contents(lobby):
    """message_content is 1–16,384 bytes; meta an object of at most 1 KiB, as it is written without spaces."""
    for text in ("x", "x" * 16384, "\u00e4" * 8192, "\U0001f600" * 4096, '"' * 16384, " ", "\n"):
        (seq,) = lobby.store(text)
        assert lobby.read_to(seq)[-1]["message_content"] == text
    for text in ("", "x" * 16385, "\u00e4" * 8192 + "x", "\U0001f600" * 4096 + "x"):
        assert error_of(lobby.send(text)) == BAD_REQUEST

    def with_meta(meta):
        return lobby.request("MESSAGE", messages=[{"id": str(uuid.uuid4()), "message_content": "m", "meta": meta}])
    for meta in ({}, {"x": "m" * (1024 - 8)}, {"reply_to": str(uuid.uuid4()), "on_behalf_of": "bob", "sig": "…"},
                 {"x": [1, None, True, {"y": "ü"}]}, {"x": [[[]]]}, {"x": {"x": {"x": {}}}}):
        f = with_meta(meta)
        assert f.header == "OK", (meta, f)
        assert lobby.read_to(f.payload["stored"][0]["seq"])[-1].get("meta", {}) == meta
    for meta in ({"x": "m" * (1024 - 7)}, {"x": "ü" * 509}, [], "x", 1, True):
        assert error_of(with_meta(meta)) == BAD_REQUEST, meta


@sentence("5.MESSAGE.9")
def test_deep_meta(stage):
    """A meta that makes the frame too deep makes it none."""
    name, _, address = stage.host()
    with stage.dial(address, "deep") as c:
        m = Member(c, name)
        m.connect(backlog=0)
        message = {"id": str(uuid.uuid4()), "message_content": "m", "meta": {"x": [[[[]]]]}}
        fault = c.fault(frame("MESSAGE", "deep", m.payload({"messages": [message]})))
        assert fault == ("REQUEST_ERROR", "bad-frame", None)


@sentence("5.MESSAGE.1")
def test_many_messages(stage, lobby):
    """1–64 in one request."""
    stage.alice.ctl("rate", lobby.name, "0")
    seqs = lobby.store(*(f"m{i}" for i in range(64)))
    assert [e["message_content"] for e in lobby.read_to(seqs[-1])[-64:]] == [f"m{i}" for i in range(64)]
    assert error_of(lobby.send(*("m" for _ in range(65)))) == BAD_REQUEST
    assert error_of(lobby.send()) == BAD_REQUEST


# -- addresses

def hosted(user, addresses):
    user.ok("HOST", host_payload("addressed", channel_id="00000000-0000-4000-8000-00000000000a", addresses=addresses))
    return user.ok("LIST", {"query": "addressed"})["channels"][0]


@sentence("2.67", "4.CHANNEL.2")
def test_addresses(user):
    """ip:port, [ip6]:port, at most 8; CHANNEL gives them back, the first one also as peer_server_*."""
    good = ("192.0.2.1:1", "192.0.2.255:65535", "[2001:db8::1]:22237", "[2001:db8:0:1:2:3:4:5]:9", "10.0.0.1:22237",
            "198.51.100.7:80", "[fd00::1]:1", "203.0.113.9:22237")
    assert len(good) == 8
    channel = hosted(user, list(good))
    assert channel["addresses"][:7] == list(good[:7]) and len(channel["addresses"]) == 8
    for address in good:
        channel = hosted(user, [address])
        assert channel["addresses"][0] == address
        ip, _, port = address.rpartition(":")
        assert (channel["peer_server_ip"], channel["peer_server_port"]) == (ip.strip("[]"), int(port))
    for bad in ("", "192.0.2.1", "192.0.2.1:", ":1", "192.0.2.1:65536", "192.0.2.1:0x10", "192.0.2.1:+1",
                "192.0.2.1:-1", "192.0.2.1: 1", " 192.0.2.1:1", "192.0.2.256:1", "192.0.2:1", "192.0.2.1.1:1",
                "0192.0.2.1:1",
                "2001:db8::1:1", "[2001:db8::1]", "[2001:db8::1]:", "[2001:db8::1]1", "[2001:db8::1:1", "[192.0.2.1]:1",
                "[2001:db8:::1]:1", "[2001:db8::1%eth0]:1", "localhost:1", "example.org:1", "192.0.2.1:1\n",
                "\u0661\u0669\u0662.0.2.1:1", None, 1, {}):
        f = user.request("HOST", host_payload("addressed", addresses=["192.0.2.1:1", bad]))
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == "addresses", bad
    assert error_of(user.request("HOST", host_payload("addressed", addresses=["192.0.2.1:1"] * 9))) == BAD_REQUEST


@sentence("4.HOST.5", "4.HOST.6")
def test_dropped_addresses(user):
    """Unspecified, multicast and link-local ones are dropped; the observed one is appended, once."""
    for useless in ("0.0.0.0:7", "255.255.255.255:7", "224.0.0.1:7", "239.255.255.255:7", "169.254.0.1:7",
                    "[::]:7", "[ff02::1]:7",
                    "[fe80::1]:7", "[febf::1]:7", "[::ffff:0.0.0.0]:7", "[::ffff:169.254.1.1]:7"):
        assert hosted(user, [useless, "192.0.2.1:8"])["addresses"] == ["192.0.2.1:8", "127.0.0.1:7"], useless
    assert hosted(user, ["192.0.2.1:8", "127.0.0.1:8"])["addresses"] == ["192.0.2.1:8", "127.0.0.1:8"]
    answer = user.ok("HOST", host_payload("addressed", channel_id="00000000-0000-4000-8000-00000000000a",
                                          addresses=["192.0.2.1:8", "192.0.2.1:9"]))
    assert answer["observed_address"] == "127.0.0.1:8", "the connection's ip with the port of the first one"


# -- ids, keys, times

@sentence("2.28", "2.47", "2.64")
def test_uuids(user, lobby):
    good = str(uuid.uuid4())
    bad = ("", "A" + good[1:], good.replace("-", ""), "{" + good + "}", good[:-1], good + "0", good[:-1] + "g",
           "urn:uuid:" + good, good.replace("-", "_"), " " + good, good + "\n", None, 1)
    for i in bad:
        assert error_of(user.request("HOST", host_payload("uuids", channel_id=i))) == BAD_REQUEST, i
        f = lobby.request("MESSAGE", messages=[{"id": i, "message_content": "x"}])
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == "id", i
        if i:
            assert error_of(lobby.request("CONNECT", since=1, since_id=i, invisible=False)) == BAD_REQUEST, i


@sentence("2.65")
def test_keys(stage, user):
    """key = lower-case hex SHA-256 of the SPKI (DER)."""
    me = stage.people["typist"]
    (device,) = user.ok("DEVICES")["devices"]
    assert device["key"] == key_id(me.key.public_key()) and device["this"] is True
    assert len(device["key"]) == 64 and device["key"] == device["key"].lower()
    for bad in (device["key"].upper(), device["key"][:-1], device["key"] + "0", "sha256:" + device["key"], "", None, 1):
        assert error_of(user.request("DEVICES", {"revoke": [bad]})) == BAD_REQUEST, bad


def times_in(value):
    if isinstance(value, dict):
        for k, v in value.items():
            if k in ("time", "since", "expires", "created", "seen", "until", "holder_until"):
                yield k, v
            else:
                yield from times_in(v)
    elif isinstance(value, list):
        for v in value:
            yield from times_in(v)


@sentence("2.66")
def test_times(stage, user, stranger, lobby):
    """RFC 3339, always with three digits of a second and Z."""
    user.ok("HOST", host_payload("times"))
    answers = [user.ok("LIST"), user.ok("DEVICES"),
               stranger.ok("GUEST", {"username": "times", "csr": Identity().csr()}),
               lobby.ok("MEMBERS", limit=500), lobby.ok("HISTORY", limit=500), lobby.send("x").payload]
    found = list(itertools.chain.from_iterable(map(times_in, answers)))
    assert {k for k, _ in found} >= {"time", "since", "expires", "created", "seen"}
    for k, v in found:
        assert TIME.fullmatch(v), (k, v)
    user.ok("UNHOST", {"channel_name": "times", "forget": True})


# -- text

FORBIDDEN = [*range(0x01, 0x09), *range(0x0b, 0x20), *range(0x7f, 0xa0), *range(0xfdd0, 0xfdf0),
             *(plane << 16 | last for plane in range(17) for last in (0xfffe, 0xffff))]
ALLOWED = [0x20, 0x7e, 0xa0, 0xad, 0x0301, 0x200b, 0x200d, 0x202e, 0x2028, 0xd7ff, 0xe000, 0xfdcf, 0xfdf0, 0xfeff,
           0xfffd,
           0x10000, 0x1fffd, 0xe0001, 0xffffd, 0x100000, 0x10fffd]


@sentence("2.81", "2.82")
def test_forbidden_text(user, lobby):
    """Every code point that no text has, in a message, in a meta's keys and strings, and in a topic."""
    for c in map(chr, FORBIDDEN):
        for message in ({"message_content": f"a{c}b"}, {"message_content": "x", "meta": {"k": c}},
                        {"message_content": "x", "meta": {c: 1}}):
            f = lobby.request("MESSAGE", messages=[{"id": str(uuid.uuid4()), **message}])
            assert error_of(f) == BAD_REQUEST, hex(ord(c))
    for c in (*map(chr, FORBIDDEN), "\t", "\n"):
        assert error_of(lobby.request("TOPIC", topic=f"a{c}b")) == BAD_REQUEST, hex(ord(c))
        f = user.request("HOST", host_payload("text", topic=c))
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == "topic", hex(ord(c))


@sentence("2.81", "2.83")
def test_allowed_text(lobby):
    """Everything else is text, and nobody normalises it."""
    texts = ["".join(map(chr, ALLOWED)), "tab\tand\nline", "\u00e4", "a\u0308", "\u1e9b\u0323", "\ufb01",
             " trailing  ", "\u202eabc", "\ud55c", "\u1112\u1161\u11ab"]
    seqs = lobby.store(*texts)
    assert [e["message_content"] for e in lobby.read_to(seqs[-1])[-len(texts):]] == texts
    for topic in ("\u00e4", "a\u0308", " x "):
        lobby.ok("TOPIC", topic=topic)
        assert lobby.ok("RET_INFO")["topic"] == topic


# -- limits and lists

@sentence("2.78")
def test_limits(stage, stranger, lobby):
    """limit is 1…max, else bad-request."""
    for limit in (0, 201, 2**53 - 1, -1, 1.5, "1", True, [1]):
        assert error_of(stranger.request("LIST", {"limit": limit})) == BAD_REQUEST, limit
    for limit in (1, 200):
        stranger.ok("LIST", {"limit": limit})
    for command in ("HISTORY", "MEMBERS"):
        for limit in (0, 501, 2**53 - 1, -1, 1.5, "1", True, [1], None):
            assert error_of(lobby.request(command, limit=limit)) == BAD_REQUEST, (command, limit)
        for limit in (1, 500):
            lobby.ok(command, limit=limit)


@sentence("2.2", "2.3", "2.48", "2.85", "5.HISTORY.7")
def test_largest_entries(stage):
    """Entries of 16,384 quotes are 32 KiB each as JSON: all come, in live frames, in CONNECT's stream and in
    pages, and no frame is over the limit (which the outsider asserts of each)."""
    name, _, address = stage.host()
    with stage.dial(address, "quoter") as a, stage.dial(address, "reader") as b:
        m, live = Member(a, name), Member(b, name)
        m.connect()
        live.connect()
        texts = [c * 16384 for c in '"\\"\\"']
        seqs = [m.store(t)[0] for t in texts]
        assert [e["message_content"] for e in live.read_to(seqs[-1])[-5:]] == texts
        live.connect()
        assert [e["message_content"] for e in live.read_to(seqs[-1])[-5:]] == texts
        got, cursor, pages = [], 0, 0
        while True:
            page = live.ok("HISTORY", after=cursor, limit=500)
            got += page["entries"]
            pages += 1
            if not page["more"]:
                break
            cursor = got[-1]["seq"]
        assert [e["seq"] for e in got] == list(range(1, seqs[-1] + 1))
        assert pages == 5, "no two of these fit, and the first entry beside one of them"
        back, anchor = [], {}
        while True:
            page = live.ok("HISTORY", limit=500, **anchor)
            back = page["entries"] + back
            if not page["more"]:
                break
            anchor = {"before": back[0]["seq"]}
        assert back == got
    # Who has not joined gets frames of 8,192 bytes: an entry above that is for members.
    with stage.dial(address, "passer-by") as c:
        visitor = Member(c, name)
        f = visitor.request("HISTORY", limit=1)
        assert error_of(f) == ("REQUEST_ERROR", "too-large") and "CONNECT" in f.payload["message"]
        frame_id = c.start("RET_INFO", visitor.payload({}))
        info = c.answer(frame_id)
        assert info.header == "OK" and len(frame("OK", frame_id, info.payload)) <= 8192


@sentence("2.3", "2.85", "2.86", "2.87")
def test_large_list(stage, user):
    """200 channels of the largest topics: pages of as many as fit, each with `next` but the last one."""
    wanted = sorted(f"large-{i:03}" for i in range(200))
    for name in wanted:
        user.start("HOST", host_payload(name, topic='"' * 512))
    for i in range(user.last_id - 199, user.last_id + 1):
        assert user.answer(f"o{i}").header == "OK"
    for connection, room in ((user, 65536), (stage.stranger(), 8192)):
        got, after = [], {}
        while True:
            page = connection.ok("LIST", {"query": "large-", "limit": 200, **after})
            got += [c["channel_name"] for c in page["channels"]]
            assert connection.size <= room
            if "next" not in page:
                break
            assert connection.size > room - 2000, "one more would not have fitted"
            after = {"after": page["next"]}
        assert got == wanted
    connection.close()
    for name in wanted:
        user.start("UNHOST", {"channel_name": name, "forget": True})
    for i in range(user.last_id - 199, user.last_id + 1):
        assert user.answer(f"o{i}").header == "OK"


@sentence("2.86", "2.88", "5.MEMBERS.1", "5.MEMBERS.3")
def test_members_pages(stage, lobby):
    """MEMBERS by `after`, in byte order of name; absent next is the end."""
    visitors = [stage.new_name("m") for _ in range(5)] + ["a.first", "z_last"]
    connections = []
    try:
        for name in visitors:
            connections.append(stage.dial(lobby.address, name))
            Member(connections[-1], lobby.name).connect(backlog=0)
        wanted = sorted([*visitors, "alice"], key=lambda n: n.encode())
        for limit in (1, 2, 3, 7, 8, 500):
            got, after = [], {}
            while True:
                page = lobby.ok("MEMBERS", limit=limit, **after)
                assert len(page["members"]) <= limit
                got += [m["username"] for m in page["members"]]
                if "next" not in page:
                    break
                assert page["next"] == got[-1]
                after = {"after": page["next"]}
            assert got == wanted, limit
    finally:
        for c in connections:
            c.close()
