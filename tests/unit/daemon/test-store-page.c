/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logs as they are read: pages by cursor, by time and by kind. */
#include <sqlite3.h>

#include "tests/unit/daemon/store-fixture.h"

static int copy(Fixture *f, Result *q, uint64_t row, const Entry *e, size_t n) {
        return CALL(f, q,
                    store_copy(f->store, row, e, n, "bob", USER_REGISTERED, on_copied, q, NULL));
}

static int page(Fixture *f, Result *q, uint64_t row, PageQuery query) {
        return CALL(f, q, store_read_page(f->store, row, &query, on_page, q, NULL));
}

/* Messages of others, first…last. */
static void fill_copy(Fixture *f, uint64_t row, uint64_t first, uint64_t last) {
        Result q = {};

        for (uint64_t seq = first; seq <= last; seq++) {
                Entry e =
                        entry_of(seq, (unsigned) seq, seq % 4 == 1 ? "topic" : "message", "alice");

                assert_int_equal(copy(f, &q, row, &e, 1), 0);
        }
        result_done(&q);
}

static void test_pages(void **state) {
        Fixture *f = *state;
        /* 11…30 are held; 13, 17, 21, 25, 29 are no messages. */
        static const struct {
                PageQuery query;
                uint64_t first, last;
                size_t n;
                bool more;
        } table[] = {
                { { .limit = 5 }, 11, 15, 5, true },
                { { .limit = 20 }, 11, 30, 20, false },
                { { .limit = 19 }, 11, 29, 19, true },
                { { .anchor = 15, .limit = 5 }, 16, 20, 5, true },
                { { .anchor = 25, .limit = 5 }, 26, 30, 5, false },
                { { .anchor = 30, .limit = 5 }, 0, 0, 0, false },
                { { .anchor = UINT64_MAX, .limit = 5 }, 0, 0, 0, false },
                { { .before = true, .limit = 5 }, 26, 30, 5, true },
                { { .before = true, .limit = 20 }, 11, 30, 20, false },
                { { .before = true, .anchor = 26, .limit = 5 }, 21, 25, 5, true },
                { { .before = true, .anchor = 16, .limit = 5 }, 11, 15, 5, false },
                { { .before = true, .anchor = 11, .limit = 5 }, 0, 0, 0, false },
                { { .before = true, .anchor = UINT64_MAX, .limit = 2 }, 29, 30, 2, true },
                /* an extra has 24 bytes */
                { { .limit = 5, .max_bytes = 72 }, 11, 13, 3, true },
                { { .limit = 5, .max_bytes = 71 }, 11, 12, 2, true },
                { { .limit = 5, .max_bytes = 1 }, 11, 11, 1, true },
                { { .before = true, .limit = 5, .max_bytes = 71 }, 29, 30, 2, true },
                { { .anchor = 29, .limit = 5, .max_bytes = 1 }, 30, 30, 1, false },
                { { .limit = 3, .governance_only = true }, 13, 21, 3, true },
                { { .anchor = 13, .limit = 9, .governance_only = true }, 17, 29, 4, false },
                { { .before = true, .limit = 2, .governance_only = true }, 25, 29, 2, true },
                { { .before = true, .anchor = 17, .limit = 2, .governance_only = true },
                  13,
                  13,
                  1,
                  false },
                /* entry n is of START + n */
                { { .limit = 5, .since = START + 20 }, 20, 24, 5, true },
                { { .limit = 5, .since = START + 26 }, 26, 30, 5, false },
                { { .limit = 5, .since = START + 31 }, 0, 0, 0, false },
                { { .limit = 5, .since = UINT64_MAX }, 0, 0, 0, false },
                { { .limit = 20, .since = 1, .until = UINT64_MAX }, 11, 30, 20, false },
                { { .limit = 20, .until = 1 }, 0, 0, 0, false },
                { { .limit = 20, .until = START + 13 }, 11, 13, 3, false },
                { { .limit = 2, .until = START + 13 }, 11, 12, 2, true },
                { { .anchor = 11, .limit = 2, .until = START + 13 }, 12, 13, 2, false },
                { { .anchor = 25, .limit = 2, .since = START + 13 }, 26, 27, 2, true },
                { { .before = true, .limit = 5, .until = START + 20 }, 16, 20, 5, true },
                { { .before = true, .limit = 9, .since = START + 20 }, 22, 30, 9, true },
                { { .before = true, .anchor = 22, .limit = 9, .since = START + 20 },
                  20,
                  21,
                  2,
                  false },
                { { .limit = 9, .since = START + 14, .until = START + 22, .governance_only = true },
                  17,
                  21,
                  2,
                  false },
                { { .limit = 9, .since = START + 22, .until = START + 20 }, 0, 0, 0, false },
        };
        uint64_t row = make_channel(f, false);
        Result q = {};

        fill_copy(f, row, 11, 30);
        assert_int_equal(strlen(entry_of(1, 1, "message", "alice").extra), 24);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                print_message("row %zu\n", i);
                assert_int_equal(page(f, &q, row, table[i].query), 0);
                assert_int_equal(q.n_entries, table[i].n);
                assert_int_equal(q.more, table[i].more);
                if (table[i].n == 0)
                        continue;
                assert_int_equal(q.entries[0].seq, table[i].first);
                assert_int_equal(q.entries[q.n_entries - 1].seq, table[i].last);
                for (size_t k = 1; k < q.n_entries; k++)
                        assert_int_equal(q.entries[k].seq,
                                         q.entries[k - 1].seq +
                                                 (table[i].query.governance_only ? 4 : 1));
        }
        assert_int_equal(page(f, &q, row, (PageQuery){ .limit = 0 }), -EINVAL);
        assert_int_equal(page(f, &q, row + 1, (PageQuery){ .limit = 9 }), 0);
        assert_int_equal(q.n_entries, 0);
        result_done(&q);
}

