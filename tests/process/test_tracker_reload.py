# SPDX-License-Identifier: LGPL-2.1-or-later
"""The settings of a tracker that runs are read again: all of them or none, and nobody is sent away."""
import contextlib
import os
import re
import resource
import signal
import time

import pytest

from conformance import message
from outsider import Connection, Identity, pin_of
from trackerservice import DEADLINE, Service, listening, refused, run

QUICK = "[Limits]\nPasswordCost=1\n"


@pytest.fixture
def settings(tmp_path):
    directory = tmp_path / "settings"
    directory.mkdir()
    (directory / "tracker.conf").write_text(QUICK)
    return directory


@pytest.fixture
def service(tmp_path, settings):
    s = Service(tmp_path, str(tmp_path / "state"), f"--settings={settings}")
    s.wait_for("READY=1")
    s.wait_for("STATUS=")
    with Connection("%s:%d" % s.address, hello=False) as c:
        s.pin = pin_of(c.chain[1])
    yield s
    s.process.kill()
    s.process.communicate()


def sign_up(service, name):
    with Connection("%s:%d" % service.address, pin=service.pin) as c:
        payload = {"username": name, "password": "correct horse", "csr": Identity().csr()}
        answer = c.request("SIGNUP", payload)
        return answer.header, answer.payload.get("error")


def test_what_it_says_holds_and_nobody_leaves(service, settings):
    with Connection("%s:%d" % service.address, pin=service.pin) as before:
        before.ok("LIST")
        assert sign_up(service, "ann") == ("OK", None)
        (settings / "tracker.conf").write_text(QUICK + "SignUpsPerMinute=1\n")
        service.reload()
        # What ann used of 30 was more than there is now: the next of this minute is too much.
        assert [sign_up(service, n) for n in ("ben", "cyd")][-1] == ("REQUEST_ERROR", "rate-limited")
        (settings / "tracker.conf").write_text(QUICK + "SignUpsPerMinute=0\n")
        service.reload()
        for name in ("dan", "eve", "fay"):
            assert sign_up(service, name) == ("OK", None)
        before.ok("LIST")
    assert "again" in service.end()


def test_the_manager_is_told_when(service):
    """Not before it was asked, on the clock of the manager; and nothing any more once it goes."""
    asked = time.monotonic_ns() // 1000
    service.process.send_signal(signal.SIGHUP)
    told = service.wait_for("RELOADING=1")[-1]
    assert asked <= int(re.fullmatch("RELOADING=1\nMONOTONIC_USEC=([0-9]+)", told)[1]) <= time.monotonic_ns() // 1000
    service.wait_for("READY=1")
    with Connection("%s:%d" % service.address, pin=service.pin) as there:
        there.ok("LIST")
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("STOPPING=1")
        service.process.send_signal(signal.SIGHUP)
        service.process.wait(DEADLINE)
    service.notify.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            assert "RELOADING" not in service.notify.recv(4096).decode()


def test_not_ready_by_a_reload(tmp_path, settings):
    """While it waits for the disk of its database, reading settings does not make it ready."""
    state = str(tmp_path / "state")
    assert run("--print-pin", f"--state-directory={state}").wait(DEADLINE) == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # which the child inherits
    try:
        s = Service(tmp_path, state, f"--settings={settings}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    s.wait_for("STATUS=Waiting for the disk")
    s.process.send_signal(signal.SIGHUP)
    while "Read the settings" not in s.process.stderr.readline():
        pass
    resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, limits)
    told = s.wait_for("READY=1")
    assert not [t for t in told if "RELOADING" in t], told
    assert sum("READY=1" in t for t in told) == 1
    with Connection("%s:%d" % s.address, hello=False):
        pass
    s.end()


