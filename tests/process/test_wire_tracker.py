# SPDX-License-Identifier: LGPL-2.1-or-later
"""§4 of the protocol page at a real tracker, beside test_outsider_tracker.py: who may ask for what, names,
leases and heartbeats, the directory."""
import datetime
import os
import re
import uuid

import pytest

from conformance import sentence
from outsider import TIME, Identity, frame, key_id
from p2pchat import wait_for
from wirestage import BAD_REQUEST, Stage, error_of, host_payload

NOT_SIGNED_IN = ("UNAUTHORIZED", "not-signed-in")
GUESTS_NOT_ALLOWED = ("UNAUTHORIZED", "guests-not-allowed")
NOT_OWNER = ("UNAUTHORIZED", "not-owner")
NO_SUCH_CHANNEL = ("REQUEST_ERROR", "no-such-channel")
CONFLICT = ("REQUEST_ERROR", "conflict")
OK = ("OK", None)


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world)


@pytest.fixture
def user(stage):
    """A new user's connection; .me is who it is."""
    me = stage.person(stage.new_name())
    with stage.signed_in(me) as c:
        c.me = me
        yield c


@pytest.fixture
def stranger(stage):
    with stage.stranger() as c:
        yield c


@pytest.fixture
def guest(stage):
    with stage.signed_in("guest-" + stage.new_name("g")) as c:
        yield c


def entry(c, name):
    """→ the CHANNEL of that name, or None."""
    return next((x for x in c.ok("LIST", {"query": name})["channels"] if x["channel_name"] == name), None)


def beat(name, **changes):
    return {"channel_name": name, "epoch": 1, "last_seq": 0, "members": 0, **changes}


def heartbeat(c, *beats, after=0):
    return c.ok("HEARTBEAT", {"channels": list(beats), "revocations_after": after})


# -- who

WHO = {  # command → what a stranger, a guest and a user hear whose payload is empty
    "SIGNUP": (BAD_REQUEST, BAD_REQUEST, BAD_REQUEST),
    "SIGNIN": (BAD_REQUEST, BAD_REQUEST, BAD_REQUEST),
    "RECOVER": (BAD_REQUEST, BAD_REQUEST, BAD_REQUEST),
    "GUEST": (BAD_REQUEST, BAD_REQUEST, BAD_REQUEST),
    "RENEW": (BAD_REQUEST, BAD_REQUEST, BAD_REQUEST),
    "PASSWD": (NOT_SIGNED_IN, GUESTS_NOT_ALLOWED, BAD_REQUEST),
    "DEVICES": (NOT_SIGNED_IN, GUESTS_NOT_ALLOWED, OK),
    "DELETE": (NOT_SIGNED_IN, GUESTS_NOT_ALLOWED, BAD_REQUEST),
    "WHOIS": (NOT_SIGNED_IN, BAD_REQUEST, BAD_REQUEST),
    "LIST": (OK, OK, OK),
    "WATCH": (OK, OK, OK),
    "HOST": (NOT_SIGNED_IN, GUESTS_NOT_ALLOWED, BAD_REQUEST),
    "HEARTBEAT": (NOT_SIGNED_IN, GUESTS_NOT_ALLOWED, BAD_REQUEST),
    "VIEW": (NOT_SIGNED_IN, GUESTS_NOT_ALLOWED, BAD_REQUEST),
    "UNHOST": (NOT_SIGNED_IN, GUESTS_NOT_ALLOWED, BAD_REQUEST),
    "SIGNOUT": (NOT_SIGNED_IN, OK, OK),  # the last one: it ends the connection
}


@sentence("4.PASSWD.3", "4.DEVICES.3", "4.DELETE.3", "4.WHOIS.3", "4.LIST.3", "4.SIGNOUT.3", "4.HOST.3", "4.1",
          "4.WATCH.4", "2.34", "2.41")
def test_who(stranger, guest, user):
    """Who it is comes before what is asked: a stranger does not learn what a payload should be."""
    for command, expected in WHO.items():
        assert tuple(error_of(c.request(command)) for c in (stranger, guest, user)) == expected, command


