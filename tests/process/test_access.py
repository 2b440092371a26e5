# SPDX-License-Identifier: LGPL-2.1-or-later
"""What somebody may do and why, through D-Bus and p2pchatctl, where the channel is hosted here and where it is
hosted elsewhere; and who was refused is live again without a command."""
import json
import re

import dbus
import pytest

from p2pchat import CHANNEL, MODERATION, refused, wait_for

ERROR = "org.p2pchat.Error."
KEYS = {"username", "user_type", "role", "can_view", "can_send", "can_moderate", "why"}
MINUTE = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n")
    w.alice, w.bob = w.people("alice", "bob")
    return w


def explain(peer, path, name=""):
    x = peer.call(path, CHANNEL, "ExplainAccess", "sa{sv}", name, {})
    assert set(x) == KEYS and 1 <= len(x["why"]) <= 8
    assert all(isinstance(x[k], (bool, dbus.Boolean)) for k in ("can_view", "can_send", "can_moderate"))
    return str(x["role"]), "".join(k[4] for k in ("can_view", "can_send", "can_moderate") if x[k]), \
        [str(t) for t in x["why"]]


def state(peer, path):
    return peer.get(path, CHANNEL, "State")


def test_both_sides(stage):
    """Hosted here and elsewhere it is the same; of others only moderators are told."""
    here = stage.alice.host("club", view_permission="restricted", send_permission="members")
    stage.alice.call(here, MODERATION, "Authorize", "ssa{sv}", "bob", "moderator", {})
    there = stage.bob.join("club")
    wait_for(lambda: state(stage.bob, there) == "live", "bob to be in")
    for name in ("alice", "bob", "carol", "guest-gail", "nobody-has-this"):
        assert explain(stage.alice, here, name) == explain(stage.bob, there, name), name
    assert explain(stage.alice, here) == explain(stage.bob, there, "alice")
    assert explain(stage.bob, there) == explain(stage.alice, here, "BOB")
    assert explain(stage.alice, here)[:2] == ("owner", "vsm")
    role, what, why = explain(stage.bob, there)
    assert (role, what, why[:3]) == ("moderator", "vsm", ["restricted channel", "only members may send",
                                                         "bob is a moderator"])
    assert explain(stage.bob, there, "nobody-has-this") == \
        ("none", "", ["restricted channel", "only members may send", "nobody-has-this is not a member"])
    stage.alice.call(here, MODERATION, "Authorize", "ssa{sv}", "bob", "member", {})
    name, message = refused(stage.bob.call, there, CHANNEL, "ExplainAccess", "sa{sv}", "alice", {})
    assert name == ERROR + "NotModerator" and message
    for path, peer in ((here, stage.alice), (there, stage.bob)):
        for wrong in ("x", "a b", "b\u00fcb", "a" * 33, "-bob"):
            assert refused(peer.call, path, CHANNEL, "ExplainAccess", "sa{sv}", wrong, {})[0] == ERROR + "InvalidName"


def test_ctl(stage):
    stage.alice.host("attic", view_permission="restricted")
    stage.alice.ctl("authorize", "attic", "bob")
    stage.bob.ctl("join", "attic")
    stage.alice.ctl("deauthorize", "attic", "bob")
    wait_for(lambda: json.loads(stage.bob.ctl("-j", "status", "attic").stdout)["state"] == "denied", "bob to be out")
    lines = stage.bob.ctl("access", "attic").stdout.splitlines()
    assert lines[0] == "bob: none; may not view, may not send, may not moderate"
    assert re.fullmatch(rf"restricted channel; only members may send; bob is not a member; "
                        rf"alice removed bob on {MINUTE}", lines[1])
    assert stage.alice.ctl("access", "attic", "bob").stdout.splitlines() == lines
    shown = json.loads(stage.bob.ctl("-j", "access", "attic").stdout)
    assert set(shown) == KEYS and shown == json.loads(stage.alice.ctl("-j", "access", "attic", "bob").stdout)
    assert (shown["username"], shown["role"], shown["can_view"]) == ("bob", "none", False)
    assert "; ".join(shown["why"]) == lines[1]
    mine = stage.alice.ctl("access", "attic").stdout
    assert mine.startswith("alice: owner; may view, may send, may moderate\n") and "alice is the owner" in mine

    for peer, arguments, status, error in ((stage.bob, ("attic", "alice"), 5, "NotModerator"),
                                           (stage.alice, ("attic", "a b"), 7, "InvalidName"),
                                           (stage.alice, ("no-such",), 4, "NoSuchChannel")):
        r = peer.ctl("-j", "access", *arguments, check=False)
        assert r.returncode == status, (arguments, r)
        assert json.loads(r.stdout)["error"]["name"].endswith(error)
    for arguments in ((), ("attic", "bob", "more")):
        assert stage.bob.ctl("access", *arguments, check=False).returncode == 2


def test_back_without_a_command(stage):
    here = stage.alice.host("cellar", view_permission="restricted")
    stage.alice.ctl("authorize", "cellar", "bob")
    there = stage.bob.join("cellar")
    wait_for(lambda: state(stage.bob, there) == "live", "bob to be in")
    stage.alice.ctl("deauthorize", "cellar", "bob")
    wait_for(lambda: state(stage.bob, there) == "denied", "bob to be out")
    assert explain(stage.bob, there)[:2] == ("none", "")
    stage.alice.ctl("authorize", "cellar", "bob")
    wait_for(lambda: state(stage.bob, there) == "live", "bob to be in again")
    assert explain(stage.bob, there)[:2] == ("member", "vs")
    stage.alice.ctl("deauthorize", "cellar", "bob")
    wait_for(lambda: state(stage.bob, there) == "denied", "bob to be out again")
    stage.alice.call(here, MODERATION, "SetPermissions", "a{sv}", {"view_permission": "public"})
    wait_for(lambda: state(stage.bob, there) == "live", "all to be in")


def test_host_away(stage):
    stage.alice.host("shed")
    there = stage.bob.join("shed")
    stage.alice.stop()
    wait_for(lambda: state(stage.bob, there) == "offline", "the host to be away")
    assert refused(stage.bob.call, there, CHANNEL, "ExplainAccess", "sa{sv}", "", {})[0] == ERROR + "HostOffline"
    r = stage.bob.ctl("-j", "access", "shed", check=False)
    assert json.loads(r.stdout)["error"]["name"] == ERROR + "HostOffline"
    stage.alice.start()
