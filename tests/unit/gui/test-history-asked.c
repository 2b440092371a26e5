/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a log is asked for, when, and what of it is held; leaves what rows show of it to
 * test-history.c. */
#include "unit/gui/history-fixture.h"

static gboolean is_held(gpointer userdata) {
        return scripted_n_held(((Fixture *) userdata)->d, "GetMessages") > 0;
}

static gboolean has_grown(gpointer userdata) {
        return ((Fixture *) userdata)->added > 0;
}

/* The n-th call; kind: of what it asked for alone, "": of all. */
static void assert_asked(Fixture *f, guint n, guint64 after, guint limit, const char *kind) {
        g_autoptr(GVariant) options = NULL;
        g_auto(GStrv) kinds = NULL;
        guint64 anchor;
        guint asked;

        assert_true(n < scripted_count(f->d, "GetMessages"));
        g_variant_get(scripted_call(f->d, "GetMessages", n), "(tu@a{sv})", &anchor, &asked,
                      &options);
        g_variant_lookup(options, "kinds", "^as", &kinds);
        assert_int_equal(anchor, after);
        assert_int_equal(asked, limit);
        assert_string_equal(kinds ? kinds[0] : "", kind);
}

static void assert_page(Fixture *f, guint n, guint64 index) {
        assert_asked(f, n, index * CHAT_HISTORY_PAGE - 1, CHAT_HISTORY_PAGE + 1, "");
}

/* What is held is there at once. */
static void assert_page_is_held(Fixture *f, guint64 index, gboolean is) {
        fixture_look(f, (guint) index * CHAT_HISTORY_PAGE + 50, 10);
        assert_int_equal(fixture_is_filled(f), is);
}

/* … and one page beside each side of it. */
static void see_page(Fixture *f, guint64 index) {
        fixture_see(f, (guint) index * CHAT_HISTORY_PAGE + 50, 10);
        scripted_settle(f->d);
        scripted_settle(f->d);
}

static void test_farthest_goes(void **state) {
        Fixture f;

        fixture_begin(&f, 10000);
        fixture_open(&f, "alice");
        see_page(&f, 10);
        see_page(&f, 20);
        see_page(&f, 30);
        assert_int_equal(chat_history_get_n_pages(f.history), CHAT_HISTORY_PAGES_MAX);
        for (guint64 index = 19; index <= 21; index++)
                assert_page_is_held(&f, index, TRUE);
        assert_page_is_held(&f, 10, FALSE);
        fixture_forget(&f);
        see_page(&f, 5);
        for (guint64 index = 19; index <= 21; index++)
                assert_page_is_held(&f, index, TRUE);
        assert_page_is_held(&f, 30, FALSE);
        fixture_end(&f);
}

static void test_looked_at_stays(void **state) {
        g_autoptr(GObject) kept = NULL;
        Fixture f;

        fixture_begin(&f, 10000);
        fixture_open(&f, "alice");
        see_page(&f, 10);
        kept = G_OBJECT(g_object_ref(f.rows[0]));
        for (guint64 index = 20; index <= 80; index += 10)
                see_page(&f, index);
        assert_page_is_held(&f, 10, TRUE);
        assert_page_is_held(&f, 11, FALSE);
        fixture_end(&f);
}

static void test_nearest_of_many(void **state) {
        static const guint pages[] = { 330, 297, 270, 316, 290, 310, 305 };
        static const guint order[] = { 300, 305, 310, 297, 316, 290, 330, 270 };
        GObject *rows[G_N_ELEMENTS(pages) + 1];
        Fixture f;

        fixture_begin(&f, 100000);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        rows[0] = g_list_model_get_item(G_LIST_MODEL(f.history), 300 * CHAT_HISTORY_PAGE + 50);
        scripted_run(is_held, &f);
        for (gsize i = 0; i < G_N_ELEMENTS(pages); i++)
                rows[i + 1] = g_list_model_get_item(G_LIST_MODEL(f.history),
                                                    pages[i] * CHAT_HISTORY_PAGE + 50);
        scripted_release(f.d, "GetMessages");
        for (gsize i = 0; i < G_N_ELEMENTS(order); i++)
                scripted_settle(f.d);
        for (gsize i = 0; i < G_N_ELEMENTS(order); i++)
                assert_page(&f, (guint) i, order[i]);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                g_object_unref(rows[i]);
        fixture_end(&f);
}

/* Nobody looks there any more. */
static void test_no_neighbours(void **state) {
        Fixture f;

        fixture_begin(&f, 10000);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 5050, 10);
        scripted_run(is_held, &f);
        fixture_forget(&f);
        scripted_release(f.d, "GetMessages");
        scripted_settle(f.d);
        assert_int_equal(scripted_count(f.d, "GetMessages"), 1);
        fixture_end(&f);
}

static void test_only_what_is_missing(void **state) {
        Fixture f;

        fixture_begin(&f, 250);
        fixture_open(&f, "alice");
        fixture_see(&f, 220, 10);
        scripted_settle(f.d);
        assert_asked(&f, 0, 199, 51, "");
        assert_asked(&f, 1, 99, 101, "");
        assert_int_equal(scripted_count(f.d, "GetMessages"), 2);
        scripted_append(f.log, 30);
        scripted_settle(f.d);
        assert_asked(&f, 2, 250, 500, "redact");
        fixture_see(&f, 260, 10);
        assert_asked(&f, 3, 250, 30, "");
        fixture_end(&f);
}

