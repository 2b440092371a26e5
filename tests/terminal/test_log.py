# SPDX-License-Identifier: LGPL-2.1-or-later
"""log, search and monitor at a terminal: a pager for what is long, colours, what was looked for stands out, and what
strangers write does nothing."""
import os

import pytest

from followers import read
from p2pchat import wait_for

EVIL = "needle \u202e evil"


@pytest.fixture
def alice(world):
    alice = world.people("alice")
    lobby = alice.host("lobby")
    for i in range(30):
        alice.send(lobby, f"text {i}", wait="stored")
    alice.send(lobby, EVIL, wait="stored")
    return alice


def ctl(terminals, alice, *arguments, **environment):
    env = {k: v for k, v in alice.environment().items() if k not in ("NO_COLOR", "PAGER", "P2PCHAT_PAGER")}
    return terminals([os.environ["P2PCHATCTL"], *arguments], {**env, **environment}, columns=100, lines=12)


def ended(t):
    return t.wait_for(t.ended, "it to end")


def test_pager(terminals, alice, tmp_path):
    pager = f"cat > {tmp_path}/paged"
    t = ctl(terminals, alice, "log", "lobby", P2PCHAT_PAGER=pager)
    assert ended(t)
    paged = read(tmp_path / "paged")
    assert paged.count("\n") == 32 and "text 7" in paged and "\x1b[" in paged, "with colours"
    assert "\u202e" not in paged and "\\u202e" in paged and not t.screen().strip()
    os.unlink(tmp_path / "paged")
    t = ctl(terminals, alice, "search", "lobby", "text", P2PCHAT_PAGER=pager, NO_COLOR="1")
    assert ended(t)
    assert read(tmp_path / "paged").count("\n") == 30 and "\x1b" not in read(tmp_path / "paged")
    os.unlink(tmp_path / "paged")
    # Not for who follows, nor where nobody wants it.
    t = ctl(terminals, alice, "log", "lobby", "--no-pager", "-n", "3", P2PCHAT_PAGER=pager)
    assert ended(t) and "text 29" in t.screen()
    t = ctl(terminals, alice, "log", "lobby", "-f", P2PCHAT_PAGER=pager)
    t.wait_for("text 29")
    t.key("C-c")
    assert ended(t)
    assert not os.path.exists(tmp_path / "paged")


def test_pager_is_left(terminals, alice):
    """Who has read enough quits it, and that is no failure, however much was to come."""
    alice.ctl("send", "lobby", "--lines", "--wait=stored", stdin=("x" * 16000 + "\n") * 12)
    t = ctl(terminals, alice, "log", "lobby", P2PCHAT_PAGER="head -n 1")
    assert ended(t) and t.wait_end() == 0
    wait_for(lambda: b"created the channel" in t.raw(), "the first line to be written down")
    assert "Broken" not in t.history() and "text 0" not in t.history()


def test_what_stands_out(terminals, alice):
    for arguments in (("log", "lobby", "-g", "needle"), ("search", "lobby", "needle")):
        t = ctl(terminals, alice, "--no-pager", *arguments)
        assert ended(t)
        wait_for(lambda t=t: b"evil" in t.raw(), "all to be written down")
        assert "needle \\u202e evil" in t.screen()
        raw = t.raw().decode()
        before = raw[:raw.index("needle")]
        assert before.endswith("m") and before[before.rindex("\x1b"):] != "\x1b[0m", repr(raw)
        assert raw[raw.index("needle") + 6:].startswith("\x1b[0"), repr(raw)
        t = ctl(terminals, alice, "--no-pager", *arguments, NO_COLOR="1")
        assert ended(t)
        wait_for(lambda t=t: b"evil" in t.raw(), "all to be written down")
        assert b"\x1b[" not in t.raw()


def test_monitor(terminals, alice):
    t = ctl(terminals, alice, "monitor", "-n", "1")
    t.wait_for("#32 [lobby] alice: needle \\u202e evil")
    alice.ctl("send", "lobby", "and more")
    t.wait_for("#33 [lobby] alice: and more")
    t.key("C-c")
    assert ended(t)
