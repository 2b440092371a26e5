# SPDX-License-Identifier: LGPL-2.1-or-later
"""recover, passwd, devices and delete-account, as people and scripts meet them: texts, JSON, exit statuses,
and at a terminal."""
import json
import os
import pty
import re
import select

import pytest

from p2pchat import DEADLINE, wait_for
from test_ctl import TIME, fails, js

CODE = re.compile(r"[0-9a-z]{5}(?:-[0-9a-z]{5}){3}")


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n")
    w.people("alice")
    w.desk, w.laptop, w.guest = (w.peer(name) for name in ("desk", "laptop", "guest"))
    for peer in (w.desk, w.laptop, w.guest):
        peer.trust()
    w.guest.ctl("guest", "gail")
    return w


def sign_up(peer, name):
    """→ the recovery code."""
    return CODE.search(peer.ctl("signup", name, "--password-fd=0", stdin="correct horse\n").stderr).group()


def until_dismissed(peer):
    wait_for(lambda: "sign in again" in js(peer, "status")["account"]["tracker_reason"], f"{peer.name} to be out")


def read_terminal(terminal):
    """What it shows next; b"" at its end."""
    assert select.select([terminal], [], [], DEADLINE)[0], "nothing more is shown"
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a terminal ends
        return b""


def at_terminal(peer, arguments, answers):
    """Each answer when its prompt is there; → exit status and all that the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(os.environ["P2PCHATCTL"], ["p2pchatctl", *arguments], peer.environment())
    shown, more, begin = b"", b"", 0
    try:
        for prompt, answer in answers:
            while prompt.encode() not in shown[begin:]:
                more = read_terminal(terminal)
                assert more, f"no {prompt!r} in {shown!r}"
                shown += more
            begin = len(shown)
            os.write(terminal, answer.encode() + b"\n")
        while more := read_terminal(terminal):
            shown += more
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()
    finally:
        os.close(terminal)


def test_recover(stage):
    code = sign_up(stage.desk, "rita")
    laptop = stage.laptop
    for status, name, given in ((5, "BadCredentials", "00000-00000-00000-00000\nbattery staple\n"),
                                (7, "WeakPassword", f"{code}\nshort\n"), (2, "BadRequest", f"{code}\n"),
                                (7, "BadRequest", "x" * 100 + "\nbattery staple\n"),
                                (2, "BadRequest", ""), (2, "BadRequest", "x" * 300 + "\n")):
        assert fails(laptop, status, "recover", "rita", "--password-fd=0", stdin=given) == name, given
    assert fails(laptop, 2, "recover") == "BadRequest"
    assert fails(laptop, 2, "recover", "rita", "--password-fd=x") == "BadRequest"
    result = laptop.ctl("recover", "rita", "--password-fd=0", stdin=f"{code}\nbattery staple\n")
    assert result.stdout == "rita\n" and "shown this once" in result.stderr
    second = CODE.search(result.stderr).group()
    assert second != code
    until_dismissed(stage.desk)
    shown = js(stage.desk, "recover", "rita", "--password-fd=0", stdin=f"{second}\nthird staple\n")
    assert shown["username"] == "rita" and CODE.fullmatch(shown["recovery_code"])
    assert fails(stage.guest, 1, "recover", "rita", "--password-fd=0", stdin=f"{code}\nbattery staple\n") == \
        "AlreadySignedIn"
    until_dismissed(laptop)
    assert "sign in again" in laptop.ctl("status").stdout
    for peer in (stage.desk, laptop):
        peer.ctl("signout")


def test_passwd_and_devices(stage):
    desk, laptop = stage.desk, stage.laptop
    sign_up(desk, "paula")
    laptop.ctl("signin", "paula", "--password-fd=0", stdin="correct horse\n")
    listed = js(desk, "devices")
    assert len(listed) == 2 and [d["this"] for d in listed].count(True) == 1
    for device in listed:
        assert set(device) == {"key", "created", "seen", "this"}
        assert re.fullmatch("[0-9a-f]{64}", device["key"])
        assert TIME.fullmatch(device["created"]) and TIME.fullmatch(device["seen"])
    lines = desk.ctl("devices").stdout.splitlines()
    assert lines[0].split() == ["KEY", "SINCE", "SEEN", "HERE"] and len(lines) == 3
    assert sum(line.endswith("yes") for line in lines) == 1
    assert isinstance(json.loads(desk.ctl("devices", "--json=pretty").stdout), list)

    for status, name, given in ((5, "BadCredentials", "wrong horse\nbattery staple\n"),
                                (7, "WeakPassword", "correct horse\nshort\n"), (2, "BadRequest", "correct horse\n")):
        assert fails(desk, status, "passwd", "--password-fd=0", stdin=given) == name
    assert fails(desk, 2, "passwd", "new password") == "BadRequest"
    assert js(desk, "passwd", "--keep-others", "--password-fd=0", stdin="correct horse\nbattery staple\n") == {}
    assert len(js(laptop, "devices")) == 2
    result = desk.ctl("passwd", "--password-fd=0", stdin="battery staple\nthird staple\n")
    assert (result.stdout, result.stderr) == ("", "")
    until_dismissed(laptop)
    assert fails(laptop, 3, "devices") == "Revoked"
    assert fails(laptop, 3, "passwd", "--password-fd=0", stdin="third staple\nbattery staple\n") == "Revoked"

    laptop.ctl("signin", "paula", "--password-fd=0", stdin="third staple\n")
    own, other = (next(d["key"] for d in js(desk, "devices") if d["this"] is this) for this in (True, False))
    assert fails(desk, 7, "devices", "--revoke=" + own) == "BadRequest"
    assert fails(desk, 7, "devices", "--revoke=x") == "BadRequest"
    assert fails(desk, 7, "devices", "--revoke=" + "0" * 64) == "BadRequest"
    assert js(desk, "devices", "--revoke=" + other) == {}
    until_dismissed(laptop)
    assert [d["key"] for d in js(desk, "devices")] == [own]
    for peer in (desk, laptop):
        peer.ctl("signout")


def test_who_has_no_account(stage):
    for peer, status, name in ((stage.guest, 5, "GuestsNotAllowed"), (stage.desk, 3, "NotSignedIn")):
        for arguments in (["passwd", "--password-fd=0"], ["devices"], ["devices", "--revoke=" + "0" * 64],
                          ["delete-account", "--password-fd=0"]):
            assert fails(peer, status, *arguments, stdin="correct horse\nbattery staple\n") == name


def test_at_a_terminal(stage):
    desk = stage.desk
    code = sign_up(desk, "tina")
    status, shown = at_terminal(desk, ["passwd"], [("Present password: ", "correct horse"),
                                                   ("New password: ", "battery staple"),
                                                   ("The same again: ", "batery staple")])
    assert status == 2 and "differ" in shown
    status, shown = at_terminal(desk, ["passwd"], [("Present password: ", "correct horse"),
                                                   ("New password: ", "battery staple"),
                                                   ("The same again: ", "battery staple")])
    assert status == 0 and "staple" not in shown and "horse" not in shown
    status, shown = at_terminal(desk, ["recover", "tina"], [("Recovery code: ", code), ("New password: ", "third staple"),
                                                            ("The same again: ", "third staple")])
    assert status == 0 and code not in shown and CODE.search(shown)

    status, shown = at_terminal(desk, ["delete-account"], [("Type the name to go on: ", "tinna")])
    assert status == 1 and "nothing was done" in shown
    status, shown = at_terminal(desk, ["delete-account"], [("Type the name to go on: ", "tina"), ("Password: ", "wrong one")])
    assert status == 5
    assert js(desk, "whoami")["username"] == "tina"
    status, shown = at_terminal(desk, ["delete-account"], [("Type the name to go on: ", "tina"), ("Password: ", "third staple")])
    assert status == 0 and "for ever" in shown and "staple" not in shown
    assert js(desk, "whoami")["username"] is None


def test_delete(stage):
    desk = stage.desk
    sign_up(desk, "dora")
    desk.ctl("host", "doras")
    assert fails(desk, 5, "delete-account", "--password-fd=0", stdin="wrong horse\n") == "BadCredentials"
    assert fails(desk, 2, "delete-account", "--password-fd=0") == "BadRequest"
    assert fails(desk, 2, "delete-account", "dora") == "BadRequest"
    assert [c["channel_name"] for c in js(desk, "channels")] == ["doras"]
    assert js(desk, "delete-account", "--password-fd=0", stdin="correct horse\n") == {}
    assert js(desk, "channels") == []
    assert fails(desk, 7, "signup", "dora", "--password-fd=0", stdin="correct horse\n") == "NameTaken"
    assert fails(desk, 5, "signin", "dora", "--password-fd=0", stdin="correct horse\n") == "BadCredentials"
    assert "doras" not in [c["channel_name"] for c in js(stage.guest, "list")]
