/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the tracker's tables in SQLite; leaves threads and transactions to sql/sql.h, and channels'
 * rows to db-sqlite-channel.c. */
#include "tracker/db-sqlite-internal.h"

#define DEVICE_TOUCH_USEC USEC_PER_DAY

static const char *const migrations[] = {
        "CREATE TABLE run (count INTEGER NOT NULL);"
        "INSERT INTO run VALUES (0);"
        "CREATE TABLE user ("
        " name TEXT PRIMARY KEY, password TEXT NOT NULL, recovery TEXT NOT NULL,"
        " created INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
        "CREATE TABLE device ("
        " key TEXT PRIMARY KEY, name TEXT NOT NULL, guest INTEGER NOT NULL,"
        " created INTEGER NOT NULL, seen INTEGER NOT NULL, until INTEGER NOT NULL,"
        " revoked INTEGER) WITHOUT ROWID;"
        "CREATE INDEX device_name ON device (name);"
        "CREATE TABLE revocation ("
        " version INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, until INTEGER NOT NULL);"
        "CREATE TABLE channel ("
        " name TEXT PRIMARY KEY, channel_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,"
        " key TEXT NOT NULL, epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
        " leased INTEGER NOT NULL, unhosted INTEGER NOT NULL, since INTEGER NOT NULL,"
        " restricted INTEGER NOT NULL, topic TEXT NOT NULL, addresses TEXT NOT NULL,"
        " over_loopback INTEGER NOT NULL) WITHOUT ROWID;",
        "CREATE TABLE retired ("
        " channel_id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL,"
        " successor TEXT NOT NULL, epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL)"
        " WITHOUT ROWID;",

        /* Which key changed the password last and when, and the code that it spent for it. Names of
         * channels are free with their owner's end. */
        "ALTER TABLE user ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE user ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE user ADD COLUMN spent TEXT;"
        "CREATE INDEX channel_owner ON channel (owner);"
        "DELETE FROM channel WHERE owner IN (SELECT name FROM user WHERE deleted <> 0);",

        /* last_seq as the epoch began. */
        "ALTER TABLE channel ADD COLUMN granted_seq INTEGER NOT NULL DEFAULT 0;",

        /* What an operator has done, when and why; 0: has not. */
        "ALTER TABLE user ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE user ADD COLUMN reason TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE channel ADD COLUMN delisted INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE channel ADD COLUMN reason TEXT NOT NULL DEFAULT '';",

        NULL,
};

int db_sqlite_new(const Runtime *rt, const char *path, Db **ret) {
        _cleanup_(db_freep) Db *db = NULL;
        int r;

        db = new0(Db, 1);
        if (!db)
                return -ENOMEM;
        r = sql_new(rt, path, migrations, &db->sql);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(db);
        return 0;
}

Db *db_free(Db *db) {
        if (!db)
                return NULL;
        sql_free(db->sql);
        free(db);
        return NULL;
}

int db_get_trouble(const Db *db) {
        return sql_get_trouble(db->sql);
}

void db_watch(Db *db, db_trouble_fn fn, void *userdata) {
        sql_watch(db->sql, fn, userdata);
}

bool db_is_in_trouble(const Db *db, int r) {
        return sql_is_trouble(r) && sql_get_trouble(db->sql) != 0;
}

Sql *db_sqlite_get_sql(Db *db) {
        return db->sql;
}

void db_call_destroy(void *request) {
        DbCall *c = request;

        if (!c)
                return;
        for (size_t i = 0; i < c->n_records; i++)
                channel_record_done(&c->records[i]);
        free(c->records);
        free(c->retired);
        free(c->progress);
        free(c->password);
        free(c->recovery);
        free(c->spent);
        free(c->topic);
        free(c->expected_password);
        free(c->expected_recovery);
        free(c->keys);
        free(c->revoked);
        free(c->devices);
        free(c->users);
        free(c->reason);
        free(c);
}

DbCall *db_call_free(DbCall *c) {
        if (c)
                c->answer = NULL;
        return NULL;
}

DbCall *db_call_new(const char *name, const char *key) {
        DbCall *c = new0(DbCall, 1);

        if (!c)
                return NULL;
        assert(!name || strlen(name) < sizeof(c->name));
        assert(!key || strlen(key) < sizeof(c->key));
        strcpy(c->name, name ?: "");
        strcpy(c->key, key ?: "");
        return c;
}

static void on_done(int r, void *request, void *userdata) {
        DbCall *c = request;

        if (c->answer)
                c->answer(c, r);
}

