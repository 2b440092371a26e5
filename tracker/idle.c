/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long nobody has needed us; leaves what needing is, and going, to its user. */
#include "tracker/idle.h"

struct Idle {
        const Runtime *rt; /* weak */
        bool (*is_idle)(void *userdata);
        bool (*fn)(void *userdata);
        void *userdata; /* weak */
        ClockTimer *timer;
        uint64_t usec;
        uint64_t since; /* boottime; 0: it is not idle */
};

static void on_timer(void *userdata) {
        Idle *i = userdata;

        if (!i->is_idle(i->userdata)) {
                i->since = 0;
                return;
        }
        if (!i->fn(i->userdata)) {
                i->since = clock_boottime(i->rt->clock);
                clock_timer_arm_at(i->timer, i->since + i->usec);
        }
}

int idle_new(const Runtime *rt, bool (*is_idle)(void *userdata), bool (*fn)(void *userdata),
             void *userdata, Idle **ret) {
        _cleanup_(idle_freep) Idle *i = NULL;
        int r;

        i = new0(Idle, 1);
        if (!i)
                return -ENOMEM;
        *i = (Idle){ .rt = rt, .is_idle = is_idle, .fn = fn, .userdata = userdata };
        r = clock_timer_new(rt->clock, on_timer, i, &i->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(i);
        return 0;
}

Idle *idle_free(Idle *i) {
        if (!i)
                return NULL;
        clock_timer_free(i->timer);
        free(i);
        return NULL;
}

static void update_timer(Idle *i) {
        if (i->usec == 0 || i->since == 0)
                clock_timer_disarm(i->timer);
        else
                clock_timer_arm_at(i->timer, i->since + i->usec);
}

void idle_set_usec(Idle *i, uint64_t usec) {
        i->usec = usec;
        update_timer(i);
}

void idle_look(Idle *i) {
        bool is_idle = i->is_idle(i->userdata);

        if (is_idle == (i->since != 0))
                return;
        i->since = is_idle ? clock_boottime(i->rt->clock) : 0;
        update_timer(i);
}
