/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows real time and its timers; leaves virtual time to clock-virtual.c. */
#include <time.h>

#include "base/clock-internal.h"

/* How late the loop may run a timer in order to wake up less often. */
#define ACCURACY_USEC USEC_PER_MSEC

static uint64_t now_usec(clockid_t id) {
        struct timespec ts;
        int r _unused_;

        r = clock_gettime(id, &ts);
        assert(r >= 0);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static uint64_t usec_add(uint64_t a, uint64_t b) {
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

int clock_new(sd_event *event, Clock **ret) {
        _cleanup_(clock_freep) Clock *c = NULL;

        assert(event);
        c = new0(Clock, 1);
        if (!c)
                return -ENOMEM;
        *c = (Clock){ .event = event };
        *ret = TAKE_PTR(c);
        return 0;
}

Clock *clock_free(Clock *c) {
        if (!c)
                return NULL;
        assert(c->n_timers == 0 && !c->wakes);
        if (!c->viewed)
                virtual_time_free(c->virtual_time);
        free(c);
        return NULL;
}

uint64_t clock_boottime(const Clock *c) {
        return c->virtual_time ? c->virtual_time->boottime : now_usec(CLOCK_BOOTTIME);
}

uint64_t clock_realtime(const Clock *c) {
        return c->virtual_time ? c->virtual_time->realtime + (uint64_t) c->skew
                               : now_usec(CLOCK_REALTIME);
}

/* CLOCK_MONOTONIC stands still meanwhile. */
uint64_t clock_slept(const Clock *c) {
        uint64_t monotonic;

        if (c->virtual_time)
                return c->virtual_time->slept;
        monotonic = now_usec(CLOCK_MONOTONIC);
        return now_usec(CLOCK_BOOTTIME) - monotonic;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        ClockTimer *t = userdata;

        t->deadline = UINT64_MAX;
        t->fn(t->userdata);
        return 0;
}

int clock_timer_new(Clock *c, clock_timer_fn fn, void *userdata, ClockTimer **ret) {
        _cleanup_(clock_timer_freep) ClockTimer *t = NULL;
        int r;

        assert(c);
        assert(fn);
        t = new0(ClockTimer, 1);
        if (!t)
                return -ENOMEM;
        *t = (ClockTimer){
                .clock = c,
                .fn = fn,
                .userdata = userdata,
                .deadline = UINT64_MAX,
        };
        c->n_timers++;
        if (c->viewed)
                c->viewed->n_timers++;
        if (c->virtual_time)
                r = virtual_time_reserve(c->virtual_time, (c->viewed ?: c)->n_timers);
        else
                r = sd_event_add_time(c->event, &t->source, CLOCK_BOOTTIME, UINT64_MAX,
                                      ACCURACY_USEC, on_timer, t);
        if (r < 0)
                return r;
        if (t->source) {
                r = sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
                if (r < 0)
                        return r;
                (void) sd_event_source_set_description(t->source, "clock-timer");
        }
        *ret = TAKE_PTR(t);
        return 0;
}

ClockTimer *clock_timer_free(ClockTimer *t) {
        if (!t)
                return NULL;
        clock_timer_disarm(t);
        sd_event_source_disable_unref(t->source);
        t->clock->n_timers--;
        if (t->clock->viewed)
                t->clock->viewed->n_timers--;
        free(t);
        return NULL;
}

void clock_timer_arm(ClockTimer *t, uint64_t delay_usec) {
        clock_timer_arm_at(t, usec_add(clock_boottime(t->clock), delay_usec));
}

void clock_timer_arm_at(ClockTimer *t, uint64_t boottime_usec) {
        int r _unused_;

        clock_timer_disarm(t);
        if (boottime_usec == UINT64_MAX)
                return;
        t->deadline = boottime_usec;
        if (t->clock->virtual_time) {
                virtual_time_insert(t->clock->virtual_time, t);
                return;
        }
        /* Neither allocates. A loop that has ended refuses both, and nothing would fire there. */
        r = sd_event_source_set_time(t->source, boottime_usec);
        assert(r >= 0 || r == -ESTALE);
        r = sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT);
        assert(r >= 0 || r == -ESTALE);
}

void clock_timer_disarm(ClockTimer *t) {
        if (!clock_timer_is_armed(t))
                return;
        if (t->clock->virtual_time)
                virtual_time_remove(t->clock->virtual_time, t);
        else
                (void) sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
        t->deadline = UINT64_MAX;
}

bool clock_timer_is_armed(const ClockTimer *t) {
        return t->deadline != UINT64_MAX;
}

uint64_t clock_timer_deadline(const ClockTimer *t) {
        return t->deadline;
}
