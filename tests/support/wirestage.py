# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the wire stand on: one tracker and one host daemon (alice's) a file, identities that
the outsider made, and each of the two as a Side, so that one table is tried at both."""
import contextlib
import itertools
import uuid

from outsider import Authority, Connection, Identity, Member, pin_of, sign_in_guest, sign_up

FAST = "[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n"
BAD_REQUEST = ("REQUEST_ERROR", "bad-request")
NO_SUCH_CHANNEL = ("REQUEST_ERROR", "no-such-channel")
numbers = itertools.count()


def error_of(f):
    """→ (status, code) of a Frame; ("OK", None)."""
    return f.header, f.payload.get("error")


class Stage:
    def __init__(self, world, settings=""):
        self.world = world
        world.configure_tracker(FAST + settings)
        self.tracker = world.start_tracker()
        with Connection(self.tracker.address, hello=False) as c:
            self.pin = pin_of(c.chain[1])
        self.people = {}
        self.alice = None

    def new_name(self, begin="user"):
        return f"{begin}{next(numbers)}"

    def person(self, name):
        """→ the Identity of that name, which signs up when it is asked for first; guests are "guest-…"."""
        if name not in self.people:
            self.people[name] = sign_in_guest(self.tracker.address, name[6:], self.pin) \
                if name.startswith("guest-") else sign_up(self.tracker.address, name, self.pin)
        return self.people[name]

    def device(self, name):
        """→ another Identity of that user."""
        i = Identity()
        with self.stranger() as c:
            i.take(c.ok("SIGNIN", {"username": name, "password": "correct horse " + name, "csr": i.csr()}))
        return i

    def authority(self):
        return Authority(self.tracker.state)

    def stranger(self, **how):
        return Connection(self.tracker.address, pin=self.pin, **how)

    def signed_in(self, who, **how):
        """who: a name, or an Identity."""
        return Connection(self.tracker.address, self.person(who) if isinstance(who, str) else who, **how)

    # -- the host

    def start_host(self):
        self.alice = self.world.people("alice")
        return self

    def host(self, name=None, **options):
        """→ (name, object path, address) of a channel that alice's daemon serves."""
        name = name or self.new_name("channel")
        path = self.alice.host(name, **options)
        return name, path, self.channel(name)["addresses"][0]

    def channel(self, name):
        """→ its CHANNEL, as a signed-in user sees it."""
        with self.signed_in("lister") as c:
            (found,) = [x for x in c.ok("LIST", {"query": name})["channels"] if x["channel_name"] == name]
        return found

    def dial(self, address, who, **how):
        return Connection(address, self.person(who) if isinstance(who, str) else who,
                          **{"host_name": "user/alice", **how})

    @contextlib.contextmanager
    def dialling(self):
        """dial(address, who); all are closed at the end."""
        with contextlib.ExitStack() as stack:
            yield lambda address, who: stack.enter_context(self.dial(address, who))

    @contextlib.contextmanager
    def reading_room(self):
        """A new ReadingRoom, which alice's daemon outlives."""
        with self.dialling() as dial:
            yield ReadingRoom(self, dial)
        assert self.alice.is_up()


class Room:
    """A new channel of alice's, and who visits it by dial(address, who)."""

    def __init__(self, stage, dial):
        self.dial = dial
        self.name, self.path, self.address = stage.host()

    def visitor(self, who):
        return Member(self.dial(self.address, who), self.name)

    def member(self, who, **how):
        m = self.visitor(who)
        m.state = m.connect(**how)
        return m


class ReadingRoom(Room):
    """… whose members have read all that was there when they joined."""

    def member(self, who, **how):
        m = super().member(who, **how)
        m.read_to(m.state["last_seq"])
        return m


class TrackerSide:
    """A connection to the tracker; `probe` is a request that is always answered by OK."""
    name = "tracker"
    in_flight = 1000
    foreign = ("CONNECT", "MESSAGE", "HISTORY", "DISCONNECT", "RET_INFO", "MEMBERS", "INVISIBLE", "STATUS", "ACCESS",
               "TOPIC", "AUTHORIZE", "KICK", "BAN", "UNBAN", "REDACT", "DEBUG")  # VIEW is in both tables
    probe = ("LIST", {"limit": 1})

    def __init__(self, stage):
        self.stage = stage
        self.address = stage.tracker.address

    def dial(self, **how):
        """Before sign-in."""
        return self.stage.stranger(**how)

    def dial_trusted(self, **how):
        return self.stage.signed_in("trusted", **how)


class HostSide:
    name = "host"
    in_flight = 32
    foreign = ("SIGNUP", "SIGNIN", "RECOVER", "GUEST", "RENEW", "SIGNOUT", "PASSWD", "DEVICES", "DELETE", "WHOIS",
               "LIST", "WATCH", "HOST", "HEARTBEAT", "UNHOST")

    def __init__(self, stage):
        self.stage = stage
        self.channel, self.path, self.address = stage.host()
        self.probe = ("HISTORY", {"channel_name": self.channel, "limit": 1})

    def dial(self, **how):
        """Before it has joined."""
        return self.stage.dial(self.address, "visitor", **how)

    def dial_trusted(self, hello=True):
        c = self.stage.dial(self.address, "trusted", hello=hello)
        if hello:
            Member(c, self.channel).connect(backlog=0)
        return c


def host_payload(name, **changes):
    return {"channel_name": name, "channel_id": str(uuid.uuid4()), "addresses": ["127.0.0.1:4711"],
            "view_permission": "public", "topic": "", "epoch": 1, "last_seq": 0, "members": 0, **changes}


def message(text="x", **changes):
    return {"id": str(uuid.uuid4()), "message_content": text, **changes}


def fill(m, n):
    """n messages → their seqs."""
    seqs = []
    while n > 0:
        seqs += m.store(*(f"text {n - i}" for i in range(min(n, 64))))
        n -= min(n, 64)
    return seqs
