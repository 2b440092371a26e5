# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys and certificates of the outsider (outsider.py, which gives all of them on), right ones and wrong
ones."""
import datetime
import hashlib
import re
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

ALPN = "p2pchat/1"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def spki(public_key):
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(public_key):
    return hashlib.sha256(spki(public_key)).hexdigest()


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def pin_of(ca):
    return "sha256:" + key_id(ca.public_key())


def tracker_id_of(ca):
    return key_id(ca.public_key())[:32]


def check_leaf(leaf, ca, path, tracker_id=None):
    """§1: what every certificate must be. path: "tracker", "user/NAME", "guest/NAME"."""
    now = datetime.datetime.utcnow()
    assert isinstance(leaf.public_key(), Ed25519PublicKey)
    ca.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes)
    assert leaf.not_valid_before <= now < leaf.not_valid_after
    (san,) = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert isinstance(san, x509.UniformResourceIdentifier)
    assert san.value == f"p2pchat://{tracker_id or tracker_id_of(ca)}/{path}"
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    wanted = {ExtendedKeyUsageOID.SERVER_AUTH}
    if path != "tracker":
        wanted.add(ExtendedKeyUsageOID.CLIENT_AUTH)
    assert usage == wanted


def check_ca(ca):
    assert isinstance(ca.public_key(), Ed25519PublicKey)
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert ca.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    return constraints.path_length


def check_chain(chain):
    """§1 "Rotation": the present authority first → the tracker-id."""
    assert 1 <= len(chain) <= 8
    assert len({key_id(ca.public_key()) for ca in chain}) == len(chain)
    for above, (ca, signer) in enumerate(zip(chain, chain[1:] + chain[-1:])):
        assert check_ca(ca) >= above
        assert ca.issuer == signer.subject
        signer.public_key().verify(ca.signature, ca.tbs_certificate_bytes)
    return tracker_id_of(chain[-1])


def load_chain(text):
    assert len(text) <= 6144
    chain = [x509.load_pem_x509_certificate((part + "-----END CERTIFICATE-----\n").encode())
             for part in text.split("-----END CERTIFICATE-----")[:-1]]
    assert not text.split("-----END CERTIFICATE-----")[-1].strip()
    return chain


class Identity:
    """An Ed25519 key and, once a tracker gave one, its certificate."""

    def __init__(self, certificate=None, ca=None):
        self.key = Ed25519PrivateKey.generate()
        self.certificate = certificate
        self.ca = ca
        self.chain = [ca] if ca else []
        self.username = self.recovery_code = None

    @property
    def key_id(self):
        return key_id(self.key.public_key())

    def csr(self, key=None):
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return pem(builder.sign(key or self.key, None))

    def take(self, grant):
        """Keeps what SIGNUP, SIGNIN, GUEST or RENEW gave, having looked at it → the grant."""
        self.chain = load_chain(grant["ca"])
        self.ca = self.chain[0]
        self.certificate = x509.load_pem_x509_certificate(grant["certificate"].encode())
        self.username = grant.get("username", self.username)
        kind = "guest" if self.username.startswith("guest-") else "user"
        check_leaf(self.certificate, self.ca, f"{kind}/{self.username}", check_chain(self.chain))
        assert key_id(self.certificate.public_key()) == self.key_id
        assert TIME.fullmatch(grant["expires"])
        self.recovery_code = grant.get("recovery_code", self.recovery_code)
        return grant


class Authority:
    """Signs whatever it is asked to: the tracker's own CA (its key read from disk) or a new one."""

    def __init__(self, directory=None):
        self.ca = None
        if directory:
            with open(directory + "/ca.key", "rb") as f:
                self.key = serialization.load_pem_private_key(f.read(), None)
            with open(directory + "/ca.pem", "rb") as f:
                self.ca = x509.load_pem_x509_certificate(f.read())
        else:
            self.key = Ed25519PrivateKey.generate()
            self.ca = self.sign(self.key, [], is_ca=True)

    def uri(self, path):
        return f"p2pchat://{tracker_id_of(self.ca)}/{path}"

    def sign(self, key, sans, is_ca=False, begin=-1, end=1, usage=None):
        """sans: URIs, or x509.GeneralNames. begin, end: days from now."""
        now = datetime.datetime.utcnow()
        usage = usage or [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        issuer = self.ca.subject if self.ca else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "outsider")])
        builder = (x509.CertificateBuilder().subject_name(x509.Name([]) if self.ca else issuer).issuer_name(issuer)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=begin))
                   .not_valid_after(now + datetime.timedelta(days=end))
                   .add_extension(x509.BasicConstraints(is_ca, 0 if is_ca else None), True)
                   .add_extension(x509.KeyUsage(not is_ca, False, False, False, False, is_ca, False, False, False),
                                  True))
        if not is_ca or sans:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), False)
        if sans:
            names = [s if isinstance(s, x509.GeneralName) else x509.UniformResourceIdentifier(s) for s in sans]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), True)
        return builder.sign(self.key, None)

    def identity(self, *paths, **how):
        """An identity with a certificate for these paths ("user/NAME"), wrong in the way asked for."""
        i = Identity(ca=self.ca)
        i.certificate = self.sign(i.key, [self.uri(p) for p in paths], **how)
        i.username = paths[0].rpartition("/")[2]
        return i


def tls_context(identity=None, server=False, alpn=ALPN):
    """TLS 1.3 with our certificate; whose the other's is, is looked at after the handshake, since
    Python knows no pin. A server asks for a certificate by naming its CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if server:
        context.num_tickets = 0
    if alpn:
        context.set_alpn_protocols([alpn])
    if identity:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as f:
            chain = [identity.certificate] + ([identity.ca] if server and identity.ca else [])
            f.write(key_pem(identity.key) + "".join(map(pem, chain)))
            f.flush()
            context.load_cert_chain(f.name)
    return context
