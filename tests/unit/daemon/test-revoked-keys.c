/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which keys are revoked: what the tracker may say of them, what of it is on disk, and when it is
 * forgotten. */
#include "tests/unit/daemon/store-fixture.h"

#include <sqlite3.h>

#include "daemon/account/revoked-keys.h"

static void no_key(const char *key_id, void *userdata) {
        fail();
}

static void count_key(const char *key_id, void *userdata) {
        (*(unsigned *) userdata)++;
}

/* The keys of the tracker that the store has. */
static RevokedKeys *load(Fixture *f, Result *q, revoked_keys_fn fn, unsigned *n) {
        RevokedKeys *k;

        assert_int_equal(CALL(f, q, store_load(f->store, on_loaded, q, NULL)), 0);
        assert_int_equal(revoked_keys_new(&f->rt, f->store, &q->tracker, fn, n, &k), 0);
        return k;
}

static int take(RevokedKeys *k, const char *text, uint64_t now) {
        _cleanup_(value_unrefp) Value *payload = NULL;

        assert_int_equal(value_parse(text, strlen(text), &payload), 0);
        return revoked_keys_take(k, payload, now);
}

#define ONE(version, key, until)                                                                   \
        "{\"version\":" #version ",\"key\":\"" key "\",\"until\":\"" until "\"}"
#define ANSWER(list, more) "{\"revocations\":[" list "],\"more\":" #more "}"
#define UNTIL "2023-11-20T00:00:00.000Z" /* six days after START */

static void test_kept(void **state) {
        Fixture *f = *state;
        _cleanup_(result_done) Result q = {};
        RevokedKeys *k;
        unsigned n = 0;

        save_tracker(f, TRACKER_ID);
        k = load(f, &q, count_key, &n);
        assert_int_equal(revoked_keys_get_version(k), 0);
        assert_int_equal(
                take(k, ANSWER(ONE(7, KEY_A, UNTIL) "," ONE(9, KEY_B, UNTIL), false), START), 0);
        assert_int_equal(n, 2);
        assert_int_equal(take(k, ANSWER(ONE(9, KEY_B, UNTIL), false), START), 0); /* no news */
        assert_int_equal(n, 2);
        assert_true(revoked_keys_has(k, KEY_A) && revoked_keys_has(k, KEY_B));
        revoked_keys_free(k);
        result_done(&q);

        reopen_store(f);
        k = load(f, &q, no_key, NULL);
        assert_int_equal(revoked_keys_get_version(k), 9);
        assert_int_equal(revoked_keys_count(k), 2);
        assert_int_equal(revoked_keys_check(k, &(Subject){ .key_id = KEY_A }), -EKEYREVOKED);
        assert_int_equal(revoked_keys_check(k, &(Subject){ .key_id = KEY_A }), -EKEYREVOKED);
        assert_int_equal(revoked_keys_check(k, &(Subject){ .key_id = "c" }), 0);
        revoked_keys_free(k);
}

/* What cannot be read ends what is taken: the version covers nothing that is not here. */
static void test_bad_answers(void **state) {
        static const char *const bad[] = {
                "{}",
                "{\"revocations\":7,\"more\":true}",
                ANSWER("7", true),
                ANSWER("{}", true),
                ANSWER(ONE(-1, KEY_A, UNTIL), true),
                ANSWER(ONE(5, "aa", UNTIL), true),
                ANSWER(ONE(5, KEY_A, "soon"), true),
                ANSWER("", true), /* nothing new, and more of it: not for ever */
        };
        Fixture *f = *state;
        _cleanup_(result_done) Result q = {};
        RevokedKeys *k;
        unsigned n = 0;

        save_tracker(f, TRACKER_ID);
        k = load(f, &q, count_key, &n);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(take(k, bad[i], START), 0);
                assert_int_equal(revoked_keys_get_version(k), 0);
        }
        assert_int_equal(n, 0);
        assert_int_equal(
                take(k, ANSWER(ONE(3, KEY_A, UNTIL) ",{}," ONE(5, KEY_B, UNTIL), true), START), 1);
        assert_int_equal(revoked_keys_get_version(k), 3);
        assert_true(revoked_keys_has(k, KEY_A));
        assert_false(revoked_keys_has(k, KEY_B));
        revoked_keys_free(k);
}

