/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when something that may be said only so often is due; leaves what is said, and merging what
 * is owed, to its user. */
#pragma once

#include "base/runtime.h"
#include "bus/bus.h"

typedef struct Pacer Pacer;

/* flush runs from the event loop, a turn later at the earliest, at most once an interval, and only
 * when the bus can take more (bus_may_signal). */
int pacer_new(const Runtime *rt /* weak */, Bus *bus /* weak */, uint64_t interval_usec,
              void (*flush)(void *userdata), void *userdata /* weak */, Pacer **ret);
Pacer *pacer_free(Pacer *p);
DEFINE_CLEANUP(Pacer *, pacer_free);
/* Something is owed. */
void pacer_request(Pacer *p);
