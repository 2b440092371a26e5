# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl monitor: what it tells, of which channels, from where on, and to which command."""
import itertools
import json
import os
import subprocess

import pytest

import schema
from followers import Follower, read
from p2pchat import CHANNEL, ERROR, wait_for

BOT = os.path.join(os.path.dirname(__file__), "..", "examples", "echo-bot")


@pytest.fixture
def stage(world):
    w = world
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby = w.alice.host("lobby")
    w.alice.send(w.lobby, "long before", wait="stored")
    w.bob.join("lobby")
    wait_for(lambda: w.bob.get(w.lobby, CHANNEL, "State") == "live", "bob to be live")
    wait_for(lambda: w.bob.get(w.lobby, CHANNEL, "SyncedSeq") == 2, "bob to have it all")
    return w


def of(lines, *kinds):
    return [line for line in lines if line["kind"] in kinds]


def texts(lines):
    return [line["message_content"] for line in of(lines, "message")]


def test_lines(stage, tmp_path):
    alice, bob, lobby = stage.alice, stage.bob, stage.lobby
    ident = alice.get(lobby, CHANNEL, "Id")
    with Follower(bob, tmp_path / "json", "monitor", "-j", cursor=tmp_path / "c") as f, \
            Follower(bob, tmp_path / "text", "monitor", "lobby", cursor=tmp_path / "d") as people:
        alice.send(lobby, "of alice\nand more", wait="stored")
        bob.send(lobby, "of bob", wait="stored")
        alice.ctl("topic", "lobby", "about this")
        wait_for(lambda: len(of(f.lines(), "topic")) == 1, "the topic")
        hers, his = of(f.lines(), "message")
        (logged,) = [json.loads(line) for line in bob.ctl("log", "lobby", "-j", "-n", "1", "-g", "of bob").stdout.split("\n")
                     if line]
        assert his == {**logged, "channel_name": "lobby", "channel_id": ident, "mine": True}
        assert hers["mine"] is False and hers["message_content"] == "of alice\nand more"
        # Of another channel, which appears: all of it.
        den = bob.host("den")
        bob.send(den, "in den", wait="stored")
        wait_for(lambda: texts(f.lines())[2:] == ["in den"], "the new channel")
        assert [e["kind"] for e in f.lines() if e["channel_name"] == "den" and "seq" in e] == ["create", "message"]
        assert any(line["kind"] == "outbox" and line["channel_name"] == "lobby" and line["outbox"] == 0 for line in f.lines())
        # The host goes and comes back: the last state is told.
        alice.stop_daemon()
        wait_for(lambda: any(s["channel_name"] == "lobby" and s["state"] != "live" for s in of(f.lines(), "state")), "away")
        bob.send(lobby, "waits")
        wait_for(lambda: any(line["outbox"] == 1 for line in of(f.lines(), "outbox")), "what waits")
        alice.start_daemon()
        wait_for(lambda: texts(f.lines())[-1] == "waits", "what waited")
        wait_for(lambda: [s["state"] for s in of(f.lines(), "state") if s["channel_name"] == "lobby"][-1] == "live", "live")
        assert of(f.lines(), "members") and all(isinstance(m["members_online"], int) for m in of(f.lines(), "members"))
        bob.ctl("signout")
        wait_for(lambda: of(f.lines(), "account") and of(f.lines(), "account")[-1]["user_type"] is None, "the account")
        wait_for(lambda: [s["state"] for s in of(f.lines(), "state")][-1] == "gone", "channels to go")
        assert f.child.poll() is None and not f.said()
        text = people.text()
        assert "[lobby] alice: of alice\n        and more\n" in text and "#4 [lobby] bob: of bob\n" in text
        assert "[lobby] * alice set the topic: about this\n" in text and "[lobby] -- live\n" in text
        assert "[lobby] -- 1 message waits\n" in text and "den" not in text, "that was not asked for"


