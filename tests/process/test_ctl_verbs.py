# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every verb of p2pchatctl: its text, its JSON by its schema (tests/schemas), its errors; and that together they
reach all of the API: what they call is heard on the bus, and held against the XML."""
import json
import os
import pathlib
import re
import xml.etree.ElementTree as ET

import pytest

import schema
from followers import Follower
from p2pchat import BUS_NAME, CHANNEL, PATH, Process, wait_for

SCHEMAS = schema.load("p2pchatctl.json")
XML = pathlib.Path(os.environ["P2PCHAT_DBUS_DIR"])
# They have no JSON but that of their error, by what they are.
FOR_PEOPLE = {"chat"}
# What no verb run here reaches, and why. One that is reached after all is found.
UNREACHED = {
    "Host.GetDebug": "what Moderation.GetDebug of the same channel says, which debug CHANNEL asks",
}


def verbs(peer):
    """All that the program completes, but its help."""
    return {line.split("\t")[0] for line in peer.ctl("complete", "--", "").stdout.splitlines()} - {"help"}


def api(folder):
    """→ methods and properties that can be written: "Channel.Send"."""
    found = set()
    for path in folder.glob("org.p2pchat.Peer1.*.xml"):
        for interface in ET.parse(path).getroot().iter("interface"):
            short = interface.get("name").rsplit(".", 1)[1]
            found |= {f"{short}.{m.get('name')}" for m in interface.iter("method")}
            found |= {f"{short}.{p.get('name')}" for p in interface.iter("property") if "write" in p.get("access")}
    return found


def unreached(declared, called, excused):
    """→ what is wrong, a list of texts."""
    return ([f"{name}: no verb reaches it" for name in sorted(declared - called - set(excused))] +
            [f"{name}: is reached, or is not there: no reason is needed" for name in sorted(set(excused) & called |
                                                                                           set(excused) - declared)])


def missing(known, texts, values, schemas):
    """→ what verbs of the program lack, a list of texts."""
    found = []
    for verb in sorted(known):
        if verb not in texts:
            found.append(f"{verb}: no test of its text")
        if verb not in values and verb not in FOR_PEOPLE:
            found.append(f"{verb}: no test of its JSON")
        if verb not in schemas and verb not in FOR_PEOPLE:
            found.append(f"{verb}: no schema")
    return found + [f"{verb}: is no verb" for verb in sorted((texts | values | schemas) - known)]


class Heard:
    """What is called on somebody's bus, but by the test itself."""
    CALL = re.compile(r"^method call .* sender=(\S+) .*interface=org\.p2pchat\.Peer1\.(\w+); member=(\w+)$|"
                      r"^method call .* sender=(\S+) .*; member=Set\n +string \"org\.p2pchat\.Peer1\.(\w+)\"\n"
                      r" +string \"(\w+)\"$", re.MULTILINE)

    def __init__(self, peer):
        self.peer = peer
        self.process = Process(["dbus-monitor", "--address", peer.bus_address, "type='method_call'"],
                               peer.socket + ".heard")
        self.sync()

    def sync(self):
        """All that was called before stands in the log."""
        def is_heard():
            self.peer.call(PATH, "org.freedesktop.DBus.Peer", "Ping", "")
            return self.process.text().count("member=Ping") > before
        before = self.process.text().count("member=Ping")
        wait_for(is_heard, "the monitor of the bus")

    def called(self):
        self.sync()
        mine = self.peer.bus.get_unique_name()
        found = set()
        for a, interface, member, b, of, name in self.CALL.findall(self.process.text()):
            if (a or b) != mine:
                found.add(f"{interface or of}.{member or name}")
        return found


class Story:
    """Runs verbs, and keeps which had their text and which their JSON tested."""

    def __init__(self):
        self.texts, self.values = set(), set()

    def text(self, peer, line, wanted="", stdin="", words=()):
        done = peer.ctl(*line.split(), *words, stdin=stdin)
        # Nothing is wanted where nothing is to be said.
        found = re.search(wanted, done.stdout, re.MULTILINE) if wanted else not done.stdout
        assert found, (line, wanted, done.stdout)
        self.texts.add(line.split()[0])
        return done.stdout

    def json(self, peer, line, stdin="", words=()):
        verb = line.split()[0]
        done = peer.ctl("--json=short", *line.split(), *words, stdin=stdin)
        values = schema.check(done.stdout, verb, SCHEMAS)
        assert values, line
        self.values.add(verb)
        return values if verb in SCHEMAS["streams"] else values[0]

    def both(self, peer, line, wanted="", stdin=""):
        self.text(peer, line, wanted, stdin)
        return self.json(peer, line, stdin)


