# SPDX-License-Identifier: LGPL-2.1-or-later
"""send --lines at a terminal: who sends thousands sees how far it is, and nothing of that stays."""
import os
import re

from p2pchat import CHANNEL, wait_for

N = 2500


def test_progress(world, terminals, tmp_path):
    alice = world.people("alice")
    lobby = alice.host("lobby")
    alice.ctl("rate", "lobby", "0")

    def send(n, environment=None):
        command = f'seq 1 {n} | "$0" send lobby --lines >{tmp_path}/ids; echo "ended with $?"'
        t = terminals(["sh", "-c", command, os.environ["P2PCHATCTL"]], {**alice.environment(), **(environment or {})})
        assert t.wait_end() == 0
        wait_for(lambda: b"ended with 0" in t.raw(), "all to be written down")
        return t
    before = alice.get(lobby, CHANNEL, "LastSeq")
    t = send(N)
    told = [int(n) for n in re.findall(rb"\r\x1b\[KSending\xe2\x80\xa6 (\d+)", t.raw())]
    assert len(told) > 3 and told == sorted(set(told)) and told[0] >= 1000 and told[-1] <= N
    assert t.history() == "ended with 0", "it is taken away at the end"
    with open(tmp_path / "ids", encoding="ascii") as f:
        assert len(set(f)) == N
    wait_for(lambda: alice.get(lobby, CHANNEL, "LastSeq") == before + N, "all to be stored")
    # Few are there before anybody wonders; and a pipe is told nothing.
    assert b"Sending" not in send(900).raw()
    result = alice.ctl("send", "lobby", "--lines", stdin="".join(f"{i}\n" for i in range(1500)))
    assert not result.stderr
