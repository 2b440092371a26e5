/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outboxes: order, repeats, bounds, decisions, and the end of a row in its log's transaction. */
#include "tests/unit/daemon/store-fixture.h"

static void read_rows(Fixture *f, Result *q, uint64_t row, bool only_queued) {
        assert_int_equal(
                CALL(f, q,
                     store_outbox_read(f->store, row, 0, only_queued, 100, 0, on_outbox, q, NULL)),
                0);
        assert_false(q->more);
}

/* Done with how many are queued then. */
static int update(Fixture *f, Result *q, uint64_t row, unsigned id, OutboxState state,
                  ErrorCode error, uint64_t seq) {
        OutboxUpdate u = { .state = state, .error = error, .seq = seq };
        int r;

        uuid_of(id, u.id);
        r = CALL(f, q, store_outbox_update(f->store, row, &u, 1, on_done, q, NULL));
        if (r < 0)
                return r;
        assert_int_equal(load_channel(f, q)->n_outbox, r);
        return 0;
}

static int cancel(Fixture *f, Result *q, uint64_t row, unsigned n) {
        char id[UUID_STRING_SIZE];

        uuid_of(n, id);
        return CALL(f, q, store_outbox_cancel(f->store, row, id, on_done, q, NULL));
}

static int retry(Fixture *f, Result *q, uint64_t row, unsigned n) {
        char id[UUID_STRING_SIZE];

        uuid_of(n, id);
        return CALL(f, q, store_outbox_retry(f->store, row, id, false, on_done, q, NULL));
}

/* The ids of all rows, in order: "1 2 3". */
static void assert_order(Fixture *f, uint64_t row, bool only_queued, const char *expected) {
        char order[128] = "";
        Result q = {};

        read_rows(f, &q, row, only_queued);
        for (size_t i = 0; i < q.n_rows; i++) {
                size_t n = strlen(order);

                assert_true(i == 0 || q.rows[i].order > q.rows[i - 1].order);
                snprintf(order + n, sizeof(order) - n, "%s%lu", i > 0 ? " " : "",
                         strtoul(q.rows[i].id + 24, NULL, 10));
        }
        assert_string_equal(order, expected);
        result_done(&q);
}

static void test_add(void **state) {
        static const struct {
                const char *name;
                unsigned id;
                const char *text, *meta;
                int r;
        } table[] = {
                { "new", 1, "hi", NULL, 0 },
                { "again", 1, "hi", NULL, 1 },
                { "other text", 1, "ho", NULL, -EEXIST },
                { "other meta", 1, "hi", "{}", -EEXIST },
                { "same text, new id", 2, "hi", "{\"x\":1}", 0 },
                { "with meta, again", 2, "hi", "{\"x\":1}", 1 },
                { "without its meta", 2, "hi", NULL, -EEXIST },
                { "no text", 3, NULL, NULL, -EINVAL },
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                OutboxRow add = {
                        .text = table[i].text,
                        .meta = table[i].meta,
                        .queued = START + i,
                };

                print_message("%s\n", table[i].name);
                uuid_of(table[i].id, add.id);
                assert_int_equal(
                        CALL(f, &q,
                             store_outbox_add(f->store, row, &add, on_outbox_added, &q, NULL)),
                        table[i].r);
                assert_int_equal(q.n_rows, table[i].r == 1);
                if (table[i].r == 1) {
                        assert_int_equal(q.rows[0].state, OUTBOX_QUEUED);
                        assert_int_equal(q.rows[0].queued, START + i - 1); /* the first's */
                }
                if (i == 1)
                        reopen_store(f);
        }
        read_rows(f, &q, row, false);
        assert_int_equal(q.n_rows, 2);
        assert_string_equal(q.rows[0].text, "hi");
        assert_null(q.rows[0].meta);
        assert_string_equal(q.rows[1].meta, "{\"x\":1}");
        assert_int_equal(q.rows[1].attempts, 0);
        assert_int_equal(load_channel(f, &q)->n_outbox, 2);
        assert_int_equal(add_row(f, &q, row + 1, 1, "hi"), -ENOENT);
        result_done(&q);
}

