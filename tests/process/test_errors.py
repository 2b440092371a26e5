# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every row of the table of errors (common/wire/error-table.h) is produced here: each code of the wire by a
tracker or host that really sends it, with its status; each name of the bus by a daemon that really answers
with it, and p2pchatctl's exit status for it. A row without a recipe fails."""
import contextlib
import json
import os
import pathlib
import resource
import sqlite3
import threading
import uuid

import pytest

import errortable
from conformance import sentence
from models import ModelHost
from outsider import Connection, Identity, Member, frame, sign_in_guest, sign_up
from p2pchat import CHANNEL, MODERATION, World, free_port, refused, wait_for

ROWS = errortable.read(pathlib.Path(__file__).parent.parent.parent)
ERROR = errortable.ERROR
# Else the first write beyond RLIMIT_FSIZE ends who writes.
IGNORING_XFSZ = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]


@contextlib.contextmanager
def full_disk(process):
    """That process can make no file any longer meanwhile."""
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))


class Stage:
    """alice hosts lobby; bob is in it, and in carol's trap, which is a model host."""

    def __init__(self, world, stack):
        self.world = world
        self.stack = stack
        world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n"
                                "SignInFailuresPerMinute=0\nSignInsPerDay=0\n")
        self.tracker = world.start_tracker(prefix=IGNORING_XFSZ)
        self.alice = world.peer("alice", start=False)
        self.alice.prefix = IGNORING_XFSZ
        self.alice.start()
        self.alice.trust()
        self.alice.sign_up()
        self.lobby = self.alice.host("lobby")
        self.bob = world.people("bob")
        self.bob_lobby = self.bob.join("lobby")
        self.guest = world.peer("guest")
        self.guest.trust()
        self.guest.manager("SignInGuest", "sa{sv}", "gail", {})
        self.nobody = world.peer("nobody")
        self.nobody.trust()
        self.dave = sign_up(self.tracker.address, "dave")
        self.gina = sign_in_guest(self.tracker.address, "gina")
        self.carol = sign_up(self.tracker.address, "carol")
        self.trap = self.model("trap")
        self.bob_trap = self.bob.join("trap")
        with Connection(self.tracker.address, self.dave) as c:
            channels = c.ok("LIST", {"query": "lobby"})["channels"]
        self.lobby_address = channels[0]["addresses"][0]

    def model(self, name):
        """→ a model host of carol's, as long as the stage is there."""
        return self.stack.enter_context(ModelHost(self.tracker, self.carol, name))

    def stranger(self):
        return Connection(self.tracker.address)

    def at_tracker(self, who=None):
        return Connection(self.tracker.address, who or self.dave)

    @contextlib.contextmanager
    def in_channel(self, name, who=None):
        with Connection(self.lobby_address, who or self.dave, host_name="user/alice") as c:
            yield Member(c, name)

    def credentials(self, **changes):
        return {"username": "erin", "password": "correct horse", "csr": Identity().csr(), **changes}


@pytest.fixture(scope="module")
def stage(module_world):
    with contextlib.ExitStack() as stack:
        yield Stage(module_world, stack)


# -- on the wire: function(stage) → (status, code)

def bad_frame(stage):
    with stage.stranger() as c:
        return c.fault(b"nonsense\n")[:2]


def too_large(stage):
    with stage.stranger() as c:
        return c.fault(frame("LIST", "1", {"query": "x" * 9000}))[:2]


def by_stranger(command, **payload):
    def recipe(stage):
        with stage.stranger() as c:
            return c.refused(command, payload)
    return recipe


def by_new_user(command, **changes):
    def recipe(stage):
        with stage.stranger() as c:
            return c.refused(command, stage.credentials(**changes))
    return recipe


def by_dave(command, **payload):
    def recipe(stage):
        with stage.at_tracker() as c:
            return c.refused(command, payload)
    return recipe


def at_lobby(command, **payload):
    def recipe(stage):
        with stage.in_channel("lobby") as m:
            m.connect()
            return m.refused(command, **payload)
    return recipe


