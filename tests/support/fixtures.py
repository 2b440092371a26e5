# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures that process tests share; a pytest plugin: `-p fixtures` with this folder in PYTHONPATH."""
import os
import shutil
import tempfile

import pytest

import p2pchat


@pytest.fixture
def world():
    """An empty world in a short scratch directory; its logs are shown when the test fails."""
    directory = tempfile.mkdtemp(prefix="p2pchat-")
    w = p2pchat.World(directory)
    try:
        yield w
    finally:
        try:
            w.stop()
        finally:
            for name in sorted(os.listdir(directory)):
                if name.endswith(".log"):
                    with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as f:
                        print(f"--- {name}\n{f.read()[-4000:]}")
            shutil.rmtree(directory, ignore_errors=True)
