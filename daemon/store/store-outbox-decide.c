/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person may decide about a message that is not stored: to take it back, or to have it
 * sent again. Leaves all else about outboxes to store-outbox.c. */
#include "daemon/store/store-internal.h"

typedef struct DecisionRequest {
        uint64_t channel;
        char id[UUID_STRING_SIZE];
        bool caught_up;
        store_done_fn done;
} DecisionRequest;

/* What is in the log can no longer be decided about. */
static int read_undecided(SqlTx *tx, const DecisionRequest *q, OutboxState *ret) {
        int r;

        r = store_outbox_read_state(tx, q->channel, q->id, ret);
        if (r < 0)
                return r;
        if (*ret < 0)
                return -ENOENT;
        return *ret == OUTBOX_STORED ? -EEXIST : 0;
}

static int work_cancel(SqlTx *tx, void *request) {
        DecisionRequest *q = request;
        OutboxState state;
        int r;

        r = read_undecided(tx, q, &state);
        if (r < 0)
                return r;
        r = sql_run(tx, "DELETE FROM outbox WHERE channel = ? AND id = ?", "ts", q->channel, q->id);
        if (r >= 0)
                r = store_owe_purge(tx);
        return r < 0 ? r : state == OUTBOX_QUEUED;
}

static int work_retry(SqlTx *tx, void *request) {
        DecisionRequest *q = request;
        uint64_t position;
        OutboxState state;
        int r;

        r = read_undecided(tx, q, &state);
        if (r < 0)
                return r;
        if (state == OUTBOX_QUEUED)
                return 0;
        r = store_outbox_is_carried(tx, q->channel, q->id, NULL);
        if (r > 0)
                r = q->caught_up ? store_log_is_whole(tx, q->channel) : -EAGAIN;
        if (r < 0)
                return r;
        r = store_outbox_take_position(tx, q->channel, &position);
        if (r < 0)
                return r;
        r = sql_run(tx,
                    "UPDATE outbox SET state = 'queued', error = NULL, position = ?"
                    " WHERE channel = ? AND id = ?",
                    "tts", position, q->channel, q->id);
        return r < 0 ? r : 1;
}

static void on_decided(int r, void *request, void *userdata) {
        DecisionRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

static int decide(Store *s, uint64_t row, const char *id, bool caught_up, sql_work_fn work,
                  store_done_fn done, void *userdata, Job **ret_job) {
        DecisionRequest *q;

        if (strlen(id) >= sizeof(q->id))
                return -EINVAL;
        q = new0(DecisionRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (DecisionRequest){ .channel = row, .caught_up = caught_up, .done = done };
        memcpy(q->id, id, strlen(id) + 1);
        return store_write(s, work, q, free, on_decided, userdata, ret_job);
}

int store_outbox_cancel(Store *s, uint64_t row, const char *id, store_done_fn done, void *userdata,
                        Job **ret_job) {
        store_purge_soon(s);
        return decide(s, row, id, false, work_cancel, done, userdata, ret_job);
}

int store_outbox_retry(Store *s, uint64_t row, const char *id, bool caught_up, store_done_fn done,
                       void *userdata, Job **ret_job) {
        return decide(s, row, id, caught_up, work_retry, done, userdata, ret_job);
}
