#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conditions by which a host decides who may, and what each is wrong as: process/rights.txt must tell.

    rights_conditions.py FILE OUT

writes a copy of a source file in which each condition of it is wrong while the environment's P2PCHAT_MUTANT
is the name of that fault. A condition is found by a text around it that is there once."""
import os
import re
import sys

MAY = "daemon/channel/channel-may.c"
STANDING = "daemon/channel/channel-standing.c"
PRESENCE = "daemon/host/channel-host-presence.c"

RANK = """        Role rank = actor_role(c, a, now);

        if (rank < ROLE_MODERATOR)
                return refuse_rank(c, a, ROLE_MODERATOR, now, f);
"""
NO = 'failure_set(f, ERROR_READ_ONLY, "x")'

# (file, the text around, the condition in it, {name: what is there instead})
CONDITIONS = [
    (MAY, "if (a->user_type != USER_REGISTERED || channel_find_ban", "a->user_type != USER_REGISTERED",
     {"rank-of-guests": "a->user_type == USER_REGISTERED"}),
    (MAY, "|| channel_find_ban(c, a, now))", "channel_find_ban(c, a, now)",
     {"rank-of-banned": "NULL", "rank-of-not-banned": "channel_find_ban(c, a, now) ? NULL : (const void *) c"}),

    (MAY, "if (ban)\n", "ban", {"view-banned": "NULL"}),
    (MAY, "if (c->view == VIEW_RESTRICTED", "c->view == VIEW_RESTRICTED",
     {"view-public": "c->view != VIEW_RESTRICTED", "view-all-the-same": "true"}),
    (MAY, "actor_role(c, a, now) < ROLE_MEMBER", "actor_role(c, a, now) < ROLE_MEMBER",
     {"view-rank": "actor_role(c, a, now) >= ROLE_MEMBER", "view-rank-too-high": "actor_role(c, a, now) <= ROLE_MEMBER",
      "view-any-rank": "false"}),

    (MAY, "if (r < 0)\n                return r;\n        usec = ", "r < 0", {"connect-without-view": "r > 0"}),
    (MAY, "if (usec == 0)", "usec == 0", {"connect-kicked": "(by = \"x\", usec != 0)", "connect-never-kicked": "true"}),

    (MAY, "if (r < 0)\n                return r;\n        switch", "r < 0", {"send-without-view": "r > 0"}),
    (MAY, "case SEND_EVERYONE:\n                return 0;", "0", {"send-everyone": NO}),
    (MAY, "case SEND_REGISTERED:\n                if (a->user_type == USER_REGISTERED)",
     "a->user_type == USER_REGISTERED", {"send-registered": "a->user_type != USER_REGISTERED",
                                         "send-guests": "true"}),
    (MAY, "if (actor_role(c, a, now) >= ROLE_MEMBER)", "actor_role(c, a, now) >= ROLE_MEMBER",
     {"send-members": "actor_role(c, a, now) < ROLE_MEMBER", "send-moderators": "actor_role(c, a, now) > ROLE_MEMBER",
      "send-anybody": "true"}),

    (MAY, "if (ban && a->user_type == USER_REGISTERED && channel_get_role(c, a->username) >= needed)",
     "ban && a->user_type == USER_REGISTERED && channel_get_role(c, a->username) >= needed",
     {"ban-unheard": "false", "ban-heard-by-all": "ban != NULL"}),
    (MAY, "if (needed == ROLE_OWNER)", "needed == ROLE_OWNER", {"not-the-owner": "needed != ROLE_OWNER"}),

    (MAY, "if (actor_role(c, a, now) < ROLE_OWNER)", "actor_role(c, a, now) < ROLE_OWNER",
     {"permissions": "actor_role(c, a, now) >= ROLE_OWNER",
      "permissions-by-moderators": "actor_role(c, a, now) < ROLE_MODERATOR"}),
    (MAY, "Actor *a, uint64_t now, Failure *f) {\n        if (actor_role(c, a, now) < ROLE_MODERATOR)\n"
     "                return refuse_rank", "actor_role(c, a, now) < ROLE_MODERATOR",
     {"topic": "actor_role(c, a, now) >= ROLE_MODERATOR", "topic-by-members": "actor_role(c, a, now) < ROLE_MEMBER",
      "topic-by-the-owner": "actor_role(c, a, now) < ROLE_OWNER"}),

    (MAY, RANK + "        if (role <", "rank < ROLE_MODERATOR",
     {"authorize": "rank >= ROLE_MODERATOR", "authorize-by-members": "rank < ROLE_MEMBER",
      "authorize-by-the-owner": "rank < ROLE_OWNER"}),
    (MAY, "if (role < ROLE_NONE || role > ROLE_MODERATOR) {", "role < ROLE_NONE || role > ROLE_MODERATOR",
     {"authorize-roles": "!(role < ROLE_NONE || role > ROLE_MODERATOR)"}),
    (MAY, "if (rank == ROLE_MODERATOR &&", "rank == ROLE_MODERATOR",
     {"authorize-upwards": "rank != ROLE_MODERATOR", "authorize-all-alike": "true"}),
    (MAY, "(role > ROLE_MEMBER ||", "role > ROLE_MEMBER",
     {"authorize-to-moderator": "false", "authorize-to-none": "role <= ROLE_MEMBER",
      "authorize-to-member": "role >= ROLE_MEMBER"}),
    (MAY, "channel_get_role(c, target) > ROLE_MEMBER", "channel_get_role(c, target) > ROLE_MEMBER",
     {"authorize-moderators": "false", "authorize-members": "channel_get_role(c, target) >= ROLE_MEMBER",
      "authorize-others": "channel_get_role(c, target) <= ROLE_MEMBER"}),
    (MAY, "if (streq(target, c->owner)) {", "streq(target, c->owner)",
     {"authorize-owner": "!streq(target, c->owner)", "authorize-herself": "false"}),
    (MAY, "if (name_is_guest(target))", "name_is_guest(target)",
     {"authorize-guests": "false", "authorize-users": "!name_is_guest(target)"}),

    (MAY, RANK + "        if (streq(target, a->", "rank < ROLE_MODERATOR",
     {"moderate": "rank >= ROLE_MODERATOR", "moderate-by-members": "rank < ROLE_MEMBER",
      "moderate-by-the-owner": "rank < ROLE_OWNER"}),
    (MAY, "if (streq(target, a->username)) {", "streq(target, a->username)",
     {"moderate-oneself": "false", "moderate-others": "!streq(target, a->username)"}),
    (MAY, "if (rank <= channel_get_role(c, target))", "rank <= channel_get_role(c, target)",
     {"moderate-downwards": "rank > channel_get_role(c, target)",
      "moderate-equals": "rank < channel_get_role(c, target)", "moderate-upwards": "false"}),

    (MAY, "if (a->user_type != author->user_type)", "a->user_type != author->user_type",
     {"author-types": "a->user_type == author->user_type"}),
    (MAY, "return a->user_type == USER_GUEST ? streq(a->key_id", "a->user_type == USER_GUEST",
     {"author-guests": "a->user_type != USER_GUEST"}),
    (MAY, "streq(a->key_id, author->sender)", "streq(a->key_id, author->sender)",
     {"author-by-name": "streq(a->username, author->username)"}),
    (MAY, ": streq(a->username, author->username);", "streq(a->username, author->username)",
     {"author-others": "!streq(a->username, author->username)", "author-anybody": "true"}),
    (MAY, "if (is_author(a, author))", "is_author(a, author)",
     {"redact-own": "false", "redact-not-own": "!is_author(a, author)"}),
    (MAY, "if (r < 0)\n                return r;\n        if (rank", "r < 0", {"redact-without-view": "r > 0"}),
    (MAY, "if (rank < ROLE_MODERATOR)\n                return failure_set(f, ERROR_NOT_MODERATOR,\n"
     "                                   \"Only moderators may remove", "rank < ROLE_MODERATOR",
     {"redact": "rank >= ROLE_MODERATOR", "redact-by-members": "rank < ROLE_MEMBER",
      "redact-by-the-owner": "rank < ROLE_OWNER"}),
    (MAY, "if (author->user_type == USER_REGISTERED)", "author->user_type == USER_REGISTERED",
     {"redact-above": "author->user_type != USER_REGISTERED"}),
    (MAY, "if (rank <= above)", "rank <= above",
     {"redact-downwards": "rank > above", "redact-equals": "rank < above", "redact-upwards": "false"}),

    (MAY, "if (actor_role(c, a, now) < ROLE_MODERATOR)\n                return failure_set(f, ERROR_NOT_MODERATOR,\n"
     "                                   \"Only moderators may see who is banned", "actor_role(c, a, now) < ROLE_MODERATOR",
     {"bans": "actor_role(c, a, now) >= ROLE_MODERATOR", "bans-by-members": "actor_role(c, a, now) < ROLE_MEMBER",
      "bans-by-the-owner": "actor_role(c, a, now) < ROLE_OWNER"}),
    (MAY, "return actor_role(c, a, now) >= ROLE_MODERATOR;", "actor_role(c, a, now) >= ROLE_MODERATOR",
     {"keys": "actor_role(c, a, now) < ROLE_MODERATOR", "keys-by-members": "actor_role(c, a, now) >= ROLE_MEMBER",
      "keys-by-the-owner": "actor_role(c, a, now) >= ROLE_OWNER"}),
    (MAY, "if (streq(of, a->username) ||", "streq(of, a->username)",
     {"access-own": "false", "access-others": "!streq(of, a->username)"}),
    (MAY, "|| actor_role(c, a, now) >= ROLE_MODERATOR)", "actor_role(c, a, now) >= ROLE_MODERATOR",
     {"access": "actor_role(c, a, now) < ROLE_MODERATOR", "access-by-members": "actor_role(c, a, now) >= ROLE_MEMBER",
      "access-by-the-owner": "actor_role(c, a, now) >= ROLE_OWNER"}),
    (MAY, "return channel_may_set_permissions(c, a, now, f);", "channel_may_set_permissions(c, a, now, f)",
     {"debug-by-all": "0", "debug-by-moderators": "channel_may_set_topic(c, a, now, f)"}),
    (MAY, ".role = a->user_type == USER_REGISTERED", "a->user_type == USER_REGISTERED",
     {"told-role": "a->user_type != USER_REGISTERED"}),
    (MAY, ".can_view = channel_may_view(c, a, now, &f) >= 0", "channel_may_view(c, a, now, &f) >= 0",
     {"told-view": "channel_may_view(c, a, now, &f) < 0"}),
    (MAY, ".can_send = channel_may_send(c, a, now, &f) >= 0", "channel_may_send(c, a, now, &f) >= 0",
     {"told-send": "channel_may_send(c, a, now, &f) < 0"}),
    (MAY, ".can_moderate = actor_role(c, a, now) >= ROLE_MODERATOR", "actor_role(c, a, now) >= ROLE_MODERATOR",
     {"told-moderate": "actor_role(c, a, now) < ROLE_MODERATOR",
      "told-moderate-by-role": "channel_get_role(c, a->username) >= ROLE_MODERATOR"}),

    (STANDING, "return ban->until == 0 || ban->until > now;", "ban->until == 0", {"bans-for-ever": "ban->until != 0"}),
    (STANDING, "|| ban->until > now;", "ban->until > now", {"bans-until": "false"}),
    (STANDING, "if (a->key_id[0])\n                return find_ban_of(c, a->key_id, now);",
     "find_ban_of(c, a->key_id, now)", {"bans-of-keys": "NULL"}),
    (STANDING, "if (ban || a->user_type != USER_GUEST)", "a->user_type != USER_GUEST",
     {"bans-of-guests": "true"}),
    (STANDING, "if (a->key_id[0])", "a->key_id[0]", {"bans-of-names": "false"}),
    (STANDING, "now - row->begin >= KICK_USEC", "now - row->begin >= KICK_USEC", {"kicks-end": "true"}),
    (STANDING, "HASH_FIND_STR(c->kicks, a->user_type == USER_GUEST ? a->key_id", "a->user_type == USER_GUEST",
     {"kicks-of-users": "a->user_type == USER_GUEST || true"}),

    (PRESENCE, "if (!invisible || actor->user_type == USER_REGISTERED)", "actor->user_type == USER_REGISTERED",
     {"hide-guests": "true", "hide-users": "actor->user_type != USER_REGISTERED"}),
    (PRESENCE, "if (!invisible ||", "!invisible", {"hide-never-mind": "invisible"}),
]

# How something is said, not who may.
WORDING = ("if (ban->until == 0)",
           "return status == PRESENCE_ONLINE || status == PRESENCE_AWAY ? status : PRESENCE_INVALID;")

SWITCH = """
#include <stdlib.h>
#include <string.h>