def test_where_it_begins(stage, tmp_path):
    alice, bob, lobby, cursor = stage.alice, stage.bob, stage.lobby, tmp_path / "cursor"
    with Follower(bob, tmp_path / "before", "monitor", "-j", "-n", "2", cursor=cursor) as f:
        wait_for(lambda: texts(f.lines()) == ["long before"], "what was before")
        f.kill()
    for i in range(5):
        alice.send(lobby, f"meanwhile {i}", wait="stored")
    wait_for(lambda: bob.get(lobby, CHANNEL, "SyncedSeq") == 7, "bob to have it")
    with Follower(bob, tmp_path / "again", "monitor", "--json", "--kinds=topic,message", cursor=cursor) as f:
        wait_for(lambda: len(f.lines()) == 5, "what came meanwhile")
        alice.ctl("topic", "lobby", "now")
        wait_for(lambda: len(f.lines()) == 6, "what comes")
        assert texts(f.lines()) == [f"meanwhile {i}" for i in range(5)] and f.lines()[-1]["kind"] == "topic"
    # A backlog that comes with a channel did not happen now.
    carol = stage.people("carol")
    with Follower(carol, tmp_path / "new", "monitor", "-j") as f:
        # Until it follows: what was before it began is not told.
        carol.host("hers")
        tries = itertools.count()
        wait_for(lambda: carol.ctl("topic", "hers", f"try {next(tries)}") and of(f.lines(), "topic"), "it to follow")
        carol.join("lobby")
        wait_for(lambda: any(s["state"] == "live" for s in of(f.lines(), "state")), "carol to be live")
        alice.send(lobby, "welcome", wait="stored")
        wait_for(lambda: texts(f.lines()), "a message")
        assert texts(f.lines()) == ["welcome"]


def held(document, lines):
    """Each by the schema of monitor's lines."""
    for line in lines:
        schema.check(json.dumps(line), "monitor", document)


def test_whom_one_ignores(stage, tmp_path):
    """Programs are told that it is hidden; people and commands hear nothing of it, unless they ask to."""
    alice, bob, lobby = stage.alice, stage.bob, stage.lobby
    bob.ctl("ignore", "alice")
    with Follower(bob, tmp_path / "json", "monitor", "-j", cursor=tmp_path / "a") as programs, \
            Follower(bob, tmp_path / "text", "monitor", cursor=tmp_path / "b") as people, \
            Follower(bob, tmp_path / "all", "monitor", "--ignored", cursor=tmp_path / "c") as curious, \
            Follower(bob, tmp_path / "run", "monitor", "--kinds=message", '--exec=printf "%s\n" "$P2PCHAT_TEXT"',
                     cursor=tmp_path / "d") as commands:
        alice.send(lobby, "of alice", wait="stored")
        bob.send(lobby, "of bob", wait="stored")
        for f in (programs, people, curious, commands):
            wait_for(lambda f=f: "of bob" in f.text(), "what is behind it")
        hers, his = of(programs.lines(), "message")
        assert hers["hidden"] is True and "hidden" not in his
        assert "of alice" not in people.text() and "alice: of alice\n" in curious.text()
        assert commands.text() == "of bob\n"
        held(schema.load("p2pchatctl.json"), programs.lines())


def test_account_and_daemon(stage, tmp_path):
    """What becomes of the sign-in and of the daemon itself are lines, to people and to programs."""
    bob = stage.bob
    with Follower(bob, tmp_path / "json", "monitor", "-j", cursor=tmp_path / "a") as f, \
            Follower(bob, tmp_path / "text", "monitor", cursor=tmp_path / "b") as people:
        bob.stop_daemon()
        wait_for(lambda: of(f.lines(), "daemon"), "it to be away")
        bob.start_daemon()
        wait_for(lambda: [d["state"] for d in of(f.lines(), "daemon")] == ["away", "running"], "it to be back")
        wait_for(lambda: json.loads(bob.ctl("whoami", "-j").stdout)["tracker_state"] == "online", "the tracker")
        bob.ctl("signout")
        wait_for(lambda: of(f.lines(), "account") and of(f.lines(), "account")[-1]["user_type"] is None, "the sign-out")
        bob.ctl("guest", "robert")
        wait_for(lambda: of(f.lines(), "account")[-1]["username"] == "guest-robert", "the guest")
        last = of(f.lines(), "account")[-1]
        assert (last["tracker"], last["user_type"]) == (stage.tracker.address, "GUEST")
        wait_for(lambda: "-- guest-robert at " + stage.tracker.address + ": " in people.text(), "the line of it")
        text = people.text()
        assert "-- the daemon: away\n" in text and "-- the daemon: running\n" in text and "-- nobody at " in text
        held(schema.load("p2pchatctl.json"), f.lines())


def test_wrong_use(stage):
    for arguments, status, name in ((("no-such",), 4, "NoSuchChannel"), (("-n", "501"), 2, "BadRequest"),
                                    (("--exec=",), 2, "BadRequest")):
        result = stage.bob.ctl("monitor", *arguments, "-j", check=False)
        assert result.returncode == status and json.loads(result.stdout)["error"]["name"] == ERROR + name
        assert stage.bob.ctl("monitor", *arguments, check=False).stderr


