/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often something was done lately from each source address, under each name, or both;
 * leaves refusing to its user. */
#pragma once

#include "base/cleanup.h"
#include "base/names.h"
#include "base/token-bucket.h"

/* A source is an IPv4 address or an IPv6 /64: what one subscriber has. source or name NULL: it is
 * not told apart. */
typedef struct Throttle Throttle;

/* n in a period, which may come at once too; 0: no limit. */
int throttle_new(uint64_t n, uint64_t period_seconds, Throttle **ret);
Throttle *throttle_free(Throttle *t);
DEFINE_CLEANUP(Throttle *, throttle_free);

/* From now on n in the period. What a source has left stays, as far as n has room for it. */
void throttle_set_limit(Throttle *t, uint64_t n);

/* Counts one: 0; or -EAGAIN with the time until the next is allowed. */
int throttle_take(Throttle *t, const Address *source, const char *name, uint64_t now_boottime,
                  uint64_t *ret_wait_usec);
/* It did not count after all. */
void throttle_give_back(Throttle *t, const Address *source, const char *name);
