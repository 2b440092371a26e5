# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an operator does on the tracker's machine, as people on theirs feel it, and what both find in their
journals about it."""
import time

from p2pchat import wait_for
from town import town  # noqa: F401

SUSPEND_SECONDS = 30  # what an operator is promised


def test_a_channel_has_a_story(town):  # noqa: F811
    told = town.hub.run("journalctl", "-x", "--no-pager", "CHAT_CHANNEL=lobby").stdout
    assert "lobby" in told and "Subject: " in told, told
    for name, host in town.people:
        entries = host.journal("CHAT_CHANNEL=lobby", "_UID=" + host.run("id", "-u", name).stdout.strip())
        assert any("MESSAGE_ID" in e for e in entries), (name, entries)
    for entry in town.hub.journal("CHAT_USER=bob"):
        assert "battery staple" not in str(entry)
    assert town.hub.journal("CHAT_USER=bob", "MESSAGE_ID=7172fad2faac4ea49136c2692ee34348")


def test_who_is_suspended_is_out_everywhere(town):  # noqa: F811
    def send(check):
        return town.lap.run("p2pchatctl", "send", "lobby", "hello", "--wait=stored", user="bob", check=check,
                            seconds=SUSPEND_SECONDS).returncode

    def members():
        return town.desk.user("alice", "p2pchatctl", "members", "lobby", "--json=short")
    assert send(True) == 0
    assert "bob" in members()
    begin = time.monotonic()
    town.hub.run("p2pchat-trackerctl", "user", "suspend", "bob", "--reason=spam")
    wait_for(lambda: '"bob"' not in members() or '"online":false' in members(), "bob to be out of the lobby",
             SUSPEND_SECONDS)
    assert time.monotonic() - begin < SUSPEND_SECONDS
    wait_for(lambda: send(False) != 0, "bob to be told")
    refused = town.lap.run("p2pchatctl", "signin", "bob", "--password-fd=0", user="bob", stdin="battery staple\n",
                           check=False)
    assert refused.returncode == 5 and "suspended" in refused.stderr, refused
    town.hub.run("p2pchat-trackerctl", "user", "resume", "bob")
    town.lap.run("p2pchatctl", "signin", "bob", "--password-fd=0", user="bob", stdin="battery staple\n")
