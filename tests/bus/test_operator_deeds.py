# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an operator does at a tracker's door, and what people notice of it on the wire."""
import os
import signal
import time

import pytest

from conformance import message
from operatorstage import STRANGER, begin, get, office, staged
from outsider import Connection, sign_up
from outsider_identity import Identity
from p2pchat import wait_for
from polkit import DENIED, TRACKER, Operator
from trackerstage import FAST, find, host_payload

MANAGER, USERS, CHANNELS = TRACKER + ".Manager", TRACKER + ".Users", TRACKER + ".Channels"
LEASES, AUTHORITY = TRACKER + ".Leases", TRACKER + ".Authority"
ERROR = "org.p2pchat.Error."


def named(operator, interface, method, name, options="{}"):
    return operator.call(interface, method, f"('{name}', @a{{sv}} {options})", "(sa{sv})")


def refusal(operator, interface, method, name, options="{}"):
    return operator.refused(interface, method, f"('{name}', @a{{sv}} {options})", "(sa{sv})")


def listed(operator, interface, options="{}"):
    """→ {name: row} of all pages."""
    rows, after, n_pages = {}, "", 0
    while True:
        extra = options.rstrip("}") + (", " if options != "{}" else "") + f"'after': <'{after}'>}}"
        page, after = operator.call(interface, "List", f"({extra},)")
        assert not set(rows) & {row[0] for row in page}
        rows.update({row[0]: row for row in page})
        n_pages += 1
        if not after:
            assert list(rows) == sorted(rows)
            return rows


def sign_in(address, username, password):
    """→ the connection's frame."""
    with Connection(address) as c:
        return c.request("SIGNIN", {"username": username, "password": password, "csr": Identity().csr()})


def everything(operator):
    return [listed(operator, i) for i in (USERS, CHANNELS)]


@pytest.fixture(scope="module")
def people(office):
    return {name: sign_up(office.tracker.address, name) for name in ("ann", "ben", "cem", "dora", "eve", "finn")}


def test_users_are_listed(office, people):
    one = office.operator
    users = listed(one, USERS)
    assert set(people) <= set(users)
    for name in people:
        _, state, created, seen, extra = users[name]
        assert state == "active" and abs(created / 1e6 - time.time()) < 300 and extra == {"devices": 1}
        assert seen <= time.time() * 1e6 + 1e6
    assert listed(one, USERS, "{'limit': <uint32 1>}") == users
    assert list(listed(one, USERS, "{'query': <'nn'>}")) == ["ann", "finn"]
    assert not listed(one, USERS, "{'state': <'suspended'>, 'query': <'ann'>}")
    assert one.refused(USERS, "List", "({'state': <'gone'>},)")[0] == ERROR + "BadRequest"
    (ann,) = named(one, USERS, "Get", "ann")
    assert [d[0] for d in ann["devices"]] == [people["ann"].key_id] and not ann["channels"]
    assert {k: ann[k] for k in ("name", "state")} == {"name": "ann", "state": "active"}
    assert named(one, USERS, "Get", "ANN") == [ann]


@pytest.mark.parametrize("name", ["nobody", "guest-ann", "ann-or-so"])
def test_nobody_of_that_name(office, people, name):
    for method in ("Get", "Suspend", "Resume", "Reset", "Delete"):
        error, text = refusal(office.operator, USERS, method, name)
        assert error == ERROR + "NoSuchUser" and text, method
        assert name.startswith("guest-") or "p2pchat-trackerctl user list" in text, text
    for method in ("Delist", "Relist"):
        error, text = refusal(office.operator, CHANNELS, method, name)
        assert error == ERROR + "NoSuchChannel" and "p2pchat-trackerctl channel list" in text
    for bad in ("", "a", "Straße", "x" * 33, "../x"):
        assert refusal(office.operator, USERS, "Delete", bad)[0] == ERROR + "InvalidName"


