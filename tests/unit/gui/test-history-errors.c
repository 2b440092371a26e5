/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a history does when entries cannot come, when the daemon goes, and when the log is
 * another one; leaves how it is paged to test-history.c. */
#include "unit/gui/history-fixture.h"

static gboolean has_error(gpointer userdata) {
        g_autofree char *error = NULL;

        g_object_get(((Fixture *) userdata)->history, "error", &error, NULL);
        return *error != '\0';
}

static void assert_error(Fixture *f, const char *expected) {
        g_autofree char *error = NULL;

        g_object_get(f->history, "error", &error, NULL);
        assert_string_equal(error, expected);
}

static gboolean is_away(gpointer userdata) {
        return chat_daemon_get_state(((Fixture *) userdata)->daemon) == CHAT_DAEMON_AWAY;
}

static gboolean has_changed(gpointer userdata) {
        return ((Fixture *) userdata)->n_changes > 0;
}

static gboolean is_held(gpointer userdata) {
        return scripted_n_held(((Fixture *) userdata)->d, "GetMessages") > 0;
}

static void test_refused(void **state) {
        Fixture f;
        gboolean loading;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_set_state(f.log, "offline");
        scripted_refuse(f.d, "GetMessages", "HostOffline", "The host is not there.", 1);
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 550, 50);
        scripted_run(is_held, &f);
        g_object_get(f.history, "loading", &loading, NULL);
        assert_true(loading);
        scripted_release(f.d, "GetMessages");
        scripted_run(has_error, &f);
        assert_error(&f, "The host is not there.");
        scripted_settle(f.d);
        assert_int_equal(chat_message_get_state(f.rows[0]), CHAT_MESSAGE_PLACEHOLDER);
        g_object_get(f.history, "loading", &loading, NULL);
        assert_false(loading);

        /* It comes with the host. */
        scripted_set_state(f.log, "live");
        scripted_run(fixture_is_filled, &f);
        assert_error(&f, "");
        assert_int_equal(f.n_changes, 0);
        fixture_end(&f);
}

/* Live, and yet it failed: it is asked again after a while, by itself. */
static void test_asked_again(void **state) {
        Fixture f;

        fixture_begin(&f, 200);
        fixture_open(&f, "alice");
        scripted_refuse(f.d, "GetMessages", "Timeout", "It took too long.", 1);
        fixture_look(&f, 0, 50);
        scripted_run(has_error, &f);
        assert_error(&f, "It took too long.");
        chat_history_retry(f.history);
        scripted_run(fixture_is_filled, &f);
        assert_error(&f, "");

        scripted_refuse(f.d, "GetMessages", "Busy", "Not now.", 1);
        fixture_look(&f, 150, 50);
        scripted_run(fixture_is_filled, &f);
        assert_error(&f, "");
        fixture_end(&f);
}

static void test_begin_at_host(void **state) {
        Fixture f;
        guint64 anchor;
        const char *direction = "";
        g_autoptr(GVariant) options = NULL;

        fixture_begin(&f, 1000);
        scripted_set_held(f.log, 951, FALSE);
        scripted_settle(f.d);
        fixture_open(&f, "alice");
        scripted_set_state(f.log, "offline");
        /* Of a page half of which is held that half is shown. */
        fixture_see(&f, 950, 50);
        fixture_look(&f, 900, 100);
        scripted_run(has_error, &f);
        assert_error(&f, "Older messages come when the channel’s host is online.");
        assert_int_equal(chat_message_get_state(f.rows[0]), CHAT_MESSAGE_PLACEHOLDER);
        assert_int_equal(chat_message_get_state(f.rows[50]), CHAT_MESSAGE_STORED);
        assert_true(chat_message_begins_day(f.rows[50]));
        /* Nothing is asked for without end. */
        scripted_settle(f.d);
        assert_true(scripted_count(f.d, "GetMessages") < 10);

        scripted_set_held(f.log, 951, TRUE);
        scripted_set_state(f.log, "live");
        scripted_run(fixture_is_filled, &f);
        assert_false(chat_message_begins_day(f.rows[50]));
        /* It was asked for so that the copy grows by it. */
        g_variant_get(scripted_call(f.d, "GetMessages", scripted_count(f.d, "GetMessages") - 1),
                      "(tu@a{sv})", &anchor, NULL, &options);
        g_variant_lookup(options, "direction", "&s", &direction);
        assert_string_equal(direction, "before");
        assert_int_equal(f.n_changes, 0);
        fixture_end(&f);
}

/* Beside what is looked at nothing is asked for twice. */
static void test_neighbours_refused(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 550, 10);
        scripted_run(is_held, &f);
        scripted_release_one(f.d, "GetMessages");
        scripted_run(fixture_is_filled, &f);
        scripted_refuse(f.d, "GetMessages", "Busy", "Not now.", 2);
        scripted_release(f.d, "GetMessages");
        scripted_settle(f.d);
        scripted_settle(f.d);
        assert_int_equal(scripted_count(f.d, "GetMessages"), 3);
        fixture_look(&f, 570, 10);
        scripted_settle(f.d);
        assert_int_equal(scripted_count(f.d, "GetMessages"), 3);
        fixture_end(&f);
}

