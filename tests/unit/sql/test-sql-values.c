/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is bound and what comes back, in a database in memory. */
#include "unit/sql/sql-fixture.h"

static int bind_all(SqlTx *tx, Item *item) {
        static const char bytes[] = { 'a', '\0', 'b' };
        sqlite3_stmt *stmt, *again;
        char text[] = "text";

        assert_int_equal(sql_prepare(tx, "SELECT ?, ?, ?, ?, typeof(?), hex(?), typeof(?)",
                                     "sstissb", &stmt, text, NULL, (uint64_t) INT64_MAX, -7, NULL,
                                     "A", bytes, sizeof(bytes)),
                         0);
        memset(text, 'X', 4); /* bound is what it was */
        assert_int_equal(sql_step(stmt), 1);
        assert_string_equal(sql_column_text(stmt, 0), "text");
        assert_string_equal(sql_column_text(stmt, 1), "");
        assert_int_equal(sql_column_u64(stmt, 2), INT64_MAX);
        assert_int_equal((int) sql_column_u64(stmt, 3), -7);
        assert_string_equal(sql_column_text(stmt, 4), "null");
        assert_string_equal(sql_column_text(stmt, 5), "41");
        assert_string_equal(sql_column_text(stmt, 6), "blob");
        assert_int_equal(sql_step(stmt), 0);

        assert_int_equal(sql_prepare(tx, "SELECT ?", "t", &stmt, UINT64_MAX), -ERANGE);
        assert_int_equal(sql_prepare(tx, "SELEKT", "", &stmt), -EINVAL);
        assert_int_equal(sql_run(tx, "INSERT INTO parent (id) VALUES (?)", "t", UINT64_C(12)), 0);
        assert_int_equal(sql_last_insert_id(tx), 12);
        assert_int_equal(sql_run(tx, "UPDATE parent SET id = id + 1", ""), 0);
        assert_int_equal(sql_changes(tx), 1);
        /* Kept by the address of its text: the same statement, reset. */
        for (int i = 0; i < 2; i++) {
                assert_int_equal(
                        sql_prepare(tx, "SELECT id FROM parent", "", i == 0 ? &stmt : &again), 0);
                assert_int_equal(sql_step(i == 0 ? stmt : again), 1);
        }
        assert_ptr_equal(stmt, again);
        return 0;
}

static void values_come_back_as_they_went(void **state) {
        Fixture *f = *state;

        strcpy(f->path, ":memory:");
        open_sql(f);
        assert_int_equal(one(f, true, bind_all, 0), 0);
        assert_int_equal(one(f, false, count, 0), 0); /* the one database there is */
        assert_int_equal(one(f, false, insert, 0), -EROFS);
        assert_int_equal(one(f, true, insert, 0), 0);
        assert_int_equal(one(f, false, count, 0), 1);
}

static void memory_is_for_inline_only(void **state) {
        Fixture *f = *state;

        assert_int_equal(sql_new(&f->rt, ":memory:", migrations, &f->sql), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                inline_only(values_come_back_as_they_went),
                on_threads(memory_is_for_inline_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
