# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tracker as a client sees it that was written from the protocol page alone: §1 to §4, sentence by
sentence."""
import datetime
import itertools
import os
import subprocess
import time
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from conformance import sentence
from outsider import (TIME, Connection, Identity, alert, frame, parse_address, pem, pin_of, sign_in_guest, sign_up,
                      tracker_id_of)
from p2pchat import wait_for

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


# -- §1, §3

@sentence("1.10", "1.12", "1.13", "1.15")
def test_transport(tracker):
    with Connection(tracker.address, pin=tracker.pin, hello=False) as c:
        leaf, ca = c.chain  # what both must be was asserted by Connection
        assert leaf.not_valid_after - leaf.not_valid_before >= datetime.timedelta(days=90)
        assert leaf.not_valid_after - datetime.datetime.utcnow() <= datetime.timedelta(days=90)
        c.hello()
        assert not c.tls.session.has_ticket
    printed = subprocess.run([os.environ["P2PCHAT_TRACKERD"], "--print-pin", "--state-directory=" + tracker.state],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
    assert printed == tracker.pin + "\n"
    assert os.stat(tracker.state + "/ca.key").st_mode & 0o777 == 0o600


@sentence("3.HELLO.1", "3.HELLO.2")
def test_hello(tracker):
    with Connection(tracker.address, pin=tracker.pin, hello=False) as c:
        answer = c.ok("HELLO", {"agent": "x" * 64, "features": ["f"] * 32, "more": {"of": [{"it": None}]}})
        assert set(answer) >= {"agent", "features", "time", "limits"}
        assert answer["limits"] == {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": 1000}
        assert set(answer["features"]) <= {"f"}
        assert TIME.fullmatch(answer["time"])
        theirs = datetime.datetime.strptime(answer["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert abs(theirs - datetime.datetime.utcnow()) < datetime.timedelta(seconds=20)


def test_frames(stranger):
    """§2: ids, unknown keys, CR, unknown pushes and responses, any split."""
    for frame_id in ("!", "~" * 64, "aB3\"\\"):
        stranger.send("LIST", frame_id, {"unknown": 1})
        assert stranger.answer(frame_id).header == "OK"
    stranger.send_bytes(b'LIST- {"payload" : {}, "x":[], "id":"cr"} \r\n')
    assert stranger.answer("cr").header == "OK"
    stranger.send("NO_SUCH_PUSH", None, {})
    stranger.send("MESSAGE", None, [])
    stranger.send("OK", "never-asked", {})
    stranger.send("BUSY_REQUEST", "c", {})
    assert stranger.answer("c").payload["error"] == "unknown-command"
    stranger.ok("LIST")


def test_pipelining(stranger):
    """More than limits.in_flight at once: each gets one answer, further ones wait unread."""
    n = stranger.limits["in_flight"] + 200
    stranger.send_bytes(b"".join(frame("LIST", f"p{i}", {"limit": 1}) for i in range(n)))
    for i in range(n):
        assert stranger.answer(f"p{i}").header == "OK"


def test_direction(stranger):
    assert stranger.refused("PING") == ("REQUEST_ERROR", "unsupported")
    for command in ("CONNECT", "MESSAGE", "HISTORY", "RET_INFO", "AUTHORIZE", "NONSENSE"):
        assert stranger.refused(command, {"channel_name": "lobby"}) == ("REQUEST_ERROR", "unknown-command")


# -- §4: identities

@sentence("4.SIGNUP.1", "4.SIGNUP.2", "4.SIGNUP.4", "4.SIGNUP.5", "4.SIGNUP.6", "2.53")
def test_sign_up(tracker, stranger):
    me = Identity()
    name = next(names)
    request = {"username": name, "password": "correct horse", "csr": me.csr()}
    grant = me.take(stranger.ok("SIGNUP", request))
    assert set(grant) == {"username", "user_type", "certificate", "ca", "expires", "recovery_code"}
    assert (grant["username"], grant["user_type"]) == (name, "REGISTERED")
    assert pin_of(me.ca) == tracker.pin and tracker_id_of(me.ca) == tracker.pin[7:39]
    now = datetime.datetime.utcnow()
    certificate = me.certificate
    assert certificate.not_valid_before <= now - datetime.timedelta(minutes=9)
    assert certificate.not_valid_before > now - datetime.timedelta(minutes=12)
    assert abs(certificate.not_valid_after - now - datetime.timedelta(days=7)) < datetime.timedelta(minutes=1)
    expires = datetime.datetime.strptime(grant["expires"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert abs(expires - certificate.not_valid_after) <= datetime.timedelta(seconds=1)
    assert len(grant["recovery_code"]) >= 16

    # Repeated by the same key and password: OK again. Else the name is taken.
    again = me.take(stranger.ok("SIGNUP", request))
    assert again["username"] == name and again["recovery_code"]
    assert stranger.refused("SIGNUP", {**request, "password": "another horse"}) == ("REQUEST_ERROR", "name-taken")
    assert stranger.refused("SIGNUP", {**request, "csr": Identity().csr()}) == ("REQUEST_ERROR", "name-taken")
    # One key per tracker and identity.
    assert stranger.request("SIGNUP", {**request, "username": next(names)}).header == "REQUEST_ERROR"


@sentence("4.2")
def test_identities_are_for_strangers(user):
    request = {"username": next(names), "password": "correct horse", "csr": Identity().csr()}
    for command in ("SIGNUP", "SIGNIN", "RECOVER", "GUEST"):
        assert user.refused(command, request) == ("REQUEST_ERROR", "bad-request")


def test_signing_requests(stranger):
    """PKCS#10 in PEM, at most 4 KiB, Ed25519, its signature checked, its subject ignored."""
    me, other = Identity(), Identity()
    good = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "owner")])).sign(me.key, None)
    request = {"username": next(names), "password": "correct horse"}
    der = bytearray(good.public_bytes(x509.base.serialization.Encoding.DER))
    der[-1] ^= 1
    forged = pem(x509.load_der_x509_csr(bytes(der)))
    foreign = pem(x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))
    for csr in (forged, foreign, "", "nonsense", pem(good) + "x" * 4096, other.csr()[:-40], None, 7):
        f = stranger.request("SIGNUP", {**request, "csr": csr})
        assert (f.header, f.payload["error"]) == ("REQUEST_ERROR", "bad-request"), csr
        assert "csr" in f.payload["message"]
    me.take(stranger.ok("SIGNUP", {**request, "csr": pem(good)}))


