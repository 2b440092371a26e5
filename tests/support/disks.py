# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small disks for tests: a file system of a few MiB that only the daemon on it (and the test) sees, in a
namespace of mounts of its own, which can be filled, be read-only, and get room again.

    def test_full(world, disks):                        # fixture of worlds.py
        alice = disks.peer("alice")                     # its state directory is on a disk; not started
        alice.disk.fill(); …; alice.disk.empty()
        alice.disk.read_only(); …; alice.disk.writable()    # while nothing is open on it

The namespace lives as long as the process that holds it, which ends with its pipe."""
import errno
import os
import shutil

from nets import Holder, NotHere, run

BLOCK = bytes(4096)


class Disk:
    def __init__(self, directory, size):
        for tool in ("unshare", "nsenter", "mount"):
            if not shutil.which(tool):
                raise NotHere(f"no {tool} here")
        self.directory = directory
        in_user = os.geteuid() != 0
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.holder = Holder("unshare", *(["--user", "--map-root-user"] if in_user else []), "--mount")
        self.prefix = ["nsenter", *(["--user", "--preserve-credentials"] if in_user else []), "--mount", "--root",
                       "--target", self.holder.pid, "--"]
        run(*self.prefix, "mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", directory)

    def path(self, *names):
        """As the test gets there."""
        return os.path.join(f"/proc/{self.holder.pid}/root", self.directory.lstrip("/"), *names)

    def fill(self, leave=0):
        """Takes all the room there is, but for so many blocks."""
        with open(self.path("ballast"), "ab", buffering=0) as f:
            try:
                while True:
                    f.write(BLOCK)
            except OSError as e:
                assert e.errno == errno.ENOSPC, e
            f.truncate(max(0, f.tell() - f.tell() % len(BLOCK) - leave * len(BLOCK)))

    def empty(self):
        os.unlink(self.path("ballast"))

    def read_only(self):
        run(*self.prefix, "mount", "-o", "remount,bind,ro", self.directory)

    def writable(self):
        run(*self.prefix, "mount", "-o", "remount,bind,rw", self.directory)


class Disks:
    def __init__(self, world):
        self.world = world
        self.disks = []

    def new(self, directory, size="8m"):
        self.disks.append(Disk(directory, size))
        return self.disks[-1]

    def peer(self, name, size="8m", at=None):
        """Not started. at: the folder that is the disk, if not the state directory itself."""
        peer = self.world.peer(name, start=False)
        peer.disk = self.new(at or peer.state, size)
        peer.prefix = peer.disk.prefix
        return peer

    def stop(self):
        for disk in reversed(self.disks):
            disk.holder.end()
