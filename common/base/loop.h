/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a program runs its one event loop, and notices what keeps it; leaves telling to the
 * program. */
#pragma once

#include "base/runtime.h"

/* Nothing blocks the loop; what takes this long did. */
#define LOOP_SLOW_USEC (250 * USEC_PER_MSEC)

/* One handler kept everybody else waiting that long (µs). */
typedef void (*loop_slow_fn)(uint64_t usec, void *userdata);

/* … told as a warning. */
void loop_log_slow(uint64_t usec, void *userdata);

/* As sd_event_loop(): until sd_event_exit(), → its code, or negative errno. */
int loop_run(const Runtime *rt /* weak */, loop_slow_fn on_slow, void *userdata /* weak */);
