# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may what, as nobody should ask for it: on the wire, and on the bus where that can say it. Each gets its named
error, the log is as it was before, and everybody goes on."""
import shutil
import uuid

import dbus
import pytest

from outsider import Member
from p2pchat import CHANNEL, ERROR, MODERATION, refused, wait_for
from wirestage import BAD_REQUEST, Room, Stage, error_of, host_payload

GUESTS_NOT_ALLOWED = ("UNAUTHORIZED", "guests-not-allowed")
NOT_MODERATOR = ("UNAUTHORIZED", "not-moderator")
NOT_OWNER = ("UNAUTHORIZED", "not-owner")
NO_SUCH_ENTRY = ("REQUEST_ERROR", "no-such-entry")
NO_SUCH_USER = ("REQUEST_ERROR", "no-such-user")


@pytest.fixture(scope="module")
def stage(module_world):
    s = Stage(module_world).start_host()
    s.owner_device = s.device("alice")
    s.moe, s.mel = module_world.people("moe", "mel")  # with daemons: a moderator, and a member
    return s


class GoverningRoom(Room):
    """alice's, where mo (and moe) moderate, and meg (and mel) are members."""

    def __init__(self, stage, dial):
        super().__init__(stage, dial)
        self.stage = stage
        self.owner = Member(dial(self.address, stage.owner_device), self.name)
        self.owner.connect()
        for name, role in (("mo", "moderator"), ("moe", "moderator"), ("meg", "member"), ("mel", "member")):
            if name in ("mo", "meg"):
                stage.person(name)
            self.owner.ok("AUTHORIZE", target=name, role=role)
        self.mo, self.meg, self.nobody = (self.member(name) for name in ("mo", "meg", "nobody"))
        self.guest = self.member("guest-gus")

    def head(self):
        return self.owner.ok("RET_INFO")["last_seq"]

    def joined(self, peer):
        """→ the path of the channel at that daemon, which is there."""
        path = peer.join(self.name)
        wait_for(lambda: peer.get(path, CHANNEL, "State") == "live", "the daemon to be there")
        return path


def roles(member):
    """Who has which, by whom, since when; not the keys with which they came meanwhile."""
    return [(a["username"], a["role"], a.get("by"), a.get("since"))
            for a in member.ok("RET_INFO", list="authorized")["authorized"]]


@pytest.fixture
def room(stage):
    with stage.dialling() as dial:
        r = GoverningRoom(stage, dial)
        seqs = r.meg.store("mine")
        r.own = seqs[0]
        r.owners = r.owner.store("hers")[0]
        r.mos = r.mo.store("moderator's")[0]
        r.before = r.head()
        r.roles = roles(r.owner)
        yield r
        assert r.head() == r.before, "something of it came into the log"
        assert roles(r.owner) == r.roles
        (seq,) = r.meg.store("goes on")
        assert r.nobody.read_to(seq)[-1]["message_content"] == "goes on"
        for peer in (stage.alice, stage.moe, stage.mel):
            assert peer.is_up()


def on_bus(peer, path, method, signature, *arguments):
    """→ the name of the error that a method of Moderation is refused with."""
    name, message = refused(peer.call, path, MODERATION, method, signature, *arguments)
    assert message
    return name.removeprefix(ERROR)


# -- AUTHORIZE

def test_authorize_a_guest(stage, room):
    """Who is here, who is not, and a name that could be one."""
    moe = room.joined(stage.moe)
    for target in ("guest-gus", "guest-away", "guest-nobody-has-it"):
        for role in ("moderator", "member", "none"):
            assert room.owner.refused("AUTHORIZE", target=target, role=role) == GUESTS_NOT_ALLOWED, (target, role)
            assert on_bus(stage.alice, room.path, "Authorize", "ssa{sv}", target, role, {}) == "GuestsNotAllowed"
        for role in ("member", "none"):
            assert room.mo.refused("AUTHORIZE", target=target, role=role) == GUESTS_NOT_ALLOWED, (target, role)
            assert on_bus(stage.moe, moe, "Authorize", "ssa{sv}", target, role, {}) == "GuestsNotAllowed"
    assert room.guest.ok("RET_INFO")["role"] == "none"


