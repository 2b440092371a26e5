# SPDX-License-Identifier: LGPL-2.1-or-later
"""How p2pchatd says how its user is to be shown, as a host hears it: invisible or not, away or not, by what
logind says; and what it does where a host does not heed it."""
import contextlib
import json

import pytest

from logind import SystemBus
from modelstage import MemberStage
from p2pchat import CHANNEL, ERROR, MANAGER, PATH, PROPERTIES, refused, wait_for


@pytest.fixture(scope="module")
def stage(module_world):
    return MemberStage(module_world)


@pytest.fixture(autouse=True)
def visible_at_the_end(stage):
    yield
    assert stage.bob.is_up()
    invisible(stage, False)


def invisible(stage, value):
    stage.bob.call(PATH, PROPERTIES, "Set", "ssv", MANAGER, "Invisible", value)
    assert stage.bob.get(PATH, MANAGER, "Invisible") is value


def said(h, command="INVISIBLE", key="invisible"):
    return [p[key] for p in h.asked(command)]


# -- invisible

def test_told_where_it_is_connected(stage):
    with stage.host() as h:
        assert [c["invisible"] for c in h.asked("CONNECT")] == [False]
        invisible(stage, True)
        wait_for(lambda: said(h) == [True], "the host to hear it")
        stage.bob.send(h.path, "by nobody who is here", wait="stored")
        invisible(stage, False)
        wait_for(lambda: said(h) == [True, False], "the host to hear that she is back")
        assert len(h.asked("CONNECT")) == 1
        invisible(stage, False)  # nothing new
        stage.bob.send(h.path, "again", wait="stored")
        assert said(h) == [True, False]


def test_said_first_to_who_was_away(stage):
    """CONNECT carries it: on the next connection of whatever kind, in the next process, and of a channel that is
    joined then."""
    with stage.host() as h, stage.host() as h2:
        h.hooks["CONNECT"] = lambda c, f: h.fail(c, f, "SERVER_ERROR", "busy", retry_after_ms=100)
        h.do(lambda c: c.tls.close())
        wait_for(lambda: len(h.asked("CONNECT")) > 1, "it to come back")
        invisible(stage, True)
        wait_for(lambda: said(h2) == [True], "the other host to hear it")
        wait_for(lambda: h.asked("CONNECT")[-1]["invisible"], "it to be said with the next CONNECT")
        h.hooks.pop("CONNECT")
        stage.wait_state(h, "live")
        for host in (h, h2):
            host.requests.clear()
        stage.bob.stop_daemon()
        stage.bob.start_daemon()
        assert stage.bob.get(PATH, MANAGER, "Invisible") is True
        for host in (h, h2):
            stage.wait_state(host, "live")
            assert {c["invisible"] for c in host.asked("CONNECT")} == {True} and not said(host)
        with stage.host() as h3:
            assert [c["invisible"] for c in h3.asked("CONNECT")] == [True] and not said(h3)


def test_changed_while_it_connects(stage):
    """The answer to a CONNECT that said something else is on its way: then it is said again."""
    with stage.host() as h:
        asked = []

        def hold(c, f):
            asked.append(f)
            if len(asked) == 1:
                stage.bob.call(PATH, PROPERTIES, "Set", "ssv", MANAGER, "Invisible", True)
            h.on_connect(c, f)
        h.hooks["CONNECT"] = hold
        h.do(lambda c: c.tls.close())
        wait_for(lambda: said(h) == [True], "the host to hear it")
        assert asked[0].payload["invisible"] is False


@pytest.mark.parametrize("command, code", (("INVISIBLE", "unsupported"), ("INVISIBLE", "unknown-command"),
                                           ("CONNECT", "unsupported")))
def test_left_rather_than_seen(stage, command, code):
    """A host that knows no invisible members: nothing of us stays there, and people are told why."""
    with stage.host() as h, stage.host() as other:
        h.hooks[command] = lambda c, f: h.fail(c, f, "REQUEST_ERROR", code) if f.payload["invisible"] else (
            getattr(h, "on_" + command.lower())(c, f))
        if command == "CONNECT":
            h.hooks["INVISIBLE"] = lambda c, f: h.fail(c, f, "SERVER_ERROR", "busy", retry_after_ms=1)
        invisible(stage, True)
        wait_for(lambda: "closed" in h.outcomes, "bob to leave")
        wait_for(lambda: stage.get(h, "StateReason") == "seen-there", "the reason")
        assert stage.get(h, "State") == "offline" and "invisible off" in stage.get(h, "StateText")
        assert stage.get(h, "NextRetry") > 0
        wait_for(lambda: said(other) == [True], "the other host to hear it")
        assert stage.get(other, "State") == "live"
        row = next(x for x in stage.bob.ctl("status").stdout.splitlines() if x.startswith(h.name + " is offline"))
        assert row.endswith("seen-there"), row
        message_id, seq = stage.bob.send(h.path, "when I am seen again")
        assert seq == 0
        n = len(h.asked("CONNECT"))
        invisible(stage, False)
        stage.has(h, "when I am seen again")
        assert [c["invisible"] for c in h.asked("CONNECT")[n:]] == [False]


