# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine's /var is full: the tracker says so, refuses what it cannot keep, serves the rest, and goes on
by itself when there is room."""
import pytest

from p2pchat import wait_for
from town import TRACKER

FULL, BACK = "67fd62b9165942edb19011af7b00ac9a", "7b36cf9818944300a96a96947001ad09"


@pytest.fixture(scope="module")
def hub(site):
    host = site.boot("hub", users=["alice", "bob"])
    host.run("mkdir", "-p", "-m", "700", "/var/lib/private")
    host.run("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "small", "/var/lib/private")
    host.run("systemctl", "enable", "--now", "p2pchat-tracker.socket")
    for name in ("alice", "bob"):
        host.user(name, "p2pchatctl", "tracker", "localhost", "--trust-new")
    return host


def sign_up(host, name, **how):
    return host.run("p2pchatctl", "signup", name, "--password-fd=0", user=name, stdin="correct horse\n", **how)


def told(host, message_id):
    return host.journal("-u", TRACKER, f"MESSAGE_ID={message_id}")


def test_full_and_room_again(hub):
    sign_up(hub, "alice")
    pid = hub.show(TRACKER, "MainPID")
    filled = hub.run("dd", "if=/dev/zero", "of=/var/lib/private/filler", "bs=4k", check=False)
    assert "No space left" in filled.stderr
    refused = sign_up(hub, "bob", check=False)
    assert refused.returncode != 0 and refused.stderr
    wait_for(lambda: told(hub, FULL), "the journal to say that the disk is full")
    # What needs no disk is answered as before.
    hub.user("alice", "p2pchatctl", "list")
    explained = hub.run("journalctl", "-x", "--no-pager", f"MESSAGE_ID={FULL}").stdout
    assert "Subject: " in explained, explained
    hub.run("rm", "/var/lib/private/filler")

    def can_sign_up():
        return sign_up(hub, "bob", check=False).returncode == 0
    wait_for(can_sign_up, "room to be used")
    wait_for(lambda: told(hub, BACK), "the journal to say that it is well again")
    assert hub.show(TRACKER, "MainPID") == pid
