# SPDX-License-Identifier: LGPL-2.1-or-later
"""Help by the tables, what may have been meant, the pager, and colour: with and without a terminal, and never a service."""
import json
import os
import pty
import re
import select
import signal
import subprocess

import pytest

from p2pchat import DEADLINE, wait_for

PROGRAM, OPERATOR = os.environ["P2PCHATCTL"], os.environ["P2PCHAT_TRACKERCTL"]
HEADINGS = ["You and your tracker", "Channels", "Talk", "Who is there, and who may what", "Keep and move", "Insides",
            "Options", "Exit status"]
NO_BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
FORMATTED = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def environment(tmp_path, **more):
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm", "LC_ALL": "C.UTF-8", **NO_BUS, **more}


def run(tmp_path, *words, program=PROGRAM, **more):
    return subprocess.run([program, *words], env=environment(tmp_path, **more), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=DEADLINE)


class Terminal:
    """The program with all three descriptors at a terminal of its own."""

    def __init__(self, tmp_path, *words, program=PROGRAM, **more):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(program, [os.path.basename(program), *words], environment(tmp_path, **more))
        self.text = ""

    def read(self):
        """What there is more of; False at its end."""
        ready, _, _ = select.select([self.fd], [], [], DEADLINE)
        assert ready, f"silent after {self.text!r}"
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody has the other side
            data = b""
        self.text += data.decode()
        return bool(data)

    def until(self, text):
        while text not in self.text:
            assert self.read(), f"ended without {text!r}: {self.text!r}"

    def end(self):
        """→ exit status, as a shell has it."""
        while self.read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_headings(tmp_path):
    shown = run(tmp_path, "--help").stdout
    assert re.findall(r"^([A-Z][^\n.]*)$", shown, re.M) == HEADINGS
    assert max(map(len, shown.splitlines())) <= 80
    narrow = run(tmp_path, "--help", COLUMNS="60").stdout
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == shown.split(), "only the lines are others"
    # So narrow that nothing fits says the same all the same.
    assert run(tmp_path, "--help", COLUMNS="1").stdout.split() == shown.split()


