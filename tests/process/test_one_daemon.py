# SPDX-License-Identifier: LGPL-2.1-or-later
"""One state directory, one daemon, one identity: however a second one is started and whatever it calls the
directory, it does not begin, and says who has it."""
import os

from p2pchat import ACCOUNT, BUS_NAME, MANAGER, PATH, Process, wait_for


def whoami(peer):
    return peer.get(peer.get(PATH, MANAGER, "DefaultAccount"), ACCOUNT, "Username")


def test_one_directory(world):
    alice = world.people("alice")
    lobby = alice.host("lobby")
    other_bus = world.peer("other", start=False)
    other_bus.start_bus()
    link, home = (os.path.join(world.directory, name) for name in ("link", "home"))
    os.symlink(alice.state, link)
    os.makedirs(os.path.join(home, ".local/state"))
    os.symlink(alice.state, os.path.join(home, ".local/state/p2pchat"))
    dotted = os.path.join(alice.state, "..", os.path.basename(alice.state)) + "//"
    ways = {
        "by hand": ([f"--state-directory={alice.state}"], {}),
        "by another name": ([f"--state-directory={dotted}"], {}),
        "by a link": ([f"--state-directory={link}"], {}),
        "by a service manager": ([], {"STATE_DIRECTORY": alice.state}),
        "by a service manager and a link": ([], {"STATE_DIRECTORY": link}),
        "by a bus, at home": ([], {"HOME": home}),
        "in XDG_STATE_HOME": ([], {"HOME": "/nonexistent", "XDG_STATE_HOME": os.path.join(home, ".local/state")}),
        "on another bus": ([f"--state-directory={alice.state}"],
                           {"DBUS_SESSION_BUS_ADDRESS": other_bus.bus_address}),
    }
    for way, (arguments, env) in ways.items():
        second = Process([os.environ["P2PCHATD"], "--listen=127.0.0.1:0", *arguments],
                         os.path.join(world.directory, "second.log"), {**alice.environment(), **env})
        wait_for(lambda s=second: not s.alive(), f"the second daemon to end, started {way}")
        said = second.text().splitlines()
        assert second.child.returncode == 1, way
        assert any(f"(pid {alice.process.pid})" in line and "uses" in line for line in said), (way, said)
        os.unlink(second.log)
        # The first has noticed nothing.
        assert whoami(alice) == "alice" and lobby in alice.objects()
        assert alice.send(lobby, way, wait="stored")[1] > 0
    assert not other_bus.bus.name_has_owner(BUS_NAME)

    # Killed, it leaves no lock behind; the next one has the same identity, by whatever name of the directory.
    alice.stop_daemon(9)
    second = Process([os.environ["P2PCHATD"], "--listen=127.0.0.1:0"], os.path.join(world.directory, "alice.log"),
                     {**alice.environment(), "HOME": home})
    alice.process = second
    wait_for(alice.is_up, "the daemon at home to take its name")
    wait_for(lambda: whoami(alice) == "alice" and lobby in alice.objects(), "alice's channels")
    assert alice.texts(lobby) == list(ways)


def test_another_directory_on_the_same_bus(world):
    """It has no name there, so nobody speaks to it by mistake."""
    alice = world.people("alice")
    second = Process([os.environ["P2PCHATD"], "--listen=127.0.0.1:0",
                      "--state-directory=" + os.path.join(world.directory, "elsewhere")],
                     os.path.join(world.directory, "second.log"), alice.environment())
    try:
        wait_for(lambda: f"Another process has {BUS_NAME}" in second.text(),
                 "the second daemon to find the name taken")
        assert whoami(alice) == "alice"
        assert alice.process.alive()
    finally:
        second.end()
    assert whoami(alice) == "alice"
