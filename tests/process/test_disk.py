# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that is full or read-only, under real daemons: nothing is acknowledged that is not stored, the daemon
lives and says so once in each place, and all goes on by itself when there is room again."""
import contextlib
import json
import os
import signal
import socket

import dbus
import pytest

from outsider import Connection, Identity, Member, sign_up
from p2pchat import ACCOUNT, CHANNEL, MANAGER, PATH, refused, wait_for
from wirestage import host_payload

BUSY = "org.p2pchat.Error.Busy"


class Notify:
    """What a service manager would hear."""

    def __init__(self, directory, name):
        self.path = os.path.join(directory, name + ".notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def lines(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self.socket.recv(4096).decode().splitlines()
        return self.heard

    def status(self):
        said = [line for line in self.lines() if line.startswith("STATUS=")]
        return said[-1][7:] if said else ""


@pytest.fixture
def notify(world):
    n = Notify(world.directory, "n")
    yield n
    n.socket.close()


def start(peer, notify):
    if not peer.bus:
        peer.start_bus()
    peer.start_daemon(env={"NOTIFY_SOCKET": notify.path})
    wait_for(lambda: "READY=1" in notify.lines(), "READY")


def store_state(peer):
    return peer.get(PATH, MANAGER, "StoreState")


def wait_store(peer, state):
    wait_for(lambda: store_state(peer) == state, f"the store to be {state}")


def journal(peer, words):
    return [line for line in peer.log().splitlines() if words in line]


def send_many(peer, channel, texts):
    return [peer.send(channel, text) for text in texts]


def wait_texts(peer, channel, texts, whose):
    wait_for(lambda: peer.texts(channel) == texts, f"{whose} log to hold {len(texts)} messages")


@pytest.fixture
def stage(world, disks, notify):
    """alice, whose disk it is, hosts lobby; bob is a member."""
    world.start_tracker()
    alice = disks.peer("alice")
    start(alice, notify)
    alice.trust()
    alice.sign_up()
    alice.lobby = alice.host("lobby")
    bob = world.people("bob")
    bob.lobby = bob.join("lobby")
    return alice, bob


def check_told(alice, notify, state, words):
    """Once in the journal, in STATUS, in `status` in both forms, and on the bus."""
    wait_for(lambda: words in notify.status(), f"STATUS to say {words!r}")
    (line,) = journal(alice, words + ":")
    assert line.startswith("<3>") and alice.state in line
    (line,) = [x for x in alice.ctl("status").stdout.splitlines() if x.startswith("Storage:")]
    assert state in line and words in line and "goes on by itself" in line
    told = json.loads(alice.ctl("status", "--json=short").stdout)["store"]
    assert told["state"] == state and words in told["reason"] and told["since"].endswith("Z") and told["aside"] is None
    assert words in alice.get(PATH, MANAGER, "StoreReason")


def check_over(alice, notify, words):
    wait_store(alice, "ok")
    wait_for(lambda: notify.status().startswith("Hosting 1 channel"), "STATUS to be as it was")
    assert len(journal(alice, "can be used again")) == 1
    assert len(journal(alice, words + ":")) == 1
    assert not [x for x in alice.ctl("status").stdout.splitlines() if x.startswith("Storage:")]
    assert alice.get(PATH, MANAGER, "StoreReason") == ""


def test_host(world, stage, notify):
    alice, bob = stage
    dave = sign_up(world.tracker.address, "dave")
    assert bob.send(bob.lobby, "before", wait="stored")[1] > 0
    wait_texts(bob, bob.lobby, ["before"], "bob's")
    with Connection(world.tracker.address, dave) as c:
        (address,) = c.ok("LIST", {"query": "lobby"})["channels"][0]["addresses"]
    with Connection(address, dave, host_name="user/alice") as c:
        m = Member(c, "lobby")
        m.connect()
        alice.disk.fill()
        for i in range(3):
            f = m.send(f"no room {i}")
            assert f.header == "SERVER_ERROR" and f.payload["error"] == "busy" and f.payload["retry_after_ms"] > 0
        texts = [f"from bob {i}" for i in range(5)]
        ids = [i for i, seq in send_many(bob, bob.lobby, texts) if seq == 0]
        assert len(ids) == 5
        wait_store(alice, "full")
        check_told(alice, notify, "full", "The disk is full")
        name, words = refused(alice.send, alice.lobby, "mine")
        assert name == BUSY and "the disk is full; make room on it" in words
        done = alice.ctl("send", "lobby", "mine", check=False)
        assert done.returncode == 7 and "make room" in done.stderr
        name, words = refused(alice.call, alice.lobby, CHANNEL, "MarkRead", "ta{sv}", 1, {})
        assert name == BUSY and "the disk is full" in words
        # What is read goes on, here and for others.
        assert alice.texts(alice.lobby) == ["before"] == bob.texts(bob.lobby)
        assert [e["message_content"] for e in m.ok("HISTORY", limit=50)["entries"] if "message_content" in e] == ["before"]
        assert bob.get(bob.lobby, CHANNEL, "OutboxCount") == 5
        rows = bob.call(bob.lobby, CHANNEL, "GetOutbox", "a{sv}", {})[0]
        assert [row[0] for row in rows if row[4] == "queued"] == ids

    alice.disk.empty()
    check_over(alice, notify, "The disk is full")
    wait_texts(alice, alice.lobby, ["before", *texts], "alice's")
    wait_texts(bob, bob.lobby, ["before", *texts], "bob's")
    wait_for(lambda: bob.get(bob.lobby, CHANNEL, "OutboxCount") == 0, "bob's outbox to be empty")
    assert alice.send(alice.lobby, "mine", wait="stored")[1] > 0
    assert alice.process.alive()


def test_member(world, disks, notify):
    alice = world.people("alice")
    lobby = alice.host("lobby")
    bob = disks.peer("bob")
    start(bob, notify)
    bob.trust()
    bob.sign_up()
    copy = bob.join("lobby")
    assert bob.send(copy, "first", wait="stored")[1] > 0
    wait_texts(bob, copy, ["first"], "bob's")
    bob.disk.fill()
    texts = [f"{i} " + "x" * 8000 for i in range(40)]
    send_many(alice, lobby, texts)
    wait_store(bob, "full")
    wait_for(lambda: bob.get(copy, CHANNEL, "StateReason") == "disk-full", "bob's channel to say why")
    assert bob.get(copy, CHANNEL, "State") == "syncing"
    name, words = refused(bob.send, copy, "mine")
    assert name == BUSY and "the disk is full" in words
    wait_texts(alice, lobby, ["first", *texts], "alice's")
    # His connection is there as before.
    assert not journal(bob, "offline: ") and not journal(bob, "syncing -> connecting")

    bob.disk.empty()
    wait_texts(bob, copy, ["first", *texts], "bob's")
    wait_for(lambda: bob.get(copy, CHANNEL, "State") == "live", "bob to be live")
    assert len(journal(bob, "The disk is full:")) == len(journal(bob, "can be used again")) == 1
    assert not journal(bob, "Cannot store")
    assert bob.send(copy, "mine", wait="stored")[1] > 0


def comes_up_in_trouble(alice, bob, notify, state, words, mend):
    """alice's daemon begins on such a disk; bob says something meanwhile."""
    assert bob.send(bob.lobby, "meanwhile")[1] == 0
    notify.heard.clear()
    alice.start_daemon(env={"NOTIFY_SOCKET": notify.path})
    wait_for(lambda: "READY=1" in notify.lines(), "READY")
    wait_store(alice, state)
    wait_for(lambda: words in notify.status(), "STATUS")
    (line,) = journal(alice, words + ":")
    for call in (lambda: alice.host("lobby"), lambda: alice.join("lobby"), alice.trust, alice.sign_up):
        name, said = refused(call)
        assert name == BUSY and "the disk" in said, (name, said)
    assert words in alice.ctl("status").stdout
    mend()
    wait_for(lambda: alice.get(PATH, MANAGER, "DefaultAccount") != "/", "alice's account")
    wait_for(lambda: alice.get(alice.get(PATH, MANAGER, "DefaultAccount"), ACCOUNT, "Username") == "alice", "alice to be herself")
    wait_texts(alice, alice.lobby, ["before", "meanwhile"], "alice's")
    wait_texts(bob, bob.lobby, ["before", "meanwhile"], "bob's")
    assert store_state(alice) == "ok" and len(journal(alice, words + ":")) == 1 and line
    assert alice.process.alive()


