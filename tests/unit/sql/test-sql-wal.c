/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The WAL stays within 64 MiB, however much is written, while somebody reads all the time, and in
 * however few batches. */
#include <sys/stat.h>

#include "support/sync-vfs.h"
#include "unit/sql/sql-fixture.h"

#define MEBIBYTE (UINT64_C(1024) * 1024)
#define TOTAL_BYTES (200 * MEBIBYTE)
#define ROW_BYTES 16384
#define ROWS_PER_WRITE 16
#define N_WRITES ((unsigned) (TOTAL_BYTES / ROW_BYTES / ROWS_PER_WRITE))
#define N_READS 4 /* under way at a time, so that the reader's thread never rests */

typedef struct Load {
        Fixture *f;
        const char *text;
        unsigned n_written, n_submitted, n_pages, n_reading;
        uint64_t wal_max;
} Load;

typedef struct Request {
        Load *load;
        unsigned number;
} Request;

static uint64_t wal_bytes(const Load *l) {
        char path[PATH_MAX + 8];
        struct stat st;

        snprintf(path, sizeof(path), "%s-wal", l->f->path);
        return stat(path, &st) < 0 ? 0 : (uint64_t) st.st_size;
}

static void look(Load *l) {
        l->wal_max = MAX(l->wal_max, wal_bytes(l));
}

static int write_rows(SqlTx *tx, void *request) {
        const Request *q = request;
        int r = 0;

        for (unsigned i = 0; i < ROWS_PER_WRITE && r >= 0; i++)
                r = sql_run(tx, "INSERT INTO item (n, text) VALUES (?, ?)", "is",
                            (int) (q->number * ROWS_PER_WRITE + i), q->load->text);
        return r;
}

/* What a page of a log costs: 256 KiB. */
static int read_rows(SqlTx *tx, void *request) {
        const Request *q = request;
        sqlite3_stmt *stmt;
        unsigned n = 0;
        int r;

        r = sql_prepare(tx, "SELECT n, text FROM item WHERE n >= ? ORDER BY n LIMIT 16", "i", &stmt,
                        (int) q->number);
        if (r < 0)
                return r;
        while ((r = sql_step(stmt)) > 0)
                n += sqlite3_column_bytes(stmt, 1) == ROW_BYTES;
        return r < 0 ? r : (int) n;
}

static void on_written(int r, void *request, void *userdata) {
        Load *l = userdata;

        assert_int_equal(r, 0);
        l->n_written++;
        look(l);
}

static void submit_write(Load *l) {
        Request *q = new0(Request, 1);

        assert_non_null(q);
        *q = (Request){ .load = l, .number = l->n_submitted++ };
        assert_int_equal(sql_write(l->f->sql, write_rows, q, free, on_written, l, NULL), 0);
}

static void on_read(int r, void *request, void *userdata) {
        Load *l = userdata;

        assert_true(r >= 0);
        l->n_pages++;
        l->n_reading--;
        look(l);
}

static void submit_read(Load *l) {
        Request *q = new0(Request, 1);

        assert_non_null(q);
        *q = (Request){ .load = l,
                        .number = l->n_pages * 7919 % (l->n_written * ROWS_PER_WRITE + 1) };
        l->n_reading++;
        assert_int_equal(sql_read(l->f->sql, read_rows, q, free, on_read, l, NULL), 0);
}

static void write_all(Fixture *f, unsigned n_in_flight) {
        _cleanup_free_ char *text = malloc(ROW_BYTES + 1);
        Load l = { .f = f, .text = text };

        assert_non_null(text);
        memset(text, 'x', ROW_BYTES);
        text[ROW_BYTES] = '\0';
        open_sql(f);
        while (l.n_written < N_WRITES || l.n_reading > 0) {
                while (l.n_submitted < N_WRITES && l.n_submitted - l.n_written < n_in_flight)
                        submit_write(&l);
                while (l.n_written < N_WRITES && l.n_reading < N_READS)
                        submit_read(&l);
                assert_true(sd_event_run(f->rt.event, 20 * USEC_PER_SEC) > 0);
                look(&l);
        }
        print_message("%u writes, %u pages read, WAL at most %.1f MiB\n", l.n_written, l.n_pages,
                      (double) l.wal_max / (double) MEBIBYTE);
        assert_true(l.n_pages > 10);
        assert_true(l.wal_max > 0);
        assert_true(l.wal_max <= 64 * MEBIBYTE);
        f->n_done = 0;
        assert_int_equal(one(f, false, count, 0), N_WRITES * ROWS_PER_WRITE);
}

/* What is durable is not the question, and other programs' disks are not kept busy. */
static bool on_sync(bool is_wal, void *userdata) {
        return false;
}

static void one_after_the_other(void **state) {
        write_all(*state, 1);
}

