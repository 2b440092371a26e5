# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each command's request has, as the sentences of p2pchat-protocol(7) say it."""
import re


def keys_of(shape):
    """"{a, b?, c: [X], limit? of at most 5, d? or e?}" → {"a": True, "b": False, …}: required or not"""
    while re.search(r"[\[{][^\[\]{}]*[\]}]", shape[1:-1]):
        shape = shape[0] + re.sub(r"[\[{][^\[\]{}]*[\]}]", "", shape[1:-1]) + shape[-1]
    words = [w for part in shape[1:-1].split(",") for w in part.split(" or ") if w.strip()]
    return {k: not optional for k, optional in (re.match(r"\s*(\w+)(\??)", w).groups() for w in words)}


def of_page(text, section):
    """→ {command: (keys, who may ask)}, of those that the dialling side asks"""
    requests = dict(re.findall(rf"^{section}\.([A-Z_]+)\.\w+\tRequest: (\{{[^\t\n]*\}})", text, re.MULTILINE))
    who = dict(re.findall(rf"^{section}\.([A-Z_]+)\.\w+\tFrom: ([^\t\n]*)", text, re.MULTILINE))
    return {c: (keys_of(shape), who.get(c, "")) for c, shape in requests.items() if c != "PING"}
