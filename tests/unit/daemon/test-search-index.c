/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The index of a search: it follows the log in steps, is never needed, and holds nothing of what is
 * gone. */
#include "tests/unit/daemon/search-fixture.h"

#define STEP INDEX_STEP_ENTRIES

static sqlite3 *open_beside(Fixture *f) {
        sqlite3 *db;

        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        return db;
}

static int64_t ask(sqlite3 *db, const char *text) {
        sqlite3_stmt *stmt;
        int64_t n;

        if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
                fail_msg("%s: %s", text, sqlite3_errmsg(db));
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        n = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);
        return n;
}

static int64_t n_tables(sqlite3 *db) {
        return ask(db, "SELECT count(*) FROM sqlite_schema WHERE name GLOB '" INDEX_TABLES "'");
}

static void assert_index_is(Fixture *f, uint64_t row, uint64_t first, uint64_t last) {
        StoreIndex index = load_index(f, row);

        assert_int_equal(index.first_seq, first);
        assert_int_equal(index.last_seq, last);
}

/* From the newest down to the first, then with the head; found all the time. */
static void test_follows(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);

        say_many(f, row, 1, STEP - 1);
        assert_int_equal(in_store(f, do_step, &row), 0);
        assert_index_is(f, row, 0, 0);
        say_many(f, row, STEP, 2 * STEP + 11);
        for (uint64_t first = 2 * STEP + 11;; first = first > STEP ? first - STEP : 1) {
                assert_int_equal(in_store(f, do_step, &row), first > 1);
                assert_index_is(f, row, first, 3 * STEP + 10);
                assert_string_equal(search_all(f, row, "100 of"), "100");
                assert_string_equal(search_all(f, row, "600"), "600");
                if (first == 1)
                        break;
        }
        assert_int_equal(in_store(f, do_step, &row), 0);
        say_many(f, row, 3 * STEP + 11, STEP + 1);
        assert_string_equal(search_all(f, row, "1000 of"), "1000");
        assert_int_equal(in_store(f, do_step, &row), 0);
        assert_index_is(f, row, 1, 4 * STEP + 10);
        assert_string_equal(search_all(f, row, "1000 of"), "1000");
        reopen_store(f);
        assert_index_is(f, row, 1, 4 * STEP + 10);
        assert_string_equal(search_all(f, row, "1000 of"), "1000");
}

/* By itself, after what was said; never before a step's worth of it. */
static void test_runs_by_itself(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);

        say_many(f, row, 1, STEP - 1);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_MINUTE), 0);
        assert_index_is(f, row, 0, 0);
        say_many(f, row, STEP, 2 * STEP + 1);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_MINUTE), 0);
        assert_index_is(f, row, 1, 3 * STEP);

        /* What is there when the store opens is noticed by the first search. */
        say_many(f, row, 3 * STEP + 1, STEP - 1);
        reopen_store(f);
        say_many(f, row, 4 * STEP, 10);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_MINUTE), 0);
        assert_index_is(f, row, 1, 3 * STEP);
        assert_string_equal(search_all(f, row, "1030"), "1030");
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_MINUTE), 0);
        assert_index_is(f, row, 1, 4 * STEP);
}

static uint64_t copy_many(Fixture *f, uint64_t row, uint64_t first, size_t n, bool is_older) {
        Entry *entries = calloc(n, sizeof(Entry));
        char(*extra)[64] = calloc(n, sizeof(*extra));
        Result q = {};

        assert_true(entries && extra);
        for (size_t i = 0; i < n; i++) {
                entries[i] = entry_of(first + i, (unsigned) (first + i), "message", "alice");
                snprintf(extra[i], sizeof(extra[i]), "{\"message_content\":\"%" PRIu64 " words\"}",
                         first + i);
                entries[i].extra = extra[i];
                entries[i].n_extra = strlen(extra[i]);
        }
        assert_int_equal(
                CALL(f, &q,
                     is_older ? store_copy_older(f->store, row, entries, n, on_done, &q, NULL)
                              : store_copy(f->store, row, entries, n, "bob", USER_REGISTERED,
                                           on_copied, &q, NULL)),
                0);
        result_done(&q);
        free(extra);
        free(entries);
        return row;
}

