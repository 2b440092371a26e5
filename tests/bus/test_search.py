# SPDX-License-Identifier: LGPL-2.1-or-later
"""Search: words in what is held of a channel, page by page, from the newest or the oldest on."""
import dbus
import pytest

from p2pchat import CHANNEL, ERROR, refused, wait_for

SAID = ["Hello World", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "\u6211\u559c\u6b22\u732b\u548c\u72d7",
        "AND \"cheese\" NEAR(x) col:y *", "hello again", "\u0e09\u0e31\u0e19\u0e23\u0e31\u0e01\u0e41\u0e21\u0e27"]


@pytest.fixture(scope="module")
def log(module_world):
    alice, bob = module_world.people("alice", "bob")
    hers = alice.host("lobby")
    for text in SAID:
        alice.send(hers, text, wait="stored")
    return alice, hers, bob


def search(peer, channel, query, limit=500, **options):
    if "anchor" in options:
        options["anchor"] = dbus.UInt64(options["anchor"])
    return peer.call(channel, CHANNEL, "Search", "sua{sv}", query, dbus.UInt32(limit), options)


def found(peer, channel, query):
    return [e[6]["text"] for e in search(peer, channel, query)[0]]


@pytest.mark.parametrize("query, which", [
    ("hello", [0, 4]), ("WORLD ell", [0]), ('"hello a"', [4]), ("\u041c\u0418\u0420", [1]), ("\u732b", [2]),
    ("\u559c\u6b22", [2]), ("\u0e23\u0e31\u0e01", [5]), ("AND", [3]), ("NEAR(x)", [3]), ("col:y", [3]), ("text:hello", []),
    ("hello OR cheese", []), ("hel*", []), ('"cheese', [3]), ("' OR 1=1 --", []),
])
def test_words(log, query, which):
    alice, hers, _ = log
    assert found(alice, hers, query) == [SAID[i] for i in which]


def test_entries_are_those_of_the_log(log):
    alice, hers, _ = log
    entries, page = search(alice, hers, "hello")
    assert entries == [e for e in alice.messages(hers) if "ello" in e[6].get("text", "")]
    assert page == {"more": False, "next_anchor": 1, "first_seq": 1, "synced_seq": 1 + len(SAID), "source": "local"}


@pytest.mark.parametrize("direction", ["before", "after"])
def test_pages(log, direction):
    alice, _, _ = log
    hers = alice.host("pages-" + direction)
    n = 25
    for i in range(n):
        alice.send(hers, f"text {i}" if i % 2 else f"hay {i}", wait="stored")
    wanted = [e for e in alice.messages(hers) if e[6].get("text", "").startswith("text")]
    for limit in (1, 5, 500):
        got, anchor = [], 0
        for _ in range(2 * n):
            some, page = search(alice, hers, "text", limit, direction=direction, anchor=anchor)
            assert len(some) <= limit and some == sorted(some, key=lambda e: e[0])
            got = some + got if direction == "before" else got + some
            assert some or not page["more"]
            if not page["more"]:
                break
            anchor = page["next_anchor"]
        assert got == wanted
    newest = search(alice, hers, "text", 1)[0]
    assert newest == wanted[-1:], "from the newest on, unless said"


def test_what_was_said_a_moment_ago(log):
    alice, _, _ = log
    hers = alice.host("moments")
    for i in range(20):
        alice.send(hers, f"needle{i}", wait="stored")
        assert found(alice, hers, f"needle{i}") == [f"needle{i}"]


def test_many(log):
    """More than the index takes in one step; each is found while it works, and only in its channel."""
    alice, _, _ = log
    hers, other = alice.host("many"), alice.host("other")
    for name in ("many", "other"):
        alice.ctl("rate", name, "0")
    for channel, text in ((hers, "mine"), (other, "else")):
        alice.ctl("send", "many" if channel == hers else "other", "--lines",
                  stdin="".join(f"{text} {i} x\n" for i in range(600)))
    wait_for(lambda: alice.get(other, CHANNEL, "SyncedSeq") == 602, "all to be stored")
    wait_for(lambda: alice.get(hers, CHANNEL, "SyncedSeq") == 602, "all to be stored")
    for i in (0, 17, 300, 555, 599):
        assert found(alice, hers, f'" {i} x"') == [f"mine {i} x"]
    assert found(alice, hers, "else") == []
    assert len(found(alice, hers, "mine")) == 500, "a page"


def test_only_what_is_held(log):
    alice, hers, bob = log
    his = bob.join("lobby", backlog=dbus.UInt32(2))
    wait_for(lambda: bob.get(his, CHANNEL, "State") == "live", "bob to be live")
    entries, page = search(bob, his, "hello")
    assert [e[6]["text"] for e in entries] == [SAID[4]]
    assert (page["first_seq"], page["source"]) == (len(SAID), "local")
    assert bob.get(his, CHANNEL, "FirstSeq") == len(SAID), "nothing was asked of the host"
    bob.messages(his, direction="before")
    wait_for(lambda: bob.get(his, CHANNEL, "FirstSeq") == 1, "the rest to be held")
    assert found(bob, his, "hello") == [SAID[0], SAID[4]]


@pytest.mark.parametrize("query", ["", " ", "\t", '"', '""', "...", "*", "(-)", '" "'])
def test_nothing_to_look_for(log, query):
    alice, hers, _ = log
    name, message = refused(search, alice, hers, query)
    assert name == ERROR + "BadRequest" and "nothing to look for" in message


def test_refusals(log):
    alice, hers, _ = log
    for query in ("x" * 1025, "a " * 17):
        name, message = refused(search, alice, hers, query)
        assert name == ERROR + "TooLarge" and "look for fewer" in message
    for query in ("x" * 1024, "e " * 15 + "xyz"):
        assert search(alice, hers, query)[0] == []
    for limit in (0, 501):
        assert refused(search, alice, hers, "hello", limit)[0] == ERROR + "BadRequest"
    assert refused(search, alice, hers, "hello", direction="up")[0] == ERROR + "BadRequest"
    assert refused(search, alice, hers, "hello", no_such=1)[0] == "org.freedesktop.DBus.Error.InvalidArgs"
    assert search(alice, hers, "hello", anchor=2**64 - 1)[0] == search(alice, hers, "hello")[0]
    assert search(alice, hers, "hello", anchor=2**64 - 1, direction="after")[0] == []
