# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion of p2pchatctl, in bash, zsh and fish: what the tables say, and the names that the daemon has, who is
not started by it, and not waited for."""
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

import buses
from p2pchat import BUS_NAME, DEADLINE, Process, wait_for

PROGRAM = pathlib.Path(os.environ["P2PCHATCTL"])
FILES = pathlib.Path(__file__).parents[2] / "ctl"
BASH = """. "$1"; shift
COMP_LINE=$*; COMP_POINT=${#COMP_LINE}
IFS=$'\\n' read -r -d '' -a COMP_WORDS < <(printf '%s' "$COMP_LINE" | sed 's/=/\\n=\\n/g; s/ /\\n/g'; printf '\\0')
[[ $COMP_LINE = *\\  ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_p2pchatctl; printf '%s\\n' "${COMPREPLY[@]}"
"""
# What zsh would hand to its line editor is printed instead.
ZSH = """compadd() { local -a got; got=("${(@P)@[-1]}"); print -rl -- $got }
_files() { print -r -- :file }
words=("${(@s: :)2}"); CURRENT=$#words; PREFIX=$words[-1]
. $1
"""
SHELLS = ("bash", "zsh", "fish")
# Somebody else with the daemon's name, whose channels are what would do harm at a shell's line.
LIAR = """import sys, dbus, dbus.bus, dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib
bus = dbus.bus.BusConnection(sys.argv[1], mainloop=DBusGMainLoop())
CHANNEL = {"Name": "good", "Id": "1", "State": "live\\n$(touch $T)\\t\\x1b[2J\\u202e"}
EVIL = ["$(touch $T)", "`touch $T`", "x;touch $T", "a b", "a\\nb", "\\x1b[2J", "'", '"']
class Liar(dbus.service.Object):
    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return dbus.Dictionary({}, signature="sv")
    @dbus.service.method("org.freedesktop.DBus.ObjectManager", out_signature="a{oa{sa{sv}}}")
    def GetManagedObjects(self):
        channels = [CHANNEL] + [{**CHANNEL, "Name": n} for n in EVIL]
        return {f"/org/p2pchat/Peer1/channel/{i}": {"org.p2pchat.Peer1.Channel": c} for i, c in enumerate(channels)}
liar = Liar(bus, "/org/p2pchat/Peer1")
name = dbus.service.BusName("org.p2pchat.Peer1", bus)
GLib.MainLoop().run()
"""


def complete(peer, line, shell=None, deadline=DEADLINE):
    """→ what may stand at the end of the line (a set), as the program says it, or as a shell would offer it."""
    env = {**peer.environment(), "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
           "HOME": peer.config}
    full = "p2pchatctl " + line
    command = {None: [PROGRAM, "complete", "--", *line.split(" ")],
               "bash": ["bash", "-c", BASH, "bash", FILES / "p2pchatctl.bash", full],
               "zsh": ["zsh", "-f", "-c", ZSH, "zsh", FILES / "p2pchatctl.zsh", full],
               "fish": ["fish", "--no-config", "-c",
                        f"source {FILES}/p2pchatctl.fish; complete -C $argv[1]", full]}[shell]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=deadline,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and not done.stderr, done
    return {word.split("\t")[0] for word in done.stdout.split("\n")} - {""}


def verbs(peer):
    shown = peer.ctl("--help").stdout
    return set(re.findall(r"^  ([a-z][a-z-]*) ", shown, re.MULTILINE)) | {"help"}


@pytest.fixture(scope="module")
def stage(module_world):
    world = module_world
    world.configure_tracker("[Limits]\nPasswordCost=1\n")
    world.start_tracker()
    alice, bob = world.people("alice", "bob")
    lobby = alice.host("lobby")
    alice.host("den", view_permission="restricted")
    bob.join("lobby")
    alice.ctl("ban", "lobby", "bob", check=False)
    alice.ctl("unban", "lobby", "bob")
    bob.ctl("connect", "lobby")
    wait_for(lambda: "bob" in alice.ctl("members", "lobby").stdout, "bob to be in the lobby")
    alice.lobby = lobby
    return alice, bob


def test_tables(stage):
    alice, _ = stage
    assert complete(alice, "") == verbs(alice)
    assert complete(alice, "unh") == {"unhost"} and complete(alice, "nothing ") == set()
    assert complete(alice, "help unb") == {"unban"}
    assert {"--json=", "--no-pager", "--help", "--version"} <= complete(alice, "-")
    assert complete(alice, "--json=p") == {"--json=pretty"}
    for verb in verbs(alice) - {"help"}:
        shown = alice.ctl(verb, "--help").stdout.split("\n\n", 1)[0]
        found = complete(alice, verb + " --")
        told = {"--" + o for o in re.findall(r"--([a-z-]+=?)", alice.ctl(verb, "--help").stdout)}
        assert {o.rstrip("=") for o in found} <= {o.rstrip("=") for o in told} and "--help" in found, (verb, shown)
    assert {"--follow", "--lines=", "--since="} <= complete(alice, "log lobby --")
    assert complete(alice, "log lobby --fo") == {"--follow"}
    assert complete(alice, "invisible ") == {"on", "off"} and complete(alice, "invisible on ") == set()
    assert complete(alice, "view lobby p") == {"public"}
    assert "debug" in complete(alice, "log-level ")
    assert complete(alice, "backup ") == {":file"}


def test_names(stage):
    alice, bob = stage
    for verb in ("log", "send", "members", "topic", "leave", "unhost", "status"):
        assert complete(alice, verb + " ") == {"lobby", "den"}, verb
    assert complete(alice, "log --lines 5 l") == complete(alice, "log -n 5 l") == {"lobby"}
    assert complete(alice, "send lobby ") == set()
    assert complete(alice, "kick lobby ") == {"alice", "bob"} and complete(alice, "kick lobby b") == {"bob"}
    assert complete(alice, "kick den ") == {"alice"}
    assert complete(bob, "join ") == {"lobby", "den"} and complete(bob, "join d") == {"den"}
    assert complete(alice, "unban lobby ") == set()
    alice.ctl("ignore", "bob")
    assert complete(alice, "unignore ") == {"bob"}
    alice.ctl("unignore", "bob")


@pytest.mark.parametrize("shell", SHELLS)
def test_shell(stage, shell):
    alice, _ = stage
    assert complete(alice, "", shell) == verbs(alice)
    assert complete(alice, "log ", shell) == {"lobby", "den"} and complete(alice, "log lo", shell) == {"lobby"}
    assert complete(alice, "kick lobby b", shell) == {"bob"}
    assert complete(alice, "log lobby --fo", shell) == {"--follow"}
    assert complete(alice, "log lobby --since", shell) == {"--since="}
    value = complete(alice, "log lobby --json=p", shell)
    assert value == ({"pretty"} if shell == "bash" else {"--json=pretty"})
    files = complete(alice, "backup ", shell)
    assert files == ({":file"} if shell == "zsh" else set() if shell == "bash" else files)


def test_a_daemon_that_hangs(stage):
    """What the tables say is there, and nothing is waited for."""
    alice, _ = stage
    limit = 10  # seconds: the bus itself gives up after 25
    os.kill(alice.process.pid, signal.SIGSTOP)
    try:
        assert complete(alice, "log ", deadline=limit) == set() and complete(alice, "unh", deadline=limit) == {"unhost"}
        assert complete(alice, "invisible ", "bash", limit) == {"on", "off"}
    finally:
        os.kill(alice.process.pid, signal.SIGCONT)


def test_no_daemon(world, tmp_path):
    """Silent, and nobody starts one: the bus could."""
    (tmp_path / f"{BUS_NAME}.service").write_text(
        f"[D-BUS Service]\nName={BUS_NAME}\nExec=/bin/sh -c 'touch {tmp_path}/started; exit 1'\n")
    peer = world.peer("alice", start=False)
    assert complete(peer, "log ") == set()  # no bus either
    conf = tmp_path / "bus.conf"
    conf.write_text(buses.CONFIG.format(socket=peer.socket).replace(
        "</busconfig>", f"<servicedir>{tmp_path}</servicedir></busconfig>"))
    peer.bus_process = Process(["dbus-daemon", f"--config-file={conf}", "--nofork", "--nopidfile"], peer.socket + ".log")
    peer.bus = wait_for(peer.connect, "the bus")
    for shell in (None, *SHELLS):
        assert complete(peer, "log ", shell) == set()
    assert not (tmp_path / "started").exists()
    assert complete(peer, "unh") == {"unhost"}
    peer.ctl("status", check=False)  # which may start it: so it could have been
    assert (tmp_path / "started").exists()


def test_a_daemon_that_lies(world):
    """What stands in a shell's line does what a person means: a name that would do more is not offered, and a
    description makes no word."""
    peer = world.peer("alice", start=False)
    peer.start_bus()
    liar = Process([sys.executable, "-c", LIAR, peer.bus_address], peer.socket + ".liar.log")
    try:
        wait_for(lambda: peer.bus.name_has_owner(BUS_NAME), "the liar to be there")
        for shell in (None, *SHELLS):
            assert complete(peer, "log ", shell) == {"good"}
    finally:
        liar.end()
