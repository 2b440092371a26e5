/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the newest entries of a log as text that is ready to be sent; leaves to whom to the
 * sessions. */
#include "daemon/host/channel-host-internal.h"

static uint64_t *end_of(Recent *recent, uint64_t seq) {
        return &recent->ends[seq % RECENT_ENTRIES_MAX];
}

void recent_clear(Recent *recent) {
        free(recent->data);
        *recent = (Recent){};
}

bool recent_has(const Recent *recent, uint64_t seq) {
        return recent->n > 0 && seq >= recent->first_seq && seq < recent->first_seq + recent->n;
}

static void drop_oldest(Recent *recent) {
        recent->start = *end_of(recent, recent->first_seq) + 1; /* and the comma */
        recent->first_seq++;
        recent->n--;
}

/* What is left of the window moves to the front once the gap before it is larger: each byte moves
 * at most once on average. */
static void compact(Recent *recent) {
        size_t gap = (size_t) (recent->start - recent->base);

        if (gap <= recent->size - gap)
                return;
        memmove(recent->data, recent->data + gap, recent->size - gap);
        recent->size -= gap;
        recent->base += gap;
}

int recent_append(Recent *recent, const Entry *entries, size_t n) {
        Writer w;
        int r;

        if (recent->n > 0 && entries[0].seq != recent->first_seq + recent->n)
                recent_clear(recent);

        w = (Writer){
                .data = recent->data,
                .size = recent->size,
                .allocated = recent->allocated,
                .needs_comma = recent->size > 0,
        };
        for (size_t i = 0; i < n; i++) {
                entry_write(&w, NULL, &entries[i]);
                if (w.error < 0)
                        break;
                if (recent->n == RECENT_ENTRIES_MAX)
                        drop_oldest(recent);
                if (recent->n == 0)
                        recent->first_seq = entries[i].seq;
                *end_of(recent, entries[i].seq) = recent->base + w.size;
                recent->size = w.size;
                recent->n++;
        }
        r = w.error;
        recent->data = w.data;
        recent->allocated = w.allocated;
        if (r < 0) {
                recent_clear(recent);
                return r;
        }

        while (recent->n > 1 && recent->base + recent->size - recent->start > RECENT_BYTES_MAX)
                drop_oldest(recent);
        compact(recent);
        return 0;
}

void recent_get(const Recent *recent, uint64_t seq, size_t max, const char **ret, size_t *ret_n,
                uint64_t *ret_last) {
        uint64_t start = seq == recent->first_seq
                                 ? recent->start
                                 : recent->ends[(seq - 1) % RECENT_ENTRIES_MAX] + 1,
                 low = seq, high = recent->first_seq + recent->n - 1;

        assert(recent_has(recent, seq));
        while (low < high) {
                uint64_t middle = low + (high - low + 1) / 2;

                if (recent->ends[middle % RECENT_ENTRIES_MAX] - start <= max)
                        low = middle;
                else
                        high = middle - 1;
        }
        *ret = recent->data + (start - recent->base);
        *ret_n = (size_t) (recent->ends[low % RECENT_ENTRIES_MAX] - start);
        *ret_last = low;
}
