/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that a flood becomes few lines of the journal, and that their counts add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log-pace.h"
#include "daemon/message-ids.h"
#include "support/journal.h"
#include "support/loop.h"

#define ONE MESSAGE_STORE_BACK
#define OTHER MESSAGE_STORE_FULL

static int setup(void **state) {
        *state = test_loop_new();
        journal_begin();
        return 0;
}

static int teardown(void **state) {
        test_loop_free(*state);
        journal_end();
        return 0;
}

static void say(TestLoop *l, const char *id, const char *source) {
        log_paced(l->rt.pace, source, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", id, "CHAT_DIRECTORY", "/x", "CHAT_PEER", source,
                             "CHAT_USER", NULL),
                  "%s is back", source);
}

static void few_are_said_at_once(void **state) {
        TestLoop *l = *state;
        size_t n;

        for (unsigned i = 0; i < LOG_PACE_EACH; i++)
                say(l, ONE, "192.0.2.1");
        assert_int_equal(journal_sum(ONE, &n), LOG_PACE_EACH);
        assert_int_equal(n, LOG_PACE_EACH);
        assert_string_equal(journal_get(0, "MESSAGE"), "192.0.2.1 is back");
        assert_string_equal(journal_get(0, "CHAT_COUNT"), "1");
        assert_string_equal(journal_get(0, "CHAT_PEER"), "192.0.2.1");
        assert_string_equal(journal_get(0, "PRIORITY"), "5");
        assert_string_equal(journal_get(0, "CODE_FUNC"), "say");
        /* Nothing was held back, nothing is said later. */
        test_loop_run(l, 3 * LOG_PACE_USEC);
        assert_int_equal(journal_sum(ONE, &n), LOG_PACE_EACH);
}

static void more_is_counted(void **state) {
        TestLoop *l = *state;
        size_t n, last;

        for (unsigned i = 0; i < 1000; i++)
                say(l, ONE, "192.0.2.1");
        say(l, ONE, "192.0.2.2"); /* one source does not silence another */
        say(l, OTHER, "192.0.2.1");
        (void) journal_sum(ONE, &n);
        assert_int_equal(n, LOG_PACE_EACH + 1);
        assert_int_equal(journal_sum(OTHER, &n), 1);

        last = journal_count();
        test_loop_run(l, LOG_PACE_USEC - 1);
        assert_int_equal(journal_count(), last);
        test_loop_run(l, 1);
        assert_int_equal(journal_count(), last + 1);
        assert_string_equal(journal_get(last, "CHAT_COUNT"), "995");
        assert_string_equal(journal_get(last, "CHAT_PEER"), "192.0.2.1");
        assert_string_equal(journal_get(last, "MESSAGE"),
                            "192.0.2.1 is back (the last of 995 such in a minute)");
        assert_string_equal(journal_get(last, "PRIORITY"), "5");
        assert_string_equal(journal_get(last, "CODE_FUNC"), "say");
        assert_int_equal(journal_sum(ONE, &n), 1001);

        /* The next minute begins anew. */
        say(l, ONE, "192.0.2.1");
        assert_int_equal(journal_count(), last + 2);
}

static void many_sources_are_few_lines(void **state) {
        TestLoop *l = *state;
        char source[32];
        size_t n;

        for (unsigned i = 0; i < 10000; i++) {
                snprintf(source, sizeof(source), "2001:db8::%x", i % 2500);
                say(l, ONE, source);
        }
        test_loop_run(l, LOG_PACE_USEC);
        assert_int_equal(journal_sum(ONE, &n), 10000);
        assert_true(n <= LOG_PACE_SOURCES * (LOG_PACE_EACH + 1) + 1);
        assert_non_null(strstr(journal_get(journal_count() - 1, "MESSAGE"), "of others"));
}

static void nothing_is_lost_at_the_end(void **state) {
        TestLoop *l = *state;
        size_t n;

        for (unsigned i = 0; i < 100; i++)
                say(l, ONE, "192.0.2.1");
        l->rt.pace = log_pace_free(l->rt.pace);
        assert_int_equal(journal_sum(ONE, &n), 100);
        assert_int_equal(n, LOG_PACE_EACH + 1);
        /* Who has none says all at once. */
        say(l, ONE, "192.0.2.1");
        assert_int_equal(journal_sum(ONE, &n), 101);
}

static void what_is_not_shown_is_not_counted(void **state) {
        TestLoop *l = *state;

        log_set_max_level(LOG_WARNING);
        for (unsigned i = 0; i < 100; i++)
                say(l, ONE, "192.0.2.1");
        log_set_max_level(LOG_DEBUG);
        test_loop_run(l, LOG_PACE_USEC);
        assert_int_equal(journal_count(), 0);
}

#define heard(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                heard(few_are_said_at_once),
                heard(more_is_counted),
                heard(many_sources_are_few_lines),
                heard(nothing_is_lost_at_the_end),
                heard(what_is_not_shown_is_not_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