def test_authorize_oneself_and_the_owner(stage, room):
    moe = room.joined(stage.moe)
    for role in ("moderator", "member", "none"):
        assert room.owner.refused("AUTHORIZE", target="alice", role=role) == BAD_REQUEST, role
        assert on_bus(stage.alice, room.path, "Authorize", "ssa{sv}", "alice", role, {}) == "BadRequest"
        assert room.mo.refused("AUTHORIZE", target="alice", role=role) == NOT_MODERATOR, role
        assert room.mo.refused("AUTHORIZE", target="mo", role=role) == NOT_MODERATOR, "nor may one leave the rank"
        assert on_bus(stage.moe, moe, "Authorize", "ssa{sv}", "alice", role, {}) == "NotModerator"
        assert on_bus(stage.moe, moe, "Authorize", "ssa{sv}", "moe", role, {}) == "NotModerator"
        for m, name in ((room.meg, "meg"), (room.nobody, "nobody"), (room.guest, "guest-gus")):
            assert m.refused("AUTHORIZE", target=name, role=role) == NOT_MODERATOR, (name, role)


def test_authorize_to_no_role(stage, room):
    for wrong in ("king", "owner", "", "Member", "MEMBER", "member ", "banned", "everyone", "m\u00e9mber", "x" * 4096):
        for m in (room.owner, room.mo, room.meg):
            assert m.refused("AUTHORIZE", target="nobody", role=wrong) == BAD_REQUEST, wrong
        assert on_bus(stage.alice, room.path, "Authorize", "ssa{sv}", "nobody", wrong, {}) == "BadRequest"
    for wrong in (None, 1, True, [], {}, ["member"]):
        assert room.owner.refused("AUTHORIZE", target="nobody", role=wrong) == BAD_REQUEST, wrong
    assert room.owner.refused("AUTHORIZE", target="nobody") == BAD_REQUEST
    for wrong in (None, 1, [], {}, "", "x", "No Name", "x" * 33, "ali\u0441e"):  # the last with a Cyrillic letter
        assert room.owner.refused("AUTHORIZE", target=wrong, role="member") == BAD_REQUEST, wrong
    result = stage.alice.ctl("authorize", room.name, "nobody", "--role=king", "-j", check=False)
    assert result.returncode == 2 and "BadRequest" in result.stdout


def test_authorize_nobody(stage, room):
    """Who is meant is said to those who may know, and a slip is no name whose role is taken back."""
    moe = room.joined(stage.moe)
    for target, near in (("nobdoy", ["nobody"]), ("megg", ["meg", "mel"]), ("quite-another", [])):
        for m in (room.owner, room.mo):
            for role in ("member", "none"):
                f = m.request("AUTHORIZE", target=target, role=role)
                assert error_of(f) == NO_SUCH_USER
                assert target in f.payload["message"] and ("did you mean" in f.payload["message"]) == bool(near)
                for name in near:
                    assert name in f.payload["message"], f.payload
            f = m.request("BAN", target=target)
            assert error_of(f) == NO_SUCH_USER and ("did you mean" in f.payload["message"]) == bool(near)
        name, message = refused(stage.moe.call, moe, MODERATION, "Authorize", "ssa{sv}", target, "member", {})
        assert name == ERROR + "NoSuchUser"
        for n in near:
            assert n in message
        f = room.meg.request("AUTHORIZE", target=target, role="member")
        assert error_of(f) == NOT_MODERATOR and "did you mean" not in f.payload["message"]


# -- rank