/* By the tracker's time, and a good while after: whose clock is behind may take the certificate for
 * a good one. */
static void test_forgotten(void **state) {
        Fixture *f = *state;
        _cleanup_(result_done) Result q = {};
        RevokedKeys *k;
        unsigned n = 0;

        save_tracker(f, TRACKER_ID);
        k = load(f, &q, count_key, &n);
        (void) take(k, ANSWER(ONE(1, KEY_A, UNTIL), false), START);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 40 * USEC_PER_DAY), 0);
        (void) take(k, ANSWER(ONE(2, KEY_B, "2023-12-31T00:00:00.000Z"), false),
                    START + 10 * USEC_PER_DAY);
        assert_int_equal(revoked_keys_count(k), 2);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_DAY), 0);
        (void) take(k, ANSWER("", false), START + 14 * USEC_PER_DAY);
        assert_false(revoked_keys_has(k, KEY_A));
        assert_true(revoked_keys_has(k, KEY_B));
        revoked_keys_free(k);
        result_done(&q);
        reopen_store(f);
        k = load(f, &q, no_key, NULL);
        assert_int_equal(revoked_keys_count(k), 1);
        assert_int_equal(revoked_keys_get_version(k), 2);
        revoked_keys_free(k);
}

static void run(sqlite3 *db, const char *text) {
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
}

/* A file of before there were any. */
static void test_version_2(void **state) {
        Fixture *f = *state;
        _cleanup_(result_done) Result q = {};
        RevokedKeys *k;
        unsigned n = 0;
        sqlite3 *db;

        (void) make_channel(f, true);
        f->store = store_free(f->store);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        run(db, "DROP TABLE revocation");
        run(db, "DROP TABLE attempt");
        run(db, "DROP TABLE retention");
        run(db, "DROP TABLE redaction");
        run(db, "DROP TABLE owed");
        run(db, "DROP TABLE search_index");
        run(db, "ALTER TABLE tracker DROP COLUMN revocations");
        run(db, "ALTER TABLE channel DROP COLUMN addresses");
        run(db, "ALTER TABLE outbox DROP COLUMN writer");
        run(db, "ALTER TABLE channel DROP COLUMN begin_seq");
        run(db, "ALTER TABLE channel DROP COLUMN begin_id");
        run(db, "DROP TABLE roster_member");
        run(db, "DROP TABLE roster");
        run(db, "DROP TABLE ignored");
        run(db, "DROP TABLE role_key");
        run(db, "DROP INDEX entry_by_guest");
        run(db, "DROP INDEX entry_mention");
        run(db, "ALTER TABLE entry DROP COLUMN mention");
        run(db, "ALTER TABLE channel DROP COLUMN n_mentions");
        run(db, "ALTER TABLE channel DROP COLUMN notify");
        run(db, "ALTER TABLE identity DROP COLUMN invisible");
        run(db, ENTRY_OF_BEFORE);
        run(db, "PRAGMA user_version=2");
        assert_int_equal(sqlite3_close(db), SQLITE_OK);

        open_store(f);
        k = load(f, &q, count_key, &n);
        assert_true(q.has_identity);
        assert_string_equal(q.identity.username, "bob");
        (void) take(k, ANSWER(ONE(4, KEY_A, UNTIL), false), START);
        revoked_keys_free(k);
        result_done(&q);
        assert_string_equal(load_channel(f, &q)->name, "lobby");
        result_done(&q);
        reopen_store(f);
        k = load(f, &q, no_key, NULL);
        assert_true(revoked_keys_has(k, KEY_A));
        revoked_keys_free(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_kept),
                TEST(test_bad_answers),
                TEST(test_forgotten),
                TEST(test_version_2),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
