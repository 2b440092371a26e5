/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which process holds the leases of a key, where a state directory was copied and two have
 * it; leaves leases to the directory, and sending the other one away to the session. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/random.h"

struct Session;

/* A lease is of a key, and two who have that key would both write the log. A host says by which
 * instance it asks: made anew by each start of a daemon. The one that claims last has the key; one
 * that lost it never gets it again, on whatever connection it comes. Who names no instance is told
 * apart by its connections alone: the newest counts. In memory only. */
typedef struct Holders Holders;
typedef struct HolderClaim {
        const char *key;
        const char *instance;    /* "": none is named */
        uint64_t serial;         /* of the connection: later ones have greater ones */
        struct Session *session; /* weak */
} HolderClaim;

int holders_new(Holders **ret);
Holders *holders_free(Holders *h);
DEFINE_CLEANUP(Holders *, holders_free);

/* False: another one has taken its place. */
bool holders_admit(const Holders *h, const HolderClaim *c);
/* It was given a lease. The session whose place it takes, if one is there; else NULL. */
struct Session *holders_take(Holders *h, const HolderClaim *c);
/* It is going away. */
void holders_forget(Holders *h, const char *key, const struct Session *session);
