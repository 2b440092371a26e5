/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that a log of any length is a list of which only what is near the view is held; leaves what
 * an entry looks like to test-message.c, what goes wrong to test-history-errors.c. */
#include "gui/model/now.h"
#include "unit/gui/history-fixture.h"

static void assert_row(Fixture *f, guint i) {
        g_autofree char *text = g_strdup_printf("message %u", f->first + i + 1);
        g_autofree char *id = scripted_log_id_of(f->log, f->first + i + 1);

        assert_int_equal(chat_message_get_seq(f->rows[i]), f->first + i + 1);
        assert_string_equal(chat_message_get_text(f->rows[i]), text);
        assert_string_equal(chat_message_get_id(f->rows[i]), id);
}

static void assert_bounded(Fixture *f) {
        assert_true(chat_history_get_n_pages(f->history) <= CHAT_HISTORY_PAGES_MAX);
        assert_true(chat_history_get_n_live(f->history) <= ROWS);
}

static void test_whole(void **state) {
        Fixture f;

        fixture_begin(&f, 100000);
        fixture_open(&f, "alice");
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(f.history)), 100000);
        scripted_settle(f.d);
        /* Nobody looked at anything. */
        assert_int_equal(scripted_count(f.d, "GetMessages"), 0);

        for (guint at = 99950; at > 90000; at -= 150) {
                fixture_see(&f, at, 50);
                assert_row(&f, 0);
                assert_row(&f, 49);
                assert_bounded(&f);
        }
        fixture_see(&f, 0, 50);
        assert_row(&f, 0);
        for (guint at = 0; at < 10000; at += 130) {
                fixture_see(&f, at, ROWS);
                assert_row(&f, 0);
                assert_row(&f, ROWS - 1);
                assert_bounded(&f);
        }
        /* Here and there. */
        for (guint i = 0; i < 40; i++) {
                fixture_see(&f, i * 7919 * 13 % 99800, ROWS);
                assert_row(&f, 100);
                assert_bounded(&f);
        }
        assert_int_equal(f.n_changes, 0);
        fixture_end(&f);
}

/* What the n-th call asked for; TRUE: of page index, with the entry before it. */
static gboolean asked_for_page(Fixture *f, guint n, guint64 index) {
        guint64 anchor;
        guint limit;

        assert_true(n < scripted_count(f->d, "GetMessages"));
        g_variant_get(scripted_call(f->d, "GetMessages", n), "(tua{sv})", &anchor, &limit, NULL);
        return anchor == (index > 0 ? index * CHAT_HISTORY_PAGE - 1 : 0) &&
               limit == (index > 0 ? CHAT_HISTORY_PAGE + 1 : CHAT_HISTORY_PAGE);
}

static gboolean is_held(gpointer userdata) {
        Fixture *f = userdata;

        return scripted_n_held(f->d, "GetMessages") > 0;
}

static void test_nearest_first(void **state) {
        Fixture f;
        g_autoptr(GObject) far = NULL, middle = NULL;

        fixture_begin(&f, 100000);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        far = g_list_model_get_item(G_LIST_MODEL(f.history), 20000);
        scripted_run(is_held, &f);
        middle = g_list_model_get_item(G_LIST_MODEL(f.history), 50100);
        for (guint at = 90000; at > 51000; at -= 100) {
                fixture_look(&f, at, 50); /* scrolled past: nobody waits for it */
                fixture_forget(&f);
        }
        fixture_look(&f, 51050, 10);
        scripted_settle(f.d);
        /* One at a time. */
        assert_int_equal(scripted_n_held(f.d, "GetMessages"), 1);
        assert_true(asked_for_page(&f, 0, 200));
        scripted_release(f.d, "GetMessages");
        scripted_run(fixture_is_filled, &f);
        assert_true(asked_for_page(&f, 1, 510));
        scripted_settle(f.d);
        assert_true(asked_for_page(&f, 2, 501));
        assert_int_equal(chat_message_get_state(CHAT_MESSAGE(middle)), CHAT_MESSAGE_STORED);
        assert_int_equal(chat_message_get_state(CHAT_MESSAGE(far)), CHAT_MESSAGE_STORED);
        /* … and one beside each side of what is looked at. */
        scripted_settle(f.d);
        assert_true(asked_for_page(&f, 3, 509));
        assert_true(asked_for_page(&f, 4, 511));
        assert_int_equal(scripted_count(f.d, "GetMessages"), 5);
        fixture_forget(&f);
        fixture_end(&f);
}

