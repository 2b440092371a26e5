/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the only door to time and timers; leaves what is due to its callers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

/* All times are in µs. "boottime" counts suspended time too (CLOCK_BOOTTIME) and only ever grows:
 * leases, deadlines and back-off use it. "realtime" is µs since the Unix epoch and may jump: it is
 * for certificates and for people, never for order. */
typedef struct Clock Clock;
typedef struct ClockTimer ClockTimer;
typedef struct ClockWake ClockWake;
typedef void (*clock_timer_fn)(void *userdata);

/* The real clock: timers are sd-event sources on CLOCK_BOOTTIME. */
int clock_new(sd_event *event /* weak */, Clock **ret);

/* A clock of tests: starts at boottime 1 h and the given realtime, and moves only inside
 * clock_virtual_run(). */
int clock_new_virtual(sd_event *event /* weak */, uint64_t realtime_usec, Clock **ret);

/* The same time and timers, with a realtime of its own that differs by skew_usec: another computer
 * whose clock is off. Gone before the clock that it shows. */
int clock_new_virtual_view(Clock *of /* weak */, int64_t skew_usec, Clock **ret);

/* Timers must be gone before their clock (asserted). */
Clock *clock_free(Clock *c);
DEFINE_CLEANUP(Clock *, clock_free);

/* May be asked on any thread. */
uint64_t clock_boottime(const Clock *c);
uint64_t clock_realtime(const Clock *c);

/* How long the machine has slept, in all: only its own clock tells, and may be wrong when it wakes
 * up. Part of boottime. */
uint64_t clock_slept(const Clock *c);

/* A new timer is disarmed; it fires once per arming, from the event loop, and may re-arm or free
 * itself inside its callback. Arming never fails and replaces the earlier deadline. */
int clock_timer_new(Clock *c, clock_timer_fn fn, void *userdata /* weak */, ClockTimer **ret);
ClockTimer *clock_timer_free(ClockTimer *t);
DEFINE_CLEANUP(ClockTimer *, clock_timer_free);
void clock_timer_arm(ClockTimer *t, uint64_t delay_usec);
void clock_timer_arm_at(ClockTimer *t, uint64_t boottime_usec);
void clock_timer_disarm(ClockTimer *t);
bool clock_timer_is_armed(const ClockTimer *t);
/* The deadline (boottime), UINT64_MAX when disarmed. */
uint64_t clock_timer_deadline(const ClockTimer *t);

/* fn runs from the loop, once each time the machine has slept: boottime went on and nothing ran.
 * Timers that came due meanwhile fire as usual, before it or after. Costs nothing while awake. Must
 * be gone before the clock. Errors are those of timerfd_create(2). */
int clock_wake_new(Clock *c, clock_timer_fn fn, void *userdata /* weak */, ClockWake **ret);
ClockWake *clock_wake_free(ClockWake *w);
DEFINE_CLEANUP(ClockWake *, clock_wake_free);

/* Virtual clocks only. Runs the loop until `until` returns true (→ 1), or until `limit_usec` of
 * virtual time have passed (→ 0; with until NULL this is the normal end). Whenever nothing is ready
 * in the loop, time jumps to the next deadline; timers fire in order of deadline, ties in order of
 * arming. Negative errno when the loop fails, -EDEADLK when nothing is ready, no timer is armed and
 * `until` is given and false. */
int clock_virtual_run(Clock *c, bool (*until)(void *userdata), void *userdata, uint64_t limit_usec);

/* Virtual clocks only: the machine sleeps this long. Nothing runs until clock_virtual_run(). */
void clock_virtual_sleep(Clock *c, uint64_t usec);

/* Virtual clocks only: realtime jumps by this much, boottime does not. */
void clock_virtual_jump_realtime(Clock *c, int64_t usec);
