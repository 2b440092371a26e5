# SPDX-License-Identifier: LGPL-2.1-or-later
"""rights.txt through D-Bus and p2pchatctl: who asks by a daemon is answered as on the wire, at the host and away
from it; and each verb ends with the status of what it was told."""
import datetime
import json
import os
import pathlib
import time

import dbus
import pytest

import errortable
import rights
from p2pchat import CHANNEL, ERROR, wait_for
from rightsstage import NAMES, ORDER, TRIES, VISIBLE, Cast, Walk
from wirestage import Stage

ROOT = pathlib.Path(os.path.realpath(__file__)).parent.parent.parent
EXITS = {row.dbus: row.exit for row in errortable.read(ROOT)}
MODERATION = "org.p2pchat.Peer1.Moderation"
# A namesake of today cannot be had: a tracker gives a name once.
ACTORS = tuple(actor for actor in ORDER if actor != "namesake")


def said_by_bus(variant, actor):
    """Is there a method that asks this?"""
    if variant.command == "CONNECT":
        return variant.value == "visible" and actor != "owner"
    if variant.target == "namesake":
        return False
    return variant.command in ("MESSAGE", "MEMBERS", "RET_INFO", "ACCESS", "VIEW", "TOPIC", "AUTHORIZE", "KICK",
                               "BAN", "UNBAN", "REDACT", "DEBUG")


@pytest.fixture(scope="module")
def stage(module_world):
    s = Stage(module_world).start_host()
    s.table = rights.read()
    s.cast = Cast(s)
    s.peers = {"owner": s.alice}
    for actor in ACTORS[:-1]:
        peer = s.peers[actor] = module_world.peer(NAMES[actor])
        peer.trust()
        if NAMES[actor].startswith("guest-"):
            peer.manager("SignInGuest", "sa{sv}", NAMES[actor][6:], {})
        else:
            peer.sign_up()
    return s


class BusWalk(Walk):
    def __init__(self, stage, view, send):
        super().__init__(stage, view, send)
        self.peers = stage.peers
        self.paths = {actor: peer.join(self.place.name) for actor, peer in self.peers.items() if actor != "owner"}
        self.paths["owner"] = self.place.path
        self.place.settle({actor: NAMES[actor] for actor in ACTORS}, self.say)
        for actor in ACTORS[:-1]:
            wait_for(lambda a=actor: self.state(a) == ("live" if self.grants(VISIBLE, a) else "denied"),
                     f"{actor} to know that it is {view}")

    def state(self, actor):
        return self.peers[actor].get(self.paths[actor], CHANNEL, "State")

    def say(self, actor, n):
        return [self.peers[actor].send(self.paths[actor], f"text {i}", wait="stored")[1] for i in range(n)]

    def call(self, actor, interface, method, signature, *args):
        return self.peers[actor].call(self.paths[actor], interface, method, signature, *args)

    def method(self, variant, payload):
        """→ (interface, method, signature, arguments)"""
        command, target = variant.command, payload.get("target")
        if command == "VIEW":
            options = {k: dbus.UInt32(v) if isinstance(v, int) else v for k, v in payload.items()}
            return MODERATION, "SetPermissions", "a{sv}", (options,)
        if command == "BAN":
            options = {"until": dbus.UInt64(usec_of(payload["until"]))} if "until" in payload else {}
            return MODERATION, "Ban", "sa{sv}", (target, options)
        return {
            "CONNECT": (CHANNEL, "Connect", "a{sv}", ({},)),
            "MESSAGE": (CHANNEL, "Send", "sa{sv}", ("said", {"wait": "stored"})),
            "MEMBERS": (CHANNEL, "GetMembers", "a{sv}", ({},)),
            "RET_INFO": (MODERATION, "ListBanned", "a{sv}", ({},)) if variant.value == "bans" else
                        (CHANNEL, "GetInfo", "a{sv}", ({},)),
            "ACCESS": (CHANNEL, "ExplainAccess", "sa{sv}", (payload.get("username", ""), {})),
            "TOPIC": (MODERATION, "SetTopic", "sa{sv}", (payload.get("topic"), {})),
            "AUTHORIZE": (MODERATION, "Authorize", "ssa{sv}", (target, payload.get("role"), {})),
            "KICK": (MODERATION, "Kick", "sa{sv}", (target, {})),
            "UNBAN": (MODERATION, "Unban", "sa{sv}", (target, {})),
            "REDACT": (MODERATION, "Redact", "ta{sv}", (payload.get("seq"), {})),
            "DEBUG": (MODERATION, "GetDebug", "a{sv}", ({},)),
        }[command]

    def ask(self, variant, actor, payload):
        """→ (name of an error of ours or None, what came back)"""
        interface, method, signature, arguments = self.method(variant, payload)
        for _ in range(TRIES):
            try:
                return None, self.call(actor, interface, method, signature, *arguments)
            except dbus.DBusException as e:
                name = e.get_dbus_name()
                got = name[len(ERROR):] if name.startswith(ERROR) else name, e.get_dbus_message()
            if got[0] != "RateLimited":
                return got
            time.sleep(0.5)
        return got

    def judge(self, variant, actor, expected, got):
        error, answer = got
        wanted = expected.bus
        if variant.value == "bans" and expected.status == "OK" and not self.grants(variant, actor):
            wanted = "NotModerator"  # the wire leaves out what a method of its own refuses
        if error != wanted:
            self.fault(variant, actor, f"{error}: {answer}")
        elif error is None and variant.command == "ACCESS":
            self.check_access(variant, actor, answer)
        elif error is None and variant.value == "keys":
            self.check_keys(variant, actor, answer["authorized"])
        return error is None


