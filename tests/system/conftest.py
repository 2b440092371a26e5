# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of tests on a booted systemd."""
import shutil
import tempfile
import pathlib

import pytest

import booted


@pytest.fixture(scope="session")
def layer():
    """What is installed, as a layer over this machine's own /."""
    reason = booted.why_not()
    if reason:
        pytest.skip(reason)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="p2pchat-layer-"))
    try:
        booted.install(directory)
        yield directory
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def site(layer):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="p2pchat-site-"))
    s = booted.Site(directory, layer)
    try:
        yield s
    finally:
        s.end()
        shutil.rmtree(directory)
