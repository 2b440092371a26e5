/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how entries lose what they say: by other entries, or with their whole copy. Leaves age to
 * store-retention.c and what stays in files to store-purge.c. */
#include "daemon/store/store-internal.h"

int store_remove_sent(SqlTx *tx, uint64_t row, uint64_t seq) {
        int r;

        r = sql_run(tx, "DELETE FROM outbox WHERE channel = ? AND state = 'stored' AND seq = ?",
                    "tt", row, seq);
        if (r < 0 || sql_changes(tx) == 0)
                return r;
        return store_owe_purge(tx);
}

int store_remove_sent_if_gone(SqlTx *tx, uint64_t row, uint64_t seq) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT 1 FROM redaction WHERE channel = ?1 AND target = ?2 UNION ALL"
                        " SELECT 1 FROM entry WHERE channel = ?1 AND seq = ?2"
                        " AND kind = 'message' AND substr(extra, 1, length(?3)) = ?3",
                        "tts", &stmt, row, seq, ENTRY_STUB_PREFIX);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        r = store_remove_sent(tx, row, seq);
        return r < 0 ? r : 1;
}

static int has_content(SqlTx *tx, uint64_t row, uint64_t seq) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT 1 FROM entry WHERE channel = ?1 AND seq = ?2 AND kind = 'message'"
                        " AND substr(extra, 1, length(?3)) <> ?3",
                        "tts", &stmt, row, seq, ENTRY_STUB_PREFIX);
        return r < 0 ? r : sql_step(stmt);
}

int store_remove_unindexed(SqlTx *tx, uint64_t row, uint64_t seq, const char *by, uint64_t by_seq,
                           uint64_t time, const char *reason) {
        _cleanup_free_ char *stub = NULL;
        size_t n;
        int r;

        r = store_remove_sent(tx, row, seq);
        if (r >= 0)
                r = has_content(tx, row, seq);
        if (r <= 0)
                return r;
        r = store_mention_removed(tx, row, seq);
        if (r >= 0)
                r = entry_extra_redacted(by, by_seq, time, reason, &stub, &n);
        if (r >= 0)
                r = sql_run(tx,
                            "UPDATE entry SET extra = ?, mention = 0 WHERE channel = ? AND seq = ?",
                            "stt", stub, row, seq);
        if (r >= 0)
                r = store_owe_purge(tx);
        return r < 0 ? r : 1;
}

int store_remove_content(SqlTx *tx, uint64_t row, uint64_t seq, const char *by, uint64_t by_seq,
                         uint64_t time, const char *reason) {
        int r = store_index_remove(tx, row, &seq, 1);

        return r < 0 ? r : store_remove_unindexed(tx, row, seq, by, by_seq, time, reason);
}

/* 1: there is a message, of that time. */
static int read_time(SqlTx *tx, uint64_t row, uint64_t seq, bool *ret_is_message, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT kind = 'message', time FROM entry WHERE channel = ? AND seq = ?",
                        "tt", &stmt, row, seq);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        *ret_is_message = sqlite3_column_int(stmt, 0);
        *ret = sql_column_u64(stmt, 1);
        return 1;
}

/* Age may have come first, and not have been looked at yet: every copy says the same. */
static int redact_one(SqlTx *tx, uint64_t row, uint64_t target, const char *by, uint64_t by_seq,
                      uint64_t time, const char *reason) {
        RetentionRule rule;
        bool is_message;
        uint64_t said;
        int r;

        r = read_time(tx, row, target, &is_message, &said);
        if (r <= 0 || !is_message)
                return r < 0 ? r : 0;
        r = store_retention_find(tx, row, said, time, &rule);
        if (r < 0)
                return r;
        return r > 0 ? store_remove_content(tx, row, target, rule.username, rule.seq, rule.time,
                                            NULL)
                     : store_remove_content(tx, row, target, by, by_seq, time, reason);
}

static const char *read_reason(const Value *extra) {
        return value_string(value_get(extra, "reason"), NULL);
}

