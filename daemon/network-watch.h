/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that this machine's network has become another: addresses, a way out, a night asleep.
 * Leaves what follows from it to those who hold connections. */
#pragma once

#include "base/runtime.h"
#include "daemon/addresses.h"
#include "net/conn.h"

/* What a machine says in one go, an address and then its route, is one change. */
#define NETWORK_SETTLE_USEC (200 * USEC_PER_MSEC)

typedef struct NetworkChange {
        const OwnAddress *own; /* what this machine has now */
        size_t n_own;
        bool is_better; /* there may be a way where there was none: waits are cut short, and what
                         * is connected is put to the test */
} NetworkChange;

/* For everything that is connected: abandoned where its own address is gone, else put to the test
 * where there is reason. */
void network_change_apply(const NetworkChange *x, Conn *c);

typedef void (*network_watch_fn)(const NetworkChange *x, void *userdata);
typedef struct NetworkWatch NetworkWatch;

/* fn runs from the loop. Negative errno where the kernel does not tell (no AF_NETLINK): then
 * everything is found out later, by silence. */
int network_watch_new(const Runtime *rt /* weak */, network_watch_fn fn, void *userdata /* weak */,
                      NetworkWatch **ret);
NetworkWatch *network_watch_free(NetworkWatch *w);
DEFINE_CLEANUP(NetworkWatch *, network_watch_free);
