/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person typed and what became of it, in the order of typing; leaves sending it to
 * channel-member.h, and what a person decides about it to store-outbox-decide.c. */
#include "base/text.h"
#include "daemon/store/store-internal.h"

static const char *const outbox_state_table[OUTBOX_STATE_MAX] = {
        [OUTBOX_QUEUED] = "queued",
        [OUTBOX_STORED] = "stored",
        [OUTBOX_FAILED] = "failed",
};

const char *outbox_state_to_string(OutboxState s) {
        return s >= 0 && s < OUTBOX_STATE_MAX ? outbox_state_table[s] : NULL;
}

OutboxState outbox_state_from_string(const char *s) {
        for (OutboxState i = 0; s && i < OUTBOX_STATE_MAX; i++)
                if (streq(outbox_state_table[i], s))
                        return i;
        return OUTBOX_STATE_INVALID;
}

/* error_from_wire() does not know the codes of this side, which a row may hold as well. */
static ErrorCode error_from_column(const char *wire) {
        for (ErrorCode c = ERROR_NONE; c < ERROR_MAX; c++)
                if (streq(error_info(c)->wire, wire))
                        return c;
        return ERROR_INTERNAL;
}

#define ROW_COLUMNS "position, id, state, error, seq, queued, attempts, text, meta"

static void row_done(OutboxRow *row) {
        free((char *) row->text);
        free((char *) row->meta);
        *row = (OutboxRow){};
}

/* SQLite does not notice other bytes where a text was. One that no host takes, nor the bus, must
 * not be in the way of all that waits behind it. */
static int check_text(OutboxRow *row) {
        _cleanup_free_ char *extra = NULL, *clean = NULL;
        size_t n;
        int r;

        r = entry_extra_message(row->text, row->meta, &extra, &n);
        if (r != -EINVAL)
                return r;
        r = text_sanitize(row->text, strlen(row->text), true, &clean, &n);
        if (r < 0)
                return r;
        free((char *) row->text);
        row->text = TAKE_PTR(clean);
        free((char *) TAKE_PTR(row->meta));
        row->is_damaged = true;
        return 0;
}

static int read_row(sqlite3_stmt *stmt, OutboxRow *ret) {
        int r, error = 0;

        *ret = (OutboxRow){
                .order = sql_column_u64(stmt, 0),
                .state = outbox_state_from_string(sql_column_text(stmt, 2)),
                .error = error_from_column(sql_column_text(stmt, 3)),
                .seq = sql_column_u64(stmt, 4),
                .queued = sql_column_u64(stmt, 5),
                .attempts = sql_column_u64(stmt, 6),
        };
        if (ret->state < 0)
                return -EBADMSG;
        r = store_column_copy(stmt, 1, ret->id, sizeof(ret->id));
        if (r < 0)
                return r;
        ret->text = store_column_dup(stmt, 7, &error);
        ret->meta = store_column_dup(stmt, 8, &error);
        if (error < 0 || !ret->text)
                return error < 0 ? error : -EBADMSG;
        return check_text(ret);
}

int store_outbox_read_state(SqlTx *tx, uint64_t row, const char *id, OutboxState *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT state FROM outbox WHERE channel = ? AND id = ?", "ts", &stmt,
                        row, id);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r < 0)
                return r;
        *ret = r > 0 ? outbox_state_from_string(sql_column_text(stmt, 0)) : OUTBOX_STATE_INVALID;
        return 0;
}

int store_outbox_prune(SqlTx *tx, uint64_t now) {
        return sql_run(tx, "DELETE FROM outbox WHERE state = 'stored' AND finished <= ?", "t",
                       now - MIN(now, OUTBOX_FINISHED_USEC));
}

int store_outbox_finish(SqlTx *tx, uint64_t row, const char *id, uint64_t seq, uint64_t now) {
        OutboxState state;
        int r;

        r = store_outbox_read_state(tx, row, id, &state);
        if (r < 0 || state < 0 || state == OUTBOX_STORED)
                return r;
        r = sql_run(tx,
                    "UPDATE outbox SET state = 'stored', error = NULL, seq = ?, finished = ?"
                    " WHERE channel = ? AND id = ?",
                    "ttts", seq, now, row, id);
        if (r < 0)
                return r;
        r = store_outbox_prune(tx, now);
        return r < 0 ? r : state == OUTBOX_QUEUED;
}

