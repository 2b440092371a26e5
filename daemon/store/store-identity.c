/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows trackers, identities and the one secret of each; leaves what belongs to an identity to
 * store-channel.c. */
#include "daemon/store/store-internal.h"
#include "net/chain.h"

static void key_erase(const char *pem) {
        if (!pem)
                return;
        explicit_bzero((char *) pem, strlen(pem));
        free((char *) pem);
}

static void tracker_done(StoredTracker *t) {
        free((char *) t->address);
        free((char *) t->ca_pem);
        free((StoredRevocation *) t->revoked);
        key_erase(t->attempt.key_pem);
}

static void identity_done(StoredIdentity *i) {
        key_erase(i->key_pem);
        free((char *) i->certificate_pem);
}

/* ---- load ---- */

typedef struct LoadRequest {
        bool has_tracker, has_identity;
        StoredTracker tracker;
        StoredIdentity identity;
        store_load_fn done;
} LoadRequest;

static void load_request_free(void *request) {
        LoadRequest *q = request;

        tracker_done(&q->tracker);
        identity_done(&q->identity);
        free(q);
}

static int load_tracker(SqlTx *tx, StoredTracker *ret) {
        StoredRevocation *revoked = NULL;
        sqlite3_stmt *stmt;
        int r, error = 0;

        r = sql_prepare(
                tx,
                "SELECT tracker_id, pin, address, ca_pem, coalesce(identity, 0), revocations"
                " FROM tracker WHERE is_current",
                "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        r = store_column_copy(stmt, 0, ret->tracker_id, sizeof(ret->tracker_id));
        if (r < 0)
                return r;
        r = store_column_copy(stmt, 1, ret->pin, sizeof(ret->pin));
        if (r < 0)
                return r;
        ret->address = store_column_dup(stmt, 2, &error);
        ret->ca_pem = store_column_dup(stmt, 3, &error);
        ret->identity = sql_column_u64(stmt, 4);
        ret->revocations_version = sql_column_u64(stmt, 5);
        if (error < 0)
                return error;
        r = store_revocations_load(tx, ret->tracker_id, &revoked, &ret->n_revoked);
        ret->revoked = revoked;
        if (r >= 0)
                r = store_attempt_load(tx, ret->tracker_id, &ret->attempt);
        return r < 0 ? r : 1;
}

static int load_identity(SqlTx *tx, uint64_t row, StoredIdentity *ret) {
        sqlite3_stmt *stmt;
        int r, error = 0;

        r = sql_prepare(tx,
                        "SELECT i.tracker_id, i.user_type, i.username, i.certificate_pem, s.key_pem"
                        " FROM identity i LEFT JOIN secret s ON s.identity = i.id WHERE i.id = ?",
                        "t", &stmt, row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        ret->row = row;
        r = store_column_copy(stmt, 0, ret->tracker_id, sizeof(ret->tracker_id));
        if (r < 0)
                return r;
        ret->user_type = user_type_from_string(sql_column_text(stmt, 1));
        if (ret->user_type < 0)
                return -EBADMSG;
        r = store_column_copy(stmt, 2, ret->username, sizeof(ret->username));
        if (r < 0)
                return r;
        ret->certificate_pem = store_column_dup(stmt, 3, &error);
        ret->key_pem = store_column_dup(stmt, 4, &error);
        return error;
}

static int work_load(SqlTx *tx, void *request) {
        LoadRequest *q = request;
        int r;

        r = load_tracker(tx, &q->tracker);
        if (r <= 0)
                return r;
        q->has_tracker = true;
        if (q->tracker.identity == 0)
                return 0;
        r = load_identity(tx, q->tracker.identity, &q->identity);
        if (r < 0)
                return r;
        q->has_identity = true;
        return 0;
}

static void on_loaded(int r, void *request, void *userdata) {
        LoadRequest *q = request;

        if (q->done)
                q->done(r, r >= 0 && q->has_tracker ? &q->tracker : NULL,
                        r >= 0 && q->has_identity ? &q->identity : NULL, userdata);
}

int store_load(Store *s, store_load_fn done, void *userdata, Job **ret_job) {
        LoadRequest *q;

        q = new0(LoadRequest, 1);
        if (!q)
                return -ENOMEM;
        q->done = done;
        return store_read(s, work_load, q, load_request_free, on_loaded, userdata, ret_job);
}

/* ---- the tracker ---- */

typedef struct TrackerRequest {
        StoredTracker tracker; /* its strings are ours */
        store_done_fn done;
} TrackerRequest;

static void tracker_request_free(void *request) {
        TrackerRequest *q = request;

        tracker_done(&q->tracker);
        free(q);
}
DEFINE_REQUEST_CLEANUP(TrackerRequest, tracker_request_free);

/* Nobody goes back from the pin of an authority to that of one before. */
static int check_pin(SqlTx *tx, const StoredTracker *t) {
        _cleanup_(chain_freep) Chain *chain = NULL;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT pin FROM tracker WHERE tracker_id = ?", "s", &stmt,
                        t->tracker_id);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0 || streq(sql_column_text(stmt, 0), t->pin))
                return r;
        r = chain_from_pem(t->ca_pem, &chain);
        if (r < 0)
                return r;
        return chain_has_pin(chain, sql_column_text(stmt, 0)) ? 0 : -EKEYREJECTED;
}

