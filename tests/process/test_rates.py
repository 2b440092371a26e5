# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast each may talk: on the wire as an outsider meets it, and on the bus and in p2pchatctl as the owner sets it and
everybody sees it; and ten thousand requests at once."""
import json
import threading
import time

import dbus
import pytest

from conformance import sentence
from outsider import Member, frame
from p2pchat import CHANNEL, ERROR, MODERATION, refused, wait_for
from wirestage import BAD_REQUEST, Room, Stage, error_of, fill, message

MINUTE = 60
RATE_LIMITED = ("REQUEST_ERROR", "rate-limited")


@pytest.fixture(scope="module")
def stage(module_world):
    s = Stage(module_world).start_host()
    s.owner_device = s.device("alice")
    s.bob = module_world.people("bob")
    return s


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        yield Room(stage, dial)


def owner_of(stage, room):
    m = Member(room.dial(room.address, stage.owner_device), room.name)
    m.connect()
    return m


@sentence("5.RATES.3", "5.RATES.4", "5.RATES.5")
def test_messages(stage, room):
    owner, m = owner_of(stage, room), room.member("carol")
    assert (m.state["message_rate"], m.state["message_burst"]) == (5, 20)
    owner.ok("VIEW", message_rate=1)
    sent = [message(f"{i}") for i in range(30)]
    f = m.request("MESSAGE", messages=sent)
    assert f.header == "OK"
    n = len(f.payload["stored"])
    assert 20 <= n <= 21
    assert [x["id"] for x in f.payload["stored"]] == [x["id"] for x in sent[:n]]
    assert [x["id"] for x in f.payload["refused"]] == [x["id"] for x in sent[n:]], "and all behind it"
    (code,), (wait,) = ({x[k] for x in f.payload["refused"]} for k in ("error", "retry_after_ms"))
    assert code == "rate-limited" and 1 <= wait <= 1000
    # What is there already is neither counted nor refused, and the rest comes when its time has come.
    again = m.request("MESSAGE", messages=sent[:n])
    assert all(x.get("duplicate") for x in again.payload["stored"]) and not again.payload["refused"]
    f = m.request("MESSAGE", messages=sent[n:])
    if f.header != "OK":
        assert error_of(f) == RATE_LIMITED
        time.sleep(f.payload["retry_after_ms"] / 1000)
        f = m.request("MESSAGE", messages=sent[n:])
    assert f.payload["stored"][0]["id"] == sent[n]["id"]
    # The owner's word counts at once, and others are others.
    assert len(room.member("dave").store("mine")) == 1
    owner.ok("VIEW", message_rate=0, message_burst=0)
    assert len(m.request("MESSAGE", messages=sent).payload["stored"]) == 30
    m.read_to(fill(m, 64)[-1])
    assert [(e["message_rate"], e.get("message_burst")) for e in m.entries if e["kind"] == "view"] == [(1, None), (0, 0)]
    for wrong in ({"message_rate": 1001}, {"message_burst": 10001}, {"message_rate": -1}, {"message_rate": "5"}):
        f = owner.request("VIEW", **wrong)
        assert error_of(f) == BAD_REQUEST and f.payload["field"] in wrong, wrong


@sentence("5.RATES.8", "5.RATES.9")
def test_ten_thousand_authorize(stage, room):
    """Each is answered, most of them with a time; the channel is there for others before they are, and for who sent them
    afterwards."""
    n = 10000
    owner, other = owner_of(stage, room), room.member("carol")
    data = b"".join(frame("AUTHORIZE", f"a{i}", owner.payload({"target": f"nobody{i}", "role": "none"})) for i in range(n))
    flood = threading.Thread(target=owner.connection.send_bytes, args=(data,), daemon=True)
    flood.start()
    for i in range(5):  # nobody reads the answers: the host reads no more than it can answer
        other.store(f"meanwhile {i}")
        other.ok("HISTORY", limit=1)
    codes = {}
    for i in range(n):
        f = owner.connection.answer(f"a{i}", deadline=MINUTE)
        code = error_of(f)[1]
        codes[code] = codes.get(code, 0) + 1
        assert code != "rate-limited" or f.payload["retry_after_ms"] > 0
    flood.join()
    assert set(codes) <= {None, "no-such-user", "busy", "rate-limited"}, codes
    assert codes["rate-limited"] > n / 2, codes
    assert stage.alice.process.alive()
    wait_for(lambda: error_of(owner.request("TOPIC", topic="calm"))[0] == "OK", "it to be taken again")
    other.store("still here")


def test_faces(stage):
    """The owner sets them, everybody sees them, and the log tells them in words."""
    alice, bob = stage.alice, stage.bob
    hers = alice.host("faces")
    his = bob.join("faces")
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "bob to be there")

    def shown(peer):
        return json.loads(peer.ctl("rate", "faces", "-j").stdout)
    for peer, path in ((alice, hers), (bob, his)):
        assert (peer.get(path, CHANNEL, "MessageRate"), peer.get(path, CHANNEL, "MessageBurst")) == (5, 20)
        assert shown(peer) == {"channel_name": "faces", "message_rate": 5, "message_burst": 20}
        assert peer.ctl("rate", "faces").stdout == "5 messages a second from each, 20 at once\n"
    alice.ctl("rate", "faces", "2", "7")
    wait_for(lambda: bob.get(his, CHANNEL, "MessageBurst") == 7, "bob to know")
    assert bob.get(his, CHANNEL, "MessageRate") == 2
    info = json.loads(bob.ctl("info", "faces", "-j").stdout)
    assert (info["message_rate"], info["message_burst"]) == (2, 7)
    alice.ctl("rate", "faces", "3")  # the burst stays
    wait_for(lambda: bob.get(his, CHANNEL, "MessageRate") == 3, "bob to know")
    assert shown(alice) == shown(bob) == {"channel_name": "faces", "message_rate": 3, "message_burst": 7}
    alice.call(hers, MODERATION, "SetPermissions", "a{sv}", {"message_rate": dbus.UInt32(0)})
    wait_for(lambda: shown(bob)["message_rate"] == 0, "bob to know")
    assert bob.ctl("rate", "faces").stdout == "no limit\n"
    told = bob.ctl("log", "faces").stdout
    assert "set permissions: rate 2 a second burst 7" in told and "set permissions: no rate" in told
    assert bob.ctl("rate", "faces", "1", check=False).returncode == 5
    for wrong, status in ((("1001",), 7), (("5", "10001"), 7), (("x",), 2), (("-1",), 2), (("5", "x"), 2)):
        assert alice.ctl("rate", "faces", *wrong, check=False).returncode == status, wrong
    for wrong in ({"message_rate": dbus.UInt32(1001)}, {"message_burst": dbus.UInt32(10001)}):
        assert refused(alice.call, hers, MODERATION, "SetPermissions", "a{sv}", wrong)[0] == ERROR + "BadRequest"


def test_paste(stage):
    """What is more than the channel takes at once arrives whole and in order."""
    hers = stage.alice.host("paste")
    stage.alice.ctl("rate", "paste", "50", "10")
    stage.bob.join("paste")
    lines = [f"line {i}" for i in range(200)]
    stage.bob.ctl("send", "paste", "--lines", stdin="".join(line + "\n" for line in lines), timeout=MINUTE)
    wait_for(lambda: stage.alice.texts(hers) == lines, "all of it", deadline=MINUTE)


def test_rules_that_nobody_knows_here(world):
    """A channel of which nothing has come yet has no rules to tell: not even that there are none."""
    world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInsPerDay=0\n")
    alice, bob = world.people("alice", "bob")
    alice.host("lobby")
    alice.stop_daemon()
    bob.ctl("join", "lobby")
    for verb in ("rate", "retention", "view", "sending", "topic"):
        result = bob.ctl(verb, "lobby", check=False)
        assert (result.returncode, result.stdout) == (1, "") and "p2pchatctl status lobby" in result.stderr, verb
        result = bob.ctl(verb, "lobby", "-j", check=False)
        assert json.loads(result.stdout)["error"]["name"] == "org.p2pchat.Error.HostOffline", verb
    alice.start_daemon()
    wait_for(lambda: bob.ctl("rate", "lobby", check=False).returncode == 0, "what the host says to come")
    assert bob.ctl("retention", "lobby").stdout == "for ever\n"
