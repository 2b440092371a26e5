# SPDX-License-Identifier: LGPL-2.1-or-later
"""kick, ban, unban and bans on the bus and in p2pchatctl, between real daemons, here and at the host."""
import json
import re
import time

import dbus
import pytest

from p2pchat import CHANNEL, ERROR, MODERATION, refused, wait_for

HOUR = 3600


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.alice, w.bob, w.carol = w.people("alice", "bob", "carol")
    return w


@pytest.fixture
def room(stage, request):
    """→ (name, alice's path, bob's): carol is a moderator, and all are there."""
    name = re.sub("[^a-z]", "-", request.node.name)[5:]
    path = stage.alice.host(name)
    his, hers = stage.bob.join(name), stage.carol.join(name)
    stage.alice.ctl("authorize", name, "carol", "--role=moderator")
    for peer, p in ((stage.bob, his), (stage.carol, hers)):
        wait_for(lambda: peer.get(p, CHANNEL, "State") == "live", f"{peer.name} to be there")
    return name, path, his, hers


def listing(peer, *arguments):
    return json.loads(peer.ctl(*arguments, "-j").stdout)


def refusal(*how):
    return refused(moderate, *how)[0]


def moderate(peer, path, method, signature, *arguments):
    return peer.call(path, MODERATION, method, signature, *arguments)


def head(stage, path):
    return int(stage.alice.get(path, CHANNEL, "LastSeq"))


def test_bus(stage, room):
    """By a moderator elsewhere; what the host that we are says is the same."""
    name, path, his, hers = room
    carol, bob = stage.carol, stage.bob
    for method, signature, options in (("Kick", "sa{sv}", {}), ("Ban", "sa{sv}", {"reason": "x"}), ("Unban", "sa{sv}", {})):
        for target, expected in (("alice", "NotModerator"), ("carol", "BadRequest"), ("no name", "InvalidName")):
            assert refusal(carol, hers, method, signature, target, options) == ERROR + expected
        assert refusal(bob, his, method, signature, "carol", options) == ERROR + "NotModerator"
    for options in ({"reason": "x" * 257}, {"reason": "a\nb"}, {"until": 1_000_000}):
        for peer, p in ((stage.alice, path), (carol, hers)):
            typed = {k: dbus.UInt64(v) if k == "until" else v for k, v in options.items()}
            assert refusal(peer, p, "Ban", "sa{sv}", "bob", typed) == ERROR + "BadRequest"
    for peer, p in ((stage.alice, path), (carol, hers)):
        assert refusal(peer, p, "Ban", "sa{sv}", "nobody-there", {}) == ERROR + "NoSuchUser"
        assert refusal(peer, p, "Ban", "sa{sv}", "guest-nobody", {}) == ERROR + "NoSuchUser"
    moderate(carol, hers, "Ban", "sa{sv}", "bob", {"reason": "spam"})
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "denied", "bob to be out")
    lists = [moderate(p, q, "ListBanned", "a{sv}", {}) for p, q in ((stage.alice, path), (carol, hers))]
    assert lists[0] == lists[1]
    ((row,), after) = lists[0]
    assert (row[0], row[1], row[2], row[3], after) == ("bob", "carol", "spam", 0, "")
    assert abs(row[4]["since"] / 1e6 - time.time()) < HOUR and row[4]["user_type"] == "registered" and "key" not in row[4]
    lists = [moderate(p, q, "ListAuthorized", "a{sv}", {"limit": dbus.UInt32(1)})
             for p, q in ((stage.alice, path), (carol, hers))]
    assert lists[0] == lists[1]
    ((row,), after) = lists[0]
    assert (row[0], row[1], row[3]["by"], after) == ("carol", "moderator", "alice", "")
    assert abs(row[2] / 1e6 - time.time()) < HOUR
    assert refusal(bob, his, "ListBanned", "a{sv}", {}) == ERROR + "Banned"
    moderate(stage.alice, path, "Unban", "sa{sv}", "bob", {})
    assert moderate(carol, hers, "ListBanned", "a{sv}", {}) == ([], "")
    bob.ctl("connect", name)
    assert refusal(bob, his, "ListBanned", "a{sv}", {}) == ERROR + "NotModerator"


