# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person, or a program of hers, may say wrongly to her daemon, and who may pose as her tracker:
each gets its named error, and the daemon goes on."""
import contextlib
import os
import shutil
import socket
import threading
import uuid

import dbus
import pytest

import badinput
from conformance import sentence
from outsider import Authority, Connection, Listener, pin_of, sign_up, tls_context
from p2pchat import ACCOUNT, CHANNEL, ERROR, MANAGER, MODERATION, PATH, free_port, refused, wait_for

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"


@pytest.fixture(scope="module")
def stage(module_world):
    """alice hosts lobby, bob is in it, carol knows the tracker and is nobody yet."""
    w = module_world
    w.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n")
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby = w.alice.host("lobby")
    w.bob.join("lobby")
    w.carol = w.peer("carol")
    w.carol.trust()
    return w


@pytest.fixture(autouse=True)
def honest(stage):
    yield
    assert stage.alice.is_up() and stage.carol.is_up()
    _, seq = stage.bob.send(stage.lobby, "still here", wait="stored")
    assert seq > 0


def names(peer, *call):
    """→ the error's name of a refused Manager call, without its prefix."""
    name, message = refused(peer.manager, *call)
    assert message, "a sentence for people"
    return name.removeprefix(ERROR)


# -- identities

def test_names(stage):
    for name in badinput.NO_NAMES:
        if name == name.lower():  # names are folded before they are sent
            assert names(stage.carol, "SignUp", "ssa{sv}", name, "correct horse", {}) == "InvalidName", name
            assert names(stage.alice, "Host", "sa{sv}", name, {}) == "InvalidName", name
    for name in badinput.RESERVED:
        assert names(stage.carol, "SignUp", "ssa{sv}", name, "correct horse", {}) == "InvalidName", name
    for name in ("alice", "ALICE", "aLice"):
        assert names(stage.carol, "SignUp", "ssa{sv}", name, "correct horse", {}) == "NameTaken"
    for name in ("x", "x" * 27, "guest-x", "ü"):
        assert names(stage.carol, "SignInGuest", "sa{sv}", name, {}) == "InvalidName"


def test_passwords(stage):
    assert names(stage.carol, "SignUp", "ssa{sv}", "carol", "seven77", {}) == "WeakPassword"
    assert names(stage.carol, "SignUp", "ssa{sv}", "carol", "x" * 257, {}) == "BadRequest"
    assert names(stage.carol, "SignIn", "ssa{sv}", "alice", "wrong horse", {}) == "BadCredentials"
    assert names(stage.carol, "SignIn", "ssa{sv}", "nobody-at-all", "wrong horse", {}) == "BadCredentials"


def test_signed_in_or_not(stage):
    for call in (("SignUp", "ssa{sv}", "more", "correct horse", {}), ("SignInGuest", "sa{sv}", "more", {}),
                 ("SignIn", "ssa{sv}", "bob", "correct horse bob", {})):
        assert names(stage.alice, *call) == "AlreadySignedIn"
    for call in (("Host", "sa{sv}", "mine", {}), ("Join", "sa{sv}", "lobby", {})):
        assert names(stage.carol, *call) == "NotSignedIn"
    account = stage.carol.get(PATH, MANAGER, "DefaultAccount")
    assert refused(stage.carol.call, account, ACCOUNT, "SignOut", "a{sv}", {})[0] == ERROR + "NotSignedIn"


# -- channels

def test_texts(stage):
    """An empty text, one of 16,385 bytes, one with U+FFFE."""
    def send(text, **options):
        return refused(stage.bob.send, stage.lobby, text, **options)[0].removeprefix(ERROR)
    assert send("") == "BadRequest"
    assert send("x" * 16385) == "TooLarge"
    assert send("ü" * 8193) == "TooLarge"
    for character in badinput.NO_TEXT:
        assert send(f"a{character}b") == "BadRequest", ascii(character)
    assert send("text", id="x") == "BadRequest"
    assert send("text", id=str(uuid.uuid4()).upper()) == "BadRequest"
    used, seq = stage.bob.send(stage.lobby, "x" * 16384, wait="stored")
    assert seq > 0
    assert send("other", id=used) == "Conflict"
    assert stage.bob.send(stage.lobby, "x" * 16384, id=used) == (used, seq)
    assert send("text", meta=dbus.Dictionary({"x": "m" * 1024}, signature="sv")) in ("BadRequest", "TooLarge")


