# SPDX-License-Identifier: LGPL-2.1-or-later
"""From nothing to an identity: no account object before a pin was accepted, the offered pin in words,
names and passwords that are refused, guests, sign-out and return."""
import dbus

from p2pchat import ACCOUNT, CHANNEL, ERROR, MANAGER, PATH, free_port, refused, wait_for


def test_from_nothing_to_an_account(world):
    world.start_tracker()
    alice = world.peer("alice")
    assert alice.get(PATH, MANAGER, "DefaultAccount") == "/"
    assert alice.objects() == {}
    for method, signature, args in (("SignUp", "ssa{sv}", ("alice", "correct horse", {})),
                                    ("SignInGuest", "sa{sv}", ("alice", {})), ("ListDirectory", "a{sv}", ({},))):
        assert refused(alice.manager, method, signature, *args)[0] == ERROR + "TrackerUnreachable"

    assert refused(alice.manager, "SetTracker", "sa{sv}", f"127.0.0.1:{free_port()}", {})[0] == \
        ERROR + "TrackerUnreachable"
    name, message = refused(alice.manager, "SetTracker", "sa{sv}", world.tracker.address, {})
    assert name == ERROR + "UntrustedTracker"
    pin = next(word.strip(".,;:()\"") for word in message.split() if "sha256:" in word)
    assert alice.get(PATH, MANAGER, "DefaultAccount") == "/"

    wrong = "sha256:" + "0" * 64
    assert refused(alice.manager, "SetTracker", "sa{sv}", world.tracker.address, {"pin": wrong})[0] == \
        ERROR + "PinMismatch"
    account = alice.manager("SetTracker", "sa{sv}", world.tracker.address, {"pin": pin})
    assert alice.get(PATH, MANAGER, "DefaultAccount") == account
    assert alice.get(account, ACCOUNT, "TrackerPin") == pin
    assert (alice.get(account, ACCOUNT, "Username"), alice.get(account, ACCOUNT, "UserType")) == ("", "none")
    assert list(alice.objects()) == [account]
    # a pin that is held is not replaced by trust
    assert refused(alice.manager, "SetTracker", "sa{sv}", world.tracker.address, {"pin": wrong})[0] == \
        ERROR + "PinMismatch"

    assert refused(alice.manager, "Host", "sa{sv}", "lobby", {})[0] == ERROR + "NotSignedIn"
    for username, password, error in (("alice", "short", "WeakPassword"), ("alice", "x" * 257, "BadRequest"),
                                      ("system", "correct horse", "InvalidName"), ("a", "correct horse", "InvalidName"),
                                      ("b\u00e4r", "correct horse", "InvalidName"),
                                      ("x" * 40, "correct horse", "InvalidName")):
        assert refused(alice.manager, "SignUp", "ssa{sv}", username, password, {})[0] == ERROR + error, username
    assert refused(alice.manager, "SignUp", "ssa{sv}", "alice", "correct horse",
                   {"account": dbus.ObjectPath(PATH + "/account/0")})[0] == "org.freedesktop.DBus.Error.InvalidArgs"
    assert alice.manager("SignUp", "ssa{sv}", "Alice", "correct horse", {"account": dbus.ObjectPath(account)})["recovery_code"]
    wait_for(lambda: alice.get(account, ACCOUNT, "Username") == "alice", "alice's name, folded")

    bob = world.peer("bob")
    bob.trust()
    assert refused(bob.manager, "SignUp", "ssa{sv}", "alice", "another horse", {})[0] == ERROR + "NameTaken"
    assert refused(bob.manager, "SignIn", "ssa{sv}", "alice", "another horse", {})[0] == ERROR + "BadCredentials"
    assert refused(bob.manager, "SignIn", "ssa{sv}", "nobody", "another horse", {})[0] == ERROR + "BadCredentials"


def test_in_again_while_in(world):
    """The same person, the same key: what this device hosts stays its own."""
    alice = world.people("alice")
    lobby = alice.host("lobby")
    assert refused(alice.manager, "SignIn", "ssa{sv}", "alice", "another horse", {})[0] == ERROR + "BadCredentials"
    assert alice.get(lobby, CHANNEL, "State") == "live"
    alice.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: lobby in alice.objects() and alice.get(lobby, CHANNEL, "State") == "live", "the lobby to be live")
    assert alice.host("lobby") == lobby


def test_out_and_in_again(world):
    alice = world.people("alice")
    account = alice.get(PATH, MANAGER, "DefaultAccount")
    lobby = alice.host("lobby")
    alice.send(lobby, "before", wait="stored")
    alice.call(account, ACCOUNT, "SignOut", "a{sv}", {})
    wait_for(lambda: lobby not in alice.objects(), "the channels of nobody")
    assert alice.get(account, ACCOUNT, "UserType") == "none"
    assert refused(alice.send, lobby, "x")[0] == "org.freedesktop.DBus.Error.UnknownObject"
    assert refused(alice.call, account, ACCOUNT, "SignOut", "a{sv}", {})[0] == ERROR + "NotSignedIn"

    alice.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: lobby in alice.objects(), "alice's channel to be back")
    assert alice.texts(lobby) == ["before"]


def test_guest(world):
    alice, carol = world.people("alice"), world.peer("carol")
    alice.host("lobby")
    carol.trust()
    assert refused(carol.manager, "SignInGuest", "sa{sv}", "guest-carol", {})[0] == ERROR + "InvalidName"
    carol.manager("SignInGuest", "sa{sv}", "carol", {})
    account = carol.get(PATH, MANAGER, "DefaultAccount")
    assert (carol.get(account, ACCOUNT, "Username"), carol.get(account, ACCOUNT, "UserType")) == ("guest-carol", "guest")
    assert refused(carol.manager, "Host", "sa{sv}", "mine", {})[0] == ERROR + "GuestsNotAllowed"
    lobby = carol.join("lobby")
    wait_for(lambda: carol.get(lobby, CHANNEL, "State") == "live", "the lobby to be live")
    assert refused(carol.send, lobby, "may I?", wait="stored")[0] == ERROR + "GuestsNotAllowed"
