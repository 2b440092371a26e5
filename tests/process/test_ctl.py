# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl as people and scripts meet it: every verb's text and JSON, what goes to stdout and what to
stderr, exit statuses, and how it is when there is no daemon."""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import termios
import uuid

import pytest

from p2pchat import CHANNEL, Peer, World, wait_for

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CHANNEL_KEYS = {"channel_name", "channel_id", "state", "state_reason", "state_text", "previous", "successor", "role", "owner", "host", "view_permission",
                "send_permission", "topic", "synced_seq", "last_seq", "read_seq", "unread", "mentions", "notify", "outbox",
                "members_online"}
VERBS = ("status", "invisible", "debug", "log-level", "tracker", "signup", "signin", "guest", "signout", "whoami",
         "recover", "passwd", "devices", "delete-account", "list", "channels", "host", "unhost",
         "invite", "join", "leave", "send", "log", "monitor", "read", "outbox", "members", "info", "access", "topic", "view", "sending",
         "ignore", "unignore", "notify", "authorize", "deauthorize", "kick", "ban", "unban", "bans", "connect", "disconnect",
         "backup", "restore", "export", "search", "redact", "retention", "rate", "chat")
ERROR = "org.p2pchat.Error."


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n")
    w.alice, w.bob = w.people("alice", "bob")
    w.nobody = w.peer("nobody")
    w.lobby = w.alice.host("lobby", topic="all welcome")
    w.bob.join("lobby")
    return w


def js(peer, *arguments, stdin="", check=True):
    result = peer.ctl(*arguments, "--json=short", stdin=stdin, check=check)
    assert result.stdout.count("\n") == 1, "short: one line"
    pretty = None
    if arguments[0] in ("status", "whoami", "channels", "list", "members", "info", "access", "outbox", "tracker"):
        pretty = json.loads(peer.ctl(*arguments, "--json=pretty", stdin=stdin).stdout)
    value = json.loads(result.stdout)
    assert pretty is None or type(pretty) is type(value)
    return value


def fails(peer, status, *arguments, stdin=""):
    """Both ways: a sentence on stderr and nothing on stdout; an error as JSON → its name."""
    for json_option in ((), ("-j",)):
        result = peer.ctl(*json_option, *arguments, stdin=stdin, check=False)
        assert result.returncode == status, (arguments, result.returncode, result.stderr)
        assert result.stderr or json_option, arguments
        if not json_option:
            assert result.stdout == "", arguments
    text = result.stdout or result.stderr
    error = json.loads(text)["error"]
    assert set(error) == {"name", "message"} and error["message"]
    return error["name"].removeprefix(ERROR)


# -- what needs no daemon

def test_usage(stage):
    peer = stage.nobody
    for arguments in (["nonsense"], ["--nonsense"], ["--json=xml"], ["send"], ["host"], ["join"], ["log"],
                      ["view"], ["topic"], ["topic", "lobby", "two", "words"], ["authorize"], ["deauthorize", "lobby"], ["ban", "lobby"], ["ban", "lobby", "bob", "--until=soon"], ["bans"],
                      ["whoami", "more"], ["list", "--nonsense"],
                      ["log", "lobby", "-n", "x"], ["log", "lobby", "-n", "-1"], ["send", "lobby", "x", "--wait=never"],
                      ["outbox", "cancel"], ["log", "lobby", "-o", "xml"], ["send", "lobby", "--lines", "text"],
                      ["log", "lobby", "-S", "soon"], ["log", "lobby", "-U", "-1y"], ["log", "lobby", "-f", "-r"],
                      ["log", "lobby", "-f", "-U", "now"], ["log", "lobby", "-r", "--after-seq=1"],
                      ["read", "lobby", "-1"], ["read", "lobby", "x"], ["read", "lobby", "--unread"], ["export", "lobby", "--format=xml"], ["export"]):
        result = peer.ctl(*arguments, check=False)
        assert (result.returncode, result.stdout) == (2, ""), (arguments, result)
        assert result.stderr
    for arguments in (["--help"], ["-h"], ["help"]):
        shown = peer.ctl(*arguments).stdout
        assert sorted(re.findall(r"^  ([a-z][a-z-]*) ", shown, re.MULTILINE)) == sorted(VERBS)
    assert re.fullmatch(r"p2pchatctl \d+\.\d+\.\d+\n", peer.ctl("--version").stdout)
    page = (pathlib.Path(__file__).parents[2] / "ctl/p2pchatctl.1.scd").read_text(encoding="utf-8")
    for verb in VERBS:
        assert verb in peer.ctl(verb, "--help").stdout
        assert f"*{verb}*" in page


def test_usage_as_json(stage):
    """What is wrong with the line is told in its form, wherever in the line that stands."""
    for arguments in (["-j", "--nonsense"], ["nonsense", "-j"], ["log", "lobby", "--nonsense", "--json=short"],
                      ["-j", "log", "lobby", "-n"], ["log", "lobby", "-n", "x", "-j"], ["log", "lobby", "--follow=1", "-j"],
                      ["send", "-j", "lobby", b"\xff"], ["signin", "x", "--password-fd=99999999999", "-j"]):
        result = stage.nobody.ctl(*arguments, check=False)
        assert (result.returncode, result.stderr) == (2, ""), (arguments, result)
        assert json.loads(result.stdout)["error"]["name"] == ERROR + "BadRequest"


def test_interrupted_prompt(stage):
    """A terminal that is left at the password echoes again, and a signal ends the program as it ends others."""
    for number in (signal.SIGINT, signal.SIGTERM):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(os.environ["P2PCHATCTL"], ["p2pchatctl", "signin", "x"])
        try:
            assert b"Password" in os.read(terminal, 100)
            wait_for(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "the echo to end")
            os.kill(pid, number)
            wait_for(lambda: termios.tcgetattr(terminal)[3] & termios.ECHO, "the echo to be back")
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -number
        finally:
            os.close(terminal)


def test_no_daemon(tmp_path):
    """3 of every verb: where there is a bus without a daemon, and where there is no bus."""
    world = World(tmp_path)
    arguments = {"host": ["x1"], "unhost": ["x1"], "invite": ["x1"], "join": ["x1"], "leave": ["x1"], "send": ["x1", "text"],
                 "log": ["x1"], "read": ["x1"], "export": ["x1"], "members": ["x1"], "info": ["x1"],
                 "access": ["x1"], "view": ["x1", "public"],
                 "search": ["x1", "word"], "redact": ["x1", "2"], "retention": ["x1", "7"], "rate": ["x1"],
                 "kick": ["x1", "y1"], "ban": ["x1", "y1"], "unban": ["x1", "y1"], "bans": ["x1"],
                 "connect": ["x1"], "disconnect": ["x1"], "topic": ["x1", "tea"], "invisible": ["on"],
                 "ignore": ["y1"], "unignore": ["y1"], "notify": ["x1"],
                 "sending": ["x1", "everyone"], "authorize": ["x1", "y1"],
                 "deauthorize": ["x1", "y1"], "signup": ["x1", "--password-fd=0"],
                 "signin": ["x1", "--password-fd=0"], "guest": ["x1"],
                 "recover": ["x1", "--password-fd=0"], "passwd": ["--password-fd=0"],
                 "delete-account": ["--password-fd=0"],
                 "backup": [str(tmp_path / "backup")], "restore": [__file__]}
    with world:
        peer = Peer(world, "x")
        for has_bus in (False, True):
            if has_bus:
                world.peers.append(peer)
                peer.start_bus()
            for verb in VERBS:
                if verb != "chat":
                    fails(peer, 3, verb, *arguments.get(verb, []), stdin="a password\n")
            assert peer.ctl("chat", "--plain", check=False).returncode == 3


# -- identity and status

def test_identity(stage):
    peer = stage.nobody
    assert [js(peer, "whoami")[key] for key in ("username", "user_type", "expires")] == [None] * 3
    assert js(peer, "tracker")["tracker_state"] == "none"
    assert fails(peer, 1, "tracker", stage.tracker.address) == "UntrustedTracker"
    assert fails(peer, 1, "tracker", "127.0.0.1:1", "--trust-new") == "TrackerUnreachable"
    peer.ctl("tracker", stage.tracker.address, "--trust-new")
    shown = js(peer, "tracker")
    assert shown["tracker"] == stage.tracker.address and re.fullmatch("sha256:[0-9a-f]{64}", shown["tracker_pin"])
    assert fails(peer, 1, "tracker", stage.tracker.address, "--pin=sha256:" + "0" * 64) == "PinMismatch"

    assert fails(peer, 3, "signout") == "NotSignedIn"
    assert fails(peer, 3, "host", "mine") == "NotSignedIn"
    assert fails(peer, 7, "signup", "alice", "--password-fd=0", stdin="correct horse\n") == "NameTaken"
    assert fails(peer, 7, "signup", "x", "--password-fd=0", stdin="correct horse\n") == "InvalidName"
    assert fails(peer, 7, "signup", "nina", "--password-fd=0", stdin="short\n") == "WeakPassword"
    assert fails(peer, 5, "signin", "alice", "--password-fd=0", stdin="wrong horse\n") == "BadCredentials"
    assert fails(peer, 2, "signup", "nina", "--password-fd=0") == "BadRequest"
    result = peer.ctl("signup", "nina", "--password-fd=0", stdin="correct horse\n")
    assert result.stdout == "nina\n" and "Recovery code" in result.stderr, "data and talk"
    code = re.search(r"[0-9a-z]{5}(-[0-9a-z]{5}){3}", result.stderr)
    assert code
    assert peer.ctl("whoami").stdout == "nina\n"
    me = js(peer, "whoami")
    assert (me["username"], me["user_type"]) == ("nina", "REGISTERED") and TIME.fullmatch(me["expires"])
    assert fails(peer, 1, "guest", "gail") == "AlreadySignedIn"
    peer.ctl("signout")
    assert peer.ctl("guest", "gail").stdout == "guest-gail\n"
    peer.ctl("signout")
    peer.ctl("signin", "nina", "--password-fd=0", stdin="correct horse\n")
    peer.ctl("signout")


def test_status(stage):
    status = js(stage.bob, "status")
    assert set(status) >= {"version", "account", "hosting", "outbox", "listen", "channels"}
    assert set(status["account"]) == {"tracker", "tracker_pin", "tracker_state", "tracker_reason", "username",
                                      "user_type", "expires"}
    assert (status["account"]["username"], status["account"]["tracker_state"]) == ("bob", "online")
    assert status["hosting"] == 0 and js(stage.alice, "status")["hosting"] >= 1
    for shown in (status["channels"], js(stage.bob, "channels")):
        (lobby,) = [c for c in shown if c["channel_name"] == "lobby"]
        assert set(lobby) == CHANNEL_KEYS
        assert (lobby["owner"], lobby["host"], lobby["role"], lobby["topic"]) == ("alice", "alice", "none", "all welcome")
    assert js(stage.bob, "status", "lobby")["channel_name"] == "lobby"
    text = stage.alice.ctl().stdout
    assert text == stage.alice.ctl("status").stdout
    for word in ("alice", stage.tracker.address, "lobby", "online", "here"):
        assert word in text
    assert "\x1b" not in text, "colour on a tty only"
    assert "lobby" in stage.bob.ctl("channels").stdout
    assert fails(stage.bob, 4, "status", "no-such") == "NoSuchChannel"


# -- channels

def test_list(stage):
    (row,) = js(stage.bob, "list", "LOBB")
    assert set(row) >= {"channel_name", "channel_id", "owner", "host", "addresses", "view_permission", "topic",
                        "members", "last_seq", "online", "since"}
    assert (row["channel_name"], row["online"], row["topic"]) == ("lobby", True, "all welcome")
    assert js(stage.bob, "list", "no such thing") == []
    text = stage.bob.ctl("list").stdout
    assert "CHANNEL" in text and "lobby" in text and "all welcome" in text
    empty = stage.bob.ctl("list", "no such thing")
    assert empty.stdout == "" and empty.stderr


def test_host_join_leave(stage):
    assert js(stage.alice, "host", "cellar", "--view=restricted", "--send=members", "--topic=below")["state"] == "live"
    assert fails(stage.bob, 7, "host", "cellar") == "ChannelExists"
    assert fails(stage.bob, 5, "join", "cellar") == "Restricted"
    assert fails(stage.bob, 4, "join", "no-such") == "NoSuchChannel"
    assert fails(stage.bob, 7, "host", "No Name") == "InvalidName"
    stage.alice.ctl("authorize", "cellar", "bob")
    joined = js(stage.bob, "join", "cellar", "--backlog=0")
    assert joined["channel_name"] == "cellar"
    wait_for(lambda: js(stage.bob, "status", "cellar")["state"] == "live", "bob to be in")
    assert js(stage.bob, "status", "cellar")["role"] == "member"
    assert fails(stage.bob, 5, "view", "cellar", "public") == "NotOwner"
    assert fails(stage.bob, 5, "sending", "cellar", "everyone") == "NotOwner"
    assert fails(stage.bob, 5, "authorize", "cellar", "bob") == "NotModerator"
    assert fails(stage.alice, 4, "authorize", "cellar", "nobody-at-all") == "NoSuchUser"
    stage.alice.ctl("deauthorize", "cellar", "bob")
    wait_for(lambda: js(stage.bob, "status", "cellar")["state"] == "denied", "bob to be put out")
    assert "denied" in stage.bob.ctl("status", "cellar").stdout
    assert js(stage.alice, "view", "cellar", "public") == {}
    assert js(stage.alice, "status", "cellar")["view_permission"] == "public"
    stage.alice.ctl("sending", "cellar", "everyone")
    shown = js(stage.alice, "status", "cellar")
    assert (shown["send_permission"], shown["view_permission"]) == ("everyone", "public")
    assert fails(stage.alice, 2, "sending", "cellar", "nobody") == "BadRequest"
    assert fails(stage.alice, 2, "view", "cellar", "secret") == "BadRequest"
    # Each says which verb is the other's.
    for peer, verb, other in ((stage.bob, "unhost", "leave cellar"), (stage.alice, "leave", "unhost"),
                              (stage.alice, "disconnect", "unhost")):
        result = peer.ctl(verb, "cellar", check=False)
        assert result.returncode == 7 and f"p2pchatctl {other}" in result.stderr, result
        result = json.loads(peer.ctl("-j", verb, "cellar", check=False).stdout)
        assert result["error"]["name"] == "org.p2pchat.Error.Conflict"
    result = stage.bob.ctl("debug", "cellar", "--peers", check=False)
    assert result.returncode == 7 and "p2pchatctl debug cellar" in result.stderr
    assert stage.bob.ctl("debug", "--peers", check=False).returncode == 2
    stage.bob.ctl("leave", "cellar", "--forget")
    assert fails(stage.bob, 4, "log", "cellar") == "NoSuchChannel"
    # What is not hosted any more ends all the same, with its name, once that is meant.
    stage.alice.ctl("unhost", "cellar")
    result = stage.alice.ctl("leave", "cellar", check=False)
    assert result.returncode == 7 and "p2pchatctl unhost --forget" in result.stderr, result
    assert fails(stage.alice, 7, "leave", "cellar", "--forget") == "Conflict"
    assert fails(stage.alice, 7, "unhost", "cellar") == "Conflict"
    stage.alice.ctl("unhost", "cellar", "--forget")
    assert fails(stage.alice, 4, "log", "cellar") == "NoSuchChannel"
    wait_for(lambda: js(stage.bob, "list", "cellar") == [], "the name to be free")
    stage.bob.ctl("host", "cellar")
    stage.bob.ctl("unhost", "cellar", "--forget")


def test_rules(stage):
    """topic, view, sending: shown to whoever has the channel, set by who may, wherever the channel is hosted."""
    alice, bob = stage.alice, stage.bob
    alice.ctl("host", "salon", "--topic=old")
    bob.join("salon")
    for peer in (alice, bob):
        assert peer.ctl("topic", "salon").stdout == "old\n"
        assert js(peer, "topic", "salon") == {"channel_name": "salon", "topic": "old"}
        assert js(peer, "view", "salon") == {"channel_name": "salon", "view_permission": "public"}
        assert peer.ctl("sending", "salon").stdout == "registered\n"
        assert js(peer, "sending", "salon") == {"channel_name": "salon", "send_permission": "registered"}
    assert fails(bob, 5, "topic", "salon", "mine") == "NotModerator"
    assert js(alice, "authorize", "salon", "bob", "--role=moderator") == {}
    wait_for(lambda: js(bob, "status", "salon")["role"] == "moderator", "bob to be a moderator")
    assert js(bob, "topic", "salon", "tea \N{HOT BEVERAGE}") == {}
    for peer in (alice, bob):
        wait_for(lambda p=peer: p.ctl("topic", "salon").stdout == "tea \N{HOT BEVERAGE}\n", "the topic at both")
    assert wait_for(lambda: js(bob, "list", "salon")[0]["topic"], "the topic at the tracker") == "tea \N{HOT BEVERAGE}"
    alice.ctl("topic", "salon", "")
    wait_for(lambda: bob.ctl("topic", "salon").stdout == "\n", "no topic")
    assert fails(alice, 7, "topic", "salon", "x" * 513) == "BadRequest"
    assert fails(bob, 7, "topic", "salon", "two\nlines") == "BadRequest"
    assert fails(alice, 4, "topic", "nowhere") == fails(alice, 4, "view", "nowhere") == "NoSuchChannel"
    # Of names with a slip, whose is meant: from the tracker, and of who has a role.
    for verb in ("authorize", "deauthorize"):
        assert fails(bob, 4, verb, "salon", "alcie") == "NoSuchUser"
        assert "did you mean alice?" in bob.ctl(verb, "salon", "alcie", check=False).stderr
    assert "did you mean bob?" in alice.ctl("authorize", "salon", "bobb", check=False).stderr
    assert fails(alice, 2, "authorize", "salon", "bob", "--role=king") == "BadRequest"
    assert fails(alice, 5, "authorize", "salon", "guest-gus") == "GuestsNotAllowed"
    assert fails(alice, 7, "authorize", "salon", "alice") == "BadRequest"
    assert fails(bob, 5, "authorize", "salon", "bob", "--role=member") == "NotModerator", "a moderator's own role, too"
    bob.ctl("leave", "salon", "--forget")
    alice.ctl("unhost", "salon", "--forget")


def test_send_and_log(stage):
    text = "ünder \U0001f600 \x1b[31mred\x1b[0m \u009b\tand\nnext line"
    sent = js(stage.bob, "send", "lobby", "--wait=stored", stdin=text.replace("\x1b", "!").replace("\u009b", "!") + "\n")
    assert set(sent) == {"id", "seq", "state"} and sent["state"] == "stored" and sent["seq"] > 0
    plain = stage.bob.ctl("send", "lobby", "several", "words", "--wait=stored").stdout
    assert str(uuid.UUID(plain.strip())) == plain.strip()
    own = str(uuid.uuid4())
    first = js(stage.bob, "send", "lobby", "with my id", f"--id={own}", "--wait=stored")
    assert first["id"] == own and js(stage.bob, "send", "lobby", "with my id", f"--id={own}", "--wait=stored") == first
    assert fails(stage.bob, 7, "send", "lobby", "other", f"--id={own}") == "Conflict"
    lines = stage.bob.ctl("send", "lobby", "--lines", "--wait=stored", "-j", stdin="one\n\ntwo\nthree").stdout
    assert [json.loads(line)["state"] for line in lines.splitlines()] == ["stored"] * 3
    assert fails(stage.bob, 7, "send", "lobby", "x" * 16385) == "TooLarge"
    assert fails(stage.bob, 7, "send", "lobby", "") == "BadRequest"
    assert fails(stage.bob, 2, "send", "lobby", stdin="a\0b") == "BadRequest"
    assert stage.bob.ctl("send", "lobby", "--lines", stdin="fine\na\0b\n", check=False).returncode == 2
    assert fails(stage.bob, 4, "send", "no-such", "text") == "NoSuchChannel"

    wait_for(lambda: "three" in stage.alice.ctl("log", "lobby").stdout, "alice to have it")
    entries = [json.loads(line) for line in stage.alice.ctl("log", "lobby", "-o", "json").stdout.splitlines()]
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
    for e in entries:
        assert set(e) >= {"seq", "id", "kind", "username", "user_type", "time"} and TIME.fullmatch(e["time"])
        assert e["user_type"] in ("REGISTERED", "GUEST")
    said = [e["message_content"] for e in entries if e["kind"] == "message"]
    assert said[-6:][:3] == ["with my id", "one", "two"] or "three" in said
    assert [json.loads(line) for line in stage.alice.ctl("log", "lobby", "-n", "3", "-o", "json").stdout.splitlines()] \
        == entries[-3:]
    assert [json.loads(line) for line in
            stage.alice.ctl("log", "lobby", "--after-seq", str(entries[-3]["seq"]), "-j").stdout.splitlines()] \
        == entries[-2:]
    shown = stage.alice.ctl("log", "lobby").stdout
    assert "bob: several words" in shown and "* alice created the channel" in shown
    assert not set(shown) & ({chr(c) for c in (*range(0, 10), *range(11, 32), *range(127, 160))}), "escaped"
    assert stage.alice.ctl("log", "lobby", "-n", "1").stdout.count("\n") >= 1


def test_escapes(stage):
    """Nobody's text can look like another's line."""
    stage.bob.send(stage.lobby, "first\nalice: I owe bob money", wait="stored")
    wait_for(lambda: "owe" in stage.alice.ctl("log", "lobby", "-n", "3").stdout, "alice to have it")
    lines = stage.alice.ctl("log", "lobby", "-n", "3").stdout.splitlines()
    (line,) = [x for x in lines if "owe" in x]
    assert line.startswith(" ")


def test_outbox(stage):
    """Queued while the host is away: 6 of who waits; listed, cancelled, sent when it is back."""
    assert js(stage.bob, "outbox") == [] or all(r["state"] == "stored" for r in js(stage.bob, "outbox"))
    stage.alice.stop_daemon(signal.SIGKILL)
    ids = [js(stage.bob, "send", "lobby", f"later {i}")["id"] for i in range(3)]
    waiting = stage.bob.ctl("send", "lobby", "later 3", "--wait=stored", "--timeout=0", "-j", check=False)
    assert waiting.returncode == 6 and json.loads(waiting.stdout)["state"] == "queued"
    rows = [r for r in js(stage.bob, "outbox") if r["state"] == "queued"]
    assert [r["message_content"] for r in rows] == [f"later {i}" for i in range(4)]
    assert set(rows[0]) == {"channel_name", "channel_id", "id", "message_content", "queued", "attempts", "state", "error"}
    assert rows[0]["channel_name"] == "lobby" and TIME.fullmatch(rows[0]["queued"])
    text = stage.bob.ctl("outbox").stdout
    assert "later 0" in text and "queued" in text
    stage.bob.ctl("outbox", "cancel", ids[1])
    assert fails(stage.bob, 4, "outbox", "cancel", ids[1]) == "NoSuchEntry"
    assert fails(stage.bob, 4, "outbox", "retry", str(uuid.uuid4())) == "NoSuchEntry"
    assert "later" not in stage.bob.ctl("log", "lobby").stdout
    assert js(stage.bob, "status", "lobby")["outbox"] == 3
    stage.alice.start_daemon()
    wait_for(lambda: stage.bob.get(stage.lobby, CHANNEL, "OutboxCount") == 0, "all to be sent")
    said = [json.loads(line).get("message_content") for line in
            stage.bob.ctl("log", "lobby", "-n", "3", "-o", "json").stdout.splitlines()]
    assert said == ["later 0", "later 2", "later 3"]
    assert fails(stage.bob, 7, "outbox", "cancel", ids[0]) == "Conflict"


def test_members_and_info(stage):
    members = js(stage.bob, "members", "lobby")
    assert [m["username"] for m in members] == ["alice", "bob"]
    for m in members:
        assert set(m) == {"username", "user_type", "role", "status", "since"} and TIME.fullmatch(m["since"])
    assert [(m["role"], m["status"], m["user_type"]) for m in members] == \
        [("owner", "online", "REGISTERED"), ("none", "online", "REGISTERED")]
    text = stage.bob.ctl("members", "lobby").stdout
    assert "alice" in text and "owner" in text
    info = js(stage.bob, "info", "lobby")
    assert info["epoch"] == 1 and "authorized" in info
    assert "epoch" in stage.bob.ctl("info", "lobby").stdout


def test_chat(stage):
    """Plain, through pipes: what is typed is said, what is said is shown, verbs work."""
    verbs = [v for v in VERBS if v != "chat"]
    result = stage.bob.ctl("chat", "--plain", stdin="".join(f"/{v} --help\n" for v in verbs))
    assert "no command" not in result.stderr and all(f"p2pchatctl {v} " in result.stdout for v in verbs)
    result = stage.bob.ctl("chat", "lobby", "--plain", stdin="typed in chat\n//with a slash\n/whoami\n/nonsense\n/help\n/exit\nnot said\n")
    assert "nonsense" in result.stderr and "/exit" in result.stderr
    assert "bob\n" in result.stdout
    wait_for(lambda: "bob: /with a slash" in stage.alice.ctl("log", "lobby").stdout, "alice to have it")
    shown = stage.alice.ctl("log", "lobby").stdout
    assert "bob: typed in chat" in shown and "not said" not in shown
    # What others say meanwhile is shown while nothing is typed.
    child = subprocess.Popen([os.environ["P2PCHATCTL"], "chat", "lobby", "--plain"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             env=stage.bob.environment())
    stage.alice.send(stage.lobby, "said meanwhile", wait="stored")
    for line in child.stdout:
        if "said meanwhile" in line:
            break
    child.stdin.close()
    assert child.wait(30) == 0
    child.stdout.close()


def test_chat_tells_of_refusals(stage):
    """Why, and once; what is stored is only shown."""
    stage.alice.ctl("sending", "lobby", "members")
    wait_for(lambda: stage.bob.get(stage.lobby, CHANNEL, "SendPermission") == "members", "bob to know")
    child = subprocess.Popen([os.environ["P2PCHATCTL"], "chat", "lobby", "--plain"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                             env=stage.bob.environment())

    def until(what):
        """→ what came before it on stderr."""
        lines = []
        for line in child.stderr:
            lines.append(line)
            if what in line:
                return "".join(lines)
        raise AssertionError("".join(lines))
    child.stdin.write("may I say this?\n")
    child.stdin.flush()
    assert "! not said in lobby (ReadOnly): may I say this?" in until("/outbox retry ")
    (row,) = [r for r in js(stage.bob, "outbox") if r["state"] == "failed"]
    stage.alice.ctl("sending", "lobby", "registered")
    child.stdin.write(f"/outbox retry {row['id']}\n")
    child.stdin.flush()
    wait_for(lambda: "bob: may I say this?" in stage.alice.ctl("log", "lobby").stdout, "alice to have it")
    child.stdin.write("and this?\n/exit\n")
    child.stdin.close()
    assert "not said" not in until("Your daemon goes on")
    assert child.wait(30) == 0
    child.stderr.close()
