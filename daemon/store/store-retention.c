/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which messages are too old by the rules of their logs, and removes them a step at a time;
 * leaves when to look to its callers. */
#include "daemon/store/store-internal.h"

#define STEP_ENTRIES 200 /* looked at; each may fill some pages, and what waits behind is short */

typedef struct Rule {
        RetentionRule rule;
        uint64_t ends; /* 0: it holds */
        uint64_t swept_seq;
} Rule;

/* 0: not by this rule, as long as it holds. */
static uint64_t due_at(const Rule *rule, uint64_t said) {
        uint64_t due = MAX(rule->rule.time, said + rule->rule.days * USEC_PER_DAY);

        return rule->ends == 0 || due < rule->ends ? due : 0;
}

/* The first rule behind seq `after`: 1, else 0. */
static int read_rule(SqlTx *tx, uint64_t row, uint64_t after, Rule *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT seq, days, begins, ends, swept_seq, username FROM retention"
                        " WHERE channel = ? AND seq > ? ORDER BY seq LIMIT 1",
                        "tt", &stmt, row, after);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        *ret = (Rule){
                .rule.seq = sql_column_u64(stmt, 0),
                .rule.days = sql_column_u64(stmt, 1),
                .rule.time = sql_column_u64(stmt, 2),
                .ends = sql_column_u64(stmt, 3),
                .swept_seq = sql_column_u64(stmt, 4),
        };
        r = store_column_copy(stmt, 5, ret->rule.username, sizeof(ret->rule.username));
        return r < 0 ? r : 1;
}

int store_retention_find(SqlTx *tx, uint64_t row, uint64_t time, uint64_t now, RetentionRule *ret) {
        Rule rule = {};
        int r;

        while ((r = read_rule(tx, row, rule.rule.seq, &rule)) > 0) {
                uint64_t due = due_at(&rule, time);

                if (due == 0 || due > now)
                        continue;
                *ret = rule.rule;
                ret->time = due;
                return 1;
        }
        return r;
}

/* ---- a step ---- */

typedef struct SweepRequest {
        uint64_t now_hosted, now_copied;
        unsigned n_left;
        uint64_t touched[SWEPT_CHANNELS_MAX];
        size_t n_touched;
        bool more;
        uint64_t due_usec;
        store_swept_fn done;
} SweepRequest;

typedef struct Swept {
        uint64_t seq, time;
        bool is_message;
} Swept;

/* The entries that a rule has to look at next. */
static int read_entries(SqlTx *tx, uint64_t row, const Rule *rule, Swept ret[static STEP_ENTRIES],
                        unsigned limit, unsigned *ret_n) {
        sqlite3_stmt *stmt;
        int r;

        *ret_n = 0;
        r = sql_prepare(tx,
                        "SELECT seq, time, kind = 'message' FROM entry"
                        " WHERE channel = ? AND seq > ? ORDER BY seq LIMIT ?",
                        "tti", &stmt, row, rule->swept_seq, (int) limit);
        while (r >= 0 && (r = sql_step(stmt)) > 0)
                ret[(*ret_n)++] = (Swept){
                        .seq = sql_column_u64(stmt, 0),
                        .time = sql_column_u64(stmt, 1),
                        .is_message = sqlite3_column_int(stmt, 2),
                };
        return r;
}

/* What this rule has looked at the next one need not: many rules are no more work than one. */
static int end_rule(SqlTx *tx, uint64_t row, const Rule *rule, uint64_t swept_seq) {
        int r;

        r = sql_run(tx,
                    "UPDATE retention SET swept_seq = max(swept_seq, ?3) WHERE channel = ?1"
                    " AND seq = (SELECT min(seq) FROM retention WHERE channel = ?1 AND seq > ?2)",
                    "ttt", row, rule->rule.seq, swept_seq);
        if (r < 0)
                return r;
        return sql_run(tx, "DELETE FROM retention WHERE channel = ? AND seq = ?", "tt", row,
                       rule->rule.seq);
}

static bool is_due(const Rule *rule, const Swept *entry, uint64_t now) {
        uint64_t due = due_at(rule, entry->time);

        return due != 0 && due <= now;
}

/* The index writes once for all of them what it would write for each. */
static int remove_from_index(SqlTx *tx, uint64_t row, const Rule *rule, uint64_t now,
                             const Swept *entries, unsigned n_entries) {
        uint64_t seqs[STEP_ENTRIES];
        size_t n = 0;

        for (unsigned i = 0; i < n_entries; i++) {
                if (!entries[i].is_message)
                        continue;
                if (!is_due(rule, &entries[i], now))
                        break;
                seqs[n++] = entries[i].seq;
        }
        return n > 0 ? store_index_remove(tx, row, seqs, n) : 0;
}

