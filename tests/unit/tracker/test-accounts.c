/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who gets a certificate by protocol §4 and for how long; leaves the wire to the scenarios.
 */
#include "tests/unit/tracker/accounts-fixture.h"

static void on_plain(const Failure *failure, const Grant *g, void *userdata) {
        Result *r = userdata;

        assert_null(g);
        assert_false(r->is_done);
        r->is_done = true;
        r->error = failure ? failure->code : ERROR_NONE;
}

static Result renew(Fixture *f, const Key *key, bool certified) {
        Result r = { 0 };
        Failure failure;

        assert_int_equal(
                accounts_renew(f->accounts, key, certified, &(Address){}, on_done, &r, &failure),
                0);
        test_loop_until_true(f->loop, &r.is_done, USEC_PER_SEC);
        return r;
}

static void pass(Fixture *f, uint64_t usec) {
        test_loop_run(f->loop, usec);
}

static void test_sign_up_refusals(void **state) {
        static const struct {
                const char *name, *password;
                ErrorCode error;
        } table[] = {
                { "a", "password1", ERROR_INVALID_NAME },
                { "", "password1", ERROR_INVALID_NAME },
                { "Alice", "password1", ERROR_INVALID_NAME },
                { "älice", "password1", ERROR_INVALID_NAME },
                { "-alice", "password1", ERROR_INVALID_NAME },
                { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "password1", ERROR_INVALID_NAME },
                { "guest-alice", "password1", ERROR_INVALID_NAME },
                { "system", "password1", ERROR_INVALID_NAME },
                { "owner", "password1", ERROR_INVALID_NAME },
                { "admin", "password1", ERROR_INVALID_NAME },
                { "all", "password1", ERROR_INVALID_NAME },
                { "everyone", "password1", ERROR_INVALID_NAME },
                { "here", "password1", ERROR_INVALID_NAME },
                { "tracker", "password1", ERROR_INVALID_NAME },
                { "alice", "seven77", ERROR_WEAK_PASSWORD },
                { "alice", "eight888", ERROR_NONE },
        };
        char longest[PASSWORD_BYTES_MAX + 2];
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(key_freep) Key *key = NULL;
                Result r;

                assert_int_equal(key_generate(&key), 0);
                r = ask(f, accounts_sign_up, table[i].name, table[i].password, key);
                if (r.error != table[i].error)
                        fail_msg("%s: %d", table[i].name, r.error);
        }
        for (size_t n = PASSWORD_BYTES_MAX; n <= PASSWORD_BYTES_MAX + 1; n++) {
                _cleanup_(key_freep) Key *key = NULL;

                memset(longest, 'x', n);
                longest[n] = '\0';
                assert_int_equal(key_generate(&key), 0);
                assert_int_equal(ask(f, accounts_sign_up, "bob", longest, key).error,
                                 n == PASSWORD_BYTES_MAX ? ERROR_NONE : ERROR_BAD_REQUEST);
        }
}