def test_join_is_refused(stage):
    """… and one that is joined then is no channel."""
    invisible(stage, True)
    with stage.host(join=False) as h:
        h.hooks["CONNECT"] = lambda c, f: h.fail(c, f, "REQUEST_ERROR", "unsupported")
        name, message = refused(stage.bob.join, h.name)
        assert name == ERROR + "Unsupported" and "invisible off" in message
        assert h.name not in stage.bob.ctl("channels").stdout


@pytest.mark.parametrize("answer", ("busy", "rate-limited", "internal", "none"))
def test_asked_again(stage, answer):
    """No answer that counts: until there is one it is said anew, and nothing else before."""
    with stage.host() as h:
        if answer == "none":
            h.hooks["INVISIBLE"] = lambda c, f: c.tls.close()
        else:
            status = "REQUEST_ERROR" if answer == "rate-limited" else "SERVER_ERROR"
            h.hooks["INVISIBLE"] = lambda c, f: h.fail(c, f, status, answer, retry_after_ms=100)
        invisible(stage, True)
        wait_for(lambda: said(h), "the host to hear it")
        wait_for(lambda: len(h.asked("CONNECT")) > 1, "it to be said again")
        assert h.asked("CONNECT")[-1]["invisible"] is True
        stage.wait_state(h, "live")


# -- away

@contextlib.contextmanager
def watched(stage, **session):
    """bob's daemon sees a logind with one session of his."""
    with SystemBus(stage.world.directory, "bob") as bus, bus.logind(**session) as logind:
        stage.bob.stop_daemon()
        stage.bob.start_daemon(env=bus.environment)
        try:
            yield bus, logind
        finally:
            stage.bob.stop_daemon()
            stage.bob.start_daemon()


def status(h):
    """What the host was told last."""
    told = [p["status"] for c, p in list(h.requests) if c in ("CONNECT", "STATUS")]
    return told[-1] if told else None


AWAY = ({"IdleHint": True}, {"LockedHint": True}, {"Active": False, "State": "online"}, {"State": "closing"},
        {"Class": "manager"}, {"Class": "greeter"}, {"Type": "unspecified"}, {"Class": "lock-screen"})


def test_away(stage):
    """Each of these is no session in which somebody is, and the plain one is."""
    with stage.host() as h, watched(stage) as (bus, logind):
        stage.wait_state(h, "live")
        assert status(h) == "online"
        for away in AWAY:
            logind.session("1", **away)
            wait_for(lambda: status(h) == "away", f"bob to be away with {away}")
            logind.session("1", **{k: {"Class": "user", "Type": "tty", "State": "active", "Active": True}.get(k, False)
                                   for k in away})
            wait_for(lambda: status(h) == "online", f"bob to be back after {away}")
        logind.session("1", IdleHint=True)
        wait_for(lambda: status(h) == "away", "bob to be away")
        logind.session("2", Type="tty")  # one of several is enough
        wait_for(lambda: status(h) == "online", "bob to be at the other one")
        logind.remove("2")
        wait_for(lambda: status(h) == "away", "bob to be away there, too")
        logind.remove("1")
        logind.session("3", Type="x11", Class="user")
        wait_for(lambda: status(h) == "online", "bob to be back")
        logind.remove("3")  # lingering
        wait_for(lambda: status(h) == "away", "bob to have logged out")
        logind.unknown()
        wait_for(lambda: status(h) == "online", "bob to be online, where there is no session at all")
        assert len(h.asked("CONNECT")) == 2 and not said(h)


def test_away_said_with_connect(stage):
    """… and of who is invisible, told to the host all the same, for when he is seen."""
    with stage.host() as h, watched(stage, IdleHint=True) as (bus, logind):
        wait_for(lambda: status(h) == "away", "bob to be away")
        h.requests.clear()
        h.do(lambda c: c.tls.close())
        wait_for(lambda: status(h) == "away", "that to be said with CONNECT")
        stage.wait_state(h, "live")
        assert not h.asked("STATUS")
        invisible(stage, True)
        wait_for(lambda: said(h) == [True], "him to be gone")
        logind.session("1", IdleHint=False)
        wait_for(lambda: status(h) == "online", "his status to be told")
        assert [set(p) for p in h.asked("STATUS")] == [{"channel_name", "channel_id", "status"}]


