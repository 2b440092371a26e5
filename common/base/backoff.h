/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long to wait before trying again; leaves the waiting to a timer of its user. */
#pragma once

#include <stdint.h>

#include "base/random.h"

/* Exponential with full jitter: the n-th delay is uniform in [0, min(max, base · 2ⁿ)], so that a
 * thousand peers that lost the same host do not return together. Never gives up. */
typedef struct Backoff {
        uint64_t base_usec;
        uint64_t max_usec;
        unsigned n_attempts;
} Backoff;

uint64_t backoff_next(Backoff *b, Random *r);
void backoff_reset(Backoff *b);