static void test_sign_up_and_in(void **state) {
        _cleanup_(key_freep) Key *one = NULL, *two = NULL;
        Fixture *f = *state;
        Result r, again;

        assert_int_equal(key_generate(&one), 0);
        assert_int_equal(key_generate(&two), 0);

        r = ask(f, accounts_sign_up, "alice", "password1", one);
        assert_int_equal(r.error, ERROR_NONE);
        assert_int_equal(r.type, USER_REGISTERED);
        assert_int_equal(r.subject.kind, SUBJECT_USER);
        assert_int_equal(strlen(r.recovery_code), 23);
        assert_true(r.expires <= clock_realtime(f->loop->rt.clock) + 7 * USEC_PER_DAY);
        assert_true(r.expires >
                    clock_realtime(f->loop->rt.clock) + 7 * USEC_PER_DAY - 2 * USEC_PER_SEC);

        /* The answer was lost: once more is OK, with a code that counts now. */
        again = ask(f, accounts_sign_up, "alice", "password1", one);
        assert_int_equal(again.error, ERROR_NONE);
        assert_int_equal(strlen(again.recovery_code), 23);
        assert_string_not_equal(again.recovery_code, r.recovery_code);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password2", one).error,
                         ERROR_NAME_TAKEN);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password1", two).error,
                         ERROR_NAME_TAKEN);
        assert_int_equal(ask(f, accounts_sign_up, "bob", "password1", one).error, ERROR_CONFLICT);

        r = ask(f, accounts_sign_in, "alice", "password1", two);
        assert_int_equal(r.error, ERROR_NONE);
        assert_string_equal(r.recovery_code, "");
        assert_int_equal(ask(f, accounts_sign_in, "alice", "password1", two).error, ERROR_NONE);
        assert_int_equal(ask(f, accounts_sign_in, "alice", "wrong-one", two).error,
                         ERROR_BAD_CREDENTIALS);
        assert_int_equal(ask(f, accounts_sign_in, "alice", "x", two).error, ERROR_BAD_CREDENTIALS);
        assert_int_equal(ask(f, accounts_sign_in, "nobody", "password1", two).error,
                         ERROR_BAD_CREDENTIALS);

        pass(f, 9 * USEC_PER_MINUTE);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password1", one).error, ERROR_NONE);
        pass(f, USEC_PER_MINUTE + USEC_PER_SEC);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password1", one).error,
                         ERROR_NAME_TAKEN);
}

/* Two at once: the second sees what the first did. */
static void test_race(void **state) {
        _cleanup_(key_freep) Key *one = NULL, *two = NULL;
        Result r[3] = { 0 };
        Fixture *f = *state;
        Failure failure;

        assert_int_equal(key_generate(&one), 0);
        assert_int_equal(key_generate(&two), 0);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(accounts_sign_up(f->accounts,
                                                  &(Credentials){ .username = "alice",
                                                                  .password = "password1",
                                                                  .key = i == 2 ? two : one,
                                                                  .source = &f->source },
                                                  on_done, &r[i], &failure),
                                 0);
        for (size_t i = 0; i < 3; i++)
                test_loop_until_true(f->loop, &r[i].is_done, USEC_PER_SEC);
        assert_int_equal(r[0].error, ERROR_NONE);
        assert_int_equal(r[1].error, ERROR_NONE);
        assert_int_equal(r[2].error, ERROR_NAME_TAKEN);
}

