# SPDX-License-Identifier: LGPL-2.1-or-later
"""What anybody may throw at a host: each gets its named error or alert, nothing crashes, nothing of it
is stored, and a member that was there before goes on."""
import random
import socket
import struct
import uuid

import pytest

from conformance import sentence
import badinput
from outsider import Authority, Connection, Member, alert, frame, pin_of, sign_up

BAD_REQUEST = ("REQUEST_ERROR", "bad-request")
TOO_LARGE = ("REQUEST_ERROR", "too-large", None)


class Stage:
    def __init__(self, world):
        world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n"
                                "SignInFailuresPerMinute=0\nSignInsPerDay=0\n")
        tracker = world.start_tracker()
        self.state = tracker.state
        self.daemon = world.people("alice")
        with Connection(tracker.address, hello=False) as c:
            pin = pin_of(c.chain[1])
        self.bob, self.mallory = (sign_up(tracker.address, name, pin) for name in ("bob", "mallory"))
        self.daemon.host("lobby")
        self.daemon.ctl("rate", "lobby", "0")  # a hurried witness
        with Connection(tracker.address, self.bob) as c:
            (channel,) = c.ok("LIST")["channels"]
        self.address = channel["addresses"][0]
        self.pid = self.daemon.process.pid
        self.bad = badinput.bad_identities(tracker.state)


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world)


@pytest.fixture(scope="module")
def bob_connection(stage):
    with Connection(stage.address, stage.bob, host_name="user/alice") as c:
        m = Member(c, "lobby")
        m.read_to(m.connect()["last_seq"])
        yield m


@pytest.fixture(autouse=True)
def honest(stage, bob_connection):
    """Was there before; after each test nothing but its own message has been added."""
    m = bob_connection
    yield m
    end = m.cursor
    (seq,) = m.store("still here")
    assert [e["message_content"] for e in m.read_to(seq)[end:]] == ["still here"]
    assert stage.daemon.is_up() and stage.daemon.process.pid == stage.pid


@pytest.fixture
def mallory(stage):
    """A connection that said HELLO."""
    with Connection(stage.address, stage.mallory, host_name="user/alice") as c:
        yield c


@pytest.fixture
def member(mallory):
    m = Member(mallory, "lobby")
    m.connect(backlog=0)
    return m


def message(text="x", **changes):
    return {"id": str(uuid.uuid4()), "message_content": text, **changes}


# -- below frames

@pytest.mark.parametrize("what", badinput.NO_TLS)
def test_no_tls(stage, what):
    got = badinput.after_no_tls(stage.address, badinput.NO_TLS[what])
    assert got == b"" or got[0] == 21, "an alert and a close, no frame"


@sentence("1.3", "1.4")
@pytest.mark.parametrize("what", badinput.HANDSHAKES)
def test_handshake(stage, what):
    context, expected = badinput.HANDSHAKES[what]
    assert alert(stage.address, context=context()) == expected


@sentence("1.27")
def test_no_certificate(stage):
    """Peer ↔ peer is mutual TLS."""
    assert alert(stage.address) in ("certificate required", "handshake failure")


@sentence("1.24")
@pytest.mark.parametrize("what", badinput.CERTIFICATES)
def test_certificate(stage, what):
    badinput.refused_identity(stage.address, *stage.bad[what])


def test_right_certificate(stage):
    """The counter-test of the table: nothing but its fault is what each was refused for."""
    with Connection(stage.address, Authority(stage.state).identity("user/mallory"), host_name="user/alice") as c:
        Member(c, "lobby").connect(backlog=0)


def test_reset_and_silence(stage, mallory):
    with socket.create_connection(mallory.tls.getpeername()[:2]) as s:
        s.sendall(badinput.NO_TLS["cut-hello"][:7])
    for data in (b"CONNECT-{", b""):
        c = Connection(stage.address, stage.mallory, host_name="user/alice")
        c.send_bytes(data)
        c.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    mallory.send_bytes(b"CONNECT-{")
    mallory.tls.unwrap()


# -- frames

@sentence("2.4", "2.6", "2.25")
@pytest.mark.parametrize("what", badinput.NO_FRAMES)
def test_no_frame(mallory, what):
    assert mallory.fault(badinput.NO_FRAMES[what]) == ("REQUEST_ERROR", "bad-frame", None)


@sentence("2.11")
@pytest.mark.parametrize("what", badinput.NO_IDS)
def test_no_id(mallory, what):
    assert mallory.fault(badinput.NO_IDS[what]) == (*BAD_REQUEST, None)


def test_id_in_flight(member):
    data = frame("MESSAGE", "same", member.payload({"messages": []}))
    slow = frame("HISTORY", "same", member.payload({"limit": 500}))
    assert member.connection.fault(slow + slow + data) == (*BAD_REQUEST, None)


@pytest.mark.parametrize("first", (
    frame("CONNECT", "1", {"channel_name": "lobby", "since": 0, "invisible": False}),
    frame("MESSAGE", None, {"channel_name": "lobby", "entries": []}), frame("OK", "1", {})))
def test_before_hello(stage, first):
    with Connection(stage.address, stage.mallory, host_name="user/alice", hello=False) as c:
        assert c.fault(first)[:2] == BAD_REQUEST


def test_hello_twice(mallory):
    assert mallory.fault(frame("HELLO", "2", {"agent": "x", "features": []}))[:2] == BAD_REQUEST


