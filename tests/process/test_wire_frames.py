# SPDX-License-Identifier: LGPL-2.1-or-later
"""§2 and §3 of the protocol page, sentence by sentence, at a real tracker and at a real host: frames,
requests and pushes, and how a fault ends."""
import json
import time

import pytest

from conformance import sentence
import badinput
from outsider import STATUSES, Identity, frame
from wirestage import BAD_REQUEST, HostSide, Stage, TrackerSide, error_of

BAD_FRAME = ("REQUEST_ERROR", "bad-frame", None)


@pytest.fixture(scope="module")
def sides(module_world):
    stage = Stage(module_world).start_host()
    return {"tracker": TrackerSide(stage), "host": HostSide(stage)}


@pytest.fixture(params=("tracker", "host"))
def side(request, sides):
    s = sides[request.param]
    yield s
    assert s.stage.tracker.process.alive() and s.stage.alice.is_up()


@pytest.fixture
def c(side):
    with side.dial() as connection:
        yield connection


def line(header, body):
    return f"{header}-{body}\n".encode("utf-8", "surrogatepass")


def probe(c, side, frame_id="probe"):
    """The connection goes on."""
    c.send(side.probe[0], frame_id, side.probe[1])
    assert c.answer(frame_id).header == "OK"


def silent(c, side, data):
    """Nothing is said to data, neither before the next answer nor with it."""
    c.send_bytes(data)
    probe(c, side)
    assert not c.responses and not c.pushes


# -- the form of a frame

@sentence("2.1", "2.25")
def test_header(side):
    """2 to 24 of A–Z and _; whatever it says, it is a frame."""
    with side.dial() as c:
        for header in ("LL", "__", "_A", "A" * 24, "_" * 24):
            c.send(header, "h", {})
            assert error_of(c.answer("h")) == ("REQUEST_ERROR", "unknown-command"), header
        probe(c, side)
    for header in ("", "L", "A" * 25, "LIsT", "LIST2", " LIST", "LIST ", "LI-ST", "LIST\t", "\u00c4\u00c4"):
        with side.dial() as c:
            assert c.fault(line(header, '{"id":"1","payload":{}}')) == BAD_FRAME, header


@sentence("2.1", "2.5", "2.8")
def test_body(c, side):
    """An object with id and payload; other keys are ignored, white space is where JSON has it."""
    command, payload = side.probe
    text = json.dumps(payload)
    for i, body in enumerate((
            '{"payload":%s,"id":"%s"}', ' \t{ "payload" :\t%s , "id" : "%s" } \t',
            '{"a":[{}],"payload":%s,"id":"%s","z":null}',
            '{"payload":%s,"id":"%s"}\r', '{"payload":%s,"id":"%s"}\r\r \r', '\r{\r"payload":%s,"id":"%s"}')):
        c.send_bytes(line(command, body % (text, f"b{i}")))
        assert c.answer(f"b{i}").header == "OK", body
    for array in ("[]", "[1]", "[{}]"):
        c.send_bytes(line(command, '{"id":"a","payload":%s}' % array))
        assert error_of(c.answer("a")) == BAD_REQUEST


# §2: each is `bad-frame`, wherever it stands, also under keys that nobody knows.
NOT_STRICT = {
    "key-twice-unknown": '{"id":"1","payload":{},"x":1,"x":1}',
    "payload-twice": '{"id":"1","payload":{},"payload":{}}',
    "key-twice-escaped": r'{"id":"1","payload":{"unknown":{"ab":1,"\u0061b":1}}}',
    "key-twice-in-array": '{"id":"1","payload":[{"a":1,"a":1}]}',
    "escaped-nul-key": r'{"id":"1","payload":{"a\u0000b":1}}',
    "escaped-nul-unknown": r'{"id":"1","payload":{},"x":["\u0000"]}',
    "escaped-nul-id": r'{"id":"a\u0000","payload":{}}',
    "lone-surrogate-key": r'{"id":"1","payload":{"\udfff":1}}',
    "lone-surrogate-id": r'{"id":"\ud800","payload":{}}',
    "surrogates-reversed": r'{"id":"1","payload":{"x":"\ude00\ud83d"}}',
    "two-highs": r'{"id":"1","payload":{"x":"\ud83d\ud83d\ude00"}}',
    "depth-9-arrays": '{"id":"1","payload":{"x":[[[[[[[]]]]]]]}}',
    "depth-9-beside": '{"id":"1","payload":{},"x":[[[[[[[[]]]]]]]]}',
    "infinity-unknown": '{"id":"1","payload":{},"x":Infinity}',
    "minus-alone": '{"id":"1","payload":{"limit":-}}',
    "dot-end": '{"id":"1","payload":{"limit":1.}}',
    "dot-begin": '{"id":"1","payload":{"limit":.5}}',
    "exponent-empty": '{"id":"1","payload":{"limit":1e}}',
    "second-value-word": '{"id":"1","payload":{}} null',
    "second-value-brace": '{"id":"1","payload":{}}}',
    "control-in-key": '{"id":"1","payload":{"a\x01":1}}',
    "cr-in-string": '{"id":"1","payload":{"x":"a\rb"}}',
    "form-feed": '{"id":"1",\f"payload":{}}',
    "no-break-space": '{"id":"1",\u00a0"payload":{}}',
    "short-escape": r'{"id":"1","payload":{"x":"\u12"}}',
    "unquoted-key": '{id:"1","payload":{}}',
    "colon-missing": '{"id" "1","payload":{}}',
    "comma-first": '{,"id":"1","payload":{}}',
    "half-utf-8": '{"id":"1","payload":{"x":"\udcc3"}}',
}


