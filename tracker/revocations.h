/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which keys count no more (protocol §1 "Revocation is of keys"), and what hosts are told of
 * them; leaves revoking to accounts. */
#pragma once

#include "base/runtime.h"
#include "tracker/db.h"
#include "wire/writer.h"

/* Kept for so long after the key's last certificate has ended: hosts' clocks may be behind. */
#define REVOCATION_KEPT_USEC USEC_PER_DAY

typedef struct Revocations Revocations;
typedef void (*revocations_ready_fn)(Revocations *v, int r, void *userdata);

/* Reads what is stored at once; ready is called once, when that is done or cannot be. */
int revocations_new(const Runtime *rt /* weak */, Db *db /* weak */, revocations_ready_fn ready,
                    void *userdata /* weak */, Revocations **ret);
Revocations *revocations_free(Revocations *v);
DEFINE_CLEANUP(Revocations *, revocations_free);

bool revocations_has(const Revocations *v, const char *key);
/* They are on disk. In the order of their versions, above all earlier ones. */
int revocations_add(Revocations *v, const DbRevocation *revoked, size_t n);
/* `revocations` and `more` of HEARTBEAT: those above version, in order, as many as fit. */
void revocations_write(const Revocations *v, Writer *w, uint64_t version, size_t bytes_max);
