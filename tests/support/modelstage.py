# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of the real daemon among models stand on: bob's daemon, one for a file, as a member of model
hosts at a real tracker, or at a model tracker."""
import contextlib
import itertools

import dbus

from models import ModelHost
from outsider import Connection, pin_of, sign_up
from p2pchat import ACCOUNT, CHANNEL, ERROR, wait_for

numbers = itertools.count()


class MemberStage:
    def __init__(self, world):
        world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\n")
        self.world = world
        self.tracker = world.start_tracker()
        self.bob = world.people("bob")
        with Connection(self.tracker.address, hello=False) as c:
            self.carol = sign_up(self.tracker.address, "carol", pin_of(c.chain[1]))

    @contextlib.contextmanager
    def host(self, n=3, join=True, **hooks):
        """A model host with n messages of carol's in its log; bob joined, unless told otherwise."""
        with ModelHost(self.tracker, self.carol, f"trap{next(numbers)}") as h:
            h.hooks.update(hooks)
            for i in range(n):
                h.add(message_content=f"old {i}")
            h.path = None
            if join:
                h.path = self.bob.join(h.name)
                self.wait_state(h, "live")
            yield h
            if h.path:
                self.bob.call(h.path, CHANNEL, "Leave", "a{sv}", {"forget": True})

    def get(self, h, name):
        return self.bob.get(h.path, CHANNEL, name)

    def wait_state(self, h, *states):
        wait_for(lambda: self.get(h, "State") in states, f"{h.name} to be {states}")

    def rows(self, h):
        rows, _ = self.bob.call(h.path, CHANNEL, "GetOutbox", "a{sv}", {})
        return {r[1]: (r[4], r[5].get("error", "").removeprefix(ERROR)) for r in rows}

    def has(self, h, *texts):
        wait_for(lambda: self.bob.texts(h.path)[-len(texts):] == list(texts), f"bob to have {texts}")


class TrackerStage:
    """Each test has a tracker, and so an account, of its own."""

    def __init__(self, world):
        self.peer = world.peer("bob")

    @contextlib.contextmanager
    def at(self, tracker, sign_up=True):
        account = self.peer.manager("SetTracker", "sa{sv}", tracker.address, {"pin": tracker.pin})
        self.account = account
        if sign_up:
            self.sign_up()
            self.wait_state("online")
        yield self.peer
        assert self.peer.is_up()
        if self.get("Username"):
            self.peer.call(account, ACCOUNT, "SignOut", "a{sv}", {})

    def sign_up(self):
        self.name = f"bob{next(numbers)}"
        return self.peer.manager("SignUp", "ssa{sv}", self.name, "correct horse",
                                 {"account": dbus.ObjectPath(self.account)})

    def get(self, name):
        return self.peer.get(self.account, ACCOUNT, name)

    def wait_state(self, *states):
        wait_for(lambda: self.get("TrackerState") in states, f"the tracker to be {states}")


# -- one lie after the other (lies.py)

@contextlib.contextmanager
def lie_of(name):
    try:
        yield
    except Exception as e:
        raise AssertionError(f"{name}: {e!r}") from e


def tell(call, *args):
    """→ (result, None), or (None, the name of one of our errors)."""
    try:
        return call(*args), None
    except dbus.DBusException as e:
        assert e.get_dbus_name().startswith(ERROR), e
        return None, e.get_dbus_name().removeprefix(ERROR)


def once(model, command, answer, is_meant=lambda f: True):
    """The next request of that command that is meant gets this answer, all others an honest one."""
    def hook(c, f):
        if not is_meant(f):
            getattr(model, "on_" + command.lower())(c, f)
            return
        model.hooks.pop(command)
        answer(c, f)
    model.hooks[command] = hook
