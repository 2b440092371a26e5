# SPDX-License-Identifier: LGPL-2.1-or-later
"""DEBUG: the insides of a host, over the wire, over D-Bus here and elsewhere, and by p2pchatctl; and what a
daemon counts of itself."""
import json
import re

import dbus
import pytest

import wirestage
from conformance import sentence
from modelstage import MemberStage
from outsider import Connection
from p2pchat import CHANNEL, ERROR, HOST, MANAGER, MODERATION, PATH, refused, wait_for

NOT_OWNER = ("UNAUTHORIZED", "not-owner")


class Stage(wirestage.Stage):
    def __init__(self, world):
        super().__init__(world)
        self.start_host()
        for name in ("bob", "bob-2", "bob.3", "mod"):
            self.person(name)
        self.people["guest"] = self.person("guest-gail")
        for who, name in (("owner", "alice"), ("bob again", "bob")):
            self.people[who] = self.device(name)


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world)


class Room(wirestage.Room):
    """member(who): who is of stage.people, and has read all that there is."""

    def member(self, who, **how):
        m = super().member(who, **how)
        m.read_to(m.state["last_seq"])
        return m


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        yield Room(stage, dial)
    assert stage.alice.is_up()


def rows(debug):
    return [(r["username"], r["key"]) for r in debug["members"]]


# -- the wire

@sentence("5.DEBUG.1", "5.DEBUG.2", "5.DEBUG.3", "5.DEBUG.5", "5.DEBUG.6", "5.DEBUG.7", "5.INVISIBLE.4")
def test_wire(stage, room):
    owner = room.member("owner")
    debug = owner.ok("DEBUG")
    assert set(debug) == {"connections", "members", "store", "uptime_s", "version"}
    assert debug["connections"] == 1 and re.fullmatch(r"\d+\.\d+\.\d+", debug["version"])
    before = debug["store"]["commits"]
    people = ("bob.3", "guest", "bob", "bob-2", "bob again", "mod")
    members = {who: room.member(who) for who in people}
    members["bob"].store("one", "two")
    for m in members.values():
        m.read_to(m.state["last_seq"] if m is members["bob"] else members["bob"].state["last_seq"] + 2)
    debug = owner.ok("DEBUG")
    assert debug["connections"] == 7 and "next" not in debug
    assert rows(debug) == sorted(rows(debug)), "by name, then key"
    assert [r["username"] for r in debug["members"]] == [
        "alice", "bob", "bob", "bob-2", "bob.3", "guest-gail", "mod"]
    assert {r["key"] for r in debug["members"] if r["username"] == "bob"} == {
        stage.people["bob"].key_id, stage.people["bob again"].key_id}
    last = owner.ok("HISTORY", limit=1)["entries"][0]["seq"]
    for r in debug["members"]:
        assert set(r) == {"username", "user_type", "key", "cursor", "lag", "queued_bytes"}
        assert r["user_type"] == ("GUEST" if r["username"] == "guest-gail" else "REGISTERED")
        assert (r["cursor"], r["lag"]) == (last, 0), r
        assert re.fullmatch("[0-9a-f]{64}", r["key"])
    assert set(debug["store"]) == {"commits", "commit_ms_p99"}
    assert debug["store"]["commits"] > before and 0 < debug["store"]["commit_ms_p99"] < 60000
    # page by page: each row once, in the same order
    seen, after = [], {}
    while True:
        page = owner.ok("DEBUG", limit=1, **after)
        assert len(page["members"]) == 1 and page["connections"] == 7
        seen += page["members"]
        if "next" not in page:
            break
        assert page["next"] == "/".join(rows(page)[0])
        after = {"after": page["next"]}
    assert seen == debug["members"]
    assert rows(owner.ok("DEBUG", after="bob"))[0][0] == "bob", "a name comes before its keys"
    assert owner.ok("DEBUG", after="zzz")["members"] == []
    # who is invisible is here
    members["bob-2"].ok("INVISIBLE", invisible=True)
    hidden = [r for r in owner.ok("DEBUG")["members"] if "invisible" in r]
    assert [(r["username"], r["invisible"]) for r in hidden] == [("bob-2", True)]
    members["bob-2"].ok("INVISIBLE", invisible=False)
    assert owner.ok("DEBUG")["connections"] == 7 and not [r for r in owner.ok("DEBUG")["members"] if "invisible" in r]
    # who left is not here, though the roster waits for 30 seconds
    members["mod"].connection.close()
    wait_for(lambda: owner.ok("DEBUG")["connections"] == 6, "mod to be gone")
    assert "mod" not in [r["username"] for r in owner.ok("DEBUG")["members"]]


