# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sockets that a service manager keeps between two processes: stored, taken back, and nothing else believed."""
import contextlib
import os
import signal
import socket
import ssl

import pytest
from p2pchat import CHANNEL, MANAGER, PATH, free_port, wait_for


class ServiceManager:
    """Keeps what it is given, by name, as systemd does; what it was told otherwise, in order."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        self.lines = []
        self.stored = {}

    def look(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                text, fds, _, _ = socket.recv_fds(self.socket, 4096, 16)
                lines = text.decode().splitlines()
                self.lines += lines
                name = next((line[len("FDNAME="):] for line in lines if line.startswith("FDNAME=")), "")
                if "FDSTOREREMOVE=1" in lines and name in self.stored:
                    os.close(self.stored.pop(name))
                elif "FDSTORE=1" in lines and name not in self.stored:
                    self.stored[name], = fds
                else:
                    for fd in fds:
                        os.close(fd)
        return self.lines

    def wait(self, line):
        wait_for(lambda: line in self.look(), f"the service manager to hear {line!r} (heard {self.lines})")

    def start(self, peer, more=()):
        """The next process; READY comes after all is stored."""
        self.lines.clear()
        peer.start_daemon(env={"NOTIFY_SOCKET": self.path}, passed=[*self.stored.items(), *more])
        self.wait("READY=1")
        self.look()

    def close(self):
        self.socket.close()
        for fd in self.stored.values():
            os.close(fd)


@pytest.fixture
def manager(world):
    m = ServiceManager(os.path.join(world.directory, "notify"))
    yield m
    m.close()


def addresses(peer):
    return peer.get(PATH, MANAGER, "ListenAddresses")


def dial(address):
    return socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=30)


def answered(connection):
    """With a peer's certificate, and its part of the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["p2pchat/1"])
    with context.wrap_socket(connection) as tls:
        return tls.version() == "TLSv1.3"


def name_of(address):
    return "listen-" + address.replace(":", "-")


def is_refused(address):
    try:
        dial(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_restarts(world, manager):
    """Who dials between two processes is answered by the second, whichever way the first ended; any port stays."""
    world.start_tracker()
    alice = world.peer("alice", start=False)
    alice.start_bus()
    manager.start(alice)
    at, = addresses(alice)
    assert list(manager.stored) == [name_of(at)]
    alice.trust()
    alice.sign_up()
    alice.host("lobby")
    bob = world.people("bob")
    lobby = bob.join("lobby")
    for n, sig in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
        wait_for(lambda: bob.get(lobby, CHANNEL, "State") == "live", "the lobby to be live")
        alice.stop_daemon(sig)
        manager.look()
        wait_for(lambda: bob.get(lobby, CHANNEL, "State") != "live", "the lobby to be away")
        with dial(at) as between:
            bob.send(lobby, f"while it was not there {n}")
            manager.start(alice)
            assert addresses(alice) == [at] and list(manager.stored) == [name_of(at)]
            assert answered(between)
        wait_for(lambda: bob.get(lobby, CHANNEL, "OutboxCount") == 0, "the message to be stored")
    assert "is not used" not in alice.log()


def test_it_stops_taking_in_before_it_ends(world, manager):
    """What is in the queue when it ends is in the queue of the next."""
    world.start_tracker()
    alice = world.peer("alice", start=False)
    alice.start_bus()
    manager.start(alice)
    alice.trust()
    alice.sign_up()
    at, = addresses(alice)
    alice.process.ask()
    manager.wait("STOPPING=1")
    with dial(at) as late:
        assert alice.stop_daemon() == 0
        manager.start(alice)
        assert answered(late)


def test_settings_have_changed(world, manager):
    """A stored socket counts as far as the settings name it; its place is free otherwise."""
    alice = world.peer("alice", start=False)
    alice.start_bus()
    ports = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    alice.listen = [*ports, "127.0.0.1:0"]
    manager.start(alice)
    assert len(manager.stored) == 3
    any_port = addresses(alice)[2]
    alice.stop_daemon()

    other = f"127.0.0.1:{free_port()}"
    alice.listen = ["127.0.0.1:0", ports[1], other]
    manager.start(alice)
    assert addresses(alice) in ([any_port, ports[1], other], [ports[0], ports[1], other])
    left = ({any_port, ports[0]} - set(addresses(alice))).pop()
    assert set(manager.stored) == {name_of(a) for a in addresses(alice)}
    assert f"Not listening on {left} any more" in alice.log() and is_refused(left)
    alice.stop_daemon()

    alice.listen = ["[::1]:0"]
    manager.start(alice)
    assert list(manager.stored) == [name_of(addresses(alice)[0])]
    assert is_refused(other) and is_refused(ports[1])


def test_a_port_that_is_taken(world, manager):
    """The port that was taken instead of the preferred one stays, until that one is free."""
    alice = world.peer("alice", start=False)
    alice.start_bus()
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        wanted = "127.0.0.1:%d" % first.getsockname()[1]
        alice.listen = [wanted]
        manager.start(alice)
        instead, = addresses(alice)
        assert instead != wanted
        alice.stop_daemon()
        manager.start(alice)
        assert addresses(alice) == [instead]
    alice.stop_daemon()
    manager.start(alice)
    assert addresses(alice) == [wanted] and list(manager.stored) == [name_of(wanted)]


def test_what_is_not_believed(world, manager):
    """Whatever else is passed in is closed, said, and not passed in again."""
    alice = world.peer("alice", start=False)
    alice.start_bus()
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.bind(("127.0.0.1", 0))
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(os.path.join(world.directory, "unix"))
    unix.listen()
    path = os.path.join(world.directory, "file")
    manager.stored = {name: s.detach() for name, s in (("datagram", datagram), ("listen-bound", bound),
                                                       ("unix", unix))}
    manager.stored["file"] = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    # With the name of one of ours it is believed no more.
    alice.listen = [f"127.0.0.1:{free_port()}"]
    manager.stored[name_of(alice.listen[0])] = os.dup(manager.stored["file"])
    wrong = list(manager.stored)
    manager.start(alice)
    assert addresses(alice) == alice.listen
    for name in wrong:
        assert f'What was passed in as "{name}" is no listening TCP socket' in alice.log()
        assert manager.lines.count("FDNAME=" + name) == 1 + (name == name_of(alice.listen[0]))
    assert list(manager.stored) == [name_of(alice.listen[0])]
    assert os.path.getsize(path) == 0
    dial(alice.listen[0]).close()
    alice.stop_daemon()
    # And the one that took its place is one of ours.
    manager.start(alice)
    assert addresses(alice) == alice.listen and list(manager.stored) == [name_of(alice.listen[0])]


def test_more_than_anybody_listens_on(world, manager):
    alice = world.peer("alice", start=False)
    alice.start_bus()
    with open("/dev/null", "rb") as null:
        manager.start(alice, [("more", null.fileno())] * 40)
    assert alice.log().count('"more"') == 16 and manager.lines.count("FDNAME=more") == 1
    assert list(manager.stored) == [name_of(addresses(alice)[0])]
