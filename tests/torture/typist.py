# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody who types whatever happens around them, and keeps a journal of what they were told."""
import threading
import uuid

import dbus

from checker import Text
from p2pchat import CHANNEL, ERROR

PAUSE = 0.25  # seconds between texts, at most: many texts, and a machine that can still do its work
BURSTS = (1, 1, 1, 1, 1, 1, 2, 20)  # texts without a pause
PATIENCE = 3.0  # seconds until a daemon that does not answer is asked again


class Typist(threading.Thread):
    """Types until stop(). A text whose fate is not known (the daemon died, or is stopped) is mostly typed
    again under its id until there is an answer, and sometimes left alone."""

    def __init__(self, peer, channel, chance):
        super().__init__(daemon=True)
        self.peer, self.channel, self.chance = peer, channel, chance
        self.journal = []
        self.errors = []
        self.stopping = threading.Event()
        self.n_told = 0  # how often a text was taken or found stored

    def stop(self):
        self.stopping.set()

    def run(self):
        try:
            while not self.stopping.wait(self.chance.uniform(0, PAUSE)):
                for _ in range(self.chance.choice(BURSTS)):
                    self.type_one()
                if self.chance.random() < 0.1:
                    self.look()
        except Exception as e:  # the test's own thread reports it
            self.errors.append(f"{self.peer.name}: {e!r}")
            raise

    def type_one(self):
        n = len(self.journal) + 1
        text = Text(self.peer.name, str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
                    f"{self.peer.name} {n} " + "x" * int(self.chance.paretovariate(0.7) % 3000))
        self.journal.append(text)
        options = {"id": text.id}
        if self.chance.random() < 0.3:
            options.update(wait="stored", timeout_usec=dbus.UInt64(self.chance.randint(1, 2000000)))
        while not self.send(text, options):
            if self.stopping.wait(self.chance.uniform(0, PAUSE)) or self.chance.random() < 0.05:
                return

    def ask(self, method, signature, *args):
        """→ the answer; None where nobody can tell what became of the question."""
        bus = self.peer.connect()
        if not bus:
            return None
        try:
            return self.peer.call(self.channel, CHANNEL, method, signature, *args, timeout=PATIENCE, bus=bus)
        except dbus.DBusException as e:
            # The channel is not there yet when a daemon has just taken its name; all else would be a fault.
            assert not (e.get_dbus_name() or "").startswith(ERROR), e
            return None
        finally:
            bus.close()

    def send(self, text, options):
        answer = self.ask("Send", "sa{sv}", text.text, options)
        if answer is None:
            return False
        assert answer[0] == text.id
        text.tell(answer[1])
        self.n_told += 1
        return True

    def look(self):
        """What the outbox says is stored is stored: that is a report, too."""
        rows, after = {}, ""
        while True:
            answer = self.ask("GetOutbox", "a{sv}", {"after": after} if after else {})
            if answer is None:
                return
            rows.update((r[0], r) for r in answer[0])
            after = answer[1]
            if not after:
                break
        for text in self.journal:
            row = rows.get(text.id)
            if row:
                assert row[4] != "failed", f"{text.id} of {self.peer.name} was refused: {row[5]}"
                text.tell(row[5].get("seq", 0))