def test_options(stage):
    """An unknown option is InvalidArgs, unless it begins x-; so is one of another type."""
    options = dbus.Dictionary({"x-mine": 1, "wait": "stored"}, signature="sv")
    stage.bob.call(stage.lobby, CHANNEL, "Send", "sa{sv}", "with x-", options)
    for bad in ({"wiat": "stored"}, {"wait": dbus.UInt32(1)}):
        assert refused(stage.bob.send, stage.lobby, "x", **bad)[0] == INVALID_ARGS
    assert refused(stage.bob.send, stage.lobby, "x", wait="for ever")[0] in (INVALID_ARGS, ERROR + "BadRequest")
    for call in (("Describe", "a{sv}", {"x": 1}), ("ListDirectory", "a{sv}", {"limit": "9"}),
                 ("Host", "sa{sv}", "other", {"topic": dbus.UInt32(1)}),
                 ("SetTracker", "sa{sv}", "127.0.0.1", {"pins": ""})):
        assert refused(stage.alice.manager, *call)[0] == INVALID_ARGS, call


def test_pages(stage):
    def get(anchor, limit, **options):
        return refused(stage.bob.call, stage.lobby, CHANNEL, "GetMessages", "tua{sv}", anchor, limit, options)[0]
    for limit in (0, 501, 2**32 - 1):
        assert get(0, limit) in (INVALID_ARGS, ERROR + "BadRequest")
    assert get(0, 1, direction="sideways") in (INVALID_ARGS, ERROR + "BadRequest")
    # Anchors of any size are questions with an answer.
    for anchor in (0, 2**53, 2**63, 2**64 - 1):
        for direction in ("after", "before"):
            stage.bob.call(stage.lobby, CHANNEL, "GetMessages", "tua{sv}", dbus.UInt64(anchor), 5,
                           {"direction": direction})
    stage.bob.call(stage.lobby, CHANNEL, "MarkRead", "ta{sv}", dbus.UInt64(2**64 - 1), {})
    assert stage.bob.get(stage.lobby, CHANNEL, "ReadSeq") <= stage.bob.get(stage.lobby, CHANNEL, "LastSeq")


def test_hosting(stage):
    assert names(stage.bob, "Host", "sa{sv}", "lobby", {}) == "ChannelExists"
    for options in ({"topic": "two\nlines"}, {"topic": "t" * 513}, {"topic": "\ufffe"}, {"view_permission": "secret"},
                    {"send_permission": "nobody"}):
        assert refused(stage.alice.host, "options", **options)[0] in (
            ERROR + "BadRequest", ERROR + "TooLarge", INVALID_ARGS), options
    assert names(stage.bob, "Join", "sa{sv}", "no-such-channel", {}) == "NoSuchChannel"
    assert not [p for p in stage.bob.objects() if p.rpartition("/")[2] == "no-such-channel"]
    for method, signature, args in (("SetPermissions", "a{sv}", ({"view_permission": "restricted"},)),
                                    ("Authorize", "ssa{sv}", ("bob", "moderator", {}))):
        name = refused(stage.bob.call, stage.lobby, MODERATION, method, signature, *args)[0]
        assert name in (ERROR + "NotOwner", ERROR + "NotModerator"), method
    for target, error in (("nobody-at-all", "NoSuchUser"), ("guest-xy", "GuestsNotAllowed"), ("alice", "BadRequest"),
                          ("NO NAME", "BadRequest")):
        name = refused(stage.alice.call, stage.lobby, MODERATION, "Authorize", "ssa{sv}", target, "member", {})[0]
        assert name == ERROR + error or (error == "BadRequest" and name == ERROR + "InvalidName"), (target, name)


def test_restricted(stage):
    """A refusal that may end leaves the channel denied, however often one asks; Leave ends that."""
    closed = stage.alice.host("closed", view_permission="restricted")
    for _ in range(3):
        assert names(stage.bob, "Join", "sa{sv}", "closed", {}) == "Restricted"
    assert stage.bob.get(closed, CHANNEL, "State") == "denied"
    stage.bob.call(closed, CHANNEL, "Leave", "a{sv}", {"forget": True})
    assert closed not in stage.bob.objects()


# -- trackers

