# SPDX-License-Identifier: LGPL-2.1-or-later
"""What strangers and users may throw at a tracker: each gets its named error or alert, nothing crashes,
and a connection that was there before goes on."""
import json
import random
import socket
import struct
import uuid

import pytest

import badinput
from conformance import sentence
from outsider import Authority, Connection, Identity, frame, pin_of, sign_in_guest, sign_up

BAD_REQUEST = ("REQUEST_ERROR", "bad-request")


@pytest.fixture(scope="module")
def tracker(module_world):
    module_world.configure_tracker(
        "[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n")
    t = module_world.start_tracker()
    with Connection(t.address, hello=False) as c:
        t.pin = pin_of(c.chain[1])
    t.alice = sign_up(t.address, "alice", t.pin)
    t.bad = badinput.bad_identities(t.state)
    return t


@pytest.fixture(scope="module")
def honest_connection(tracker):
    with Connection(tracker.address, tracker.alice) as c:
        yield c


@pytest.fixture(autouse=True)
def honest(tracker, honest_connection):
    """Was there before, and goes on after each test, with the process that it began with."""
    yield honest_connection
    assert tracker.process.alive()
    honest_connection.ok("WHOIS", {"username": "alice"})


@pytest.fixture
def stranger(tracker):
    with Connection(tracker.address, pin=tracker.pin) as c:
        yield c


def host_payload(name, **changes):
    return {"channel_name": name, "channel_id": str(uuid.uuid4()), "addresses": ["127.0.0.1:4711"],
            "view_permission": "public", "topic": "", "epoch": 1, "last_seq": 0, "members": 0, **changes}


# -- below frames

@sentence("1.6")
@pytest.mark.parametrize("what", badinput.NO_TLS)
def test_no_tls(tracker, what):
    got = badinput.after_no_tls(tracker.address, badinput.NO_TLS[what])
    assert got == b"" or got[0] == 21, "an alert and a close, no frame"


@sentence("1.3", "1.4")
@pytest.mark.parametrize("what", badinput.HANDSHAKES)
def test_handshake(tracker, what):
    context, alert = badinput.HANDSHAKES[what]
    assert badinput.alert(tracker.address, context=context()) == alert


@sentence("1.24")
@pytest.mark.parametrize("what", badinput.CERTIFICATES)
def test_certificate(tracker, what):
    badinput.refused_identity(tracker.address, *tracker.bad[what])


def test_right_certificate(tracker):
    """The counter-test of the table: nothing but its fault is what each was refused for."""
    with Connection(tracker.address, Authority(tracker.state).identity("user/mallory")) as c:
        c.ok("LIST")


def test_reset_and_silence(tracker):
    """Left in the middle of a handshake, of a frame, and by RST."""
    with socket.create_connection(("127.0.0.1", tracker.port)) as s:
        s.sendall(badinput.NO_TLS["cut-hello"][:7])
    for data in (b"LIST-{", b""):
        c = Connection(tracker.address, pin=tracker.pin)
        c.send_bytes(data)
        c.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    with Connection(tracker.address, pin=tracker.pin) as c:
        c.send_bytes(b"LIST-{")
        c.tls.unwrap()  # close_notify within a frame


# -- frames

@sentence("2.4", "2.6", "2.25")
@pytest.mark.parametrize("what", badinput.NO_FRAMES)
def test_no_frame(stranger, what):
    assert stranger.fault(badinput.NO_FRAMES[what]) == ("REQUEST_ERROR", "bad-frame", None)


@sentence("2.11")
@pytest.mark.parametrize("what", badinput.NO_IDS)
def test_no_id(stranger, what):
    assert stranger.fault(badinput.NO_IDS[what]) == (*BAD_REQUEST, None)


def test_id_in_flight(stranger):
    slow = {"username": "twice", "password": "correct horse", "csr": Identity().csr()}
    assert stranger.fault(frame("SIGNUP", "same", slow) + frame("LIST", "same", {})) == (*BAD_REQUEST, None)


@pytest.mark.parametrize("first", (
    frame("LIST", "1", {}), frame("SIGNIN", "1", {}), frame("CHANNELS", None, {}), frame("OK", "1", {})))
def test_before_hello(tracker, first):
    with Connection(tracker.address, pin=tracker.pin, hello=False) as c:
        status, code, _ = c.fault(first)
        assert (status, code) == BAD_REQUEST


def test_hello_twice(stranger):
    assert stranger.fault(frame("HELLO", "2", {"agent": "x", "features": []}))[:2] == BAD_REQUEST


@pytest.mark.parametrize("hello,field", (
    ({}, "agent"), ({"agent": "x"}, "features"), ({"features": []}, "agent"), ({"agent": 1, "features": []}, "agent"),
    ({"agent": "x", "features": {}}, "features"), ({"agent": "x" * 65, "features": []}, "agent"),
    ({"agent": "x", "features": [1]}, "features"), ({"agent": "x", "features": ["f"] * 33}, "features"),
    ({"agent": "\ufffe", "features": []}, "agent"), ([], "payload")))
