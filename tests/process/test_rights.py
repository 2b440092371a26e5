# SPDX-License-Identifier: LGPL-2.1-or-later
"""rights.txt over the wire: each command, of each actor, on each target, under each setting, is answered as
it says there; and the log has what was granted, and nothing of what was refused."""
import pytest

import rights
from rightsstage import WireWalk, wire_stage


@pytest.fixture(scope="module")
def stage(module_world):
    return wire_stage(module_world)


@pytest.mark.parametrize("view,send", rights.settings())
def test_table(stage, view, send):
    walk = WireWalk(stage, view, send)
    try:
        walk.run()
    finally:
        walk.close()
    assert stage.alice.is_up()