@sentence("4.SIGNIN.1", "4.SIGNIN.2", "4.SIGNIN.4", "4.SIGNIN.5")
def test_sign_in(tracker, stranger):
    me = sign_up(tracker.address, next(names), tracker.pin, password="p" * 256)
    device = Identity()
    request = {"username": me.username, "password": "p" * 256, "csr": device.csr()}
    grant = device.take(stranger.ok("SIGNIN", request))
    assert set(grant) == {"username", "user_type", "certificate", "ca", "expires"}
    wrong = stranger.request("SIGNIN", {**request, "password": "wrong horse"})
    unknown = stranger.request("SIGNIN", {**request, "username": "nobody-at-all"})
    assert (wrong.header, wrong.payload["error"]) == ("UNAUTHORIZED", "bad-credentials")
    assert (unknown.header, unknown.payload) == (wrong.header, wrong.payload)
    # Both devices are good.
    for i in (me, device):
        with Connection(tracker.address, i) as c:
            c.ok("WHOIS", {"username": me.username})


@sentence("4.GUEST.1", "4.GUEST.2", "4.GUEST.4", "4.GUEST.5")
def test_guest(tracker, stranger):
    me = Identity()
    grant = me.take(stranger.ok("GUEST", {"username": "paul", "csr": me.csr()}))
    assert set(grant) == {"username", "user_type", "certificate", "ca", "expires"}
    assert (grant["username"], grant["user_type"]) == ("guest-paul", "GUEST")
    left = me.certificate.not_valid_after - datetime.datetime.utcnow()
    assert abs(left - datetime.timedelta(hours=24)) < datetime.timedelta(minutes=1)
    me.take(stranger.ok("GUEST", {"username": "paul", "csr": me.csr()}))
    assert stranger.refused("GUEST", {"username": "paul", "csr": Identity().csr()}) == ("REQUEST_ERROR", "name-taken")
    for bad in ("p", "g" * 27, "guest-x", "Paul", ""):
        assert stranger.refused("GUEST", {"username": bad, "csr": Identity().csr()}) == \
            ("REQUEST_ERROR", "invalid-name"), bad
    for good in ("pa", "q" * 26):
        sign_in_guest(tracker.address, good, tracker.pin)
    with Connection(tracker.address, me) as c:
        assert c.ok("WHOIS", {"username": "guest-paul"}) == \
            {"username": "guest-paul", "exists": True, "user_type": "GUEST"}
        assert c.refused("HOST", host_payload("guests-own")) == ("UNAUTHORIZED", "guests-not-allowed")
        assert c.refused("VIEW", {"channel_name": "x1"}) == ("UNAUTHORIZED", "guests-not-allowed")


