# SPDX-License-Identifier: LGPL-2.1-or-later
"""What somebody may have put wrong around the installed tracker: it does not start, the journal says why and
what to do, its socket unit is not lost by it, and once that is put right it serves with the key that it had."""
import pytest

from p2pchat import wait_for

SERVICE, SOCKET = "p2pchat-tracker.service", "p2pchat-tracker.socket"
STATE = "/var/lib/private/p2pchat-tracker"
SETTINGS = "/etc/p2pchat/tracker.conf"
STORE = "/etc/credstore/p2pchat-tracker"
SERVICE_DROP_IN = f"/etc/systemd/system/{SERVICE}.d/wrong.conf"
SOCKET_DROP_IN = f"/etc/systemd/system/{SOCKET}.d/wrong.conf"

PIN = """
from outsider import Connection, pin_of
with Connection("127.0.0.1:22236", hello=False) as c:
    pin = pin_of(c.chain[1])
with Connection("127.0.0.1:22236", pin=pin) as c:
    c.ok("LIST")
print(pin)"""


@pytest.fixture(scope="module")
def hub(site):
    host = site.boot("hub")
    host.run("systemctl", "enable", "--now", SOCKET)
    host.pin = pin(host)
    return host


def pin(hub):
    return hub.python(PIN).stdout.strip()


def stop(hub):
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "stop", SERVICE, SOCKET)


def told(hub, cursor):
    return [str(e.get("MESSAGE")) for e in hub.journal("--after-cursor", cursor, "-u", SERVICE)]


def now(hub):
    return hub.run("journalctl", "--show-cursor", "-n0").stdout.split("cursor: ")[1].strip()


# What is written where; what is said of it.
WRONG = {
    "two sockets": (SOCKET_DROP_IN, "[Socket]\nListenStream=4711\n", "2 sockets were passed in"),
    "a datagram socket": (SOCKET_DROP_IN, "[Socket]\nListenStream=\nListenDatagram=22236\nNoDelay=no\nKeepAlive=no\n",
                          "no listening stream socket"),
    "a socket of packets": (SOCKET_DROP_IN, "[Socket]\nListenStream=\nListenSequentialPacket=/run/p2pchat.socket\n",
                          "no listening stream socket"),
    "no socket": (SERVICE_DROP_IN, "[Service]\nExecStart=\nExecStart=/usr/bin/env -u LISTEN_FDS "
                  "/usr/libexec/p2pchat-trackerd\nExecPaths=/usr/bin/env\n", "There is no socket: start " + SOCKET),
    "a key that is none": (f"{STORE}.ca.key", "no key at all\n", "the credential ca.key: it is no Ed25519 key in PEM"),
    "an empty key": (f"{STORE}.ca.key", "", "the credential ca.key: it is no Ed25519 key in PEM"),
    "a password of two lines": (f"{STORE}.database.password", "two\nlines\n", "is no password"),
    "a bad value": (SETTINGS, "[Limits]\nPasswordCost=99\n", "tracker.conf:2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(hub, name):
    path, text, hint = WRONG[name]
    hub.write(path, text)
    stop(hub)
    since = now(hub)
    done = hub.run("systemctl", "start", SERVICE, check=False)
    assert done.returncode != 0, told(hub, since)
    wait_for(lambda: any(hint in m for m in told(hub, since)), f"{hint} in the journal: {told(hub, since)}")
    assert hub.show(SOCKET, "ActiveState") == "active"
    hub.run("rm", path)
    stop(hub)
    hub.run("systemctl", "start", SOCKET)
    assert pin(hub) == hub.pin


def test_settings_that_cannot_be_read(hub):
    hub.write(SETTINGS, "[Limits]\nSignUpsPerMinute=7\n", "600")
    stop(hub)
    since = now(hub)
    assert hub.run("systemctl", "start", SERVICE, check=False).returncode != 0
    wait_for(lambda: any("tracker.conf: cannot be read" in m for m in told(hub, since)), "why")
    hub.run("chmod", "644", SETTINGS)
    assert pin(hub) == hub.pin  # who dials waits for it
    hub.write(SETTINGS, "[Limits]\nColour=blue\n")
    since = now(hub)
    hub.run("systemctl", "restart", SERVICE)
    assert pin(hub) == hub.pin
    assert any("tracker.conf:2: unknown key Colour=" in m for m in told(hub, since))
    hub.run("rm", SETTINGS)


def test_a_state_directory_of_somebody_else(hub):
    """As a backup that root put back has it: systemd gives the directory to the user of the unit. Where only what
    is in it belongs to another, systemd does not look, and the tracker says so."""
    stop(hub)
    hub.run("chown", "-R", "12345:12345", STATE)
    hub.run("systemctl", "start", SOCKET)
    assert pin(hub) == hub.pin
    user = hub.run("stat", "--format=%U", STATE).stdout
    assert user == "p2pchat-tracker\n"
    stop(hub)
    hub.run("sh", "-c", f"chown root:root {STATE}/*")
    since = now(hub)
    assert hub.run("systemctl", "start", SERVICE, check=False).returncode != 0
    wait_for(lambda: any("belongs to" in m and "chown" in m for m in told(hub, since)), f"why: {told(hub, since)}")
    hub.run("sh", "-c", f"chown p2pchat-tracker: {STATE}/*")
    assert pin(hub) == hub.pin


def test_a_state_directory_from_before_dynamic_users(hub):
    """A plain directory is taken where systemd looks for it."""
    stop(hub)
    hub.run("sh", "-c", f"rm /var/lib/p2pchat-tracker && mv {STATE} /var/lib/ && chown -R root: /var/lib/p2pchat-tracker")
    hub.run("systemctl", "start", SOCKET)
    assert pin(hub) == hub.pin
    assert hub.run("readlink", "/var/lib/p2pchat-tracker").stdout == "private/p2pchat-tracker\n"