@sentence("2.4", "2.6", "2.25")
@pytest.mark.parametrize("what", NOT_STRICT)
def test_strict(side, what):
    data = f"LIST-{NOT_STRICT[what]}\n".encode("utf-8", "surrogateescape")
    with side.dial() as c:
        assert c.fault(data) == BAD_FRAME


@sentence("2.4")
def test_depth(c, side):
    """≤ 8, the BODY being 1."""
    for inner in ('{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}', '[[[[[[[]]]]]]]', '{"a":[{"a":[{"a":[{}]}]}]}'):
        c.send_bytes(line("NO_SUCH_COMMAND", '{"id":"d","payload":%s}' % inner))
        assert error_of(c.answer("d")) == ("REQUEST_ERROR", "unknown-command"), inner
    probe(c, side)


@sentence("2.4")
def test_unicode(c, side):
    """What JSON may spell is taken as it is: pairs of escapes, and the last code point."""
    for text in (r"\ud83d\ude00", r"\udbff\udfff", "\U0010ffff", r"\/\b\f\n\r\t\"\\", "\u2028\u2029\x7f\x80"):
        c.send_bytes(line(side.probe[0], '{"id":"u","payload":%s}' % json.dumps(
            {**side.probe[1], "unknown": "TEXT"}).replace("TEXT", text)))
        assert c.answer("u").header == "OK", text


@sentence("2.7", "2.9", "2.28")
def test_numbers(c, side):
    """Known numbers are integers 0…2^53−1, written as integers; those of unknown keys are any numbers."""
    command, payload = ("LIST", {"limit": 1}) if side.name == "tracker" else \
        ("HISTORY", {"channel_name": side.channel, "limit": 1})
    text = json.dumps({**payload, "limit": 4711})

    def ask(number, unknown="0"):
        c.send_bytes(line(command, '{"id":"n","payload":%s,"unknown":%s}' % (text.replace("4711", number), unknown)))
        return c.answer("n")
    for number in ("1.0", "1e0", "1E2", "10e-1", "-1", "-0.0", "0", "9007199254740992", "18446744073709551617", "null"):
        f = ask(number)
        if (number, side.name) == ("null", "tracker"):
            assert f.header == "OK", "null is as if it were not there, and LIST does not need it"
        else:
            assert error_of(f) == BAD_REQUEST and f.payload["field"] == "limit", number
    assert ask("1").header == "OK"
    for unknown in ("1.5", "-1", "1e308", "9" * 400, "-0.0", "9223372036854775808"):
        assert ask("1", unknown).header == "OK", unknown


@sentence("2.7")
def test_largest_number(side, c):
    """2^53−1 is a number like others, 2^53 is none."""
    if side.name == "tracker":
        assert error_of(c.request("WATCH", {"generation": 2**53})) == BAD_REQUEST
        assert c.ok("WATCH", {"generation": 2**53 - 1})["reset"] is True
    else:
        payload = {"channel_name": side.channel, "limit": 1}
        assert c.ok("HISTORY", {**payload, "after": 2**53 - 1}) == {"entries": [], "more": False}
        assert c.ok("HISTORY", {**payload, "before": 2**53 - 1})["entries"]
        assert error_of(c.request("HISTORY", {**payload, "after": 2**53})) == BAD_REQUEST


# -- requests, responses, pushes

