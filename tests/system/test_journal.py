# SPDX-License-Identifier: LGPL-2.1-or-later
"""`journalctl CHAT_CHANNEL=lobby` tells a channel's story, and `journalctl -x` what to do."""
import pytest

from p2pchat import wait_for


@pytest.fixture(scope="module")
def hub(site):
    return site.boot("hub", users=["alice"])


@pytest.fixture(scope="module")
def lap(site):
    return site.boot("lap", users=["bob"])


def sign_up(host, user, hub):
    host.user(user, "p2pchatctl", "tracker", f"{hub.address}:22236", "--trust-new")
    host.run("p2pchatctl", "signup", user, "--password-fd=0", user=user, stdin=f"the password of {user}\n")


def told(host, *matches):
    return [e["MESSAGE"] for e in host.journal(*matches) if e.get("MESSAGE_ID")]


def test_the_story_of_a_channel(hub, lap):
    hub.run("systemctl", "enable", "--now", "p2pchat-tracker.socket")
    sign_up(hub, "alice", hub)
    sign_up(lap, "bob", hub)
    hub.user("alice", "p2pchatctl", "host", "lobby")
    lap.user("bob", "p2pchatctl", "join", "lobby")
    hub.user("alice", "p2pchatctl", "authorize", "lobby", "bob", "--role=moderator")
    lap.user("bob", "p2pchatctl", "send", "lobby", "words of bob", "--wait=stored")
    hub.user("alice", "p2pchatctl", "deauthorize", "lobby", "bob")
    hub.user("alice", "p2pchatctl", "ban", "lobby", "bob", "--reason=a word of spite")
    story = ("alice hosts lobby (epoch 1).", "Channel lobby is served here", "bob is in lobby",
             "alice made bob a moderator of lobby", "alice took the role in lobby from bob",
             "alice banned bob from lobby for good", "bob left lobby")
    wait_for(lambda: set(story) <= set(told(hub, "CHAT_CHANNEL=lobby")), "the host's machine to have told it")
    lines = told(hub, "CHAT_CHANNEL=lobby")
    places = [lines.index(words) for words in story if not words.startswith(("alice hosts", "Channel", "bob left"))]
    assert places == sorted(places), lines
    wait_for(lambda: "Channel lobby does not let us in: banned" in told(lap, "CHAT_CHANNEL=lobby"),
             "the member's machine to have told it")
    assert "Channel lobby is here, with all that was said" in told(lap, "CHAT_CHANNEL=lobby")


def test_what_to_do(hub, lap):
    """By the catalog, with the names filled in."""
    shown = hub.run("journalctl", "-x", "--no-pager", "CHAT_CHANNEL=lobby").stdout
    assert "Subject: bob was banned from lobby" in shown and "p2pchatctl unban lobby bob" in shown
    assert "Subject: lobby is online" in shown and "@CHAT_" not in shown
    assert told(hub, "CHAT_USER=bob", "CHAT_PEER=" + lap.address)[0] == f"bob signed up from {lap.address}."


def test_nothing_that_was_said(hub, lap):
    for host in (hub, lap):
        everything = host.run("journalctl", "--no-pager", "--output=export").stdout
        for secret in ("words of bob", "a word of spite", "the password of", "PRIVATE KEY"):
            assert secret not in everything, f"{host}: {secret}"