def test_no_tracker(stage):
    """One that is not there, one that says nothing sensible, and addresses that are none."""
    assert names(stage.carol, "SetTracker", "sa{sv}", f"127.0.0.1:{free_port()}", {"trust_new": True}) == \
        "TrackerUnreachable"
    for address in ("", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "[::1", "a b"):
        assert names(stage.carol, "SetTracker", "sa{sv}", address, {"trust_new": True}) in \
            ("BadRequest", "TrackerUnreachable"), address
    with socket.create_server(("127.0.0.1", 0)) as s:
        def garbage():
            c, _ = s.accept()
            with c, contextlib.suppress(OSError):
                c.sendall(b"220 mail.example ESMTP\r\n" * 100)
                while c.recv(4096):
                    pass
        thread = threading.Thread(target=garbage, daemon=True)
        thread.start()
        address = f"127.0.0.1:{s.getsockname()[1]}"
        assert names(stage.carol, "SetTracker", "sa{sv}", address, {"trust_new": True}) == "TrackerUnreachable"
        thread.join(10)
    # What was accepted before is as it was.
    account = stage.carol.get(PATH, MANAGER, "DefaultAccount")
    assert stage.carol.get(account, ACCOUNT, "Tracker") == stage.tracker.address
    wait_for(lambda: stage.carol.get(account, ACCOUNT, "TrackerState") == "online", "the old tracker")