static void on_loading(ChatHistory *history, GParamSpec *spec, guint *n) {
        (*n)++;
}

static gboolean is_loading(Fixture *f) {
        gboolean loading;

        g_object_get(f->history, "loading", &loading, NULL);
        return loading;
}

/* From the first question to the last row; what nobody looks at is not waited for. */
static void test_loading(void **state) {
        Fixture f;
        guint n = 0;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        g_signal_connect(f.history, "notify::loading", G_CALLBACK(on_loading), &n);
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 550, 10);
        assert_false(is_loading(&f));
        scripted_run(is_held, &f);
        assert_true(is_loading(&f));
        assert_int_equal(n, 1);
        scripted_release_one(f.d, "GetMessages");
        scripted_run(fixture_is_filled, &f);
        scripted_settle(f.d);
        assert_int_equal(scripted_n_held(f.d, "GetMessages"), 1);
        assert_false(is_loading(&f));
        assert_int_equal(n, 2);
        scripted_release(f.d, "GetMessages");
        scripted_settle(f.d);
        assert_int_equal(n, 2);
        fixture_end(&f);
}

/* What was asked before is not waited for. */
static void test_anew_unanswered(void **state) {
        const char *bob[] = { "bob", NULL };
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 550, 10);
        scripted_run(is_held, &f);
        scripted_log_set(f.log, "Ignored", g_variant_new_strv(bob, 1));
        scripted_settle(f.d);
        assert_int_equal(scripted_n_held(f.d, "GetMessages"), 2);
        scripted_release(f.d, "GetMessages");
        scripted_run(fixture_is_filled, &f);
        fixture_end(&f);
}

static void test_dies(void **state) {
        Fixture f;
        g_autoptr(ChatMessage) before = NULL;
        guint n_asked;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        fixture_see(&f, 900, 100);
        before = g_object_ref(f.rows[99]);
        scripted_die(f.d);
        scripted_run(is_away, &f);
        /* What is shown stays; nobody is asked. */
        n_asked = chat_history_get_n_asked(f.history);
        fixture_look(&f, 400, 50);
        scripted_settle(f.d);
        assert_int_equal(chat_history_get_n_asked(f.history), n_asked);
        assert_string_equal(chat_message_get_text(before), "message 1000");

        scripted_put(f.log, 1000, "message", "bob",
                     g_variant_new_parsed("{'redacted': <{'by': <'bob'>}>}"));
        scripted_come_back(f.d);
        scripted_run(fixture_is_running, &f);
        scripted_run(fixture_is_filled, &f);
        scripted_settle(f.d);
        /* All that somebody holds was read anew. */
        assert_true(chat_message_is_removed(before));
        assert_int_equal(f.n_changes, 0);
        fixture_end(&f);
}

static void test_dies_unanswered(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 900, 100);
        scripted_run(is_held, &f);
        scripted_die(f.d);
        scripted_run(is_away, &f);
        scripted_settle(f.d);
        scripted_release(f.d, "GetMessages");
        scripted_come_back(f.d);
        scripted_run(fixture_is_filled, &f);
        assert_error(&f, "");
        fixture_end(&f);
}

static void test_smaller_log(void **state) {
        Fixture f;
        g_autoptr(ChatMessage) other = NULL;

        fixture_begin(&f, 500);
        fixture_open(&f, "alice");
        fixture_see(&f, 0, 50);
        other = g_object_ref(f.rows[0]);
        scripted_begin_anew(f.log, 100);
        scripted_log_set(f.log, "SyncedSeq", g_variant_new_uint64(100));
        scripted_run(has_changed, &f);
        assert_int_equal(f.removed, 500);
        assert_int_equal(f.added, 100);
        fixture_see(&f, 0, 50);
        assert_ptr_not_equal(f.rows[0], other);
        assert_string_not_equal(chat_message_get_id(f.rows[0]), chat_message_get_id(other));
        fixture_end(&f);
}

/* As long as the old one, or longer: its entries show it. */
static void test_other_log(void **state) {
        Fixture f;

        fixture_begin(&f, 500);
        fixture_open(&f, "alice");
        scripted_set_state(f.log, "diverged");
        scripted_settle(f.d);
        fixture_see(&f, 0, 50);
        scripted_begin_anew(f.log, 600);
        scripted_set_state(f.log, "live");
        scripted_log_set(f.log, "SyncedSeq", g_variant_new_uint64(600));
        scripted_run(has_changed, &f);
        scripted_settle(f.d);
        assert_true(f.removed >= 500);
        assert_int_equal(g_list_model_get_n_items(G_LIST_MODEL(f.history)), 600);
        fixture_see(&f, 550, 50);
        fixture_end(&f);
}

