# SPDX-License-Identifier: LGPL-2.1-or-later
"""An account in real life: a lost password, another one, several devices, the end. Each method's errors by
name, and no secret anywhere behind them."""
import os

import dbus
import pytest

from p2pchat import ACCOUNT, CHANNEL, ERROR, MANAGER, PATH, refused, wait_for
from test_secrets import everything_readable

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
NO_KEY = "0" * 64


def path_of(peer):
    return peer.get(PATH, MANAGER, "DefaultAccount")


def account(peer, method, signature, *args):
    return peer.call(path_of(peer), ACCOUNT, method, signature, *args)


def passwd(peer, old, new, **options):
    return account(peer, "ChangePassword", "ssa{sv}", old, new, options)


def devices(peer, **options):
    return account(peer, "ListDevices", "a{sv}", options)


def recover(peer, username, code, password, **options):
    return peer.manager("Recover", "sssa{sv}", username, code, password, options)


def another_device(world, name, username, password=None):
    peer = world.peer(name)
    peer.trust()
    peer.manager("SignIn", "ssa{sv}", username, password or "correct horse " + username, {})
    return peer


def until_dismissed(peer):
    def reason():
        told = peer.get_all(path_of(peer), ACCOUNT)  # both of one moment
        return told["TrackerState"] == "online" and told["TrackerReason"]
    return wait_for(reason, f"{peer.name} to hear that it was signed out")


def test_recovery(world):
    world.start_tracker()
    alice = world.peer("alice")
    alice.trust()
    code = alice.sign_up()
    desk = world.peer("desk")
    desk.trust()
    for change, error in (({"code": "00000-00000-00000-00000"}, "BadCredentials"), ({"code": ""}, "BadRequest"),
                          ({"code": "x" * 65}, "BadRequest"), ({"code": "\x07"}, "BadRequest"),
                          ({"password": "short"}, "WeakPassword"), ({"password": "x" * 257}, "BadRequest"),
                          ({"password": "x" * 70000}, "BadRequest"),
                          ({"username": "nobody-at-all"}, "BadCredentials"), ({"username": "a"}, "InvalidName")):
        given = {"username": "alice", "code": code, "password": "battery staple", **change}
        name, message = refused(recover, desk, given["username"], given["code"], given["password"])
        assert name == ERROR + error and message, change
        assert code not in message and "battery staple" not in message
    assert refused(recover, desk, "alice", code, "battery staple", account=dbus.ObjectPath(PATH + "/account/0"))[0] == \
        INVALID_ARGS

    # As it was written down. All other devices are out, and say so.
    result = recover(desk, "Alice", code.replace("-", " ").upper(), "battery staple")
    assert set(result) == {"recovery_code"} and result["recovery_code"] != code
    assert desk.get(path_of(desk), ACCOUNT, "Username") == "alice"
    assert "sign in again" in until_dismissed(alice)
    assert [d[3]["this"] for d in devices(desk)] == [True]

    # Spent; the new one is good for who is signed in as well, and only for her.
    assert refused(recover, alice, "alice", code, "another staple")[0] == ERROR + "BadCredentials"
    bob = world.peer("bob")
    bob.trust()
    bob.sign_up()
    assert refused(recover, bob, "alice", result["recovery_code"], "another staple")[0] == ERROR + "AlreadySignedIn"
    third = recover(alice, "alice", result["recovery_code"], "another staple")["recovery_code"]
    assert alice.get(path_of(alice), ACCOUNT, "TrackerReason") == ""
    recover(alice, "alice", third, "last staple")
    until_dismissed(desk)
    assert refused(desk.manager, "SignIn", "ssa{sv}", "alice", "another staple", {})[0] == ERROR + "BadCredentials"
    desk.manager("SignIn", "ssa{sv}", "alice", "last staple", {})
    assert len(devices(desk)) == 2

    # Who tries too often waits; whoever else knows the word comes in all the same.
    found = [refused(recover, alice, "alice", "00000-00000-00000-00000", "battery staple") for _ in range(12)]
    assert {n for n, _ in found} == {ERROR + "BadCredentials", ERROR + "RateLimited"}
    assert "wait" in next(m for n, m in found if n == ERROR + "RateLimited")


