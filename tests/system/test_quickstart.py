# SPDX-License-Identifier: LGPL-2.1-or-later
"""units/quickstart on a machine that runs systemd, by somebody with sudo, from the checkout to a chat; and
--remove, after which nothing that it installed is left, and --purge."""
import pytest

from booted import SOURCE

SECONDS = 500
BUILD = SOURCE / "build-quickstart"
INSTALLED = "find /usr/local -type f -newer /root/before; find /usr/local -type l -newer /root/before"


@pytest.fixture(scope="module")
def box(site):
    host = site.boot("box", users=["alice"], installed=False)
    host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n", "440")
    # The checkout is alice's; of what is above it she may at least pass through.
    host.run("sh", "-c", 'mkdir -p "$2" && chown alice "$1" && chown -R alice "$2" && '
             'while [ "$1" != / ]; do chmod o+x "$1"; set -- "$(dirname "$1")"; done', "sh", SOURCE, BUILD)
    host.run("touch", "/root/before")
    return host


def quickstart(host, *arguments):
    return host.user("alice", SOURCE / "units/quickstart", *arguments, seconds=SECONDS)


def test_from_a_checkout_to_a_chat_and_back(box):
    said = quickstart(box)
    assert "p2pchatctl chat lobby" in said, said
    assert box.show("p2pchat-tracker.socket", "ActiveState") == "active"
    assert box.show("p2pchatd.service", "ActiveState", "--user", user="alice") == "active"
    box.run("p2pchatctl", "signup", "alice", "--password-fd=0", user="alice", stdin="correct horse\n")
    box.user("alice", "p2pchatctl", "host", "lobby")
    box.user("alice", "p2pchatctl", "send", "lobby", "hello", "--wait=stored")
    assert "hello" in box.user("alice", "p2pchatctl", "log", "lobby")
    # Again over what runs: the account and the channel are what they were.
    quickstart(box)
    assert "hello" in box.user("alice", "p2pchatctl", "log", "lobby")

    assert box.run("sh", "-c", INSTALLED).stdout
    quickstart(box, "--remove")
    assert box.run("sh", "-c", INSTALLED).stdout == ""
    assert box.show("p2pchat-tracker.service", "LoadState") == "not-found"
    assert box.show("p2pchatd.service", "LoadState", "--user", user="alice") == "not-found"
    assert "tracker.db" in box.run("ls", "/var/lib/private/p2pchat-tracker").stdout
    quickstart(box, "--remove", "--purge")
    assert box.run("ls", "/var/lib/private/p2pchat-tracker", check=False).returncode != 0
