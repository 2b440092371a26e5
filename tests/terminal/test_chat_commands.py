# SPDX-License-Identifier: LGPL-2.1-or-later
"""chat at a terminal: commands, their other spellings, completion, history, and what strangers write."""
import os
import re
import stat
import subprocess

import pytest

from p2pchat import CHANNEL, MODERATION, wait_for
from talkstage import Talk

PASSWORD = "correct horse bob"


@pytest.fixture
def talk(world, terminals):
    return Talk(world, terminals)


def answer(t, line, wanted):
    """What is shown for a command, once the prompt is there again → a match of wanted."""
    t.tmux("clear-history", "-t", "t")
    t.key("C-l")
    t.wait_for(lambda: re.fullmatch(r"\S+>", t.screen()), "an empty screen")
    t.line(line)
    found = t.wait_for(re.compile(wanted, re.MULTILINE))
    t.wait_for(lambda: re.fullmatch(r"\S+>", t.rows()[-1]), "the prompt")
    return found


def test_other_spellings(talk):
    """Each command of the first client does what it says."""
    t = talk.open(columns=100, lines=50)
    talk.alice.host("den")
    answer(t, "/list", r"^den\b[\s\S]*^lobby\b")
    answer(t, "/connected", r"^alice .*owner[\s\S]*^bob ")
    answer(t, "/members", r"^alice .*owner")
    answer(t, "/send lobby hello there", r"^✓ .*bob: hello there$")
    answer(t, "/send hello   again", r"^✓ .*bob: hello   again$")
    answer(t, "/join den", r"^-- den \(\d\): lines you type go here")
    t.wait_for(re.compile("^den>$", re.MULTILINE))
    answer(t, "/to lobby", r"^-- lobby \(1\)")
    answer(t, "/author alice", r"NotOwner|only|owner|moderator")
    answer(t, "/view", r"(public|restricted)")
    answer(t, "/access alice", r"owner")
    answer(t, "/access lobby alice", r"owner")
    talk.alice.ctl("topic", "lobby", "all are welcome")
    t.wait_for("alice set the topic: all are welcome")
    answer(t, "/topic", r"^all are welcome$")
    answer(t, "/info", r"epoch")
    answer(t, "/retrieve", r"^-- lobby begins here|^-- There is nothing older")
    answer(t, "/invisible on", r"invisible|>")
    wait_for(lambda: talk.bob.get("/org/p2pchat/Peer1", "org.p2pchat.Peer1.Manager", "Invisible"), "bob to be unseen")
    answer(t, "/invisible off", r">")
    wait_for(lambda: not talk.bob.get("/org/p2pchat/Peer1", "org.p2pchat.Peer1.Manager", "Invisible"), "bob to be seen")
    answer(t, "/refresh", r"^lobby\b[\s\S]*^-- /1 lobby \*")
    answer(t, "/debug", r"\d")
    answer(t, "/client", r"\d")
    answer(t, "/disconnect", r"^-- lobby is offline")
    answer(t, "/connect", r"^-- lobby is live")
    answer(t, "/whoami", r"^bob")
    for line in ("/signup bob", "/signin bob"):
        t.key("C-l")
        t.wait_for(lambda: t.screen() == "lobby>", "an empty screen")
        t.line(line)
        if t.wait_for(re.compile("([Pp]assword)|signed in as bob"))[1]:
            t.key("C-c")
        t.wait_for(lambda: t.rows()[-1] == "lobby>", "the prompt")
    answer(t, "//slash at first", r"^✓ .*bob: /slash at first$")
    answer(t, "/lits", r"^There is no command /lits; did you mean /list\?")
    answer(t, "/xyzzy", r"^There is no command /xyzzy; /help lists them")
    answer(t, '/kick "alice', r"^A quote has no end")
    answer(t, "/help topic", r"^p2pchatctl topic")
    answer(t, "/help to", r"^-- /to \[CHANNEL\|N\]")
    answer(t, "/help", r"^-- /connected is /members$")
    t.line("/exit")
    assert t.wait_end() == 0


def test_values_of_options(talk):
    """A channel is named, or not; what is behind -n is no channel."""
    for i in range(8):
        talk.alice.send(talk.lobby, f"line {i}", wait="stored")
    t = talk.open(columns=100, lines=50)
    t.wait_for("line 7")
    for line in ("/log -n 2 lobby", "/log lobby -n 2", "/log -n 2", "/log --lines 2 lobby", "/log --line=2", "/log -n2 -- lobby",
                 "/log -r -n 2 lobby"):
        t.key("C-l")
        t.wait_for(lambda: t.screen() == "lobby>", "an empty screen")
        t.line(line)
        t.wait_for(re.compile(r"#\d+ alice: line 7"))
        t.wait_for(lambda: t.rows()[-1] == "lobby>", "the prompt")
        assert re.findall(r"#\d+ alice: (line \d)", t.screen()) in (["line 6", "line 7"], ["line 7", "line 6"]), line
    talk.leave(t)