/* A copy that begins in the middle, and is filled downwards. */
static void test_older_pages(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);

        copy_many(f, row, 10001, STEP + 10, false);
        index_all(f, row);
        assert_index_is(f, row, 10011, 10010 + STEP);
        copy_many(f, row, 9501, 500, true);
        assert_string_equal(search_all(f, row, "9502"), "9502");
        index_all(f, row);
        assert_index_is(f, row, 10011 - STEP, 10010 + STEP);
        assert_string_equal(search_all(f, row, "9502"), "9502");
        assert_string_equal(search_all(f, row, "9999"), "9999");
        copy_many(f, row, 1, 9500, true);
        index_all(f, row);
        assert_index_is(f, row, 1, 10010 + STEP);
        assert_string_equal(search_all(f, row, "9502"), "9502");
}

static void test_pages(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        SearchQuery query = { .words = "words", .before = true, .limit = 3 };
        Found found = {};

        say_many(f, row, 1, 2 * STEP);
        index_all(f, row);
        say_many(f, row, 2 * STEP + 1, 2);
        /* The newest first, over the end of the index; each page as the log has it. */
        for (uint64_t newest = 2 * STEP + 2; newest > 3; newest -= 3) {
                assert_int_equal(search_page(f, &found, row, &query), 0);
                assert_int_equal(found.q.n_entries, 3);
                assert_true(found.q.more);
                for (size_t i = 0; i < 3; i++)
                        assert_int_equal(found.q.entries[i].seq, newest - 2 + i);
                assert_int_equal(found.next_anchor, newest - 2);
                query.anchor = found.next_anchor;
        }
        assert_int_equal(search_page(f, &found, row, &query), 0);
        assert_int_equal(found.q.n_entries, (2 * STEP + 2) % 3 ?: 3);
        query.anchor = 1;
        assert_int_equal(search_page(f, &found, row, &query), 0);
        assert_int_equal(found.q.n_entries, 0);
        assert_false(found.q.more);

        query = (SearchQuery){ .words = "words", .limit = 10, .anchor = 500, .max_bytes = 100 };
        assert_int_equal(search_page(f, &found, row, &query), 0);
        assert_int_equal(found.q.n_entries, 2);
        assert_true(found.q.more);
        assert_int_equal(found.q.entries[0].seq, 501);
        query.anchor = UINT64_MAX;
        assert_int_equal(search_page(f, &found, row, &query), 0);
        assert_int_equal(found.q.n_entries, 0);
        assert_false(found.q.more);
        result_done(&found.q);
}

/* 10,000 entries without an index, and a word that is in one: more than one look. */
static void test_a_look_is_bounded(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        SearchQuery query = { .words = "7 of", .before = true, .limit = 1 };
        Found found = {};
        unsigned n_looks = 0;

        say(f, row, "needle");
        say_many(f, row, 2, 10000);
        query.words = "needle";
        do {
                assert_int_equal(search_page(f, &found, row, &query), 0);
                assert_true(found.q.more == (found.q.n_entries == 0));
                query.anchor = found.next_anchor;
                n_looks++;
        } while (found.q.more);
        assert_int_equal(found.q.n_entries, 1);
        assert_int_equal(found.q.entries[0].seq, 1);
        assert_int_equal(n_looks, 2);

        index_all(f, row);
        query.anchor = 0;
        assert_int_equal(search_page(f, &found, row, &query), 0);
        assert_int_equal(found.q.n_entries, 1);
        assert_string_equal(search_all(f, row, "needle"), "1");
        assert_string_equal(search_all(f, row, "9999"), "9999");
        result_done(&found.q);
}

/* ---- what is gone ---- */

typedef struct Removal {
        uint64_t row, seq;
} Removal;

