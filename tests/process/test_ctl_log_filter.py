# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl log: which entries, in which form, and where it was the last time."""
import fcntl
import json
import os
import re
import subprocess

import pytest

from p2pchat import CHANNEL, ERROR, MODERATION, wait_for


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby, w.den = w.alice.host("lobby"), w.alice.host("den")
    w.alice.ctl("rate", "lobby", "0")
    his = w.bob.join("lobby")
    for i in range(700):  # more than a page
        w.alice.send(w.lobby, "Needle here" if i % 100 == 7 else f"text {i}")
    w.alice.send(w.lobby, "the first line\nthe second line", wait="stored")
    w.bob.send(his, "bob has a needle", wait="stored")
    w.alice.call(w.lobby, MODERATION, "SetTopic", "sa{sv}", "no needle in it", {})
    w.bob.send(his, "last", wait="stored")
    wait_for(lambda: w.alice.get(w.lobby, CHANNEL, "SyncedSeq") == 706, "all to be stored")
    w.entries = log(w.alice)
    assert [e["seq"] for e in w.entries] == list(range(1, 707))
    w.needles = [e for e in w.entries if "needle" in (e.get("message_content", "") + e.get("topic", "")).lower()]
    assert len(w.needles) == 9
    return w


def log(peer, *arguments, channel="lobby"):
    return [json.loads(line) for line in peer.ctl("log", channel, "-j", *arguments).stdout.splitlines()]


def fails(peer, *arguments, said=None, status=2):
    result = peer.ctl("log", *arguments, "-j", check=False)
    error = json.loads(result.stdout)["error"]
    assert (result.returncode, error["name"]) == (status, ERROR + "BadRequest"), result
    assert said is None or said in error["message"], error
    told = peer.ctl("log", *arguments, check=False)
    assert told.returncode == status and told.stdout == "" and error["message"] in told.stderr


def test_grep(stage):
    alice, needles = stage.alice, stage.needles
    assert log(alice, "-g", "needle") == log(alice, "--grep=ne+dle$|nomatch|needle") == needles
    assert log(alice, "-g", "Needle") == [e for e in needles if "Needle" in e.get("message_content", "")]
    assert log(alice, "-g", "needle", "-n", "5") == needles[-5:], "-n counts what matches"
    assert log(alice, "-g", "needle", "-n", "3", "-r") == needles[:-4:-1]
    assert log(alice, "-g", "needle", "-r") == needles[::-1]
    assert log(alice, "-g", "needle", "--after-seq", str(needles[2]["seq"])) == needles[3:]
    assert log(alice, "-g", "needle", "-n", "100", "--after-seq", str(needles[2]["seq"])) == needles[3:]
    lines = [e for e in stage.entries if "\n" in e.get("message_content", "")]
    assert log(alice, "-g", "^the second") == log(alice, "-g", "first line$") == lines
    assert log(alice, "-g", "first.*second") == []
    assert log(alice, "-g", "created the channel") == stage.entries[:1], "what a person sees of an event"
    fails(alice, "lobby", "-g", "(", said="regular expression")
    fails(alice, "lobby", "-g", "x" * 1025, said="1024")
    fails(alice, "lobby", "-g", r"(a*)\1", said="back references")
    assert log(alice, "-g", "x" * 1024) == []


def test_who_and_what(stage):
    alice, entries = stage.alice, stage.entries
    assert log(alice, "--from", "bob") == log(alice, "--from=BOB") == [e for e in entries if e["username"] == "bob"]
    assert len(log(alice, "--from", "bob")) == 2
    events = [e for e in entries if e["kind"] != "message"]
    assert log(alice, "--events") == events and [e["kind"] for e in events] == ["create", "view", "topic"]
    assert log(alice, "--events", "-n", "1") == events[-1:]
    assert log(alice, "--events", "--from", "bob") == []
    assert log(alice, "--from", "bob", "-g", "NEEDLE") == [], "a capital letter means itself"
    assert log(alice, "--from", "alice", "-g", "needle", "--events") == [e for e in events if e["kind"] == "topic"]
    assert log(alice, "-n", "2", "--after-seq", "705") == entries[705:], "no more than there is after it"


