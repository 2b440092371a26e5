# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who speaks another language reads it; programs read the same in each. C.UTF-8 is a locale that every machine has, and
LANGUAGE says which texts are wanted of it."""
import json
import os
import re
import subprocess

import pytest

from p2pchat import DEADLINE, Peer, World, wait_for

PROGRAM = os.environ["P2PCHATCTL_TRANSLATED"]
NO_BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}


def run(*words, env=None, **more):
    base = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k not in ("LANG", "LANGUAGE")}
    return subprocess.run([PROGRAM, *words], env={**base, **NO_BUS, **(env or {}), **more}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=DEADLINE, check=False)


GERMAN = {"LC_ALL": "C.UTF-8", "LANGUAGE": "de"}
ENGLISH = {"LC_ALL": "C.UTF-8", "LANGUAGE": "en"}


def test_help():
    german, english = run("--help", **GERMAN).stdout, run("--help", **ENGLISH).stdout
    for word in ("Kanäle", "Optionen", "Rückgabewert", "jemanden aussperren, für eine Zeit"):
        assert word in german and word not in english
    verbs = re.compile(r"^  ([a-z][a-z-]*) ", re.M)
    assert verbs.findall(german) == verbs.findall(english), "what is typed is the same"
    assert max(map(len, german.splitlines())) <= 80
    helped = run("help", "ban", **GERMAN).stdout
    assert "Jemanden aussperren" in helped and "--until=TIME" in helped
    # The first word of a locale without a translation of ours, and no locale at all.
    for env in ({"LC_ALL": "C.UTF-8", "LANGUAGE": "xx"}, {"LC_ALL": "C", "LANGUAGE": "de"}, {}):
        assert run("--help", **env).stdout == english


def test_errors():
    german = run("lgo", **GERMAN)
    assert german.returncode == 2 and "Ein Verb lgo gibt es nicht; ist log gemeint?" in german.stderr
    german = run("status", **GERMAN)
    assert german.returncode == 3 and "Es gibt keinen Sitzungsbus" in german.stderr and "Der Daemon" in german.stderr
    error = json.loads(run("-j", "status", **GERMAN).stdout)
    assert set(error) == {"error"} and set(error["error"]) == {"name", "message"}
    assert error["error"]["name"] == "org.p2pchat.Error.NoBus"


@pytest.fixture(scope="module")
def stage(module_world):
    module_world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInsPerDay=0\n")
    alice, bob = module_world.people("alice", "bob")
    alice.host("lobby", topic="tea")
    bob.join("lobby")
    wait_for(lambda: json.loads(bob.ctl("status", "lobby", "-j").stdout)["state"] == "live", "bob to be in")
    return bob


@pytest.mark.parametrize("words", [
    ["channels"], ["members", "lobby"], ["rate", "lobby"], ["retention", "lobby"], ["access", "lobby"], ["view", "lobby"],
    ["sending", "lobby"], ["topic", "lobby"], ["bans", "lobby"], ["authorize", "lobby"], ["invisible"], ["log-level"],
    ["whoami"], ["log", "lobby"], ["status", "nothing"], ["list"]])
def test_json_is_the_same(stage, words):
    """Keys, values and names of errors are no texts for people; messages of errors are."""
    env = stage.environment()
    shown = []
    for language in (GERMAN, ENGLISH):
        lines = run("-j", *words, env=env, **language).stdout.splitlines()
        assert lines or words[0] == "log"
        shown.append([{**v["error"], "message": ""} if isinstance(v, dict) and "error" in v else v for v in map(json.loads, lines)])
    assert shown[0] == shown[1]


def test_verbs(stage):
    env = stage.environment()
    assert run("rate", "lobby", env=env, **GERMAN).stdout != run("rate", "lobby", env=env, **ENGLISH).stdout
    assert run("rate", "lobby", env=env, **GERMAN).stdout.startswith("von jedem ")
    members = run("members", "lobby", env=env, **GERMAN).stdout.splitlines()
    assert members[0].split() == ["NAME", "ART", "ROLLE", "STATUS", "SEIT"]
    assert "darf lesen, darf schreiben, darf nicht moderieren" in run("access", "lobby", env=env, **GERMAN).stdout
    gone = run("rate", "nowhere", env=env, **GERMAN)
    assert gone.returncode == 4 and "Sie sind in keinem Kanal nowhere" in gone.stderr


def test_no_daemon(tmp_path):
    with World(tmp_path) as world:
        peer = Peer(world, "x")
        world.peers.append(peer)
        peer.start_bus()
        result = run("status", env=peer.environment(), **GERMAN)
        assert result.returncode == 3 and "systemctl --user start p2pchatd" in result.stderr and "läuft nicht" in result.stderr
