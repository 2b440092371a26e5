# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the wire that shares no code with the project: written from the protocol page alone, it
is what any other program would be. It dials (a member, a client of the tracker), it accepts (a host or
a tracker, honest or lying), and it makes certificates, right ones and wrong ones.

    with Connection(tracker.address, pin=pin) as c:             # TLS, the pin, HELLO
        me = Identity()
        me.take(c.ok("SIGNUP", {"username": "ann", "password": "…", "csr": me.csr()}))
    with Connection(tracker.address, me) as c:
        c.refused("WHOIS", {}) == ("REQUEST_ERROR", "bad-request")
        c.push("CHANNELS")

What the protocol says of every frame is asserted here once, of each that comes in. Everything has a
deadline; PING is answered whenever something is awaited."""
import collections
import contextlib
import json
import re
import socket
import ssl
import threading
import time
import uuid

from cryptography import x509

from outsider_identity import (ALPN, TIME, Authority, Identity, check_ca, check_chain, check_leaf, key_id,  # noqa: F401
                               key_pem, pem, pin_of, spki, tls_context, tracker_id_of)

DEADLINE = 20.0
FRAME_BYTES = 65536
STATUSES = ("OK", "UNAUTHORIZED", "SERVER_ERROR", "REQUEST_ERROR")
PUSHES = ("GOING_AWAY", "AUTHORITY", "CHANNELS", "MESSAGE", "PRESENCE", "ACCESS", "CLOSED")
ERRORS = {
    "UNAUTHORIZED": "not-signed-in bad-credentials expired revoked restricted read-only banned "
                    "guests-not-allowed not-owner not-moderator",
    "SERVER_ERROR": "busy internal",
    "REQUEST_ERROR": "bad-frame bad-request too-large unknown-command unsupported rate-limited "
                     "invalid-name name-taken weak-password no-such-channel channel-exists no-such-user "
                     "no-such-entry conflict stale-epoch",
}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Frame = collections.namedtuple("Frame", "header id payload")


# -- frames

def once(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key twice: {keys}"
    return dict(pairs)


def no_constant(text):
    raise AssertionError(f"{text} is no JSON")


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def parse(line):
    """One line with its LF → Frame; AssertionError where §2 is broken."""
    assert len(line) <= FRAME_BYTES, f"a frame of {len(line)} bytes"
    m = re.fullmatch(rb"([A-Z_]{2,24})-(\{.*\})\n", line, re.DOTALL)
    assert m, f"no frame: {line[:200]!r}"
    assert b"\0" not in line and b"\\u0000" not in line
    body = json.loads(m[2].decode("utf-8"), object_pairs_hook=once, parse_constant=no_constant)
    assert depth(body) <= 8
    assert set(body) == {"id", "payload"}, f"a body of {sorted(body)}"
    assert body["id"] is None or re.fullmatch(r"[!-~]{1,64}", body["id"])
    assert isinstance(body["payload"], (dict, list))
    return Frame(m[1].decode(), body["id"], body["payload"])


def frame(header, frame_id, payload):
    """→ bytes."""
    body = json.dumps({"id": frame_id, "payload": payload}, ensure_ascii=False)
    return f"{header}-{body}\n".encode("utf-8", "surrogatepass")


# -- connections

def parse_address(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


class Refused(Exception):
    """The handshake, or the first read after it, ended in a TLS alert: its name."""


def alert_name(error):
    """"unknown ca" of "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (…)"."""
    m = re.search(r"alert ([a-z ]+)", str(error))
    assert m, f"no alert: {error!r}"
    return m[1].strip()


class Connection:
    """The dialling side (sock=None) or an accepted socket. pin or identity (its CA) says which
    tracker is meant, host_name ("user/NAME") which host; neither, or check=False: whoever answers.
    source: the ip to dial from."""

    def __init__(self, address=None, identity=None, pin=None, host_name=None, hello=True, check=True, context=None,
                 sock=None, source=None):
        self.accepting = sock is not None
        self.buffer = b""
        self.pushes = collections.deque()
        self.responses = {}
        self.pings = []
        self.last_id = 0
        self.tls = None
        raw = sock or socket.create_connection(parse_address(address), timeout=DEADLINE,
                                               source_address=(source, 0) if source else None)
        try:
            raw.settimeout(DEADLINE)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.tls = (context or tls_context(identity)).wrap_socket(
                raw, server_side=self.accepting, suppress_ragged_eofs=False)
            self.address = "%s:%d" % self.tls.getpeername()[:2]
            if not self.accepting and check:
                self.check_other(identity, pin, host_name)
            if hello and not self.accepting:
                self.limits = self.hello()["limits"]
        except ssl.SSLError as e:
            raw.close()
            if "alert" in str(e):
                raise Refused(alert_name(e)) from e
            raise
        except BaseException:
            (self.tls or raw).close()
            raise

    def check_other(self, identity, pin, host_name):
        assert self.tls.version() == "TLSv1.3"
        assert self.tls.selected_alpn_protocol() == ALPN
        self.chain = [x509.load_pem_x509_certificate(c.public_bytes().encode())
                      for c in self.tls._sslobj.get_unverified_chain()]  # public from Python 3.13 on
        ca = identity.ca if identity else None
        if host_name:
            check_leaf(self.chain[0], ca, host_name)
        elif pin or ca:
            tracker_id = check_chain(self.chain[1:])
            assert (pin or pin_of(ca)) in map(pin_of, self.chain[1:]), "another tracker"
            check_leaf(self.chain[0], self.chain[1], "tracker", tracker_id)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.tls.close()

    # -- out

    def send_bytes(self, data):
        self.tls.sendall(data)

    def send(self, header, frame_id, payload):
        self.send_bytes(frame(header, frame_id, payload))

    def start(self, command, payload=None):
        """Sends a request → its id."""
        self.last_id += 1
        frame_id = f"o{self.last_id}"
        self.send(command, frame_id, {} if payload is None else payload)
        return frame_id

    # -- in

    def line(self, end):
        """The next line with its LF; None at an orderly end."""
        while b"\n" not in self.buffer:
            self.tls.settimeout(max(end - time.monotonic(), 0.001))
            data = self.tls.recv(FRAME_BYTES)
            if not data:
                assert not self.buffer, f"the end within a frame: {self.buffer[:100]!r}"
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def take(self, deadline=DEADLINE):
        """Reads one frame and puts it where it belongs → it; None at the end."""
        line = self.line(time.monotonic() + deadline)
        if line is None:
            return None
        f = parse(line)
        self.size = len(line)
        if f.header in STATUSES:
            if f.header != "OK":
                assert f.payload["error"] in ERRORS[f.header].split(), f
                assert f.payload["message"] and isinstance(f.payload["message"], str)
                assert isinstance(f.payload.get("field", ""), str), f
            assert f.id not in self.responses, "answered twice"
            self.responses[f.id] = f
        elif f.id is None:
            assert f.header in PUSHES, f
            self.pushes.append(f)
        elif f.header == "PING" and not self.accepting:
            self.pings.append(f.payload)
            self.send("OK", f.id, {})
        else:
            assert self.accepting, f"a request to the dialling side: {f}"
            self.pushes.append(f)
        return f

    def answer(self, frame_id, deadline=DEADLINE):
        """The response to frame_id → Frame."""
        end = time.monotonic() + deadline
        while frame_id not in self.responses:
            assert self.take(max(end - time.monotonic(), 0.001)), f"the end instead of an answer to {frame_id}"
        return self.responses.pop(frame_id)

    def push(self, command, which=lambda payload: True, deadline=DEADLINE):
        """The next push (accepting: request) of that command of which `which` is true → payload."""
        end = time.monotonic() + deadline
        while True:
            for f in self.pushes:
                if f.header == command and which(f.payload):
                    self.pushes.remove(f)
                    return f.payload
            assert self.take(max(end - time.monotonic(), 0.001)), f"the end instead of {command}"

    def ended(self, deadline=DEADLINE):
        """Reads to the end, which must be an orderly one; what came before it is kept."""
        end = time.monotonic() + deadline
        while self.take(max(end - time.monotonic(), 0.001)):
            pass
        return True

    # -- both

    def request(self, command, payload=None):
        """→ Frame of the response."""
        return self.answer(self.start(command, payload))

    def ok(self, command, payload=None):
        f = self.request(command, payload)
        assert f.header == "OK", f"{command}: {f}"
        return f.payload

    def refused(self, command, payload=None):
        """→ (status, code)."""
        f = self.request(command, payload)
        assert f.header != "OK", f"{command} was not refused: {f}"
        return f.header, f.payload["error"]

    def hello(self):
        return self.ok("HELLO", {"agent": "outsider/1", "features": []})

    def fault(self, data, deadline=DEADLINE):
        """Sends bytes that end the connection → (status, code, id) of what is said before it ends."""
        self.send_bytes(data)
        self.ended(deadline)
        (f,) = self.responses.values()
        return f.header, f.payload["error"], f.id


class Member:
    """One channel on one connection: every payload names it, and the entries that come are looked at."""

    def __init__(self, connection, channel_name):
        self.connection = connection
        self.name = channel_name
        self.channel_id = None
        self.entries = []  # of the stream, since the last CONNECT

    def payload(self, more):
        identity = {"channel_name": self.name, **({"channel_id": self.channel_id} if self.channel_id else {})}
        return {**identity, **more}

    def request(self, command, **payload):
        return self.connection.request(command, self.payload(payload))

    def ok(self, command, **payload):
        return self.connection.ok(command, self.payload(payload))

    def refused(self, command, **payload):
        return self.connection.refused(command, self.payload(payload))

    def connect(self, since=0, invisible=False, **payload):
        """→ the state after its last_seq. Entries before the OK are ignored."""
        state = self.ok("CONNECT", since=since, invisible=invisible, **payload)
        for f in [f for f in self.connection.pushes if f.header == "MESSAGE" and f.payload["channel_name"] == self.name]:
            self.connection.pushes.remove(f)
        assert UUID.fullmatch(state["channel_id"])
        self.channel_id = state["channel_id"]
        self.entries = []
        self.cursor = since
        if payload.get("backlog") is not None:
            self.cursor = max(0, state["last_seq"] - payload["backlog"])
        return state

    def push(self, command, which=lambda payload: True, deadline=DEADLINE):
        payload = self.connection.push(
            command, lambda p: p.get("channel_name") == self.name and which(p), deadline)
        assert payload["channel_id"] == self.channel_id
        return payload

    def read_to(self, seq, deadline=DEADLINE):
        """Takes pushes until entry seq, which must be the next, the next … → all entries of the stream."""
        end = time.monotonic() + deadline
        while self.cursor < seq:
            for e in self.push("MESSAGE", deadline=max(end - time.monotonic(), 0.001))["entries"]:
                assert e["seq"] == self.cursor + 1, f"entry {e['seq']} after {self.cursor}"
                check_entry(e)
                self.entries.append(e)
                self.cursor = e["seq"]
        return self.entries

    def send(self, *texts, ids=None):
        """MESSAGE with these texts → Frame."""
        ids = ids or [str(uuid.uuid4()) for _ in texts]
        return self.request("MESSAGE", messages=[{"id": i, "message_content": t} for i, t in zip(ids, texts)])

    def store(self, *texts, ids=None):
        """→ the seqs under which they were stored."""
        f = self.send(*texts, ids=ids)
        assert f.header == "OK" and f.payload["refused"] == [], f
        return [s["seq"] for s in f.payload["stored"]]


def check_entry(e):
    """§5 ENTRY."""
    assert set(e) >= {"seq", "id", "kind", "username", "user_type", "time"}
    assert UUID.fullmatch(e["id"]) and TIME.fullmatch(e["time"])
    assert e["user_type"] in ("REGISTERED", "GUEST")
    wanted = {"message": {"message_content"}, "create": {"owner", "channel_id", "epoch"}, "host": {"epoch", "host"},
              "topic": {"topic"}, "role": {"target", "role"}}
    if e["kind"] == "message" and "redacted" in e:
        wanted = {"message": {"redacted"}}
        assert "message_content" not in e and "meta" not in e and set(e["redacted"]) - {"reason"} == {"by", "seq", "time"}, e
    assert set(e) >= wanted.get(e["kind"], set()), e


def sign_up(address, username, pin=None, password=None):
    """→ an Identity that signed up."""
    i = Identity()
    with Connection(address, pin=pin) as c:
        i.take(c.ok("SIGNUP", {"username": username, "password": password or "correct horse " + username,
                               "csr": i.csr()}))
    return i


def sign_in_guest(address, username, pin=None):
    i = Identity()
    with Connection(address, pin=pin) as c:
        i.take(c.ok("GUEST", {"username": username, "csr": i.csr()}))
    return i


def alert(address, identity=None, context=None):
    """Dials and must be refused by an alert → its name. In TLS 1.3 the dialler may be done before the
    other side has looked at its certificate: then it comes with the first read."""
    try:
        with Connection(address, identity, context=context, hello=False, check=False) as c:
            c.line(time.monotonic() + DEADLINE)
    except Refused as e:
        return str(e)
    except ssl.SSLError as e:
        return alert_name(e)
    raise AssertionError("was not refused")


class Listener(contextlib.AbstractContextManager):
    """The accepting side. Each connection that completes its handshake is given to serve(Connection)
    on a thread; what became of each is in `outcomes`: an alert's name, bytes that nobody asked for, or
    what serve raised or returned."""

    def __init__(self, context, serve=None, port=0):
        self.context = context
        self.serve = serve or self.read_all
        self.outcomes = []
        self.sock = socket.create_server(("127.0.0.1", port), backlog=16)
        self.port = self.sock.getsockname()[1]
        self.threads = [threading.Thread(target=self.run, daemon=True)]
        self.threads[0].start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @staticmethod
    def read_all(connection):
        """→ every byte that comes before the end."""
        data = b""
        while True:
            try:
                some = connection.tls.recv(FRAME_BYTES)
            except OSError as e:
                return data or alert_name(e)
            if not some:
                return data
            data += some

    def run(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.handle, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def handle(self, sock):
        try:
            with Connection(sock=sock, context=self.context) as c:
                self.outcomes.append(self.serve(c))
        except Refused as e:
            self.outcomes.append(str(e))
        except Exception as e:  # the test that owns us looks at it
            self.outcomes.append(e)

    def __exit__(self, *exc):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for t in self.threads:
            t.join(DEADLINE)
