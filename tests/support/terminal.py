# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal that a test types into and reads: a program in a window of a tmux of its own, on a socket of
its own. What the program is, and what is to be seen, is the test's.

    def test_it(world, terminals):                          # fixture of worlds.py
        t = terminals(["sh"], alice.environment(), columns=80, lines=24)
        t.type("echo hello"); t.key("Enter")
        t.wait_for("hello")                                 # or t.wait_for(lambda: …, "what it is")
        assert t.cursor() == (2, 2)

Nothing sleeps: a condition is waited for, with a deadline (DEADLINE)."""
import os
import re
import shutil
import subprocess
import tempfile

from p2pchat import wait_for

DEADLINE = 20.0
VERSION = (3, 3)  # of tmux: new-session -e is 3.2, respawned windows keep their size since 3.3
LOCALE = "C.UTF-8"
SETTINGS = """set -s escape-time 0
set -s exit-empty off
set -g default-terminal {term}
set -g history-limit 50000
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g default-size {columns}x{lines}
set -g status off
set -g set-clipboard off
"""


class NotHere(Exception):
    """There is no tmux, or it is too old: what is missing, in words."""


def check():
    """NotHere if no terminal can be had on this machine."""
    if not shutil.which("tmux"):
        raise NotHere("tmux is missing (Debian: tmux)")
    said = subprocess.run(["tmux", "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < VERSION:
        raise NotHere(f"tmux {VERSION[0]}.{VERSION[1]} is needed, this is {said.strip()}")


class Terminal:
    """One window. command: a list of words; env: all of its environment, but for TERM and the locale.
    What it writes, byte for byte, is in raw()."""

    def __init__(self, command, env, columns=80, lines=24, term="tmux-256color", directory=None):
        # Short: a socket's path has 108 bytes.
        self.directory = tempfile.mkdtemp(prefix="tty-", dir=directory)
        self.socket = os.path.join(self.directory, "s")
        self.raw_file = os.path.join(self.directory, "raw")
        settings = os.path.join(self.directory, "conf")
        with open(settings, "w", encoding="utf-8") as f:
            f.write(SETTINGS.format(term=term, columns=columns, lines=lines))
        self.env = {**env, "LC_ALL": LOCALE, "SHELL": "/bin/sh", "TERM": "xterm-256color"}
        for name in ("TMUX", "TMUX_PANE", "COLUMNS", "LINES", "LANGUAGE"):
            self.env.pop(name, None)
        self.settings = settings
        # It begins once all that it writes is written down, too.
        wait = 'tmux -S "$0" wait-for begin; exec "$@"'
        self.tmux("new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(lines),
                  "sh", "-c", wait, self.socket, *command)
        self.server = int(self.show("#{pid}"))
        self.tmux("pipe-pane", "-t", "t", "-O", f"cat >>'{self.raw_file}'")
        self.tmux("wait-for", "-S", "begin")

    def tmux(self, *arguments, stdin=None):
        """→ what tmux says to a command."""
        result = subprocess.run(["tmux", "-u", "-S", self.socket, "-f", self.settings, *arguments], input=stdin,
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env,
                                check=False, timeout=DEADLINE)
        assert result.returncode == 0, f"tmux {arguments}: {result.stderr}"
        return result.stdout

    def show(self, form):
        return self.tmux("display-message", "-p", "-t", "t", form).strip()

    # -- hands

    def key(self, *names):
        """By tmux' names: "Enter", "C-c", "M-n", "Tab", "Left"."""
        self.tmux("send-keys", "-t", "t", *names)

    def type(self, text):
        self.tmux("send-keys", "-t", "t", "-l", "--", text)

    def line(self, text):
        self.type(text)
        self.key("Enter")

    def paste(self, text):
        """Bracketed, if the program asked for that."""
        self.tmux("load-buffer", "-b", "pasted", "-", stdin=text)
        self.tmux("paste-buffer", "-p", "-d", "-b", "pasted", "-t", "t")

    def resize(self, columns, lines):
        """The program can know it when this returns: tmux takes its time."""
        self.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(lines))
        tty = os.open(self.show("#{pane_tty}"), os.O_RDONLY | os.O_NOCTTY)
        try:
            wait_for(lambda: tuple(os.get_terminal_size(tty)) == (columns, lines), "the new size", DEADLINE)
        finally:
            os.close(tty)

    # -- eyes

    def screen(self):
        """→ what is seen now: rows without the spaces at their ends, empty ones below left out."""
        return self.tmux("capture-pane", "-p", "-t", "t").rstrip("\n")

    def history(self):
        """→ all that was ever seen and scrolled away, and the screen; rows that were wrapped by the terminal
        are one."""
        return self.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "t").rstrip()

    def rows(self):
        return self.screen().split("\n")

    def cursor(self):
        """→ (column, row), from 0."""
        x, y = self.show("#{cursor_x} #{cursor_y}").split()
        return int(x), int(y)

    def raw(self):
        """→ the bytes that the program wrote until now."""
        try:
            with open(self.raw_file, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def wait_for(self, wanted, what=None, deadline=DEADLINE):
        """wanted: a text on the screen, a compiled pattern, or a condition. → what was found."""
        def look():
            if callable(wanted):
                return wanted()
            shown = self.screen()
            return wanted in shown if isinstance(wanted, str) else wanted.search(shown)
        try:
            return wait_for(look, what or repr(wanted), deadline)
        except AssertionError as e:
            raise AssertionError(f"{e}; the screen is:\n{self.screen()}") from None

    # -- its end

    def ended(self):
        if self.show("#{pane_dead}") != "1":
            return False
        # tmux may miss that a child ended, until the next one does.
        if not self.show("#{pane_dead_status}#{pane_dead_signal}"):
            self.tmux("run-shell", "true")
        return self.show("#{pane_dead_status}#{pane_dead_signal}") != ""

    def wait_end(self):
        """→ the exit status of the program once it has ended; negative: the signal that ended it."""
        self.wait_for(self.ended, "the program to end")
        return self.wait_for(lambda: [s for s in (self.status(),) if s is not None], "its exit status")[0]

    def status(self):
        """None: not known yet. tmux misses now and then that a child of its has ended: that waits as a zombie, and
        says how in the last field of its stat."""
        told, signal = self.show("#{pane_dead_status}|#{pane_dead_signal}").split("|")
        if told or signal:
            return int(told) if told else -int(signal)
        try:
            with open(f"/proc/{self.process()}/stat", encoding="ascii", errors="replace") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            return None
        return os.waitstatus_to_exitcode(int(fields[49])) if fields[0] == "Z" else None

    def process(self):
        """→ pid of what was started."""
        return int(self.show("#{pane_pid}"))

    def quit(self):
        """Ends all of it: the program, this tmux (and no other), its files."""
        try:
            self.tmux("kill-server")

            def is_gone():
                try:
                    os.kill(self.server, 0)
                except ProcessLookupError:
                    return True
                return False
            wait_for(is_gone, "tmux to end", DEADLINE)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
