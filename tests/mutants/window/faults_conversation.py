# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-conversation.c must find."""
CONVERSATION = "gui/model/conversation.c"
OUTBOX = "gui/model/outbox.c"

FAULTS = [
    (CONVERSATION, "return «count(self->history) + count(self->outbox)»;", {
        "conversation-of-log-alone": ("count(self->history)", "test_order"),
    }),
    (CONVERSATION, "return «position < n» ?", {"conversation-one-too-far": ("position <= n", "test_order")}),
    (CONVERSATION, "(G_LIST_MODEL(self->outbox), «position - n»)", {
        "conversation-last-waits-first": ("count(self->outbox) - 1 - (position - n)", "test_order"),
    }),
    (CONVERSATION, "«g_list_model_items_changed(G_LIST_MODEL(self), position, removed, added);»", {
        "conversation-log-unheard": (";", "test_changes"),
    }),
    (CONVERSATION, "items_changed(G_LIST_MODEL(self), «count(self->history) + position», removed,", {
        "conversation-waits-in-front": ("position", "test_order"),
    }),
    (CONVERSATION, "«chat_outbox_drop(self->outbox, id);»", {"conversation-stored-still-waits": (";", "test_stored")}),
    (OUTBOX, "set_begins_group(self->rows->pdata[i], «i == 0»)", {"outbox-each-a-group": ("TRUE", "test_order")}),
    (OUTBOX, "if («begin + end < before->len || begin + end < rows->len»)\n", {
        "outbox-nothing-is-change": ("TRUE", "test_changes"),
        "outbox-gone-unsaid": ("begin + end < rows->len", "test_outbox_alone"),
    }),
    (OUTBOX, "if («is_shown || self->is_asking»)\n", {
        "outbox-shown-comes-back": ("self->is_asking", "test_stored"),
        "outbox-asked-comes-back": ("is_shown", "test_stored_under_way"),
    }),
    (OUTBOX, "g_ptr_array_remove_index(self->rows, position);\n        «group(self);»", {
        "outbox-next-without-group": (";", "test_stored"),
    }),
    (OUTBOX, "if («!g_str_equal(state, \"queued\") && !g_str_equal(state, \"failed\")»)\n", {
        "outbox-stored-waits": ("FALSE", "test_order"),
        "outbox-failed-unseen": ("!g_str_equal(state, \"queued\")", "test_order"),
    }),
    (OUTBOX, "«known ? g_object_ref(known) : chat_message_new_outbox(row, self->own)»", {
        "outbox-another-object": ("chat_message_new_outbox(row, self->own)", "test_changes"),
    }),
    (OUTBOX, "«chat_message_take_row(known, row);»", {"outbox-state-stays": (";", "test_changes")}),
    (OUTBOX, "if («g_hash_table_contains(self->dropped, id)»)\n", {"outbox-dropped-comes-back": ("FALSE", "test_stored")}),
    (OUTBOX, "if («*after»)\n", {"outbox-first-page-again": ("FALSE", "test_pages")}),
    (OUTBOX, "if («*next && g_variant_n_children(rows) > 0»)\n", {
        "outbox-one-page": ("FALSE", "test_pages"),
        "outbox-follows-nothing": ("*next", "test_pages"),
    }),
]
