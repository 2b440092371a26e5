# SPDX-License-Identifier: LGPL-2.1-or-later
"""The README's first command, in the form that leaves the system as it is: it tells its story to the end,
and whatever becomes of it, nothing of it stays behind."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from p2pchat import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "units" / "quickstart"
# It builds when it runs for the first time.
STORY_SECONDS = 300


def left_behind(scratch):
    """Processes that know the scratch directory, and files in it."""
    found = [str(path) for path in scratch.rglob("*")]
    for proc in pathlib.Path("/proc").iterdir():
        if proc.name.isdigit() and int(proc.name) != os.getpid():
            for name in ("cmdline", "environ"):
                try:
                    if str(scratch).encode() + b"/p2pchat-demo" in (proc / name).read_bytes():
                        found.append(f"{proc.name}: {(proc / 'cmdline').read_bytes()!r}")
                except OSError:
                    pass  # it ended, or is not ours to read
    return found


def environment(scratch):
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "CI")}
    return {**keep, "TMPDIR": str(scratch)}


@pytest.fixture
def scratch():
    with tempfile.TemporaryDirectory(prefix="p2pchat-") as path:
        yield pathlib.Path(path)


@pytest.mark.timeout(STORY_SECONDS)
def test_the_story_is_told(scratch):
    done = subprocess.run([QUICKSTART, "--demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment(scratch), timeout=STORY_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("alice$ p2pchatctl host lobby", "bob$ p2pchatctl join lobby", "guest$ p2pchatctl guest carol",
                 "$ kill -9 ", "The same, and the three arrived once and in order."):
        assert line in done.stdout
    assert not left_behind(scratch)


@pytest.mark.timeout(STORY_SECONDS)
def test_an_interrupted_story_leaves_nothing(scratch):
    with subprocess.Popen([QUICKSTART, "--demo"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, env=environment(scratch)) as child:
        told = []
        for line in child.stdout:
            told.append(line)
            if "p2pchatctl host lobby" in line:
                break
        else:
            raise AssertionError("the story ended by itself:\n" + "".join(told))
        assert left_behind(scratch), "the check itself sees nothing"
        child.send_signal(signal.SIGTERM)
        child.stdout.read()
        assert child.wait(60) == 130
    wait_for(lambda: not left_behind(scratch), "everything to be gone")


def test_sockets_have_room(tmp_path):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    script = f'. "{ROOT}/units/quickstart-demo.sh"; demo_make_scratch && echo "$demo_scratch" && rmdir "$demo_scratch"'
    for parent in (tmp_path, long):
        made = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "TMPDIR": str(parent)}, check=True).stdout.strip()
        assert len(f"{made}/alice.bus") < 107


def test_a_difference_is_told(tmp_path):
    (tmp_path / "alice.json").write_text('{"seq":1}\n')
    (tmp_path / "bob.json").write_text('{"seq":1}\n{"seq":2}\n')
    script = f'set -e; say() {{ echo "$*"; }}; . "{ROOT}/units/quickstart-demo.sh"; demo_same "$1" "$2"; echo same'
    for other, code in (("alice.json", 0), ("bob.json", 1)):
        done = subprocess.run(["bash", "-c", script, "bash", tmp_path / "alice.json", tmp_path / other],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == code, done.stderr
        assert ("same" in done.stdout) == (code == 0)


def test_words_that_mean_nothing_are_refused():
    for words in (["--dmeo"], ["--purge"], ["--demo", "--purge"]):
        done = subprocess.run([QUICKSTART, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30)
        assert done.returncode == 2
        assert done.stderr


def programs(path, *names, **scripts):
    """A directory for PATH with these programs of the system, and those scripts."""
    path.mkdir()
    for name in names:
        (path / name).symlink_to(shutil.which(name))
    for name, script in scripts.items():
        (path / name).write_text(f"#!/bin/sh\n{script}\n")
        (path / name).chmod(0o755)
    return path


def test_another_distribution_is_told_what_it_needs(tmp_path):
    path = programs(tmp_path / "bin", "bash", "dirname", "env", "id")
    for command in (QUICKSTART, ROOT / "tests" / "run"):
        done = subprocess.run([command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                              env={"PATH": str(path)})
        assert done.returncode == 1, done.stdout + done.stderr
        for word in ("Debian 12", "libsystemd-dev", "libsqlite3-dev"):
            assert word in done.stderr
        # The tests look at the window, too; who only wants to chat needs none of it.
        assert ("libgtk-4-dev" in done.stderr) == (command != QUICKSTART)


def test_a_failure_names_its_log(tmp_path):
    fails = 'echo "$0: no luck"; exit 1'
    path = programs(tmp_path / "bin", meson=fails, ninja=fails)
    done = subprocess.run([QUICKSTART, "--demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env={**environment(tmp_path), "PATH": f"{path}:{os.environ['PATH']}"})
    assert done.returncode == 1
    assert "Failed: " in done.stderr and "no luck" in done.stderr
    log = pathlib.Path(done.stderr.strip().rpartition(" ")[2])
    assert "no luck" in log.read_text()
    log.unlink()