def test_suspend_and_resume(office, people):
    one, address = office.operator, office.tracker.address
    with Connection(address, people["ben"]) as c:
        c.ok("HOST", host_payload("bens"))
        (lease,) = [row for row in listed(one, LEASES).values() if row[0] == "bens"]
        _, owner, until, extra = lease
        assert owner == "ben" and extra["key"] == people["ben"].key_id
        assert 0 < until / 1e6 - time.time() <= 61
        assert listed(one, CHANNELS, "{'query': <'bens'>, 'online': <true>}")["bens"][2] == "online"
        assert named(one, USERS, "Get", "ben")[0]["channels"] == ["bens"]
        assert named(one, USERS, "Suspend", "ben", "{'reason': <'spam'>}") == []
        c.ended()
    _, state, _, _, extra = listed(one, USERS, "{'state': <'suspended'>}")["ben"]
    assert state == "suspended" and extra["reason"] == "spam" and extra["devices"] == 0
    assert abs(extra["suspended"] / 1e6 - time.time()) < 300
    assert "bens" not in listed(one, LEASES)
    assert listed(one, CHANNELS, "{'query': <'bens'>}")["bens"][2] == "offline"
    f = sign_in(address, "ben", "correct horse ben")
    assert (f.header, f.payload["error"]) == ("UNAUTHORIZED", "banned") and "spam" in f.payload["message"]
    assert sign_in(address, "ben", "wrong horse").payload["error"] == "bad-credentials"
    # Once more is another reason.
    named(one, USERS, "Suspend", "ben", "{'reason': <'more spam'>}")
    (ben,) = named(one, USERS, "Get", "ben")
    assert ben["reason"] == "more spam" and ben["suspended"] == extra["suspended"]
    assert refusal(one, USERS, "Suspend", "ben", "{'reason': <'" + 257 * "x" + "'>}")[0] == ERROR + "BadRequest"
    assert refusal(one, USERS, "Suspend", "ben", "{'reason': <'two\\nlines'>}")[0] == ERROR + "BadRequest"
    for _ in range(2):
        assert named(one, USERS, "Resume", "ben") == []
    assert sign_in(address, "ben", "correct horse ben").header == "OK"
    assert listed(one, USERS)["ben"][1] == "active"


def test_reset(office, people):
    one, address = office.operator, office.tracker.address
    (result,) = named(one, USERS, "Reset", "cem")
    assert set(result) == {"password", "recovery_code"} and len(result["password"]) >= 16
    assert sign_in(address, "cem", "correct horse cem").payload["error"] == "bad-credentials"
    assert sign_in(address, "cem", result["password"]).header == "OK"
    log = office.tracker.process.text()
    assert result["password"] not in log and result["recovery_code"] not in log


def test_delete(office, people):
    one, address = office.operator, office.tracker.address
    with Connection(address, people["dora"]) as c:
        c.ok("HOST", host_payload("doras"))
        assert named(one, USERS, "Delete", "dora") == []
        c.ended()
    assert listed(one, USERS, "{'state': <'deleted'>}")["dora"][1] == "deleted"
    wait_for(lambda: "doras" not in listed(one, CHANNELS), "her channel to be gone")
    assert refusal(one, USERS, "Delete", "dora")[0] == ERROR + "NoSuchUser"
    with Connection(address) as c:
        assert c.refused("SIGNUP", {"username": "dora", "password": "correct horse dora",
                                    "csr": Identity().csr()})[1] == "name-taken"