static void count_changed(ChatMessage *m, guint *n) {
        (*n)++;
}

static void test_filled_in_place(void **state) {
        Fixture f;
        g_autoptr(ChatMessage) again = NULL;
        guint n = 0;

        fixture_begin(&f, 250);
        fixture_open(&f, "alice");
        fixture_look(&f, 120, 1);
        assert_int_equal(chat_message_get_state(f.rows[0]), CHAT_MESSAGE_PLACEHOLDER);
        assert_int_equal(chat_message_get_seq(f.rows[0]), 121);
        assert_string_equal(chat_message_get_text(f.rows[0]), "");
        g_signal_connect(f.rows[0], "changed", G_CALLBACK(count_changed), &n);
        again = g_list_model_get_item(G_LIST_MODEL(f.history), 120);
        assert_ptr_equal(again, f.rows[0]);
        scripted_run(fixture_is_filled, &f);
        assert_int_equal(n, 1);
        scripted_settle(f.d);
        assert_int_equal(n, 1);
        assert_row(&f, 0);
        assert_int_equal(f.n_changes, 0);
        assert_null(g_list_model_get_item(G_LIST_MODEL(f.history), 250));

        /* Of a page that is held it is there at once. */
        fixture_look(&f, 130, 20);
        assert_true(fixture_is_filled(&f));
        fixture_end(&f);
}

static gboolean has_grown(gpointer userdata) {
        Fixture *f = userdata;

        return f->added > 0;
}

static void test_growth_at_end(void **state) {
        Fixture f;
        g_autoptr(ChatMessage) last = NULL;

        fixture_begin(&f, 250);
        fixture_open(&f, "alice");
        fixture_see(&f, 200, 50);
        last = g_object_ref(f.rows[49]);
        scripted_append(f.log, 3);
        scripted_run(has_grown, &f);
        assert_int_equal(f.n_changes, 1);
        assert_int_equal(f.removed, 0);
        assert_int_equal(f.added, 3);
        /* It comes filled. */
        fixture_look(&f, 200, 53);
        assert_true(fixture_is_filled(&f));
        assert_ptr_equal(f.rows[49], last);
        assert_row(&f, 52);

        /* Across the end of a page. */
        scripted_append(f.log, 60);
        scripted_run(has_grown, &f);
        scripted_settle(f.d);
        fixture_look(&f, 300, 13);
        assert_true(fixture_is_filled(&f));
        assert_row(&f, 12);
        assert_int_equal(f.removed, 0);
        assert_int_equal(f.added, 63);
        fixture_end(&f);
}

static void test_growth_elsewhere(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        fixture_see(&f, 0, 50);
        scripted_append(f.log, 5);
        scripted_append(f.log, 500);
        scripted_settle(f.d);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(f.history)), 1505);
        assert_int_equal(f.added, 505);
        fixture_see(&f, 1405, 100);
        assert_row(&f, 99);
        fixture_end(&f);
}

static void test_growth_under_way(void **state) {
        Fixture f;

        fixture_begin(&f, 0);
        fixture_open(&f, "alice");
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(f.history)), 0);
        scripted_append(f.log, 130);
        scripted_run(has_grown, &f);
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 80, 50);
        scripted_run(is_held, &f);
        scripted_append(f.log, 20);
        scripted_settle(f.d);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(f.history)), 150);
        scripted_release(f.d, "GetMessages");
        scripted_run(fixture_is_filled, &f);
        fixture_see(&f, 80, 70);
        assert_row(&f, 0);
        assert_row(&f, 69);
        assert_int_equal(f.removed, 0);
        assert_int_equal(f.added, 150);
        fixture_end(&f);
}

