# SPDX-License-Identifier: LGPL-2.1-or-later
"""A channel with a long past: it opens at its end, and is read back as far as one likes."""
import re
import signal

from longlog import lengthen
from p2pchat import CHANNEL, wait_for

LAST = 100_000


SHORTER = 900


def test_a_long_past(world, desktop):
    world.start_tracker()
    alice = world.people("alice")
    lengths = {"lobby": LAST, "attic": SHORTER}
    paths = {name: alice.host(name) for name in lengths}
    for path in paths.values():
        alice.send(path, "the first", wait="stored")
    alice.stop_daemon()
    for name, last in lengths.items():
        lengthen(alice, name, last)
    alice.start_daemon()
    for name, last in lengths.items():
        wait_for(lambda p=paths[name], n=last: alice.get(p, CHANNEL, "SyncedSeq") >= n, f"all of {name} to be there")
    w = desktop.window(alice)
    back_and_forth(w, paths["lobby"])
    what_comes_moves_nothing(w, paths["attic"])


def show(window, channel):
    window.find("list", "Channels").find("label", channel).click()


def number(row):
    """row: of View.rows()."""
    return int(row[1].split()[1]) if row[1].startswith("line ") else 0


class View:
    """What of a list of messages is in view: what is found there by pointing at it."""

    def __init__(self, window):
        self.window = window
        self.list = window.find("list", "Messages")
        self.pane = self.list.extents()

    def rows(self):
        """→ (y, label) of each text that stands in view as a whole, from above, once all stand still."""
        looks = [self.look()]

        def stands():
            looks.append(self.look())
            return looks[-1] == looks[-2]
        self.window.wait(stands, "the rows to stand still")
        return looks[-1]

    def look(self):
        found = {}
        x = self.pane[0] + 70
        for y in range(self.top, self.bottom, 8):
            node = self.list.at(x, y)
            if node and node.role == "label":
                _, top, _, height = node.extents()
                if self.top - 2 <= top and top + height <= self.bottom + 2:  # what is rounded
                    found[top] = node.name
        return sorted(found.items())

    @property
    def top(self):
        return self.pane[1]

    @property
    def bottom(self):
        return self.pane[1] + self.pane[3]

    def wheel(self, button, n=1):
        """4: towards the past, 5: towards now."""
        x, y, width, height = self.pane
        self.window.activate()
        self.window.desktop.xdo("mousemove", "--window", self.window.xid(), str(x + width // 2), str(y + height // 2),
                                "click", "--repeat", str(n), "--delay", "1", str(button))


def held(window):
    """→ how many pages of the log the window holds, by what it says of itself for who looks for a fault."""
    window.key("F10")
    window.find("menu item", re.compile("About p2pchat")).press()
    window.find("label", "Troubleshooting").click(n=1)
    window.find("label", "Debugging Information").click(n=1)
    said = window.wait(lambda: next((t.text() for t in window.all("text") if "pages held: " in t.text()), None),
                       "the debugging information")
    window.key("Escape", "Escape", "Escape", n=1)
    window.gone("label", "Debugging Information")
    return int(re.search("pages held: ([0-9]+)", said)[1])


def back_and_forth(w, path):
    """It opens at its end, goes back step by step and to its begin at once, and to its end again."""
    show(w, "lobby")
    end = re.compile(rf"^line {w.person.get(path, CHANNEL, 'SyncedSeq')}\b")
    w.find("label", end)
    w.gone("label", "…")
    view = View(w)
    seen = view.rows()
    assert end.search(seen[-1][1]) and len(seen) > 5
    for _ in range(40):
        view.wheel(4, 5)
        above = w.wait(lambda: [r for r in view.rows() if r[1] != "…"], "rows to be read")
        # Nothing is jumped over: what was the first is still in view, or just below it.
        assert number(above[-1]) >= number(seen[0]) - 1, (seen, above)
        seen = above
    assert number(seen[0]) < LAST - 200
    assert held(w) <= 6
    w.press("Jump to the newest")
    w.wait(lambda: end.search(view.rows()[-1][1]), "its end")
    w.find("label", end).click()
    w.key("Home")
    w.find("label", re.compile("alice⁩ created the channel$"))
    w.wait(lambda: "line 3\nmore of it" in [name for _, name in view.rows()], "its begin")
    w.key("End")
    # Of the row that has the focus itself GTK 4.8 does not say what is at its place.
    w.wait(lambda: number(view.rows()[-1]) >= LAST - 1, "its end")


def what_comes_moves_nothing(w, path):
    """The row that is read stays where it is when what is above it comes, which is higher than its place was."""
    alice = w.person
    show(w, "attic")
    w.find("label", re.compile(rf"^line {alice.get(path, CHANNEL, 'SyncedSeq')}\b"))
    w.gone("label", "…")
    view = View(w)
    for _ in range(2):
        alice.process.child.send_signal(signal.SIGSTOP)
        try:
            def meets():
                names = [name for _, name in view.rows()]
                is_enough = names.count("…") > len(names) * 0.6
                if not is_enough:
                    view.wheel(4, 1 if "…" in names else 6)
                return is_enough and names[-1] != "…"
            w.wait(meets, "the end of what is here")
            before = [(y, name) for y, name in view.rows() if name != "…"]
        finally:
            alice.process.child.send_signal(signal.SIGCONT)
        w.wait(lambda: "…" not in [name for _, name in view.rows()], "the rest to come")
        w.wait(lambda: before[0] in view.rows(), f"{before[0]} to be where it was")
        assert before == view.rows()[-len(before):]
