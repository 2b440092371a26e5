/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a database that cannot be used: it is told once, tried by itself, and told again when it is
 * over; one that is damaged is touched no more, set aside byte by byte, and another one begins. */
#include <fcntl.h>
#include <sys/stat.h>

#include "unit/sql/sql-fixture.h"

#define PAGE 4096
#define FILE_MAX (1024 * 1024)

typedef struct Told {
        int trouble;
        unsigned n;
} Told;

static void on_trouble(int trouble, void *userdata) {
        Told *t = userdata;

        t->trouble = trouble;
        t->n++;
}

/* On a virtual clock: what waits for a try costs no time. */
static int setup_virtual(void **state) {
        Fixture *f;

        if (setup_inline(state) < 0)
                return -1;
        f = *state;
        f->rt.clock = clock_free(f->rt.clock);
        return clock_new_virtual(f->rt.event, UINT64_C(1795000000) * USEC_PER_SEC, &f->rt.clock);
}

static bool is_over(void *userdata) {
        const Told *t = userdata;

        return t->trouble == 0;
}

static bool is_told(void *userdata) {
        return !is_over(userdata);
}

static int limit_pages(SqlTx *tx, Item *item) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "PRAGMA max_page_count=16", "", &stmt);
        return r < 0 ? r : MIN(sql_step(stmt), 0);
}

static int lift_limit(SqlTx *tx, Item *item) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "PRAGMA max_page_count=100000", "", &stmt);
        return r < 0 ? r : MIN(sql_step(stmt), 0);
}

static int insert_much(SqlTx *tx, Item *item) {
        return sql_run(tx, "INSERT INTO item (text) VALUES (hex(zeroblob(100000)))", "");
}

static int refuse_as_full(SqlTx *tx, Item *item) {
        return -ENOSPC; /* its own idea: not SQLite's */
}

static void it_is_told_once_and_tried(void **state) {
        Fixture *f = *state;
        uint64_t before;
        Told told = {};

        open_sql(f);
        sql_watch(f->sql, on_trouble, &told);
        assert_int_equal(one(f, true, insert, 1), 0);
        assert_int_equal(one(f, true, insert, 1), -EEXIST);
        assert_int_equal(one(f, true, refuse_as_full, 1), -ENOSPC);
        assert_int_equal(sql_get_trouble(f->sql), 0);

        assert_int_equal(one(f, true, limit_pages, 0), 0);
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(one(f, true, insert_much, 0), -ENOSPC);
        assert_int_equal(sql_get_trouble(f->sql), -ENOSPC);
        assert_int_equal(clock_virtual_run(f->rt.clock, is_told, &told, USEC_PER_MINUTE), 1);
        assert_int_equal(told.trouble, -ENOSPC);
        assert_int_equal(told.n, 1);

        /* There is room for the try. */
        assert_int_equal(clock_virtual_run(f->rt.clock, is_over, &told, USEC_PER_MINUTE), 1);
        assert_int_equal(told.n, 2);

        /* On and off: who is told is told ever more rarely. */
        for (unsigned i = 0; i < 8; i++) {
                assert_int_equal(one(f, true, insert_much, 0), -ENOSPC);
                assert_int_equal(clock_virtual_run(f->rt.clock, is_told, &told, USEC_PER_MINUTE),
                                 1);
                assert_int_equal(clock_virtual_run(f->rt.clock, is_over, &told, USEC_PER_MINUTE),
                                 1);
        }
        before = clock_boottime(f->rt.clock);
        assert_int_equal(one(f, true, insert_much, 0), -ENOSPC);
        assert_int_equal(clock_virtual_run(f->rt.clock, is_told, &told, USEC_PER_MINUTE), 1);
        assert_int_equal(clock_virtual_run(f->rt.clock, is_over, &told, USEC_PER_MINUTE), 1);
        assert_true(clock_boottime(f->rt.clock) - before >= 20 * USEC_PER_SEC);
        assert_true(clock_boottime(f->rt.clock) - before <= 30 * USEC_PER_SEC);
        assert_int_equal(one(f, true, lift_limit, 0), 0);
        assert_int_equal(one(f, true, insert_much, 0), 0);
        assert_int_equal(one(f, false, count, 0), 2);
}

/* The disk is not there, and then it is: another file under the same name. */
static void it_is_opened_anew(void **state) {
        Fixture *f = *state;
        char folder[PATH_MAX + 8];
        Told told = {};

        snprintf(folder, sizeof(folder), "%s/disk", f->root);
        snprintf(f->path, sizeof(f->path), "%s/disk/db", f->root);
        open_sql(f);
        sql_watch(f->sql, on_trouble, &told);
        assert_int_equal(one(f, true, insert, 1), -ENOENT);
        assert_int_equal(clock_virtual_run(f->rt.clock, is_told, &told, USEC_PER_MINUTE), 1);
        assert_int_equal(clock_virtual_run(f->rt.clock, is_over, &told, 10 * USEC_PER_MINUTE), 0);
        assert_int_equal(told.n, 1);
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_int_equal(clock_virtual_run(f->rt.clock, is_over, &told, 30 * USEC_PER_SEC), 1);
        assert_int_equal(one(f, true, insert, 1), 0);
}

/* ---- damage ---- */

static size_t load(const char *path, uint8_t ret[static FILE_MAX]) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, ret, FILE_MAX);

        assert_true(n >= 0 && n < FILE_MAX);
        return (size_t) n;
}

static void overwrite(const char *path, off_t offset, const uint8_t *bytes, size_t n) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, bytes, n, offset), (ssize_t) n);
}