def by_model(code):
    """No program of this version sends it; the model host, which does, stands for a newer one."""
    def recipe(stage):
        status = next(r.status for r in ROWS if r.wire == code)
        stage.trap.hooks["MEMBERS"] = lambda c, f: stage.trap.fail(c, f, status, code)
        with Connection(stage.trap.address, stage.dave, host_name="user/carol") as c:
            found = Member(c, "trap").refused("MEMBERS", limit=1)
        del stage.trap.hooks["MEMBERS"]
        return found
    return recipe


def revoked(stage):
    key = sign_up(stage.tracker.address, "olga")
    with stage.at_tracker(key) as c:
        c.ok("SIGNOUT")
    with stage.stranger() as c:
        return c.refused("RENEW", {"csr": key.csr()})


def expired(stage):
    """180 days away: the tracker's own note of when it saw the device is set back while it is down."""
    key = sign_up(stage.tracker.address, "ursula")
    stage.tracker.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(stage.tracker.state, "tracker.db"))) as db, db:
        assert db.execute("UPDATE device SET seen = 1 WHERE key = ?", (key.key_id,)).rowcount == 1
    stage.tracker.start()
    with stage.stranger() as c:
        return c.refused("RENEW", {"csr": key.csr()})


def restricted(stage):
    stage.alice.host("inner", view_permission="restricted")
    with stage.in_channel("inner") as m:
        return m.refused("CONNECT", since=0, invisible=False)


def read_only(stage):
    stage.alice.host("quiet", send_permission="members")
    with stage.in_channel("quiet") as m:
        m.connect()
        f = m.send("may I?")
        return f.header, f.payload["error"]


def busy(stage):
    """The host's disk is full."""
    with stage.in_channel("lobby") as m:
        m.connect()
        with full_disk(stage.alice.process):
            f = m.send("no room")
        assert f.payload["retry_after_ms"] > 0
        m.store("room again")
        return f.header, f.payload["error"]


def internal(stage):
    """The tracker's database is not what it should be: somebody was at it."""
    path = os.path.join(stage.tracker.state, "tracker.db")

    def rename(a, b):
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as db:
            db.execute(f"ALTER TABLE {a} RENAME TO {b}")
            db.commit()
    rename("device", "device_away")
    try:
        with stage.stranger() as c:
            return c.refused("GUEST", {"username": "hugo", "csr": Identity().csr()})
    finally:
        rename("device_away", "device")


def rate_limited(stage):
    with World() as w:
        w.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=1\n")
        tracker = w.start_tracker()
        sign_up(tracker.address, "first")
        with Connection(tracker.address) as c:
            f = c.request("SIGNUP", stage.credentials())
    assert f.payload["retry_after_ms"] > 0
    return f.header, f.payload["error"]


def no_such_user(stage):
    """alice's second device moderates over the wire."""
    owner = Identity()
    with stage.stranger() as c:
        owner.take(c.ok("SIGNIN", stage.credentials(username="alice", password="correct horse alice",
                                                    csr=owner.csr())))
    with stage.in_channel("lobby", owner) as m:
        m.connect()
        return m.refused("AUTHORIZE", target="nobody-at-all", role="member")


def conflict(stage):
    with stage.in_channel("lobby") as m:
        m.connect()
        message_id = str(uuid.uuid4())
        m.store("one", ids=[message_id])
        f = m.send("another", ids=[message_id])
        return f.header, f.payload["error"]


def hosted(stage, name, **changes):
    """A channel of dave's → HOST's payload to say so again."""
    payload = {"channel_name": name, "channel_id": str(uuid.uuid4()), "addresses": [], "view_permission": "public",
               "topic": "", "epoch": 1, "last_seq": 5, "members": 1}
    with stage.at_tracker() as c:
        c.ok("HOST", payload)
    return {**payload, **changes}


def stale_epoch(stage):
    again = hosted(stage, "stale", last_seq=4)
    with stage.at_tracker() as c:
        return c.refused("HOST", again)


def channel_exists(stage):
    other = hosted(stage, "mine", channel_name="lobby", channel_id=str(uuid.uuid4()))
    with stage.at_tracker() as c:
        return c.refused("HOST", other)


def guests_not_allowed(stage):
    with stage.at_tracker(stage.gina) as c:
        return c.refused("DEVICES")


