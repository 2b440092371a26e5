# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchat-trackerd with what a service manager gives to it: sockets, a directory, an ear."""
import os
import signal
import socket
import subprocess
import time

PROGRAM = os.environ["P2PCHAT_TRACKERD"]
DEADLINE = 30


def run(*arguments, passed=(), env=None, **more):
    """Starts the tracker with these sockets passed in as systemd would."""
    def pass_sockets():
        for i, fd in enumerate(passed):
            os.dup2(fd, 100 + i)
        for i in range(len(passed)):
            os.dup2(100 + i, 3 + i)
        if passed:
            os.environ["LISTEN_PID"] = str(os.getpid())

    environment = {k: v for k, v in os.environ.items()
                   if k not in ("STATE_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM")}
    environment.update(env or {})
    if not passed:
        return subprocess.Popen([PROGRAM, *arguments], env=environment, stderr=subprocess.PIPE, text=True, **more)
    # LISTEN_PID is the child's own, which only the child knows: a shell tells it.
    environment["LISTEN_FDS"] = str(len(passed))
    command = 'LISTEN_PID=$$ exec "$0" "$@"'
    return subprocess.Popen(["/bin/sh", "-c", command, PROGRAM, *arguments], env=environment, stderr=subprocess.PIPE,
                            text=True, preexec_fn=pass_sockets, close_fds=False, **more)


def listening(family=socket.AF_INET, address=("127.0.0.1", 0), kind=socket.SOCK_STREAM, listen=True):
    s = socket.socket(family, kind)
    s.bind(address)
    if listen and kind == socket.SOCK_STREAM:
        s.listen()
    return s


def refused(process):
    _, log = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1, log
    return log


class Service:
    """The tracker with a socket and the notifications of a service manager."""

    def __init__(self, tmp_path, state, *arguments, **env):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(tmp_path / "notify"))
        self.notify.settimeout(DEADLINE)
        self.socket = listening()
        self.address = self.socket.getsockname()
        self.process = run(*arguments, passed=[self.socket.fileno()],
                           env={"STATE_DIRECTORY": state, "NOTIFY_SOCKET": str(tmp_path / "notify"), **env})

    def wait_for(self, text):
        """→ what it told up to that, one string each."""
        told = []
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            told.append(self.notify.recv(4096).decode())
            if text in told[-1]:
                return told
        raise AssertionError(f"{text} was not told")

    def reload(self):
        """→ what it told of it, from RELOADING on."""
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("RELOADING=1")
        return [*self.wait_for("READY=1"), *self.wait_for("STATUS=")]

    def end(self):
        """→ what it logged."""
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=DEADLINE)
        assert self.process.returncode == 0, log
        self.notify.close()
        self.socket.close()
        return log