@sentence("1.7", "1.12", "1.30", "1.31", "1.32")
def test_wrong_pin(stage):
    """No pin is held, or another one: the handshake ends by our alert, and not a byte is said."""
    dave = stage.peer("dave")
    with Connection(stage.tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    name, message = refused(dave.manager, "SetTracker", "sa{sv}", stage.tracker.address, {})
    assert name == ERROR + "UntrustedTracker" and pin in message, "a person compares it"
    with Listener(tls_context(Authority(stage.tracker.state).identity("tracker"), server=True)) as honest_one:
        name, message = refused(dave.manager, "SetTracker", "sa{sv}", honest_one.address, {})
        assert name == ERROR + "UntrustedTracker" and pin in message
        wait_for(lambda: honest_one.outcomes, "the end of the connection")
        assert all(isinstance(o, str) for o in honest_one.outcomes), f"said before a pin is held: {honest_one.outcomes}"
    for wrong in ("sha256:" + "0" * 64, pin[:-1] + ("0" if pin[-1] != "0" else "1")):
        assert names(dave, "SetTracker", "sa{sv}", stage.tracker.address, {"pin": wrong}) == "PinMismatch"
    with Listener(tls_context(Authority(stage.tracker.state).identity("tracker"), server=True)) as same:
        for options, error in (({}, "UntrustedTracker"), ({"pin": wrong}, "PinMismatch")):
            n = len(same.outcomes)
            assert names(dave, "SetTracker", "sa{sv}", same.address, options) == error
            wait_for(lambda n=n: len(same.outcomes) > n, "the end of the handshake")
        assert set(same.outcomes) == {"unknown ca"}
    for bad in ("", "0" * 64, pin.upper(), pin[:-1], "sha1:" + pin[7:]):
        assert names(dave, "SetTracker", "sa{sv}", stage.tracker.address, {"pin": bad}) in \
            ("BadRequest", "PinMismatch", "UntrustedTracker"), bad
    assert dave.get(PATH, MANAGER, "DefaultAccount") == "/"
    account = dave.manager("SetTracker", "sa{sv}", stage.tracker.address, {"pin": pin})
    assert dave.get(account, ACCOUNT, "TrackerPin") == pin
    dave.stop()
    trusting = stage.peer("trusting")
    account = trusting.manager("SetTracker", "sa{sv}", stage.tracker.address, {"trust_new": True})
    assert trusting.get(account, ACCOUNT, "TrackerPin") == pin
    other = Authority()
    with Listener(tls_context(other.identity("tracker"), server=True)) as another:
        assert names(trusting, "SetTracker", "sa{sv}", another.address, {"trust_new": True}) == "PinMismatch"
    assert trusting.get(account, ACCOUNT, "TrackerPin") == pin
    trusting.stop()


def poses(peer, context, port=0):
    """Somebody at that port; the daemon must say nothing to it → what became of its connections."""
    with Listener(context, port=port) as impostor:
        if not port:
            assert names(peer, "SetTracker", "sa{sv}", impostor.address, {"trust_new": True}) in (
                "TrackerUnreachable", "UntrustedTracker")
        wait_for(lambda: impostor.outcomes, "a connection")
        assert all(isinstance(o, str) for o in impostor.outcomes), f"not a byte after the handshake: {impostor.outcomes}"
        return impostor.outcomes


@sentence("1.4", "1.25")
def test_posing_as_tracker(stage):
    """A user's certificate, and others that the real CA signed but for nobody's tracker."""
    ca = Authority(stage.tracker.state)
    bob = sign_up(stage.tracker.address, "robert", pin_of(ca.ca))
    other = Authority()
    wrong = {
        "user": bob,
        "expired": ca.identity("tracker", begin=-3, end=-0.01),
        "two-sans": ca.identity("tracker", "user/alice"),
        "ca": ca.identity("tracker", is_ca=True),
        "foreign": other.identity("tracker"),
        "no-chain": ca.identity("tracker"),
    }
    wrong["foreign"].ca = ca.ca  # signed by another than the CA that it shows
    wrong["no-chain"].ca = None
    dave = stage.peer("dora")
    for what, identity in wrong.items():
        outcomes = poses(dave, tls_context(identity, server=True))
        assert not any(o == b"" for o in outcomes), what
    for alpn in (None, "http/1.1"):
        with Listener(tls_context(ca.identity("tracker"), server=True, alpn=alpn)) as impostor:
            assert names(dave, "SetTracker", "sa{sv}", impostor.address, {"trust_new": True}) == "TrackerUnreachable"
            wait_for(lambda: impostor.outcomes, "a connection")
            assert all(isinstance(o, str) for o in impostor.outcomes), f"{alpn}: {impostor.outcomes}"
    assert dave.get(PATH, MANAGER, "DefaultAccount") == "/"
    # The counter-test: nothing but its fault is what each was refused for.
    right = ca.identity("tracker")
    with Listener(tls_context(right, server=True)) as honest_one:
        dave.manager("SetTracker", "sa{sv}", honest_one.address, {"pin": pin_of(ca.ca)})
        dave.stop_daemon()
        wait_for(lambda: honest_one.outcomes, "the end of what was said")
        assert any(b"HELLO" in o for o in honest_one.outcomes)
    dave.stop()


@sentence("1.25", "1.32")
def test_tracker_changes(world):
    """A pin that changed, and a user's certificate at the address of the tracker that was accepted:
    refused, always, and shown. The old one is welcome back."""
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    erin = world.people("erin")
    account = erin.get(PATH, MANAGER, "DefaultAccount")
    tracker = world.tracker
    pin = erin.get(account, ACCOUNT, "TrackerPin")
    bob = sign_up(tracker.address, "bob", pin)

    def state():
        return erin.get(account, ACCOUNT, "TrackerState")
    assert state() == "online" and erin.get(account, ACCOUNT, "TrackerReason") == ""

    tracker.stop()
    poses(erin, tls_context(bob, server=True), port=tracker.port)
    assert state() in ("offline", "connecting") and erin.get(account, ACCOUNT, "TrackerReason")

    os.rename(tracker.state, tracker.state + ".old")
    os.mkdir(tracker.state, 0o700)
    tracker.start()
    wait_for(lambda: state() == "mismatch", "the pin to be seen")
    assert erin.get(account, ACCOUNT, "TrackerReason").endswith("p2pchatctl tracker ADDRESS --pin=PIN."), "cut"
    offered = erin.get(account, ACCOUNT, "TrackerOfferedPin")
    with Connection(tracker.address, hello=False) as c:
        assert offered == pin_of(c.chain[1]) != pin
    assert erin.get(account, ACCOUNT, "TrackerPin") == pin
    for options in ({}, {"trust_new": True}, {"pin": pin}):
        assert names(erin, "SetTracker", "sa{sv}", tracker.address, options) == "PinMismatch"
    assert erin.get(account, ACCOUNT, "TrackerPin") == pin

    tracker.stop()
    shutil.rmtree(tracker.state)
    os.rename(tracker.state + ".old", tracker.state)
    tracker.start()
    wait_for(lambda: state() == "online", "the old tracker to be known again")
    assert erin.get(account, ACCOUNT, "Username") == "erin"
