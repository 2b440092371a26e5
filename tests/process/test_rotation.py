# SPDX-License-Identifier: LGPL-2.1-or-later
"""A rotated authority as a client sees it that was written from the protocol page alone, and the operator's
procedure with credentials."""
import json
import os
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance import sentence
from outsider import Connection, pin_of, sign_up, tracker_id_of
from outsider_identity import key_pem
from p2pchat import Tracker, wait_for


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


def test_a_link_of_before(world, tmp_path):
    """An invitation that names the authority before this one leads to the same tracker, for who is there and who is new."""
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    tracker = world.start_tracker()
    alice, bob = world.people("alice", "bob")
    alice.host("lobby")
    before = alice.ctl("invite", "lobby").stdout.strip()
    tracker.pin = print_pin(tracker).stdout.strip()
    assert f"pin={tracker.pin}&" in before
    pin = rotate(tracker, tmp_path / "credentials")
    new = world.peer("new")
    refusal = new.ctl("join", "--trust-new", before, check=False)
    assert refusal.returncode == 3 and "p2pchatctl signup NAME" in refusal.stderr
    new.sign_up()
    for peer in (new, bob, alice):
        assert json.loads(peer.ctl("join", "-j", before).stdout)["channel_name"] == "lobby"
        wait_for(lambda p=peer: json.loads(p.ctl("status", "-j").stdout)["account"]["tracker_state"] == "online", "the tracker")
        # What they hold is what the tracker has shown them, and so is what they hand on.
        wait_for(lambda p=peer: f"pin={pin}&" in p.ctl("invite", "lobby").stdout, "the present pin")
    # A pin that neither was nor is one of its authorities is another tracker's.
    wrong = before.replace(tracker.pin, "sha256:" + "0123456789abcdef" * 4)
    assert new.ctl("join", wrong, check=False).returncode == 7
    later = world.peer("later")
    assert later.ctl("join", "-j", "--trust-new", wrong, check=False).returncode == 1


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
