# SPDX-License-Identifier: LGPL-2.1-or-later
"""What no side may take: bytes that are no TLS, handshakes and certificates that must be refused, lines
that are no frames, and values that are no text, name or number. Data for tests of tracker and host;
each expectation is the protocol page's."""
import socket
import ssl

from cryptography import x509

from outsider import DEADLINE, Authority, alert, frame, parse_address, tls_context

NO_TLS = {
    "http": b"GET / HTTP/1.1\r\nHost: p2pchat\r\n\r\n",
    "frame": b'HELLO-{"id":"1","payload":{"agent":"x","features":[]}}\n',
    "zeros": b"\0" * 4096,
    "random": bytes((i * 7919 + 13) % 256 for i in range(4096)),
    "cut-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"A" * 600,
    "huge-record": b"\x16\x03\x01\xff\xff" + b"A" * 70000,
}


def after_no_tls(address, data):
    """→ what is said to data before the close."""
    with socket.create_connection(parse_address(address), timeout=DEADLINE) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while some := s.recv(4096):
                got += some
        except ConnectionResetError:
            pass  # data that was never read: the kernel's way of closing
    return got


def old_tls():
    context = tls_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


HANDSHAKES = {
    "no-alpn": (lambda: tls_context(alpn=None), "no application protocol"),
    "other-alpn": (lambda: tls_context(alpn="http/1.1"), "no application protocol"),
    "next-version": (lambda: tls_context(alpn="p2pchat/10"), "no application protocol"),
    "tls-1.2": (old_tls, "protocol version"),
}


def bad_identities(directory):
    """name → (an identity that no side may accept as user mallory's, the alerts that may say so).
    directory: the state of the tracker, whose CA signs all but the foreign ones."""
    ca, foreign = Authority(directory), Authority()
    refused = ("bad certificate", "unsupported certificate", "certificate unknown")

    def signed(*sans, **how):
        i = ca.identity("user/mallory")
        i.certificate = ca.sign(i.key, sans, **how)
        return i

    mallory = ca.uri("user/mallory")
    other_ca = foreign.identity("user/mallory")
    posing = foreign.identity("user/mallory")  # another CA's signature under this tracker's id
    posing.certificate = foreign.sign(posing.key, [mallory])
    return {
        "other-ca": (other_ca, (*refused, "unknown ca")),
        "other-ca-our-id": (posing, (*refused, "unknown ca")),
        "other-id": (signed(f"p2pchat://{'0' * 32}/user/mallory"), refused),
        "expired": (signed(mallory, begin=-3, end=-0.01), ("certificate expired",)),
        "not-yet": (signed(mallory, begin=0.5), ("certificate expired", *refused)),
        "two-sans": (signed(mallory, ca.uri("user/alice")), refused),
        "same-san-twice": (signed(mallory, mallory), refused),
        "uri-and-dns": (signed(mallory, x509.DNSName("localhost")), refused),
        "no-san": (signed(), refused),
        "dns-san": (signed(x509.DNSName("mallory")), refused),
        "ca-true": (signed(mallory, is_ca=True), refused),
        "upper-case": (signed(ca.uri("user/Mallory")), refused),
        "upper-case-scheme": (signed(mallory.replace("p2pchat:", "P2PCHAT:")), refused),
        "reserved": (signed(ca.uri("user/system")), refused),
        "guest-as-user": (signed(ca.uri("user/guest-mallory")), refused),
        "user-as-guest": (signed(ca.uri("guest/mallory")), refused),
        "slash": (signed(mallory + "/"), refused),
        "encoded": (signed(mallory.replace("mall", "m%61ll")), refused),
        "long-name": (signed(ca.uri("user/" + "m" * 40)), refused),
        "tracker": (signed(ca.uri("tracker")), refused),
    }


CERTIFICATES = (
    "other-ca", "other-ca-our-id", "other-id", "expired", "not-yet", "two-sans", "same-san-twice", "uri-and-dns",
    "no-san", "dns-san", "ca-true", "upper-case", "upper-case-scheme", "reserved", "guest-as-user", "user-as-guest",
    "slash", "encoded", "long-name", "tracker")  # what bad_identities() makes


def refused_identity(address, identity, alerts):
    got = alert(address, identity)
    assert got in alerts, got


def line(text, header="LIST"):
    return f"{header}-{text}\n".encode("utf-8", "surrogatepass")


def nested(depth):
    """A frame whose BODY has that depth."""
    return line('{"id":"d","payload":' + '{"a":' * (depth - 2) + "{}" + "}" * (depth - 2) + "}")


