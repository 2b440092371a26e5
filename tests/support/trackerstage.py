# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real tracker that outsiders dial, for the tests of a module: import the fixtures by name."""
import itertools
import uuid

import pytest

from outsider import Connection, pin_of, sign_up

FAST = "[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n"
CHANNEL = {"channel_name", "channel_id", "owner", "host", "addresses", "peer_server_ip", "peer_server_port",
           "view_permission", "topic", "members", "last_seq", "epoch", "online", "since"}
names = (f"user{n}" for n in itertools.count())


@pytest.fixture(scope="module")
def tracker(module_world):
    module_world.configure_tracker(FAST)
    t = module_world.start_tracker()
    with Connection(t.address, hello=False) as c:
        t.pin = pin_of(c.chain[1])
    return t


@pytest.fixture
def stranger(tracker):
    with Connection(tracker.address, pin=tracker.pin) as c:
        yield c


@pytest.fixture
def user(tracker):
    """A connection that is signed in; its identity in .me."""
    me = sign_up(tracker.address, next(names), tracker.pin)
    with Connection(tracker.address, me) as c:
        c.me = me
        yield c


def host_payload(name, **changes):
    return {"channel_name": name, "channel_id": str(uuid.uuid4()), "addresses": ["127.0.0.1:4711"],
            "view_permission": "public", "topic": "", "epoch": 1, "last_seq": 0, "members": 0, **changes}


def find(connection, name, **how):
    """→ the CHANNEL of that name, or None."""
    channels = connection.ok("LIST", {"query": name, **how})["channels"]
    return next((c for c in channels if c["channel_name"] == name), None)
