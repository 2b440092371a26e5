# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wrong things in right payloads: each member in turn, in whatever depth it stands, becomes what its
type is not, or is missing.

    for name, lie in lies({"seq": 1, "entries": [{"id": "…"}]}):
        …                                   # ("seq: missing", {"entries": […]}), …"""
import copy

BAD_WORDS = "\x1b[2J\x1b]0;x\x07\u0085\u202e\ufffe"  # what a terminal, or the bus, would fall over
MISSING = object()
NUMBERS = {"negative": -1, "zero": 0, "a fraction": 1.5, "2^53-1": 2**53 - 1, "2^53": 2**53, "40 digits": 10**40}
TEXTS = {"empty": "", "one letter": "x", "bad words": BAD_WORDS, "long": "é" * 3000}
KINDS = {"missing": MISSING, "true": True, "a number": 7, "text": "seven", "null": None, "[]": [], "{}": {},
         "a list of kinds": [None, 7, {}, "x", [[]]], "an object": {"a": [[]]}}


def wrong_for(value):
    """→ {name: what is put in its place}"""
    own = TEXTS if isinstance(value, str) else NUMBERS if isinstance(value, int) and not isinstance(value, bool) else {}
    return {**KINDS, **own}


def paths(payload, prefix=()):
    """Of every member, and of the first element of every list."""
    children = payload.items() if isinstance(payload, dict) else enumerate(payload[:1]) if isinstance(payload, list) else ()
    for key, value in children:
        yield (*prefix, key)
        yield from paths(value, (*prefix, key))


def put(payload, path, value):
    result = copy.deepcopy(payload)
    place = result
    for key in path[:-1]:
        place = place[key]
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return result


def lies(payload):
    """→ (name, payload) of each."""
    for path in list(paths(payload)):
        original = payload
        for key in path:
            original = original[key]
        for name, value in wrong_for(original).items():
            if value is MISSING or value != original or isinstance(value, bool) != isinstance(original, bool):
                yield ".".join(map(str, path)) + ": " + name, put(payload, path, value)
