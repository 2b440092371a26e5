# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchat-trackerctl where it is meant to be: with the tracker that the bus starts, the bus's own policy, and a polkit
that asks for a password at the terminal."""
import json

import pytest

PROGRAM = "p2pchat-trackerctl"
UNIT, SOCKET = "p2pchat-tracker.service", "p2pchat-tracker.socket"
# What somebody sees at a terminal, who types the password when asked for it.
TERMINAL = """
import contextlib, json, os, pty, select, sys
password, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, typed = b"", False
with contextlib.suppress(OSError):
    while True:
        # The agent throws away what was typed ahead of its turning the echo off: typed again where nothing follows.
        if not select.select([terminal], [], [], 2)[0]:
            if typed:
                os.write(terminal, password.encode() + b"\\n")
            continue
        more = os.read(terminal, 4096)
        if not more:
            break
        shown += more
        if b"Password: " in shown and not typed:
            typed = True
            os.write(terminal, password.encode() + b"\\n")
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), typed, shown.decode()]))
"""


@pytest.fixture(scope="module")
def hub(site):
    host = site.boot("hub", users=["alice", "bob"])
    if host.run("systemctl", "cat", "polkit.service", check=False).returncode != 0:
        pytest.skip("there is no polkit here")
    host.run("usermod", "-aG", "sudo", "alice")
    host.run("sh", "-c", "printf '%s\\n' alice:kite bob:kite | chpasswd")
    return host


def ask(host, *words, user=None, status=0):
    done = host.run(PROGRAM, *words, user=user, check=False)
    assert done.returncode == status, done
    return done.stdout if status == 0 else done.stderr


def at_terminal(host, *words, user, password="kite"):
    """→ (exit status, whether a password was asked for, what was shown), in a session of that user, as polkit wants
    one for agents of terminals."""
    return json.loads(host.run("systemd-run", "--quiet", "--pipe", "--wait", "-p", f"User={user}", "-p", "PAMName=login",
                               "/usr/bin/python3", "-c", TERMINAL, password, PROGRAM, *words).stdout)


def test_it_starts_the_tracker(hub):
    assert hub.show(UNIT, "ActiveState") == "inactive"
    assert ask(hub, "-j", "lease", "list") == "[]\n"
    assert hub.show(UNIT, "ActiveState") == "active"


def test_status(hub):
    assert "Storage:  ok\n" in ask(hub, "status", user="bob")
    assert json.loads(ask(hub, "-j", "status", user="bob"))["statistics"] is None
    assert json.loads(ask(hub, "-j", "status"))["statistics"]["leases"] == 0


def test_root(hub):
    assert ask(hub, "-j", "user", "list") == ask(hub, "-j", "channel", "list") == ask(hub, "-j", "lease", "list") == "[]\n"
    assert "nobody-there" in ask(hub, "user", "suspend", "nobody-there", status=4)
    assert ask(hub, "log-level", "debug") == "" and ask(hub, "log-level") == "debug\n"
    ask(hub, "log-level", "info")


def test_others_without_a_terminal(hub):
    for user in ("alice", "bob"):
        for words in (["user", "list"], ["ca", "rotate", "--yes"], ["log-level", "debug"]):
            assert "sudo" in ask(hub, *words, user=user, status=5)


def test_an_administrator_is_asked_for_a_password(hub):
    status, asked, shown = at_terminal(hub, "-j", "lease", "list", user="alice")
    assert (status, asked) == (0, True) and "[]" in shown, shown
    status, asked, shown = at_terminal(hub, "user", "delete", "nobody-there", "--yes", user="alice", password="wrong")
    assert (status, asked) == (5, True) and "sudo" in shown, shown
    status, asked, shown = at_terminal(hub, "--no-ask-password", "lease", "list", user="alice")
    assert (status, asked) == (5, False), shown


def test_no_tracker_at_all(hub):
    hub.run("systemctl", "mask", "--now", SOCKET, UNIT)
    try:
        assert f"systemctl status {UNIT.removesuffix('.service')}" in ask(hub, "user", "list", status=3)
    finally:
        hub.run("systemctl", "unmask", SOCKET, UNIT)
    assert ask(hub, "-j", "user", "list") == "[]\n"
