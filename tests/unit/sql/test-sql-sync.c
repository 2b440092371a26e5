/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* While an fsync is under way: what arrives becomes one batch, nobody is told anything, and who
 * reads does not wait for it. */
#include "support/sync-vfs.h"
#include "unit/sql/sql-fixture.h"

typedef struct Disk {
        Latch latch;
        bool is_held; /* the next fsync of the WAL waits */
} Disk;

static bool on_sync(bool is_wal, void *userdata) {
        Disk *d = userdata;

        if (is_wal && __atomic_load_n(&d->is_held, __ATOMIC_SEQ_CST))
                latch_wait(&d->latch);
        return true;
}

/* The commit of one is at its fsync, and stays there. */
static void hold_an_fsync(Fixture *f, Disk *d, Item *item) {
        latch_init(&d->latch);
        sync_vfs_set(on_sync, d);
        open_sql(f);
        assert_int_equal(one(f, true, insert, N_MAX), 0); /* the file is made */
        f->n_freed = 0;
        __atomic_store_n(&d->is_held, true, __ATOMIC_SEQ_CST);
        *item = (Item){ .fixture = f, .number = 0, .text = "x", .work = insert };
        write_item(f, item, NULL);
        latch_expect(&d->latch, 1);
}

static void let_go(Fixture *f, Disk *d, unsigned n) {
        latch_open(&d->latch);
        loop_until_freed(f, n);
        f->sql = sql_free(f->sql);
        sync_vfs_set(NULL, NULL);
        latch_done(&d->latch);
}

static void what_arrives_during_an_fsync_is_one_batch(void **state) {
        Fixture *f = *state;
        SqlStatistics before, after;
        Item items[N_MAX];
        Disk d = {};

        hold_an_fsync(f, &d, &items[0]);
        sql_get_statistics(f->sql, &before);
        for (unsigned i = 1; i < N_MAX; i++) {
                items[i] = (Item){ .fixture = f, .number = i, .text = "x", .work = insert };
                write_item(f, &items[i], NULL);
        }
        assert_int_equal(sd_event_run(f->rt.event, 0), 0);
        assert_int_equal(f->n_done, 0); /* not even the one that is written */
        latch_open(&d.latch);
        loop_until_freed(f, N_MAX);
        for (unsigned i = 0; i < N_MAX; i++) {
                assert_int_equal(f->order[i], i);
                assert_int_equal(f->results[i], 0);
        }
        sql_get_statistics(f->sql, &after);
        assert_int_equal(after.n_commits - before.n_commits, 2);
        assert_int_equal(after.n_requests - before.n_requests, N_MAX - 1);
        let_go(f, &d, N_MAX);
}

static void reading_does_not_wait_for_an_fsync(void **state) {
        Fixture *f = *state;
        Disk d = {};
        Item item;

        hold_an_fsync(f, &d, &item);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(one(f, false, count, 0), 1); /* it is not there yet */
        assert_false(item.is_freed);
        latch_open(&d.latch);
        while (!item.is_freed)
                assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(one(f, false, count, 0), 2);
        let_go(f, &d, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                on_threads(what_arrives_during_an_fsync_is_one_batch),
                on_threads(reading_does_not_wait_for_an_fsync),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
