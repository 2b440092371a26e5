# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host whose log is read along ([Log] Level=debug), so that it can be killed at what it just did, and what
it had not done yet is known afterwards."""
import os
import re
import signal
import threading

from p2pchat import DEADLINE, Peer

LINE = re.compile(r"MESSAGE (\S+) of (\S+) is (received|on disk|answered)$")


class WatchedPeer(Peer):
    def __init__(self, world, name, arguments=()):
        super().__init__(world, name, arguments)
        settings = os.path.join(self.config, "p2pchat")
        os.mkdir(settings)
        with open(os.path.join(settings, "p2pchat.conf"), "w", encoding="utf-8") as f:
            f.write("[Log]\nLevel=debug\n")
        self.changed = threading.Condition()
        self.reader = None
        self.trigger = None  # what the next MESSAGE must have become for the host to be killed at once
        self.open = {}  # (id, user) → "received" or "on disk"
        self.n_answered = {}  # user → how many MESSAGEs

    def open_stderr(self):
        if self.reader:
            self.reader.join(DEADLINE)
        ours, theirs = os.pipe()
        with self.changed:
            self.open = {}
        self.reader = threading.Thread(target=self.read_along, args=(ours,), daemon=True)
        self.reader.start()
        return theirs

    def read_along(self, fd):
        path = os.path.join(self.world.directory, self.name + ".log")
        with open(fd, encoding="utf-8", errors="replace") as lines, open(path, "a", encoding="utf-8") as log:
            for line in lines:
                log.write(line)
                log.flush()
                m = LINE.search(line)
                if m:
                    self.note(*m.groups())

    def note(self, message_id, user, state):
        with self.changed:
            if state == self.trigger:
                self.trigger = None
                self.process.ask(signal.SIGKILL)
            if state == "answered":
                self.open.pop((message_id, user), None)
                self.n_answered[user] = self.n_answered.get(user, 0) + 1
            else:
                self.open[message_id, user] = state
            self.changed.notify_all()

    def wait(self, condition, deadline=DEADLINE):
        """→ whether condition() came true as lines came in."""
        with self.changed:
            return self.changed.wait_for(condition, deadline)

    def kill_at(self, state, deadline=DEADLINE):
        """kill -9 when the next MESSAGE is "received" or "on disk" → what was not answered then, {(id, user):
        state}; the end of the pipe tells, whatever was still in it."""
        with self.changed:
            self.trigger = state
        self.wait(lambda: self.trigger is None, deadline)
        return self.kill()

    def kill(self):
        with self.changed:
            self.trigger = None
        self.stop_daemon(signal.SIGKILL)
        self.reader.join(DEADLINE)
        assert not self.reader.is_alive()
        return dict(self.open)
