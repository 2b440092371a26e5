# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manager.Invisible and p2pchatctl invisible: who may switch it, that it is kept, and that it is told."""
import json
import signal

import dbus
import pytest

from p2pchat import CHANNEL, ERROR, MANAGER, PATH, PROPERTIES, close_heard, dispatch, refused, wait_for, wait_signal

INVALID_SIGNATURE = "org.freedesktop.DBus.Error.InvalidSignature"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"


def put(peer, value):
    peer.call(PATH, PROPERTIES, "Set", "ssv", MANAGER, "Invisible", value)


def get(peer):
    return peer.get(PATH, MANAGER, "Invisible")


def test_kept(world):
    """It is on disk when it is answered; of this user, on this computer, until it is switched off."""
    alice = world.people("alice")
    assert get(alice) is False
    with alice.signals(signal_name="PropertiesChanged", path=PATH) as got:
        put(alice, True)
        wait_signal(got, lambda s: s[3][1] == {"Invisible": True}, "it to be told")
    assert get(alice) is True
    alice.stop_daemon(signal.SIGKILL)
    alice.start_daemon()
    assert get(alice) is True
    assert json.loads(alice.manager("Describe", "a{sv}", {}))["invisible"] is True

    account = alice.get(PATH, MANAGER, "DefaultAccount")
    alice.call(account, "org.p2pchat.Peer1.Account", "SignOut", "a{sv}", {})
    assert get(alice) is False
    alice.sign_up("carol")
    assert get(alice) is False, "another user's"
    alice.call(account, "org.p2pchat.Peer1.Account", "SignOut", "a{sv}", {})
    alice.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: get(alice) is True, "what alice wished before")
    put(alice, False)
    put(alice, False)
    alice.stop_daemon(signal.SIGKILL)
    alice.start_daemon()
    assert get(alice) is False


def test_many_at_once(world):
    """The last one holds, on disk too; each is answered."""
    alice = world.people("alice")
    bus = alice.connect(mainloop=dbus.mainloop.glib.DBusGMainLoop())
    answers = []
    for n in range(51):
        bus.call_async("org.p2pchat.Peer1", PATH, PROPERTIES, "Set", "ssv", (MANAGER, "Invisible", n % 2 == 0),
                       lambda *a: answers.append(True), lambda e: answers.append(e))
    wait_for(lambda: dispatch() or len(answers) == 51, "all to be answered")
    assert answers == [True] * 51
    close_heard(bus)
    assert get(alice) is True
    alice.stop_daemon(signal.SIGKILL)
    alice.start_daemon()
    assert get(alice) is True


def test_not_for_everybody(world):
    world.start_tracker()
    gus = world.peer("gus")
    assert refused(put, gus, True)[0] == ERROR + "NotSignedIn"
    gus.trust()
    assert refused(put, gus, True)[0] == ERROR + "NotSignedIn"
    gus.manager("SignInGuest", "sa{sv}", "gus", {})
    for value in (True, False):
        name, message = refused(put, gus, value)
        assert name == ERROR + "GuestsNotAllowed" and "sign up" in message
    assert get(gus) is False
    result = gus.ctl("invisible", "on", "-j", check=False)
    assert (result.returncode, json.loads(result.stdout)["error"]["name"]) == (5, ERROR + "GuestsNotAllowed")


@pytest.mark.parametrize("value", ("on", 1, dbus.Byte(1), dbus.UInt32(1), dbus.Array([True], signature="b"), 1.0))
def test_wrong_type(module_world, value):
    alice = module_world.peers[0] if module_world.peers else module_world.people("alice")
    assert refused(put, alice, value)[0] == INVALID_ARGS
    assert get(alice) is False
    for args in (("ss", MANAGER, "Invisible"), ("s", MANAGER), ("ssb", MANAGER, "Invisible", True)):
        assert refused(alice.call, PATH, PROPERTIES, "Set", *args)[0] in (INVALID_ARGS, INVALID_SIGNATURE)
    for interface, name in ((MANAGER, "Visible"), ("org.p2pchat.Peer1.Nothing", "Invisible"), (MANAGER, "Version"),
                            (CHANNEL, "Invisible")):
        assert refused(alice.call, PATH, PROPERTIES, "Set", "ssv", interface, name, True)[0].startswith(
            "org.freedesktop.DBus.Error.")
    assert get(alice) is False


def test_ctl(world):
    alice = world.people("alice")
    assert alice.ctl("invisible").stdout == "off\n"
    assert json.loads(alice.ctl("invisible", "--json").stdout) == {"invisible": False}
    assert "Shown as" not in alice.ctl("status").stdout
    assert alice.ctl("invisible", "on").stdout == ""
    assert alice.ctl("invisible").stdout == "on\n"
    assert "invisible off" in next(x for x in alice.ctl("status").stdout.splitlines() if x.startswith("Shown as:"))
    assert json.loads(alice.ctl("status", "-j").stdout)["invisible"] is True
    assert json.loads(alice.ctl("invisible", "off", "-j").stdout) == {}
    assert json.loads(alice.ctl("invisible", "-j").stdout) == {"invisible": False}
    assert alice.ctl("invisible", "maybe", check=False).returncode == 2
    assert alice.ctl("invisible", "on", "off", check=False).returncode == 2
