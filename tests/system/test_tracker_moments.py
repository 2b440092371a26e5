# SPDX-License-Identifier: LGPL-2.1-or-later
"""Those who come to the installed tracker at the moment at which it starts or ends, by its socket and by the
system bus, on either bus: there is one process at a time, and each of them is answered."""
import json
import shutil

import pytest

from booted import BROKERS
from p2pchat import wait_for

SERVICE, SOCKET = "p2pchat-tracker.service", "p2pchat-tracker.socket"
ROUNDS = 12
IDLE = "[Tracker]\nIdleExitSec=20ms\n"

PIN = """
from outsider import Connection, pin_of
with Connection("127.0.0.1:22236", hello=False) as c:
    print(pin_of(c.chain[1]))"""

# One client of the wire and one operator, let go by one barrier; a line of how they fared for each round.
AT_ONCE = """
import json, subprocess, sys, threading
import dbus
from outsider import Connection
pin, n = sys.argv[1], int(sys.argv[2])
bus = dbus.SystemBus()
for i in range(n):
    subprocess.run(["systemctl", "stop", "p2pchat-tracker.service"], check=True)
    gate, said = threading.Barrier(2), {}
    def dial():
        gate.wait()
        try:
            with Connection("127.0.0.1:22236", pin=pin) as c:
                said["socket"] = "channels" in c.ok("LIST")
        except Exception as e:
            said["socket"] = repr(e)
    dialler = threading.Thread(target=dial)
    dialler.start()
    gate.wait()
    try:
        said["bus"] = "store_state" in bus.call_blocking(
            "org.p2pchat.Tracker1", "/org/p2pchat/Tracker1", "org.p2pchat.Tracker1.Manager", "GetStatistics", "a{sv}",
            [dbus.Dictionary(signature="sv")], timeout=60)
    except dbus.DBusException as e:
        said["bus"] = str(e)
    dialler.join()
    print(json.dumps(said), flush=True)
"""

# Calls at moments around the end of the idle time, for as long as it has not ended often enough.
AROUND_THE_END = """
import random, subprocess, sys, time
import dbus
bus = dbus.SystemBus()
chance, pids = random.Random(6), set()
for i in range(400):
    time.sleep(chance.uniform(0.005, 0.045))
    got = bus.call_blocking("org.p2pchat.Tracker1", "/org/p2pchat/Tracker1", "org.p2pchat.Tracker1.Manager",
                            "GetStatistics", "a{sv}", [dbus.Dictionary(signature="sv")], timeout=60)
    assert got["store_state"] == "ok"
    try:
        pids.add(bus.get_name_owner("org.p2pchat.Tracker1"))
    except dbus.DBusException as e:  # it left since it answered
        assert e.get_dbus_name().endswith(".NameHasNoOwner"), e
    if len(pids) > 30:
        break
print(i)
"""


@pytest.fixture(scope="module", params=BROKERS)
def hub(site, request):
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param} here")
    host = site.boot(request.param.replace("dbus-", "hub-"), broker=request.param)
    host.run("systemctl", "enable", "--now", SOCKET)
    return host


@pytest.fixture(scope="module")
def pin(hub):
    return hub.python(PIN).stdout.strip()


def starts(hub, cursor):
    """→ the processes that served since then, and those whom systemd started."""
    told = hub.journal("--after-cursor", cursor, "-u", SERVICE)
    served = [e["_PID"] for e in told if str(e.get("MESSAGE")).startswith("Serving as")]
    began = [e for e in told if e.get("_PID") == "1" and str(e.get("MESSAGE")).startswith("Starting ")]
    return served, began


def now(hub):
    return hub.run("journalctl", "--show-cursor", "-n0").stdout.split("cursor: ")[1].strip()


def test_by_bus_and_by_socket_at_once_it_is_one_process(hub, pin):
    since = now(hub)
    said = hub.python(AT_ONCE, pin, ROUNDS).stdout.splitlines()
    assert [json.loads(line) for line in said] == [{"socket": True, "bus": True}] * ROUNDS
    served, began = starts(hub, since)
    assert len(served) == len(set(served)) == len(began) == ROUNDS, (served, len(began))
    assert hub.show(SERVICE, "MainPID") == served[-1]
    assert hub.show(SERVICE, "NRestarts") == "0" and hub.show(SERVICE, "Result") == "success"


def test_operators_around_the_end_are_answered(hub, pin):  # pylint: disable=unused-argument
    """By the process that ends, or by the next one, which their call starts."""
    hub.write("/etc/p2pchat/tracker.conf", IDLE)
    hub.run("systemctl", "stop", SERVICE)
    since = now(hub)
    hub.python(AROUND_THE_END)
    wait_for(lambda: hub.show(SERVICE, "ActiveState") == "inactive", "it to end")
    served, began = starts(hub, since)
    # One may have been on its way when the counting began.
    assert len(served) >= 20 and len(served) - len(began) in (0, 1), (len(served), len(began))
    assert hub.show(SERVICE, "NRestarts") == "0" and hub.show(SERVICE, "Result") == "success"
    hub.write("/etc/p2pchat/tracker.conf", "")
