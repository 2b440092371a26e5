# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process: readiness and status, signals, no bus, a bus that goes and comes back, settings, usage."""
import contextlib
import os
import re
import signal
import socket
import subprocess

from conformance import message
from p2pchat import CHANNEL, MANAGER, PATH, Process, wait_for, wait_signal

DAEMON = os.environ["P2PCHATD"]


class NotifySocket:
    """Stands for the service manager: what it was told, in order."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        self.lines = []

    def look(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.lines += self.socket.recv(4096).decode().splitlines()
        return self.lines

    def wait(self, line):
        wait_for(lambda: line in self.look(), f"the service manager to hear {line!r} (heard {self.lines})")


def test_service_manager(world):
    path = os.path.join(world.directory, "notify")
    notify = NotifySocket(path)
    world.start_tracker()
    alice = world.peer("alice", start=False)
    alice.start_bus()
    alice.start_daemon(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
    notify.wait("READY=1")
    notify.wait("STATUS=Hosting 0 channels, 0 members")
    notify.wait("WATCHDOG=1")
    alice.trust()
    alice.sign_up()
    alice.host("lobby")
    notify.wait("STATUS=Hosting 1 channel, 1 member")
    bob = world.people("bob")
    bob.join("lobby")
    notify.wait("STATUS=Hosting 1 channel, 2 members")
    assert alice.stop_daemon(signal.SIGTERM) == 0
    notify.wait("STOPPING=1")


@message("STARTED", "STOPPED")
def test_both_signals_end_it(world):
    alice = world.peer("alice")
    assert alice.stop_daemon(signal.SIGINT) == 0
    alice.start_daemon()
    assert alice.stop_daemon(signal.SIGTERM) == 0
    assert alice.log().count(f"Serving what is kept in {alice.state}.") == 2
    assert alice.log().count(f"Stopped; what is kept in {alice.state} stays.") == 2


def test_no_bus_at_first(world):
    """It serves its peers, says what is missing, and is there once a bus is."""
    path = os.path.join(world.directory, "notify")
    notify = NotifySocket(path)
    alice = world.peer("alice", start=False)
    alice.process = Process([DAEMON, "--state-directory=" + alice.state, "--listen=127.0.0.1:0"],
                            os.path.join(world.directory, "alice.log"),
                            {**alice.environment(), "NOTIFY_SOCKET": path})
    notify.wait("READY=1")
    notify.wait("STATUS=Hosting 0 channels, 0 members; no session bus, trying again")
    alice.start_bus()
    wait_for(alice.is_up, "the daemon to find the bus")
    notify.wait("STATUS=Hosting 0 channels, 0 members")
    assert alice.get(PATH, MANAGER, "DefaultAccount") == "/"


def test_the_bus_is_lost(world):
    """Peers stay, the name comes back, and everything is there."""
    alice, bob = world.people("alice", "bob")
    hers, his = alice.host("lobby"), bob.join("lobby")
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "the lobby to be live")
    before = alice.objects()
    pid = alice.process.pid
    alice.stop_bus()
    for text in ("one", "two"):
        bob.send(his, text, wait="stored")  # served by a host without a bus
    assert bob.get(his, CHANNEL, "State") == "live"
    alice.start_bus()
    wait_for(alice.is_up, "the name to be taken again")
    assert alice.process.pid == pid
    assert set(alice.objects()) == set(before)
    assert alice.texts(hers) == ["one", "two"]
    with alice.signals(path=hers) as got:  # and it speaks again
        alice.send(hers, "three")
        wait_signal(got, lambda s: s[2] == "EntriesAppended", "a signal on the new bus")


def test_one_daemon_a_state_directory(world):
    alice = world.peer("alice")
    second = subprocess.run([DAEMON, "--state-directory=" + alice.state, "--listen=127.0.0.1:0"],
                            env=alice.environment(), timeout=30, check=False, capture_output=True, text=True)
    assert second.returncode == 1 and second.stderr
    assert alice.get(PATH, MANAGER, "Version")


def test_a_name_that_is_taken(world):
    alice, bob = world.peer("alice"), world.peer("bob", start=False)
    bob.socket = alice.socket
    bob.bus = alice.connect()
    bob.start_daemon()  # returns at once: alice's has the name
    wait_for(lambda: "Another process has" in bob.log(), "the second one to say so")
    alice.process.end()
    wait_for(lambda: alice.bus.name_has_owner("org.p2pchat.Peer1"), "the second one to take over")
    assert bob.get(PATH, MANAGER, "DefaultAccount") == "/"


def test_settings(world):
    alice = world.peer("alice", start=False)
    alice.start_bus()
    os.makedirs(os.path.join(alice.config, "p2pchat", "p2pchat.conf.d"))
    settings = os.path.join(alice.config, "p2pchat", "p2pchat.conf")
    with open(settings, "w", encoding="utf-8") as f:
        f.write("[Network]\nListen=127.0.0.1:0\nColour=blue\nAdvertise=192.0.2.7:4711\n")
    with open(settings + ".d/10-more.conf", "w", encoding="utf-8") as f:
        f.write("[Network]\nAdvertise=192.0.2.8:4711\n")
    alice.process = Process([DAEMON, "--state-directory=" + alice.state], os.path.join(world.directory, "alice.log"),
                            alice.environment())
    wait_for(alice.is_up, "the daemon")
    assert re.search(r"p2pchat\.conf:3: unknown key Colour", alice.log())
    addresses = alice.get(PATH, MANAGER, "ListenAddresses")
    assert len(addresses) == 1 and addresses[0].startswith("127.0.0.1:")
    world.start_tracker()
    alice.trust()
    alice.sign_up()
    lobby = alice.host("lobby")
    assert alice.get(lobby, "org.p2pchat.Peer1.Host", "Addresses") == ["192.0.2.8:4711"]

    with open(settings, "w", encoding="utf-8") as f:
        f.write("[Network]\nListen=nowhere\n")
    bad = subprocess.run([DAEMON, "--state-directory=" + alice.state + "2"], env=alice.environment(), timeout=30,
                         check=False, capture_output=True, text=True)
    assert bad.returncode == 1 and "p2pchat.conf:2" in bad.stderr


def test_usage():
    def run(*arguments):
        return subprocess.run([DAEMON, *arguments], timeout=30, check=False, capture_output=True, text=True)
    assert run("--help").returncode == 0 and "--state-directory" in run("--help").stdout
    assert re.fullmatch(r"p2pchatd \d+\.\d+\.\d+\n", run("--version").stdout)
    for arguments in (["--no-such-option"], ["argument"], ["--listen=nowhere"], ["--listen"]):
        result = run(*arguments)
        assert result.returncode == 2 and result.stderr and not result.stdout
