# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop that a test looks at and works on: an X server without a screen, an accessibility bus, and windows of
people who each have a session bus of their own (p2pchat.py). Controls are found by their accessible names, as who
cannot see finds them.

    def test_it(world, desktop):                            # fixture of windows.py
        w = desktop.window(alice)
        w.find("button", "Sign up").press()
        w.find("entry", "Username").write("alice")
        w.wait(lambda: w.find("label", "Welcome"), "…")

Nothing sleeps: find() waits, with a deadline. What it left behind when a test fails (a picture and the tree of
each window) lies in P2PCHAT_SHOTS."""
import contextlib
import os
import re
import shutil
import subprocess
import time

from p2pchat import Process, wait_for

# Generous: a loaded machine with sanitizers.
DEADLINE = 60.0
ACCESSIBILITY_CONFIG = "/usr/share/defaults/at-spi2/accessibility.conf"
REGISTRY = "/usr/libexec/at-spi2-registryd"
LOCALE = "C.UTF-8"

# What others say on stderr, and why it is not ours.
FOREIGN = [
    # Nobody runs the portal or settings service that GTK asks for here; it goes on without.
    r"Failed to (get|read|load) .*portal",
    r"Unable to acquire session bus",
    # The driver of a display without a graphics card.
    r"libEGL warning",
    r"MESA",
    # libadwaita asks for a portal's colour scheme, and takes its own where nobody answers.
    r"Adwaita-WARNING.*Settings portal",
    # A row of libadwaita's own window goes away amid the click on it, which GTK 4.8 miscounts.
    r"Gtk-WARNING.*Broken accounting of active state for widget 0x[0-9a-f]+\(AdwAboutWindow\)",
    # Xvfb has no cursor themes.
    r"Unable to load .* from the cursor theme",
]
# GTK 4.8 drops an array of keys each time the accessibility bus asks for all that a program shows. There is none, so
# it is one pointer; its stack says no more than that GLib was asked for memory. (Other leaks: ../gui/lsan.supp.)
DROPPED = re.compile(r"Direct leak of (\d+) byte\(s\) in (\d+) object\(s\) allocated from:\n"
                     r" +#0 .*malloc.*\n +#1 .* in g_malloc .*\n\n")
NOTHING_ELSE = re.compile(r"=+\n==\d+==ERROR: LeakSanitizer: detected memory leaks\n\s*SUMMARY: .*\n")


class WindowProcess(Process):
    def text(self):
        said = DROPPED.sub(lambda m: "" if int(m[1]) == 8 * int(m[2]) else m[0], super().text())
        return NOTHING_ELSE.sub("", said)



class NotHere(Exception):
    """There is no display to be had: what is missing, in words."""


def check():
    """NotHere if no desktop can be had on this machine."""
    for program, package in (("Xvfb", "xvfb"), ("import", "imagemagick"), ("xdotool", "xdotool"),
                             (REGISTRY, "at-spi2-core")):
        if not shutil.which(program):
            raise NotHere(f"{program} is missing (Debian: {package})")
    if not os.environ.get("P2PCHAT_GUI"):
        raise NotHere("the window was not built (Debian: libgtk-4-dev libadwaita-1-dev)")
    try:
        import gi
        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi  # noqa: F401
    except (ImportError, ValueError) as e:
        raise NotHere("Atspi is missing (Debian: gir1.2-atspi-2.0)") from e


def atspi():
    from gi.repository import Atspi
    return Atspi


class Node:
    """A control, or what holds some. A control that is gone has the role "gone"."""

    def __init__(self, window, accessible):
        self.window = window
        self.accessible = accessible

    def ask(self, question, otherwise):
        """What goes away while it is asked says nothing any more."""
        from gi.repository import GLib
        try:
            return question()
        except GLib.Error:
            return otherwise

    @property
    def role(self):
        return self.ask(lambda: self.accessible.get_role_name(), "gone")

    @property
    def name(self):
        return self.ask(lambda: self.accessible.get_name(), "") or ""

    @property
    def description(self):
        return self.ask(lambda: self.accessible.get_description(), "") or ""

    def has(self, state):
        """state: "visible" (GTK 4.8 knows no "showing"), "sensitive", "focused", "checked", … """
        wanted = getattr(atspi().StateType, state.upper())
        return self.ask(lambda: self.accessible.get_state_set().contains(wanted), False)

    def children(self):
        n = self.ask(lambda: self.accessible.get_child_count(), 0)
        found = [self.ask(lambda i=i: self.accessible.get_child_at_index(i), None) for i in range(n)]
        return [Node(self.window, c) for c in found if c]

    def walk(self):
        """Itself and all below it that is shown."""
        yield self
        for child in self.children():
            if child.has("visible") or child.role == "frame":
                yield from child.walk()

    def all(self, role=None, name=None, showing=True):
        """→ the nodes below that fit; name: the whole one, or a compiled pattern. role may be a tuple."""
        roles = (role,) if isinstance(role, str) else role

        def fits(node):
            if roles and node.role not in roles:
                return False
            # GTK 4.8 says the name of a button with a mnemonic twice.
            if name is not None and not (name.search(node.name) if hasattr(name, "search")
                                         else node.name in (name, f"{name} {name}")):
                return False
            return not showing or node.has("visible")
        return [node for node in self.walk() if fits(node)]

    def find(self, role=None, name=None, deadline=DEADLINE, **how):
        """→ the first that fits, once there is one."""
        return self.window.wait(lambda: next(iter(self.all(role, name, **how)), None),
                                f"{role or 'something'} “{name}” in {self.role} “{self.name}”", deadline)

    def text(self):
        """What is written in it."""
        Atspi = atspi()

        def ask():
            n = Atspi.Text.get_character_count(self.accessible)
            return Atspi.Text.get_text(self.accessible, 0, n)
        return self.ask(ask, "")

    def write(self, text):
        """In place of what is written there."""
        self.window.wait(lambda: self.has("sensitive"), f"“{self.name}” to take text")
        atspi().EditableText.set_text_contents(self.accessible, text)
        self.window.wait(lambda: self.text() == text or self.role == "password text", f"“{self.name}” to hold “{text}”")

    def press(self, action=None):
        """Does its action: its first, or the named one."""
        self.window.wait(lambda: self.has("sensitive"), f"“{self.name}” to be sensitive")
        Atspi = atspi()
        n = Atspi.Action.get_n_actions(self.accessible)
        names = [Atspi.Action.get_action_name(self.accessible, i) for i in range(n)]
        if n == 0:  # GTK 4.8 gives check buttons and rows none
            self.click()
            return
        assert Atspi.Action.do_action(self.accessible, names.index(action) if action else 0), names

    def extents(self):
        """→ x, y, width, height in the window."""
        e = atspi().Component.get_extents(self.accessible, atspi().CoordType.WINDOW)
        return e.x, e.y, e.width, e.height

    def place(self):
        """→ its extents, once several looks give the same."""
        looks = [self.extents()]

        def stands():
            looks.append(self.extents())
            return len(looks) > 3 and len(set(looks[-3:])) == 1
        self.window.wait(stands, f"“{self.name}” to stand still")
        return looks[-1]

    def at(self, x, y):
        """→ what is there, a point in the window; None: nothing is."""
        found = self.ask(lambda: atspi().Component.get_accessible_at_point(self.accessible, x, y,
                                                                           atspi().CoordType.WINDOW), None)
        return found and Node(self.window, found)

    def click(self, button=1, n=0):
        """With the mouse, in its middle, once it stands still. n: which window of the process it is in."""
        self.window.activate(n)
        x, y, width, height = self.place()
        self.window.desktop.xdo("mousemove", "--window", self.window.xid(n), str(x + width // 2), str(y + height // 2),
                                "click", str(button))

    def tree(self, depth=0):
        """→ lines that tell it to a reader."""
        states = [s.value_nick for s in self.ask(lambda: self.accessible.get_state_set().get_states(), [])]
        lines = [f"{'  ' * depth}{self.role} “{self.name}” {' '.join(states)}"]
        for child in self.children():
            lines += child.tree(depth + 1)
        return lines


class Window:
    """A person's p2pchat: its process, which may have several windows."""

    def __init__(self, desktop, person, arguments=(), env=None):
        self.desktop = desktop
        self.person = person
        self.log = os.path.join(person.world.directory, f"{person.name}.window.log")
        self.process = WindowProcess([os.environ["P2PCHAT_GUI"], *arguments], self.log,
                                     {**person.environment(), **desktop.environment(), **(env or {})})
        self.application = self.wait(self.look, f"{person.name}'s window")

    def look(self):
        Atspi = atspi()
        root = Atspi.get_desktop(0)
        for i in range(root.get_child_count()):
            child = root.get_child_at_index(i)
            node = Node(self, child)
            if child and node.ask(lambda c=child: c.get_process_id(), 0) == self.process.pid and node.children():
                return node
        return None

    def wait(self, condition, what, deadline=DEADLINE):
        def look():
            assert self.process.alive(), f"the window ended: {self.process.text()[-4000:]}"
            assert not self.process.death(), self.process.death()
            return condition()
        return wait_for(look, what, deadline)

    def find(self, role=None, name=None, **how):
        return self.application.find(role, name, **how)

    def all(self, role=None, name=None, **how):
        return self.application.all(role, name, **how)

    def gone(self, role=None, name=None, **how):
        self.wait(lambda: not self.all(role, name, **how), f"{role} “{name}” to go")

    def press(self, name, role=("push button", "toggle button", "menu item", "check box", "radio button")):
        self.find(role, name).press()

    def write(self, name, text):
        self.find(("text", "entry", "password text"), name).write(text)

    def xid(self, n=0):
        """→ the n-th window of the process on the X server."""
        found = self.wait(lambda: self.desktop.xdo("search", "--onlyvisible", "--pid", str(self.process.pid),
                                                   check=False).split()[n:], "an X window")
        return found[0]

    def activate(self, n=0):
        """As a window manager does with who is clicked."""
        self.desktop.xdo("windowraise", self.xid(n), "windowfocus", "--sync", self.xid(n))

    def key(self, *keys, n=0):
        """keys: as xdotool names them, "ctrl+k"."""
        self.activate(n)
        self.desktop.xdo("key", "--clearmodifiers", *keys)

    def type(self, text, n=0):
        self.activate(n)
        self.desktop.xdo("type", "--clearmodifiers", text)

    def resize(self, width, height, n=0):
        self.desktop.xdo("windowsize", self.xid(n), str(width), str(height))

    def shot(self, path, n=0):
        subprocess.run(["import", "-display", self.desktop.display, "-window", self.xid(n), path], check=True,
                       timeout=DEADLINE)

    def tree(self):
        return "\n".join(self.application.tree())

    def end(self):
        """Ends it as a desktop does, and looks at what it said."""
        status = self.process.end()
        self.check()
        assert status == 0, status

    def check(self):
        """Nothing was said on stderr but what is foreign (FOREIGN), and nothing leaked."""
        said = [line for line in self.process.text().splitlines()
                if line.strip() and not any(re.search(f, line) for f in FOREIGN)]
        assert not said, f"{self.person.name}'s window said:\n" + "\n".join(said[-40:])


