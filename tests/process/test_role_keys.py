# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who has a role and comes with a key that was not seen before: told to moderators, to nobody else, and to
the journal; and guests, whose authorship hangs on the key."""
import json

import pytest

import wirestage
from conformance import sentence
from outsider import Connection
from p2pchat import CHANNEL, MODERATION, wait_for, wait_signal

KEY = {"key", "key_since", "keys"}


class Stage(wirestage.Stage):
    def __init__(self, world):
        super().__init__(world)
        self.start_host()
        for name in ("bob", "mod", "carol"):
            self.person(name)


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world)


class Room(wirestage.Room):
    """mod and bob are moderators; member(identity) has read all that there is."""

    def __init__(self, stage, dial):
        super().__init__(stage, dial)
        self.stage = stage
        for name in ("mod", "bob"):
            self.authorize(name, "moderator")

    def authorize(self, name, role):
        self.stage.alice.call(self.path, MODERATION, "Authorize", "ssa{sv}", name, role, {})

    def member(self, who, **how):
        m = super().member(who, **how)
        m.read_to(m.state["last_seq"])
        return m


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        yield Room(stage, dial)
    assert stage.alice.is_up()


def rows(member):
    return {r["username"]: {k: r[k] for k in KEY & set(r)} for r in member.ok("RET_INFO")["authorized"]}


def change_of(member, name):
    """What the next PRESENCE that has this user says of it."""
    payload = member.push("PRESENCE", lambda p: any(c["username"] == name for c in p["changes"]))
    return next(c for c in payload["changes"] if c["username"] == name)


@sentence("5.RET_INFO.6a", "5.PRESENCE.5a")
def test_told_to_moderators(stage, room):
    mod, carol = room.member(stage.people["mod"]), room.member(stage.people["carol"])
    assert rows(mod)["bob"] == {}, "he never came"
    bob = room.member(stage.people["bob"])
    assert not KEY & set(change_of(mod, "bob")), "the first is no news"
    first = rows(mod)["bob"]
    assert first["key"] == stage.people["bob"].key_id and first["keys"] == 1
    change_of(carol, "bob")
    # with him here, and after he left, the same key is no news
    bob.connection.close()
    bob = room.member(stage.people["bob"])
    assert rows(mod)["bob"] == first

    with stage.alice.signals(signal_name="MembersChanged", path=room.path) as got:
        laptop = stage.device("bob")
        room.member(laptop)
        change = change_of(mod, "bob")
        assert (change["key"], change["keys"], change["status"]) == (laptop.key_id, 2, "online")
        assert change["key_since"] > first["key_since"]
        # It is for moderators: the others hear of what comes after it.
        mod.ok("STATUS", status="away")
        told = carol.push("PRESENCE", lambda p: any(c["username"] == "mod" for c in p["changes"]))
        told = [told, *(f.payload for f in carol.connection.pushes if f.header == "PRESENCE")]
        assert "bob" not in [c["username"] for p in told for c in p["changes"]]
        news = wait_signal(got, lambda s: "new_key_of" in s[3][1], "the owner to be told")[3][1]
        assert (news["new_key_of"], news["key"]) == ("bob", laptop.key_id)
    assert rows(mod)["bob"] == {k: change[k] for k in KEY}
    assert rows(carol)["bob"] == {}
    info = {a["username"]: a for a in stage.alice.call(room.path, CHANNEL, "GetInfo", "a{sv}", {})["authorized"]}
    assert (info["bob"]["key"], info["bob"]["keys"]) == (laptop.key_id, 2)
    listed, _ = stage.alice.call(room.path, MODERATION, "ListAuthorized", "a{sv}", {})
    assert {r[0]: (r[3].get("key"), r[3].get("keys")) for r in listed} == {
        "bob": (laptop.key_id, 2), "mod": (stage.people["mod"].key_id, 1)}
    shown = {r["username"]: r for r in json.loads(stage.alice.ctl("authorize", room.name, "-j").stdout)}
    assert (shown["bob"]["key"], shown["bob"]["keys"]) == (laptop.key_id, 2)
    assert laptop.key_id[:16] in stage.alice.ctl("authorize", room.name).stdout
    assert "keys" in json.loads(stage.alice.ctl("info", room.name, "-j").stdout)["authorized"][0]
    line = f"bob, moderator of {room.name}, is here with a key that was not seen before: {laptop.key_id[:16]}"
    assert stage.alice.log().count(line) == 1
    # what follows of him is no news again
    room.member(stage.people["bob"]).ok("STATUS", status="away")
    assert rows(mod)["bob"]["keys"] == 2


def test_without_a_role(stage, room):
    """Who has no role is not kept; what was there before the role is no news."""
    mod = room.member(stage.people["mod"])
    room.member(stage.people["carol"])
    room.member(stage.device("carol"))
    room.authorize("carol", "member")
    wait_for(lambda: rows(mod).get("carol", {}).get("keys") == 2, "both to be kept")
    assert f"carol, member of {room.name}, is here" not in stage.alice.log()
    third = stage.device("carol")
    room.member(third)
    wait_for(lambda: rows(mod)["carol"].get("key") == third.key_id, "the third to be seen")
    assert f"carol, member of {room.name}, is here" in stage.alice.log()


def test_invisible(stage, room):
    """Who is invisible is told of by what she does, and not before."""
    mod = room.member(stage.people["mod"])
    room.member(stage.people["bob"])
    before = rows(mod)["bob"]
    phone = stage.device("bob")
    m = room.member(phone, invisible=True)
    assert rows(mod)["bob"] == before and phone.key_id[:16] not in stage.alice.log()
    m.store("it was me")
    assert rows(mod)["bob"]["key"] == phone.key_id
    assert phone.key_id[:16] in stage.alice.log()


def test_role_given_unseen(stage, room):
    """… and no more where she gets the role."""
    mod = room.member(stage.people["mod"])
    phone = stage.device("carol")
    m = room.member(phone, invisible=True)
    room.member(stage.people["carol"])
    room.authorize("carol", "member")
    wait_for(lambda: "keys" in rows(mod).get("carol", {}), "the one who is seen to be kept")
    assert (rows(mod)["carol"]["key"], rows(mod)["carol"]["keys"]) == (stage.people["carol"].key_id, 1)
    m.ok("INVISIBLE", invisible=False)
    assert rows(mod)["carol"]["key"] == phone.key_id


def test_over_a_restart(stage, room):
    mod = room.member(stage.people["mod"])
    room.member(stage.people["bob"])
    new = stage.device("bob")
    room.member(new)
    wait_for(lambda: rows(mod)["bob"].get("keys") == 2, "it to be seen")
    before = rows(mod)["bob"]
    mod.store("on disk behind it")
    stage.alice.stop_daemon(9)
    stage.alice.start_daemon()
    wait_for(lambda: stage.alice.objects().get(room.path), "the channel to be back")
    wait_for(lambda: stage.alice.get(room.path, CHANNEL, "State") == "live", "it to be live")
    with Connection(stage.tracker.address, stage.people["bob"]) as c:
        room.address = c.ok("LIST", {"query": room.name})["channels"][0]["addresses"][0]
    mod = room.member(stage.people["mod"])
    assert rows(mod)["bob"] == before
    room.member(new)
    assert rows(mod)["bob"] == before


def test_many_keys(stage, room):
    """Of more than sixteen the oldest is forgotten, and news once more."""
    mod = room.member(stage.people["mod"])
    devices = [stage.people["bob"], *(stage.device("bob") for _ in range(16))]
    for d in devices:
        room.member(d).connection.close()
    wait_for(lambda: rows(mod)["bob"].get("key") == devices[-1].key_id, "all to be seen")
    assert rows(mod)["bob"]["keys"] == 16
    room.member(devices[-2])
    assert rows(mod)["bob"]["key"] == devices[-1].key_id
    room.member(devices[0])
    assert rows(mod)["bob"]["key"] == devices[0].key_id