def test_a_moderator_acts_upwards(stage, room):
    """Neither at the owner, nor at one of the same rank, whatever it is."""
    moe = room.joined(stage.moe)
    for target in ("alice", "moe"):
        for role in ("moderator", "member", "none"):
            assert room.mo.refused("AUTHORIZE", target=target, role=role) == NOT_MODERATOR
        for command in ("KICK", "BAN", "UNBAN"):
            assert room.mo.refused(command, target=target) == NOT_MODERATOR, (command, target)
    assert room.mo.refused("AUTHORIZE", target="meg", role="moderator") == NOT_MODERATOR
    assert room.mo.refused("REDACT", seq=room.owners) == NOT_MODERATOR
    for seq in (room.owners, room.mos):
        assert on_bus(stage.moe, moe, "Redact", "ta{sv}", dbus.UInt64(seq), {}) == "NotModerator"
    for setting in ({"view_permission": "restricted"}, {"send_permission": "everyone"}, {"retention_days": 1}, {}):
        assert room.mo.refused("VIEW", **setting) == NOT_OWNER, setting
    assert on_bus(stage.moe, moe, "SetPermissions", "a{sv}", {"view_permission": "restricted"}) == "NotOwner"
    for target in ("alice", "mo"):
        assert on_bus(stage.moe, moe, "Authorize", "ssa{sv}", target, "none", {}) == "NotModerator"


def test_a_member_acts(stage, room):
    """Nothing at all, at anybody; nor does who is nobody, nor a guest."""
    mel = room.joined(stage.mel)
    for m in (room.meg, room.nobody, room.guest):
        for target in ("alice", "mo", "meg", "nobody", "nobody-at-all"):
            for role in ("moderator", "member", "none"):
                assert m.refused("AUTHORIZE", target=target, role=role) == NOT_MODERATOR, (target, role)
        for command in ("KICK", "BAN", "UNBAN"):
            for target in ("alice", "mo", "mel"):
                assert m.refused(command, target=target) == NOT_MODERATOR, (command, target)
        assert m.refused("TOPIC", topic="mine now") == NOT_MODERATOR
        assert m.refused("TOPIC", topic="") == NOT_MODERATOR, "nor what would change nothing"
        assert m.refused("VIEW", send_permission="everyone") == NOT_OWNER
        for seq in (room.owners, room.mos):
            assert m.refused("REDACT", seq=seq, reason="ugly") == NOT_MODERATOR
    assert on_bus(stage.mel, mel, "Authorize", "ssa{sv}", "nobody", "member", {}) == "NotModerator"
    assert on_bus(stage.mel, mel, "SetTopic", "sa{sv}", "mine now", {}) == "NotModerator"
    assert on_bus(stage.mel, mel, "SetPermissions", "a{sv}", {"send_permission": "everyone"}) == "NotOwner"
    assert on_bus(stage.mel, mel, "Redact", "ta{sv}", dbus.UInt64(room.own), {}) == "NotModerator", "meg's"
    for arguments in (("authorize", room.name, "nobody"), ("deauthorize", room.name, "meg"),
                      ("topic", room.name, "mine now"), ("view", room.name, "restricted"),
                      ("redact", room.name, str(room.owners))):
        assert stage.mel.ctl(*arguments, check=False).returncode == 5, arguments


# -- REDACT

def test_redact_what_is_not_there(stage, room):
    moe = room.joined(stage.moe)
    for m in (room.owner, room.mo, room.meg):
        for seq in (1, room.before + 1, 2**53 - 1):  # the `create`, what is to come, the last number there is
            assert m.refused("REDACT", seq=seq) == NO_SUCH_ENTRY, seq
        for seq in (0, -1, 1.5, 2**53, "4", None, [], {}):
            assert m.refused("REDACT", seq=seq) == BAD_REQUEST, seq
        assert m.refused("REDACT") == BAD_REQUEST
        for reason in ("two\nlines", "x" * 257, 1, "\x07"):
            assert m.refused("REDACT", seq=room.own, reason=reason) == BAD_REQUEST, reason
    for seq in (0, 1, room.before + 1, 2**53, 2**64 - 1):
        assert on_bus(stage.moe, moe, "Redact", "ta{sv}", dbus.UInt64(seq), {}) == "NoSuchEntry", seq
        assert on_bus(stage.alice, room.path, "Redact", "ta{sv}", dbus.UInt64(seq), {}) == "NoSuchEntry", seq