/* A page waits for its host; what is said meanwhile does not wait behind it. */
static void test_growth_behind_slow_page(void **state) {
        Fixture f;
        g_autoptr(GObject) old = NULL;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        fixture_see(&f, 990, 10);
        scripted_settle(f.d);
        scripted_hold(f.d, "GetMessages");
        old = g_list_model_get_item(G_LIST_MODEL(f.history), 100);
        scripted_run(is_held, &f);
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        assert_int_equal(scripted_n_held(f.d, "GetMessages"), 2);
        assert_int_equal(f.added, 0);
        scripted_release(f.d, "GetMessages");
        scripted_run(has_grown, &f);
        fixture_look(&f, 990, 11);
        assert_true(fixture_is_filled(&f));
        fixture_end(&f);
}

static void test_short_pages(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        scripted_set_page_max(f.log, 30);
        fixture_open(&f, "alice");
        fixture_see(&f, 450, 100);
        assert_row(&f, 0);
        assert_row(&f, 99);
        /* Where a page goes on nothing is told twice. */
        for (guint i = 0; i < 100; i++)
                assert_int_equal(chat_message_begins_group(f.rows[i]), (450 + i + 1) % 3 == 0);
        scripted_append(f.log, 1);
        fixture_see(&f, 950, 50);
        scripted_append(f.log, 80);
        scripted_settle(f.d);
        fixture_see(&f, 990, 91);
        assert_row(&f, 90);
        assert_int_equal(f.removed, 0);
        fixture_end(&f);
}

static gboolean is_first_removed(gpointer userdata) {
        Fixture *f = userdata;

        return chat_message_is_removed(f->rows[0]);
}

static void test_redact(void **state) {
        Fixture f;
        g_autoptr(ChatMessage) gone = NULL;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");

        /* Seen from the end … */
        fixture_see(&f, 990, 10);
        scripted_put(f.log, 1001, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <uint64 991>, 'reason': <'rude'>}"));
        scripted_append(f.log, 1);
        scripted_run(is_first_removed, &f);
        assert_string_equal(chat_message_get_text(f.rows[0]),
                            "Removed by \u2068bob\u2069: \u2068rude\u2069");
        assert_false(chat_message_is_removed(f.rows[1]));

        /* … and from elsewhere, where nobody reads the end. */
        fixture_see(&f, 0, 50);
        scripted_put(f.log, 1502, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <uint64 1>}"));
        scripted_append(f.log, 600);
        scripted_run(is_first_removed, &f);
        assert_string_equal(chat_message_get_text(f.rows[0]), "Removed by \u2068bob\u2069");
        /* What is shown again of the page that is held, too. */
        gone = g_object_ref(f.rows[0]);
        fixture_look(&f, 500, 1);
        g_clear_object(&gone);
        fixture_look(&f, 0, 1);
        assert_true(chat_message_is_removed(f.rows[0]));

        /* What names nothing below it changes nothing. */
        scripted_put(f.log, 1602, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <uint64 5000>}"));
        scripted_append(f.log, 2);
        scripted_settle(f.d);
        fixture_end(&f);
}

/* The first that removes it is told, of what is shown again, too. */
static void test_redact_again(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        fixture_see(&f, 0, 50);
        scripted_put(f.log, 1001, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <uint64 1>, 'reason': <'rude'>}"));
        scripted_append(f.log, 1);
        scripted_run(is_first_removed, &f);
        scripted_put(f.log, 1002, "redact", "carol",
                     g_variant_new_parsed("{'target_seq': <uint64 1>, 'reason': <'again'>}"));
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        fixture_forget(&f);
        fixture_look(&f, 0, 1);
        assert_string_equal(chat_message_get_text(f.rows[0]),
                            "Removed by \u2068bob\u2069: \u2068rude\u2069");
        fixture_end(&f);
}

