# SPDX-License-Identifier: LGPL-2.1-or-later
"""log -f and monitor while messages stream and the daemon they ask is killed again and again: each entry once, in
order; and who is stopped is not started."""
import signal

import pytest

from followers import Follower
from p2pchat import BUS_NAME, CHANNEL, ERROR, wait_for

N = 300


@pytest.mark.parametrize("watcher, writer", [("bob", "alice"), ("alice", "bob")])
def test_killed_daemon(world, tmp_path, watcher, writer):
    """A member's daemon, and the host's."""
    people = dict(zip(("alice", "bob"), world.people("alice", "bob")))
    lobby = people["alice"].host("lobby")
    people["alice"].ctl("rate", "lobby", "0")
    people["bob"].join("lobby")
    wait_for(lambda: people["bob"].get(lobby, CHANNEL, "State") == "live", "bob to be live")
    here, there = people[watcher], people[writer]
    expected = [f"text {i}" for i in range(N)]
    with Follower(here, tmp_path / "log", "log", "lobby", "-f", "-n0", "-j", cursor=tmp_path / "c1") as log, \
            Follower(here, tmp_path / "monitor", "monitor", "-j", cursor=tmp_path / "c2") as monitor:
        def told(follower):
            return [line for line in follower.lines() if "seq" in line]
        for part in range(3):
            done = len(told(log))
            there.ctl("send", "lobby", "--lines", stdin="".join(t + "\n" for t in expected[part * 100:part * 100 + 100]))
            wait_for(lambda d=done: len(told(log)) > d and len(told(monitor)) > d, "some of it to be told")
            here.stop_daemon(signal.SIGKILL)
            here.start_daemon()
        # Who has told this has seen that it is back, and said so.
        there.ctl("send", "lobby", "at the end")
        expected.append("at the end")
        for follower in (log, monitor):
            wait_for(lambda f=follower: len(told(f)) > N, "all to be told", 60)
            assert [line["message_content"] for line in told(follower)] == expected
            seqs = [line["seq"] for line in told(follower)]
            assert seqs == list(range(seqs[0], seqs[0] + N + 1))
        # One that is back before anybody looked was not away; one that is away says nothing.
        kinds = [line.get("state", "entry") for line in monitor.lines() if line["kind"] in ("daemon", "message")]
        states = [kind for kind in kinds if kind != "entry"]
        assert states == ["away", "running"] * (len(states) // 2) and len(states) <= 6
        assert ("away", "entry") not in zip(kinds, kinds[1:])
        waits = log.said().count("waiting for it")
        assert waits <= 3
        here.stop_daemon()
        wait_for(lambda: log.said().count("waiting for it") == waits + 1, "it to be away")
        wait_for(lambda: monitor.lines()[-1] == {"kind": "daemon", "state": "away"}, "it to be away for monitor")
        assert not here.bus.name_has_owner(BUS_NAME)
        # The bus goes: nothing can come any more.
        here.stop_bus()
        for follower in (log, monitor):
            assert follower.child.wait(30) == 3
            assert follower.lines()[-1]["error"]["name"] == ERROR + "NoBus"