def test_another_password(world):
    desk = world.people("alice")
    laptop = another_device(world, "laptop", "alice")
    old = "correct horse alice"
    for args, error in (((old, "short"), "WeakPassword"), (("wrong horse", "battery staple"), "BadCredentials"),
                        (("x" * 257, "battery staple"), "BadRequest"), ((old, "x" * 257), "BadRequest"),
                        ((old, "bell\x07bell"), "BadRequest")):
        name, message = refused(passwd, desk, *args)
        assert name == ERROR + error and message
        assert not [a for a in args if len(a) > 5 and a in message]
    assert refused(passwd, desk, old, "battery staple", keep_others="yes")[0] == INVALID_ARGS
    passwd(desk, old, "battery staple", keep_others=True)
    passwd(desk, old, "battery staple", keep_others=True)  # its answer was lost, say
    assert len(devices(laptop)) == 2
    passwd(desk, "battery staple", "third horse")
    assert "password was" in until_dismissed(laptop)
    for method, signature, args in (("ChangePassword", "ssa{sv}", ("third horse", "battery staple", {})),
                                    ("ListDevices", "a{sv}", ({},)), ("RevokeDevice", "sa{sv}", (NO_KEY, {})),
                                    ("Delete", "sa{sv}", ("third horse", {}))):
        name, message = refused(account, laptop, method, signature, *args)
        assert (name, "sign in again" in message) == (ERROR + "Revoked", True), method
    name, message = refused(laptop.manager, "Host", "sa{sv}", "mine", {})
    assert (name, "sign in again" in message) == (ERROR + "Revoked", True)
    laptop.manager("SignIn", "ssa{sv}", "alice", "third horse", {})
    assert laptop.get(path_of(laptop), ACCOUNT, "TrackerReason") == ""
    laptop.host("mine")


def test_devices(world):
    desk = world.people("alice")
    laptop = another_device(world, "laptop", "alice")
    bob = world.people("bob")
    both = devices(desk)
    assert [d[0] for d in both] == sorted(d[0] for d in both) and len(both) == 2
    for key, created, seen, extra in both:
        assert len(key) == 64 and 0 < created <= seen and set(extra) == {"this"}
    own, other = (next(d[0] for d in both if d[3]["this"] is this) for this in (True, False))
    assert [d[0] for d in devices(desk, after=both[0][0])] == [both[1][0]]
    assert devices(desk, after="f" * 64) == []
    assert refused(devices, desk, after="x")[0] == ERROR + "BadRequest"
    assert refused(devices, desk, after=dbus.UInt32(1))[0] == INVALID_ARGS
    name, message = refused(account, desk, "RevokeDevice", "sa{sv}", own, {})
    assert (name, "sign out" in message) == (ERROR + "BadRequest", True)
    for key in ("", "x", own.upper(), NO_KEY, devices(bob)[0][0]):
        assert refused(account, desk, "RevokeDevice", "sa{sv}", key, {})[0] == ERROR + "BadRequest", key
    assert devices(desk) == both
    for _ in range(2):
        account(desk, "RevokeDevice", "sa{sv}", other, {})
    until_dismissed(laptop)
    assert [d[0] for d in devices(desk)] == [own]