WIRE = {
    "not-signed-in": by_stranger("WHOIS", username="alice"),
    "bad-credentials": by_new_user("SIGNIN", username="alice", password="wrong horse"),
    "expired": expired,
    "revoked": revoked,
    "restricted": restricted,
    "read-only": read_only,
    "banned": by_model("banned"),
    "guests-not-allowed": guests_not_allowed,
    "not-owner": by_dave("UNHOST", channel_name="lobby", forget=False),
    "not-moderator": at_lobby("TOPIC", topic="mine"),
    "busy": busy,
    "internal": internal,
    "bad-frame": bad_frame,
    "bad-request": by_stranger("LIST", limit=0),
    "too-large": too_large,
    "unknown-command": by_stranger("CONNECT"),
    "unsupported": by_stranger("PING"),
    "rate-limited": rate_limited,
    "invalid-name": by_new_user("SIGNUP", username="Erin"),
    "name-taken": by_new_user("SIGNUP", username="alice"),
    "weak-password": by_new_user("SIGNUP", password="short"),
    "no-such-channel": by_dave("UNHOST", channel_name="nowhere", forget=False),
    "channel-exists": channel_exists,
    "no-such-user": no_such_user,
    "no-such-entry": by_model("no-such-entry"),
    "conflict": conflict,
    "stale-epoch": stale_epoch,
}


@pytest.mark.parametrize("row", [r for r in ROWS if r.status != "LOCAL"], ids=lambda r: r.wire)
@sentence("2.34", "2.35", "2.36", "2.37", "2.38", "2.39", "2.40", "2.41", "2.42", "2.43", "2.44", "2.45", "2.46",
          "2.47", "2.48", "2.49", "2.50", "2.51", "2.52", "2.53", "2.54", "2.55", "2.56", "2.57", "2.58", "2.59",
          "2.60")
def test_wire(stage, row):
    assert WIRE[row.wire](stage) == (row.status, row.wire)


# -- on the bus: function(stage) → ((name, message) of the daemon's answer, p2pchatctl's arguments and input)

def on_bus(who, arguments, call, stdin=""):
    return lambda stage: (refused(call, stage), getattr(stage, who), arguments, stdin)


def manager(who, method, signature, *args):
    return lambda stage: getattr(stage, who).manager(method, signature, *args)


def signing(who, verb, method, username, password="correct horse"):
    return on_bus(who, [verb, username, "--password-fd=0"], manager(who, method, "ssa{sv}", username, password, {}),
                  password + "\n")


def members(stage):
    return stage.bob.call(stage.bob_trap, CHANNEL, "GetMembers", "a{sv}", {})


def from_host(code, status=None):
    """What a host answers, here to MEMBERS, is what the daemon answers."""
    def recipe(stage):
        stage.trap.hooks["MEMBERS"] = lambda c, f: stage.trap.fail(
            c, f, status or next(r.status for r in ROWS if r.wire == code), code)
        return refused(members, stage), stage.bob, ["members", "trap"], ""
    return recipe


def restricted_on_bus(stage):
    stage.alice.host("inner", view_permission="restricted")
    return refused(stage.bob.join, "inner"), stage.bob, ["join", "inner"], ""


def banned_on_bus(stage):
    """Only a newer host bans."""
    host = stage.model("closed")
    host.hooks["CONNECT"] = lambda c, f: host.fail(c, f, "UNAUTHORIZED", "banned")
    return refused(stage.bob.join, "closed"), stage.bob, ["join", "closed"], ""


def read_only_on_bus(stage):
    stage.alice.host("quiet", send_permission="members")
    quiet = stage.bob.join("quiet")
    return (refused(stage.bob.send, quiet, "may I?", wait="stored"), stage.bob,
            ["send", "quiet", "--wait=stored", "may I?"], "")


def authorize(who, name, target):
    return on_bus(who, ["authorize", "lobby", target],
                  lambda s: getattr(s, who).call(getattr(s, name), MODERATION, "Authorize", "ssa{sv}", target,
                                                 "member", {}))


def conflict_on_bus(stage):
    message_id, _ = stage.bob.send(stage.bob_lobby, "one", wait="stored")
    return (refused(stage.bob.send, stage.bob_lobby, "another", id=message_id), stage.bob,
            ["send", "lobby", "another", "--id=" + message_id], "")


