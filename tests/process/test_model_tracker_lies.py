# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatd at a tracker that lies in one member of one payload after the other (lies.py): it lives, says a
named error or a state, keeps what it has, and is well as soon as the tracker is."""
import datetime
import uuid

import dbus
import pytest
from cryptography import x509

from conformance import sentence
from lies import BAD_WORDS, lies
from models import ModelTracker, now
from modelstage import TrackerStage, lie_of, once, tell
from outsider import Authority, Identity, key_id, pin_of
from p2pchat import ACCOUNT, CHANNEL, ERROR, HOST, refused, wait_for


@pytest.fixture
def tracker():
    with ModelTracker(Authority()) as t:
        t.pin = pin_of(t.authority.ca)
        yield t


@pytest.fixture(scope="module")
def stage(module_world):
    return TrackerStage(module_world)


def again(tracker):
    """The daemon dials again, and says all that it says to a tracker: WATCH, HOST, HEARTBEAT."""
    n = len(tracker.asked("WATCH"))
    tracker.do(lambda c: (c.send("GOING_AWAY", None, {"reason": "stopping", "resume_in_ms": 1}), c.tls.close()))
    wait_for(lambda: len(tracker.asked("WATCH")) > n, "it to be back")


def settled(tracker):
    def ping(c):
        frame_id = str(uuid.uuid4())
        c.send("PING", frame_id, {})
        c.answer(frame_id)
    tracker.do(ping)


def channel(name, **more):
    return {"channel_name": name, "channel_id": str(uuid.uuid4()), "owner": "ann", "host": "ann", "addresses": ["127.0.0.1:1"],
            "peer_server_ip": "127.0.0.1", "peer_server_port": 1, "view_permission": "public", "topic": "a topic",
            "members": 1, "last_seq": 1, "epoch": 1, "online": True, "since": now(), **more}


# -- who one is

def test_sign_in(stage, tracker):
    """SIGNUP, SIGNIN, GUEST: signed in with the certificate that was asked for, or not at all."""
    with stage.at(tracker, sign_up=False) as bob:
        options = {"account": dbus.ObjectPath(stage.account)}
        ways = (("SIGNUP", "SignUp", ("newbie", "correct horse")), ("SIGNIN", "SignIn", ("newbie", "correct horse")),
                ("GUEST", "SignInGuest", ("newbie",)))
        for command, method, arguments in ways:
            for name, _ in lies(tracker.grant(Identity().csr(), "newbie")):
                with lie_of(f"{command} {name}"):
                    def answer(c, f, command=command, name=name):
                        guest = "guest-" if command == "GUEST" else ""
                        honest = tracker.grant(f.payload["csr"], guest + f.payload["username"])
                        tracker.ok(c, f, dict(lies(honest))[name])
                    once(tracker, command, answer)
                    _, error = tell(lambda m=method, a=arguments: bob.manager(m, "s" * len(a) + "a{sv}", *a, options))
                    assert (error is None) == bool(stage.get("Username")) and error in (None, "Protocol")
                    assert error or stage.get("Username").endswith("newbie")
                    if name.startswith("certificate") or name in ("recovery_code: bad words", "recovery_code: long"):
                        assert error == "Protocol"
                    if not error:
                        bob.call(stage.account, ACCOUNT, "SignOut", "a{sv}", {})


def test_renew(stage, tracker):
    """A certificate that is not ours is not taken, and the one that is held is kept."""
    tracker.hooks["SIGNUP"] = lambda c, f: tracker.ok(c, f, tracker.grant(f.payload["csr"], f.payload["username"],
                                                                        begin=-6, end=1))
    other = Authority()
    with stage.at(tracker) as bob:
        def old(f, username=None, **how):
            return tracker.grant(f.payload["csr"], username or stage.name, **how)

        def foreign(f):
            model = object.__new__(ModelTracker)
            model.authority = other
            return model.grant(f.payload["csr"], stage.name)
        wrong = {"somebody else": lambda f: old(f, "mallory"), "another key": lambda f: tracker.grant(Identity().csr(), stage.name),
                 "another authority": foreign, "ended": lambda f: old(f, begin=-3, end=-1), "an authority": lambda f: old(f, is_ca=True),
                 "a guest": lambda f: old(f, "guest-" + stage.name), "not yet": lambda f: old(f, begin=1, end=3),
                 "nothing": lambda f: {}, "a list": lambda f: {**old(f), "certificate": [old(f)["certificate"]]},
                 "two": lambda f: {**old(f), "certificate": "x" * 60000}}
        before = stage.get("CertificateExpires")
        for name, answer in wrong.items():
            with lie_of(name):
                n = len(tracker.asked("RENEW"))
                tracker.hooks["RENEW"] = lambda c, f, answer=answer: tracker.ok(c, f, answer(f))
                again(tracker)
                wait_for(lambda n=n: len(tracker.asked("RENEW")) > n, "it to ask for the next")
                settled(tracker)
                assert (stage.get("CertificateExpires"), stage.get("Username")) == (before, stage.name)
        tracker.hooks["RENEW"] = lambda c, f: tracker.ok(c, f, old(f, end=7))
        again(tracker)
        wait_for(lambda: stage.get("CertificateExpires") > before, "the next certificate")
        assert bob.is_up()


# -- the directory

@sentence("2.88")
def test_lists(stage, tracker):
    """LIST, by who asks for it: shown, left out, or a named error; nothing that a terminal falls over."""
    with stage.at(tracker) as bob:
        honest = {"channels": [channel("odd"), channel("tail")], "generation": 3, "next": "odd"}
        for name, lie in lies(honest):
            with lie_of(name):
                once(tracker, "LIST", lambda c, f, lie=lie: tracker.ok(c, f, lie))
                page, error = tell(bob.manager, "ListDirectory", "a{sv}", {})
                assert "LIST" not in tracker.hooks
                assert error in (None, "Protocol") and "\x1b" not in str(page and [x[4:] for x in page[0]])
                assert error or len(page[0]) <= 2
                tracker.hooks["LIST"] = lambda c, f, lie=lie: tracker.ok(c, f, lie)
                _, error = tell(bob.join, "gone")
                assert error in ("NoSuchChannel", "Protocol")
                del tracker.hooks["LIST"]
        for name, lie in lies({"channels": [channel("odd")], "generation": 3}):
            tracker.hooks["LIST"] = lambda c, f, lie=lie: tracker.ok(c, f, lie)
            if "bad words" in name:
                assert "\x1b" not in bob.ctl("list", check=False).stdout


def test_backwards(stage, tracker):
    """A `next` that does not lead on, and pages that are empty for ever, come to an end."""
    with stage.at(tracker) as bob:
        turns = iter(range(10**6))
        for name, following in (("same", lambda f: "mm"), ("back", lambda f: f.payload.get("after", "mm")[:-1] or "a"),
                                ("to and fro", lambda f: "mm" if next(turns) % 2 else "nn")):
            with lie_of(name):
                n = len(tracker.asked("LIST"))
                tracker.hooks["LIST"] = lambda c, f, following=following: tracker.ok(
                    c, f, {"channels": [], "generation": 1, "next": following(f)})
                assert bob.ctl("list", check=False).returncode == 1
                assert tell(bob.join, "zz")[1] in ("NoSuchChannel", "Protocol")
                assert len(tracker.asked("LIST")) - n < 20


def test_watch(stage, tracker):
    """WATCH's answer and CHANNELS, wrong in every member, and generations that go back."""
    with stage.at(tracker) as bob:
        path = bob.host("mine")
        for name, lie in lies({"generation": 5, "reset": False}):
            with lie_of(name):
                once(tracker, "WATCH", lambda c, f, lie=lie: tracker.ok(c, f, lie))
                again(tracker)
                stage.wait_state("online")
        pushes = [lie for _, lie in lies({"generation": 9, "changed": [channel("odd"), channel("mine")],
                                         "removed": ["mine", "gone"], "reset": True})]
        pushes += [{"generation": g, "changed": [channel("odd")], "removed": []} for g in (8, 3, 0, 2**53 - 1, 1)]
        for lie in pushes:
            tracker.do(lambda c, lie=lie: c.send("CHANNELS", None, lie))
        settled(tracker)
        assert bob.get(path, CHANNEL, "State") == "live", "what we host is ours to know"
        assert bob.send(path, "as ever", wait="stored")[1] > 0
        bob.call(path, HOST, "Unhost", "a{sv}", {"forget": True})


