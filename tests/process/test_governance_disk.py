# SPDX-License-Identifier: LGPL-2.1-or-later
"""Governance on a disk that is full: each change is answered `busy` and is not made, not even for those who are
there; what the log adds up to is what the host says, before and after a kill."""
import signal

from outsider import Member
from p2pchat import CHANNEL, wait_for
from wirestage import Stage

CHANGES = [("BAN", {"target": "bob"}), ("KICK", {"target": "eve"}), ("AUTHORIZE", {"target": "eve", "role": "member"}),
           ("AUTHORIZE", {"target": "bob", "role": "none"}), ("VIEW", {"view_permission": "restricted"}),
           ("BAN", {"target": "guest-gus", "reason": "r" * 256})]
STATE = ("owner", "topic", "view_permission", "send_permission", "authorized", "banned", "last_seq")


def test_full(disks):
    stage = Stage(disks.world)
    alice = stage.alice = disks.peer("alice")
    alice.start()
    alice.trust()
    alice.sign_up()
    name, path, address = stage.host()
    device = stage.device("alice")

    def state(m):
        info = m.ok("RET_INFO")
        return [info[k] for k in STATE], m.ok("HISTORY", after=0, limit=500)["entries"]

    with stage.dialling() as dial:
        owner = Member(dial(address, device), name)
        owner.connect()
        there = {who: Member(dial(address, who), name) for who in ("bob", "eve", "guest-gus")}
        for m in there.values():
            m.connect()
        owner.ok("AUTHORIZE", target="bob", role="member")
        alice.disk.fill()
        # What there is still room for fills the disk; then nothing is taken any more.
        for i in range(90):
            f = owner.request("TOPIC", topic=f"{i} " + "t" * 400)
            if f.header != "OK":
                break
        assert f.payload.get("error") == "busy", f
        before = state(owner)
        for command, payload in CHANGES * 3:
            assert owner.refused(command, **payload) == ("SERVER_ERROR", "busy"), (command, payload)
        assert state(owner) == before
        for who, m in there.items():
            assert m.ok("ACCESS")["can_view"], who
            assert not [p for p in m.connection.pushes if p.header in ("CLOSED", "ACCESS")], who
        assert {x["username"] for x in owner.ok("MEMBERS", limit=500)["members"]} == {"alice", *there}

        alice.stop_daemon(signal.SIGKILL)
        alice.disk.empty()
        alice.start_daemon()
        wait_for(lambda: alice.get(path, CHANNEL, "State") == "live", "the channel to be up again")
        owner = Member(dial(stage.channel(name)["addresses"][0], device), name)
        assert state(owner) == before
        assert owner.ok("BAN", target="bob") == {}
