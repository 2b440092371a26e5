# SPDX-License-Identifier: LGPL-2.1-or-later
"""Export: what it writes is what GetMessages and the database say; who reads slowly, or not at all, costs the
daemon nothing."""
import contextlib
import datetime
import fcntl
import json
import os
import re
import select
import socket
import sqlite3
import subprocess
import threading

import dbus
import pytest

from p2pchat import CHANNEL, ERROR, MODERATION, refused, wait_for

N = 700  # more than a page has
LONG = "long \U0001f600 " + "x" * 15000


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby = w.alice.host("lobby")
    w.alice.call(w.lobby, MODERATION, "Authorize", "ssa{sv}", "bob", "moderator", {})
    w.alice.ctl("rate", "lobby", "0")
    for i in range(N):
        w.alice.send(w.lobby, f"text {i}\nünder \u2028 \U0001f600" if i % 50 else LONG)
    wait_for(lambda: w.alice.get(w.lobby, CHANNEL, "SyncedSeq") == N + 3, "all to be stored")
    return w


def of_database(peer, name):
    with contextlib.closing(sqlite3.connect(f"file:{peer.state}/p2pchat.db?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT seq, entry.id, kind, username, user_type, time, extra FROM entry JOIN channel"
                          " ON channel.id = entry.channel WHERE channel.name = ? ORDER BY seq", (name,)).fetchall()
    return [{"seq": seq, "id": i, "kind": kind, "username": user, "user_type": t, "time": wire_time(usec),
             **json.loads(extra)} for seq, i, kind, user, t, usec, extra in rows]


def wire_time(usec):
    when = datetime.datetime.fromtimestamp(usec // 10**6, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S") + f".{usec // 1000 % 1000:03}Z"


def entries_of(text):
    """Of JSON lines: only LF ends one."""
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def export(peer, path, fd, **options):
    return peer.call(path, CHANNEL, "Export", "ha{sv}", dbus.types.UnixFd(fd), options)


def test_round_trip(stage, tmp_path):
    """The host's log and a member's copy: a line an entry, to a file, a pipe and a socket alike."""
    rows = of_database(stage.alice, "lobby")
    assert [r["seq"] for r in rows] == list(range(1, N + 4))
    piped = stage.alice.ctl("export", "lobby").stdout
    assert entries_of(piped) == rows
    assert [(e["seq"], e["id"], e.get("message_content")) for e in rows] \
        == [(e[0], e[1], e[6].get("text")) for e in stage.alice.messages(stage.lobby)]
    assert entries_of(stage.alice.ctl("log", "lobby", "-j").stdout) == rows

    his = stage.bob.join("lobby")
    wait_for(lambda: stage.bob.get(his, CHANNEL, "SyncedSeq") == N + 3, "bob to have it")
    assert stage.bob.ctl("export", "lobby").stdout == piped

    with open(tmp_path / "file", "w+b") as f:
        f.write(b"before\n")
        f.flush()
        export(stage.alice, stage.lobby, f.fileno(), format="json")
        assert (tmp_path / "file").read_bytes() == b"before\n" + piped.encode()
    ours, theirs = socket.socketpair()
    got = []
    reader = threading.Thread(target=lambda: got.extend(iter(lambda: ours.recv(65536), b"")))
    reader.start()
    export(stage.alice, stage.lobby, theirs.fileno())
    theirs.close()
    reader.join()
    ours.close()
    assert b"".join(got) == piped.encode()


def test_part(stage):
    """A copy that begins later: what is held, no more."""
    carol = stage.people("carol")
    hers = carol.join("lobby", backlog=dbus.UInt32(3))
    wait_for(lambda: carol.get(hers, CHANNEL, "State") == "live", "carol to be live")
    assert entries_of(carol.ctl("export", "lobby").stdout) == entries_of(stage.alice.ctl("export", "lobby").stdout)[-3:]
    empty = carol.host("empty")
    assert [e["kind"] for e in entries_of(carol.ctl("export", "empty").stdout)] == ["create"]
    assert refused(export, carol, empty, 0, format="xml")[0] == ERROR + "BadRequest"


def test_text(stage):
    text = stage.alice.ctl("export", "lobby", "--format=text").stdout
    lines = text.split("\n")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \* alice create \{.*\}", lines[0])
    assert sum(" alice: " in line for line in lines) == N
    assert re.search(r"Z alice: text 1\n        ünder \u2028 \U0001f600\n", text)
    assert not set(text) & ({chr(c) for c in (*range(10), *range(11, 32), *range(127, 160))})


def begin_export(peer, path, fd):
    """A call that nobody waits for → its connection."""
    bus = peer.connect()
    m = dbus.lowlevel.MethodCallMessage("org.p2pchat.Peer1", path, CHANNEL, "Export")
    m.append(dbus.types.UnixFd(fd), {}, signature="ha{sv}")
    bus.send_message(m)
    bus.flush()
    return bus


def is_full(pipe):
    return not select.select([], [pipe], [], 0)[1]


def test_nobody_reads(stage):
    """Pipes that are full: the daemon serves all others, holds no transaction, asks for no CPU, refuses a ninth."""
    alice, lobby = stage.alice, stage.lobby
    pipes = [os.pipe() for _ in range(9)]
    callers = [begin_export(alice, lobby, w) for _, w in pipes[:8]]
    for _, w in pipes[:8]:
        wait_for(lambda w=w: is_full(w), "the pipe to be full")
    assert refused(export, alice, lobby, pipes[8][1])[0] == ERROR + "Busy"
    used = cpu(alice.process.pid)
    alice.send(lobby, "others go on", wait="stored")
    assert alice.texts(lobby)[-1] == "others go on"
    # The WAL can be emptied: nobody reads an earlier state of the database.
    with contextlib.closing(sqlite3.connect(f"{alice.state}/p2pchat.db")) as db:
        wait_for(lambda: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "no reader")
    for _ in range(200):
        assert alice.get(lobby, CHANNEL, "SyncedSeq") >= N + 4
    assert cpu(alice.process.pid) - used < 100, "ticks of 10 ms: it waits for the pipes, and does not ask them"
    # A caller that leaves makes room for another, whose pipe is read.
    callers[0].close()

    def read_all():
        while os.read(pipes[8][0], 65536):
            pass
    reader = threading.Thread(target=read_all)
    reader.start()

    def there_is_room():
        try:
            export(alice, lobby, pipes[8][1])
            return True
        except dbus.DBusException as e:
            assert e.get_dbus_name() == ERROR + "Busy"
            return False
    wait_for(there_is_room, "room for another")
    os.close(pipes[8][1])
    reader.join()
    os.close(pipes[8][0])
    # One that is read after all is written to its end.
    os.close(pipes[7][1])
    got = b""
    while b"others go on" not in got:
        some = os.read(pipes[7][0], 65536)
        if not some:
            break
        got += some
    assert len(entries_of(got.decode())) == N + 3, "the head of when it began"
    for bus in callers[1:]:
        bus.close()
    for r, w in pipes[:7]:
        os.close(r)
        os.close(w)
    os.close(pipes[7][0])
    assert len(entries_of(alice.ctl("export", "lobby").stdout)) == N + 4


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_reader_leaves(stage):
    """In the middle of it."""
    r, w = os.pipe()
    failed = []

    def leave():
        os.read(r, 100)
        os.close(r)
    reader = threading.Thread(target=leave)
    reader.start()
    failed = refused(export, stage.alice, stage.lobby, w)
    reader.join()
    os.close(w)
    assert failed[0] == ERROR + "Cancelled"


def test_descriptors(stage, tmp_path):
    """What cannot be written is refused with a reason, and nothing of the daemon changes."""
    file = tmp_path / "file"
    file.write_bytes(b"")
    for path, flags in ((file, os.O_RDONLY), (tmp_path, os.O_RDONLY), (file, os.O_PATH), (os.devnull, os.O_WRONLY)):
        fd = os.open(path, flags)
        name, text = refused(export, stage.alice, stage.lobby, fd)[:2]
        assert name == ERROR + "BadRequest" and text
        os.close(fd)
    r, w = os.pipe()
    os.close(r)
    assert refused(export, stage.alice, stage.lobby, w)[0] == ERROR + "Cancelled", "nobody reads"
    os.close(w)


def test_full_disk(stage, tmp_path):
    """A file that may not grow as far: a limit of its file system, by a sealed memory file."""
    fd = os.memfd_create("export", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 1000)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
    name, text = refused(export, stage.alice, stage.lobby, fd)[:2]
    os.close(fd)
    assert name == ERROR + "Internal" and "Cannot write the export" in text


def test_where_the_daemon_may_not_write(stage, tmp_path):
    """A pipe of another user, and what is neither file nor pipe: p2pchatctl gives it on."""
    whole = stage.alice.ctl("export", "lobby").stdout
    r, w = os.pipe()
    other = os.getuid() + 1
    try:
        os.fchown(w, other, -1)
    except PermissionError:
        other = None  # only root gives pipes away; the device below goes the same way
    if other is not None:
        with subprocess.Popen([os.environ["P2PCHATCTL"], "export", "lobby"], stdout=w, env=stage.alice.environment()) as child:
            os.close(w)
            with open(r, encoding="utf-8", newline="") as f:
                assert f.read() == whole
            assert child.wait(30) == 0
    else:
        os.close(r)
        os.close(w)
    for device, status in (("/dev/null", 0), ("/dev/full", 1)):
        with open(device, "wb") as f:
            result = subprocess.run([os.environ["P2PCHATCTL"], "export", "lobby"], stdout=f, stderr=subprocess.PIPE, check=False,
                                    timeout=30, env=stage.alice.environment())
        assert result.returncode == status and bool(result.stderr) == bool(status), result


def test_while_it_grows(stage):
    """The head is that of the beginning: whole, in order, without a hole, while others write."""
    done = threading.Event()

    def talk():
        bus = stage.alice.connect()
        i = 0
        while not done.is_set() and i < 500:
            stage.alice.call(stage.lobby, CHANNEL, "Send", "sa{sv}", f"meanwhile {i}", {}, bus=bus)
            i += 1
        bus.close()
    talker = threading.Thread(target=talk)
    talker.start()
    try:
        for _ in range(3):
            before = stage.alice.get(stage.lobby, CHANNEL, "SyncedSeq")
            seqs = [e["seq"] for e in entries_of(stage.alice.ctl("export", "lobby").stdout)]
            after = stage.alice.get(stage.lobby, CHANNEL, "SyncedSeq")
            assert seqs == list(range(1, len(seqs) + 1)) and before <= len(seqs) <= after
    finally:
        done.set()
        talker.join()


def test_one_form(stage):
    """What is asked for as JSON and as text is asked for wrongly; nothing is written."""
    for words in (("-j", "export", "lobby", "--format=text"), ("export", "--format=text", "lobby", "--json=pretty")):
        result = stage.alice.ctl(*words, check=False)
        error = json.loads(result.stdout)["error"]
        assert (result.returncode, result.stderr, error["name"]) == (2, "", ERROR + "BadRequest")
        assert "p2pchatctl export lobby --json" in error["message"]
    assert stage.alice.ctl("export", "lobby", "-j").stdout == stage.alice.ctl("export", "lobby", "--format=json").stdout