static int forget_cache(SqlTx *tx, Item *item) {
        return sql_run(tx, "PRAGMA shrink_memory", "");
}

static int move_wal(SqlTx *tx, Item *item) {
        sql_forget(tx);
        return 0;
}

/* Many pages, none of them in the WAL or in memory. */
static void fill(Fixture *f) {
        assert_int_equal(one(f, true, insert, 1), 0);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(one(f, true, insert_much, 0), 0);
        assert_int_equal(one(f, true, move_wal, 0), 0);
        (void) one(f, true, forget_cache, 0);
}

static void on_set_aside(int r, void *request, void *userdata) {
        *(int *) userdata = r;
}

static int set_aside(Fixture *f, const char *name) {
        char path[PATH_MAX + 8];
        int r = 99;

        snprintf(path, sizeof(path), "%s/%s", f->root, name);
        assert_int_equal(sql_set_aside(f->sql, path, NULL, NULL, on_set_aside, &r, NULL), 0);
        while (r == 99)
                assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
        return r;
}

static int read_all(SqlTx *tx, Item *item) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT sum(length(text)) FROM item", "", &stmt);
        return r < 0 ? r : MIN(sql_step(stmt), 0);
}

static void a_damaged_one_is_set_aside(void **state) {
        static uint8_t before[FILE_MAX], after[FILE_MAX], wal[FILE_MAX];
        uint8_t junk[PAGE], whole[PAGE];
        char path[PATH_MAX + 8], wal_path[PATH_MAX + 8];
        size_t n, n_wal;
        Fixture *f = *state;
        struct stat st;
        Told told = {};

        memset(junk, 0xa5, sizeof(junk));
        open_sql(f);
        sql_watch(f->sql, on_trouble, &told);
        fill(f);
        n = load(f->path, before);
        assert_true(n > 20 * PAGE);
        memcpy(whole, before + 2 * PAGE, PAGE);
        overwrite(f->path, 2 * PAGE, junk, PAGE);
        f->sql = sql_free(f->sql);
        open_sql(f);
        sql_watch(f->sql, on_trouble, &told);
        assert_int_equal(one(f, false, read_all, 0), -EBADMSG);
        while (told.n == 0)
                assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(told.trouble, -EBADMSG);

        /* Neither read nor written from here on. */
        assert_int_equal(one(f, true, lift_limit, 0), -EBADMSG);
        assert_int_equal(one(f, false, lift_limit, 0), -EBADMSG);

        /* Whole after all. */
        overwrite(f->path, 2 * PAGE, whole, PAGE);
        assert_int_equal(set_aside(f, "first"), 0);
        assert_int_equal(one(f, false, read_all, 0), 0);
        assert_int_equal(one(f, true, insert, 50), 0);
        assert_int_equal(one(f, false, count, 0), 5);
        assert_int_equal(sql_get_trouble(f->sql), 0);

        /* With something in the WAL, which must stay with it. */
        (void) one(f, true, forget_cache, 0);
        overwrite(f->path, 2 * PAGE, junk, PAGE);
        assert_int_equal(one(f, true, read_all, 0), -EBADMSG);
        snprintf(wal_path, sizeof(wal_path), "%s-wal", f->path);
        n = load(f->path, before);
        n_wal = load(wal_path, wal);
        assert_true(n_wal > 0);
        snprintf(path, sizeof(path), "%s/second-wal", f->root);
        assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
        assert_int_equal(set_aside(f, "second"), -EEXIST);
        assert_int_equal(one(f, true, insert, 3), -EBADMSG);
        assert_int_equal(set_aside(f, "third"), 1);

        assert_int_equal(one(f, true, insert, 1), 0);
        assert_int_equal(one(f, false, count, 0), 1);
        snprintf(path, sizeof(path), "%s/third", f->root);
        assert_int_equal(load(path, after), n);
        assert_memory_equal(before, after, n);
        strcat(path, "-wal");
        assert_int_equal(load(path, after), n_wal);
        assert_memory_equal(wal, after, n_wal);
        snprintf(path, sizeof(path), "%s/first", f->root);
        assert_int_equal(stat(path, &st), -1);
        while (told.trouble != 0)
                assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
}

/* Ended between the file and its WAL: no other file may have that WAL. */
static void a_stray_wal_is_kept(void **state) {
        static uint8_t wal[FILE_MAX], after[FILE_MAX];
        char path[PATH_MAX + 8], kept[PATH_MAX + 64];
        Fixture *f = *state;
        struct timespec times[2] = { { .tv_sec = 1795000000 }, { .tv_sec = 1795000000 } };
        size_t n;

        open_sql(f);
        assert_int_equal(one(f, true, insert, 1), 0);
        snprintf(path, sizeof(path), "%s-wal", f->path);
        n = load(path, wal);
        assert_true(n > 0);
        f->sql = sql_free(f->sql);
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
        overwrite(path, 0, wal, n);
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);

        open_sql(f);
        assert_int_equal(one(f, false, count, 0), 0);
        snprintf(kept, sizeof(kept), "%s.damaged-2026-11-18T11-06-40.000Z-wal", f->path);
        assert_int_equal(load(kept, after), n);
        assert_memory_equal(wal, after, n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(it_is_told_once_and_tried, setup_virtual, teardown),
                cmocka_unit_test_setup_teardown(it_is_opened_anew, setup_virtual, teardown),
                on_both(a_damaged_one_is_set_aside),
                on_both(a_stray_wal_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