@sentence("4.2", "4.SIGNUP.3", "4.SIGNIN.3", "4.RECOVER.3", "4.GUEST.3")
def test_strangers_commands(stage, guest, user):
    """SIGNUP, SIGNIN, RECOVER and GUEST over a signed-in connection: bad-request, and nothing is done."""
    name = stage.new_name()
    for c in (guest, user):
        for command, more in (("SIGNUP", {"password": "correct horse"}), ("GUEST", {}),
                              ("SIGNIN", {"password": "correct horse"}),
                              ("RECOVER", {"recovery_code": "x", "new_password": "correct horse"})):
            f = c.request(command, {"username": name, "csr": Identity().csr(), **more})
            assert error_of(f) == BAD_REQUEST and "field" not in f.payload, command
    assert user.ok("WHOIS", {"username": name})["exists"] is False
    assert user.ok("WHOIS", {"username": "guest-" + name})["exists"] is False


# -- identities

@sentence("4.SIGNUP.7")
def test_sign_up_again(stage, stranger):
    """By the same key and password: OK again, with another code in place of the first."""
    me, name = Identity(), stage.new_name()
    request = {"username": name, "password": "correct horse", "csr": me.csr()}
    first = me.take(stranger.ok("SIGNUP", request))
    second = me.take(stranger.ok("SIGNUP", request))
    assert set(first) == set(second) and second["certificate"] != first["certificate"]
    recover = {"username": name, "new_password": "battery staple", "csr": Identity().csr()}
    f = stranger.request("RECOVER", {**recover, "recovery_code": first["recovery_code"]})
    assert error_of(f) == ("UNAUTHORIZED", "bad-credentials")
    stranger.ok("RECOVER", {**recover, "recovery_code": second["recovery_code"]})


@sentence("4.SIGNUP.8", "4.RECOVER.5", "4.RECOVER.6")
def test_recovery_codes(stage, stranger):
    """Four groups of five characters, as people write them: case, spaces and dashes do not count. Each is good
    once, and gives the next."""
    me, name = Identity(), stage.new_name()
    code = stranger.ok("SIGNUP", {"username": name, "password": "correct horse", "csr": me.csr()})["recovery_code"]
    seen = {code}
    for spell in (str.lower, str.upper, lambda c: c.replace("-", ""), lambda c: c.replace("-", " "),
                  lambda c: f" {c[:3]} - {c[3:]}  "):
        assert re.fullmatch(r"([0-9A-Za-z]{5}-){3}[0-9A-Za-z]{5}", code), code
        recover = {"username": name, "new_password": "battery staple", "csr": Identity().csr()}
        for wrong in (code[:-1], code + "0", code[::-1], ("1" if code[0] != "1" else "2") + code[1:], "x"):
            f = stranger.request("RECOVER", {**recover, "recovery_code": wrong})
            assert error_of(f) == ("UNAUTHORIZED", "bad-credentials"), wrong
        next_code = stranger.ok("RECOVER", {**recover, "recovery_code": spell(code)})["recovery_code"]
        f = stranger.request("RECOVER", {**recover, "recovery_code": code, "csr": Identity().csr()})
        assert error_of(f) == ("UNAUTHORIZED", "bad-credentials"), "spent"
        code = next_code
        seen.add(code)
    assert len(seen) == 6


@sentence("4.THROTTLES.5")
def test_passwords_are_kept_as_yescrypt(stage):
    """And neither they nor a recovery code are anywhere in the tracker's files."""
    me, name = Identity(), stage.new_name()
    with stage.stranger() as c:
        code = c.ok("SIGNUP", {"username": name, "password": "greppable horse", "csr": me.csr()})["recovery_code"]
    data = b""
    for directory, _, files in os.walk(stage.tracker.state):
        for f in files:
            with open(os.path.join(directory, f), "rb") as stream:
                data += stream.read()
    assert b"$y$" in data
    for secret in ("greppable", code, code.replace("-", ""), code.lower().replace("-", "")):
        assert secret.encode() not in data, secret