def test_verb(tmp_path):
    shown = run(tmp_path, "log", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("p2pchatctl log [OPTIONS…] CHANNEL\n")
    assert re.search(r"^  -n, --lines=N +", shown.stdout, re.M) and re.search(r"^  -f, --follow\b", shown.stdout, re.M)
    assert re.search(r"^      --no-pager +show all at once$", shown.stdout, re.M)
    assert run(tmp_path, "help", "log").stdout == shown.stdout
    assert "[OPTIONS…]" not in run(tmp_path, "help", "whoami").stdout
    two = run(tmp_path, "help", "user", "list", program=OPERATOR)
    assert two.stdout == run(tmp_path, "user", "list", "--help", program=OPERATOR).stdout
    assert "--no-ask-password" in two.stdout and "--no-ask-password" not in shown.stdout


@pytest.mark.parametrize("words, meant", [
    (["lgo"], "log"), (["chanels"], "channels"), (["memb"], "members"), (["--jsno"], "--json"),
    (["log", "lobby", "--follwo"], "--follow"), (["log", "lobby", "--sinc"], None), (["help", "sned"], "send"),
    (["log", "lobby", "--follwo=1"], "--follow"), (["--json=prety"], "pretty"), (["log", "lobby", "--json=shrt"], "short"),
])
def test_did_you_mean(tmp_path, words, meant):
    result = run(tmp_path, *words)
    if meant is None:  # the beginning of an option is that option
        assert "no option" not in result.stderr
        return
    assert (result.returncode, result.stdout) == (2, "")
    assert f"did you mean {meant}?" in result.stderr
    as_json = json.loads(run(tmp_path, "-j", *words).stdout) if "json" not in "".join(words) else None
    if as_json:
        assert as_json["error"]["name"] == "org.p2pchat.Error.BadRequest"
        assert f"did you mean {meant}?" in as_json["error"]["message"]


@pytest.mark.parametrize("words", [["xyzzy"], ["log", "lobby", "--xyzzy"], ["--xyzzy"], ["help", "xyzzy"], ["-Q"], ["log", "-Q"]])
def test_nothing_is_near(tmp_path, words):
    result = run(tmp_path, *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert "did you mean" not in result.stderr
    where = "log --help" if words[0] == "log" else "p2pchatctl --help"
    assert where in result.stderr, "it says where they are"


def test_second_words(tmp_path):
    result = run(tmp_path, "user", "lst", program=OPERATOR)
    assert result.returncode == 2 and "did you mean list?" in result.stderr
    assert "did you mean user?" in run(tmp_path, "usr", "list", program=OPERATOR).stderr
    assert "did you mean" not in run(tmp_path, "user", "xyzzy", program=OPERATOR).stderr


def pager(tmp_path, text):
    path = tmp_path / "pager"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def test_pager(tmp_path):
    """At a terminal, by the variable of its own, then by everybody's; what it is left with is success."""
    told = pager(tmp_path, 'echo "PAGER $# $1 LESS=$LESS"; cat; echo END\n')
    for more in ({"PAGER": told}, {"P2PCHAT_PAGER": told, "PAGER": "/nonexistent"}, {"PAGER": f"{told} -x"},
                 {"PAGER": f"{told} 'a b' | cat"}):
        t = Terminal(tmp_path, "--help", **more)
        assert t.end() == 0
        assert "LESS=FRXMK" in t.text and "Insides" in t.text and t.text.endswith("END\r\n"), more
    assert "PAGER 1 a b" in t.text
    for words, more in ((["--no-pager", "--help"], {"PAGER": told}), (["help", "--no-pager"], {"PAGER": told}),
                        (["--help"], {"PAGER": ""}), (["--help"], {"PAGER": "cat"}), (["--help"], {"PAGER": told, "TERM": "dumb"})):
        t = Terminal(tmp_path, *words, **more)
        assert (t.end(), "END" in t.text, "Insides" in t.text) == (0, False, True), (words, more)
    assert "END" not in run(tmp_path, "--help", PAGER=told).stdout, "no terminal"


def test_pager_not_there(tmp_path):
    """What cannot be run takes nothing away: less does it, or nobody does."""
    bin_path = tmp_path / "bin"
    bin_path.mkdir()
    t = Terminal(tmp_path, "--help", PAGER="/nonexistent", PATH=str(bin_path))
    assert t.end() == 0 and "Insides" in t.text
    (bin_path / "less").symlink_to(pager(tmp_path, "while read -r line; do echo \"less $line\"; done\n"))
    t = Terminal(tmp_path, "--help", PAGER="/nonexistent", PATH=str(bin_path))
    assert t.end() == 0 and "less Talk" in FORMATTED.sub("", t.text)


def test_pager_is_left(tmp_path):
    """Who quits early, or presses ^C, has ended it: quietly, and with success."""
    t = Terminal(tmp_path, "--help", PAGER=pager(tmp_path, "read -r line; echo \"first $line\"\n"))
    assert t.end() == 0
    assert "first" in t.text and "Broken" not in t.text
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    t = Terminal(tmp_path, "--help", PAGER=pager(tmp_path, f"trap '' INT; echo READY; read -r go <{fifo}; cat; echo END\n"))
    t.until("READY")
    os.kill(t.pid, signal.SIGINT)
    fifo.write_text("on\n")
    assert t.end() == 0, "^C is the pager's"
    assert "Insides" in t.text and "END" in t.text


def test_colour(tmp_path):
    """For people at a terminal that has it, and who did not say no."""
    for more, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)):
        t = Terminal(tmp_path, "--no-pager", "--help", **more)
        assert t.end() == 0
        assert bool(FORMATTED.search(t.text)) == wanted, more
    assert not FORMATTED.search(run(tmp_path, "--help").stdout)
    t = Terminal(tmp_path, "-j", "nonsense")
    assert t.end() == 2 and not FORMATTED.search(t.text)
    assert json.loads(t.text)["error"]["name"] == "org.p2pchat.Error.BadRequest"


def test_pager_outlives_nobody(tmp_path):
    """A program that is killed takes its pager with it."""
    pid_file = tmp_path / "pid"
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    t = Terminal(tmp_path, "--help", PAGER=pager(tmp_path, f"echo $$ >{pid_file}.new; mv {pid_file}.new {pid_file}; read -r go <{fifo}\n"))
    wait_for(pid_file.exists, "the pager")
    reader = int(pid_file.read_text())
    os.kill(t.pid, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{reader}"), "the pager to end")
    assert t.end() == -signal.SIGKILL
