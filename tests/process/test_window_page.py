# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of the window: its examples and its options. No display is needed for them."""
import os
import re
import subprocess

import pytest

import pages
from p2pchat import DEADLINE

PAGE = "gui/p2pchat.1.scd"
pytestmark = pytest.mark.skipif("P2PCHAT_GUI" not in os.environ, reason="the window was not built")


def program(environment, *arguments):
    return subprocess.run([os.environ["P2PCHAT_GUI"], *arguments], env=environment, text=True, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)


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
