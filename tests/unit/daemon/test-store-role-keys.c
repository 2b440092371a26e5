/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* With which keys who has a role came: kept by channel, a few for each. */
#include "tests/unit/daemon/store-fixture.h"

#include <sqlite3.h>

#include "daemon/store/store-internal.h"

typedef struct Keys {
        Result q;
        size_t n;
        StoredRoleKey keys[64];
} Keys;

static void on_keys(int r, const StoredRoleKey *keys, size_t n, void *userdata) {
        Keys *k = userdata;

        assert_true(n <= ELEMENTSOF(k->keys));
        if (n > 0)
                memcpy(k->keys, keys, n * sizeof(*keys));
        k->n = n;
        on_done(r, &k->q);
}

static void load(Fixture *f, uint64_t row, Keys *ret) {
        *ret = (Keys){};
        assert_int_equal(CALL(f, &ret->q, store_settle(f->store, on_done, &ret->q, NULL)), 0);
        assert_int_equal(CALL(f, &ret->q, store_load_role_keys(f->store, row, on_keys, ret, NULL)),
                         0);
}

static void save(Fixture *f, uint64_t row, const char *username, unsigned key, uint64_t since) {
        StoredRoleKey k = { .since = since };

        snprintf(k.username, sizeof(k.username), "%s", username);
        snprintf(k.key_id, sizeof(k.key_id), "%064x", key);
        assert_int_equal(store_save_role_key(f->store, row, &k), 0);
}

static void test_kept(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        StoredChannel other = channel_named(1, "other", true);
        uint64_t other_row = save_channel(f, &other);
        Result q = {};
        Keys k;

        save(f, row, "dora", 1, START);
        save(f, row, "bob", 3, START + 3);
        save(f, row, "bob", 2, START + 2);
        save(f, row, "bob", 3, START + 9); /* it came first at that time */
        save(f, other_row, "bob", 4, START);
        save(f, 77, "bob", 5, START); /* a channel that is gone */
        reopen_store(f);
        load(f, row, &k);
        assert_int_equal(k.n, 3);
        assert_string_equal(k.keys[0].username, "bob");
        assert_int_equal(k.keys[0].since, START + 2);
        assert_int_equal(k.keys[1].since, START + 3);
        assert_string_equal(k.keys[2].username, "dora");
        assert_int_equal(strlen(k.keys[2].key_id), KEY_ID_SIZE - 1);
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, row, on_done, &q, NULL)), 0);
        load(f, row, &k);
        assert_int_equal(k.n, 0);
        load(f, other_row, &k);
        assert_int_equal(k.n, 1);
        result_done(&q);
}

static void test_oldest_go(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Keys k;

        for (unsigned i = 0; i < ROLE_KEYS_PER_USER_MAX + 3; i++) {
                save(f, row, "bob", 100 - i, START + i);
                save(f, row, "carol", 7, START);
        }
        load(f, row, &k);
        assert_int_equal(k.n, ROLE_KEYS_PER_USER_MAX + 1);
        assert_int_equal(k.keys[0].since, START + 3);
        assert_int_equal(k.keys[ROLE_KEYS_PER_USER_MAX - 1].since,
                         START + ROLE_KEYS_PER_USER_MAX + 2);
        assert_string_equal(k.keys[ROLE_KEYS_PER_USER_MAX].username, "carol");
}

/* A file of before there were any is brought up. */
static void test_step_before(void **state) {
        Fixture *f = *state;
        char text[640];
        sqlite3 *db;
        int n = 0;
        Keys k;

        f->store = store_free(f->store);
        each_file(f, remove_file, NULL);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        for (; !strstr(store_migrations[n], "CREATE TABLE role_key"); n++)
                assert_int_equal(sqlite3_exec(db, store_migrations[n], NULL, NULL, NULL),
                                 SQLITE_OK);
        snprintf(text, sizeof(text),
                 "PRAGMA user_version=%d;"
                 "INSERT INTO identity (id, tracker_id, user_type, username)"
                 " VALUES (1, '" TRACKER_ID "', 'REGISTERED', 'bob');"
                 "INSERT INTO tracker VALUES ('" TRACKER_ID "', 'p', 'a', 'c', 1, 1, 0);"
                 "INSERT INTO channel (id, identity, channel_id, name, owner, host, hosted, wanted,"
                 " closed, role, view_permission, send_permission, epoch)"
                 " VALUES (1, 1, 'i', 'n', 'bob', 'bob', 1, 1, 0, 'owner', 'public', 'everyone',"
                 " 1)",
                 n);
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        open_store(f);
        load(f, 1, &k);
        assert_int_equal(k.n, 0);
        save(f, 1, "bob", 1, START);
        load(f, 1, &k);
        assert_int_equal(k.n, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_oldest_go, setup, teardown),
                cmocka_unit_test_setup_teardown(test_step_before, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