def test_commands(stage, tmp_path):
    """In order, one at a time; what is said is no part of the command; how they end is told."""
    alice, bob, lobby = stage.alice, stage.bob, stage.lobby
    evil = "'; touch " + str(tmp_path / "evil") + "; $(touch " + str(tmp_path / "evil") + ") `id` \"\n#"
    command = ('test "$P2PCHAT_KIND" = message || exit 0; printf "%s|" "$P2PCHAT_SEQ" "$P2PCHAT_CHANNEL" "$P2PCHAT_USERNAME"'
               ' "$P2PCHAT_MINE" "$P2PCHAT_TEXT"; cat; case "$P2PCHAT_TEXT" in fail) exit 3;; stop) exit 255;; esac')
    with Follower(bob, tmp_path / "out", "monitor", "lobby", "--exec", command, cursor=tmp_path / "cursor") as f:
        for text in ("first", evil, "fail", "after it"):
            alice.send(lobby, text, wait="stored")
        bob.send(lobby, "own", wait="stored")
        wait_for(lambda: f.text().count("\n") >= 6 and "own" in f.text(), "the commands to have run")
        lines = f.text().split("\n")
        assert lines[0].startswith("3|lobby|alice|0|first|{") and json.loads(lines[0].split("|", 5)[5])["seq"] == 3
        assert f"4|lobby|alice|0|{evil}|" + "{" in f.text() and not (tmp_path / "evil").exists()
        assert lines[-2].startswith("7|lobby|bob|1|own|{")
        wait_for(lambda: "the command ended with 3" in f.said(), "the failure to be told")
        alice.send(lobby, "stop", wait="stored")
        assert f.child.wait(30) == 1 and "ended with 255" in f.said()
        assert read(tmp_path / "cursor").endswith(" 7\n"), "it gets that again"
    # Each is noted once its command has ended, also where many are there at once.
    for text in ("one", "two", "stop", "not yet"):
        alice.send(lobby, text, wait="stored")
    wait_for(lambda: "not yet" in bob.texts(lobby), "bob to have it")
    (tmp_path / "cursor").write_text(read(tmp_path / "cursor").replace(" 7\n", " 8\n"))
    with Follower(bob, tmp_path / "more", "monitor", "lobby", "--exec", command, cursor=tmp_path / "cursor") as f:
        assert f.child.wait(30) == 1 and "ended with 255" in f.said()
        assert read(tmp_path / "cursor").endswith(" 10\n"), "two were done"
    with Follower(bob, tmp_path / "not", "monitor", "--exec", "/no/such/bot", cursor=tmp_path / "cursor") as f:
        assert f.child.wait(30) == 1 and "ended with 127" in f.said()


def test_reader_leaves(stage, tmp_path):
    """Quietly, and without a line to write."""
    for arguments in (("monitor",), ("log", "lobby", "-f")):
        cursor = tmp_path / arguments[0]
        r, w = os.pipe()
        with subprocess.Popen([os.environ["P2PCHATCTL"], *arguments, f"--cursor-file={cursor}"], stdout=w,
                              stderr=subprocess.PIPE, env=stage.bob.environment()) as child:
            os.close(w)
            wait_for(lambda c=cursor: c.exists() and "-" in read(c), "it to follow")
            os.close(r)
            assert child.wait(30) == 0 and child.stderr.read() == b""


def test_echo_bot(stage, tmp_path):
    """It answers each once, also when it is killed between two lines and gets one of them again."""
    alice, bob, lobby, cursor = stage.alice, stage.bob, stage.lobby, tmp_path / "cursor"
    path = {"PATH": os.path.dirname(os.environ["P2PCHATCTL"]) + ":" + os.environ["PATH"]}

    def bot():
        return Follower(bob, tmp_path / "bot", "monitor", "lobby", "--kinds=message", f"--exec={BOT}", cursor=cursor,
                        environment=path)

    def answers():
        return [e[6]["text"] for e in alice.messages(lobby, kinds=["message"]) if e[3] == "bob"]
    with bot() as f:
        before = read(cursor)
        alice.send(lobby, "!echo hello $(id)", wait="stored")
        alice.send(lobby, "nothing for it", wait="stored")
        wait_for(lambda: answers() == ["hello $(id)"], "the answer")
        f.kill()
    cursor.write_text(before)
    with bot():
        alice.send(lobby, "!echo second", wait="stored")
        wait_for(lambda: "second" in answers(), "the second answer")
        assert answers() == ["hello $(id)", "second"]