@sentence("4.SIGNIN.4")
def test_sign_in_again(stage, stranger):
    """A device may sign in as often as it likes; another user's key is not taken."""
    me = stage.person(stage.new_name())
    request = {"username": me.username, "password": "correct horse " + me.username, "csr": me.csr()}
    for _ in range(3):
        me.take(stranger.ok("SIGNIN", request))
    with stage.signed_in(me) as c:
        assert len(c.ok("DEVICES")["devices"]) == 1
    other = stage.person(stage.new_name())
    assert stranger.request("SIGNIN", {**request, "csr": other.csr()}).header == "REQUEST_ERROR"
    with stage.signed_in(other) as c:
        assert [d["key"] for d in c.ok("DEVICES")["devices"]] == [other.key_id]


@sentence("2.80")
def test_names_are_not_folded(stranger, user):
    """The sender folds names; a tracker takes one that is not folded for none."""
    for command in ("SIGNUP", "SIGNIN"):
        f = stranger.request(command, {"username": user.me.username.upper(), "password": "correct horse",
                                       "csr": Identity().csr()})
        assert error_of(f) in (("REQUEST_ERROR", "invalid-name"), ("UNAUTHORIZED", "bad-credentials")), command
    assert error_of(user.request("WHOIS", {"username": user.me.username.upper()})) == ("REQUEST_ERROR", "invalid-name")


@sentence("4.SIGNIN.5", "4.RECOVER.7", "2.35")
def test_unknown_names_answer_the_same(stage, stranger):
    """Of a name that nobody has, of a guest's, of a deleted one's and of a reserved one's, nothing is told."""
    me = stage.person(stage.new_name())
    gone = stage.person(stage.new_name())
    with stage.signed_in(gone) as c:
        assert c.ok("DELETE", {"password": "correct horse " + gone.username}) == {}
    guest = stage.person("guest-" + stage.new_name("g"))
    for command, more in (("SIGNIN", {"password": "wrong horse"}),
                          ("RECOVER", {"recovery_code": "00000-00000-00000-00000", "new_password": "battery staple"})):
        said = [stranger.request(command, {"username": name, "csr": Identity().csr(), **more})
                for name in (me.username, "nobody-at-all", gone.username, guest.username)]
        if command == "SIGNIN":  # one that no password could be is a wrong one
            said.append(stranger.request(command, {"username": me.username, "password": "short",
                                                   "csr": Identity().csr()}))
        assert {(f.header, str(f.payload)) for f in said} == {(said[0].header, str(said[0].payload))}
        assert error_of(said[0]) == ("UNAUTHORIZED", "bad-credentials")


@sentence("1.37", "4.PASSWD.4", "4.SIGNOUT.5")
def test_passwd_ends_others_at_once(stage, user):
    other = stage.device(user.me.username)
    with stage.signed_in(other) as c:
        old = "correct horse " + user.me.username
        assert user.ok("PASSWD", {"old_password": old, "new_password": "battery staple", "keep_others": False}) == {}
        assert c.push("GOING_AWAY") and c.ended()
    assert [d["key"] for d in user.ok("DEVICES")["devices"]] == [user.me.key_id]


@sentence("1.37", "4.DEVICES.1", "4.DEVICES.2", "4.DEVICES.4")
def test_devices_own_key(stage, user):
    """A device may revoke itself: then it has signed out."""
    other = stage.device(user.me.username)
    answer = user.ok("DEVICES", {"revoke": [user.me.key_id]})
    assert [d["key"] for d in answer["devices"]] == [other.key_id]
    assert user.push("GOING_AWAY") and user.ended()
    with stage.signed_in(other) as c:
        (left,) = c.ok("DEVICES")["devices"]
        assert left["this"] is True
        # By key, in pages.
        more = [stage.device(other.username) for _ in range(3)]
        keys = sorted(d.key_id for d in (other, *more))
        assert [d["key"] for d in c.ok("DEVICES")["devices"]] == keys
        assert [d["key"] for d in c.ok("DEVICES", {"after": keys[1]})["devices"]] == keys[2:]
        assert c.ok("DEVICES", {"after": keys[-1]}) == {"devices": []}