/* A moment is found without what lies before it being read: reading any of that would fail. */
static void test_time_is_found_without_a_scan(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        sqlite3 *db;
        Result q = {};

        fill_copy(f, row, 1, 400);
        f->store = store_free(f->store);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db,
                                      "UPDATE entry SET user_type = 'unknown' WHERE seq < 390 OR "
                                      "seq > 395",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        sqlite3_close(db);
        open_store(f);
        for (unsigned before = 0; before < 2; before++) {
                PageQuery query = {
                        .before = before,
                        .limit = 9,
                        .since = START + 390,
                        .until = START + 395,
                };

                assert_int_equal(page(f, &q, row, query), 0);
                assert_int_equal(q.n_entries, 6);
                assert_false(q.more);
                query.since--;
                query.before = false;
                assert_int_equal(page(f, &q, row, query), -EBADMSG);
        }
        result_done(&q);
}

/* Other bytes where an entry was, which SQLite does not see: it is not handed on, nor what lies in
 * memory behind it. */
static void test_rubbish(void **state) {
        static const char *const rubbish[] = {
                "extra = CAST(x'7b226d223a2200227d' AS TEXT)", /* a NUL in it */
                "extra = CAST(x'7b226d223a22ff227d' AS TEXT)", /* no UTF-8 */
                "extra = ''",
                "extra = '[]'",
                "extra = '{\"m\":\"1\"'",
                "extra = '{\"m\":1}}'",
                "kind = CAST(x'6dff' AS TEXT)",
                "id = char(27)",
                "username = CAST(x'ff' AS TEXT)",
        };
        static const char sound[] = "UPDATE entry SET kind = 'topic', id = 'x', username = 'bob',"
                                    " extra = '{}' WHERE seq = 2";
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        fill_copy(f, row, 1, 3);
        for (size_t i = 0; i < ELEMENTSOF(rubbish); i++) {
                char text[160];
                sqlite3 *db;

                snprintf(text, sizeof(text), "UPDATE entry SET %s WHERE seq = 2", rubbish[i]);
                f->store = store_free(f->store);
                assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
                for (size_t k = 0; k < 2; k++) /* one kind at a time */
                        assert_int_equal(sqlite3_exec(db, k ? text : sound, NULL, NULL, NULL),
                                         SQLITE_OK);
                sqlite3_close(db);
                open_store(f);
                assert_int_equal(page(f, &q, row, (PageQuery){ .limit = 9 }), -EBADMSG);
                assert_int_equal(page(f, &q, row, (PageQuery){ .anchor = 2, .limit = 9 }), 0);
                assert_int_equal(q.n_entries, 1);
        }
        result_done(&q);
}

static void test_entry_ids(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        static const struct {
                uint64_t seq;
                unsigned id; /* 0: none */
        } table[] = { { 10, 0 }, { 11, 11 }, { 13, 13 }, { 14, 0 }, { 0, 0 }, { UINT64_MAX, 0 } };
        Result q = {};

        fill_copy(f, row, 11, 13);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char id[UUID_STRING_SIZE] = "";

                if (table[i].id > 0)
                        uuid_of(table[i].id, id);
                assert_int_equal(CALL(f, &q,
                                      store_read_entry_id(f->store, row, table[i].seq, on_entry_id,
                                                          &q, NULL)),
                                 0);
                assert_string_equal(q.id, id);
        }
        result_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
                cmocka_unit_test_setup_teardown(test_time_is_found_without_a_scan, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
                cmocka_unit_test_setup_teardown(test_entry_ids, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