/* Only messages are removed, and only by a removal below which they are. */
static void test_redact_other(void **state) {
        g_autofree char *topic = NULL;
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_put(f.log, 5, "topic", "bob", g_variant_new_parsed("{'topic': <'x'>}"));
        fixture_see(&f, 0, 50);
        topic = g_strdup(chat_message_get_text(f.rows[4]));
        fixture_forget(&f);
        scripted_put(f.log, 1001, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <uint64 5>}"));
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        fixture_look(&f, 0, 50);
        assert_true(fixture_is_filled(&f));
        assert_string_equal(chat_message_get_text(f.rows[4]), topic);

        /* It stands above what is shown already. */
        scripted_put(f.log, 550, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <uint64 650>}"));
        scripted_put(f.log, 551, "message", "bob",
                     g_variant_new_parsed("{'text': <'x'>, 'target_seq': <uint64 450>}"));
        fixture_see(&f, 449, 1);
        fixture_see(&f, 449, 201);
        scripted_settle(f.d);
        assert_false(chat_message_is_removed(f.rows[0]));
        fixture_see(&f, 640, 20);
        scripted_log_set(f.log, "Ignored", g_variant_new_strv(NULL, 0));
        scripted_settle(f.d);
        fixture_see(&f, 640, 20);
        scripted_settle(f.d);
        assert_false(chat_message_is_removed(f.rows[9]));
        fixture_end(&f);
}

static void on_own_stored(ChatHistory *history, const char *id, guint *n) {
        (*n)++;
}

static void test_own_stored(void **state) {
        Fixture f;
        guint n = 0;

        fixture_begin(&f, 20);
        fixture_open(&f, "alice");
        g_signal_connect(f.history, "own-stored", G_CALLBACK(on_own_stored), &n);
        scripted_put(f.log, 10, "topic", "alice", g_variant_new_parsed("{'topic': <'x'>}"));
        fixture_see(&f, 0, 20);
        assert_int_equal(n, 7);
        fixture_end(&f);
}

static void test_retention(void **state) {
        const gint64 day = G_GINT64_CONSTANT(86400000000);
        Fixture f;

        fixture_begin(&f, 200);
        fixture_open(&f, "alice");
        chat_now_set(SCRIPTED_TIME + 50 * SCRIPTED_STEP + day);
        fixture_see(&f, 0, 60);
        assert_false(chat_message_is_removed(f.rows[0]));
        scripted_log_set(f.log, "RetentionDays", g_variant_new_uint32(1));
        scripted_run(is_first_removed, &f);
        for (guint i = 0; i < 60; i++)
                assert_int_equal(chat_message_is_removed(f.rows[i]), i < 50);
        assert_string_equal(chat_message_get_text(f.rows[0]),
                            "Removed: messages are kept for 1 day here");
        /* By a clock that is wrong nothing goes. */
        chat_now_set(SCRIPTED_TIME + 55 * SCRIPTED_STEP + day);
        chat_history_set_clock_is_wrong(f.history, TRUE);
        chat_history_sweep(f.history);
        assert_false(chat_message_is_removed(f.rows[50]));
        chat_history_set_clock_is_wrong(f.history, FALSE);
        for (guint i = 0; i < 60; i++)
                assert_int_equal(chat_message_is_removed(f.rows[i]), i < 55);
        chat_now_set(SCRIPTED_TIME + 57 * SCRIPTED_STEP + day);
        chat_history_sweep(f.history);
        assert_true(chat_message_is_removed(f.rows[56]));
        chat_now_set(SCRIPTED_TIME + 55 * SCRIPTED_STEP + day);
        /* Of what is shown again, too. */
        fixture_forget(&f);
        fixture_look(&f, 0, 60);
        assert_true(fixture_is_filled(&f));
        assert_true(chat_message_is_removed(f.rows[56]));
        assert_string_equal(chat_message_get_text(f.rows[0]),
                            "Removed: messages are kept for 1 day here");
        assert_false(chat_message_is_removed(f.rows[57]));
        chat_now_set(0);
        fixture_end(&f);
}

static void test_retention_of_what_comes(void **state) {
        const gint64 day = G_GINT64_CONSTANT(86400000000);
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        chat_now_set(SCRIPTED_TIME - day);
        scripted_log_set(f.log, "RetentionDays", g_variant_new_uint32(1));
        scripted_settle(f.d);
        fixture_see(&f, 900, 20);
        assert_false(chat_message_is_removed(f.rows[0]));
        chat_now_set(SCRIPTED_TIME + 600 * SCRIPTED_STEP + day);
        fixture_see(&f, 590, 20);
        for (guint i = 0; i < 20; i++)
                assert_int_equal(chat_message_is_removed(f.rows[i]), i < 10);
        chat_now_set(0);
        fixture_end(&f);
}