static bool mutant_is(const char *name) {
        const char *mutant = getenv("P2PCHAT_MUTANT");

        return mutant && strcmp(mutant, name) == 0;
}
"""


def names():
    return [name for *_, faults in CONDITIONS for name in faults]


def find_once(text, part, where):
    if text.count(part) != 1:
        raise ValueError(f"it is there {text.count(part)} times, not once, {where}:\n{part}")
    return text.index(part)


def check_all(text, spans):
    """None was forgotten: each "if" of the rules, and each "return" that compares, has its faults."""
    for m in re.finditer(r"\bif \(.*?\)(?= \{\n|\n +[^ &|])|\breturn [^;]*[^-;][<>=!]=?[^;]*;", text, re.S):
        if m[0] not in WORDING and not any(m.start() < begin < m.end() for begin, _, _ in spans):
            raise ValueError(f"a condition that no fault is known of:\n{m[0]}")


def alter(text, path):
    """→ the source with all its faults to choose from."""
    spans = []
    for file, around, condition, faults in CONDITIONS:
        if file == path:
            begin = find_once(text, around, "in " + path) + find_once(around, condition, "in " + around)
            choice = "".join(f'mutant_is("{name}") ? ({fault}) : ' for name, fault in faults.items())
            spans.append((begin, begin + len(condition), f"({choice}({condition}))"))
    if not spans:
        raise ValueError(f"{path} has no conditions")
    if path == MAY:
        check_all(text, spans)
    for begin, end, choice in sorted(spans, reverse=True):
        text = text[:begin] + choice + text[end:]
    include = text.rindex("\n#include ")
    after = text.index("\n", include + 1) + 1
    return text[:after] + SWITCH + text[after:]


def main(path, out):
    assert len(names()) == len(set(names()))
    with open(path, encoding="utf-8") as f:
        text = f.read()
    try:
        altered = alter(text, next(p for p in (MAY, STANDING, PRESENCE) if os.path.abspath(path).endswith("/" + p)))
    except ValueError as e:
        sys.exit(f"{path}: {e}")
    with open(out, "w", encoding="utf-8") as f:
        f.write(altered)


if __name__ == "__main__":
    main(*sys.argv[1:])
