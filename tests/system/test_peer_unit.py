# SPDX-License-Identifier: LGPL-2.1-or-later
"""The user's service as an administrator finds it on a booted systemd: how closed it is with everything working inside,
reload, the level of the log, lingering, and a session bus that goes."""
import pytest
from p2pchat import wait_for

UNIT = "p2pchatd.service"
TYPE = "loginctl enable-linger"
SETTINGS = "/home/alice/.config/p2pchat/p2pchat.conf"


@pytest.fixture(scope="module")
def desk(site):
    """A tracker, and alice, who hosts the lobby there; her daemon came by her first p2pchatctl."""
    host = site.boot("desk", users=("alice",))
    host.run("systemctl", "enable", "--now", "p2pchat-tracker.socket")
    assert host.show(UNIT, "ActiveState", "--user", user="alice") == "inactive"
    ctl(host, "tracker", f"{host.address}:22236", "--trust-new")
    host.user("alice", "p2pchatctl", "signup", "alice", "--password-fd=0", stdin="correct horse\n")
    ctl(host, "host", "lobby")
    return host


def ctl(host, *arguments):
    return host.user("alice", "p2pchatctl", *arguments)


def pid_of(host):
    return host.show(UNIT, "MainPID", "--user", user="alice")


def status(host):
    return host.show(UNIT, "StatusText", "--user", user="alice")


def write(host, text):
    host.write(SETTINGS, text)
    host.run("chown", "-R", "alice:", "/home/alice/.config/p2pchat")


def test_exposure(desk):
    """As the manager that runs it scores it; and it does all of that inside."""
    line = desk.user("alice", "systemd-analyze", "--user", "--no-pager", "security", UNIT).splitlines()[-1]
    assert float(line.split(": ")[1].split()[0]) <= 1.8, line
    inside = f"/proc/{pid_of(desk)}/"
    assert desk.run("cat", inside + "status").stdout.count("NoNewPrivs:\t1\n") == 1
    desk.write("/home/alice/private", "hers\n")
    desk.run("test", "!", "-e", inside + "root/home/alice/private")
    desk.run("test", "!", "-w", inside + "root/usr", user="alice")
    ctl(desk, "send", "lobby", "--wait=stored", "hello")
    ctl(desk, "backup", "/home/alice/backup")
    # Into a file and into a pipe of hers; both are descriptors that the daemon is given.
    for shell in ("p2pchatctl export lobby >exported; cat exported", "p2pchatctl export lobby | cat"):
        assert "hello" in desk.user("alice", "sh", "-c", shell), shell
    assert "hello" in ctl(desk, "log", "lobby")
    # Names are looked up, and what the kernel tells of addresses comes in.
    desk.run("sh", "-c", "echo 127.0.0.1 far.example >>/etc/hosts")
    desk.run("ip", "address", "add", "10.77.9.9/24", "dev", "host0")
    wait_for(lambda: "10.77.9.9" in ctl(desk, "status", "-j"), "the new address to be advertised")
    desk.run("ip", "address", "delete", "10.77.9.9/24", "dev", "host0")
    wait_for(lambda: "10.77.9.9" not in ctl(desk, "status", "-j"), "it to be gone")


def test_reload(desk):
    before = pid_of(desk)
    write(desk, "[Network]\nListen=0.0.0.0:22300\n")
    desk.run("systemctl", "--user", "reload", UNIT, user="alice")
    wait_for(lambda: "0.0.0.0:22300" in ctl(desk, "status"), "the new address")
    wait_for(lambda: desk.show(UNIT, "ActiveState", "--user", user="alice") == "active", "the reload to end")
    assert desk.show(UNIT, "NFileDescriptorStore", "--user", user="alice") == "1"
    write(desk, "[Log]\nLevel=loud\n")
    desk.run("systemctl", "--user", "reload", UNIT, user="alice")
    wait_for(lambda: "p2pchat.conf:2" in status(desk), "the status to say where")
    assert "0.0.0.0:22300" in ctl(desk, "status") and pid_of(desk) == before
    write(desk, "")
    desk.run("systemctl", "--user", "reload", UNIT, user="alice")
    wait_for(lambda: "22237" in ctl(desk, "status") and "p2pchat.conf" not in status(desk), "all to be as it was")
    assert desk.show(UNIT, "NFileDescriptorStore", "--user", user="alice") == "1" and pid_of(desk) == before


def test_log_level(desk):
    assert desk.user("alice", "systemctl", "--user", "service-log-level", UNIT) == "info\n"
    desk.user("alice", "systemctl", "--user", "service-log-level", UNIT, "debug")
    assert ctl(desk, "log-level") == "debug\n"
    desk.user("alice", "systemctl", "--user", "service-log-target", UNIT, "journal")
    ctl(desk, "log-level", "info")
    assert desk.user("alice", "systemctl", "--user", "service-log-level", UNIT) == "info\n"