static void test_other_log_as_long(void **state) {
        Fixture f;

        fixture_begin(&f, 500);
        fixture_open(&f, "alice");
        scripted_set_state(f.log, "diverged");
        scripted_settle(f.d);
        fixture_see(&f, 0, 50);
        scripted_settle(f.d);
        scripted_begin_anew(f.log, 500);
        scripted_set_state(f.log, "live");
        scripted_settle(f.d);
        assert_int_equal(f.removed, 500);
        assert_int_equal(f.added, 500);
        fixture_end(&f);
}

/* A page shows it by the entry that it shares with the next. */
static void test_other_page(void **state) {
        Fixture f;

        fixture_begin(&f, 500);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 150, 10);
        scripted_run(is_held, &f);
        scripted_release_one(f.d, "GetMessages");
        scripted_run(fixture_is_filled, &f);
        scripted_begin_anew(f.log, 500);
        scripted_release(f.d, "GetMessages");
        scripted_settle(f.d);
        assert_int_equal(f.removed, 500);
        fixture_end(&f);
}

/* A host that goes and comes has the same log. */
static void test_same_log(void **state) {
        Fixture f;
        guint n_asked;

        fixture_begin(&f, 500);
        fixture_open(&f, "alice");
        fixture_see(&f, 0, 50);
        scripted_settle(f.d);
        n_asked = chat_history_get_n_asked(f.history);
        scripted_set_state(f.log, "offline");
        scripted_set_state(f.log, "live");
        scripted_settle(f.d);
        assert_int_equal(chat_history_get_n_asked(f.history), n_asked);
        fixture_end(&f);
}

static gboolean is_first_hidden(gpointer userdata) {
        return chat_message_is_hidden(((Fixture *) userdata)->rows[0]);
}

static gboolean is_first_seen(gpointer userdata) {
        return !is_first_hidden(userdata);
}

static void test_ignored(void **state) {
        const char *bob[] = { "bob", NULL };
        Fixture f;

        fixture_begin(&f, 100);
        fixture_open(&f, "alice");
        fixture_see(&f, 2, 10); /* 3: of bob */
        scripted_put(f.log, 3, "message", "bob",
                     g_variant_new_parsed("{'text': <'noise'>, 'hidden': <true>}"));
        scripted_log_set(f.log, "Ignored", g_variant_new_strv(bob, 1));
        scripted_run(is_first_hidden, &f);
        assert_string_equal(chat_message_get_text(f.rows[0]), "A message of somebody you ignore");
        scripted_put(f.log, 3, "message", "bob", g_variant_new_parsed("{'text': <'noise'>}"));
        scripted_log_set(f.log, "Ignored", g_variant_new_strv(NULL, 0));
        scripted_run(is_first_seen, &f);
        assert_string_equal(chat_message_get_text(f.rows[0]), "noise");
        assert_int_equal(f.n_changes, 0);
        fixture_end(&f);
}

/* Redactions are looked for until they were found. */
static gboolean is_first_removed(gpointer userdata) {
        return chat_message_is_removed(((Fixture *) userdata)->rows[0]);
}

static void test_redact_not_found(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        fixture_see(&f, 0, 10);
        scripted_settle(f.d);
        scripted_put(f.log, 1001, "redact", "bob",
                     g_variant_new_parsed("{'target_seq': <uint64 1>}"));
        scripted_refuse(f.d, "GetMessages", "Busy", "Not now.", 1);
        scripted_append(f.log, 1);
        scripted_settle(f.d);
        assert_false(chat_message_is_removed(f.rows[0]));
        scripted_set_state(f.log, "syncing");
        scripted_set_state(f.log, "live");
        scripted_run(is_first_removed, &f);
        fixture_end(&f);
}

/* Whoever let go of it while an answer was on its way. */
static void test_gone_before_answer(void **state) {
        Fixture f;

        fixture_begin(&f, 1000);
        fixture_open(&f, "alice");
        scripted_hold(f.d, "GetMessages");
        fixture_look(&f, 900, 50);
        scripted_run(is_held, &f);
        fixture_forget(&f);
        g_clear_object(&f.history);
        scripted_release(f.d, "GetMessages");
        scripted_settle(f.d);
        fixture_end(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_asked_again),
                cmocka_unit_test(test_begin_at_host),
                cmocka_unit_test(test_neighbours_refused),
                cmocka_unit_test(test_loading),
                cmocka_unit_test(test_anew_unanswered),
                cmocka_unit_test(test_dies),
                cmocka_unit_test(test_dies_unanswered),
                cmocka_unit_test(test_smaller_log),
                cmocka_unit_test(test_other_log),
                cmocka_unit_test(test_other_log_as_long),
                cmocka_unit_test(test_other_page),
                cmocka_unit_test(test_same_log),
                cmocka_unit_test(test_ignored),
                cmocka_unit_test(test_redact_not_found),
                cmocka_unit_test(test_gone_before_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
