# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real processes for tests: a tracker, and peers that each have a bus and a state directory of their
own. What a test says about them is the test's.

    def test_two(world):                        # fixture of worlds.py, or: with World(path) as world
        alice, bob = world.people("alice", "bob")       # started, trusting the tracker, signed up
        lobby = alice.host("lobby")                     # object path
        wait_for(lambda: alice.get(lobby, CHANNEL, "State") == "live", "the lobby to be live")
        alice.call(lobby, CHANNEL, "Send", "sa{sv}", "hi", {})
        bob.join("lobby")

Programs come from P2PCHATD, P2PCHAT_TRACKERD and P2PCHATCTL (meson sets them). Everything that was
started is ended by its pid; logs (stderr) stay in world.directory: tracker.log, NAME.log. A condition
is waited for with wait_for() and a deadline, never with a sleep."""
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import dbus
import dbus.bus
import dbus.mainloop.glib
from gi.repository import GLib

import buses

BUS_NAME = "org.p2pchat.Peer1"
PATH = "/org/p2pchat/Peer1"
MANAGER = BUS_NAME + ".Manager"
ACCOUNT = BUS_NAME + ".Account"
CHANNEL = BUS_NAME + ".Channel"
MODERATION = BUS_NAME + ".Moderation"
HOST = BUS_NAME + ".Host"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
ERROR = "org.p2pchat.Error."

# Generous: a loaded machine with sanitizers. Nothing waits this long where all is well.
DEADLINE = 30.0

# Moves the descriptors NAME=FD to where a service gets them, and becomes the program after "--".
PASS = """
import fcntl, os, sys
end = sys.argv.index("--")
names, fds = zip(*(a.rsplit("=", 1) for a in sys.argv[1:end]))
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(fds), 1000)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(names))
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
"""


def wait_for(condition, what, deadline=DEADLINE):
    """→ the first true value of condition(); AssertionError naming what after the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {deadline} s for {what}, in vain"
        time.sleep(0.02)


