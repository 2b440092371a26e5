# SPDX-License-Identifier: LGPL-2.1-or-later
"""The story of quickstart, by nothing but p2pchatctl: from `send` on one side to `log -f` on the other,
through a host that is killed, to three logs that are equal."""
import contextlib
import json
import os
import queue
import signal
import subprocess
import threading

from p2pchat import DEADLINE, wait_for


class Follower(contextlib.AbstractContextManager):
    """p2pchatctl log -f of one person, line by line."""

    def __init__(self, peer, channel):
        self.child = subprocess.Popen(
            [os.environ["P2PCHATCTL"], "log", channel, "-f", "-n", "1000", "-o", "json"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=peer.environment())
        self.lines = queue.Queue()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for line in self.child.stdout:
            self.lines.put(json.loads(line))

    def message(self):
        """The next message that comes → (username, text)."""
        while True:
            e = self.lines.get(timeout=DEADLINE)
            if e["kind"] == "message":
                return e["username"], e["message_content"]

    def __exit__(self, *exc):
        self.child.terminate()
        self.child.wait(DEADLINE)
        self.thread.join(DEADLINE)
        self.child.stdout.close()


def ctl_json(peer, *arguments):
    return json.loads(peer.ctl(*arguments, "-j").stdout)


def log(peer):
    return peer.ctl("log", "lobby", "-n", "100000", "-o", "json").stdout


def test_story(world):
    tracker = world.start_tracker()
    alice, bob, carol = (world.peer(name) for name in ("alice", "bob", "carol"))

    # alice signs up and hosts lobby.
    for peer in (alice, bob, carol):
        peer.ctl("tracker", tracker.address, "--trust-new")
    for peer in (alice, bob):
        result = peer.ctl("signup", peer.name, "--password-fd=0", stdin=f"correct horse {peer.name}\n")
        assert "correct horse" not in result.stdout + result.stderr
    alice.ctl("host", "lobby", "--topic=all welcome")

    # bob finds it, joins; they talk, and see it as it comes.
    (listed,) = ctl_json(bob, "list")
    assert (listed["channel_name"], listed["owner"], listed["topic"], listed["online"]) == \
        ("lobby", "alice", "all welcome", True)
    bob.ctl("join", "lobby")
    with Follower(alice, "lobby") as at_alice, Follower(bob, "lobby") as at_bob:
        # A follower is there once it shows what is said; nothing that it showed is shown again.
        first = ctl_json(bob, "send", "lobby", "--wait=stored", "hello alice")
        assert first["state"] == "stored" and first["seq"] > 0
        assert ctl_json(alice, "send", "lobby", "--wait=stored", "hello bob, welcome")["seq"] == first["seq"] + 1
        for follower in (at_alice, at_bob):
            wait_for(lambda f=follower: f.message() == ("alice", "hello bob, welcome"), "the answer to be shown")

        # A guest joins and reads, and may not write here.
        carol.ctl("guest", "carol")
        carol.ctl("join", "lobby")
        wait_for(lambda: log(carol) == log(alice), "the guest to have it all")
        denied = carol.ctl("send", "lobby", "--wait=stored", "may I?", check=False)
        assert denied.returncode == 5, denied.stderr
        assert [m["username"] for m in ctl_json(alice, "members", "lobby")] == ["alice", "bob", "guest-carol"]

        # alice's daemon is killed; bob sends three messages and sees them queued.
        assert alice.stop_daemon(signal.SIGKILL) == -signal.SIGKILL
        texts = ["one", "two", "three"]
        ids = []
        for text in texts:
            sent = ctl_json(bob, "send", "lobby", text)
            assert (sent["seq"], sent["state"]) == (0, "queued")
            ids.append(sent["id"])
        rows = [r for r in ctl_json(bob, "outbox") if r["state"] != "stored"]
        assert [(r["id"], r["message_content"], r["state"]) for r in rows] == \
            [(i, t, "queued") for i, t in zip(ids, texts)]
        assert alice.ctl("status", check=False).returncode == 3

        # It comes back; the three arrive once, in order, without anybody doing anything.
        alice.start_daemon()
        assert [at_bob.message() for _ in texts] == [("bob", t) for t in texts]
        wait_for(lambda: not [r for r in ctl_json(bob, "outbox") if r["state"] == "queued"], "the outbox to be empty")
        # Following survives the daemon's restart.
        assert [at_alice.message() for _ in texts] == [("bob", t) for t in texts]

    wait_for(lambda: log(alice) == log(bob) == log(carol), "three logs to be equal")
    entries = [json.loads(line) for line in log(alice).splitlines()]
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
    messages = [(e["username"], e["message_content"]) for e in entries if e["kind"] == "message"]
    assert messages == [("bob", "hello alice"), ("alice", "hello bob, welcome"), *(("bob", t) for t in texts)]
    assert [e["id"] for e in entries if e.get("message_content") in texts] == ids, "ids are for ever"

    # bob signs out, and comes back to what was his.
    bob.ctl("signout")
    assert not ctl_json(bob, "whoami")["username"]
    assert bob.ctl("send", "lobby", "nobody says this", check=False).returncode in (3, 4)
    bob.ctl("signin", "bob", "--password-fd=0", stdin="correct horse bob\n")
    assert log(bob) == log(alice)
    assert ctl_json(bob, "send", "lobby", "--wait=stored", "back again")["state"] == "stored"