static int do_remove(SqlTx *tx, void *userdata) {
        const Removal *x = userdata;
        int r;

        r = store_remove_content(tx, x->row, x->seq, "alice", x->seq, START, NULL);
        return MIN(r, 0);
}

static int do_purge(SqlTx *tx, void *userdata) {
        return store_index_purge(tx);
}

static void purge_all(Fixture *f) {
        int r, n = 0;

        while ((r = in_store(f, do_purge, NULL)) > 0)
                assert_true(++n < 1000);
        assert_int_equal(r, 0);
}

/* Every page of every segment, removed entries included; the caller's. */
static char *dump_index(Fixture *f, uint64_t row) {
        sqlite3 *db;
        sqlite3_stmt *stmt;
        char text[256], *pages;

        f->store = store_free(f->store);
        db = open_beside(f);
        snprintf(text, sizeof(text),
                 "SELECT group_concat(hex(block), '|') FROM"
                 " (SELECT block FROM search_terms_%" PRIu64 "_data WHERE id > 10 ORDER BY id)",
                 row);
        assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        pages = strdup((const char *) sqlite3_column_text(stmt, 0));
        assert_non_null(pages);
        sqlite3_finalize(stmt);
        sqlite3_close(db);
        open_store(f);
        return pages;
}

static void alter(Fixture *f, const char *text) {
        sqlite3 *db;

        f->store = store_free(f->store);
        db = open_beside(f);
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        open_store(f);
}

static int64_t n_segments(Fixture *f, uint64_t row) {
        sqlite3 *db = open_beside(f);
        char text[128];
        int64_t n;

        snprintf(text, sizeof(text),
                 "SELECT count(DISTINCT segid) FROM search_terms_%" PRIu64 "_idx", row);
        n = ask(db, text);
        sqlite3_close(db);
        return n;
}

/* Each page of the one, in whatever order the segments are. */
static void assert_all_in(const char *pages, const char *other) {
        _cleanup_free_ char *copy = strdup(pages);

        assert_non_null(copy);
        for (char *rest = copy, *page; (page = strsep(&rest, "|"));)
                assert_non_null(strstr(other, page));
}

/* After a purge the index is, byte for byte, what it would be had the text never been said. */
static void test_removed(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Removal x = { .row = row, .seq = STEP + 1 };
        _cleanup_free_ char *with = NULL, *unpurged = NULL, *purged = NULL, *without = NULL;

        say_many(f, row, 1, STEP);
        say(f, row, "xylophone quizzical");
        say_many(f, row, STEP + 2, 3 * STEP);
        index_all(f, row);
        assert_string_equal(search_all(f, row, "xylophone"), "257");
        with = dump_index(f, row);

        assert_int_equal(in_store(f, do_remove, &x), 0);
        assert_true(load_index(f, row).must_purge);
        assert_string_equal(search_all(f, row, "xylophone"), "");
        unpurged = dump_index(f, row);
        purge_all(f);
        assert_false(load_index(f, row).must_purge);
        assert_string_equal(search_all(f, row, "xylophone"), "");
        assert_string_equal(search_all(f, row, "1000 of"), "1000");
        purged = dump_index(f, row);

        alter(f, "UPDATE search_index SET version = 0");
        index_all(f, row);
        alter(f, "UPDATE search_index SET must_purge = 1");
        purge_all(f);
        without = dump_index(f, row);
        assert_string_equal(purged, without);
        assert_string_not_equal(with, without);
        assert_all_in(with, unpurged); /* a removal alone is none */

        say_many(f, row, 4 * STEP + 2, 2 * STEP);
        index_all(f, row);
        assert_string_equal(search_all(f, row, "1500 of"), "1500");
}

/* What is not in the index is not taken out of it; and what is taken out while a purge is on its
 * way is gone at its end, too. */
