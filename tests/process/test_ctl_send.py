# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl send --lines: many lines in their order, and the first that was not taken."""
import json
import os
import re
import subprocess

import pytest

from p2pchat import CHANNEL, DEADLINE, wait_for

MINUTE = 60


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.alice = w.people("alice")
    w.lobby = w.alice.host("lobby")
    return w


def texts(peer, channel):
    """What is in the log, oldest first."""
    lines = peer.ctl("log", channel, "-j", timeout=MINUTE).stdout.splitlines()
    return [e["message_content"] for e in map(json.loads, lines) if e["kind"] == "message"]


def pour(stage, channel, data, *options):
    return subprocess.run([os.environ["P2PCHATCTL"], "send", channel, "--lines", *options], input=data, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=stage.alice.environment(), timeout=MINUTE)


def test_order(stage):
    stage.alice.host("order")
    stage.alice.ctl("rate", "order", "0")
    lines = [f"line {i}" for i in range(1500)]
    result = stage.alice.ctl("send", "order", "--lines", "--wait=stored", "-j", stdin="\n".join(lines), timeout=MINUTE)
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [t["state"] for t in told] == ["stored"] * 1500 and not result.stderr
    seqs = [t["seq"] for t in told]
    assert seqs == sorted(seqs) and len({t["id"] for t in told}) == 1500
    assert texts(stage.alice, "order") == lines


@pytest.mark.parametrize("bad, exit_status, name, word", [
    (b"x" * 16385, 7, "TooLarge", "16384"), (b"a\0b", 2, "BadRequest", "NUL"), (b"\xff", 2, "BadRequest", "UTF-8")])
def test_bad_line(stage, bad, exit_status, name, word):
    channel = f"bad-{word.lower()}"
    stage.alice.host(channel)
    result = pour(stage, channel, b"one\n\ntwo\n" + bad + b"\nfive\n", "--wait=stored", "-j")
    assert result.returncode == exit_status
    *told, failed = map(json.loads, result.stdout.splitlines())
    assert [t["state"] for t in told] == ["stored", "stored"]
    assert failed["error"]["name"] == f"org.p2pchat.Error.{name}"
    message = failed["error"]["message"]
    assert message.startswith("Line 4 was not sent") and word in message
    assert f"tail -n +4 FILE | p2pchatctl send {channel} --lines" in message
    assert texts(stage.alice, channel) == ["one", "two"]


def test_longest_line(stage):
    stage.alice.host("long")
    assert pour(stage, "long", b"x" * 16384, "--wait=stored").returncode == 0
    assert texts(stage.alice, "long") == ["x" * 16384]


def test_ends_of_other_systems(stage):
    """CR LF ends a line, whoever reads it, and is no part of a message."""
    alice = stage.alice
    alice.host("crlf")
    longest = "x" * 16384
    assert pour(stage, "crlf", b"one\r\n\r\ntwo three\r\n" + longest.encode() + b"\r\nlast\r", "--wait=stored").returncode == 0
    assert texts(alice, "crlf") == ["one", "two three", longest, "last"]
    failed = pour(stage, "crlf", b"good\r\n" + b"y" * 16385 + b"\r\n", "--wait=stored", "-j")
    assert failed.returncode == 7 and b"Line 2 was not sent" in failed.stdout
    alice.host("crlf-one")
    subprocess.run([os.environ["P2PCHATCTL"], "send", "crlf-one", "--wait=stored"], input=b"a\r\nb\r", check=True,
                   stdout=subprocess.DEVNULL, env=alice.environment(), timeout=DEADLINE)
    subprocess.run([os.environ["P2PCHATCTL"], "chat", "--plain", "crlf-one"], check=True, stdout=subprocess.DEVNULL,
                   input=b"in chat\r\n\r\n/topic by a file\r\n/exit\r\n", env=alice.environment(), timeout=DEADLINE)
    assert texts(alice, "crlf-one") == ["a\nb", "in chat"]
    assert alice.ctl("topic", "crlf-one").stdout == "by a file\n"


def test_as_it_comes(stage):
    """A line goes out when it is there, though the input goes on; and what the end cuts off is a line."""
    stage.alice.host("live")
    with subprocess.Popen([os.environ["P2PCHATCTL"], "send", "live", "--lines"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=stage.alice.environment()) as p:
        for i in range(3):
            p.stdin.write(f"{i}\n".encode())
            p.stdin.flush()
            assert re.fullmatch(rb"[0-9a-f-]{36}\n", p.stdout.readline())
        p.stdin.write(b"last")
        p.stdin.close()
        assert re.fullmatch(rb"[0-9a-f-]{36}\n", p.stdout.readline()) and p.wait(DEADLINE) == 0
    wait_for(lambda: texts(stage.alice, "live") == ["0", "1", "2", "last"], "all of them")


def test_still_queued(stage):
    bob = stage.people("bob")
    path = bob.join("lobby")
    wait_for(lambda: bob.get(path, CHANNEL, "State") == "live", "bob to be live")
    stage.alice.stop_daemon()
    try:
        wait_for(lambda: bob.get(path, CHANNEL, "State") != "live", "the host to be away")
        result = bob.ctl("send", "lobby", "--lines", "--wait=stored", "--timeout=0", "-j", stdin="a\nb\n", check=False)
        assert result.returncode == 6
        assert [json.loads(line)["state"] for line in result.stdout.splitlines()] == ["queued"] * 2
        assert bob.get(path, CHANNEL, "OutboxCount") == 2
        # The outbox takes 10,000: what it has no room for is named, and nothing behind it gets in.
        result = bob.ctl("send", "lobby", "--lines", "--timeout=0", "-j", check=False, timeout=4 * MINUTE,
                         stdin="".join(f"{i}\n" for i in range(1, 10002)))
        *told, failed = map(json.loads, result.stdout.splitlines())
        assert result.returncode == 1 and len(told) == 9998
        assert failed["error"]["name"] == "org.p2pchat.Error.QueueFull"
        assert failed["error"]["message"].startswith("Line 9999 was not sent")
        assert bob.get(path, CHANNEL, "OutboxCount") == 10000
        # Whoever may wait gets in when there is room.
        with subprocess.Popen([os.environ["P2PCHATCTL"], "send", "lobby", "--lines", "--timeout=60"], env=bob.environment(),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            p.stdin.write(b"late\n")
            p.stdin.close()
            bob.ctl("outbox", "cancel", told[5]["id"])
            assert re.fullmatch(rb"[0-9a-f-]{36}\n", p.stdout.readline()) and p.wait(DEADLINE) == 0
    finally:
        stage.alice.start_daemon()


def test_usage(stage):
    for arguments in (["--id=3b0f6a3e-6c0c-4f0e-9a53-2f1f1a2b3c4d"], ["text"]):
        result = stage.alice.ctl("send", "lobby", "--lines", *arguments, check=False)
        assert result.returncode == 2 and not result.stdout
