# SPDX-License-Identifier: LGPL-2.1-or-later
"""chat at a terminal: what arrives never breaks the line that is typed."""
import re

import pytest

from talkstage import Talk


@pytest.fixture
def talk(world, terminals):
    return Talk(world, terminals)


def arrive(talk, first, n):
    for i in range(first, first + n):
        talk.alice.send(talk.lobby, f"arrives-{i:03}")


def shown_once(t, n):
    """Each of them once, in order, a line each."""
    shown = re.findall(r"alice: (arrives-\d+)\s*$", t.history(), re.MULTILINE)
    assert shown == [f"arrives-{i:03}" for i in range(n)]


def test_typing_while_200_arrive(talk):
    t = talk.open()
    text = "the quick brown fox jumps over the lazy dog, twice"
    for i in range(0, 50):
        t.type(text[i])
        arrive(talk, 4 * i, 4)
    t.wait_for("arrives-199")
    t.wait_for(lambda: t.rows()[-1] == "lobby> " + text, "the typed line to be whole")
    assert t.history().count("lobby> ") == 1
    shown_once(t, 200)
    t.key("Enter")
    talk.wait_said(text)
    t.wait_for(re.compile("✓ .*bob: " + text))
    assert t.history().count(text) == 1
    talk.leave(t)


@pytest.mark.parametrize("text", [
    "a line that is longer than the terminal is wide, so that it is wrapped, and then wrapped once more before its end",
    "広い文字はふたつのセルをとる、それでも行は壊れない、なんど折り返しても、だいじょうぶ、ほんとうに",
    "mixed 広い and narrow, żółć, ends exactly at the edge of it",
])
def test_long_lines(talk, text):
    t = talk.open(columns=40, lines=20)
    for i in range(0, len(text), 6):
        t.type(text[i:i + 6])
        arrive(talk, 2 * (i // 6), 2)
    n = 2 * ((len(text) + 5) // 6)
    t.wait_for(f"arrives-{n - 1:03}")

    def is_whole():
        return t.history().count("lobby> ") == 1 and "".join(
            t.screen().partition("lobby> ")[2].split()) == "".join(text.split())
    t.wait_for(is_whole, "the typed line to be whole")
    shown_once(t, n)
    # In the middle of it, too.
    t.key("C-a")
    t.type("At once: ")
    arrive(talk, n, 1)
    t.wait_for(f"arrives-{n:03}")
    t.key("Enter")
    talk.wait_said("At once: " + text)
    shown_once(t, n + 1)
    talk.leave(t)


def test_paste_is_one_message(talk):
    t = talk.open()
    lines = [f"line {i} of what was pasted" for i in range(9)]
    t.type("look: ")
    t.paste("\n".join(lines) + "\n")
    t.wait_for(lines[-1])
    arrive(talk, 0, 3)
    t.wait_for("arrives-002")
    t.key("Enter")
    talk.wait_said("look: " + "\n".join(lines))
    t.wait_for(re.compile("✓ .*bob: look: line 0 of what was pasted"))
    assert all(t.history().count(line) == 1 for line in lines)
    # Alt-Enter begins another line.
    t.type("one")
    t.key("M-Enter")
    t.type("two")
    t.key("Enter")
    talk.wait_said("one\ntwo")
    # Controls of what is pasted are no keys.
    t.paste("safe\x1b[Aand\x04sound\x03")
    t.wait_for("safe[Aandsound")
    t.key("Enter")
    talk.wait_said("safe[Aandsound")
    # Much at once, which comes in pieces.
    much = "\n".join(f"{i:04} " + "x" * 60 for i in range(200))
    t.paste(much)
    t.wait_for("0199 xxx")
    t.key("Enter")
    talk.wait_said(much)
    talk.leave(t)


def test_resize(talk):
    t = talk.open(columns=80, lines=20)
    text = "typed while the window has another size each time, and long enough to be wrapped in all"
    arrive(talk, 0, 2)
    t.wait_for("arrives-001")
    t.type(text)
    for i, (columns, lines) in enumerate(((50, 20), (30, 12), (100, 30), (40, 15), (80, 20))):
        t.resize(columns, lines)

        def is_whole():
            return t.history().count("lobby>") == 1 and "".join(
                t.screen().partition("lobby> ")[2].split()) == "".join(text.split())
        t.wait_for(is_whole, f"the line to be whole with {columns} columns")
        arrive(talk, i + 2, 1)
        t.wait_for(f"arrives-{i + 2:03}")
        t.wait_for(is_whole, "the line to be whole still")
    shown_once(t, 7)
    t.key("Enter")
    talk.wait_said(text)
    talk.leave(t)
