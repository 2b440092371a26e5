/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whose messages a person does not want to read in a channel; leaves hiding them to who shows
 * a log. */
#include "daemon/store/store-internal.h"

typedef struct IgnoredRequest {
        uint64_t row, n_unread, n_mentions;
        size_t n;
        store_ignored_fn done;
        char names[][NAME_SIZE];
} IgnoredRequest;

int store_ignored_find(SqlTx *tx, uint64_t row, const char *username) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT 1 FROM ignored WHERE channel = ? AND username = ?", "ts", &stmt,
                        row, username);
        return r < 0 ? r : sql_step(stmt);
}

static int work_save_ignored(SqlTx *tx, void *request) {
        IgnoredRequest *q = request;
        StoreLog log;
        int r;

        r = store_log_load(tx, q->row, &log);
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM ignored WHERE channel = ?", "t", q->row);
        for (size_t i = 0; r >= 0 && i < q->n; i++)
                r = sql_run(tx, "INSERT INTO ignored VALUES (?, ?)", "ts", q->row, q->names[i]);
        if (r >= 0)
                r = store_log_count_messages(tx, q->row, log.read_seq, log.synced_seq, &log.self,
                                             &log.n_unread);
        if (r >= 0)
                r = store_mention_count(tx, q->row, log.read_seq);
        if (r >= 0)
                r = store_mention_load(tx, q->row, &q->n_mentions);
        if (r < 0)
                return r;
        q->n_unread = log.n_unread;
        return store_log_save(tx, q->row, &log);
}

static void on_saved(int r, void *request, void *userdata) {
        IgnoredRequest *q = request;

        if (q->done)
                q->done(r, r < 0 ? 0 : q->n_unread, r < 0 ? 0 : q->n_mentions, userdata);
}

int store_save_ignored(Store *s, uint64_t row, char *const *names, size_t n, store_ignored_fn done,
                       void *userdata, Job **ret_job) {
        IgnoredRequest *q = calloc(1, sizeof(*q) + n * sizeof(q->names[0]));

        if (!q)
                return -ENOMEM;
        *q = (IgnoredRequest){ .row = row, .n = n, .done = done };
        for (size_t i = 0; i < n; i++)
                snprintf(q->names[i], sizeof(q->names[i]), "%s", names[i]);
        return store_write(s, work_save_ignored, q, free, on_saved, userdata, ret_job);
}
