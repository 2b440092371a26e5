# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of the window: its examples, its options, and the bus that it needs."""
import os
import re
import subprocess

import pages

PAGE = "gui/p2pchat.1.scd"


def program(environment, *arguments):
    return subprocess.run([os.environ["P2PCHAT_GUI"], *arguments], env=environment, text=True, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


def test_examples(world, tmp_path):
    alice = world.peer("alice", start=False)
    (tmp_path / "p2pchat").symlink_to(os.environ["P2PCHAT_GUI"])
    environment = {**pages.environment(alice), "LC_ALL": "C.UTF-8"}
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    stage = pages.Stage({None: environment, "alice": environment}, {}, tmp_path)
    for block in pages.blocks(PAGE, "EXAMPLES"):
        stage.run(block)


def test_options_are_in_the_page(world):
    environment = {**world.peer("alice", start=False).environment(), "LC_ALL": "C.UTF-8"}
    said = program(environment, "--help")
    assert said.returncode == 0, said
    page = (pages.SOURCE / PAGE).read_text(encoding="utf-8")
    for option in re.findall(r"--[a-z-]+", said.stdout):
        assert option.startswith("--help") or f"*{option}*" in page, option


def test_without_a_bus(world, desktop):
    environment = {**world.peer("alice", start=False).environment(), **desktop.environment()}
    # The display is opened before the bus is missed, and what drivers and fontconfig keep for the life of a process
    # counts as leaked.
    environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    said = program(environment)
    assert said.returncode == 3 and "dbus-run-session" in said.stderr, said