static guint count_lines(Fixture *f) {
        guint n = 0;

        for (guint i = 0; i < f->n_rows; i++)
                n += chat_message_begins_unread(f->rows[i]) ? 1 : 0;
        return n;
}

static void test_unread_line(void **state) {
        Fixture f;

        fixture_begin(&f, 300);
        fixture_open(&f, "alice");
        scripted_put(f.log, 248, "topic", "bob", g_variant_new_parsed("{'topic': <'x'>}"));
        /* Of 246 to 254 the first three are bob's, 249 to 251 carol's, then alice's. */
        fixture_see(&f, 230, 60);
        chat_history_set_unread_after(f.history, 247);
        assert_int_equal(chat_history_get_first_unread(f.history), 249);
        assert_true(chat_message_begins_unread(f.rows[18]));
        assert_int_equal(count_lines(&f), 1);

        /* It stays, whatever comes, and with another it goes. */
        scripted_append(f.log, 4);
        scripted_settle(f.d);
        assert_true(chat_message_begins_unread(f.rows[18]));
        chat_history_set_unread_after(f.history, 252);
        assert_int_equal(chat_history_get_first_unread(f.history), 255);
        assert_int_equal(count_lines(&f), 1);
        chat_history_set_unread_after(f.history, CHAT_HISTORY_READ);
        assert_int_equal(count_lines(&f), 0);
        assert_int_equal(chat_history_get_first_unread(f.history), 0);

        /* Behind the end it waits for what comes; one's own does not count. */
        fixture_see(&f, 290, 14);
        chat_history_set_unread_after(f.history, 304);
        scripted_put(f.log, 305, "message", "alice", g_variant_new_parsed("{'text': <'mine'>}"));
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        assert_int_equal(chat_history_get_first_unread(f.history), 0);
        scripted_put(f.log, 306, "message", "bob", g_variant_new_parsed("{'text': <'yours'>}"));
        fixture_look(&f, 290, 15);
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        assert_int_equal(chat_history_get_first_unread(f.history), 306);
        fixture_look(&f, 290, 16);
        assert_true(chat_message_begins_unread(f.rows[15]));

        /* What was not read yet is not known before it is looked at. */
        chat_history_set_unread_after(f.history, 1);
        assert_int_equal(chat_history_get_first_unread(f.history), 0);
        fixture_see(&f, 0, 20);
        assert_int_equal(chat_history_get_first_unread(f.history), 3);
        /* Nothing was ever read. */
        chat_history_set_unread_after(f.history, 0);
        assert_int_equal(chat_history_get_first_unread(f.history), 3);
        fixture_end(&f);
}

static void test_unread_of_ignored(void **state) {
        Fixture f;

        fixture_begin(&f, 300);
        fixture_open(&f, "alice");
        for (guint64 seq = 250; seq <= 251; seq++)
                scripted_put(f.log, seq, "message", "bob",
                             g_variant_new_parsed("{'text': <'noise'>, 'hidden': <true>}"));
        fixture_see(&f, 240, 20);
        chat_history_set_unread_after(f.history, 249);
        assert_int_equal(chat_history_get_first_unread(f.history), 255);
        fixture_end(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_nearest_first),
                cmocka_unit_test(test_filled_in_place),
                cmocka_unit_test(test_growth_at_end),
                cmocka_unit_test(test_growth_elsewhere),
                cmocka_unit_test(test_growth_under_way),
                cmocka_unit_test(test_growth_behind_slow_page),
                cmocka_unit_test(test_short_pages),
                cmocka_unit_test(test_redact),
                cmocka_unit_test(test_redact_again),
                cmocka_unit_test(test_redact_other),
                cmocka_unit_test(test_own_stored),
                cmocka_unit_test(test_retention),
                cmocka_unit_test(test_retention_of_what_comes),
                cmocka_unit_test(test_unread_line),
                cmocka_unit_test(test_unread_of_ignored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
