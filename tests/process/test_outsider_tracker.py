# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tracker as a client sees it that was written from the protocol page alone: §1 to §4, sentence by
sentence."""
import datetime
import os
import subprocess
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from conformance import sentence
from outsider import TIME, Connection, Identity, alert, frame, pem, pin_of, sign_in_guest, sign_up, tracker_id_of
from trackerstage import find, host_payload, names, stranger, tracker, user

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
        gone = c.ok("WHOIS", {"username": me.username})
        assert gone["exists"] is False and me.username not in gone.get("near", [])
        assert find(c, name) is None
        c.ok("HOST", host_payload(name))


@sentence("4.WHOIS.1", "4.WHOIS.2")
def test_whois(user, stranger):
    assert stranger.refused("WHOIS", {"username": user.me.username}) == ("UNAUTHORIZED", "not-signed-in")
    assert user.ok("WHOIS", {"username": user.me.username}) == \
        {"username": user.me.username, "exists": True, "user_type": "REGISTERED"}
    assert user.ok("WHOIS", {"username": "nobody-at-all"}) == {"username": "nobody-at-all", "exists": False}
    assert user.refused("WHOIS", {"username": "No Name"}) == ("REQUEST_ERROR", "invalid-name")


@sentence("4.WHOIS.2", "4.WHOIS.5", "4.WHOIS.6", "4.WHOIS.7")
def test_whois_names_the_near(tracker, user):
    def near(name, c=user):
        answer = c.ok("WHOIS", {"username": name})
        assert answer["username"] == name and answer["exists"] is False and "user_type" not in answer
        assert answer.get("near") != [], "absent where there are none"
        return answer.get("near", [])
    for name in ("quentin", "quintin", "quentine", "quantine", "zz"):
        sign_up(tracker.address, name, tracker.pin)
    guest = sign_in_guest(tracker.address, "quentiy", tracker.pin)
    with Connection(tracker.address, sign_up(tracker.address, "quentinxx", tracker.pin)) as c:
        assert near("quentix") == ["quentin", "quentine", "quentinxx"], "nearest first, then byte order, no fourth"
        c.ok("DELETE", {"password": "correct horse quentinxx"})
    with Connection(tracker.address, sign_up(tracker.address, "quentixx", tracker.pin)) as c:
        assert near("quentix")[:2] == ["quentin", "quentixx"]
        c.ok("DELETE", {"password": "correct horse quentixx"})
    assert near("quentix") == ["quentin", "quentine", "quintin"], "the deleted ones are not among them"
    assert near("uqentin") == ["quentin", "quentine", "quintin"], "two that were swapped are one step"
    assert near("qentni") == ["quentin"]
    assert near("z0") == ["zz"]
    assert near("qq") == [], "two steps away from zz, and nothing in common"
    assert near("guest-quentix") == near("guest-quentiyy") == [], "guests are not told"
    with Connection(tracker.address, guest) as c:
        assert near("quentix", c) == [], "nor are they told"
        assert c.ok("WHOIS", {"username": "quentin"})["exists"] is True
