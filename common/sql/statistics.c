/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how many commits there were and how long the latest took; leaves committing to sql.c. */
#include "sql/sql-internal.h"

/* On the writer's thread, behind a commit that has just waited for the disk. */
void sql_note_commit(Sql *s, uint64_t usec) {
        atomic_store_explicit(&s->recent[s->n_commits % SQL_RECENT_COMMITS],
                              (uint32_t) MIN(usec, (uint64_t) UINT32_MAX), memory_order_relaxed);
        s->n_commits++;
        s->commit_usec_sum += usec;
        if (usec > s->commit_usec_max)
                s->commit_usec_max = usec;
}

static int compare(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return x < y ? -1 : x > y;
}

/* Of n values the smallest that at most one in a hundred is above. */
static uint64_t find_p99(const Sql *s, uint64_t n) {
        uint32_t values[SQL_RECENT_COMMITS];

        n = MIN(n, (uint64_t) ELEMENTSOF(values));
        if (n == 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                values[i] = atomic_load_explicit(&s->recent[i], memory_order_relaxed);
        qsort(values, n, sizeof(values[0]), compare);
        return values[n - 1 - n / 100];
}

void sql_get_statistics(const Sql *s, SqlStatistics *ret) {
        *ret = (SqlStatistics){
                .n_commits = s->n_commits,
                .n_requests = s->n_requests,
                .commit_usec_max = s->commit_usec_max,
                .commit_usec_sum = s->commit_usec_sum,
        };
        ret->commit_usec_p99 = find_p99(s, ret->n_commits);
}
