# SPDX-License-Identifier: LGPL-2.1-or-later
"""The story of who may do what, by nothing but p2pchatctl: bob, refused, is live without a command once alice lets
him in, also after both were away; mallory is banned with a reason, which both ends tell."""
import json
import re

from p2pchat import wait_for


def shown(peer, *arguments, status=0):
    result = peer.ctl(*arguments, check=False)
    assert result.returncode == status, (arguments, result.stdout, result.stderr)
    return result.stdout + result.stderr


def state(peer, channel):
    return json.loads(peer.ctl("status", channel, "-j").stdout)["state"]


def wait_state(peer, channel, wanted):
    wait_for(lambda: state(peer, channel) == wanted, f"{peer.name} to be {wanted} in {channel}")


def log(peer, channel):
    return [re.sub(r"^\S+ \S+ #\d+ ", "", line) for line in peer.ctl("log", channel).stdout.splitlines()]


def test_let_in(world):
    alice, bob = world.people("alice", "bob")
    alice.ctl("host", "den", "--view=restricted", "--topic=quiet")
    assert not re.search("quiet", shown(bob, "list"))

    told = shown(bob, "join", "den", status=5)
    assert "ask alice to authorize you" in told and "p2pchatctl leave den" in told
    assert state(bob, "den") == "denied" and "p2pchatctl access den" in shown(bob, "status", "den")
    for verb in (["members", "den"], ["info", "den"], ["send", "den", "--wait=stored", "let me in"]):
        assert "ask alice to authorize you" in shown(bob, *verb, status=5), verb
    assert "restricted channel; only members may send; bob is not a member" in shown(bob, "access", "den")

    shown(alice, "authorize", "den", "bob")
    wait_state(bob, "den", "live")
    wait_for(lambda: log(bob, "den")[-1:] == ["* alice made bob a member"], "bob to see who let him in")
    assert "alice made bob a member on" in shown(bob, "access", "den")
    shown(bob, "send", "den", "--wait=stored", "thank you")

    # And once more, where both were away in between.
    shown(alice, "deauthorize", "den", "bob")
    wait_state(bob, "den", "denied")
    assert "bob: thank you" in log(bob, "den"), "what was read stays"
    for peer in (alice, bob):
        peer.stop_daemon()
        peer.start_daemon()
    wait_state(alice, "den", "live")
    wait_state(bob, "den", "denied")
    assert "alice removed bob on" in shown(bob, "access", "den")
    shown(alice, "authorize", "den", "bob")
    wait_state(bob, "den", "live")
    wait_for(lambda: log(bob, "den") == log(alice, "den"), "bob to have it all")
    assert log(bob, "den")[-2:] == ["* alice took the role from bob", "* alice made bob a member"]


def test_banned(world):
    alice, mod, mallory = world.people("alice", "mod", "mallory")
    alice.ctl("host", "lobby")
    for peer in (mod, mallory):
        shown(peer, "join", "lobby")
        wait_state(peer, "lobby", "live")
    shown(mallory, "send", "lobby", "--wait=stored", "buy now")
    assert "Only moderators may do this; alice, the owner, makes them." in shown(mod, "ban", "lobby", "mallory", status=5)
    shown(alice, "authorize", "lobby", "mod", "--role=moderator")
    shown(mod, "ban", "lobby", "mallory", "--until=2h", "--reason=spam")

    # Who is banned hears by whom, until when and why; what is written now fails with that, and does not wait.
    wait_state(mallory, "lobby", "denied")
    until = r"until \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.search(rf"mod has banned you from this channel {until}: spam", shown(mallory, "status", "lobby"))
    assert re.search("reason of the ban: spam", shown(mallory, "access", "lobby"))
    assert re.search(rf"mod has banned you .* {until}: spam",
                     shown(mallory, "send", "lobby", "--wait=stored", "buy more", status=5))
    rows = {row["message_content"]: row for row in json.loads(mallory.ctl("outbox", "-j").stdout)}
    assert (rows["buy more"]["state"], rows["buy more"]["error"]) == ("failed", "org.p2pchat.Error.Banned")
    assert re.search(r"failed +Banned +buy more$", shown(mallory, "outbox"), re.MULTILINE)

    # The others see it in the log, moderators in the list.
    for peer in (alice, mod):
        wait_for(lambda p=peer: re.search(r"\* mod banned mallory until \d{4}-\d\d-\d\d \d\d:\d\d \(spam\)$",
                                          "\n".join(log(p, "lobby"))), f"the ban to be in the log of {peer.name}")
        assert re.search(r"^mallory +registered +mod .* spam$", shown(peer, "bans", "lobby"), re.MULTILINE)
    assert not any("banned" in line for line in log(mallory, "lobby")), "nothing comes after the right is gone"

    shown(alice, "unban", "lobby", "mallory")
    wait_state(mallory, "lobby", "live")
    wait_for(lambda: log(mallory, "lobby")[-1:] == ["* alice lifted the ban of mallory"], "the rest to be told")
    assert shown(mod, "bans", "lobby") == "Nobody is banned.\n"
