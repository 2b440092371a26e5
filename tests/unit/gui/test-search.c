/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows in which order what is found comes, when it ends and what of it is of an older query; leaves
 * what is found to the daemon. */
#include "unit/gui/history-fixture.h"
#include "gui/model/search.h"

/* What the daemon finds: entries last, last - 1, …, so many a page, down to first. */
typedef struct World {
        Fixture f;
        ChatSearch *search;
        guint64 last, first;
        guint a_page;
        gboolean is_stuck; /* says that there is more, behind the same place */
} World;

static GVariant *entry_new(guint64 seq) {
        return g_variant_new_parsed("(%t, 'message', %s, 'bob', 'registered', @t 1, "
                                    "{'message_content': <'found'>})",
                                    seq, "id");
}

static GVariant *answer(ScriptedDaemon *d, const char *path, GVariant *parameters,
                        gpointer userdata, GError **error) {
        World *w = userdata;
        g_autoptr(GVariant) options = g_variant_get_child_value(parameters, 2);
        guint64 anchor = w->last + 1, begin;
        GVariantBuilder entries;

        g_variant_lookup(options, "anchor", "t", &anchor);
        begin = anchor > w->first + w->a_page ? anchor - w->a_page : w->first;
        g_variant_builder_init(&entries, G_VARIANT_TYPE("a(tssssta{sv})"));
        for (guint64 seq = begin; seq < anchor; seq++)
                g_variant_builder_add_value(&entries, entry_new(seq));
        if (w->is_stuck)
                begin = anchor;
        return g_variant_new("(a(tssssta{sv})@a{sv})", &entries,
                             g_variant_new_parsed("{'more': <%b>, 'next_anchor': <%t>, "
                                                  "'first_seq': <@t 7>}",
                                                  w->is_stuck || begin > w->first, begin));
}

static void begin(World *w, guint64 last, guint a_page) {
        *w = (World){ .last = last, .first = 1, .a_page = a_page };
        fixture_begin(&w->f, 10);
        scripted_answer_by(w->f.d, "Search", answer, w);
        w->search = chat_search_new(w->f.channel, "alice");
}

static void end(World *w) {
        g_clear_object(&w->search);
        fixture_end(&w->f);
}

static guint count(World *w) {
        return g_list_model_get_n_items(G_LIST_MODEL(w->search));
}

/* The newest first, without a hole. */
static void assert_found(World *w, guint n) {
        assert_int_equal(count(w), n);
        for (guint i = 0; i < n; i++) {
                g_autoptr(ChatMessage) m = g_list_model_get_item(G_LIST_MODEL(w->search), i);
                assert_int_equal(chat_message_get_seq(m), w->last - i);
        }
}

static void test_pages(void **state) {
        World w;

        /* Short pages are no end: it goes on until there is enough. */
        begin(&w, 130, 20);
        assert_true(chat_search_set_query(w.search, "word"));
        assert_true(chat_search_is_loading(w.search));
        scripted_settle(w.f.d);
        assert_false(chat_search_is_loading(w.search));
        assert_found(&w, 60);
        assert_false(chat_search_is_complete(w.search));
        assert_int_equal(chat_search_get_first_seq(w.search), 7);
        chat_search_more(w.search);
        chat_search_more(w.search); /* one is on its way */
        scripted_settle(w.f.d);
        assert_found(&w, 120);
        chat_search_more(w.search);
        scripted_settle(w.f.d);
        assert_found(&w, 130);
        assert_true(chat_search_is_complete(w.search));
        assert_int_equal(scripted_count(w.f.d, "Search"), 7);
        chat_search_more(w.search);
        scripted_settle(w.f.d);
        assert_int_equal(scripted_count(w.f.d, "Search"), 7);
        end(&w);
}

static void test_most(void **state) {
        World w;

        begin(&w, 5000, 60);
        chat_search_set_query(w.search, "word");
        for (guint i = 0; i < 30; i++) {
                scripted_settle(w.f.d);
                chat_search_more(w.search);
        }
        assert_found(&w, CHAT_SEARCH_MAX);
        assert_true(chat_search_is_complete(w.search));
        assert_int_equal(scripted_count(w.f.d, "Search"), 17);
        end(&w);
}

