/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which keys of a tracker count no more, as far as it has told us; leaves what follows from
 * it to revoked-keys.h. */
#include "daemon/store/store-internal.h"

int store_revocations_load(SqlTx *tx, const char *tracker_id, StoredRevocation **ret,
                           size_t *ret_n) {
        _cleanup_free_ StoredRevocation *list = NULL;
        size_t n = 0, n_allocated = 0;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT version, key, until FROM revocation WHERE tracker_id = ?"
                        " ORDER BY version",
                        "s", &stmt, tracker_id);
        if (r < 0)
                return r;
        while ((r = sql_step(stmt)) > 0) {
                if (n == n_allocated) {
                        StoredRevocation *more;

                        n_allocated = MAX(2 * n_allocated, (size_t) 16);
                        more = reallocarray(list, n_allocated, sizeof(*list));
                        if (!more)
                                return -ENOMEM;
                        list = more;
                }
                list[n] = (StoredRevocation){
                        .version = sql_column_u64(stmt, 0),
                        .until = sql_column_u64(stmt, 2),
                };
                r = store_column_copy(stmt, 1, list[n].key_id, sizeof(list[n].key_id));
                if (r < 0)
                        return r;
                n++;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

typedef struct SaveRequest {
        char tracker_id[TRACKER_ID_SIZE];
        uint64_t version, ended;
        store_done_fn done;
        size_t n_added;
        StoredRevocation added[];
} SaveRequest;

static int work_save(SqlTx *tx, void *request) {
        SaveRequest *q = request;
        int r;

        r = sql_run(tx, "UPDATE tracker SET revocations = ?2 WHERE tracker_id = ?1", "st",
                    q->tracker_id, q->version);
        if (r >= 0 && sql_changes(tx) == 0)
                r = -ENOENT;
        for (size_t i = 0; i < q->n_added && r >= 0; i++)
                r = sql_run(tx,
                            "INSERT INTO revocation (tracker_id, key, version, until)"
                            " VALUES (?, ?, ?, ?) ON CONFLICT (tracker_id, key)"
                            " DO UPDATE SET version = excluded.version, until = excluded.until",
                            "sstt", q->tracker_id, q->added[i].key_id, q->added[i].version,
                            q->added[i].until);
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM revocation WHERE tracker_id = ? AND until <= ?", "st",
                            q->tracker_id, q->ended);
        if (r >= 0)
                r = sql_run(tx,
                            "DELETE FROM revocation WHERE tracker_id = ?1 AND version <= (SELECT"
                            " version FROM revocation WHERE tracker_id = ?1"
                            " ORDER BY version DESC LIMIT 1 OFFSET ?2)",
                            "st", q->tracker_id, (uint64_t) REVOKED_KEYS_MAX);
        return r;
}

static void on_saved(int r, void *request, void *userdata) {
        SaveRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

int store_save_revocations(Store *s, const char *tracker_id, uint64_t version,
                           const StoredRevocation *added, size_t n_added, uint64_t ended,
                           store_done_fn done, void *userdata, Job **ret_job) {
        SaveRequest *q;

        if (!hex_is_valid(tracker_id, TRACKER_ID_SIZE - 1))
                return -EINVAL;
        q = calloc(1, sizeof(*q) + n_added * sizeof(q->added[0]));
        if (!q)
                return -ENOMEM;
        *q = (SaveRequest){ .version = version, .ended = ended, .done = done, .n_added = n_added };
        memcpy(q->tracker_id, tracker_id, sizeof(q->tracker_id));
        if (n_added > 0)
                memcpy(q->added, added, n_added * sizeof(q->added[0]));
        return store_write(s, work_save, q, free, on_saved, userdata, ret_job);
}