@sentence("1.21", "4.RENEW.1", "4.RENEW.2", "4.RENEW.3", "4.RENEW.4", "4.RENEW.5")
def test_renew(tracker, stranger):
    """The request's signature proves the key: no password, and for users no certificate."""
    me = sign_up(tracker.address, next(names), tracker.pin)
    before = me.certificate
    grant = me.take(stranger.ok("RENEW", {"csr": me.csr()}))
    assert set(grant) == {"certificate", "ca", "expires"}
    assert me.certificate.serial_number != before.serial_number
    with Connection(tracker.address, me) as c:
        me.take(c.ok("RENEW", {"csr": me.csr()}))
    assert stranger.refused("RENEW", {"csr": Identity().csr()}) == ("UNAUTHORIZED", "not-signed-in")
    guest = sign_in_guest(tracker.address, "renewer", tracker.pin)
    assert stranger.refused("RENEW", {"csr": guest.csr()}) == ("UNAUTHORIZED", "not-signed-in")
    with Connection(tracker.address, guest) as c:
        guest.take(c.ok("RENEW", {"csr": guest.csr()}))
        me.take(c.ok("RENEW", {"csr": me.csr()}))
    for other in (me, sign_in_guest(tracker.address, "renewer2", tracker.pin)):  # one that it signed in itself
        with Connection(tracker.address, other) as c:
            assert c.refused("RENEW", {"csr": guest.csr()}) == ("UNAUTHORIZED", "not-signed-in")


def another_device(tracker, user, password=None):
    """→ an Identity that signed in as the same user."""
    i = Identity()
    with Connection(tracker.address, pin=tracker.pin) as c:
        i.take(c.ok("SIGNIN", {"username": user.username, "password": password or "correct horse " + user.username,
                               "csr": i.csr()}))
    return i


def revocations(connection, after=0):
    """All that a host is told after that version, in as many parts as it takes."""
    found = []
    while True:
        answer = connection.ok("HEARTBEAT", {"channels": [], "revocations_after": after})
        for r in answer["revocations"]:
            assert set(r) == {"version", "key", "until"} and TIME.fullmatch(r["until"])
            assert r["version"] > after, "ascending"
            after = r["version"]
        found += answer["revocations"]
        if not answer["more"]:
            return found


def sent_away(tracker, connection, identity):
    """Its connection was closed, its certificate is refused, and so is everything else that its key asks for."""
    away = connection.push("GOING_AWAY")
    assert set(away) == {"reason", "resume_in_ms"} and away["reason"] == "revoked"
    assert connection.ended()
    assert alert(tracker.address, identity) == "certificate revoked"
    with Connection(tracker.address, pin=tracker.pin) as c:
        assert c.refused("RENEW", {"csr": identity.csr()}) == ("UNAUTHORIZED", "revoked")