# -- names and ids

@sentence("4.NAMES.1", "4.NAMES.2", "4.VIEW.3", "4.VIEW.5", "4.UNHOST.3", "4.UNHOST.4", "4.HEARTBEAT.5", "2.42", "2.55",
          "2.56")
def test_bound(stage, user):
    """Name, id and owner are bound to each other until forget."""
    name, other_name = stage.new_name("bound"), stage.new_name("bound")
    request, second = host_payload(name), host_payload(other_name)
    user.ok("HOST", request)
    user.ok("HOST", second)
    with stage.signed_in(stage.person(stage.new_name())) as c:
        for payload, code in (({**request, "channel_id": str(uuid.uuid4())}, "channel-exists"),
                              (request, "conflict"), ({**request, "channel_id": second["channel_id"]}, "conflict"),
                              ({**request, "channel_name": stage.new_name("bound")}, "conflict")):
            assert error_of(c.request("HOST", payload)) == ("REQUEST_ERROR", code)
            assert error_of(c.request("HOST", {**payload, "take_over": True})) == ("REQUEST_ERROR", code)
        for command, more in (("VIEW", {"view_permission": "restricted"}), ("UNHOST", {"forget": True})):
            assert error_of(c.request(command, {"channel_name": name, **more})) == NOT_OWNER
        assert heartbeat(c, beat(name))["lost"] == [{"channel_name": name, "error": "channel-exists"}]
        assert user.ok("UNHOST", {"channel_name": name, "forget": False}) == {}
        f = c.request("HOST", host_payload(name))
        assert error_of(f) == ("REQUEST_ERROR", "channel-exists"), "offline it is bound as well"
        assert user.ok("UNHOST", {"channel_name": name, "forget": True}) == {}
        assert entry(c, name) is None
        assert error_of(user.request("UNHOST", {"channel_name": name, "forget": True})) == NO_SUCH_CHANNEL
        assert error_of(user.request("VIEW", {"channel_name": name, "topic": "x"})) == NO_SUCH_CHANNEL
        # Name and id are free again: for another owner, the id under another name.
        c.ok("HOST", {**host_payload(name)})
        c.ok("HOST", {**request, "channel_name": stage.new_name("bound")})
    assert entry(user, other_name)["owner"] == user.me.username


@sentence("1.28", "4.UNHOST.5")
def test_hosts_are_named_by_certificate(stage, user):
    name = stage.new_name("named")
    user.ok("HOST", {**host_payload(name), "owner": "alice", "host": "alice", "username": "alice", "since": "x"})
    assert (entry(user, name)["owner"], entry(user, name)["host"]) == (user.me.username,) * 2
    device = stage.device(user.me.username)
    with stage.signed_in(device) as c:  # an owner's other device is the owner
        assert c.ok("VIEW", {"channel_name": name, "topic": "by the other"}) == {}
        # … but has no lease to give back, now or when it has lapsed.
        assert error_of(c.request("UNHOST", {"channel_name": name, "forget": False})) == CONFLICT
        assert entry(user, name)["online"]
        assert user.ok("UNHOST", {"channel_name": name, "forget": False}) == {}
        assert error_of(c.request("UNHOST", {"channel_name": name, "forget": False})) == CONFLICT
        assert c.ok("UNHOST", {"channel_name": name, "forget": True}) == {}


# -- leases