def test_somebody_elses(stage, tracker):
    """A directory that says that our own channel is another's, or elsewhere."""
    with stage.at(tracker) as bob:
        path = bob.host("own")
        mine = tracker.channels["own"]
        for changed in ({**mine, "owner": "mallory"}, {**mine, "host": "mallory"}, {**mine, "channel_id": str(uuid.uuid4())},
                        {**mine, "addresses": ["127.0.0.1:9"]}, {**mine, "online": False}, {**mine, "last_seq": 2**53 - 1},
                        {**mine, "epoch": 2**53 - 1}):
            tracker.do(lambda c, x=changed: c.send("CHANNELS", None, {"generation": 10, "changed": [x], "removed": []}))
        settled(tracker)
        assert bob.get(path, CHANNEL, "State") == "live" and bob.get(path, CHANNEL, "Owner") == stage.name
        assert bob.send(path, "mine", wait="stored")[1] > 0
        bob.call(path, HOST, "Unhost", "a{sv}", {"forget": True})


# -- hosting

def test_host(stage, tracker):
    """HOST's answer: the channel is served as it was asked for, or there is a named error."""
    with stage.at(tracker) as bob:
        for name, _ in lies({"channel_id": "x", "epoch": 1, "lease_seconds": 60, "observed_address": "127.0.0.1:1"}):
            with lie_of(name):
                def answer(c, f, name=name):
                    tracker.ok(c, f, dict(lies({"channel_id": f.payload["channel_id"], "epoch": 1, "lease_seconds": 60,
                                                "observed_address": "127.0.0.1:1"}))[name])
                once(tracker, "HOST", answer)
                path, error = tell(bob.host, "served")
                assert error in (None, "Protocol", "Internal", "Conflict", "StaleEpoch"), error
                path = path or bob.host("served")
                wait_for(lambda p=path: bob.get(p, CHANNEL, "State") == "live", "it to be served")
                assert bob.get(path, CHANNEL, "Id") == tracker.asked("HOST")[-1]["channel_id"]
                bob.call(path, HOST, "Unhost", "a{sv}", {"forget": True})