static void test_guests(void **state) {
        static const char *const bad[] = { "x", "guest-x", "Gus", "aaaaaaaaaaaaaaaaaaaaaaaaaaa" };
        _cleanup_(key_freep) Key *one = NULL, *two = NULL;
        Fixture *f = *state;
        Result r;

        assert_int_equal(key_generate(&one), 0);
        assert_int_equal(key_generate(&two), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(ask(f, accounts_guest, bad[i], NULL, one).error,
                                 ERROR_INVALID_NAME);

        r = ask(f, accounts_guest, "gus", NULL, one);
        assert_int_equal(r.error, ERROR_NONE);
        assert_string_equal(r.username, "guest-gus");
        assert_int_equal(r.subject.kind, SUBJECT_GUEST);
        assert_int_equal(r.subject.not_after - r.subject.not_before,
                         USEC_PER_DAY + 10 * USEC_PER_MINUTE);
        assert_true(whois(f, "guest-gus").exists);
        assert_int_equal(whois(f, "guest-gus").type, USER_GUEST);

        pass(f, 12 * USEC_PER_HOUR);
        assert_int_equal(ask(f, accounts_guest, "gus", NULL, two).error, ERROR_NAME_TAKEN);
        assert_int_equal(ask(f, accounts_guest, "gus", NULL, one).error, ERROR_NONE);
        pass(f, 13 * USEC_PER_HOUR);
        assert_int_equal(ask(f, accounts_guest, "gus", NULL, two).error, ERROR_NAME_TAKEN);
        pass(f, 12 * USEC_PER_HOUR);
        assert_false(whois(f, "guest-gus").exists);
        assert_int_equal(ask(f, accounts_guest, "gus", NULL, two).error, ERROR_NONE);
        assert_int_equal(ask(f, accounts_guest, "gus", NULL, one).error, ERROR_NAME_TAKEN);
        /* The name is lost, the key is nobody's: it may be somebody else now. */
        assert_int_equal(ask(f, accounts_guest, "gaby", NULL, one).error, ERROR_NONE);
        assert_int_equal(ask(f, accounts_guest, "gerd", NULL, one).error, ERROR_CONFLICT);
}

static void test_renew(void **state) {
        _cleanup_(key_freep) Key *user = NULL, *guest = NULL, *stranger = NULL;
        Fixture *f = *state;
        Result r;

        assert_int_equal(key_generate(&user), 0);
        assert_int_equal(key_generate(&guest), 0);
        assert_int_equal(key_generate(&stranger), 0);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password1", user).error, ERROR_NONE);
        assert_int_equal(ask(f, accounts_guest, "gus", NULL, guest).error, ERROR_NONE);

        assert_int_equal(renew(f, stranger, false).error, ERROR_NOT_SIGNED_IN);
        assert_int_equal(renew(f, guest, false).error, ERROR_NOT_SIGNED_IN);
        r = renew(f, guest, true);
        assert_int_equal(r.error, ERROR_NONE);
        assert_string_equal(r.username, "guest-gus");
        pass(f, USEC_PER_DAY + USEC_PER_SEC);
        assert_int_equal(renew(f, guest, true).error, ERROR_EXPIRED);

        /* A month off, then half a year: each time from when it was last seen. */
        pass(f, 30 * USEC_PER_DAY);
        r = renew(f, user, false);
        assert_int_equal(r.error, ERROR_NONE);
        assert_string_equal(r.username, "alice");
        assert_true(r.expires > clock_realtime(f->loop->rt.clock) + 6 * USEC_PER_DAY);
        pass(f, 179 * USEC_PER_DAY);
        assert_int_equal(renew(f, user, false).error, ERROR_NONE);
        pass(f, 100 * USEC_PER_DAY);
        {
                char key_id[KEY_ID_SIZE];

                key_get_id(user, key_id);
                accounts_seen(f->accounts, key_id);
        }
        pass(f, 100 * USEC_PER_DAY);
        assert_int_equal(renew(f, user, false).error, ERROR_NONE);
        pass(f, 181 * USEC_PER_DAY);
        assert_int_equal(renew(f, user, false).error, ERROR_EXPIRED);
        assert_int_equal(ask(f, accounts_sign_in, "alice", "password1", user).error, ERROR_NONE);
        assert_int_equal(renew(f, user, false).error, ERROR_NONE);
}

static void test_whois(void **state) {
        _cleanup_(key_freep) Key *key = NULL;
        Fixture *f = *state;

        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(ask(f, accounts_sign_up, "alice", "password1", key).error, ERROR_NONE);
        assert_true(whois(f, "alice").exists);
        assert_int_equal(whois(f, "alice").type, USER_REGISTERED);
        assert_false(whois(f, "bob").exists);
        assert_int_equal(whois(f, "Not A Name").error, ERROR_INVALID_NAME);
}

/* More than the database's queue takes, and a tracker that stops meanwhile: `busy` says when to ask
 * again. */
static void test_busy(void **state) {
        _cleanup_(key_freep) Key *key = NULL;
        Fixture *f = *state;
        Subject asker = { .kind = SUBJECT_USER, .name = "alice" };
        Result waiting = { 0 }, r;
        Failure failure = { 0 };

        assert_int_equal(key_generate(&key), 0);
        f->settings.whois_misses_per_minute = 0;
        f->accounts = accounts_free(f->accounts);
        assert_int_equal(
                accounts_new(&f->loop->rt, &f->settings, f->authority, f->db, &f->accounts), 0);
        for (unsigned i = 0; i < WORKER_QUEUE_MAX; i++)
                assert_int_equal(accounts_whois(f->accounts, &asker, &f->source, "alice", on_whois,
                                                &waiting, &failure),
                                 0);
        assert_true(accounts_whois(f->accounts, &asker, &f->source, "alice", on_whois, &waiting,
                                   &failure) < 0);
        assert_int_equal(failure.code, ERROR_BUSY);
        assert_true(failure.retry_after_ms > 0);
        r = ask(f, accounts_sign_in, "alice", "password1", key);
        assert_int_equal(r.error, ERROR_BUSY);
        assert_true(r.retry_after_ms > 0);
        assert_false(waiting.is_done);
        f->accounts = accounts_free(f->accounts);
        assert_int_equal(waiting.error, ERROR_BUSY);
        assert_true(waiting.retry_after_ms > 0);
}

/* All of them were good when they were looked at; the first that is stored makes the others wrong.
 */
static void test_overtaken(void **state) {
        _cleanup_(key_freep) Key *one = NULL, *two = NULL;
        Fixture *f = *state;

        assert_int_equal(key_generate(&one), 0);
        assert_int_equal(key_generate(&two), 0);
        f->settings.sign_in_failures_per_minute = 0;
        for (unsigned i = 0; i < 3; i++) {
                PasswordChange change = { .source = &f->source, .old_password = "password1" };
                Result r[3] = { 0 }, up;
                unsigned n_good = 0;
                Failure failure;
                char name[16];

                snprintf(name, sizeof(name), "alice%u", i);
                key_free(TAKE_PTR(one));
                key_free(TAKE_PTR(two));
                assert_int_equal(key_generate(&one), 0);
                assert_int_equal(key_generate(&two), 0);
                up = ask(f, accounts_sign_up, name, "password1", one);
                assert_int_equal(up.error, ERROR_NONE);
                for (unsigned k = 0; k < 2; k++) {
                        Credentials c = {
                                .username = name,
                                .password = k ? "password3" : "password2",
                                .recovery_code = up.recovery_code,
                                .key = k ? two : one,
                                .source = &f->source,
                        };

                        change.new_password = c.password;
                        if (i == 0)
                                assert_int_equal(accounts_change_password(f->accounts, &up.subject,
                                                                          &change, on_plain, &r[k],
                                                                          &failure),
                                                 0);
                        else if (i == 1)
                                assert_int_equal(
                                        accounts_recover(f->accounts, &c, on_done, &r[k], &failure),
                                        0);
                        else
                                assert_int_equal(accounts_delete(f->accounts, &up.subject,
                                                                 &f->source, "password1", on_plain,
                                                                 &r[k], &failure),
                                                 0);
                }
                /* A device that signed in with what counted a moment ago. */
                assert_int_equal(accounts_sign_in(f->accounts,
                                                  &(Credentials){ .username = name,
                                                                  .password = "password1",
                                                                  .key = two,
                                                                  .source = &f->source },
                                                  on_done, &r[2], &failure),
                                 0);
                for (unsigned k = 0; k < 3; k++) {
                        test_loop_until_true(f->loop, &r[k].is_done, USEC_PER_SEC);
                        n_good += k < 2 && r[k].error == ERROR_NONE;
                }
                assert_int_equal(n_good, 1);
                /* It was first, so its key is revoked, or it was late, so it was refused. */
                if (r[2].error == ERROR_NONE)
                        assert_int_equal(renew(f, two, false).error, ERROR_REVOKED);
                else
                        assert_int_equal(r[2].error, ERROR_BAD_CREDENTIALS);
        }
}

int main(void) {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(test_sign_up_refusals),
                TEST(test_sign_up_and_in),
                TEST(test_race),
                TEST(test_guests),
                TEST(test_renew),
                TEST(test_whois),
                TEST(test_busy),
                TEST(test_overtaken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