def test_bad_hello(tracker, hello, field):
    with Connection(tracker.address, pin=tracker.pin, hello=False) as c:
        f = c.request("HELLO", hello)
        assert (f.header, f.payload["error"], f.payload["field"]) == (*BAD_REQUEST, field)
        c.hello()


def test_sizes(tracker, stranger):
    """8,192 bytes before the connection is signed in, 65,536 after, header and LF included."""
    too_large = ("REQUEST_ERROR", "too-large", None)
    stranger.send_bytes(badinput.padded("LIST", "fits", {}, 8192))
    assert stranger.answer("fits").header == "OK"
    assert badinput.too_large(stranger, 8193) == too_large
    for identity, size in ((None, 70000), (tracker.alice, 65537), (tracker.alice, 70000), (tracker.alice, 400000)):
        with Connection(tracker.address, identity, pin=tracker.pin) as c:
            assert badinput.too_large(c, size) == too_large
    with Connection(tracker.address, tracker.alice) as c:
        c.send_bytes(badinput.padded("LIST", "fits", {}, 65536))
        assert c.answer("fits").header == "OK"
    with Connection(tracker.address, pin=tracker.pin) as c:  # without LF nobody waits for one
        assert c.fault(b"LIST-{" + b" " * 9000) == too_large


def test_one_byte_pieces(stranger):
    for byte in frame("LIST", "pieces", {"query": "ü\U0001f600", "limit": 1}):
        stranger.send_bytes(bytes([byte]))
    assert stranger.answer("pieces").header == "OK"
    stranger.send_bytes(badinput.nested(8))
    assert stranger.answer("d").header == "OK"


def test_mutations(tracker):
    chance = random.Random(2)
    seed = frame("LIST", "m1", {"query": "ü", "limit": 7, "online": True, "x": [{"y": None}, 1.5e3, "\\ \" \u2028"]})
    c, n_ended = None, 0
    for data in badinput.mutations(seed, chance, 300):
        c = c or Connection(tracker.address, pin=tracker.pin)
        if not badinput.survives(c, data):
            c.close()
            c = None
            n_ended += 1
    assert 100 < n_ended < 300


# -- payloads: bad-request that names the member; the connection stays open

@sentence("4.HEARTBEAT.4a")
def test_so_many_channels(tracker):
    def ask(c, n):
        beats = [{"channel_name": f"c{i:04}", "epoch": 1, "last_seq": 0, "members": 0} for i in range(n)]
        body = {"id": str(n), "payload": {"channels": beats, "revocations_after": 0}}
        c.send_bytes(b"HEARTBEAT-" + json.dumps(body, separators=(",", ":")).encode() + b"\n")
        return c.answer(str(n))
    with Connection(tracker.address, tracker.alice) as c:
        f = ask(c, 1001)
        assert (f.header, f.payload["error"], f.payload["field"]) == (*BAD_REQUEST, "channels")
        lost = ask(c, 1000).payload["lost"]
        assert {x["error"] for x in lost} == {"no-such-channel"} and len(lost) == 1000


FIELDS = {
    "SIGNUP": ("username", "password", "csr"),
    "SIGNIN": ("username", "password", "csr"),
    "GUEST": ("username", "csr"),
    "RENEW": ("csr",),
}
SIGNED_IN_FIELDS = {
    "WHOIS": ("username",),
    "HOST": ("channel_name", "channel_id", "addresses", "view_permission", "topic", "epoch", "last_seq", "members"),
    "HEARTBEAT": ("channels", "revocations_after"),
    "VIEW": ("channel_name",),
    "UNHOST": ("channel_name", "forget"),
}


def names_it(connection, command, payload, field):
    f = connection.request(command, payload)
    assert (f.header, f.payload["error"]) == BAD_REQUEST, (command, payload, f)
    assert f.payload["field"] == field, (command, field, f.payload)


@sentence("2.28")
def test_missing_and_mistyped(stranger, honest):
    good = {"username": "fields", "password": "correct horse", "csr": Identity().csr(), **host_payload("fields"),
            "channels": [], "revocations_after": 0, "forget": False}
    for connection, table in ((stranger, FIELDS), (honest, SIGNED_IN_FIELDS)):
        for command, fields in table.items():
            assert connection.refused(command, []) == BAD_REQUEST
            payload = {k: good[k] for k in fields}
            for field in fields:
                names_it(connection, command, {k: v for k, v in payload.items() if k != field}, field)
                for wrong in (None, {"a": 1}, 1.5):
                    names_it(connection, command, {**payload, field: wrong}, field)
    for field, wrong in (("channels", [1]), ("channels", [{}]), ("channels", [{"channel_name": "fields"}])):
        names_it(honest, "HEARTBEAT", {"channels": [], "revocations_after": 0, field: wrong}, field)
    for field, wrong in (("addresses", ["127.0.0.1"]), ("addresses", [1]), ("addresses", ["127.0.0.1:65536"]),
                         ("addresses", ["localhost:1"]), ("addresses", ["127.0.0.1:1"] * 9),
                         ("channel_id", "x"), ("channel_id", good["channel_id"].upper()),
                         ("view_permission", "secret"), ("topic", "t" * 513)):
        names_it(honest, "HOST", host_payload("fields", **{field: wrong}), field)
    for command, payload in (("LIST", {"online": 1}), ("LIST", {"after": 1}), ("WATCH", {"on": "yes"})):
        names_it(stranger, command, payload, *[k for k in payload if k != "x"])


