# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing is lost, nothing is there twice and no log has a hole, whatever is killed, stopped or cut off."""
import contextlib
import os
import random

import pytest

from nets import NotHere
from torture import AT_LEAST_IN_WINDOW, Torture
from wires import Namespaces, Relays
from worlds import scratch_world

LONG = bool(os.environ.get("P2PCHAT_TEST_LONG"))
ROUNDS = int(os.environ.get("P2PCHAT_TORTURE_ROUNDS") or (200 if LONG else 25))
SEED = int(os.environ.get("P2PCHAT_TORTURE_SEED") or random.SystemRandom().getrandbits(32))
AGAIN = (f"P2PCHAT_TORTURE_SEED={SEED} P2PCHAT_TORTURE_ROUNDS={ROUNDS}"
         f" tests/run{' --long' if ROUNDS > 50 else ''} torture")  # meson's patience


@contextlib.contextmanager
def on(make_wires):
    print("again:", AGAIN)
    try:
        with scratch_world() as world:
            wires = make_wires(world)
            try:
                yield Torture(world, wires, SEED)
            finally:
                world.stop()
                wires.stop()
    except Exception as e:
        raise AssertionError(f"again: {AGAIN}\n{type(e).__name__}: {e}") from e


def best_wires(world):
    try:
        return Namespaces(world)
    except NotHere as e:
        print("no network namespaces:", e)
        return Relays(world)


def test_torture(capsys):
    with on(best_wires) as torture:
        torture.run(ROUNDS)
        findings = torture.findings()
        with capsys.disabled():
            print("\n" + torture.summary(findings, AGAIN))
        assert not findings, "\n".join(findings[:20])
        assert torture.share_in_window() >= AT_LEAST_IN_WINDOW


@pytest.mark.parametrize("make_wires", (best_wires, Relays))
def test_lost_answers(make_wires):
    """What was stored, and whose answer was lost for certain, is there once. A mutant must fail on this."""
    with on(make_wires) as torture:
        torture.run(0, lost_answers=3)
        assert torture.n["lost answers"] == 3
        findings = torture.findings()
        assert not findings, "\n".join(findings[:20])