@sentence("4.LEASES.5", "4.LEASES.6", "4.LEASES.7", "2.60")
def test_epochs(stage, user):
    """The same key keeps its epoch; another one, once the lease has ended, gets the next."""
    name = stage.new_name("epochs")
    request = host_payload(name, last_seq=3)
    for epoch in (1, 1):
        assert user.ok("HOST", request)["epoch"] == epoch
    device = stage.device(user.me.username)
    with stage.signed_in(device) as c:
        held = c.request("HOST", request)
        assert error_of(held) == ("REQUEST_ERROR", "conflict")
        until = datetime.datetime.strptime(held.payload["holder_until"], "%Y-%m-%dT%H:%M:%S.%fZ")
        left = (until - datetime.datetime.utcnow()).total_seconds()
        assert 30 < left <= 61, "the lease's end"
        assert error_of(c.request("HOST", {**request, "take_over": False})) == ("REQUEST_ERROR", "conflict")
        user.ok("UNHOST", {"channel_name": name, "forget": False})
        assert c.ok("HOST", request)["epoch"] == 2
        assert c.ok("HOST", {**request, "epoch": 2})["epoch"] == 2
    # Back again, and again: never an epoch twice.
    assert user.ok("HOST", {**request, "take_over": True})["epoch"] == 3
    assert heartbeat(user, beat(name, epoch=3, last_seq=3))["lost"] == []
    for wrong in (1, 2, 4, 2**53 - 1):
        lost = heartbeat(user, beat(name, epoch=wrong, last_seq=3))["lost"]
        assert lost == [{"channel_name": name, "error": "stale-epoch"}]
    assert entry(user, name)["epoch"] == 3 and entry(user, name)["online"]


@sentence("4.LEASES.4", "4.LEASES.8", "2.60")
def test_last_seq_never_falls(stage, user):
    name = stage.new_name("seqs")
    request = host_payload(name, last_seq=10)
    user.ok("HOST", request)
    for said, kept in ((11, 11), (5, 11), (0, 11), (12, 12)):
        assert heartbeat(user, beat(name, last_seq=said, members=said))["lost"] == []
        assert (entry(user, name)["last_seq"], entry(user, name)["members"]) == (kept, said)
    for take_over in (False, True):
        stale = user.request("HOST", {**request, "last_seq": 11, "take_over": take_over})
        assert error_of(stale) == ("REQUEST_ERROR", "stale-epoch")
        assert (stale.payload["epoch"], stale.payload["last_seq"]) == (1, 12)
    user.ok("HOST", {**request, "last_seq": 12})
    user.ok("HOST", {**request, "last_seq": 2**53 - 1})
    assert entry(user, name)["last_seq"] == 2**53 - 1


@sentence("4.LEASES.8a", "4.LEASES.8b")
def test_log_of_an_earlier_epoch(stage, user):
    """However long it is: what the later host wrote is not in it. Until that one wrote, nothing is missing."""
    name = stage.new_name("branches")
    request = host_payload(name, last_seq=3)
    assert user.ok("HOST", request)["epoch"] == 1
    with stage.signed_in(stage.device(user.me.username)) as c:
        assert c.ok("HOST", {**request, "take_over": True})["epoch"] == 2
        assert user.ok("HOST", {**request, "take_over": True})["epoch"] == 3
        assert c.ok("HOST", {**request, "take_over": True})["epoch"] == 4
        assert heartbeat(c, beat(name, epoch=4, last_seq=4))["lost"] == []
        for epoch in (0, 1, 3):
            stale = user.request("HOST", {**request, "epoch": epoch, "last_seq": 9, "take_over": True})
            assert error_of(stale) == ("REQUEST_ERROR", "stale-epoch")
            assert (stale.payload["epoch"], stale.payload["last_seq"]) == (4, 4)
        assert error_of(c.request("HOST", {**request, "epoch": 2, "last_seq": 9})) == ("REQUEST_ERROR", "stale-epoch")
        assert c.ok("HOST", {**request, "epoch": 3, "last_seq": 9})["epoch"] == 4
    stage.tracker.restart()
    with stage.signed_in(user.me) as c:
        stale = c.request("HOST", {**request, "epoch": 3, "last_seq": 9, "take_over": True})
        assert error_of(stale) == ("REQUEST_ERROR", "stale-epoch")
        assert c.ok("HOST", {**request, "epoch": 4, "last_seq": 9, "take_over": True})["epoch"] == 5