def test_redact_twice(stage, room):
    """OK once more, and no second entry, by whoever asks; the first reason stays."""
    assert room.mo.ok("REDACT", seq=room.own, reason="first") == {}
    head = room.head()
    for m in (room.mo, room.meg, room.owner):
        assert m.ok("REDACT", seq=room.own, reason="second") == {}
    stage.alice.call(room.path, MODERATION, "Redact", "ta{sv}", dbus.UInt64(room.own), {})
    assert room.head() == head == room.before + 1
    (entry,) = [e for e in room.nobody.read_to(head) if e["kind"] == "redact"]
    assert (entry["username"], entry["target_seq"], entry["reason"]) == ("mo", room.own, "first")
    # Neither is the entry a message, nor may who may not redact it look whether it is a stub.
    assert room.mo.refused("REDACT", seq=head) == NO_SUCH_ENTRY
    assert room.nobody.refused("REDACT", seq=room.own) == NOT_MODERATOR
    room.before = head


def test_redact_anothers(stage, room):
    """A guest's name is not a guest: only the key is."""
    room.owner.ok("VIEW", send_permission="everyone")
    (of_guest,) = room.guest.store("said by a guest")
    room.before = room.head()
    mel = room.joined(stage.mel)
    for m in (room.meg, room.nobody):
        for seq in (room.owners, room.mos, of_guest):
            assert m.refused("REDACT", seq=seq) == NOT_MODERATOR, seq
    for seq in (room.own, room.owners, room.mos, of_guest):
        assert on_bus(stage.mel, mel, "Redact", "ta{sv}", dbus.UInt64(seq), {}) == "NotModerator", seq
    assert room.guest.refused("REDACT", seq=room.own) == NOT_MODERATOR
    assert "said by a guest" in [e.get("message_content") for e in room.nobody.ok("HISTORY", limit=9)["entries"]]


# -- VIEW by a stranger

def test_view_at_the_host(stage, room):
    for m in (room.nobody, room.guest, room.visitor("stranger")):
        for change in ({}, {"view_permission": "restricted"}, {"view_permission": "public"},
                       {"send_permission": "everyone"}, {"retention_days": 1}):
            assert m.refused("VIEW", **change) == NOT_OWNER, change
    for wrong in ("secret", "", "Public", 1, []):
        assert room.owner.refused("VIEW", view_permission=wrong) == BAD_REQUEST, wrong
        assert room.owner.refused("VIEW", send_permission=wrong) == BAD_REQUEST, wrong
    assert room.owner.ok("RET_INFO")["view_permission"] == "public"


def test_view_at_the_tracker(stage, room):
    """The owner's alone; not a member's, nor the host's name in another's payload."""
    was = stage.channel(room.name)
    payload = {"channel_name": room.name, "view_permission": "restricted", "topic": "taken over"}
    posing = {"owner": "stranger", "host": "stranger", "username": "alice", "channel_id": was["channel_id"]}
    for who in ("stranger", "mo", "meg"):
        with stage.signed_in(who) as c:
            for p in (payload, {**payload, **posing}):
                assert c.refused("VIEW", p) == NOT_OWNER, who
            assert c.refused("VIEW", {**payload, "channel_name": "no-such-name"}) == \
                ("REQUEST_ERROR", "no-such-channel")
            assert c.refused("UNHOST", {"channel_name": room.name, "forget": True}) == NOT_OWNER
            assert c.refused("HOST", host_payload(room.name, view_permission="restricted")) == \
                ("REQUEST_ERROR", "channel-exists")
            assert c.refused("HOST", host_payload("of-" + who, channel_id=was["channel_id"])) == \
                ("REQUEST_ERROR", "conflict")
    with stage.signed_in("guest-gus") as c:
        assert c.refused("VIEW", payload) == GUESTS_NOT_ALLOWED
    with stage.stranger() as c:
        assert c.refused("VIEW", payload) == ("UNAUTHORIZED", "not-signed-in")
    with stage.signed_in(stage.owner_device) as c:
        for wrong in ({"view_permission": "secret"}, {"view_permission": 1}, {"topic": "x" * 513}, {"topic": "a\nb"}):
            assert c.refused("VIEW", {"channel_name": room.name, **wrong}) == BAD_REQUEST, wrong
    now = stage.channel(room.name)
    for key in ("view_permission", "topic", "owner", "host", "channel_id", "epoch", "online"):
        assert now[key] == was[key], key


