/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the real clock and the virtual one share; only clock*.c see it. */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"

typedef struct VirtualTime {
        /* Threads ask as well. */
        _Atomic uint64_t boottime;
        _Atomic uint64_t realtime;
        uint64_t slept;

        uint64_t n_armings;
        ClockTimer *
                *heap; /* by (deadline, arming); room for every timer, so that arming cannot fail */
        size_t n_heap;
        size_t n_allocated;
} VirtualTime;

struct Clock {
        sd_event *event;           /* weak */
        VirtualTime *virtual_time; /* NULL: real */
        Clock *viewed;             /* weak; whose virtual time this shows, else NULL */
        int64_t skew;              /* … and by how much its realtime differs */
        size_t n_timers;
        ClockWake *wakes; /* ClockWake */
};

struct ClockTimer {
        Clock *clock; /* weak */
        clock_timer_fn fn;
        void *userdata;          /* weak */
        uint64_t deadline;       /* UINT64_MAX: disarmed */
        sd_event_source *source; /* real only */
        uint64_t arming;         /* virtual only, and the next */
        size_t heap_index;
};

int virtual_time_reserve(VirtualTime *v, size_t n_timers);
void virtual_time_insert(VirtualTime *v, ClockTimer *t);
void virtual_time_remove(VirtualTime *v, ClockTimer *t);
VirtualTime *virtual_time_free(VirtualTime *v);
