# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl notify: what of a channel the desktop tells of, and who is spoken to in status."""
import json

from p2pchat import CHANNEL, wait_for


def test_notify(world):
    world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n")
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    lobby = alice.host("lobby")
    bob.join("lobby")
    assert bob.ctl("notify", "lobby").stdout == "mentions: Your desktop tells you of messages that say your name.\n"
    assert bob.ctl("notify", "lobby", "all").stdout == ""
    assert bob.ctl("notify", "Lobby").stdout == "all: Your desktop tells you of every message of others.\n"
    bob.ctl("notify", "lobby", "none")
    assert bob.ctl("notify", "lobby").stdout.startswith("none: ")
    wrong = bob.ctl("notify", "lobby", "some", check=False)
    assert wrong.returncode == 2 and "all, mentions and none" in wrong.stderr and wrong.stdout == ""
    wrong = bob.ctl("notify", "-j", "nowhere", check=False)
    assert wrong.returncode == 4 and json.loads(wrong.stdout)["error"]["name"].endswith(".NoSuchChannel")

    alice.send(lobby, "hi bob", wait="stored")
    alice.send(lobby, "hi all", wait="stored")
    wait_for(lambda: bob.get(lobby, CHANNEL, "Unread") == 2, "bob to have both")
    shown = json.loads(bob.ctl("notify", "-j", "lobby").stdout)
    assert shown == {"channel_name": "lobby", "channel_id": bob.get(lobby, CHANNEL, "Id"), "notify": "none", "mentions": 1}
    (channel,) = json.loads(bob.ctl("channels", "-j").stdout)
    assert (channel["unread"], channel["mentions"], channel["notify"]) == (2, 1, "none")
    (channel,) = json.loads(alice.ctl("status", "-j").stdout)["channels"]
    assert (channel["mentions"], channel["notify"]) == (0, "mentions"), "one's own host"
