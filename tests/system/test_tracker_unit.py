# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tracker as systemd runs it: started, reloaded, restarted, stuck, idle, in its sandbox."""
import pytest

from p2pchat import wait_for

SERVICE, SOCKET = "p2pchat-tracker.service", "p2pchat-tracker.socket"


@pytest.fixture(scope="module")
def hub(site):
    h = site.boot("hub")
    h.run("systemctl", "enable", "--now", SOCKET)
    return h


def state(hub, unit=SERVICE):
    return hub.show(unit, "ActiveState")


def asked(hub):
    """One who asks for the directory. → what Python says"""
    return hub.python("""
from outsider import Connection, pin_of
with Connection("127.0.0.1:22236", hello=False) as c:
    pin = pin_of(c.chain[1])
with Connection("127.0.0.1:22236", pin=pin) as c:
    c.ok("LIST")
print(pin)""").stdout.strip()


def pid(hub):
    return hub.show(SERVICE, "MainPID")


def configure(hub, text):
    hub.write("/etc/p2pchat/tracker.conf", text)
    before = len(told(hub, "Read the settings"))
    hub.run("systemctl", "reload", SERVICE)
    wait_for(lambda: len(told(hub, "Read the settings")) > before, "the settings to be read")


def told(hub, words):
    return [e for e in hub.journal("-u", SERVICE) if words in str(e.get("MESSAGE"))]


def test_started_by_a_connection(hub):
    assert state(hub) == "inactive" and state(hub, SOCKET) == "active"
    pin = asked(hub)
    assert state(hub) == "active"
    assert pin in hub.run("systemctl", "status", "--no-pager", SERVICE).stdout
    assert "0 sessions, 0 channels online" in wait_for(
        lambda: hub.show(SERVICE, "StatusText"), "a status")


def test_reload(hub):
    asked(hub)
    first = pid(hub)
    configure(hub, "[Limits]\nSignUpsPerMinute=7\n")
    hub.write("/etc/p2pchat/tracker.conf", "[Limits]\nSignUpsPerMinute=often\n")
    hub.run("systemctl", "reload", SERVICE)
    wait_for(lambda: "refused" in hub.show(SERVICE, "StatusText"), "the status to say so")
    (refused,) = [e for e in hub.journal("-u", SERVICE) if e.get("PRIORITY") == "3" and e.get("MESSAGE_ID")]
    assert "Mend the file" in hub.run("journalctl", "-x", "--no-pager", f"MESSAGE_ID={refused['MESSAGE_ID']}").stdout
    configure(hub, "")
    assert pid(hub) == first and state(hub) == "active"


def test_stuck_and_back(hub):
    """A process that does not say it is alive is killed, and another one takes its place."""
    asked(hub)
    first = pid(hub)
    hub.write(f"/run/systemd/system/{SERVICE}.d/watchdog.conf", "[Service]\nWatchdogSec=1\n")
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "restart", SERVICE)
    first = pid(hub)
    hub.kill("STOP", first)
    wait_for(lambda: pid(hub) not in (first, "0"), "another process")
    wait_for(lambda: state(hub) == "active", "it to serve")
    asked(hub)
    hub.run("rm", "-r", f"/run/systemd/system/{SERVICE}.d")
    hub.run("systemctl", "daemon-reload")
    assert told(hub, "Watchdog timeout")


def test_killed_and_back(hub):
    asked(hub)
    first = pid(hub)
    hub.kill("KILL", first)
    wait_for(lambda: pid(hub) not in (first, "0"), "another process")
    asked(hub)


def test_idle_and_back(hub):
    """It ends again and again, and everybody who dials meanwhile is answered, by this one or the next."""
    pin = asked(hub)
    configure(hub, "[Tracker]\nIdleExitSec=20ms\n")
    wait_for(lambda: state(hub) == "inactive", "it to end")
    assert hub.show(SERVICE, "Result") == "success"
    before = len(told(hub, "Nobody was here"))
    hub.python("""
import sys, time
from outsider import Connection
for i in range(150):
    with Connection("127.0.0.1:22236", pin=sys.argv[1]) as c:
        c.ok("LIST")
    time.sleep(0.015 + i % 20 * 0.001)""", pin)
    wait_for(lambda: state(hub) == "inactive", "it to end")
    ends = len(told(hub, "Nobody was here")) - before
    assert ends >= 20, ends
    assert hub.show(SERVICE, "Result") == "success" and hub.show(SERVICE, "NRestarts") == "0"
    hub.write("/etc/p2pchat/tracker.conf", "")


def test_a_wrong_value_closes_nothing_for_good(hub):
    """It is tried again and again, and says why, and serves once the value is right."""
    hub.run("systemctl", "stop", SERVICE)
    hub.write("/etc/p2pchat/tracker.conf", "[Limits]\nPasswordCost=99\n")
    assert hub.run("systemctl", "start", SERVICE, check=False).returncode != 0
    wait_for(lambda: len(told(hub, "tracker.conf:2")) > 6, "more tries than systemd's own limit")
    assert state(hub, SOCKET) == "active"
    hub.write("/etc/p2pchat/tracker.conf", "")
    asked(hub)
    assert state(hub) == "active"


