# SPDX-License-Identifier: LGPL-2.1-or-later
"""The session that p2pchat-protocol(7) shows, once more: what it sends is sent to a real tracker and a real
host, and what they answer is what the page says, but for what is of that day."""
import pathlib
import re
import time

import pytest
from cryptography import x509

from outsider import DEADLINE, Connection, Identity, check_ca, frame, parse, tracker_id_of

PAGE = pathlib.Path(__file__).parent.parent.parent / "common/wire/p2pchat-protocol.7.scd"
# Keys whose values are of that day; `id` too, where it is not the page's own.
OF_THE_DAY = {"agent", "time", "certificate", "ca", "expires", "recovery_code", "channel_id", "addresses",
              "peer_server_port", "since", "generation", "csr", "id", "members", "last_seq"}


def sessions():
    """→ for each connection [(">" or "<", Frame)]"""
    text = PAGE.read_text(encoding="utf-8").split("\n# EXAMPLE\n")[1]
    for block in re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        lines = []
        for line in block.replace("\\\\", "\\").splitlines():
            if line[:2] == "  ":
                lines[-1] += line[2:]
            else:
                lines.append(line)
        assert all(line[:2] in ("> ", "< ") for line in lines)
        yield [(line[0], parse(line[2:].encode() + b"\n")) for line in lines]


def same(shown, found, where=""):
    """The same keys everywhere, in the same order, and the same values but for those of the day."""
    if isinstance(shown, dict):
        assert list(shown) == list(found), where
        for key in shown:
            assert type(shown[key]) is type(found[key]), f"{where}.{key}"
            if key not in OF_THE_DAY:
                same(shown[key], found[key], f"{where}.{key}")
    elif isinstance(shown, list):
        assert len(shown) == len(found), where
        for i, (a, b) in enumerate(zip(shown, found)):
            same(a, b, f"{where}[{i}]")
    else:
        assert shown == found, where


@pytest.fixture
def bob(world):
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    world.start_tracker()
    alice = world.people("alice")
    alice.host("lobby", topic="all welcome")
    return Identity()


def test_form():
    """What the page shows holds to what it says: each answer has its request, each certificate its form."""
    found = list(sessions())
    assert len(found) == 3
    for session in found:
        waiting = {">": set(), "<": set()}
        for way, f in session:
            if f.header in ("OK", "UNAUTHORIZED"):
                waiting["<" if way == ">" else ">"].remove(f.id)
            elif f.id is not None:
                assert f.id not in waiting[way]
                waiting[way].add(f.id)
        assert waiting == {">": set(), "<": set()}, "a request without an answer"
    grant = found[0][-1][1].payload
    ca = x509.load_pem_x509_certificate(grant["ca"].encode())
    leaf = x509.load_pem_x509_certificate(grant["certificate"].encode())
    check_ca(ca)
    ca.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes)
    (san,) = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.value == f"p2pchat://{tracker_id_of(ca)}/user/bob"


def test_replayed(world, bob):
    address, identity, channel_id = world.tracker.address, None, None
    for session in sessions():
        with Connection(address, identity, hello=False, check=False) as c:
            came = []
            for way, f in session:
                if way == ">":
                    if "csr" in f.payload:
                        f.payload["csr"] = bob.csr()
                    if "channel_id" in f.payload:
                        f.payload["channel_id"] = channel_id
                    c.send_bytes(frame(*f))
                    continue
                found = next_like(c, f, came)
                same(f.payload, found.payload, f.header)
                if "certificate" in found.payload:
                    bob.take(found.payload)
                if "channels" in found.payload:
                    (channel,) = found.payload["channels"]
                    channel_id, (next_address,) = channel["channel_id"], channel["addresses"]
            assert {f.header for f in came} <= {"PRESENCE"}
        identity = bob
        if channel_id:
            address = next_address


def next_like(connection, f, came):
    """The next frame with f's header and id; a push may come before an answer and after it."""
    while True:
        for found in came:
            if found.header == f.header and (found.id == f.id or f.header == "PING"):
                came.remove(found)
                return found
        line = connection.line(time.monotonic() + 2 * DEADLINE)  # PING takes 22 seconds
        assert line, f"the end instead of {f}"
        came.append(parse(line))