def test_who_has_no_account(world):
    alice = world.people("alice")
    guest, nobody = world.peer("guest"), world.peer("nobody")
    for peer in (guest, nobody):
        peer.trust()
    guest.manager("SignInGuest", "sa{sv}", "gail", {})
    for peer, error in ((guest, "GuestsNotAllowed"), (nobody, "NotSignedIn")):
        for method, signature, args in (("ChangePassword", "ssa{sv}", ("correct horse", "battery staple", {})),
                                        ("ListDevices", "a{sv}", ({},)), ("RevokeDevice", "sa{sv}", (NO_KEY, {})),
                                        ("Delete", "sa{sv}", ("correct horse", {}))):
            assert refused(account, peer, method, signature, *args)[0] == ERROR + error, method
    assert refused(recover, guest, "alice", "00000-00000", "battery staple")[0] == ERROR + "AlreadySignedIn"
    world.tracker.stop()
    for method, signature, args in (("ChangePassword", "ssa{sv}", ("correct horse", "battery staple", {})),
                                    ("ListDevices", "a{sv}", ({},)), ("RevokeDevice", "sa{sv}", (NO_KEY, {})),
                                    ("Delete", "sa{sv}", ("correct horse", {}))):
        assert refused(account, alice, method, signature, *args)[0] in (ERROR + "TrackerUnreachable", ERROR + "Timeout")
    assert refused(recover, nobody, "alice", "00000-00000", "battery staple")[0] == ERROR + "TrackerUnreachable"
    assert alice.get(path_of(alice), ACCOUNT, "Username") == "alice"


def test_deletion(world):
    alice, bob = world.people("alice", "bob")
    lobby, cellar = alice.host("lobby"), bob.host("cellar")
    bob.join("lobby")
    alice.join("cellar")
    alice.send(lobby, "Xylophon in the lobby", wait="stored")
    alice.send(cellar, "Xylophon in the cellar", wait="stored")
    wait_for(lambda: bob.texts(lobby), "bob's copy")
    assert refused(account, alice, "Delete", "sa{sv}", "wrong horse", {})[0] == ERROR + "BadCredentials"
    assert refused(account, alice, "Delete", "sa{sv}", "x" * 300, {})[0] == ERROR + "BadRequest"
    assert alice.get(lobby, CHANNEL, "State") == "live"
    account(alice, "Delete", "sa{sv}", "correct horse alice", {})
    assert [p for p in alice.objects() if "/channel/" in p] == []
    assert alice.get(path_of(alice), ACCOUNT, "UserType") == "none"
    for method, args in (("SignIn", ("alice", "correct horse alice")), ("SignUp", ("alice", "correct horse alice"))):
        assert refused(alice.manager, method, "ssa{sv}", *args, {})[0] == \
            ERROR + ("BadCredentials" if method == "SignIn" else "NameTaken")
    # Of what it held nothing is left on its disk; of what it hosted the name is free, bob keeps his copy of it
    wait_for(lambda: bob.get(lobby, CHANNEL, "State") == "offline", "the lobby to close")
    assert bob.texts(lobby) == ["Xylophon in the lobby"]
    channels, _ = bob.manager("ListDirectory", "a{sv}", {})
    assert [c[0] for c in channels] == ["cellar"]
    alice.sign_up("carol")
    new = alice.host("lobby")
    assert new != lobby and alice.texts(new) == []
    assert bob.get(lobby, CHANNEL, "State") != "live"
    assert bob.texts(lobby) == ["Xylophon in the lobby"]
    alice.stop_daemon()
    for directory, _, files in os.walk(alice.state):
        for file in files:
            with open(os.path.join(directory, file), "rb") as f:
                assert b"Xylophon" not in f.read(), file


