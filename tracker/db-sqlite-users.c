/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how accounts are listed for operators; leaves changing them to db-sqlite-keys.c. */
#include <stdio.h>

#include "tracker/db-sqlite-internal.h"

static const char *const states[DB_USER_STATE_MAX] = {
        [DB_USER_ACTIVE] = "active",
        [DB_USER_SUSPENDED] = "suspended",
        [DB_USER_DELETED] = "deleted",
};

const char *db_user_state_to_string(DbUserState s) {
        return s >= 0 && s < DB_USER_STATE_MAX ? states[s] : NULL;
}

DbUserState db_user_state_from_string(const char *s) {
        for (int i = 0; i < DB_USER_STATE_MAX; i++)
                if (streq(states[i], s))
                        return (DbUserState) i;
        return DB_USER_INVALID;
}

#define COLUMNS "name, created, deleted, suspended, reason"

static void read_user(sqlite3_stmt *s, DbUser *ret) {
        *ret = (DbUser){
                .created = sql_column_u64(s, 1),
                .deleted = sql_column_u64(s, 2),
                .suspended = sql_column_u64(s, 3),
        };
        snprintf(ret->name, sizeof(ret->name), "%s", sql_column_text(s, 0));
        snprintf(ret->reason, sizeof(ret->reason), "%s", sql_column_text(s, 4));
        ret->state = ret->deleted     ? DB_USER_DELETED
                     : ret->suspended ? DB_USER_SUSPENDED
                                      : DB_USER_ACTIVE;
}

static int read_device_counts(SqlTx *tx, DbUser *u) {
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx,
                        "SELECT coalesce(sum(revoked IS NULL), 0), coalesce(max(seen), 0)"
                        " FROM device WHERE name = ? AND guest = 0",
                        "s", &s, u->name);
        if (r >= 0)
                r = sql_step(s);
        if (r <= 0)
                return r;
        u->n_devices = sql_column_u64(s, 0);
        u->seen = sql_column_u64(s, 1);
        return 0;
}

static bool matches(const DbCall *c, const DbUser *u) {
        return strstr(u->name, c->query) &&
               (c->state < 0 ? u->state != DB_USER_DELETED : u->state == c->state);
}

/* Bounded by rows, not by what is found: a name that nobody has must not read a million. */
static int work_get_users(SqlTx *tx, void *request) {
        DbCall *c = request;
        char last[NAME_SIZE] = "";
        size_t n_scanned = 0;
        sqlite3_stmt *s;
        DbUser u;
        int r;

        c->users = new0(DbUser, c->limit);
        if (!c->users)
                return -ENOMEM;
        r = sql_prepare(tx, "SELECT " COLUMNS " FROM user WHERE name > ? ORDER BY name LIMIT ?",
                        "st", &s, c->name, (uint64_t) USERS_SCAN_MAX + 1);
        if (r < 0)
                return r;
        while ((r = sql_step(s)) > 0) {
                read_user(s, &u);
                if (n_scanned++ == USERS_SCAN_MAX || (c->n_users == c->limit && matches(c, &u))) {
                        strcpy(c->next, last);
                        break;
                }
                strcpy(last, u.name);
                if (matches(c, &u))
                        c->users[c->n_users++] = u;
        }
        for (size_t i = 0; r >= 0 && i < c->n_users; i++)
                r = read_device_counts(tx, &c->users[i]);
        return MIN(r, 0);
}

static void answer_users(DbCall *c, int r) {
        c->done.users(r, c->users, r < 0 ? 0 : c->n_users, c->next[0] ? c->next : NULL,
                      c->userdata);
}

int db_get_users(Db *db, const char *after, const char *query, DbUserState state, size_t limit,
                 db_users_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = db_call_new(after, NULL);

        if (c) {
                c->done.users = done;
                c->state = state;
                c->limit = limit;
                snprintf(c->query, sizeof(c->query), "%s", query ?: "");
        }
        return db_call_submit(db, c, false, work_get_users, answer_users, userdata, ret_call);
}

static int work_get_user(SqlTx *tx, void *request) {
        DbCall *c = request;
        sqlite3_stmt *s;
        int r;

        c->users = new0(DbUser, 1);
        if (!c->users)
                return -ENOMEM;
        r = sql_prepare(tx, "SELECT " COLUMNS " FROM user WHERE name = ?", "s", &s, c->name);
        if (r >= 0)
                r = sql_step(s);
        if (r <= 0)
                return r < 0 ? r : -ESRCH;
        read_user(s, c->users);
        r = read_device_counts(tx, c->users);
        return r < 0 ? r : db_read_devices(tx, c);
}

static void answer_user(DbCall *c, int r) {
        c->done.user(r, r < 0 ? NULL : c->users, c->devices, r < 0 ? 0 : c->n_found, c->userdata);
}

int db_get_user(Db *db, const char *name, size_t limit, db_user_fn done, void *userdata,
                DbCall **ret_call) {
        DbCall *c = db_call_new(name, NULL);

        if (c) {
                c->done.user = done;
                c->limit = limit;
        }
        return db_call_submit(db, c, false, work_get_user, answer_user, userdata, ret_call);
}
