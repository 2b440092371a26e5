/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which messages of a log speak to who has it, how many of them are unread, and what the
 * person wants to be told of; leaves what speaks to somebody to base/mention.h, and telling to
 * others. */
#include "daemon/notify/mention-extra.h"
#include "daemon/store/store-internal.h"

bool store_mention_is(EntryKind kind, const char *username, UserType user_type, const char *extra,
                      size_t n_extra, const StoreSelf *self) {
        return kind == ENTRY_MESSAGE && self->username[0] &&
               !store_self_is(self, username, user_type) &&
               mention_is_in_extra(extra, n_extra, self->username);
}

#define NOT_IGNORED                                                                                \
        " AND NOT EXISTS (SELECT 1 FROM ignored g"                                                 \
        "  WHERE g.channel = e.channel AND g.username = e.username)"

int store_mention_added(SqlTx *tx, uint64_t row, uint64_t first, uint64_t last, uint64_t read_seq) {
        if (last <= read_seq)
                return 0;
        return sql_run(tx,
                       "UPDATE channel SET n_mentions = n_mentions +"
                       " (SELECT count(*) FROM entry e INDEXED BY entry_mention"
                       "  WHERE e.channel = ?1 AND e.mention <> 0"
                       "  AND e.seq >= ?2 AND e.seq <= ?3" NOT_IGNORED ") WHERE id = ?1",
                       "ttt", row, MAX(first, read_seq + 1), last);
}

int store_mention_removed(SqlTx *tx, uint64_t row, uint64_t seq) {
        return sql_run(tx,
                       "UPDATE channel SET n_mentions = max(n_mentions, 1) - 1"
                       " WHERE id = ?1 AND read_seq < ?2 AND EXISTS"
                       " (SELECT 1 FROM entry e WHERE e.channel = ?1 AND e.seq = ?2"
                       "  AND e.mention <> 0" NOT_IGNORED ")",
                       "tt", row, seq);
}

int store_mention_count(SqlTx *tx, uint64_t row, uint64_t read_seq) {
        return sql_run(tx,
                       "UPDATE channel SET n_mentions ="
                       " (SELECT count(*) FROM entry e INDEXED BY entry_mention"
                       "  WHERE e.channel = ?1 AND e.mention <> 0"
                       "  AND e.seq > ?2 AND e.seq <= channel.synced_seq" NOT_IGNORED
                       ") WHERE id = ?1",
                       "tt", row, read_seq);
}

int store_mention_load(SqlTx *tx, uint64_t row, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT n_mentions FROM channel WHERE id = ?", "t", &stmt, row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret = sql_column_u64(stmt, 0);
        return 0;
}

/* ---- asked ---- */

typedef struct CountRequest {
        uint64_t row, n;
        store_count_fn done;
} CountRequest;

static int work_count(SqlTx *tx, void *request) {
        CountRequest *q = request;

        return store_mention_load(tx, q->row, &q->n);
}

static void on_counted(int r, void *request, void *userdata) {
        CountRequest *q = request;

        if (q->done)
                q->done(r, r < 0 ? 0 : q->n, userdata);
}

/* By the writer: what it was told before is in it, and what it tells comes in that order. */
int store_count_mentions(Store *s, uint64_t row, store_count_fn done, void *userdata,
                         Job **ret_job) {
        CountRequest *q = new0(CountRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (CountRequest){ .row = row, .done = done };
        return store_write(s, work_count, q, free, on_counted, userdata, ret_job);
}

typedef struct NotifyRequest {
        uint64_t row;
        Notify notify;
        store_done_fn done;
} NotifyRequest;

static int work_set_notify(SqlTx *tx, void *request) {
        const NotifyRequest *q = request;
        int r;

        r = sql_run(tx, "UPDATE channel SET notify = ? WHERE id = ?", "st",
                    notify_to_string(q->notify), q->row);
        if (r < 0)
                return r;
        return sql_changes(tx) > 0 ? 0 : -ENOENT;
}

static void on_notify_set(int r, void *request, void *userdata) {
        const NotifyRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

int store_set_notify(Store *s, uint64_t row, Notify notify, store_done_fn done, void *userdata,
                     Job **ret_job) {
        NotifyRequest *q = new0(NotifyRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (NotifyRequest){ .row = row, .notify = notify, .done = done };
        return store_write(s, work_set_notify, q, free, on_notify_set, userdata, ret_job);
}