def host_offline(stage):
    with ModelHost(stage.tracker, stage.carol, "leaving") as host:
        path = stage.bob.join("leaving")
    wait_for(lambda: stage.bob.get(path, CHANNEL, "State") == "offline", "bob to have seen it go")
    assert host.ends
    return (refused(stage.bob.call, path, CHANNEL, "GetMembers", "a{sv}", {}), stage.bob, ["members", "leaving"], "")


def tracker_at(stage, *arguments, **options):
    address = f"127.0.0.1:{free_port()}" if options.pop("dead", False) else stage.tracker.address
    peer = stage.world.peer("newcomer" + uuid.uuid4().hex[:6])
    return refused(peer.manager, "SetTracker", "sa{sv}", address, options), peer, ["tracker", address, *arguments], ""


def queue_full(stage):
    """As many as an outbox has room for, of a host that takes none of them."""
    stage.trap.hooks["MESSAGE"] = lambda c, f: stage.trap.fail(c, f, "SERVER_ERROR", "busy", retry_after_ms=60000)
    result = stage.bob.ctl("send", "trap", "--lines", "--wait=queued", stdin="text\n" * 10001, check=False, timeout=120)
    assert result.returncode != 0, "10,001 rows of 10,000"
    return refused(stage.bob.send, stage.bob_trap, "one more"), stage.bob, ["send", "trap", "one more"], ""


def timeout(stage):
    """A host that does not answer; both ask at once, since the deadline is of ten seconds."""
    stage.trap.hooks["MEMBERS"] = lambda c, f: None
    return (lambda: refused(members, stage)), stage.bob, ["members", "trap"], ""


def cancelled(stage):
    """It was being waited for, and was taken out of the outbox."""
    host = stage.model("slow")
    host.hooks["MESSAGE"] = lambda c, f: host.fail(c, f, "SERVER_ERROR", "busy", retry_after_ms=60000)
    slow = stage.bob.join("slow")
    ids = [str(uuid.uuid4()) for _ in range(2)]

    def cancel():
        """The daemon answers nobody who waits for a row before it has taken the row out."""
        bus = stage.bob.connect()
        for message_id in ids:
            wait_for(lambda: message_id in {r[0] for r in
                                            stage.bob.call(slow, CHANNEL, "GetOutbox", "a{sv}", {}, bus=bus)[0]},
                     "it to be queued")
            stage.bob.call(slow, CHANNEL, "Cancel", "sa{sv}", message_id, {}, bus=bus)
        bus.close()
    threading.Thread(target=cancel, daemon=True).start()
    return (refused(stage.bob.send, slow, "never mind", wait="stored", id=ids[0]), stage.bob,
            ["send", "slow", "never mind", "--wait=stored", "--id=" + ids[1]], "")


def protocol(stage):
    """A host whose list of members does not come to an end."""
    stage.trap.hooks["MEMBERS"] = lambda c, f: stage.trap.ok(c, f, {
        "members": [{"username": "same", "user_type": "REGISTERED", "role": "none", "status": "online"}],
        "next": "same", "generation": 1})
    return (refused(stage.bob.call, stage.bob_trap, CHANNEL, "GetMembers", "a{sv}", {"after": "same"}), stage.bob,
            ["members", "trap"], "")


UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
BUS = {
    "NOT_SIGNED_IN": on_bus("nobody", ["host", "mine"], manager("nobody", "Host", "sa{sv}", "mine", {})),
    "BAD_CREDENTIALS": signing("nobody", "signin", "SignIn", "alice", "wrong horse"),
    "EXPIRED": from_host("expired"),
    "REVOKED": from_host("revoked"),
    "RESTRICTED": restricted_on_bus,
    "READ_ONLY": read_only_on_bus,
    "BANNED": banned_on_bus,
    "GUESTS_NOT_ALLOWED": on_bus("guest", ["host", "mine"], manager("guest", "Host", "sa{sv}", "mine", {})),
    "NOT_OWNER": on_bus("bob", ["view", "lobby", "restricted"], lambda s: s.bob.call(
        s.bob_lobby, MODERATION, "SetPermissions", "a{sv}", {"view_permission": "restricted"})),
    "NOT_MODERATOR": authorize("bob", "bob_lobby", "carol"),
    "BUSY": from_host("busy"),
    "INTERNAL": from_host("internal"),
    "BAD_FRAME": from_host("bad-frame"),
    "BAD_REQUEST": authorize("alice", "lobby", "alice"),
    "TOO_LARGE": on_bus("bob", ["send", "lobby"], lambda s: s.bob.send(s.bob_lobby, "x" * 16385), "x" * 16385),
    "UNKNOWN_COMMAND": from_host("unknown-command"),
    "UNSUPPORTED": from_host("unsupported"),
    "RATE_LIMITED": from_host("rate-limited"),
    "INVALID_NAME": signing("nobody", "signup", "SignUp", "no name"),
    "NAME_TAKEN": signing("nobody", "signup", "SignUp", "alice"),
    "WEAK_PASSWORD": signing("nobody", "signup", "SignUp", "nina", "short"),
    "NO_SUCH_CHANNEL": on_bus("bob", ["join", "nowhere"], lambda s: s.bob.join("nowhere")),
    "CHANNEL_EXISTS": on_bus("alice", ["host", "trap"], lambda s: s.alice.host("trap")),
    "NO_SUCH_USER": authorize("alice", "lobby", "nobody-at-all"),
    "NO_SUCH_ENTRY": on_bus("bob", ["outbox", "cancel", UNKNOWN_ID], lambda s: s.bob.call(
        s.bob_lobby, CHANNEL, "Cancel", "sa{sv}", UNKNOWN_ID, {})),
    "CONFLICT": conflict_on_bus,
    "STALE_EPOCH": from_host("stale-epoch"),
    "ALREADY_SIGNED_IN": signing("bob", "signup", "SignUp", "robert"),
    "HOST_OFFLINE": host_offline,
    "TRACKER_UNREACHABLE": lambda s: tracker_at(s, "--trust-new", dead=True, trust_new=True),
    "UNTRUSTED_TRACKER": tracker_at,
    "PIN_MISMATCH": lambda s: tracker_at(s, "--pin=sha256:" + "0" * 64, pin="sha256:" + "0" * 64),
    "QUEUE_FULL": queue_full,
    "TIMEOUT": timeout,
    "CANCELLED": cancelled,
    "PROTOCOL": protocol,
}


def run(stage, recipe, wanted, exit_status):
    """recipe's call, and the same by p2pchatctl at the same time where the call takes its time."""
    result, peer, arguments, stdin = recipe(stage)
    later = []
    if callable(result):
        thread = threading.Thread(target=lambda call=result: later.append(call()))
        thread.start()
    by_ctl = peer.ctl("-j", *arguments, stdin=stdin, check=False)
    if callable(result):
        thread.join()
        (result,) = later
    assert result[0] == ERROR + wanted and result[1]
    error = json.loads(by_ctl.stdout.splitlines()[-1])["error"]
    assert (error["name"], by_ctl.returncode) == (ERROR + wanted, exit_status), by_ctl


@pytest.fixture
def clean(stage):
    yield stage
    stage.trap.hooks.clear()


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name.lower())
def test_bus(clean, row):
    run(clean, BUS[row.name], row.dbus, row.exit)


@sentence("2.33")
@pytest.mark.parametrize("status,code,dbus,exit_status", (
    ("UNAUTHORIZED", "brand-new", "Restricted", 5), ("SERVER_ERROR", "brand-new", "Internal", 1),
    ("REQUEST_ERROR", "brand-new", "BadRequest", 7), ("UNAUTHORIZED", "busy", "Restricted", 5),
    ("SERVER_ERROR", "timeout", "Internal", 1)))
def test_a_newer_side(clean, status, code, dbus, exit_status):
    run(clean, from_host(code, status), dbus, exit_status)


@sentence("5.MESSAGE.19")
def test_a_newer_side_refuses_one(clean):
    host = clean.model("newer")
    host.hooks["MESSAGE"] = lambda c, f: host.ok(c, f, {"stored": [], "refused": [
        {"id": m["id"], "error": "brand-new", "message": "not that one"} for m in f.payload["messages"]]})
    newer = clean.bob.join("newer")
    assert refused(clean.bob.send, newer, "is it new?", wait="stored") == (ERROR + "BadRequest", "not that one")
