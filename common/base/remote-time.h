/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what time it is by somebody else's clock, and how people are told that theirs is off;
 * leaves whose clock is believed to its user. */
#pragma once

#include "base/clock.h"

/* Counted by boottime from when it was last heard: ours may be set meanwhile, by any distance.
 * Never kept across a start: ours may be right by then. */
typedef struct RemoteTime {
        Clock *clock; /* weak; ours */
        bool is_known;
        uint64_t realtime, boottime; /* theirs, and when it was heard … */
        uint64_t slept;              /* … and how long the machine had slept by then */
} RemoteTime;

/* offset_usec: theirs minus ours, just now. */
void remote_time_set(RemoteTime *t, int64_t offset_usec);
uint64_t remote_time_now(const RemoteTime *t);   /* ours while theirs is not known */
int64_t remote_time_offset(const RemoteTime *t); /* µs, theirs minus ours now; 0: not known */

/* Further apart, and nothing is destroyed because of what either says. */
#define CLOCK_WRONG_MIN_USEC USEC_PER_HOUR
bool clock_is_wrong(int64_t offset_usec);
/* Ours and theirs, each read once. False where theirs is not known, or one is wrong by the other.
 * What was slept since it was heard counts as distance: our clock alone tells how long that was. */
bool remote_time_agrees(const RemoteTime *t, uint64_t *ret_ours, uint64_t *ret_theirs);

/* Less says nothing: answers take time, and people do not care. */
#define CLOCK_OFF_MIN_USEC USEC_PER_MINUTE
bool clock_is_off(int64_t offset_usec);
/* "3 days behind", "2 hours ahead": what a clock is whose offset that is; at_least rounds down. */
#define CLOCK_OFF_TEXT_SIZE 40
const char *clock_describe_off(int64_t offset_usec, bool at_least,
                               char ret[static CLOCK_OFF_TEXT_SIZE]);