/* Many a transaction, and no more at once than the lane takes. */
static void submit_rows(Fixture *f, uint64_t row, unsigned first, unsigned n, const char *text) {
        unsigned last = first + n - 1;
        Result q = {};

        for (unsigned id = first; id <= last; id++) {
                OutboxRow add = { .text = text, .queued = START };
                bool waits = id % 1000 == 0 || id == last;

                uuid_of(id, add.id);
                assert_int_equal(store_outbox_add(f->store, row, &add,
                                                  waits ? on_outbox_added : NULL, &q, NULL),
                                 0);
                if (waits) {
                        assert_int_equal(wait_for(f, &q), 0);
                        result_done(&q);
                }
        }
}

static void test_full_by_rows(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        submit_rows(f, row, 1, OUTBOX_ROWS_MAX, "x");
        assert_int_equal(load_channel(f, &q)->n_outbox, OUTBOX_ROWS_MAX);
        assert_int_equal(add_row(f, &q, row, 20000, "x"), -EDQUOT);
        assert_int_equal(add_row(f, &q, row, 1, "x"), 1); /* known: not one more */

        /* A failed row still holds its text, a stored one is in the log. */
        assert_int_equal(update(f, &q, row, 1, OUTBOX_FAILED, ERROR_READ_ONLY, 0), 0);
        assert_int_equal(load_channel(f, &q)->n_outbox, OUTBOX_ROWS_MAX - 1);
        assert_int_equal(add_row(f, &q, row, 20000, "x"), -EDQUOT);
        assert_int_equal(update(f, &q, row, 2, OUTBOX_STORED, ERROR_NONE, 1), 0);
        assert_int_equal(add_row(f, &q, row, 20000, "x"), 0);
        assert_int_equal(add_row(f, &q, row, 20001, "x"), -EDQUOT);
        assert_int_equal(cancel(f, &q, row, 1), 0);
        assert_int_equal(add_row(f, &q, row, 20001, "x"), 0);
        assert_int_equal(load_channel(f, &q)->n_outbox, OUTBOX_ROWS_MAX);
        result_done(&q);
}

static void test_full_by_bytes(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false), other;
        unsigned n = OUTBOX_BYTES_MAX / MESSAGE_BYTES_MAX;
        _cleanup_free_ char *text = malloc(MESSAGE_BYTES_MAX + 1);
        StoredChannel c;
        Result q = {};

        assert_non_null(text);
        memset(text, 'x', MESSAGE_BYTES_MAX);
        text[MESSAGE_BYTES_MAX] = '\0';
        assert_int_equal(OUTBOX_BYTES_MAX % MESSAGE_BYTES_MAX, 0);
        submit_rows(f, row, 1, n - 1, text);
        text[MESSAGE_BYTES_MAX - 1] = '\0'; /* leaves room for one byte */
        assert_int_equal(add_row(f, &q, row, 9000, text), 0);
        assert_int_equal(add_row(f, &q, row, 9001, "xy"), -EDQUOT);
        assert_int_equal(add_row(f, &q, row, 9001, "x"), 0);
        assert_int_equal(add_row(f, &q, row, 9002, "x"), -EDQUOT);

        c = *load_channel(f, &q);
        c.reason = c.topic = NULL;
        c.row = 0;
        c.channel_id[0] = 'f';
        other = save_channel(f, &c);
        assert_int_equal(add_row(f, &q, other, 9002, "x"), 0); /* a channel's bound, not all's */
        assert_int_equal(cancel(f, &q, row, 9000), 1);
        assert_int_equal(add_row(f, &q, row, 9002, "x"), 0);
        result_done(&q);
}

