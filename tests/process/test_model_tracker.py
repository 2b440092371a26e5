# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatd at a tracker that was written from the protocol page alone, honest or not: what is asked of
it, and what is believed of what it says."""
import uuid

import dbus
import pytest
from cryptography import x509

from conformance import sentence
from models import ModelTracker, now
from modelstage import TrackerStage
from outsider import Authority, Identity, key_id, pin_of
from p2pchat import ACCOUNT, CHANNEL, ERROR, HOST, MANAGER, PATH, refused, wait_for


@pytest.fixture
def tracker():
    with ModelTracker(Authority()) as t:
        t.pin = pin_of(t.authority.ca)
        yield t


@pytest.fixture(scope="module")
def stage(module_world):
    return TrackerStage(module_world)


def test_honest(stage, tracker):
    with stage.at(tracker) as bob:
        (request,) = tracker.asked("SIGNUP")
        assert set(request) == {"username", "password", "csr"} and len(request["csr"]) <= 4096
        assert stage.get("Username") == stage.name and stage.get("CertificateExpires") > 0
        wait_for(lambda: tracker.live and tracker.live[-1].username == stage.name, "it to come with its certificate")
        path = bob.host("den", topic="hällo")
        (host,) = tracker.asked("HOST")
        assert set(host) >= {"channel_name", "channel_id", "addresses", "view_permission", "topic", "epoch", "last_seq", "members"}
        assert (host["channel_name"], host["view_permission"], host["topic"]) == ("den", "public", "hällo")
        assert host["addresses"]
        assert bob.get(path, CHANNEL, "State") == "live" and bob.get(path, HOST, "LeaseUntil") > 0
        bob.call(path, "org.p2pchat.Peer1.Moderation", "SetPermissions", "a{sv}", {"view_permission": "restricted"})
        wait_for(lambda: [p for p in tracker.asked("VIEW") + tracker.asked("HOST")[1:]
                          if p.get("view_permission") == "restricted"], "the tracker to be told")
        bob.call(path, HOST, "Unhost", "a{sv}", {"forget": True})
        assert tracker.asked("UNHOST") == [{"channel_name": "den", "forget": True}]


def test_wrong_certificates(stage, tracker):
    """What a tracker signs is looked at: another name, another key, another CA, no certificate at all."""
    other = Authority()
    with stage.at(tracker, sign_up=False) as bob:
        def answer(change):
            def on_signup(c, f):
                tracker.ok(c, f, change(tracker.grant(f.payload["csr"], f.payload["username"]), f.payload["csr"]))
            return on_signup
        wrong = {
            "another name": lambda g, csr: {**g, "certificate": tracker.grant(csr, "mallory")["certificate"]},
            "a guest": lambda g, csr: {**g, "certificate": tracker.grant(csr, "guest-mallory")["certificate"]},
            "another key": lambda g, csr: {**g, "certificate": tracker.grant(Identity().csr(), g["username"])["certificate"]},
            "another ca": lambda g, csr: {**g, **foreign(other, csr, g["username"])},
            "expired": lambda g, csr: tracker.grant(csr, g["username"], begin=-3, end=-1),
            "a ca itself": lambda g, csr: tracker.grant(csr, g["username"], is_ca=True),
            "no certificate": lambda g, csr: {**g, "certificate": "nonsense"},
            "nothing": lambda g, csr: {},
            "a number": lambda g, csr: {**g, "certificate": 7},
        }
        for what, change in wrong.items():
            tracker.hooks["SIGNUP"] = answer(change)
            name, _ = refused(stage.sign_up)
            assert name.removeprefix(ERROR) in ("Protocol", "Internal", "CertificateExpired"), what
            assert stage.get("Username") == "", what
        tracker.hooks.clear()
        stage.sign_up()
        assert stage.get("Username") == stage.name
        assert bob.is_up()


def foreign(authority, csr, username):
    """The certificate of another CA, under its own id."""
    model = object.__new__(ModelTracker)
    model.authority = authority
    grant = model.grant(csr, username)
    return {"certificate": grant["certificate"], "ca": grant["ca"]}


def test_refusals_have_names(stage, tracker):
    with stage.at(tracker, sign_up=False):
        for status, code, error in (
                ("REQUEST_ERROR", "name-taken", "NameTaken"), ("REQUEST_ERROR", "rate-limited", "RateLimited"),
                ("REQUEST_ERROR", "weak-password", "WeakPassword"), ("UNAUTHORIZED", "bad-credentials", "BadCredentials"),
                ("SERVER_ERROR", "internal", "Internal"), ("SERVER_ERROR", "busy", "Busy"),
                ("REQUEST_ERROR", "a-code-of-tomorrow", "BadRequest"), ("REQUEST_ERROR", "bad-request", "BadRequest")):
            tracker.hooks["SIGNUP"] = lambda c, f, s=status, e=code: tracker.fail(c, f, s, e, retry_after_ms=60000)
            name, message = refused(stage.sign_up)
            assert name == ERROR + error, code
            assert message
        tracker.hooks["SIGNUP"] = lambda c, f: c.tls.close()
        assert refused(stage.sign_up)[0] == ERROR + "Timeout"


@pytest.mark.parametrize("junk", (
    b"hello\n", b"OK-{" + b" " * 70000, b'CHANNELS-{"id":null,"payload":{"a":1,"a":2}}\n', b"\0\n",
    b'REQUEST_ERROR-{"id":null,"payload":{"error":"bad-frame","message":"?"}}\n'), ids=range(5))
def test_junk(stage, tracker, junk):
    """A line that is no frame ends the connection; the next is as good as the first."""
    with stage.at(tracker) as bob:
        n = len(tracker.asked("HELLO"))
        tracker.do(lambda c: (c.send_bytes(junk), c.tls.close() if junk.startswith(b"REQ") else None))
        wait_for(lambda: len(tracker.asked("HELLO")) > n, "it to come back")
        stage.wait_state("online")
        bob.manager("ListDirectory", "a{sv}", {})


def channel(name, **more):
    return {"channel_name": name, "channel_id": str(uuid.uuid4()), "owner": "ann", "host": "ann", "addresses": [],
            "view_permission": "public", "topic": "", "members": 1, "last_seq": 1, "epoch": 1, "online": True,
            "since": now(), **more}


def test_odd_lists(stage, tracker):
    """Entries of a list that are none are left out; the rest is shown; an answer that is none has a name."""
    good = channel("good")
    with stage.at(tracker) as bob:
        for bad in (channel("Bad Name"), channel("bad", topic=7), channel("bad", channel_id="x"), channel("bad", epoch=-1),
                    {}, 7, None, channel("bad", addresses=["nowhere", 7]), channel("bad", since="yesterday"),
                    channel("bad", view_permission="secret"), channel("bad", topic="\x1b[31m\u0085")):
            tracker.hooks["LIST"] = lambda c, f, b=bad: tracker.ok(c, f, {"channels": [b, good], "generation": 1})
            channels, _ = bob.manager("ListDirectory", "a{sv}", {})
            assert channels[-1][0] == "good" and len(channels) <= 2
            shown = bob.ctl("list").stdout
            assert "good" in shown and "\x1b" not in shown
        for payload in ({}, {"channels": {}}, {"channels": [], "generation": "1"}, []):
            tracker.hooks["LIST"] = lambda c, f, p=payload: tracker.ok(c, f, p)
            assert refused(bob.manager, "ListDirectory", "a{sv}", {})[0] == ERROR + "Protocol", payload
        # Pushes of that kind change nothing.
        tracker.hooks.clear()
        for payload in ({}, {"generation": "x"}, {"generation": 2, "changed": 7, "removed": 7},
                        {"generation": 2**53 - 1, "changed": [7, {}], "removed": [7, {}]}):
            tracker.do(lambda c, p=payload: c.send("CHANNELS", None, p))
        bob.manager("ListDirectory", "a{sv}", {})
        assert len(tracker.asked("HELLO")) <= 2


def test_endless_list(stage, tracker):
    """A list that never ends does not keep anybody for ever."""
    with stage.at(tracker) as bob:
        tracker.hooks["LIST"] = lambda c, f: tracker.ok(c, f, {"channels": [channel("good")], "generation": 1, "next": "good"})
        assert refused(bob.join, "no-such")[0].startswith(ERROR)
        result = bob.ctl("list", check=False)
        assert result.returncode == 1 and "end" in result.stderr


def test_lease_lost(stage, tracker):
    """stale-epoch in a heartbeat: that channel is not served any more, at once; the others are."""
    with stage.at(tracker) as bob:
        tracker.hooks["HOST"] = lambda c, f: tracker.ok(c, f, {
            "channel_id": f.payload["channel_id"], "epoch": 1, "lease_seconds": 3,
            "observed_address": f.payload["addresses"][0]})
        lost, kept = bob.host("lost"), bob.host("kept")
        tracker.hooks["HEARTBEAT"] = lambda c, f: tracker.ok(c, f, {
            "lease_seconds": 3, "lost": [{"channel_name": "lost", "error": "stale-epoch"}], "revocations": [], "more": False})
        wait_for(lambda: bob.get(lost, CHANNEL, "State") != "live", "it to stop")
        assert bob.get(kept, CHANNEL, "State") == "live"
        beats = [b for b in tracker.asked("HEARTBEAT") if b["channels"]]  # without: it asks for revoked keys only
        assert {c["channel_name"] for c in beats[0]["channels"]} == {"lost", "kept"}
        assert set(beats[0]) == {"channels", "revocations_after", "instance"}
        assert beats[0]["instance"] == tracker.asked("HOST")[0]["instance"] and uuid.UUID(beats[0]["instance"])
        assert set(beats[0]["channels"][0]) >= {"channel_name", "epoch", "last_seq", "members"}
        bob.call(kept, HOST, "Unhost", "a{sv}", {"forget": True})


@sentence("4.HEARTBEAT.10")
def test_tracker_is_away(stage, tracker):
    """An unanswered heartbeat changes nothing for members; a channel that is known comes up without a
    tracker, for those who know the address."""
    with stage.at(tracker) as bob:
        path = bob.host("home")
        bob.send(path, "before", wait="stored")
        tracker.__exit__()
        stage.wait_state("offline", "connecting")
        assert bob.get(path, CHANNEL, "State") == "live"
        assert bob.send(path, "without a tracker", wait="stored")[1] > 0
        bob.stop_daemon()
        bob.start_daemon()
        wait_for(lambda: bob.get(path, CHANNEL, "State") == "live", "the channel to be up")
        assert bob.send(path, "after a restart", wait="stored")[1] > 0
        assert bob.texts(path) == ["before", "without a tracker", "after a restart"]
        assert bob.get(PATH, MANAGER, "DefaultAccount") == stage.account


# -- what is asked, and how

@sentence("2.80")
def test_names_are_folded(stage, tracker):
    """As people type them, and as the wire has them."""
    with stage.at(tracker) as bob:
        tracker.channels["lobby"] = channel("lobby")
        bob.call(bob.join("LobBY"), CHANNEL, "Leave", "a{sv}", {"forget": True})
        bob.host("Den")
        assert {p["query"] for p in tracker.asked("LIST") if "query" in p} == {"lobby"}
        assert [p["channel_name"] for p in tracker.asked("HOST")] == ["den"]
        bob.call(stage.account, ACCOUNT, "SignOut", "a{sv}", {})
        for method, arguments, command in (("SignUp", ("BoB", "correct horse"), "SIGNUP"), ("SignIn", ("BoB", "correct horse"), "SIGNIN"),
                                           ("SignInGuest", ("BoB",), "GUEST")):
            bob.manager(method, "s" * len(arguments) + "a{sv}", *arguments, {"account": dbus.ObjectPath(stage.account)})
            assert tracker.asked(command)[-1]["username"] == "bob"
            bob.call(stage.account, ACCOUNT, "SignOut", "a{sv}", {})


@sentence("1.16")
def test_a_key_for_each_identity(stage, tracker):
    """Another name, another key; the same name again may have the same one. Another tracker, another key."""
    def key(command):
        return key_id(x509.load_pem_x509_csr(tracker.asked(command)[-1]["csr"].encode()).public_key())
    with stage.at(tracker) as bob:
        options = {"account": dbus.ObjectPath(stage.account)}
        keys = [key("SIGNUP")]
        for name in ("erin", "fred"):
            bob.call(stage.account, ACCOUNT, "SignOut", "a{sv}", {})
            tracker.hooks["SIGNIN"] = lambda c, f: c.tls.close()  # asked, and not answered
            refused(bob.manager, "SignIn", "ssa{sv}", "erin", "correct horse", options)
            tracker.hooks.clear()
            bob.manager("SignUp", "ssa{sv}", name + stage.name, "correct horse", options)
            keys += [key("SIGNIN"), key("SIGNUP")]
        assert len({keys[0], keys[2], keys[4]}) == 3 and not {keys[0], keys[2], keys[4]} & {keys[1], keys[3]}
        with ModelTracker(Authority()) as other:
            account = bob.manager("SetTracker", "sa{sv}", other.address, {"pin": pin_of(other.authority.ca)})
            bob.manager("SignUp", "ssa{sv}", "fred" + stage.name, "correct horse", {"account": dbus.ObjectPath(account)})
            csr = x509.load_pem_x509_csr(other.asked("SIGNUP")[-1]["csr"].encode())
            assert key_id(csr.public_key()) not in keys
            bob.call(account, ACCOUNT, "SignOut", "a{sv}", {})
        bob.manager("SetTracker", "sa{sv}", tracker.address, {"pin": tracker.pin})


@sentence("2.87")
def test_empty_pages(stage, tracker):
    """A page may be short, or empty, and there is more behind it."""
    pages = {"": ("bb", []), "bb": ("dd", [channel("cc")]), "dd": ("ff", []), "ff": (None, [channel("gg"), channel("zz")])}
    with stage.at(tracker) as bob:
        def on_list(c, f):
            following, channels = next(v for k, v in reversed(pages.items()) if k <= f.payload.get("after", ""))
            query = f.payload.get("query", "")
            tracker.ok(c, f, {"channels": [x for x in channels if query in x["channel_name"]], "generation": 1,
                              **({"next": following} if following else {})})
        tracker.hooks["LIST"] = on_list
        shown = [line.split()[0] for line in bob.ctl("list").stdout.splitlines()]
        assert [x for x in shown if x in ("cc", "gg", "zz")] == ["cc", "gg", "zz"]
        bob.call(bob.join("zz"), CHANNEL, "Leave", "a{sv}", {"forget": True})  # found behind them
