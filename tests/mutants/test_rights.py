# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host that decides by a wrong condition does not pass the table of who may (process/rights.txt over the
wire). The daemon has all the faults of rights_conditions.py in it, one of which the environment chooses."""
import re

import pytest

import rights_conditions
from rightsstage import WireWalk, wire_stage

# What a walk says of a host that judges otherwise. Anything else is a stumble.
FOUND = re.compile(r" by the table, |the log (has|says)|the log does not say|the host says of |asked to wait|"
                   r"header='(UNAUTHORIZED|REQUEST_ERROR)'|assert '(UNAUTHORIZED|REQUEST_ERROR)' == 'OK'")
# Most show in the first one.
SETTINGS = (("public", "registered"), ("restricted", "members"), ("public", "members"), ("public", "everyone"))


class FirstFault(WireWalk):
    stops = True


@pytest.fixture(scope="module")
def stage(module_world):
    return wire_stage(module_world)


def walk_with(stage, setting):
    """→ what the walk found; "" if nothing."""
    walk = None
    try:
        walk = FirstFault(stage, *setting)
        walk.run()
        return ""
    except AssertionError as e:
        return str(e)
    finally:
        if walk:
            walk.close()


@pytest.mark.parametrize("name", ["none", *rights_conditions.names()])
def test_fault(stage, name):
    stage.alice.stop_daemon()
    stage.alice.start_daemon(env={"P2PCHAT_MUTANT": name})
    found = next(filter(None, (walk_with(stage, s) for s in SETTINGS)), "")
    assert stage.alice.is_up()
    if name == "none":
        assert not found
    else:
        assert FOUND.search(found), f"{name}: {found or 'the table does not see it'}"
