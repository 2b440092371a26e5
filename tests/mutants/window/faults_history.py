# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-history.c must find: what rows show, what is new, what is removed, the line above what is unread."""
from faults import ALSO, IN_VAIN

ASK = "gui/model/history-ask.c"
HISTORY = "gui/model/history.c"
PAGES = "gui/model/history-pages.c"
TAKE = "gui/model/history-take.c"

FAULTS = [
    (PAGES, "return «(seq - 1) / CHAT_HISTORY_PAGE»;", {
        "page-of-next": ("seq / CHAT_HISTORY_PAGE", "test_nearest_first"),
    }),
    (PAGES, "next = «seq == first_of(index + 1) ? find(self, index + 1) : NULL»;\n        return", {
        "nothing-before-a-page": ("NULL", "test_nearest_first"),
    }),
    (PAGES, "Page *next = «seq == first_of(index + 1) ? find(self, index + 1) : NULL»;", {
        "before-a-page-not-kept": ("NULL", "test_nearest_first"),
    }),
    (PAGES, "«g_assert(self->pages->len < CHAT_HISTORY_PAGES_MAX);»", {
        "seven-pages": ("", ALSO),
    }),
    (ASK, "chat_pages_get_n(self->pages) < «CHAT_HISTORY_PAGES_MAX»", {
        "seven-pages": ("CHAT_HISTORY_PAGES_MAX + 1", "test_whole"),
    }),
    (ASK, "!self->asks_page && («history_find_wanted(self, &index) || find_neighbour(self, &index)»)", {
        "neighbours-first": ("find_neighbour(self, &index) || history_find_wanted(self, &index)", "test_nearest_first"),
        "no-neighbours": ("history_find_wanted(self, &index)", "test_nearest_first"),
    }),
    (ASK, "if («!self->asks_page» && (history", {
        "two-pages-at-once": ("TRUE", "test_nearest_first"),
    }),
    (ASK, "if («nearest->is_there && nearest->distance <= distance»)", {
        "farthest-first": ("nearest->is_there && nearest->distance >= distance", "test_nearest_first"),
    }),
    (ASK, "«one->generation == self->generation» || is_failed", {
        "asks-for-what-is-shown": ("FALSE", "test_nearest_first"),
    }),
    (ASK, "*ret_index = «i == 0 ? here - 1 : here + 1»;", {
        "neighbour-above-only": ("here - 1", "test_nearest_first"),
        "neighbour-below-only": ("here + 1", "test_nearest_first"),
    }),
    (ASK, "query.before = «joins_copy(self, first, last)»;", {
        "asks-backwards": ("TRUE", "test_nearest_first"),
    }),
    (ASK, "query.limit = «(guint) (last - first + 1)»;\n        self->asks_page", {
        "asks-for-one-less": ("(guint) (last - first)", "test_nearest_first"),
    }),
    (HISTORY, "if («position >= self->n»)", {
        "item-behind-end": ("FALSE", "test_filled_in_place"),
    }),
    (HISTORY, "self->asked = «(guint64) position + 1»;", {
        "nearest-to-first-asked": ("self->asked ? self->asked : (guint64) position + 1", "test_nearest_first"),
    }),
    (HISTORY, "if («one»)\n                return g_object_ref(one->message);", {
        "row-of-two-objects": ("FALSE", "test_filled_in_place"),
    }),
    (HISTORY, "«fill(self, message);»\n        history_pump", {
        "filled-late": ("", "test_filled_in_place"),
    }),
    (HISTORY, "«g_list_model_items_changed(G_LIST_MODEL(self), (guint) n, 0, (guint) (to - n));»", {
        "growth-replaces-all":
            ("g_list_model_items_changed(G_LIST_MODEL(self), 0, (guint) n, (guint) to);", "test_growth_at_end"),
        "growth-untold": ("", "test_growth_elsewhere"),
    }),
    (ASK, "«is_end_seen(self)» && self->end - self->n", {
        "new-unfilled": ("FALSE", "test_growth_at_end"),
    }),
    (ASK, "return one && «one->generation == self->generation»;", {
        "end-seen-unfilled": ("TRUE", "test_growth_under_way"),
    }),
    (ASK, "if («!self->asks_end»)", {
        "new-waits-for-page": ("!self->asks_end && !self->asks_page", "test_growth_behind_slow_page"),
    }),
    (ASK, "const ChatMessagesQuery query = { .anchor = «self->n»,", {
        "new-asked-from-before": ("self->n - 1", "test_growth_at_end"),
    }),
    (TAKE, "is_message(entry) && self->own && «g_str_equal(sender, self->own)»", {
        "all-are-own": ("TRUE", "test_own_stored"),
        "none-is-own": ("FALSE", "test_own_stored"),
    }),
    (TAKE, "if («is_message(entry)» && self->own", {
        "own-events-are-messages": ("TRUE", "test_own_stored"),
    }),
    (TAKE, "|| «!is_message(entry)» || is_removed", {
        "events-are-removed": ("FALSE", "test_redact_other"),
    }),
    (TAKE, "|| «is_removed(entry)»)", {
        "removed-twice": ("FALSE", "test_redact_again"),
    }),
    (TAKE, "if («!g_str_equal(kind, \"redact\")» ||", {
        "anything-removes": ("FALSE", "test_redact_other"),
    }),
    (TAKE, "«target == 0 || target >= seq»)", {
        "removes-what-comes": ("target == 0", "test_redact_other"),
    }),
    (TAKE, "if («*reason»)", {
        "reason-forgotten": ("FALSE", "test_redact_again"),
    }),
    (TAKE, "«replace(self, target, g_variant_dict_end(&redacted));»", {
        "removed-until-shown-again": ("g_variant_dict_clear(&redacted);", "test_redact"),
    }),
    (TAKE, "«history_redact(self, entry);»\n        }\n        return TRUE;", {
        "removed-unread": ("", IN_VAIN + "test_redact"),
    }),
    (ASK, "«self->looked_to < self->n» && !self->end_failed", {
        "removed-elsewhere": ("FALSE", IN_VAIN + "test_redact"),
    }),
    (ASK, "«chat_pages_get_n(self->pages) == 0 && chat_live_get_n(self->live) == 0»", {
        "held-and-not-scanned": ("TRUE", IN_VAIN + "test_redact"),
    }),
    (TAKE, "return «age > 0» &&", {
        "future-is-too-old": ("TRUE", "test_retention_of_what_comes"),
    }),
    (TAKE, "86400 >= «days»", {
        "one-day-more": ("days + 1", "test_retention_of_what_comes"),
    }),
    (TAKE, "if («days == 0» || self->clock_is_wrong)", {
        "nothing-is-kept": ("FALSE", "test_whole"),
    }),
    (TAKE, "if (days == 0 || «self->clock_is_wrong»)", {
        "old-by-a-wrong-clock": ("FALSE", "test_retention"),
    }),
    (TAKE, "«expire_page(self, chat_pages_get_index(self->pages, i), days);»", {
        "old-shown-again": (";", "test_retention"),
    }),
    (TAKE, "if («is_expired(chat_message_get_time(m), days)»)", {
        "old-stays-in-view": ("FALSE", "test_retention_of_what_comes"),
    }),
    (ASK, "«history_expire(self);»", {
        "old-when-it-comes": ("", "test_retention_of_what_comes"),
    }),
    (HISTORY, "return «!is_hidden» && g_str_equal", {
        "unread-of-ignored": ("TRUE", "test_unread_of_ignored"),
    }),
    (HISTORY, "&& «g_str_equal(kind, \"message\")» && g_strcmp0", {
        "unread-events": ("TRUE", "test_unread_line"),
    }),
    (HISTORY, "&& «g_strcmp0(sender, self->own) != 0»;", {
        "unread-own": ("TRUE", "test_unread_line"),
    }),
    (HISTORY, "«chat_message_set_begins_unread(message, self->unread_seq == one->seq);»", {
        "no-line-when-filled": ("", "test_unread_line"),
    }),
    (HISTORY, "«mark_unread(self, self->unread_seq, TRUE);»", {
        "no-line-in-view": ("", "test_unread_line"),
    }),
    (HISTORY, "«mark_unread(self, before, FALSE);»", {
        "line-stays": (";", "test_unread_line"),
    }),
    (HISTORY, "|| «self->unread_seq > 0»)", {
        "line-moves": ("FALSE", "test_unread_line"),
    }),
    (ASK, "history_fill(self);\n        «history_find_unread(self);»\n        history_expire", {
        "no-line-on-page": ("", "test_unread_line"),
    }),
    (ASK, "history_fill(self);\n        «history_find_unread(self);»\n        history_pump", {
        "no-line-at-end": ("", "test_unread_line"),
    }),
]
