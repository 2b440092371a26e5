# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tracker that nobody needs ends, and whoever comes finds one."""
import random
import select
import signal
import socket
import threading

import pytest

from outsider import Connection, pin_of, sign_up
from p2pchat import wait_for
from trackerservice import DEADLINE, listening, run
from trackerstage import host_payload


class Activator:
    """Has the socket, and starts a tracker with it whenever somebody waits there and none runs."""

    def __init__(self, directory, settings):
        (directory / "settings").mkdir()
        (directory / "settings/tracker.conf").write_text("[Limits]\nPasswordCost=1\nLeaseSeconds=3\n" + settings)
        self.arguments = [f"--state-directory={directory}/state", f"--settings={directory}/settings"]
        self.socket = listening()
        self.socket.listen(256)
        self.address = "%s:%d" % self.socket.getsockname()
        self.statuses = []
        self.logs = []
        self.process = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.activate)
        self.thread.start()

    def activate(self):
        while not self.is_over.is_set():
            if not select.select([self.socket], [], [], 0.05)[0]:
                continue
            process = run(*self.arguments, passed=[self.socket.fileno()])
            self.process = process
            _, log = process.communicate(timeout=DEADLINE * 4)
            self.logs.append(log)
            self.statuses.append(process.returncode)

    def end(self):
        self.is_over.set()
        while self.thread.is_alive():
            if self.process and self.process.poll() is None:
                self.process.terminate()
            self.thread.join(0.2)
        self.socket.close()
        assert set(self.statuses) <= {0}, self.logs


@pytest.fixture
def activate(tmp_path):
    started = []

    def begin(settings):
        started.append(Activator(tmp_path, settings))
        with Connection(started[0].address, hello=False) as c:
            started[0].pin = pin_of(c.chain[1])
        return started[0]
    yield begin
    for a in started:
        a.end()


def test_whoever_dials_around_the_end_is_served(activate):
    """Connections in a loop, timed to meet the end of the idle time, each served by this process or the next."""
    a = activate("[Tracker]\nIdleExitSec=30ms\n")
    chance = random.Random(6)
    alice = sign_up(a.address, "alice", a.pin)
    pause = threading.Event()
    for _ in range(400):
        pause.wait(chance.uniform(0.02, 0.05))
        with Connection(a.address, alice) as c:
            c.ok("WHOIS", {"username": "alice"})
        if len(a.statuses) >= 20:
            break
    assert len(a.statuses) >= 20 and set(a.statuses) == {0}
    assert all("Nobody was here" in log for log in a.logs)


def test_who_dialled_before_its_end_is_served_by_it(activate):
    """The end of the idle time and a connection come while it sleeps: it wakes to both at once."""
    a = activate("[Tracker]\nIdleExitSec=300ms\n")
    n_met = 0
    for _ in range(60):
        with Connection(a.address, pin=a.pin) as c:
            c.ok("LIST")
        process, n = a.process, len(a.statuses)
        process.send_signal(signal.SIGSTOP)
        dialled = socket.create_connection(a.socket.getsockname())
        threading.Event().wait(0.35)
        process.send_signal(signal.SIGCONT)
        with dialled, Connection(a.address, pin=a.pin) as c:
            c.ok("LIST")
            if len(a.statuses) == n:
                assert a.process is process
                n_met += 1
        if n_met >= 10:
            return
    raise AssertionError(f"it stayed for {n_met} of 60 who had dialled")


def test_not_while_a_lease_lives(activate):
    a = activate("[Tracker]\nIdleExitSec=20ms\n")
    alice = sign_up(a.address, "alice", a.pin)
    with Connection(a.address, alice) as c:
        c.ok("HOST", host_payload("lobby"))
    first = a.process
    n = len(a.statuses)
    # Three seconds of a lease: the process that gave it takes it away, and only then it ends.
    wait_for(lambda: len(a.statuses) > n, "it to end")
    assert a.process is first
    assert "lobby" in a.logs[n] and a.logs[n].index("lobby") < a.logs[n].index("Nobody was here")
    with Connection(a.address, alice) as c:
        channels = c.ok("LIST")["channels"]
    assert [(ch["channel_name"], ch["online"]) for ch in channels] == [("lobby", False)]


def test_not_while_somebody_is_there(activate):
    a = activate("[Tracker]\nIdleExitSec=10ms\n")
    wait_for(lambda: a.statuses, "the first to end")
    with Connection(a.address, pin=a.pin) as c:
        n, process = len(a.statuses), a.process
        for _ in range(40):
            c.ok("LIST")
            threading.Event().wait(0.01)
        assert len(a.statuses) == n and a.process is process


def test_never_where_nobody_would_start_it(tmp_path):
    """Its own socket would be gone with it."""
    (tmp_path / "tracker.conf").write_text("[Tracker]\nIdleExitSec=1ms\n")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = run(f"--state-directory={tmp_path}/state", f"--settings={tmp_path}", f"--listen=127.0.0.1:{port}")
    try:
        def answers():
            try:
                with Connection(f"127.0.0.1:{port}", hello=False) as c:
                    return pin_of(c.chain[1])
            except OSError:
                return None
        pin = wait_for(answers, "it to listen")
        for _ in range(20):
            with Connection(f"127.0.0.1:{port}", pin=pin) as c:
                c.ok("LIST")
            threading.Event().wait(0.01)
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0
