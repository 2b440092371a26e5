# SPDX-License-Identifier: LGPL-2.1-or-later
"""The log is the channel: after any sequence of governance, what entries 1 to the last add up to, by a model that
reads protocol §5 only, is what the live host says, before and after a restart, and what members show."""
import datetime
import random
import signal
import time

import pytest

from conformance import sentence
from outsider import Member
from p2pchat import CHANNEL, wait_for
from wirestage import Stage

N_ACTIONS = 1000
USERS = ["mo", "mel", "bob", "eve", "zed", "kim", "guest-gail", "guest-hal"]
ACTORS = ["alice", "mo", "mel", "bob", "eve", "guest-gail"]
DENIED = {"not-owner", "not-moderator", "bad-request", "guests-not-allowed", "banned", "restricted", "no-such-user",
          "read-only"}


class Replay:
    """What a log adds up to."""

    def __init__(self, entries):
        self.owner = self.topic = None
        self.roles, self.bans = {}, {}
        self.view = {"view_permission": "public", "send_permission": "registered", "message_rate": 5,
                     "message_burst": 20}
        self.topic = ""
        for n, e in enumerate(entries, 1):
            assert e["seq"] == n
            getattr(self, "on_" + e["kind"], lambda e: None)(e)

    def on_create(self, e):
        self.owner = e["owner"]

    def on_topic(self, e):
        self.topic = e["topic"]

    def on_view(self, e):
        self.view.update({k: e[k] for k in self.view if k in e})

    def on_role(self, e):
        self.roles[e["target"]] = e["role"]
        if e["role"] == "none":
            del self.roles[e["target"]]

    def on_ban(self, e):
        self.bans[e["target"], e.get("key")] = (e["username"], e.get("reason"), e.get("until"))
        self.roles.pop(e["target"], None)

    def on_unban(self, e):
        self.bans = {k: v for k, v in self.bans.items() if k[0] != e["target"]}

    def state(self):
        return {"owner": self.owner, "topic": self.topic, "roles": self.roles, **self.view, "bans": self.bans}


def log_of(m):
    entries, more = [], True
    while more:
        page = ok(m, "HISTORY", after=entries[-1]["seq"] if entries else 0, limit=500)
        entries, more = entries + page["entries"], page["more"]
    return entries


def live_state(m):
    info = ok(m, "RET_INFO")
    assert not info.get("authorized_more") and not info.get("banned_more"), "more than a frame holds"
    return {**{k: info[k] for k in ("owner", "topic", "view_permission", "send_permission", "message_rate",
                                    "message_burst")},
            "roles": {a["username"]: a["role"] for a in info["authorized"] if a["role"] != "owner"},
            "bans": {(b["username"], b.get("key")): (b["by"], b.get("reason"), b.get("until"))
                     for b in info["banned"]}}


def patient(m, command, **payload):
    """A request that waits for its budget → Frame."""
    while True:
        f = m.request(command, **payload)
        if f.payload.get("error") != "rate-limited":
            return f
        time.sleep(f.payload["retry_after_ms"] / 1000)


def ok(m, command, **payload):
    f = patient(m, command, **payload)
    assert f.header == "OK", f
    return f.payload


def now_plus(seconds=0):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return end.isoformat(timespec="milliseconds")[:23] + "Z"


def ended(state, by):
    """Without the bans that have ended by then."""
    return {**state, "bans": {k: v for k, v in state["bans"].items() if v[2] is None or v[2] > by}}