int store_outbox_is_carried(SqlTx *tx, uint64_t row, const char *id, const char *guest) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT 1 FROM outbox WHERE channel = ?1 AND id = ?2 AND writer <> ''"
                        " AND writer = coalesce(?3, writer)",
                        "tss", &stmt, row, id, guest);
        return r < 0 ? r : sql_step(stmt);
}

int store_outbox_finish_carried(SqlTx *tx, uint64_t row, const char *id, const char *guest,
                                uint64_t seq, uint64_t now) {
        int r;

        r = store_outbox_is_carried(tx, row, id, guest);
        return r <= 0 ? r : store_outbox_finish(tx, row, id, seq, now);
}

int store_outbox_carry(SqlTx *tx, uint64_t identity, const char *guest, ErrorCode error) {
        return sql_run(tx,
                       "UPDATE outbox SET writer = iif(writer = '', ?1, writer), state = 'failed',"
                       " error = iif(state = 'queued', ?2, error) WHERE state <> 'stored'"
                       " AND channel IN (SELECT id FROM channel WHERE identity = ?3)",
                       "sst", guest, error_info(error)->wire, identity);
}

int store_outbox_fail_all(SqlTx *tx, uint64_t identity, ErrorCode error) {
        return sql_run(tx,
                       "UPDATE outbox SET state = 'failed', error = ? WHERE state = 'queued'"
                       " AND channel IN (SELECT id FROM channel WHERE identity = ?)",
                       "st", error_info(error)->wire, identity);
}

int store_outbox_take_position(SqlTx *tx, uint64_t row, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_run(tx, "UPDATE channel SET outbox_position = outbox_position + 1 WHERE id = ?",
                    "t", row);
        if (r < 0)
                return r;
        r = sql_prepare(tx, "SELECT outbox_position FROM channel WHERE id = ?", "t", &stmt, row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret = sql_column_u64(stmt, 0);
        return 0;
}

/* ---- add ---- */

typedef struct AddRequest {
        uint64_t channel, now;
        OutboxRow add;      /* its strings are ours */
        OutboxRow existing; /* … */
        store_outbox_added_fn done;
} AddRequest;

static void add_request_free(void *request) {
        AddRequest *q = request;

        row_done(&q->add);
        row_done(&q->existing);
        free(q);
}
DEFINE_REQUEST_CLEANUP(AddRequest, add_request_free);

static int find_row(SqlTx *tx, uint64_t channel, const char *id, OutboxRow *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT " ROW_COLUMNS " FROM outbox WHERE channel = ? AND id = ?", "ts",
                        &stmt, channel, id);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        r = read_row(stmt, ret);
        return r < 0 ? r : 1;
}

static int check_quota(SqlTx *tx, uint64_t channel, size_t n_bytes) {
        uint64_t n_unsent, n_unsent_bytes;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT n_unsent, n_unsent_bytes FROM channel WHERE id = ?", "t", &stmt,
                        channel);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        n_unsent = sql_column_u64(stmt, 0);
        n_unsent_bytes = sql_column_u64(stmt, 1);
        return n_unsent >= OUTBOX_ROWS_MAX || n_unsent_bytes + n_bytes > OUTBOX_BYTES_MAX ? -EDQUOT
                                                                                          : 0;
}

static int work_add(SqlTx *tx, void *request) {
        AddRequest *q = request;
        const OutboxRow *add = &q->add;
        size_t n_bytes = strlen(add->text) + (add->meta ? strlen(add->meta) : 0);
        uint64_t position;
        int r;

        r = store_outbox_prune(tx, q->now);
        if (r < 0)
                return r;
        r = find_row(tx, q->channel, add->id, &q->existing);
        if (r < 0)
                return r;
        if (r > 0)
                return streq(q->existing.text, add->text) && streq_ptr(q->existing.meta, add->meta)
                               ? 1
                               : -EEXIST;
        r = check_quota(tx, q->channel, n_bytes);
        if (r < 0)
                return r;
        r = store_outbox_take_position(tx, q->channel, &position);
        if (r < 0)
                return r;
        return sql_run(tx,
                       "INSERT INTO outbox (channel, position, id, state, queued, n_bytes, meta,"
                       " text) VALUES (?, ?, ?, 'queued', ?, ?, ?, ?)",
                       "ttsttss", q->channel, position, add->id, add->queued, (uint64_t) n_bytes,
                       add->meta, add->text);
}

