/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One database takes another's place, between what was asked before and what is asked behind; files
 * that are made, copied and believed in nothing. */
#include <sys/stat.h>

#include "sql/file.h"
#include "unit/sql/sql-fixture.h"

static bool goes_on(void *userdata) {
        return !userdata;
}

static void path_of(const Fixture *f, const char *name, char ret[static PATH_MAX]) {
        snprintf(ret, PATH_MAX, "%s/%s", f->root, name);
}

/* A database with so many items. */
static void make(Fixture *f, const char *name, int n) {
        SqlFile *file;
        char path[PATH_MAX];

        path_of(f, name, path);
        assert_int_equal(sql_file_create(path, migrations, 2, goes_on, NULL, &file), 0);
        for (int i = 0; i < n; i++)
                assert_int_equal(sql_run(sql_file_get_tx(file), "INSERT INTO item (n) VALUES (?)",
                                         "i", 100 + i),
                                 0);
        assert_int_equal(sql_file_finish(file, 7), 0);
}

typedef struct Replacing {
        Fixture *fixture;
        int may, r;
        bool is_done, is_freed;
} Replacing;

static int may_replace(SqlTx *tx, void *request) {
        Replacing *q = request;

        return q->may;
}

static void free_replacing(void *request) {
        Replacing *q = request;

        q->is_freed = true;
}

static void on_replaced(int r, void *request, void *userdata) {
        Replacing *q = request;

        q->r = r;
        q->is_done = true;
}

static int replace(Fixture *f, const char *aside, int may) {
        Replacing q = { .fixture = f, .may = may };
        char with[PATH_MAX], path[PATH_MAX + 8];

        path_of(f, "with", with);
        path_of(f, aside ?: "", path);
        assert_int_equal(sql_replace(f->sql, with, aside ? path : NULL, may_replace, &q,
                                     free_replacing, on_replaced, NULL, NULL),
                         0);
        while (!q.is_freed)
                assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
        assert_true(q.is_done);
        return q.r;
}

static bool is_there(const Fixture *f, const char *name) {
        struct stat st;
        char path[PATH_MAX];

        path_of(f, name, path);
        return stat(path, &st) == 0 && st.st_nlink == 1;
}

static void it_takes_the_place(void **state) {
        Fixture *f = *state;
        SqlFile *aside;
        char path[PATH_MAX];

        open_sql(f);
        assert_int_equal(one(f, true, insert, 1), 0);
        assert_int_equal(one(f, false, count, 0), 1); /* a reader is open, too */
        make(f, "with", 5);
        assert_int_equal(replace(f, "aside", 0), 0);
        assert_false(is_there(f, "with"));
        assert_int_equal(one(f, false, count, 0), 5);
        assert_int_equal(one(f, true, insert, 1), 0);
        assert_int_equal(one(f, false, count, 0), 6);
        assert_true(is_there(f, "aside"));
        path_of(f, "aside", path);
        assert_int_equal(sql_file_open(path, goes_on, NULL, &aside), 0);
        assert_int_equal(count(sql_file_get_tx(aside), NULL), 1);
        sql_file_free(aside);

        make(f, "with", 2);
        assert_int_equal(replace(f, "aside", 0), -EEXIST); /* the name is taken */
        assert_int_equal(one(f, false, count, 0), 6);
        assert_int_equal(replace(f, NULL, 0), 0);
        assert_int_equal(one(f, true, count, 0), 2);
}

static void it_does_not(void **state) {
        Fixture *f = *state;

        open_sql(f);
        assert_int_equal(one(f, true, insert, 1), 0);
        assert_int_equal(replace(f, "aside", 0), -ENOENT);
        assert_false(is_there(f, "aside"));
        make(f, "with", 5);
        assert_int_equal(replace(f, "aside", -EPERM), -EPERM);
        assert_true(is_there(f, "with"));
        assert_false(is_there(f, "aside"));
        assert_int_equal(one(f, true, insert, 2), 0);
        assert_int_equal(one(f, false, count, 0), 2);
}

