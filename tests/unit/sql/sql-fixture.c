/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a database in a folder of its own is made, asked and removed; leaves what is asked to
 * sql-fixture.h. */
#include "unit/sql/sql-fixture.h"

#include "support/scratch.h"

#define LOOP_USEC (10 * USEC_PER_SEC)

const char *const migrations[] = {
        "CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;",
        "CREATE TABLE item (n INTEGER PRIMARY KEY, text TEXT, parent INTEGER REFERENCES parent"
        " DEFERRABLE INITIALLY DEFERRED) STRICT;",
        NULL,
};

static int setup_with(void **state, bool is_inline) {
        Fixture *f = new0(Fixture, 1);

        *state = f;
        if (!f)
                return -1;
        f->root = scratch_new();
        if (sd_event_new(&f->rt.event) < 0 || clock_new(f->rt.event, &f->rt.clock) < 0)
                return -1;
        snprintf(f->path, sizeof(f->path), "%s/db", f->root);
        latch_init(&f->latch);
        return is_inline ? workers_new_inline(f->rt.event, &f->rt.workers)
                         : workers_new(f->rt.event, 1, &f->rt.workers);
}

int setup(void **state) {
        return setup_with(state, false);
}

int setup_inline(void **state) {
        return setup_with(state, true);
}

int teardown(void **state) {
        Fixture *f = *state;

        sql_free(f->sql);
        workers_free(f->rt.workers);
        clock_free(f->rt.clock);
        sd_event_unref(f->rt.event);
        latch_done(&f->latch);
        scratch_free(f->root);
        free(f);
        return 0;
}

int insert(SqlTx *tx, Item *item) {
        return sql_run(tx, "INSERT INTO item (n, text) VALUES (?, ?)", "is", (int) item->number,
                       item->text);
}

int count(SqlTx *tx, Item *item) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT count(*) FROM item", "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        return r < 0 ? r : (int) sql_column_u64(stmt, 0);
}

static int work(SqlTx *tx, void *request) {
        Item *item = request;

        if (item->waits)
                latch_wait(&item->fixture->latch);
        return item->work(tx, item);
}

static void free_item(void *request) {
        Item *item = request;

        assert_false(item->is_freed);
        item->is_freed = true;
        item->fixture->n_freed++;
}

static void done(int r, void *request, void *userdata) {
        Item *item = request;
        Fixture *f = userdata;

        assert_false(item->is_freed);
        f->order[f->n_done] = item->number;
        f->results[f->n_done++] = r;
}

void open_sql(Fixture *f) {
        assert_int_equal(sql_new(&f->rt, f->path, migrations, &f->sql), 0);
}

void write_item(Fixture *f, Item *item, Job **ret_job) {
        assert_int_equal(sql_write(f->sql, work, item, free_item, done, f, ret_job), 0);
}

void loop_until_freed(Fixture *f, unsigned n) {
        while (f->n_freed < n)
                assert_true(sd_event_run(f->rt.event, LOOP_USEC) > 0);
}

int one(Fixture *f, bool writes, int (*fn)(SqlTx *tx, Item *item), unsigned number) {
        Item item = { .fixture = f, .number = number, .text = "one", .work = fn };
        unsigned n = f->n_freed;

        assert_int_equal(
                (writes ? sql_write : sql_read)(f->sql, work, &item, free_item, done, f, NULL), 0);
        loop_until_freed(f, n + 1);
        return f->results[--f->n_done];
}