@pytest.mark.parametrize("unit", (SERVICE, SOCKET))
def test_either_name(hub, unit):
    """start and enable --now, by the name of the service or of the socket, and nothing else."""
    hub.run("systemctl", "disable", "--now", SERVICE, SOCKET)
    assert hub.run("systemctl", "is-enabled", SOCKET, check=False).stdout.strip() == "disabled"
    hub.run("systemctl", "start", unit)
    assert state(hub, SOCKET) == "active"
    asked(hub)
    hub.run("systemctl", "stop", SERVICE, SOCKET)
    hub.run("systemctl", "enable", "--now", unit)
    assert hub.run("systemctl", "is-enabled", SOCKET).stdout.strip() == "enabled"
    asked(hub)
    assert state(hub) == "active"


@pytest.mark.parametrize("address", ("127.0.0.1", "[::1]"))
def test_both_families(hub, address):
    hub.python("""
import sys
from outsider import Connection
Connection(sys.argv[1] + ":22236", hello=False).close()""", address)


def test_another_port_and_who_may_dial(hub, site):
    """Drop-ins of the socket, as p2pchat-trackerd(8) has them."""
    drop = f"/etc/systemd/system/{SOCKET}.d"
    hub.write(f"{drop}/port.conf", "[Socket]\nListenStream=\nListenStream=4711\n")
    hub.write(f"{drop}/allow.conf", "[Socket]\nIPAddressDeny=any\nIPAddressAllow=localhost 10.77.0.0/25\n")
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "stop", SERVICE, SOCKET)
    hub.run("systemctl", "start", SOCKET)
    dial = """
import socket, sys
socket.create_connection((sys.argv[1], 4711), 3).close()"""
    hub.python(dial, "127.0.0.1")
    near = site.boot("near")
    near.python(dial, hub.address)
    site.move(near, "10.77.0.200")
    with pytest.raises(AssertionError, match="timed out|unreachable|refused"):
        near.python(dial, hub.address)
    hub.run("rm", "-r", drop)
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "stop", SERVICE, SOCKET)
    hub.run("systemctl", "start", SOCKET)


KEY = """
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives import serialization as s
print(ed25519.Ed25519PrivateKey.generate().private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode())
"""


PIN = """
import hashlib, sys
from cryptography.hazmat.primitives import serialization as s
key = s.load_pem_private_key(sys.stdin.buffer.read(), None).public_key()
print(hashlib.sha256(key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)).hexdigest())
"""


@pytest.mark.parametrize("is_encrypted", (False, True))
def test_credentials(site, is_encrypted):
    """A key and a password that no file of the state directory holds."""
    hub = site.boot("vault" if is_encrypted else "desk")
    key = hub.python(KEY).stdout
    if is_encrypted:
        hub.run("systemd-creds", "setup")
        hub.write(f"/etc/systemd/system/{SERVICE}.d/encrypted.conf",
                  "[Service]\nLoadCredentialEncrypted=ca.key:p2pchat-tracker.ca.key\n"
                  "LoadCredentialEncrypted=database.password:p2pchat-tracker.database.password\n")
        hub.run("systemctl", "daemon-reload")
        for name, text in (("ca.key", key), ("database.password", "swordfish")):
            hub.run("mkdir", "-p", "/etc/credstore.encrypted")
            hub.run("systemd-creds", "encrypt", f"--name={name}", "-",
                    f"/etc/credstore.encrypted/p2pchat-tracker.{name}", stdin=text)
    else:
        hub.write("/etc/credstore/p2pchat-tracker.ca.key", key, "600")
        hub.write("/etc/credstore/p2pchat-tracker.database.password", "swordfish\n", "600")
    hub.run("systemctl", "enable", "--now", SOCKET)
    pin = asked(hub)
    shown = hub.python(PIN, stdin=key).stdout.strip()
    assert pin == f"sha256:{shown}"
    files = hub.run("ls", "/var/lib/private/p2pchat-tracker").stdout.split()
    assert "ca.pem" in files and "ca.key" not in files
    assert told(hub, "credential database.password") and not told(hub, "swordfish")


def test_an_address_that_is_not_there_yet(hub):
    """At boot the socket may be first, and the network last."""
    drop = f"/etc/systemd/system/{SOCKET}.d"
    hub.write(f"{drop}/address.conf", "[Socket]\nListenStream=\nListenStream=192.0.2.7:22236\n")
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "stop", SERVICE, SOCKET)
    hub.run("systemctl", "start", SOCKET)
    hub.run("ip", "addr", "add", "192.0.2.7/32", "dev", "lo")
    hub.python("""
from outsider import Connection
Connection("192.0.2.7:22236", hello=False).close()""")
    hub.run("ip", "addr", "del", "192.0.2.7/32", "dev", "lo")
    hub.run("rm", "-r", drop)
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "stop", SERVICE, SOCKET)
    hub.run("systemctl", "start", SOCKET)