@sentence("1.37", "1.38", "3.GOING_AWAY.4", "4.SIGNOUT.1", "4.SIGNOUT.2", "4.SIGNOUT.4", "4.SIGNOUT.5")
def test_sign_out(tracker, user, stranger):
    assert stranger.refused("SIGNOUT") == ("UNAUTHORIZED", "not-signed-in")
    me = user.me
    device, guest = another_device(tracker, me), sign_in_guest(tracker.address, "leaver", tracker.pin)
    name = "left." + me.username
    user.ok("HOST", host_payload(name, channel_id=(channel_id := str(uuid.uuid4()))))
    with Connection(tracker.address, device) as other, Connection(tracker.address, guest) as visitor:
        # Another key of the owner, while the lease lives.
        f = other.request("HOST", host_payload(name, channel_id=channel_id))
        assert f.payload["error"] == "conflict" and TIME.fullmatch(f.payload["holder_until"])
        before = [r["version"] for r in revocations(other)]
        assert user.ok("SIGNOUT") == {}
        sent_away(tracker, user, me)
        # Its own key alone; its lease has ended with it.
        assert other.ok("HOST", host_payload(name, channel_id=channel_id))["epoch"] == 2
        (told,) = revocations(other, max(before, default=0))
        assert told["key"] == me.key_id
        until = datetime.datetime.strptime(told["until"], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert abs(until - me.certificate.not_valid_after) <= datetime.timedelta(seconds=1)
        assert revocations(other, told["version"]) == []

        assert visitor.ok("SIGNOUT") == {}
        sent_away(tracker, visitor, guest)
        assert [r["key"] for r in revocations(other, told["version"])] == [guest.key_id]
        # Free again when the last certificate has ended, not before.
        assert stranger.refused("GUEST", {"username": "leaver", "csr": Identity().csr()}) == ("REQUEST_ERROR", "name-taken")
        other.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("1.37", "4.PASSWD.1", "4.PASSWD.2", "4.PASSWD.4", "4.PASSWD.5")
def test_passwd(tracker, user, stranger):
    me, old = user.me, "correct horse " + user.me.username
    device = another_device(tracker, me)
    with Connection(tracker.address, device) as other:
        for change, error in (({"old_password": "wrong horse"}, ("UNAUTHORIZED", "bad-credentials")),
                              ({"new_password": "short"}, ("REQUEST_ERROR", "weak-password")),
                              ({"new_password": "p" * 257}, ("REQUEST_ERROR", "bad-request")),
                              ({"keep_others": "yes"}, ("REQUEST_ERROR", "bad-request"))):
            assert user.refused("PASSWD", {"old_password": old, "new_password": "battery staple", **change}) == error
        assert user.ok("PASSWD", {"old_password": old, "new_password": "battery staple", "keep_others": True}) == {}
        other.ok("LIST")
        request = {"username": me.username, "password": old, "csr": Identity().csr()}
        assert stranger.refused("SIGNIN", request) == ("UNAUTHORIZED", "bad-credentials")
        # All others of the user, unless they are kept.
        for _ in range(2):  # the answer was lost: once more is OK
            assert user.ok("PASSWD", {"old_password": "battery staple", "new_password": "p" * 256}) == {}
        sent_away(tracker, other, device)
        assert user.refused("PASSWD", {"old_password": "battery staple", "new_password": "q" * 256}) == \
            ("UNAUTHORIZED", "bad-credentials")
    user.ok("LIST")
    stranger.ok("SIGNIN", {**request, "password": "p" * 256})
    guest = sign_in_guest(tracker.address, "no-password", tracker.pin)
    with Connection(tracker.address, guest) as c:
        for command in ("PASSWD", "DEVICES", "DELETE"):
            assert c.refused(command) == ("UNAUTHORIZED", "guests-not-allowed")


@sentence("1.37", "4.RECOVER.1", "4.RECOVER.2", "4.RECOVER.4", "4.RECOVER.5", "4.RECOVER.7")
def test_recover(tracker, stranger):
    me, saved, name = Identity(), Identity(), next(names)
    code = me.take(stranger.ok("SIGNUP", {"username": name, "password": "correct horse", "csr": me.csr()}))["recovery_code"]
    request = {"username": name, "recovery_code": code, "new_password": "battery staple", "csr": saved.csr()}
    assert stranger.refused("RECOVER", {**request, "new_password": "short"}) == ("REQUEST_ERROR", "weak-password")
    wrong = stranger.request("RECOVER", {**request, "recovery_code": "00000-00000-00000-00000"})
    unknown = stranger.request("RECOVER", {**request, "username": "nobody-at-all"})
    assert (wrong.header, wrong.payload["error"]) == ("UNAUTHORIZED", "bad-credentials")
    assert (unknown.header, unknown.payload) == (wrong.header, wrong.payload)
    second = another_device(tracker, me, "correct horse")
    with Connection(tracker.address, me) as c, Connection(tracker.address, second) as other:
        assert c.refused("RECOVER", request) == ("REQUEST_ERROR", "bad-request")
        grant = saved.take(stranger.ok("RECOVER", request))
        assert set(grant) == {"username", "user_type", "certificate", "ca", "expires", "recovery_code"}
        assert grant["recovery_code"] != code
        sent_away(tracker, c, me)
        sent_away(tracker, other, second)
    with Connection(tracker.address, saved) as c:
        assert [d["key"] for d in c.ok("DEVICES")["devices"]] == [saved.key_id]
    # The code is spent, the password is the new one, the new code is good.
    assert stranger.refused("RECOVER", {**request, "csr": Identity().csr()}) == ("UNAUTHORIZED", "bad-credentials")
    signin = {"username": name, "password": "correct horse", "csr": Identity().csr()}
    assert stranger.refused("SIGNIN", signin) == ("UNAUTHORIZED", "bad-credentials")
    stranger.ok("SIGNIN", {**signin, "password": "battery staple"})
    # The same key asks again, within ten minutes: its answer was lost; the code before is none any more.
    again = saved.take(stranger.ok("RECOVER", request))
    assert again["recovery_code"] not in (code, grant["recovery_code"])
    spent = {**request, "recovery_code": grant["recovery_code"], "csr": Identity().csr()}
    assert stranger.refused("RECOVER", spent) == ("UNAUTHORIZED", "bad-credentials")
    stranger.ok("RECOVER", {**spent, "recovery_code": again["recovery_code"]})


@sentence("1.37", "4.DEVICES.2", "4.DEVICES.4", "4.DEVICES.5", "4.DEVICES.6")
def test_devices(tracker, user):
    one, two = (another_device(tracker, user.me) for _ in range(2))
    answer = user.ok("DEVICES")
    assert set(answer) == {"devices"}
    found = {d["key"]: d for d in answer["devices"]}
    assert set(found) == {i.key_id for i in (user.me, one, two)}
    for key, d in found.items():
        assert set(d) == {"key", "created", "seen", "this"}
        assert TIME.fullmatch(d["created"]) and TIME.fullmatch(d["seen"])
        assert d["this"] is (key == user.me.key_id)
    stranger = sign_up(tracker.address, next(names), tracker.pin)
    for bad in ("x", [7], ["x"], [one.key_id.upper()], [one.key_id, stranger.key_id]):
        assert user.refused("DEVICES", {"revoke": bad}) == ("REQUEST_ERROR", "bad-request")
    with Connection(tracker.address, one) as first, Connection(tracker.address, two) as second:
        for _ in range(2):
            left = user.ok("DEVICES", {"revoke": [one.key_id]})["devices"]
            assert {d["key"] for d in left} == {user.me.key_id, two.key_id}
        sent_away(tracker, first, one)
        second.ok("LIST")


@sentence("1.37", "4.NAMES.1", "4.DELETE.1", "4.DELETE.2", "4.DELETE.4", "4.DELETE.5", "4.WHOIS.4")
def test_delete(tracker, user, stranger):
    me, name = user.me, "orphan." + user.me.username
    user.ok("HOST", host_payload(name))
    device = another_device(tracker, me)
    assert user.refused("DELETE", {"password": "wrong horse"}) == ("UNAUTHORIZED", "bad-credentials")
    with Connection(tracker.address, device) as other:
        assert user.ok("DELETE", {"password": "correct horse " + me.username}) == {}
        sent_away(tracker, user, me)
        sent_away(tracker, other, device)
    # Its name is never given again; those of its channels are free.
    request = {"username": me.username, "password": "correct horse " + me.username, "csr": Identity().csr()}
    assert stranger.refused("SIGNUP", request) == ("REQUEST_ERROR", "name-taken")
    assert stranger.refused("SIGNIN", request) == ("UNAUTHORIZED", "bad-credentials")
    someone = sign_up(tracker.address, next(names), tracker.pin)
    with Connection(tracker.address, someone) as c:
        assert c.ok("WHOIS", {"username": me.username}) == {"username": me.username, "exists": False}
        assert find(c, name) is None
        c.ok("HOST", host_payload(name))


@sentence("4.WHOIS.1", "4.WHOIS.2")
def test_whois(user, stranger):
    assert stranger.refused("WHOIS", {"username": user.me.username}) == ("UNAUTHORIZED", "not-signed-in")
    assert user.ok("WHOIS", {"username": user.me.username}) == \
        {"username": user.me.username, "exists": True, "user_type": "REGISTERED"}
    assert user.ok("WHOIS", {"username": "nobody-at-all"}) == {"username": "nobody-at-all", "exists": False}
    assert user.refused("WHOIS", {"username": "No Name"}) == ("REQUEST_ERROR", "invalid-name")


# -- §4: the directory

@sentence("4.HOST.1", "4.HOST.2", "4.HOST.4", "4.CHANNEL.1", "4.UNHOST.1", "4.UNHOST.2", "4.UNHOST.4", "4.LIST.6")
def test_host_and_list(tracker, user, stranger):
    name = "hosted." + user.me.username
    given = ["127.0.0.1:4711", "0.0.0.0:4711", "224.0.0.1:4711", "169.254.1.1:4711", "[::]:4711", "[fe80::1]:4711",
             "[2001:db8::1]:4711", "192.0.2.1:4711"]
    request = host_payload(name, addresses=given, topic="Ünder the Döme", last_seq=7, members=3)
    answer = user.ok("HOST", request)
    assert set(answer) == {"channel_id", "epoch", "lease_seconds", "observed_address"}
    assert (answer["channel_id"], answer["epoch"], answer["lease_seconds"]) == (request["channel_id"], 1, 60)
    ip, port = parse_address(answer["observed_address"])
    assert (ip.replace("::ffff:", ""), port) == ("127.0.0.1", 4711)

    channel = find(stranger, name)
    assert set(channel) == CHANNEL
    since = channel.pop("since")
    assert TIME.fullmatch(since)
    assert channel == {"channel_name": name, "channel_id": request["channel_id"], "owner": user.me.username,
                       "host": user.me.username, "addresses": ["127.0.0.1:4711", "[2001:db8::1]:4711", "192.0.2.1:4711"],
                       "peer_server_ip": "127.0.0.1", "peer_server_port": 4711, "view_permission": "public",
                       "topic": "Ünder the Döme", "members": 3, "last_seq": 7, "epoch": 1, "online": True}

    # HOST by the same key: same epoch, idempotent.
    assert user.ok("HOST", request) == answer
    assert find(stranger, name)["since"] == since

    # The query: a substring of name or topic, ASCII case-blind.
    for query in ("HOSTED." + user.me.username.upper(), "nder the D"):
        assert find(stranger, name) in stranger.ok("LIST", {"query": query})["channels"]
    assert stranger.ok("LIST", {"query": "no such thing at all"})["channels"] == []

    # Restricted channels are listed with topic "" and members 0, and cannot be found by it.
    assert user.ok("VIEW", {"channel_name": name, "view_permission": "restricted"}) == {}
    hidden = find(stranger, name)
    assert (hidden["view_permission"], hidden["topic"], hidden["members"]) == ("restricted", "", 0)
    assert stranger.ok("LIST", {"query": "nder the D"})["channels"] == []
    user.ok("VIEW", {"channel_name": name, "view_permission": "public", "topic": "new"})
    assert find(stranger, name)["topic"] == "new"

    # Offline it stays listed, unless only those online are wanted; forgotten it is gone.
    assert user.ok("UNHOST", {"channel_name": name, "forget": False}) == {}
    assert find(stranger, name)["online"] is False
    assert find(stranger, name, online=True) is None
    user.ok("UNHOST", {"channel_name": name, "forget": True})
    assert find(stranger, name) is None


@sentence("4.LIST.1", "4.LIST.4")
def test_list_pages(user, stranger):
    wanted = sorted(["page-" + c for c in ("a", "a.", "a-", "a_", "a0", "b", "ab", "0", "z" * 27)])
    for name in wanted:
        user.ok("HOST", host_payload(name))
    for limit in (1, 2, 4, 200):
        got, after = [], {}
        while True:
            page = stranger.ok("LIST", {"query": "page-", "limit": limit, **after})
            assert isinstance(page["generation"], int) and len(page["channels"]) <= limit
            got += [c["channel_name"] for c in page["channels"]]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        assert got == wanted, "in byte order of name"
    for bad in (0, 201, -1, 1.5, "9", 2**53):
        assert stranger.refused("LIST", {"limit": bad}) == ("REQUEST_ERROR", "bad-request")
    assert stranger.refused("LIST", {"query": "q" * 65}) == ("REQUEST_ERROR", "bad-request")
    for name in wanted:
        user.ok("UNHOST", {"channel_name": name, "forget": True})


def test_list_fits_frames(user, stranger):
    """A short page is not the end: an answer to a stranger has 8,192 bytes at most, and all is found."""
    wanted = sorted(f"fits-{i}" for i in range(30))
    for i, name in enumerate(wanted):
        user.ok("HOST", host_payload(name, topic="t" * 512))
    got, after, pages = [], {}, 0
    while True:
        frame_id = stranger.start("LIST", {"query": "fits-", **after})
        page = stranger.answer(frame_id).payload
        assert len(frame("OK", frame_id, page)) <= 8192
        got += [c["channel_name"] for c in page["channels"]]
        pages += 1
        if "next" not in page:
            break
        after = {"after": page["next"]}
    assert got == wanted and pages > 1
    for name in wanted:
        user.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("4.NAMES.1", "4.NAMES.2")
def test_names_and_ids(tracker, user):
    """The first HOST binds name, channel_id and owner, until forget."""
    name = "bound." + user.me.username
    request = host_payload(name)
    user.ok("HOST", request)
    other = sign_up(tracker.address, next(names), tracker.pin)
    with Connection(tracker.address, other) as c:
        assert c.refused("HOST", host_payload(name)) == ("REQUEST_ERROR", "channel-exists")
        assert c.refused("HOST", {**request, "channel_name": "other." + other.username}) == \
            ("REQUEST_ERROR", "conflict")
        for command, more in (("VIEW", {"topic": "mine"}), ("UNHOST", {"forget": False})):
            assert c.refused(command, {"channel_name": name, **more}) == ("UNAUTHORIZED", "not-owner")
    assert user.refused("HOST", host_payload(name)) == ("REQUEST_ERROR", "channel-exists")
    assert user.refused("HOST", {**request, "channel_name": name + ".2"}) == ("REQUEST_ERROR", "conflict")
    for command in ("VIEW", "UNHOST"):
        assert user.refused(command, {"channel_name": "no-such", "forget": False}) == \
            ("REQUEST_ERROR", "no-such-channel")
    user.ok("UNHOST", {"channel_name": name, "forget": True})
    with Connection(tracker.address, other) as c:
        c.ok("HOST", host_payload(name))
        c.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("3.GOING_AWAY.4", "4.LEASES.2", "4.LEASES.6", "4.HOST.9", "4.HOST.10")
def test_leases(tracker, user, stranger):
    """By key, not by connection; another key of the owner waits or takes over."""
    name = "lease." + user.me.username
    request = host_payload(name, last_seq=5)
    user.ok("HOST", request)
    me, again = user.me, Connection(tracker.address, user.me)
    assert again.ok("HOST", request)["epoch"] == 1
    # One connection hosts by a key: the newer one.
    assert user.push("GOING_AWAY")["reason"] == "replaced" and user.ended()
    user = again

    device = Identity()
    device.take(stranger.ok("SIGNIN", {"username": me.username, "csr": device.csr(),
                                       "password": "correct horse " + me.username}))
    beat = {"channels": [{"channel_name": name, "epoch": 1, "last_seq": 9, "members": 2}], "revocations_after": 0}
    answer = user.ok("HEARTBEAT", beat)
    assert set(answer) == {"lease_seconds", "lost", "revocations", "more"}
    assert (answer["lease_seconds"], answer["lost"]) == (60, [])
    assert find(stranger, name)["last_seq"] == 9

    with Connection(tracker.address, device) as c:
        held = c.request("HOST", {**request, "last_seq": 9})
        assert (held.header, held.payload["error"]) == ("REQUEST_ERROR", "conflict")
        assert TIME.fullmatch(held.payload["holder_until"])
        stale = c.request("HOST", {**request, "last_seq": 8, "take_over": True})
        assert (stale.header, stale.payload["error"]) == ("REQUEST_ERROR", "stale-epoch")
        assert (stale.payload["epoch"], stale.payload["last_seq"]) == (1, 9)
        assert c.ok("HOST", {**request, "last_seq": 9, "take_over": True})["epoch"] == 2

    # The one that was taken over from hears it with its heartbeat.
    assert user.ok("HEARTBEAT", beat)["lost"] == [{"channel_name": name, "error": "stale-epoch"}]
    lost = user.ok("HEARTBEAT", {"channels": [{**beat["channels"][0], "channel_name": "no-such"}],
                                 "revocations_after": 0})["lost"]
    assert lost == [{"channel_name": "no-such", "error": "no-such-channel"}]
    user.ok("UNHOST", {"channel_name": name, "forget": True})
    user.close()


@sentence("4.HOST.9", "4.HOST.10", "4.HOST.11", "4.HEARTBEAT.4b")
def test_instances(tracker, user):
    """One process hosts by a key; one whose place was taken has lost it, however new its connection is."""
    name = "instance." + user.me.username
    a, b, c = (str(uuid.uuid4()) for _ in range(3))
    request = host_payload(name)

    def host(connection, instance):
        return connection.request("HOST", {**request, "instance": instance})

    def beat(connection, instance):
        return connection.ok("HEARTBEAT", {"channels": [{"channel_name": name, "epoch": 1, "last_seq": 1, "members": 1}],
                                           "revocations_after": 0, "instance": instance})

    def is_sent_away(connection):
        return connection.push("GOING_AWAY")["reason"] == "replaced" and connection.ended()

    for bad in ("", "x", "A" + a[1:], a[1:], a + "0", 7):
        refused = host(user, bad)
        assert (refused.payload["error"], refused.payload["field"]) == ("bad-request", "instance"), bad
    with Connection(tracker.address, user.me) as first, Connection(tracker.address, user.me) as second:
        assert host(second, b).header == "OK"
        assert host(first, a).header == "OK"  # the process that came last, over the connection that is older
        assert is_sent_away(second)
        assert beat(first, a)["lost"] == []
        for command in (host, lambda x, i: x.request("HEARTBEAT", {
                "channels": [{"channel_name": name, "epoch": 1, "last_seq": 1, "members": 1}],
                "revocations_after": 0, "instance": i})):
            with Connection(tracker.address, user.me) as third:
                assert third.ok("HEARTBEAT", {"channels": [], "revocations_after": 0, "instance": b})
                refused = command(third, b)
                assert (refused.header, refused.payload["error"]) == ("REQUEST_ERROR", "conflict")
                assert "holder_until" not in refused.payload
                assert is_sent_away(third)
        # Its own connection again, which the network has cut: the older one is not waited for.
        with Connection(tracker.address, user.me) as fourth:
            assert beat(fourth, a)["lost"] == []
            assert is_sent_away(first)
            # Who is refused for another reason takes no place.
            with Connection(tracker.address, user.me) as fifth:
                stale = fifth.request("HOST", {**request, "last_seq": 0, "instance": c})
                assert stale.payload["error"] == "stale-epoch"
                assert beat(fourth, a)["lost"] == []
            fourth.ok("UNHOST", {"channel_name": name, "forget": True})
    user.ok("LIST", {})


@sentence("4.WATCH.1", "4.WATCH.2", "4.WATCH.3", "4.WATCH.6a")
def test_watch(tracker, user, stranger):
    name = "watched." + user.me.username
    assert set(stranger.ok("WATCH")) == {"generation", "reset"}

    def told(which=lambda p: True):
        return stranger.push("CHANNELS", which)

    def of(payload):
        return next((c for c in payload["changed"] if c["channel_name"] == name), None)

    begin = time.monotonic()
    user.ok("HOST", host_payload(name))
    push = told(of)
    assert time.monotonic() - begin < 2.5, "within 1 s"
    assert set(push) >= {"generation", "changed", "removed"} and set(of(push)) == CHANNEL and of(push)["online"]
    first = push["generation"]
    user.ok("VIEW", {"channel_name": name, "topic": "changed"})
    assert of(told(of))["topic"] == "changed"
    user.ok("UNHOST", {"channel_name": name, "forget": False})
    assert of(told(of))["online"] is False

    # What changed since a generation follows; one that the tracker does not know: reset.
    with Connection(tracker.address, pin=tracker.pin) as c:
        assert c.ok("WATCH", {"generation": first}) == {"generation": first, "reset": False}
        since = c.push("CHANNELS", of)["generation"]
        assert since > first
        assert c.ok("WATCH", {"generation": since})["generation"] == since
        present = c.ok("WATCH", {"generation": since + 1000})
        assert present == {"generation": c.ok("WATCH")["generation"], "reset": True}

    user.ok("UNHOST", {"channel_name": name, "forget": True})
    assert name in told(lambda p: p["removed"])["removed"]

    stranger.ok("WATCH", {"on": False})
    user.ok("HOST", host_payload(name))
    with Connection(tracker.address, pin=tracker.pin) as c:  # who still watches has been told by now
        c.ok("WATCH", {"generation": push["generation"]})
        c.push("CHANNELS", of)
    stranger.ok("LIST", {"limit": 1})
    assert not stranger.pushes
    user.ok("UNHOST", {"channel_name": name, "forget": True})


@sentence("3.GOING_AWAY.1", "3.GOING_AWAY.2", "3.GOING_AWAY.4", "4.LEASES.1")
def test_lapse_and_going_away(world):
    """A lease that nobody renews lapses; a planned end is announced; the same CA comes back."""
    world.configure_tracker(FAST + "LeaseSeconds=3\n")
    tracker = world.start_tracker()
    with Connection(tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    me = sign_up(tracker.address, "ann", pin)
    with Connection(tracker.address, me) as c:
        request = host_payload("short", last_seq=4)
        assert c.ok("HOST", request)["lease_seconds"] == 3
        c.ok("WATCH")
        begin = time.monotonic()
        gone = c.push("CHANNELS", lambda p: p["changed"] and not p["changed"][0]["online"])
        assert gone["changed"][0]["channel_name"] == "short"
        assert time.monotonic() - begin > 2
        # Renewed too late it is simply taken again, by the same key.
        assert c.ok("HOST", request)["epoch"] == 1

        tracker.process.ask()
        away = c.push("GOING_AWAY")
        assert set(away) == {"reason", "resume_in_ms"} and away["resume_in_ms"] >= 0
        assert away["reason"] == "stopping"
        assert c.ended()
    assert tracker.stop() == 0
    tracker.start()
    with Connection(tracker.address, me) as c:  # certificate, account and channel are as they were
        kept = find(c, "short")
        assert (kept["channel_id"], kept["last_seq"], kept["owner"]) == (request["channel_id"], 4, "ann")
        stale = c.request("HOST", {**request, "last_seq": 3})
        assert (stale.payload["error"], stale.payload["last_seq"]) == ("stale-epoch", 4)
    wait_for(tracker.process.alive, "the tracker to be there")
