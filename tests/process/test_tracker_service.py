# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchat-trackerd as a service: which sockets it takes, what it tells systemd, what it leaves readable."""
import os
import signal
import socket
import stat
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conformance import message
from trackerservice import DEADLINE, PROGRAM, Service, listening, refused, run


@pytest.fixture
def state(tmp_path):
    return str(tmp_path / "state")


def test_sockets_that_are_not_taken(state, tmp_path):
    one, two = listening(), listening()
    datagram = listening(kind=socket.SOCK_DGRAM)
    bound = listening(listen=False)
    where = f"--state-directory={state}"
    assert "exactly one" in refused(run(where, passed=[one.fileno(), two.fileno()]))
    assert "no listening stream socket" in refused(run(where, passed=[datagram.fileno()]))
    assert "no listening stream socket" in refused(run(where, passed=[bound.fileno()]))
    assert "--listen=" in refused(run(where, "--listen=127.0.0.1:0", passed=[one.fileno()]))
    with listening(socket.AF_UNIX, str(tmp_path / "socket")) as unix:
        assert "Cannot listen" in refused(run(where, passed=[unix.fileno()]))
    assert "p2pchat-tracker.socket" in refused(run(where))
    assert "ip:port" in refused(run(where, "--listen=localhost"))
    assert "Cannot listen" in refused(run(where, f"--listen=127.0.0.1:{one.getsockname()[1]}"))
    assert "--state-directory" in refused(run("--listen=127.0.0.1:0"))
    assert "No argument" in refused(run(where, "status"))


def test_settings_that_are_not_taken(state, tmp_path):
    settings = tmp_path / "settings"
    settings.mkdir()
    for text, hint in (("[Tracker]\nListen=nowhere\n", "tracker.conf:2"),
                       ("[Limits]\nPasswordCost=99\n", "tracker.conf:2"),
                       ("[Tracker]\nDatabase=relative.db\n", "tracker.conf:2")):
        (settings / "tracker.conf").write_text(text)
        assert hint in refused(run(f"--state-directory={state}", f"--settings={settings}", "--listen=127.0.0.1:0"))


@message("TRACKER_STARTED", "TRACKER_STOPPED")
def test_life_of_a_service(state, tmp_path):
    """READY when it serves, WATCHDOG while it does, STATUS of what it does, STOPPING and exit 0 in the end."""
    os.mkdir(state, 0o755)
    s = Service(tmp_path, state, WATCHDOG_USEC="400000")
    s.wait_for("READY=1")
    s.wait_for("STATUS=0 sessions, 0 channels online")
    s.wait_for("WATCHDOG=1")
    s.process.send_signal(signal.SIGTERM)
    s.wait_for("STOPPING=1")
    _, log = s.process.communicate(timeout=DEADLINE)
    assert s.process.returncode == 0, log

    assert stat.S_IMODE(os.stat(state).st_mode) == 0o700
    for name in os.listdir(state):
        assert stat.S_IMODE(os.stat(os.path.join(state, name)).st_mode) == 0o600, name
    key = open(os.path.join(state, "ca.key"), encoding="ascii").read()
    assert "PRIVATE KEY" in key
    assert key.splitlines()[1] not in log

    pins = [subprocess.run([PROGRAM, "--print-pin", f"--state-directory={state}"], check=True, capture_output=True,
                           text=True).stdout for _ in range(2)]
    assert pins[0] == pins[1] and pins[0].startswith("sha256:") and len(pins[0]) == 72
    assert f"pin {pins[0].strip()}." in log and "<6>Serving as tracker " in log
    assert log.rstrip().splitlines()[-1].startswith("<6>Stopped serving as tracker ")

    # The key may come as a credential: the same tracker, with no key in its state directory.
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    os.rename(os.path.join(state, "ca.key"), credentials / "ca.key")
    command = [PROGRAM, "--print-pin", f"--state-directory={state}"]
    again = subprocess.run(command, check=True, capture_output=True, text=True,
                           env={**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)})
    assert again.stdout == pins[0]
    assert "ca.key" not in os.listdir(state)
    # Without its key it is nobody, and no other key is made in silence.
    assert "missing" in refused(run(f"--state-directory={state}", "--listen=127.0.0.1:0"))
    assert "ca.key" not in os.listdir(state)
    # Nor does another tracker's key pass under this certificate.
    other = tmp_path / "other"
    subprocess.run([PROGRAM, "--print-pin", f"--state-directory={other}"], check=True, capture_output=True)
    os.rename(other / "ca.key", os.path.join(state, "ca.key"))
    assert "ca.pem" in refused(run(f"--state-directory={state}", "--listen=127.0.0.1:0"))


