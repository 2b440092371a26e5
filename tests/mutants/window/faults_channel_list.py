# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-channel-list.c must find: which channel stands where, and which is next."""
LIST = "gui/model/channel-list.c"

FAULTS = [
    (LIST, "if («chat_channel_get_mentions(channel) > 0»)", {"mentions-do-not-lead": ("FALSE", "test_order")}),
    (LIST, "return «chat_channel_get_unread(channel) > 0» ?", {"unread-does-not-lead": ("FALSE", "test_order")}),
    (LIST, "return g_utf8_collate_key(«folded», -1);", {
        "capitals-first": ("chat_channel_get_name(channel)", "test_order"),
    }),
    (LIST, "if («compare(entries->pdata[middle], entry) < 0»)", {
        "backwards": ("compare(entries->pdata[middle], entry) > 0", "test_order"),
    }),
    (LIST, "if («from != to»)", {"moved-untold": ("FALSE", "test_order")}),
    (LIST, "«entry->channel == self->shown» ? entry->rank", {"shown-moves": ("FALSE", "test_shown_stays")}),
    (LIST, "entry->rank = rank;\n        if («!self->is_held»)", {"held-moves": ("TRUE", "test_held")}),
    (LIST, "= «self->is_held ? self->entries->len : find_place(self->entries, entry)»;", {
        "added-among-held": ("find_place(self->entries, entry)", "test_held"),
        "added-last": ("self->entries->len", "test_order"),
    }),
    (LIST, "if («g_set_object(&self->shown, channel) && before»)", {
        "left-stays-where-it-was": ("g_set_object(&self->shown, channel) && FALSE", "test_shown_stays"),
    }),
    (LIST, "«g_ptr_array_sort(self->entries, compare_items);»", {"released-unsorted": ("", "test_held")}),
    (LIST, "if («begin < end»)\n", {"unmoved-is-told": ("TRUE", "test_held")}),
    (LIST, "if («!is_held»)\n                settle_all", {"released-unheard": ("FALSE", "test_held")}),
    (LIST, "«is_up ? 0 : n - 1»;", {"from-none-to-the-other-end": ("is_up ? n - 1 : 0", "test_next")}),
    (LIST, "(«is_up ? n - i : i»)) % n", {
        "next-is-always-below": ("i", "test_next"),
        "next-is-always-above": ("n - i", "test_next"),
    }),
    (LIST, "«entry->channel != from» && rank_of", {"next-is-itself": ("TRUE", "test_next")}),
    (LIST, "&& «rank_of(entry->channel) != RANK_READ»", {
        "next-is-read": ("TRUE", "test_next"),
        "next-by-where-it-stands": ("entry->rank != RANK_READ", "test_shown_stays"),
    }),
    (LIST, "if («!is_unread» ||", {"next-is-unread-always": ("FALSE", "test_next")}),
    (LIST, "«\"notify::unread\"», G_CALLBACK", {"counts-unheard": ("\"notify::topic\"", "test_order")}),
]