def test_log_level_of_the_tracker(desk):
    """Root's; and nobody else's."""
    tracker = "p2pchat-tracker.service"
    wait_for(lambda: desk.run("systemctl", "service-log-level", tracker, check=False).stdout == "info\n",
             "the tracker on the bus")
    desk.run("systemctl", "service-log-level", tracker, "debug")
    assert desk.run("systemctl", "service-log-level", tracker).stdout == "debug\n"
    done = desk.run("busctl", "set-property", "org.p2pchat.Tracker1", "/org/freedesktop/LogControl1",
                    "org.freedesktop.LogControl1", "LogLevel", "s", "err", user="alice", check=False)
    assert done.returncode != 0
    assert desk.run("systemctl", "service-log-level", tracker).stdout == "debug\n"
    desk.run("systemctl", "service-log-level", tracker, "info")


def test_lingering(desk):
    """Told while it is not set, both to who asks systemctl and p2pchatctl; gone at once when it is."""
    wait_for(lambda: "Hosting 1 channel" in status(desk), "the lobby to be hosted")
    assert TYPE not in status(desk) and TYPE not in ctl(desk, "status")
    # Her manager is to live on without: somebody has a session.
    desk.run("systemctl", "start", "user@2001.service")
    with_session = desk.start("systemd-run", "--quiet", "--pipe", "--wait", "--uid=2001", "-p", "PAMName=login",
                              "-p", "Type=exec", "sleep", "infinity")
    try:
        wait_for(lambda: "2001" in desk.run("loginctl", "list-sessions", "--no-legend").stdout, "a session of hers")
        desk.run("loginctl", "disable-linger", "alice")
        wait_for(lambda: TYPE in status(desk), "the status to warn")
        assert TYPE in ctl(desk, "status") and '"lingering":"no"' in ctl(desk, "status", "--json=short")
        desk.run("loginctl", "enable-linger", "alice")
        wait_for(lambda: TYPE not in status(desk), "the warning to be gone")
        assert TYPE not in ctl(desk, "status") and '"lingering":"yes"' in ctl(desk, "status", "--json=short")
    finally:
        desk.run("loginctl", "enable-linger", "alice")
        with_session.kill()
        with_session.wait()


@pytest.mark.parametrize("verb", ["restart", "stop"])
def test_the_session_bus_goes(desk, verb):
    """And comes again: the same process has its name there. Not even its socket's end takes the daemon along."""
    before = pid_of(desk)
    units = ("dbus.service",) if verb == "restart" else ("dbus.socket", "dbus.service")
    desk.run("systemctl", "--user", verb, *units, user="alice")
    if verb == "stop":
        wait_for(lambda: "no session bus" in status(desk), "the daemon to say so")
        desk.run("systemctl", "--user", "start", "dbus.socket", user="alice")
    wait_for(lambda: desk.run("busctl", "--user", "status", "org.p2pchat.Peer1", user="alice",
                              check=False).returncode == 0, "the name to be taken again")
    assert "lobby" in ctl(desk, "status") and pid_of(desk) == before
    assert desk.show(UNIT, "NRestarts", "--user", user="alice") == "0"


def test_enabled(desk):
    """As the presets of a distribution or a person want it: there after a reboot, by itself, and hosting."""
    desk.run("systemctl", "--user", "enable", UNIT, user="alice")
    desk.reboot()
    wait_for(lambda: "Hosting 1 channel" in status(desk), "the lobby to be hosted again", 60)
    assert "hello" in ctl(desk, "log", "lobby")


def test_the_port_is_kept(desk):
    """One that any free port was asked for: only the service manager's store can give it back, to the process after a
    restart and to the one after a kill; who dials in between waits."""
    write(desk, "[Network]\nListen=0.0.0.0:0\n")
    desk.user("alice", "systemctl", "--user", "restart", UNIT)

    def listens():
        lines = desk.run("ss", "-Hltn", "sport", ">", ":1024").stdout.split()
        return {word for word in lines if word.startswith("0.0.0.0:") and word != "0.0.0.0:*"}
    before = wait_for(listens, "a port")
    assert len(before) == 1
    port = before.copy().pop().split(":")[1]
    desk.user("alice", "systemctl", "--user", "restart", UNIT)
    assert listens() == before
    pid = pid_of(desk)
    desk.kill("STOP", pid, user="alice")
    with desk.start("/usr/bin/python3", "-c", f"""
import socket, sys
s = socket.create_connection(("127.0.0.1", {port}), 20)
print("in", flush=True)
s.settimeout(20)
s.sendall(b"no TLS at all, to be refused\\n")
print(len(s.recv(100)), flush=True)""", stdout=-1, text=True) as dialler:
        assert dialler.stdout.readline() == "in\n"
        desk.kill("KILL", pid, user="alice")
        # An alert or an end, from the process after it; were the socket gone, it would be a reset and no number.
        assert int(dialler.stdout.readline()) >= 0
    wait_for(lambda: pid_of(desk) not in (pid, "0"), "the next process")
    assert listens() == before
    write(desk, "")
    desk.user("alice", "systemctl", "--user", "restart", UNIT)
