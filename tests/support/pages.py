# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of the manual and of the README, as they stand there, and how they are run. An example is a literal block:

    $ p2pchatctl send lobby hello       a session: what a person types, with or without a name before the "$" (who types);
    ...                                 what follows is shown, "..." stands for anything in a line, alone for any lines.
    ^C                                  pressed once the lines above are there.
    [exit status N]                     how it ends, if not well. Where nothing is shown, any output will do.

    # /etc/p2pchat/tracker.conf         a file: its path, then what is in it
    [Limits]

    anything else                       another form, which a test reads by itself

RUN_BY says for each which test runs it; whatever it does not name is a fault (unclaimed())."""
import contextlib
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time
import typing

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROMPT = re.compile(r"(?:(\w+))?\$ (.*)", re.DOTALL)
# What only a machine has that systemd runs.
MACHINE = re.compile(r"(?:^|[|;&] *)(?:sudo|systemctl|journalctl|loginctl|meson|/usr/libexec/\w+|busctl (?!--user))\b")
# What asks for a password at a terminal.
ASKS = re.compile(r"\bp2pchatctl (?:signup|signin)\b(?!.*--password-fd)")
PASSWORD = "correct horse battery"
DEADLINE = 30.0


class Block(typing.NamedTuple):
    page: str     # its path in the source
    section: str
    line: int
    text: str

    @property
    def kind(self):
        first = self.text.split("\n", 1)[0]
        if PROMPT.match(first):
            return "machine" if any(MACHINE.search(c) for _, c, _ in self.commands()) else "session"
        return "file" if re.fullmatch(r"(?:#|//) [/~]\S+", first) else "other"

    @property
    def where(self):
        return f"{self.page}:{self.line}"

    def commands(self):
        """→ [(who or None, command, [lines shown])]; a command that ends in a backslash goes on in the next line."""
        found = []
        for line in self.text.splitlines():
            m = PROMPT.fullmatch(line)
            if found and not m and found[-1][1].endswith("\\"):
                found[-1] = (found[-1][0], found[-1][1] + "\n" + line, found[-1][2])
            elif m:
                found.append((m[1], m[2], []))
            else:
                found[-1][2].append(line)
        return found

    def file(self):
        """→ (path, content) of a file."""
        first, content = self.text.split("\n", 1)
        return first.split(" ", 1)[1], content


def blocks_of(page, text):
    """→ the literal blocks of a page in scdoc's form, or in Markdown's (by four blanks, or fenced)."""
    found, section, literal, fenced = [], "", None, page.endswith(".scd") or "\n```" in text
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            if literal is None:
                literal = (number, [], line)
            else:
                if literal[2] == "```text":  # a picture
                    literal = None
                    continue
                found.append(Block(page, section, literal[0], "".join(x + "\n" for x in literal[1])))
                literal = None
        elif literal and fenced:
            # In scdoc's literal blocks a backslash stands before what it would not show.
            literal[1].append(re.sub(r"\\(.)", r"\1", line) if page.endswith(".scd") else line)
        elif m := re.match(r"#+ (.*)", line):
            section = m[1]
    if literal:
        raise AssertionError(f"{page}:{literal[0]}: the block does not end")
    return found


def pages(root=SOURCE):
    """→ {path: text} of all that has examples."""
    paths = [*root.glob("[cdgt]*/**/*.scd"), root / "README.md"]
    return {str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in sorted(paths)
            if not p.relative_to(root).parts[0].startswith("build")}


def blocks(page, section=None, kind=None):
    found = [b for b in blocks_of(page, pages()[page]) if section in (None, b.section) and kind in (None, b.kind)]
    assert found, f"{page} has no such example: {section}, {kind}"
    return found


# (page, section or "*", kind) → the test that runs it
RUN_BY = {
    ("common/wire/p2pchat-protocol.7.scd", "*", "other"): "tests/process/test_example.py::test_replayed",
    ("README.md", "Two commands", "session"): "tests/system/test_quickstart.py::test_from_a_checkout_to_a_chat_and_back",
    ("README.md", "By hand", "machine"): "tests/system/test_pages.py::test_readme",
    ("README.md", "By hand", "session"): "tests/process/test_pages.py::test_readme",
    ("README.md", "Looking after a tracker", "machine"): "tests/system/test_pages.py::test_readme",
    ("ctl/p2pchatctl.1.scd", "EXAMPLES", "session"): "tests/process/test_pages.py::test_examples",
    ("ctl/p2pchatctl.1.scd", "JSON", "session"): "tests/process/test_pages.py::test_json",
    ("ctl/p2pchatctl.1.scd", "MOVING", "session"): "tests/process/test_pages.py::test_moving",
    ("ctl/tracker/p2pchat-trackerctl.1.scd", "EXAMPLES", "*"): "tests/system/test_pages.py::test_trackerctl",
    ("dbus/org.p2pchat.Peer1.5.scd", "EXAMPLES", "session"): "tests/process/test_pages.py::test_peer_api",
    ("dbus/org.p2pchat.Tracker1.5.scd", "EXAMPLES", "machine"): "tests/system/test_pages.py::test_trackerctl",
    ("daemon/p2pchat.conf.5.scd", "EXAMPLES", "file"): "tests/process/test_pages_settings.py::test_daemon",
    ("daemon/p2pchat.conf.5.scd", "EXAMPLES", "machine"): "tests/system/test_pages.py::test_daemon",
    ("daemon/p2pchatd.8.scd", "*", "machine"): "tests/system/test_pages.py::test_daemon",
    ("gui/p2pchat.1.scd", "EXAMPLES", "session"): "tests/process/test_window_page.py::test_examples",
    ("tracker/p2pchat-tracker.conf.5.scd", "EXAMPLES", "file"): "tests/process/test_pages_settings.py::test_tracker",
    ("tracker/p2pchat-tracker.conf.5.scd", "EXAMPLES", "machine"): "tests/system/test_pages.py::test_tracker",
    ("tracker/p2pchat-trackerd.8.scd", "DESCRIPTION", "machine"): "tests/system/test_pages.py::test_tracker",
    ("tracker/p2pchat-trackerd.8.scd", "SOCKET", "file"): "tests/system/test_pages.py::test_socket",
    ("tracker/p2pchat-trackerd.8.scd", "CREDENTIALS", "*"): "tests/system/test_pages.py::test_credentials",
    ("tracker/p2pchat-trackerd.8.scd", "AUTHORITY", "machine"): "tests/system/test_pages.py::test_authority",
    ("tracker/p2pchat-trackerd.8.scd", "OPERATORS", "*"): "tests/system/test_pages.py::test_operators",
}


def unclaimed(found, run_by=None, root=SOURCE):
    """→ what is wrong: blocks that nobody runs, and claims of tests that are not there, or for no block."""
    run_by = RUN_BY if run_by is None else run_by
    faults, used = [], set()
    for page, text in found.items():
        for block in blocks_of(page, text):
            keys = [k for k in ((page, s, kind) for s in (block.section, "*") for kind in (block.kind, "*"))
                    if k in run_by]
            used |= set(keys)
            if not keys:
                faults.append(f"{block.where}: nobody runs this {block.kind}")
        if page.endswith(".scd") and "# SYNOPSIS" in text:
            below = text.split("# DESCRIPTION", 1)[-1]
            for m in re.finditer(r"^\t?(?:sudo|systemctl|journalctl|p2pchat\w*(?:-\w+)?|ssh|openssl|true) ?.*\+\+$|"
                                 r"(?<=\n\n)\t(?:sudo|systemctl|journalctl|p2pchat[\w-]*) .*$", below, re.MULTILINE):
                faults.append(f"{page}: an example is a literal block, not {m[0]!r}")
    for key, test in run_by.items():
        path, _, name = test.partition("::")
        text = (root / path).read_text(encoding="utf-8") if (root / path).exists() else ""
        if f"def {name}(" not in text:
            faults.append(f"{test} is not there")
        if key not in used:
            faults.append(f"{test}: there is no {' '.join(key)}")
    return faults


# -- running them

def pattern(lines):
    """The lines that a page shows as what the output of a command has to match."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r".*?".join(re.escape(part) for part in line.split("...")) + r"\n")
    return re.compile("".join(parts))


