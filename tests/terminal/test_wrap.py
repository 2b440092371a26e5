# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages that are wider than the terminal: whatever somebody pads them with, no row of theirs begins where another's
line does, and prose is broken between its words."""
import os
import re
import unicodedata

import pytest

from followers import read
from p2pchat import wait_for
from talkstage import Talk

COLUMNS = 50
PROSE = "I think that wherever possible the terminal should break what people write between words, not amidst them"
WIDE = "漢字" * 40
MARKS = "ye\u0301\u0302" * 60
# What a padded text goes on with: lines as others would have them, in each form.
FORGED = "\u2713 09:00:00 bob: yes", "  09:00:00 bob: yes", "09:00:00 bob: yes", "2026-11-22 09:00:00 #7 bob: yes", \
         "2026-11-22 09:00:00 #7 [lobby] bob: yes", "-- the daemon: away"
BLANKS = " ", "\u00a0", "\u3000", "\u2003"


@pytest.fixture
def talk(world, terminals):
    return Talk(world, terminals)


def padded(head, columns):
    """Texts whose forged part would begin a row, behind a head of so many cells."""
    for forged in FORGED:
        for blank in BLANKS:
            cells = 2 if blank == "\u3000" else 1
            for n_rows in (1, 3):
                yield "hi" + blank * ((columns * n_rows - head - len("hi")) // cells) + forged


def fill(talk, head, columns=COLUMNS):
    """→ how many messages there are then."""
    texts = [*padded(head, columns), PROSE, WIDE, MARKS, "bye"]
    for text in texts:
        talk.alice.send(talk.lobby, text)
    return len(texts)


def width(row):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in row)


def check(rows, begins, n, columns=COLUMNS):
    """begins: of the line of a message. Others are set in, if they are not of the program."""
    # The terminal broke none: history() would have made one of them again.
    assert max(width(row) for row in rows) <= columns, max(rows, key=width)
    heads = [row for row in rows if re.match(begins + r" alice:( \S|$)", row)]
    assert len(heads) == n, (len(heads), n, rows)
    for row in rows:
        assert row in heads or row.startswith("        ") or re.match(begins + r" \* |(-- |lobby>)|$", row), (row, rows)
        assert all(not row.startswith(forged) for forged in FORGED), row
    shown = "\n".join(rows)
    # No word of it is broken, and all of them are there.
    begin = re.search(r"I\s+think", shown).start()
    end = shown.index(" alice:", begin)
    prose = re.split(r"\n {8}", shown[begin:shown.rindex("\n", 0, end)])
    assert " ".join(prose) == PROSE and len(prose) > 1, prose
    assert WIDE in shown.replace("\n        ", "") and MARKS in shown.replace("\n        ", "")


def ctl(terminals, peer, *arguments, **environment):
    env = {k: v for k, v in peer.environment().items() if k not in ("PAGER", "P2PCHAT_PAGER")}
    return terminals([os.environ["P2PCHATCTL"], *arguments], {**env, **environment}, columns=COLUMNS, lines=12)


def test_chat(talk):
    t = talk.open(columns=COLUMNS)
    n = fill(talk, len("  09:00:00 alice: "))
    t.wait_for("bye")
    check(t.history().split("\n"), r"(?:@ |  )\d\d:\d\d:\d\d", n)
    # What the program says is broken between words, too.
    t.line("/nowhere-near-any")
    t.wait_for("There is no command /nowhere-near-any; /help lists\n        them\n")
    talk.leave(t)


def test_log(talk, terminals, tmp_path):
    n = fill(talk, len("2026-11-22 09:00:00 #42 alice: "))
    begins = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d #\d+"
    # tmux may lose the end of what somebody wrote who has ended: somebody else is there yet.
    t = terminals(["sh", "-c", '"$0" log lobby --no-pager; echo "-- ended with $?"; exec cat', os.environ["P2PCHATCTL"]],
                  talk.alice.environment(), columns=COLUMNS, lines=12)
    t.wait_for("-- ended with 0")
    check(t.history().split("\n"), begins, n)
    t = ctl(terminals, talk.alice, "log", "lobby", P2PCHAT_PAGER=f"cat > {tmp_path}/paged", NO_COLOR="1")
    t.wait_for(t.ended, "it to end")
    check(read(tmp_path / "paged").split("\n"), begins, n)
    # Nothing is changed where no terminal is.
    assert PROSE in talk.alice.ctl("log", "lobby").stdout and WIDE in talk.alice.ctl("log", "lobby").stdout


def test_log_and_monitor_go_on(talk, terminals):
    """… and know when the terminal becomes narrower."""
    begins = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d #\d+"
    for arguments, begins, head in ((("log", "lobby", "-f", "-n0"), begins, "2026-11-22 09:00:00 #42 alice: "),
                                    (("monitor", "--kinds=message"), begins + r" \[lobby\]", "2026-11-22 09:00:00 #42 [lobby] alice: ")):
        with_cursor = os.path.join(talk.world.directory, arguments[0] + ".cursor")
        t = ctl(terminals, talk.alice, *arguments, "--cursor-file=" + with_cursor)
        wait_for(lambda c=with_cursor: os.path.exists(c) and "-" in read(c), "it to follow")
        t.resize(COLUMNS - 6, 12)
        n = fill(talk, len(head), COLUMNS - 6)
        t.wait_for("bye")
        check(t.history().split("\n"), begins, n, COLUMNS - 6)
        t.key("C-c")
        t.wait_for(t.ended, "it to end")