class Desktop:
    def __init__(self, directory):
        self.directory = directory
        self.windows = []
        read, write = os.pipe()
        self.server = Process(["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
                              os.path.join(directory, "xvfb.log"), pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as f:
            self.display = ":" + f.readline().strip()
        path = os.path.join(directory, "a11y.bus")
        self.address = "unix:path=" + path
        self.bus = Process(["dbus-daemon", "--config-file=" + ACCESSIBILITY_CONFIG, "--nofork", "--nopidfile",
                            "--address=" + self.address], os.path.join(directory, "a11y.log"),
                           {**os.environ, "DISPLAY": self.display, "AT_SPI_BUS_ADDRESS": self.address})
        wait_for(lambda: os.path.exists(path), "the accessibility bus")
        self.registry = Process([REGISTRY], os.path.join(directory, "registry.log"),
                                {**os.environ, "DISPLAY": self.display, "AT_SPI_BUS_ADDRESS": self.address,
                                 "DBUS_SESSION_BUS_ADDRESS": self.address})
        # Of this process, before its first look.
        os.environ.update(AT_SPI_BUS_ADDRESS=self.address, DISPLAY=self.display,
                          DBUS_SESSION_BUS_ADDRESS=self.address)
        atspi().init()
        atspi().set_timeout(5000, 20000)

    def environment(self):
        """What a window gets beside its person's own."""
        env = {"DISPLAY": self.display, "AT_SPI_BUS_ADDRESS": self.address, "GTK_A11Y": "atspi", "GDK_BACKEND": "x11",
               "GSK_RENDERER": "cairo", "GDK_DEBUG": "gl-disable", "GSETTINGS_BACKEND": "memory",
               "G_DEBUG": "fatal-criticals", "LC_ALL": LOCALE, "LANGUAGE": "en", "NO_AT_BRIDGE": "0",
               "GTK_THEME": "", "WAYLAND_DISPLAY": ""}
        suppressions = os.path.join(os.path.dirname(__file__), "..", "gui", "lsan.supp")
        if "ASAN_OPTIONS" in os.environ and os.path.exists(suppressions):
            # What leaked is judged by what is said of it (check()).
            env["LSAN_OPTIONS"] = f"suppressions={os.path.abspath(suppressions)}:print_suppressions=0:exitcode=0"
        return {k: v for k, v in env.items() if v}

    def xdo(self, *arguments, check=True):
        done = subprocess.run(["xdotool", *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, "DISPLAY": self.display}, check=False, timeout=DEADLINE)
        assert not check or done.returncode == 0, f"xdotool {arguments}: {done.stderr}"
        return done.stdout

    def window(self, person, *arguments, env=None):
        self.windows.append(Window(self, person, arguments, env))
        return self.windows[-1]

    def keep(self, name):
        """What the windows look like now, for who reads of a failure."""
        where = os.environ.get("P2PCHAT_SHOTS")
        for i, window in enumerate(self.windows):
            if not window.process.alive():
                continue
            with contextlib.suppress(Exception):
                print(f"--- {window.person.name}'s window\n{window.tree()[-6000:]}")
            if where:
                os.makedirs(where, exist_ok=True)
                base = os.path.join(where, f"{name}-{i}-{window.person.name}")
                with contextlib.suppress(Exception):
                    window.shot(base + ".png")
                with contextlib.suppress(Exception), open(base + ".txt", "w", encoding="utf-8") as f:
                    f.write(window.tree())

    def close(self):
        """Ends the windows, and looks at what they said."""
        windows, self.windows = self.windows, []
        ended = []
        for w in windows:
            try:
                if w.process.alive():
                    w.end()
                else:
                    w.check()
            except AssertionError as e:
                ended.append(str(e))
        assert not ended, "\n".join(ended)

    def stop(self):
        try:
            self.close()
        finally:
            for process in (self.registry, self.bus, self.server):
                if process.alive():
                    process.end()
