# SPDX-License-Identifier: LGPL-2.1-or-later
"""The torture: a tracker, a host, three senders and five members on one channel, and rounds in which any of
them is killed, stopped or cut off while texts are typed. What came of it is for checker.py to say."""
import contextlib
import os
import random
import signal
import time

from checker import check, read_store
from p2pchat import CHANNEL, wait_for
from typist import Typist

HOST = "alice"
SENDERS = ("bob", "carol", "dave")
MEMBERS = ("erin", "frank", "grace", "heidi", "ivan")
CHANNEL_NAME = "lobby"
AT_LEAST_IN_WINDOW = 0.3

# What happens in a round, and how often.
HOST_EVENTS = (("kill at received", 8), ("kill at on disk", 6), ("kill", 6), ("end", 2), ("stop", 2), ("reset", 2),
               ("hole", 1), ("nothing", 2))
OTHER_EVENTS = (("kill", 5), ("end", 1), ("stop", 4), ("reset", 4), ("hole", 3), ("deaf", 3), ("lost answer", 3))
TRACKER_EVENTS = (("kill", 2), ("stop", 1), ("reset", 1), ("hole", 1), ("nothing", 10))


def draw(chance, events):
    names, weights = zip(*events)
    return chance.choices(names, weights)[0]


class Torture:
    """wires: who makes machines and cuts them off (wires.py)."""

    def __init__(self, world, wires, seed):
        self.world, self.wires = world, wires
        self.chance = random.Random(seed)
        self.begun = time.monotonic()
        self.n = dict.fromkeys(("rounds", "kills", "kills of the host", "kills in a MESSAGE", "kills after its commit",
                                "ends", "stops", "resets", "holes", "lost answers"), 0)
        self.tracker = wires.tracker()
        self.host = wires.person(HOST, watched=True)
        self.people = {name: wires.person(name) for name in (*SENDERS, *MEMBERS)}
        self.channel = self.host.host(CHANNEL_NAME)
        self.host.ctl("rate", CHANNEL_NAME, "0")  # as much as the wires carry
        for p in self.people.values():
            assert p.join(CHANNEL_NAME) == self.channel
        self.typists = [Typist(p, self.channel, random.Random(self.chance.getrandbits(32)))
                        for p in (*(self.people[name] for name in SENDERS), self.host)]
        self.troubles = {}  # name → (rounds left, how it ends)

    def say(self, *words):
        print(f"{time.monotonic() - self.begun:7.1f}", *words, flush=True)

    # -- single events

    def kill(self, peer):
        self.n["kills"] += 1
        peer.stop_daemon(signal.SIGKILL)
        peer.start_daemon()

    def end(self, peer):
        """It may say goodbye."""
        self.n["ends"] += 1
        assert peer.stop_daemon() == 0
        peer.start_daemon()

    def reset(self, peer):
        self.n["resets"] += 1
        self.wires.reset(peer)

    def kill_host(self, state=None):
        """… when a MESSAGE is just that, or at any moment."""
        if state:
            self.free_senders()
            is_open = self.host.kill_at(state)
        else:
            self.stop_for(self.chance.uniform(0, 1))
            is_open = self.host.kill()
        self.n["kills"] += 1
        self.n["kills of the host"] += 1
        self.n["kills in a MESSAGE"] += bool(is_open)
        self.n["kills after its commit"] += "on disk" in is_open.values()
        self.say("  not answered:", *(f"{user} {state}" for (_, user), state in is_open.items()))
        self.host.start_daemon()

    def stop_for(self, seconds):
        """Lets things happen for a drawn time; nothing depends on what does."""
        self.host.wait(lambda: False, seconds)

    def freeze(self, process):
        self.n["stops"] += 1
        os.kill(process.pid, signal.SIGSTOP)

    def lose_answer(self, peer):
        """What the host answers to one MESSAGE of this sender is lost, and its connection reset then."""
        if self.until_answered(peer.name):  # it is connected
            self.wires.deafen(peer)
            self.n["lost answers"] += self.until_answered(peer.name)
        self.wires.reset(peer)
        self.wires.mend(peer)

    def lose_answers(self, n):
        """So many, of one sender after the other. One that was given while its sender was made deaf may have
        come through, and is not counted: then it is tried again."""
        for i in range(5 * n):
            if self.n["lost answers"] == n:
                return
            self.say("lost answer", SENDERS[i % len(SENDERS)])
            self.lose_answer(self.people[SENDERS[i % len(SENDERS)]])
            self.say("  lost so far:", self.n["lost answers"])

    def until_answered(self, *names):
        """→ whether a MESSAGE of one of these was answered in time."""
        n = {name: self.host.n_answered.get(name, 0) for name in names}
        return self.host.wait(lambda: any(self.host.n_answered.get(name, 0) > n[name] for name in names), 20)

    # -- rounds

    def free_senders(self):
        """Those who are to be heard: one at least, or there is nothing to be killed at."""
        if all(name in self.troubles for name in SENDERS):
            self.relieve(self.chance.choice(SENDERS))
        return [name for name in SENDERS if name not in self.troubles]

    def relieve(self, name):
        _, end = self.troubles.pop(name)
        end()

    def relieve_some(self):
        for name, (n, end) in list(self.troubles.items()):
            if n <= 0:
                self.relieve(name)
            else:
                self.troubles[name] = (n - 1, end)

    def trouble(self, peer, event, n_rounds):
        """What begins now and ends some rounds later."""
        process = peer.process
        if event == "stop":
            self.freeze(process)
            end = lambda: process.child.send_signal(signal.SIGCONT)  # if it is still there
        else:
            self.n["holes"] += 1
            (self.wires.hole if event == "hole" else self.wires.deafen)(peer)
            end = lambda: self.wires.mend(peer)
        self.troubles[peer.name] = (n_rounds, end)

    def other_event(self):
        peer, event = self.chance.choice(list(self.people.values())), draw(self.chance, OTHER_EVENTS)
        if peer.name in self.troubles:
            event = "kill"  # on top of it
        elif event == "lost answer" and peer.name not in SENDERS:
            event = "reset"
        self.say(" ", event, peer.name)
        if event == "kill":
            self.kill(peer)
        elif event in ("end", "reset"):
            getattr(self, event)(peer)
        elif event == "lost answer":
            self.lose_answer(peer)
        else:
            # Mostly short; long is more than it takes to be given up by the host.
            self.trouble(peer, event, self.chance.randint(*((0, 6) if self.chance.random() < 0.85 else (15, 30))))

    def tracker_event(self):
        event = draw(self.chance, TRACKER_EVENTS)
        if event == "nothing" or "tracker" in self.troubles:
            return
        self.say(" ", event, "tracker")
        if event == "kill":
            self.n["kills"] += 1
            self.tracker.restart(signal.SIGKILL)
        elif event == "reset":
            self.reset(self.tracker)
        else:
            self.trouble(self.tracker, event, self.chance.randint(0, 3))

    def host_event(self):
        event = draw(self.chance, HOST_EVENTS)
        share = self.share_in_window()
        if (event == "kill" and share < 0.5) or (not event.startswith("kill") and share < AT_LEAST_IN_WINDOW + 0.05):
            event = "kill at received"  # too many were at another moment, or of others
        if event == "nothing":
            return
        self.say(" ", event, HOST)
        if event == "kill":
            self.kill_host()
        elif event.startswith("kill at "):
            self.kill_host(event.removeprefix("kill at "))
        elif event in ("end", "reset"):
            getattr(self, event)(self.host)
        else:
            self.trouble(self.host, event, 0)
            self.stop_for(self.chance.uniform(0, 3))
            self.relieve(HOST)

    def round(self):
        self.n["rounds"] += 1
        self.say("round", self.n["rounds"], "texts", sum(t.n_told for t in self.typists))
        self.relieve_some()
        self.until_answered(*self.free_senders())
        for _ in range(self.chance.randint(1, 3)):
            self.other_event()
        self.tracker_event()
        self.host_event()
        self.check_all_live()

    def check_all_live(self):
        """Nobody ended by themselves."""
        for p in (self.host, *self.people.values()):
            assert p.process.alive() and not p.process.death(), f"{p.name}: {p.process.text()[-3000:]}"
        for t in self.typists:
            assert not t.errors, t.errors

    def run(self, n_rounds, lost_answers=0):
        for t in self.typists:
            t.start()
        try:
            self.lose_answers(lost_answers)
            for _ in range(n_rounds):
                self.round()
            for _ in range(n_rounds // 2):  # chance may have had it that too few were
                if self.share_in_window() < AT_LEAST_IN_WINDOW:
                    self.kill_host("received")
            for name in list(self.troubles):
                self.relieve(name)
        finally:
            for name in list(self.troubles):  # or nothing would listen to the end of the world
                with contextlib.suppress(Exception):
                    self.relieve(name)
            for t in self.typists:
                t.stop()
        for t in self.typists:
            t.join(60)
            assert not t.is_alive() and not t.errors, t.errors
        self.until_quiet()

    def until_quiet(self):
        """All are back, nothing is on its way."""
        self.say("quiet?")

        everybody = (self.host, *self.people.values())
        seen = {}  # name → what it said of the channel the last time

        def is_quiet(p):
            c = p.get_all(self.channel, CHANNEL)
            seen[p.name] = [c[name] for name in ("State", "StateReason", "OutboxCount", "SyncedSeq", "LastSeq")]
            return c["State"] in ("live", "hosting") and c["OutboxCount"] == 0 and c["SyncedSeq"] == c["LastSeq"]
        for p in everybody:
            try:
                wait_for(lambda p=p: is_quiet(p), f"{p.name} to be quiet", deadline=180)
            except AssertionError as e:
                raise AssertionError(f"{e}: {seen}") from None
        # What was queued last went to those who were quiet already.
        last = self.host.get(self.channel, CHANNEL, "SyncedSeq")
        for p in everybody:
            # Whose host went once more tries again for up to a minute apart.
            wait_for(lambda p=p: p.get(self.channel, CHANNEL, "SyncedSeq") == last, f"{p.name} to be at {last}",
                     deadline=180)
        self.say("quiet")

    # -- afterwards

    @property
    def journal(self):
        return [text for t in self.typists for text in t.journal]

    def findings(self):
        for p in (self.host, *self.people.values()):
            p.stop_daemon()
        stores = {p.name: read_store(os.path.join(p.state, "p2pchat.db"), CHANNEL_NAME)
                  for p in (self.host, *self.people.values())}
        return check(stores[HOST], stores, self.journal)

    def share_in_window(self):
        """Of all kills, of whomever."""
        return self.n["kills in a MESSAGE"] / max(1, self.n["kills"])

    def summary(self, findings, repeat):
        told = [t.told for t in self.journal]
        lines = [f"{name}: {n}" for name, n in self.n.items()]
        lines += [f"kills between a MESSAGE and its answer: {100 * self.share_in_window():.0f} %",
                  f"texts: {len(told)}, told stored: {told.count('stored')}, told queued: {told.count('queued')}"]
        lines += [f"{name}: {sum(f.startswith(name + ':') for f in findings)}"
                  for name in ("lost", "doubled", "hole", "swapped", "altered", "misplaced", "cursor", "outbox", "behind",
                                "invented")]
        return "\n".join([*lines, f"again: {repeat}"])
