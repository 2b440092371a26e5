# SPDX-License-Identifier: LGPL-2.1-or-later
"""Invitations: MakeInvite, ResolveInvite and Join of a link, and p2pchatctl invite and join."""
import json
import os
import re
import signal
import threading
import urllib.parse

import dbus
import pytest

from p2pchat import ACCOUNT, CHANNEL, ERROR, MANAGER, MODERATION, PATH, refused, wait_for
from terminal import Terminal, check, NotHere

OTHER_ID = "0b3e2c1a-5d4f-4e6a-8b7c-9d0e1f2a3b4c"
OTHER_PIN = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def stage(module_world):
    w = module_world
    w.configure_tracker("[Limits]\nPasswordCost=1\n")
    w.start_tracker()
    w.alice, w.bob = w.people("alice", "bob")
    w.lobby = w.alice.host("lobby")
    w.link = w.alice.call(w.lobby, CHANNEL, "MakeInvite", "a{sv}", {})
    w.fields = dict(urllib.parse.parse_qsl(w.link.split("?", 1)[1]))
    return w


@pytest.fixture
def stranger(stage):
    """Somebody new, without a tracker."""
    stage.n_strangers = getattr(stage, "n_strangers", 0) + 1
    return stage.peer(f"new{stage.n_strangers}")


def link(stage, **changes):
    return "p2pchat:join?" + urllib.parse.urlencode({**stage.fields, **changes}, safe=":")


def accounts(peer):
    return [p for path, faces in peer.objects().items() if ACCOUNT in faces
            for p in [faces[ACCOUNT]] if p["TrackerPin"]]


def pin(peer):
    return accounts(peer)[0]["TrackerPin"]


def test_link(stage):
    """What it says, and nothing else: no name of hers, no key, no address."""
    assert stage.fields == {"tracker": stage.tracker.address, "pin": pin(stage.alice), "channel": "lobby",
                            "id": stage.alice.get(stage.lobby, CHANNEL, "Id")}
    assert stage.link == f"p2pchat:join?tracker={stage.tracker.address}&pin={pin(stage.alice)}&channel=lobby&id=" \
        + stage.fields["id"]
    shown = stage.alice.ctl("invite", "lobby")
    assert shown.stdout == stage.link + "\n"
    assert "leads to whatever machine" in shown.stderr and "Whoever has it" in shown.stderr
    assert json.loads(stage.alice.ctl("invite", "lobby", "-j").stdout) == {
        "invite": stage.link, "tracker": stage.fields["tracker"], "tracker_pin": stage.fields["pin"],
        "channel_name": "lobby", "channel_id": stage.fields["id"], "view_permission": "public", "only_here": True}


def test_resolve(stage, stranger):
    said = stage.bob.manager("ResolveInvite", "sa{sv}", stage.link, {})
    assert said == {**stage.fields, "uri": stage.link, "tracker_is": "same", "only_here": True}
    assert stranger.manager("ResolveInvite", "sa{sv}", stage.link, {})["tracker_is"] == "unset"
    said = stage.bob.manager("ResolveInvite", "sa{sv}", link(stage, pin=OTHER_PIN, tracker="chat.example.org:1"), {})
    assert (said["tracker_is"], said["only_here"]) == ("other", False)
    for host, only_here in {"[::1]:7": True, "localhost:7": True, "a.localhost:7": True, "notlocalhost:7": False,
                            "10.0.0.1:7": False, "0.0.0.0:7": True, "[2001:db8::1]:7": False}.items():
        assert stage.bob.manager("ResolveInvite", "sa{sv}", link(stage, tracker=host), {})["only_here"] == only_here
    assert not accounts(stranger), "reading a link sets nothing"


def test_new_person(stage, stranger):
    """No tracker: the link sets it, and says how to go on; by the same link one is in."""
    error = stranger.ctl("join", stage.link, check=False)
    assert error.returncode == 1 and error.stdout == ""
    for word in (stage.fields["tracker"], stage.fields["pin"], "--trust-new '" + stage.link + "'"):
        assert word in error.stderr
    assert json.loads(stranger.ctl("join", stage.link, "-j", check=False).stdout)["error"]["name"] \
        == ERROR + "UntrustedTracker"
    assert not accounts(stranger)
    error = stranger.ctl("join", "--trust-new", stage.link, check=False)
    assert error.returncode == 3 and "p2pchatctl signup NAME" in error.stderr
    assert f"Then: p2pchatctl join '{stage.link}'\n" in error.stderr
    assert pin(stranger) == stage.fields["pin"]
    error = stranger.ctl("join", stage.link, "-j", check=False)
    assert (error.returncode, json.loads(error.stdout)["error"]["name"]) == (3, ERROR + "NotSignedIn")
    stranger.sign_up()
    shown = stranger.ctl("join", stage.link)
    assert re.fullmatch("lobby (live|syncing|connecting).*\n", shown.stdout)
    shown = json.loads(stranger.ctl("join", stage.link, "-j").stdout)
    assert (shown["channel_name"], shown["channel_id"]) == ("lobby", stage.fields["id"])


