#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What p2pchat takes while nobody says anything: a tracker that has one user, and her daemon, signed
in, connected and on her bus, that hosts one channel. Real processes of this build, as the process
tests start them; not with sanitizers.

    idle-PROGRAM-rss      KiB   resident, shared libraries included
    idle-PROGRAM-pss      KiB   the same, what others share counted in part: on a machine that runs little
                                else with these libraries it tends to the former
    idle-PROGRAM-private  KiB   anonymous: heap, stacks, written data
    idle-PROGRAM-threads
    size-PROGRAM          KiB   of the file as it is built
    size-PROGRAM-stripped KiB
"""
import os
import subprocess
import tempfile

from p2pchat import CHANNEL, World, wait_for

PROGRAMS = {"p2pchatd": "P2PCHATD", "p2pchat-trackerd": "P2PCHAT_TRACKERD", "p2pchatctl": "P2PCHATCTL"}


def figure(name, value, unit):
    print(f"{name} {value} {unit}", flush=True)


def read_fields(path):
    """→ {name: first number} of a file of /proc with `Name: number …` lines."""
    fields = {}
    with open(path, encoding="ascii", errors="replace") as f:
        for line in f:
            name, _, rest = line.partition(":")
            words = rest.split()
            if words and words[0].isdigit():
                fields[name] = int(words[0])
    return fields


def report_memory(name, pid):
    memory = read_fields(f"/proc/{pid}/smaps_rollup")
    figure(f"idle-{name}-rss", memory["Rss"], "KiB")
    figure(f"idle-{name}-pss", memory["Pss"], "KiB")
    figure(f"idle-{name}-private", memory["Anonymous"], "KiB")
    figure(f"idle-{name}-threads", read_fields(f"/proc/{pid}/status")["Threads"], "threads")


def report_size(name, path):
    figure(f"size-{name}", os.path.getsize(path) // 1024, "KiB")
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["strip", "-o", f.name, path], check=True)
        figure(f"size-{name}-stripped", os.path.getsize(f.name) // 1024, "KiB")


def main():
    with World() as world:
        alice = world.people("alice")
        lobby = alice.host("lobby")
        wait_for(lambda: alice.get(lobby, CHANNEL, "State") == "live", "the channel to be live")
        for name, pid in (("p2pchatd", alice.process.pid), ("p2pchat-trackerd", world.tracker.process.pid)):
            assert os.path.samefile(f"/proc/{pid}/exe", os.environ[PROGRAMS[name]]), f"{pid} is not {name}"
            report_memory(name, pid)
    for name, variable in PROGRAMS.items():
        report_size(name, os.environ[variable])


if __name__ == "__main__":
    main()
