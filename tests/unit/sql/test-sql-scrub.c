/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was deleted is in no file any more, however often its pages were split and merged; and all
 * that was not is there as it was. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "unit/sql/sql-fixture.h"

#define N_ROWS 3000
#define SECRET "quiet-heron"

static const char *const tables[] = {
        "CREATE TABLE log (channel INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL,"
        " PRIMARY KEY (channel, seq)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE other (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
        "CREATE INDEX other_by_text ON other (text);",
        NULL,
};

typedef struct Run {
        int (*work)(SqlTx *tx);
        bool is_done;
        int r;
        uint64_t next;
} Run;

static int work(SqlTx *tx, void *request) {
        return ((Run *) request)->work(tx);
}

static void on_run(int r, void *request, void *userdata) {
        Run *run = request;

        run->is_done = true;
        run->r = r;
}

static void wait_for(Fixture *f, const Run *run) {
        while (!run->is_done)
                assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
}

static int run(Fixture *f, bool writes, int (*fn)(SqlTx *tx)) {
        Run q = { .work = fn };

        assert_int_equal(
                (writes ? sql_write : sql_read)(f->sql, work, &q, NULL, on_run, NULL, NULL), 0);
        wait_for(f, &q);
        return q.r;
}

static void on_scrubbed(int r, uint64_t next, void *userdata) {
        Run *q = userdata;

        q->is_done = true;
        q->r = r;
        q->next = next;
}

static int scrub(Fixture *f, unsigned *ret_n_steps) {
        Run q = {};

        *ret_n_steps = 0;
        do {
                q.is_done = false;
                assert_int_equal(sql_scrub(f->sql, q.next, on_scrubbed, &q, NULL), 0);
                wait_for(f, &q);
                (*ret_n_steps)++;
        } while (q.r >= 0 && q.next > 0);
        return q.r;
}

static bool file_holds(const char *path, const char *what) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *bytes = NULL;
        struct stat st;

        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        bytes = malloc((size_t) st.st_size + 1);
        assert_non_null(bytes);
        assert_int_equal(pread(fd, bytes, (size_t) st.st_size, 0), st.st_size);
        return memmem(bytes, (size_t) st.st_size, what, strlen(what));
}

static bool is_anywhere(const Fixture *f, const char *what) {
        DIR *d = opendir(f->root);
        struct dirent *entry;
        bool found = false;
        char path[PATH_MAX];

        assert_non_null(d);
        while ((entry = readdir(d))) {
                snprintf(path, sizeof(path), "%s/%s", f->root, entry->d_name);
                if (entry->d_name[0] != '.')
                        found = file_holds(path, what) || found;
        }
        closedir(d);
        return found;
}

static bool is_secret(unsigned i) {
        return i % 3 == 0;
}

/* A text of 20 to 12,000 bytes that names its row. */
static int insert_row(SqlTx *tx, unsigned i) {
        char text[12000];
        size_t n = i % 7 == 0 ? 1000 + i % 11000 : 30 + i % 900, k;
        int r;

        k = (size_t) snprintf(text, sizeof(text), "%s row %u ", is_secret(i) ? SECRET : "plain", i);
        memset(text + k, 'a' + (int) (i % 26), n > k ? n - k : 0);
        text[MAX(n, k)] = 0;
        r = sql_run(tx, "INSERT INTO log (channel, seq, text) VALUES (?, ?, ?)", "tts",
                    (uint64_t) (i % 3), (uint64_t) i, text);
        return r < 0 ? r
                     : sql_run(tx, "INSERT INTO other (id, text) VALUES (?, ?)", "ts", (uint64_t) i,
                               text);
}

/* In an order that splits pages everywhere. */
static int insert_all(SqlTx *tx) {
        int r = 0;

        for (unsigned i = 0; i < N_ROWS && r >= 0; i++)
                r = insert_row(tx, (i * 1103) % N_ROWS);
        return r;
}

