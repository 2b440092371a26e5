# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchat-trackerctl with a real tracker and people who are there: each verb once, and what it does to them."""
import json
import os
import shutil
import subprocess

import pytest

from fakedoor import NAME
from logind import SystemBus
from p2pchat import CHANNEL, DEADLINE, ERROR, MANAGER, PATH, refused, wait_for
from polkit import NOBODY, Polkit
from trackerstage import FAST

PROGRAM = os.environ["P2PCHAT_TRACKERCTL"]


@pytest.fixture
def stage(world):
    """A tracker at a system bus. Who asks is nobody in particular, and may do everything as long as polkit says so."""
    is_root = os.geteuid() == 0
    program = os.path.join(world.directory, "p2pchat-trackerctl")
    shutil.copy(PROGRAM, program)
    if is_root:
        os.chmod(world.directory, 0o711)  # others may come to the bus
    with SystemBus(world.directory, "tracker") as bus, Polkit(bus) as polkit:
        polkit.verdict("yes")
        world.configure_tracker(FAST)
        world.start_tracker(system_bus=bus.address)
        world.bus, world.polkit = bus.connection, polkit

        def run(*words, status=0, user=NOBODY):
            done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                  timeout=DEADLINE, env={**os.environ, **bus.environment}, user=user if is_root else None)
            assert done.returncode == status, (words, done)
            return done.stdout if status == 0 else done.stderr
        world.run = run
        world.json = lambda *words: json.loads(run("-j", *words))
        yield world


def people(world, *names):
    found = world.people(*names)
    wait_for(lambda: world.bus.name_has_owner(NAME), "the tracker at the system bus")
    return found


def states(world, *words):
    return {u["username"]: u["state"] for u in world.json("user", "list", *words)}


def test_users(stage):
    alice, bob = people(stage, "alice", "bob")
    assert states(stage) == {"alice": "active", "bob": "active"} and states(stage, "li") == {"alice": "active"}
    lobby = alice.host("lobby")
    bobs = bob.join("lobby")
    wait_for(lambda: bob.get(bobs, CHANNEL, "State") == "live", "the lobby to be live")
    shown = stage.json("user", "show", "alice")
    assert shown["channels"] == ["lobby"] and len(shown["devices"]) == 1 and shown["state"] == "active"
    assert alice.get(lobby, CHANNEL, "State") == "live"

    stage.run("user", "suspend", "bob", "--reason=spam")
    assert states(stage, "--state=suspended") == {"bob": "suspended"}
    assert stage.json("user", "show", "bob")["reason"] == "spam" and "spam" in stage.run("user", "list")
    wait_for(lambda: bob.get(bobs, CHANNEL, "State") != "live", "bob to be out of the lobby")
    stage.run("user", "resume", "bob")
    assert states(stage) == {"alice": "active", "bob": "active"}
    bob.manager("SignIn", "ssa{sv}", "bob", "correct horse bob", {})

    new = stage.json("user", "reset", "bob")
    carol = stage.peer("carol")
    carol.trust()
    assert refused(carol.manager, "SignIn", "ssa{sv}", "bob", "correct horse bob", {})[0] == ERROR + "BadCredentials"
    carol.manager("SignIn", "ssa{sv}", "bob", new["password"], {})

    stage.run("user", "delete", "bob", "--yes")
    assert states(stage, "--state=active") == {"alice": "active"}
    for words in (["show"], ["suspend"], ["resume"], ["reset"], ["delete", "--yes"]):
        assert "nobody-there" in stage.run("user", words[0], "nobody-there", *words[1:], status=4)
    assert stage.run("user", "show", "a b", status=7)


def test_channels_and_leases(stage):
    alice = people(stage, "alice")
    for name in ("den", "lobby"):
        alice.host(name, topic=f"about {name}")
    assert [c["channel_name"] for c in stage.json("channel", "list", "--online")] == ["den", "lobby"]
    (lobby,) = stage.json("channel", "list", "lobby")
    assert (lobby["owner"], lobby["host"], lobby["state"], lobby["topic"]) == ("alice", "alice", "online", "about lobby")
    leases = stage.json("lease", "list")
    assert [(x["channel_name"], x["owner"], x["key"]) for x in leases] == \
        [("den", "alice", lobby["key"]), ("lobby", "alice", lobby["key"])]

    stage.run("channel", "delist", "den", "--reason=not here")
    (den,) = stage.json("channel", "list", "--delisted")
    assert (den["channel_name"], den["state"], den["reason"]) == ("den", "delisted", "not here")
    assert [x["channel_name"] for x in stage.json("lease", "list")] == ["lobby"]
    assert [row[0] for row in alice.manager("ListDirectory", "a{sv}", {})[0]] == ["lobby"]
    stage.run("channel", "relist", "den")
    assert stage.json("channel", "list", "--delisted") == []
    for verb in ("delist", "relist"):
        assert "nowhere" in stage.run("channel", verb, "nowhere", status=4)


def test_log_level(stage):
    people(stage, "alice")
    assert stage.json("log-level") == {"log_level": "info"}
    if os.geteuid() == 0:
        assert "sudo" in stage.run("log-level", "debug", status=5)
    stage.run("log-level", "debug", user=None)
    assert stage.run("log-level") == "debug\n"
    stage.run("log-level", "loud", user=None, status=2)


def test_status(stage):
    people(stage, "alice")
    status = stage.json("status")
    assert status["version"] == stage.peers[0].get(PATH, MANAGER, "Version") and status["ca"] == stage.json("ca")
    assert status["store_state"] == "ok" and status["sessions"] == 1 and status["statistics"]["sessions"] == 1


def test_authority(stage):
    alice = people(stage, "alice")
    before = stage.json("ca", "show")
    account = alice.get(PATH, MANAGER, "DefaultAccount")
    assert before["pin"] == alice.get(account, "org.p2pchat.Peer1.Account", "TrackerPin") and before["source"] == "file"
    pin = stage.json("ca", "rotate", "--yes")["pin"]
    after = stage.json("ca", "show")
    assert (after["pin"], after["previous_pins"], after["tracker_id"]) == (pin, [before["pin"]], before["tracker_id"])


def test_denied(stage):
    """Everything that is asked of polkit; what everybody may see is shown all the same."""
    people(stage, "alice")
    for verdict in ("no", "challenge", "fail"):
        stage.polkit.verdict(verdict)
        for words in (["user", "list"], ["user", "delete", "alice", "-y"], ["lease", "list"], ["channel", "delist", "lobby"]):
            assert "sudo" in stage.run(*words, status=5)
            assert "sudo" in stage.run("--no-ask-password", *words, status=5)
    stage.polkit.verdict("yes")
    assert states(stage) == {"alice": "active"}
