# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 of anything while people talk: no text that was taken is lost, none is there twice, the order
of each sender is kept, and all logs are one. The order of kills is drawn anew each time; the seed is
printed."""
import random
import signal
import threading

import dbus

from p2pchat import CHANNEL, wait_for

N_TEXTS = 40
KILLS = ("alice", "bob", "tracker", "alice", "carol", "alice", "bob", "alice")


class Speaker(threading.Thread):
    """Sends numbered texts for as long as it takes; a text counts as taken once Send replied. One whose
    reply was lost with the daemon is repeated under the id that it was given."""

    def __init__(self, peer, channel, chance):
        super().__init__(daemon=True)
        self.peer = peer
        self.channel = channel
        self.ids = ["%08x-0000-4000-8000-%012x" % (chance.getrandbits(32), chance.getrandbits(48))
                    for _ in range(N_TEXTS)]
        self.n_taken = 0
        self.go = threading.Semaphore(0)  # one text each: the test decides how far it may come

    def run(self):
        for i, message_id in enumerate(self.ids):
            self.go.acquire()
            wait_for(lambda i=i, m=message_id: self.try_send(f"{self.peer.name} {i}", m), f"{self.peer.name} to send {i}")
            self.n_taken += 1

    def try_send(self, text, message_id):
        bus = self.peer.connect()
        try:
            return self.peer.call(self.channel, CHANNEL, "Send", "sa{sv}", text, {"id": message_id}, bus=bus)
        except dbus.DBusException:
            return None  # killed meanwhile, or not there yet
        finally:
            bus.close()


def test_kill(world):
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    chance = random.Random(seed)
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    people = dict(zip(("alice", "bob", "carol"), world.people("alice", "bob", "carol")))
    lobby = people["alice"].host("lobby")
    for name in ("bob", "carol"):
        people[name].join("lobby")
    speakers = [Speaker(p, lobby, chance) for p in people.values()]
    for s in speakers:
        s.start()

    left = {s: N_TEXTS for s in speakers}

    def let(n):
        for s in speakers:
            for _ in range(min(n, left[s])):
                s.go.release()
                left[s] -= 1
    kills = list(KILLS)
    chance.shuffle(kills)
    for victim in kills:
        let(chance.randint(1, 2 * N_TEXTS // len(KILLS)))
        before = sum(s.n_taken for s in speakers)
        goal = before + chance.randint(0, 3)
        allowed = sum(N_TEXTS - left[s] for s in speakers)
        wait_for(lambda g=min(goal, allowed): sum(s.n_taken for s in speakers) >= g, "some texts")
        if victim == "tracker":
            world.tracker.restart(signal.SIGKILL)
        else:
            people[victim].stop_daemon(signal.SIGKILL)
            people[victim].start_daemon()
    let(N_TEXTS)
    for s in speakers:
        s.join(60)
        assert s.n_taken == N_TEXTS

    def settled():
        logs = [p.messages(lobby) for p in people.values()]
        return len(logs[0]) > 3 * N_TEXTS and logs[0] == logs[1] == logs[2] and logs[0]
    log = wait_for(settled, "three logs to be one", deadline=90)
    for p in people.values():
        wait_for(lambda p=p: p.get(lobby, CHANNEL, "OutboxCount") == 0, "all outboxes to be empty")
    assert [e[0] for e in log] == list(range(1, len(log) + 1))
    for s in speakers:
        said = [(e[1], e[6]["text"]) for e in log if e[2] == "message" and e[3] == s.peer.name]
        assert said == [(m, f"{s.peer.name} {i}") for i, m in enumerate(s.ids)], "each once, in order"
