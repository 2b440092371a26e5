# SPDX-License-Identifier: LGPL-2.1-or-later
"""A rotated authority as a client sees it that was written from the protocol page alone, and the operator's
procedure with credentials."""
import os
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance import sentence
from outsider import Connection, pin_of, sign_up, tracker_id_of
from outsider_identity import key_pem
from p2pchat import Tracker


@pytest.fixture
def tracker(tmp_path):
    t = Tracker(str(tmp_path))
    t.pin = print_pin(t).stdout.strip()
    yield t
    t.stop()


def print_pin(tracker, credentials=None):
    env = {k: v for k, v in os.environ.items() if k != "CREDENTIALS_DIRECTORY"}
    if credentials:
        env["CREDENTIALS_DIRECTORY"] = str(credentials)
    return subprocess.run([os.environ["P2PCHAT_TRACKERD"], "--print-pin", "--state-directory=" + tracker.state],
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def rotate(tracker, credentials):
    """The procedure of p2pchat-trackerd(8); then the key is moved where the tracker has it without credentials."""
    tracker.stop()
    credentials.mkdir(exist_ok=True)
    shutil.copy(tracker.state + "/ca.key", credentials / "ca.previous.key")
    (credentials / "ca.key").write_text(key_pem(Ed25519PrivateKey.generate()))
    printed = print_pin(tracker, credentials)
    assert printed.returncode == 0, printed.stderr
    shutil.copy(credentials / "ca.key", tracker.state + "/ca.key")
    os.chmod(tracker.state + "/ca.key", 0o600)
    tracker.start()
    assert printed.stdout.strip() != tracker.pin
    return printed.stdout.strip()


@sentence("1.15", "1.15a", "1.15b", "1.15c", "1.15f", "4.SIGNUP.5")
def test_a_client_of_before_and_of_after(tracker, tmp_path):
    old = sign_up(tracker.address, "alice", tracker.pin)
    old_ca, pins = old.ca, [tracker.pin]
    for n in (2, 3):
        pins.append(rotate(tracker, tmp_path / "credentials"))
        for pin in pins:  # any of them finds the way, the present one is shown first
            with Connection(tracker.address, pin=pin) as c:
                assert [pin_of(ca) for ca in c.chain[1:]] == pins[::-1]
                lengths = [ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
                           for ca in c.chain[1:]]
                assert lengths == list(range(8 - n, 8))
    # What the first authority signed still counts, and is followed by what the third one signs.
    with Connection(tracker.address, old, pin=pins[-1]) as c:
        old.take(c.ok("RENEW", {"csr": old.csr()}))
    assert [pin_of(ca) for ca in old.chain] == pins[::-1]
    assert old.certificate.issuer == old.ca.subject != old_ca.subject
    new = sign_up(tracker.address, "robert", pins[0])
    assert tracker_id_of(new.chain[-1]) == tracker_id_of(old_ca)
    assert pin_of(new.ca) == pins[-1]


@pytest.mark.parametrize("name, text, said", [
    ("ca.key", "no key\n", "Cannot use the credential ca.key: it is no Ed25519 key in PEM"),
    ("ca.key", os.mkfifo, "Cannot use the credential ca.key: it is no Ed25519 key in PEM"),
    ("ca.key", "", "Cannot use the credential ca.key: it is no Ed25519 key in PEM"),
    ("ca.key", None, "give the key before this one as the credential ca.previous.key"),
    ("ca.previous.key", "no key\n", "Cannot use the credential ca.previous.key: it is no Ed25519 key in PEM"),
])
def test_a_credential_that_is_not_good(tracker, tmp_path, name, text, said):
    """It does not start, and changes nothing."""
    with open(tracker.state + "/ca.pem", encoding="ascii") as f:
        before = f.read()
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "ca.key").write_text(key_pem(Ed25519PrivateKey.generate()))
    if callable(text):
        (credentials / name).unlink()
        text(credentials / name)
    elif text is not None:
        (credentials / name).write_text(text)
    printed = print_pin(tracker, credentials)
    assert printed.returncode != 0 and not printed.stdout
    assert said in printed.stderr
    with open(tracker.state + "/ca.pem", encoding="ascii") as f:
        assert f.read() == before
    assert print_pin(tracker).stdout.strip() == tracker.pin