def test_guest_signs_up(world):
    alice, carol = world.people("alice"), world.peer("carol")
    carol.trust()
    lobby = alice.host("lobby", send_permission="everyone")
    carol.manager("SignInGuest", "sa{sv}", "carol", {})
    carol.join("lobby")
    carol.send(lobby, "as a guest", wait="stored")
    alice.stop_daemon()
    wait_for(lambda: carol.get(lobby, CHANNEL, "State") == "offline", "the lobby to be away")
    row = carol.send(lobby, "not yet")[0]
    # Refused, nothing has changed.
    assert refused(carol.manager, "SignUp", "ssa{sv}", "alice", "correct horse", {})[0] == ERROR + "NameTaken"
    assert refused(carol.manager, "SignIn", "ssa{sv}", "alice", "correct horse alice", {})[0] == ERROR + "AlreadySignedIn"
    wait_for(lambda: carol.get(path_of(carol), ACCOUNT, "TrackerState") == "online", "the guest to be back")
    assert carol.get(path_of(carol), ACCOUNT, "Username") == "guest-carol"
    assert carol.get(lobby, CHANNEL, "OutboxCount") == 1
    assert carol.sign_up("carol")
    assert (carol.get(path_of(carol), ACCOUNT, "Username"), carol.get(path_of(carol), ACCOUNT, "UserType")) == \
        ("carol", "registered")
    wait_for(lambda: lobby in carol.objects(), "the channel to be the user's")
    assert carol.texts(lobby) == ["as a guest"]
    (_, found), _ = carol.call(lobby, CHANNEL, "GetOutbox", "a{sv}", {})
    assert (found[0], found[4], found[5]["error"]) == (row, "failed", ERROR + "CertificateExpired")
    name, message = refused(carol.call, lobby, CHANNEL, "Retry", "sa{sv}", row, {})
    assert (name, "live" in message) == (ERROR + "HostOffline", True)
    alice.start_daemon()
    wait_for(lambda: carol.get(lobby, CHANNEL, "State") == "live", "the lobby to be live")
    # What the guest sent could still be on its way: for a minute (scenario/guest-signs-up.c).
    name, message = refused(carol.call, lobby, CHANNEL, "Retry", "sa{sv}", row, {})
    assert (name, "for a minute" in message) == (ERROR + "HostOffline", True)
    assert carol.send(lobby, "as a user", wait="stored")[1] == 4
    carol.stop_daemon()
    carol.start_daemon()
    assert carol.texts(lobby) == ["as a guest", "as a user"]
    (rows, _) = carol.call(lobby, CHANNEL, "GetOutbox", "a{sv}", {})
    assert (row, "failed") in [(r[0], r[4]) for r in rows]


@pytest.fixture
def used(world):
    """A daemon that has done each of them; what it was told in secret."""
    world.start_tracker()
    alice = world.peer("alice")
    alice.trust()
    secrets = ["Zwieback-one-4711", "Zwieback-two-4712", "Zwieback-three-4713", "Zwieback-wrong-4714"]
    with alice.signals() as got:
        secrets.append(alice.sign_up(password=secrets[0]))
        refused(passwd, alice, secrets[3], secrets[1])
        passwd(alice, secrets[0], secrets[1])
        refused(recover, alice, "alice", "01234-56789-abcde-fghjk", secrets[2])
        secrets.append("01234-56789-abcde-fghjk")
        secrets.append(recover(alice, "alice", secrets[4], secrets[2])["recovery_code"])
        refused(account, alice, "Delete", "sa{sv}", secrets[3], {})
        readable = everything_readable(alice)
        account(alice, "Delete", "sa{sv}", secrets[2], {})
        alice.manager("ListDirectory", "a{sv}", {})
        seen = repr(got)
    return world, alice, secrets, readable + seen


def test_no_secret(used):
    world, alice, secrets, text = used
    text += everything_readable(alice) + alice.log()
    with open(os.path.join(world.directory, "tracker.log"), encoding="utf-8", errors="replace") as f:
        text += f.read()
    for secret in secrets:
        for spelling in (secret, secret.replace("-", "")):
            assert spelling not in text
    for top in (alice.state, world.tracker.state):
        for directory, _, files in os.walk(top):
            for name in files:
                with open(os.path.join(directory, name), "rb") as f:
                    data = f.read()
                for secret in secrets:
                    assert secret.encode() not in data and secret.replace("-", "").encode() not in data, name
