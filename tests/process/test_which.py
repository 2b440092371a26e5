# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which channel is which, for a person with p2pchatctl: a name that means another channel, by the owner's
doing or by a tracker's lie, and a log that begins anew."""
import json
import shutil
import uuid

from conformance import sentence
from models import ModelHost, ModelTracker
from outsider import Authority, pin_of
from p2pchat import CHANNEL, ERROR, HOST, refused, wait_for


def state(peer, path):
    return peer.get(path, CHANNEL, "State"), peer.get(path, CHANNEL, "StateReason")


def wait_state(peer, path, *wanted):
    wait_for(lambda: state(peer, path) == wanted, f"{path} to be {wanted}")


def ctl_json(peer, *args):
    return json.loads(peer.ctl(*args, "--json=short").stdout)


@sentence("5.RESUME.6")
def test_name_of_another(world):
    """The old channel stays at hand by its id, for every verb; the name is the new one's."""
    alice, bob, carol = world.people("alice", "bob", "carol")
    hosted = alice.host("lobby")
    old = bob.join("lobby")
    wait_state(bob, old, "live", "")
    alice.send(hosted, "from alice")
    wait_for(lambda: bob.texts(old) == ["from alice"], "bob to have it")
    old_id = bob.get(old, CHANNEL, "Id")
    alice.call(hosted, HOST, "Unhost", "a{sv}", {"forget": True})
    wait_for(lambda: state(bob, old)[0] == "offline", "bob to be alone")
    row = bob.ctl("send", "lobby", "for alice").stdout.strip()
    carol.host("lobby")
    wait_state(bob, old, "closed", "another-channel")
    new_id = bob.get(old, CHANNEL, "Successor")

    # What is closed says so; the name still finds it while there is no other.
    shown = bob.ctl("status", "lobby").stdout
    assert old_id in shown and new_id in shown and "another-channel" in shown and "sent to nobody" in shown
    assert ctl_json(bob, "info", "lobby")["successor"] == new_id
    new = bob.join("lobby")
    wait_state(bob, new, "live", "")
    assert bob.get(new, CHANNEL, "Id") == new_id

    bob.ctl("send", "lobby", "for carol", "--wait=stored")
    wait_for(lambda: bob.texts(new) == ["for carol"], "it to be said")
    assert "for carol" in bob.ctl("log", "lobby").stdout
    assert "from alice" in bob.ctl("log", old_id).stdout and "for carol" not in bob.ctl("log", old_id).stdout
    assert ctl_json(bob, "status", "lobby")["channel_id"] == new_id
    assert ctl_json(bob, "status", old_id)["successor"] == new_id
    (waiting,) = [r for r in ctl_json(bob, "outbox") if r["state"] == "queued"]
    assert (waiting["id"], waiting["channel_id"], waiting["channel_name"]) == (row, old_id, "lobby")
    told = bob.ctl("outbox", "retry", row, check=False)
    assert told.returncode == 4 and "Another channel has the name lobby now" in told.stderr
    told = bob.ctl("send", old_id, "more", check=False)
    assert told.returncode == 4 and "Join that" in told.stderr

    bob.ctl("outbox", "cancel", row)
    assert bob.get(old, CHANNEL, "OutboxCount") == 0
    bob.ctl("leave", old_id, "--forget")
    assert {p for p in bob.objects() if "/channel/" in p} == {new}
    assert carol.texts(carol.join("lobby")) == ["for carol"]


def lie(tracker, name, **changes):
    """The directory's entry of that name is another now, and who watches is told."""
    tracker.channels[name] = {**tracker.channels[name], **changes}
    tracker.generation += 1
    tracker.do(lambda c: c.send("CHANNELS", None, {
        "generation": tracker.generation, "changed": [tracker.channels[name]], "removed": []}))