static void on_added(int r, void *request, void *userdata) {
        AddRequest *q = request;

        if (q->done)
                q->done(r, r == 1 ? &q->existing : NULL, userdata);
}

int store_outbox_add(Store *s, uint64_t row, const OutboxRow *add, store_outbox_added_fn done,
                     void *userdata, Job **ret_job) {
        _cleanup_(add_request_freep) AddRequest *q = NULL;

        if (!add->text)
                return -EINVAL;
        q = new0(AddRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (AddRequest){
                .channel = row,
                .now = clock_realtime(s->rt->clock),
                .add = *add,
                .done = done,
        };
        q->add.text = q->add.meta = NULL;
        if (free_and_strdup((char **) &q->add.text, add->text) < 0 ||
            free_and_strdup((char **) &q->add.meta, add->meta) < 0)
                return -ENOMEM;
        return store_write(s, work_add, TAKE_PTR(q), add_request_free, on_added, userdata, ret_job);
}

/* ---- read ---- */

typedef struct ReadRequest {
        uint64_t channel, now, after;
        bool only_queued;
        unsigned limit;
        size_t max_bytes;
        OutboxRow *rows;
        size_t n, n_allocated;
        bool more;
        store_outbox_page_fn done;
} ReadRequest;

static void read_request_free(void *request) {
        ReadRequest *q = request;

        for (size_t i = 0; i < q->n; i++)
                row_done(&q->rows[i]);
        free(q->rows);
        free(q);
}

static int prepare_read(SqlTx *tx, const ReadRequest *q, sqlite3_stmt **ret) {
        uint64_t after = MIN(q->after, (uint64_t) INT64_MAX);

        if (q->only_queued)
                return sql_prepare(tx,
                                   "SELECT " ROW_COLUMNS " FROM outbox INDEXED BY outbox_queued"
                                   " WHERE channel = ? AND position > ? AND state = 'queued'"
                                   " ORDER BY position",
                                   "tt", ret, q->channel, after);
        return sql_prepare(tx,
                           "SELECT " ROW_COLUMNS " FROM outbox"
                           " WHERE channel = ? AND position > ?"
                           " AND (state <> 'stored' OR finished > ?) ORDER BY position",
                           "ttt", ret, q->channel, after,
                           q->now - MIN(q->now, OUTBOX_FINISHED_USEC));
}

static int reserve_row(ReadRequest *q) {
        OutboxRow *rows;
        size_t n;

        if (q->n < q->n_allocated)
                return 0;
        n = q->n_allocated > 0 ? 2 * q->n_allocated : 32;
        rows = reallocarray(q->rows, n, sizeof(OutboxRow));
        if (!rows)
                return -ENOMEM;
        q->rows = rows;
        q->n_allocated = n;
        return 0;
}

static int work_read(SqlTx *tx, void *request) {
        ReadRequest *q = request;
        sqlite3_stmt *stmt;
        size_t n_bytes = 0;
        int r;

        r = prepare_read(tx, q, &stmt);
        if (r < 0)
                return r;
        while ((r = sql_step(stmt)) > 0) {
                OutboxRow *row;

                if (q->n >= q->limit) {
                        q->more = true;
                        break;
                }
                r = reserve_row(q);
                if (r < 0)
                        return r;
                row = &q->rows[q->n++];
                r = read_row(stmt, row);
                if (r < 0)
                        return r;
                n_bytes += strlen(row->text) + (row->meta ? strlen(row->meta) : 0);
                if (q->max_bytes > 0 && n_bytes > q->max_bytes && q->n > 1) {
                        row_done(row);
                        q->n--;
                        q->more = true;
                        break;
                }
        }
        return r < 0 ? r : 0;
}

static void on_read(int r, void *request, void *userdata) {
        ReadRequest *q = request;

        if (!q->done)
                return;
        if (r < 0)
                q->done(r, NULL, 0, false, userdata);
        else
                q->done(0, q->rows, q->n, q->more, userdata);
}

int store_outbox_read(Store *s, uint64_t row, uint64_t after, bool only_queued, unsigned limit,
                      size_t max_bytes, store_outbox_page_fn done, void *userdata, Job **ret_job) {
        ReadRequest *q;

        if (limit == 0)
                return -EINVAL;
        q = new0(ReadRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (ReadRequest){
                .channel = row,
                .now = clock_realtime(s->rt->clock),
                .after = after,
                .only_queued = only_queued,
                .limit = limit,
                .max_bytes = max_bytes,
                .done = done,
        };
        return store_read(s, work_read, q, read_request_free, on_read, userdata, ret_job);
}

/* ---- what became of rows ---- */

typedef struct UpdateRequest {
        Store *store; /* weak */
        uint64_t channel, now;
        bool has_removed;
        store_done_fn done;
        size_t n;
        OutboxUpdate updates[];
} UpdateRequest;

static int update_one(SqlTx *tx, UpdateRequest *q, const OutboxUpdate *u) {
        int r;

        r = sql_run(tx,
                    "UPDATE outbox SET attempts = attempts + 1"
                    " WHERE channel = ? AND id = ? AND state = 'queued'",
                    "ts", q->channel, u->id);
        if (r < 0)
                return r;
        switch (u->state) {
        case OUTBOX_QUEUED:
                return 0;
        case OUTBOX_STORED:
                r = store_outbox_finish(tx, q->channel, u->id, u->seq, q->now);
                if (r >= 0)
                        r = store_remove_sent_if_gone(tx, q->channel, u->seq);
                q->has_removed = q->has_removed || r > 0;
                return MIN(r, 0);
        case OUTBOX_FAILED:
                return sql_run(tx,
                               "UPDATE outbox SET state = 'failed', error = ?"
                               " WHERE channel = ? AND id = ? AND state = 'queued'",
                               "sts", error_info(u->error)->wire, q->channel, u->id);
        case OUTBOX_STATE_MAX:
        case OUTBOX_STATE_INVALID:
                break;
        }
        return -EINVAL;
}

static int count_queued(SqlTx *tx, uint64_t row) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT n_queued FROM channel WHERE id = ?", "t", &stmt, row);
        if (r >= 0)
                r = sql_step(stmt);
        return r > 0 ? sqlite3_column_int(stmt, 0) : r;
}

static int work_update(SqlTx *tx, void *request) {
        UpdateRequest *q = request;

        for (size_t i = 0; i < q->n; i++) {
                int r;

                r = update_one(tx, q, &q->updates[i]);
                if (r < 0)
                        return r;
        }
        return count_queued(tx, q->channel);
}

static void on_updated(int r, void *request, void *userdata) {
        UpdateRequest *q = request;

        if (q->has_removed)
                store_purge_soon(q->store);
        if (q->done)
                q->done(r, userdata);
}

int store_outbox_update(Store *s, uint64_t row, const OutboxUpdate *updates, size_t n,
                        store_done_fn done, void *userdata, Job **ret_job) {
        UpdateRequest *q;

        for (size_t i = 0; i < n; i++)
                if (!outbox_state_to_string(updates[i].state) || updates[i].error < 0 ||
                    updates[i].error >= ERROR_MAX)
                        return -EINVAL;
        q = calloc(1, sizeof(UpdateRequest) + n * sizeof(OutboxUpdate));
        if (!q)
                return -ENOMEM;
        q->store = s;
        q->channel = row;
        q->now = clock_realtime(s->rt->clock);
        q->done = done;
        q->n = n;
        if (n > 0)
                memcpy(q->updates, updates, n * sizeof(OutboxUpdate));
        return store_write(s, work_update, q, free, on_updated, userdata, ret_job);
}
