# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-history-asked.c must find: which pages are held, what is asked for, and when."""
ASK = "gui/model/history-ask.c"
PAGES = "gui/model/history-pages.c"
TAKE = "gui/model/history-take.c"

FAULTS = [
    (PAGES, "«MIN(first_of(index + 1), end)»;", {
        "asks-behind-end": ("first_of(index + 1)", "test_only_what_is_missing"),
    }),
    (PAGES, "while («page && first <= last && page->entries[first - first_of(index)]»)", {
        "asks-for-what-is-held": ("FALSE", "test_only_what_is_missing"),
    }),
    (ASK, "chat_pages_get_n(self->pages) < «CHAT_HISTORY_PAGES_MAX»", {
        "one-page": ("1", "test_looked_at_stays"),
    }),
    (ASK, "gboolean is_seen = «g_hash_table_contains(seen, GSIZE_TO_POINTER((gsize) held + 1))»;", {
        "looked-at-page-goes": ("FALSE", "test_looked_at_stays"),
        "all-pages-seen": ("TRUE", "test_looked_at_stays"),
    }),
    (ASK, "(is_seen == is_seen_farthest && «d <= distance»)", {
        "nearest-page-goes": ("i > 0 && d >= distance", "test_farthest_goes"),
        "last-page-goes": ("FALSE", "test_farthest_goes"),
    }),
    (ASK, "«held > index ? held - index : index - held»;", {
        "distance-below": ("held > index ? held - index : 1", "test_farthest_goes"),
        "distance-above": ("held > index ? 1 : index - held", "test_farthest_goes"),
    }),
    (ASK, "if («nearest->is_there && nearest->distance <= distance»)", {
        "any-first": ("nearest->is_there", "test_nearest_of_many"),
    }),
    (ASK, "index > asked ? index - asked : «asked - index»;", {
        "older-pages-near": ("0", "test_nearest_of_many"),
    }),
    (ASK, "|| «!chat_live_find(self->live, self->asked)»)", {
        "neighbours-of-nobody": ("FALSE", "test_no_neighbours"),
    }),
    (ASK, "«is_end_seen(self)» && self->end - self->n", {
        "new-read-unseen": ("TRUE", "test_unlooked"),
    }),
    (ASK, "is_end_seen(self) && «self->end - self->n <= CHAT_HISTORY_PAGE»", {
        "many-new-at-once": ("TRUE", "test_end"),
    }),
    (ASK, "if («!self->asks_end»)", {
        "asks-the-end-twice": ("TRUE", "test_end"),
    }),
    (ASK, "«hold(self, chat_pages_index_of(q->last));»", {
        "new-page-not-held": ("", "test_end"),
    }),
    (ASK, "history_announce(self, «last == self->n ? self->end : last»);", {
        "short-answer-announced-whole": ("q->last", "test_end_in_parts"),
        "end-stuck": ("last", "test_end_refused"),
    }),
    (TAKE, "if («seq_of(entry) < first || seq_of(entry) > last»)", {
        "takes-what-was-not-asked": ("FALSE", "test_unasked"),
    }),
    (ASK, "«chat_pages_get_n(self->pages) == 0 && chat_live_get_n(self->live) == 0»", {
        "nothing-held-and-scanned": ("FALSE", "test_unlooked"),
    }),
    (ASK, "«more && next > self->looked_to && next < q->end»", {
        "scan-ends-early": ("FALSE", "test_scan_in_parts"),
    }),
    (ASK, "q->end = «self->n»;\n        self->asks_end", {
        "scan-of-what-came-since": ("self->n + 1000", "test_scan_in_parts"),
    }),
]