@sentence("5.RESUME.7", "5.RESUME.8")
def test_lying_tracker(world):
    """A directory that says another id or owner for a while ends no conversation, and destroys nothing."""
    with ModelTracker(Authority()) as tracker:
        carol = tracker.authority.identity("user/carol")
        with ModelHost(tracker, carol, "lobby") as h:
            h.add(message_content="true")
            bob = world.peer("bob")
            bob.manager("SetTracker", "sa{sv}", tracker.address, {"pin": pin_of(tracker.authority.ca)})
            bob.sign_up()
            path = bob.join("lobby")
            wait_state(bob, path, "live", "")
            truth = dict(tracker.channels["lobby"])
            wait_for(lambda: tracker.asked("WATCH"), "bob to watch")

            for changes in ({"channel_id": str(uuid.uuid4())}, {"owner": "mallory", "host": "mallory"}):
                lie(tracker, "lobby", **changes)
                h.add(message_content="still here")
                h.do(lambda c: h.push(c, "MESSAGE", entries=h.entries[-1:]))
                wait_for(lambda: len(bob.texts(path)) == len(h.entries) - 1, "bob to be in it still")
                assert state(bob, path) == ("live", "")

                h.do(lambda c: c.tls.close())
                reason = "new-log" if "channel_id" in changes else "another-channel"
                wait_state(bob, path, "closed", reason)
                assert refused(bob.send, path, "x")[0] == ERROR + "NoSuchChannel"
                n = len(h.asked("CONNECT"))
                lie(tracker, "lobby", **truth)
                wait_state(bob, path, "live", "")
                assert len(h.asked("CONNECT")) == n + 1
                assert bob.get(path, CHANNEL, "Successor") == "" == bob.get(path, CHANNEL, "StateText")

            # Who left has left, whatever the directory says later.
            lie(tracker, "lobby", channel_id=str(uuid.uuid4()))
            h.do(lambda c: c.tls.close())
            wait_state(bob, path, "closed", "new-log")
            bob.ctl("leave", "lobby")
            n = len(h.asked("CONNECT"))
            lie(tracker, "lobby", **truth)
            other = bob.host("other")  # the tracker's pushes before its answer have been taken
            assert state(bob, other)[0] == "live"
            assert state(bob, path) == ("closed", "left") and len(h.asked("CONNECT")) == n


@sentence("5.RESUME.5")
def test_begin_anew(world):
    """A database that is gone: the name is mine, its log is not here, and --new-log goes on."""
    alice, bob = world.people("alice", "bob")
    alice.host("lobby")
    old = bob.join("lobby")
    wait_state(bob, old, "live", "")
    old_id = bob.get(old, CHANNEL, "Id")
    told = alice.ctl("host", "lobby", "--new-log", check=False)
    assert told.returncode == 7 and "no need of a new one" in told.stderr

    # The lease lives on: nobody gave it back.
    alice.stop_daemon(9)
    shutil.rmtree(alice.state)
    alice.start_daemon()
    alice.trust()
    alice.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    told = alice.ctl("host", "lobby", check=False)
    assert told.returncode == 7 and "yours already" in told.stderr and "host --new-log lobby" in told.stderr
    told = alice.ctl("host", "lobby", "--new-log", check=False)
    assert told.returncode == 7 and "--new-log --take-over lobby" in told.stderr
    assert not [p for p in alice.objects() if "/channel/" in p]
    alice.ctl("host", "lobby", "--new-log", "--take-over")

    new = ctl_json(alice, "status", "lobby")
    assert new["previous"] == old_id and new["state"] == "live"
    wait_state(bob, old, "closed", "new-log")
    assert "alice now has another channel" in bob.ctl("status", "lobby").stdout
    path = bob.join("lobby")
    wait_state(bob, path, "live", "")
    assert bob.get(path, CHANNEL, "Previous") == old_id == ctl_json(bob, "info", "lobby")["previous"]
    (create,) = [json.loads(line) for line in bob.ctl("log", "lobby", "--json=short").stdout.splitlines()
                 if json.loads(line)["kind"] == "create"]
    assert create["previous"] == old_id and create["channel_id"] == new["channel_id"]


def test_closed_copy_is_hosted(world):
    """A copy that somebody has left is served when its owner asks for that, with all that is saved of it."""
    alice = world.people("alice")
    desk = world.peer("desk")
    desk.trust()
    desk.manager("SignIn", "ssa{sv}", "alice", "correct horse alice", {})
    for i in range(5):
        name = f"lobby{i}"
        hosted = alice.host(name)
        alice.send(hosted, "from alice", wait="stored")
        path = desk.join(name)
        wait_for(lambda p=path: desk.texts(p) == ["from alice"], "the copy")
        desk.ctl("leave", name)
        alice.call(hosted, HOST, "Unhost", "a{sv}", {})
        assert desk.host(name) == path
        assert state(desk, path) == ("live", "")
        desk.send(path, "from the desk", wait="stored")
        assert desk.texts(path) == ["from alice", "from the desk"]
