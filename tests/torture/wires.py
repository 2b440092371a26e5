# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the machines of the torture test are connected, and cut off: by network namespaces (nets.py) where they
can be made, else by relays of the test that all connections go through."""
import contextlib
import os
import selectors
import socket
import struct
import threading

from nets import Nets
from p2pchat import DEADLINE, free_port
from watched import WatchedPeer

TCP = "meta l4proto tcp"


class Namespaces:
    """Each on a machine of its own. A black hole is a cable that is pulled out: nothing gets in or out, and
    nobody is told. A deaf machine is heard and hears nothing: answers to it are lost."""

    def __init__(self, world):
        self.nets = Nets(world)
        self.n = 1

    def tracker(self):
        tracker = self.nets.tracker("10.0.0.1/24")
        tracker.name = "tracker"
        return tracker

    def person(self, name, watched=False):
        self.n += 1
        net = self.nets.machine(name, f"10.0.0.{self.n}/24")
        if not watched:
            return self.nets.person(name, net=net)
        peer = WatchedPeer(self.nets.world, name)
        self.nets.world.peers.append(peer)
        peer.net, peer.prefix, peer.listen = net, net.prefix, ["[::]:22237"]
        peer.start()
        peer.trust()
        peer.sign_up()
        return peer

    def reset(self, peer):
        """RST to both ends of all its connections; a kernel that cannot says nothing."""
        before = self.established(peer)
        peer.net.run("ss", "--kill", "--tcp", "state", "established")
        left = before & self.established(peer)
        assert not left, f"this kernel does not reset connections: {left}"

    @staticmethod
    def established(peer):
        """→ {(local, remote)}"""
        lines = peer.net.run("ss", "--no-header", "--numeric", "--tcp", "state", "established").splitlines()
        return {tuple(line.split()[2:4]) for line in lines}

    def hole(self, peer):
        peer.net.unplug()

    def deafen(self, peer):
        peer.net.swallow(f"{TCP} iifname eth0")

    def mend(self, peer):
        peer.net.plug()
        peer.net.swallow()

    def stop(self):
        self.nets.stop()


class Pair:
    """A connection and its other half, behind a relay. names: whose it is, and who is behind the relay."""

    def __init__(self, near, far, names):
        self.names = names
        self.ways = [Way(near, far, names[1]), Way(far, near, names[0])]
        for s in (near, far):
            s.setblocking(False)

    def close(self, reset):
        for way in self.ways:
            if reset:
                way.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            way.source.close()


class Way:
    """One direction of a pair. data: what was read and is not written yet."""

    def __init__(self, source, target, to):
        self.source, self.target, self.to = source, target, to
        self.data = b""

    def move(self):
        """→ whether there is more to come."""
        try:
            if not self.data:
                self.data = self.source.recv(65536)
                if not self.data:
                    return False
            self.data = self.data[self.target.send(self.data):]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


class Relays:
    """All on one machine. A black hole is a relay that forwards nothing any more; whoever dials through it is
    let in by the kernel and hears nothing. A deaf one's words are forwarded, and what is said to it is not.
    One thread has all sockets: a close() is an RST at once only where nobody waits in the socket."""

    def __init__(self, world):
        self.world = world
        self.lock = threading.Lock()
        self.woken, self.waker = socket.socketpair()
        self.woken.setblocking(False)
        self.pairs = []
        self.listeners = {}  # socket → (target, who is behind it, whose a connection from a port is)
        self.peers = {}
        self.holes, self.deaf = set(), set()
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def relay(self, target, behind, whose):
        """→ the port of a relay to target; whose(port that was dialled from) → name."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        with self.lock:
            self.listeners[listener] = (target, behind, whose)
        self.waker.send(b"x")
        return listener.getsockname()[1]

    def may_pass(self, pair, way):
        return not self.holes & set(pair.names) and way.to not in self.deaf

    def accept(self, listener):
        target, behind, whose = self.listeners[listener]
        near, (_, port) = listener.accept()
        try:
            self.pairs.append(Pair(near, socket.create_connection(target), (whose(port), behind)))
        except OSError:
            near.close()

    def run(self):
        while not self.is_over:
            with self.lock, selectors.DefaultSelector() as selector:
                selector.register(self.woken, selectors.EVENT_READ, lambda: self.woken.recv(65536))
                for listener in self.listeners:
                    selector.register(listener, selectors.EVENT_READ, lambda li=listener: self.accept(li))
                wanted = {}  # socket → (events, what to do)
                for pair in self.pairs:
                    for way in pair.ways:
                        if self.may_pass(pair, way):
                            s = way.target if way.data else way.source
                            event = selectors.EVENT_WRITE if way.data else selectors.EVENT_READ
                            events, moves = wanted.setdefault(s, (0, []))
                            wanted[s] = (events | event, [*moves, (pair, way)])
                for s, (events, moves) in wanted.items():
                    selector.register(s, events, lambda moves=moves: self.move(moves))
                self.lock.release()  # others may change what is wanted meanwhile, and wake this
                try:
                    ready = selector.select()
                finally:
                    self.lock.acquire()
                for key, _ in ready:
                    key.data()

    def move(self, moves):
        for pair, way in moves:
            if pair in self.pairs and self.may_pass(pair, way) and not way.move():
                self.end(pair)

    def end(self, pair, reset=False):
        self.pairs.remove(pair)
        pair.close(reset)

    def whose(self, port):
        """Whose daemon has the connection that comes from this port."""
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table, encoding="ascii") as f:
                rows = [line.split() for line in f][1:]
            for inode in (r[9] for r in rows if int(r[1].rpartition(":")[2], 16) == port and r[9] != "0"):
                for name, peer in self.peers.items():
                    if self.has_socket(peer, inode):
                        return name
        return None  # gone again

    @staticmethod
    def has_socket(peer, inode):
        folder = f"/proc/{peer.process.pid}/fd"
        with contextlib.suppress(OSError):
            for fd in os.listdir(folder):
                with contextlib.suppress(OSError):
                    if os.readlink(os.path.join(folder, fd)) == f"socket:[{inode}]":
                        return True
        return False

    def tracker(self):
        self.world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n")
        tracker = self.world.start_tracker()
        tracker.name = "tracker"
        return tracker

    def person(self, name, watched=False):
        peer = WatchedPeer(self.world, name) if watched else self.world.peer(name, start=False)
        if watched:
            self.world.peers.append(peer)
            # Not where the tracker sees it, or members would find the way around the relay.
            port = free_port()
            peer.listen = [f"127.0.0.2:{port}"]
            with open(os.path.join(peer.config, "p2pchat", "p2pchat.conf"), "a", encoding="utf-8") as f:
                f.write(f"[Network]\nAdvertise=127.0.0.1:{self.relay(('127.0.0.2', port), name, self.whose)}\n")
        self.peers[name] = peer
        peer.start()
        tracker = self.relay(("127.0.0.1", self.world.tracker.port), "tracker", lambda _: name)
        peer.manager("SetTracker", "sa{sv}", f"127.0.0.1:{tracker}", {"trust_new": True})
        peer.sign_up()
        return peer

    def reset(self, peer):
        with self.lock:
            for pair in list(self.pairs):
                if peer.name in pair.names:
                    self.end(pair, reset=True)
        self.waker.send(b"x")

    def hole(self, peer):
        with self.lock:
            self.holes.add(peer.name)
        self.waker.send(b"x")

    def deafen(self, peer):
        with self.lock:
            self.deaf.add(peer.name)
        self.waker.send(b"x")

    def mend(self, peer):
        with self.lock:
            self.holes.discard(peer.name)
            self.deaf.discard(peer.name)
        self.waker.send(b"x")

    def stop(self):
        self.is_over = True
        self.waker.send(b"x")
        self.thread.join(DEADLINE)
        for pair in self.pairs:
            pair.close(False)
        for s in (*self.listeners, self.woken, self.waker):
            s.close()