@pytest.fixture
def stopped(stage):
    alice, bob = stage
    assert bob.send(bob.lobby, "before", wait="stored")[1] > 0
    return alice, bob


def test_full_at_start(stopped, notify):
    """Killed; and what a killed process leaves for the next one (shared memory) is not there."""
    alice, bob = stopped
    alice.stop_daemon(signal.SIGKILL)
    os.unlink(alice.disk.path("p2pchat.db-shm"))
    alice.disk.fill()
    comes_up_in_trouble(alice, bob, notify, "full", "The disk is full", alice.disk.empty)


def test_read_only_at_start(stopped, notify):
    alice, bob = stopped
    alice.stop_daemon()
    alice.disk.read_only()
    comes_up_in_trouble(alice, bob, notify, "read-only", "The disk is read-only", alice.disk.writable)


def test_first_start(world, disks, notify):
    """Where there is not even a state directory, and none can be made."""
    world.start_tracker()
    at = os.path.join(world.directory, "disk")
    alice = disks.peer("alice", at=at)
    alice.state = os.path.join(at, "state", "p2pchat")
    alice.disk.read_only()
    start(alice, notify)
    wait_for(lambda: store_state(alice) != "ok", "the store to be in trouble")
    name, _ = refused(alice.trust)
    assert name == BUSY
    alice.disk.writable()
    wait_store(alice, "ok")

    def trusts():  # while the disk is read, it says so
        try:
            return alice.trust()
        except dbus.DBusException as e:
            assert e.get_dbus_name() == BUSY and "still being read" in str(e), e
            return None
    wait_for(trusts, "the tracker to be set")
    alice.sign_up()
    assert alice.send(alice.host("lobby"), "here", wait="stored")[1] > 0
    assert os.path.exists(alice.disk.path("state", "p2pchat", "lock"))