/* A daemon that does not come forward is not asked for ever, nor one that finds nothing. */
static void test_no_end(void **state) {
        World w;

        begin(&w, 130, 10);
        w.is_stuck = TRUE;
        chat_search_set_query(w.search, "word");
        scripted_settle(w.f.d);
        assert_true(chat_search_is_complete(w.search));
        assert_in_range(scripted_count(w.f.d, "Search"), 1, 2);
        end(&w);

        /* Nor one that does not say where it goes on. */
        begin(&w, 130, 10);
        scripted_answer(w.f.d, "Search",
                        g_variant_new_parsed("(@a(tssssta{sv}) [], {'more': <true>})"));
        chat_search_set_query(w.search, "word");
        scripted_settle(w.f.d);
        assert_true(chat_search_is_complete(w.search));
        assert_int_equal(scripted_count(w.f.d, "Search"), 1);
        end(&w);

        begin(&w, 0, 10);
        chat_search_set_query(w.search, "word");
        scripted_settle(w.f.d);
        assert_int_equal(count(&w), 0);
        assert_true(chat_search_is_complete(w.search));
        assert_int_equal(scripted_count(w.f.d, "Search"), 1);
        end(&w);
}

static void test_newer_query(void **state) {
        const char *query;
        World w;

        begin(&w, 30, 50);
        scripted_hold(w.f.d, "Search");
        chat_search_set_query(w.search, "older");
        scripted_settle(w.f.d);
        assert_true(chat_search_set_query(w.search, "newer"));
        assert_false(chat_search_set_query(w.search, "newer"));
        scripted_settle(w.f.d);
        assert_int_equal(scripted_n_held(w.f.d, "Search"), 2);
        scripted_release_one(w.f.d, "Search");
        scripted_settle(w.f.d);
        assert_int_equal(count(&w), 0);
        assert_true(chat_search_is_loading(w.search));
        scripted_release(w.f.d, "Search");
        scripted_settle(w.f.d);
        assert_found(&w, 30);
        g_variant_get_child(scripted_call(w.f.d, "Search", 1), 0, "&s", &query);
        assert_string_equal(query, "newer");
        /* Another one begins at the end again. */
        chat_search_set_query(w.search, "third");
        assert_int_equal(count(&w), 0);
        scripted_settle(w.f.d);
        assert_found(&w, 30);
        /* Nothing is looked for: nothing is asked, and nothing is left. */
        chat_search_set_query(w.search, "");
        scripted_settle(w.f.d);
        assert_int_equal(count(&w), 0);
        assert_false(chat_search_is_loading(w.search));
        assert_int_equal(scripted_count(w.f.d, "Search"), 3);
        end(&w);
}

static void test_stopped(void **state) {
        World w;

        begin(&w, 130, 50);
        chat_search_set_query(w.search, "word");
        scripted_settle(w.f.d);
        assert_found(&w, 50);
        scripted_hold(w.f.d, "Search");
        chat_search_more(w.search);
        scripted_settle(w.f.d);
        chat_search_stop(w.search);
        assert_false(chat_search_is_loading(w.search));
        scripted_release(w.f.d, "Search");
        scripted_settle(w.f.d);
        assert_found(&w, 50);
        chat_search_more(w.search);
        scripted_settle(w.f.d);
        assert_found(&w, 100);
        end(&w);
}

static void test_failed(void **state) {
        World w;

        begin(&w, 130, 50);
        chat_search_set_query(w.search, "word");
        scripted_settle(w.f.d);
        scripted_refuse(w.f.d, "Search", "Busy", "Not now.", 1);
        chat_search_more(w.search);
        scripted_settle(w.f.d);
        assert_found(&w, 50);
        assert_false(chat_search_is_loading(w.search));
        assert_true(g_error_matches(chat_search_get_error(w.search), CHAT_ERROR, ERROR_BUSY));
        chat_search_more(w.search);
        assert_null(chat_search_get_error(w.search));
        scripted_settle(w.f.d);
        assert_found(&w, 100);
        /* The daemon dies amid it. */
        scripted_hold(w.f.d, "Search");
        chat_search_more(w.search);
        scripted_settle(w.f.d);
        scripted_die(w.f.d);
        scripted_settle(w.f.d);
        assert_true(g_error_matches(chat_search_get_error(w.search), CHAT_ERROR, CHAT_ERROR_AWAY));
        assert_found(&w, 100);
        /* Another query is not the one that failed. */
        chat_search_set_query(w.search, "");
        assert_null(chat_search_get_error(w.search));
        scripted_come_back(w.f.d);
        end(&w);
}

static void test_freed_amid_it(void **state) {
        World w;

        begin(&w, 130, 50);
        scripted_hold(w.f.d, "Search");
        chat_search_set_query(w.search, "word");
        scripted_settle(w.f.d);
        g_clear_object(&w.search);
        scripted_release(w.f.d, "Search");
        scripted_settle(w.f.d);
        end(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages),       cmocka_unit_test(test_most),
                cmocka_unit_test(test_no_end),      cmocka_unit_test(test_newer_query),
                cmocka_unit_test(test_stopped),     cmocka_unit_test(test_failed),
                cmocka_unit_test(test_freed_amid_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
