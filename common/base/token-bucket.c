/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a bucket fills and empties; leaves refusing to its user. */
#include "base/token-bucket.h"

#include "base/cleanup.h"

#define MICRO UINT64_C(1000000)

static uint64_t multiply(uint64_t a, uint64_t b) {
        uint64_t product;

        return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

void token_bucket_init(TokenBucket *b, uint64_t rate_per_sec, uint64_t burst, uint64_t now_usec) {
        *b = (TokenBucket){
                .rate_per_sec = rate_per_sec,
                .burst = burst,
                .level_micro = multiply(burst, MICRO),
                .last_usec = now_usec,
        };
}

static void fill(TokenBucket *b, uint64_t now_usec) {
        uint64_t full = multiply(b->burst, MICRO), gained;

        if (now_usec <= b->last_usec)
                return;
        /* A token a second is a millionth of one a microsecond: no division, no remainder. */
        gained = multiply(now_usec - b->last_usec, b->rate_per_sec);
        b->level_micro = gained > full - b->level_micro ? full : b->level_micro + gained;
        b->last_usec = now_usec;
}

bool token_bucket_take(TokenBucket *b, uint64_t n, uint64_t now_usec, uint64_t *ret_wait_usec) {
        uint64_t full = multiply(b->burst, MICRO), want = multiply(n, MICRO);

        if (ret_wait_usec)
                *ret_wait_usec = 0;
        if (b->rate_per_sec == 0)
                return true;
        fill(b, now_usec);
        if (want <= b->level_micro) {
                b->level_micro -= want;
                return true;
        }
        if (ret_wait_usec) {
                uint64_t lack = want - b->level_micro;

                *ret_wait_usec = want > full
                                         ? UINT64_MAX
                                         : lack / b->rate_per_sec + (lack % b->rate_per_sec != 0);
        }
        return false;
}

void token_bucket_change(TokenBucket *b, uint64_t rate_per_sec, uint64_t burst, uint64_t now_usec) {
        if (b->rate_per_sec == rate_per_sec && b->burst == burst)
                return;
        if (b->rate_per_sec == 0) {
                token_bucket_init(b, rate_per_sec, burst, now_usec);
                return;
        }
        fill(b, now_usec);
        b->rate_per_sec = rate_per_sec;
        b->burst = burst;
        b->level_micro = MIN(b->level_micro, multiply(burst, MICRO));
}

void token_bucket_give_back(TokenBucket *b, uint64_t n) {
        uint64_t full = multiply(b->burst, MICRO);

        b->level_micro += MIN(multiply(n, MICRO), full - b->level_micro);
}

void token_bucket_drain(TokenBucket *b, uint64_t now_usec) {
        fill(b, now_usec);
        b->level_micro = 0;
}

uint64_t token_bucket_look(TokenBucket *b, uint64_t now_usec) {
        if (b->rate_per_sec == 0)
                return UINT64_MAX;
        fill(b, now_usec);
        return b->level_micro / MICRO;
}
