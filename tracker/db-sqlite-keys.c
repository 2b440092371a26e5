/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an account changes as a whole and which keys were revoked; leaves the rows of single
 * devices to db-sqlite.c. */
#include "tracker/db-sqlite-internal.h"

/* Room for one more element of size in *list. */
static int grow(DbCall *c, void **list, size_t size) {
        size_t n = MAX(c->n_allocated * 2, (size_t) 16);
        void *more;

        if (c->n_found < c->n_allocated)
                return 0;
        more = reallocarray(*list, n, size);
        if (!more)
                return -ENOMEM;
        *list = more;
        c->n_allocated = n;
        return 0;
}

static int add_revocation(DbCall *c, uint64_t version, const char *key, uint64_t until) {
        DbRevocation *revocation;
        int r;

        r = grow(c, (void **) &c->revoked, sizeof(*c->revoked));
        if (r < 0)
                return r;
        revocation = &c->revoked[c->n_found++];
        *revocation = (DbRevocation){ .version = version, .until = until };
        snprintf(revocation->key, sizeof(revocation->key), "%s", key);
        return 0;
}

static int revoke_one(SqlTx *tx, DbCall *c, const char *key) {
        sqlite3_stmt *s;
        uint64_t until;
        int r;

        r = sql_prepare(tx,
                        "SELECT until, revoked IS NOT NULL FROM device"
                        " WHERE key = ? AND name = ? AND guest = ?",
                        "ssi", &s, key, c->name, (int) c->guest);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r <= 0)
                return r < 0 ? r : -ENODEV;
        if (sql_column_u64(s, 1) != 0)
                return 0;
        until = sql_column_u64(s, 0);
        r = sql_run(tx, "UPDATE device SET revoked = ? WHERE key = ?", "ts", c->now, key);
        if (r < 0)
                return r;
        /* Above all that was ever told, also by a database that is in use no more: hosts ask for
         * what is above the last version that they heard, which a restored backup knows nothing of.
         */
        r = sql_run(tx,
                    "INSERT INTO revocation (version, key, until) VALUES (max(?, 1 + coalesce("
                    "(SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0)), ?, ?)",
                    "tst", c->now / USEC_PER_MSEC, key, until);
        if (r < 0)
                return r;
        r = add_revocation(c, (uint64_t) sql_last_insert_id(tx), key, until);
        if (r < 0)
                return r;
        return sql_run(tx, "UPDATE channel SET leased = 0, since = ? WHERE key = ? AND leased = 1",
                       "ts", c->now, key);
}

/* The keys to revoke, where they were not listed. */
static int collect_keys(SqlTx *tx, DbCall *c) {
        size_t n_allocated = 0;
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx,
                        "SELECT key FROM device WHERE name = ?1 AND guest = ?2 AND revoked IS NULL"
                        " AND (?3 OR key != ?4) ORDER BY key",
                        "siis", &s, c->name, (int) c->guest, (int) (c->revoke == DB_REVOKE_ALL),
                        c->key);
        if (r < 0)
                return r;
        while ((r = sql_step(s)) > 0) {
                if (c->n_keys == n_allocated) {
                        size_t n = MAX(n_allocated * 2, (size_t) 16);
                        char(*more)[KEY_ID_SIZE] = reallocarray(c->keys, n, sizeof(*more));

                        if (!more)
                                return -ENOMEM;
                        c->keys = more;
                        n_allocated = n;
                }
                snprintf(c->keys[c->n_keys++], KEY_ID_SIZE, "%s", sql_column_text(s, 0));
        }
        return r;
}

static int check_exists(SqlTx *tx, const DbCall *c) {
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx, "SELECT 1 FROM user WHERE name = ? AND deleted = 0", "s", &s, c->name);
        if (r >= 0)
                r = sql_step(s);
        return r == 0 ? -ESRCH : MIN(r, 0);
}

static int mark_user(SqlTx *tx, const DbCall *c) {
        if (c->mark == DB_MARK_RESUME)
                return sql_run(tx, "UPDATE user SET suspended = 0, reason = '' WHERE name = ?", "s",
                               c->name);
        return sql_run(tx,
                       "UPDATE user SET suspended = CASE suspended WHEN 0 THEN ?1 ELSE suspended"
                       " END, reason = ?2 WHERE name = ?3",
                       "tss", c->now, c->reason ?: "", c->name);
}

static int update_user(SqlTx *tx, const DbCall *c) {
        int r;

        if (c->mark != DB_MARK_NONE)
                return mark_user(tx, c);
        if (!c->password && !c->recovery && !c->is_deletion)
                return 0;
        r = sql_run(tx,
                    "UPDATE user SET password = coalesce(?1, password),"
                    " recovery = coalesce(?2, recovery) WHERE name = ?3",
                    "sss", c->is_deletion ? "" : c->password, c->is_deletion ? "" : c->recovery,
                    c->name);
        if (r >= 0 && c->is_deletion)
                r = sql_run(tx,
                            "UPDATE user SET deleted = ?, changed_by = '', spent = NULL,"
                            " suspended = 0, reason = ''"
                            " WHERE name = ?",
                            "ts", c->now, c->name);
        if (r >= 0 && c->is_deletion)
                r = sql_run(tx, "DELETE FROM channel WHERE owner = ?", "s", c->name);
        if (r >= 0 && c->password && !c->is_repeated)
                r = sql_run(tx,
                            "UPDATE user SET changed_by = ?, changed = ?, spent = ?"
                            " WHERE name = ?",
                            "stss", c->key, c->now, c->spent, c->name);
        sql_forget(tx); /* hashes of what was given up are nobody's to keep */
        return r;
}

