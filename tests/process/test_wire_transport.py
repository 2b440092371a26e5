# SPDX-License-Identifier: LGPL-2.1-or-later
"""§1 of the protocol page at a real tracker and a real host: what is offered below frames, who is believed,
and what a tracker's certificates are."""
import datetime
import hashlib
import ipaddress
import os
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from conformance import sentence
from outsider import (DEADLINE, Connection, Identity, alert, key_id, key_pem, parse_address, pem, sign_in_guest, spki,
                      tls_context, tracker_id_of)
from wirestage import BAD_REQUEST, HostSide, Stage, TrackerSide, error_of

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@pytest.fixture(scope="module")
def sides(stage):
    return {"tracker": TrackerSide(stage), "host": HostSide(stage)}


@pytest.fixture(params=("tracker", "host"))
def side(request, sides):
    s = sides[request.param]
    yield s
    assert s.stage.tracker.process.alive() and s.stage.alice.is_up()


# -- below TLS

def client_hello(**how):
    """What Python would say first."""
    context = tls_context(**{k: v for k, v in how.items() if k == "alpn"})
    if "maximum" in how:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = how["maximum"]
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def answer_to(address, data):
    """→ all that comes before the end."""
    with socket.create_connection(parse_address(address), timeout=DEADLINE) as s:
        s.sendall(data)
        got = b""
        while some := s.recv(4096):
            got += some
        return got


def records(data):
    """→ [(type, content)]."""
    found = []
    while data:
        n = int.from_bytes(data[3:5], "big")
        found.append((data[0], data[5:5 + n]))
        assert len(data) >= 5 + n, "a whole record"
        data = data[5 + n:]
    return found


@sentence("1.3", "1.4", "1.6", "1.7")
@pytest.mark.parametrize("what,hello,code", (
    ("tls-1.2", {"maximum": ssl.TLSVersion.TLSv1_2}, 70), ("no-alpn", {"alpn": None}, 120),
    ("http", {"alpn": "http/1.1"}, 120), ("version-2", {"alpn": "p2pchat/2"}, 120),
    ("prefix", {"alpn": "p2pchat"}, 120), ("upper-case", {"alpn": "P2PCHAT/1"}, 120)))
def test_fault_below_tls(side, what, hello, code):
    """One fatal alert, in the clear, that says what is wrong; a close; no frame."""
    assert records(answer_to(side.address, client_hello(**hello))) == [(21, bytes((2, code)))]


@sentence("1.4")
def test_alpn_among_others(side):
    """Of several protocols that are offered ours is chosen."""
    identity = side.stage.person("visitor")
    context = tls_context(identity)
    context.set_alpn_protocols(["http/1.1", "p2pchat/2", "p2pchat/1", "h2"])
    with Connection(side.address, identity, context=context, check=False) as c:
        assert c.tls.selected_alpn_protocol() == "p2pchat/1" and c.tls.version() == "TLSv1.3"


@sentence("1.3")
def test_tls_1_3_of_both(side):
    """Who offers 1.2 too gets 1.3."""
    identity = side.stage.person("visitor")
    context = tls_context(identity)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with Connection(side.address, identity, context=context, check=False) as c:
        assert c.tls.version() == "TLSv1.3"


@sentence("1.5")
def test_no_tickets(side):
    """Nothing to resume from, and so nothing to send early: each handshake proves the key."""
    identity = side.stage.person("visitor")
    context = tls_context(identity)
    with Connection(side.address, identity, context=context, check=False) as c:
        side_probe(c, side)
        session = c.tls.session
        assert not session.has_ticket and not c.tls.session_reused
    with socket.create_connection(parse_address(side.address), timeout=DEADLINE) as raw, \
            context.wrap_socket(raw, session=session) as tls:
        assert not tls.session_reused


def side_probe(c, side):
    c.send(side.probe[0], "probe", side.probe[1])
    assert c.answer("probe").header == "OK"


# -- who is believed