def test_asked_at_terminal(stage, terminals_of):
    new, start = terminals_of
    t = start([os.environ["P2PCHATCTL"], "join", stage.link])
    t.wait_for("Type yes to go on:")
    assert stage.fields["tracker"] in t.screen() and "pin" in t.screen()
    t.type("y\n")
    t.wait_for("Nothing was set, and nothing joined")
    assert not accounts(new)
    t = start([os.environ["P2PCHATCTL"], "join", stage.link])
    t.wait_for("Type yes to go on:")
    t.type("yes\n")
    t.wait_for("Then: p2pchatctl join")
    assert pin(new) == stage.fields["pin"]


@pytest.fixture
def terminals_of(stage, stranger):
    try:
        check()
    except NotHere as e:
        pytest.skip(str(e))
    started = []

    def start(command):
        started.append(Terminal(command, stranger.environment(), directory=stage.directory, columns=220))
        return started[-1]
    try:
        yield stranger, start
    finally:
        for t in reversed(started):
            print(f"--- the terminal's screen\n{t.screen()}")
            t.quit()


def test_other_tracker(stage):
    """Never gone over to silently: by its pin, whatever its address."""
    before = accounts(stage.bob)
    error = refused(stage.bob.join, link(stage, pin=OTHER_PIN))
    assert error[0] == ERROR + "Conflict"
    assert f"p2pchatctl tracker {stage.fields['tracker']} --pin={OTHER_PIN}" in error[1]
    error = stage.bob.ctl("join", link(stage, pin=OTHER_PIN), "-j", check=False)
    assert (error.returncode, json.loads(error.stdout)["error"]["name"]) == (7, ERROR + "Conflict")
    # --trust-new changes nothing about that
    assert stage.bob.ctl("join", "--trust-new", link(stage, pin=OTHER_PIN), check=False).returncode == 7
    assert accounts(stage.bob) == before
    # the same one by another name, with the pin that is held
    assert stage.bob.join(link(stage, tracker="chat.example.org:7"))
    assert accounts(stage.bob) == before


def test_wrong_pin(stage, stranger):
    """Who answers at the address has another pin: nothing is set."""
    error = refused(stranger.join, link(stage, pin=OTHER_PIN))
    assert error[0] == ERROR + "PinMismatch" and "Nothing was set" in error[1]
    assert not accounts(stranger)
    error = refused(stranger.join, link(stage, tracker="127.0.0.1:1"))
    assert error[0] == ERROR + "TrackerUnreachable" and not accounts(stranger)


def test_other_channel(stage):
    """The name means a channel with another id: both are named, and nothing is joined."""
    dave = stage.people("dave")
    for peer in (dave, stage.alice):  # by the directory; by what is open here
        error = refused(peer.join, link(stage, id=OTHER_ID))
        assert error[0] == ERROR + "Conflict"
        assert OTHER_ID in error[1] and stage.fields["id"] in error[1]
    assert not [p for p in dave.objects() if "/channel/" in p]
    assert refused(dave.join, link(stage, channel="nowhere"))[0] == ERROR + "NoSuchChannel"
    assert dave.join(link(stage, channel="LOBBY", id=stage.fields["id"].upper())).endswith(
        stage.fields["id"].replace("-", ""))


def test_restricted(stage):
    """A link gives no rights; who is let in needs no other one."""
    den = stage.alice.host("den", view_permission="restricted")
    shown = stage.alice.ctl("invite", "den")
    assert "restricted" in shown.stderr and "p2pchatctl authorize den USER" in shown.stderr
    error = stage.bob.ctl("join", shown.stdout.strip(), check=False)
    assert error.returncode == 5 and "gives no rights" in error.stderr
    stage.alice.call(den, MODERATION, "Authorize", "ssa{sv}", "bob", "member", {})
    wait_for(lambda: stage.bob.get(den, CHANNEL, "State") == "live", "bob to be let in")


def test_closed(stage):
    stage.alice.host("gone")
    kept = stage.bob.join("gone")
    stage.bob.call(kept, CHANNEL, "Leave", "a{sv}", {})
    error = stage.bob.ctl("invite", "gone", "-j", check=False)
    error = (error.returncode, json.loads(error.stdout)["error"])
    assert (error[0], error[1]["name"]) == (7, ERROR + "Conflict") and "p2pchatctl status gone" in error[1]["message"]
    assert stage.bob.ctl("invite", "nowhere", check=False).returncode == 4


