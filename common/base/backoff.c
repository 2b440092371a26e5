/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how delays grow; leaves the waiting to a timer of its user. */
#include "base/backoff.h"

uint64_t backoff_next(Backoff *b, Random *r) {
        uint64_t ceiling = b->max_usec;

        if (b->n_attempts < 64 && b->base_usec <= b->max_usec >> b->n_attempts)
                ceiling = b->base_usec << b->n_attempts;
        if (b->n_attempts < 64)
                b->n_attempts++;
        return ceiling == UINT64_MAX ? random_u64(r) : random_below(r, ceiling + 1);
}

void backoff_reset(Backoff *b) {
        b->n_attempts = 0;
}