void db_answer_done(DbCall *c, int r) {
        if (c->done.done)
                c->done.done(r, c->userdata);
}

int db_call_submit(Db *db, DbCall *c, bool write, sql_work_fn work,
                   void (*answer)(DbCall *c, int r), void *userdata, DbCall **ret_call) {
        int r;

        if (!c)
                return -ENOMEM;
        c->answer = answer;
        c->userdata = userdata;
        r = write ? sql_write(db->sql, work, c, db_call_destroy, on_done, NULL, NULL)
                  : sql_read(db->sql, work, c, db_call_destroy, on_done, NULL, NULL);
        if (r < 0)
                return r;
        if (ret_call)
                *ret_call = c;
        return 0;
}

static int work_get_identity(SqlTx *tx, void *request) {
        DbCall *c = request;
        DbIdentity *i = &c->identity;
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx,
                        "SELECT password, recovery, created, deleted, changed_by, changed, spent,"
                        " suspended, reason"
                        " FROM user WHERE name = ?",
                        "s", &s, c->name);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r < 0)
                return r;
        if (r > 0) {
                i->user_exists = true;
                i->user_created = sql_column_u64(s, 2);
                i->user_deleted = sql_column_u64(s, 3) != 0;
                snprintf(i->changed_by, sizeof(i->changed_by), "%s", sql_column_text(s, 4));
                i->changed = sql_column_u64(s, 5);
                if (free_and_strdup(&c->password, sql_column_text(s, 0)) < 0 ||
                    free_and_strdup(&c->recovery, sql_column_text(s, 1)) < 0)
                        return -ENOMEM;
                if (sqlite3_column_type(s, 6) != SQLITE_NULL &&
                    free_and_strdup(&c->spent, sql_column_text(s, 6)) < 0)
                        return -ENOMEM;
                i->user_suspended = sql_column_u64(s, 7) != 0;
                if (free_and_strdup(&c->reason, sql_column_text(s, 8)) < 0)
                        return -ENOMEM;
                i->suspend_reason = c->reason;
                i->spent = c->spent;
                i->password = c->password;
                i->recovery = c->recovery;
        }

        r = sql_prepare(tx, "SELECT max(until) FROM device WHERE name = ? AND guest = 1", "s", &s,
                        c->name);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r < 0)
                return r;
        if (r > 0)
                i->guest_until = sql_column_u64(s, 0);

        r = sql_prepare(tx,
                        "SELECT name, guest, created, seen, until, revoked IS NOT NULL"
                        " FROM device WHERE key = ?",
                        "s", &s, c->key);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r <= 0)
                return r;
        i->key_exists = true;
        snprintf(i->key_name, sizeof(i->key_name), "%s", sql_column_text(s, 0));
        i->key_is_guest = sql_column_u64(s, 1) != 0;
        i->key_created = sql_column_u64(s, 2);
        i->key_seen = sql_column_u64(s, 3);
        i->key_until = sql_column_u64(s, 4);
        i->key_is_revoked = sql_column_u64(s, 5) != 0;
        return 0;
}

static void answer_identity(DbCall *c, int r) {
        c->done.identity(r, r < 0 ? NULL : &c->identity, c->userdata);
}

int db_get_identity(Db *db, const char *name, const char *key, db_identity_fn done, void *userdata,
                    DbCall **ret_call) {
        DbCall *c = db_call_new(name, key);

        if (c)
                c->done.identity = done;
        return db_call_submit(db, c, false, work_get_identity, answer_identity, userdata, ret_call);
}

/* Does the key belong to this identity, or to nobody who still counts? 1: its row is there. */
static int check_key(SqlTx *tx, const DbCall *c) {
        sqlite3_stmt *s;
        bool same;
        int r;

        r = sql_prepare(tx,
                        "SELECT name, guest, until, revoked IS NOT NULL FROM device WHERE key = ?",
                        "s", &s, c->key);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r <= 0)
                return r;
        if (sql_column_u64(s, 3) != 0)
                return -EKEYREVOKED;
        same = streq(sql_column_text(s, 0), c->name) && (sql_column_u64(s, 1) != 0) == c->guest;
        if (same)
                return 1;
        /* A guest whose day is over is nobody. */
        if (sql_column_u64(s, 1) != 0 && sql_column_u64(s, 2) <= c->now)
                return sql_run(tx, "DELETE FROM device WHERE key = ?", "s", c->key);
        return -EADDRINUSE;
}