# Lines that are no frames: REQUEST_ERROR bad-frame, id null, and a close.
NO_FRAMES = {
    "empty": b"\n",
    "words": b"hello there\n",
    "no-dash": b'LIST{"id":"1","payload":{}}\n',
    "header-lower": line('{"id":"1","payload":{}}', "list"),
    "header-short": line('{"id":"1","payload":{}}', "L"),
    "header-long": line('{"id":"1","payload":{}}', "L" * 25),
    "header-digit": line('{"id":"1","payload":{}}', "LIST1"),
    "no-body": b"LIST-\n",
    "cut": line('{"id":"1","payload":{}'),
    "array": line('["1",{}]'),
    "no-id": line('{"payload":{}}'),
    "no-payload": line('{"id":"1"}'),
    "payload-string": line('{"id":"1","payload":"x"}'),
    "payload-null": line('{"id":"1","payload":null}'),
    "nul": b'LIST-{"id":"1","payload":{"query":"a\0b"}}\n',
    "nul-after": b'LIST-{"id":"1","payload":{}}\0\n',
    "escaped-nul": line(r'{"id":"1","payload":{"query":"a\u0000b"}}'),
    "lone-high": line(r'{"id":"1","payload":{"query":"\ud800"}}'),
    "lone-low": line(r'{"id":"1","payload":{"query":"\udc00x"}}'),
    "surrogate-raw": line('{"id":"1","payload":{"query":"\ud800"}}'),
    "not-utf-8": b'LIST-{"id":"1","payload":{"query":"\xff\xfe"}}\n',
    "overlong": b'LIST-{"id":"1","payload":{"query":"\xc0\xaf"}}\n',
    "beyond-unicode": b'LIST-{"id":"1","payload":{"query":"\xf4\x90\x80\x80"}}\n',
    "bom": b'LIST-\xef\xbb\xbf{"id":"1","payload":{}}\n',
    "deep": nested(9),
    "very-deep": line('{"id":"1","payload":' + "[" * 4000 + "]" * 4000 + "}"),
    "key-twice": line('{"id":"1","payload":{"limit":1,"limit":2}}'),
    "key-twice-inside": line(r'{"id":"1","payload":{"x":[{"a":1,"\u0061":2}]}}'),
    "id-twice": line('{"id":"1","id":"2","payload":{}}'),
    "nan": line('{"id":"1","payload":{"limit":NaN}}'),
    "infinity": line('{"id":"1","payload":{"limit":-Infinity}}'),
    "leading-zero": line('{"id":"1","payload":{"limit":01}}'),
    "plus": line('{"id":"1","payload":{"limit":+1}}'),
    "hex": line('{"id":"1","payload":{"limit":0x1}}'),
    "single-quotes": line("{'id':'1','payload':{}}"),
    "comment": line('{"id":"1",/**/"payload":{}}'),
    "trailing-comma": line('{"id":"1","payload":{},}'),
    "second-value": line('{"id":"1","payload":{}}{}'),
    "tab-in-string": line('{"id":"1","payload":{"query":"a\tb"}}'),
    "bad-escape": line(r'{"id":"1","payload":{"query":"\x41"}}'),
    "true-upper": line('{"id":"1","payload":{"online":True}}'),
}

# Ids that are none: bad-request, id null, and a close.
NO_IDS = {
    "number": line('{"id":1,"payload":{}}'),
    "empty": line('{"id":"","payload":{}}'),
    "long": line('{"id":"' + "i" * 65 + '","payload":{}}'),
    "space": line('{"id":"a b","payload":{}}'),
    "control": line(r'{"id":"a\u001fb","payload":{}}'),
    "umlaut": line('{"id":"ü","payload":{}}'),
    "object": line('{"id":{},"payload":{}}'),
}

# No numbers that any known key may have: integers 0…2^53−1.
NO_NUMBERS = ("-1", "-0.5", "1.5", "9007199254740992", "9223372036854775808", "1e400", "1" * 400, '"1"', "true", "[]")

# Neither names of users nor of channels.
NO_NAMES = ("", "a", "Ann", "ünn", "a" * 33, "n" * 40, "-ann", ".ann", "_ann", "an n", "an/n", "ann\n", "аnn", "ann\u200b")
RESERVED = ("system", "owner", "admin", "all", "everyone", "here", "tracker", "guest-ann")

# Characters that no text may have (topics: nor TAB and LF).
NO_TEXT = ("\x01", "\x1b", "\r", "\x7f", "\x85", "\x9f", "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe",
           "\U0010ffff")


def too_large(connection, size):
    """A line of `size` bytes, LF included → (status, code, id)."""
    data = frame("LIST", "big", {"x": ""})
    return connection.fault(data.replace(b'"x": ""', b'"x": "' + b"x" * (size - len(data)) + b'"'))


def padded(command, frame_id, payload, size):
    """A frame of exactly `size` bytes."""
    data = frame(command, frame_id, {**payload, "pad": ""})
    return frame(command, frame_id, {**payload, "pad": "p" * (size - len(data))})


def mutations(seed_frame, random, n):
    """n lines made from a good one, whose id is m1, by small damage; some are still frames."""
    for i in range(n):  # answers come in any order: each line has an id of its own
        data = bytearray(seed_frame[:-1].replace(b'"m1"', b'"m%d"' % i))
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(data))
            match random.randrange(5):
                case 0:
                    data[at] = random.randrange(256)
                case 1:
                    data[at] ^= 1 << random.randrange(8)
                case 2:
                    del data[at:at + random.randint(1, 8)]
                case 3:
                    data[at:at] = random.choice((b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\\u", b"\xed\xa0", b"0"))
                case 4:
                    data[at:at] = data[random.randrange(len(data)):][:random.randint(1, 16)]
        yield bytes(data).replace(b"\n", b" ") + b"\n"


def survives(connection, data):
    """Sends what may or may not be a frame: it is answered, or the connection ends in an orderly way, or
    it was a push."""
    connection.responses.clear()
    connection.send_bytes(data)
    probe = connection.start("NO_SUCH_COMMAND")
    while probe not in connection.responses:
        if connection.take() is None:
            (fault,) = [f for i, f in connection.responses.items() if i is None or f.header != "OK"][-1:]
            assert fault.header == "REQUEST_ERROR"
            return False
    return True
