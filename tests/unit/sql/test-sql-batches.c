/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that a batch is one transaction, in which a request stands or falls for itself; leaves the
 * file to test-sql-file.c. */
#include "sql/sql-internal.h"
#include "unit/sql/sql-fixture.h"

static int insert_and_fail(SqlTx *tx, Item *item) {
        assert_int_equal(insert(tx, item), 0);
        return -EPERM;
}

static int insert_orphan(SqlTx *tx, Item *item) {
        return sql_run(tx, "INSERT INTO item (n, parent) VALUES (?, ?)", "it", (int) item->number,
                       UINT64_C(77));
}

static int roll_back(SqlTx *tx, Item *item) {
        return sql_run(tx, "ROLLBACK", "");
}

static void what_arrives_during_a_commit_is_one_batch(void **state) {
        Fixture *f = *state;
        Item items[N_MAX];
        SqlStatistics statistics;

        open_sql(f);
        for (unsigned i = 0; i < N_MAX; i++)
                items[i] = (Item){ .fixture = f, .number = i, .text = "x", .work = insert };
        items[0].waits = true;
        write_item(f, &items[0], NULL);
        latch_expect(&f->latch, 1);
        for (unsigned i = 1; i < N_MAX; i++)
                write_item(f, &items[i], NULL);
        assert_int_equal(sd_event_run(f->rt.event, 0), 0); /* nothing is told before its commit */
        latch_open(&f->latch);
        loop_until_freed(f, N_MAX);
        for (unsigned i = 0; i < N_MAX; i++) {
                assert_int_equal(f->order[i], i);
                assert_int_equal(f->results[i], 0);
        }
        sql_get_statistics(f->sql, &statistics);
        assert_int_equal(statistics.n_commits, 2);
        assert_int_equal(statistics.n_requests, N_MAX);
        assert_true(statistics.commit_usec_max <= statistics.commit_usec_sum);
        f->n_done = 0;
        assert_int_equal(one(f, false, count, 0), N_MAX);
}

/* How long commits took: of the latest ones only, and one in a hundred may be above. */
static void the_slowest_hundredth_is_known(void **state) {
        Fixture *f = *state;
        SqlStatistics statistics;

        open_sql(f);
        sql_get_statistics(f->sql, &statistics);
        assert_int_equal(statistics.n_commits, 0);
        assert_int_equal(statistics.commit_usec_p99, 0);
        sql_note_commit(f->sql, 7);
        sql_get_statistics(f->sql, &statistics);
        assert_int_equal(statistics.commit_usec_p99, 7);
        for (unsigned i = 2; i <= 200; i++)
                sql_note_commit(f->sql, i > 198 ? 90000 : 100);
        sql_get_statistics(f->sql, &statistics);
        assert_int_equal(statistics.commit_usec_p99, 100);
        sql_note_commit(f->sql, 90000);
        sql_get_statistics(f->sql, &statistics);
        assert_int_equal(statistics.commit_usec_p99, 90000);
        for (unsigned i = 0; i < SQL_RECENT_COMMITS; i++)
                sql_note_commit(f->sql, 5);
        sql_get_statistics(f->sql, &statistics);
        assert_int_equal(statistics.commit_usec_p99, 5);
        assert_int_equal(statistics.n_commits, 201 + SQL_RECENT_COMMITS);
        sql_note_commit(f->sql, UINT64_MAX); /* a clock of a fool's */
        sql_get_statistics(f->sql, &statistics);
        assert_int_equal(statistics.commit_usec_p99, 5);
}

