# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl log -f and monitor as they run on: what they have written so far, and their end."""
import json
import os
import subprocess

from p2pchat import DEADLINE, wait_for


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Follower:
    """`with Follower(peer, tmp_path / "x", "log", "lobby", "-f") as f`; ends what it started, by its pid.
    cursor: its --cursor-file; then it follows when this returns."""

    def __init__(self, peer, file, *arguments, cursor=None, environment=None):
        self.file, self.stderr = str(file), str(file) + ".err"
        if cursor:
            arguments = (*arguments, f"--cursor-file={cursor}")
        with open(self.file, "ab") as out, open(self.stderr, "ab") as err:
            self.child = subprocess.Popen([os.environ["P2PCHATCTL"], *arguments], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=err, env={**peer.environment(), **(environment or {})})
        if cursor:  # it is written when all that is there was told, and what comes is waited for
            wait_for(lambda: os.path.exists(cursor) and "-" in read(cursor) or self.has_ended(), "it to follow")

    def has_ended(self):
        assert self.child.poll() is None, f"{self.child.returncode}: {self.said()}"

    def text(self):
        return read(self.file)

    def said(self):
        return read(self.stderr)

    def lines(self):
        """The whole ones, of JSON."""
        return [json.loads(line) for line in self.text().split("\n")[:-1]]

    def kill(self):
        self.child.kill()
        return self.child.wait(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.child.poll() is None:
            self.child.terminate()
        self.child.wait(DEADLINE)
