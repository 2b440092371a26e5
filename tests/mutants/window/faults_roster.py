# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-roster.c must find: who is listed, once and in order, and what of the list is told to change."""
from faults import IN_VAIN

ROSTER = "gui/model/roster.c"
MEMBER = "gui/model/member.c"

FAULTS = [
    (ROSTER, "if («g_hash_table_contains(self->answer, key)»)", {"told-twice": ("FALSE", "test_for_moderators")}),
    (ROSTER, "online += «chat_member_get_presence(member) <= CHAT_PRESENCE_AWAY»;", {
        "all-are-there": ("TRUE", "test_for_moderators"),
        "who-is-away-is-not-there": ("chat_member_get_presence(member) < CHAT_PRESENCE_AWAY", "test_for_moderators"),
    }),
    (ROSTER, "        «g_ptr_array_sort(now, compare);»", {"unsorted": ("", "test_for_moderators")}),
    (ROSTER, "                «g_set_object((ChatMember **) &now->pdata[begin], before->pdata[begin]);»", {
        "another-object-above": ("", "test_somebody_comes"),
    }),
    (ROSTER, "if («begin + end < before->len || begin + end < now->len»)", {
        "told-where-nothing-changed": ("TRUE", "test_somebody_comes"),
    }),
    (ROSTER, "«g_str_equal(status, \"away\")» ?", {"nobody-is-away": ("FALSE", "test_for_moderators")}),
    (ROSTER, "chat_member_new(username, FALSE, role, «CHAT_PRESENCE_OFFLINE», \"\")", {
        "all-with-roles-are-there": ("CHAT_PRESENCE_ONLINE", "test_for_moderators"),
    }),
    (ROSTER, "«chat_isolate(reason)»;", {"reason-as-it-is": ("g_strdup(reason)", "test_for_moderators")}),
    (ROSTER, "= «until > 0 && until <= G_MAXINT64»\n", {"banned-without-end": ("FALSE", "test_for_moderators")}),
    (ROSTER, "«!lists[list].is_for_moderators || chat_channel_is_ruled_by_us(self->channel)»", {
        "all-ask-who-is-banned": ("TRUE", "test_for_others"),
        "nobody-asks-who-is-banned": ("!lists[list].is_for_moderators", "test_for_moderators"),
    }),
    (ROSTER, "«self->n < CHAT_ROSTER_MAX»", {"members-without-bound": ("self->n <= CHAT_ROSTER_MAX", "test_most")}),
    (ROSTER, "        «take_owner(self);»\n", {"without-an-owner": ("", "test_for_moderators")}),
    (ROSTER, "if («self->is_stale»)\n                begin", {"amid-it-unheard": ("FALSE", IN_VAIN + "test_amid_it")}),
    (ROSTER, "                «end(self, error->message);»", {"roster-fails-in-silence": ("end(self, \"\");", "test_failed")}),
    (ROSTER, "        take_answer(self);\n        «end(self, \"\");»", {
        "roster-error-stays": ("end(self, self->error);", "test_failed"),
    }),
    (MEMBER, "{ «a->presence == CHAT_PRESENCE_BANNED», b->", {
        "banned-among-others": ("b->presence == CHAT_PRESENCE_BANNED", "test_for_moderators"),
    }),
    (MEMBER, "{ «rank(a)», rank(b) },", {"roles-do-not-lead": ("rank(b)", "test_for_moderators")}),
    (MEMBER, "{ «a->presence == CHAT_PRESENCE_OFFLINE», b->", {
        "away-before-there": ("b->presence == CHAT_PRESENCE_OFFLINE", "test_for_moderators"),
    }),
    (MEMBER, "«a->presence == b->presence»;", {"presence-makes-no-other": ("TRUE", "test_somebody_comes")}),
]