static int apply_redact(SqlTx *tx, uint64_t row, uint64_t first_seq, const Entry *e,
                        const Value *extra) {
        uint64_t target;
        int r;

        if (value_uint(value_get(extra, "target_seq"), &target) < 0 || target == 0 ||
            target >= e->seq)
                return 0;
        if (target < first_seq)
                return sql_run(tx,
                               "INSERT INTO redaction (channel, target, seq, username, time)"
                               " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                               "tttst", row, target, e->seq, e->username, e->time);
        r = redact_one(tx, row, target, e->username, e->seq, e->time, read_reason(extra));
        return MIN(r, 0);
}

static int apply_view(SqlTx *tx, uint64_t row, const Entry *e, const Value *extra) {
        uint64_t days;
        int r;

        if (value_uint(value_get(extra, "retention_days"), &days) < 0 || days > RETENTION_DAYS_MAX)
                return 0;
        r = sql_run(tx, "UPDATE retention SET ends = ? WHERE channel = ? AND ends = 0 AND seq < ?",
                    "ttt", MAX(e->time, UINT64_C(1)), row, e->seq);
        if (r < 0 || days == 0)
                return r;
        return sql_run(tx,
                       "INSERT INTO retention (channel, seq, username, days, begins)"
                       " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                       "ttstt", row, e->seq, e->username, days, e->time);
}

int store_removal_apply(SqlTx *tx, uint64_t row, uint64_t first_seq, const Entry *e) {
        _cleanup_(value_unrefp) Value *extra = NULL;
        int r;

        if (e->kind != ENTRY_VIEW && e->kind != ENTRY_REDACT)
                return 0;
        r = value_parse(e->extra, e->n_extra, &extra);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return e->kind == ENTRY_VIEW ? apply_view(tx, row, e, extra)
                                     : apply_redact(tx, row, first_seq, e, extra);
}

/* Why, by the entry that did it; NULL where it does not say. */
static int find_reason(SqlTx *tx, uint64_t row, uint64_t seq, Value **ret) {
        sqlite3_stmt *stmt;
        const char *extra;
        int r;

        r = sql_prepare(tx,
                        "SELECT extra FROM entry WHERE channel = ? AND seq = ? AND kind = 'redact'",
                        "tt", &stmt, row, seq);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        extra = sql_column_text(stmt, 0);
        r = extra ? value_parse(extra, strlen(extra), ret) : -ENOMEM;
        return r == -ENOMEM ? r : 0;
}

static int apply_kept(SqlTx *tx, uint64_t row, uint64_t target) {
        _cleanup_(value_unrefp) Value *extra = NULL;
        char by[NAME_SIZE];
        uint64_t seq, time;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(
                tx, "SELECT username, seq, time FROM redaction WHERE channel = ? AND target = ?",
                "tt", &stmt, row, target);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        r = store_column_copy(stmt, 0, by, sizeof(by));
        if (r < 0)
                return r;
        seq = sql_column_u64(stmt, 1);
        time = sql_column_u64(stmt, 2);
        r = find_reason(tx, row, seq, &extra);
        if (r >= 0)
                r = redact_one(tx, row, target, by, seq, time, read_reason(extra));
        return r < 0 ? r
                     : sql_run(tx, "DELETE FROM redaction WHERE channel = ? AND target = ?", "tt",
                               row, target);
}

int store_removal_apply_older(SqlTx *tx, uint64_t row, const Entry *entries, size_t n) {
        bool has_content = false;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                has_content = has_content ||
                              (entries[i].kind == ENTRY_MESSAGE && !entry_is_stub(&entries[i]));
                r = apply_kept(tx, row, entries[i].seq);
        }
        if (r < 0 || !has_content)
                return r;
        return sql_run(tx,
                       "UPDATE retention SET swept_seq = ?1 WHERE channel = ?2 AND swept_seq > ?1",
                       "tt", entries[0].seq - 1, row);
}

bool store_removal_is_among(const Entry *entries, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (entries[i].kind == ENTRY_REDACT || entry_is_stub(&entries[i]))
                        return true;
        return false;
}

/* ---- a whole copy ---- */

static int work_drop_copy(SqlTx *tx, void *request) {
        const RowRequest *q = request;
        int r;

        r = sql_run(tx,
                    "UPDATE channel SET first_seq = 0, synced_seq = 0, n_unread = 0,"
                    " n_mentions = 0,"
                    " read_seq = min(read_seq, max(diverged_seq, 1) - 1), diverged_seq = 0,"
                    " begin_seq = NULL, begin_id = ''"
                    " WHERE id = ? AND NOT hosted",
                    "t", q->row);
        if (r < 0)
                return r;
        if (sql_changes(tx) == 0)
                return -EINVAL;
        r = store_index_drop(tx, q->row);
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM retention WHERE channel = ?", "t", q->row);
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM redaction WHERE channel = ?", "t", q->row);
        if (r >= 0)
                r = store_owe_purge(tx);
        if (r >= 0)
                r = store_remains_clear(tx);
        return MIN(r, 0);
}

int store_drop_copy(Store *s, uint64_t row, store_done_fn done, void *userdata, Job **ret_job) {
        store_purge_now(s);
        return store_write_row(s, work_drop_copy, row, done, userdata, ret_job);
}
