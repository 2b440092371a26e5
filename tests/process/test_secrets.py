# SPDX-License-Identifier: LGPL-2.1-or-later
"""No secret in a log, on a command line, in an environment, in a property or in a file that others may
read, after everything that has to do with secrets was done: signing up and in, wrong passwords, guests,
a conversation, a restart of each."""
import glob
import json
import os
import stat
import subprocess

from cryptography.hazmat.primitives import serialization

from conformance import sentence
from p2pchat import ACCOUNT, MANAGER, PATH, PROPERTIES, refused, wait_for

PASSWORDS = {"alice": "Xylophon-Alice-7741", "bob": "Xylophon-Bob-8852", "wrong": "Xylophon-Wrong-9963"}
TEXT = "Xylophon-Text-1174"  # what people say is no log's business either


def key_bodies(directory):
    """The base64 lines of every private key, and its raw bytes in hex and in plain, in that directory."""
    found = set()
    for path in glob.glob(directory + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                data = f.read()
            at = 0
            while (at := data.find(b"-----BEGIN PRIVATE KEY-----", at)) >= 0:
                pem = data[at:data.index(b"-----END", at)] + b"-----END PRIVATE KEY-----\n"
                at += 1
                try:
                    key = serialization.load_pem_private_key(pem, None)
                except ValueError:
                    continue  # torn over pages of a database
                raw = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw,
                                        serialization.NoEncryption())
                found |= {pem.split(b"\n")[1], raw.hex().encode(), raw.hex().upper().encode(), raw}
    return found


def everything_on_the_bus(peer):
    """Properties of all objects, Describe, and introspection, as bytes."""
    texts = [json.dumps(peer.objects(), default=str), peer.manager("Describe", "a{sv}", {})]
    for path, interfaces in peer.objects().items():
        for interface in interfaces:
            texts.append(json.dumps(peer.call(path, PROPERTIES, "GetAll", "s", interface), default=str))
    texts.append(json.dumps(peer.get_all(PATH, MANAGER), default=str))
    return "\n".join(texts).encode()


class ProcessWatch:
    """Command lines and environments of whatever p2pchatctl was while it ran."""

    def __init__(self, peer, arguments, stdin):
        self.seen = b""
        self.child = subprocess.Popen([os.environ["P2PCHATCTL"], *arguments], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=peer.environment())
        self.seen += of_process(self.child.pid)
        self.output, _ = self.child.communicate(stdin.encode(), timeout=60)


def of_process(pid):
    seen = b""
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as f:
            seen += f.read()
    return seen


@sentence("1.23")
def test_no_secret(world):
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    world.start_tracker()
    alice, bob, guest = (world.peer(name) for name in ("alice", "bob", "guest"))
    shown = b""  # by ctl, to others than who asked for it
    codes = {}
    for peer in (alice, bob, guest):
        peer.ctl("log-level", "debug")
        peer.trust()
    watch = ProcessWatch(alice, ["signup", "alice", "--password-fd=0"], PASSWORDS["alice"] + "\n")
    assert watch.child.returncode == 0, watch.output
    shown += watch.seen
    codes["bob"] = bob.sign_up("bob", PASSWORDS["bob"])
    assert len(codes["bob"]) >= 16
    account = bob.get(PATH, MANAGER, "DefaultAccount")
    bob.call(account, ACCOUNT, "SignOut", "a{sv}", {})
    refused(bob.manager, "SignIn", "ssa{sv}", "bob", PASSWORDS["wrong"], {})
    refused(bob.manager, "SignUp", "ssa{sv}", "alice", PASSWORDS["wrong"], {})
    watch = ProcessWatch(bob, ["signin", "bob", "--password-fd=0"], PASSWORDS["wrong"] + "\n")
    assert watch.child.returncode == 5
    shown += watch.seen + watch.output
    bob.manager("SignIn", "ssa{sv}", "bob", PASSWORDS["bob"], {})
    guest.manager("SignInGuest", "sa{sv}", "gail", {})

    lobby = alice.host("lobby", send_permission="everyone")
    for peer in (bob, guest):
        peer.join("lobby")
    for peer in (alice, bob, guest):
        assert peer.send(lobby, f"{TEXT} {peer.name}", wait="stored")[1] > 0
    for peer in (bob, guest):
        wait_for(lambda p=peer: len(p.texts(lobby)) == 3, f"{peer.name} to have it all")
    alice.stop_daemon()
    bob.send(lobby, f"{TEXT} queued")
    alice.start_daemon()
    alice.ctl("log-level", "debug")
    wait_for(lambda: len(alice.texts(lobby)) == 4, "the queued one")
    world.tracker.restart()
    shown += alice.ctl("status").stdout.encode() + bob.ctl("whoami", "-j").stdout.encode()
    # While all of it runs:
    states = [world.tracker.state, alice.state, bob.state, guest.state]
    keys = set().union(*map(key_bodies, states))
    assert len(keys) >= 4 * 4, "a CA's, and one for each person"
    secrets = {p.encode() for p in PASSWORDS.values()} | {codes["bob"].encode(), codes["bob"].replace("-", "").encode()} \
        | keys | {b"PRIVATE KEY", TEXT.encode()}
    surfaces = {"ctl": shown}
    for peer in (alice, bob, guest):
        surfaces[f"process of {peer.name}"] = of_process(peer.process.pid)
        surfaces[f"bus of {peer.name}"] = everything_on_the_bus(peer)
    surfaces["process of the tracker"] = of_process(world.tracker.process.pid)
    for log in glob.glob(world.directory + "/*.log"):
        with open(log, "rb") as f:
            surfaces[log] = f.read()
    assert len(surfaces) >= 2 + 6 + 4
    assert "<7>MESSAGE " in alice.log(), "they tell all that they ever tell"
    for where, text in surfaces.items():
        for secret in secrets:
            assert secret not in text, f"{where} holds {secret!r}"

    # In files: neither passwords nor recovery codes at all (hashes only), and what there is is private.
    for state in states:
        for path in glob.glob(state + "/**", recursive=True, include_hidden=True):
            mode = os.lstat(path).st_mode
            wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
            assert stat.S_IMODE(mode) == wanted, f"{path}: {stat.S_IMODE(mode):o}"
            if stat.S_ISREG(mode):
                with open(path, "rb") as f:
                    data = f.read()
                for secret in {p.encode() for p in PASSWORDS.values()} | {codes["bob"].encode()}:
                    assert secret not in data, f"{path} holds {secret!r}"

    # Signing out destroys key and certificate: of bob's present key nothing is left in his directory.
    own = key_bodies(bob.state)
    assert own
    bob.call(account, ACCOUNT, "SignOut", "a{sv}", {})
    bob.stop_daemon()
    left = {k for k in own for path in glob.glob(bob.state + "/**", recursive=True)
            if os.path.isfile(path) and k in open(path, "rb").read()}
    assert not left, "a key outlived SignOut"
