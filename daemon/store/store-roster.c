/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who was in the channels that are hosted here, as far as that was saved; leaves for how long
 * it counts to who loads it. */
#include "daemon/store/store-internal.h"

typedef struct RosterRequest {
        uint64_t row, saved, generation;
        bool anew;
        union {
                store_roster_fn loaded;
                store_done_fn saved;
        } done;
        StoredPresence *rows;
        size_t n, n_allocated;
} RosterRequest;

static void roster_request_free(void *request) {
        RosterRequest *q = request;

        free(q->rows);
        free(q);
}

/* What no host writes is left out: who was here is worth no channel that is not served. */
static int add_row(RosterRequest *q, sqlite3_stmt *stmt) {
        const char *username = sql_column_text(stmt, 0);
        UserType type = user_type_from_string(sql_column_text(stmt, 1));
        StoredPresence *p;

        if (type < 0 || !name_is_valid(username))
                return 0;
        if (q->n == q->n_allocated) {
                q->n_allocated = MAX(2 * q->n_allocated, (size_t) 16);
                p = reallocarray(q->rows, q->n_allocated, sizeof(*p));
                if (!p)
                        return -ENOMEM;
                q->rows = p;
        }
        p = &q->rows[q->n++];
        *p = (StoredPresence){
                .user_type = type,
                .since = sql_column_u64(stmt, 2),
                .is_away = sql_column_u64(stmt, 3) != 0,
        };
        strcpy(p->username, username);
        return 0;
}

static int work_load(SqlTx *tx, void *request) {
        RosterRequest *q = request;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT saved, generation FROM roster WHERE channel = ?", "t", &stmt,
                        q->row);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        q->saved = sql_column_u64(stmt, 0);
        q->generation = sql_column_u64(stmt, 1);
        r = sql_prepare(
                tx,
                "SELECT username, user_type, since, away FROM roster_member WHERE channel = ?"
                " LIMIT ?",
                "tt", &stmt, q->row, (uint64_t) CONNECTIONS_MAX);
        while (r >= 0 && (r = sql_step(stmt)) > 0)
                r = add_row(q, stmt);
        return r;
}

static void on_loaded(int r, void *request, void *userdata) {
        const RosterRequest *q = request;

        q->done.loaded(MIN(r, 0), q->saved, q->generation, q->rows, r < 0 ? 0 : q->n, userdata);
}

int store_load_roster(Store *s, uint64_t row, store_roster_fn done, void *userdata, Job **ret_job) {
        RosterRequest *q = new0(RosterRequest, 1);

        if (!q)
                return -ENOMEM;
        q->row = row;
        q->done.loaded = done;
        return store_read(s, work_load, q, roster_request_free, on_loaded, userdata, ret_job);
}

static int save_change(SqlTx *tx, uint64_t row, const StoredPresence *p) {
        if (p->is_gone)
                return sql_run(tx, "DELETE FROM roster_member WHERE channel = ? AND username = ?",
                               "ts", row, p->username);
        return sql_run(tx,
                       "INSERT INTO roster_member (channel, username, user_type, since, away)"
                       " VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel, username)"
                       " DO UPDATE SET user_type = excluded.user_type, since = excluded.since,"
                       " away = excluded.away",
                       "tsstt", row, p->username, user_type_to_string(p->user_type), p->since,
                       (uint64_t) p->is_away);
}

static int work_save(SqlTx *tx, void *request) {
        const RosterRequest *q = request;
        int r;

        r = sql_run(tx,
                    "INSERT OR REPLACE INTO roster (channel, saved, generation)"
                    " SELECT id, ?2, ?3 FROM channel WHERE id = ?1",
                    "ttt", q->row, q->saved, q->generation);
        if (r < 0 || sql_changes(tx) == 0)
                return r;
        if (q->anew)
                r = sql_run(tx, "DELETE FROM roster_member WHERE channel = ?", "t", q->row);
        for (size_t i = 0; i < q->n && r >= 0; i++)
                r = save_change(tx, q->row, &q->rows[i]);
        return r;
}

static void on_saved(int r, void *request, void *userdata) {
        const RosterRequest *q = request;

        if (q->done.saved)
                q->done.saved(r, userdata);
}

int store_save_roster(Store *s, uint64_t row, uint64_t saved, uint64_t generation, bool anew,
                      const StoredPresence *changes, size_t n, store_done_fn done, void *userdata,
                      Job **ret_job) {
        RosterRequest *q = new0(RosterRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (RosterRequest){
                .row = row,
                .saved = saved,
                .generation = generation,
                .anew = anew,
                .done.saved = done,
                .rows = new0(StoredPresence, n + 1),
                .n = n,
        };
        if (!q->rows) {
                free(q);
                return -ENOMEM;
        }
        if (n > 0)
                memcpy(q->rows, changes, n * sizeof(*changes));
        return store_write(s, work_save, q, roster_request_free, on_saved, userdata, ret_job);
}
