/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what was removed goes from every file as well, soon and off the way of others; leaves
 * pages to sql.h and what is removed to who removes it. */
#include "base/log.h"
#include "daemon/store/store-internal.h"

#define PURGE_DELAY_USEC (5 * USEC_PER_SEC) /* what comes together is purged together */
#define PURGE_RETRY_USEC (5 * USEC_PER_SEC)

struct Purge {
        Store *store; /* weak */
        ClockTimer *timer;
        Job *job;
        uint64_t n_owed; /* as the round began */
        bool again;      /* something was removed since */
        bool has_failed; /* and was told */
};

int store_owe_purge(SqlTx *tx) {
        return sql_run(tx,
                       "INSERT INTO owed (id, n) VALUES (1, 1)"
                       " ON CONFLICT (id) DO UPDATE SET n = n + 1",
                       "");
}

void store_purge_soon(Store *s) {
        Purge *p = s->purge;

        p->again = true;
        if (!p->job && !clock_timer_is_armed(p->timer))
                clock_timer_arm(p->timer, PURGE_DELAY_USEC);
}

void store_purge_now(Store *s) {
        Purge *p = s->purge;

        p->again = true;
        if (!p->job)
                clock_timer_arm(p->timer, 0);
}

static void round_over(Purge *p, int r) {
        if (r >= 0) {
                p->has_failed = false;
                if (p->again)
                        clock_timer_arm(p->timer, PURGE_DELAY_USEC);
                return;
        }
        if (r != -EBUSY && r != -ENOBUFS && !p->has_failed) {
                p->has_failed = true;
                log_error_errno(r, "Cannot clear what was removed from the database yet");
        }
        p->again = true;
        clock_timer_arm(p->timer, PURGE_RETRY_USEC);
}

typedef struct OwedRequest {
        uint64_t n;
        bool is_more;
} OwedRequest;

static int read_owed(SqlTx *tx, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        *ret = 0;
        r = sql_prepare(tx, "SELECT n FROM owed WHERE id = 1", "", &stmt);
        if (r >= 0)
                r = sql_step(stmt);
        if (r > 0)
                *ret = sql_column_u64(stmt, 0);
        return MIN(r, 0);
}

static int work_settle(SqlTx *tx, void *request) {
        OwedRequest *q = request;
        uint64_t n;
        int r;

        r = read_owed(tx, &n);
        if (r < 0)
                return r;
        q->is_more = n != q->n;
        return q->is_more ? 0 : sql_run(tx, "DELETE FROM owed", "");
}

static void on_settled(int r, void *request, void *userdata) {
        const OwedRequest *q = request;
        Purge *p = userdata;

        p->job = NULL;
        p->again = p->again || q->is_more;
        round_over(p, r);
}

static void on_scrubbed(int r, uint64_t next, void *userdata) {
        Purge *p = userdata;
        OwedRequest *q;

        p->job = NULL;
        if (r >= 0 && next > 0)
                r = sql_scrub(p->store->sql, next, on_scrubbed, p, &p->job);
        else if (r >= 0) {
                q = new0(OwedRequest, 1);
                r = -ENOMEM;
                if (q) {
                        q->n = p->n_owed;
                        r = store_write(p->store, work_settle, q, free, on_settled, p, &p->job);
                }
        }
        if (r < 0)
                round_over(p, r);
}

static int work_owed(SqlTx *tx, void *request) {
        OwedRequest *q = request;

        return read_owed(tx, &q->n);
}

static int work_clear(SqlTx *tx, void *request) {
        int r = store_remains_clear(tx);

        return r != 0 ? r : store_index_purge(tx);
}

static void on_cleared(int r, void *request, void *userdata) {
        Purge *p = userdata;

        p->job = NULL;
        if (r > 0)
                r = store_write(p->store, work_clear, NULL, free, on_cleared, p, &p->job);
        else if (r == 0)
                r = sql_scrub(p->store->sql, 0, on_scrubbed, p, &p->job);
        if (r < 0)
                round_over(p, r);
}

/* Whole logs, and what the index of a search still has of them, are gone before the pages are
 * cleaned. */
static void on_owed(int r, void *request, void *userdata) {
        const OwedRequest *q = request;
        Purge *p = userdata;

        p->job = NULL;
        p->n_owed = q->n;
        if (r >= 0 && q->n > 0)
                r = store_write(p->store, work_clear, NULL, free, on_cleared, p, &p->job);
        if (!p->job)
                round_over(p, r);
}

/* By the writer, behind what was submitted until now. */
static void on_timer(void *userdata) {
        Purge *p = userdata;
        OwedRequest *q = new0(OwedRequest, 1);
        int r = -ENOMEM;

        p->again = false;
        if (q)
                r = store_write(p->store, work_owed, q, free, on_owed, p, &p->job);
        if (r < 0)
                round_over(p, r);
}

int purge_new(Store *s, Purge **ret) {
        Purge *p = new0(Purge, 1);
        int r;

        if (!p)
                return -ENOMEM;
        p->store = s;
        r = clock_timer_new(s->rt->clock, on_timer, p, &p->timer);
        if (r < 0) {
                free(p);
                return r;
        }
        clock_timer_arm(p->timer, PURGE_DELAY_USEC); /* what an earlier process left */
        *ret = p;
        return 0;
}

Purge *purge_free(Purge *p) {
        if (!p)
                return NULL;
        job_free(p->job);
        clock_timer_free(p->timer);
        free(p);
        return NULL;
}
