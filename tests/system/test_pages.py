# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the manual says to an administrator, typed on a machine that systemd runs: its commands, and its files at the
paths that they name (pages.py)."""
import re

import pytest

import pages
from p2pchat import wait_for

TRACKERD = "tracker/p2pchat-trackerd.8.scd"
TRACKER_SETTINGS = "tracker/p2pchat-tracker.conf.5.scd"
# Clients come back at once: what is changed below a tracker is changed with its socket closed.
UNITS = ("p2pchat-tracker.socket", "p2pchat-tracker.service")
DAEMON, DAEMON_SETTINGS = "daemon/p2pchatd.8.scd", "daemon/p2pchat.conf.5.scd"


class Machine(pages.Stage):
    """Who is not named is alice, who may sudo."""

    def __init__(self, host, replace=(), folder="."):
        super().__init__({}, replace)
        self.host, self.folder = host, folder

    def command(self, block, who, command, shown):
        command, status = f"cd {self.folder} && {command}", 0
        if shown and (m := re.fullmatch(r"\[exit status (\d+)\]", shown[-1])):
            status, shown = int(m[1]), shown[:-1]
        if pages.ASKS.search(command):
            return self.typed(block, self.host.command("sh", "-c", command, user=who or "alice"))
        done = self.host.run("sh", "-c", command, user=who or "alice", check=False, seconds=500)
        said = done.stdout + done.stderr
        assert done.returncode == status, f"{block.where}: {command}: {done.returncode}: {said}"
        matched = [text for text in (done.stdout, said) if pages.pattern(shown).fullmatch(text)]
        assert not shown or matched, f"{block.where}: {command}: shown is\n{said}"

    def write(self, block):
        path, text = block.file()
        self.host.write(path, self.here(text))
        return path


@pytest.fixture(scope="module")
def hub(site):
    host = site.boot("hub", users=["alice", "bob"])
    host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n", "440")
    return host


@pytest.fixture(scope="module")
def machine(hub):
    stage = Machine(hub, {"CHAT_BY=1000": "CHAT_BY=2001"})
    (block,) = pages.blocks(TRACKERD, "DESCRIPTION", "machine")
    stage.run(block)
    hub.user("alice", "p2pchatctl", "tracker", "localhost", "--trust-new")
    return stage


def test_tracker(hub, machine):
    """The socket is up, and what the settings' page says is read again."""
    assert hub.show("p2pchat-tracker.socket", "ActiveState") == "active"
    hub.write("/etc/p2pchat/tracker.conf", "[Limits]\nNonsense=1\n")
    for block in pages.blocks(TRACKER_SETTINGS, "EXAMPLES", "machine"):
        machine.run(block)
    wait_for(lambda: "unknown key Nonsense=" in hub.run("journalctl", "-u", "p2pchat-tracker").stdout, "the settings")
    hub.run("rm", "/etc/p2pchat/tracker.conf")
    hub.run("systemctl", "reload", "p2pchat-tracker")


def test_daemon(hub, machine):
    for block in pages.blocks(DAEMON, kind="machine"):
        machine.run(block)
    hub.write("/etc/p2pchat/p2pchat.conf", "[Log]\nLevel=debug\n")
    for block in pages.blocks(DAEMON_SETTINGS, "EXAMPLES", "machine"):
        machine.run(block)
    wait_for(lambda: hub.user("alice", "p2pchatctl", "log-level").strip() == "debug", "the level of the file")


def test_trackerctl(hub, machine):
    """A user and a channel for it, then what the operator's page shows."""
    hub.run("p2pchatctl", "signup", "alice", "--password-fd=0", user="alice", stdin="correct horse\n")
    hub.user("alice", "p2pchatctl", "host", "lobby")
    hub.user("bob", "p2pchatctl", "tracker", "localhost", "--trust-new")
    hub.run("p2pchatctl", "signup", "mallory", "--password-fd=0", user="bob", stdin="correct horse\n")
    for page in ("dbus/org.p2pchat.Tracker1.5.scd", "ctl/tracker/p2pchat-trackerctl.1.scd"):
        for block in pages.blocks(page, "EXAMPLES"):
            machine.run(block)