/* What was asked before is in the one set aside, what behind in the new one. */
static void it_has_its_turn(void **state) {
        Fixture *f = *state;
        Item before = { .fixture = f, .number = 1, .text = "before", .work = insert };
        Item behind = { .fixture = f, .number = 2, .text = "behind", .work = insert };
        Replacing q = {};
        SqlFile *aside;
        char with[PATH_MAX], path[PATH_MAX + 8];

        open_sql(f);
        make(f, "with", 5);
        path_of(f, "with", with);
        path_of(f, "aside", path);
        write_item(f, &before, NULL);
        assert_int_equal(sql_replace(f->sql, with, path, may_replace, &q, free_replacing,
                                     on_replaced, NULL, NULL),
                         0);
        write_item(f, &behind, NULL);
        loop_until_freed(f, 2);
        assert_true(q.is_done);
        assert_int_equal(q.r, 0);
        assert_int_equal(f->results[0], 0);
        assert_int_equal(f->results[1], 0);
        assert_int_equal(one(f, false, count, 0), 6);
        assert_int_equal(sql_file_open(path, goes_on, NULL, &aside), 0);
        assert_int_equal(count(sql_file_get_tx(aside), NULL), 1);
        sql_file_free(aside);
}

static void files_are_made_and_stopped(void **state) {
        Fixture *f = *state;
        SqlFile *from, *to;
        char path[PATH_MAX];
        uint64_t n;
        int stop = 1;

        make(f, "a", 3);
        path_of(f, "a", path);
        assert_int_equal(sql_file_create(path, migrations, 2, goes_on, NULL, &to), -EEXIST);
        assert_int_equal(sql_file_open_foreign(path, migrations, goes_on, NULL, &from), 0);
        assert_int_equal(sql_file_get_version(from), 2);
        assert_int_equal(sql_run(sql_file_get_tx(from), "DELETE FROM item", ""), -EROFS);
        path_of(f, "b", path);
        assert_int_equal(sql_file_create(path, migrations, 2, goes_on, NULL, &to), 0);
        assert_int_equal(sql_file_copy(from, to, "item", NULL, NULL, &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(sql_file_copy(from, to, "item", NULL, NULL, &n), -EBADMSG); /* twice */
        sql_file_free(to);
        assert_int_equal(sql_file_copy(from, from, "none", NULL, NULL, NULL), -EINVAL);
        sql_file_free(from);

        path_of(f, "a", path);
        assert_int_equal(sql_file_open(path, goes_on, &stop, &from), 0);
        path_of(f, "c", path);
        assert_int_equal(sql_file_create(path, migrations, 2, goes_on, NULL, &to), 0);
        assert_int_equal(sql_file_copy(from, to, "item", NULL, NULL, NULL), -ECANCELED);
        sql_file_free(to);
        sql_file_free(from);
}

static void older_versions_are_known(void **state) {
        static const char *const first_only[] = { "CREATE TABLE parent (id INTEGER PRIMARY KEY)"
                                                  " STRICT;",
                                                  NULL };
        Fixture *f = *state;
        SqlFile *file;
        char path[PATH_MAX];

        path_of(f, "old", path);
        assert_int_equal(sql_file_create(path, migrations, 1, goes_on, NULL, &file), 0);
        assert_int_equal(sql_file_get_version(file), 1);
        assert_int_equal(sql_file_migrate(file, migrations), 0);
        assert_int_equal(sql_file_get_version(file), 2);
        assert_int_equal(sql_file_finish(file, 7), 0);
        assert_int_equal(sql_file_open_foreign(path, first_only, goes_on, NULL, &file),
                         -EPROTONOSUPPORT);
        assert_int_equal(sql_file_open_foreign(path, migrations, goes_on, NULL, &file), 0);
        sql_file_free(file);
}

static void there_is_no_file(void **state) {
        Fixture *f = *state;

        strcpy(f->path, ":memory:");
        open_sql(f);
        assert_int_equal(sql_replace(f->sql, "x", NULL, NULL, NULL, NULL, NULL, NULL, NULL),
                         -EOPNOTSUPP);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                on_both(it_takes_the_place),
                on_both(it_does_not),
                on_both(it_has_its_turn),
                inline_only(files_are_made_and_stopped),
                inline_only(older_versions_are_known),
                inline_only(there_is_no_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