def test_hints_are_commands_of_the_chat(talk):
    t = talk.open(columns=100, lines=50)
    answer(t, "/topic lobby of my own", r"^! .*\nNext: /access CHANNEL says")
    answer(t, "/log --nonsense", r"^! There is no option --nonsense here; /log --help lists them$")
    answer(t, "/status", r"lobby")
    talk.bob.ctl("leave", "lobby")
    answer(t, "/status lobby", r"To come back: /join NAME")
    assert "p2pchatctl" not in t.history()
    t.key("C-d")
    assert t.wait_end() == 0
    # Elsewhere they are those of the shell.
    assert "To come back: p2pchatctl join NAME" in talk.bob.ctl("status", "lobby").stdout


def test_verbs_of_the_owner(talk):
    """The channel in focus is meant where none is named; a text of several words is one."""
    t = talk.terminals([os.environ["P2PCHATCTL"], "chat"], {**talk.environment(), **{
        "DBUS_SESSION_BUS_ADDRESS": talk.alice.bus_address}})
    t.wait_for(re.compile("^lobby>$", re.MULTILINE))
    answer(t, "/topic all of us, and more", r"^✓? .*\* alice set the topic: all of us, and more")
    answer(t, '/topic "quoted  words"', r"set the topic: quoted  words")
    answer(t, '/ban bob --reason="too loud"', r"banned bob.*too loud")
    answer(t, "/bans", r"^bob .*too loud")
    answer(t, "/unban bob", r"lifted the ban of bob")
    t.key("C-d")
    assert t.wait_end() == 0


def test_completion(talk):
    carol = talk.world.people("carol")
    carol.join("lobby")
    talk.bob.join(talk.alice.host("garden") and "garden")
    t = talk.open()
    t.wait_for("lobby")

    def completes(typed, wanted, tabs=1):
        t.key("C-u")
        t.type(typed)
        t.key(*["Tab"] * tabs)
        t.type("|")
        t.wait_for(lambda: t.rows()[-1] == "lobby> " + wanted + "|", f"{wanted!r} of {typed!r}")
    wait_for(lambda: talk.bob.get(talk.lobby, CHANNEL, "MembersOnline") == 3, "all to be seen")
    completes("al", "alice: ")
    completes("hello al", "hello alice ")
    completes("hello @al", "hello @alice ")
    completes("/conne", "/connect")  # connect, connected: what is common
    assert "/connect" in t.screen() and "/connected" in t.screen()
    completes("/retr", "/retrieve ")
    completes("/to gar", "/to garden ")
    completes("/members gar", "/members garden ")
    completes("/kick car", "/kick carol ")
    completes("/view lobby pub", "/view lobby public ")
    completes("/join gard", "/join garden ")
    completes("/help top", "/help topic ")
    # The blank behind a completed word is no part of it.
    t.key("C-u")
    t.type("/to gar")
    t.key("Tab", "Enter")
    t.wait_for(lambda: t.rows()[-1].startswith("garden>"), "to be in the garden")
    t.line("/to lobby")
    t.wait_for(lambda: t.rows()[-1].startswith("lobby>"), "to be back")
    completes("/etc", "/etc")
    completes("zz", "zz")
    # A daemon that is away costs nobody their time.
    talk.bob.stop_daemon()
    t.wait_for("Your daemon ended")
    completes("hello al", "hello alice ")
    completes("/to gar", "/to garden ")
    talk.bob.start_daemon()
    t.wait_for("Your daemon is back")
    t.key("C-u")
    talk.leave(t)


def test_history_that_grew(talk):
    """Only the end of it is read, and kept."""
    os.makedirs(os.path.dirname(talk.history))
    with open(talk.history, "wb") as f:
        f.truncate(1 << 30)
        f.seek(0, os.SEEK_END)
        f.write(b"\nthe last one\n")
    os.link(talk.history, talk.history + ".before")
    t = talk.open()
    t.key("Up")
    t.wait_for("lobby> the last one")
    t.key("C-u")
    talk.leave(t)
    with open(talk.history, encoding="utf-8") as f:
        assert f.read() == "the last one\n"
    # Who dies in between has the old one still: it is not written over.
    assert os.path.getsize(talk.history + ".before") > 1 << 30
    assert sorted(os.listdir(os.path.dirname(talk.history))) == ["chat-history", "chat-history.before"]
    assert os.stat(talk.history).st_mode & 0o777 == 0o600