static void test_removed_again(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Removal x = { .row = row };

        say_many(f, row, 1, 40 * STEP);
        for (x.seq = 7; x.seq < 40; x.seq += 7) /* no index yet */
                assert_int_equal(in_store(f, do_remove, &x), 0);
        index_all(f, row);
        say_many(f, row, 40 * STEP + 1, 10);
        x.seq = 40 * STEP + 5; /* above it */
        assert_int_equal(in_store(f, do_remove, &x), 0);
        assert_false(load_index(f, row).must_purge);
        assert_string_equal(search_all(f, row, "10245"), "");

        x.seq = 5001;
        assert_int_equal(in_store(f, do_remove, &x), 0);
        assert_int_equal(in_store(f, do_purge, NULL), 1);
        say_many(f, row, 40 * STEP + 11, STEP);
        assert_int_equal(in_store(f, do_step, &row), 0); /* waits */
        assert_index_is(f, row, 1, 40 * STEP);
        x.seq = 5002;
        assert_int_equal(in_store(f, do_remove, &x), 0);
        reopen_store(f); /* whoever purges may be killed */
        purge_all(f);
        assert_string_equal(search_all(f, row, "5001"), "");
        assert_string_equal(search_all(f, row, "5002"), "");
        assert_string_equal(search_all(f, row, "5003"), "5003");
        f->store = store_free(f->store);
        assert_int_equal(n_segments(f, row), 1);
        open_store(f);
        index_all(f, row);
        assert_string_equal(search_all(f, row, "10300"), "10300");
}

static void grep(const char *path, void *text) {
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        static char bytes[1 << 22];
        size_t n;

        assert_non_null(file);
        n = fread(bytes, 1, sizeof(bytes), file);
        assert_true(n < sizeof(bytes));
        if (memmem(bytes, n, text, strlen(text)))
                fail_msg("%s has %s", path, (const char *) text);
}

/* The channel, the copy, the identity: with each goes its index, and only its own. */
static void test_dropped(void **state) {
        Fixture *f = *state;
        uint64_t rows[3], identity;
        StoredChannel c;
        Result q = {};
        sqlite3 *db;

        save_tracker(f, TRACKER_ID);
        identity = sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *const names[] = { "lobby", "den", "attic" };

                c = channel_named(identity, names[i], i != 1);
                rows[i] = save_channel(f, &c);
                if (i == 1)
                        copy_many(f, rows[i], 1, 2 * STEP, false);
                else
                        say_many(f, rows[i], 1, 2 * STEP);
                index_all(f, rows[i]);
                assert_index_is(f, rows[i], 1, 2 * STEP);
        }
        say(f, rows[0], "Kyrie-text");
        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, rows[1], on_done, &q, NULL)), 0);
        assert_index_is(f, rows[1], 0, 0);
        copy_many(f, rows[1], 1, STEP, false);
        index_all(f, rows[1]);
        assert_string_equal(search_all(f, rows[1], "200"), "200");
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, rows[0], on_done, &q, NULL)),
                         0);
        f->store = store_free(f->store);
        each_file(f, grep, (void *) "Kyrie");
        each_file(f, grep, (void *) "kyrie");
        each_file(f, grep, (void *) "yri");
        db = open_beside(f);
        assert_int_equal(n_tables(db), 2 * 4);
        assert_int_equal(ask(db, "SELECT count(*) FROM search_index"), 2);
        sqlite3_close(db);
        open_store(f);
        assert_string_equal(search_all(f, rows[2], "200"), "200");

        assert_int_equal(CALL(f, &q, store_delete_identity(f->store, identity, on_done, &q, NULL)),
                         0);
        f->store = store_free(f->store);
        db = open_beside(f);
        assert_int_equal(n_tables(db), 0);
        sqlite3_close(db);
        open_store(f);
        result_done(&q);
}

