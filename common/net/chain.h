/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the authorities that a tracker has had (protocol §1 "Rotation"), each signed by the one
 * before, and whose certificates they vouch for; leaves who holds which pin to others. */
#pragma once

#include "net/identity.h"

/* From the present authority down to the first one. Immutable, reference-counted. What is here was
 * checked: each but the last is signed by the next, the last by itself, all are authorities of
 * keys of their own, and none has more above it than it allows. */
typedef struct Chain Chain;

/* AUTHORITIES_MAX at most. -EBADMSG: no such chain. */
int chain_new(const Certificate *const *certificates, size_t n, Chain **ret);
/* CHAIN_BYTES_MAX at most; nothing but certificates, and white space. */
int chain_from_pem(const char *pem, Chain **ret);
int chain_to_pem(const Chain *c, char **ret);
/* For the authority: a new one for key, signed by old_key, the key of c's first. -ENOSPC: no more
 * can be above those that are there. */
int chain_extend(const Chain *c, const Key *old_key, const Key *key, uint64_t now_realtime_usec,
                 Chain **ret);
Chain *chain_ref(const Chain *c);
Chain *chain_free(Chain *c); /* drops one reference */
DEFINE_CLEANUP(Chain *, chain_free);

size_t chain_get_n(const Chain *c);
const Certificate *chain_get(const Chain *c, size_t i); /* 0: the present one */
const char *chain_get_tracker_id(const Chain *c);       /* of the first one, whatever came later */
const char *chain_get_pin(const Chain *c);              /* of the present one */
const char *chain_get_pin_at(const Chain *c, size_t i);
bool chain_has_pin(const Chain *c, const char *pin);
bool chain_may_extend(const Chain *c);

/* Which of them signed leaf; -EBADMSG: none. */
int chain_find_issuer(const Chain *c, const Certificate *leaf);
/* Until when a certificate that the i-th has signed counts, whatever it says itself; UINT64_MAX:
 * nothing ends it. */
uint64_t chain_get_end(const Chain *c, size_t i);
/* Does c vouch for leaf now? 0 and what leaf says, not_after not later than chain_get_end();
 * -EKEYEXPIRED, -EBADMSG. A tracker's certificate is one of the present authority only. */
int chain_verify(const Chain *c, const Certificate *leaf, uint64_t realtime_usec, Subject *ret);
