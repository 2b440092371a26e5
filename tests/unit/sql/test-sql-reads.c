/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that reading neither waits for writing nor writes; leaves values to test-sql-values.c. */
#include "unit/sql/sql-fixture.h"

/* While the writer is held in a transaction the reader answers from before it. */
static void reading_does_not_wait_for_writing(void **state) {
        Fixture *f = *state;
        Item first = { .fixture = f, .number = 0, .work = insert };
        Item held = { .fixture = f, .number = 1, .work = insert, .waits = true };

        open_sql(f);
        assert_int_equal(one(f, false, count, 0), 0); /* the first request of all may be a read */
        write_item(f, &first, NULL);
        loop_until_freed(f, 2);
        f->n_done = 0;
        write_item(f, &held, NULL);
        latch_expect(&f->latch, 1);
        assert_int_equal(one(f, false, count, 0), 1);
        latch_open(&f->latch);
        loop_until_freed(f, 4);
        f->n_done = 0;
        assert_int_equal(one(f, false, count, 0), 2);
}

static void a_reader_cannot_write(void **state) {
        Fixture *f = *state;

        open_sql(f);
        assert_int_equal(one(f, false, insert, 1), -EROFS);
        assert_int_equal(one(f, false, count, 0), 0);
        assert_int_equal(one(f, true, insert, 1), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                on_threads(reading_does_not_wait_for_writing),
                on_both(a_reader_cannot_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
