# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon as its service manager's user knows it: the log turned up and down while it runs."""
import json

import pytest
from p2pchat import PROPERTIES, refused, wait_for

LOG_PATH = "/org/freedesktop/LogControl1"
LOG = "org.freedesktop.LogControl1"
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"


def set_log(peer, name, value):
    peer.call(LOG_PATH, PROPERTIES, "Set", "ssv", LOG, name, value)


def test_log_level(world):
    """As systemctl service-log-level and p2pchatctl log-level set it."""
    alice, bob = world.people("alice", "bob")
    alice.host("lobby")
    lobby = bob.join("lobby")
    assert alice.get_all(LOG_PATH, LOG) == {"LogLevel": "info", "LogTarget": "auto", "SyslogIdentifier": "p2pchatd"}
    bob.send(lobby, "not told", wait="stored")
    assert "MESSAGE" not in alice.log()
    for level in LEVELS:
        set_log(alice, "LogLevel", level)
        assert alice.get(LOG_PATH, LOG, "LogLevel") == level == alice.ctl("log-level").stdout.strip()
    bob.send(lobby, "told of", wait="stored")
    wait_for(lambda: "MESSAGE" in alice.log(), "the daemon to tell of a message")
    assert "told of" not in alice.log()
    assert alice.ctl("log-level", "warning").stdout == ""
    assert json.loads(alice.ctl("log-level", "-j").stdout) == {"log_level": "warning"}
    assert alice.get(LOG_PATH, LOG, "LogLevel") == "warning"


@pytest.mark.parametrize("name,values,kept", [("LogLevel", ("", "7", "loud", "INFO", "x" * 10000), "info"),
                                              ("LogTarget", ("", "kmsg", "/etc/passwd"), "auto")])
def test_what_is_no_level(world, name, values, kept):
    alice = world.peer("alice")
    for value in values:
        error, message = refused(set_log, alice, name, value)
        assert error == INVALID and kept in message, "it says what there is"
        assert alice.get(LOG_PATH, LOG, name) == kept
    error, _ = refused(set_log, alice, "SyslogIdentifier", "cron")
    assert error == "org.freedesktop.DBus.Error.PropertyReadOnly"
    refused(set_log, alice, name, 7)
    assert alice.get(LOG_PATH, LOG, name) == kept


def test_refused_by_ctl(world):
    alice = world.peer("alice")
    result = alice.ctl("log-level", "loud", check=False)
    assert result.returncode == 2 and "debug" in result.stderr and result.stdout == ""


def test_log_target(world):
    """What is said to the journal is not on stderr; where there is no journal nothing is lost."""
    alice, bob = world.people("alice", "bob")
    alice.host("lobby")
    lobby = bob.join("lobby")
    set_log(alice, "LogLevel", "debug")
    for target in ("console", "auto"):
        set_log(alice, "LogTarget", target)
        seen = alice.log().count("MESSAGE")
        bob.send(lobby, "x", wait="stored")
        wait_for(lambda: alice.log().count("MESSAGE") > seen, "it to be told")
        assert alice.get(LOG_PATH, LOG, "LogTarget") == target
