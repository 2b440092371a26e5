# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other apps: a client in C, made by gdbus-codegen from the interfaces that `meson install` installs, and
one in Python talk with each other through real daemons. Neither has seen a header of this project."""
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading

import pytest

from p2pchat import wait_for

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["P2PCHATD"]).parents[1]


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=180, check=False, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def client():
    """→ the C client's path; built as its first comment says."""
    with tempfile.TemporaryDirectory(prefix="p2pchat-") as name:
        root = pathlib.Path(name)
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", env={**os.environ, "DESTDIR": f"{root}/i"})
        interfaces = sorted(str(p) for p in root.rglob("dbus-1/interfaces/org.p2pchat.Peer1.*.xml"))
        assert len(interfaces) == 5
        commands = re.search(r"^ \*   (gdbus-codegen .*?)^ \*   (cc .*?)^ \*$",
                             (HERE / "chat-client.c").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        generate, build = (re.sub(r"\\\n \*", " ", c).strip() for c in commands.groups())
        shown = "/usr/local/share/dbus-1/interfaces/org.p2pchat.Peer1.*.xml"
        assert generate.endswith(shown)
        run("sh", "-ec", generate.replace(shown, shlex.join(interfaces)), cwd=root)
        # The client as it is, and as strict as we are; what is generated is GLib's.
        build = build.replace("chat-client.c", shlex.quote(str(HERE / "chat-client.c")))
        run("sh", "-ec", build + " -Wall -Werror", cwd=root)
        yield str(root / "chat-client")


class App:
    """One that runs, with what it has shown so far."""

    def __init__(self, peer, *command):
        env = {k: v for k, v in peer.environment().items() if k != "LD_PRELOAD"}
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr,
                                      text=True, bufsize=1, env={**env, "LC_ALL": "C.UTF-8"})
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.child.stdout.readline, "")))
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        self.child.wait(30)
        self.reader.join()
        self.child.stdin.close()
        self.child.stdout.close()

    def type(self, text):
        self.child.stdin.write(text + "\n")

    def until(self, *lines):
        """Waits until that many were shown; they are these, in this order, and nothing else."""
        wait_for(lambda: len(self.lines) >= len(lines) or self.child.poll() is not None, f"{lines}; {self.lines}")
        assert [line.rstrip("\n") for line in self.lines] == list(lines)


@pytest.fixture
def stage(world):
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    world.start_tracker()
    world.alice, world.bob = world.people("alice", "bob")
    world.alice.host("lobby")
    world.bob.join("lobby")
    return world


def python(peer, *arguments):
    return App(peer, "/usr/bin/python3", str(HERE / "chat.py"), *arguments)


def test_they_chat(stage, client):
    stage.bob.ctl("send", "lobby", "--wait=stored", "before them")
    with App(stage.alice, client, "lobby") as alice, python(stage.bob, "lobby") as bob:
        both = ["<bob> before them"]
        alice.until(*both)
        bob.until(*both)
        alice.type("hello from C")
        both.append("<alice> hello from C")
        bob.until(*both)
        bob.type("hello from Python")
        both.append("<bob> hello from Python")
        alice.until(*both)
        bob.until(*both)
        stage.bob.ctl("send", "lobby", "--wait=stored", "two\nlines, ünïcödé")
        both.append("<bob> two lines, ünïcödé")
        alice.until(*both)
        bob.until(*both)
        for app in (alice, bob):  # who has nothing more to say goes
            app.child.stdin.close()
            assert app.child.wait(30) == 0


def test_daemons_are_killed(stage, client):
    """What was said meanwhile comes, what was typed meanwhile goes out: once, in order."""
    with App(stage.bob, client, "lobby") as bob, python(stage.alice, "lobby") as alice:
        bob.type("one")
        alice.until("<bob> one")
        bob.until("<bob> one")
        stage.bob.stop_daemon(signal.SIGKILL)
        alice.type("two")
        alice.until("<bob> one", "<alice> two")
        bob.type("three")
        bob.type("four")
        stage.bob.start_daemon()
        all_of_it = ["<bob> one", "<alice> two", "<bob> three", "<bob> four"]
        bob.until(*all_of_it)
        alice.until(*all_of_it)
        stage.alice.stop_daemon(signal.SIGKILL)
        bob.type("five")
        stage.alice.start_daemon()
        all_of_it.append("<bob> five")
        alice.until(*all_of_it)
        bob.until(*all_of_it)
        alice.type("six")
        bob.until(*all_of_it, "<alice> six")
        alice.until(*all_of_it, "<alice> six")


def test_lists(stage, client):
    stage.alice.host("hall")
    shown = subprocess.run([client], env=stage.alice.environment(), stdin=subprocess.DEVNULL, text=True, timeout=60,
                           stdout=subprocess.PIPE, check=True).stdout
    assert sorted(shown.splitlines()) == ["hall live", "lobby live"]
    nowhere = subprocess.run([client, "nowhere"], env=stage.alice.environment(), stdin=subprocess.DEVNULL, text=True,
                             timeout=60, stderr=subprocess.PIPE, check=False)
    assert nowhere.returncode == 1 and "p2pchatctl join nowhere" in nowhere.stderr


def test_they_are_strangers():
    """No header of ours; and the one in Python is short."""
    text = (HERE / "chat-client.c").read_text(encoding="utf-8")
    assert re.findall(r'#include (.*)', text) == ["<gio/gio.h>", "<locale.h>", "<peer1.h>", "<unistd.h>"]
    text = (HERE / "chat.py").read_text(encoding="utf-8")
    code = [line for line in text.split('"""')[2].splitlines() if line.strip()]
    assert len(code) <= 25, len(code)
    assert set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) == {"sys", "gi"}
