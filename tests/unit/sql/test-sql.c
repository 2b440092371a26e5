/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what sql.h promises: batches, savepoints, cancelling, opening and its refusals. */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "sql/sql.h"

#define LOOP_USEC (10 * USEC_PER_SEC)
#define N_MAX 200

static const char *const migrations[] = {
        "CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;",
        "CREATE TABLE item (n INTEGER PRIMARY KEY, text TEXT, parent INTEGER REFERENCES parent"
        " DEFERRABLE INITIALLY DEFERRED) STRICT;",
        NULL,
};

typedef struct Latch {
        pthread_mutex_t lock;
        pthread_cond_t cond;
        bool is_open, has_arrived;
} Latch;

typedef struct Fixture {
        Runtime rt;
        char root[32], path[64];
        Sql *sql;
        Latch latch;
        unsigned n_freed, n_done;
        int results[N_MAX];
        unsigned order[N_MAX];
} Fixture;

typedef struct Item {
        Fixture *fixture;
        unsigned number;
        const char *text;
        int (*work)(SqlTx *tx, struct Item *item);
        bool waits, is_freed;
        uint64_t parent;
} Item;

static int setup_with(void **state, bool is_inline) {
        Fixture *f = new0(Fixture, 1);

        *state = f;
        if (!f)
                return -1;
        strcpy(f->root, "/tmp/test-sql-XXXXXX");
        if (!mkdtemp(f->root) || sd_event_new(&f->rt.event) < 0 ||
            clock_new(f->rt.event, &f->rt.clock) < 0)
                return -1;
        snprintf(f->path, sizeof(f->path), "%s/db", f->root);
        pthread_mutex_init(&f->latch.lock, NULL);
        pthread_cond_init(&f->latch.cond, NULL);
        return is_inline ? workers_new_inline(f->rt.event, &f->rt.workers)
                         : workers_new(f->rt.event, 1, &f->rt.workers);
}

static int setup(void **state) {
        return setup_with(state, false);
}