def test_numbers(honest):
    for number in badinput.NO_NUMBERS:
        for field in ("epoch", "last_seq", "members"):
            data = frame("HOST", "n", {**host_payload("numbers"), field: 4711})
            honest.send_bytes(data.replace(b"4711", number.encode()).replace(b"0.0.1:" + number.encode(), b"0.0.1:4711"))
            f = honest.answer("n")
            assert (f.header, f.payload["error"]) == BAD_REQUEST and field in f.payload["message"], (number, f)
    # An unknown key may hold what it likes.
    honest.send_bytes(b'LIST-{"id":"u","payload":{"unknown":9223372036854775808,"more":-1.5e300}}\n')
    assert honest.answer("u").header == "OK"


def test_text(honest):
    for character in (*badinput.NO_TEXT, "\t", "\n"):
        names_it(honest, "HOST", host_payload("texts", topic=f"a{character}b"), "topic")
        honest.ok("HOST", host_payload("texts", channel_id="00000000-0000-4000-8000-000000000001"))
        names_it(honest, "VIEW", {"channel_name": "texts", "topic": character}, "topic")
    honest.ok("HOST", host_payload("texts", channel_id="00000000-0000-4000-8000-000000000001", topic="ä\U0001f600 \ufffd\u00a0"))


@sentence("2.29", "2.30")
def test_unknown_command(stranger):
    assert stranger.refused("FROBNICATE") == ("REQUEST_ERROR", "unknown-command")
    stranger.ok("LIST")


# -- identities

def test_wrong_password(stranger):
    request = {"username": "alice", "password": "wrong horse", "csr": Identity().csr()}
    assert stranger.refused("SIGNIN", request) == ("UNAUTHORIZED", "bad-credentials")
    assert stranger.refused("SIGNIN", {**request, "password": "x"}) == ("UNAUTHORIZED", "bad-credentials")
    assert stranger.refused("SIGNIN", {**request, "password": "x" * 257}) == BAD_REQUEST


def test_names(stranger, honest):
    request = {"password": "correct horse", "csr": Identity().csr()}
    invalid = ("REQUEST_ERROR", "invalid-name")
    for name in badinput.NO_NAMES:
        assert stranger.refused("SIGNUP", {**request, "username": name}) == invalid, name
        assert stranger.refused("GUEST", {**request, "username": name}) == invalid, name
        assert honest.refused("HOST", host_payload(name)) == invalid, name
    for name in badinput.RESERVED:
        assert stranger.refused("SIGNUP", {**request, "username": name}) == invalid, name
    assert stranger.refused("SIGNUP", {**request, "username": "alice"}) == ("REQUEST_ERROR", "name-taken")
    for password, error in (("seven77", "weak-password"), ("", "weak-password"), ("x" * 257, "bad-request")):
        assert stranger.refused("SIGNUP", {**request, "username": "unused", "password": password}) == \
            ("REQUEST_ERROR", error)


def test_another_username(tracker, honest):
    """The name in the certificate is the only identity."""
    mallory = sign_up(tracker.address, "malory2", tracker.pin)
    with Connection(tracker.address, mallory) as c:
        posing = {"username": "alice", "owner": "alice", "host": "alice"}
        c.ok("HOST", {**host_payload("posing"), **posing})
        (channel,) = c.ok("LIST", {"query": "posing"})["channels"]
        assert (channel["owner"], channel["host"]) == ("malory2", "malory2")
    assert honest.refused("UNHOST", {"channel_name": "posing", "forget": True}) == ("UNAUTHORIZED", "not-owner")


def test_not_signed_in(tracker, stranger):
    for command in ("HOST", "HEARTBEAT", "VIEW", "UNHOST", "WHOIS"):
        assert stranger.refused(command, host_payload("strange")) == ("UNAUTHORIZED", "not-signed-in")
    guest = sign_in_guest(tracker.address, "lurker", tracker.pin)
    with Connection(tracker.address, guest) as c:
        for command in ("HOST", "HEARTBEAT", "VIEW", "UNHOST"):
            assert c.refused(command, host_payload("strange")) == ("UNAUTHORIZED", "guests-not-allowed")
