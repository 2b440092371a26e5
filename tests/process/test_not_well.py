# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person sees, in `p2pchatctl status` and in the journal, of a clock that is off and of an identity
that another computer took over, where a tracker says so."""
import datetime
import json

import pytest
from cryptography import x509

from models import ModelTracker
from modelstage import TrackerStage
from outsider import Authority, key_id, pin_of
from p2pchat import CHANNEL, MANAGER, PATH, wait_for

DAY = 24 * 3600
REPLACED = "The same identity is in use by another computer"


class OffTracker(ModelTracker):
    """An honest one whose clock, or whose asker's clock, is off."""

    off = 0

    def grant(self, csr, username, **how):
        return super().grant(csr, username, begin=-9, end=9, **how)  # good by either clock

    def on_hello(self, c, f):
        time = datetime.datetime.utcnow() + datetime.timedelta(seconds=self.off)
        self.ok(c, f, {"agent": "model/1", "features": [], "time": time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                       "limits": {"frame_bytes": 65536, "message_bytes": 16384, "in_flight": self.in_flight}})


@pytest.fixture
def tracker():
    with OffTracker(Authority()) as t:
        t.pin = pin_of(t.authority.ca)
        yield t


@pytest.fixture
def stage(world):
    return TrackerStage(world)


def drop(tracker):
    """The connection ends, and another HELLO comes with the next one."""
    tracker.do(lambda c: c.tls.close())


def certified(stage, tracker):
    wait_for(lambda: tracker.live and tracker.live[-1].username == stage.name, "it to come with its certificate")


def public_key(request):
    return key_id(x509.load_pem_x509_csr(request["csr"].encode()).public_key())


def journal(stage, words):
    return [line for line in stage.peer.log().splitlines() if words in line]


@pytest.mark.parametrize("off, words", ((3 * DAY, "3 days behind"), (-3 * DAY, "3 days ahead"), (7200, "2 hours behind")))
def test_clock_is_off(stage, tracker, off, words):
    with stage.at(tracker) as bob:
        certified(stage, tracker)
        assert "clock" not in bob.ctl("status").stdout and not journal(stage, "Your clock")
        tracker.off = off
        drop(tracker)
        wait_for(lambda: abs(bob.get(PATH, MANAGER, "ClockOffset") - off * 1000000) < 60 * 1000000, "the clock to be looked at")
        (line,) = [x for x in bob.ctl("status").stdout.splitlines() if "clock" in x]
        assert words in line and "timedatectl set-ntp true" in line
        assert abs(json.loads(bob.ctl("status", "--json=short").stdout)["clock_offset"] - off * 1000000) < 60 * 1000000
        (told,) = journal(stage, "Your clock")
        assert told.startswith("<4>") and words in told and "timedatectl set-ntp true" in told
        drop(tracker)  # off as before: it is not told again
        stage.wait_state("online")
        assert len(journal(stage, "Your clock")) == 1

        tracker.off = 0
        drop(tracker)
        wait_for(lambda: "clock" not in bob.ctl("status").stdout, "the clock to be right")
        assert len(journal(stage, "Your clock")) == 1


def test_removal_is_held(stage, tracker):
    with stage.at(tracker) as bob:
        certified(stage, tracker)
        path = bob.host("lobby")
        tracker.off = 7200
        drop(tracker)
        wait_for(lambda: journal(stage, "Your clock"), "the clock to be looked at")
        assert "by age" not in bob.ctl("status").stdout and not journal(stage, "by age")
        bob.ctl("retention", "lobby", "1")
        wait_for(lambda: journal(stage, "No message is removed by age"), "the rule to be looked at")
        (told,) = journal(stage, "No message is removed by age")
        assert told.startswith("<4>") and "2 hours behind" in told and "timedatectl set-ntp true" in told
        wait_for(lambda: bob.get(path, CHANNEL, "RetentionDays") == 1, "the property")
        (line,) = [x for x in bob.ctl("status").stdout.splitlines() if "clock" in x]
        assert line.endswith("; until then nothing is removed by age")

        tracker.off = 1800  # off, and near enough
        drop(tracker)
        wait_for(lambda: "30 minutes behind" in bob.ctl("status").stdout, "the clock to be better")
        assert "by age" not in bob.ctl("status").stdout
        assert len(journal(stage, "No message is removed by age")) == 1


def test_replaced(stage, tracker):
    with stage.at(tracker) as bob:
        certified(stage, tracker)
        assert "another computer" not in bob.ctl("status").stdout and not journal(stage, REPLACED)
        tracker.do(lambda c: (c.send("GOING_AWAY", None, {"reason": "replaced", "resume_in_ms": 0}), c.tls.close()))
        wait_for(lambda: REPLACED in stage.get("TrackerReason"), "it to be told")
        n = len(tracker.asked("HELLO"))
        (line,) = [x for x in bob.ctl("status").stdout.splitlines() if "another computer" in x]
        assert REPLACED in line and "sign in anew here" in line
        assert stage.get("TrackerState") == "offline" and stage.get("Username") == stage.name
        (told,) = journal(stage, REPLACED)
        assert told.startswith("<4>")

        assert len(tracker.asked("HELLO")) == n  # it does not dial, and take it back
        bob.manager("SignIn", "ssa{sv}", stage.name, "correct horse", {})
        stage.wait_state("online")
        (signin,) = tracker.asked("SIGNIN")  # the other one has the key of before
        assert public_key(signin) != public_key(tracker.asked("SIGNUP")[0])
        assert "another computer" not in bob.ctl("status").stdout
