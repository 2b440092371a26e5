# SPDX-License-Identifier: LGPL-2.1-or-later
"""The throttles of §4 of the protocol page, at a real tracker."""
import pytest

from conformance import sentence
from outsider import Connection, Identity, pin_of, sign_in_guest, sign_up
from wirestage import error_of


@sentence("2.51", "4.THROTTLES.1", "4.THROTTLES.2", "4.THROTTLES.3", "4.THROTTLES.4")
def test_throttles(world):
    """Sign-ups of a source; wrong passwords of a source, and half as many of a name and source. Who knows the
    password is not counted, and another source has its own count."""
    world.configure_tracker("[Limits]\nPasswordCost=1\nSignUpsPerMinute=4\nSignInFailuresPerMinute=6\n")
    tracker = world.start_tracker()
    with Connection(tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])

    def limited(f):
        if error_of(f) != ("REQUEST_ERROR", "rate-limited"):
            return False
        assert 0 < f.payload["retry_after_ms"] <= 60000
        return True

    def signing_in(c, name, password):
        return c.request("SIGNIN", {"username": name, "password": password, "csr": Identity().csr()})
    with Connection(tracker.address, pin=pin) as c, Connection(tracker.address, pin=pin, source="127.0.0.2") as other:
        for name in ("ann", "ben"):
            c.ok("SIGNUP", {"username": name, "password": "correct horse", "csr": Identity().csr()})
        for name in ("gus", "gina"):
            c.ok("GUEST", {"username": name, "csr": Identity().csr()})
        assert limited(c.request("SIGNUP", {"username": "cat", "password": "correct horse", "csr": Identity().csr()}))
        assert limited(c.request("GUEST", {"username": "gert", "csr": Identity().csr()}))
        other.ok("GUEST", {"username": "gert", "csr": Identity().csr()})

        for _ in range(8):
            assert signing_in(c, "ann", "correct horse").header == "OK"
        for _ in range(3):
            assert error_of(signing_in(c, "ann", "wrong horse")) == ("UNAUTHORIZED", "bad-credentials")
        assert limited(signing_in(c, "ann", "wrong horse"))
        assert limited(signing_in(c, "ann", "correct horse")), "nor is it told that this one is right"
        assert signing_in(c, "ben", "correct horse").header == "OK"
        for name in ("nobody-a", "nobody-b", "nobody-c"):  # unknown names count the same
            assert error_of(signing_in(c, name, "wrong horse")) == ("UNAUTHORIZED", "bad-credentials"), name
        assert limited(signing_in(c, "ben", "wrong horse"))
        recovery = {"username": "ben", "recovery_code": "x", "new_password": "battery staple", "csr": Identity().csr()}
        assert limited(c.request("RECOVER", recovery)), "codes and passwords are counted together"
        # Over all sources an account is slowed, never locked: its owner comes in from elsewhere.
        assert signing_in(other, "ann", "correct horse").header == "OK"
        c.ok("LIST")


