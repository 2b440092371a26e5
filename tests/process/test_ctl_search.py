# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl search: as text and as JSON, the newest, errors; and in a restored store."""
import json

import dbus
import pytest

from p2pchat import CHANNEL, ERROR, wait_for

N = 400  # more than the index takes in one step


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby = w.alice.host("lobby")
    w.alice.ctl("rate", "lobby", "0")
    w.alice.ctl("send", "lobby", "--lines", stdin="".join(f"line {i} of text\n" for i in range(N)))
    wait_for(lambda: w.alice.get(w.lobby, CHANNEL, "SyncedSeq") == N + 2, "all to be stored")
    w.entries = [json.loads(line) for line in w.alice.ctl("log", "lobby", "-j").stdout.splitlines()]
    return w


def search(peer, *arguments):
    return [json.loads(line) for line in peer.ctl("search", "lobby", *arguments, "-j").stdout.splitlines()]


def test_json(stage):
    peer, messages = stage.alice, stage.entries[2:]
    assert search(peer, "line") == messages
    assert search(peer, "LINE", "37 ") == [e for e in messages if "37" in e["message_content"]]
    assert search(peer, "line 37") == search(peer, "37", "line")
    assert search(peer, '"line 37 of"') == [messages[37]]
    assert search(peer, "-n", "3", "text") == messages[-3:]
    assert search(peer, "text", "--lines=600") == messages
    assert search(peer, "no such words") == []


def test_text(stage):
    shown = stage.alice.ctl("search", "lobby", '" 399 "')
    logged = stage.alice.ctl("log", "lobby", "-n", "1")
    assert shown.stdout == logged.stdout and "line 399 of text" in shown.stdout
    assert shown.stderr == ""
    nothing = stage.alice.ctl("search", "lobby", "no such words")
    assert (nothing.stdout, nothing.stderr) == ("", "")


def test_what_is_not_here_is_said(stage):
    his = stage.bob.join("lobby", backlog=dbus.UInt32(5))
    wait_for(lambda: stage.bob.get(his, CHANNEL, "State") == "live", "bob to be live")
    shown = stage.bob.ctl("search", "lobby", "line", "-j")
    assert [json.loads(line) for line in shown.stdout.splitlines()] == stage.entries[-5:]
    assert f"entries 1 to {N - 3} are not here" in shown.stderr
    stage.bob.ctl("log", "lobby", "-r")
    assert search(stage.bob, "line") == stage.entries[2:]


def test_errors(stage):
    def fails(status, name, *arguments):
        result = stage.alice.ctl("search", *arguments, "-j", check=False)
        assert result.returncode == status, result
        assert name is None or json.loads(result.stdout)["error"]["name"] == ERROR + name
        told = stage.alice.ctl("search", *arguments, check=False)
        assert told.returncode == status and told.stdout == "" and told.stderr

    fails(2, "BadRequest", "lobby", "line", "-n", "0")
    fails(2, None, "lobby")
    fails(4, "NoSuchChannel", "no-such", "line")
    fails(7, "BadRequest", "lobby", "...")
    fails(7, "TooLarge", "lobby", *"abcdefghijklmnopq")
    for odd in ("NEAR(", "a:b", "x\u0001y", '"', "-- -n"):
        stage.alice.ctl("search", "lobby", "--", odd, "z", check=False)
    assert search(stage.alice, '"line 0 of"') == stage.entries[2:3], "and it lives on"


def test_restored(stage, tmp_path):
    """The index is not in a backup; what is restored is found all the same."""
    copy = tmp_path / "backup"
    stage.alice.ctl("backup", str(copy))
    other = stage.peer("elsewhere")
    other.ctl("restore", str(copy))
    other.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    wait_for(lambda: stage.lobby in other.objects(), "the channel to appear")
    assert [e["seq"] for e in search(other, '"line 37 of"')] == [40]
