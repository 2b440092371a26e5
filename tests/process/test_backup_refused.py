# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups that are none, descriptors of every sort, a disk that is full, kill -9, two at once: each is told by
name, nothing stays behind, and the daemon lives."""
import contextlib
import json
import os
import random
import resource
import select
import signal
import socket
import sqlite3
import subprocess
import threading

import dbus
import pytest

from p2pchat import DEADLINE, ERROR, MANAGER, PATH, refused, wait_for

PARTS = {"backup.part", "restore.part", "restore.db"}


@pytest.fixture(scope="module")
def stage(module_world, tmp_path_factory):
    w = module_world
    w.folder = tmp_path_factory.mktemp("backups")
    w.alice = w.people("alice")
    w.lobby = w.alice.host("lobby")
    for i in range(60):
        w.alice.send(w.lobby, f"{i} " + "x" * 15000, wait="stored")
    w.backup = str(w.folder / "good")
    w.alice.ctl("backup", w.backup)
    w.new = w.peer("new")
    return w


def call(peer, method, fd, options=None, bus=None):
    return peer.manager(method, "ha{sv}", dbus.types.UnixFd(fd), dbus.Dictionary(options or {}, "sv"), bus=bus)


def restore(peer, path, options=None):
    with open(path, "rb") as f:
        return call(peer, "Restore", f.fileno(), options)


def refusal(peer, path, code, says=""):
    name, message = refused(restore, peer, path)
    assert name == ERROR + code, (name, message)
    assert says in message, message
    untouched(peer)


def untouched(peer):
    """Nothing of what was tried is there."""
    assert not PARTS & set(os.listdir(peer.state))
    assert [p for p in peer.objects() if "/account/" in p or "/channel/" in p] == []


def variant(stage, name, *statements):
    path = str(stage.folder / name)
    with open(stage.backup, "rb") as f, open(path, "wb") as g:
        g.write(f.read())
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()
    return path


def test_files_that_are_no_backup(stage):
    new, folder = stage.new, stage.folder
    with open(stage.backup, "rb") as f:
        good = f.read()

    def write(name, data):
        path = str(folder / name)
        with open(path, "wb") as f:
            f.write(data)
        return path
    refusal(new, write("empty", b""), "BadRequest", "no backup")
    refusal(new, write("text", b"hello\n" * 100), "BadRequest", "no backup")
    refusal(new, write("cut", good[:len(good) // 2]), "BadRequest", "its end is missing")
    refusal(new, write("head", good[:50]), "BadRequest", "no backup")
    refusal(new, write("long", good + b"x"), "BadRequest", "longer")
    refusal(new, write("noise", good[:4096] + os.urandom(len(good) - 4096)), "BadRequest", "damaged")
    size = bytearray(good)
    size[16:18] = (1).to_bytes(2, "big")  # pages of 64 KiB
    size[28:32] = (0xFFFFFFFF).to_bytes(4, "big")
    refusal(new, write("huge", bytes(size)), "TooLarge")
    refusal(new, variant(stage, "other", "PRAGMA application_id=7"), "BadRequest", "something else")
    refusal(new, variant(stage, "newer", "PRAGMA user_version=999"), "Unsupported", "newer")
    refusal(new, variant(stage, "zero", "PRAGMA user_version=0"), "BadRequest")
    refusal(new, variant(stage, "wal", "PRAGMA journal_mode=WAL"), "BadRequest")
    # the store itself is no backup: there are keys in it
    stage.alice.stop_daemon()
    refusal(new, stage.alice.state + "/p2pchat.db", "BadRequest")
    stage.alice.start_daemon()


@pytest.mark.parametrize("what, statement", [
    ("trigger", "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM channel; END"),
    ("view", "CREATE VIEW v AS SELECT * FROM secret"),
    ("table", "CREATE TABLE more (x)"),
    ("index", "CREATE INDEX i ON entry (kind)"),
    ("virtual", "CREATE VIRTUAL TABLE f USING fts5(x)"),
    ("column", "ALTER TABLE entry ADD COLUMN more TEXT"),
    ("dropped", "DROP TRIGGER outbox_changed"),
    ("hole", "DELETE FROM entry WHERE seq = 5"),
    ("beyond", "UPDATE channel SET synced_seq = synced_seq + 1"),
    ("channel", "UPDATE channel SET channel_id = 'x'"),
    ("name", "UPDATE channel SET name = '../../etc'"),
    ("escape", "UPDATE channel SET topic = char(27) || '[2J'"),
    ("role", "UPDATE channel SET role = 'emperor'"),
    ("flag", "UPDATE channel SET hosted = 2"),
    ("negative", "UPDATE channel SET read_seq = -1"),
    ("large", "UPDATE channel SET epoch = 9007199254740992"),
    ("entry id", "UPDATE entry SET id = 'x' WHERE seq = 3"),
    ("entry json", "UPDATE entry SET extra = '{' WHERE seq = 3"),
    ("entry injected", "UPDATE entry SET extra = '{},\"seq\":1' WHERE seq = 3"),
    ("entry text", "UPDATE entry SET extra = json_object('message_content', hex(zeroblob(10000))) WHERE seq = 3"),
    ("entry size", "UPDATE entry SET extra = hex(zeroblob(600000)) WHERE seq = 3"),
    ("nul", "UPDATE entry SET extra = extra || char(0) || 'x' WHERE seq = 3"),
    ("user", "UPDATE identity SET username = 'guest-x'"),
    ("type", "UPDATE identity SET user_type = 'ROOT'"),
    ("tracker", "UPDATE tracker SET pin = 'sha256:' || hex(zeroblob(32))"),
    ("ca", "UPDATE tracker SET ca_pem = 'none'"),
    ("address", "UPDATE tracker SET address = 'a b'"),
    ("orphan", "UPDATE channel SET identity = 77"),
    ("many channels", "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO"
     " channel (identity, channel_id, name, owner, host, hosted, wanted, closed, role, view_permission, send_permission,"
     " epoch) SELECT identity, printf('00000000-0000-4000-8000-%012x', i), 'many' || i, owner, host, hosted, wanted,"
     " closed, role, view_permission, send_permission, epoch FROM channel, n WHERE channel.id = 1"),
    ("outbox", "INSERT INTO outbox (channel, position, id, state, queued, n_bytes, text) VALUES (1, 1, 'x', 'queued',"
               " 1, 1, 'x')"),
])
def test_rows_that_nobody_may_write(stage, what, statement):
    refusal(stage.new, variant(stage, what.replace(" ", "-"), statement), "BadRequest")


def test_what_is_counted_is_counted_again(stage, world):
    """Figures that a file says of itself are not believed, nor is a key that somebody put in."""
    path = variant(stage, "counts", "UPDATE channel SET n_queued = 7, n_unsent = 9999, n_unread = 99, went_back = 0,"
                   " closed = 0, reason = NULL",
                   "INSERT INTO secret SELECT id, '-----BEGIN PRIVATE KEY-----' FROM identity",
                   "UPDATE identity SET certificate_pem = 'CERT'",
                   "UPDATE tracker SET identity = 1, revocations = 99",
                   "INSERT INTO revocation SELECT tracker_id, hex(zeroblob(32)), 1, 9000000000000000 FROM tracker")
    peer = world.peer("counts")
    restore(peer, path)
    with contextlib.closing(sqlite3.connect(f"file:{peer.state}/p2pchat.db?mode=ro", uri=True)) as db:
        assert db.execute("SELECT n_queued, n_unsent, n_unread, went_back, closed, reason FROM channel").fetchone() == \
            (0, 0, 0, 1, 1, "restored")
        assert db.execute("SELECT count(*) FROM secret").fetchone() == (0,)
        assert db.execute("SELECT certificate_pem FROM identity").fetchone() == (None,)
        assert db.execute("SELECT identity, revocations FROM tracker").fetchone() == (None, 0)
        assert db.execute("SELECT count(*) FROM revocation").fetchone() == (0,)


def test_descriptors(stage):
    new, alice = stage.new, stage.alice
    with contextlib.ExitStack() as stack:
        def opened(path, flags):
            fd = os.open(path, flags)
            stack.callback(os.close, fd)
            return fd
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        stack.enter_context(a)
        stack.enter_context(b)
        out = str(stage.folder / "out")
        for method, peer, fds in (
                ("Restore", new, [opened("/", os.O_RDONLY), opened("/dev/zero", os.O_RDONLY), a.fileno(),
                                  opened(out, os.O_WRONLY | os.O_CREAT), opened(stage.backup, os.O_PATH)]),
                ("Backup", alice, [opened("/", os.O_RDONLY), opened("/dev/null", os.O_WRONLY), a.fileno(),
                                   opened(stage.backup, os.O_RDONLY), opened(out, os.O_PATH)])):
            for fd in fds:
                name, message = refused(call, peer, method, fd)
                assert name == ERROR + "BadRequest", (method, message)
    untouched(new)


def test_an_endless_pipe(stage):
    """Not one that says it is a backup, either: its header says where it ends."""
    with open(stage.backup, "rb") as f:
        good = f.read()
    for data, says in ((b"\0" * 65536, "no backup"), (good, "longer")):
        r, w = os.pipe()
        feeder = threading.Thread(target=feed, args=(w, data), daemon=True)
        feeder.start()
        name, message = refused(call, stage.new, "Restore", r)
        os.close(r)
        feeder.join(DEADLINE)
        assert not feeder.is_alive()
        assert name == ERROR + "BadRequest" and says in message
        untouched(stage.new)


def feed(fd, data):
    with contextlib.suppress(BrokenPipeError):
        while True:
            os.write(fd, data)


def stalled(stage):
    """A Backup that nobody reads: → (its connection, our end of the pipe)."""
    alice = stage.alice
    r, w = os.pipe()
    bus = alice.connect()
    message = dbus.lowlevel.MethodCallMessage("org.p2pchat.Peer1", PATH, MANAGER, "Backup")
    message.append(dbus.types.UnixFd(w), dbus.Dictionary({}, "sv"), signature="ha{sv}")
    bus.send_message(message)
    bus.flush()
    os.close(w)
    assert select.select([r], [], [], DEADLINE)[0]
    return bus, r


def test_a_reader_that_does_not_read(stage):
    alice = stage.alice
    bus, r = stalled(stage)
    with open(str(stage.folder / "second"), "wb") as f:
        name, _ = refused(call, alice, "Backup", f.fileno())
    assert name == ERROR + "Busy"
    alice.send(stage.lobby, "goes on meanwhile", wait="stored")
    assert not PARTS & set(os.listdir(alice.state))
    bus.close()  # the caller leaves: the pipe gets its end, and the next may begin

    def ends():
        return not os.read(r, 65536)
    wait_for(ends, "the pipe to end")
    os.close(r)
    wait_for(lambda: succeeds(stage), "the next backup")
    bus, r = stalled(stage)
    os.close(r)
    wait_for(lambda: succeeds(stage), "the next backup")
    bus.close()


def succeeds(stage):
    result = stage.alice.ctl("backup", str(stage.folder / "again"), "--force", check=False)
    assert result.returncode == 0 or "wait for its end" in result.stderr, result.stderr
    return result.returncode == 0


def test_pipes_both_ways(stage, world):
    pipes = world.peer("pipes")
    env = (stage.alice.environment(), pipes.environment())
    ctl = os.environ["P2PCHATCTL"]
    out = subprocess.Popen([ctl, "backup", "-"], stdout=subprocess.PIPE, env=env[0])
    told = subprocess.run([ctl, "restore", "-", "--json"], stdin=out.stdout, stdout=subprocess.PIPE, env=env[1],
                          timeout=DEADLINE, check=True)
    assert out.wait(DEADLINE) == 0
    assert json.loads(told.stdout)["channels"] == 1
    a, b = socket.socketpair()
    with a, b:
        r = []
        reader = threading.Thread(target=lambda: r.append(b"".join(iter(lambda: b.recv(65536), b""))), daemon=True)
        reader.start()
        told = call(stage.alice, "Backup", a.fileno())
        a.shutdown(socket.SHUT_WR)
        reader.join(DEADLINE)
        assert len(r[0]) == told["bytes"]


def test_a_full_disk(stage, world):
    """As far as a limit on the size of files can say it."""
    full, alice = world.peer("full"), stage.alice
    everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    small = str(stage.folder / "small")
    for peer, act in ((alice, lambda: alice.ctl("backup", small, check=False)),
                      (full, lambda: full.ctl("restore", stage.backup, check=False))):
        resource.prlimit(peer.process.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        told = act()
        assert told.returncode == 1 and "Cannot" in told.stderr, told
        assert not PARTS & set(os.listdir(peer.state))
        resource.prlimit(peer.process.pid, resource.RLIMIT_FSIZE, everything)
        assert not os.path.exists(small)
    untouched(full)
    alice.ctl("backup", small)
    full.ctl("restore", small)


def test_somebody_else_has_the_store_open(stage, world):
    """Its WAL would stay, and be played into the store that comes: nothing is done."""
    peer = world.peer("shared")
    path = peer.state + "/p2pchat.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        assert db.execute("SELECT count(*) FROM channel").fetchone() == (0,)
        name, message = refused(restore, peer, stage.backup)
        assert name == ERROR + "Busy" and "in another program" in message
        untouched(peer)
    restore(peer, stage.backup)


def test_killed_at_any_moment(stage, world):
    """Either the store before or the backup is there, whole; what was half done is gone."""
    chance = random.Random(seed := random.SystemRandom().getrandbits(32))
    print("seed", seed)
    peer = world.peer("killed")
    restored = 0
    for i in range(8):
        with subprocess.Popen([os.environ["P2PCHATCTL"], "restore", stage.backup], env=peer.environment(),
                              stderr=subprocess.PIPE) as ctl:
            with contextlib.suppress(subprocess.TimeoutExpired):
                ctl.wait(chance.uniform(0, 0.15) if i else DEADLINE)
            peer.stop_daemon(signal.SIGKILL)
        peer.start_daemon()
        wait_for(lambda: not PARTS & set(os.listdir(peer.state)), "the leftovers to go")
        with contextlib.closing(sqlite3.connect(f"file:{peer.state}/p2pchat.db?mode=ro", uri=True)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            n = db.execute("SELECT count(*) FROM channel").fetchone()[0]
            assert db.execute("SELECT count(*) FROM entry").fetchone()[0] == (61 if n else 0)
            assert db.execute("SELECT count(*) FROM tracker").fetchone()[0] == n
        restored += n
        if n:  # begin anew, with nothing
            peer.stop_daemon()
            for name in os.listdir(peer.state):
                os.unlink(os.path.join(peer.state, name))
            peer.start_daemon()
    assert restored >= 1
    # while it takes something in
    r, w = os.pipe()
    with open(stage.backup, "rb") as f:
        os.write(w, f.read(30000))
    bus = peer.connect()
    message = dbus.lowlevel.MethodCallMessage("org.p2pchat.Peer1", PATH, MANAGER, "Restore")
    message.append(dbus.types.UnixFd(r), dbus.Dictionary({}, "sv"), signature="ha{sv}")
    bus.send_message(message)
    bus.flush()
    wait_for(lambda: "restore.part" in os.listdir(peer.state), "it to begin")
    peer.stop_daemon(signal.SIGKILL)
    bus.close()
    peer.start_daemon()
    untouched(peer)
    os.close(w)
    os.close(r)
    restore(peer, stage.backup)
    assert [p for p in peer.objects() if "/account/" in p]