static int remove_secrets(SqlTx *tx) {
        int r;

        r = sql_run(tx, "UPDATE log SET text = 'gone' WHERE seq % 3 = 0 AND seq % 2 = 0", "");
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM log WHERE seq % 3 = 0 AND seq % 2 = 1", "");
        return r < 0 ? r : sql_run(tx, "DELETE FROM other WHERE id % 3 = 0", "");
}

static int check(SqlTx *tx) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT (SELECT count(*) FROM log WHERE text GLOB 'plain row *'),"
                        " (SELECT count(*) FROM log WHERE text = 'gone'),"
                        " (SELECT count(*) FROM other WHERE text GLOB 'plain row ' || id || ' *'),"
                        " (SELECT count(*) FROM other NOT INDEXED)",
                        "", &stmt);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return -EIO;
        assert_int_equal(sqlite3_column_int(stmt, 0), N_ROWS / 3 * 2);
        assert_int_equal(sqlite3_column_int(stmt, 1), N_ROWS / 6);
        assert_int_equal(sqlite3_column_int(stmt, 2), N_ROWS / 3 * 2);
        assert_int_equal(sqlite3_column_int(stmt, 3), N_ROWS / 3 * 2);
        r = sql_prepare(tx, "PRAGMA integrity_check", "", &stmt);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return -EIO;
        assert_string_equal(sql_column_text(stmt, 0), "ok");
        return 0;
}

static void what_is_removed_is_in_no_file(void **state) {
        Fixture *f = *state;
        unsigned n_steps;

        assert_int_equal(sql_new(&f->rt, f->path, tables, &f->sql), 0);
        assert_int_equal(run(f, true, insert_all), 0);
        assert_true(is_anywhere(f, SECRET));
        assert_int_equal(run(f, true, remove_secrets), 0);
        assert_true(is_anywhere(f, SECRET)); /* else nothing is shown here */
        assert_int_equal(scrub(f, &n_steps), 0);
        assert_true(n_steps > 1);
        assert_false(is_anywhere(f, SECRET));
        assert_true(is_anywhere(f, "plain"));
        assert_int_equal(run(f, false, check), 0);

        /* … nor does it come back out of anybody's memory. */
        f->sql = sql_free(f->sql);
        assert_int_equal(sql_new(&f->rt, f->path, tables, &f->sql), 0);
        assert_int_equal(run(f, true, check), 0);
        assert_int_equal(scrub(f, &n_steps), 0);
        assert_false(is_anywhere(f, SECRET));
}

static int touch_all(SqlTx *tx) {
        return sql_run(tx, "UPDATE other SET text = text || 'x' WHERE id % 5 = 1", "");
}

static int untouch_all(SqlTx *tx) {
        return sql_run(tx,
                       "UPDATE other SET text = substr(text, 1, length(text) - 1)"
                       " WHERE id % 5 = 1",
                       "");
}

/* Steps with writes between them: the writer's own pages are those that were cleaned. */
static void writes_go_on_between_steps(void **state) {
        Fixture *f = *state;
        Run q = {};

        assert_int_equal(sql_new(&f->rt, f->path, tables, &f->sql), 0);
        assert_int_equal(run(f, true, insert_all), 0);
        assert_int_equal(run(f, true, remove_secrets), 0);
        do {
                assert_int_equal(run(f, true, touch_all), 0);
                q.is_done = false;
                assert_int_equal(sql_scrub(f->sql, q.next, on_scrubbed, &q, NULL), 0);
                assert_int_equal(run(f, true, untouch_all), 0);
                wait_for(f, &q);
                assert_int_equal(q.r, 0);
        } while (q.next > 0);
        assert_false(is_anywhere(f, SECRET));
        assert_int_equal(run(f, false, check), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                on_both(what_is_removed_is_in_no_file),
                on_both(writes_go_on_between_steps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