# -- who one is

def test_another_username(stage, room):
    """In no command does the payload say who asks: neither to do more, nor to be taken for somebody else."""
    posing = {"username": "alice", "user_type": "REGISTERED", "by": "alice", "actor": "alice", "owner": "nobody",
              "role": "owner", "key": stage.owner_device.key_id}
    commands = {"AUTHORIZE": {"target": "nobody", "role": "moderator"}, "TOPIC": {"topic": "mine"},
                "VIEW": {"view_permission": "restricted"}, "REDACT": {"seq": room.owners}, "KICK": {"target": "meg"},
                "BAN": {"target": "meg"}, "UNBAN": {"target": "meg"}}
    for m in (room.nobody, room.guest, room.meg):
        for command, payload in commands.items():
            assert m.refused(command, **{**posing, **payload}) == (NOT_OWNER if command == "VIEW" else NOT_MODERATOR)
    assert room.nobody.ok("RET_INFO", **posing)["role"] == "none"
    message = {"id": str(uuid.uuid4()), "message_content": "by nobody", **posing}
    (stored,) = room.nobody.ok("MESSAGE", messages=[message], **posing)["stored"]
    room.owner.ok("TOPIC", topic="hers", username="nobody")
    room.before = room.head()
    said, topic = room.meg.read_to(room.before)[-2:]
    assert (said["username"], said["seq"]) == ("nobody", stored["seq"])
    assert (topic["kind"], topic["username"]) == ("topic", "alice")
    assert not {"by", "actor", "owner", "role", "key"} & set(said)


def test_the_same_certificate_twice(stage):
    """A member's state directory was copied, with a message in its outbox: the newer daemon is there, the older one
    stops and says so. The message is there once, and nobody is seen leaving."""
    older, newer = stage.world.people("max"), stage.world.peer("max-copied", start=False)
    name, hosted, _ = stage.host()
    path = older.join(name)
    wait_for(lambda: older.get(path, CHANNEL, "State") == "live", "max to be there")
    stage.alice.stop_daemon()
    older.send(path, "written once")
    older.stop_daemon()
    shutil.copytree(older.state, newer.state)
    stage.alice.start_daemon()
    wait_for(lambda: stage.alice.get(hosted, CHANNEL, "State") == "live", "alice to be back")
    wait_for(lambda: stage.channel(name)["online"], "the tracker to know")

    with stage.dialling() as dial:
        meg = Member(dial(stage.channel(name)["addresses"][0], "meg"), name)
        meg.connect()
        older.start_daemon()
        wait_for(lambda: older.get(path, CHANNEL, "State") == "live" and older.get(path, CHANNEL, "OutboxCount") == 0,
                 "max to be back, and heard")
        newer.start()
        wait_for(lambda: newer.get(path, CHANNEL, "State") == "live" and newer.get(path, CHANNEL, "OutboxCount") == 0,
                 "the copy to be there")
        wait_for(lambda: (older.get(path, CHANNEL, "State"), older.get(path, CHANNEL, "StateReason")) ==
                 ("closed", "replaced"), "the older one to stop")
        _, seq = newer.send(path, "and this too", wait="stored")
        texts = [e.get("message_content") for e in meg.read_to(seq)]
        assert texts.count("written once") == texts.count("and this too") == 1

        # What it has to say waits for a person, who signs in anew there; it does not come back for that by itself.
        older.send(path, "waits")
        assert newer.send(path, "the last", wait="stored")[1] == seq + 1
        assert older.get(path, CHANNEL, "State") == "closed" and newer.get(path, CHANNEL, "State") == "live"
        (row,) = [r for r in meg.ok("MEMBERS", limit=500)["members"] if r["username"] == "max"]
        assert row["status"] == "online"
        told = [c for f in meg.connection.pushes if f.header == "PRESENCE" for c in f.payload["changes"]]
        assert not [c for c in told if c["username"] == "max" and c["status"] == "offline"], told
    for peer in (older, newer, stage.alice):
        assert peer.is_up()
