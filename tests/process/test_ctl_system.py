# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl --system is p2pchat-trackerctl: with all its words, by its exit status, and named where it is not there."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from p2pchat import DEADLINE

NO_BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}


@pytest.fixture
def programs(tmp_path):
    """A folder of ours alone for p2pchatctl, and one that PATH may lead to."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "path").mkdir()
    shutil.copy(os.environ["P2PCHATCTL"], tmp_path / "bin/p2pchatctl")
    return tmp_path


def run(programs, *words, **more):
    return subprocess.run([programs / "bin/p2pchatctl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={"PATH": str(programs / "path"), "LC_ALL": "C.UTF-8", **NO_BUS, **more}, timeout=DEADLINE)


@pytest.mark.parametrize("where", ["bin", "path"])
def test_is_the_other(programs, where):
    shutil.copy(os.environ["P2PCHAT_TRACKERCTL"], programs / where / "p2pchat-trackerctl")
    result = run(programs, "--system", "--help")
    assert result.returncode == 0 and result.stdout.startswith("p2pchat-trackerctl ")
    result = run(programs, "-j", "--system", "user", "list")
    assert result.returncode == 3 and json.loads(result.stdout)["error"]["name"] == "org.p2pchat.Error.NoBus"
    result = run(programs, "--system", "user", "delete", "eve")
    assert result.returncode == 2 and result.stderr.startswith("p2pchat-trackerctl: ") and "--yes" in result.stderr
    # Behind the verb it is an option of that verb, which has none of the name.
    assert "no option --system" in run(programs, "status", "--system").stderr
    assert "no option --system" in run(programs, "--system", "status", "--system").stderr


def test_beside_comes_first(programs):
    for where in ("bin", "path"):
        program = programs / where / "p2pchat-trackerctl"
        program.write_text(f'#!/bin/sh\nprintf "%s|" {where} "$@"\nexit 9\n')
        program.chmod(0o755)
    result = run(programs, "--no-pager", "--system", "--json=pretty", "user", "list", "a b", "--system")
    assert (result.returncode, result.stdout) == (9, "bin|--no-pager|--json=pretty|user|list|a b|--system|")
    pathlib.Path(programs / "bin/p2pchat-trackerctl").unlink()
    assert run(programs, "--system").stdout == "path|"


def test_not_there(programs):
    result = run(programs, "--system", "status")
    assert (result.returncode, result.stdout) == (3, "")
    assert "p2pchat-trackerctl" in result.stderr and "install" in result.stderr
    error = json.loads(run(programs, "-j", "--system", "status").stdout)["error"]
    assert error["name"] == "org.p2pchat.Error.NoSuchProgram" and "install" in error["message"]
