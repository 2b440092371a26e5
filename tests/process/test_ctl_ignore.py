# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl ignore and unignore, and what log and search leave out by them."""
import json

import pytest

from p2pchat import CHANNEL, ERROR, wait_for


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby, w.hall = w.alice.host("lobby"), w.alice.host("hall")
    w.his = w.bob.join("lobby")
    w.bob.join("hall")
    w.bob.ctl("send", "lobby", "--wait=stored", "tea, anybody?")
    w.alice.ctl("send", "lobby", "--wait=stored", "tea it is")
    wait_for(lambda: w.bob.get(w.his, CHANNEL, "SyncedSeq") == 3, "bob to have it")
    return w


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def listed(peer, *arguments):
    return {c["channel_name"]: c["ignored"] for c in json.loads(peer.ctl("ignore", "-j", *arguments).stdout)}


def test_log_and_search(stage):
    bob = stage.bob
    assert bob.ctl("ignore", "Alice").stdout == ""
    shown = bob.ctl("log", "lobby")
    assert "tea, anybody?" in shown.stdout and "tea it is" not in shown.stdout
    assert "created" in shown.stdout, "what she did as the owner is shown"
    assert "1 message of people you ignore; --ignored shows it" in shown.stderr
    shown = bob.ctl("log", "lobby", "--ignored")
    assert "tea it is" in shown.stdout and "ignore" not in shown.stderr
    assert [e.get("hidden") for e in lines(bob.ctl("log", "lobby", "-j"))] == [None, None, True]
    found = bob.ctl("search", "lobby", "tea")
    assert "anybody" in found.stdout and "it is" not in found.stdout and "--ignored shows it" in found.stderr
    assert "it is" in bob.ctl("search", "lobby", "tea", "--ignored").stdout
    assert [e.get("hidden") for e in lines(bob.ctl("search", "lobby", "tea", "-j"))] == [None, True]
    talk = bob.ctl("chat", "--plain", "lobby", stdin="/exit\n")
    assert "anybody" in talk.stdout and "it is" not in talk.stdout
    # hers is the channel all the same
    assert "tea it is" in stage.alice.ctl("log", "lobby").stdout
    bob.ctl("unignore", "alice")
    shown = bob.ctl("log", "lobby")
    assert "tea it is" in shown.stdout and shown.stderr == ""


def test_which_channels(stage):
    bob = stage.bob
    assert listed(bob) == {"hall": [], "lobby": []}
    assert bob.ctl("ignore").stderr == "You ignore nobody\n"
    bob.ctl("ignore", "alice", "--channel=hall")
    bob.ctl("ignore", "guest-eve")
    bob.ctl("ignore", "guest-eve")
    assert listed(bob) == {"hall": ["alice", "guest-eve"], "lobby": ["guest-eve"]}
    assert listed(bob, "--channel=lobby") == {"lobby": ["guest-eve"]}
    assert [line.split() for line in bob.ctl("ignore").stdout.splitlines()] == [
        ["CHANNEL", "IGNORED"], ["hall", "alice"], ["hall", "guest-eve"], ["lobby", "guest-eve"]]
    bob.ctl("unignore", "guest-eve", "--channel=hall")
    assert listed(bob) == {"hall": ["alice"], "lobby": ["guest-eve"]}
    assert json.loads(bob.ctl("unignore", "alice", "-j").stdout) == {}
    bob.ctl("unignore", "guest-eve")
    bob.ctl("unignore", "guest-eve")
    assert listed(bob) == {"hall": [], "lobby": []}


def test_errors(stage):
    def fails(status, name, *arguments):
        result = stage.bob.ctl(*arguments, "-j", check=False)
        assert (result.returncode, json.loads(result.stdout)["error"]["name"]) == (status, name), arguments
    fails(2, ERROR + "InvalidName", "ignore", "no such")
    fails(4, ERROR + "NoSuchChannel", "ignore", "alice", "--channel=nowhere")
    fails(2, ERROR + "BadRequest", "unignore")
    result = stage.bob.ctl("ignore", "bob", check=False)
    assert result.returncode != 0 and "That is you" in result.stderr


def test_where_it_is_hosted(stage):
    """What comes of them is not unread for who hosts the channel, either."""
    alice = stage.alice
    alice.ctl("ignore", "bob")
    before = alice.get(stage.lobby, CHANNEL, "Unread")
    stage.bob.ctl("send", "lobby", "--wait=stored", "more of it?")
    stage.bob.ctl("send", "lobby", "--wait=stored", "no?")
    wait_for(lambda: "no?" in alice.ctl("log", "lobby", "--ignored").stdout, "alice to have it")
    assert alice.get(stage.lobby, CHANNEL, "Unread") == before
    alice.ctl("unignore", "bob")
    assert alice.get(stage.lobby, CHANNEL, "Unread") >= before + 2
