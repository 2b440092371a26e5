# SPDX-License-Identifier: LGPL-2.1-or-later
"""People who talk, one of them at a terminal. What they do is the test's."""
import os
import re

from p2pchat import CHANNEL, wait_for

TRACKER = "[Limits]\nPasswordCost=1\nSignUpsPerMinute=0\nSignInFailuresPerMinute=0\nSignInsPerDay=0\n"


class Talk:
    """alice hosts lobby, bob is a member and at a terminal (open)."""

    def __init__(self, world, terminals):
        world.configure_tracker(TRACKER)
        self.world, self.terminals = world, terminals
        self.alice, self.bob = world.people("alice", "bob")
        self.lobby = self.alice.host("lobby")
        self.alice.ctl("rate", "lobby", "1000", "1000")
        self.bob.join("lobby")
        wait_for(lambda: self.bob.get(self.lobby, CHANNEL, "State") == "live", "bob to be in the lobby")

    @property
    def history(self):
        return os.path.join(self.world.directory, "bob.xdg", "p2pchat", "chat-history")

    def environment(self):
        return {**self.bob.environment(), "XDG_STATE_HOME": os.path.join(self.world.directory, "bob.xdg"),
                "INPUTRC": "/dev/null", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1")}

    def open(self, *arguments, command=None, **how):
        """→ bob's terminal with chat in it, which has drawn its prompt."""
        t = self.terminals(command or [os.environ["P2PCHATCTL"], "chat", *(arguments or ("lobby",))],
                           self.environment(), **how)
        t.wait_for(re.compile(r">$"))
        return t

    def said(self):
        return self.alice.texts(self.lobby)

    def wait_said(self, text):
        wait_for(lambda: text in self.said(), f"alice to have {text!r}")

    def leave(self, t):
        """Ctrl-D; → what is seen then."""
        t.wait_for(lambda: re.fullmatch(r"\S+( \[.*\])?>", t.rows()[-1]), "the prompt")
        t.key("C-d")
        assert t.wait_end() == 0
        shown = t.history()
        assert "Your daemon goes on" in shown
        assert "Sanitizer" not in shown and "runtime error" not in shown
        return shown