/* An index of another version is of no use: it is made anew, and what was removed is not in it. */
static void test_other_version(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Removal x = { .row = row, .seq = 300 };

        say_many(f, row, 1, 2 * STEP);
        for (int i = 0; i < 2; i++) {
                index_all(f, row);
                assert_index_is(f, row, 1, 2 * STEP);
                alter(f, "UPDATE search_index SET version = version - 1");
                assert_index_is(f, row, 0, 0);
                if (i == 0) {
                        assert_string_equal(search_all(f, row, "300"), "300");
                        continue;
                }
                assert_int_equal(in_store(f, do_remove, &x), 0);
                assert_string_equal(search_all(f, row, "300"), "");
                purge_all(f);
                assert_false(load_index(f, row).exists);
        }
        index_all(f, row);
        assert_string_equal(search_all(f, row, "301"), "301");
}

/* It is not needed, so what damages it costs nothing but making it anew. */
static void test_damaged(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Removal x = { .row = row, .seq = 300 };

        say_many(f, row, 1, 2 * STEP);
        index_all(f, row);
        alter(f, "UPDATE search_terms_1_data SET block = x'00' WHERE id > 10");
        assert_string_equal(search_all(f, row, "301"), "301");
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_MINUTE), 0);
        assert_index_is(f, row, 1, 2 * STEP);
        assert_string_equal(search_all(f, row, "301"), "301");

        /* Whoever meets it otherwise. */
        alter(f, "UPDATE search_terms_1_data SET block = x'00'");
        assert_int_equal(in_store(f, do_remove, &x), 0);
        purge_all(f);
        assert_string_equal(search_all(f, row, "300"), "");
        index_all(f, row);
        assert_string_equal(search_all(f, row, "301"), "301");
        alter(f, "UPDATE search_terms_1_data SET block = x'00'");
        say_many(f, row, 2 * STEP + 1, STEP);
        index_all(f, row);
        assert_index_is(f, row, 1, 3 * STEP);
        assert_string_equal(search_all(f, row, "600"), "600");
        assert_int_equal(sql_get_trouble(f->store->sql), 0);
}

/* The store before the index: it is brought up, and found in. */
static void test_step_before(void **state) {
        Fixture *f = *state;
        char text[512];
        sqlite3 *db;
        int n = 0;

        f->store = store_free(f->store);
        each_file(f, remove_file, NULL);
        db = open_beside(f);
        for (; !strstr(store_migrations[n], "CREATE TABLE search_index"); n++)
                assert_int_equal(sqlite3_exec(db, store_migrations[n], NULL, NULL, NULL),
                                 SQLITE_OK);
        snprintf(text, sizeof(text),
                 "PRAGMA user_version=%d;"
                 "INSERT INTO tracker VALUES ('" TRACKER_ID "', 'p', 'a', 'c', 1, NULL, 0);"
                 "INSERT INTO identity VALUES (1, '" TRACKER_ID "', 'REGISTERED', 'bob', 'c');"
                 "INSERT INTO channel (id, identity, channel_id, name, owner, host, hosted, wanted,"
                 " closed, role, view_permission, send_permission, epoch, first_seq, synced_seq)"
                 " VALUES (1, 1, 'i', 'n', 'bob', 'bob', 1, 1, 0, 'owner', 'public', 'everyone', 1,"
                 " 1, 1)",
                 n);
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db,
                                      "INSERT INTO entry VALUES (1, 1, 'message', 'i', 'bob',"
                                      " 'REGISTERED', 'bob', 1, '{\"message_content\":\"old\"}')",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        sqlite3_close(db);

        open_store(f);
        assert_string_equal(search_all(f, 1, "old"), "1");
        say_many(f, 1, 2, STEP);
        index_all(f, 1);
        assert_index_is(f, 1, 1, STEP + 1);
        assert_string_equal(search_all(f, 1, "old"), "1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
                cmocka_unit_test_setup_teardown(test_runs_by_itself, setup, teardown),
                cmocka_unit_test_setup_teardown(test_older_pages, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_look_is_bounded, setup, teardown),
                cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_removed_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_dropped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_version, setup, teardown),
                cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
                cmocka_unit_test_setup_teardown(test_step_before, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