static void test_unlooked(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_append(f.log, 5);
        scripted_settle(f.d);
        assert_int_equal(f.added, 5);
        assert_int_equal(scripted_count(f.d, "GetMessages"), 0);
        /* Where the end is not seen only what was removed is looked for. */
        fixture_see(&f, 300, 10);
        scripted_settle(f.d);
        assert_int_equal(scripted_count(f.d, "GetMessages"), 3);
        scripted_append(f.log, 5);
        scripted_settle(f.d);
        assert_int_equal(scripted_count(f.d, "GetMessages"), 4);
        assert_asked(&f, 3, 1005, 500, "redact");
        fixture_end(&f);
}

static void test_end(void **state) {
        Fixture f;

        fixture_begin(&f, 250);
        fixture_open(&f, "alice");
        fixture_see(&f, 200, 50);
        scripted_settle(f.d);
        /* All at once, across the end of a page. */
        scripted_append(f.log, 60);
        scripted_run(has_grown, &f);
        assert_asked(&f, scripted_count(f.d, "GetMessages") - 1, 250, 60, "");
        assert_int_equal(f.n_changes, 1);
        assert_int_equal(f.added, 60);
        fixture_see(&f, 300, 10);
        scripted_settle(f.d);

        /* One question at a time. */
        scripted_hold(f.d, "GetMessages");
        scripted_append(f.log, 1);
        scripted_run(is_held, &f);
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        assert_int_equal(scripted_n_held(f.d, "GetMessages"), 1);
        scripted_release(f.d, "GetMessages");
        scripted_settle(f.d);
        assert_int_equal(f.added, 62);
        fixture_see(&f, 302, 10);
        scripted_settle(f.d);

        /* What is more than a page is not waited for. */
        scripted_hold(f.d, "GetMessages");
        scripted_append(f.log, CHAT_HISTORY_PAGE + 1);
        scripted_settle(f.d);
        assert_int_equal(f.added, 62 + CHAT_HISTORY_PAGE + 1);
        scripted_release(f.d, "GetMessages");
        fixture_end(&f);
}

static void test_end_in_parts(void **state) {
        Fixture f;

        fixture_begin(&f, 250);
        fixture_open(&f, "alice");
        fixture_see(&f, 240, 10);
        scripted_settle(f.d);
        scripted_set_page_max(f.log, 30);
        scripted_append(f.log, 40);
        scripted_run(has_grown, &f);
        assert_int_equal(f.added, 30);
        fixture_look(&f, 250, 30);
        assert_true(fixture_is_filled(&f));
        scripted_settle(f.d);
        assert_int_equal(f.added, 40);
        fixture_end(&f);
}

/* It is told all the same: a page shows what is wrong. */
static void test_end_refused(void **state) {
        Fixture f;

        fixture_begin(&f, 250);
        fixture_open(&f, "alice");
        fixture_see(&f, 240, 10);
        scripted_settle(f.d);
        scripted_refuse(f.d, "GetMessages", "Busy", "Not now.", 1000000);
        scripted_append(f.log, 2);
        scripted_settle(f.d);
        assert_int_equal(f.added, 2);
        fixture_end(&f);
}

/* An answer to something else is none. */
static void test_unasked(void **state) {
        g_autofree char *error = NULL;
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_answer(f.d, "GetMessages",
                        g_variant_new_parsed("([(uint64 5, 'id', 'message', 'bob', 'registered', "
                                             "uint64 1, {'text': <'x'>})], {'more': <false>})"));
        fixture_look(&f, 500, 10);
        scripted_settle(f.d);
        g_object_get(f.history, "error", &error, NULL);
        assert_string_equal(error, "Older messages come when the channel’s host is online.");
        fixture_end(&f);
}

static void put_removal(Fixture *f, guint64 seq, guint64 target) {
        scripted_put(f->log, seq, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <%t>}", target));
}

static void test_scan_in_parts(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        fixture_see(&f, 0, 10);
        scripted_settle(f.d);
        scripted_set_page_max(f.log, 1);
        for (guint64 i = 1; i <= 3; i++)
                put_removal(&f, 1000 + i, i);
        scripted_append(f.log, 5);
        for (guint i = 0; i < 4; i++)
                scripted_settle(f.d);
        for (guint i = 0; i < 5; i++)
                assert_int_equal(chat_message_is_removed(f.rows[i]), i < 3);
        /* From there on. */
        put_removal(&f, 1006, 5);
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        assert_true(chat_message_is_removed(f.rows[4]));
        assert_asked(&f, scripted_count(f.d, "GetMessages") - 1, 1005, 500, "redact");
        fixture_end(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_farthest_goes),
                cmocka_unit_test(test_looked_at_stays),
                cmocka_unit_test(test_nearest_of_many),
                cmocka_unit_test(test_no_neighbours),
                cmocka_unit_test(test_only_what_is_missing),
                cmocka_unit_test(test_unlooked),
                cmocka_unit_test(test_end),
                cmocka_unit_test(test_end_in_parts),
                cmocka_unit_test(test_end_refused),
                cmocka_unit_test(test_unasked),
                cmocka_unit_test(test_scan_in_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
