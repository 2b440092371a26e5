# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three booted machines with people on them: a tracker on "hub", alice on "desk", who hosts the lobby, bob
on "lap", who is in it. And what they type while something else goes on, counted by its ids.

    def test_x(town):                               # fixture: import it by name
        with town.under_load():
            town.hub.run("systemctl", "restart", "p2pchat-tracker.service")"""
import collections
import contextlib
import json
import subprocess
import threading

import pytest

from p2pchat import wait_for

PASSWORDS = {"alice": "correct horse", "bob": "battery staple"}
DAEMON, TRACKER = "p2pchatd.service", "p2pchat-tracker.service"

# Types texts until its stdin ends; the same id is sent again until it is said to be stored. A line each: id, seq.
TYPIST = """
import select, sys, uuid
import dbus
bus = dbus.SessionBus()
bus.set_exit_on_disconnect(False)
def call(path, interface, method, signature, *args):
    return bus.call_blocking("org.p2pchat.Peer1", path, interface, method, signature, args, timeout=20)
objects = call("/org/p2pchat/Peer1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "")
(path,) = [p for p, i in objects.items() if i.get("org.p2pchat.Peer1.Channel", {}).get("Name") == "lobby"]
n = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    n += 1
    message_id = str(uuid.uuid4())
    while True:
        try:
            _, seq = call(path, "org.p2pchat.Peer1.Channel", "Send", "sa{sv}", f"text {n}",
                          {"id": message_id, "wait": "stored"})
            if seq:
                break
        except dbus.DBusException as e:
            print(e, file=sys.stderr, flush=True)
    print(message_id, int(seq), flush=True)
"""


class Typist:
    """Somebody who types into the lobby. stored: what was said to be, (id, seq)."""

    def __init__(self, host, user):
        self.user = user
        self.stored = []
        self.said = collections.deque(maxlen=20)
        self.process = host.start("/usr/bin/python3", "-c", TYPIST, user=user, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.readers = [threading.Thread(target=self._read), threading.Thread(target=self._hear)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            message_id, seq = line.split()
            self.stored.append((message_id, int(seq)))

    def _hear(self):
        self.said.extend(self.process.stderr)

    def wait_for_more(self, n=5):
        until = len(self.stored) + n
        wait_for(lambda: len(self.stored) >= until, f"{until} texts of {self.user} to be stored: {list(self.said)}", 60)

    def end(self):
        self.process.stdin.close()
        try:
            assert self.process.wait(60) == 0, list(self.said)
        finally:
            self.process.kill()
            for reader in self.readers:
                reader.join()
            self.process.stdout.close()
            self.process.stderr.close()


class Town:
    def __init__(self, site):
        self.hub = site.boot("hub")
        self.desk = site.boot("desk", users=["alice"])
        self.lap = site.boot("lap", users=["bob"])
        self.people = (("alice", self.desk), ("bob", self.lap))
        self.hub.run("systemctl", "enable", "--now", "p2pchat-tracker.socket")
        for name, host in self.people:
            host.user(name, "systemctl", "--user", "enable", "--now", DAEMON)
            host.user(name, "p2pchatctl", "tracker", f"{self.hub.address}:22236", "--trust-new")
            host.user(name, "p2pchatctl", "signup", name, "--password-fd=0", stdin=PASSWORDS[name] + "\n")
        self.desk.user("alice", "p2pchatctl", "host", "lobby")
        self.desk.user("alice", "p2pchatctl", "rate", "lobby", "0")
        self.lap.user("bob", "p2pchatctl", "join", "lobby")
        self.typed = []

    @contextlib.contextmanager
    def under_load(self):
        """While both type. Afterwards all that was said to be stored is in both logs, once, at its place."""
        typists = []
        try:
            for name, host in self.people:
                typists.append(Typist(host, name))
            for t in typists:
                t.wait_for_more()
            yield
            for t in typists:
                t.wait_for_more()
        finally:
            with contextlib.ExitStack() as stack:
                for t in typists:
                    stack.callback(t.end)
        self.typed += [x for t in typists for x in t.stored]
        self.check()

    def log(self, name, host):
        """→ (id, seq) of the messages in somebody's log."""
        lines = host.user(name, "p2pchatctl", "log", "lobby", "-n", "100000", "--json=short").splitlines()
        return [(e["id"], e["seq"]) for e in map(json.loads, lines) if e["kind"] == "message"]

    def check(self):
        for name, host in self.people:
            last = max(seq for _, seq in self.typed)
            wait_for(lambda n=name, h=host: max(seq for _, seq in self.log(n, h)) >= last, f"{name} to have all", 60)
            log = self.log(name, host)
            assert sorted(log) == sorted(self.typed), f"{name}: {len(log)} of {len(self.typed)}"

    def online(self):
        """→ whether both are signed in, and the lobby is served and followed."""
        return all(host.run("p2pchatctl", "status", user=name, check=False).returncode == 0
                   for name, host in self.people)


@pytest.fixture(scope="module")
def town(site):
    return Town(site)


def comes_back(host, unit, disturb, user=None):
    """The unit's process after disturb() is another one, which is ready."""
    manager = ["--user"] if user else []
    before = host.show(unit, "MainPID", *manager, user=user)
    assert before != "0"
    disturb(before)
    wait_for(lambda: host.show(unit, "MainPID", *manager, user=user) not in ("0", before) and
             host.show(unit, "ActiveState", *manager, user=user) == "active", f"{unit} to come back")