int db_put_device_row(SqlTx *tx, const DbCall *c) {
        int r;

        r = check_key(tx, c);
        if (r < 0)
                return r;
        if (r > 0)
                return sql_run(tx,
                               "UPDATE device SET seen = ?, until = max(until, ?) WHERE key = ?",
                               "tts", c->now, c->until, c->key);
        return sql_run(tx,
                       "INSERT INTO device (key, name, guest, created, seen, until)"
                       " VALUES (?, ?, ?, ?, ?, ?)",
                       "ssittt", c->key, c->name, (int) c->guest, c->now, c->now, c->until);
}

int db_check_expected(SqlTx *tx, const DbCall *c) {
        sqlite3_stmt *s;
        int r;

        if (!c->expected_password && !c->expected_recovery)
                return 0;
        r = sql_prepare(tx,
                        "SELECT suspended FROM user WHERE name = ?1 AND deleted = 0"
                        " AND password = coalesce(?2, password)"
                        " AND recovery = coalesce(?3, recovery)",
                        "sss", &s, c->name, c->expected_password, c->expected_recovery);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r <= 0)
                return r == 0 ? -ESTALE : r;
        return sql_column_u64(s, 0) != 0 ? -EKEYREJECTED : 0;
}

static int work_put_device(SqlTx *tx, void *request) {
        DbCall *c = request;
        sqlite3_stmt *s;
        int r;

        r = db_check_expected(tx, c);
        if (r < 0)
                return r;
        if (c->guest) {
                r = sql_prepare(tx,
                                "SELECT 1 FROM device WHERE name = ? AND guest = 1 AND until > ?"
                                " AND key != ?",
                                "sts", &s, c->name, c->now, c->key);
                if (r < 0)
                        return r;
                r = sql_step(s);
                if (r < 0)
                        return r;
                if (r > 0)
                        return -EEXIST;
                /* Revoked keys are kept until they are pruned: they must not come back earlier. */
                r = sql_run(tx,
                            "DELETE FROM device WHERE name = ? AND guest = 1 AND key != ?"
                            " AND revoked IS NULL",
                            "ss", c->name, c->key);
                if (r < 0)
                        return r;
        }
        return db_put_device_row(tx, c);
}

static int work_put_user(SqlTx *tx, void *request) {
        DbCall *c = request;
        int r;

        r = db_check_expected(tx, c);
        if (r < 0)
                return r;
        if (c->replace)
                r = sql_run(tx, "UPDATE user SET recovery = ? WHERE name = ?", "ss", c->recovery,
                            c->name);
        else
                r = sql_run(tx,
                            "INSERT INTO user (name, password, recovery, created)"
                            " VALUES (?, ?, ?, ?)",
                            "ssst", c->name, c->password, c->recovery, c->now);
        if (r < 0)
                return r;
        return db_put_device_row(tx, c);
}

static DbCall *device_call_new(const DbDevice *device, db_done_fn done) {
        DbCall *c = db_call_new(device->name, device->key);

        if (!c)
                return NULL;
        c->guest = device->guest;
        c->now = device->now;
        c->until = device->until;
        c->done.done = done;
        if (free_and_strdup(&c->expected_password, device->password) < 0) {
                db_call_destroy(c);
                return NULL;
        }
        return c;
}

int db_put_user(Db *db, const DbDevice *device, const char *password, const char *recovery,
                bool replace, db_done_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = device_call_new(device, done);

        if (!c)
                return -ENOMEM;
        c->replace = replace;
        if (free_and_strdup(&c->password, password) < 0 ||
            free_and_strdup(&c->recovery, recovery) < 0) {
                db_call_destroy(c);
                return -ENOMEM;
        }
        return db_call_submit(db, c, true, work_put_user, db_answer_done, userdata, ret_call);
}

int db_put_device(Db *db, const DbDevice *device, db_done_fn done, void *userdata,
                  DbCall **ret_call) {
        return db_call_submit(db, device_call_new(device, done), true, work_put_device,
                              db_answer_done, userdata, ret_call);
}

static int work_touch_device(SqlTx *tx, void *request) {
        DbCall *c = request;

        return sql_run(tx, "UPDATE device SET seen = ?1 WHERE key = ?2 AND seen < ?3", "tst",
                       c->now, c->key, c->until);
}

int db_touch_device(Db *db, const char *key, uint64_t now) {
        DbCall *c = db_call_new(NULL, key);

        if (c) {
                c->now = now;
                c->until = now > DEVICE_TOUCH_USEC ? now - DEVICE_TOUCH_USEC : 0;
        }
        return db_call_submit(db, c, true, work_touch_device, db_answer_done, NULL, NULL);
}