def test_host_without_status(stage):
    """A host that does not know STATUS is none to leave, or to ask again."""
    with stage.host() as h, watched(stage) as (bus, logind):
        stage.wait_state(h, "live")
        n = len(h.asked("CONNECT"))
        h.hooks["STATUS"] = lambda c, f: h.fail(c, f, "REQUEST_ERROR", "unknown-command")
        logind.session("1", LockedHint=True)
        wait_for(lambda: status(h) == "away", "it to be told")
        stage.bob.send(h.path, "still here", wait="stored")
        assert (len(h.asked("STATUS")), len(h.asked("CONNECT")), stage.get(h, "State")) == (1, n, "live")


def test_logind_goes_and_comes(stage):
    """Without it, or without the whole bus, bob is online; each is found again, and nothing is asked unless there
    was a reason."""
    def said_so():
        return stage.bob.log().count("Whether you are away is not known")
    with stage.host() as h, watched(stage, IdleHint=True) as (bus, logind):
        wait_for(lambda: status(h) == "away", "bob to be away")
        n_said = said_so()
        bus.stop()
        wait_for(lambda: status(h) == "online", "bob to be online without a system bus")
        bus.start()
        stage.bob.send(h.path, "without logind", wait="stored")
        with bus.logind(LockedHint=True) as again:
            wait_for(lambda: status(h) == "away", "bob to be away by the next logind")
            n = again.n_asked()
            stage.bob.send(h.path, "x", wait="stored")
            assert again.n_asked() == n
        wait_for(lambda: status(h) == "online", "bob to be online without logind")
        assert said_so() - n_said <= 3


def test_no_logind(stage):
    """A system bus that has none, one that says nothing, and none: bob is online, and all goes on."""
    with stage.host() as h:
        assert status(h) == "online"
        with SystemBus(stage.world.directory, "bob") as bus:
            stage.bob.stop_daemon()
            stage.bob.start_daemon(env=bus.environment)
            stage.bob.send(h.path, "on a bus without logind", wait="stored")
        stage.bob.send(h.path, "without that bus", wait="stored")
        assert status(h) == "online" and not h.asked("STATUS")


# -- the number

def test_members_online(stage):
    """The host's number is shown, whether it names who came or not; nobody is asked for the list."""
    person = {"username": "dora", "user_type": "REGISTERED", "role": "none", "status": "online"}
    with stage.host() as h:
        def push(generation, **payload):
            h.do(lambda c: h.push(c, "PRESENCE", generation=generation, **payload))
        push(5, members_online=2, changes=[person])
        wait_for(lambda: stage.get(h, "MembersOnline") == 2, "one more")
        with stage.bob.signals(signal_name="MembersChanged", path=h.path) as got:
            for n in range(6, 106):
                push(n, members_online=500 + n, changes=[], reset=True)
            wait_for(lambda: stage.get(h, "MembersOnline") == 605, "so many")
            push(3, members_online=1, changes=[])
            for wrong in ({}, {"members_online": -1}, {"members_online": "7"}, {"members_online": None}):
                push(200, **wrong, changes=[])
            push(106, members_online=3, changes=[])
            wait_for(lambda: stage.get(h, "MembersOnline") == 3, "the next number")
            assert len(got) < 100
        assert not h.asked("MEMBERS")


def test_statuses_are_shown(stage):
    """GetMembers, members and its JSON: status and type of each."""
    people = [{"username": name, "user_type": kind, "role": role, "status": s, "since": "2026-01-01T00:00:00.000Z"}
              for name, kind, role, s in (("ada", "REGISTERED", "moderator", "away"), ("bob", "REGISTERED", "none", "online"),
                                          ("guest-gus", "GUEST", "none", "online"))]
    with stage.host() as h:
        h.hooks["MEMBERS"] = lambda c, f: h.ok(c, f, {"members": people, "generation": 2})
        members, _ = stage.bob.call(h.path, CHANNEL, "GetMembers", "a{sv}", {})
        assert [m[:4] for m in members] == [("ada", "registered", "moderator", "away"), ("bob", "registered", "none", "online"),
                                            ("guest-gus", "guest", "none", "online")]
        shown = [x.split()[:4] for x in stage.bob.ctl("members", h.name).stdout.splitlines()[1:]]
        assert shown == [list(m[:4]) for m in members]
        assert json.loads(stage.bob.ctl("members", h.name, "-j").stdout) == people
