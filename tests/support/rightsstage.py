# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where process/rights.txt is walked: the people of it, and for each setting a channel in which they are what
it calls them. It knows what is in the log after each cell, and puts back what a cell changed; how somebody
asks (over the wire, through D-Bus) is left to who walks."""
import datetime
import time

import rights
from outsider import Member
from wirestage import Stage, message

TRIES = 20
# The targets are there when they are kicked; whoever was kicked does not come again.
ORDER = ("namesake", "banned-guest", "guest", "banned", "banned-moderator", "none", "member", "moderator", "owner")
NAMES = {"owner": "alice", "moderator": "mo", "member": "mel", "none": "nick", "banned": "ben",
         "banned-moderator": "bea", "guest": "guest-gil", "banned-guest": "guest-bo", "namesake": "guest-bo"}
VISIBLE = rights.Variant("CONNECT", "-", "visible")
SEND = rights.Variant("MESSAGE", "-", "-")
TOPIC = rights.Variant("TOPIC", "-", "change")


def moment(**later):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**later)
    return then.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Wire:
    """Somebody on the wire, in one channel: asks, on another connection when this one has asked too much."""

    def __init__(self, stage, address, channel_name, identity):
        self.stage, self.address, self.identity = stage, address, identity
        self.m = Member(None, channel_name)
        self.joined = False

    def dial(self):
        self.close()
        self.m.connection = self.stage.dial(self.address, self.identity)

    def close(self):
        if self.m.connection:
            self.m.connection.close()
        self.m.connection = None
        self.joined = False

    def join(self, invisible=False, **how):
        """CONNECT → Frame"""
        f = self.ask("CONNECT", since=0, backlog=0, invisible=invisible, **how)
        self.joined = f.header == "OK"
        if self.joined:
            self.m.channel_id = f.payload["channel_id"]
        return f

    def ask(self, command, may_wait=False, **payload):
        """→ Frame. may_wait: rate-limited is an answer, too."""
        if not self.m.connection:
            self.dial()
        for _ in range(TRIES):
            f = self.m.request(command, **payload)
            self.m.connection.pushes.clear()
            if may_wait or f.payload.get("error") not in ("rate-limited", "busy"):
                return f
            joined = self.joined
            time.sleep(min(f.payload.get("retry_after_ms", 0), 200) / 1000)
            self.dial()
            if joined and command != "CONNECT":
                assert self.join().header == "OK"
        raise AssertionError(f"{command}: asked to wait {TRIES} times")

    def ok(self, command, **payload):
        f = self.ask(command, **payload)
        assert f.header == "OK", f"{command} {payload}: {f}"
        return f.payload

    def say(self, n):
        """n messages → their seqs; without staying."""
        self.join()
        seqs = self.m.store(*(f"text {i}" for i in range(n)))
        self.close()
        return seqs


class Cast:
    """Who they are: the targets are on the wire; `actors` {actor: name} are whoever walks."""

    def __init__(self, stage):
        self.targets = {"moderator": "t-mo", "member": "t-mel", "none": "t-nick", "banned": "t-ben",
                        "banned-moderator": "t-bea", "guest": "guest-t-gil", "banned-guest": "guest-t-bo"}
        self.identities = {name: stage.person(name) for name in self.targets.values()}
        self.owner = stage.device("alice")


class Place:
    """One channel with one setting. said: {name or actor: [seqs of its messages]}."""

    def __init__(self, stage, cast, view, send):
        self.stage, self.cast, self.view, self.send = stage, cast, view, send
        self.name, self.path, self.address = stage.host()
        self.hand = self.wire(cast.owner)
        f = self.hand.join()
        assert f.header == "OK", f"CONNECT: {f}"
        self.hand.ok("VIEW", send_permission="everyone", **({"message_rate": 0} if f.payload["message_rate"] else {}))
        self.roles, self.bans, self.present = {"alice": "owner"}, {}, set()
        self.said, self.expected, self.kicks, self.changes = {}, [], [], 0

    def wire(self, identity):
        return Wire(self.stage, self.address, self.name, identity)

    def settle(self, actors, say):
        """Makes everybody what rights.txt calls them. actors: {actor: name}; say(actor, n) → seqs of n messages that
        it sent. A namesake of a guest comes once that one is banned."""
        namesake = "namesake" in actors
        for target, name in self.cast.targets.items():
            self.said[target] = self.wire(self.cast.identities[name]).say(5)
        self.said["owner"] = self.hand.m.store("one", "two", "three", "four")
        own = {actor: say(actor, 3) for actor in actors if actor != "namesake"}
        for people in (self.cast.targets, actors):
            for actor in ("moderator", "member"):
                self.authorize(people[actor], actor)
            for actor in ("banned", "banned-moderator", "banned-guest"):
                self.ban(people[actor])
            self.authorize(people["banned-moderator"], "moderator")
        with_key = self.wire(self.cast.identities[self.cast.targets["moderator"]])
        assert with_key.join().header == "OK"
        with_key.close()
        if namesake:
            own["namesake"] = say("namesake", 6)
        self.own = own
        redacted = self.said["member"].pop()
        self.hand.ok("REDACT", seq=redacted)
        self.said["redacted"] = [redacted] * 3
        self.hand.ok("TOPIC", topic="of now")
        self.topic = "of now"
        self.hand.ok("VIEW", view_permission=self.view, send_permission=self.send)
        f = self.hand.join()
        assert f.header == "OK", f"CONNECT: {f}"
        self.begin = f.payload["last_seq"]
        self.said["entry"] = [self.begin]
        self.said["missing"] = [self.begin + 100000]
        self.expected.clear()

    # -- the owner's hand

    def log(self, kind, username, about=None):
        self.expected.append((kind, username, about))

    def authorize(self, name, role):
        if self.roles.get(name, "none") != role:
            self.hand.ok("AUTHORIZE", target=name, role=role)
            self.log("role", "alice", name)
        self.roles[name] = role

    def ban(self, name):
        self.hand.ok("BAN", target=name)
        if self.bans.get(name) != "forever" or self.roles.get(name, "none") != "none":
            self.log("ban", "alice", name)
        self.bans[name], self.roles[name] = "forever", "none"

    def unban(self, name):
        self.hand.ok("UNBAN", target=name)
        if self.bans.pop(name, None):
            self.log("unban", "alice", name)

    # -- a cell

    def target(self, variant, name):
        """→ the name that is meant; the actor's is `name`."""
        return {"oneself": name, "owner": "alice", "unknown": "nobody-is-it", "unknown-guest": "guest-unseen",
                **self.cast.targets}.get(variant.target)

    def seq(self, variant, actor, passes):
        """→ the entry that REDACT names; one that is still whole if it is going to pass."""
        if variant.target == "oneself":
            return self.own[actor].pop(0)
        if variant.target == "namesake":
            there = self.own["banned-guest" if actor == "namesake" else "namesake"]
        else:
            there = self.said[variant.target]
        return there.pop(0) if passes and variant.target not in ("entry", "missing") else there[-1]

    def payload(self, variant, actor, name, passes):
        """→ what the wire's request has beside the channel."""
        self.changes += 1
        command, value = variant.command, variant.value
        if command == "VIEW":
            return {"retention_days": 1000 + self.changes} if value == "change" \
                else {"view_permission": self.view, "send_permission": self.send}
        if command == "TOPIC":
            if value == "change" and passes:
                self.topic = f"topic {self.changes}"
            return {"topic": f"topic {self.changes}" if value == "change" else self.topic}
        if command == "REDACT":
            return {"seq": self.seq(variant, actor, passes)}
        target = self.target(variant, name)
        if command == "ACCESS":
            return {"username": target} if target else {}
        if command == "AUTHORIZE":
            return {"target": target, "role": value}
        if command == "BAN":
            until = {"forever": {}, "until": {"until": moment(days=self.changes)}, "past": {"until": moment(days=-1)}}
            return {"target": target, **until[value]}
        return {"target": target} if command in ("KICK", "UNBAN") else {}

    def done(self, variant, actor, name, payload):
        """It passed: what the log has of it now; and puts it back."""
        command, target = variant.command, payload.get("target")
        if command == "MESSAGE":
            self.log("message", name)
        elif command in ("VIEW", "TOPIC") and variant.value == "change":
            self.log(command.lower(), name)
        elif command == "REDACT" and variant.target != "redacted":
            self.log("redact", name, payload["seq"])
        elif command == "KICK":
            self.kicks.append((name, target, target in self.present))
            self.present.discard(target)
        elif command == "AUTHORIZE":
            role = self.roles.get(target, "none")
            if role != payload["role"]:
                self.log("role", name, target)
                self.roles[target] = payload["role"]
                self.check(target)
                self.authorize(target, role)
        elif command == "BAN":
            self.banned(target, name, payload.get("until", "forever"))
        elif command == "UNBAN" and target in self.bans:
            role = self.roles.get(target, "none")
            self.log("unban", name, target)
            del self.bans[target]
            self.check(target)
            self.ban(target)
            self.authorize(target, role)

    def check(self, target):
        """What the log says holds: the owner is told so."""
        told = self.hand.ok("ACCESS", username=target)
        role, banned = self.roles.get(target, "none"), target in self.bans
        can_view = not banned and (self.view == "public" or role != "none")
        assert (told["role"], told["can_view"]) == (role, can_view), f"the host says of {target}: {told}"

    def banned(self, target, by, until):
        role, before = self.roles.get(target, "none"), self.bans.get(target)
        if before != until or role != "none":
            self.log("ban", by, target)
        self.bans[target], self.roles[target] = until, "none"
        self.check(target)
        if before:
            self.ban(target)
        else:
            self.unban(target)
        self.authorize(target, role)

    def entries(self):
        """→ [(kind, username, what it is about)] that the log has got since settle()."""
        at, found, more = self.begin, [], True
        while more:
            page = self.hand.ok("HISTORY", after=at, limit=500)
            found += page["entries"]
            at, more = found[-1]["seq"] if found else at, page["more"]
        return [(e["kind"], e["username"], e.get("target", e.get("target_seq"))) for e in found]


