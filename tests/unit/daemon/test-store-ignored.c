/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is ignored: kept by channel, never unread, and nothing of what they said is lost. */
#include "tests/unit/daemon/store-fixture.h"

#include <sqlite3.h>

#include "daemon/store/store-internal.h"

static void on_ignored(int r, uint64_t n_unread, uint64_t n_mentions, void *userdata) {
        Result *q = userdata;

        q->n_unread = n_unread;
        on_done(r, q);
}

/* names: with a space between each. → how many messages are unread then. */
static uint64_t ignore(Fixture *f, uint64_t row, const char *names) {
        _cleanup_free_ char *copy = strdup(names);
        char *list[8];
        Result q = {};
        size_t n = 0;

        for (char *rest = copy, *word; (word = strsep(&rest, " "));)
                if (*word)
                        list[n++] = word;
        assert_int_equal(
                CALL(f, &q, store_save_ignored(f->store, row, list, n, on_ignored, &q, NULL)), 0);
        return q.n_unread;
}

static uint64_t copy(Fixture *f, uint64_t row, uint64_t first, const char *const *names, size_t n) {
        Entry entries[8];
        Result q = {};
        uint64_t n_unread;

        for (size_t i = 0; i < n; i++)
                entries[i] = entry_of(first + i, (unsigned) (first + i), "message", names[i]);
        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, entries, n, "bob", USER_REGISTERED,
                                         on_copied, &q, NULL)),
                         0);
        n_unread = q.n_unread;
        result_done(&q);
        return n_unread;
}

static uint64_t mark(Fixture *f, uint64_t row, uint64_t seq) {
        Result q = {};

        assert_int_equal(
                CALL(f, &q, store_mark_read(f->store, row, seq, true, on_read_mark, &q, NULL)), 0);
        return q.n_unread;
}

static const char *const five[] = { "alice", "carol", "bob", "alice", "dora" };

static void test_unread(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        assert_int_equal(copy(f, row, 1, five, 5), 4);
        assert_int_equal(ignore(f, row, "alice"), 2);
        assert_int_equal(copy(f, row, 6, five, 5), 4);
        assert_int_equal(ignore(f, row, "dora alice"), 2);
        /* The mark goes back and forth over them. */
        assert_int_equal(mark(f, row, 5), 1);
        assert_int_equal(mark(f, row, 0), 2);
        assert_int_equal(mark(f, row, 10), 0);
        assert_int_equal(mark(f, row, 3), 1);
        assert_int_equal(ignore(f, row, ""), 6);
        /* All of it is here. */
        assert_int_equal(load_channel(f, &q)->synced_seq, 10);
        assert_null(q.channels[0].ignored);
        assert_int_equal(q.channels[0].n_unread, 6);
        result_done(&q);
}

static void test_hosted(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Proposal p[] = { proposal_of(1, "alice", "{}"), proposal_of(2, "carol", "{}"),
                         proposal_of(3, "bob", "{}") };
        Result q = {};

        assert_int_equal(ignore(f, row, "carol"), 0);
        assert_int_equal(CALL(f, &q, store_append(f->store, row, p, 3, on_appended, &q, NULL)), 0);
        assert_int_equal(q.n_entries, 3);
        assert_int_equal(load_channel(f, &q)->n_unread, 1);
        result_done(&q);
}

static void test_kept(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        StoredChannel other = channel_named(1, "other", false);
        uint64_t other_row = save_channel(f, &other);
        Result q = {};

        (void) ignore(f, row, "dora alice guest-eve");
        (void) ignore(f, other_row, "carol");
        (void) ignore(f, row, "guest-eve alice");
        reopen_store(f);
        assert_string_equal(load_channel(f, &q)->ignored, "alice guest-eve");
        assert_string_equal(q.channels[1].ignored, "carol");
        /* What the caller saves of a channel leaves it alone. */
        other = q.channels[1];
        other.ignored = NULL;
        other.row = other_row;
        (void) save_channel(f, &other);
        assert_string_equal(load_channel(f, &q)->ignored, "alice guest-eve");
        assert_string_equal(q.channels[1].ignored, "carol");
        /* It goes with the channel. */
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, row, on_done, &q, NULL)), 0);
        assert_string_equal(load_channel(f, &q)->ignored, "carol");
        assert_int_equal(
                CALL(f, &q, store_save_ignored(f->store, row, NULL, 0, on_ignored, &q, NULL)),
                -ENOENT);
        result_done(&q);
}

/* A file of before there were any is brought up. */
static void test_step_before(void **state) {
        Fixture *f = *state;
        char text[640];
        Result q = {};
        sqlite3 *db;
        int n = 0;

        f->store = store_free(f->store);
        each_file(f, remove_file, NULL);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        for (; !strstr(store_migrations[n], "CREATE TABLE ignored"); n++)
                assert_int_equal(sqlite3_exec(db, store_migrations[n], NULL, NULL, NULL),
                                 SQLITE_OK);
        snprintf(text, sizeof(text),
                 "PRAGMA user_version=%d;"
                 "INSERT INTO identity VALUES (1, '" TRACKER_ID "', 'REGISTERED', 'bob', 'c');"
                 "INSERT INTO tracker VALUES ('" TRACKER_ID "', 'p', 'a', 'c', 1, 1, 0);"
                 "INSERT INTO channel (id, identity, channel_id, name, owner, host, hosted, wanted,"
                 " closed, role, view_permission, send_permission, epoch)"
                 " VALUES (1, 1, 'i', 'n', 'alice', 'alice', 0, 1, 0, 'none', 'public', 'everyone',"
                 " 1)",
                 n);
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        open_store(f);
        assert_null(load_channel(f, &q)->ignored);
        assert_int_equal(copy(f, 1, 1, five, 5), 4);
        assert_int_equal(ignore(f, 1, "alice"), 2);
        assert_string_equal(load_channel(f, &q)->ignored, "alice");
        result_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hosted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_step_before, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