def plain(value):
    """D-Bus types → Python's own, all the way down."""
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, (dbus.Struct, tuple)):
        return tuple(plain(v) for v in value)
    if isinstance(value, (list, dbus.Array)):
        return [plain(v) for v in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return value


def refused(call, *args, **kwargs):
    """→ (D-Bus error name, message) of a call that must be refused."""
    try:
        result = call(*args, **kwargs)
    except dbus.DBusException as e:
        return e.get_dbus_name(), e.get_dbus_message()
    raise AssertionError(f"was not refused: {result!r}")


def free_port():
    """A loopback port that nobody listens on now, and that the kernel gives to nobody who asks for any:
    below net.ipv4.ip_local_port_range."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Process:
    """A child with its stderr and stdout in a log file. stderr: a pipe's end instead, which is closed here;
    who has the other one writes what comes out there to the log."""

    def __init__(self, arguments, log, env=None, stderr=None, pass_fds=()):
        self.log = log
        with open(log, "ab") as f:
            self.child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=f, stderr=stderr or f, env=env,
                                          pass_fds=pass_fds)
        if stderr:
            os.close(stderr)
        self.pid = self.child.pid
        self.asked = None

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def alive(self):
        return self.child.poll() is None

    def death(self):
        """→ how it ended if no test asked for that, with what a sanitizer said; "" where all is well."""
        text = self.text()
        report = re.search("==ERROR: [A-Za-z]*Sanitizer|[^\\n]*runtime error:", text)
        status = self.child.poll()
        if not report and (status is None or status >= 0 or -status == self.asked):
            return ""
        said = text[report.start():][:12000] if report else text[-4000:]
        return f"{os.path.basename(self.log)}: pid {self.pid} ended by itself, status {status}:\n{said}"

    def ask(self, sig=signal.SIGTERM):
        """Sends it, once: daemons take a second SIGTERM for impatience."""
        if self.alive() and self.asked != sig:
            self.asked = sig
            self.child.send_signal(sig)

    def end(self, sig=signal.SIGTERM):
        """Ends it and → its exit status; SIGKILL when it does not listen in time."""
        if self.alive():
            self.ask(sig)
            try:
                self.child.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise AssertionError(f"pid {self.pid} did not end on signal {sig}; see {self.log}") from None
        assert not self.death(), self.death()
        return self.child.returncode


class Tracker:
    """p2pchat-trackerd behind systemd-socket-activate, which starts it on the first connection. One
    process after the other keeps the port: restart() is a crash and a comeback."""

    def __init__(self, directory, arguments=(), host="127.0.0.1", port=None, listen=None, prefix=(), system_bus=None):
        self.directory = directory
        self.state = os.path.join(directory, "tracker")
        # None but the test's own (logind.SystemBus).
        self.system_bus = system_bus or f"unix:path={self.state}.no-bus"
        self.arguments = list(arguments)
        self.host = host  # "[::1]"
        self.listen = listen  # where it listens, if not there
        self.prefix = list(prefix)  # what the command begins with: another network namespace
        os.makedirs(self.state, 0o700, exist_ok=True)
        self.port = port or free_port()
        self.process = None
        self.start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def start(self):
        log = os.path.join(self.directory, "tracker.log")
        seen = os.path.getsize(log) if os.path.exists(log) else 0
        self.process = Process(
            [*self.prefix, "systemd-socket-activate", "--fdname=tracker", "-E", f"STATE_DIRECTORY={self.state}",
             "-E", f"DBUS_SYSTEM_BUS_ADDRESS={self.system_bus}",
             *(f"--setenv={name}" for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ),
             "-l", self.listen or self.address, os.environ["P2PCHAT_TRACKERD"], *self.arguments], log)

        def listens():
            assert self.process.alive(), f"the tracker's socket: {self.process.text()}"
            return "Listening on" in self.process.text()[seen:]
        wait_for(listens, "the tracker to listen")

    def stop(self, sig=signal.SIGTERM):
        status = self.process.end(sig)
        return status

    def restart(self, sig=signal.SIGKILL):
        self.stop(sig)
        self.start()


class Peer:
    """One person's bus and daemon. bus: a dbus connection of the test."""

    def __init__(self, world, name, arguments=()):
        self.world = world
        self.name = name
        self.arguments = list(arguments)
        self.state = os.path.join(world.directory, name)
        self.config = os.path.join(world.directory, name + ".config")  # p2pchat/p2pchat.conf inside
        self.socket = os.path.join(world.directory, name + ".bus")
        self.bus_process = self.process = self.bus = None
        self.listen = ["127.0.0.1:0"]
        self.prefix = []  # what the daemon's command begins with: another network namespace
        os.mkdir(self.config, 0o700)

    # -- processes

    @property
    def bus_address(self):
        return "unix:path=" + self.socket

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if k not in ("STATE_DIRECTORY", "XDG_STATE_HOME", "NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM")}
        # Whoever runs the tests may be away: no logind, unless a test brings one (logind.py).
        env.update(DBUS_SESSION_BUS_ADDRESS=self.bus_address, XDG_CONFIG_HOME=self.config,
                   DBUS_SYSTEM_BUS_ADDRESS="unix:path=" + self.socket + ".none")
        return env

    def start_bus(self, broker_options=()):
        self.bus_process = Process(buses.command(self.socket, broker_options), self.socket + ".log")
        self.bus = wait_for(self.connect, f"{self.name}'s bus")

    def connect(self, mainloop=None):
        """Another connection to this peer's bus; None while it is not there."""
        try:
            bus = dbus.bus.BusConnection(self.bus_address, mainloop=mainloop)
        except dbus.DBusException:
            return None
        bus.set_exit_on_disconnect(False)
        return bus

    def stop_bus(self):
        if self.bus:
            self.bus.close()
            self.bus = None
        if self.bus_process:
            self.bus_process.end()
            self.bus_process = None

    def start_daemon(self, env=None, passed=()):
        """passed: (name, descriptor) of each that it gets as a service manager would pass it."""
        prefix = [*self.prefix, "/usr/bin/python3", "-c", PASS, *(f"{name}={fd}" for name, fd in passed),
                  "--"] if passed else self.prefix
        self.process = Process(
            [*prefix, os.environ["P2PCHATD"], "--state-directory=" + self.state,
             *("--listen=" + a for a in self.listen), *self.arguments],
            os.path.join(self.world.directory, self.name + ".log"), {**self.environment(), **(env or {})},
            self.open_stderr(), [fd for _, fd in passed])
        wait_for(self.is_up, f"{self.name}'s daemon to take its name")

    def open_stderr(self):
        """→ where the daemon's stderr goes, if not to its log: for who reads along (Process)."""
        return None

    def is_up(self):
        assert not self.process.death(), self.process.death()
        assert self.process.alive(), f"{self.name}'s daemon ended: {self.process.text()[-2000:]}"
        return self.bus.name_has_owner(BUS_NAME)

    def start(self):
        self.start_bus()
        self.start_daemon()
        return self

    def stop_daemon(self, sig=signal.SIGTERM):
        """→ its exit status (negative: the signal)."""
        status = self.process.end(sig)
        if self.bus:
            wait_for(lambda: not self.bus.name_has_owner(BUS_NAME), "the name to be free")
        return status

    def stop(self):
        try:
            if self.process:
                self.process.end()
        finally:
            self.stop_bus()

    def log(self):
        return self.process.text() if self.process else ""

    # -- the API

    def call(self, path, interface, method, signature, *args, timeout=DEADLINE, bus=None):
        """A method call of ours → its results: None, one value, or a tuple. dbus.DBusException."""
        return plain((bus or self.bus).call_blocking(BUS_NAME, path, interface, method, signature, args,
                                                     timeout=timeout))

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, "Get", "ss", interface, name)

    def get_all(self, path, interface):
        return self.call(path, PROPERTIES, "GetAll", "s", interface)

    def objects(self):
        return self.call(PATH, OBJECT_MANAGER, "GetManagedObjects", "")

    def manager(self, method, signature, *args, **kwargs):
        return self.call(PATH, MANAGER, method, signature, *args, **kwargs)

    def ctl(self, *args, stdin="", check=True, timeout=DEADLINE):
        """p2pchatctl of this person → CompletedProcess with text."""
        result = subprocess.run([os.environ["P2PCHATCTL"], *args], input=stdin, text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(),
                                timeout=timeout)
        assert not (self.process and self.process.death()), self.process.death()
        assert not check or result.returncode == 0, f"p2pchatctl {args}: {result.returncode}: {result.stderr}"
        return result

    @contextlib.contextmanager
    def signals(self, **match):
        """Collects what is emitted meanwhile: a list of (path, interface, member, args), filled by
        wait_signal(). match: add_signal_receiver's signal_name=, dbus_interface=, path=."""
        bus = self.connect(mainloop=dbus.mainloop.glib.DBusGMainLoop())
        got = []

        def on_signal(*args, _path, _interface, _member):
            got.append((str(_path), str(_interface), str(_member), plain(args)))
        bus.add_signal_receiver(on_signal, bus_name=BUS_NAME, path_keyword="_path", interface_keyword="_interface",
                                member_keyword="_member", **match)
        bus.get_name_owner("org.freedesktop.DBus")  # the match is in place once this is answered
        try:
            yield got
        finally:
            close_heard(bus)

    # -- what most tests begin with

    def trust(self, tracker=None):
        """Sets the world's tracker and accepts its pin → path of the account."""
        return self.manager("SetTracker", "sa{sv}", (tracker or self.world.tracker).address, {"trust_new": True})

    def sign_up(self, username=None, password=None):
        """→ the recovery code."""
        username = username or self.name
        password = password or "correct horse " + username
        return self.manager("SignUp", "ssa{sv}", username, password, {})["recovery_code"]

    def host(self, channel, **options):
        return self.manager("Host", "sa{sv}", channel, options)

    def join(self, channel, **options):
        return self.manager("Join", "sa{sv}", channel, options)

    def send(self, channel, text, **options):
        """→ (id, seq)."""
        return self.call(channel, CHANNEL, "Send", "sa{sv}", text, options)

    def messages(self, channel, **options):
        """The whole log → list of entries (tuples as GetMessages gives them)."""
        entries, anchor = [], 0
        while True:
            some, page = self.call(channel, CHANNEL, "GetMessages", "tua{sv}", anchor, 500, options)
            entries += some
            anchor = page["next_anchor"]
            if not page["more"]:
                return entries

    def texts(self, channel):
        return [e[6]["text"] for e in self.messages(channel, kinds=["message"]) if "text" in e[6]]


