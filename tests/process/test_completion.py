# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion of p2pchat-trackerctl: every verb and option that there is, and the names that the tracker has. In bash,
and in fish and zsh where they are installed."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from fakedoor import FakeDoor
from logind import SystemBus
from p2pchat import DEADLINE

PROGRAM = pathlib.Path(os.environ["P2PCHAT_TRACKERCTL"])
FILES = pathlib.Path(__file__).parents[2] / "ctl/tracker"
NOW = "uint64 1700000000000000"
USERS = f"([('bob', 'active', {NOW}, {NOW}, @a{{sv}} {{}}), ('eve', 'active', {NOW}, {NOW}, {{}})], '')"
# What is no name by its form is offered to no shell.
CHANNELS = f"([('lobby', 'bob', 'online', {NOW}, @a{{sv}} {{}}), ('$(touch$IFS/tmp/x)', 'bob', 'online', {NOW}, {{}})], '')"
VERBS = {"user": ["list", "show", "suspend", "resume", "reset", "delete"], "channel": ["list", "delist", "relist"],
         "lease": ["list"], "ca": ["show", "rotate"], "status": [], "log-level": []}
OPTIONS = {"user list": {"--state="}, "user suspend": {"--reason="}, "channel delist": {"--reason="},
           "user delete": {"--yes"}, "ca rotate": {"--yes"}, "channel list": {"--online", "--offline", "--delisted"}}
BASH = """. "$1"; shift
COMP_LINE=$*; COMP_POINT=${#COMP_LINE}
IFS=$'\\n' read -r -d '' -a COMP_WORDS < <(printf '%s' "$COMP_LINE" | sed 's/=/\\n=\\n/g; s/ /\\n/g'; printf '\\0')
[[ $COMP_LINE = *\\  ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_p2pchat_trackerctl; printf '%s\\n' "${COMPREPLY[@]}"
"""


class Shell:
    """What it offers for a line that ends where the cursor is."""

    def __init__(self, name, environment):
        self.name, self.environment = name, environment

    def __call__(self, line):
        line = "p2pchat-trackerctl " + line
        command = {"bash": ["bash", "-c", BASH, "bash", FILES / "p2pchat-trackerctl.bash", line],
                   "fish": ["fish", "--no-config", "-c", f"source {FILES}/p2pchat-trackerctl.fish; complete -C $argv[1]", line]}
        done = subprocess.run(command[self.name], env=self.environment, capture_output=True, text=True, check=False,
                              timeout=DEADLINE, stdin=subprocess.DEVNULL)
        assert done.returncode == 0 and not done.stderr, done
        return {word.split("\t")[0] for word in done.stdout.split("\n")} - {""}


@pytest.fixture(scope="module")
def stage(module_world):
    with SystemBus(module_world.directory, "op") as bus, FakeDoor(bus) as door:
        yield bus, door


def environment(bus):
    return {**os.environ, **bus.environment, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
            "HOME": bus.socket + ".home", "LC_ALL": "C.UTF-8"}


def walk(shell, door):
    assert shell("") >= set(VERBS) and shell("us") == {"user"}
    for first, seconds in VERBS.items():
        if seconds:
            assert shell(first + " ") == set(seconds), first
            assert shell(f"--json=short {first} ") == set(seconds) or shell.name == "fish"
    door.answer("Users.List", USERS)
    door.answer("Channels.List", CHANNELS)
    door.calls()
    for verb in ("show", "suspend", "reset", "delete"):
        assert shell(f"user {verb} ") == {"bob", "eve"}, verb
    assert shell("user show e") == {"eve"}
    assert shell("channel delist ") == {"lobby"}
    assert all(c[1:] == ["({},)", False] for c in door.calls())
    shell("user resume "), shell("channel relist ")
    assert [c[1] for c in door.calls()] == ["({'state': <'suspended'>},)", "({'delisted': <true>},)"]
    assert shell("user list ") == shell("user show bob ") == shell("ca show ") == set()
    assert "debug" in shell("log-level ")
    for error in ("AccessDenied", "InteractiveAuthorizationRequired"):
        door.fail("Users.List", "org.freedesktop.DBus.Error." + error, "no")
        assert shell("user show ") == set()


def test_verbs_are_those_of_the_program():
    shown = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True, timeout=DEADLINE).stdout
    found = {tuple(v.split()) for v in re.findall(r"^  ([a-z][a-z-]*(?: [a-z]+)?) ", shown, re.M)}
    assert found == {(a, b) for a, bs in VERBS.items() for b in bs} | {(a,) for a, bs in VERBS.items() if not bs}
    for verb, options in OPTIONS.items():
        helped = subprocess.run([PROGRAM, *verb.split(), "--help"], capture_output=True, text=True, check=True,
                                timeout=DEADLINE).stdout
        assert all(option in helped for option in options), verb


def test_bash(stage):
    bus, door = stage
    shell = Shell("bash", environment(bus))
    walk(shell, door)
    common = {"--json=", "--no-ask-password", "--help"}
    assert shell("-") == common | {"--version"}
    for first, seconds in VERBS.items():
        for second in seconds:
            verb = f"{first} {second}"
            assert shell(verb + " -") == common | OPTIONS.get(verb, set()), verb
    assert shell("--json=") == {"short", "pretty", "off"} and shell("--json=p") == {"pretty"}
    assert shell("user list --state=") == {"active", "suspended", "deleted"}


def test_other_shells(stage):
    """Where they are: zsh reads its file, fish offers what bash does. All of it stands in both in any case."""
    bus, door = stage
    for name, check in (("zsh", None), ("fish", walk)):
        path = FILES / f"p2pchat-trackerctl.{name}"
        text = path.read_text()
        for word in {*VERBS, *(s for seconds in VERBS.values() for s in seconds)}:
            assert re.search(rf"\b{word}\b", text), (name, word)
        for option in {o.strip("-=") for options in OPTIONS.values() for o in options}:
            assert re.search(rf"(--|-l |{{|,){option}\b", text), (name, option)
        if shutil.which(name):
            subprocess.run([name, "-n", path], check=True, timeout=DEADLINE, env=environment(bus))
            if check:
                check(Shell(name, environment(bus)), door)