static void test_read(void **state) {
        static const struct {
                uint64_t after;
                bool only_queued;
                unsigned limit;
                size_t max_bytes;
                const char *expected;
                bool more;
        } table[] = {
                { 0, false, 9, 0, "12345", false },     { 0, false, 5, 0, "12345", false },
                { 0, false, 4, 0, "1234", true },       { 2, false, 2, 0, "34", true },
                { 4, false, 2, 0, "5", false },         { 5, false, 2, 0, "", false },
                { UINT64_MAX, false, 2, 0, "", false }, { 0, true, 9, 0, "145", false },
                { 0, true, 2, 0, "14", true },          { 4, true, 2, 0, "5", false },
                { 0, false, 9, 30, "123", true },       { 0, false, 9, 29, "12", true },
                { 0, true, 9, 1, "1", true },           { 4, false, 9, 1, "5", false },
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        for (unsigned id = 1; id <= 5; id++)
                assert_int_equal(add_row(f, &q, row, id, "ten bytes."), 0);
        assert_int_equal(update(f, &q, row, 2, OUTBOX_STORED, ERROR_NONE, 1), 0);
        assert_int_equal(update(f, &q, row, 3, OUTBOX_FAILED, ERROR_BANNED, 0), 0);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                print_message("row %zu\n", i);
                assert_int_equal(CALL(f, &q,
                                      store_outbox_read(f->store, row, table[i].after,
                                                        table[i].only_queued, table[i].limit,
                                                        table[i].max_bytes, on_outbox, &q, NULL)),
                                 0);
                assert_int_equal(q.n_rows, strlen(table[i].expected));
                assert_int_equal(q.more, table[i].more);
                for (size_t k = 0; k < q.n_rows; k++)
                        assert_int_equal(q.rows[k].order, table[i].expected[k] - '0');
        }
        assert_int_equal(
                CALL(f, &q, store_outbox_read(f->store, row, 0, false, 0, 0, on_outbox, &q, NULL)),
                -EINVAL);
        result_done(&q);
}

static void test_update(void **state) {
        static const struct {
                OutboxState before, update;
                ErrorCode error;
                OutboxState after;
                uint64_t n_queued;
        } table[] = {
                { OUTBOX_QUEUED, OUTBOX_QUEUED, ERROR_NONE, OUTBOX_QUEUED, 1 },
                { OUTBOX_QUEUED, OUTBOX_STORED, ERROR_NONE, OUTBOX_STORED, 0 },
                { OUTBOX_QUEUED, OUTBOX_FAILED, ERROR_READ_ONLY, OUTBOX_FAILED, 0 },
                { OUTBOX_QUEUED, OUTBOX_FAILED, ERROR_QUEUE_FULL, OUTBOX_FAILED, 0 }, /* ours */
                { OUTBOX_FAILED, OUTBOX_QUEUED, ERROR_NONE, OUTBOX_FAILED, 0 },
                { OUTBOX_FAILED, OUTBOX_STORED, ERROR_NONE, OUTBOX_STORED, 0 },
                { OUTBOX_STORED, OUTBOX_QUEUED, ERROR_NONE, OUTBOX_STORED, 0 },
                { OUTBOX_STORED, OUTBOX_FAILED, ERROR_BANNED, OUTBOX_STORED, 0 },
                { OUTBOX_STORED, OUTBOX_STORED, ERROR_NONE, OUTBOX_STORED, 0 },
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                unsigned id = (unsigned) i + 1;

                print_message("row %zu\n", i);
                assert_int_equal(add_row(f, &q, row, id, "hi"), 0);
                if (table[i].before != OUTBOX_QUEUED)
                        assert_int_equal(
                                update(f, &q, row, id, table[i].before, ERROR_RESTRICTED, 5), 0);
                assert_int_equal(update(f, &q, row, id, table[i].update, table[i].error, 7), 0);
                read_rows(f, &q, row, false);
                assert_int_equal(q.n_rows, i + 1);
                assert_int_equal(q.rows[i].state, table[i].after);
                assert_int_equal(q.rows[i].attempts, 1); /* one was in the queue */
                assert_int_equal(q.rows[i].seq, table[i].after != OUTBOX_STORED    ? 0
                                                : table[i].before == OUTBOX_STORED ? 5
                                                                                   : 7);
                assert_int_equal(q.rows[i].error, table[i].after != OUTBOX_FAILED ? ERROR_NONE
                                                  : table[i].before == OUTBOX_FAILED
                                                          ? ERROR_RESTRICTED
                                                          : table[i].error);
                assert_int_equal(load_channel(f, &q)->n_outbox, table[i].n_queued);
                if (table[i].n_queued > 0)
                        assert_int_equal(update(f, &q, row, id, OUTBOX_STORED, ERROR_NONE, 7), 0);
        }
        assert_int_equal(update(f, &q, row, 99, OUTBOX_STORED, ERROR_NONE, 7), 0); /* cancelled */
        assert_int_equal(update(f, &q, row, 1, OUTBOX_STATE_MAX, ERROR_NONE, 7), -EINVAL);
        result_done(&q);
}