@sentence("5.DEBUG.4")
def test_who_does_not_read(room):
    """How far she is, how many are behind that, and that something waits for her."""
    owner, slow = room.member("owner"), room.member("bob")
    owner.ok("VIEW", message_rate=0)
    for _ in range(90):  # of 240 kB: far more than sockets hold, and fewer than one may ask at once
        for _ in range(5):
            seq = owner.store(*3 * ["x" * 16000])[-1]
            owner.read_to(seq)
        debug = owner.ok("DEBUG")["members"]
        (row,) = [r for r in debug if r["username"] == "bob"]
        if row["lag"] > 0:
            break
    assert row["lag"] == seq - row["cursor"] > 0 and row["queued_bytes"] > 0
    assert [(r["cursor"], r["lag"]) for r in debug if r["username"] == "alice"] == [(seq, 0)]
    slow.read_to(seq)


def test_who_may(stage, room):
    stage.alice.call(room.path, MODERATION, "Authorize", "ssa{sv}", "mod", "moderator", {})
    for who in ("mod", "bob", "guest"):
        assert room.member(who).refused("DEBUG") == NOT_OWNER, who
    # not joined: within what strangers get
    with Connection(room.address, stage.people["owner"], host_name="user/alice") as c:
        debug = c.ok("DEBUG", {"channel_name": room.name})
        assert debug["connections"] == 3


@sentence("5.DEBUG.1")
def test_bad_input(stage, room):
    owner = room.member("owner")
    for bad in ({"limit": 0}, {"limit": 501}, {"limit": "1"}, {"after": ""}, {"after": "x" * 98}, {"after": 1}):
        assert owner.refused("DEBUG", **bad) == ("REQUEST_ERROR", "bad-request"), bad
    for odd in ("/", "//", "bob/", "\u00fc", "x" * 97):
        owner.ok("DEBUG", after=odd)


# -- D-Bus and p2pchatctl, where it is hosted

def test_here(stage, room):
    alice = stage.alice
    room.member("bob", invisible=True)
    room.member("guest")
    debug = alice.call(room.path, HOST, "GetDebug", "a{sv}", {})
    assert set(debug) == {"connections", "members", "store", "uptime_s", "version", "next"}
    assert (debug["connections"], debug["next"]) == (2, "")
    assert debug["version"] == alice.get(PATH, MANAGER, "Version")
    bob, gail = debug["members"]
    assert (bob["username"], bob["user_type"], bob["lag"], bob["invisible"]) == ("bob", "registered", 0, True)
    assert (gail["username"], gail["user_type"], gail["key"]) == (
        "guest-gail", "guest", stage.people["guest"].key_id)
    first = alice.call(room.path, MODERATION, "GetDebug", "a{sv}", {"limit": dbus.UInt32(1)})
    assert first["members"] == [bob] and first["next"] == "bob/" + bob["key"]
    second = alice.call(room.path, MODERATION, "GetDebug", "a{sv}", {"after": first["next"]})
    assert second["members"] == [gail] and second["next"] == ""
    for limit in (0, 501):
        assert refused(alice.call, room.path, HOST, "GetDebug", "a{sv}",
                       {"limit": dbus.UInt32(limit)})[0] == ERROR + "BadRequest"
    shown = json.loads(alice.ctl("debug", room.name, "-j").stdout)
    assert set(shown) == {"connections", "members", "store", "uptime_s", "version"}
    assert [(r["username"], r["user_type"], r["invisible"]) for r in shown["members"]] == [
        ("bob", "REGISTERED", True), ("guest-gail", "GUEST", False)]
    members, _ = alice.call(room.path, CHANNEL, "GetMembers", "a{sv}", {})
    assert [m[0] for m in members] == ["alice", "guest-gail"], "nowhere else is he shown"
    text = alice.ctl("debug", room.name).stdout
    assert "2 connections" in text and "commits, 99 of 100 within" in text
    assert [line.split()[:2] for line in text.splitlines()[-2:]] == [["bob", "registered"], ["guest-gail", "guest"]]


