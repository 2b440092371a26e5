/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the key that a sign-in was asked for with, until who asked has the answer; leaves what an
 * answer means to account-sign-in.c. */
#include "daemon/store/store-internal.h"

int store_attempt_load(SqlTx *tx, const char *tracker_id, StoredAttempt *ret) {
        sqlite3_stmt *stmt;
        int r, error = 0;

        r = sql_prepare(tx,
                        "SELECT user_type, username, since, key_pem FROM attempt"
                        " WHERE tracker_id = ?",
                        "s", &stmt, tracker_id);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        ret->user_type = user_type_from_string(sql_column_text(stmt, 0));
        if (ret->user_type < 0)
                return -EBADMSG;
        r = store_column_copy(stmt, 1, ret->username, sizeof(ret->username));
        if (r < 0)
                return r;
        ret->since = sql_column_u64(stmt, 2);
        ret->key_pem = store_column_dup(stmt, 3, &error);
        return error;
}

typedef struct AttemptRequest {
        char tracker_id[TRACKER_ID_SIZE];
        StoredAttempt attempt; /* its string is ours */
        uint64_t now;
        store_done_fn done;
} AttemptRequest;

static void attempt_request_free(void *request) {
        AttemptRequest *q = request;

        if (q->attempt.key_pem)
                explicit_bzero((char *) q->attempt.key_pem, strlen(q->attempt.key_pem));
        free((char *) q->attempt.key_pem);
        free(q);
}

static int work_forget(SqlTx *tx, void *request) {
        AttemptRequest *q = request;
        int r;

        r = sql_run(tx,
                    "DELETE FROM attempt WHERE tracker_id = ?1 OR since > ?2 + ?3 OR since + ?3 <= "
                    "?2",
                    "stt", q->tracker_id, q->now, (uint64_t) ATTEMPT_KEPT_USEC);
        if (r >= 0 && sql_changes(tx) > 0)
                sql_forget(tx);
        return r;
}

static int work_save(SqlTx *tx, void *request) {
        AttemptRequest *q = request;
        StoredAttempt *a = &q->attempt;
        int r;

        r = work_forget(tx, q);
        if (r < 0)
                return r;
        return sql_run(tx,
                       "INSERT INTO attempt (tracker_id, user_type, username, since, key_pem)"
                       " VALUES (?, ?, ?, ?, ?)",
                       "sssts", q->tracker_id, user_type_to_string(a->user_type), a->username,
                       a->since, a->key_pem);
}

static void on_written(int r, void *request, void *userdata) {
        AttemptRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

int store_save_attempt(Store *s, const char *tracker_id, const StoredAttempt *a, store_done_fn done,
                       void *userdata, Job **ret_job) {
        AttemptRequest *q;

        if (!hex_is_valid(tracker_id, TRACKER_ID_SIZE - 1) || !a->key_pem ||
            !user_type_to_string(a->user_type))
                return -EINVAL;
        q = new0(AttemptRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (AttemptRequest){ .attempt = *a, .now = a->since, .done = done };
        memcpy(q->tracker_id, tracker_id, sizeof(q->tracker_id));
        q->attempt.key_pem = strdup(a->key_pem);
        if (!q->attempt.key_pem) {
                free(q);
                return -ENOMEM;
        }
        return store_write(s, work_save, q, attempt_request_free, on_written, userdata, ret_job);
}

int store_forget_attempt(Store *s, const char *tracker_id, uint64_t now) {
        AttemptRequest *q = new0(AttemptRequest, 1);

        if (!q)
                return -ENOMEM;
        q->now = now;
        snprintf(q->tracker_id, sizeof(q->tracker_id), "%s", tracker_id);
        return store_write(s, work_forget, q, attempt_request_free, on_written, NULL, NULL);
}
