# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host and a tracker in Python for tests of p2pchatd: honest by the protocol page unless a test hooks
in. Every frame that the daemon sends to one is held to the page (rules.py): a fault fails the test.
Everything is sent from a connection's own thread; a test says what by do(), and looks at what was asked.

    with ModelHost(tracker, carol, "trap") as host:
        host.hooks["MESSAGE"] = lambda c, f: host.fail(c, f, "UNAUTHORIZED", "read-only")
        host.do(lambda c: host.push(c, "MESSAGE", entries=[…]))"""
import datetime
import queue
import ssl
import threading
import uuid

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from outsider import DEADLINE, Connection, Listener, pem, tls_context
from rules import Rules


def now():
    return datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Model(Listener):
    """What a host and a tracker have in common. A connection is live, for do(), once its `enters`
    command was answered."""

    enters = "HELLO"
    section = None  # of the page: whose commands it has
    in_flight = 32

    def __init__(self, identity, certificates, port=0):
        self.hooks = {}     # command → function(connection, frame) in place of what an honest one does
        self.requests = []  # (command, payload), as they came
        self.faults = []    # what the daemon did that the page does not allow
        self.live = []
        self.actions = queue.Queue()
        self.ends = False
        context = tls_context(identity, server=True)
        context.verify_mode = certificates
        context.load_verify_locations(cadata=pem(identity.ca))
        super().__init__(context, self.serve_client, port)

    def asked(self, command):
        """→ payloads of the requests of that command so far."""
        return [p for c, p in list(self.requests) if c == command]

    def do(self, action):
        """Runs action(connection) on the thread of the newest live connection, and waits for it."""
        done = threading.Event()
        self.actions.put((action, done))
        assert done.wait(DEADLINE), "nobody is connected"

    def __exit__(self, *exc):
        self.ends = True
        super().__exit__(*exc)
        if not any(exc):
            wrong = [o for o in self.outcomes if isinstance(o, AssertionError) and "the end" not in str(o)]
            assert not self.faults + wrong, self.faults + wrong

    # -- in hooks and actions

    @staticmethod
    def ok(c, f, payload):
        c.send("OK", f.id, payload)

    @staticmethod
    def fail(c, f, status, code, **more):
        c.send(status, f.id, {"error": code, "message": f"a model says {code}", **more})

    def on_hello(self, c, f):
        self.ok(c, f, {"agent": "model/1", "features": [], "time": now(),
                       "limits": {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": self.in_flight}})

    def serve_client(self, c):
        certificate = c.tls.getpeercert()
        c.username = certificate["subjectAltName"][0][1].rpartition("/")[2] if certificate else None
        rules = Rules(c, self.section, self.in_flight, self.faults)
        while not self.ends:
            try:
                if c.take(0.02) is None:
                    return "closed"
            except TimeoutError:
                pass
            while c.pushes:
                f = c.pushes.popleft()
                rules.ask(f, c.size)
                self.requests.append((f.header, f.payload))
                handler = self.hooks.get(f.header) or getattr(self, "on_" + f.header.lower())
                handler(c, f)
                if f.header == self.enters:
                    self.live.append(c)
            while self.live and self.live[-1] is c and not self.actions.empty():
                action, done = self.actions.get()
                action(c)
                done.set()


class ModelHost(Model):
    enters = "CONNECT"
    section = "5"

    def __init__(self, tracker, identity, name, channel_id=None):
        self.name = name
        self.owner = identity.username
        self.channel_id = channel_id or str(uuid.uuid4())
        self.entries = []
        self.add("create", owner=self.owner, channel_id=self.channel_id, epoch=1)
        super().__init__(identity, ssl.CERT_REQUIRED)
        with Connection(tracker.address, identity) as c:
            c.ok("HOST", {"channel_name": name, "channel_id": self.channel_id, "addresses": [self.address],
                          "view_permission": "public", "topic": "", "epoch": 1, "last_seq": 1, "members": 0})

    # -- for tests

    def add(self, kind="message", username=None, **more):
        """One more entry in the log → it."""
        entry = {"seq": len(self.entries) + 1, "id": str(uuid.uuid4()), "kind": kind, "time": now(),
                 "username": username or self.owner, "user_type": "REGISTERED", **more}
        self.entries.append(entry)
        return entry

    # -- in hooks and actions

    def push(self, c, command, **payload):
        c.send(command, None, {"channel_name": self.name, "channel_id": self.channel_id, **payload})

    # -- what an honest host does

    def state(self, **changes):
        return {"channel_id": self.channel_id, "epoch": 1, "owner": self.owner, "role": "none",
                "view_permission": "public", "send_permission": "everyone", "topic": "",
                "last_seq": len(self.entries), "members_online": 1, "generation": 1, "message_rate": 5,
                "message_burst": 20, **changes}

    def on_connect(self, c, f):
        self.ok(c, f, self.state())
        rest = self.entries[f.payload["since"]:]
        for at in range(0, len(rest), 100):
            self.push(c, "MESSAGE", entries=rest[at:at + 100])

    def on_message(self, c, f):
        stored = []
        for m in f.payload["messages"]:
            known = next((e for e in self.entries if e["id"] == m["id"]), None)
            e = known or self.add(username=c.username, id=m["id"], message_content=m["message_content"])
            stored.append({"id": e["id"], "seq": e["seq"], "time": e["time"], **({"duplicate": True} if known else {})})
        self.ok(c, f, {"stored": stored, "refused": []})
        self.push(c, "MESSAGE", entries=self.entries[-len(stored):])

    def on_members(self, c, f):
        self.ok(c, f, {"members": [], "generation": 1})

    def on_disconnect(self, c, f):
        self.ok(c, f, {})

    def on_invisible(self, c, f):
        self.ok(c, f, {})

    on_status = on_invisible

    def on_ret_info(self, c, f):
        self.ok(c, f, {**self.state(), "members": [], "authorized": [], "messages": []})

    def on_history(self, c, f):
        self.ok(c, f, {"entries": self.entries[-f.payload["limit"]:], "more": False})


class ModelTracker(Model):
    """Accounts without passwords, and a directory."""

    section = "4"
    in_flight = 1000

    def __init__(self, authority, port=0):
        self.authority = authority
        self.channels = {}
        self.generation = 1
        super().__init__(authority.identity("tracker", usage=[ExtendedKeyUsageOID.SERVER_AUTH]), ssl.CERT_OPTIONAL,
                         port)

    def grant(self, csr, username, **how):
        """→ the payload for who signs up; how: of Authority.sign()."""
        key = x509.load_pem_x509_csr(csr.encode())  # has public_key(), as sign() wants it
        kind = "guest" if username.startswith("guest-") else "user"
        certificate = self.authority.sign(key, [self.authority.uri(f"{kind}/{username}")], **how)
        return {"username": username, "user_type": "REGISTERED" if kind == "user" else "GUEST",
                "certificate": pem(certificate), "ca": pem(self.authority.ca),
                "expires": certificate.not_valid_after.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "recovery_code": "none-at-all"}

    def on_signup(self, c, f):
        self.ok(c, f, self.grant(f.payload["csr"], f.payload["username"]))

    on_signin = on_recover = on_signup

    def on_guest(self, c, f):
        self.ok(c, f, self.grant(f.payload["csr"], "guest-" + f.payload["username"]))

    def on_renew(self, c, f):
        self.ok(c, f, self.grant(f.payload["csr"], c.username))

    def on_list(self, c, f):
        query = f.payload.get("query", "")
        self.ok(c, f, {"channels": [x for n, x in sorted(self.channels.items()) if query in n],
                       "generation": self.generation})

    def on_watch(self, c, f):
        self.ok(c, f, {"generation": self.generation, "reset": False})

    def on_whois(self, c, f):
        self.ok(c, f, {"username": f.payload["username"], "exists": False})

    def on_host(self, c, f):
        p = f.payload
        ip, _, port = p["addresses"][0].rpartition(":")
        self.channels[p["channel_name"]] = {
            **{k: p[k] for k in ("channel_name", "channel_id", "addresses", "view_permission", "topic", "members",
                                 "last_seq", "epoch")},
            "owner": c.username, "host": c.username, "peer_server_ip": ip.strip("[]"), "peer_server_port": int(port),
            "online": True, "since": now()}
        self.ok(c, f, {"channel_id": p["channel_id"], "epoch": p["epoch"] or 1, "lease_seconds": 60,
                       "observed_address": p["addresses"][0]})

    def on_heartbeat(self, c, f):
        self.ok(c, f, {"lease_seconds": 60, "lost": [], "revocations": [], "more": False})

    def on_view(self, c, f):
        self.ok(c, f, {})

    def on_devices(self, c, f):
        self.ok(c, f, {"devices": [{"key": "0" * 64, "created": now(), "seen": now(), "this": False}]})

    on_unhost = on_signout = on_passwd = on_delete = on_view