def test_statistics(stage, room):
    alice = stage.alice
    room.member("bob")
    statistics = alice.call(PATH, MANAGER, "GetStatistics", "a{sv}", {})
    assert statistics["version"] == alice.get(PATH, MANAGER, "Version")
    assert statistics["connections"] >= 1 and statistics["hosting"] >= 1 and statistics["outbox"] == 0
    assert statistics["channels"]["live"] == statistics["hosting"] and statistics["channels"]["denied"] == 0
    assert statistics["store"]["state"] == "ok" and statistics["store"]["commits"] > 0
    more = alice.call(PATH, MANAGER, "GetStatistics", "a{sv}", {})
    assert more["uptime_s"] >= statistics["uptime_s"]
    shown = json.loads(alice.ctl("debug", "-j").stdout)
    assert set(shown) == set(statistics) and shown["hosting"] == statistics["hosting"]
    assert json.loads(alice.ctl("debug").stdout)["version"] == shown["version"], "a member a line, for people"
    assert alice.ctl("debug", "nowhere", check=False).returncode == 4


# -- … and elsewhere

@pytest.fixture(scope="module")
def models(tmp_path_factory):
    from worlds import scratch_world
    with scratch_world() as w:
        yield MemberStage(w)


ANSWER = {"connections": 2, "store": {"commits": 7, "commit_ms_p99": 3}, "uptime_s": 60, "version": "1.2.3"}


def row(name, key="a", **more):
    return {"username": name, "user_type": "REGISTERED", "key": key * 64, "cursor": 5, "lag": 1, "queued_bytes": 9, **more}


def test_elsewhere(models):
    """Asked of the host, page by page."""
    bob = models.bob

    def on_debug(c, f):
        assert 1 <= f.payload["limit"] <= 500
        if "after" not in f.payload:
            h.ok(c, f, {**ANSWER, "members": [row("carol-2", invisible=True)], "next": "carol-2/" + "a" * 64})
        else:
            assert f.payload["after"] == "carol-2/" + "a" * 64
            h.ok(c, f, {**ANSWER, "members": [row("carol.3")]})
    with models.host(DEBUG=on_debug) as h:
        debug = bob.call(h.path, MODERATION, "GetDebug", "a{sv}", {})
        assert debug["members"] == [{**row("carol-2"), "user_type": "registered", "invisible": True}]
        assert (debug["connections"], debug["store"], debug["uptime_s"]) == (2, ANSWER["store"], 60)
        shown = json.loads(bob.ctl("debug", h.name, "-j").stdout)
        assert shown == {**ANSWER, "members": [row("carol-2", invisible=True), row("carol.3", invisible=False)]}
        assert "invisible" in bob.ctl("debug", h.name).stdout
        h.hooks["DEBUG"] = lambda c, f: h.fail(c, f, *NOT_OWNER)
        assert refused(bob.call, h.path, MODERATION, "GetDebug", "a{sv}", {})[0] == ERROR + "NotOwner"
        assert bob.ctl("debug", h.name, check=False).returncode == 5
        # bob's host would be another object
        assert refused(bob.call, h.path, HOST, "GetDebug", "a{sv}", {})


def test_lies(models):
    with models.host() as h:
        members = [row("carol")]
        place = "carol/" + "a" * 64
        for name, answer in {
            "no members": ANSWER,
            "no store": {"connections": 1, "uptime_s": 1, "version": "1", "members": members},
            "no version": {k: v for k, v in {**ANSWER, "members": []}.items() if k != "version"},
            "a long version": {**ANSWER, "version": "1" * 65, "members": []},
            "a version that drives terminals": {**ANSWER, "version": "\x1b[2J", "members": []},
            "no name": {**ANSWER, "members": [row("NO NAME")]},
            "no key": {**ANSWER, "members": [row("carol", key="Z")]},
            "no number": {**ANSWER, "members": [row("carol", lag="many")]},
            "no truth": {**ANSWER, "members": [row("carol", invisible="maybe")]},
            "more than asked for": {**ANSWER, "members": [row("carol"), row("dora"), row("emil")]},
            "an end that is none": {**ANSWER, "members": [], "next": place},
            "another end": {**ANSWER, "members": members, "next": "dora/" + "a" * 64},
            "a number for an end": {**ANSWER, "members": members, "next": 7},
        }.items():
            h.hooks["DEBUG"] = lambda c, f, answer=answer: h.ok(c, f, answer)
            result = refused(models.bob.call, h.path, MODERATION, "GetDebug", "a{sv}", {"limit": dbus.UInt32(2)})
            assert result[0] == ERROR + "Protocol", name
        # the same page again and again is no way on
        h.hooks["DEBUG"] = lambda c, f: h.ok(c, f, {**ANSWER, "members": members, "next": place})
        assert models.bob.call(h.path, MODERATION, "GetDebug", "a{sv}", {})["next"] == place
        assert refused(models.bob.call, h.path, MODERATION, "GetDebug", "a{sv}", {"after": place})[0] == ERROR + "Protocol"
