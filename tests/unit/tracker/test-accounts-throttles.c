/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often passwords may be tried, and that nobody is locked out by others who try (protocol
 * §4). */
#include "tests/unit/tracker/accounts-fixture.h"

static void pass(Fixture *f, uint64_t usec) {
        test_loop_run(f->loop, usec);
}

static void test_throttles(void **state) {
        _cleanup_(key_freep) Key *key = NULL;
        Fixture *f = *state;
        unsigned n;
        Result r;

        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password1", key).error, ERROR_NONE);
        /* Success costs nothing, however often. */
        for (n = 0; n < 50; n++)
                assert_int_equal(ask(f, accounts_sign_in, "alice", "password1", key).error,
                                 ERROR_NONE);
        /* One name from one source, then all names from it: the others are left something. */
        for (n = 0; n < 50; n++) {
                r = ask(f, accounts_sign_in, "alice", "password2", key);
                if (r.error != ERROR_BAD_CREDENTIALS)
                        break;
        }
        assert_int_equal(n, 5);
        assert_int_equal(r.error, ERROR_RATE_LIMITED);
        assert_true(r.retry_after_ms > 6001 && r.retry_after_ms <= 12001);
        for (n = 0; n < 50; n++) {
                char name[16];

                snprintf(name, sizeof(name), "nobody%u", n);
                r = ask(f, accounts_sign_in, name, "password2", key);
                if (r.error != ERROR_BAD_CREDENTIALS)
                        break;
        }
        assert_int_equal(n, 10 - 5);
        assert_int_equal(r.error, ERROR_RATE_LIMITED);
        assert_true(r.retry_after_ms > 0 && r.retry_after_ms <= 6001);
        pass(f, 12001 * USEC_PER_MSEC);
        assert_int_equal(ask(f, accounts_sign_in, "alice", "password1", key).error, ERROR_NONE);

        for (n = 0; n < 50; n++)
                if (ask(f, accounts_sign_up, "alice", "password2", key).error != ERROR_NAME_TAKEN)
                        break;
        assert_int_equal(n, 30);
        /* Guests' names are counted with them. */
        r = ask(f, accounts_guest, "gus", NULL, key);
        assert_int_equal(r.error, ERROR_RATE_LIMITED);
        assert_true(r.retry_after_ms > 0);
        /* Elsewhere it goes on. */
        assert_int_equal(address_parse("192.0.2.2:1", false, &f->source), 0);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password2", key).error,
                         ERROR_NAME_TAKEN);
}

/* From everywhere at once: nobody is refused, and each waits a little, the owner too. */
static void test_slowed(void **state) {
        static const char *const names[] = { "alice", "nobody" };
        _cleanup_(key_freep) Key *key = NULL;
        Fixture *f = *state;

        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password1", key).error, ERROR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                unsigned n_fast = 0, n_slow = 0;

                for (unsigned n = 0; n < 40; n++) {
                        uint64_t begin = clock_boottime(f->loop->rt.clock), took;
                        Result r = { 0 };
                        char source[32];
                        Failure failure;

                        snprintf(source, sizeof(source), "203.0.113.%u:1", n + 1);
                        assert_int_equal(address_parse(source, false, &f->source), 0);
                        assert_int_equal(accounts_sign_in(f->accounts,
                                                          &(Credentials){ .username = names[i],
                                                                          .password = "password2",
                                                                          .key = key,
                                                                          .source = &f->source },
                                                          on_done, &r, &failure),
                                         0);
                        test_loop_until_true(f->loop, &r.is_done, 10 * USEC_PER_SEC);
                        assert_int_equal(r.error, ERROR_BAD_CREDENTIALS);
                        took = clock_boottime(f->loop->rt.clock) - begin;
                        assert_true(took <= 5 * USEC_PER_SEC);
                        n_slow += took > USEC_PER_SEC;
                        n_fast += took < USEC_PER_SEC;
                }
                /* Known or not: no difference. */
                assert_true(n_fast >= f->settings.sign_in_failures_per_minute);
                assert_true(n_slow >= 10);
        }
        {
                Result r = { 0 };
                Failure failure;

                assert_int_equal(address_parse("198.51.100.1:1", false, &f->source), 0);
                assert_int_equal(accounts_sign_in(f->accounts,
                                                  &(Credentials){ .username = "alice",
                                                                  .password = "password1",
                                                                  .key = key,
                                                                  .source = &f->source },
                                                  on_done, &r, &failure),
                                 0);
                test_loop_until_true(f->loop, &r.is_done, 5 * USEC_PER_SEC);
                assert_int_equal(r.error, ERROR_NONE);

                /* A tracker that stops answers those who wait. */
                r = (Result){ 0 };
                for (unsigned n = 0; n < 20; n++) {
                        Result *each = new0(Result, 1);
                        char source[32];

                        snprintf(source, sizeof(source), "203.0.114.%u:1", n + 1);
                        assert_int_equal(address_parse(source, false, &f->source), 0);
                        assert_int_equal(accounts_sign_in(f->accounts,
                                                          &(Credentials){ .username = "alice",
                                                                          .password = "password2",
                                                                          .key = key,
                                                                          .source = &f->source },
                                                          on_done, each, &failure),
                                         0);
                        if (n < 19) {
                                test_loop_until_true(f->loop, &each->is_done, 10 * USEC_PER_SEC);
                                free(each);
                                continue;
                        }
                        assert_false(each->is_done);
                        f->accounts = accounts_free(f->accounts);
                        assert_true(each->is_done);
                        assert_int_equal(each->error, ERROR_BUSY);
                        free(each);
                }
        }
}

int main(void) {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(test_throttles),
                TEST(test_slowed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