def test_delist_and_relist(office, people):
    one, address = office.operator, office.tracker.address
    with Connection(address, people["eve"]) as host, Connection(address, people["finn"]) as guest:
        asked = host_payload("eves", topic="all about eve")
        host.ok("HOST", asked)
        assert find(guest, "eves")
        assert named(one, CHANNELS, "Delist", "eves", "{'reason': <'not here'>}") == []
        name, owner, state, since, extra = listed(one, CHANNELS, "{'delisted': <true>}")["eves"]
        assert (name, owner, state) == ("eves", "eve", "delisted") and abs(since / 1e6 - time.time()) < 300
        assert extra["reason"] == "not here" and extra["topic"] == "all about eve"
        assert extra["id"] == asked["channel_id"] and extra["view_permission"] == "public"
        assert extra["addresses"] and extra["key"] == people["eve"].key_id
        assert "eves" not in listed(one, CHANNELS, "{'delisted': <false>}")
        assert "eves" not in listed(one, LEASES)
        assert not find(guest, "eves")
        f = host.request("HOST", asked)
        assert (f.header, f.payload["error"]) == ("UNAUTHORIZED", "banned")
        for _ in range(2):
            assert named(one, CHANNELS, "Relist", "eves") == []
        host.ok("HOST", {**asked, "epoch": 1})
        assert find(guest, "eves")["online"]


def test_rotate(office, people):
    one, before = office.operator, get(office, AUTHORITY, "Pin")
    assert get(office, AUTHORITY, "Source") == "file" and not get(office, AUTHORITY, "PreviousPins")
    tracker = get(office, AUTHORITY, "TrackerId")
    assert get(office, AUTHORITY, "Created") < time.time() * 1e6 + 1e6
    (pin,) = one.call(AUTHORITY, "Rotate")
    assert pin != before and pin == get(office, AUTHORITY, "Pin") and len(pin) == len("sha256:") + 64
    assert list(get(office, AUTHORITY, "PreviousPins")) == [before]
    assert get(office, AUTHORITY, "TrackerId") == tracker
    with Connection(office.tracker.address, people["ann"], check=False) as c:
        c.ok("LIST", {})


def test_refused_callers_change_nothing(office, people):
    one = office.operator
    before = everything(one)
    with Operator(office.bus, STRANGER) as stranger:
        try:
            for verdict in ("no", "challenge", "fail"):
                office.polkit.verdict(verdict)
                for method in ("Suspend", "Resume", "Reset", "Delete"):
                    assert refusal(stranger, USERS, method, "finn")[0] != ERROR + "NoSuchUser"
                # Who is refused does not learn either whether somebody has that name.
                assert refusal(stranger, USERS, "Delete", "nobody") == refusal(stranger, USERS, "Delete", "finn")
                for method in ("Delist", "Relist"):
                    refusal(stranger, CHANNELS, method, "eves")
            office.polkit.verdict("no")
            assert refusal(stranger, USERS, "Get", "finn")[0] == DENIED
        finally:
            office.polkit.verdict("yes")
    assert everything(one) == before


@message("TRACKER_OPERATOR")
def test_the_journal_tells_who_asked(office, people):
    named(office.operator, USERS, "Suspend", "finn")
    named(office.operator, USERS, "Resume", "finn")
    log = office.tracker.process.text()
    uid = os.geteuid() if STRANGER is None else STRANGER
    for method in ("Suspend", "Resume"):
        assert f"The user with the id {uid} is allowed to {method} finn (org.p2pchat.tracker.manage-users)." in log


def test_begun_is_answered_when_the_tracker_stops():
    """A password is being hashed when it is asked to stop: its answer comes, and only one."""
    with staged(FAST.replace("PasswordCost=1", "PasswordCost=6")) as world, Operator(world.bus, STRANGER) as one:
        world.polkit.verdict("yes")
        sign_up(world.tracker.address, "ann")
        number = one.begin(USERS, "Reset", "('ann', @a{sv} {})", "(sa{sv})")
        wait_for(lambda: "is allowed to Reset ann" in world.tracker.process.text(), "the reset to begin")
        assert world.tracker.stop(signal.SIGTERM) == 0
        (result,) = one.end(number)
        world.tracker.start()
        begin(world)
        assert sign_in(world.tracker.address, "ann", result["password"]).header == "OK"