class Stage:
    """Where sessions are run. environments: who types → the environment; None: who is not named. replace: what the page
    names of which this world has another: {shown: here}."""

    def __init__(self, environments, replace=(), directory=None):
        self.environments, self.replace, self.directory = environments, dict(replace), directory

    def here(self, text):
        for shown, here in self.replace.items():
            text = text.replace(shown, here)
        return text

    def run(self, block):
        for who, command, shown in block.commands():
            self.command(block, who, self.here(command), [self.here(line) for line in shown])

    def command(self, block, who, command, shown):
        assert who in self.environments, f"{block.where}: who is {who}?"
        status = 0
        if shown and (m := re.fullmatch(r"\[exit status (\d+)\]", shown[-1])):
            status, shown = int(m[1]), shown[:-1]
        if m := re.match(r"(\w+)=\$\(", command):  # kept for what follows, as a shell would
            command += f'; printf %s "${m[1]}"'
            done = subprocess.run(["sh", "-ec", command], env=self.environments[who], stdin=subprocess.DEVNULL, text=True,
                                  capture_output=True, timeout=DEADLINE, check=False)
            assert done.returncode == 0 and done.stdout, f"{block.where}: {command}: {done.stderr}"
            self.environments[who] = {**self.environments[who], m[1]: done.stdout}
            return
        if ASKS.search(command):
            return self.typed(block, ["sh", "-c", command], self.environments[who])
        until = shown.index("^C") if "^C" in shown else None
        child = subprocess.Popen(["sh", "-c", "exec " + command if until is not None else command], text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=self.environments[who], cwd=self.directory, start_new_session=True)
        said = talk = ""
        try:
            if until is None:
                said, talk = child.communicate(timeout=DEADLINE)
                assert child.returncode == status, f"{block.where}: {command}: {child.returncode}: {said}{talk}"
            else:
                said = self.listen(child, pattern(shown[:until]))
                child.send_signal(signal.SIGINT)
                child.communicate(timeout=DEADLINE)
        finally:
            if child.poll() is None:
                child.kill()
                child.communicate()
        # What a program says beside its data, on standard error, may be left out.
        matched = not shown or any(pattern(shown[:until]).fullmatch(text) for text in (said, said + talk))
        assert matched, f"{block.where}: {command}: shown is\n{said}{talk}\nand the page has\n" + "\n".join(shown)

    @staticmethod
    def typed(block, arguments, env=None):
        """At a terminal: each prompt is answered with a password, or with the Enter that it asks for."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(arguments[0], arguments, env or os.environ)
        said, end, answered = "", time.monotonic() + DEADLINE, 0
        try:
            while time.monotonic() < end:
                if not select.select([terminal], [], [], 0.2)[0]:
                    continue
                try:
                    data = os.read(terminal, 65536)
                except OSError:  # the other side is closed
                    break
                said += data.decode(errors="replace")
                prompt = re.search(r"(Press Enter\.|[:?]) ?$", said[answered:])
                if prompt:
                    answered = len(said)
                    os.write(terminal, b"\n" if "Enter" in prompt[1] else PASSWORD.encode() + b"\n")
            else:
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(terminal)
            _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0, f"{block.where}: {arguments}: {status}: {said}"

    @staticmethod
    def listen(child, wanted):
        said, end = b"", time.monotonic() + DEADLINE
        while not wanted.fullmatch(said.decode(errors="replace")) and time.monotonic() < end:
            if select.select([child.stdout], [], [], 0.2)[0]:
                data = os.read(child.stdout.fileno(), 65536)
                if not data:
                    break
                said += data
        return said.decode(errors="replace")


def environment(peer=None, **more):
    """Programs of this build first, for one peer of a world."""
    folders = {str(pathlib.Path(os.environ[p]).parent) for p in ("P2PCHATCTL", "P2PCHAT_TRACKERCTL") if p in os.environ}
    return {**(peer.environment() if peer else os.environ), "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "PATH": ":".join([*sorted(folders), os.environ["PATH"]]), **more}


@contextlib.contextmanager
def fails(word):
    """What is inside must fail, and name the word."""
    try:
        yield
    except AssertionError as e:
        assert word in str(e), e
    else:
        raise AssertionError(f"nothing was said of {word}")