def test_bad_links(stage):
    good = stage.link
    bad = {
        "p2pchat:": "BadRequest", "p2pchat:join": "BadRequest", "p2pchat:join?": "BadRequest",
        "p2pchat:leave?channel=lobby": "BadRequest", "p2pchat:join?" + "x" * 3000: "TooLarge",
        good + "&id=" + stage.fields["id"]: "BadRequest", good + "&x=%zz": None, good + "%": "BadRequest",
        good.replace("lobby", "lo%00bby"): "BadRequest", good.replace("lobby", "../x"): "BadRequest",
        link(stage, tracker="[::1]:0"): "BadRequest", link(stage, tracker="a b"): "BadRequest",
        link(stage, pin="sha256:12"): "BadRequest", good.replace("lobby", "lob\x1bby"): "BadRequest",
        good.replace("lobby", "löbby"): "BadRequest", "P2PCHAT:JOIN?" + good.split("?")[1]: None,
    }
    for text, name in bad.items():
        for method in ("ResolveInvite", "Join"):
            if name:
                error = refused(stage.bob.manager, method, "sa{sv}", text, {})
                assert error[0] == ERROR + name and "p2pchatctl invite" in error[1], text
            else:
                stage.bob.manager(method, "sa{sv}", text, {})
    huge = good + "&x=" + "y" * (10 << 20)
    assert refused(stage.bob.join, huge)[0] == ERROR + "TooLarge"
    assert stage.bob.ctl("join", "https://chat.example.org/lobby", check=False).returncode == 7
    assert refused(stage.bob.join, "https://chat.example.org/lobby")[0] == ERROR + "InvalidName"
    assert stage.bob.get(PATH, MANAGER, "Version")


def test_two_at_once(stage, stranger):
    """Both are answered, with the tracker set once; a person's own SetTracker may come between."""
    results = []

    def join():
        bus = stranger.connect()
        try:
            stranger.call(PATH, MANAGER, "Join", "sa{sv}", stage.link, {}, bus=bus)
        except dbus.DBusException as e:
            results.append(e.get_dbus_name())
        finally:
            bus.close()
    threads = [threading.Thread(target=join) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert ERROR + "NotSignedIn" in results
    assert set(results) <= {ERROR + "NotSignedIn", ERROR + "Busy"}
    assert [a["TrackerPin"] for a in accounts(stranger)] == [stage.fields["pin"]]


def test_killed(stage, stranger):
    """kill -9 meanwhile: the tracker is set or it is not, and the link does the rest."""
    for _ in range(6):
        bus = stranger.connect()
        bus.call_async("org.p2pchat.Peer1", PATH, MANAGER, "Join", "sa{sv}", (stage.link, {}), None, None)
        bus.flush()
        stranger.stop_daemon(signal.SIGKILL)
        bus.close()
        stranger.start_daemon()
        assert [a["TrackerPin"] for a in accounts(stranger)] in ([], [stage.fields["pin"]])
    wait_for(lambda: stranger.ctl("join", "--trust-new", stage.link, check=False).returncode == 3, "the tracker")
    stranger.sign_up()
    joined = stranger.join(stage.link)
    stranger.stop_daemon(signal.SIGKILL)
    stranger.start_daemon()
    wait_for(lambda: stranger.get(joined, CHANNEL, "State") == "live", "it to be live again")


def test_settings_are_not_overruled(stage):
    """Where the settings name a tracker, a link to another one sets nothing."""
    eve = stage.peer("eve", start=False)
    os.mkdir(os.path.join(eve.config, "p2pchat"))
    with open(os.path.join(eve.config, "p2pchat", "p2pchat.conf"), "w", encoding="utf-8") as f:
        f.write("[Tracker]\nAddress=127.0.0.1:1\n")
    eve.start()
    assert eve.manager("ResolveInvite", "sa{sv}", stage.link, {})["tracker_is"] == "other"
    assert refused(eve.join, stage.link)[0] == ERROR + "Conflict"
    assert not accounts(eve)


def test_hosts_are_told(stage):
    shown = stage.alice.ctl("host", "hall")
    assert "p2pchatctl invite hall" in shown.stderr and "p2pchatctl join hall" in shown.stderr
    assert "p2pchatctl authorize nook USER" in stage.alice.ctl("host", "nook", "--view=restricted").stderr


def test_in_chat(stage):
    """/invite and /join are the verbs."""
    frank = stage.people("frank")
    talk = stage.alice.ctl("chat", "--plain", "lobby", stdin="/invite lobby\n/exit\n")
    assert stage.link in talk.stdout
    frank.ctl("join", "lobby")
    talk = frank.ctl("chat", "--plain", stdin=f"/join {stage.link}\n/exit\n", check=False)
    assert "lobby live" in talk.stdout, talk