static int setup_inline(void **state) {
        return setup_with(state, true);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int teardown(void **state) {
        Fixture *f = *state;

        sql_free(f->sql);
        workers_free(f->rt.workers);
        clock_free(f->rt.clock);
        sd_event_unref(f->rt.event);
        pthread_cond_destroy(&f->latch.cond);
        pthread_mutex_destroy(&f->latch.lock);
        nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

static void latch_wait(Latch *l) {
        pthread_mutex_lock(&l->lock);
        l->has_arrived = true;
        pthread_cond_broadcast(&l->cond);
        while (!l->is_open)
                pthread_cond_wait(&l->cond, &l->lock);
        pthread_mutex_unlock(&l->lock);
}

static void latch_open(Latch *l) {
        pthread_mutex_lock(&l->lock);
        l->is_open = true;
        pthread_cond_broadcast(&l->cond);
        pthread_mutex_unlock(&l->lock);
}

static void latch_expect(Latch *l) {
        pthread_mutex_lock(&l->lock);
        while (!l->has_arrived)
                pthread_cond_wait(&l->cond, &l->lock);
        pthread_mutex_unlock(&l->lock);
}

static int insert(SqlTx *tx, Item *item) {
        return sql_run(tx, "INSERT INTO item (n, text) VALUES (?, ?)", "is", (int) item->number,
                       item->text);
}

static int insert_and_fail(SqlTx *tx, Item *item) {
        assert_int_equal(insert(tx, item), 0);
        return -EPERM;
}

static int insert_orphan(SqlTx *tx, Item *item) {
        return sql_run(tx, "INSERT INTO item (n, parent) VALUES (?, ?)", "it", (int) item->number,
                       UINT64_C(77));
}

static int count(SqlTx *tx, Item *item) {
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

static void open_sql(Fixture *f) {
        assert_int_equal(sql_new(&f->rt, f->path, migrations, &f->sql), 0);
}

static void write_item(Fixture *f, Item *item, Job **ret_job) {
        assert_int_equal(sql_write(f->sql, work, item, free_item, done, f, ret_job), 0);
}

static void loop_until_freed(Fixture *f, unsigned n) {
        while (f->n_freed < n)
                assert_true(sd_event_run(f->rt.event, LOOP_USEC) > 0);
}

/* The result of one request, from submitting it to its end. */
static int one(Fixture *f, bool writes, int (*fn)(SqlTx *tx, Item *item), unsigned number) {
        Item item = { .fixture = f, .number = number, .text = "one", .work = fn };
        unsigned n = f->n_freed;

        assert_int_equal(
                (writes ? sql_write : sql_read)(f->sql, work, &item, free_item, done, f, NULL), 0);
        loop_until_freed(f, n + 1);
        return f->results[--f->n_done];
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
        latch_expect(&f->latch);
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

static int roll_back(SqlTx *tx, Item *item) {
        return sql_run(tx, "ROLLBACK", "");
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
        latch_expect(&f->latch);
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
        latch_expect(&f->latch);
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

static int pragma(SqlTx *tx, const char *text) {
        sqlite3_stmt *stmt;

        assert_int_equal(sql_prepare(tx, text, "", &stmt), 0);
        assert_int_equal(sql_step(stmt), 1);
        return (int) sql_column_u64(stmt, 0);
}

static int check_settings(SqlTx *tx, Item *item) {
        sqlite3_stmt *stmt;

        assert_int_equal(sql_prepare(tx, "PRAGMA journal_mode", "", &stmt), 0);
        assert_int_equal(sql_step(stmt), 1);
        assert_string_equal(sql_column_text(stmt, 0), "wal");
        assert_int_equal(pragma(tx, "PRAGMA synchronous"), 2);
        assert_int_equal(pragma(tx, "PRAGMA foreign_keys"), 1);
        assert_int_equal(pragma(tx, "PRAGMA secure_delete"), 1);
        assert_int_equal(pragma(tx, "PRAGMA temp_store"), 2);
        assert_int_equal(pragma(tx, "PRAGMA journal_size_limit"), 64 * 1024 * 1024);
        assert_int_equal(pragma(tx, "PRAGMA user_version"), 2);
        return 0;
}

static void the_file_is_private_and_durable(void **state) {
        static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
        Fixture *f = *state;
        mode_t mask = umask(0);
        char path[80];
        struct stat st;

        open_sql(f);
        assert_int_equal(one(f, true, check_settings, 0), 0);
        assert_int_equal(one(f, true, insert, 0), 0);
        umask(mask);
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0600);
        }
        f->sql = sql_free(f->sql);
        snprintf(path, sizeof(path), "%s-wal", f->path);
        assert_int_equal(stat(path, &st), -1); /* all of it is in the database by now */
}

static int set_version_9(SqlTx *tx, Item *item) {
        return sql_run(tx, "PRAGMA user_version=9", "");
}

static void versions_go_up_only(void **state) {
        static const char *const first_only[] = { "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
                                                  NULL };
        static const char *const broken[] = {
                "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
                "CREATE TABLE item (n INTEGER); INSERT INTO nowhere VALUES (1);",
                NULL,
        };
        Fixture *f = *state;

        assert_int_equal(sql_new(&f->rt, f->path, first_only, &f->sql), 0);
        assert_int_equal(one(f, true, count, 0), -EINVAL); /* no such table yet */
        f->sql = sql_free(f->sql);
        assert_int_equal(sql_new(&f->rt, f->path, broken, &f->sql), 0);
        assert_int_equal(one(f, true, count, 0), -EINVAL);
        assert_int_equal(one(f, false, count, 0), -EINVAL);
        f->sql = sql_free(f->sql);
        open_sql(f); /* what the broken one began is undone */
        assert_int_equal(one(f, true, insert, 1), 0);
        assert_int_equal(one(f, true, set_version_9, 0), 0);
        f->sql = sql_free(f->sql);
        open_sql(f);
        assert_int_equal(one(f, true, insert, 2), -EBADMSG);
        assert_int_equal(one(f, false, count, 0), -EBADMSG);
}

static void put_file(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

static void what_is_wrong_with_the_file_is_named(void **state) {
        Fixture *f = *state;

        put_file(f->path, "This is text and not a database, long enough for a header of a hundred "
                          "bytes: ----------------------------------------");
        open_sql(f);
        assert_int_equal(one(f, true, insert, 1), -EBADMSG);
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(one(f, true, insert, 1), 0); /* opened anew for each until it succeeds */
        f->sql = sql_free(f->sql);

        snprintf(f->path, sizeof(f->path), "%s/no/such/folder", f->root);
        open_sql(f);
        assert_int_equal(one(f, true, insert, 1), -ENOENT);
        assert_int_equal(one(f, false, count, 1), -ENOENT);
}

static int fill_up(SqlTx *tx, Item *item) {
        int r;

        pragma(tx, "PRAGMA max_page_count=16");
        do
                r = sql_run(tx, "INSERT INTO item (text) VALUES (hex(zeroblob(1000)))", "");
        while (r >= 0);
        return r;
}

static void a_full_disk_is_named(void **state) {
        Fixture *f = *state;
        Item items[] = {
                { .fixture = f, .number = 1, .work = insert },
                { .fixture = f, .number = 2, .work = fill_up },
        };
        int n_stored;

        open_sql(f);
        write_item(f, &items[0], NULL);
        write_item(f, &items[1], NULL);
        loop_until_freed(f, 2);
        assert_int_equal(f->results[1], -ENOSPC);
        n_stored = f->results[0] == 0;
        f->n_done = 0;
        /* Told "stored" means stored, whatever came after it in the batch. */
        assert_int_equal(one(f, false, count, 0), n_stored);
}

static void a_second_process_is_kept_out(void **state) {
        Fixture *f = *state;
        int status, go[2];
        pid_t child;
        char byte;

        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        child = fork(); /* before there are any of our threads with locks held */
        assert_true(child >= 0);
        if (child == 0) {
                Fixture other = { .latch.is_open = true };
                int r = -1;

                close(go[1]);
                if (read(go[0], &byte, 1) == 1 && sd_event_new(&other.rt.event) >= 0 &&
                    clock_new(other.rt.event, &other.rt.clock) >= 0 &&
                    workers_new_inline(other.rt.event, &other.rt.workers) >= 0) {
                        strcpy(other.path, f->path);
                        open_sql(&other);
                        r = one(&other, true, insert, 1);
                }
                _exit(r == -EBUSY ? 0 : 1);
        }
        open_sql(f);
        assert_int_equal(one(f, true, insert, 0), 0);
        assert_int_equal(write(go[1], "x", 1), 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(one(f, true, insert, 1), 0);
        close(go[0]);
        close(go[1]);

        Sql *second;
        Sql *first = f->sql;
        assert_int_equal(sql_new(&f->rt, f->path, migrations, &second), 0);
        f->sql = second;
        assert_int_equal(one(f, false, count, 0), -EBUSY);
        sql_free(first);
        assert_int_equal(one(f, false, count, 0), 2); /* the lock went with its holder */
}

#define on_threads(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define inline_only(f) cmocka_unit_test_setup_teardown(f, setup_inline, teardown)
#define on_both(f)                                                                                 \
        { #f "/threads", f, setup, teardown, NULL }, {                                             \
#f "/inline", f, setup_inline, teardown, NULL                                      \
        }

int main(void) {
        const struct CMUnitTest tests[] = {
                inline_only(a_second_process_is_kept_out),
                on_threads(what_arrives_during_a_commit_is_one_batch),
                on_both(a_failed_request_undoes_itself_alone),
                inline_only(a_failed_commit_fails_them_all),
                inline_only(a_lost_transaction_fails_them_all),
                on_threads(a_freed_job_is_stored_but_not_told),
                on_both(freeing_stores_what_was_submitted),
                on_threads(reading_does_not_wait_for_writing),
                on_both(a_reader_cannot_write),
                inline_only(values_come_back_as_they_went),
                on_threads(memory_is_for_inline_only),
                on_both(the_file_is_private_and_durable),
                on_both(versions_go_up_only),
                on_both(what_is_wrong_with_the_file_is_named),
                inline_only(a_full_disk_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
