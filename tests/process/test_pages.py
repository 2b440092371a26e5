# SPDX-License-Identifier: LGPL-2.1-or-later
"""What p2pchatctl(1) shows, typed by people with real daemons (pages.py); and that a page that is wrong is found."""
import pytest

import pages
from outsider import Connection, pin_of
from p2pchat import wait_for

CTL = "ctl/p2pchatctl.1.scd"
PIN = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
# The other computer of MOVING, without a network between: $1 the host, after options.
SSH = """#!/bin/sh
[ "$1" != -t ] || shift
[ "$1" = new.example.org ] || exit 255
shift
exec env DBUS_SESSION_BUS_ADDRESS='{}' "$@"
"""


@pytest.fixture
def stage(world, tmp_path):
    """alice, who begins; bob, carol and mallory have signed up. alice has another computer."""
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    world.start_tracker()
    world.people("bob", "carol", "mallory")
    alice, new = world.peer("alice"), world.peer("new")
    with Connection(world.tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH.format(new.bus_address))
    ssh.chmod(0o755)
    people = {p.name: pages.environment(p) for p in world.peers}
    people[None] = {**people["alice"], "PATH": f"{tmp_path}:{people['alice']['PATH']}"}
    s = pages.Stage(people, {PIN: pin, "chat.example.org": world.tracker.address}, tmp_path)
    s.alice, s.new = alice, new
    return s


def test_examples(stage):
    for block in pages.blocks(CTL, "EXAMPLES"):
        stage.run(block)


def test_json(stage):
    stage.alice.trust()
    stage.alice.sign_up(password=pages.PASSWORD)
    stage.alice.ctl("host", "lobby", "--topic=all welcome")
    for block in pages.blocks(CTL, "JSON"):
        stage.run(block)


def test_moving(stage):
    stage.alice.trust()
    stage.alice.sign_up(password=pages.PASSWORD)
    stage.alice.host("lobby")
    for block in pages.blocks(CTL, "MOVING"):
        stage.run(block)
    assert stage.new.ctl("whoami").stdout == "alice\n"
    assert stage.alice.ctl("whoami", check=False).returncode == 3
    wait_for(lambda: "lobby" in stage.new.ctl("channels").stdout, "the channel on the new computer")


def test_peer_api(stage):
    stage.alice.trust()
    stage.alice.sign_up()
    for block in pages.blocks("dbus/org.p2pchat.Peer1.5.scd", "EXAMPLES"):
        stage.run(block)


def test_readme(stage, world):
    stage.alice.trust()
    stage.alice.sign_up()
    stage.alice.host("lobby")
    eve = world.people("eve")
    eve.join("lobby")
    for block in pages.blocks("README.md", "By hand", "session"):
        stage.run(block)


@pytest.mark.parametrize("old, new, said", [
    ("host lobby --topic=", "host lobby --subject=", "--subject"),
    ("p2pchatctl join lobby", "p2pchatctl enter lobby", "enter"),
    ("lobby is hosted here", "lobby is served here", "lobby is served here"),
    ("bob$ ", "eve$ ", "who is eve?"),
])
def test_a_wrong_example_is_found(stage, old, new, said):
    text = pages.pages()[CTL]
    assert old in text
    wrong = [b for b in pages.blocks_of(CTL, text.replace(old, new)) if b.section == "EXAMPLES"]
    with pages.fails(said):
        for block in wrong[:2]:
            stage.run(block)


def test_status_and_waiting(stage):
    """[exit status N] and ^C hold what they say."""
    for text, said in (("$ exit 4\n", "exit 4"), ("$ exit 4\n[exit status 5]\n", ": 4"), ("$ echo a; echo b\na\n", "shown is")):
        with pages.fails(said):
            stage.run(pages.Block("x", "", 1, text))
    stage.run(pages.Block("x", "", 1, "$ exit 4\n[exit status 4]\n"))
    stage.run(pages.Block("x", "", 1, "$ echo a b c\na ... c\n"))
