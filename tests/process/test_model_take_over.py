# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatd takes a channel over from a host that was written from the protocol page alone: of a log that ends
above what is here it makes no second one."""
import contextlib
import threading

import dbus
import pytest

from conformance import sentence
from models import ModelHost
from modelstage import MemberStage
from outsider import Connection
from p2pchat import CHANNEL, MANAGER, PATH, refused, wait_for


TAKE_OVER = dbus.Dictionary({"take_over": True}, signature="sv")


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


@pytest.fixture(scope="module")
def device(stage):
    """The daemon of carol, who hosts from another device."""
    peer = stage.world.peer("carols")
    peer.trust(stage.tracker)
    peer.manager("SignIn", "ssa{sv}", "carol", "correct horse carol", {})
    return peer


def entry_of(stage, name):
    with Connection(stage.tracker.address, stage.carol) as c:
        return next(e for e in c.ok("LIST", {"query": name})["channels"] if e["channel_name"] == name)


@contextlib.contextmanager
def last_word(stage, h, last_seq):
    """Of the host, when it has lost the lease."""
    def say(c):
        wait_for(lambda: entry_of(stage, h.name)["epoch"] == 2, "the lease to be another one's")
        h.push(c, "CLOSED", reason="moved", message="Another device hosts it.", last_seq=last_seq)
    speaker = threading.Thread(target=h.do, args=(say,))
    speaker.start()
    yield
    speaker.join()


@sentence("5.CLOSED.2b")
def test_it_has_less(stage, device):
    with ModelHost(stage.tracker, stage.carol, "short") as h:
        h.add(message_content="here")
        path = device.join(h.name)
        wait_for(lambda: device.get(path, CHANNEL, "State") == "live", "the channel to be live")
        with last_word(stage, h, 4):
            name, text = refused(device.call, PATH, MANAGER, "Host", "sa{sv}", h.name, TAKE_OVER)
        assert name.endswith("Conflict") and "has 2 entries that are not here" in text
        wait_for(lambda: not entry_of(stage, h.name)["online"], "the lease to be given back")
        assert device.get(path, CHANNEL, "LastSeq") == 4 and device.texts(path) == ["here"]

        # Where the rest of it is it is hosted again, and there is one log.
        h.add(message_content="there one")
        h.add(message_content="there two")
        with Connection(stage.tracker.address, stage.carol) as c:
            assert c.ok("HOST", {"channel_name": h.name, "channel_id": h.channel_id, "addresses": [h.address],
                                 "view_permission": "public", "topic": "", "epoch": 1, "last_seq": 4, "members": 0,
                                 "take_over": True})["epoch"] == 3
            wait_for(lambda: device.texts(path) == ["here", "there one", "there two"], "the rest of it")


@sentence("5.CLOSED.2b")
def test_it_has_all(stage, device):
    with ModelHost(stage.tracker, stage.carol, "whole") as h:
        h.add(message_content="here")
        path = device.join(h.name)
        wait_for(lambda: device.get(path, CHANNEL, "State") == "live", "the channel to be live")
        with last_word(stage, h, 2):
            assert device.call(PATH, MANAGER, "Host", "sa{sv}", h.name, TAKE_OVER) == path
        assert entry_of(stage, h.name)["epoch"] == 2
        device.send(path, "goes on", wait="stored")
        assert device.texts(path) == ["here", "goes on"]