def test_sizes(stage, mallory):
    """8,192 bytes before it has joined, 65,536 after."""
    mallory.send_bytes(badinput.padded("RET_INFO", "fits", {"channel_name": "lobby"}, 8192))
    assert mallory.answer("fits").header == "OK"
    assert badinput.too_large(mallory, 8193) == TOO_LARGE
    for size in (65537, 70000, 400000):
        with Connection(stage.address, stage.mallory, host_name="user/alice") as c:
            Member(c, "lobby").connect(backlog=0)
            assert badinput.too_large(c, size) == TOO_LARGE
    with Connection(stage.address, stage.mallory, host_name="user/alice") as c:
        Member(c, "lobby").connect(backlog=0)
        c.send_bytes(badinput.padded("RET_INFO", "fits", {"channel_name": "lobby"}, 65536))
        assert c.answer("fits").header == "OK"


def test_one_byte_pieces(mallory):
    for byte in frame("RET_INFO", "pieces", {"channel_name": "lobby", "x": "ü\U0001f600"}):
        mallory.send_bytes(bytes([byte]))
    assert mallory.answer("pieces").header == "OK"


def test_mutations(stage):
    chance = random.Random(3)
    seed = frame("HISTORY", "m1", {"channel_name": "lobby", "limit": 7, "x": [{"y": None}, 1.5e3, "\\ \" \u2028"]})
    c, n_ended = None, 0
    for data in badinput.mutations(seed, chance, 200):
        c = c or Connection(stage.address, stage.mallory, host_name="user/alice")
        if not badinput.survives(c, data):
            c.close()
            c = None
            n_ended += 1
    assert 50 < n_ended < 200


def test_unknown_command(member):
    for command in ("FROBNICATE", "LIST", "SIGNUP"):
        assert member.refused(command) == ("REQUEST_ERROR", "unknown-command")
    member.ok("RET_INFO")


# -- payloads

def test_text(member):
    """An empty text, one of 16,385 bytes, one with a character that no text may have."""
    for text in ("", "x" * 16385, "ü" * 8193, *(f"a{c}" for c in badinput.NO_TEXT)):
        f = member.send(text)
        assert (f.header, f.payload["error"]) == BAD_REQUEST, repr(text[:10])
        assert f.payload["field"] == "message_content"


@sentence("5.MESSAGE.7", "5.MESSAGE.9")
def test_messages(member):
    """A bad one refuses the request, whatever the others are: nothing of it is stored."""
    good = message("must not be stored")
    before = member.ok("RET_INFO")["last_seq"]
    for messages in ([], [message()] * 65, [1], [{}], {}, None, "x", [good, message(text=None)],
                     [good, message(id="x")], [good, message(id=str(uuid.uuid4()).upper())], [good, message(id=None)],
                     [good, message(meta=1)], [good, message(meta=[])], [good, message(meta={"x": "m" * 1024})],
                     *([good, message(meta=m)] for c in badinput.NO_TEXT for m in ({"x": [c]}, {"x": {c: 1}}))):
        assert member.refused("MESSAGE", messages=messages) == BAD_REQUEST, str(messages)[:60]
    assert member.ok("RET_INFO")["last_seq"] == before


def test_numbers(member):
    for number in badinput.NO_NUMBERS:
        for command, payload in (("CONNECT", {"since": 4711, "invisible": False}),
                                 ("HISTORY", {"limit": 1, "after": 4711}), ("MEMBERS", {"limit": 4711})):
            data = frame(command, "n", member.payload(payload)).replace(b"4711", number.encode())
            member.connection.send_bytes(data)
            f = member.connection.answer("n")
            assert (f.header, f.payload["error"]) == BAD_REQUEST, (command, number)


@sentence("2.28")
def test_missing_and_mistyped(member):
    good = {"CONNECT": {"since": 0, "invisible": False}, "HISTORY": {"limit": 1}, "MEMBERS": {"limit": 1},
            "AUTHORIZE": {"target": "bob", "role": "member"}, "MESSAGE": {"messages": [message()]}, "RET_INFO": {},
            "DISCONNECT": {}}
    for command, payload in good.items():
        assert member.connection.refused(command, []) == BAD_REQUEST
        for field in ("channel_name", *payload):
            for wrong in (None, {"a": 1}, 1.5):
                f = member.connection.request(command, member.payload({**payload, field: wrong}))
                assert (f.header, f.payload["error"]) == BAD_REQUEST and f.payload["field"] == field, (command, f)
        for wrong in ({"a": 1}, 1, []):
            assert member.refused(command, **{**payload, "channel_id": wrong}) == BAD_REQUEST


def test_names(member):
    for name in badinput.NO_NAMES:
        assert member.connection.refused("RET_INFO", {"channel_name": name}) in (
            ("REQUEST_ERROR", "no-such-channel"), ("REQUEST_ERROR", "invalid-name"), BAD_REQUEST)
        assert member.request("AUTHORIZE", target=name, role="member").header != "OK"


@sentence("1.28")
def test_another_username(stage, member, honest):
    """The name in the certificate is the only identity."""
    posing = {"username": "alice", "user_type": "REGISTERED", "owner": "mallory"}
    for command, payload in (("AUTHORIZE", {"target": "mallory", "role": "moderator"}),
                             ("VIEW", {"view_permission": "restricted"})):
        header, code = member.refused(command, **{**payload, **posing})
        assert header == "UNAUTHORIZED" and code in ("not-moderator", "not-owner")
    f = member.connection.request("MESSAGE", member.payload({"messages": [{**message("mine"), **posing}], **posing}))
    seq = f.payload["stored"][0]["seq"]
    entry = honest.read_to(seq)[-1]
    assert (entry["username"], entry["message_content"]) == ("mallory", "mine")
    assert member.ok("RET_INFO", **posing, role="owner")["role"] == "none"
