# SPDX-License-Identifier: LGPL-2.1-or-later
"""units/quickstart on a machine that runs systemd, by somebody with sudo, from the checkout to a chat; and
--remove, after which nothing that it installed is left, and --purge."""
import pytest

from booted import SOURCE

SECONDS = 500
# Bus and polkit do not look into /usr/local.
ELSEWHERE = ("/etc/dbus-1/system.d/org.p2pchat.Tracker1.conf", "/usr/share/polkit-1/actions/org.p2pchat.tracker.policy")
BUILD = SOURCE / "build-quickstart"
# By the change of the file: what was built before keeps its time.
INSTALLED = "find /usr/local -type f -cnewer /root/before; find /usr/local -type l -cnewer /root/before"


@pytest.fixture(scope="module")
def box(site):
    host = site.boot("box", users=["alice"], installed=False)
    host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n", "440")
    # The checkout is alice's; of what is above it she may at least pass through.
    host.run("sh", "-c", 'mkdir -p "$2" && chown alice "$1" && chown -R alice "$2" && '
             'while [ "$1" != / ]; do chmod o+x "$1"; set -- "$(dirname "$1")"; done', "sh", SOURCE, BUILD)
    host.run("usermod", "-aG", "sudo", "alice")
    host.run("touch", "/root/before")
    return host


def quickstart(host, *arguments):
    return host.user("alice", SOURCE / "units/quickstart", *arguments, seconds=SECONDS)


def exists(host, path):
    return host.run("test", "-e", path, check=False).returncode == 0


def look_after(host):
    """The operator's door is open: to root, to an administrator after a password, and to nobody else; and the
    journal explains itself."""
    assert all(exists(host, path) for path in ELSEWHERE)
    assert "Clients:  1 connected" in host.user("alice", "sudo", "p2pchat-trackerctl", "status")
    assert "alice" in host.user("alice", "sudo", "p2pchat-trackerctl", "user", "list")
    refused = host.run("p2pchat-trackerctl", "user", "list", user="alice", check=False)
    assert refused.returncode == 5 and "sudo" in refused.stderr and not refused.stdout, refused
    actions = host.run("pkaction").stdout
    assert "org.p2pchat.tracker.view" in actions and "org.p2pchat.tracker.rotate-authority" in actions
    host.write("/etc/p2pchat/tracker.conf", "[Tracker]\nCertificateDays=7\n")
    host.run("systemctl", "reload", "p2pchat-tracker")
    assert "Subject: alice has an account now" in host.run("journalctl", "-x", "-u", "p2pchat-tracker").stdout
    host.run("test", "-f", "/usr/local/share/man/man1/p2pchat-trackerctl.1")


def test_from_a_checkout_to_a_chat_and_back(box):
    said = quickstart(box)
    assert "p2pchatctl chat lobby" in said, said
    assert box.show("p2pchat-tracker.socket", "ActiveState") == "active"
    assert box.show("p2pchatd.service", "ActiveState", "--user", user="alice") == "active"
    box.run("p2pchatctl", "signup", "alice", "--password-fd=0", user="alice", stdin="correct horse\n")
    box.user("alice", "p2pchatctl", "host", "lobby")
    box.user("alice", "p2pchatctl", "send", "lobby", "hello", "--wait=stored")
    assert "hello" in box.user("alice", "p2pchatctl", "log", "lobby")
    # This machine has a desktop's libraries: the window came with it, and its links.
    assert "window" in said and box.user("alice", "p2pchat", "--version").startswith("p2pchat ")
    assert "x-scheme-handler/p2pchat=org.p2pchat.Chat.desktop" in box.run(
        "cat", "/usr/local/share/applications/mimeinfo.cache").stdout
    look_after(box)
    # Again over what runs: the account and the channel are what they were.
    quickstart(box)
    assert "hello" in box.user("alice", "p2pchatctl", "log", "lobby")

    assert box.run("sh", "-c", INSTALLED).stdout
    quickstart(box, "--remove")
    assert not any(exists(box, path) for path in ELSEWHERE)
    assert "org.p2pchat" not in box.run("busctl", "list", "--activatable").stdout
    assert "p2pchat: " not in box.run("journalctl", "--list-catalog").stdout
    assert box.run("sh", "-c", INSTALLED).stdout == ""
    assert box.show("p2pchat-tracker.service", "LoadState") == "not-found"
    assert box.show("p2pchatd.service", "LoadState", "--user", user="alice") == "not-found"
    assert "tracker.db" in box.run("ls", "/var/lib/private/p2pchat-tracker").stdout
    assert exists(box, "/etc/p2pchat/tracker.conf")
    quickstart(box, "--remove", "--purge")
    assert not exists(box, "/var/lib/private/p2pchat-tracker") and not exists(box, "/etc/p2pchat")
