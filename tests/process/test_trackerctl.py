# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchat-trackerctl towards a door whose answers are given: each verb with each sort of answer, for people and for
programs, what it asks for, and how it ends."""
import contextlib
import os
import pathlib
import pty
import re
import subprocess

import pytest

import schema
from fakedoor import FakeDoor
from logind import SystemBus
from p2pchat import DEADLINE, ERROR, World, wait_for

PROGRAM = os.environ["P2PCHAT_TRACKERCTL"]
SCHEMAS = schema.load("p2pchat-trackerctl.json")
DBUS = "org.freedesktop.DBus.Error."
NOW = "uint64 1700000000000000"
BOB = f"('bob', 'active', {NOW}, {NOW}, {{'devices': <uint32 2>}})"
EVE = (f"('eve', 'suspended', {NOW}, uint64 0, {{'devices': <uint32 0>, 'suspended': <{NOW}>, 'reason': <'spam\\u001b[2J'>, "
       "'later': <'unknown'>})")
LOBBY = (f"('lobby', 'bob', 'online', {NOW}, {{'id': <'0f'>, 'host': <'bob'>, 'key': <'k'>, 'addresses': <['192.0.2.1:1', '192.0.2.2:2']>, "
         "'members': <uint32 7>, 'view_permission': <'public'>, 'topic': <'tea\\u0007'>, 'epoch': <uint64 2>, "
         "'last_seq': <uint64 9>})")
DEN = f"('den', 'eve', 'delisted', {NOW}, {{'members': <uint32 0>, 'reason': <'spam'>}})"
LEASE = f"('lobby', 'bob', {NOW}, {{'key': <'k'>, 'epoch': <uint64 2>, 'last_seq': <uint64 9>, 'members': <uint32 7>, 'addresses': <['a:1']>}})"
SHOWN = (f"({{'name': <'eve'>, 'state': <'suspended'>, 'created': <{NOW}>, 'seen': <{NOW}>, 'suspended': <{NOW}>, 'reason': <'spam'>, "
         f"'devices': <[('key1', {NOW}, {NOW}, @a{{sv}} {{}})]>, 'channels': <['den', 'lair']>, 'channels_more': <true>}},)")
SECRETS = "({'password': <'kite-42'>, 'recovery_code': <'AAAA-BBBB'>},)"
# verb → method, arguments of the command, arguments of the call, an answer
VERBS = {
    "user list": ("Users.List", [], "({},)", f"([{BOB}], '')"),
    "user show": ("Users.Get", ["eve"], "('eve', {})", SHOWN),
    "user suspend": ("Users.Suspend", ["eve", "--reason=spam"], "('eve', {'reason': <'spam'>})", "()"),
    "user resume": ("Users.Resume", ["eve"], "('eve', {})", "()"),
    "user reset": ("Users.Reset", ["eve"], "('eve', {})", SECRETS),
    "user delete": ("Users.Delete", ["eve", "--yes"], "('eve', {})", "()"),
    "channel list": ("Channels.List", [], "({},)", f"([{LOBBY}], '')"),
    "channel delist": ("Channels.Delist", ["den", "--reason=spam"], "('den', {'reason': <'spam'>})", "()"),
    "channel relist": ("Channels.Relist", ["den"], "('den', {})", "()"),
    "lease list": ("Leases.List", [], "({},)", f"([{LEASE}], '')"),
    "ca rotate": ("Authority.Rotate", ["-y"], "({},)", "('sha256:cd',)"),
}
OTHER = ("status", "ca show", "log-level")


class Operator:
    def __init__(self, bus):
        self.environment = {**os.environ, **bus.environment, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}

    def __call__(self, *words, check=True, env=None):
        done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=DEADLINE, env={**self.environment, **(env or {})})
        assert not check or done.returncode == 0, done
        return done

    def json(self, *words):
        """Its value, which is by the schema of the verb."""
        verb = " ".join(words[:2])
        return schema.check(self("-j", *words).stdout, verb if verb in SCHEMAS["verbs"] else words[0], SCHEMAS)[0]


@pytest.fixture(scope="module")
def stage(module_world):
    with SystemBus(module_world.directory, "op") as bus, FakeDoor(bus) as door:
        yield Operator(bus), door


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb(stage, verb):
    """It asks for what was typed, may have somebody authenticate unless told not to, and says so to programs."""
    run, door = stage
    method, words, arguments, answer = VERBS[verb]
    door.answer(method, answer)
    door.calls()
    assert run(*verb.split(), *words).stderr == "" or verb == "user reset"
    assert door.calls() == [[method, arguments, True]]
    shown = run.json(*verb.split(), *words)
    assert shown == {} or verb.endswith(("list", "show", "reset", "rotate"))
    assert door.calls() == [[method, arguments, True]]
    run("--no-ask-password", *verb.split(), *words)
    run(*verb.split(), *words, "--no-ask-password")
    assert [c[2] for c in door.calls()] == [False, False]


# Every error that the door may give, and some of the bus.
ERRORS = {ERROR + "NoSuchUser": 4, ERROR + "NoSuchChannel": 4, ERROR + "Busy": 7, ERROR + "Unsupported": 7,
          ERROR + "Conflict": 7, ERROR + "BadRequest": 7, ERROR + "InvalidName": 7, ERROR + "Internal": 1,
          ERROR + "Cancelled": 1, DBUS + "AccessDenied": 5, DBUS + "InteractiveAuthorizationRequired": 5,
          DBUS + "NoReply": 3, DBUS + "Timeout": 6, DBUS + "InvalidArgs": 2}


@pytest.mark.parametrize("verb", VERBS)
def test_each_refusal(stage, verb):
    run, door = stage
    method, words, _, answer = VERBS[verb]
    for error, status in ERRORS.items():
        door.fail(method, error, "because\x1b[2J of it")
        result = run(*verb.split(), *words, check=False)
        assert (result.returncode, result.stdout) == (status, ""), (verb, error, result)
        assert result.stderr.startswith("p2pchat-trackerctl: ") and "because\\x1b[2J of it" in result.stderr
        assert ("sudo" in result.stderr) == (status == 5)
        result = run("-j", *verb.split(), *words, check=False)
        assert (result.returncode, result.stderr) == (status, "")
        assert schema.check(result.stdout, "error", SCHEMAS)[0]["error"]["name"] == error
    door.fail(method, DBUS + "TimedOut", "Failed to activate service")
    result = run(*verb.split(), *words, check=False)
    assert result.returncode == 3 and "systemctl status p2pchat-tracker" in result.stderr
    # What a bus says that keeps a message back is its rules, with who asked whom.
    door.fail(method, DBUS + "AccessDenied", "Rejected send message, 2 matched rules; type=...")
    result = run(*verb.split(), *words, check=False)
    assert result.returncode == 5 and "sudo" in result.stderr and "rules" not in result.stderr
    door.answer(method, answer)


def test_usage(stage):
    run, door = stage
    door.calls()
    for words in (["nonsense"], ["--nonsense"], ["user", "nonsense"], ["user", "suspend"], ["user", "show"], ["user", "list", "a", "b"],
                  ["user", "delete", "eve"], ["ca", "rotate"], ["ca", "rotate", "x"], ["channel", "delist"], ["lease", "list", "x"],
                  ["channel", "list", "--online", "--delisted"], ["status", "x"], ["log-level", "a", "b"], ["user", "show", "\x1b"]):
        result = run(*words, check=False)
        assert (result.returncode, result.stdout) == (2, "") and result.stderr, words
    assert "list, show, suspend, resume, reset or delete, not nonsense" in run("user", "nonsense", check=False).stderr
    assert "--yes" in run("user", "delete", "eve", check=False).stderr
    assert door.calls() == []
    for words in (["--help"], ["-h"], ["help"]):
        shown = run(*words).stdout
        found = re.findall(r"^  ([a-z][a-z-]*(?: [a-z]+)?) ", shown, re.M)
        assert sorted(found) == sorted([*VERBS, *OTHER]) == sorted(set(SCHEMAS["verbs"]) - {"error"})
    assert re.fullmatch(r"p2pchat-trackerctl \d+\.\d+\.\d+\n", run("--version").stdout)
    page = (pathlib.Path(__file__).parents[2] / "ctl/tracker/p2pchat-trackerctl.1.scd").read_text(encoding="utf-8")
    for verb in (*VERBS, *OTHER):
        assert verb in run(*verb.split(), "--help").stdout
        assert f"*{verb}*" in page


def test_no_tracker(stage, tmp_path):
    """3, and what to do: where the bus knows no tracker, and where there is no bus."""
    run, _ = stage
    none = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none"}
    with SystemBus(World(tmp_path).directory, "empty") as empty:
        for verb in (*VERBS, *OTHER):
            words = [*verb.split(), *(VERBS[verb][1] if verb in VERBS else [])]
            result = run(*words, check=False, env=empty.environment)
            assert result.returncode == 3 and "systemctl status p2pchat-tracker" in result.stderr, result
            result = run(*words, check=False, env=none)
            assert result.returncode == 3 and "no system bus" in result.stderr, result
            for environment in (empty.environment, none):
                result = run("-j", *words, check=False, env=environment)
                told = schema.check(result.stdout, "error", SCHEMAS)[0]["error"]["name"]
                assert (result.returncode, result.stderr) == (3, "") and told, (verb, told)


def test_users(stage):
    run, door = stage
    door.answer("Users.List", f"([{BOB}], 'bob')", "(@a(sstta{sv}) [], 'dave')", f"([{EVE}], '')")
    door.calls()
    lines = run("user").stdout.splitlines()
    assert lines[0].split() == ["USER", "STATE", "CREATED", "SEEN", "DEVICES", "REASON"]
    assert [line.split()[:2] for line in lines[1:]] == [["bob", "active"], ["eve", "suspended"]]
    assert lines[2].endswith("spam\\x1b[2J") and "\x1b" not in lines[2]
    assert [c[1] for c in door.calls()] == ["({},)", "({'after': <'bob'>},)", "({'after': <'dave'>},)"]
    door.answer("Users.List", f"([{BOB}, {EVE}], '')")
    assert run.json("user", "list", "b", "--state=active") == [
        {"username": "bob", "state": "active", "created": "2023-11-14T22:13:20.000Z", "seen": "2023-11-14T22:13:20.000Z",
         "devices": 2},
        {"username": "eve", "state": "suspended", "created": "2023-11-14T22:13:20.000Z", "seen": None, "devices": 0,
         "suspended": "2023-11-14T22:13:20.000Z", "reason": "spam\x1b[2J"}]
    assert door.calls()[-1][1] == "({'query': <'b'>, 'state': <'active'>},)"
    door.answer("Users.List", "(@a(sstta{sv}) [], '')")
    assert run("user", "list").stderr and run.json("user", "list") == []

    shown = run("user", "show", "eve").stdout
    assert "State:     suspended: spam\n" in shown and "Channels:  den lair …\n" in shown and "key1" in shown
    shown = run.json("user", "show", "eve")
    assert shown["devices"] == [{"key": "key1", "created": "2023-11-14T22:13:20.000Z", "seen": "2023-11-14T22:13:20.000Z"}]
    assert (shown["username"], shown["channels"], shown["channels_more"], shown["devices_more"]) == \
        ("eve", ["den", "lair"], True, False)
    door.answer("Users.Get", f"({{'name': <'bob'>, 'state': <'active'>, 'created': <{NOW}>, 'seen': <uint64 0>}},)")
    shown = run("user", "show", "bob").stdout
    assert "Seen:      never\n" in shown and "Channels:  none\n" in shown and "Devices:   none\n" in shown


def test_a_new_password_is_shown_once(stage):
    run, door = stage
    door.answer("Users.Reset", SECRETS)
    result = run("user", "reset", "eve")
    assert result.stdout == "Password:      kite-42\nRecovery code: AAAA-BBBB\n" and "once" in result.stderr
    assert run.json("user", "reset", "eve") == {"username": "eve", "password": "kite-42", "recovery_code": "AAAA-BBBB"}
    door.answer("Users.Reset", "(@a{sv} {},)")
    assert run("user", "reset", "eve", check=False).returncode == 1


def test_channels(stage):
    run, door = stage
    door.answer("Channels.List", f"([{LOBBY}, {DEN}], '')")
    lines = run("channel").stdout.splitlines()
    assert lines[1].split()[:3] == ["lobby", "bob", "online"] and lines[1].endswith("       7  tea\\x07")
    assert lines[2].split()[:3] == ["den", "eve", "delisted"] and lines[2].endswith("spam")
    lobby, den = run.json("channel", "list")
    assert lobby == {"channel_name": "lobby", "channel_id": "0f", "owner": "bob", "state": "online",
                     "since": "2023-11-14T22:13:20.000Z", "host": "bob", "key": "k", "addresses": ["192.0.2.1:1", "192.0.2.2:2"],
                     "members": 7, "view_permission": "public", "topic": "tea\x07", "epoch": 2, "last_seq": 9}
    assert den["reason"] == "spam"
    door.calls()
    for option, value in (("--online", "'online': <true>"), ("--offline", "'online': <false>"), ("--delisted", "'delisted': <true>")):
        run("channel", "list", option, "x")
        assert door.calls()[0][1] == f"({{'query': <'x'>, {value}}},)"


def test_leases(stage):
    run, door = stage
    door.answer("Leases.List", f"([{LEASE}], 'lobby')", "(@a(ssta{sv}) [], '')")
    assert run("lease").stdout.splitlines()[1].split()[:2] == ["lobby", "bob"]
    door.answer("Leases.List", f"([{LEASE}], '')")
    assert run.json("lease", "list") == [{"channel_name": "lobby", "owner": "bob", "until": "2023-11-14T22:13:20.000Z", "key": "k",
                                          "epoch": 2, "last_seq": 9, "members": 7, "addresses": ["a:1"]}]


def test_authority(stage):
    run, door = stage
    door.answer("Manager.GetStatistics", "(@a{sv} {},)")
    pin, identity = "sha256:" + "ab" * 32, "0f" * 16
    assert f"Pin:      {pin}\nTracker:  {identity}\n" in run("ca").stdout
    door.set("Authority.PreviousPins", "['sha256:01', 'sha256:02']")
    door.set("Authority.Source", "'credential'")
    assert "Key from: a credential\nBefore:   sha256:01\n          sha256:02\n" in run("ca", "show").stdout
    shown = {"pin": pin, "tracker_id": identity, "created": "2023-11-14T22:13:20.000Z", "source": "credential",
             "previous_pins": ["sha256:01", "sha256:02"]}
    assert run.json("ca", "show") == shown
    assert run.json("status")["ca"] == shown
    door.answer("Authority.Rotate", "('sha256:cd',)")
    assert run("ca", "rotate", "--yes").stdout == "sha256:cd\n" and run.json("ca", "rotate", "-y") == {"pin": "sha256:cd"}


def test_status(stage):
    """What everybody may see is shown to everybody, and nobody is asked for a password for the rest."""
    run, door = stage
    door.answer("Manager.GetStatistics", "({'version': <'0.1.0'>, 'uptime_s': <uint64 7>, 'store_state': <'ok'>, 'new': <['x']>},)")
    door.calls()
    shown = run().stdout
    assert "p2pchat tracker 0.1.0\n" in shown and "Clients:  12 connected\n" in shown and "Channels: 3 hosted now\n" in shown
    assert re.search("^uptime_s +7$", shown, re.M)
    assert door.calls() == [["Manager.GetStatistics", "({},)", False]]
    everything = run.json("status")
    assert everything["statistics"] == {"version": "0.1.0", "uptime_s": 7, "store_state": "ok", "new": ["x"]}
    assert (everything["sessions"], everything["leases"], everything["store_state"]) == (12, 3, "ok")
    for error in ("AccessDenied", "InteractiveAuthorizationRequired"):
        door.fail("Manager.GetStatistics", DBUS + error, "no")
        assert "uptime" not in run("status").stdout and run.json("status")["statistics"] is None
    door.fail("Manager.GetStatistics", ERROR + "Busy", "no")
    assert run("status", check=False).returncode == 7


def test_log_level(stage):
    run, _ = stage
    assert run("log-level").stdout == "info\n" and run.json("log-level") == {"log_level": "info"}
    assert run("log-level", "debug").stdout == "" and run.json("log-level", "info") == {}
    run("log-level", "debug")
    assert run("log-level").stdout == "debug\n"


def at_terminal(run, words, typed):
    """→ (exit status, what was shown) of the program at a terminal of its own, where that is typed when it asks."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [PROGRAM, *words], run.environment)
    shown = b""

    def asks():
        nonlocal shown
        shown += os.read(terminal, 4096)
        return b"to go on: " in shown
    try:
        wait_for(asks, "the question")
        os.write(terminal, typed.encode())
        with contextlib.suppress(OSError):  # that is how a terminal ends
            while more := os.read(terminal, 4096):
                shown += more
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()
    finally:
        os.close(terminal)


@pytest.mark.parametrize("verb, word", [("user delete", "eve"), ("ca rotate", "rotate")])
def test_asked_before_it_is_too_late(stage, verb, word):
    run, door = stage
    method, words, arguments, answer = VERBS[verb]
    words = [*verb.split(), *(w for w in words if not w.startswith("-"))]
    door.answer(method, answer)
    door.calls()
    status, shown = at_terminal(run, words, "no\n")
    assert status == 1 and "nothing was done" in shown and door.calls() == []
    status, shown = at_terminal(run, words, word + "\n")
    assert status == 0 and door.calls() == [[method, arguments, True]], shown