def identities(s, carol, tracker):
    s.text(carol, "tracker " + tracker.address + " --trust-new", "sha256:")
    s.json(carol, "tracker")
    s.text(carol, "guest cee", "^guest-cee$")
    s.text(carol, "signout")
    s.json(carol, "guest dee")
    s.json(carol, "signout")
    s.text(carol, "signup carol --password-fd=0", "^carol$", "correct horse carol\n")
    s.both(carol, "whoami", "^carol$")
    s.text(carol, "passwd --password-fd=0", "", "correct horse carol\nbetter horse carol\n")
    s.json(carol, "passwd --password-fd=0", "better horse carol\nbest horse carol\n")
    carol.ctl("signout")
    s.text(carol, "signin carol --password-fd=0", "^carol$", "best horse carol\n")
    carol.ctl("signout")
    s.json(carol, "signin carol --password-fd=0", "best horse carol\n")
    s.text(carol, "delete-account --password-fd=0", "", "best horse carol\n")
    code = s.json(carol, "signup dora --password-fd=0", "correct horse dora\n")["recovery_code"]
    carol.ctl("signout")
    again = carol.ctl("recover", "dora", "--password-fd=0", stdin=f"{code}\nbetter horse dora\n")
    assert again.stdout == "dora\n"
    s.texts.add("recover")
    code = re.search(r"\b\w{5}(-\w{5}){3}\b", again.stderr)[0]
    carol.ctl("signout")
    s.json(carol, "recover dora --password-fd=0", f"{code}\nbest horse dora\n")
    s.json(carol, "delete-account --password-fd=0", "best horse dora\n")


def channels(s, alice, bob):
    for name in "two", "three":
        s.both(alice, f"host {name}", f"^{name} is hosted here, live\n$")
    s.text(alice, "unhost two")
    s.json(alice, "unhost three")
    link = s.text(alice, "invite lobby", "^p2pchat:join[?]tracker=").strip()
    s.json(alice, "invite lobby")
    s.text(bob, "join " + link, "^lobby ")
    s.json(bob, "join lobby")
    s.both(bob, "list", r"lobby +online +alice")
    s.both(bob, "disconnect lobby")
    s.both(bob, "connect lobby")
    wait_for(lambda: "live" in bob.ctl("status", "lobby").stdout, "bob to be back")
    s.both(bob, "status", r"(?s)Tracker: .*Identity: bob.*lobby +live")
    s.json(bob, "status lobby")
    s.both(bob, "channels", r"lobby +live")
    s.both(bob, "invisible", "^off$")
    s.both(bob, "invisible off")


def talk(s, alice, bob, tmp_path):
    s.text(alice, "send lobby hello world", "^[0-9a-f-]{36}$")
    first = s.json(alice, "send lobby hello --wait=stored")[0]["seq"]
    assert len(s.json(bob, "send lobby --lines --wait=stored", "a\nb\n")) == 2
    s.both(bob, "log lobby", "alice: hello world")
    s.both(bob, "search lobby hello", "alice: hello world")
    s.both(bob, "read lobby")
    s.both(bob, "export lobby", '"message_content":"hello world"')
    s.both(bob, "notify lobby all")
    s.both(bob, "notify lobby", r"\ball\b")
    s.both(bob, "notify lobby mentions")
    s.both(bob, "ignore alice")
    s.both(bob, "ignore", r"lobby +alice")
    s.both(bob, "unignore alice")
    shown = bob.ctl("chat", "lobby", stdin="from chat\n/exit\n").stdout
    assert "alice: hello world" in shown
    s.texts.add("chat")
    for mode, seen in (["--json=short"], lambda text: "\n" in text), ([], lambda text: "alice: heard" in text):
        with Follower(bob, tmp_path / f"heard{len(mode)}", "monitor", *mode, cursor=tmp_path / f"cursor{len(mode)}") as f:
            alice.ctl("send", "lobby", "heard", "--wait=stored")
            wait_for(lambda: "heard" in f.text() and seen(f.text()), "the monitor to tell it")
            (s.values if mode else s.texts).add("monitor")
            if mode:
                schema.check(f.text()[:f.text().rindex("\n") + 1], "monitor", SCHEMAS)
    return first