@sentence("4.HEARTBEAT.1", "4.HEARTBEAT.2", "4.HEARTBEAT.4", "4.HEARTBEAT.5")
def test_heartbeats(stage, user):
    """Each channel by itself: those lost are named with why, the others are renewed."""
    mine, unhosted, gone = (stage.new_name("beats") for _ in range(3))
    for name in (mine, unhosted):
        user.ok("HOST", host_payload(name))
    user.ok("UNHOST", {"channel_name": unhosted, "forget": False})
    answer = heartbeat(user, beat(gone), beat(mine, last_seq=4), beat(unhosted), beat(mine, epoch=9))
    assert answer["lease_seconds"] == 60 and isinstance(answer["more"], bool)
    assert answer["lost"] == [{"channel_name": gone, "error": "no-such-channel"},
                              {"channel_name": unhosted, "error": "stale-epoch"},
                              {"channel_name": mine, "error": "stale-epoch"}]
    assert entry(user, mine)["last_seq"] == 4 and not entry(user, unhosted)["online"]
    assert heartbeat(user)["lost"] == []
    # A bad element refuses the whole.
    f = user.request("HEARTBEAT", {"channels": [beat(mine, last_seq=8), {"channel_name": mine}],
                                   "revocations_after": 0})
    assert error_of(f) == BAD_REQUEST and f.payload["field"] == "channels"
    assert entry(user, mine)["last_seq"] == 4


