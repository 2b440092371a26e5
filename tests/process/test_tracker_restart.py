# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tracker is killed and started again on the same socket while 50 clients are at it: what was
answered stays true, no channel goes offline by it, and no client sees more than a lost connection."""
import os
import random
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest

import p2pchat
from outsider import DEADLINE, Connection, Identity, alert, pin_of, sign_up
from p2pchat import wait_for

SETTINGS = ("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n"
            "LeaseSeconds=20\n")
KILLS = 5
HOSTS, CHANNELS, REGISTRARS, WATCHERS = 4, 50, 4, 42


class SocketTracker(p2pchat.Tracker):
    """As behind a .socket unit: the socket stays, whoever serves it."""

    def __init__(self, directory, arguments):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1000)
        super().__init__(directory, arguments)
        self.port = self.socket.getsockname()[1]

    def start(self):
        def pass_socket():
            os.dup2(self.socket.fileno(), 100)  # it may be 3 already, and end with exec
            os.dup2(100, 3)
        environment = {**os.environ, "LISTEN_FDS": "1", "STATE_DIRECTORY": self.state}
        with open(os.path.join(self.directory, "tracker.log"), "ab") as log:
            child = subprocess.Popen(  # only the child knows its own LISTEN_PID: a shell tells it
                ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', os.environ["P2PCHAT_TRACKERD"], *self.arguments],
                env=environment, stdout=log, stderr=log, preexec_fn=pass_socket, close_fds=False)
        self.process = p2pchat.Process.__new__(p2pchat.Process)
        self.process.log, self.process.asked = log.name, None
        self.process.child, self.process.pid = child, child.pid


class Line(Connection):
    """Its end is an error, as a reset is."""

    def take(self, deadline=DEADLINE):
        f = super().take(deadline)
        if f is None:
            raise ConnectionResetError("the end")
        return f

    def ok(self, command, payload=None):
        """Who asks one that stops is told so, and to ask again; the end comes with the next thing it says."""
        f = self.request(command, payload)
        if f.header == "SERVER_ERROR" and f.payload["error"] == "busy":
            assert 0 < f.payload["retry_after_ms"] <= 2000 and "stopping" in f.payload["message"], f
            self.ended()
        assert f.header == "OK", f"{command}: {f}"
        return f.payload


class Client(threading.Thread):
    """Connects as often as it is cut off, and goes on where it was."""

    def __init__(self, stage, number):
        super().__init__(daemon=True)
        self.stage, self.number = stage, number
        self.identity = None
        self.random = random.Random(number)
        self.n_lost = self.n_done = 0
        self.error = None

    def run(self):
        try:
            while not self.stage.ends:
                try:
                    with Line(self.stage.address, self.identity, pin=self.stage.pin) as c:
                        while not self.stage.ends:
                            self.turn(c)
                            self.n_done += 1
                except TimeoutError:
                    raise
                except OSError:  # that of TLS is one, too
                    self.n_lost += 1
        except BaseException as e:  # the test looks at it
            self.error = e


class Host(Client):
    """50 channels, leased once and kept by heartbeats alone, whatever happens to the connection."""

    def __init__(self, stage, number):
        super().__init__(stage, number)
        self.identity = sign_up(stage.address, f"host{number}", stage.pin)
        self.channels = {f"room.{number}.{i}": str(uuid.uuid4()) for i in range(CHANNELS)}
        self.topics = dict.fromkeys(self.channels, "")
        self.wanted = None  # (name, topic) of a VIEW that was not answered
        self.last_seq = 1
        with Connection(stage.address, self.identity) as c:
            asked = [c.start("HOST", {"channel_name": name, "channel_id": channel_id, "addresses": ["127.0.0.1:4711"],
                                      "view_permission": "public", "topic": "", "epoch": 1, "last_seq": 1,
                                      "members": 0}) for name, channel_id in self.channels.items()]
            assert all(c.answer(i).header == "OK" for i in asked)

    def turn(self, c):
        beat = c.ok("HEARTBEAT", {"revocations_after": 0, "channels": [
            {"channel_name": name, "epoch": 1, "last_seq": self.last_seq + 1, "members": self.n_done % 7}
            for name in self.channels]})
        assert beat["lost"] == []
        self.last_seq += 1
        name, topic = self.wanted = self.wanted or (self.random.choice(list(self.topics)), f"topic {self.n_done}")
        c.ok("VIEW", {"channel_name": name, "topic": topic})
        self.topics[name] = topic
        self.wanted = None
        time.sleep(0.05)  # hosts are no flood


class Registrar(Client):
    """Makes accounts, changes their passwords, ends their devices."""

    def __init__(self, stage, number):
        super().__init__(stage, number)
        self.signing_up = None
        self.accounts = []

    def turn(self, c):
        if not self.signing_up:
            self.signing_up = (Identity(), f"user{self.number}.{len(self.accounts)}", f"password {self.random.random()}")
        me, name, password = self.signing_up
        me.take(c.ok("SIGNUP", {"username": name, "password": password, "csr": me.csr()}))
        self.signing_up = None
        account = {"identity": me, "name": name, "passwords": {password}, "revoked": False}
        self.accounts.append(account)
        with Line(self.stage.address, me) as own:
            if len(self.accounts) % 2:
                account["passwords"] |= {password + " new"}  # until the answer says which one it is
                own.ok("PASSWD", {"old_password": password, "new_password": password + " new"})
                account["passwords"] = {password + " new"}
            if len(self.accounts) % 3 == 0:
                account["revoked"] = None
                own.ok("SIGNOUT", {})
                account["revoked"] = True

    def check(self):
        assert len(self.accounts) > KILLS
        for a in self.accounts:
            if a["revoked"]:
                assert alert(self.stage.address, a["identity"]) == "certificate revoked", a["name"]
            elif a["revoked"] is False:
                with Connection(self.stage.address, a["identity"]) as c:
                    assert c.ok("WHOIS", {"username": a["name"]})["exists"] is True
            good = set()
            with Connection(self.stage.address, pin=self.stage.pin) as c:
                for password in {next(iter(a["passwords"])).removesuffix(" new") + end for end in ("", " new")}:
                    answer = c.request("SIGNIN", {"username": a["name"], "password": password,
                                                  "csr": Identity().csr()})
                    if answer.header == "OK":
                        good.add(password)
            assert len(good) == 1 and good <= a["passwords"], a["name"]


class Watcher(Client):
    """Follows the directory; a room of ours that is not online is a room that a restart lost."""

    def __init__(self, stage, number):
        super().__init__(stage, number)
        self.generation = None
        self.on = None  # the connection that watches
        self.rooms = {}

    def see(self, channels):
        for channel in channels:
            assert channel["online"] is True, channel
            self.rooms[channel["channel_name"]] = channel["topic"]

    def list(self, c):
        """Pushes go on from what WATCH said: some may have been on their way before these pages were made."""
        after, names, generation = "", set(), self.generation
        while after is not None:
            page = c.ok("LIST", {"after": after})
            self.see(page["channels"])
            names |= {channel["channel_name"] for channel in page["channels"]}
            assert page["generation"] >= generation
            generation = page["generation"]
            after = page.get("next")
        assert len(names) == HOSTS * CHANNELS

    def advance(self, generation):
        assert self.generation is None or generation >= self.generation
        self.generation = generation

    def turn(self, c):
        if self.on is not c:
            self.on = c
            since = {} if self.generation is None else {"generation": self.generation}
            answer = c.ok("WATCH", since)
            self.advance(answer["generation"])
            if answer["reset"] or not since:
                self.list(c)
        try:
            c.take(0.2)
        except TimeoutError:
            return
        while c.pushes:
            f = c.pushes.popleft()
            if f.header == "GOING_AWAY":
                c.ended()
            assert f.header == "CHANNELS", f
            push = f.payload
            assert push["removed"] == []
            self.advance(push["generation"])
            self.see(push["changed"])
            if push.get("reset"):
                self.list(c)


class Stage:
    def __init__(self, tracker):
        self.tracker, self.address = tracker, tracker.address
        self.ends = False
        with Connection(self.address, hello=False) as c:
            self.pin = pin_of(c.chain[1])
        self.hosts = [Host(self, n) for n in range(HOSTS)]
        self.registrars = [Registrar(self, n) for n in range(REGISTRARS)]
        self.watchers = [Watcher(self, n) for n in range(WATCHERS)]
        self.clients = self.hosts + self.registrars + self.watchers
        for client in self.clients:
            client.start()

    def fails(self):
        return next((c.error for c in self.clients if c.error), None)

    def until_all_did_something(self):
        before = [c.n_done for c in self.clients]
        wait_for(lambda: self.fails() or all(c.n_done > b for c, b in zip(self.clients, before)),
                 "every client to be served again")

    def end(self):
        self.ends = True
        for client in self.clients:
            client.join(p2pchat.DEADLINE)
            assert not client.is_alive()
            if client.error:
                raise client.error


@pytest.fixture
def tracker(world):
    world.configure_tracker(SETTINGS)
    world.tracker = SocketTracker(world.directory, world.tracker_arguments)
    yield world.tracker
    world.tracker.socket.close()


def hold_under_load(tracker, start_again):
    """All that the clients look at holds, while start_again() has another process take the place of the first."""
    stage = Stage(tracker)
    try:
        for _ in range(KILLS):
            stage.until_all_did_something()
            start_again()
        stage.until_all_did_something()
        wait_for(lambda: stage.fails() or all(len(r.accounts) > KILLS for r in stage.registrars), "more accounts")
    finally:
        stage.end()

    for client in stage.hosts + stage.watchers:
        assert client.n_lost <= KILLS, client.name  # a registrar has two connections at a time
    for registrar in stage.registrars:
        assert registrar.n_lost <= 2 * KILLS
        registrar.check()
    for host in stage.hosts:
        with Connection(stage.address, host.identity) as c:
            for name, channel_id in host.channels.items():
                (found,) = c.ok("LIST", {"query": name, "after": name[:-1], "limit": 1})["channels"]
                assert (found["channel_name"], found["channel_id"], found["epoch"]) == (name, channel_id, 1)
                wanted = {host.topics[name]} | ({host.wanted[1]} if host.wanted and host.wanted[0] == name else set())
                assert found["topic"] in wanted and found["last_seq"] >= host.last_seq
            stale = c.request("HOST", {"channel_name": name, "channel_id": channel_id, "addresses": [],
                                       "view_permission": "public", "topic": "", "epoch": 1,
                                       "last_seq": host.last_seq - 1, "members": 0})
            assert stale.payload["error"] == "stale-epoch"


@pytest.mark.parametrize("how", (signal.SIGKILL, signal.SIGTERM))
def test_started_again_under_load(tracker, how):
    def start_again():
        tracker.stop(how)
        tracker.start()
    hold_under_load(tracker, start_again)