static void a_failed_request_undoes_itself_alone(void **state) {
        Fixture *f = *state;
        Item items[] = {
                { .fixture = f, .number = 0, .work = insert },
                { .fixture = f, .number = 1, .work = insert_and_fail },
                { .fixture = f, .number = 0, .work = insert }, /* taken */
                { .fixture = f, .number = 1, .work = insert }, /* free again */
        };
        static const int expected[] = { 0, -EPERM, -EEXIST, 0 };
        SqlStatistics statistics;

        open_sql(f);
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                write_item(f, &items[i], NULL);
        loop_until_freed(f, ELEMENTSOF(items));
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                assert_int_equal(f->results[i], expected[i]);
        sql_get_statistics(f->sql, &statistics);
        if (workers_are_inline(f->rt.workers))
                assert_int_equal(statistics.n_commits, 1);
        f->n_done = 0;
        assert_int_equal(one(f, false, count, 0), 2);
}

static void a_failed_commit_fails_them_all(void **state) {
        Fixture *f = *state;
        Item items[] = {
                { .fixture = f, .number = 0, .work = insert },
                { .fixture = f, .number = 1, .work = insert_orphan }, /* found out by COMMIT */
                { .fixture = f, .number = 2, .work = insert_and_fail },
        };

        open_sql(f);
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                write_item(f, &items[i], NULL);
        loop_until_freed(f, ELEMENTSOF(items));
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                assert_int_equal(f->results[i], -EEXIST);
        f->n_done = 0;
        assert_int_equal(one(f, false, count, 0), 0);
        assert_int_equal(one(f, true, insert, 0), 0); /* the next batch is its own */
        assert_int_equal(one(f, false, count, 0), 1);
}

/* SQLite rolls back by itself where it must: nobody of the batch may then be told "stored". */
static void a_lost_transaction_fails_them_all(void **state) {
        Fixture *f = *state;
        Item items[] = {
                { .fixture = f, .number = 0, .work = insert },
                { .fixture = f, .number = 1, .work = roll_back },
                { .fixture = f, .number = 2, .work = insert },
        };

        open_sql(f);
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                write_item(f, &items[i], NULL);
        loop_until_freed(f, ELEMENTSOF(items));
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                assert_int_equal(f->results[i], -EIO);
        f->n_done = 0;
        assert_int_equal(one(f, false, count, 0), 0);
}

static void a_freed_job_is_stored_but_not_told(void **state) {
        Fixture *f = *state;
        Item items[] = {
                { .fixture = f, .number = 0, .work = insert, .waits = true },
                { .fixture = f, .number = 1, .work = insert },
                { .fixture = f, .number = 2, .work = insert },
        };
        Job *jobs[2];

        open_sql(f);
        write_item(f, &items[0], &jobs[0]);
        latch_expect(&f->latch, 1);
        write_item(f, &items[1], &jobs[1]);
        write_item(f, &items[2], NULL);
        job_free(jobs[0]);
        job_free(jobs[1]);
        assert_int_equal(f->n_freed, 0);
        latch_open(&f->latch);
        loop_until_freed(f, 3);
        assert_int_equal(f->n_done, 1);
        assert_int_equal(f->order[0], 2);
        f->n_done = 0;
        assert_int_equal(one(f, false, count, 0), 3);
}

static void freeing_stores_what_was_submitted(void **state) {
        Fixture *f = *state;
        Item items[10];
        Job *job;

        open_sql(f);
        for (unsigned i = 0; i < ELEMENTSOF(items); i++) {
                items[i] = (Item){ .fixture = f, .number = i, .work = insert };
                write_item(f, &items[i], i == 5 ? &job : NULL);
        }
        f->sql = sql_free(f->sql);
        assert_int_equal(f->n_done, 0);
        assert_int_equal(f->n_freed, ELEMENTSOF(items));
        job_free(job);
        open_sql(f);
        assert_int_equal(one(f, false, count, 0), ELEMENTSOF(items));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                on_threads(what_arrives_during_a_commit_is_one_batch),
                inline_only(the_slowest_hundredth_is_known),
                on_both(a_failed_request_undoes_itself_alone),
                inline_only(a_failed_commit_fails_them_all),
                inline_only(a_lost_transaction_fails_them_all),
                on_threads(a_freed_job_is_stored_but_not_told),
                on_both(freeing_stores_what_was_submitted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
