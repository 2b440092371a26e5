# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tracker that the first connection starts, peers that the first command starts, and a talk across
machines."""
import json

import pytest

from p2pchat import wait_for


@pytest.fixture(scope="module")
def hub(site):
    return site.boot("hub")


@pytest.fixture(scope="module")
def desk(site):
    return site.boot("desk", users=["alice"])


@pytest.fixture(scope="module")
def lap(site):
    return site.boot("lap", users=["bob"])


def test_the_first_connection_starts_the_tracker(hub, desk):
    hub.run("systemctl", "enable", "--now", "p2pchat-tracker.socket")
    assert hub.show("p2pchat-tracker.service", "ActiveState") == "inactive"
    assert desk.show("p2pchatd.service", "ActiveState", "--user", user="alice") == "inactive"
    # Neither the daemon nor the tracker runs: the bus starts one, the socket the other.
    desk.user("alice", "p2pchatctl", "tracker", f"{hub.address}:22236", "--trust-new")
    wait_for(lambda: hub.show("p2pchat-tracker.service", "ActiveState") == "active", "the tracker to be up")
    assert desk.show("p2pchatd.service", "ActiveState", "--user", user="alice") == "active"


def test_they_talk(hub, desk, lap):
    desk.run("p2pchatctl", "signup", "alice", "--password-fd=0", user="alice", stdin="correct horse\n")
    desk.user("alice", "p2pchatctl", "host", "lobby")
    lap.user("bob", "p2pchatctl", "tracker", f"{hub.address}:22236", "--trust-new")
    lap.run("p2pchatctl", "signup", "bob", "--password-fd=0", user="bob", stdin="battery staple\n")
    lap.user("bob", "p2pchatctl", "join", "lobby")
    lap.user("bob", "p2pchatctl", "send", "lobby", "hello from the lap", "--wait=stored")
    desk.user("alice", "p2pchatctl", "send", "lobby", "hello from the desk", "--wait=stored")

    def texts(host, user):
        lines = host.user(user, "p2pchatctl", "log", "lobby", "--json=short").splitlines()
        return [e["message_content"] for e in map(json.loads, lines) if e["kind"] == "message"]

    for host, user in ((desk, "alice"), (lap, "bob")):
        wait_for(lambda h=host, u=user: texts(h, u) == ["hello from the lap", "hello from the desk"],
                 f"{user} to have both")