static void test_decisions(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        for (unsigned id = 1; id <= 5; id++)
                assert_int_equal(add_row(f, &q, row, id, "hi"), 0);
        assert_int_equal(update(f, &q, row, 1, OUTBOX_STORED, ERROR_NONE, 1), 0);
        assert_int_equal(update(f, &q, row, 2, OUTBOX_FAILED, ERROR_BANNED, 0), 0);
        assert_int_equal(update(f, &q, row, 3, OUTBOX_FAILED, ERROR_BANNED, 0), 0);
        assert_order(f, row, true, "4 5");

        assert_int_equal(retry(f, &q, row, 1), -EEXIST);
        assert_int_equal(retry(f, &q, row, 4), 0);
        assert_int_equal(retry(f, &q, row, 9), -ENOENT);
        assert_order(f, row, true, "4 5");
        assert_int_equal(retry(f, &q, row, 2), 1);
        assert_order(f, row, true, "4 5 2");
        read_rows(f, &q, row, true);
        assert_int_equal(q.rows[2].error, ERROR_NONE);
        assert_int_equal(load_channel(f, &q)->n_outbox, 3);

        assert_int_equal(cancel(f, &q, row, 1), -EEXIST);
        assert_int_equal(cancel(f, &q, row, 9), -ENOENT);
        assert_int_equal(cancel(f, &q, row, 3), 0);
        assert_int_equal(cancel(f, &q, row, 4), 1);
        assert_int_equal(cancel(f, &q, row, 4), -ENOENT);
        assert_order(f, row, false, "1 5 2");
        assert_int_equal(load_channel(f, &q)->n_outbox, 2);

        /* An order is never given twice, whatever went away. */
        assert_int_equal(cancel(f, &q, row, 2), 1);
        reopen_store(f);
        assert_int_equal(add_row(f, &q, row, 6, "hi"), 0);
        read_rows(f, &q, row, true);
        assert_int_equal(q.n_rows, 2);
        assert_int_equal(q.rows[1].order, 7);
        result_done(&q);
}

static void test_stored_rows_stay_ten_minutes(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        assert_int_equal(add_row(f, &q, row, 1, "hi"), 0);
        assert_int_equal(add_row(f, &q, row, 2, "hi"), 0);
        assert_int_equal(update(f, &q, row, 1, OUTBOX_STORED, ERROR_NONE, 1), 0);
        assert_int_equal(update(f, &q, row, 2, OUTBOX_FAILED, ERROR_BANNED, 0), 0);
        clock_virtual_run(f->clock, NULL, NULL, 10 * USEC_PER_MINUTE - 1);
        assert_order(f, row, false, "1 2");
        assert_int_equal(add_row(f, &q, row, 1, "hi"), 1);
        assert_int_equal(q.rows[0].state, OUTBOX_STORED);
        assert_int_equal(q.rows[0].seq, 1);
        clock_virtual_run(f->clock, NULL, NULL, 1);
        assert_order(f, row, false, "2");
        clock_virtual_run(f->clock, NULL, NULL, USEC_PER_DAY);
        assert_order(f, row, false, "2");
        assert_int_equal(add_row(f, &q, row, 1, "hi"), 0); /* the host will know it */
        assert_order(f, row, false, "2 1");
        result_done(&q);
}

