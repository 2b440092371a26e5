# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-directory.c must find."""
DIRECTORY = "gui/model/directory.c"

FAULTS = [
    (DIRECTORY, "return «g_str_equal(column(self, 4), \"restricted\")»;", {
        "directory-restricted-of-any-case": ("g_ascii_strcasecmp(column(self, 4), \"restricted\") == 0", "test_fields"),
        "directory-restricted-untold": ("FALSE", "test_fields"),
    }),
    (DIRECTORY, "self->topic = «chat_line(column(self, 3))»;", {
        "directory-topic-as-it-is": ("g_strdup(column(self, 3))", "test_fields"),
    }),
    (DIRECTORY, "if («!g_variant_lookup(extra, \"id\", \"s\", &self->id)»)\n", {
        "directory-id-unread": ("TRUE", "test_fields"),
    }),
    (DIRECTORY, "if («!g_variant_lookup(extra, \"online\", \"b\", &self->is_online)»)\n", {
        "directory-all-online": ("TRUE", "test_fields"),
        "directory-offline-unless-said": ("g_variant_lookup(extra, \"online\", \"b\", &self->is_online), FALSE",
                                          "test_fields"),
    }),
    (DIRECTORY, "return «g_variant_equal(a->row, b->row)»;", {
        "directory-same-by-name": ("g_str_equal(column(a, 0), column(b, 0))", "test_anew"),
        "directory-nothing-the-same": ("FALSE", "test_anew"),
    }),
    (DIRECTORY, "while («tail < MIN(old->len, anew->len) - head &&\n"
                "               is_same(old->pdata[old->len - 1 - tail], anew->pdata[anew->len - 1 - tail])»)\n", {
        "directory-end-moves": ("FALSE", "test_anew"),
    }),
    (DIRECTORY, "«g_set_object((GObject **) &anew->pdata[i], old->pdata[i]);»", {
        "directory-other-objects-in-front": (";", "test_anew"),
    }),
    (DIRECTORY, "«g_set_object((GObject **) &anew->pdata[anew->len - i], old->pdata[old->len - i]);»", {
        "directory-other-objects-behind": (";", "test_anew"),
    }),
    (DIRECTORY, "«self->is_other = FALSE;»", {"directory-other-for-ever": (";", "test_query_answered")}),
    (DIRECTORY, "if («removed + added > 0»)\n", {"directory-nothing-is-change": ("TRUE", "test_anew")}),
    (DIRECTORY, "while («into->len < CHAT_DIRECTORY_MAX» && (row", {"directory-without-limit": ("TRUE", "test_greedy")}),
    (DIRECTORY, "if («!self->anew && into->len > before»)\n", {
        "directory-page-untold": ("FALSE", "test_pages"),
    }),
    (DIRECTORY, "g_list_model_items_changed(G_LIST_MODEL(self), «before», 0, into->len - before);", {
        "directory-page-in-front": ("0", "test_pages"),
    }),
    (DIRECTORY, "return «into->len - before == g_variant_n_children(rows)»;", {
        "directory-cut-is-end": ("TRUE", "test_page_beyond_limit"),
    }),
    (DIRECTORY, "if («g_str_equal(self->next, before)»)\n", {
        "directory-goes-nowhere": ("FALSE", "in vain: test_leads_nowhere"),
        "directory-always-at-end": ("TRUE", "test_pages"),
    }),
    (DIRECTORY, "if («*self->next && (self->anew ?: self->entries)->len < self->wanted») {", {
        "directory-short-page-is-enough": ("FALSE", "test_short_pages"),
        "directory-all-at-once": ("*self->next && (self->anew ?: self->entries)->len < CHAT_DIRECTORY_MAX", "test_pages"),
        "directory-empty-page-is-enough": ("*self->next && g_variant_n_children(rows) > 0 && "
                                           "(self->anew ?: self->entries)->len < self->wanted", "test_empty_pages"),
    }),
    (DIRECTORY, "if («*self->next == '\\0' && is_whole»)\n", {
        "directory-end-untold": ("FALSE", "test_pages"),
        "directory-cut-is-complete": ("*self->next == '\\0'", "test_page_beyond_limit"),
    }),
    (DIRECTORY, "if («self->is_other»)\n                take_place", {
        "directory-failed-query-shows-other": ("FALSE", "test_query_failed"),
        "directory-failed-shows-nothing": ("TRUE", "test_failed"),
    }),
    (DIRECTORY, "if (reply) {\n                «g_clear_error(&self->error);»", {
        "directory-error-stays": (";", "test_failed"),
    }),
    (DIRECTORY, "if («*self->query»)\n", {"directory-query-unsaid": ("FALSE", "test_query")}),
    (DIRECTORY, "if («*self->next»)\n", {"directory-first-page-again": ("FALSE", "test_pages")}),
    (DIRECTORY, "g_variant_new_uint32(«CHAT_DIRECTORY_PAGE_ENTRIES»)", {"directory-page-of-ten": ("10", "test_pages")}),
    (DIRECTORY, "G_VARIANT_TYPE(\"(a\" ROW \"s)\"), self->cancellable, on_page,\n"
                "                               «self»);", {
        "directory-held-by-call": ("g_object_ref(self)", "test_freed"),
    }),
    (DIRECTORY, "return «CLAMP(n, CHAT_DIRECTORY_PAGE_ENTRIES, CHAT_DIRECTORY_MAX)»;", {
        "directory-as-little-as-there-was": ("n", "test_short_pages"),
    }),
    (DIRECTORY, "so_many(«self->is_other ? 0 : self->entries->len»)", {
        "directory-anew-one-page": ("0", "test_anew"),
        "directory-query-as-many": ("self->entries->len", "test_query_answered"),
    }),
    (DIRECTORY, "self->anew = g_ptr_array_new_with_free_func(g_object_unref);\n"
                "        g_free(self->next);\n"
                "        self->next = «g_strdup(\"\")»;", {
        "directory-anew-from-the-end": ("g_strdup(\"c0099\")", "test_anew"),
    }),
    (DIRECTORY, "if («g_str_equal(self->query, query)»)\n", {"directory-same-query-again": ("FALSE", "test_query")}),
    (DIRECTORY, "«self->is_other = TRUE;»", {"directory-other-is-same": (";", "test_query_failed")}),
    (DIRECTORY, "if («self->state != CHAT_DIRECTORY_PARTIAL»)\n", {
        "directory-more-behind-the-end": ("self->state == CHAT_DIRECTORY_LOADING", "test_pages"),
        "directory-more-while-it-comes": ("self->state == CHAT_DIRECTORY_COMPLETE", "test_pages"),
    }),
    (DIRECTORY, "so_many(self->entries->len + «CHAT_DIRECTORY_PAGE_ENTRIES»)", {
        "directory-more-is-one": ("1", "test_short_pages"),
    }),
    (DIRECTORY, "if («self->again == 0»)\n", {"directory-read-for-each-change": ("TRUE", "test_many_changes")}),
    (DIRECTORY, "«g_signal_connect_swapped(daemon, \"directory-changed\", G_CALLBACK(on_changed), self);»", {
        "directory-changes-unheard": (";", "in vain: test_anew"),
    }),
    (DIRECTORY, "«g_signal_connect_swapped(daemon, \"refreshed\", G_CALLBACK(on_changed), self);»", {
        "directory-daemon-unheard": (";", "in vain: test_daemon_dies"),
    }),
]