def test_history(talk):
    """In this chat and the next one, for nobody else to read; never what may be a secret."""
    t = talk.open()
    t.line("said before")
    talk.wait_said("said before")
    t.type("two")
    t.key("M-Enter")
    t.line("lines")
    talk.wait_said("two\nlines")
    t.line(" kept to myself")
    talk.wait_said(" kept to myself")
    t.line("/signin bob " + PASSWORD)
    t.wait_for(re.compile("Usage|takes|password", re.IGNORECASE))
    for verb in ("signup bob", "recover bob", "guest bob", "passwd", "delete-account"):
        t.key("C-l")
        t.line(f"/{verb} {PASSWORD}")
        t.wait_for(re.compile(f"{verb.split()[0]} --help"))
        t.wait_for(lambda: t.rows()[-1] == "lobby>", "the prompt")
    t.tmux("clear-history", "-t", "t")
    t.key("C-l")
    t.key("Up")
    t.wait_for("lobby> two\nlines")
    t.key("Up")
    t.wait_for("lobby> said before")
    t.key("C-u")
    t.line("/signout")
    t.wait_for("is not among your channels any more")
    t.line("/signin bob")
    t.wait_for(re.compile("password", re.IGNORECASE))
    t.line(PASSWORD)
    wait_for(lambda: "bob" in talk.bob.ctl("whoami", check=False).stdout, "bob to be signed in")
    t.line("/to lobby")
    t.wait_for(re.compile("^lobby>$", re.MULTILINE))
    talk.leave(t)
    assert stat.S_IMODE(os.stat(talk.history).st_mode) == 0o600
    with open(talk.history, encoding="utf-8") as f:
        kept = f.read()
    assert "correct" not in kept and "signin" not in kept and "myself" not in kept
    assert kept.startswith("said before\ntwo\\nlines\n")
    assert PASSWORD not in t.history()
    t = talk.open()
    t.key("Up", "Up", "Up")
    t.wait_for("lobby> two\nlines")
    t.key("C-u", "C-u", "C-c")
    t.key("C-r")
    t.type("bef")
    t.wait_for("said before")
    t.key("C-c")
    t.wait_for(lambda: t.rows()[-1] == "lobby>", "the prompt")
    talk.leave(t)


def test_question_of_a_verb_is_interrupted(talk):
    """Ctrl-C ends the verb, and the talk goes on."""
    t = talk.open()
    t.line("/passwd")
    t.wait_for(re.compile("password", re.IGNORECASE))
    t.key("C-c")
    t.wait_for(lambda: t.rows()[-1] == "lobby>", "the prompt")
    t.line("goes on")
    talk.wait_said("goes on")
    talk.leave(t)


EVIL = "\u202eevil\u200f \u2028line ok"


def test_strangers_drive_nothing(talk):
    """No byte of theirs that a terminal acts on is written: in a message, topic, name or an error."""
    t = talk.open()
    talk.alice.send(talk.lobby, EVIL)
    talk.alice.call(talk.lobby, MODERATION, "SetTopic", "sa{sv}", "topic \u202e\u2066x", {})
    talk.alice.send(talk.lobby, "line one\n23:59:59 bob: I never said that")
    talk.alice.send(talk.lobby, "end of it")
    t.wait_for("end of it")
    assert "\n        23:59:59 bob: I never said that" in t.history()
    assert "\\u202eevil" in t.history()
    raw = t.raw().decode()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\u2028\u2029\ufeff\x80-\x9f]", raw)
    t.line("/topic")
    t.wait_for("\\u202e\\u2066x")
    assert "\u202e" not in t.raw().decode()
    # Nor of what somebody was made to paste, once it comes back.
    talk.alice.ctl("sending", "lobby", "members")
    wait_for(lambda: talk.bob.get(talk.lobby, CHANNEL, "SendPermission") == "members", "bob to know")
    t.paste("pasted \u202e\u2066y")
    t.key("Enter")
    t.wait_for("(ReadOnly): pasted \\u202e\\u2066y")
    talk.leave(t)


def test_plain_has_no_escapes(talk):
    """Through pipes, with --plain, on a terminal that can do nothing, and for a reader of screens."""
    talk.alice.send(talk.lobby, "hello")
    wait_for(lambda: "hello" in talk.bob.texts(talk.lobby), "bob to have it")
    piped = subprocess.run([os.environ["P2PCHATCTL"], "chat", "lobby"], input="by a pipe\n/whoami\n/help\n/rooms\n",
                           text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=talk.environment(),
                           check=True, timeout=60)
    assert "alice: hello" in piped.stdout and "\nbob\n" in "\n" + piped.stdout
    assert "\x1b" not in piped.stdout + piped.stderr and "lobby>" not in piped.stdout + piped.stderr
    assert "Your daemon goes on" in piped.stderr
    talk.wait_said("by a pipe")
    for arguments, how in ((("--plain", "lobby"), {}), (("lobby",), {"term": "dumb"})):
        t = talk.terminals([os.environ["P2PCHATCTL"], "chat", *arguments], talk.environment(), **how)
        t.wait_for("alice: hello")
        t.line("at a terminal " + arguments[0])
        t.wait_for(re.compile("✓ .*bob: at a terminal " + arguments[0]))
        # What runs from here is plain, too.
        t.line("/log lobby")
        t.wait_for(re.compile("[0-9] bob: at a terminal " + arguments[0]))
        t.line("/members")
        t.wait_for(re.compile("alice +registered"))
        t.key("C-d")
        assert t.wait_end() == 0
        assert b"\x1b" not in t.raw() and "lobby>" not in t.history()
        assert "Your daemon goes on" in t.history()
    assert not os.path.exists(talk.history)