def rights(s, alice, first):
    s.both(alice, "members lobby", r"alice +registered +owner +online")
    s.both(alice, "info lobby", '"channel_name": "lobby"')
    s.both(alice, "access lobby bob", "bob: none; may view")
    s.both(alice, "topic lobby", "^-?\n?$|^talk$")
    s.both(alice, "topic lobby new")
    s.both(alice, "view lobby", "^public$")
    s.both(alice, "view lobby public")
    s.both(alice, "sending lobby", "^registered$")
    s.both(alice, "sending lobby everyone")
    s.both(alice, "authorize lobby bob")
    s.both(alice, "authorize lobby", r"bob +member +alice")
    assert s.json(alice, "info lobby")["authorized"]
    s.both(alice, "deauthorize lobby bob")
    s.both(alice, "rate lobby", "5 messages a second")
    s.both(alice, "rate lobby 6")
    s.both(alice, "retention lobby", "^for ever$")
    s.both(alice, "retention lobby 10")
    s.both(alice, f"redact lobby {first}")
    s.both(alice, "debug", '"version"')
    s.both(alice, "debug lobby", "connection")
    s.both(alice, "debug lobby --peers", r"(?s)NUMBER +NAME +TYPE +ADDRESS.*\d+ +bob +registered +[0-9[].* +\d+$")
    assert s.json(alice, "debug lobby --peers")[0]["username"] == "bob"
    s.both(alice, "log-level", "^info$")
    s.both(alice, "log-level info")
    s.text(alice, "ban lobby bob")
    s.json(alice, "ban lobby bob")
    banned = s.both(alice, "bans lobby", r"bob +registered +alice")
    # Both tell it in one way, also what was not said.
    assert s.json(alice, "info lobby")["banned"] == banned and (banned[0]["reason"], banned[0]["until"]) == ("", None)
    s.both(alice, "unban lobby bob")
    s.json(alice, "log lobby")


def waiting(s, alice, bob):
    """alice's daemon has ended, bob's outbox holds what he says."""
    alice.stop_daemon()
    wait_for(lambda: "offline" in bob.ctl("status", "lobby").stdout, "bob to be alone")
    ids = [s.json(bob, "send lobby waits")[0]["id"] for _ in range(4)]
    s.both(bob, "outbox", ids[0])
    s.text(bob, f"outbox cancel {ids[0]}")
    s.json(bob, f"outbox cancel {ids[1]}")
    s.both(bob, f"outbox retry {ids[2]}")


def places(s, bob, other, tmp_path):
    """bob's second device, and what he takes along."""
    other.trust()
    other.manager("SignIn", "ssa{sv}", "bob", "correct horse bob", {})
    listed = s.both(bob, "devices", r"KEY +SINCE +SEEN")
    s.text(bob, "devices --revoke=" + next(d["key"] for d in listed if not d["this"]))
    s.text(bob, f"backup {tmp_path}/one")
    s.json(bob, f"backup {tmp_path}/two")


def test_verbs_and_api(world, tmp_path):
    world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\n")
    tracker = world.start_tracker()
    alice, bob = world.people("alice", "bob")
    carol, other, new = world.peer("carol"), world.peer("other"), world.peer("new")
    heard = [Heard(p) for p in (alice, bob, carol, new)]
    s = Story()
    try:
        identities(s, carol, tracker)
        alice.ctl("host", "lobby", "--topic=talk")
        channels(s, alice, bob)
        rights(s, alice, talk(s, alice, bob, tmp_path))
        bob.ctl("connect", "lobby", check=False)
        wait_for(lambda: "live" in bob.ctl("status", "lobby").stdout, "bob to be back")
        places(s, bob, other, tmp_path)
        s.text(new, f"restore {tmp_path}/one")
        s.json(new, f"restore {tmp_path}/two --set-aside")
        called = set().union(*(h.called() for h in heard))
        waiting(s, alice, bob)
        s.text(bob, "leave lobby")
        alice.start_daemon()
        bob.join("lobby")
        wait_for(lambda: "live" in bob.ctl("status", "lobby").stdout, "bob to be there again")
        s.both(alice, "kick lobby bob")
        s.json(bob, "leave lobby")
        called |= heard[0].called() | heard[1].called()
    finally:
        for h in heard:
            h.process.end()
    assert not (wrong := missing(verbs(bob), s.texts, s.values, set(SCHEMAS["verbs"]) - {"error"} |
                                 set(SCHEMAS["streams"]))), wrong
    assert not (wrong := unreached(api(XML), called, UNREACHED)), wrong


def failed(peer, *arguments):
    """→ the error, by its schema, and the exit status."""
    done = peer.ctl(*arguments, check=False)
    assert done.returncode != 0 and not done.stderr, done
    return schema.check(done.stdout, "error", SCHEMAS)[0]["error"]["name"], done.returncode


