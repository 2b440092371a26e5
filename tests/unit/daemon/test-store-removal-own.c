/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What we said ourselves and was removed is not kept in our outbox either, however that is known to
 * be stored. */
#include "tests/unit/daemon/removal-fixture.h"

#define SECRET "quiet-heron"

static size_t count_rows(Fixture *f, uint64_t row) {
        Result q = {};
        size_t n;

        assert_int_equal(
                CALL(f, &q, store_outbox_read(f->store, row, 0, false, 10, 0, on_outbox, &q, NULL)),
                0);
        n = q.n_rows;
        result_done(&q);
        return n;
}

/* Our own text, known to be stored only by what is left of it. */
static void test_own_comes_as_a_stub(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), copied = make_copy(f);
        Result log = {}, q = {};

        assert_int_equal(add_row(f, &q, copied, 1, SECRET), 0);
        say(f, row, 1, "bob", TEXT(SECRET));
        govern(f, row, 2, ENTRY_REDACT, "alice", "{\"target_seq\":1}");
        result_done(&q);
        read_all(f, row, &log);
        assert_int_equal(copy(f, copied, &log, 1, 2), 0);
        assert_int_equal(count_rows(f, copied), 0);
        result_done(&log);
}

/* … or only by the host's word that it has it already: it lies below our copy, or was said again
 * under its id. */
static void test_own_was_removed_before(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), copied = make_copy(f);
        Result log = {}, q = {};

        for (unsigned i = 1; i <= 4; i++)
                say(f, row, i, "bob", TEXT(SECRET));
        govern(f, row, 5, ENTRY_REDACT, "alice", "{\"target_seq\":1}");
        govern(f, row, 6, ENTRY_REDACT, "alice", "{\"target_seq\":3}");
        read_all(f, row, &log);
        assert_int_equal(copy(f, copied, &log, 3, 6), 0);
        pass(f, USEC_PER_MINUTE); /* nothing is left to purge */
        for (unsigned i = 1; i <= 4; i++) {
                OutboxUpdate u = { .state = OUTBOX_STORED, .seq = i };

                assert_int_equal(add_row(f, &q, copied, i, i % 2 ? "typed-badger" : "typed-heron"),
                                 0);
                result_done(&q);
                snprintf(u.id, sizeof(u.id), "%s", log.entries[i - 1].id);
                assert_int_equal(
                        CALL(f, &q,
                             store_outbox_update(f->store, copied, &u, 1, on_done, &q, NULL)),
                        0);
                result_done(&q);
        }
        assert_int_equal(count_rows(f, copied), 2); /* those of 2 and 4 */
        purged(f, "typed-badger", "typed-heron");
        result_done(&log);
}

/* We said it as a guest and have signed up since; what is left of it lies below our copy. */
static void test_own_of_a_guest(void **state) {
        Fixture *f = *state;
        StoredIdentity i = {
                .tracker_id = TRACKER_ID,
                .user_type = USER_REGISTERED,
                .username = "bob",
                .key_pem = PEM(PEM_BODY),
                .certificate_pem = "CERTIFICATE",
        };
        Entry head = entry_of(2, 2, "message", "alice"), older = entry_of(1, 1, "message", "owl");
        StoredChannel c;
        uint64_t guest, row;
        Result q = {};

        save_tracker(f, TRACKER_ID);
        guest = sign_in(f, "owl", USER_GUEST, PEM(PEM_BODY));
        c = channel_named(guest, "lobby", false);
        row = save_channel(f, &c);
        assert_int_equal(add_row(f, &q, row, 1, SECRET), 0);
        result_done(&q);
        assert_int_equal(CALL(f, &q, store_sign_up(f->store, &i, guest, on_row, &q, NULL)), 0);
        result_done(&q);
        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, &head, 1, "bob", USER_REGISTERED, on_copied,
                                         &q, NULL)),
                         0);
        assert_int_equal(count_rows(f, row), 1);
        older.user_type = USER_GUEST;
        older.extra = "{\"redacted\":{\"by\":\"alice\",\"seq\":9,\"time\":"
                      "\"2023-11-14T22:13:20.000Z\"}}";
        older.n_extra = strlen(older.extra);
        assert_int_equal(CALL(f, &q, store_copy_older(f->store, row, &older, 1, on_done, &q, NULL)),
                         0);
        assert_int_equal(count_rows(f, row), 0);
        purged(f, SECRET, "alice");
        result_done(&q);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(own_comes_as_a_stub),
                TEST(own_was_removed_before),
                TEST(own_of_a_guest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
