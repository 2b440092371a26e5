# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who can be reached where, and what is said of who may not be: addresses that lead nowhere or to
somebody else, a host behind NAT, a member behind NAT, a host that is known while the tracker is away."""
import json
import os

from p2pchat import CHANNEL, HOST, wait_for

SOON = 15.0


def state(peer, lobby):
    return peer.get(lobby, CHANNEL, "State")


def advertise(peer, *addresses):
    """Its settings say where it is; it starts with them."""
    folder = os.path.join(peer.config, "p2pchat")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "p2pchat.conf"), "w", encoding="utf-8") as f:
        f.write(f"[Network]\nAdvertise={' '.join(addresses)}\n")


def person_at(nets, name, address, *advertised):
    peer = nets.peer(nets.machine(name, address))
    advertise(peer, *advertised)
    peer.start()
    peer.trust()
    peer.sign_up()
    return peer


def test_wrong_ones_first(nets):
    """A net that is not there, a machine that is not there, a port that is closed, one that swallows
    everything, one that says nothing, and somebody else: the host comes last and is found."""
    nets.tracker("10.0.0.1/24")
    nets.person("mallory", "10.0.0.66/24")
    hole, mute = nets.machine("hole", "10.0.0.9/24"), nets.machine("mute", "10.0.0.8/24")
    hole.swallow("tcp dport 22237")
    bob = nets.person("bob", "10.0.0.3/24")
    with mute.socket("0.0.0.0", 22237):
        alice = person_at(nets, "alice", "10.0.0.2/24", "203.0.113.1:22237", "10.0.0.250:22237", "10.0.0.9:1",
                        "10.0.0.9:22237", "10.0.0.8:22237", "10.0.0.66:22237", "10.0.0.2:22237")
        lobby = alice.host("lobby")
        assert bob.join("lobby") == lobby
        wait_for(lambda: state(bob, lobby) == "live", "bob to find her", SOON)
    peers = alice.call(lobby, HOST, "GetPeers", "a{sv}", {})
    assert [p["username"] for p in peers] == ["bob"]


def test_black_holes_only(nets):
    """Bounded, and said: joined and offline, with the time of the next try."""
    nets.tracker("10.0.0.1/24")
    alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
    alice.net.swallow("tcp dport 22237")
    lobby = alice.host("lobby")
    assert bob.join("lobby") == lobby
    assert state(bob, lobby) == "offline"
    assert bob.get(lobby, CHANNEL, "StateReason") == "host-offline"
    wait_for(lambda: bob.get(lobby, CHANNEL, "NextRetry"), "the next try to be planned")
    bob.send(lobby, "as soon as there is a way")
    alice.net.swallow()
    bob.call(lobby, CHANNEL, "Connect", "a{sv}", {})
    wait_for(lambda: alice.texts(lobby) == ["as soon as there is a way"], "the text to arrive", SOON)


def test_host_behind_nat(nets):
    """It says so, in the words of the manual, and promises nothing."""
    nets.tracker("198.51.100.9/24")
    net = nets.behind("alice", "198.51.100.1/24")
    alice, bob = nets.person("alice", net=net), nets.person("bob", "198.51.100.3/24")
    lobby = alice.host("lobby")
    wait_for(lambda: alice.get(lobby, HOST, "ReachableReason") == "behind-nat", "the host to see it")
    assert alice.get(lobby, HOST, "Reachable") == "unknown"
    assert alice.get(lobby, HOST, "ObservedAddress") == "198.51.100.1:22237"
    for arguments in [], ["lobby"]:
        shown = alice.ctl("status", *arguments).stdout
        assert "nobody has come in yet; port 22237 may be closed\n" in shown, shown
        assert "behind NAT: the tracker sees it at 198.51.100.1, " in shown, shown
    told = json.loads(alice.ctl("status", "--json=short").stdout)
    assert (told["reachable"], told["reachable_reason"], told["observed"]) == \
        ("unknown", "behind-nat", ["198.51.100.1:22237"])
    told = json.loads(alice.ctl("status", "lobby", "--json=short").stdout)
    assert (told["reachable"], told["reachable_reason"]) == ("unknown", "behind-nat")
    assert alice.log().count("behind NAT (the tracker sees 198.51.100.1)") == 1
    assert bob.join("lobby") == lobby
    assert state(bob, lobby) == "offline"
    # The router forwards the port now.
    router = next(n for n in nets.nets if n.name == "alice-nat")
    router.nft('table ip door { chain in { type nat hook prerouting priority -100;\n'
               'iifname "eth0" tcp dport 22237 dnat to 192.168.7.2\n}\n}\n'
               'insert rule inet guard forward iifname "eth0" tcp dport 22237 accept\n')
    bob.call(lobby, CHANNEL, "Connect", "a{sv}", {})
    wait_for(lambda: state(bob, lobby) == "live", "bob to get in", SOON)
    wait_for(lambda: alice.get(lobby, HOST, "Reachable") == "yes", "the host to know")
    assert alice.get(lobby, HOST, "ReachableReason") == ""
    assert "nobody has come in" not in alice.ctl("status").stdout


def test_member_behind_nat(nets):
    """Needs no door of its own. When the router forgets everything it finds another way by itself."""
    nets.tracker("198.51.100.9/24")
    net = nets.behind("bob", "198.51.100.1/24")
    alice, bob = nets.person("alice", "198.51.100.2/24"), nets.person("bob", net=net)
    lobby = alice.host("lobby")
    assert bob.join("lobby") == lobby
    assert bob.send(lobby, "from inside", wait="stored")[1] > 0
    peers = alice.call(lobby, HOST, "GetPeers", "a{sv}", {})
    assert [p["address"].split(":")[0] for p in peers] == ["198.51.100.1"]
    assert alice.get(lobby, HOST, "Reachable") == "yes"


def test_loopback_only(nets):
    """No, where that is known."""
    nets.tracker("10.0.0.1/24")
    alice = nets.person("alice", "10.0.0.2/24", listen=["127.0.0.1:22237"])
    lobby = alice.host("lobby")
    assert alice.get(lobby, HOST, "Reachable") == "no"
    assert "nobody can come in" in alice.ctl("status", "lobby").stdout


def test_known_while_the_tracker_is_away(nets):
    """A member that begins anew without a tracker goes where the host was."""
    tracker = nets.tracker("10.0.0.1/24")
    alice, bob = nets.person("alice", "10.0.0.2/24"), nets.person("bob", "10.0.0.3/24")
    lobby = alice.host("lobby")
    assert bob.join("lobby") == lobby
    wait_for(lambda: state(bob, lobby) == "live", "bob to be live")
    tracker.stop()
    bob.stop_daemon()
    bob.start_daemon()
    wait_for(lambda: state(bob, lobby) == "live", "bob to find her by himself", SOON)
    assert bob.send(lobby, "who needs it", wait="stored")[1] > 0
