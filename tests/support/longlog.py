# SPDX-License-Identifier: LGPL-2.1-or-later
"""A channel with a long past, made in a moment: the log of a host that is stopped is written on."""
import contextlib
import json
import sqlite3
import uuid


def text_of(seq):
    """What entry seq says: mostly a line, now and then several."""
    return f"line {seq}" + "\nmore of it" * (seq % 7 == 3) + " and so on" * (40 if seq % 11 == 5 else 0)


def lengthen(host, channel_name, last):
    """The log of `host`, whose daemon is stopped, goes on to entry `last` with messages of its last sender, a minute
    after each other, and all is read. There is a message in it already."""
    with contextlib.closing(sqlite3.connect(f"{host.state}/p2pchat.db")) as db, db:
        channel, = db.execute("SELECT id FROM channel WHERE name = ? AND hosted", (channel_name,)).fetchone()
        seq, sender, username, user_type, time = db.execute(
            "SELECT seq, sender, username, user_type, time FROM entry WHERE channel = ? AND kind = 'message'"
            " ORDER BY seq DESC LIMIT 1", (channel,)).fetchone()
        db.execute("UPDATE entry SET time = time - ? WHERE channel = ?", ((last - seq) * 60_000_000, channel))
        db.executemany(
            "INSERT INTO entry (channel, seq, kind, id, username, user_type, sender, time, extra)"
            " VALUES (?, ?, 'message', ?, ?, ?, ?, ?, ?)",
            ((channel, s, str(uuid.UUID(int=s)), username, user_type, sender, time - (last - s) * 60_000_000,
              json.dumps({"message_content": text_of(s)}, separators=(",", ":"))) for s in range(seq + 1, last + 1)))
        db.execute("UPDATE channel SET last_seq = ?1, synced_seq = ?1, read_seq = ?1 WHERE id = ?2", (last, channel))
