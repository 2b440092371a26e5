# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-history-errors.c must find: entries that cannot come, a daemon that goes, a log that is another one."""
from faults import IN_VAIN

ASK = "gui/model/history-ask.c"
HISTORY = "gui/model/history.c"
TAKE = "gui/model/history-take.c"

FAULTS = [
    (ASK, "«g_hash_table_add(self->failed, g_memdup2(&index, sizeof(index)));»", {
        "asks-without-end": ("", "test_refused"),
    }),
    (ASK, "«history_set_error(self, error);»", {
        "failed-silently": ("", IN_VAIN + "test_refused"),
    }),
    (ASK, "error ? «error->message»", {
        "failed-otherwise": ("\"\"", IN_VAIN + "test_refused"),
    }),
    (ASK, "«history_set_error(self, \"\");»\n        else", {
        "error-stays": (";", "test_refused"),
    }),
    (ASK, "if («n > 0»)", {
        "nothing-is-an-answer": ("TRUE", IN_VAIN + "test_begin_at_host"),
    }),
    (ASK, "history_set_error(self, error);\n        «retry_later(self);»", {
        "never-again-by-itself": ("", IN_VAIN + "test_asked_again"),
    }),
    (ASK, "return held > 0 && «first < held && last + 1 >= held»;", {
        "copy-does-not-grow": ("FALSE", "test_begin_at_host"),
    }),
    (ASK, "if («!is_failed(self, *ret_index)» &&", {
        "failed-neighbour-again": ("TRUE", "test_neighbours_refused"),
    }),
    (HISTORY, "«g_hash_table_remove_all(self->failed);»\n        self->end_failed = FALSE;\n        history_pump", {
        "failed-for-ever": ("", IN_VAIN + "test_refused"),
    }),
    (HISTORY, "«self->end_failed = FALSE;»\n        history_pump", {
        "scan-failed-for-ever": ("", IN_VAIN + "test_redact_not_found"),
    }),
    (HISTORY, "if («g_str_equal(state, \"live\")»)", {
        "host-is-back-unheard": ("FALSE", IN_VAIN + "test_refused"),
    }),
    (ASK, "«self->end_failed = TRUE;»", {
        "scans-without-end": ("", "test_redact_not_found"),
    }),
    (ASK, "if («!entries») {\n                self->end_failed", {
        "scan-failed-is-done": ("FALSE", IN_VAIN + "test_redact_not_found"),
    }),
    (ASK, "self->looked_to < self->n && «!self->end_failed»", {
        "failed-scan-again": ("TRUE", "test_redact_not_found"),
    }),
    (HISTORY, "return self->asks_page && «history_find_wanted(self, &index)»;", {
        "loading-for-nobody": ("TRUE", "test_loading"),
    }),
    (HISTORY, "return «self->asks_page» && history_find_wanted", {
        "loading-unasked": ("TRUE", "test_loading"),
    }),
    (HISTORY, "self->was_loading = loading;\n        «g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_LOADING]);»", {
        "loading-untold": ("", "test_loading"),
    }),
    (HISTORY, "if («loading == self->was_loading»)", {
        "loading-told-twice": ("FALSE", "test_loading"),
    }),
    (HISTORY, "|| «g_hash_table_contains(self->failed, &index)»;", {
        "waits-for-what-failed": ("FALSE", IN_VAIN + "test_begin_at_host"),
    }),
    (HISTORY, "if («before || one->seq == 1»)", {
        "day-for-ever": ("TRUE", "test_begin_at_host"),
    }),
    (ASK, "if («chat_remote_get_away(CHAT_REMOTE(self->channel))»)", {
        "asks-nobody": ("FALSE", "test_dies"),
    }),
    (HISTORY, "«self->generation++;»", {
        "nothing-read-anew": ("", "test_dies"),
    }),
    (HISTORY, "«chat_pages_clear(self->pages);»", {
        "old-pages-stay": ("", "test_dies"),
    }),
    (HISTORY, "{ «\"refreshed\"», G_CALLBACK(refresh) }", {
        "daemon-is-back-unheard": ("\"entries-appended\"", "test_dies"),
    }),
    (ASK, "«self->asks_page = self->asks_end = FALSE;»", {
        "unanswered-for-ever": ("", "test_anew_unanswered"),
    }),
    (HISTORY, "{ «\"notify::ignored\"», G_CALLBACK(refresh) }", {
        "ignored-unheard": ("\"notify::name\"", IN_VAIN + "test_ignored"),
    }),
    (HISTORY, "if («end < self->end»)", {
        "smaller-unheard": ("FALSE", "test_smaller_log"),
    }),
    (HISTORY, "«chat_live_clear(self->live);»", {
        "rows-of-the-old-log": ("", "test_smaller_log"),
    }),
    (HISTORY, "if («n > 0 || end > 0»)", {
        "other-log-untold": ("FALSE", IN_VAIN + "test_smaller_log"),
    }),
    (TAKE, "if («held») {", {
        "other-page-unseen": ("FALSE", "test_other_page"),
    }),
    (TAKE, "known = «one ? chat_message_get_id(one->message) : \"\"»;", {
        "other-row-unseen": ("\"\"", "test_other_log"),
    }),
    (HISTORY, "if («self->was_diverged && !is_diverged»)", {
        "host-wins-unheard": ("FALSE", "test_other_log_as_long"),
        "read-anew-each-state": ("TRUE", "test_same_log"),
    }),
]
