# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host in Python for tests of members: honest by the protocol page unless a test hooks in. Everything
is sent from its connection's thread; a test says what by do(), and looks at what was asked.

    with ModelHost(tracker, carol, "trap") as host:
        host.hooks["MESSAGE"] = lambda c, f: host.fail(c, f, "UNAUTHORIZED", "read-only")
        host.do(lambda c: host.push(c, "MESSAGE", entries=[…]))"""
import datetime
import queue
import ssl
import threading
import uuid

from outsider import DEADLINE, Connection, Listener, pem, tls_context


def now():
    return datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class ModelHost(Listener):
    def __init__(self, tracker, identity, name, channel_id=None):
        self.name = name
        self.owner = identity.username
        self.channel_id = channel_id or str(uuid.uuid4())
        self.entries = []
        self.hooks = {}     # command → function(connection, frame) in place of what an honest host does
        self.requests = []  # (command, payload), as they came
        self.live = []      # connections whose CONNECT was answered
        self.actions = queue.Queue()
        self.ends = False
        self.add("create", owner=self.owner, channel_id=self.channel_id, epoch=1)
        context = tls_context(identity, server=True)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=pem(identity.ca))
        super().__init__(context, self.serve_member)
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

    # -- in hooks and actions

    @staticmethod
    def ok(c, f, payload):
        c.send("OK", f.id, payload)

    @staticmethod
    def fail(c, f, status, code, **more):
        c.send(status, f.id, {"error": code, "message": f"a model host says {code}", **more})

    def push(self, c, command, **payload):
        c.send(command, None, {"channel_name": self.name, "channel_id": self.channel_id, **payload})

    # -- what an honest host does

    def state(self, **changes):
        return {"channel_id": self.channel_id, "epoch": 1, "owner": self.owner, "role": "none",
                "view_permission": "public", "send_permission": "everyone", "topic": "",
                "last_seq": len(self.entries), "members_online": 1, "generation": 1, "message_rate": 5,
                "message_burst": 20, **changes}

    def on_hello(self, c, f):
        self.ok(c, f, {"agent": "model/1", "features": [], "time": now(),
                       "limits": {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": 32}})

    def on_connect(self, c, f):
        self.ok(c, f, self.state())
        rest = self.entries[f.payload["since"]:]
        for at in range(0, len(rest), 100):
            self.push(c, "MESSAGE", entries=rest[at:at + 100])

    def on_message(self, c, f):
        stored = []
        for m in f.payload["messages"]:
            known = next((e for e in self.entries if e["id"] == m["id"]), None)
            e = known or self.add(username=self.member, id=m["id"], message_content=m["message_content"])
            stored.append({"id": e["id"], "seq": e["seq"], "time": e["time"], **({"duplicate": True} if known else {})})
        self.ok(c, f, {"stored": stored, "refused": []})
        self.push(c, "MESSAGE", entries=self.entries[-len(stored):])

    def on_members(self, c, f):
        self.ok(c, f, {"members": [], "generation": 1})

    def on_history(self, c, f):
        self.ok(c, f, {"entries": self.entries[-f.payload["limit"]:], "more": False})

    def serve_member(self, c):
        self.member = c.tls.getpeercert()["subjectAltName"][0][1].rpartition("/")[2]
        while not self.ends:
            try:
                if c.take(0.02) is None:
                    return "closed"
            except TimeoutError:
                pass
            while c.pushes:
                f = c.pushes.popleft()
                self.requests.append((f.header, f.payload))
                handler = self.hooks.get(f.header) or getattr(self, "on_" + f.header.lower())
                handler(c, f)
                if f.header == "CONNECT":
                    self.live.append(c)
            while self.live and self.live[-1] is c and not self.actions.empty():
                action, done = self.actions.get()
                action(c)
                done.set()