@sentence("2.10", "2.11")
def test_ids(side):
    command, payload = side.probe
    with side.dial() as c:
        for text, frame_id in (("a", "a"), ("!", "!"), ("~" * 64, "~" * 64), (r"\u0041\u002d\"\\/", 'A-"\\/'),
                               ("{}", "{}"), ("null", "null"), ("LIST-", "LIST-")):
            c.send_bytes(line(command, '{"id":"%s","payload":%s}' % (text, json.dumps(payload))))
            assert c.answer(frame_id).header == "OK", text
            c.send_bytes(line(command, '{"id":"%s","payload":%s}' % (text, json.dumps(payload))))
            assert c.answer(frame_id).header == "OK", "free again once it is answered"
    for text in ('""', '"%s"' % ("i" * 65), '" "', '"a b"', r'"\t"', r'"\u007f"', '"\u00fc"', r'"\u0080"', "0", "true",
                 "[]", '{"id":"x"}'):
        with side.dial() as c:
            assert c.fault(line(command, '{"id":%s,"payload":{}}' % text)) == (*BAD_REQUEST, None), text


@sentence("2.12", "2.25", "2.27", "2.46")
def test_answered_before_the_fault(c, side):
    """What was asked before a fault is answered before the end, and once."""
    data = b"".join(frame(side.probe[0], f"q{i}", side.probe[1]) for i in range(5))
    c.send_bytes(data + b"no frame at all\n" + frame(side.probe[0], "late", side.probe[1]))
    c.ended()
    assert c.responses.pop(None).payload["error"] == "bad-frame"
    assert set(c.responses) <= {f"q{i}" for i in range(5)}, "nothing after the fault is read"


@sentence("2.11")
def test_id_in_flight(side):
    slow = {"username": "in-flight", "password": "correct horse", "csr": Identity().csr()} if side.name == "tracker" \
        else {"channel_name": side.channel, "limit": 500}
    with side.dial() as c:
        command = "SIGNUP" if side.name == "tracker" else "HISTORY"
        c.send_bytes(frame(command, "same", slow) + frame(side.probe[0], "same", side.probe[1]))
        c.ended()
        assert error_of(c.responses[None]) == BAD_REQUEST


@sentence("2.13")
def test_any_order(sides):
    """A slow request holds up none that comes after it."""
    with sides["tracker"].dial() as c:
        data = frame("SIGNUP", "slow", {"username": "any-order", "password": "correct horse", "csr": Identity().csr()})
        c.send_bytes(data + frame("LIST", "quick", {}))
        order = []
        while len(order) < 2:
            order.append(c.take().id)
        assert order == ["quick", "slow"]


@sentence("2.12", "2.14", "3.HELLO.6")
def test_pipelining(c, side):
    """Far more than limits.in_flight: each is answered once, further ones wait unread."""
    assert c.limits["in_flight"] == side.in_flight
    n = side.in_flight + 100
    c.send_bytes(b"".join(frame(side.probe[0], f"p{i}", side.probe[1]) for i in range(n)))
    for i in range(n):
        assert c.answer(f"p{i}").header == "OK"
    assert not c.responses


@sentence("2.16", "2.17", "2.18")
def test_pushes_are_not_answered(c, side):
    """Neither known ones nor others, whatever their payload is, nor a request's name with a null id."""
    for command in ("GOING_AWAY", "AUTHORITY", "CHANNELS", "MESSAGE", "PRESENCE", "ACCESS", "CLOSED",
                    "NO_SUCH_PUSH", "HELLO", "PING", side.probe[0], side.foreign[0]):
        for payload in ({}, [], {"channel_name": "x", "entries": 1}):
            silent(c, side, frame(command, None, payload))


@sentence("2.19")
def test_responses_to_nothing(c, side):
    for status in STATUSES:
        for payload in ({}, [], {"error": "bad-frame", "message": "m"}, {"error": 1}):
            silent(c, side, frame(status, "never-asked", payload))
            silent(c, side, frame(status, None, payload))


@sentence("2.20", "2.21", "2.22", "2.29", "2.30", "2.49", "2.50")
def test_commands_of_the_other_section(c, side):
    """A §5 command at a tracker, a §4 one at a host."""
    payload = {"channel_name": getattr(side, "channel", "lobby"), "username": "x"}
    for command in side.foreign:
        assert error_of(c.request(command, payload)) == ("REQUEST_ERROR", "unknown-command"), command
    for command in ("PING", "GOING_AWAY"):
        expected = "unsupported" if command == "PING" else "unknown-command"
        assert error_of(c.request(command, {})) == ("REQUEST_ERROR", expected), command
    probe(c, side)


# -- HELLO

