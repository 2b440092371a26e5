/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the database as a file: private, durable, of one process, of a version, and what is wrong
 * with it; leaves batches to test-sql-batches.c. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit/sql/sql-fixture.h"

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

static int set_version_9(SqlTx *tx, Item *item) {
        return sql_run(tx, "PRAGMA user_version=9", "");
}

static void put_file(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

static int fill_up(SqlTx *tx, Item *item) {
        int r;

        pragma(tx, "PRAGMA max_page_count=16");
        do
                r = sql_run(tx, "INSERT INTO item (text) VALUES (hex(zeroblob(1000)))", "");
        while (r >= 0);
        return r;
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

static void the_file_is_private_and_durable(void **state) {
        static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
        Fixture *f = *state;
        mode_t mask = umask(0);
        char path[PATH_MAX + 8];
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
        assert_int_equal(one(f, true, insert, 2), -EPROTONOSUPPORT);
        assert_int_equal(one(f, false, count, 0), -EPROTONOSUPPORT);
        assert_int_equal(sql_get_trouble(f->sql), 0); /* it is in order */
}

static void what_is_wrong_with_the_file_is_named(void **state) {
        Fixture *f = *state;
        char folder[PATH_MAX + 8];

        put_file(f->path, "This is text and not a database, long enough for a header of a hundred "
                          "bytes: ----------------------------------------");
        open_sql(f);
        assert_int_equal(one(f, true, insert, 1), -EBADMSG);
        assert_int_equal(one(f, false, count, 1), -EBADMSG);
        f->sql = sql_free(f->sql);

        snprintf(f->path, sizeof(f->path), "%s/folder", f->root);
        snprintf(folder, sizeof(folder), "%s", f->path);
        strcat(f->path, "/db");
        open_sql(f);
        assert_int_equal(one(f, true, insert, 1), -ENOENT);
        assert_int_equal(one(f, false, count, 1), -ENOENT);
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_int_equal(one(f, true, insert, 1), 0); /* opened anew for each until it succeeds */
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

static int replace_often(SqlTx *tx, Item *item) {
        int r = 0;

        for (unsigned i = 0; i < 100 && r >= 0; i++)
                r = sql_run(tx, "REPLACE INTO item (n, text) VALUES (?, hex(zeroblob(100000)))",
                            "i", (int) item->number);
        return r;
}

/* fn's result in a process of its own, which ends there and then, as if it were killed. */
static int in_child(Fixture *f, int (*fn)(Fixture *f)) {
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                Fixture own = { .latch.is_open = true };

                strcpy(own.path, f->path);
                if (sd_event_new(&own.rt.event) < 0 || clock_new(own.rt.event, &own.rt.clock) < 0 ||
                    workers_new_inline(own.rt.event, &own.rt.workers) < 0)
                        _exit(100);
                _exit(fn(&own));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int leave_a_wal(Fixture *f) {
        open_sql(f);
        return one(f, true, replace_often, 1) < 0;
}

/* No file may become larger than the WAL is. */
static int write_within_the_wal(Fixture *f) {
        struct rlimit limit;
        struct stat st;
        char path[PATH_MAX + 8];

        snprintf(path, sizeof(path), "%s-wal", f->path);
        if (stat(path, &st) < 0 || st.st_size < 100000)
                return 101;
        limit.rlim_cur = limit.rlim_max = (rlim_t) st.st_size;
        if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) < 0)
                return 102;
        open_sql(f);
        return one(f, true, insert, 2) < 0 || one(f, false, count, 0) != 2;
}

/* Killed on a disk that is full: what the WAL holds goes to where it belongs, and there is room
 * again. */
static void a_full_disk_after_a_kill(void **state) {
        Fixture *f = *state;

        assert_int_equal(in_child(f, leave_a_wal), 0);
        assert_int_equal(in_child(f, write_within_the_wal), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                inline_only(a_second_process_is_kept_out),
                on_both(the_file_is_private_and_durable),
                on_both(versions_go_up_only),
                on_both(what_is_wrong_with_the_file_is_named),
                inline_only(a_full_disk_is_named),
                inline_only(a_full_disk_after_a_kill),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
