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

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(own_comes_as_a_stub),
                TEST(own_was_removed_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