@sentence("2.23", "3.HELLO.3")
@pytest.mark.parametrize("first", ("probe", "PING", "push", "response", "HELLO-push", "unknown"))
def test_first_frame(side, first):
    """The dialler's first frame is HELLO: bad-request and a close otherwise."""
    data = {"probe": frame(*side.probe[:1], "1", side.probe[1]), "PING": frame("PING", "1", {}),
            "push": frame("MESSAGE", None, {}), "response": frame("OK", "1", {}),
            "HELLO-push": frame("HELLO", None, {"agent": "x", "features": []}), "unknown": frame("FROBNICATE", "1", {})}
    with side.dial(hello=False) as c:
        assert c.fault(data[first])[:2] == BAD_REQUEST


@sentence("3.HELLO.1", "3.HELLO.2", "3.HELLO.4", "3.HELLO.6", "2.23")
def test_hello(side):
    with side.dial(hello=False) as c:
        answer = c.ok("HELLO", {"agent": "\u00fc" * 32, "features": ["unknown-to-you", "", "\u00fc" * 500]})
        assert set(answer) == {"agent", "features", "time", "limits"}
        assert answer["agent"] and len(answer["agent"].encode()) <= 64
        assert answer["features"] == [], "used when both listed it: this one has none yet"
        assert answer["limits"] == {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": side.in_flight}
        probe(c, side)
        assert c.fault(frame("HELLO", "twice", {"agent": "x", "features": []})) == (*BAD_REQUEST, "twice")


@sentence("3.HELLO.7", "2.76", "2.30")
def test_hello_that_is_refused(side):
    """A payload at fault leaves the connection open: HELLO may still be said."""
    for bad in ({"agent": "x" * 65, "features": []}, {"agent": "\u00fc" * 33, "features": []}, 
                {"agent": "a\nb", "features": []}, {"agent": "a\tb", "features": []}, {"agent": None, "features": []},
                {"agent": "x", "features": [""] * 33},
                {"agent": "x", "features": [None]}, {"agent": "x", "features": "f"}):
        with side.dial(hello=False) as c:
            f = c.request("HELLO", bad)
            assert error_of(f) == BAD_REQUEST, bad
            c.hello()
            probe(c, side)


# -- how a connection ends

@sentence("2.27")
def test_drained_and_closed(side):
    """After a fault the answer is sent and writing shut down; what still comes is read for a second, so
    that the answer is not lost to a reset; then nobody listens any more."""
    with side.dial() as c:
        c.send_bytes(b"no frame\n" + b"x" * 300000)
        c.ended()
        assert c.responses[None].payload["error"] == "bad-frame"
        begin, ended = time.monotonic(), False
        while not ended and time.monotonic() - begin < 15:
            try:
                c.tls.sendall(b"x" * 1000)
                time.sleep(0.02)
            except OSError:
                ended = True
        assert ended, "the connection is closed within a second of the answer"


@sentence("2.2", "2.3", "2.26")
def test_frame_bounds(side):
    """Exactly the limit is taken, one byte more is too-large; LF counts."""
    for dial, size in ((side.dial, 8192), (side.dial_trusted, 65536)):
        with dial() as c:
            command, payload = side.probe
            c.send_bytes(badinput.padded(command, "fits", payload, size))
            assert c.answer("fits").header == "OK"
            data = badinput.padded(command, "above", payload, size + 1)
            assert c.fault(data) == ("REQUEST_ERROR", "too-large", None)
        with dial(hello=False) as c:
            c.send_bytes(badinput.padded("HELLO", "hello", {"agent": "x", "features": []}, 8192))
            assert c.answer("hello").header == "OK"
        with dial(hello=False) as c:  # with a certificate too
            data = badinput.padded("HELLO", "hello", {"agent": "x", "features": []}, 8193)
            assert c.fault(data) == ("REQUEST_ERROR", "too-large", None)
        with dial() as c:
            assert c.fault(badinput.padded(command, "x", payload, size)[:-1] + b" \n") == \
                ("REQUEST_ERROR", "too-large", None), "white space counts"
        with dial() as c:
            c.send_bytes(badinput.padded(command, "crlf", payload, size - 1)[:-1] + b"\r\n")
            assert c.answer("crlf").header == "OK"


@sentence("1.1")
def test_split_anywhere(c, side):
    """A frame is a line: how TCP and TLS cut it says nothing."""
    data = frame(side.probe[0], "a", side.probe[1]) + frame(side.probe[0], "b", side.probe[1])
    for at in range(1, len(data), 7):
        c.send_bytes(data[:at])
        c.send_bytes(data[at:])
        assert c.answer("a").header == c.answer("b").header == "OK"