/* Times ascend with seq: behind the first that is not due none is. 1: there may be more now. */
static int sweep_rule(SqlTx *tx, SweepRequest *q, uint64_t row, uint64_t now, const Rule *rule,
                      bool *ret_removed) {
        uint64_t swept_seq = rule->swept_seq;
        unsigned limit = q->n_left;
        Swept entries[STEP_ENTRIES];
        bool is_over = false;
        unsigned n, i;
        int r;

        r = read_entries(tx, row, rule, entries, limit, &n);
        if (r >= 0)
                r = remove_from_index(tx, row, rule, now, entries, n);
        if (r < 0)
                return r;
        for (i = 0; i < n; i++) {
                uint64_t due = due_at(rule, entries[i].time);

                if (entries[i].is_message && (due == 0 || due > now)) {
                        is_over = due == 0;
                        if (due > now)
                                q->due_usec = MIN(q->due_usec, due - now);
                        break;
                }
                if (entries[i].is_message) {
                        r = store_remove_unindexed(tx, row, entries[i].seq, rule->rule.username,
                                                   rule->rule.seq, due, NULL);
                        if (r < 0)
                                return r;
                        *ret_removed = *ret_removed || r > 0;
                }
                swept_seq = entries[i].seq;
        }
        q->n_left -= i;
        if (rule->ends != 0 && (is_over || (i == n && n < limit)))
                return end_rule(tx, row, rule, swept_seq);
        if (swept_seq != rule->swept_seq)
                r = sql_run(tx, "UPDATE retention SET swept_seq = ? WHERE channel = ? AND seq = ?",
                            "ttt", swept_seq, row, rule->rule.seq);
        return r < 0 ? r : i == limit;
}

static int sweep_channel(SqlTx *tx, SweepRequest *q, uint64_t row, uint64_t now) {
        bool removed = false;
        Rule rule = {};
        int r = 0;

        /* What an earlier rule removes is not left to a later one. */
        while (q->n_left > 0 && (r = read_rule(tx, row, rule.rule.seq, &rule)) > 0) {
                r = sweep_rule(tx, q, row, now, &rule, &removed);
                if (r != 0)
                        break;
        }
        q->more = q->more || r > 0 || q->n_left == 0;
        if (removed)
                q->touched[q->n_touched++] = row;
        return MIN(r, 0);
}

static int work_sweep(SqlTx *tx, void *request) {
        SweepRequest *q = request;
        sqlite3_stmt *stmt;
        uint64_t row = 0;
        bool hosted;
        int r;

        for (;;) {
                r = sql_prepare(tx,
                                "SELECT id, hosted FROM channel WHERE id > ?"
                                " AND id IN (SELECT channel FROM retention) ORDER BY id LIMIT 1",
                                "t", &stmt, row);
                if (r >= 0)
                        r = sql_step(stmt);
                if (r <= 0)
                        return r;
                if (q->n_left == 0 || q->n_touched == SWEPT_CHANNELS_MAX) {
                        q->more = true;
                        return 0;
                }
                row = sql_column_u64(stmt, 0);
                hosted = sqlite3_column_int(stmt, 1);
                r = sweep_channel(tx, q, row, hosted ? q->now_hosted : q->now_copied);
                if (r < 0)
                        return r;
        }
}

static void on_swept(int r, void *request, void *userdata) {
        SweepRequest *q = request;

        if (!q->done)
                return;
        if (r < 0)
                q->done(r, NULL, 0, false, UINT64_MAX, userdata);
        else
                q->done(0, q->touched, q->n_touched, q->more, q->due_usec, userdata);
}

int store_sweep_retention(Store *s, uint64_t now_hosted, uint64_t now_copied, store_swept_fn done,
                          void *userdata, Job **ret_job) {
        SweepRequest *q = new0(SweepRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (SweepRequest){
                .now_hosted = now_hosted,
                .now_copied = now_copied,
                .n_left = STEP_ENTRIES,
                .due_usec = UINT64_MAX,
                .done = done,
        };
        store_purge_soon(s);
        return store_write(s, work_sweep, q, free, on_swept, userdata, ret_job);
}

/* ---- a rule that was heard of ---- */

typedef struct RuleRequest {
        uint64_t row;
        RetentionRule rule;
} RuleRequest;

/* An entry that is held says it better. */
static int work_rule(SqlTx *tx, void *request) {
        const RuleRequest *q = request;

        return sql_run(tx,
                       "INSERT INTO retention (channel, seq, username, days, begins)"
                       " SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS"
                       " (SELECT 1 FROM retention WHERE channel = ?1 AND seq >= ?2)"
                       " AND EXISTS (SELECT 1 FROM channel WHERE id = ?1 AND NOT hosted)",
                       "ttstt", q->row, q->rule.seq, q->rule.username, q->rule.days, q->rule.time);
}

int store_set_retention(Store *s, uint64_t row, const RetentionRule *rule) {
        RuleRequest *q = new0(RuleRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (RuleRequest){ .row = row, .rule = *rule };
        return store_write(s, work_rule, q, free, NULL, NULL, NULL);
}
