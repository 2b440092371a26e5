/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether somebody may do one more of something now; leaves refusing to its user. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct TokenBucket {
        uint64_t rate_per_sec; /* 0: no limit */
        uint64_t burst;
        uint64_t level_micro; /* tokens · 10⁶ */
        uint64_t last_usec;   /* boottime */
} TokenBucket;

/* Starts full. */
void token_bucket_init(TokenBucket *b, uint64_t rate_per_sec, uint64_t burst, uint64_t now_usec);
/* Takes n tokens: true when there were n. Otherwise nothing is taken and *ret_wait_usec (may be
 * NULL) says when there will be. */
bool token_bucket_take(TokenBucket *b, uint64_t n, uint64_t now_usec, uint64_t *ret_wait_usec);
/* From now on at this rate and with this burst. What is in it stays, as far as it has room; one
 * that had no limit is full. */
void token_bucket_change(TokenBucket *b, uint64_t rate_per_sec, uint64_t burst, uint64_t now_usec);
/* n that were taken are not used. */
void token_bucket_give_back(TokenBucket *b, uint64_t n);
/* It is known to be empty. */
void token_bucket_drain(TokenBucket *b, uint64_t now_usec);
/* How many may be taken now; UINT64_MAX: any number. */
uint64_t token_bucket_look(TokenBucket *b, uint64_t now_usec);