def dispatch():
    """All that the main loop has now."""
    while GLib.MainContext.default().iteration(False):
        pass


def close_heard(bus):
    """Closes a connection of the main loop. What is still in it is dispatched now: later there would be
    nobody for it, which breaks whoever runs the main loop then."""
    bus.close()
    dispatch()


def wait_signal(got, wanted, what, deadline=DEADLINE):
    """Runs the main loop until wanted(signal) is true of one of `got` → that one."""
    def look():
        dispatch()
        return next((s for s in got if wanted(s)), None)
    return wait_for(look, what, deadline)


class World:
    """A tracker and any number of peers in a scratch directory."""

    def __init__(self, directory=None, tracker_arguments=()):
        self.is_mine = directory is None
        # Short: a socket's path has 108 bytes.
        self.directory = str(directory or tempfile.mkdtemp(prefix="p2pchat-"))
        self.peers = []
        self.tracker = None
        self.tracker_arguments = tracker_arguments

    def configure_tracker(self, text):
        """Writes its tracker.conf; before it starts."""
        settings = os.path.join(self.directory, "tracker.settings")
        os.makedirs(settings, exist_ok=True)
        with open(os.path.join(settings, "tracker.conf"), "w", encoding="utf-8") as f:
            f.write(text)
        self.tracker_arguments = [*self.tracker_arguments, "--settings=" + settings]

    def start_tracker(self, **how):
        self.tracker = Tracker(self.directory, self.tracker_arguments, **how)
        return self.tracker

    def peer(self, name, arguments=(), start=True):
        peer = Peer(self, name, arguments)
        self.peers.append(peer)
        return peer.start() if start else peer

    def people(self, *names):
        """Peers that are signed up under their names."""
        if not self.tracker:
            self.start_tracker()
        people = [self.peer(name) for name in names]
        for peer in people:
            peer.trust()
            peer.sign_up()
        return people if len(people) != 1 else people[0]

    def stop(self):
        errors = []
        for peer in self.peers:  # each takes its time to say goodbye: all at once
            if peer.process:
                peer.process.ask()
        for thing in (*reversed(self.peers), self.tracker):
            try:
                if thing:
                    thing.stop()
            except AssertionError as e:
                errors.append(str(e))
        if self.is_mine:
            shutil.rmtree(self.directory, ignore_errors=True)
        assert not errors, "; ".join(errors)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
