/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows with which keys who has a role came to a channel that is hosted here; leaves what is news
 * to the host. */
#include "daemon/store/store-internal.h"

typedef struct KeysRequest {
        uint64_t row;
        StoredRoleKey key; /* to be saved */
        StoredRoleKey *keys;
        size_t n, n_allocated;
        store_role_keys_fn loaded;
} KeysRequest;

static void keys_request_free(void *request) {
        KeysRequest *q = request;

        free(q->keys);
        free(q);
}

static int add_key(KeysRequest *q, sqlite3_stmt *stmt) {
        StoredRoleKey *k;
        int r;

        if (q->n == q->n_allocated) {
                q->n_allocated = MAX(2 * q->n_allocated, (size_t) 16);
                k = reallocarray(q->keys, q->n_allocated, sizeof(*k));
                if (!k)
                        return -ENOMEM;
                q->keys = k;
        }
        k = &q->keys[q->n];
        *k = (StoredRoleKey){ .since = sql_column_u64(stmt, 2) };
        r = store_column_copy(stmt, 0, k->username, sizeof(k->username));
        if (r >= 0)
                r = store_column_copy(stmt, 1, k->key_id, sizeof(k->key_id));
        if (r >= 0)
                q->n++;
        return r;
}

static int work_load(SqlTx *tx, void *request) {
        KeysRequest *q = request;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT username, key, since FROM role_key WHERE channel = ?"
                        " ORDER BY username, since, key LIMIT ?",
                        "tt", &stmt, q->row, (uint64_t) ROLE_KEYS_MAX);
        while (r >= 0 && (r = sql_step(stmt)) > 0)
                r = add_key(q, stmt);
        return MIN(r, 0);
}

static void on_loaded(int r, void *request, void *userdata) {
        const KeysRequest *q = request;

        q->loaded(r, q->keys, r < 0 ? 0 : q->n, userdata);
}

int store_load_role_keys(Store *s, uint64_t row, store_role_keys_fn done, void *userdata,
                         Job **ret_job) {
        KeysRequest *q = new0(KeysRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (KeysRequest){ .row = row, .loaded = done };
        return store_read(s, work_load, q, keys_request_free, on_loaded, userdata, ret_job);
}

static int work_save(SqlTx *tx, void *request) {
        const KeysRequest *q = request;
        int r;

        r = sql_run(tx,
                    "INSERT OR IGNORE INTO role_key (channel, username, key, since)"
                    " SELECT id, ?2, ?3, ?4 FROM channel WHERE id = ?1",
                    "tsst", q->row, q->key.username, q->key.key_id, q->key.since);
        if (r < 0)
                return r;
        return sql_run(tx,
                       "DELETE FROM role_key WHERE channel = ?1 AND username = ?2 AND key IN"
                       " (SELECT key FROM role_key WHERE channel = ?1 AND username = ?2"
                       "  ORDER BY since DESC, key DESC LIMIT -1 OFFSET ?3)",
                       "tst", q->row, q->key.username, (uint64_t) ROLE_KEYS_PER_USER_MAX);
}

int store_save_role_key(Store *s, uint64_t row, const StoredRoleKey *key) {
        KeysRequest *q = new0(KeysRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (KeysRequest){ .row = row, .key = *key };
        return store_write(s, work_save, q, keys_request_free, NULL, NULL, NULL);
}
