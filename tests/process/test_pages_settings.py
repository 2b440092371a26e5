# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files that p2pchat.conf(5) and p2pchat-tracker.conf(5) show: the real programs load each without a word, and what
it says is so."""
import configparser
import json
import os

import pytest

import pages
from outsider import Connection, pin_of
from p2pchat import ACCOUNT, wait_for
from trackerservice import Service

DAEMON, TRACKER = "daemon/p2pchat.conf.5.scd", "tracker/p2pchat-tracker.conf.5.scd"


def parsed(text):
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read_string(text)
    return {(section, key): value for section in parser.sections() for key, value in parser[section].items()}


def write(directory, text):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "p2pchat.conf"), "w", encoding="utf-8") as f:
        f.write(text)


def effect(world, peer, key, value):
    """What the daemon does of one line."""
    described = json.loads(peer.manager("Describe", "a{sv}", {}))
    (account,) = [p for p in peer.objects() if "/account/" in p] or [None]
    if key == "Advertise":
        assert described["advertised"] == value.split()
    elif key == "Listen":
        wanted = [word.rpartition(":")[0] for word in value.split()]
        assert sorted(a.rpartition(":")[0] for a in described["listen"]) == sorted(wanted)
    elif key == "Address":
        assert peer.get(account, ACCOUNT, "Tracker") == value == world.tracker.address
    elif key == "Pin":
        assert peer.get(account, ACCOUNT, "TrackerPin") == value
    elif key == "Level":
        assert peer.ctl("log-level").stdout.strip() == value
    else:
        raise AssertionError(f"nothing is known of what {key}= does")


@pytest.mark.parametrize("block", pages.blocks(DAEMON, kind="file"), ids=lambda b: str(b.line))
def test_daemon(world, block):
    path, text = block.file()
    assert path in ("/etc/p2pchat/p2pchat.conf", "~/.config/p2pchat/p2pchat.conf") or \
        path.startswith("/etc/p2pchat/p2pchat.conf.d/") and path.endswith(".conf")
    world.start_tracker()
    with Connection(world.tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    said = parsed(text)
    stage = pages.Stage({}, {"chat.example.org": world.tracker.address, said.get(("Tracker", "Pin"), pin): pin})
    text = stage.here(text)
    peer = world.peer("alice", start=False)
    peer.listen = [] if "Listen=" in text else peer.listen
    write(os.path.join(peer.config, "p2pchat"), text)
    peer.start()
    if "Pin=" in text:
        wait_for(lambda: any("/account/" in p for p in peer.objects()), "the tracker, with nobody asked")
    for (_, key), value in parsed(text).items():
        effect(world, peer, key, value)
    assert "p2pchat.conf:" not in peer.log(), peer.log()


@pytest.mark.parametrize("block", pages.blocks(TRACKER, kind="file"), ids=lambda b: str(b.line))
def test_tracker(tmp_path, block):
    path, text = block.file()
    relative = path.removeprefix("/etc/p2pchat/")
    assert relative == "tracker.conf" or relative.startswith("tracker.conf.d/") and path.endswith(".conf")
    settings = tmp_path / "settings" / relative
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    service = Service(tmp_path, str(tmp_path / "state"), f"--settings={tmp_path / 'settings'}")
    try:
        service.wait_for("READY=1")
        # It was this file that was read: what nobody knows in it is told.
        settings.write_text(text + "[Limits]\nNonsense=1\n" if "[Limits]" not in text else text + "Nonsense=1\n")
        service.reload()
    finally:
        log = service.end()
    assert log.count(f"{relative}:") == 1 and "unknown key Nonsense=" in log, log


def test_a_wrong_key_and_a_wrong_value_are_seen(tmp_path):
    """What test_tracker looks for is there when a page is wrong."""
    for text, said in (("[Limits]\nLeaseSecond=15\n", "unknown key LeaseSecond="), ("[Limits]\nLeaseSeconds=2\n", "bad value")):
        settings = tmp_path / "settings"
        settings.mkdir(exist_ok=True)
        (settings / "tracker.conf").write_text(text)
        (tmp_path / "notify").unlink(missing_ok=True)
        service = Service(tmp_path, str(tmp_path / "state"), f"--settings={settings}")
        if "unknown" in said:
            service.wait_for("READY=1")
            log = service.end()
        else:
            _, log = service.process.communicate(timeout=30)
            assert service.process.returncode != 0
        assert said in log, log