def altered(certificate):
    """The same with one bit of its signature turned."""
    der = bytearray(certificate.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_certificate(bytes(der))


def builder(ca, key, san, **how):
    now = datetime.datetime.utcnow()
    usage = how.get("usage", [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    b = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(how.get("issuer", ca.ca.subject))
         .public_key(key.public_key()).serial_number(x509.random_serial_number())
         .not_valid_before(now - DAY).not_valid_after(now + DAY))
    if how.get("constraints", True):
        b = b.add_extension(x509.BasicConstraints(False, None), True)
    if usage:
        b = b.add_extension(x509.ExtendedKeyUsage(usage), False)
    return b.add_extension(x509.SubjectAlternativeName([san]), True)


def uri(text):
    return x509.UniformResourceIdentifier(text)


def wrong_identities(ca):
    """name → an Identity that is wrong in one way; beside badinput.bad_identities()."""
    mallory = uri(ca.uri("user/mallory"))

    def signed(san=mallory, key=None, signer=None, hash_=None, **how):
        i = Identity(ca=ca.ca)
        i.key = key or i.key
        i.certificate = builder(ca, i.key, san, **how).sign(signer or ca.key, hash_)
        return i

    def unknown_critical():
        i = Identity(ca=ca.ca)
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
        i.certificate = builder(ca, i.key, mallory).add_extension(extension, True).sign(ca.key, None)
        return i

    def self_signed():
        i = Identity(ca=ca.ca)
        i.certificate = builder(ca, i.key, mallory, issuer=x509.Name([])).sign(i.key, None)
        return i

    def forged():
        i = signed()
        i.certificate = altered(i.certificate)
        return i

    def user_signs():
        """A certificate that a right user signed with her own key."""
        middle = ca.identity("user/mallory")
        i = Identity(ca=ca.ca)
        i.certificate = builder(ca, i.key, mallory, issuer=middle.certificate.subject).sign(middle.key, None)
        return i

    tracker_id = tracker_id_of(ca.ca)
    return {
        "p-256": signed(key=ec.generate_private_key(ec.SECP256R1())),
        "rsa": signed(key=rsa.generate_private_key(65537, 2048)),
        "ed448": signed(key=ed448.Ed448PrivateKey.generate()),
        "server-only": signed(usage=[ExtendedKeyUsageOID.SERVER_AUTH]),
        "client-only": signed(usage=[ExtendedKeyUsageOID.CLIENT_AUTH]),
        "any-usage": signed(usage=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
        "no-usage": signed(usage=None),
        "no-constraints": signed(constraints=False),
        "email-san": signed(san=x509.RFC822Name("mallory@example.org")),
        "ip-san": signed(san=x509.IPAddress(ipaddress.ip_address("127.0.0.1"))),
        "directory-san": signed(san=x509.DirectoryName(x509.Name([
            x509.NameAttribute(x509.NameOID.COMMON_NAME, str(mallory.value))]))),
        "empty-name": signed(san=uri(ca.uri("user/"))),
        "short-name": signed(san=uri(ca.uri("user/m"))),
        "no-name": signed(san=uri(f"p2pchat://{tracker_id}")),
        "other-kind": signed(san=uri(ca.uri("admin/mallory"))),
        "upper-case-kind": signed(san=uri(ca.uri("User/mallory"))),
        "upper-case-id": signed(san=uri(f"p2pchat://{tracker_id.upper()}/user/mallory")),
        "short-id": signed(san=uri(f"p2pchat://{tracker_id[:-1]}/user/mallory")),
        "long-id": signed(san=uri(f"p2pchat://{key_id(ca.ca.public_key())}/user/mallory")),
        "query": signed(san=uri(ca.uri("user/mallory?x"))),
        "fragment": signed(san=uri(ca.uri("user/mallory#x"))),
        "port": signed(san=uri(f"p2pchat://{tracker_id}:1/user/mallory")),
        "dot-dot": signed(san=uri(ca.uri("user/x/../mallory"))),
        "space": signed(san=uri(ca.uri("user/mallory "))),
        "nul": signed(san=uri(ca.uri("user/mallory\0"))),
        "guest-twice": signed(san=uri(ca.uri("guest/guest-guest-x"))),
        "tracker-name": signed(san=uri(ca.uri("tracker/mallory"))),
        "unknown-critical": unknown_critical(),
        "self-signed": self_signed(),
        "signature-altered": forged(),
        "user-signs": user_signs(),
        "other-issuer": signed(issuer=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other")])),
    }


@sentence("1.6", "1.7", "1.24")
def test_wrong_certificates(side):
    """Each is refused with an alert, before a byte of application data from us was looked at."""
    for what, identity in wrong_identities(side.stage.authority()).items():
        try:
            said = alert(side.address, identity)
        except AssertionError as e:
            raise AssertionError(what) from e
        assert said == "bad certificate", what
    right = side.stage.authority()
    i = Identity(ca=right.ca)
    i.certificate = builder(right, i.key, uri(right.uri("user/mallory"))).sign(right.key, None)
    with Connection(side.address, i, check=False) as c:  # the table's own way of making them is no fault
        side_probe(c, side)


@sentence("1.24")
def test_between_leaf_and_ca(side):
    """Nothing stands between a leaf and the CA, were it signed by the CA itself."""
    ca = side.stage.authority()
    middle = Identity()
    middle.certificate = ca.sign(middle.key, [], is_ca=True)
    i = Identity(ca=ca.ca)
    i.certificate = builder(ca, i.key, uri(ca.uri("user/mallory")), issuer=middle.certificate.subject) \
        .sign(middle.key, None)
    context = tls_context(i)
    for chain in ([i.certificate, middle.certificate], [i.certificate, middle.certificate, ca.ca]):
        path = os.path.join(side.stage.world.directory, "chain.pem")
        with open(path, "w", encoding="ascii") as f:
            f.write(key_pem(i.key) + "".join(map(pem, chain)))
        context.load_cert_chain(path)
        assert alert(side.address, context=context) == "bad certificate"


@sentence("1.7", "1.24")
def test_ended_certificate(side):
    """A certificate is good between its two times, not a second longer."""
    ca, second = side.stage.authority(), 1 / 86400
    for begin, end in ((-2, -2 * second), (60 * second, 1)):
        assert alert(side.address, ca.identity("user/mallory", begin=begin, end=end)) == "certificate expired"
    with Connection(side.address, ca.identity("user/mallory", begin=-2 * second, end=60 * second), check=False) as c:
        side_probe(c, side)


@sentence("1.27")
def test_host_shows_itself(stage, sides):
    """Mutual TLS: a host's own certificate is one of a user, and names it."""
    with stage.dial(sides["host"].address, "visitor") as c:
        (san,) = c.chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert san.value == f"p2pchat://{stage.pin[7:39]}/user/alice"


# -- the tracker's own

@sentence("1.11")
def test_tracker_id_and_pin(stage):
    with stage.stranger() as c:
        _, ca = c.chain
    digest = hashlib.sha256(spki(ca.public_key())).digest()
    assert stage.pin == "sha256:" + digest.hex()
    assert tracker_id_of(ca) == digest[:16].hex()
    (san,) = c.chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.value == f"p2pchat://{digest[:16].hex()}/tracker"


@sentence("1.10")
def test_authority(stage):
    """Ed25519, CA:TRUE, pathlen 7, keyCertSign and nothing else; its key in a file of its own, 0600."""
    with stage.stranger() as c:
        _, ca = c.chain
    ca.public_key().verify(ca.signature, ca.tbs_certificate_bytes)
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and constraints.value.ca and constraints.value.path_length == 7
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.key_cert_sign
    assert not (usage.value.digital_signature or usage.value.crl_sign or usage.value.key_encipherment)
    assert ca.not_valid_before <= datetime.datetime.utcnow() and ca.not_valid_after.year == 9999
    assert os.stat(stage.tracker.state + "/ca.key").st_mode & 0o7777 == 0o600


@sentence("1.13", "1.15")
def test_tracker_leaf(stage):
    """serverAuth alone, CA:FALSE, 90 days; the key is not the CA's; sent together with the CA."""
    with stage.stranger() as c:
        leaf, ca = c.chain
    assert key_id(leaf.public_key()) != key_id(ca.public_key())
    now = datetime.datetime.utcnow()
    assert abs(leaf.not_valid_after - now - 90 * DAY) < datetime.timedelta(minutes=2)
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


@sentence("1.14", "1.19")
def test_reissued_at_start(world):
    """Another leaf after each start, of the same CA, byte for byte; every certificate stays good, as long as the
    settings said."""
    alone = Stage(world, "[Tracker]\nCertificateDays=3\n")
    me = alone.person("stays")
    assert abs(me.certificate.not_valid_after - datetime.datetime.utcnow() - 3 * DAY) < datetime.timedelta(minutes=1)
    with alone.stranger() as c:
        before = c.chain
    alone.tracker.restart()
    with alone.stranger() as c:
        assert c.chain[1] == before[1] and c.chain[0].serial_number != before[0].serial_number
        assert key_id(c.chain[0].public_key()) != key_id(before[1].public_key())
    with alone.signed_in(me) as c:
        c.ok("WHOIS", {"username": "stays"})


# -- devices

def grant_for(stage, command, csr):
    """→ Frame: the command of that name, given for a new or known person."""
    with stage.stranger() as c:
        if command == "SIGNUP":
            return c.request(command, {"username": stage.new_name(), "password": "correct horse", "csr": csr})
        if command == "SIGNIN":
            stage.person("signer")
            return c.request(command, {"username": "signer", "password": "correct horse signer", "csr": csr})
        if command == "GUEST":
            return c.request(command, {"username": stage.new_name("g"), "csr": csr})
        if command == "RECOVER":
            name, me = stage.new_name(), Identity()
            code = c.ok("SIGNUP", {"username": name, "password": "correct horse", "csr": me.csr()})["recovery_code"]
            return c.request(command, {"username": name, "recovery_code": code, "new_password": "battery staple",
                                       "csr": csr})
        return c.request(command, {"csr": csr})


GRANTS = ("SIGNUP", "SIGNIN", "GUEST", "RECOVER")


@sentence("1.17")
@pytest.mark.parametrize("command", (*GRANTS, "RENEW"))
def test_signing_requests(stage, command):
    """PKCS#10 in PEM of an Ed25519 key that signed it, at most 4 KiB; anything else names csr."""
    me, other = Identity(), Identity()
    begin = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    good = begin.sign(me.key, None)
    der = bytearray(good.public_bytes(serialization.Encoding.DER))
    forged = bytearray(der)
    forged[-1] ^= 1
    swapped = bytes(der).replace(spki(me.key.public_key()), spki(other.key.public_key()))
    for what, csr in {
            "signature": pem(x509.load_der_x509_csr(bytes(forged))),
            "other's key": pem(x509.load_der_x509_csr(swapped)),
            "p-256": pem(begin.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())),
            "rsa": pem(begin.sign(rsa.generate_private_key(65537, 2048), hashes.SHA256())),
            "ed448": pem(begin.sign(ed448.Ed448PrivateKey.generate(), None)),
            "certificate": pem(stage.person("signer").certificate), "key": key_pem(me.key), "empty": "",
            "words": "words", "cut": pem(good)[:-30], "4097": pem(good).ljust(4097, "\n"), 
            "no-pem": good.signature.hex(),
            "header-only": "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"}.items():
        f = grant_for(stage, command, csr)
        assert error_of(f) == BAD_REQUEST and f.payload["field"] == "csr", (what, f)


@sentence("1.17", "1.18", "1.19", "4.SIGNUP.5")
@pytest.mark.parametrize("command", GRANTS)
def test_device_certificate(stage, command):
    """One SAN, both usages, CA:FALSE, notBefore − 10 min, 7 days or 24 hours; what the request asks for
    beyond its key is ignored, and 4,096 bytes are not too many."""
    me = Identity()
    asked = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alice"),
                   x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "o" * 64)]))
    sans = [uri(stage.authority().uri(path)) for path in ("user/alice", "tracker")]
    for extension in (x509.SubjectAlternativeName(sans),
                      x509.BasicConstraints(True, None), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])):
        asked = asked.add_extension(extension, False)
    f = grant_for(stage, command, pem(asked.sign(me.key, None)).ljust(4096, "\n"))
    assert f.header == "OK", f
    now = datetime.datetime.utcnow()
    grant = me.take(f.payload)
    assert set(grant) == {"username", "user_type", "certificate", "ca", "expires"} | \
        ({"recovery_code"} if command in ("SIGNUP", "RECOVER") else set())
    assert (grant["user_type"] == "GUEST") == (command == "GUEST")
    got = me.certificate
    assert got.subject == x509.Name([])
    assert abs(now - got.not_valid_before - datetime.timedelta(minutes=10)) < datetime.timedelta(minutes=1)
    lifetime = DAY if command == "GUEST" else 7 * DAY
    assert abs(got.not_valid_after - now - lifetime) < datetime.timedelta(minutes=1)
    assert not got.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert len(got.extensions.get_extension_for_class(x509.SubjectAlternativeName).value) == 1
    with stage.signed_in(me) as c:
        c.ok("LIST")


