/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who is told which names are near to one that nobody has, how often, and what it costs. */
#include "tests/unit/tracker/accounts-fixture.h"

static void on_stored(int r, void *userdata) {
        assert_int_equal(r, 0);
        *(bool *) userdata = true;
}

static void put_user(Fixture *f, const char *name) {
        char key[KEY_ID_SIZE];
        bool is_done = false;

        snprintf(key, sizeof(key), "key-of-%s", name);
        assert_int_equal(db_put_user(f->db, &(DbDevice){ .key = key, .name = name }, "x", "x",
                                     false, on_stored, &is_done, NULL),
                         0);
        test_loop_until_true(f->loop, &is_done, USEC_PER_SEC);
}

static void on_changed(int r, const DbRevocation *revoked, size_t n, void *userdata) {
        on_stored(r, userdata);
}

static void assert_near(Fixture *f, const char *name, const char *near) {
        Result r = whois(f, name);

        assert_int_equal(r.error, ERROR_NONE);
        assert_false(r.exists);
        assert_string_equal(r.near, near);
}

static void test_near(void **state) {
        Fixture *f = *state;

        put_user(f, "alice");
        put_user(f, "bob");
        put_user(f, "bobby");
        put_user(f, "rob");
        put_user(f, "zebra");

        assert_string_equal(whois(f, "bob").near, "");
        assert_near(f, "bbo", "bob or rob"); /* the nearest first: swapped; 2 letters */
        assert_near(f, "bobb", "bob, bobby or rob");
        assert_near(f, "aliec", "alice");
        assert_near(f, "ebra", "zebra");
        assert_near(f, "quentin", "");
        assert_near(f, "guest-bob", "");
        /* Guests are told whether there is somebody, and no names. */
        assert_false(whois_by(f, NULL, "bobb").exists);
        assert_string_equal(whois_by(f, NULL, "bobb").near, "");
        assert_true(whois_by(f, NULL, "bob").exists);
}

static void test_the_deleted_are_not_near(void **state) {
        Fixture *f = *state;
        bool is_done = false;

        put_user(f, "bob");
        put_user(f, "bobby");
        assert_int_equal(db_change_account(f->db,
                                           &(DbChange){ .name = "bob",
                                                        .now = USEC_PER_DAY,
                                                        .is_deletion = true,
                                                        .revoke = DB_REVOKE_ALL },
                                           on_changed, &is_done, NULL),
                         0);
        test_loop_until_true(f->loop, &is_done, USEC_PER_SEC);
        assert_near(f, "bobb", "bobby");
        assert_near(f, "bob", "bobby");
        assert_near(f, "bo", "");
}

static void test_guests_are_not_near(void **state) {
        _cleanup_(key_freep) Key *key = NULL;
        Fixture *f = *state;

        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(ask(f, accounts_guest, "gus", NULL, key).error, ERROR_NONE);
        assert_near(f, "guest-guz", "");
        assert_near(f, "guestgus", "");
}

/* One edit is found among any number; of those at two, what stands near in the order of names. */
static void test_among_many(void **state) {
        Fixture *f = *state;
        char name[NAME_SIZE];

        put_user(f, "bob");
        put_user(f, "xbobbyx");
        for (unsigned i = 0; i < 3000; i++) {
                snprintf(name, sizeof(name), "c%05u", i);
                put_user(f, name);
        }
        assert_near(f, "dob", "bob");
        assert_near(f, "c-2-00", "");
        assert_near(f, "c020000", "c00000, c02000 or c02001");
}

/* Many who ask at once do not hold up the others: those behind the first are told no names. */
static void test_searches_are_few_at_a_time(void **state) {
        Subject who = { .kind = SUBJECT_USER, .name = "alice" };
        Result results[WHOIS_MISSES_PER_MINUTE] = {};
        unsigned n_told = 0;
        Fixture *f = *state;
        Failure failure;

        put_user(f, "bob");
        for (size_t i = 0; i < ELEMENTSOF(results); i++)
                assert_int_equal(accounts_whois(f->accounts, &who, &f->source, "bobb", on_whois,
                                                &results[i], &failure),
                                 0);
        for (size_t i = 0; i < ELEMENTSOF(results); i++) {
                test_loop_until_true(f->loop, &results[i].is_done, USEC_PER_SEC);
                assert_int_equal(results[i].error, ERROR_NONE);
                assert_false(results[i].exists);
                n_told += streq(results[i].near, "bob");
        }
        assert_true(n_told >= NEAR_SEARCHES_MAX && n_told < ELEMENTSOF(results));
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_near(f, "bobb", "bob");
}

static void test_misses_are_counted(void **state) {
        Fixture *f = *state;
        Result r;

        put_user(f, "alice");
        put_user(f, "bob");
        for (unsigned n = 0; n < 2 * WHOIS_MISSES_PER_MINUTE; n++)
                assert_true(whois(f, "bob").exists);
        for (unsigned n = 0; n < WHOIS_MISSES_PER_MINUTE; n++)
                assert_near(f, "bobb", "bob");
        r = whois(f, "bobb");
        assert_int_equal(r.error, ERROR_RATE_LIMITED);
        assert_true(r.retry_after_ms > 0 && r.retry_after_ms <= 1000);
        /* Who asks for what is there as well: nobody knows before it was looked up. */
        assert_int_equal(whois(f, "bob").error, ERROR_RATE_LIMITED);
        /* Others are not held to it; guests are by their source, whatever their name. */
        assert_string_equal(whois_by(f, "bob", "bobb").near, "bob");
        for (unsigned n = 0; n < WHOIS_MISSES_PER_MINUTE; n++)
                assert_int_equal(whois_by(f, NULL, "bobb").error, ERROR_NONE);
        assert_int_equal(whois_by(f, NULL, "bobb").error, ERROR_RATE_LIMITED);
        assert_int_equal(address_parse("192.0.2.2:1", false, &f->source), 0);
        assert_int_equal(whois_by(f, NULL, "bobb").error, ERROR_NONE);
        assert_int_equal(whois(f, "bobb").error, ERROR_RATE_LIMITED);

        test_loop_run(f->loop, USEC_PER_SEC);
        assert_near(f, "bobb", "bob");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(near),       TEST(the_deleted_are_not_near),   TEST(guests_are_not_near),
                TEST(among_many), TEST(searches_are_few_at_a_time), TEST(misses_are_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
