# SPDX-License-Identifier: LGPL-2.1-or-later
"""What p2pchat-protocol(7) says of who dials, asked of each frame that a daemon sends to a model host or
tracker (models.py). What a command's request has stands on the page, and is read from it."""
import json
import pathlib
import re

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from outsider import STATUSES, UUID
from shapes import of_page

SENTENCES = pathlib.Path(__file__).parent.parent / "conformance/sentences.tsv"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
ID = re.compile(r"[!-~]{1,64}")
NO_TEXT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
BEFORE_BYTES = 8192
# Section 6 has no sentences yet.
GOVERNANCE = {"TOPIC": ("topic", ""), "AUTHORIZE": ("target role", ""),
              "VIEW": ("", "view_permission send_permission message_rate message_burst retention_days")}


def shapes():
    """→ {"4": {command: (required, optional)}, "5": …, "3": …}"""
    text = SENTENCES.read_text(encoding="utf-8")
    found = {section: {command: ({k for k, required in keys.items() if required},
                                 {k for k, required in keys.items() if not required})
                       for command, (keys, _) in of_page(text, section).items()}
             for section in "345"}
    found["5"].update({c: (set(a.split()), set(b.split())) for c, (a, b) in GOVERNANCE.items()})
    return found


SHAPES = shapes()


class Rules:
    """One connection of a model. faults: what the daemon did that the page does not allow."""

    def __init__(self, connection, section, in_flight, faults):
        self.section = section
        self.in_flight = in_flight
        self.faults = faults
        self.unanswered = {}   # id → (command, channel)
        self.joined = set()    # channels whose CONNECT was answered with OK
        self.is_greeted = False
        self.has_joined = False
        self.signed_in = connection.username is not None
        self.send = connection.send
        connection.send = self.answer

    def fault(self, f, what):
        self.faults.append(f"{what}: {f.header} {json.dumps(f.payload)[:300]}")

    def answer(self, header, frame_id, payload):
        """In place of the connection's send()."""
        command, channel = self.unanswered.pop(frame_id, (None, None)) if header in STATUSES else (None, None)
        if header == "OK" and command == "CONNECT":
            self.joined.add(channel)
            self.has_joined = True
        self.send(header, frame_id, payload)

    def ask(self, f, size):
        """What came in of size bytes."""
        if f.id is None:
            self.fault(f, "a push of who dialled")
            return
        if (f.header == "HELLO") == self.is_greeted:
            self.fault(f, "HELLO is the first frame, and said once")
        self.is_greeted = True
        if f.id in self.unanswered or not ID.fullmatch(f.id):
            self.fault(f, f"the id {f.id} is no new one")
        if len(self.unanswered) >= self.in_flight:
            self.fault(f, f"{len(self.unanswered)} requests wait already")
        may_be_large = self.signed_in if self.section == "4" else self.has_joined
        if size > BEFORE_BYTES and (f.header == "HELLO" or not may_be_large):
            self.fault(f, f"{size} bytes before they may be so many")
        self.check_payload(f)
        self.unanswered[f.id] = (f.header, f.payload.get("channel_name"))

    def check_payload(self, f):
        shape = SHAPES["3" if f.header == "HELLO" else self.section].get(f.header)
        if not shape:
            self.fault(f, "no command of this side")
            return
        required, optional = shape
        if self.section == "5" and f.header != "HELLO":
            required = required | {"channel_name"}
            optional = optional | {"channel_id"}
        if not required <= set(f.payload) <= required | optional:
            self.fault(f, f"not the keys that it has: {sorted(required)} {sorted(optional)}")
            return
        for key, value in f.payload.items():
            check = getattr(self, "check_" + key, None)
            if check and not check(value):
                self.fault(f, key)
        if self.section == "5":
            self.check_channel(f)

    def check_channel(self, f):
        channel = f.payload.get("channel_name")
        waiting = [command for command, c in self.unanswered.values() if c == channel]
        if f.header in ("CONNECT", "MESSAGE") and f.header in waiting:
            self.fault(f, "another one of the channel is not answered")
        if f.header == "CONNECT":
            self.joined.discard(channel)
            if f.payload["since"] > 0 and "backlog" in f.payload:
                self.fault(f, "backlog with a since")
        if f.header in ("MESSAGE", "INVISIBLE", "STATUS") and channel not in self.joined:
            self.fault(f, "before CONNECT was answered")
        if f.header == "HISTORY" and "before" in f.payload and "after" in f.payload:
            self.fault(f, "both before and after")

    # -- members, by key

    @staticmethod
    def check_agent(v):
        return isinstance(v, str) and len(v.encode()) <= 64 and not NO_TEXT.search(v)

    @staticmethod
    def check_features(v):
        return isinstance(v, list) and len(v) <= 32 and all(isinstance(x, str) for x in v)

    @staticmethod
    def check_username(v):
        return bool(NAME.fullmatch(v))

    check_channel_name = check_target = check_username

    @staticmethod
    def check_channel_id(v):
        return bool(UUID.fullmatch(v))

    check_since_id = check_previous = check_channel_id

    @staticmethod
    def check_csr(v):
        csr = x509.load_pem_x509_csr(v.encode())
        return len(v) <= 4096 and csr.is_signature_valid and isinstance(csr.public_key(), Ed25519PublicKey)

    @staticmethod
    def check_addresses(v):
        return len(v) <= 8 and all(re.fullmatch(r"(\d+(\.\d+){3}|\[[0-9a-f:]+\]):[1-9]\d*", a) for a in v)

    @staticmethod
    def check_topic(v):
        return len(v.encode()) <= 512 and not NO_TEXT.search(v) and not set(v) & set("\t\n")

    @staticmethod
    def check_query(v):
        return len(v.encode()) <= 64

    @staticmethod
    def check_limit(v):
        return 1 <= v <= 500

    @staticmethod
    def check_messages(v):
        return 1 <= len(v) <= 64 and all(
            {"id", "message_content"} <= set(m) <= {"id", "message_content", "meta"} and UUID.fullmatch(m["id"])
            and 1 <= len(m["message_content"].encode()) <= 16384 and not NO_TEXT.search(m["message_content"])
            and len(json.dumps(m.get("meta", {}), separators=(",", ":"), ensure_ascii=False).encode()) <= 1024
            for m in v)
