# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines for tests: network namespaces on one bridge (or behind a router), each with addresses, names
and a firewall of its own, in which a tracker and people's daemons run. Buses stay outside: they are
files, and what a test asks of a daemon needs no network.

    def test_three(nets):                           # fixture of worlds.py
        nets.tracker("10.0.0.1/24")
        alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
        alice.net.ip("addr", "del", "10.0.0.2/24", "dev", "eth0")

A namespace lives as long as the process that holds it, which ends with its pipe: nothing is left behind
whatever becomes of the test. Without root all of it is in a user namespace."""
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

import p2pchat

TOOLS = ("ip", "nft", "nsenter", "unshare")
LISTEN = "[::]:22237"
TRACKER_PORT = 22236

# Runs inside: makes a socket there and hands it out.
HAND_OUT = """
import socket, sys
family, kind, host, port, out = sys.argv[1:]
s = socket.socket(int(family), int(kind))
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((host, int(port)))
if int(kind) == socket.SOCK_STREAM:
    s.listen(64)
socket.send_fds(socket.socket(fileno=int(out)), [b"x"], [s.fileno()])
"""


class NotHere(Exception):
    """This machine cannot make namespaces; says why."""


def run(*command, text=None):
    done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=p2pchat.DEADLINE)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


class Holder:
    """A process that holds new namespaces, until end(); command: the unshare that makes them."""

    def __init__(self, *command):
        self.process = subprocess.Popen([*command, "--", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.pid = str(self.process.pid)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(b"there\n")
            self.process.stdin.flush()
        if self.process.stdout.readline() != b"there\n":
            raise NotHere("unshare: " + self.process.stderr.read().decode())

    def end(self):
        self.process.stdin.close()
        self.process.wait(p2pchat.DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


class Net:
    """One machine's network and its /etc. prefix: what a command begins with to run there."""

    def __init__(self, nets, name):
        self.nets = nets
        self.name = name
        self.etc = os.path.join(nets.directory, name + ".etc")
        os.mkdir(self.etc)
        self.holder = Holder(*nets.entry(), "unshare", *nets.first, "--net", "--mount")
        self.pid = self.holder.pid
        # --root: with a namespace of mounts comes its root, which is not ours where we run in a chroot.
        self.prefix = ["nsenter", *(["--user", "--preserve-credentials"] if nets.in_user else []), "--net", "--mount",
                       "--root", "--target", self.pid, "--"]
        self.ip("link", "set", "lo", "up")

    def run(self, *command, text=None):
        return run(*self.prefix, *command, text=text)

    def ip(self, *arguments):
        return self.run("ip", *arguments)

    def nft(self, text):
        self.run("nft", "-f", "-", text=text)

    def add(self, *addresses):
        for address in addresses:
            # Without detection of duplicates, or IPv6 would only begin a second later.
            self.ip("addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))

    def drop(self, *addresses):
        for address in addresses:
            self.ip("addr", "del", address, "dev", "eth0")

    def swallow(self, *rules):
        """What comes in and matches one of these ("tcp dport 22237") is lost, silently."""
        self.nft("table inet swallow\ndelete table inet swallow\n")
        if rules:
            self.nft("table inet swallow { chain input { type filter hook input priority 0;\n" +
                     "".join(f"{rule} drop\n" for rule in rules) + "}\n}\n")

    def unplug(self):
        """Nothing gets in or out any more, and nobody here is told."""
        self.nets.wire.ip("link", "set", "p-" + self.name, "nomaster")

    def plug(self):
        self.nets.wire.ip("link", "set", "p-" + self.name, "master", "br0")

    def write(self, name, text):
        """Its own /etc/NAME, which can be written again at any time."""
        path = os.path.join(self.etc, name)
        is_new = not os.path.exists(path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        if is_new:
            self.run("mount", "--bind", path, "/etc/" + name)

    def hosts(self, names):
        """names: {name: [address, ...]}; nobody else is asked."""
        self.write("nsswitch.conf", "hosts: files\n")
        self.write("hosts", "127.0.0.1 localhost\n" +
                   "".join(f"{a} {name}\n" for name, addresses in names.items() for a in addresses))

    def resolver(self, address):
        """Names are asked of that DNS server, and of nobody else."""
        self.write("nsswitch.conf", "hosts: dns\n")
        self.write("resolv.conf", f"nameserver {address}\noptions timeout:1 attempts:1\n")

    def socket(self, host, port, kind=socket.SOCK_STREAM):
        """A bound (and listening) socket of this machine, for the test's own process."""
        ours, theirs = socket.socketpair()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with ours, theirs:
            os.set_inheritable(theirs.fileno(), True)
            subprocess.run([*self.prefix, sys.executable, "-S", "-c", HAND_OUT, str(int(family)), str(int(kind)), host,
                            str(port), str(theirs.fileno())], check=True, close_fds=False, timeout=p2pchat.DEADLINE)
            _, (fd,), _, _ = socket.recv_fds(ours, 1, 1)
        return socket.socket(fileno=fd)


class Nets:
    """The machines of one test, on one wire, and the world that lives there."""

    def __init__(self, world):
        missing = [tool for tool in TOOLS if not shutil.which(tool)]
        if missing:
            raise NotHere(f"no {', '.join(missing)} here")
        self.world = world
        self.directory = world.directory
        self.in_user = os.geteuid() != 0
        self.first = ["--user", "--map-root-user"] if self.in_user else []
        self.nets = []
        self.wire = None
        self.wire = self.new("wire")
        self.first = []
        self.wire.ip("link", "add", "br0", "type", "bridge")
        self.wire.ip("link", "set", "br0", "up")

    def entry(self):
        """How one gets to where namespaces can be made."""
        if not self.in_user or not self.wire:
            return []
        return ["nsenter", "--user", "--preserve-credentials", "--target", self.wire.pid, "--"]

    def new(self, name):
        net = Net(self, name)
        self.nets.append(net)
        return net

    def machine(self, name, *addresses):
        """On the wire by eth0, with these addresses ("10.0.0.2/24", "fd00::2/64")."""
        net = self.new(name)
        self.wire.ip("link", "add", "p-" + name, "type", "veth", "peer", "name", "eth0", "netns", net.pid)
        self.wire.ip("link", "set", "p-" + name, "master", "br0", "up")
        net.ip("link", "set", "eth0", "up")
        net.add(*addresses)
        return net

    def behind(self, name, outer, inner="192.168.7"):
        """A machine behind a router that has `outer` on the wire: it gets out under that address, and
        nobody gets in."""
        router = self.machine(name + "-nat", outer)
        net = self.new(name)
        router.ip("link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", net.pid)
        router.ip("addr", "add", f"{inner}.1/24", "dev", "lan0")
        router.ip("link", "set", "lan0", "up")
        net.ip("link", "set", "eth0", "up")
        net.add(f"{inner}.2/24")
        net.ip("route", "add", "default", "via", f"{inner}.1")
        router.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        router.nft("table ip nat { chain out { type nat hook postrouting priority 100;\n"
                   'oifname "eth0" masquerade\n}\n}\n'
                   "table inet guard { chain forward { type filter hook forward priority 0; policy drop;\n"
                   'ct state established,related accept\niifname "lan0" accept\n}\n}\n')
        return net

    def tracker(self, *addresses, listen=f"[::]:{TRACKER_PORT}", host=None):
        """A tracker on a machine of its own; people call it `host`."""
        net = self.machine("tracker", *addresses)
        host = host or addresses[0].split("/")[0]
        self.world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n")
        tracker = self.world.start_tracker(host=f"[{host}]" if ":" in host else host, port=TRACKER_PORT, listen=listen,
                                           prefix=net.prefix)
        tracker.net = net
        return tracker

    def peer(self, net, listen=(LISTEN,), arguments=()):
        """A daemon on that machine, not started."""
        peer = self.world.peer(net.name, arguments, start=False)
        peer.net, peer.prefix, peer.listen = net, net.prefix, list(listen)
        return peer

    def person(self, name, *addresses, net=None, **how):
        """… on a machine of its own, signed up at the tracker."""
        peer = self.peer(net or self.machine(name, *addresses), **how).start()
        peer.trust()
        peer.sign_up()
        return peer

    def stop(self):
        for net in reversed(self.nets):
            net.holder.end()


class NameServer:
    """Answers for one name: an address, or refusal while there is none."""

    def __init__(self, net, name, address=None, host="127.0.0.1"):
        self.labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"
        self.address = address
        self.asked = 0
        self.socket = net.socket(host, 53, socket.SOCK_DGRAM)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def answer(self, query):
        end = query.index(b"\0", 12) + 5
        question, kind = query[12:end], struct.unpack("!H", query[end - 4:end - 2])[0]
        known = self.address and question[:-4].lower() == self.labels
        wanted = socket.AF_INET6 if self.address and ":" in self.address else socket.AF_INET
        records = b""
        if known and kind == (28 if wanted == socket.AF_INET6 else 1):
            data = socket.inet_pton(wanted, self.address)
            records = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(data)) + data
        code = 0 if known else 2  # SERVFAIL
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, bool(records), 0, 0) + question + records

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, sender = self.socket.recvfrom(512)
                if not query:
                    return
                self.asked += 1
                self.socket.sendto(self.answer(query), sender)

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(p2pchat.DEADLINE)
