# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pytest plugin for root on a booted machine, beside worlds.py: the tracker of a world is the installed
unit, with its own socket, sandbox and state, so that what was written for a program of the build directory
is tried on what is installed. Of worlds within each other the innermost has it; then it is as it was."""
import os
import shutil
import signal
import subprocess

import p2pchat

SERVICE, SOCKET = "p2pchat-tracker.service", "p2pchat-tracker.socket"
STATE = "/var/lib/private/p2pchat-tracker"
SETTINGS = "/etc/p2pchat/tracker.conf"


def systemctl(*arguments):
    done = subprocess.run(["systemctl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=p2pchat.DEADLINE * 2, check=False)
    assert done.returncode == 0, f"systemctl {arguments}: {done.stderr}"
    return done.stdout.strip()


def show(name):
    return systemctl("show", "--value", "--property", name, SERVICE)


class Process:
    """The service, where a test expects its process (p2pchat.Process)."""

    @property
    def pid(self):
        return int(show("MainPID"))

    def alive(self):
        return show("ActiveState") == "active"

    def death(self):
        return "" if show("NRestarts") == "0" else self.text()[-4000:]

    def text(self):
        return subprocess.run(["journalctl", "--boot", "--no-pager", "--output=cat", f"_SYSTEMD_UNIT={SERVICE}"],
                              capture_output=True, text=True, timeout=p2pchat.DEADLINE, check=True).stdout

    def ask(self, sig=signal.SIGTERM):
        systemctl("kill", "--kill-who=main", f"--signal={int(sig)}", SERVICE)

    def end(self, sig=signal.SIGTERM):
        if sig != signal.SIGTERM and self.alive():
            self.ask(sig)
        systemctl("stop", SOCKET, SERVICE)
        return int(show("ExecMainStatus"))


class Tracker(p2pchat.Tracker):
    def __init__(self, directory, arguments=()):
        super().__init__(directory, arguments, port=22236)
        self.state = STATE

    def start(self):
        self.process = Process()
        subprocess.run(["systemctl", "reset-failed", SERVICE, SOCKET], capture_output=True, timeout=p2pchat.DEADLINE,
                       check=False)
        systemctl("start", SOCKET)


class World(p2pchat.World):
    holders = []  # who has a tracker, outermost first

    def __init__(self, *arguments, **how):
        super().__init__(*arguments, **how)
        self.settings = ""

    def configure_tracker(self, text):
        self.settings = text

    def start_tracker(self, **how):
        assert not how, how
        if self.holders:
            self.holders[-1].put_aside()
        self.holders.append(self)
        shutil.rmtree(STATE, ignore_errors=True)
        self.set()
        self.tracker = Tracker(self.directory)
        return self.tracker

    def set(self):
        os.makedirs(os.path.dirname(SETTINGS), exist_ok=True)
        with open(SETTINGS, "w", encoding="utf-8") as f:
            f.write(self.settings)

    def put_aside(self):
        self.tracker.stop()
        os.rename(STATE, f"{STATE}.{len(self.holders)}")

    def take_back(self):
        shutil.rmtree(STATE, ignore_errors=True)
        os.rename(f"{STATE}.{len(self.holders)}", STATE)
        self.set()
        self.tracker.start()

    def stop(self):
        super().stop()
        if self in self.holders:
            assert self.holders.pop() is self
            if self.holders:
                self.holders[-1].take_back()
            else:
                os.unlink(SETTINGS)


def pytest_configure():
    p2pchat.World = World