class Walk:
    """The cells of one setting, one after the other; ask() and judge() are the walker's."""
    stops = False  # at the first fault

    def __init__(self, stage, view, send):
        self.table, self.setting = stage.table, (view, send)
        self.place = Place(stage, stage.cast, view, send)
        self.faults, self.n, self.here = [], 0, []

    def close(self):
        for wire in (*self.here, self.place.hand):
            wire.close()

    def grants(self, variant, actor):
        return self.table.word(variant, *self.setting, actor) == "ok"

    def fault(self, variant, actor, got):
        self.faults.append(f"{' '.join(variant)} by {actor}: {self.table.word(variant, *self.setting, actor)} by the "
                           f"table, {got}")
        assert not self.stops, self.faults[-1]

    def try_cell(self, variant, actor):
        expected = self.table.expected(variant, *self.setting, actor)
        payload = self.place.payload(variant, actor, NAMES[actor], expected.status == "OK")
        if self.judge(variant, actor, expected, self.ask(variant, actor, payload)):
            self.place.done(variant, actor, NAMES[actor], payload)
        self.n += 1

    def check_access(self, variant, actor, answer):
        """What ACCESS says of somebody is what the table says of whoever is that."""
        who = actor if variant.target in ("-", "oneself") else variant.target
        name = self.place.target(variant, NAMES[actor]) or NAMES[actor]
        true = {"role": self.place.roles.get(name, "none"), "can_view": self.grants(VISIBLE, who),
                "can_send": self.grants(SEND, who), "can_moderate": self.grants(TOPIC, who)}
        if {k: answer[k] for k in true} != true or answer.get("username", name) != name or \
           not all(isinstance(x, str) and x for x in answer["why"]):
            self.fault(variant, actor, f"{answer} instead of {true}")

    def check_keys(self, variant, actor, authorized):
        if any("keys" in row for row in authorized) != self.grants(variant, actor):
            self.fault(variant, actor, authorized)

    def gather_targets(self):
        """Whoever may is here."""
        for target, name in self.place.cast.targets.items():
            if self.grants(VISIBLE, target):
                wire = self.place.wire(self.place.cast.identities[name])
                assert wire.join().header == "OK"
                self.here.append(wire)
                self.place.present.add(name)

    def check_log(self):
        """Nothing else than what was granted. Who left in the last 30 s is, or is not, kicked still."""
        entries, granted = self.place.entries(), self.place.expected
        kicked = [(by, target) for kind, by, target in entries if kind == "kick"]
        logged = [e for e in entries if e[0] != "kick"]
        for by, target, present in self.place.kicks:
            if (by, target) in kicked:
                kicked.remove((by, target))
            elif present:
                self.faults.append(f"{target} was kicked by {by} and the log does not say so")
        self.faults += [f"the log says that {by} kicked {target}" for by, target in kicked]
        if logged != granted:
            at = next((i for i, (a, b) in enumerate(zip(logged, granted)) if a != b), min(len(logged), len(granted)))
            self.faults.append(f"entry {at} since: the log has {logged[at:at + 3]}, {granted[at:at + 3]} was granted")

    def finish(self, n_cells):
        self.check_log()
        assert not self.faults, "\n".join([f"{len(self.faults)} of {self.n} cells:", *self.faults])
        assert self.n == n_cells