@sentence("4.THROTTLES.6")
def test_new_devices_of_a_user(world):
    """Who knows the password makes so many and no more. The key that has one already, wrong tries and others' sign-ins
    do not count, and a recovery code has a share of its own."""
    world.configure_tracker("[Limits]\nPasswordCost=1\nSignInsPerDay=3\n")
    tracker = world.start_tracker()
    with Connection(tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    with Connection(tracker.address, pin=pin) as c:
        def ask(command, name, **fields):
            return c.request(command, {"username": name, "csr": Identity().csr(), **fields})

        def limited(f):
            assert error_of(f) == ("REQUEST_ERROR", "rate-limited"), f
            assert 86400 * 1000 // 4 < f.payload["retry_after_ms"] <= 86400 * 1000 // 3 + 1

        right, wrong = {"password": "correct horse"}, {"password": "wrong horse"}
        code = ask("SIGNUP", "ann", **right).payload["recovery_code"]
        ask("SIGNUP", "ben", **right)
        mine = Identity()
        assert error_of(ask("SIGNIN", "ann", **wrong)) == ("UNAUTHORIZED", "bad-credentials")
        for more in ({"csr": mine.csr()}, {}, {}):
            assert ask("SIGNIN", "ann", **right, **more).header == "OK"
        limited(ask("SIGNIN", "ann", **right))
        assert error_of(ask("SIGNIN", "ann", **wrong)) == ("UNAUTHORIZED", "bad-credentials")
        assert ask("SIGNIN", "ann", **right, csr=mine.csr()).header == "OK", "an answer that was lost"
        assert ask("SIGNIN", "ben", **right).header == "OK"
        for i in range(3):
            f = ask("RECOVER", "ann", recovery_code=code, new_password=f"battery staple {i}")
            assert f.header == "OK", f
            code = f.payload["recovery_code"]
        limited(ask("RECOVER", "ann", recovery_code=code, new_password="battery staple"))


@sentence("4.THROTTLES.2")
@pytest.mark.parametrize("command,wrong", (
    ("SIGNIN", {"username": "ann", "password": "wrong horse", "csr": ""}),
    ("RECOVER", {"username": "ann", "recovery_code": "x", "new_password": "battery staple", "csr": ""}),
    ("PASSWD", {"old_password": "wrong horse", "new_password": "battery staple"}),
    ("DELETE", {"password": "wrong horse"})))
def test_each_wrong_one_counts(world, command, wrong):
    """Of a name and source half as many, whichever command they are tried with, and all are in one count."""
    world.configure_tracker("[Limits]\nPasswordCost=1\nSignInFailuresPerMinute=6\n")
    tracker = world.start_tracker()
    with Connection(tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    me = sign_up(tracker.address, "ann", pin)
    with Connection(tracker.address, me) as c, Connection(tracker.address, pin=pin) as stranger:
        asker = stranger if "csr" in wrong else c
        for _ in range(3):
            f = asker.request(command, {**wrong, **({"csr": Identity().csr()} if "csr" in wrong else {})})
            assert error_of(f) == ("UNAUTHORIZED", "bad-credentials")
        for limited, payload in (("SIGNIN", {"username": "ann", "password": "correct horse ann"}),
                                 ("RECOVER", {"username": "ann", "recovery_code": "x", "new_password": "p" * 8}),
                                 ("PASSWD", {"old_password": "correct horse ann", "new_password": "p" * 8}),
                                 ("DELETE", {"password": "correct horse ann"})):
            of_strangers = limited in ("SIGNIN", "RECOVER")
            f = (stranger if of_strangers else c).request(
                limited, {**payload, **({"csr": Identity().csr()} if of_strangers else {})})
            assert error_of(f) == ("REQUEST_ERROR", "rate-limited") and f.payload["retry_after_ms"] > 0, limited


@sentence("4.THROTTLES.7", "4.THROTTLES.8")
def test_names_that_nobody_has(world):
    """A user has a share of its own, wherever it asks from; guests of one source have one together."""
    world.configure_tracker("[Limits]\nPasswordCost=1\nWhoisMissesPerMinute=3\n")
    tracker = world.start_tracker()
    with Connection(tracker.address, hello=False) as c:
        pin = pin_of(c.chain[1])
    ann, ben = sign_up(tracker.address, "ann", pin), sign_up(tracker.address, "ben", pin)
    gus, gina = sign_in_guest(tracker.address, "gus", pin), sign_in_guest(tracker.address, "gina", pin)

    def limited(c, name):
        f = c.request("WHOIS", {"username": name})
        if error_of(f) != ("REQUEST_ERROR", "rate-limited"):
            return False
        assert 0 < f.payload["retry_after_ms"] <= 20001
        return True

    def use_up(c):
        for n in range(6):
            assert c.ok("WHOIS", {"username": "ben"})["exists"], "who is there costs nothing"
        for n in range(3):
            assert not c.ok("WHOIS", {"username": f"nobody-{n}"})["exists"]
        assert limited(c, "nobody-3") and limited(c, "ben")
    with Connection(tracker.address, ann) as c, Connection(tracker.address, ann, source="127.0.0.2") as again:
        use_up(c)
        assert limited(again, "nobody-4")
        c.ok("LIST")
    with Connection(tracker.address, ben) as c:
        use_up(c)
    with Connection(tracker.address, gus) as c, Connection(tracker.address, gina) as d, \
            Connection(tracker.address, gina, source="127.0.0.2") as elsewhere:
        use_up(c)
        assert limited(d, "nobody-5")
        use_up(elsewhere)
