# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest is told from a user in every view, by its type and not by its name alone."""
import json

import pytest

from p2pchat import CHANNEL, wait_for


@pytest.fixture(scope="module")
def lobby(module_world):
    """alice hosts, gus is a guest, bob has a role; all three said something."""
    alice, bob = module_world.people("alice", "bob")
    gus = module_world.peer("gus")
    gus.trust()
    gus.manager("SignInGuest", "sa{sv}", "gus", {})
    path = alice.host("lobby", send_permission="everyone")
    for peer in (bob, gus):
        peer.join("lobby")
    alice.ctl("authorize", "lobby", "bob")
    for peer in (alice, bob, gus):
        peer.send(path, f"hello of {peer.name}", wait="stored")
    for peer in (alice, bob, gus):
        wait_for(lambda p=peer: len(p.texts(path)) == 3, "all to be there")
    wait_for(lambda: alice.get(path, CHANNEL, "MembersOnline") == 3, "all to be seen")
    return alice, bob, gus, path


def test_log_search_export(lobby):
    """What people read, and what programs do."""
    for peer in lobby[:3]:
        for args in (("log", "lobby"), ("search", "lobby", "hello")):
            lines = peer.ctl(*args).stdout
            for name in ("alice: hello of alice\n", "bob: hello of bob\n", "guest-gus (guest): hello of gus\n"):
                assert f" {name}" in lines, args
        text = peer.ctl("export", "lobby", "--format=text").stdout
        assert " guest-gus (guest): hello of gus\n" in text and " bob: hello" in text
        for args in (("log", "lobby", "-o", "json"), ("search", "lobby", "hello", "-j"), ("export", "lobby")):
            entries = [json.loads(x) for x in peer.ctl(*args).stdout.splitlines()]
            assert {(e["username"], e["user_type"]) for e in entries if e["kind"] == "message"} == {
                ("alice", "REGISTERED"), ("bob", "REGISTERED"), ("guest-gus", "GUEST")}, args


def test_chat(lobby):
    said = lobby[1].ctl("chat", "lobby", "--plain", stdin="/exit\n", check=False).stdout
    assert "guest-gus (guest): hello of gus" in said, said


def test_members(lobby):
    for peer in lobby[:3]:
        rows = [x.split()[:4] for x in peer.ctl("members", "lobby").stdout.splitlines()]
        assert rows == [["NAME", "TYPE", "ROLE", "STATUS"], ["alice", "registered", "owner", "online"],
                        ["bob", "registered", "member", "online"], ["guest-gus", "guest", "none", "online"]]
        members = json.loads(peer.ctl("members", "lobby", "-j").stdout)
        assert [(m["username"], m["user_type"], m["status"]) for m in members] == [
            ("alice", "REGISTERED", "online"), ("bob", "REGISTERED", "online"), ("guest-gus", "GUEST", "online")]


def test_access_info(lobby):
    alice = lobby[0]
    assert alice.ctl("access", "lobby", "guest-gus").stdout.startswith("guest-gus (guest): none; ")
    assert alice.ctl("access", "lobby", "bob").stdout.startswith("bob: member; ")
    for name, kind in (("guest-gus", "GUEST"), ("bob", "REGISTERED"), ("nobody", "REGISTERED")):
        assert json.loads(alice.ctl("access", "lobby", name, "-j").stdout)["user_type"] == kind
    info = alice.call(lobby[3], CHANNEL, "GetInfo", "a{sv}", {})
    assert {(a["username"], a["user_type"], a["role"]) for a in info["authorized"]} >= {("bob", "registered", "member")}


def test_whoami(lobby):
    assert "guest" in lobby[2].ctl("whoami").stdout
    assert "guest" in next(x for x in lobby[2].ctl("status").stdout.splitlines() if x.startswith("Identity:"))
