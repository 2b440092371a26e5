# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl log by time and backwards, and read."""
import datetime
import json
import os
import subprocess

import dbus
import pytest

from p2pchat import CHANNEL, DEADLINE, wait_for


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby = w.alice.host("lobby")
    for i in range(20):
        w.alice.send(w.lobby, f"text {i}", wait="stored")
    w.entries = log(w.alice)
    assert len(w.entries) == 21
    return w


def log(peer, *arguments, **how):
    return [json.loads(line) for line in peer.ctl("log", "lobby", "-j", *arguments, **how).stdout.splitlines()]


def local(wire, form):
    """A time of the wire as people of this place write it."""
    utc = datetime.datetime.strptime(wire, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return utc.astimezone().strftime(form)


def test_reverse(stage):
    assert log(stage.alice, "-r") == stage.entries[::-1]
    assert log(stage.alice, "-r", "-n", "3") == stage.entries[:-4:-1]
    assert log(stage.alice, "--reverse", "-n0") == []


def test_times(stage):
    peer = stage.alice
    for at in (stage.entries[0]["time"], stage.entries[10]["time"], stage.entries[-1]["time"]):
        after = [e for e in stage.entries if e["time"] >= at]
        before = [e for e in stage.entries if e["time"] <= at]
        assert log(peer, "-S", at) == log(peer, f"--since={at}") == after
        assert log(peer, "-U", at) == log(peer, f"--until={at}") == before
        assert log(peer, "-S", at, "-U", at) == [e for e in stage.entries if e["time"] == at]
        assert log(peer, "-S", at, "-n", "2") == after[-2:]
        assert log(peer, "-U", at, "-n", "2", "-r") == before[:-3:-1]
        assert log(peer, "-S", at, "--after-seq", "15") == [e for e in after if e["seq"] > 15]
    first = stage.entries[0]["time"]
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        assert log(peer, "-S", local(first, form)) == stage.entries
        # All of it is some milliseconds later, but for the first by chance.
        assert [e for e in log(peer, "-U", local(first, form)) if not e["time"].endswith(".000Z")] == []
    for ago in ("-1h", "-59min", "-3600s", "-2d", "-1w", "yesterday"):
        assert log(peer, "-S", ago) == stage.entries
        assert log(peer, "-U", ago) == []
    assert log(peer, "-U", "now") == stage.entries and log(peer, "-S", "now") == []
    result = stage.alice.ctl("log", "lobby", "-S", "now")
    assert (result.stdout, result.stderr) == ("", ""), "nothing was left out that is not here"


@pytest.mark.parametrize("zone, hours", [("EAST-5:30", 5.5), ("WEST9", -9)])
def test_times_of_here(stage, zone, hours):
    """People read and write the time of where they are; JSON has UTC."""
    there = datetime.timezone(datetime.timedelta(hours=hours))
    environment = {**stage.alice.environment(), "TZ": zone}

    def run(*arguments):
        return subprocess.run([os.environ["P2PCHATCTL"], *arguments], env=environment, check=True, text=True,
                              stdout=subprocess.PIPE, timeout=DEADLINE).stdout
    utc = [datetime.datetime.fromisoformat(e["time"].replace("Z", "+00:00")) for e in stage.entries]
    shown = run("log", "lobby").splitlines()
    assert len(shown) == len(utc)
    for line, time in zip(shown, utc):
        assert time.astimezone(there).strftime("%H:%M:%S") in line
    assert [json.loads(line) for line in run("log", "lobby", "-j").splitlines()] == stage.entries
    first = utc[0].astimezone(there).replace(microsecond=0)
    assert len(run("log", "lobby", "-S", first.strftime("%Y-%m-%d %H:%M:%S")).splitlines()) == len(utc)
    later = first + datetime.timedelta(hours=1)
    assert run("log", "lobby", "-S", later.strftime("%Y-%m-%d %H:%M:%S")) == ""
    expires = datetime.datetime.fromisoformat(json.loads(run("status", "-j"))["account"]["expires"].replace("Z", "+00:00"))
    assert expires.astimezone(there).strftime("until %Y-%m-%d %H:%M:%S") in run("status")


def test_times_of_what_is_not_here(stage):
    """A member who holds the newest three entries: the host has the others."""
    stage.bob.join("lobby", backlog=dbus.UInt32(3))
    his = stage.bob.join("lobby")
    wait_for(lambda: stage.bob.get(his, CHANNEL, "State") == "live", "bob to be live")
    at = stage.entries[4]["time"]
    assert log(stage.bob, "-S", at) == [e for e in stage.entries if e["time"] >= at]
    assert log(stage.bob, "-U", at, "-n", "2") == [e for e in stage.entries if e["time"] <= at][-2:]
    assert stage.bob.get(his, CHANNEL, "FirstSeq") == 19, "what was shown out of order is not kept"
    assert log(stage.bob, "-r") == stage.entries[::-1]
    assert stage.bob.get(his, CHANNEL, "FirstSeq") == 1


def test_read(stage):
    his = stage.bob.join("lobby")
    wait_for(lambda: stage.bob.get(his, CHANNEL, "SyncedSeq") == 21, "bob to have it all")
    for arguments, seq in (((), 21), (("5",), 21), (("5", "--unread"), 5), (("9",), 9), ((), 21)):
        assert stage.bob.ctl("read", "lobby", *arguments, "-j").stdout == "{}\n"
        assert (stage.bob.get(his, CHANNEL, "ReadSeq"), stage.bob.get(his, CHANNEL, "Unread")) == (seq, 21 - seq)
        (channel,) = json.loads(stage.bob.ctl("channels", "-j").stdout)
        assert (channel["read_seq"], channel["unread"]) == (seq, 21 - seq)
    assert stage.bob.ctl("read", "no-such", check=False).returncode == 4