def test_errors_of_every_verb(world):
    """Wrong use, and a daemon or a bus that is not there: JSON of one form."""
    peer = world.peer("alice", start=False)
    least = {"join": ["x"], "recover": ["x"], "signin": ["x"], "signup": ["x"], "guest": ["x"], "host": ["x"]}
    for verb in sorted(verbs(peer)):
        name, status = failed(peer, verb, "--json=short", "--no-such-option")
        assert (name.rsplit(".", 1)[1], status) == ("BadRequest", 2), verb
        shown = peer.ctl(verb, "--help").stdout
        usage = re.search(rf"p2pchatctl (?:\[[^]]*\] )*{verb}\b([^\n]*)", shown)[1]
        needed = len(re.findall(r"(?:^| )[A-Z][A-Z|-]*\b", re.sub(r"\[[^]]*\]", "", usage)))
        if needed and verb not in least:
            assert failed(peer, verb, "--json=short")[1] == 2, (verb, usage)


# What a verb needs to be right, so that nothing is wrong but that nobody is there.
LEAST = {"access": "x", "authorize": "x y", "ban": "x y", "bans": "x", "connect": "x", "deauthorize": "x y",
         "delete-account": "--password-fd=0", "disconnect": "x", "export": "x", "guest": "x", "host": "x", "info": "x",
         "invite": "x", "join": "x", "kick": "x y", "leave": "x", "log": "x", "members": "x", "notify": "x",
         "passwd": "--password-fd=0", "rate": "x", "read": "x", "recover": "x --password-fd=0", "redact": "x 1",
         "retention": "x", "search": "x y", "send": "x y", "sending": "x", "signin": "x --password-fd=0",
         "signup": "x --password-fd=0", "topic": "x", "unban": "x y", "unhost": "x", "unignore": "bob", "view": "x",
         "chat": "x", "backup": "{}/none", "restore": "{}/some"}


def test_nobody_there(world):
    """Every verb without a bus, and with one on which there is no daemon: 3, and one error, for people and programs."""
    peer = world.peer("alice", start=False)
    words = "correct horse one\ncorrect horse two\n"
    with open(f"{world.directory}/some", "wb") as f:
        f.write(b"a backup")
    for start, what in ((lambda: None, "bus"), (peer.start_bus, "p2pchatd")):
        start()
        for verb in sorted(verbs(peer)):
            line = [verb, *LEAST.get(verb, "").format(world.directory).split()]
            text = peer.ctl(*line, stdin=words, check=False)
            assert (text.returncode, text.stdout) == (3, "") and what in text.stderr, (line, text)
            done = peer.ctl("--json=short", *line, stdin=words, check=False)
            told = schema.check(done.stdout, "error", SCHEMAS)[0]["error"]["message"]
            # Who asks for JSON of what has none is told that, whoever is there.
            assert (done.returncode, done.stderr) == (2 if verb in FOR_PEOPLE else 3, ""), (line, done)
            assert verb in FOR_PEOPLE or told in text.stderr, (line, told)


def test_exit_statuses(world):
    """Each that scripts may ask for comes about."""
    alice, bob = world.people("alice", "bob")
    alice.host("lobby")
    bob.join("lobby")
    wait_for(lambda: "live" in bob.ctl("status", "lobby").stdout, "bob to be there")
    found = {}

    def run(status, peer, line):
        done = peer.ctl(*line.split(), check=False)
        assert done.returncode == status, (line, done)
        found[status] = line
    run(0, bob, "status")
    run(1, bob, "guest eve")
    run(2, bob, "no-such-verb")
    run(4, bob, "log nowhere")
    run(5, bob, "topic lobby mine")
    run(7, alice, "leave lobby")
    alice.stop_daemon()
    wait_for(lambda: "offline" in bob.ctl("status", "lobby").stdout, "bob to be alone")
    run(6, bob, "send lobby waits --wait=stored --timeout=1")
    bob.ctl("signout")
    run(3, bob, "host den")
    assert set(found) == set(range(8))


def keys_of(part):
    """→ all that a schema names, with what it refers to."""
    if "$ref" in part:
        return keys_of(SCHEMAS["$defs"][part["$ref"].removeprefix("#/$defs/")])
    inner = [*part.get("anyOf", ()), *part.get("properties", {}).values(), *([part["items"]] if "items" in part else ())]
    return set(part.get("properties", {})).union(*map(keys_of, inner))