@sentence("4.HEARTBEAT.7", "4.HEARTBEAT.8")
def test_revocations(stage, user):
    """Those after the version that is given, ascending; of guests' keys too; each with the end of its last
    certificate; a key that never was is in none."""
    before = max([r["version"] for r in heartbeat(user)["revocations"]], default=0)
    gone = [stage.person(stage.new_name()), stage.person("guest-" + stage.new_name("g"))]
    for me in gone:
        with stage.signed_in(me) as c:
            me.take(c.ok("RENEW", {"csr": me.csr()}))
            c.ok("SIGNOUT")
    answer = heartbeat(user, after=before)
    assert [r["key"] for r in answer["revocations"]] == [key_id(me.key.public_key()) for me in gone]
    assert answer["more"] is False
    for r, me in zip(answer["revocations"], gone):
        until = datetime.datetime.strptime(r["until"], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert abs(until - me.certificate.not_valid_after) <= datetime.timedelta(seconds=1)
    first, second = (r["version"] for r in answer["revocations"])
    assert before < first < second
    assert [r["version"] for r in heartbeat(user, after=first)["revocations"]] == [second]
    assert heartbeat(user, after=second)["revocations"] == [] == heartbeat(user, after=2**53 - 1)["revocations"]


# -- the directory

@sentence("4.VIEW.1", "4.VIEW.2", "4.VIEW.4", "4.CHANNEL.6", "4.LIST.5", "2.71")
def test_view(stage, user):
    name = stage.new_name("view")
    user.ok("HOST", host_payload(name, topic="first", members=5))
    since = entry(user, name)["since"]
    assert user.ok("VIEW", {"channel_name": name}) == {}, "what changes nothing is OK"
    assert user.ok("VIEW", {"channel_name": name, "topic": "second"}) == {}
    assert (entry(user, name)["topic"], entry(user, name)["view_permission"]) == ("second", "public")
    for _ in range(2):
        assert user.ok("VIEW", {"channel_name": name, "view_permission": "restricted", "topic": "third"}) == {}
    got = entry(user, name)  # not even its owner is shown more here
    assert (got["topic"], got["members"], got["view_permission"]) == ("", 0, "restricted")
    assert user.ok("LIST", {"query": "third"})["channels"] == []
    user.ok("VIEW", {"channel_name": name, "view_permission": "public"})
    got = entry(user, name)
    assert (got["topic"], got["members"], got["since"]) == ("third", 5, since)


@sentence("4.LIST.5")
def test_query(stage, user):
    """A part of name or topic, ASCII case-blind and nothing more."""
    name = stage.new_name("query")
    user.ok("HOST", host_payload(name, topic="Straße ÄÖ %_* Zoë [x]"))
    for query in (name, name[1:-1].upper(), "STRA", "stRaße ", "ße äÖ"[:2], "ÄÖ", "%_*", "[X]", "ZOë", ""):
        assert entry(user, name) in user.ok("LIST", {"query": query})["channels"], query
    for query in ("STRASSE", "SSE", "äö", "ZOË", "% *", "qu%y", ".*", "x]."):
        assert entry(user, name) not in user.ok("LIST", {"query": query})["channels"], query


@sentence("2.9", "2.88", "4.LIST.1", "4.LIST.2", "4.LIST.4", "4.LIST.6")
def test_list_after(stage, user):
    """after is a key, not a name that must be there; online and query stand beside it."""
    wanted = [f"after-{c}" for c in ("a", "c", "e", "g")]
    for name in wanted:
        user.ok("HOST", host_payload(name))
    user.ok("UNHOST", {"channel_name": "after-c", "forget": False})

    def names(**how):
        return [c["channel_name"] for c in user.ok("LIST", {"query": "after-", **how})["channels"]]
    assert names() == wanted == names(online=False)
    assert names(online=True) == ["after-a", "after-e", "after-g"]
    for after, rest in (("after-a", wanted[1:]), ("after-b", wanted[1:]), ("", wanted), ("after-g", []), ("zzz", []),
                        ("AFTER", wanted), ("after-", wanted)):
        assert names(after=after) == rest, after
    assert names(online=None, after=None, limit=None) == wanted, "null is as if it were not there"
    page = user.ok("LIST", {"query": "after-", "limit": 2, "online": True})
    assert page["next"] == "after-e" and names(after=page["next"], online=True) == ["after-g"]
    last = user.ok("LIST", {"query": "after-", "limit": 1, "after": "after-e"})
    assert [c["channel_name"] for c in last["channels"]] == ["after-g"]
    assert isinstance(page["generation"], int) and page["generation"] <= last["generation"]


@sentence("4.HOST.5", "4.CHANNEL.2")
def test_no_address(stage, user):
    """A host may give none: then there is none to repeat."""
    name = stage.new_name("nowhere")
    answer = user.ok("HOST", host_payload(name, addresses=[]))
    assert set(answer) == {"channel_id", "epoch", "lease_seconds"}
    got = entry(user, name)
    assert got["addresses"] == [] and not {"peer_server_ip", "peer_server_port"} & set(got)


@sentence("4.CHANNEL.3")
def test_since(stage, user):
    """The time when it went on or offline; nothing else changes it."""
    def now():  # of this machine, as the tracker's; and no two alike
        last = said()
        return wait_for(lambda: said() > last and said(), "the next millisecond")

    def said():
        return datetime.datetime.utcnow().isoformat(timespec="milliseconds") + "Z"
    name = stage.new_name("since")
    before = now()
    user.ok("HOST", host_payload(name))
    on = entry(user, name)["since"]
    assert before <= on < now() and TIME.fullmatch(on)
    user.ok("HOST", host_payload(name, channel_id=entry(user, name)["channel_id"], topic="new", last_seq=4))
    heartbeat(user, beat(name, last_seq=9))
    assert entry(user, name)["since"] == on
    before = now()
    user.ok("UNHOST", {"channel_name": name, "forget": False})
    off = entry(user, name)
    assert before <= off["since"] < now() and off["members"] == 0
    user.ok("UNHOST", {"channel_name": name, "forget": False})
    assert entry(user, name)["since"] == off["since"]
    before = now()
    user.ok("HOST", host_payload(name, channel_id=off["channel_id"], last_seq=9))
    assert before <= entry(user, name)["since"] < now()


def test_answers_while_hashing(stage, stranger):
    """Passwords are hashed off the loop: what comes after them does not wait for them."""
    n = 20
    data = b"".join(frame("SIGNIN", f"s{i}", {"username": "nobody-at-all", "password": "wrong horse",
                                              "csr": Identity().csr()}) for i in range(n))
    stranger.send_bytes(data + frame("LIST", "quick", {"limit": 1}))
    order = [stranger.take().id for _ in range(n + 1)]
    assert sorted(order) == sorted(["quick", *(f"s{i}" for i in range(n))])
    assert order.index("quick") < n, "before the last of them"