static int work_save_tracker(SqlTx *tx, void *request) {
        TrackerRequest *q = request;
        StoredTracker *t = &q->tracker;
        int r;

        r = check_pin(tx, t);
        if (r < 0)
                return r;

        r = sql_run(tx,
                    "INSERT INTO tracker (tracker_id, pin, address, ca_pem) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (tracker_id) DO UPDATE SET pin = excluded.pin,"
                    " address = excluded.address, ca_pem = excluded.ca_pem",
                    "ssss", t->tracker_id, t->pin, t->address, t->ca_pem);
        if (r < 0)
                return r;
        return sql_run(tx, "UPDATE tracker SET is_current = (tracker_id = ?)", "s", t->tracker_id);
}

static void on_tracker_saved(int r, void *request, void *userdata) {
        TrackerRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

static int work_save_authorities(SqlTx *tx, void *request) {
        const TrackerRequest *q = request;

        return sql_run(tx, "UPDATE tracker SET pin = ?, ca_pem = ? WHERE tracker_id = ?", "sss",
                       q->tracker.pin, q->tracker.ca_pem, q->tracker.tracker_id);
}

int store_save_authorities(Store *s, const char *tracker_id, const char *pin, const char *ca_pem,
                           store_done_fn done, void *userdata, Job **ret_job) {
        _cleanup_(tracker_request_freep) TrackerRequest *q = new0(TrackerRequest, 1);

        if (!q)
                return -ENOMEM;
        snprintf(q->tracker.tracker_id, sizeof(q->tracker.tracker_id), "%s", tracker_id);
        snprintf(q->tracker.pin, sizeof(q->tracker.pin), "%s", pin);
        q->done = done;
        q->tracker.ca_pem = strdup(ca_pem);
        if (!q->tracker.ca_pem)
                return -ENOMEM;
        return store_write(s, work_save_authorities, TAKE_PTR(q), tracker_request_free,
                           on_tracker_saved, userdata, ret_job);
}

int store_save_tracker(Store *s, const StoredTracker *t, store_done_fn done, void *userdata,
                       Job **ret_job) {
        _cleanup_(tracker_request_freep) TrackerRequest *q = NULL;

        if (!t->address || !t->ca_pem)
                return -EINVAL;
        q = new0(TrackerRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (TrackerRequest){ .tracker = *t, .done = done };
        q->tracker.revoked = NULL;
        q->tracker.attempt = (StoredAttempt){};
        q->tracker.address = strdup(t->address);
        q->tracker.ca_pem = strdup(t->ca_pem);
        if (!q->tracker.address || !q->tracker.ca_pem)
                return -ENOMEM;
        return store_write(s, work_save_tracker, TAKE_PTR(q), tracker_request_free,
                           on_tracker_saved, userdata, ret_job);
}

/* ---- in and out ---- */

typedef struct IdentityRequest {
        StoredIdentity identity; /* its strings are ours */
        uint64_t guest;          /* whose things the identity takes over; 0: nobody's */
        store_row_fn done;
} IdentityRequest;

static void identity_request_free(void *request) {
        IdentityRequest *q = request;

        identity_done(&q->identity);
        free(q);
}
DEFINE_REQUEST_CLEANUP(IdentityRequest, identity_request_free);

/* It owes a purge. */
static int sign_out(SqlTx *tx, uint64_t row) {
        sqlite3_stmt *stmt;
        bool is_guest;
        int r;

        r = sql_prepare(tx, "SELECT user_type FROM identity WHERE id = ?", "t", &stmt, row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        is_guest = user_type_from_string(sql_column_text(stmt, 0)) == USER_GUEST;

        r = sql_run(tx, "DELETE FROM secret WHERE identity = ?", "t", row);
        if (r < 0)
                return r;
        r = sql_run(tx, "UPDATE identity SET certificate_pem = NULL WHERE id = ?", "t", row);
        if (r < 0)
                return r;
        r = sql_run(tx, "UPDATE tracker SET identity = NULL WHERE identity = ?", "t", row);
        if (r < 0)
                return r;
        if (is_guest) {
                r = store_outbox_fail_all(tx, row, ERROR_EXPIRED);
                if (r < 0)
                        return r;
        }
        sql_forget(tx);
        return store_owe_purge(tx); /* where a backup was in the way, or a page was split */
}

static int read_signed_in(SqlTx *tx, const char *tracker_id, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT coalesce(identity, 0) FROM tracker WHERE tracker_id = ?", "s",
                        &stmt, tracker_id);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret = sql_column_u64(stmt, 0);
        return 0;
}

static int put_identity(SqlTx *tx, StoredIdentity *i) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "INSERT INTO identity (tracker_id, user_type, username, certificate_pem)"
                        " VALUES (?, ?, ?, ?)"
                        " ON CONFLICT (tracker_id, user_type, username)"
                        " DO UPDATE SET certificate_pem = excluded.certificate_pem RETURNING id",
                        "ssss", &stmt, i->tracker_id, user_type_to_string(i->user_type),
                        i->username, i->certificate_pem);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        i->row = sql_column_u64(stmt, 0);
        r = sql_step(stmt);
        if (r < 0)
                return r;
        return sql_run(tx,
                       "INSERT INTO secret (identity, key_pem) VALUES (?, ?) ON CONFLICT (identity)"
                       " DO UPDATE SET key_pem = excluded.key_pem",
                       "ts", i->row, i->key_pem);
}