def undocumented(page):
    """→ keys of JSON that the page's section of it does not name where it tells of their verb."""
    said = {}
    for terms, text in re.findall(r"^([*_].*)\n((?:\t.*\n|\n(?=\t))+)", page.split("\n# JSON\n")[1].split("\n# ")[0], re.MULTILINE):
        for term in re.findall(r"[*_]([\w-]+)[*_]", terms):
            said[term] = set(re.findall(r"\w+", text))
    found = []
    for verb, part in {**SCHEMAS["verbs"], **SCHEMAS["streams"]}.items():
        words = set(said.get("ERROR" if verb == "error" else verb, ()))
        words |= set().union(*(said[w] for w in list(words) if w.isupper() and w in said))
        found += [f"{verb}: {key}" for key in sorted(keys_of(part) - words)]
    return found


def test_json_is_documented():
    page = (XML.parent / "ctl/p2pchatctl.1.scd").read_text(encoding="utf-8")
    assert not (wrong := undocumented(page)), wrong
    assert undocumented(page.replace("queued (since when), ", "")) == ["outbox: queued"]
    assert undocumented(page.replace("\tAn ACCOUNT, with recovery_code.", "\tNothing.")) != []


# What programs were promised from the beginning, whatever else there is by now.
PROMISED = {
    "log": "seq id kind username user_type time message_content", "send": "id seq state",
    "members": "username user_type role status since", "access": "username role can_view can_send can_moderate why",
    "outbox": "channel_name id message_content queued attempts state error",
    "channels": "channel_name channel_id state state_reason role owner host view_permission send_permission topic synced_seq"
                " last_seq read_seq unread outbox members_online",
    "status": "version account tracker tracker_pin tracker_state tracker_reason username user_type expires hosting outbox"
              " listen channels",
    "monitor": "seq id kind username user_type time message_content channel_name state outbox members_online",
}


@pytest.mark.parametrize("verb", PROMISED)
def test_what_was_promised_is_there(verb):
    """And always: but for an entry, of which each kind has its own, it is required."""
    part = SCHEMAS["verbs"].get(verb) or SCHEMAS["streams"][verb]
    assert set(PROMISED[verb].split()) <= keys_of(part)

    def required(s):
        if "$ref" in s:
            return required(SCHEMAS["$defs"][s["$ref"].removeprefix("#/$defs/")])
        inner = [*s.get("anyOf", ()), *s.get("properties", {}).values(), *([s["items"]] if "items" in s else ())]
        return set(s.get("required", ())).union(*map(required, inner))
    assert set(PROMISED[verb].split()) - required(part) <= {"message_content"}


def test_what_is_missing_is_found(tmp_path):
    """Planted: verbs without tests or schemas, a method that nobody calls, a reason that is none."""
    assert missing({"a"}, {"a"}, {"a"}, {"a"}) == []
    assert len(missing({"a", "b"}, {"a"}, {"a"}, {"a"})) == 3
    assert missing({"a"}, {"a"}, set(), {"a"}) == ["a: no test of its JSON"]
    assert missing({"a"}, {"a"}, {"a"}, {"a", "gone"}) == ["gone: is no verb"]
    for path in XML.glob("*.xml"):
        (tmp_path / path.name).write_text(path.read_text().replace(
            '<method name="Send">', '<method name="Extra"/><property name="More" type="s" access="readwrite"/>'
            '<method name="Send">'))
    assert unreached(api(tmp_path), api(XML), {}) == ["Channel.Extra: no verb reaches it",
                                                      "Channel.More: no verb reaches it"]
    assert len(unreached(api(XML), api(XML), {"Channel.Send": "no", "Channel.Gone": "no"})) == 2


ENTRY = {"seq": 1, "id": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "kind": "message", "username": "alice",
         "user_type": "GUEST", "time": "2026-01-01T00:00:00.000Z", "message_content": "hi"}


@pytest.mark.parametrize("change", [{"seq": "1"}, {"seq": True}, {"seq": -1}, {"time": "now"}, {"user_type": "guest"},
                                    {"new_key": 1}, {"id": None}])
def test_schemas_refuse(change):
    assert schema.check(json.dumps(ENTRY), "log", SCHEMAS) == [ENTRY]
    with pytest.raises(AssertionError):
        schema.check(json.dumps({**ENTRY, **change}), "log", SCHEMAS)
    with pytest.raises(AssertionError):
        schema.check(json.dumps({k: v for k, v in ENTRY.items() if k not in change or k == "new_key"} |
                                ({"new_key": 1} if "new_key" in change else {})), "log", SCHEMAS)
    with pytest.raises(ValueError):
        schema.faults(1, {"type": "integer", "unknown": 1}, SCHEMAS)
