# SPDX-License-Identifier: LGPL-2.1-or-later
"""No secret can be read anywhere: not in a property, a description, a signal, a log, a command line, an
environment, or a file that others may read. A recovery code is seen once, by who signed up."""
import os
import stat

import pytest

from p2pchat import MANAGER, PATH, PROPERTIES, plain

PASSWORD = "swordfish-0a9b8c7d6e5f"


def everything_readable(peer):
    """All that a client can ask for without changing anything, as one text."""
    texts = [repr(peer.objects()), repr(peer.get_all(PATH, MANAGER)), peer.manager("Describe", "a{sv}", {})]
    for path, interfaces in peer.objects().items():
        for interface in interfaces:
            if interface.startswith("org.p2pchat"):
                texts.append(repr(plain(peer.call(path, PROPERTIES, "GetAll", "s", interface))))
    return "\n".join(texts)


@pytest.fixture
def signed_up(world):
    world.start_tracker()
    alice = world.peer("alice")
    alice.trust()
    with alice.signals() as got:
        code = alice.sign_up(password=PASSWORD)
        lobby = alice.host("lobby")
        alice.send(lobby, "hello", wait="stored")
        seen = repr(got)
    return world, alice, code, seen


def test_not_on_the_bus_nor_in_logs(signed_up):
    world, alice, code, signals = signed_up
    key = "PRIVATE KEY"
    text = everything_readable(alice) + signals
    with open(os.path.join(world.directory, "tracker.log"), encoding="utf-8", errors="replace") as f:
        text += alice.log() + f.read()
    for pid in (alice.process.pid, world.tracker.process.pid):
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as f:
                text += f.read()
    for secret in (PASSWORD, code, code.replace("-", ""), key):
        assert secret not in text
    assert "hello" not in alice.log()


def test_not_in_readable_files(signed_up):
    world, alice, code, _ = signed_up
    for top in (alice.state, world.tracker.state):
        assert stat.S_IMODE(os.stat(top).st_mode) & 0o077 == 0, top
        for directory, _, files in os.walk(top):
            for name in files:
                path = os.path.join(directory, name)
                assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path
                with open(path, "rb") as f:
                    data = f.read()
                # a password is kept nowhere, not even where nobody reads
                assert PASSWORD.encode() not in data, path
                assert code.encode() not in data, path