/* Channels that both have stay with the guest: a channel has one copy. */
static int carry(SqlTx *tx, uint64_t guest, uint64_t user) {
        char name[NAME_SIZE];
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT username FROM identity WHERE id = ? AND user_type = ?", "ts",
                        &stmt, guest, user_type_to_string(USER_GUEST));
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = store_column_copy(stmt, 0, name, sizeof(name));
        if (r < 0)
                return r;
        r = store_outbox_carry(tx, guest, name, ERROR_EXPIRED);
        if (r < 0)
                return r;
        return sql_run(tx, "UPDATE OR IGNORE channel SET identity = ? WHERE identity = ?", "tt",
                       user, guest);
}

static int work_sign_in(SqlTx *tx, void *request) {
        IdentityRequest *q = request;
        StoredIdentity *i = &q->identity;
        uint64_t before;
        int r;

        r = read_signed_in(tx, i->tracker_id, &before);
        if (r < 0)
                return r;
        r = put_identity(tx, i);
        if (r < 0)
                return r;
        if (q->guest != 0) {
                r = carry(tx, q->guest, i->row);
                if (r < 0)
                        return r;
        }
        if (before != 0 && before != i->row) {
                r = sign_out(tx, before);
                if (r < 0)
                        return r;
        }
        return sql_run(tx, "UPDATE tracker SET identity = ? WHERE tracker_id = ?", "ts", i->row,
                       i->tracker_id);
}

static void on_signed_in(int r, void *request, void *userdata) {
        IdentityRequest *q = request;

        if (q->done)
                q->done(r, r < 0 ? 0 : q->identity.row, userdata);
}

int store_sign_up(Store *s, const StoredIdentity *i, uint64_t guest, store_row_fn done,
                  void *userdata, Job **ret_job) {
        _cleanup_(identity_request_freep) IdentityRequest *q = NULL;

        if (!i->key_pem || !i->certificate_pem || !user_type_to_string(i->user_type))
                return -EINVAL;
        q = new0(IdentityRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (IdentityRequest){ .identity = *i, .guest = guest, .done = done };
        q->identity.key_pem = strdup(i->key_pem);
        q->identity.certificate_pem = strdup(i->certificate_pem);
        if (!q->identity.key_pem || !q->identity.certificate_pem)
                return -ENOMEM;
        store_purge_soon(s); /* of who is signed out by it */
        return store_write(s, work_sign_in, TAKE_PTR(q), identity_request_free, on_signed_in,
                           userdata, ret_job);
}

int store_sign_in(Store *s, const StoredIdentity *i, store_row_fn done, void *userdata,
                  Job **ret_job) {
        return store_sign_up(s, i, 0, done, userdata, ret_job);
}

/* The key of an attempt may be the one that is erased. */
static int sign_out_wholly(SqlTx *tx, uint64_t row) {
        int r;

        r = sql_run(tx,
                    "DELETE FROM attempt WHERE tracker_id ="
                    " (SELECT tracker_id FROM identity WHERE id = ?)",
                    "t", row);
        return r < 0 ? r : sign_out(tx, row);
}

static int work_sign_out(SqlTx *tx, void *request) {
        const RowRequest *q = request;

        return sign_out_wholly(tx, q->row);
}

static int work_delete(SqlTx *tx, void *request) {
        const RowRequest *q = request;
        int r;

        r = sign_out_wholly(tx, q->row);
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM channel WHERE identity = ?", "t", q->row);
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM identity WHERE id = ?", "t", q->row);
        if (r >= 0)
                r = store_remains_clear(tx);
        return MIN(r, 0);
}

int store_sign_out(Store *s, uint64_t identity, store_done_fn done, void *userdata, Job **ret_job) {
        store_purge_soon(s);
        return store_write_row(s, work_sign_out, identity, done, userdata, ret_job);
}

int store_delete_identity(Store *s, uint64_t identity, store_done_fn done, void *userdata,
                          Job **ret_job) {
        store_purge_soon(s);
        return store_write_row(s, work_delete, identity, done, userdata, ret_job);
}
