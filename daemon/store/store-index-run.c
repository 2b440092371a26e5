/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when the index of a search is brought further: in steps with pauses, when nobody writes;
 * leaves what a step does to store-index.c. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/store/store-internal.h"

/* A message is acknowledged when its transaction ends, and a step takes its time on the same
 * thread. So a step waits for a pause in writing; while there is none, one is taken a second. */
#define PAUSE_USEC (100 * USEC_PER_MSEC)
#define POSTPONED_MAX 10

struct StoreLag {
        uint64_t row;
        size_t n_entries; /* since it was wanted last */
        bool is_wanted;
        bool is_damaged;
        UT_hash_handle hh;
};

typedef struct StepRequest {
        uint64_t row;
        bool is_damaged;
} StepRequest;

static int work_step(SqlTx *tx, void *request) {
        const StepRequest *q = request;
        int r;

        if (q->is_damaged) {
                r = store_index_drop(tx, q->row);
                if (r < 0)
                        return r;
        }
        return store_index_step(tx, q->row);
}

static StoreLag *find_wanted(const Store *s) {
        for (StoreLag *l = s->lags; l; l = l->hh.next)
                if (l->is_wanted)
                        return l;
        return NULL;
}

static void on_step(int r, void *request, void *userdata) {
        const StepRequest *q = request;
        Store *s = userdata;
        StoreLag *l;

        s->index_step = NULL;
        HASH_FIND(hh, s->lags, &q->row, sizeof(q->row), l);
        /* One that failed is tried again when more was said, or somebody searches. */
        if (l && r > 0)
                l->is_wanted = true;
        if (find_wanted(s))
                clock_timer_arm(s->index_timer, PAUSE_USEC);
}

static void on_timer(void *userdata) {
        Store *s = userdata;
        StoreLag *l = find_wanted(s);
        StepRequest *q;

        if (!l || s->index_step)
                return;
        if (s->n_writes != s->n_writes_seen && ++s->n_postponed < POSTPONED_MAX) {
                s->n_writes_seen = s->n_writes;
                clock_timer_arm(s->index_timer, PAUSE_USEC);
                return;
        }
        s->n_writes_seen = s->n_writes;
        s->n_postponed = 0;
        q = new0(StepRequest, 1);
        if (q)
                *q = (StepRequest){ .row = l->row, .is_damaged = l->is_damaged };
        if (!q || sql_write(s->sql, work_step, q, free, on_step, s, &s->index_step) < 0)
                clock_timer_arm(s->index_timer, PAUSE_USEC);
        else
                l->is_wanted = l->is_damaged = false;
}

/* NULL for want of memory: then the index is behind for longer, and nothing else. */
static StoreLag *get_lag(Store *s, uint64_t row) {
        StoreLag *l;

        HASH_FIND(hh, s->lags, &row, sizeof(row), l);
        if (l)
                return l;
        l = new0(StoreLag, 1);
        if (!l)
                return NULL;
        l->row = row;
        HASH_ADD(hh, s->lags, row, sizeof(row), l);
        if (!l->hh.tbl) {
                free(l);
                return NULL;
        }
        return l;
}

static void want(Store *s, StoreLag *l) {
        l->n_entries = 0;
        l->is_wanted = true;
        if (!s->index_timer && clock_timer_new(s->rt->clock, on_timer, s, &s->index_timer) < 0)
                return;
        if (!s->index_step && !clock_timer_is_armed(s->index_timer))
                clock_timer_arm(s->index_timer, PAUSE_USEC);
}

void store_index_note(Store *s, uint64_t row, size_t n_entries) {
        StoreLag *l = get_lag(s, row);

        if (!l)
                return;
        l->n_entries += n_entries;
        if (l->n_entries >= INDEX_STEP_ENTRIES)
                want(s, l);
}

void store_index_want(Store *s, uint64_t row, bool is_damaged) {
        StoreLag *l = get_lag(s, row);

        if (!l)
                return;
        l->is_damaged |= is_damaged;
        want(s, l);
}

void store_index_forget(Store *s, uint64_t row) {
        StoreLag *l, *next;

        HASH_ITER(hh, s->lags, l, next) {
                if (row != 0 && l->row != row)
                        continue;
                HASH_DEL(s->lags, l);
                free(l);
        }
}