/* A row of ours ends where its text gets into the log, and nowhere else. */
static void test_append_finishes(void **state) {
        static const struct {
                const char *name, *username;
                UserType type;
                EntryKind kind;
                const char *extra;
                int r;
                bool finishes;
        } table[] = {
                { "a guest of our name", "bob", USER_GUEST, ENTRY_MESSAGE, "{}", 0, false },
                { "somebody else", "alice", USER_REGISTERED, ENTRY_MESSAGE, "{}", 0, false },
                { "no message", "bob", USER_REGISTERED, ENTRY_TOPIC, "{}", 0, false },
                { "ours", "bob", USER_REGISTERED, ENTRY_MESSAGE, "{}", 0, true },
                { "ours again, queued again", "bob", USER_REGISTERED, ENTRY_MESSAGE, "{}", 1,
                  true },
                { "conflict", "bob", USER_REGISTERED, ENTRY_MESSAGE, "{\"o\":1}", -EEXIST, false },
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Result q = {};

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                unsigned id = i < 3 ? (unsigned) i : 3;
                Proposal p = proposal_of(id, table[i].username, table[i].extra);

                print_message("%s\n", table[i].name);
                p.user_type = table[i].type;
                p.kind = table[i].kind;
                clock_virtual_run(f->clock, NULL, NULL, 20 * USEC_PER_MINUTE);
                assert_int_equal(add_row(f, &q, row, id, "hi"), 0);
                assert_int_equal(
                        CALL(f, &q, store_append(f->store, row, &p, 1, on_appended, &q, NULL)), 0);
                assert_int_equal(q.appended[0].r, table[i].r);
                read_rows(f, &q, row, false);
                assert_int_equal(q.n_rows, 1);
                assert_int_equal(q.rows[0].state,
                                 table[i].finishes ? OUTBOX_STORED : OUTBOX_QUEUED);
                assert_int_equal(q.rows[0].seq, table[i].finishes ? 4 : 0);
                assert_int_equal(load_channel(f, &q)->n_outbox, !table[i].finishes);
                if (!table[i].finishes)
                        assert_int_equal(cancel(f, &q, row, id), 1);
        }
        result_done(&q);
}

static void test_copy_finishes(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry entries[] = {
                entry_of(5, 1, "message", "alice"), /* an id of ours by somebody else */
                entry_of(6, 2, "message", "bob"),
                entry_of(7, 3, "message", "bob"),
                entry_of(8, 4, "message", "bob"),
        };
        Entry hole[] = { entry_of(10, 5, "message", "bob") };
        Result q = {};

        for (unsigned id = 1; id <= 5; id++)
                assert_int_equal(add_row(f, &q, row, id, "hi"), 0);
        assert_int_equal(update(f, &q, row, 3, OUTBOX_STORED, ERROR_NONE, 7), 0);
        assert_int_equal(update(f, &q, row, 4, OUTBOX_FAILED, ERROR_EXPIRED, 0), 0);

        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, entries, ELEMENTSOF(entries), "bob",
                                         USER_REGISTERED, on_copied, &q, NULL)),
                         0);
        assert_int_equal(q.n_finished, 1);
        assert_order(f, row, true, "1 5");
        read_rows(f, &q, row, false);
        assert_int_equal(q.n_rows, 5);
        for (size_t i = 1; i < 4; i++) {
                assert_int_equal(q.rows[i].state, OUTBOX_STORED);
                assert_int_equal(q.rows[i].error, ERROR_NONE);
                assert_int_equal(q.rows[i].seq, i + 5);
        }

        /* No entry, no end: one transaction. */
        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, hole, 1, "bob", USER_REGISTERED, on_copied,
                                         &q, NULL)),
                         -EILSEQ);
        assert_order(f, row, true, "1 5");
        result_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_add, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full_by_rows, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full_by_bytes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_read, setup, teardown),
                cmocka_unit_test_setup_teardown(test_update, setup, teardown),
                cmocka_unit_test_setup_teardown(test_decisions, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stored_rows_stay_ten_minutes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_append_finishes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy_finishes, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