def test_tracker(world, disks):
    """Full at work, and at its next start: nobody is told what is not stored, and it goes on by itself."""
    disk = disks.new(os.path.join(world.directory, "tracker"))
    tracker = world.start_tracker(prefix=disk.prefix)
    dave = sign_up(tracker.address, "dave")
    disk.fill()
    with Connection(tracker.address, dave) as c:
        f = c.request("HOST", host_payload("lobby"))
        assert f.payload["error"] == "busy" and f.payload["retry_after_ms"] > 0, f
    with Connection(tracker.address) as c:
        f = c.request("SIGNUP", {"username": "erin", "password": "correct horse", "csr": Identity().csr()})
        assert f.payload["error"] == "busy" and f.payload["retry_after_ms"] > 0, f

    def said(words):
        return [line for line in tracker.process.text().splitlines() if words in line]
    wait_for(lambda: said("cannot be used"), "the tracker to say it")
    assert len(said("cannot be used")) == 1 and not said("Cannot answer")
    disk.empty()
    wait_for(lambda: said("can be used again"), "the tracker to go on")
    sign_up(tracker.address, "erin")

    tracker.stop()
    disk.fill()
    tracker.start()
    knock = socket.create_connection(tracker.address.split(":"))  # what starts it
    wait_for(lambda: len(said("cannot be used")) == 2, "the tracker to say it again")
    assert tracker.process.alive()
    disk.empty()
    with Connection(tracker.address, dave) as c:
        assert c.ok("LIST", {})["channels"] == []
    knock.close()