def test_serials(stage):
    """No two certificates have one serial number, those of one key neither."""
    me = Identity()
    serials = set()
    with stage.stranger() as c:
        me.take(c.ok("SIGNUP", {"username": stage.new_name(), "password": "correct horse", "csr": me.csr()}))
        serials.add(me.certificate.serial_number)
        for _ in range(10):
            me.take(c.ok("RENEW", {"csr": me.csr()}))
            serials.add(me.certificate.serial_number)
    assert len(serials) == 11 and min(serials).bit_length() > 64


@sentence("1.16", "4.3", "2.59")
def test_one_key_one_identity(stage):
    """One key per tracker and identity: a key that is somebody's is nobody else's, and a revoked one nobody's
    any more."""
    me, gone = stage.person("one-key"), stage.person("one-key-gone")
    stage.person("signer")
    guest = sign_in_guest(stage.tracker.address, "one-key-too", stage.pin)
    with stage.signed_in(gone) as c:
        c.ok("SIGNOUT")
    for command in GRANTS:
        for taken in (me, guest):
            assert error_of(grant_for(stage, command, taken.csr())) == ("REQUEST_ERROR", "conflict"), command
        assert error_of(grant_for(stage, command, gone.csr())) == ("UNAUTHORIZED", "revoked"), command
    with stage.signed_in(me) as c:  # who had it keeps it
        assert c.ok("WHOIS", {"username": "one-key"})["exists"]
        me.take(c.ok("RENEW", {"csr": me.csr()}))