static void some_at_a_time(void **state) {
        write_all(*state, 64);
}

static void all_at_once(void **state) {
        write_all(*state, N_WRITES);
}

/* ---- what has to be gone from it at once ---- */

#define N_FORGOTTEN 100

static int write_and_forget(SqlTx *tx, void *request) {
        int r = write_rows(tx, request);

        sql_forget(tx);
        return r;
}

static void on_forgotten(int r, void *request, void *userdata) {
        Load *l = userdata;

        on_written(r, request, userdata);
        assert_int_equal(wal_bytes(l), 0);
}

/* One after the other, and with a pause of the writer between them, while somebody always reads. */
static void is_cut_however_much_is_read(void **state) {
        Fixture *f = *state;
        _cleanup_free_ char *text = malloc(ROW_BYTES + 1);
        Load l = { .f = f, .text = text };

        assert_non_null(text);
        memset(text, 'x', ROW_BYTES);
        text[ROW_BYTES] = '\0';
        open_sql(f);
        while (l.n_written < N_FORGOTTEN || l.n_reading > 0) {
                if (l.n_submitted < N_FORGOTTEN && l.n_submitted == l.n_written) {
                        Request *q = new0(Request, 1);

                        assert_non_null(q);
                        *q = (Request){ .load = &l, .number = l.n_submitted++ };
                        assert_int_equal(sql_write(f->sql, write_and_forget, q, free, on_forgotten,
                                                   &l, NULL),
                                         0);
                }
                while (l.n_written < N_FORGOTTEN && l.n_reading < N_READS)
                        submit_read(&l);
                assert_true(sd_event_run(f->rt.event, 20 * USEC_PER_SEC) > 0);
        }
        assert_true(l.n_pages > 10);
}

/* ---- a batch that became several transactions ---- */

#define N_PARTS 160 /* 40 MiB */

static int write_rows_and_an_orphan(SqlTx *tx, void *request) {
        int r = write_rows(tx, request);

        return r < 0 ? r
                     : sql_run(tx, "INSERT INTO item (n, parent) VALUES (?, ?)", "it", INT32_MAX,
                               UINT64_C(77));
}

typedef struct Part {
        Request request;
        bool is_done;
        int r;
} Part;

static void on_part(int r, void *request, void *userdata) {
        Part *p = request;

        p->is_done = true;
        p->r = r;
}

static int count_rows_of(SqlTx *tx, void *request) {
        const Request *q = request;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT count(*) FROM item WHERE n >= ? AND n < ?", "ii", &stmt,
                        (int) (q->number * ROWS_PER_WRITE),
                        (int) ((q->number + 1) * ROWS_PER_WRITE));
        if (r >= 0)
                r = sql_step(stmt);
        return r < 0 ? r : sqlite3_column_int(stmt, 0);
}

/* The last commit of the batch fails: those of the ones before it are stored, and told so. */
static void each_is_told_of_its_own_transaction(void **state) {
        Fixture *f = *state;
        _cleanup_free_ char *text = malloc(ROW_BYTES + 1);
        Load l = { .f = f, .text = text };
        Part parts[N_PARTS] = {};
        unsigned n_stored = 0;

        assert_non_null(text);
        memset(text, 'x', ROW_BYTES);
        text[ROW_BYTES] = '\0';
        open_sql(f);
        for (unsigned i = 0; i < N_PARTS; i++) {
                parts[i].request = (Request){ .load = &l, .number = i };
                assert_int_equal(sql_write(f->sql,
                                           i + 1 < N_PARTS ? write_rows : write_rows_and_an_orphan,
                                           &parts[i], NULL, on_part, NULL, NULL),
                                 0);
        }
        while (!parts[N_PARTS - 1].is_done)
                assert_true(sd_event_run(f->rt.event, 20 * USEC_PER_SEC) > 0);
        for (unsigned i = 0; i < N_PARTS; i++) {
                Part asked = { .request = parts[i].request };

                assert_true(parts[i].is_done);
                assert_int_equal(sql_read(f->sql, count_rows_of, &asked, NULL, on_part, NULL, NULL),
                                 0);
                while (!asked.is_done)
                        assert_true(sd_event_run(f->rt.event, 20 * USEC_PER_SEC) > 0);
                assert_int_equal(asked.r, parts[i].r == 0 ? ROWS_PER_WRITE : 0);
                if (parts[i].r < 0)
                        assert_int_equal(parts[i].r, -EEXIST);
                n_stored += parts[i].r == 0;
        }
        assert_in_range(n_stored, N_PARTS / 4, N_PARTS - 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                on_threads(one_after_the_other),
                on_threads(some_at_a_time),
                on_threads(all_at_once),
                on_threads(is_cut_however_much_is_read),
                inline_only(each_is_told_of_its_own_transaction),
        };

        sync_vfs_set(on_sync, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