static int work_change(SqlTx *tx, void *request) {
        DbCall *c = request;
        int r;

        r = c->is_by_operator ? check_exists(tx, c) : db_check_expected(tx, c);
        if (r >= 0)
                r = update_user(tx, c);
        if (r >= 0 && c->has_device)
                r = db_put_device_row(tx, c);
        if (r >= 0 && (c->revoke == DB_REVOKE_OTHERS || c->revoke == DB_REVOKE_ALL))
                r = collect_keys(tx, c);
        for (size_t i = 0; r >= 0 && i < c->n_keys; i++)
                r = revoke_one(tx, c, c->keys[i]);
        return r;
}

static void answer_revocations(DbCall *c, int r) {
        c->done.change(r, r < 0 ? NULL : c->revoked, r < 0 ? 0 : c->n_found, c->userdata);
}

int db_change_account(Db *db, const DbChange *change, db_change_fn done, void *userdata,
                      DbCall **ret_call) {
        const DbDevice *device = change->device;
        DbCall *c = db_call_new(change->name, device ? device->key : change->key);

        if (!c)
                return -ENOMEM;
        c->done.change = done;
        c->guest = change->guest;
        c->now = change->now;
        c->is_by_operator = change->is_by_operator;
        c->mark = change->mark;
        c->is_deletion = change->is_deletion;
        c->is_repeated = change->is_repeated;
        c->has_device = device;
        c->until = device ? device->until : 0;
        c->revoke = change->revoke;
        if (change->n_keys > 0) {
                c->keys = reallocarray(NULL, change->n_keys, sizeof(*c->keys));
                if (!c->keys) {
                        db_call_destroy(c);
                        return -ENOMEM;
                }
                memcpy(c->keys, change->keys, change->n_keys * sizeof(*c->keys));
                c->n_keys = change->n_keys;
        }
        if (free_and_strdup(&c->password, change->password) < 0 ||
            free_and_strdup(&c->recovery, change->recovery) < 0 ||
            free_and_strdup(&c->spent, change->spent) < 0 ||
            free_and_strdup(&c->reason, change->reason) < 0 ||
            free_and_strdup(&c->expected_password, change->expected_password) < 0 ||
            free_and_strdup(&c->expected_recovery, change->expected_recovery) < 0) {
                db_call_destroy(c);
                return -ENOMEM;
        }
        return db_call_submit(db, c, true, work_change, answer_revocations, userdata, ret_call);
}

int db_read_devices(SqlTx *tx, DbCall *c) {
        DbDeviceInfo *device;
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx,
                        "SELECT key, created, seen FROM device WHERE name = ? AND guest = 0"
                        " AND revoked IS NULL AND key > ? ORDER BY key LIMIT ?",
                        "sst", &s, c->name, c->key, (uint64_t) c->limit);
        if (r < 0)
                return r;
        while ((r = sql_step(s)) > 0) {
                r = grow(c, (void **) &c->devices, sizeof(*c->devices));
                if (r < 0)
                        return r;
                device = &c->devices[c->n_found++];
                *device = (DbDeviceInfo){
                        .created = sql_column_u64(s, 1),
                        .seen = sql_column_u64(s, 2),
                };
                snprintf(device->key, sizeof(device->key), "%s", sql_column_text(s, 0));
        }
        return r;
}

static int work_get_devices(SqlTx *tx, void *request) {
        return db_read_devices(tx, request);
}

static void answer_devices(DbCall *c, int r) {
        c->done.devices(r, c->devices, r < 0 ? 0 : c->n_found, c->userdata);
}

int db_get_devices(Db *db, const char *name, const char *after, size_t limit, db_devices_fn done,
                   void *userdata, DbCall **ret_call) {
        DbCall *c = db_call_new(name, after);

        if (c) {
                c->done.devices = done;
                c->limit = limit;
        }
        return db_call_submit(db, c, false, work_get_devices, answer_devices, userdata, ret_call);
}

static int work_get_revocations(SqlTx *tx, void *request) {
        DbCall *c = request;
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx, "SELECT version, key, until FROM revocation ORDER BY version", "", &s);
        if (r < 0)
                return r;
        while ((r = sql_step(s)) > 0) {
                r = add_revocation(c, sql_column_u64(s, 0), sql_column_text(s, 1),
                                   sql_column_u64(s, 2));
                if (r < 0)
                        return r;
        }
        return r;
}

int db_get_revocations(Db *db, db_change_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = db_call_new(NULL, NULL);

        if (c)
                c->done.change = done;
        return db_call_submit(db, c, false, work_get_revocations, answer_revocations, userdata,
                              ret_call);
}

static int work_prune(SqlTx *tx, void *request) {
        DbCall *c = request;
        int r;

        r = sql_run(tx, "DELETE FROM revocation WHERE until <= ?", "t", c->until);
        if (r < 0)
                return r;
        return sql_run(tx, "DELETE FROM device WHERE guest = 1 AND until <= ?", "t", c->until);
}

int db_prune(Db *db, uint64_t before) {
        DbCall *c = db_call_new(NULL, NULL);

        if (c)
                c->until = before;
        return db_call_submit(db, c, true, work_prune, db_answer_done, NULL, NULL);
}