def test_heartbeat(stage, tracker):
    """HEARTBEAT's answer: what is no loss takes nothing away, of no channel but ours."""
    until = (datetime.datetime.utcnow() + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with stage.at(tracker) as bob:
        path = bob.host("beating")
        honest = {"lease_seconds": 60, "lost": [{"channel_name": "foreign", "error": "stale-epoch"}],
                  "revocations": [{"version": 7, "key": "ab" * 32, "until": until}], "more": False}
        for name, lie in lies(honest):
            with lie_of(name):
                once(tracker, "HEARTBEAT", lambda c, f, lie=lie: tracker.ok(c, f, lie))
                again(tracker)
                wait_for(lambda: "HEARTBEAT" not in tracker.hooks, "a beat")
                settled(tracker)
                assert bob.get(path, CHANNEL, "State") == "live"
        # For ever more of the same, and what goes back.
        n = len(tracker.asked("HEARTBEAT"))
        for version in (2**53 - 1, 9, 0):
            tracker.hooks["HEARTBEAT"] = lambda c, f, v=version: tracker.ok(c, f, {
                **honest, "revocations": [{"version": v, "key": "cd" * 32, "until": until}], "more": True})
            again(tracker)
            settled(tracker)
        assert len(tracker.asked("HEARTBEAT")) - n < 20
        afters = [p["revocations_after"] for p in tracker.asked("HEARTBEAT")]
        assert afters == sorted(afters), "what was heard of is never asked for again"
        assert bob.send(path, "as ever", wait="stored")[1] > 0
        bob.call(path, HOST, "Unhost", "a{sv}", {"forget": True})


def test_own_key(stage, tracker):
    """Our own key among those that are revoked: the daemon lives, and says what is to be done."""
    until = (datetime.datetime.utcnow() + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    keys = []

    def on_signup(c, f):
        keys.append(key_id(x509.load_pem_x509_csr(f.payload["csr"].encode()).public_key()))
        ModelTracker.on_signup(tracker, c, f)
    tracker.hooks["SIGNUP"] = on_signup
    with stage.at(tracker) as bob:
        path = bob.host("keyed")
        once(tracker, "HEARTBEAT", lambda c, f: tracker.ok(c, f, {
            "lease_seconds": 60, "lost": [], "revocations": [{"version": 5, "key": keys[-1], "until": until}], "more": False}))
        again(tracker)
        wait_for(lambda: "HEARTBEAT" not in tracker.hooks, "a beat")
        settled(tracker)
        assert bob.send(path, "still here", wait="stored")[1] > 0
        assert bob.get(path, CHANNEL, "State") == "live"
        bob.call(path, HOST, "Unhost", "a{sv}", {"forget": True})


# -- the account, and people

@sentence("2.88")
def test_account(stage, tracker):
    """DEVICES and WHOIS, and answers of commands that have none to give."""
    with stage.at(tracker) as bob:
        device = {"key": "1" * 64, "created": now(), "seen": now(), "this": False}
        for name, lie in lies({"devices": [device, {**device, "key": "2" * 64}], "next": "3" * 64}):
            with lie_of(name):
                once(tracker, "DEVICES", lambda c, f, lie=lie: tracker.ok(c, f, lie))
                devices, error = tell(bob.call, stage.account, ACCOUNT, "ListDevices", "a{sv}", {})
                assert error in (None, "Protocol") and (error or len(devices) <= 3)
        n = len(tracker.asked("DEVICES"))
        tracker.hooks["DEVICES"] = lambda c, f: tracker.ok(c, f, {"devices": [device], "next": device["key"]})
        assert tell(bob.call, stage.account, ACCOUNT, "ListDevices", "a{sv}", {})[1] == "Protocol"
        assert len(tracker.asked("DEVICES")) - n < 5
        tracker.hooks["PASSWD"] = lambda c, f: tracker.ok(c, f, {"error": "internal", "message": BAD_WORDS})
        bob.call(stage.account, ACCOUNT, "ChangePassword", "ssa{sv}", "correct horse", "battery staple", {})
        path = bob.host("people")
        for name, lie in lies({"username": "zoe", "exists": True, "user_type": "REGISTERED"}):
            with lie_of(name):
                once(tracker, "WHOIS", lambda c, f, lie=lie: tracker.ok(c, f, lie))
                _, error = tell(bob.call, path, "org.p2pchat.Peer1.Moderation", "Authorize", "ssa{sv}", "zoe", "member", {})
                assert error in (None, "Protocol", "NoSuchUser", "GuestsNotAllowed"), error
                assert bob.get(path, CHANNEL, "State") == "live"
        bob.call(path, HOST, "Unhost", "a{sv}", {"forget": True})


def test_messages(stage, tracker):
    """The words of a refusal are text of one line, whatever they were."""
    with stage.at(tracker) as bob:
        refusal = {"error": "no-such-user", "message": "words", "retry_after_ms": 5, "field": "username"}
        for name, lie in lies(refusal):
            with lie_of(name):
                once(tracker, "LIST", lambda c, f, lie=lie: c.send("REQUEST_ERROR", f.id, lie))
                error, message = refused(bob.manager, "ListDirectory", "a{sv}", {})
                assert error.startswith(ERROR) and message
                assert not set(message) & set("\x1b\x07\n\u0085\ufffe") and len(message.encode()) <= 1024
