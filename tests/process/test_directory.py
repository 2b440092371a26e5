# SPDX-License-Identifier: LGPL-2.1-or-later
"""A directory in which a name stands behind more others than the tracker looks at for one LIST."""
import uuid

from outsider import Connection, sign_up

# tracker/asker.h: what one LIST looks at
LOOKED_AT = 1000


def test_join_behind_many_names(world):
    alice, bob = world.people("alice", "bob")
    lobby = alice.host("lobby")
    for k, name in enumerate(("carol", "dave")):
        with Connection(world.tracker.address, identity=sign_up(world.tracker.address, name)) as c:
            waiting = [c.start("HOST", {
                "channel_name": f"lobba{k}{i:03}", "channel_id": str(uuid.uuid4()), "addresses": [],
                "view_permission": "public", "topic": "", "epoch": 0, "last_seq": 0, "members": 0,
            }) for i in range(LOOKED_AT // 2 + 1)]
            for frame_id in waiting:
                assert c.answer(frame_id).header == "OK"
    assert bob.join("lobby") == lobby