def test_files_of_the_authority(state, tmp_path):
    """What is wrong with them is told, and what is not theirs is not replaced in silence."""
    command = [PROGRAM, "--print-pin", f"--state-directory={state}"]
    pin = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    key, ca = os.path.join(state, "ca.key"), os.path.join(state, "ca.pem")
    texts = {path: open(path, encoding="ascii").read() for path in (key, ca)}

    def pin_with(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        left = open(path, encoding="ascii").read()
        with open(path, "w", encoding="ascii") as f:
            f.write(texts[path])
        assert left == text, "it was replaced"
        assert not result.stdout and result.returncode == 1
        return result.stderr

    # Others could read the key: that ends, and the operator is told.
    os.chmod(key, 0o644)
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout == pin and "0644" in result.stderr
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert subprocess.run(command, check=True, capture_output=True, text=True).stderr == ""

    p256 = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption()).decode()
    half = texts[key][:len(texts[key]) // 2]
    for wrong in ("", "no key at all\n", half, p256, texts[ca], "x" * 20000):
        assert "no Ed25519 key" in pin_with(key, wrong), wrong
    for wrong in ("", "no certificate\n", texts[ca][:200], texts[key], "x" * 20000):
        assert "no CA's certificate" in pin_with(ca, wrong), wrong

    # A certificate that is lost is made again: the pin hangs on the key.
    os.unlink(ca)
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == pin
    # A foreign one is not used, nor a link in the key's place.
    other = str(tmp_path / "other")
    subprocess.run([PROGRAM, "--print-pin", f"--state-directory={other}"], check=True, capture_output=True)
    texts[ca] = open(ca, encoding="ascii").read()
    assert "another key" in pin_with(ca, open(os.path.join(other, "ca.pem"), encoding="ascii").read())
    os.rename(key, key + ".moved")
    os.symlink(key + ".moved", key)
    assert "no file" in refused(run(f"--state-directory={state}", "--listen=127.0.0.1:0"))


def test_one_state_directory_one_tracker(state, tmp_path):
    s = Service(tmp_path, state)
    s.wait_for("READY=1")
    assert "another process has it" in refused(run(f"--state-directory={state}", "--listen=127.0.0.1:0"))
    s.process.send_signal(signal.SIGINT)
    s.process.communicate(timeout=DEADLINE)
    assert s.process.returncode == 0


def test_damaged_database(state):
    os.mkdir(state, 0o700)
    database = os.path.join(state, "tracker.db")
    with open(database, "wb") as f:
        f.write(b"no database " * 1000)
    said = refused(run(f"--state-directory={state}", "--listen=127.0.0.1:0"))
    assert f"The database {database} is damaged. Nothing was changed: put a backup in its place" in said
    with open(database, "rb") as f:
        assert f.read() == b"no database " * 1000


def test_lost_database(state, tmp_path):
    """An authority with an empty file for its accounts is no new tracker; without the file it is."""
    database = os.path.join(state, "tracker.db")
    subprocess.run([PROGRAM, "--print-pin", f"--state-directory={state}"], check=True, capture_output=True)
    for _ in range(2):
        s = Service(tmp_path, state)
        s.wait_for("READY=1")
        s.process.send_signal(signal.SIGTERM)
        _, log = s.process.communicate(timeout=DEADLINE)
        assert s.process.returncode == 0, log
        os.unlink(tmp_path / "notify")
        assert os.path.getsize(database) > 0
    os.truncate(database, 0)
    for _ in range(2):
        log = refused(run(f"--state-directory={state}", "--listen=127.0.0.1:0"))
        assert "tracker.db is empty" in log and "backup" in log
        assert os.path.getsize(database) == 0
    os.unlink(database)
    s = Service(tmp_path, state)
    s.wait_for("READY=1")
    s.process.send_signal(signal.SIGTERM)
    s.process.communicate(timeout=DEADLINE)


def test_first_starts_at_once(tmp_path):
    """The service and whoever asks for its pin meet on an empty directory: there is one authority."""
    for i in range(5):
        state = str(tmp_path / f"state{i}")
        first = [run("--print-pin", "--state-directory=" + state, stdout=subprocess.PIPE) for _ in range(4)]
        first = [p.communicate(timeout=DEADLINE) for p in first]
        again = run("--print-pin", "--state-directory=" + state, stdout=subprocess.PIPE).communicate(timeout=DEADLINE)
        assert {pin for pin, _ in first} == {again[0]} and again[0].startswith("sha256:"), first