def wire_stage(world):
    """→ a Stage whose actors are on the wire."""
    s = Stage(world).start_host()
    s.table, s.cast = rights.read(), Cast(s)
    s.actors = {actor: s.person(name) for actor, name in NAMES.items() if actor not in ("owner", "namesake")}
    s.actors["owner"] = s.device("alice")
    s.actors["namesake"] = s.authority().identity("guest/guest-bo")
    return s


class WireWalk(Walk):
    def __init__(self, stage, view, send):
        super().__init__(stage, view, send)
        self.wires = {actor: self.place.wire(identity) for actor, identity in stage.actors.items()}
        self.place.settle(NAMES, lambda actor, n: self.wires[actor].say(n))

    def close(self):
        for wire in self.wires.values():
            wire.close()
        super().close()

    def ask(self, variant, actor, payload):
        """→ Frame"""
        wire, command, value = self.wires[actor], variant.command, variant.value
        if command in ("MESSAGE", "STATUS", "INVISIBLE") and not wire.joined and self.grants(VISIBLE, actor):
            assert wire.join().header == "OK"
        if command == "CONNECT":
            return wire.join(may_wait=value == "kicked", invisible=value == "invisible")
        more = {"MESSAGE": {"messages": [message()]}, "HISTORY": {"limit": 1}, "MEMBERS": {"limit": 1},
                "INVISIBLE": {"invisible": value == "true"}, "STATUS": {"status": value}}
        f = wire.ask(command, **payload, **more.get(command, {}))
        if command == "DISCONNECT":
            wire.joined = False
        return f

    def judge(self, variant, actor, expected, f):
        """→ was it done?"""
        if (f.header, f.payload.get("error")) != (expected.status, expected.code):
            self.fault(variant, actor, f)
        elif f.header == "OK":
            if variant.value == "bans" and ("banned" in f.payload) != self.grants(variant, actor):
                self.fault(variant, actor, sorted(f.payload))
            if variant.value == "keys":
                self.check_keys(variant, actor, f.payload["authorized"])
            if variant.command == "ACCESS":
                self.check_access(variant, actor, f.payload)
        return f.header == "OK"

    def kick_actors(self):
        for actor in ORDER:
            name = NAMES[actor]
            if self.grants(VISIBLE, actor):
                assert self.wires[actor].join().header == "OK"
                self.place.present.add(name)
            if actor != "owner":
                self.place.hand.ok("KICK", target=name)
                self.place.done(rights.Variant("KICK", "-", "-"), "owner", "alice", {"target": name})

    def run(self):
        variants = rights.variants()
        kicked = [v for v in variants if v.value == "kicked"]
        kicks = [v for v in variants if v.command == "KICK"]
        for actor in ORDER:
            for variant in variants:
                if variant not in kicked + kicks:
                    self.try_cell(variant, actor)
            self.wires[actor].close()
        self.gather_targets()
        for actor in ORDER:
            for variant in kicks:
                self.try_cell(variant, actor)
        self.kick_actors()
        for variant in kicked:
            for actor in ORDER:
                self.try_cell(variant, actor)
        self.finish(len(variants) * len(rights.ACTORS))
