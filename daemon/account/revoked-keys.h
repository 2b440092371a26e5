/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which keys count no more (protocol §1 "Revocation is of keys"), as the tracker tells hosts;
 * leaves asking it to manager-lease.c, and what ends with a key to who is told. */
#pragma once

#include "daemon/store/store.h"
#include "wire/fields.h"

typedef struct RevokedKeys RevokedKeys;
/* It was not among them until now. */
typedef void (*revoked_keys_fn)(const char *key_id, void *userdata);

/* Begins with what tracker was loaded with; a tracker without an id is none: -EINVAL. */
int revoked_keys_new(const Runtime *rt /* weak */, Store *store /* weak */,
                     const StoredTracker *tracker, revoked_keys_fn on_revoked,
                     void *userdata /* weak */, RevokedKeys **ret);
RevokedKeys *revoked_keys_free(RevokedKeys *k);
DEFINE_CLEANUP(RevokedKeys *, revoked_keys_free);

bool revoked_keys_has(const RevokedKeys *k, const char *key_id);
size_t revoked_keys_count(const RevokedKeys *k);
/* `revocations_after`: all up to here are known. */
uint64_t revoked_keys_get_version(const RevokedKeys *k);
/* In a handshake: 0 or -EKEYREVOKED. The journal hears of each key once a run. */
int revoked_keys_check(RevokedKeys *k, const Subject *peer);

/* HEARTBEAT's answer, now being the tracker's time. What is new is told at once and stored; what
 * could not be stored is tried again with the next one, and asked for again after a restart. 1: the
 * tracker has more to say. */
int revoked_keys_take(RevokedKeys *k, const Value *payload, uint64_t now);