@sentence("1.33", "1.35", "2.34")
def test_signed_in_iff_certificate(stage):
    """The handshake decides, not what is said later: a connection that was none stays none."""
    me = Identity()
    with stage.stranger() as c:
        me.take(c.ok("SIGNUP", {"username": stage.new_name(), "password": "correct horse", "csr": me.csr()}))
        for command, payload in (("WHOIS", {"username": "alice"}), ("SIGNOUT", {}), ("DEVICES", {})):
            assert error_of(c.request(command, payload)) == ("UNAUTHORIZED", "not-signed-in"), command
    with stage.signed_in(me) as c:
        c.ok("WHOIS", {"username": "alice"})
        # Renewed, the connection goes on, with the old certificate; a new one shows the new one.
        me.take(c.ok("RENEW", {"csr": me.csr()}))
        c.ok("WHOIS", {"username": "alice"})
    with stage.signed_in(me) as c:
        c.ok("WHOIS", {"username": "alice"})


@sentence("1.7", "1.36", "1.38", "2.37")
def test_revoked_in_the_handshake(stage):
    """A key that signed out is refused by name, whichever of its certificates it shows."""
    me = stage.person(stage.new_name())
    older = Identity(me.certificate, me.ca)
    older.key = me.key
    with stage.signed_in(me) as c, stage.signed_in(me) as idle:
        me.take(c.ok("RENEW", {"csr": me.csr()}))
        assert c.ok("SIGNOUT") == {}
        for connection in (c, idle):
            assert connection.push("GOING_AWAY")["reason"] == "revoked" and connection.ended()
    for identity in (me, older, stage.authority().identity("user/" + me.username)):
        if identity in (me, older):
            assert alert(stage.tracker.address, identity) == "certificate revoked"
        else:  # of keys, not of names
            with stage.signed_in(identity) as c:
                c.ok("LIST")
    with stage.stranger() as c:
        assert error_of(c.request("RENEW", {"csr": me.csr()})) == ("UNAUTHORIZED", "revoked")


@sentence("1.7", "1.27")
def test_no_certificate_at_all(stage, sides):
    """A tracker lets strangers in, a host nobody."""
    with stage.stranger() as c:
        c.ok("LIST")
    assert alert(sides["host"].address) == "certificate required"