def test_ctl(stage, room):
    name, path, his, _ = room
    alice, bob, carol = stage.alice, stage.bob, stage.carol
    assert alice.ctl("bans", name).stderr == "Nobody is banned.\n"
    assert listing(alice, "bans", name) == []
    assert bob.ctl("bans", name, check=False).returncode == 5
    assert bob.ctl("ban", name, "carol", check=False).returncode == 5
    f = carol.ctl("ban", name, "nobody-there", check=False)
    assert f.returncode == 4 and "nobody-there" in f.stderr
    for wrong in ("soon", "-2h", "2x", "2026-13-01"):
        f = carol.ctl("ban", name, "bob", "--until=" + wrong, check=False)
        assert f.returncode == 2 and "90min" in f.stderr, wrong
    before = head(stage, path)
    f = carol.ctl("ban", name, "bob", "--until=2020-01-01", check=False)
    assert f.returncode == 7 and "until" in f.stderr
    assert head(stage, path) == before
    carol.ctl("ban", name, "bob", "--until=2h", "--reason=spam, again")
    (row,) = listing(carol, "bans", name)
    assert {k: v for k, v in row.items() if k not in ("since", "until")} == {
        "username": "bob", "user_type": "REGISTERED", "by": "carol", "reason": "spam, again"}
    shown = alice.ctl("bans", name).stdout
    assert re.search(r"^bob +registered +carol .* spam, again$", shown, re.MULTILINE), shown
    assert re.search(r"carol banned bob until \d{4}-\d\d-\d\d \d\d:\d\d \(spam, again\)$", alice.ctl("log", name).stdout,
                     re.MULTILINE)
    (entry,) = [e for e in map(json.loads, alice.ctl("log", name, "-j").stdout.splitlines()) if e["kind"] == "ban"]
    assert entry["until"] == row["until"]
    assert listing(carol, "info", name)["banned"][0]["username"] == "bob"
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "denied", "bob to be out")
    assert ": spam, again. What is here is kept" in bob.ctl("status", name).stdout
    f = bob.ctl("send", name, "but I", "--wait=stored", check=False)
    assert f.returncode == 5 and "spam, again" in f.stderr, f
    bob.ctl("send", name, "and I")
    wait_for(lambda: [r["state"] for r in listing(bob, "outbox")] == ["failed"] * 2, "both to fail")
    assert [(r["message_content"], r["error"]) for r in listing(bob, "outbox")] == [
        ("but I", ERROR + "Banned"), ("and I", ERROR + "Banned")]
    carol.ctl("unban", name, "bob", "--reason=has served")
    carol.ctl("unban", name, "bob")
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "bob to be back")
    for row in listing(bob, "outbox"):
        bob.ctl("outbox", "retry", row["id"])
    wait_for(lambda: alice.texts(path)[-2:] == ["but I", "and I"], "what failed to be said after all")
    assert head(stage, path) == before + 4
    assert "carol lifted the ban of bob (has served)\n" in alice.ctl("log", name).stdout
    (row,) = listing(bob, "authorize", name)
    assert (row["username"], row["role"], row["by"]) == ("carol", "moderator", "alice")
    assert re.search(r"^carol +moderator +alice ", bob.ctl("authorize", name).stdout, re.MULTILINE)
    # A role is given and taken for a reason as well.
    carol.ctl("authorize", name, "bob", "--reason=helps out")
    alice.ctl("deauthorize", name, "bob", "--reason=has left")
    shown = alice.ctl("log", name).stdout
    assert "carol made bob a member (helps out)\n" in shown and "alice took the role from bob (has left)\n" in shown
    assert re.search(r"alice removed bob on [-0-9]+ [0-9:]+ UTC: has left$", bob.ctl("access", name).stdout, re.MULTILINE)
    for wrong in ("x" * 257, "a\nb"):
        for verb in ("authorize", "deauthorize", "unban"):
            f = alice.ctl(verb, name, "bob", "--reason=" + wrong, check=False)
            assert f.returncode == 7 and "reason" in f.stderr, (verb, wrong)
    assert head(stage, path) == before + 6


def test_kick(stage, room):
    name, path, his, _ = room
    before = head(stage, path)
    stage.carol.ctl("kick", name, "nobody-there")
    assert head(stage, path) == before
    stage.carol.ctl("kick", name, "bob", "--reason=too loud")
    wait_for(lambda: stage.bob.get(his, CHANNEL, "State") == "closed", "bob to be out")
    assert stage.bob.get(his, CHANNEL, "StateReason") == "kicked"
    assert "carol sent bob out (too loud)\n" in stage.alice.ctl("log", name).stdout
    f = stage.bob.ctl("connect", name, check=False)
    assert f.returncode == 7 and re.search(r"carol has sent you out .* in \d+ s", f.stderr), f.stderr


def test_told(stage, room):
    """The journal of the host tells who did what to whom, and no word that somebody wrote; who was sent out hears
    how to come back, not that the host is away."""
    name, path, his, _ = room
    alice, bob, carol = stage.alice, stage.bob, stage.carol

    def journal():
        lines = [line.split(">", 1)[-1] for line in alice.log().splitlines() if name in line and ">Channel " not in line]
        return [line for line in lines if not re.fullmatch(rf"\w+ (is in|left|was not let into) {name}.*", line)]

    before = len(journal())
    assert f"alice made carol a moderator of {name}" in journal()
    carol.ctl("kick", name, "bob", "--reason=unheard of")
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "closed", "bob to be out")
    for verb in ("access", "members"):
        f = bob.ctl(verb, name, check=False)
        assert f.returncode == 1 and f"connect {name}" in f.stderr and "host is away" not in f.stderr, f.stderr
    bob.ctl("connect", name, check=False)
    f = bob.ctl("access", name, check=False)
    assert f.returncode == 1 and "not let you in yet" in f.stderr, f.stderr
    carol.ctl("ban", name, "bob", "--reason=unheard of", "--until=2h")
    carol.ctl("unban", name, "bob")
    carol.ctl("ban", name, "bob")
    alice.ctl("deauthorize", name, "carol")
    alice.ctl("view", name, "restricted")
    told = journal()[before:]
    assert "unheard of" not in "".join(told)
    until = r"until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    for line, words in zip(told, (rf"carol sent bob out of {name}", rf"carol banned bob from {name} {until}",
                                  rf"carol lifted the ban of bob from {name}", rf"carol banned bob from {name} for good",
                                  rf"alice took the role in {name} from carol",
                                  rf"alice set what {name} permits: view restricted, send registered"), strict=True):
        assert re.fullmatch(words, line), told

    alice.ctl("topic", name, "salt")
    alice.ctl("topic", name, "")
    told = alice.ctl("log", name, "-n", "2").stdout
    assert "alice set the topic: salt\n" in told and told.endswith("alice removed the topic\n")
    f = alice.ctl("redact", name, "1", check=False)
    assert f.returncode == 4 and "by the seq that the log shows" in f.stderr
    log = carol.ctl("log", name).stdout
    assert "alice made carol a moderator\n" in log
    wait_for(lambda: "alice took the role from carol\n" in alice.ctl("log", name).stdout, "the log to say the same")