def test_forms(stage):
    alice = stage.alice
    short = alice.ctl("log", "lobby", "-n", "4").stdout.split("\n")
    assert [line.split(" ", 3)[2:] for line in short[:1] + short[2:5]] == [
        ["#703", "alice: the first line"], ["#704", "bob: bob has a needle"],
        ["#705", "* alice set the topic: no needle in it"], ["#706", "bob: last"]]
    assert short[1] == "        the second line"
    assert alice.ctl("log", "lobby", "-n", "4", "-o", "short").stdout.split("\n") == short
    assert alice.ctl("log", "lobby", "-n", "4", "-o", "cat").stdout == (
        "the first line\nthe second line\nbob has a needle\n* alice set the topic: no needle in it\nlast\n")
    assert alice.ctl("log", "lobby", "-o", "json").stdout == alice.ctl("log", "lobby", "-j").stdout
    exported = alice.ctl("export", "lobby").stdout
    assert alice.ctl("log", "lobby", "-o", "export").stdout == exported, "byte for byte"
    alice.ctl("ignore", "bob")
    try:
        assert alice.ctl("log", "lobby", "-o", "export").stdout == exported, "whoever is ignored"
        shown = alice.ctl("log", "lobby", "-o", "cat", "-n", "2")
        assert shown.stdout.endswith("no needle in it\n") and "last" not in shown.stdout and "--ignored" in shown.stderr
        assert log(alice, "-n", "1") == [{**stage.entries[-1], "hidden": True}]
    finally:
        alice.ctl("unignore", "bob")
    fails(alice, "lobby", "-o", "verbose", said="short, json, cat or export")


def test_search_forms(stage):
    exported = stage.alice.ctl("export", "lobby").stdout.splitlines(keepends=True)
    found = [e["seq"] for e in stage.needles if e["kind"] == "message"]
    assert stage.alice.ctl("search", "lobby", "needle", "-o", "export").stdout == "".join(exported[s - 1] for s in found)
    assert stage.alice.ctl("search", "lobby", "second", "-o", "cat").stdout == "the first line\nthe second line\n"
    assert stage.alice.ctl("search", "lobby", "x", "-o", "y", check=False).returncode == 2


def test_cursor_file(stage, tmp_path):
    alice, entries, file = stage.alice, stage.entries, tmp_path / "cursor"
    cursor = f"--cursor-file={file}"
    assert log(alice, cursor, "-n", "0") == []
    ident = alice.get(stage.lobby, CHANNEL, "Id")
    assert file.read_text() == f"p2pchat cursors 1\n{ident} 706\n"
    assert oct(file.stat().st_mode & 0o777) == "0o600" and os.listdir(tmp_path) == ["cursor"]
    assert log(alice, cursor) == [] == log(alice, cursor, "-n", "5")
    file.write_text(f"p2pchat cursors 1\n{ident} 700\n")
    assert log(alice, cursor, "-g", "needle") == [e for e in stage.needles if e["seq"] > 700]
    assert log(alice, cursor) == [], "what did not match was looked at"
    file.write_text(f"p2pchat cursors 1\n{ident} 100\n")
    assert log(alice, cursor) == entries[100:]
    file.unlink()
    assert log(alice, cursor) == entries, "the first time all is shown"
    assert log(alice, cursor) == []
    # Of another channel, of none, too long, not to be written: said before anything is shown.
    fails(alice, "den", cursor, said="another channel")
    assert log(alice, cursor) == []
    for wrong in ("", "x", "p2pchat cursors 2\n", f"p2pchat cursors 1\n{ident} 7", f"p2pchat cursors 1\n{ident} -7\n",
                  f"p2pchat cursors 1\n{ident} 9999999999999999999\n", f"p2pchat cursors 1\n{ident} 1\n{ident} 2\n",
                  "p2pchat cursors 1\nlobby 1\n", f"p2pchat cursors 1\n{ident}\n", "p2pchat cursors 1\n" + "x" * 2000000,
                  "\0\0\0\x18ftypmp42", f"p2pchat cursors 1\n{ident} 7\n\0more"):
        file.write_text(wrong)
        if wrong:
            fails(alice, "lobby", cursor, said="no cursor file")
            assert file.read_text() == wrong, "what is somebody's else stays"
    fails(alice, "lobby", f"--cursor-file={tmp_path}", said="no cursor file")
    assert alice.ctl("log", "lobby", f"--cursor-file={tmp_path}/none/x", check=False).returncode == 1
    fails(alice, "lobby", cursor, "-r", said="forwards")
    fails(alice, "lobby", cursor, "--after-seq=1", said="leave one out")


def test_two_with_one_cursor_file(stage, tmp_path):
    """Whoever notes in it waits until the other has: neither writes into what the other makes of it."""
    cursor, entries = tmp_path / "cursor", stage.entries
    command = [os.environ["P2PCHATCTL"], "log", "lobby", "-j", f"--cursor-file={cursor}"]
    with open(f"{cursor}.new", "w", encoding="utf-8") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("half of wh")
        other.flush()
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=stage.alice.environment()) as child:

            def waits():
                assert child.poll() is None, "it did not wait"
                with open("/proc/locks", encoding="ascii") as f:
                    return re.search(f"-> FLOCK .* {child.pid} ", f.read())
            wait_for(waits, "it to wait for the other")
            os.rename(f"{cursor}.new", cursor)  # as the other does
            fcntl.flock(other, fcntl.LOCK_UN)
            assert len(child.communicate()[0].splitlines()) == len(entries) and child.returncode == 0
    assert cursor.read_text().endswith(f" {entries[-1]['seq']}\n") and os.listdir(tmp_path) == ["cursor"]