def usec_of(time_text):
    then = datetime.datetime.strptime(time_text, "%Y-%m-%dT%H:%M:%S.000Z").replace(tzinfo=datetime.timezone.utc)
    return int(then.timestamp()) * 1000000


@pytest.mark.parametrize("view,send", rights.settings())
def test_bus(stage, view, send):
    n = 0
    walk = BusWalk(stage, view, send)
    try:
        for kicks in (False, True):
            if kicks:
                walk.gather_targets()
            for actor in ACTORS:
                for variant in rights.variants():
                    if (variant.command == "KICK") == kicks and said_by_bus(variant, actor):
                        walk.try_cell(variant, actor)
                        n += 1
        walk.finish(n)
    finally:
        walk.close()
    for peer in stage.peers.values():
        assert peer.is_up()


def verb_of(variant, payload, name):
    """→ the arguments of p2pchatctl that say so; the channel's name is the second."""
    command, target = variant.command, payload.get("target")
    if command == "AUTHORIZE":
        return ["deauthorize", name, target] if payload["role"] == "none" else \
            ["authorize", name, target, "--role=" + payload["role"]]
    if command == "VIEW":
        return ["retention", name, str(payload["retention_days"])] if "retention_days" in payload else \
            ["view", name, payload["view_permission"]]
    if command == "BAN":
        until = {"forever": [], "until": ["--until=3d"], "past": ["--until=2020-01-31"]}
        return ["ban", name, target, *until[variant.value]]
    if command == "RET_INFO":
        return ["bans" if variant.value == "bans" else "info", name]
    more = {"MESSAGE": ["said", "--wait=stored"], "TOPIC": [payload.get("topic")], "REDACT": [str(payload.get("seq"))],
            "ACCESS": [payload["username"]] if "username" in payload else []}
    return [{"MESSAGE": "send"}.get(command, command.lower()), name, *([target] if target else more.get(command, []))]


class CtlWalk(BusWalk):
    def ask(self, variant, actor, payload):
        """→ (name of an error of ours or None, what was shown)"""
        arguments = verb_of(variant, payload, self.place.name)
        r = self.peers[actor].ctl("-j", *arguments, check=False)
        shown = json.loads(r.stdout) if r.stdout else None
        error = shown["error"]["name"][len(ERROR):] if r.returncode else None
        if r.returncode != (EXITS[error] if error else 0):
            self.fault(variant, actor, f"exit status {r.returncode} with {error}")
        return error, shown


def said_by_ctl(variant, actor):
    return said_by_bus(variant, actor) and variant.value != "king"


def test_ctl(stage):
    """One cell of each command, value and answer."""
    tried = set()
    for view, send in rights.settings():
        chosen = []
        for actor in ACTORS:
            for v in filter(lambda v: said_by_ctl(v, actor), rights.variants()):
                kind = (v.command, v.value, stage.table.word(v, view, send, actor))
                if kind not in tried:
                    tried.add(kind)
                    chosen.append((v, actor))
        if not chosen:
            continue
        walk = CtlWalk(stage, view, send)
        try:
            walk.gather_targets()
            for variant, actor in chosen:
                walk.try_cell(variant, actor)
            walk.finish(len(chosen))
        finally:
            walk.close()