def test_operators(hub, machine):
    """The rule lets in who is in the group, to all but what is for ever; and the journal says who was let in."""
    hub.run("groupadd", "chatops")
    hub.run("usermod", "-aG", "chatops", "bob")
    list_users = ("p2pchat-trackerctl", "--no-ask-password", "user", "list")
    assert hub.run(*list_users, user="bob", check=False).returncode == 5
    (rule,) = pages.blocks(TRACKERD, "OPERATORS", "file")
    machine.write(rule)
    wait_for(lambda: hub.run(*list_users, user="bob", check=False).returncode == 0, "polkit to read the rule")
    for_ever = hub.run("p2pchat-trackerctl", "--no-ask-password", "user", "delete", "eve", "--yes", user="bob", check=False)
    assert for_ever.returncode == 5, for_ever
    assert hub.run(*list_users, user="alice", check=False).returncode == 5
    for block in pages.blocks(TRACKERD, "OPERATORS", "machine"):
        machine.run(block)


def test_credentials(hub, machine):
    """An encrypted key is the tracker's after the start."""
    hub.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "ca.key", user="alice")
    before = hub.run("p2pchat-trackerctl", "ca", "show").stdout
    hub.run("systemctl", "stop", *UNITS)
    # Another key is another tracker: it begins with nothing.
    hub.run("rm", "-rf", "/var/lib/private/p2pchat-tracker")
    (drop_in,) = pages.blocks(TRACKERD, "CREDENTIALS", "file")
    path = machine.write(drop_in)
    for block in pages.blocks(TRACKERD, "CREDENTIALS", "machine"):
        machine.run(block)
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "restart", "p2pchat-tracker.socket")
    assert hub.run("p2pchat-trackerctl", "ca", "show").stdout != before
    hub.run("systemctl", "stop", *UNITS)
    hub.run("rm", "-r", path, "/etc/credstore.encrypted/p2pchat-tracker.ca.key")
    hub.run("systemctl", "daemon-reload")


def test_authority(hub, machine):
    """A key that is a credential gives way to another one, which it has signed."""
    hub.run("systemctl", "stop", *UNITS)
    hub.run("rm", "-rf", "/var/lib/private/p2pchat-tracker")
    hub.run("mkdir", "-p", "-m", "700", "/etc/credstore")
    hub.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "/etc/credstore/p2pchat-tracker.ca.key")
    hub.run("systemctl", "start", *UNITS)
    before = hub.run("p2pchat-trackerctl", "ca", "show").stdout
    for block in pages.blocks(TRACKERD, "AUTHORITY", "machine"):
        machine.run(block)
    after = hub.run("p2pchat-trackerctl", "ca", "show").stdout
    old_pin = next(word for word in before.split() if word.startswith("sha256:"))
    assert after != before and old_pin in after, (before, after)


def test_socket(hub, machine):
    """Each drop-in says what the socket is then."""
    blocks = pages.blocks(TRACKERD, "SOCKET", "file")
    paths = [machine.write(block) for block in blocks]
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "stop", *UNITS)
    hub.run("systemctl", "restart", "p2pchat-tracker.socket")
    assert "[2001:db8::7]:4711" in hub.show("p2pchat-tracker.socket", "Listen")
    assert "22236" not in hub.show("p2pchat-tracker.socket", "Listen")
    assert "192.0.2.0/24" in hub.show("p2pchat-tracker.socket", "IPAddressAllow")
    hub.run("rm", *paths)


def test_readme(site):
    """From a checkout to a chat by hand, and what an operator does then."""
    host = site.boot("byhand", users=["alice", "bob"], installed=False)
    host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n", "440")
    host.run("sh", "-c", 'cd "$1" && mkdir /home/alice/p2pchat && cp -r .ci $(ls -d [!b]* | grep -v "^build") /home/alice/p2pchat/ && '
             'chown -R alice: /home/alice/p2pchat', "sh", pages.SOURCE)
    machine = Machine(host, folder="/home/alice/p2pchat")
    for block in pages.blocks("README.md", "By hand", "machine"):
        machine.run(block)
    host.user("bob", "p2pchatctl", "tracker", "localhost", "--trust-new")
    host.run("p2pchatctl", "signup", "eve", "--password-fd=0", user="bob", stdin="correct horse\n")
    for block in pages.blocks("README.md", "Looking after a tracker", "machine"):
        machine.run(block)
