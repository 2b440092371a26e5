/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who was in a channel: changes, all of it anew, nothing of a channel that is gone. */
#include <sqlite3.h>

#include "tests/unit/daemon/store-fixture.h"

typedef struct Loaded {
        bool is_done;
        uint64_t saved, generation;
        char rows[256]; /* "bob/REGISTERED/17 ", or "bob/REGISTERED/17/away ", each, by name */
} Loaded;

static void on_roster(int r, uint64_t saved, uint64_t generation, const StoredPresence *rows,
                      size_t n, void *userdata) {
        Loaded *l = userdata;

        assert_int_equal(r, 0);
        *l = (Loaded){ .is_done = true, .saved = saved, .generation = generation };
        for (size_t i = 0; i < n; i++)
                snprintf(l->rows + strlen(l->rows), sizeof(l->rows) - strlen(l->rows),
                         "%s/%s/%" PRIu64 "%s ", rows[i].username,
                         user_type_to_string(rows[i].user_type), rows[i].since,
                         rows[i].is_away ? "/away" : "");
}

static bool is_loaded(void *userdata) {
        return ((Loaded *) userdata)->is_done;
}

static void load(Fixture *f, uint64_t row, Loaded *ret) {
        *ret = (Loaded){};
        assert_int_equal(store_load_roster(f->store, row, on_roster, ret, NULL), 0);
        assert_int_equal(clock_virtual_run(f->clock, is_loaded, ret, WAIT_USEC), 1);
}

static void expect(Fixture *f, uint64_t row, uint64_t saved, uint64_t generation,
                   const char *rows) {
        Loaded l;

        load(f, row, &l);
        assert_int_equal(l.saved, saved);
        assert_int_equal(l.generation, generation);
        assert_string_equal(l.rows, rows);
}

static void save(Fixture *f, uint64_t row, uint64_t saved, uint64_t generation, bool anew,
                 const StoredPresence *rows, size_t n) {
        Result q = {};

        assert_int_equal(CALL(f, &q,
                              store_save_roster(f->store, row, saved, generation, anew, rows, n,
                                                on_done, &q, NULL)),
                         0);
}

static void test_changes(void **state) {
        static const StoredPresence two[] = {
                { .username = "bob", .user_type = USER_REGISTERED, .since = 17 },
                { .username = "guest-eve", .user_type = USER_GUEST, .since = 18 },
        };
        static const StoredPresence changes[] = {
                { .username = "bob", .is_gone = true },
                { .username = "nobody", .is_gone = true },
                { .username = "guest-eve", .user_type = USER_GUEST, .since = 20 },
                { .username = "carol", .user_type = USER_REGISTERED, .since = 21, .is_away = true },
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);

        expect(f, row, 0, 0, "");
        save(f, row, 100, 2, false, two, 2);
        expect(f, row, 100, 2, "bob/REGISTERED/17 guest-eve/GUEST/18 ");
        save(f, row, 200, 2, false, NULL, 0);
        expect(f, row, 200, 2, "bob/REGISTERED/17 guest-eve/GUEST/18 ");
        save(f, row, 300, 6, false, changes, ELEMENTSOF(changes));
        reopen_store(f);
        expect(f, row, 300, 6, "carol/REGISTERED/21/away guest-eve/GUEST/20 ");
        save(f, row, 400, 7, true, two, 1);
        expect(f, row, 400, 7, "bob/REGISTERED/17 ");
        save(f, row, 500, 8, true, NULL, 0);
        expect(f, row, 500, 8, "");
}

/* Not ours, but no reason to serve no channel. */
static void test_rubbish(void **state) {
        static const StoredPresence bob = { .username = "bob", .user_type = USER_REGISTERED };
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        sqlite3 *db;

        save(f, row, 100, 2, false, &bob, 1);
        f->store = store_free(f->store);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(
                sqlite3_exec(db,
                             "INSERT INTO roster_member SELECT channel, '', 'GUEST', 1, 0"
                             " FROM roster;"
                             "INSERT INTO roster_member SELECT channel, 'carol', 'KING', 1, 0"
                             " FROM roster;"
                             "INSERT INTO roster_member SELECT channel,"
                             " hex(zeroblob(40)), 'REGISTERED', 1, 0 FROM roster;",
                             NULL, NULL, NULL),
                SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        open_store(f);
        expect(f, row, 100, 2, "bob/REGISTERED/0 ");
}

static void count_roster(Fixture *f, int expected) {
        sqlite3_stmt *stmt;
        sqlite3 *db;

        f->store = store_free(f->store);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db,
                                            "SELECT (SELECT count(*) FROM roster)"
                                            " + (SELECT count(*) FROM roster_member)",
                                            -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(stmt, 0), expected);
        sqlite3_finalize(stmt);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        open_store(f);
}

static void test_channel_that_is_gone(void **state) {
        static const StoredPresence bob = { .username = "bob", .user_type = USER_REGISTERED };
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Result q = {};

        save(f, row, 100, 1, false, &bob, 1);
        count_roster(f, 2);
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, row, on_done, &q, NULL)), 0);
        count_roster(f, 0);
        /* One that comes late finds nothing. */
        save(f, row, 200, 2, false, &bob, 1);
        count_roster(f, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
                cmocka_unit_test_setup_teardown(test_channel_that_is_gone, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
