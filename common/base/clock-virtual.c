/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the time of tests moves; leaves the timers' interface to clock.c. */
#include <sched.h>

#include "base/clock-internal.h"

#define BOOTTIME_AT_START USEC_PER_HOUR

/* Loopback sockets and pipes hand over in another context of the kernel: one empty turn is no proof
 * that nothing is on its way. */
#define IDLE_TURNS 2

static bool is_before(const ClockTimer *a, const ClockTimer *b) {
        return a->deadline != b->deadline ? a->deadline < b->deadline : a->arming < b->arming;
}

static void heap_put(VirtualTime *v, size_t i, ClockTimer *t) {
        v->heap[i] = t;
        t->heap_index = i;
}

static void heap_sift(VirtualTime *v, size_t i, ClockTimer *t) {
        while (i > 0 && is_before(t, v->heap[(i - 1) / 2])) {
                heap_put(v, i, v->heap[(i - 1) / 2]);
                i = (i - 1) / 2;
        }
        for (size_t child; (child = 2 * i + 1) < v->n_heap; i = child) {
                if (child + 1 < v->n_heap && is_before(v->heap[child + 1], v->heap[child]))
                        child++;
                if (!is_before(v->heap[child], t))
                        break;
                heap_put(v, i, v->heap[child]);
        }
        heap_put(v, i, t);
}

int virtual_time_reserve(VirtualTime *v, size_t n_timers) {
        ClockTimer **heap;
        size_t n;

        if (n_timers <= v->n_allocated)
                return 0;
        n = MAX(n_timers, 2 * v->n_allocated);
        heap = reallocarray(v->heap, n, sizeof(ClockTimer *));
        if (!heap)
                return -ENOMEM;
        v->heap = heap;
        v->n_allocated = n;
        return 0;
}

void virtual_time_insert(VirtualTime *v, ClockTimer *t) {
        assert(v->n_heap < v->n_allocated);
        t->arming = v->n_armings++;
        v->n_heap++;
        heap_sift(v, v->n_heap - 1, t);
}

void virtual_time_remove(VirtualTime *v, ClockTimer *t) {
        ClockTimer *last;

        assert(t->heap_index < v->n_heap && v->heap[t->heap_index] == t);
        last = v->heap[--v->n_heap];
        if (last != t)
                heap_sift(v, t->heap_index, last);
}

VirtualTime *virtual_time_free(VirtualTime *v) {
        if (!v)
                return NULL;
        free(v->heap);
        free(v);
        return NULL;
}

int clock_new_virtual(sd_event *event, uint64_t realtime_usec, Clock **ret) {
        _cleanup_(clock_freep) Clock *c = NULL;
        int r;

        r = clock_new(event, &c);
        if (r < 0)
                return r;
        c->virtual_time = new0(VirtualTime, 1);
        if (!c->virtual_time)
                return -ENOMEM;
        *c->virtual_time = (VirtualTime){
                .boottime = BOOTTIME_AT_START,
                .realtime = realtime_usec,
        };
        *ret = TAKE_PTR(c);
        return 0;
}

int clock_new_virtual_view(Clock *of, int64_t skew_usec, Clock **ret) {
        Clock *c;
        int r;

        assert(of->virtual_time && !of->viewed);
        r = clock_new(of->event, &c);
        if (r < 0)
                return r;
        c->virtual_time = of->virtual_time;
        c->viewed = of;
        c->skew = skew_usec;
        *ret = c;
        return 0;
}

static void advance_to(VirtualTime *v, uint64_t boottime) {
        if (boottime <= v->boottime)
                return;
        v->realtime += boottime - v->boottime;
        v->boottime = boottime;
}

/* The callback may free its own timer, or any other. */
static void fire_first(VirtualTime *v) {
        ClockTimer *t = v->heap[0];

        advance_to(v, t->deadline);
        clock_timer_disarm(t);
        t->fn(t->userdata);
}

int clock_virtual_run(Clock *c, bool (*until)(void *userdata), void *userdata,
                      uint64_t limit_usec) {
        VirtualTime *v = c->virtual_time;
        unsigned n_idle = 0;
        uint64_t end;

        assert(v);
        end = limit_usec > UINT64_MAX - v->boottime ? UINT64_MAX : v->boottime + limit_usec;

        for (;;) {
                uint64_t next;
                int r;

                if (until && until(userdata))
                        return 1;
                r = sd_event_run(c->event, 0);
                if (r < 0)
                        return r;
                next = v->n_heap > 0 ? v->heap[0]->deadline : UINT64_MAX;
                if (next <= v->boottime) {
                        fire_first(v);
                        n_idle = 0;
                        continue;
                }
                if (r > 0) {
                        n_idle = 0;
                        continue;
                }
                if (++n_idle < IDLE_TURNS) {
                        sched_yield();
                        continue;
                }
                n_idle = 0;
                if (until && next == UINT64_MAX)
                        return -EDEADLK;
                if (next > end || next == UINT64_MAX) {
                        advance_to(v, end);
                        return 0;
                }
                fire_first(v);
        }
}

void clock_virtual_jump_realtime(Clock *c, int64_t usec) {
        assert(c->virtual_time);
        if (c->viewed)
                c->skew += usec;
        else
                c->virtual_time->realtime += (uint64_t) usec;
}
