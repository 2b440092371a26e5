# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-search.c must find: what is found is in order, bounded, and of the query that was asked last."""
SEARCH = "gui/model/search.c"

FAULTS = [
    (SEARCH, "g_variant_get_child_value(entries, «i - 1»);\n                ChatMessage *message;", {
        "oldest-first": ("g_variant_n_children(entries) - i", "test_pages"),
    }),
    (SEARCH, "             i > 0 && «self->found->len < CHAT_SEARCH_MAX»; i--)", {"held-without-bound": ("TRUE", "test_most")}),
    (SEARCH, "if (!more || «self->found->len >= CHAT_SEARCH_MAX» ||", {"asked-without-bound": ("FALSE", "test_most")}),
    (SEARCH, "«next == 0» ||", {"asked-from-nowhere": ("FALSE", "test_no_end")}),
    (SEARCH, "self->anchor > 0 && «next >= self->anchor»", {"asked-for-ever": ("FALSE", "test_no_end")}),
    (SEARCH, "«!self->is_complete && self->found->len < self->wanted»", {
        "short-page-is-the-end": ("FALSE", "test_pages"),
        "all-at-once": ("!self->is_complete", "test_pages"),
    }),
    (SEARCH, "if («self->is_asking || self->is_complete» || *self->query", {
        "asked-twice": ("self->is_complete", "test_pages"),
        "asked-behind-the-end": ("self->is_asking", "test_pages"),
    }),
    (SEARCH, "void chat_search_stop(ChatSearch *self) {\n        «g_cancellable_cancel(self->cancellable);»", {
        "stopped-and-comes": ("", "test_stopped"),
    }),
    (SEARCH, "                return FALSE;\n        «chat_search_stop(self);»", {
        "older-query-comes": ("", "test_newer_query"),
    }),
    (SEARCH, "        «self->anchor = 0;»", {"begins-amid-it": ("", "test_newer_query")}),
    (SEARCH, "        «g_ptr_array_set_size(self->found, 0);»", {"found-for-another": ("", "test_newer_query")}),
    (SEARCH, "«set_error(self, g_steal_pointer(&error));»", {"fails-in-silence": ("", "test_failed")}),
    (SEARCH, "«set_error(self, NULL);»\n        self->wanted", {"search-error-stays": ("", "test_failed")}),
    (SEARCH, "«set_error(self, NULL);»\n        set_complete", {"error-of-another": ("", "test_failed")}),
]