def action(rng):
    """→ (command, payload) of somebody who may or may not."""
    target = rng.choice(USERS + ["alice"])
    reason = {} if rng.random() < .5 else {"reason": rng.choice(["spam", "again", "ünfriendly"])}
    until = {} if rng.random() < .5 else {"until": now_plus(rng.choice([1, 2, 3600, 86400]))}
    return rng.choice([
        lambda: ("AUTHORIZE", {"target": target, "role": rng.choice(["moderator", "member", "none"])}),
        lambda: ("AUTHORIZE", {"target": target, "role": rng.choice(["moderator", "member"])}),
        lambda: ("BAN", {"target": target, **reason, **until}),
        lambda: ("UNBAN", {"target": target}),
        lambda: ("KICK", {"target": target, **reason}),
        lambda: ("TOPIC", {"topic": rng.choice(["", "tea", "coffee ☕", "more tea"])}),
        lambda: ("VIEW", rng.choice([
            {"view_permission": rng.choice(["public", "restricted"])},
            {"send_permission": rng.choice(["everyone", "registered", "members"])},
            {"message_rate": rng.choice([0, 5, 50]), "message_burst": rng.choice([1, 20])},
            {"view_permission": "public", "send_permission": "everyone"}])),
        lambda: ("MESSAGE", {}),
    ])()


class Company:
    """Each actor's connection; one that was sent out comes back for its next action."""

    def __init__(self, stage, dial, name, address):
        self.stage, self.dial, self.name, self.address = stage, dial, name, address
        self.members = {}

    def member(self, who):
        if who not in self.members:
            identity = self.stage.device("alice") if who == "alice" else who
            self.members[who] = Member(self.dial(self.address, identity), self.name)
        return self.members[who]

    def act(self, who, command, payload):
        m = self.member(who)
        if command == "MESSAGE":
            m.request("CONNECT", since=0, backlog=0, invisible=False)
            f = m.send("said in between")
        else:
            f = patient(m, command, **payload)
        assert f.header == "OK" or f.payload["error"] in DENIED | {"rate-limited"}, (who, command, payload, f)
        return f.header == "OK"

    def leave(self):
        for m in self.members.values():
            m.connection.close()
        self.members.clear()


@pytest.fixture(scope="module")
def stage(module_world):
    return Stage(module_world).start_host()


@sentence("5.ENTRY.14")
@pytest.mark.parametrize("seed", [1, 20261122])
def test_replay(stage, seed):
    rng = random.Random(seed)
    name, path, address = stage.host()
    for who in USERS:
        stage.person(who)
    with stage.dialling() as dial:
        company = Company(stage, dial, name, address)
        for who in USERS:  # a guest who was never here has no key to ban
            company.member(who).connect()
        n_ok = {}
        for _ in range(N_ACTIONS):
            who = rng.choice(ACTORS + ["alice"] * 3)
            command, payload = action(rng)
            if company.act(who, command, payload):
                n_ok[command] = n_ok.get(command, 0) + 1
        # Each kind has happened, and was refused as well.
        assert all(n_ok.get(c, 0) >= 20 for c in ("AUTHORIZE", "BAN", "UNBAN", "KICK", "TOPIC", "VIEW")), n_ok
        assert sum(n_ok.values()) < N_ACTIONS * 3 / 4, n_ok

        def agrees():
            alice = company.member("alice")
            entries = log_of(alice)
            seen, asked = live_state(alice), now_plus()
            # One that ended while the host was asked may be told or not.
            expected, seen = ended(Replay(entries).state(), asked), ended(seen, asked)
            assert {k: (seen[k], expected[k]) for k in expected if seen[k] != expected[k]} == {}
            kinds = [e["kind"] for e in entries]
            assert all(kinds.count(k) >= 5 for k in ("role", "ban", "unban", "topic", "view")), kinds
            assert "kick" in kinds  # few: who was sent out is away for a minute
            return seen

        agrees()
        company.leave()
        stage.alice.stop_daemon(signal.SIGKILL)
        stage.alice.start_daemon()
        wait_for(lambda: stage.alice.get(path, CHANNEL, "State") == "live", "the channel to be up again")
        company.address = stage.channel(name)["addresses"][0]
        wait_for(lambda: company.member("alice"), "the host takes connections")
        seen = agrees()
        assert stage.alice.get(path, CHANNEL, "Topic") == seen["topic"]
