/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when something that may be said only so often is due; leaves what is said, and merging what
 * is owed, to its user. */
#include "bus/pacer.h"

struct Pacer {
        Clock *clock; /* weak */
        Bus *bus;     /* weak */
        ClockTimer *timer;
        uint64_t interval_usec;
        uint64_t next; /* boottime: not before */
        void (*flush)(void *userdata);
        void *userdata; /* weak */
};

static void on_due(void *userdata) {
        Pacer *p = userdata;
        uint64_t wait;

        if (!bus_may_signal(p->bus, &wait)) {
                clock_timer_arm(p->timer, wait);
                return;
        }
        p->next = clock_boottime(p->clock) + p->interval_usec;
        p->flush(p->userdata);
}

int pacer_new(const Runtime *rt, Bus *bus, uint64_t interval_usec, void (*flush)(void *userdata),
              void *userdata, Pacer **ret) {
        _cleanup_(pacer_freep) Pacer *p = NULL;
        int r;

        p = new0(Pacer, 1);
        if (!p)
                return -ENOMEM;
        *p = (Pacer){
                .clock = rt->clock,
                .bus = bus,
                .interval_usec = interval_usec,
                .flush = flush,
                .userdata = userdata,
        };
        r = clock_timer_new(rt->clock, on_due, p, &p->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

Pacer *pacer_free(Pacer *p) {
        if (!p)
                return NULL;
        clock_timer_free(p->timer);
        free(p);
        return NULL;
}

void pacer_request(Pacer *p) {
        if (!clock_timer_is_armed(p->timer))
                clock_timer_arm_at(p->timer, p->next);
}