@message("TRACKER_RELOAD_REFUSED")
@pytest.mark.parametrize("text, hint", (
    ("[Limits]\nPasswordCost=1\nSignUpsPerMinute=many\n", "tracker.conf:3"),
    ("[Limits]\nSignUpsPerMinute=0\nPasswordCost=99\n", "tracker.conf:3"),
    ("[Tracker]\nIdleExitSec=5 moons\n", "tracker.conf:2"),
    ("[Tracker]\nIdleExitSec=-1s\n", "tracker.conf:2"),
    ("what is this\n", "tracker.conf:1"),
    (None, "tracker.conf: cannot be read"),
    (os.mkfifo, "tracker.conf: cannot be read: Not a regular file"),
    (os.mkdir, "tracker.conf: cannot be read: Is a directory"),
))
def test_one_bad_value_and_all_stay(service, settings, text, hint):
    conf = settings / "tracker.conf"
    conf.write_text(QUICK + "SignUpsPerMinute=1\n")
    service.reload()
    with Connection("%s:%d" % service.address, pin=service.pin) as before:
        conf.unlink()
        if text is None:
            conf.symlink_to("tracker.conf")
        elif callable(text):
            text(conf)
        else:
            conf.write_text(text)
        told = service.reload()
        assert told[-1].startswith("STATUS=") and "refused" in told[-1]
        before.ok("LIST")
        assert sign_up(service, "ann") == ("OK", None)
        assert sign_up(service, "ben") == ("REQUEST_ERROR", "rate-limited"), "the limit from before"
        if conf.is_dir():
            conf.rmdir()
        else:
            conf.unlink()
        conf.write_text(QUICK + "SignUpsPerMinute=0\n")
        assert "refused" not in service.reload()[-1]
        assert sign_up(service, "ben") == ("OK", None)
    log = service.end()
    assert hint in log and "from before" in log and "see p2pchat-tracker.conf(5)" in log


def test_what_has_to_wait_is_named(service, settings):
    (settings / "tracker.conf").write_text(
        QUICK + "LeaseSeconds=30\nColour=blue\n[Tracker]\nListen=127.0.0.1:1\nDatabase=/nowhere/at.all\n")
    service.reload()
    assert sign_up(service, "ann") == ("OK", None)
    log = service.end()
    for key in ("LeaseSeconds", "Listen", "Database"):
        assert f"{key}= was changed: that takes effect after a restart" in log
    assert "tracker.conf:4: unknown key Colour=" in log


def test_it_does_not_start_with_what_it_cannot_read(tmp_path, settings):
    (settings / "tracker.conf").unlink()
    (settings / "tracker.conf").symlink_to("tracker.conf")
    log = refused(run(f"--state-directory={tmp_path}/state", f"--settings={settings}", "--listen=127.0.0.1:0"))
    assert "tracker.conf: cannot be read: Too many levels of symbolic links" in log


def test_a_directory_of_somebody_else(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    if os.geteuid() == 0:
        os.chown(state, 12345, 12345)
    else:
        state = "/usr"
    with listening() as s:
        log = refused(run(f"--state-directory={state}", passed=[s.fileno()]))
    assert "belongs to user" in log and "chown" in log


@pytest.mark.parametrize("password, hint", (
    (b"", "is no password"), (b"two\nlines\n", "is no password"), (b"nul\0", "is no password"),
    (os.mkfifo, "is no password"), (b"x" * 1001, "is no password"), (b"x" * 1000, "takes none"), (b"swordfish\n", "takes none")))
def test_a_password_for_the_database(tmp_path, settings, password, hint):
    """A file takes none: that is said, and what is no password is refused as it will be by one that does."""
    (tmp_path / "credentials").mkdir()
    credential = tmp_path / "credentials/database.password"
    if callable(password):
        password(credential)
    else:
        credential.write_bytes(password)
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    if hint == "takes none":
        s = Service(tmp_path, str(tmp_path / "state"), f"--settings={settings}", **given)
        s.wait_for("READY=1")
        log = s.end()
    else:
        log = refused(run(f"--state-directory={tmp_path}/state", "--listen=127.0.0.1:0", env=given))
    assert hint in log and "swordfish" not in log and "xxx" not in log
